//! The start of a server: from what the operator says to listeners that serve, and its end.
//!
//! Nothing is printed and nobody is served until the storage is open and every address is bound, so that
//! a start that fails leaves nothing behind but its reason.

use std::fmt::Write;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use strongroom_core::API_VERSION;

use crate::config::{self, Config, Storage};
use crate::host::{Host, Spawn, end_process};
use crate::log;
use crate::net::{Listener, Service};
use crate::stop::Stop;
#[cfg(feature = "embedded")]
use crate::store::{CACHE_BYTES as ENGINE_CACHE_BYTES, Embedded};
use crate::store::{Memory, Store};

/// Files that a process has open beside its connections and what its workers wait with.
const OTHER_FILES: usize = 64;

/// How bytes are moved: which of the adapters, and with how much of the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Adapter {
    /// A thread for each connection, little memory.
    #[cfg(feature = "blocking")]
    Blocking,
    /// Thousands of connections on a few threads.
    #[cfg(feature = "smol")]
    Smol {
        /// How many threads.
        workers: usize,
    },
}

impl Adapter {
    /// The adapter of this name; without one, that for servers if it is built in. `workers` is how many
    /// threads it has, where that can be chosen; without a number one for each core.
    ///
    /// # Errors
    ///
    /// Which adapters there are.
    pub fn choose(name: Option<&str>, workers: Option<&str>) -> Result<Self, String> {
        #[cfg(feature = "smol")]
        if matches!(name, None | Some("smol")) {
            let cores = || std::thread::available_parallelism().map_or(1, usize::from);
            let workers = match workers {
                None => cores(),
                Some(text) => match text.parse() {
                    Ok(count) if (1..=WORKERS_MAX).contains(&count) => count,
                    Ok(_) | Err(_) => {
                        return Err(format!("-workers is a number from 1 to {WORKERS_MAX}"));
                    }
                },
            };
            return Ok(Self::Smol { workers });
        }
        #[cfg(feature = "blocking")]
        if matches!(name, None | Some("blocking")) {
            if workers.is_some() {
                return Err(
                    "-workers: the adapter blocking has a thread for each connection".into()
                );
            }
            return Ok(Self::Blocking);
        }
        let built = [("smol", cfg!(feature = "smol")), ("blocking", cfg!(feature = "blocking"))];
        let built = built.into_iter().filter(|(_, is_built)| *is_built).map(|(name, _)| name);
        Err(format!("-adapter: this build has {}", built.collect::<Vec<_>>().join(" and ")))
    }

    /// Budget of the core's cache.
    fn cache_bytes(self) -> usize {
        match self {
            #[cfg(feature = "blocking")]
            Self::Blocking => 2 * 1024 * 1024,
            #[cfg(feature = "smol")]
            Self::Smol { .. } => 32 * 1024 * 1024,
        }
    }

    /// Where work goes that takes long.
    fn spawn(self) -> Option<Spawn> {
        match self {
            #[cfg(feature = "blocking")]
            Self::Blocking => None,
            #[cfg(feature = "smol")]
            Self::Smol { .. } => Some(crate::smol::spawn),
        }
    }

    /// Connections at one time: those that it has room for, as far as the process may open files.
    fn connections_max(self) -> usize {
        let (max, other_files) = match self {
            #[cfg(feature = "blocking")]
            Self::Blocking => (crate::blocking::CONNECTIONS_MAX, OTHER_FILES),
            #[cfg(feature = "smol")]
            Self::Smol { workers } => (crate::smol::CONNECTIONS_MAX, OTHER_FILES + 2 * workers),
        };
        max.min(files_max().saturating_sub(other_files)).max(1)
    }
}

/// More threads than this have nothing to do: the vault behind them has one lock.
#[cfg(feature = "smol")]
const WORKERS_MAX: usize = 256;

/// How many files this process may have open, once it has asked for as many as it may ask for.
fn files_max() -> usize {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    let limit = match setrlimit(Resource::Nofile, raised) {
        Ok(()) => raised,
        Err(_) => limit,
    };
    limit.current.map_or(usize::MAX, |files| usize::try_from(files).unwrap_or(usize::MAX))
}

/// What the core is told.
pub fn core_config(
    config: &Config,
    storage: &Storage,
    adapter: Adapter,
    allow_trailing_period: bool,
    keeps_first_mount: bool,
) -> strongroom_core::Config {
    let (default, max) = config.lease_ttls();
    // Zero would mean no limit to the core.
    let seconds = |ttl: Duration| i64::try_from(ttl.as_secs()).unwrap_or(i64::MAX).max(1);
    strongroom_core::Config {
        allow_trailing_period,
        keeps_first_mount,
        cache_bytes: adapter.cache_bytes(),
        default_lease_ttl: seconds(default),
        max_lease_ttl: seconds(max),
        storage_type: storage.word(),
        ..strongroom_core::Config::default()
    }
}

/// Opens the storage, and a host over it. This is the one place that knows which kinds of storage
/// there are.
///
/// # Errors
///
/// What is wrong, and what to do.
pub fn open_storage(
    storage: &Storage,
    adapter: Adapter,
    config: strongroom_core::Config,
) -> Result<Host, String> {
    let host = |store| Host::with(config, store, Box::new(end_process), adapter.spawn());
    match storage {
        Storage::Inmem => Ok(host(Arc::new(Memory::new()))),
        Storage::File { path } | Storage::Raft { path } => {
            let store = open_folder(path)
                .map_err(|error| format!("storage.{}: {error}", storage.word()))?;
            log::info(&format!(
                "storage \"{}\" is one file in {}, of a format of this server's own",
                storage.word(),
                path.display()
            ));
            Ok(host(store))
        }
    }
}

#[cfg(feature = "embedded")]
fn open_folder(path: &Path) -> Result<Arc<dyn Store>, String> {
    let store = Embedded::open(path, ENGINE_CACHE_BYTES).map_err(|error| error.to_string())?;
    Ok(Arc::new(store))
}

#[cfg(not(feature = "embedded"))]
fn open_folder(_: &Path) -> Result<Arc<dyn Store>, String> {
    Err("this build has no storage on disk; build it with the feature \"embedded\"".to_owned())
}

/// A server that is bound and not yet served.
#[derive(Debug)]
pub struct Server {
    adapter: Adapter,
    service: Arc<Service>,
    listeners: Vec<Listener>,
}

impl Server {
    /// Binds every listener.
    ///
    /// # Errors
    ///
    /// The listener that cannot be had, and why.
    pub fn bind(
        listeners: &[config::Listener],
        host: Host,
        adapter: Adapter,
    ) -> Result<Self, String> {
        let bound = listeners.iter().map(Listener::bind).collect::<Result<Vec<_>, _>>()?;
        let body_bytes_max = listeners.iter().map(|listener| listener.limits.body_bytes_max).max();
        let connections_max = adapter.connections_max();
        let service = Service::new(host, connections_max, body_bytes_max.unwrap_or(0));
        Ok(Self { adapter, service: Arc::new(service), listeners: bound })
    }

    /// Where it listens, as far as that is the network.
    pub fn addresses(&self) -> impl Iterator<Item = SocketAddr> {
        self.listeners.iter().filter_map(|listener| listener.socket.address())
    }

    /// What reads the certificates of all listeners again, and tells of those that it cannot.
    pub fn reload(&self) -> impl Fn() + Send + use<> {
        let listeners = self.listeners.iter();
        let terms: Vec<_> = listeners.map(|listener| Arc::clone(&listener.terms)).collect();
        move || {
            let settings = terms.iter().filter_map(|terms| terms.tls.as_ref());
            for settings in settings {
                match settings.reload() {
                    Ok(()) => log::info("certificates were read again"),
                    Err(error) => log::error(&format!("the certificates in use stay: {error}")),
                }
            }
        }
    }

    /// Serves until the server is told to stop.
    ///
    /// # Errors
    ///
    /// Those of the operating system, where a thread cannot be had or a listener fails.
    pub fn serve(self, stop: &Stop) -> io::Result<()> {
        let served = match self.adapter {
            #[cfg(feature = "blocking")]
            Adapter::Blocking => crate::blocking::serve(&self.service, self.listeners, stop),
            #[cfg(feature = "smol")]
            Adapter::Smol { workers } => {
                crate::smol::serve(&self.service, self.listeners, workers, stop)
            }
        };
        let failed = || io::Error::other("a listener or a worker has ended by itself");
        served.and_then(|()| if stop.has_failed() { Err(failed()) } else { Ok(()) })
    }

    /// The first lines of a server; tools look for the last one. `more` stands before it.
    pub fn greeting(&self, storage: &Storage, more: &str) -> String {
        let mut text = "==> Vault server configuration:\n\n".to_owned();
        let api = |listener: &Listener| {
            let scheme = if listener.terms.tls.is_some() { "https" } else { "http" };
            listener.socket.address().map(|address| format!("{scheme}://{address}"))
        };
        if let Some(address) = self.listeners.iter().find_map(api) {
            let _ = writeln!(text, "             Api Address: {address}");
        }
        for (at, listener) in self.listeners.iter().enumerate() {
            let name = format!("Listener {}", at + 1);
            let tls = if listener.terms.tls.is_some() { "enabled" } else { "disabled" };
            let (kind, place) = match (listener.socket.address(), listener.socket.path()) {
                (Some(address), _) => ("tcp", address.to_string()),
                (None, path) => {
                    ("unix", path.unwrap_or_else(|| Path::new("")).display().to_string())
                }
            };
            let _ = writeln!(text, "{name:>24}: {kind} (addr: \"{place}\", tls: \"{tls}\")");
        }
        let _ = writeln!(text, "                 Storage: {}", storage.word());
        let _ = writeln!(text, "                 Version: Strongroom v{API_VERSION}\n");
        text.push_str(more);
        text.push_str("==> Vault server started! Log data will stream in below:\n");
        text
    }
}
