//! The floor: a server that does the least that a server of sealed secrets can do, to measure ours by.
//!
//! One thread, one loop: it waits for sockets, answers all that has come, makes what was written
//! durable by one append and one `fdatasync` for all of it, and sends the answers. With `--fixed` the
//! same loop answers whatever comes with the same bytes, which shows what the loop and the system
//! take. It runs as a process of its own, so that its time and memory can be told from the clients'.

mod date;
mod entropy;
mod vault;

use std::fs::File;
use std::io::{self, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rustls::{Connection, ServerConfig, ServerConnection};

pub(super) use self::vault::ROOT_TOKEN;
use self::vault::{Request, Vault};
use super::load;
use super::ready::Ready;
use super::tls::Files;
use super::wire::{READ_BYTES, Wire};

/// The word that makes the command a floor.
pub(super) const WORD: &str = "floor";
/// Header fields of a request; our clients send fewer than ten.
const FIELDS_MAX: usize = 32;
/// Longer than a measurement pauses; a floor whose sockets are silent just waits again.
const WAIT: Duration = Duration::from_secs(60);

/// What the process of a floor is told.
#[derive(Default)]
pub(super) struct Options {
    /// Answer everything with the same bytes.
    pub(super) fixed: bool,
    /// Secrets that are there from the start.
    pub(super) secrets: usize,
    /// Where the plain listener stands, and that with TLS.
    pub(super) plain: u16,
    pub(super) tls: Option<(u16, Files)>,
    /// The file that writes are appended to.
    pub(super) journal: PathBuf,
}

impl Options {
    /// The words for the command line of a floor.
    pub(super) fn words(&self) -> Vec<String> {
        let mut words = vec![
            format!("--secrets={}", self.secrets),
            format!("--plain={}", self.plain),
            format!("--journal={}", self.journal.display()),
        ];
        if self.fixed {
            words.push("--fixed=true".to_owned());
        }
        if let Some((port, files)) = &self.tls {
            words.push(format!("--tls={port}"));
            words.push(format!("--certificate={}", files.certificate.display()));
            words.push(format!("--key={}", files.key.display()));
        }
        words
    }

    /// Reads such words; nothing if they are not understood.
    pub(super) fn parse(words: impl Iterator<Item = String>) -> Option<Self> {
        let mut options = Self::default();
        let (mut port, mut certificate, mut key) = (None, PathBuf::new(), PathBuf::new());
        for word in words {
            let (name, value) = word.split_once('=')?;
            match name {
                "--fixed" => options.fixed = true,
                "--secrets" => options.secrets = value.parse().ok()?,
                "--plain" => options.plain = value.parse().ok()?,
                "--journal" => options.journal = value.into(),
                "--tls" => port = Some(value.parse().ok()?),
                "--certificate" => certificate = value.into(),
                "--key" => key = value.into(),
                _ => return None,
            }
        }
        options.tls = port.map(|port| (port, Files { certificate, key }));
        Some(options)
    }
}

/// Serves for as long as the process lives.
pub(super) fn serve(options: &Options) -> io::Result<()> {
    let mut floor = Floor::bind(options)?;
    loop {
        floor.turn()?;
    }
}

/// The loop and what it holds. Numbers of sockets: the listeners come first.
struct Floor {
    ready: Ready,
    listeners: Vec<(TcpListener, Option<Arc<ServerConfig>>)>,
    links: Vec<Option<Link>>,
    vault: Vault,
    /// The answer to everything.
    fixed: Option<Vec<u8>>,
    journal: File,
    scratch: Vec<u8>,
    answers: Vec<u8>,
    numbers: Vec<usize>,
    answered: Vec<usize>,
}

/// One connection.
struct Link {
    wire: Wire,
    inbound: Vec<u8>,
    /// The socket did not take all that there was.
    writing: bool,
}

impl Floor {
    fn bind(options: &Options) -> io::Result<Self> {
        let ready = Ready::new()?;
        let mut listeners = vec![(options.plain, None)];
        if let Some((port, files)) = &options.tls {
            listeners.push((*port, Some(files.server()?)));
        }
        let listeners = listeners.into_iter().enumerate().map(|(number, (port, tls))| {
            let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))?;
            listener.set_nonblocking(true)?;
            ready.add(&listener, number)?;
            Ok((listener, tls))
        });
        let listeners = listeners.collect::<io::Result<Vec<_>>>()?;
        let mut vault = Vault::new();
        let secrets = if options.fixed { 1 } else { options.secrets };
        vault.fill((0..secrets).map(|number| (load::path(number), load::value(number))));
        let fixed = options.fixed.then(|| {
            let (path, token) = (load::path(0), ROOT_TOKEN.as_bytes());
            let mut answer = Vec::new();
            let request = Request { method: "GET", path: &path, token, body: &[] };
            vault.answer(&request, &mut answer);
            answer
        });
        Ok(Self {
            ready,
            listeners,
            links: Vec::new(),
            vault,
            fixed,
            journal: File::create(&options.journal)?,
            scratch: vec![0; READ_BYTES],
            answers: Vec::new(),
            numbers: Vec::new(),
            answered: Vec::new(),
        })
    }

    /// Serves all sockets that are ready.
    fn turn(&mut self) -> io::Result<()> {
        let mut numbers = std::mem::take(&mut self.numbers);
        self.ready.wait(&mut numbers, WAIT)?;
        for number in &numbers {
            match number.checked_sub(self.listeners.len()) {
                None => self.accept(*number)?,
                // A connection that breaks concerns nobody but its peer.
                Some(at) => match self.read(at) {
                    Ok(true) => self.answered.push(at),
                    Ok(false) | Err(_) => self.close(at),
                },
            }
        }
        self.numbers = numbers;
        if !self.vault.unsynced.is_empty() {
            self.journal.write_all(&self.vault.unsynced)?;
            self.journal.sync_data()?;
            self.vault.unsynced.clear();
        }
        while let Some(at) = self.answered.pop() {
            if self.send(at).is_err() {
                self.close(at);
            }
        }
        Ok(())
    }

    fn accept(&mut self, number: usize) -> io::Result<()> {
        let Some((listener, tls)) = self.listeners.get(number) else { return Ok(()) };
        while let Ok((stream, _)) = listener.accept() {
            let tls = tls.as_ref().map(|tls| ServerConnection::new(Arc::clone(tls)));
            let tls = tls.transpose().map_err(io::Error::other)?.map(Connection::Server);
            let wire = Wire::new(stream, tls)?;
            let at = self.links.iter().position(Option::is_none).unwrap_or(self.links.len());
            self.ready.add(&wire, self.listeners.len() + at)?;
            let link = Some(Link { wire, inbound: Vec::new(), writing: false });
            match self.links.get_mut(at) {
                Some(place) => *place = link,
                None => self.links.push(link),
            }
        }
        Ok(())
    }

    /// Takes in what has come on a connection and answers it. False is its end.
    fn read(&mut self, at: usize) -> io::Result<bool> {
        let Some(Some(link)) = self.links.get_mut(at) else { return Ok(true) };
        if !link.wire.read(&mut self.scratch, &mut link.inbound)? {
            return Ok(false);
        }
        self.answers.clear();
        if let Some(fixed) = &self.fixed {
            if !link.inbound.is_empty() {
                self.answers.extend_from_slice(fixed);
                link.inbound.clear();
            }
        } else {
            let mut used = 0;
            while let Some((request, length)) = parse(link.inbound.get(used..).unwrap_or_default())?
            {
                self.vault.answer(&request, &mut self.answers);
                used += length;
            }
            link.inbound.drain(..used);
        }
        link.wire.push(&self.answers)?;
        Ok(true)
    }

    fn send(&mut self, at: usize) -> io::Result<()> {
        let number = self.listeners.len() + at;
        let Some(Some(link)) = self.links.get_mut(at) else { return Ok(()) };
        let writing = link.wire.flush()?;
        if writing != link.writing {
            link.writing = writing;
            self.ready.set_writing(&link.wire, number, writing)?;
        }
        Ok(())
    }

    fn close(&mut self, at: usize) {
        if let Some(link) = self.links.get_mut(at) {
            *link = None;
        }
    }
}

/// The request at the beginning of these bytes and its length, if it is whole.
fn parse(bytes: &[u8]) -> io::Result<Option<(Request<'_>, usize)>> {
    if bytes.is_empty() {
        return Ok(None);
    }
    let mut fields = [httparse::EMPTY_HEADER; FIELDS_MAX];
    let mut head = httparse::Request::new(&mut fields);
    let httparse::Status::Complete(start) =
        head.parse(bytes).map_err(|error| io::Error::other(error.to_string()))?
    else {
        return Ok(None);
    };
    let (mut length, mut token) = (0, &b""[..]);
    for field in &*head.headers {
        if field.name.eq_ignore_ascii_case("content-length") {
            let text = str::from_utf8(field.value).map_err(io::Error::other)?;
            length = text.parse().map_err(io::Error::other)?;
        } else if field.name.eq_ignore_ascii_case("x-vault-token") {
            token = field.value;
        }
    }
    let Some(body) = bytes.get(start..start + length) else { return Ok(None) };
    let path = head.path.unwrap_or_default();
    let path = path.strip_prefix("/v1/").unwrap_or(path);
    let request = Request { method: head.method.unwrap_or_default(), path, token, body };
    Ok(Some((request, start + length)))
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::super::client::{Clients, Door, Script};
    use super::super::load::{Access, Fill, Listing, TokenCreate, TokenLookUp, Writes};
    use super::*;

    /// A floor of a thousand secrets in a thread, its doors, and its folder.
    fn floor(name: &str) -> (Vec<Door>, PathBuf) {
        let folder = std::env::temp_dir().join(format!("floor-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let files = Files::create(&folder).unwrap();
        let options = Options {
            fixed: false,
            secrets: load::THOUSAND,
            plain: 0,
            tls: Some((0, files.clone())),
            journal: folder.join("journal"),
        };
        let mut floor = Floor::bind(&options).unwrap();
        let doors = floor.listeners.iter().map(|(listener, tls)| Door {
            address: listener.local_addr().unwrap(),
            tls: tls.as_ref().map(|_| files.client().unwrap()),
        });
        let doors = doors.collect();
        thread::spawn(move || while floor.turn().is_ok() {});
        (doors, folder)
    }

    #[test]
    fn answers_what_was_stored() {
        const TIME: Duration = Duration::from_millis(20);
        let (doors, folder) = floor("answers");
        for door in doors {
            for count in [1, 8] {
                let mut clients = Clients::connect(&door, count).unwrap();
                let numbers = 0..load::THOUSAND;
                let scripts: [Box<dyn Script>; 4] = [
                    Box::new(Access::new(ROOT_TOKEN, numbers, Writes::OneInTen)),
                    Box::new(Listing::warm(ROOT_TOKEN)),
                    Box::new(TokenCreate::new(ROOT_TOKEN)),
                    Box::new(TokenLookUp::new(ROOT_TOKEN)),
                ];
                for mut script in scripts {
                    let outcome = clients.run(TIME, script.as_mut()).unwrap();
                    assert!(outcome.times.count() >= count);
                }
            }
        }
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn keeps_what_it_has_answered() {
        let (doors, folder) = floor("keeps");
        let door = doors.first().unwrap();
        let mut clients = Clients::connect(door, 8).unwrap();
        let length = || std::fs::metadata(folder.join("journal")).unwrap().len();
        assert_eq!(length(), 0);
        clients.run(Duration::from_secs(60), &mut Fill::new(ROOT_TOKEN, 1000..1100)).unwrap();
        // Each record holds its value of 204 bytes.
        assert!(length() > 100 * 204);
        let mut read = Access::new(ROOT_TOKEN, 1000..1100, Writes::None);
        clients.run(Duration::from_millis(20), &mut read).unwrap();
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn refuses_strangers() {
        let (doors, folder) = floor("strangers");
        let mut clients = Clients::connect(doors.first().unwrap(), 1).unwrap();
        let mut read = Access::new("guess", 0..1, Writes::None);
        let error = clients.run(Duration::ZERO, &mut read).err().unwrap();
        assert!(error.to_string().contains("status 403"), "{error}");
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn reads_the_words_that_it_writes() {
        let files = Files { certificate: "a b.pem".into(), key: "k".into() };
        let options = Options {
            fixed: true,
            secrets: 7,
            plain: 1,
            tls: Some((2, files)),
            journal: "/j".into(),
        };
        let words = options.words();
        let again = Options::parse(words.clone().into_iter()).unwrap();
        assert_eq!(again.words(), words);
        assert!(Options::parse(["--what=1".to_owned()].into_iter()).is_none());
    }
}
