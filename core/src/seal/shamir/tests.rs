//! Secrets that the reference implementation has split, all subsets of small splits, and the errors.

use alloc::string::ToString;

use super::*;
use crate::encoding::{from_hex, hex};
use crate::random::Phase;

fn share(text: &str) -> Share {
    Share::new(from_hex(text).unwrap())
}

fn copies<'s>(shares: impl IntoIterator<Item = &'s Share>) -> Vec<Share> {
    shares.into_iter().map(|share| Share::new(share.expose().to_vec())).collect()
}

/// The shares whose bit is set.
fn subset(shares: &[Share], bits: u32) -> Vec<Share> {
    let chosen = shares.iter().enumerate().filter(|(at, _)| bits >> at & 1 == 1);
    copies(chosen.map(|(_, share)| share))
}

#[test]
fn combines_what_the_reference_has_split() {
    for (secret, threshold, shares) in REFERENCE {
        let shares: Vec<Share> = shares.iter().map(|text| share(text)).collect();
        for bits in 0..1_u32 << shares.len() {
            let count = usize::try_from(bits.count_ones()).unwrap();
            if count == threshold {
                let combined = combine(&subset(&shares, bits)).unwrap();
                assert_eq!(hex(&combined), secret, "{bits:b}");
            } else if count + 1 == threshold && count >= 2 {
                assert_ne!(hex(&combine(&subset(&shares, bits)).unwrap()), secret, "{bits:b}");
            }
        }
    }
}

/// Every way to share among up to six, every subset: as many as the threshold or more give the
/// secret, fewer give something else.
#[test]
fn needs_the_threshold_and_no_more() {
    let secret: Vec<u8> = (100..116).collect();
    for shares in 2..=6 {
        for threshold in 2..=shares {
            let mut random = Generator::new(&[shares * 16 + threshold; 32], Phase::Effect);
            let split = split(&secret, shares, threshold, &mut random);
            assert_eq!(split.len(), usize::from(shares));
            for bits in 0..1_u32 << shares {
                let enough = bits.count_ones() >= u32::from(threshold);
                match combine(&subset(&split, bits)) {
                    Ok(found) => assert_eq!(*found == secret, enough, "{shares} {threshold}"),
                    Err(error) => assert!(error == CombineError::TooFew && bits.count_ones() < 2),
                }
            }
        }
    }
}

#[test]
fn gives_every_share_a_point_of_its_own_and_never_zero() {
    for (seed, shares) in [(1, 2), (2, 17), (3, 254), (4, 255)] {
        let mut random = Generator::new(&[seed; 32], Phase::Effect);
        let split = split(&[0], shares, 2, &mut random);
        let mut xs: Vec<u8> = split.iter().map(|share| share.point().unwrap().1).collect();
        assert!(shares < 10 || !xs.is_sorted(), "in random order");
        xs.sort_unstable();
        xs.dedup();
        assert_eq!(xs.len(), usize::from(shares));
        assert!(!xs.contains(&0));
        let last = split.len() - 2;
        assert_eq!(combine(&copies(split.iter().skip(last))).unwrap().as_slice(), [0]);
    }
}

/// The largest there is, and other polynomials for other bytes of the same value.
#[test]
fn splits_among_255_with_all_of_them_needed() {
    let mut random = Generator::new(&[9; 32], Phase::Effect);
    let split = split(&[7; 3], 255, 255, &mut random);
    assert_eq!(combine(&split).unwrap().as_slice(), [7; 3]);
    assert_ne!(combine(&copies(split.iter().skip(1))).unwrap().as_slice(), [7; 3]);
    assert!(split.iter().any(|share| share.expose()[0] != share.expose()[1]));
}

/// An outside observer of one share less sees every secret equally often: here for one byte and a
/// threshold of two, over all coefficients that a generator may draw.
#[test]
fn shows_nothing_by_one_share_less() {
    let (x, y) = (0x53, 0xca);
    let mut seen = [false; 256];
    for coefficient in 0..=255_u8 {
        let secret = y ^ multiply(coefficient, x);
        assert_eq!(evaluate(&[coefficient, secret], x), y);
        seen[usize::from(secret)] = true;
    }
    assert!(seen.iter().all(|seen| *seen));
}

#[test]
fn names_what_is_wrong_with_shares() {
    for (texts, error, message) in CASES {
        let shares: Vec<Share> = texts.iter().map(|text| share(text)).collect();
        let found = combine(&shares).err().unwrap();
        assert_eq!((found, found.to_string().as_str()), (error, message), "{texts:?}");
    }
}

/// The field by another way: shift, and take away the polynomial where a bit stands above.
#[test]
fn multiplies_and_inverts_as_polynomials_do() {
    for left in 0..=255_u8 {
        for right in 0..=255_u8 {
            let mut product = 0_u16;
            for bit in 0..8 {
                product ^= (u16::from(left) << bit) * (u16::from(right) >> bit & 1);
            }
            for bit in (8..15).rev() {
                product ^= (0x11b << (bit - 8)) * (product >> bit & 1);
            }
            assert_eq!(u16::from(multiply(left, right)), product, "{left} {right}");
        }
        let one = u8::from(left != 0);
        assert_eq!(multiply(left, invert(left)), one, "{left}");
    }
}

#[test]
fn knows_a_share_again() {
    let [one, again, other, longer] = ["0102", "0102", "0103", "010200"].map(share);
    assert!(one.is(&again) && !one.is(&other) && !one.is(&longer));
}

#[test]
#[should_panic(expected = "the threshold is of several shares")]
fn splits_nothing_with_a_threshold_of_one() {
    split(&[1], 3, 1, &mut Generator::new(&[1; 32], Phase::Effect));
}

/// Shares, error, message. Of several faults the first is told.
const CASES: [(&[&str], CombineError, &str); 10] = [
    (&[], CombineError::TooFew, "less than two parts cannot be used to reconstruct the secret"),
    (
        &["0101"],
        CombineError::TooFew,
        "less than two parts cannot be used to reconstruct the secret",
    ),
    (&["01", "02"], CombineError::TooShort, "parts must be at least two bytes"),
    (&["", "0102"], CombineError::TooShort, "parts must be at least two bytes"),
    (&["0102", "01"], CombineError::LengthsDiffer, "all parts must be the same length"),
    (&["0102", "010203"], CombineError::LengthsDiffer, "all parts must be the same length"),
    (&["0100", "010203"], CombineError::LengthsDiffer, "all parts must be the same length"),
    (&["0101", "0100"], CombineError::ZeroPoint, "no part may be at zero"),
    (&["0101", "0201"], CombineError::Duplicate, "duplicate part detected"),
    (&["0102", "0101", "0102"], CombineError::Duplicate, "duplicate part detected"),
];

/// Secret, threshold, shares.
const REFERENCE: [(&str, usize, &[&str]); 5] = [
    (
        "d9c09dddb71a9e437a8ab90c83e2ee2eef062a77a424bb0f5b5d9d499860a7ef",
        3,
        &[
            "8fffad6f8f701fc75d03b3dc3a6f1f4f309b44318c1406ac87242048372c501b7a",
            "ba2f18b11102f9709d1dff746fa688589b9370e00f595a4c3981d6c539da32e61a",
            "9536ca13f3134d36ab8a23064d5b38ea350796f0ee78fd3523074835dbfdd10071",
            "d97cb25f36a166cb81d8bafaae0119d95236eb24ee040ae83b4a5ffee6c14bd06c",
            "87155d40a43079298c7914b945e937f3bcd5a362cb2fc2f6b40cea82f0aba6ee35",
        ],
    ),
    (
        "a8d36c882122ab92dd2c8fbc24b313880369831e6bcc4345c6e7d64ad7b08be3",
        2,
        &[
            "e51c581e9b4fdb20e7fc2dbde0d89dffef95d528ef9f6add30fbab89b8e8516e02",
            "942f33ace2a5ad39c44bf4b1a71a8fad53e9105b85669d27346b81ea4a659e681a",
        ],
    ),
    (
        "a8d59f9b771b409cc74804882d495418",
        7,
        &[
            "b12fc8905d220b987f6b44cce28b26ec6a",
            "c8e6da9291db622a1ff1894bc043ccbd5a",
            "69101cfa552623cc22993240c969e5cf79",
            "6d646bdf9ee89b3c7269238ceae01301ee",
            "f90dca0f270673e62acf34b23ecdbc7828",
            "3ecee8b9de457cecf4b005010c1b59f9a5",
            "42520eeed0dbd8c4b27cd936efd5845c38",
            "0efe33e2f4b1b1ef63ee0d39c0aa369f0c",
            "b396f59696ef363b7d98ec8b6d769f32bf",
            "af525ab562a341019a0ce1eac839ca573e",
        ],
    ),
    ("b3", 2, &["c86f", "5f18", "fcf8"]),
    (
        "97eee0b3ffc307448644c4ad0098270639ccda317748b2aadfede98a3db9d755",
        5,
        &[
            "1716dfbbdf85e6b98921ced58671c02f125f7dce84e91600d3261ac13582b5af7a",
            "8e6c1c660360c1f8038ab7294e70ec0c91d16270566980971755552f7b9e8912e4",
            "297675605b61ebdd41805e8695d45dc82737df21a5b5f243483273100039156cc9",
            "3ce604f5fe099ec8e3e2f1b8fab2e174dc0db9dc6032a0c06c554164642157a740",
            "860e2e6c9309453ba6addedfe428bab7a511f087e16ea78c331783804feee63016",
            "588c4eb6ba1213c20c11e4411b952ca9b28024de944d75912327785264cf467799",
            "d0d1a3762e3b88b86b8f5a7d2309c5ce0d56938de68364d7cdbb36d83138973ca2",
            "193d0562d3e6e986f7a1e291bbb3eef2abe6bcae0e37cfc0670036f1634aa1ab64",
            "76c2f20b1e2d515b3e8a4b937684584388d494c4c1d551d731177ceba2e6303be9",
            "9d688861c82fa3065cc6a68750cb8f52acdfba6769377f0a73b9c79369b7954460",
            "854fe674eb25231d9114bc69a1305351568b23fe04279cffdb27616e1b44949718",
            "9bb35b04f1e8c9eb5e135a2cc6103cfddea8f7a5960ffe416e2b3161db008404e0",
        ],
    ),
];
