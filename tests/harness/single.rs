//! A server for one client at a time, without sockets: each request is served to its end before the
//! next. Its steps depend on the number of the request alone, not on what is loaded meanwhile.

use serde_json::Value;
use strongroom_core::{
    Config, MemoryStore, Output, Read, RequestId, Rules, Step, Time, Vault, http, prepare,
};

use crate::random::Random;

/// See the module.
#[derive(Debug)]
pub struct Single {
    /// The server.
    pub vault: Vault,
    /// Its store.
    pub store: MemoryStore,
    /// The root token, once initialised.
    pub root: String,
    /// The shares of the unseal key in hex, once initialised.
    pub keys: Vec<String>,
    /// Whether the background gets to nothing.
    pub holds_background: bool,
    /// The time of the first request; each takes a millisecond.
    pub start: Time,
    /// The random bytes of every request, instead of others for each.
    pub seed: Option<[u8; 32]>,
    /// What its listener asks of its requests.
    pub rules: Rules,
    /// The lines that it has put out for audit.
    pub audit: Vec<String>,
    /// Loads so far.
    pub loads: u64,
    /// Tasks of requests so far.
    pub tasks: u64,
    random: Random,
    requests: u64,
}

impl Single {
    /// A server that is not initialised. Everything about it comes from the seed.
    pub fn new(config: Config, seed: u64) -> Self {
        Self {
            vault: Vault::new(config),
            store: MemoryStore::new(),
            root: String::new(),
            keys: Vec::new(),
            holds_background: false,
            seed: None,
            rules: Rules::default(),
            audit: Vec::new(),
            loads: 0,
            tasks: 0,
            random: Random::new(seed),
            start: Time::from_unix_nanos(1_700_000_000_000_000_000),
            requests: 0,
        }
    }

    /// The same, initialised with one share; it is sealed.
    pub fn initialized(config: Config, seed: u64) -> Self {
        Self::shared(config, seed, 1, 1)
    }

    /// The same, initialised with so many shares, of which so many unseal it.
    ///
    /// # Panics
    ///
    /// If it cannot be initialised.
    pub fn shared(config: Config, seed: u64, shares: usize, threshold: usize) -> Self {
        let mut server = Self::new(config, seed);
        let body = format!(r#"{{"secret_shares":{shares},"secret_threshold":{threshold}}}"#);
        let (_, answer) = server.ask("PUT", "/v1/sys/init", None, &body);
        let answer: Value = serde_json::from_str(&answer).expect("init gives JSON");
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let keys = answer.get("keys").and_then(Value::as_array).expect("init gives keys");
        server.keys = keys.iter().filter_map(text).collect();
        server.root = answer.get("root_token").and_then(text).expect("init gives a token");
        server
    }

    /// The same with one share, unsealed.
    pub fn unsealed(config: Config, seed: u64) -> Self {
        let mut server = Self::initialized(config, seed);
        server.unseal();
        server
    }

    /// Submits one key after another until the server is open or refuses one; gives the last status.
    pub fn unseal(&mut self) -> u16 {
        let mut last = 0;
        for key in self.keys.clone() {
            let (status, answer) = self.submit(&key);
            last = status;
            if status != 200 || answer.contains("\"sealed\":false") {
                break;
            }
        }
        last
    }

    /// Submits one share; gives status and body.
    pub fn submit(&mut self, key: &str) -> (u16, String) {
        self.ask("PUT", "/v1/sys/unseal", None, &format!("{{\"key\":\"{key}\"}}"))
    }

    /// Ends the process and starts another on the same store, which is sealed.
    pub fn restart(&mut self, config: Config) {
        self.store = MemoryStore::from_records(self.store.records().clone());
        self.vault = Vault::new(config);
    }

    /// Serves one request; gives status and body.
    ///
    /// # Panics
    ///
    /// If the request is not HTTP.
    pub fn ask(
        &mut self,
        method: &str,
        target: &str,
        token: Option<&str>,
        body: &str,
    ) -> (u16, String) {
        self.send(method, target, &[("x-vault-token", token.unwrap_or(""))], body)
    }

    /// The same with any header fields.
    ///
    /// # Panics
    ///
    /// As [`Single::ask`].
    pub fn send(
        &mut self,
        method: &str,
        target: &str,
        fields: &[(&str, &str)],
        body: &str,
    ) -> (u16, String) {
        let request = http::Request::new(method, target, fields, body.as_bytes());
        let response = self.serve(&request.expect("the request is HTTP"));
        let body = String::from_utf8_lossy(response.body()).into_owned();
        (response.status().as_u16(), body)
    }

    /// Serves one request through the machine of a connection: the bytes of the request, those of the
    /// answer. The connection is a new one.
    pub fn converse(&mut self, bytes: &[u8]) -> Vec<u8> {
        let now = self.start;
        let mut conn = http::Conn::new(now, http::Limits::default());
        conn.handle_bytes(now, bytes);
        if let Some(head) = conn.poll_head() {
            match self.vault.admit(head) {
                Ok(bytes_max) => conn.admit(now, bytes_max),
                Err(response) => conn.respond(now, response),
            }
        }
        if let Some(request) = conn.poll_request() {
            conn.respond(now, self.serve(&request));
        }
        let mut answer = Vec::new();
        while let Some(piece) = conn.output().map(<[u8]>::to_vec) {
            answer.extend_from_slice(&piece);
            conn.handle_written(now, piece.len());
        }
        answer
    }

    /// Serves one request to its end.
    ///
    /// # Panics
    ///
    /// If it is not answered.
    pub fn serve(&mut self, request: &http::Request) -> http::Response {
        let call = match prepare(request, &self.rules) {
            Ok(call) => call,
            Err(response) => return response,
        };
        self.requests += 1;
        let nanos = self.start.unix_nanos() + self.requests * 1_000_000;
        let seed = self.seed.unwrap_or_else(|| self.random.seed());
        let step = Step { now: Time::from_unix_nanos(nanos), seed };
        self.vault.handle_request(&step, RequestId(self.requests), call);
        let mut answer = None;
        while let Some(output) = self.vault.poll_output() {
            match output {
                Output::Load(id, keys) => {
                    self.loads += 1;
                    self.vault.handle_loaded(&step, id, self.store.read(&keys));
                }
                Output::Persist(batch) => {
                    self.store.commit(&batch);
                    self.vault.handle_persisted(&step, batch.seq);
                }
                Output::Audit(id, line) => {
                    self.audit.push(line);
                    self.vault.handle_audited(&step, id, Ok(()));
                }
                Output::Run(id, job) => self.vault.handle_job(&step, id, job.run()),
                Output::Range(_, task) if self.holds_background && task.request().is_none() => {}
                Output::Range(id, task) => {
                    self.tasks += u64::from(task.request().is_some());
                    let finding = task.run(&self.store, &|| true);
                    self.vault.handle_range(&step, id, finding);
                }
                Output::Respond(_, response) => answer = Some(response),
            }
        }
        answer.expect("every request is answered")
    }
}
