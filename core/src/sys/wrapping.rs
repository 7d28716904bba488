//! `sys/wrapping`: answers that are handed over by a token of one use.
//!
//! <https://openbao.org/api-docs/system/wrapping-wrap/>

use alloc::borrow::ToOwned;

use http::StatusCode;

use crate::answer::Answer;
use crate::field::{Field, FieldKind};
use crate::json::Object;
use crate::reject::Reject;
use crate::route::{Access, Context, Home, Method, Operation, Route};
use crate::token::{self, Authorized, Wrapped, Wrapping};
use crate::vault::{Halt, Tx};

const TOKEN: Field =
    Field::body("token", FieldKind::Any, "The wrapping token; without it, the caller's own.");

pub(crate) const ROUTES: &[Route] = &[
    Route {
        free_form: true,
        methods: &[Method::new(Operation::Update, Access::Acl, wrap)],
        synopsis: "Wraps what it is sent.",
        description: "The header `X-Vault-Wrap-TTL` says for how long.",
        doubled: true,
        ..Route::system("wrapping/wrap")
    },
    Route {
        home: Home::Wrapping,
        methods: &[Method::new(Operation::Update, Access::Acl, unwrap).freeing()],
        fields: &[TOKEN],
        synopsis: "Gives a wrapped answer.",
        description: "It is given once: the wrapping token ends.",
        ..Route::system("wrapping/unwrap")
    },
    Route {
        open: true,
        home: Home::Wrapping,
        methods: &[
            Method::new(Operation::Read, Access::Open, lookup),
            Method::new(Operation::Update, Access::Open, lookup),
        ],
        fields: &[TOKEN],
        synopsis: "Tells what a wrapping token is for.",
        description: "The token is not used up.",
        ..Route::system("wrapping/lookup")
    },
    Route {
        home: Home::Wrapping,
        methods: &[Method::new(Operation::Update, Access::Acl, rewrap).freeing()],
        fields: &[TOKEN],
        synopsis: "Gives a new token for a wrapped answer.",
        description: "The answer, its path and its time stay; the old token ends.",
        ..Route::system("wrapping/rewrap")
    },
];

fn wrap(_: &mut Tx<'_>, context: &Context<'_>, _: &Authorized) -> Result<Answer, Halt> {
    if context.call.wrap_ttl == 0 {
        return Err(Reject::invalid("endpoint requires response wrapping to be used").into());
    }
    let mut data = alloc::string::String::from("{}");
    if let Some(doc) = &context.call.doc {
        data.clear();
        doc.root().write_canonical(&mut data);
    }
    Ok(Answer::data(data))
}

fn unwrap(tx: &mut Tx<'_>, context: &Context<'_>, _: &Authorized) -> Result<Answer, Halt> {
    let wrapping = Wrapping::find(tx, context.call)?;
    let answer = wrapping.answer(tx)?;
    wrapping.bury(tx);
    Ok(Answer::Bare(StatusCode::OK, answer.as_str().to_owned()))
}

fn lookup(tx: &mut Tx<'_>, context: &Context<'_>, _: &Authorized) -> Result<Answer, Halt> {
    let wrapping = Wrapping::find(tx, context.call)?;
    let data = Object::new()
        .string("creation_path", wrapping.path())
        .string("creation_time", &wrapping.creation_time())
        .plain("creation_ttl", wrapping.ttl());
    Ok(Answer::data(data.finish()))
}

fn rewrap(tx: &mut Tx<'_>, context: &Context<'_>, _: &Authorized) -> Result<Answer, Halt> {
    let wrapping = Wrapping::find(tx, context.call)?;
    let answer = wrapping.answer(tx)?;
    wrapping.bury(tx);
    let again =
        Wrapped { answer: &answer, path: wrapping.path(), ttl: wrapping.ttl(), accessor: None };
    Ok(Answer::Envelope(token::wrap(tx, &wrapping.namespace, &again)?))
}
