//! `sys/tools/random`: random bytes for those who have no good source.
//!
//! <https://openbao.org/api-docs/system/tools/#generate-random-bytes>

use alloc::format;
use alloc::vec;

use crate::answer::{Answer, Envelope};
use crate::encoding::{base64, hex};
use crate::field::{Field, FieldKind};
use crate::json;
use crate::limit::RANDOM_BYTES_END;
use crate::quote::quoted;
use crate::reject::Reject;
use crate::route::{Access, Context, Engine, Method, Operation, Route};
use crate::secret::Wiped;
use crate::token::Authorized;
use crate::vault::{Halt, Tx};

const FIELDS: &[Field] = &[
    Field::body("bytes", FieldKind::Int, "How many bytes; 32 without it."),
    Field::body("format", FieldKind::String, "`base64` or `hex`."),
    Field::path("source", "`platform`, `seal` or `all`."),
    Field::path("urlbytes", "How many bytes; goes before `bytes`."),
];

const METHODS: &[Method] = &[Method::new(Operation::Update, Access::Acl, random)];

pub(crate) const ROUTES: &[Route] = &[
    random_route("tools/random"),
    random_route("tools/random/{urlbytes}"),
    random_route("tools/random/{source}/{urlbytes}"),
];

const fn random_route(pattern: &'static str) -> Route {
    Route {
        engine: Some(Engine::System),
        pattern,
        methods: METHODS,
        fields: FIELDS,
        synopsis: "Gives random bytes.",
        description: "Gives random bytes in base64 or hex.",
        ..Route::NEW
    }
}

fn random(tx: &mut Tx<'_>, context: &Context<'_>, _: &Authorized) -> Result<Answer, Halt> {
    let (source, in_url) = read_captures(context);
    let count = match in_url {
        Some(text) => text
            .parse()
            .map_err(|_| Reject::invalid("error parsing url-set byte count: not a whole number"))?,
        None => context.args.int("bytes")?.unwrap_or(32),
    };
    if count < 1 {
        return Err(Reject::invalid("'bytes' cannot be less than 1").into());
    }
    if count >= RANDOM_BYTES_END {
        return Err(Reject::invalid("'bytes' should be less than 131072").into());
    }
    let mut warnings = vec![];
    match source {
        None | Some("platform") => {}
        Some("seal" | "all") => warnings
            .push("no seal/entropy augmentation available, using platform entropy source".into()),
        Some(other) => {
            let text = format!(
                "unsupported entropy source {}; must be \"platform\" or \"seal\", or \"all\"",
                quoted(other)
            );
            return Err(Reject::invalid(text).into());
        }
    }
    let mut bytes = Wiped::new(vec![0; usize::try_from(count).unwrap_or(0)]);
    let text = match context.args.string("format")?.as_deref() {
        None | Some("" | "base64") => {
            tx.random().fill(&mut bytes);
            base64(&bytes)
        }
        Some("hex") => {
            tx.random().fill(&mut bytes);
            hex(&bytes)
        }
        Some(other) => {
            let text = format!(
                "unsupported encoding format {}; must be \"hex\" or \"base64\"",
                quoted(other)
            );
            return Err(Reject::invalid(text).into());
        }
    };
    let data = json::Object::new().string("random_bytes", &text).finish();
    Ok(Answer::Envelope(Envelope { data: Some(data.into()), warnings, ..Envelope::default() }))
}

/// Source and count as the path names them. A single segment is a source if it is the name of one.
fn read_captures<'a>(context: &Context<'a>) -> (Option<&'a str>, Option<&'a str>) {
    let mut segments = context.path.split('/').skip(2);
    match (segments.next(), segments.next()) {
        (Some(source @ ("platform" | "seal" | "all")), None) => (Some(source), None),
        (Some(count), None) => (None, Some(count)),
        (source, count) => (source, count),
    }
}
