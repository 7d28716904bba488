//! `sys/mounts` and `sys/auth`: secrets engines and auth methods.
//!
//! Both stand in one table of their namespace; the paths of auth methods begin with `auth/` there.
//!
//! <https://openbao.org/api-docs/system/mounts/>, <https://openbao.org/api-docs/system/auth/>

mod change;
mod list;
mod remount;
mod settings;
mod show;
mod tune;
mod ui;
mod wish;

use crate::field::{Field, FieldKind};
use crate::route::{Access, Method, Operation, Route};

pub(crate) use list::List;
pub(crate) use ui::Sight;

const PATH: Field = Field::path("path", "Where the mount is, or shall be.");

const WISH_FIELDS: &[Field] = &[
    PATH,
    Field::body("type", FieldKind::String, "Type of the engine or method, such as `kv`."),
    Field::body("description", FieldKind::String, "Text for those who read the list of mounts."),
    Field::body("config", FieldKind::Any, "What can be tuned later too."),
    Field::body("options", FieldKind::Pairs, "Texts for the engine; `version` chooses that of kv."),
    Field::body("local", FieldKind::Bool, "Kept and shown."),
    Field::body("seal_wrap", FieldKind::Bool, "Kept and shown: everything is sealed anyway."),
    Field::body("external_entropy_access", FieldKind::Bool, "Kept and shown."),
    Field::body("plugin_name", FieldKind::String, "Type of the engine, if `type` is `plugin`."),
    Field::body("plugin_version", FieldKind::String, "Not looked at; that of `config` is."),
];

const TUNE_FIELDS: &[Field] = &[
    PATH,
    Field::body("default_lease_ttl", FieldKind::DurationText, "`system` for the server's own."),
    Field::body("max_lease_ttl", FieldKind::DurationText, "`system` for the server's own."),
    Field::body("description", FieldKind::String, "Text for those who read the list of mounts."),
    Field::body("audit_non_hmac_request_keys", FieldKind::CommaStrings, "Shown in clear by audit."),
    Field::body(
        "audit_non_hmac_response_keys",
        FieldKind::CommaStrings,
        "Shown in clear by audit.",
    ),
    Field::body("listing_visibility", FieldKind::String, "`unauth`, `hidden` or nothing."),
    Field::body("passthrough_request_headers", FieldKind::CommaStrings, "Kept and shown."),
    Field::body("allowed_response_headers", FieldKind::CommaStrings, "Kept and shown."),
    Field::body("token_type", FieldKind::String, "Which tokens an auth method gives."),
    Field::body("user_lockout_config", FieldKind::Any, "When a user is locked out."),
    Field::body("options", FieldKind::Pairs, "Texts for the engine; an empty one takes it away."),
    Field::body("plugin_version", FieldKind::String, "Kept and shown."),
];

pub(crate) const ROUTES: &[Route] = &[
    Route {
        doubled: true,
        methods: &[Method::new(Operation::Read, Access::Acl, list::secrets)],
        synopsis: "Lists the secrets engines.",
        description: "Shows every mount of the namespace with its settings.",
        ..Route::system("mounts")
    },
    Route {
        doubled: true,
        methods: TUNE_METHODS,
        fields: TUNE_FIELDS,
        synopsis: "Tunes a mount.",
        description: "Takes what is given, all of it or nothing. Auth methods are `auth/` and their path.",
        ..Route::system("mounts/{path...}/tune")
    },
    Route {
        doubled: true,
        methods: &[
            Method::new(Operation::Read, Access::Acl, show::secrets),
            Method::new(Operation::Update, Access::Acl, change::enable_secrets),
            Method::new(Operation::Delete, Access::Acl, change::disable_secrets),
        ],
        fields: WISH_FIELDS,
        synopsis: "Mounts a secrets engine, shows one, and takes one away with all its secrets.",
        description: "A path belongs to one mount: none lies above or below another.",
        ..Route::system("mounts/{path...}")
    },
    Route {
        doubled: true,
        methods: &[Method::new(Operation::Read, Access::Acl, list::auth)],
        synopsis: "Lists the auth methods.",
        description: "Shows every auth method of the namespace with its settings.",
        ..Route::system("auth")
    },
    Route {
        doubled: true,
        methods: &[
            Method::new(Operation::Read, Access::Sudo, tune::read_auth),
            Method::new(Operation::Update, Access::Sudo, tune::write_auth),
        ],
        fields: TUNE_FIELDS,
        synopsis: "Tunes an auth method.",
        description: "Takes what is given, all of it or nothing.",
        ..Route::system("auth/{path...}/tune")
    },
    Route {
        doubled: true,
        methods: &[
            Method::new(Operation::Read, Access::Sudo, show::auth),
            Method::new(Operation::Update, Access::Sudo, change::enable_auth),
            Method::new(Operation::Delete, Access::Sudo, change::disable_auth),
        ],
        fields: WISH_FIELDS,
        synopsis: "Enables an auth method, shows one, and disables one with all of its tokens.",
        description: "A path belongs to one method: none lies above or below another.",
        ..Route::system("auth/{path...}")
    },
    Route {
        doubled: true,
        methods: &[Method::new(Operation::Update, Access::Sudo, remount::remount)],
        fields: &[
            Field::body("from", FieldKind::String, "The mount."),
            Field::body("to", FieldKind::String, "Where it shall be."),
        ],
        synopsis: "Moves a mount to another path.",
        description: "Everything in it moves along, into another namespace too.",
        ..Route::system("remount")
    },
    Route {
        methods: &[Method::new(Operation::Read, Access::Acl, remount::status)],
        fields: &[Field::path("migration_id", "What the move answered.")],
        synopsis: "Tells what became of a move.",
        description: "The last moves are kept.",
        ..Route::system("remount/status/{migration_id}")
    },
    Route {
        open: true,
        methods: &[Method::new(Operation::Read, Access::Open, ui::mounts)],
        synopsis: "Lists the mounts that the caller can use.",
        description: "Without a token it shows those that are visible to everybody.",
        ..Route::system("internal/ui/mounts")
    },
    Route {
        open: true,
        methods: &[Method::new(Operation::Read, Access::Open, ui::mount)],
        fields: &[PATH],
        synopsis: "Shows the mount of a path, if the caller can use it.",
        description: "Clients ask this to learn the version of a key/value engine.",
        ..Route::system("internal/ui/mounts/{path...}")
    },
];

const TUNE_METHODS: &[Method] = &[
    Method::new(Operation::Read, Access::Acl, tune::read),
    Method::new(Operation::Update, Access::Acl, tune::write),
];
