//! Measures the server as users have it, beside a floor: the release binary over loopback, its storage a
//! file, and a server that does the least that such a server can do.
//!
//! Times are printed, never required; what is required is that every answer is right. Sections:
//! `contest` puts all servers under the same requests, `footprint` shows what a server takes that
//! has little to do, `grow` what changes with the number of secrets, `mounts` with that of mounts and
//! namespaces, `size` what is installed.

mod cleanup;
mod client;
mod contest;
mod floor;
mod footprint;
mod grow;
mod index;
mod latency;
mod load;
mod member;
mod mounts;
mod peer;
mod process;
mod ready;
mod report;
mod server;
mod size;
mod target;
mod tls;
mod wire;

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use self::contest::{CONNECTIONS, Contender, Deed, Heat, Kind, Load};
use self::load::THOUSAND;
pub use self::report::Table;
use self::server::{Program, Server, Site};
use crate::program;

/// Secrets of the first measurements.
const SECRETS: usize = 10_000;
/// The folder that is made; what was there before goes.
const FOLDER: &str = "strongroom-bench";
/// The least number of secrets: there are a folder of a thousand, others, and large ones.
pub const SECRETS_MIN: usize = 4 * THOUSAND;
/// A round of one server under one load.
const ROUND: Duration = Duration::from_millis(400);
const ROUND_QUICK: Duration = Duration::from_millis(40);

/// Our server's variants.
const VARIANTS: [(&str, Kind, &[&str]); 3] = [
    ("blocking", Kind::Blocking, &["-adapter=blocking"]),
    ("smol, 1 worker", Kind::Smol { workers: 1 }, &["-adapter=smol", "-workers=1"]),
    ("smol, 2 workers", Kind::Smol { workers: 2 }, &["-adapter=smol", "-workers=2"]),
];

/// Parts of the measurement.
pub const PARTS: [&str; 12] = [
    "get", "put", "list", "mix", "token", "engine", "memory", "size", "grow", "mounts", "clean-up",
    "index",
];

/// What to measure.
#[derive(Debug)]
pub struct Plan {
    /// Secrets of the last stage, [`SECRETS_MIN`] at least.
    pub secrets: usize,
    /// The server; without it that of this tree is built.
    pub binary: Option<PathBuf>,
    /// Another server that speaks the same API.
    pub peer: Option<PathBuf>,
    /// Where on the medium to measure a folder is made, which goes again.
    pub folder: PathBuf,
    /// Short rounds: to see that all works, rather than how well.
    pub quick: bool,
    /// Some of [`PARTS`]; none is all of them.
    pub only: Vec<String>,
}

/// Runs a floor if these words of the command line ask for one; it serves until it is killed.
pub fn run_as_floor(mut words: impl Iterator<Item = String>) -> Option<io::Result<()>> {
    if words.next()? != floor::WORD {
        return None;
    }
    let options = floor::Options::parse(words);
    let options = options.ok_or_else(|| io::Error::other("a floor is started by `bench` itself"));
    Some(options.and_then(|options| floor::serve(&options)))
}

/// Measures all, and tells of each step as it begins.
///
/// # Errors
///
/// If the operating system refuses, or an answer is not what it should be.
pub fn run(plan: &Plan, tell: &dyn Fn(&str)) -> io::Result<Vec<Table>> {
    let mut bench = Bench::new(plan, tell)?;
    let (mut tables, mut details) = (Vec::new(), Vec::new());
    if plan.has(&["get", "put", "list", "mix", "token"]) {
        tables.extend(bench.contest(&mut details)?);
    }
    if plan.has(&["memory"]) {
        tables.push(footprint::measure(&mut bench)?);
    }
    if plan.has(&["size"]) && !plan.quick {
        tell("size");
        tables.push(size::measure(&bench.folder)?);
    }
    if plan.has(&["grow"]) {
        tables.push(grow::measure(&mut bench)?);
    }
    if plan.has(&["engine"]) {
        tables.extend(bench.engine(&mut details)?);
    }
    if plan.has(&["mounts"]) {
        tables.push(mounts::measure(&bench)?);
    }
    if plan.has(&["clean-up"]) {
        bench.fill(plan.secrets)?;
        tables.extend(cleanup::measure(&bench.site, plan.secrets, tell)?);
    }
    if plan.has(&["index"]) {
        tell("index of a large folder");
        tables.push(index::measure(plan.secrets)?);
    }
    // What is read first comes first.
    tables.extend(details);
    tables.extend(bench.notes());
    Ok(tables)
}

impl Plan {
    fn has(&self, parts: &[&str]) -> bool {
        self.only.is_empty() || self.only.iter().any(|only| parts.contains(&only.as_str()))
    }
}

/// What the sections share: a store that is filled further and further.
struct Bench<'a> {
    plan: &'a Plan,
    tell: &'a dyn Fn(&str),
    /// Where all of this run is; it goes with this value.
    folder: PathBuf,
    program: Program,
    site: Site,
    /// Secrets of the store.
    filled: usize,
    /// What was left out, and why.
    left_out: Vec<(String, String)>,
}

impl<'a> Bench<'a> {
    fn new(plan: &'a Plan, tell: &'a dyn Fn(&str)) -> io::Result<Self> {
        tell("build the server");
        let binary = plan.binary.clone().map_or_else(build, Ok)?.canonicalize()?;
        let folder = server::empty(&plan.folder.join(FOLDER))?;
        let program = Program::Own { binary, flags: &[] };
        let site = Site::create(program.clone(), &folder.join("store"))?;
        let left_out = Vec::new();
        let mut bench = Self { plan, tell, folder, program, site, filled: 0, left_out };
        if let Err(reason) = bench.site.tls.clone() {
            bench.leave_out("TLS", &reason);
        }
        if let Err(reason) = bench.site.member.clone() {
            bench.leave_out("a policy token", &reason);
        }
        Ok(bench)
    }

    /// Begins with an empty store again.
    fn renew(&mut self) -> io::Result<()> {
        self.site = Site::create(self.program.clone(), &self.folder.join("renewed"))?;
        self.filled = 0;
        Ok(())
    }

    /// Fills the store, if it holds fewer secrets.
    fn fill(&mut self, secrets: usize) -> io::Result<()> {
        if self.filled < secrets {
            (self.tell)(&format!("fill to {secrets}"));
            let (server, _) = Server::start_unsealed(&self.site, &[])?;
            server.fill(&self.site.root_token, self.filled..secrets)?;
            self.filled = secrets;
        }
        Ok(())
    }

    fn round(&self) -> Duration {
        if self.plan.quick { ROUND_QUICK } else { ROUND }
    }

    /// Says that something is not measured.
    fn leave_out(&mut self, what: &str, reason: &str) {
        (self.tell)(&format!("{what} is left out: {reason}"));
        if !self.left_out.iter().any(|(known, _)| known == what) {
            self.left_out.push((what.to_owned(), reason.to_owned()));
        }
    }

    fn notes(&self) -> Option<Table> {
        let mut table = Table::new(vec!["left out".to_owned(), "what it said".to_owned()]);
        self.left_out.iter().for_each(|(what, reason)| table.row(what, vec![reason.clone()]));
        (!self.left_out.is_empty()).then_some(table)
    }

    /// Copies of the store for those of our variants that the binary has.
    fn variants(&mut self) -> Vec<(&'static str, Kind, Site)> {
        let mut variants = Vec::new();
        for (name, kind, flags) in VARIANTS {
            let folder = self.folder.join(name.replace([',', ' '], "-"));
            match self.site.copy(flags, &folder) {
                Ok(site) => variants.push((name, kind, site)),
                Err(error) => self.leave_out(name, &error.to_string()),
            }
        }
        variants
    }

    /// The floor with as many secrets, and with fixed answers.
    fn floors(&self) -> io::Result<Vec<Contender>> {
        let mut floors = Vec::new();
        for (name, kind) in [("fixed answers", Kind::Fixed), ("the floor", Kind::Floor)] {
            let folder = server::empty(&self.folder.join(name.replace(' ', "-")))?;
            let server = Server::start_floor(&folder, kind == Kind::Fixed, self.filled)?;
            let token = floor::ROOT_TOKEN.to_owned();
            // It looks a token up, whoever's it is.
            let member = Some(token.clone());
            floors.push(Contender { name: name.to_owned(), kind, server, token, member });
        }
        Ok(floors)
    }

    /// All servers under the requests that the plan asks for, with ten thousand secrets.
    fn contest(&mut self, details: &mut Vec<Table>) -> io::Result<Vec<Table>> {
        let secrets = SECRETS.min(self.plan.secrets);
        self.fill(secrets)?;
        let mut contenders = self.floors()?;
        let sites = self.variants();
        for (name, kind, site) in &sites {
            contenders.push(start(name, *kind, site)?);
        }
        let peer = self.plan.peer.as_ref().map(|binary| {
            let program = Program::Peer { binary: binary.canonicalize()? };
            Site::create(program, &self.folder.join("peer"))
        });
        let peer = peer.transpose()?;
        if let Some(site) = &peer {
            (self.tell)("fill the peer");
            let contender = start("the peer", Kind::Peer, site)?;
            contender.server.fill(&contender.token, 0..secrets)?;
            contenders.push(contender);
        }
        let deeds = [
            ("get", &[Deed::Get, Deed::GetPolicy][..]),
            ("list", &[Deed::List]),
            ("put", &[Deed::Put]),
            ("mix", &[Deed::Mix]),
            ("token", &[Deed::TokenLookUp]),
            // The last: it leaves more records behind than there were.
            ("token", &[Deed::TokenCreate]),
        ];
        let mut heats = Vec::new();
        for (_, deeds) in deeds.into_iter().filter(|(part, _)| self.plan.has(&[*part])) {
            heats.extend(self.heats(&contenders, deeds, secrets)?);
        }
        let mut tables: Vec<Table> =
            contest::floor_of_floor(&contenders, &heats).into_iter().collect();
        tables.extend(contest::policy_ratios(&contenders, &heats));
        tables.extend(contest::ratios(&contenders, &heats, false));
        tables.extend(contest::ratios(&contenders, &heats, true));
        details.push(contest::details(&contenders, &heats));
        Ok(tables)
    }

    /// Ours and the floor, with all secrets: what comes from the engine.
    fn engine(&mut self, details: &mut Vec<Table>) -> io::Result<Vec<Table>> {
        self.fill(self.plan.secrets)?;
        let mut contenders = self.floors()?;
        contenders.retain(|contender| contender.kind == Kind::Floor);
        let sites = self.variants();
        for (name, kind, site) in &sites {
            contenders.push(start(name, *kind, site)?);
        }
        let lists = contest::cold_lists(&contenders, self.plan.secrets)?;
        let heats = self.heats(&contenders, &[Deed::GetEngine], self.plan.secrets)?;
        let mut tables = vec![lists];
        tables.extend(contest::ratios(&contenders, &heats, false));
        details.push(contest::details(&contenders, &heats));
        Ok(tables)
    }

    /// What each takes for these deeds, which take turns.
    fn heats(
        &self,
        contenders: &[Contender],
        deeds: &[Deed],
        secrets: usize,
    ) -> io::Result<Vec<Heat>> {
        let mut heats = Vec::new();
        for tls in [false, true] {
            if tls && contenders.iter().all(|contender| contender.server.tls.is_none()) {
                continue;
            }
            for connections in CONNECTIONS {
                let load = |deed: &Deed| Load { deed: *deed, tls, connections };
                let loads: Vec<Load> = deeds.iter().map(load).collect();
                for load in &loads {
                    (self.tell)(&format!("{}, {}", load.deed.name(), load.name()));
                }
                heats.extend(contest::run(contenders, &loads, secrets, self.round())?);
            }
        }
        // Tables are of one deed each.
        heats.sort_by_key(|heat| deeds.iter().position(|deed| *deed == heat.deed()));
        Ok(heats)
    }
}

impl Drop for Bench<'_> {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// Starts what takes part by this name.
fn start(name: &str, kind: Kind, site: &Site) -> io::Result<Contender> {
    let (server, _) = Server::start_unsealed(site, &[])?;
    let (token, member) = (site.root_token.clone(), site.member.clone().ok());
    Ok(Contender { name: name.to_owned(), kind, server, token, member })
}

/// Builds the server, and gives its path.
fn build() -> io::Result<PathBuf> {
    build_with(&[], "all")
}

/// Builds the server with some features, and gives its path.
fn build_with(arguments: &[&str], name: &str) -> io::Result<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/bench-programs").join(name);
    std::fs::create_dir_all(&folder)?;
    let arguments = [&["--release", "-p", "strongroom"], arguments].concat();
    program::build(&arguments, "strongroom", &folder).map_err(io::Error::other)
}
