//! The command line: what the first words mean, and which command does it.
//!
//! Every command is a row of one table (`table`); from it come the look-up, the help and the
//! completion of shells. `server` runs the server, `version` and `completion` need nothing, and the
//! rest speak to a server (`client`).
//!
//! Exit statuses: 0; 1 for a wrong use of the command line or an error of this side; 2 for an error
//! of the server's or on the way to it.

#[cfg(feature = "client")]
mod client;
mod completion;
mod help;
mod program;
mod server;
mod table;

use std::io::{self, Write};
use std::process::ExitCode;

use strongroom_core::API_VERSION;

use self::program::Program;
use self::table::{Command, Found, Output, Run};
use crate::log;

const COMMANDS: &[Command] = &[
    Command {
        name: "server",
        arguments: "",
        summary: "Runs the server.",
        flags: server::FLAGS,
        output: Output::Fixed,
        run: Run::Local(run_server),
    },
    Command {
        name: "version",
        arguments: "",
        summary: "Prints the version.",
        flags: &[],
        output: Output::Fixed,
        run: Run::Local(print_version),
    },
    Command {
        name: "completion",
        arguments: "bash|zsh|fish",
        summary: "Prints a script that completes commands and flags in a shell.",
        flags: &[],
        output: Output::Fixed,
        run: Run::Local(completion::run),
    },
];

/// Runs the command that the words name; gives the exit status.
pub fn run(words: impl IntoIterator<Item = String>) -> ExitCode {
    let program = Program::current();
    let words = table::command_first(words.into_iter().collect());
    match words.first().map(String::as_str) {
        Some("-version" | "--version" | "-v") => return print_version(&program, &[]),
        Some("help" | "-help" | "--help" | "-h") => return print(&help::overview(&program)),
        Some(_) => {}
        None => return misuse(&help::overview(&program)),
    }
    match table::find(&words) {
        Found::Command(command, rest) if asks_for_help(rest) => {
            print(&help::of_command(&program, command))
        }
        Found::Command(command, rest) => match command.run {
            Run::Local(run) => run(&program, rest),
            #[cfg(feature = "client")]
            Run::Client(run) => client::run(&program, command, rest, run),
        },
        Found::Group(group, rest) if asks_for_help(rest) => {
            print(&help::of_group(&program, &group))
        }
        Found::Group(group, _) => misuse(&help::of_group(&program, &group)),
        Found::Nothing(word) => {
            misuse(&format!("{}\n\n{}", unknown(word), help::overview(&program)))
        }
    }
}

fn unknown(word: &str) -> String {
    let less = "; this build has no commands that speak to a server";
    format!("unknown command {word:?}{}", if cfg!(feature = "client") { "" } else { less })
}

/// Whether a flag asks for help; behind `--` are no flags.
fn asks_for_help(words: &[String]) -> bool {
    let flags = words.iter().take_while(|word| *word != "--");
    flags.into_iter().any(|word| matches!(word.as_str(), "-h" | "-help" | "--help"))
}

fn run_server(_: &Program, words: &[String]) -> ExitCode {
    match server::run(words.iter().cloned()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&error),
    }
}

fn print_version(program: &Program, _: &[String]) -> ExitCode {
    print(&format!("{} v{API_VERSION}\n", program.product))
}

fn print(text: &str) -> ExitCode {
    match io::stdout().write_all(text.as_bytes()).and_then(|()| io::stdout().flush()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

/// Tells how it is used, in lines of its own.
fn misuse(text: &str) -> ExitCode {
    // Nobody may be there to read it.
    let _ = io::stderr().write_all(text.as_bytes());
    ExitCode::FAILURE
}

fn fail(text: &str) -> ExitCode {
    log::error(text);
    ExitCode::FAILURE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_server_knows_every_flag_that_its_help_names() {
        let server = COMMANDS.iter().find(|command| command.name == "server").unwrap();
        let words = server.flags.iter().map(|row| match row.value {
            "" => format!("-{}", row.flag.name),
            _ => format!("-{}=x", row.flag.name),
        });
        // Flags are read first, so an argument too many is all that is left to refuse.
        let error = server::run(words.chain(["more".to_owned()])).unwrap_err();
        assert_eq!(error, "unexpected argument \"more\"");
    }
}
