//! The path of a rule: which paths it matches, and which of two rules that match is the more exact.
//!
//! `+` as a whole segment stands for any one segment, `*` at the end for any rest. Both are characters like
//! others elsewhere.

use alloc::boxed::Box;
use core::cmp::Ordering;

/// A path with something in it that stands for others.
pub(super) struct Pattern {
    /// Without the star at the end.
    text: Box<str>,
    /// Whether there was one.
    is_open: bool,
    /// Bytes before the first `+` or that star: these every path begins with.
    head: usize,
    /// Bytes before the segment that the head ends in.
    start: usize,
    /// Bytes before the text behind the last `+`.
    tail: usize,
    /// Segments that are `+`.
    pluses: usize,
}

impl Pattern {
    /// Reads the path of a rule, behind that of its namespace; `None` if it stands for itself alone.
    pub(super) fn parse(path: &str) -> Option<Self> {
        let has_segments = path == "+" || path.starts_with("+/") || path.contains("/+");
        let (text, is_open) = match path.strip_suffix('*') {
            Some(text) => (text, true),
            None if has_segments => (path, false),
            None => return None,
        };
        let head = if has_segments { text.find('+').unwrap_or(text.len()) } else { text.len() };
        let start = text.get(..head).and_then(|head| head.rfind('/')).map_or(0, |at| at + 1);
        let pluses =
            if has_segments { text.split('/').filter(|one| *one == "+").count() } else { 0 };
        let tail = text.rfind('+').map_or(0, |at| at + 1);
        Some(Self { text: text.into(), is_open, head, start, tail, pluses })
    }

    /// The text before anything that stands for others.
    pub(super) fn head(&self) -> &str {
        self.text.get(..self.head).unwrap_or("")
    }

    /// The whole text but for the star.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Whether it matches all that begins with its head.
    pub(super) fn is_prefix(&self) -> bool {
        self.is_open && self.head == self.text.len()
    }

    /// Whether it matches a path that begins with its head.
    pub(super) fn matches_behind_head(&self, path: &str) -> bool {
        if self.is_prefix() {
            return true;
        }
        // Most patterns that do not match are known by their end, without a look at every segment.
        let tail = self.text.get(self.tail..).unwrap_or("");
        if !self.is_open && !path.ends_with(tail) {
            return false;
        }
        let (Some(text), Some(path)) = (self.text.get(self.start..), path.get(self.start..)) else {
            return false;
        };
        let mut segments = path.split('/');
        let mut pieces = text.split('/').peekable();
        while let Some(piece) = pieces.next() {
            let Some(segment) = segments.next() else { return false };
            let is_open_end = self.is_open && pieces.peek().is_none();
            if piece != "+" && piece != segment && !(is_open_end && segment.starts_with(piece)) {
                return false;
            }
        }
        self.is_open || segments.next().is_none()
    }

    /// Whether it matches some path that begins with `prefix`.
    pub(super) fn reaches(&self, prefix: &str) -> bool {
        if self.is_prefix() {
            return self.head().starts_with(prefix) || prefix.starts_with(self.head());
        }
        let mut segments = prefix.split('/').peekable();
        let mut pieces = self.text.split('/').peekable();
        while let Some(segment) = segments.next() {
            let Some(piece) = pieces.next() else { return false };
            if pieces.peek().is_none() && self.is_open {
                // A longer text may still become this piece, if it is the last of the prefix.
                let may_grow = segments.peek().is_none() && piece.starts_with(segment);
                return may_grow || segment.starts_with(piece);
            }
            let fits = match segments.peek() {
                Some(_) => piece == "+" || piece == segment,
                None => piece == "+" || piece.starts_with(segment),
            };
            if !fits {
                return false;
            }
        }
        true
    }

    /// Which is the more exact of two patterns that match one path; it is the greater one.
    pub(super) fn cmp_exactness(&self, other: &Self) -> Ordering {
        let by_head = self.head.cmp(&other.head);
        let by_end = || other.is_open.cmp(&self.is_open);
        let by_pluses = || other.pluses.cmp(&self.pluses);
        let by_length = || self.text.len().cmp(&other.text.len());
        by_head
            .then_with(by_end)
            .then_with(by_pluses)
            .then_with(by_length)
            .then_with(|| self.text.cmp(&other.text))
    }

    /// Memory behind it.
    pub(super) fn bytes(&self) -> usize {
        self.text.len()
    }
}
