//! `listener` blocks: where the server listens, and the rules of each listener.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use strongroom_core::http::{CustomFieldError, CustomFields, Limits, Statuses};
use strongroom_core::{Rules, json, limit};

use super::section::{Section, Use};
use super::{ConfigError, Warnings, tls};

/// Where a listener listens that does not say: for clients of the same machine.
pub const DEFAULT_ADDRESS: &str = "127.0.0.1:8200";

/// All permissions that a file can have.
const MODE_MAX: u32 = 0o7777;

/// A listener.
#[derive(Clone, Debug)]
pub struct Listener {
    /// Where it listens.
    pub place: Place,
    /// Its TLS; without it its bytes are plain.
    pub tls: Option<Tls>,
    /// Limits of its connections.
    pub limits: Limits,
    /// What it asks of its requests.
    pub rules: Rules,
    /// Header fields that it adds to answers.
    pub fields: Arc<CustomFields>,
}

/// Where a listener listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// Host and port.
    Tcp(String),
    /// A socket in the file system.
    Unix(UnixPlace),
}

/// A socket in the file system, and to whom it belongs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UnixPlace {
    /// Where it is made.
    pub path: PathBuf,
    /// Its permissions, such as `0o660`; without them those that the process gives to new files.
    pub mode: Option<u32>,
    /// Its owner, by name or number.
    pub user: Option<String>,
    /// Its group, by name or number.
    pub group: Option<String>,
}

/// The TLS of a listener: files in PEM, and what is asked of clients.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tls {
    /// The certificate, and those between it and its root.
    pub cert_file: PathBuf,
    /// The private key, in PKCS#1, PKCS#8 or SEC1.
    pub key_file: PathBuf,
    /// The oldest version that is spoken.
    pub version_min: TlsVersion,
    /// The newest version that is spoken.
    pub version_max: TlsVersion,
    /// Cipher suites of TLS 1.2 by their names; empty for all that are good.
    pub cipher_suites: Vec<String>,
    /// Certificates of clients.
    pub client_certs: ClientCerts,
}

/// A version of TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TlsVersion {
    /// TLS 1.2.
    Tls12,
    /// TLS 1.3.
    Tls13,
}

/// What a listener wants of the certificates of its clients.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ClientCerts {
    /// None is asked for.
    Unwanted,
    /// One is asked for; whoever has none is served too, and nobody checks who signed it.
    #[default]
    Asked,
    /// Nobody is served without one that is signed by one of the certificates in this file.
    Required {
        /// The authorities, in PEM.
        ca_file: PathBuf,
    },
}

const KEYS: &[(&str, Use)] = &[
    ("address", Use::Read),
    ("custom_response_headers", Use::Read),
    ("disable_unauthed_generate_root_endpoints", Use::Read),
    ("disable_unauthed_rekey_endpoints", Use::Read),
    ("http_idle_timeout", Use::Read),
    ("http_read_header_timeout", Use::Read),
    ("http_read_timeout", Use::Read),
    ("http_write_timeout", Use::Read),
    ("max_request_duration", Use::Read),
    ("max_request_json_memory", Use::Read),
    ("max_request_json_strings", Use::Read),
    ("max_request_size", Use::Read),
    ("require_request_header", Use::Read),
    ("socket_group", Use::Read),
    ("socket_mode", Use::Read),
    ("socket_user", Use::Read),
    ("tls_acme_ca_directory", Use::Read),
    ("tls_acme_ca_root", Use::Read),
    ("tls_acme_cache_path", Use::Read),
    ("tls_acme_disable_alpn_challenge", Use::Read),
    ("tls_acme_disable_http_challenge", Use::Read),
    ("tls_acme_domains", Use::Read),
    ("tls_acme_eab_key_id", Use::Read),
    ("tls_acme_eab_mac_key", Use::Read),
    ("tls_acme_email", Use::Read),
    ("tls_acme_key_type", Use::Read),
    ("tls_acme_test_ca_directory", Use::Read),
    ("tls_cert_file", Use::Read),
    ("tls_cipher_suites", Use::Read),
    ("tls_client_ca_file", Use::Read),
    ("tls_disable", Use::Read),
    ("tls_disable_client_certs", Use::Read),
    ("tls_key_file", Use::Read),
    ("tls_max_version", Use::Read),
    ("tls_min_version", Use::Read),
    ("tls_require_and_verify_client_cert", Use::Read),
    ("agent_api", Use::Quiet),
    ("cluster_address", Use::Quiet),
    // The endpoints that this closes are not there.
    ("disable_replication_status_endpoints", Use::Quiet),
    ("proxy_api", Use::Quiet),
    ("purpose", Use::Quiet),
    // The reference itself takes no notice of it.
    ("tls_prefer_server_cipher_suites", Use::Quiet),
    ("chroot_namespace", Use::Absent),
    ("cors_allowed_headers", Use::Absent),
    ("cors_allowed_origins", Use::Absent),
    ("cors_enabled", Use::Absent),
    ("enable_unauthenticated_access", Use::Absent),
    ("inflight_requests_logging", Use::Absent),
    ("max_json_array_element_count", Use::Absent),
    ("max_json_depth", Use::Absent),
    ("max_json_object_entry_count", Use::Absent),
    ("max_json_string_value_length", Use::Absent),
    ("max_json_token", Use::Absent),
    ("max_token_header_size", Use::Absent),
    ("profiling", Use::Absent),
    ("proxy_protocol_authorized_addrs", Use::Absent),
    ("proxy_protocol_behavior", Use::Absent),
    ("redact_addresses", Use::Absent),
    ("redact_cluster_name", Use::Absent),
    ("redact_version", Use::Absent),
    ("role", Use::Absent),
    ("telemetry", Use::Absent),
    ("x_forwarded_for_authorized_addrs", Use::Absent),
    ("x_forwarded_for_client_cert_decoders", Use::Absent),
    ("x_forwarded_for_client_cert_header", Use::Absent),
    ("x_forwarded_for_client_cert_keep_not_forwarded", Use::Absent),
    ("x_forwarded_for_client_cert_keep_unauthorized", Use::Absent),
    ("x_forwarded_for_hop_skips", Use::Absent),
    ("x_forwarded_for_reject_not_authorized", Use::Absent),
    ("x_forwarded_for_reject_not_present", Use::Absent),
];

impl Listener {
    /// A listener at this address, with the rules that hold where nobody sets others.
    pub fn at(address: &str) -> Self {
        Self {
            place: Place::Tcp(address.to_owned()),
            tls: None,
            limits: Limits::default(),
            rules: Rules::default(),
            fields: Arc::default(),
        }
    }

    /// Reads the listeners of a file. `time_max` is how long their requests may wait where they say
    /// nothing.
    pub(super) fn read_all(
        top: &Section<'_>,
        time_max: Duration,
        warnings: &mut Warnings,
    ) -> Result<Vec<Self>, ConfigError> {
        let labelled = top.labelled("listener")?.into_iter();
        let listeners = labelled.map(|(kind, section)| {
            section.check_keys(KEYS, warnings);
            let place = match kind.to_ascii_lowercase().as_str() {
                "tcp" => {
                    let address = read_address(&section)?;
                    Place::Tcp(address.unwrap_or_else(|| DEFAULT_ADDRESS.to_owned()))
                }
                "unix" => Place::Unix(read_unix_place(&section)?),
                _ => {
                    let problem = "listeners are of the kinds \"tcp\" and \"unix\"";
                    return Err(section.error("", problem));
                }
            };
            Self::read(place, &section, time_max, warnings)
        });
        listeners.collect()
    }

    fn read(
        place: Place,
        section: &Section<'_>,
        time_max: Duration,
        warnings: &mut Warnings,
    ) -> Result<Self, ConfigError> {
        Ok(Self {
            tls: tls::read(section, &place, warnings)?,
            place,
            limits: read_limits(section)?,
            rules: read_rules(section, time_max)?,
            fields: Arc::new(read_fields(section, warnings)?),
        })
    }
}

fn read_address(section: &Section<'_>) -> Result<Option<String>, ConfigError> {
    let address = section.text("address")?;
    if address.as_ref().is_some_and(|address| address.contains("{{")) {
        let problem = "templates are not in this build: write the address itself";
        return Err(section.error("address", problem));
    }
    Ok(address)
}

fn read_unix_place(section: &Section<'_>) -> Result<UnixPlace, ConfigError> {
    let path = read_address(section)?.ok_or_else(|| {
        let line = section.line("address", "\"strongroom.sock\"");
        section.error("address", format!("is missing: name the path of the socket, such as {line}"))
    })?;
    let mode = section.text("socket_mode")?.map(|mode| {
        let bits = u32::from_str_radix(&mode, 8).ok().filter(|bits| *bits <= MODE_MAX);
        let problem = "must be permissions in octal digits, such as \"0660\"";
        bits.ok_or_else(|| section.error("socket_mode", problem))
    });
    Ok(UnixPlace {
        path: path.into(),
        mode: mode.transpose()?,
        user: section.text("socket_user")?,
        group: section.text("socket_group")?,
    })
}

fn read_limits(section: &Section<'_>) -> Result<Limits, ConfigError> {
    let mut limits = Limits::default();
    for (key, time) in [
        ("http_idle_timeout", &mut limits.idle_time_max),
        ("http_read_header_timeout", &mut limits.head_time_max),
        // The reference bounds the whole request, the core the silence of its sender.
        ("http_read_timeout", &mut limits.body_silence_max),
        ("http_write_timeout", &mut limits.write_silence_max),
    ] {
        *time = section.duration(key)?.unwrap_or(*time);
    }
    if let Some(size) = section.size("max_request_size")? {
        let max = limit::BODY_BYTES_CEILING;
        let size = usize::try_from(size).ok().filter(|size| *size <= max);
        let problem = format!("must be from 1 to {max} bytes: no request here is without a limit");
        limits.body_bytes_max = size.ok_or_else(|| section.error("max_request_size", problem))?;
    }
    Ok(limits)
}

fn read_rules(section: &Section<'_>, time_max: Duration) -> Result<Rules, ConfigError> {
    let mut json = json::Limits::default();
    for (key, max) in [
        ("max_request_json_memory", &mut json.memory_max),
        ("max_request_json_strings", &mut json.strings_max),
    ] {
        if let Some(size) = section.size(key)? {
            // A negative one turns the limit off.
            *max = u64::try_from(size).ok();
        }
    }
    let serves = |disable: &str| Ok(section.bool(disable)? == Some(false));
    Ok(Rules {
        json,
        serves_open_root_generation: serves("disable_unauthed_generate_root_endpoints")?,
        serves_open_rekey: serves("disable_unauthed_rekey_endpoints")?,
        requires_request_header: section.bool("require_request_header")?.unwrap_or(false),
        time_max: section.duration("max_request_duration")?.unwrap_or(time_max),
    })
}

/// The fields of `custom_response_headers`: statuses, then names, then values.
fn read_fields(
    section: &Section<'_>,
    warnings: &mut Warnings,
) -> Result<CustomFields, ConfigError> {
    let mut fields = CustomFields::default();
    for (statuses, block) in section.labelled("custom_response_headers")? {
        let Some(statuses) = Statuses::parse(statuses) else {
            let problem =
                "must be \"default\", a class such as \"4xx\", or a status such as \"404\"";
            return Err(block.error("", problem));
        };
        for name in block.entries() {
            let mut values = block.texts(name)?;
            values.retain(|value| !value.is_empty());
            if values.is_empty() {
                continue;
            }
            match fields.set(statuses, name, &values.join("; ")) {
                Ok(()) => {}
                Err(error @ CustomFieldError::Reserved) => {
                    warnings.add(block.place(name), &format!("has no effect: {error}"));
                }
                Err(error) => return Err(block.error(name, error.to_string())),
            }
        }
    }
    Ok(fields)
}
