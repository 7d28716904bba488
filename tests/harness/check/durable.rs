//! Every write that was answered is there after a crash.

use std::collections::BTreeMap;

use super::Broken;
use crate::op::Op;

/// The batches of writes that were answered since the start of the process.
#[derive(Debug, Default)]
pub struct Durable {
    /// Batch to request.
    acknowledged: BTreeMap<u64, u64>,
    /// Writes that were ever answered.
    pub count: u64,
}

impl Durable {
    /// A write was answered with success.
    pub fn answered(&mut self, serial: u64, op: &Op, status: u16, batch: u64) {
        if op.is_write() && (200..300).contains(&status) && batch > 0 {
            self.acknowledged.insert(batch, serial);
            self.count += 1;
        }
    }

    /// A crash: this batch is the last that is left.
    pub fn crashed(&mut self, survived: u64) -> Result<(), Broken> {
        let lost = self.acknowledged.range(survived + 1..).next();
        if let Some((batch, serial)) = lost {
            return Err(format!("request {serial} was answered and its batch {batch} is lost"));
        }
        self.acknowledged.clear();
        Ok(())
    }
}
