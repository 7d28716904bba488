//! How long things took: the middle, the hundredth that took longest, and the longest.

use std::fmt;
use std::time::{Duration, Instant};

/// Times of one kind.
#[derive(Clone, Default)]
pub(super) struct Latencies(Vec<Duration>);

impl Latencies {
    /// Times a piece of work.
    pub(super) fn time<T>(&mut self, work: impl FnOnce() -> T) -> T {
        let start = Instant::now();
        let result = work();
        self.0.push(start.elapsed());
        result
    }

    pub(super) fn add(&mut self, time: Duration) {
        self.0.push(time);
    }

    /// Takes in others of the same kind.
    pub(super) fn join(&mut self, others: Self) {
        self.0.extend(others.0);
    }

    pub(super) fn count(&self) -> usize {
        self.0.len()
    }

    /// The time that so many of a thousand do not exceed; nothing if nothing was timed.
    pub(super) fn quantile(&self, per_mille: usize) -> Duration {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        let at = (sorted.len() * per_mille).div_ceil(1000).saturating_sub(1);
        sorted.get(at).copied().unwrap_or_default()
    }

    pub(super) fn median(&self) -> Duration {
        self.quantile(500)
    }

    pub(super) fn longest(&self) -> Duration {
        self.quantile(1000)
    }
}

/// p50 / p99 / longest.
impl fmt::Display for Latencies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [median, most, longest] =
            [500, 990, 1000].map(|per_mille| Span(self.quantile(per_mille)));
        write!(f, "{median} / {most} / {longest}")
    }
}

/// A time with two or three digits.
pub(super) struct Span(pub(super) Duration);

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs_f64();
        let (value, unit) = match self.0.as_micros() {
            0..1_000 => (seconds * 1e6, "us"),
            1_000..1_000_000 => (seconds * 1e3, "ms"),
            _ => (seconds, "s"),
        };
        let digits = usize::from(value < 10.0);
        write!(f, "{value:.digits$} {unit}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_middle_and_the_end() {
        let times = Latencies((1..=1000).rev().map(Duration::from_micros).collect());
        assert_eq!(times.median(), Duration::from_micros(500));
        assert_eq!(times.quantile(990), Duration::from_micros(990));
        assert_eq!(times.to_string(), "500 us / 990 us / 1.0 ms");
        assert_eq!(Latencies::default().longest(), Duration::ZERO);
        let one = Latencies(vec![Duration::from_secs(2)]);
        assert_eq!(one.to_string(), "2.0 s / 2.0 s / 2.0 s");
    }
}
