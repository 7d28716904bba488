//! Where a key of the KV engine is: the mount, its version, and the paths below it.
//!
//! Users write `MOUNT/KEY`, or the mount by `-mount` and the key alone. The server tells the mount of a
//! path, and its version, if the token may do anything there. A server that does not know that endpoint
//! is one from before version 2 (Vault before 0.10): it has version 1 alone.

use strongroom_core::json::Value;

use super::path::{clean, join};
use super::request::{Client, Request};
use super::secret::Secret;
use super::{Invocation, Stop};
use crate::flag::Described;

/// The flag that every KV command has.
pub(super) const MOUNT: Described =
    Described::valued("mount", "PATH", "The mount that KEY is in; KEY is then its name alone.");

/// A key, or a folder of keys.
pub(super) struct Place {
    /// Without slashes at its ends; empty if the server has not told it.
    mount: String,
    /// With the mount, as the user has written it.
    path: String,
    /// Whether the mount is of version 2.
    pub(super) is_v2: bool,
}

impl Invocation<'_> {
    /// Where this key is.
    pub(super) fn locate(&self, client: &Client, key: &str) -> Result<Place, Stop> {
        let named = self.value("mount").map(clean);
        let asked = named.clone().unwrap_or_else(|| clean(key));
        let path = named.as_ref().map_or_else(|| clean(key), |mount| join(&[mount, key]));
        let request = Request::get(&format!("sys/internal/ui/mounts/{asked}")).own();
        let reply = client.exchange(&request)?;
        if reply.status == 404 && !reply.lacks_namespace() {
            return Ok(Place { mount: named.unwrap_or_default(), path, is_v2: false });
        }
        let none = || Stop::remote("the server has not told the mount of the path");
        let reply = reply.checked().map_err(|stop| match client.shows_curl() {
            // Who asks for the line only does not expect that anything is sent.
            true => stop.during(format!("asking the server which version of KV {asked} is")),
            false => stop,
        })?;
        let found = Secret::of(&reply)?.ok_or_else(none)?;
        let mount = found.datum("path").and_then(Value::as_str).map(clean).unwrap_or_default();
        let options = found.datum("options").and_then(Value::members);
        let version = options.and_then(|options| options.get("version")?.as_str());
        Ok(Place {
            mount: below_namespace(&mount, &path).to_owned(),
            path,
            is_v2: version == Some("2"),
        })
    }
}

/// The mount as the path names it: the server may put namespaces in front, which the path leaves out.
fn below_namespace<'m>(mount: &'m str, path: &str) -> &'m str {
    let mut rest = mount;
    loop {
        if path == rest || path.strip_prefix(rest).is_some_and(|key| key.starts_with('/')) {
            return rest;
        }
        match rest.split_once('/') {
            Some((_, inner)) => rest = inner,
            None => return mount,
        }
    }
}

impl Place {
    /// The path of the API: version 2 has a word behind the mount, such as `data`.
    pub(super) fn api(&self, word: &str) -> String {
        if !self.is_v2 {
            return self.path.clone();
        }
        let key = self.path.strip_prefix(self.mount.as_str()).unwrap_or(&self.path);
        join(&[&self.mount, word, key])
    }

    /// An error, unless the mount is of version 2.
    pub(super) fn need_v2(&self, what: &str) -> Result<(), Stop> {
        if self.is_v2 {
            return Ok(());
        }
        Err(Stop::local(format!("{what} not supported on KV Version 1")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn puts_the_word_behind_the_mount() {
        const CASES: [(&str, &str, bool, &str); 7] = [
            ("secret", "secret/a/b", true, "secret/data/a/b"),
            ("secret", "secret", true, "secret/data"),
            ("a/b", "a/b/c", true, "a/b/data/c"),
            ("ns/secret", "secret/x", true, "secret/data/x"),
            ("secret", "secret/data/x", true, "secret/data/data/x"),
            ("secret", "secret/a", false, "secret/a"),
            ("", "secret/a", false, "secret/a"),
        ];
        for (mount, path, is_v2, want) in CASES {
            let mount = below_namespace(mount, path).to_owned();
            let place = Place { mount, path: path.to_owned(), is_v2 };
            assert_eq!(place.api("data"), want, "{path}");
        }
    }
}
