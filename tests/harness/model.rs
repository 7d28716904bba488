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
mod serve;
mod state;
mod table;
mod token;

use std::collections::BTreeMap;

pub use self::books::SPACES;
pub use self::expect::Expect;
use self::namespace::Namespace;
use self::rule::{MadeOf, Reach};
use self::seal::Seal;
use self::state::State;
use self::token::Token;
use crate::op::{Ask, Op};

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
#[derive(Clone, Debug)]
pub struct Question {
    inquiry: Inquiry,
    /// What the caller can use, if that is asked.
    reach: Option<Reach>,
}

/// What tells one question from another.
#[derive(Clone, Debug, PartialEq)]
enum Inquiry {
    /// Names of an owner below a folder, and whether of all folders inside.
    Names(u64, String, bool),
    Mounts(u64, Namespace),
    Namespaces(u64, bool),
    /// At a time in nanoseconds.
    Policies(u64, Namespace, u64),
    /// And what the rights of the caller are made of, if there is one.
    Sight(u64, Namespace, Option<MadeOf>),
}

impl Inquiry {
    /// One that is the same for every caller.
    fn of_all(self) -> Question {
        Question { inquiry: self, reach: None }
    }
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
    times: Times,
}

/// Two times of a request, in nanoseconds.
#[derive(Clone, Copy, Debug)]
pub struct Times {
    /// When it came.
    pub arrived: u64,
    /// When it is decided.
    pub now: u64,
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
    pub fn question(&self, ask: &Ask, charge: Charged, times: Times) -> Option<Question> {
        let turn = Turn { ask, charged: charge.token(), found: &[], seq: 0, times };
        let place = self.place(ask).ok()?;
        match &ask.op {
            Op::List(_) | Op::Scan(_) => {
                let Target::Mount(id, folder) = self.target(&place) else { return None };
                let recursive = matches!(ask.op, Op::Scan(_));
                Some(Inquiry::Names(id, folder, recursive).of_all())
            }
            Op::Sight => self.sight_question(place.namespace, self.looker(&turn).as_ref(), times),
            _ => self.list_question(&turn, place.namespace),
        }
    }

    /// What a list of a namespace is about.
    fn list_question(&self, turn: &Turn<'_>, namespace: u64) -> Option<Question> {
        let record = self.state.namespaces.peek(&namespace)?.clone();
        let inquiry = match &turn.ask.op {
            Op::MountList => Inquiry::Mounts(namespace, record),
            Op::NamespaceList(recursive) => Inquiry::Namespaces(namespace, *recursive),
            Op::PolicyList => Inquiry::Policies(namespace, record, turn.times.arrived),
            _ => return None,
        };
        Some(inquiry.of_all())
    }

    fn sight_question(
        &self,
        namespace: u64,
        caller: Option<&Token>,
        times: Times,
    ) -> Option<Question> {
        let record = self.state.namespaces.peek(&namespace)?.clone();
        let made_of = caller.map(|token| self.state.made_of(token, times.now));
        let reach = caller.map(|token| self.state.reach(token, times.now));
        Some(Question { inquiry: Inquiry::Sight(namespace, record, made_of), reach })
    }

    /// What a task finds in what is durable now.
    pub fn find_durable(&self, question: &Question) -> Expect {
        self.state.as_durable().answer(question)
    }

    /// What a task has found for a question, or without one the answer now.
    fn found_or_now(&self, turn: &Turn<'_>, question: Option<Question>) -> Expect {
        let Some(asked) = question else { return Expect::Status(500) };
        let mut found = turn.found.iter().rev();
        let found = found.find(|(question, _)| question.inquiry == asked.inquiry);
        found.map_or_else(|| self.state.answer(&asked), |(_, expect)| expect.clone())
    }

    // --- Requests ---

    /// Decides a request. `found` is what its tasks have found.
    pub fn decide(
        &mut self,
        ask: &Ask,
        charge: Charged,
        found: &[(Question, Expect)],
        seq: u64,
        times: Times,
    ) -> Decision {
        let was_sealed = self.is_sealed();
        let turn = Turn { ask, charged: charge.token(), found, seq, times };
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
}

impl State {
    /// The answer to a question, by what is here.
    fn answer(&self, question: &Question) -> Expect {
        match &question.inquiry {
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
            Inquiry::Policies(namespace, _, asked) => names(self.policy_names(*namespace, *asked)),
            Inquiry::Sight(namespace, ..) => self.sight(*namespace, question.reach.as_ref()),
        }
    }
}

/// The answer to a list.
fn names(names: Vec<String>) -> Expect {
    if names.is_empty() { Expect::absent() } else { Expect::Keys(names) }
}
