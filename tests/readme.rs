//! The README's sessions go as they are printed there, and its configuration works.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::peer::ask;
use strongroom_tests::certificate::Authority;

use crate::process::{ConfiguredServer, DevServer, Folder, strongroom};

const README: &str = include_str!("../README.md");

/// A line of a session: the request, and what is printed below it.
struct Line {
    method: String,
    target: String,
    token: String,
    body: String,
    printed: String,
}

#[test]
fn the_session_with_a_development_server_goes_as_printed() {
    let server = DevServer::start(&["-dev-root-token-id=root"]);
    let session = between(behind("## Try it"), "```console\n", "```");
    assert_eq!(play(session, server.address), 6, "every line of the session is understood");
}

/// By the shell, with the program that the README calls, in one folder as there.
#[test]
fn the_configuration_works_and_its_sessions_go_as_printed() {
    let chapter = behind("## Run it for real");
    let home = Folder::new();
    let folder = home.path().to_owned();
    std::os::unix::fs::symlink(strongroom(), folder.join("strongroom")).unwrap();
    let authority = Authority::new("the reader");
    let pair = authority.issue(&["127.0.0.1"]);
    home.write("server.crt", &pair.certificate);
    home.write("server.key", &pair.key);
    let ca = home.write("ca.crt", &authority.pem());
    let mut config = between(chapter, "```hcl\n", "```").replace(":8200\"", ":0\"");
    for printed in ["\"data\"", "\"server.crt\"", "\"server.key\""] {
        let here = format!("{:?}", folder.join(printed.trim_matches('"')));
        assert_eq!(config.matches(printed).count(), 1, "{printed}");
        config = config.replace(printed, &here);
    }
    let config = format!("-config={}", home.write("strongroom.hcl", &config));
    let mut made = Vec::new();
    let mut rest = chapter;
    for lines in [4, 3] {
        // The one before is killed by the start of this one.
        let server = ConfiguredServer::start_with(Folder::new(), &[&config]);
        let (session, behind) =
            rest.split_once("```console\n").unwrap().1.split_once("```").unwrap();
        rest = behind;
        let count = play_by_shell(session, &folder, &server.address(), &ca, &mut made);
        assert_eq!(count, lines, "every line of the session is understood");
    }
}

/// Plays a session of commands, and gives how many they were. `made` is what differs each time, as it
/// is printed and as it came.
fn play_by_shell(
    session: &str,
    folder: &Path,
    address: &SocketAddr,
    ca: &str,
    made: &mut Vec<(String, String)>,
) -> usize {
    let path = format!("{}:{}", folder.display(), std::env::var("PATH").unwrap());
    let mut count = 0;
    for step in session.split("$ ").skip(1) {
        let (line, printed) = step.split_once('\n').unwrap();
        if line.starts_with("export ") {
            continue;
        }
        let line =
            made.iter().fold(line.to_owned(), |line, (printed, got)| line.replace(printed, got));
        let mut shell = Command::new("sh");
        shell.args(["-c", &line]).current_dir(folder).env("PATH", &path).env("HOME", folder);
        for name in ["TOKEN", "ADDR", "CACERT", "NAMESPACE", "FORMAT"] {
            shell.env_remove(format!("VAULT_{name}")).env_remove(format!("BAO_{name}"));
        }
        shell.env("VAULT_ADDR", format!("https://{address}")).env("VAULT_CACERT", ca);
        let output = shell.output().unwrap();
        let shown = String::from_utf8(output.stdout).unwrap();
        let errors = String::from_utf8(output.stderr).unwrap();
        assert_eq!(shown.lines().count(), printed.lines().count(), "{line}: {shown}{errors}");
        for (got, printed) in shown.lines().zip(printed.lines()) {
            let secret = |text: &'_ str| {
                let names = ["Unseal Key 1: ", "Initial Root Token: "];
                names.iter().find_map(|name| text.strip_prefix(name)).map(str::to_owned)
            };
            match secret(printed) {
                Some(value) => made.push((value, secret(got).unwrap())),
                None => assert_eq!(got, printed, "{line}"),
            }
        }
        count += 1;
    }
    count
}

fn behind(title: &str) -> &'static str {
    README.split_once(title).unwrap().1
}

fn between<'a>(text: &'a str, start: &str, end: &str) -> &'a str {
    text.split_once(start).unwrap().1.split_once(end).unwrap().0
}

/// Plays a session with `curl`, and gives how many requests it has.
fn play(session: &str, address: SocketAddr) -> usize {
    let lines = read(session);
    for line in &lines {
        let answer = ask(address, &line.method, &line.target, &line.token, &line.body);
        assert!(answer.status < 500, "{} {}", line.method, line.target);
        let got = String::from_utf8(answer.body).unwrap();
        let (mut got, mut printed) = (json(&got), json(&line.printed));
        hide_id(&mut got);
        hide_id(&mut printed);
        assert_eq!(got, printed, "{} {}", line.method, line.target);
    }
    lines.len()
}

/// The id of a request differs each time, but for its length.
fn hide_id(value: &mut Value) {
    if let Some(id) = value.pointer_mut("/request_id") {
        *id = id.as_str().map(str::len).into();
    }
}

/// What is printed; nothing is no value.
fn json(printed: &str) -> Value {
    serde_json::from_str(printed).unwrap_or(Value::Null)
}

fn read(session: &str) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    for text in session.lines() {
        match text.strip_prefix("$ curl -s ") {
            Some(command) => lines.push(parse(command)),
            None => lines.last_mut().unwrap().printed.push_str(text),
        }
    }
    lines
}

/// The few options that the session uses.
fn parse(command: &str) -> Line {
    let words = split(command);
    let mut line = Line {
        method: "GET".to_owned(),
        target: String::new(),
        token: String::new(),
        body: String::new(),
        printed: String::new(),
    };
    let mut words = words.into_iter();
    while let Some(word) = words.next() {
        match word.as_str() {
            "-H" => {
                let field = words.next().unwrap();
                line.token = field.strip_prefix("X-Vault-Token: ").unwrap().to_owned();
            }
            "-X" => line.method = words.next().unwrap(),
            "-d" => line.body = words.next().unwrap(),
            url => line.target = url.strip_prefix("http://127.0.0.1:8200").unwrap().to_owned(),
        }
    }
    line
}

/// Words as a shell splits them, with single quotes only.
fn split(command: &str) -> Vec<String> {
    command
        .split('\'')
        .enumerate()
        .flat_map(|(at, part)| {
            if at % 2 == 1 {
                vec![part.to_owned()]
            } else {
                part.split_whitespace().map(str::to_owned).collect()
            }
        })
        .collect()
}
