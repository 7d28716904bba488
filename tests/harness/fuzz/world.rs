//! Whole requests in any order, with any mishap, against the core and the model.

use crate::plan::Plan;
use crate::world::run;

/// Requests of one world: most of them are chosen by the bytes.
const REQUESTS: u64 = 40;

/// A world whose moves, requests and mishaps are chosen by the bytes keeps every promise. The first
/// byte says what kind of world it is.
///
/// # Panics
///
/// If a promise is broken.
pub fn world(data: &[u8]) {
    let [kind, tape @ ..] = data else { return };
    let plan = Plan { tape: tape.to_vec(), ..Plan::from_seed(u64::from(*kind), REQUESTS) };
    if let Err(broken) = run(&plan) {
        panic!("{broken}");
    }
}
