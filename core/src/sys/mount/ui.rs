//! `sys/internal/ui/mounts`: what a caller can use. Clients ask it to learn the version of an engine.

use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::list::{Side, each};
use super::show;
use crate::answer::Answer;
use crate::json::Object;
use crate::limit::LIST_BYTES_MAX;
use crate::mount::{AUTH, Mount, Visibility};
use crate::namespace::{Namespace, Place};
use crate::reject::Reject;
use crate::roll::{self, RecordReader, Roll};
use crate::route::Context;
use crate::token::{Authorized, Caller, Reach};
use crate::vault::{Halt, Tx};

/// What a caller sees of the mounts of a namespace.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Sight {
    namespace: Arc<Namespace>,
    /// `None` without a token.
    reach: Option<Reach>,
}

/// All mounts that the caller reaches, and those that everybody sees.
pub(super) fn mounts(
    tx: &mut Tx<'_>,
    context: &Context<'_>,
    _: &Authorized,
) -> Result<Answer, Halt> {
    let reach = match context.call.token_text().filter(|text| !text.is_empty()) {
        None if context.call.has_token() => return Err(Reject::PermissionDenied.into()),
        None => None,
        Some(_) => {
            let caller = Caller::look(tx, context.call)?;
            Some(caller.reach(tx)?)
        }
    };
    let sight = Sight { namespace: Arc::clone(context.namespace()), reach };
    let data = roll::read(tx, Roll::Sight(sight))?;
    Ok(data.map_or(Answer::Nothing, Answer::data))
}

/// The mount of a path, if the caller reaches it. Whether it is there, nobody else hears.
pub(super) fn mount(
    tx: &mut Tx<'_>,
    context: &Context<'_>,
    _: &Authorized,
) -> Result<Answer, Halt> {
    let caller = Caller::look(tx, context.call)?;
    let reach = caller.reach(tx)?;
    let asked = show::folder(context)?;
    let place = Place::resolve_owned(tx, [&context.namespace().path, &*asked].concat())?;
    // One that is locked is as if it were not there.
    let found = if place.locked().is_none() { show::find(tx, &place)? } else { None };
    let found = found.filter(|found| reach.reaches(&place.namespace, &found.path));
    let Some(found) = found else {
        return Err(Reject::Forbidden(format!(
            "preflight capability check returned 403, please ensure client's policies grant access \
             to path \"{asked}\""
        ))
        .into());
    };
    let path = if place.namespace.id == context.namespace().id {
        found.path.strip_prefix(AUTH).unwrap_or(&found.path).into()
    } else {
        [&place.namespace.path, &*found.path].concat()
    };
    Ok(Answer::data(show::info_with(&found, &place.namespace, Some(&path)).finish()))
}

impl Sight {
    pub(crate) fn read<R: RecordReader>(&self, reader: &mut R) -> Result<Option<String>, R::Halt> {
        let mut object = Object::new();
        for (name, side) in [("auth", Side::Auth), ("secret", Side::Secrets)] {
            let mut members = Vec::new();
            let mut bytes = 0;
            each(reader, &self.namespace, side, &mut |mount| {
                if let Some(shown) = self.show(&mount) {
                    let path = mount.path.get(side.prefix().len()..).unwrap_or("");
                    bytes += path.len() + shown.len();
                    members.push((path.into(), shown));
                }
                bytes <= LIST_BYTES_MAX
            })?;
            object = object.raw(name, &show::by_name(members));
        }
        Ok(Some(object.finish()))
    }

    /// What the caller sees of one mount, if anything.
    fn show(&self, mount: &Mount) -> Option<String> {
        let is_open = mount.record().settings.visibility == Visibility::Unauth;
        match &self.reach {
            None if is_open => Some(show::outline(mount, &self.namespace).finish()),
            None => None,
            Some(reach) if is_open || reach.reaches(&self.namespace, &mount.path) => {
                Some(show::info(mount, &self.namespace).finish())
            }
            Some(_) => None,
        }
    }
}
