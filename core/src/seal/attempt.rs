//! The shares that were given so far towards one thing that needs a quorum of them: an open seal, a
//! new root token, new shares, the proof that new shares were received.
//!
//! Invariants: each share is held once. There are always fewer of them than it takes, for the share
//! that completes them ends the attempt, right or wrong. They are in memory alone, and wiped.

use alloc::string::String;
use alloc::vec::Vec;

use super::shamir::{self, CombineError, Share};
use super::sharing::Sharing;
use crate::secret::Wiped;

/// See the module.
pub(crate) struct Attempt {
    nonce: String,
    shares: Vec<Share>,
}

/// What becomes of an attempt by one share more.
pub(crate) enum Taken {
    /// It was given before: nothing changes.
    Known,
    /// It is one of several that are needed yet.
    Partial(Attempt),
    /// It is the last. This is what all of them give together; wrong shares give a wrong key.
    Complete(Result<Wiped<Vec<u8>>, CombineError>),
}

impl Attempt {
    /// An attempt without a share. Its nonce tells it from every other.
    pub(crate) fn begin(nonce: String) -> Self {
        Self { nonce, shares: Vec::new() }
    }

    /// The same attempt, begun anew.
    pub(crate) fn emptied(&self) -> Self {
        Self::begin(self.nonce.clone())
    }

    /// Takes one share more of a key that is shared in this way. The attempt itself stays as it is, so
    /// that what a run has not committed did not happen.
    pub(crate) fn take(&self, share: Share, sharing: Sharing) -> Taken {
        if self.shares.iter().fold(false, |known, other| known | other.is(&share)) {
            return Taken::Known;
        }
        let copies = self.shares.iter().map(|share| Share::new(share.expose().to_vec()));
        let shares: Vec<Share> = copies.chain([share]).collect();
        if shares.len() < usize::from(sharing.threshold()) {
            return Taken::Partial(Self { nonce: self.nonce.clone(), shares });
        }
        Taken::Complete(match shares.as_slice() {
            [key] => Ok(Wiped::new(key.expose().to_vec())),
            shares => shamir::combine(shares),
        })
    }

    pub(crate) fn nonce(&self) -> &str {
        &self.nonce
    }

    /// How many shares were given.
    pub(crate) fn progress(&self) -> usize {
        self.shares.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Generator, Phase};

    fn shared(shares: u8, threshold: u8) -> (Sharing, Vec<Share>) {
        let sharing = Sharing::new(shares.into(), threshold.into()).unwrap();
        let shares = sharing.split(&KEY, &mut Generator::new(&[5; 32], Phase::Effect));
        (sharing, shares)
    }

    fn partial(attempt: &Attempt, share: Share, sharing: Sharing) -> Attempt {
        match attempt.take(share, sharing) {
            Taken::Partial(attempt) => attempt,
            Taken::Known | Taken::Complete(_) => panic!("more shares are needed"),
        }
    }

    #[test]
    fn gives_the_key_with_the_last_share_and_never_holds_as_many() {
        for (shares, threshold) in CASES {
            let (sharing, shares) = shared(shares, threshold);
            let mut attempt = Attempt::begin("nonce".into());
            let mut shares = shares.into_iter().rev().take(threshold.into());
            let last = shares.next().unwrap();
            for (given, share) in shares.enumerate() {
                assert_eq!((attempt.nonce(), attempt.progress()), ("nonce", given));
                attempt = partial(&attempt, share, sharing);
            }
            assert_eq!(attempt.progress(), usize::from(threshold) - 1);
            let Taken::Complete(Ok(key)) = attempt.take(last, sharing) else { panic!("complete") };
            assert_eq!(*key, KEY);
            // It is left to the one who keeps it.
            assert_eq!(attempt.progress(), usize::from(threshold) - 1);
            assert_eq!((attempt.emptied().nonce(), attempt.emptied().progress()), ("nonce", 0));
        }
    }

    #[test]
    fn knows_a_share_that_was_given_and_counts_it_once() {
        let (sharing, shares) = shared(3, 3);
        let copy = |share: &Share| Share::new(share.expose().to_vec());
        let first = partial(&Attempt::begin("nonce".into()), copy(&shares[0]), sharing);
        let second = partial(&first, copy(&shares[1]), sharing);
        for share in &shares[..2] {
            assert!(matches!(second.take(copy(share), sharing), Taken::Known));
        }
        // Another share at the same point is another share.
        let mut twin = shares[0].expose().to_vec();
        twin[0] ^= 1;
        let taken = second.take(Share::new(twin), sharing);
        assert!(matches!(taken, Taken::Complete(Err(CombineError::Duplicate))));
    }

    const KEY: [u8; 32] = [7; 32];

    /// Shares, threshold.
    const CASES: [(u8, u8); 4] = [(1, 1), (2, 2), (5, 3), (255, 255)];
}
