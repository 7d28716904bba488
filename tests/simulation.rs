//! Runs of the simulator on fixed seeds, and its own laws.

use strongroom_tests::plan::Plan;
use strongroom_tests::world::run;

/// Seeds and requests for `cargo test`; the command `simulate` runs as many as one likes.
const SEEDS: std::ops::Range<u64> = 0..40;
const REQUESTS: u64 = 1_500;

#[test]
fn keeps_every_promise_on_fixed_seeds() {
    for seed in SEEDS {
        if let Err(broken) = run(&Plan::from_seed(seed, REQUESTS)) {
            panic!(
                "{broken}\nrepeat: cargo run -p strongroom-tests --bin simulate -- --seed {seed} --requests {REQUESTS}"
            );
        }
    }
}

/// The power goes before every single output of a workload, each in a run of its own: what is left is
/// what the model says, and the server goes on from it.
#[test]
fn recovers_from_a_crash_after_every_prefix_of_its_outputs() {
    for seed in [1, 2] {
        let plan = Plan { faults: false, ..Plan::from_seed(seed, 40) };
        let (whole, _) = run(&plan).unwrap();
        assert!(whole.outputs > 100, "{whole:?}");
        for output in 1..=whole.outputs {
            let plan = Plan { crash_at: Some(output), ..plan.clone() };
            if let Err(broken) = run(&plan) {
                panic!("a crash before output {output}: {broken}");
            }
        }
    }
}

#[test]
fn replays_a_seed_byte_for_byte() {
    for seed in 0..6 {
        let plan = Plan::from_seed(seed, 400);
        assert_eq!(run(&plan), run(&plan), "seed {seed}");
    }
}
