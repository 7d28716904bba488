//! Tokens as they are described: a list of numbers, each with its parent's.

use serde_json::{Map, Value};

use super::expect::Expect;
use super::namespace::ROOT;
use super::rule::normal;
use super::state::State;
use super::{Caller, Model, Turn};
use crate::op::{Op, Wish};

/// One token.
#[derive(Clone, Debug)]
pub(super) struct Token {
    pub(super) namespace: u64,
    pub(super) parent: Option<u64>,
    /// Sorted names; `root` stands alone.
    pub(super) policies: Vec<String>,
    /// 0 for no limit, -1 for none left.
    pub(super) num_uses: i64,
    /// Nanoseconds, or never.
    pub(super) expires: Option<u64>,
}

impl Token {
    pub(super) fn root() -> Self {
        Self {
            namespace: ROOT,
            parent: None,
            policies: vec!["root".to_owned()],
            num_uses: 0,
            expires: None,
        }
    }

    pub(super) fn is_root(&self) -> bool {
        self.policies.iter().any(|policy| policy == "root")
    }

    fn is_over(&self, now: u64) -> bool {
        self.expires.is_some_and(|expires| expires <= now)
    }
}

/// Seconds that a token lasts where nobody says.
const TTL: u64 = 768 * 3600;

impl State {
    /// The token with a text, if it is alive.
    pub(super) fn alive(&self, text: &str, now: u64, charged: Option<u64>) -> Option<u64> {
        let id = *self.texts.peek(&text.to_owned())?;
        let token = self.tokens.get(&id)?;
        // A use that was charged to one token serves no other of the same text.
        if token.is_over(now) || (token.num_uses == -1 && charged != Some(id)) {
            return None;
        }
        let mut above = token.parent;
        while let Some(parent) = above {
            let parent = self.tokens.get(&parent)?;
            if parent.is_over(now) || parent.num_uses == -1 {
                return None;
            }
            above = parent.parent;
        }
        self.namespaces.get(&token.namespace)?;
        Some(id)
    }

    /// Whether a token's records stay: nobody in its line was revoked, and nobody's time has come.
    pub(super) fn is_stored(&self, id: u64, now: u64) -> bool {
        let Some(token) = self.tokens.peek(&id) else { return false };
        !token.is_over(now)
            && token.num_uses != -1
            && self.namespaces.peek(&token.namespace).is_some()
            && token.parent.is_none_or(|parent| self.is_stored(parent, now))
    }

    pub(super) fn show(&self, id: u64) -> Expect {
        let Some(token) = self.tokens.peek(&id) else { return Expect::Status(500) };
        let mut shown = Map::new();
        let mut add = |name: &str, value: Value| drop(shown.insert(name.to_owned(), value));
        add("num_uses", token.num_uses.into());
        add("orphan", token.parent.is_none().into());
        add("policies", token.policies.clone().into());
        if token.expires.is_none() {
            add("expire_time", Value::Null);
        }
        if token.namespace != ROOT {
            add("namespace_path", self.path_of(token.namespace).into());
        }
        Expect::Shows(Value::Object(shown))
    }
}

impl Model {
    /// Takes one use of a token. Says whether it was the last.
    pub(super) fn spend(&mut self, id: u64, seq: u64) -> bool {
        let Some(token) = self.state.tokens.peek(&id).cloned() else { return false };
        let last = token.num_uses == 1;
        let num_uses = if last { -1 } else { token.num_uses - 1 };
        self.state.tokens.set(seq, id, Some(Token { num_uses, ..token }));
        last
    }

    pub(super) fn revoke(&mut self, id: u64, seq: u64) {
        if self.state.tokens.peek(&id).is_some() {
            self.state.tokens.set(seq, id, None);
        }
    }

    pub(super) fn token_op(&mut self, turn: &Turn<'_>, caller: &Caller) -> Result<Expect, Expect> {
        match &turn.ask.op {
            Op::LookupSelf => Ok(self.state.show(caller.id)),
            Op::Lookup(text) => match self.state.alive(text, turn.times.now, turn.charged) {
                Some(id) => Ok(self.state.show(id)),
                None => Err(Expect::refused(403, "bad token")),
            },
            Op::Revoke(text) => {
                if let Some(id) = self.state.texts.peek(text).copied() {
                    self.revoke(id, turn.seq);
                }
                Ok(Expect::Empty(204))
            }
            _ => {
                self.revoke(caller.id, turn.seq);
                Ok(Expect::Empty(204))
            }
        }
    }

    pub(super) fn make(
        &mut self,
        turn: &Turn<'_>,
        caller: &Caller,
        namespace: u64,
        wish: &Wish,
    ) -> Result<Expect, Expect> {
        let parent = caller.token.clone();
        if parent.num_uses != 0 {
            let text = "restricted use token cannot generate child tokens";
            return Err(Expect::invalid(text));
        }
        if wish.id.is_some() && !caller.sudo {
            let text = "root or sudo privileges required to specify token id";
            return Err(Expect::invalid(text));
        }
        let policies = policies_of(caller, namespace, wish)?;
        let is_root = policies == ["root"];
        let ttl = match wish.ttl.unsigned_abs() {
            0 if is_root && parent.expires.is_some() => {
                let text = "expiring root tokens cannot create non-expiring root tokens";
                return Err(Expect::invalid(text));
            }
            0 if is_root => 0,
            0 => TTL,
            ttl => ttl,
        };
        if let Some(id) = wish.id {
            self.take_text(turn, namespace, id)?;
        }
        let id = self.next_id();
        if let Some(text) = wish.id {
            self.state.texts.set(turn.seq, text.to_owned(), Some(id));
        }
        let made = Token {
            namespace,
            parent: (!wish.orphan).then_some(caller.id),
            policies,
            num_uses: wish.num_uses,
            expires: (ttl > 0).then(|| turn.times.now + ttl * 1_000_000_000),
        };
        self.state.tokens.set(turn.seq, id, Some(made));
        Ok(Expect::Made(id))
    }

    /// A text of one's own must be free. The dead token that had it is taken away for good.
    fn take_text(&mut self, turn: &Turn<'_>, namespace: u64, text: &str) -> Result<(), Expect> {
        if namespace != ROOT {
            let text = "token IDs can only be manually specified in the root namespace";
            return Err(Expect::invalid(text));
        }
        if self.state.alive(text, turn.times.now, None).is_some() {
            return Err(Expect::invalid("cannot create a token with a duplicate ID"));
        }
        if let Some(before) = self.state.texts.peek(&text.to_owned()).copied() {
            self.revoke(before, turn.seq);
        }
        Ok(())
    }
}

/// The policies that a new token has: those of the wish or else the parent's, and who has no `sudo` gives
/// no others than its own.
fn policies_of(caller: &Caller, namespace: u64, wish: &Wish) -> Result<Vec<String>, Expect> {
    let own = &caller.token.policies;
    let is_home = caller.token.namespace == namespace;
    let inherits = wish.policies.is_empty();
    let wished: Vec<String> = wish.policies.iter().map(|name| normal(name)).collect();
    let mut policies = if inherits { own.clone() } else { wished };
    if !caller.sudo && (!is_home || !policies.iter().all(|policy| own.contains(policy))) {
        return Err(Expect::invalid("child policies must be subset of parent"));
    }
    if policies.iter().any(|policy| policy == "root") {
        return match (caller.token.is_root(), is_home) {
            (true, true) => Ok(vec!["root".to_owned()]),
            (true, false) => {
                Err(Expect::invalid("root tokens may not be created from a parent namespace"))
            }
            (false, _) => Err(Expect::invalid(
                "root tokens may not be created without parent token being root",
            )),
        };
    }
    let has_default = own.iter().any(|policy| policy == "default");
    if if caller.sudo { !inherits } else { has_default } {
        policies.push("default".to_owned());
    }
    policies.retain(|policy| !(wish.without_default && policy == "default"));
    policies.sort();
    policies.dedup();
    Ok(policies)
}
