//! The server stops: what is still served, and what the last answer says.

use super::*;

const A: &str = "GET /a HTTP/1.1\r\nHost: a\r\n\r\n";
const PUT: &str = "PUT /p HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}";
const CHUNKED: &str =
    "PUT /c HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n";

/// What is sent; after how many bytes of it the server stops; how many requests are served.
type Case = (&'static [&'static str], usize, usize);

/// The server takes its time: nothing is answered before it stops.
const CASES: [Case; 20] = [
    (&[], 0, 0),
    (&[A], 0, 0),
    (&["\r\n"], 2, 0),
    (&["\r\n"], 1, 0),
    (&["\r\n", A], 1, 0),
    (&[A], 1, 1),
    (&[A], A.len() - 1, 1),
    (&[A], A.len(), 1),
    (&[A, "\r\n"], A.len() + 2, 1),
    (&[A, "\r\n", A], A.len() + 1, 1),
    (&[A, "\r\n", A], A.len() + 2, 1),
    (&[A, A], A.len(), 1),
    (&[A, A], A.len() + 1, 2),
    (&[A, A], A.len() * 2, 2),
    (&[A, A, A], A.len() * 2, 2),
    (&["\r\n", A, A], 3, 1),
    (&[PUT, A], PUT.len() - 1, 1),
    (&[PUT, A], PUT.len() - 2, 1),
    (&[PUT, PUT, PUT], PUT.len() * 2 - 2, 2),
    (&[CHUNKED, CHUNKED, A], CHUNKED.len() * 2 - 1, 2),
];

/// Tells both parts in pieces of these sizes.
fn stopped(before: &[u8], after: &[u8], size: usize) -> (Conn, Talk) {
    let (mut conn, mut talk) = (Conn::new(START, limits()), Talk::default());
    for piece in before.chunks(size) {
        conn.handle_bytes(START, piece);
    }
    conn.finish(START);
    serve(&mut conn, START, &mut talk);
    for piece in after.chunks(size) {
        conn.handle_bytes(START, piece);
        serve(&mut conn, START, &mut talk);
    }
    (conn, talk)
}

#[test]
fn serves_what_had_begun_when_the_server_stopped_and_nothing_behind_it() {
    for (sent, stop, count) in CASES {
        let sent = sent.concat();
        let (before, after) = sent.as_bytes().split_at(stop);
        let (conn, talk) = stopped(before, after, sent.len().max(1));
        assert_eq!(talk.requests.len(), count, "{sent:?} {stop}");
        let answers = answers(&talk.output);
        assert_eq!(answers.len(), count, "{sent:?} {stop}");
        for (at, answer) in answers.iter().enumerate() {
            let connection = if at + 1 == count { "close" } else { "-" };
            assert_eq!(*answer, format!("200 {connection} 4 yes"), "{sent:?} {stop}");
        }
        assert!(conn.is_final(), "{sent:?} {stop}");
        assert_eq!(conn.is_closed(), count == 0, "{sent:?} {stop}");
        for size in 1..sent.len() {
            assert_eq!(stopped(before, after, size).1, talk, "{sent:?} {stop} by {size}");
        }
    }
}

#[test]
fn ends_an_idle_connection_behind_an_answer_that_is_still_being_taken() {
    let mut conn = Conn::new(START, limits());
    conn.handle_bytes(START, A.as_bytes());
    conn.admit(START, 0);
    assert!(conn.poll_request().is_some());
    conn.respond(START, Response::api(StatusCode::OK, "yes\n".to_string()));
    conn.finish(START);
    assert!(conn.is_closed() && !conn.wants_bytes());
    let mut talk = Talk::default();
    serve(&mut conn, START, &mut talk);
    assert_eq!(answers(&talk.output), ["200 - 4 yes"]);
}

#[test]
fn stops_once_however_often_it_is_told() {
    let mut conn = Conn::new(START, limits());
    conn.handle_bytes(START, A.as_bytes());
    conn.finish(START);
    conn.handle_bytes(START, A.as_bytes());
    conn.finish(START);
    let mut talk = Talk::default();
    serve(&mut conn, START, &mut talk);
    assert_eq!(talk.requests, ["GET /a "]);
    conn.finish(START);
    assert!(conn.is_final() && !conn.is_closed(), "the peer has its time to take the answer");
}

#[test]
fn keeps_its_deadlines_while_the_server_stops() {
    let mut conn = Conn::new(START, limits());
    conn.handle_bytes(START, b"GET /");
    conn.finish(START);
    let due = START.after(limits().head_time_max);
    assert_eq!(conn.poll_timeout(), Some(due));
    conn.handle_timeout(due);
    assert!(conn.is_final() && conn.output().is_some());
}
