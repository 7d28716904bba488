//! The log: lines for the operator, on the standard error stream.
//!
//! ```text
//! 2026-11-21T19:20:00.000Z [INFO]  core: a line in the format "standard"
//! {"@level":"info","@message":"one in \"json\"","@module":"core","@timestamp":"2026-11-21T19:20:00.000000Z"}
//! ```
//!
//! Both are as the reference writes them, in UTC. Until [`set_up`] has been called, and in commands that
//! are no servers, a line is written at once and as it is.
//!
//! Invariants: once it is set up nothing that is logged blocks or fails who logs it, even when nobody
//! reads the stream; an entry is one line, whatever its text.

mod queue;

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::sync::OnceLock;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use strongroom_core::{Time, json};

use self::queue::Queue;

/// How long the end of a process waits for somebody to read what was logged last.
pub const END_PATIENCE: Duration = Duration::from_secs(1);

/// Whom lines come from. The reference has a name for each of its parts.
const MODULE: &str = "core";

/// How much a line matters, the least first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Each step.
    Trace,
    /// What helps to find a fault.
    Debug,
    /// What happens seldom and is as it should be.
    #[default]
    Info,
    /// What the operator should look at.
    Warn,
    /// What does not work.
    Error,
}

impl Level {
    /// The words for levels, for messages.
    pub const WORDS: &str = "trace, debug, info, warn and error";

    /// Reads a word of the reference's for a level, in any case.
    pub fn parse(word: &str) -> Option<Self> {
        match word.to_ascii_lowercase().as_str() {
            "trace" => Some(Self::Trace),
            "debug" => Some(Self::Debug),
            "info" | "notice" => Some(Self::Info),
            "warn" | "warning" => Some(Self::Warn),
            "error" | "err" => Some(Self::Error),
            _ => None,
        }
    }

    const fn word(self) -> &'static str {
        match self {
            Self::Trace => "trace",
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        }
    }
}

/// How lines are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// For people.
    #[default]
    Standard,
    /// An object for each line.
    Json,
}

impl Format {
    /// The words for formats, for messages.
    pub const WORDS: &str = "standard and json";

    /// Reads the word for a format, in any case.
    pub fn parse(word: &str) -> Option<Self> {
        match word.to_ascii_lowercase().as_str() {
            "standard" => Some(Self::Standard),
            "json" => Some(Self::Json),
            _ => None,
        }
    }

    /// A whole line.
    fn line(self, now: SystemTime, level: Level, text: &str) -> String {
        match self {
            Self::Standard => {
                let mark = format!("[{}]", level.word().to_ascii_uppercase());
                let mut line = format!("{} {mark:7} {MODULE}: ", timestamp(now, 3));
                for c in text.chars() {
                    // Whoever's text it is: a line break in it begins no line.
                    if c.is_control() {
                        let _ = write!(line, "{}", c.escape_default());
                    } else {
                        line.push(c);
                    }
                }
                line.push('\n');
                line
            }
            Self::Json => {
                let line = json::Object::new()
                    .string("@level", level.word())
                    .string("@message", text)
                    .string("@module", MODULE)
                    .string("@timestamp", &timestamp(now, 6));
                line.finish() + "\n"
            }
        }
    }
}

/// A time in UTC with so many digits of fraction, at most nine.
fn timestamp(now: SystemTime, digits: usize) -> String {
    let since = now.duration_since(UNIX_EPOCH).unwrap_or_default();
    let seconds = Time::from_unix_nanos(0).after(Duration::from_secs(since.as_secs())).rfc3339();
    let fraction = format!("{:09}", since.subsec_nanos());
    let fraction = fraction.get(..digits).unwrap_or(&fraction);
    format!("{}.{fraction}Z", seconds.trim_end_matches('Z'))
}

/// The log of a process.
struct Log {
    level: Level,
    format: Format,
    queue: Queue,
}

static LOG: OnceLock<Log> = OnceLock::new();

/// Sets up what is logged, and how, for the rest of the process. Only the first call has an effect.
pub fn set_up(level: Level, format: Format) {
    let told = move |dropped: u64| {
        let text = format!("{dropped} lines were left out here, because nobody read the log");
        format.line(SystemTime::now(), Level::Warn, &text)
    };
    // Without the thread lines are written at once, as before.
    if LOG.get().is_none()
        && let Ok(queue) = Queue::start(io::stderr(), told)
    {
        let _ = LOG.set(Log { level, format, queue });
    }
}

/// Waits until what was logged is written, and no longer than this.
pub fn flush(patience: Duration) {
    if let Some(log) = LOG.get() {
        log.queue.flush(patience);
    }
}

/// Logs what does not work.
pub fn error(text: &str) {
    log(Level::Error, text);
}

/// Logs what the operator should look at.
pub fn warn(text: &str) {
    log(Level::Warn, text);
}

/// Logs what happens seldom and is as it should be.
pub fn info(text: &str) {
    log(Level::Info, text);
}

/// Logs what helps to find a fault.
pub fn debug(text: &str) {
    log(Level::Debug, text);
}

fn log(level: Level, text: &str) {
    match LOG.get() {
        Some(log) if level < log.level => {}
        Some(log) => log.queue.push(&log.format.line(SystemTime::now(), level, text)),
        None if level < Level::default() => {}
        // Nobody may be there to read it.
        None => drop(writeln!(io::stderr(), "strongroom: {text}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64, nanos: u32) -> SystemTime {
        UNIX_EPOCH + Duration::new(seconds, nanos)
    }

    #[test]
    fn reads_the_words_for_levels_and_formats_in_any_case() {
        const LEVELS: [(&str, Option<Level>); 10] = [
            ("trace", Some(Level::Trace)),
            ("Trace", Some(Level::Trace)),
            ("DEBUG", Some(Level::Debug)),
            ("info", Some(Level::Info)),
            ("notice", Some(Level::Info)),
            ("warn", Some(Level::Warn)),
            ("warning", Some(Level::Warn)),
            ("Err", Some(Level::Error)),
            ("error", Some(Level::Error)),
            ("loud", None),
        ];
        for (word, level) in LEVELS {
            assert_eq!(Level::parse(word), level, "{word}");
        }
        for (word, format) in
            [("standard", Some(Format::Standard)), ("JSON", Some(Format::Json)), ("xml", None)]
        {
            assert_eq!(Format::parse(word), format, "{word}");
        }
    }

    #[test]
    fn dates_lines_by_the_calendar() {
        const CASES: [(u64, u32, &str); 6] = [
            (0, 0, "1970-01-01T00:00:00.000Z"),
            (951_782_399, 999_999_999, "2000-02-28T23:59:59.999Z"),
            (951_782_400, 1_000_000, "2000-02-29T00:00:00.001Z"),
            (1_709_251_200, 999, "2024-03-01T00:00:00.000Z"),
            (1_795_288_800, 0, "2026-11-21T19:20:00.000Z"),
            (4_107_542_400, 0, "2100-03-01T00:00:00.000Z"),
        ];
        for (seconds, nanos, want) in CASES {
            assert_eq!(timestamp(at(seconds, nanos), 3), want);
        }
        assert_eq!(timestamp(at(0, 1_234_567), 6), "1970-01-01T00:00:00.001234Z");
        // A clock before the epoch is a wrong clock.
        assert_eq!(timestamp(UNIX_EPOCH - Duration::from_secs(1), 3), "1970-01-01T00:00:00.000Z");
    }

    #[test]
    fn writes_an_entry_as_one_line_in_both_formats() {
        const CASES: [(Level, &str, &str, &str); 4] = [
            (Level::Info, "a \"b\"", "[INFO]  core: a \"b\"", r#""info","@message":"a \"b\"""#),
            (Level::Warn, "a", "[WARN]  core: a", r#""warn","@message":"a""#),
            (Level::Debug, "\u{e9}", "[DEBUG] core: \u{e9}", "\"debug\",\"@message\":\"\u{e9}\""),
            (
                Level::Error,
                "a\n\u{1b}[0m",
                "[ERROR] core: a\\n\\u{1b}[0m",
                r#""error","@message":"a\n\u001b[0m""#,
            ),
        ];
        let now = at(1_795_288_800, 0);
        for (level, text, standard, json) in CASES {
            let want = format!("2026-11-21T19:20:00.000Z {standard}\n");
            assert_eq!(Format::Standard.line(now, level, text), want);
            let rest = r#","@module":"core","@timestamp":"2026-11-21T19:20:00.000000Z"}"#;
            let want = format!("{{\"@level\":{json}{rest}\n");
            assert_eq!(Format::Json.line(now, level, text), want);
        }
    }
}
