//! Programs under test: how they are started and ended.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;
use strongroom_tests::program;

/// The built server.
pub(crate) fn strongroom() -> &'static Path {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    PATH.get_or_init(|| build(&["-p", "strongroom", "--bin", "strongroom"], "strongroom"))
}

/// Builds one program and gives its path, under a name that a later build of others does not touch.
pub(crate) fn build(choice: &[&str], name: &str) -> PathBuf {
    let mut arguments = vec!["--target-dir", target_folder().to_str().unwrap()];
    arguments.extend(choice);
    program::build(&arguments, name, Path::new(env!("CARGO_TARGET_TMPDIR")))
        .unwrap_or_else(|error| panic!("{error}"))
}

/// Where cargo puts what it builds.
pub(crate) fn target_folder() -> &'static Path {
    Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap()
}

/// A folder that goes with this value.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        static LAST: AtomicU32 = AtomicU32::new(0);
        let number = LAST.fetch_add(1, Ordering::Relaxed);
        let name = format!("home-{}-{number}", std::process::id());
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// Writes a file in it, and gives its path.
    pub(crate) fn write(&self, name: &str, text: &str) -> String {
        let path = self.0.join(name);
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A process that ends with this value.
pub(crate) struct Process {
    pub(crate) child: Child,
}

impl Process {
    pub(crate) fn start(command: &mut Command) -> Self {
        Self { child: command.spawn().unwrap() }
    }

    /// Sends a signal by its name. The shell's own `kill` is there even where no program of that
    /// name is.
    pub(crate) fn signal(&self, name: &str) {
        let line = format!("kill -{name} {}", self.child.id());
        assert!(Command::new("sh").args(["-c", &line]).status().unwrap().success());
    }

    /// Whether it ends by itself within this time.
    pub(crate) fn ends_within(&mut self, time: Duration) -> bool {
        let start = Instant::now();
        while start.elapsed() < time {
            if self.child.try_wait().unwrap().is_some() {
                return true;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        false
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The server with these arguments, in a home of its own and without settings of its surroundings.
pub(crate) fn command(home: &Folder, arguments: &[&str]) -> Command {
    command_of(Command::new(strongroom()), home, arguments)
}

/// The same for another program.
pub(crate) fn command_of(mut command: Command, home: &Folder, arguments: &[&str]) -> Command {
    command.args(arguments).env("HOME", home.path()).stdin(Stdio::null());
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(|name| name.starts_with("VAULT_") || name.starts_with("BAO_"))
        {
            command.env_remove(name);
        }
    }
    command
}

/// Runs the server's command to its end.
pub(crate) fn run(arguments: &[&str]) -> Output {
    let home = Folder::new();
    command(&home, arguments).output().unwrap()
}

/// A development server that listens, and what it said at its start.
pub(crate) struct DevServer {
    pub(crate) process: Process,
    pub(crate) address: SocketAddr,
    pub(crate) root_token: String,
    pub(crate) greeting: Vec<String>,
    pub(crate) home: Folder,
    /// Kept open, so that writing to it does not fail.
    _stdout: BufReader<ChildStdout>,
}

impl DevServer {
    pub(crate) fn start(arguments: &[&str]) -> Self {
        Self::start_with(arguments, &[])
    }

    /// Starts it on a port that the system chooses, and reads up to the line that says that it has
    /// started.
    pub(crate) fn start_with(arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        let home = Folder::new();
        let mut command = command(&home, &["server", "-dev", "-dev-listen-address=127.0.0.1:0"]);
        command.args(arguments).envs(variables.iter().copied()).stdout(Stdio::piped());
        let mut process = Process::start(&mut command);
        let (greeting, stdout) = read_greeting(&mut process);
        let behind = |mark: &str| {
            let line = greeting.iter().find_map(|line| line.split_once(mark)).unwrap();
            line.1.to_owned()
        };
        let (address, root_token) = (behind("Api Address: http://"), behind("Root Token: "));
        let address = address.parse().unwrap();
        Self { process, address, root_token, greeting, home, _stdout: stdout }
    }
}

/// A server with a configuration that listens, and what it said at its start.
pub(crate) struct ConfiguredServer {
    process: Process,
    /// Its listeners, in their order.
    pub(crate) addresses: Vec<SocketAddr>,
    pub(crate) greeting: Vec<String>,
    /// Where its configuration is.
    pub(crate) home: Folder,
    /// Kept open, so that writing to it does not fail.
    _stdout: BufReader<ChildStdout>,
}

impl ConfiguredServer {
    pub(crate) fn start(config: &Value) -> Self {
        let home = Folder::new();
        let path = home.write("server.json", &config.to_string());
        Self::start_with(home, &[&format!("-config={path}")])
    }

    /// Starts it with these arguments, and reads up to the line that says that it has started.
    pub(crate) fn start_with(home: Folder, arguments: &[&str]) -> Self {
        let mut command = command(&home, &["server"]);
        command.args(arguments).stdout(Stdio::piped());
        let mut process = Process::start(&mut command);
        let (greeting, stdout) = read_greeting(&mut process);
        let addresses = greeting
            .iter()
            .filter_map(|line| line.split_once("tcp (addr: \"")?.1.split_once('"')?.0.parse().ok())
            .collect();
        Self { process, addresses, greeting, home, _stdout: stdout }
    }

    /// Kills it, as `kill -9` does.
    pub(crate) fn kill(mut self) {
        self.process.child.kill().unwrap();
        self.process.child.wait().unwrap();
    }

    /// The first of its listeners.
    pub(crate) fn address(&self) -> SocketAddr {
        self.addresses[0]
    }
}

/// Reads up to the line that says that a server has started.
pub(crate) fn read_greeting(process: &mut Process) -> (Vec<String>, BufReader<ChildStdout>) {
    let mut stdout = BufReader::new(process.child.stdout.take().unwrap());
    let mut greeting = Vec::new();
    while !greeting.last().is_some_and(|line: &String| line.contains("server started!")) {
        let mut line = String::new();
        assert_ne!(stdout.read_line(&mut line).unwrap(), 0, "it ended after {greeting:?}");
        greeting.push(line.trim_end().to_owned());
    }
    (greeting, stdout)
}
