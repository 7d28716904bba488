//! What simulated clients do, and how it looks on the wire.
//!
//! Names and values carry canaries: words that must not occur where no name or value belongs.

mod choice;
mod wire;

pub use choice::Known;

use crate::model::policy::Policy;

/// Part of every secret value.
pub const VALUE_CANARY: &str = "canaryvalue";
/// Part of every name of a secret.
pub const NAME_CANARY: &str = "canaryname";

/// A request as a client makes it.
#[derive(Clone, Debug, PartialEq)]
pub struct Ask {
    /// What it is.
    pub op: Op,
    /// The token it is sent with.
    pub token: Option<String>,
    /// Where.
    pub spot: Spot,
}

/// A namespace, and how a request names it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Spot {
    /// Empty for the root namespace, or with a slash at its end.
    pub namespace: String,
    /// How many of its segments stand in the header; the others begin the path.
    pub in_header: usize,
}

/// What a client wants, in its own words. Paths are those inside the namespace.
#[derive(Clone, Debug, PartialEq)]
pub enum Op {
    /// Both framings at once: must be refused, and the connection with it.
    BothFramings,
    /// A body that is no JSON.
    BrokenBody(String),
    /// What a token may do on some paths.
    Capabilities(Whose, Vec<String>),
    /// Read of the caller's cubbyhole: path.
    CubbyholeRead(String),
    /// Write to it: path and value.
    CubbyholeWrite(String, String),
    /// Delete of a secret: path.
    Delete(String),
    /// State of the server.
    Health,
    /// State of the keyring.
    KeyStatus,
    /// Slow work: its input.
    Job(String),
    /// Names in a folder.
    List(String),
    /// The lock of a namespace: its path.
    Lock(String),
    /// Another token's properties.
    Lookup(String),
    /// The caller's own.
    LookupSelf,
    /// A new mount: path, type, description.
    Mount(String, &'static str, String),
    /// All mounts.
    MountList,
    /// A mount: its path or one below.
    MountRead(String),
    /// Everything about the namespaces directly inside, or about all below.
    NamespaceList(bool),
    /// A namespace: its name.
    NamespaceRead(String),
    /// A new namespace, or new metadata: name and a text.
    NamespaceWrite(String, String),
    /// The end of a namespace: its name.
    NamespaceDelete(String),
    /// A path of no mount.
    Nowhere,
    /// The end of a policy: its name.
    PolicyDelete(String),
    /// The names of policies.
    PolicyList,
    /// A change of a policy: its name.
    PolicyPatch(String, PolicyWish),
    /// A policy: its name.
    PolicyRead(String),
    /// A new policy in the place of what was there: its name.
    PolicyWrite(String, PolicyWish),
    /// Read of a secret: path.
    Read(String),
    /// A mount to another path.
    Remount(String, String),
    /// End of another token.
    Revoke(String),
    /// End of the caller's own.
    RevokeSelf,
    /// A new term of the keyring.
    Rotate,
    /// All names below a folder.
    Scan(String),
    /// Sealing, by an operator.
    Seal,
    /// State of the seal.
    SealStatus,
    /// The mounts that the caller can use.
    Sight,
    /// One of them: its path or one below.
    SightOf(String),
    /// A new token.
    TokenCreate(Wish),
    /// A path that ends in a period.
    TrailingPeriod(String),
    /// Another description of a mount: path and text.
    Tune(String, String),
    /// The end of a lock: path of the namespace, and the key if one is shown.
    Unlock(String, Option<String>),
    /// The end of a mount: its path.
    Unmount(String),
    /// Submission of a key share in hex.
    Unseal(String),
    /// End of an attempt to unseal.
    UnsealReset,
    /// Write of a secret: path and value.
    Write(String, String),
}

/// A token that is asked about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Whose {
    /// The caller's.
    Own,
    /// By its text.
    Token(String),
    /// By its accessor.
    Accessor(String),
}

/// What a token is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wish {
    /// Names of its policies; without any it has its parent's.
    pub policies: Vec<String>,
    /// Whether the policy `default` is left out.
    pub without_default: bool,
    /// Uses, or 0.
    pub num_uses: i64,
    /// Seconds, or 0.
    pub ttl: i64,
    /// Without a parent.
    pub orphan: bool,
    /// A text of its own, which may have been another token's before.
    pub id: Option<&'static str>,
}

/// What a policy is to be.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PolicyWish {
    /// Its rules, if they are given.
    pub policy: Option<Policy>,
    /// Whether the document is written in JSON; else in HCL.
    pub as_json: bool,
    /// The version that is replaced.
    pub cas: Option<i64>,
    /// Whether writes must say that.
    pub cas_required: Option<bool>,
    /// Seconds until it ends.
    pub ttl: Option<i64>,
}

impl Op {
    /// The API's word for what is asked; `exists` is whether what a write names is there already.
    pub fn operation(&self, exists: bool) -> &'static str {
        match self.parts().0 {
            "GET" => "read",
            "DELETE" => "delete",
            "LIST" => "list",
            "PATCH" => "patch",
            "SCAN" => "scan",
            _ if exists => "update",
            _ => "create",
        }
    }

    /// Whether it is something that every namespace has.
    pub fn is_everywhere(&self) -> bool {
        !matches!(
            self,
            Self::BothFramings
                | Self::BrokenBody(_)
                | Self::Health
                | Self::Seal
                | Self::SealStatus
                | Self::Unseal(_)
                | Self::UnsealReset
        )
    }

    /// Whether it is refused before the server looks at its state.
    pub fn is_malformed(&self) -> bool {
        matches!(self, Self::BothFramings | Self::BrokenBody(_))
    }

    /// Whether it changes what is stored, if it is served.
    pub fn is_write(&self) -> bool {
        matches!(
            self,
            Self::CubbyholeWrite(..)
                | Self::Delete(_)
                | Self::Lock(_)
                | Self::Mount(..)
                | Self::NamespaceDelete(_)
                | Self::NamespaceWrite(..)
                | Self::PolicyDelete(_)
                | Self::PolicyPatch(..)
                | Self::PolicyWrite(..)
                | Self::Remount(..)
                | Self::Revoke(_)
                | Self::RevokeSelf
                | Self::Rotate
                | Self::TokenCreate(_)
                | Self::Tune(..)
                | Self::Unlock(..)
                | Self::Unmount(_)
                | Self::Write(..)
        )
    }
}

impl PolicyWish {
    /// The document.
    pub fn text(&self) -> Option<String> {
        let policy = self.policy.as_ref()?;
        Some(if self.as_json { policy.write_json() } else { policy.write_hcl() })
    }
}
