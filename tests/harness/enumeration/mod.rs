//! Tests by enumeration: every row of the route table is asked in every way that a rule is about.
//!
//! What must be answered follows from the row alone ([`Table::judge`]), so a new row falls under every
//! rule by being in the table. A [`Stage`] asks, and holds each refusal to what holds for all of them:
//! nothing has changed, and nothing secret is said.
//!
//! Another kind of caller is a variant of [`Caller`], with its [`Standing`], and a token that the [`Stage`]
//! makes; what its policy says of the endpoint, [`Stage::grant`] writes. Another way to name a path, such
//! as behind that of a namespace, is a variant of [`Form`].

mod judge;
mod malformed;
mod spelling;
mod stage;
mod value;
mod world;

use strongroom_core::probe::{self, Operation, Row, Switch};

pub use judge::{Question, Seal, Verdict};
pub use malformed::{MALFORMED, Malformed, Tolerance};
pub use spelling::{Meaning, Spelling, spellings};
pub use stage::{Answer, Ask, CANARY, Stage, Way};
pub use value::Value;

/// A row of the route table, and one path that it has.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// The row.
    pub row: Row,
    /// The path behind `/v1/`.
    pub path: String,
}

impl Endpoint {
    fn new(row: Row) -> Self {
        let path = mount_path(&row).to_owned() + &fill(row.pattern);
        Self { row, path }
    }

    /// The path of its mount and its pattern.
    pub fn name(&self) -> String {
        mount_path(&self.row).to_owned() + self.row.pattern
    }

    /// Whether it is an endpoint of the HTTP layer, which knows no mounts.
    pub fn is_plain(&self) -> bool {
        self.row.engine.is_none()
    }

    /// Whether it serves an operation.
    pub fn serves(&self, operation: Operation) -> bool {
        self.row.methods.iter().any(|(served, _)| *served == operation)
    }
}

/// Where the mount of a row is. A server that was just initialised has one of each type.
fn mount_path(row: &Row) -> &'static str {
    match (row.mount_path, row.engine) {
        (Some(path), _) => path,
        (None, None) => "",
        (None, Some(("kv", 1))) => "secret/",
        (None, Some(engine)) => panic!("say here where a mount of {engine:?} is"),
    }
}

/// A path of a pattern: each capture is 7, which is a name as well as a number. A [`Stage`] has something
/// at each of them.
fn fill(pattern: &str) -> String {
    // A namespace has a name of one segment.
    let rest = if pattern.starts_with("namespaces/") { "7" } else { "enumeration/7" };
    let segments = pattern.split('/').map(|piece| match piece {
        capture if capture.ends_with("...}") => rest,
        capture if capture.starts_with('{') => "7",
        fixed => fixed,
    });
    segments.collect::<Vec<_>>().join("/")
}

/// The route table.
#[derive(Clone, Debug)]
pub struct Table {
    /// Every row, in the order in which they are looked at.
    pub endpoints: Vec<Endpoint>,
}

impl Table {
    /// The table of the core.
    pub fn new() -> Self {
        Self { endpoints: probe::table().into_iter().map(Endpoint::new).collect() }
    }

    /// How many pairs of an endpoint and an operation that it serves there are.
    pub fn methods(&self) -> usize {
        self.endpoints.iter().map(|endpoint| endpoint.row.methods.len()).sum()
    }

    /// Whether any endpoint is there by this switch.
    pub fn knows(&self, switch: Switch) -> bool {
        self.endpoints.iter().any(|endpoint| endpoint.row.switch == Some(switch))
    }
}

/// A way to ask for an operation.
#[derive(Clone, Copy, Debug)]
pub struct Verb {
    /// The method of HTTP.
    pub method: &'static str,
    /// What stands behind the path.
    pub query: &'static str,
    /// What a mount understands; `None` if it is no method of the API.
    pub operation: Option<Operation>,
}

impl Verb {
    const fn new(method: &'static str, query: &'static str, operation: Option<Operation>) -> Self {
        Self { method, query, operation }
    }

    /// What an endpoint of the HTTP layer understands: it looks at the method alone.
    fn plain_operation(self) -> Option<Operation> {
        match self.method {
            "GET" => Some(Operation::Read),
            "HEAD" => Some(Operation::Header),
            "POST" | "PUT" => Some(Operation::Update),
            "DELETE" => Some(Operation::Delete),
            _ => None,
        }
    }

    /// The operation that an endpoint is asked for.
    pub fn operation_of(self, endpoint: &Endpoint) -> Option<Operation> {
        if endpoint.is_plain() { self.plain_operation() } else { self.operation }
    }

    /// Whether another verb asks a mount for the same.
    pub fn is_repeated(self) -> bool {
        !self.query.is_empty() || self.method == "PUT"
    }

    /// Whether the body is looked at, by a mount.
    pub fn has_body(self) -> bool {
        matches!(self.operation, Some(Operation::Update | Operation::Patch))
    }

    /// Whether what is served may have changed something.
    fn may_change(self) -> bool {
        self.has_body() || self.operation == Some(Operation::Delete)
    }
}

/// Every way to ask for an operation, and one that is none.
pub const VERBS: [Verb; 14] = [
    Verb::new("GET", "", Some(Operation::Read)),
    Verb::new("GET", "?list=true", Some(Operation::List)),
    Verb::new("GET", "?scan=true", Some(Operation::Scan)),
    Verb::new("GET", "?help=1", Some(Operation::Help)),
    Verb::new("HELP", "", Some(Operation::Help)),
    Verb::new("LIST", "", Some(Operation::List)),
    Verb::new("SCAN", "", Some(Operation::Scan)),
    Verb::new("POST", "", Some(Operation::Update)),
    Verb::new("PUT", "", Some(Operation::Update)),
    Verb::new("PATCH", "", Some(Operation::Patch)),
    Verb::new("DELETE", "", Some(Operation::Delete)),
    Verb::new("HEAD", "", Some(Operation::Header)),
    Verb::new("OPTIONS", "", Some(Operation::None)),
    Verb::new("FROB", "", None),
];

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Caller {
    /// Without a token.
    Nobody,
    /// With the text of a token that never was.
    Unknown,
    /// With a token that had every right, and was revoked.
    Revoked,
    /// With a good token that has no policy.
    Powerless,
    /// With a token whose policy allows everything but this path.
    Denied,
    /// With a token whose policy allows just this on just this path.
    Exact,
    /// The same without `sudo`.
    WithoutSudo,
    /// With a token of another namespace, whose policy allows everything there.
    Foreign,
    /// With such a token of the namespace that the forms of a request name.
    Tenant,
    /// With the root token.
    Root,
}

/// What a caller may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// What anybody may, who shows no token.
    Nobody,
    /// The same, with a token that is none.
    Stranger,
    /// What any token may.
    Member,
    /// Whatever a policy can allow, or that but for what needs `sudo`.
    Capable {
        /// Whether that too.
        sudo: bool,
    },
    /// Everything.
    Root,
}

impl Caller {
    /// Everybody.
    pub const ALL: [Self; 10] = [
        Self::Nobody,
        Self::Unknown,
        Self::Revoked,
        Self::Powerless,
        Self::Denied,
        Self::Exact,
        Self::WithoutSudo,
        Self::Foreign,
        Self::Tenant,
        Self::Root,
    ];

    /// What the caller may do with a path from the root namespace, when the policies of which the path is
    /// the matter speak of `granted`. For a folder a slash at the end does not matter; denied are both.
    pub fn standing(self, granted: &str, path: &str, is_folder: bool) -> Standing {
        let [near, of_granted] = [path, granted].map(|path| path.strip_suffix('/').unwrap_or(path));
        let is_near = near == of_granted;
        let is_it = path == granted || is_folder && is_near;
        let capable = |is_capable, sudo| match is_capable {
            true => Standing::Capable { sudo },
            false => Standing::Member,
        };
        match self {
            Self::Nobody => Standing::Nobody,
            Self::Unknown | Self::Revoked => Standing::Stranger,
            Self::Powerless => Standing::Member,
            Self::Denied => capable(!is_near, true),
            Self::Exact => capable(is_it, true),
            Self::WithoutSudo => capable(is_it, false),
            Self::Foreign | Self::Tenant => capable(path.starts_with(self.namespace()), true),
            Self::Root => Standing::Root,
        }
    }

    /// The namespace of the token: empty for the root, or with a slash at its end.
    pub fn namespace(self) -> &'static str {
        match self {
            Self::Foreign => FOREIGN,
            Self::Tenant => CHILD,
            Self::Nobody
            | Self::Unknown
            | Self::Revoked
            | Self::Powerless
            | Self::Denied
            | Self::Exact
            | Self::WithoutSudo
            | Self::Root => "",
        }
    }
}

/// The namespace that forms name.
pub const CHILD: &str = "a/b/";
/// Another one.
pub const FOREIGN: &str = "c/";

/// How a path is named in a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// By itself.
    Plain,
    /// With a header field that names the root namespace.
    RootHeader,
    /// In another namespace, which the header field names.
    ChildHeader,
    /// The same, which the path names.
    ChildPath,
    /// The same, of which each names a part.
    ChildBoth,
}

impl Form {
    /// Those that name the root namespace.
    pub const ROOT: [Self; 2] = [Self::Plain, Self::RootHeader];
    /// Those that name another one, which is the same in all.
    pub const CHILD: [Self; 3] = [Self::ChildHeader, Self::ChildPath, Self::ChildBoth];

    /// The namespace: empty for the root, or with a slash at its end.
    pub fn namespace(self) -> &'static str {
        match self {
            Self::Plain | Self::RootHeader => "",
            Self::ChildHeader | Self::ChildPath | Self::ChildBoth => CHILD,
        }
    }

    /// The target of a request, without a query.
    pub fn target(self, path: &str) -> String {
        match self {
            Self::Plain | Self::RootHeader | Self::ChildHeader => format!("/v1/{path}"),
            Self::ChildPath => format!("/v1/a/b/{path}"),
            Self::ChildBoth => format!("/v1/b/{path}"),
        }
    }

    /// Whether the HTTP layer sees the path as it is in its namespace.
    pub fn keeps_path(self) -> bool {
        match self {
            Self::Plain | Self::RootHeader | Self::ChildHeader => true,
            Self::ChildPath | Self::ChildBoth => false,
        }
    }

    /// Header fields that belong to it.
    pub fn fields(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Plain | Self::ChildPath => &[],
            Self::RootHeader => &[("X-Vault-Namespace", "root/")],
            Self::ChildHeader => &[("X-Vault-Namespace", "a/b")],
            Self::ChildBoth => &[("X-Vault-Namespace", "a")],
        }
    }

    /// The status with which an endpoint refuses this form, whoever asks for whatever.
    pub fn refusal(self, endpoint: &Endpoint) -> Option<u16> {
        match self {
            Self::Plain | Self::ChildPath | Self::ChildBoth => None,
            Self::RootHeader | Self::ChildHeader => endpoint.row.root_only.then_some(400),
        }
    }
}
