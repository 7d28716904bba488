//! Pseudo-random numbers of a simulation: everything in a run comes from one seed, or from a tape that
//! a fuzzer has written.

use std::collections::VecDeque;

/// splitmix64: small, fast, and the same everywhere.
#[derive(Clone, Debug)]
pub struct Random {
    state: u64,
    /// Choices that come first.
    tape: VecDeque<u8>,
}

impl Random {
    /// The stream of a seed.
    pub fn new(seed: u64) -> Self {
        Self { state: seed, tape: VecDeque::new() }
    }

    /// Small choices from the bytes of a tape, all else and the rest from the stream of a seed.
    pub fn with_tape(seed: u64, tape: &[u8]) -> Self {
        Self { state: seed, tape: tape.iter().copied().collect() }
    }

    /// 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`, which is not zero.
    pub fn below(&mut self, end: usize) -> usize {
        if end <= 256
            && let Some(byte) = self.tape.pop_front()
        {
            return usize::from(byte) % end;
        }
        let end = u64::try_from(end).expect("usize fits");
        usize::try_from(self.bits() % end).expect("it is below a usize")
    }

    /// True once in `times`.
    pub fn one_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    /// One of the items.
    pub fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        let at = self.below(items.len());
        items.get(at).expect("below the length")
    }

    /// 32 bytes, such as the seed of a step.
    pub fn seed(&mut self) -> [u8; 32] {
        let mut seed = [0; 32];
        for part in seed.chunks_mut(8) {
            part.copy_from_slice(&self.bits().to_le_bytes());
        }
        seed
    }
}
