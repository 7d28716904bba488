//! Addresses of servers and paths of the API, as users write them.

use std::fmt::Write;
use std::path::PathBuf;

/// Where a server is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Address {
    /// Scheme and authority, without a slash at the end; of a socket a name that stands for it.
    pub(super) origin: String,
    /// The path in front of `/v1`; empty, or with a slash in front and none at the end.
    pub(super) base: String,
    /// The socket, if it is one.
    pub(super) socket: Option<PathBuf>,
}

impl Address {
    /// Reads an address; the error says what is wrong.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let wrong = || {
            "the address of the server must begin with http://, https:// or unix://, and name a \
             host or a socket, such as http://127.0.0.1:8200"
                .to_owned()
        };
        if let Some(path) = text.strip_prefix("unix://") {
            if path.is_empty() {
                return Err(wrong());
            }
            let origin = "http://localhost".to_owned();
            return Ok(Self { origin, base: String::new(), socket: Some(PathBuf::from(path)) });
        }
        let (scheme, rest) = text.split_once("://").ok_or_else(wrong)?;
        let scheme = scheme.to_ascii_lowercase();
        let (authority, base) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        if !matches!(scheme.as_str(), "http" | "https") || authority.is_empty() {
            return Err(wrong());
        }
        if authority.contains(['@', '?', '#']) {
            return Err("the address of the server is a host and a port, without user names, \
                        queries or fragments"
                .to_owned());
        }
        let base = base.trim_end_matches('/').to_owned();
        Ok(Self { origin: format!("{scheme}://{authority}"), base, socket: None })
    }

    /// The host, without its port and brackets.
    pub(super) fn host(&self) -> &str {
        let authority = self.origin.split_once("://").map_or("", |(_, authority)| authority);
        match authority.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((host, _)) => host,
            None => authority.rsplit_once(':').map_or(authority, |(host, _)| host),
        }
    }

    /// Whether the way there is TLS.
    pub(super) fn is_tls(&self) -> bool {
        self.origin.starts_with("https:")
    }
}

/// A path without empty segments, `.` and `..`, and without slashes at its ends.
pub(super) fn clean(path: &str) -> String {
    let mut segments: Vec<&str> = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => drop(segments.pop()),
            _ => segments.push(segment),
        }
    }
    segments.join("/")
}

/// Paths joined by one slash, clean.
pub(super) fn join(parts: &[&str]) -> String {
    clean(&parts.join("/"))
}

/// A path as a URL writes it.
pub(super) fn escape(path: &str) -> String {
    escape_all_but(path, b"-_.~/$&+:=@,;")
}

/// A value of a query as a URL writes it.
pub(super) fn escape_query(value: &str) -> String {
    escape_all_but(value, b"-_.~")
}

fn escape_all_but(text: &str, plain: &[u8]) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || plain.contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            let _ = write!(escaped, "%{byte:02X}");
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_addresses() {
        const CASES: [(&str, &str, &str, &str); 6] = [
            ("http://127.0.0.1:8200", "http://127.0.0.1:8200", "", "127.0.0.1"),
            ("https://a.b/", "https://a.b", "", "a.b"),
            ("HTTPS://a.b:1/x/y/", "https://a.b:1", "/x/y", "a.b"),
            ("http://[::1]:8200", "http://[::1]:8200", "", "::1"),
            ("http://[::1]", "http://[::1]", "", "::1"),
            ("unix:///run/s", "http://localhost", "", "localhost"),
        ];
        for (text, origin, base, host) in CASES {
            let address = Address::parse(text).unwrap();
            assert_eq!((address.origin.as_str(), address.base.as_str()), (origin, base), "{text}");
            assert_eq!(address.host(), host, "{text}");
        }
        let socket = Address::parse("unix:///run/s").unwrap().socket;
        assert_eq!(socket, Some(PathBuf::from("/run/s")));
        for text in
            ["", "127.0.0.1:8200", "ftp://a", "http://", "http:///x", "unix://", "http://a@b"]
        {
            assert!(Address::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn cleans_and_escapes_paths() {
        const CASES: [(&str, &str); 6] = [
            ("/secret//a/", "secret/a"),
            ("secret/./a/../b", "secret/b"),
            ("../a", "a"),
            ("", ""),
            ("a b/\u{e9}%", "a%20b/%C3%A9%25"),
            ("a?b#c", "a%3Fb%23c"),
        ];
        for (path, want) in CASES {
            assert_eq!(escape(&clean(path)), want, "{path}");
        }
        assert_eq!(escape_query("a/b&c=d e"), "a%2Fb%26c%3Dd%20e");
    }
}
