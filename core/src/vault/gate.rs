//! The gate: batches on their way to the disk, and answers that wait for them.
//!
//! Invariants: batches are numbered without gaps; an answer leaves when the batch it waits for is
//! durable, and answers of one batch leave in the order in which they came.

use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;

use crate::effect::{BatchSeq, RequestId};
use crate::http::Response;

/// See the module.
pub(super) struct Gate {
    emitted: BatchSeq,
    durable: BatchSeq,
    /// Sizes of the batches in flight.
    in_flight: VecDeque<usize>,
    bytes: usize,
    bytes_max: usize,
    waiting: BTreeMap<BatchSeq, Vec<(RequestId, Response)>>,
}

impl Gate {
    pub(super) fn new(bytes_max: usize) -> Self {
        Self {
            emitted: BatchSeq::START,
            durable: BatchSeq::START,
            in_flight: VecDeque::new(),
            bytes: 0,
            bytes_max,
            waiting: BTreeMap::new(),
        }
    }

    pub(super) fn durable(&self) -> BatchSeq {
        self.durable
    }

    pub(super) fn emitted(&self) -> BatchSeq {
        self.emitted
    }

    /// Whether one more batch may be handed out. One may always, if none is in flight.
    pub(super) fn has_room(&self) -> bool {
        self.in_flight.is_empty() || self.bytes < self.bytes_max
    }

    /// Bytes of the batches in flight.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// The number that the next batch will have.
    pub(super) fn next_seq(&self) -> BatchSeq {
        self.emitted.next()
    }

    pub(super) fn emit(&mut self, bytes: usize) {
        self.emitted = self.emitted.next();
        self.in_flight.push_back(bytes);
        self.bytes += bytes;
    }

    /// Gives the answer back if nothing holds it.
    pub(super) fn hold(
        &mut self,
        id: RequestId,
        response: Response,
        wait: BatchSeq,
    ) -> Option<Response> {
        if wait <= self.durable {
            return Some(response);
        }
        self.waiting.entry(wait).or_default().push((id, response));
        None
    }

    /// The answers that may leave now.
    pub(super) fn handle_persisted(&mut self, up_to: BatchSeq) -> Vec<(RequestId, Response)> {
        assert!(up_to <= self.emitted, "only batches that were handed out become durable");
        while self.durable < up_to {
            self.durable = self.durable.next();
            self.bytes -= self.in_flight.pop_front().unwrap_or(0);
        }
        let later = self.waiting.split_off(&self.durable.next());
        let free = core::mem::replace(&mut self.waiting, later);
        free.into_values().flatten().collect()
    }

    /// Nobody wants this answer any more.
    pub(super) fn forget(&mut self, id: RequestId) {
        self.waiting.retain(|_, answers| {
            answers.retain(|(other, _)| *other != id);
            !answers.is_empty()
        });
    }

    pub(super) fn waiting_count(&self) -> usize {
        self.waiting.values().map(Vec::len).sum()
    }
}
