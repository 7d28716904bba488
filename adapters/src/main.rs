//! The `strongroom` binary.

use std::process::ExitCode;

use strongroom::log;

fn main() -> ExitCode {
    let status = strongroom::command::run(std::env::args().skip(1));
    log::flush(log::END_PATIENCE);
    status
}
