//! Hex and base64, as the API shows keys and random bytes: without tables, so in constant time.

use alloc::string::String;
use alloc::vec::Vec;

use base64ct::Encoding;

/// Lower-case hex.
pub fn hex(bytes: &[u8]) -> String {
    base16ct::lower::encode_string(bytes)
}

/// Hex in either case; `None` if it is none.
pub fn from_hex(text: &str) -> Option<Vec<u8>> {
    base16ct::mixed::decode_vec(text).ok()
}

/// 16 bytes in the form 8-4-4-4-12.
pub fn uuid(bytes: &[u8; 16]) -> String {
    let mut digits = [0; 32];
    let digits = base16ct::lower::encode_str(bytes, &mut digits).unwrap_or("");
    let mut text = String::with_capacity(36);
    for part in [0..8, 8..12, 12..16, 16..20, 20..32] {
        if part.start > 0 {
            text.push('-');
        }
        text.push_str(digits.get(part).unwrap_or(""));
    }
    text
}

/// Standard base64 with padding.
pub fn base64(bytes: &[u8]) -> String {
    base64ct::Base64::encode_string(bytes)
}

/// Standard base64 with its padding; `None` if it is none.
pub fn from_base64(text: &str) -> Option<Vec<u8>> {
    base64ct::Base64::decode_vec(text).ok()
}

/// Standard base64 without padding.
pub fn base64_unpadded(bytes: &[u8]) -> String {
    base64ct::Base64Unpadded::encode_string(bytes)
}

/// Standard base64 without padding; `None` if it is none.
pub fn from_base64_unpadded(text: &str) -> Option<Vec<u8>> {
    base64ct::Base64Unpadded::decode_vec(text).ok()
}
