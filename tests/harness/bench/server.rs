//! The server under measurement: the release binary in a process of its own, over a folder that goes
//! with the measurement.
//!
//! It is built by its package alone: this package turns on the core's `simulation`, which users do not
//! have. It ends by a kill, so every start is one after a crash.

use std::io::{self, BufRead, BufReader};
use std::net::SocketAddr;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};
use std::{env, fs};

use serde_json::{Value, json};

use super::peer::Peer;

/// Bytes of what `stat` calls a block.
const BLOCK_BYTES: u64 = 512;

/// Builds the server and gives its path.
pub(super) fn build() -> io::Result<PathBuf> {
    let target = env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../target"), PathBuf::from);
    let status = Command::new(env!("CARGO"))
        .args(["build", "--release", "--locked", "--quiet", "-p", "strongroom", "--target-dir"])
        .arg(&target)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .status()?;
    if !status.success() {
        return Err(io::Error::other("the server does not build"));
    }
    Ok(target.join("release/strongroom"))
}

/// What a server is started with, and what its initialisation gave.
pub(super) struct Site {
    binary: PathBuf,
    folder: PathBuf,
    key: String,
    pub(super) root_token: String,
}

impl Site {
    /// A new folder at this place, in which a server is initialised. What was there goes.
    pub(super) fn create(binary: PathBuf, folder: &Path) -> io::Result<Self> {
        if folder.exists() {
            fs::remove_dir_all(folder)?;
        }
        fs::create_dir_all(folder)?;
        let folder = folder.canonicalize()?;
        let config = json!({
            "storage": {"file": {"path": folder.join("data")}},
            "listener": {"tcp": {"address": "127.0.0.1:0", "tls_disable": true}},
        });
        fs::write(folder.join("server.json"), config.to_string())?;
        let mut site = Self { binary, folder, key: String::new(), root_token: String::new() };
        let server = Server::start(&site, &[])?;
        let shares = r#"{"secret_shares":1,"secret_threshold":1}"#;
        let answer = server.peer("")?.ask("PUT", "sys/init", shares)?.expect(200)?;
        let keys: Value = serde_json::from_slice(&answer.body)?;
        let text = |pointer: &str| {
            let text = keys.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
            text.ok_or_else(|| io::Error::other("the initialisation gave no keys"))
        };
        site.key = text("/keys/0")?;
        site.root_token = text("/root_token")?;
        Ok(site)
    }

    /// Where all of it is.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Where the store is.
    pub(super) fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// Bytes of the medium that the store takes: not all of its length need be there.
    pub(super) fn disk_bytes(&self) -> io::Result<u64> {
        let files = fs::read_dir(self.data())?;
        files.map(|file| Ok(file?.metadata()?.blocks() * BLOCK_BYTES)).sum()
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// A server that listens. It is killed with this value.
pub(super) struct Server {
    child: Child,
    pub(super) address: SocketAddr,
    /// From the start of the process to its first answer.
    pub(super) start_time: Duration,
    /// Kept open, so that writing to it does not fail.
    _stdout: BufReader<ChildStdout>,
}

impl Server {
    /// Starts it, sealed.
    fn start(site: &Site, variables: &[(&str, &str)]) -> io::Result<Self> {
        let start = Instant::now();
        let mut child = Command::new(&site.binary)
            .arg("server")
            .arg(format!("-config={}", site.folder.join("server.json").display()))
            .envs(variables.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let stdout = child.stdout.take().ok_or_else(|| io::Error::other("it has no output"))?;
        let mut stdout = BufReader::new(stdout);
        let mut address = None;
        loop {
            let mut line = String::new();
            if stdout.read_line(&mut line)? == 0 {
                child.wait()?;
                return Err(io::Error::other("the server ended at its start"));
            }
            if let Some((_, rest)) = line.split_once("tcp (addr: \"") {
                address = rest.split('"').next().and_then(|text| text.parse().ok());
            }
            if line.contains("server started!") {
                break;
            }
        }
        let address = address.ok_or_else(|| io::Error::other("the server names no address"))?;
        let start_time = Duration::ZERO;
        let mut server = Self { child, address, start_time, _stdout: stdout };
        server.peer("")?.ask("GET", "sys/seal-status", "")?.expect(200)?;
        server.start_time = start.elapsed();
        Ok(server)
    }

    /// Starts and unseals it; gives the time of the request that unseals, too. `variables` are of its
    /// environment.
    pub(super) fn start_unsealed(
        site: &Site,
        variables: &[(&str, &str)],
    ) -> io::Result<(Self, Duration)> {
        let server = Self::start(site, variables)?;
        let mut peer = server.peer("")?;
        let body = json!({"key": site.key}).to_string();
        let start = Instant::now();
        let answer = peer.ask("PUT", "sys/unseal", &body)?.expect(200)?;
        let time = start.elapsed();
        let status: Value = serde_json::from_slice(&answer.body)?;
        if status.get("sealed") != Some(&Value::Bool(false)) {
            return Err(io::Error::other("the server is still sealed"));
        }
        Ok((server, time))
    }

    pub(super) fn peer(&self, token: &str) -> io::Result<Peer> {
        Peer::connect(self.address, token)
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

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
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

/// The number behind a name in a file of /proc.
fn field(text: &str, name: &str) -> io::Result<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    let number = line.and_then(|rest| rest.split_whitespace().next()?.parse().ok());
    number.ok_or_else(|| io::Error::other(format!("/proc has no {name}")))
}
