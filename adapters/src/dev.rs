//! A development server: in memory, initialised and unsealed, with a root token that is told.
//!
//! It is prepared through the API itself, as an operator would: init, unseal, and a root token of
//! the wished name in place of the first one.

use std::fmt;
use std::io::{self, Write};
use std::path::PathBuf;

use strongroom_core::{Rules, encoding, http, json, prepare};

use crate::host::Host;

/// What a development server tells at its start. It is meant to be seen; nothing else prints it.
pub struct Secrets {
    /// The unseal key in base64.
    pub unseal_key: String,
    /// The root token.
    pub root_token: String,
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secrets").finish_non_exhaustive()
    }
}

/// Why a development server could not be prepared.
#[derive(Debug)]
pub struct PrepareError {
    step: &'static str,
    status: u16,
    body: String,
}

impl fmt::Display for PrepareError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: status {}: {}", self.step, self.status, self.body.trim_end())
    }
}

impl std::error::Error for PrepareError {}

/// Initialises and unseals a host that is new.
///
/// # Errors
///
/// [`PrepareError`] with the server's own answer, for instance to a root token that cannot be.
pub fn set_up(host: &Host, root_token: Option<&str>) -> Result<Secrets, PrepareError> {
    let init = r#"{"secret_shares":1,"secret_threshold":1}"#;
    let answer = ask(host, "initialise", "PUT", "/v1/sys/init", "", init)?;
    let unseal_key = field(&answer, "keys").ok_or_else(|| odd("initialise"))?;
    let first_root = field(&answer, "root_token").ok_or_else(|| odd("initialise"))?;
    let key = json::Object::new().string("key", &unseal_key).finish();
    ask(host, "unseal", "PUT", "/v1/sys/unseal", "", &key)?;
    let mut wish = json::Object::new();
    if let Some(id) = root_token.filter(|id| !id.is_empty()) {
        wish = wish.string("id", id);
    }
    let wish = wish
        .plain("no_parent", true)
        .plain("no_default_policy", true)
        .strings("policies", ["root"])
        .finish();
    let answer =
        ask(host, "make the root token", "POST", "/v1/auth/token/create", &first_root, &wish)?;
    let root_token = field(&answer, "client_token").ok_or_else(|| odd("make the root token"))?;
    ask(host, "revoke the first token", "POST", "/v1/auth/token/revoke-self", &first_root, "")?;
    let key = encoding::from_hex(&unseal_key).ok_or_else(|| odd("initialise"))?;
    Ok(Secrets { unseal_key: encoding::base64(&key), root_token })
}

/// Saves the token where clients look for it, readable by its owner only.
///
/// # Errors
///
/// Those of the file system; `NotFound` if there is no home.
pub fn store_token(token: &str) -> io::Result<PathBuf> {
    let home = std::env::var_os("HOME").filter(|home| !home.is_empty());
    let home = home.ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "HOME is not set"))?;
    let home = PathBuf::from(home);
    let path = home.join(".vault-token");
    // A new file takes the place of an old one, which may be open to others or a link elsewhere.
    let fresh = home.join(format!(".vault-token.{}", std::process::id()));
    let _ = std::fs::remove_file(&fresh);
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(&fresh)?.write_all(token.as_bytes())?;
    std::fs::rename(&fresh, &path)?;
    Ok(path)
}

fn ask(
    host: &Host,
    step: &'static str,
    method: &str,
    target: &str,
    token: &str,
    body: &str,
) -> Result<String, PrepareError> {
    let fields = [("x-vault-token", token)];
    let request =
        http::Request::new(method, target, &fields, body.as_bytes()).map_err(|_| odd(step))?;
    let response = match prepare(&request, &Rules::default()) {
        Ok(call) => host.serve_here(call),
        Err(response) => response,
    };
    let body = String::from_utf8_lossy(response.body()).into_owned();
    if response.status().is_success() {
        return Ok(body);
    }
    Err(PrepareError { step, status: response.status().as_u16(), body })
}

fn odd(step: &'static str) -> PrepareError {
    PrepareError { step, status: 0, body: "an answer of an unknown form".to_owned() }
}

/// The string, or the first of the strings, of this name in the server's own answer: in its `auth`
/// if it has one.
fn field(body: &str, name: &str) -> Option<String> {
    let doc = json::parse(body.as_bytes(), &json::Limits::default()).ok()??;
    let top = doc.object()?;
    let members = top.get("auth").and_then(json::Value::members).unwrap_or(top);
    let value = members.get(name)?;
    let value = value.items().map_or(Some(value), |mut items| items.next())?;
    value.as_str().map(str::to_owned)
}
