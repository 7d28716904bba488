//! `sys/rotate/root/{init,update,verify,backup}`: new shares of the unseal key, by a quorum of the old
//! ones.
//!
//! `sys/rekey` is the same under an older name and without a token of the caller's, for listeners that
//! switch it on. A handler is told by its mount which of the two it answers for ([`Dialect`]): an
//! endpoint of the HTTP layer has none.
//!
//! <https://openbao.org/api-docs/system/rotate/>, <https://openbao.org/api-docs/system/rekey/>

mod dialect;
mod show;
mod step;

use alloc::string::String;
use alloc::vec::Vec;

use self::dialect::Dialect;
use super::keyring::unsealed;
use super::{body, share};
use crate::answer::Answer;
use crate::field::{Field, FieldKind};
use crate::reject::Reject;
use crate::route::{Access, Context, Method, Operation, Route};
use crate::seal::Share;
use crate::secret::Wiped;
use crate::token::Authorized;
use crate::vault::{Halt, Tx};

pub(crate) const ROUTES: &[Route] = &[
    init_route("rotate/root/init"),
    update_route("rotate/root/update"),
    verify_route("rotate/root/verify"),
    backup_route("rotate/root/backup"),
    backup_route("rekey/backup"),
];

/// Those for which nobody needs a token. They are there where a listener says so.
pub(crate) const OPEN_ROUTES: &[Route] = &[
    bare(init_route("sys/rekey/init")),
    bare(update_route("sys/rekey/update")),
    bare(verify_route("sys/rekey/verify")),
    recovery_route("sys/rekey-recovery-key/init"),
    recovery_route("sys/rekey-recovery-key/update"),
    recovery_route("sys/rekey-recovery-key/verify"),
];

const INIT_FIELDS: &[Field] = &[
    Field::body("backup", FieldKind::Bool, "Has no effect: only encrypted shares are kept."),
    Field::body("pgp_keys", FieldKind::Strings, "Refused: there is no PGP here."),
    Field::body("require_verification", FieldKind::Bool, "Whether new shares must be shown first."),
    Field::body("secret_shares", FieldKind::Int, "Into how many shares the key is split."),
    Field::body("secret_threshold", FieldKind::Int, "How many of them unseal."),
];

const SHARE_FIELDS: &[Field] = &[
    Field::body("key", FieldKind::String, "A share, in hex or base64."),
    Field::body("nonce", FieldKind::String, "The nonce of the operation."),
];

const INIT_METHODS: &[Method] = &[
    Method::new(Operation::Read, Access::Acl, read),
    Method::new(Operation::Update, Access::Acl, begin),
    Method::new(Operation::Delete, Access::Acl, cancel),
];

const UPDATE_METHODS: &[Method] = &[Method::new(Operation::Update, Access::Acl, update)];

const VERIFY_METHODS: &[Method] = &[
    Method::new(Operation::Read, Access::Acl, read_verification),
    Method::new(Operation::Update, Access::Acl, verify),
    Method::new(Operation::Delete, Access::Acl, restart_verification),
];

const BACKUP_METHODS: &[Method] = &[
    Method::new(Operation::Read, Access::Acl, read_backup),
    Method::new(Operation::Delete, Access::Acl, delete_backup),
];

const RECOVERY_METHODS: &[Method] = &[
    Method::new(Operation::Read, Access::Acl, refuse_recovery),
    Method::new(Operation::Update, Access::Acl, refuse_recovery),
    Method::new(Operation::Delete, Access::Acl, refuse_recovery),
];

const fn init_route(pattern: &'static str) -> Route {
    Route {
        methods: INIT_METHODS,
        fields: INIT_FIELDS,
        synopsis: "Begins the way to new key shares, tells how far it is, and ends it.",
        description: "There is one at a time. A seal or a restart ends it too, and the shares stay as \
                      they are.",
        ..Route::seal(pattern)
    }
}

const fn update_route(pattern: &'static str) -> Route {
    Route {
        methods: UPDATE_METHODS,
        fields: SHARE_FIELDS,
        synopsis: "Takes an old share towards new ones.",
        description: "The share that completes the quorum gives the new shares. They are in force at \
                      once, or when they are verified, if that was asked for.",
        ..Route::seal(pattern)
    }
}

const fn verify_route(pattern: &'static str) -> Route {
    Route {
        methods: VERIFY_METHODS,
        fields: SHARE_FIELDS,
        synopsis: "Takes a new share, to verify that it was received.",
        description: "When a quorum of the new shares was given, they are in force, and the old ones no \
                      more.",
        ..Route::seal(pattern)
    }
}

const fn backup_route(pattern: &'static str) -> Route {
    Route {
        doubled: true,
        methods: BACKUP_METHODS,
        synopsis: "Encrypted copies of new shares.",
        description: "There are none: they would be encrypted by PGP, which is not here.",
        ..Route::seal(pattern)
    }
}

const fn recovery_route(pattern: &'static str) -> Route {
    bare(Route {
        methods: RECOVERY_METHODS,
        synopsis: "Refused.",
        description: "Recovery keys belong to seals that open themselves.",
        ..Route::seal(pattern)
    })
}

/// The route as an endpoint of the HTTP layer.
const fn bare(route: Route) -> Route {
    Route { engine: None, open: true, ..route }
}

fn read(tx: &mut Tx<'_>, context: &Context<'_>, _: &Authorized) -> Result<Answer, Halt> {
    let unsealed = unsealed(tx)?;
    let required = unsealed.stored.sharing.threshold();
    let dialect = Dialect::of(context);
    Ok(show::status(dialect, unsealed.operations.rekey.as_ref(), required))
}

fn begin(tx: &mut Tx<'_>, context: &Context<'_>, _: &Authorized) -> Result<Answer, Halt> {
    let dialect = Dialect::of(context);
    step::begin(tx, dialect, &read_wishes(context, dialect)?)
}

fn cancel(tx: &mut Tx<'_>, _: &Context<'_>, _: &Authorized) -> Result<Answer, Halt> {
    step::cancel(tx)
}

fn update(tx: &mut Tx<'_>, context: &Context<'_>, _: &Authorized) -> Result<Answer, Halt> {
    let dialect = Dialect::of(context);
    unsealed(tx)?;
    let (share, nonce) = read_share(context, dialect)?;
    step::update(tx, dialect, share, &nonce)
}

fn read_verification(
    tx: &mut Tx<'_>,
    context: &Context<'_>,
    _: &Authorized,
) -> Result<Answer, Halt> {
    step::read_verification(tx, Dialect::of(context))
}

fn verify(tx: &mut Tx<'_>, context: &Context<'_>, _: &Authorized) -> Result<Answer, Halt> {
    let dialect = Dialect::of(context);
    unsealed(tx)?;
    let (share, nonce) = read_share(context, dialect)?;
    step::verify(tx, dialect, share, &nonce)
}

fn restart_verification(
    tx: &mut Tx<'_>,
    context: &Context<'_>,
    _: &Authorized,
) -> Result<Answer, Halt> {
    step::restart_verification(tx, Dialect::of(context))
}

fn read_backup(_: &mut Tx<'_>, _: &Context<'_>, _: &Authorized) -> Result<Answer, Halt> {
    Err(Reject::invalid("no backed-up keys found").into())
}

fn delete_backup(_: &mut Tx<'_>, _: &Context<'_>, _: &Authorized) -> Result<Answer, Halt> {
    Ok(Answer::Nothing)
}

fn refuse_recovery(tx: &mut Tx<'_>, _: &Context<'_>, _: &Authorized) -> Result<Answer, Halt> {
    unsealed(tx)?;
    Err(Reject::invalid("recovery rekeying not supported").into())
}

/// What a beginning asks for, as it was sent.
struct Wishes {
    shares: i64,
    threshold: i64,
    pgp_keys: Vec<String>,
    backup: bool,
    must_verify: bool,
}

fn read_wishes(context: &Context<'_>, dialect: Dialect) -> Result<Wishes, Reject> {
    let args = &context.args;
    Ok(match dialect {
        Dialect::Rotate => Wishes {
            shares: args.int("secret_shares")?.unwrap_or(0),
            threshold: args.int("secret_threshold")?.unwrap_or(0),
            pgp_keys: args.strings("pgp_keys")?.unwrap_or_default(),
            backup: args.bool("backup")?.unwrap_or(false),
            must_verify: args.bool("require_verification")?.unwrap_or(false),
        },
        Dialect::Rekey => Wishes {
            shares: body::int(context, "secret_shares")?,
            threshold: body::int(context, "secret_threshold")?,
            pgp_keys: body::strings(context, "pgp_keys")?.into_iter().map(Into::into).collect(),
            backup: body::bool(context, "backup")?,
            must_verify: body::bool(context, "require_verification")?,
        },
    })
}

/// A share and a nonce. A nonce that is missing is a wrong one where no token is asked for.
fn read_share(context: &Context<'_>, dialect: Dialect) -> Result<(Share, String), Reject> {
    let parameter = |name: &'static str| match dialect {
        Dialect::Rotate => Ok(context.args.string(name)?.unwrap_or_default()),
        Dialect::Rekey => body::string(context, name).map(Into::into),
    };
    let (key, nonce) = (Wiped::new(parameter("key")?), parameter("nonce")?);
    match dialect {
        Dialect::Rotate if key.is_empty() => {
            return Err(Reject::invalid("missing required field 'key'"));
        }
        Dialect::Rotate if nonce.is_empty() => {
            return Err(Reject::invalid("missing required field 'nonce'"));
        }
        Dialect::Rekey if key.is_empty() => {
            return Err(Reject::invalid("'key' must be specified in request body as JSON"));
        }
        Dialect::Rotate | Dialect::Rekey => {}
    }
    let share = share::read(&key)?;
    share::check_length(&share).map_err(Reject::invalid)?;
    Ok((share, nonce))
}
