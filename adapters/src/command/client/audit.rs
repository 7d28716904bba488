//! `audit`: where requests are recorded.

use strongroom_core::json::{Object, Value};
use zeroize::Zeroizing;

use super::format::{Row, canonical, shown, sorted};
use super::output::{pair, say};
use super::path::clean;
use super::request::Request;
use super::secret::Secret;
use super::{Invocation, Stop};
use crate::command::table::{Command, Output, Run};
use crate::flag::Described;

pub(super) const COMMANDS: &[Command] = &[
    Command {
        name: "audit list",
        arguments: "",
        summary: "Lists the audit devices.",
        flags: &[Described::switch("detailed", "Shows their options too.")],
        output: Output::Formatted,
        run: Run::Client(list),
    },
    Command {
        name: "audit enable",
        arguments: "TYPE [name=value...]",
        summary: "Enables an audit device.",
        flags: &[
            Described::valued("path", "PATH", "Its name; its type without it."),
            Described::valued("description", "TEXT", "What it is for."),
            Described::switch("local", "Not replicated."),
        ],
        output: Output::Fixed,
        run: Run::Client(enable),
    },
    Command {
        name: "audit disable",
        arguments: "PATH",
        summary: "Disables an audit device.",
        flags: &[],
        output: Output::Fixed,
        run: Run::Client(disable),
    },
];

fn list(invocation: &Invocation<'_>) -> Result<u8, Stop> {
    invocation.arguments(0, 0)?;
    let reply = invocation
        .client()?
        .send(&Request::get("sys/audit"))
        .map_err(|stop| stop.during("listing audits"))?;
    let none = || Stop::remote("the answer of the server is no list of audit devices");
    let secret = Secret::of(&reply)?.ok_or_else(none)?;
    if secret.wrap_info().is_some() {
        return invocation.print_secret(&secret);
    }
    let value = secret.data_value().ok_or_else(none)?;
    let devices = value.members().map(sorted).unwrap_or_default();
    if devices.is_empty() && invocation.is_for_people() {
        say("No audit devices are enabled.")?;
        return Ok(2);
    }
    let mut columns = vec![("Type", "type"), ("Description", "description")];
    if invocation.flags.is_on("detailed") {
        columns.extend([("Local", "local"), ("Options", "options")]);
    }
    let rows = devices.iter().filter_map(|(path, device)| {
        let device = device.members()?;
        let cell = |name| device.get(name).map(|value: Value<'_>| shown("", value));
        let mut row = pair(path, Zeroizing::default());
        row.truncate(1);
        row.extend(columns.iter().map(|(_, name)| cell(name).unwrap_or_default()));
        Some(row)
    });
    let rows: Vec<Row> = rows.collect();
    let names: Vec<_> = ["Path"].into_iter().chain(columns.iter().map(|column| column.0)).collect();
    invocation.print_rows(&names, rows, &canonical(value))
}

fn enable(invocation: &Invocation<'_>) -> Result<u8, Stop> {
    let words = invocation.arguments(1, usize::MAX)?;
    let (kind, pairs) = words.split_first().map_or(("", words), |(kind, pairs)| (kind, pairs));
    let path = clean(invocation.value("path").unwrap_or(kind));
    let wish = Object::new()
        .string("type", kind)
        .string("description", invocation.value("description").unwrap_or(""))
        .plain("local", invocation.flags.is_on("local"))
        .raw("options", &invocation.data(pairs)?.json());
    invocation
        .client()?
        .send(&Request::put(&format!("sys/audit/{path}"), Zeroizing::new(wish.finish())))
        .map_err(|stop| stop.during("enabling audit device"))?;
    say(&format!("Success! Enabled the {kind} audit device at: {path}/"))
}

fn disable(invocation: &Invocation<'_>) -> Result<u8, Stop> {
    let path = clean(invocation.argument()?);
    invocation
        .client()?
        .send(&Request::delete(&format!("sys/audit/{path}")))
        .map_err(|stop| stop.during("disabling audit device"))?;
    say(&format!("Success! Disabled audit device (if it was enabled) at: {path}/"))
}
