//! Forms of output: tables for people, JSON and YAML for programs.

mod indent;
mod table;
mod yaml;

use std::collections::BTreeMap;

use strongroom_core::json::{Kind, Members, Value};
use zeroize::Zeroizing;

pub(super) use self::indent::indented;
pub(super) use self::table::{Row, columns, human_duration, shown, table};
pub(super) use self::yaml::yaml;
use super::Stop;
use super::settings::variable;
use crate::command::table::{Command, Output};
use crate::flag::Parsed;

/// A form of output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Table,
    Json,
    Yaml,
    /// The answer's own bytes.
    Raw,
}

impl Format {
    /// The form that the flags name, or the environment.
    pub(super) fn choose(flags: &Parsed, command: &Command) -> Result<Self, Stop> {
        if command.output == Output::Fixed {
            return Ok(Self::Table);
        }
        let named = flags.value("format").map(str::to_owned).or_else(|| variable("FORMAT"));
        match named.as_deref().map(str::to_ascii_lowercase).as_deref() {
            None | Some("table" | "") => Ok(Self::Table),
            Some("json") => Ok(Self::Json),
            Some("yaml" | "yml") => Ok(Self::Yaml),
            Some("raw") if command.name == "read" => Ok(Self::Raw),
            Some("raw") => Err(Stop::local("only \"read\" has -format=raw")),
            Some(_) => Err(Stop::local("Invalid output format: it is table, json or yaml")),
        }
    }
}

/// JSON without spaces, names sorted.
pub(super) fn canonical(value: Value<'_>) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::new());
    value.write_canonical(&mut text);
    text
}

/// Members by name; of equal names the last.
pub(super) fn sorted<'a>(members: Members<'a>) -> BTreeMap<&'a str, Value<'a>> {
    members.collect()
}

/// A whole number.
pub(super) fn whole(value: Value<'_>) -> Option<i64> {
    if let Kind::Number(text) = value.kind() { text.parse().ok() } else { None }
}
