//! One client: secrets and tokens that nobody else touches, what it knows of them, and one request at
//! a time.
//!
//! Invariants: what is known of a secret or a token is what was acknowledged. Of the one request
//! without an answer all or nothing may be there; the next check learns which.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};

use super::Tally;
use super::token::{Change, Tokens};
use super::wire::{Answer, Fault, Request, Wire};
use crate::random::Random;

/// Secrets in the largest folder: its list takes more than one page of the index.
const LARGE_FOLDER: usize = 48;
/// The secret that is written most and never deleted.
pub(super) const TICKER: &str = "ticker";
/// Folders, the client's own first.
const FOLDERS: [&str; 3] = ["", "folder/", "folder/inner/"];
/// Bytes of a small value.
const VALUE_BYTES_MAX: usize = 500;
/// Bytes of a large one: more than a page of the engine.
const LARGE_VALUE_BYTES: usize = 9_000;

/// What a client asks for.
#[derive(Clone, Debug)]
enum Op {
    Write {
        name: String,
        version: u64,
    },
    Delete {
        name: String,
    },
    Read {
        name: String,
    },
    List {
        folder: &'static str,
    },
    Tokens(Change),
    /// A new key, of the keyring or above it: nothing that is stored may be lost by it.
    Rotate(&'static str),
}

impl Op {
    /// The change of a secret: its name, and the version that is there afterwards.
    fn change(&self) -> Option<(&str, Option<u64>)> {
        match self {
            Self::Write { name, version } => Some((name, Some(*version))),
            Self::Delete { name } => Some((name, None)),
            _ => None,
        }
    }

    fn changes(&self) -> bool {
        !matches!(self, Self::Read { .. } | Self::List { .. })
    }
}

/// See the module.
pub(super) struct Client {
    number: usize,
    random: Random,
    /// Every name it ever uses, and the version that is there.
    secrets: BTreeMap<String, Option<u64>>,
    last_version: u64,
    tokens: Tokens,
    unanswered: Option<Op>,
    pub(super) tally: Tally,
}

impl Client {
    pub(super) fn new(number: usize, seed: u64) -> Self {
        let large = (0..LARGE_FOLDER).map(|at| format!("one-of-many-in-a-large-folder-{at:02}"));
        let others = ["folder/a", "folder/b", "folder/inner/a", "folder/inner/b", TICKER];
        let names = large.chain(others.map(str::to_owned));
        Self {
            number,
            random: Random::new(seed),
            secrets: names.map(|name| (name, None)).collect(),
            last_version: 0,
            tokens: Tokens::default(),
            unanswered: None,
            tally: Tally::default(),
        }
    }

    /// The version of its ticker.
    pub(super) fn ticker(&self) -> Option<u64> {
        self.secrets.get(TICKER).copied().flatten()
    }

    /// Asks for one thing after the other until the server is killed. Gives whether a change was under
    /// way then.
    ///
    /// # Errors
    ///
    /// An answer that is wrong, or a connection that is lost before `killed` is set.
    pub(super) fn work(
        &mut self,
        address: SocketAddr,
        root: &str,
        killed: &AtomicBool,
    ) -> Result<bool, String> {
        let mut wire = match Wire::connect(address) {
            Ok(wire) => wire,
            Err(Fault::Lost(_)) if killed.load(Ordering::SeqCst) => return Ok(false),
            Err(fault) => return Err(self.says(&fault.text())),
        };
        loop {
            let op = self.choose();
            let request = self.request(&op, root);
            // From its first byte on it may happen.
            self.unanswered = Some(op.clone());
            let sent = wire.send(&request);
            let was_alive = !killed.load(Ordering::SeqCst);
            match sent.and_then(|()| wire.receive()) {
                Ok(answer) => {
                    self.unanswered = None;
                    self.tally.acknowledged += u64::from(op.changes());
                    self.acknowledge(op, &answer).map_err(|text| self.says(&text))?;
                }
                Err(Fault::Lost(_)) if killed.load(Ordering::SeqCst) => {
                    return Ok(was_alive && op.changes());
                }
                Err(fault) => return Err(self.says(&fault.text())),
            }
        }
    }

    /// Requires all that is known, and learns what became of what was not answered.
    ///
    /// # Errors
    ///
    /// What is not as it must be.
    pub(super) fn check(&mut self, address: SocketAddr, root: &str) -> Result<(), String> {
        let mut check = || {
            let mut wire = Wire::connect(address).map_err(Fault::text)?;
            let unanswered = self.unanswered.take();
            self.check_secrets(&mut wire, root, unanswered.as_ref().and_then(Op::change))?;
            for folder in FOLDERS {
                let request = Request::new("LIST", self.path(folder), root);
                let answer = wire.ask(&request).map_err(Fault::text)?;
                self.require_list(folder, &answer)?;
            }
            let change = match unanswered {
                Some(Op::Tokens(change)) => Some(change),
                _ => None,
            };
            self.tokens.check(&mut wire, root, change, &mut self.random, &mut self.tally)
        };
        check().map_err(|text| self.says(&text))
    }

    /// Requires that every token that ever died is dead.
    ///
    /// # Errors
    ///
    /// If one is not.
    pub(super) fn check_dead(&mut self, address: SocketAddr, root: &str) -> Result<(), String> {
        let mut wire = Wire::connect(address).map_err(Fault::text)?;
        self.tokens.check_dead(&mut wire, root, &mut self.tally)
    }

    fn check_secrets(
        &mut self,
        wire: &mut Wire,
        root: &str,
        unanswered: Option<(&str, Option<u64>)>,
    ) -> Result<(), String> {
        for (name, known) in &mut self.secrets {
            let answer = wire.ask(&Request::new("GET", path(self.number, name), root));
            let found = version(self.number, name, &answer.map_err(Fault::text)?)?;
            self.tally.secrets += 1;
            let changed = unanswered.filter(|(of, to)| of == name && *to != *known);
            if let Some((_, to)) = changed.filter(|(_, to)| found == *to || found == *known) {
                self.tally.settle(found == to);
                *known = found;
            }
            require(found, *known, name)?;
        }
        Ok(())
    }

    fn choose(&mut self) -> Op {
        let name = |random: &mut Random, secrets: &BTreeMap<String, _>| {
            secrets.keys().nth(random.below(secrets.len())).cloned().unwrap_or_default()
        };
        let random = &mut self.random;
        match random.below(100) {
            0..50 => {
                self.last_version += 1;
                let name =
                    if random.one_in(4) { TICKER.into() } else { name(random, &self.secrets) };
                Op::Write { name, version: self.last_version }
            }
            50..64 => {
                let name = name(random, &self.secrets);
                if name == TICKER { Op::Read { name } } else { Op::Delete { name } }
            }
            64..72 => Op::Read { name: name(random, &self.secrets) },
            72..76 => Op::List { folder: random.pick::<&str>(&FOLDERS) },
            76..98 => Op::Tokens(self.tokens.choose(random, self.number)),
            98 => Op::Rotate("sys/rotate"),
            _ => Op::Rotate("sys/rotate/root"),
        }
    }

    fn request(&self, op: &Op, root: &str) -> Request {
        match op {
            Op::Write { name, version } => {
                Request::new("PUT", self.path(name), root).with(value(self.number, *version))
            }
            Op::Delete { name } => Request::new("DELETE", self.path(name), root),
            Op::Read { name } => Request::new("GET", self.path(name), root),
            Op::List { folder } => Request::new("LIST", self.path(folder), root),
            Op::Tokens(change) => change.request(root),
            Op::Rotate(path) => Request::new("POST", *path, root),
        }
    }

    fn acknowledge(&mut self, op: Op, answer: &Answer) -> Result<(), String> {
        if let Some((name, version)) = op.change() {
            answer.require(204, name)?;
            self.secrets.insert(name.to_owned(), version);
            return Ok(());
        }
        match op {
            Op::Read { name } => {
                let known = self.secrets.get(&name).copied().flatten();
                require(version(self.number, &name, answer)?, known, &name)
            }
            Op::List { folder } => self.require_list(folder, answer),
            Op::Tokens(change) => {
                answer.require(change.status(), "a change of tokens")?;
                self.tokens.acknowledge(change, answer)
            }
            Op::Rotate(path) => answer.require(204, path),
            Op::Write { .. } | Op::Delete { .. } => Ok(()),
        }
    }

    /// Requires that a list shows what is there: names, and folders that are not empty.
    fn require_list(&mut self, folder: &str, answer: &Answer) -> Result<(), String> {
        self.tally.lists += 1;
        let there = self.secrets.iter().filter(|(_, version)| version.is_some());
        let below = there.filter_map(|(name, _)| name.strip_prefix(folder));
        let entry = |name: &str| name.split_inclusive('/').next().map(str::to_owned);
        let wanted: BTreeSet<String> = below.filter_map(entry).collect();
        if wanted.is_empty() {
            return answer.require(404, "a list of nothing");
        }
        answer.require(200, "a list")?;
        let (found, wanted) = (answer.body.pointer("/data/keys"), json!(wanted));
        if found == Some(&wanted) {
            return Ok(());
        }
        Err(format!("folder {folder:?} lists {found:?} rather than {wanted}"))
    }

    fn path(&self, name: &str) -> String {
        path(self.number, name)
    }

    fn says(&self, text: &str) -> String {
        format!("client {}: {text}", self.number)
    }
}

/// Where a client's secrets are.
pub(super) fn path(client: usize, name: &str) -> String {
    format!("secret/kills/{client}/{name}")
}

/// The value of a version: another one for each, of random length.
fn value(client: usize, version: u64) -> Value {
    let mut random = Random::new(version.rotate_right(16) ^ u64::try_from(client).unwrap_or(0));
    let length = if random.one_in(16) { LARGE_VALUE_BYTES } else { random.below(VALUE_BYTES_MAX) };
    let text: String = std::iter::repeat_with(|| format!("{:016x}", random.bits()))
        .take(length.div_ceil(16))
        .collect();
    json!({"version": version, "text": text})
}

/// The version that an answer shows, whose whole value must be right.
pub(super) fn version(client: usize, name: &str, answer: &Answer) -> Result<Option<u64>, String> {
    if answer.status == 404 {
        return Ok(None);
    }
    answer.require(200, name)?;
    let found = answer.body.pointer("/data/version").and_then(Value::as_u64);
    let version = found.ok_or_else(|| format!("{name} has no version"))?;
    if answer.body.get("data") == Some(&value(client, version)) {
        return Ok(Some(version));
    }
    Err(format!("{name} is not what was written as version {version}"))
}

fn require(found: Option<u64>, known: Option<u64>, name: &str) -> Result<(), String> {
    if found == known {
        return Ok(());
    }
    let shown = |version: Option<u64>| match version {
        Some(version) => format!("version {version}"),
        None => "nothing".to_owned(),
    };
    Err(format!("{name}: there is {} rather than {}", shown(found), shown(known)))
}
