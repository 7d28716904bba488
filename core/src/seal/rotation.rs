//! When the keyring takes a new term by itself.

use core::time::Duration;

use crate::limit::{ROTATION_INTERVAL_MIN, TERM_RECORDS_MAX, TERM_RECORDS_MIN};
use crate::reject::Corrupt;
use crate::store::codec::{Reader, Writer};

/// The rule of automatic rotation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rotation {
    pub(crate) enabled: bool,
    /// Records sealed under one term.
    pub(crate) records_max: i64,
    /// Age of a term in whole seconds; zero for any.
    pub(crate) interval: i64,
}

impl Default for Rotation {
    fn default() -> Self {
        Self { enabled: true, records_max: TERM_RECORDS_MAX, interval: 0 }
    }
}

impl Rotation {
    /// # Errors
    ///
    /// The first rule that is broken, in the API's words.
    pub(crate) fn check(self) -> Result<Self, &'static str> {
        if self.interval != 0 && self.interval < ROTATION_INTERVAL_MIN {
            return Err("interval must be greater or equal to 24h0m0s");
        }
        if !(TERM_RECORDS_MIN..=TERM_RECORDS_MAX).contains(&self.records_max) {
            return Err("max_operations must be in the range [1000000,3865470566]");
        }
        Ok(self)
    }

    /// Whether a term of this age, under which so many records were sealed, has had its time.
    pub(crate) fn is_due(self, records: u64, age: Duration) -> bool {
        let below = |value: u64, bound: i64| i64::try_from(value).is_ok_and(|value| value < bound);
        let fresh = below(records, self.records_max)
            && (self.interval == 0 || below(age.as_secs(), self.interval));
        self.enabled && !fresh
    }

    pub(super) fn write(self, writer: Writer) -> Writer {
        writer.bool(self.enabled).i64(self.records_max).i64(self.interval)
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, Corrupt> {
        let (enabled, records_max) = (reader.bool()?, reader.i64()?);
        Self { enabled, records_max, interval: reader.i64()? }.check().map_err(Corrupt)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 24 * 3600;

    #[test]
    fn is_due_by_records_or_by_age_if_it_is_enabled() {
        let none = Rotation::default();
        let daily = Rotation { interval: DAY, records_max: 1_000_000, ..none };
        let off = Rotation { enabled: false, ..daily };
        let cases = [
            (none, 3_865_470_565, u64::MAX, false),
            (none, 3_865_470_566, 0, true),
            (none, u64::MAX, 0, true),
            (daily, 0, 86_399, false),
            (daily, 0, 86_400, true),
            (daily, 999_999, 0, false),
            (daily, 1_000_000, 0, true),
            (off, u64::MAX, u64::MAX, false),
        ];
        for (rotation, records, seconds, due) in cases {
            let age = Duration::from_secs(seconds);
            assert_eq!(rotation.is_due(records, age), due, "{rotation:?} {records} {seconds}");
        }
    }

    #[test]
    fn checks_the_interval_before_the_records() {
        let cases = [
            (DAY - 1, 0, Some("interval must be greater or equal to 24h0m0s")),
            (-DAY, 1_000_000, Some("interval must be greater or equal to 24h0m0s")),
            (0, 999_999, Some("max_operations must be in the range [1000000,3865470566]")),
            (DAY, 3_865_470_567, Some("max_operations must be in the range [1000000,3865470566]")),
            (DAY, 1_000_000, None),
            (0, 3_865_470_566, None),
        ];
        for (interval, records_max, error) in cases {
            let rotation = Rotation { enabled: true, records_max, interval };
            assert_eq!(rotation.check().err(), error, "{rotation:?}");
        }
    }
}
