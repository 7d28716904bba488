//! `sys/seal`, `sys/unseal`, `sys/seal-status`, `sys/step-down`.
//!
//! <https://openbao.org/api-docs/system/unseal/>

use alloc::boxed::Box;
use alloc::format;
use alloc::vec::Vec;

use http::StatusCode;

use super::{body, share};
use crate::answer::Answer;
use crate::field::{Field, FieldKind};
use crate::json;
use crate::reject::{Corrupt, Reject};
use crate::route::{Access, Context, Method, Operation, Route};
use crate::seal::{
    self, Attempt, CombineError, SealChange, SealState, Sharing, Stored, Taken, Unsealed,
};
use crate::secret::Wiped;
use crate::token::Authorized;
use crate::vault::{Halt, Tx};

pub(crate) const ROUTES: &[Route] = &[
    Route {
        pattern: "sys/seal",
        free_form: true,
        methods: &[Method::new(Operation::Update, Access::Sudo, seal)],
        synopsis: "Seals the server.",
        description: "Wipes the keys from memory. Everything but the seal's own endpoints answers \
                      503 from then on.",
        ..Route::NEW
    },
    Route {
        pattern: "sys/seal-status",
        open: true,
        free_form: true,
        methods: &[Method::new(Operation::Read, Access::Open, status)],
        synopsis: "Tells the state of the seal.",
        description: "Needs no token, and tells the progress of an unseal.",
        ..Route::NEW
    },
    Route {
        pattern: "sys/step-down",
        free_form: true,
        methods: &[Method::new(Operation::Update, Access::Sudo, step_down)],
        synopsis: "Gives the lead to another node.",
        description: "A server that runs alone goes on.",
        ..Route::NEW
    },
    Route {
        pattern: "sys/unseal",
        open: true,
        free_form: true,
        methods: &[Method::new(Operation::Update, Access::Open, unseal)],
        fields: &[
            Field::body("key", FieldKind::String, "A share, in hex or base64."),
            Field::body("migrate", FieldKind::Bool, "Refused: there is one kind of seal."),
            Field::body("reset", FieldKind::Bool, "Whether the shares given so far are forgotten."),
        ],
        synopsis: "Takes a key share towards unsealing.",
        description: "`key` is a share in hex or base64; `reset` forgets those given so far.",
        ..Route::NEW
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
    if body::bool(context, "reset")? {
        if state.unsealed().is_some() {
            return Err(Reject::invalid("vault is unsealed").into());
        }
        tx.change_seal(SealChange::Attempt(None));
        return Ok(Shown { attempt: None, ..Shown::of(state) }.answer(tx));
    }
    let key = body::string(context, "key")?;
    if key.is_empty() {
        let text = "'key' must be specified in request body as JSON, or 'reset' set to true";
        return Err(Reject::invalid(text).into());
    }
    let share = share::read(key)?;
    if body::bool(context, "migrate")? {
        let text = "can't perform a seal migration, no migration seal found";
        return Err(Reject::Trouble(text).into());
    }
    if state.unsealed().is_some() {
        return Ok(Shown::of(state).answer(tx));
    }
    let stored = state.stored().ok_or_else(|| Reject::invalid("Vault is not initialized"))?;
    share::check_key_length(&share)?;
    let taken = match state.attempt() {
        Some(attempt) => attempt.take(share, stored.sharing),
        None => Attempt::begin(tx.random().uuid()).take(share, stored.sharing),
    };
    match taken {
        // A share that is given again counts once.
        Taken::Known => Ok(Shown::of(state).answer(tx)),
        Taken::Partial(attempt) => {
            let answer = Shown { attempt: Some(&attempt), ..Shown::of(state) }.answer(tx);
            tx.change_seal(SealChange::Attempt(Some(attempt)));
            Ok(answer)
        }
        Taken::Complete(key) => complete(tx, stored, key),
    }
}

/// Opens the seal by a complete attempt. Right or wrong, that is the end of it; only a trouble of the
/// server's own leaves it as it was.
fn complete(
    tx: &mut Tx<'_>,
    stored: &Stored,
    key: Result<Wiped<Vec<u8>>, CombineError>,
) -> Result<Answer, Halt> {
    // The batch record goes along, whatever becomes of the key: the first run loads it.
    let batch = tx.sealed(&seal::BATCH)?;
    tx.change_seal(SealChange::Attempt(None));
    let key = match key {
        Ok(key) => key,
        Err(error) => {
            let text = format!("invalid key: failed to compute combined key: {error}");
            return Ok(Answer::Refused(text.into()));
        }
    };
    let Some(mut unsealed) = seal::unseal(stored, &key)? else {
        let text = format!("unable to retrieve stored keys: {}", share::WRONG_KEY);
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
