//! What an answer must be.

use std::borrow::Cow;
use std::collections::BTreeSet;

use serde_json::Value;

/// See the module.
#[derive(Clone, Debug, PartialEq)]
pub enum Expect {
    /// The status alone.
    Status(u16),
    /// 204, or another status without a word.
    Empty(u16),
    /// `errors` with exactly this text, or none.
    Errors(u16, Option<Cow<'static, str>>),
    /// 200 and exactly this text as `data`.
    Data(String),
    /// 200 and `data` that is equal to this.
    Equal(Value),
    /// 200 and `data` that has these members, and those inside of them.
    Shows(Value),
    /// 200 and `data` with these names and no others; what is under a name has these members.
    Table(Value),
    /// 200 and these names as `data.keys`.
    Keys(Vec<String>),
    /// 200 and a new token: its number.
    Made(u64),
    /// 200 and the key of a new lock: its number.
    Locked(u64),
    /// 200 and names as `data.secret`: all of the first, and none that is not of the second.
    Sight(BTreeSet<String>, BTreeSet<String>),
    /// 200 and the state of the seal.
    Seal {
        /// Whether it is sealed.
        sealed: bool,
        /// Shares given so far.
        progress: usize,
        /// The number of the attempt, if one is under way.
        attempt: Option<u64>,
    },
    /// 200 and this term of the keyring.
    Term(u32),
    /// One of both.
    Either(Box<Self>, Box<Self>),
}

impl Expect {
    /// A refusal with a text.
    pub(super) fn refused(status: u16, text: impl Into<Cow<'static, str>>) -> Self {
        Self::Errors(status, Some(text.into()))
    }

    /// 400 and a text.
    pub(super) fn invalid(text: impl Into<Cow<'static, str>>) -> Self {
        Self::refused(400, text)
    }

    /// A refusal whose text stands in a list, as behind the authorisation.
    pub(super) fn listed(status: u16, text: &str) -> Self {
        Self::refused(status, format!("1 error occurred:\n\t* {text}\n\n"))
    }

    /// No token, or none that is alive.
    pub(super) fn nobody() -> Self {
        Self::refused(403, "permission denied")
    }

    /// What was asked for is not there.
    pub(super) fn absent() -> Self {
        Self::Errors(404, None)
    }
}
