//! What somebody wants mounted: the parameters of a new mount, checked in the API's order.

use alloc::borrow::ToOwned;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;

use super::list::Side;
use super::settings::{self, Member};
use crate::duration;
use crate::limit::MOUNT_BYTES_MAX;
use crate::mount::{Engine, Record, Role, Settings, TokenType};
use crate::quote::quoted;
use crate::reject::Reject;
use crate::route::Context;
use crate::vault::Config;

/// The record of a new mount.
pub(super) fn read(context: &Context<'_>, config: &Config, side: Side) -> Result<Wish, Reject> {
    let args = &context.args;
    let settings = read_settings(context, config)?;
    let mut word = args.string("type")?.unwrap_or_default();
    if word == "plugin" {
        word = match args.string("plugin_name")?.unwrap_or_default() {
            name if !name.is_empty() => name,
            _ => member_text(context, "plugin_name")?,
        };
        if word.is_empty() {
            return Err(Reject::invalid("plugin_name must be provided for plugin backend"));
        }
    }
    if word.is_empty() {
        return Err(Reject::invalid("backend type must be specified as a string"));
    }
    let mut options = args.pairs("options")?.unwrap_or_default();
    check_version(&mut word, &mut options, side)?;
    Ok(Wish {
        word,
        options,
        settings: read_token_type(context, settings, side)?,
        description: args.string("description")?.unwrap_or_default(),
        local: args.bool("local")?.unwrap_or(false),
        seal_wrap: args.bool("seal_wrap")?.unwrap_or(false),
        external_entropy_access: args.bool("external_entropy_access")?.unwrap_or(false),
    })
}

/// See the module. Whether there is such an engine is looked at last.
pub(super) struct Wish {
    pub(super) word: String,
    options: BTreeMap<String, String>,
    settings: Settings,
    description: String,
    local: bool,
    seal_wrap: bool,
    external_entropy_access: bool,
}

impl Wish {
    /// The record, if there is such an engine for this side.
    pub(super) fn record(self, side: Side) -> Result<Record, Reject> {
        let version = self.options.get("version").map(String::as_str);
        let role = match side {
            Side::Secrets => Role::Secrets,
            Side::Auth => Role::Auth,
        };
        let engine = Engine::of(&self.word, version);
        if engine.is_none() && Engine::of(&self.word, None).is_some() {
            let text = format!("nil backend of type {} returned from factory", quoted(&self.word));
            return Err(Reject::invalid(text));
        }
        let engine = engine.filter(|engine| engine.role() == role).ok_or_else(|| {
            Reject::invalid(format!("plugin not found in the catalog: {}", self.word))
        })?;
        let record = Record {
            description: self.description,
            local: self.local,
            seal_wrap: self.seal_wrap,
            external_entropy_access: self.external_entropy_access,
            settings: self.settings,
            ..Record::new(engine, &self.word, self.options)
        };
        check_size(&record)?;
        Ok(record)
    }
}

/// A record is read for every request to its mount.
pub(super) fn check_size(record: &Record) -> Result<(), Reject> {
    let payload = record.encode();
    if payload.len() > MOUNT_BYTES_MAX {
        return Err(Reject::invalid("the settings of the mount are too long"));
    }
    // What could not be read again would take the mount out of reach.
    Record::read(&payload)
        .map(drop)
        .map_err(|_| Reject::invalid("these settings do not go together for a mount of this type"))
}

/// Names of versions of kv are types of their own; no other engine has versions.
fn check_version(
    word: &mut String,
    options: &mut BTreeMap<String, String>,
    side: Side,
) -> Result<(), Reject> {
    if side == Side::Auth {
        if options.get("version").is_some_and(|version| !version.is_empty()) {
            let text = format!("auth method {} does not allow setting a version", quoted(word));
            return Err(Reject::invalid(text));
        }
        return Ok(());
    }
    let version = match word.as_str() {
        "kv-v1" => "1",
        "kv-v2" => "2",
        "kv" => return Ok(()),
        _ if options.get("version").is_some_and(|version| !version.is_empty()) => {
            let text = format!("secrets engine {} does not allow setting a version", quoted(word));
            return Err(Reject::invalid(text));
        }
        _ => return Ok(()),
    };
    options.insert("version".to_owned(), version.to_owned());
    "kv".clone_into(word);
    Ok(())
}

/// The member `config` of the body.
fn read_settings(context: &Context<'_>, config: &Config) -> Result<Settings, Reject> {
    let member = |name| settings::member(context, "config", name, UNCONVERTIBLE);
    let ttl = |name: &'static str, what: &str| {
        let text = match member(name)? {
            Member::Absent => return Ok(0),
            Member::Text(text) => text,
            Member::Flag(_) | Member::Texts(_) => return Err(Reject::invalid(UNCONVERTIBLE)),
        };
        if matches!(text.as_str(), "" | "system") {
            return Ok(0);
        }
        let parsed = duration::parse(&text).map_err(|why| {
            Reject::invalid(format!("unable to parse {what} TTL of {text}: {why}"))
        })?;
        if parsed.is_negative() {
            return Err(Reject::invalid("a TTL cannot be negative"));
        }
        Ok(parsed.seconds())
    };
    let default_lease_ttl = ttl("default_lease_ttl", "default")?;
    let max_lease_ttl = ttl("max_lease_ttl", "max")?;
    if max_lease_ttl != 0 && default_lease_ttl > max_lease_ttl {
        let text = "given default lease TTL greater than given max lease TTL";
        return Err(Reject::invalid(text));
    }
    if max_lease_ttl == 0 && default_lease_ttl > config.max_lease_ttl {
        let text = format!(
            "given default lease TTL greater than system max lease TTL of {}",
            config.max_lease_ttl
        );
        return Err(Reject::invalid(text));
    }
    let text = |name: &'static str| member_text(context, name);
    let list = |name: &'static str| match member(name)? {
        Member::Absent => Ok(alloc::vec::Vec::new()),
        Member::Text(text) => Ok(settings::split(&text)),
        Member::Texts(texts) => Ok(texts),
        Member::Flag(_) => Err(Reject::invalid(UNCONVERTIBLE)),
    };
    let force_no_cache = match member("force_no_cache")? {
        Member::Absent => false,
        Member::Flag(flag) => flag,
        Member::Text(_) | Member::Texts(_) => return Err(Reject::invalid(UNCONVERTIBLE)),
    };
    let plugin_version = text("plugin_version")?;
    settings::check_plugin_version(&plugin_version)?;
    Ok(Settings {
        default_lease_ttl,
        max_lease_ttl,
        force_no_cache,
        plugin_version,
        visibility: settings::visibility(&text("listing_visibility")?)?,
        audit_request_keys: list("audit_non_hmac_request_keys")?,
        audit_response_keys: list("audit_non_hmac_response_keys")?,
        request_headers: settings::request_headers(list("passthrough_request_headers")?),
        response_headers: list("allowed_response_headers")?,
        ..Settings::default()
    })
}

/// The type of tokens; secrets engines give none, and what they say of it is not looked at.
fn read_token_type(
    context: &Context<'_>,
    settings: Settings,
    side: Side,
) -> Result<Settings, Reject> {
    if side == Side::Secrets {
        return Ok(settings);
    }
    let word = member_text(context, "token_type")?;
    let token_type = TokenType::of(&word);
    let token_type = token_type.ok_or_else(|| Reject::invalid("invalid value for 'token_type'"))?;
    Ok(Settings { token_type, ..settings })
}

fn member_text(context: &Context<'_>, name: &'static str) -> Result<String, Reject> {
    match settings::member(context, "config", name, UNCONVERTIBLE)? {
        Member::Absent => Ok(String::new()),
        Member::Text(text) => Ok(text),
        Member::Flag(_) | Member::Texts(_) => Err(Reject::invalid(UNCONVERTIBLE)),
    }
}

const UNCONVERTIBLE: &str = "unable to convert given mount config information";
