//! The index of folders over any bytes: single pages, and a tree that names come to and go from.

use std::collections::BTreeSet;

use strongroom_core::probe::{Index, rewrite_page};

/// Any bytes are no page, or the page that is written as these very bytes. Read as a story, they make
/// a tree that holds what a sorted set holds, and that is gone when its last name is.
///
/// The first byte of a story is the size of a page; then each byte is a name to add or take away, and
/// sometimes where to look.
///
/// # Panics
///
/// If one of these is not so.
pub fn index(data: &[u8]) {
    if let Some(again) = rewrite_page(data) {
        assert_eq!(again, data, "a page has one form");
    }
    let [size, story @ ..] = data else { return };
    let mut index = Index::new(40 + usize::from(*size) * 4);
    let mut entries = BTreeSet::new();
    for [act, pick] in story.as_chunks().0.iter().copied().take(400) {
        let path = path_of(act, pick);
        match act % 8 {
            0..4 => {
                index.add(&path);
                entries.insert(path);
            }
            4..6 => assert_eq!(index.remove(&path), entries.remove(&path), "{path}"),
            6 => assert_eq!(index.has(&path), entries.contains(&path), "{path}"),
            _ => check_list(&mut index, &entries, &path, usize::from(pick % 7) + 1),
        }
    }
    check_list(&mut index, &entries, "", usize::MAX);
    check_list(&mut index, &entries, "f/", usize::MAX);
    for path in entries {
        assert!(index.remove(&path), "{path}");
    }
    assert_eq!(index.pages().count(), 0, "pages are left over");
}

/// One of some hundred names, in the outermost folder or one of two others; some are long.
fn path_of(act: u8, pick: u8) -> String {
    let folder = match act / 64 {
        0 | 1 => "",
        2 => "f/",
        _ => "f/é/",
    };
    let padding = if pick.is_multiple_of(16) { 90 } else { usize::from(pick % 5) };
    format!("{folder}{:02}{}", pick % 100, "ü".repeat(padding))
}

/// Compares a list of the folder of `path`, from that name on.
fn check_list(index: &mut Index, entries: &BTreeSet<String>, path: &str, count: usize) {
    let (folder, after) = path.rfind('/').map_or(("", path), |at| path.split_at(at + 1));
    let names: BTreeSet<String> = entries
        .iter()
        .filter_map(|entry| entry.strip_prefix(folder))
        .map(|rest| match rest.split_once('/') {
            Some((name, _)) => format!("{name}/"),
            None => rest.to_owned(),
        })
        .collect();
    let expected: Vec<String> =
        names.into_iter().filter(|name| name.as_str() > after).take(count).collect();
    assert_eq!(index.list(folder, after, count), Some(expected), "{folder} {after}");
}
