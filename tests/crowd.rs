//! A crowd of connections that ask nothing, or bit by bit, or leave their answers untaken: it takes nothing
//! from a good client, on either adapter.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::json;

use crate::peer::{Peer, Way, request};
use crate::process::{DevServer, Folder};
use crate::serving::{ADAPTERS, Serving, TOKEN, at_path};

const IDLE: usize = 5_000;
const SLOW: usize = 500;
/// Requests of the good client while the crowd is there.
const ROUNDS: usize = 20;
/// In which each of them is answered, on a machine under load too.
const SOON: Duration = Duration::from_secs(10);
/// Connections that are made before the server is seen to have taken them: fewer than the operating
/// system greets in its name.
const STRIDE: usize = 100;
/// Files that this process has open beside the crowd.
const OTHER_FILES: u64 = 500;

/// Asks for as many files as this process may have open.
fn raise_files() {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    setrlimit(Resource::Nofile, raised).unwrap();
    let needed = u64::try_from(IDLE + SLOW).unwrap() + OTHER_FILES;
    let has_room = limit.maximum.is_none_or(|files| files >= needed);
    assert!(has_room, "this test needs {needed} open files: raise the hard limit, `ulimit -Hn`");
}

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect_timeout(&address, SOON).unwrap();
    stream.set_nonblocking(true).unwrap();
    stream
}

fn serves_well(way: impl Into<Way>) {
    let start = Instant::now();
    assert_eq!(Peer::connect(way).ask("GET", "/v1/sys/health", "", "").status, 200);
    assert!(start.elapsed() < SOON, "a good client has waited {:?}", start.elapsed());
}

/// Whether the server has not ended this connection.
fn is_open(mut stream: &TcpStream) -> bool {
    matches!(stream.read(&mut [0; 256]), Err(error) if error.kind() == ErrorKind::WouldBlock)
}

#[test]
fn serves_a_good_client_beside_thousands_that_are_idle_or_slow() {
    raise_files();
    for adapter in ADAPTERS {
        let server = DevServer::start(&[&format!("-adapter={adapter}")]);
        let address = server.address;
        let mut crowd = Vec::new();
        while crowd.len() < IDLE + SLOW {
            crowd.extend((0..STRIDE).map(|_| connect(address)));
            serves_well(address);
        }
        let (slow, idle) = crowd.split_at(SLOW);
        let head = request("GET", "/v1/sys/health", "", "");
        for round in 0..ROUNDS {
            for mut stream in slow {
                // Those that had to go have gone.
                let _ = stream.write(&head.as_bytes()[round..=round]);
            }
            serves_well(address);
        }
        let open = crowd.iter().filter(|stream| is_open(stream)).count();
        if adapter == "smol" {
            assert_eq!(open, IDLE + SLOW);
            // They were not only kept: each is served when it asks.
            for mut stream in slow {
                stream.write_all(&head.as_bytes()[ROUNDS..]).unwrap();
            }
            for stream in slow.iter().chain(idle.iter().step_by(STRIDE)) {
                let mut stream = stream;
                stream.set_nonblocking(false).unwrap();
                stream.set_read_timeout(Some(SOON)).unwrap();
                if idle.iter().any(|other| std::ptr::eq(other, stream)) {
                    stream.write_all(head.as_bytes()).unwrap();
                }
                let mut answer = [0; 15];
                stream.read_exact(&mut answer).unwrap();
                assert_eq!(&answer, b"HTTP/1.1 200 OK");
            }
        } else {
            assert!(open <= strongroom::blocking::CONNECTIONS_MAX, "{open}");
        }
    }
}

/// Whoever leaves answers untaken has no claim to its place.
#[test]
fn serves_a_good_client_beside_those_that_take_no_answers() {
    const PLACES: usize = 4;
    for adapter in ADAPTERS {
        let folder = Folder::new();
        let path = folder.path().join("socket");
        let server = Serving::start_for(adapter, &[at_path(&path, None)], PLACES);
        let way = Way::Unix(path);
        // More than what the operating system takes in the name of a peer, there.
        let secret = json!({"long": "x".repeat(1024 * 1024)}).to_string();
        let written = Peer::connect(&way).ask("PUT", "/v1/secret/large", TOKEN, &secret);
        assert_eq!(written.status, 204, "{adapter}");
        // Its connection has a place until the server has seen its end.
        while server.service.registry.count() > 0 {
            std::thread::sleep(Duration::from_millis(5));
        }
        let mut greedy: Vec<Peer> = (0..PLACES)
            .map(|_| {
                let mut peer = Peer::connect(&way);
                peer.send(request("GET", "/v1/secret/large", TOKEN, "").as_bytes());
                peer
            })
            .collect();
        while server.service.registry.count() < PLACES {
            std::thread::sleep(Duration::from_millis(5));
        }
        serves_well(&way);
        // One place was enough; whoever takes its answer late has it whole.
        let whole = greedy.iter_mut().filter_map(|peer| peer.try_receive().ok()).count();
        assert_eq!(whole, PLACES - 1, "{adapter}");
    }
}
