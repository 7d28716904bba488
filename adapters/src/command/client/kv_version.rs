//! `kv undelete|destroy|rollback`: versions of a key in version 2 of the KV engine.

use strongroom_core::json::{Object, Value};
use zeroize::Zeroizing;

use super::format::{canonical, whole};
use super::kv::{print_written, versioned};
use super::kv_path::MOUNT;
use super::read::{fetch, submit};
use super::request::Request;
use super::{Invocation, Stop};
use crate::command::table::{Command, Output, Run};
use crate::flag::Described;

pub(super) const COMMANDS: &[Command] = &[
    Command {
        name: "kv undelete",
        arguments: "KEY",
        summary: "Brings deleted versions of a key back.",
        flags: &[MOUNT, VERSIONS],
        output: Output::Fields,
        run: Run::Client(undelete),
    },
    Command {
        name: "kv destroy",
        arguments: "KEY",
        summary: "Takes the data of versions of a key away for good.",
        flags: &[MOUNT, VERSIONS],
        output: Output::Fields,
        run: Run::Client(destroy),
    },
    Command {
        name: "kv rollback",
        arguments: "KEY",
        summary: "Writes the data of an older version as a new one.",
        flags: &[MOUNT, Described::valued("version", "N", "The older version.")],
        output: Output::Fields,
        run: Run::Client(rollback),
    },
];

const VERSIONS: Described =
    Described::valued("versions", "N,N", "Which versions; may be repeated.");

/// The body of a request about the versions that the flag names, if it does.
pub(super) fn version_numbers(
    invocation: &Invocation<'_>,
) -> Result<Option<Zeroizing<String>>, Stop> {
    let flags = invocation.flags.values("versions");
    let numbers: Vec<_> = flags.flat_map(|text| text.split(',')).map(str::trim).collect();
    if numbers.is_empty() {
        return Ok(None);
    }
    if numbers.iter().any(|number| number.parse::<u64>().is_err()) {
        return Err(Stop::local("-versions must be whole numbers, separated by commas"));
    }
    let body = Object::new().strings("versions", numbers).finish();
    Ok(Some(Zeroizing::new(body)))
}

fn undelete(invocation: &Invocation<'_>) -> Result<u8, Stop> {
    change(invocation, "undelete", "Undelete")
}

fn destroy(invocation: &Invocation<'_>) -> Result<u8, Stop> {
    change(invocation, "destroy", "Destroy")
}

fn change(invocation: &Invocation<'_>, word: &str, what: &str) -> Result<u8, Stop> {
    let key = invocation.argument()?;
    let missing = || Stop::local("No versions provided, use the \"-versions\" flag to name them");
    let versions = version_numbers(invocation)?.ok_or_else(missing)?;
    let client = invocation.client()?;
    let place = invocation.locate(&client, key)?;
    place.need_v2(what)?;
    let path = place.api(word);
    let secret = submit(&client, &Request::put(&path, versions))
        .map_err(|stop| stop.during(format!("writing data to {path}")))?;
    let done = format!("Success! Data written to: {path}");
    invocation.print_done(secret.as_ref(), &done)
}

fn rollback(invocation: &Invocation<'_>) -> Result<u8, Stop> {
    let key = invocation.argument()?;
    let missing = || Stop::local("Version flag must be specified: the older version");
    let version = invocation.number("version")?.filter(|&version| version > 0);
    let version = version.ok_or_else(missing)?.to_string();
    let client = invocation.client()?;
    let place = invocation.locate(&client, key)?;
    place.need_v2("Rollback")?;
    let path = place.api("data");
    let failed = |stop: Stop| stop.during(format!("reading {path}"));
    let none = || Stop::remote(format!("No value found at {path}"));
    // The newest may be deleted; its number is told all the same.
    let newest = fetch(&client, &Request::get(&path).own()).map_err(failed)?.ok_or_else(none)?;
    let newest = newest.datum("metadata").and_then(Value::members);
    let newest = newest.and_then(|metadata| metadata.get("version")).and_then(whole);
    let newest = newest.and_then(|number| number.try_into().ok()).ok_or_else(none)?;
    let request = Request::get(&path).query("version", &version).own();
    let older = fetch(&client, &request).map_err(failed)?.ok_or_else(none)?;
    let gone = || Stop::remote(format!("version {version} of {path} has no data any more"));
    let data = older.datum("data").ok_or_else(gone)?;
    let body = versioned(&canonical(data), Some(newest));
    let secret = submit(&client, &Request::put(&path, body))
        .map_err(|stop| stop.during(format!("writing data to {path}")))?;
    print_written(invocation, &path, secret.as_ref())
}
