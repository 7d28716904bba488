//! The two names that the API has for this operation, and the words that go with each.

use crate::route::Context;

/// See the module.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    /// `sys/rotate/root`, with a token, in an envelope.
    Rotate,
    /// `sys/rekey`, without either.
    Rekey,
}

/// What the API says of a request that it refuses.
pub(super) struct Words {
    pub(super) invalid: &'static str,
    pub(super) already_running: &'static str,
    pub(super) not_running: &'static str,
    /// A nonce follows.
    pub(super) wrong_nonce: &'static str,
    pub(super) known_share: &'static str,
    pub(super) finished: &'static str,
    pub(super) wrong_shares: &'static str,
    pub(super) nothing_to_show: &'static str,
    pub(super) nothing_to_verify: &'static str,
    pub(super) no_verification: &'static str,
    pub(super) wrong_new_shares: &'static str,
}

impl Dialect {
    pub(super) fn of(context: &Context<'_>) -> Self {
        if context.mount.is_some() { Self::Rotate } else { Self::Rekey }
    }

    pub(super) fn words(self) -> &'static Words {
        match self {
            Self::Rotate => &ROTATE,
            Self::Rekey => &REKEY,
        }
    }
}

static ROTATE: Words = Words {
    invalid: "invalid rotate seal configuration",
    already_running: "rotation already in progress",
    not_running: "no rotation in progress",
    wrong_nonce: "incorrect nonce supplied; nonce for rotation is",
    known_share: "given key has already been provided during this rotation",
    finished: "rotation already finished",
    wrong_shares: "root key verification failed",
    nothing_to_show: "no rotation configuration found",
    nothing_to_verify: "no rotation in progress",
    no_verification: "no rotation verification in progress",
    wrong_new_shares: "rotation verification failed; incorrect key shares supplied",
};

static REKEY: Words = Words {
    invalid: "invalid rekey seal configuration",
    already_running: "rekey already in progress",
    not_running: "no barrier rekey in progress",
    wrong_nonce: "incorrect nonce supplied; nonce for this rekey operation is",
    known_share: "given key has already been provided during this generation operation",
    finished: "rekey operation already finished",
    wrong_shares: "root key verification failed",
    nothing_to_show: "no rekey configuration found",
    nothing_to_verify: "no rekey in progress",
    no_verification: "no rekey verification in progress",
    wrong_new_shares: "rekey verification failed; incorrect key shares supplied",
};
