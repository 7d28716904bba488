//! The way of a request: place, caller, rules, and what is served there.

use serde_json::{Map, Value, json};

use super::expect::Expect;
use super::namespace::ROOT;
use super::rule::normal;
use super::state::{Place, Row};
use super::token::Token;
use super::{Caller, Inquiry, Model, Target, Turn};
use crate::op::{Ask, Op, Whose};

impl Model {
    pub(super) fn serve(
        &mut self,
        turn: &Turn<'_>,
        is_denied: &mut bool,
    ) -> Result<Expect, Expect> {
        let ask = turn.ask;
        match &ask.op {
            Op::BothFramings | Op::BrokenBody(_) => return Err(Expect::Status(400)),
            Op::Health => return Ok(Expect::Status(if self.is_sealed() { 503 } else { 200 })),
            Op::SealStatus => return Ok(self.seal.show()),
            Op::Unseal(key) => return Ok(self.seal.submit(key)),
            Op::UnsealReset => return Ok(self.seal.reset()),
            Op::Seal if self.is_sealed() => return Ok(Expect::Empty(204)),
            _ if self.is_sealed() => return Err(Expect::refused(503, "Vault is sealed")),
            _ => {}
        }
        let place = self.place(ask)?;
        self.check_lock(&place)?;
        // What looks like a namespace and is none begins a path of its own.
        let is_fixed = place.is_fixed();
        if let (Op::Sight | Op::SightOf(_), true) = (&ask.op, is_fixed) {
            return self.serve_sight(turn, &place);
        }
        let place = if is_fixed { self.at_home(turn, place)? } else { place };
        let caller = self.caller(turn).ok_or_else(Expect::nobody)?;
        let target = self.target(&place);
        let (_, _, body) = ask.op.parts();
        let operation = ask.op.operation(self.exists(&ask.op, &caller, &place, &target));
        let reach = self.state.reach(&caller.token, turn.times.now);
        let granted = reach.decide(operation, &canonical(ask, &place), &body);
        let needs_sudo = is_fixed && matches!(ask.op, Op::Remount(..) | Op::Rotate | Op::Seal);
        let granted = granted.filter(|granted| granted.sudo || !needs_sudo);
        let Some(granted) = granted else {
            *is_denied = true;
            return Err(Expect::listed(403, "permission denied"));
        };
        let caller = Caller { sudo: granted.sudo, ..caller };
        self.serve_authorized(turn, &caller, &place, target)
    }

    /// The place that header and path name together.
    pub(super) fn place(&self, ask: &Ask) -> Result<Place, Expect> {
        let (header, prefix) = ask.spot.split();
        let full = format!("{header}{prefix}{}", ask.op.parts().1);
        self.state.resolve(full, header.len())
    }

    pub(super) fn check_lock(&self, place: &Place) -> Result<(), Expect> {
        match place.locked {
            Some(locked) if !place.path().starts_with("sys/namespaces/api-lock/unlock/") => {
                let text = format!(
                    "API access to this namespace has been locked by an administrator - {:?} must \
                     be unlocked to gain access.",
                    self.state.path_of(locked)
                );
                Err(Expect::refused(503, text))
            }
            Some(_) | None => Ok(()),
        }
    }

    fn caller(&self, turn: &Turn<'_>) -> Option<Caller> {
        let id = self.state.alive(turn.ask.token.as_ref()?, turn.times.now, turn.charged)?;
        if turn.charged.is_some_and(|charged| charged != id) {
            return None;
        }
        Some(Caller { id, token: self.state.tokens.peek(&id)?.clone(), sudo: false })
    }

    /// What is about a token is served in its namespace, if it is alive.
    fn at_home(&self, turn: &Turn<'_>, place: Place) -> Result<Place, Expect> {
        let text = match &turn.ask.op {
            Op::LookupSelf | Op::RevokeSelf => turn.ask.token.as_ref(),
            Op::Lookup(text) | Op::Revoke(text) => Some(text),
            _ => None,
        };
        let found = text.and_then(|text| self.state.alive(text, turn.times.now, turn.charged));
        let home = found.and_then(|id| self.state.tokens.peek(&id));
        let home = home.map_or(place.namespace, |token| token.namespace);
        if home == place.namespace {
            return Ok(place);
        }
        let full = format!("{}{}", self.state.path_of(home), place.path());
        let place = self.state.resolve(full, 0)?;
        self.check_lock(&place)?;
        Ok(place)
    }

    pub(super) fn target(&self, place: &Place) -> Target {
        if place.is_fixed() {
            return Target::Fixed;
        }
        let path = place.path();
        match self.state.row(place.namespace, path) {
            Some((prefix, Row::Mount(id, _))) => {
                Target::Mount(id, path.get(prefix.len()..).unwrap_or("").to_owned())
            }
            Some((_, Row::Namespace(_))) | None => Target::Nothing,
        }
    }

    /// Whether what a write names is there already; where nothing can be made it always is.
    fn exists(&self, op: &Op, caller: &Caller, place: &Place, target: &Target) -> bool {
        match (op, target) {
            (_, Target::Mount(id, path)) => self.state.entries.peek(&(*id, path.clone())).is_some(),
            (Op::CubbyholeWrite(path, _), Target::Fixed) => {
                let is_home = place.namespace == caller.token.namespace;
                is_home && self.state.entries.peek(&(caller.id, path.clone())).is_some()
            }
            _ => true,
        }
    }

    fn serve_authorized(
        &mut self,
        turn: &Turn<'_>,
        caller: &Caller,
        place: &Place,
        target: Target,
    ) -> Result<Expect, Expect> {
        let namespace = place.namespace;
        match target {
            Target::Fixed => {}
            Target::Mount(id, path) => return self.serve_entry(turn, id, path),
            Target::Nothing => {
                let path = place.path();
                let text = format!("no handler for route {path:?}. route entry not found.");
                return Err(Expect::refused(404, text));
            }
        }
        match &turn.ask.op {
            Op::CubbyholeRead(_) | Op::CubbyholeWrite(..) => {
                self.cubbyhole_op(turn, caller, namespace)
            }
            Op::KeyStatus | Op::Rotate if namespace != ROOT => {
                Err(Expect::invalid("namespace is not sealable"))
            }
            Op::Job(_) => Ok(Expect::Status(200)),
            Op::Seal => {
                self.seal.close();
                Ok(Expect::Empty(204))
            }
            Op::KeyStatus => Ok(Expect::Term(self.term())),
            Op::Rotate => {
                let next = self.term() + 1;
                self.state.terms.set(turn.seq, (), Some(next));
                Ok(Expect::Empty(204))
            }
            Op::Lookup(_) | Op::LookupSelf | Op::Revoke(_) | Op::RevokeSelf => {
                self.token_op(turn, caller)
            }
            Op::TokenCreate(wish) => self.make(turn, caller, namespace, wish),
            Op::Capabilities(whose, paths) => self.capabilities(turn, caller, place, whose, paths),
            Op::PolicyDelete(_)
            | Op::PolicyList
            | Op::PolicyPatch(..)
            | Op::PolicyRead(_)
            | Op::PolicyWrite(..) => self.policy_op(turn, namespace),
            Op::Mount(..)
            | Op::MountList
            | Op::MountRead(_)
            | Op::Remount(..)
            | Op::Tune(..)
            | Op::Unmount(_) => self.mount_op(turn, namespace),
            _ => self.namespace_op(turn, caller, namespace),
        }
    }

    /// A token has a cubbyhole in its own namespace only.
    fn cubbyhole_op(
        &mut self,
        turn: &Turn<'_>,
        caller: &Caller,
        namespace: u64,
    ) -> Result<Expect, Expect> {
        let is_home = namespace == caller.token.namespace;
        match &turn.ask.op {
            Op::CubbyholeWrite(path, value) if is_home => {
                let key = (caller.id, path.clone());
                self.state.entries.set(turn.seq, key, Some(value.clone()));
                Ok(Expect::Empty(204))
            }
            Op::CubbyholeRead(path) if is_home => {
                let found = self.state.entries.get(&(caller.id, path.clone())).cloned();
                found.map(Expect::Data).ok_or_else(Expect::absent)
            }
            Op::CubbyholeRead(_) => Err(Expect::absent()),
            _ => {
                let text = "a token has its cubbyhole in its own namespace only";
                Err(Expect::invalid(text))
            }
        }
    }

    /// What is served by a mount that has secrets, whatever the client meant.
    fn serve_entry(&mut self, turn: &Turn<'_>, id: u64, path: String) -> Result<Expect, Expect> {
        let key = (id, path);
        if key.1.ends_with('.') {
            return Err(Expect::listed(404, "unsupported path"));
        }
        match turn.ask.op.operation(true) {
            "read" => {
                let found = self.state.entries.get(&key).cloned();
                found.map(Expect::Data).ok_or_else(Expect::absent)
            }
            "update" if key.1.is_empty() => Err(Expect::invalid("missing path")),
            "update" => {
                let (_, _, body) = turn.ask.op.parts();
                if body.is_empty() {
                    return Err(Expect::invalid("missing data fields"));
                }
                self.state.entries.set(turn.seq, key, Some(body));
                Ok(Expect::Empty(204))
            }
            "delete" => {
                if self.state.entries.get(&key).is_some() {
                    self.state.entries.set(turn.seq, key, None);
                }
                Ok(Expect::Empty(204))
            }
            "patch" => Err(Expect::listed(405, "unsupported operation")),
            operation => {
                let is_scan = operation == "scan";
                let question = Inquiry::Names(id, key.1, is_scan).of_all();
                Ok(self.found_or_now(turn, Some(question)))
            }
        }
    }

    /// Who asks what it can use needs no rule for that, and no use is charged.
    fn serve_sight(&self, turn: &Turn<'_>, place: &Place) -> Result<Expect, Expect> {
        let namespace = place.namespace;
        let caller = self.looker(turn);
        if turn.ask.token.is_some() && caller.is_none() {
            return Err(Expect::nobody());
        }
        match (&turn.ask.op, caller) {
            (Op::SightOf(_), None) => Err(Expect::nobody()),
            (Op::SightOf(path), Some(token)) => {
                let reach = self.state.reach(&token, turn.times.now);
                self.sight_of(namespace, path, &reach)
            }
            (_, caller) => {
                let question = self.sight_question(namespace, caller.as_ref(), turn.times);
                Ok(self.found_or_now(turn, question))
            }
        }
    }

    pub(super) fn looker(&self, turn: &Turn<'_>) -> Option<Token> {
        let id = self.state.alive(turn.ask.token.as_ref()?, turn.times.now, None)?;
        self.state.tokens.peek(&id).cloned()
    }

    fn capabilities(
        &self,
        turn: &Turn<'_>,
        caller: &Caller,
        place: &Place,
        whose: &Whose,
        paths: &[String],
    ) -> Result<Expect, Expect> {
        let id = match whose {
            Whose::Own => caller.id,
            Whose::Token(text) => self
                .inside(text, place, turn)
                .ok_or_else(|| Expect::listed(400, "invalid token"))?,
            Whose::Accessor(accessor) => {
                let id = self.accessors.get(accessor);
                let mut texts = self.state.texts.iter();
                let text = texts.find(|(_, of)| Some(*of) == id).map(|(text, _)| text);
                text.and_then(|text| self.inside(text, place, turn))
                    .ok_or_else(|| Expect::listed(400, "invalid accessor"))?
            }
        };
        let Some(token) = self.state.tokens.peek(&id) else { return Ok(Expect::Status(500)) };
        let reach = self.state.reach(token, turn.times.now);
        let above = self.state.path_of(place.namespace);
        let shown = paths
            .iter()
            .map(|path| (path.clone(), json!(reach.capabilities(&format!("{above}{path}")))));
        let mut shown: Map<String, Value> = shown.collect();
        if let ([path], Some(words)) = (paths, paths.first().and_then(|path| shown.get(path))) {
            debug_assert!(path != "capabilities", "a name that is taken");
            let words = words.clone();
            shown.insert("capabilities".to_owned(), words);
        }
        Ok(Expect::Equal(Value::Object(shown)))
    }

    /// A token that is alive and of this namespace or of one inside.
    fn inside(&self, text: &str, place: &Place, turn: &Turn<'_>) -> Option<u64> {
        let id = self.state.alive(text, turn.times.now, turn.charged)?;
        let own = self.state.path_of(self.state.tokens.peek(&id)?.namespace);
        own.starts_with(self.state.path_of(place.namespace)).then_some(id)
    }
}

/// The path that rules see: endpoints have one spelling, and so have names of policies.
fn canonical(ask: &Ask, place: &Place) -> String {
    let Some(path) = place.path().strip_prefix("sys/") else { return place.full.clone() };
    let above = place.full.strip_suffix(place.path()).unwrap_or("");
    let is_list = matches!(ask.op.operation(true), "list" | "scan");
    let path = if is_list { path } else { path.trim_end_matches('/') };
    let path = match path.strip_prefix("policies/acl/") {
        Some(name) => format!("policies/acl/{}", normal(name)),
        None => path.to_owned(),
    };
    format!("{above}sys/{path}")
}
