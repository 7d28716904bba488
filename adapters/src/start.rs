//! The start of a server: from what the operator says to listeners that serve.
//!
//! Nothing is printed and nobody is served until the storage is open and every address is bound, so that
//! a start that fails leaves nothing behind but its reason.

use std::fmt::Write;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::Path;
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use strongroom_core::API_VERSION;

use crate::blocking::{Options, Server};
use crate::config::{Config, Listener, Place, Storage};
use crate::host::Host;
use crate::log;
#[cfg(feature = "embedded")]
use crate::store::{CACHE_BYTES as ENGINE_CACHE_BYTES, Embedded};
use crate::store::{Memory, Store};

/// Budget of the core's cache under the blocking adapter, which is for small hosts.
const CACHE_BYTES: usize = 2 * 1024 * 1024;

/// What the core is told.
pub fn core_config(
    config: &Config,
    storage: &Storage,
    allow_trailing_period: bool,
) -> strongroom_core::Config {
    let (default, max) = config.lease_ttls();
    // Zero would mean no limit to the core.
    let seconds = |ttl: Duration| i64::try_from(ttl.as_secs()).unwrap_or(i64::MAX).max(1);
    strongroom_core::Config {
        allow_trailing_period,
        cache_bytes: CACHE_BYTES,
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
pub fn open_storage(storage: &Storage, config: strongroom_core::Config) -> Result<Host, String> {
    match storage {
        Storage::Inmem => Ok(Host::new(config, Arc::new(Memory::new()))),
        Storage::File { path } | Storage::Raft { path } => {
            let store = open_folder(path)
                .map_err(|error| format!("storage.{}: {error}", storage.word()))?;
            log::info(&format!(
                "storage \"{}\" is one file in {}, of a format of this server's own",
                storage.word(),
                path.display()
            ));
            Ok(Host::new(config, store))
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

/// Binds every listener.
///
/// # Errors
///
/// The address that cannot be had, and why.
pub fn bind(listeners: &[Listener], host: &Arc<Host>) -> Result<Vec<Server>, String> {
    let bound = listeners.iter().map(|listener| {
        let Place::Tcp(address) = &listener.place else {
            return Err("listeners on Unix sockets are not in this build".to_owned());
        };
        if listener.tls.is_some() {
            return Err("TLS is not in this build".to_owned());
        }
        let addresses = resolve(address)?;
        let options = Options {
            limits: listener.limits,
            rules: listener.rules,
            fields: Arc::clone(&listener.fields),
            ..Options::default()
        };
        Server::bind(addresses.as_slice(), Arc::clone(host), options)
            .map_err(|error| format!("cannot listen on {address}: {error}"))
    });
    bound.collect()
}

/// Serves on all of them for as long as the process lives. A listener that ends ends all.
///
/// # Errors
///
/// Those of the operating system, where a thread cannot be had.
pub fn run(servers: Vec<Server>) -> io::Result<()> {
    let (ends, end) = mpsc::channel();
    for server in servers {
        let ends = Ends(ends.clone());
        thread::Builder::new().spawn(move || {
            let _ends = ends;
            server.run();
        })?;
    }
    let _ = end.recv();
    Err(io::Error::other("a listener has failed"))
}

/// Tells that a listener has ended, if by a panic.
struct Ends(mpsc::Sender<()>);

impl Drop for Ends {
    fn drop(&mut self) {
        let _ = self.0.send(());
    }
}

/// The first lines of a server; tools look for the last one. `more` stands before it.
///
/// # Errors
///
/// Those of the operating system, about the addresses.
pub fn greeting(servers: &[Server], storage: &Storage, more: &str) -> io::Result<String> {
    let addresses = servers.iter().map(Server::local_addr).collect::<io::Result<Vec<_>>>()?;
    let mut text = "==> Vault server configuration:\n\n".to_owned();
    if let Some(first) = addresses.first() {
        let _ = writeln!(text, "             Api Address: http://{first}");
    }
    for (at, address) in addresses.iter().enumerate() {
        let name = format!("Listener {}", at + 1);
        let _ = writeln!(text, "{name:>24}: tcp (addr: \"{address}\", tls: \"disabled\")");
    }
    let _ = writeln!(text, "                 Storage: {}", storage.word());
    let _ = writeln!(text, "                 Version: Strongroom v{API_VERSION}\n");
    text.push_str(more);
    text.push_str("==> Vault server started! Log data will stream in below:\n");
    Ok(text)
}

/// The addresses that a name has, those of IPv4 first: a name that has both is mostly asked for by
/// them. Without a host all addresses of this machine are meant.
fn resolve(address: &str) -> Result<Vec<SocketAddr>, String> {
    if let Some(port) = address.strip_prefix(':') {
        let port: u16 = port.parse().map_err(|_| format!("{address:?} is no address"))?;
        return Ok(vec![SocketAddr::from(([0; 16], port)), SocketAddr::from(([0, 0, 0, 0], port))]);
    }
    let resolved = address.to_socket_addrs();
    let resolved = resolved.map_err(|error| format!("{address:?} is no address: {error}"))?;
    let mut addresses: Vec<SocketAddr> = resolved.collect();
    addresses.sort_by_key(SocketAddr::is_ipv6);
    if addresses.is_empty() { Err(format!("{address:?} has no address")) } else { Ok(addresses) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_addresses_in_every_form() {
        const CASES: [(&str, &[&str]); 5] = [
            ("127.0.0.1:8200", &["127.0.0.1:8200"]),
            ("0.0.0.0:1", &["0.0.0.0:1"]),
            ("[::]:8200", &["[::]:8200"]),
            (":8200", &["[::]:8200", "0.0.0.0:8200"]),
            ("[::1]:0", &["[::1]:0"]),
        ];
        for (text, want) in CASES {
            let addresses = resolve(text).unwrap_or_default();
            let shown: Vec<String> = addresses.iter().map(ToString::to_string).collect();
            assert_eq!(shown, want, "{text}");
        }
        for text in ["nowhere", "127.0.0.1", "127.0.0.1:99999", ":", ":http", ""] {
            let error = resolve(text).err().unwrap_or_default();
            assert!(error.starts_with(&format!("{text:?} is no address")), "{text}: {error}");
        }
        assert!(
            resolve("localhost:1").is_ok_and(|all| all.first().is_some_and(SocketAddr::is_ipv4))
        );
    }
}
