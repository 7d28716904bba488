//! The `storage` block: where the server keeps what it must not lose.

use std::path::PathBuf;

use super::section::{Section, Use};
use super::{ConfigError, Warnings};

/// Where records are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Storage {
    /// In memory: all is gone with the process.
    Inmem,
    /// In files below a folder.
    File {
        /// The folder.
        path: PathBuf,
    },
    /// In files below a folder, by the name that is meant for several nodes.
    Raft {
        /// The folder.
        path: PathBuf,
    },
}

const RAFT_KEYS: &[(&str, Use)] = &[
    ("path", Use::Read),
    ("autopilot_reconcile_interval", Use::Quiet),
    ("autopilot_update_interval", Use::Quiet),
    ("max_entry_size", Use::Absent),
    ("max_transaction_size", Use::Quiet),
    ("node_id", Use::Quiet),
    ("performance_multiplier", Use::Quiet),
    ("snapshot_interval", Use::Quiet),
    ("snapshot_threshold", Use::Quiet),
    ("trailing_logs", Use::Quiet),
    ("retry_join", Use::Absent),
    ("retry_join_as_non_voter", Use::Absent),
];

impl Storage {
    /// The word that `sys/seal-status` shows.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Inmem => "inmem",
            Self::File { .. } => "file",
            Self::Raft { .. } => "raft",
        }
    }

    /// Reads the storage of a file, if it names one.
    pub(super) fn read(
        top: &Section<'_>,
        warnings: &mut Warnings,
    ) -> Result<Option<Self>, ConfigError> {
        // The old name of the block is the second.
        let mut all = top.labelled("storage")?;
        all.extend(top.labelled("backend")?);
        let mut all = all.into_iter();
        let Some((kind, section)) = all.next() else { return Ok(None) };
        if all.next().is_some() {
            let problem = "more than one storage is named: a server has one";
            return Err(top.error("storage", problem));
        }
        match kind.to_ascii_lowercase().as_str() {
            "inmem" => {
                section.check_keys(&[], warnings);
                Ok(Some(Self::Inmem))
            }
            "file" => {
                section.check_keys(&[("path", Use::Read)], warnings);
                Ok(Some(Self::File { path: read_path(&section)? }))
            }
            "raft" => {
                section.check_keys(RAFT_KEYS, warnings);
                Ok(Some(Self::Raft { path: read_path(&section)? }))
            }
            _ => {
                let problem = "this kind of storage is not known: use \"file\" with a \"path\", or \
                               \"inmem\"";
                Err(section.error("", problem))
            }
        }
    }
}

fn read_path(section: &Section<'_>) -> Result<PathBuf, ConfigError> {
    let path = section.path("path")?;
    path.ok_or_else(|| section.error("path", "is missing: name the folder for the data"))
}
