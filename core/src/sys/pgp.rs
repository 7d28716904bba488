//! PGP keys, to which the reference encrypts shares and tokens. There is no PGP here: what cannot be a
//! key is told from what is one, and either is refused before anything is made.

use crate::encoding::from_base64;
use crate::seal::Sharing;

pub(super) const UNSUPPORTED: &str = "PGP keys are not supported";

/// Tells apart what cannot be a key at all. Packets of OpenPGP begin with the highest bit set
/// (RFC 9580, 4.2).
pub(super) fn check_key(text: &str) -> Result<(), &'static str> {
    let key = from_base64(text).ok_or("error decoding given PGP key: no base64")?;
    match key.first() {
        Some(0x80..) => Ok(()),
        Some(_) => {
            Err("error parsing given PGP key: openpgp: invalid data: tag byte does not have \
                        MSB set")
        }
        None => Err("error parsing given PGP key: EOF"),
    }
}

/// The same for the keys to which shares would be encrypted: there must be one for each.
pub(super) fn check_keys<S: AsRef<str>>(keys: &[S], sharing: Sharing) -> Result<(), &'static str> {
    if !keys.is_empty() && keys.len() != usize::from(sharing.shares()) {
        return Err("count mismatch between number of provided PGP keys and number of shares");
    }
    keys.iter().try_for_each(|key| check_key(key.as_ref()))
}
