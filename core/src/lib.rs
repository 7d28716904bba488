//! Strongroom's core: a secrets server as a pure state machine.
//!
//! It speaks the Vault HTTP API, and has no clock, no sockets, no files, no threads and no randomness
//! of its own. Two machines do the work: [`http::Conn`], one for each connection, turns bytes into
//! requests and answers into bytes; [`Vault`], one for each server, turns requests into [`Output`]s
//! that an adapter carries out. Time and random bytes come in with each [`Step`].
//!
//! The loop of the smallest adapter, without sockets:
//!
//! ```
//! use strongroom_core::{Config, MemoryStore, Output, RequestId, Step, Time, Vault};
//! use strongroom_core::{Rules, drive, http, prepare};
//!
//! let step = || {
//!     let mut seed = [0; 32];
//!     getrandom::fill(&mut seed).unwrap();
//!     Step { now: Time::from_unix_nanos(1_700_000_000_000_000_000), seed }
//! };
//! let (mut vault, mut store) = (Vault::new(Config::default()), MemoryStore::new());
//! let request = http::Request::new("GET", "/v1/sys/health", &[], b"").unwrap();
//! let call = prepare(&request, &Rules::default()).unwrap_or_else(|_| unreachable!());
//! vault.handle_request(&step(), RequestId(1), call);
//! for output in drive(&mut vault, &store, step) {
//!     match output {
//!         Output::Respond(_, response) => assert_eq!(response.status(), 501),
//!         Output::Persist(batch) => {
//!             store.commit(&batch);
//!             vault.handle_persisted(&step(), batch.seq);
//!         }
//!         _ => {}
//!     }
//! }
//! ```

#![no_std]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod answer;
mod call;
mod chore;
mod cors;
mod drive;
mod duration;
mod edge;
mod effect;
pub mod encoding;
mod engine;
mod field;
mod form;
pub mod hcl;
pub mod http;
mod job;
pub mod json;
pub mod limit;
mod memory;
mod mount;
mod namespace;
mod password;
mod path;
mod policy;
mod quote;
mod random;
mod reject;
mod roll;
mod route;
mod seal;
mod secret;
mod store;
mod sys;
mod task;
mod time;
mod token;
mod vault;

pub use call::Call;
pub use drive::{Read, Records, Snapshot, drive};
pub use duration::parse_duration;
pub use edge::{Rules, prepare};
pub use effect::{
    AuditId, Batch, BatchSeq, Failed, JobId, LoadId, Loaded, Output, RequestId, TaskId,
};
pub use job::{Job, Outcome};
pub use memory::MemoryStore;
pub use path::{Path, PathError, Target, is_printable};
pub use secret::{Buffer, Secret, Wiped};
pub use store::Key;
pub use task::{Finding, Task};
pub use time::{Step, Time};
#[cfg(feature = "simulation")]
pub use vault::Trace;
pub use vault::{Books, Config, Counters, Vault};

/// What tests and fuzzers reach of the core's inside: the route table as plain data, and pure functions
/// over plain bytes.
#[cfg(feature = "simulation")]
pub mod probe {
    pub use crate::policy::probe::*;
    pub use crate::route::probe::*;
    pub use crate::seal::probe::*;
    pub use crate::store::folder::probe::*;
}

/// The version that the API shows. Clients compare it with versions of the reference, so its number
/// comes first and ours behind it.
pub const API_VERSION: &str = concat!("2.6.2+strongroom.", env!("CARGO_PKG_VERSION"));

/// The date that `sys/seal-status` shows of this version.
pub const COMMIT_DATE: &str = "2026-11-21T00:00:00Z";
