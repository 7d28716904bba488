//! What a client goes by: flags, then variables of the environment.
//!
//! Each variable is looked for with `BAO_` in front, then with `VAULT_`; an empty one is none.

use std::env;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use strongroom_core::parse_duration;
use zeroize::Zeroizing;

use super::Stop;
use super::path::Address;
use crate::flag::{Described, Parsed, parse_bool};

/// Flags of every command that speaks to a server.
pub(in crate::command) const CONNECTION_FLAGS: &[Described] = &[
    Described::valued(
        "address",
        "URL",
        "Where the server is: http://, https:// or unix://. From BAO_ADDR or VAULT_ADDR; \
         https://127.0.0.1:8200 without it.",
    ),
    Described::valued("agent-address", "URL", "Where an agent is, which goes before -address."),
    Described::valued("ca-cert", "FILE", "Certificates in PEM that the server's is checked by."),
    Described::valued("ca-path", "FOLDER", "A folder of such files."),
    Described::valued("client-cert", "FILE", "A certificate in PEM to show to the server."),
    Described::valued("client-key", "FILE", "Its private key in PEM."),
    Described::valued(
        "tls-server-name",
        "NAME",
        "The name that the server's certificate must have.",
    ),
    Described::switch("tls-skip-verify", "Trusts any certificate. Whoever is in between can read."),
    Described::valued("namespace", "PATH", "The namespace that paths are in."),
    Described::valued("ns", "PATH", "The same, and goes before -namespace."),
    Described::valued("header", "NAME=VALUE", "One more field of each request; may be repeated."),
    Described::valued(
        "wrap-ttl",
        "TTL",
        "Asks for the answer in a wrapping token that lives so long.",
    ),
    Described::valued("mfa", "CREDENTIALS", "Sent as X-Vault-MFA; may be repeated."),
    Described::switch("policy-override", "Overrides policies that permit it."),
    Described::switch("disable-redirects", "Does not follow a redirect."),
    Described::switch("output-curl-string", "Prints a line for curl instead of sending anything."),
    Described::switch("non-interactive", "Never asks in the terminal."),
    Described::valued("unlock-key", "KEY", "The key of a namespace that is locked."),
];

/// How long an answer may take without `CLIENT_TIMEOUT`: the reference's.
const TIMEOUT: Duration = Duration::from_secs(60);

/// What a client goes by.
pub(super) struct Settings {
    pub(super) address: Address,
    pub(super) token: Option<Zeroizing<String>>,
    /// With a slash at its end; empty for the root.
    pub(super) namespace: String,
    pub(super) headers: Vec<(String, String)>,
    pub(super) mfa: Vec<String>,
    pub(super) wrap_ttl: Option<String>,
    pub(super) overrides_policy: bool,
    pub(super) follows_redirect: bool,
    pub(super) shows_curl: bool,
    pub(super) timeout: Duration,
    pub(super) retries_max: u32,
    pub(super) proxy: Option<String>,
    pub(super) tls: Tls,
}

/// How a server is trusted, and who is before it.
#[derive(Default)]
pub(super) struct Tls {
    pub(super) ca_file: Option<PathBuf>,
    /// PEM.
    pub(super) ca_bytes: Option<String>,
    pub(super) ca_folder: Option<PathBuf>,
    pub(super) client_certificate: Option<PathBuf>,
    pub(super) client_key: Option<PathBuf>,
    pub(super) server_name: Option<String>,
    pub(super) skips_verification: bool,
}

impl Settings {
    /// Reads flags and the environment.
    pub(super) fn read(flags: &Parsed) -> Result<Self, Stop> {
        let chosen = |flag: &str, name: &str| {
            let value = flags.value(flag).map(str::to_owned).filter(|value| !value.is_empty());
            value.or_else(|| variable(name))
        };
        let is_on = |flag: &str, name: &str| match flags.switch(flag) {
            Some(on) => Ok(on),
            None => switch(name),
        };
        let address = chosen("agent-address", "AGENT_ADDR").or_else(|| chosen("address", "ADDR"));
        let address = address.unwrap_or_else(|| "https://127.0.0.1:8200".to_owned());
        // An empty flag means the root, whatever the environment says.
        let namespace = flags.value("ns").or_else(|| flags.value("namespace")).map(str::to_owned);
        let namespace = namespace.or_else(|| variable("NAMESPACE")).unwrap_or_default();
        let file = |flag, name| chosen(flag, name).map(PathBuf::from);
        Ok(Self {
            address: Address::parse(&address).map_err(Stop::local)?,
            token: token()?,
            namespace: canonical_namespace(&namespace),
            headers: headers(flags)?,
            mfa: mfa(flags),
            wrap_ttl: wrap_ttl(chosen("wrap-ttl", "WRAP_TTL"))?,
            overrides_policy: flags.is_on("policy-override"),
            follows_redirect: !is_on("disable-redirects", "DISABLE_REDIRECTS")?,
            shows_curl: flags.is_on("output-curl-string"),
            timeout: timeout()?,
            retries_max: retries_max()?,
            proxy: variable("PROXY_ADDR").or_else(|| variable("HTTP_PROXY")),
            tls: Tls {
                ca_file: file("ca-cert", "CACERT"),
                ca_bytes: variable("CACERT_BYTES"),
                ca_folder: file("ca-path", "CAPATH"),
                client_certificate: file("client-cert", "CLIENT_CERT"),
                client_key: file("client-key", "CLIENT_KEY"),
                server_name: chosen("tls-server-name", "TLS_SERVER_NAME"),
                skips_verification: is_on("tls-skip-verify", "SKIP_VERIFY")?,
            },
        })
    }
}

/// A variable of the environment, by the part of its name behind the prefix.
pub(super) fn variable(name: &str) -> Option<String> {
    ["BAO_", "VAULT_"]
        .iter()
        .filter_map(|prefix| env::var(format!("{prefix}{name}")).ok())
        .find(|value| !value.is_empty())
}

fn switch(name: &str) -> Result<bool, Stop> {
    let Some(text) = variable(name) else { return Ok(false) };
    let form = || Stop::local(format!("VAULT_{name} must be true or false"));
    parse_bool(&text).ok_or_else(form)
}

/// The token of the environment, or the one that the last login has kept.
fn token() -> Result<Option<Zeroizing<String>>, Stop> {
    if let Some(token) = variable("TOKEN") {
        return Ok(Some(Zeroizing::new(token)));
    }
    let Some(home) = env::var_os("HOME").filter(|home| !home.is_empty()) else { return Ok(None) };
    match fs::read_to_string(PathBuf::from(home).join(".vault-token")) {
        Ok(text) => {
            let text = Zeroizing::new(text);
            let token = text.trim();
            Ok((!token.is_empty()).then(|| Zeroizing::new(token.to_owned())))
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Stop::local(format!("~/.vault-token cannot be read: {error}"))),
    }
}

fn headers(flags: &Parsed) -> Result<Vec<(String, String)>, Stop> {
    let headers = flags.values("header").map(|text| {
        let form = || Stop::local("-header must be of the form NAME=VALUE");
        let (name, value) = text.split_once('=').ok_or_else(form)?;
        if name.to_ascii_lowercase().starts_with("x-vault-") {
            return Err(Stop::local("-header cannot set fields that begin with X-Vault-"));
        }
        Ok((name.to_owned(), value.to_owned()))
    });
    headers.collect()
}

fn mfa(flags: &Parsed) -> Vec<String> {
    let given: Vec<_> = flags.values("mfa").map(str::to_owned).collect();
    match variable("MFA") {
        Some(all) if given.is_empty() => all.split(',').map(str::to_owned).collect(),
        _ => given,
    }
}

fn wrap_ttl(text: Option<String>) -> Result<Option<String>, Stop> {
    let Some(text) = text else { return Ok(None) };
    super::duration("wrap-ttl", &text)?;
    Ok(Some(text).filter(|text| parse_duration(text).is_some_and(|ttl| !ttl.is_zero())))
}

fn timeout() -> Result<Duration, Stop> {
    let Some(text) = variable("CLIENT_TIMEOUT") else { return Ok(TIMEOUT) };
    let form = || Stop::local("VAULT_CLIENT_TIMEOUT must be a duration, such as 30s");
    parse_duration(&text).ok_or_else(form)
}

/// The reference's commands, unlike its library, try once unless told otherwise.
fn retries_max() -> Result<u32, Stop> {
    let Some(text) = variable("MAX_RETRIES") else { return Ok(0) };
    text.parse().map_err(|_| Stop::local("VAULT_MAX_RETRIES must be a whole number"))
}

/// Without slashes in front and with one at the end; nothing for the root.
fn canonical_namespace(path: &str) -> String {
    match path.trim_matches('/') {
        "" | "root" => String::new(),
        path => format!("{path}/"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_a_namespace_in_one_way() {
        const CASES: [(&str, &str); 6] = [
            ("", ""),
            ("/", ""),
            ("root", ""),
            ("a", "a/"),
            ("/a/b/", "a/b/"),
            ("root/a", "root/a/"),
        ];
        for (path, want) in CASES {
            assert_eq!(canonical_namespace(path), want, "{path}");
        }
    }
}
