//! What commands print, in the form that was asked for.

use std::io::{self, IsTerminal, Write};

use strongroom_core::json::{List, Members, Object, Value};
use zeroize::Zeroizing;

use super::format::{
    Format, Row, canonical, human_duration, indented, shown, sorted, table, whole, yaml,
};
use super::request::parse;
use super::secret::Secret;
use super::{Invocation, Stop};

/// Columns of a line of prose.
const WIDTH: usize = 78;
/// Names above the two columns of most tables.
pub(super) const KEY_VALUE: [&str; 2] = ["Key", "Value"];

impl Invocation<'_> {
    /// Whether people read the output.
    pub(super) fn is_for_people(&self) -> bool {
        matches!(self.format, Format::Table)
    }

    /// The field that alone is asked for.
    pub(super) fn field(&self) -> Option<&str> {
        self.value("field")
    }

    /// Prints what a command is asked for of a secret: a field, or all.
    pub(super) fn print_secret_or_field(&self, secret: &Secret) -> Result<u8, Stop> {
        match self.field() {
            Some(field) => self.print_field(field, secret.field(field)),
            None => self.print_secret(secret),
        }
    }

    /// Prints a secret.
    pub(super) fn print_secret(&self, secret: &Secret) -> Result<u8, Stop> {
        if !self.is_for_people() {
            return self.print_json(&secret.json());
        }
        self.print_warnings(secret);
        let rows = rows(secret);
        if rows.is_empty() { Ok(0) } else { say(&table(&KEY_VALUE, rows)) }
    }

    /// Prints one value alone: without a line at its end, unless a terminal shows it.
    pub(super) fn print_field(&self, name: &str, value: Option<Value<'_>>) -> Result<u8, Stop> {
        let Some(value) = value else {
            return Err(Stop::local(format!("Field {name:?} not present in secret")));
        };
        match self.format {
            Format::Table | Format::Raw => print_raw(&shown("", value)),
            Format::Json => print_raw(&indented(&canonical(value))),
            Format::Yaml => print_raw(&yaml(value)),
        }
    }

    /// Prints JSON in the form for programs.
    pub(super) fn print_json(&self, text: &str) -> Result<u8, Stop> {
        match self.format {
            Format::Yaml => say(&yaml(parse(text.as_bytes())?.root())),
            Format::Table | Format::Json | Format::Raw => say(&indented(text)),
        }
    }

    /// Prints JSON in the form for programs, or rows.
    pub(super) fn print_rows(
        &self,
        names: &[&str],
        rows: Vec<Row>,
        text: &str,
    ) -> Result<u8, Stop> {
        if self.is_for_people() { say(&table(names, rows)) } else { self.print_json(text) }
    }

    /// Prints the names of a list, or the token that they are wrapped in.
    pub(super) fn print_names(&self, secret: &Secret) -> Result<u8, Stop> {
        if secret.wrap_info().is_some() {
            return self.print_secret(secret);
        }
        let mut names: Vec<&str> = names(secret).unwrap_or_default();
        if !self.is_for_people() {
            let mut list = List::new();
            names.iter().for_each(|name| list.string(name));
            return self.print_json(&list.finish());
        }
        self.print_warnings(secret);
        names.sort_unstable();
        let rows: Vec<Row> = names.into_iter().map(|name| row([name])).collect();
        if rows.is_empty() { Ok(0) } else { say(&table(&["Keys"], rows)) }
    }

    /// Prints the names of a list, or says that there are none at this path.
    pub(super) fn print_list(&self, path: &str, secret: Option<&Secret>) -> Result<u8, Stop> {
        let Some(secret) = secret else {
            if !self.is_for_people() {
                self.print_json("{}")?;
                return Ok(2);
            }
            return Err(Stop::remote(format!("No value found at {path}")));
        };
        if secret.wrap_info().is_none() && names(secret).is_none() {
            return Err(Stop::remote(format!("No entries found at {path}")));
        }
        self.print_names(secret)
    }

    /// Prints members as a table; nothing for none.
    pub(super) fn print_members(&self, members: Members<'_>) -> Result<u8, Stop> {
        let rows: Vec<Row> = sorted(members)
            .into_iter()
            .map(|(name, value)| pair(name, shown(name, value)))
            .collect();
        if rows.is_empty() { Ok(0) } else { say(&table(&KEY_VALUE, rows)) }
    }

    /// Prints what a write came back with, or that it is done. Programs get nothing of the latter.
    pub(super) fn print_done(&self, secret: Option<&Secret>, done: &str) -> Result<u8, Stop> {
        match secret {
            Some(secret) => self.print_secret_or_field(secret),
            None if self.is_for_people() => say(done),
            None => Ok(0),
        }
    }

    /// Tells people what the server warns of.
    pub(super) fn print_warnings(&self, secret: &Secret) {
        let mut lines = String::new();
        for warning in secret.warnings() {
            lines.push_str(&wrapped(&format!("* {warning}"), "  "));
            lines.push_str("\n\n");
        }
        if !lines.is_empty() {
            tell(&format!(
                "WARNING! The following warnings were returned from Vault:\n\n{}",
                lines.trim_end()
            ));
        }
    }
}

/// Prints a line, or lines.
pub(super) fn say(text: &str) -> Result<u8, Stop> {
    let mut stdout = io::stdout().lock();
    let written = stdout.write_all(text.as_bytes()).and_then(|()| stdout.write_all(b"\n"));
    written.and_then(|()| stdout.flush()).map_err(no_reader)?;
    Ok(0)
}

/// Prints a text: as a line in a terminal, as it is for programs.
pub(super) fn print_raw(text: &str) -> Result<u8, Stop> {
    if io::stdout().is_terminal() {
        return say(text);
    }
    print_bytes(text.as_bytes())
}

/// Prints bytes as they are.
pub(super) fn print_bytes(bytes: &[u8]) -> Result<u8, Stop> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(bytes).and_then(|()| stdout.flush()).map_err(no_reader)?;
    Ok(0)
}

fn no_reader(error: io::Error) -> Stop {
    Stop::local(format!("the output cannot be written: {error}"))
}

/// A line for people beside the output.
pub(super) fn tell(text: &str) {
    // Nobody may be there to read it.
    let _ = writeln!(io::stderr(), "{text}");
}

/// Prose in lines that fit.
pub(super) fn wrapped(text: &str, indent: &str) -> String {
    let mut lines = indent.to_owned();
    let mut column = indent.len();
    for (at, word) in text.split_whitespace().enumerate() {
        if at > 0 && column + 1 + word.len() > WIDTH {
            lines.push('\n');
            lines.push_str(indent);
            column = indent.len();
        } else if at > 0 {
            lines.push(' ');
            column += 1;
        }
        lines.push_str(word);
        column += word.len();
    }
    lines
}

/// A row of plain cells.
pub(super) fn row<const N: usize>(cells: [&str; N]) -> Row {
    cells.map(|cell| Zeroizing::new(cell.to_owned())).to_vec()
}

/// A row of a name and its value.
pub(super) fn pair(name: &str, value: Zeroizing<String>) -> Row {
    vec![Zeroizing::new(name.to_owned()), value]
}

/// The names of a list.
pub(super) fn names(secret: &Secret) -> Option<Vec<&str>> {
    Some(secret.datum("keys")?.items()?.filter_map(Value::as_str).collect())
}

/// A secret as rows of a table.
fn rows(secret: &Secret) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut add = |name: &str, value: &str| rows.push(row([name, value]));
    if let Some(seconds) = secret.lease_seconds() {
        let duration = human_duration(seconds);
        match secret.lease_id() {
            Some(id) => {
                add("lease_id", id);
                add("lease_duration", &duration);
                add("lease_renewable", if secret.is_renewable() { "true" } else { "false" });
            }
            None => add("refresh_interval", &duration),
        }
    }
    if let Some(auth) = secret.auth() {
        rows.extend(auth_rows(auth));
    }
    if let Some(wrap) = secret.wrap_info() {
        for (name, member) in [
            ("wrapping_token:", "token"),
            ("wrapping_accessor:", "accessor"),
            ("wrapping_token_ttl:", "ttl"),
            ("wrapping_token_creation_time:", "creation_time"),
            ("wrapping_token_creation_path:", "creation_path"),
            ("wrapped_accessor:", "wrapped_accessor"),
        ] {
            if let Some(value) = wrap.get(member)
                && (member != "wrapped_accessor" || value.as_str() != Some(""))
            {
                rows.push(pair(name, shown(member, value)));
            }
        }
    }
    for (name, value) in secret.data().map(sorted).unwrap_or_default() {
        rows.push(pair(name, shown(name, value)));
    }
    rows
}

fn auth_rows(auth: Members<'_>) -> Vec<Row> {
    if let Some(requirement) = auth.get("mfa_requirement").and_then(Value::members) {
        return mfa_rows(requirement);
    }
    let plain = |member: &str| auth.get(member).map(|value| shown("", value)).unwrap_or_default();
    let seconds = auth.get("lease_duration").and_then(whole).unwrap_or(0);
    // A token without an end.
    let duration = if seconds == 0 { "\u{221e}".to_owned() } else { human_duration(seconds) };
    let quoted = |member: &str| {
        let items = auth.get(member).and_then(Value::items);
        let items: Vec<_> =
            items.into_iter().flatten().map(|item| canonical(item).to_string()).collect();
        Zeroizing::new(format!("[{}]", items.join(" ")))
    };
    let mut rows = vec![
        pair("token", plain("client_token")),
        pair("token_accessor", plain("accessor")),
        pair("token_duration", Zeroizing::new(duration)),
        pair("token_renewable", plain("renewable")),
        pair("token_policies", quoted("token_policies")),
        pair("identity_policies", quoted("identity_policies")),
        pair("policies", quoted("policies")),
    ];
    let metadata = auth.get("metadata").and_then(Value::members);
    for (name, value) in metadata.map(sorted).unwrap_or_default() {
        rows.push(pair(&format!("token_meta_{name}"), shown("", value)));
    }
    rows
}

/// What a login still wants: a second factor.
fn mfa_rows(requirement: Members<'_>) -> Vec<Row> {
    let id = requirement.get("mfa_request_id").map(|id| shown("", id)).unwrap_or_default();
    let mut rows = vec![pair("mfa_request_id", id)];
    let constraints = requirement.get("mfa_constraints").and_then(Value::members);
    for (name, constraint) in constraints.map(sorted).unwrap_or_default() {
        let any = constraint.members().and_then(|members| members.get("any"));
        for method in any.and_then(Value::items).into_iter().flatten().filter_map(Value::members) {
            let text = |member: &str| method.get(member).map(|value| shown("", value));
            let kind = text("type").unwrap_or_default();
            for member in ["id", "uses_passcode", "name"] {
                if let Some(value) = text(member).filter(|value| !value.is_empty()) {
                    let name = format!("mfa_constraint_{name}_{}_{member}", *kind);
                    rows.push(pair(&name, value));
                }
            }
        }
    }
    rows
}

/// An object of one string; many requests are.
pub(super) fn one(name: &str, value: &str) -> Zeroizing<String> {
    Zeroizing::new(Object::new().string(name, value).finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> String {
        let secret = Secret::from_text(text).ok().flatten().unwrap();
        table(&KEY_VALUE, rows(&secret)).to_string()
    }

    #[test]
    fn a_secret_is_shown_as_the_reference_does() {
        const CASES: [(&str, &str); 4] = [
            (
                r#"{"lease_duration":2764800,"data":{"user":"ann","pin":1234}}"#,
                "refresh_interval    768h\npin                 1234\nuser                ann",
            ),
            (
                r#"{"lease_id":"a/b","lease_duration":60,"renewable":true,"data":{"k":"v"}}"#,
                "lease_id           a/b\nlease_duration     1m\nlease_renewable    true\nk                  v",
            ),
            (
                r#"{"auth":{"client_token":"s.x","accessor":"y","policies":["root"],
                    "token_policies":["root"],"metadata":{"m":"n"},"lease_duration":0,
                    "renewable":false}}"#,
                "token                s.x\ntoken_accessor       y\ntoken_duration       \u{221e}\n\
                 token_renewable      false\ntoken_policies       [\"root\"]\nidentity_policies    []\n\
                 policies             [\"root\"]\ntoken_meta_m         n",
            ),
            (
                r#"{"wrap_info":{"token":"s.w","accessor":"a","ttl":300,"creation_time":"2026",
                    "creation_path":"p","wrapped_accessor":""}}"#,
                "wrapping_token:                  s.w\nwrapping_accessor:               a\n\
                 wrapping_token_ttl:              5m\nwrapping_token_creation_time:    2026\n\
                 wrapping_token_creation_path:    p",
            ),
        ];
        for (text, want) in CASES {
            let shown = of(text);
            let (_, body) = shown.split_once("-----\n").unwrap();
            assert_eq!(body, want, "{text}");
        }
    }

    #[test]
    fn prose_keeps_to_its_columns() {
        let text = wrapped(&"word ".repeat(40), "  ");
        assert!(text.lines().all(|line| line.len() <= WIDTH && line.starts_with("  word")));
        assert_eq!(text.split_whitespace().count(), 40);
    }
}
