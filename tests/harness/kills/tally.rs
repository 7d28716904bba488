//! What a run has seen: so much must have happened that it shows something.

use std::time::Duration;

/// What a run has seen.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tally {
    /// Kills in all.
    pub kills: u64,
    /// Processes on the adapter `smol`.
    pub on_smol: u64,
    /// Processes on the adapter `blocking`.
    pub on_blocking: u64,
    /// Kills while an empty folder got its storage.
    pub killed_in_first_start: u64,
    /// Kills between the request for an initialisation and its answer.
    pub killed_in_init: u64,
    /// Kills of a server with data that did not yet listen.
    pub killed_in_start: u64,
    /// Kills between the first share and the answer to the last.
    pub killed_in_unseal: u64,
    /// Kills with a change under way.
    pub killed_in_write: u64,
    /// Starts up to the answer that the server is unsealed.
    pub restarts: u64,
    /// The slowest of them.
    pub slowest_restart: Duration,
    /// Changes of secrets, tokens and keys that were acknowledged.
    pub acknowledged: u64,
    /// Changes that were not answered, and had happened.
    pub unanswered_kept: u64,
    /// Changes that were not answered, and had not happened.
    pub unanswered_lost: u64,
    /// Initialisations that were not answered, and had happened.
    pub inits_kept: u64,
    /// Initialisations that were not answered, and had not happened.
    pub inits_lost: u64,
    /// Secrets compared after a start, deleted ones among them.
    pub secrets: u64,
    /// Lists compared.
    pub lists: u64,
    /// Tokens found alive after a start, with the uses that are left.
    pub tokens_alive: u64,
    /// Tokens found dead.
    pub tokens_dead: u64,
    /// Versions that somebody has read while they were written.
    pub watched: u64,
}

impl Tally {
    /// Adds what a client has seen.
    pub(super) fn add(&mut self, other: &Self) {
        self.acknowledged += other.acknowledged;
        self.unanswered_kept += other.unanswered_kept;
        self.unanswered_lost += other.unanswered_lost;
        self.secrets += other.secrets;
        self.lists += other.lists;
        self.tokens_alive += other.tokens_alive;
        self.tokens_dead += other.tokens_dead;
    }

    /// Counts a change that was not answered.
    pub(super) fn settle(&mut self, kept: bool) {
        *(if kept { &mut self.unanswered_kept } else { &mut self.unanswered_lost }) += 1;
    }
}
