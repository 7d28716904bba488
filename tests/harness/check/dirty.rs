//! No answer leaves before everything that it has read or written is durable, by the model's own
//! account of what that is.

use super::Broken;

/// Checks an answer that leaves: the last batch it depends on, and the last one that is durable.
pub fn check(serial: u64, depends_on: u64, durable: u64) -> Result<(), Broken> {
    if depends_on <= durable {
        return Ok(());
    }
    Err(format!(
        "the answer to request {serial} depends on batch {depends_on}, durable is {durable}"
    ))
}
