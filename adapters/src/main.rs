//! The `strongroom` binary.

use std::process::ExitCode;

fn main() -> ExitCode {
    strongroom::command::run(std::env::args().skip(1))
}
