//! A server that is asked, and what holds for every answer of it.
//!
//! Invariant: every request meets the server as it was at first. What was served may have changed it, so
//! the next request meets another one on the same records.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use strongroom_core::probe::Operation;
use strongroom_core::{Config, Key, MemoryStore, Rules, Vault, http};

use super::world::{self, Tokens};
use super::{Caller, Endpoint, Form, Seal, Verb};
use crate::single::Single;

/// What no refusal may repeat: the tests put it into bodies.
pub const CANARY: &str = "the-canary-sings";
/// The value of the secrets that are stored.
pub(super) const STORED: &str = "the-stored-value";

type Records = BTreeMap<Key, Arc<[u8]>>;

/// By which way a request reaches the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// As a request that is read already.
    Call,
    /// As bytes of a connection.
    Wire,
}

/// A request.
#[derive(Clone, Debug)]
pub struct Ask {
    /// What is asked for.
    pub verb: Verb,
    /// The target without its query.
    pub target: String,
    /// The query, with its question mark.
    pub query: String,
    /// The text of a token.
    pub token: Option<String>,
    /// Other header fields.
    pub fields: Vec<(&'static str, &'static str)>,
    /// The body.
    pub body: Vec<u8>,
    /// The way that it takes.
    pub way: Way,
    /// Whether the answer may repeat the canary.
    pub may_echo: bool,
}

impl Ask {
    /// A request for an endpoint, with a body if the verb has one.
    pub fn new(verb: Verb, form: Form, endpoint: &Endpoint) -> Self {
        let body =
            if verb.has_body() { format!("{{\"value\":\"{CANARY}\"}}") } else { String::new() };
        Self {
            verb,
            target: form.target(&endpoint.path),
            query: verb.query.to_owned(),
            token: None,
            fields: form.fields().to_vec(),
            body: body.into_bytes(),
            way: Way::Call,
            may_echo: false,
        }
    }

    fn fields(&self) -> Vec<(&str, &str)> {
        let mut fields: Vec<(&str, &str)> = self.fields.clone();
        let is_typed = fields.iter().any(|(name, _)| *name == "Content-Type");
        if self.verb.method == "PATCH" && !is_typed {
            fields.push(("Content-Type", "application/merge-patch+json"));
        }
        if let Some(token) = &self.token {
            fields.push(("X-Vault-Token", token));
        }
        fields
    }

    fn target(&self) -> String {
        self.target.clone() + &self.query
    }

    /// The request line and the body, to find it again.
    pub fn show(&self) -> String {
        let body: String = String::from_utf8_lossy(&self.body).chars().take(200).collect();
        let token = if self.token.is_some() { "with" } else { "without" };
        format!("{} {} {token} a token, {body:?}", self.verb.method, self.target())
    }
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// All that was said: the body, or the bytes of the connection.
    pub bytes: Vec<u8>,
}

impl Answer {
    /// Whether it repeats the canary.
    pub fn echoes(&self) -> bool {
        self.bytes.windows(CANARY.len()).any(|bytes| bytes == CANARY.as_bytes())
    }

    fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

/// See the module.
#[derive(Debug)]
pub struct Stage {
    /// Requests so far.
    pub asked: usize,
    server: Single,
    seal: Seal,
    rules: Rules,
    /// The records at first.
    records: Records,
    /// What is in no record, at first.
    volatile: Vec<String>,
    is_spoilt: bool,
    tokens: Tokens,
    /// What [`Stage::grant`] has granted.
    granted: Option<(String, [Option<Operation>; 2])>,
}

impl Stage {
    /// A server, whose listener has the endpoints that must be switched on, or has not.
    pub fn new(seal: Seal, is_switched_on: bool) -> Self {
        let mut server = Single::unsealed(config(), 1);
        let tokens = world::furnish(&mut server);
        let records = match seal {
            Seal::Uninitialized => Records::new(),
            Seal::Sealed | Seal::Open => server.store.records().clone(),
        };
        let rules = Rules {
            serves_open_root_generation: is_switched_on,
            serves_open_rekey: is_switched_on,
            ..Rules::default()
        };
        let mut stage = Self {
            asked: 0,
            server,
            seal,
            rules,
            records,
            volatile: Vec::new(),
            is_spoilt: true,
            tokens,
            granted: None,
        };
        stage.reset();
        stage
    }

    /// The token of a caller.
    pub fn token(&self, caller: Caller) -> Option<String> {
        let tokens = &self.tokens;
        let text = match caller {
            Caller::Nobody => return None,
            Caller::Unknown => "s.ABCDEFGHIJKLMNOPQRSTUVWX",
            Caller::Revoked => &tokens.revoked,
            Caller::Powerless => &tokens.powerless,
            Caller::Denied => &tokens.denied,
            Caller::Exact => &tokens.exact,
            Caller::WithoutSudo => &tokens.without_sudo,
            Caller::Foreign => &tokens.foreign,
            Caller::Tenant => &tokens.tenant,
            Caller::Root => &self.server.root,
        };
        Some(text.to_owned())
    }

    /// Writes the policies of those whose policies speak of an endpoint: they allow, or deny, what a verb
    /// asks for there, in this namespace. Gives the path that they speak of, from the root namespace.
    pub fn grant(&mut self, namespace: &str, endpoint: &Endpoint, verb: Verb) -> String {
        let path = [namespace, &endpoint.path].concat();
        let path = path.strip_suffix('/').unwrap_or(&path).to_owned();
        let wanted = (path.clone(), [verb.operation_of(endpoint), verb.operation]);
        if self.seal != Seal::Open || self.granted.as_ref() == Some(&wanted) {
            return path;
        }
        self.reset();
        world::write_policies(&mut self.server, &path, verb, endpoint);
        self.records = self.server.store.records().clone();
        self.server.audit.clear();
        self.granted = Some(wanted);
        path
    }

    /// A token of one use, with a policy that allows everything.
    pub fn limited(&mut self) -> String {
        if self.is_spoilt {
            self.reset();
        }
        self.is_spoilt = true;
        world::create_limited(&mut self.server)
    }

    /// Asks with a token of [`Stage::limited`]; gives the status, and whether a use was charged.
    pub fn spend(&mut self, ask: &Ask) -> (u16, Option<bool>) {
        let status = self.serve(ask).status;
        let token = ask.token.as_deref();
        let (left, _) = self.server.ask("GET", "/v1/auth/token/lookup-self", token, "");
        (status, (left != 503).then_some(left != 200))
    }

    /// Asks. A refusal changes nothing and says nothing secret; neither does the audit, ever; what only
    /// shows something changes nothing.
    ///
    /// # Panics
    ///
    /// If one of these is broken.
    pub fn ask(&mut self, ask: &Ask) -> Answer {
        if self.is_spoilt {
            self.reset();
        }
        self.asked += 1;
        let answer = catch_unwind(AssertUnwindSafe(|| self.serve(ask)));
        let answer = answer.unwrap_or_else(|_| panic!("the server ends: {}", ask.show()));
        let mut secrets = self.secrets(ask);
        for line in self.server.audit.drain(..) {
            assert_silent("the audit", line.as_bytes(), &secrets, ask);
        }
        if answer.is_success() && ask.verb.may_change() {
            self.is_spoilt = true;
            return answer;
        }
        assert!(
            *self.server.store.records() == self.records,
            "records changed, {}: {}",
            answer.status,
            ask.show()
        );
        assert_eq!(self.volatile(), self.volatile, "{}: {}", answer.status, ask.show());
        if !answer.is_success() {
            secrets.retain(|secret| !ask.may_echo || secret != CANARY);
            assert_silent("the answer", &answer.bytes, &secrets, ask);
        }
        answer
    }

    fn serve(&mut self, ask: &Ask) -> Answer {
        let (method, target, fields) = (ask.verb.method, ask.target(), ask.fields());
        match ask.way {
            Way::Call => {
                let request = http::Request::new(method, &target, &fields, &ask.body);
                let response = self.server.serve(&request.expect("the request is HTTP"));
                Answer { status: response.status().as_u16(), bytes: response.body().to_vec() }
            }
            Way::Wire => {
                let length = ask.body.len().to_string();
                let framing = [("Host", "core"), ("Content-Length", length.as_str())];
                let mut head = format!("{method} {target} HTTP/1.1\r\n");
                for (name, value) in framing.into_iter().chain(fields) {
                    head.push_str(&format!("{name}: {value}\r\n"));
                }
                head.push_str("\r\n");
                let bytes = self.server.converse(&[head.as_bytes(), &ask.body].concat());
                let line = String::from_utf8_lossy(&bytes);
                let status = line.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3));
                let status = status.and_then(|digits| digits.parse().ok());
                Answer { status: status.expect("an answer begins with its status"), bytes }
            }
        }
    }

    /// What may not be said of a request.
    fn secrets(&self, ask: &Ask) -> Vec<String> {
        let tokens = self.tokens.all().into_iter().chain([&self.server.root]);
        let held = tokens.chain(&self.server.keys).chain(&ask.token).cloned();
        held.chain([STORED.to_owned(), CANARY.to_owned()]).collect()
    }

    /// Another server on the records of the first.
    fn reset(&mut self) {
        self.server.store = MemoryStore::from_records(self.records.clone());
        self.server.vault = Vault::new(config());
        if self.seal == Seal::Open {
            assert_eq!(self.server.unseal(), 200);
        }
        self.volatile = self.volatile();
        self.server.audit.clear();
        self.server.rules = self.rules;
        self.is_spoilt = false;
    }

    /// What the server remembers and does not store: how far it is from open, and from new shares and a
    /// new root token.
    fn volatile(&mut self) -> Vec<String> {
        const SHOWN: [&str; 3] =
            ["/v1/sys/seal-status", "/v1/sys/generate-root/attempt", "/v1/sys/rekey/init"];
        let rules = self.server.rules;
        self.server.rules.serves_open_root_generation = true;
        self.server.rules.serves_open_rekey = true;
        let shown = SHOWN.map(|target| self.server.ask("GET", target, None, "").1);
        self.server.rules = rules;
        self.server.audit.clear();
        shown.to_vec()
    }
}

fn config() -> Config {
    Config { audit: true, ..Config::default() }
}

fn assert_silent(who: &str, said: &[u8], secrets: &[String], ask: &Ask) {
    let said = String::from_utf8_lossy(said);
    for secret in secrets {
        let is_said = said.contains(secret.as_str());
        assert!(!is_said, "{who} says {secret:?}: {}: {said}", ask.show());
    }
}
