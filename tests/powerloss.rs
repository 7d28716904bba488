//! Runs of the embedded store through power losses on fixed seeds; the command `powerloss` runs as
//! many as one likes.

use strongroom_tests::powerloss::{Tally, run};

const SEEDS: std::ops::Range<u64> = 0..40;

#[test]
fn loses_nothing_that_was_acknowledged_and_keeps_no_half() {
    let mut tally = Tally::default();
    for seed in SEEDS {
        match run(seed) {
            Ok(seen) => tally.add(&seen),
            Err(broken) => panic!(
                "{broken}\nrepeat: cargo run -p strongroom-tests --bin powerloss -- --seed {seed} --runs 1"
            ),
        }
    }
    // A run in which nothing happens shows nothing.
    assert!(tally.crashes_in_commit > 200 && tally.crashes_in_open > 5, "{tally:?}");
    assert!(tally.writes_torn > 500 && tally.writes_lost > 500, "{tally:?}");
    assert!(tally.unacknowledged_kept > 0 && tally.crashes_at_rest > 0, "{tally:?}");
}

#[test]
fn replays_a_seed() {
    for seed in 0..4 {
        assert_eq!(run(seed), run(seed), "seed {seed}");
    }
}
