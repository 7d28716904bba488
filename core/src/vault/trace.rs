//! Commit points, for the simulator: in which order requests were decided, and by which batches. A
//! model that follows this order can say what every answer must be.
//!
//! Without the feature `simulation` nothing is kept.

use crate::effect::{BatchSeq, RequestId, TaskId};

/// One commit point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(not(feature = "simulation"), allow(unreachable_pub, reason = "then nobody looks"))]
pub enum Trace {
    /// A use of the token was charged, by this batch.
    Admitted(RequestId, BatchSeq),
    /// The request was served or rejected by the rules; its effect is in this batch, if any.
    Decided(RequestId, BatchSeq),
    /// The request waits for this task; what that finds counts, as of its snapshot.
    Inquired(RequestId, TaskId),
    /// The request was given up for a trouble outside: nothing of it happened.
    Failed(RequestId),
    /// The request was decided, but its answer is replaced by an error of this status.
    Replaced(RequestId, u16),
}

#[cfg(feature = "simulation")]
#[derive(Default)]
pub(super) struct Tracer(alloc::vec::Vec<Trace>);

#[cfg(feature = "simulation")]
impl Tracer {
    pub(super) fn note(&mut self, trace: Trace) {
        self.0.push(trace);
    }
}

#[cfg(feature = "simulation")]
impl super::Vault {
    /// The commit points since the last call.
    pub fn take_trace(&mut self) -> alloc::vec::Vec<Trace> {
        core::mem::take(&mut self.tracer.0)
    }
}

#[cfg(not(feature = "simulation"))]
#[derive(Default)]
pub(super) struct Tracer(());

#[cfg(not(feature = "simulation"))]
impl Tracer {
    #[expect(clippy::needless_pass_by_ref_mut, reason = "the other form of this needs it")]
    pub(super) fn note(&mut self, _: Trace) {}
}
