//! Kills the real server at random moments, and requires that nothing is lost and enough happened.
//!
//! `kills` builds the release binary and kills it a thousand times; it fails if a promise is broken or
//! a counter is below its floor. `kills --bin PATH --kills N --seed S` takes another binary, number or
//! seed.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::{env, fs, process};

use strongroom_tests::kills::{Plan, Tally, run};
use strongroom_tests::program;
use strongroom_tests::report::{check_floors, fail, say};

/// Kills of a whole run.
const KILLS: u64 = 1_000;

const USAGE: &str = "usage: kills [--bin PATH] [--kills N] [--seed S]";

fn main() -> ExitCode {
    let plan = match prepare() {
        Ok(plan) => plan,
        Err(error) => return fail(&error),
    };
    match run(&plan) {
        Ok(tally) => {
            // What was stored is gone; a link to the program may be left.
            let _ = fs::remove_dir_all(&plan.folder);
            report(&tally, plan.kills)
        }
        Err(broken) => {
            fail(&format!("{broken}\nwhat was stored and logged is in {}", plan.folder.display()))
        }
    }
}

/// Reads the arguments, and makes a folder beside this program.
fn prepare() -> Result<Plan, String> {
    let mut words = env::args().skip(1);
    let (mut bin, mut kills, mut seed) = (None, KILLS, 0);
    while let Some(word) = words.next() {
        let value = words.next().ok_or(USAGE)?;
        match word.as_str() {
            "--bin" => bin = Some(PathBuf::from(value)),
            "--kills" => kills = value.parse().map_err(|_| USAGE)?,
            "--seed" => seed = value.parse().map_err(|_| USAGE)?,
            _ => return Err(USAGE.to_owned()),
        }
    }
    let this = env::current_exe().map_err(|error| error.to_string())?;
    let beside = this.parent().unwrap_or_else(|| Path::new("."));
    let folder = beside.join(format!("kills-{}", process::id()));
    fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let program = match bin {
        Some(path) => {
            path.canonicalize().map_err(|error| format!("{}: {error}", path.display()))?
        }
        None => {
            let arguments = ["--release", "-p", "strongroom", "--bin", "strongroom"];
            program::build(&arguments, "strongroom", &folder)?
        }
    };
    Ok(Plan { program, folder, kills, seed })
}

/// Prints every counter with its floor: so many in a thousand kills. How much happens between two kills
/// is a matter of the machine, so the floors are low.
fn report(tally: &Tally, kills: u64) -> ExitCode {
    let floors = [
        ("processes on smol", tally.on_smol, 400),
        ("processes on blocking", tally.on_blocking, 400),
        ("kills", tally.kills, 1_000),
        ("  in the first start", tally.killed_in_first_start, 10),
        ("  in an initialisation", tally.killed_in_init, 10),
        ("  in a start", tally.killed_in_start, 20),
        ("  in an unseal", tally.killed_in_unseal, 20),
        ("  with a change under way", tally.killed_in_write, 200),
        ("restarts up to unsealed", tally.restarts, 300),
        ("changes acknowledged", tally.acknowledged, 4_000),
        ("  without an answer, kept", tally.unanswered_kept, 50),
        ("  without an answer, lost", tally.unanswered_lost, 50),
        // The moment between the commit and the answer is short.
        ("inits without an answer, kept", tally.inits_kept, 0),
        ("inits without an answer, lost", tally.inits_lost, 8),
        ("secrets compared after a start", tally.secrets, 60_000),
        ("lists compared", tally.lists, 4_000),
        ("tokens alive", tally.tokens_alive, 3_000),
        ("tokens dead", tally.tokens_dead, 5_000),
        ("versions seen by another", tally.watched, 300),
    ];
    let status = check_floors(&floors, kills, 1_000);
    let slowest = tally.slowest_restart.as_secs_f64() * 1_000.0;
    say(&format!("{:<32} {slowest:>10.1} ms", "slowest start to unsealed"));
    status
}
