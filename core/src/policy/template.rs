//! Templates in the paths of rules: `secret/{{identity.entity.name}}/*`.
//!
//! Invariants: a value never brings a slash or a wildcard into a path, unless the policy says that it
//! may; a path with a value that is missing is no path.

use alloc::borrow::Cow;
use alloc::string::{String, ToString};
use core::time::Duration;

use super::Options;
use crate::duration::parse_duration;
use crate::limit::POLICY_PATH_BYTES_MAX;
use crate::time::Time;

/// Whose token it is: an entity, its aliases, and the groups that it is in. What is not there is `None`.
pub(crate) trait Identity {
    /// A field of the entity.
    fn entity(&self, field: Field<'_>) -> Option<&str>;
    /// A field of the entity's alias in the mount with this accessor.
    fn alias(&self, accessor: &str, field: Field<'_>) -> Option<&str>;
    /// A field of a group, if the entity is in it.
    fn group(&self, group: Group<'_>, field: Field<'_>) -> Option<&str>;
}

/// What a template takes of an entity, an alias or a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Field<'f> {
    Id,
    Name,
    Metadata(&'f str),
    /// Only an alias has it.
    CustomMetadata(&'f str),
}

/// A group that a template names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Group<'g> {
    Id(&'g str),
    /// The name is looked for in the namespace of the policy alone: its path, empty or with a slash at
    /// its end.
    Name {
        name: &'g str,
        namespace: &'g str,
    },
}

/// Whether a path has templates in it.
///
/// # Errors
///
/// The text that the API answers for braces that do not match.
pub(super) fn has_templates(path: &str) -> Result<bool, &'static str> {
    const UNBALANCED: &str =
        "failed to validate policy templating: unbalanced templating characters";
    let mut pieces = path.split("{{");
    let is_closed = pieces.next().is_none_or(|text| !text.contains("}}"));
    let mut count = 0;
    let all_closed = pieces.inspect(|_| count += 1).all(|piece| piece.matches("}}").count() == 1);
    if is_closed && all_closed { Ok(count > 0) } else { Err(UNBALANCED) }
}

/// What paths are filled in from.
pub(super) struct Values<'v> {
    pub(super) now: Time,
    pub(super) identity: Option<&'v dyn Identity>,
    /// Path of the policy's namespace.
    pub(super) namespace: &'v str,
    pub(super) options: Options,
}

impl<'v> Values<'v> {
    /// The path that a template is, and when it will be another; `None` if a value is missing or may not
    /// stand in it, or the path is longer than any.
    pub(super) fn fill(&self, path: &str) -> Option<(String, Option<Time>)> {
        let (mut filled, mut until) = (String::new(), None);
        let mut pieces = path.split("{{");
        filled.push_str(pieces.next()?);
        for piece in pieces {
            let (name, text) = piece.split_once("}}")?;
            let (value, value_until) = self.value(name.trim())?;
            if value.is_empty() || !self.options.admit(&value) {
                return None;
            }
            until = earlier(until, value_until);
            filled.push_str(&value);
            filled.push_str(text);
            if filled.len() > POLICY_PATH_BYTES_MAX {
                return None;
            }
        }
        Some((filled, until))
    }

    /// What a name stands for, and how long.
    fn value(&self, name: &str) -> Option<(Cow<'v, str>, Option<Time>)> {
        if let Some(rest) = name.strip_prefix("time.now") {
            return self.time(rest).map(|(value, until)| (Cow::Owned(value), Some(until)));
        }
        let identity = self.identity?;
        let rest = name.strip_prefix("identity.")?;
        let value = if let Some(alias) = rest.strip_prefix("entity.aliases.") {
            let (accessor, field) = alias.split_once('.')?;
            let field = match field.strip_prefix("custom_metadata.") {
                Some(key) => Field::CustomMetadata(key),
                None => Field::parse(field)?,
            };
            identity.alias(accessor, field)?
        } else if let Some(field) = rest.strip_prefix("entity.") {
            identity.entity(Field::parse(field)?)?
        } else if let Some(group) = rest.strip_prefix("groups.ids.") {
            let (id, field) = group.split_once('.')?;
            identity.group(Group::Id(id), Field::parse(field)?)?
        } else {
            let (name, field) = rest.strip_prefix("groups.names.")?.split_once('.')?;
            let group = Group::Name { name, namespace: self.namespace };
            identity.group(group, Field::parse(field)?)?
        };
        Some((Cow::Borrowed(value), None))
    }

    /// Whole seconds of a time by what stands behind `time.now`, and when they will be others.
    fn time(&self, rest: &str) -> Option<(String, Time)> {
        let time = if rest.is_empty() {
            self.now
        } else if let Some(span) = rest.strip_prefix(".plus.") {
            self.now.after(parse_duration(span)?)
        } else {
            self.now.before(parse_duration(rest.strip_prefix(".minus.")?)?)
        };
        let second = Time::from_unix_nanos(time.unix_seconds().saturating_mul(NANOS));
        let left = Duration::from_secs(1).saturating_sub(time.since(second));
        Some((time.unix_seconds().to_string(), self.now.after(left)))
    }
}

impl<'f> Field<'f> {
    fn parse(text: &'f str) -> Option<Self> {
        match text {
            "id" => Some(Self::Id),
            "name" => Some(Self::Name),
            _ => text.strip_prefix("metadata.").map(Self::Metadata),
        }
    }
}

impl Options {
    /// Whether a value may stand in a path.
    fn admit(self, value: &str) -> bool {
        (self.allow_slashes || !value.contains('/'))
            && (self.allow_wildcards || !value.contains(['*', '+']))
    }
}

/// The earlier of two times that may not come.
pub(super) fn earlier(one: Option<Time>, other: Option<Time>) -> Option<Time> {
    one.into_iter().chain(other).min()
}

const NANOS: u64 = 1_000_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    /// Ann, in the group `ops` of the namespace `ns/`.
    struct Ann;

    impl Identity for Ann {
        fn entity(&self, field: Field<'_>) -> Option<&str> {
            match field {
                Field::Id => Some("ann-id"),
                Field::Name => Some("ann"),
                Field::Metadata("team") => Some("red"),
                Field::Metadata("a.b") => Some("dotted"),
                Field::Metadata("slash") => Some("a/b"),
                Field::Metadata("star") => Some("a*"),
                Field::Metadata("plus") => Some("+"),
                Field::Metadata("empty") => Some(""),
                Field::Metadata(_) | Field::CustomMetadata(_) => None,
            }
        }

        fn alias(&self, accessor: &str, field: Field<'_>) -> Option<&str> {
            match (accessor, field) {
                ("acc_1", Field::Name) => Some("ann@work"),
                ("acc_1", Field::CustomMetadata("k")) => Some("custom"),
                _ => None,
            }
        }

        fn group(&self, group: Group<'_>, field: Field<'_>) -> Option<&str> {
            match (group, field) {
                (Group::Id("g1") | Group::Name { name: "ops", namespace: "ns/" }, Field::Name) => {
                    Some("ops")
                }
                (Group::Id("g1"), Field::Metadata("k")) => Some("v"),
                _ => None,
            }
        }
    }

    const NOW: Time = Time::from_unix_nanos(1_000 * NANOS + 250_000_000);

    fn fill(path: &str, options: Options) -> Option<(String, Option<Time>)> {
        Values { now: NOW, identity: Some(&Ann), namespace: "ns/", options }.fill(path)
    }

    #[test]
    fn fills_paths_in() {
        const CASES: [(&str, Option<&str>); 30] = [
            ("a/{{identity.entity.id}}/*", Some("a/ann-id/*")),
            ("{{ identity.entity.name }}", Some("ann")),
            ("{{identity.entity.name}}{{identity.entity.id}}", Some("annann-id")),
            ("{{identity.entity.metadata.team}}", Some("red")),
            ("{{identity.entity.metadata.a.b}}", Some("dotted")),
            ("{{identity.entity.metadata.none}}", None),
            ("{{identity.entity.metadata.empty}}", None),
            ("{{identity.entity.metadata.slash}}", None),
            ("{{identity.entity.metadata.star}}", None),
            ("{{identity.entity.metadata.plus}}", None),
            ("{{identity.entity.custom_metadata.k}}", None),
            ("{{identity.entity.aliases.acc_1.name}}", Some("ann@work")),
            ("{{identity.entity.aliases.acc_1.custom_metadata.k}}", Some("custom")),
            ("{{identity.entity.aliases.acc_2.name}}", None),
            ("{{identity.entity.aliases.acc_1}}", None),
            ("{{identity.groups.ids.g1.name}}", Some("ops")),
            ("{{identity.groups.ids.g1.metadata.k}}", Some("v")),
            ("{{identity.groups.ids.g2.name}}", None),
            ("{{identity.groups.names.ops.name}}", Some("ops")),
            ("{{identity.groups.names.dev.name}}", None),
            ("{{identity.entity}}", None),
            ("{{identity.entity.nam}}", None),
            ("{{name}}", None),
            ("{{}}", None),
            ("a/{{time.now}}", Some("a/1000")),
            ("{{time.now.plus.1h}}", Some("4600")),
            ("{{time.now.minus.1.5s}}", Some("998")),
            ("{{time.now.plus.750ms}}", Some("1001")),
            ("{{time.now.plus.soon}}", None),
            ("{{time.nowhere}}", None),
        ];
        for (path, want) in CASES {
            let filled = fill(path, Options::default()).map(|(path, _)| path);
            assert_eq!(filled.as_deref(), want, "{path}");
        }
    }

    #[test]
    fn admits_slashes_and_wildcards_only_where_the_policy_says_so() {
        const SLASH: &str = "{{identity.entity.metadata.slash}}";
        const STAR: &str = "{{identity.entity.metadata.star}}";
        for (slashes, wildcards) in [(false, false), (true, false), (false, true), (true, true)] {
            let options = Options { allow_slashes: slashes, allow_wildcards: wildcards };
            assert_eq!(fill(SLASH, options).is_some(), slashes);
            assert_eq!(fill(STAR, options).is_some(), wildcards);
        }
    }

    #[test]
    fn knows_how_long_a_time_stands_in_a_path() {
        const CASES: [(&str, Option<u64>); 4] = [
            ("{{identity.entity.id}}", None),
            ("{{time.now}}", Some(1_001 * NANOS)),
            ("{{time.now.plus.1h}}{{identity.entity.id}}", Some(1_001 * NANOS)),
            ("{{time.now}}{{time.now.plus.500ms}}", Some(1_000 * NANOS + 500_000_000)),
        ];
        for (path, want) in CASES {
            let until = fill(path, Options::default()).and_then(|(_, until)| until);
            assert_eq!(until, want.map(Time::from_unix_nanos), "{path}");
        }
    }

    #[test]
    fn needs_an_identity_for_all_but_the_time() {
        let options = Options::default();
        let values = Values { now: NOW, identity: None, namespace: "", options };
        assert!(values.fill("{{identity.entity.id}}").is_none());
        assert!(values.fill("{{time.now}}").is_some());
    }

    #[test]
    fn knows_which_paths_are_templates() {
        const CASES: [(&str, Option<bool>); 11] = [
            ("", Some(false)),
            ("a/b", Some(false)),
            ("a{b}c", Some(false)),
            ("{{a}}", Some(true)),
            ("{{a}}/{{b}}", Some(true)),
            ("{{a", None),
            ("a}}", None),
            ("{{a}}}}", None),
            ("{{{{a}}", None),
            ("}}{{a}}", None),
            ("{{a}}/{{", None),
        ];
        for (path, want) in CASES {
            assert_eq!(has_templates(path).ok(), want, "{path}");
        }
    }
}
