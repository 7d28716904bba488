//! The server as it is described, without the server: maps, no cryptography, no store, no waiting.
//!
//! It is told in which order requests are decided, decides each of them itself, and says what the
//! answer must be. Every change it makes is remembered with its batch, so that a crash can take it
//! back.

mod books;
mod expect;
mod mount;
mod namespace;
pub mod policy;
mod rule;
mod seal;
mod state;
mod table;
mod token;

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

pub use self::books::SPACES;
pub use self::expect::Expect;
use self::namespace::Namespace;
use self::rule::Reach;
use self::seal::Seal;
use self::state::{Place, Row, State};
use self::token::Token;
use crate::op::{Ask, Op, Whose};

/// See the module.
#[derive(Debug)]
pub struct Model {
    state: State,
    seal: Seal,
    /// The last batch of all.
    last_seq: u64,
    last_id: u64,
    /// Which lock a key opens.
    unlock_keys: BTreeMap<String, u64>,
    /// Which token an accessor is of.
    accessors: BTreeMap<String, u64>,
}

/// What a request has charged to its token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Charged {
    /// Nothing, so far.
    Nothing,
    /// One of the uses of this token.
    Use(u64),
    /// The last use of this token: it goes with the request.
    LastUse(u64),
}

impl Charged {
    fn token(self) -> Option<u64> {
        match self {
            Self::Nothing => None,
            Self::Use(id) | Self::LastUse(id) => Some(id),
        }
    }
}

/// What a task is asked.
#[derive(Clone, Debug, PartialEq)]
pub struct Question(Inquiry);

/// See [`Question`]. What it is about is part of it: another one is another question.
#[derive(Clone, Debug, PartialEq)]
enum Inquiry {
    /// Names of an owner below a folder, and whether of all folders inside.
    Names(u64, String, bool),
    Mounts(u64, Namespace),
    Namespaces(u64, bool),
    /// At a time in nanoseconds.
    Policies(u64, Namespace, u64),
    Sight(u64, Namespace, Option<Reach>),
}

/// A decision of the model.
#[derive(Clone, Debug)]
pub struct Decision {
    /// What the answer must be.
    pub expect: Expect,
    /// The last batch of all that the decision read and wrote, by the model's own books.
    pub depends_on: u64,
    /// Whether the rules of the token deny it.
    pub is_denied: bool,
}

/// A request when it is decided.
struct Turn<'t> {
    ask: &'t Ask,
    charged: Option<u64>,
    /// What tasks have found for it.
    found: &'t [(Question, Expect)],
    /// The batch of its effect.
    seq: u64,
    /// Nanoseconds.
    now: u64,
}

/// Whose request it is.
struct Caller {
    id: u64,
    token: Token,
    /// Whether the rule that decided has `sudo`.
    sudo: bool,
}

/// What a path leads to.
enum Target {
    /// One of the mounts that every namespace has.
    Fixed,
    /// A mount, and the path in it.
    Mount(u64, String),
    Nothing,
}

impl Model {
    /// An unsealed server with nothing but a root token. So many of the shares unseal it.
    pub fn new(root: &str, keys: &[String], threshold: usize) -> Self {
        Self {
            state: State::new(root),
            seal: Seal::open(keys, threshold),
            last_seq: 0,
            last_id: 1,
            unlock_keys: BTreeMap::new(),
            accessors: BTreeMap::new(),
        }
    }

    /// Whether it is sealed.
    pub fn is_sealed(&self) -> bool {
        self.seal.is_sealed()
    }

    /// The term of the keyring.
    pub fn term(&self) -> u32 {
        self.state.terms.peek(&()).copied().unwrap_or(0)
    }

    /// What the model knows of a token and its parents, for a message.
    pub fn describe(&self, text: &str) -> String {
        let mut told = String::new();
        let mut next = self.state.texts.peek(&text.to_owned()).copied();
        while let Some(id) = next {
            let token = self.state.tokens.peek(&id);
            told += &format!("[{id}: {token:?}]");
            next = token.and_then(|token| token.parent);
        }
        told
    }

    /// How many records of each of [`SPACES`] there should be when the background has nothing left to do.
    pub fn books(&self, now: u64) -> [usize; SPACES.len()] {
        self.state.books(now)
    }

    fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    /// A client has learned the text and the accessor of a token that was made.
    pub fn learn_token(&mut self, token: u64, text: &str, accessor: &str) {
        self.state.texts.plant(text.to_owned(), token);
        self.accessors.insert(accessor.to_owned(), token);
    }

    /// A client has learned the key of a lock.
    pub fn learn_key(&mut self, lock: u64, key: &str) {
        self.unlock_keys.insert(key.to_owned(), lock);
    }

    /// Every batch up to this one is durable: its changes are for good.
    pub fn forget_undo(&mut self, durable: u64) {
        self.state.forget_undo(durable);
    }

    /// A crash: every batch after this one is lost, and the server is sealed.
    pub fn crash(&mut self, survived: u64) {
        self.state.crash(survived);
        self.last_seq = 0;
        self.seal.close();
    }

    /// A use of the token is charged. Says whether it was the last.
    pub fn admit(&mut self, token: Option<&str>, seq: u64) -> Charged {
        self.last_seq = self.last_seq.max(seq);
        let id = token.and_then(|text| self.state.texts.peek(&text.to_owned())).copied();
        match id {
            None => Charged::Nothing,
            Some(id) if self.spend(id, seq) => Charged::LastUse(id),
            Some(id) => Charged::Use(id),
        }
    }

    // --- Tasks ---

    /// What the task of a request is asked now.
    pub fn question(&self, ask: &Ask, charge: Charged, now: u64) -> Option<Question> {
        let (state, charged) = (&self.state, charge.token());
        let place = self.place(ask).ok()?;
        let (namespace, record) =
            (place.namespace, self.state.namespaces.peek(&place.namespace)?.clone());
        Some(Question(match &ask.op {
            Op::List(_) | Op::Scan(_) => {
                let Target::Mount(id, folder) = self.target(&place) else { return None };
                Inquiry::Names(id, folder, matches!(ask.op, Op::Scan(_)))
            }
            Op::MountList => Inquiry::Mounts(namespace, record),
            Op::NamespaceList(recursive) => Inquiry::Namespaces(namespace, *recursive),
            Op::PolicyList => Inquiry::Policies(namespace, record, now - now % 1_000_000_000),
            Op::Sight => {
                let caller = ask.token.as_ref().and_then(|text| state.alive(text, now, charged));
                let caller = caller.and_then(|id| state.tokens.peek(&id));
                Inquiry::Sight(namespace, record, caller.map(|token| state.reach(token, now)))
            }
            _ => return None,
        }))
    }

    /// What a task finds in what is durable now.
    pub fn find_durable(&self, question: &Question) -> Expect {
        self.state.as_durable().answer(&question.0)
    }

    /// What a task has found for a question, or without one the answer now.
    fn found_or_now(&self, turn: &Turn<'_>, inquiry: Option<Inquiry>) -> Expect {
        let Some(inquiry) = inquiry else { return Expect::Status(500) };
        let found = turn.found.iter().rev().find(|(question, _)| question.0 == inquiry);
        found.map_or_else(|| self.state.answer(&inquiry), |(_, expect)| expect.clone())
    }

    // --- Requests ---

    /// Decides a request at the time `now` (nanoseconds). `found` is what its tasks have found.
    pub fn decide(
        &mut self,
        ask: &Ask,
        charge: Charged,
        found: &[(Question, Expect)],
        seq: u64,
        now: u64,
    ) -> Decision {
        let was_sealed = self.is_sealed();
        let turn = Turn { ask, charged: charge.token(), found, seq, now };
        let _ = self.state.take_read();
        let mut is_denied = false;
        let served = self.serve(&turn, &mut is_denied);
        let read = self.state.take_read();
        let before = if ask.op == Op::KeyStatus && served.is_ok() { self.last_seq } else { read };
        self.last_seq = self.last_seq.max(seq);
        let expect = served.unwrap_or_else(|refused| refused);
        let own = ask.token.as_ref().and_then(|text| self.state.texts.peek(text)).copied();
        if let Charged::LastUse(id) = charge
            && own == Some(id)
            && !was_sealed
        {
            self.revoke(id, seq);
        }
        Decision { expect, depends_on: before.max(seq), is_denied }
    }

    fn serve(&mut self, turn: &Turn<'_>, is_denied: &mut bool) -> Result<Expect, Expect> {
        let Turn { ask, now, .. } = *turn;
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
        let caller = self.caller(turn).ok_or_else(Expect::nobody)?;
        let place = if is_fixed { self.at_home(turn, &caller, place)? } else { place };
        let target = self.target(&place);
        let (_, _, body) = ask.op.parts();
        let operation = ask.op.operation(self.exists(&ask.op, &caller, &place, &target));
        let reach = self.state.reach(&caller.token, now);
        let granted = reach.decide(operation, &place.full, &body);
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
    fn place(&self, ask: &Ask) -> Result<Place, Expect> {
        let (header, prefix) = ask.spot.split();
        let full = format!("{header}{prefix}{}", ask.op.parts().1);
        self.state.resolve(full, header.len())
    }

    fn check_lock(&self, place: &Place) -> Result<(), Expect> {
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
        let id = self.state.alive(turn.ask.token.as_ref()?, turn.now, turn.charged)?;
        if turn.charged.is_some_and(|charged| charged != id) {
            return None;
        }
        Some(Caller { id, token: self.state.tokens.peek(&id)?.clone(), sudo: false })
    }

    /// What is about a token is served in its namespace.
    fn at_home(&self, turn: &Turn<'_>, caller: &Caller, place: Place) -> Result<Place, Expect> {
        let home = match &turn.ask.op {
            Op::LookupSelf | Op::RevokeSelf => caller.token.namespace,
            Op::Lookup(text) | Op::Revoke(text) => {
                let found = self.state.alive(text, turn.now, turn.charged);
                let found = found.and_then(|id| self.state.tokens.peek(&id));
                found.map_or(place.namespace, |token| token.namespace)
            }
            _ => place.namespace,
        };
        if home == place.namespace {
            return Ok(place);
        }
        let full = format!("{}{}", self.state.path_of(home), place.path());
        let place = self.state.resolve(full, 0)?;
        self.check_lock(&place)?;
        Ok(place)
    }

    fn target(&self, place: &Place) -> Target {
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
            Op::CubbyholeRead(path) => {
                let is_home = namespace == caller.token.namespace;
                let found = self.state.entries.get(&(caller.id, path.clone()));
                let found = found.filter(|_| is_home).cloned();
                found.map(Expect::Data).ok_or_else(Expect::absent)
            }
            Op::CubbyholeWrite(..) if namespace != caller.token.namespace => {
                Err(Expect::invalid("a token has its cubbyhole in its own namespace only"))
            }
            Op::CubbyholeWrite(path, value) => {
                let key = (caller.id, path.clone());
                self.state.entries.set(turn.seq, key, Some(value.clone()));
                Ok(Expect::Empty(204))
            }
            Op::KeyStatus | Op::Rotate if namespace != namespace::ROOT => {
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
            Op::LookupSelf => Ok(self.state.show(caller.id)),
            Op::Lookup(text) => match self.state.alive(text, turn.now, turn.charged) {
                Some(id) => Ok(self.state.show(id)),
                None => Err(Expect::refused(403, "bad token")),
            },
            Op::Revoke(text) => {
                if let Some(id) = self.state.texts.peek(text).copied() {
                    self.revoke(id, turn.seq);
                }
                Ok(Expect::Empty(204))
            }
            Op::RevokeSelf => {
                self.revoke(caller.id, turn.seq);
                Ok(Expect::Empty(204))
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
                Ok(self.found_or_now(turn, Some(Inquiry::Names(id, key.1, is_scan))))
            }
        }
    }

    /// Who asks what it can use needs no rule for that.
    fn serve_sight(&self, turn: &Turn<'_>, place: &Place) -> Result<Expect, Expect> {
        let namespace = place.namespace;
        let caller = match &turn.ask.token {
            None => None,
            Some(_) => Some(self.caller(turn).ok_or_else(Expect::nobody)?),
        };
        let reach = caller.map(|caller| self.state.reach(&caller.token, turn.now));
        match (&turn.ask.op, reach) {
            (Op::SightOf(_), None) => Err(Expect::nobody()),
            (Op::SightOf(path), Some(reach)) => self.sight_of(namespace, path, &reach),
            (_, reach) => {
                let record = self.state.namespaces.peek(&namespace).cloned();
                let inquiry = record.map(|record| Inquiry::Sight(namespace, record, reach));
                Ok(self.found_or_now(turn, inquiry))
            }
        }
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
                .state
                .alive(text, turn.now, turn.charged)
                .ok_or_else(|| Expect::listed(400, "invalid token"))?,
            Whose::Accessor(accessor) => self
                .accessor(accessor, place, turn)
                .ok_or_else(|| Expect::listed(400, "invalid accessor"))?,
        };
        let Some(token) = self.state.tokens.peek(&id) else { return Ok(Expect::Status(500)) };
        let reach = self.state.reach(token, turn.now);
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

    /// The token of an accessor, if it is alive and of this namespace or of one inside.
    fn accessor(&self, accessor: &str, place: &Place, turn: &Turn<'_>) -> Option<u64> {
        let id = *self.accessors.get(accessor)?;
        let text = self.state.texts.iter().find(|(_, of)| **of == id)?.0.clone();
        let id = self.state.alive(&text, turn.now, turn.charged)?;
        let own = self.state.path_of(self.state.tokens.peek(&id)?.namespace);
        own.starts_with(self.state.path_of(place.namespace)).then_some(id)
    }
}

impl State {
    /// The answer to a question, by what is here.
    fn answer(&self, inquiry: &Inquiry) -> Expect {
        match inquiry {
            Inquiry::Names(owner, folder, false) => names(self.list(*owner, folder)),
            Inquiry::Names(owner, folder, true) => match self.scan(*owner, folder) {
                names if names.is_empty() => Expect::Data("{}".to_owned()),
                names => Expect::Keys(names),
            },
            Inquiry::Mounts(namespace, _) => Expect::Table(self.mount_table(*namespace)),
            Inquiry::Namespaces(namespace, recursive) => {
                match self.namespace_list(*namespace, *recursive) {
                    Some(list) => Expect::Shows(list),
                    None if *recursive => Expect::Data("{}".to_owned()),
                    None => Expect::absent(),
                }
            }
            Inquiry::Policies(namespace, _, now) => names(self.policy_names(*namespace, *now)),
            Inquiry::Sight(namespace, _, reach) => self.sight(*namespace, reach.as_ref()),
        }
    }
}

/// The answer to a list.
fn names(names: Vec<String>) -> Expect {
    if names.is_empty() { Expect::absent() } else { Expect::Keys(names) }
}
