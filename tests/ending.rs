//! The end of the real server by a signal, on both adapters, plain and with TLS: what is under way comes
//! to its end, what was answered is kept, and nobody waits for longer than that.

use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;
use strongroom_tests::certificate::Authority;

use crate::peer::{Answer, Peer, Way, ask, request};
use crate::serving::{ADAPTERS, client, server_files};
use crate::site::{GRACE, Site, socket};

/// Time in which what should happen at once has happened, on a machine under load too.
const SOON: Duration = Duration::from_secs(10);

fn closes(answer: &Answer) -> bool {
    answer.field("connection") == Some("close")
}

/// A connection that has asked once and says nothing more.
fn idle(way: &Way) -> Peer {
    let mut peer = Peer::connect(way);
    assert_eq!(peer.ask("GET", "/v1/sys/health", "", "").status, 200);
    peer
}

/// A connection whose request the server is taking in: half of its body is to come.
fn uploading(way: &Way, path: &str, token: &str) -> Peer {
    let mut peer = Peer::connect(way);
    let head = request("PUT", path, token, UPLOAD);
    let head = head.replacen("\r\n", "\r\nExpect: 100-continue\r\n", 1);
    let (begin, _) = head.split_at(head.len() - UPLOAD.len());
    peer.send(begin.as_bytes());
    assert_eq!(peer.receive().status, 100);
    peer.send(&UPLOAD.as_bytes()[..UPLOAD.len() / 2]);
    peer
}

const UPLOAD: &str = r#"{"slow":"upload"}"#;

#[test]
fn answers_what_is_under_way_and_ends_what_is_not() {
    for adapter in ADAPTERS {
        let site = Site::new(adapter);
        let (mut life, key, token) = site.found();
        let ways = life.ways.clone();
        let mut idle_ones: Vec<Peer> = ways.iter().map(idle).collect();
        let mut asking: Vec<Peer> = ways.iter().cycle().take(20).map(idle).collect();
        let uploads: Vec<Peer> = ways
            .iter()
            .enumerate()
            .map(|(number, way)| uploading(way, &format!("/v1/secret/{number}"), &token))
            .collect();
        // What has come to the process before the signal, though it has not been read.
        life.process.signal("STOP");
        for peer in &mut asking {
            peer.send(request("GET", "/v1/sys/health", "", "").as_bytes());
        }
        life.process.signal("TERM");
        life.process.signal("CONT");
        for peer in &mut idle_ones {
            assert!(peer.is_ended_within(SOON), "{adapter}");
        }
        for mut peer in asking {
            assert_eq!(peer.receive().status, 200, "{adapter}");
            assert!(peer.is_ended_within(SOON), "{adapter}");
        }
        expect_refusal(life.plain);
        eventually(&|| !socket(&site.folder).exists());
        for mut peer in uploads {
            peer.send(&UPLOAD.as_bytes()[UPLOAD.len() / 2..]);
            let answer = peer.receive();
            assert_eq!((answer.status, closes(&answer)), (204, true), "{adapter}");
            assert!(peer.is_ended_within(SOON), "{adapter}");
        }
        life.expect_end(0, GRACE);

        let life = site.start();
        life.unseal(&key);
        for number in 0..ways.len() {
            let path = format!("/v1/secret/{number}");
            let read = ask(&life.ways[1], "GET", &path, &token, "");
            assert_eq!(read.json()["data"], json!({"slow": "upload"}), "{adapter}");
        }
    }
}

/// Nobody is greeted any more by a server that would not answer.
fn expect_refusal(address: SocketAddr) {
    let start = Instant::now();
    while TcpStream::connect(address).is_ok() {
        assert!(start.elapsed() < SOON, "connections are still taken");
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn answers_what_came_behind_an_answer_that_is_still_being_taken() {
    for adapter in ADAPTERS {
        let site = Site::new(adapter);
        let (mut life, _, token) = site.found();
        // More than what the operating system takes in the name of a peer, by the file system.
        let way = &life.ways[2];
        let secret = json!({"long": "x".repeat(1024 * 1024)});
        assert_eq!(ask(way, "PUT", "/v1/secret/a", &token, &secret.to_string()).status, 204);
        let mut peer = Peer::connect(way);
        peer.send(request("GET", "/v1/secret/a", &token, "").as_bytes());
        peer.wait_for_bytes();
        peer.send(request("GET", "/v1/sys/health", "", "").as_bytes());
        let mut idle = idle(way);
        life.process.signal("TERM");
        assert!(idle.is_ended_within(SOON), "{adapter}");
        assert_eq!(peer.receive().json()["data"], secret, "{adapter}");
        let last = peer.receive();
        assert_eq!((last.status, closes(&last)), (200, true), "{adapter}");
        assert!(peer.is_ended_within(SOON), "{adapter}");
        drop(peer);
        life.expect_end(0, GRACE);
    }
}

/// What one writer knows of its secrets, numbered from 0.
#[derive(Default)]
struct Written {
    /// How many were acknowledged.
    acknowledged: u64,
    /// The number of the one that has no answer.
    unanswered: Option<u64>,
}

/// Writes until the server ends the connection. Every so many secrets it makes a new one.
fn write_on(
    way: &Way,
    token: &str,
    writer: usize,
    renewed_after: u64,
    count: &AtomicU64,
) -> Written {
    let mut written = Written::default();
    let mut peer = Peer::connect(way);
    loop {
        let number = written.acknowledged;
        if number % renewed_after == renewed_after - 1 {
            let Ok(fresh) = Peer::try_connect(way) else { return written };
            peer = fresh;
        }
        let body = json!({ "number": number }).to_string();
        let path = format!("/v1/secret/{writer}/{number}");
        match peer.try_ask("PUT", &path, token, &body) {
            Ok(answer) => {
                assert_eq!(answer.status, 204);
                written.acknowledged += 1;
                count.fetch_add(1, Ordering::SeqCst);
                if closes(&answer) {
                    assert!(peer.is_ended_within(SOON), "said to be the last");
                    return written;
                }
            }
            Err(error) => {
                assert!(!peer.has_begun_to_receive(), "an answer is cut: {error}");
                written.unanswered = Some(number);
                return written;
            }
        }
    }
}

#[test]
fn loses_nothing_that_it_has_answered_and_answers_all_that_it_does() {
    const WRITERS: usize = 12;
    const ENOUGH: u64 = 300;
    for adapter in ADAPTERS {
        let site = Site::new(adapter);
        let (mut life, key, token) = site.found();
        let count = AtomicU64::new(0);
        let all: Vec<Written> = thread::scope(|scope| {
            let writers: Vec<_> = (0..WRITERS)
                .map(|writer| {
                    let (way, token, count) = (life.ways[writer % 3].clone(), &token, &count);
                    let renewed_after = if writer < WRITERS / 2 { u64::MAX } else { 5 };
                    scope.spawn(move || write_on(&way, token, writer, renewed_after, count))
                })
                .collect();
            let start = Instant::now();
            while count.load(Ordering::SeqCst) < ENOUGH && start.elapsed() < GRACE {
                thread::sleep(Duration::from_millis(1));
            }
            life.process.signal("TERM");
            writers.into_iter().map(|writer| writer.join().unwrap()).collect()
        });
        life.expect_end(0, GRACE);
        assert!(count.into_inner() >= ENOUGH, "{adapter}");

        let life = site.start();
        life.unseal(&key);
        let mut peer = Peer::connect(&life.ways[0]);
        for (writer, Written { acknowledged, unanswered }) in all.iter().enumerate() {
            assert!(*acknowledged > 0, "{adapter}: writer {writer} has written nothing");
            for number in 0..*acknowledged {
                let read = peer.ask("GET", &format!("/v1/secret/{writer}/{number}"), &token, "");
                assert_eq!(read.status, 200, "{adapter}: {writer}/{number} is lost");
                assert_eq!(read.json()["data"], json!({ "number": number }), "{adapter}");
            }
            if let Some(number) = unanswered {
                let read = peer.ask("GET", &format!("/v1/secret/{writer}/{number}"), &token, "");
                assert_eq!(read.status, 404, "{adapter}: {writer}/{number} was done, not answered");
            }
        }
    }
}

#[test]
fn ends_at_once_when_it_is_told_twice() {
    for adapter in ADAPTERS {
        for (signal, status) in [("TERM", 143), ("INT", 130)] {
            let site = Site::new(adapter);
            let (mut life, _, token) = site.found();
            let mut idle = idle(&life.ways[0]);
            let _held = uploading(&life.ways[1], "/v1/secret/a", &token);
            life.process.signal(signal);
            assert!(idle.is_ended_within(SOON), "{adapter} {signal}");
            assert!(life.process.child.try_wait().unwrap().is_none(), "{adapter} {signal}");
            life.process.signal(signal);
            life.expect_end(status, SOON);
        }
    }
}

#[test]
fn does_not_wait_for_ever_for_what_is_under_way() {
    thread::scope(|scope| {
        for adapter in ADAPTERS {
            scope.spawn(move || {
                let site = Site::new(adapter);
                let (mut life, _, token) = site.found();
                let mut held: Vec<Peer> =
                    life.ways.iter().map(|way| uploading(way, "/v1/secret/a", &token)).collect();
                life.process.signal("TERM");
                life.expect_end(0, GRACE);
                for peer in &mut held {
                    assert!(peer.try_receive().is_err(), "{adapter}");
                }
            });
        }
    });
}

#[test]
fn reads_certificates_again_when_it_is_told_so() {
    for adapter in ADAPTERS {
        let site = Site::new(adapter);
        let life = site.start();
        let [_, Way::Tls(address, _), _] = life.ways.clone() else { panic!("a way with TLS") };
        let mut old = Peer::connect(&life.ways[1]);
        assert_eq!(old.ask("GET", "/v1/sys/init", "", "").status, 200);

        let successor = Authority::new("successor");
        let files = server_files(&successor, site.folder.path());
        let new = Way::Tls(address, client(&successor.pem()));
        let is_served = || {
            let peer = Peer::try_connect(&new);
            peer.and_then(|mut peer| peer.try_ask("GET", "/v1/sys/init", "", "")).is_ok()
        };
        assert!(!is_served(), "{adapter}");
        life.process.signal("HUP");
        eventually(&is_served);
        assert_eq!(old.ask("GET", "/v1/sys/init", "", "").status, 200, "{adapter}");

        fs::write(&files.key, "canary").unwrap();
        life.process.signal("HUP");
        eventually(&|| site.log().contains("the certificates in use stay: tls_key_file"));
        assert!(!site.log().contains("canary"), "{}", site.log());
        assert!(is_served(), "{adapter}");
        assert_eq!(old.ask("GET", "/v1/sys/init", "", "").status, 200, "{adapter}");
    }
}

fn eventually(is_so: &dyn Fn() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < SOON, "it does not come to be");
        thread::sleep(Duration::from_millis(5));
    }
}
