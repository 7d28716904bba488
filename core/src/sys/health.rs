//! `sys/health`: the state of the server as a status that probes understand.
//!
//! <https://openbao.org/api-docs/system/health/>

use http::StatusCode;

use crate::answer::Answer;
use crate::field::{Field, FieldKind, parse_bool};
use crate::json;
use crate::reject::Reject;
use crate::route::{Access, Context, Method, Operation, Route};
use crate::token::Authorized;
use crate::vault::{Halt, Tx};

pub(crate) const ROUTES: &[Route] = &[Route {
    pattern: "sys/health",
    open: true,
    free_form: true,
    methods: &[
        Method::new(Operation::Read, Access::Open, health),
        Method::new(Operation::Header, Access::Open, health),
    ],
    fields: &[
        Field::body("activecode", FieldKind::Int, "Status of an active server."),
        Field::body("sealedcode", FieldKind::Int, "Status of a sealed server."),
        Field::body("standbycode", FieldKind::Int, "Status of a standby."),
        Field::body(
            "standbyok",
            FieldKind::Bool,
            "Whether a standby answers like an active server.",
        ),
        Field::body("uninitcode", FieldKind::Int, "Status of a server that is not initialised."),
    ],
    synopsis: "Tells the state of the server.",
    description: "The status is 200 for an active server, 501 for one that is not initialised and \
                  503 for a sealed one. The query may name others: `activecode`, `sealedcode`, \
                  `uninitcode`, `standbycode`, `standbyok`.",
    ..Route::NEW
}];

fn health(tx: &mut Tx<'_>, context: &Context<'_>, _: &Authorized) -> Result<Answer, Halt> {
    let Some([uninitialized, sealed, _, active]) = read_codes(context) else {
        return Ok(Answer::Bare(StatusCode::BAD_REQUEST, "{\"errors\":[]}\n".into()));
    };
    let is_initialized = tx.seal().stored().is_some();
    let unsealed = tx.seal().unsealed();
    let (status, mode) = match (is_initialized, unsealed) {
        (false, _) => (uninitialized, "unknown"),
        (true, None) => (sealed, "unknown"),
        (true, Some(_)) => (active, "disabled"),
    };
    let mut body = json::Object::new()
        .plain("initialized", is_initialized)
        .plain("sealed", unsealed.is_none())
        .plain("standby", unsealed.is_none())
        .string("replication_performance_mode", mode)
        .string("replication_dr_mode", mode)
        .plain("server_time_utc", tx.now.unix_seconds())
        .string("version", crate::API_VERSION);
    if let Some(unsealed) = unsealed {
        body = body
            .string("cluster_name", &unsealed.cluster.name)
            .string("cluster_id", &unsealed.cluster.id);
    }
    let status = StatusCode::from_u16(status).map_err(|_| Reject::Internal)?;
    Ok(Answer::Bare(status, body.finish() + "\n"))
}

/// The statuses for uninitialised, sealed, standby and active, as the query wants them; `None` if a
/// word of it cannot be read. Every word is looked at, whatever the state.
fn read_codes(context: &Context<'_>) -> Option<[u16; 4]> {
    if let Some(word) = word(context, "standbyok")
        && !word.is_empty()
    {
        parse_bool(word)?;
    }
    let mut codes = [501, 503, 429, 200];
    let names = ["uninitcode", "sealedcode", "standbycode", "activecode"];
    for (code, name) in codes.iter_mut().zip(names) {
        if let Some(word) = word(context, name) {
            // Below 200 it would be an interim response, which answers nothing.
            *code = word.parse().ok().filter(|code| (200..=999).contains(code))?;
        }
    }
    Some(codes)
}

/// The first value of a word of the query.
fn word<'a>(context: &Context<'a>, name: &str) -> Option<&'a str> {
    let value = context.args.value(name)?;
    value.items().map_or(Some(value), |mut items| items.next())?.as_str()
}
