//! What the commands of this package print: lines, failures, and counters with their floors.

use std::process::ExitCode;

/// Prints a line.
#[expect(clippy::print_stdout, reason = "this is for commands")]
pub fn say(text: &str) {
    println!("{text}");
}

/// Prints why a command fails, and gives the status for it.
#[expect(clippy::print_stderr, reason = "this is for commands")]
pub fn fail(text: &str) -> ExitCode {
    eprintln!("{text}");
    ExitCode::FAILURE
}

/// Prints every counter with its floor, and gives the status for them: a run that has seen less has
/// shown nothing. The rows are name, counter, and floor of a run of the size `whole`; this run's size
/// is `size`.
pub fn check_floors(rows: &[(&str, u64, u64)], size: u64, whole: u64) -> ExitCode {
    let mut low = false;
    for (name, count, of_whole) in rows {
        let floor = of_whole * size / whole;
        low |= *count < floor;
        let verdict = if *count < floor { "TOO FEW" } else { "ok" };
        say(&format!("{name:<32} {count:>10}  floor {floor:>8}  {verdict}"));
    }
    if low { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fails_below_a_floor_alone() {
        let status = |count| format!("{:?}", check_floors(&[("a", 9, 5), ("b", count, 40)], 1, 2));
        assert_eq!(status(20), format!("{:?}", ExitCode::SUCCESS));
        assert_eq!(status(19), format!("{:?}", ExitCode::FAILURE));
    }
}
