//! The README's session with `curl` goes as it is printed there.

use serde_json::Value;

use crate::peer::ask;
use crate::process::DevServer;

/// A line of the session: the request, and what is printed below it.
struct Line {
    method: String,
    target: String,
    token: String,
    body: String,
    printed: String,
}

#[test]
fn the_session_goes_as_printed() {
    let readme = include_str!("../README.md");
    let (_, session) = readme.split_once("```console\n").unwrap();
    let (session, _) = session.split_once("```").unwrap();
    let lines = read(session);
    assert_eq!(lines.len(), 6, "every line of the session is understood");
    let server = DevServer::start(&["-dev-root-token-id=root"]);
    for line in lines {
        let answer = ask(server.address, &line.method, &line.target, &line.token, &line.body);
        let got = String::from_utf8(answer.body).unwrap();
        assert_eq!(plain(&got), plain(&line.printed), "{} {}", line.method, line.target);
    }
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

/// The printed text without the id, which differs each time.
fn plain(printed: &str) -> Value {
    let mut value: Value = serde_json::from_str(printed).unwrap_or(Value::Null);
    if let Some(id) = value.get_mut("request_id") {
        assert_eq!(id.as_str().map(str::len), Some(36));
        *id = Value::Null;
    }
    value
}
