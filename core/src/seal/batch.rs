//! The batch record, which every batch carries: what must go on after a restart where it stood.

use alloc::vec::Vec;

use crate::reject::Corrupt;
use crate::secret::Wiped;
use crate::store::codec::{Reader, Writer};
use crate::time::Time;

const VERSION: u8 = 1;

/// See the module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BatchRecord {
    /// The highest time used.
    pub(crate) time: Time,
    /// The term that `encryptions` is about. A batch that begins another one still counts for this.
    pub(crate) term: u32,
    /// Records that were sealed under it.
    pub(crate) encryptions: u64,
}

impl BatchRecord {
    /// How many records were sealed under this term, as far as this record knows.
    pub(crate) fn encryptions_of(&self, term: u32) -> u64 {
        if self.term == term { self.encryptions } else { 0 }
    }

    pub(crate) fn encode(&self) -> Wiped<Vec<u8>> {
        Writer::new(VERSION).time(self.time).u32(self.term).u64(self.encryptions).finish()
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Corrupt> {
        let mut reader = Reader::new(bytes, VERSION)?;
        let record = Self { time: reader.time()?, term: reader.u32()?, encryptions: reader.u64()? };
        reader.finish()?;
        Ok(record)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_back_what_was_written_and_counts_for_one_term() {
        let record = BatchRecord { time: Time::from_unix_nanos(5), term: 2, encryptions: 7 };
        let bytes = record.encode();
        assert_eq!(BatchRecord::decode(&bytes), Ok(record));
        assert!(BatchRecord::decode(&bytes[..bytes.len() - 1]).is_err());
        assert_eq!([1, 2, 3].map(|term| record.encryptions_of(term)), [0, 7, 0]);
    }
}
