//! Measures the server: how quickly it writes and reads, what it takes of memory and of the medium,
//! how it starts, with ten thousand, a hundred thousand and a million secrets.
//!
//! `bench` prints tables in Markdown; `tests/BENCHMARKS.md` is a record of them.
//! `bench --secrets N` ends with N secrets, `--bin PATH` measures another server, `--dir PATH` is a
//! folder that is made on the medium to measure, and goes afterwards.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use strongroom_tests::bench::{Plan, SECRETS_MIN, run};
use strongroom_tests::report::say;

fn main() -> ExitCode {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/bench");
    let mut plan = Plan { secrets: 1_000_000, binary: None, folder };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let value = words.next().unwrap_or_default();
        match (word.as_str(), value.parse::<usize>()) {
            ("--secrets", Ok(count)) if count >= SECRETS_MIN => plan.secrets = count,
            ("--bin", _) if !value.is_empty() => plan.binary = Some(PathBuf::from(value)),
            ("--dir", _) if !value.is_empty() => plan.folder = PathBuf::from(value),
            _ => {
                tell(&format!(
                    "usage: bench [--secrets N] [--bin PATH] [--dir PATH]; N is {SECRETS_MIN} at \
                     least"
                ));
                return ExitCode::FAILURE;
            }
        }
    }
    match run(&plan, &tell) {
        Ok(tables) => {
            for table in tables {
                say(&table.to_string());
            }
            ExitCode::SUCCESS
        }
        Err(error) => {
            tell(&format!("bench: {error}"));
            ExitCode::FAILURE
        }
    }
}

#[expect(clippy::print_stderr, reason = "this is a command")]
fn tell(text: &str) {
    eprintln!("{text}");
}
