//! The integration tests: one binary.

#![cfg(test)]

mod cache;
mod clients;
mod configuration;
mod corpus;
mod cors;
mod embedding;
mod peer;
mod process;
mod readme;
mod rules;
mod seal;
mod server;
mod simulation;
