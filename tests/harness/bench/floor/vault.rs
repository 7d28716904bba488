//! What the floor knows, and its answers: the least that a server of sealed secrets does.
//!
//! The bytes of an answer are those of the server under measurement, with a fresh `request_id`. Values
//! and tokens are sealed by the same cipher, each as long as its record there, and opened each time
//! that they are asked for. Names are clear and sorted in memory, which is what a server with a warm
//! index has. There are no policies, mounts, leases, limits or checks of what is written.

use std::hash::RandomState;
use std::io::Write;

use aes_gcm::aead::inout::InOutBuf;
use aes_gcm::{AeadInOut, Aes256Gcm, KeyInit};
use hashbrown::HashMap;
use hmac::{Hmac, Mac};
use sha2::Sha256;

use super::date::Date;
use super::entropy::Entropy;

/// The token that is there from the start.
pub(in crate::bench) const ROOT_TOKEN: &str = "s.floorfloorfloorfloorflo";
/// Seconds that a read of a secret without a lease says.
const LEASE_SECONDS: u32 = 2_764_800;
/// Bytes of a record before its nonce: version, keyring, term.
const HEADER: [u8; 9] = [1, 0, 0, 0, 0, 0, 0, 0, 1];
const NONCE_BYTES: usize = 12;
const TAG_BYTES: usize = 16;
/// Associated data has this length: the header and the key of a record.
const ASSOCIATED: [u8; 50] = [7; 50];
/// What stands around a payload in its record, with two bytes for the length of the name.
const LENGTH_BYTES: usize = 2;
/// Version of an entry, and that it has no lease.
const ENTRY_HEAD: [u8; 2] = [1, 0];
/// Characters of a new token behind its prefix.
const TOKEN_CHARS: usize = 24;

const OPENING: &str = "\",\"lease_id\":\"\",\"renewable\":false,\"lease_duration\":";
const CLOSING: &[u8] = b",\"wrap_info\":null,\"warnings\":null,\"auth\":null}\n";
const NOT_FOUND: &[u8] = b"{\"errors\":[]}\n";
const DENIED: &[u8] = b"{\"errors\":[\"permission denied\"]}\n";

/// A request whose bytes are all there.
pub(super) struct Request<'a> {
    pub(super) method: &'a str,
    /// Behind `/v1/`.
    pub(super) path: &'a str,
    pub(super) token: &'a [u8],
    pub(super) body: &'a [u8],
}

/// See the module.
pub(super) struct Vault {
    cipher: Aes256Gcm,
    names: Hmac<Sha256>,
    entropy: Entropy,
    date: Date,
    entries: HashMap<Box<str>, Box<[u8]>, RandomState>,
    folders: HashMap<String, Vec<Box<str>>, RandomState>,
    tokens: HashMap<[u8; 32], Box<[u8]>, RandomState>,
    /// Where a record is opened.
    opened: Vec<u8>,
    /// Records that are to be durable before any answer leaves.
    pub(super) unsynced: Vec<u8>,
}

impl Vault {
    pub(super) fn new() -> Self {
        let mut entropy = Entropy::default();
        let mut vault = Self {
            cipher: Aes256Gcm::new(&entropy.take::<32>().into()),
            names: Hmac::new_from_slice(&entropy.take::<32>()).expect("any length will do"),
            entropy,
            date: Date::default(),
            entries: HashMap::default(),
            folders: HashMap::default(),
            tokens: HashMap::default(),
            opened: Vec::new(),
            unsynced: Vec::new(),
        };
        vault.add_token(ROOT_TOKEN);
        vault.unsynced.clear();
        vault
    }

    /// Stores secrets that were there before anybody asked. Nothing of it is written to the medium.
    pub(super) fn fill(&mut self, secrets: impl Iterator<Item = (String, String)>) {
        for (path, value) in secrets {
            let record = self.seal(&ENTRY_HEAD, value.as_bytes(), &path);
            let (folder, name) = path.rsplit_once('/').unwrap_or_default();
            self.folders.entry_ref(folder).or_default().push(name.into());
            self.entries.insert(path.into(), record);
        }
        self.folders.values_mut().for_each(|names| names.sort_unstable());
        self.unsynced.clear();
    }

    /// Adds the answer to a request to `out`.
    pub(super) fn answer(&mut self, request: &Request<'_>, out: &mut Vec<u8>) {
        let digest = self.digest(request.token);
        if !self.tokens.contains_key(&digest) {
            self.head(out, "403 Forbidden", Some(DENIED.len()));
            return out.extend_from_slice(DENIED);
        }
        let is_found = match (request.method, request.path) {
            ("POST" | "PUT", "auth/token/create") => self.create_token(out),
            ("GET", "auth/token/lookup-self") => self.look_up(&digest, out),
            ("POST" | "PUT", path) => self.write(path, request.body, out),
            ("GET", path) => self.read(path, out),
            ("LIST", path) => self.list(path, out),
            _ => false,
        };
        if !is_found {
            self.head(out, "404 Not Found", Some(NOT_FOUND.len()));
            out.extend_from_slice(NOT_FOUND);
        }
    }

    fn read(&mut self, path: &str, out: &mut Vec<u8>) -> bool {
        let Some(record) = self.entries.get(path) else { return false };
        open(&self.cipher, record, &mut self.opened);
        let value = ENTRY_HEAD.len()..self.opened.len() - path.len() - LENGTH_BYTES;
        let opened = std::mem::take(&mut self.opened);
        self.envelope(out, LEASE_SECONDS, opened.get(value).unwrap_or_default());
        self.opened = opened;
        true
    }

    fn write(&mut self, path: &str, value: &[u8], out: &mut Vec<u8>) -> bool {
        let record = self.seal(&ENTRY_HEAD, value, path);
        if self.entries.insert(path.into(), record).is_none() {
            let (folder, name) = path.rsplit_once('/').unwrap_or_default();
            let names = self.folders.entry_ref(folder).or_default();
            if let Err(at) = names.binary_search_by(|other| (**other).cmp(name)) {
                names.insert(at, name.into());
            }
        }
        self.head(out, "204 No Content", None);
        true
    }

    fn list(&mut self, path: &str, out: &mut Vec<u8>) -> bool {
        let Some(names) = self.folders.get(path.trim_end_matches('/')) else { return false };
        let mut data = std::mem::take(&mut self.opened);
        data.clear();
        data.extend_from_slice(b"{\"keys\":[");
        for name in names {
            data.push(b'"');
            data.extend_from_slice(name.as_bytes());
            data.extend_from_slice(b"\",");
        }
        data.pop();
        data.extend_from_slice(b"]}");
        self.envelope(out, 0, &data);
        self.opened = data;
        true
    }

    fn look_up(&mut self, digest: &[u8; 32], out: &mut Vec<u8>) -> bool {
        let Some(record) = self.tokens.get(digest) else { return false };
        open(&self.cipher, record, &mut self.opened);
        let opened = std::mem::take(&mut self.opened);
        let data = opened.get(..opened.len() - LENGTH_BYTES).unwrap_or_default();
        self.envelope(out, 0, data);
        self.opened = opened;
        true
    }

    fn create_token(&mut self, out: &mut Vec<u8>) -> bool {
        let text = self.new_token();
        let accessor = self.new_token();
        self.add_token(&text);
        let id = self.entropy.request_id();
        let id = str::from_utf8(&id).unwrap_or_default();
        let body = format!(
            "{{\"request_id\":\"{id}{OPENING}0,\"data\":null,\"wrap_info\":null,\"warnings\":null,\
             \"auth\":{{\"client_token\":\"{text}\",\"accessor\":\"{accessor}\",\"policies\":[\"root\"],\
             \"token_policies\":[\"root\"],\"metadata\":null,\"lease_duration\":0,\"renewable\":false,\
             \"entity_id\":\"\",\"token_type\":\"service\",\"orphan\":false,\"num_uses\":0}}}}\n"
        );
        self.head(out, "200 OK", Some(body.len()));
        out.extend_from_slice(body.as_bytes());
        true
    }

    fn add_token(&mut self, text: &str) {
        let digest = self.digest(text.as_bytes());
        let data = format!(
            "{{\"accessor\":\"{}\",\"creation_time\":1795000000,\"creation_ttl\":0,\
             \"display_name\":\"token\",\"entity_id\":\"\",\"expire_time\":null,\
             \"explicit_max_ttl\":0,\"id\":\"{text}\",\"meta\":null,\"num_uses\":0,\
             \"orphan\":false,\"path\":\"auth/token/create\",\"policies\":[\"root\"],\
             \"renewable\":false,\"ttl\":0,\"type\":\"service\"}}",
            self.new_token()
        );
        let record = self.seal(&[], data.as_bytes(), "");
        self.tokens.insert(digest, record);
    }

    fn new_token(&mut self) -> String {
        const CHARS: &[u8; 64] =
            b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        let bytes = self.entropy.take::<TOKEN_CHARS>();
        let chars = bytes.iter().filter_map(|byte| CHARS.get(usize::from(byte & 63)));
        let mut text = String::from("s.");
        text.extend(chars.map(|char| char::from(*char)));
        text
    }

    fn digest(&self, token: &[u8]) -> [u8; 32] {
        self.names.clone().chain_update(token).finalize().into_bytes().into()
    }

    /// The answer that holds `data`.
    fn envelope(&mut self, out: &mut Vec<u8>, lease_seconds: u32, data: &[u8]) {
        const FRONT: &[u8] = b"{\"request_id\":\"";
        const DATA: &[u8] = b",\"data\":";
        let id = self.entropy.request_id();
        let lease = lease_seconds.to_string();
        let parts = [FRONT, &id, OPENING.as_bytes(), lease.as_bytes(), DATA, data, CLOSING];
        self.head(out, "200 OK", Some(parts.iter().map(|part| part.len()).sum()));
        parts.iter().for_each(|part| out.extend_from_slice(part));
    }

    fn head(&mut self, out: &mut Vec<u8>, status: &str, length: Option<usize>) {
        let date = self.date.now();
        let parts = [
            "HTTP/1.1 ",
            status,
            "\r\nDate: ",
            date,
            "\r\nCache-Control: no-store\r\nContent-Type: application/json\r\n",
        ];
        parts.iter().for_each(|part| out.extend_from_slice(part.as_bytes()));
        if let Some(length) = length {
            write!(out, "Content-Length: {length}\r\n").expect("memory takes it");
        }
        out.extend_from_slice(b"\r\n");
    }

    /// Seals a record and puts it with those that are to be durable.
    fn seal(&mut self, head: &[u8], payload: &[u8], name: &str) -> Box<[u8]> {
        let nonce = self.entropy.take::<NONCE_BYTES>();
        let length = u16::try_from(name.len()).unwrap_or(u16::MAX).to_be_bytes();
        let mut record = Vec::with_capacity(
            HEADER.len() + NONCE_BYTES + head.len() + payload.len() + name.len() + 2 + TAG_BYTES,
        );
        let parts = [&HEADER[..], &nonce, head, payload, name.as_bytes(), &length];
        parts.iter().for_each(|part| record.extend_from_slice(part));
        let (_, text) = record.split_at_mut(HEADER.len() + NONCE_BYTES);
        let tag = self
            .cipher
            .encrypt_inout_detached(&nonce.into(), &ASSOCIATED, InOutBuf::from(text))
            .expect("records are below 64 GiB");
        record.extend_from_slice(&tag);
        let length = u32::try_from(record.len()).unwrap_or(u32::MAX);
        self.unsynced.extend_from_slice(&length.to_be_bytes());
        self.unsynced.extend_from_slice(&record);
        record.into()
    }
}

/// Opens a record that this process has sealed.
fn open(cipher: &Aes256Gcm, record: &[u8], opened: &mut Vec<u8>) {
    let (_, rest) = record.split_at(HEADER.len());
    let (nonce, rest) = rest.split_first_chunk::<NONCE_BYTES>().expect("a record has a nonce");
    let (text, tag) = rest.split_last_chunk::<TAG_BYTES>().expect("a record has a tag");
    opened.clear();
    opened.extend_from_slice(text);
    cipher
        .decrypt_inout_detached(
            nonce.into(),
            &ASSOCIATED,
            InOutBuf::from(opened.as_mut_slice()),
            tag.into(),
        )
        .expect("what was sealed here opens");
}
