//! Random bytes of the operating system, fetched many at a time.

use std::fmt::Write;

/// Bytes that one call of the system gives.
const BYTES: usize = 4096;

/// See the module.
pub(super) struct Entropy {
    bytes: Box<[u8; BYTES]>,
    used: usize,
}

impl Default for Entropy {
    fn default() -> Self {
        Self { bytes: Box::new([0; BYTES]), used: BYTES }
    }
}

impl Entropy {
    pub(super) fn take<const N: usize>(&mut self) -> [u8; N] {
        if self.used + N > BYTES {
            getrandom::fill(self.bytes.as_mut_slice()).expect("the system gives random bytes");
            self.used = 0;
        }
        let (_, rest) = self.bytes.split_at(self.used);
        self.used += N;
        *rest.first_chunk().expect("there are as many")
    }

    /// A new id of a request: sixteen bytes in hexadecimal digits.
    pub(super) fn request_id(&mut self) -> String {
        let bits = u128::from_be_bytes(self.take());
        let mut id = String::with_capacity(36);
        let digits = |from: u32, count: u32| (bits << from) >> (128 - count);
        let _ = write!(
            id,
            "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
            digits(0, 32),
            digits(32, 16),
            digits(48, 16),
            digits(64, 16),
            digits(80, 48)
        );
        id
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn never_gives_the_same_twice() {
        let mut entropy = Entropy::default();
        let ids: std::collections::BTreeSet<String> =
            (0..1000).map(|_| entropy.request_id()).collect();
        assert_eq!(ids.len(), 1000);
        assert!(ids.iter().all(|id| id.len() == 36 && id.bytes().nth(23) == Some(b'-')));
    }
}
