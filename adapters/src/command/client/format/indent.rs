//! JSON with two spaces for each level, from JSON without spaces.

use zeroize::Zeroizing;

/// Lays a text out. It must be JSON without spaces; empty arrays and objects stay in one line.
pub(in crate::command::client) fn indented(text: &str) -> Zeroizing<String> {
    let mut laid = Zeroizing::new(String::with_capacity(text.len() * 2));
    let mut depth = 0_usize;
    let mut in_string = false;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if in_string {
            laid.push(c);
            match c {
                '"' => in_string = false,
                '\\' => laid.extend(chars.next()),
                _ => {}
            }
            continue;
        }
        match c {
            '{' | '[' => {
                laid.push(c);
                if let Some(end) = chars.next_if(|next| matches!(next, '}' | ']')) {
                    laid.push(end);
                } else {
                    depth += 1;
                    break_line(&mut laid, depth);
                }
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                break_line(&mut laid, depth);
                laid.push(c);
            }
            ',' => {
                laid.push(c);
                break_line(&mut laid, depth);
            }
            ':' => laid.push_str(": "),
            _ => {
                in_string = c == '"';
                laid.push(c);
            }
        }
    }
    laid
}

fn break_line(text: &mut String, depth: usize) {
    text.push('\n');
    for _ in 0..depth {
        text.push_str("  ");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lays_out_every_kind() {
        const CASES: [(&str, &str); 6] = [
            ("1", "1"),
            ("{}", "{}"),
            ("[[],{}]", "[\n  [],\n  {}\n]"),
            (
                r#"{"a":1,"b":[true,null]}"#,
                "{\n  \"a\": 1,\n  \"b\": [\n    true,\n    null\n  ]\n}",
            ),
            (r#"{"a,{":"b\":[\\"}"#, "{\n  \"a,{\": \"b\\\":[\\\\\"\n}"),
            (r#"["\\\"]"]"#, "[\n  \"\\\\\\\"]\"\n]"),
        ];
        for (text, want) in CASES {
            assert_eq!(indented(text).as_str(), want, "{text}");
        }
    }
}
