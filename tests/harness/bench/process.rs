//! A server's process: its time and memory as the system counts them, and its end with this value.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// Characters of what a process wrote that an error repeats.
const LAST_WORDS: usize = 400;

/// See the module.
pub(super) struct Process {
    child: Child,
    log: PathBuf,
}

/// Memory of a process, in KiB.
#[derive(Clone, Copy)]
pub(super) struct Memory {
    pub(super) resident: u64,
    /// The most that was ever resident.
    pub(super) peak: u64,
    /// Of the resident memory that which is no file.
    pub(super) anonymous: u64,
}

impl Process {
    /// Starts it; what it writes goes to a file.
    pub(super) fn start(command: &mut Command, log: &Path) -> io::Result<Self> {
        let file = File::create(log)?;
        let child =
            command.stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file).spawn().map_err(
                |error| io::Error::other(format!("{:?}: {error}", command.get_program())),
            )?;
        Ok(Self { child, log: log.to_owned() })
    }

    /// Fails with its last words if it has ended.
    pub(super) fn check(&mut self) -> io::Result<()> {
        if self.child.try_wait()?.is_none() {
            return Ok(());
        }
        let text = fs::read(&self.log)?;
        let text = String::from_utf8_lossy(text.trim_ascii()).replace('\n', " ");
        let start = text.char_indices().rev().nth(LAST_WORDS).map_or(0, |(at, _)| at);
        Err(io::Error::other(text.get(start..).unwrap_or_default().to_owned()))
    }

    /// The time that all its threads that live have run.
    pub(super) fn cpu(&self) -> io::Result<Duration> {
        let mut nanos = 0;
        for task in fs::read_dir(format!("/proc/{}/task", self.child.id()))? {
            // A thread may end meanwhile.
            let Ok(text) = fs::read_to_string(task?.path().join("schedstat")) else { continue };
            let time = text.split(' ').next().and_then(|text| text.parse::<u64>().ok());
            nanos += time.ok_or_else(|| io::Error::other("/proc counts no time of threads"))?;
        }
        Ok(Duration::from_nanos(nanos))
    }

    pub(super) fn memory(&self) -> io::Result<Memory> {
        let status = self.proc("status")?;
        Ok(Memory {
            resident: field(&status, "VmRSS:")?,
            peak: field(&status, "VmHWM:")?,
            anonymous: field(&status, "RssAnon:")?,
        })
    }

    /// Bytes that it has written to the medium so far.
    pub(super) fn written(&self) -> io::Result<u64> {
        field(&self.proc("io")?, "write_bytes:")
    }

    fn proc(&self, name: &str) -> io::Result<String> {
        fs::read_to_string(format!("/proc/{}/{name}", self.child.id()))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The number behind a name in a file of /proc.
fn field(text: &str, name: &str) -> io::Result<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    let number = line.and_then(|rest| rest.split_whitespace().next()?.parse().ok());
    number.ok_or_else(|| io::Error::other(format!("/proc has no {name}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_why_a_process_ended() {
        let log = std::env::temp_dir().join(format!("strongroom-bench-{}", std::process::id()));
        let mut command = Command::new("sh");
        command.args(["-c", "echo no such flag >&2; exit 1"]);
        let mut process = Process::start(&mut command, &log).unwrap();
        process.child.wait().unwrap();
        assert_eq!(process.check().unwrap_err().to_string(), "no such flag");
        fs::remove_file(log).unwrap();
    }
}
