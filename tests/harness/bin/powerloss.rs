//! Runs the embedded store through power losses, and requires that enough happened.
//!
//! `powerloss` runs two thousand seeds and prints what it has seen; it fails if a promise is broken or
//! a counter is below its floor. `powerloss --seed S --runs N` begins at a seed.

use std::process::ExitCode;

use strongroom_tests::powerloss::{Tally, run};
use strongroom_tests::report::{check_floors, fail};

/// Seeds of a whole run.
const RUNS: u64 = 2_000;

fn main() -> ExitCode {
    let mut words = std::env::args().skip(1);
    let (mut first, mut runs) = (0, RUNS);
    while let Some(word) = words.next() {
        let number = words.next().and_then(|text| text.parse::<u64>().ok());
        match (word.as_str(), number) {
            ("--seed", Some(number)) => first = number,
            ("--runs", Some(number)) => runs = number,
            _ => return fail("usage: powerloss [--seed S] [--runs N]"),
        }
    }
    let mut tally = Tally::default();
    for seed in first..first.saturating_add(runs) {
        match run(seed) {
            Ok(seen) => tally.add(&seen),
            Err(broken) => {
                return fail(&format!(
                    "seed {seed}: {broken}\nrepeat: cargo run --release -p strongroom-tests \
                     --bin powerloss -- --seed {seed} --runs 1"
                ));
            }
        }
    }
    report(&tally, runs)
}

/// Prints every counter with its floor: so many in a thousand runs.
fn report(tally: &Tally, runs: u64) -> ExitCode {
    let floors = [
        ("groups acknowledged", tally.commits, 50_000),
        ("batches in them", tally.batches, 100_000),
        ("crashes in opening", tally.crashes_in_open, 100),
        ("crashes in a commit", tally.crashes_in_commit, 5_000),
        ("crashes at rest", tally.crashes_at_rest, 15),
        ("failed groups that were kept", tally.unacknowledged_kept, 50),
        ("writes torn", tally.writes_torn, 5_000),
        ("writes lost", tally.writes_lost, 5_000),
        ("records compared", tally.records_compared, 1_000_000),
    ];
    check_floors(&floors, runs, 1_000)
}
