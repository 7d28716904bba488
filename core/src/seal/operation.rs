//! What a quorum of shares may do to a server that is open: make a root token, and replace the shares.
//!
//! There is one of each at most. Both are in memory alone: a seal, the end of the process or new shares
//! end them, and until new shares are in force the old ones stay good.

use alloc::string::String;

use ctutils::CtEq;
use zeroize::Zeroizing;

use super::attempt::Attempt;
use super::sharing::Sharing;
use crate::secret::Wiped;

/// The operations that are under way.
#[derive(Default)]
pub(crate) struct Operations {
    pub(crate) root_generation: Option<RootGeneration>,
    pub(crate) rekey: Option<Rekey>,
}

/// The way to a new root token, which the one-time password hides from who sees the answer alone.
pub(crate) struct RootGeneration {
    pub(crate) attempt: Attempt,
    pub(crate) password: Wiped<String>,
}

impl RootGeneration {
    /// The same with another attempt.
    pub(crate) fn with(&self, attempt: Attempt) -> Self {
        Self { attempt, password: self.password.clone() }
    }
}

/// The way to new shares.
pub(crate) struct Rekey {
    /// Of the shares that are in force.
    pub(crate) attempt: Attempt,
    /// How the new unseal key is shared.
    pub(crate) sharing: Sharing,
    /// Whether the new shares must be shown before they are in force.
    pub(crate) must_verify: bool,
    /// Once the quorum has agreed and the new shares are handed out.
    pub(crate) verification: Option<Verification>,
}

/// The proof that new shares were received.
pub(crate) struct Verification {
    key: UnsealKey,
    /// Of the new shares.
    pub(crate) attempt: Attempt,
}

pub(crate) type UnsealKey = Zeroizing<[u8; 32]>;

impl Rekey {
    pub(crate) fn begin(nonce: String, sharing: Sharing, must_verify: bool) -> Self {
        Self { attempt: Attempt::begin(nonce), sharing, must_verify, verification: None }
    }

    /// The same with another attempt of the shares that are in force.
    pub(crate) fn with(&self, attempt: Attempt) -> Self {
        Self { attempt, verification: None, ..*self }
    }

    /// The same after the quorum has agreed, with the new key.
    pub(crate) fn verifying(&self, verification: Verification) -> Self {
        Self { verification: Some(verification), ..self.with(self.attempt.emptied()) }
    }
}

impl Verification {
    pub(crate) fn begin(nonce: String, key: UnsealKey) -> Self {
        Self { key, attempt: Attempt::begin(nonce) }
    }

    /// The same with another attempt.
    pub(crate) fn with(&self, attempt: Attempt) -> Self {
        Self { key: self.key.clone(), attempt }
    }

    /// Whether this is the new key, in time that does not depend on where they differ.
    pub(crate) fn is_of(&self, key: &[u8]) -> bool {
        is_key(&self.key, key)
    }

    pub(crate) fn key(&self) -> UnsealKey {
        self.key.clone()
    }
}

/// Whether two keys are the same, in time that does not depend on where they differ.
pub(super) fn is_key(key: &UnsealKey, other: &[u8]) -> bool {
    key.as_slice().ct_eq(other).to_bool()
}
