//! How a simulated world is made, and what a run of it has counted.

use strongroom_core::{Config, limit};

use crate::op::{Ask, Op};
use crate::random::Random;

/// How a world is made.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The seed of everything.
    pub seed: u64,
    /// Requests to send.
    pub requests: u64,
    /// Clients at one time.
    pub clients: usize,
    /// Budget of the vault's cache.
    pub cache_bytes: usize,
    /// Bytes of an index page: small ones make deep trees of few names.
    pub page_bytes: usize,
    /// Whether requests and answers are put out for audit.
    pub audit: bool,
    /// The power goes before this output of the vault, once.
    pub crash_at: Option<u64>,
    /// Whether the background hardly gets to anything.
    pub lazy_background: bool,
    /// Whether loads and audits fail, clients hang up, the server is sealed, and the power goes.
    pub faults: bool,
    /// Shares of the unseal key.
    pub shares: usize,
    /// How many of them unseal the server.
    pub threshold: usize,
    /// Choices of the world that come before those of the seed.
    pub tape: Vec<u8>,
}

impl Plan {
    /// A plan whose every choice comes from the seed.
    pub fn from_seed(seed: u64, requests: u64) -> Self {
        let mut random = Random::new(seed ^ 0x5eed);
        let plan = Self {
            seed,
            requests,
            clients: 1 + random.below(8),
            cache_bytes: *random.pick(&[0, 0, 4_000, 40_000, 1 << 24]),
            page_bytes: *random.pick(&[64, 120, 2048]),
            audit: random.one_in(2),
            crash_at: None,
            lazy_background: seed % 4 == 3,
            faults: !random.one_in(4),
            shares: 1,
            threshold: 1 + random.below(4),
            tape: Vec::new(),
        };
        let spare = if plan.threshold == 1 { 0 } else { random.below(3) };
        Self { shares: plan.threshold + spare, ..plan }
    }

    /// How its vault is set up.
    pub(crate) fn config(&self) -> Config {
        Config {
            cache_bytes: self.cache_bytes,
            absence_bytes: self.cache_bytes / 8,
            batch_bytes_in_flight_max: if self.seed.is_multiple_of(3) { 4_000 } else { 1 << 20 },
            audit: self.audit,
            page_bytes_max: self.page_bytes,
            list_pages_max: self.clients % 3,
            roll_reads_max: if self.clients.is_multiple_of(2) { 0 } else { limit::ROLL_READS_MAX },
            ..Config::default()
        }
    }
}

/// What a run has seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Requests that were answered.
    pub answers: u64,
    /// Writes that were answered with success.
    pub acknowledged_writes: u64,
    /// Runs that began again after a miss.
    pub runs_repeated: u64,
    /// Loads that a write overtook.
    pub loads_overtaken: u64,
    /// Answers that waited for a batch.
    pub answers_held: u64,
    /// Crashes while a batch was in flight.
    pub crashes_in_flight: u64,
    /// Uses of tokens that were charged.
    pub uses_charged: u64,
    /// Jobs that were run.
    pub jobs: u64,
    /// Tasks that were run for a list.
    pub tasks: u64,
    /// Pages of background work that were done.
    pub chore_pages: u64,
    /// Audit records that were written.
    pub audits: u64,
    /// Times the server was sealed.
    pub seals: u64,
    /// Outputs of the vault.
    pub outputs: u64,
    /// Times it was unsealed.
    pub unseals: u64,
    /// Attempts to unseal that a wrong share has ended.
    pub attempts_failed: u64,
    /// Terms that were added to the keyring.
    pub rotations: u64,
    /// Policies that were written or deleted.
    pub policies: u64,
    /// Mounts that came, went, moved or were tuned.
    pub mounts: u64,
    /// Namespaces that came, went, or were locked or unlocked.
    pub namespaces: u64,
    /// Requests that were served in a namespace that is not the root.
    pub inside: u64,
    /// Requests that were refused by rules or for want of a token.
    pub denied: u64,
    /// Requests that were refused after the policy of their token was taken back.
    pub tightened: u64,
    /// Questions about rights and mounts that were answered.
    pub questions: u64,
}

impl Tally {
    /// Adds another run's.
    pub fn add(&mut self, other: &Self) {
        self.answers += other.answers;
        self.acknowledged_writes += other.acknowledged_writes;
        self.runs_repeated += other.runs_repeated;
        self.loads_overtaken += other.loads_overtaken;
        self.answers_held += other.answers_held;
        self.crashes_in_flight += other.crashes_in_flight;
        self.uses_charged += other.uses_charged;
        self.jobs += other.jobs;
        self.tasks += other.tasks;
        self.chore_pages += other.chore_pages;
        self.audits += other.audits;
        self.seals += other.seals;
        self.outputs += other.outputs;
        self.unseals += other.unseals;
        self.attempts_failed += other.attempts_failed;
        self.rotations += other.rotations;
        self.policies += other.policies;
        self.mounts += other.mounts;
        self.namespaces += other.namespaces;
        self.inside += other.inside;
        self.denied += other.denied;
        self.tightened += other.tightened;
        self.questions += other.questions;
    }

    /// Counts an answer by what was asked.
    pub fn count(&mut self, ask: &Ask, status: u16) {
        self.denied += u64::from(status == 403);
        if !(200..300).contains(&status) {
            return;
        }
        self.inside += u64::from(!ask.spot.namespace.is_empty());
        match &ask.op {
            Op::PolicyDelete(_) | Op::PolicyPatch(..) | Op::PolicyWrite(..) => self.policies += 1,
            Op::Mount(..) | Op::Remount(..) | Op::Tune(..) | Op::Unmount(_) => self.mounts += 1,
            Op::Lock(_) | Op::NamespaceDelete(_) | Op::NamespaceWrite(..) | Op::Unlock(..) => {
                self.namespaces += 1;
            }
            Op::Capabilities(..) | Op::MountList | Op::Sight | Op::SightOf(_) => {
                self.questions += 1;
            }
            _ => {}
        }
    }
}
