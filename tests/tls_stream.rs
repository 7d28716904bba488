//! What comes and goes over TLS, on both adapters: bytes in records of any size, clients that say nothing
//! or nonsense, and the end of a connection.

use std::io::Read;
use std::net::TcpStream;
use std::time::Duration;

use serde_json::json;
use strongroom_tests::certificate::Authority;
use strongroom_tests::random::Random;

use crate::peer::{Peer, Way, request};
use crate::process::Folder;
use crate::serving::{ADAPTERS, Serving, TOKEN, client, server_files, tls, with_tls};
use crate::tls::Secured;

/// Time in which what should happen at once has happened, on a machine under load too.
const SOON: Duration = Duration::from_secs(10);
/// More than any buffer of a connection has, and many records.
const LARGE: usize = 3 * 1024 * 1024;

#[test]
fn carries_bodies_and_answers_that_are_larger_than_any_buffer() {
    for adapter in ADAPTERS {
        let secured = Secured::start(adapter);
        let secret = json!({"long": "x".repeat(LARGE)});
        let mut peer = Peer::connect(secured.way());
        let written = peer.ask("PUT", "/v1/secret/large", TOKEN, &secret.to_string());
        assert_eq!(written.status, 204, "{adapter}");
        for _ in 0..2 {
            let read = peer.ask("GET", "/v1/secret/large", TOKEN, "");
            assert_eq!(read.json()["data"], secret, "{adapter}");
        }
    }
}

#[test]
fn answers_requests_that_come_together_in_their_order() {
    for adapter in ADAPTERS {
        let secured = Secured::start(adapter);
        let mut peer = Peer::connect(secured.way());
        let mut bytes = String::new();
        for number in 0..50 {
            let path = format!("/v1/secret/{number}");
            let body = json!({ "number": number }).to_string();
            bytes += &request("PUT", &path, TOKEN, &body);
            bytes += &request("GET", &path, TOKEN, "");
        }
        peer.send(bytes.as_bytes());
        for number in 0..50 {
            assert_eq!(peer.receive().status, 204, "{adapter}");
            assert_eq!(peer.receive().json()["data"], json!({ "number": number }), "{adapter}");
        }
    }
}

#[test]
fn serves_a_request_of_which_each_byte_is_a_record() {
    for adapter in ADAPTERS {
        let secured = Secured::start(adapter);
        let mut peer = Peer::connect(secured.way());
        for byte in request("PUT", "/v1/secret/slow", TOKEN, r#"{"k":"v"}"#).as_bytes() {
            peer.send(&[*byte]);
        }
        assert_eq!(peer.receive().status, 204, "{adapter}");
        let read = peer.ask("GET", "/v1/secret/slow", TOKEN, "");
        assert_eq!(read.json()["data"], json!({"k": "v"}), "{adapter}");
    }
}

/// A client that keeps connections must know that none was cut: it is told so when there is an end.
#[test]
fn tells_of_the_end_of_a_connection() {
    for adapter in ADAPTERS {
        let mut secured = Secured::start(adapter);
        let mut last = Peer::connect(secured.way());
        last.send(b"GET /v1/sys/health HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        assert_eq!(last.receive().field("connection"), Some("close"), "{adapter}");
        assert!(last.is_ended_within(SOON), "{adapter}");

        let mut idle = Peer::connect(secured.way());
        assert_eq!(idle.ask("GET", "/v1/sys/health", "", "").status, 200, "{adapter}");
        let mut ended = Peer::connect(secured.way());
        assert_eq!(ended.ask("GET", "/v1/sys/health", "", "").status, 200, "{adapter}");
        ended.end_writing();
        assert!(ended.is_ended_within(SOON), "{adapter}");
        secured.server.stop();
        assert!(idle.is_ended_within(SOON), "{adapter}");
        assert_eq!(secured.server.service.registry.count(), 0, "{adapter}");
    }
}

#[test]
fn tells_who_forgets_tls_what_is_missing() {
    for adapter in ADAPTERS {
        let secured = Secured::start(adapter);
        for request in ["GET / HTTP/1.1\r\n\r\n", "P", "put /v1/secret/a HTTP/1.0\r\n"] {
            let mut plain = Peer::connect(secured.server.address());
            plain.send(request.as_bytes());
            let answer = String::from_utf8(plain.read_to_end()).unwrap();
            let (head, body) = answer.split_once("\r\n\r\n").unwrap();
            assert_eq!(head, "HTTP/1.0 400 Bad Request", "{adapter} {request:?}");
            assert_eq!(body, "Client sent an HTTP request to an HTTPS server.\n", "{adapter}");
        }
    }
}

/// The beginning of a handshake, from a real client.
fn client_hello(way: &Way) -> Vec<u8> {
    let Way::Tls(_, config) = way else { panic!("a way with TLS") };
    let name = rustls::pki_types::ServerName::try_from("localhost").unwrap();
    let mut client = rustls::ClientConnection::new(config.clone(), name).unwrap();
    let mut bytes = Vec::new();
    client.write_tls(&mut bytes).unwrap();
    bytes
}

#[test]
fn ends_handshakes_that_stall_and_keeps_no_place_for_them() {
    for adapter in ADAPTERS {
        let (authority, folder) = (Authority::new("authority"), Folder::new());
        let mut listener = with_tls(tls(&server_files(&authority, folder.path())));
        listener.limits.head_time_max = Duration::from_secs(2);
        let server = Serving::start_for(adapter, &[listener], 8);
        let way = Way::Tls(server.address(), client(&authority.pem()));
        let hello = client_hello(&way);
        let stalled = |sent: usize| {
            let mut peer = Peer::connect(server.address());
            peer.send(&hello[..sent]);
            peer
        };
        // More than there are places: a good client has one all the same.
        let mut peers: Vec<Peer> =
            [0, 1, 5, 6, 40, hello.len() - 1, hello.len()].map(stalled).into();
        peers.extend((0..20).map(|_| stalled(100)));
        assert_eq!(Peer::connect(&way).ask("GET", "/v1/sys/health", "", "").status, 200);
        for mut peer in peers {
            // What the server says of its own handshake may come first, and then nothing more.
            peer.expect_end_within(SOON);
        }
        while server.service.registry.count() > 0 {
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

#[test]
fn lets_nobody_send_nonsense_for_long_and_serves_on() {
    let mut random = Random::new(1);
    for adapter in ADAPTERS {
        let secured = Secured::start(adapter);
        let hello = client_hello(&secured.way());
        for round in 0..60 {
            let length = random.below(2000);
            let mut bytes: Vec<u8> = (0..length).map(|_| byte(&mut random)).collect();
            match round % 3 {
                // A record's head, and no record.
                0 => bytes.splice(..0, [22, 3, 1, 2, 0]).for_each(drop),
                // A handshake with a fault, and nonsense behind it.
                1 => {
                    let mut hello = hello.clone();
                    let at = random.below(hello.len());
                    hello[at] ^= byte(&mut random) | 1;
                    bytes.splice(..0, hello).for_each(drop);
                }
                _ => {}
            }
            let mut peer = Peer::connect(secured.server.address());
            // The server may have ended it already.
            let _ = peer.try_send(&bytes);
            if round % 2 == 0 {
                peer.end_writing();
            }
        }
        // Nonsense behind a handshake, and behind a request.
        for asked in [false, true] {
            let mut peer = Peer::connect(secured.way());
            assert_eq!(peer.ask("GET", "/v1/sys/health", "", "").status, 200, "{adapter}");
            if asked {
                peer.send(b"PUT /v1/secret/a HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n");
            }
            peer.send_raw(&[23, 3, 3, 0, 40, 1, 2, 3]);
            peer.send_raw(&[7; 64]);
            assert!(peer.try_receive().is_err(), "{adapter}");
        }
        let good = Peer::connect(secured.way()).ask("GET", "/v1/sys/health", "", "");
        assert_eq!(good.status, 200, "{adapter}");
    }
}

fn byte(random: &mut Random) -> u8 {
    random.bits().to_le_bytes()[0]
}

/// TLS in pieces of one byte, as a bad network brings it.
#[test]
fn puts_records_together_from_single_bytes() {
    for adapter in ADAPTERS {
        let secured = Secured::start(adapter);
        let Way::Tls(address, config) = secured.way() else { panic!("a way with TLS") };
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(SOON)).unwrap();
        let name = rustls::pki_types::ServerName::try_from("localhost").unwrap();
        let mut client = rustls::ClientConnection::new(config, name).unwrap();
        let text = request("GET", "/v1/sys/health", "", "");
        std::io::Write::write_all(&mut client.writer(), text.as_bytes()).unwrap();
        let mut plain = Vec::new();
        while !plain.starts_with(b"HTTP/1.1 200 OK\r\n") {
            let mut bytes = Vec::new();
            while client.wants_write() {
                client.write_tls(&mut bytes).unwrap();
            }
            for byte in bytes {
                std::io::Write::write_all(&mut stream, &[byte]).unwrap();
            }
            assert_ne!(client.read_tls(&mut stream).unwrap(), 0, "{adapter}");
            client.process_new_packets().unwrap();
            // Nothing more for now is an error of this reader.
            let _ = client.reader().read_to_end(&mut plain);
        }
    }
}
