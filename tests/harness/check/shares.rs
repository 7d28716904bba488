//! Whoever submits shares is told how far the attempt is: each has a nonce of its own, the same in
//! every answer until it ends.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Broken;
use crate::client::Answer;
use crate::model::Expect;

/// See the module.
#[derive(Debug)]
pub struct Shares {
    shares: usize,
    threshold: usize,
    /// By attempt.
    nonces: BTreeMap<u64, String>,
}

impl Shares {
    /// For a server with so many shares, of which so many unseal it.
    pub fn new(shares: usize, threshold: usize) -> Self {
        Self { shares, threshold, nonces: BTreeMap::new() }
    }

    /// An answer has arrived that may be about the seal.
    pub fn answered(&mut self, expect: &Expect, answer: &Answer) -> Result<(), Broken> {
        let Expect::Seal { attempt, .. } = expect else { return Ok(()) };
        let body: Value = serde_json::from_str(&answer.body).unwrap_or(Value::Null);
        if body.get("n") != Some(&self.shares.into())
            || body.get("t") != Some(&self.threshold.into())
        {
            return Err(format!("other shares: {}", answer.body));
        }
        let nonce = body.get("nonce").and_then(Value::as_str).unwrap_or("none");
        let Some(attempt) = attempt else {
            return if nonce.is_empty() { Ok(()) } else { Err(format!("the nonce {nonce:?}")) };
        };
        if let Some(known) = self.nonces.get(attempt) {
            return if known == nonce { Ok(()) } else { Err(format!("not the nonce {known:?}")) };
        }
        if nonce.len() != 36 || self.nonces.values().any(|known| known == nonce) {
            return Err(format!("the nonce {nonce:?} for a new attempt"));
        }
        self.nonces.insert(*attempt, nonce.to_owned());
        Ok(())
    }
}
