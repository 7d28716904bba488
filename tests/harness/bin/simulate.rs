//! Runs simulated requests until a number of them is answered, and requires that enough happened.
//!
//! `simulate` runs a million requests on many seeds and prints what it has seen; it fails if a promise
//! is broken or a counter is below its floor. It also crashes
//! small worlds before every one of their outputs. `simulate --seed S --requests N` repeats one run.

use std::process::ExitCode;

use strongroom_tests::plan::{Plan, Tally};
use strongroom_tests::report::{check_floors, fail, say};
use strongroom_tests::world::run;

/// Requests of all seeds together.
const TOTAL: u64 = 1_000_000;
/// Seeds whose worlds are crashed before every output, and their requests.
const PREFIX_SEEDS: u64 = 24;
const PREFIX_REQUESTS: u64 = 60;
/// Requests of one seed.
const EACH: u64 = 2_000;

fn main() -> ExitCode {
    let mut words = std::env::args().skip(1);
    let (mut seed, mut first, mut total, mut each) = (None, 0, TOTAL, EACH);
    while let Some(word) = words.next() {
        let number = words.next().and_then(|text| text.parse::<u64>().ok());
        match (word.as_str(), number) {
            ("--seed", Some(number)) => seed = Some(number),
            ("--first", Some(number)) => first = number,
            ("--requests", Some(number)) => (total, each) = (number, number.min(EACH)),
            _ => return fail("usage: simulate [--seed S | --first S] [--requests N]"),
        }
    }
    if let Some(seed) = seed {
        return one(seed, total);
    }
    let mut tally = Tally::default();
    for seed in first.. {
        if tally.answers >= total {
            break;
        }
        match run(&Plan::from_seed(seed, each)) {
            Ok((seen, _)) => tally.add(&seen),
            Err(broken) => return fail(&repeat(&broken, seed, each)),
        }
    }
    match prefixes(total * PREFIX_SEEDS / TOTAL) {
        Ok(worlds) => say(&format!("crashes before every output      {worlds:>10} worlds")),
        Err(broken) => return fail(&broken),
    }
    report(&tally, total)
}

/// Lets the power go before every single output of a few small workloads. Gives the number of worlds.
fn prefixes(seeds: u64) -> Result<u64, String> {
    let mut worlds = 0;
    for seed in 0..seeds {
        let plan = Plan { faults: false, ..Plan::from_seed(seed, PREFIX_REQUESTS) };
        let (whole, _) = run(&plan)?;
        for output in 1..=whole.outputs {
            let plan = Plan { crash_at: Some(output), ..plan.clone() };
            run(&plan).map_err(|broken| format!("a crash before output {output}: {broken}"))?;
            worlds += 1;
        }
    }
    Ok(worlds)
}

fn one(seed: u64, requests: u64) -> ExitCode {
    match run(&Plan::from_seed(seed, requests)) {
        Ok((tally, digest)) => {
            say(&format!("{tally:#?}\ndigest {digest:016x}"));
            ExitCode::SUCCESS
        }
        Err(broken) => fail(&repeat(&broken, seed, requests)),
    }
}

/// Prints every counter with its floor: so many in a million requests.
fn report(tally: &Tally, total: u64) -> ExitCode {
    let floors = [
        ("answers", tally.answers, 1_000_000),
        ("acknowledged writes", tally.acknowledged_writes, 100_000),
        ("runs repeated after a miss", tally.runs_repeated, 100_000),
        ("loads overtaken by a write", tally.loads_overtaken, 250),
        ("answers held by the gate", tally.answers_held, 75_000),
        ("crashes with a batch in flight", tally.crashes_in_flight, 200),
        ("uses of tokens charged", tally.uses_charged, 5_000),
        ("jobs run", tally.jobs, 5_000),
        ("tasks run for lists", tally.tasks, 5_000),
        ("pages of background work", tally.chore_pages, 5_000),
        ("audit records written", tally.audits, 100_000),
        ("seals", tally.seals, 200),
        ("unseals", tally.unseals, 500),
        ("attempts to unseal failed", tally.attempts_failed, 500),
        ("rotations of the keyring", tally.rotations, 500),
        ("policies written and deleted", tally.policies, 5_000),
        ("mounts changed", tally.mounts, 2_000),
        ("namespaces changed", tally.namespaces, 3_000),
        ("requests served in namespaces", tally.inside, 4_000),
        ("requests denied", tally.denied, 50_000),
        ("refused by a policy taken back", tally.tightened, 500),
        ("questions about rights answered", tally.questions, 8_000),
    ];
    check_floors(&floors, total, TOTAL)
}

fn repeat(broken: &str, seed: u64, requests: u64) -> String {
    format!(
        "{broken}\nrepeat: cargo run --release -p strongroom-tests --bin simulate -- --seed {seed} \
         --requests {requests}"
    )
}
