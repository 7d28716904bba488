//! The system mount: the server's own endpoints.

pub(crate) mod cors;
pub(crate) mod health;
pub(crate) mod init;
pub(crate) mod keyring;
pub(crate) mod leader;
pub(crate) mod legacy;
pub(crate) mod seal;
#[cfg(feature = "simulation")]
pub(crate) mod simulation;
pub(crate) mod tools;

use crate::json::Value;
use crate::reject::Reject;
use crate::route::Context;

/// A member of the body of an endpoint of the HTTP layer: such names do not know case.
fn member<'a>(context: &Context<'a>, name: &str) -> Option<Value<'a>> {
    let members = context.call.doc.as_ref()?.object()?;
    members.filter(|(sent, _)| sent.eq_ignore_ascii_case(name)).last().map(|(_, value)| value)
}

/// A member of such a body has another type than it must have.
fn undecodable(why: &str) -> Reject {
    Reject::invalid(alloc::format!("failed to decode JSON input: {why}"))
}
