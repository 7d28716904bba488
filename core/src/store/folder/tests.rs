//! The tree against a sorted set.

use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::Page;
use super::probe::Index;
use crate::limit::PAGE_BYTES_MAX;
use crate::random::{Generator, Phase};

/// No page is left over, and none is larger than it may be.
fn check(index: &Index, names: usize) {
    let mut found = 0;
    for record in index.pages() {
        let page = Page::read(record).unwrap();
        // A split leaves a part too large if a name in it is.
        let longest = page.names().map(str::len).max().unwrap_or(0);
        let bound = if longest > PAGE_BYTES_MAX / 2 { 2 * longest } else { 0 };
        assert!(record.len() <= PAGE_BYTES_MAX + bound, "{} {longest}", record.len());
        found += if page.is_leaf() { page.len() } else { 0 };
    }
    assert_eq!(found, names);
}

#[test]
fn keeps_names_sorted_and_once() {
    let mut index = Index::new(PAGE_BYTES_MAX);
    for name in ["b", "a", "a/x", "b", "A"] {
        index.add(name);
    }
    assert!(index.remove("b"));
    assert!(!index.remove("missing"));
    assert_eq!(index.list("", "", 9).unwrap(), ["A", "a", "a/"]);
    assert_eq!(index.list("a/", "", 9).unwrap(), ["x"]);
    assert!(index.has("a/x"));
    assert!(!index.has("a/y"));
    // A folder goes with its last name, and so do those above it.
    index.add("c/d/e/f");
    assert!(index.remove("c/d/e/f"));
    assert_eq!(index.list("", "", 9).unwrap(), ["A", "a", "a/"]);
    for name in ["A", "a", "a/x"] {
        assert!(index.remove(name));
    }
    assert_eq!(index.pages().count(), 0);
}

/// Names come and go in waves, short ones and some that no page can hold with another.
#[test]
fn holds_what_a_sorted_set_holds() {
    for seed in 0..4 {
        let (mut index, mut set) = (Index::new(PAGE_BYTES_MAX), BTreeSet::new());
        let mut random = Generator::new(&[seed; 32], Phase::Arrival);
        for round in 0..3000_u32 {
            let [wave, pick, low, long] = random.array::<4>();
            let number = u32::from(pick % 8) * 256 + u32::from(low);
            let padding = if long == 0 { 1500 } else { usize::from(seed) * 7 % 40 };
            let name = format!("{number:04}{}", "é".repeat(padding));
            let grows = (round / 700).is_multiple_of(2);
            if (wave % 4 == 0) != grows {
                index.add(&name);
                set.insert(name);
            } else {
                assert_eq!(index.remove(&name), set.remove(&name));
            }
            if round % 100 == 0 {
                check(&index, set.len());
                let after = format!("{number:04}");
                let behind = set.range(after.clone()..).filter(|name| **name > after);
                let expected: Vec<String> = behind.take(50).cloned().collect();
                assert_eq!(index.list("", &after, 50).unwrap(), expected);
            }
        }
        let all = index.list("", "", usize::MAX).unwrap();
        assert_eq!(all, Vec::from_iter(set.iter().cloned()));
        for name in set {
            assert!(index.remove(&name));
        }
        assert_eq!(index.pages().count(), 0, "seed {seed}");
    }
}

#[test]
fn fills_its_pages_when_names_come_in_order() {
    for descending in [false, true] {
        let mut index = Index::new(PAGE_BYTES_MAX);
        for number in 0..5_000 {
            let number = if descending { 5_000 - number } else { number };
            index.add(&format!("secret-{number:06}"));
        }
        // 17 bytes a name, 2 KiB a page: 42 pages, and one above.
        assert!(index.pages().count() < 46, "{}", index.pages().count());
    }
}

/// A page of a list opens a page of the index for each level, and those that hold the names.
#[test]
fn opens_a_handful_of_pages_for_a_page_of_a_list() {
    let mut index = Index::new(PAGE_BYTES_MAX);
    for number in 0..10_000_u32 {
        // In no order.
        let number = number.wrapping_mul(2_654_435_761) >> 8;
        index.add(&format!("secret-{number:08}"));
    }
    index.reads = 0;
    assert_eq!(index.list("", "secret-08", 100).unwrap().len(), 100);
    assert!(index.reads <= 6, "{}", index.reads);
}

#[test]
fn refuses_a_tree_that_was_put_together_wrongly() {
    let mut index = Index::new(PAGE_BYTES_MAX);
    for number in 0..500 {
        index.add(&format!("name-{number}"));
    }
    let whole = index.records.clone();
    let root = Index::root();
    let mut swaps = 0;
    for victim in whole.keys().filter(|key| **key != root) {
        // A page is missing, or the first page stands in its place.
        for forged in [None, whole.get(&root)] {
            index.records = whole.clone();
            match forged {
                Some(record) => drop(index.records.insert(*victim, record.clone())),
                None => drop(index.records.remove(victim)),
            }
            assert_eq!(index.list("", "", usize::MAX), None);
            swaps += 1;
        }
    }
    assert!(swaps > 4);
}
