//! What is stored, and the scripts of the clients that store and read it.
//!
//! Secret `n` is the same in every run: a thousand in one folder, then by turns one in a folder of a
//! thousand and one in the large folder, under names that come in no order.

use std::fmt::Write;
use std::ops::Range;

use serde_json::Value;

use super::client::Script;
use crate::random::Random;

/// Secrets of the folder `thousand`, and of each of the many folders.
pub(super) const THOUSAND: usize = 1000;
/// What is read or written by turns of a store of any size: more than any cache of ours holds.
pub(super) const SAMPLE: usize = 50_000;
/// Of so many requests of the mix one writes.
const MIX: usize = 10;

/// The path of a secret.
pub(super) fn path(number: usize) -> String {
    if number < THOUSAND {
        return format!("secret/thousand/name-{number:04}");
    }
    let name = name(number);
    if number.is_multiple_of(2) {
        format!("secret/folder/{:05}/{name}", (number - THOUSAND) / 2 / THOUSAND)
    } else {
        format!("secret/large/{name}")
    }
}

/// A name like no other's; they come in no order.
pub(super) fn name(number: usize) -> String {
    format!("name-{:016x}", source(number).bits())
}

/// How many of the folders `folder/00000` and on are full when there are so many secrets.
pub(super) fn full_folders(secrets: usize) -> usize {
    secrets.saturating_sub(THOUSAND) / 2 / THOUSAND
}

/// The fields of a secret: some 200 bytes.
pub(super) fn value(number: usize) -> String {
    let mut random = source(number);
    let mut text = String::from("{\"value\":\"");
    for _ in 0..12 {
        let _ = write!(text, "{:016x}", random.bits());
    }
    text + "\"}"
}

/// So many of the first `secrets`, in no order.
pub(super) fn sample(secrets: usize, count: usize) -> impl Iterator<Item = usize> + Clone {
    // A prime that divides no number of secrets: the numbers are all different.
    const STRIDE: usize = 7_368_787;
    (0..count.min(secrets)).map(move |turn| (turn * STRIDE) % secrets)
}

fn source(number: usize) -> Random {
    Random::new(u64::try_from(number).expect("usize fits"))
}

/// Adds a request to `out`.
pub(super) fn request(out: &mut Vec<u8>, method: &str, path: &str, token: &str, body: &str) {
    let head = format!(
        "{method} /v1/{path} HTTP/1.1\r\nHost: localhost\r\nX-Vault-Token: {token}\r\n\
         Content-Length: {}\r\n\r\n",
        body.len()
    );
    out.extend_from_slice(head.as_bytes());
    out.extend_from_slice(body.as_bytes());
}

/// Where the content of the last right answer stood: it is looked for there first.
#[derive(Default)]
struct Place(usize);

impl Place {
    fn finds(&mut self, body: &[u8], content: &[u8]) -> bool {
        let at = |at: usize| body.get(at..at + content.len()) == Some(content);
        if at(self.0) {
            return true;
        }
        let found = (0..body.len()).find(|place| at(*place));
        self.0 = found.unwrap_or(self.0);
        found.is_some()
    }
}

/// Stores secrets one after the other.
pub(super) struct Fill<'a> {
    token: &'a str,
    numbers: Range<usize>,
}

impl<'a> Fill<'a> {
    pub(super) fn new(token: &'a str, numbers: Range<usize>) -> Self {
        Self { token, numbers }
    }
}

impl Script for Fill<'_> {
    fn ask(&mut self, out: &mut Vec<u8>) -> Option<usize> {
        let number = self.numbers.next()?;
        request(out, "PUT", &path(number), self.token, &value(number));
        Some(number)
    }

    fn check(&mut self, _: usize, status: u16, _: &[u8]) -> bool {
        status == 204
    }
}

/// Reads secrets of a sample, replaces them, or both, one after the other and again from the first: so a
/// cache that does not hold all of them holds none when its turn comes.
pub(super) struct Access {
    /// The requests of each secret, and its value.
    secrets: Vec<Prepared>,
    writes: Writes,
    turn: usize,
    place: Place,
}

struct Prepared {
    get: Vec<u8>,
    put: Vec<u8>,
    value: String,
}

/// How many of the requests write.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Writes {
    None,
    OneInTen,
    All,
}

impl Access {
    pub(super) fn new(token: &str, numbers: impl Iterator<Item = usize>, writes: Writes) -> Self {
        let secrets = numbers.map(|number| {
            let (mut get, mut put) = (Vec::new(), Vec::new());
            let (path, value) = (path(number), value(number));
            request(&mut get, "GET", &path, token, "");
            request(&mut put, "PUT", &path, token, &value);
            Prepared { get, put, value }
        });
        Self { secrets: secrets.collect(), writes, turn: 0, place: Place::default() }
    }

    fn is_write(&self, turn: usize) -> bool {
        match self.writes {
            Writes::None => false,
            Writes::OneInTen => source(turn).one_in(MIX),
            Writes::All => true,
        }
    }

    fn secret(&self, turn: usize) -> Option<&Prepared> {
        self.secrets.get(turn.checked_rem(self.secrets.len())?)
    }
}

impl Script for Access {
    fn ask(&mut self, out: &mut Vec<u8>) -> Option<usize> {
        self.turn += 1;
        let secret = self.secret(self.turn)?;
        let bytes = if self.is_write(self.turn) { &secret.put } else { &secret.get };
        out.extend_from_slice(bytes);
        Some(self.turn)
    }

    fn check(&mut self, turn: usize, status: u16, body: &[u8]) -> bool {
        if self.is_write(turn) {
            return status == 204;
        }
        let mut place = std::mem::take(&mut self.place);
        let secret = self.secret(turn);
        let is_found = secret.is_some_and(|secret| place.finds(body, secret.value.as_bytes()));
        self.place = place;
        status == 200 && is_found
    }
}

/// Lists folders by turns, each of a thousand names.
pub(super) struct Listing<'a> {
    token: &'a str,
    folders: Vec<String>,
    turn: usize,
    /// Of each folder the names as they were answered when they were counted; empty before.
    seen: Vec<Vec<u8>>,
    place: Place,
    /// Listings that are left.
    left: usize,
}

impl<'a> Listing<'a> {
    /// The folder `thousand`, without end.
    pub(super) fn warm(token: &'a str) -> Self {
        Self::new(token, vec!["secret/thousand".to_owned()], usize::MAX)
    }

    /// Every full folder of so many secrets once.
    pub(super) fn cold(token: &'a str, secrets: usize) -> Self {
        let count = full_folders(secrets);
        let folders = (0..count).map(|number| format!("secret/folder/{number:05}"));
        Self::new(token, folders.collect(), count)
    }

    fn new(token: &'a str, folders: Vec<String>, left: usize) -> Self {
        let seen = vec![Vec::new(); folders.len()];
        Self { token, folders, turn: 0, seen, place: Place::default(), left }
    }
}

impl Script for Listing<'_> {
    fn ask(&mut self, out: &mut Vec<u8>) -> Option<usize> {
        self.left = self.left.checked_sub(1)?;
        let at = self.turn % self.folders.len();
        request(out, "LIST", self.folders.get(at)?, self.token, "");
        self.turn += 1;
        Some(at)
    }

    fn check(&mut self, at: usize, status: u16, body: &[u8]) -> bool {
        let Some(seen) = self.seen.get_mut(at) else { return false };
        if !seen.is_empty() {
            return status == 200 && self.place.finds(body, seen);
        }
        let answer: Value = serde_json::from_slice(body).unwrap_or_default();
        let Some(names) = answer.pointer("/data/keys").and_then(Value::as_array) else {
            return false;
        };
        // Sorted names are the same set only if they are the same list.
        let is_sorted = names.is_sorted_by(|one, other| one.as_str() < other.as_str());
        *seen = Value::Array(names.clone()).to_string().into_bytes();
        status == 200 && is_sorted && names.len() == THOUSAND
    }
}

/// Makes tokens, all of them different.
pub(super) struct TokenCreate<'a> {
    token: &'a str,
    last: Vec<u8>,
}

impl<'a> TokenCreate<'a> {
    pub(super) fn new(token: &'a str) -> Self {
        Self { token, last: Vec::new() }
    }
}

impl Script for TokenCreate<'_> {
    fn ask(&mut self, out: &mut Vec<u8>) -> Option<usize> {
        request(out, "POST", "auth/token/create", self.token, "{}");
        Some(0)
    }

    fn check(&mut self, _: usize, status: u16, body: &[u8]) -> bool {
        const NAME: &[u8] = b"\"client_token\":\"";
        let at = body.windows(NAME.len()).position(|part| part == NAME);
        let token =
            at.and_then(|at| body.get(at + NAME.len()..)?.split(|byte| *byte == b'"').next());
        let token = token.unwrap_or_default();
        let is_new = token.len() >= 20 && token != self.last;
        self.last = token.to_vec();
        status == 200 && is_new
    }
}

/// Looks up the token that asks.
pub(super) struct TokenLookUp<'a> {
    token: &'a str,
    expected: String,
    place: Place,
}

impl<'a> TokenLookUp<'a> {
    pub(super) fn new(token: &'a str) -> Self {
        Self { token, expected: format!("\"id\":\"{token}\""), place: Place::default() }
    }
}

impl Script for TokenLookUp<'_> {
    fn ask(&mut self, out: &mut Vec<u8>) -> Option<usize> {
        request(out, "GET", "auth/token/lookup-self", self.token, "");
        Some(0)
    }

    fn check(&mut self, _: usize, status: u16, body: &[u8]) -> bool {
        status == 200 && self.place.finds(body, self.expected.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn gives_every_secret_a_path_of_its_own() {
        let paths: BTreeSet<String> = (0..20_000).map(path).collect();
        assert_eq!(paths.len(), 20_000);
        let in_folder = |folder: &str| paths.iter().filter(|path| path.contains(folder)).count();
        assert_eq!(in_folder("/thousand/"), THOUSAND);
        assert_eq!(in_folder("/large/"), (20_000 - THOUSAND) / 2);
        let full = full_folders(20_000);
        assert_eq!(full, 9);
        assert!((0..full).all(|number| in_folder(&format!("/folder/{number:05}/")) == THOUSAND));
        assert_eq!(value(7).len(), 204);
    }

    #[test]
    fn samples_no_secret_twice() {
        let numbers: BTreeSet<usize> = sample(10_000, 10_000).collect();
        assert_eq!(numbers.len(), 10_000);
        assert_eq!(numbers.last(), Some(&9_999));
        assert_eq!(sample(10, 20).count(), 10);
    }

    #[test]
    fn notices_a_wrong_secret() {
        let mut access = Access::new("t", 3..4, Writes::None);
        let turn = access.ask(&mut Vec::new()).unwrap();
        let answer = format!("{{\"data\":{}}}", value(3));
        assert!(access.check(turn, 200, answer.as_bytes()));
        assert!(access.check(turn, 200, format!(" {answer}").as_bytes()));
        assert!(!access.check(turn, 404, answer.as_bytes()));
        assert!(!access.check(turn, 200, answer.replace('0', "1").as_bytes()));
    }

    #[test]
    fn notices_a_list_that_is_not_whole() {
        let body = |count: usize| {
            let names: Vec<String> = (0..count).map(|number| format!("\"n{number:04}\"")).collect();
            format!("{{\"data\":{{\"keys\":[{}]}}}}", names.join(",")).into_bytes()
        };
        let mut listing = Listing::warm("t");
        assert!(!listing.check(0, 200, &body(999)));
        let mut listing = Listing::warm("t");
        assert!(listing.check(0, 200, &body(1000)));
        assert!(listing.check(0, 200, &body(1000)));
        assert!(!listing.check(0, 200, &body(999)));
    }

    #[test]
    fn notices_a_token_that_comes_twice() {
        let mut script = TokenCreate::new("t");
        let body = b"{\"auth\":{\"client_token\":\"s.0123456789012345678901234\"}}";
        assert!(script.check(0, 200, body));
        assert!(!script.check(0, 200, body));
    }
}
