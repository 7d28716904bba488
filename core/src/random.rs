//! The random bytes of one request: drawn from its seed, the same in every run of the same phase.
//!
//! Invariants: a stream belongs to one (seed, phase) pair; a request that runs again draws the
//! same bytes, so of several runs only the one that commits may let its bytes leave the core.

use alloc::string::String;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::optimization_barrier;

/// Which part of a request draws from its seed.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Phase {
    /// What is fixed when the request arrives: its id.
    Arrival = 0,
    /// The batch that charges a use of a token.
    Admission = 1,
    /// The effect and the answer.
    Effect = 2,
    /// The record that the first of these batches carries.
    AdmissionBatch = 3,
    /// The record that the second carries.
    EffectBatch = 4,
    /// The seed of a page of the sweep.
    Sweep = 5,
    /// The seed of a page of the expiry.
    Expire = 6,
}

/// HMAC-SHA256 of the seed in counter mode.
pub(crate) struct Generator {
    seed: [u8; 32],
    phase: Phase,
    counter: u64,
    block: [u8; 32],
    used: usize,
}

impl Generator {
    pub(crate) fn new(seed: &[u8; 32], phase: Phase) -> Self {
        Self { seed: *seed, phase, counter: 0, block: [0; 32], used: 32 }
    }

    pub(crate) fn array<const N: usize>(&mut self) -> [u8; N] {
        let mut out = [0; N];
        self.fill(&mut out);
        out
    }

    pub(crate) fn fill(&mut self, out: &mut [u8]) {
        let mut rest = out;
        while !rest.is_empty() {
            self.refill();
            let unused = self.block.get(self.used..).unwrap_or_default();
            let count = unused.len().min(rest.len());
            let (place, behind) = rest.split_at_mut(count);
            place.copy_from_slice(unused.get(..count).unwrap_or_default());
            self.used += count;
            rest = behind;
        }
    }

    /// `length` characters of `[0-9A-Za-z]`, each equally likely.
    pub(crate) fn base62(&mut self, length: usize) -> String {
        let mut text = String::with_capacity(length);
        while text.len() < length {
            text.extend(BASE62.get(usize::from(self.below(BASE62.len()))).copied().map(char::from));
        }
        text
    }

    /// A number below `end`, which is 1 to 256, each equally likely.
    pub(crate) fn below(&mut self, end: usize) -> u8 {
        // Beyond the largest multiple of it in a byte some would be favoured.
        let fair = 256 - 256 % end;
        loop {
            let byte = self.byte();
            if usize::from(byte) < fair {
                // Below 256 is every byte.
                return u8::try_from(end).map_or(byte, |end| byte % end);
            }
        }
    }

    /// 16 random bytes in the form 8-4-4-4-12 (the reference marks no version in it).
    pub(crate) fn uuid(&mut self) -> String {
        crate::encoding::uuid(&self.array())
    }

    fn byte(&mut self) -> u8 {
        self.refill();
        let byte = self.block.get(self.used).copied().unwrap_or(0);
        self.used += 1;
        byte
    }

    /// Makes the next block, if all of this one is used.
    fn refill(&mut self) {
        if self.used == self.block.len() {
            let mut mac = keyed(&self.seed);
            mac.update(&[self.phase as u8]);
            mac.update(&self.counter.to_be_bytes());
            self.block = mac.finalize().into_bytes().into();
            self.counter += 1;
            self.used = 0;
        }
    }
}

impl Drop for Generator {
    fn drop(&mut self) {
        (self.seed, self.block) = ([0; 32], [0; 32]);
        // Without it the compiler may leave out writes to what is not read again.
        optimization_barrier(self);
    }
}

/// HMAC-SHA256 under a key of 32 bytes.
pub(crate) fn keyed(key: &[u8; 32]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("HMAC takes keys of any length")
}

const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeats_a_phase_and_separates_phases() {
        let seed = [7; 32];
        let first = Generator::new(&seed, Phase::Effect).array::<80>();
        assert_eq!(first, Generator::new(&seed, Phase::Effect).array::<80>());
        assert_ne!(first, Generator::new(&seed, Phase::Admission).array::<80>());
        assert_ne!(first[..32], first[32..64]);
    }

    #[test]
    fn draws_every_number_below_an_end_equally_often() {
        let mut random = Generator::new(&[2; 32], Phase::Effect);
        for end in [1, 2, 3, 62, 129, 255, 256] {
            let mut counts = std::vec![0_i64; end];
            (0..end * 400).for_each(|_| counts[usize::from(random.below(end))] += 1);
            // Five standard deviations of what 400 are.
            assert!(counts.iter().all(|count| (count - 400).abs() <= 100), "{end}: {counts:?}");
        }
    }

    #[test]
    fn draws_letters_of_the_alphabet_only() {
        let text = Generator::new(&[1; 32], Phase::Effect).base62(500);
        assert_eq!(text.len(), 500);
        assert!(text.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    }
}
