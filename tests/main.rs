//! The integration tests: one binary.

#![cfg(test)]

mod cache;
mod clients;
mod embedding;
mod peer;
mod process;
mod server;
mod simulation;
