//! Measures the server beside a floor: what a request takes, what it takes to wait, what changes with
//! the number of secrets. `tests/BENCHMARKS.md` says how to read the tables that it prints.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use strongroom_tests::bench::{PARTS, Plan, SECRETS_MIN, run, run_as_floor};
use strongroom_tests::report::{fail, say};

/// Secrets of a run, and of a quick one.
const SECRETS: usize = 1_000_000;
const SECRETS_QUICK: usize = 10_000;

fn main() -> ExitCode {
    if let Some(result) = run_as_floor(std::env::args().skip(1)) {
        return result
            .map_or_else(|error| fail(&format!("floor: {error}")), |()| ExitCode::SUCCESS);
    }
    let Some(plan) = parse(std::env::args().skip(1)) else {
        return fail(&format!(
            "usage: bench [--quick] [--secrets N] [--only PARTS] [--peer PATH] [--bin PATH] [--dir \
             PATH]\n\
             N is {SECRETS_MIN} at least. PARTS are some of {}.\n\
             --peer is another server of the same API, --bin another build of ours.\n\
             --dir is where on the medium to measure a folder is made, which goes afterwards.",
            PARTS.join(",")
        ));
    };
    let tell = |step: &str| {
        let _ = fail(step);
    };
    match run(&plan, &tell) {
        Ok(tables) => {
            for table in tables {
                say(&table.to_string());
            }
            ExitCode::SUCCESS
        }
        Err(error) => fail(&format!("bench: {error}")),
    }
}

fn parse(mut words: impl Iterator<Item = String>) -> Option<Plan> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target");
    let (mut quick, mut secrets, mut only) = (false, None, Vec::new());
    let mut plan = Plan { secrets: 0, binary: None, peer: None, folder, quick, only: Vec::new() };
    while let Some(word) = words.next() {
        if word == "--quick" {
            quick = true;
            continue;
        }
        let value = words.next().filter(|value| !value.is_empty())?;
        match word.as_str() {
            "--secrets" => secrets = Some(value.parse().ok().filter(|n| *n >= SECRETS_MIN)?),
            "--only" => only.extend(value.split(',').map(str::to_owned)),
            "--peer" => plan.peer = Some(PathBuf::from(value)),
            "--bin" => plan.binary = Some(PathBuf::from(value)),
            "--dir" => plan.folder = PathBuf::from(value),
            _ => return None,
        }
    }
    if !only.iter().all(|part| PARTS.contains(&part.as_str())) {
        return None;
    }
    let usual = if quick { SECRETS_QUICK } else { SECRETS };
    Some(Plan { secrets: secrets.unwrap_or(usual), quick, only, ..plan })
}
