//! Lists of policies. They are flat: names with slashes stand there whole.

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::show::{self, Member};
use crate::answer::Answer;
use crate::json::Object;
use crate::limit::{LIST_BYTES_MAX, TASK_PAGES_AHEAD};
use crate::namespace::Namespace;
use crate::policy::{DEFAULT, Head, INDEX, ROOT, Record, normal_name, record_name};
use crate::roll::{self, RecordReader, Roll};
use crate::route::Context;
use crate::store::Name;
use crate::time::Time;
use crate::token::Authorized;
use crate::vault::{Halt, Tx};

/// Which policies, and how they are shown.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct List {
    namespace: Arc<Namespace>,
    /// Empty for all, or with a slash at its end.
    prefix: String,
    shape: Shape,
    /// When it was asked for: what had expired is not shown.
    asked: Time,
    /// When the policies came that the namespace has by itself.
    made: Time,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Shape {
    /// `keys`.
    Names,
    /// `keys`, and the same as `policies`.
    Twice,
    /// `keys` and `key_info`.
    Details,
}

pub(super) fn names(
    tx: &mut Tx<'_>,
    context: &Context<'_>,
    _: &Authorized,
) -> Result<Answer, Halt> {
    list(tx, context, Shape::Names)
}

pub(super) fn old_names(
    tx: &mut Tx<'_>,
    context: &Context<'_>,
    _: &Authorized,
) -> Result<Answer, Halt> {
    list(tx, context, Shape::Twice)
}

pub(super) fn details(
    tx: &mut Tx<'_>,
    context: &Context<'_>,
    _: &Authorized,
) -> Result<Answer, Halt> {
    list(tx, context, Shape::Details)
}

fn list(tx: &mut Tx<'_>, context: &Context<'_>, shape: Shape) -> Result<Answer, Halt> {
    let prefix = normal_name(context.args.capture("name").unwrap_or(""));
    let namespace = Arc::clone(context.namespace());
    let made = show::made(tx, &namespace);
    let list = List { namespace, prefix, shape, asked: tx.arrived(), made };
    let data = roll::read(tx, Roll::Policies(list))?;
    Ok(data.map_or(Answer::Nothing, Answer::data))
}

impl List {
    pub(crate) fn read<R: RecordReader>(&self, reader: &mut R) -> Result<Option<String>, R::Halt> {
        let mut names = self.names(reader)?;
        names.sort();
        let mut infos = Vec::new();
        let mut bytes = 0;
        let mut kept = Vec::new();
        let mut rest = names.as_slice();
        while !rest.is_empty() {
            let (chunk, behind) = rest.split_at(rest.len().min(TASK_PAGES_AHEAD));
            let keys: Vec<Name<'_>> =
                chunk.iter().map(|name| record_name(self.namespace.id, name)).collect();
            for (name, payload) in chunk.iter().zip(reader.payloads(&keys)?) {
                bytes += 2 * name.len();
                let record = match payload {
                    Some(payload) if Head::read(&payload)?.is_expired(self.asked) => continue,
                    Some(payload) if self.shape == Shape::Details => Some(Record::read(&payload)?),
                    Some(_) => None,
                    None if name == DEFAULT => Some(Record::default_policy()),
                    None => continue,
                };
                if let Some(record) = record {
                    let info = self.info(name, &record);
                    bytes += info.len();
                    infos.push((name.clone(), info));
                }
                kept.push(name.clone());
                if bytes > LIST_BYTES_MAX {
                    return Err(R::too_much());
                }
            }
            rest = behind;
        }
        let is_whole = self.prefix.is_empty() || self.shape == Shape::Details;
        if self.namespace.is_root() && is_whole {
            let root = Record::built_in("", 0);
            infos.push((ROOT.into(), self.info(ROOT, &root)));
            kept.push(ROOT.into());
        }
        Ok((!kept.is_empty()).then(|| self.data(&kept, infos)))
    }

    fn info(&self, name: &str, record: &Record) -> String {
        show::info(name, record, self.made, Member::Policy).finish()
    }

    /// The names below the prefix, those of folders inside too.
    fn names<R: RecordReader>(&self, reader: &mut R) -> Result<Vec<String>, R::Halt> {
        let mut names = Vec::new();
        let mut bytes = 0;
        let mut folders = alloc::vec![self.prefix.clone()];
        while let Some(folder) = folders.pop() {
            for name in roll::names(reader, self.namespace.id, &[INDEX, &folder].concat())? {
                let name = [folder.as_str(), &name].concat();
                bytes += size_of::<String>() + name.len();
                if bytes > LIST_BYTES_MAX {
                    return Err(R::too_much());
                }
                if name.ends_with('/') {
                    folders.push(name);
                } else {
                    names.push(name);
                }
            }
        }
        if self.prefix.is_empty() && !names.iter().any(|name| name == DEFAULT) {
            names.push(DEFAULT.into());
        }
        Ok(names)
    }

    fn data(&self, names: &[String], mut infos: Vec<(String, String)>) -> String {
        match self.shape {
            Shape::Names => Object::new().strings("keys", names).finish(),
            Shape::Twice => {
                Object::new().strings("keys", names).strings("policies", names).finish()
            }
            Shape::Details => {
                infos.sort();
                let infos = infos.iter();
                let infos =
                    infos.fold(Object::new(), |object, (name, info)| object.raw(name, info));
                Object::new().raw("key_info", &infos.finish()).strings("keys", names).finish()
            }
        }
    }
}
