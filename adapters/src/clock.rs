//! The clock: wall time at the start, monotonic time from there on, so that a step of the wall clock
//! does not reach the core.

use std::cell::RefCell;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use strongroom_core::{Step, Time};
use zeroize::Zeroizing;

/// Where time and random bytes come from.
#[derive(Debug)]
pub struct Clock {
    start: Instant,
    wall: Time,
}

impl Clock {
    /// A clock that shows the wall's time now.
    pub fn start() -> Self {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { start: Instant::now(), wall: Time::default().after(since_epoch) }
    }

    /// The time.
    pub fn now(&self) -> Time {
        self.wall.after(self.start.elapsed())
    }

    /// A fresh step.
    ///
    /// # Panics
    ///
    /// If the operating system has no random bytes: nothing that is secret could be made.
    pub fn step(&self) -> Step {
        Step { now: self.now(), seed: SEEDS.with_borrow_mut(Seeds::next) }
    }
}

/// Seeds that a thread asks the operating system for at a time: asking costs as much as a small request
/// otherwise does.
const SEEDS_AT_A_TIME: usize = 16;

thread_local! {
    static SEEDS: RefCell<Seeds> = RefCell::default();
}

/// Seeds that nobody has used. A used one is wiped at once.
#[derive(Default)]
struct Seeds {
    fresh: Zeroizing<[[u8; 32]; SEEDS_AT_A_TIME]>,
    left: usize,
}

impl Seeds {
    fn next(&mut self) -> [u8; 32] {
        if self.left == 0 {
            getrandom::fill(self.fresh.as_flattened_mut())
                .expect("the operating system gives random bytes");
            self.left = SEEDS_AT_A_TIME;
        }
        self.left -= 1;
        let seed = self.fresh.get_mut(self.left).expect("one is left");
        std::mem::take(seed)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn gives_no_seed_twice_and_keeps_none() {
        let clock = Clock::start();
        let seeds: BTreeSet<[u8; 32]> = (0..100).map(|_| clock.step().seed).collect();
        assert_eq!(seeds.len(), 100);
        SEEDS.with_borrow(|kept| {
            assert!(kept.fresh.iter().all(|seed| !seeds.contains(seed)));
            assert_eq!(kept.left, 12);
            assert!(kept.fresh.iter().skip(kept.left).all(|seed| *seed == [0; 32]));
        });
    }
}
