//! What one listener asks of its requests, beyond what its connections do.

use core::time::Duration;

use http::{Method, StatusCode};

use crate::http::{Head, Response};
use crate::route::{Route, Switch};
use crate::{json, limit};

/// See the module.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// Limits of JSON bodies.
    pub json: json::Limits,
    /// Whether every request needs `X-Vault-Request: true`. A server that is made to send requests
    /// for others (by a URL that it follows) mostly cannot be made to send a header field.
    pub requires_request_header: bool,
    /// Whether it has `sys/generate-root`, which asks for key shares and for no token.
    pub serves_open_root_generation: bool,
    /// Whether it has `sys/rekey` and `sys/rekey-recovery-key`, which ask for no token either.
    pub serves_open_rekey: bool,
    /// Time that a request may wait inside the server, for records, jobs, audit or room.
    pub time_max: Duration,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            json: json::Limits::default(),
            requires_request_header: false,
            serves_open_root_generation: false,
            serves_open_rekey: false,
            time_max: limit::REQUEST_TIME_MAX,
        }
    }
}

impl Rules {
    /// Whether it has this endpoint.
    pub(super) fn serves(&self, route: &Route) -> bool {
        match route.switch() {
            None => true,
            Some(Switch::RootGeneration) => self.serves_open_root_generation,
            Some(Switch::Rekey) => self.serves_open_rekey,
        }
    }

    /// The rule of [`Rules::requires_request_header`]: one field, of this value exactly.
    ///
    /// The health of the server may be asked for without it: most probes cannot send one, and the
    /// answer tells nothing that a refusal would hide. So may what a page may do (OPTIONS): a browser
    /// asks by itself, and nothing comes of it.
    pub(super) fn check_request_header(&self, head: &Head, decoded: &[u8]) -> Result<(), Response> {
        if !self.requires_request_header {
            return Ok(());
        }
        let method = head.method();
        let probes = *method == Method::GET || *method == Method::HEAD;
        let mut values = head.values("x-vault-request");
        let is_sent = values.next() == Some(b"true".as_slice()) && values.next().is_none();
        let asks_little = probes && decoded == b"/v1/sys/health" || *method == Method::OPTIONS;
        if is_sent || asks_little {
            return Ok(());
        }
        let message = "missing \"X-Vault-Request\" header";
        Err(Response::errors(StatusCode::PRECONDITION_FAILED, &[message]))
    }
}
