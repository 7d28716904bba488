//! What all adapters share: listeners and their connections, but for the waiting.
//!
//! [`Listener`] is a bound socket with its terms; [`Service`] is what the connections of a server have in
//! common; a session is one connection without its socket's waiting, and an adapter moves it on.

pub mod budget;
pub mod registry;
pub(crate) mod session;
pub mod socket;
pub mod tls;

use std::sync::Arc;
use std::time::Duration;

use strongroom_core::Rules;
use strongroom_core::http::{CustomFields, Limits};

use self::budget::Budget;
use self::registry::Registry;
use self::socket::ListenSocket;
use self::tls::TlsSettings;
use crate::config;
use crate::host::Host;
use crate::wait::block_on_for;

/// Bytes of large bodies that are taken in at one time: two of the largest.
pub const BODY_BUDGET_BYTES: usize = 64 * 1024 * 1024;
/// Pause after an error of `accept`, such as too many open files, which passes by itself.
pub(crate) const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// Connections that are still accepted when the server stops: those that the operating system has
/// greeted in its name.
pub(crate) const BACKLOG_MAX: usize = 4096;
/// Time that it takes at most to accept them.
pub(crate) const BACKLOG_TIME_MAX: Duration = Duration::from_secs(1);
/// Time that requests have to arrive whole when the server stops.
pub const ARRIVAL_TIME_MAX: Duration = Duration::from_secs(3);
/// Time that requests under way have to come to their end behind that: together less than supervisors
/// commonly wait until they kill.
pub const STOP_TIME_MAX: Duration = Duration::from_secs(4);

/// A listener that is bound and not yet served.
#[derive(Debug)]
pub struct Listener {
    /// Where it listens. It is closed as soon as nothing more is accepted: who comes then is refused
    /// at once, and another process can have the address.
    pub socket: ListenSocket,
    /// On which terms it serves.
    pub terms: Arc<Terms>,
}

/// On which terms a listener serves; its connections hold them.
#[derive(Debug)]
pub struct Terms {
    /// Its TLS; without it its bytes are plain.
    pub tls: Option<TlsSettings>,
    /// Limits of its connections.
    pub limits: Limits,
    /// What it asks of its requests.
    pub rules: Rules,
    /// Header fields that the operator adds to its answers.
    pub fields: Arc<CustomFields>,
}

impl Listener {
    /// Binds a listener as it is configured.
    ///
    /// # Errors
    ///
    /// What cannot be had or used, and why.
    pub fn bind(listener: &config::Listener) -> Result<Self, String> {
        let terms = Terms {
            tls: listener.tls.as_ref().map(TlsSettings::read).transpose()?,
            limits: listener.limits,
            rules: listener.rules,
            fields: Arc::clone(&listener.fields),
        };
        Ok(Self { socket: ListenSocket::bind(&listener.place)?, terms: Arc::new(terms) })
    }
}

/// What the connections of a server have in common.
#[derive(Debug)]
pub struct Service {
    /// Who answers.
    pub host: Host,
    /// The connections that are open.
    pub registry: Arc<Registry>,
    /// Room for large bodies.
    pub budget: Arc<Budget>,
}

impl Service {
    /// A service for so many connections, of which the largest body that a listener takes has
    /// `body_bytes_max` bytes.
    pub fn new(host: Host, connections_max: usize, body_bytes_max: usize) -> Self {
        // The largest body that is allowed must find room.
        let budget = Budget::new(BODY_BUDGET_BYTES.max(body_bytes_max));
        Self { host, registry: Arc::new(Registry::new(connections_max)), budget: Arc::new(budget) }
    }

    /// Brings the connections to their end, when the server stops and nothing more is accepted.
    pub(crate) fn close(&self) {
        self.registry.stop();
        if block_on_for(ARRIVAL_TIME_MAX, self.registry.empty()).is_none() {
            self.registry.hush();
            block_on_for(STOP_TIME_MAX, self.registry.empty());
        }
    }
}
