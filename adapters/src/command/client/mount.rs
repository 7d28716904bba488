//! `secrets` and `auth`: engines for secrets and methods of authentication, at their paths.

use strongroom_core::json::{Members, Object, Value};
use zeroize::Zeroizing;

use super::format::{Row, canonical, shown, sorted};
use super::mount_option::{ENABLE_FLAGS, TUNE_FLAGS, enable_body, tune_body};
use super::output::{pair, say, tell};
use super::path::clean;
use super::request::{Client, Request};
use super::{Function, Invocation, Stop};
use crate::command::table::{Command, Output, Run};
use crate::flag::Described;

pub(super) const COMMANDS: &[Command] = &[
    list_command("secrets list", "Lists the engines for secrets.", secrets_list),
    enable_command("secrets enable", "Enables an engine for secrets.", secrets_enable),
    disable_command(
        "secrets disable",
        "Disables an engine; its secrets are gone.",
        secrets_disable,
    ),
    tune_command("secrets tune", "Changes the settings of an engine.", secrets_tune),
    move_command("secrets move", "Moves an engine to another path.", secrets_move),
    list_command("auth list", "Lists the methods of authentication.", auth_list),
    enable_command("auth enable", "Enables a method of authentication.", auth_enable),
    disable_command("auth disable", "Disables a method; its tokens are revoked.", auth_disable),
    tune_command("auth tune", "Changes the settings of a method.", auth_tune),
    move_command("auth move", "Moves a method to another path.", auth_move),
    Command {
        name: "auth help",
        arguments: "PATH",
        summary: "Tells how one logs in by the method at a path.",
        flags: &[],
        output: Output::Fixed,
        run: Run::Client(auth_help),
    },
];

const fn list_command(name: &'static str, summary: &'static str, run: Function) -> Command {
    const FLAGS: &[Described] = &[Described::switch("detailed", "Shows more about each.")];
    let run = Run::Client(run);
    Command { name, arguments: "", summary, flags: FLAGS, output: Output::Formatted, run }
}

const fn enable_command(name: &'static str, summary: &'static str, run: Function) -> Command {
    let run = Run::Client(run);
    Command { name, arguments: "TYPE", summary, flags: ENABLE_FLAGS, output: Output::Fixed, run }
}

const fn disable_command(name: &'static str, summary: &'static str, run: Function) -> Command {
    let run = Run::Client(run);
    Command { name, arguments: "PATH", summary, flags: &[], output: Output::Fixed, run }
}

const fn tune_command(name: &'static str, summary: &'static str, run: Function) -> Command {
    let run = Run::Client(run);
    Command { name, arguments: "PATH", summary, flags: TUNE_FLAGS, output: Output::Fixed, run }
}

const fn move_command(name: &'static str, summary: &'static str, run: Function) -> Command {
    let run = Run::Client(run);
    Command { name, arguments: "FROM TO", summary, flags: &[], output: Output::Fixed, run }
}

/// One of the two tables of mounts.
struct Table {
    /// Where the API has it.
    path: &'static str,
    /// In front of a mount's path where settings and moves name it.
    prefix: &'static str,
    /// What stands there.
    thing: &'static str,
}

const SECRETS: Table = Table { path: "sys/mounts", prefix: "", thing: "secrets engine" };
const AUTH: Table = Table { path: "sys/auth", prefix: "auth/", thing: "auth method" };

/// How often a move is looked after.
const MOVE_PAUSE: std::time::Duration = std::time::Duration::from_secs(1);

fn secrets_list(invocation: &Invocation<'_>) -> Result<u8, Stop> {
    list(invocation, &SECRETS)
}

fn secrets_enable(invocation: &Invocation<'_>) -> Result<u8, Stop> {
    enable(invocation, &SECRETS)
}

fn secrets_disable(invocation: &Invocation<'_>) -> Result<u8, Stop> {
    disable(invocation, &SECRETS)
}

fn secrets_tune(invocation: &Invocation<'_>) -> Result<u8, Stop> {
    tune(invocation, &SECRETS)
}

fn secrets_move(invocation: &Invocation<'_>) -> Result<u8, Stop> {
    move_mount(invocation, &SECRETS)
}

fn auth_list(invocation: &Invocation<'_>) -> Result<u8, Stop> {
    list(invocation, &AUTH)
}

fn auth_enable(invocation: &Invocation<'_>) -> Result<u8, Stop> {
    enable(invocation, &AUTH)
}

fn auth_disable(invocation: &Invocation<'_>) -> Result<u8, Stop> {
    disable(invocation, &AUTH)
}

fn auth_tune(invocation: &Invocation<'_>) -> Result<u8, Stop> {
    tune(invocation, &AUTH)
}

fn auth_move(invocation: &Invocation<'_>) -> Result<u8, Stop> {
    move_mount(invocation, &AUTH)
}

/// Columns of a list: the title, and the member, or two of them from the outside in.
type Column = (&'static str, &'static str, &'static str);

const COLUMNS: [Column; 3] =
    [("Type", "type", ""), ("Accessor", "accessor", ""), ("Description", "description", "")];
const MORE_COLUMNS: [Column; 11] = [
    ("Plugin", "type", ""),
    ("Accessor", "accessor", ""),
    ("Default TTL", "config", "default_lease_ttl"),
    ("Max TTL", "config", "max_lease_ttl"),
    ("Token Type", "config", "token_type"),
    ("Local", "local", ""),
    ("Seal Wrap", "seal_wrap", ""),
    ("Options", "options", ""),
    ("Description", "description", ""),
    ("UUID", "uuid", ""),
    ("Version", "plugin_version", ""),
];

fn list(invocation: &Invocation<'_>, table: &Table) -> Result<u8, Stop> {
    invocation.arguments(0, 0)?;
    let client = invocation.client()?;
    let reply = client
        .send(&Request::get(table.path))
        .map_err(|stop| stop.during(format!("listing {}s", table.thing)))?;
    let doc = reply.doc()?;
    let none = || Stop::remote("the answer of the server is no list of mounts");
    let all = doc.object().ok_or_else(none)?;
    // Older servers tell them without an envelope.
    let value =
        all.get("data").filter(|data| data.members().is_some()).unwrap_or_else(|| doc.root());
    let mounts = value.members().map(sorted).unwrap_or_default();
    let columns: &[Column] =
        if invocation.flags.is_on("detailed") { &MORE_COLUMNS } else { &COLUMNS };
    let rows = mounts.iter().filter_map(|(path, mount)| {
        let mount = mount.members()?;
        let mut row = pair(path, Zeroizing::default());
        row.truncate(1);
        row.extend(columns.iter().map(|column| cell(mount, column)));
        Some(row)
    });
    let rows: Vec<Row> = rows.collect();
    let names: Vec<_> = ["Path"].into_iter().chain(columns.iter().map(|column| column.0)).collect();
    invocation.print_rows(&names, rows, &canonical(value))
}

fn cell(mount: Members<'_>, (_, outer, inner): &Column) -> Zeroizing<String> {
    let Some(value) = mount.get(outer) else { return Zeroizing::default() };
    if inner.is_empty() {
        return shown("", value);
    }
    let value = value.members().and_then(|members| members.get(inner));
    let text = value.map(|value| shown("", value)).unwrap_or_default();
    // Without a time of its own a mount has the server's.
    if inner.ends_with("_ttl") && *text == "0" { Zeroizing::new("system".to_owned()) } else { text }
}

fn enable(invocation: &Invocation<'_>, table: &Table) -> Result<u8, Stop> {
    let kind = invocation.argument()?.trim();
    let path = clean(invocation.value("path").unwrap_or(kind));
    let body = enable_body(invocation, kind)?;
    let client = invocation.client()?;
    client
        .send(&Request::post(&format!("{}/{path}", table.path), body))
        .map_err(|stop| stop.during(format!("enabling {}", table.thing)))?;
    match table.prefix {
        "" => say(&format!("Success! Enabled the {kind} secrets engine at: {path}/")),
        _ => say(&format!("Success! Enabled {kind} auth method at: {path}/")),
    }
}

fn disable(invocation: &Invocation<'_>, table: &Table) -> Result<u8, Stop> {
    let path = clean(invocation.argument()?);
    let client = invocation.client()?;
    client
        .send(&Request::delete(&format!("{}/{path}", table.path)))
        .map_err(|stop| stop.during(format!("disabling {} at {path}/", table.thing)))?;
    say(&format!("Success! Disabled the {} (if it existed) at: {path}/", table.thing))
}

fn tune(invocation: &Invocation<'_>, table: &Table) -> Result<u8, Stop> {
    let path = clean(invocation.argument()?);
    let body = tune_body(invocation)?;
    let client = invocation.client()?;
    client
        .send(&Request::post(&format!("sys/mounts/{}{path}/tune", table.prefix), body))
        .map_err(|stop| stop.during(format!("tuning {} {path}/", table.thing)))?;
    say(&format!("Success! Tuned the {} at: {path}/", table.thing))
}

fn move_mount(invocation: &Invocation<'_>, table: &Table) -> Result<u8, Stop> {
    let (from, to) = invocation.pair()?;
    let (from, to) = (clean(from), clean(to));
    let client = invocation.client()?;
    let path = |path: &str| format!("{}{path}/", table.prefix);
    let wish = Object::new().string("from", &path(&from)).string("to", &path(&to)).finish();
    let reply = client
        .send(&Request::post("sys/remount", Zeroizing::new(wish)))
        .map_err(|stop| stop.during(format!("moving {} {from}/ to {to}/", table.thing)))?;
    let what = format!("moving {} {from}/ to {to}/", table.thing);
    let Some(id) = migration(&reply, "migration_id") else {
        return say(&format!("Success! Finished {what}"));
    };
    let what = format!("{what}, with migration ID {}", *id);
    tell(&format!("Started {what}"));
    wait_for(&client, &id, &what)
}

/// A member of an answer's data.
fn migration(reply: &super::request::Reply, name: &str) -> Option<Zeroizing<String>> {
    let doc = reply.doc().ok()?;
    let data = doc.object()?.get("data")?.members()?;
    let info = data.get("migration_info").and_then(Value::members).unwrap_or(data);
    info.get(name)?.as_str().map(|text| Zeroizing::new(text.to_owned()))
}

fn wait_for(client: &Client, id: &str, what: &str) -> Result<u8, Stop> {
    loop {
        let request = Request::get(&format!("sys/remount/status/{id}")).own();
        let reply = client.send(&request).map_err(|stop| stop.during("looking after the move"))?;
        match migration(&reply, "status").as_ref().map(|status| status.as_str()) {
            Some("success") => return say(&format!("Success! Finished {what}")),
            Some("failure") => return Err(Stop::remote(format!("Failure! Error {what}"))),
            _ => std::thread::sleep(MOVE_PAUSE),
        }
    }
}

fn auth_help(invocation: &Invocation<'_>) -> Result<u8, Stop> {
    let path = clean(invocation.argument()?);
    let client = invocation.client()?;
    let reply = client
        .send(&Request::get("sys/auth").own())
        .map_err(|stop| stop.during("listing auth methods"))?;
    let doc = reply.doc()?;
    let all = doc.object();
    let all = all.and_then(|all| all.get("data").and_then(Value::members).or(Some(all)));
    let mount = all.and_then(|all| all.get(&format!("{path}/"))?.members());
    let kind = mount.and_then(|mount| mount.get("type")?.as_str()).unwrap_or(&path);
    say(&super::login::help(invocation.program.name, kind, &path))
}
