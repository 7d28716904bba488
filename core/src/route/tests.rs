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
