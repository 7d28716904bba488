//! The documents of policies as they are sent: the text itself, or the text in base64.

use alloc::borrow::Cow;
use alloc::string::String;

use crate::encoding::from_base64;

/// The text of a document. Whatever can be read as standard base64 is taken for that; line ends in it
/// do not matter.
///
/// # Errors
///
/// What is wrong, if it is base64 of something that is no text.
pub(super) fn decode(sent: String) -> Result<String, &'static str> {
    let joined = if sent.contains(['\r', '\n']) {
        Cow::Owned(sent.replace(['\r', '\n'], ""))
    } else {
        Cow::Borrowed(sent.as_str())
    };
    match from_base64(&joined) {
        Some(bytes) => String::from_utf8(bytes).map_err(|_| "base64 of what is not text in UTF-8"),
        None => Ok(sent),
    }
}

#[cfg(test)]
mod tests {
    use alloc::borrow::ToOwned;

    use super::*;

    #[test]
    fn decodes_whatever_can_be_decoded() {
        const NO_TEXT: Result<&str, &str> = Err("base64 of what is not text in UTF-8");
        const CASES: [(&str, Result<&str, &str>); 10] = [
            ("length = 4", Ok("length = 4")),
            ("bGVuZ3RoID0gNA==", Ok("length = 4")),
            ("bGVuZ3Ro\r\nID0gNA==\n", Ok("length = 4")),
            ("bGVuZ3RoID0gNA", Ok("bGVuZ3RoID0gNA")),
            ("bGVuZ3Ro ID0gNA==", Ok("bGVuZ3Ro ID0gNA==")),
            ("a\nb", Ok("a\nb")),
            ("w6k=", Ok("\u{e9}")),
            ("6Q==", NO_TEXT),
            ("path", NO_TEXT),
            ("", Ok("")),
        ];
        for (sent, want) in CASES {
            let got = decode(sent.to_owned());
            assert_eq!(got.as_deref().map_err(|error| *error), want, "{sent}");
        }
    }
}
