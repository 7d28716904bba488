//! `sys/policies/acl` and its older name `sys/policy`: policies of a namespace.
//!
//! <https://openbao.org/api-docs/system/policies/>, <https://openbao.org/api-docs/system/policy/>

mod change;
mod list;
mod show;

use crate::field::{Field, FieldKind};
use crate::route::{Access, Method, Operation, Route};

pub(crate) use list::List;

const NAME: Field = Field::path("name", "Name of the policy; it may have slashes.");
const POLICY: Field =
    Field::body("policy", FieldKind::String, "The document, in HCL or JSON, or that in base64.");
const CAS: Field =
    Field::body("cas", FieldKind::Int, "The version that this replaces; -1 if there must be none.");
const CAS_REQUIRED: Field =
    Field::body("cas_required", FieldKind::Bool, "Whether every write must say `cas`.");
const TTL: Field = Field::body("ttl", FieldKind::DurationText, "Time until it ends.");
const EXPIRATION: Field = Field::body("expiration", FieldKind::String, "When it ends.");
const WILDCARDS: Field = Field::body(
    "allow_wildcards_in_identity_templates",
    FieldKind::Bool,
    "Whether values of templates may have `*` and `+`.",
);
const SLASHES: Field = Field::body(
    "allow_slashes_in_identity_templates",
    FieldKind::Bool,
    "Whether values of templates may have slashes.",
);
const RULES: Field = Field::body("rules", FieldKind::String, "Old name of `policy`.");

const FIELDS: &[Field] = &[NAME, POLICY, CAS, CAS_REQUIRED, TTL, EXPIRATION, WILDCARDS, SLASHES];
const OLD_FIELDS: &[Field] =
    &[NAME, POLICY, RULES, CAS, CAS_REQUIRED, TTL, EXPIRATION, WILDCARDS, SLASHES];

pub(crate) const ROUTES: &[Route] = &[
    Route {
        doubled: true,
        methods: &[
            Method::new(Operation::Read, Access::Acl, list::old_names),
            Method::new(Operation::List, Access::Acl, list::old_names),
        ],
        synopsis: "Lists the policies.",
        description: "The older path: it gives the names twice.",
        ..Route::system("policy")
    },
    Route {
        doubled: true,
        methods: &[
            Method::new(Operation::Read, Access::Acl, show::old_policy),
            Method::new(Operation::Update, Access::Acl, change::write_old),
            Method::new(Operation::Delete, Access::Acl, change::delete),
            Method::new(Operation::List, Access::Acl, list::old_names),
        ],
        fields: OLD_FIELDS,
        synopsis: "Writes, shows and deletes a policy.",
        description: "The older path: the text shows as `rules`.",
        folds: true,
        ..Route::system("policy/{name...}")
    },
    Route {
        methods: &[Method::new(Operation::List, Access::Acl, list::names)],
        synopsis: "Lists the policies.",
        description: "Shows the names of all policies of the namespace.",
        ..Route::system("policies/acl")
    },
    Route {
        methods: &[
            Method::new(Operation::Read, Access::Acl, show::policy),
            Method::new(Operation::Update, Access::Acl, change::write),
            Method::new(Operation::Patch, Access::Acl, change::patch),
            Method::new(Operation::Delete, Access::Acl, change::delete),
            Method::new(Operation::List, Access::Acl, list::names),
        ],
        fields: FIELDS,
        synopsis: "Writes, shows and deletes a policy.",
        description: "A write replaces all of it, a patch what it names. What a policy allows changes \
                      for every token that has it at once.",
        folds: true,
        ..Route::system("policies/acl/{name...}")
    },
    Route {
        methods: &[Method::new(Operation::List, Access::Acl, list::details)],
        synopsis: "Lists the policies with their texts.",
        description: "Shows all policies of the namespace.",
        ..Route::system("policies/detailed/acl")
    },
    Route {
        methods: &[Method::new(Operation::List, Access::Acl, list::details)],
        fields: &[NAME],
        synopsis: "Lists the policies below a name with their texts.",
        description: "Shows the policies whose names begin so.",
        folds: true,
        ..Route::system("policies/detailed/acl/{name...}")
    },
];
