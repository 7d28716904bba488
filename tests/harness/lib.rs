//! The test harness: a simulated world around the core, a naive model of it, and checkers that
//! compare the two; a medium under the storage engine that fails and loses what was not synced; the
//! real server, which is killed; and clients that measure it.

#![allow(clippy::wildcard_enum_match_arm, reason = "a model names the cases that it is about")]

pub mod bench;
pub mod certificate;
pub mod check;
pub mod client;
pub mod disk;
pub mod enumeration;
pub mod fuzz;
pub mod kills;
pub mod medium;
pub mod model;
pub mod op;
pub mod plan;
pub mod powerloss;
pub mod program;
pub mod random;
pub mod report;
pub mod single;
pub mod world;
