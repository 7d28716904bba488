//! Certificates of a test: authorities that nobody else trusts, and what they sign.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};

/// An authority.
#[derive(Debug)]
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A certificate and its key, in PEM.
#[allow(missing_debug_implementations, reason = "it holds a key")]
pub struct Pair {
    /// The certificate.
    pub certificate: String,
    /// The private key, in PKCS#8.
    pub key: String,
}

/// The files of a certificate and of its key.
#[derive(Clone, Debug)]
pub struct PairFiles {
    /// The certificate.
    pub certificate: PathBuf,
    /// The private key.
    pub key: PathBuf,
}

impl Authority {
    /// A new authority of this name.
    ///
    /// # Panics
    ///
    /// If no key can be made.
    pub fn new(name: &str) -> Self {
        let mut params = params(name, &[]);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let made = CertifiedIssuer::self_signed(params, new_key());
        Self(made.expect("an authority signs itself"))
    }

    /// Its own certificate, in PEM.
    pub fn pem(&self) -> String {
        self.0.pem()
    }

    /// Signs a new certificate for these hosts, the first of which is its name.
    ///
    /// # Panics
    ///
    /// If a host is no name of one.
    pub fn issue(&self, hosts: &[&str]) -> Pair {
        let key = new_key();
        let params = params(hosts.first().copied().unwrap_or_default(), hosts);
        let signed = params.signed_by(&key, &self.0).expect("an authority signs");
        Pair { certificate: signed.pem(), key: key.serialize_pem() }
    }
}

impl Pair {
    /// Writes both into a folder, under this name.
    ///
    /// # Errors
    ///
    /// Those of the operating system.
    pub fn write(&self, folder: &Path, name: &str) -> io::Result<PairFiles> {
        let file = |kind: &str| folder.join(format!("{name}.{kind}"));
        let files = PairFiles { certificate: file("crt"), key: file("key") };
        fs::write(&files.certificate, &self.certificate)?;
        fs::write(&files.key, &self.key)?;
        Ok(files)
    }
}

fn params(name: &str, hosts: &[&str]) -> CertificateParams {
    let hosts: Vec<String> = hosts.iter().map(ToString::to_string).collect();
    let mut params = CertificateParams::new(hosts).expect("hosts have names of hosts");
    params.distinguished_name.push(DnType::CommonName, name);
    params
}

fn new_key() -> KeyPair {
    KeyPair::generate().expect("the provider makes keys")
}
