//! What the table must have, row by row.

use super::*;

#[test]
fn finds_every_endpoint_of_the_http_layer_by_its_path() {
    let plain_rows = SYSTEM.iter().copied().flatten().filter(|route| route.engine.is_none());
    assert!(plain_rows.clone().count() > 10);
    for route in plain_rows {
        let found = plain(route.pattern);
        assert!(found.is_some_and(|found| found.pattern == route.pattern), "{}", route.pattern);
    }
}

#[test]
fn keeps_the_rows_of_a_mount_type_where_it_looks_for_them() {
    let all = [token::ROUTES, engine::cubbyhole::ROUTES, engine::kv1::ROUTES];
    let found = Engine::ALL.map(|engine| rows(engine).count()).iter().sum::<usize>();
    let plain_rows = SYSTEM.iter().copied().flatten().filter(|route| route.engine.is_none());
    let others = SYSTEM.iter().chain(&all).copied().flatten().count() - plain_rows.count();
    assert_eq!(found, others);
}

#[test]
fn matches_segments_and_captures_what_is_named() {
    type Captures = &'static [(&'static str, &'static str)];
    const CASES: [(&str, &str, Option<Captures>); 24] = [
        ("a/b", "a/b", Some(&[])),
        ("a/b", "a", None),
        ("a/b", "a/b/", None),
        ("a/b/", "a/b/", Some(&[])),
        ("a/b/", "a/b", None),
        ("a/{x}", "a/b", Some(&[("x", "b")])),
        ("a/{x}", "a/", None),
        ("a/{x}", "a/-b", None),
        ("a/{x}/c/{y}", "a/b/c/d", Some(&[("x", "b"), ("y", "d")])),
        ("{x...}", "", Some(&[("x", "")])),
        ("{x...}", "a//b/", Some(&[("x", "a//b/")])),
        ("a/{x...}", "a/", Some(&[("x", "")])),
        ("a/{x...}", "a", None),
        ("a/{x}/{y...}", "a/b/c/d", Some(&[("x", "b"), ("y", "c/d")])),
        ("a/{x...}/z", "a/b/z", Some(&[("x", "b")])),
        ("a/{x...}/z", "a/b/c/z", Some(&[("x", "b/c")])),
        ("a/{x...}/z", "a/z/z", Some(&[("x", "z")])),
        ("a/{x...}/z", "a/b//z", Some(&[("x", "b/")])),
        ("a/{x...}/z", "a/z", None),
        ("a/{x...}/z", "a//z", None),
        ("a/{x...}/z", "a/bz", None),
        ("a/{x...}/z", "a/b/z/", None),
        ("a/{x...}/y/z", "a/b/y/z", Some(&[("x", "b")])),
        ("a/{x...}/y/z", "a/b/z", None),
    ];
    for (pattern, path, want) in CASES {
        let captures = Route::system(pattern).matches(path);
        assert_eq!(captures.as_deref(), want, "{pattern} {path}");
    }
}

#[test]
fn captures_nothing_behind_a_rest_that_was_captured() {
    let all = [token::ROUTES, engine::cubbyhole::ROUTES, engine::kv1::ROUTES];
    for route in SYSTEM.iter().chain(&all).copied().flatten() {
        let behind = route.pattern.split_once("...}").map_or("", |(_, behind)| behind);
        assert!(!behind.contains('{'), "{}", route.pattern);
        assert_eq!(route.is_free_path(), route.pattern.contains("...}") && behind.is_empty());
    }
}
