//! Wrapping: an answer is put into the cubbyhole of a new token of one use, and that token is the answer.
//!
//! What a wrapping token is for, its own record says: its path is that of the request, and its times are
//! those of the wrapping.
//!
//! <https://openbao.org/docs/concepts/response-wrapping/>

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;

use super::record::{Alive, Token};
use crate::answer::Envelope;
use crate::call::Call;
use crate::engine::entry::{self, Entry};
use crate::json::{self, Doc, Kind, Object, Value};
use crate::namespace::Namespace;
use crate::policy::WRAPPING;
use crate::reject::{Corrupt, Reject};
use crate::secret::Wiped;
use crate::store::Owner;
use crate::vault::{Halt, Tx};

/// Where in its cubbyhole a wrapping token has the answer.
pub(crate) const RESPONSE: &str = "response";

impl Token {
    /// Whether it holds a wrapped answer, and is for nothing else.
    pub(crate) fn is_wrapping(&self) -> bool {
        matches!(&*self.policies, [policy] if policy == WRAPPING)
    }
}

/// What is wrapped, and for how long.
pub(crate) struct Wrapped<'w> {
    /// The whole answer, as it would have been sent.
    pub(crate) answer: &'w str,
    /// The path of the request in its namespace.
    pub(crate) path: &'w str,
    /// Seconds.
    pub(crate) ttl: i64,
    /// The accessor of a token inside.
    pub(crate) accessor: Option<&'w str>,
}

/// Stages a token that holds an answer. Gives the answer that tells of it.
pub(crate) fn wrap(
    tx: &mut Tx<'_>,
    namespace: &Namespace,
    wrapped: &Wrapped<'_>,
) -> Result<Envelope, Halt> {
    let ttl = Duration::from_secs(wrapped.ttl.unsigned_abs());
    let text = Wiped::new(namespace.mark(alloc::format!("s.{}", tx.random().base62(24))));
    let random = tx.random();
    let token = Token {
        namespace: namespace.id,
        accessor: namespace.mark(random.base62(24)).into(),
        cubbyhole: Owner(random.array()),
        policies: [WRAPPING.into()].into(),
        path: wrapped.path.into(),
        display_name: String::new(),
        meta: None,
        creation_time: tx.now,
        creation_ttl: wrapped.ttl,
        expire_time: Some(tx.now.after(ttl)),
        explicit_max_ttl: wrapped.ttl,
        period: 0,
        num_uses: 1,
        renewable: Some(false),
        ancestors: Vec::new(),
        spent_until: None,
    };
    token.create(tx, &text)?;
    let held = Object::new().string(RESPONSE, wrapped.answer).finish().into();
    entry::write(tx, token.cubbyhole, RESPONSE, &Entry { lease: None, text: held })?;
    let mut info = Object::new()
        .string("token", &text)
        .string("accessor", &token.accessor)
        .plain("ttl", wrapped.ttl)
        .string("creation_time", &token.creation_time.rfc3339())
        .string("creation_path", &token.path);
    if let Some(accessor) = wrapped.accessor {
        info = info.string("wrapped_accessor", accessor);
    }
    Ok(Envelope { wrap_info: Some(info.finish().into()), ..Envelope::default() })
}

/// A wrapping token that is alive.
pub(crate) struct Wrapping {
    pub(crate) text: Wiped<String>,
    pub(crate) token: Arc<Token>,
    pub(crate) namespace: Arc<Namespace>,
}

impl Wrapping {
    /// The wrapping token that a call is about: that of its body, or without one the caller's.
    ///
    /// # Errors
    ///
    /// A rejection if there is none, or if it is no wrapping token that is alive.
    pub(crate) fn find(tx: &mut Tx<'_>, call: &Call) -> Result<Self, Halt> {
        let refuse =
            |why: &str| Reject::Forbidden(alloc::format!("error validating wrapping token: {why}"));
        let members = call.doc.as_ref().and_then(Doc::object);
        let sent = members.and_then(|members| members.get("token")).map(Value::kind);
        let text = match sent {
            None => match call.token_text().filter(|text| !text.is_empty()) {
                Some(text) => text,
                None if call.has_token() => return Err(INVALID.into()),
                None => return Err(refuse("token is empty").into()),
            },
            Some(Kind::String("")) => return Err(refuse("empty token in request body").into()),
            Some(Kind::String(text)) => text,
            Some(
                Kind::Null | Kind::Bool(_) | Kind::Number(_) | Kind::Array(_) | Kind::Object(_),
            ) => {
                return Err(refuse("could not decode token in request body").into());
            }
        };
        let found = Token::find(tx, text, tx.charged())?;
        let found = found.filter(|found| found.token.is_wrapping());
        let Alive { token, namespace } = found.ok_or(INVALID)?;
        Ok(Self { text: Wiped::new(text.into()), token, namespace })
    }

    /// The answer that it holds.
    pub(crate) fn answer(&self, tx: &mut Tx<'_>) -> Result<Wiped<String>, Halt> {
        let held = entry::read(tx, self.token.cubbyhole, RESPONSE)?;
        let held = held.ok_or(INVALID)?;
        let doc = json::parse(held.text.as_bytes(), &json::Limits::unbounded());
        let doc = doc.ok().flatten().ok_or(Corrupt("a wrapped answer that is no JSON"))?;
        let answer = doc.object().and_then(|members| members.get(RESPONSE));
        let answer = answer.and_then(Value::as_str);
        Ok(Wiped::new(answer.ok_or(Corrupt("a wrapped answer that is no text"))?.into()))
    }

    /// Stages that it goes, and its answer with it.
    pub(crate) fn bury(&self, tx: &mut Tx<'_>) {
        self.token.bury(tx, &self.text);
    }

    pub(crate) fn ttl(&self) -> i64 {
        self.token.creation_ttl
    }

    pub(crate) fn path(&self) -> &str {
        &self.token.path
    }

    /// When it was made, as a text.
    pub(crate) fn creation_time(&self) -> String {
        self.token.creation_time.rfc3339()
    }
}

const INVALID: Reject =
    Reject::Invalid(alloc::borrow::Cow::Borrowed("wrapping token is not valid or does not exist"));
