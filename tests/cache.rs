//! What the cache holds changes no answer.

use strongroom_core::{
    Config, MemoryStore, Output, RequestId, Step, Time, Vault, drive, http, json, prepare,
};
use strongroom_tests::op::Op;
use strongroom_tests::random::Random;

/// A server whose steps depend on the number of the request alone, not on what was loaded.
struct Server {
    vault: Vault,
    store: MemoryStore,
    requests: u64,
}

impl Server {
    fn new(cache_bytes: usize) -> Self {
        let config = Config { cache_bytes, absence_bytes: cache_bytes / 8, ..Config::default() };
        Self { vault: Vault::new(config), store: MemoryStore::new(), requests: 0 }
    }

    fn ask(&mut self, op: (&str, &str, &str), token: Option<&str>) -> String {
        let (method, target, body) = op;
        let fields = [("x-vault-token", token.unwrap_or(""))];
        let request = http::Request::new(method, target, &fields, body.as_bytes()).unwrap();
        let call = match prepare(&request, &json::Limits::default()) {
            Ok(call) => call,
            Err(response) => return String::from_utf8_lossy(response.body()).into_owned(),
        };
        self.requests += 1;
        let number = self.requests;
        let step = || Step {
            now: Time::from_unix_nanos(1_700_000_000_000_000_000 + number * 1_000_000),
            seed: Random::new(number).seed(),
        };
        let mut answer = None;
        self.vault.handle_request(&step(), RequestId(number), call);
        while answer.is_none() {
            for output in drive(&mut self.vault, &self.store, step) {
                match output {
                    Output::Persist(batch) => {
                        self.store.commit(&batch);
                        self.vault.handle_persisted(&step(), batch.seq);
                    }
                    Output::Run(id, job) => self.vault.handle_job(&step(), id, job.run()),
                    Output::Respond(_, response) => {
                        let body = String::from_utf8_lossy(response.body()).into_owned();
                        answer = Some(format!("{} {body}", response.status()));
                    }
                    Output::Load(..) | Output::Audit(..) => unreachable!("nothing asks for it"),
                }
            }
        }
        answer.unwrap()
    }

    /// All answers of a long conversation; `forget` is called after each.
    fn converse(&mut self, mut forget: impl FnMut(&mut Vault)) -> Vec<String> {
        let init = r#"{"secret_shares":1,"secret_threshold":1}"#;
        let made = self.ask(("PUT", "/v1/sys/init", init), None);
        let (_, made) = made.split_once('{').unwrap();
        let made: serde_json::Value = serde_json::from_str(&format!("{{{made}")).unwrap();
        let text = |pointer| made.pointer(pointer).and_then(serde_json::Value::as_str).unwrap();
        let key = format!("{{\"key\":\"{}\"}}", text("/keys/0"));
        let root = text("/root_token").to_owned();
        let mut tokens = vec![root.clone(), "s.nobody".to_owned()];
        let mut answers = vec![self.ask(("PUT", "/v1/sys/unseal", &key), None)];
        let mut random = Random::new(7);
        for serial in 0..6_000 {
            let op = Op::random(&mut random, serial, &tokens);
            if matches!(&op, Op::Revoke(token) if *token == root) || op == Op::RevokeSelf {
                continue;
            }
            let (method, target, body) = op.parts();
            let token = if random.one_in(4) { random.pick(&tokens).clone() } else { root.clone() };
            let answer = self.ask((method, &target, &body), Some(&token));
            if let Some((_, rest)) = answer.split_once("\"client_token\":\"") {
                tokens.push(rest.split('"').next().unwrap().to_owned());
            }
            answers.push(answer);
            forget(&mut self.vault);
        }
        answers
    }
}

#[test]
fn gives_the_same_answers_with_any_cache() {
    let endless = Server::new(1 << 30).converse(|_| {});
    assert!(endless.iter().filter(|answer| answer.starts_with("200")).count() > 1000);
    for budget in [0, 600, 20_000] {
        assert_eq!(Server::new(budget).converse(|_| {}), endless, "a cache of {budget} bytes");
    }
    let mut random = Random::new(3);
    let forgetful = Server::new(1 << 30).converse(|vault| vault.forget(|_| random.one_in(3)));
    assert_eq!(forgetful, endless, "a cache that forgets");
}

#[test]
fn keeps_to_its_budget() {
    let mut server = Server::new(8_000);
    server.converse(|vault| {
        let (records, absences) = vault.cache_bytes();
        assert!(records <= 8_000 && absences <= 1_000, "{records} {absences}");
    });
}
