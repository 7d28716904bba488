//! Cross-origin requests: what a browser may do here for a page that came from elsewhere.
//!
//! The rule is off until the operator names origins (`sys/config/cors`). Then a request that names its
//! origin is judged before anything else that may refuse it: one from an origin that is not allowed is
//! refused, a preflight is answered, and every other answer says whom it is for. A sealed server
//! cannot read its settings and judges nobody; it has nothing to tell either.

use alloc::string::String;
use alloc::vec::Vec;

use http::{Method, StatusCode};

use crate::http::{Head, Response};
use crate::reject::{Corrupt, Reject};
use crate::secret::Wiped;
use crate::store::codec::{Reader, Writer};
use crate::store::{Name, Owner, Space};
use crate::vault::{Halt, Tx};

const VERSION: u8 = 1;

/// The one entry that allows every origin.
pub(crate) const EVERY_ORIGIN: &str = "*";

const METHODS: [&str; 7] = ["DELETE", "GET", "OPTIONS", "POST", "PUT", "LIST", "SCAN"];
/// Seconds that a browser may remember the answer to a preflight.
const MAX_AGE: &str = "300";

/// The header fields that clients of the API send.
const HEADERS: [&str; 10] = [
    "Content-Type",
    "Authorization",
    "X-Vault-Token",
    "X-Vault-MFA",
    "X-Vault-No-Request-Forwarding",
    "X-Vault-Wrap-Format",
    "X-Vault-Wrap-TTL",
    "X-Requested-With",
    "X-Vault-AWS-IAM-Server-ID",
    "X-Vault-Policy-Override",
];

/// Where a request says that it comes from.
pub(crate) struct Origin {
    /// Visible ASCII; empty, which no operator can allow, where something else was sent.
    name: String,
    /// For OPTIONS: whether the method that the browser asks about is one that is offered.
    offered: Option<bool>,
}

/// What the operator allows.
pub(crate) struct Settings {
    /// Origins, or the one entry for all.
    pub(crate) origins: Vec<String>,
    /// Header fields beside [`HEADERS`].
    pub(crate) more_headers: Vec<String>,
    /// Whether browsers may send cookies and the like along.
    pub(crate) credentials: bool,
}

/// A request from elsewhere may be served: its answer must say so.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Allowed {
    credentials: bool,
}

impl Origin {
    /// Reads the first `Origin` of a request, if it is not empty.
    pub(crate) fn read(head: &Head) -> Option<Self> {
        let sent = head.value("origin").filter(|sent| !sent.is_empty())?;
        let is_visible = sent.iter().all(u8::is_ascii_graphic);
        let name = str::from_utf8(sent).ok().filter(|_| is_visible).unwrap_or("").into();
        let offered = (*head.method() == Method::OPTIONS).then(|| {
            let asked = head.value("access-control-request-method").unwrap_or_default();
            METHODS.iter().any(|method| method.as_bytes() == asked)
        });
        Some(Self { name, offered })
    }
}

impl Settings {
    /// What is set; nothing while the rule is off.
    pub(crate) fn read(tx: &mut Tx<'_>) -> Result<Option<Self>, Halt> {
        let Some(record) = tx.get(&name())? else { return Ok(None) };
        Ok(Some(Self::decode(&record)?))
    }

    pub(crate) fn write(&self, tx: &mut Tx<'_>) {
        tx.put(&name(), &self.encode());
    }

    pub(crate) fn delete(tx: &mut Tx<'_>) {
        tx.delete(&name());
    }

    /// Every header field that a browser may send.
    pub(crate) fn headers(&self) -> impl Iterator<Item = &str> {
        HEADERS.into_iter().chain(self.more_headers.iter().map(String::as_str))
    }

    fn allow(&self, origin: &Origin) -> bool {
        let mut origins = self.origins.iter();
        !origin.name.is_empty()
            && origins.any(|allowed| allowed == EVERY_ORIGIN || *allowed == origin.name)
    }

    fn encode(&self) -> Wiped<Vec<u8>> {
        Writer::new(VERSION)
            .list(self.origins.iter(), |writer, origin| writer.str(origin))
            .list(self.more_headers.iter(), |writer, header| writer.str(header))
            .bool(self.credentials)
            .finish()
    }

    fn decode(record: &[u8]) -> Result<Self, Corrupt> {
        let mut reader = Reader::new(record, VERSION)?;
        let origins = reader.list(Reader::string)?;
        let more_headers = reader.list(Reader::string)?;
        let credentials = reader.bool()?;
        reader.finish()?;
        Ok(Self { origins, more_headers, credentials })
    }
}

impl Allowed {
    /// The answer with the fields that let a browser hand it to the page.
    pub(crate) fn mark(self, response: Response, origin: &Origin) -> Response {
        let response = response
            .with_field("Access-Control-Allow-Origin", origin.name.clone())
            .with_field("Vary", "Origin".into());
        if self.credentials {
            response.with_field("Access-Control-Allow-Credentials", "true".into())
        } else {
            response
        }
    }
}

/// Judges a request by its origin: gives the answer if it ends here, and nothing if it is to be
/// served. What the answer must say is left in the transaction.
pub(crate) fn judge(tx: &mut Tx<'_>, origin: &Origin) -> Result<Option<Response>, Halt> {
    if tx.seal().unsealed().is_none() {
        return Ok(None);
    }
    let Some(settings) = Settings::read(tx)? else { return Ok(None) };
    if !settings.allow(origin) {
        return Err(Reject::OriginNotAllowed.into());
    }
    if origin.offered == Some(false) {
        return Ok(Some(Response::empty(StatusCode::METHOD_NOT_ALLOWED)));
    }
    tx.allow_origin(Allowed { credentials: settings.credentials });
    if origin.offered.is_none() {
        return Ok(None);
    }
    let headers: Vec<&str> = settings.headers().collect();
    let answer = Response::empty(StatusCode::OK)
        .without_custom_fields()
        .with_field("Access-Control-Allow-Methods", METHODS.join(","))
        .with_field("Access-Control-Allow-Headers", headers.join(","))
        .with_field("Access-Control-Max-Age", MAX_AGE.into());
    Ok(Some(answer))
}

fn name() -> Name<'static> {
    Name::new(Space::Setting, Owner::ROOT, "cors")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::Request;

    fn origin(method: &str, fields: &[(&str, &str)]) -> Option<Origin> {
        let request = Request::new(method, "/v1/a", fields, b"").expect("a good head");
        Origin::read(&request.head)
    }

    #[test]
    fn reads_where_a_request_comes_from() {
        const ASKED: &str = "access-control-request-method";
        type Case = (&'static str, &'static [(&'static str, &'static str)], Option<bool>);
        const CASES: [Case; 7] = [
            ("GET", &[("origin", "https://a")], None),
            // Only a preflight asks.
            ("GET", &[("origin", "https://a"), (ASKED, "GET")], None),
            ("OPTIONS", &[("origin", "https://a"), (ASKED, "SCAN")], Some(true)),
            ("OPTIONS", &[("origin", "https://a"), (ASKED, "PATCH")], Some(false)),
            ("OPTIONS", &[("origin", "https://a"), (ASKED, "get")], Some(false)),
            ("OPTIONS", &[("origin", "https://a")], Some(false)),
            ("OPTIONS", &[("origin", "https://a"), ("origin", "https://b")], Some(false)),
        ];
        for (method, fields, offered) in CASES {
            let read = origin(method, fields).map(|origin| (origin.name, origin.offered));
            assert_eq!(read, Some(("https://a".into(), offered)), "{method} {fields:?}");
        }
        assert!(origin("GET", &[]).is_none());
        assert!(origin("GET", &[("origin", "")]).is_none());
    }

    #[test]
    fn allows_an_origin_letter_by_letter() {
        const CASES: [(&[&str], &str, bool); 9] = [
            (&["https://a"], "https://a", true),
            (&["https://b", "https://a"], "https://a", true),
            (&["https://a"], "https://A", false),
            (&["https://a"], "https://a:443", false),
            (&["https://a"], "http://a", false),
            (&["*"], "https://a", true),
            (&["*"], "null", true),
            // What cannot be repeated in an answer is nobody's.
            (&["*"], "https://\u{e4}", false),
            (&["*"], "https://a b", false),
        ];
        for (origins, name, allowed) in CASES {
            let origins = origins.iter().map(|&origin| origin.into()).collect();
            let settings = Settings { origins, more_headers: Vec::new(), credentials: false };
            let origin = origin("GET", &[("origin", name)]).expect("an origin");
            assert_eq!(settings.allow(&origin), allowed, "{name}");
        }
    }

    #[test]
    fn comes_back_from_its_record() {
        let settings = Settings {
            origins: alloc::vec!["https://a".into(), "https://b".into()],
            more_headers: alloc::vec!["X-A".into()],
            credentials: true,
        };
        let record = settings.encode();
        let back = Settings::decode(&record).expect("a whole record");
        assert_eq!(back.origins, settings.origins);
        assert_eq!(back.headers().last(), Some("X-A"));
        assert_eq!(back.headers().count(), HEADERS.len() + 1);
        assert!(back.credentials);
        assert!(Settings::decode(record.get(..record.len() - 1).unwrap_or_default()).is_err());
    }
}
