//! A server for one client at a time, without sockets: each request is served to its end before the
//! next. Its steps depend on the number of the request alone, not on what is loaded meanwhile.

use strongroom_core::{
    Config, MemoryStore, Output, RequestId, Rules, Step, Time, Vault, drive, http, prepare,
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
    /// The unseal key in hex, once initialised.
    pub key: String,
    /// The time of the first request; each takes a millisecond.
    pub start: Time,
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
            key: String::new(),
            random: Random::new(seed),
            start: Time::from_unix_nanos(1_700_000_000_000_000_000),
            requests: 0,
        }
    }

    /// The same, initialised; it is sealed.
    ///
    /// # Panics
    ///
    /// If it cannot be initialised.
    pub fn initialized(config: Config, seed: u64) -> Self {
        let mut server = Self::new(config, seed);
        let body = r#"{"secret_shares":1,"secret_threshold":1}"#;
        let (_, answer) = server.ask("PUT", "/v1/sys/init", None, body);
        let answer: serde_json::Value = serde_json::from_str(&answer).expect("init gives JSON");
        let text = |pointer| {
            let value = answer.pointer(pointer).and_then(serde_json::Value::as_str);
            value.expect("init gives keys and a token").to_owned()
        };
        (server.root, server.key) = (text("/root_token"), text("/keys/0"));
        server
    }

    /// The same, unsealed.
    pub fn unsealed(config: Config, seed: u64) -> Self {
        let mut server = Self::initialized(config, seed);
        let body = format!("{{\"key\":\"{}\"}}", server.key);
        server.ask("PUT", "/v1/sys/unseal", None, &body);
        server
    }

    /// Serves one request; gives status and body.
    ///
    /// # Panics
    ///
    /// If the request is not HTTP, or is not answered.
    pub fn ask(
        &mut self,
        method: &str,
        target: &str,
        token: Option<&str>,
        body: &str,
    ) -> (u16, String) {
        let fields = [("x-vault-token", token.unwrap_or(""))];
        let request = http::Request::new(method, target, &fields, body.as_bytes());
        let request = request.expect("the request is HTTP");
        let shown = |response: &http::Response| {
            let body = String::from_utf8_lossy(response.body()).into_owned();
            (response.status().as_u16(), body)
        };
        let call = match prepare(&request, &Rules::default()) {
            Ok(call) => call,
            Err(response) => return shown(&response),
        };
        self.requests += 1;
        let nanos = self.start.unix_nanos() + self.requests * 1_000_000;
        let step = Step { now: Time::from_unix_nanos(nanos), seed: self.random.seed() };
        self.vault.handle_request(&step, RequestId(self.requests), call);
        let mut answer = None;
        loop {
            let outputs = drive(&mut self.vault, &self.store, || step.clone());
            if outputs.is_empty() {
                return answer.expect("every request is answered");
            }
            for output in outputs {
                match output {
                    Output::Persist(batch) => {
                        self.store.commit(&batch);
                        self.vault.handle_persisted(&step, batch.seq);
                    }
                    Output::Audit(id, _) => self.vault.handle_audited(&step, id, Ok(())),
                    Output::Run(id, job) => self.vault.handle_job(&step, id, job.run()),
                    Output::Respond(_, response) => answer = Some(shown(&response)),
                    Output::Load(..) => unreachable!("drive serves loads"),
                }
            }
        }
    }
}
