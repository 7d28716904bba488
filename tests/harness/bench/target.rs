//! What is to be reached, beside what was measured. Nothing fails by it: it is printed.

use std::fmt;

use super::contest::{Deed, Kind, Load};

/// A bound.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Target {
    AtMost(f64),
    AtLeast(f64),
}

/// CPU of a list whose pages are open in the cache, times the floor's, whose names are clear in memory.
const LIST_WARM: Target = Target::AtMost(1.5);
/// A list whose pages are read and opened.
pub(super) const LIST_COLD: Target = Target::AtMost(4.0);
/// MiB of an idle server on many connections, and on few.
pub(super) const IDLE_MIB: Target = Target::AtMost(10.0);
pub(super) const IDLE_MIB_BLOCKING: Target = Target::AtMost(6.0);
/// KiB of a connection that waits.
pub(super) const CONNECTION_KIB: Target = Target::AtMost(6.0);
pub(super) const CONNECTION_KIB_TLS: Target = Target::AtMost(24.0);
/// MiB of the program without symbols: all of it, and for constrained hosts.
pub(super) const BINARY_MIB: Target = Target::AtMost(10.0);
pub(super) const BINARY_MIB_BLOCKING: Target = Target::AtMost(6.0);
/// Bytes on the medium of a mount, or a namespace, that nobody uses.
const MOUNT_BYTES: Target = Target::AtMost(2048.0);
/// Milliseconds from the start of the process to its first answer.
pub(super) const START_MS: Target = Target::AtMost(20.0);
/// The floor's time for a GET, times that of fixed answers: else it is no floor.
pub(super) const FLOOR: Target = Target::AtMost(1.3);

impl Target {
    /// Of the CPU of a request, times the floor's.
    pub(super) fn of_cpu(kind: Kind, load: Load) -> Option<Self> {
        let is_parallel = load.connections > 1;
        match (kind, load.deed) {
            (Kind::Smol { workers: 1 }, Deed::Get | Deed::GetPolicy) if is_parallel => {
                Some(Self::AtMost(1.5))
            }
            (Kind::Smol { .. }, Deed::Get | Deed::GetPolicy) if is_parallel => {
                Some(Self::AtMost(2.2))
            }
            (Kind::Smol { .. }, Deed::GetEngine) if is_parallel => Some(Self::AtMost(2.5)),
            (Kind::Smol { .. } | Kind::Blocking, Deed::List) => Some(LIST_WARM),
            _ => None,
        }
    }

    /// Of the requests a second, times the floor's.
    pub(super) fn of_rate(kind: Kind, load: Load) -> Option<Self> {
        match (kind, load.deed, load.connections) {
            (Kind::Smol { .. } | Kind::Blocking, Deed::Put, 64) => Some(Self::AtLeast(0.5)),
            (Kind::Smol { .. } | Kind::Blocking, Deed::Put, 1) => Some(Self::AtLeast(0.35)),
            _ => None,
        }
    }
}

/// Bytes on the medium of a mount or a namespace, beside what they may be.
pub(super) fn of_mount(bytes: f64) -> String {
    Judged { value: bytes, target: Some(MOUNT_BYTES) }.to_string()
}

/// A value beside its target.
pub(super) struct Judged {
    pub(super) value: f64,
    pub(super) target: Option<Target>,
}

impl fmt::Display for Judged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = self.value;
        match self.target {
            None => write!(f, "{value:.2}"),
            Some(Target::AtMost(most)) => {
                let missed = if value > most { " MISSED" } else { "" };
                write!(f, "{value:.2} (at most {most}){missed}")
            }
            Some(Target::AtLeast(least)) => {
                let missed = if value < least { " MISSED" } else { "" };
                write!(f, "{value:.2} (at least {least:.2}){missed}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CASES: [(f64, Option<Target>, &str); 5] = [
        (1.234, None, "1.23"),
        (1.5, Some(Target::AtMost(1.5)), "1.50 (at most 1.5)"),
        (1.51, Some(Target::AtMost(1.5)), "1.51 (at most 1.5) MISSED"),
        (0.5, Some(Target::AtLeast(0.5)), "0.50 (at least 0.50)"),
        (0.34, Some(Target::AtLeast(0.35)), "0.34 (at least 0.35) MISSED"),
    ];

    #[test]
    fn marks_what_is_missed() {
        for (value, target, text) in CASES {
            assert_eq!(Judged { value, target }.to_string(), text);
        }
    }
}
