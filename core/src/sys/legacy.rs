//! Old endpoints that anybody could use without a token. They are known and closed: their
//! replacements ask for one.
//!
//! <https://openbao.org/api-docs/system/rekey/>

use crate::route::{Engine, Route};

pub(crate) const ROUTES: &[Route] = &[
    // This one asks for a token first.
    Route { open: false, ..closed("generate-root") },
    closed("generate-root/attempt"),
    closed("generate-root/update"),
    closed("rekey/init"),
    closed("rekey/update"),
    closed("rekey/verify"),
    closed("rekey-recovery-key/init"),
    closed("rekey-recovery-key/update"),
    closed("rekey-recovery-key/verify"),
];

const fn closed(pattern: &'static str) -> Route {
    Route {
        engine: Some(Engine::System),
        pattern,
        open: true,
        free_form: true,
        doubled: false,
        exists: None,
        methods: &[],
        fields: &[],
        synopsis: "Closed.",
        description: "This endpoint could be used without a token, and is closed for that.",
    }
}
