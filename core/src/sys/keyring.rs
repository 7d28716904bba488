//! `sys/key-status` and `sys/rotate`: the keyring's current term, and new keys.
//!
//! <https://openbao.org/api-docs/system/key-status/>,
//! <https://openbao.org/api-docs/system/rotate/>

use alloc::boxed::Box;
use alloc::format;

use crate::answer::Answer;
use crate::duration;
use crate::field::{Field, FieldKind};
use crate::json;
use crate::reject::{Corrupt, Reject};
use crate::route::{Access, Context, Method, Operation, Route};
use crate::seal::{self, Rotation, SealChange, Unsealed};
use crate::token::Authorized;
use crate::vault::{Halt, Tx};

pub(crate) const ROUTES: &[Route] = &[
    Route {
        doubled: true,
        methods: &[Method::new(Operation::Read, Access::Acl, status)],
        synopsis: "Tells the current term of the keyring.",
        description: "`encryptions` counts the records that were sealed under it.",
        ..Route::seal("key-status")
    },
    rotate_route("rotate"),
    rotate_route("rotate/keyring"),
    config_route("rotate/config"),
    config_route("rotate/keyring/config"),
    Route {
        methods: &[Method::new(Operation::Update, Access::Sudo, rotate_root)],
        synopsis: "Replaces the root key.",
        description: "The shares of the unseal key stay good: it seals the new root key, and that \
                      the keyring.",
        ..Route::seal("rotate/root")
    },
];

const fn rotate_route(pattern: &'static str) -> Route {
    Route {
        doubled: true,
        methods: ROTATE_METHODS,
        synopsis: "Adds a term to the keyring.",
        description: "What is written from then on is sealed under the new term; what is stored \
                      stays as it is and can be read.",
        ..Route::seal(pattern)
    }
}

const fn config_route(pattern: &'static str) -> Route {
    Route {
        methods: CONFIG_METHODS,
        fields: CONFIG_FIELDS,
        synopsis: "The rule of automatic rotation.",
        description: "The keyring takes a new term with the next write after so many records, or \
                      after that time.",
        ..Route::seal(pattern)
    }
}

const ROTATE_METHODS: &[Method] = &[Method::new(Operation::Update, Access::Sudo, rotate)];

const CONFIG_METHODS: &[Method] = &[
    Method::new(Operation::Read, Access::Acl, read_config),
    Method::new(Operation::Update, Access::Acl, write_config),
];

const CONFIG_FIELDS: &[Field] = &[
    Field::body("enabled", FieldKind::Bool, "Whether the keyring is rotated by itself."),
    Field::body("interval", FieldKind::DurationText, "Age of a term, at least 24h; 0 for any."),
    Field::body("max_operations", FieldKind::Int, "Records sealed under one term."),
];

/// The open seal; of a server that is sealed, a refusal.
pub(super) fn unsealed<'v>(tx: &Tx<'v>) -> Result<&'v Unsealed, Reject> {
    tx.seal().unsealed().ok_or(Reject::Sealed)
}

fn status(tx: &mut Tx<'_>, _: &Context<'_>, _: &Authorized) -> Result<Answer, Halt> {
    let unsealed = unsealed(tx)?;
    // Read like any record, so that the answer waits until what it counts is durable.
    let batch = tx.sealed(&seal::BATCH)?.ok_or(Corrupt("the batch record is missing"))?;
    let batch = unsealed.open_batch_record(&batch)?;
    let term = unsealed.keyring.current_term();
    let data = json::Object::new()
        .plain("encryptions", batch.encryptions_of(term))
        .string("install_time", &unsealed.keyring.install_time().rfc3339())
        .plain("term", term)
        .finish();
    Ok(Answer::data(data))
}

fn rotate(tx: &mut Tx<'_>, _: &Context<'_>, _: &Authorized) -> Result<Answer, Halt> {
    let now = tx.now;
    let rotated = unsealed(tx)?.rotated(tx.random(), now);
    let rotated = rotated.ok_or_else(|| Reject::invalid("the keyring has no room for a term"))?;
    Ok(replace(tx, rotated))
}

fn rotate_root(tx: &mut Tx<'_>, _: &Context<'_>, _: &Authorized) -> Result<Answer, Halt> {
    let changed = unsealed(tx)?.with_new_root_key(tx.random());
    Ok(replace(tx, changed))
}

fn read_config(tx: &mut Tx<'_>, _: &Context<'_>, _: &Authorized) -> Result<Answer, Halt> {
    let Rotation { enabled, records_max, interval } = unsealed(tx)?.keyring.rotation();
    let data = json::Object::new().plain("enabled", enabled);
    let data = match interval {
        0 => data.plain("interval", 0),
        seconds => data.string("interval", &duration::long(seconds)),
    };
    Ok(Answer::data(data.plain("max_operations", records_max).finish()))
}

/// What is not given stays as it is.
fn write_config(tx: &mut Tx<'_>, context: &Context<'_>, _: &Authorized) -> Result<Answer, Halt> {
    let unsealed = unsealed(tx)?;
    let mut rotation = unsealed.keyring.rotation();
    if let Some(records_max) = context.args.int("max_operations")? {
        rotation.records_max = records_max;
    }
    if let Some(text) = context.args.string("interval")? {
        rotation.interval = read_interval(&text)?;
    }
    if let Some(enabled) = context.args.bool("enabled")? {
        rotation.enabled = enabled;
    }
    let rotation = rotation.check().map_err(Reject::invalid)?;
    let changed = unsealed.with_rotation(rotation, tx.random());
    Ok(replace(tx, changed))
}

/// Whole seconds that are not negative.
fn read_interval(text: &str) -> Result<i64, Reject> {
    let failed = |cause| Reject::Field { field: "interval", cause };
    let interval = duration::parse(text).map_err(failed)?;
    if interval.is_negative() {
        return Err(failed(format!("cannot provide negative value '{}'", interval.seconds())));
    }
    Ok(interval.seconds())
}

/// Stores the records of the seal, and goes on with its new keys.
pub(super) fn replace(tx: &mut Tx<'_>, unsealed: Unsealed) -> Answer {
    for (key, record) in unsealed.stored.records() {
        tx.put_sealed(key, record);
    }
    tx.change_seal(SealChange::Open(Box::new(unsealed)));
    Answer::Nothing
}
