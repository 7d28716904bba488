//! How the unseal key is shared out.

use alloc::vec::Vec;

use super::shamir::{self, Share};
use crate::random::Generator;
use crate::reject::Corrupt;
use crate::secret::Wiped;
use crate::store::codec::{Reader, Writer};

const VERSION: u8 = 1;

/// Into how many shares the unseal key is split, and how many of them make it again. One share is the
/// key itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sharing {
    shares: u8,
    threshold: u8,
}

impl Sharing {
    /// # Errors
    ///
    /// The first rule that is broken, in the API's order and words.
    pub(crate) fn new(shares: i64, threshold: i64) -> Result<Self, &'static str> {
        if shares < 1 {
            return Err("shares must be at least one");
        }
        if threshold < 1 {
            return Err("threshold must be at least one");
        }
        if shares > 1 && threshold < 2 {
            return Err("threshold must be greater than one for multiple shares");
        }
        let shares = u8::try_from(shares).map_err(|_| "shares must be less than 256")?;
        let threshold = u8::try_from(threshold).map_err(|_| "threshold must be less than 256")?;
        if threshold > shares {
            return Err("threshold cannot be larger than shares");
        }
        Ok(Self { shares, threshold })
    }

    pub(crate) fn shares(self) -> u8 {
        self.shares
    }

    pub(crate) fn threshold(self) -> u8 {
        self.threshold
    }

    /// The shares of a key.
    pub(crate) fn split(self, key: &[u8; 32], random: &mut Generator) -> Vec<Share> {
        if self.threshold == 1 {
            return alloc::vec![Share::new(key.to_vec())];
        }
        shamir::split(key, self.shares, self.threshold, random)
    }

    /// The record, which is in clear.
    pub(crate) fn encode(self) -> Wiped<Vec<u8>> {
        Writer::new(VERSION).u8(self.shares).u8(self.threshold).finish()
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Corrupt> {
        let mut reader = Reader::new(bytes, VERSION)?;
        let (shares, threshold) = (reader.u8()?, reader.u8()?);
        reader.finish()?;
        Self::new(shares.into(), threshold.into()).map_err(Corrupt)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checks_the_numbers_in_the_order_of_the_api() {
        for (shares, threshold, error) in CASES {
            assert_eq!(Sharing::new(shares, threshold).err(), error, "{shares} {threshold}");
        }
    }

    #[test]
    fn reads_back_what_was_written_and_nothing_else() {
        for shares in 0..=255_u8 {
            for threshold in 0..=255_u8 {
                let decoded = Sharing::decode(&[VERSION, shares, threshold]);
                let sharing = Sharing::new(shares.into(), threshold.into());
                assert_eq!(decoded.ok(), sharing.ok());
                if let Ok(sharing) = decoded {
                    assert_eq!(sharing.encode().as_slice(), [VERSION, shares, threshold]);
                }
            }
        }
        assert!(Sharing::decode(&[VERSION, 5]).is_err());
        assert!(Sharing::decode(&[VERSION, 5, 3, 0]).is_err());
        assert!(Sharing::decode(&[VERSION + 1, 5, 3]).is_err());
    }

    const CASES: [(i64, i64, Option<&str>); 17] = [
        (1, 1, None),
        (2, 2, None),
        (5, 3, None),
        (255, 255, None),
        (0, 0, Some("shares must be at least one")),
        (-1, 1, Some("shares must be at least one")),
        (i64::MIN, 256, Some("shares must be at least one")),
        (1, 0, Some("threshold must be at least one")),
        (300, -1, Some("threshold must be at least one")),
        (2, 1, Some("threshold must be greater than one for multiple shares")),
        (256, 1, Some("threshold must be greater than one for multiple shares")),
        (256, 2, Some("shares must be less than 256")),
        (i64::MAX, 256, Some("shares must be less than 256")),
        (3, 256, Some("threshold must be less than 256")),
        (255, i64::MAX, Some("threshold must be less than 256")),
        (3, 4, Some("threshold cannot be larger than shares")),
        (1, 2, Some("threshold cannot be larger than shares")),
    ];
}
