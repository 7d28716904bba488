//! `sys/config/cors`: which pages from elsewhere a browser may let in.
//!
//! <https://openbao.org/api-docs/system/config-cors/>

use alloc::string::String;

use crate::answer::Answer;
use crate::cors::{EVERY_ORIGIN, Settings};
use crate::field::{Field, FieldKind};
use crate::http::is_token;
use crate::json;
use crate::limit::CORS_BYTES_MAX;
use crate::reject::Reject;
use crate::route::{Access, Context, Engine, Method, Operation, Route};
use crate::token::Authorized;
use crate::vault::{Halt, Tx};

pub(crate) const ROUTES: &[Route] = &[Route {
    engine: Some(Engine::System),
    pattern: "config/cors",
    doubled: true,
    methods: &[
        Method::new(Operation::Read, Access::Sudo, read),
        Method::new(Operation::Update, Access::Sudo, write),
        Method::new(Operation::Delete, Access::Sudo, delete),
    ],
    fields: &[
        Field::body(
            "allowed_origins",
            FieldKind::CommaStrings,
            "Origins that may make requests, or `*` alone for every one.",
        ),
        Field::body(
            "allowed_headers",
            FieldKind::CommaStrings,
            "Header fields that they may send beside those of the API.",
        ),
        Field::body(
            "allow_credentials",
            FieldKind::Bool,
            "Whether browsers may send cookies and the like along.",
        ),
    ],
    synopsis: "Sets which pages from elsewhere a browser may let in.",
    description: "Without origins, requests of pages are served as all others, and browsers hide \
                  the answers from them.",
    ..Route::NEW
}];

fn read(tx: &mut Tx<'_>, _: &Context<'_>, _: &Authorized) -> Result<Answer, Halt> {
    let data = match Settings::read(tx)? {
        None => json::Object::new().plain("enabled", false),
        Some(settings) => json::Object::new()
            .plain("allow_credentials", settings.credentials)
            .strings("allowed_headers", settings.headers())
            .strings("allowed_origins", &settings.origins)
            .plain("enabled", true),
    };
    Ok(Answer::data(data.finish()))
}

fn write(tx: &mut Tx<'_>, context: &Context<'_>, _: &Authorized) -> Result<Answer, Halt> {
    let origins = context.args.comma_strings("allowed_origins")?.unwrap_or_default();
    if origins.is_empty() {
        let text = "at least one origin or the wildcard must be provided";
        return Err(Reject::Trouble(text).into());
    }
    if origins.len() > 1 && origins.iter().any(|origin| origin == EVERY_ORIGIN) {
        let text = "to allow all origins the '*' must be the only value for allowed_origins";
        return Err(Reject::Trouble(text).into());
    }
    let more_headers = context.args.comma_strings("allowed_headers")?.unwrap_or_default();
    if !more_headers.iter().all(|header| is_token(header)) {
        return Err(Reject::invalid("allowed_headers must be names of header fields").into());
    }
    let bytes: usize = origins.iter().chain(&more_headers).map(String::len).sum();
    if bytes > CORS_BYTES_MAX {
        return Err(Reject::invalid("too many origins and header fields").into());
    }
    let credentials = context.args.bool("allow_credentials")?.unwrap_or(false);
    Settings { origins, more_headers, credentials }.write(tx);
    Ok(Answer::Nothing)
}

fn delete(tx: &mut Tx<'_>, _: &Context<'_>, _: &Authorized) -> Result<Answer, Halt> {
    Settings::delete(tx);
    Ok(Answer::Nothing)
}
