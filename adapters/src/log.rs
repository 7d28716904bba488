//! Lines for the operator, on the standard error stream.

use std::io::Write;

/// Writes one line. Nobody may be there to read it.
pub(crate) fn note(text: &str) {
    let _ = writeln!(std::io::stderr(), "strongroom: {text}");
}
