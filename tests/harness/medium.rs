//! A medium that keeps what was not synced apart: what stands under the storage engine in place of a
//! file.
//!
//! Reads see every write at once, as through the cache of an operating system. What has not been
//! synced is lost at a crash, or there, or torn, each write for itself and in any order. A sync that
//! fails leaves the same behind, and forgets: the next one does not bring the lost writes back.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use strongroom::store::FileLayer;

use crate::random::Random;

/// Bytes that a medium writes whole.
const SECTOR_BYTES: usize = 512;

/// A medium; copies of it are the same medium.
#[derive(Clone, Debug)]
pub struct Medium(Arc<Mutex<State>>);

/// What goes wrong, at one call counted from the making of the medium.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// That call fails, once.
    Error(io::ErrorKind),
    /// The power goes: that call fails and all after it, or if it is a read the first one behind it
    /// that is none. A read that fails because the power goes leaves no more behind than that.
    Crash,
}

/// What a medium was asked to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ask {
    /// To say its length, or to read.
    Read,
    /// To write.
    Write,
    /// To change its length.
    Resize,
    /// To make everything durable.
    Sync,
}

#[derive(Debug)]
struct State {
    /// What reads see.
    live: Vec<u8>,
    /// What was there at the last sync.
    durable: Vec<u8>,
    /// What came since then, in order.
    unsynced: Vec<Change>,
    /// How many of them a crash left torn, and how many it lost.
    torn: u64,
    lost: u64,
    calls: u64,
    fault: Option<(u64, Fault)>,
    /// Which call the fault has hit.
    hit: Option<Ask>,
    crashed: bool,
    random: Random,
}

#[derive(Clone, Debug)]
enum Change {
    Write(usize, Vec<u8>),
    Resize(usize),
}

impl Change {
    fn apply(&self, image: &mut Vec<u8>) {
        match self {
            Self::Write(offset, bytes) => {
                let end = offset + bytes.len();
                if image.len() < end {
                    image.resize(end, 0);
                }
                if let Some(place) = image.get_mut(*offset..end) {
                    place.copy_from_slice(bytes);
                }
            }
            Self::Resize(length) => image.resize(*length, 0),
        }
    }
}

impl Medium {
    /// A medium that holds these bytes durably. What it does by chance comes from the seed.
    pub fn new(bytes: Vec<u8>, seed: u64, fault: Option<(u64, Fault)>) -> Self {
        Self(Arc::new(Mutex::new(State {
            live: bytes.clone(),
            durable: bytes,
            unsynced: Vec::new(),
            torn: 0,
            lost: 0,
            calls: 0,
            fault,
            hit: None,
            crashed: false,
            random: Random::new(seed),
        })))
    }

    /// Calls so far.
    pub fn calls(&self) -> u64 {
        self.state().calls
    }

    /// Which call the fault has hit, if it has come.
    pub fn hit(&self) -> Option<Ask> {
        self.state().hit
    }

    /// Writes that crashes and failed syncs have torn, and those that they have lost.
    pub fn damage(&self) -> (u64, u64) {
        let state = self.state();
        (state.torn, state.lost)
    }

    /// The same medium for a process that starts anew while the power stays: it reads all that was
    /// written, and what was not synced is still not.
    pub fn restart(&self, seed: u64, fault: Option<(u64, Fault)>) -> Self {
        let state = self.state();
        let fresh = Self::new(state.live.clone(), seed, fault);
        let mut fresh_state = fresh.state();
        fresh_state.durable.clone_from(&state.durable);
        fresh_state.unsynced.clone_from(&state.unsynced);
        drop(fresh_state);
        fresh
    }

    /// The power goes. Gives what is left.
    pub fn crash(&self) -> Vec<u8> {
        let mut state = self.state();
        state.crashed = true;
        state.settle();
        state.durable.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Counts a call, and decides whether it fails.
    fn call(&mut self, ask: Ask) -> io::Result<()> {
        if self.crashed {
            return Err(io::Error::other("the power is off"));
        }
        let at = self.calls;
        self.calls += 1;
        match self.fault {
            Some((when, Fault::Error(kind))) if when == at => {
                self.hit = Some(ask);
                Err(kind.into())
            }
            Some((when, Fault::Crash)) if when <= at && ask != Ask::Read => {
                self.hit = Some(ask);
                self.crashed = true;
                Err(io::Error::other("the power goes"))
            }
            _ => Ok(()),
        }
    }

    fn change(&mut self, ask: Ask, change: Change) -> io::Result<()> {
        match self.call(ask) {
            Ok(()) => {
                change.apply(&mut self.live);
                self.unsynced.push(change);
                Ok(())
            }
            Err(error) => {
                // It may have happened all the same, or in part.
                if self.random.one_in(2) {
                    self.unsynced.push(change);
                }
                Err(error)
            }
        }
    }

    /// Decides for each change that was not synced what has become of it.
    fn settle(&mut self) {
        let mut changes = std::mem::take(&mut self.unsynced);
        while !changes.is_empty() {
            // Media keep no order; mostly it is near that in which they were told.
            let window = if self.random.one_in(4) { changes.len() } else { changes.len().min(2) };
            let change = changes.remove(self.random.below(window));
            match self.random.below(3) {
                0 => self.lost += 1,
                1 => change.apply(&mut self.durable),
                _ => self.tear(&change),
            }
        }
    }

    /// Writes a part of a change: its beginning, or some of its sectors.
    fn tear(&mut self, change: &Change) {
        let Change::Write(offset, bytes) = change else {
            return change.apply(&mut self.durable);
        };
        self.torn += 1;
        if self.random.one_in(2) {
            let kept = self.random.below(bytes.len() + 1);
            let kept = bytes.get(..kept).unwrap_or_default().to_vec();
            return Change::Write(*offset, kept).apply(&mut self.durable);
        }
        for (at, sector) in bytes.chunks(SECTOR_BYTES).enumerate() {
            if self.random.one_in(2) {
                let place = offset + at * SECTOR_BYTES;
                Change::Write(place, sector.to_vec()).apply(&mut self.durable);
            }
        }
    }
}

impl FileLayer for Medium {
    fn len(&self) -> io::Result<u64> {
        let mut state = self.state();
        state.call(Ask::Read)?;
        u64::try_from(state.live.len()).map_err(io::Error::other)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let mut state = self.state();
        state.call(Ask::Read)?;
        let offset = to_usize(offset)?;
        let bytes = offset.checked_add(out.len()).and_then(|end| state.live.get(offset..end));
        out.copy_from_slice(bytes.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        self.state().change(Ask::Resize, Change::Resize(to_usize(length)?))
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut state = self.state();
        let result = state.call(Ask::Sync);
        if result.is_ok() {
            let state = &mut *state;
            for change in state.unsynced.drain(..) {
                change.apply(&mut state.durable);
            }
        } else if !state.crashed {
            state.settle();
        }
        result
    }

    fn write(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.state().change(Ask::Write, Change::Write(to_usize(offset)?, bytes.to_vec()))
    }
}

fn to_usize(number: u64) -> io::Result<usize> {
    usize::try_from(number).map_err(|_| io::ErrorKind::InvalidInput.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_what_was_synced_and_tears_the_rest() {
        let (mut torn, mut lost, mut whole) = (0, 0, 0);
        for seed in 0..200 {
            let medium = Medium::new(Vec::new(), seed, None);
            medium.write(0, &[1; 2048]).unwrap();
            medium.sync_data().unwrap();
            medium.write(1024, &[2; 2048]).unwrap();
            let mut seen = [0; 2048];
            medium.read(1024, &mut seen).unwrap();
            assert_eq!(seen, [2; 2048]);
            let left = medium.crash();
            assert_eq!(left[..1024], [1; 1024]);
            match left[1024..].iter().filter(|byte| **byte == 2).count() {
                0 => lost += 1,
                2048 => whole += 1,
                _ => torn += 1,
            }
            medium.sync_data().unwrap_err();
        }
        assert!(torn > 20 && lost > 20 && whole > 20, "{torn} {lost} {whole}");
    }

    #[test]
    fn a_sync_that_failed_does_not_come_back_for_what_it_lost() {
        let mut lost = 0;
        for seed in 0..50 {
            let medium =
                Medium::new(vec![0; 8], seed, Some((1, Fault::Error(io::ErrorKind::Other))));
            medium.write(0, &[1; 8]).unwrap();
            medium.sync_data().unwrap_err();
            medium.sync_data().unwrap();
            let mut seen = [0; 8];
            medium.read(0, &mut seen).unwrap();
            assert_eq!(seen, [1; 8]);
            lost += usize::from(medium.crash() != [1; 8]);
        }
        assert!(lost > 10);
    }
}
