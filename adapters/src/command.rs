//! The command line: `server` and `version`.

use std::env;
use std::io::{self, Write};
use std::net::{SocketAddr, ToSocketAddrs};
use std::process::ExitCode;
use std::sync::Arc;

use strongroom_core::{API_VERSION, Config};

use crate::blocking::{self, Server};
use crate::dev;
use crate::flag::{Flag, Parsed};
use crate::host::Host;
use crate::log::note;
use crate::store::Memory;

/// Budget of the core's cache under the blocking adapter, which is for small hosts.
const CACHE_BYTES: usize = 2 * 1024 * 1024;
const DEFAULT_ADDRESS: &str = "127.0.0.1:8200";

const SERVER_FLAGS: [Flag; 8] = [
    Flag { name: "adapter", takes_value: true },
    Flag { name: "allow-trailing-period", takes_value: false },
    Flag { name: "config", takes_value: true },
    Flag { name: "dev", takes_value: false },
    Flag { name: "dev-kv-v1", takes_value: false },
    Flag { name: "dev-listen-address", takes_value: true },
    Flag { name: "dev-no-store-token", takes_value: false },
    Flag { name: "dev-root-token-id", takes_value: true },
];

const USAGE: &str = "\
Usage: strongroom <command> [flags]

Commands:
    server     Runs the server.
    version    Prints the version.

Flags of server:
    -dev                      A development server: in memory, unsealed, its root token printed.
    -dev-root-token-id=TOKEN  The root token of the development server.
    -dev-listen-address=H:P   Where it listens; 127.0.0.1:8200 without it.
    -dev-kv-v1                Mounts version 1 of KV at secret/ (implies -dev).
    -dev-no-store-token       Does not save the token in ~/.vault-token.
    -adapter=blocking         How sockets are served; blocking is the only way yet.
    -allow-trailing-period    Lets paths of secrets end in a period.

-dev-root-token-id and -dev-listen-address are also read from VAULT_DEV_ROOT_TOKEN_ID and
VAULT_DEV_LISTEN_ADDRESS, or the same with BAO_ in front.
";

/// Runs the command that the words name; gives the exit status.
pub fn run(words: impl IntoIterator<Item = String>) -> ExitCode {
    let mut words = words.into_iter();
    match words.next().as_deref() {
        Some("version" | "-version" | "--version" | "-v") => {
            print(&format!("Strongroom v{API_VERSION}\n"))
        }
        Some("server") => match server(words) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => fail(&error),
        },
        Some("help" | "-help" | "--help" | "-h") => print(USAGE),
        Some(other) => fail(&format!("unknown command {other:?}\n\n{USAGE}")),
        None => fail(USAGE),
    }
}

/// Serves until the process is ended.
fn server(words: impl IntoIterator<Item = String>) -> Result<(), String> {
    let flags = Parsed::parse(&SERVER_FLAGS, words).map_err(|error| error.to_string())?;
    if let Some(word) = flags.words.first() {
        return Err(format!("unexpected argument {word:?}"));
    }
    if !matches!(flags.value("adapter"), None | Some("blocking")) {
        return Err("-adapter: blocking is the only adapter of this build".to_owned());
    }
    if flags.value("config").is_some() {
        return Err("-config: this version runs development servers only; use -dev".to_owned());
    }
    if !flags.is_on("dev") && !flags.is_on("dev-kv-v1") {
        return Err("this version runs development servers only; use -dev".to_owned());
    }
    let config = Config {
        allow_trailing_period: flags.is_on("allow-trailing-period"),
        cache_bytes: CACHE_BYTES,
        ..Config::default()
    };
    let address = setting(&flags, "dev-listen-address", "DEV_LISTEN_ADDRESS");
    let address = resolve(address.as_deref().unwrap_or(DEFAULT_ADDRESS))?;
    let root_token = setting(&flags, "dev-root-token-id", "DEV_ROOT_TOKEN_ID");

    let host = Arc::new(Host::new(config, Arc::new(Memory::new())));
    let secrets = dev::set_up(&host, root_token.as_deref()).map_err(|error| error.to_string())?;
    let server = Server::bind(address, host, blocking::Options::default())
        .map_err(|error| format!("cannot listen on {address}: {error}"))?;
    let address = server.local_addr().map_err(|error| error.to_string())?;
    if !flags.is_on("dev-no-store-token")
        && let Err(error) = dev::store_token(&secrets.root_token)
    {
        note(&format!("the token is not saved in ~/.vault-token: {error}"));
    }
    let _ = print(&greeting(&address, &secrets));
    server.run();
    Ok(())
}

/// The first lines of a development server; tools look for some of them.
fn greeting(address: &SocketAddr, secrets: &dev::Secrets) -> String {
    let dev::Secrets { unseal_key, root_token } = secrets;
    format!(
        "\
==> Vault server configuration:

             Api Address: http://{address}
              Listener 1: tcp (addr: \"{address}\", tls: \"disabled\")
                 Storage: inmem
                 Version: Strongroom v{API_VERSION}

This is a development server. All it holds is in memory and goes when it stops; it is
unsealed already, and whoever reaches it without TLS can read along. Point clients at it:

    $ export VAULT_ADDR='http://{address}'

Unseal Key: {unseal_key}
Root Token: {root_token}

==> Vault server started! Log data will stream in below:
"
    )
}

/// A flag, or the variable of the same meaning. An empty one is none.
fn setting(flags: &Parsed, flag: &str, variable: &str) -> Option<String> {
    let from_environment = || {
        ["VAULT_", "BAO_"].iter().find_map(|prefix| env::var(format!("{prefix}{variable}")).ok())
    };
    flags.value(flag).map(str::to_owned).or_else(from_environment).filter(|value| !value.is_empty())
}

fn resolve(address: &str) -> Result<SocketAddr, String> {
    let resolved = address.to_socket_addrs().map_err(|error| error.to_string());
    let mut addresses = resolved.map_err(|error| format!("{address:?} is no address: {error}"))?;
    addresses.next().ok_or_else(|| format!("{address:?} has no address"))
}

fn print(text: &str) -> ExitCode {
    match io::stdout().write_all(text.as_bytes()).and_then(|()| io::stdout().flush()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn fail(text: &str) -> ExitCode {
    note(text);
    ExitCode::FAILURE
}
