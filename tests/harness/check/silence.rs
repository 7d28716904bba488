//! Secrets are where they belong and nowhere else: no value, name, token or key share in stored bytes;
//! none of them but names in audit lines; and none in an error.

use strongroom_core::Batch;
use strongroom_core::encoding::{base64, from_hex, hex};

use super::Broken;
use crate::client::Answer;
use crate::op::{NAME_CANARY, VALUE_CANARY};

/// What must not occur in stored bytes, in every encoding that could hide it.
#[derive(Debug)]
pub struct Silence {
    stored: Vec<Vec<u8>>,
    /// The root token, and the shares of the unseal key in hex.
    told_once: Vec<String>,
}

impl Silence {
    /// A checker that knows the root token too, and the shares of the unseal key.
    pub fn new(token: &str, keys: &[String]) -> Self {
        let mut stored = Vec::new();
        for word in [VALUE_CANARY, NAME_CANARY, token] {
            stored.push(word.as_bytes().to_vec());
            stored.push(hex(word.as_bytes()).into_bytes());
            // The part of the encoding that does not depend on what follows.
            let encoded = base64(word.as_bytes());
            let whole = word.len() / 3 * 4;
            stored.push(encoded.as_bytes().get(..whole).unwrap_or_default().to_vec());
        }
        if let Some(key) = keys.first() {
            stored.push(key.as_bytes().to_vec());
            stored.push(from_hex(key).unwrap_or_default());
        }
        let told_once = keys.iter().cloned().chain([token.to_owned()]).collect();
        Self { stored, told_once }
    }

    /// A batch on its way to the disk.
    pub fn batch(&self, batch: &Batch) -> Result<(), Broken> {
        for (key, change) in &batch.changes {
            let record = change.as_deref().unwrap_or_default();
            for word in &self.stored {
                if contains(record, word) || contains(key.as_bytes(), word) {
                    let word = String::from_utf8_lossy(word);
                    return Err(format!("batch {} holds {word:?}", batch.seq.number()));
                }
            }
        }
        Ok(())
    }

    /// A line for the audit. It may name paths.
    pub fn audit(&self, line: &str) -> Result<(), Broken> {
        if self.tells(line) {
            return Err(format!("an audit line holds a secret: {line}"));
        }
        Ok(())
    }

    fn tells(&self, text: &str) -> bool {
        text.contains(VALUE_CANARY) || self.told_once.iter().any(|secret| text.contains(secret))
    }

    /// An answer. Errors repeat no value and no token.
    pub fn answer(&self, answer: &Answer) -> Result<(), Broken> {
        if answer.status >= 400 && self.tells(&answer.body) {
            return Err(format!("an error holds a secret: {}", answer.body));
        }
        Ok(())
    }
}

fn contains(bytes: &[u8], word: &[u8]) -> bool {
    let Some((first, _)) = word.split_first() else { return false };
    let mut rest = bytes;
    while let Some(at) = rest.iter().position(|byte| byte == first) {
        rest = rest.get(at..).unwrap_or_default();
        if rest.starts_with(word) {
            return true;
        }
        rest = rest.get(1..).unwrap_or_default();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_a_word_anywhere() {
        for (bytes, found) in [("xxword", true), ("wword", true), ("wor", false), ("", false)] {
            assert_eq!(contains(bytes.as_bytes(), b"word"), found, "{bytes}");
        }
    }
}
