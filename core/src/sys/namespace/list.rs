//! `sys/namespaces`: the namespaces directly inside one, or all below it.

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;

use super::show;
use crate::answer::Answer;
use crate::json::Object;
use crate::limit::{LIST_BYTES_MAX, TASK_PAGES_AHEAD};
use crate::mount::{Kind, NAMESPACE_INDEX, Row, row_name};
use crate::namespace::Namespace;
use crate::reject::Corrupt;
use crate::roll::{self, RecordReader, Roll};
use crate::route::Context;
use crate::store::{Name, Owner};
use crate::token::Authorized;
use crate::vault::{Halt, Tx};

/// The namespaces inside one.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct List {
    namespace: Owner,
    /// Bytes of its path, which the list does not show.
    path_bytes: usize,
    /// Whether those inside of these are meant too.
    recursive: bool,
}

pub(super) fn list(tx: &mut Tx<'_>, context: &Context<'_>, _: &Authorized) -> Result<Answer, Halt> {
    read(tx, context, false)
}

pub(super) fn scan(tx: &mut Tx<'_>, context: &Context<'_>, _: &Authorized) -> Result<Answer, Halt> {
    read(tx, context, true)
}

fn read(tx: &mut Tx<'_>, context: &Context<'_>, recursive: bool) -> Result<Answer, Halt> {
    let Namespace { id, path, .. } = &**context.namespace();
    let list = List { namespace: *id, path_bytes: path.len(), recursive };
    let data = roll::read(tx, Roll::Namespaces(list))?;
    Ok(match data {
        Some(data) => Answer::data(data),
        // Only a list of nothing is 404.
        None if recursive => Answer::data("{}".to_owned()),
        None => Answer::Nothing,
    })
}

impl List {
    /// Members in the order of their paths; nothing if there are none.
    pub(crate) fn read<R: RecordReader>(&self, reader: &mut R) -> Result<Option<String>, R::Halt> {
        let mut members = Vec::new();
        let mut bytes = 0;
        let mut parents = alloc::vec![self.namespace];
        while let Some(parent) = parents.pop() {
            let mut names = roll::names(reader, parent, NAMESPACE_INDEX)?;
            while !names.is_empty() {
                let rest = names.split_off(names.len().min(TASK_PAGES_AHEAD));
                for namespace in inside(reader, parent, &names)? {
                    let path = namespace.path.get(self.path_bytes..).unwrap_or("").to_owned();
                    let shown = show::show(&namespace);
                    bytes += 2 * path.len() + shown.len();
                    if bytes > LIST_BYTES_MAX {
                        return Err(R::too_much());
                    }
                    members.push((path, shown));
                    if self.recursive {
                        parents.push(namespace.id);
                    }
                }
                names = rest;
            }
        }
        if members.is_empty() {
            return Ok(None);
        }
        members.sort();
        let shown = members.iter();
        let shown = shown.fold(Object::new(), |object, (path, shown)| object.raw(path, shown));
        let paths = members.iter().map(|(path, _)| path);
        Ok(Some(Object::new().raw("key_info", &shown.finish()).strings("keys", paths).finish()))
    }
}

/// The namespaces inside one that have some names.
fn inside<R: RecordReader>(
    reader: &mut R,
    parent: Owner,
    names: &[String],
) -> Result<Vec<Namespace>, R::Halt> {
    const LOST: Corrupt = Corrupt("an index has a namespace that is not there");
    let rows: Vec<Name<'_>> = names.iter().map(|name| row_name(parent, name)).collect();
    let rows = reader.payloads(&rows)?.into_iter().map(|row| match Row::read(&row.ok_or(LOST)?)? {
        (Kind::Namespace, id) => Ok(Namespace::name(id)),
        (Kind::Mount, _) => Err(LOST),
    });
    let records = rows.collect::<Result<Vec<_>, Corrupt>>()?;
    let records = reader.payloads(&records)?.into_iter();
    let found = records.map(|record| Namespace::read(&record.ok_or(LOST)?));
    Ok(found.collect::<Result<_, Corrupt>>()?)
}
