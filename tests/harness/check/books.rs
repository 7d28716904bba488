//! When nothing is under way, nothing is left over: no parked request, load, job, audit, answer or
//! pin.

use strongroom_core::{Books, Vault};

use super::Broken;

/// Checks a vault that has nothing more to do.
pub fn check(vault: &Vault) -> Result<(), Broken> {
    let books = vault.books();
    if books == Books::default() { Ok(()) } else { Err(format!("left over: {books:?}")) }
}
