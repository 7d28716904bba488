//! What documents mean, what is refused, and that every password keeps to its policy.

use alloc::borrow::ToOwned;
use alloc::string::ToString;
use core::fmt::Write;

use super::*;
use crate::random::Phase;

fn generator(seed: u8) -> Generator {
    Generator::new(&[seed; 32], Phase::Effect)
}

/// A policy in short: its length, its charset, and of each rule the number and the characters.
fn shown(policy: &Policy) -> String {
    let mut text = format!("{} {}", policy.length, String::from_iter(&policy.charset));
    for rule in &policy.rules {
        let members = policy.charset.iter().zip(&rule.members).filter(|(_, member)| **member);
        let members: String = members.map(|(c, _)| *c).collect();
        write!(text, " {}:{members}", rule.chars_min).unwrap();
    }
    text
}

#[test]
fn reads_documents_in_every_form() {
    const CASES: [(&str, &str); 15] = [
        ("length = 12 rule \"charset\" { charset = \"cab\" }", "12 abc"),
        ("length = 12\nrule \"charset\" {\n charset = \"ab\"\n min-chars = 3\n}", "12 ab 3:ab"),
        ("rule charset { charset = \"ab\" min-chars = 0 } length = 4", "4 ab"),
        ("length = 0x10 rule \"charset\" { charset = \"aabca\" min-chars = 1 }", "16 abc 1:abc"),
        (
            "length = 9 rule \"charset\" { charset = \"ab\" min-chars = 4 } rule \"charset\" { \
             charset = \"bc\" min-chars = 5 } rule \"charset\" { charset = \"d\" }",
            "9 abcd 4:ab 5:bc",
        ),
        ("length = 4 rule \"charset\" { charset = \"ab\" min-chars = -1 }", "4 ab"),
        ("length = 3 length = 5 rule \"charset\" { charset = \"z\" charset = \"y\" }", "5 y"),
        ("Length = 5 rule \"charset\" { Charset = \"z\" MIN-chars = 1 }", "5 z 1:z"),
        ("length = 5 other = 1 rule \"charset\" { charset = \"z\" other = \"a\" }", "5 z"),
        ("length = 5 rule \"charset\" { charset = \" \u{e9}\u{1f512}\" }", "5  \u{e9}\u{1f512}"),
        (
            "length = 5 rule = [{ charset { charset = \"a\" } }, { charset { charset = \"b\" } }]",
            "5 ab",
        ),
        (r#"{"length":8,"rule":[{"charset":{"charset":"a","min-chars":8}}]}"#, "8 a 8:a"),
        (r#"{"length":8,"rule":{"charset":{"charset":"a"}}}"#, "8 a"),
        (
            r#"{"length":8,"rule":{"charset":[{"charset":"a"},{"charset":"b","min-chars":1}]}}"#,
            "8 ab 1:b",
        ),
        (r#"{"length":100,"rule":[{"charset":{"charset":"a","min-chars":null}}]}"#, "100 a"),
    ];
    for (document, want) in CASES {
        let policy = Policy::parse(document).unwrap_or_else(|error| panic!("{document}: {error}"));
        assert_eq!(shown(&policy), want, "{document}");
    }
}

fn refusal(document: &str) -> String {
    Policy::parse(document).err().unwrap_or_else(|| panic!("{document}"))
}

#[test]
fn lists_what_a_policy_breaks() {
    const EMPTY: &str = "no charset specified";
    const SHORT: &str = "length must be > 0";
    const UNPRINTABLE: &str = "non-printable character in charset";
    const CASES: [(&str, &[&str]); 10] = [
        ("", &[SHORT, EMPTY]),
        ("length = 12", &[EMPTY]),
        ("length = 12 rule \"charset\" {}", &[EMPTY]),
        ("length = 12 rule {}", &[EMPTY]),
        ("length = 0 rule \"charset\" { charset = \"a\" }", &[SHORT]),
        ("length = -5 rule \"charset\" { charset = \"a\" }", &[SHORT]),
        (
            "length = 5 rule \"charset\" { charset = \"a\" min-chars = 6 } rule \"charset\" { \
             charset = \"b\" min-chars = -1 }",
            &["specified rules require at least 6 characters but 5 is specified"],
        ),
        (
            "length = 1 rule \"charset\" { min-chars = 9223372036854775807 } rule \"charset\" { \
             charset = \"\\u200b\" min-chars = 9223372036854775807 }",
            &[
                "specified rules require at least 9223372036854775807 characters but 1 is specified",
                UNPRINTABLE,
            ],
        ),
        ("length = 5 rule \"charset\" { charset = \"a\\n\" }", &[UNPRINTABLE]),
        ("length = 5 rule \"charset\" { charset = \"a\u{a0}\" }", &[UNPRINTABLE]),
    ];
    for (document, faults) in CASES {
        let want = format!("invalid password policy: {}", listed(faults));
        assert_eq!(refusal(document), want, "{document}");
    }
}

#[test]
fn refuses_lengths_that_no_password_may_have() {
    for length in ["3", "101", "9223372036854775807"] {
        let document = format!("length = {length} rule \"charset\" {{ charset = \"a\" }}");
        assert_eq!(refusal(&document), "passwords must be between 4 and 100 characters");
    }
}

#[test]
fn says_how_a_document_is_written() {
    const LENGTH: &str = "unable to decode: length must be a whole number";
    const BLOCK: &str = "a block such as rule \"charset\" { .. }";
    const CASES: [(&str, &str); 12] = [
        ("length = \"12\"", LENGTH),
        ("length = 12.5", LENGTH),
        ("length = [12]", LENGTH),
        ("length = ]", "unable to decode: line 1, column 10: this is not HCL: expected a value"),
        ("{\"length\":", "unable to decode: line 1, column 11: this is not JSON: expected a value"),
        ("length = 5 rule = \"canary\"", "a rule must be a block"),
        ("length = 5 rule = [1]", "a rule must be a block"),
        ("rule \"nope\" {}", "unable to parse rule nope: unrecognized rule type nope"),
        ("rule \"Charset\" {}", "unable to parse rule Charset: unrecognized rule type Charset"),
        ("rule { charset = \"canary\" }", "unable to parse rule charset: it must be a block"),
        ("rule \"charset\" { charset = 5 }", "charset must be a text, and is a number"),
        ("rule \"charset\" { min-chars = \"1\" }", "min-chars must be a whole number"),
    ];
    for (document, want) in CASES {
        let error = refusal(document);
        assert!(error.starts_with("invalid password policy: unable to "), "{document}: {error}");
        assert!(error.contains(want) && !error.contains("canary"), "{document}: {error}");
        assert!(!want.ends_with("a block") || error.ends_with(BLOCK), "{document}: {error}");
    }
}

#[test]
fn takes_so_many_characters_and_no_more() {
    let document = |count: u32| {
        let charset: String = (0..count).filter_map(|at| char::from_u32(0x4e00 + at)).collect();
        format!("length = 5 rule \"charset\" {{ charset = \"{charset}{charset}\" }}")
    };
    let policy = Policy::parse(&document(256));
    assert!(policy.is_ok_and(|policy| policy.generate(&mut generator(1)).is_some()));
    let want = "invalid password policy: 1 error occurred:\n\t* more than 256 different characters in charset\n\n";
    assert_eq!(Policy::parse(&document(257)).err().as_deref(), Some(want));
}

#[test]
fn takes_a_document_up_to_a_length() {
    let document = "length = 4 rule \"charset\" { charset = \"a\" }";
    let fits = document.to_owned() + &" ".repeat(PASSWORD_POLICY_BYTES_MAX - document.len());
    assert!(Policy::parse(&fits).is_ok());
    let want = "invalid password policy: unable to decode: more than 65536 bytes";
    assert_eq!(refusal(&(fits + " ")), want);
}

/// Rules of every kind, over charsets that overlap or not.
#[test]
fn generates_nothing_that_breaks_its_policy() {
    const CHARSETS: [&str; 5] = [
        "abcdefghijklmnopqrstuvwxyz",
        "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
        "0123456789",
        "a1\u{e9}-_ ",
        "xxyyzz",
    ];
    let mut random = generator(9);
    let mut below = |end| usize::from(random.below(end));
    let mut generated = 0;
    for round in 0..400 {
        let length = 4 + below(27);
        let mut left = length;
        let mut rules = Vec::new();
        let mut document = format!("length = {length}\n");
        for _ in 0..=below(4) {
            let charset = CHARSETS[below(CHARSETS.len())];
            let chars_min = below(left.min(4) + 1);
            left -= chars_min;
            writeln!(
                document,
                "rule \"charset\" {{ charset = \"{charset}\" min-chars = {chars_min} }}"
            )
            .unwrap();
            rules.push((charset, chars_min));
        }
        let policy = Policy::parse(&document).unwrap_or_else(|error| panic!("{document}: {error}"));
        let Some(password) = policy.generate(&mut generator(u8::try_from(round % 256).unwrap()))
        else {
            continue;
        };
        generated += 1;
        assert_eq!(password.chars().count(), length, "{document}");
        assert!(password.chars().all(|c| rules.iter().any(|(charset, _)| charset.contains(c))));
        for (charset, chars_min) in rules {
            let count = password.chars().filter(|c| charset.contains(*c)).count();
            assert!(count >= chars_min, "{document}");
        }
    }
    assert!(generated > 390, "{generated}");
}

#[test]
fn draws_every_character_of_all_charsets_equally_often() {
    let document = "length = 100 rule \"charset\" { charset = \"aaaab\" } rule \"charset\" { charset = \"bcd\" }";
    let policy = Policy::parse(document).unwrap_or_else(|error| panic!("{error}"));
    let mut random = generator(3);
    let mut counts = [0_i64; 4];
    for _ in 0..100 {
        let password = policy.generate(&mut random).unwrap();
        password.bytes().for_each(|byte| counts[usize::from(byte - b'a')] += 1);
    }
    // Five standard deviations of what 2500 of 10000 are.
    assert!(counts.iter().all(|count| (count - 2500).abs() < 217), "{counts:?}");
}

#[test]
fn makes_every_password_that_passes_equally_likely() {
    let document = "length = 4 rule \"charset\" { charset = \"ab\" } rule \"charset\" { charset = \"b\" min-chars = 3 }";
    let policy = Policy::parse(document).unwrap_or_else(|error| panic!("{error}"));
    let mut random = generator(4);
    let mut counts = alloc::collections::BTreeMap::<String, i64>::new();
    for _ in 0..5000 {
        *counts.entry(policy.generate(&mut random).unwrap().to_string()).or_default() += 1;
    }
    let passwords: Vec<&str> = counts.keys().map(String::as_str).collect();
    assert_eq!(passwords, ["abbb", "babb", "bbab", "bbba", "bbbb"]);
    // Five standard deviations of what 1000 of 5000 are.
    assert!(counts.values().all(|count| (count - 1000).abs() < 142), "{counts:?}");
}

#[test]
fn generates_by_hard_policies_and_gives_up_on_impossible_ones() {
    let classes =
        ["abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "0123456789", "!@#$%&*+-?"];
    let document = |length: usize, chars_min: usize| {
        let rules = classes.map(|charset| {
            format!("rule \"charset\" {{ charset = \"{charset}\" min-chars = {chars_min} }}")
        });
        format!("length = {length} {}", rules.concat())
    };
    for (length, chars_min) in [(4, 1), (8, 2), (12, 3), (20, 4), (100, 16)] {
        let policy = Policy::parse(&document(length, chars_min));
        let policy = policy.unwrap_or_else(|error| panic!("{error}"));
        let failures =
            (0..50).filter(|seed| policy.generate(&mut generator(*seed)).is_none()).count();
        assert_eq!(failures, 0, "{length} {chars_min}");
    }
    for impossible in [
        document(100, 25),
        "length = 4 rule \"charset\" { charset = \"a\" } rule \"charset\" { min-chars = 1 }".into(),
    ] {
        let policy = Policy::parse(&impossible).unwrap_or_else(|error| panic!("{error}"));
        assert!(policy.generate(&mut generator(1)).is_none(), "{impossible}");
    }
}
