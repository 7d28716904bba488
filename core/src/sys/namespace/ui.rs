//! `sys/internal/ui/namespaces`: the namespaces that a caller can use.

use alloc::string::String;
use alloc::sync::Arc;

use crate::answer::Answer;
use crate::json::Object;
use crate::mount::NAMESPACE_INDEX;
use crate::namespace::Namespace;
use crate::reject::Reject;
use crate::roll::{self, RecordReader, Roll};
use crate::route::Context;
use crate::token::{Authorized, Caller, Reach};
use crate::vault::{Halt, Tx};

/// What a caller sees of the namespaces directly inside one.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Sight {
    namespace: Arc<Namespace>,
    reach: Reach,
}

pub(super) fn namespaces(
    tx: &mut Tx<'_>,
    context: &Context<'_>,
    _: &Authorized,
) -> Result<Answer, Halt> {
    if !context.call.has_token() {
        return Err(Reject::Trouble("client token empty").into());
    }
    let caller = Caller::look(tx, context.call)?;
    let reach = caller.reach(tx)?;
    let sight = Sight { namespace: Arc::clone(context.namespace()), reach };
    let data = roll::read(tx, Roll::NamespaceSight(sight))?;
    Ok(data.map_or(Answer::Nothing, Answer::data))
}

impl Sight {
    pub(crate) fn read<R: RecordReader>(&self, reader: &mut R) -> Result<Option<String>, R::Halt> {
        let mut names = roll::names(reader, self.namespace.id, NAMESPACE_INDEX)?;
        names.retain(|name| self.reach.enters(&self.namespace.path_of(name)));
        Ok(Some(Object::new().strings("keys", names).finish()))
    }
}
