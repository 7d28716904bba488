//! `sys/seal`, `sys/unseal`, `sys/seal-status`, `sys/step-down`.
//!
//! <https://openbao.org/api-docs/system/unseal/>

use alloc::boxed::Box;
use alloc::format;

use http::StatusCode;

use super::{member, undecodable};
use crate::answer::Answer;
use crate::encoding::{from_base64, from_hex};
use crate::json::{self, Kind, Value};
use crate::limit::{SHARE_BYTES_MAX, SHARE_BYTES_MIN};
use crate::reject::{Corrupt, Reject};
use crate::route::{Access, Context, Method, Operation, Route};
use crate::seal::{self, Attempt, SealChange, SealState, Share, Sharing, Stored, Unsealed};
use crate::token::Authorized;
use crate::vault::{Halt, Tx};

pub(crate) const ROUTES: &[Route] = &[
    Route {
        engine: None,
        pattern: "sys/seal",
        open: false,
        free_form: true,
        doubled: false,
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
        doubled: false,
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
        doubled: false,
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
        doubled: false,
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
    Ok(Shown::of(tx.seal()).answer(tx))
}

fn unseal(tx: &mut Tx<'_>, context: &Context<'_>, _: &Authorized) -> Result<Answer, Halt> {
    let state = tx.seal();
    if flag(context, "reset")? {
        if state.unsealed().is_some() {
            return Err(Reject::invalid("vault is unsealed").into());
        }
        tx.change_seal(SealChange::Attempt(None));
        return Ok(Shown { attempt: None, ..Shown::of(state) }.answer(tx));
    }
    let share = read_share(context)?;
    if flag(context, "migrate")? {
        let text = "can't perform a seal migration, no migration seal found";
        return Err(Reject::Trouble(text).into());
    }
    if state.unsealed().is_some() {
        return Ok(Shown::of(state).answer(tx));
    }
    let stored = state.stored().ok_or_else(|| Reject::invalid("Vault is not initialized"))?;
    check_length(&share)?;
    let attempt = match state.attempt() {
        // A share that is given again counts once.
        Some(attempt) if attempt.holds(&share) => return Ok(Shown::of(state).answer(tx)),
        Some(attempt) => attempt.with(share),
        None => Attempt::begin(tx.random().uuid(), share),
    };
    if attempt.is_complete(stored.sharing) {
        return complete(tx, stored, &attempt);
    }
    let answer = Shown { attempt: Some(&attempt), ..Shown::of(state) }.answer(tx);
    tx.change_seal(SealChange::Attempt(Some(attempt)));
    Ok(answer)
}

/// Opens the seal by a complete attempt. Right or wrong, that is the end of it; only a trouble of the
/// server's own leaves it as it was.
fn complete(tx: &mut Tx<'_>, stored: &Stored, attempt: &Attempt) -> Result<Answer, Halt> {
    // The batch record goes along, whatever becomes of the key: the first run loads it.
    let batch = tx.sealed(&seal::BATCH)?;
    tx.change_seal(SealChange::Attempt(None));
    let key = match attempt.key() {
        Ok(key) => key,
        Err(error) => {
            let text = format!("invalid key: failed to compute combined key: {error}");
            return Ok(Answer::Refused(text.into()));
        }
    };
    let Some(mut unsealed) = seal::unseal(stored, &key)? else {
        let text = "unable to retrieve stored keys: invalid key: failed to decrypt keys from \
                    storage: cipher: message authentication failed";
        return Ok(Answer::Refused(text.into()));
    };
    // Without it there would be no floor under the time.
    let batch = batch.ok_or(Corrupt("the batch record is missing"))?;
    let batch = unsealed.open_batch_record(&batch)?;
    unsealed.count_from(&batch);
    tx.raise_clock(batch.time);
    let shown = Shown { stored: Some(stored), attempt: None, unsealed: Some(&unsealed) };
    let answer = shown.answer(tx);
    tx.change_seal(SealChange::Open(Box::new(unsealed)));
    Ok(answer)
}

/// The share of the body: hex if that gives a length that a share has, else base64.
fn read_share(context: &Context<'_>) -> Result<Share, Reject> {
    let text = match member(context, "key").map(Value::kind) {
        None | Some(Kind::Null) => "",
        Some(Kind::String(text)) => text,
        Some(Kind::Bool(_) | Kind::Number(_) | Kind::Array(_) | Kind::Object(_)) => {
            return Err(undecodable("key must be a string"));
        }
    };
    if text.is_empty() {
        return Err(Reject::invalid(
            "'key' must be specified in request body as JSON, or 'reset' set to true",
        ));
    }
    from_hex(text)
        .map(Share::new)
        .filter(|share| check_length(share).is_ok())
        .or_else(|| from_base64(text).map(Share::new))
        .ok_or_else(|| Reject::invalid("'key' must be a valid hex or base64 string"))
}

fn check_length(share: &Share) -> Result<(), Reject> {
    let why = match share.expose().len() {
        ..SHARE_BYTES_MIN => "key is shorter than minimum 16 bytes",
        SHARE_BYTES_MIN..=SHARE_BYTES_MAX => return Ok(()),
        _ => "key is longer than maximum 33 bytes",
    };
    Err(Reject::invalid(format!("invalid key: {why}")))
}

fn flag(context: &Context<'_>, name: &'static str) -> Result<bool, Reject> {
    match member(context, name).map(Value::kind) {
        None | Some(Kind::Null) => Ok(false),
        Some(Kind::Bool(value)) => Ok(value),
        Some(Kind::Number(_) | Kind::String(_) | Kind::Array(_) | Kind::Object(_)) => {
            Err(undecodable(&format!("{name} must be true or false")))
        }
    }
}

/// The state of the seal, as `sys/seal-status` and `sys/unseal` answer it.
struct Shown<'a> {
    stored: Option<&'a Stored>,
    attempt: Option<&'a Attempt>,
    unsealed: Option<&'a Unsealed>,
}

impl<'a> Shown<'a> {
    fn of(state: &'a SealState) -> Self {
        let (stored, attempt) = (state.stored(), state.attempt());
        Self { stored, attempt, unsealed: state.unsealed() }
    }

    fn answer(&self, tx: &Tx<'_>) -> Answer {
        let sharing = self.stored.map(|stored| stored.sharing);
        let mut body = json::Object::new()
            .string("type", "shamir")
            .plain("initialized", self.stored.is_some())
            .plain("sealed", self.unsealed.is_none())
            .plain("t", sharing.map_or(0, Sharing::threshold))
            .plain("n", sharing.map_or(0, Sharing::shares))
            .plain("progress", self.attempt.map_or(0, Attempt::progress))
            .string("nonce", self.attempt.map_or("", Attempt::nonce))
            .plain("recovery_seal", false)
            .string("version", crate::API_VERSION)
            .string("commit_date", crate::COMMIT_DATE)
            .plain("migration", false);
        if let Some(unsealed) = self.unsealed {
            body = body
                .string("cluster_name", &unsealed.cluster.name)
                .string("cluster_id", &unsealed.cluster.id);
        }
        let text = body.string("storage_type", tx.config.storage_type).finish();
        Answer::Bare(StatusCode::OK, text + "\n")
    }
}
