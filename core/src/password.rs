//! Password policies: what a generated password must be, read from a document, and passwords by it.
//!
//! ```text
//! length = 20
//! rule "charset" { charset = "abcdefghijklmnopqrstuvwxyz" min-chars = 1 }
//! rule "charset" { charset = "0123456789" min-chars = 1 }
//! ```
//!
//! A password has so many characters, each drawn from all charsets together, and of each charset at
//! least the number that its rule names. A candidate that breaks a rule is drawn anew as a whole, so
//! that every password which passes is equally likely.
//! <https://openbao.org/docs/concepts/password-policies/>
//!
//! Invariants: a policy has 4 to 100 characters of 1 to 256 different ones; its rules ask for no more
//! than its length together; the work for a password is bounded.

use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::hcl::{self, Block, Item, Value};
use crate::limit::{
    PASSWORD_CHARSET_MAX, PASSWORD_DRAWS_MAX, PASSWORD_LENGTH_MAX, PASSWORD_LENGTH_MIN,
    PASSWORD_POLICY_BYTES_MAX,
};
use crate::path::is_printable;
use crate::random::Generator;
use crate::reject::listed;
use crate::secret::Wiped;

/// See the module.
pub(crate) struct Policy {
    length: usize,
    /// Every character once.
    charset: Vec<char>,
    rules: Vec<Rule>,
}

/// So many characters of some.
struct Rule {
    /// Whether each of the policy's charset is one of them.
    members: Vec<bool>,
    chars_min: usize,
}

/// A rule as it is written.
struct Draft {
    charset: String,
    /// Not negative.
    chars_min: i64,
}

impl Policy {
    /// Reads a document in HCL or JSON.
    ///
    /// Names that mean nothing are passed over, as the reference does.
    ///
    /// # Errors
    ///
    /// The API's text for what is wrong with it.
    pub(crate) fn parse(document: &str) -> Result<Self, String> {
        let invalid = |error| format!("invalid password policy: {error}");
        let (length, drafts) = read(document).map_err(invalid)?;
        let charset: BTreeSet<char> =
            drafts.iter().flat_map(|draft| draft.charset.chars()).collect();
        let faults = faults(length, &drafts, &charset);
        if !faults.is_empty() {
            return Err(invalid(listed(&faults)));
        }
        let (min, max) = (PASSWORD_LENGTH_MIN, PASSWORD_LENGTH_MAX);
        let length = usize::try_from(length).ok().filter(|length| (min..=max).contains(length));
        let length = length
            .ok_or_else(|| format!("passwords must be between {min} and {max} characters"))?;
        let charset: Vec<char> = charset.into_iter().collect();
        let rules = drafts.iter().filter_map(|draft| Rule::new(draft, &charset)).collect();
        Ok(Self { length, charset, rules })
    }

    /// A password; `None` if none of so many candidates passes the rules.
    pub(crate) fn generate(&self, random: &mut Generator) -> Option<Wiped<String>> {
        // Places in the charset. There is room for all, so that no copy is left behind.
        let mut candidate = Wiped::new(Vec::with_capacity(self.length));
        for _ in 0..PASSWORD_DRAWS_MAX / self.length {
            candidate.clear();
            let draw = || random.below(self.charset.len());
            candidate.extend(core::iter::repeat_with(draw).take(self.length));
            if self.rules.iter().all(|rule| rule.passes(&candidate)) {
                return Some(self.spell(&candidate));
            }
        }
        None
    }

    fn spell(&self, places: &[u8]) -> Wiped<String> {
        let mut text = Wiped::new(String::with_capacity(places.len() * char::MAX.len_utf8()));
        text.extend(places.iter().filter_map(|&place| self.charset.get(usize::from(place))));
        text
    }
}

impl Rule {
    /// A rule over this charset; `None` if every password passes.
    fn new(draft: &Draft, charset: &[char]) -> Option<Self> {
        let chars_min = usize::try_from(draft.chars_min).ok().filter(|count| *count > 0)?;
        let own: BTreeSet<char> = draft.charset.chars().collect();
        let members = charset.iter().map(|c| own.contains(c)).collect();
        Some(Self { members, chars_min })
    }

    fn passes(&self, places: &[u8]) -> bool {
        let is_member = |place: &&u8| self.members.get(usize::from(**place)) == Some(&true);
        places.iter().filter(is_member).count() >= self.chars_min
    }
}

/// What the whole of a policy breaks, in the API's words.
fn faults(length: i64, drafts: &[Draft], charset: &BTreeSet<char>) -> Vec<String> {
    let required = drafts.iter().fold(0_i64, |sum, draft| sum.saturating_add(draft.chars_min));
    let mut faults = Vec::new();
    if length <= 0 {
        faults.push("length must be > 0".into());
    } else if length < required {
        faults.push(format!(
            "specified rules require at least {required} characters but {length} is specified"
        ));
    }
    if charset.is_empty() {
        faults.push("no charset specified".into());
    } else if !charset.iter().all(|c| is_printable(c.encode_utf8(&mut [0; 4]))) {
        faults.push("non-printable character in charset".into());
    } else if charset.len() > PASSWORD_CHARSET_MAX {
        faults.push(format!("more than {PASSWORD_CHARSET_MAX} different characters in charset"));
    }
    faults
}

/// Length and rules of a document. Without a length it is 0.
fn read(document: &str) -> Result<(i64, Vec<Draft>), String> {
    let undecodable = |error| format!("unable to decode: {error}");
    if document.len() > PASSWORD_POLICY_BYTES_MAX {
        return Err(undecodable(format!("more than {PASSWORD_POLICY_BYTES_MAX} bytes")));
    }
    let block = hcl::read_document(document.as_bytes()).map_err(undecodable)?;
    let length = last(&block, "length").map_or(Some(0), whole_number);
    let length = length.ok_or_else(|| undecodable("length must be a whole number".into()))?;
    let mut drafts = Vec::new();
    for item in block.0.iter().filter(|item| item.name == "rule") {
        let mut labelled = Vec::new();
        collect(&item.value, &mut labelled).map_err(|()| SHAPE)?;
        for Item { name, value, .. } in labelled.iter().flat_map(|block| &block.0) {
            read_rules(name, value, &mut drafts).map_err(|error| {
                format!("unable to parse rules: unable to parse rule {name}: {error}")
            })?;
        }
    }
    Ok((length, drafts))
}

const SHAPE: &str = "unable to parse rules: a rule must be a block such as rule \"charset\" { .. }";

/// The rules of one type.
fn read_rules(name: &str, value: &Value, drafts: &mut Vec<Draft>) -> Result<(), String> {
    if name != "charset" {
        return Err(format!("unrecognized rule type {name}"));
    }
    let mut blocks = Vec::new();
    collect(value, &mut blocks)
        .map_err(|()| "it must be a block such as rule \"charset\" { .. }")?;
    for block in blocks {
        let charset = match last(block, "charset") {
            None => String::new(),
            Some(Value::Text(text)) => String::clone(text),
            Some(other) => return Err(format!("charset must be a text, and is {}", other.word())),
        };
        let chars_min = last(block, "min-chars").map_or(Some(0), whole_number);
        let chars_min = chars_min.ok_or("min-chars must be a whole number")?.max(0);
        drafts.push(Draft { charset, chars_min });
    }
    Ok(())
}

/// Takes the blocks of a value in: one, or a list of some.
fn collect<'a>(value: &'a Value, blocks: &mut Vec<&'a Block>) -> Result<(), ()> {
    match value {
        Value::Block(block) => {
            blocks.push(block);
            Ok(())
        }
        Value::List(items) => items.iter().try_for_each(|item| collect(item, blocks)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Text(_) => Err(()),
    }
}

/// The last value of a name, whose case does not matter. `null` is none.
fn last<'a>(block: &'a Block, name: &str) -> Option<&'a Value> {
    let named = block.0.iter().filter(|item| item.name.eq_ignore_ascii_case(name));
    named.map(|item| &item.value).next_back().filter(|value| !matches!(value, Value::Null))
}

fn whole_number(value: &Value) -> Option<i64> {
    let is_number = matches!(value, Value::Number(_));
    value.as_decimal().filter(|_| is_number)?.parse().ok()
}

#[cfg(test)]
mod tests;
