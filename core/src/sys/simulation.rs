//! A route that parks on a job, for the simulator: until an engine has slow work, this one shows that
//! what runs again after it runs right.

use alloc::string::String;

use crate::answer::Answer;
use crate::encoding::hex;
use crate::field::{Field, FieldKind};
use crate::job::Job;
use crate::json;
use crate::route::{Access, Context, Engine, Method, Operation, Route};
use crate::token::Authorized;
use crate::vault::{Halt, Tx};

pub(crate) const ROUTES: &[Route] = &[Route {
    engine: Some(Engine::System),
    pattern: "simulation/job",
    methods: &[Method::new(Operation::Update, Access::Acl, job)],
    fields: &[Field::body("input", FieldKind::String, "What to digest.")],
    synopsis: "Digests its input slowly.",
    description: "Parks on a job that digests `input`.",
    ..Route::NEW
}];

fn job(tx: &mut Tx<'_>, context: &Context<'_>, _: &Authorized) -> Result<Answer, Halt> {
    let input: String = context.args.string("input")?.unwrap_or_default();
    let outcome = tx.job(Job::stretch(input.into_bytes(), 3))?;
    Ok(Answer::data(json::Object::new().string("digest", &hex(&outcome.digest)).finish()))
}
