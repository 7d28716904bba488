//! Durations as the API takes and shows them: whole seconds, days, or sums such as `1h30m`.
//!
//! The grammar is that of Go's `time.ParseDuration` with `<int>d` and bare seconds beside it; see
//! the API documentation, "Duration format strings".

use alloc::format;
use alloc::string::{String, ToString};
use core::time::Duration;

/// A signed duration in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Signed(i128);

impl Signed {
    /// Whole seconds, the fraction cut off.
    pub(crate) fn seconds(self) -> i64 {
        let limit = i128::from(i64::MAX);
        i64::try_from((self.0 / NANOS).clamp(-limit, limit)).unwrap_or(0)
    }

    /// Seconds, a fraction rounded up: a time to live that is short is not none at all.
    pub(crate) fn seconds_up(self) -> i64 {
        let up = Self(self.0 + NANOS - 1);
        if self.is_negative() { self.seconds() } else { up.seconds() }
    }

    pub(crate) fn is_negative(self) -> bool {
        self.0 < 0
    }

    pub(crate) fn from_seconds(seconds: i64) -> Self {
        Self(i128::from(seconds) * NANOS)
    }
}

/// Reads a duration; the error is the text that the API answers.
pub(crate) fn parse(text: &str) -> Result<Signed, String> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(Signed(0));
    }
    if let Ok(seconds) = text.parse::<i64>() {
        return Ok(Signed::from_seconds(seconds));
    }
    if let Some(days) = text.strip_suffix('d').and_then(|days| days.parse::<i64>().ok()) {
        return Ok(Signed(i128::from(days) * 86_400 * NANOS));
    }
    parse_units(text)
}

/// Reads a duration in any of the API's forms, such as `45`, `1h30m` or `2d`; `None` for what is none,
/// is negative, or is longer than the core's time.
pub fn parse_duration(text: &str) -> Option<Duration> {
    let nanos = parse(text).ok().and_then(|signed| u64::try_from(signed.0).ok())?;
    Some(Duration::from_nanos(nanos))
}

fn parse_units(text: &str) -> Result<Signed, String> {
    let invalid = || format!("time: invalid duration {}", crate::quote::quoted(text));
    let (negative, mut rest) = match text.as_bytes().first() {
        Some(b'-') => (true, text.get(1..).unwrap_or("")),
        Some(b'+') => (false, text.get(1..).unwrap_or("")),
        _ => (false, text),
    };
    if rest == "0" {
        return Ok(Signed(0));
    }
    if rest.is_empty() {
        return Err(invalid());
    }
    let mut total = 0_i128;
    while !rest.is_empty() {
        let digits_end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let (whole, after) = rest.split_at(digits_end);
        let (fraction, after) = match after.strip_prefix('.') {
            Some(after) => {
                let end = after.find(|c: char| !c.is_ascii_digit()).unwrap_or(after.len());
                after.split_at(end)
            }
            None => ("", after),
        };
        if whole.is_empty() && fraction.is_empty() {
            return Err(invalid());
        }
        let unit_end = after.find(|c: char| c == '.' || c.is_ascii_digit()).unwrap_or(after.len());
        let (unit, after) = after.split_at(unit_end);
        if unit.is_empty() {
            return Err(format!("time: missing unit in duration {}", crate::quote::quoted(text)));
        }
        let Some(scale) = unit_nanos(unit) else {
            return Err(format!(
                "time: unknown unit {} in duration {}",
                crate::quote::quoted(unit),
                crate::quote::quoted(text)
            ));
        };
        total += part(whole, fraction, scale).ok_or_else(invalid)?;
        if total > i128::from(i64::MAX) {
            return Err(invalid());
        }
        rest = after;
    }
    Ok(Signed(if negative { -total } else { total }))
}

fn part(whole: &str, fraction: &str, scale: i128) -> Option<i128> {
    let whole: i128 = if whole.is_empty() { 0 } else { whole.parse::<i64>().ok()?.into() };
    // More digits than a nanosecond has are cut off.
    let digits: String = fraction.chars().take(18).collect();
    let power = 10_i128.pow(u32::try_from(digits.len()).ok()?);
    let fraction: i128 = if digits.is_empty() { 0 } else { digits.parse::<i64>().ok()?.into() };
    Some(whole.checked_mul(scale)? + fraction * scale / power)
}

fn unit_nanos(unit: &str) -> Option<i128> {
    Some(match unit {
        "ns" => 1,
        "us" | "\u{b5}s" | "\u{3bc}s" => 1_000,
        "ms" => 1_000_000,
        "s" => NANOS,
        "m" => 60 * NANOS,
        "h" => 3600 * NANOS,
        _ => return None,
    })
}

/// Seconds in the short form of the API's warnings: `768h`, `1h30m`, `767h59m50s`.
pub(crate) fn short(seconds: i64) -> String {
    let (hours, minutes, rest) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    let mut text = String::new();
    for (count, unit) in [(hours, 'h'), (minutes, 'm'), (rest, 's')] {
        if count != 0 {
            text.push_str(&count.to_string());
            text.push(unit);
        }
    }
    if text.is_empty() {
        text.push_str("0s");
    }
    text
}

/// Whole seconds in Go's form: `48h0m0s`, `1m30s`, `5s`. Not negative.
pub(crate) fn long(seconds: i64) -> String {
    let (hours, minutes, rest) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match (hours, minutes) {
        (0, 0) => format!("{rest}s"),
        (0, _) => format!("{minutes}m{rest}s"),
        _ => format!("{hours}h{minutes}m{rest}s"),
    }
}

const NANOS: i128 = 1_000_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_every_form() {
        const CASES: [(&str, i64); 14] = [
            ("", 0),
            ("45", 45),
            ("-60", -60),
            ("2d", 172_800),
            ("30m", 1800),
            ("1h30m", 5400),
            ("1.5h", 5400),
            ("1.5m", 90),
            ("2.9s", 2),
            ("300ms", 0),
            ("-5s", -5),
            ("100000h", 360_000_000),
            (".5h", 1800),
            ("0", 0),
        ];
        for (text, seconds) in CASES {
            assert_eq!(parse(text).map(Signed::seconds), Ok(seconds), "{text}");
        }
        for (text, seconds) in [("2.1s", 3), ("300ms", 1), ("2s", 2), ("0", 0), ("-5s", -5)] {
            assert_eq!(parse(text).map(Signed::seconds_up), Ok(seconds), "{text}");
        }
    }

    #[test]
    fn gives_spans_of_time() {
        const CASES: [(&str, Option<u64>); 6] = [
            ("45", Some(45_000)),
            ("1.5s", Some(1_500)),
            ("2d", Some(172_800_000)),
            ("-1s", None),
            ("1w", None),
            ("9223372036854775807", None),
        ];
        for (text, millis) in CASES {
            assert_eq!(parse_duration(text), millis.map(Duration::from_millis), "{text}");
        }
    }

    #[test]
    fn names_what_is_wrong() {
        const CASES: [(&str, &str); 8] = [
            ("abc", "time: invalid duration \"abc\""),
            ("1.5", "time: missing unit in duration \"1.5\""),
            ("5x", "time: unknown unit \"x\" in duration \"5x\""),
            ("1w", "time: unknown unit \"w\" in duration \"1w\""),
            ("-", "time: invalid duration \"-\""),
            (".s", "time: invalid duration \".s\""),
            ("9999999999h", "time: invalid duration \"9999999999h\""),
            ("1h2d", "time: unknown unit \"d\" in duration \"1h2d\""),
        ];
        for (text, error) in CASES {
            assert_eq!(parse(text), Err(error.to_string()), "{text}");
        }
    }

    #[test]
    fn shows_the_short_form() {
        const CASES: [(i64, &str); 6] = [
            (0, "0s"),
            (59, "59s"),
            (3600, "1h"),
            (5400, "1h30m"),
            (2_764_800, "768h"),
            (2_764_790, "767h59m50s"),
        ];
        for (seconds, text) in CASES {
            assert_eq!(short(seconds), text);
        }
    }

    #[test]
    fn shows_the_long_form() {
        const CASES: [(i64, &str); 5] =
            [(0, "0s"), (59, "59s"), (90, "1m30s"), (3600, "1h0m0s"), (172_800, "48h0m0s")];
        for (seconds, text) in CASES {
            assert_eq!(long(seconds), text);
        }
    }
}
