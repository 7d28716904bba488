//! Mounts: which engine serves which part of a namespace's paths.
//!
//! Every namespace has four that are fixed and need no record. Every other mount is a row (namespace and
//! path to id) and a record by that id.
//!
//! Invariant: the paths of the mounts and namespaces of a namespace are prefix-free, so the shortest
//! prefix that has a row is the mount or the namespace. The folder index of the namespace has all of
//! their names ([`INDEX`]), so that what lies below a path is found, and lists have an order.

mod change;
mod engine;
mod record;

use alloc::borrow::{Cow, ToOwned};
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::encoding::hex;
use crate::limit;
use crate::namespace::{Namespace, Place};
use crate::reject::{Corrupt, Reject};
use crate::seal::Barrier;
use crate::secret::Wiped;
use crate::store::cache::Form;
use crate::store::codec::{Reader, Writer};
use crate::store::{Key, Name, Owner, Space};
use crate::vault::{Config, Halt, Tx};

pub(crate) use change::{create, displace, drop_mount, make_way, place};
pub(crate) use engine::{Engine, Role};
pub(crate) use record::{Lockout, Record, Settings, TokenType, Visibility};

const ROW_VERSION: u8 = 2;
/// Rows that lead to mounts alone.
const ROW_VERSION_1: u8 = 1;

/// Where the names of mounts are in the folder index of their namespace.
pub(crate) const INDEX: &str = "mounts/";
/// The same of the namespaces inside it.
pub(crate) const NAMESPACE_INDEX: &str = "namespaces/";
/// The mount that initialisation makes.
pub(crate) const FIRST_MOUNT: &str = "secret/";
/// How paths of auth methods begin.
pub(crate) const AUTH: &str = "auth/";

/// A mount that a path leads to.
#[derive(Clone)]
pub(crate) struct Mount {
    /// Where it is in its namespace, with its slash.
    pub(crate) path: Cow<'static, str>,
    pub(crate) engine: Engine,
    /// Whose records the engine's are.
    pub(crate) owner: Owner,
    /// Its own record, if that was looked at: those who serve requests of a fixed mount need none.
    record: Option<Arc<Record>>,
}

impl Mount {
    /// Seconds that a read shows where the secret says nothing.
    pub(crate) fn default_lease_ttl(&self, config: &Config) -> i64 {
        match &self.record {
            Some(record) if record.settings.default_lease_ttl != 0 => {
                record.settings.default_lease_ttl
            }
            Some(_) | None => config.default_lease_ttl,
        }
    }

    pub(crate) fn new(path: String, owner: Owner, record: Record) -> Self {
        Self { path: path.into(), engine: record.engine, owner, record: Some(Arc::new(record)) }
    }

    /// The same mount with a record that was found, if one was.
    pub(crate) fn with(self, record: Option<Record>) -> Self {
        Self { record: record.map(Arc::new).or(self.record), ..self }
    }

    /// Its record; of a fixed mount that was not looked at, as it is untuned.
    pub(crate) fn record(&self) -> Arc<Record> {
        let untuned = || Record::fixed(Fixed::at(&self.path).expect("other mounts have a record"));
        self.record.clone().unwrap_or_else(|| Arc::new(untuned()))
    }

    /// The name that other records know it by, such as `kv_1a2b3c4d`.
    pub(crate) fn accessor(&self, namespace: &Namespace) -> String {
        let id = self.public_id(namespace);
        let word = self.record().word(namespace).to_owned();
        let prefix = if self.path.starts_with(AUTH) { "auth_" } else { "" };
        let tail: String = hex(&id).chars().take(ACCESSOR_DIGITS).collect();
        alloc::format!("{prefix}{word}_{tail}")
    }

    /// The id that the API shows.
    pub(crate) fn uuid(&self, namespace: &Namespace) -> String {
        crate::encoding::uuid(&self.public_id(namespace))
    }

    /// The id of a mount that has a record is its owner; a fixed one has that of its namespace, turned
    /// by its place, so that each has its own.
    fn public_id(&self, namespace: &Namespace) -> [u8; 16] {
        match Fixed::at(&self.path) {
            None => self.owner.0,
            Some(fixed) => {
                let mut id = namespace.id.0;
                if let Some(first) = id.first_mut() {
                    *first ^= fixed as u8;
                }
                id
            }
        }
    }
}

/// Hex digits of an accessor behind its type.
const ACCESSOR_DIGITS: usize = 8;

/// The mounts that every namespace has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Fixed {
    System = 1,
    Token = 2,
    Cubbyhole = 3,
    Identity = 4,
}

impl Fixed {
    pub(crate) const ALL: [Self; 4] = [Self::Cubbyhole, Self::Identity, Self::System, Self::Token];

    pub(crate) const fn path(self) -> &'static str {
        match self {
            Self::System => "sys/",
            Self::Token => "auth/token/",
            Self::Cubbyhole => "cubbyhole/",
            Self::Identity => "identity/",
        }
    }

    pub(crate) const fn engine(self) -> Engine {
        match self {
            Self::System => Engine::System,
            Self::Token => Engine::Token,
            Self::Cubbyhole => Engine::Cubbyhole,
            Self::Identity => Engine::Identity,
        }
    }

    /// The one with this path.
    fn at(path: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|fixed| fixed.path() == path)
    }

    /// The mount as it is where nobody has tuned it.
    pub(crate) fn mount(self) -> Mount {
        // Fixed mounts keep their records under owners of their own: tokens under the token store's, a
        // cubbyhole under its token's.
        let (path, engine) = (self.path().into(), self.engine());
        Mount { path, engine, owner: Owner::ROOT, record: None }
    }

    /// The same with what it was tuned to.
    pub(crate) fn tuned(self, tx: &mut Tx<'_>, namespace: Owner) -> Result<Mount, Halt> {
        let mut mount = self.mount();
        mount.record = tx.form::<Record>(&self.record_name(namespace))?;
        Ok(mount)
    }

    /// Where its record is, once it is tuned.
    pub(crate) fn record_name(self, namespace: Owner) -> Name<'static> {
        Name::new(Space::Mount, namespace, self.path())
    }
}

/// The fixed mount of a path, and the path inside it. Without the slash the mount itself is meant.
pub(crate) fn find_fixed(path: &str) -> Option<(Fixed, &str)> {
    Fixed::ALL.iter().find_map(|fixed| {
        let prefix = fixed.path();
        let rest = path
            .strip_prefix(prefix)
            .or_else(|| (prefix.strip_suffix('/') == Some(path)).then_some(""));
        rest.map(|rest| (*fixed, rest))
    })
}

/// The mount of a place that no fixed mount has.
///
/// # Errors
///
/// [`Reject::NoRoute`] if there is none.
pub(crate) fn find(tx: &mut Tx<'_>, place: &Place<'_>) -> Result<Mount, Halt> {
    let no_route = || Halt::from(Reject::NoRoute { path: place.path().to_owned() });
    match find_row(tx, place)? {
        Some((prefix, Row::Mount { owner, record })) => {
            let record = tx.form_by_key::<Record>(&record)?;
            let record = record.ok_or(Corrupt("a route to a mount that is not there"))?;
            Ok(Mount { path: prefix.into(), engine: record.engine, owner, record: Some(record) })
        }
        Some((_, Row::Namespace { .. })) | None => Err(no_route()),
    }
}

/// The shortest prefix of a path that has a row, and the row.
pub(crate) fn find_row(tx: &mut Tx<'_>, place: &Place<'_>) -> Result<Option<(String, Row)>, Halt> {
    let folder = as_folder(place.path());
    let slashes = folder.bytes().enumerate().filter(|(_, byte)| *byte == b'/');
    let prefixes = slashes.filter_map(|(at, _)| folder.get(..=at));
    let mut prefixes = prefixes.take(limit::MOUNT_SEGMENTS_MAX);
    let id = place.namespace.id;
    if let Some(known) = place.first_row()
        && let Some(prefix) = prefixes.next()
        && let Some(row) = known
    {
        return Ok(Some((prefix.to_owned(), **row)));
    }
    while let Some(prefix) = prefixes.next() {
        match tx.form::<Row>(&row_name(id, prefix)) {
            Ok(None) => {}
            Ok(Some(row)) => return Ok(Some((prefix.to_owned(), *row))),
            Err(halt) => {
                // What this one may lead on to is loaded together with it.
                tx.want(&prefixes.map(|prefix| row_name(id, prefix)).collect::<Vec<_>>())?;
                return Err(halt);
            }
        }
    }
    Ok(None)
}

/// A row of the route table of a namespace.
#[derive(Clone, Copy)]
pub(crate) enum Row {
    /// To a mount: whose records it has, and where its own is.
    Mount { owner: Owner, record: Key },
    /// To a namespace: its id, and where its record is.
    Namespace { id: Owner, record: Key },
}

impl Row {
    pub(crate) fn kind(&self) -> Kind {
        match self {
            Self::Mount { .. } => Kind::Mount,
            Self::Namespace { .. } => Kind::Namespace,
        }
    }

    /// The id of what it leads to.
    pub(crate) fn id(&self) -> Owner {
        match self {
            Self::Mount { owner, .. } => *owner,
            Self::Namespace { id, .. } => *id,
        }
    }

    /// The payload of a row to a mount.
    pub(crate) fn to_mount(owner: Owner) -> Wiped<Vec<u8>> {
        Self::encode(Kind::Mount, owner)
    }

    /// The payload of a row to a namespace.
    pub(crate) fn to_namespace(id: Owner) -> Wiped<Vec<u8>> {
        Self::encode(Kind::Namespace, id)
    }

    fn encode(kind: Kind, id: Owner) -> Wiped<Vec<u8>> {
        Writer::new(ROW_VERSION).u8(kind as u8).array(&id.0).finish()
    }

    /// What a row says without a barrier to find records by.
    pub(crate) fn read(payload: &[u8]) -> Result<(Kind, Owner), Corrupt> {
        let (version, mut reader) = Reader::versioned(payload)?;
        let kind = match version {
            ROW_VERSION_1 => Kind::Mount,
            ROW_VERSION => Kind::read(reader.u8()?)?,
            _ => return Err(Corrupt("unknown version of a record")),
        };
        let id = Owner(reader.array()?);
        reader.finish()?;
        Ok((kind, id))
    }
}

/// What a row leads to.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Kind {
    Mount = 1,
    Namespace = 2,
}

impl Kind {
    fn read(byte: u8) -> Result<Self, Corrupt> {
        match byte {
            1 => Ok(Self::Mount),
            2 => Ok(Self::Namespace),
            _ => Err(Corrupt("a route to something unknown")),
        }
    }
}

impl Form for Row {
    fn decode(payload: &[u8], barrier: &Barrier) -> Result<Self, Corrupt> {
        let (kind, id) = Self::read(payload)?;
        Ok(match kind {
            Kind::Mount => Self::Mount { owner: id, record: barrier.key(&record_name(id)) },
            Kind::Namespace => Self::Namespace { id, record: barrier.key(&Namespace::name(id)) },
        })
    }

    fn bytes(&self) -> usize {
        0
    }
}

/// The name of a row of a namespace's route table.
pub(crate) fn row_name(namespace: Owner, path: &str) -> Name<'_> {
    Name::new(Space::Route, namespace, path)
}

/// The name of the record of a mount.
pub(crate) fn record_name(owner: Owner) -> Name<'static> {
    Name::new(Space::Mount, owner, "")
}

/// The records of the mount that a new server has: name and payload of each.
pub(crate) fn first_mount(owner: Owner) -> [(Name<'static>, Wiped<Vec<u8>>); 2] {
    [
        (row_name(Owner::ROOT, FIRST_MOUNT), Row::to_mount(owner)),
        (record_name(owner), Record::first().encode()),
    ]
}

/// A path with a slash at its end.
pub(crate) fn as_folder(path: &str) -> Cow<'_, str> {
    if path.ends_with('/') { path.into() } else { [path, "/"].concat().into() }
}
