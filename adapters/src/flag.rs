//! Flags as the tools of this field write them: `-name`, `-name=value`, `-name value`, with one dash
//! or two.

use std::fmt;

/// A flag that a command knows.
#[derive(Clone, Copy, Debug)]
pub struct Flag {
    /// Its name, without dashes.
    pub name: &'static str,
    /// Whether a value belongs to it.
    pub takes_value: bool,
}

/// A flag with what is said of it.
#[derive(Clone, Copy, Debug)]
pub struct Described {
    /// The flag.
    pub flag: Flag,
    /// What its value is, in capitals; empty for a switch.
    pub value: &'static str,
    /// One sentence.
    pub help: &'static str,
}

impl Described {
    /// A flag that is on or off.
    pub const fn switch(name: &'static str, help: &'static str) -> Self {
        Self { flag: Flag { name, takes_value: false }, value: "", help }
    }

    /// A flag with a value.
    pub const fn valued(name: &'static str, value: &'static str, help: &'static str) -> Self {
        Self { flag: Flag { name, takes_value: true }, value, help }
    }
}

/// The flags and the other words of a command line.
#[derive(Default)]
#[allow(missing_debug_implementations, reason = "words may be keys or tokens")]
pub struct Parsed {
    flags: Vec<(&'static str, String)>,
    /// Words that are no flags.
    pub words: Vec<String>,
}

/// Why a command line is not understood.
#[derive(Debug, PartialEq, Eq)]
pub enum FlagError {
    /// No flag has this name.
    Unknown(String),
    /// A flag has no value.
    MissingValue(&'static str),
    /// A switch has a value that is no bool.
    NotBool(&'static str),
}

impl fmt::Display for FlagError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(name) => write!(f, "flag provided but not defined: -{name}"),
            Self::MissingValue(name) => write!(f, "flag needs an argument: -{name}"),
            Self::NotBool(name) => write!(f, "-{name} is true or false"),
        }
    }
}

impl std::error::Error for FlagError {}

impl Parsed {
    /// Reads the words behind a command.
    ///
    /// # Errors
    ///
    /// [`FlagError`] for the first word that is not understood.
    pub fn parse(
        known: &[Flag],
        words: impl IntoIterator<Item = String>,
    ) -> Result<Self, FlagError> {
        let mut parsed = Self::default();
        let mut words = words.into_iter();
        while let Some(word) = words.next() {
            if word == "--" {
                parsed.words.extend(words);
                break;
            }
            let name = word.strip_prefix("--").or_else(|| word.strip_prefix('-'));
            let Some(name) = name.filter(|name| !name.is_empty()) else {
                parsed.words.push(word);
                continue;
            };
            let (name, value) = match name.split_once('=') {
                Some((name, value)) => (name, Some(value.to_owned())),
                None => (name, None),
            };
            let flag = known.iter().find(|flag| flag.name == name);
            let flag = flag.ok_or_else(|| FlagError::Unknown(name.to_owned()))?;
            let value = match value {
                Some(value) => value,
                None if flag.takes_value => {
                    words.next().ok_or(FlagError::MissingValue(flag.name))?
                }
                None => "true".to_owned(),
            };
            if !flag.takes_value && parse_bool(&value).is_none() {
                return Err(FlagError::NotBool(flag.name));
            }
            parsed.flags.push((flag.name, value));
        }
        Ok(parsed)
    }

    /// The last value of a flag.
    pub fn value(&self, name: &str) -> Option<&str> {
        let mut all = self.flags.iter().filter(|(flag, _)| *flag == name);
        all.next_back().map(|(_, value)| value.as_str())
    }

    /// All values of a flag that may be repeated.
    pub fn values(&self, name: &str) -> impl Iterator<Item = &str> {
        let all = self.flags.iter().filter(move |(flag, _)| *flag == name);
        all.map(|(_, value)| value.as_str())
    }

    /// Whether a switch is on.
    pub fn is_on(&self, name: &str) -> bool {
        self.switch(name).unwrap_or(false)
    }

    /// What a switch was set to, if it was.
    pub fn switch(&self, name: &str) -> Option<bool> {
        self.value(name).and_then(parse_bool)
    }
}

/// The words for true and false of command lines and configurations.
pub(crate) fn parse_bool(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: [Flag; 2] =
        [Flag { name: "dev", takes_value: false }, Flag { name: "address", takes_value: true }];

    fn parse(line: &str) -> Result<Parsed, FlagError> {
        Parsed::parse(&KNOWN, line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn reads_every_spelling() {
        for line in ["-dev -address=a b", "--dev --address a b", "-dev=1 b -address x -address=a"] {
            let parsed = parse(line).unwrap();
            assert!(parsed.is_on("dev"), "{line}");
            assert_eq!(parsed.value("address"), Some("a"), "{line}");
            assert_eq!(parsed.words, ["b"], "{line}");
        }
        let parsed = parse("-dev=false -address= -- -dev").unwrap();
        assert!(!parsed.is_on("dev"));
        assert_eq!(parsed.value("address"), Some(""));
        assert_eq!(parsed.words, ["-dev"]);
        let parsed = parse("-address=a --address b").unwrap();
        assert_eq!(parsed.values("address").collect::<Vec<_>>(), ["a", "b"]);
    }

    #[test]
    fn names_what_it_does_not_understand() {
        let error = |line| parse(line).err();
        assert_eq!(error("-x=1"), Some(FlagError::Unknown("x".to_owned())));
        assert_eq!(error("-address"), Some(FlagError::MissingValue("address")));
        assert_eq!(error("-dev=maybe"), Some(FlagError::NotBool("dev")));
    }
}
