//! Mounts as they are described: rows of a namespace, and a record for each.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::expect::Expect;
use super::namespace::ROOT;
use super::rule::Reach;
use super::state::{FIXED, Place, Row, State};
use super::{Model, Turn};
use crate::op::Op;

/// The mount of a new server.
pub(super) const FIRST: &str = "secret/";

/// One mount. All have the same engine.
#[derive(Clone, Debug)]
pub(super) struct Mount {
    description: String,
    /// Whether it is the one of a new server, untuned.
    gives_way: bool,
}

impl Mount {
    pub(super) fn first() -> Self {
        Self { description: "key/value secret storage".to_owned(), gives_way: true }
    }

    fn show(&self) -> Value {
        json!({"type": "kv", "description": self.description})
    }
}

/// Whether a path may be taken by a mount or a namespace.
pub(super) enum Way {
    Free,
    /// If the mount of a new server goes.
    Taken(u64),
    /// By a mount or a namespace with this path.
    Blocked(String, Row),
}

fn is_protected(path: &str) -> bool {
    ["audit/", "auth/", "cubbyhole/", "identity/", "sys/"].iter().any(|own| path.starts_with(own))
}

impl State {
    pub(super) fn way(&self, namespace: u64, path: &str) -> Way {
        if let Some((prefix, row)) = self.row(namespace, path) {
            if let Row::Mount(id, _) = row
                && namespace == ROOT
                && prefix == FIRST
                && self.mounts.get(&id).is_some_and(|mount| mount.gives_way)
                && self.is_empty(id)
            {
                return Way::Taken(id);
            }
            return Way::Blocked(prefix, row);
        }
        // What lies below: the first name of each folder.
        let below = self.rows.range((namespace, path.to_owned())..).find(|((of, below), row)| {
            *of == namespace && below.starts_with(path) && matches!(row, Row::Mount(_, true))
        });
        match below {
            Some(((_, path), row)) => Way::Blocked(path.clone(), *row),
            None => Way::Free,
        }
    }

    /// All mounts of a namespace as they are shown.
    pub(super) fn mount_table(&self, namespace: u64) -> Value {
        let fixed = ["cubbyhole/", "identity/", "sys/"].map(|path| (path.to_owned(), json!({})));
        let mounts = self.mounts_of(namespace);
        let mounts = mounts.map(|(path, mount)| (path.to_owned(), mount.show()));
        Value::Object(fixed.into_iter().chain(mounts).collect::<Map<_, _>>())
    }

    /// What a caller sees of the mounts of a namespace: surely, and perhaps.
    pub(super) fn sight(&self, namespace: u64, reach: Option<&Reach>) -> Expect {
        let (mut surely, mut perhaps) = (BTreeSet::new(), BTreeSet::new());
        let fixed = ["cubbyhole/", "identity/", "sys/"];
        let paths = fixed.into_iter().chain(self.mounts_of(namespace).map(|(path, _)| path));
        for path in paths {
            let full = format!("{}{path}", self.path_of(namespace));
            let (is_sure, may_be) = reach.map_or((false, false), |reach| reach.reaches(&full));
            if is_sure {
                surely.insert(path.to_owned());
            }
            if may_be {
                perhaps.insert(path.to_owned());
            }
        }
        Expect::Sight(surely, perhaps)
    }

    /// The path of the mount that a place is in, and how it is shown.
    fn mount_at(&self, place: &Place) -> Option<(String, Value)> {
        let path = place.path();
        if let Some(fixed) = FIXED.iter().find(|fixed| path.starts_with(**fixed)) {
            return Some(((*fixed).to_owned(), json!({})));
        }
        let (path, Row::Mount(id, _)) = self.row(place.namespace, path)? else { return None };
        Some((path, self.mounts.get(&id)?.show()))
    }
}

// --- Endpoints ------------------------------------------------------------------------------

impl Model {
    pub(super) fn mount_op(&mut self, turn: &Turn<'_>, namespace: u64) -> Result<Expect, Expect> {
        match &turn.ask.op {
            Op::Mount(path, kind, description) => {
                self.mount(turn, namespace, path, kind, description)
            }
            Op::Unmount(path) => self.unmount(turn, namespace, path),
            Op::MountRead(path) => {
                let found = self.state.row(namespace, path);
                let Some((_, Row::Mount(id, _))) = found else {
                    return Err(Expect::invalid(format!("No secret engine mount at {path}")));
                };
                Ok(self
                    .state
                    .mounts
                    .get(&id)
                    .map_or(Expect::Status(500), |mount| Expect::Shows(mount.show())))
            }
            Op::Tune(path, description) => {
                let found = self.state.row(namespace, path).filter(|(prefix, _)| prefix == path);
                let Some((_, Row::Mount(id, _))) = found else {
                    let text = format!("tune of path \"{path}\" failed: no mount entry found");
                    return Err(Expect::invalid(text));
                };
                let mount = Mount { description: description.clone(), gives_way: false };
                self.state.mounts.set(turn.seq, id, Some(mount));
                Ok(Expect::Empty(204))
            }
            Op::Remount(from, to) => self.remount(turn, namespace, from, to),
            _ => Ok(self.found_or_now(turn, self.list_question(turn, namespace))),
        }
    }

    fn mount(
        &mut self,
        turn: &Turn<'_>,
        namespace: u64,
        path: &str,
        kind: &str,
        description: &str,
    ) -> Result<Expect, Expect> {
        if is_protected(path) {
            return Err(Expect::invalid(format!("cannot mount {path:?}")));
        }
        // That is the type of a fixed mount, in the root namespace alone.
        if kind == "system" && namespace == ROOT {
            return Err(Expect::invalid("mount type of \"system\" is not mountable"));
        }
        let way = self.state.way(namespace, path);
        match &way {
            Way::Blocked(path, Row::Mount(..)) => {
                return Err(Expect::invalid(format!("path is already in use at {path}")));
            }
            Way::Blocked(path, Row::Namespace(_)) => {
                return Err(Expect::invalid(format!("existing mount at {path}")));
            }
            Way::Free | Way::Taken(_) => {}
        }
        if kind != "kv" {
            return Err(Expect::invalid(format!("plugin not found in the catalog: {kind}")));
        }
        self.clear(turn.seq, &way);
        let id = self.next_id();
        let mount = Mount { description: description.to_owned(), gives_way: false };
        self.state.mounts.set(turn.seq, id, Some(mount));
        let key = (namespace, path.to_owned());
        self.state.rows.set(turn.seq, key, Some(Row::Mount(id, true)));
        Ok(Expect::Empty(204))
    }

    /// The mount of a new server goes, if it is in the way.
    pub(super) fn clear(&mut self, seq: u64, way: &Way) {
        if let Way::Taken(id) = way {
            self.state.rows.set(seq, (ROOT, FIRST.to_owned()), None);
            self.state.mounts.set(seq, *id, None);
        }
    }

    fn unmount(&mut self, turn: &Turn<'_>, namespace: u64, path: &str) -> Result<Expect, Expect> {
        if is_protected(path) {
            return Err(Expect::invalid(format!("cannot unmount {path:?}")));
        }
        let found = self.state.row(namespace, path).filter(|(prefix, _)| prefix == path);
        if let Some((_, Row::Mount(id, _))) = found {
            self.state.rows.set(turn.seq, (namespace, path.to_owned()), None);
            self.state.mounts.set(turn.seq, id, None);
        }
        Ok(Expect::Empty(204))
    }

    fn remount(
        &mut self,
        turn: &Turn<'_>,
        namespace: u64,
        from: &str,
        to: &str,
    ) -> Result<Expect, Expect> {
        let above = self.state.path_of(namespace).to_owned();
        let source = self.state.resolve(format!("{above}{from}"), 0)?;
        let target = self.state.resolve(format!("{above}{to}"), 0)?;
        self.check_lock(&source)?;
        self.check_lock(&target)?;
        if target.path().is_empty() {
            let text = format!("invalid destination mount path {to:?}: it is no path of a mount");
            return Err(Expect::invalid(text));
        }
        let (from, to) = (source.path(), target.path());
        if from.starts_with("auth/") && !to.starts_with("auth/") {
            let text = format!("cannot remount auth mount to non-auth mount {to:?}");
            return Err(Expect::invalid(text));
        }
        if !from.starts_with("auth/") && is_protected(to) {
            return Err(Expect::invalid(format!("cannot remount to destination {to}")));
        }
        if !from.starts_with("auth/") && is_protected(from) {
            return Err(Expect::invalid(format!("cannot remount {from:?}")));
        }
        let found = self.state.row(source.namespace, from).filter(|(prefix, _)| prefix == from);
        let Some((_, Row::Mount(id, _))) = found else {
            return Err(Expect::invalid(format!("no matching mount at {from:?}")));
        };
        let way = match self.state.way(target.namespace, to) {
            // It does not make way for itself.
            Way::Taken(own) if own == id => Way::Blocked(FIRST.to_owned(), Row::Mount(id, false)),
            way => way,
        };
        if let Way::Blocked(path, row) = &way {
            let path = if matches!(row, Row::Mount(..)) { path } else { to };
            return Err(Expect::invalid(format!("path already in use at {path:?}")));
        }
        self.clear(turn.seq, &way);
        let rows = &mut self.state.rows;
        rows.set(turn.seq, (source.namespace, from.to_owned()), None);
        rows.set(turn.seq, (target.namespace, to.to_owned()), Some(Row::Mount(id, true)));
        self.state.moves.set(turn.seq, (), Some(()));
        Ok(Expect::Status(200))
    }

    /// What the caller sees of the mount of a path.
    pub(super) fn sight_of(
        &self,
        namespace: u64,
        path: &str,
        reach: &Reach,
    ) -> Result<Expect, Expect> {
        let above = self.state.path_of(namespace);
        let folder = if path.ends_with('/') { path.to_owned() } else { format!("{path}/") };
        let refused = Expect::refused(
            403,
            format!(
                "preflight capability check returned 403, please ensure client's policies grant \
                 access to path {folder:?}"
            ),
        );
        let place = self.state.resolve(format!("{above}{folder}"), 0)?;
        // One that is locked is as if it were not there.
        let found = if place.locked.is_none() { self.state.mount_at(&place) } else { None };
        let Some((found, shown)) = found else { return Err(refused) };
        let full = format!("{}{found}", self.state.path_of(place.namespace));
        let shown = Expect::Shows(shown);
        match reach.reaches(&full) {
            (true, _) => Ok(shown),
            (false, false) => Err(refused),
            (false, true) => Ok(Expect::Either(Box::new(shown), Box::new(refused))),
        }
    }
}
