//! A whole server on the core alone: one thread, one connection after the other, all in memory.
//!
//! ```text
//! cargo run -p strongroom-core --example embedded -- 127.0.0.1:8200
//! ```
//!
//! It prints its address and its root token. An embedder has two loops to write, and here they are:
//! [`serve`] does what a [`Vault`] asks for, and [`converse`] moves bytes between a socket and a
//! [`Conn`]. The core never waits and never asks for the time; both come from here.

use std::error::Error;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use strongroom_core::http::{Conn, Limits, Request, Response};
use strongroom_core::{Config, MemoryStore, Output, RequestId, Rules, Step, Time, Vault};
use strongroom_core::{drive, json, prepare};

struct Server {
    vault: Vault,
    store: MemoryStore,
    last_id: u64,
}

fn main() -> Result<(), Box<dyn Error>> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:0".to_owned());
    let listener = TcpListener::bind(address)?;
    let (vault, store) = (Vault::new(Config::default()), MemoryStore::new());
    let mut server = Server { vault, store, last_id: 0 };
    let root_token = open(&mut server).ok_or("the vault does not open")?;
    writeln!(io::stdout(), "{}\n{root_token}", listener.local_addr()?)?;
    loop {
        let (stream, _) = listener.accept()?;
        // A connection that breaks concerns nobody but its peer.
        let _ = converse(&mut server, stream);
    }
}

/// Initialises and unseals by requests, as an operator would, and gives the root token.
fn open(server: &mut Server) -> Option<String> {
    let mut put = |target, body: &str| {
        Request::new("PUT", target, &[], body.as_bytes()).ok().map(|put| serve(server, &put))
    };
    let answer = put("/v1/sys/init", r#"{"secret_shares":1,"secret_threshold":1}"#)?;
    let doc = json::parse(answer.body(), &json::Limits::default()).ok()??;
    let key = doc.object()?.get("keys")?.items()?.next()?.as_str()?;
    let answer = put("/v1/sys/unseal", &json::Object::new().string("key", key).finish())?;
    let root_token = doc.object()?.get("root_token")?.as_str()?;
    answer.status().is_success().then(|| root_token.to_owned())
}

/// Serves one request. The vault answers when all that the answer rests on is done.
fn serve(server: &mut Server, request: &Request) -> Response {
    let Server { vault, store, last_id } = server;
    let call = match prepare(request, &Rules::default()) {
        Ok(call) => call,
        Err(refusal) => return refusal,
    };
    *last_id += 1;
    vault.handle_request(&step(), RequestId(*last_id), call);
    let mut answer = None;
    loop {
        let outputs = drive(vault, store, step);
        if outputs.is_empty() {
            // Nothing was put off, so nothing is left that the answer could wait for.
            return answer.expect("every request is answered");
        }
        for output in outputs {
            match output {
                Output::Persist(batch) => {
                    store.commit(&batch);
                    vault.handle_persisted(&step(), batch.seq);
                }
                Output::Audit(id, _line) => vault.handle_audited(&step(), id, Ok(())),
                Output::Run(id, job) => vault.handle_job(&step(), id, job.run()),
                Output::Respond(_, response) => answer = Some(response),
                Output::Load(..) | Output::Range(..) => unreachable!("drive serves them"),
            }
        }
    }
}

/// Serves one connection until it ends. Each turn does the one thing that is due.
fn converse(server: &mut Server, mut stream: TcpStream) -> io::Result<()> {
    // The next peer waits for this one, so its silence is cut short.
    let limits = Limits { idle_time_max: Duration::from_secs(1), ..Limits::default() };
    let mut conn = Conn::new(now(), limits);
    loop {
        if let Some(bytes) = conn.output() {
            stream.set_write_timeout(Some(limits.write_silence_max))?;
            let count = stream.write(bytes)?;
            conn.handle_written(now(), count);
        } else if conn.is_closed() {
            return Ok(());
        } else if let Some(head) = conn.poll_head() {
            match server.vault.admit(head) {
                Ok(bytes_max) => conn.admit(now(), bytes_max),
                Err(refusal) => conn.respond(now(), refusal),
            }
        } else if let Some(request) = conn.poll_request() {
            conn.respond(now(), serve(server, &request));
        } else {
            receive(&mut conn, &mut stream)?;
        }
    }
}

/// Waits for bytes, for as long as the connection may wait.
fn receive(conn: &mut Conn, stream: &mut TcpStream) -> io::Result<()> {
    if conn.is_final() {
        // The peer learns that nothing follows the last answer.
        stream.shutdown(Shutdown::Write)?;
    }
    let patience = conn.poll_timeout().map(|due| due.since(now()).max(Duration::from_millis(1)));
    stream.set_read_timeout(patience)?;
    let mut buffer = [0; 4096];
    match stream.read(&mut buffer) {
        Ok(0) => conn.handle_end(now()),
        Ok(count) => conn.handle_bytes(now(), buffer.get(..count).unwrap_or_default()),
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
            conn.handle_timeout(now());
        }
        Err(error) => return Err(error),
    }
    Ok(())
}

/// The time. A server that may run for long should let steps of the wall clock pass by.
fn now() -> Time {
    Time::default().after(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default())
}

/// What each step of the vault takes in: the time, and random bytes for what it makes.
fn step() -> Step {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).expect("the operating system gives random bytes");
    Step { now: now(), seed }
}
