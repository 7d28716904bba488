//! The end of what is due: tokens whose time has come.
//!
//! A token is dead at its time whether or not this has come by; here its records go.

use alloc::vec::Vec;

use crate::drive::Records;
use crate::store::{Key, Owner, Space};
use crate::token;
use crate::vault::{Halt, Tx};

/// Rows whose time has come.
pub(crate) struct Page {
    pub(crate) rows: Records,
}

/// Where the rows are, in the order of their times.
pub(crate) fn range() -> (Key, Key) {
    Key::range(Space::Due, Owner::ROOT)
}

pub(super) fn perform(tx: &mut Tx<'_>, page: &Page) -> Result<(), Halt> {
    let mut due = Vec::with_capacity(page.rows.len());
    for (key, sealed) in &page.rows {
        due.extend(token::Reference::open(tx, key, sealed)?);
    }
    // A token that lives longer by now has another row.
    let now = tx.now;
    token::bury_all(tx, &due, |token| token.is_over(now))?;
    for (key, _) in &page.rows {
        tx.delete_key(*key);
    }
    Ok(())
}
