//! Bytes that must not leak: wiped when dropped, never printed.

use alloc::vec::Vec;

use zeroize::Zeroizing;

/// Secret bytes. There is no `Debug`, `Display`, `Clone` or `PartialEq`; read them by
/// [`Secret::expose`], and say why at the call if it is not plain.
#[allow(missing_debug_implementations, reason = "secrets are not printed")]
pub struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    /// Takes the bytes over.
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// The bytes.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}
