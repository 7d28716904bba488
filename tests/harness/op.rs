//! What simulated clients do, and how it looks on the wire.
//!
//! Names and values carry canaries: words that must not occur where no name or value belongs.

use strongroom_core::encoding::hex;

use crate::random::Random;

/// Part of every secret value.
pub const VALUE_CANARY: &str = "canaryvalue";
/// Part of every name of a secret.
pub const NAME_CANARY: &str = "canaryname";

/// One request, in the client's words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Op {
    /// Both framings at once: must be refused, and the connection with it.
    BothFramings,
    /// A body that is no JSON.
    BrokenBody(String),
    /// Read of the caller's cubbyhole: path.
    CubbyholeRead(String),
    /// Write to it: path and value.
    CubbyholeWrite(String, String),
    /// Delete of a secret: path.
    Delete(String),
    /// State of the server.
    Health,
    /// State of the keyring.
    KeyStatus,
    /// Slow work: its input.
    Job(String),
    /// Names in a folder.
    List(String),
    /// Another token's properties.
    Lookup(String),
    /// The caller's own.
    LookupSelf,
    /// A path of no mount.
    Nowhere,
    /// Read of a secret: path.
    Read(String),
    /// End of another token.
    Revoke(String),
    /// End of the caller's own.
    RevokeSelf,
    /// A new term of the keyring.
    Rotate,
    /// All names below a folder.
    Scan(String),
    /// Sealing, by an operator.
    Seal,
    /// State of the seal.
    SealStatus,
    /// A new token.
    TokenCreate(Wish),
    /// A path that ends in a period.
    TrailingPeriod(String),
    /// Submission of a key share in hex.
    Unseal(String),
    /// End of an attempt to unseal.
    UnsealReset,
    /// Write of a secret: path and value.
    Write(String, String),
}

/// What a token is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wish {
    /// Whether it is root; else it has the default policy.
    pub root: bool,
    /// Uses, or 0.
    pub num_uses: i64,
    /// Seconds, or 0.
    pub ttl: i64,
    /// Without a parent.
    pub orphan: bool,
    /// A text of its own, which may have been another token's before.
    pub id: Option<&'static str>,
}

impl Op {
    /// A random request of a client. `tokens` are texts that it knows.
    pub fn random(random: &mut Random, serial: u64, tokens: &[String]) -> Self {
        let path = random_path(random);
        match random.below(100) {
            0..26 => Self::Read(path),
            26..46 => Self::Write(path, random_value(random, serial)),
            46..56 => Self::Delete(path),
            56..64 => Self::List(random_folder(random)),
            64..67 => Self::Scan(random_folder(random)),
            67..73 => Self::TokenCreate(Wish {
                root: random.one_in(4),
                num_uses: if random.one_in(2) { 1 + i64::from(random.one_in(3)) } else { 0 },
                ttl: if random.one_in(3) { 30 } else { 0 },
                orphan: random.one_in(3),
                id: random.one_in(4).then(|| *random.pick(&IDS)),
            }),
            73..79 => Self::LookupSelf,
            79..82 => Self::Lookup(random.pick(tokens).clone()),
            82..84 => Self::Revoke(random.pick(tokens).clone()),
            84 => Self::RevokeSelf,
            85..89 => Self::Job(format!("{VALUE_CANARY}{serial}")),
            89..91 => Self::CubbyholeWrite(path, random_value(random, serial)),
            91..94 => Self::CubbyholeRead(path),
            94 => Self::Health,
            95 => Self::Nowhere,
            96 => Self::TrailingPeriod(path),
            97 => Self::BrokenBody(path),
            98 => Self::BothFramings,
            _ if random.one_in(2) => Self::Rotate,
            _ => Self::KeyStatus,
        }
    }

    /// A step of an operator towards unsealing, now and then a wrong one. `keys` are the shares.
    pub fn unsealing(random: &mut Random, keys: &[String]) -> Self {
        match random.below(20) {
            0 => Self::UnsealReset,
            1 | 2 => Self::SealStatus,
            3 => Self::Unseal(wrong_share(random, keys)),
            _ => Self::Unseal(random.pick(keys).clone()),
        }
    }

    /// Method, target and body.
    pub fn parts(&self) -> (&'static str, String, String) {
        let none = String::new();
        match self {
            Self::BothFramings => ("POST", "/v1/secret/smuggled".into(), "{\"a\":1}".into()),
            Self::BrokenBody(path) => ("POST", format!("/v1/secret/{path}"), "{\"a\":".into()),
            Self::CubbyholeRead(path) => ("GET", format!("/v1/cubbyhole/{path}"), none),
            Self::CubbyholeWrite(path, value) => {
                ("PUT", format!("/v1/cubbyhole/{path}"), value.clone())
            }
            Self::Delete(path) => ("DELETE", format!("/v1/secret/{path}"), none),
            Self::Health => ("GET", "/v1/sys/health".into(), none),
            Self::KeyStatus => ("GET", "/v1/sys/key-status".into(), none),
            Self::Job(input) => {
                ("POST", "/v1/sys/simulation/job".into(), format!("{{\"input\":\"{input}\"}}"))
            }
            Self::List(folder) => ("LIST", format!("/v1/secret/{folder}"), none),
            Self::Lookup(token) => {
                ("POST", "/v1/auth/token/lookup".into(), format!("{{\"token\":\"{token}\"}}"))
            }
            Self::LookupSelf => ("GET", "/v1/auth/token/lookup-self".into(), none),
            Self::Nowhere => ("GET", "/v1/nowhere/x".into(), none),
            Self::Read(path) => ("GET", format!("/v1/secret/{path}"), none),
            Self::Revoke(token) => {
                ("POST", "/v1/auth/token/revoke".into(), format!("{{\"token\":\"{token}\"}}"))
            }
            Self::RevokeSelf => ("POST", "/v1/auth/token/revoke-self".into(), none),
            Self::Rotate => ("POST", "/v1/sys/rotate".into(), none),
            Self::Scan(folder) => ("SCAN", format!("/v1/secret/{folder}"), none),
            Self::Seal => ("PUT", "/v1/sys/seal".into(), none),
            Self::SealStatus => ("GET", "/v1/sys/seal-status".into(), none),
            Self::TokenCreate(wish) => ("POST", wish.target().into(), wish.body()),
            Self::TrailingPeriod(path) => ("GET", format!("/v1/secret/{path}."), none),
            Self::Unseal(key) => ("PUT", "/v1/sys/unseal".into(), format!("{{\"key\":\"{key}\"}}")),
            Self::UnsealReset => ("PUT", "/v1/sys/unseal".into(), "{\"reset\":true}".into()),
            Self::Write(path, value) => ("POST", format!("/v1/secret/{path}"), value.clone()),
        }
    }

    /// What rules call it; `exists` is whether what it writes is there already.
    pub fn operation(&self, exists: bool) -> &'static str {
        match self.parts().0 {
            "GET" => "read",
            "DELETE" => "delete",
            "LIST" => "list",
            "SCAN" => "scan",
            _ if exists => "update",
            _ => "create",
        }
    }

    /// The path that rules see.
    pub fn path(&self) -> String {
        self.parts().1.trim_start_matches("/v1/").to_owned()
    }

    /// The bytes of the request.
    pub fn bytes(&self, token: Option<&str>) -> Vec<u8> {
        let (method, target, body) = self.parts();
        let mut text = format!("{method} {target} HTTP/1.1\r\nHost: simulation\r\n");
        if let Some(token) = token {
            text += &format!("X-Vault-Token: {token}\r\n");
        }
        if *self == Self::BothFramings {
            text +=
                &format!("Content-Length: {}\r\nTransfer-Encoding: chunked\r\n\r\n", body.len());
            text += &format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len());
        } else if body.len() % 3 == 1 {
            text += &format!(
                "Transfer-Encoding: chunked\r\n\r\n{:x}\r\n{body}\r\n0\r\n\r\n",
                body.len()
            );
        } else if body.is_empty() {
            text += "\r\n";
        } else {
            text += &format!("Content-Length: {}\r\n\r\n{body}", body.len());
        }
        text.into_bytes()
    }
}

impl Wish {
    fn target(&self) -> &'static str {
        if self.orphan { "/v1/auth/token/create-orphan" } else { "/v1/auth/token/create" }
    }

    fn body(&self) -> String {
        let policy = if self.root { "root" } else { "default" };
        let ttl = if self.ttl > 0 { format!(",\"ttl\":{}", self.ttl) } else { String::new() };
        let id = self.id.map(|id| format!(",\"id\":\"{id}\"")).unwrap_or_default();
        format!("{{\"policies\":[\"{policy}\"],\"num_uses\":{}{ttl}{id}}}", self.num_uses)
    }
}

/// No share at all, one of another length, one of the right form, or another one at the point of a
/// right one.
fn wrong_share(random: &mut Random, keys: &[String]) -> String {
    let right = random.pick(keys).clone();
    let bytes = hex(&random.seed());
    match random.below(4) {
        0 => "no share".to_owned(),
        1 => bytes.chars().take(32).collect(),
        2 => bytes.chars().chain("7f".chars().take(right.len() - bytes.len())).collect(),
        _ => bytes.chars().chain(right.chars().skip(bytes.len())).collect(),
    }
}

/// Texts that are given to one token after another.
const IDS: [&str; 3] = ["custom-one", "custom-two", "custom-three"];

const FOLDERS: [&str; 4] = ["canaryname-a", "canaryname-b", "canaryname-c", "canaryname-d"];
const NAMES: [&str; 6] = [
    "canaryname-a",
    "canaryname-b",
    "canaryname-c",
    "canaryname-d",
    "canaryname-e",
    "canaryname-much-longer",
];

fn random_path(random: &mut Random) -> String {
    let mut path = String::new();
    for _ in 0..random.below(3) {
        path = format!("{path}{}/", random.pick(&FOLDERS));
    }
    let name = *random.pick(&NAMES);
    path + name
}

/// Empty, or with a slash.
fn random_folder(random: &mut Random) -> String {
    let mut folder = String::new();
    for _ in 0..random.below(3) {
        folder += &format!("{}/", random.pick(&FOLDERS));
    }
    folder
}

/// An object whose text tells it from every other. It is canonical.
fn random_value(random: &mut Random, serial: u64) -> String {
    let padding = "x".repeat(if random.one_in(20) { 3000 } else { random.below(60) });
    format!("{{\"pad\":\"{padding}\",\"v\":\"{VALUE_CANARY}{serial}\"}}")
}
