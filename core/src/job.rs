//! Slow work as data: a step emits a [`Job`], an adapter runs it on any thread, and the request that
//! waits for it runs again from its start when the [`Outcome`] comes back.

use alloc::vec::Vec;

use hmac::Mac;
use sha2::{Digest, Sha256};

use crate::random::keyed;
use crate::secret::Secret;

/// One piece of slow, pure work.
#[allow(missing_debug_implementations, reason = "inputs are secret")]
pub struct Job {
    input: Secret,
    rounds: u32,
}

/// What a job gave.
#[allow(missing_debug_implementations, reason = "outcomes are secret")]
pub struct Outcome {
    #[cfg_attr(not(feature = "simulation"), allow(dead_code, reason = "no engine has jobs yet"))]
    pub(crate) digest: [u8; 32],
}

/// Which job it was: two jobs with the same input are one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct JobInput([u8; 32]);

impl Job {
    /// `rounds` of HMAC-SHA256 over `input`.
    #[cfg_attr(not(feature = "simulation"), allow(dead_code, reason = "no engine has jobs yet"))]
    pub(crate) fn stretch(input: Vec<u8>, rounds: u32) -> Self {
        Self { input: Secret::new(input), rounds }
    }

    pub(crate) fn input(&self) -> JobInput {
        let mut hash = Sha256::new();
        hash.update(self.rounds.to_be_bytes());
        hash.update(self.input.expose());
        JobInput(hash.finalize().into())
    }

    /// Does the work.
    pub fn run(self) -> Outcome {
        let mut digest: [u8; 32] = Sha256::digest(self.input.expose()).into();
        for _ in 0..self.rounds {
            let mut mac = keyed(&digest);
            mac.update(self.input.expose());
            digest = mac.finalize().into_bytes().into();
        }
        Outcome { digest }
    }
}
