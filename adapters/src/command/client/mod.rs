//! Commands that speak to a server.
//!
//! A file holds the commands of one family, their rows of the table at its top. What they share:
//! [`settings`] (flags, environment), [`request`] (one exchange with the server), `connect` and `unix`
//! (how bytes get there), [`secret`] (what came back), [`format`] and [`output`] (what is printed),
//! [`input`] and [`prompt`] (what users say).
//!
//! Flags, exit statuses and the forms of output are those of the reference's command line, so that
//! scripts go on working: <https://openbao.org/docs/commands/>.
//!
//! Invariants: data goes to the standard output and everything else to the standard error stream;
//! tokens and keys are in no error and are wiped when dropped.

mod audit;
mod connect;
mod format;
mod input;
mod key_quorum;
mod kv;
mod kv_metadata;
mod kv_path;
mod kv_version;
mod lease;
mod login;
mod mount;
mod mount_option;
mod namespace;
mod operator;
mod output;
mod path;
mod policy;
mod prompt;
mod read;
mod rekey;
mod request;
mod root;
mod secret;
mod settings;
mod status;
mod token;
#[cfg(unix)]
mod unix;

use std::fmt::Display;
use std::io::Write;
use std::process::ExitCode;

use self::format::Format;
use self::request::Client;
use self::settings::Settings;
use super::program::Program;
use super::table::Command;
use crate::flag::Parsed;

pub(super) use self::settings::CONNECTION_FLAGS;

/// The commands, family by family.
pub(super) const FAMILIES: &[&[Command]] = &[
    audit::COMMANDS,
    kv::COMMANDS,
    kv_metadata::COMMANDS,
    kv_version::COMMANDS,
    lease::COMMANDS,
    login::COMMANDS,
    mount::COMMANDS,
    namespace::COMMANDS,
    operator::COMMANDS,
    policy::COMMANDS,
    read::COMMANDS,
    rekey::COMMANDS,
    root::COMMANDS,
    status::COMMANDS,
    token::COMMANDS,
];

/// What does a command: the exit status, or why it stopped.
pub(super) type Function = fn(&Invocation<'_>) -> Result<u8, Stop>;

/// Why a command does not go on.
pub(super) enum Stop {
    /// An error: the exit status, and what is said.
    Failure(u8, String),
    /// All that was asked for is this text, for the standard output.
    Shown(String),
}

impl Stop {
    /// A wrong use of the command line, or an error of this side.
    fn local(text: impl Into<String>) -> Self {
        Self::Failure(1, text.into())
    }

    /// An error of the server's, or on the way to it.
    fn remote(text: impl Into<String>) -> Self {
        Self::Failure(2, text.into())
    }

    /// The same error with what was tried before it.
    fn during(self, what: impl Display) -> Self {
        match self {
            Self::Failure(status, text) => Self::Failure(status, format!("Error {what}: {text}")),
            Self::Shown(_) => self,
        }
    }
}

/// One run of a command.
pub(super) struct Invocation<'a> {
    program: &'a Program,
    flags: Parsed,
    format: Format,
}

/// Runs a command with the words behind its name.
pub(super) fn run(
    program: &Program,
    command: &Command,
    words: &[String],
    function: Function,
) -> ExitCode {
    let done = invoke(program, command, words).and_then(|invocation| function(&invocation));
    match done {
        Ok(status) => ExitCode::from(status),
        Err(Stop::Failure(status, text)) => {
            // Nobody may be there to read it.
            let _ = writeln!(std::io::stderr(), "{text}");
            ExitCode::from(status)
        }
        Err(Stop::Shown(text)) => super::print(&text),
    }
}

fn invoke<'a>(
    program: &'a Program,
    command: &Command,
    words: &[String],
) -> Result<Invocation<'a>, Stop> {
    let known: Vec<_> = command.all_flags().map(|row| row.flag).collect();
    let flags = Parsed::parse(&known, words.iter().cloned()).map_err(|error| {
        Stop::local(format!("{error}; \"{} {} -help\" names the flags", program.name, command.name))
    })?;
    let format = Format::choose(&flags, command)?;
    Ok(Invocation { program, flags, format })
}

impl Invocation<'_> {
    /// The client that the flags and the environment describe.
    fn client(&self) -> Result<Client, Stop> {
        Client::new(Settings::read(&self.flags)?, self.program.name)
    }

    /// The arguments, if there are at least and at most so many.
    fn arguments(&self, least: usize, most: usize) -> Result<&[String], Stop> {
        let words = self.flags.words.as_slice();
        let wanted = if least == most { least.to_string() } else { format!("{least}-{most}") };
        match words.len() {
            got if got < least => {
                Err(Stop::local(format!("Not enough arguments (expected {wanted}, got {got})")))
            }
            got if got > most => {
                Err(Stop::local(format!("Too many arguments (expected {wanted}, got {got})")))
            }
            _ => Ok(words),
        }
    }

    /// The one argument.
    fn argument(&self) -> Result<&str, Stop> {
        self.arguments(1, 1).map(|words| words.first().map_or("", String::as_str))
    }

    /// The one argument, if there is one.
    fn optional_argument(&self) -> Result<Option<&str>, Stop> {
        self.arguments(0, 1).map(|words| words.first().map(String::as_str))
    }

    /// Two arguments.
    fn pair(&self) -> Result<(&str, &str), Stop> {
        match self.arguments(2, 2)? {
            [first, second] => Ok((first, second)),
            _ => Err(Stop::local("Not enough arguments (expected 2)")),
        }
    }

    /// The value of a flag, if it is not empty.
    fn value(&self, flag: &str) -> Option<&str> {
        self.flags.value(flag).filter(|value| !value.is_empty())
    }

    /// The value of a flag that is a whole number.
    fn number(&self, flag: &str) -> Result<Option<u64>, Stop> {
        let number = |text: &str| {
            text.parse().map_err(|_| Stop::local(format!("-{flag} must be a whole number")))
        };
        self.value(flag).map(number).transpose()
    }

    /// The value of a flag that is a duration, as it was written.
    fn duration(&self, flag: &str) -> Result<Option<&str>, Stop> {
        self.value(flag).map(|text| duration(flag, text)).transpose()
    }

    /// The pairs `name=value` of a flag that may be repeated.
    fn pairs(&self, flag: &str) -> Result<Vec<(&str, &str)>, Stop> {
        let pairs = self.flags.values(flag).map(|text| {
            let form = || Stop::local(format!("-{flag} must be of the form name=value"));
            text.split_once('=').ok_or_else(form)
        });
        pairs.collect()
    }
}

/// The text, if it is a duration in a form that the API takes.
fn duration<'t>(name: &str, text: &'t str) -> Result<&'t str, Stop> {
    let is_negative = text.starts_with('-');
    match strongroom_core::parse_duration(text.trim_start_matches('-')) {
        // Below zero stands for the server's own value.
        Some(_) if is_negative => Ok("system"),
        Some(_) => Ok(text),
        None => Err(Stop::local(format!("-{name} must be a duration, such as 45s, 1h30m or 2d"))),
    }
}
