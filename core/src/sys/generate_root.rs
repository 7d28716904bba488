//! `sys/generate-root-token` and `sys/decode-token`: a new root token from a quorum of key shares.
//!
//! `sys/generate-root` is the same without a token of the caller's, for listeners that switch it on.
//! Both are about one operation, and differ in the form of their answers and in what they say of a
//! parameter that is missing.
//!
//! <https://openbao.org/api-docs/system/generate-root/>,
//! <https://openbao.org/api-docs/system/decode-token/>

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use http::StatusCode;

use super::keyring::unsealed;
use super::{body, pgp, share};
use crate::answer::Answer;
use crate::encoding::{base64_unpadded, from_base64_unpadded};
use crate::field::{Field, FieldKind};
use crate::json;
use crate::reject::Reject;
use crate::route::{Access, Context, Method, Operation, Route};
use crate::seal::{Attempt, RootGeneration, SealChange, Share, Taken};
use crate::secret::Wiped;
use crate::token::{Authorized, ROOT_TOKEN_BYTES, create_root};
use crate::vault::{Halt, Tx};

pub(crate) const ROUTES: &[Route] = &[
    attempt_route("generate-root-token/attempt"),
    update_route("generate-root-token/update"),
    Route {
        open: true,
        methods: &[Method::new(Operation::Update, Access::Open, decode)],
        fields: &[
            Field::body("encoded_token", FieldKind::String, "What the last share gave."),
            Field::body("otp", FieldKind::String, "The one-time password."),
        ],
        synopsis: "Decodes a new root token.",
        description: "It is in base64, and hidden by a one-time password.",
        ..Route::system("decode-token")
    },
    Route {
        free_form: true,
        synopsis: "Closed.",
        description: "The attempt of this name stands one segment further.",
        ..Route::system("generate-root")
    },
];

/// Those for which nobody needs a token. They are there where a listener says so.
pub(crate) const OPEN_ROUTES: &[Route] = &[
    Route { engine: None, open: true, ..attempt_route("sys/generate-root/attempt") },
    Route { engine: None, open: true, ..update_route("sys/generate-root/update") },
];

const ATTEMPT_METHODS: &[Method] = &[
    Method::new(Operation::Read, Access::Acl, read),
    Method::new(Operation::Update, Access::Acl, begin),
    Method::new(Operation::Delete, Access::Acl, cancel),
];

const UPDATE_METHODS: &[Method] = &[Method::new(Operation::Update, Access::Acl, update)];

const ATTEMPT_FIELDS: &[Field] = &[
    Field::body("otp", FieldKind::String, "A one-time password as long as the token."),
    Field::body("pgp_key", FieldKind::String, "Refused: there is no PGP here."),
];

const UPDATE_FIELDS: &[Field] = &[
    Field::body("key", FieldKind::String, "A share, in hex or base64."),
    Field::body("nonce", FieldKind::String, "The nonce of the attempt."),
];

const fn attempt_route(pattern: &'static str) -> Route {
    Route {
        methods: ATTEMPT_METHODS,
        fields: ATTEMPT_FIELDS,
        synopsis: "Begins the way to a new root token, tells how far it is, and ends it.",
        description: "There is one at a time. The token is hidden by a one-time password, which the \
                      server chooses if none is given, and shows once.",
        ..Route::seal(pattern)
    }
}

const fn update_route(pattern: &'static str) -> Route {
    Route {
        methods: UPDATE_METHODS,
        fields: UPDATE_FIELDS,
        synopsis: "Takes a key share towards a new root token.",
        description: "The share that completes the quorum gives the token, hidden by the one-time \
                      password. Wrong shares end the progress, and the attempt goes on.",
        ..Route::seal(pattern)
    }
}

fn read(tx: &mut Tx<'_>, context: &Context<'_>, _: &Authorized) -> Result<Answer, Halt> {
    let unsealed = unsealed(tx)?;
    let generation = unsealed.operations.root_generation.as_ref();
    Ok(Shown::of(generation, unsealed.stored.sharing.threshold()).attempt(context))
}

fn begin(tx: &mut Tx<'_>, context: &Context<'_>, _: &Authorized) -> Result<Answer, Halt> {
    let unsealed = unsealed(tx)?;
    let password = Wiped::new(parameter(context, "otp")?);
    if password.is_empty() {
        refuse_pgp(&parameter(context, "pgp_key")?)?;
    } else if password.len() != ROOT_TOKEN_BYTES {
        return Err(Reject::invalid("OTP string has incorrect length").into());
    }
    if unsealed.operations.root_generation.is_some() {
        let text = "root generation already in progress for this namespace";
        return Err(Reject::invalid(text).into());
    }
    let attempt = Attempt::begin(tx.random().uuid());
    let (password, is_chosen_here) = if password.is_empty() {
        (Wiped::new(tx.random().base62(ROOT_TOKEN_BYTES)), true)
    } else {
        (password, false)
    };
    let generation = RootGeneration { attempt, password };
    let mut shown = Shown::of(Some(&generation), unsealed.stored.sharing.threshold());
    if is_chosen_here {
        shown.password = &generation.password;
    }
    let answer = shown.attempt(context);
    tx.change_seal(SealChange::RootGeneration(Some(generation)));
    Ok(answer)
}

fn refuse_pgp(key: &str) -> Result<(), Reject> {
    if key.is_empty() {
        return Ok(());
    }
    let why = pgp::check_key(key).err().unwrap_or(pgp::UNSUPPORTED);
    Err(Reject::invalid(format!("error parsing PGP key: {why}")))
}

fn cancel(tx: &mut Tx<'_>, _: &Context<'_>, _: &Authorized) -> Result<Answer, Halt> {
    unsealed(tx)?;
    tx.change_seal(SealChange::RootGeneration(None));
    Ok(Answer::Nothing)
}

fn update(tx: &mut Tx<'_>, context: &Context<'_>, _: &Authorized) -> Result<Answer, Halt> {
    let unsealed = unsealed(tx)?;
    let (share, nonce) = read_share(context)?;
    let generation = unsealed.operations.root_generation.as_ref();
    let generation = generation.ok_or_else(|| Reject::invalid("no root generation in progress"))?;
    if nonce != generation.attempt.nonce() {
        let text = format!(
            "incorrect nonce supplied; nonce for this root generation operation is \"{}\"",
            generation.attempt.nonce()
        );
        return Err(Reject::invalid(text).into());
    }
    let sharing = unsealed.stored.sharing;
    let key = match generation.attempt.take(share, sharing) {
        Taken::Known => {
            let text = "given key has already been provided during this generation operation";
            return Err(Reject::invalid(text).into());
        }
        Taken::Partial(attempt) => {
            let generation = generation.with(attempt);
            let answer = Shown::of(Some(&generation), sharing.threshold()).update(context);
            tx.change_seal(SealChange::RootGeneration(Some(generation)));
            return Ok(answer);
        }
        Taken::Complete(key) => key,
    };
    if let Err(why) = share::agree(unsealed, key, "root generation aborted") {
        let anew = generation.with(generation.attempt.emptied());
        tx.change_seal(SealChange::RootGeneration(Some(anew)));
        return Ok(Answer::Refused(why.into()));
    }
    let now = tx.now;
    let (text, token) = create_root(tx.random(), now);
    let text = Wiped::new(text);
    token.create(tx, &text)?;
    tx.change_seal(SealChange::RootGeneration(None));
    let encoded = base64_unpadded(&xor(text.as_bytes(), generation.password.as_bytes()));
    let shown = Shown {
        progress: sharing.threshold().into(),
        encoded: Some(&encoded),
        ..Shown::of(Some(generation), sharing.threshold())
    };
    Ok(shown.update(context))
}

/// A share and a nonce. A nonce that is missing is a wrong one where no token is asked for.
fn read_share(context: &Context<'_>) -> Result<(Share, String), Reject> {
    let (key, nonce) = (Wiped::new(parameter(context, "key")?), parameter(context, "nonce")?);
    if is_bare(context) {
        if key.is_empty() {
            return Err(Reject::invalid("'key' must be specified in request body as JSON"));
        }
    } else if nonce.is_empty() {
        return Err(Reject::invalid("nonce is required"));
    } else if key.is_empty() {
        return Err(Reject::invalid("key is required"));
    }
    let share = share::read(&key)?;
    share::check_key_length(&share)?;
    Ok((share, nonce))
}

fn decode(_: &mut Tx<'_>, context: &Context<'_>, _: &Authorized) -> Result<Answer, Halt> {
    let (encoded, password) = (parameter(context, "encoded_token")?, parameter(context, "otp")?);
    let (encoded, password) = (Wiped::new(encoded), Wiped::new(password));
    if encoded.is_empty() || password.is_empty() {
        return Err(Reject::invalid("provided 'encoded_token' or 'otp' is empty").into());
    }
    let hidden = from_base64_unpadded(&encoded)
        .ok_or_else(|| Reject::invalid("error decoding base64'd token: no base64"))?;
    if hidden.len() != password.len() {
        let text = format!(
            "error xoring token: length of byte slices is not equivalent: {} != {}",
            hidden.len(),
            password.len()
        );
        return Err(Reject::invalid(text).into());
    }
    let token = xor(&hidden, password.as_bytes());
    let token = str::from_utf8(&token)
        .map_err(|_| Reject::invalid("error xoring token: this password gives no text"))?;
    Ok(Answer::data(json::Object::new().string("token", token).finish()))
}

/// Two texts of one length, one hidden by the other.
fn xor(left: &[u8], right: &[u8]) -> Wiped<Vec<u8>> {
    Wiped::new(left.iter().zip(right).map(|(left, right)| left ^ right).collect())
}

/// Whether the endpoint is one of the HTTP layer, whose answers have no envelope.
fn is_bare(context: &Context<'_>) -> bool {
    context.mount.is_none()
}

fn parameter(context: &Context<'_>, name: &'static str) -> Result<String, Reject> {
    if is_bare(context) {
        return body::string(context, name).map(Into::into);
    }
    Ok(context.args.string(name)?.unwrap_or_default())
}

/// What the answers tell.
struct Shown<'a> {
    started: bool,
    nonce: &'a str,
    progress: usize,
    required: u8,
    /// Shown to who did not choose it, once.
    password: &'a str,
    encoded: Option<&'a str>,
}

impl<'a> Shown<'a> {
    fn of(generation: Option<&'a RootGeneration>, required: u8) -> Self {
        let attempt = generation.map(|generation| &generation.attempt);
        Self {
            started: attempt.is_some(),
            nonce: attempt.map_or("", Attempt::nonce),
            progress: attempt.map_or(0, Attempt::progress),
            required,
            password: "",
            encoded: None,
        }
    }

    /// The answer of the endpoint that begins.
    fn attempt(&self, context: &Context<'_>) -> Answer {
        if is_bare(context) {
            return self.bare(ROOT_TOKEN_BYTES);
        }
        let data = json::Object::new().plain("complete", false);
        let data = if self.started { data.string("nonce", self.nonce) } else { data };
        let data = data.string("otp", self.password).plain("otp_length", ROOT_TOKEN_BYTES);
        let data = if self.started { data.string("pgp_fingerprint", "") } else { data };
        Answer::data(self.count(data).plain("started", self.started).finish())
    }

    /// The answer of the endpoint that takes shares.
    fn update(&self, context: &Context<'_>) -> Answer {
        if is_bare(context) {
            return self.bare(0);
        }
        let data = json::Object::new()
            .plain("complete", self.encoded.is_some())
            .string("encoded_token", self.encoded.unwrap_or(""))
            .string("nonce", self.nonce)
            .string("pgp_fingerprint", "");
        Answer::data(self.count(data).plain("started", self.started).finish())
    }

    fn bare(&self, password_bytes: usize) -> Answer {
        let encoded = self.encoded.unwrap_or("");
        let body = json::Object::new().string("nonce", self.nonce).plain("started", self.started);
        let body = self
            .count(body)
            .plain("complete", self.encoded.is_some())
            .string("encoded_token", encoded)
            .string("encoded_root_token", encoded)
            .string("pgp_fingerprint", "")
            .string("otp", self.password)
            .plain("otp_length", password_bytes)
            .finish();
        Answer::Bare(StatusCode::OK, body + "\n")
    }

    fn count(&self, object: json::Object) -> json::Object {
        object.plain("progress", self.progress).plain("required", self.required)
    }
}
