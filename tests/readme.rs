//! The README's sessions with `curl` go as they are printed there, and its configuration works.

use std::net::SocketAddr;

use serde_json::Value;

use crate::peer::ask;
use crate::process::{ConfiguredServer, DevServer, Folder};

const README: &str = include_str!("../README.md");

/// A line of a session: the request, and what is printed below it.
struct Line {
    method: String,
    target: String,
    token: String,
    body: String,
    /// Whether what is printed is thrown away.
    is_silent: bool,
    printed: String,
}

#[test]
fn the_session_with_a_development_server_goes_as_printed() {
    let server = DevServer::start(&["-dev-root-token-id=root"]);
    play(behind("## Try it"), 6, server.address, &mut Vec::new());
}

#[test]
fn the_configuration_works_and_its_session_goes_as_printed() {
    let chapter = behind("## Run it for real");
    let mut config = between(chapter, "```hcl\n", "```").to_owned();
    let home = Folder::new();
    let data = format!("{:?}", home.path().join("data"));
    for (printed, here) in [("\"127.0.0.1:8200\"", "\"127.0.0.1:0\""), ("\"data\"", data.as_str())]
    {
        assert_eq!(config.matches(printed).count(), 1, "{printed}");
        config = config.replace(printed, here);
    }
    let config = format!("-config={}", home.write("strongroom.hcl", &config));
    let mut made = Vec::new();
    let server = ConfiguredServer::start_with(Folder::new(), &[&config]);
    let rest = play(chapter, 4, server.address(), &mut made);
    // This kills it.
    drop(server);
    let server = ConfiguredServer::start_with(Folder::new(), &[&config]);
    play(rest, 2, server.address(), &mut made);
}

fn behind(title: &str) -> &'static str {
    README.split_once(title).unwrap().1
}

fn between<'a>(text: &'a str, start: &str, end: &str) -> &'a str {
    text.split_once(start).unwrap().1.split_once(end).unwrap().0
}

/// Plays the first session of a chapter, and gives what is behind it. `made` is what differs each time,
/// as it is printed and as it came.
fn play<'a>(
    chapter: &'a str,
    length: usize,
    address: SocketAddr,
    made: &mut Vec<(String, String)>,
) -> &'a str {
    let session = chapter.split_once("```console\n").unwrap().1;
    let (session, rest) = session.split_once("```").unwrap();
    let lines = read(session);
    assert_eq!(lines.len(), length, "every line of the session is understood");
    for mut line in lines {
        for (printed, got) in made.iter() {
            line.token = line.token.replace(printed, got);
            line.body = line.body.replace(printed, got);
        }
        let answer = ask(address, &line.method, &line.target, &line.token, &line.body);
        assert!(answer.status < 500, "{} {}", line.method, line.target);
        if line.is_silent {
            assert_eq!(answer.status, 200, "{} {}", line.method, line.target);
            continue;
        }
        let got = String::from_utf8(answer.body).unwrap();
        let (mut got, mut printed) = (json(&got), json(&line.printed));
        for pointer in ["/request_id", "/keys/0", "/keys_base64/0", "/root_token"] {
            made.extend(take(&mut printed, pointer).zip(take(&mut got, pointer)));
        }
        assert_eq!(got, printed, "{} {}", line.method, line.target);
    }
    rest
}

/// Takes a text out that differs each time, but for its length.
fn take(value: &mut Value, pointer: &str) -> Option<String> {
    let place = value.pointer_mut(pointer)?;
    let text = place.as_str()?.to_owned();
    *place = text.len().into();
    Some(text)
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
        is_silent: false,
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
            "-o" => line.is_silent = words.next().as_deref() == Some("/dev/null"),
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
