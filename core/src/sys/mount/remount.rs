//! Moving a mount to another path, in another namespace too.
//!
//! A move is one transaction: the row goes and another comes, and what the mount holds stays where it is.
//! What became of the last moves is kept for those who ask.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::{change, show};
use crate::answer::{Answer, Envelope};
use crate::json::Object;
use crate::limit::MOVES_KEPT;
use crate::mount::{self, AUTH, Fixed, Kind};
use crate::namespace::Place;
use crate::quote::quoted;
use crate::reject::Reject;
use crate::route::Context;
use crate::store::codec::{Reader, Writer};
use crate::store::{Name, Owner, Space};
use crate::token::Authorized;
use crate::vault::{Halt, Tx};

const VERSION: u8 = 1;

/// A move that was made.
struct Move {
    id: String,
    /// The namespace that asked.
    namespace: Owner,
    from: String,
    to: String,
}

pub(super) fn remount(
    tx: &mut Tx<'_>,
    context: &Context<'_>,
    _: &Authorized,
) -> Result<Answer, Halt> {
    let from = read_path(context, "from")?;
    let to = read_path(context, "to")?;
    let (Some(from), Some(to)) = (from, to) else {
        let text = "both 'from' and 'to' path must be specified as a string";
        return Err(Reject::invalid(text).into());
    };
    check_space("from", &from)?;
    check_space("to", &to)?;
    let (from, to) = (mount::as_folder(&from), mount::as_folder(&to));
    let above = &context.namespace().path;
    let source = Place::resolve_owned(tx, [above, &*from].concat())?;
    let target = Place::resolve_owned(tx, [above, &*to].concat())?;
    source.check_lock()?;
    target.check_lock()?;
    // The name of a namespace alone is no path in it.
    change::check_path(target.path()).map_err(|_| {
        let to = quoted(&to);
        Reject::invalid(format!("invalid destination mount path {to}: it is no path of a mount"))
    })?;
    check_sides(source.path(), target.path())?;
    let found = show::find(tx, &source)?.filter(|found| found.path == source.path());
    let found = found.ok_or_else(|| {
        Reject::invalid(format!("no matching mount at {}", quoted(source.path())))
    })?;
    // A mount does not give way to itself.
    if let Some((path, row)) = mount::find_row(tx, &target)?
        && row.id() == found.owner
    {
        return Err(Reject::invalid(format!("path already in use at {}", quoted(&path))).into());
    }
    if let Some(obstacle) = mount::make_way(tx, &target.namespace, target.path())? {
        let path = match obstacle.kind {
            Kind::Mount => obstacle.path,
            Kind::Namespace => target.path().to_owned(),
        };
        return Err(Reject::invalid(format!("path already in use at {}", quoted(&path))).into());
    }
    mount::displace(tx, source.namespace.id, source.path())?;
    mount::place(tx, target.namespace.id, target.path(), found.owner)?;
    let id = tx.random().uuid();
    let namespace = context.namespace().id;
    keep(tx, Move { id: id.clone(), namespace, from: from.into_owned(), to: to.into_owned() })?;
    let warnings = alloc::vec![
        "The mount was moved. The state of the move can be asked for by its migration_id.".into()
    ];
    let data = Object::new().string("migration_id", &id).finish().into();
    Ok(Answer::Envelope(Envelope { data: Some(data), warnings, ..Envelope::default() }))
}

/// A path of the body, without the slash that some clients begin it with.
fn read_path(context: &Context<'_>, name: &'static str) -> Result<Option<String>, Reject> {
    let path = context.args.string(name)?.unwrap_or_default();
    let path = path.strip_prefix('/').unwrap_or(&path);
    Ok((!path.is_empty()).then(|| path.to_owned()))
}

fn check_space(name: &str, path: &str) -> Result<(), Reject> {
    if path.trim() == path {
        return Ok(());
    }
    Err(Reject::invalid(format!("'{name}' path cannot contain trailing whitespace")))
}

/// Auth methods stay auth methods, and what is the server's own stays where it is.
fn check_sides(from: &str, to: &str) -> Result<(), Reject> {
    if from.starts_with(AUTH) {
        if !to.starts_with(AUTH) {
            let text = format!("cannot remount auth mount to non-auth mount {}", quoted(to));
            return Err(Reject::invalid(text));
        }
        if from == Fixed::Token.path() {
            return Err(Reject::invalid(format!("cannot remount {}", quoted(from))));
        }
        if to.starts_with(Fixed::Token.path()) || to == AUTH {
            let text = format!("cannot remount to destination {}", quoted(to));
            return Err(Reject::invalid(text));
        }
        return Ok(());
    }
    if change::is_protected(to) {
        return Err(Reject::invalid(format!("cannot remount to destination {to}")));
    }
    if change::is_protected(from) {
        return Err(Reject::invalid(format!("cannot remount {}", quoted(from))));
    }
    Ok(())
}

pub(super) fn status(
    tx: &mut Tx<'_>,
    context: &Context<'_>,
    _: &Authorized,
) -> Result<Answer, Halt> {
    let id = context.args.capture("migration_id").unwrap_or("");
    let namespace = context.namespace().id;
    let moves = kept(tx)?;
    let found = moves.iter().find(|made| made.id == id && made.namespace == namespace);
    let Some(found) = found else { return Ok(Answer::Nothing) };
    let info = Object::new()
        .string("source_mount", &found.from)
        .string("status", "success")
        .string("target_mount", &found.to)
        .finish();
    let data = Object::new().string("migration_id", id).raw("migration_info", &info);
    Ok(Answer::data(data.finish()))
}

/// Stages a move as the last of those that are kept.
fn keep(tx: &mut Tx<'_>, made: Move) -> Result<(), Halt> {
    let mut moves = kept(tx)?;
    moves.push(made);
    let first = moves.len().saturating_sub(MOVES_KEPT);
    let payload = Writer::new(VERSION).list(moves.iter().skip(first), |writer, made| {
        writer.str(&made.id).array(&made.namespace.0).str(&made.from).str(&made.to)
    });
    tx.put(&name(), &payload.finish());
    Ok(())
}

fn kept(tx: &mut Tx<'_>) -> Result<Vec<Move>, Halt> {
    let Some(payload) = tx.get(&name())? else { return Ok(Vec::new()) };
    let mut reader = Reader::new(&payload, VERSION)?;
    let moves = reader.list(|reader| {
        Ok(Move {
            id: reader.string()?,
            namespace: Owner(reader.array()?),
            from: reader.string()?,
            to: reader.string()?,
        })
    })?;
    reader.finish()?;
    Ok(moves)
}

fn name() -> Name<'static> {
    Name::new(Space::Setting, Owner::ROOT, "remount")
}
