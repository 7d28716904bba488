//! Completion: a script for a shell, made from the table of commands.
//!
//! It completes the words of commands and their flags; arguments are left to the shell, which completes
//! files.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::process::ExitCode;

use super::program::Program;
use super::table::{below, commands};
use super::{fail, print};

/// Prints the script of the shell that is named.
pub(super) fn run(program: &Program, words: &[String]) -> ExitCode {
    let words: Vec<_> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["bash"] => print(&bash(program)),
        ["zsh"] => print(&zsh(program)),
        ["fish"] => print(&fish(program)),
        _ => fail("completion needs the name of a shell: bash, zsh or fish"),
    }
}

/// The first words of commands that have several words.
fn groups() -> BTreeSet<String> {
    let mut groups = BTreeSet::new();
    for command in commands() {
        let mut name = command.name;
        while let Some((group, _)) = name.rsplit_once(' ') {
            groups.insert(group.to_owned());
            name = group;
        }
    }
    groups
}

fn bash(program: &Program) -> String {
    let Program { name, .. } = program;
    let mut text = format!(
        "\
# Completion of {name} for bash. Load it by: source <({name} completion bash)
_{name}() {{
    local current=${{COMP_WORDS[COMP_CWORD]}} command='' word candidates='' index
    for ((index = 1; index < COMP_CWORD; index++)); do
        word=${{COMP_WORDS[index]}}
        case $word in -*) continue ;; esac
        case \"${{command:+$command }}$word\" in
"
    );
    let groups = groups();
    let names: Vec<_> = groups
        .iter()
        .map(String::as_str)
        .chain(commands().map(|command| command.name))
        .map(|name| format!("'{name}'"))
        .collect();
    let _ = write!(
        text,
        "            {}) command=\"${{command:+$command }}$word\" ;;\n            \
         *) break ;;\n        esac\n    done\n    case $current in\n    -*)\n        \
         case $command in\n",
        names.join("|")
    );
    for command in commands() {
        let flags: Vec<_> = command.all_flags().map(|row| format!("-{}", row.flag.name)).collect();
        let _ = writeln!(
            text,
            "        '{}') candidates='-help {}' ;;",
            command.name,
            flags.join(" ").trim_end()
        );
    }
    text.push_str(
        "        *) candidates='-help' ;;\n        esac ;;\n    *)\n        case $command in\n",
    );
    for group in [String::new()].into_iter().chain(groups) {
        let words: Vec<_> = below(&group).iter().map(|(word, _)| *word).collect();
        let _ = writeln!(text, "        '{group}') candidates='{}' ;;", words.join(" "));
    }
    let _ = write!(
        text,
        "        esac ;;\n    esac\n    \
         COMPREPLY=($(compgen -W \"$candidates\" -- \"$current\"))\n}}\n\
         complete -o default -F _{name} {name}\n"
    );
    text
}

fn zsh(program: &Program) -> String {
    format!(
        "#compdef {}\nautoload -U +X compinit && compinit\n\
         autoload -U +X bashcompinit && bashcompinit\n{}",
        program.name,
        bash(program)
    )
}

fn fish(program: &Program) -> String {
    let Program { name, .. } = program;
    let mut text =
        format!("# Completion of {name} for fish. Load it by: {name} completion fish | source\n");
    for group in [String::new()].into_iter().chain(groups()) {
        let condition = fish_condition(&group);
        let words: Vec<_> = below(&group).iter().map(|(word, _)| *word).collect();
        // Offered until one of them is there.
        let seen = format!("not __fish_seen_subcommand_from {}", words.join(" "));
        for (word, summary) in below(&group) {
            let _ = writeln!(
                text,
                "complete -c {name} -f -n '{}' -a {word} -d '{}'",
                [condition.as_str(), &seen].join("; and ").trim_start_matches("; and "),
                summary.unwrap_or("Commands of this name.").replace('\'', "\\'")
            );
        }
    }
    for command in commands() {
        for row in command.all_flags() {
            let _ = writeln!(
                text,
                "complete -c {name} -n '{}' -o {}{} -d '{}'",
                fish_condition(command.name),
                row.flag.name,
                if row.flag.takes_value { " -r" } else { "" },
                row.help.replace('\'', "\\'")
            );
        }
    }
    text
}

/// What holds when all of these words are there.
fn fish_condition(words: &str) -> String {
    let all: Vec<_> = words
        .split_whitespace()
        .map(|word| format!("__fish_seen_subcommand_from {word}"))
        .collect();
    all.join("; and ")
}
