//! The tokens of HCL.
//!
//! Invariant: each byte is looked at a bounded number of times.

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;
use core::mem;

use super::tree::parse_based;
use crate::secret::Wiped;

/// A token.
pub(super) enum Token<'a> {
    /// A bare name, or a word for a bool.
    Word(&'a str),
    /// A number, as it is written.
    Number(&'a str),
    /// What stood in quotes.
    Text(Wiped<String>),
    /// The lines of a heredoc, which cannot be a name.
    Heredoc(Wiped<String>),
    OpenBlock,
    CloseBlock,
    OpenList,
    CloseList,
    Comma,
    Equals,
    /// A character that begins nothing.
    Odd,
    End,
}

impl Token<'_> {
    /// Whether it is of the same kind, whatever stands in it.
    pub(super) fn is(&self, other: &Self) -> bool {
        mem::discriminant(self) == mem::discriminant(other)
    }
}

/// What is wrong, and where.
pub(super) struct Fault {
    /// Bytes before it.
    pub(super) at: usize,
    pub(super) wrong: Wrong,
}

pub(super) enum Wrong {
    /// Something else was expected.
    Syntax(&'static str),
    /// A number that nothing can hold.
    Number,
    /// Too many levels.
    Depth,
}

impl Fault {
    pub(super) fn syntax(at: usize, expected: &'static str) -> Self {
        Self { at, wrong: Wrong::Syntax(expected) }
    }
}

/// A file, and how far it is read.
pub(super) struct Scanner<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Scanner<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    /// The next token, and the bytes before it.
    pub(super) fn next_token(&mut self) -> Result<(usize, Token<'a>), Fault> {
        self.skip_blank()?;
        let start = self.at;
        let Some(first) = self.rest().chars().next() else { return Ok((start, Token::End)) };
        let token = match first {
            '{' => self.mark(Token::OpenBlock),
            '}' => self.mark(Token::CloseBlock),
            '[' => self.mark(Token::OpenList),
            ']' => self.mark(Token::CloseList),
            ',' => self.mark(Token::Comma),
            '=' => self.mark(Token::Equals),
            '"' => Token::Text(self.quoted()?),
            '<' => Token::Heredoc(self.heredoc()?),
            '-' | '0'..='9' => Token::Number(self.number()?),
            '_' => Token::Word(self.word()),
            letter if letter.is_alphabetic() => Token::Word(self.word()),
            _ => Token::Odd,
        };
        Ok((start, token))
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or("")
    }

    /// Takes the next bytes, which are whole characters.
    fn take(&mut self, length: usize) -> &'a str {
        let taken = self.rest().get(..length).unwrap_or("");
        self.at += taken.len();
        taken
    }

    fn mark(&mut self, token: Token<'a>) -> Token<'a> {
        self.at += 1;
        token
    }

    fn skip_blank(&mut self) -> Result<(), Fault> {
        loop {
            let rest = self.rest();
            let skipped = if rest.starts_with([' ', '\t', '\r', '\n']) {
                rest.len() - rest.trim_start_matches([' ', '\t', '\r', '\n']).len()
            } else if rest.starts_with('#') || rest.starts_with("//") {
                rest.find('\n').unwrap_or(rest.len())
            } else if let Some(comment) = rest.strip_prefix("/*") {
                let end = comment.find("*/");
                end.ok_or_else(|| Fault::syntax(self.at, "a comment that ends in '*/'"))? + 4
            } else {
                return Ok(());
            };
            self.at += skipped;
        }
    }

    fn word(&mut self) -> &'a str {
        let inside = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.');
        let rest = self.rest();
        self.take(rest.find(|c| !inside(c)).unwrap_or(rest.len()))
    }

    /// Digits and all that stands at them, so that a slip in a number is not taken for something else.
    fn number(&mut self) -> Result<&'a str, Fault> {
        let start = self.at;
        let mut before = 'e';
        let inside = |c: char| {
            let is_sign = matches!(c, '-' | '+') && matches!(before, 'e' | 'E');
            before = c;
            is_sign || c.is_alphanumeric() || matches!(c, '.' | '_')
        };
        let rest = self.rest();
        let text = rest.trim_start_matches(inside);
        let text = self.take(rest.len() - text.len());
        let has = |digits: &str, base| {
            !digits.is_empty() && digits.chars().all(|digit| digit.is_digit(base))
        };
        let digits = text.strip_prefix('-').unwrap_or(text);
        let hex = digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X"));
        let is_number = match hex {
            Some(hex) => has(hex, 16),
            None if has(digits, 10) => {
                digits.len() == 1 || !digits.starts_with('0') || has(digits, 8)
            }
            None => digits.starts_with(|c: char| c.is_ascii_digit()) && text.parse::<f64>().is_ok(),
        };
        if !is_number {
            return Err(Fault::syntax(start, "a number such as 5, -1, 0.5, 1e3, 0x1f or 0644"));
        }
        let is_in_range = match parse_based(text) {
            Some(number) => number.is_ok(),
            None => text.parse::<f64>().is_ok_and(f64::is_finite),
        };
        if is_in_range { Ok(text) } else { Err(Fault { at: start, wrong: Wrong::Number }) }
    }

    /// A text in quotes, on one line but for `${..}`.
    fn quoted(&mut self) -> Result<Wiped<String>, Fault> {
        let start = self.at;
        let unclosed = || Fault::syntax(start, "a text that ends in '\"' on its line");
        let bytes = self.rest().as_bytes();
        let mut template = Template::default();
        let mut end = 1;
        loop {
            let byte = *bytes.get(end).ok_or_else(unclosed)?;
            if template.holds(byte) {
                end += 1;
                continue;
            }
            match byte {
                b'"' => break,
                b'\n' => return Err(unclosed()),
                b'\\' => end += 2,
                _ => end += 1,
            }
        }
        let raw = self.rest().get(1..end).ok_or_else(unclosed)?;
        let text = unescape(raw, start + 1)?;
        self.at += end + 1;
        Ok(text)
    }

    /// Lines up to one that has nothing but the marker: `<<END`. With `<<-END` the indentation of that
    /// line is taken from the others, if all have it.
    fn heredoc(&mut self) -> Result<Wiped<String>, Fault> {
        const EXPECTED: &str = "'<<', a word, and lines up to one that is this word";
        let start = self.at;
        let fault = || Fault::syntax(start, EXPECTED);
        let (first, lines) = self.rest().split_once('\n').ok_or_else(fault)?;
        let marker = first.strip_prefix("<<").ok_or_else(fault)?;
        let marker = marker.strip_suffix('\r').unwrap_or(marker);
        let (indented, marker) = match marker.strip_prefix('-') {
            Some(marker) => (true, marker),
            None => (false, marker),
        };
        if marker.is_empty() || !marker.chars().all(|c| c.is_alphanumeric() || c == '_') {
            return Err(fault());
        }
        let mut length = 0;
        for line in lines.split_inclusive('\n') {
            let bare = line.trim_end_matches(['\r', '\n']);
            if bare.trim_start() == marker {
                let indentation = bare.strip_suffix(marker).unwrap_or("");
                let text = lines.get(..length).unwrap_or("");
                self.at += first.len() + 1 + length + bare.len();
                return Ok(if indented { unindent(text, indentation) } else { wiped(text) });
            }
            length += line.len();
        }
        Err(fault())
    }
}

fn wiped(text: &str) -> Wiped<String> {
    Wiped::new(text.to_owned())
}

fn unindent(text: &str, indentation: &str) -> Wiped<String> {
    let lines = || text.split_inclusive('\n').map(|line| line.strip_prefix(indentation));
    if lines().any(|line| line.is_none()) {
        return wiped(text);
    }
    // Room for all of it, so that no copy is left behind where it grew.
    let mut out = Wiped::new(String::with_capacity(text.len()));
    lines().flatten().for_each(|line| out.push_str(line));
    out
}

/// Follows `${..}` through a text: in there quotes and backslashes mean nothing.
#[derive(Default)]
struct Template {
    /// Braces that are open.
    depth: usize,
    /// The byte before.
    last: u8,
}

impl Template {
    /// Whether this byte is one of a template.
    fn holds(&mut self, byte: u8) -> bool {
        let before = mem::replace(&mut self.last, byte);
        let was_open = self.depth > 0;
        match byte {
            b'{' if was_open || before == b'$' => self.depth += 1,
            b'}' if was_open => self.depth -= 1,
            _ => {}
        }
        was_open || self.depth > 0
    }
}

/// A text without its escapes. `start` is where it stands in the file.
fn unescape(raw: &str, start: usize) -> Result<Wiped<String>, Fault> {
    // No escape is shorter than what it means, so nothing grows and leaves a copy behind.
    let mut out = Wiped::new(Vec::with_capacity(raw.len()));
    let mut template = Template::default();
    let mut at = 0;
    while let Some(&byte) = raw.as_bytes().get(at) {
        if template.holds(byte) || byte != b'\\' {
            out.push(byte);
            at += 1;
            continue;
        }
        let length = raw.get(at..).and_then(|escape| push_escape(escape, &mut out));
        at += length.ok_or_else(|| {
            Fault::syntax(start + at, "an escape such as \\n, \\\", \\\\ or \\u00e9")
        })?;
    }
    String::from_utf8(mem::take(&mut *out)).map(Wiped::new).map_err(|error| {
        drop(Wiped::new(error.into_bytes()));
        Fault::syntax(start, "escapes that give text in UTF-8")
    })
}

/// Appends what an escape means; gives its length.
fn push_escape(escape: &str, out: &mut Vec<u8>) -> Option<usize> {
    let kind = *escape.as_bytes().get(1)?;
    let plain = match kind {
        b'a' => 7,
        b'b' => 8,
        b't' => b'\t',
        b'n' => b'\n',
        b'v' => 11,
        b'f' => 12,
        b'r' => b'\r',
        b'\\' | b'"' => kind,
        b'0'..=b'7' => u8::try_from(digits(escape, 1, 3, 8)?).ok()?,
        b'x' => u8::try_from(digits(escape, 2, 2, 16)?).ok()?,
        b'u' | b'U' => {
            let count = if kind == b'u' { 4 } else { 8 };
            let letter = char::from_u32(digits(escape, 2, count, 16)?)?;
            out.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
            return Some(2 + count);
        }
        _ => return None,
    };
    out.push(plain);
    Some(match kind {
        b'0'..=b'7' | b'x' => 4,
        _ => 2,
    })
}

fn digits(escape: &str, from: usize, count: usize, base: u32) -> Option<u32> {
    let digits = escape.get(from..from + count)?;
    // The parser of the standard library takes a sign.
    let all = digits.chars().all(|digit| digit.is_digit(base));
    if all { u32::from_str_radix(digits, base).ok() } else { None }
}
