//! `sys/mounts` and `sys/auth`: all mounts of a namespace.

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::show;
use crate::answer::Answer;
use crate::limit::{LIST_BYTES_MAX, TASK_PAGES_AHEAD};
use crate::mount::{
    AUTH, FIRST_MOUNT, Fixed, INDEX, Kind, Mount, Record, Row, record_name, row_name,
};
use crate::namespace::Namespace;
use crate::roll::{self, RecordReader, Roll};
use crate::route::Context;
use crate::store::{Name, Owner};
use crate::token::Authorized;
use crate::vault::{Halt, Tx};

/// The mounts of one kind of a namespace.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct List {
    namespace: Arc<Namespace>,
    side: Side,
}

/// Which of the two tables that the API shows.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Side {
    Secrets,
    Auth,
}

impl Side {
    /// What the paths of this side begin with, and the API does not show.
    pub(super) fn prefix(self) -> &'static str {
        match self {
            Self::Secrets => "",
            Self::Auth => AUTH,
        }
    }
}

pub(super) fn secrets(
    tx: &mut Tx<'_>,
    context: &Context<'_>,
    _: &Authorized,
) -> Result<Answer, Halt> {
    list(tx, context, Side::Secrets)
}

pub(super) fn auth(tx: &mut Tx<'_>, context: &Context<'_>, _: &Authorized) -> Result<Answer, Halt> {
    list(tx, context, Side::Auth)
}

fn list(tx: &mut Tx<'_>, context: &Context<'_>, side: Side) -> Result<Answer, Halt> {
    let list = List { namespace: Arc::clone(context.namespace()), side };
    let data = roll::read(tx, Roll::Mounts(list))?;
    Ok(data.map_or(Answer::Nothing, Answer::data))
}

impl List {
    pub(crate) fn read<R: RecordReader>(&self, reader: &mut R) -> Result<Option<String>, R::Halt> {
        let mut members = Vec::new();
        let mut bytes = 0;
        each(reader, &self.namespace, self.side, &mut |mount| {
            let path = mount.path.get(self.side.prefix().len()..).unwrap_or("");
            let info = show::info(&mount, &self.namespace).finish();
            bytes += path.len() + info.len();
            members.push((path.into(), info));
            bytes <= LIST_BYTES_MAX
        })?;
        Ok(Some(show::by_name(members)))
    }
}

/// Visits every mount of a side, in no order, until the visitor has had enough: then it is too much.
pub(super) fn each<R: RecordReader>(
    reader: &mut R,
    namespace: &Namespace,
    side: Side,
    visit: &mut dyn FnMut(Mount) -> bool,
) -> Result<(), R::Halt> {
    let fixed: Vec<Fixed> =
        Fixed::ALL.into_iter().filter(|fixed| side_of(fixed.path()) == side).collect();
    let names: Vec<Name<'_>> = fixed.iter().map(|fixed| fixed.record_name(namespace.id)).collect();
    let records = reader.payloads(&names)?;
    for (fixed, payload) in fixed.iter().zip(records) {
        let record = payload.map(|payload| Record::read(&payload)).transpose()?;
        if !visit(fixed.mount().with(record)) {
            return Err(R::too_much());
        }
    }
    let mut folders = alloc::vec![String::from(side.prefix())];
    while let Some(folder) = folders.pop() {
        let mut paths = paths_in(reader, namespace.id, &folder, side)?;
        while !paths.is_empty() {
            let rest = paths.split_off(paths.len().min(TASK_PAGES_AHEAD));
            let mounts = mounts_at(reader, namespace.id, paths, &mut folders)?;
            if !mounts.into_iter().all(&mut *visit) {
                return Err(R::too_much());
            }
            paths = rest;
        }
    }
    Ok(())
}

/// The paths that the index has in a folder: mounts, and folders of mounts.
fn paths_in<R: RecordReader>(
    reader: &mut R,
    namespace: Owner,
    folder: &str,
    side: Side,
) -> Result<Vec<String>, R::Halt> {
    let names = roll::names(reader, namespace, &[INDEX, folder].concat())?;
    let mut paths: Vec<String> = names.iter().map(|name| [folder, name].concat()).collect();
    if side == Side::Secrets && folder.is_empty() {
        paths.retain(|path| path != AUTH);
        // The mount of a new server is there before there is an index.
        if namespace == Owner::ROOT && !paths.iter().any(|path| path == FIRST_MOUNT) {
            paths.push(FIRST_MOUNT.into());
        }
    }
    Ok(paths)
}

/// The mounts at some paths. Paths that have none are folders to look into.
fn mounts_at<R: RecordReader>(
    reader: &mut R,
    namespace: Owner,
    paths: Vec<String>,
    folders: &mut Vec<String>,
) -> Result<Vec<Mount>, R::Halt> {
    let names: Vec<Name<'_>> = paths.iter().map(|path| row_name(namespace, path)).collect();
    let rows = reader.payloads(&names)?;
    let mut found = Vec::new();
    for (path, row) in paths.into_iter().zip(rows) {
        match row.map(|payload| Row::read(&payload)).transpose()? {
            Some((Kind::Mount, owner)) => found.push((path, owner)),
            Some((Kind::Namespace, _)) => {}
            None => folders.push(path),
        }
    }
    let names: Vec<Name<'_>> = found.iter().map(|(_, owner)| record_name(*owner)).collect();
    let records = reader.payloads(&names)?;
    let mut mounts = Vec::with_capacity(found.len());
    for ((path, owner), payload) in found.into_iter().zip(records) {
        // A mount that went since the index was read is gone.
        if let Some(payload) = payload {
            mounts.push(Mount::new(path, owner, Record::read(&payload)?));
        }
    }
    Ok(mounts)
}

fn side_of(path: &str) -> Side {
    if path.starts_with(AUTH) { Side::Auth } else { Side::Secrets }
}
