//! The types of mounts.

use crate::namespace::Namespace;

/// What serves a mount.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Engine {
    Approle,
    Cubbyhole,
    Identity,
    Kv1,
    Kv2,
    System,
    Token,
    Userpass,
}

/// What a type is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Secrets,
    Auth,
}

impl Engine {
    pub(crate) const ALL: [Self; 8] = [
        Self::Approle,
        Self::Cubbyhole,
        Self::Identity,
        Self::Kv1,
        Self::Kv2,
        Self::System,
        Self::Token,
        Self::Userpass,
    ];

    /// What the help of a mount says first.
    pub(crate) fn description(self) -> &'static str {
        match self {
            Self::Approle => "The approle method lets machines log in.",
            Self::Cubbyhole => {
                "The cubbyhole engine keeps secrets of one token. No other token sees them, and \
                 they go when that token goes."
            }
            Self::Identity => "The identity store knows who the callers are.",
            Self::Kv1 => {
                "The key/value engine keeps secrets under paths that you choose. Each write \
                 replaces the whole secret."
            }
            Self::Kv2 => {
                "The key/value engine keeps secrets under paths that you choose, with their \
                 former versions."
            }
            Self::System => "The system mount controls the server itself. It cannot be moved.",
            Self::Token => "The token store makes, shows and revokes tokens.",
            Self::Userpass => "The userpass method lets people log in by name and password.",
        }
    }

    /// The type that the API shows. Those of the fixed mounts have names of their own outside of the root
    /// namespace.
    pub(crate) fn word(self, namespace: &Namespace) -> &'static str {
        let is_root = namespace.is_root();
        match self {
            Self::Approle => "approle",
            Self::Cubbyhole if is_root => "cubbyhole",
            Self::Cubbyhole => "ns_cubbyhole",
            Self::Identity if is_root => "identity",
            Self::Identity => "ns_identity",
            Self::Kv1 | Self::Kv2 => "kv",
            Self::System if is_root => "system",
            Self::System => "ns_system",
            Self::Token if is_root => "token",
            Self::Token => "ns_token",
            Self::Userpass => "userpass",
        }
    }

    /// Whether several mounts may have it.
    pub(crate) fn is_mountable(self) -> bool {
        matches!(self, Self::Approle | Self::Kv1 | Self::Kv2 | Self::Userpass)
    }

    pub(crate) fn role(self) -> Role {
        match self {
            Self::Approle | Self::Token | Self::Userpass => Role::Auth,
            Self::Cubbyhole | Self::Identity | Self::Kv1 | Self::Kv2 | Self::System => {
                Role::Secrets
            }
        }
    }

    /// Whether it counts failed logins and locks users out.
    pub(crate) fn locks_out(self) -> bool {
        matches!(self, Self::Approle | Self::Userpass)
    }

    /// The engine of a type as it is stored and asked for, and the version that its options name.
    /// `generic` is the old name of `kv`, from before its versions.
    pub(crate) fn of(word: &str, version: Option<&str>) -> Option<Self> {
        match (word, version) {
            ("generic", None) | ("kv", None | Some("" | "1")) => Some(Self::Kv1),
            ("kv", Some("2")) => Some(Self::Kv2),
            ("approle", None) => Some(Self::Approle),
            ("userpass", None) => Some(Self::Userpass),
            _ => None,
        }
    }
}
