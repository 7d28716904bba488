//! `namespace`: parts of a server that are servers of their own.

use strongroom_core::json::Object;
use zeroize::Zeroizing;

use super::output::{one, say};
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
        summary: "Lists the namespaces.",
        flags: &[],
        output: Output::Formatted,
        run: Run::Client(list),
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

const CUSTOM: Described =
    Described::valued("custom-metadata", "NAME=VALUE", "The user's own; may be repeated.");

fn list(invocation: &Invocation<'_>) -> Result<u8, Stop> {
    invocation.arguments(0, 0)?;
    let client = invocation.client()?;
    let secret = fetch(&client, &Request::list("sys/namespaces"))
        .map_err(|stop| stop.during("listing namespaces"))?;
    match secret {
        Some(secret) => invocation.print_names(&secret),
        None if invocation.is_for_people() => Err(Stop::remote("No namespaces found")),
        None => {
            invocation.print_json("[]")?;
            Ok(2)
        }
    }
}

fn lookup(invocation: &Invocation<'_>) -> Result<u8, Stop> {
    let path = clean(invocation.argument()?);
    let client = invocation.client()?;
    let secret = fetch(&client, &Request::get(&format!("sys/namespaces/{path}")))
        .map_err(|stop| stop.during("looking up namespace"))?;
    let none = || Stop::remote("Namespace not found");
    invocation.print_secret_or_field(&secret.ok_or_else(none)?)
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
    invocation
        .client()?
        .send(&Request::delete(&format!("sys/namespaces/{path}")))
        .map_err(|stop| stop.during("deleting namespace"))?;
    say(&format!("Success! Namespace deleted at: {path}/"))
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
