//! When nothing is under way, nothing is left over: no parked request, load, job, audit, answer or
//! pin. And what is stored is what the model knows of: no record without its owner.

use strongroom_core::{Books, Vault};

use super::Broken;
use crate::disk::Image;
use crate::model::{Model, SPACES};

/// Checks a vault that has nothing more to do.
pub fn check(vault: &Vault) -> Result<(), Broken> {
    let books = vault.books();
    if books == Books::default() { Ok(()) } else { Err(format!("left over: {books:?}")) }
}

/// Counts the stored records of each kind, at the time `now`.
pub fn check_store(image: &Image, model: &Model, now: u64) -> Result<(), Broken> {
    let known = model.books(now);
    let wrong = SPACES.iter().zip(known).filter_map(|((space, name), known)| {
        let keys = image.keys().filter(|key| key.as_bytes().first() == Some(space));
        let stored = keys.count();
        (stored != known).then(|| format!("{name}: {stored} stored, {known} known"))
    });
    let wrong: Vec<String> = wrong.collect();
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("; ")) }
}
