//! What the core takes for a request, without sockets, files and threads: bytes in, bytes out.
//!
//! ```text
//! cargo run --release -p strongroom-core --example cost -- [REQUEST] [COUNT]
//! ```
//!
//! Each line is a kind of request and the time that one takes: in the best of many rounds, and in the
//! middle one. The kinds take turns, round by round, so that a machine that is busy is so for all of
//! them. `floor` is the least that a server could do for a GET: read the head, find the token by a hash,
//! open one record, write the same answer. A `policy` is that of a token of five policies of twenty
//! rules, beside the root token; a `header` and a `path` say how a namespace is named. Instructions and
//! allocations are exact where time is not: let callgrind run one kind of request for two counts, and
//! take the difference.

use std::collections::BTreeMap;
use std::error::Error;
use std::hint::black_box;
use std::io::{self, Write};
use std::time::{Duration, Instant};

use aes_gcm::{AeadInOut, Aes256Gcm, KeyInit};
use sha2::{Digest, Sha256};
use strongroom_core::http::{Conn, Limits, Request, Response};
use strongroom_core::{Config, MemoryStore, Output, RequestId, Rules, Step, Time, Vault};
use strongroom_core::{drive, json, prepare};

/// Requests of one round: short enough that some rounds have the processor for themselves.
const ROUND: u32 = 200;
const VALUE: &str = r#"{"password":"correct horse battery staple","user":"strongroom"}"#;
/// Policies of a token, and rules of each.
const POLICIES: usize = 5;
const RULES: usize = 20;
/// The namespace beside the root.
const NAMESPACE: &str = "team";

fn main() -> Result<(), Box<dyn Error>> {
    let mut words = std::env::args().skip(1);
    let only = words.next();
    let count: u32 = words.next().map_or(Ok(20_000), |word| word.parse())?;
    let mut bench = Bench::open().ok_or("the vault does not open")?;
    let mut kinds = bench.kinds().ok_or("the vault gives no tokens")?;
    let get = kinds.first().map(|kind| kind.request.clone()).unwrap_or_default();
    let answer = bench.ask(get.as_bytes());
    let floor = Floor::new(&bench.token, &answer);
    kinds.push(Kind { name: FLOOR, request: get, times: Vec::new() });
    if let Some(only) = only {
        kinds.retain(|kind| kind.name == only);
    }
    for kind in kinds.iter().filter(|kind| kind.name != FLOOR) {
        assert!(bench.ask(kind.request.as_bytes()).starts_with(b"HTTP/1.1 2"), "{}", kind.name);
    }
    for _ in 0..count.div_ceil(ROUND) {
        for kind in &mut kinds {
            let request = kind.request.as_bytes();
            let round = ROUND.min(count);
            let begun = Instant::now();
            for _ in 0..round {
                black_box(match kind.name {
                    FLOOR => floor.ask(request),
                    _ => bench.ask(request),
                });
            }
            kind.times.push(begun.elapsed() / round);
        }
    }
    let mut out = io::stdout();
    for Kind { name, times, .. } in &mut kinds {
        times.sort_unstable();
        let nanos = |at: usize| times.get(at).map_or(0, Duration::as_nanos);
        writeln!(out, "{name:24} {:8} {:8} ns", nanos(0), nanos(times.len() / 2))?;
    }
    writeln!(out, "a connection without a request has {} bytes", size_of::<Conn>())?;
    Ok(())
}

/// One kind of request.
struct Kind {
    name: &'static str,
    request: String,
    /// What one took, in each round.
    times: Vec<Duration>,
}

/// The kind that no vault answers.
const FLOOR: &str = "floor";

impl Kind {
    fn new(name: &'static str, request: &str, token: &str, namespace: &str) -> Self {
        let (method, path) = request.split_once(' ').unwrap_or_default();
        let body = if method == "PUT" { VALUE } else { "" };
        let length = match body.len() {
            0 => String::new(),
            length => format!("Content-Length: {length}\r\n"),
        };
        let namespace = match namespace {
            "" => String::new(),
            namespace => format!("X-Vault-Namespace: {namespace}\r\n"),
        };
        let request = format!(
            "{method} /v1/{path} HTTP/1.1\r\nHost: 127.0.0.1:8200\r\nUser-Agent: cost\r\n\
             Accept: */*\r\nX-Vault-Token: {token}\r\n{namespace}{length}\r\n{body}"
        );
        Self { name, request, times: Vec::new() }
    }
}

/// A policy of [`RULES`] rules; that with the number 0 has the one for the secret that is read.
fn policy(number: usize) -> String {
    let rules = (0..RULES).map(|rule| {
        let (path, capabilities) = match (rule % 4, number + rule) {
            (0, 0) => ("secret/a/*".to_owned(), r#""read""#),
            (0, _) => (format!("secret/app-{number}-{rule}/*"), r#""create", "read", "update""#),
            (1, _) => (format!("secret/+/shared-{number}-{rule}/*"), r#""read""#),
            (2, _) => (format!("secret/app-{number}-{rule}"), r#""list""#),
            _ => (format!("engine-{number}/roles/{rule}"), r#""update""#),
        };
        format!("path \"{path}\" {{ capabilities = [{capabilities}] }}\n")
    });
    rules.collect()
}

/// A server and one connection to it.
struct Bench {
    vault: Vault,
    store: MemoryStore,
    conn: Conn,
    token: String,
    last_id: u64,
}

impl Bench {
    /// A server with a few secrets, a namespace, and policies in both.
    fn open() -> Option<Self> {
        let mut bench = Self {
            vault: Vault::new(Config::default()),
            store: MemoryStore::new(),
            conn: Conn::new(NOW, Limits::default()),
            token: String::new(),
            last_id: 0,
        };
        let init = r#"{"secret_shares":1,"secret_threshold":1}"#;
        let answer = bench.put("sys/init", init)?;
        let doc = json::parse(answer.body(), &json::Limits::default()).ok()??;
        let key = doc.object()?.get("keys")?.items()?.next()?.as_str()?;
        bench.put("sys/unseal", &json::Object::new().string("key", key).finish())?;
        bench.token = doc.object()?.get("root_token")?.as_str()?.to_owned();
        let namespace = [NAMESPACE, "/"].concat();
        bench.put(&format!("sys/namespaces/{NAMESPACE}"), "{}")?;
        let mount = r#"{"type":"kv","options":{"version":"1"}}"#;
        bench.put(&format!("{namespace}sys/mounts/secret"), mount)?;
        for namespace in ["", &namespace] {
            bench.put(&format!("{namespace}secret/a/b"), VALUE)?;
            for number in 0..POLICIES {
                let body = json::Object::new().string("policy", &policy(number)).finish();
                bench.put(&format!("{namespace}sys/policies/acl/policy-{number}"), &body)?;
            }
        }
        for number in 0..1000 {
            bench.put(&format!("secret/thousand/name-{number:04}"), VALUE)?;
        }
        Some(bench)
    }

    /// What is asked of it, the GET of the root token first.
    fn kinds(&mut self) -> Option<Vec<Kind>> {
        let (root, member) = (self.token.clone(), self.member("")?);
        let inner = self.member(&[NAMESPACE, "/"].concat())?;
        let (get, inner_get) = ("GET secret/a/b", format!("GET {NAMESPACE}/secret/a/b"));
        Some(vec![
            Kind::new("get", get, &root, ""),
            Kind::new("get-policy", get, &member, ""),
            Kind::new("get-header", get, &root, NAMESPACE),
            Kind::new("get-header-policy", get, &inner, NAMESPACE),
            Kind::new("get-path", &inner_get, &root, ""),
            Kind::new("get-path-policy", &inner_get, &inner, ""),
            Kind::new("put", "PUT secret/a/b", &root, ""),
            Kind::new("list", "LIST secret/thousand", &root, ""),
            Kind::new("lookup-self", "GET auth/token/lookup-self", &root, ""),
            Kind::new("health", "GET sys/health", &root, ""),
        ])
    }

    /// A token of a namespace that has all its policies and no parent, like that of a login.
    fn member(&mut self, namespace: &str) -> Option<String> {
        let names = (0..POLICIES).map(|number| format!("policy-{number}"));
        let body = json::Object::new().strings("policies", names).finish();
        let answer = self.put(&format!("{namespace}auth/token/create-orphan"), &body)?;
        let doc = json::parse(answer.body(), &json::Limits::default()).ok()??;
        let token = doc.object()?.get("auth")?.members()?.get("client_token")?.as_str()?;
        Some(token.to_owned())
    }

    fn put(&mut self, path: &str, body: &str) -> Option<Response> {
        let fields = [("X-Vault-Token", self.token.as_str())];
        let request = Request::new("PUT", &format!("/v1/{path}"), &fields, body.as_bytes()).ok()?;
        let answer = self.serve(&request);
        answer.status().is_success().then_some(answer)
    }

    /// Tells the connection the bytes of a request, and gives those of its answer.
    fn ask(&mut self, request: &[u8]) -> Vec<u8> {
        self.conn.handle_bytes(NOW, request);
        let head = self.conn.poll_head().expect("a whole head");
        let bytes_max = self.vault.admit(head).unwrap_or_default();
        self.conn.admit(NOW, bytes_max);
        let request = self.conn.poll_request().expect("a whole request");
        let answer = self.serve(&request);
        drop(request);
        self.conn.respond(NOW, answer);
        let mut sent = Vec::with_capacity(1024);
        while let Some(bytes) = self.conn.output() {
            sent.extend_from_slice(bytes);
            let count = bytes.len();
            self.conn.handle_written(NOW, count);
        }
        sent
    }

    fn serve(&mut self, request: &Request) -> Response {
        let call = match prepare(request, &Rules::default()) {
            Ok(call) => call,
            Err(refusal) => return refusal,
        };
        self.last_id += 1;
        let mut seed = [7; 32];
        let (number, _) = seed.split_at_mut(8);
        number.copy_from_slice(&self.last_id.to_be_bytes());
        let step = || Step { now: NOW, seed };
        self.vault.handle_request(&step(), RequestId(self.last_id), call);
        let mut answer = None;
        while answer.is_none() {
            for output in drive(&mut self.vault, &self.store, step) {
                match output {
                    Output::Persist(batch) => {
                        self.store.commit(&batch);
                        self.vault.handle_persisted(&step(), batch.seq);
                    }
                    Output::Respond(_, response) => answer = Some(response),
                    Output::Audit(..) | Output::Run(..) => unreachable!("nothing asks for it"),
                    Output::Load(..) | Output::Range(..) => unreachable!("drive serves them"),
                }
            }
        }
        answer.expect("the loop ends by it")
    }
}

const NOW: Time = Time::from_unix_nanos(1_800_000_000_000_000_000);

/// The least that a server could do for a GET.
struct Floor {
    cipher: Aes256Gcm,
    tokens: BTreeMap<[u8; 32], ()>,
    sealed: Vec<u8>,
    tag: [u8; 16],
    head: Vec<u8>,
}

impl Floor {
    fn new(token: &str, answer: &[u8]) -> Self {
        let cipher = Aes256Gcm::new(&[1; 32].into());
        let end = answer.windows(4).position(|four| four == b"\r\n\r\n").map_or(0, |at| at + 4);
        let (head, body) = answer.split_at(end);
        let mut sealed = body.to_vec();
        let tag = cipher
            .encrypt_inout_detached(&[2; 12].into(), b"", sealed.as_mut_slice().into())
            .expect("a short record");
        let tokens = BTreeMap::from([(Sha256::digest(token).into(), ())]);
        Self { cipher, tokens, sealed, tag: tag.into(), head: head.to_vec() }
    }

    fn ask(&self, request: &[u8]) -> Vec<u8> {
        let mut fields = [httparse::EMPTY_HEADER; 16];
        let mut head = httparse::Request::new(&mut fields);
        assert!(head.parse(request).is_ok_and(|status| status.is_complete()));
        let token = head.headers.iter().find(|field| field.name == "X-Vault-Token");
        let hash: [u8; 32] = Sha256::digest(token.expect("it is sent").value).into();
        assert!(self.tokens.contains_key(&hash));
        let mut sent = Vec::with_capacity(1024);
        sent.extend_from_slice(&self.head);
        let start = sent.len();
        sent.extend_from_slice(&self.sealed);
        let (_, body) = sent.split_at_mut(start);
        self.cipher
            .decrypt_inout_detached(&[2; 12].into(), b"", body.into(), &self.tag.into())
            .expect("the record opens");
        sent
    }
}
