//! The clock: wall time at the start, monotonic time from there on, so that a step of the wall clock
//! does not reach the core.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use strongroom_core::{Step, Time};

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
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).expect("the operating system gives random bytes");
        Step { now: self.now(), seed }
    }
}
