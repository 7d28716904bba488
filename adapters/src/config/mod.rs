//! The configuration of a server: files to a typed [`Config`].
//!
//! A file is read into a tree of blocks, whatever its syntax (`syntax`), and that block by block into
//! types (`section`); what each key means stands in one table for each kind of block. Several files are one
//! configuration: listeners add up, of everything else the last counts.
//!
//! Invariants: nothing that asks for more safety than this build gives passes without a word; errors and
//! warnings name file, block and key, and never repeat a value, but for the host in the command that
//! makes a certificate for it.

mod listener;
mod section;
mod storage;
mod syntax;
mod tls;

use std::fmt;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use strongroom_core::hcl::Block;
use strongroom_core::limit;
use zeroize::Zeroizing;

pub use listener::{ClientCerts, DEFAULT_ADDRESS, Listener, Place, Tls, TlsVersion, UnixPlace};
use section::{Section, Use};
pub use storage::Storage;
use syntax::Syntax;

use crate::log::{Format, Level};

/// Bytes of one file.
const FILE_BYTES_MAX: u64 = limit::DOCUMENT_BYTES_MAX as u64;
/// Warnings that are told one by one: together they fit into a pipe that nobody reads.
const WARNINGS_MAX: usize = 50;

/// See the module.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// Where the server keeps its records.
    pub storage: Option<Storage>,
    /// Where it listens.
    pub listeners: Vec<Listener>,
    /// How the cluster is called from its initialisation on.
    pub cluster_name: Option<String>,
    /// How long tokens and leases last where nobody says.
    pub default_lease_ttl: Option<Duration>,
    /// How long they last at most.
    pub max_lease_ttl: Option<Duration>,
    /// Where the process writes its id.
    pub pid_file: Option<PathBuf>,
    /// The least of what is logged.
    pub log_level: Option<Level>,
    /// How lines of the log are written.
    pub log_format: Option<Format>,
    /// What the operator should know.
    pub warnings: Warnings,
}

/// Lines for the operator.
#[derive(Clone, Debug, Default)]
pub struct Warnings {
    lines: Vec<String>,
    /// Those that were too many to be kept.
    left_out: usize,
}

/// Why a configuration cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// File, block and key.
    place: String,
    /// What is wrong there, and what to do.
    problem: String,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.problem)
    }
}

impl std::error::Error for ConfigError {}

impl Warnings {
    /// The lines, and a last one if there are more.
    pub fn lines(&self) -> Vec<String> {
        let more = (self.left_out > 0).then(|| format!("{} more warnings", self.left_out));
        self.lines.iter().cloned().chain(more).collect()
    }

    fn add(&mut self, place: String, what: &str) {
        if self.lines.len() < WARNINGS_MAX {
            self.lines.push(format!("{place} {what}"));
        } else {
            self.left_out += 1;
        }
    }
}

const KEYS: &[(&str, Use)] = &[
    ("audit", Use::Read),
    ("backend", Use::Read),
    ("cluster_name", Use::Read),
    ("default_lease_ttl", Use::Read),
    ("default_max_request_duration", Use::Read),
    ("listener", Use::Read),
    ("log_format", Use::Read),
    ("log_level", Use::Read),
    ("log_requests_level", Use::Read),
    ("max_lease_ttl", Use::Read),
    ("pid_file", Use::Read),
    ("seal", Use::Read),
    ("storage", Use::Read),
    ("administrative_namespace_path", Use::Quiet),
    ("allow_audit_log_prefixing", Use::Quiet),
    ("api_addr", Use::Quiet),
    ("cache_size", Use::Quiet),
    ("cluster_addr", Use::Quiet),
    ("cluster_cipher_suites", Use::Quiet),
    ("detect_deadlocks", Use::Quiet),
    ("disable_cache", Use::Quiet),
    ("disable_clustering", Use::Quiet),
    ("disable_indexing", Use::Quiet),
    ("disable_mlock", Use::Quiet),
    ("disable_performance_standby", Use::Quiet),
    ("disable_sealwrap", Use::Quiet),
    ("disable_sentinel_trace", Use::Quiet),
    ("disable_standby_reads", Use::Quiet),
    ("disable_unauthed_rekey_endpoints", Use::Quiet),
    ("enable_post_unseal_trace", Use::Quiet),
    ("experiments", Use::Quiet),
    ("imprecise_lease_role_tracking", Use::Quiet),
    ("introspection_endpoint", Use::Quiet),
    ("license_path", Use::Quiet),
    ("plugin", Use::Quiet),
    ("plugin_auto_download", Use::Quiet),
    ("plugin_auto_register", Use::Quiet),
    ("plugin_directory", Use::Quiet),
    ("plugin_download_behavior", Use::Quiet),
    ("plugin_file_permissions", Use::Quiet),
    ("plugin_file_uid", Use::Quiet),
    ("plugin_tmpdir", Use::Quiet),
    ("post_unseal_trace_directory", Use::Quiet),
    ("raw_storage_endpoint", Use::Quiet),
    ("redirect_addr", Use::Quiet),
    ("reporting", Use::Quiet),
    ("ui", Use::Quiet),
    ("unsafe_allow_api_audit_creation", Use::Quiet),
    ("unsafe_cross_namespace_identity", Use::Quiet),
    ("allow_unauthenticated_workflows", Use::Absent),
    ("deny_slash_in_templated_paths", Use::Absent),
    ("disable_printable_check", Use::Absent),
    ("enable_response_header_hostname", Use::Absent),
    ("enable_response_header_raft_node_id", Use::Absent),
    ("entropy", Use::Absent),
    ("ha_backend", Use::Absent),
    ("ha_storage", Use::Absent),
    ("initialize", Use::Absent),
    ("log_file", Use::Absent),
    ("log_rotate_bytes", Use::Absent),
    ("log_rotate_duration", Use::Absent),
    ("log_rotate_max_files", Use::Absent),
    ("sentinel", Use::Absent),
    ("service_registration", Use::Absent),
    ("telemetry", Use::Absent),
    ("unsafe_relative_paths", Use::Absent),
    ("user_lockout", Use::Absent),
];

/// A file as it was read.
struct Source {
    file: String,
    syntax: Syntax,
    block: Block,
}

impl Source {
    fn parse(file: &str, bytes: &[u8]) -> Result<Self, ConfigError> {
        let file = file.to_owned();
        match Syntax::read(bytes) {
            Ok((syntax, block)) => Ok(Self { file, syntax, block }),
            Err(problem) => Err(ConfigError { place: file, problem }),
        }
    }
}

impl Config {
    /// Reads files, and every `*.hcl` and `*.json` of folders in the order of their names.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] for the first thing that cannot be used.
    pub fn load<'a>(paths: impl IntoIterator<Item = &'a Path>) -> Result<Self, ConfigError> {
        let mut sources = Vec::new();
        for path in paths {
            for file in files_of(path)? {
                sources.push(read_file(&file)?);
            }
        }
        Self::from_sources(&sources)
    }

    fn from_sources(sources: &[Source]) -> Result<Self, ConfigError> {
        let mut config = Self::default();
        let mut time_max = limit::REQUEST_TIME_MAX;
        for source in sources {
            let top = Section::top(source);
            config.read_settings(&top)?;
            time_max = top.duration("default_max_request_duration")?.unwrap_or(time_max);
        }
        // Behind all settings, which hold for the listeners of every file.
        for source in sources {
            let top = Section::top(source);
            let listeners = Listener::read_all(&top, time_max, &mut config.warnings)?;
            config.listeners.extend(listeners);
            let (default, max) = config.lease_ttls();
            if default > max {
                let problem = "is longer than max_lease_ttl, which is 768h where it is not set";
                return Err(top.error("default_lease_ttl", problem));
            }
        }
        Ok(config)
    }

    /// Everything but the listeners.
    fn read_settings(&mut self, top: &Section<'_>) -> Result<(), ConfigError> {
        top.check_keys(KEYS, &mut self.warnings);
        refuse_other_seals(top)?;
        // A device without options is a device.
        if top.has("audit") {
            let problem = "audit devices are not in this build: a server that is told to record \
                           every request and does not would be worse than none; take the block out";
            return Err(top.error("audit", problem));
        }
        if let Some(storage) = Storage::read(top, &mut self.warnings)? {
            self.storage = Some(storage);
        }
        if let Some(name) = top.text("cluster_name")? {
            self.cluster_name = Some(name);
        }
        self.default_lease_ttl = top.duration("default_lease_ttl")?.or(self.default_lease_ttl);
        self.max_lease_ttl = top.duration("max_lease_ttl")?.or(self.max_lease_ttl);
        if let Some(path) = top.path("pid_file")? {
            self.pid_file = Some(path);
        }
        self.read_log(top)
    }

    fn read_log(&mut self, top: &Section<'_>) -> Result<(), ConfigError> {
        let levels = format!("must be one of {}", Level::WORDS);
        let formats = format!("must be one of {}", Format::WORDS);
        self.log_level = top.word("log_level", Level::parse, &levels)?.or(self.log_level);
        self.log_format = top.word("log_format", Format::parse, &formats)?.or(self.log_format);
        // Whoever says "off" says no more than who says nothing.
        let requests = |word: &str| {
            if word.eq_ignore_ascii_case("off") { Some(None) } else { Level::parse(word).map(Some) }
        };
        if top.word("log_requests_level", requests, &levels)?.flatten().is_some() {
            self.warnings.add(top.place("log_requests_level"), "has no effect in this build");
        }
        Ok(())
    }

    /// How long tokens and leases last where nobody says, and at most; both are set.
    pub fn lease_ttls(&self) -> (Duration, Duration) {
        let standard = Duration::from_secs(limit::TTL_SECONDS.unsigned_abs());
        let max = self.max_lease_ttl.unwrap_or(standard);
        (self.default_lease_ttl.unwrap_or_else(|| standard.min(max)), max)
    }
}

/// A build that cannot open itself does not start as if it were asked for its unseal keys.
fn refuse_other_seals(top: &Section<'_>) -> Result<(), ConfigError> {
    for (kind, section) in top.labelled("seal")? {
        if kind.eq_ignore_ascii_case("shamir") || section.bool("disabled")? == Some(true) {
            continue;
        }
        let problem = "seals that open themselves are not in this build: take the block out, and \
                       unseal with the unseal keys";
        return Err(section.error("", problem));
    }
    Ok(())
}

/// The file, or the files of a folder by their names.
fn files_of(path: &Path) -> Result<Vec<PathBuf>, ConfigError> {
    let error = |problem: String| ConfigError { place: path.display().to_string(), problem };
    let metadata = fs::metadata(path).map_err(|why| error(format!("cannot be read: {why}")))?;
    if !metadata.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut files = Vec::new();
    for entry in fs::read_dir(path).map_err(|why| error(format!("cannot be read: {why}")))? {
        let file = entry.map_err(|why| error(format!("cannot be read: {why}")))?.path();
        let name = file.file_name().map(|name| name.to_string_lossy().into_owned());
        let name = name.unwrap_or_default();
        if name.starts_with(['.', '#']) || !file.is_file() {
            continue;
        }
        if name.ends_with(".hcl") || name.ends_with(".json") {
            files.push(file);
        }
    }
    files.sort();
    Ok(files)
}

fn read_file(path: &Path) -> Result<Source, ConfigError> {
    let file = path.display().to_string();
    let error = |problem: String| ConfigError { place: file.clone(), problem };
    let mut bytes = Zeroizing::new(Vec::new());
    let opened = fs::File::open(path).map_err(|why| error(format!("cannot be read: {why}")))?;
    opened
        .take(FILE_BYTES_MAX + 1)
        .read_to_end(&mut bytes)
        .map_err(|why| error(format!("cannot be read: {why}")))?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length > FILE_BYTES_MAX) {
        return Err(error(format!("is larger than {FILE_BYTES_MAX} bytes")));
    }
    Source::parse(&file, &bytes)
}

#[cfg(test)]
mod tests;
