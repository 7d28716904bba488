//! Mounting and unmounting.

use alloc::format;
use alloc::string::String;

use super::list::Side;
use super::{show, wish};
use crate::answer::Answer;
use crate::limit::{MOUNT_PATH_BYTES_MAX, MOUNT_SEGMENTS_MAX};
use crate::mount::{self, AUTH, Engine, Fixed, Kind, Row};
use crate::namespace::Place;
use crate::path::is_printable;
use crate::quote::quoted;
use crate::reject::Reject;
use crate::route::Context;
use crate::token::Authorized;
use crate::vault::{Halt, Tx};

/// What no path of a secrets engine begins with.
const PROTECTED: [&str; 5] = ["audit/", "auth/", "cubbyhole/", "identity/", "sys/"];

/// Whether a path belongs to the server itself.
pub(super) fn is_protected(path: &str) -> bool {
    PROTECTED.iter().any(|prefix| path.starts_with(prefix))
}

pub(super) fn enable_secrets(
    tx: &mut Tx<'_>,
    context: &Context<'_>,
    _: &Authorized,
) -> Result<Answer, Halt> {
    let path = show::folder(context)?;
    let wish = wish::read(context, tx.config, Side::Secrets)?;
    check_path(&path)?;
    if is_protected(&path) {
        return Err(Reject::invalid(format!("cannot mount {}", quoted(&path))).into());
    }
    let is_built_in =
        |engine: &Engine| !engine.is_mountable() && engine.word(context.namespace()) == wish.word;
    if Engine::ALL.iter().any(is_built_in) {
        let text = format!("mount type of {} is not mountable", quoted(&wish.word));
        return Err(Reject::invalid(text).into());
    }
    if let Some(obstacle) = mount::make_way(tx, context.namespace(), &path)? {
        return Err(Reject::invalid(match obstacle.kind {
            Kind::Mount => format!("path is already in use at {}", obstacle.path),
            Kind::Namespace => format!("existing mount at {}", obstacle.path),
        })
        .into());
    }
    let record = wish.record(Side::Secrets)?;
    mount::create(tx, context.namespace().id, &path, &record)?;
    Ok(Answer::Nothing)
}

pub(super) fn enable_auth(
    tx: &mut Tx<'_>,
    context: &Context<'_>,
    _: &Authorized,
) -> Result<Answer, Halt> {
    let path = show::folder(context)?;
    let wish = wish::read(context, tx.config, Side::Auth)?;
    check_path(&path)?;
    if path == "/" {
        return Err(Reject::invalid("backend path must be specified").into());
    }
    if matches!(wish.word.as_str(), "token" | "ns_token") {
        let text = "token credential backend cannot be instantiated";
        return Err(Reject::invalid(text).into());
    }
    let full = [AUTH, &path].concat();
    let in_use = |path: &str| Reject::invalid(format!("path is already in use at {path}"));
    if full.starts_with(Fixed::Token.path()) {
        return Err(in_use("token/").into());
    }
    if let Some(obstacle) = mount::make_way(tx, context.namespace(), &full)? {
        return Err(in_use(obstacle.path.get(AUTH.len()..).unwrap_or("")).into());
    }
    let record = wish.record(Side::Auth)?;
    mount::create(tx, context.namespace().id, &full, &record)?;
    Ok(Answer::Nothing)
}

pub(super) fn disable_secrets(
    tx: &mut Tx<'_>,
    context: &Context<'_>,
    _: &Authorized,
) -> Result<Answer, Halt> {
    let path = show::folder(context)?;
    if is_protected(&path) {
        return Err(Reject::invalid(format!("cannot unmount {}", quoted(&path))).into());
    }
    disable(tx, context, path.into_owned())
}

pub(super) fn disable_auth(
    tx: &mut Tx<'_>,
    context: &Context<'_>,
    _: &Authorized,
) -> Result<Answer, Halt> {
    let full = [AUTH, &show::folder(context)?].concat();
    if full == Fixed::Token.path() {
        let text = "token credential backend cannot be disabled";
        return Err(Reject::invalid(text).into());
    }
    disable(tx, context, full)
}

/// Takes away the mount with exactly this path, if there is one.
fn disable(tx: &mut Tx<'_>, context: &Context<'_>, path: String) -> Result<Answer, Halt> {
    let namespace = context.namespace();
    // Its record is not looked at: one that cannot be read goes as well.
    let row = mount::find_row(tx, &Place::within(namespace.clone(), &path))?;
    if let Some((prefix, Row::Mount { owner, .. })) = row
        && prefix == path
    {
        mount::drop_mount(tx, namespace.id, &path, owner)?;
    }
    Ok(Answer::Nothing)
}

/// Refuses a path that is not in its shortest form, or that cannot be looked up.
pub(super) fn check_path(path: &str) -> Result<(), Reject> {
    let inner = path.strip_suffix('/').unwrap_or(path);
    let clean: alloc::vec::Vec<&str> =
        inner.split('/').filter(|segment| !matches!(*segment, "" | "." | "..")).collect();
    let clean = clean.join("/");
    if inner != clean || inner.is_empty() {
        return Err(Reject::invalid(format!(
            "path '{path}' does not match cleaned path '{clean}/'"
        )));
    }
    if !is_printable(path) {
        return Err(Reject::invalid("path cannot contain non-printable characters"));
    }
    let segments = path.bytes().filter(|byte| *byte == b'/').count();
    if path.len() > MOUNT_PATH_BYTES_MAX || segments > MOUNT_SEGMENTS_MAX {
        return Err(Reject::invalid("the path of the mount is too long"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_paths_that_are_not_in_their_shortest_form() {
        let deep = "a/".repeat(MOUNT_SEGMENTS_MAX + 1);
        let cases = [
            ("a/", true),
            ("a/b/c/", true),
            ("a//b/", false),
            ("a/../b/", false),
            ("./a/", false),
            ("/", false),
            ("", false),
            ("/a/", false),
            ("a\u{7f}/", false),
            (deep.get(2..).unwrap(), true),
            (deep.as_str(), false),
        ];
        for (path, fits) in cases {
            assert_eq!(check_path(path).is_ok(), fits, "{path}");
        }
    }
}
