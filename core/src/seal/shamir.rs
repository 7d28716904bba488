//! Shamir's secret sharing over GF(2^8) with the polynomial 0x11b: any `threshold` of the shares give
//! the secret, fewer tell nothing of it.
//!
//! A share is one y byte for each byte of the secret, and the x byte behind them. Each byte of the
//! secret is the constant term of a random polynomial of its own. The x of a share is public: it is
//! not zero, and no two shares have the same.
//!
//! Invariant: time does not depend on y bytes or secrets; there is no table, and no branch on them.

use alloc::vec;
use alloc::vec::Vec;
use core::fmt;

use ctutils::{Choice, CtEq};

use crate::random::Generator;
use crate::secret::Wiped;

/// A share as an operator holds it. Of a key that is not split it is the key itself.
pub(crate) struct Share(Wiped<Vec<u8>>);

impl Share {
    pub(crate) fn new(bytes: Vec<u8>) -> Self {
        Self(Wiped::new(bytes))
    }

    pub(crate) fn expose(&self) -> &[u8] {
        &self.0
    }

    /// Whether it is the same share, in time that does not depend on where they differ.
    pub(crate) fn is(&self, other: &Self) -> bool {
        self.0.as_slice().ct_eq(other.0.as_slice()).to_bool()
    }

    /// The y bytes, and x.
    fn point(&self) -> Result<(&[u8], u8), CombineError> {
        match self.0.split_last() {
            Some((&x, ys)) if !ys.is_empty() => Ok((ys, x)),
            Some(_) | None => Err(CombineError::TooShort),
        }
    }
}

/// Why shares cannot be combined. The texts are the API's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CombineError {
    /// Fewer than two.
    TooFew,
    /// Without a y byte.
    TooShort,
    /// Of different lengths.
    LengthsDiffer,
    /// An x of zero, where the secret itself stands.
    ZeroPoint,
    /// The same x twice.
    Duplicate,
}

impl fmt::Display for CombineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooFew => "less than two parts cannot be used to reconstruct the secret",
            Self::TooShort => "parts must be at least two bytes",
            Self::LengthsDiffer => "all parts must be the same length",
            Self::ZeroPoint => "no part may be at zero",
            Self::Duplicate => "duplicate part detected",
        })
    }
}

/// Splits a secret.
///
/// # Panics
///
/// If the secret is empty, or not `2 <= threshold <= shares`.
pub(crate) fn split(
    secret: &[u8],
    shares: u8,
    threshold: u8,
    random: &mut Generator,
) -> Vec<Share> {
    assert!(!secret.is_empty(), "there is a secret to split");
    assert!((2..=shares).contains(&threshold), "the threshold is of several shares, and not above");
    // One polynomial for each byte, highest coefficient first; the byte itself comes last.
    let polynomials: Vec<Wiped<Vec<u8>>> = secret
        .iter()
        .map(|&byte| {
            let mut coefficients = Wiped::new(vec![byte; usize::from(threshold)]);
            let (_, above) = coefficients.split_last_mut().expect("a threshold is not zero");
            random.fill(above);
            coefficients
        })
        .collect();
    points(shares, random)
        .into_iter()
        .map(|x| Share::new(polynomials.iter().map(|p| evaluate(p, x)).chain([x]).collect()))
        .collect()
}

/// Puts shares together. Shares that do not belong together give another secret.
///
/// # Errors
///
/// See [`CombineError`]; the first that applies, in the order of its variants.
pub(crate) fn combine(shares: &[Share]) -> Result<Wiped<Vec<u8>>, CombineError> {
    let [first, _, ..] = shares else { return Err(CombineError::TooFew) };
    let length = first.point()?.0.len();
    let points = shares.iter().map(Share::point).collect::<Result<Vec<_>, _>>();
    let points = points.map_err(|_| CombineError::LengthsDiffer)?;
    if points.iter().any(|(ys, _)| ys.len() != length) {
        return Err(CombineError::LengthsDiffer);
    }
    if points.iter().any(|(_, x)| *x == 0) {
        return Err(CombineError::ZeroPoint);
    }
    let mut secret = Wiped::new(vec![0; length]);
    for (at, (ys, x)) in points.iter().enumerate() {
        // The Lagrange polynomial of this point, at zero. Subtraction is exclusive or.
        let (mut above, mut below) = (1, 1);
        for (_, (_, other)) in points.iter().enumerate().filter(|(other, _)| *other != at) {
            if other == x {
                return Err(CombineError::Duplicate);
            }
            above = multiply(above, *other);
            below = multiply(below, other ^ x);
        }
        let weight = multiply(above, invert(below));
        for (sum, y) in secret.iter_mut().zip(*ys) {
            *sum ^= multiply(weight, *y);
        }
    }
    Ok(secret)
}

/// Distinct values that are not zero, in random order.
fn points(count: u8, random: &mut Generator) -> Vec<u8> {
    let mut xs = Vec::with_capacity(usize::from(count));
    while xs.len() < usize::from(count) {
        let [x] = random.array();
        if x != 0 && !xs.contains(&x) {
            xs.push(x);
        }
    }
    xs
}

/// The value of a polynomial, by Horner's rule.
fn evaluate(coefficients: &[u8], x: u8) -> u8 {
    coefficients.iter().fold(0, |value, coefficient| multiply(value, x) ^ coefficient)
}

/// The product in the field.
fn multiply(left: u8, right: u8) -> u8 {
    let (mut left, mut right, mut product) = (left, right, 0);
    for _ in 0..8 {
        product ^= left & mask(right);
        left = (left << 1) ^ (0x1b & mask(left >> 7));
        right >>= 1;
    }
    product
}

/// All ones if the lowest bit is set, else zero.
fn mask(bits: u8) -> u8 {
    Choice::from_u8_lsb(bits).to_u8_mask()
}

/// The inverse, which is the 254th power; zero has none, and gives zero.
fn invert(value: u8) -> u8 {
    let mut power = value;
    // 254 is 0b1111_1110: six times square and multiply, and the last square.
    for _ in 0..6 {
        power = multiply(multiply(power, power), value);
    }
    multiply(power, power)
}

#[cfg(test)]
mod tests;
