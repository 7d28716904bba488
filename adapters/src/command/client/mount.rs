//! `secrets` and `auth`: engines for secrets and methods of authentication, at their paths.

use strongroom_core::json::{Kind, Members, Object, Value};
use zeroize::Zeroizing;

use super::format::{Row, canonical, shown, sorted};
use super::mount_option::{ENABLE_FLAGS, TUNE_FLAGS, enable_body, tune_body};
use super::output::{pair, say};
use super::path::clean;
use super::request::{Client, Request};
use super::secret::Secret;
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
    /// What a list shows of each.
    columns: &'static [Column],
    /// The same if more is asked for.
    more_columns: &'static [Column],
}

const SECRETS: Table = Table {
    path: "sys/mounts",
    prefix: "",
    thing: "secrets engine",
    columns: &[TYPE, ACCESSOR, DESCRIPTION],
    more_columns: &more_columns(("Force No Cache", Shows::Setting("force_no_cache"))),
};
const AUTH: Table = Table {
    path: "sys/auth",
    prefix: "auth/",
    thing: "auth method",
    columns: &[TYPE, ACCESSOR, DESCRIPTION, VERSION],
    more_columns: &more_columns(("Token Type", Shows::Setting("token_type"))),
};

impl Table {
    /// The whole path of a mount as moves name it. Users may write `auth/` in front of a method or
    /// leave it out; behind a namespace they have to write it.
    fn full_path(&self, path: &str) -> String {
        let is_full = path.starts_with(self.prefix) || path.contains(&format!("/{}", self.prefix));
        if is_full { path.to_owned() } else { format!("{}{path}", self.prefix) }
    }
}

/// A column of a list: its title, and what it shows.
type Column = (&'static str, Shows);

/// What a column shows of a mount.
#[derive(Clone, Copy)]
enum Shows {
    /// A member.
    Member(&'static str),
    /// A member of its settings.
    Setting(&'static str),
    /// A time to live in seconds; `system` for the server's.
    Ttl(&'static str),
    Replication,
    Options,
}

const TYPE: Column = ("Type", Shows::Member("type"));
const ACCESSOR: Column = ("Accessor", Shows::Member("accessor"));
const DESCRIPTION: Column = ("Description", Shows::Member("description"));
const VERSION: Column = ("Version", Shows::Member("plugin_version"));

/// Types of mounts that a detailed list shows no times to live of.
const WITHOUT_TTL: [&str; 2] = ["system", "cubbyhole"];

/// The columns of a detailed list, with the one that only one of the tables has.
const fn more_columns(own: Column) -> [Column; 15] {
    [
        ("Plugin", Shows::Member("type")),
        ACCESSOR,
        ("Default TTL", Shows::Ttl("default_lease_ttl")),
        ("Max TTL", Shows::Ttl("max_lease_ttl")),
        own,
        ("Replication", Shows::Replication),
        ("Seal Wrap", Shows::Member("seal_wrap")),
        ("External Entropy Access", Shows::Member("external_entropy_access")),
        ("Options", Shows::Options),
        DESCRIPTION,
        ("UUID", Shows::Member("uuid")),
        VERSION,
        ("Running Version", Shows::Member("running_plugin_version")),
        ("Running SHA256", Shows::Member("running_sha256")),
        ("Deprecation Status", Shows::Member("deprecation_status")),
    ]
}

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

fn list(invocation: &Invocation<'_>, table: &Table) -> Result<u8, Stop> {
    invocation.arguments(0, 0)?;
    let client = invocation.client()?;
    let reply = client
        .send(&Request::get(table.path))
        .map_err(|stop| stop.during(format!("listing {}s", table.thing)))?;
    let none = || Stop::remote("the answer of the server is no list of mounts");
    // Older servers tell them without an envelope.
    let secret = Secret::of(&reply)?.ok_or_else(none)?;
    if secret.wrap_info().is_some() {
        return invocation.print_secret(&secret);
    }
    let value = secret.data_value().ok_or_else(none)?;
    let mounts = value.members().map(sorted).unwrap_or_default();
    let is_detailed = invocation.flags.is_on("detailed");
    let columns = if is_detailed { table.more_columns } else { table.columns };
    let rows = mounts.iter().filter_map(|(path, mount)| {
        let mount = mount.members()?;
        let mut row = pair(path, Zeroizing::default());
        row.truncate(1);
        row.extend(columns.iter().map(|(_, shows)| cell(mount, *shows)));
        Some(row)
    });
    let rows: Vec<Row> = rows.collect();
    let names: Vec<_> = ["Path"].into_iter().chain(columns.iter().map(|column| column.0)).collect();
    invocation.print_rows(&names, rows, &canonical(value))
}

fn cell(mount: Members<'_>, shows: Shows) -> Zeroizing<String> {
    let text = |value: Option<Value<'_>>| value.map(|value| shown("", value)).unwrap_or_default();
    let plain = |text: &str| Zeroizing::new(text.to_owned());
    let setting = |name| text(mount.get("config").and_then(|config| config.members()?.get(name)));
    match shows {
        Shows::Member(name) => text(mount.get(name)),
        Shows::Setting(name) => setting(name),
        Shows::Ttl(name) => {
            let seconds = setting(name);
            match mount.get("type").and_then(Value::as_str) {
                Some(kind) if WITHOUT_TTL.contains(&kind) => Zeroizing::default(),
                _ if matches!(seconds.as_str(), "" | "0") => plain("system"),
                _ => seconds,
            }
        }
        Shows::Replication => match mount.get("local").map(Value::kind) {
            Some(Kind::Bool(true)) => plain("local"),
            _ => plain("replicated"),
        },
        // None are `null`, or an empty object.
        Shows::Options => match mount.get("options").filter(|value| value.members().is_some()) {
            Some(options) => shown("", options),
            None => plain("map[]"),
        },
    }
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
    // What is asked of the server is several answers, which one token could not wrap.
    let client = invocation.client()?.without_wrapping();
    let path = |path: &str| format!("{}/", table.full_path(path));
    let wish = Object::new().string("from", &path(&from)).string("to", &path(&to)).finish();
    let what = format!("moving {} {from}/ to {to}/", table.thing);
    let reply = client
        .send(&Request::post("sys/remount", Zeroizing::new(wish)))
        .map_err(|stop| stop.during(&what))?;
    let Some(id) = migration(&reply, "migration_id") else {
        return say(&format!("Success! Finished {what}"));
    };
    let what = format!("{what}, with migration ID {}", *id);
    say(&format!("Started {what}"))?;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moves_name_methods_by_their_whole_paths() {
        const CASES: [(&Table, &str, &str); 5] = [
            (&AUTH, "people", "auth/people"),
            (&AUTH, "auth/people", "auth/people"),
            (&AUTH, "a/auth/people", "a/auth/people"),
            (&AUTH, "team/people", "auth/team/people"),
            (&SECRETS, "a/kv", "a/kv"),
        ];
        for (table, path, want) in CASES {
            assert_eq!(table.full_path(path), want, "{path}");
        }
    }
}
