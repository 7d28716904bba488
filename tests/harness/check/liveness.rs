//! Once faults stop, every request on an open connection is answered within a bounded number of
//! moves.

use super::Broken;

/// Moves that a world may need to become quiet.
pub const MOVES_MAX: u64 = 200_000;

/// Checks that a world which has had so many moves is quiet.
pub fn check(moves: u64, unanswered: usize) -> Result<(), Broken> {
    if unanswered == 0 {
        return Ok(());
    }
    Err(format!("{unanswered} requests are not answered after {moves} quiet moves"))
}
