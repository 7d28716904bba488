//! A server of its own folder, started again and again: its configuration, its listeners and its keys.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use strongroom_tests::certificate::Authority;

use crate::peer::{Way, ask};
use crate::process::{Folder, Process, command_of, read_greeting, strongroom};
use crate::serving::{client, server_files};

/// Twice what a server gives requests under way, for a machine under load.
pub(crate) const GRACE: Duration = Duration::from_secs(16);

/// A server in a folder, on one adapter, with listeners that are plain, with TLS, and in the file system.
pub(crate) struct Site {
    pub(crate) folder: Folder,
    pub(crate) authority: Authority,
    program: fn() -> Command,
    adapter: &'static str,
}

/// Its process.
pub(crate) struct Life {
    pub(crate) process: Process,
    /// The ways to it: plain, with TLS, and by the file system.
    pub(crate) ways: [Way; 3],
    pub(crate) plain: SocketAddr,
}

impl Site {
    pub(crate) fn new(adapter: &'static str) -> Self {
        Self::of(|| Command::new(strongroom()), adapter)
    }

    /// The same of another program.
    pub(crate) fn of(program: fn() -> Command, adapter: &'static str) -> Self {
        let (folder, authority) = (Folder::new(), Authority::new("authority"));
        let files = server_files(&authority, folder.path());
        let listener = |more: Value| {
            let mut tcp = json!({"address": "127.0.0.1:0"});
            tcp.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            json!({ "tcp": tcp })
        };
        let config = json!({
            "storage": {"file": {"path": folder.path().join("data")}},
            "listener": [
                listener(json!({"tls_disable": true})),
                listener(json!({"tls_cert_file": files.certificate, "tls_key_file": files.key})),
                {"unix": {"address": socket(&folder)}},
            ],
        });
        folder.write("server.json", &config.to_string());
        Self { folder, authority, program, adapter }
    }

    pub(crate) fn start(&self) -> Life {
        let config = format!("-config={}", self.folder.path().join("server.json").display());
        let log = File::create(self.folder.path().join("log")).unwrap();
        let adapter = format!("-adapter={}", self.adapter);
        let arguments = ["server", &config, &adapter];
        let mut command = command_of((self.program)(), &self.folder, &arguments);
        let mut process = Process::start(command.stdout(Stdio::piped()).stderr(log));
        let (greeting, _) = read_greeting(&mut process);
        let behind = |line: &String| {
            line.split_once("tcp (addr: \"")?.1.split_once('"')?.0.parse::<SocketAddr>().ok()
        };
        let addresses: Vec<SocketAddr> = greeting.iter().filter_map(behind).collect();
        let [plain, secured] = addresses[..] else { panic!("{greeting:?}") };
        let ways = [
            Way::Plain(plain),
            Way::Tls(secured, client(&self.authority.pem())),
            Way::Unix(socket(&self.folder)),
        ];
        Life { process, ways, plain }
    }

    /// Starts and initialises it; gives the key that unseals it and the root token too.
    pub(crate) fn found(&self) -> (Life, String, String) {
        let life = self.start();
        let body = r#"{"secret_shares":1,"secret_threshold":1}"#;
        let made = ask(&life.ways[0], "PUT", "/v1/sys/init", "", body).json();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let (key, token) = (text(&made["keys"][0]), text(&made["root_token"]));
        life.unseal(&key);
        (life, key, token)
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap()
    }
}

pub(crate) fn socket(folder: &Folder) -> PathBuf {
    folder.path().join("socket")
}

impl Life {
    pub(crate) fn unseal(&self, key: &str) {
        let body = json!({ "key": key }).to_string();
        assert_eq!(ask(&self.ways[0], "PUT", "/v1/sys/unseal", "", &body).status, 200);
    }

    /// Requires that it ends by itself, with this status.
    pub(crate) fn expect_end(&mut self, status: i32, time: Duration) {
        assert!(self.process.ends_within(time), "it does not end");
        assert_eq!(self.process.child.wait().unwrap().code(), Some(status));
    }
}
