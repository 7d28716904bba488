//! What is stored, and the clients that store and read it.
//!
//! Secret `n` is the same in every run: a thousand in one folder, then by turns one in a folder of five
//! hundred and one in the large folder, under names that come in no order.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::latency::Latencies;
use super::peer::Peer;
use crate::random::Random;

/// Connections of a load.
pub(super) const CONNECTIONS: usize = 64;
/// Secrets of the folder `thousand`.
pub(super) const THOUSAND: usize = 1000;
/// Secrets of each of the many folders.
const FOLDER: usize = 500;

/// Between two reads of a client that watches while others work: it must not be the work.
const READER_PAUSE: Duration = Duration::from_millis(1);

/// The path of a secret.
pub(super) fn path(number: usize) -> String {
    if number < THOUSAND {
        return format!("secret/thousand/name-{number:04}");
    }
    let bits = source(number).bits();
    if number.is_multiple_of(2) {
        format!("secret/folder/{:05}/name-{bits:016x}", (number - THOUSAND) / 2 / FOLDER)
    } else {
        format!("secret/large/name-{bits:016x}")
    }
}

/// The fields of a secret: some 200 bytes.
pub(super) fn value(number: usize) -> String {
    let mut random = source(number);
    let mut text = String::from("{\"value\":\"");
    for _ in 0..12 {
        text.push_str(&format!("{:016x}", random.bits()));
    }
    text + "\"}"
}

fn source(number: usize) -> Random {
    Random::new(u64::try_from(number).expect("usize fits"))
}

/// What clients do, each for the numbers that it takes.
pub(super) trait Deed: Fn(&mut Peer, usize) -> io::Result<()> + Sync {}
impl<F: Fn(&mut Peer, usize) -> io::Result<()> + Sync> Deed for F {}

/// Stores a secret.
pub(super) fn put(peer: &mut Peer, number: usize) -> io::Result<()> {
    peer.ask("PUT", &path(number), &value(number))?.expect(204).map(drop)
}

/// Reads a secret, which must be what was stored.
pub(super) fn get(peer: &mut Peer, number: usize) -> io::Result<()> {
    let answer = peer.ask("GET", &path(number), "")?.expect(200)?;
    let value = value(number);
    let is_whole = answer.body.windows(value.len()).any(|part| part == value.as_bytes());
    if is_whole { Ok(()) } else { Err(io::Error::other("a secret is not what was stored")) }
}

/// Stores one of the first `count` secrets again, by chance.
pub(super) fn put_any(count: usize) -> impl Deed {
    move |peer, turn| put(peer, source(turn).below(count))
}

/// Reads one of the first `count` secrets, by chance.
pub(super) fn get_any(count: usize) -> impl Deed {
    move |peer, turn| get(peer, source(turn).below(count))
}

/// Many clients do something for each number of a range, on connections that are kept. Gives the
/// time that all took.
pub(super) fn together(
    address: SocketAddr,
    token: &str,
    numbers: std::ops::Range<usize>,
    deed: impl Deed,
) -> io::Result<Duration> {
    let next = AtomicUsize::new(numbers.start);
    let (next, deed, end) = (&next, &deed, numbers.end);
    let peers: Vec<Peer> =
        (0..CONNECTIONS).map(|_| Peer::connect(address, token)).collect::<io::Result<_>>()?;
    let start = Instant::now();
    thread::scope(|scope| {
        let clients: Vec<_> = peers
            .into_iter()
            .map(|mut peer| {
                scope.spawn(move || -> io::Result<()> {
                    loop {
                        let number = next.fetch_add(1, Ordering::Relaxed);
                        if number >= end {
                            return Ok(());
                        }
                        deed(&mut peer, number)?;
                    }
                })
            })
            .collect();
        clients.into_iter().try_for_each(joined)
    })?;
    Ok(start.elapsed())
}

/// One client does something for each number of a range. Gives the time of each.
pub(super) fn alone(
    address: SocketAddr,
    token: &str,
    mut numbers: std::ops::Range<usize>,
    deed: impl Deed,
) -> io::Result<Latencies> {
    let mut peer = Peer::connect(address, token)?;
    let mut times = Latencies::default();
    numbers.try_for_each(|number| times.time(|| deed(&mut peer, number)))?;
    Ok(times)
}

/// Does some work while one client reads, by chance and with pauses, some of the first `count` secrets.
/// Gives the times of the reads too.
pub(super) fn while_reading<T>(
    address: SocketAddr,
    token: &str,
    count: usize,
    work: impl FnOnce() -> io::Result<T>,
) -> io::Result<(T, Latencies)> {
    let done = AtomicBool::new(false);
    let mut peer = Peer::connect(address, token)?;
    thread::scope(|scope| {
        let reader = scope.spawn(|| -> io::Result<Latencies> {
            let (mut times, read) = (Latencies::default(), get_any(count));
            let mut turn = 0;
            while !done.load(Ordering::Relaxed) {
                turn += 1;
                times.time(|| read(&mut peer, turn))?;
                thread::sleep(READER_PAUSE);
            }
            Ok(times)
        });
        let result = work();
        done.store(true, Ordering::Relaxed);
        let times = joined(reader)?;
        Ok((result?, times))
    })
}

fn joined<T>(client: thread::ScopedJoinHandle<'_, io::Result<T>>) -> io::Result<T> {
    client.join().unwrap_or_else(|_| Err(io::Error::other("a client panicked")))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn gives_every_secret_a_path_of_its_own() {
        let paths: BTreeSet<String> = (0..20_000).map(path).collect();
        assert_eq!(paths.len(), 20_000);
        let in_folder = |folder: &str| paths.iter().filter(|path| path.contains(folder)).count();
        assert_eq!(in_folder("/thousand/"), THOUSAND);
        assert_eq!(in_folder("/large/"), (20_000 - THOUSAND) / 2);
        assert_eq!(in_folder("/folder/00003/"), FOLDER);
        assert_eq!(value(7).len(), 204);
    }
}
