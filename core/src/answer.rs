//! What a handler gives back, and the envelope around it.
//!
//! The envelope's order is fixed: `request_id`, `lease_id`, `renewable`, `lease_duration`, `data`,
//! `wrap_info`, `warnings`, `auth`, all of them always there.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;

use http::StatusCode;

use crate::http::Response;
use crate::json;
use crate::secret::Wiped;

/// What a handler gives back.
pub(crate) enum Answer {
    /// Nothing: 204, or 404 where something was asked for.
    Nothing,
    /// A body in the envelope.
    Envelope(Envelope),
    /// A body without the envelope, with its line end.
    Bare(StatusCode, String),
    /// 400 with this text. Unlike a rejection it leaves what its run has staged: a wrong share ends
    /// the attempt to unseal.
    Refused(Cow<'static, str>),
}

/// The parts of the envelope that a handler sets.
#[derive(Default)]
pub(crate) struct Envelope {
    /// Canonical JSON text.
    pub(crate) data: Option<Wiped<String>>,
    /// JSON text.
    pub(crate) auth: Option<Wiped<String>>,
    /// The accessor of the token in `auth`.
    pub(crate) accessor: Option<Wiped<String>>,
    /// JSON text: the answer is in the cubbyhole of a token, and this tells of it.
    pub(crate) wrap_info: Option<Wiped<String>>,
    pub(crate) warnings: Vec<String>,
    /// Seconds.
    pub(crate) lease_duration: i64,
    /// Whether the members of `data` stand before all others too.
    pub(crate) doubled: bool,
}

impl Answer {
    /// An envelope with `data`.
    pub(crate) fn data(json: String) -> Self {
        Self::Envelope(Envelope { data: Some(json.into()), ..Envelope::default() })
    }

    /// The response. `asks` says whether the operation asks for something, so that nothing is 404.
    pub(crate) fn respond(self, request_id: &str, asks: bool) -> Response {
        match self {
            Self::Nothing if asks => Response::errors(StatusCode::NOT_FOUND, &[]),
            Self::Nothing => Response::api(StatusCode::NO_CONTENT, String::new()),
            Self::Envelope(envelope) => {
                // What only tells of another answer has no id of its own.
                let request_id = if envelope.wrap_info.is_some() { "" } else { request_id };
                Response::api(StatusCode::OK, envelope.into_text(request_id))
            }
            Self::Bare(status, body) => Response::api(status, body),
            Self::Refused(text) => Response::errors(StatusCode::BAD_REQUEST, &[&text]),
        }
    }
}

impl Envelope {
    /// The whole text, with its line end.
    pub(crate) fn into_text(self, request_id: &str) -> String {
        let data = self.data.as_ref().map_or("null", |data| data.as_str());
        let auth = self.auth.as_ref().map_or("null", |auth| auth.as_str());
        let members = data.strip_prefix('{').and_then(|data| data.strip_suffix('}'));
        let members = members.filter(|members| self.doubled && !members.is_empty());
        let doubled = members.map_or(0, str::len);
        let mut text = String::with_capacity(180 + doubled + data.len() + auth.len());
        text.push('{');
        if let Some(members) = members {
            text.push_str(members);
            text.push(',');
        }
        text.push_str("\"request_id\":");
        json::push_string(&mut text, request_id);
        text.push_str(",\"lease_id\":\"\",\"renewable\":false,\"lease_duration\":");
        let _ = core::fmt::Write::write_fmt(&mut text, format_args!("{}", self.lease_duration));
        text.push_str(",\"data\":");
        text.push_str(data);
        text.push_str(",\"wrap_info\":");
        text.push_str(self.wrap_info.as_ref().map_or("null", |info| info.as_str()));
        text.push_str(",\"warnings\":");
        if self.warnings.is_empty() {
            text.push_str("null");
        } else {
            let mut list = json::List::new();
            for warning in &self.warnings {
                list.string(warning);
            }
            text.push_str(&list.finish());
        }
        text.push_str(",\"auth\":");
        text.push_str(auth);
        text.push_str("}\n");
        text
    }
}
