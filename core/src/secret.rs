//! Bytes and texts that must not leak: wiped when dropped, never printed.

use alloc::string::String;
use alloc::vec::Vec;
use core::mem;
use core::ops::{Deref, DerefMut};

use zeroize::optimization_barrier;

/// Secret bytes. There is no `Debug`, `Display`, `Clone` or `PartialEq`; read them by
/// [`Secret::expose`], and say why at the call if it is not plain.
#[allow(missing_debug_implementations, reason = "secrets are not printed")]
pub struct Secret(Wiped<Vec<u8>>);

impl Secret {
    /// Takes the bytes over.
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(Wiped::new(bytes))
    }

    /// The bytes.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

/// A buffer that may hold secrets: all of its capacity is wiped when it is dropped. What it leaves
/// behind when it grows is not.
///
/// It does what [`zeroize::Zeroizing`] does, which takes a byte at a time: a request has many buffers
/// that are much larger than a key.
#[allow(missing_debug_implementations, reason = "secrets are not printed")]
#[derive(Clone, Default)]
pub struct Wiped<B: Buffer>(B);

impl<B: Buffer> Wiped<B> {
    /// Takes a buffer over.
    pub fn new(buffer: B) -> Self {
        Self(buffer)
    }
}

impl<B: Buffer> From<B> for Wiped<B> {
    fn from(buffer: B) -> Self {
        Self(buffer)
    }
}

impl<B: Buffer> Deref for Wiped<B> {
    type Target = B;

    fn deref(&self) -> &B {
        &self.0
    }
}

impl<B: Buffer> DerefMut for Wiped<B> {
    fn deref_mut(&mut self) -> &mut B {
        &mut self.0
    }
}

impl AsRef<str> for Wiped<String> {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl<B: Buffer> Drop for Wiped<B> {
    fn drop(&mut self) {
        wipe(&mut mem::take(&mut self.0).into_bytes());
    }
}

/// Fills all that a buffer has set aside with zeros.
fn wipe(bytes: &mut Vec<u8>) {
    bytes.clear();
    bytes.resize(bytes.capacity(), 0);
    // Without it the compiler may leave out writes to what is freed next.
    optimization_barrier(bytes.as_slice());
}

/// What [`Wiped`] can hold: bytes and texts.
pub trait Buffer: Default {
    /// All bytes of it, in the same place.
    fn into_bytes(self) -> Vec<u8>;
}

impl Buffer for Vec<u8> {
    fn into_bytes(self) -> Vec<u8> {
        self
    }
}

impl Buffer for String {
    fn into_bytes(self) -> Vec<u8> {
        self.into_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wipes_what_was_cut_off_too() {
        let mut bytes = Vec::with_capacity(100);
        bytes.extend_from_slice(&[7; 90]);
        bytes.truncate(10);
        let (place, capacity) = (bytes.as_ptr(), bytes.capacity());
        wipe(&mut bytes);
        assert_eq!((bytes.as_ptr(), bytes.capacity()), (place, capacity), "it has not moved");
        assert_eq!(bytes, alloc::vec![0; capacity]);
    }

    #[test]
    fn wipes_a_text_where_it_is() {
        let text = String::from("secret");
        let place = text.as_ptr();
        let bytes = Buffer::into_bytes(text);
        assert_eq!(bytes.as_ptr(), place);
    }
}
