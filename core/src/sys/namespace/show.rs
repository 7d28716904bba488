//! How a namespace is shown.

use alloc::string::String;

use super::name;
use crate::answer::Answer;
use crate::encoding::uuid;
use crate::json::Object;
use crate::namespace::{self, Namespace};
use crate::route::Context;
use crate::token::Authorized;
use crate::vault::{Halt, Tx};

pub(super) fn read(tx: &mut Tx<'_>, context: &Context<'_>, _: &Authorized) -> Result<Answer, Halt> {
    let name = name::of(context)?;
    let found = namespace::find(tx, context.namespace().id, &name)?;
    Ok(found.map_or(Answer::Nothing, |found| Answer::data(show(&found))))
}

/// Everything about a namespace. What is deleted is gone at once, so none is ever tainted.
pub(super) fn show(namespace: &Namespace) -> String {
    let metadata = namespace.metadata.iter();
    let metadata = metadata.fold(Object::new(), |object, (name, value)| object.string(name, value));
    Object::new()
        .raw("custom_metadata", &metadata.finish())
        .string("id", &namespace.short_id)
        .plain("locked", namespace.lock.is_some())
        .string("path", &namespace.path)
        .plain("tainted", false)
        .string("uuid", &uuid(&namespace.id.0))
        .finish()
}
