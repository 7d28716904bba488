//! One block of a configuration and where it stands: its values by type, as leniently as the
//! reference reads them.
//!
//! Of a name that repeats the last value counts; a block may be one, a list of some, or repeated. An
//! empty text and `null` are no value. Errors name the file, the block and the key, and never repeat a
//! value.

use std::path::PathBuf;
use std::time::Duration;

use strongroom_core::hcl::{Block, Item, Value};
use strongroom_core::parse_duration;

use super::syntax::Syntax;
use super::{ConfigError, Source, Warnings};
use crate::flag::parse_bool;

/// See the module.
pub(super) struct Section<'a> {
    file: &'a str,
    syntax: Syntax,
    /// Names of the blocks around, such as `listener.tcp`; empty at the top.
    path: String,
    block: &'a Block,
}

/// What this build makes of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Use {
    /// It is read.
    Read,
    /// Nothing is lost without it.
    Quiet,
    /// It asks for something that is not there: the operator is told, unless it asks for nothing.
    Absent,
}

impl<'a> Section<'a> {
    pub(super) fn top(source: &'a Source) -> Self {
        let Source { file, syntax, block } = source;
        Self { file, syntax: *syntax, path: String::new(), block }
    }

    /// A setting as a line of the file's syntax. The value is written as it stands in both.
    pub(super) fn line(&self, key: &str, value: &str) -> String {
        self.syntax.line(key, value)
    }

    /// An error about a key of this block.
    pub(super) fn error(&self, key: &str, problem: impl Into<String>) -> ConfigError {
        ConfigError { place: self.place(key), problem: problem.into() }
    }

    /// Where a key of this block stands; without a key, the block.
    pub(super) fn place(&self, key: &str) -> String {
        let dot = if self.path.is_empty() || key.is_empty() { "" } else { "." };
        let name = format!("{}{dot}{}", self.path, shown(key));
        if name.is_empty() { self.file.to_owned() } else { format!("{}: {name}", self.file) }
    }

    /// Warns of keys that this build does not know, or whose wishes it cannot fulfil.
    pub(super) fn check_keys(&self, known: &[(&str, Use)], warnings: &mut Warnings) {
        for Item { name, value, .. } in &self.block.0 {
            let found = known.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
            match found.map(|(_, usage)| usage) {
                Some(Use::Read | Use::Quiet) => {}
                Some(Use::Absent) if is_off(value) => {}
                Some(Use::Absent) => warnings.add(self.place(name), "has no effect in this build"),
                None => warnings.add(self.place(name), "is not known and has no effect"),
            }
        }
    }

    /// The blocks of this name.
    pub(super) fn blocks(&self, key: &str) -> Result<Vec<Self>, ConfigError> {
        let mut blocks = Vec::new();
        for value in self.values(key) {
            collect(value, &mut blocks)
                .map_err(|got| self.error(key, format!("must be a block, {{..}}, and is {got}")))?;
        }
        let many = blocks.len() > 1;
        let sections = blocks.into_iter().enumerate().map(|(at, block)| {
            let number = if many { format!("[{at}]") } else { String::new() };
            let dot = if self.path.is_empty() { "" } else { "." };
            let path = format!("{}{dot}{}{number}", self.path, shown(key));
            Section { file: self.file, syntax: self.syntax, path, block }
        });
        Ok(sections.collect())
    }

    /// The blocks of this name that have a label, such as `listener "tcp"`: label and block.
    pub(super) fn labelled(&self, key: &str) -> Result<Vec<(&'a str, Self)>, ConfigError> {
        let mut labelled = Vec::new();
        for outer in self.blocks(key)? {
            let mut seen: Vec<&str> = Vec::new();
            for Item { name: label, .. } in &outer.block.0 {
                if seen.iter().any(|seen| seen.eq_ignore_ascii_case(label)) {
                    continue;
                }
                seen.push(label);
                let inner = outer.blocks(label)?;
                labelled.extend(inner.into_iter().map(|section| (label.as_str(), section)));
            }
        }
        Ok(labelled)
    }

    /// Whether the key has anything at all: a block without settings is a wish, an empty list is none.
    pub(super) fn has(&self, key: &str) -> bool {
        self.values(key).any(|value| match value {
            Value::Null => false,
            Value::List(items) => !items.is_empty(),
            Value::Block(block) => !block.0.is_empty(),
            Value::Bool(_) | Value::Number(_) | Value::Text(_) => true,
        })
    }

    /// Whether the key asks for something.
    pub(super) fn asks(&self, key: &str) -> bool {
        self.values(key).any(|value| !is_off(value))
    }

    /// The names in this block.
    pub(super) fn entries(&self) -> impl Iterator<Item = &'a str> {
        self.block.0.iter().map(|item| item.name.as_str())
    }

    pub(super) fn text(&self, key: &str) -> Result<Option<String>, ConfigError> {
        let Some(value) = self.value(key) else { return Ok(None) };
        let text = value.as_text().map(|text| Some(text.to_owned()));
        text.ok_or_else(|| self.error(key, format!("must be a text, and is {}", value.word())))
    }

    /// A text that this function understands.
    pub(super) fn word<T>(
        &self,
        key: &str,
        parse: impl FnOnce(&str) -> Option<T>,
        problem: &str,
    ) -> Result<Option<T>, ConfigError> {
        let text = self.text(key)?;
        text.map(|text| parse(text.trim()).ok_or_else(|| self.error(key, problem))).transpose()
    }

    /// A text, or several of them.
    pub(super) fn texts(&self, key: &str) -> Result<Vec<&'a str>, ConfigError> {
        let one = |value: &'a Value| {
            let problem = || format!("must be a list of texts, and has {}", value.word());
            value.as_text().ok_or_else(|| self.error(key, problem()))
        };
        match self.value(key) {
            None => Ok(Vec::new()),
            Some(Value::List(items)) => items.iter().map(one).collect(),
            Some(value) => Ok(vec![one(value)?]),
        }
    }

    /// A path; one that does not begin at the root begins at the working directory.
    pub(super) fn path(&self, key: &str) -> Result<Option<PathBuf>, ConfigError> {
        Ok(self.text(key)?.map(PathBuf::from))
    }

    pub(super) fn bool(&self, key: &str) -> Result<Option<bool>, ConfigError> {
        let Some(value) = self.value(key) else { return Ok(None) };
        let parsed = match value {
            Value::Bool(value) => Some(*value),
            Value::Number(_) => {
                value.as_decimal().and_then(|text| text.parse().ok()).map(|number: i64| number != 0)
            }
            Value::Text(text) => parse_bool(text),
            Value::Null | Value::List(_) | Value::Block(_) => None,
        };
        parsed.map(Some).ok_or_else(|| self.error(key, "must be true or false"))
    }

    /// A span of time: seconds as a number, or a text such as `"90s"`. Zero is none.
    pub(super) fn duration(&self, key: &str) -> Result<Option<Duration>, ConfigError> {
        let Some(value) = self.value(key) else { return Ok(None) };
        let problem = "must be a time such as 30, \"90s\" or \"1h30m\", and not negative";
        let span = value.as_decimal().and_then(|text| parse_duration(&text));
        let span = span.ok_or_else(|| self.error(key, problem))?;
        Ok(Some(span).filter(|span| !span.is_zero()))
    }

    /// A whole number, or a number of bytes such as `"32MiB"`. Zero is none.
    pub(super) fn size(&self, key: &str) -> Result<Option<i64>, ConfigError> {
        let Some(value) = self.value(key) else { return Ok(None) };
        let problem = "must be a whole number, or a size such as \"32MiB\"";
        let size = value.as_decimal().and_then(|text| parse_size(&text));
        let size = size.ok_or_else(|| self.error(key, problem))?;
        Ok(Some(size).filter(|size| *size != 0))
    }

    /// The last value of a key, if it is one.
    fn value(&self, key: &str) -> Option<&'a Value> {
        let last = self.values(key).last()?;
        let is_none = matches!(last, Value::Null) || last.as_text() == Some("");
        (!is_none).then_some(last)
    }

    fn values(&self, key: &str) -> impl Iterator<Item = &'a Value> {
        let named = self.block.0.iter().filter(move |item| item.name.eq_ignore_ascii_case(key));
        named.map(|item| &item.value)
    }
}

/// Whether a value asks for nothing: `false`, 0, an empty text, nothing at all.
fn is_off(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(value) => !value,
        Value::Number(_) => value.as_decimal().as_deref() == Some("0"),
        Value::Text(text) => matches!(text.as_str(), "" | "0" | "false"),
        Value::List(items) => items.iter().all(is_off),
        Value::Block(block) => block.0.iter().all(|item| is_off(&item.value)),
    }
}

/// Takes the blocks of a value in; the error is the word for what else it is.
fn collect<'a>(value: &'a Value, blocks: &mut Vec<&'a Block>) -> Result<(), &'static str> {
    match value {
        Value::Null => Ok(()),
        Value::Block(block) => {
            blocks.push(block);
            Ok(())
        }
        Value::List(items) => items.iter().try_for_each(|item| collect(item, blocks)),
        Value::Bool(_) | Value::Number(_) | Value::Text(_) => Err(value.word()),
    }
}

/// A name as messages show it: not too long, and on one line.
fn shown(name: &str) -> String {
    const SHOWN_MAX: usize = 64;
    let plain = |c: char| c.is_ascii_graphic() || c == ' ';
    name.chars().take(SHOWN_MAX).map(|c| if plain(c) { c } else { '?' }).collect()
}

fn parse_size(text: &str) -> Option<i64> {
    let text = text.trim();
    let digits = text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let scale: i64 = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "kb" => 1_000,
        "kib" => 1 << 10,
        "mb" => 1_000_000,
        "mib" => 1 << 20,
        "gb" => 1_000_000_000,
        "gib" => 1 << 30,
        _ => return None,
    };
    number.trim_end().parse::<i64>().ok()?.checked_mul(scale)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading<T>(text: &str, read: impl FnOnce(&Section<'_>) -> T) -> T {
        let source = Source::parse("a.json", text.as_bytes());
        let source = source.unwrap_or_else(|error| panic!("{text}: {error}"));
        read(&Section::top(&source))
    }

    #[test]
    fn takes_numbers_of_every_base() {
        let hcl = "k = 0x10 z = 00 mode = 0660";
        assert_eq!(reading(hcl, |top| top.size("k")), Ok(Some(16)));
        assert_eq!(reading(hcl, |top| top.duration("k")), Ok(Some(Duration::from_secs(16))));
        assert_eq!(reading(hcl, |top| top.bool("k")), Ok(Some(true)));
        assert_eq!(reading(hcl, |top| top.bool("z")), Ok(Some(false)));
        // A text is what stands there.
        assert_eq!(reading(hcl, |top| top.text("mode")), Ok(Some("0660".to_owned())));
    }

    #[test]
    fn takes_bools_in_every_spelling() {
        const CASES: [(&str, Option<bool>); 14] = [
            ("true", Some(true)),
            ("false", Some(false)),
            ("1", Some(true)),
            ("0", Some(false)),
            ("2", Some(true)),
            ("\"true\"", Some(true)),
            ("\"TRUE\"", Some(true)),
            ("\"t\"", Some(true)),
            ("\"1\"", Some(true)),
            ("\"False\"", Some(false)),
            ("\"0\"", Some(false)),
            ("\"\"", None),
            ("null", None),
            ("true, \"k\": false", Some(false)),
        ];
        for (value, want) in CASES {
            let json = format!("{{\"k\": {value}}}");
            assert_eq!(reading(&json, |top| top.bool("k")), Ok(want), "{value}");
        }
        assert_eq!(reading("{}", |top| top.bool("k")), Ok(None));
        assert_eq!(reading(r#"{"K":true}"#, |top| top.bool("k")), Ok(Some(true)));
    }

    #[test]
    fn takes_times_as_numbers_and_texts() {
        const CASES: [(&str, Option<u64>); 10] = [
            ("30", Some(30_000)),
            ("\"30\"", Some(30_000)),
            ("\"30s\"", Some(30_000)),
            ("\"1h30m\"", Some(5_400_000)),
            ("\"768h\"", Some(2_764_800_000)),
            ("\"2d\"", Some(172_800_000)),
            ("\"250ms\"", Some(250)),
            ("0", None),
            ("\"\"", None),
            ("null", None),
        ];
        for (value, millis) in CASES {
            let json = format!("{{\"k\": {value}}}");
            let want = millis.map(Duration::from_millis);
            assert_eq!(reading(&json, |top| top.duration("k")), Ok(want), "{value}");
        }
    }

    #[test]
    fn takes_sizes_as_numbers_and_texts() {
        const CASES: [(&str, Option<i64>); 9] = [
            ("200", Some(200)),
            ("\"200\"", Some(200)),
            ("-1", Some(-1)),
            ("\"32MiB\"", Some(33_554_432)),
            ("\"32 mb\"", Some(32_000_000)),
            ("\"1KIB\"", Some(1024)),
            ("\"1gib\"", Some(1_073_741_824)),
            ("\"7b\"", Some(7)),
            ("0", None),
        ];
        for (value, want) in CASES {
            let json = format!("{{\"k\": {value}}}");
            assert_eq!(reading(&json, |top| top.size("k")), Ok(want), "{value}");
        }
    }

    #[test]
    fn names_what_is_wrong_and_never_the_value() {
        type Read = fn(&Section<'_>) -> Option<ConfigError>;
        const BOOL: Read = |top| top.bool("k").err();
        const TIME: Read = |top| top.duration("k").err();
        const SIZE: Read = |top| top.size("k").err();
        const TEXT: Read = |top| top.text("k").err();
        const TEXTS: Read = |top| top.texts("k").err();
        const BLOCKS: Read = |top| top.blocks("k").err();
        const NO_TIME: &str = "must be a time such as 30, \"90s\" or \"1h30m\", and not negative";
        const NO_SIZE: &str = "must be a whole number, or a size such as \"32MiB\"";
        const CASES: [(Read, &str, &str); 17] = [
            (BOOL, "\"canary\"", "must be true or false"),
            (BOOL, "1.5", "must be true or false"),
            (BOOL, "[true]", "must be true or false"),
            (TIME, "\"canary\"", NO_TIME),
            (TIME, "-1", NO_TIME),
            (TIME, "\"1w\"", NO_TIME),
            (TIME, "true", NO_TIME),
            (SIZE, "\"canary\"", NO_SIZE),
            (SIZE, "1.5", NO_SIZE),
            (SIZE, "\"1 canary\"", NO_SIZE),
            (SIZE, "\"9223372036854775807kb\"", NO_SIZE),
            (TEXT, "{\"canary\":1}", "must be a text, and is a block"),
            (TEXT, "true", "must be a text, and is a bool"),
            (TEXTS, "[\"a\",[\"canary\"]]", "must be a list of texts, and has a list"),
            (BLOCKS, "\"canary\"", "must be a block, {..}, and is a text"),
            (BLOCKS, "[{},\"canary\"]", "must be a block, {..}, and is a text"),
            (BLOCKS, "7", "must be a block, {..}, and is a number"),
        ];
        for (read, value, want) in CASES {
            let json = format!("{{\"k\": {value}}}");
            let error = reading(&json, read).map(|error| error.to_string());
            assert_eq!(error, Some(format!("a.json: k: {want}")), "{value}");
        }
    }

    #[test]
    fn finds_blocks_in_every_form() {
        const CASES: [(&str, &str); 8] = [
            (r#"{"l":{"tcp":{}}}"#, "tcp@l.tcp"),
            (r#"{"l":[{"tcp":{}}]}"#, "tcp@l.tcp"),
            (r#"{"l":[{"tcp":[{}]}]}"#, "tcp@l.tcp"),
            (r#"{"l":{"tcp":[{},{}]}}"#, "tcp@l.tcp[0] tcp@l.tcp[1]"),
            (r#"{"l":{"tcp":{},"tcp":{}}}"#, "tcp@l.tcp[0] tcp@l.tcp[1]"),
            (r#"{"l":[{"tcp":{}},{"unix":{}}]}"#, "tcp@l[0].tcp unix@l[1].unix"),
            (r#"{"l":{"tcp":{}},"l":{"tcp":{}}}"#, "tcp@l[0].tcp tcp@l[1].tcp"),
            (r#"{"l":null,"m":{}}"#, ""),
        ];
        for (json, want) in CASES {
            let found = reading(json, |top| -> Result<Vec<String>, ConfigError> {
                let labelled = top.labelled("l")?.into_iter();
                Ok(labelled.map(|(label, section)| format!("{label}@{}", section.path)).collect())
            });
            assert_eq!(found.map(|found| found.join(" ")), Ok(want.to_owned()), "{json}");
        }
    }

    #[test]
    fn warns_of_keys_that_have_no_effect() {
        const KNOWN: [(&str, Use); 3] =
            [("read", Use::Read), ("quiet", Use::Quiet), ("absent", Use::Absent)];
        const CASES: [(&str, &[&str]); 5] = [
            (r#"{"read":1,"QUIET":true}"#, &[]),
            (r#"{"absent":false,"absent":"","absent":{},"absent":0}"#, &[]),
            (r#"{"absent":{"a":"canary"}}"#, &["a.json: absent has no effect in this build"]),
            (r#"{"other":0}"#, &["a.json: other is not known and has no effect"]),
            ("{\"a\\n\\u001bb\":1}", &["a.json: a??b is not known and has no effect"]),
        ];
        for (json, want) in CASES {
            let mut warnings = Warnings::default();
            reading(json, |top| top.check_keys(&KNOWN, &mut warnings));
            assert_eq!(warnings.lines(), want, "{json}");
        }
    }
}
