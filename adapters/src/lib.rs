//! Strongroom's adapters: what the core leaves to the world outside.
//!
//! [`store`] is where records are kept; [`host`] owns one vault, its store and its clock;
//! [`blocking`] is a listener of threads on `std::net`; [`dev`] prepares a development server;
//! [`command`] is the command line.

pub mod blocking;
pub mod budget;
pub mod clock;
pub mod command;
pub mod dev;
pub mod flag;
pub mod host;
mod log;
pub mod store;
