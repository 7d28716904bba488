//! Tables of the JSON rules, and serde_json as a second opinion on what is JSON at all.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use alloc::{format, vec};

use super::*;

fn canonical(body: &str) -> Result<Option<String>, Error> {
    parse(body.as_bytes(), &Limits::default()).map(|doc| {
        doc.map(|doc| {
            let mut out = String::new();
            doc.root().write_canonical(&mut out);
            out
        })
    })
}

#[test]
fn writes_the_canonical_text() {
    const CASES: [(&str, &str); 17] = [
        ("{}", "{}"),
        (" [ ] ", "[]"),
        (r#"{"b":1,"a":2}"#, r#"{"a":2,"b":1}"#),
        (r#"{"x":1,"y":{"a":1},"x":2,"y":{"b":2}}"#, r#"{"x":2,"y":{"b":2}}"#),
        (r#"[1,1.0,1e5,1E+2,-0,12345678901234567890]"#, "[1,1.0,1e5,1E+2,-0,12345678901234567890]"),
        (r#"[null,true,false,"",[],{}]"#, r#"[null,true,false,"",[],{}]"#),
        (
            r#"{"":9,"10":5,"9":6,"A":4,"_":8,"a":2,"é":7}"#,
            r#"{"":9,"10":5,"9":6,"A":4,"_":8,"a":2,"é":7}"#,
        ),
        (r#""<a>&\u2028\u2029""#, r#""\u003ca\u003e\u0026\u2028\u2029""#),
        (r#""a€b…\u2028‘c""#, r#""a€b…\u2028‘c""#),
        (
            r#""\u0000\u001f\u007f\b\f\n\r\t\/\\\"""#,
            "\"\\u0000\\u001f\u{7f}\\b\\f\\n\\r\\t/\\\\\\\"\"",
        ),
        (r#""\ud83d\ude00""#, "\"\u{1f600}\""),
        (r#""\ud83d!""#, "\"\u{fffd}!\""),
        (r#""\ud83d\u0041""#, "\"\u{fffd}A\""),
        (r#""\ude00""#, "\"\u{fffd}\""),
        (r#""\ud83d\ud83d\ude00""#, "\"\u{fffd}\u{1f600}\""),
        (r#"{"x":2} {"x":3}"#, r#"{"x":2}"#),
        ("1 2 3", "1"),
    ];
    for (body, text) in CASES {
        assert_eq!(canonical(body), Ok(Some(text.to_string())), "{body}");
        assert_eq!(canonical(text), Ok(Some(text.to_string())), "canonical text is stable");
    }
}

#[test]
fn replaces_each_byte_that_is_no_utf8() {
    let doc = parse(b"\"a\xff\xfeb\xe2\x82\"", &Limits::default()).unwrap().unwrap();
    let Kind::String(text) = doc.root().kind() else { panic!("a string") };
    assert_eq!(text, "a\u{fffd}\u{fffd}b\u{fffd}\u{fffd}");
}

#[test]
fn refuses_what_is_no_json() {
    const CASES: [(&str, &str, usize); 22] = [
        ("xyz", "a value", 0),
        ("not", "'null'", 0),
        ("{bad}", "a name in quotes or '}'", 1),
        ("{\"a\":1,}", "a name in quotes", 7),
        ("{\"a\" 1}", "':' behind a name", 5),
        ("{\"a\":1 \"b\":2}", "',' or '}'", 7),
        ("[1 2]", "',' or ']'", 3),
        ("[1,]", "a value", 3),
        ("{\"a\":1}}", "a value", 7),
        ("{\"a\":tru}", "'true'", 5),
        ("{\"x\":1", "',' or '}'", 6),
        ("{\"x\":", "a value", 5),
        ("[", "a value", 1),
        ("{", "a name in quotes or '}'", 1),
        ("\"a", "'\"' at the end of a string", 2),
        ("\"a\nb\"", "no control character in a string", 2),
        ("\"\\x\"", "a known escape", 2),
        ("\"\\u12g4\"", "four hex digits", 5),
        ("01", "no digit behind a leading zero", 1),
        ("-", "a digit", 1),
        ("1.", "a digit", 2),
        ("1e+", "a digit", 3),
    ];
    for (body, expected, at) in CASES {
        assert_eq!(canonical(body), Err(Error::Syntax { expected, at }), "{body}");
    }
}

#[test]
fn finds_nothing_in_white_space() {
    for body in ["", " ", "\r\n\t "] {
        assert_eq!(canonical(body), Ok(None));
    }
}

#[test]
fn stops_at_each_limit() {
    let deep = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    assert!(canonical(&deep(10_000)).is_ok());
    assert_eq!(canonical(&deep(10_001)), Err(Error::Depth));
    assert_eq!(canonical("1e400"), Err(Error::NumberRange));
    assert!(canonical(&"9".repeat(300)).is_ok());

    let small = Limits { depth_max: 3, strings_max: Some(2), memory_max: Some(200) };
    let cases: Vec<(&str, Result<(), Error>)> = vec![
        (r#"{"a":"b"}"#, Ok(())),
        (r#"{"a":"b","c":1}"#, Err(Error::Strings)),
        (r#"["a"] ["b","c"]"#, Err(Error::Strings)),
        ("[[[1]]]", Ok(())),
        ("[[[[1]]]]", Err(Error::Depth)),
        // 40 for the array and 24 for each number: 160 and 24 are within 200, 208 is not.
        ("[1,2,3,4,5,6]", Ok(())),
        ("[1,2,3,4,5,6,7]", Err(Error::Memory)),
        // 88 for each object.
        ("{} {}", Ok(())),
        ("{} {} {}", Err(Error::Memory)),
    ];
    for (body, want) in cases {
        assert_eq!(parse(body.as_bytes(), &small).map(|_| ()), want, "{body}");
    }
}

#[test]
fn finds_members_by_their_last_value() {
    let doc = parse(br#"{"a":1,"b":[1,{"c":2}],"a":"z"}"#, &Limits::default()).unwrap().unwrap();
    let members = doc.object().unwrap();
    assert!(matches!(members.get("a").map(Value::kind), Some(Kind::String("z"))));
    let Some(Kind::Array(mut items)) = members.get("b").map(Value::kind) else { panic!("a list") };
    assert!(matches!(items.next().map(Value::kind), Some(Kind::Number("1"))));
    let Some(Kind::Object(inner)) = items.next().map(Value::kind) else { panic!("an object") };
    assert!(matches!(inner.get("c").map(Value::kind), Some(Kind::Number("2"))));
    assert!(items.next().is_none());
    assert!(members.get("c").is_none());
}

#[test]
fn makes_objects_of_pairs() {
    let pairs = [("b", vec!["1".to_string()]), ("a", vec!["2".to_string(), "3".to_string()])];
    let doc = Doc::from_pairs(pairs.iter().map(|(name, values)| (*name, values.as_slice())));
    let mut out = String::new();
    doc.root().write_canonical(&mut out);
    assert_eq!(out, r#"{"a":["2","3"],"b":"1"}"#);
}

/// Bodies made by changing valid ones a little: both parsers must agree on what is JSON, and on
/// what it says.
#[test]
fn agrees_with_serde_json() {
    const SEEDS: [&str; 4] = [
        r#"{"a":[1,-2.5e3,null,true],"b":{"c":"x\n\u00e9"},"d":""}"#,
        r#"[[],{},[{}],"\\",0.1,1E5]"#,
        r#"{"k":"v","k":"w"}"#,
        r#"  {"deep":[[[[["x"]]]]]}  "#,
    ];
    const BYTES: &[u8] = br#"{}[]",:\0129-+.eEtfn u"#;
    let mut agreed = 0;
    for seed in SEEDS {
        for at in 0..seed.len() {
            for &byte in BYTES {
                let mut body = seed.as_bytes().to_vec();
                body[at] = byte;
                let ours = parse(&body, &Limits::default());
                let theirs = serde_json::from_slice::<serde_json::Value>(&body);
                match (ours, theirs) {
                    (Ok(Some(doc)), Ok(value)) => {
                        let mut text = String::new();
                        doc.root().write_canonical(&mut text);
                        let again: serde_json::Value = serde_json::from_str(&text).unwrap();
                        assert_eq!(again, value, "{}", String::from_utf8_lossy(&body));
                        agreed += 1;
                    }
                    (Err(_), Err(_)) => agreed += 1,
                    // Several values in a row are ours alone.
                    (Ok(Some(_)), Err(error)) if error.to_string().contains("trailing") => {}
                    (ours, theirs) => {
                        let ours = ours.map(|doc| doc.is_some());
                        panic!("{}: {ours:?} {theirs:?}", String::from_utf8_lossy(&body));
                    }
                }
            }
        }
    }
    assert!(agreed > 1000);
}

#[test]
fn one_value_is_all_that_a_text_of_one_holds() {
    let cases: [(&str, Option<Error>); 6] = [
        (" {\"a\":1}\n", None),
        ("", Some(Error::Syntax { expected: "a value", at: 0 })),
        ("  ", Some(Error::Syntax { expected: "a value", at: 2 })),
        ("{} {}", Some(Error::Syntax { expected: "the end of the text", at: 3 })),
        ("{}x", Some(Error::Syntax { expected: "the end of the text", at: 2 })),
        ("{", Some(Error::Syntax { expected: "a name in quotes or '}'", at: 1 })),
    ];
    for (text, error) in cases {
        let outcome = parse_one(text.as_bytes(), &Limits::default());
        assert_eq!(outcome.err(), error, "{text}");
    }
}
