//! Clients that others wrote, unchanged, against the real server.
//!
//! Each brings a script of asserts in its own language. What it runs on is pinned, and installed
//! once below the target folder; installing is the only thing here that needs a network.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use strongroom_tests::certificate::Authority;

use crate::process::{DevServer, Folder, strongroom, target_folder};
use crate::serving::{ADAPTERS, server_files};

const REQUIREMENTS: &str = include_str!("clients/requirements.txt");

#[test]
fn serves_hvac() {
    let server = DevServer::start(&["-dev-kv-v1"]);
    let mut command = script("hvac.py", &server.home);
    run(command
        .env("STRONGROOM_ADDRESS", format!("http://{}", server.address))
        .env("STRONGROOM_TOKEN", &server.root_token));
}

#[test]
fn serves_mounts_policies_and_namespaces_to_hvac() {
    for adapter in ADAPTERS {
        let server = DevServer::start(&["-dev-kv-v1", &format!("-adapter={adapter}")]);
        let mut command = script("hvac_system.py", &server.home);
        run(command
            .env("STRONGROOM_ADDRESS", format!("http://{}", server.address))
            .env("STRONGROOM_TOKEN", &server.root_token));
    }
}

/// hvac starts the server itself, as its own tests do, and opens it.
#[test]
fn is_started_and_opened_by_hvac() {
    for adapter in ADAPTERS {
        let (home, authority) = (Folder::new(), Authority::new("authority"));
        server_files(&authority, home.path());
        home.write("authority.crt", &authority.pem());
        let mut command = script("hvac_start.py", &home);
        run(command
            .env("STRONGROOM_ADAPTER", adapter)
            .env("STRONGROOM_BINARY", strongroom())
            .env("STRONGROOM_TLS", home.path()));
    }
}

/// A script for Python, in a home of its own and without settings of its surroundings.
fn script(name: &str, home: &Folder) -> Command {
    let mut command = Command::new(python());
    command
        // Isolated: its own folder is not searched, so that `hvac` is the library, not the script.
        .arg("-I")
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("clients").join(name))
        .env("HOME", home.path())
        .env("NO_PROXY", "127.0.0.1")
        .env_remove("VAULT_ADDR")
        .env_remove("VAULT_CACERT")
        .env_remove("VAULT_NAMESPACE")
        .env_remove("VAULT_TOKEN");
    command
}

/// A Python that has what the scripts need. It is made anew when Python or the requirements change.
fn python() -> &'static Path {
    static PYTHON: OnceLock<PathBuf> = OnceLock::new();
    PYTHON.get_or_init(install)
}

fn install() -> PathBuf {
    let version = run(Command::new("python3").arg("--version"));
    let folder = target_folder().join("clients/python");
    let (python, stamp) = (folder.join("bin/python"), folder.join("installed.txt"));
    let wanted = version + REQUIREMENTS;
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return python;
    }
    run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder));
    let requirements = Path::new(env!("CARGO_MANIFEST_DIR")).join("clients/requirements.txt");
    run(Command::new(&python)
        .args(["-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check"])
        .args(["--require-hashes", "--only-binary=:all:", "-r"])
        .arg(requirements));
    // Last, so that a half made folder is made again.
    fs::write(&stamp, wanted).unwrap();
    python
}

/// Runs a command, which must succeed, and gives what it printed.
fn run(command: &mut Command) -> String {
    let output = command.stdin(Stdio::null()).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {}\n{text}{errors}", output.status);
    text
}
