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

/// Counts the stored records of each kind: tokens, accessors, entries, folders.
pub fn check_store(image: &Image, model: &Model) -> Result<(), Broken> {
    let count =
        |space: u8| image.keys().filter(|key| key.as_bytes().first() == Some(&space)).count();
    let (stored, known) = ([3, 4, 5, 6].map(count), model.books());
    if stored == known {
        return Ok(());
    }
    Err(format!("tokens, accessors, entries, folders: stored {stored:?}, known {known:?}"))
}
