//! The metadata of a namespace as bodies have it.

use alloc::borrow::ToOwned;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;

use crate::field::type_word;
use crate::json::{Kind, Members, Value};
use crate::limit::NAMESPACE_METADATA_BYTES_MAX;
use crate::reject::Reject;
use crate::route::Context;

type Metadata = BTreeMap<String, String>;

/// All of it; none if the body has none.
pub(super) fn read(context: &Context<'_>) -> Result<Metadata, Reject> {
    let mut metadata = Metadata::new();
    for (name, value) in sent(context)?.flatten().into_iter().flatten() {
        let Kind::String(value) = value.kind() else {
            return Err(Reject::invalid("custom_metadata values must be strings"));
        };
        metadata.insert(name.to_owned(), value.to_owned());
    }
    check_size(&metadata)?;
    Ok(metadata)
}

/// Takes a merge patch in: `null` takes a value away, and all of them for the whole.
pub(super) fn patch(context: &Context<'_>, metadata: &mut Metadata) -> Result<(), Reject> {
    let Some(members) = sent(context)? else { return Ok(()) };
    let Some(members) = members else {
        metadata.clear();
        return Ok(());
    };
    for (name, value) in members {
        match value.kind() {
            Kind::Null => drop(metadata.remove(name)),
            Kind::String(value) => drop(metadata.insert(name.to_owned(), value.to_owned())),
            kind @ (Kind::Bool(_) | Kind::Number(_) | Kind::Array(_) | Kind::Object(_)) => {
                return Err(Reject::invalid(format!(
                    "metadata patch can only have string or null values, got {}",
                    type_word(kind)
                )));
            }
        }
    }
    check_size(metadata)
}

/// What the body has: nothing, `null`, or an object.
fn sent<'a>(context: &Context<'a>) -> Result<Option<Option<Members<'a>>>, Reject> {
    let field = super::METADATA.name;
    let kind = match context.args.value(field).map(Value::kind) {
        None => return Ok(None),
        Some(Kind::Null) => return Ok(Some(None)),
        Some(Kind::Object(members)) => return Ok(Some(Some(members))),
        Some(Kind::Bool(_)) => "bool",
        Some(Kind::Number(_) | Kind::String(_)) => "string",
        Some(Kind::Array(_)) => "slice",
    };
    Err(Reject::Field { field, cause: format!("'' expected a map, got '{kind}'") })
}

fn check_size(metadata: &Metadata) -> Result<(), Reject> {
    let bytes: usize = metadata.iter().map(|(name, value)| name.len() + value.len()).sum();
    if bytes > NAMESPACE_METADATA_BYTES_MAX {
        return Err(Reject::invalid(format!(
            "custom_metadata cannot have more than {NAMESPACE_METADATA_BYTES_MAX} bytes"
        )));
    }
    Ok(())
}
