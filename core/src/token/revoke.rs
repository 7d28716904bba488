//! `auth/token/revoke` and `auth/token/revoke-self`.
//!
//! <https://openbao.org/api-docs/auth/token/#revoke-a-token>

use super::authorize::Authorized;
use super::record::Token;
use crate::answer::Answer;
use crate::reject::Reject;
use crate::route::Context;
use crate::vault::{Halt, Tx};

pub(super) fn revoke(
    tx: &mut Tx<'_>,
    context: &Context<'_>,
    _: &Authorized,
) -> Result<Answer, Halt> {
    let text = context.args.string("token")?.filter(|text| !text.is_empty());
    let text = text.ok_or_else(|| Reject::invalid("missing token ID"))?;
    if let Some(token) = Token::read(tx, &text)? {
        token.bury(tx, &text);
    }
    Ok(Answer::Nothing)
}

pub(super) fn revoke_self(
    tx: &mut Tx<'_>,
    _: &Context<'_>,
    authorized: &Authorized,
) -> Result<Answer, Halt> {
    let caller = authorized.caller()?;
    caller.token.bury(tx, &caller.text);
    Ok(Answer::Nothing)
}
