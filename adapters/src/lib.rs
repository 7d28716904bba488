//! Strongroom's adapters: what the core leaves to the world outside.
//!
//! [`store`] is where records are kept; [`host`] owns one vault, its store and its clock; [`net`] is what
//! listeners share, and `smol` and `blocking` are two ways of moving their bytes; [`dev`] prepares a
//! development server; [`config`] reads what an operator wrote, and [`start`] makes a server of it, to
//! which [`signal`] and [`stop`] bring its end; [`log`], [`pid_file`] and [`notify`] are how it is watched;
//! [`command`] is the command line.

#[cfg(feature = "blocking")]
pub mod blocking;
pub mod clock;
pub mod command;
pub mod config;
pub mod dev;
pub mod flag;
pub mod host;
pub mod log;
pub mod net;
pub mod notify;
pub mod pid_file;
pub mod signal;
#[cfg(feature = "smol")]
pub mod smol;
pub mod start;
pub mod stop;
pub mod store;
mod wait;

#[cfg(not(any(feature = "blocking", feature = "smol")))]
compile_error!("a server needs an adapter: the feature `smol` or `blocking`");
