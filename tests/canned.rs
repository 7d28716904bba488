//! A server of written answers: for what commands ask of servers that have more than ours, and for
//! what goes wrong on the way.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::thread;

/// Method and target, and the status, more header fields, and the body of its answer. A row serves any
/// number of requests, and of several that fit each comes in turn but the last, which stays.
pub(crate) type Answer = (&'static str, u16, String, String);

/// A request as it came.
pub(crate) struct Seen {
    /// Method and target.
    pub(crate) line: String,
    /// Header fields, in lower case, with their values as they came.
    pub(crate) fields: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Seen {
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(field, _)| field == name).map(|(_, value)| value.as_str())
    }
}

/// The server; it lives as long as the process.
pub(crate) struct Canned {
    pub(crate) address: String,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Canned {
    /// Listens on a port that the system chooses.
    pub(crate) fn start(answers: Vec<Answer>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let seen = Arc::default();
        let connections = std::iter::from_fn(move || listener.accept().ok());
        serve(connections.map(|(stream, _)| stream), answers, Arc::clone(&seen));
        Self { address, seen }
    }

    /// Listens on a socket at this path.
    #[cfg(unix)]
    pub(crate) fn start_at(path: &std::path::Path, answers: Vec<Answer>) -> Self {
        let listener = std::os::unix::net::UnixListener::bind(path).unwrap();
        let seen = Arc::default();
        let connections = std::iter::from_fn(move || listener.accept().ok());
        serve(connections.map(|(stream, _)| stream), answers, Arc::clone(&seen));
        Self { address: format!("unix://{}", path.display()), seen }
    }

    /// The requests since the last look.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        std::mem::take(&mut self.seen.lock().unwrap())
    }
}

fn serve<S: Read + Write + Send + 'static>(
    connections: impl Iterator<Item = S> + Send + 'static,
    mut answers: Vec<Answer>,
    seen: Arc<Mutex<Vec<Seen>>>,
) {
    thread::spawn(move || {
        for mut stream in connections {
            let Some(request) = read(&mut stream) else { continue };
            let fits = |answer: &Answer| answer.0 == request.line;
            let count = answers.iter().filter(|answer| fits(answer)).count();
            let at = answers.iter().position(fits);
            let (status, fields, body) = match at {
                Some(at) if count > 1 => {
                    let (_, status, fields, body) = answers.remove(at);
                    (status, fields, body)
                }
                Some(at) => (answers[at].1, answers[at].2.clone(), answers[at].3.clone()),
                None => (404, String::new(), "{\"errors\":[]}".to_owned()),
            };
            seen.lock().unwrap().push(request);
            let length = body.len();
            let _ = write!(
                stream,
                "HTTP/1.1 {status} X\r\ncontent-length: {length}\r\nconnection: close\r\n{fields}\r\n{body}"
            );
        }
    });
}

fn read(stream: &mut impl Read) -> Option<Seen> {
    let mut reader = BufReader::new(stream);
    let mut head = Vec::new();
    while head.last().is_none_or(|line: &String| !line.is_empty()) {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        head.push(line.trim_end().to_owned());
    }
    let line = head.first()?.strip_suffix(" HTTP/1.1")?.to_owned();
    let fields: Vec<_> = head
        .iter()
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let mut seen = Seen { line, fields, body: String::new() };
    let length = seen.field("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    seen.body = String::from_utf8(body).ok()?;
    Some(seen)
}
