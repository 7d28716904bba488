//! What goes between clients and the vault: requests, and answers, each of which is checked.

use strongroom_core::{RequestId, Rules, http, prepare};

use super::{Issued, World};
use crate::check::answer::Learned;
use crate::check::authority::Answered;
use crate::check::{self, Broken};
use crate::client::{Answer, Client, Pending};
use crate::model::{Charged, Expect};
use crate::random::Random;

impl World {
    /// Gives the vault the request that a connection has, if it has one.
    pub(super) fn take_requests(&mut self, at: usize) -> Result<(), Broken> {
        loop {
            let now = self.now;
            let Some(client) = self.clients.get_mut(at) else { return Ok(()) };
            if let Some(head) = client.conn.poll_head() {
                match self.vault.admit(head) {
                    Ok(bytes_max) => client.conn.admit(now, bytes_max),
                    Err(response) => client.conn.respond(now, response),
                }
            }
            let Some(request) = client.conn.poll_request() else { break };
            let pending = client.pending.get(client.taken).ok_or("a request that nobody sent")?;
            let (serial, ask) = (pending.serial, pending.ask.clone());
            client.taken += 1;
            match prepare(&request, &Rules::default()) {
                Err(response) => client.conn.respond(now, response),
                Ok(call) => {
                    self.next_id += 1;
                    let id = RequestId(self.next_id);
                    client.in_vault = Some(id);
                    let connection = self.connections.get(at).copied().unwrap_or(0);
                    self.issued.insert(
                        id,
                        Issued {
                            serial,
                            client: (at, connection),
                            ask,
                            arrived: now.unix_nanos(),
                            charged: Charged::Nothing,
                            admitted_by: 0,
                            found: Vec::new(),
                            decision: None,
                            is_crowded: false,
                            batch: 0,
                        },
                    );
                    let step = self.step();
                    self.vault.handle_request(&step, id, call);
                    self.pump()?;
                }
            }
        }
        self.receive(at)
    }

    /// An answer leaves the vault.
    pub(super) fn respond(
        &mut self,
        id: RequestId,
        response: http::Response,
    ) -> Result<(), Broken> {
        let issued = self.issued.get(&id).ok_or("an answer to a request that nobody made")?;
        let decision = issued.decision.as_ref().ok_or("an answer before the decision")?;
        let durable = self.disk.durable().number();
        check::dirty::check(issued.serial, decision.depends_on, durable)
            .map_err(|broken| format!("{:?}: {broken}: {:?}", issued.ask, decision.expect))?;
        let (at, connection) = issued.client;
        let now = self.now;
        if self.connections.get(at) == Some(&connection)
            && let Some(client) = self.clients.get_mut(at)
        {
            client.in_vault = None;
            client.conn.respond(now, response);
            return self.take_requests(at);
        }
        self.issued.remove(&id);
        Ok(())
    }

    /// Reads the answers that have come to a client, and checks each.
    pub(super) fn receive(&mut self, at: usize) -> Result<(), Broken> {
        let now = self.now;
        let piece = 1 + self.random.below(2000);
        let Some(client) = self.clients.get_mut(at) else { return Ok(()) };
        client.receive(now, piece);
        while let Some(answer) = self.clients.get_mut(at).and_then(Client::next_answer) {
            self.mix(answer.body.as_bytes());
            self.check_answer(at, &answer)?;
        }
        let Some(client) = self.clients.get(at) else { return Ok(()) };
        if client.has_rest() {
            return Err("half an answer was written".to_owned());
        }
        if client.conn.is_final() {
            self.reconnect(at);
        }
        Ok(())
    }

    fn check_answer(&mut self, at: usize, answer: &Answer) -> Result<(), Broken> {
        self.silence.answer(answer)?;
        let Some(client) = self.clients.get_mut(at) else { return Ok(()) };
        let Some(pending) = client.pending.pop_front() else {
            // A connection that was slow is told so, whether or not a request was on its way.
            return if answer.status == 408 {
                Ok(())
            } else {
                Err("an answer to nothing".to_owned())
            };
        };
        let was_taken = client.taken > 0;
        client.taken = client.taken.saturating_sub(1);
        if answer.status == 408 && !was_taken {
            return Ok(());
        }
        let told = |broken| {
            let Pending { serial, ask } = &pending;
            let about = ask.token.as_deref().map(|token| self.model.describe(token));
            format!("request {serial} {ask:?} by {about:?}: {broken}")
        };
        let issued = self.issued.iter().find(|(_, issued)| issued.serial == pending.serial);
        let id = issued.map(|(id, _)| *id);
        let issued = id.and_then(|id| self.issued.remove(&id));
        let decision = issued.as_ref().and_then(|issued| issued.decision.as_ref());
        let expect = match decision {
            Some(decision) => Some(decision.expect.clone()),
            None if issued.is_none() && pending.ask.op.is_malformed() => Some(Expect::Status(400)),
            None => None,
        };
        let is_denied = decision.is_some_and(|decision| decision.is_denied);
        let expect = expect.ok_or_else(|| told("answered and never decided".to_owned()))?;
        let is_crowded = issued.as_ref().is_some_and(|issued| issued.is_crowded);
        let is_explained = self.faults_seen || (is_crowded && answer.status == 503);
        if expect == Expect::Status(500) && !is_explained {
            return Err(told(format!("given up with {} and no fault to blame", answer.status)));
        }
        let excused = expect == Expect::Status(500) && answer.status >= 500;
        let learned = if excused {
            Learned::Nothing
        } else {
            check::answer::check(&expect, answer).map_err(told)?
        };
        self.shares.answered(&expect, answer).map_err(told)?;
        let made = match &learned {
            Learned::Token(text, _) => Some(text.as_str()),
            Learned::Nothing | Learned::Key(_) => None,
        };
        let Pending { serial, ask } = &pending;
        let (status, next) = (answer.status, self.next_serial + 1);
        let batch = issued.as_ref().map_or(0, |issued| issued.batch);
        self.durable.answered(*serial, &ask.op, status, batch);
        let answered = Answered { serial: *serial, ask, status, is_denied, made, next };
        self.authority.answered(&answered).map_err(told)?;
        self.tally.answers += 1;
        self.tally.count(ask, status);
        self.learn(&expect, learned);
        Ok(())
    }

    /// Clients know a few tokens and keys; old ones are forgotten for new ones.
    fn learn(&mut self, expect: &Expect, learned: Learned) {
        let random = &mut self.random;
        match (expect, learned) {
            (Expect::Made(token), Learned::Token(text, accessor)) => {
                self.model.learn_token(*token, &text, &accessor);
                remember(random, &mut self.accessors, 0, accessor);
                remember(random, &mut self.tokens, 2, text);
            }
            (Expect::Locked(lock), Learned::Key(key)) => {
                self.model.learn_key(*lock, &key);
                remember(random, &mut self.unlock_keys, 0, key);
            }
            _ => {}
        }
    }
}

/// Takes in something new, in the place of what was there once that is enough; the first few stay.
fn remember(random: &mut Random, known: &mut Vec<String>, stays: usize, new: String) {
    if known.len() < 24 {
        known.push(new);
    } else {
        let at = stays + random.below(known.len() - stays);
        if let Some(place) = known.get_mut(at) {
            *place = new;
        }
    }
}
