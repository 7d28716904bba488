//! When nothing is under way, nothing is left over: no parked request, load, job, audit, answer or
//! pin. And what is stored is what the model knows of: no record without its owner.

use strongroom_core::{Books, Vault};

use super::Broken;
use crate::disk::Image;
use crate::model::Model;

/// Checks a vault that has nothing more to do.
pub fn check(vault: &Vault) -> Result<(), Broken> {
    let books = vault.books();
    if books == Books::default() { Ok(()) } else { Err(format!("left over: {books:?}")) }
}

/// Counts the stored records of each kind, at the time `now`.
pub fn check_store(image: &Image, model: &Model, now: u64) -> Result<(), Broken> {
    let count =
        |space: u8| image.keys().filter(|key| key.as_bytes().first() == Some(&space)).count();
    let (stored, known) = ([3, 4, 5, 6, 8, 9, 10].map(count), model.books(now));
    if stored == known {
        return Ok(());
    }
    Err(format!(
        "tokens, accessors, entries, folders, children, due, work: stored {stored:?}, known {known:?}"
    ))
}
