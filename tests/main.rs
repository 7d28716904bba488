//! The integration tests: one binary.

#![cfg(test)]

mod administration;
mod cache;
mod canned;
mod clients;
mod commands;
mod configuration;
mod constrained;
mod corpus;
mod cors;
mod crowd;
mod durable;
mod embedding;
mod ending;
mod enumeration;
mod formats;
mod host;
mod isolation;
mod kills;
mod listening;
mod mounts;
mod namespaces;
mod password;
mod peer;
mod policy;
mod powerloss;
mod process;
mod quorum;
mod readme;
mod requests;
mod rules;
mod seal;
mod server;
mod serving;
mod simulation;
mod site;
mod spelling;
mod store;
mod store_folder;
mod tls;
mod tls_stream;
mod user;
