//! The seal as it is described: shares are texts, and the right ones are known by sight.

use super::Expect;

/// See the module.
#[derive(Debug)]
pub(super) struct Seal {
    /// The shares that initialisation gave, in hex.
    keys: Vec<String>,
    threshold: usize,
    sealed: bool,
    /// What was submitted since the attempt began.
    given: Vec<String>,
    /// Attempts that were begun, over all processes.
    attempts: u64,
}

impl Seal {
    pub(super) fn open(keys: &[String], threshold: usize) -> Self {
        Self { keys: keys.to_vec(), threshold, sealed: false, given: Vec::new(), attempts: 0 }
    }

    pub(super) fn is_sealed(&self) -> bool {
        self.sealed
    }

    /// By an operator, or by the end of the process.
    pub(super) fn close(&mut self) {
        self.sealed = true;
        self.given.clear();
    }

    pub(super) fn show(&self) -> Expect {
        let progress = self.given.len();
        let attempt = (progress > 0).then_some(self.attempts);
        Expect::Seal { sealed: self.sealed, progress, attempt }
    }

    pub(super) fn reset(&mut self) -> Expect {
        if !self.sealed {
            return Expect::invalid("vault is unsealed");
        }
        self.given.clear();
        self.show()
    }

    pub(super) fn submit(&mut self, key: &str) -> Expect {
        if !key.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Expect::invalid("'key' must be a valid hex or base64 string");
        }
        if !self.sealed || self.given.iter().any(|given| given == key) {
            return self.show();
        }
        if self.given.is_empty() {
            self.attempts += 1;
        }
        self.given.push(key.to_owned());
        if self.given.len() < self.threshold {
            return self.show();
        }
        let given = std::mem::take(&mut self.given);
        match self.wrong(&given) {
            Some(text) => Expect::invalid(text),
            None => {
                self.sealed = false;
                self.show()
            }
        }
    }

    /// What is wrong with as many shares as it takes.
    fn wrong(&self, given: &[String]) -> Option<&'static str> {
        let first = given.first().map_or(0, String::len);
        if given.iter().any(|key| key.len() != first) {
            let text =
                "invalid key: failed to compute combined key: all parts must be the same length";
            return Some(text);
        }
        let mut points: Vec<&str> = given.iter().filter_map(|key| key.get(first - 2..)).collect();
        points.sort_unstable();
        points.dedup();
        if self.threshold > 1 && points.len() < given.len() {
            return Some("invalid key: failed to compute combined key: duplicate part detected");
        }
        if given.iter().all(|key| self.keys.contains(key)) {
            return None;
        }
        let text = "unable to retrieve stored keys: invalid key: failed to decrypt keys from \
                    storage: cipher: message authentication failed";
        Some(text)
    }
}
