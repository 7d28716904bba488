//! `policy`: what tokens may do.

use strongroom_core::json::Value;

use super::input::{file, lossy};
use super::output::{names, one, say, tell};
use super::read::fetch;
use super::request::Request;
use super::{Invocation, Stop};
use crate::command::table::{Command, Output, Run};

pub(super) const COMMANDS: &[Command] = &[
    Command {
        name: "policy list",
        arguments: "",
        summary: "Lists the policies.",
        flags: &[],
        output: Output::Formatted,
        run: Run::Client(list),
    },
    Command {
        name: "policy read",
        arguments: "NAME",
        summary: "Prints a policy.",
        flags: &[],
        output: Output::Formatted,
        run: Run::Client(read),
    },
    Command {
        name: "policy write",
        arguments: "NAME FILE",
        summary: "Makes or changes a policy; - for FILE reads it from the standard input.",
        flags: &[],
        output: Output::Fixed,
        run: Run::Client(write),
    },
    Command {
        name: "policy delete",
        arguments: "NAME",
        summary: "Deletes a policy.",
        flags: &[],
        output: Output::Fixed,
        run: Run::Client(delete),
    },
];

fn list(invocation: &Invocation<'_>) -> Result<u8, Stop> {
    invocation.arguments(0, 0)?;
    let client = invocation.client()?;
    let reply = client
        .send(&Request::list("sys/policies/acl"))
        .map_err(|stop| stop.during("listing policies"))?;
    let secret = super::secret::Secret::of(&reply)?;
    let Some(secret) = secret else { return Ok(0) };
    if !invocation.is_for_people() || secret.wrap_info().is_some() {
        return invocation.print_names(&secret);
    }
    for name in names(&secret).unwrap_or_default() {
        say(name)?;
    }
    Ok(0)
}

fn read(invocation: &Invocation<'_>) -> Result<u8, Stop> {
    let name = canonical_name(invocation.argument()?);
    let client = invocation.client()?;
    let secret = fetch(&client, &Request::get(&format!("sys/policies/acl/{name}")))
        .map_err(|stop| stop.during(format!("reading policy named {name}")))?;
    let none = || Stop::remote(format!("No policy named: {name}"));
    let secret = secret.ok_or_else(none)?;
    if secret.wrap_info().is_some() {
        return invocation.print_secret(&secret);
    }
    let text = secret.datum("policy").and_then(Value::as_str).ok_or_else(none)?;
    if invocation.is_for_people() {
        return say(text.trim());
    }
    invocation.print_json(&one("policy", text))
}

fn write(invocation: &Invocation<'_>) -> Result<u8, Stop> {
    let (given, path) = invocation.pair()?;
    let name = canonical_name(given);
    let text = match path {
        "-" => lossy(&invocation.stdin()?),
        path => lossy(&file(path)?),
    };
    if text.trim().is_empty() {
        return Err(Stop::local("the policy is empty: \"policy delete\" deletes one"));
    }
    let client = invocation.client()?;
    client
        .send(&Request::put(&format!("sys/policies/acl/{name}"), one("policy", &text)))
        .map_err(|stop| stop.during("uploading policy"))?;
    if name != given {
        tell(&format!("Policy name was converted from \"{given}\" to \"{name}\""));
    }
    say(&format!("Success! Uploaded policy: {name}"))
}

fn delete(invocation: &Invocation<'_>) -> Result<u8, Stop> {
    let name = canonical_name(invocation.argument()?);
    let client = invocation.client()?;
    client
        .send(&Request::delete(&format!("sys/policies/acl/{name}")))
        .map_err(|stop| stop.during(format!("deleting {name}")))?;
    say(&format!("Success! Deleted policy: {name}"))
}

/// Names of policies are in lower case.
fn canonical_name(name: &str) -> String {
    name.trim().to_lowercase()
}
