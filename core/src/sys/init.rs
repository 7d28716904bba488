//! `sys/init`: whether the server is initialised, and its initialisation.
//!
//! <https://openbao.org/api-docs/system/init/>

use alloc::format;
use alloc::vec::Vec;

use http::StatusCode;

use super::body::{self, member};
use super::{pgp, share};
use crate::answer::Answer;
use crate::field::{Field, FieldKind};
use crate::json::{self, Kind, Value};
use crate::mount::first_mount;
use crate::reject::Reject;
use crate::route::{Access, Context, Method, Operation, Route};
use crate::seal::{self, SealChange, Sharing};
use crate::secret::Wiped;
use crate::store::Owner;
use crate::token::{Authorized, create_root};
use crate::vault::{Halt, Tx};

pub(crate) const ROUTES: &[Route] = &[Route {
    pattern: "sys/init",
    open: true,
    free_form: true,
    methods: &[
        Method::new(Operation::Read, Access::Open, status),
        Method::new(Operation::Update, Access::Open, initialize),
    ],
    fields: &[
        Field::body("pgp_keys", FieldKind::Strings, "Refused: there is no PGP here."),
        Field::body("recovery_pgp_keys", FieldKind::Strings, RECOVERY),
        Field::body("recovery_shares", FieldKind::Int, RECOVERY),
        Field::body("recovery_threshold", FieldKind::Int, RECOVERY),
        Field::body("root_token_pgp_key", FieldKind::String, "Refused: there is no PGP here."),
        Field::body("secret_shares", FieldKind::Int, "Into how many shares the key is split."),
        Field::body("secret_threshold", FieldKind::Int, "How many of them unseal."),
    ],
    synopsis: "Initialises the server, or tells whether it is.",
    description: "Makes the keys and the root token of a new server, which stays sealed. \
                  `secret_shares` says into how many shares the unseal key is split, and \
                  `secret_threshold` how many of them unseal.",
    ..Route::NEW
}];

const RECOVERY: &str = "Refused: recovery keys belong to seals that open themselves.";

fn status(tx: &mut Tx<'_>, _: &Context<'_>, _: &Authorized) -> Result<Answer, Halt> {
    let body = json::Object::new().plain("initialized", tx.seal().stored().is_some()).finish();
    Ok(Answer::Bare(StatusCode::OK, body + "\n"))
}

fn initialize(tx: &mut Tx<'_>, context: &Context<'_>, _: &Authorized) -> Result<Answer, Halt> {
    check_recovery(context)?;
    let shares = body::int(context, "secret_shares")?;
    let threshold = body::int(context, "secret_threshold")?;
    let sharing = Sharing::new(shares, threshold).map_err(invalid_seal)?;
    let wants_pgp = check_pgp(context, sharing)?;
    if tx.seal().stored().is_some() {
        return Err(Reject::invalid("Vault is already initialized").into());
    }
    if wants_pgp {
        return Err(invalid_seal(pgp::UNSUPPORTED).into());
    }
    let now = tx.now;
    let (shares, mut unsealed) = seal::create(sharing, tx.random(), now);
    for (key, record) in unsealed.stored.records() {
        tx.put_sealed(key, record);
    }
    let (text, token) = create_root(tx.random(), now);
    let text = Wiped::new(text);
    let owner = Owner(tx.random().array());
    let mount = first_mount(owner);
    let mut records = 0;
    for (name, payload) in token.records(&text).into_iter().chain(mount) {
        tx.put_through(&unsealed.barrier, &name, &payload);
        records += 1;
    }
    let batch = unsealed.seal_batch_record(records, now, tx.random());
    tx.put_sealed(seal::BATCH, batch);
    let body = share::write(json::Object::new(), &shares).string("root_token", &text).finish();
    tx.change_seal(SealChange::Initialize(unsealed.stored));
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

/// Whether PGP keys are given. What is given must be as many keys as shares.
fn check_pgp(context: &Context<'_>, sharing: Sharing) -> Result<bool, Reject> {
    let keys = body::strings(context, "pgp_keys")?;
    let token_key = body::string(context, "root_token_pgp_key")?;
    pgp::check_keys(&keys, sharing).map_err(invalid_seal)?;
    if !token_key.is_empty() {
        pgp::check_key(token_key).map_err(Reject::invalid)?;
    }
    Ok(!keys.is_empty() || !token_key.is_empty())
}

fn invalid_seal(why: &str) -> Reject {
    Reject::invalid(format!("invalid seal configuration: {why}"))
}
