//! Spellings of paths that a policy denies.

use strongroom_tests::fuzz;
use strongroom_tests::random::Random;

/// Many of these spellings mean the denied path: the root token sees by them what is there.
#[test]
fn reaches_by_no_spelling_what_is_denied() {
    let seen = (0..10_000).filter(|seed| fuzz::spell(&mut Random::new(*seed))).count();
    assert!(seen > 400, "{seen}");
}
