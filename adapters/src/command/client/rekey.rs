//! `operator rekey`, also `operator rotate-keys`: new shares of the unseal key, by a quorum of the old.

use strongroom_core::json::{Members, Object, Value};
use zeroize::Zeroizing;

use super::format::{Row, canonical, table};
use super::key_quorum::{Endpoints, Progress, text};
use super::output::{KEY_VALUE, pair, row, say, wrapped};
use super::request::{Client, Request};
use super::secret::Secret;
use super::{Invocation, Stop};
use crate::command::table::{Command, Output, Run};
use crate::flag::Described;

pub(super) const COMMANDS: &[Command] = &[
    command("operator rekey", "Makes new key shares. Without KEY a share is asked for."),
    command("operator rotate-keys", "The same as rekey."),
];

const fn command(name: &'static str, summary: &'static str) -> Command {
    let run = Run::Client(rekey);
    Command { name, arguments: "[KEY]", summary, flags: FLAGS, output: Output::Formatted, run }
}

const FLAGS: &[Described] = &[
    Described::switch("init", "Begins."),
    Described::switch("cancel", "Ends what was begun."),
    Described::switch("status", "Tells how far it is."),
    Described::switch(
        "verify",
        "With -init: new shares must be shown before they hold. Else: the share is such a one.",
    ),
    Described::valued("key-shares", "N", "Into how many shares the key is split; 5."),
    Described::valued("n", "N", "The same."),
    Described::valued("key-threshold", "N", "How many of them unseal; 3."),
    Described::valued("t", "N", "The same."),
    Described::valued("nonce", "NONCE", "The nonce that -init told, with each share."),
    Described::valued("pgp-keys", "FILES", "Public keys that the shares are encrypted for."),
    Described::switch("backup", "The server keeps the encrypted shares."),
    Described::switch("backup-retrieve", "Prints the shares that it keeps."),
    Described::switch("backup-delete", "Makes it forget them."),
    Described::valued("target", "KEY", "Which key: barrier, as without it, or recovery."),
];

const BARRIER: Endpoints = Endpoints { with_token: "sys/rotate/root", without: "sys/rekey" };
const RECOVERY: Endpoints =
    Endpoints { with_token: "sys/rotate/recovery", without: "sys/rekey-recovery-key" };

/// Shares and threshold that nobody chose: the reference's.
const SHARES: u64 = 5;
const THRESHOLD: u64 = 3;

fn rekey(invocation: &Invocation<'_>) -> Result<u8, Stop> {
    let is_on = |flag| invocation.flags.is_on(flag);
    let endpoints = match invocation.value("target") {
        None | Some("barrier") => BARRIER,
        Some("recovery" | "hsm") => RECOVERY,
        Some(_) => return Err(Stop::local("-target must be barrier or recovery")),
    };
    let client = invocation.client()?;
    let current = endpoints.path(&client, if is_on("verify") { "verify" } else { "init" });
    if is_on("backup-retrieve") || is_on("backup-delete") {
        return backup(invocation, &client, endpoints);
    }
    if is_on("cancel") {
        let failed = |stop: Stop| stop.during("canceling rekey");
        client.send(&Request::delete(&current)).map_err(failed)?;
        return say("Success! Canceled rekeying (if it was started)");
    }
    if is_on("init") {
        let request = Request::put(&endpoints.path(&client, "init"), wish(invocation)?);
        let begun =
            Progress::ask(&client, &request).map_err(|stop| stop.during("initializing rekey"))?;
        return print_status(invocation, &begun, false);
    }
    let status = Progress::ask(&client, &Request::get(&current))
        .map_err(|stop| stop.during("getting rekey status"))?;
    if is_on("status") {
        return print_status(invocation, &status, is_on("verify"));
    }
    provide(invocation, &client, endpoints, &status)
}

fn wish(invocation: &Invocation<'_>) -> Result<Zeroizing<String>, Stop> {
    let number = |long, short, own| -> Result<u64, Stop> {
        Ok(invocation.number(long)?.or(invocation.number(short)?).unwrap_or(own))
    };
    let mut wish = Object::new()
        .plain("secret_shares", number("key-shares", "n", SHARES)?)
        .plain("secret_threshold", number("key-threshold", "t", THRESHOLD)?)
        .plain("backup", invocation.flags.is_on("backup"))
        .plain("require_verification", invocation.flags.is_on("verify"));
    let keys = invocation.pgp_keys("pgp-keys")?;
    if !keys.is_empty() {
        wish = wish.strings("pgp_keys", keys);
    }
    Ok(Zeroizing::new(wish.finish()))
}

fn provide(
    invocation: &Invocation<'_>,
    client: &Client,
    endpoints: Endpoints,
    status: &Progress,
) -> Result<u8, Stop> {
    let members = status.members()?;
    if *text(members, "started") != "true" {
        return Err(Stop::local(format!(
            "No rekey is in progress. Start one by \"{} operator rekey -init\".",
            invocation.program.name
        )));
    }
    let is_verification = invocation.flags.is_on("verify");
    let share = invocation.share("Unseal Key")?;
    let nonce = invocation.nonce(&share, &text(members, "nonce"))?;
    let body = Object::new().string("key", &share.key).string("nonce", &nonce).finish();
    let end = if is_verification { "verify" } else { "update" };
    let request = Request::put(&endpoints.path(client, end), Zeroizing::new(body));
    let done = Progress::ask(client, &request).map_err(|stop| stop.during("posting unseal key"))?;
    if *text(done.members()?, "complete") != "true" {
        return print_status(invocation, &done, is_verification);
    }
    if !invocation.is_for_people() {
        return invocation.print_json(&canonical(done.value()));
    }
    if is_verification {
        return say("Rekey verification successful. The new keys are now active.");
    }
    say(&introduction(done.members()?, members))
}

/// New keys for people, who see them once.
fn introduction(made: Members<'_>, wished: Members<'_>) -> Zeroizing<String> {
    let mut lines = Zeroizing::new(String::new());
    let keys = made.get("keys_base64").and_then(Value::items);
    for (at, key) in keys.into_iter().flatten().filter_map(Value::as_str).enumerate() {
        lines.push_str(&format!("Key {}: {key}\n", at + 1));
    }
    lines.push_str(&format!("\nOperation nonce: {}\n\n", *text(made, "nonce")));
    let (shares, threshold) = (text(wished, "n"), text(wished, "t"));
    let prose = if *text(made, "verification_required") == "true" {
        format!(
            "These {} shares do not hold before {} of them are shown again by \"operator rekey \
             -verify\". Until then the old ones do. Verification nonce: {}",
            *shares,
            *threshold,
            *text(made, "verification_nonce")
        )
    } else {
        format!(
            "The unseal key now has {} shares, of which {} open the server. They are shown this \
             once, and the old ones are of no use any more.",
            *shares, *threshold
        )
    };
    lines.push_str(&wrapped(&prose, ""));
    lines
}

fn backup(invocation: &Invocation<'_>, client: &Client, endpoints: Endpoints) -> Result<u8, Stop> {
    let path = endpoints.path(client, "backup");
    if invocation.flags.is_on("backup-delete") {
        let failed = |stop: Stop| stop.during("deleting rekey stored keys");
        client.send(&Request::delete(&path)).map_err(failed)?;
        return say("Success! Delete stored keys (if they existed)");
    }
    let reply = client
        .send(&Request::get(&path))
        .map_err(|stop| stop.during("retrieving rekey stored keys"))?;
    let none = || Stop::remote("No value found");
    invocation.print_secret(&Secret::of(&reply)?.ok_or_else(none)?)
}

fn print_status(
    invocation: &Invocation<'_>,
    progress: &Progress,
    is_verification: bool,
) -> Result<u8, Stop> {
    if !invocation.is_for_people() {
        return invocation.print_json(&canonical(progress.value()));
    }
    let members = progress.members()?;
    say(&table(&KEY_VALUE, rows(members, is_verification)))
}

fn rows(members: Members<'_>, is_verification: bool) -> Vec<Row> {
    let text = |name| text(members, name);
    let shares = [pair("New Shares", text("n")), pair("New Threshold", text("t"))];
    if is_verification {
        let mut rows = vec![pair("Started", text("started"))];
        rows.extend(shares);
        rows.push(pair("Verification Nonce", text("nonce")));
        let progress = format!("{}/{}", *text("progress"), *text("t"));
        rows.push(row(["Verification Progress", &progress]));
        return rows;
    }
    let mut rows = vec![pair("Nonce", text("nonce")), pair("Started", text("started"))];
    if *text("started") == "true" {
        let progress = format!("{}/{}", *text("progress"), *text("required"));
        rows.push(row(["Rekey Progress", &progress]));
        rows.extend(shares);
        rows.push(pair("Verification Required", text("verification_required")));
        if !text("verification_nonce").is_empty() {
            rows.push(pair("Verification Nonce", text("verification_nonce")));
        }
    }
    rows
}
