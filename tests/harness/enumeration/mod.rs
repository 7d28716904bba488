//! Tests by enumeration: every row of the route table is asked in every way that a rule is about.
//!
//! What must be answered follows from the row alone ([`Table::judge`]), so a new row falls under every
//! rule by being in the table. A [`Stage`] asks, and holds each refusal to what holds for all of them:
//! nothing has changed, and nothing secret is said.
//!
//! Another kind of caller is a variant of [`Caller`], with its [`Standing`] and a token from
//! [`Stage::token`], which is told the endpoint. Another way to name a path, such as behind that of a
//! namespace, is a variant of [`Form`].

mod judge;
mod malformed;
mod spelling;
mod stage;
mod value;

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

/// A path of a pattern: each capture is 7, which is a name as well as a number.
fn fill(pattern: &str) -> String {
    let segments = pattern.split('/').map(|piece| match piece {
        rest if rest.ends_with("...}") => "enumeration/7",
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
    /// With a good token whose policies grant nothing.
    Powerless,
    /// With the root token.
    Root,
}

/// What a caller may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// What anybody may: the token is none.
    Stranger,
    /// What any token may.
    Member,
    /// Everything.
    Master,
}

impl Caller {
    /// Everybody.
    pub const ALL: [Self; 5] =
        [Self::Nobody, Self::Unknown, Self::Revoked, Self::Powerless, Self::Root];

    /// What the caller may do.
    pub fn standing(self) -> Standing {
        match self {
            Self::Nobody | Self::Unknown | Self::Revoked => Standing::Stranger,
            Self::Powerless => Standing::Member,
            Self::Root => Standing::Master,
        }
    }
}

/// How a path is named in a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// By itself.
    Plain,
    /// With a header field that names the root namespace.
    RootHeader,
}

impl Form {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Plain, Self::RootHeader];

    /// The target of a request, without a query.
    pub fn target(self, path: &str) -> String {
        match self {
            Self::Plain | Self::RootHeader => format!("/v1/{path}"),
        }
    }

    /// Header fields that belong to it.
    pub fn fields(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Plain => &[],
            Self::RootHeader => &[("X-Vault-Namespace", "root/")],
        }
    }

    /// The status with which an endpoint refuses this form, whoever asks for whatever.
    pub fn refusal(self, endpoint: &Endpoint) -> Option<u16> {
        match self {
            Self::Plain => None,
            Self::RootHeader => endpoint.row.root_only.then_some(400),
        }
    }
}
