//! Servers within this process, on either adapter, and what their TLS is made of.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use rustls::crypto::aws_lc_rs;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, ConfigBuilder, RootCertStore, SupportedProtocolVersion, WantsVerifier};
use strongroom::config::{self, ClientCerts, Place, Storage, Tls, TlsVersion, UnixPlace};
use strongroom::net::{Listener, Service, Terms};
use strongroom::start::{self, Adapter};
use strongroom::stop::Stop;
use strongroom::{blocking, dev, smol};
use strongroom_tests::certificate::{Authority, PairFiles};

/// The root token of these servers.
pub(crate) const TOKEN: &str = "root";
/// What moves the bytes of a server.
pub(crate) const ADAPTERS: [&str; 2] = ["smol", "blocking"];
/// Threads of the adapter that has a number of them.
const WORKERS: usize = 2;

/// An open server that keeps all in memory; it stops with this value.
pub(crate) struct Serving {
    /// Where it listens on the network.
    pub(crate) addresses: Vec<SocketAddr>,
    /// The terms of each listener.
    pub(crate) terms: Vec<Arc<Terms>>,
    pub(crate) service: Arc<Service>,
    stop: Stop,
    thread: Option<JoinHandle<()>>,
}

impl Serving {
    pub(crate) fn start(adapter: &str, listeners: &[config::Listener]) -> Self {
        Self::start_for(adapter, listeners, 1000)
    }

    /// The same with a bound of its own for connections.
    pub(crate) fn start_for(
        adapter: &str,
        listeners: &[config::Listener],
        connections_max: usize,
    ) -> Self {
        let is_smol = adapter == "smol";
        let chosen = Adapter::choose(Some(adapter), None).unwrap();
        let core = strongroom_core::Config::default();
        let host = start::open_storage(&Storage::Inmem, chosen, core).unwrap();
        dev::set_up(&host, Some(TOKEN)).unwrap();
        let service = Arc::new(Service::new(host, connections_max, 0));
        let bound: Vec<_> =
            listeners.iter().map(|wanted| Listener::bind(wanted).unwrap()).collect();
        let addresses = bound.iter().filter_map(|listener| listener.socket.address()).collect();
        let terms = bound.iter().map(|listener| Arc::clone(&listener.terms)).collect();
        let stop = Stop::new().unwrap();
        let (serving, asked) = (Arc::clone(&service), stop.clone());
        let thread = thread::spawn(move || {
            if is_smol {
                smol::serve(&serving, bound, WORKERS, &asked).unwrap();
            } else {
                blocking::serve(&serving, bound, &asked).unwrap();
            }
        });
        Self { addresses, terms, service, stop, thread: Some(thread) }
    }

    /// The first address.
    pub(crate) fn address(&self) -> SocketAddr {
        self.addresses[0]
    }

    /// Asks it to stop, and waits until it has.
    pub(crate) fn stop(&mut self) {
        self.stop.ask();
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.stop.ask();
        if let Some(thread) = self.thread.take() {
            // One that panicked has told so.
            let _ = thread.join();
        }
    }
}

/// A listener at a port that the system chooses.
pub(crate) fn plain() -> config::Listener {
    config::Listener::at("127.0.0.1:0")
}

/// The same with TLS.
pub(crate) fn with_tls(tls: Tls) -> config::Listener {
    config::Listener { tls: Some(tls), ..plain() }
}

/// A listener in the file system.
pub(crate) fn at_path(path: &Path, mode: Option<u32>) -> config::Listener {
    let place = UnixPlace { path: path.to_owned(), mode, ..UnixPlace::default() };
    config::Listener { place: Place::Unix(place), ..plain() }
}

/// The TLS of a server as it is by default, with these files.
pub(crate) fn tls(files: &PairFiles) -> Tls {
    Tls {
        cert_file: files.certificate.clone(),
        key_file: files.key.clone(),
        version_min: TlsVersion::Tls12,
        version_max: TlsVersion::Tls13,
        cipher_suites: Vec::new(),
        client_certs: ClientCerts::Asked,
    }
}

/// A certificate for servers of this machine, in this folder.
pub(crate) fn server_files(authority: &Authority, folder: &Path) -> PairFiles {
    authority.issue(&["localhost", "127.0.0.1"]).write(folder, "server").unwrap()
}

/// A client of these versions that trusts the certificates in this PEM.
pub(crate) fn client_of(versions: &[&'static SupportedProtocolVersion], pem: &str) -> ClientConfig {
    trusting(versions, pem).with_no_client_auth()
}

/// A client of all versions that trusts the certificates in this PEM.
pub(crate) fn client(pem: &str) -> Arc<ClientConfig> {
    Arc::new(client_of(rustls::ALL_VERSIONS, pem))
}

/// The same before it has a certificate of its own, or none.
pub(crate) fn trusting(
    versions: &[&'static SupportedProtocolVersion],
    pem: &str,
) -> ConfigBuilder<ClientConfig, rustls::client::WantsClientCert> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
        roots.add(certificate.unwrap()).unwrap();
    }
    let provider = Arc::new(aws_lc_rs::default_provider());
    let builder: ConfigBuilder<ClientConfig, WantsVerifier> =
        ClientConfig::builder_with_provider(provider).with_protocol_versions(versions).unwrap();
    builder.with_root_certificates(roots)
}
