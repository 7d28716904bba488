//! How a mount is shown.

use alloc::borrow::Cow;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::answer::Answer;
use crate::json::Object;
use crate::mount::{self, AUTH, Mount, Record, Settings, Visibility};
use crate::namespace::{Namespace, Place};
use crate::reject::Reject;
use crate::route::Context;
use crate::token::Authorized;
use crate::vault::{Halt, Tx};

/// Whatever mount has a path or lies above it.
pub(super) fn secrets(
    tx: &mut Tx<'_>,
    context: &Context<'_>,
    _: &Authorized,
) -> Result<Answer, Halt> {
    let path = folder(context)?;
    let namespace = context.namespace();
    match find(tx, &Place::within(namespace.clone(), &path))? {
        Some(mount) => Ok(Answer::data(info(&mount, namespace).finish())),
        None => Err(Reject::invalid(format!("No secret engine mount at {path}")).into()),
    }
}

/// The auth method with a path, and no other.
pub(super) fn auth(tx: &mut Tx<'_>, context: &Context<'_>, _: &Authorized) -> Result<Answer, Halt> {
    let path = folder(context)?;
    let namespace = context.namespace();
    let full = [AUTH, &path].concat();
    match find(tx, &Place::within(namespace.clone(), &full))? {
        Some(mount) if mount.path == full => Ok(Answer::data(info(&mount, namespace).finish())),
        Some(_) | None => Err(Reject::invalid(format!("No auth engine at {path}")).into()),
    }
}

/// The path of the request, with its slash.
pub(super) fn folder<'a>(context: &Context<'a>) -> Result<Cow<'a, str>, Reject> {
    let path = context.args.capture("path").ok_or(Reject::UnsupportedPath)?;
    Ok(mount::as_folder(path))
}

/// The mount of a place, with its record.
pub(super) fn find(tx: &mut Tx<'_>, place: &Place<'_>) -> Result<Option<Mount>, Halt> {
    if let Some((fixed, _)) = mount::find_fixed(place.path()) {
        return fixed.tuned(tx, place.namespace.id).map(Some);
    }
    match mount::find(tx, place) {
        Ok(mount) => Ok(Some(mount)),
        Err(Halt::Reject(Reject::NoRoute { .. })) => Ok(None),
        Err(halt) => Err(halt),
    }
}

/// Everything about a mount.
pub(super) fn info(mount: &Mount, namespace: &Namespace) -> Object {
    info_with(mount, namespace, None)
}

/// The same, with the path by which it is asked for.
pub(super) fn info_with(mount: &Mount, namespace: &Namespace, path: Option<&str>) -> Object {
    let record = mount.record();
    let is_auth = mount.path.starts_with(AUTH);
    let mut object = Object::new()
        .string("accessor", &mount.accessor(namespace))
        .raw("config", &config(&record, namespace, is_auth));
    let word = record.word(namespace);
    // The old name of kv is in no catalog.
    if record.engine.is_mountable() && word != "generic" {
        object = object.string("deprecation_status", "supported");
    }
    object = object
        .string("description", &record.description)
        .plain("external_entropy_access", record.external_entropy_access)
        .plain("local", record.local)
        .raw("options", &options(&record).unwrap_or_else(|| "null".into()));
    if let Some(path) = path {
        object = object.string("path", path);
    }
    object
        .string("plugin_version", &record.settings.plugin_version)
        .string("running_plugin_version", RUNNING_VERSION)
        .string("running_sha256", "")
        .plain("seal_wrap", record.seal_wrap)
        .string("type", word)
        .string("uuid", &mount.uuid(namespace))
}

/// The version of the engines: they are part of the server.
const RUNNING_VERSION: &str = concat!("v2.6.2+strongroom.", env!("CARGO_PKG_VERSION"));

/// What a mount shows to those who show no token.
pub(super) fn outline(mount: &Mount, namespace: &Namespace) -> Object {
    let record = mount.record();
    Object::new()
        .string("description", &record.description)
        .raw("options", &options(&record).unwrap_or_else(|| "null".into()))
        .string("type", record.word(namespace))
}

pub(super) fn options(record: &Record) -> Option<String> {
    let options = record.options.as_ref()?.iter();
    Some(options.fold(Object::new(), |object, (name, value)| object.string(name, value)).finish())
}

fn config(record: &Record, namespace: &Namespace, is_auth: bool) -> String {
    let settings = &record.settings;
    let mut object = lists(Object::new(), settings, ListPart::BeforeTtl)
        .plain("default_lease_ttl", settings.default_lease_ttl)
        .plain("force_no_cache", settings.force_no_cache);
    object = visibility(object, settings).plain("max_lease_ttl", settings.max_lease_ttl);
    object = lists(object, settings, ListPart::BehindTtl);
    if is_auth {
        object = object.string("token_type", token_type(record, namespace));
    }
    if let Some(lockout) = settings.lockout {
        let config = Object::new()
            .plain("user_lockout_counter_reset_duration", lockout.counter_reset)
            .plain("user_lockout_disable", lockout.disabled)
            .plain("user_lockout_duration", lockout.duration)
            .plain("user_lockout_threshold", lockout.threshold);
        object = object.raw("user_lockout_config", &config.finish());
    }
    object.finish()
}

/// The token store of a child namespace has another word.
pub(super) fn token_type(record: &Record, namespace: &Namespace) -> &'static str {
    if record.engine == mount::Engine::Token && !namespace.is_root() {
        "default"
    } else {
        record.settings.token_type.word()
    }
}

/// Members stand in the order of their names.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum ListPart {
    BeforeTtl,
    BehindTtl,
}

/// The lists that are not empty.
pub(super) fn lists(object: Object, settings: &Settings, part: ListPart) -> Object {
    let named: [(&str, &Vec<String>, ListPart); 4] = [
        ("allowed_response_headers", &settings.response_headers, ListPart::BeforeTtl),
        ("audit_non_hmac_request_keys", &settings.audit_request_keys, ListPart::BeforeTtl),
        ("audit_non_hmac_response_keys", &settings.audit_response_keys, ListPart::BeforeTtl),
        ("passthrough_request_headers", &settings.request_headers, ListPart::BehindTtl),
    ];
    let shown = named.into_iter().filter(|(_, list, at)| *at == part && !list.is_empty());
    shown.fold(object, |object, (name, list, _)| object.strings(name, list))
}

pub(super) fn visibility(object: Object, settings: &Settings) -> Object {
    match settings.visibility {
        Visibility::Unset => object,
        visibility @ (Visibility::Hidden | Visibility::Unauth) => {
            object.string("listing_visibility", visibility.word())
        }
    }
}

/// An object of objects, by their names.
pub(super) fn by_name(mut members: Vec<(String, String)>) -> String {
    members.sort();
    let object =
        members.iter().fold(Object::new(), |object, (name, member)| object.raw(name, member));
    object.finish()
}
