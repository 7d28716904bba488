//! Signals: what the operating system and supervisors tell the process.
//!
//! SIGTERM and SIGINT ask the server to stop, and a second one of them ends it at once; SIGHUP has it
//! read its certificates again.

use std::io;
use std::thread;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::stop::Stop;
use crate::{log, notify};

/// Watches for signals in a thread of its own, for as long as the process lives.
///
/// # Errors
///
/// Those of the operating system.
pub fn watch(stop: Stop, reload: impl Fn() + Send + 'static) -> io::Result<()> {
    let mut signals = Signals::new([SIGHUP, SIGINT, SIGTERM])?;
    thread::Builder::new().name("signals".to_owned()).spawn(move || {
        for signal in signals.forever() {
            match signal {
                SIGHUP => {
                    notify::reloading();
                    reload();
                    notify::ready();
                }
                // Whoever asks twice does not want to wait for what is under way.
                signal if stop.is_asked() => {
                    log::flush(log::END_PATIENCE);
                    std::process::exit(128 + signal)
                }
                _ => {
                    log::info("the server stops: requests under way come to their end");
                    stop.ask();
                    notify::stopping();
                }
            }
        }
    })?;
    Ok(())
}
