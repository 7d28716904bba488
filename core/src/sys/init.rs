//! `sys/init`: whether the server is initialised, and its initialisation.
//!
//! <https://openbao.org/api-docs/system/init/>

use alloc::format;
use alloc::vec::Vec;

use http::StatusCode;

use super::member;
use crate::answer::Answer;
use crate::encoding::{base64, hex};
use crate::json::{self, Kind, Value};
use crate::reject::Reject;
use crate::route::{Access, Context, Engine, Method, Operation, Route, create_mount};
use crate::seal::{self, SealChange};
use crate::store::Owner;
use crate::store::codec::Writer;
use crate::token::{Authorized, create_root};
use crate::vault::{BATCH_RECORD_VERSION, Halt, Tx};

pub(crate) const ROUTES: &[Route] = &[Route {
    engine: None,
    pattern: "sys/init",
    open: true,
    free_form: true,
    exists: None,
    methods: &[
        Method::new(Operation::Read, Access::AnyToken, status),
        Method::new(Operation::Update, Access::AnyToken, initialize),
    ],
    fields: &[],
    synopsis: "Initialises the server, or tells whether it is.",
    description: "Makes the keys and the root token of a new server. It stays sealed.",
}];

fn status(tx: &mut Tx<'_>, _: &Context<'_>, _: &Authorized) -> Result<Answer, Halt> {
    let body = json::Object::new().plain("initialized", tx.seal().stored().is_some()).finish();
    Ok(Answer::Bare(StatusCode::OK, body + "\n"))
}

fn initialize(tx: &mut Tx<'_>, context: &Context<'_>, _: &Authorized) -> Result<Answer, Halt> {
    check_recovery(context)?;
    let (shares, pgp) = check_shares(context)?;
    if tx.seal().stored().is_some() {
        return Err(Reject::invalid("Vault is already initialized").into());
    }
    if shares > 1 || pgp {
        let what = if pgp { "PGP keys are" } else { "more than one share is" };
        let text = format!("invalid seal configuration: {what} not available");
        return Err(Reject::invalid(text).into());
    }
    let now = tx.now;
    let created = seal::create(tx.random(), now);
    for (key, record) in
        [seal::CONFIG, seal::ROOT_KEY, seal::KEYRING].into_iter().zip(created.stored.records())
    {
        tx.put_sealed(key, record);
    }
    let payload = Writer::new(BATCH_RECORD_VERSION).time(now).finish();
    let nonce = tx.random().array();
    tx.put_sealed(seal::BATCH, created.barrier.seal(&seal::BATCH, "", &payload, nonce));
    let (text, token) = create_root(tx.random(), now);
    let text = zeroize::Zeroizing::new(text);
    let owner = Owner(tx.random().array());
    let mount = create_mount("secret/", Engine::Kv1, owner);
    for (name, payload) in token.records(&text).into_iter().chain(mount) {
        tx.put_through(&created.barrier, &name, &payload);
    }
    let key = &*created.unseal_key;
    let body = json::Object::new()
        .strings("keys", [hex(key)])
        .strings("keys_base64", [base64(key)])
        .string("root_token", &text)
        .finish();
    tx.change_seal(SealChange::Initialize(created.stored));
    Ok(Answer::Bare(StatusCode::OK, body + "\n"))
}

/// Parameters of seals that open themselves do not apply.
fn check_recovery(context: &Context<'_>) -> Result<(), Reject> {
    let sent: Vec<&str> = ["recovery_shares", "recovery_threshold", "recovery_pgp_keys"]
        .into_iter()
        .filter(|name| match member(context, name).map(Value::kind) {
            None | Some(Kind::Null) => false,
            Some(Kind::Number(text)) => text != "0",
            Some(Kind::Array(mut items)) => items.next().is_some(),
            Some(Kind::Bool(_) | Kind::String(_) | Kind::Object(_)) => true,
        })
        .collect();
    if sent.is_empty() {
        return Ok(());
    }
    Err(Reject::invalid(format!(
        "parameters {} not applicable to seal type shamir",
        sent.join(",")
    )))
}

/// The number of shares, and whether PGP keys are given: one share without PGP is what this server can
/// make so far.
fn check_shares(context: &Context<'_>) -> Result<(i64, bool), Reject> {
    let shares = int(context, "secret_shares")?;
    let threshold = int(context, "secret_threshold")?;
    let why = if shares < 1 {
        "shares must be at least one"
    } else if threshold < 1 {
        "threshold must be at least one"
    } else if shares > 1 && threshold < 2 {
        "threshold must be greater than one for multiple shares"
    } else if shares > 255 {
        "shares must be less than 256"
    } else if threshold > 255 {
        "threshold must be less than 256"
    } else if threshold > shares {
        "threshold cannot be larger than shares"
    } else {
        let pgp = member(context, "pgp_keys").is_some_and(is_given)
            || member(context, "root_token_pgp_key").is_some_and(is_given);
        return Ok((shares, pgp));
    };
    Err(Reject::invalid(format!("invalid seal configuration: {why}")))
}

fn is_given(value: Value<'_>) -> bool {
    match value.kind() {
        Kind::Null => false,
        Kind::String(text) => !text.is_empty(),
        Kind::Array(mut items) => items.next().is_some(),
        Kind::Bool(_) | Kind::Number(_) | Kind::Object(_) => true,
    }
}

/// A whole number; this endpoint takes no other type for one.
fn int(context: &Context<'_>, name: &'static str) -> Result<i64, Reject> {
    let parsed = match member(context, name).map(Value::kind) {
        None | Some(Kind::Null) => Some(0),
        Some(Kind::Number(text)) => text.parse().ok(),
        Some(Kind::Bool(_) | Kind::String(_) | Kind::Array(_) | Kind::Object(_)) => None,
    };
    parsed.ok_or_else(|| {
        Reject::invalid(format!("failed to decode JSON input: {name} must be a whole number"))
    })
}
