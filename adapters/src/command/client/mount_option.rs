//! Settings of mounts: which flag is which member of a request.

use strongroom_core::json::Object;
use zeroize::Zeroizing;

use super::{Invocation, Stop};
use crate::flag::Described;

/// What a flag's value becomes.
#[derive(Clone, Copy)]
enum Kind {
    Duration,
    /// Comma lists, and repeated flags.
    List,
    Switch,
    Text,
}

/// Flags that both commands have.
macro_rules! with_settings {
    ($($own:expr),* $(,)?) => {
        &[
            $($own,)*
            Described::valued("default-lease-ttl", "TTL", "How long leases live if nobody says."),
            Described::valued("max-lease-ttl", "TTL", "How long they live at most."),
            Described::valued("description", "TEXT", "What it is for."),
            Described::valued("options", "NAME=VALUE", "One of its options; may be repeated."),
            Described::valued("version", "N", "Its version, such as 2 for KV."),
            Described::valued("plugin-version", "VERSION", "The version of its plugin."),
            Described::valued("listing-visibility", "WHERE", "Who sees it: unauth or hidden."),
            Described::valued("token-type", "TYPE", "Which tokens a method gives."),
            Described::valued("passthrough-request-headers", "NAMES", "Fields that it may see."),
            Described::valued("allowed-response-headers", "NAMES", "Fields that it may set."),
            Described::valued("audit-non-hmac-request-keys", "NAMES", "Members that audit shows."),
            Described::valued("audit-non-hmac-response-keys", "NAMES", "The same of answers."),
        ]
    };
}

/// Flags of `enable`.
pub(super) const ENABLE_FLAGS: &[Described] = with_settings![
    Described::valued("path", "PATH", "Where it stands; its type without it."),
    Described::switch("local", "Not replicated."),
    Described::switch("seal-wrap", "Sealed once more, where the seal can."),
    Described::switch("external-entropy-access", "May use another source of random numbers."),
    Described::switch("force-no-cache", "Reads the storage each time."),
];

/// Flags of `tune`.
pub(super) const TUNE_FLAGS: &[Described] = with_settings![];

/// Flags and the members of the settings.
const SETTINGS: [(&str, &str, Kind); 10] = [
    ("default-lease-ttl", "default_lease_ttl", Kind::Duration),
    ("max-lease-ttl", "max_lease_ttl", Kind::Duration),
    ("force-no-cache", "force_no_cache", Kind::Switch),
    ("listing-visibility", "listing_visibility", Kind::Text),
    ("token-type", "token_type", Kind::Text),
    ("plugin-version", "plugin_version", Kind::Text),
    ("passthrough-request-headers", "passthrough_request_headers", Kind::List),
    ("allowed-response-headers", "allowed_response_headers", Kind::List),
    ("audit-non-hmac-request-keys", "audit_non_hmac_request_keys", Kind::List),
    ("audit-non-hmac-response-keys", "audit_non_hmac_response_keys", Kind::List),
];

/// The request that enables a mount of this type.
pub(super) fn enable_body(
    invocation: &Invocation<'_>,
    kind: &str,
) -> Result<Zeroizing<String>, Stop> {
    let mut wish = Object::new().string("type", kind);
    wish = wish.string("description", invocation.value("description").unwrap_or(""));
    for (flag, member) in [
        ("local", "local"),
        ("seal-wrap", "seal_wrap"),
        ("external-entropy-access", "external_entropy_access"),
    ] {
        wish = wish.plain(member, invocation.flags.is_on(flag));
    }
    if let Some(options) = options(invocation)? {
        wish = wish.raw("options", &options);
    }
    let config = settings(invocation, Object::new())?;
    Ok(Zeroizing::new(wish.raw("config", &config.finish()).finish()))
}

/// The request that changes a mount.
pub(super) fn tune_body(invocation: &Invocation<'_>) -> Result<Zeroizing<String>, Stop> {
    let mut wish = Object::new();
    if let Some(text) = invocation.flags.value("description") {
        wish = wish.string("description", text);
    }
    if let Some(options) = options(invocation)? {
        wish = wish.raw("options", &options);
    }
    Ok(Zeroizing::new(settings(invocation, wish)?.finish()))
}

fn options(invocation: &Invocation<'_>) -> Result<Option<String>, Stop> {
    let mut options = invocation.pairs("options")?;
    if let Some(version) = invocation.number("version")? {
        let version = version.to_string();
        options.retain(|(name, _)| *name != "version");
        let named = options.iter().fold(Object::new(), |object, (n, v)| object.string(n, v));
        return Ok(Some(named.string("version", &version).finish()));
    }
    let named = options.iter().fold(Object::new(), |object, (n, v)| object.string(n, v));
    Ok((!options.is_empty()).then(|| named.finish()))
}

fn settings(invocation: &Invocation<'_>, mut object: Object) -> Result<Object, Stop> {
    for (flag, member, kind) in SETTINGS {
        object = match kind {
            Kind::Duration => match invocation.duration(flag)? {
                Some(ttl) => object.string(member, ttl),
                None => object,
            },
            Kind::Switch => match invocation.flags.switch(flag) {
                Some(on) => object.plain(member, on),
                None => object,
            },
            Kind::Text => match invocation.value(flag) {
                Some(text) => object.string(member, text),
                None => object,
            },
            Kind::List => {
                let all: Vec<_> =
                    invocation.flags.values(flag).flat_map(|one| one.split(',')).collect();
                if all.is_empty() { object } else { object.strings(member, all) }
            }
        };
    }
    Ok(object)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::client::format::Format;
    use crate::command::program::Program;
    use crate::flag::{Flag, Parsed};

    fn body(line: &str, make: fn(&Invocation<'_>) -> Result<Zeroizing<String>, Stop>) -> String {
        let program = Program { name: "bao", product: "OpenBao" };
        let known: Vec<Flag> = ENABLE_FLAGS.iter().map(|row| row.flag).collect();
        let words = line.split_whitespace().map(str::to_owned);
        let flags = Parsed::parse(&known, words).ok().unwrap();
        let invocation = Invocation { program: &program, flags, format: Format::Table };
        make(&invocation).ok().unwrap().to_string()
    }

    #[test]
    fn flags_become_members() {
        let enable = |invocation: &Invocation<'_>| enable_body(invocation, "kv");
        let head = r#"{"type":"kv","description":"","local":false,"seal_wrap":false,"external_entropy_access":false"#;
        let cases = [
            ("", r#","config":{}}"#),
            ("-version=2", r#","options":{"version":"2"},"config":{}}"#),
            (
                "-options=a=b -options=version=1 -version 2",
                r#","options":{"a":"b","version":"2"},"config":{}}"#,
            ),
            (
                "-max-lease-ttl=1h -default-lease-ttl=-1 -force-no-cache -allowed-response-headers=a,b",
                r#","config":{"default_lease_ttl":"system","max_lease_ttl":"1h","force_no_cache":true,"allowed_response_headers":["a","b"]}}"#,
            ),
        ];
        for (line, rest) in cases {
            assert_eq!(body(line, enable), format!("{head}{rest}"), "{line}");
        }
        assert_eq!(body("-description=", tune_body), r#"{"description":""}"#);
        assert_eq!(body("", tune_body), "{}");
    }

    #[test]
    fn every_setting_has_a_flag() {
        for (flag, ..) in SETTINGS {
            assert!(ENABLE_FLAGS.iter().any(|row| row.flag.name == flag), "{flag}");
        }
    }
}
