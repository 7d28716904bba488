//! The server as it is described, without the server: maps, no cryptography, no store, no waiting.
//!
//! It is told in which order requests are decided, decides each of them itself, and says what the
//! answer must be. Every change it makes is remembered with its batch, so that a crash can take it
//! back.

pub mod policy;
mod rule;
mod seal;

use std::collections::{BTreeMap, BTreeSet};

use self::seal::Seal;
use crate::op::{Op, Wish};

/// What an answer must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expect {
    /// The status alone.
    Status(u16),
    /// 204, or another status without a word.
    Empty(u16),
    /// `errors` with exactly this text, or none.
    Errors(u16, Option<&'static str>),
    /// 200 and exactly this text as `data`.
    Data(String),
    /// 200 and these names as `data.keys`.
    Keys(Vec<String>),
    /// 200 and a token of these properties.
    Shown {
        /// Uses left.
        num_uses: i64,
        /// Whether it has no parent.
        orphan: bool,
        /// Whether its policy is root; else it is default.
        root: bool,
        /// Whether its time will come.
        expires: bool,
    },
    /// 200 and a new token: its place in the model.
    Made(usize),
    /// 200 and the state of the seal.
    Seal {
        /// Whether it is sealed.
        sealed: bool,
        /// Shares given so far.
        progress: usize,
        /// The number of the attempt, if one is under way.
        attempt: Option<u64>,
    },
    /// 200 and this term of the keyring.
    Term(u32),
}

/// The text of a rejection by rules.
const DENIED: &str = "1 error occurred:\n\t* permission denied\n\n";

/// One token.
#[derive(Clone, Debug)]
struct Token {
    text: Option<String>,
    parent: Option<usize>,
    root: bool,
    /// 0 for no limit, -1 for none left.
    num_uses: i64,
    /// Nanoseconds, or never.
    expires: Option<u64>,
    revoked: bool,
    cubbyhole: BTreeMap<String, String>,
    /// The batch of the last change.
    seq: u64,
}

/// See the module.
#[derive(Debug)]
pub struct Model {
    secrets: BTreeMap<String, String>,
    /// The batch of the last change of a path.
    seqs: BTreeMap<String, u64>,
    tokens: Vec<Token>,
    texts: BTreeMap<String, usize>,
    seal: Seal,
    term: u32,
    /// The last batch of all.
    last_seq: u64,
    journal: Vec<(u64, Undo)>,
}

/// What a request has charged to its token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Charged {
    /// Nothing, so far.
    Nothing,
    /// One of the uses of this token.
    Use(usize),
    /// The last use of this token: it goes with the request.
    LastUse(usize),
}

impl Charged {
    fn token(self) -> Option<usize> {
        match self {
            Self::Nothing => None,
            Self::Use(at) | Self::LastUse(at) => Some(at),
        }
    }
}

/// How to take a change back.
#[derive(Debug)]
enum Undo {
    Secret(String, Option<String>),
    Token(usize, Box<Token>),
    Made(usize),
    Text(String, Option<usize>),
    Term(u32),
}

/// A decision of the model.
#[derive(Clone, Debug)]
pub struct Decision {
    /// What the answer must be.
    pub expect: Expect,
    /// The last batch of all that the decision read and wrote, by the model's own books.
    pub depends_on: u64,
}

impl Model {
    /// An unsealed server with nothing but a root token. So many of the shares unseal it.
    pub fn new(root: &str, keys: &[String], threshold: usize) -> Self {
        let mut model = Self {
            secrets: BTreeMap::new(),
            seqs: BTreeMap::new(),
            tokens: Vec::new(),
            texts: BTreeMap::new(),
            seal: Seal::open(keys, threshold),
            term: 1,
            last_seq: 0,
            journal: Vec::new(),
        };
        model.tokens.push(Token {
            text: Some(root.to_owned()),
            parent: None,
            root: true,
            num_uses: 0,
            expires: None,
            revoked: false,
            cubbyhole: BTreeMap::new(),
            seq: 0,
        });
        model.texts.insert(root.to_owned(), 0);
        model
    }

    /// Whether it is sealed.
    pub fn is_sealed(&self) -> bool {
        self.seal.is_sealed()
    }

    /// The term of the keyring.
    pub fn term(&self) -> u32 {
        self.term
    }

    /// What the model knows of a token and its parents, for a message.
    pub fn describe(&self, text: &str) -> String {
        let mut told = String::new();
        let mut at = self.texts.get(text).copied();
        while let Some(token) = at.and_then(|at| self.tokens.get(at)) {
            told += &format!(
                "[{at:?} root {} uses {} expires {:?} revoked {} seq {}]",
                token.root, token.num_uses, token.expires, token.revoked, token.seq
            );
            at = token.parent;
        }
        told
    }

    /// How many records there should be when the background has nothing left to do: tokens, accessors,
    /// entries, folders, rows of children, rows of what is due, rows of work to do.
    pub fn books(&self, now: u64) -> [usize; 7] {
        let stored: Vec<&Token> = self.tokens.iter().filter(|it| self.is_stored(it, now)).collect();
        let tokens = stored.len();
        let children = stored.iter().filter(|token| token.parent.is_some()).count();
        let due = stored.iter().filter(|token| token.expires.is_some()).count();
        let cubbyholes = stored.iter().map(|token| &token.cubbyhole);
        let (mut entries, mut folders) = (0, 0);
        for owned in cubbyholes.chain([&self.secrets]) {
            entries += owned.len();
            let mut found = BTreeSet::new();
            for path in owned.keys() {
                found.insert("");
                found.extend(path.match_indices('/').filter_map(|(at, _)| path.get(..=at)));
            }
            folders += found.len();
        }
        [tokens, tokens, entries, folders, children, due, 0]
    }

    /// Whether a token's records stay: nobody in its line was revoked, and nobody's time has come.
    fn is_stored(&self, token: &Token, now: u64) -> bool {
        let spent = token.num_uses == -1;
        let dead = spent || token.revoked || token.expires.is_some_and(|expires| expires <= now);
        let parent = token.parent.and_then(|at| self.tokens.get(at));
        !dead && parent.is_none_or(|parent| self.is_stored(parent, now))
    }

    /// What a list or a scan finds in what is durable now.
    pub fn find_durable(&self, op: &Op) -> Vec<String> {
        let mut secrets = self.secrets.clone();
        for (_, undo) in self.journal.iter().rev() {
            match undo {
                Undo::Secret(path, Some(value)) => {
                    drop(secrets.insert(path.clone(), value.clone()));
                }
                Undo::Secret(path, None) => drop(secrets.remove(path)),
                Undo::Token(..) | Undo::Made(_) | Undo::Text(..) | Undo::Term(_) => {}
            }
        }
        match op {
            Op::List(folder) => list(&secrets, folder),
            Op::Scan(folder) => scan(&secrets, folder),
            _ => Vec::new(),
        }
    }

    /// A client has learned the text of a token that was made.
    pub fn learn(&mut self, token: usize, text: &str) {
        if let Some(made) = self.tokens.get_mut(token) {
            made.text = Some(text.to_owned());
            self.texts.insert(text.to_owned(), token);
        }
    }

    /// Every batch up to this one is durable: its changes are for good.
    pub fn forget_undo(&mut self, durable: u64) {
        self.journal.retain(|(seq, _)| *seq > durable);
    }

    /// A crash: every batch after this one is lost, and the server is sealed.
    pub fn crash(&mut self, survived: u64) {
        while let Some((seq, undo)) = self.journal.pop() {
            if seq <= survived {
                continue;
            }
            match undo {
                Undo::Secret(path, Some(value)) => drop(self.secrets.insert(path, value)),
                Undo::Secret(path, None) => drop(self.secrets.remove(&path)),
                Undo::Token(at, token) => {
                    if let Some(place) = self.tokens.get_mut(at) {
                        // What clients know of it they go on knowing.
                        let text = place.text.take();
                        *place = Token { text, ..*token };
                    }
                }
                Undo::Text(text, Some(at)) => drop(self.texts.insert(text, at)),
                Undo::Term(term) => self.term = term,
                Undo::Text(text, None) => drop(self.texts.remove(&text)),
                Undo::Made(at) => {
                    if let Some(token) = self.tokens.get_mut(at) {
                        token.revoked = true;
                    }
                }
            }
        }
        // A new process numbers its batches from the start.
        self.seqs.clear();
        for token in &mut self.tokens {
            token.seq = 0;
        }
        self.last_seq = 0;
        self.seal.close();
    }

    /// A use of the token is charged. Says whether it was the last.
    pub fn admit(&mut self, token: Option<&str>, seq: u64) -> Charged {
        let mut charged = Charged::Nothing;
        self.last_seq = self.last_seq.max(seq);
        if let Some(at) = token.and_then(|text| self.texts.get(text)).copied() {
            self.change_token(at, seq, |token| {
                let last = token.num_uses == 1;
                token.num_uses = if last { -1 } else { token.num_uses - 1 };
                charged = if last { Charged::LastUse(at) } else { Charged::Use(at) };
            });
        }
        charged
    }

    /// Decides a request at the time `now` (nanoseconds). `found` is what its task has found.
    pub fn decide(
        &mut self,
        op: &Op,
        token: Option<&str>,
        charge: Charged,
        found: Option<Vec<String>>,
        seq: u64,
        now: u64,
    ) -> Decision {
        let charged = charge.token();
        let was_sealed = self.is_sealed();
        let before = self.depends_on(op, token, now, charged);
        self.last_seq = self.last_seq.max(seq);
        let mut expect = self.serve(op, token, charged, seq, now);
        let lists = matches!(op, Op::List(_) | Op::Scan(_));
        let served = matches!(expect, Expect::Keys(_) | Expect::Data(_) | Expect::Errors(404, _));
        if let Some(names) = found.filter(|_| lists && served) {
            expect = names_found(op, names);
        }
        let own = token.and_then(|text| self.texts.get(text)).copied();
        if let Charged::LastUse(at) = charge
            && own == Some(at)
            && !was_sealed
        {
            self.change_token(at, seq, |token| token.revoked = true);
        }
        Decision { expect, depends_on: before.max(seq) }
    }

    fn serve(
        &mut self,
        op: &Op,
        token: Option<&str>,
        charged: Option<usize>,
        seq: u64,
        now: u64,
    ) -> Expect {
        match op {
            Op::BothFramings | Op::BrokenBody(_) => return Expect::Status(400),
            Op::Health => return Expect::Status(if self.is_sealed() { 503 } else { 200 }),
            Op::SealStatus => return self.seal.show(),
            Op::Unseal(key) => return self.seal.submit(key),
            Op::UnsealReset => return self.seal.reset(),
            Op::Seal if self.is_sealed() => return Expect::Empty(204),
            _ if self.is_sealed() => return Expect::Errors(503, Some("Vault is sealed")),
            _ => {}
        }
        let caller = self.caller(token, now, charged);
        let caller = caller.filter(|at| charged.is_none_or(|charged| charged == *at));
        let Some(caller) = caller else {
            return Expect::Errors(403, Some("permission denied"));
        };
        if !self.allows(caller, op, now) {
            return Expect::Errors(403, Some(DENIED));
        }
        self.serve_authorized(op, caller, charged, seq, now)
    }

    fn serve_authorized(
        &mut self,
        op: &Op,
        caller: usize,
        charged: Option<usize>,
        seq: u64,
        now: u64,
    ) -> Expect {
        match op {
            Op::Read(path) => found(self.secrets.get(path)),
            Op::Write(path, value) => {
                self.change_secret(path, seq, Some(value.clone()));
                Expect::Empty(204)
            }
            Op::Delete(path) => {
                if self.secrets.contains_key(path) {
                    self.change_secret(path, seq, None);
                }
                Expect::Empty(204)
            }
            Op::List(folder) => names_found(op, list(&self.secrets, folder)),
            Op::Scan(folder) => names_found(op, scan(&self.secrets, folder)),
            Op::CubbyholeRead(path) => {
                found(self.tokens.get(caller).and_then(|token| token.cubbyhole.get(path)))
            }
            Op::CubbyholeWrite(path, value) => {
                let before = self.tokens.get(caller).map_or(0, |token| token.seq);
                self.change_token(caller, seq, |token| {
                    token.cubbyhole.insert(path.clone(), value.clone());
                });
                // What is in its cubbyhole is not the token.
                if let Some(token) = self.tokens.get_mut(caller) {
                    token.seq = before;
                }
                Expect::Empty(204)
            }
            Op::Nowhere => Expect::Status(404),
            Op::TrailingPeriod(_) => {
                Expect::Errors(404, Some("1 error occurred:\n\t* unsupported path\n\n"))
            }
            Op::Job(_) => Expect::Status(200),
            Op::Seal => {
                self.seal.close();
                Expect::Empty(204)
            }
            Op::KeyStatus => Expect::Term(self.term),
            Op::Rotate => self.rotate(seq),
            Op::LookupSelf => self.show(caller),
            Op::Lookup(text) => match self.caller(Some(text), now, charged) {
                Some(at) => self.show(at),
                None => Expect::Errors(403, Some("bad token")),
            },
            Op::Revoke(text) => {
                let there = |at: &usize| self.tokens.get(*at).is_some_and(|token| !token.revoked);
                if let Some(at) = self.texts.get(text).copied().filter(there) {
                    self.change_token(at, seq, |token| token.revoked = true);
                }
                Expect::Empty(204)
            }
            Op::RevokeSelf => {
                self.change_token(caller, seq, |token| token.revoked = true);
                Expect::Empty(204)
            }
            Op::TokenCreate(wish) => self.make(wish, caller, seq, now),
            Op::BothFramings
            | Op::BrokenBody(_)
            | Op::Health
            | Op::SealStatus
            | Op::Unseal(_)
            | Op::UnsealReset => unreachable!("served without a token"),
        }
    }

    /// Whether the policies of a token allow this: root everything, `default` what it says.
    fn allows(&self, at: usize, op: &Op, now: u64) -> bool {
        let Some(token) = self.tokens.get(at) else { return false };
        let exists = match op {
            Op::CubbyholeWrite(path, _) => token.cubbyhole.contains_key(path),
            _ => true,
        };
        token.root || rule::default_allows(op, exists, now)
    }

    fn rotate(&mut self, seq: u64) -> Expect {
        self.journal.push((seq, Undo::Term(self.term)));
        self.term += 1;
        Expect::Empty(204)
    }

    fn make(&mut self, wish: &Wish, caller: usize, seq: u64, now: u64) -> Expect {
        let Some(parent) = self.tokens.get(caller) else { return Expect::Status(500) };
        if parent.num_uses != 0 {
            let text = "restricted use token cannot generate child tokens";
            return Expect::Errors(400, Some(text));
        }
        let ttl = match (wish.root, wish.ttl) {
            (true, 0) if parent.expires.is_some() => {
                let text = "expiring root tokens cannot create non-expiring root tokens";
                return Expect::Errors(400, Some(text));
            }
            (true, 0) => 0,
            (false, 0) => 768 * 3600,
            (_, ttl) => ttl.unsigned_abs(),
        };
        if let Some(id) = wish.id {
            if self.caller(Some(id), now, None).is_some() {
                return Expect::Errors(400, Some("cannot create a token with a duplicate ID"));
            }
            let before = self.texts.insert(id.to_owned(), self.tokens.len());
            self.journal.push((seq, Undo::Text(id.to_owned(), before)));
            // The dead one, if there is one, is taken away for good.
            if let Some(before) = before {
                self.change_token(before, seq, |token| token.revoked = true);
            }
        }
        let at = self.tokens.len();
        self.tokens.push(Token {
            text: wish.id.map(str::to_owned),
            parent: (!wish.orphan).then_some(caller),
            root: wish.root,
            num_uses: wish.num_uses,
            expires: (ttl > 0).then(|| now + ttl * 1_000_000_000),
            revoked: false,
            cubbyhole: BTreeMap::new(),
            seq,
        });
        self.journal.push((seq, Undo::Made(at)));
        Expect::Made(at)
    }

    fn show(&self, at: usize) -> Expect {
        let Some(token) = self.tokens.get(at) else { return Expect::Status(500) };
        Expect::Shown {
            num_uses: token.num_uses,
            orphan: token.parent.is_none(),
            root: token.root,
            expires: token.expires.is_some(),
        }
    }

    /// The token of a caller, if it is alive.
    fn caller(&self, text: Option<&str>, now: u64, charged: Option<usize>) -> Option<usize> {
        let at = *self.texts.get(text?)?;
        let alive =
            |token: &Token| !token.revoked && token.expires.is_none_or(|expires| expires > now);
        let token = self.tokens.get(at)?;
        // A use that was charged to one token serves no other of the same text.
        if !alive(token) || (token.num_uses == -1 && charged != Some(at)) {
            return None;
        }
        let mut above = token.parent;
        while let Some(parent) = above {
            let parent = self.tokens.get(parent)?;
            if !alive(parent) || parent.num_uses == -1 {
                return None;
            }
            above = parent.parent;
        }
        Some(at)
    }

    /// The last batch of what a request looks at.
    fn depends_on(&self, op: &Op, token: Option<&str>, now: u64, charged: Option<usize>) -> u64 {
        let asks_nothing = matches!(
            op,
            Op::BothFramings
                | Op::BrokenBody(_)
                | Op::Health
                | Op::SealStatus
                | Op::Unseal(_)
                | Op::UnsealReset
        );
        if self.is_sealed() || asks_nothing {
            return 0;
        }
        let mut seq = 0;
        let own = token.and_then(|text| self.texts.get(text)).copied();
        let mut next = own;
        while let Some((at, token)) = next.and_then(|at| Some((at, self.tokens.get(at)?))) {
            seq = seq.max(token.seq);
            // A dead token is dead whatever its parents are.
            let spent = token.num_uses == -1 && charged != Some(at);
            let expired = token.expires.is_some_and(|expires| expires <= now);
            next = token.parent.filter(|_| !token.revoked && !spent && !expired);
        }
        let caller = self.caller(token, now, charged);
        if !caller.is_some_and(|at| self.allows(at, op, now)) {
            return seq;
        }
        match op {
            Op::Read(path) | Op::Write(path, _) | Op::Delete(path) => {
                seq.max(self.seqs.get(path).copied().unwrap_or(0))
            }
            Op::KeyStatus => self.last_seq,
            _ => seq,
        }
    }

    fn change_secret(&mut self, path: &str, seq: u64, value: Option<String>) {
        let before = match value {
            Some(value) => self.secrets.insert(path.to_owned(), value),
            None => self.secrets.remove(path),
        };
        self.seqs.insert(path.to_owned(), seq);
        self.journal.push((seq, Undo::Secret(path.to_owned(), before)));
    }

    fn change_token(&mut self, at: usize, seq: u64, change: impl FnOnce(&mut Token)) {
        if let Some(token) = self.tokens.get_mut(at) {
            self.journal.push((seq, Undo::Token(at, Box::new(token.clone()))));
            change(token);
            token.seq = token.seq.max(seq);
        }
    }
}

fn found(value: Option<&String>) -> Expect {
    match value {
        Some(value) => Expect::Data(value.clone()),
        None => Expect::Errors(404, None),
    }
}

/// The answer to a list or a scan.
fn names_found(op: &Op, names: Vec<String>) -> Expect {
    match op {
        _ if !names.is_empty() => Expect::Keys(names),
        Op::Scan(_) => Expect::Data("{}".to_owned()),
        _ => Expect::Errors(404, None),
    }
}

/// The names in a folder: entries, and folders with a slash.
fn list(secrets: &BTreeMap<String, String>, folder: &str) -> Vec<String> {
    let mut names: Vec<String> = secrets
        .keys()
        .filter_map(|path| path.strip_prefix(folder))
        .map(|rest| match rest.split_once('/') {
            Some((name, _)) => format!("{name}/"),
            None => rest.to_owned(),
        })
        .collect();
    names.sort();
    names.dedup();
    names
}

/// All entries below a folder: a folder's own in order, then its folders from last to first.
fn scan(secrets: &BTreeMap<String, String>, folder: &str) -> Vec<String> {
    fn walk(secrets: &BTreeMap<String, String>, root: &str, folder: &str, found: &mut Vec<String>) {
        let names = list(secrets, folder);
        let (folders, entries): (Vec<&String>, Vec<&String>) =
            names.iter().partition(|name| name.ends_with('/'));
        let relative = folder.strip_prefix(root).unwrap_or("");
        found.extend(entries.iter().map(|name| format!("{relative}{name}")));
        for name in folders.iter().rev() {
            walk(secrets, root, &format!("{folder}{name}"), found);
        }
    }
    let mut found = Vec::new();
    walk(secrets, folder, folder, &mut found);
    found
}
