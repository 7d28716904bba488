//! What commands that collect key shares have in common.

use strongroom_core::encoding;
use strongroom_core::json::{Doc, Members, Value};
use zeroize::Zeroizing;

use super::input::{file, lossy};
use super::request::{Client, Reply, Request};
use super::{Invocation, Stop};

/// Names of endpoints: those that ask for a token, and those for whoever has none. The latter are there
/// where a listener switches them on.
#[derive(Clone, Copy)]
pub(super) struct Endpoints {
    pub(super) with_token: &'static str,
    pub(super) without: &'static str,
}

impl Endpoints {
    /// The endpoint's path for this client.
    pub(super) fn path(self, client: &Client, end: &str) -> String {
        let start = if client.token().is_some() { self.with_token } else { self.without };
        format!("{start}/{end}")
    }
}

/// An answer about an operation: its data, or all of it from an endpoint without an envelope.
pub(super) struct Progress(Doc);

impl Progress {
    /// Sends a request, and reads the progress that it tells.
    pub(super) fn ask(client: &Client, request: &Request) -> Result<Self, Stop> {
        Self::of(&client.send(request)?)
    }

    fn of(reply: &Reply) -> Result<Self, Stop> {
        Ok(Self(reply.doc()?))
    }

    pub(super) fn members(&self) -> Result<Members<'_>, Stop> {
        let none = || Stop::remote("the answer of the server is no progress");
        let all = self.0.object().ok_or_else(none)?;
        Ok(all.get("data").and_then(Value::members).unwrap_or(all))
    }

    /// The value that holds the members.
    pub(super) fn value(&self) -> Value<'_> {
        let data = self.0.object().and_then(|all| all.get("data"));
        data.filter(|data| data.members().is_some()).unwrap_or_else(|| self.0.root())
    }
}

/// What a member holds, as text; nothing if it is not there.
pub(super) fn text(members: Members<'_>, name: &str) -> Zeroizing<String> {
    members.get(name).map(|value| super::format::shown("", value)).unwrap_or_default()
}

impl Invocation<'_> {
    /// A key share: the argument, the standard input for `-`, or what is typed.
    pub(super) fn share(&self, what: &str) -> Result<Share, Stop> {
        match self.optional_argument()? {
            Some("-") => {
                let input = lossy(&self.stdin()?);
                Ok(Share { key: Zeroizing::new(input.trim().to_owned()), is_typed: false })
            }
            Some(key) if !key.trim().is_empty() => {
                Ok(Share { key: Zeroizing::new(key.trim().to_owned()), is_typed: false })
            }
            Some(_) | None => Ok(Share { key: self.ask(what)?, is_typed: true }),
        }
    }

    /// The nonce that goes with a share: the one that is named, or that of the operation for a share
    /// that was typed.
    pub(super) fn nonce(&self, share: &Share, current: &str) -> Result<String, Stop> {
        match self.value("nonce") {
            Some(nonce) => Ok(nonce.to_owned()),
            None if share.is_typed => Ok(current.to_owned()),
            None => Err(Stop::local("Missing nonce value: specify it via the -nonce flag")),
        }
    }

    /// Public keys of files that a flag names, separated by commas, in base64.
    pub(super) fn pgp_keys(&self, flag: &str) -> Result<Vec<String>, Stop> {
        let files = self.value(flag).into_iter().flat_map(|files| files.split(','));
        let keys = files.map(|path| {
            let bytes = file(path.trim().trim_start_matches('@'))?;
            let text = std::str::from_utf8(&bytes).ok().map(str::trim);
            let encoded = text.filter(|text| encoding::from_base64(text).is_some());
            Ok(encoded.map_or_else(|| encoding::base64(&bytes), str::to_owned))
        });
        keys.collect()
    }
}

/// A key share, and where it is from.
pub(super) struct Share {
    pub(super) key: Zeroizing<String>,
    is_typed: bool,
}
