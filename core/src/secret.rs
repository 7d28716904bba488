//! Bytes that must not leak: wiped when dropped, never printed, compared in constant time.

use alloc::string::String;
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

    /// Whether the bytes are `other`, in a time that depends on the lengths only.
    pub fn is(&self, other: &[u8]) -> bool {
        let mut difference = u8::from(self.0.len() != other.len());
        for (at, byte) in self.0.iter().enumerate() {
            difference |= byte ^ other.get(at).copied().unwrap_or(!byte);
        }
        core::hint::black_box(difference) == 0
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self::new(text.as_bytes().to_vec())
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self::new(text.into_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compares_by_value() {
        const CASES: [(&str, &str, bool); 5] = [
            ("", "", true),
            ("a", "a", true),
            ("a", "b", false),
            ("a", "ab", false),
            ("ab", "a", false),
        ];
        for (left, right, equal) in CASES {
            assert_eq!(Secret::from(left).is(right.as_bytes()), equal, "{left} {right}");
        }
    }
}
