//! HCL, version 1, and the JSON of it: what configurations and policies are written in.
//!
//! ```text
//! # a comment; also // and /* .. */
//! name = "text"                    listener "tcp" { address = "127.0.0.1:8200" }
//! "name" = [1, 0x10, true,]        plugin "auth" "aws" {}
//! ```
//!
//! Names and labels are bare or in quotes, a block may have an `=` before it, and a comma may stand
//! behind each member. Lines end nothing: `a = 1 b = 2` are two members. The language is HashiCorp's
//! (<https://github.com/hashicorp/hcl/tree/hcl1>); there is no interpolation in it here, so
//! `${..}` is text.
//!
//! A document that begins with `{` is JSON, and gives the same tree.
//!
//! Invariants: reading takes time in proportion to the document, whatever it holds; the recursion is no
//! deeper than [`crate::limit::DOCUMENT_DEPTH_MAX`]; errors say where and what was expected, and repeat nothing of the document.

mod json;
mod scan;
#[cfg(test)]
mod tests;
mod tree;

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::mem;

use scan::{Fault, Scanner, Token, Wrong};
pub use tree::{Block, Item, Value};

use crate::limit::{DOCUMENT_BYTES_MAX, DOCUMENT_DEPTH_MAX};
use crate::secret::Wiped;

/// Reads a document in HCL or JSON.
///
/// # Errors
///
/// A text that says where and what is wrong, and repeats nothing of the document.
pub fn read_document(bytes: &[u8]) -> Result<Block, String> {
    if is_json(bytes) {
        check_length(bytes)?;
        json::read(bytes)
    } else {
        read(bytes)
    }
}

/// Whether a document is taken for JSON: its first character that is no space is `{`.
pub fn is_json(bytes: &[u8]) -> bool {
    bytes.trim_ascii_start().starts_with(b"{")
}

/// Reads a document in HCL.
///
/// # Errors
///
/// As [`read_document`].
pub fn read(bytes: &[u8]) -> Result<Block, String> {
    check_length(bytes)?;
    parse(bytes).map_err(|Fault { at, wrong }| {
        let place = position(bytes, at);
        match wrong {
            Wrong::Syntax(expected) => format!("{place}: this is not HCL: expected {expected}"),
            Wrong::Number => format!("{place}: a number out of range"),
            Wrong::Depth => {
                format!("{place}: more than {DOCUMENT_DEPTH_MAX} levels of blocks and lists")
            }
        }
    })
}

fn parse(bytes: &[u8]) -> Result<Block, Fault> {
    let text = core::str::from_utf8(bytes)
        .map_err(|error| Fault::syntax(error.valid_up_to(), "text in UTF-8"))?;
    let lines = Lines::of(bytes);
    let mut parser = Parser { scanner: Scanner::new(text), token: Token::End, at: 0, lines };
    parser.advance()?;
    parser.members(Token::End, "a name", 1)
}

/// The tokens of a document, read one ahead.
struct Parser<'a> {
    scanner: Scanner<'a>,
    token: Token<'a>,
    /// Where it begins.
    at: usize,
    lines: Lines<'a>,
}

impl Parser<'_> {
    /// Members up to this token, which is left. `depth` counts the levels that are open.
    fn members(
        &mut self,
        end: Token<'static>,
        expected: &'static str,
        depth: usize,
    ) -> Result<Block, Fault> {
        let mut block = Block::default();
        while !self.token.is(&end) {
            let (line, name) = self.name(expected)?;
            let value = self.member(depth)?;
            block.0.push(Item { line, name, value });
            if self.token.is(&Token::Comma) {
                self.advance()?;
            }
        }
        Ok(block)
    }

    /// What stands behind a name: a value, or a block and its labels.
    fn member(&mut self, depth: usize) -> Result<Value, Fault> {
        if self.token.is(&Token::Equals) {
            self.advance()?;
            return self.value(depth);
        }
        let mut labels = Vec::new();
        while !self.token.is(&Token::OpenBlock) {
            let expected = if labels.is_empty() { "'=', '{' or a label" } else { "'{' or a label" };
            self.check_depth(depth + labels.len())?;
            labels.push(self.name(expected)?);
        }
        let block = self.block(depth + labels.len())?;
        let nest =
            |value, (line, name)| Value::Block(Block(alloc::vec![Item { line, name, value }]));
        Ok(labels.into_iter().rev().fold(block, nest))
    }

    fn value(&mut self, depth: usize) -> Result<Value, Fault> {
        const EXPECTED: &str = "a value: a text in quotes, a number, true, false, [..] or {..}";
        let value = match &mut self.token {
            Token::OpenBlock => return self.block(depth),
            Token::OpenList => return self.list(depth),
            Token::Text(text) | Token::Heredoc(text) => Value::Text(mem::take(text)),
            Token::Number(text) => Value::Number(Wiped::new((*text).to_owned())),
            Token::Word("true") => Value::Bool(true),
            Token::Word("false") => Value::Bool(false),
            Token::Word(_)
            | Token::CloseBlock
            | Token::CloseList
            | Token::Comma
            | Token::Equals
            | Token::Odd
            | Token::End => return Err(self.fault(EXPECTED)),
        };
        self.advance()?;
        Ok(value)
    }

    /// A block from its brace on.
    fn block(&mut self, depth: usize) -> Result<Value, Fault> {
        self.check_depth(depth)?;
        self.advance()?;
        let block = self.members(Token::CloseBlock, "a name or '}'", depth + 1)?;
        self.advance()?;
        Ok(Value::Block(block))
    }

    /// A list from its bracket on.
    fn list(&mut self, depth: usize) -> Result<Value, Fault> {
        self.check_depth(depth)?;
        self.advance()?;
        let mut items = Vec::new();
        while !self.token.is(&Token::CloseList) {
            items.push(self.value(depth + 1)?);
            if self.token.is(&Token::Comma) {
                self.advance()?;
            } else if !self.token.is(&Token::CloseList) {
                return Err(self.fault("',' or ']'"));
            }
        }
        self.advance()?;
        Ok(Value::List(items))
    }

    /// A name or a label, and its line.
    fn name(&mut self, expected: &'static str) -> Result<(u32, String), Fault> {
        let line = self.lines.at(self.at);
        let name = match &mut self.token {
            Token::Word(word) => (*word).to_owned(),
            Token::Text(text) => mem::take(&mut **text),
            Token::Number(_)
            | Token::Heredoc(_)
            | Token::OpenBlock
            | Token::CloseBlock
            | Token::OpenList
            | Token::CloseList
            | Token::Comma
            | Token::Equals
            | Token::Odd
            | Token::End => return Err(self.fault(expected)),
        };
        self.advance()?;
        Ok((line, name))
    }

    fn advance(&mut self) -> Result<(), Fault> {
        (self.at, self.token) = self.scanner.next_token()?;
        Ok(())
    }

    /// Whether one more level may be opened.
    fn check_depth(&self, depth: usize) -> Result<(), Fault> {
        if depth < DOCUMENT_DEPTH_MAX {
            Ok(())
        } else {
            Err(Fault { at: self.at, wrong: Wrong::Depth })
        }
    }

    fn fault(&self, expected: &'static str) -> Fault {
        Fault::syntax(self.at, expected)
    }
}

/// Counts the lines of a document on the way through it.
struct Lines<'a> {
    /// What is not counted yet, and the bytes before it.
    rest: &'a [u8],
    before: usize,
    line: u32,
}

impl<'a> Lines<'a> {
    fn of(bytes: &'a [u8]) -> Self {
        Self { rest: bytes, before: 0, line: 1 }
    }

    /// The line of a byte, which does not stand before the last that was asked for.
    fn at(&mut self, at: usize) -> u32 {
        let passed = at.saturating_sub(self.before);
        let (passed, rest) = self.rest.split_at_checked(passed).unwrap_or((self.rest, &[]));
        let count = passed.iter().filter(|&&byte| byte == b'\n').count();
        (self.rest, self.before) = (rest, self.before + passed.len());
        self.line = self.line.saturating_add(u32::try_from(count).unwrap_or(u32::MAX));
        self.line
    }
}

/// The place of a byte, as editors count: both numbers from one, columns in bytes.
fn position(bytes: &[u8], at: usize) -> String {
    let before = bytes.get(..at).unwrap_or(bytes);
    let line = Lines::of(bytes).at(at);
    let column = before.iter().rev().take_while(|&&byte| byte != b'\n').count() + 1;
    format!("line {line}, column {column}")
}

fn check_length(bytes: &[u8]) -> Result<(), String> {
    if bytes.len() <= DOCUMENT_BYTES_MAX {
        Ok(())
    } else {
        Err(format!("more than {DOCUMENT_BYTES_MAX} bytes"))
    }
}
