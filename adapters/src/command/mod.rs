//! The command line: `server` and `version`.

mod server;

use std::io::{self, Write};
use std::process::ExitCode;

use strongroom_core::API_VERSION;

use crate::log;

const USAGE: &str = "\
Usage: strongroom <command> [flags]

Commands:
    server     Runs the server.
    version    Prints the version.

Flags of server:
    -config=PATH              A configuration in HCL or JSON, or a folder of *.hcl and *.json; may be
                              repeated.
    -dev                      A development server: in memory, unsealed, its root token printed.
                              Of a configuration it takes the listeners, beside its own.
    -dev-root-token-id=TOKEN  The root token of the development server.
    -dev-listen-address=H:P   Where it listens; 127.0.0.1:8200 without it.
    -dev-kv-v1                Mounts version 1 of KV at secret/ (implies -dev).
    -dev-no-store-token       Does not save the token in ~/.vault-token.
    -log-level=LEVEL          The least that is logged: trace, debug, info, warn or error.
    -log-format=FORMAT        How it is logged: standard or json.
    -adapter=blocking         How sockets are served; blocking is the only way yet.
    -allow-trailing-period    Lets paths of secrets end in a period.

-dev-root-token-id, -dev-listen-address, -log-level and -log-format are also read from
VAULT_DEV_ROOT_TOKEN_ID, VAULT_DEV_LISTEN_ADDRESS, VAULT_LOG_LEVEL and VAULT_LOG_FORMAT, or the same
with BAO_ in front.
";

/// Runs the command that the words name; gives the exit status.
pub fn run(words: impl IntoIterator<Item = String>) -> ExitCode {
    let mut words = words.into_iter();
    match words.next().as_deref() {
        Some("version" | "-version" | "--version" | "-v") => {
            print(&format!("Strongroom v{API_VERSION}\n"))
        }
        Some("server") => match server::run(words) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => fail(&error),
        },
        Some("help" | "-help" | "--help" | "-h") => print(USAGE),
        Some(other) => fail(&format!("unknown command {other:?}\n\n{USAGE}")),
        None => fail(USAGE),
    }
}

fn print(text: &str) -> ExitCode {
    match io::stdout().write_all(text.as_bytes()).and_then(|()| io::stdout().flush()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn fail(text: &str) -> ExitCode {
    log::error(text);
    ExitCode::FAILURE
}
