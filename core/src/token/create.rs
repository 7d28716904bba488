//! `auth/token/create` and `auth/token/create-orphan`.
//!
//! <https://openbao.org/api-docs/auth/token/#create-token>

use core::time::Duration;

use alloc::borrow::ToOwned;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::authorize::{Authorized, Caller};
use super::record::{Ancestor, Token, name};
use crate::answer::{Answer, Envelope};
use crate::duration::short;
use crate::json;
use crate::limit::{
    POLICY_NAME_BYTES_MAX, TOKEN_DEPTH_MAX, TOKEN_POLICIES_MAX, TOKEN_RECORD_BYTES_MAX,
};
use crate::mount::Fixed;
use crate::namespace::Namespace;
use crate::policy;
use crate::quote::quoted;
use crate::reject::Reject;
use crate::route::Context;
use crate::store::Owner;
use crate::time::Time;
use crate::vault::{Halt, Tx};

pub(super) fn create(
    tx: &mut Tx<'_>,
    context: &Context<'_>,
    authorized: &Authorized,
) -> Result<Answer, Halt> {
    let no_parent = context.args.bool("no_parent")?.unwrap_or(false);
    if no_parent && !authorized.has_sudo() {
        let text = "root or sudo privileges required to create orphan token";
        return Err(Reject::invalid(text).into());
    }
    make(tx, context, authorized, no_parent, "auth/token/create")
}

pub(super) fn create_orphan(
    tx: &mut Tx<'_>,
    context: &Context<'_>,
    authorized: &Authorized,
) -> Result<Answer, Halt> {
    make(tx, context, authorized, true, "auth/token/create-orphan")
}

/// Bytes of a root token's text.
pub(crate) const ROOT_TOKEN_BYTES: usize = 2 + 24;

/// A root token as initialisation and a quorum of shares make it: it shows neither `renewable` nor an
/// issue time.
pub(crate) fn create_root(random: &mut crate::random::Generator, now: Time) -> (String, Token) {
    let text = format!("s.{}", random.base62(24));
    let token = Token {
        accessor: random.base62(24).into(),
        namespace: Owner::ROOT,
        policies: ["root".to_owned()].into(),
        path: "auth/token/root".to_owned(),
        display_name: "root".to_owned(),
        meta: None,
        creation_time: now,
        creation_ttl: 0,
        expire_time: None,
        explicit_max_ttl: 0,
        period: 0,
        num_uses: 0,
        renewable: None,
        ancestors: Vec::new(),
        spent_until: None,
        cubbyhole: Owner(random.array()),
    };
    (text, token)
}

/// What the body asks for, checked.
struct Wishes {
    id: Option<String>,
    policies: Vec<String>,
    meta: Option<BTreeMap<String, String>>,
    display_name: String,
    num_uses: i64,
    renewable: bool,
    ttl: i64,
    explicit_max_ttl: i64,
    period: i64,
}

fn make(
    tx: &mut Tx<'_>,
    context: &Context<'_>,
    authorized: &Authorized,
    orphan: bool,
    path: &str,
) -> Result<Answer, Halt> {
    let caller = authorized.caller()?;
    if caller.token.num_uses != 0 {
        return Err(Reject::invalid("restricted use token cannot generate child tokens").into());
    }
    let namespace = context.namespace();
    let wishes = read_wishes(context, authorized, caller)?;
    let mut warnings = Vec::new();
    let expiring_root = caller.token.is_root() && caller.token.expire_time.is_some();
    let is_root = wishes.policies == ["root"];
    let ttl = if is_root && wishes.ttl == 0 && wishes.period == 0 && wishes.explicit_max_ttl == 0 {
        if expiring_root {
            let text = "expiring root tokens cannot create non-expiring root tokens";
            return Err(Reject::invalid(text).into());
        }
        0
    } else {
        effective_ttl(&wishes, &Ttls::of(tx, namespace)?, &mut warnings)
    };
    let text = choose_text(tx, namespace, &wishes, &mut warnings)?;
    for policy in &wishes.policies {
        if !policy::exists(tx, namespace, policy)? {
            warnings.push(format!("Policy {} does not exist", quoted(policy)));
        }
    }
    let ancestors = if orphan { Vec::new() } else { line_of(tx, caller)? };
    let random = tx.random();
    let token = Token {
        accessor: namespace.mark(random.base62(24)).into(),
        cubbyhole: Owner(random.array()),
        namespace: namespace.id,
        policies: wishes.policies.into(),
        path: path.to_owned(),
        display_name: wishes.display_name,
        meta: wishes.meta,
        creation_time: tx.now,
        creation_ttl: ttl,
        expire_time: (ttl > 0).then(|| tx.now.after(seconds(ttl))),
        explicit_max_ttl: wishes.explicit_max_ttl,
        period: wishes.period,
        num_uses: wishes.num_uses,
        renewable: Some(wishes.renewable && ttl > 0),
        ancestors,
        spent_until: None,
    };
    if token.encode().len() > TOKEN_RECORD_BYTES_MAX {
        return Err(
            Reject::invalid("the display name and metadata of the token are too long").into()
        );
    }
    token.create(tx, &text)?;
    let auth = auth_object(&text, &token);
    let (auth, accessor) = (Some(auth.into()), Some(token.accessor.clone()));
    Ok(Answer::Envelope(Envelope { auth, accessor, warnings, ..Envelope::default() }))
}

fn read_wishes(
    context: &Context<'_>,
    authorized: &Authorized,
    caller: &Caller,
) -> Result<Wishes, Reject> {
    let args = &context.args;
    if args.string("entity_alias")?.is_some_and(|alias| !alias.is_empty()) {
        let text = "'entity_alias' is only allowed in combination with token role";
        return Err(Reject::invalid(text));
    }
    match args.string("type")?.as_deref() {
        None | Some("" | "service") => {}
        Some("batch") => return Err(Reject::invalid("batch tokens are not available")),
        Some(_) => return Err(Reject::invalid("invalid 'token_type' value")),
    }
    let positive = |name: &'static str, message: &'static str| match args.duration(name)? {
        Some(duration) if duration.is_negative() => Err(Reject::invalid(message)),
        Some(duration) => Ok(duration.seconds_up()),
        None => Ok(0),
    };
    let num_uses = args.int("num_uses")?.unwrap_or(0);
    if num_uses < 0 {
        return Err(Reject::invalid("number of uses cannot be negative"));
    }
    let explicit_max_ttl = positive("explicit_max_ttl", "explicit_max_ttl must be positive")?;
    let period = positive("period", "period must be positive")?;
    if period != 0 && !authorized.has_sudo() {
        let text = "root or sudo privileges required to create periodic token";
        return Err(Reject::invalid(text));
    }
    let id = args.string("id")?.filter(|id| !id.is_empty());
    if id.is_some() && !authorized.has_sudo() {
        let text = "root or sudo privileges required to specify token id";
        return Err(Reject::invalid(text));
    }
    let ttl = positive("ttl", "ttl must be positive")?;
    let lease = positive("lease", "lease must be positive")?;
    Ok(Wishes {
        id,
        policies: read_policies(context, authorized, caller)?,
        meta: args.pairs("meta")?,
        display_name: clean_display_name(&args.string("display_name")?.unwrap_or_default()),
        num_uses,
        renewable: args.bool("renewable")?.unwrap_or(true),
        ttl: if ttl == 0 { lease } else { ttl },
        explicit_max_ttl,
        period,
    })
}

/// In their normal form, sorted, each once; `root` stands alone. Without a wish they are the caller's.
/// Otherwise `default` is added unless it is not wanted; and who has no `sudo` gives no more than it has.
fn read_policies(
    context: &Context<'_>,
    authorized: &Authorized,
    caller: &Caller,
) -> Result<Vec<String>, Reject> {
    let without_default = context.args.bool("no_default_policy")?.unwrap_or(false);
    let wished = context.args.strings("policies")?.unwrap_or_default();
    let wished: Vec<String> = wished.iter().map(|name| policy::normal_name(name)).collect();
    let own: &[String] = &caller.token.policies;
    let inherits = wished.iter().all(String::is_empty);
    let is_home = caller.namespace.id == context.namespace().id;
    let mut policies = if inherits { own.to_vec() } else { wished };
    policies.retain(|policy| !policy.is_empty());
    if policies.iter().any(|policy| policy == policy::WRAPPING) {
        return Err(Reject::invalid("cannot assign policy \"response-wrapping\""));
    }
    // Policies of one namespace say nothing in another.
    let is_own = |policy: &String| is_home && own.contains(policy);
    let is_more = if inherits { !is_home } else { !policies.iter().all(is_own) };
    if is_more && !authorized.has_sudo() {
        return Err(Reject::invalid("child policies must be subset of parent"));
    }
    if policies.iter().any(|policy| policy == policy::ROOT) {
        if !caller.token.is_root() {
            let text = "root tokens may not be created without parent token being root";
            return Err(Reject::invalid(text));
        }
        if !is_home {
            let text = "root tokens may not be created from a parent namespace";
            return Err(Reject::invalid(text));
        }
        return Ok(alloc::vec![policy::ROOT.to_owned()]);
    }
    let has_default = own.iter().any(|policy| policy == policy::DEFAULT);
    if authorized.has_sudo() && !inherits || has_default && !authorized.has_sudo() {
        policies.push(policy::DEFAULT.to_owned());
    }
    if without_default {
        policies.retain(|policy| policy != policy::DEFAULT);
    }
    policies.sort();
    policies.dedup();
    let is_long = |policy: &String| policy.len() > POLICY_NAME_BYTES_MAX;
    if policies.len() > TOKEN_POLICIES_MAX || policies.iter().any(is_long) {
        return Err(Reject::invalid("too many policies, or one with too long a name"));
    }
    Ok(policies)
}

/// Seconds that tokens of a namespace last where nobody says, and at most.
struct Ttls {
    default: i64,
    max: i64,
}

impl Ttls {
    fn of(tx: &mut Tx<'_>, namespace: &Namespace) -> Result<Self, Halt> {
        let settings = &Fixed::Token.tuned(tx, namespace.id)?.record().settings.clone();
        let config = tx.config;
        let or = |own: i64, server: i64| if own == 0 { server } else { own };
        Ok(Self {
            default: or(settings.default_lease_ttl, config.default_lease_ttl),
            max: or(settings.max_lease_ttl, config.max_lease_ttl),
        })
    }
}

/// The TTL that the wishes come to, with a word for every cap.
fn effective_ttl(wishes: &Wishes, ttls: &Ttls, warnings: &mut Vec<String>) -> i64 {
    let max = match wishes.explicit_max_ttl {
        0 => ttls.max,
        explicit => explicit.min(ttls.max),
    };
    let (wanted, what, result) = if wishes.period > 0 {
        (wishes.period, "period", "period value")
    } else {
        (if wishes.ttl == 0 { ttls.default } else { wishes.ttl }, "TTL", "TTL value")
    };
    if wanted > max {
        warnings.push(format!(
            "{what} of {} exceeded the effective max_ttl of {}; {result} is capped accordingly",
            quoted(&short(wanted)),
            quoted(&short(max))
        ));
    }
    wanted.min(max)
}

fn choose_text(
    tx: &mut Tx<'_>,
    namespace: &Namespace,
    wishes: &Wishes,
    warnings: &mut Vec<String>,
) -> Result<String, Halt> {
    let Some(id) = &wishes.id else {
        return Ok(namespace.mark(format!("s.{}", tx.random().base62(24))));
    };
    if !namespace.is_root() {
        let text = "token IDs can only be manually specified in the root namespace";
        return Err(Reject::invalid(text).into());
    }
    for prefix in ["hvs.", "s."] {
        if id.starts_with(prefix) {
            let text = format!("custom token ID cannot have the '{prefix}' prefix");
            return Err(Reject::invalid(text).into());
        }
    }
    if id.contains('.') {
        return Err(Reject::invalid("custom token ID cannot have a '.' in the value").into());
    }
    if id.len() > crate::limit::TOKEN_BYTES_MAX {
        return Err(Reject::invalid("custom token ID is too long").into());
    }
    if let Some(before) = Token::read(tx, id)? {
        if Token::find(tx, id, None)?.is_some() {
            return Err(Reject::invalid("cannot create a token with a duplicate ID").into());
        }
        // One that is dead gives its text away.
        before.bury(tx, id);
    }
    warnings.push(
        "Supplying a custom ID for the token uses the weaker SHA1 hashing instead of the more \
         secure SHA2-256 HMAC for token obfuscation. SHA1 hashed tokens on the wire leads to less \
         secure lookups."
            .to_owned(),
    );
    Ok(id.clone())
}

/// The ancestors of a child of the caller.
fn line_of(tx: &Tx<'_>, caller: &Caller) -> Result<Vec<Ancestor>, Reject> {
    if caller.token.ancestors.len() >= TOKEN_DEPTH_MAX {
        return Err(Reject::invalid("too many generations of tokens"));
    }
    let parent = Ancestor { key: tx.key(&name(&caller.text))?, cubbyhole: caller.token.cubbyhole };
    let mut line = alloc::vec![parent];
    line.extend_from_slice(&caller.token.ancestors);
    Ok(line)
}

/// `token`, or `token-` and the name with every odd character as a dash.
fn clean_display_name(wished: &str) -> String {
    if wished.is_empty() {
        return "token".to_owned();
    }
    let clean: String = format!("token-{wished}")
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '-' })
        .collect();
    clean.strip_suffix('-').unwrap_or(&clean).to_owned()
}

fn auth_object(text: &str, token: &Token) -> String {
    let object = json::Object::new()
        .string("client_token", text)
        .string("accessor", &token.accessor)
        .strings("policies", token.policies.iter());
    let object = if token.policies.is_empty() {
        object
    } else {
        object.strings("token_policies", token.policies.iter())
    };
    object
        .raw("metadata", &meta_object(token.meta.as_ref()))
        .plain("lease_duration", token.creation_ttl)
        .plain("renewable", token.renewable.unwrap_or(false))
        .string("entity_id", "")
        .string("token_type", "service")
        .plain("orphan", token.ancestors.is_empty())
        .null("mfa_requirement")
        .plain("num_uses", token.num_uses)
        .finish()
}

/// `null`, or the object.
pub(super) fn meta_object(meta: Option<&BTreeMap<String, String>>) -> String {
    let Some(meta) = meta else { return "null".to_owned() };
    let object =
        meta.iter().fold(json::Object::new(), |object, (key, value)| object.string(key, value));
    object.finish()
}

fn seconds(count: i64) -> Duration {
    Duration::from_secs(count.unsigned_abs())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limit::TTL_SECONDS;

    #[test]
    fn cleans_display_names() {
        const CASES: [(&str, &str); 5] = [
            ("", "token"),
            ("robot", "token-robot"),
            ("foo_bar.baz!", "token-foo-bar-baz"),
            ("ci job/7!", "token-ci-job-7"),
            ("a!!", "token-a-"),
        ];
        for (wished, name) in CASES {
            assert_eq!(clean_display_name(wished), name, "{wished}");
        }
    }

    #[test]
    fn caps_ttls_with_a_word() {
        let day = 86_400;
        let ttls = Ttls { default: TTL_SECONDS, max: TTL_SECONDS };
        // ttl, explicit max, period; result, warnings
        let cases = [
            ((0, 0, 0), TTL_SECONDS, None),
            ((300, 0, 0), 300, None),
            (
                (3_600_000, 0, 0),
                TTL_SECONDS,
                Some(
                    "TTL of \"1000h\" exceeded the effective max_ttl of \"768h\"; TTL value is capped accordingly",
                ),
            ),
            (
                (0, 3600, 0),
                3600,
                Some(
                    "TTL of \"768h\" exceeded the effective max_ttl of \"1h\"; TTL value is capped accordingly",
                ),
            ),
            ((60, 3600, 0), 60, None),
            ((0, 0, 600), 600, None),
            (
                (60, 0, 100 * day),
                TTL_SECONDS,
                Some(
                    "period of \"2400h\" exceeded the effective max_ttl of \"768h\"; period value is capped accordingly",
                ),
            ),
        ];
        for ((ttl, explicit_max_ttl, period), result, warning) in cases {
            let wishes = Wishes {
                id: None,
                policies: Vec::new(),
                meta: None,
                display_name: String::new(),
                num_uses: 0,
                renewable: true,
                ttl,
                explicit_max_ttl,
                period,
            };
            let mut warnings = Vec::new();
            assert_eq!(effective_ttl(&wishes, &ttls, &mut warnings), result);
            assert_eq!(warnings.first().map(String::as_str), warning);
        }
    }
}
