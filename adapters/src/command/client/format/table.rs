//! Tables: columns that are padded to their widest cell, and values as people read them.

use strongroom_core::json::{Kind, Value};
use zeroize::Zeroizing;

use super::{sorted, whole};

/// Cells of one line; they may be secret.
pub(in crate::command::client) type Row = Vec<Zeroizing<String>>;

/// Between columns.
const GAP: &str = "    ";
/// What stands in a cell of nothing.
const NOTHING: &str = "n/a";

/// Rows below each other, without a line at the end.
pub(in crate::command::client) fn columns(rows: &[Row]) -> Zeroizing<String> {
    let mut widths: Vec<usize> = Vec::new();
    for row in rows {
        for (at, cell) in row.iter().enumerate() {
            let width = content(cell).chars().count();
            match widths.get_mut(at) {
                Some(widest) => *widest = width.max(*widest),
                None => widths.push(width),
            }
        }
    }
    let mut text = Zeroizing::new(String::new());
    for (at, row) in rows.iter().enumerate() {
        if at > 0 {
            text.push('\n');
        }
        for (at, cell) in row.iter().enumerate() {
            let cell = content(cell);
            text.push_str(cell);
            if at + 1 < row.len() {
                let width = widths.get(at).copied().unwrap_or(0);
                text.extend(std::iter::repeat_n(' ', width - cell.chars().count()));
                text.push_str(GAP);
            }
        }
    }
    text
}

/// The same with a line of names above, and dashes below them.
pub(in crate::command::client) fn table(names: &[&str], rows: Vec<Row>) -> Zeroizing<String> {
    let own = |text: String| Zeroizing::new(text);
    let mut all = vec![
        names.iter().map(|name| own((*name).to_owned())).collect(),
        names.iter().map(|name| own("-".repeat(name.len()))).collect::<Row>(),
    ];
    all.extend(rows);
    columns(&all)
}

fn content(cell: &str) -> &str {
    let cell = cell.trim();
    if cell.is_empty() { NOTHING } else { cell }
}

/// A value of a member of this name: seconds of a time to live as a duration, all else plain.
pub(in crate::command::client) fn shown(name: &str, value: Value<'_>) -> Zeroizing<String> {
    if looks_like_duration(name)
        && let Some(seconds) = whole(value)
    {
        return Zeroizing::new(human_duration(seconds));
    }
    let mut text = Zeroizing::new(String::new());
    push_plain(&mut text, value);
    text
}

/// A value in the form of the reference's language: `[a b]`, `map[k:v]`, `<nil>`.
fn push_plain(text: &mut String, value: Value<'_>) {
    match value.kind() {
        Kind::Null => text.push_str("<nil>"),
        Kind::Bool(value) => text.push_str(if value { "true" } else { "false" }),
        Kind::Number(digits) => text.push_str(digits),
        Kind::String(string) => text.push_str(string),
        Kind::Array(items) => {
            text.push('[');
            for (at, item) in items.enumerate() {
                if at > 0 {
                    text.push(' ');
                }
                push_plain(text, item);
            }
            text.push(']');
        }
        Kind::Object(members) => {
            text.push_str("map[");
            for (at, (name, value)) in sorted(members).into_iter().enumerate() {
                if at > 0 {
                    text.push(' ');
                }
                text.push_str(name);
                text.push(':');
                push_plain(text, value);
            }
            text.push(']');
        }
    }
}

/// Whether a member of this name holds seconds.
fn looks_like_duration(name: &str) -> bool {
    let is_one = |word: &str| {
        name.strip_suffix(word).is_some_and(|front| front.is_empty() || front.ends_with('_'))
    };
    is_one("period")
        || is_one("ttl")
        || is_one("duration")
        || matches!(name, "lease_max" | "ttl_max")
}

/// Seconds as `768h`, `1h30m`, `45s`.
pub(in crate::command::client) fn human_duration(seconds: i64) -> String {
    let mut text = if seconds < 0 { "-".to_owned() } else { String::new() };
    let seconds = seconds.unsigned_abs();
    let parts = [(seconds / 3600, 'h'), (seconds / 60 % 60, 'm'), (seconds % 60, 's')];
    for (count, unit) in parts {
        if count > 0 {
            text.push_str(&format!("{count}{unit}"));
        }
    }
    if seconds == 0 {
        text.push_str("0s");
    }
    text
}

#[cfg(test)]
mod tests {
    use strongroom_core::json::{Limits, parse_one};

    use super::*;

    #[test]
    fn pads_columns_and_marks_empty_cells() {
        let row = |cells: [&str; 2]| cells.map(|cell| Zeroizing::new(cell.to_owned())).to_vec();
        let rows = vec![row(["a", "1"]), row(["\u{e9}bc", ""]), row(["longer", " x "])];
        let want = "Key       Value\n---       -----\na         1\n\u{e9}bc       n/a\nlonger    x";
        assert_eq!(table(&["Key", "Value"], rows).as_str(), want);
    }

    #[test]
    fn shows_values_as_the_reference_does() {
        const CASES: [(&str, &str, &str); 14] = [
            ("a", "null", "<nil>"),
            ("a", "true", "true"),
            ("a", "12345678901234567890.10", "12345678901234567890.10"),
            ("a", r#""x y""#, "x y"),
            ("a", r#"["a","b",[]]"#, "[a b []]"),
            ("a", r#"{"b":1,"a":{"c":null},"b":2}"#, "map[a:map[c:<nil>] b:2]"),
            ("ttl", "2764800", "768h"),
            ("max_ttl", "0", "0s"),
            ("token_period", "5400", "1h30m"),
            ("lease_duration", "3630", "1h30s"),
            ("period", "1.5", "1.5"),
            ("ttl", r#""768h""#, "768h"),
            ("lease_max", "-60", "-1m"),
            ("throttle", "60", "60"),
        ];
        for (name, text, want) in CASES {
            let doc = parse_one(text.as_bytes(), &Limits::default()).unwrap();
            assert_eq!(shown(name, doc.root()).as_str(), want, "{name} {text}");
        }
    }
}
