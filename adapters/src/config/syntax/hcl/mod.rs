//! HCL, version 1, as the reference's configurations use it.
//!
//! ```text
//! # a comment; also // and /* .. */
//! name = "text"                    listener "tcp" { address = "127.0.0.1:8200" }
//! "name" = [1, 0x10, true,]        plugin "auth" "aws" {}
//! ```
//!
//! Names and labels are bare or in quotes, a block may have an `=` before it, and a comma may stand
//! behind each member. Lines end nothing: `a = 1 b = 2` are two members. The language is HashiCorp's
//! (<https://github.com/hashicorp/hcl/tree/hcl1>); there is no interpolation in a configuration, so
//! `${..}` is text.
//!
//! Invariants: reading takes time in proportion to the file, whatever it holds; the recursion is no
//! deeper than [`DEPTH_MAX`].

mod scan;
#[cfg(test)]
mod tests;

use zeroize::Zeroizing;

use super::super::tree::{Block, DEPTH_MAX, Value};
use super::position;
use scan::{Fault, Scanner, Token, Wrong};

/// Reads a file.
///
/// # Errors
///
/// A text that says where and what is wrong, and repeats nothing of the file.
pub(super) fn read(bytes: &[u8]) -> Result<Block, String> {
    read_file(bytes).map_err(|Fault { at, wrong }| {
        let place = position(bytes, at);
        match wrong {
            Wrong::Syntax(expected) => format!("{place}: this is not HCL: expected {expected}"),
            Wrong::Number => format!("{place}: a number out of range"),
            Wrong::Depth => format!("{place}: more than {DEPTH_MAX} levels of blocks and lists"),
        }
    })
}

fn read_file(bytes: &[u8]) -> Result<Block, Fault> {
    let text = core::str::from_utf8(bytes)
        .map_err(|error| Fault::syntax(error.valid_up_to(), "text in UTF-8"))?;
    let mut parser = Parser { scanner: Scanner::new(text), token: Token::End, at: 0 };
    parser.advance()?;
    parser.members(Token::End, "a name", 1)
}

/// The tokens of a file, read one ahead.
struct Parser<'a> {
    scanner: Scanner<'a>,
    token: Token<'a>,
    /// Where it begins.
    at: usize,
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
        while self.token != end {
            let name = self.name(expected)?;
            let value = self.member(depth)?;
            block.0.push((name, value));
            if self.token == Token::Comma {
                self.advance()?;
            }
        }
        Ok(block)
    }

    /// What stands behind a name: a value, or a block and its labels.
    fn member(&mut self, depth: usize) -> Result<Value, Fault> {
        if self.token == Token::Equals {
            self.advance()?;
            return self.value(depth);
        }
        let mut labels = Vec::new();
        while self.token != Token::OpenBlock {
            let expected = if labels.is_empty() { "'=', '{' or a label" } else { "'{' or a label" };
            self.check_depth(depth + labels.len())?;
            labels.push(self.name(expected)?);
        }
        let block = self.block(depth + labels.len())?;
        let nest = |inner, label| Value::Block(Block(vec![(label, inner)]));
        Ok(labels.into_iter().rev().fold(block, nest))
    }

    fn value(&mut self, depth: usize) -> Result<Value, Fault> {
        const EXPECTED: &str = "a value: a text in quotes, a number, true, false, [..] or {..}";
        let value = match &mut self.token {
            Token::OpenBlock => return self.block(depth),
            Token::OpenList => return self.list(depth),
            Token::Text(text) | Token::Heredoc(text) => Value::Text(core::mem::take(text)),
            Token::Number(text) => Value::Number(Zeroizing::new((*text).to_owned())),
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
        while self.token != Token::CloseList {
            items.push(self.value(depth + 1)?);
            if self.token == Token::Comma {
                self.advance()?;
            } else if self.token != Token::CloseList {
                return Err(self.fault("',' or ']'"));
            }
        }
        self.advance()?;
        Ok(Value::List(items))
    }

    /// A name or a label.
    fn name(&mut self, expected: &'static str) -> Result<String, Fault> {
        let name = match &mut self.token {
            Token::Word(word) => (*word).to_owned(),
            Token::Text(text) => core::mem::take(&mut **text),
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
        Ok(name)
    }

    fn advance(&mut self) -> Result<(), Fault> {
        (self.at, self.token) = self.scanner.next_token()?;
        Ok(())
    }

    /// Whether one more level may be opened.
    fn check_depth(&self, depth: usize) -> Result<(), Fault> {
        if depth < DEPTH_MAX { Ok(()) } else { Err(Fault { at: self.at, wrong: Wrong::Depth }) }
    }

    fn fault(&self, expected: &'static str) -> Fault {
        Fault::syntax(self.at, expected)
    }
}
