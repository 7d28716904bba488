//! `sys/tools/hash`: the hash of some bytes.
//!
//! <https://openbao.org/api-docs/system/tools/#hash-data>

use alloc::format;
use alloc::vec::Vec;

use sha2::digest::Digest;

use crate::answer::Answer;
use crate::encoding::{base64, from_base64, hex};
use crate::field::{Field, FieldKind};
use crate::json::Object;
use crate::quote::quoted;
use crate::reject::Reject;
use crate::route::{Access, Context, Method, Operation, Route};
use crate::secret::Wiped;
use crate::token::Authorized;
use crate::vault::{Halt, Tx};

const INPUT: Field = Field::body("input", FieldKind::String, "The bytes, in base64.");
const FORMAT: Field = Field::body("format", FieldKind::String, "`hex` or `base64`.");

const METHODS: &[Method] = &[Method::new(Operation::Update, Access::Acl, hash)];

pub(crate) const ROUTES: &[Route] = &[
    Route {
        fields: &[
            INPUT,
            FORMAT,
            Field::body("algorithm", FieldKind::String, "`sha2-256` without it."),
        ],
        ..hash_route("tools/hash")
    },
    Route {
        fields: &[INPUT, FORMAT, Field::path("urlalgorithm", "Goes before `algorithm`.")],
        ..hash_route("tools/hash/{urlalgorithm}")
    },
];

const fn hash_route(pattern: &'static str) -> Route {
    Route {
        methods: METHODS,
        synopsis: "Gives the hash of some bytes.",
        description: "The algorithms are sha2 and sha3 of 224, 256, 384 and 512 bits.",
        ..Route::system(pattern)
    }
}

fn hash(_: &mut Tx<'_>, context: &Context<'_>, _: &Authorized) -> Result<Answer, Halt> {
    let args = &context.args;
    let input = Wiped::new(args.string("input")?.unwrap_or_default());
    let input = from_base64(&input).map(Wiped::new).ok_or_else(|| {
        Reject::invalid("unable to decode input as base64: it is no standard base64")
    })?;
    let algorithm = match args.capture("urlalgorithm") {
        Some(algorithm) => algorithm.into(),
        None => args.string("algorithm")?.unwrap_or_default(),
    };
    let sum = sum(&algorithm, &input)
        .ok_or_else(|| Reject::invalid(format!("unsupported algorithm {algorithm}")))?;
    let sum = match args.string("format")?.as_deref() {
        None | Some("" | "hex") => hex(&sum),
        Some("base64") => base64(&sum),
        Some(other) => {
            let text = format!(
                "unsupported encoding format {}; must be \"hex\" or \"base64\"",
                quoted(other)
            );
            return Err(Reject::invalid(text).into());
        }
    };
    Ok(Answer::data(Object::new().string("sum", &sum).finish()))
}

fn sum(algorithm: &str, input: &[u8]) -> Option<Vec<u8>> {
    Some(match algorithm {
        "sha2-224" => sha2::Sha224::digest(input).to_vec(),
        "" | "sha2-256" => sha2::Sha256::digest(input).to_vec(),
        "sha2-384" => sha2::Sha384::digest(input).to_vec(),
        "sha2-512" => sha2::Sha512::digest(input).to_vec(),
        "sha3-224" => sha3::Sha3_224::digest(input).to_vec(),
        "sha3-256" => sha3::Sha3_256::digest(input).to_vec(),
        "sha3-384" => sha3::Sha3_384::digest(input).to_vec(),
        "sha3-512" => sha3::Sha3_512::digest(input).to_vec(),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of no bytes at all: values of the standards, FIPS 180-4 and FIPS 202.
    #[test]
    fn knows_the_hashes_of_nothing() {
        const CASES: [(&str, &str); 9] = [
            ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
            ("sha2-224", "d14a028c2a3a2bc9476102bb288234c415a2b01f828ea62ac5b3e42f"),
            ("sha2-256", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
            (
                "sha2-384",
                "38b060a751ac96384cd9327eb1b1e36a21fdb71114be07434c0cc7bf63f6e1da274edebfe76f65fbd51ad2f14898b95b",
            ),
            (
                "sha2-512",
                "cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e",
            ),
            ("sha3-224", "6b4e03423667dbb73b6e15454f0eb1abd4597f9a1b078e3f5b5a6bc7"),
            ("sha3-256", "a7ffc6f8bf1ed76651c14756a061d662f580ff4de43b49fa82d80a4b80f8434a"),
            (
                "sha3-384",
                "0c63a75b845e4f7d01107d852e4c2485c51a50aaaa94fc61995e71bbee983a2ac3713831264adb47fb6bd1e058d5f004",
            ),
            (
                "sha3-512",
                "a69f73cca23a9ac5c8b567dc185a756e97c982164fe25859e0d1dcc1475c80a615b2123af1f5f94c11e3e9402c3ac558f500199d95b6d3e301758586281dcd26",
            ),
        ];
        for (algorithm, want) in CASES {
            assert_eq!(sum(algorithm, b"").map(|sum| hex(&sum)).as_deref(), Some(want));
        }
        assert_eq!(sum("md5", b""), None);
    }
}
