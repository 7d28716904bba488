//! Handshakes of TLS on both adapters: versions, key exchange, tickets, protocols, forms of keys, clients
//! with certificates of their own, and new certificates while the server serves.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustls::client::{ResolvesClientCert, WebPkiServerVerifier};
use rustls::crypto::aws_lc_rs::{self, kx_group};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, HandshakeKind, NamedGroup, ProtocolVersion, SignatureScheme};
use strongroom::config::{self, ClientCerts, Tls, TlsVersion};
use strongroom_tests::certificate::{Authority, Pair, PairFiles};

use crate::peer::{Answer, Peer, Way};
use crate::process::Folder;
use crate::serving::{ADAPTERS, Serving, client, client_of, server_files, tls, trusting, with_tls};

/// A server with TLS, its authority, and the folder of its files.
pub(crate) struct Secured {
    pub(crate) server: Serving,
    pub(crate) authority: Authority,
    pub(crate) folder: Folder,
}

impl Secured {
    pub(crate) fn start(adapter: &str) -> Self {
        Self::start_with(adapter, |_, _| {})
    }

    /// Starts one with other settings.
    pub(crate) fn start_with(adapter: &str, change: impl FnOnce(&mut Tls, &Path)) -> Self {
        let (authority, folder) = (Authority::new("authority"), Folder::new());
        let files = server_files(&authority, folder.path());
        let mut settings = tls(&files);
        change(&mut settings, folder.path());
        let server = Serving::start(adapter, &[with_tls(settings)]);
        Self { server, authority, folder }
    }

    /// The way to it for this client.
    pub(crate) fn way_of(&self, client: ClientConfig) -> Way {
        Way::Tls(self.server.address(), Arc::new(client))
    }

    /// The way to it for a client that trusts it.
    pub(crate) fn way(&self) -> Way {
        Way::Tls(self.server.address(), client(&self.authority.pem()))
    }
}

fn try_health(way: impl Into<Way>) -> io::Result<Answer> {
    Peer::try_connect(way)?.try_ask("GET", "/v1/sys/health", "", "")
}

#[test]
fn speaks_both_versions_and_chooses_a_key_exchange_that_outlasts_quantum_computers() {
    for adapter in ADAPTERS {
        let secured = Secured::start(adapter);
        for (version, name) in
            [(&TLS12, ProtocolVersion::TLSv1_2), (&TLS13, ProtocolVersion::TLSv1_3)]
        {
            let mut peer =
                Peer::connect(secured.way_of(client_of(&[version], &secured.authority.pem())));
            assert_eq!(peer.ask("GET", "/v1/sys/health", "", "").status, 200);
            assert_eq!(peer.tls().protocol_version(), Some(name), "{adapter}");
        }
        let mut provider = aws_lc_rs::default_provider();
        provider.kx_groups = vec![kx_group::X25519MLKEM768, kx_group::X25519];
        let modern = ClientConfig::builder_with_provider(Arc::new(provider))
            .with_protocol_versions(&[&TLS13])
            .unwrap()
            .with_webpki_verifier(verifier(&secured.authority))
            .with_no_client_auth();
        let mut peer = Peer::connect(secured.way_of(modern));
        assert_eq!(peer.ask("GET", "/v1/sys/health", "", "").status, 200);
        let group = peer.tls().negotiated_key_exchange_group().map(|group| group.name());
        assert_eq!(group, Some(NamedGroup::X25519MLKEM768), "{adapter}");
    }
}

fn verifier(authority: &Authority) -> Arc<WebPkiServerVerifier> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(authority.pem().as_bytes()).unwrap()).unwrap();
    let provider = Arc::new(aws_lc_rs::default_provider());
    WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider).build().unwrap()
}

#[test]
fn resumes_sessions_by_tickets() {
    for adapter in ADAPTERS {
        let secured = Secured::start(adapter);
        for version in [&TLS12, &TLS13] {
            let way = secured.way_of(client_of(&[version], &secured.authority.pem()));
            for kind in [HandshakeKind::Full, HandshakeKind::Resumed, HandshakeKind::Resumed] {
                let mut peer = Peer::connect(&way);
                assert_eq!(peer.ask("GET", "/v1/sys/health", "", "").status, 200);
                assert_eq!(peer.tls().handshake_kind(), Some(kind), "{adapter} {version:?}");
            }
        }
    }
}

#[test]
fn agrees_on_http_1_1_and_on_no_other_protocol() {
    /// What the client offers, and what is agreed on; nothing where the handshake fails.
    type Case = (&'static [&'static str], Option<Option<&'static str>>);
    const CASES: [Case; 4] = [
        (&[], Some(None)),
        (&["http/1.1"], Some(Some("http/1.1"))),
        (&["h2", "http/1.1"], Some(Some("http/1.1"))),
        (&["h2"], None),
    ];
    for adapter in ADAPTERS {
        let secured = Secured::start(adapter);
        for (offered, agreed) in CASES {
            let mut client = client_of(rustls::ALL_VERSIONS, &secured.authority.pem());
            client.alpn_protocols = offered.iter().map(|name| name.as_bytes().to_vec()).collect();
            let mut peer = Peer::connect(secured.way_of(client));
            let answer = peer.try_ask("GET", "/v1/sys/health", "", "");
            let found = peer.tls().alpn_protocol().map(|name| str::from_utf8(name).unwrap());
            let found = answer.is_ok_and(|answer| answer.status == 200).then_some(found);
            assert_eq!(found, agreed, "{adapter} {offered:?}");
        }
    }
}

/// Keys in PKCS#8 are those of all other tests. Those here are as OpenSSL writes them, each in one file
/// with its certificate.
#[test]
fn takes_keys_in_pkcs_1_and_in_sec_1() {
    for name in ["pkcs1.pem", "sec1.pem"] {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("keys").join(name);
        let pem = fs::read_to_string(&file).unwrap();
        let files = PairFiles { certificate: file.clone(), key: file };
        let server = Serving::start("smol", &[with_tls(tls(&files))]);
        let answer = try_health(Way::Tls(server.address(), client(&pem))).unwrap();
        assert_eq!(answer.status, 200, "{name}");
    }
}

#[test]
fn speaks_no_version_outside_of_those_that_are_set() {
    for adapter in ADAPTERS {
        for (min, max, version, is_spoken) in [
            (TlsVersion::Tls13, TlsVersion::Tls13, &TLS12, false),
            (TlsVersion::Tls13, TlsVersion::Tls13, &TLS13, true),
            (TlsVersion::Tls12, TlsVersion::Tls12, &TLS12, true),
            (TlsVersion::Tls12, TlsVersion::Tls12, &TLS13, false),
        ] {
            let secured = Secured::start_with(adapter, |settings, _| {
                (settings.version_min, settings.version_max) = (min, max);
            });
            let answer =
                try_health(secured.way_of(client_of(&[version], &secured.authority.pem())));
            assert_eq!(answer.is_ok(), is_spoken, "{adapter} {min:?} {max:?} {version:?}");
        }
    }
}

/// A client's certificate, and whether the server has asked for it.
#[derive(Debug)]
struct Asked {
    key: Option<Arc<CertifiedKey>>,
    was_asked: AtomicBool,
}

impl Asked {
    fn new(pair: Option<&Pair>) -> Self {
        let key = pair.map(|pair| {
            let certificate = CertificateDer::from_pem_slice(pair.certificate.as_bytes()).unwrap();
            let key = PrivateKeyDer::from_pem_slice(pair.key.as_bytes()).unwrap();
            let key = aws_lc_rs::sign::any_supported_type(&key).unwrap();
            Arc::new(CertifiedKey::new(vec![certificate], key))
        });
        Self { key, was_asked: AtomicBool::new(false) }
    }
}

impl ResolvesClientCert for Asked {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.was_asked.store(true, Ordering::SeqCst);
        self.key.clone()
    }

    fn has_certs(&self) -> bool {
        true
    }
}

#[test]
fn asks_clients_for_certificates_as_it_is_told() {
    let (ours, other) = (Authority::new("ours"), Authority::new("other"));
    let (known, unknown) = (ours.issue(&["client"]), other.issue(&["client"]));
    let required = |folder: &Path| {
        let ca_file = folder.join("clients.crt");
        fs::write(&ca_file, ours.pem()).unwrap();
        ClientCerts::Required { ca_file }
    };
    type Make<'a> = &'a dyn Fn(&Path) -> ClientCerts;
    let unwanted: Make<'_> = &|_| ClientCerts::Unwanted;
    let asked: Make<'_> = &|_| ClientCerts::Asked;
    let cases: [(&str, Make<'_>, Option<&Pair>, bool, bool); 7] = [
        ("unwanted, none", unwanted, None, false, true),
        ("unwanted, one", unwanted, Some(&known), false, true),
        ("asked, none", asked, None, true, true),
        ("asked, any", asked, Some(&unknown), true, true),
        ("required, none", &required, None, true, false),
        ("required, of another authority", &required, Some(&unknown), true, false),
        ("required, right", &required, Some(&known), true, true),
    ];
    for adapter in ADAPTERS {
        for (name, make, pair, is_asked, is_served) in cases {
            let secured = Secured::start_with(adapter, |settings, folder| {
                settings.client_certs = make(folder);
            });
            for version in [&TLS12, &TLS13] {
                let client = Arc::new(Asked::new(pair));
                let config = trusting(&[version], &secured.authority.pem())
                    .with_client_cert_resolver(Arc::clone(&client) as _);
                let answer = try_health(secured.way_of(config));
                assert_eq!(answer.is_ok(), is_served, "{adapter} {name} {version:?}: {answer:?}");
                let was_asked = client.was_asked.load(Ordering::SeqCst);
                assert_eq!(was_asked, is_asked, "{adapter} {name} {version:?}");
            }
        }
    }
}

#[test]
fn takes_new_certificates_for_new_connections_and_keeps_good_ones() {
    for adapter in ADAPTERS {
        let secured = Secured::start(adapter);
        let reload = || secured.server.terms[0].tls.as_ref().unwrap().reload();
        let health =
            |peer: &mut Peer| assert_eq!(peer.ask("GET", "/v1/sys/health", "", "").status, 200);
        let mut old = Peer::connect(secured.way());
        health(&mut old);

        let successor = Authority::new("successor");
        let files = server_files(&successor, secured.folder.path());
        assert!(try_health(Way::Tls(secured.server.address(), client(&successor.pem()))).is_err());
        reload().unwrap();
        let new = Way::Tls(secured.server.address(), client(&successor.pem()));
        health(&mut Peer::connect(&new));
        assert!(try_health(secured.way()).is_err(), "{adapter}");
        health(&mut old);

        let Pair { key, .. } = successor.issue(&["localhost"]);
        let broken: [(&PathBuf, &str, &str); 4] = [
            (&files.certificate, "", "has no certificate in PEM"),
            (&files.key, "-----BEGIN PRIVATE KEY-----\ncanary", "is not whole PEM"),
            (&files.key, "canary", "has no private key in PEM"),
            (&files.key, &key, "do not go together"),
        ];
        for (file, text, problem) in broken {
            let good = fs::read_to_string(file).unwrap();
            fs::write(file, text).unwrap();
            let error = reload().unwrap_err();
            assert!(error.contains(problem) && error.contains("tls_"), "{error}");
            assert!(error.contains(file.to_str().unwrap()) && !error.contains("canary"), "{error}");
            health(&mut Peer::connect(&new));
            fs::write(file, good).unwrap();
        }
        reload().unwrap();
        health(&mut Peer::connect(&new));
    }
}

#[test]
fn refuses_suites_that_nobody_knows_and_serves_with_one_that_is_chosen() {
    let (authority, folder) = (Authority::new("authority"), Folder::new());
    let mut settings = tls(&server_files(&authority, folder.path()));
    settings.cipher_suites = vec!["tls_ecdhe_ecdsa_with_aes_256_gcm_sha384".to_owned()];
    let server = Serving::start("smol", &[with_tls(settings.clone())]);
    let way = Way::Tls(server.address(), Arc::new(client_of(&[&TLS12], &authority.pem())));
    let mut peer = Peer::connect(way);
    assert_eq!(peer.ask("GET", "/v1/sys/health", "", "").status, 200);
    let suite = peer.tls().negotiated_cipher_suite().map(|suite| suite.suite());
    assert_eq!(suite, Some(rustls::CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384));

    settings.cipher_suites = vec!["TLS_RSA_WITH_RC4_128_SHA".to_owned()];
    let listener: config::Listener = with_tls(settings);
    let error = strongroom::net::Listener::bind(&listener).err().unwrap_or_default();
    assert!(error.contains("tls_cipher_suites") && error.contains("AES_128_GCM"), "{error}");
}

/// The client that most people have; the tests above do not need it.
#[test]
fn serves_curl_where_there_is_one() {
    if Command::new("curl").arg("--version").stdout(Stdio::null()).status().is_err() {
        return;
    }
    for adapter in ADAPTERS {
        let secured = Secured::start(adapter);
        let authority = secured.folder.write("authority.crt", &secured.authority.pem());
        let url = format!("https://localhost:{}/v1/sys/health", secured.server.address().port());
        let mut command = Command::new("curl");
        command.args(["--silent", "--show-error", "--fail", "--noproxy", "*", "--ipv4"]);
        let output = command.args(["--cacert", &authority, &url]).output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{adapter}: {errors}");
        assert!(String::from_utf8_lossy(&output.stdout).contains("\"sealed\":false"), "{adapter}");
    }
}
