//! Policies from their documents to decisions.

use alloc::string::String;
use alloc::vec::Vec;
use std::format;

use super::template::{Field, Group, Identity};
use super::*;
use crate::json;
use crate::time::Time;

const NOW: Time = Time::from_unix_nanos(1_800_000_000_000_000_000);

fn read(text: &str) -> Policy {
    Policy::parse(text, Options::default()).unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// The rights that these documents come to.
fn acl_of(documents: &[&str]) -> Acl {
    let policies: Vec<Policy> = documents.iter().map(|text| read(text)).collect();
    let sources: Vec<Source<'_>> =
        policies.iter().map(|policy| Source { prefix: "", policy }).collect();
    Acl::compile(&sources, NOW, None)
}

fn ask(operation: Operation, path: &str) -> Question<'_> {
    Question { operation, path, data: None, wrap_ttl: None }
}

/// Capabilities, with commas between them.
fn shown(acl: &Acl, path: &str) -> String {
    acl.capabilities(path).words().collect::<Vec<_>>().join(",")
}

fn error_of(text: &str) -> String {
    Policy::parse(text, Options::default()).err().unwrap_or_default()
}

// --- Documents ------------------------------------------------------------------------------

#[test]
fn reads_documents() {
    const CASES: [(&str, &str); 15] = [
        ("# nothing\n", "deny"),
        ("# one\n// two\n/* three */\npath \"a\" { capabilities = [\"read\"] }", "read"),
        ("name = \"x\"\npath \"a\" { capabilities = [\"read\"] }", "read"),
        ("path \"/a\" { capabilities = \"read\" }", "read"),
        ("path \"a\" { policy = \"read\" }", "list,read"),
        ("path \"a\" { policy = \"read\" capabilities = [\"sudo\"] }", "list,read,sudo"),
        ("path \"a\" { policy = \"\" }", "deny"),
        ("path \"a\" { }", "deny"),
        ("path \"a\" { capabilities = [\"read\", \"deny\"] pagination_limit = \"no\" }", "deny"),
        ("path \"a\" { capabilities = [\"read\"] capabilities = [\"list\"] }", "list,read"),
        ("path \"a\" { capabilities = [\"read\"] mfa_methods = [\"m\"] comment = 5 }", "read"),
        ("{\"path\":{\"a\":{\"capabilities\":[\"read\"]}}}", "read"),
        (
            " {\"path\":[{\"b\":{}},{\"a\":{\"policy\":\"write\",\"expiration\":null}}]}",
            "create,delete,list,read,update",
        ),
        (
            "{\"path\":{\"a\":[{\"capabilities\":[\"read\"]},{\"capabilities\":[\"scan\"]}]}}",
            "read,scan",
        ),
        (
            "path = { a = { capabilities = [\"recover\", \"subscribe\", \"patch\"] } }",
            "patch,recover,subscribe",
        ),
    ];
    for (text, want) in CASES {
        assert_eq!(shown(&acl_of(&[text]), "a"), want, "{text}");
    }
}

/// Documents, and what is said of them.
const WRONG: [(&str, &str); 24] = [
    ("paths \"a\" { }", "1 error occurred:\n\t* invalid key \"paths\" on line 1\n\n"),
    (
        "b = 1\nc = 2",
        "2 errors occurred:\n\t* invalid key \"b\" on line 1\n\t* invalid key \"c\" on line 2\n\n",
    ),
    (
        "path \"a\" {\n  capability = [\"read\"]\n}",
        "1 error occurred:\n\t* path \"a\": invalid key \"capability\" on line 2\n\n",
    ),
    ("path \"a\" \"b\" { }", "1 error occurred:\n\t* path \"a\": invalid key \"b\" on line 1\n\n"),
    (
        "path \"a\" { control_group = {} }",
        "1 error occurred:\n\t* path \"a\": invalid key \"control_group\" on line 1\n\n",
    ),
    ("path \"a\" { capabilities = [\"read\", \"fly\"] }", "path \"a\": invalid capability \"fly\""),
    ("path \"a\" { capabilities = [[]] }", "path \"a\": capabilities must be a list of texts"),
    ("path \"a\" { policy = \"all\" }", "path \"a\": invalid policy \"all\""),
    ("path \"a/+*\" { }", "path \"a/+*\": invalid use of wildcards ('+*' is forbidden)"),
    (
        "path \"a/{{identity.entity.id\" { }",
        "failed to validate policy templating: unbalanced templating characters",
    ),
    (
        "path \"a\" { min_wrapping_ttl = \"2h\" max_wrapping_ttl = \"1h\" }",
        "max_wrapping_ttl cannot be less than min_wrapping_ttl",
    ),
    (
        "path \"a\" { min_wrapping_ttl = \"soon\" }",
        "error parsing min_wrapping_ttl: time: invalid duration \"soon\"",
    ),
    (
        "path \"a\" { max_wrapping_ttl = -5 }",
        "error parsing max_wrapping_ttl: it must not be negative",
    ),
    (
        "path \"a\" { max_wrapping_ttl = [] }",
        "error parsing max_wrapping_ttl: it must be a duration such as \"1h\"",
    ),
    (
        "path \"a\" { expiration = \"tomorrow\" }",
        "path \"a\": invalid expiration time: could not parse string as date and time",
    ),
    (
        "path \"a\" { pagination_limit = \"ten\" }",
        "path \"a\": pagination_limit must be a whole number",
    ),
    (
        "path \"a\" { allowed_parameters = [\"a\"] }",
        "path \"a\": allowed_parameters must be lists of values by name",
    ),
    (
        "path \"a\" { capabilities = [\"read\"] list_scan_response_keys_filter_path = \"{{ .key }}\" }",
        "list_scan_response_keys_filter_path needs to be used on a path with the list capability",
    ),
    (
        "path \"a\" { capabilities = [\"list\"] list_scan_response_keys_filter_path = \"{{ .path }}\" }",
        "list_scan_response_keys_filter_path resulted in same path for two different keys",
    ),
    ("path = 5", "path on line 1: expected a block: path \"..\" { capabilities = [..] }"),
    (
        "path \"a\" { }\npath = { b = 5 }",
        "path \"b\": expected a block: path \"..\" { capabilities = [..] }",
    ),
    ("{\"path\":", "line 1, column 9: this is not JSON: expected a value"),
    ("path \"a\" {", "line 1, column 11: this is not HCL: expected a name or '}'"),
    ("{\"path\":{\"a\":{\"capabilities\":[\"fly\"]}}}", "path \"a\": invalid capability \"fly\""),
];

#[test]
fn says_what_is_wrong_with_a_document() {
    for (text, want) in WRONG {
        assert_eq!(error_of(text), want, "{text}");
    }
}

#[test]
fn bounds_the_paths_of_a_document() {
    let document = |count: usize| "path \"a\" {}\n".repeat(count);
    let most = crate::limit::POLICY_RULES_MAX;
    assert!(Policy::parse(&document(most), Options::default()).is_ok());
    assert_eq!(error_of(&document(most + 1)), "more than 5000 paths");
    let unknown = error_of(&"b = 1\n".repeat(5000));
    assert!(unknown.starts_with("5000 errors occurred:") && unknown.len() < 1000, "{unknown}");
}

// --- Which rule decides ---------------------------------------------------------------------

#[test]
fn chooses_the_most_exact_rule() {
    const FIRST: &str = r#"
        path "secret/*" { capabilities = ["read"] }
        path "secret/a/*" { capabilities = ["update"] }
        path "secret/a/exact" { capabilities = ["delete"] }
        path "secret/+/seg" { capabilities = ["create", "update"] }
        path "secret/+/+" { capabilities = ["list"] }
        path "secret/no/*" { capabilities = ["read", "deny"] }
        path "secret/pre*" { capabilities = ["delete"] }
        path "secret/empty/*" { }"#;
    const SECOND: &str = r#"
        path "secret/a/*" { capabilities = ["read"] }
        path "secret/q/seg" { capabilities = ["deny"] }
        path "secret/no/x" { capabilities = ["read"] }"#;
    const ONE: [(&str, &str); 15] = [
        ("secret/x", "read"),
        ("secret/x/y/z", "read"),
        ("secret/a/b", "update"),
        ("secret/a/exact", "delete"),
        ("secret/a/exact/more", "update"),
        ("secret/q/seg", "create,update"),
        ("secret/q/other", "list"),
        ("secret/a/seg", "update"),
        ("secret/no/x", "deny"),
        ("secret/prefix", "delete"),
        ("secret/pre", "delete"),
        ("secret/empty/x", "deny"),
        ("secret", "deny"),
        ("secret/", "read"),
        ("other", "deny"),
    ];
    const BOTH: [(&str, &str); 5] = [
        ("secret/a/b", "read,update"),
        ("secret/q/seg", "deny"),
        ("secret/r/seg", "create,update"),
        ("secret/no/x", "read"),
        ("secret/no/y", "deny"),
    ];
    let acl = acl_of(&[FIRST]);
    for (path, want) in ONE {
        assert_eq!(shown(&acl, path), want, "{path}");
    }
    let acl = acl_of(&[FIRST, SECOND]);
    for (path, want) in BOTH {
        assert_eq!(shown(&acl, path), want, "{path}");
    }
}

/// Each row has the paths of two rules and a path that both match: the first one wins.
#[test]
fn compares_rules_in_the_order_of_the_documentation() {
    const CASES: [(&str, &str, &str); 14] = [
        ("a/b/*", "a/*", "a/b/c"),
        ("a/b*", "a/+/c", "a/b/c"),
        ("a/b/+", "a/+/c", "a/b/c"),
        ("a/+/c", "a/*", "a/b/c"),
        ("a/+", "a/*", "a/b"),
        ("a/*", "a/+/*", "a/b/c"),
        ("a/+/c", "a/+/+", "a/b/c"),
        ("a/+/c/d*", "a/+/c/*", "a/b/c/dd"),
        ("a/+/b/+", "a/+/+/+", "a/b/b/d"),
        ("a/+/c", "a/+/c*", "a/b/c"),
        ("+/b/+", "+/+/c", "a/b/c"),
        ("+/+/c/*", "+/+/*", "a/b/c/d"),
        ("a/b/c", "a/b/c*", "a/b/c"),
        ("+", "*", "a"),
    ];
    for (wins, loses, path) in CASES {
        let rule = |path: &str, word: &str| format!("path \"{path}\" {{ policy = \"{word}\" }}\n");
        for text in
            [rule(wins, "read") + &rule(loses, "deny"), rule(loses, "deny") + &rule(wins, "read")]
        {
            assert_eq!(shown(&acl_of(&[&text]), path), "list,read", "{wins} {loses}");
        }
    }
}

#[test]
fn takes_plus_and_star_for_characters_where_they_stand_for_nothing() {
    const CASES: [(&str, &str, &str); 12] = [
        ("a+/b", "a+/b", "ab/b"),
        ("a/+x/b", "a/+x/b", "a/x/b"),
        ("a/+x/+", "a/+x/b", "a/x/b"),
        ("a*b", "a*b", "axb"),
        ("a*/+", "a*/x", "ab/x"),
        ("+x", "+x", "x"),
        ("a/+/*", "a//", "a/b"),
        ("a/+/c*", "a/b/cd/e", "a/b/d"),
        ("+", "", "a/b"),
        ("+/a", "/a", "a"),
        ("", "", "a"),
        ("a**", "a*b", "ab"),
    ];
    for (rule, matches, differs) in CASES {
        let acl = acl_of(&[&format!("path \"{rule}\" {{ policy = \"read\" }}")]);
        assert_eq!(shown(&acl, matches), "list,read", "{rule} {matches}");
        assert_eq!(shown(&acl, differs), "deny", "{rule} {differs}");
    }
}

#[test]
fn lists_a_folder_by_a_rule_with_or_without_its_slash() {
    const CASES: [(&str, bool); 9] = [
        ("path \"a/l\" { capabilities = [\"list\"] }", true),
        ("path \"a/l/\" { capabilities = [\"list\"] }", true),
        ("path \"a/*\" { capabilities = [\"list\"] }", true),
        ("path \"a/+\" { capabilities = [\"list\"] }", true),
        ("path \"a/l/*\" { capabilities = [\"list\"] }", true),
        ("path \"a/l/x\" { capabilities = [\"list\"] }", false),
        // What is more exact and denies holds for the list as well.
        ("path \"a/*\" { capabilities = [\"list\"] }\npath \"a/l/*\" { policy = \"deny\" }", false),
        ("path \"a/*\" { capabilities = [\"list\"] }\npath \"a/l\" { policy = \"deny\" }", false),
        ("path \"a/*\" { capabilities = [\"list\"] }\npath \"a/+\" { policy = \"deny\" }", false),
    ];
    for (text, want) in CASES {
        let acl = acl_of(&[text]);
        for path in ["a/l", "a/l/"] {
            assert_eq!(acl.decide(&ask(Operation::List, path)).is_some(), want, "{text}");
        }
        assert!(acl.decide(&ask(Operation::Scan, "a/l/")).is_none(), "{text}");
    }
}

#[test]
fn puts_the_namespace_before_every_path() {
    let policy = read("path \"/a\" { policy = \"read\" }\npath \"+/b\" { policy = \"read\" }");
    let acl = Acl::compile(&[Source { prefix: "ns/", policy: &policy }], NOW, None);
    for (path, want) in [
        ("ns/a", "list,read"),
        ("a", "deny"),
        ("ns/x/b", "list,read"),
        ("x/b", "deny"),
        ("ns/ns/a", "deny"),
    ] {
        assert_eq!(shown(&acl, path), want, "{path}");
    }
}

#[test]
fn grants_help_to_all_and_what_is_no_operation_to_nobody() {
    let acl = acl_of(&["path \"*\" { policy = \"sudo\" }"]);
    assert!(acl.decide(&ask(Operation::Header, "a")).is_none());
    assert!(acl.decide(&ask(Operation::None, "a")).is_none());
    assert!(acl.decide(&ask(Operation::Read, "a")).is_some_and(|grant| grant.sudo));
    let acl = acl_of(&["path \"*\" { policy = \"deny\" }"]);
    assert!(acl.decide(&ask(Operation::Help, "a")).is_some_and(|grant| !grant.sudo));
}

// --- Parameters -----------------------------------------------------------------------------

const ALLOW: &str = "allowed_parameters = { a = [], b = [\"one\", \"two*\", \"*three\"] }";
const DENY: &str = "denied_parameters = { a = [], b = [\"no*\"] }";
const ALL: &str = "allowed_parameters = { \"*\" = [], b = [\"one\"] }";
/// Attributes of a rule, data, and whether a request with it is served.
const PARAMETERS: &[(&str, &str, bool)] = &[
    (ALLOW, r#"{"a":"anything"}"#, true),
    (ALLOW, r#"{"a":[5,{}]}"#, true),
    (ALLOW, r#"{"c":"x"}"#, false),
    (ALLOW, r#"{"a":"x","c":"x"}"#, false),
    (ALLOW, r#"{"b":"one"}"#, true),
    (ALLOW, r#"{"b":"twofold"}"#, true),
    (ALLOW, r#"{"b":"two-three"}"#, true),
    (ALLOW, r#"{"b":"four"}"#, false),
    (ALLOW, r#"{"A":"x"}"#, true),
    (ALLOW, r#"{}"#, true),
    (ALLOW, "", true),
    (DENY, r#"{"a":"x"}"#, false),
    (DENY, r#"{"A":"x"}"#, false),
    (DENY, r#"{"b":"nothing"}"#, false),
    (DENY, r#"{"b":"yes"}"#, true),
    (DENY, r#"{"z":"x"}"#, true),
    (DENY, r#"{"b":"nothing","b":"yes"}"#, false),
    ("required_parameters = [\"A\", \"b\"]", r#"{"a":"1","b":"2"}"#, true),
    ("required_parameters = [\"a\", \"b\"]", r#"{"a":"1"}"#, false),
    ("required_parameters = [\"a\"]", r#"{"A":"1"}"#, false),
    ("required_parameters = [\"a\"]", "", false),
    (ALL, r#"{"z":"x","b":"one"}"#, true),
    (ALL, r#"{"z":"x","b":"two"}"#, false),
    ("allowed_parameters = { \"*\" = [\"x\"] }", r#"{"z":"y"}"#, true),
    ("denied_parameters = { \"*\" = [] }", r#"{"a":"x"}"#, false),
    ("denied_parameters = { \"*\" = [] }", "{}", true),
    ("allowed_parameters = { a = [true] }", r#"{"a":true}"#, true),
    ("allowed_parameters = { a = [true] }", r#"{"a":false}"#, false),
    ("allowed_parameters = { a = [true] }", r#"{"a":"true"}"#, false),
    ("allowed_parameters = { a = [5, \"5\"] }", r#"{"a":5}"#, false),
    ("allowed_parameters = { a = \"x\" }", r#"{"a":"x"}"#, true),
    ("allowed_parameters = { a = [[\"x\", true]] }", r#"{"a":["x",true]}"#, true),
    ("allowed_parameters = { a = [[\"x\", true]] }", r#"{"a":["x"]}"#, false),
    ("allowed_parameters = { a = [{ x = \"y\" }] }", r#"{"a":{"x":"y"}}"#, true),
    ("allowed_parameters = { a = [{ x = \"y\" }] }", r#"{"a":{"x":"y","z":1}}"#, false),
    // Lists, and texts that are lists to an endpoint.
    ("allowed_parameters = { a = [\"x\", \"y*\"] }", r#"{"a":["x","yy"]}"#, true),
    ("allowed_parameters = { a = [\"x\", \"y*\"] }", r#"{"a":["x","z"]}"#, false),
    ("allowed_parameters = { a = [\"x\", \"y*\"] }", r#"{"a":[]}"#, false),
    ("allowed_parameters = { a = [\"x\", \"y*\"] }", r#"{"a":"x,yy"}"#, true),
    ("allowed_parameters = { a = [\"x\", \"y*\"] }", r#"{"a":"y,root"}"#, false),
    ("allowed_parameters = { a = [\"x\", \"y*\"] }", r#"{"a":["y,root"]}"#, false),
    ("allowed_parameters = { a = [\"*.example\"] }", r#"{"a":"evil,a.example"}"#, false),
    ("allowed_parameters = { a = [\"x, y\"] }", r#"{"a":"x, y"}"#, true),
    ("denied_parameters = { a = [\"root\"] }", r#"{"a":"root"}"#, false),
    ("denied_parameters = { a = [\"root\"] }", r#"{"a":["x","root"]}"#, false),
    ("denied_parameters = { a = [\"root\"] }", r#"{"a":"x, root"}"#, false),
    ("denied_parameters = { a = [\"root\"] }", r#"{"a":[" root"]}"#, false),
    ("denied_parameters = { a = [\"root\"] }", r#"{"a":["x","rooted"]}"#, true),
    // Spellings of one value.
    ("denied_parameters = { a = [5] }", r#"{"a":5}"#, false),
    ("denied_parameters = { a = [5] }", r#"{"a":"5"}"#, false),
    ("denied_parameters = { a = [\"5\"] }", r#"{"a":5}"#, false),
    ("denied_parameters = { a = [0x5] }", r#"{"a":5.0}"#, false),
    ("denied_parameters = { a = [5] }", r#"{"a":6}"#, true),
    ("denied_parameters = { a = [true] }", r#"{"a":"1"}"#, false),
    ("denied_parameters = { a = [true] }", r#"{"a":"false"}"#, true),
    ("denied_parameters = { a = [\"true\"] }", r#"{"a":true}"#, false),
];

#[test]
fn asks_for_parameters() {
    for (attributes, data, want) in PARAMETERS {
        let acl = acl_of(&[&format!("path \"p\" {{ policy = \"write\"\n {attributes} }}")]);
        let data = json::parse(data.as_bytes(), &json::Limits::default());
        let data = data.unwrap_or_else(|_| panic!("{attributes}"));
        for operation in [Operation::Create, Operation::Update, Operation::Read] {
            let question = Question { data: data.as_ref(), ..ask(operation, "p") };
            assert_eq!(acl.decide(&question).is_some(), *want, "{attributes} {operation:?}");
        }
        // Other operations are not asked for them.
        let question = Question { data: data.as_ref(), ..ask(Operation::Delete, "p") };
        assert!(acl.decide(&question).is_some());
    }
}

#[test]
fn asks_for_wrapping() {
    const MIN: &str = "min_wrapping_ttl = \"1m\"";
    const MAX: &str = "max_wrapping_ttl = 3600";
    const CASES: [(&str, &str, Option<i64>, bool); 16] = [
        (MIN, "", None, false),
        (MIN, "", Some(30), false),
        (MIN, "", Some(60), true),
        (MIN, "", Some(120), true),
        (MAX, "", None, false),
        (MAX, "", Some(0), false),
        (MAX, "", Some(3600), true),
        (MAX, "", Some(3601), false),
        ("max_wrapping_ttl = \"1.5s\"", "", Some(1), true),
        ("max_wrapping_ttl = \"1.5s\"", "", Some(2), false),
        ("min_wrapping_ttl = \"1.5s\"", "", Some(1), false),
        ("min_wrapping_ttl = \"500ms\"", "", None, false),
        ("min_wrapping_ttl = 0", "", None, true),
        // Of two rules for one path the smaller bounds hold.
        (MAX, "max_wrapping_ttl = 60", Some(61), false),
        ("min_wrapping_ttl = 90", MIN, Some(60), true),
        ("min_wrapping_ttl = 90", "max_wrapping_ttl = 60", Some(75), false),
    ];
    for (one, other, ttl, want) in CASES {
        let rule = |attributes| format!("path \"p\" {{ policy = \"read\"\n {attributes} }}");
        let acl = acl_of(&[&rule(one), &rule(other)]);
        let question = Question { wrap_ttl: ttl, ..ask(Operation::Read, "p") };
        assert_eq!(acl.decide(&question).is_some(), want, "{one} {other} {ttl:?}");
    }
}

#[test]
fn merges_the_rules_of_one_path() {
    const CASES: [(&str, &str, &str, bool); 12] = [
        (
            "allowed_parameters = { a = [\"x\"] }",
            "allowed_parameters = { a = [\"y\"] }",
            r#"{"a":"y"}"#,
            true,
        ),
        (
            "allowed_parameters = { a = [\"x\"] }",
            "allowed_parameters = { A = [] }",
            r#"{"a":"z"}"#,
            true,
        ),
        (
            "allowed_parameters = { a = [\"x\"] }",
            "allowed_parameters = { b = [] }",
            r#"{"a":"x","b":"z"}"#,
            true,
        ),
        // A rule without a bound lifts none.
        ("allowed_parameters = { a = [\"x\"] }", "", r#"{"a":"z"}"#, false),
        ("", "allowed_parameters = { a = [\"x\"] }", r#"{"a":"z"}"#, false),
        ("denied_parameters = { a = [\"x\"] }", "", r#"{"a":"x"}"#, false),
        (
            "denied_parameters = { a = [\"x\"] }",
            "denied_parameters = { a = [] }",
            r#"{"a":"z"}"#,
            false,
        ),
        (
            "denied_parameters = { a = [\"x\"] }",
            "denied_parameters = { a = [\"y\"] }",
            r#"{"a":"z"}"#,
            true,
        ),
        ("required_parameters = [\"a\"]", "required_parameters = [\"b\"]", r#"{"a":1}"#, false),
        (
            "required_parameters = [\"a\"]",
            "required_parameters = [\"b\"]",
            r#"{"a":1,"b":1}"#,
            true,
        ),
        ("", "capabilities = [\"deny\"]", "{}", false),
        ("capabilities = [\"deny\"]", "required_parameters = [\"b\"]", r#"{"b":1}"#, false),
    ];
    for (one, other, data, want) in CASES {
        let rule = |attributes| format!("path \"p\" {{ policy = \"write\"\n {attributes} }}");
        let acl = acl_of(&[&rule(one), &rule(other)]);
        let data = json::parse(data.as_bytes(), &json::Limits::default()).ok().flatten();
        let question = Question { data: data.as_ref(), ..ask(Operation::Update, "p") };
        assert_eq!(acl.decide(&question).is_some(), want, "{one} {other}");
    }
}

// --- Lists ----------------------------------------------------------------------------------

#[test]
fn bounds_lists() {
    const L: &str = "pagination_limit = 2";
    /// What takes the place of the limit that was sent; `Err` for a refusal.
    type Limit = Result<Option<i64>, ()>;
    const CASES: [(&str, &str, Limit); 18] = [
        (L, "", Ok(Some(2))),
        (L, "{}", Ok(Some(2))),
        (L, r#"{"limit":"1"}"#, Ok(None)),
        (L, r#"{"limit":"2"}"#, Ok(None)),
        (L, r#"{"limit":2}"#, Ok(None)),
        (L, r#"{"limit":"3"}"#, Err(())),
        (L, r#"{"limit":"-1"}"#, Err(())),
        (L, r#"{"limit":"max"}"#, Ok(Some(2))),
        (L, r#"{"limit":"0"}"#, Ok(Some(2))),
        (L, r#"{"limit":""}"#, Err(())),
        (L, r#"{"limit":"0x1"}"#, Err(())),
        (L, r#"{"limit":["1","9"]}"#, Err(())),
        (L, r#"{"limit":"99999999999999999999"}"#, Err(())),
        ("pagination_limit = 2 required_parameters = [\"limit\"]", "", Err(())),
        ("pagination_limit = 2 required_parameters = [\"limit\"]", r#"{"limit":"1"}"#, Ok(None)),
        ("pagination_limit = 0", "", Ok(None)),
        ("pagination_limit = -1", r#"{"limit":"max"}"#, Ok(Some(0))),
        ("", r#"{"limit":"max"}"#, Ok(Some(0))),
    ];
    for (attributes, data, want) in CASES {
        let acl = acl_of(&[&format!("path \"p/\" {{ policy = \"read\"\n {attributes} }}")]);
        let data = json::parse(data.as_bytes(), &json::Limits::default()).ok().flatten();
        let question = Question { data: data.as_ref(), ..ask(Operation::List, "p/") };
        let got = acl.decide(&question).map(|grant| grant.limit).ok_or(());
        assert_eq!(got, want, "{attributes} {:?}", data.is_some());
    }
    let acl = acl_of(&[
        "path \"p/\" { policy = \"read\" pagination_limit = 5 }",
        "path \"p/\" { policy = \"read\" pagination_limit = 3 }",
        "path \"p/\" { policy = \"read\" }",
    ]);
    let grant = acl.decide(&ask(Operation::List, "p/"));
    assert_eq!(grant.and_then(|grant| grant.limit), Some(3));
}

#[test]
fn shows_the_names_whose_path_may_be_read() {
    const POLICY: &str = r#"
        path "secret/l/" {
            capabilities = ["list"]
            list_scan_response_keys_filter_path = "{{ .path }}{{ .key }}"
        }
        path "secret/l/b" { capabilities = ["read"] required_parameters = ["x"] }
        path "secret/l/a" { capabilities = ["update"] }
        path "secret/l/c/" { capabilities = ["list"] }
        path "secret/l/d" { capabilities = ["list"] }
        path "secret/l/e/" { capabilities = ["read"] }"#;
    let policy = read(POLICY);
    for prefix in ["", "ns/"] {
        let acl = Acl::compile(&[Source { prefix, policy: &policy }], NOW, None);
        let path = format!("{prefix}secret/l/");
        let grant = acl.decide(&ask(Operation::List, &path)).unwrap_or_default();
        let filter = grant.filter.expect("the rule has one");
        let mut names = std::vec!["a", "b", "c/", "d", "d/", "e/", "f"];
        names.retain(|name| acl.shows(&filter, prefix, "secret/l/", name));
        assert_eq!(names, ["b", "c/", "d/"]);
    }
}

// --- Time and identity ----------------------------------------------------------------------

#[test]
fn forgets_rules_that_have_ended() {
    const POLICY: &str = r#"
        path "a" { policy = "read" expiration = "2001-01-01T00:00:00Z" }
        path "b" { policy = "read" expiration = 1900000000 }
        path "c" { policy = "read" expiration = "2999-01-01T00:00:00Z" }
        path "c" { policy = "deny" expiration = "2001-01-01T00:00:00Z" }"#;
    let policy = read(POLICY);
    let sources = [Source { prefix: "", policy: &policy }];
    let acl = Acl::compile(&sources, NOW, None);
    let at = |seconds: u64| Time::from_unix_nanos(seconds * 1_000_000_000);
    assert_eq!(acl.valid_until(), Some(at(1_900_000_000)));
    for (path, want) in [("a", "deny"), ("b", "list,read"), ("c", "list,read")] {
        assert_eq!(shown(&acl, path), want, "{path}");
    }
    let acl = Acl::compile(&sources, at(1_900_000_000), None);
    assert_eq!(shown(&acl, "b"), "deny");
    assert!(acl.valid_until() > Some(at(1_900_000_000)));
    assert_eq!(acl_of(&["path \"a\" { policy = \"read\" }"]).valid_until(), None);
}

/// Somebody whose entity has this name.
struct Named(&'static str);

impl Identity for Named {
    fn entity(&self, field: Field<'_>) -> Option<&str> {
        (field == Field::Name).then_some(self.0)
    }

    fn alias(&self, _: &str, _: Field<'_>) -> Option<&str> {
        None
    }

    fn group(&self, _: Group<'_>, _: Field<'_>) -> Option<&str> {
        None
    }
}

#[test]
fn fills_rules_in_for_the_caller() {
    const POLICY: &str = r#"
        path "secret/{{identity.entity.name}}/*" { policy = "read" }
        path "secret/none/{{identity.entity.metadata.none}}" { policy = "read" }
        path "secret/id/{{identity.entity.id}}*" { policy = "read" }"#;
    let all = Options { allow_slashes: true, allow_wildcards: true };
    let cases = [
        (Some("ann"), Options::default(), "secret/ann/x", true),
        (Some("ann"), Options::default(), "secret/bob/x", false),
        (Some("ann"), Options::default(), "secret/none/", false),
        (Some("ann"), Options::default(), "secret/id/", false),
        (Some("*"), Options::default(), "secret/bob/x", false),
        (Some("*"), Options::default(), "secret/*/x", false),
        (Some("+"), Options::default(), "secret/bob/x", false),
        (Some("a/b"), Options::default(), "secret/a/b/x", false),
        (Some("a/b"), all, "secret/a/b/x", true),
        (Some("+"), all, "secret/bob/x", true),
        // This would be a path that no policy could have.
        (Some("+*"), all, "secret/bob/x", false),
        (None, Options::default(), "secret//x", false),
    ];
    for (name, options, path, want) in cases {
        let policy = Policy::parse(POLICY, options).unwrap_or_else(|error| panic!("{error}"));
        let named = name.map(Named);
        let identity = named.as_ref().map(|named| -> &dyn Identity { named });
        let acl = Acl::compile(&[Source { prefix: "", policy: &policy }], NOW, identity);
        assert_eq!(acl.decide(&ask(Operation::Read, path)).is_some(), want, "{name:?} {path}");
    }
}

// --- What is shown of it --------------------------------------------------------------------

#[test]
fn shows_the_resultant_acl() {
    const POLICY: &str = r#"
        path "b" { capabilities = ["update", "scan", "create"]
            min_wrapping_ttl = "1m" max_wrapping_ttl = "1h"
            allowed_parameters = { b = ["x", 0x1f, true, 01.5, [1]], A = [] }
            denied_parameters = { c = { d = "\"" } }
            required_parameters = ["z", "y"] }
        path "a" { policy = "deny" }
        path "a/+" { policy = "read" }
        path "sys/auth/*" { capabilities = ["sudo", "update"] }
        path "*" {}"#;
    const WANT: &str = concat!(
        r#"{"exact_paths":{"a":{"capabilities":["deny"]},"b":{"allowed_parameters":"#,
        r#"{"a":[],"b":["x",31,true,1.5,[1]]},"capabilities":["create","update","scan"],"#,
        r#""denied_parameters":{"c":[{"d":"\""}]},"max_wrapping_ttl":3600,"min_wrapping_ttl":60,"#,
        r#""required_parameters":["y","z"]}},"glob_paths":{"":{"capabilities":["deny"]},"#,
        r#""sys/auth/":{"capabilities":["sudo","update"]}},"root":false}"#
    );
    let acl = acl_of(&[POLICY]);
    assert_eq!(acl.resultant(), WANT);
    assert!(json::parse_one(WANT.as_bytes(), &json::Limits::default()).is_ok());
}

#[test]
fn knows_which_mounts_are_in_reach() {
    const CASES: [(&str, &str, bool); 22] = [
        ("path \"m/a\" { policy = \"read\" }", "m/", true),
        ("path \"m/a\" { policy = \"deny\" }", "m/", false),
        ("path \"m/a\" {}", "m/", false),
        ("path \"m\" { policy = \"read\" }", "m/", true),
        ("path \"ma\" { policy = \"read\" }", "m/", false),
        ("path \"n/a\" { policy = \"read\" }", "m/", false),
        ("path \"m/a/*\" { policy = \"read\" }", "m/", true),
        ("path \"m*\" { policy = \"read\" }", "m/", true),
        ("path \"m*\" { policy = \"deny\" }", "m/", false),
        ("path \"*\" { policy = \"read\" }\npath \"m/*\" { policy = \"deny\" }", "m/", false),
        ("path \"*\" { policy = \"deny\" }\npath \"m/a\" { policy = \"read\" }", "m/", true),
        ("path \"+\" { policy = \"read\" }", "m/", true),
        ("path \"+\" { policy = \"read\" }", "m/n/", false),
        ("path \"+/a\" { policy = \"read\" }", "m/", true),
        ("path \"m/+\" { policy = \"read\" }", "m/", true),
        ("path \"auth/+/login\" { policy = \"read\" }", "auth/token/", true),
        ("path \"auth/+\" { policy = \"read\" }", "auth/token/", true),
        ("path \"auth/+\" { policy = \"read\" }", "auth/token/x/", false),
        ("path \"+/+/x*\" { policy = \"read\" }", "auth/token/", true),
        ("path \"+/t*\" { policy = \"read\" }", "auth/token/", true),
        ("path \"+/a\" { policy = \"read\" }\npath \"m/*\" { policy = \"deny\" }", "m/", false),
        ("path \"m/+\" { policy = \"read\" }\npath \"m/*\" { policy = \"deny\" }", "m/", true),
    ];
    for (text, prefix, want) in CASES {
        assert_eq!(acl_of(&[text]).reaches(prefix), want, "{text} {prefix}");
    }
}

#[test]
fn counts_its_memory() {
    let small = read("path \"a\" { policy = \"read\" }");
    let large = "path \"a\" { denied_parameters = { a = [\"long enough to be seen\"] } }";
    assert!(read(large).bytes() > small.bytes() + 100);
    assert!(acl_of(&[large]).bytes() > acl_of(&["path \"a\" {}"]).bytes() + 100);
    assert_eq!(acl_of(&[]).bytes(), 0);
    assert_eq!(error_of("path \"a\" {}"), "");
}
