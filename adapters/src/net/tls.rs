//! TLS of a listener: rustls with the provider aws-lc-rs, from files in PEM.
//!
//! TLS 1.2 and 1.3, with the provider's key exchanges, X25519MLKEM768 among them; sessions are resumed
//! by tickets, whose key this process makes and changes by itself; HTTP/1.1 is the one protocol by
//! ALPN. Files can be read again while the listener serves: connections that are made from then on
//! have the new ones, and one that cannot be used leaves what is in use.

use std::fs;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::{Error as PemError, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::{
    DigitallySignedStruct, DistinguishedName, Error as TlsError, RootCertStore, ServerConfig,
    ServerConnection, SignatureScheme, SupportedCipherSuite, SupportedProtocolVersion, version,
};
use zeroize::Zeroizing;

use crate::config::{ClientCerts, Tls, TlsVersion};

/// Tickets for a new session: clients that come back one at a time need one.
const TICKETS: usize = 1;

/// See the module.
#[derive(Debug)]
pub struct TlsSettings {
    files: Tls,
    current: RwLock<Arc<ServerConfig>>,
}

impl TlsSettings {
    /// Reads the files.
    ///
    /// # Errors
    ///
    /// The file that cannot be used, why, and what to do.
    pub fn read(files: &Tls) -> Result<Self, String> {
        let current = RwLock::new(Arc::new(settings(files)?));
        Ok(Self { files: files.clone(), current })
    }

    /// Reads the files again, for connections that are made from now on.
    ///
    /// # Errors
    ///
    /// As [`Self::read`]; what is in use stays.
    pub fn reload(&self) -> Result<(), String> {
        let fresh = Arc::new(settings(&self.files)?);
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = fresh;
        Ok(())
    }

    /// The server's side of a new connection.
    pub(super) fn connection(&self) -> Result<ServerConnection, TlsError> {
        let current = Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner));
        ServerConnection::new(current)
    }
}

fn settings(files: &Tls) -> Result<ServerConfig, String> {
    let provider = Arc::new(provider(files)?);
    let chain = certificates(&files.cert_file, "tls_cert_file")?;
    let key = private_key(&files.key_file)?;
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&versions(files))
        .map_err(|error| format!("tls_cipher_suites: {error}"))?;
    let builder = match &files.client_certs {
        ClientCerts::Unwanted => builder.with_no_client_auth(),
        ClientCerts::Asked => {
            builder.with_client_cert_verifier(Arc::new(AnyClient(Arc::clone(&provider))))
        }
        ClientCerts::Required { ca_file } => {
            builder.with_client_cert_verifier(signed_by(ca_file, &provider)?)
        }
    };
    let mut settings = builder.with_single_cert(chain, key).map_err(|error| {
        let (cert, key) = (files.cert_file.display(), files.key_file.display());
        format!("tls_cert_file {cert} and tls_key_file {key} do not go together: {error}")
    })?;
    settings.alpn_protocols = vec![b"http/1.1".to_vec()];
    settings.session_storage = Arc::new(NoServerSessionStorage {});
    settings.send_tls13_tickets = 0;
    // A session that is resumed shows no certificate: one that must be good is asked for every time.
    if !matches!(files.client_certs, ClientCerts::Required { .. }) {
        settings.ticketer = aws_lc_rs::Ticketer::new()
            .map_err(|error| format!("no key for session tickets: {error}"))?;
        settings.send_tls13_tickets = TICKETS;
    }
    Ok(settings)
}

fn versions(files: &Tls) -> Vec<&'static SupportedProtocolVersion> {
    let all = [(TlsVersion::Tls13, &version::TLS13), (TlsVersion::Tls12, &version::TLS12)];
    let wanted =
        all.into_iter().filter(|(name, _)| (files.version_min..=files.version_max).contains(name));
    wanted.map(|(_, version)| version).collect()
}

/// The provider, with those suites of TLS 1.2 alone that were named. Those of TLS 1.3 are all good, and
/// the reference does not let anybody choose among them either.
fn provider(files: &Tls) -> Result<CryptoProvider, String> {
    let mut provider = aws_lc_rs::default_provider();
    if files.cipher_suites.is_empty() {
        return Ok(provider);
    }
    let name = |suite: &SupportedCipherSuite| format!("{:?}", suite.suite());
    for wanted in &files.cipher_suites {
        if !provider.cipher_suites.iter().any(|suite| name(suite).eq_ignore_ascii_case(wanted)) {
            let known: Vec<String> = provider.cipher_suites.iter().map(name).collect();
            let known = known.join(", ");
            return Err(format!(
                "tls_cipher_suites: the suites that can be chosen from are {known}"
            ));
        }
    }
    provider.cipher_suites.retain(|suite| {
        let name = name(suite);
        suite.tls13().is_some()
            || files.cipher_suites.iter().any(|wanted| wanted.eq_ignore_ascii_case(&name))
    });
    Ok(provider)
}

fn read(path: &Path, key: &str) -> Result<Zeroizing<Vec<u8>>, String> {
    let bytes = fs::read(path);
    bytes.map(Zeroizing::new).map_err(|error| format!("{key} {}: {error}", path.display()))
}

fn certificates(path: &Path, key: &str) -> Result<Vec<CertificateDer<'static>>, String> {
    let bytes = read(path, key)?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
    let problem = match found {
        Ok(found) if !found.is_empty() => return Ok(found),
        Ok(_) | Err(PemError::NoItemsFound) => "has no certificate in PEM",
        Err(_) => "is not whole PEM",
    };
    Err(format!("{key} {}: {problem}", path.display()))
}

fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, String> {
    let bytes = read(path, "tls_key_file")?;
    let problem = match PrivateKeyDer::from_pem_slice(&bytes) {
        Ok(key) => return Ok(key),
        Err(_) if bytes.windows(9).any(|part| part == b"ENCRYPTED") => {
            "is encrypted, and nobody is there to be asked for its passphrase: decrypt it with \
             `openssl pkey -in FILE -out FILE`"
        }
        Err(PemError::NoItemsFound) => {
            "has no private key in PEM, of the forms PKCS#1, PKCS#8 or SEC1"
        }
        Err(_) => "is not whole PEM",
    };
    Err(format!("tls_key_file {}: {problem}", path.display()))
}

fn signed_by(
    ca_file: &Path,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<dyn ClientCertVerifier>, String> {
    let mut roots = RootCertStore::empty();
    let problem = |error: &dyn std::fmt::Display| {
        format!("tls_client_ca_file {}: {error}", ca_file.display())
    };
    for authority in certificates(ca_file, "tls_client_ca_file")? {
        roots.add(authority).map_err(|error| problem(&error))?;
    }
    let verifier =
        WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider));
    verifier.build().map_err(|error| problem(&error))
}

/// Asks for a certificate and takes none, or any: who has one must have its key too, and that is all
/// that is known of it.
#[derive(Debug)]
struct AnyClient(Arc<CryptoProvider>);

impl ClientCertVerifier for AnyClient {
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, TlsError> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, cert, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, cert, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
