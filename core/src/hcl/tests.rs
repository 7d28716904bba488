//! What files in HCL come to, and what is said of those that are none.

use core::fmt::Write;

use super::*;

/// A block as JSON would have it, with repeated names.
fn shown(block: &Block) -> String {
    fn show(value: &Value, out: &mut String) {
        match value {
            Value::Null => out.push_str("null"),
            Value::Bool(value) => write!(out, "{value}").unwrap(),
            Value::Number(text) => out.push_str(text),
            Value::Text(text) => write!(out, "{:?}", text.as_str()).unwrap(),
            Value::List(items) => {
                out.push('[');
                for item in items {
                    show(item, out);
                    out.push(' ');
                }
                out.push(']');
            }
            Value::Block(block) => {
                out.push('{');
                for Item { name, value, .. } in &block.0 {
                    write!(out, "{name:?}:").unwrap();
                    show(value, out);
                    out.push(' ');
                }
                out.push('}');
            }
        }
    }
    let mut out = String::new();
    for Item { name, value, .. } in &block.0 {
        write!(out, "{name:?}:").unwrap();
        show(value, &mut out);
        out.push(' ');
    }
    out
}

/// Texts in HCL, and the same in JSON.
const CASES: &[(&str, &str)] = &[
    ("", "{}"),
    (" \r\n\t", "{}"),
    ("# one\n// two\n/* three\n * four */ /**/ # end", "{}"),
    ("a = 1\nb=2 c = 3", r#"{"a":1,"b":2,"c":3}"#),
    ("a = 1, b = 2,\nc {},", r#"{"a":1,"b":2,"c":{}}"#),
    ("a = # why\n /* not */ 1 // so", r#"{"a":1}"#),
    (
        "\"a b\" = 1\r\nc-d.e_f = 2\r\n_g=3\r\n\u{e9}=4",
        r#"{"a b":1,"c-d.e_f":2,"_g":3,"\u00e9":4}"#,
    ),
    ("a = true b = false c = \"true\"", r#"{"a":true,"b":false,"c":"true"}"#),
    ("true = 1", r#"{"true":1}"#),
    (
        "a = 0 b = -1 c = 1.5 d = -2.5e-3 e = 1e3 f=1E+3",
        r#"{"a":0,"b":-1,"c":1.5,"d":-2.5e-3,"e":1e3,"f":1E+3}"#,
    ),
    // Blocks.
    ("a {}", r#"{"a":{}}"#),
    ("a\n{\n}\n", r#"{"a":{}}"#),
    ("a = {}", r#"{"a":{}}"#),
    ("a \"b\" {\n c = 1\n}", r#"{"a":{"b":{"c":1}}}"#),
    ("\"a\" \"b\" { \"c\" = \"d\" }", r#"{"a":{"b":{"c":"d"}}}"#),
    ("a b c { d = 1 }", r#"{"a":{"b":{"c":{"d":1}}}}"#),
    ("plugin \"auth\" \"aws\" {}", r#"{"plugin":{"auth":{"aws":{}}}}"#),
    ("l \"t\" {}\nl \"t\" { a = 1 }", r#"{"l":{"t":{}},"l":{"t":{"a":1}}}"#),
    ("a { b = { c { d = 1 } } e = 2 }", r#"{"a":{"b":{"c":{"d":1}},"e":2}}"#),
    // Lists.
    ("a = []", r#"{"a":[]}"#),
    ("a = [\n  1, # one\n  \"b\",\n  true,\n]\nb = [1,2]", r#"{"a":[1,"b",true],"b":[1,2]}"#),
    ("a = [{ b = 1 }, { c = [[], [2]] }]", r#"{"a":[{"b":1},{"c":[[],[2]]}]}"#),
    ("a = [<<X\nb\nX\n, 1]", r#"{"a":["b\n",1]}"#),
    // Texts.
    ("a = \"\"", r#"{"a":""}"#),
    (r#"a = "\"\\\n\r\t\a\b\f\v""#, r#"{"a":"\"\\\n\r\t\u0007\b\f\u000b"}"#),
    (r#"a = "\x41\101\u00e9\U0001f512\xc3\xa9""#, r#"{"a":"AA\u00e9\ud83d\udd12\u00e9"}"#),
    ("a = \"\u{e9} # // /* { [ = ,\"", r#"{"a":"\u00e9 # // /* { [ = ,"}"#),
    (r#"a = "$ $$ {b} ${c "d" \n {e}} f" g = 1"#, r#"{"a":"$ $$ {b} ${c \"d\" \\n {e}} f","g":1}"#),
    ("a = \"${b\n}\"", r#"{"a":"${b\n}"}"#),
    // Lines up to a marker.
    ("a = <<EOF\nb\n  c\nEOF\nd = 1", r#"{"a":"b\n  c\n","d":1}"#),
    ("a = <<EOF\nEOF", r#"{"a":""}"#),
    ("a = <<EOF\nEOF b\n EOFX\n\tEOF\n", r#"{"a":"EOF b\n EOFX\n"}"#),
    ("a = <<-EOF\n    b\n      \"c\" ${d} \\n\n    EOF\n", r#"{"a":"b\n  \"c\" ${d} \\n\n"}"#),
    ("a = <<-EOF\n  b\n c\n  EOF\n", r#"{"a":"  b\n c\n"}"#),
    ("a = <<EOF\r\nb\r\nEOF\r\nc = 1", r#"{"a":"b\r\n","c":1}"#),
];

#[test]
fn reads_what_json_would_say() {
    for (hcl, as_json) in CASES {
        let want = json::read(as_json.as_bytes()).map(|block| shown(&block));
        let got = read(hcl.as_bytes()).map(|block| shown(&block));
        assert_eq!(got, want, "{hcl}");
    }
}

#[test]
fn keeps_numbers_as_they_are_written() {
    let block = read(b"a = 0x1F b = 0644 c = 00 d = -0X1f e = 01.5").unwrap_or_default();
    assert_eq!(shown(&block), r#""a":0x1F "b":0644 "c":00 "d":-0X1f "e":01.5 "#);
}

#[test]
fn knows_the_line_of_every_name() {
    fn walk(value: &Value, out: &mut String) {
        match value {
            Value::Block(block) => {
                for Item { line, name, value } in &block.0 {
                    write!(out, "{name}@{line} ").unwrap();
                    walk(value, out);
                }
            }
            Value::List(items) => items.iter().for_each(|item| walk(item, out)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Text(_) => {}
        }
    }
    const CASES: [(&str, &str); 11] = [
        ("a = 1", "a@1 "),
        ("# one\n\na = 1\r\nb\n=\n2 c = 3", "a@3 b@4 c@6 "),
        ("a \"b\"\n c {\n d = [\n1,\n{ e = 1 }\n] }\nf = 1", "a@1 b@1 c@2 d@3 e@5 f@7 "),
        ("a = <<X\nb\nc\nX\nd = 1", "a@1 d@5 "),
        ("/*\n*/ a = \"${\n}\" b = 1", "a@2 b@3 "),
        ("{}", ""),
        ("{\"a\":1}", "a@1 "),
        (
            "\n{\n\"a\"\n: \"x\",\"b\":\n{\"c\":[{\"d\":\"\"}\n,{\"a\":{}}]}}",
            "a@3 b@4 c@5 d@5 a@6 ",
        ),
        ("{\"a\":[\"b\",\"c\"],\n\"d\":\"e\"}", "a@1 d@2 "),
        (r#"{"a":"\":","b":1}"#, "a@1 b@1 "),
        ("{\"a\":\"\\\":\",\n\"\\\\\":\"\\\\\\\":{\",\n\"\\u000a\":1}", "a@1 \\@2 \n@3 "),
    ];
    for (text, want) in CASES {
        let block = read_document(text.as_bytes());
        let block = block.unwrap_or_else(|error| panic!("{text}: {error}"));
        let mut got = String::new();
        walk(&Value::Block(block), &mut got);
        assert_eq!(got, want, "{text}");
    }
}

#[test]
fn takes_a_document_that_begins_with_a_brace_for_json() {
    const CASES: [(&str, Result<&str, &str>); 6] = [
        ("", Ok("")),
        ("{\"a\": 1}", Ok("\"a\":1 ")),
        (" \r\n\t{\"a\": null}", Ok("\"a\":null ")),
        ("# {\na = 1", Ok("\"a\":1 ")),
        ("{a = 1}", Err("line 1, column 2: this is not JSON: expected a name in quotes or '}'")),
        ("[1]", Err("line 1, column 1: this is not HCL: expected a name")),
    ];
    for (text, want) in CASES {
        let got = read_document(text.as_bytes()).map(|block| shown(&block));
        assert_eq!(got.as_ref().map(String::as_str).map_err(String::as_str), want, "{text}");
    }
}

#[test]
fn takes_documents_up_to_a_length() {
    for (start, end) in [("", ""), ("{", "}")] {
        let spaces = " ".repeat(DOCUMENT_BYTES_MAX - start.len() - end.len());
        let fits = format!("{start}{spaces}{end}");
        assert!(read_document(fits.as_bytes()).is_ok());
        let error = read_document(format!("{fits} ").as_bytes()).err();
        assert_eq!(error.as_deref(), Some("more than 1048576 bytes"));
    }
}

#[test]
fn says_where_a_file_is_not_hcl_and_repeats_nothing_of_it() {
    const NAME: &str = "a name";
    const VALUE: &str = "a value: a text in quotes, a number, true, false, [..] or {..}";
    const NUMBER: &str = "a number such as 5, -1, 0.5, 1e3, 0x1f or 0644";
    const QUOTE: &str = "a text that ends in '\"' on its line";
    const ESCAPE: &str = "an escape such as \\n, \\\", \\\\ or \\u00e9";
    const HEREDOC: &str = "'<<', a word, and lines up to one that is this word";
    const CASES: &[(&str, u32, u32, &str)] = &[
        ("= 1", 1, 1, NAME),
        ("canary = 1\n  }", 2, 3, NAME),
        ("canary", 1, 7, "'=', '{' or a label"),
        ("canary \"canary\" = 1", 1, 17, "'{' or a label"),
        ("canary = 1,, b = 2", 1, 12, NAME),
        ("canary : 1", 1, 8, "'=', '{' or a label"),
        ("5 = 1", 1, 1, NAME),
        ("<<A\nA\n = 1", 1, 1, NAME),
        ("canary =", 1, 9, VALUE),
        ("a = canary", 1, 5, VALUE),
        ("a = null", 1, 5, VALUE),
        ("a = ]", 1, 5, VALUE),
        ("a = ;", 1, 5, VALUE),
        ("a = \0", 1, 5, VALUE),
        ("a {\n  b = 1\n", 3, 1, "a name or '}'"),
        ("a { b = 1 ]", 1, 11, "a name or '}'"),
        ("a = [1 2]", 1, 8, "',' or ']'"),
        ("a = [1", 1, 7, "',' or ']'"),
        ("a = [,]", 1, 6, VALUE),
        ("a = [1,", 1, 8, VALUE),
        ("a = -", 1, 5, NUMBER),
        ("a = 08", 1, 5, NUMBER),
        ("a = 0x", 1, 5, NUMBER),
        ("a = 12canary", 1, 5, NUMBER),
        ("a = 1e", 1, 5, NUMBER),
        ("a = -inf", 1, 5, NUMBER),
        ("a = 1_000", 1, 5, NUMBER),
        ("a = \"canary", 1, 5, QUOTE),
        ("a = \"canary\n\"", 1, 5, QUOTE),
        ("a = \"canary\\", 1, 5, QUOTE),
        ("a = \"canary ${\"", 1, 5, QUOTE),
        ("a = \"\\canary\"", 1, 6, ESCAPE),
        ("a = \"b\\x4\"", 1, 7, ESCAPE),
        ("a = \"b\\x+4\"", 1, 7, ESCAPE),
        ("a = \"\\400\"", 1, 6, ESCAPE),
        ("a = \"\\u12\"", 1, 6, ESCAPE),
        ("a = \"\\ud800\"", 1, 6, ESCAPE),
        ("a = \"canary\\xff\"", 1, 6, "escapes that give text in UTF-8"),
        ("a = <<EOF\ncanary\n", 1, 5, HEREDOC),
        ("a = <<EOF", 1, 5, HEREDOC),
        ("a = <<\ncanary\n", 1, 5, HEREDOC),
        ("a = <<E F\nE F\n", 1, 5, HEREDOC),
        ("a = <EOF\nEOF\n", 1, 5, HEREDOC),
        ("a = 1\n/* canary", 2, 1, "a comment that ends in '*/'"),
    ];
    for (text, line, column, expected) in CASES {
        let want = format!("line {line}, column {column}: this is not HCL: expected {expected}");
        assert_eq!(read(text.as_bytes()).err(), Some(want), "{text}");
    }
    let not_utf8 = read(b"a = 1\nb = \"\xff\"").err();
    let want = "line 2, column 6: this is not HCL: expected text in UTF-8";
    assert_eq!(not_utf8.as_deref(), Some(want));
    for number in ["1e999", "0x8000000000000000", "07777777777777777777777"] {
        let error = read(format!("a = {number}").as_bytes()).err();
        assert_eq!(error.as_deref(), Some("line 1, column 5: a number out of range"), "{number}");
    }
}

#[test]
fn goes_as_deep_as_json_and_no_deeper() {
    let nest = |open: &str, count: usize, close: &str| {
        format!("a = {}1{}", open.repeat(count), close.repeat(count))
    };
    let labels = |count: usize| format!("a {} {{}}", "b ".repeat(count));
    for (fits, is_deep) in [
        (nest("[", DOCUMENT_DEPTH_MAX - 1, "]"), nest("[", DOCUMENT_DEPTH_MAX, "]")),
        (
            format!(
                "{}{}",
                "a {".repeat(DOCUMENT_DEPTH_MAX - 1),
                "}".repeat(DOCUMENT_DEPTH_MAX - 1)
            ),
            format!("{}{}", "a {".repeat(DOCUMENT_DEPTH_MAX), "}".repeat(DOCUMENT_DEPTH_MAX)),
        ),
        (labels(DOCUMENT_DEPTH_MAX - 2), labels(DOCUMENT_DEPTH_MAX - 1)),
    ] {
        assert!(read(fits.as_bytes()).is_ok(), "{fits}");
        let error = read(is_deep.as_bytes()).err().unwrap_or_default();
        assert!(error.ends_with(": more than 32 levels of blocks and lists"), "{is_deep}: {error}");
    }
    let as_json =
        format!("{}1{}", "[".repeat(DOCUMENT_DEPTH_MAX - 1), "]".repeat(DOCUMENT_DEPTH_MAX - 1));
    assert!(json::read(format!("{{\"a\":{as_json}}}").as_bytes()).is_ok());
}

/// Any change of a good file is read or refused with a place that is in it, and never a panic.
#[test]
fn survives_every_mutation_of_good_files() {
    const STORM: &[u8] = b"{}[]=,\"\\$#/*<-0x9e.\n\r\0a\xc3\xa9 ";
    let mut random = Random(7);
    for round in 0..40_000 {
        let mut bytes = CASES[random.below(CASES.len())].0.as_bytes().to_vec();
        bytes.extend(CASES[random.below(CASES.len())].0.as_bytes());
        for _ in 0..=random.below(4) {
            let at = random.below(bytes.len() + 1);
            match random.below(4) {
                0 => bytes.truncate(at),
                1 => drop(bytes.drain(at..bytes.len().min(at + random.below(5)))),
                2 => bytes.insert(at, STORM[random.below(STORM.len())]),
                _ => bytes.extend_from_within(at..),
            }
        }
        let Err(error) = read(&bytes) else { continue };
        let place = error.strip_prefix("line ").and_then(|rest| rest.split_once(':'));
        let place = place.and_then(|(place, _)| place.split_once(", column "));
        let (line, column) = place.unwrap_or_else(|| panic!("round {round}: {error}"));
        let line =
            line.parse().ok().and_then(|line: usize| bytes.split(|&b| b == b'\n').nth(line - 1));
        let column: usize = column.parse().unwrap();
        assert!(column <= line.unwrap().len() + 1, "round {round}: {error}");
    }
}

/// Were it not linear, this would take an hour.
#[test]
fn reads_hostile_files_in_time_that_is_in_proportion() {
    const LENGTH: usize = 256 * 1024;
    for part in [
        "/*",
        "\"${",
        "<<A\n",
        "a=<<A\nA\n",
        "a{}",
        "a=[",
        "[",
        "a ",
        "a=1,",
        "\\",
        "\"\\\"",
        "#\n",
        "{",
        "a=\"${{\"\n",
        "a=<<-A\n \n",
        "a=\"\\u0041\"",
        "-",
        "9",
        "\"",
        "$",
        "/**/",
    ] {
        let text = part.repeat(LENGTH / part.len());
        for start in ["", "a = ", "a = \"", "a = [", "a = <<-A\n"] {
            drop(read(format!("{start}{text}").as_bytes()));
        }
    }
}

/// A generator whose numbers are the same in every run (xorshift).
struct Random(u64);

impl Random {
    /// A number below this one.
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap() % end.max(1)
    }
}
