//! The test harness: a simulated world around the core, a naive model of it, and checkers that
//! compare the two.

pub mod check;
pub mod client;
pub mod disk;
pub mod model;
pub mod op;
pub mod random;
pub mod world;
