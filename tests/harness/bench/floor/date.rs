//! The date of an answer, written once a second.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use strongroom_core::Time;

const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// See the module.
#[derive(Default)]
pub(super) struct Date {
    second: u64,
    text: String,
}

impl Date {
    pub(super) fn now(&mut self) -> &str {
        let second = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        if self.second != second {
            (self.second, self.text) = (second, write(second).unwrap_or_default());
        }
        &self.text
    }
}

/// The date of a second since 1970, as header fields have it.
fn write(second: u64) -> Option<String> {
    let text = Time::default().after(Duration::from_secs(second)).rfc3339();
    let (date, time) = text.split_once('T')?;
    let mut parts = date.split('-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    let month = MONTHS.get(month.parse::<usize>().ok()?.checked_sub(1)?)?;
    let name = DAYS.get(usize::try_from(second / 86_400 % 7).ok()?)?;
    Some(format!("{name}, {day} {month} {year} {} GMT", time.get(..8)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_dates_as_header_fields_have_them() {
        const CASES: [(u64, &str); 3] = [
            (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
            (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"),
            (1_709_210_096, "Thu, 29 Feb 2024 12:34:56 GMT"),
        ];
        for (second, text) in CASES {
            assert_eq!(write(second).as_deref(), Some(text));
        }
    }
}
