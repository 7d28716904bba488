//! How many records there should be when the background has nothing left to do.

use std::collections::BTreeSet;

use super::namespace::ROOT;
use super::state::{Row, State};

/// The spaces of keys that are counted, and what is in each.
pub const SPACES: [(u8, &str); 12] = [
    (1, "rows"),
    (2, "mounts"),
    (3, "tokens"),
    (4, "accessors"),
    (5, "entries"),
    (6, "folders"),
    (8, "children"),
    (9, "due"),
    (10, "work"),
    (11, "settings"),
    (12, "namespaces"),
    (13, "policies"),
];

impl State {
    /// The numbers of records, in the order of [`SPACES`], at a time in nanoseconds.
    pub(super) fn books(&self, now: u64) -> [usize; SPACES.len()] {
        let is_there = |namespace: u64| self.namespaces.peek(&namespace).is_some();
        let rows = || self.rows.iter().filter(|((namespace, _), _)| is_there(*namespace));
        let mounts: BTreeSet<u64> = rows()
            .filter_map(|(_, row)| match row {
                Row::Mount(id, _) => Some(*id),
                Row::Namespace(_) => None,
            })
            .collect();
        let stored = self.tokens.iter().filter(|(id, _)| self.is_stored(**id, now));
        let stored: Vec<_> = stored.collect();
        let tokens: BTreeSet<u64> = stored.iter().map(|(id, _)| **id).collect();
        let below = |is_below: bool| usize::from(is_below);
        let children = stored
            .iter()
            .map(|(_, token)| below(token.parent.is_some()) + below(token.namespace != ROOT));
        let due = stored.iter().filter(|(_, token)| token.expires.is_some()).count();
        let entries: Vec<_> = self
            .entries
            .iter()
            .filter(|((owner, _), _)| mounts.contains(owner) || tokens.contains(owner))
            .collect();
        let policies = self.policies.iter().filter(|((namespace, _), _)| is_there(*namespace));
        let policies: Vec<_> = policies.collect();
        let namespaces = self.namespaces.iter().count() - 1;
        let indexed = rows().filter_map(|((namespace, path), row)| match row {
            Row::Mount(_, true) => Some((*namespace, format!("mounts/{path}"))),
            Row::Mount(_, false) => None,
            Row::Namespace(_) => Some((*namespace, format!("namespaces/{path}"))),
        });
        let named = policies.iter().map(|((namespace, name), _)| (*namespace, name));
        let named = named.map(|(namespace, name)| (namespace, format!("policies/{name}")));
        let kept = entries.iter().map(|((owner, path), _)| (*owner, path.clone()));
        let mut folders = BTreeSet::new();
        for (owner, path) in kept {
            add_folders(&mut folders, (false, owner), &path);
        }
        for (namespace, path) in indexed.chain(named) {
            add_folders(&mut folders, (true, namespace), &path);
        }
        [
            rows().count(),
            mounts.len(),
            tokens.len(),
            tokens.len(),
            entries.len(),
            folders.len(),
            children.sum(),
            due,
            0,
            self.moves.iter().count(),
            // A record, and one that keeps its short id.
            2 * namespaces,
            policies.len(),
        ]
    }
}

/// Adds the folders above a path. One that ends in a slash is a name all the same.
fn add_folders(folders: &mut BTreeSet<((bool, u64), String)>, owner: (bool, u64), path: &str) {
    let name = path.trim_end_matches('/');
    folders.insert((owner, String::new()));
    let slashes = name.match_indices('/').filter_map(|(at, _)| name.get(..=at));
    folders.extend(slashes.map(|folder| (owner, folder.to_owned())));
}
