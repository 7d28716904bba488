//! Request targets and paths: decoded and normalised once, here, into the one type that routing,
//! rules, storage and audit use.
//!
//! Invariants: a [`Path`] is printable UTF-8 without a `.` or `..` segment and with at most
//! [`limit::PATH_SEGMENTS_MAX`] segments; two paths name the same thing if and only if their texts
//! are equal.

use alloc::string::String;
use alloc::vec::Vec;

use unicode_general_category::{GeneralCategory, get_general_category};

use crate::form::percent_decode;
use crate::limit;

/// The target of a request: the path as it was sent (escapes and all) and the query.
#[derive(Clone, PartialEq, Eq)]
pub struct Target {
    raw: String,
    /// The path without its escapes, if it has any.
    unescaped: Option<Vec<u8>>,
    query: Option<String>,
}

impl core::fmt::Debug for Target {
    /// Without the query, which may hold what should not be seen.
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_tuple("Target").field(&self.raw).finish()
    }
}

impl Target {
    /// Splits a target in origin form (`/v1/x?y`) or absolute form (`http://host/v1/x?y`).
    /// `None` for anything else.
    pub fn parse(target: &str) -> Option<Self> {
        let absolute = if target.starts_with('/') { None } else { target.split_once("://") };
        let origin = match absolute {
            Some((scheme, rest)) if is_http(scheme) => match rest.find(['/', '?']) {
                Some(0) => return None,
                None if rest.is_empty() => return None,
                Some(at) if rest.get(at..)?.starts_with('/') => rest.get(at..)?,
                Some(at) => return Self::parse_origin("/", rest.get(at + 1..)),
                None => "/",
            },
            _ => target,
        };
        if !origin.starts_with('/') {
            return None;
        }
        match origin.split_once('?') {
            Some((path, query)) => Self::parse_origin(path, Some(query)),
            None => Self::parse_origin(origin, None),
        }
    }

    fn parse_origin(path: &str, query: Option<&str>) -> Option<Self> {
        let unescaped =
            if path.contains('%') { Some(percent_decode(path.as_bytes())?) } else { None };
        Some(Self { raw: path.into(), unescaped, query: query.map(Into::into) })
    }

    /// The path as it was sent.
    pub fn raw(&self) -> &str {
        &self.raw
    }

    /// What stands behind `?`.
    pub fn query(&self) -> Option<&str> {
        self.query.as_deref()
    }

    /// The decoded path.
    pub(crate) fn decoded(&self) -> &[u8] {
        self.unescaped.as_deref().unwrap_or(self.raw.as_bytes())
    }

    /// Whether a slash of the path was escaped: such a target names no endpoint of the HTTP layer,
    /// which compares segment by segment.
    pub(crate) fn escapes_a_slash(&self) -> bool {
        let mut threes = self.raw.as_bytes().windows(3);
        self.unescaped.is_some() && threes.any(|three| three.eq_ignore_ascii_case(b"%2f"))
    }

    /// Where a client is sent whose path is not in its shortest form: `//` collapsed, `.` and `..`
    /// resolved as they stand (escaped ones are not touched), the query kept.
    pub(crate) fn redirect(&self) -> Option<String> {
        if is_clean(&self.raw) && !SUBTREES.contains(&self.raw.as_str()) {
            return None;
        }
        let clean = clean(&self.raw);
        let clean = if SUBTREES.contains(&clean.as_str()) { clean + "/" } else { clean };
        if clean == self.raw {
            return None;
        }
        Some(match &self.query {
            Some(query) => escape(&clean) + "?" + &escape(query),
            None => escape(&clean),
        })
    }
}

/// Escapes what has no place in a header field or that a browser reads as something else, such as a
/// backslash as a slash. Escapes that are there already stay.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_ascii_graphic() && !"\\\"<>^`{|}".contains(c) {
            out.push(c);
            continue;
        }
        for byte in c.encode_utf8(&mut [0; 4]).bytes() {
            out.push_str(&alloc::format!("%{byte:02X}"));
        }
    }
    out
}

/// Folders of the API that are reached with a slash only.
const SUBTREES: [&str; 4] =
    ["/v1/sys", "/v1/sys/audit-hash", "/v1/sys/config/state", "/v1/sys/pprof"];

fn is_http(scheme: &str) -> bool {
    scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https")
}

/// Whether a path that begins with a slash is in its shortest form.
fn is_clean(path: &str) -> bool {
    let mut segments = segments(path).skip(1).peekable();
    while let Some(segment) = segments.next() {
        let is_last = segments.peek().is_none();
        if matches!(segment, b"." | b"..") || segment.is_empty() && !is_last {
            return false;
        }
    }
    true
}

/// The texts between slashes as bytes: most are so short that a search for characters costs more than
/// it saves.
fn segments(path: &str) -> impl Iterator<Item = &[u8]> {
    path.as_bytes().split(|&byte| byte == b'/')
}

fn clean(path: &str) -> String {
    let mut segments: Vec<&str> = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => drop(segments.pop()),
            name => segments.push(name),
        }
    }
    let mut clean = String::with_capacity(path.len());
    for segment in &segments {
        clean.push('/');
        clean.push_str(segment);
    }
    let folder = matches!(path.rsplit('/').next(), Some(""));
    if clean.is_empty() || folder {
        clean.push('/');
    }
    clean
}

/// Why a decoded path is no [`Path`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathError {
    /// A `.` or `..` segment.
    Relative,
    /// Too many segments.
    TooDeep,
}

/// What stands behind `/v1/`, decoded: the one name of a thing in this server.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Path(String);

impl Path {
    /// Takes a decoded path that is printable ([`is_printable`]).
    ///
    /// # Errors
    ///
    /// [`PathError`] for relative segments and for too many of them.
    pub fn new(text: String) -> Result<Self, PathError> {
        let mut count = 0;
        for segment in segments(&text) {
            if matches!(segment, b"." | b"..") {
                return Err(PathError::Relative);
            }
            count += 1;
        }
        // A slash at the end begins no further segment.
        if count - usize::from(text.ends_with('/')) > limit::PATH_SEGMENTS_MAX {
            return Err(PathError::TooDeep);
        }
        Ok(Self(text))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it names a folder.
    pub fn is_folder(&self) -> bool {
        self.0.ends_with('/')
    }

    /// Names a folder, as LIST and SCAN do whether or not they were sent with the slash.
    pub(crate) fn make_folder(&mut self) {
        if !self.0.ends_with('/') {
            self.0.push('/');
        }
    }
}

/// Whether every character is a letter, mark, number, punctuation, symbol or the plain space.
pub fn is_printable(text: &str) -> bool {
    if text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return true;
    }
    text.chars().all(|c| match c {
        ' '..='~' => true,
        '\0'..='\u{7f}' => false,
        c => !matches!(
            get_general_category(c),
            GeneralCategory::Control
                | GeneralCategory::Format
                | GeneralCategory::LineSeparator
                | GeneralCategory::ParagraphSeparator
                | GeneralCategory::PrivateUse
                | GeneralCategory::SpaceSeparator
                | GeneralCategory::Surrogate
                | GeneralCategory::Unassigned
        ),
    })
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    #[test]
    fn splits_targets() {
        type Parts = (&'static str, Option<&'static str>);
        const CASES: [(&str, Option<Parts>); 16] = [
            ("/v1/a", Some(("/v1/a", None))),
            ("/v1/a?b=c?d", Some(("/v1/a", Some("b=c?d")))),
            ("/v1/a?", Some(("/v1/a", Some("")))),
            ("/v1/a#b", Some(("/v1/a#b", None))),
            ("/v1/a%2Fb", Some(("/v1/a%2Fb", None))),
            ("http://host/v1/a?b", Some(("/v1/a", Some("b")))),
            ("HTTPS://host:8200/v1/a", Some(("/v1/a", None))),
            ("http://host", Some(("/", None))),
            ("http://host?x", Some(("/", Some("x")))),
            ("/v1/a%zz", None),
            ("/v1/a%2", None),
            ("v1/a", None),
            ("*", None),
            ("ftp://host/v1/a", None),
            ("http:///v1/a", None),
            ("http://", None),
        ];
        for (target, want) in CASES {
            let got = Target::parse(target);
            let got = got.as_ref().map(|target| (target.raw(), target.query()));
            assert_eq!(got, want, "{target}");
        }
    }

    #[test]
    fn redirects_to_the_shortest_form() {
        const CASES: [(&str, Option<&str>); 18] = [
            ("/v1/secret/a", None),
            ("/v1/secret/", None),
            ("/v1/secret//a", Some("/v1/secret/a")),
            ("/v1//secret/a", Some("/v1/secret/a")),
            ("/v1/secret/./a", Some("/v1/secret/a")),
            ("/v1/secret/b/../a", Some("/v1/secret/a")),
            ("/v1/secret/b/..", Some("/v1/secret")),
            ("/v1/secret/b/../", Some("/v1/secret/")),
            ("/v1/secret/.", Some("/v1/secret")),
            ("/v1/../../secret", Some("/secret")),
            ("/v1/secret//?list=true&x=%20y", Some("/v1/secret/?list=true&x=%20y")),
            ("/v1//secret/a%20b", Some("/v1/secret/a%20b")),
            ("/v1/secret/%2e%2e/x", None),
            ("/v1/sys", Some("/v1/sys/")),
            ("/v1/sys?x", Some("/v1/sys/?x")),
            ("/", None),
            ("/v1/../\\evil.example", Some("/%5Cevil.example")),
            ("/v1//caf\u{e9}?q=\u{e9}|", Some("/v1/caf%C3%A9?q=%C3%A9%7C")),
        ];
        for (target, want) in CASES {
            assert_eq!(Target::parse(target).unwrap().redirect().as_deref(), want, "{target}");
        }
    }

    #[test]
    fn refuses_relative_and_deep_paths() {
        let deep = |segments: usize| "a/".repeat(segments);
        let cases: [(String, Option<PathError>); 12] = [
            ("secret/a".to_string(), None),
            (String::new(), None),
            ("secret//a".to_string(), None),
            ("a/.../.b/c.".to_string(), None),
            (".".to_string(), Some(PathError::Relative)),
            ("secret/../x".to_string(), Some(PathError::Relative)),
            ("secret/a/.".to_string(), Some(PathError::Relative)),
            ("../x".to_string(), Some(PathError::Relative)),
            (deep(256), None),
            (deep(256) + "a", Some(PathError::TooDeep)),
            (deep(255) + "a", None),
            (deep(257), Some(PathError::TooDeep)),
        ];
        for (text, want) in cases {
            assert_eq!(Path::new(text.clone()).err(), want, "{text}");
        }
    }

    #[test]
    fn leaves_alone_what_is_in_its_shortest_form_and_nothing_else() {
        for number in 0..3_u32.pow(7) {
            let digits = (0..7).map(|at| number / 3_u32.pow(at) % 3);
            let path: String = digits.map(|digit| ['/', '.', 'a'][digit as usize]).collect();
            let path = String::from("/") + path.trim_end_matches('a');
            assert_eq!(is_clean(&path), clean(&path) == path, "{path}");
        }
    }

    #[test]
    fn knows_what_is_printable() {
        const CASES: [(&str, bool); 12] = [
            ("secret/with space", true),
            ("caf\u{e9}/\u{6f22}", true),
            ("\u{1f600}", true),
            ("a\u{301}", true),
            ("\u{fffd}", true),
            ("a\0b", false),
            ("a\nb", false),
            ("a\u{7f}b", false),
            ("a\u{a0}b", false),
            ("a\u{ad}b", false),
            ("a\u{2028}b", false),
            ("a\u{e000}b", false),
        ];
        for (text, want) in CASES {
            assert_eq!(is_printable(text), want, "{text:?}");
        }
    }
}
