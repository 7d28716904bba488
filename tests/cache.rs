//! What the cache holds changes no answer.

use strongroom_core::{Config, Vault};
use strongroom_tests::op::{Known, Op};
use strongroom_tests::random::Random;
use strongroom_tests::single::Single;

fn config(cache_bytes: usize) -> Config {
    Config { cache_bytes, absence_bytes: cache_bytes / 8, ..Config::default() }
}

/// All answers of a long conversation with a server whose cache has this budget; `after` is called
/// after each.
fn converse(cache_bytes: usize, mut after: impl FnMut(&mut Vault)) -> Vec<(u16, String)> {
    let mut server = Single::unsealed(config(cache_bytes), 1);
    let root = server.root.clone();
    let mut tokens = vec![root.clone(), "s.nobody".to_owned()];
    let mut answers = Vec::new();
    let mut random = Random::new(7);
    for serial in 0..6_000 {
        let known = Known { tokens: &tokens, accessors: &[], unlock_keys: &[], now: 1_700_000_000 };
        let op = Op::random(&mut random, serial, &known);
        if matches!(&op, Op::Revoke(token) if *token == root) || op == Op::RevokeSelf {
            continue;
        }
        let (method, target, body) = op.parts();
        let token = if random.one_in(4) { random.pick(&tokens).clone() } else { root.clone() };
        let answer = server.ask(method, &format!("/v1/{target}"), Some(&token), &body);
        if let Some((_, rest)) = answer.1.split_once("\"client_token\":\"") {
            tokens.push(rest.split('"').next().unwrap().to_owned());
        }
        answers.push(answer);
        after(&mut server.vault);
    }
    answers
}

#[test]
fn gives_the_same_answers_with_any_cache() {
    let endless = converse(1 << 30, |_| {});
    assert!(endless.iter().filter(|(status, _)| *status == 200).count() > 1000);
    for budget in [0, 600, 20_000] {
        assert!(converse(budget, |_| {}) == endless, "a cache of {budget} bytes");
    }
    let mut random = Random::new(3);
    let forgetful = converse(1 << 30, |vault| vault.forget(|_| random.one_in(3)));
    assert!(forgetful == endless, "a cache that forgets");
}

#[test]
fn keeps_to_its_budget() {
    converse(8_000, |vault| {
        let (records, absences) = vault.cache_bytes();
        assert!(records <= 8_000 && absences <= 1_000, "{records} {absences}");
    });
}
