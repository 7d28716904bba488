//! `sys/namespaces`: servers inside the server, made, shown, changed, locked and deleted by those above.
//!
//! Every path is relative to the namespace of the request. A namespace has no seal of its own: what is
//! about one is refused.
//!
//! <https://openbao.org/api-docs/system/namespaces/>

mod change;
mod list;
mod lock;
mod metadata;
mod name;
mod seal;
mod show;
mod ui;

use crate::field::{Field, FieldKind};
use crate::route::{Access, Method, Operation, Route};

pub(crate) use list::List;
pub(crate) use ui::Sight;

const NAME: Field = Field::path("name", "Name of the namespace: one segment.");

const METADATA: Field =
    Field::body("custom_metadata", FieldKind::Any, "Texts by name; without it there are none.");

const UNLOCK_KEY: Field =
    Field::body("unlock_key", FieldKind::String, "What the lock answered; not needed with sudo.");

const LOCK: &[Method] = &[Method::new(Operation::Update, Access::Acl, lock::lock)];
const UNLOCK: &[Method] = &[Method::new(Operation::Update, Access::Acl, lock::unlock)];

pub(crate) const ROUTES: &[Route] = &[
    names("namespaces"),
    names("namespaces/"),
    Route { methods: LOCK, ..lock_route("namespaces/api-lock/lock") },
    Route {
        methods: LOCK,
        fields: &[lock::PATH],
        ..lock_route("namespaces/api-lock/lock/{path...}")
    },
    Route { methods: UNLOCK, fields: &[UNLOCK_KEY], ..unlock_route("namespaces/api-lock/unlock") },
    Route {
        methods: UNLOCK,
        fields: &[lock::PATH, UNLOCK_KEY],
        ..unlock_route("namespaces/api-lock/unlock/{path...}")
    },
    Route {
        methods: &[Method::new(Operation::Update, Access::Acl, seal::seal)],
        fields: &[NAME],
        synopsis: "Refused: no namespace has a seal of its own.",
        description: "The seal of the server is that of every namespace.",
        ..Route::system("namespaces/{name...}/seal")
    },
    Route {
        methods: &[Method::new(Operation::Update, Access::Acl, seal::status)],
        fields: &[
            NAME,
            Field::body("key", FieldKind::String, "Not looked at."),
            Field::body("reset", FieldKind::Bool, "Not looked at."),
        ],
        synopsis: "Refused: no namespace has a seal of its own.",
        description: "The seal of the server is that of every namespace.",
        ..Route::system("namespaces/{name...}/unseal")
    },
    Route {
        methods: &[Method::new(Operation::Read, Access::Acl, seal::status)],
        fields: &[NAME],
        synopsis: "Refused: no namespace has a seal of its own.",
        description: "The seal of the server is that of every namespace.",
        ..Route::system("namespaces/{name...}/seal-status")
    },
    Route {
        methods: &[Method::new(Operation::Delete, Access::Sudo, seal::delete)],
        fields: &[NAME, Field::body("force", FieldKind::Bool, "Not looked at.")],
        synopsis: "Refused: no namespace has a seal of its own.",
        description: "A namespace is deleted by `namespaces/` and its name.",
        ..Route::system("namespaces/{name...}/delete-sealed")
    },
    Route {
        methods: &[
            Method::new(Operation::Read, Access::Acl, show::read),
            Method::new(Operation::Update, Access::Acl, change::write),
            Method::new(Operation::Patch, Access::Acl, change::patch),
            Method::new(Operation::Delete, Access::Acl, change::delete),
        ],
        fields: &[
            NAME,
            METADATA,
            Field::body("seal", FieldKind::Any, "Refused: no namespace has a seal of its own."),
            Field::body("pgp_keys", FieldKind::Any, "Refused, as `seal` is."),
        ],
        synopsis: "Makes a namespace, shows it, changes its metadata, and deletes it.",
        description: "A namespace is deleted with its mounts, secrets, policies and tokens, but not while \
                      it has others inside.",
        ..Route::system("namespaces/{name...}")
    },
    Route {
        open: true,
        methods: &[Method::new(Operation::Read, Access::Open, ui::namespaces)],
        synopsis: "Lists the namespaces that the caller can use.",
        description: "Those directly inside the namespace of the request.",
        ..Route::system("internal/ui/namespaces")
    },
];

const LIST: &[Method] = &[
    Method::new(Operation::List, Access::Acl, list::list),
    Method::new(Operation::Scan, Access::Acl, list::scan),
];

const fn names(pattern: &'static str) -> Route {
    Route {
        methods: LIST,
        synopsis: "Lists the namespaces directly inside, or all below.",
        description: "Shows each with its metadata.",
        ..Route::system(pattern)
    }
}

const fn lock_route(pattern: &'static str) -> Route {
    Route {
        synopsis: "Locks the API of a namespace and of all below.",
        description: "Answers with the key that unlocks it. Without a path it is the namespace of the \
                      request.",
        ..Route::system(pattern)
    }
}

const fn unlock_route(pattern: &'static str) -> Route {
    Route {
        synopsis: "Unlocks the API of a namespace.",
        description: "Without a path it is the namespace of the request.",
        ..Route::system(pattern)
    }
}
