//! The syntaxes of a configuration: HCL, version 1, and JSON.
//!
//! Which of them a file is in, its content says: one that begins with `{` is JSON. Errors say where and
//! what was expected, and repeat nothing of the file.

use strongroom_core::hcl::{self, Block};

/// A syntax.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Syntax {
    Hcl,
    Json,
}

impl Syntax {
    /// The syntax of a file, and its content.
    ///
    /// # Errors
    ///
    /// A text that says where and what is wrong.
    pub(super) fn read(bytes: &[u8]) -> Result<(Self, Block), String> {
        // Editors of some systems put a mark of the encoding first.
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let syntax = if hcl::is_json(bytes) { Self::Json } else { Self::Hcl };
        hcl::read_document(bytes).map(|block| (syntax, block))
    }

    /// A setting as a line of this syntax. The value is written as it stands in both.
    pub(super) fn line(self, key: &str, value: &str) -> String {
        match self {
            Self::Hcl => format!("{key} = {value}"),
            Self::Json => format!("\"{key}\": {value},"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_the_syntaxes_apart_by_the_content() {
        const CASES: [(&str, Result<Syntax, &str>); 7] = [
            ("{}", Ok(Syntax::Json)),
            (" \r\n\t{\"a\": 1}", Ok(Syntax::Json)),
            ("\u{feff}{\"a\": 1}", Ok(Syntax::Json)),
            ("", Ok(Syntax::Hcl)),
            ("\u{feff}a = 1", Ok(Syntax::Hcl)),
            ("# {\na {}", Ok(Syntax::Hcl)),
            ("\u{feff}\n=", Err("line 2, column 1: this is not HCL: expected a name")),
        ];
        for (text, want) in CASES {
            let got = Syntax::read(text.as_bytes()).map(|(syntax, _)| syntax);
            assert_eq!(
                got.as_ref().map_err(String::as_str),
                want.as_ref().map_err(|e| *e),
                "{text}"
            );
        }
    }
}
