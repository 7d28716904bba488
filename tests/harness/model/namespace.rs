//! Namespaces as they are described: rows of the one above, and a record for each.

use serde_json::{Map, Value, json};

use super::expect::Expect;
use super::mount::Way;
use super::state::{Place, Row, State};
use super::{Caller, Model, Turn};
use crate::op::Op;

/// The number of the namespace that is always there.
pub(super) const ROOT: u64 = 0;

/// One namespace.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Namespace {
    /// From the root; empty, or with a slash at its end.
    pub(super) path: String,
    parent: u64,
    /// What its metadata say.
    text: Option<String>,
    /// The number of its lock.
    pub(super) lock: Option<u64>,
}

impl Namespace {
    pub(super) fn root() -> Self {
        Self { path: String::new(), parent: ROOT, text: None, lock: None }
    }

    fn show(&self) -> Value {
        json!({
            "path": self.path,
            "locked": self.lock.is_some(),
            "custom_metadata": {"text": self.text},
        })
    }
}

impl State {
    /// The namespaces directly inside one, or all below it.
    fn inside(&self, parent: u64, recursive: bool) -> Vec<(u64, &Namespace)> {
        let is_inside = |namespace: &Namespace| match recursive {
            true => namespace.path.starts_with(self.path_of(parent)),
            false => namespace.parent == parent,
        };
        let all = self.namespaces.iter().filter(|(id, _)| **id != parent && **id != ROOT);
        all.filter(|(_, namespace)| is_inside(namespace)).map(|(id, it)| (*id, it)).collect()
    }

    /// As they are listed; `None` if there are none.
    pub(super) fn namespace_list(&self, parent: u64, recursive: bool) -> Option<Value> {
        let above = self.path_of(parent).len();
        let infos = self.inside(parent, recursive).into_iter().map(|(_, namespace)| {
            (namespace.path.get(above..).unwrap_or("").to_owned(), namespace.show())
        });
        let infos: Map<String, Value> = infos.collect();
        let keys: Vec<&String> = infos.keys().collect();
        (!keys.is_empty()).then(|| json!({"keys": keys, "key_info": infos}))
    }
}

impl Model {
    pub(super) fn namespace_op(
        &mut self,
        turn: &Turn<'_>,
        caller: &Caller,
        namespace: u64,
    ) -> Result<Expect, Expect> {
        match &turn.ask.op {
            Op::NamespaceWrite(name, text) => self.write_namespace(turn, namespace, name, text),
            Op::NamespaceDelete(name) => self.delete_namespace(turn, namespace, name),
            Op::NamespaceRead(name) => {
                let found = self.inner(namespace, name);
                let found = found.and_then(|id| self.state.namespaces.get(&id));
                Ok(Expect::Shows(found.ok_or_else(Expect::absent)?.show()))
            }
            Op::Lock(path) => self.lock(turn, namespace, path),
            Op::Unlock(path, key) => self.unlock(turn, caller, namespace, path, key.as_deref()),
            _ => Ok(self.found_or_now(turn, self.list_question(turn, namespace))),
        }
    }

    fn inner(&self, parent: u64, name: &str) -> Option<u64> {
        match self.state.rows.get(&(parent, format!("{name}/")))? {
            Row::Namespace(id) => Some(*id),
            Row::Mount(..) => None,
        }
    }

    fn write_namespace(
        &mut self,
        turn: &Turn<'_>,
        parent: u64,
        name: &str,
        text: &str,
    ) -> Result<Expect, Expect> {
        if name == "sys" {
            let text = "\"sys/\" is a reserved path and cannot be used as a namespace name";
            return Err(Expect::invalid(text));
        }
        let text = Some(text.to_owned());
        if let Some(id) = self.inner(parent, name)
            && let Some(found) = self.state.namespaces.get(&id).cloned()
        {
            let changed = Namespace { text, ..found };
            self.state.namespaces.set(turn.seq, id, Some(changed.clone()));
            return Ok(Expect::Shows(changed.show()));
        }
        let row = format!("{name}/");
        let way = self.state.way(parent, &row);
        if let Way::Blocked(path, _) = way {
            let text = format!("new namespace conflicts with existing mount: {path}");
            return Err(Expect::invalid(text));
        }
        self.clear(turn.seq, &way);
        let path = format!("{}{row}", self.state.path_of(parent));
        let made = Namespace { path, parent, text, lock: None };
        let id = self.next_id();
        self.state.namespaces.set(turn.seq, id, Some(made.clone()));
        self.state.rows.set(turn.seq, (parent, row), Some(Row::Namespace(id)));
        Ok(Expect::Shows(made.show()))
    }

    fn delete_namespace(
        &mut self,
        turn: &Turn<'_>,
        parent: u64,
        name: &str,
    ) -> Result<Expect, Expect> {
        let Some(id) = self.inner(parent, name) else { return Ok(Expect::Status(200)) };
        if !self.state.inside(id, false).is_empty() {
            let text = "unable to delete namespace containing child namespaces";
            return Err(Expect::invalid(text));
        }
        self.state.rows.set(turn.seq, (parent, format!("{name}/")), None);
        self.state.namespaces.set(turn.seq, id, None);
        Ok(Expect::Shows(json!({"status": "in-progress"})))
    }

    /// The namespace that a path names from another, and where the first lock on the way is.
    fn named(&self, namespace: u64, path: &str) -> Result<Place, Expect> {
        let full = format!("{}{path}/", self.state.path_of(namespace));
        let place = self.state.resolve(full, 0)?;
        if !place.path().is_empty() {
            return Err(Expect::invalid("requested namespace does not exist"));
        }
        Ok(place)
    }

    fn lock(&mut self, turn: &Turn<'_>, from: u64, path: &str) -> Result<Expect, Expect> {
        let place = self.named(from, path)?;
        let Some(found) = self.state.namespaces.get(&place.namespace).cloned() else {
            return Ok(Expect::Status(500));
        };
        let refuse =
            |why: String| Expect::invalid(format!("cannot lock namespace {:?}: {why}", found.path));
        if found.lock.is_some() {
            return Err(refuse("is already locked".to_owned()));
        }
        if let Some(above) = place.locked {
            let above = self.state.path_of(above);
            return Err(refuse(format!("ancestor namespace {above:?} is already locked")));
        }
        let lock = self.next_id();
        let locked = Namespace { lock: Some(lock), ..found };
        self.state.namespaces.set(turn.seq, place.namespace, Some(locked));
        Ok(Expect::Locked(lock))
    }

    fn unlock(
        &mut self,
        turn: &Turn<'_>,
        caller: &Caller,
        from: u64,
        path: &str,
        key: Option<&str>,
    ) -> Result<Expect, Expect> {
        let place = self.named(from, path)?;
        let Some(found) = self.state.namespaces.get(&place.namespace).cloned() else {
            return Ok(Expect::Status(500));
        };
        let Some(lock) = found.lock else {
            return Err(Expect::invalid(format!("namespace {:?} is not locked", found.path)));
        };
        if let Some(above) = place.locked.filter(|above| *above != place.namespace) {
            let above = self.state.path_of(above);
            let text =
                format!("cannot unlock {:?} with namespace {above:?} being locked", found.path);
            return Err(Expect::invalid(text));
        }
        let answer = match key {
            None if caller.sudo => Expect::Status(200),
            None => return Err(Expect::listed(500, "provided empty key")),
            Some(key) if self.unlock_keys.get(key) == Some(&lock) => Expect::Empty(204),
            Some(_) => return Err(Expect::invalid("incorrect unlock key")),
        };
        self.state.namespaces.set(
            turn.seq,
            place.namespace,
            Some(Namespace { lock: None, ..found }),
        );
        Ok(answer)
    }
}
