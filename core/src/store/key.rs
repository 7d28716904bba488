//! Names of records, and the opaque keys under which they are stored.
//!
//! A key has 41 bytes: space (1), owner (16), folder (8), full name (16). Folder and full name are
//! keyed hashes, so that storage shows no name; the space and the owner stand open, so that all of a
//! mount is one range for each space and the entries of a folder lie side by side.

use core::fmt;

use hmac::{Hmac, Mac};
use sha2::Sha256;

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
    /// Index pages of the folders of [`Space::Entry`].
    Folder = 6,
    /// Settings of the server, by their endpoint.
    Setting = 11,
}

/// Whose record it is: a mount, a namespace, the token store. Ids are random and never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
    pub(crate) space: Space,
    pub(crate) owner: Owner,
    /// May be secret (the name of a token is its text).
    pub(crate) path: &'a str,
}

impl<'a> Name<'a> {
    pub(crate) const fn new(space: Space, owner: Owner, path: &'a str) -> Self {
        Self { space, owner, path }
    }

    /// The key of this name under the index key that `names` was made of.
    pub(crate) fn key(&self, names: &Hmac<Sha256>) -> Key {
        let mut bytes = [0; Key::BYTES];
        let full = self.hash(names, Part::Full, self.path);
        let folder = match self.space {
            Space::Entry => self.hash(names, Part::Folder, folder_of(self.path)),
            Space::Folder => self.hash(names, Part::Folder, self.path),
            Space::Route | Space::Mount | Space::Token | Space::Accessor | Space::Setting => {
                [0; 32]
            }
        };
        let parts: [(usize, &[u8]); 4] =
            [(1, &[self.space as u8]), (16, &self.owner.0), (8, &folder), (16, &full)];
        let mut rest = bytes.as_mut_slice();
        for (length, part) in parts {
            let (place, behind) = rest.split_at_mut(length);
            place.copy_from_slice(part.get(..length).unwrap_or(part));
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
