//! Deadlines: what a connection waits for, and how long.

use super::*;

fn second(seconds: u64) -> Time {
    START.after(Duration::from_secs(seconds))
}

/// Shows that nothing happens just before `due`, then lets it happen.
fn pass(conn: &mut Conn, due: Time) {
    assert_eq!(conn.poll_timeout(), Some(due));
    let early = Time::from_unix_nanos(due.unix_nanos() - 1);
    let (final_, output) = (conn.is_final(), conn.output().map(<[u8]>::to_vec));
    conn.handle_timeout(early);
    assert_eq!(conn.poll_timeout(), Some(due));
    assert_eq!((conn.is_final(), conn.output().map(<[u8]>::to_vec)), (final_, output));
    conn.handle_timeout(due);
}

fn late_answer(conn: &mut Conn, now: Time) -> Vec<String> {
    let mut talk = Talk::default();
    serve(conn, now, &mut talk);
    assert_eq!(talk.requests, [""; 0]);
    answers(&talk.output)
}

const LATE: &str = "408 close 47 {\"errors\":[\"request took too long to arrive\"]}";

#[test]
fn gives_a_head_its_time_from_its_first_byte() {
    let mut conn = Conn::new(START, limits());
    for (at, piece) in [(3, "GET /"), (8, "a HTTP/1.1\r\n"), (12, "Host: a\r\n")] {
        conn.handle_bytes(second(at), piece.as_bytes());
        assert_eq!(conn.idle_since(), None);
    }
    pass(&mut conn, second(13));
    assert_eq!(late_answer(&mut conn, second(13)), [LATE]);
}

#[test]
fn gives_a_body_its_time_from_its_last_byte() {
    let mut conn = Conn::new(START, Limits::default());
    conn.handle_bytes(START, b"PUT /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
    assert_eq!(conn.poll_timeout(), None, "it is not the peer who is waited for");
    conn.admit(second(1), 1 << 20);
    // A hundred seconds' worth at the least rate.
    let piece = "a".repeat(100 * usize::try_from(limit::BODY_RATE_MIN).unwrap());
    for (at, piece) in [(20, "64000\r\n"), (25, piece.as_str()), (49, "\r\n"), (70, "1\r\n")] {
        conn.handle_bytes(second(at), piece.as_bytes());
    }
    pass(&mut conn, second(100));
    assert_eq!(late_answer(&mut conn, second(100)), [LATE]);
}

#[test]
fn ends_a_body_that_comes_in_drops() {
    let mut conn = Conn::new(START, limits());
    conn.handle_bytes(START, b"PUT /a HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n");
    conn.admit(second(1), 9);
    for at in [10, 20, 30] {
        conn.handle_bytes(second(at), b"x");
    }
    pass(&mut conn, second(31));
    assert_eq!(late_answer(&mut conn, second(31)), [LATE]);
}

#[test]
fn closes_what_is_idle_without_a_word() {
    let mut talk = Talk::default();
    for (input, since) in [("", 0), ("GET /a HTTP/1.1\r\nHost: a\r\n\r\n", 7), ("\r\n", 0)] {
        let mut conn = Conn::new(START, limits());
        for byte in input.bytes() {
            conn.handle_bytes(second(7), &[byte]);
        }
        serve(&mut conn, second(7), &mut talk);
        assert_eq!(conn.idle_since(), Some(second(since)), "{input:?}");
        pass(&mut conn, second(since + 300));
        assert!(conn.is_closed() && conn.output().is_none());
    }
}

/// A peer that sends its request in drops is not younger for it.
#[test]
fn knows_since_when_nothing_has_been_asked() {
    const PUT: &str = "\r\nPUT /a HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n{}";
    for size in 1..=PUT.len() {
        let mut conn = Conn::new(START, limits());
        for piece in PUT.as_bytes().chunks(size) {
            conn.handle_bytes(second(3), piece);
            if conn.poll_head().is_some() {
                assert_eq!(conn.waiting_since(), None, "it is not the peer who is waited for");
                conn.admit(second(4), usize::MAX);
            }
            assert_eq!(conn.waiting_since(), Some(START), "{size}");
        }
        conn.handle_bytes(second(5), &[b' '; 7]);
        assert!(conn.poll_request().is_some());
        assert_eq!(conn.waiting_since(), None, "{size}");
        conn.respond(second(6), Response::api(StatusCode::NO_CONTENT, String::new()));
        assert_eq!(conn.waiting_since(), None, "the answer is not taken yet");
        serve(&mut conn, second(7), &mut Talk::default());
        assert_eq!(conn.waiting_since(), Some(second(6)));
        assert_eq!(conn.idle_since(), conn.waiting_since());
        conn.handle_bytes(second(8), b"G");
        assert_eq!((conn.idle_since(), conn.waiting_since()), (None, Some(second(6))));
        conn.finish(second(9));
        conn.handle_bytes(second(9), b" \n");
        assert_eq!(conn.waiting_since(), None, "the connection is over");
    }
}

#[test]
fn drops_an_answer_that_nobody_takes() {
    let mut conn = Conn::new(START, limits());
    conn.handle_bytes(START, b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n");
    conn.admit(START, 0);
    assert!(conn.poll_request().is_some());
    assert_eq!(conn.poll_timeout(), None, "it is not the peer who is waited for");
    conn.respond(second(10), Response::api(StatusCode::OK, "x".repeat(JOINED_BYTES_MAX + 1)));
    assert_eq!(conn.idle_since(), None, "the answer is not taken yet");
    assert_eq!(conn.poll_timeout(), Some(second(100)));
    conn.handle_written(second(50), 9);
    assert!(conn.output().is_some_and(|rest| rest.starts_with(b"200 OK\r\n")));
    pass(&mut conn, second(140));
    assert!(conn.is_closed() && conn.output().is_none());
    assert_eq!(conn.poll_timeout(), None);
}

#[test]
fn lingers_within_limits_behind_the_last_answer() {
    let refused = || {
        let mut conn = tell([b"nonsense\r\n\r\n".as_slice()]).0;
        assert!(conn.is_final() && !conn.is_closed());
        conn.handle_bytes(second(1), &vec![b'x'; limit::LINGER_BYTES_MAX - 1]);
        conn
    };
    let mut conn = refused();
    pass(&mut conn, second(2));
    assert!(conn.is_closed());

    let mut conn = refused();
    assert!(!conn.is_closed() && conn.wants_bytes());
    conn.handle_bytes(second(1), b"x");
    assert!(conn.is_closed() && !conn.wants_bytes());

    let mut conn = refused();
    conn.handle_end(second(1));
    assert!(conn.is_closed());
}
