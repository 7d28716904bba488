//! What a server knows: tables, and the ways through them.

use super::expect::Expect;
use super::mount::{FIRST, Mount};
use super::namespace::{Namespace, ROOT};
use super::rule::Record;
use super::table::Table;
use super::token::Token;

/// See the module. Namespaces, mounts and tokens are known by numbers, which are never used again.
#[derive(Clone, Debug)]
pub(super) struct State {
    pub(super) namespaces: Table<u64, Namespace>,
    /// By namespace and path.
    pub(super) rows: Table<(u64, String), Row>,
    pub(super) mounts: Table<u64, Mount>,
    /// By namespace and name.
    pub(super) policies: Table<(u64, String), Record>,
    /// By mount or token, and path.
    pub(super) entries: Table<(u64, String), String>,
    pub(super) tokens: Table<u64, Token>,
    /// Which token has a text.
    pub(super) texts: Table<String, u64>,
    pub(super) terms: Table<(), u32>,
    /// Whether a mount was ever moved.
    pub(super) moves: Table<(), ()>,
}

/// What a path leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Row {
    /// A mount, and whether the index has it.
    Mount(u64, bool),
    Namespace(u64),
}

/// A namespace, and a path in it.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) namespace: u64,
    /// From the root.
    pub(super) full: String,
    /// Where the path inside the namespace begins.
    at: usize,
    /// The first namespace on the way that is locked.
    pub(super) locked: Option<u64>,
}

impl Place {
    pub(super) fn path(&self) -> &str {
        self.full.get(self.at..).unwrap_or("")
    }

    /// Whether it is in a mount that every namespace has.
    pub(super) fn is_fixed(&self) -> bool {
        FIXED.iter().any(|fixed| self.path().starts_with(fixed))
    }
}

/// First segments of the server's own.
const RESERVED: [&str; 7] = ["", "audit", "auth", "cubbyhole", "identity", "root", "sys"];

/// Mounts that every namespace has.
pub(super) const FIXED: [&str; 4] = ["auth/token/", "cubbyhole/", "identity/", "sys/"];

/// Calls `act` with each table.
macro_rules! each {
    ($state:expr, $act:ident $(, $argument:expr)*) => {
        [
            $state.namespaces.$act($($argument)*),
            $state.rows.$act($($argument)*),
            $state.mounts.$act($($argument)*),
            $state.policies.$act($($argument)*),
            $state.entries.$act($($argument)*),
            $state.tokens.$act($($argument)*),
            $state.texts.$act($($argument)*),
            $state.terms.$act($($argument)*),
            $state.moves.$act($($argument)*),
        ]
    };
}

impl State {
    /// A new server: one mount, and the root token, which is number 1.
    pub(super) fn new(root: &str) -> Self {
        let mut state = Self {
            namespaces: Table::new(),
            rows: Table::new(),
            mounts: Table::new(),
            policies: Table::new(),
            entries: Table::new(),
            tokens: Table::new(),
            texts: Table::new(),
            terms: Table::new(),
            moves: Table::new(),
        };
        state.namespaces.plant(ROOT, Namespace::root());
        state.rows.plant((ROOT, FIRST.to_owned()), Row::Mount(0, false));
        state.mounts.plant(0, Mount::first());
        state.tokens.plant(1, Token::root());
        state.texts.plant(root.to_owned(), 1);
        state.terms.plant((), 1);
        state
    }

    /// The last batch of what was looked at since the last call.
    pub(super) fn take_read(&self) -> u64 {
        each!(self, take_read).into_iter().max().unwrap_or(0)
    }

    pub(super) fn forget_undo(&mut self, durable: u64) {
        let _ = each!(self, forget_undo, durable);
    }

    pub(super) fn crash(&mut self, survived: u64) {
        let _ = each!(self, crash, survived);
    }

    /// What of it lists are made of, as it is durable.
    pub(super) fn as_durable(&self) -> Self {
        Self {
            namespaces: self.namespaces.as_durable(),
            rows: self.rows.as_durable(),
            mounts: self.mounts.as_durable(),
            policies: self.policies.as_durable(),
            entries: self.entries.as_durable(),
            tokens: Table::new(),
            texts: Table::new(),
            terms: Table::new(),
            moves: Table::new(),
        }
    }

    /// Goes down from the root; so many bytes must be names of namespaces.
    pub(super) fn resolve(&self, full: String, named: usize) -> Result<Place, Expect> {
        let mut place = Place { namespace: ROOT, full, at: 0, locked: None };
        while let Some(end) = place.path().find('/') {
            let segment = place.path().get(..=end).unwrap_or("").to_owned();
            if RESERVED.contains(&segment.trim_end_matches('/')) {
                break;
            }
            let Some(Row::Namespace(inner)) = self.rows.get(&(place.namespace, segment)) else {
                break;
            };
            let Some(namespace) = self.namespaces.get(inner) else { break };
            if namespace.lock.is_some() && place.locked.is_none() {
                place.locked = Some(*inner);
            }
            place.namespace = *inner;
            place.at = namespace.path.len();
        }
        if place.at < named {
            return Err(Expect::refused(404, "namespace not found"));
        }
        Ok(place)
    }

    /// The path of a namespace.
    pub(super) fn path_of(&self, namespace: u64) -> &str {
        self.namespaces.peek(&namespace).map_or("", |namespace| &namespace.path)
    }

    /// The shortest beginning of a path that leads somewhere.
    pub(super) fn row(&self, namespace: u64, path: &str) -> Option<(String, Row)> {
        let folder = if path.ends_with('/') { path.to_owned() } else { format!("{path}/") };
        folder.match_indices('/').find_map(|(at, _)| {
            let prefix = folder.get(..=at)?.to_owned();
            let row = *self.rows.get(&(namespace, prefix.clone()))?;
            Some((prefix, row))
        })
    }

    /// The mounts of a namespace by their paths.
    pub(super) fn mounts_of(&self, namespace: u64) -> impl Iterator<Item = (&str, &Mount)> {
        let rows = self.rows.range((namespace, String::new())..);
        rows.take_while(move |((of, _), _)| *of == namespace).filter_map(|((_, path), row)| {
            match row {
                Row::Mount(id, _) => Some((path.as_str(), self.mounts.peek(id)?)),
                Row::Namespace(_) => None,
            }
        })
    }

    // --- Entries ---

    fn paths<'s>(&'s self, owner: u64, folder: &'s str) -> impl Iterator<Item = &'s str> {
        let rows = self.entries.range((owner, folder.to_owned())..).map(|(key, _)| key);
        rows.take_while(move |(of, path)| *of == owner && path.starts_with(folder))
            .map(|(_, path)| path.as_str())
    }

    /// Whether an owner has no entry.
    pub(super) fn is_empty(&self, owner: u64) -> bool {
        self.paths(owner, "").next().is_none()
    }

    /// The names in a folder: entries, and folders with a slash.
    pub(super) fn list(&self, owner: u64, folder: &str) -> Vec<String> {
        let rests = self.paths(owner, folder).filter_map(|path| path.strip_prefix(folder));
        let names = rests.map(|rest| match rest.split_once('/') {
            Some((name, _)) => format!("{name}/"),
            None => rest.to_owned(),
        });
        let mut names: Vec<String> = names.collect();
        names.sort();
        names.dedup();
        names
    }

    /// All entries below a folder: a folder's own in order, then its folders from last to first.
    pub(super) fn scan(&self, owner: u64, root: &str) -> Vec<String> {
        let mut found = Vec::new();
        let mut folders = vec![root.to_owned()];
        while let Some(folder) = folders.pop() {
            let relative = folder.strip_prefix(root).unwrap_or("");
            for name in self.list(owner, &folder) {
                if name.ends_with('/') {
                    folders.push(format!("{folder}{name}"));
                } else {
                    found.push(format!("{relative}{name}"));
                }
            }
        }
        found
    }
}
