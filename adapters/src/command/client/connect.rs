//! How requests get to the server: TCP, TLS, proxies and sockets.

use std::env;
use std::fs;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

use rustls::crypto::{CryptoProvider, aws_lc_rs};
use ureq::http::Uri;
use ureq::tls::{Certificate, ClientCert, PemItem, PrivateKey, RootCerts, TlsConfig, parse_pem};
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{DefaultConnector, NextTimeout};
use ureq::{Agent, Error, Proxy, config::Config};

use super::Stop;
use super::path::Address;
use super::settings::{Settings, Tls};

/// What sends requests, and the origin that their URLs begin with: not always the address's own.
pub(super) struct Way {
    pub(super) agent: Agent,
    pub(super) origin: String,
}

impl Way {
    /// The way that the settings describe to this address.
    pub(super) fn to(address: &Address, settings: &Settings) -> Result<Self, Stop> {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .timeout_global(Some(settings.timeout).filter(|timeout| !timeout.is_zero()))
            .user_agent(concat!("strongroom/", env!("CARGO_PKG_VERSION")));
        if let Some(socket) = &address.socket {
            return through_socket(socket, config.proxy(None).build());
        }
        let config = config.proxy(proxy(address, settings)?);
        if !address.is_tls() {
            let agent = Agent::new_with_config(config.build());
            return Ok(Self { agent, origin: address.origin.clone() });
        }
        let config = config.tls_config(tls_config(&settings.tls)?).build();
        let Some(name) = &settings.tls.server_name else {
            let agent = Agent::new_with_config(config);
            return Ok(Self { agent, origin: address.origin.clone() });
        };
        // The client checks certificates by the name in the URL: it gets the wanted one, and is led
        // to the true address.
        let resolver = Elsewhere { origin: address.origin.clone() };
        let agent = Agent::with_parts(config, DefaultConnector::new(), resolver);
        Ok(Self { agent, origin: format!("https://{name}") })
    }
}

#[cfg(unix)]
fn through_socket(path: &Path, config: Config) -> Result<Way, Stop> {
    use super::unix::{NoResolver, UnixConnector};
    let agent = Agent::with_parts(config, UnixConnector(path.to_owned()), NoResolver);
    Ok(Way { agent, origin: "http://localhost".to_owned() })
}

#[cfg(not(unix))]
fn through_socket(_: &Path, _: Config) -> Result<Way, Stop> {
    Err(Stop::local("addresses that begin with unix:// need a system with Unix sockets"))
}

/// Resolves every name to one address.
#[derive(Debug)]
struct Elsewhere {
    origin: String,
}

impl Resolver for Elsewhere {
    fn resolve(
        &self,
        _: &Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, Error> {
        let uri = self.origin.parse().map_err(|_| Error::HostNotFound)?;
        DefaultResolver::default().resolve(&uri, config, timeout)
    }
}

/// The proxy: the client's own variable, or those of the system by scheme, but for this machine itself.
fn proxy(address: &Address, settings: &Settings) -> Result<Option<Proxy>, Stop> {
    let wrong = |_| Stop::local("the address of the proxy is none");
    if let Some(url) = &settings.proxy {
        return Proxy::new(url).map(Some).map_err(wrong);
    }
    let host = address.host();
    if host == "localhost" || host.parse().is_ok_and(|ip: IpAddr| ip.is_loopback()) {
        return Ok(None);
    }
    let uri: Uri = address.origin.parse().map_err(|_| Stop::local("the address is no URL"))?;
    if Proxy::try_from_env().is_some_and(|proxy| proxy.is_no_proxy(&uri)) {
        return Ok(None);
    }
    let names = if address.is_tls() {
        ["HTTPS_PROXY", "https_proxy"]
    } else {
        ["HTTP_PROXY", "http_proxy"]
    };
    let url = names.iter().filter_map(|name| env::var(name).ok()).find(|url| !url.is_empty());
    url.map(|url| Proxy::new(&url)).transpose().map_err(wrong)
}

fn tls_config(tls: &Tls) -> Result<TlsConfig, Stop> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let client = client_certificate(tls, &provider)?;
    let roots = if tls.skips_verification { Vec::new() } else { roots(tls)? };
    Ok(TlsConfig::builder()
        .unversioned_rustls_crypto_provider(provider)
        .root_certs(RootCerts::Specific(Arc::new(roots)))
        .client_cert(client)
        .disable_verification(tls.skips_verification)
        .build())
}

/// Whose certificates are trusted: those of a file, or of the environment, or of a folder, or of the
/// system, the first of these that is named.
fn roots(tls: &Tls) -> Result<Vec<Certificate<'static>>, Stop> {
    if let Some(path) = &tls.ca_file {
        return certificates(path);
    }
    if let Some(pem) = &tls.ca_bytes {
        let found = certificates_in(pem.as_bytes());
        return found.ok_or_else(|| Stop::local("VAULT_CACERT_BYTES holds no certificate in PEM"));
    }
    if let Some(folder) = &tls.ca_folder {
        return certificates_of_folder(folder);
    }
    let system = rustls_native_certs::load_native_certs();
    if system.certs.is_empty() {
        let text = "this system has no certificates to trust: name a file of them by -ca-cert";
        return Err(Stop::local(text));
    }
    let system = system.certs.iter();
    Ok(system.map(|certificate| Certificate::from_der(certificate).to_owned()).collect())
}

fn certificates(path: &Path) -> Result<Vec<Certificate<'static>>, Stop> {
    let shown = path.display();
    let pem =
        fs::read(path).map_err(|error| Stop::local(format!("{shown} cannot be read: {error}")))?;
    let none = || Stop::local(format!("{shown} holds no certificate in PEM"));
    certificates_in(&pem).ok_or_else(none)
}

fn certificates_of_folder(folder: &Path) -> Result<Vec<Certificate<'static>>, Stop> {
    let shown = folder.display();
    let entries = fs::read_dir(folder)
        .map_err(|error| Stop::local(format!("{shown} cannot be read: {error}")))?;
    let mut found = Vec::new();
    for entry in entries.flatten().filter(|entry| entry.path().is_file()) {
        // Such folders hold other files too.
        found.extend(
            fs::read(entry.path()).ok().and_then(|pem| certificates_in(&pem)).unwrap_or_default(),
        );
    }
    if found.is_empty() {
        return Err(Stop::local(format!("{shown} holds no certificate in PEM")));
    }
    Ok(found)
}

/// The certificates of a text in PEM; `None` for none.
fn certificates_in(pem: &[u8]) -> Option<Vec<Certificate<'static>>> {
    let certificates: Vec<_> = parse_pem(pem)
        .filter_map(|item| if let Ok(PemItem::Certificate(one)) = item { Some(one) } else { None })
        .collect();
    (!certificates.is_empty()).then_some(certificates)
}

/// The certificate that is shown to the server, once it is sure that its key belongs to it.
fn client_certificate(
    tls: &Tls,
    provider: &Arc<CryptoProvider>,
) -> Result<Option<ClientCert>, Stop> {
    let (certificate, key) = match (&tls.client_certificate, &tls.client_key) {
        (None, None) => return Ok(None),
        (Some(certificate), Some(key)) => (certificate, key),
        _ => return Err(Stop::local("-client-cert and -client-key must be given together")),
    };
    let chain = certificates(certificate)?;
    let shown = key.display();
    let pem = fs::read(key).map(zeroize::Zeroizing::new);
    let pem = pem.map_err(|error| Stop::local(format!("{shown} cannot be read: {error}")))?;
    let key = PrivateKey::from_pem(&pem)
        .map_err(|_| Stop::local(format!("{shown} holds no private key in PEM")))?;
    // The client would panic at a key that does not fit.
    let der = rustls::pki_types::PrivateKeyDer::try_from(key.der().to_vec());
    let fits = der.ok().and_then(|der| {
        let chain = chain.iter().map(|one| one.der().to_vec().into()).collect();
        rustls::sign::CertifiedKey::from_der(chain, der, provider).ok()
    });
    if fits.is_none() {
        let certificate = certificate.display();
        return Err(Stop::local(format!("the key in {shown} is not that of {certificate}")));
    }
    Ok(Some(ClientCert::new_with_certs(&chain, key)))
}
