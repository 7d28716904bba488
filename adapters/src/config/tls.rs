//! The TLS of a `listener` block.
//!
//! A listener on TCP speaks TLS or says that it does not; one on a Unix socket speaks it if it has a
//! certificate. What the files hold, and which cipher suites there are, is seen by whoever opens them.

use std::net::IpAddr;
use std::path::PathBuf;

use super::listener::{ClientCerts, Place, Tls, TlsVersion};
use super::section::Section;
use super::{ConfigError, Warnings};

const CERT: &str = "tls_cert_file";
const KEY: &str = "tls_key_file";
const REQUIRE: &str = "tls_require_and_verify_client_cert";

/// Settings that ask for a certificate by ACME.
const ACME: &[&str] = &[
    "tls_acme_ca_directory",
    "tls_acme_ca_root",
    "tls_acme_cache_path",
    "tls_acme_domains",
    "tls_acme_eab_key_id",
    "tls_acme_eab_mac_key",
    "tls_acme_email",
    "tls_acme_key_type",
    "tls_acme_test_ca_directory",
];

/// Reads the TLS of a listener at this place.
pub(super) fn read(
    section: &Section<'_>,
    place: &Place,
    warnings: &mut Warnings,
) -> Result<Option<Tls>, ConfigError> {
    let is_required = section.bool(REQUIRE)? == Some(true);
    let files =
        if section.bool("tls_disable")? == Some(true) { None } else { read_files(section, place)? };
    let Some((cert_file, key_file)) = files else {
        if is_required {
            let problem = "a listener without TLS sees no client certificates: give it a \
                           certificate of its own, or take this out";
            return Err(section.error(REQUIRE, problem));
        }
        return Ok(None);
    };
    let version_min = read_version(section, "tls_min_version", TlsVersion::Tls12, warnings)?;
    let version_max = read_version(section, "tls_max_version", TlsVersion::Tls13, warnings)?;
    if version_min > version_max {
        return Err(section.error("tls_min_version", "is above tls_max_version"));
    }
    let suites = section.texts("tls_cipher_suites")?;
    let suites = suites.into_iter().flat_map(|names| names.split(',')).map(str::trim);
    let cipher_suites = suites.filter(|name| !name.is_empty()).map(str::to_owned).collect();
    let client_certs = read_client_certs(section, is_required)?;
    Ok(Some(Tls { cert_file, key_file, version_min, version_max, cipher_suites, client_certs }))
}

/// The files of the certificate and of its key.
fn read_files(
    section: &Section<'_>,
    place: &Place,
) -> Result<Option<(PathBuf, PathBuf)>, ConfigError> {
    let missing = |key: &str, other: &str, file: &str| {
        let line = section.line(key, file);
        section.error(key, format!("is missing, and {other} is there: add {line}"))
    };
    match (section.path(CERT)?, section.path(KEY)?) {
        (Some(cert), Some(key)) => Ok(Some((cert, key))),
        (Some(_), None) => Err(missing(KEY, CERT, "\"server.key\"")),
        (None, Some(_)) => Err(missing(CERT, KEY, "\"server.crt\"")),
        (None, None) => {
            if let Some(acme) = ACME.iter().find(|key| section.asks(key)) {
                let problem = format!(
                    "certificates by ACME are not in this build: let a client of ACME get one, and \
                     name its files by {CERT} and {KEY}"
                );
                return Err(section.error(acme, problem));
            }
            match place {
                Place::Tcp(address) => Err(section.error(CERT, advice(section, address))),
                Place::Unix(_) => Ok(None),
            }
        }
    }
}

/// What to do about a listener that has no certificate, ready to be copied.
fn advice(section: &Section<'_>, address: &str) -> String {
    let cert = section.line(CERT, "\"server.crt\"");
    let key = section.line(KEY, "\"server.key\"");
    let disable = section.line("tls_disable", "true");
    let Subject { name, alternatives } = Subject::of(address);
    format!(
        "\
is missing, and so is {KEY}: a listener speaks TLS unless it says otherwise. Add to it:

    {cert}
    {key}

This makes such a pair for {name}, which clients trust once VAULT_CACERT names server.crt:

    openssl req -x509 -newkey rsa:2048 -nodes -days 365 -subj /CN={name} \
-addext subjectAltName={alternatives} -addext basicConstraints=critical,CA:FALSE \
-keyout server.key -out server.crt

Or serve without TLS. Whoever is on the way between clients and server then reads every token and
secret, so keep to the loopback, or to a proxy that ends TLS in front:

    {disable}"
    )
}

/// For whom a certificate is made.
#[derive(Debug, PartialEq, Eq)]
struct Subject {
    name: String,
    /// As the certificate writes them.
    alternatives: String,
}

impl Subject {
    /// Clients of this machine are meant where the address is no single one. Nothing that a shell
    /// would understand comes out.
    fn of(address: &str) -> Self {
        let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-');
        let alternatives = match host.parse::<IpAddr>() {
            Ok(ip) if !ip.is_unspecified() && !ip.is_loopback() => format!("IP:{ip}"),
            Err(_) if !host.is_empty() && host != "localhost" && host.chars().all(is_name) => {
                format!("DNS:{host}")
            }
            Ok(IpAddr::V6(_)) => "DNS:localhost,IP:127.0.0.1,IP:::1".to_owned(),
            Ok(IpAddr::V4(_)) | Err(_) => "DNS:localhost,IP:127.0.0.1".to_owned(),
        };
        let is_local = alternatives.starts_with("DNS:localhost,");
        Self { name: if is_local { "localhost" } else { host }.to_owned(), alternatives }
    }
}

fn read_version(
    section: &Section<'_>,
    key: &str,
    standard: TlsVersion,
    warnings: &mut Warnings,
) -> Result<TlsVersion, ConfigError> {
    let problem = "must be \"tls12\" or \"tls13\"";
    let parse = |text: &str| match text {
        "tls10" | "tls11" => Some((TlsVersion::Tls12, true)),
        "tls12" => Some((TlsVersion::Tls12, false)),
        "tls13" => Some((TlsVersion::Tls13, false)),
        _ => None,
    };
    let Some((version, is_raised)) = section.word(key, parse, problem)? else {
        return Ok(standard);
    };
    if is_raised {
        warnings.add(section.place(key), "is raised to tls12: older versions are not safe");
    }
    Ok(version)
}

fn read_client_certs(section: &Section<'_>, is_required: bool) -> Result<ClientCerts, ConfigError> {
    let is_disabled = section.bool("tls_disable_client_certs")? == Some(true);
    match (is_required, is_disabled) {
        (true, true) => {
            let problem = format!("contradicts {REQUIRE}: take one of them out");
            Err(section.error("tls_disable_client_certs", problem))
        }
        (true, false) => {
            let ca_file = section.path("tls_client_ca_file")?.ok_or_else(|| {
                let line = section.line("tls_client_ca_file", "\"clients.crt\"");
                let problem = format!(
                    "is missing, and {REQUIRE} needs it: name the certificates that sign those of \
                     clients, such as {line}"
                );
                section.error("tls_client_ca_file", problem)
            })?;
            Ok(ClientCerts::Required { ca_file })
        }
        (false, true) => Ok(ClientCerts::Unwanted),
        (false, false) => Ok(ClientCerts::Asked),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Config, Source};
    use super::*;

    fn read_listener(kind: &str, settings: &str) -> Result<Config, ConfigError> {
        let text = format!("listener \"{kind}\" {{\n{settings}\n}}");
        Config::from_sources(&[Source::parse("a.hcl", text.as_bytes())?])
    }

    fn tls_of(kind: &str, settings: &str) -> Option<Tls> {
        let config = read_listener(kind, settings).unwrap_or_else(|e| panic!("{settings}: {e}"));
        config.listeners.first()?.tls.clone()
    }

    const FILES: &str = "tls_cert_file = \"a.crt\" tls_key_file = \"a.key\" ";

    #[test]
    fn reads_what_a_listener_says_of_tls() {
        let plain = Tls {
            cert_file: "a.crt".into(),
            key_file: "a.key".into(),
            version_min: TlsVersion::Tls12,
            version_max: TlsVersion::Tls13,
            cipher_suites: Vec::new(),
            client_certs: ClientCerts::Asked,
        };
        let versions = |version_min, version_max| Tls { version_min, version_max, ..plain.clone() };
        let suites = |names: &[&str]| Tls {
            cipher_suites: names.iter().map(ToString::to_string).collect(),
            ..plain.clone()
        };
        let certs = |client_certs| Tls { client_certs, ..plain.clone() };
        let required = || ClientCerts::Required { ca_file: "ca.crt".into() };
        let cases = [
            ("", plain.clone()),
            ("tls_disable = false", plain.clone()),
            ("tls_disable = 0", plain.clone()),
            ("tls_acme_domains = [\"a.example\"]", plain.clone()),
            ("tls_min_version = \"tls13\"", versions(TlsVersion::Tls13, TlsVersion::Tls13)),
            ("tls_max_version = \"tls12\"", versions(TlsVersion::Tls12, TlsVersion::Tls12)),
            ("tls_min_version = \"tls10\"", plain.clone()),
            ("tls_max_version = \"tls11\"", versions(TlsVersion::Tls12, TlsVersion::Tls12)),
            ("tls_cipher_suites = \"TLS_A,TLS_B , \"", suites(&["TLS_A", "TLS_B"])),
            ("tls_cipher_suites = [\"TLS_A\", \"TLS_B\"]", suites(&["TLS_A", "TLS_B"])),
            ("tls_prefer_server_cipher_suites = true", plain.clone()),
            ("tls_client_ca_file = \"ca.crt\"", plain.clone()),
            ("tls_disable_client_certs = true", certs(ClientCerts::Unwanted)),
            (
                "tls_require_and_verify_client_cert = \"true\" tls_client_ca_file = \"ca.crt\"",
                certs(required()),
            ),
        ];
        for (more, want) in cases {
            for kind in ["tcp", "unix"] {
                let settings = format!("address = \"a:1\" {FILES}{more}");
                assert_eq!(tls_of(kind, &settings), Some(want.clone()), "{settings}");
            }
        }
    }

    #[test]
    fn serves_without_tls_where_the_configuration_says_so() {
        for yes in ["true", "1", "\"true\"", "\"1\""] {
            assert_eq!(tls_of("tcp", &format!("{FILES} tls_disable = {yes}")), None, "{yes}");
        }
        assert_eq!(tls_of("unix", "address = \"a\""), None);
        assert_eq!(tls_of("unix", "address = \"a\" tls_min_version = \"tls12\""), None);
    }

    #[test]
    fn raises_old_versions_and_says_so() {
        let settings = format!("{FILES} tls_min_version = \"tls10\" tls_max_version = \"tls13\"");
        let warnings = read_listener("tcp", &settings).map(|config| config.warnings.lines());
        let want =
            "a.hcl: listener.tcp.tls_min_version is raised to tls12: older versions are not safe";
        assert_eq!(warnings, Ok(vec![want.to_owned()]));
    }

    #[test]
    fn says_what_is_missing() {
        const CASES: [(&str, &str, &str, &str); 11] = [
            (
                "tcp",
                "tls_cert_file = \"canary\"",
                "tls_key_file",
                "is missing, and tls_cert_file is there: add tls_key_file = \"server.key\"",
            ),
            (
                "unix",
                "tls_key_file = \"canary\"",
                "tls_cert_file",
                "is missing, and tls_key_file is there: add tls_cert_file = \"server.crt\"",
            ),
            ("tcp", "tls_acme_domains = [\"canary\"]", "tls_acme_domains", "by tls_cert_file and"),
            ("unix", "tls_acme_email = \"canary\"", "tls_acme_email", "by tls_cert_file and"),
            ("tcp", "tls_acme_ca_directory = \"\"", "tls_cert_file", "is missing, and so is"),
            ("tcp", "#F tls_min_version = \"canary\"", "tls_min_version", "\"tls12\" or \"tls13\""),
            (
                "tcp",
                "#F tls_min_version = \"tls13\" tls_max_version = \"tls12\"",
                "tls_min_version",
                "is above tls_max_version",
            ),
            (
                "tcp",
                "#F tls_require_and_verify_client_cert = true",
                "tls_client_ca_file",
                "such as tls_client_ca_file = \"clients.crt\"",
            ),
            (
                "tcp",
                "#F tls_require_and_verify_client_cert = true tls_disable_client_certs = true",
                "tls_disable_client_certs",
                "contradicts tls_require_and_verify_client_cert",
            ),
            (
                "tcp",
                "tls_disable = true tls_require_and_verify_client_cert = true",
                "tls_require_and_verify_client_cert",
                "sees no client certificates",
            ),
            (
                "unix",
                "tls_require_and_verify_client_cert = true",
                "tls_require_and_verify_client_cert",
                "sees no client certificates",
            ),
        ];
        for (kind, settings, key, problem) in CASES {
            let settings = format!("address = \"a\" {}", settings.replace("#F", FILES));
            let error = read_listener(kind, &settings).err().map(|error| error.to_string());
            let error = error.unwrap_or_default();
            let place = format!("a.hcl: listener.{kind}.{key}: ");
            assert!(error.starts_with(&place) && error.contains(problem), "{settings}: {error}");
            assert!(!error.contains("canary"), "{settings}: {error}");
        }
    }

    #[test]
    fn advises_who_has_no_certificate_in_the_syntax_of_the_file() {
        let error = read_listener("tcp", "address = \"vault.example:8200\"").err();
        let error = error.map(|error| error.to_string()).unwrap_or_default();
        for line in [
            "a.hcl: listener.tcp.tls_cert_file: is missing, and so is tls_key_file: a listener \
             speaks TLS unless it says otherwise. Add to it:",
            "    tls_cert_file = \"server.crt\"",
            "    tls_key_file = \"server.key\"",
            "    openssl req -x509 -newkey rsa:2048 -nodes -days 365 -subj /CN=vault.example -addext \
             subjectAltName=DNS:vault.example -addext basicConstraints=critical,CA:FALSE -keyout \
             server.key -out server.crt",
            "    tls_disable = true",
        ] {
            assert!(error.lines().any(|said| said == line), "{line}: {error}");
        }
        let json = Source::parse("a.json", b"{\"listener\":{\"tcp\":{}}}");
        let error = json.and_then(|source| Config::from_sources(&[source])).err();
        let error = error.map(|error| error.to_string()).unwrap_or_default();
        assert!(error.contains("\n    \"tls_cert_file\": \"server.crt\",\n"), "{error}");
        assert!(error.ends_with("\n    \"tls_disable\": true,"), "{error}");
    }

    #[test]
    fn names_in_a_certificate_those_by_whom_clients_call() {
        const LOCAL: &str = "DNS:localhost,IP:127.0.0.1";
        const CASES: [(&str, &str, &str); 11] = [
            ("127.0.0.1:8200", "localhost", LOCAL),
            ("localhost:8200", "localhost", LOCAL),
            ("0.0.0.0:8200", "localhost", LOCAL),
            (":8200", "localhost", LOCAL),
            ("[::]:8200", "localhost", "DNS:localhost,IP:127.0.0.1,IP:::1"),
            ("[::1]:8200", "localhost", "DNS:localhost,IP:127.0.0.1,IP:::1"),
            ("192.0.2.7:8200", "192.0.2.7", "IP:192.0.2.7"),
            ("[2001:db8::7]:8200", "2001:db8::7", "IP:2001:db8::7"),
            ("vault.example:8200", "vault.example", "DNS:vault.example"),
            ("vault", "vault", "DNS:vault"),
            ("$(canary);:8200", "localhost", LOCAL),
        ];
        for (address, name, alternatives) in CASES {
            let want = Subject { name: name.to_owned(), alternatives: alternatives.to_owned() };
            assert_eq!(Subject::of(address), want, "{address}");
        }
    }
}
