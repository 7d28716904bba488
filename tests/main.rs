//! The integration tests: one binary.

#![cfg(test)]

mod cache;
mod clients;
mod corpus;
mod embedding;
mod peer;
mod process;
mod readme;
mod rules;
mod seal;
mod server;
mod simulation;
