//! Why a request is not served, and how the API says so.
//!
//! Three families never mix. A [`Reject`] is an answer to the client: a closed list with one total
//! mapping to status and message ([`Reject::answer`]). A [`Corrupt`] record is stored bytes that are
//! not what was written. A broken contract (an adapter out of order, an invariant gone) is a panic.
//!
//! Messages are those of the API, so that clients which match them go on working. They repeat paths
//! and durations where the API does, and never values.

use alloc::borrow::Cow;
use alloc::format;
use alloc::string::String;

use http::StatusCode;

use crate::http::Response;
use crate::quote::quoted;

/// Why a request is not served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reject {
    /// The token is good, but no rule of it allows this.
    AclDenied,
    /// The token named in the body is unknown.
    BadToken,
    /// Status and text of an endpoint that has both of its own.
    Coded(StatusCode, Cow<'static, str>),
    /// A field of the request has a type that cannot be converted.
    Field { field: &'static str, cause: String },
    /// Text of an endpoint for what this caller may not know or do.
    Forbidden(String),
    /// Something inside failed; the server's own trouble, told to operators elsewhere.
    Internal,
    /// A method that names no operation, such as OPTIONS without a preflight.
    InternalOnly,
    /// Text of an endpoint for what is wrong with its input.
    Invalid(Cow<'static, str>),
    /// The `token` of a body is not a string.
    InvalidToken,
    /// The API of the namespace, or of one above, is locked.
    NamespaceLocked { path: String },
    /// The namespace header names none.
    NamespaceNotFound,
    /// No mount has this path.
    NoRoute { path: String },
    /// The medium has no room for it.
    NoRoom,
    /// A page of this origin may not make requests.
    OriginNotAllowed,
    /// No token, or none that is alive.
    PermissionDenied,
    /// The state needed is not there yet on this node (Vault's 473).
    #[allow(dead_code, reason = "answered by standbys, which are to come")]
    PerformanceStandby,
    /// Too many requests at once, or one that needs too much at once.
    Overloaded(&'static str),
    /// A rate limit.
    #[allow(dead_code, reason = "made by quotas, which are to come")]
    RateLimited { path: String },
    /// The server is sealed or not initialised.
    Sealed,
    /// The request was parked too long.
    TimedOut,
    /// An engine fails in a way that the API shows as its own error, with status 500.
    Trouble(&'static str),
    /// A method that the endpoint does not have.
    UnsupportedOperation,
    /// A path that no endpoint of the mount has.
    UnsupportedPath,
    /// A system behind this one limits the rate.
    #[allow(dead_code, reason = "made by engines that call others, which are to come")]
    UpstreamLimited,
    /// A write to a folder.
    WriteToFolder,
}

/// Whether the request had to show a token. The API words some errors differently then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Branch {
    Open,
    Authenticated,
}

impl Reject {
    pub(crate) fn invalid(message: impl Into<Cow<'static, str>>) -> Self {
        Self::Invalid(message.into())
    }

    /// A refusal with a status and a text of the endpoint's own, in the list form where a token was
    /// shown.
    pub(crate) fn coded(status: StatusCode, message: impl Into<Cow<'static, str>>) -> Self {
        Self::Coded(status, message.into())
    }

    /// Whether it is a trouble of the server's and not a rule that the request broke.
    pub(crate) fn is_trouble(&self) -> bool {
        matches!(self, Self::Internal | Self::Overloaded(_) | Self::TimedOut)
    }

    /// The answer.
    pub(crate) fn respond(&self, branch: Branch) -> Response {
        let (status, message, wrapped) = self.answer();
        let message = if wrapped == Wrapped::Always
            || wrapped == Wrapped::Authenticated && branch == Branch::Authenticated
        {
            Cow::Owned(listed(&[message]))
        } else {
            message
        };
        Response::errors(status, &[&message])
    }

    /// Status, message, and when the message stands in the list form of the API.
    fn answer(&self) -> (StatusCode, Cow<'static, str>, Wrapped) {
        use Wrapped::{Always, Authenticated, Never};
        const BAD: StatusCode = StatusCode::BAD_REQUEST;
        const FORBIDDEN: StatusCode = StatusCode::FORBIDDEN;
        const NOT_FOUND: StatusCode = StatusCode::NOT_FOUND;
        const TROUBLE: StatusCode = StatusCode::INTERNAL_SERVER_ERROR;
        const UNAVAILABLE: StatusCode = StatusCode::SERVICE_UNAVAILABLE;
        let (status, text, wrapped) = match self {
            Self::AclDenied => (FORBIDDEN, "permission denied", Always),
            Self::BadToken => (FORBIDDEN, "bad token", Never),
            Self::Coded(status, text) => return (*status, text.clone(), Authenticated),
            Self::Field { field, cause } => {
                let text = format!(
                    "Field validation failed: error converting input for field \"{field}\": {cause}"
                );
                return (BAD, text.into(), Never);
            }
            Self::Forbidden(text) => return (FORBIDDEN, text.clone().into(), Never),
            Self::Internal => (TROUBLE, "internal error", Authenticated),
            Self::InternalOnly => (BAD, "cannot handle internal-only request operation", Never),
            Self::Invalid(text) => return (BAD, text.clone(), Never),
            Self::InvalidToken => (FORBIDDEN, "invalid token", Never),
            Self::NamespaceLocked { path } => {
                let text = format!(
                    "API access to this namespace has been locked by an administrator - {} must be \
                     unlocked to gain access.",
                    quoted(path)
                );
                return (UNAVAILABLE, text.into(), Never);
            }
            Self::NamespaceNotFound => (NOT_FOUND, "namespace not found", Never),
            Self::NoRoute { path } => {
                let text = format!("no handler for route {}. route entry not found.", quoted(path));
                return (NOT_FOUND, text.into(), Never);
            }
            Self::NoRoom => {
                (StatusCode::INSUFFICIENT_STORAGE, "the storage has no room left", Never)
            }
            Self::Overloaded(text) => (UNAVAILABLE, *text, Never),
            Self::OriginNotAllowed => (FORBIDDEN, "origin not allowed", Never),
            Self::PermissionDenied => (FORBIDDEN, "permission denied", Never),
            Self::PerformanceStandby => {
                (StatusCode::from_u16(473).unwrap_or(UNAVAILABLE), "performance standby", Never)
            }
            Self::RateLimited { path } => {
                let text = format!("request path {}: rate limit quota exceeded", quoted(path));
                return (StatusCode::TOO_MANY_REQUESTS, text.into(), Never);
            }
            Self::Sealed => (UNAVAILABLE, "Vault is sealed", Never),
            Self::TimedOut => (TROUBLE, "request took too long", Authenticated),
            Self::Trouble(text) => (TROUBLE, *text, Authenticated),
            Self::UnsupportedOperation => {
                (StatusCode::METHOD_NOT_ALLOWED, "unsupported operation", Authenticated)
            }
            Self::UnsupportedPath => (NOT_FOUND, "unsupported path", Authenticated),
            Self::UpstreamLimited => {
                (StatusCode::BAD_GATEWAY, "upstream rate limited", Authenticated)
            }
            Self::WriteToFolder => (BAD, "cannot write to a path ending in '/'", Never),
        };
        (status, text.into(), wrapped)
    }
}

/// The list form of the API: how many errors there are, and each on a line.
pub(crate) fn listed(messages: &[impl AsRef<str>]) -> String {
    let mut text = match messages.len() {
        1 => String::from("1 error occurred:"),
        count => format!("{count} errors occurred:"),
    };
    for message in messages {
        text.push_str("\n\t* ");
        text.push_str(message.as_ref());
    }
    text.push_str("\n\n");
    text
}

/// When a message is put into the list form `1 error occurred: ...`.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wrapped {
    Always,
    Authenticated,
    Never,
}

/// Stored bytes that are not what was written there. It carries no bytes of theirs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Corrupt(pub(crate) &'static str);

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    /// One row for each variant: the status and both wordings.
    #[test]
    fn maps_every_variant_to_status_and_message() {
        let wrapped = |text: &str| format!("1 error occurred:\\n\\t* {text}\\n\\n");
        let path = || "a\"b".to_string();
        let cases: [(Reject, u16, String, String); 24] = [
            both(Reject::Forbidden("not you".into()), 403, "not you"),
            (Reject::AclDenied, 403, wrapped("permission denied"), wrapped("permission denied")),
            (Reject::BadToken, 403, "bad token".into(), "bad token".into()),
            (Reject::coded(StatusCode::CONFLICT, "no"), 409, "no".into(), wrapped("no")),
            (Reject::Internal, 500, "internal error".into(), wrapped("internal error")),
            both(Reject::InternalOnly, 400, "cannot handle internal-only request operation"),
            both(Reject::invalid("no"), 400, "no"),
            both(Reject::InvalidToken, 403, "invalid token"),
            both(
                Reject::NamespaceLocked { path: path() },
                503,
                r#"API access to this namespace has been locked by an administrator - \"a\\\"b\" must be unlocked to gain access."#,
            ),
            both(Reject::NamespaceNotFound, 404, "namespace not found"),
            both(
                Reject::NoRoute { path: path() },
                404,
                r#"no handler for route \"a\\\"b\". route entry not found."#,
            ),
            both(Reject::NoRoom, 507, "the storage has no room left"),
            both(Reject::Overloaded("full"), 503, "full"),
            both(Reject::OriginNotAllowed, 403, "origin not allowed"),
            both(Reject::PermissionDenied, 403, "permission denied"),
            both(Reject::PerformanceStandby, 473, "performance standby"),
            both(
                Reject::RateLimited { path: path() },
                429,
                r#"request path \"a\\\"b\": rate limit quota exceeded"#,
            ),
            both(Reject::Sealed, 503, "Vault is sealed"),
            (
                Reject::TimedOut,
                500,
                "request took too long".into(),
                wrapped("request took too long"),
            ),
            (Reject::Trouble("missing path"), 500, "missing path".into(), wrapped("missing path")),
            (
                Reject::UnsupportedOperation,
                405,
                "unsupported operation".into(),
                wrapped("unsupported operation"),
            ),
            (Reject::UnsupportedPath, 404, "unsupported path".into(), wrapped("unsupported path")),
            (
                Reject::UpstreamLimited,
                502,
                "upstream rate limited".into(),
                wrapped("upstream rate limited"),
            ),
            both(Reject::WriteToFolder, 400, "cannot write to a path ending in '/'"),
        ];
        for (reject, status, open, authenticated) in cases {
            for (branch, text) in [(Branch::Open, open), (Branch::Authenticated, authenticated)] {
                let response = reject.respond(branch);
                assert_eq!(response.status().as_u16(), status, "{reject:?}");
                let body = String::from_utf8(response.body().to_vec()).unwrap();
                assert_eq!(body, format!("{{\"errors\":[\"{text}\"]}}\n"));
            }
        }
    }

    #[test]
    fn counts_and_lists_errors() {
        assert_eq!(listed(&["a"]), "1 error occurred:\n\t* a\n\n");
        assert_eq!(listed(&["a", "b"]), "2 errors occurred:\n\t* a\n\t* b\n\n");
    }

    fn both(reject: Reject, status: u16, text: &str) -> (Reject, u16, String, String) {
        (reject, status, text.into(), text.into())
    }
}
