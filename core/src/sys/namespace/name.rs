//! Names of namespaces: one segment, that the API has not for itself.

use alloc::format;
use alloc::string::String;

use crate::limit::NAMESPACE_NAME_BYTES_MAX;
use crate::namespace;
use crate::quote::quoted;
use crate::reject::Reject;
use crate::route::Context;

/// The name that the path of a request has, with its slash.
pub(super) fn of(context: &Context<'_>) -> Result<String, Reject> {
    read(context.args.capture(super::NAME.name).unwrap_or(""))
}

/// A name, or a path of several, as rules name it: slashes around it do not matter.
pub(super) fn normal(text: &str) -> String {
    text.trim_matches('/').into()
}

/// A name as a path has it.
fn read(text: &str) -> Result<String, Reject> {
    let name = normal(text);
    if name.is_empty() {
        return Err(Reject::invalid("namespace name cannot be empty"));
    }
    if name.contains('/') {
        return Err(Reject::invalid("namespace name cannot contain /"));
    }
    let folder = format!("{name}/");
    if namespace::is_reserved(&name) {
        return Err(Reject::invalid(format!(
            "{} is a reserved path and cannot be used as a namespace name",
            quoted(&folder)
        )));
    }
    Ok(folder)
}

/// What only a new name must be. A path, and so a name in it, has printable characters alone.
pub(super) fn check_new(folder: &str) -> Result<(), Reject> {
    let name = folder.strip_suffix('/').unwrap_or(folder);
    let refuse = |what: &str, which: &str| {
        Reject::invalid(format!(
            "{} contains {what} characters that cannot be used in a namespace name{which}",
            quoted(name)
        ))
    };
    if name.contains(' ') {
        return Err(refuse("space", ""));
    }
    if let Some(wildcard) = name.chars().find(|c| matches!(c, '+' | '*')) {
        return Err(refuse("wildcard", &format!(": '{wildcard}'")));
    }
    if name.len() > NAMESPACE_NAME_BYTES_MAX {
        let text = format!("namespace name cannot have more than {NAMESPACE_NAME_BYTES_MAX} bytes");
        return Err(Reject::invalid(text));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    #[test]
    fn takes_one_segment_that_is_not_the_apis_own() {
        let reserved = |name: &str| {
            Err(format!("\"{name}/\" is a reserved path and cannot be used as a namespace name"))
        };
        let long = "n".repeat(NAMESPACE_NAME_BYTES_MAX);
        let cases = [
            ("a", Ok("a/")),
            ("a/", Ok("a/")),
            ("/a", Ok("a/")),
            ("Straße-1.x_y", Ok("Straße-1.x_y/")),
            ("roots", Ok("roots/")),
            (&long, Ok(&*format!("{long}/"))),
            ("", Err("namespace name cannot be empty".to_string())),
            ("/", Err("namespace name cannot be empty".to_string())),
            ("a/b", Err("namespace name cannot contain /".to_string())),
            ("a//b", Err("namespace name cannot contain /".to_string())),
            ("root", reserved("root")),
            ("sys/", reserved("sys")),
            ("audit", reserved("audit")),
            ("auth", reserved("auth")),
            ("cubbyhole", reserved("cubbyhole")),
            ("identity", reserved("identity")),
            (".", reserved(".")),
            ("..", reserved("..")),
        ];
        for (text, want) in cases {
            let want = want.map(ToString::to_string).map_err(Reject::invalid);
            assert_eq!(read(text), want, "{text}");
        }
    }

    #[test]
    fn refuses_characters_in_new_names() {
        let long = format!("{}/", "n".repeat(NAMESPACE_NAME_BYTES_MAX + 1));
        let cases = [
            ("a/", None),
            ("Straße-1.x_y/", None),
            (
                "a b/",
                Some("\"a b\" contains space characters that cannot be used in a namespace name"),
            ),
            (
                "a+b/",
                Some(
                    "\"a+b\" contains wildcard characters that cannot be used in a namespace name: '+'",
                ),
            ),
            (
                "*/",
                Some(
                    "\"*\" contains wildcard characters that cannot be used in a namespace name: '*'",
                ),
            ),
            (long.as_str(), Some("namespace name cannot have more than 128 bytes")),
        ];
        for (name, want) in cases {
            let want = want.map_or(Ok(()), |text| Err(Reject::invalid(text)));
            assert_eq!(check_new(name), want, "{name}");
        }
    }
}
