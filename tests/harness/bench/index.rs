//! What a page of a listing costs in a large folder: the index alone, without seal and store.

use std::collections::BTreeSet;
use std::io;

use strongroom_core::limit::PAGE_BYTES_MAX;
use strongroom_core::probe::Index;

use super::report::{Table, grouped};
use crate::random::Random;

/// Names of a page of a listing.
const NAMES: usize = 100;
/// Pages of the listing that are read, each behind a random name.
const SAMPLES: usize = 1000;

/// Builds the index of one folder of so many names, which come in no order, and reads it.
pub(super) fn measure(names: usize) -> io::Result<Table> {
    let mut index = Index::new(PAGE_BYTES_MAX);
    let mut sorted = BTreeSet::new();
    let mut random = Random::new(5);
    while sorted.len() < names {
        let name = format!("name-{:016x}", random.bits());
        index.add(&name);
        sorted.insert(name);
    }
    let (mut pages, mut bytes) = (Vec::new(), Vec::new());
    for _ in 0..SAMPLES {
        let after = format!("name-{:016x}", random.bits());
        (index.reads, index.bytes_read) = (0, 0);
        let found = index.list("", &after, NAMES);
        let expected: Vec<String> = sorted.range(after..).take(NAMES).cloned().collect();
        if found != Some(expected) {
            return Err(io::Error::other("the index does not list what was put in"));
        }
        pages.push(index.reads);
        bytes.push(index.bytes_read);
    }
    pages.sort_unstable();
    bytes.sort_unstable();
    let middle_and_end = |sorted: &[usize]| {
        let middle = sorted.get(sorted.len() / 2).copied().unwrap_or_default();
        format!("{} / {}", grouped(middle), grouped(sorted.last().copied().unwrap_or_default()))
    };
    let mut table = Table::new(vec![
        format!("a folder of {} names, in no order", grouped(names)),
        String::new(),
    ]);
    let stored: usize = index.pages().map(<[u8]>::len).sum();
    table.row("index pages of the folder", vec![grouped(index.pages().count())]);
    table.row("bytes of them, a name", vec![(stored / names).to_string()]);
    table.row("pages opened for 100 names, p50 / most", vec![middle_and_end(&pages)]);
    table.row("bytes opened for 100 names, p50 / most", vec![middle_and_end(&bytes)]);
    Ok(table)
}
