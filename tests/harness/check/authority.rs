//! No request that was sent after the revocation of its token was answered is served. Texts that may
//! be given again are left out.

use std::collections::BTreeMap;

use super::Broken;
use crate::op::Op;

/// Tokens whose revocation was answered, and from which request on.
#[derive(Debug, Default)]
pub struct Authority {
    revoked: BTreeMap<String, u64>,
}

impl Authority {
    /// The answer to a request has arrived; `next` is the number of the next request to be sent.
    pub fn answered(
        &mut self,
        serial: u64,
        op: &Op,
        token: Option<&str>,
        status: u16,
        next: u64,
    ) -> Result<(), Broken> {
        if let Some(token) = token
            && !matches!(
                op,
                Op::Health | Op::Unseal(_) | Op::UnsealReset | Op::SealStatus | Op::Seal
            )
            && self.revoked.get(token).is_some_and(|from| serial >= *from)
            && (200..300).contains(&status)
        {
            return Err(format!("request {serial} was served with a token that was revoked"));
        }
        if status == 204 {
            let gone = match op {
                Op::Revoke(text) => Some(text.as_str()),
                Op::RevokeSelf => token,
                _ => None,
            };
            if let Some(text) = gone.filter(|text| text.starts_with("s.")) {
                self.revoked.entry(text.to_owned()).or_insert(next);
            }
        }
        Ok(())
    }
}
