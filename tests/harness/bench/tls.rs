//! TLS of a run: a certificate of its own for the servers, which the clients trust and no other.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, Connection, RootCertStore, ServerConfig};

/// The name that servers are asked for.
const NAME: &str = "localhost";

/// The files of a server.
#[derive(Clone)]
pub(super) struct Files {
    pub(super) certificate: PathBuf,
    pub(super) key: PathBuf,
}

impl Files {
    /// Makes them in a folder.
    pub(super) fn create(folder: &Path) -> io::Result<Self> {
        let made = rcgen::generate_simple_self_signed([NAME.to_owned(), "127.0.0.1".to_owned()])
            .map_err(io::Error::other)?;
        let files = Self { certificate: folder.join("tls.pem"), key: folder.join("tls.key") };
        fs::write(&files.certificate, made.cert.pem())?;
        fs::write(&files.key, made.signing_key.serialize_pem())?;
        Ok(files)
    }

    /// What the floor serves them with: as our listeners by default, but for versions that no client
    /// of a run speaks.
    pub(super) fn server(&self) -> io::Result<Arc<ServerConfig>> {
        let key = PrivateKeyDer::from_pem_file(&self.key).map_err(io::Error::other)?;
        let mut config =
            ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
                .with_protocol_versions(&[&rustls::version::TLS13])
                .map_err(io::Error::other)?
                .with_no_client_auth()
                .with_single_cert(vec![self.certificate()?], key)
                .map_err(io::Error::other)?;
        config.ticketer = aws_lc_rs::Ticketer::new().map_err(io::Error::other)?;
        Ok(Arc::new(config))
    }

    /// What clients reach such a server with.
    pub(super) fn client(&self) -> io::Result<Arc<ClientConfig>> {
        let mut roots = RootCertStore::empty();
        roots.add(self.certificate()?).map_err(io::Error::other)?;
        let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_protocol_versions(&[&rustls::version::TLS13])
            .map_err(io::Error::other)?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Arc::new(config))
    }

    fn certificate(&self) -> io::Result<CertificateDer<'static>> {
        CertificateDer::from_pem_file(&self.certificate).map_err(io::Error::other)
    }
}

/// A connection of a client that is yet to shake hands.
pub(super) fn connection(config: &Arc<ClientConfig>) -> io::Result<Connection> {
    let name = ServerName::try_from(NAME).map_err(io::Error::other)?;
    let connection = ClientConnection::new(Arc::clone(config), name).map_err(io::Error::other)?;
    Ok(Connection::Client(connection))
}
