//! The table of commands, and how words find their row.
//!
//! Invariants: no name is a row's and a group's at once; the words of a name are separated by one
//! space. The test below holds both.

use std::process::ExitCode;

#[cfg(feature = "client")]
use super::client;
use super::program::Program;
use crate::flag::Described;

/// One command.
pub(super) struct Command {
    /// The words that name it.
    pub(super) name: &'static str,
    /// What stands behind the flags, as help shows it.
    pub(super) arguments: &'static str,
    /// One sentence.
    pub(super) summary: &'static str,
    /// Its own flags.
    pub(super) flags: &'static [Described],
    /// Which flags about its output it takes.
    pub(super) output: Output,
    /// What does it.
    pub(super) run: Run,
}

/// What can be asked of a command's output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Output {
    /// Nothing.
    Fixed,
    /// Its format.
    #[cfg_attr(not(feature = "client"), expect(dead_code, reason = "only clients print data"))]
    Formatted,
    /// Its format, or one field alone.
    #[cfg_attr(not(feature = "client"), expect(dead_code, reason = "only clients print data"))]
    Fields,
}

/// What does a command.
#[derive(Clone, Copy)]
pub(super) enum Run {
    /// A command that speaks to nobody.
    Local(fn(&Program, &[String]) -> ExitCode),
    /// A command that speaks to a server.
    #[cfg(feature = "client")]
    Client(client::Function),
}

/// What words name.
pub(super) enum Found<'a> {
    /// A command, and the words behind its name.
    Command(&'static Command, &'a [String]),
    /// The first words of several commands, and the words behind them.
    Group(String, &'a [String]),
    /// The word that names nothing.
    Nothing(&'a str),
}

impl Command {
    /// Every flag that the command takes.
    pub(super) fn all_flags(&self) -> impl Iterator<Item = &'static Described> {
        self.flags.iter().chain(self.output_flags()).chain(self.connection_flags())
    }

    /// The flags about its output.
    pub(super) fn output_flags(&self) -> &'static [Described] {
        const FLAGS: [Described; 2] = [
            Described::valued("format", "FORMAT", "table, json or yaml; read knows raw too."),
            Described::valued("field", "NAME", "Prints only the field of this name."),
        ];
        match self.output {
            Output::Fixed => &[],
            Output::Formatted => FLAGS.first_chunk::<1>().map_or(&[], |flags| flags),
            Output::Fields => &FLAGS,
        }
    }

    /// The flags about the server that it speaks to.
    pub(super) fn connection_flags(&self) -> &'static [Described] {
        match self.run {
            Run::Local(_) => &[],
            #[cfg(feature = "client")]
            Run::Client(_) => client::CONNECTION_FLAGS,
        }
    }
}

/// Every command.
pub(super) fn commands() -> impl Iterator<Item = &'static Command> {
    let local = super::COMMANDS.iter();
    #[cfg(feature = "client")]
    let all = local.chain(client::FAMILIES.iter().copied().flatten());
    #[cfg(not(feature = "client"))]
    let all = local;
    all
}

/// The words below a group of commands, or below none, each once and sorted, with what is said of
/// them: a command's summary, or nothing for another group.
pub(super) fn below(group: &str) -> Vec<(&'static str, Option<&'static str>)> {
    let mut all: Vec<_> = commands()
        .filter_map(|command| {
            let rest = match group {
                "" => command.name,
                _ => command.name.strip_prefix(group)?.strip_prefix(' ')?,
            };
            Some(match rest.split_once(' ') {
                Some((word, _)) => (word, None),
                None => (rest, Some(command.summary)),
            })
        })
        .collect();
    all.sort_unstable();
    all.dedup_by_key(|(word, _)| *word);
    all
}

/// The row of the longest name that the words begin with.
pub(super) fn find(words: &[String]) -> Found<'_> {
    let mut name = String::new();
    for (at, word) in words.iter().enumerate() {
        let longer = if at == 0 { word.clone() } else { format!("{name} {word}") };
        let rest = words.get(at + 1..).unwrap_or_default();
        if let Some(command) = commands().find(|command| command.name == longer) {
            return Found::Command(command, rest);
        }
        if below(&longer).is_empty() {
            return match at {
                0 => Found::Nothing(word),
                _ if word.starts_with('-') => {
                    Found::Group(name, words.get(at..).unwrap_or_default())
                }
                _ => Found::Nothing(word),
            };
        }
        name = longer;
    }
    Found::Group(name, &[])
}

/// Puts flags that stand before the command behind its words, where each command reads its own.
pub(super) fn command_first(mut words: Vec<String>) -> Vec<String> {
    let known: Vec<_> = commands().flat_map(Command::connection_flags).collect();
    let mut leading = 0;
    while let Some(word) = words.get(leading) {
        let name = word.strip_prefix("--").or_else(|| word.strip_prefix('-')).unwrap_or("");
        let (name, has_value) =
            name.split_once('=').map_or((name, false), |(name, _)| (name, true));
        let Some(row) = known.iter().find(|row| row.flag.name == name) else { break };
        leading += if row.flag.takes_value && !has_value { 2 } else { 1 };
    }
    let leading: Vec<_> = words.drain(..leading.min(words.len())).collect();
    let behind = words.iter().take_while(|word| !word.starts_with('-'));
    // Behind the words of the name, and before all arguments.
    let at = (1..=behind.count())
        .find(|&count| {
            let name = words.get(..count).unwrap_or_default().join(" ");
            commands().any(|command| command.name == name)
        })
        .unwrap_or(words.len());
    words.splice(at..at, leading);
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(line: &str) -> Vec<String> {
        line.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn no_name_is_a_command_and_a_group() {
        let mut names: Vec<_> = commands().map(|command| command.name).collect();
        for name in &names {
            assert!(below(name).is_empty(), "{name} is a group too");
            assert_eq!(name.split(' ').collect::<Vec<_>>().join(" "), *name);
        }
        names.sort_unstable();
        let all = names.len();
        names.dedup();
        assert_eq!(names.len(), all, "a name stands twice");
    }

    #[test]
    fn no_flag_stands_twice_in_a_command() {
        for command in commands() {
            let mut names: Vec<_> = command.all_flags().map(|row| row.flag.name).collect();
            names.sort_unstable();
            let twice = names.windows(2).find(|pair| pair[0] == pair[1]);
            assert!(twice.is_none(), "{}: {twice:?}", command.name);
        }
    }

    #[test]
    #[cfg(feature = "client")]
    fn finds_the_longest_name() {
        const CASES: [(&str, &str); 8] = [
            ("server -dev", "command server [-dev]"),
            ("kv get a b", "command kv get [a b]"),
            ("kv metadata get a", "command kv metadata get [a]"),
            ("kv metadata", "group kv metadata []"),
            ("kv -help", "group kv [-help]"),
            ("kv", "group kv []"),
            ("kv fetch a", "nothing fetch"),
            ("serve", "nothing serve"),
        ];
        for (line, want) in CASES {
            let words = split(line);
            let found = match find(&words) {
                Found::Command(command, rest) => {
                    format!("command {} [{}]", command.name, rest.join(" "))
                }
                Found::Group(group, rest) => format!("group {group} [{}]", rest.join(" ")),
                Found::Nothing(word) => format!("nothing {word}"),
            };
            assert_eq!(found, want, "{line}");
        }
    }

    #[test]
    #[cfg(feature = "client")]
    fn flags_may_stand_before_the_command() {
        const CASES: [(&str, &str); 6] = [
            ("read a", "read a"),
            ("-address=x kv get a", "kv get -address=x a"),
            ("--address x -tls-skip-verify read a", "read --address x -tls-skip-verify a"),
            ("-ns x -help", "-help -ns x"),
            ("-format=json read", "-format=json read"),
            ("-address", "-address"),
        ];
        for (line, want) in CASES {
            assert_eq!(command_first(split(line)).join(" "), want, "{line}");
        }
    }
}
