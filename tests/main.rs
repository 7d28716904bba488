//! The integration tests: one binary.

#![cfg(test)]

mod cache;
mod canned;
mod clients;
mod commands;
mod configuration;
mod corpus;
mod cors;
mod durable;
mod embedding;
mod formats;
mod host;
mod kills;
mod peer;
mod powerloss;
mod process;
mod quorum;
mod readme;
mod requests;
mod rules;
mod seal;
mod server;
mod simulation;
mod store;
mod store_folder;
