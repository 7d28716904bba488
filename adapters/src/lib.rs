//! Strongroom's adapters: what the core leaves to the world outside.
//!
//! [`store`] is where records are kept; [`host`] owns one vault, its store and its clock;
//! [`blocking`] is a listener of threads on `std::net`; [`dev`] prepares a development server;
//! [`config`] reads what an operator wrote, and [`start`] makes a server of it; [`log`], [`pid_file`]
//! and [`notify`] are how it is watched; [`command`] is the command line.

pub mod blocking;
pub mod budget;
pub mod clock;
pub mod command;
pub mod config;
pub mod dev;
pub mod flag;
pub mod host;
pub mod log;
pub mod notify;
pub mod pid_file;
pub mod start;
pub mod store;
