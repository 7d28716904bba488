//! What the answers of this operation look like, in either dialect.

use http::StatusCode;

use super::dialect::Dialect;
use crate::answer::Answer;
use crate::json::Object;
use crate::seal::{Attempt, Rekey, Share, Sharing, Verification};
use crate::sys::share;

/// How far it is; `required` is how many of the shares in force it takes.
pub(super) fn status(dialect: Dialect, rekey: Option<&Rekey>, required: u8) -> Answer {
    let sharing = rekey.map(|rekey| rekey.sharing);
    let (shares, threshold) =
        (sharing.map_or(0, Sharing::shares), sharing.map_or(0, Sharing::threshold));
    let attempt = rekey.map(|rekey| &rekey.attempt);
    let (nonce, progress) =
        (attempt.map_or("", Attempt::nonce), attempt.map_or(0, Attempt::progress));
    let must_verify = rekey.is_some_and(|rekey| rekey.must_verify);
    let verification = rekey.and_then(|rekey| rekey.verification.as_ref());
    let verification_nonce = verification.map_or("", |verification| verification.attempt.nonce());
    match dialect {
        Dialect::Rotate => {
            let data = Object::new().plain("n", shares);
            let data = match rekey {
                None => data.plain("required", required).plain("started", false),
                Some(_) => data
                    .string("nonce", nonce)
                    .plain("progress", progress)
                    .plain("required", required)
                    .plain("started", true),
            };
            let data = data.plain("t", threshold);
            Answer::data(match rekey {
                None => data.finish(),
                Some(_) => data
                    .string("verification_nonce", verification_nonce)
                    .plain("verification_required", must_verify)
                    .finish(),
            })
        }
        Dialect::Rekey => {
            let body = Object::new()
                .string("nonce", nonce)
                .plain("started", rekey.is_some())
                .plain("t", threshold)
                .plain("n", shares)
                .plain("progress", progress)
                .plain("required", required)
                .null("pgp_fingerprints")
                .plain("backup", false)
                .plain("verification_required", must_verify);
            bare(with_verification_nonce(body, verification_nonce))
        }
    }
}

/// The new shares. They are in force, or else to be verified under the nonce.
pub(super) fn new_shares(
    dialect: Dialect,
    nonce: &str,
    shares: &[Share],
    verification: Option<&Verification>,
) -> Answer {
    let must_verify = verification.is_some();
    let verification_nonce = verification.map_or("", |verification| verification.attempt.nonce());
    match dialect {
        Dialect::Rotate => {
            let data = Object::new().plain("backup", false).plain("complete", true);
            let data = share::write(data, shares)
                .string("nonce", nonce)
                .null("pgp_fingerprints")
                .string("verification_nonce", verification_nonce)
                .plain("verification_required", must_verify);
            Answer::data(data.finish())
        }
        Dialect::Rekey => {
            let body = Object::new().string("nonce", nonce).plain("complete", true);
            let body = share::write(body, shares)
                .null("pgp_fingerprints")
                .plain("backup", false)
                .plain("verification_required", must_verify);
            bare(with_verification_nonce(body, verification_nonce))
        }
    }
}

/// How far the verification is, or that there is none yet.
pub(super) fn verification_status(
    dialect: Dialect,
    sharing: Sharing,
    verification: Option<&Verification>,
) -> Answer {
    let attempt = verification.map(|verification| &verification.attempt);
    let (nonce, progress) =
        (attempt.map_or("", Attempt::nonce), attempt.map_or(0, Attempt::progress));
    let object = Object::new();
    match dialect {
        Dialect::Rotate => Answer::data(
            object
                .plain("n", sharing.shares())
                .string("nonce", nonce)
                .plain("progress", progress)
                .plain("started", attempt.is_some())
                .plain("t", sharing.threshold())
                .finish(),
        ),
        Dialect::Rekey => bare(
            object
                .string("nonce", nonce)
                .plain("started", attempt.is_some())
                .plain("t", sharing.threshold())
                .plain("n", sharing.shares())
                .plain("progress", progress),
        ),
    }
}

/// The new shares are verified, and in force.
pub(super) fn verified(dialect: Dialect, nonce: &str) -> Answer {
    match dialect {
        Dialect::Rotate => {
            Answer::data(Object::new().plain("complete", true).string("nonce", nonce).finish())
        }
        Dialect::Rekey => bare(Object::new().string("nonce", nonce).plain("complete", true)),
    }
}

fn with_verification_nonce(body: Object, nonce: &str) -> Object {
    if nonce.is_empty() { body } else { body.string("verification_nonce", nonce) }
}

fn bare(body: Object) -> Answer {
    Answer::Bare(StatusCode::OK, body.finish() + "\n")
}
