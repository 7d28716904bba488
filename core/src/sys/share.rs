//! Key shares as clients send them and get them.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::encoding::{base64, from_base64, from_hex, hex};
use crate::json;
use crate::limit::{SHARE_BYTES_MAX, SHARE_BYTES_MIN};
use crate::reject::Reject;
use crate::seal::{CombineError, Share, Unsealed};
use crate::secret::Wiped;

/// What the API says of a complete attempt whose shares do not give the unseal key.
pub(super) const WRONG_KEY: &str = "invalid key: failed to decrypt keys from storage: cipher: message \
                                    authentication failed";

/// A share: hex if that gives a length that a share has, else base64.
pub(super) fn read(text: &str) -> Result<Share, Reject> {
    from_hex(text)
        .map(Share::new)
        .filter(|share| check_length(share).is_ok())
        .or_else(|| from_base64(text).map(Share::new))
        .ok_or_else(|| Reject::invalid("'key' must be a valid hex or base64 string"))
}

/// Whether it can be a share by its length.
pub(super) fn check_length(share: &Share) -> Result<(), &'static str> {
    match share.expose().len() {
        ..SHARE_BYTES_MIN => Err("key is shorter than minimum 16 bytes"),
        SHARE_BYTES_MIN..=SHARE_BYTES_MAX => Ok(()),
        _ => Err("key is longer than maximum 33 bytes"),
    }
}

/// The same, with the words that most endpoints put before it.
pub(super) fn check_key_length(share: &Share) -> Result<(), Reject> {
    check_length(share).map_err(|why| Reject::invalid(format!("invalid key: {why}")))
}

/// Whether the shares of a complete attempt give the unseal key. If not, the text begins with `refused`.
pub(super) fn agree(
    unsealed: &Unsealed,
    key: Result<Wiped<Vec<u8>>, CombineError>,
    refused: &str,
) -> Result<(), String> {
    match key {
        Ok(key) if unsealed.is_unseal_key(&key) => Ok(()),
        Ok(_) => Err(format!("{refused}: {WRONG_KEY}")),
        Err(error) => Err(format!("failed to compute root key: {error}")),
    }
}

/// The shares in both encodings, as members of an answer.
pub(super) fn write(object: json::Object, shares: &[Share]) -> json::Object {
    let shown = |show: fn(&[u8]) -> String| {
        shares.iter().map(move |share| Wiped::new(show(share.expose())))
    };
    object.strings("keys", shown(hex)).strings("keys_base64", shown(base64))
}
