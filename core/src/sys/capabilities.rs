//! `sys/capabilities`, `-self` and `-accessor`, and `sys/internal/ui/resultant-acl`: what a token may do.
//!
//! <https://openbao.org/api-docs/system/capabilities/>

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use http::StatusCode;

use crate::answer::Answer;
use crate::field::{Field, FieldKind};
use crate::json::Object;
use crate::reject::Reject;
use crate::route::{Access, Context, Method, Operation, Route};
use crate::token::{self, Authorized, Reach};
use crate::vault::{Halt, Tx};

const PATHS: Field = Field::body("paths", FieldKind::CommaStrings, "Paths to ask about.");
const PATH: Field = Field::body("path", FieldKind::CommaStrings, "Old name of `paths`.");

pub(crate) const ROUTES: &[Route] = &[
    Route {
        doubled: true,
        methods: &[Method::new(Operation::Update, Access::Acl, of_token)],
        fields: &[Field::body("token", FieldKind::String, "The token to ask about."), PATHS, PATH],
        synopsis: "Tells what a token may do.",
        description: "Gives the capabilities of the token in the body on each path.",
        ..Route::system("capabilities")
    },
    Route {
        doubled: true,
        methods: &[Method::new(Operation::Update, Access::Acl, of_caller)],
        fields: &[PATHS, PATH, Field::body("token", FieldKind::Any, "Not looked at.")],
        synopsis: "Tells what the caller may do.",
        description: "Gives the capabilities of the caller's token on each path.",
        ..Route::system("capabilities-self")
    },
    Route {
        doubled: true,
        methods: &[Method::new(Operation::Update, Access::Acl, of_accessor)],
        fields: &[
            Field::body("accessor", FieldKind::String, "Accessor of the token to ask about."),
            PATHS,
            PATH,
        ],
        synopsis: "Tells what the token of an accessor may do.",
        description: "Gives the capabilities of the token on each path.",
        ..Route::system("capabilities-accessor")
    },
    Route {
        methods: &[Method::new(Operation::Read, Access::Acl, resultant)],
        synopsis: "Shows what the caller's policies come to.",
        description: "Rules with `+` are not shown.",
        ..Route::system("internal/ui/resultant-acl")
    },
];

fn of_token(tx: &mut Tx<'_>, context: &Context<'_>, _: &Authorized) -> Result<Answer, Halt> {
    let paths = read_paths(context)?;
    let text = context.args.string("token")?.filter(|text| !text.is_empty());
    let bad = |text: &'static str| Reject::coded(StatusCode::BAD_REQUEST, text);
    let text = text.ok_or_else(|| bad("no token found"))?;
    // A token of another namespace is none here, as its accessor is none.
    let found = token::find(tx, &text)?;
    let found = found.filter(|found| found.namespace.is_within(context.namespace()));
    let found = found.ok_or_else(|| bad("invalid token"))?;
    let reach = found.reach(tx)?;
    Ok(show(context, &paths, &reach))
}

fn of_caller(
    tx: &mut Tx<'_>,
    context: &Context<'_>,
    authorized: &Authorized,
) -> Result<Answer, Halt> {
    let paths = read_paths(context)?;
    let reach = authorized.caller()?.reach(tx)?;
    Ok(show(context, &paths, &reach))
}

fn of_accessor(tx: &mut Tx<'_>, context: &Context<'_>, _: &Authorized) -> Result<Answer, Halt> {
    let accessor = context.args.string("accessor")?.filter(|text| !text.is_empty());
    let accessor = accessor.ok_or_else(|| Reject::invalid("missing accessor"))?;
    let paths = read_paths(context)?;
    let found = token::find_by_accessor(tx, &accessor, context.namespace())?;
    let found = found.ok_or_else(|| Reject::coded(StatusCode::BAD_REQUEST, "invalid accessor"))?;
    let reach = found.reach(tx)?;
    Ok(show(context, &paths, &reach))
}

fn read_paths(context: &Context<'_>) -> Result<Vec<String>, Reject> {
    let mut paths = context.args.comma_strings("paths")?.unwrap_or_default();
    if paths.is_empty() {
        paths = context.args.comma_strings("path")?.unwrap_or_default();
    }
    if paths.is_empty() {
        return Err(Reject::invalid("paths must be supplied"));
    }
    Ok(paths)
}

/// The capabilities on each path; those of a single one under a name of their own too.
fn show(context: &Context<'_>, paths: &[String], reach: &Reach) -> Answer {
    let namespace = context.namespace();
    let shown = |path: &String| {
        let path = path.strip_prefix('/').unwrap_or(path);
        (path.into(), reach.capabilities(namespace, path))
    };
    let mut members: BTreeMap<String, Vec<&'static str>> = paths.iter().map(shown).collect();
    if let ([_], Some((_, words))) = (paths, members.first_key_value()) {
        let words = words.clone();
        members.insert("capabilities".into(), words);
    }
    let object =
        members.iter().fold(Object::new(), |object, (path, words)| object.strings(path, words));
    Answer::data(object.finish())
}

fn resultant(tx: &mut Tx<'_>, _: &Context<'_>, authorized: &Authorized) -> Result<Answer, Halt> {
    Ok(Answer::data(match authorized.caller()?.reach(tx)? {
        Reach::All(_) => Object::new().plain("root", true).finish(),
        Reach::Rules(rules) => rules.acl.resultant(),
    }))
}
