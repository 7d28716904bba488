//! `sys/leader`: which node of a cluster is active.
//!
//! <https://openbao.org/api-docs/system/leader/>

use http::StatusCode;

use crate::answer::Answer;
use crate::json;
use crate::route::{Access, Context, Method, Operation, Route};
use crate::token::Authorized;
use crate::vault::{Halt, Tx};

pub(crate) const ROUTES: &[Route] = &[Route {
    pattern: "sys/leader",
    open: true,
    free_form: true,
    methods: &[Method::new(Operation::Read, Access::Open, leader)],
    synopsis: "Tells which node is active.",
    description: "A server that runs alone says that there is no cluster.",
    ..Route::NEW
}];

fn leader(_: &mut Tx<'_>, _: &Context<'_>, _: &Authorized) -> Result<Answer, Halt> {
    let body = json::Object::new().plain("ha_enabled", false).finish();
    Ok(Answer::Bare(StatusCode::OK, body + "\n"))
}
