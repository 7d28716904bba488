//! `kv get|put|patch|list|delete|enable-versioning`: keys of the KV engine, in both of its versions.

use strongroom_core::json::{Members, Object, Value};
use zeroize::Zeroizing;

use super::format::{canonical, sorted};
use super::kv_path::{MOUNT, Place};
use super::kv_version::version_numbers;
use super::output::say;
use super::path::clean;
use super::read::{fetch, submit};
use super::request::{Client, Request};
use super::secret::Secret;
use super::{Invocation, Stop};
use crate::command::table::{Command, Output, Run};
use crate::flag::Described;

pub(super) const COMMANDS: &[Command] = &[
    Command {
        name: "kv get",
        arguments: "KEY",
        summary: "Reads a key.",
        flags: &[MOUNT, Described::valued("version", "N", "This version instead of the newest.")],
        output: Output::Fields,
        run: Run::Client(get),
    },
    Command {
        name: "kv put",
        arguments: "KEY [name=value...]",
        summary: "Writes a key; a new version takes the place of the old one.",
        flags: &[MOUNT, CAS],
        output: Output::Fields,
        run: Run::Client(put),
    },
    Command {
        name: "kv patch",
        arguments: "KEY [name=value...]",
        summary: "Writes a new version of a key that differs in these values.",
        flags: &[
            MOUNT,
            CAS,
            Described::valued("method", "HOW", "patch, or rw to read and write; else what works."),
            Described::valued("remove-data", "NAME", "Takes a value away; may be repeated."),
        ],
        output: Output::Fields,
        run: Run::Client(patch),
    },
    Command {
        name: "kv list",
        arguments: "PATH",
        summary: "Lists keys and folders.",
        flags: &[MOUNT],
        output: Output::Formatted,
        run: Run::Client(list),
    },
    Command {
        name: "kv delete",
        arguments: "KEY",
        summary: "Deletes a key; in version 2 its newest version, which can be had back.",
        flags: &[MOUNT, Described::valued("versions", "N,N", "These versions.")],
        output: Output::Fields,
        run: Run::Client(delete),
    },
    Command {
        name: "kv enable-versioning",
        arguments: "MOUNT",
        summary: "Turns a mount of version 1 into one of version 2.",
        flags: &[],
        output: Output::Fixed,
        run: Run::Client(enable_versioning),
    },
];

const CAS: Described =
    Described::valued("cas", "N", "Only if N is the newest version; 0 if there must be none.");

fn get(invocation: &Invocation<'_>) -> Result<u8, Stop> {
    let key = invocation.argument()?;
    let client = invocation.client()?;
    let place = invocation.locate(&client, key)?;
    let path = place.api("data");
    let mut request = Request::get(&path);
    if let Some(version) = invocation.number("version")?.filter(|_| place.is_v2) {
        request = request.query("version", &version.to_string());
    }
    let secret = fetch(&client, &request)
        .map_err(|stop| stop.during(format!("reading {path}")))?
        .ok_or_else(|| Stop::remote(format!("No value found at {path}")))?;
    let data = secret.datum("data").filter(|_| place.is_v2);
    if let Some(field) = invocation.field() {
        return print_field(invocation, field, &secret, &place, data);
    }
    if secret.wrap_info().is_some() || !invocation.is_for_people() {
        return invocation.print_secret(&secret);
    }
    invocation.print_warnings(&secret);
    if place.is_v2 {
        print_path(&path, "Secret Path")?;
    }
    if let Some(metadata) =
        secret.datum("metadata").and_then(Value::members).filter(|_| place.is_v2)
    {
        say(&header("Metadata", metadata))?;
        invocation.print_members(metadata)?;
        say("")?;
    }
    let data = if place.is_v2 { data.and_then(Value::members) } else { secret.data() };
    match data {
        Some(data) => {
            say(&header("Data", data))?;
            invocation.print_members(data)
        }
        None => Ok(0),
    }
}

/// One value of a key. `data` may mean a value of this name, or all of them.
fn print_field(
    invocation: &Invocation<'_>,
    field: &str,
    secret: &Secret,
    place: &Place,
    data: Option<Value<'_>>,
) -> Result<u8, Stop> {
    if !place.is_v2 || secret.wrap_info().is_some() {
        return invocation.print_field(field, secret.field(field));
    }
    let none = || Stop::remote(format!("No data found at {}", place.api("data")));
    let data = data.ok_or_else(none)?;
    let value = data.members().and_then(|members| members.get(field));
    let all = Some(data).filter(|_| field == "data");
    invocation.print_field(field, value.or(all))
}

fn put(invocation: &Invocation<'_>) -> Result<u8, Stop> {
    let (key, pairs) = key_and_pairs(invocation)?;
    let data = invocation.data(pairs)?;
    let client = invocation.client()?;
    let place = invocation.locate(&client, key)?;
    let body = if place.is_v2 { versioned(&data.json(), cas(invocation)?) } else { data.json() };
    let path = place.api("data");
    let secret = submit(&client, &Request::put(&path, body))
        .map_err(|stop| stop.during(format!("writing data to {path}")))?;
    print_written(invocation, &path, secret.as_ref())
}

fn key_and_pairs<'i>(invocation: &'i Invocation<'_>) -> Result<(&'i str, &'i [String]), Stop> {
    let words = invocation.arguments(1, usize::MAX)?;
    let (key, pairs) = words.split_first().map_or(("", words), |(key, pairs)| (key, pairs));
    let removes = invocation.flags.value("remove-data").is_some();
    if pairs.is_empty() && !removes {
        return Err(Stop::local("Must supply data"));
    }
    Ok((key, pairs))
}

/// The version that a write depends on. The flag's own `-1` stands for none.
fn cas(invocation: &Invocation<'_>) -> Result<Option<u64>, Stop> {
    if invocation.value("cas") == Some("-1") { Ok(None) } else { invocation.number("cas") }
}

/// The body of a write to version 2.
pub(super) fn versioned(data: &str, cas: Option<u64>) -> Zeroizing<String> {
    let options = Object::new();
    let options = cas.map_or(options, |cas| Object::new().plain("cas", cas)).finish();
    Zeroizing::new(Object::new().raw("data", data).raw("options", &options).finish())
}

/// Prints what a write to version 2 tells of the new version, or that a write is done.
pub(super) fn print_written(
    invocation: &Invocation<'_>,
    path: &str,
    secret: Option<&Secret>,
) -> Result<u8, Stop> {
    let metadata = secret.and_then(Secret::data);
    let is_told = invocation.field().is_none() && invocation.is_for_people();
    match (secret, metadata) {
        (Some(secret), Some(metadata)) if is_told && secret.wrap_info().is_none() => {
            invocation.print_warnings(secret);
            print_path(path, "Secret Path")?;
            say(&header("Metadata", metadata))?;
            invocation.print_members(metadata)
        }
        _ => invocation.print_done(secret, &format!("Success! Data written to: {path}")),
    }
}

fn patch(invocation: &Invocation<'_>) -> Result<u8, Stop> {
    let (key, pairs) = key_and_pairs(invocation)?;
    let method = invocation.value("method").unwrap_or("");
    if !matches!(method, "" | "patch" | "rw") {
        return Err(Stop::local("-method must be patch or rw"));
    }
    let removed: Vec<&str> = invocation.flags.values("remove-data").collect();
    let data = invocation.data(pairs)?;
    let client = invocation.client()?;
    let place = invocation.locate(&client, key)?;
    place.need_v2("Patch")?;
    let path = place.api("data");
    let failed = |stop: Stop| stop.during(format!("writing data to {path}"));
    let changes = with_removed(&data.json(), &removed)?;
    if method == "rw" {
        return patch_by_writing(invocation, &client, &path, &changes);
    }
    let request = Request::patch(&path, versioned(&changes, cas(invocation)?));
    let reply = client.exchange(&request).map_err(failed)?;
    if method.is_empty() && matches!(reply.status, 403 | 405) {
        // Policies may permit reads and writes alone, and older servers know nothing else.
        return patch_by_writing(invocation, &client, &path, &changes);
    }
    if reply.status == 404 {
        return Err(Stop::remote(format!("No value found at {path}")));
    }
    let secret = Secret::of(&reply.checked().map_err(failed)?)?;
    print_written(invocation, &path, secret.as_ref())
}

/// Changes with `null` for what is taken away.
fn with_removed(changes: &str, removed: &[&str]) -> Result<Zeroizing<String>, Stop> {
    let nothing = removed.iter().fold(Object::new(), |object, name| object.null(name)).finish();
    merged(changes, &nothing, false)
}

/// The members of both objects, those of the second first; `null` takes a member away, or stays.
fn merged(base: &str, changes: &str, drops_null: bool) -> Result<Zeroizing<String>, Stop> {
    let (base, changes) =
        (super::request::parse(base.as_bytes())?, super::request::parse(changes.as_bytes())?);
    let none = || Stop::remote("the data of the key is no object");
    let mut all = sorted(base.object().ok_or_else(none)?);
    all.extend(changes.object().ok_or_else(none)?);
    let mut object = Object::new();
    for (name, value) in all {
        let text = canonical(value);
        if !drops_null || *text != "null" {
            object = object.raw(name, &text);
        }
    }
    Ok(Zeroizing::new(object.finish()))
}

/// Reads the newest version, and writes the next if no other has come between.
fn patch_by_writing(
    invocation: &Invocation<'_>,
    client: &Client,
    path: &str,
    changes: &str,
) -> Result<u8, Stop> {
    let (data, version) = newest(client, path)?;
    let body = versioned(&merged(&data, changes, true)?, Some(version));
    let secret = submit(client, &Request::put(path, body))
        .map_err(|stop| stop.during(format!("writing data to {path}")))?;
    print_written(invocation, path, secret.as_ref())
}

/// The data of a key's newest version, and its number.
fn newest(client: &Client, path: &str) -> Result<(Zeroizing<String>, u64), Stop> {
    let none = || Stop::remote(format!("No value found at {path}"));
    let secret = fetch(client, &Request::get(path).own())
        .map_err(|stop| stop.during(format!("reading {path}")))?
        .ok_or_else(none)?;
    let data = secret.datum("data").ok_or_else(none)?;
    let metadata = secret.datum("metadata").and_then(Value::members);
    let version = metadata.and_then(|metadata| metadata.get("version"));
    let version =
        version.and_then(super::format::whole).and_then(|version| version.try_into().ok());
    let untold = || Stop::remote("the server has not told the version of the key");
    Ok((canonical(data), version.ok_or_else(untold)?))
}

fn list(invocation: &Invocation<'_>) -> Result<u8, Stop> {
    let words = invocation.arguments(usize::from(invocation.value("mount").is_none()), 1)?;
    let key = words.first().map_or("", String::as_str);
    let client = invocation.client()?;
    let path = invocation.locate(&client, key)?.api("metadata");
    let secret = fetch(&client, &Request::list(&path))
        .map_err(|stop| stop.during(format!("listing {path}")))?;
    invocation.print_list(&path, secret.as_ref())
}

fn delete(invocation: &Invocation<'_>) -> Result<u8, Stop> {
    let key = invocation.argument()?;
    let versions = version_numbers(invocation)?;
    let client = invocation.client()?;
    let place = invocation.locate(&client, key)?;
    let (path, request) = match versions {
        Some(versions) => {
            place.need_v2("Deleting versions")?;
            let path = place.api("delete");
            let request = Request::put(&path, versions);
            (path, request)
        }
        None => {
            let path = place.api("data");
            let request = Request::delete(&path);
            (path, request)
        }
    };
    let secret =
        submit(&client, &request).map_err(|stop| stop.during(format!("deleting {path}")))?;
    let done = format!("Success! Data deleted (if it existed) at: {}", place.api("data"));
    invocation.print_done(secret.as_ref(), &done)
}

fn enable_versioning(invocation: &Invocation<'_>) -> Result<u8, Stop> {
    let mount = clean(invocation.argument()?);
    let client = invocation.client()?;
    let body = Zeroizing::new(r#"{"options":{"version":"2"}}"#.to_owned());
    client
        .send(&Request::post(&format!("sys/mounts/{mount}/tune"), body))
        .map_err(|stop| stop.during(format!("tuning secrets engine {mount}")))?;
    say(&format!("Success! Tuned the secrets engine at: {mount}/"))
}

/// Prints where the API has a key, below a title.
pub(super) fn print_path(path: &str, title: &str) -> Result<u8, Stop> {
    say(&format!("{}\n{path}\n", ruled(title, path.len())))
}

/// A title as wide as the table of these members.
pub(super) fn header(title: &str, members: Members<'_>) -> String {
    let widest = members.map(|(name, _)| name.len()).max().unwrap_or(0);
    // The gap between columns, and the name of the second.
    ruled(title, widest + 4 + 5)
}

/// A title between signs, as wide as this if it is not wider by itself.
fn ruled(title: &str, width: usize) -> String {
    let signs = match width.saturating_sub(title.len() + 2) {
        0 => 4,
        signs => signs.next_multiple_of(2),
    };
    let side = "=".repeat(signs / 2);
    format!("{side} {title} {side}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_are_as_wide_as_what_is_below() {
        const CASES: [(&str, usize, &str); 4] = [
            ("Secret Path", 16, "== Secret Path =="),
            ("Metadata", 24, "======= Metadata ======="),
            ("Data", 12, "=== Data ==="),
            ("Metadata", 3, "== Metadata =="),
        ];
        for (title, width, want) in CASES {
            assert_eq!(ruled(title, width), want, "{title} {width}");
        }
    }

    #[test]
    fn changes_replace_add_and_take_away() {
        const CASES: [(&str, &str, bool, &str); 4] = [
            (r#"{"a":1,"b":2}"#, r#"{"b":"x","c":1.50}"#, true, r#"{"a":1,"b":"x","c":1.50}"#),
            (r#"{"a":1,"b":2}"#, r#"{"a":null}"#, true, r#"{"b":2}"#),
            (r#"{"a":1}"#, r#"{"b":null}"#, false, r#"{"a":1,"b":null}"#),
            ("{}", "{}", true, "{}"),
        ];
        for (base, changes, drops_null, want) in CASES {
            let all = merged(base, changes, drops_null).ok().unwrap();
            assert_eq!(all.as_str(), want, "{base} {changes}");
        }
    }
}
