//! The real server under `kill -9`: lives of one folder, each ended at a random moment, and a check of
//! all that was acknowledged at the start of the next.
//!
//! A life ends while the server starts, while it unseals, or while clients write; other folders are
//! born, and their servers killed while they make their storage or initialise it. What the operating
//! system has taken from a killed process it keeps, so this shows the order of answers and writes, and
//! what is left half done; what a loss of power takes is the matter of [`crate::powerloss`].
//!
//! The choices come from the seed. The moments are those of the machine, so a seed does not repeat a
//! run.

mod client;
mod server;
mod tally;
mod token;
mod wire;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use self::client::{Client, TICKER};
use self::server::{Keys, SHARES, Server, Site, THRESHOLD, initialization};
pub use self::tally::Tally;
use self::wire::{Answer, Fault, Request, Wire};
use crate::random::Random;

/// Clients that write at one time.
const CLIENTS: usize = 4;
/// The longest time that they write in one life.
const WORK_TIME_MAX: Duration = Duration::from_millis(250);
/// Of so many kills one is spent on a folder that is new.
const BIRTHS_ONE_IN: u64 = 5;

/// What is run.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The server's program.
    pub program: PathBuf,
    /// An empty folder for all that is stored; what is in it stays if something is broken.
    pub folder: PathBuf,
    /// How often it is killed.
    pub kills: u64,
    /// Where the choices come from.
    pub seed: u64,
}

/// How long things took the last time: a kill comes somewhere within.
struct Spans {
    start: Duration,
    init: Duration,
    unseal: Duration,
}

struct Run {
    random: Random,
    spans: Spans,
    clients: Vec<Client>,
    /// The highest version of each client's ticker that another client has seen.
    watched: Vec<Option<u64>>,
    tally: Tally,
}

/// One run.
///
/// # Errors
///
/// What was broken.
pub fn run(plan: &Plan) -> Result<Tally, String> {
    let mut random = Random::new(plan.seed);
    let clients = (0..CLIENTS).map(|number| Client::new(number, random.bits())).collect();
    let spans = Spans { start: Duration::ZERO, init: Duration::ZERO, unseal: Duration::ZERO };
    let watched = vec![None; CLIENTS];
    let mut run = Run { random, spans, clients, watched, tally: Tally::default() };

    let site = Site::new(&plan.program, plan.folder.join("site"))?;
    let keys = run.found(&site)?;
    for birth in 0.. {
        if run.tally.kills >= plan.kills / BIRTHS_ONE_IN {
            break;
        }
        run.birth(&plan.program, plan.folder.join("birth"))
            .map_err(|broken| format!("birth {birth}: {broken}"))?;
    }
    while run.tally.kills < plan.kills {
        run.life(&site, &keys)
            .map_err(|broken| format!("after {} kills: {broken}", run.tally.kills))?;
    }
    run.last(&site, &keys)?;
    site.remove()?;
    for client in &run.clients {
        run.tally.add(&client.tally);
    }
    Ok(run.tally)
}

impl Run {
    /// Starts a server on one of the adapters.
    fn spawn(&mut self, site: &Site) -> Result<Server, String> {
        if self.random.one_in(2) {
            self.tally.on_smol += 1;
            Server::spawn(site, "smol")
        } else {
            self.tally.on_blocking += 1;
            Server::spawn(site, "blocking")
        }
    }

    /// Initialises a server that nothing happens to, and learns how long things take.
    fn found(&mut self, site: &Site) -> Result<Keys, String> {
        let server = self.spawn(site)?;
        let mut wire = server.connect()?;
        self.spans.start = server.since.elapsed();
        let since = Instant::now();
        let answer = ask(&mut wire, &initialization())?;
        self.spans.init = since.elapsed();
        answer.require(200, "sys/init")?;
        let keys = Keys::read(&answer.body)?;
        self.unseal(&mut wire, &keys)?;
        server.kill()?;
        Ok(keys)
    }

    /// A folder that is new: its server is killed while it makes its storage, and while it initialises
    /// it. Then there is nothing, or a server with the keys that were answered.
    fn birth(&mut self, program: &Path, folder: PathBuf) -> Result<(), String> {
        let site = Site::new(program, folder)?;
        while self.random.one_in(2) {
            let in_start = self.kill_in_start(&site)?;
            self.tally.killed_in_first_start += u64::from(in_start);
        }
        let server = self.spawn(&site)?;
        let mut wire = server.connect()?;
        wire.send(&initialization()).map_err(Fault::text)?;
        thread::sleep(self.moment_in(self.spans.init));
        server.kill()?;
        self.tally.kills += 1;
        let answered = match wire.receive() {
            Ok(answer) => {
                answer.require(200, "sys/init")?;
                Some(Keys::read(&answer.body)?)
            }
            Err(Fault::Lost(_)) => None,
            Err(fault) => return Err(fault.text()),
        };
        self.tally.killed_in_init += u64::from(answered.is_none());

        let server = self.spawn(&site)?;
        let mut wire = server.connect()?;
        let status = ask(&mut wire, &Request::new("GET", "sys/init", ""))?;
        let initialized = status.body.get("initialized").and_then(Value::as_bool);
        match (answered, initialized) {
            (Some(keys), Some(true)) => self.require_open(&mut wire, &keys)?,
            (None, Some(true)) => {
                self.tally.inits_kept += 1;
                require_sealed(&mut wire)?;
                ask(&mut wire, &initialization())?.require(400, "a second sys/init")?;
            }
            (None, Some(false)) => {
                self.tally.inits_lost += 1;
                let again = ask(&mut wire, &initialization())?;
                again.require(200, "sys/init after one that was lost")?;
                let keys = Keys::read(&again.body)?;
                self.require_open(&mut wire, &keys)?;
            }
            (_, status) => return Err(format!("sys/init was answered, and says {status:?}")),
        }
        server.kill()?;
        self.tally.kills += 1;
        site.remove()
    }

    /// One life of the server, up to its violent end.
    fn life(&mut self, site: &Site, keys: &Keys) -> Result<(), String> {
        match self.random.below(10) {
            0 | 1 => {
                let in_start = self.kill_in_start(site)?;
                self.tally.killed_in_start += u64::from(in_start);
                Ok(())
            }
            2 | 3 => self.kill_in_unseal(site, keys),
            _ => self.kill_in_work(site, keys),
        }
    }

    /// Gives whether it did not listen yet.
    fn kill_in_start(&mut self, site: &Site) -> Result<bool, String> {
        let server = self.spawn(site)?;
        thread::sleep(self.moment_in(self.spans.start));
        let had_started = server.kill()?;
        self.tally.kills += 1;
        Ok(!had_started)
    }

    fn kill_in_unseal(&mut self, site: &Site, keys: &Keys) -> Result<(), String> {
        let server = self.spawn(site)?;
        let mut wire = server.connect()?;
        require_sealed(&mut wire)?;
        for request in keys.unsealing(&mut self.random) {
            wire.send(&request).map_err(Fault::text)?;
        }
        thread::sleep(self.moment_in(self.spans.unseal));
        server.kill()?;
        self.tally.kills += 1;
        let mut sealed = true;
        for _ in 0..THRESHOLD {
            match wire.receive() {
                Ok(answer) => sealed = is_sealed(&answer)?,
                Err(Fault::Lost(_)) => break,
                Err(fault) => return Err(fault.text()),
            }
        }
        self.tally.killed_in_unseal += u64::from(sealed);
        Ok(())
    }

    /// Checks what the lives before have left, and lets the clients write until the kill.
    fn kill_in_work(&mut self, site: &Site, keys: &Keys) -> Result<(), String> {
        let (server, address) = self.open(site, keys)?;
        self.check(address, keys)?;
        let time = self.moment(WORK_TIME_MAX);
        let killed = &AtomicBool::new(false);
        let root = keys.root_token.as_str();
        let (clients, watched) = (&mut self.clients, &mut self.watched);
        let (end, works, watch) = thread::scope(|scope| {
            let works: Vec<_> = clients
                .iter_mut()
                .map(|client| scope.spawn(move || client.work(address, root, killed)))
                .collect();
            let watch = scope.spawn(move || watch(address, root, watched, killed));
            thread::sleep(time);
            killed.store(true, Ordering::SeqCst);
            let end = server.kill();
            let works: Vec<_> = works.into_iter().map(thread::ScopedJoinHandle::join).collect();
            (end, works, watch.join())
        });
        end?;
        self.tally.kills += 1;
        let panicked = |_| "a client panicked".to_owned();
        let mut in_write = false;
        for work in works {
            in_write |= work.map_err(panicked)??;
        }
        self.tally.killed_in_write += u64::from(in_write);
        self.tally.watched += watch.map_err(panicked)??;
        Ok(())
    }

    /// Checks all, and every token that ever died.
    fn last(&mut self, site: &Site, keys: &Keys) -> Result<(), String> {
        let (server, address) = self.open(site, keys)?;
        self.check(address, keys)?;
        for client in &mut self.clients {
            client.check_dead(address, &keys.root_token)?;
        }
        server.kill().map(drop)
    }

    /// Starts and unseals the server.
    fn open(&mut self, site: &Site, keys: &Keys) -> Result<(Server, SocketAddr), String> {
        let server = self.spawn(site)?;
        let address = server.address()?;
        self.spans.start = server.since.elapsed();
        let mut wire = Wire::connect(address).map_err(Fault::text)?;
        require_sealed(&mut wire)?;
        self.unseal(&mut wire, keys)?;
        self.tally.restarts += 1;
        self.tally.slowest_restart = self.tally.slowest_restart.max(server.since.elapsed());
        Ok((server, address))
    }

    /// Every client checks its own, all at one time.
    fn check(&mut self, address: SocketAddr, keys: &Keys) -> Result<(), String> {
        let root = keys.root_token.as_str();
        let clients = &mut self.clients;
        let checks: Vec<_> = thread::scope(|scope| {
            let threads: Vec<_> = clients
                .iter_mut()
                .map(|client| scope.spawn(move || client.check(address, root)))
                .collect();
            threads.into_iter().map(thread::ScopedJoinHandle::join).collect()
        });
        for check in checks {
            check.map_err(|_| "a check panicked".to_owned())??;
        }
        for (client, watched) in self.clients.iter().zip(&self.watched) {
            if client.ticker() < *watched {
                let found = client.ticker();
                return Err(format!(
                    "version {watched:?} was shown to others, now it is {found:?}"
                ));
            }
        }
        Ok(())
    }

    fn unseal(&mut self, wire: &mut Wire, keys: &Keys) -> Result<(), String> {
        let since = Instant::now();
        let mut sealed = true;
        for request in keys.unsealing(&mut self.random) {
            sealed = is_sealed(&ask(wire, &request)?)?;
        }
        self.spans.unseal = since.elapsed();
        if sealed { Err("three shares do not unseal".to_owned()) } else { Ok(()) }
    }

    /// Requires that keys unseal, and that their root token is one.
    fn require_open(&mut self, wire: &mut Wire, keys: &Keys) -> Result<(), String> {
        self.unseal(wire, keys)?;
        let request = Request::new("GET", "auth/token/lookup-self", &keys.root_token);
        ask(wire, &request)?.require(200, "the root token")?;
        let answer = ask(wire, &Request::new("GET", "secret/none", &keys.root_token))?;
        answer.require(404, "the mount of a new server")
    }

    /// A random time within what took a span the last time: early rather than late, because it may be
    /// quicker the next time.
    fn moment_in(&mut self, span: Duration) -> Duration {
        let part = *self.random.pick(&[1, 2, 4, 8]);
        self.moment(span * 5 / 4) / part
    }

    /// A random time up to a span.
    fn moment(&mut self, span: Duration) -> Duration {
        let micros = usize::try_from(span.as_micros()).unwrap_or(usize::MAX);
        let chosen = self.random.below(micros.max(1));
        Duration::from_micros(u64::try_from(chosen).unwrap_or(0))
    }
}

/// Reads what others write until the server is killed: what it has seen must stay.
fn watch(
    address: SocketAddr,
    root: &str,
    watched: &mut [Option<u64>],
    killed: &AtomicBool,
) -> Result<u64, String> {
    let mut count = 0;
    let mut look = || {
        let mut wire = Wire::connect(address)?;
        loop {
            for (client, seen) in watched.iter_mut().enumerate() {
                let answer = wire.ask(&Request::new("GET", client::path(client, TICKER), root))?;
                let found = client::version(client, TICKER, &answer).map_err(Fault::Wrong)?;
                if found < *seen {
                    let text = format!("{found:?} is shown after {seen:?}");
                    return Err(Fault::Wrong(text));
                }
                count += u64::from(found > *seen);
                *seen = found;
            }
        }
    };
    let end: Result<(), Fault> = look();
    match end {
        Err(Fault::Lost(_)) if killed.load(Ordering::SeqCst) => Ok(count),
        Err(fault) => Err(format!("the watcher: {}", fault.text())),
        Ok(()) => Ok(count),
    }
}

/// Requires that a server is as it is when it has started: it knows its seal, and has no share.
fn require_sealed(wire: &mut Wire) -> Result<(), String> {
    let answer = ask(wire, &Request::new("GET", "sys/seal-status", ""))?;
    let state = ["initialized", "sealed", "t", "n", "progress"].map(|name| answer.body.get(name));
    let wanted = [
        Value::from(true),
        Value::from(true),
        Value::from(THRESHOLD),
        Value::from(SHARES),
        Value::from(0),
    ];
    if state.iter().copied().eq(wanted.iter().map(Some)) {
        return Ok(());
    }
    Err(format!("a server that has started says {}", answer.body))
}

fn is_sealed(answer: &Answer) -> Result<bool, String> {
    answer.require(200, "sys/unseal")?;
    let sealed = answer.body.get("sealed").and_then(Value::as_bool);
    sealed.ok_or_else(|| format!("sys/unseal says {}", answer.body))
}

fn ask(wire: &mut Wire, request: &Request) -> Result<Answer, String> {
    wire.ask(request).map_err(Fault::text)
}
