//! What the machine does without the server: the least that a request and a commit can take here.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::thread;

use super::latency::Latencies;
use super::peer::Peer;

/// Bytes of a page of the storage engine.
const PAGE: [u8; 4096] = [7; 4096];

/// Times of a write of one page over another, synced.
pub(super) fn syncs(folder: &Path, count: usize) -> io::Result<Latencies> {
    let path = folder.join("floor");
    let mut file = File::create(&path)?;
    file.write_all(&PAGE)?;
    file.sync_all()?;
    let mut times = Latencies::default();
    for _ in 0..count {
        file.seek(SeekFrom::Start(0))?;
        times.time(|| file.write_all(&PAGE).and_then(|()| file.sync_data()))?;
    }
    drop(file);
    std::fs::remove_file(path)?;
    Ok(times)
}

/// Starts a server that understands nothing and answers everything with the same bytes, as many as a
/// read secret has: a thread for each connection. It lives as long as the process.
pub(super) fn serve() -> io::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || answer(stream));
        }
    });
    Ok(address)
}

fn answer(mut stream: TcpStream) -> io::Result<()> {
    let body = "x".repeat(400);
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
    let answer = head + &body;
    let mut buffer = [0; 8192];
    stream.set_nodelay(true)?;
    // The clients send a request in one piece and wait for its answer.
    while stream.read(&mut buffer)? > 0 {
        stream.write_all(answer.as_bytes())?;
    }
    Ok(())
}

/// Asks for what every request to the floor is answered with.
pub(super) fn ask(peer: &mut Peer, _: usize) -> io::Result<()> {
    peer.ask("GET", "secret/thousand/name-0000", "")?.expect(200).map(drop)
}
