//! One exchange with the server: a request, its answer, and the words for what goes wrong.
//!
//! Paths are written as users write them, without `/v1/`. Writes are `PUT` and lists are `GET` with
//! `list=true`, as the reference's client sends them.

use std::io;
use std::thread;
use std::time::Duration;

use strongroom_core::json;
use ureq::Error;
use ureq::http::{HeaderValue, Response};
use zeroize::Zeroizing;

use super::Stop;
use super::connect::Way;
use super::path::{Address, clean, escape, escape_query};
use super::settings::Settings;

/// Largest answer that is read: somewhat more than the reference's largest request, of which most
/// answers repeat a part.
const ANSWER_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Levels of an answer's JSON: what prints them goes down by calls.
const ANSWER_DEPTH_MAX: usize = 1_000;
/// How long to wait before another try, times the number of tries: the reference's shortest wait.
const RETRY_PAUSE: Duration = Duration::from_secs(1);
/// How long a wrapped token of `sys/wrapping/wrap` lives if nobody says: the reference's.
const WRAP_TTL: &str = "5m";

/// What servers say of a namespace that is not there, beside the status 404.
const NO_NAMESPACE: &str = "namespace not found";

/// What is asked of the server.
pub(super) struct Request {
    method: &'static str,
    path: String,
    query: Vec<(String, String)>,
    body: Option<Zeroizing<String>>,
    content_type: &'static str,
    /// A question of the command's own: never wrapped, never shown instead of being sent.
    is_own: bool,
}

impl Request {
    fn new(method: &'static str, path: &str) -> Self {
        Self {
            method,
            path: clean(path),
            query: Vec::new(),
            body: None,
            content_type: "application/json",
            is_own: false,
        }
    }

    pub(super) fn get(path: &str) -> Self {
        Self::new("GET", path)
    }

    pub(super) fn list(path: &str) -> Self {
        Self::new("GET", path).query("list", "true")
    }

    /// A list of all that is below, at any depth.
    pub(super) fn scan(path: &str) -> Self {
        Self::new("GET", path).query("scan", "true")
    }

    pub(super) fn delete(path: &str) -> Self {
        Self::new("DELETE", path)
    }

    /// A write. The body is JSON.
    pub(super) fn put(path: &str, body: Zeroizing<String>) -> Self {
        Self { body: Some(body), ..Self::new("PUT", path) }
    }

    /// A write without a body.
    pub(super) fn put_nothing(path: &str) -> Self {
        Self::new("PUT", path)
    }

    /// A write to an endpoint that the reference's client posts to.
    pub(super) fn post(path: &str, body: Zeroizing<String>) -> Self {
        Self { body: Some(body), ..Self::new("POST", path) }
    }

    /// A merge patch (RFC 7396).
    pub(super) fn patch(path: &str, body: Zeroizing<String>) -> Self {
        let content_type = "application/merge-patch+json";
        Self { body: Some(body), content_type, ..Self::new("PATCH", path) }
    }

    pub(super) fn query(mut self, name: &str, value: &str) -> Self {
        self.query.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The same as a question of the command's own.
    pub(super) fn own(self) -> Self {
        Self { is_own: true, ..self }
    }

    /// Path and query behind the origin.
    fn target(&self, base: &str) -> String {
        let mut target = format!("{base}/v1/{}", escape(&self.path));
        for (at, (name, value)) in self.query.iter().enumerate() {
            target.push(if at == 0 { '?' } else { '&' });
            target.push_str(&format!("{}={}", escape_query(name), escape_query(value)));
        }
        target
    }
}

/// A server, and what is sent to it with every request.
pub(super) struct Client {
    settings: Settings,
    way: Way,
    /// The program's name, as users type it.
    name: &'static str,
}

impl Client {
    pub(super) fn new(settings: Settings, name: &'static str) -> Result<Self, Stop> {
        let way = Way::to(&settings.address, &settings)?;
        Ok(Self { settings, way, name })
    }

    /// The same with this token; empty for none.
    pub(super) fn with_token(mut self, token: &str) -> Self {
        self.settings.token =
            Some(Zeroizing::new(token.to_owned())).filter(|token| !token.is_empty());
        self
    }

    /// The same without the wish for wrapped answers.
    pub(super) fn without_wrapping(mut self) -> Self {
        self.settings.wrap_ttl = None;
        self
    }

    /// Whether requests are shown instead of being sent.
    pub(super) fn shows_curl(&self) -> bool {
        self.settings.shows_curl
    }

    pub(super) fn token(&self) -> Option<&str> {
        self.settings.token.as_ref().map(|token| token.as_str())
    }

    /// Where the server is.
    pub(super) fn address(&self) -> String {
        format!("{}{}", self.settings.address.origin, self.settings.address.base)
    }

    /// Sends a request, and gives an answer of any status.
    pub(super) fn exchange(&self, request: &Request) -> Result<Reply, Stop> {
        if self.settings.shows_curl && !request.is_own {
            return Err(Stop::Shown(self.curl(request)));
        }
        let mut tries = 0;
        loop {
            let sent = self.follow(request);
            let is_worth_another = match &sent {
                Ok(reply) => reply.status == 412 || reply.status >= 500 && reply.status != 501,
                Err(Stop::Failure(status, _)) => *status == 2,
                Err(Stop::Shown(_)) => false,
            };
            if !is_worth_another || tries >= self.settings.retries_max {
                return sent;
            }
            tries += 1;
            thread::sleep(RETRY_PAUSE.saturating_mul(tries));
        }
    }

    /// Sends a request, and gives an answer that is no error.
    pub(super) fn send(&self, request: &Request) -> Result<Reply, Stop> {
        self.exchange(request)?.checked()
    }

    /// Sends a request, and once more to where a redirect leads: with the token, as standby servers
    /// lead to the active one.
    fn follow(&self, request: &Request) -> Result<Reply, Stop> {
        let base = &self.settings.address.base;
        let target = request.target(base);
        let shown = format!("{}{target}", self.settings.address.origin);
        let (reply, location) = self.send_to(&self.way, &target, &shown, request)?;
        let Some(location) = location.filter(|_| self.settings.follows_redirect) else {
            return Ok(reply);
        };
        if location.starts_with('/') {
            let shown = format!("{}{location}", self.settings.address.origin);
            return Ok(self.send_to(&self.way, &location, &shown, request)?.0);
        }
        let behind = location.find("://").map_or(0, |at| at + 3);
        let path = location.bytes().skip(behind).position(|byte| byte == b'/');
        let (origin, target) = path
            .and_then(|path| location.split_at_checked(behind + path))
            .unwrap_or((location.as_str(), "/"));
        let address = Address::parse(origin)
            .map_err(|_| Stop::remote("the server redirects to what is no address"))?;
        if self.settings.address.is_tls() && !address.is_tls() {
            return Err(Stop::remote(
                "the server redirects to where there is no TLS: not followed",
            ));
        }
        let way = Way::to(&address, &self.settings)?;
        Ok(self.send_to(&way, target, &location, request)?.0)
    }

    /// One exchange; with the answer comes where it redirects to, if it does.
    fn send_to(
        &self,
        way: &Way,
        target: &str,
        shown: &str,
        request: &Request,
    ) -> Result<(Reply, Option<String>), Stop> {
        let method = request.method;
        let failed = |error| Stop::remote(format!("{method} {shown:?}: {}", explain(&error)));
        let mut builder =
            ureq::http::Request::builder().method(method).uri(format!("{}{target}", way.origin));
        if way.origin != self.settings.address.origin
            && let Some((_, authority)) = shown.split_once("://")
        {
            builder = builder.header("host", authority.split('/').next().unwrap_or(authority));
        }
        for (name, value) in self.fields(request) {
            let mut field = HeaderValue::from_str(&value).map_err(|_| {
                Stop::local(format!("the value for {name} has characters that HTTP does not allow"))
            })?;
            field.set_sensitive(true);
            builder = builder.header(name, field);
        }
        let odd = |_| Stop::local("the path, or the name of a field, is not one of HTTP");
        let agent = &way.agent;
        let answer = match &request.body {
            Some(body) => agent.run(builder.body(body.as_bytes()).map_err(odd)?),
            None => agent.run(builder.body(()).map_err(odd)?),
        };
        let answer = answer.map_err(failed)?;
        let location = redirect(&answer);
        let namespace = answer.headers().get("x-vault-namespace");
        let namespace = namespace.and_then(|value| value.to_str().ok()).map(str::to_owned);
        let status = answer.status().as_u16();
        let body = answer.into_body().into_with_config().limit(ANSWER_BYTES_MAX).read_to_vec();
        let body = Zeroizing::new(body.map_err(failed)?);
        Ok((Reply { status, body, method, url: shown.to_owned(), namespace }, location))
    }

    /// Header fields, with their values.
    fn fields(&self, request: &Request) -> Vec<(&str, Zeroizing<String>)> {
        let Settings { token, namespace, headers, mfa, wrap_ttl, .. } = &self.settings;
        let text = |text: &str| Zeroizing::new(text.to_owned());
        let mut fields = vec![("X-Vault-Request", text("true"))];
        if let Some(token) = token {
            fields.push(("X-Vault-Token", token.clone()));
        }
        if !namespace.is_empty() {
            fields.push(("X-Vault-Namespace", text(namespace)));
        }
        let wraps = request.path == "sys/wrapping/wrap" && request.method != "GET";
        let wrap_ttl = wrap_ttl.as_deref().or_else(|| wraps.then_some(WRAP_TTL));
        if let Some(ttl) = wrap_ttl.filter(|_| !request.is_own) {
            fields.push(("X-Vault-Wrap-TTL", text(ttl)));
        }
        fields.extend(mfa.iter().map(|credentials| ("X-Vault-MFA", text(credentials))));
        if self.settings.overrides_policy {
            fields.push(("X-Vault-Policy-Override", text("true")));
        }
        if request.body.is_some() {
            fields.push(("Content-Type", text(request.content_type)));
        }
        fields.extend(headers.iter().map(|(name, value)| (name.as_str(), text(value))));
        fields
    }

    /// The line for curl that does the same. The token is not in it.
    fn curl(&self, request: &Request) -> String {
        let mut line = "curl".to_owned();
        if request.method != "GET" {
            line.push_str(&format!(" -X {}", request.method));
        }
        for (name, value) in self.fields(request) {
            match name {
                "Content-Type" if request.content_type == "application/json" => {}
                "X-Vault-Token" => {
                    line.push_str(&format!(" -H \"{name}: $({} print token)\"", self.name));
                }
                _ => line.push_str(&format!(" -H {}", quoted(&format!("{name}: {}", *value)))),
            }
        }
        if let Some(body) = &request.body {
            line.push_str(&format!(" -d {}", quoted(body)));
        }
        let mut target = request.target(&self.settings.address.base);
        target.insert_str(0, &self.settings.address.origin);
        if let Some(socket) = &self.settings.address.socket {
            line.push_str(&format!(" --unix-socket {}", quoted(&socket.display().to_string())));
        }
        let has_marks = target.contains(['?', '&', ';', '$', '*', '(']);
        line.push(' ');
        line.push_str(&if has_marks { quoted(&target) } else { target });
        line.push('\n');
        line
    }
}

/// A word of a shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

fn redirect(answer: &Response<ureq::Body>) -> Option<String> {
    let redirects = matches!(answer.status().as_u16(), 301 | 302 | 307);
    let location = answer.headers().get("location").filter(|_| redirects)?;
    location.to_str().ok().map(str::to_owned)
}

/// Why nothing came back, in the words that users of this field know.
fn explain(error: &Error) -> String {
    let not_tls = rustls::Error::InvalidMessage(rustls::InvalidMessage::InvalidContentType);
    if let Error::Io(error) = error {
        if error.kind() == io::ErrorKind::ConnectionRefused {
            return "connection refused: no server listens there".to_owned();
        }
        // Errors of TLS come as those of the connection below it.
        let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
        return inner.map_or_else(|| error.to_string(), |inner| explain_tls(inner, &not_tls));
    }
    if let Error::Rustls(error) = error {
        return explain_tls(error, &not_tls);
    }
    if matches!(error, Error::Timeout(_)) {
        return "no answer in time".to_owned();
    }
    if matches!(error, Error::HostNotFound) {
        return "no such host".to_owned();
    }
    error.to_string()
}

fn explain_tls(error: &rustls::Error, not_tls: &rustls::Error) -> String {
    if error == not_tls {
        return "the server does not speak TLS: begin its address with http:// if it shall not"
            .to_owned();
    }
    let text = format!("TLS: {error}");
    // The one thing that is different from other clients of this API.
    if text.contains("CaUsedAsEndEntity") {
        return "TLS: the server's certificate says that it is an authority: make one that is not \
                (basicConstraints=critical,CA:FALSE), or let an authority sign it"
            .to_owned();
    }
    text
}

/// What came back.
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) body: Zeroizing<Vec<u8>>,
    method: &'static str,
    url: String,
    namespace: Option<String>,
}

impl Reply {
    /// The answer, if it is no error.
    pub(super) fn checked(self) -> Result<Self, Stop> {
        let is_health = self.status == 429 && self.url.ends_with("/v1/sys/health");
        if (200..400).contains(&self.status) || is_health {
            return Ok(self);
        }
        Err(Stop::remote(self.error_text()))
    }

    /// Whether the server says that it has not the namespace that was asked.
    pub(super) fn lacks_namespace(&self) -> bool {
        let doc = self.doc().ok();
        let errors = doc.as_ref().and_then(|doc| doc.object()?.get("errors")?.items());
        errors.into_iter().flatten().any(|error| error.as_str() == Some(NO_NAMESPACE))
    }

    /// The error that an answer is, in the form that scripts look for.
    pub(super) fn error_text(&self) -> String {
        let errors = self.doc().ok().and_then(|doc| {
            let errors = doc.object()?.get("errors")?.items()?;
            let lines: Option<Vec<_>> =
                errors.map(|error| error.as_str().map(|text| format!("* {text}"))).collect();
            lines.map(|lines| lines.join("\n"))
        });
        let namespace = self.namespace.as_deref().filter(|path| !matches!(*path, "" | "root/"));
        let namespace = namespace.map(|path| format!("Namespace: {path}\n")).unwrap_or_default();
        let (kind, text) = match errors {
            Some(errors) => ("Errors", errors),
            None => ("Raw Message", String::from_utf8_lossy(&self.body).into_owned()),
        };
        let Self { method, url, status, .. } = self;
        format!(
            "Error making API request.\n\n{namespace}URL: {method} {url}\nCode: {status}. {kind}:\n\n\
             {text}"
        )
    }

    /// The JSON of the answer.
    pub(super) fn doc(&self) -> Result<json::Doc, Stop> {
        parse(&self.body)
    }
}

/// Reads the JSON of an answer, or one that is made of it.
pub(super) fn parse(text: &[u8]) -> Result<json::Doc, Stop> {
    let limits = json::Limits { depth_max: ANSWER_DEPTH_MAX, strings_max: None, memory_max: None };
    json::parse_one(text, &limits)
        .map_err(|_| Stop::remote("the answer of the server is not JSON: is this its address?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(status: u16, body: &str) -> Reply {
        Reply {
            status,
            body: Zeroizing::new(body.as_bytes().to_vec()),
            method: "GET",
            url: "http://h/v1/a".to_owned(),
            namespace: None,
        }
    }

    #[test]
    fn errors_have_the_form_that_scripts_look_for() {
        const CASES: [(&str, &str); 5] = [
            (r#"{"errors":["permission denied"]}"#, "Errors:\n\n* permission denied"),
            (r#"{"errors":["a","b"]}"#, "Errors:\n\n* a\n* b"),
            (r#"{"errors":[]}"#, "Errors:\n\n"),
            ("bad gateway", "Raw Message:\n\nbad gateway"),
            (r#"{"errors":7}"#, "Raw Message:\n\n{\"errors\":7}"),
        ];
        for (body, want) in CASES {
            let start = "Error making API request.\n\nURL: GET http://h/v1/a\nCode: 403. ";
            assert_eq!(reply(403, body).error_text(), format!("{start}{want}"), "{body}");
        }
        let inner = Reply { namespace: Some("a/".to_owned()), ..reply(403, "") };
        assert!(inner.error_text().contains("\n\nNamespace: a/\nURL: "));
    }

    #[test]
    fn tells_errors_from_answers() {
        const CASES: [(u16, &str, bool); 6] = [
            (200, "http://h/v1/a", true),
            (204, "http://h/v1/a", true),
            (399, "http://h/v1/a", true),
            (404, "http://h/v1/a", false),
            (429, "http://h/v1/a", false),
            (429, "http://h/v1/sys/health", true),
        ];
        for (status, url, is_ok) in CASES {
            let reply = Reply { url: url.to_owned(), ..reply(status, "") };
            assert_eq!(reply.checked().is_ok(), is_ok, "{status} {url}");
        }
    }

    #[test]
    fn words_for_a_shell_stay_one_word() {
        assert_eq!(quoted("it's"), r"'it'\''s'");
    }
}
