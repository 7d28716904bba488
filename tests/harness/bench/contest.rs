//! All servers under the same requests: what each takes for a request, times the floor.
//!
//! They run side by side, and take turns: what else the machine does meanwhile meets them all. It only
//! ever makes a round worse, so of the rounds of a server the best counts.

use std::io;
use std::time::Duration;

use super::client::{Clients, Door, Script};
use super::latency::{Latencies, Span};
use super::load::{Access, Listing, SAMPLE, THOUSAND, TokenCreate, TokenLookUp, Writes, sample};
use super::process::Process;
use super::report::{Table, grouped};
use super::server::Server;
use super::target::{self, Judged, Target};

/// Connections of the loads.
pub(super) const CONNECTIONS: [usize; 3] = [1, 8, 64];
/// Rounds of a server under one load.
const ROUNDS: usize = 5;
/// A part of a round's time that is not counted, before the first round.
const WARM_UP: u32 = 4;
/// Longer than listing all folders once takes.
const LISTING_MAX: Duration = Duration::from_secs(3600);

/// A server that takes part.
pub(super) struct Contender {
    pub(super) name: String,
    pub(super) kind: Kind,
    pub(super) server: Server,
    pub(super) token: String,
    /// A token that its policies bound, if it has such.
    pub(super) member: Option<String>,
}

/// What is measured by what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The floor's loop with fixed answers.
    Fixed,
    /// What all others are compared with.
    Floor,
    /// Ours, with a thread for each connection.
    Blocking,
    /// Ours, with so many workers.
    Smol { workers: usize },
    /// Another server of the same API.
    Peer,
}

/// What clients do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Deed {
    /// Reads of secrets that are in the cache.
    Get,
    /// The same by a token that its policies bound.
    GetPolicy,
    /// Reads of secrets that come from the engine.
    GetEngine,
    Put,
    /// Listings of a folder that is in the cache.
    List,
    Mix,
    TokenCreate,
    TokenLookUp,
}

impl Deed {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::GetPolicy => "GET with a policy token",
            Self::GetEngine => "GET from the engine",
            Self::Put => "PUT",
            Self::List => "LIST of 1000",
            Self::Mix => "9 GET : 1 PUT",
            Self::TokenCreate => "token create",
            Self::TokenLookUp => "token look-up",
        }
    }
}

/// A load: what is done, over what.
#[derive(Clone, Copy, Debug)]
pub(super) struct Load {
    pub(super) deed: Deed,
    pub(super) tls: bool,
    pub(super) connections: usize,
}

/// What a server took under a load.
pub(super) struct Taken {
    /// Requests a second.
    pub(super) rate: f64,
    /// Of the process, for one request.
    pub(super) cpu: Duration,
    pub(super) times: Latencies,
}

/// One load and what each contender took, in their order; nothing for one that has no part in it.
pub(super) struct Heat {
    load: Load,
    taken: Vec<Option<Taken>>,
}

/// Puts all under some loads, which take turns like the servers; each server holds so many secrets.
pub(super) fn run(
    contenders: &[Contender],
    loads: &[Load],
    secrets: usize,
    time: Duration,
) -> io::Result<Vec<Heat>> {
    let mut tracks = Vec::new();
    for load in loads {
        for contender in contenders {
            tracks.push(Track::new(contender, *load, secrets)?);
        }
    }
    for round in 0..=ROUNDS {
        for track in &mut tracks {
            let time = if round == 0 { time / WARM_UP } else { time };
            let taken = track.run(time)?;
            if round > 0 {
                track.rounds.extend(taken);
            }
        }
    }
    let mut taken = tracks.into_iter().map(|track| best(track.rounds));
    let heat =
        |load: &Load| Heat { load: *load, taken: taken.by_ref().take(contenders.len()).collect() };
    Ok(loads.iter().map(heat).collect())
}

/// One contender under one load.
struct Track<'a> {
    contender: &'a Contender,
    load: Load,
    /// Nothing, if it has no part in it.
    clients: Option<(Clients, Box<dyn Script + 'a>)>,
    rounds: Vec<Taken>,
}

impl<'a> Track<'a> {
    fn new(contender: &'a Contender, load: Load, secrets: usize) -> io::Result<Self> {
        let fixed_only_gets = contender.kind == Kind::Fixed && load.deed != Deed::Get;
        let has_token = load.deed != Deed::GetPolicy || contender.member.is_some();
        let door = door(&contender.server, load.tls);
        let clients = match door.filter(|_| has_token && !fixed_only_gets) {
            Some(door) => {
                Some((Clients::connect(door, load.connections)?, script(contender, load, secrets)))
            }
            None => None,
        };
        Ok(Self { contender, load, clients, rounds: Vec::new() })
    }

    fn run(&mut self, time: Duration) -> io::Result<Option<Taken>> {
        let Some((clients, script)) = &mut self.clients else { return Ok(None) };
        let taken = measure(&self.contender.server.process, clients, script.as_mut(), time);
        taken.map(Some).map_err(|error| {
            let (name, what) = (&self.contender.name, self.load.deed.name());
            io::Error::other(format!("{name}: {what}: {error}"))
        })
    }
}

/// What the clients of a contender do.
fn script<'a>(contender: &'a Contender, load: Load, secrets: usize) -> Box<dyn Script + 'a> {
    let token = contender.token.as_str();
    let member = contender.member.as_deref().unwrap_or_default();
    match load.deed {
        // Whose answer is always the same knows one secret.
        Deed::Get if contender.kind == Kind::Fixed => {
            Box::new(Access::new(token, 0..1, Writes::None))
        }
        Deed::Get => Box::new(Access::new(token, 0..THOUSAND, Writes::None)),
        Deed::GetPolicy => Box::new(Access::new(member, 0..THOUSAND, Writes::None)),
        Deed::GetEngine => Box::new(Access::new(token, sample(secrets, SAMPLE), Writes::None)),
        Deed::Put => Box::new(Access::new(token, sample(secrets, SAMPLE), Writes::All)),
        Deed::Mix => Box::new(Access::new(token, sample(secrets, SAMPLE), Writes::OneInTen)),
        Deed::List => Box::new(Listing::warm(token)),
        Deed::TokenCreate => Box::new(TokenCreate::new(token)),
        Deed::TokenLookUp => Box::new(TokenLookUp::new(token)),
    }
}

/// Each lists every full folder of a thousand names once, on one connection. No server may have listed
/// anything before: its pages come from the engine.
pub(super) fn cold_lists(contenders: &[Contender], secrets: usize) -> io::Result<Table> {
    let mut taken = Vec::new();
    for contender in contenders {
        let mut clients = Clients::connect(&contender.server.plain, 1)?;
        let mut script = Listing::cold(&contender.token, secrets);
        let process = &contender.server.process;
        taken.push(measure(process, &mut clients, &mut script, LISTING_MAX)?.cpu.as_secs_f64());
    }
    let floor = contenders.iter().zip(&taken).find(|(one, _)| one.kind == Kind::Floor);
    let floor = floor.map_or(f64::NAN, |(_, cpu)| *cpu);
    let head = ["LIST of 1000, cold", "CPU of the server a request", "times the floor's"];
    let mut table = Table::new(head.map(str::to_owned).to_vec());
    for (contender, cpu) in contenders.iter().zip(taken) {
        let target = (contender.kind != Kind::Floor).then_some(target::LIST_COLD);
        let ratio = Judged { value: cpu / floor, target };
        table.row(&contender.name, vec![format!("{:.1} us", cpu * 1e6), ratio.to_string()]);
    }
    Ok(table)
}

/// One round.
pub(super) fn measure(
    process: &Process,
    clients: &mut Clients,
    script: &mut dyn Script,
    time: Duration,
) -> io::Result<Taken> {
    let before = process.cpu()?;
    let outcome = clients.run(time, script)?;
    let cpu = process.cpu()?.saturating_sub(before);
    let count = u32::try_from(outcome.times.count()).unwrap_or(u32::MAX).max(1);
    let rate = f64::from(count) / outcome.time.as_secs_f64();
    Ok(Taken { rate, cpu: cpu / count, times: outcome.times })
}

/// The best of rounds in each respect; the times of all of them.
fn best(rounds: Vec<Taken>) -> Option<Taken> {
    rounds.into_iter().reduce(|mut best, round| {
        best.cpu = best.cpu.min(round.cpu);
        best.rate = best.rate.max(round.rate);
        best.times.join(round.times);
        best
    })
}

fn door(server: &Server, tls: bool) -> Option<&Door> {
    if tls { server.tls.as_ref() } else { Some(&server.plain) }
}

/// Ratios to the floor: one table for each deed, a row for each contender, a column for each load.
pub(super) fn ratios(contenders: &[Contender], heats: &[Heat], rates: bool) -> Vec<Table> {
    let mut tables = Vec::new();
    for heats in heats.chunk_by(|one, other| one.load.deed == other.load.deed) {
        let Some(first) = heats.first() else { continue };
        let what = if rates { "requests a second" } else { "CPU of the server a request" };
        let mut head = vec![format!("{}: {what}, times the floor's", first.load.deed.name())];
        head.extend(heats.iter().map(|heat| heat.load.name()));
        let mut table = Table::new(head);
        for (at, contender) in contenders.iter().enumerate() {
            if heats.iter().all(|heat| heat.taken(at).is_none()) {
                continue;
            }
            let cells = heats.iter().map(|heat| heat.ratio(contenders, at, rates));
            table.row(&contender.name, cells.collect());
        }
        tables.push(table);
    }
    tables
}

/// What the floor takes for a GET, times what its loop takes for a fixed answer: the table that shows
/// that it is a floor.
pub(super) fn floor_of_floor(contenders: &[Contender], heats: &[Heat]) -> Option<Table> {
    let at = |kind| contenders.iter().position(|contender| contender.kind == kind);
    let (floor, fixed) = (at(Kind::Floor)?, at(Kind::Fixed)?);
    let mut head = vec!["GET: CPU of the floor, times that of fixed answers".to_owned()];
    let mut cells = Vec::new();
    for heat in heats.iter().filter(|heat| heat.load.deed == Deed::Get) {
        let cpu = |at| heat.taken(at).map(|taken| taken.cpu.as_secs_f64());
        let value = cpu(floor)? / cpu(fixed)?;
        head.push(heat.load.name());
        cells.push(Judged { value, target: Some(target::FLOOR) }.to_string());
    }
    if cells.is_empty() {
        return None;
    }
    let mut table = Table::new(head);
    table.row("the floor", cells);
    Some(table)
}

/// What a GET takes with a policy token, times what it takes with the root token.
pub(super) fn policy_ratios(contenders: &[Contender], heats: &[Heat]) -> Option<Table> {
    let of = |deed| heats.iter().filter(move |heat| heat.load.deed == deed);
    let pairs: Vec<(&Heat, &Heat)> = of(Deed::Get).zip(of(Deed::GetPolicy)).collect();
    let mut head = vec!["GET with a policy token: CPU, times that with the root token".to_owned()];
    head.extend(pairs.iter().map(|(heat, _)| heat.load.name()));
    let mut table = Table::new(head);
    let has_policies = |kind| !matches!(kind, Kind::Fixed | Kind::Floor);
    for (at, contender) in contenders.iter().enumerate().filter(|(_, one)| has_policies(one.kind)) {
        let cells = pairs.iter().map(|(root, member)| {
            let cpu = |heat: &Heat| heat.taken(at).map(|taken| taken.cpu.as_secs_f64());
            let ratio = cpu(member).zip(cpu(root)).map(|(member, root)| member / root);
            ratio.map_or_else(|| "-".to_owned(), |ratio| format!("{ratio:.2}"))
        });
        table.row(&contender.name, cells.collect());
    }
    (!pairs.is_empty()).then_some(table)
}

/// All that was measured: a row for each load and contender.
pub(super) fn details(contenders: &[Contender], heats: &[Heat]) -> Table {
    let columns = ["load", "server", "requests/s", "p50", "p99", "p99.9", "CPU a request"];
    let mut table = Table::new(columns.map(str::to_owned).to_vec());
    for heat in heats {
        for (contender, taken) in contenders.iter().zip(&heat.taken) {
            let Some(taken) = taken else { continue };
            let mut cells = vec![contender.name.clone(), count(taken.rate)];
            cells.extend([500, 990, 999].map(|at| Span(taken.times.quantile(at)).to_string()));
            cells.push(format!("{:.1} us", taken.cpu.as_secs_f64() * 1e6));
            table.row(&format!("{}, {}", heat.load.deed.name(), heat.load.name()), cells);
        }
    }
    table
}

/// A rate as a number.
pub(super) fn count(rate: f64) -> String {
    format!("{rate:.0}").parse().map_or_else(|_| String::new(), grouped)
}

impl Load {
    pub(super) fn name(self) -> String {
        let wire = if self.tls { "TLS" } else { "plain" };
        format!("{wire} {}", self.connections)
    }
}

impl Heat {
    pub(super) fn deed(&self) -> Deed {
        self.load.deed
    }

    /// What a contender took, if it had a part in it.
    fn taken(&self, at: usize) -> Option<&Taken> {
        self.taken.get(at)?.as_ref()
    }

    /// What a contender took, times the floor's, and whether that is what is to be reached.
    fn ratio(&self, contenders: &[Contender], at: usize, rates: bool) -> String {
        let floor = contenders.iter().position(|contender| contender.kind == Kind::Floor);
        let floor = floor.and_then(|at| self.taken(at));
        let kind = contenders.get(at).map(|contender| contender.kind);
        let (Some(kind), Some(floor), Some(taken)) = (kind, floor, self.taken(at)) else {
            return "-".to_owned();
        };
        if kind == Kind::Floor {
            return "1".to_owned();
        }
        let (ratio, target) = if rates {
            (taken.rate / floor.rate, Target::of_rate(kind, self.load))
        } else {
            let ratio = taken.cpu.as_secs_f64() / floor.cpu.as_secs_f64();
            (ratio, Target::of_cpu(kind, self.load))
        };
        Judged { value: ratio, target }.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_the_best_of_rounds() {
        let round = |rate, micros| {
            let mut times = Latencies::default();
            times.add(Duration::from_micros(micros));
            Taken { rate, cpu: Duration::from_micros(micros), times }
        };
        let best = best(vec![round(1.0, 5), round(3.0, 9), round(2.0, 4)]).unwrap();
        assert_eq!((best.rate, best.cpu), (3.0, Duration::from_micros(4)));
        assert_eq!(best.times.count(), 3);
    }
}
