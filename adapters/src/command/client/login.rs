//! `login`: a token by any method of authentication, kept for later commands.

use strongroom_core::json::{Object, Value};
use zeroize::Zeroizing;

use super::format::canonical;
use super::input::Data;
use super::output::{tell, wrapped};
use super::path::clean;
use super::read::{submit, unwrap_token};
use super::request::{Client, Request};
use super::secret::Secret;
use super::settings::{Settings, variable};
use super::{Invocation, Stop};
use crate::command::table::{Command, Output, Run};
use crate::dev::store_token;
use crate::flag::Described;

pub(super) const COMMANDS: &[Command] = &[Command {
    name: "login",
    arguments: "[TOKEN] [name=value...]",
    summary: "Logs in, and keeps the token in ~/.vault-token. What is secret and missing is asked \
              for.",
    flags: &[
        Described::valued(
            "method",
            "NAME",
            "How: token, as without it, userpass, approle, ldap...",
        ),
        Described::valued("path", "PATH", "Where the method is; its name without it."),
        Described::switch("no-store", "Does not keep the token."),
        Described::switch("no-print", "Does not print the token."),
        Described::switch("token-only", "Prints the token alone, and does not keep it."),
    ],
    output: Output::Fields,
    run: Run::Client(login),
}];

/// Methods whose path has the user's name in it, and which take a password.
const BY_PASSWORD: [&str; 4] = ["userpass", "ldap", "okta", "radius"];

fn login(invocation: &Invocation<'_>) -> Result<u8, Stop> {
    let is_on = |flag| invocation.flags.is_on(flag);
    let shows_token_only = is_on("token-only");
    let is_kept = !is_on("no-store") && !shows_token_only;
    if is_on("no-store") && is_on("no-print") {
        return Err(Stop::local("-no-store and -no-print cannot be used together"));
    }
    let method = clean(invocation.value("method").unwrap_or("token"));
    let secret = match method.as_str() {
        "token" => by_token(invocation)?,
        method => by_method(invocation, method)?,
    };
    if secret.auth().is_some_and(|auth| {
        auth.get("mfa_requirement").is_some_and(|value| value.members().is_some())
    }) {
        tell(&wrapped(
            "The login wants a second factor: answer by a write to sys/mfa/validate.",
            "",
        ));
        return invocation.print_secret(&secret);
    }
    let secret = match secret.wrap_info() {
        Some(_) if shows_token_only => {
            return invocation.print_field("wrapping_token", secret.field("wrapping_token"));
        }
        Some(_) if !is_kept => return invocation.print_secret(&secret),
        Some(wrap) => {
            let token = wrap.get("token").and_then(Value::as_str).unwrap_or("");
            let client = invocation.client()?.without_wrapping().with_token(token);
            let none = || Stop::remote("the wrapping token holds nothing");
            unwrap_token(client, None)?.ok_or_else(none)?
        }
        None => secret,
    };
    finish(invocation, &secret, is_kept)
}

/// Keeps the token and prints it, as the flags say.
fn finish(invocation: &Invocation<'_>, secret: &Secret, is_kept: bool) -> Result<u8, Stop> {
    let token = secret.field("token").and_then(Value::as_str);
    let token = token.ok_or_else(|| Stop::remote("the answer of the server holds no token"))?;
    if is_kept {
        store_token(token).map_err(|error| {
            Stop::local(format!(
                "Error storing token: {error}. The login has worked: -no-store prints its token"
            ))
        })?;
        if variable("TOKEN").is_some() {
            tell(
                "WARNING! VAULT_TOKEN or BAO_TOKEN is set, and goes before the token just stored.",
            );
        }
    } else if !invocation.flags.is_on("token-only") {
        tell("The token was not stored: give it to later commands by VAULT_TOKEN.");
    }
    if invocation.flags.is_on("no-print") {
        return Ok(0);
    }
    if invocation.flags.is_on("token-only") {
        return invocation.print_field("token", secret.field("token"));
    }
    if invocation.field().is_none() && invocation.is_for_people() && is_kept {
        tell("Success! You are now authenticated. The token is stored for later commands.\n");
    }
    invocation.print_secret_or_field(secret)
}

/// A token that is there already; the server tells what it is.
fn by_token(invocation: &Invocation<'_>) -> Result<Secret, Stop> {
    let words = invocation.arguments(0, usize::MAX)?;
    let mut data = match words {
        [token, pairs @ ..] if !token.contains('=') => {
            let first = Zeroizing::new(format!("token={token}"));
            let mut words = vec![first.to_string()];
            words.extend_from_slice(pairs);
            invocation.data(&words)?
        }
        words => invocation.data(words)?,
    };
    let token = match data.take("token") {
        Some(token) => token,
        None => invocation.ask("Token")?,
    };
    let token = token.trim();
    let looks_up = data.take("lookup").is_none_or(|word| word.as_str() != "false");
    if !looks_up {
        let auth = Object::new().string("client_token", token).finish();
        return made(&Zeroizing::new(Object::new().raw("auth", &auth).finish()));
    }
    let client = anonymous(invocation)?.without_wrapping().with_token(token);
    let found = submit(&client, &Request::get("auth/token/lookup-self"))
        .map_err(|stop| stop.during("authenticating: error looking up token"))?;
    let none = || Stop::remote("the server has told nothing about the token");
    let found = found.ok_or_else(none)?;
    let told = |name: &str, own: &str| {
        found.datum(name).map_or_else(|| Zeroizing::new(own.to_owned()), canonical)
    };
    let auth = Object::new()
        .string("client_token", token)
        .raw("accessor", &told("accessor", "\"\""))
        .raw("policies", &told("policies", "[]"))
        .raw("token_policies", &told("policies", "[]"))
        .raw("identity_policies", &told("identity_policies", "null"))
        .raw("metadata", &told("meta", "null"))
        .raw("orphan", &told("orphan", "false"))
        .raw("entity_id", &told("entity_id", "\"\""))
        .raw("lease_duration", &told("ttl", "0"))
        .raw("renewable", &told("renewable", "false"))
        .finish();
    made(&Zeroizing::new(Object::new().raw("auth", &Zeroizing::new(auth)).finish()))
}

fn made(text: &str) -> Result<Secret, Stop> {
    Secret::from_text(text)?.ok_or_else(|| Stop::remote("the answer of the server holds no token"))
}

/// A client without a token: an old one may not even be sent.
fn anonymous(invocation: &Invocation<'_>) -> Result<Client, Stop> {
    let settings = Settings { token: None, ..Settings::read(&invocation.flags)? };
    Client::new(settings, invocation.program.name)
}

fn by_method(invocation: &Invocation<'_>, method: &str) -> Result<Secret, Stop> {
    let mut data = invocation.data(invocation.arguments(0, usize::MAX)?)?;
    let mount = match (invocation.value("path"), data.take("mount")) {
        (Some(path), _) => clean(path),
        (None, Some(mount)) => clean(&mount),
        (None, None) => method.to_owned(),
    };
    let mut path = format!("auth/{mount}/login");
    if BY_PASSWORD.contains(&method) {
        let name = data.take("username").map(|name| name.to_string());
        let name = name
            .or_else(|| own_name(method))
            .ok_or_else(|| Stop::local("'username' must be given: username=NAME"))?;
        path = format!("{path}/{name}");
        ask_for(invocation, &mut data, "password", "Password")?;
    } else if method == "github" {
        ask_for(invocation, &mut data, "token", "GitHub Personal Access Token")?;
    }
    let client = anonymous(invocation)?;
    let secret = submit(&client, &Request::put(&path, data.json()))
        .map_err(|stop| stop.during("authenticating"))?;
    secret.ok_or_else(|| Stop::remote("Error authenticating: the server has sent no token"))
}

/// Whoever is at this machine, for methods where that is mostly the same name.
fn own_name(method: &str) -> Option<String> {
    let names = ["LOGNAME", "USER"].iter().filter(|_| method == "ldap");
    names.filter_map(|name| std::env::var(name).ok()).find(|name| !name.is_empty())
}

fn ask_for(
    invocation: &Invocation<'_>,
    data: &mut Data,
    name: &str,
    what: &str,
) -> Result<(), Stop> {
    let value = match data.take(name) {
        Some(value) => value,
        None => invocation.ask(what)?,
    };
    data.set(name, value);
    Ok(())
}

/// How one logs in by a method at a path.
pub(super) fn help(program: &str, method: &str, path: &str) -> String {
    let more = if path == method { String::new() } else { format!(" -path={path}") };
    let pairs = match method {
        "token" => return format!("Usage: {program} login [TOKEN]"),
        method if BY_PASSWORD.contains(&method) => "username=NAME [password=PASSWORD]",
        "approle" => "role_id=ID secret_id=ID",
        "cert" => "[name=ROLE]",
        "github" => "[token=TOKEN]",
        "jwt" | "oidc" | "kubernetes" => "role=ROLE jwt=TOKEN",
        _ => "[name=value...]",
    };
    format!("Usage: {program} login -method={method}{more} {pairs}")
}
