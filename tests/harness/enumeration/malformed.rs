//! Bodies that are not what an endpoint takes, and some that only look so.

use super::CANARY;
use strongroom_core::limit::{JSON_DEPTH_MAX, JSON_STRINGS_MAX};

/// A body.
#[derive(Clone, Copy, Debug)]
pub struct Malformed {
    /// What is wrong with it.
    pub name: &'static str,
    /// Who takes it all the same.
    pub tolerance: Tolerance,
    /// Its bytes.
    pub bytes: fn() -> Vec<u8>,
}

/// Who takes a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tolerance {
    /// Nobody.
    Nobody,
    /// Everybody: it is answered like one that is well formed.
    Everybody,
    /// Mounts, since it is a form and says so. A patch is never one.
    Mounts,
}

impl Malformed {
    const fn new(name: &'static str, tolerance: Tolerance, bytes: fn() -> Vec<u8>) -> Self {
        Self { name, tolerance, bytes }
    }

    /// The media type that it has, if not that of the method.
    pub fn content_type(&self) -> Option<&'static str> {
        (self.tolerance == Tolerance::Mounts).then_some("application/x-www-form-urlencoded")
    }
}

/// A body in which the canary stands.
fn around(before: &[u8], behind: &[u8]) -> Vec<u8> {
    [before, CANARY.as_bytes(), behind].concat()
}

/// An object of so many strings, one of them its only name.
fn strings(count: u64) -> Vec<u8> {
    let texts: Vec<_> = (1..count).map(|_| format!("\"{CANARY}\"")).collect();
    format!("{{\"value\":[{}]}}", texts.join(",")).into_bytes()
}

/// An object that is so many levels deep, itself included.
fn levels(count: usize) -> Vec<u8> {
    let (opened, closed) = ("[".repeat(count - 1), "]".repeat(count - 1));
    format!("{{\"value\":{opened}\"{CANARY}\"{closed}}}").into_bytes()
}

/// All of them.
pub const MALFORMED: [Malformed; 20] = [
    Malformed::new("cut in a text", Tolerance::Nobody, || around(b"{\"value\":\"", b"")),
    Malformed::new("cut behind a text", Tolerance::Nobody, || around(b"{\"value\":\"", b"\"")),
    Malformed::new("cut behind a name", Tolerance::Nobody, || around(b"{\"", b"\":")),
    Malformed::new("a word", Tolerance::Nobody, || around(b"", b"")),
    Malformed::new("an array", Tolerance::Nobody, || around(b"[\"", b"\"]")),
    Malformed::new("a text", Tolerance::Nobody, || around(b"\"", b"\"")),
    Malformed::new("a number", Tolerance::Nobody, || b"7".to_vec()),
    Malformed::new("true", Tolerance::Nobody, || b"true".to_vec()),
    Malformed::new("NUL alone", Tolerance::Nobody, || b"\0".to_vec()),
    Malformed::new("NUL behind", Tolerance::Nobody, || around(b"{\"value\":\"", b"\"}\0")),
    Malformed::new("NUL in a text", Tolerance::Nobody, || around(b"{\"value\":\"\0", b"\"}")),
    Malformed::new("no UTF-8 before", Tolerance::Nobody, || around(b"\xff{\"value\":\"", b"\"}")),
    Malformed::new("a word behind", Tolerance::Nobody, || around(b"{} ", b"")),
    Malformed::new("a number beyond all", Tolerance::Nobody, || b"{\"value\":1e400}".to_vec()),
    Malformed::new("a string too many", Tolerance::Nobody, || strings(JSON_STRINGS_MAX + 1)),
    Malformed::new("a level too many", Tolerance::Nobody, || levels(JSON_DEPTH_MAX + 1)),
    Malformed::new("all strings", Tolerance::Everybody, || strings(JSON_STRINGS_MAX)),
    Malformed::new("no UTF-8 in a text", Tolerance::Everybody, || {
        around(b"{\"value\":\"\xff", b"\"}")
    }),
    Malformed::new("two objects", Tolerance::Everybody, || around(b"{\"value\":\"", b"\"}{}")),
    Malformed::new("a form", Tolerance::Mounts, || around(b"value=", b"")),
];
