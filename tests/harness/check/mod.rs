//! Checkers: each watches a run for one promise, by its own means.

pub mod answer;
pub mod authority;
pub mod books;
pub mod dirty;
pub mod durable;
pub mod liveness;
pub mod shares;
pub mod silence;

/// A promise that was broken: what was seen.
pub type Broken = String;
