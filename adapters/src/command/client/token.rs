//! `token`: who one is to the server.

use strongroom_core::json::{Object, Value};
use zeroize::Zeroizing;

use super::format::canonical;
use super::output::{one, say};
use super::path::clean;
use super::read::submit;
use super::request::Request;
use super::secret::Secret;
use super::{Invocation, Stop};
use crate::command::table::{Command, Output, Run};
use crate::flag::Described;

pub(super) const COMMANDS: &[Command] = &[
    Command {
        name: "token lookup",
        arguments: "[TOKEN | ACCESSOR]",
        summary: "Tells about a token; without one about one's own.",
        flags: &[ACCESSOR],
        output: Output::Fields,
        run: Run::Client(lookup),
    },
    Command {
        name: "token create",
        arguments: "",
        summary: "Makes a token below one's own.",
        flags: &[
            Described::valued("id", "TOKEN", "Its text; random without it."),
            Described::valued("policy", "NAME", "What it may do; may be repeated."),
            Described::valued("ttl", "TTL", "How long it lives if it is not renewed."),
            Described::valued("explicit-max-ttl", "TTL", "How long it lives at most."),
            Described::valued("period", "TTL", "It lives so long after each renewal, for ever."),
            Described::switch("renewable", "Whether it can be renewed; it can without this."),
            Described::switch("orphan", "It does not end with the token that made it."),
            Described::switch("no-default-policy", "It has no policy but those that are named."),
            Described::valued("use-limit", "N", "How often it can be used."),
            Described::valued("display-name", "TEXT", "How audit calls it."),
            Described::valued("metadata", "NAME=VALUE", "What is kept with it; may be repeated."),
            Described::valued("role", "NAME", "A role that it is made by."),
            Described::valued("type", "TYPE", "service or batch."),
            Described::valued("entity-alias", "NAME", "An alias of the role's that it belongs to."),
        ],
        output: Output::Fields,
        run: Run::Client(create),
    },
    Command {
        name: "token renew",
        arguments: "[TOKEN | ACCESSOR]",
        summary: "Lets a token live longer; without one one's own.",
        flags: &[ACCESSOR, Described::valued("increment", "TTL", "How long; the server decides.")],
        output: Output::Fields,
        run: Run::Client(renew),
    },
    Command {
        name: "token revoke",
        arguments: "[TOKEN | ACCESSOR]",
        summary: "Ends a token, and those below it.",
        flags: &[
            ACCESSOR,
            Described::switch("self", "One's own."),
            Described::valued(
                "mode",
                "MODE",
                "orphan spares those below it; path ends those that were made at a path.",
            ),
        ],
        output: Output::Fixed,
        run: Run::Client(revoke),
    },
    Command {
        name: "token capabilities",
        arguments: "[TOKEN | ACCESSOR] PATH",
        summary: "Tells what a token may do at a path; without one one's own.",
        flags: &[ACCESSOR],
        output: Output::Formatted,
        run: Run::Client(capabilities),
    },
];

const ACCESSOR: Described = Described::switch("accessor", "The argument is an accessor.");

fn lookup(invocation: &Invocation<'_>) -> Result<u8, Stop> {
    let request = match target(invocation)? {
        Target::Own => Request::get("auth/token/lookup-self"),
        Target::Token(token) => Request::post("auth/token/lookup", one("token", token)),
        Target::Accessor(accessor) => {
            Request::post("auth/token/lookup-accessor", one("accessor", accessor))
        }
    };
    let secret =
        submit(&invocation.client()?, &request).map_err(|stop| stop.during("looking up token"))?;
    let none = || Stop::remote("the server has told nothing about the token");
    invocation.print_secret_or_field(&secret.ok_or_else(none)?)
}

/// Which token a command is about.
enum Target<'i> {
    Own,
    Token(&'i str),
    Accessor(&'i str),
}

fn target<'i>(invocation: &'i Invocation<'_>) -> Result<Target<'i>, Stop> {
    let is_accessor = invocation.flags.is_on("accessor");
    match invocation.optional_argument()?.map(str::trim) {
        None if is_accessor => {
            Err(Stop::local("Not enough arguments with -accessor (expected 1, got 0)"))
        }
        None => Ok(Target::Own),
        Some(accessor) if is_accessor => Ok(Target::Accessor(accessor)),
        Some(token) => Ok(Target::Token(token)),
    }
}

fn create(invocation: &Invocation<'_>) -> Result<u8, Stop> {
    invocation.arguments(0, 0)?;
    let wish = wish(invocation)?;
    let path = match invocation.value("role").map(clean) {
        Some(role) => format!("auth/token/create/{role}"),
        None if invocation.flags.is_on("orphan") => "auth/token/create-orphan".to_owned(),
        None => "auth/token/create".to_owned(),
    };
    let secret = submit(&invocation.client()?, &Request::post(&path, wish))
        .map_err(|stop| stop.during("creating token"))?;
    let none = || Stop::remote("the server has made no token");
    invocation.print_secret_or_field(&secret.ok_or_else(none)?)
}

fn wish(invocation: &Invocation<'_>) -> Result<Zeroizing<String>, Stop> {
    let mut wish = Object::new();
    for (flag, name) in [
        ("id", "id"),
        ("display-name", "display_name"),
        ("type", "type"),
        ("entity-alias", "entity_alias"),
    ] {
        if let Some(text) = invocation.value(flag) {
            wish = wish.string(name, text);
        }
    }
    for (flag, name) in
        [("ttl", "ttl"), ("explicit-max-ttl", "explicit_max_ttl"), ("period", "period")]
    {
        if let Some(ttl) = invocation.duration(flag)? {
            wish = wish.string(name, ttl);
        }
    }
    let policies: Vec<&str> =
        invocation.flags.values("policy").flat_map(|all| all.split(',')).collect();
    if !policies.is_empty() {
        wish = wish.strings("policies", policies);
    }
    let metadata = invocation.pairs("metadata")?;
    if !metadata.is_empty() {
        let metadata = metadata.iter().fold(Object::new(), |object, (n, v)| object.string(n, v));
        wish = wish.raw("meta", &metadata.finish());
    }
    if let Some(uses) = invocation.number("use-limit")? {
        wish = wish.plain("num_uses", uses);
    }
    let is_on = |flag| invocation.flags.is_on(flag);
    wish = wish.plain("renewable", invocation.flags.switch("renewable").unwrap_or(true));
    wish = wish.plain("no_parent", is_on("orphan"));
    wish = wish.plain("no_default_policy", is_on("no-default-policy"));
    Ok(Zeroizing::new(wish.finish()))
}

fn renew(invocation: &Invocation<'_>) -> Result<u8, Stop> {
    let mut wish = Object::new();
    let path = match target(invocation)? {
        Target::Own => "auth/token/renew-self",
        Target::Token(token) => {
            wish = wish.string("token", token);
            "auth/token/renew"
        }
        Target::Accessor(accessor) => {
            wish = wish.string("accessor", accessor);
            "auth/token/renew-accessor"
        }
    };
    if let Some(increment) = invocation.duration("increment")? {
        wish = wish.string("increment", increment);
    }
    let request = Request::put(path, Zeroizing::new(wish.finish()));
    let secret =
        submit(&invocation.client()?, &request).map_err(|stop| stop.during("renewing token"))?;
    let none = || Stop::remote("the server has told nothing about the token");
    invocation.print_secret_or_field(&secret.ok_or_else(none)?)
}

fn revoke(invocation: &Invocation<'_>) -> Result<u8, Stop> {
    let is_own = invocation.flags.is_on("self");
    let request = match (target(invocation)?, invocation.value("mode")) {
        (Target::Own, None) if is_own => Request::put_nothing("auth/token/revoke-self"),
        (Target::Own, _) => {
            return Err(Stop::local("Not enough arguments: name a token, or give -self"));
        }
        (_, _) if is_own => return Err(Stop::local("-self takes no token")),
        (Target::Token(token), None) => Request::put("auth/token/revoke", one("token", token)),
        (Target::Token(token), Some("orphan")) => {
            Request::put("auth/token/revoke-orphan", one("token", token))
        }
        (Target::Token(path), Some("path")) => {
            Request::put_nothing(&format!("sys/revoke-prefix/{path}"))
        }
        (Target::Accessor(accessor), None) => {
            Request::put("auth/token/revoke-accessor", one("accessor", accessor))
        }
        (Target::Accessor(_), Some("orphan" | "path")) => {
            return Err(Stop::local("-accessor and -mode cannot be used together"));
        }
        (_, Some(_)) => return Err(Stop::local("-mode must be orphan or path")),
    };
    invocation.client()?.send(&request).map_err(|stop| stop.during("revoking token"))?;
    say("Success! Revoked token (if it existed)")
}

fn capabilities(invocation: &Invocation<'_>) -> Result<u8, Stop> {
    let is_accessor = invocation.flags.is_on("accessor");
    let words = invocation.arguments(if is_accessor { 2 } else { 1 }, 2)?;
    let (endpoint, wish, path) = match words {
        [accessor, path] if is_accessor => {
            ("sys/capabilities-accessor", Object::new().string("accessor", accessor), path)
        }
        [token, path] => ("sys/capabilities", Object::new().string("token", token), path),
        [path] => ("sys/capabilities-self", Object::new(), path),
        _ => return Err(Stop::local("Not enough arguments (expected 1-2)")),
    };
    let wish = Zeroizing::new(wish.strings("paths", [path]).finish());
    let request = Request::post(endpoint, wish);
    let secret = submit(&invocation.client()?, &request)
        .map_err(|stop| stop.during("listing capabilities"))?;
    let none = || Stop::local("No capabilities found");
    let secret = secret.ok_or_else(none)?;
    if secret.wrap_info().is_some() {
        return invocation.print_secret(&secret);
    }
    let list = list_of(&secret, path).ok_or_else(none)?;
    if !invocation.is_for_people() {
        return invocation.print_json(&canonical(list));
    }
    let mut names: Vec<_> = list.items().into_iter().flatten().filter_map(Value::as_str).collect();
    names.sort_unstable();
    say(&names.join(", "))
}

/// The capabilities at a path: under its name, or, of older servers, under one for all.
fn list_of<'s>(secret: &'s Secret, path: &str) -> Option<Value<'s>> {
    secret.datum(path).or_else(|| secret.datum("capabilities"))
}
