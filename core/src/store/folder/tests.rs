//! The tree against a sorted set, over a map of pages.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::string::ToString;
use core::ops::ControlFlow;

use super::*;
use crate::limit::PAGE_BYTES_MAX;
use crate::random::{Generator, Phase, keyed};
use crate::store::Key;

/// Pages as they are stored, unsealed.
struct Pages {
    records: BTreeMap<Key, Zeroizing<Vec<u8>>>,
    random: Generator,
    reads: usize,
}

impl Pages {
    fn new(seed: u8) -> Self {
        let random = Generator::new(&[seed; 32], Phase::Effect);
        Self { records: BTreeMap::new(), random, reads: 0 }
    }

    fn key(name: &Name<'_>) -> Key {
        name.key(&keyed(&[0; 32]))
    }

    fn names(&mut self, folder: &str, after: &str, count: usize) -> Vec<String> {
        let mut found = Vec::new();
        let flow = walk(self, OWNER, folder, after, 4, &mut |name| {
            found.push(name.to_string());
            if found.len() == count { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        assert!(flow.is_ok());
        found
    }

    /// No page is left over, and none is larger than it may be.
    fn check(&self, names: usize) {
        let mut leaves = 0;
        for record in self.records.values() {
            let page = Page::decode(record).unwrap();
            // A split leaves a part too large if a name in it is.
            let longest = page.names().map(str::len).max().unwrap_or(0);
            let bound = if longest > PAGE_BYTES_MAX / 2 { 2 * longest } else { 0 };
            assert!(record.len() <= PAGE_BYTES_MAX + bound, "{} {longest}", record.len());
            leaves += if page.is_leaf() { page.len() } else { 0 };
        }
        assert_eq!(leaves, names);
    }
}

impl PageReader for Pages {
    type Halt = Corrupt;

    fn want_pages(&mut self, _: &[Name<'_>]) -> Result<(), Corrupt> {
        Ok(())
    }

    fn page(&mut self, name: &Name<'_>) -> Result<Option<Arc<Page>>, Corrupt> {
        self.reads += 1;
        let record = self.records.get(&Self::key(name));
        record.map(|record| Page::decode(record).map(Arc::new)).transpose()
    }
}

impl PageWriter for Pages {
    fn put_page(&mut self, name: &Name<'_>, page: Page) {
        self.records.insert(Self::key(name), page.encode());
    }

    fn delete_page(&mut self, name: &Name<'_>) {
        assert!(self.records.remove(&Self::key(name)).is_some(), "only what is there is deleted");
    }

    fn fresh_id(&mut self) -> PageId {
        PageId(self.random.array())
    }

    fn page_bytes_max(&self) -> usize {
        PAGE_BYTES_MAX
    }
}

const OWNER: Owner = Owner([7; 16]);

#[test]
fn keeps_names_sorted_and_once() {
    let mut pages = Pages::new(1);
    for name in ["b", "a", "a/x", "b", "A"] {
        add(&mut pages, OWNER, name).unwrap();
    }
    assert!(remove(&mut pages, OWNER, "b").unwrap());
    assert!(!remove(&mut pages, OWNER, "missing").unwrap());
    assert_eq!(pages.names("", "", 9), ["A", "a", "a/"]);
    assert_eq!(pages.names("a/", "", 9), ["x"]);
    assert!(has(&mut pages, OWNER, "a/x").unwrap());
    assert!(!has(&mut pages, OWNER, "a/y").unwrap());
    // A folder goes with its last name, and so do those above it.
    add(&mut pages, OWNER, "c/d/e/f").unwrap();
    assert!(remove(&mut pages, OWNER, "c/d/e/f").unwrap());
    assert_eq!(pages.names("", "", 9), ["A", "a", "a/"]);
    for name in ["A", "a", "a/x"] {
        assert!(remove(&mut pages, OWNER, name).unwrap());
    }
    assert!(pages.records.is_empty());
}

/// Names come and go in waves, short ones and some that no page can hold with another.
#[test]
fn holds_what_a_sorted_set_holds() {
    for seed in 0..4 {
        let (mut pages, mut set) = (Pages::new(seed), BTreeSet::new());
        let mut random = Generator::new(&[seed; 32], Phase::Arrival);
        for round in 0..3000_u32 {
            let [wave, pick, low, long] = random.array::<4>();
            let number = u32::from(pick % 8) * 256 + u32::from(low);
            let padding = if long == 0 { 1500 } else { usize::from(seed) * 7 % 40 };
            let name = format!("{number:04}{}", "é".repeat(padding));
            let grows = (round / 700).is_multiple_of(2);
            if (wave % 4 == 0) != grows {
                add(&mut pages, OWNER, &name).unwrap();
                set.insert(name);
            } else {
                let there = remove(&mut pages, OWNER, &name).unwrap();
                assert_eq!(there, set.remove(&name));
            }
            if round % 100 == 0 {
                pages.check(set.len());
                let after = format!("{number:04}");
                let expected: Vec<&String> =
                    set.range(after.clone()..).filter(|name| **name > after).take(50).collect();
                assert_eq!(pages.names("", &after, 50).iter().collect::<Vec<_>>(), expected);
            }
        }
        assert_eq!(pages.names("", "", usize::MAX), Vec::from_iter(set.iter().cloned()));
        for name in set {
            assert!(remove(&mut pages, OWNER, &name).unwrap());
        }
        assert!(pages.records.is_empty(), "seed {seed}");
    }
}

#[test]
fn fills_its_pages_when_names_come_in_order() {
    for descending in [false, true] {
        let mut pages = Pages::new(3);
        for number in 0..5_000 {
            let number = if descending { 5_000 - number } else { number };
            add(&mut pages, OWNER, &format!("secret-{number:06}")).unwrap();
        }
        // 17 bytes a name, 2 KiB a page: 42 pages, and one above.
        assert!(pages.records.len() < 46, "{}", pages.records.len());
    }
}

/// A page of a list opens a page of the index for each level, and those that hold the names.
#[test]
fn opens_a_handful_of_pages_for_a_page_of_a_list() {
    let mut pages = Pages::new(4);
    for number in 0..10_000_u32 {
        // In no order.
        let number = number.wrapping_mul(2_654_435_761) >> 8;
        add(&mut pages, OWNER, &format!("secret-{number:08}")).unwrap();
    }
    pages.reads = 0;
    assert_eq!(pages.names("", "secret-08", 100).len(), 100);
    assert!(pages.reads <= 6, "{}", pages.reads);
}

#[test]
fn refuses_a_tree_that_was_put_together_wrongly() {
    let mut pages = Pages::new(5);
    for number in 0..500 {
        add(&mut pages, OWNER, &format!("name-{number}")).unwrap();
    }
    let whole = pages.records.clone();
    let root = Pages::key(&Name::new(Space::Folder, OWNER, ""));
    let mut swaps = 0;
    for victim in whole.keys().filter(|key| **key != root) {
        // A page is missing, or the first page stands in its place.
        for forged in [None, whole.get(&root)] {
            pages.records = whole.clone();
            match forged {
                Some(record) => drop(pages.records.insert(*victim, record.clone())),
                None => drop(pages.records.remove(victim)),
            }
            let flow = walk(&mut pages, OWNER, "", "", 9, &mut |_| ControlFlow::Continue(()));
            assert!(flow.is_err());
            swaps += 1;
        }
    }
    assert!(swaps > 4);
}
