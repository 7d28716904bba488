//! `read`, `write`, `patch`, `list`, `delete`: any path; `unwrap` and `path-help` beside them.

use zeroize::Zeroizing;

use super::format::Format;
use super::output::{names, one, print_bytes, say};
use super::path::clean;
use super::request::{Client, Request};
use super::secret::Secret;
use super::{Invocation, Stop};
use crate::command::table::{Command, Output, Run};
use crate::flag::Described;

pub(super) const COMMANDS: &[Command] = &[
    Command {
        name: "read",
        arguments: "PATH [name=value...]",
        summary: "Reads what is at a path. Pairs go into the query.",
        flags: &[],
        output: Output::Fields,
        run: Run::Client(read),
    },
    Command {
        name: "write",
        arguments: "PATH [name=value...]",
        summary: "Writes data to a path: name=value, name=@file, name=-, @file.json or -.",
        flags: FORCE,
        output: Output::Fields,
        run: Run::Client(write),
    },
    Command {
        name: "patch",
        arguments: "PATH name=value...",
        summary: "Changes some of the data at a path, and keeps the rest.",
        flags: FORCE,
        output: Output::Fields,
        run: Run::Client(patch),
    },
    Command {
        name: "list",
        arguments: "PATH",
        summary: "Lists the names at a path.",
        flags: &[],
        output: Output::Formatted,
        run: Run::Client(list),
    },
    Command {
        name: "delete",
        arguments: "PATH [name=value...]",
        summary: "Deletes what is at a path. Pairs go into the query.",
        flags: &[],
        output: Output::Fields,
        run: Run::Client(delete),
    },
    Command {
        name: "unwrap",
        arguments: "[TOKEN]",
        summary: "Gives the answer that is in a wrapping token, and ends that.",
        flags: &[],
        output: Output::Fields,
        run: Run::Client(unwrap),
    },
    Command {
        name: "path-help",
        arguments: "PATH",
        summary: "Tells what a path is for.",
        flags: &[],
        output: Output::Formatted,
        run: Run::Client(path_help),
    },
];

const FORCE: &[Described] =
    &[Described::switch("force", "Goes on without data."), Described::switch("f", "The same.")];

/// What a path answers to a read; `None` where nothing is. In a namespace that is not there nothing can
/// be, which is an error.
pub(super) fn fetch(client: &Client, request: &Request) -> Result<Option<Secret>, Stop> {
    let reply = client.exchange(request)?;
    if reply.status == 404 && !reply.lacks_namespace() {
        // What was there may have left a trace, or a warning says what to do instead.
        let trace = Secret::of(&reply).ok().flatten();
        return Ok(
            trace.filter(|secret| secret.data().is_some() || secret.warnings().next().is_some())
        );
    }
    Secret::of(&reply.checked()?)
}

/// Sends a write, and gives what came back.
pub(super) fn submit(client: &Client, request: &Request) -> Result<Option<Secret>, Stop> {
    Secret::of(&client.send(request)?)
}

fn read(invocation: &Invocation<'_>) -> Result<u8, Stop> {
    let words = invocation.arguments(1, usize::MAX)?;
    let (path, pairs) = words.split_first().map_or(("", words), |(path, pairs)| (path, pairs));
    let path = clean(path);
    let client = invocation.client()?;
    let request = with_query(invocation, Request::get(&path), pairs)?;
    let failed = |stop: Stop| stop.during(format!("reading {path}"));
    if invocation.format == Format::Raw {
        return print_bytes(&client.send(&request).map_err(failed)?.body);
    }
    let secret = fetch(&client, &request).map_err(failed)?;
    let none = || Stop::remote(format!("No value found at {path}"));
    invocation.print_secret_or_field(&secret.ok_or_else(none)?)
}

/// Pairs as the query of a request.
fn with_query(
    invocation: &Invocation<'_>,
    request: Request,
    pairs: &[String],
) -> Result<Request, Stop> {
    let data = invocation.data(pairs)?;
    Ok(data.pairs().fold(request, |request, (name, value)| request.query(name, value)))
}

fn write(invocation: &Invocation<'_>) -> Result<u8, Stop> {
    write_by(invocation, Request::put)
}

fn patch(invocation: &Invocation<'_>) -> Result<u8, Stop> {
    write_by(invocation, Request::patch)
}

fn write_by(
    invocation: &Invocation<'_>,
    request: fn(&str, Zeroizing<String>) -> Request,
) -> Result<u8, Stop> {
    let words = invocation.arguments(1, usize::MAX)?;
    let (path, pairs) = words.split_first().map_or(("", words), |(path, pairs)| (path, pairs));
    let is_forced = invocation.flags.is_on("force") || invocation.flags.is_on("f");
    if pairs.is_empty() && !is_forced {
        return Err(Stop::local("Must supply data or use -force"));
    }
    let path = clean(path);
    let data = invocation.data(pairs)?;
    let client = invocation.client()?;
    let secret = submit(&client, &request(&path, data.json()))
        .map_err(|stop| stop.during(format!("writing data to {path}")))?;
    let done = format!("Success! Data written to: {path}");
    invocation.print_done(secret.as_ref(), &done)
}

fn list(invocation: &Invocation<'_>) -> Result<u8, Stop> {
    let path = clean(invocation.argument()?);
    let client = invocation.client()?;
    let secret = fetch(&client, &Request::list(&path))
        .map_err(|stop| stop.during(format!("listing {path}")))?;
    invocation.print_list(&path, secret.as_ref())
}

fn delete(invocation: &Invocation<'_>) -> Result<u8, Stop> {
    let words = invocation.arguments(1, usize::MAX)?;
    let (path, pairs) = words.split_first().map_or(("", words), |(path, pairs)| (path, pairs));
    let path = clean(path);
    let request = with_query(invocation, Request::delete(&path), pairs)?;
    let secret = submit(&invocation.client()?, &request)
        .map_err(|stop| stop.during(format!("deleting {path}")))?;
    let done = format!("Success! Data deleted (if it existed) at: {path}");
    invocation.print_done(secret.as_ref(), &done)
}

fn unwrap(invocation: &Invocation<'_>) -> Result<u8, Stop> {
    let client = invocation.client()?.without_wrapping();
    let secret = unwrap_token(client, invocation.optional_argument()?)
        .map_err(|stop| stop.during("unwrapping"))?;
    match secret {
        // An answer that is a list is shown as one.
        Some(secret) if invocation.field().is_none() && names(&secret).is_some() => {
            invocation.print_names(&secret)
        }
        Some(secret) => invocation.print_secret_or_field(&secret),
        None if invocation.is_for_people() => {
            say("Successfully unwrapped. There was no data in the wrapped secret.")
        }
        None => Ok(0),
    }
}

/// What is in a wrapping token; without one the client's own token is it.
pub(super) fn unwrap_token(client: Client, token: Option<&str>) -> Result<Option<Secret>, Stop> {
    const PATH: &str = "sys/wrapping/unwrap";
    let token = token.map(str::trim);
    match (token, client.token()) {
        (Some(token), None) => submit(&client.with_token(token), &Request::put_nothing(PATH)),
        (Some(token), Some(own)) if token != own => {
            submit(&client, &Request::put(PATH, one("token", token)))
        }
        _ => submit(&client, &Request::put_nothing(PATH)),
    }
}

fn path_help(invocation: &Invocation<'_>) -> Result<u8, Stop> {
    let path = clean(invocation.argument()?);
    let reply = invocation
        .client()?
        .send(&Request::get(&path).query("help", "1"))
        .map_err(|stop| stop.during(format!("retrieving help for {path}")))?;
    let doc = reply.doc()?;
    if !invocation.is_for_people() {
        return invocation.print_json(&super::format::canonical(doc.root()));
    }
    let help = doc.object().and_then(|members| members.get("help")?.as_str());
    say(help.unwrap_or("There is no help for this path.").trim_end())
}
