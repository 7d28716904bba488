//! The servers under measurement, each a process of its own over a folder that goes with the
//! measurement: ours with its flags, another that speaks the same API, and the floor.
//!
//! All of them end by a kill, so every start is one after a crash. Ours is built by its package alone:
//! this package turns on the core's `simulation`, which users do not have.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};
use std::{env, fs, io, thread};

use serde_json::{Value, json};

use super::client::{Clients, Door};
use super::floor;
use super::load::Fill;
use super::member;
use super::peer::Peer;
use super::process::Process;
use super::tls::Files;

/// What makes a mount of secrets.
pub(super) const MOUNT: &str = r#"{"type":"kv","options":{"version":"1"}}"#;
/// Bytes of what `stat` calls a block.
const BLOCK_BYTES: u64 = 512;
/// Between two looks whether a server answers yet.
const LOOK: Duration = Duration::from_micros(200);
/// Longer than any server needs to start.
const START_MAX: Duration = Duration::from_secs(60);
/// Connections that fill a store.
const FILLERS: usize = 64;
/// Longer than filling a store takes.
const FILL_MAX: Duration = Duration::from_secs(24 * 3600);

/// Whose program it is.
#[derive(Clone)]
pub(super) enum Program {
    /// Ours, with flags of its command `server`.
    Own { binary: PathBuf, flags: &'static [&'static str] },
    /// Another that speaks the same API.
    Peer { binary: PathBuf },
}

/// What a server is started with, and what its initialisation gave.
pub(super) struct Site {
    program: Program,
    folder: PathBuf,
    key: String,
    pub(super) root_token: String,
    /// A token that its policies bound; or why there is none.
    pub(super) member: Result<String, String>,
    /// The files of its TLS; or why it has none.
    pub(super) tls: Result<Files, String>,
}

impl Site {
    /// A new folder at this place, in which a server is initialised, with TLS if it can have that. What
    /// was there goes.
    pub(super) fn create(program: Program, folder: &Path) -> io::Result<Self> {
        let folder = empty(folder)?;
        let tls = Ok(Files::create(&folder)?);
        let (key, root_token) = (String::new(), String::new());
        let mut site = Self { program, folder, key, root_token, member: Ok(String::new()), tls };
        let server = site.start_first()?;
        let shares = r#"{"secret_shares":1,"secret_threshold":1}"#;
        let answer = server.peer("")?.ask("PUT", "sys/init", shares)?.expect(200)?;
        let keys: Value = serde_json::from_slice(&answer.body)?;
        let text = |pointer: &str| {
            let text = keys.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
            text.ok_or_else(|| io::Error::other("the initialisation gave no keys"))
        };
        site.key = text("/keys/0")?;
        site.root_token = text("/root_token")?;
        drop(server);
        let (server, _) = Server::start_unsealed(&site, &[])?;
        let mut peer = server.peer(&site.root_token)?;
        if matches!(site.program, Program::Peer { .. }) {
            // One that has it already refuses. Filling it shows whether it is there.
            peer.ask("POST", "sys/mounts/secret", MOUNT)?;
        }
        site.member = member::create(&mut peer).map_err(|error| error.to_string());
        Ok(site)
    }

    /// The same store under another place, for a server with other flags. No server may have it open.
    pub(super) fn copy(&self, flags: &'static [&'static str], folder: &Path) -> io::Result<Self> {
        let Program::Own { binary, .. } = &self.program else {
            return Err(io::Error::other("only our own store is copied"));
        };
        let folder = empty(folder)?;
        fs::create_dir(folder.join("data"))?;
        for file in fs::read_dir(self.data())? {
            let file = file?;
            fs::copy(file.path(), folder.join("data").join(file.file_name()))?;
        }
        let tls = Ok(Files::create(&folder)?);
        let mut site = Self {
            program: Program::Own { binary: binary.clone(), flags },
            folder,
            key: self.key.clone(),
            root_token: self.root_token.clone(),
            member: self.member.clone(),
            tls,
        };
        site.start_first()?;
        Ok(site)
    }

    /// Starts with TLS, or finds out why it cannot be had and starts without.
    fn start_first(&mut self) -> io::Result<Server> {
        Server::start(self, &[]).or_else(|error| {
            self.tls = Err(error.to_string());
            Server::start(self, &[])
        })
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

    /// The configuration of a server on these ports.
    fn config(&self, plain: u16, tls: Option<(u16, &Files)>) -> io::Result<Value> {
        let address = |port: u16| format!("127.0.0.1:{port}");
        let mut listeners = vec![json!({"tcp": {"address": address(plain), "tls_disable": true}})];
        if let Some((port, files)) = tls {
            listeners.push(json!({"tcp": {
                "address": address(port),
                "tls_cert_file": files.certificate,
                "tls_key_file": files.key,
            }}));
        }
        let data = self.data();
        if matches!(self.program, Program::Own { .. }) {
            return Ok(json!({"storage": {"file": {"path": data}}, "listener": listeners}));
        }
        fs::create_dir_all(&data)?;
        let cluster = address(free_port()?);
        if let Some(listener) = listeners.first_mut().and_then(|one| one.pointer_mut("/tcp")) {
            *listener = json!({
                "address": address(plain), "tls_disable": true, "cluster_address": cluster,
            });
        }
        Ok(json!({
            "storage": {"raft": {"path": data, "node_id": "bench"}},
            "listener": listeners,
            "api_addr": format!("http://{}", address(plain)),
            "cluster_addr": format!("https://{cluster}"),
            "disable_mlock": true,
        }))
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// A server that listens. It is killed with this value.
pub(super) struct Server {
    pub(super) process: Process,
    pub(super) plain: Door,
    pub(super) tls: Option<Door>,
    /// From the start of the process to its first answer.
    pub(super) start_time: Duration,
}

impl Server {
    /// Starts it, sealed. `variables` are of its environment.
    pub(super) fn start(site: &Site, variables: &[(&str, &str)]) -> io::Result<Self> {
        let plain = free_port()?;
        let tls = site.tls.as_ref().ok().map(|files| Ok::<_, io::Error>((free_port()?, files)));
        let tls = tls.transpose()?;
        let path = site.folder.join("server.json");
        fs::write(&path, site.config(plain, tls)?.to_string())?;
        let (binary, flags) = match &site.program {
            Program::Own { binary, flags } => (binary, *flags),
            Program::Peer { binary } => (binary, &[][..]),
        };
        let mut command = Command::new(binary);
        command.arg("server").args(flags).arg(format!("-config={}", path.display()));
        command.envs(variables.iter().copied());
        let ask = |server: &Self| {
            server.peer("")?.ask("GET", "sys/seal-status", "")?.expect(200).map(drop)
        };
        Self::launch(&mut command, plain, tls, &site.folder, ask)
    }

    /// Starts and unseals it; gives the time of the request that unseals, too.
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
        // One of several nodes must be elected first.
        while peer.ask("GET", "sys/health", "")?.status != 200 {
            if start.elapsed() > START_MAX {
                return Err(io::Error::other("the server does not become active"));
            }
            thread::sleep(LOOK);
        }
        Ok((server, time))
    }

    /// Starts a floor that holds so many secrets, in a folder that is there.
    pub(super) fn start_floor(folder: &Path, fixed: bool, secrets: usize) -> io::Result<Self> {
        let files = Files::create(folder)?;
        let (plain, tls) = (free_port()?, free_port()?);
        let options = floor::Options {
            fixed,
            secrets,
            plain,
            tls: Some((tls, files.clone())),
            journal: folder.join("journal"),
        };
        let mut command = Command::new(env::current_exe()?);
        command.arg(floor::WORD).args(options.words());
        let ask = |server: &Self| Peer::connect(server.plain.address, "").map(drop);
        Self::launch(&mut command, plain, Some((tls, &files)), folder, ask)
    }

    fn launch(
        command: &mut Command,
        plain: u16,
        tls: Option<(u16, &Files)>,
        folder: &Path,
        ask: impl Fn(&Self) -> io::Result<()>,
    ) -> io::Result<Self> {
        let door = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let tls = tls.map(|(port, files)| {
            Ok::<_, io::Error>(Door { address: door(port), tls: Some(files.client()?) })
        });
        let tls = tls.transpose()?;
        let start = Instant::now();
        let process = Process::start(command, &folder.join("log"))?;
        let plain = Door { address: door(plain), tls: None };
        let mut server = Self { process, plain, tls, start_time: Duration::ZERO };
        while let Err(error) = ask(&server) {
            server.process.check()?;
            if start.elapsed() > START_MAX {
                return Err(io::Error::other(format!("the server does not answer: {error}")));
            }
            thread::sleep(LOOK);
        }
        server.start_time = start.elapsed();
        Ok(server)
    }

    /// Stores secrets. Gives the time that it took.
    pub(super) fn fill(
        &self,
        token: &str,
        numbers: std::ops::Range<usize>,
    ) -> io::Result<Duration> {
        let mut clients = Clients::connect(&self.plain, FILLERS)?;
        Ok(clients.run(FILL_MAX, &mut Fill::new(token, numbers))?.time)
    }

    pub(super) fn peer(&self, token: &str) -> io::Result<Peer> {
        Peer::connect(self.plain.address, token)
    }
}

/// A folder with nothing in it.
pub(super) fn empty(folder: &Path) -> io::Result<PathBuf> {
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    fs::create_dir_all(folder)?;
    folder.canonicalize()
}

/// A port that the system has to spare.
fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}
