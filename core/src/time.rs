//! Time as the core knows it: nanoseconds since the Unix epoch, pushed in from outside.
//!
//! Invariants: nothing here reads a clock; a [`Time`] formats the same way on every machine (UTC).

use alloc::format;
use alloc::string::String;
use core::time::Duration;

/// A point in time: nanoseconds since the Unix epoch (good until the year 2554).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Time(u64);

impl Time {
    /// From nanoseconds since the Unix epoch.
    pub const fn from_unix_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// A point in time as the API takes it: RFC 3339, or seconds since the Unix epoch. What is earlier than
    /// the epoch is the epoch, what is later than the last time there is, is that.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        if let Ok(seconds) = text.parse::<i64>() {
            let seconds = u64::try_from(seconds).unwrap_or(0);
            return Some(Self(seconds.saturating_mul(NANOS)));
        }
        let (date, rest) = text.split_once('T')?;
        let zone = rest.find(['Z', '+', '-'])?;
        let (clock, zone) = rest.split_at_checked(zone)?;
        let (clock, fraction) = match clock.split_once('.') {
            Some((clock, fraction)) => (clock, parse_fraction(fraction)?),
            None => (clock, 0),
        };
        let seconds = parse_date(date)? * 86_400 + parse_clock(clock, 3)? - parse_zone(zone)?;
        match u64::try_from(seconds) {
            Ok(seconds) => Some(Self(seconds.saturating_mul(NANOS).saturating_add(fraction))),
            Err(_) => Some(Self(0)),
        }
    }

    /// Nanoseconds since the Unix epoch.
    pub const fn unix_nanos(self) -> u64 {
        self.0
    }

    /// Whole seconds since the Unix epoch.
    pub const fn unix_seconds(self) -> u64 {
        self.0 / NANOS
    }

    /// This time and `duration`, at most the largest time there is.
    pub fn after(self, duration: Duration) -> Self {
        let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        Self(self.0.saturating_add(nanos))
    }

    /// This time less `duration`, at least the epoch.
    pub fn before(self, duration: Duration) -> Self {
        let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        Self(self.0.saturating_sub(nanos))
    }

    /// How long from `earlier` until this time; zero if it is not earlier.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }

    /// RFC 3339 in UTC with up to nine digits of fraction, trailing zeros left out.
    pub fn rfc3339(self) -> String {
        let Civil { year, month, day, hour, minute, second, .. } = self.civil();
        let mut text = String::with_capacity(30);
        push_year(&mut text, year);
        let month = u64::try_from(month).unwrap_or(0);
        for (before, value) in [('-', month), ('-', day), ('T', hour), (':', minute), (':', second)]
        {
            text.push(before);
            push_two(&mut text, value);
        }
        let fraction = self.0 % NANOS;
        if fraction > 0 {
            let digits = format!("{fraction:09}");
            text.push('.');
            text.push_str(digits.trim_end_matches('0'));
        }
        text.push('Z');
        text
    }

    /// The form of the HTTP `Date` header (RFC 9110, 5.6.7).
    pub(crate) fn push_http_date(self, out: &mut String) {
        let Civil { year, month, day, hour, minute, second, weekday } = self.civil();
        out.push_str(WEEKDAYS.get(weekday).copied().unwrap_or(""));
        out.push_str(", ");
        push_two(out, day);
        out.push(' ');
        out.push_str(MONTHS.get(month.saturating_sub(1)).copied().unwrap_or(""));
        out.push(' ');
        push_year(out, year);
        for (before, value) in [(' ', hour), (':', minute), (':', second)] {
            out.push(before);
            push_two(out, value);
        }
        out.push_str(" GMT");
    }

    fn civil(self) -> Civil {
        let seconds = self.unix_seconds();
        let days = seconds / 86_400;
        let (year, month, day) = civil_date(days);
        let of_day = seconds % 86_400;
        Civil {
            year,
            month,
            day,
            hour: of_day / 3600,
            minute: of_day / 60 % 60,
            second: of_day % 60,
            // The epoch was a Thursday.
            weekday: usize::try_from((days + 4) % 7).unwrap_or(0),
        }
    }
}

/// What a step may know of the world outside: the time and 32 fresh random bytes.
///
/// It has no `Debug`, for the seed is what secrets are made of.
#[allow(missing_debug_implementations, reason = "the seed is secret")]
#[derive(Clone)]
pub struct Step {
    /// The time; the core never lets it run backwards.
    pub now: Time,
    /// Random bytes, never used for another step.
    pub seed: [u8; 32],
}

struct Civil {
    year: u64,
    month: usize,
    day: u64,
    hour: u64,
    minute: u64,
    second: u64,
    weekday: usize,
}

/// Four digits; no [`Time`] has a year of more.
fn push_year(out: &mut String, year: u64) {
    push_two(out, year / 100);
    push_two(out, year % 100);
}

/// Two digits of a number below 100. Every answer has seven such numbers: the formatting machinery
/// takes longer for them than for all the rest of its head.
fn push_two(out: &mut String, value: u64) {
    let value = u8::try_from(value).unwrap_or(0);
    out.push(char::from(b'0' + value / 10));
    out.push(char::from(b'0' + value % 10));
}

/// Days since the Unix epoch of a date such as `2026-11-21`.
fn parse_date(text: &str) -> Option<i64> {
    let mut parts = text.splitn(3, '-');
    let year = parse_digits(parts.next()?, 4)?;
    let month = parse_digits(parts.next()?, 2)?;
    let day = parse_digits(parts.next()?, 2)?;
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days_of_month = match month {
        2 => 28 + i64::from(is_leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    if !(1..=days_of_month).contains(&day) {
        return None;
    }
    // The year begins in March, so that the leap day comes last, and some years before the first.
    let year = year + 400 - i64::from(month < 3);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    Some(365 * year + year / 4 - year / 100 + year / 400 + of_year - (719_468 + 146_097))
}

/// Seconds of a time of day such as `23:59:59`, with as many parts as are said.
fn parse_clock(text: &str, parts: usize) -> Option<i64> {
    const SCALES: [(i64, i64); 3] = [(24, 3600), (60, 60), (60, 1)];
    let mut words = text.split(':');
    let mut seconds = 0;
    for (end, scale) in SCALES.into_iter().take(parts) {
        let value = parse_digits(words.next()?, 2).filter(|value| *value < end)?;
        seconds += value * scale;
    }
    words.next().is_none().then_some(seconds)
}

/// Seconds that a zone such as `+01:00` is before UTC.
fn parse_zone(text: &str) -> Option<i64> {
    match text.split_at_checked(1)? {
        ("Z", "") => Some(0),
        ("+", clock) => parse_clock(clock, 2),
        ("-", clock) => parse_clock(clock, 2).map(|seconds| -seconds),
        _ => None,
    }
}

/// Nanoseconds of the digits behind the point; more than nine are cut off.
fn parse_fraction(text: &str) -> Option<u64> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let digits = text.bytes().chain([b'0'; 9]).take(9);
    is_number.then(|| digits.fold(0, |nanos, digit| nanos * 10 + u64::from(digit - b'0')))
}

/// A number of exactly so many digits.
fn parse_digits(text: &str, count: usize) -> Option<i64> {
    let is_number = text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit());
    if is_number { text.parse().ok() } else { None }
}

/// Year, month (1..) and day (1..) of a day counted from 1970-01-01: eras of 400 years with the
/// year beginning in March, so that the leap day comes last.
fn civil_date(days: u64) -> (u64, usize, u64) {
    let shifted = days + 719_468;
    let era = shifted / 146_097;
    let of_era = shifted % 146_097;
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    (year, usize::try_from(month).unwrap_or(1), day)
}

const NANOS: u64 = 1_000_000_000;
const WEEKDAYS: [&str; 7] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_known_times() {
        const CASES: [(u64, &str, &str); 5] = [
            (0, "1970-01-01T00:00:00Z", "Thu, 01 Jan 1970 00:00:00 GMT"),
            (951_782_400 * NANOS, "2000-02-29T00:00:00Z", "Tue, 29 Feb 2000 00:00:00 GMT"),
            (1_709_251_199 * NANOS, "2024-02-29T23:59:59Z", "Thu, 29 Feb 2024 23:59:59 GMT"),
            (
                1_709_251_200 * NANOS + 120_000_000,
                "2024-03-01T00:00:00.12Z",
                "Fri, 01 Mar 2024 00:00:00 GMT",
            ),
            (
                4_102_444_799 * NANOS + 1,
                "2099-12-31T23:59:59.000000001Z",
                "Thu, 31 Dec 2099 23:59:59 GMT",
            ),
        ];
        for (nanos, rfc3339, http) in CASES {
            let time = Time::from_unix_nanos(nanos);
            assert_eq!(time.rfc3339(), rfc3339);
            let mut date = String::new();
            time.push_http_date(&mut date);
            assert_eq!(date, http);
        }
    }

    #[test]
    fn reads_what_it_shows() {
        const YEAR: u64 = 31_556_952 * NANOS;
        for year in 0..500 {
            let time = Time::from_unix_nanos(year * YEAR + year * 1_234_567_891);
            assert_eq!(Time::parse(&time.rfc3339()), Some(time), "{}", time.rfc3339());
        }
    }

    #[test]
    fn reads_times_of_every_form() {
        const CASES: [(&str, Option<u64>); 24] = [
            ("0", Some(0)),
            ("1709251199", Some(1_709_251_199 * NANOS)),
            ("-5", Some(0)),
            ("99999999999999", Some(u64::MAX)),
            ("1970-01-01T00:00:01Z", Some(NANOS)),
            ("1970-01-01T00:00:00.5Z", Some(NANOS / 2)),
            ("1970-01-01T00:00:00.1234567899Z", Some(123_456_789)),
            ("1970-01-01T01:00:00+01:00", Some(0)),
            ("1969-12-31T23:30:00-00:31", Some(60 * NANOS)),
            ("1969-12-31T23:59:59Z", Some(0)),
            ("0000-01-01T00:00:00Z", Some(0)),
            ("2000-02-29T00:00:00Z", Some(951_782_400 * NANOS)),
            ("9999-12-31T23:59:59Z", Some(u64::MAX)),
            ("1900-02-29T00:00:00Z", None),
            ("2026-13-01T00:00:00Z", None),
            ("2026-04-31T00:00:00Z", None),
            ("2026-01-01T24:00:00Z", None),
            ("2026-01-01T00:00:60Z", None),
            ("2026-01-01T00:00Z", None),
            ("2026-01-01T00:00:00", None),
            ("2026-01-01T00:00:00.Z", None),
            ("2026-01-01 00:00:00Z", None),
            ("tomorrow", None),
            ("", None),
        ];
        for (text, nanos) in CASES {
            assert_eq!(Time::parse(text), nanos.map(Time::from_unix_nanos), "{text}");
        }
    }
}
