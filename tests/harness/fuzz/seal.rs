//! The seal over any bytes: shares of a key, and the records that are read before all others.

use strongroom_core::Key;
use strongroom_core::probe::{self, Record};

// --- Shares ---------------------------------------------------------------------------------

/// Any bytes are combined to what a naive reader gets, or refused by both; and what is split is
/// combined again, by both.
///
/// The first byte is the length of the shares in the rest. For the split the first two bytes say how
/// many shares and what threshold, the next two which shares are taken, and the rest is the secret.
///
/// # Panics
///
/// If one of these is not so.
pub fn shares(data: &[u8]) {
    if let [length, rest @ ..] = data {
        let shares: Vec<&[u8]> = rest.chunks(usize::from(*length).max(1)).take(40).collect();
        check_combined(&shares);
    }
    let [shares, threshold, high, low, secret @ ..] = data else { return };
    let secret = secret.get(..secret.len().min(40)).unwrap_or_default();
    if secret.is_empty() {
        return;
    }
    let threshold = 2 + threshold % 15;
    let shares = threshold + shares % (17 - threshold);
    let mut seed = [*low; 32];
    seed.iter_mut().zip(data).for_each(|(seed, byte)| *seed ^= byte);
    let split = probe::split(secret, shares, threshold, seed);
    assert_eq!(split.len(), usize::from(shares));
    let bits = u16::from_be_bytes([*high, *low]);
    let taken = split.iter().enumerate().filter(|(at, _)| bits >> at & 1 == 1);
    let taken: Vec<&[u8]> = taken.map(|(_, share)| share.as_slice()).collect();
    let combined = check_combined(&taken);
    if taken.len() >= usize::from(threshold) {
        assert_eq!(combined.as_deref(), Some(secret));
    }
}

/// What both readers get.
fn check_combined(shares: &[&[u8]]) -> Option<Vec<u8>> {
    let combined = probe::combine(shares).ok();
    assert_eq!(combined, naive_combined(shares));
    combined
}

/// By Lagrange's formula, with division, and a table of logarithms to the base 3.
fn naive_combined(shares: &[&[u8]]) -> Option<Vec<u8>> {
    let [first, _, ..] = shares else { return None };
    let x = |share: &[u8]| share.last().copied().unwrap_or(0);
    for (at, share) in shares.iter().enumerate() {
        let taken = shares.iter().take(at).any(|other| x(other) == x(share));
        if share.len() < 2 || share.len() != first.len() || x(share) == 0 || taken {
            return None;
        }
    }
    let table = Table::new();
    let mut secret = vec![0; first.len() - 1];
    for share in shares {
        let mut exponent = 0;
        for other in shares.iter().map(|other| x(other)).filter(|other| *other != x(share)) {
            exponent += table.log(other) + 255 - table.log(other ^ x(share));
        }
        for (sum, &y) in secret.iter_mut().zip(*share).filter(|(_, y)| **y != 0) {
            *sum ^= table.power(exponent + table.log(y));
        }
    }
    Some(secret)
}

/// The powers of three, which are all values but zero, and of each value the exponent.
struct Table {
    powers: [u8; 255],
    logs: [usize; 256],
}

impl Table {
    fn new() -> Self {
        let (mut powers, mut logs, mut value) = ([0; 255], [0; 256], 1_u16);
        for (exponent, power) in powers.iter_mut().enumerate() {
            *power = u8::try_from(value).expect("it is in the field");
            *logs.get_mut(usize::from(value)).expect("it is below 256") = exponent;
            value ^= value << 1;
            if value > 0xff {
                value ^= 0x11b;
            }
        }
        Self { powers, logs }
    }

    fn power(&self, exponent: usize) -> u8 {
        *self.powers.get(exponent % 255).expect("it is below 255")
    }

    fn log(&self, value: u8) -> usize {
        *self.logs.get(usize::from(value)).expect("it is below 256")
    }
}

// --- Records --------------------------------------------------------------------------------

const NAME: &str = "a/b";

/// A record that can be read is written as it was, a sealed record that opens is sealed as it was,
/// and one that was sealed opens, but not with another byte in it, cut, or elsewhere.
///
/// The first byte says which kind of record the rest is.
///
/// # Panics
///
/// If one of these is not so.
pub fn record(data: &[u8]) {
    let [kind, rest @ ..] = data else { return };
    let kind = match kind {
        b'c' => Record::Config,
        b'k' => Record::Keyring,
        b'b' => Record::Batch,
        b's' => return sealed(rest),
        _ => return payload(rest),
    };
    if let Some(again) = probe::rewrite(kind, rest) {
        assert_eq!(again, rest, "{kind:?}");
    }
}

fn place(byte: u8) -> Key {
    Key::from_bytes([byte; Key::BYTES])
}

fn sealed(bytes: &[u8]) {
    let Some(payload) = probe::open(&place(0), NAME, bytes) else { return };
    let nonce = bytes.get(9..21).and_then(|nonce| nonce.try_into().ok());
    assert_eq!(probe::seal(&place(0), NAME, &payload, nonce.expect("a nonce")), bytes);
}

fn payload(data: &[u8]) {
    let nonce = [data.first().copied().unwrap_or(0); 12];
    let sealed = probe::seal(&place(0), NAME, data, nonce);
    assert_eq!(probe::open(&place(0), NAME, &sealed).as_deref(), Some(data));
    assert_eq!(probe::open(&place(1), NAME, &sealed), None);
    assert_eq!(probe::open(&place(0), "a/c", &sealed), None);
    let at = data.iter().fold(0, |sum: usize, byte| sum * 31 % 65_521 + usize::from(*byte))
        % sealed.len();
    let cut = sealed.get(..at).expect("it is below the length");
    assert_eq!(probe::open(&place(0), NAME, cut), None);
    let mut changed = sealed;
    if let Some(byte) = changed.get_mut(at) {
        *byte ^= 1 << (at % 8);
    }
    assert_eq!(probe::open(&place(0), NAME, &changed), None);
}
