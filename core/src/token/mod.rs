//! Tokens: who a request comes from.
//!
//! A token is alive if its record is there, its time has not come, a use is left, and every ancestor
//! is alive. Its record lists the ancestors, so that revoking a tree of any size takes one record
//! away. Records are stored under a keyed hash of the token's text.
//!
//! <https://openbao.org/api-docs/auth/token/>

mod authorize;
mod create;
mod lookup;
mod record;
mod revoke;
mod wrap;

use crate::field::{Field, FieldKind};
use crate::route::{Access, Engine, Home, Method, Operation, Route};

pub(crate) use authorize::{Authorized, Caller, Reach, authorize, bury, finish};
pub(crate) use create::{ROOT_TOKEN_BYTES, create_root};
pub(crate) use record::{Reference, bury_all, find, find_by_accessor, namespace_of};
pub(crate) use wrap::{RESPONSE, Wrapped, Wrapping, wrap};

const TOKEN: Field =
    Field::body("token", FieldKind::Token, "The token; without it, the caller's own.");
/// Taken and not looked at.
const IGNORED_TOKEN: Field = Field::body("token", FieldKind::Any, "Not looked at.");

const CREATE_FIELDS: &[Field] = &[
    Field::body("display_name", FieldKind::String, "Name shown in lookups, behind `token-`."),
    Field::body("entity_alias", FieldKind::String, "Taken together with a role only."),
    Field::body(
        "explicit_max_ttl",
        FieldKind::DurationText,
        "Time after which the token ends whatever renewals say.",
    ),
    Field::body("id", FieldKind::String, "Text of the token, instead of a random one."),
    Field::body("lease", FieldKind::DurationText, "Old name of `ttl`."),
    Field::body("meta", FieldKind::Pairs, "Texts by name, shown in lookups and audit."),
    Field::body("no_default_policy", FieldKind::Bool, "Leaves out the policy `default`."),
    Field::body("no_parent", FieldKind::Bool, "Makes an orphan."),
    Field::body("num_uses", FieldKind::Int, "Requests after which the token ends; 0 for no limit."),
    Field::body("period", FieldKind::DurationText, "Time that every renewal gives."),
    Field::body("policies", FieldKind::Strings, "Names of policies; the caller's without it."),
    Field::body("renewable", FieldKind::Bool, "Whether the token may be renewed; true without it."),
    Field::body("ttl", FieldKind::DurationText, "Time until the token ends."),
    Field::body("type", FieldKind::String, "`service`."),
];

/// `auth/token/`
pub(crate) const ROUTES: &[Route] = &[
    Route {
        engine: Some(Engine::Token),
        pattern: "create",
        methods: &[Method::new(Operation::Update, Access::Acl, create::create)],
        fields: CREATE_FIELDS,
        synopsis: "Makes a token.",
        description: "Makes a token that is a child of the caller's. Answers with `auth`.",
        ..Route::NEW
    },
    Route {
        engine: Some(Engine::Token),
        pattern: "create-orphan",
        methods: &[Method::new(Operation::Update, Access::Acl, create::create_orphan)],
        fields: CREATE_FIELDS,
        synopsis: "Makes a token without a parent.",
        description: "Makes a token that lives on when the caller's is revoked.",
        ..Route::NEW
    },
    Route {
        engine: Some(Engine::Token),
        pattern: "lookup",
        home: Home::Token,
        methods: &[
            Method::new(Operation::Read, Access::Acl, lookup::lookup),
            Method::new(Operation::Update, Access::Acl, lookup::lookup),
        ],
        fields: &[TOKEN],
        synopsis: "Shows a token.",
        description: "Shows the properties of the token in the body.",
        ..Route::NEW
    },
    Route {
        engine: Some(Engine::Token),
        pattern: "lookup-self",
        home: Home::Caller,
        methods: &[
            Method::new(Operation::Read, Access::Acl, lookup::lookup_self),
            Method::new(Operation::Update, Access::Acl, lookup::lookup_self),
        ],
        fields: &[IGNORED_TOKEN],
        synopsis: "Shows the caller's token.",
        description: "Shows the properties of the token that makes the request.",
        ..Route::NEW
    },
    Route {
        engine: Some(Engine::Token),
        pattern: "revoke",
        home: Home::Token,
        methods: &[Method::new(Operation::Update, Access::Acl, revoke::revoke).freeing()],
        fields: &[TOKEN],
        synopsis: "Revokes a token and its children.",
        description: "Ends the token in the body and all that were made by it.",
        ..Route::NEW
    },
    Route {
        engine: Some(Engine::Token),
        pattern: "revoke-self",
        home: Home::Caller,
        methods: &[Method::new(Operation::Update, Access::Acl, revoke::revoke_self).freeing()],
        synopsis: "Revokes the caller's token and its children.",
        description: "Ends the token that makes the request and all that were made by it.",
        ..Route::NEW
    },
];
