//! Random bytes of the operating system, fetched many at a time.

/// Bytes that one call of the system gives.
const BYTES: usize = 4096;
/// Characters of the id of a request, and which of them are hyphens.
const ID_CHARS: usize = 36;
const HYPHENS: [usize; 4] = [8, 13, 18, 23];

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
    pub(super) fn request_id(&mut self) -> [u8; ID_CHARS] {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut id = [b'-'; ID_CHARS];
        let mut places = id.iter_mut().enumerate().filter(|(at, _)| !HYPHENS.contains(at));
        let digit = |half: u8| DIGITS.get(usize::from(half)).copied().unwrap_or_default();
        for byte in self.take::<16>() {
            for half in [byte >> 4, byte & 15] {
                if let Some((_, place)) = places.next() {
                    *place = digit(half);
                }
            }
        }
        id
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn never_gives_the_same_twice() {
        let mut entropy = Entropy::default();
        let ids: BTreeSet<[u8; ID_CHARS]> = (0..1000).map(|_| entropy.request_id()).collect();
        assert_eq!(ids.len(), 1000);
        for id in ids {
            let parts: Vec<usize> = id.split(|byte| *byte == b'-').map(<[u8]>::len).collect();
            assert_eq!(parts, [8, 4, 4, 4, 12]);
            assert!(id.iter().all(|byte| *byte == b'-' || byte.is_ascii_hexdigit()));
        }
    }
}
