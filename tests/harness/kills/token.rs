//! What a client knows of its tokens: which live, with how many uses left, and which are dead.
//!
//! Invariant: a token that is dead is never made again, so it must be refused for ever.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::Tally;
use super::wire::{Answer, Fault, Request, Wire};
use crate::random::Random;

/// Tokens of one client that live.
const LIVING_MAX: usize = 12;
/// Dead tokens of former lives that a check asks for again.
const DEAD_SAMPLE: usize = 16;

/// A token that lives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Token {
    /// The token that made it, if it was not the root token; it dies with that one.
    pub(super) parent: Option<String>,
    /// Uses that are left; 0 stands for any number.
    pub(super) uses: u64,
}

/// A change of tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// A new one. Without a text the server chooses it.
    Create(Option<String>, Token),
    /// It is used once.
    Use(String),
    /// It dies, and its children.
    Revoke(String),
}

/// See the module.
#[derive(Default)]
pub(super) struct Tokens {
    living: BTreeMap<String, Token>,
    dead: Vec<String>,
    /// How many of `dead` a check has found refused.
    checked: usize,
    /// How many texts were chosen.
    chosen: u64,
}

impl Tokens {
    /// A change that is possible now.
    pub(super) fn choose(&mut self, random: &mut Random, owner: usize) -> Change {
        let kind = random.below(10);
        let limited = self.living.iter().filter(|(_, token)| token.uses > 0);
        let limited: Vec<&String> = limited.map(|(text, _)| text).collect();
        if kind < 3 && !limited.is_empty() {
            return Change::Use((*random.pick(&limited)).clone());
        }
        if self.living.len() >= LIVING_MAX || (kind < 5 && !self.living.is_empty()) {
            let all: Vec<&String> = self.living.keys().collect();
            return Change::Revoke((*random.pick(&all)).clone());
        }
        let parents = self.living.iter();
        let parents = parents.filter(|(_, token)| token.parent.is_none() && token.uses == 0);
        let parents: Vec<&String> = parents.map(|(text, _)| text).collect();
        let parent =
            (!parents.is_empty() && random.one_in(2)).then(|| (*random.pick(&parents)).clone());
        let uses = if random.one_in(3) { 1 + random.bits() % 3 } else { 0 };
        let text = random.one_in(2).then(|| {
            self.chosen += 1;
            format!("chosen-{owner}-{}-{:016x}", self.chosen, random.bits())
        });
        Change::Create(text, Token { parent, uses })
    }

    /// Notes a change that was acknowledged.
    pub(super) fn acknowledge(&mut self, change: Change, answer: &Answer) -> Result<(), String> {
        match change {
            Change::Create(wished, token) => {
                let text = answer.text("/auth/client_token")?;
                if wished.is_some_and(|wished| wished != text) {
                    return Err("a token is not the one that was wished".to_owned());
                }
                self.living.insert(text, token);
            }
            Change::Use(text) => self.charge(&text),
            Change::Revoke(text) => self.bury(&text),
        }
        Ok(())
    }

    /// Requires what is known, and learns what became of a change that was not answered.
    pub(super) fn check(
        &mut self,
        wire: &mut Wire,
        root: &str,
        unanswered: Option<Change>,
        random: &mut Random,
        tally: &mut Tally,
    ) -> Result<(), String> {
        if let Some(change) = unanswered {
            self.settle(wire, root, change, tally)?;
        }
        for (text, token) in &self.living {
            let found = find(wire, root, text, token.uses > 0)?;
            if found != Some(token.uses) {
                return Err(format!("a token: {found:?} rather than {token:?} was found"));
            }
            tally.tokens_alive += 1;
        }
        let (old, new) = self.dead.split_at(self.checked.min(self.dead.len()));
        let sample = (0..DEAD_SAMPLE).filter_map(|_| old.get(random.below(old.len().max(1))));
        for text in new.iter().chain(sample) {
            require_dead(wire, root, text, tally)?;
        }
        self.checked = self.dead.len();
        Ok(())
    }

    /// Requires that every token that ever died is dead.
    pub(super) fn check_dead(
        &self,
        wire: &mut Wire,
        root: &str,
        tally: &mut Tally,
    ) -> Result<(), String> {
        self.dead.iter().try_for_each(|text| require_dead(wire, root, text, tally))
    }

    /// Learns what became of a change: all of it is there, or nothing.
    fn settle(
        &mut self,
        wire: &mut Wire,
        root: &str,
        change: Change,
        tally: &mut Tally,
    ) -> Result<(), String> {
        let kept = match change {
            // Nobody knows its text.
            Change::Create(None, _) => return Ok(()),
            Change::Create(Some(text), token) => {
                let kept = find(wire, root, &text, token.uses > 0)?.is_some();
                if kept {
                    self.living.insert(text, token);
                } else {
                    self.dead.push(text);
                }
                kept
            }
            Change::Use(text) => {
                let before = self.living.get(&text).map_or(0, |token| token.uses);
                let left = find(wire, root, &text, true)?.unwrap_or(0);
                let kept = left != before;
                if kept {
                    // What is left now is checked with the living ones.
                    self.charge(&text);
                }
                kept
            }
            Change::Revoke(text) => {
                let limited = self.living.get(&text).is_some_and(|token| token.uses > 0);
                let kept = find(wire, root, &text, limited)?.is_none();
                if kept {
                    self.bury(&text);
                }
                kept
            }
        };
        tally.settle(kept);
        Ok(())
    }

    fn charge(&mut self, text: &str) {
        match self.living.get_mut(text) {
            Some(token) if token.uses > 1 => token.uses -= 1,
            _ => self.bury(text),
        }
    }

    /// A token dies, and its children.
    fn bury(&mut self, text: &str) {
        let dies =
            |of: &String, token: &mut Token| of == text || token.parent.as_deref() == Some(text);
        self.dead.extend(self.living.extract_if(.., dies).map(|(text, _)| text));
    }
}

impl Change {
    /// The request for it.
    pub(super) fn request(&self, root: &str) -> Request {
        match self {
            Self::Create(text, Token { parent, uses }) => {
                // Without policies it has those of its parent, which may do all.
                let body = json!({"num_uses": uses, "id": text.as_deref().unwrap_or("")});
                Request::new("POST", "auth/token/create", parent.as_deref().unwrap_or(root))
                    .with(body)
            }
            Self::Use(text) => Request::new("GET", "auth/token/lookup-self", text),
            Self::Revoke(text) => {
                Request::new("POST", "auth/token/revoke", root).with(json!({"token": text}))
            }
        }
    }

    /// The status of success.
    pub(super) fn status(&self) -> u16 {
        if matches!(self, Self::Revoke(_)) { 204 } else { 200 }
    }
}

/// How many uses a token has left, if it lives. Asking for a limited one with its own text would charge
/// it.
fn find(wire: &mut Wire, root: &str, text: &str, limited: bool) -> Result<Option<u64>, String> {
    let request = if limited {
        Request::new("POST", "auth/token/lookup", root).with(json!({"token": text}))
    } else {
        Request::new("GET", "auth/token/lookup-self", text)
    };
    let answer = wire.ask(&request).map_err(Fault::text)?;
    if answer.status == 403 {
        return Ok(None);
    }
    answer.require(200, "a look at a token")?;
    let uses = answer.body.pointer("/data/num_uses").and_then(Value::as_u64);
    uses.map(Some).ok_or_else(|| "a token does not say how many uses are left".to_owned())
}

/// Requires that a token is refused, and not to be found.
fn require_dead(wire: &mut Wire, root: &str, text: &str, tally: &mut Tally) -> Result<(), String> {
    tally.tokens_dead += 1;
    for limited in [false, true] {
        if find(wire, root, text, limited)?.is_some() {
            return Err("a token that was revoked or used up lives again".to_owned());
        }
    }
    Ok(())
}
