//! The steps of the operation: it begins, takes old shares until they are a quorum, gives new ones, and
//! takes those until they are verified, if that was asked for.
//!
//! Invariant: the new shares come into force in the one step that ends the operation, together with the
//! records that they open. Until then nothing of the operation is stored, and the old shares are good.

use alloc::format;

use zeroize::Zeroizing;

use super::dialect::Dialect;
use super::{Wishes, show};
use crate::answer::Answer;
use crate::reject::Reject;
use crate::seal::{Attempt, Rekey, SealChange, Share, Sharing, Taken, Unsealed, Verification};
use crate::sys::keyring::{replace, unsealed};
use crate::sys::{pgp, share};
use crate::vault::{Halt, Tx};

pub(super) fn begin(tx: &mut Tx<'_>, dialect: Dialect, wishes: &Wishes) -> Result<Answer, Halt> {
    let unsealed = unsealed(tx)?;
    let sharing = check(dialect, wishes)?;
    if unsealed.operations.rekey.is_some() {
        return Err(Reject::invalid(dialect.words().already_running).into());
    }
    let rekey = Rekey::begin(tx.random().uuid(), sharing, wishes.must_verify);
    Ok(go_on(tx, dialect, unsealed, rekey))
}

/// How the new key is to be shared.
fn check(dialect: Dialect, wishes: &Wishes) -> Result<Sharing, Reject> {
    let keys = wishes.pgp_keys.as_slice();
    if dialect == Dialect::Rekey {
        if wishes.backup && keys.is_empty() {
            let text = "cannot request a backup of the new keys without providing PGP keys for \
                        encryption";
            return Err(Reject::invalid(text));
        }
        if !keys.is_empty() && i64::try_from(keys.len()) != Ok(wishes.shares) {
            return Err(Reject::invalid("incorrect number of PGP keys for rekey"));
        }
    }
    let invalid = |why: &str| Reject::invalid(format!("{}: {why}", dialect.words().invalid));
    let sharing = Sharing::new(wishes.shares, wishes.threshold).map_err(invalid)?;
    pgp::check_keys(keys, sharing).map_err(invalid)?;
    if keys.is_empty() { Ok(sharing) } else { Err(invalid(pgp::UNSUPPORTED)) }
}

pub(super) fn cancel(tx: &mut Tx<'_>) -> Result<Answer, Halt> {
    unsealed(tx)?;
    tx.change_seal(SealChange::Rekey(None));
    Ok(Answer::Nothing)
}

pub(super) fn update(
    tx: &mut Tx<'_>,
    dialect: Dialect,
    share: Share,
    nonce: &str,
) -> Result<Answer, Halt> {
    let (unsealed, words) = (unsealed(tx)?, dialect.words());
    let rekey = unsealed.operations.rekey.as_ref();
    let rekey = rekey.ok_or_else(|| Reject::invalid(words.not_running))?;
    if let Some(verification) = &rekey.verification {
        let text = format!(
            "{}; verification must be performed; nonce for the verification operation is \"{}\"",
            words.finished,
            verification.attempt.nonce()
        );
        return Err(Reject::invalid(text).into());
    }
    check_nonce(nonce, &rekey.attempt, words.wrong_nonce)?;
    let key = match rekey.attempt.take(share, unsealed.stored.sharing) {
        Taken::Known => return Err(Reject::invalid(words.known_share).into()),
        Taken::Partial(attempt) => return Ok(go_on(tx, dialect, unsealed, rekey.with(attempt))),
        Taken::Complete(key) => key,
    };
    if let Err(why) = share::agree(unsealed, key, words.wrong_shares) {
        tx.change_seal(SealChange::Rekey(Some(rekey.with(rekey.attempt.emptied()))));
        return Ok(Answer::Refused(why.into()));
    }
    let key = Zeroizing::new(tx.random().array());
    let shares = rekey.sharing.split(&key, tx.random());
    if rekey.must_verify {
        let verification = Verification::begin(tx.random().uuid(), key);
        let answer = show::new_shares(dialect, nonce, &shares, Some(&verification));
        tx.change_seal(SealChange::Rekey(Some(rekey.verifying(verification))));
        return Ok(answer);
    }
    let changed = unsealed.with_new_shares(rekey.sharing, key, tx.random());
    replace(tx, changed);
    Ok(show::new_shares(dialect, nonce, &shares, None))
}

pub(super) fn read_verification(tx: &Tx<'_>, dialect: Dialect) -> Result<Answer, Halt> {
    let rekey = unsealed(tx)?.operations.rekey.as_ref();
    let rekey = rekey.ok_or_else(|| Reject::invalid(dialect.words().nothing_to_show))?;
    Ok(show::verification_status(dialect, rekey.sharing, rekey.verification.as_ref()))
}

pub(super) fn verify(
    tx: &mut Tx<'_>,
    dialect: Dialect,
    share: Share,
    nonce: &str,
) -> Result<Answer, Halt> {
    let (unsealed, words) = (unsealed(tx)?, dialect.words());
    let rekey = unsealed.operations.rekey.as_ref();
    let rekey = rekey.ok_or_else(|| Reject::invalid(words.nothing_to_verify))?;
    let verification = rekey.verification.as_ref();
    let verification = verification.ok_or_else(|| Reject::invalid(words.no_verification))?;
    let wrong_nonce = "incorrect nonce supplied; nonce for this verify operation is";
    check_nonce(nonce, &verification.attempt, wrong_nonce)?;
    let why = match verification.attempt.take(share, rekey.sharing) {
        Taken::Known => {
            let text = "given key has already been provided during this verify operation";
            return Err(Reject::invalid(text).into());
        }
        Taken::Partial(attempt) => {
            let verification = verification.with(attempt);
            let answer = show::verification_status(dialect, rekey.sharing, Some(&verification));
            tx.change_seal(SealChange::Rekey(Some(rekey.verifying(verification))));
            return Ok(answer);
        }
        Taken::Complete(Ok(key)) if verification.is_of(&key) => {
            let (key, random) = (verification.key(), tx.random());
            let changed = unsealed.with_new_shares(rekey.sharing, key, random);
            replace(tx, changed);
            return Ok(show::verified(dialect, nonce));
        }
        Taken::Complete(Ok(_)) => words.wrong_new_shares.into(),
        Taken::Complete(Err(error)) => {
            format!("failed to compute key for verification: {error}").into()
        }
    };
    let anew = verification.with(Attempt::begin(tx.random().uuid()));
    tx.change_seal(SealChange::Rekey(Some(rekey.verifying(anew))));
    Ok(Answer::Refused(why))
}

/// Forgets the new shares that were given to verify them; the verification goes on under a new nonce.
pub(super) fn restart_verification(tx: &mut Tx<'_>, dialect: Dialect) -> Result<Answer, Halt> {
    let rekey = unsealed(tx)?.operations.rekey.as_ref();
    let rekey = rekey.ok_or_else(|| Reject::invalid(dialect.words().nothing_to_show))?;
    let Some(verification) = &rekey.verification else {
        return read_verification(tx, dialect);
    };
    let anew = verification.with(Attempt::begin(tx.random().uuid()));
    let answer = show::verification_status(dialect, rekey.sharing, Some(&anew));
    tx.change_seal(SealChange::Rekey(Some(rekey.verifying(anew))));
    Ok(answer)
}

/// The operation goes on as this.
fn go_on(tx: &mut Tx<'_>, dialect: Dialect, unsealed: &Unsealed, rekey: Rekey) -> Answer {
    let answer = show::status(dialect, Some(&rekey), unsealed.stored.sharing.threshold());
    tx.change_seal(SealChange::Rekey(Some(rekey)));
    answer
}

/// A nonce is no secret: it keeps shares from an operation that they were not meant for.
fn check_nonce(nonce: &str, attempt: &Attempt, wrong: &str) -> Result<(), Reject> {
    if nonce == attempt.nonce() {
        return Ok(());
    }
    Err(Reject::invalid(format!("{wrong} \"{}\"", attempt.nonce())))
}
