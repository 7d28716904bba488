//! The real server as a process that is killed: its place on the disk, its start, and its end.
//!
//! Invariant: a server ends by the signal that it is sent here, and by nothing else. One that ended
//! by itself is a fault, told with the last lines that it wrote.

use std::fs::{self, OpenOptions};
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Instant;

use serde_json::{Value, json};

use super::wire::{PATIENCE, Request, Wire};
use crate::random::Random;

/// The signal that `Child::kill` sends.
const SIGKILL: i32 = 9;
/// Lines of its log that are told of a server that failed.
const LINES_TOLD: usize = 8;
/// How the unseal key is split.
pub(super) const SHARES: usize = 5;
/// Shares that it takes to unseal.
pub(super) const THRESHOLD: usize = 3;

/// A program and a folder for its configuration, its data and its log.
pub(super) struct Site {
    program: PathBuf,
    folder: PathBuf,
}

impl Site {
    /// A new site, without data.
    pub(super) fn new(program: &Path, folder: PathBuf) -> Result<Self, String> {
        let config = json!({
            "storage": {"file": {"path": folder.join("data")}},
            "listener": {"tcp": {"address": "127.0.0.1:0", "tls_disable": true}},
        });
        fs::create_dir_all(&folder)
            .and_then(|()| fs::write(folder.join("config.json"), config.to_string()))
            .map_err(|error| format!("{}: {error}", folder.display()))?;
        Ok(Self { program: program.to_owned(), folder })
    }

    /// Removes all of it.
    pub(super) fn remove(self) -> Result<(), String> {
        fs::remove_dir_all(&self.folder).map_err(|error| error.to_string())
    }

    fn log(&self) -> PathBuf {
        self.folder.join("log")
    }
}

/// What an initialisation answered.
pub(super) struct Keys {
    shares: Vec<String>,
    pub(super) root_token: String,
}

impl Keys {
    /// Reads the answer of `sys/init`.
    pub(super) fn read(body: &Value) -> Result<Self, String> {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let shares = body.get("keys").and_then(Value::as_array);
        let shares = shares.and_then(|keys| keys.iter().map(text).collect::<Option<Vec<_>>>());
        let root_token = body.get("root_token").and_then(text);
        match (shares, root_token) {
            (Some(shares), Some(root_token)) if shares.len() == SHARES => {
                Ok(Self { shares, root_token })
            }
            _ => Err("sys/init answered without its keys".to_owned()),
        }
    }

    /// Requests that unseal with some of the shares, in some order.
    pub(super) fn unsealing(&self, random: &mut Random) -> Vec<Request> {
        let mut left = self.shares.clone();
        std::iter::repeat_with(|| left.swap_remove(random.below(left.len())))
            .take(THRESHOLD)
            .map(|key| Request::new("PUT", "sys/unseal", "").with(json!({ "key": key })))
            .collect()
    }
}

/// The request that initialises.
pub(super) fn initialization() -> Request {
    let body = json!({"secret_shares": SHARES, "secret_threshold": THRESHOLD});
    Request::new("PUT", "sys/init", "").with(body)
}

/// A process that was started, and may not listen yet.
pub(super) struct Server {
    child: Child,
    /// Where it listens, once it has said so.
    greeting: Receiver<SocketAddr>,
    log: PathBuf,
    /// When it was started.
    pub(super) since: Instant,
}

impl Server {
    /// Starts a process on this adapter, without settings of its surroundings.
    pub(super) fn spawn(site: &Site, adapter: &str) -> Result<Self, String> {
        let log = OpenOptions::new().create(true).append(true).open(site.log());
        let since = Instant::now();
        let mut child = Command::new(&site.program)
            .arg("server")
            .arg(format!("-config={}", site.folder.join("config.json").display()))
            .arg(format!("-adapter={adapter}"))
            .env_clear()
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log.map_err(|error| error.to_string())?)
            .spawn()
            .map_err(|error| format!("{}: {error}", site.program.display()))?;
        let stdout = child.stdout.take().ok_or("a process has no output")?;
        let (say, greeting) = channel();
        // Reads to the end, which comes with that of the process.
        thread::spawn(move || {
            let mut address = None;
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if let Some((_, text)) = line.split_once("Api Address: http://") {
                    address = text.parse().ok();
                }
                if line.contains("server started!") {
                    let _ = address.map(|address| say.send(address));
                }
            }
        });
        Ok(Self { child, greeting, log: site.log(), since })
    }

    /// Waits until it listens.
    pub(super) fn address(&self) -> Result<SocketAddr, String> {
        let address = self.greeting.recv_timeout(PATIENCE);
        address.map_err(|_| format!("it does not start{}", self.last_lines()))
    }

    /// Waits until it listens, and connects.
    pub(super) fn connect(&self) -> Result<Wire, String> {
        let address = self.address()?;
        Wire::connect(address).map_err(|fault| fault.text() + &self.last_lines())
    }

    /// Kills it. Gives whether it had said that it has started, if nobody has asked before.
    pub(super) fn kill(mut self) -> Result<bool, String> {
        let killed = self.child.kill().and_then(|()| self.child.wait());
        let status = killed.map_err(|error| format!("it cannot be killed: {error}"))?;
        if status.signal() != Some(SIGKILL) {
            return Err(format!("it ended by itself, with {status}{}", self.last_lines()));
        }
        Ok(self.greeting.recv().is_ok())
    }

    fn last_lines(&self) -> String {
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        let last = lines.iter().skip(lines.len().saturating_sub(LINES_TOLD));
        last.fold(String::new(), |text, line| text + "\n    " + line)
    }
}

impl Drop for Server {
    /// For one that is given up because of a fault.
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
