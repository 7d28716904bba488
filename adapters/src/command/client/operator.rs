//! `operator`: what those do who hold the keys. New root tokens and new shares have files of their own.

use strongroom_core::json::{List, Members, Object, Value};
use zeroize::Zeroizing;

use super::format::{Row, canonical, columns, shown};
use super::key_quorum::text;
use super::output::{pair, say, wrapped};
use super::request::{Client, Request};
use super::status::{is_true, print_seal_status};
use super::{Invocation, Stop};
use crate::command::table::{Command, Output, Run};
use crate::flag::Described;

pub(super) const COMMANDS: &[Command] = &[
    Command {
        name: "operator init",
        arguments: "",
        summary: "Initialises a server, and prints its keys and its root token, once.",
        flags: &[
            Described::valued(
                "key-shares",
                "N",
                "Into how many shares the unseal key is split; 5.",
            ),
            Described::valued("n", "N", "The same."),
            Described::valued("key-threshold", "N", "How many of them unseal; 3."),
            Described::valued("t", "N", "The same."),
            Described::valued(
                "pgp-keys",
                "FILES",
                "Public keys that the shares are encrypted for.",
            ),
            Described::valued("root-token-pgp-key", "FILE", "The one for the root token."),
            Described::valued(
                "recovery-shares",
                "N",
                "Shares of the recovery key, for other seals.",
            ),
            Described::valued("recovery-threshold", "N", "How many of them recover."),
            Described::valued("recovery-pgp-keys", "FILES", "Public keys for them."),
            Described::switch("status", "Tells whether the server is initialised: status 0 or 2."),
        ],
        output: Output::Formatted,
        run: Run::Client(init),
    },
    Command {
        name: "operator unseal",
        arguments: "[KEY]",
        summary: "Gives a key share to a sealed server. Without KEY it is asked for.",
        flags: &[
            Described::switch("reset", "Forgets the shares that were given."),
            Described::switch("migrate", "The share is for a migration of the seal."),
        ],
        output: Output::Formatted,
        run: Run::Client(unseal),
    },
    Command {
        name: "operator seal",
        arguments: "",
        summary: "Seals the server.",
        flags: &[],
        output: Output::Fixed,
        run: Run::Client(seal),
    },
    Command {
        name: "operator key-status",
        arguments: "",
        summary: "Tells about the key that records are sealed with.",
        flags: &[],
        output: Output::Formatted,
        run: Run::Client(key_status),
    },
    Command {
        name: "operator rotate",
        arguments: "",
        summary: "Seals records with a new key from now on.",
        flags: &[],
        output: Output::Formatted,
        run: Run::Client(rotate),
    },
    Command {
        name: "operator members",
        arguments: "",
        summary: "Lists the servers of a cluster.",
        flags: &[],
        output: Output::Formatted,
        run: Run::Client(members),
    },
    Command {
        name: "operator step-down",
        arguments: "",
        summary: "Makes the active server of a cluster give up its place.",
        flags: &[],
        output: Output::Fixed,
        run: Run::Client(step_down),
    },
];

/// Shares and threshold that nobody chose: the reference's.
const SHARES: u64 = 5;
const THRESHOLD: u64 = 3;

fn init(invocation: &Invocation<'_>) -> Result<u8, Stop> {
    invocation.arguments(0, 0)?;
    let client = invocation.client()?;
    if invocation.flags.is_on("status") {
        return init_status(invocation, &client);
    }
    let shares = invocation.number("key-shares")?.or(invocation.number("n")?).unwrap_or(SHARES);
    let threshold =
        invocation.number("key-threshold")?.or(invocation.number("t")?).unwrap_or(THRESHOLD);
    let mut wish =
        Object::new().plain("secret_shares", shares).plain("secret_threshold", threshold);
    for (flag, name) in [("pgp-keys", "pgp_keys"), ("recovery-pgp-keys", "recovery_pgp_keys")] {
        let keys = invocation.pgp_keys(flag)?;
        if !keys.is_empty() {
            wish = wish.strings(name, keys);
        }
    }
    if let Some(key) = invocation.pgp_keys("root-token-pgp-key")?.first() {
        wish = wish.string("root_token_pgp_key", key);
    }
    let recovery_shares = invocation.number("recovery-shares")?;
    let recovery_threshold = invocation.number("recovery-threshold")?;
    for (name, number) in
        [("recovery_shares", recovery_shares), ("recovery_threshold", recovery_threshold)]
    {
        if let Some(number) = number {
            wish = wish.plain(name, number);
        }
    }
    let reply = client
        .send(&Request::put("sys/init", Zeroizing::new(wish.finish())))
        .map_err(|stop| stop.during("initializing"))?;
    let doc = reply.doc()?;
    let made = doc.object().ok_or_else(|| Stop::remote("the server has told no keys"))?;
    let has_keys = items(made, "keys").next().is_some();
    // A server that opens itself has one share, which it keeps.
    let (shares, threshold) = if has_keys { (shares, threshold) } else { (1, 1) };
    if invocation.is_for_people() {
        return say(&introduction(made, shares, threshold));
    }
    let made = Object::new()
        .raw("unseal_keys_b64", &list(made, "keys_base64"))
        .raw("unseal_keys_hex", &list(made, "keys"))
        .plain("unseal_shares", shares)
        .plain("unseal_threshold", threshold)
        .raw("recovery_keys_b64", &list(made, "recovery_keys_base64"))
        .raw("recovery_keys_hex", &list(made, "recovery_keys"))
        .plain("recovery_keys_shares", recovery_shares.unwrap_or(0))
        .plain("recovery_keys_threshold", recovery_threshold.unwrap_or(0))
        .string("root_token", &text(made, "root_token"));
    invocation.print_json(&Zeroizing::new(made.finish()))
}

fn items<'a>(members: Members<'a>, name: &str) -> impl Iterator<Item = &'a str> {
    members.get(name).and_then(Value::items).into_iter().flatten().filter_map(Value::as_str)
}

fn list(members: Members<'_>, name: &str) -> Zeroizing<String> {
    let mut list = List::new();
    items(members, name).for_each(|item| list.string(item));
    Zeroizing::new(list.finish())
}

/// Keys and root token for people, who see them once.
fn introduction(made: Members<'_>, shares: u64, threshold: u64) -> Zeroizing<String> {
    let mut lines = Zeroizing::new(String::new());
    for (title, name) in [("Unseal Key", "keys_base64"), ("Recovery Key", "recovery_keys_base64")] {
        for (at, key) in items(made, name).enumerate() {
            lines.push_str(&format!("{title} {}: {key}\n", at + 1));
        }
    }
    lines.push_str(&format!("\nInitial Root Token: {}\n\n", *text(made, "root_token")));
    let prose = if items(made, "keys").next().is_none() {
        "Success! The server is initialized.".to_owned()
    } else {
        format!(
            "The unseal key is split into {shares} shares, of which {threshold} open the server \
             whenever it was sealed or started again. They are shown this once and kept nowhere: \
             give them to people who do not know each other's, and keep the root token apart. \
             With fewer than {threshold} of them nothing can be opened again."
        )
    };
    lines.push_str(&wrapped(&prose, ""));
    lines
}

fn init_status(invocation: &Invocation<'_>, client: &Client) -> Result<u8, Stop> {
    // 2 means that it is not initialised, so that an error is 1.
    let failed = |stop| match stop {
        Stop::Failure(_, text) => Stop::local(format!("Error checking init status: {text}")),
        Stop::Shown(_) => stop,
    };
    let reply = client.send(&Request::get("sys/init")).map_err(failed)?;
    let doc = reply.doc().map_err(failed)?;
    let is_initialized =
        doc.object().and_then(|members| members.get("initialized")).is_some_and(is_true);
    if invocation.is_for_people() {
        say(if is_initialized { "Vault is initialized" } else { "Vault is not initialized" })?;
    } else {
        invocation.print_json(&Object::new().plain("initialized", is_initialized).finish())?;
    }
    Ok(if is_initialized { 0 } else { 2 })
}

fn unseal(invocation: &Invocation<'_>) -> Result<u8, Stop> {
    let client = invocation.client()?;
    let is_migration = invocation.flags.is_on("migrate");
    let wish = if invocation.flags.is_on("reset") {
        invocation.arguments(0, 0)?;
        Object::new().plain("reset", true)
    } else {
        let share = invocation.share("Unseal Key")?;
        Object::new().string("key", &share.key).plain("migrate", is_migration)
    };
    let reply = client
        .send(&Request::put("sys/unseal", Zeroizing::new(wish.finish())))
        .map_err(|stop| stop.during("unsealing"))?;
    print_seal_status(invocation, &client, &reply.doc()?)
}

fn seal(invocation: &Invocation<'_>) -> Result<u8, Stop> {
    invocation.arguments(0, 0)?;
    let client = invocation.client()?;
    client.send(&Request::put_nothing("sys/seal")).map_err(|stop| stop.during("sealing"))?;
    say("Success! Vault is sealed.")
}

fn key_status(invocation: &Invocation<'_>) -> Result<u8, Stop> {
    invocation.arguments(0, 0)?;
    print_key_status(invocation, &invocation.client()?, "")
}

fn rotate(invocation: &Invocation<'_>) -> Result<u8, Stop> {
    invocation.arguments(0, 0)?;
    let client = invocation.client()?;
    client.send(&Request::put_nothing("sys/rotate")).map_err(|stop| stop.during("rotating key"))?;
    print_key_status(invocation, &client, "Success! Rotated key\n\n")
}

fn print_key_status(
    invocation: &Invocation<'_>,
    client: &Client,
    before: &str,
) -> Result<u8, Stop> {
    let reply = client
        .send(&Request::get("sys/key-status"))
        .map_err(|stop| stop.during("reading key status"))?;
    let doc = reply.doc()?;
    let all = doc.object().ok_or_else(|| Stop::remote("the answer is no key status"))?;
    let members = all.get("data").and_then(Value::members).unwrap_or(all);
    if !invocation.is_for_people() {
        let mut known = Object::new();
        for name in ["term", "install_time", "encryptions"] {
            if let Some(value) = members.get(name) {
                known = known.raw(name, &canonical(value));
            }
        }
        return invocation.print_json(&known.finish());
    }
    let rows = [
        pair("Key Term", text(members, "term")),
        pair("Install Time", text(members, "install_time")),
        pair("Encryption Count", text(members, "encryptions")),
    ];
    say(&format!("{before}{}", *columns(&rows)))
}

fn members(invocation: &Invocation<'_>) -> Result<u8, Stop> {
    invocation.arguments(0, 0)?;
    let reply = invocation
        .client()?
        .send(&Request::get("sys/ha-status"))
        .map_err(|stop| stop.during("reading the members of the cluster"))?;
    let doc = reply.doc()?;
    let all = doc.object().ok_or_else(|| Stop::remote("the answer is no list of members"))?;
    let all = all.get("data").and_then(Value::members).unwrap_or(all);
    const COLUMNS: [(&str, &str); 6] = [
        ("Host Name", "hostname"),
        ("API Address", "api_address"),
        ("Cluster Address", "cluster_address"),
        ("Active Node", "active_node"),
        ("Version", "version"),
        ("Last Echo", "last_echo"),
    ];
    let nodes = all.get("nodes");
    let rows = nodes.and_then(Value::items).into_iter().flatten().filter_map(|node| {
        let node = node.members()?;
        let cell = |name| node.get(name).map(|value| shown("", value)).unwrap_or_default();
        Some(COLUMNS.iter().map(|(_, name)| cell(name)).collect::<Row>())
    });
    let json = nodes.map_or_else(|| Zeroizing::new("[]".to_owned()), canonical);
    let json = Object::new().raw("nodes", &json).finish();
    invocation.print_rows(&COLUMNS.map(|(title, _)| title), rows.collect(), &json)
}

fn step_down(invocation: &Invocation<'_>) -> Result<u8, Stop> {
    invocation.arguments(0, 0)?;
    let client = invocation.client()?;
    client
        .send(&Request::put_nothing("sys/step-down"))
        .map_err(|stop| stop.during("stepping down"))?;
    say(&format!("Success! Stepped down: {}", client.address()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_see_every_key_and_the_token() {
        let text = r#"{"keys":["00","01"],"keys_base64":["AA==","AQ=="],"root_token":"s.t"}"#;
        let doc = super::super::request::parse(text.as_bytes()).ok().unwrap();
        let shown = introduction(doc.object().unwrap(), 2, 1);
        let start = "Unseal Key 1: AA==\nUnseal Key 2: AQ==\n\nInitial Root Token: s.t\n\nThe ";
        assert!(shown.starts_with(start), "{}", *shown);
    }
}
