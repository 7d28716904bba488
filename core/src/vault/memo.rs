//! What a request keeps between its runs: all that must happen once.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;
use core::time::Duration;

use zeroize::Zeroizing;

use crate::cors::Allowed;
use crate::effect::BatchSeq;
use crate::job::{JobInput, Outcome};
use crate::random::{Generator, Phase};
use crate::route::Operation;
use crate::store::{Key, Owner};
use crate::task::{Inquiry, Names, Unfound};
use crate::time::Time;

/// See the module. A run is a function of the state, the request, this, and the time.
pub(crate) struct Memo {
    seed: Zeroizing<[u8; 32]>,
    /// When it came: the same in all runs.
    pub(crate) arrived: Time,
    /// When it is refused if it still waits.
    deadline: Time,
    pub(crate) runs: u32,
    /// Records to be kept in the cache until the request is done.
    pub(crate) pins: BTreeSet<Key>,
    /// The use of the token that this request has charged.
    pub(crate) charge: Option<Charge>,
    /// Whether the request is recorded by the audit.
    pub(crate) audited: bool,
    /// What the audit was told that the request does.
    pub(crate) deed: Option<Deed>,
    pub(crate) outcomes: BTreeMap<JobInput, Outcome>,
    pub(crate) findings: BTreeMap<Inquiry, Result<Names, Unfound>>,
    /// What the last run found of the request's origin, for whatever answer it gets. No run reads it.
    pub(crate) allowed: Option<Allowed>,
    /// The highest batch that any run of this request has made or read.
    pub(crate) wait: BatchSeq,
}

/// What a request does, as the audit is told: on a path from the root namespace, however it was spelled.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Deed {
    pub(crate) operation: Operation,
    pub(crate) path: String,
}

/// A use of a token with a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Charge {
    /// Which token it was, by its cubbyhole: its text may be another's by now.
    pub(crate) token: Owner,
    /// Whether it was the last one: the token goes with the effect of this request.
    pub(crate) last: bool,
}

impl Memo {
    pub(crate) fn new(seed: [u8; 32], arrived: Time, time_max: Duration) -> Self {
        Self {
            seed: seed.into(),
            arrived,
            deadline: arrived.after(time_max),
            runs: 0,
            pins: BTreeSet::new(),
            charge: None,
            audited: false,
            deed: None,
            outcomes: BTreeMap::new(),
            findings: BTreeMap::new(),
            allowed: None,
            wait: BatchSeq::START,
        }
    }

    pub(crate) fn random(&self, phase: Phase) -> Generator {
        Generator::new(&self.seed, phase)
    }

    /// The id that the answer and the audit show.
    pub(crate) fn request_id(&self) -> String {
        self.random(Phase::Arrival).uuid()
    }

    pub(crate) fn deadline(&self) -> Time {
        self.deadline
    }
}
