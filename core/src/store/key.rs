//! Names of records, and the opaque keys under which they are stored.
//!
//! A key has 41 bytes: space (1), owner (16), group (8), full name (16). The group is the folder, or
//! the time when something is due. Folder and full name are keyed hashes, so that storage shows no
//! name; the space, the owner and the time stand open, so that all of a mount is one range for each
//! space, the entries of a folder lie side by side, and what is due first comes first.

use alloc::vec::Vec;
use core::fmt;

use hmac::{Hmac, Mac};
use sha2::Sha256;

use crate::time::Time;

/// The key of a stored record: opaque to everything but the core.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key([u8; Self::BYTES]);

impl Key {
    /// Bytes of a key.
    pub const BYTES: usize = 41;

    /// From the bytes of [`Key::as_bytes`].
    pub const fn from_bytes(bytes: [u8; Self::BYTES]) -> Self {
        Self(bytes)
    }

    /// The bytes; their order is the order of the store.
    pub const fn as_bytes(&self) -> &[u8; Self::BYTES] {
        &self.0
    }

    /// A record that must be found before any key is known.
    pub(crate) const fn fixed(number: u8) -> Self {
        let mut bytes = [0; Self::BYTES];
        bytes[Self::BYTES - 1] = number;
        Self(bytes)
    }

    /// The first and the last key that a space of an owner can have.
    pub(crate) fn range(space: Space, owner: Owner) -> (Self, Self) {
        let bound = |filler| {
            let mut bytes = [filler; Self::BYTES];
            let (place, rest) = bytes.split_at_mut(1);
            place.copy_from_slice(&[space as u8]);
            let (place, _) = rest.split_at_mut(owner.0.len());
            place.copy_from_slice(&owner.0);
            Self(bytes)
        };
        (bound(0), bound(u8::MAX))
    }

    /// When something is due, by its key.
    pub(crate) fn due(&self) -> Option<Time> {
        let (space, rest) = self.0.split_first()?;
        let nanos = rest.get(16..)?.first_chunk::<8>()?;
        (*space == Space::Due as u8).then(|| Time::from_unix_nanos(u64::from_be_bytes(*nanos)))
    }

    /// Whether it is a record of this space.
    pub(crate) fn is_in(&self, space: Space) -> bool {
        self.0.first() == Some(&(space as u8))
    }

    /// Eight bytes that differ from key to key: the end of the full name's hash.
    pub(crate) fn tail(&self) -> u64 {
        let (_, tail) = self.0.split_last_chunk::<8>().unwrap_or((&[], &[0; 8]));
        u64::from_ne_bytes(*tail)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&crate::encoding::hex(&self.0))
    }
}

/// Which kind of record a key belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Space {
    /// Routes of a namespace: path to mount.
    Route = 1,
    /// Mounts by their id.
    Mount = 2,
    /// Tokens by their text.
    Token = 3,
    /// Tokens by their accessor.
    Accessor = 4,
    /// Entries of KV and cubbyhole.
    Entry = 5,
    /// First index pages of the folders of [`Space::Entry`].
    Folder = 6,
    /// The other index pages of large folders.
    Page = 7,
    /// Children of a token, whose cubbyhole is the owner.
    Child = 8,
    /// What has a time, in the order of its times.
    Due = 9,
    /// Work that goes on in the background until it is done.
    Task = 10,
    /// Settings of the server, by their endpoint.
    Setting = 11,
    /// Namespaces by their id.
    Namespace = 12,
    /// Policies of a namespace by their name.
    Policy = 13,
    /// Password policies of a namespace, by their name.
    PasswordPolicy = 14,
}

/// Whose record it is: a mount, a namespace, the token store. Ids are random and never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Owner(pub(crate) [u8; 16]);

impl Owner {
    /// The root namespace.
    pub(crate) const ROOT: Self = Self::well_known(1);
    /// The tokens of the root namespace.
    pub(crate) const TOKENS: Self = Self::well_known(2);

    const fn well_known(number: u8) -> Self {
        let mut id = [0; 16];
        id[15] = number;
        Self(id)
    }
}

/// The full name of a record.
#[derive(Clone, Copy)]
pub(crate) struct Name<'a> {
    space: Space,
    owner: Owner,
    group: Group<'a>,
    /// May be secret (the name of a token is its text).
    pub(crate) path: &'a str,
}

/// What stands side by side in the store.
#[derive(Clone, Copy)]
enum Group<'a> {
    Nothing,
    /// What is in a folder.
    Folder(&'a str),
    /// What is due at a time, which the key shows.
    Due(Time),
}

impl<'a> Name<'a> {
    pub(crate) fn new(space: Space, owner: Owner, path: &'a str) -> Self {
        let group = match space {
            Space::Entry => Group::Folder(folder_of(path)),
            Space::Folder => Group::Folder(path),
            Space::Route
            | Space::Mount
            | Space::Token
            | Space::Accessor
            | Space::Page
            | Space::Child
            | Space::Due
            | Space::Task
            | Space::Setting
            | Space::Namespace
            | Space::Policy
            | Space::PasswordPolicy => Group::Nothing,
        };
        Self { space, owner, group, path }
    }

    /// A page of a folder's tree, other than the first.
    pub(crate) fn page(owner: Owner, folder: &'a str, path: &'a str) -> Self {
        Self { space: Space::Page, owner, group: Group::Folder(folder), path }
    }

    /// Something that is due.
    pub(crate) fn due(time: Time, path: &'a str) -> Self {
        Self { space: Space::Due, owner: Owner::ROOT, group: Group::Due(time), path }
    }

    /// The key of this name under the index key that `names` was made of.
    pub(crate) fn key(&self, names: &Hmac<Sha256>) -> Key {
        self.key_in(self.group_bytes(names), names)
    }

    /// The keys of pages of one folder, whose own hash is made once.
    pub(crate) fn page_keys(
        owner: Owner,
        folder: &str,
        paths: &[impl AsRef<str>],
        names: &Hmac<Sha256>,
    ) -> Vec<Key> {
        let group = Name::page(owner, folder, "").group_bytes(names);
        let page = |path| Name::page(owner, folder, path);
        paths.iter().map(|path| page(path.as_ref()).key_in(group, names)).collect()
    }

    fn group_bytes(&self, names: &Hmac<Sha256>) -> [u8; 8] {
        match self.group {
            Group::Nothing => [0; 8],
            Group::Folder(folder) => first(&self.hash(names, Part::Folder, folder)),
            Group::Due(time) => time.unix_nanos().to_be_bytes(),
        }
    }

    /// The key, where the bytes of the group are known.
    fn key_in(&self, group: [u8; 8], names: &Hmac<Sha256>) -> Key {
        let mut bytes = [0; Key::BYTES];
        let full: [u8; 16] = first(&self.hash(names, Part::Full, self.path));
        let parts: [&[u8]; 4] = [&[self.space as u8], &self.owner.0, &group, &full];
        let mut rest = bytes.as_mut_slice();
        for part in parts {
            let (place, behind) = rest.split_at_mut(part.len());
            place.copy_from_slice(part);
            rest = behind;
        }
        Key(bytes)
    }

    fn hash(&self, names: &Hmac<Sha256>, part: Part, text: &str) -> [u8; 32] {
        let mut mac = names.clone();
        mac.update(&[part as u8, self.space as u8]);
        mac.update(&self.owner.0);
        mac.update(text.as_bytes());
        mac.finalize().into_bytes().into()
    }
}

#[derive(Clone, Copy)]
enum Part {
    Folder = 1,
    Full = 2,
}

/// The beginning of a hash.
fn first<const N: usize>(hash: &[u8; 32]) -> [u8; N] {
    *hash.first_chunk().expect("no part of a key is longer than a hash")
}

/// The folder that holds `path`, with its slash; the folder of `a/b/` is `a/`.
pub(crate) fn folder_of(path: &str) -> &str {
    let inner = path.strip_suffix('/').unwrap_or(path);
    inner.rfind('/').and_then(|at| path.get(..=at)).unwrap_or("")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::keyed;

    #[test]
    fn finds_the_folder() {
        const CASES: [(&str, &str); 8] = [
            ("", ""),
            ("a", ""),
            ("a/", ""),
            ("a/b", "a/"),
            ("a/b/", "a/"),
            ("a/b/c", "a/b/"),
            ("/a", "/"),
            ("a//b", "a//"),
        ];
        for (path, folder) in CASES {
            assert_eq!(folder_of(path), folder, "{path}");
        }
    }

    #[test]
    fn keeps_a_folder_together_and_everything_else_apart() {
        let names = keyed(&[3; 32]);
        let key = |space, owner, path| *Name::new(space, owner, path).key(&names).as_bytes();
        let a = key(Space::Entry, Owner([9; 16]), "f/a");
        let b = key(Space::Entry, Owner([9; 16]), "f/b");
        assert_eq!(a[..25], b[..25]);
        assert_ne!(a[25..], b[25..]);
        let other_folder = key(Space::Entry, Owner([9; 16]), "g/a");
        assert_eq!(a[..17], other_folder[..17]);
        assert_ne!(a[17..25], other_folder[17..25]);
        // The same name of another owner, in another space or under another key shows nothing.
        assert_ne!(a[17..], key(Space::Entry, Owner([8; 16]), "f/a")[17..]);
        assert_ne!(a[25..], key(Space::Folder, Owner([9; 16]), "f/a")[25..]);
        let other =
            *Name::new(Space::Entry, Owner([9; 16]), "f/a").key(&keyed(&[4; 32])).as_bytes();
        assert_ne!(a[17..], other[17..]);
    }
}
