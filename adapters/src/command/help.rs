//! Help, made from the table of commands.

use std::fmt::Write;

use super::program::Program;
use super::table::{Command, below};
use crate::flag::Described;

/// Columns of a line, as terminals have at least.
const WIDTH: usize = 78;

/// What there is.
pub(super) fn overview(program: &Program) -> String {
    let mut text = format!("Usage: {} <command> [flags] [arguments]\n\nCommands:\n", program.name);
    push_words(&mut text, "");
    let _ = write!(text, "\n\"{} <command> -help\" tells more of one.\n", program.name);
    text
}

/// What there is below the first words of several commands.
pub(super) fn of_group(program: &Program, group: &str) -> String {
    let mut text = format!("Usage: {} {group} <command> [flags] [arguments]\n\n", program.name);
    text.push_str("Commands:\n");
    push_words(&mut text, group);
    text
}

/// How a command is used.
pub(super) fn of_command(program: &Program, command: &Command) -> String {
    let Command { name, arguments, summary, .. } = command;
    let has_flags = command.all_flags().next().is_some();
    let mut usage = format!("Usage: {} {name}", program.name);
    for part in [if has_flags { "[flags]" } else { "" }, arguments] {
        if !part.is_empty() {
            let _ = write!(usage, " {part}");
        }
    }
    let mut text = format!("{usage}\n\n");
    push_wrapped(&mut text, summary, "  ");
    for (title, flags) in [
        ("Flags", command.flags),
        ("Output", command.output_flags()),
        ("Server", command.connection_flags()),
    ] {
        if !flags.is_empty() {
            let _ = write!(text, "\n{title}:\n");
            flags.iter().for_each(|row| push_flag(&mut text, row));
        }
    }
    text
}

fn push_words(text: &mut String, group: &str) {
    let words = below(group);
    let width = words.iter().map(|(word, _)| word.len()).max().unwrap_or(0);
    for (word, summary) in words {
        let more = || {
            let path = [group, word].join(" ");
            let inner: Vec<_> = below(path.trim_start()).iter().map(|(word, _)| *word).collect();
            format!("{}.", inner.join(", "))
        };
        let indent = " ".repeat(width + 8);
        let mut line = String::new();
        push_wrapped(&mut line, &summary.map_or_else(more, str::to_owned), &indent);
        let _ = write!(text, "    {word:width$}    {}", line.trim_start());
    }
}

fn push_flag(text: &mut String, row: &Described) {
    let separator = if row.value.is_empty() { "" } else { "=" };
    let _ = writeln!(text, "  -{}{separator}{}", row.flag.name, row.value);
    push_wrapped(text, row.help, "      ");
}

/// Appends lines of at most [`WIDTH`] columns.
fn push_wrapped(text: &mut String, sentence: &str, indent: &str) {
    let mut column = 0;
    for word in sentence.split_whitespace() {
        if column == 0 || column + 1 + word.len() > WIDTH {
            if column > 0 {
                text.push('\n');
            }
            text.push_str(indent);
            column = indent.len();
        } else {
            text.push(' ');
            column += 1;
        }
        text.push_str(word);
        column += word.len();
    }
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::table::commands;

    const PROGRAM: Program = Program { name: "bao", product: "OpenBao" };

    #[test]
    fn every_command_says_how_it_is_used_in_lines_that_fit() {
        for command in commands() {
            let text = of_command(&PROGRAM, command);
            assert!(text.starts_with(&format!("Usage: bao {}", command.name)), "{text}");
            assert!(command.summary.ends_with('.'), "{}", command.name);
            for row in command.all_flags() {
                assert!(text.contains(&format!("  -{}", row.flag.name)), "{text}");
                assert!(row.help.ends_with('.'), "{}: {}", command.name, row.help);
            }
            assert!(text.lines().all(|line| line.len() <= WIDTH), "{text}");
        }
        assert!(overview(&PROGRAM).lines().all(|line| line.len() <= WIDTH));
    }
}
