//! `server`: runs the server.

use std::env;
use std::net::SocketAddr;
use std::path::Path;

use super::print;
use crate::config::{Config, DEFAULT_ADDRESS, Listener, Storage};
use crate::flag::{Described, Flag, Parsed};
use crate::host::Host;
use crate::log::{self, Format, Level};
use crate::pid_file::PidFile;
use crate::start::{self, Adapter, Server};
use crate::stop::Stop;
use crate::{dev, notify, signal};

pub(super) const FLAGS: &[Described] = &[
    Described::valued(
        "config",
        "PATH",
        "A configuration in HCL or JSON, or a folder of *.hcl and *.json; may be repeated.",
    ),
    Described::switch(
        "dev",
        "A development server: in memory, unsealed, its root token printed. Of a configuration it \
         takes the listeners, beside its own.",
    ),
    Described::valued(
        "dev-root-token-id",
        "TOKEN",
        "The root token of the development server. Also read from BAO_DEV_ROOT_TOKEN_ID and \
         VAULT_DEV_ROOT_TOKEN_ID.",
    ),
    Described::valued(
        "dev-listen-address",
        "H:P",
        "Where it listens; 127.0.0.1:8200 without it. Also read from BAO_DEV_LISTEN_ADDRESS and \
         VAULT_DEV_LISTEN_ADDRESS.",
    ),
    Described::switch("dev-kv-v1", "Mounts version 1 of KV at secret/ (implies -dev)."),
    Described::switch("dev-no-store-token", "Does not save the token in ~/.vault-token."),
    Described::valued(
        "adapter",
        "NAME",
        "How sockets are served: smol, for thousands of connections, or blocking, in little memory; \
         smol without it.",
    ),
    Described::valued("workers", "N", "Threads of the adapter smol; without it one for each core."),
    Described::valued(
        "log-level",
        "LEVEL",
        "The least that is logged: trace, debug, info, warn or error. Also read from BAO_LOG_LEVEL \
         and VAULT_LOG_LEVEL.",
    ),
    Described::valued(
        "log-format",
        "FORMAT",
        "How it is logged: standard or json. Also read from BAO_LOG_FORMAT and VAULT_LOG_FORMAT.",
    ),
    Described::switch("allow-trailing-period", "Lets paths of secrets end in a period."),
];

/// Serves until the process is ended.
pub(super) fn run(words: impl IntoIterator<Item = String>) -> Result<(), String> {
    let known: Vec<Flag> = FLAGS.iter().map(|row| row.flag).collect();
    let flags = Parsed::parse(&known, words).map_err(|error| error.to_string())?;
    if let Some(word) = flags.words.first() {
        return Err(format!("unexpected argument {word:?}"));
    }
    let adapter = Adapter::choose(flags.value("adapter"), flags.value("workers"))?;
    let is_dev = is_dev(&flags);
    if !is_dev && flags.value("config").is_none() {
        let text = "a server needs -config=FILE, or -dev for a development server";
        return Err(text.to_owned());
    }
    let config = Config::load(flags.values("config").map(Path::new));
    let config = config.map_err(|error| error.to_string())?;
    set_up_log(&flags, &config)?;
    for warning in config.warnings.lines() {
        log::warn(&warning);
    }
    if config.cluster_name.is_some() {
        log::warn("cluster_name has no effect in this build");
    }
    if is_dev { develop(&flags, adapter, config) } else { produce(&flags, adapter, &config) }
}

/// A server for real: what it keeps and where it listens stands in the configuration.
fn produce(flags: &Parsed, adapter: Adapter, config: &Config) -> Result<(), String> {
    let storage = config.storage.as_ref().ok_or(
        "the configuration names no storage: give it one, such as storage \"file\" { path = \"data\" }",
    )?;
    if config.listeners.is_empty() {
        let text = "the configuration names no listener: give it one, such as listener \"tcp\" \
                    { address = \"127.0.0.1:8200\" }";
        return Err(text.to_owned());
    }
    let host = open(flags, adapter, config, storage)?;
    let server = Server::bind(&config.listeners, host, adapter)?;
    serve(server, config.pid_file.as_deref(), storage, "")
}

/// A development server: its own core and listener, and the listeners of the configuration beside it.
fn develop(flags: &Parsed, adapter: Adapter, config: Config) -> Result<(), String> {
    if config.storage.is_some() {
        log::warn(
            "a development server keeps all in memory: the storage of the configuration is not used",
        );
    }
    let host = open(flags, adapter, &config, &Storage::Inmem)?;
    let root_token = setting(flags, "dev-root-token-id", "DEV_ROOT_TOKEN_ID");
    let secrets = dev::set_up(&host, root_token.as_deref()).map_err(|error| error.to_string())?;
    let address = setting(flags, "dev-listen-address", "DEV_LISTEN_ADDRESS");
    let mut listeners = vec![Listener::at(address.as_deref().unwrap_or(DEFAULT_ADDRESS))];
    listeners.extend(config.listeners);
    let server = Server::bind(&listeners, host, adapter)?;
    if !flags.is_on("dev-no-store-token")
        && let Err(error) = dev::store_token(&secrets.root_token)
    {
        log::warn(&format!("the token is not saved in ~/.vault-token: {error}"));
    }
    let text = server.addresses().next().map(|address| introduction(&address, &secrets));
    let text = text.unwrap_or_default();
    serve(server, config.pid_file.as_deref(), &Storage::Inmem, &text)
}

/// Whether a development server is asked for.
fn is_dev(flags: &Parsed) -> bool {
    flags.is_on("dev") || flags.is_on("dev-kv-v1")
}

fn open(
    flags: &Parsed,
    adapter: Adapter,
    config: &Config,
    storage: &Storage,
) -> Result<Host, String> {
    let trailing_period = flags.is_on("allow-trailing-period");
    let core = start::core_config(config, storage, adapter, trailing_period, is_dev(flags));
    start::open_storage(storage, adapter, core)
}

/// Serves until the process is told to stop.
fn serve(
    server: Server,
    pid_file: Option<&Path>,
    storage: &Storage,
    more: &str,
) -> Result<(), String> {
    let watching = Stop::new().and_then(|stop| {
        signal::watch(stop.clone(), server.reload())?;
        Ok(stop)
    });
    let stop = watching.map_err(|error| format!("signals cannot be heard: {error}"))?;
    // Once the addresses are its own: a second server that cannot have them leaves the first one's file.
    let pid_file = pid_file.map(PidFile::write).transpose();
    let _pid_file = pid_file.map_err(|error| format!("pid_file: cannot be written: {error}"))?;
    // A server that nobody listens to serves all the same.
    let _ = print(&server.greeting(storage, more));
    notify::ready();
    server.serve(&stop).map_err(|error| error.to_string())
}

/// What a development server says of itself; tools look for some of the lines.
fn introduction(address: &SocketAddr, secrets: &dev::Secrets) -> String {
    let dev::Secrets { unseal_key, root_token } = secrets;
    format!(
        "\
This is a development server. All it holds is in memory and goes when it stops; it is
unsealed already, and whoever reaches it without TLS can read along. Point clients at it:

    $ export VAULT_ADDR='http://{address}'

Unseal Key: {unseal_key}
Root Token: {root_token}

"
    )
}

/// Sets the log up: a flag counts before a variable, and that before the configuration.
fn set_up_log(flags: &Parsed, config: &Config) -> Result<(), String> {
    let wrong = |flag: &str, variable: &str, words: &str| {
        format!("-{flag}, VAULT_{variable} or BAO_{variable}: must be one of {words}")
    };
    let level = setting(flags, "log-level", "LOG_LEVEL").map(|word| {
        Level::parse(word.trim()).ok_or_else(|| wrong("log-level", "LOG_LEVEL", Level::WORDS))
    });
    let format = setting(flags, "log-format", "LOG_FORMAT").map(|word| {
        Format::parse(word.trim()).ok_or_else(|| wrong("log-format", "LOG_FORMAT", Format::WORDS))
    });
    let level = level.transpose()?.or(config.log_level).unwrap_or_default();
    log::set_up(level, format.transpose()?.or(config.log_format).unwrap_or_default());
    Ok(())
}

/// A flag, or the variable of the same meaning. An empty one is none.
fn setting(flags: &Parsed, flag: &str, variable: &str) -> Option<String> {
    let from_environment = || {
        ["VAULT_", "BAO_"].iter().find_map(|prefix| env::var(format!("{prefix}{variable}")).ok())
    };
    flags.value(flag).map(str::to_owned).or_else(from_environment).filter(|value| !value.is_empty())
}
