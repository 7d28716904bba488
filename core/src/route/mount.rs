//! Mounts: which engine serves which part of the paths.
//!
//! Three are fixed. Every other mount is a row (namespace and path to id) and a record by that id.
//! Paths of mounts are prefix-free, so the shortest prefix that has a row is the mount.

use alloc::borrow::{Cow, ToOwned};
use alloc::vec::Vec;

use crate::limit;
use crate::reject::{Corrupt, Reject};
use crate::seal::Barrier;
use crate::secret::Wiped;
use crate::store::cache::Form;
use crate::store::codec::{Reader, Writer};
use crate::store::{Key, Name, Owner, Space};
use crate::vault::{Config, Halt, Tx};

const ROW_VERSION: u8 = 1;
const RECORD_VERSION: u8 = 1;

/// The type of a mount.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Engine {
    Cubbyhole,
    Kv1,
    System,
    Token,
}

impl Engine {
    pub(super) const ALL: [Self; 4] = [Self::Cubbyhole, Self::Kv1, Self::System, Self::Token];

    /// What the help of a mount says first.
    pub(crate) fn description(self) -> &'static str {
        match self {
            Self::Cubbyhole => {
                "The cubbyhole engine keeps secrets of one token. No other token sees them, and \
                 they go when that token goes."
            }
            Self::Kv1 => {
                "The key/value engine keeps secrets under paths that you choose. Each write \
                 replaces the whole secret."
            }
            Self::System => "The system mount controls the server itself. It cannot be moved.",
            Self::Token => "The token store makes, shows and revokes tokens.",
        }
    }

    /// The type and version that records say; 0 where there are no versions.
    pub(super) fn kind(self) -> (&'static str, u8) {
        match self {
            Self::Cubbyhole => ("cubbyhole", 0),
            Self::Kv1 => ("kv", 1),
            Self::System => ("system", 0),
            Self::Token => ("token", 0),
        }
    }

    /// The engine of a type and version. `generic` is the old name of `kv`, from before its versions.
    fn from_kind(word: &str, version: u8) -> Option<Self> {
        match (word, version) {
            ("generic", 0) => Some(Self::Kv1),
            kind => Self::ALL.into_iter().find(|engine| engine.kind() == kind),
        }
    }
}

/// A mount that a path leads to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mount {
    pub(crate) engine: Engine,
    /// Whose records the engine's are.
    pub(crate) owner: Owner,
    /// Seconds that a read shows where the secret says nothing; 0 for the server's own.
    default_lease_ttl: i64,
}

impl Mount {
    const fn fixed(engine: Engine) -> Self {
        // The fixed mounts keep their records under owners of their own: tokens under the token
        // store's, a cubbyhole under its token's.
        Self { engine, owner: Owner::ROOT, default_lease_ttl: 0 }
    }

    /// Seconds that a read shows where the secret says nothing.
    pub(crate) fn default_lease_ttl(&self, config: &Config) -> i64 {
        match self.default_lease_ttl {
            0 => config.default_lease_ttl,
            own => own,
        }
    }
}

const FIXED: [(&str, Engine); 3] =
    [("sys/", Engine::System), ("auth/token/", Engine::Token), ("cubbyhole/", Engine::Cubbyhole)];

/// Where a fixed mount is, with the slash at its end.
#[cfg(feature = "simulation")]
pub(super) fn fixed_path(engine: Engine) -> Option<&'static str> {
    FIXED.iter().find(|(_, fixed)| *fixed == engine).map(|(path, _)| *path)
}

/// The fixed mount of a path, and the path inside it. Without the slash the mount itself is meant.
pub(crate) fn find_fixed(path: &str) -> Option<(Mount, &str)> {
    FIXED.iter().find_map(|(prefix, engine)| {
        let rest = path
            .strip_prefix(prefix)
            .or_else(|| (prefix.strip_suffix('/') == Some(path)).then_some(""));
        rest.map(|rest| (Mount::fixed(*engine), rest))
    })
}

/// The mount of a path that no fixed mount has, and the path inside it.
pub(crate) fn find_mount<'p>(tx: &mut Tx<'_>, path: &'p str) -> Result<(Mount, &'p str), Halt> {
    let folder = format_folder(path);
    let slashes = folder.bytes().enumerate().filter(|(_, byte)| *byte == b'/');
    let prefixes = slashes.filter_map(|(at, _)| folder.get(..=at));
    let mut prefixes = prefixes.take(limit::MOUNT_SEGMENTS_MAX);
    let name_of = |prefix| Name::new(Space::Route, Owner::ROOT, prefix);
    while let Some(prefix) = prefixes.next() {
        match tx.form::<Row>(&name_of(prefix)) {
            Ok(None) => {}
            Ok(Some(row)) => {
                let record = tx.form_by_key::<Record>(&row.mount)?;
                let record = record.ok_or(Corrupt("a route to a mount that is not there"))?;
                let Record { engine, default_lease_ttl } = *record;
                let mount = Mount { engine, owner: row.owner, default_lease_ttl };
                return Ok((mount, path.get(prefix.len()..).unwrap_or("")));
            }
            Err(halt) => {
                // What this one may lead on to is loaded together with it.
                tx.want(&prefixes.map(name_of).collect::<Vec<_>>())?;
                return Err(halt);
            }
        }
    }
    Err(Reject::NoRoute { path: path.to_owned() }.into())
}

/// A row of the route table of a namespace: whose records a mount's are, and where the mount's own is.
struct Row {
    owner: Owner,
    mount: Key,
}

impl Form for Row {
    fn decode(payload: &[u8], barrier: &Barrier) -> Result<Self, Corrupt> {
        let mut reader = Reader::new(payload, ROW_VERSION)?;
        let owner = Owner(reader.array()?);
        reader.finish()?;
        Ok(Self { owner, mount: barrier.key(&record_name(owner)) })
    }

    fn bytes(&self) -> usize {
        0
    }
}

/// The record of a mount.
struct Record {
    engine: Engine,
    default_lease_ttl: i64,
}

impl Form for Record {
    fn decode(payload: &[u8], _: &Barrier) -> Result<Self, Corrupt> {
        let mut reader = Reader::new(payload, RECORD_VERSION)?;
        let (word, version) = (reader.str()?, reader.u8()?);
        let engine =
            Engine::from_kind(word, version).ok_or(Corrupt("a mount of an unknown type"))?;
        let default_lease_ttl = reader.i64()?;
        reader.finish()?;
        Ok(Self { engine, default_lease_ttl })
    }

    fn bytes(&self) -> usize {
        0
    }
}

/// The name of the record of a mount.
fn record_name(owner: Owner) -> Name<'static> {
    Name::new(Space::Mount, owner, "")
}

/// The two records of a new mount: name and payload of each.
pub(crate) fn create_mount(
    path: &str,
    engine: Engine,
    owner: Owner,
) -> [(Name<'_>, Wiped<Vec<u8>>); 2] {
    [
        (
            Name::new(Space::Route, Owner::ROOT, path),
            Writer::new(ROW_VERSION).array(&owner.0).finish(),
        ),
        (
            record_name(owner),
            Writer::new(RECORD_VERSION).str(engine.kind().0).u8(engine.kind().1).i64(0).finish(),
        ),
    ]
}

fn format_folder(path: &str) -> Cow<'_, str> {
    if path.ends_with('/') { path.into() } else { [path, "/"].concat().into() }
}
