//! `kv metadata get|put|patch|delete`: what version 2 of the KV engine keeps about a key.

use strongroom_core::json::{Object, Value};
use zeroize::Zeroizing;

use super::format::{canonical, sorted};
use super::kv::{header, print_path};
use super::kv_path::MOUNT;
use super::output::say;
use super::read::{fetch, submit};
use super::request::{Client, Request};
use super::{Invocation, Stop};
use crate::command::table::{Command, Output, Run};
use crate::flag::Described;

pub(super) const COMMANDS: &[Command] = &[
    Command {
        name: "kv metadata get",
        arguments: "KEY",
        summary: "Tells about a key and its versions.",
        flags: &[MOUNT],
        output: Output::Fields,
        run: Run::Client(get),
    },
    Command {
        name: "kv metadata put",
        arguments: "KEY",
        summary: "Sets what is kept about a key.",
        flags: SETTINGS,
        output: Output::Formatted,
        run: Run::Client(put),
    },
    Command {
        name: "kv metadata patch",
        arguments: "KEY",
        summary: "Changes some of what is kept about a key.",
        flags: SETTINGS,
        output: Output::Formatted,
        run: Run::Client(patch),
    },
    Command {
        name: "kv metadata delete",
        arguments: "KEY",
        summary: "Deletes a key with all of its versions.",
        flags: &[MOUNT],
        output: Output::Fixed,
        run: Run::Client(delete),
    },
];

const SETTINGS: &[Described] = &[
    MOUNT,
    Described::switch("cas-required", "Whether every write must name the version it replaces."),
    Described::valued("max-versions", "N", "How many versions are kept."),
    Described::valued("delete-version-after", "TTL", "How long a version lives."),
    Described::valued("custom-metadata", "NAME=VALUE", "The user's own; may be repeated."),
];

/// The path of a key's metadata.
fn locate(invocation: &Invocation<'_>, client: &Client) -> Result<String, Stop> {
    let place = invocation.locate(client, invocation.argument()?)?;
    place.need_v2("Metadata")?;
    Ok(place.api("metadata"))
}

fn get(invocation: &Invocation<'_>) -> Result<u8, Stop> {
    let client = invocation.client()?;
    let path = locate(invocation, &client)?;
    let secret = fetch(&client, &Request::get(&path))
        .map_err(|stop| stop.during(format!("reading {path}")))?
        .ok_or_else(|| Stop::remote(format!("No value found at {path}")))?;
    if invocation.field().is_some() || !invocation.is_for_people() || secret.wrap_info().is_some() {
        return invocation.print_secret_or_field(&secret);
    }
    print_path(&path, "Metadata Path")?;
    if let Some(data) = secret.data() {
        let own = data.filter(|(name, _)| *name != "versions");
        let own =
            own.fold(Object::new(), |object, (name, value)| object.raw(name, &canonical(value)));
        let own = super::request::parse(own.finish().as_bytes())?;
        if let Some(own) = own.object() {
            say(&header("Metadata", own))?;
            invocation.print_members(own)?;
        }
    }
    let versions = secret.datum("versions").and_then(Value::members).map(sorted);
    let mut versions: Vec<_> = versions.unwrap_or_default().into_iter().collect();
    versions.sort_by_key(|(number, _)| number.parse::<u64>().unwrap_or(u64::MAX));
    for (number, version) in versions {
        if let Some(version) = version.members() {
            say(&format!("\n{}", header(&format!("Version {number}"), version)))?;
            invocation.print_members(version)?;
        }
    }
    Ok(0)
}

fn put(invocation: &Invocation<'_>) -> Result<u8, Stop> {
    set(invocation, Request::put)
}

fn patch(invocation: &Invocation<'_>) -> Result<u8, Stop> {
    set(invocation, Request::patch)
}

fn set(
    invocation: &Invocation<'_>,
    request: fn(&str, Zeroizing<String>) -> Request,
) -> Result<u8, Stop> {
    let mut wish = Object::new();
    if let Some(on) = invocation.flags.switch("cas-required") {
        wish = wish.plain("cas_required", on);
    }
    if let Some(number) = invocation.number("max-versions")? {
        wish = wish.plain("max_versions", number);
    }
    if let Some(ttl) = invocation.duration("delete-version-after")? {
        wish = wish.string("delete_version_after", ttl);
    }
    let custom = invocation.pairs("custom-metadata")?;
    if !custom.is_empty() {
        let custom =
            custom.iter().fold(Object::new(), |object, (name, value)| object.string(name, value));
        wish = wish.raw("custom_metadata", &custom.finish());
    }
    let client = invocation.client()?;
    let path = locate(invocation, &client)?;
    let secret = submit(&client, &request(&path, Zeroizing::new(wish.finish())))
        .map_err(|stop| stop.during(format!("writing data to {path}")))?;
    let done = format!("Success! Data written to: {path}");
    invocation.print_done(secret.as_ref(), &done)
}

fn delete(invocation: &Invocation<'_>) -> Result<u8, Stop> {
    let client = invocation.client()?;
    let path = locate(invocation, &client)?;
    client.send(&Request::delete(&path)).map_err(|stop| stop.during(format!("deleting {path}")))?;
    say(&format!("Success! Data deleted (if it existed) at: {path}"))
}
