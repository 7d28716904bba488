//! `sys/policies/password`: policies for passwords that the server generates.
//!
//! A policy is kept as the document that was written, and read anew for each password.
//! <https://openbao.org/api-docs/system/policies-password/>

use alloc::borrow::Cow;
use alloc::format;
use alloc::string::String;

use http::StatusCode;

use super::document;
use crate::answer::Answer;
use crate::engine::entry;
use crate::field::{Field, FieldKind};
use crate::json;
use crate::password::Policy;
use crate::reject::{Corrupt, Reject};
use crate::route::{Access, Context, Method, Operation, Route};
use crate::store::codec::{Reader, Writer};
use crate::store::folder;
use crate::store::{Name, Owner, Space};
use crate::token::Authorized;
use crate::vault::{Halt, Tx};

const VERSION: u8 = 1;

/// Where the index of the namespace has the names.
const FOLDER: &str = "passwords/";

const NAME: Field = Field::path("name", "Name of the policy.");

pub(crate) const ROUTES: &[Route] = &[
    names("policies/password"),
    names("policies/password/"),
    Route {
        methods: &[Method::new(Operation::Read, Access::Acl, generate)],
        fields: &[NAME],
        synopsis: "Generates a password.",
        description: "Generates a password by the policy. It is not kept.",
        ..Route::system("policies/password/{name...}/generate")
    },
    Route {
        methods: &[
            Method::new(Operation::Read, Access::Acl, read),
            Method::new(Operation::Update, Access::Acl, write),
            Method::new(Operation::Delete, Access::Acl, delete),
            Method::new(Operation::List, Access::Acl, list_below),
        ],
        fields: &[
            NAME,
            Field::body(
                "policy",
                FieldKind::String,
                "The policy, in HCL or JSON, as it is or in base64.",
            ),
        ],
        synopsis: "Reads, writes and deletes a password policy.",
        description: "A policy says how long passwords are and of which characters: `length`, and \
                      rules such as `rule \"charset\" { charset = \"0123456789\" min-chars = 1 }`.",
        ..Route::system("policies/password/{name...}")
    },
];

const LIST: &[Method] = &[Method::new(Operation::List, Access::Acl, list)];

const fn names(pattern: &'static str) -> Route {
    Route {
        methods: LIST,
        synopsis: "Lists the password policies.",
        description: "A name that ends in a slash stands for policies whose names begin with it.",
        ..Route::system(pattern)
    }
}

fn list(tx: &mut Tx<'_>, context: &Context<'_>, _: &Authorized) -> Result<Answer, Halt> {
    entry::list(tx, owner(context), FOLDER)
}

fn list_below(tx: &mut Tx<'_>, context: &Context<'_>, _: &Authorized) -> Result<Answer, Halt> {
    entry::list(tx, owner(context), &indexed(&name(context)?))
}

fn read(tx: &mut Tx<'_>, context: &Context<'_>, _: &Authorized) -> Result<Answer, Halt> {
    let document = stored(tx, context)?;
    Ok(Answer::data(json::Object::new().string("policy", &document).finish()))
}

fn write(tx: &mut Tx<'_>, context: &Context<'_>, _: &Authorized) -> Result<Answer, Halt> {
    let (owner, name) = (owner(context), name(context)?);
    entry::check_length(&name)?;
    let sent = context.args.string("policy")?.unwrap_or_default();
    if sent.is_empty() {
        return Err(refuse("missing policy").into());
    }
    let document = document::decode(sent)
        .map_err(|error| refuse(format!("invalid password policy: unable to decode: {error}")))?;
    let policy = Policy::parse(&document).map_err(refuse)?;
    if policy.generate(tx.random()).is_none() {
        let text = "unable to construct test password from provided policy: are the rules \
                    impossible?";
        return Err(refuse(text).into());
    }
    folder::add(tx, owner, &indexed(&name))?;
    let record = Writer::new(VERSION).array(document.as_bytes()).finish();
    tx.put(&Name::new(Space::PasswordPolicy, owner, &name), &record);
    Ok(Answer::Nothing)
}

fn delete(tx: &mut Tx<'_>, context: &Context<'_>, _: &Authorized) -> Result<Answer, Halt> {
    let (owner, name) = (owner(context), name(context)?);
    // A name that ends in a slash is a folder's: it goes when its last policy does.
    if !name.ends_with('/') && folder::remove(tx, owner, &indexed(&name))? {
        tx.delete(&Name::new(Space::PasswordPolicy, owner, &name));
    }
    Ok(Answer::Nothing)
}

fn generate(tx: &mut Tx<'_>, context: &Context<'_>, _: &Authorized) -> Result<Answer, Halt> {
    let document = stored(tx, context)?;
    let policy = Policy::parse(&document).map_err(|_| Corrupt("a password policy that is none"))?;
    let password = policy.generate(tx.random()).ok_or(Reject::Trouble(
        "failed to generate password from policy: timed out generating string",
    ))?;
    Ok(Answer::data(json::Object::new().string("password", &password).finish()))
}

/// The document of the policy that the path names.
fn stored(tx: &mut Tx<'_>, context: &Context<'_>) -> Result<String, Halt> {
    let name = name(context)?;
    let record = tx.get(&Name::new(Space::PasswordPolicy, owner(context), &name))?;
    let absent = || Reject::coded(StatusCode::NOT_FOUND, "policy does not exist");
    let record = record.ok_or_else(absent)?;
    let document = Reader::new(&record, VERSION)?.rest();
    let document = str::from_utf8(document).map_err(|_| Corrupt("a text that is no UTF-8"))?;
    Ok(document.into())
}

/// Whose policies they are: the namespace's.
fn owner(context: &Context<'_>) -> Owner {
    context.namespace().id
}

fn name(context: &Context<'_>) -> Result<String, Reject> {
    Ok(context.args.string(NAME.name)?.unwrap_or_default())
}

/// The name as the index of the namespace has it.
fn indexed(name: &str) -> String {
    format!("{FOLDER}{name}")
}

fn refuse(text: impl Into<Cow<'static, str>>) -> Reject {
    Reject::coded(StatusCode::BAD_REQUEST, text)
}
