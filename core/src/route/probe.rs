//! What tests are told of the route table: every row, as plain data. It is there for tests alone.

use alloc::format;
use alloc::vec::Vec;

pub use super::{Access, Home, Operation, Switch};
use super::{Engine, Route, SYSTEM, rows};
use crate::edge::is_root_only;
pub use crate::field::{FieldKind, Source};
use crate::mount::Fixed;
use crate::namespace::{self, Namespace};

/// One endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Type and version of its mount; `None` for an endpoint of the HTTP layer, whose pattern is the
    /// whole path.
    pub engine: Option<(&'static str, u8)>,
    /// Where that mount is, with a slash at its end, if it has one place.
    pub mount_path: Option<&'static str>,
    /// Segments; `{name}` captures one, `{name...}` captures the rest, but for segments behind it.
    pub pattern: &'static str,
    /// Whether it is served without a token.
    pub open: bool,
    /// Whether it takes no namespace header, not even that of the root.
    pub root_only: bool,
    /// Whether no other namespace than the root has it.
    pub root_alone: bool,
    /// Whether it is about a seal, which no other namespace than the root has.
    pub of_seal: bool,
    /// Where it is served.
    pub home: Home,
    /// Whether the name in its path is taken in any case, with any spaces around it.
    pub folds: bool,
    /// Whether a write may turn out to create something.
    pub creates: bool,
    /// What a listener must switch on for it.
    pub switch: Option<Switch>,
    /// What it serves, and what a token needs for that.
    pub methods: Vec<(Operation, Access)>,
    /// Its parameters: name, type, and where they come from.
    pub fields: Vec<(&'static str, FieldKind, Source)>,
}

/// The rows, those of each mount type in the order in which they are looked at.
pub fn table() -> Vec<Row> {
    let mounted = Engine::ALL.into_iter().flat_map(rows);
    let plain = SYSTEM.iter().copied().flatten().filter(|route| route.engine.is_none());
    mounted.chain(plain).map(row_of).collect()
}

fn row_of(route: &Route) -> Row {
    let mount_path = route.engine.and_then(fixed_path);
    let path = format!("/v1/{}{}", mount_path.unwrap_or(""), route.pattern);
    Row {
        engine: route.engine.map(kind),
        mount_path,
        pattern: route.pattern,
        open: route.open,
        root_only: is_root_only(&path),
        root_alone: namespace::is_root_only(path.trim_start_matches("/v1/")),
        of_seal: route.of_seal,
        home: route.home,
        folds: route.folds,
        creates: route.exists.is_some(),
        switch: route.switch(),
        methods: route.methods.iter().map(|method| (method.operation, method.access)).collect(),
        fields: route.fields.iter().map(|field| (field.name, field.kind, field.source)).collect(),
    }
}

fn kind(engine: Engine) -> (&'static str, u8) {
    let version = match engine {
        Engine::Kv1 => 1,
        Engine::Kv2 => 2,
        Engine::Approle
        | Engine::Cubbyhole
        | Engine::Identity
        | Engine::System
        | Engine::Token
        | Engine::Userpass => 0,
    };
    (engine.word(&Namespace::root()), version)
}

/// Where a fixed mount is, with the slash at its end.
fn fixed_path(engine: Engine) -> Option<&'static str> {
    Fixed::ALL.into_iter().find(|fixed| fixed.engine() == engine).map(Fixed::path)
}
