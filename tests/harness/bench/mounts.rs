//! What many mounts and namespaces take beside an empty server: to make them, on the medium, at the
//! start, in memory, and for a look at one of them.

use std::ops::Range;
use std::time::Duration;
use std::{io, thread};

use super::client::{Clients, Script};
use super::footprint::REST;
use super::grow::memory;
use super::latency::{Latencies, Span};
use super::load::{name, request, sample};
use super::report::{Table, grouped};
use super::server::{MOUNT, Server, Site};
use super::{Bench, contest, target};

/// How many are made.
const COUNT: usize = 100_000;
/// Connections that make them.
const CONNECTIONS: usize = 64;
/// Of those that are looked at.
const LOOKS: usize = 1000;
/// Starts that a time of the start is taken from.
const STARTS: usize = 9;
/// Longer than any of it takes.
const TIME_MAX: Duration = Duration::from_secs(3600);
/// The cell of what an empty server has not.
const NONE: &str = "-";

/// What there are many of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Mount,
    Namespace,
}

/// See the module. The server has the adapter that it takes by itself.
pub(super) fn measure(bench: &Bench<'_>) -> io::Result<Table> {
    let count = COUNT.min(bench.plan.secrets);
    let site = |name| Site::create(bench.program.clone(), &bench.folder.join(name));
    (bench.tell)("an empty server");
    let empty = Crowd { site: site("empty")?, kind: None };
    let bytes = empty.site.disk_bytes()?;
    let mut table = empty.column("an empty server", 0, bytes)?;
    for (name, kind) in [("mounts", Kind::Mount), ("namespaces", Kind::Namespace)] {
        (bench.tell)(&format!("{} {name}", grouped(count)));
        let crowd = Crowd { site: site(name)?, kind: Some(kind) };
        table.join(crowd.column(&format!("{} {name}", grouped(count)), count, bytes)?);
    }
    Ok(table)
}

/// A server with many of a kind.
struct Crowd {
    site: Site,
    kind: Option<Kind>,
}

impl Crowd {
    /// One column of the table; an empty server has so many bytes on the medium.
    fn column(&self, head: &str, count: usize, empty_bytes: u64) -> io::Result<Table> {
        let mut table = Table::new(vec!["made by the API".to_owned(), head.to_owned()]);
        self.make(&mut table, count)?;
        let bytes = self.site.disk_bytes()?;
        table.row("KiB on disk", vec![grouped_kib(bytes)]);
        let each = u32::try_from(bytes.saturating_sub(empty_bytes)).map_err(io::Error::other)?;
        let each = f64::from(each) / f64::from(u32::try_from(count).unwrap_or(u32::MAX));
        let each = if count > 0 { target::of_mount(each) } else { NONE.to_owned() };
        table.row("bytes on disk, each", vec![each]);
        let (mut starts, mut unseals) = (Latencies::default(), Latencies::default());
        for _ in 0..STARTS {
            let (server, time) = Server::start_unsealed(&self.site, &[])?;
            starts.add(server.start_time);
            unseals.add(time);
        }
        table.row("start after a kill to first answer", vec![starts.to_string()]);
        table.row("`sys/unseal`", vec![unseals.to_string()]);
        self.look(&mut table, count)?;
        Ok(table)
    }

    /// Makes them.
    fn make(&self, table: &mut Table, count: usize) -> io::Result<()> {
        const ROWS: [&str; 4] =
            ["made a second", "CPU for each", "time of one", "memory after that"];
        let Some(kind) = self.kind else {
            ROWS.into_iter().for_each(|name| table.row(name, vec![NONE.to_owned()]));
            return Ok(());
        };
        let (server, _) = Server::start_unsealed(&self.site, &[])?;
        let mut clients = Clients::connect(&server.plain, CONNECTIONS)?;
        let mut script = Make { token: &self.site.root_token, kind, numbers: 0..count };
        let taken = contest::measure(&server.process, &mut clients, &mut script, TIME_MAX)?;
        let memory = memory(server.process.memory()?);
        let cells = [
            contest::count(taken.rate),
            Span(taken.cpu).to_string(),
            taken.times.to_string(),
            memory,
        ];
        ROWS.into_iter().zip(cells).for_each(|(name, cell)| table.row(name, vec![cell]));
        Ok(())
    }

    /// Looks at some of them, and at all.
    fn look(&self, table: &mut Table, count: usize) -> io::Result<()> {
        const ROWS: [&str; 5] = [
            "one of them, the first 1000",
            "the same 1000",
            "memory after these",
            "the list of all",
            "memory after the list",
        ];
        let (server, _) = Server::start_unsealed(&self.site, &[])?;
        thread::sleep(REST);
        table.row("memory at rest", vec![memory(server.process.memory()?)]);
        let Some(kind) = self.kind else {
            ROWS.into_iter().for_each(|name| table.row(name, vec![NONE.to_owned()]));
            return Ok(());
        };
        let mut cells = Vec::new();
        let mut clients = Clients::connect(&server.plain, 1)?;
        for _ in 0..2 {
            let numbers: Vec<usize> = sample(count, LOOKS).collect();
            let token = self.site.root_token.as_str();
            let mut script = Look { token, kind, numbers: numbers.into_iter() };
            cells.push(clients.run(TIME_MAX, &mut script)?.times.to_string());
        }
        cells.push(memory(server.process.memory()?));
        let mut peer = server.peer(&self.site.root_token)?;
        let mut times = Latencies::default();
        let (method, path) = kind.list();
        let answer = times.time(|| peer.ask(method, path, ""))?;
        let size = match answer.status {
            200 => format!(", {} KiB", grouped(answer.body.len() >> 10)),
            _ => String::new(),
        };
        cells.push(format!("{} in {}{size}", answer.status, Span(times.longest())));
        cells.push(memory(server.process.memory()?));
        ROWS.into_iter().zip(cells).for_each(|(name, cell)| table.row(name, vec![cell]));
        Ok(())
    }
}

impl Kind {
    /// What makes the one of a number: path, body, and the status of the answer.
    fn make(self, number: usize) -> (String, &'static str, u16) {
        match self {
            Self::Mount => (format!("sys/mounts/{}", name(number)), MOUNT, 204),
            Self::Namespace => (format!("sys/namespaces/{}", name(number)), "{}", 200),
        }
    }

    /// The path that shows the one of a number.
    fn look(self, number: usize) -> String {
        match self {
            Self::Mount => format!("sys/internal/ui/mounts/{}", name(number)),
            Self::Namespace => format!("sys/namespaces/{}", name(number)),
        }
    }

    /// What lists all: method and path.
    fn list(self) -> (&'static str, &'static str) {
        match self {
            Self::Mount => ("GET", "sys/mounts"),
            Self::Namespace => ("LIST", "sys/namespaces"),
        }
    }
}

/// Makes them one after the other.
struct Make<'a> {
    token: &'a str,
    kind: Kind,
    numbers: Range<usize>,
}

impl Script for Make<'_> {
    fn ask(&mut self, out: &mut Vec<u8>) -> Option<usize> {
        let number = self.numbers.next()?;
        let (path, body, _) = self.kind.make(number);
        request(out, "POST", &path, self.token, body);
        Some(number)
    }

    fn check(&mut self, number: usize, status: u16, _: &[u8]) -> bool {
        status == self.kind.make(number).2
    }
}

/// Looks at one after the other.
struct Look<'a> {
    token: &'a str,
    kind: Kind,
    numbers: std::vec::IntoIter<usize>,
}

impl Script for Look<'_> {
    fn ask(&mut self, out: &mut Vec<u8>) -> Option<usize> {
        let number = self.numbers.next()?;
        request(out, "GET", &self.kind.look(number), self.token, "");
        Some(number)
    }

    fn check(&mut self, number: usize, status: u16, body: &[u8]) -> bool {
        let path = format!("\"path\":\"{}/\"", name(number));
        status == 200 && body.windows(path.len()).any(|part| part == path.as_bytes())
    }
}

fn grouped_kib(bytes: u64) -> String {
    usize::try_from(bytes >> 10).map_or_else(|_| String::new(), grouped)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notices_an_answer_about_another() {
        for kind in [Kind::Mount, Kind::Namespace] {
            let mut look = Look { token: "t", kind, numbers: vec![7].into_iter() };
            let number = look.ask(&mut Vec::new()).unwrap();
            let answer = |number| format!("{{\"path\":\"{}/\"}}", name(number));
            assert!(look.check(number, 200, answer(7).as_bytes()));
            assert!(!look.check(number, 200, answer(8).as_bytes()));
            assert!(!look.check(number, 403, answer(7).as_bytes()));
            assert_eq!(look.ask(&mut Vec::new()), None);
        }
    }
}
