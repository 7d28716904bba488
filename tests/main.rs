//! The integration tests: one binary.

mod cache;
mod simulation;
