//! Work that the server does by itself: what is in the background, a page at a time.
//!
//! A chore looks for rows through a task over a snapshot, and acts on them in a transaction of its own,
//! like a request, but with nobody waiting. What it finds is a hint, and is checked again in the
//! transaction that acts. The rows that it takes away are its place: a page that is repeated after a
//! crash finds less, and does no harm.

pub(crate) mod expire;
pub(crate) mod sweep;

use alloc::sync::Arc;

use crate::vault::{Halt, Tx};

/// The chores there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Chore {
    /// Takes away what has lost its owner.
    Sweep,
    /// Ends what is due.
    Expire,
}

impl Chore {
    pub(crate) const ALL: [Self; 2] = [Self::Sweep, Self::Expire];
}

/// One page of a chore.
#[derive(Clone)]
pub(crate) enum Page {
    Sweep(Arc<sweep::Page>),
    Expire(Arc<expire::Page>),
}

impl Page {
    pub(crate) fn chore(&self) -> Chore {
        match self {
            Self::Sweep(_) => Chore::Sweep,
            Self::Expire(_) => Chore::Expire,
        }
    }
}

/// Does one page, in one transaction.
pub(crate) fn perform(tx: &mut Tx<'_>, page: &Page) -> Result<(), Halt> {
    match page {
        Page::Sweep(page) => sweep::perform(tx, page),
        Page::Expire(page) => expire::perform(tx, page),
    }
}
