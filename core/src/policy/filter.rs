//! The filter of a list: which path stands for each name, so that only those names are shown whose
//! path the caller may read.
//!
//! The language is the part of Go's templates that makes a path: text, `{{ .path }}` (the folder that
//! is listed), `{{ .key }}` (the name), and the marks `{{- ` and ` -}}`, which take away the white space
//! beside them. See <https://pkg.go.dev/text/template>.
//!
//! Invariant: a filter names the key.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use crate::limit::POLICY_PATH_BYTES_MAX;

/// A filter of a list.
pub(crate) struct Filter(Vec<Piece>);

enum Piece {
    Text(Box<str>),
    Path,
    Key,
}

impl Filter {
    /// Reads a template.
    ///
    /// # Errors
    ///
    /// The text that the API answers.
    pub(super) fn parse(template: &str) -> Result<Self, String> {
        let mut pieces = Vec::new();
        let (mut text, mut rest) = split_action(template);
        while let Some(action) = rest {
            let (inside, behind) = action.split_once("}}").ok_or_else(|| wrong(OPEN))?;
            let (inside, trims_before) = match inside.strip_prefix('-') {
                Some(inside) if inside.starts_with(WHITE) => (inside, true),
                Some(_) | None => (inside, false),
            };
            let (inside, trims_behind) = match inside.strip_suffix('-') {
                Some(inside) if inside.ends_with(WHITE) => (inside, true),
                Some(_) | None => (inside, false),
            };
            push_text(&mut pieces, if trims_before { text.trim_end_matches(WHITE) } else { text });
            pieces.push(match inside.trim_matches(WHITE) {
                ".path" => Piece::Path,
                ".key" => Piece::Key,
                _ => return Err(wrong(UNKNOWN)),
            });
            let behind = if trims_behind { behind.trim_start_matches(WHITE) } else { behind };
            (text, rest) = split_action(behind);
        }
        push_text(&mut pieces, text);
        if !pieces.iter().any(|piece| matches!(piece, Piece::Key)) {
            return Err("list_scan_response_keys_filter_path resulted in same path for two \
                        different keys"
                .into());
        }
        Ok(Self(pieces))
    }

    /// The path that stands for a name of a folder; `None` if it is longer than any path.
    pub(super) fn path(&self, folder: &str, name: &str) -> Option<String> {
        let mut path = String::with_capacity(folder.len() + name.len());
        for piece in &self.0 {
            path.push_str(match piece {
                Piece::Text(text) => text,
                Piece::Path => folder,
                Piece::Key => name,
            });
            if path.len() > POLICY_PATH_BYTES_MAX {
                return None;
            }
        }
        Some(path)
    }

    /// Memory behind it.
    pub(super) fn bytes(&self) -> usize {
        let text = |piece: &Piece| match piece {
            Piece::Text(text) => text.len(),
            Piece::Path | Piece::Key => 0,
        };
        self.0.iter().map(|piece| size_of::<Piece>() + text(piece)).sum()
    }
}

/// The text before an action, and what stands behind its braces.
fn split_action(template: &str) -> (&str, Option<&str>) {
    match template.split_once("{{") {
        Some((text, action)) => (text, Some(action)),
        None => (template, None),
    }
}

fn push_text(pieces: &mut Vec<Piece>, text: &str) {
    if !text.is_empty() {
        pieces.push(Piece::Text(text.into()));
    }
}

fn wrong(cause: &str) -> String {
    alloc::format!("unable to compile template for list_scan_response_keys_filter_path: {cause}")
}

const OPEN: &str = "a '{{' has no '}}' behind it";
const UNKNOWN: &str = "only {{ .path }} and {{ .key }} can stand in it";
/// White space of the language.
const WHITE: [char; 4] = [' ', '\t', '\r', '\n'];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn makes_paths_of_names() {
        const CASES: [(&str, &str); 10] = [
            ("{{ .path }}{{ .key }}", "a/b/k"),
            ("{{.path}}{{.key}}", "a/b/k"),
            ("{{\t.key\n}}", "k"),
            ("x/{{ .key }}/y", "x/k/y"),
            ("{{ .key }}{{ .key }}", "kk"),
            (" x {{- .key -}} y ", " xky "),
            (" x {{ .key }} y ", " x k y "),
            ("x }} {{ .key }} }}", "x }} k }}"),
            ("{{ .path -}}  \n\t  {{- .key }}", "a/b/k"),
            ("\u{e9}{{ .key }}", "\u{e9}k"),
        ];
        for (template, want) in CASES {
            let filter = Filter::parse(template).ok();
            let path = filter.and_then(|filter| filter.path("a/b/", "k"));
            assert_eq!(path.as_deref(), Some(want), "{template}");
        }
    }

    #[test]
    fn refuses_what_makes_no_path() {
        const SAME: &str =
            "list_scan_response_keys_filter_path resulted in same path for two different keys";
        const CASES: [(&str, &str); 12] = [
            ("", SAME),
            ("{{ .path }}", SAME),
            ("x", SAME),
            ("{{ .key", OPEN),
            ("{{ .key }}{{", OPEN),
            ("{{ }}{{ .key }}", UNKNOWN),
            ("{{ .name }}", UNKNOWN),
            ("{{-.key }}", UNKNOWN),
            ("{{ .key-}}", UNKNOWN),
            ("{{ .key | len }}", UNKNOWN),
            ("{{ if .key }}x{{ end }}", UNKNOWN),
            ("{{/* why */}}{{ .key }}", UNKNOWN),
        ];
        for (template, want) in CASES {
            let error = Filter::parse(template).err().unwrap_or_default();
            assert!(error.ends_with(want), "{template}: {error}");
        }
    }

    #[test]
    fn makes_no_path_that_is_longer_than_any() {
        let filter = Filter::parse(&"{{ .key }}".repeat(100)).ok();
        let path = |bytes: usize| filter.as_ref()?.path("", &"k".repeat(bytes));
        assert!(path(POLICY_PATH_BYTES_MAX / 100).is_some());
        assert_eq!(path(POLICY_PATH_BYTES_MAX / 100 + 1), None);
    }
}
