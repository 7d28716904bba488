//! `sys/seal`, `sys/unseal`, `sys/seal-status`, `sys/step-down`.
//!
//! <https://openbao.org/api-docs/system/unseal/>

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use http::StatusCode;
use zeroize::Zeroizing;

use super::member;
use crate::answer::Answer;
use crate::encoding::{from_base64, from_hex};
use crate::json::{self, Kind, Value};
use crate::reject::{Corrupt, Reject};
use crate::route::{Access, Context, Method, Operation, Route};
use crate::seal::{self, SealChange, Stored, Unsealed};
use crate::store::codec::Reader;
use crate::token::Authorized;
use crate::vault::{BATCH_RECORD_VERSION, Halt, Tx};

pub(crate) const ROUTES: &[Route] = &[
    Route {
        engine: None,
        pattern: "sys/seal",
        open: false,
        free_form: true,
        exists: None,
        methods: &[Method::new(Operation::Update, Access::Sudo, seal)],
        fields: &[],
        synopsis: "Seals the server.",
        description: "Wipes the keys from memory. Everything but the seal's own endpoints answers \
                      503 from then on.",
    },
    Route {
        engine: None,
        pattern: "sys/seal-status",
        open: true,
        free_form: true,
        exists: None,
        methods: &[Method::new(Operation::Read, Access::AnyToken, status)],
        fields: &[],
        synopsis: "Tells the state of the seal.",
        description: "Needs no token, and tells the progress of an unseal.",
    },
    Route {
        engine: None,
        pattern: "sys/step-down",
        open: false,
        free_form: true,
        exists: None,
        methods: &[Method::new(Operation::Update, Access::Sudo, step_down)],
        fields: &[],
        synopsis: "Gives the lead to another node.",
        description: "A server that runs alone goes on.",
    },
    Route {
        engine: None,
        pattern: "sys/unseal",
        open: true,
        free_form: true,
        exists: None,
        methods: &[Method::new(Operation::Update, Access::AnyToken, unseal)],
        fields: &[],
        synopsis: "Takes a key share towards unsealing.",
        description: "`key` is a share in hex or base64; `reset` forgets those given so far.",
    },
];

fn seal(tx: &mut Tx<'_>, _: &Context<'_>, _: &Authorized) -> Result<Answer, Halt> {
    if tx.seal().unsealed().is_some() {
        tx.change_seal(SealChange::Seal);
    }
    Ok(Answer::Nothing)
}

fn step_down(_: &mut Tx<'_>, _: &Context<'_>, _: &Authorized) -> Result<Answer, Halt> {
    Ok(Answer::Nothing)
}

fn status(tx: &mut Tx<'_>, _: &Context<'_>, _: &Authorized) -> Result<Answer, Halt> {
    Ok(show(tx, tx.seal().stored(), tx.seal().unsealed()))
}

fn unseal(tx: &mut Tx<'_>, context: &Context<'_>, _: &Authorized) -> Result<Answer, Halt> {
    let is_unsealed = tx.seal().unsealed().is_some();
    if flag(context, "reset")? {
        if is_unsealed {
            return Err(Reject::invalid("vault is unsealed").into());
        }
        return Ok(show(tx, tx.seal().stored(), None));
    }
    let key = read_key(context)?;
    if is_unsealed {
        return Ok(show(tx, tx.seal().stored(), tx.seal().unsealed()));
    }
    let stored = tx.seal().stored().ok_or_else(|| Reject::invalid("Vault is not initialized"))?;
    match key.len() {
        0..16 => return Err(invalid_key("key is shorter than minimum 16 bytes").into()),
        16..=33 => {}
        _ => return Err(invalid_key("key is longer than maximum 33 bytes").into()),
    }
    // The batch record goes along, whatever becomes of the key: the first run loads it.
    let batch = tx.sealed(&seal::BATCH)?;
    let unsealed = seal::unseal(stored, &key).map_err(|_| {
        Reject::invalid(
            "unable to retrieve stored keys: invalid key: failed to decrypt keys from storage: \
             cipher: message authentication failed",
        )
    })?;
    // Without it there would be no floor under the time.
    let batch = batch.ok_or(Corrupt("the batch record is missing"))?;
    let payload = unsealed.barrier.open(&seal::BATCH, "", &batch)?;
    let mut reader = Reader::new(&payload, BATCH_RECORD_VERSION)?;
    let floor = reader.time()?;
    reader.finish()?;
    tx.raise_clock(floor);
    let answer = show(tx, Some(stored), Some(&unsealed));
    tx.change_seal(SealChange::Unseal(Box::new(unsealed)));
    Ok(answer)
}

/// The share of the body: hex if that gives a length that a share has, else base64.
fn read_key(context: &Context<'_>) -> Result<Zeroizing<Vec<u8>>, Reject> {
    let text = match member(context, "key").map(Value::kind) {
        None | Some(Kind::Null) => "",
        Some(Kind::String(text)) => text,
        Some(Kind::Bool(_) | Kind::Number(_) | Kind::Array(_) | Kind::Object(_)) => {
            return Err(Reject::invalid("failed to decode JSON input: key must be a string"));
        }
    };
    if text.is_empty() {
        return Err(Reject::invalid(
            "'key' must be specified in request body as JSON, or 'reset' set to true",
        ));
    }
    from_hex(text)
        .filter(|key| (16..=33).contains(&key.len()))
        .or_else(|| from_base64(text))
        .map(Zeroizing::new)
        .ok_or_else(|| Reject::invalid("'key' must be a valid hex or base64 string"))
}

fn invalid_key(why: &str) -> Reject {
    Reject::invalid(alloc::format!("invalid key: {why}"))
}

fn flag(context: &Context<'_>, name: &'static str) -> Result<bool, Reject> {
    match member(context, name).map(Value::kind) {
        None | Some(Kind::Null) => Ok(false),
        Some(Kind::Bool(value)) => Ok(value),
        Some(Kind::Number(_) | Kind::String(_) | Kind::Array(_) | Kind::Object(_)) => {
            let text = alloc::format!("failed to decode JSON input: {name} must be true or false");
            Err(Reject::invalid(text))
        }
    }
}

/// The state of the seal, as `sys/seal-status` and `sys/unseal` answer it.
fn show(tx: &Tx<'_>, stored: Option<&Stored>, unsealed: Option<&Unsealed>) -> Answer {
    let mut body = json::Object::new()
        .string("type", "shamir")
        .plain("initialized", stored.is_some())
        .plain("sealed", unsealed.is_none())
        .plain("t", stored.map_or(0, |stored| stored.threshold))
        .plain("n", stored.map_or(0, |stored| stored.shares))
        .plain("progress", 0)
        .string("nonce", "")
        .plain("recovery_seal", false)
        .string("version", crate::API_VERSION)
        .string("commit_date", crate::COMMIT_DATE)
        .plain("migration", false);
    if let Some(unsealed) = unsealed {
        body = body
            .string("cluster_name", &unsealed.cluster.name)
            .string("cluster_id", &unsealed.cluster.id);
    }
    let text: String = body.string("storage_type", tx.config.storage_type).finish();
    Answer::Bare(StatusCode::OK, text + "\n")
}
