//! Nobody is served beyond what its token and its rules allow.
//!
//! No request is served whose rules deny it at its commit point. No request that was sent after the
//! revocation of its token was answered is served; texts that may be given again are left out. And once
//! it was answered that a policy grants nothing any more, no request is served that was sent later with a
//! token that has this policy alone, until somebody writes it again.

use std::collections::BTreeMap;

use super::Broken;
use crate::op::{Ask, Op};

/// A namespace's path and the name of a policy there.
type PolicyName = (String, String);

/// See the module.
#[derive(Debug, Default)]
pub struct Authority {
    /// Tokens whose revocation was answered, and from which request on.
    revoked: BTreeMap<String, u64>,
    /// The policy of tokens that have one.
    policies: BTreeMap<String, PolicyName>,
    /// Writes of policies that are not answered.
    writes: BTreeMap<u64, PolicyName>,
    /// Policies that grant nothing, and from which request on.
    tightened: BTreeMap<PolicyName, u64>,
    /// Requests that were refused to tokens of these.
    pub refused: u64,
}

/// An answer to a request.
#[derive(Clone, Copy, Debug)]
pub struct Answered<'a> {
    /// The number of the request.
    pub serial: u64,
    /// The request.
    pub ask: &'a Ask,
    /// The status of the answer.
    pub status: u16,
    /// Whether the rules deny it, by the model.
    pub is_denied: bool,
    /// The text of the token that was made.
    pub made: Option<&'a str>,
    /// The number of the next request to be sent.
    pub next: u64,
}

impl Authority {
    /// A request is sent.
    pub fn sent(&mut self, serial: u64, ask: &Ask) {
        if let Some(name) = written(ask) {
            self.tightened.remove(&name);
            self.writes.insert(serial, name);
        }
    }

    /// A request will not be answered, and changes nothing from now on.
    pub fn gone(&mut self, serial: u64) {
        self.writes.remove(&serial);
    }

    /// The answer to a request has arrived.
    pub fn answered(&mut self, answered: &Answered<'_>) -> Result<(), Broken> {
        let Answered { serial, ask, status, next, .. } = *answered;
        let is_served = (200..300).contains(&status);
        if is_served && answered.is_denied {
            return Err(format!("request {serial} was served and its rules deny it"));
        }
        if let Some(token) = &ask.token
            && asks_for_rights(&ask.op)
        {
            if is_served && self.revoked.get(token).is_some_and(|from| serial >= *from) {
                return Err(format!("request {serial} was served with a token that was revoked"));
            }
            let policy = self.policies.get(token);
            let tightened = policy.and_then(|policy| self.tightened.get(policy));
            if tightened.is_some_and(|from| serial >= *from) {
                if is_served {
                    return Err(format!(
                        "request {serial} was served by a policy that grants nothing"
                    ));
                }
                self.refused += u64::from(status == 403);
            }
        }
        self.learn(answered);
        if status == 204 {
            let gone = match &ask.op {
                Op::Revoke(text) => Some(text),
                Op::RevokeSelf => ask.token.as_ref(),
                _ => None,
            };
            if let Some(text) = gone.filter(|text| text.starts_with("s.")) {
                self.revoked.entry(text.to_owned()).or_insert(next);
            }
        }
        Ok(())
    }

    /// What an answer tells of policies.
    fn learn(&mut self, answered: &Answered<'_>) {
        let Answered { serial, ask, .. } = *answered;
        self.writes.remove(&serial);
        if let (Op::TokenCreate(wish), Some(text)) = (&ask.op, answered.made)
            && let [policy] = wish.policies.as_slice()
            && wish.without_default
            && policy != "root"
            && text.starts_with("s.")
        {
            let name = (ask.spot.namespace.clone(), policy.to_lowercase());
            self.policies.insert(text.to_owned(), name);
        }
        if let Some(name) = written(ask)
            && (200..300).contains(&answered.status)
            && grants_nothing(&ask.op)
            && self.writes.values().all(|other| *other != name)
        {
            self.tightened.insert(name, answered.next);
        }
    }
}

/// The policy that a request writes.
fn written(ask: &Ask) -> Option<PolicyName> {
    let (Op::PolicyWrite(name, _) | Op::PolicyPatch(name, _) | Op::PolicyDelete(name)) = &ask.op
    else {
        return None;
    };
    Some((ask.spot.namespace.clone(), name.to_lowercase()))
}

/// Whether a policy is without any right when this is done.
fn grants_nothing(op: &Op) -> bool {
    match op {
        Op::PolicyDelete(_) => true,
        Op::PolicyWrite(_, wish) => {
            let rules = wish.policy.iter().flat_map(|policy| &policy.rules);
            let mut words = rules.map(|rule| &rule.capabilities);
            words.all(|words| words.is_empty() || words.contains("deny"))
        }
        _ => false,
    }
}

/// Whether it is served to those alone who may.
fn asks_for_rights(op: &Op) -> bool {
    !matches!(
        op,
        Op::Health | Op::Unseal(_) | Op::UnsealReset | Op::SealStatus | Op::Seal | Op::Sight
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::op::{Spot, Wish};

    fn ask(op: Op, token: &str) -> Ask {
        Ask { op, token: Some(token.to_owned()), spot: Spot::default() }
    }

    fn answer<'a>(serial: u64, ask: &'a Ask, status: u16) -> Answered<'a> {
        Answered { serial, ask, status, is_denied: false, made: None, next: 10 }
    }

    #[test]
    fn sees_a_policy_that_outlives_its_end() {
        let wish = Wish {
            policies: vec!["p".to_owned()],
            without_default: true,
            num_uses: 0,
            ttl: 0,
            orphan: false,
            id: None,
        };
        let make = ask(Op::TokenCreate(wish), "s.root");
        let delete = ask(Op::PolicyDelete("P".to_owned()), "s.root");
        let read = ask(Op::Read("secret/a".to_owned()), "s.child");
        for (pending, later, is_fine) in [(false, 10, false), (false, 9, true), (true, 10, true)] {
            let mut authority = Authority::default();
            let made = Answered { made: Some("s.child"), ..answer(1, &make, 200) };
            authority.answered(&made).unwrap();
            authority.sent(2, &delete);
            if pending {
                authority.sent(3, &delete);
            }
            authority.answered(&answer(2, &delete, 204)).unwrap();
            assert!(authority.answered(&answer(later, &read, 403)).is_ok());
            assert_eq!(authority.answered(&answer(later, &read, 200)).is_ok(), is_fine);
        }
    }
}
