//! `status`: whether the server is initialised and open. `print token` beside it.

use strongroom_core::json::{Doc, Kind, Members, Object, Value};
use zeroize::Zeroizing;

use super::format::{Row, canonical, shown, whole};
use super::output::{KEY_VALUE, pair, row, say};
use super::request::{Client, Request};
use super::{Invocation, Stop};
use crate::command::table::{Command, Output, Run};

pub(super) const COMMANDS: &[Command] = &[
    Command {
        name: "status",
        arguments: "",
        summary: "Tells whether the server is open: status 0 if it is, 2 if it is sealed, 1 for \
                  an error.",
        flags: &[],
        output: Output::Formatted,
        run: Run::Client(status),
    },
    Command {
        name: "print token",
        arguments: "",
        summary: "Prints the token that commands send.",
        flags: &[],
        output: Output::Fixed,
        run: Run::Client(print_token),
    },
];

/// Exit status of a server that is sealed.
const SEALED: u8 = 2;

fn status(invocation: &Invocation<'_>) -> Result<u8, Stop> {
    invocation.arguments(0, 0)?;
    let client = invocation.client()?;
    // 2 means sealed here, so that an error is 1.
    let local = |stop| match stop {
        Stop::Failure(_, text) => Stop::local(format!("Error checking seal status: {text}")),
        Stop::Shown(_) => stop,
    };
    let reply = client.send(&Request::get("sys/seal-status")).map_err(local)?;
    let doc = reply.doc().map_err(local)?;
    print_seal_status(invocation, &client, &doc).map_err(local)?;
    let sealed = doc.object().and_then(|members| members.get("sealed"));
    Ok(if sealed.is_none_or(is_true) { SEALED } else { 0 })
}

/// Prints an answer of `sys/seal-status` or `sys/unseal`, with what the leader adds.
pub(super) fn print_seal_status(
    invocation: &Invocation<'_>,
    client: &Client,
    status: &Doc,
) -> Result<u8, Stop> {
    let reply = client.exchange(&Request::get("sys/leader").own())?;
    let is_sealed = reply.error_text().contains("Vault is sealed");
    let leader = if is_sealed { None } else { Some(reply.checked()?.doc()?) };
    let leader = leader.as_ref().and_then(Doc::object);
    let none = || Stop::remote("the answer of the server is no seal status");
    let status = status.object().ok_or_else(none)?;
    if invocation.is_for_people() {
        return say(&super::format::table(&KEY_VALUE, rows(status, leader)));
    }
    let mut all = Object::new();
    for (name, value) in status {
        all = all.raw(name, &canonical(value));
    }
    // A sealed server that cannot name a leader is one of several.
    let has_several = leader.is_none_or(|leader| leader.get("ha_enabled").is_some_and(is_true));
    all = all.plain("ha_enabled", has_several);
    for name in [
        "is_self",
        "active_time",
        "leader_address",
        "leader_cluster_address",
        "raft_committed_index",
        "raft_applied_index",
    ] {
        if let Some(value) = leader.and_then(|leader| leader.get(name)).filter(|&value| says(value))
        {
            all = all.raw(name, &canonical(value));
        }
    }
    invocation.print_json(&Zeroizing::new(all.finish()))
}

fn rows(status: Members<'_>, leader: Option<Members<'_>>) -> Vec<Row> {
    let text = |name| status.get(name).map(|value| shown("", value)).unwrap_or_default();
    let is = |name| status.get(name).is_some_and(is_true);
    let recovery = if is("recovery_seal") { "Recovery " } else { "" };
    let mut rows = vec![
        pair("Seal Type", text("type")),
        pair("Initialized", text("initialized")),
        pair("Sealed", text("sealed")),
        pair(&format!("Total {recovery}Shares"), text("n")),
        pair("Threshold", text("t")),
    ];
    if is("sealed") {
        let progress = format!("{}/{}", *text("progress"), *text("t"));
        rows.push(row(["Unseal Progress", &progress]));
        rows.push(pair("Unseal Nonce", text("nonce")));
    }
    if is("migration") {
        rows.push(row(["Seal Migration in Progress", "true"]));
    }
    for (title, name) in [
        ("Version", "version"),
        ("Build Date", "build_date"),
        ("Commit Date", "commit_date"),
        ("Storage Type", "storage_type"),
    ] {
        if status.get(name).is_some_and(says) {
            rows.push(pair(title, text(name)));
        }
    }
    if status.get("cluster_name").is_some_and(says) && status.get("cluster_id").is_some_and(says) {
        rows.push(pair("Cluster Name", text("cluster_name")));
        rows.push(pair("Cluster ID", text("cluster_id")));
    }
    rows.extend(leader_rows(leader, is("sealed")));
    rows
}

fn leader_rows(leader: Option<Members<'_>>, is_sealed: bool) -> Vec<Row> {
    let Some(leader) = leader else { return vec![row(["HA Enabled", "true"])] };
    let text = |name| leader.get(name).map(|value| shown("", value)).unwrap_or_default();
    let is = |name| leader.get(name).is_some_and(is_true);
    let mut rows = vec![pair("HA Enabled", text("ha_enabled"))];
    if is("ha_enabled") && !is_sealed {
        rows.push(pair("HA Cluster", text("leader_cluster_address")));
        let mode = if is("is_self") { "active" } else { "standby" };
        rows.push(row(["HA Mode", mode]));
        if is("is_self") && leader.get("active_time").is_some_and(says) {
            rows.push(pair("Active Since", text("active_time")));
        }
        if !is("is_self") && leader.get("leader_address").is_some_and(says) {
            rows.push(pair("Active Node Address", text("leader_address")));
        }
    }
    for (title, name) in [
        ("Raft Committed Index", "raft_committed_index"),
        ("Raft Applied Index", "raft_applied_index"),
    ] {
        if leader.get(name).and_then(whole).is_some_and(|index| index > 0) {
            rows.push(pair(title, text(name)));
        }
    }
    rows
}

/// Whether a value is `true`.
pub(super) fn is_true(value: Value<'_>) -> bool {
    matches!(value.kind(), Kind::Bool(true))
}

/// Whether a value is more than a zero, an empty string or the time of the year 1.
fn says(value: Value<'_>) -> bool {
    match value.kind() {
        Kind::Null | Kind::Bool(false) => false,
        Kind::Number(digits) => digits != "0",
        Kind::String(text) => !text.is_empty() && !text.starts_with("0001-01-01T"),
        Kind::Bool(true) | Kind::Array(_) | Kind::Object(_) => true,
    }
}

fn print_token(invocation: &Invocation<'_>) -> Result<u8, Stop> {
    invocation.arguments(0, 0)?;
    let client = invocation.client()?;
    say(client.token().unwrap_or_default())
}
