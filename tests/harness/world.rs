//! A whole world in one thread, made from a seed: a vault, a disk, a clock, and clients whose bytes
//! arrive in pieces. A move at a time, it chooses what happens next.
//!
//! A seed gives the same world every time, byte for byte: the digest of all that leaves it is the same.

mod end;
mod talk;

use std::collections::BTreeMap;
use std::time::Duration;

use strongroom_core::{
    AuditId, Config, Failed, Finding, Job, JobId, MemoryStore, Output, RequestId, Step, Task,
    TaskId, Time, Trace, Vault, limit,
};

use crate::check::authority::Authority;
use crate::check::{Broken, durable::Durable, shares::Shares, silence::Silence};
use crate::client::Client;
use crate::disk::Disk;
use crate::model::{Charged, Decision, Expect, Model, Question, Times};
use crate::op::{Ask, Known, Op, Spot};
use crate::plan::{Plan, Tally};
use crate::random::Random;
use crate::single::Single;

/// A request that the vault has, or has decided.
#[derive(Debug)]
struct Issued {
    serial: u64,
    /// The client, and which of its connections.
    client: (usize, u64),
    ask: Ask,
    /// Nanoseconds.
    arrived: u64,
    charged: Charged,
    admitted_by: u64,
    /// What its tasks have found, by the model's account.
    found: Vec<(Question, Expect)>,
    decision: Option<Decision>,
    /// Whether it was given up while there were as many tasks as there may be.
    is_crowded: bool,
    batch: u64,
}

/// See the module.
pub struct World {
    plan: Plan,
    random: Random,
    now: Time,
    vault: Vault,
    disk: Disk,
    model: Model,
    clients: Vec<Client>,
    connections: Vec<u64>,
    issued: BTreeMap<RequestId, Issued>,
    jobs: Vec<(JobId, Job)>,
    audits: Vec<AuditId>,
    tasks: Vec<(TaskId, Task)>,
    findings: Vec<(TaskId, Finding)>,
    /// Which requests wait for tasks, and what these are asked.
    inquired: BTreeMap<TaskId, (RequestId, Option<Question>)>,
    /// What clients know: texts of tokens, accessors, keys of locked namespaces.
    tokens: Vec<String>,
    accessors: Vec<String>,
    unlock_keys: Vec<String>,
    /// The shares of the unseal key.
    keys: Vec<String>,
    next_serial: u64,
    next_id: u64,
    faults_on: bool,
    /// Faults of this process so far: they explain answers with status 500.
    faults_seen: bool,
    authority: Authority,
    durable: Durable,
    silence: Silence,
    shares: Shares,
    tally: Tally,
    digest: u64,
}

impl std::fmt::Debug for World {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("World").field("plan", &self.plan).finish_non_exhaustive()
    }
}

/// Runs a plan to its end.
///
/// # Errors
///
/// The first promise that was broken, with the plan that breaks it.
pub fn run(plan: &Plan) -> Result<(Tally, u64), Broken> {
    let mut world = World::new(plan.clone());
    let told = |broken: Broken| format!("seed {}: {broken}", plan.seed);
    world.play().map_err(told)?;
    Ok((world.tally, world.digest))
}

impl World {
    /// A world with an initialised and unsealed server.
    fn new(plan: Plan) -> Self {
        let mut random = Random::with_tape(plan.seed, &plan.tape);
        let now = Time::from_unix_nanos(1_700_000_000_000_000_000 + random.bits() % 1_000_000_000);
        let (shares, threshold) = (plan.shares, plan.threshold);
        let Single { store, root, keys, .. } =
            Single::shared(Config::default(), random.bits(), shares, threshold);
        let mut world = Self {
            now,
            vault: Vault::new(plan.config()),
            disk: Disk::from_image(store.records().clone()),
            model: Model::new(&root, &keys, threshold),
            clients: Vec::new(),
            connections: vec![0; plan.clients],
            issued: BTreeMap::new(),
            jobs: Vec::new(),
            audits: Vec::new(),
            tasks: Vec::new(),
            findings: Vec::new(),
            inquired: BTreeMap::new(),
            tokens: vec![root.clone(), "s.nobodyhasthistoken".to_owned()],
            accessors: Vec::new(),
            unlock_keys: Vec::new(),
            next_serial: 0,
            next_id: 0,
            faults_on: plan.faults,
            faults_seen: false,
            authority: Authority::default(),
            durable: Durable::default(),
            silence: Silence::new(&root, &keys),
            shares: Shares::new(shares, threshold),
            keys,
            tally: Tally::default(),
            digest: 0xcbf2_9ce4_8422_2325,
            random,
            plan,
        };
        // The new process finds what initialisation left, and is sealed.
        world.model.crash(0);
        for _ in 0..world.plan.clients {
            world.clients.push(Client::connect(now));
        }
        world
    }

    fn play(&mut self) -> Result<(), Broken> {
        while self.next_serial < self.plan.requests {
            self.make_move()?;
        }
        self.settle()
    }

    // --- Moves ---

    fn make_move(&mut self) -> Result<(), Broken> {
        match self.random.below(100) {
            0..22 => self.send(),
            22..50 => self.arrive()?,
            50..60 => self.disk.apply(),
            60..67 => self.sync()?,
            67..78 => {
                let random = &mut self.random;
                self.disk.read(random);
            }
            78..88 => self.deliver()?,
            88..90 => self.run_job()?,
            90 => self.run_task()?,
            91..95 => self.finish_audit()?,
            95 => self.pass_time()?,
            96 => self.forget(),
            97 => self.hang_up(),
            98 => self.fail_something()?,
            _ => self.disaster()?,
        }
        Ok(())
    }

    /// A client sends one more request.
    fn send(&mut self) {
        let at = self.random.below(self.clients.len());
        let is_sealed = self.model.is_sealed();
        let Some(client) = self.clients.get(at) else { return };
        if client.pending.len() >= 3 || client.conn.is_final() {
            return;
        }
        let mut ask = if is_sealed && self.random.one_in(2) {
            let op = Op::unsealing(&mut self.random, &self.keys);
            Ask { op, token: None, spot: Spot::default() }
        } else {
            let known = Known {
                tokens: &self.tokens,
                accessors: &self.accessors,
                unlock_keys: &self.unlock_keys,
                now: self.now.unix_seconds(),
            };
            Ask::random(&mut self.random, self.next_serial + 1, &known)
        };
        // The root token stays: without it the world would have nothing to do.
        let root = self.tokens.first();
        let is_harmful = match &ask.op {
            Op::Revoke(text) => Some(text) == root,
            Op::RevokeSelf => ask.token.as_ref() == root,
            _ => false,
        };
        if is_harmful {
            ask.op = Op::LookupSelf;
        }
        self.submit(at, ask);
    }

    /// Sends a request behind those of a client that are under way.
    fn submit(&mut self, at: usize, ask: Ask) {
        self.next_serial += 1;
        self.authority.sent(self.next_serial, &ask);
        if let Some(client) = self.clients.get_mut(at) {
            client.send(self.next_serial, ask);
        }
    }

    /// Bytes of a client arrive.
    fn arrive(&mut self) -> Result<(), Broken> {
        let at = self.random.below(self.clients.len());
        let count = match self.random.below(4) {
            0 => 1,
            1 => 1 + self.random.below(40),
            _ => 100_000,
        };
        let now = self.now;
        if let Some(client) = self.clients.get_mut(at) {
            client.arrive(now, count);
        }
        self.take_requests(at)
    }

    fn sync(&mut self) -> Result<(), Broken> {
        if let Some(durable) = self.disk.sync() {
            self.model.forget_undo(durable.number());
            let step = self.step();
            self.vault.handle_persisted(&step, durable);
            self.pump()?;
        }
        Ok(())
    }

    fn deliver(&mut self) -> Result<(), Broken> {
        if let Some((id, loaded)) = self.disk.deliver(&mut self.random) {
            let step = self.step();
            self.vault.handle_loaded(&step, id, Ok(loaded));
            self.pump()?;
        }
        Ok(())
    }

    fn run_job(&mut self) -> Result<(), Broken> {
        if self.jobs.is_empty() {
            return Ok(());
        }
        let (id, job) = self.jobs.swap_remove(self.random.below(self.jobs.len()));
        self.tally.jobs += 1;
        let step = self.step();
        self.vault.handle_job(&step, id, job.run());
        self.pump()
    }

    /// A task runs over what is durable now, or what one has found arrives.
    fn run_task(&mut self) -> Result<(), Broken> {
        if !self.findings.is_empty() && self.random.one_in(2) {
            let at = self.random.below(self.findings.len());
            let (id, finding) = self.findings.swap_remove(at);
            let step = self.step();
            self.vault.handle_range(&step, id, finding);
            return self.pump();
        }
        if self.tasks.is_empty() {
            return Ok(());
        }
        let at = self.random.below(self.tasks.len());
        let is_background = self.tasks.get(at).is_some_and(|(_, task)| task.request().is_none());
        // What is dead stays in the store for long then.
        let waits = self.plan.lazy_background && self.faults_on && is_background;
        if waits && !self.random.one_in(200) {
            return Ok(());
        }
        let (id, task) = self.tasks.swap_remove(at);
        if let Some((request, question)) = self.inquired.remove(&id)
            && let Some(issued) = self.issued.get_mut(&request)
        {
            let question = question.ok_or("a task for a request that asks nothing")?;
            self.tally.tasks += 1;
            let found = self.model.find_durable(&question);
            issued.found.push((question, found));
        }
        let snapshot = MemoryStore::from_records(self.disk.durable_image().clone());
        self.findings.push((id, task.run(&snapshot, &|| true)));
        Ok(())
    }

    fn finish_audit(&mut self) -> Result<(), Broken> {
        if self.audits.is_empty() {
            return Ok(());
        }
        let id = self.audits.swap_remove(self.random.below(self.audits.len()));
        self.tally.audits += 1;
        let step = self.step();
        self.vault.handle_audited(&step, id, Ok(()));
        self.pump()
    }

    fn pass_time(&mut self) -> Result<(), Broken> {
        let seconds = match self.random.below(40) {
            0 => 400,
            1 => 95,
            2..6 => 20,
            _ => 0,
        };
        let millis = u64::try_from(self.random.below(900)).unwrap_or(0);
        // Waits that add up end parked requests: that is a fault of the world.
        self.faults_seen |= seconds > 0;
        self.now = self.now.after(Duration::from_secs(seconds) + Duration::from_millis(millis));
        let now = self.now;
        for at in 0..self.clients.len() {
            if let Some(client) = self.clients.get_mut(at) {
                client.conn.handle_timeout(now);
            }
            self.receive(at)?;
        }
        let step = self.step();
        self.vault.handle_timeout(&step);
        self.pump()
    }

    /// Records go from the cache; nothing may change by it.
    fn forget(&mut self) {
        let random = &mut self.random;
        self.vault.forget(|_| random.one_in(2));
    }

    fn hang_up(&mut self) {
        if self.faults_on {
            let at = self.random.below(self.clients.len());
            self.reconnect(at);
        }
    }

    fn fail_something(&mut self) -> Result<(), Broken> {
        if !self.faults_on || !self.random.one_in(4) {
            return Ok(());
        }
        let step = self.step();
        if !self.tasks.is_empty() && self.random.one_in(2) {
            let (id, task) = self.tasks.swap_remove(self.random.below(self.tasks.len()));
            self.faults_seen = true;
            let finding = task.run(&MemoryStore::new(), &|| false);
            self.vault.handle_range(&step, id, finding);
        } else if self.random.one_in(2) {
            if let Some((id, failed)) = self.disk.fail(&mut self.random) {
                self.faults_seen = true;
                self.vault.handle_loaded(&step, id, Err(failed));
            }
        } else if !self.audits.is_empty() {
            let id = self.audits.swap_remove(self.random.below(self.audits.len()));
            self.faults_seen = true;
            self.vault.handle_audited(&step, id, Err(Failed));
        }
        self.pump()
    }

    /// The power goes, or an operator seals the server.
    fn disaster(&mut self) -> Result<(), Broken> {
        if !self.faults_on {
            return Ok(());
        }
        match self.random.below(12) {
            0 => self.crash(),
            1 => {
                let at = self.random.below(self.clients.len());
                let token = self.tokens.first().cloned();
                if self.clients.get(at).is_some_and(|client| !client.conn.is_final()) {
                    self.submit(at, Ask { op: Op::Seal, token, spot: Spot::default() });
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn crash(&mut self) -> Result<(), Broken> {
        if self.disk.has_batches() {
            self.tally.crashes_in_flight += 1;
        }
        self.count();
        let disk = std::mem::take(&mut self.disk);
        let (image, survived) = disk.crash(&mut self.random);
        self.durable.crashed(survived.number())?;
        self.model.crash(survived.number());
        self.disk = Disk::from_image(image);
        self.vault = Vault::new(self.plan.config());
        self.issued.clear();
        self.jobs.clear();
        self.audits.clear();
        self.tasks.clear();
        self.findings.clear();
        self.inquired.clear();
        self.faults_seen = false;
        for at in 0..self.clients.len() {
            self.reconnect(at);
        }
        Ok(())
    }

    fn reconnect(&mut self, at: usize) {
        let now = self.now;
        if let Some(connection) = self.connections.get_mut(at) {
            *connection += 1;
        }
        if let Some(client) = self.clients.get_mut(at) {
            let gone = std::mem::replace(client, Client::connect(now));
            if let Some(id) = gone.in_vault {
                self.vault.handle_hangup(id);
            }
            for pending in &gone.pending {
                self.authority.gone(pending.serial);
            }
        }
    }

    // --- What follows a move ---

    /// Carries out what the vault asks for.
    fn pump(&mut self) -> Result<(), Broken> {
        loop {
            self.follow_trace();
            let Some(output) = self.vault.poll_output() else { return Ok(()) };
            self.tally.outputs += 1;
            // The power may go between any two outputs.
            let is_planned = self.plan.crash_at == Some(self.tally.outputs);
            if is_planned || (self.faults_on && self.random.one_in(10_000)) {
                return self.crash();
            }
            match output {
                Output::Load(id, keys) => self.disk.load(id, keys),
                Output::Persist(batch) => {
                    self.silence.batch(&batch)?;
                    for (_, record) in &batch.changes {
                        self.mix(record.as_deref().unwrap_or_default());
                    }
                    self.disk.persist(batch);
                }
                Output::Audit(id, line) => {
                    self.silence.audit(&line)?;
                    self.audits.push(id);
                }
                Output::Run(id, job) => self.jobs.push((id, job)),
                Output::Range(id, task) => self.tasks.push((id, task)),
                Output::Respond(id, response) => self.respond(id, response)?,
            }
        }
    }

    /// Lets the model decide what the vault has decided.
    fn follow_trace(&mut self) {
        for trace in self.vault.take_trace() {
            let (Trace::Admitted(id, _)
            | Trace::Decided(id, _)
            | Trace::Inquired(id, _)
            | Trace::Failed(id)
            | Trace::Replaced(id, _)) = trace;
            let Some(issued) = self.issued.get_mut(&id) else { continue };
            let times = Times { arrived: issued.arrived, now: self.now.unix_nanos() };
            match trace {
                Trace::Admitted(_, seq) => {
                    issued.admitted_by = seq.number();
                    self.tally.uses_charged += 1;
                    let token = issued.ask.token.as_deref();
                    issued.charged = self.model.admit(token, seq.number());
                }
                Trace::Inquired(_, task) => {
                    let question = self.model.question(&issued.ask, issued.charged, times);
                    self.inquired.insert(task, (id, question));
                }
                Trace::Decided(_, seq) => {
                    let (was_sealed, term) = (self.model.is_sealed(), self.model.term());
                    let Issued { ask, charged, found, .. } = &*issued;
                    let decision = self.model.decide(ask, *charged, found, seq.number(), times);
                    let is_sealed = self.model.is_sealed();
                    let refused = matches!(&decision.expect, Expect::Errors(400, Some(text))
                        if text.contains("invalid key"));
                    self.tally.seals += u64::from(!was_sealed && is_sealed);
                    self.tally.unseals += u64::from(was_sealed && !is_sealed);
                    self.tally.attempts_failed += u64::from(was_sealed && refused);
                    self.tally.rotations += u64::from(self.model.term() - term);
                    issued.batch = seq.number();
                    issued.decision = Some(decision);
                }
                Trace::Failed(_) => {
                    let tasks_max = match &issued.ask.token {
                        Some(_) => limit::TASKS_MAX,
                        None => limit::TASKS_OF_STRANGERS_MAX,
                    };
                    issued.is_crowded = self.inquired.len() + self.findings.len() >= tasks_max;
                    let expect = Expect::Status(500);
                    let depends_on = issued.admitted_by;
                    issued.decision = Some(Decision { expect, depends_on, is_denied: false });
                }
                Trace::Replaced(_, status) => {
                    if let Some(decision) = &mut issued.decision {
                        decision.expect = Expect::Status(status);
                    }
                }
            }
        }
    }

    /// Adds what this process has counted.
    fn count(&mut self) {
        let counters = self.vault.counters();
        self.tally.runs_repeated += counters.runs_repeated;
        self.tally.loads_overtaken += counters.loads_overtaken;
        self.tally.answers_held += counters.answers_held;
        self.tally.chore_pages += counters.chore_pages;
        self.tally.acknowledged_writes = self.durable.count;
        self.tally.tightened = self.authority.refused;
    }

    fn step(&mut self) -> Step {
        Step { now: self.now, seed: self.random.seed() }
    }

    /// FNV-1a over everything that leaves the server.
    fn mix(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.digest = (self.digest ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}
