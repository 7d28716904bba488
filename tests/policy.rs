//! The rights of policies, compared with a naive matcher that looks at every rule.

use strongroom_core::Time;
use strongroom_core::probe::Rights;
use strongroom_tests::fuzz;
use strongroom_tests::model::policy::{Policy, Rule, capabilities};
use strongroom_tests::random::Random;

const NOW: u64 = 1_800_000_000;

#[test]
fn decides_as_a_naive_matcher_does() {
    for seed in 0..1_000 {
        fuzz::story(&mut Random::new(seed), 25);
    }
}

/// All paths of these letters, up to a length.
fn paths(letters: &[char], length_max: usize) -> Vec<String> {
    let mut all = vec![String::new()];
    let mut last = 0;
    for _ in 0..length_max {
        let longer: Vec<String> = all[last..]
            .iter()
            .flat_map(|path| letters.iter().map(move |letter| format!("{path}{letter}")))
            .collect();
        last = all.len();
        all.extend(longer);
    }
    all
}

/// Every pair of short rules decides about every short path as it should.
#[test]
fn orders_every_pair_of_short_rules() {
    let is_path = |path: &String| !path.contains("+*") && !path.starts_with('/');
    let rules: Vec<String> = paths(&['a', '/', '+', '*'], 4).into_iter().filter(is_path).collect();
    let requests = paths(&['a', 'b', '/'], 4);
    let mut random = Random::new(1);
    let rule = |path: &str, word: &str| Rule {
        path: path.to_owned(),
        capabilities: [word.to_owned()].into(),
        ..Rule::default()
    };
    for one in &rules {
        // All pairs would take a minute.
        for _ in 0..6 {
            let other = random.pick(&rules);
            let rules = vec![rule(one, "read"), rule(other, "update")];
            let policies = [Policy { prefix: String::new(), rules }];
            let text = policies[0].write_hcl();
            let rights = Rights::read(&[("", &text)], Time::from_unix_nanos(NOW * 1_000_000_000));
            let rights = rights.unwrap_or_else(|error| panic!("{error}: {text}"));
            for path in &requests {
                let want = capabilities(&policies, path, NOW);
                assert_eq!(rights.capabilities(path), want, "{one} {other} {path}");
            }
        }
    }
}

/// Where no rule denies, a prefix is in reach if and only if something below it is granted.
#[test]
fn reaches_what_is_granted_and_nothing_else() {
    let requests = paths(&['a', 'b', '/', '+', '*'], 5);
    let (mut in_reach, mut out_of_reach) = (0, 0);
    for seed in 0..60 {
        let mut policy = fuzz::random_policy(&mut Random::new(seed));
        policy.prefix = String::new();
        policy.rules.retain(|rule| rule.path.len() <= 4 && !rule.path.starts_with('/'));
        for rule in &mut policy.rules {
            *rule = Rule {
                path: rule.path.clone(),
                capabilities: ["read".to_owned()].into(),
                ..Rule::default()
            };
        }
        let text = policy.write_json();
        let rights = Rights::read(&[("", &text)], Time::default()).unwrap();
        let policies = [policy];
        for prefix in ["", "a/", "b/", "a/b/", "a/a/", "+/"] {
            let mut below = requests.iter().filter(|path| path.starts_with(prefix));
            let granted = below.any(|path| capabilities(&policies, path, 0) != ["deny"]);
            assert_eq!(rights.reaches(prefix), granted, "{prefix} {policies:#?}");
            if granted { in_reach += 1 } else { out_of_reach += 1 }
        }
    }
    assert!(in_reach > 50 && out_of_reach > 50, "{in_reach} {out_of_reach}");
}
