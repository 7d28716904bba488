//! `namespace`: parts of a server that are servers of their own.

use strongroom_core::json::{Object, Value};
use zeroize::Zeroizing;

use super::format::{Row, canonical, shown, sorted};
use super::output::{names, one, say, tell};
use super::path::clean;
use super::read::{fetch, submit};
use super::request::Request;
use super::{Invocation, Stop};
use crate::command::table::{Command, Output, Run};
use crate::flag::Described;

pub(super) const COMMANDS: &[Command] = &[
    Command {
        name: "namespace list",
        arguments: "",
        summary: "Lists the namespaces directly inside this one.",
        flags: &[DETAILED],
        output: Output::Formatted,
        run: Run::Client(list),
    },
    Command {
        name: "namespace scan",
        arguments: "",
        summary: "Lists the namespaces inside this one, at any depth.",
        flags: &[DETAILED],
        output: Output::Formatted,
        run: Run::Client(scan),
    },
    Command {
        name: "namespace lookup",
        arguments: "PATH",
        summary: "Tells about a namespace.",
        flags: &[],
        output: Output::Fields,
        run: Run::Client(lookup),
    },
    Command {
        name: "namespace create",
        arguments: "PATH",
        summary: "Makes a namespace.",
        flags: &[CUSTOM],
        output: Output::Fields,
        run: Run::Client(create),
    },
    Command {
        name: "namespace patch",
        arguments: "PATH",
        summary: "Changes what is kept about a namespace.",
        flags: &[
            CUSTOM,
            Described::valued("remove-custom-metadata", "NAME", "Takes one away; may be repeated."),
        ],
        output: Output::Fields,
        run: Run::Client(patch),
    },
    Command {
        name: "namespace delete",
        arguments: "PATH",
        summary: "Deletes a namespace with all that is in it.",
        flags: &[],
        output: Output::Fixed,
        run: Run::Client(delete),
    },
    Command {
        name: "namespace lock",
        arguments: "[PATH]",
        summary: "Locks the API of a namespace, and prints the key that unlocks it.",
        flags: &[],
        output: Output::Fields,
        run: Run::Client(lock),
    },
    Command {
        name: "namespace unlock",
        arguments: "[PATH]",
        summary: "Unlocks the API of a namespace, by -unlock-key.",
        flags: &[],
        output: Output::Fixed,
        run: Run::Client(unlock),
    },
];

const DETAILED: Described = Described::switch("detailed", "Shows more about each.");
const CUSTOM: Described =
    Described::valued("custom-metadata", "NAME=VALUE", "The user's own; may be repeated.");

fn list(invocation: &Invocation<'_>) -> Result<u8, Stop> {
    show(invocation, &Request::list("sys/namespaces"), "listing namespaces")
}

fn scan(invocation: &Invocation<'_>) -> Result<u8, Stop> {
    show(invocation, &Request::scan("sys/namespaces"), "scanning namespaces")
}

fn show(invocation: &Invocation<'_>, request: &Request, what: &str) -> Result<u8, Stop> {
    invocation.arguments(0, 0)?;
    let secret = fetch(&invocation.client()?, request).map_err(|stop| stop.during(what))?;
    // A scan that finds nothing is an answer without names.
    let found = secret.filter(|all| all.wrap_info().is_some() || names(all).is_some());
    let Some(secret) = found else {
        if invocation.is_for_people() {
            return Err(Stop::remote("No namespaces found"));
        }
        invocation.print_json("{}")?;
        return Ok(2);
    };
    match secret.datum("key_info").filter(|_| invocation.flags.is_on("detailed")) {
        Some(details) => print_details(invocation, details),
        None => invocation.print_names(&secret),
    }
}

/// Prints what the server tells of each namespace.
fn print_details(invocation: &Invocation<'_>, details: Value<'_>) -> Result<u8, Stop> {
    let all = details.members().map(sorted).unwrap_or_default();
    let first = all.values().find_map(|one| one.members()).map(sorted).unwrap_or_default();
    let columns: Vec<&str> = first.into_keys().collect();
    let rows = all.iter().map(|(path, one)| {
        let cell = |name: &&str| one.members().and_then(|one| one.get(name));
        let cells = columns.iter().map(|name| cell(name).map(|value| shown(name, value)));
        let path = Zeroizing::new((*path).to_owned());
        [path].into_iter().chain(cells.map(Option::unwrap_or_default)).collect::<Row>()
    });
    let rows: Vec<Row> = rows.collect();
    let titles: Vec<&str> = ["Keys"].into_iter().chain(columns.iter().copied()).collect();
    invocation.print_rows(&titles, rows, &canonical(details))
}

fn lookup(invocation: &Invocation<'_>) -> Result<u8, Stop> {
    let path = clean(invocation.argument()?);
    let client = invocation.client()?;
    let secret = fetch(&client, &Request::get(&format!("sys/namespaces/{path}")))
        .map_err(|stop| stop.during("looking up namespace"))?;
    let none = || Stop::remote("Namespace not found");
    let secret = secret.ok_or_else(none)?;
    match secret.data_value().filter(|_| !invocation.is_for_people()) {
        // What the API says of a namespace, without the envelope.
        Some(data) if invocation.field().is_none() => invocation.print_json(&canonical(data)),
        _ => invocation.print_secret_or_field(&secret),
    }
}

fn create(invocation: &Invocation<'_>) -> Result<u8, Stop> {
    change(invocation, Request::put, "creating namespace")
}

fn patch(invocation: &Invocation<'_>) -> Result<u8, Stop> {
    change(invocation, Request::patch, "patching namespace")
}

fn change(
    invocation: &Invocation<'_>,
    request: fn(&str, Zeroizing<String>) -> Request,
    what: &str,
) -> Result<u8, Stop> {
    let path = clean(invocation.argument()?);
    let mut custom = Object::new();
    for (name, value) in invocation.pairs("custom-metadata")? {
        custom = custom.string(name, value);
    }
    for name in invocation.flags.values("remove-custom-metadata") {
        custom = custom.null(name);
    }
    let wish = Object::new().raw("custom_metadata", &custom.finish()).finish();
    let request = request(&format!("sys/namespaces/{path}"), Zeroizing::new(wish));
    let secret = submit(&invocation.client()?, &request).map_err(|stop| stop.during(what))?;
    invocation.print_done(secret.as_ref(), &format!("Success! Namespace written: {path}/"))
}

fn delete(invocation: &Invocation<'_>) -> Result<u8, Stop> {
    let path = clean(invocation.argument()?);
    let request = Request::delete(&format!("sys/namespaces/{path}"));
    let secret = submit(&invocation.client()?, &request)
        .map_err(|stop| stop.during("deleting namespace"))?;
    match secret {
        Some(secret) if secret.wrap_info().is_some() => invocation.print_secret(&secret),
        // Servers tell how far a deletion has come; of a namespace that is not there nothing.
        Some(secret) if secret.data().is_none() => {
            tell("Requested namespace does not exist");
            Ok(0)
        }
        _ => say(&format!("Success! Namespace deletion scheduled: {path}/")),
    }
}

fn lock(invocation: &Invocation<'_>) -> Result<u8, Stop> {
    let path = clean(invocation.optional_argument()?.unwrap_or(""));
    let request = Request::put_nothing(&format!("sys/namespaces/api-lock/lock/{path}"));
    let secret =
        submit(&invocation.client()?, &request).map_err(|stop| stop.during("locking namespace"))?;
    invocation.print_done(secret.as_ref(), "Success! The namespace is locked.")
}

fn unlock(invocation: &Invocation<'_>) -> Result<u8, Stop> {
    let path = clean(invocation.optional_argument()?.unwrap_or(""));
    let body = one("unlock_key", invocation.value("unlock-key").unwrap_or(""));
    let request = Request::put(&format!("sys/namespaces/api-lock/unlock/{path}"), body);
    let secret = submit(&invocation.client()?, &request)
        .map_err(|stop| stop.during("unlocking namespace"))?;
    if let Some(secret) = secret {
        invocation.print_warnings(&secret);
    }
    say("Success! The namespace is unlocked.")
}
