//! Tuning: what of a mount can be changed.

use alloc::borrow::{Cow, ToOwned};
use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::settings::{self, Member};
use super::show::{self, ListPart};
use super::wish::check_size;
use crate::answer::{Answer, Envelope};
use crate::json::Object;
use crate::mount::{self, AUTH, Engine, Fixed, Lockout, Mount, Record, TokenType, record_name};
use crate::namespace::Place;
use crate::reject::Reject;
use crate::route::Context;
use crate::store::folder;
use crate::token::Authorized;
use crate::vault::{Halt, Tx};

/// Mounts of which only what the audit shows is tuned.
const UNTUNABLE: [&str; 4] = ["audit/", "cubbyhole/", "identity/", "sys/"];

pub(super) fn read(tx: &mut Tx<'_>, context: &Context<'_>, _: &Authorized) -> Result<Answer, Halt> {
    let path = show::folder(context)?;
    show_tuned(tx, context, &path)
}

pub(super) fn read_auth(
    tx: &mut Tx<'_>,
    context: &Context<'_>,
    _: &Authorized,
) -> Result<Answer, Halt> {
    let path = [AUTH, &show::folder(context)?].concat();
    show_tuned(tx, context, &path)
}

pub(super) fn write(
    tx: &mut Tx<'_>,
    context: &Context<'_>,
    _: &Authorized,
) -> Result<Answer, Halt> {
    let path = show::folder(context)?;
    tune(tx, context, path)
}

pub(super) fn write_auth(
    tx: &mut Tx<'_>,
    context: &Context<'_>,
    _: &Authorized,
) -> Result<Answer, Halt> {
    let path = [AUTH, &show::folder(context)?].concat();
    tune(tx, context, path.into())
}

/// The mount with exactly this path.
fn find(tx: &mut Tx<'_>, context: &Context<'_>, path: &str) -> Result<Option<Mount>, Halt> {
    let place = Place::within(Arc::clone(context.namespace()), path);
    Ok(show::find(tx, &place)?.filter(|mount| mount.path == path))
}

fn show_tuned(tx: &mut Tx<'_>, context: &Context<'_>, path: &str) -> Result<Answer, Halt> {
    let mount = find(tx, context, path)?.ok_or_else(|| {
        Reject::invalid(format!("cannot fetch sysview for path {}", crate::quote::quoted(path)))
    })?;
    let record = mount.record();
    let settings = &record.settings;
    let max_lease_ttl = match settings.max_lease_ttl {
        0 => tx.config.max_lease_ttl,
        own => own,
    };
    let default_lease_ttl = match settings.default_lease_ttl {
        0 => tx.config.default_lease_ttl,
        own => own,
    };
    let mut object = show::lists(Object::new(), settings, ListPart::BeforeTtl)
        .plain("default_lease_ttl", default_lease_ttl)
        .string("description", &record.description);
    if record.external_entropy_access {
        object = object.plain("external_entropy_access", true);
    }
    object = object.plain("force_no_cache", settings.force_no_cache);
    object = show::visibility(object, settings).plain("max_lease_ttl", max_lease_ttl);
    if let Some(options) = show::options(&record).filter(|options| options != "{}") {
        object = object.raw("options", &options);
    }
    object = show::lists(object, settings, ListPart::BehindTtl);
    if !settings.plugin_version.is_empty() {
        object = object.string("plugin_version", &settings.plugin_version);
    }
    if mount.path.starts_with(AUTH) {
        object = object.string("token_type", show::token_type(&record, context.namespace()));
    }
    if let Some(lockout) = settings.lockout {
        object = object
            .plain("user_lockout_counter_reset_duration", lockout.counter_reset)
            .plain("user_lockout_disable", lockout.disabled)
            .plain("user_lockout_duration", lockout.duration)
            .plain("user_lockout_threshold", lockout.threshold);
    }
    Ok(Answer::data(object.finish()))
}

/// All of what is given, or nothing: parameters are checked in the API's order.
fn tune(tx: &mut Tx<'_>, context: &Context<'_>, path: Cow<'_, str>) -> Result<Answer, Halt> {
    check_tunable(context, &path)?;
    let mount = find(tx, context, &path)?.ok_or_else(|| {
        Reject::invalid(format!("tune of path \"{path}\" failed: no mount entry found"))
    })?;
    let mut record = Record::clone(&mount.record());
    record.gives_way = false;
    tune_ttls(context, &mut record)?;
    tune_lockout(context, &mut record)?;
    tune_texts(context, &mount, &mut record)?;
    let warnings = tune_options(tx, context, &mount, &mut record)?;
    check_size(&record)?;
    match mount::find_fixed(&path) {
        Some((fixed, _)) => tx.put(&fixed.record_name(context.namespace().id), &record.encode()),
        None => tx.put(&record_name(mount.owner), &record.encode()),
    }
    if warnings.is_empty() {
        return Ok(Answer::Nothing);
    }
    Ok(Answer::Envelope(Envelope { warnings, ..Envelope::default() }))
}

fn check_tunable(context: &Context<'_>, path: &str) -> Result<(), Reject> {
    const TUNABLE: [&str; 3] =
        ["audit_non_hmac_request_keys", "audit_non_hmac_response_keys", "path"];
    if !UNTUNABLE.iter().any(|prefix| path.starts_with(prefix)) {
        return Ok(());
    }
    let sent = super::TUNE_FIELDS.iter().map(|field| field.name);
    let mut sent = sent.filter(|name| context.args.value(name).is_some());
    match sent.find(|name| !TUNABLE.contains(name)) {
        Some(name) => Err(Reject::invalid(format!("cannot tune parameter {name} of {path}"))),
        None => Ok(()),
    }
}

fn tune_ttls(context: &Context<'_>, record: &mut Record) -> Result<(), Reject> {
    let ttl = |name: &'static str, before: i64| match context.args.string(name)?.as_deref() {
        None | Some("") => Ok(before),
        Some("system") => Ok(0),
        Some(text) => settings::seconds(text),
    };
    let settings = &mut record.settings;
    let default_lease_ttl = ttl("default_lease_ttl", settings.default_lease_ttl)?;
    let max_lease_ttl = ttl("max_lease_ttl", settings.max_lease_ttl)?;
    if max_lease_ttl != 0 && max_lease_ttl < default_lease_ttl {
        return Err(Reject::invalid(format!(
            "backend max lease TTL of {max_lease_ttl} would be less than backend default lease TTL \
             of {default_lease_ttl}"
        )));
    }
    settings.default_lease_ttl = default_lease_ttl;
    settings.max_lease_ttl = max_lease_ttl;
    Ok(())
}

fn tune_lockout(context: &Context<'_>, record: &mut Record) -> Result<(), Reject> {
    const UNCONVERTIBLE: &str = "unable to convert given user lockout config information";
    if context.args.value("user_lockout_config").is_none() {
        return Ok(());
    }
    let member = |name| settings::member(context, "user_lockout_config", name, UNCONVERTIBLE);
    let text = |name| match member(name)? {
        Member::Absent => Ok(String::new()),
        Member::Text(text) => Ok(text),
        Member::Flag(_) | Member::Texts(_) => Err(Reject::invalid(UNCONVERTIBLE)),
    };
    let seconds = |name, before: i64| match text(name)?.as_str() {
        "" => Ok(before),
        "system" => Ok(0),
        text => settings::seconds(text),
    };
    let before = record.settings.lockout.unwrap_or_default();
    let disabled = match member("lockout_disable")? {
        Member::Absent => before.disabled,
        Member::Flag(flag) => flag,
        Member::Text(_) | Member::Texts(_) => return Err(Reject::invalid(UNCONVERTIBLE)),
    };
    let threshold = match text("lockout_threshold")?.as_str() {
        "" => before.threshold,
        text => text.parse().map_err(|_| {
            Reject::invalid("unable to parse user lockout threshold: it is no whole number")
        })?,
    };
    let lockout = Lockout {
        threshold,
        duration: seconds("lockout_duration", before.duration)?,
        counter_reset: seconds("lockout_counter_reset_duration", before.counter_reset)?,
        disabled,
    };
    if !record.engine.locks_out() {
        return Err(Reject::invalid(format!(
            "tuning of user lockout configuration for auth type {} not allowed",
            crate::quote::quoted(record.word(context.namespace()))
        )));
    }
    record.settings.lockout = Some(lockout);
    Ok(())
}

fn tune_texts(context: &Context<'_>, mount: &Mount, record: &mut Record) -> Result<(), Reject> {
    let args = &context.args;
    if let Some(description) = args.string("description")? {
        record.description = description;
    }
    let settings = &mut record.settings;
    if let Some(version) = args.string("plugin_version")? {
        settings::check_plugin_version(&version)?;
        settings.plugin_version = version;
    }
    let list = |name, place: &mut Vec<String>| {
        if let Some(texts) = args.comma_strings(name)? {
            *place = texts;
        }
        Ok::<_, Reject>(())
    };
    list("audit_non_hmac_request_keys", &mut settings.audit_request_keys)?;
    list("audit_non_hmac_response_keys", &mut settings.audit_response_keys)?;
    if let Some(word) = args.string("listing_visibility")? {
        settings.visibility = settings::visibility(&word)?;
    }
    if let Some(word) = args.string("token_type")? {
        if !mount.path.starts_with(AUTH) {
            let text = "'token_type' can only be modified on auth mounts";
            return Err(Reject::invalid(text));
        }
        if mount.path == Fixed::Token.path() {
            let text = "'token_type' cannot be set for 'token' or 'ns_token' auth mounts";
            return Err(Reject::invalid(text));
        }
        let token_type = TokenType::of(&word);
        settings.token_type =
            token_type.ok_or_else(|| Reject::invalid("invalid value for 'token_type'"))?;
    }
    list("passthrough_request_headers", &mut settings.request_headers)?;
    let headers = core::mem::take(&mut settings.request_headers);
    settings.request_headers = settings::request_headers(headers);
    list("allowed_response_headers", &mut settings.response_headers)
}

/// Options are merged; an empty one goes. The version of kv only rises, and, as no older secret could be
/// read in the new form yet, only while there is none. Gives the warnings.
fn tune_options(
    tx: &mut Tx<'_>,
    context: &Context<'_>,
    mount: &Mount,
    record: &mut Record,
) -> Result<Vec<String>, Halt> {
    let Some(options) = context.args.pairs("options")? else { return Ok(Vec::new()) };
    let mut warnings = Vec::new();
    let mut merged = record.options.clone().unwrap_or_default();
    for (name, value) in options {
        if name == "version" {
            let before = record.version().unwrap_or("0").to_owned();
            check_version(record, &before, &value)?;
            if value == "2" && before != "2" {
                if folder::first(tx, mount.owner, "")?.is_some() {
                    let text = "a mount that has secrets cannot be upgraded to version 2 yet";
                    return Err(Reject::invalid(text).into());
                }
                record.engine = Engine::Kv2;
                warnings.push(format!(
                    "Upgrading mount from version {before} to version 2. This mount will be \
                     unavailable for a brief period and will resume service shortly."
                ));
            }
        }
        if value.is_empty() && name != "version" {
            merged.remove(&name);
        } else if !value.is_empty() {
            merged.insert(name, value);
        }
    }
    record.options = Some(merged);
    Ok(warnings)
}

fn check_version(record: &Record, before: &str, version: &str) -> Result<(), Reject> {
    // The old name of kv is of before its versions.
    if record.word != "kv" || !matches!(version, "" | "1" | "2") {
        return Err(Reject::invalid(format!("invalid version provided: {version}")));
    }
    if before == "2" && version != "2" {
        return Err(Reject::invalid("cannot downgrade mount from version 2"));
    }
    Ok(())
}
