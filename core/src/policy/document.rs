//! A policy as it is written: stanzas of a path and what is granted there.
//!
//! ```text
//! path "secret/app/*" {
//!   capabilities = ["create", "update", "read"]
//!   denied_parameters = { "ttl" = [] }
//! }
//! ```
//!
//! In JSON `path` is an object of such stanzas by their paths, or a list of such objects. What is
//! unknown is refused: a restriction that has no effect would be missed when it is too late. Names that
//! are repeated in a stanza are taken together.
//!
//! Invariant: a stanza that denies has nothing but its path and its end.

use alloc::borrow::ToOwned;
use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::capability::Capabilities;
use super::filter::Filter;
use super::parameter::{Constant, Parameters};
use super::template::has_templates;
use super::terms::Terms;
use crate::duration;
use crate::hcl::{self, Block, Item, Value};
use crate::limit::POLICY_RULES_MAX;
use crate::quote::quoted;
use crate::time::Time;

/// A path, and what is granted there.
pub(super) struct Stanza {
    /// As it is written, without a slash at its beginning.
    pub(super) path: Box<str>,
    /// Whether it must be filled in.
    pub(super) is_template: bool,
    pub(super) capabilities: Capabilities,
    /// When it ends.
    pub(super) expires: Option<Time>,
    pub(super) terms: Option<Arc<Terms>>,
}

impl Stanza {
    /// Memory behind it.
    pub(super) fn bytes(&self) -> usize {
        self.path.len() + self.terms.as_ref().map_or(0, |terms| terms.bytes())
    }
}

/// Reads a document.
pub(super) fn parse(text: &str) -> Result<Vec<Stanza>, String> {
    let document = hcl::read_document(text.as_bytes())?;
    refuse_unknown(&document, &["name", "path"], "")?;
    let mut stanzas = Vec::new();
    for item in document.0.iter().filter(|item| item.name == "path") {
        for_each_block(&item.value, &mut |paths| {
            paths.0.iter().try_for_each(|path| {
                for_each_block(&path.value, &mut |body| {
                    if stanzas.len() == POLICY_RULES_MAX {
                        return Err(format!("more than {POLICY_RULES_MAX} paths"));
                    }
                    stanzas.push(stanza(&path.name, body)?);
                    Ok(())
                })
                .unwrap_or_else(|| Err(format!("path {}: {BLOCK}", quoted(&path.name))))
            })
        })
        .unwrap_or_else(|| Err(format!("path on line {}: {BLOCK}", item.line)))?;
    }
    Ok(stanzas)
}

const BLOCK: &str = "expected a block: path \"..\" { capabilities = [..] }";

/// Calls `read` with a block, or with each of a list of blocks; `None` if the value is neither.
fn for_each_block(
    value: &Value,
    read: &mut dyn FnMut(&Block) -> Result<(), String>,
) -> Option<Result<(), String>> {
    let items = match value {
        Value::Block(block) => return Some(read(block)),
        Value::List(items) => items,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Text(_) => return None,
    };
    for item in items {
        let Value::Block(block) = item else { return None };
        if let Err(error) = read(block) {
            return Some(Err(error));
        }
    }
    Some(Ok(()))
}

/// Refuses names that mean nothing, in the form in which the API counts errors.
fn refuse_unknown(block: &Block, known: &[&str], place: &str) -> Result<(), String> {
    let unknown = || block.0.iter().filter(|item| !known.contains(&item.name.as_str()));
    let mut text = match unknown().count() {
        0 => return Ok(()),
        1 => String::from("1 error occurred:\n"),
        count => format!("{count} errors occurred:\n"),
    };
    // A document may be nothing but unknown names.
    for item in unknown().take(ERRORS_SHOWN) {
        text.push_str(&format!(
            "\t* {place}invalid key {} on line {}\n",
            quoted(&item.name),
            item.line
        ));
    }
    Err(text + "\n")
}

/// Errors that are told of a document that has many.
const ERRORS_SHOWN: usize = 20;

const KEYS: [&str; 12] = [
    "allowed_parameters",
    "capabilities",
    "comment",
    "denied_parameters",
    "expiration",
    "list_scan_response_keys_filter_path",
    "max_wrapping_ttl",
    // It has no effect, here and in the reference.
    "mfa_methods",
    "min_wrapping_ttl",
    "pagination_limit",
    "policy",
    "required_parameters",
];

fn stanza(path: &str, body: &Block) -> Result<Stanza, String> {
    let place = format!("path {}: ", quoted(path));
    let is_template = has_templates(path)?;
    refuse_unknown(body, &KEYS, &place)?;
    let mut expires = None;
    let mut capabilities = Capabilities::default();
    for item in attributes(body) {
        match item.name.as_str() {
            "expiration" => {
                expires = expiration(&item.value)
                    .map_err(|cause| format!("{place}invalid expiration time: {cause}"))?;
            }
            "policy" => {
                let word = text(item).map_err(|cause| place.clone() + &cause)?;
                let granted = Capabilities::of_shorthand(word)
                    .ok_or_else(|| format!("{place}invalid policy {}", quoted(word)))?;
                capabilities = capabilities.and(granted);
            }
            "capabilities" => {
                for word in texts(item).map_err(|cause| place.clone() + &cause)? {
                    let granted = Capabilities::of_word(word)
                        .ok_or_else(|| format!("{place}invalid capability {}", quoted(word)))?;
                    capabilities = capabilities.and(granted);
                }
            }
            _ => {}
        }
    }
    let bare = path.strip_prefix('/').unwrap_or(path);
    if bare.contains("+*") {
        return Err(format!("{place}invalid use of wildcards ('+*' is forbidden)"));
    }
    let denies = capabilities.has(Capabilities::DENY);
    let terms = if denies { Terms::default() } else { terms(body, capabilities, &place)? };
    let terms = (!terms.is_empty()).then(|| Arc::new(terms));
    Ok(Stanza { path: bare.into(), is_template, capabilities, expires, terms })
}

/// What a stanza says; `null` says nothing.
fn attributes(body: &Block) -> impl Iterator<Item = &Item> {
    body.0.iter().filter(|item| !matches!(item.value, Value::Null))
}

fn terms(body: &Block, capabilities: Capabilities, place: &str) -> Result<Terms, String> {
    let mut terms = Terms::default();
    for item in attributes(body) {
        let placed = |cause: String| place.to_owned() + &cause;
        match item.name.as_str() {
            "allowed_parameters" => parameters(item, &mut terms.allowed).map_err(placed)?,
            "denied_parameters" => parameters(item, &mut terms.denied).map_err(placed)?,
            "required_parameters" => {
                texts(item).map_err(placed)?.into_iter().for_each(|name| terms.require(name));
            }
            "min_wrapping_ttl" => {
                // Seconds are whole, so a bound between two of them is the next one inside.
                terms.wrap_min = wrapping(item)?.map(duration::Signed::seconds_up);
            }
            "max_wrapping_ttl" => terms.wrap_max = wrapping(item)?.map(duration::Signed::seconds),
            "pagination_limit" => terms.page_max = page_max(item).map_err(placed)?,
            "list_scan_response_keys_filter_path" => {
                let template = text(item).map_err(placed)?;
                terms.filter = filter(template, capabilities)?;
            }
            _ => {}
        }
    }
    match (terms.wrap_min, terms.wrap_max) {
        (Some(min), Some(max)) if max < min => {
            Err("max_wrapping_ttl cannot be less than min_wrapping_ttl".to_owned())
        }
        _ => Ok(terms),
    }
}

fn filter(template: &str, capabilities: Capabilities) -> Result<Option<Arc<Filter>>, String> {
    if template.is_empty() {
        return Ok(None);
    }
    if !capabilities.has(Capabilities::LIST) {
        return Err(
            "list_scan_response_keys_filter_path needs to be used on a path with the list \
                    capability"
                .to_owned(),
        );
    }
    Filter::parse(template).map(|filter| Some(Arc::new(filter)))
}

fn parameters(item: &Item, parameters: &mut Parameters) -> Result<(), String> {
    let read = for_each_block(&item.value, &mut |block| {
        for Item { name, value, .. } in &block.0 {
            let values = match value {
                Value::Null => Vec::new(),
                Value::List(items) => items.iter().map(constant).collect(),
                Value::Bool(_) | Value::Number(_) | Value::Text(_) | Value::Block(_) => {
                    alloc::vec![constant(value)]
                }
            };
            parameters.add(name, values);
        }
        Ok(())
    });
    read.unwrap_or_else(|| Err(format!("{} must be lists of values by name", item.name)))
}

fn constant(value: &Value) -> Constant {
    match value {
        Value::Null => Constant::Null,
        Value::Bool(value) => Constant::Bool(*value),
        Value::Number(_) => Constant::Number(json_number(&value.as_decimal().unwrap_or_default())),
        Value::Text(text) => Constant::Text(text.as_str().into()),
        Value::List(items) => Constant::List(items.iter().map(constant).collect()),
        Value::Block(block) => Constant::Map(
            block.0.iter().map(|item| (item.name.as_str().into(), constant(&item.value))).collect(),
        ),
    }
}

/// A number as JSON has it: without zeros at its beginning.
fn json_number(number: &str) -> Box<str> {
    let (sign, digits) = match number.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", number),
    };
    let digits = digits.trim_start_matches('0');
    let zero = if digits.starts_with(|c: char| c.is_ascii_digit()) { "" } else { "0" };
    format!("{sign}{zero}{digits}").into()
}

/// The texts of a list; one text is a list of one.
fn texts(item: &Item) -> Result<Vec<&str>, String> {
    let one = core::slice::from_ref(&item.value);
    let items = if let Value::List(items) = &item.value { items } else { one };
    let texts = items.iter().map(Value::as_text).collect::<Option<_>>();
    texts.ok_or_else(|| format!("{} must be a list of texts", item.name))
}

fn text(item: &Item) -> Result<&str, String> {
    item.value.as_text().ok_or_else(|| format!("{} must be a text", item.name))
}

/// A bound for wrapping; zero is none.
fn wrapping(item: &Item) -> Result<Option<duration::Signed>, String> {
    let wrong = |cause: &str| format!("error parsing {}: {cause}", item.name);
    let text = item.value.as_decimal();
    let text = text.ok_or_else(|| wrong("it must be a duration such as \"1h\""))?;
    let span = duration::parse(&text).map_err(|cause| wrong(&cause))?;
    if span.is_negative() {
        return Err(wrong("it must not be negative"));
    }
    Ok((span.seconds_up() > 0).then_some(span))
}

/// A bound for lists; what is not above zero is none.
fn page_max(item: &Item) -> Result<Option<i64>, String> {
    let number = item.value.as_decimal().and_then(|text| text.parse().ok());
    let number: i64 = number.ok_or_else(|| format!("{} must be a whole number", item.name))?;
    Ok((number > 0).then_some(number))
}

fn expiration(value: &Value) -> Result<Option<Time>, &'static str> {
    const WRONG: &str = "could not parse string as date and time";
    match value.as_decimal().as_deref() {
        Some("") => Ok(None),
        text => text.and_then(Time::parse).map(Some).ok_or(WRONG),
    }
}
