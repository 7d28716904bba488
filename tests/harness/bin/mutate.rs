//! Shows that the simulator and the power losses see: applies each patch of `tests/mutations` to a
//! copy of the tree, and requires that the run which its head names fails there and passes here.
//!
//! A patch says in its head what it breaks, and on a line of its own `seed S requests N` for a run of
//! `simulate` or `powerloss seed S runs N` for one of `powerloss`. Where that run passes, because the worlds
//! have changed, many others are tried before the fault counts as missed. With `--find` they are at once.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::{fs, io};

use strongroom_tests::report::say;

fn main() -> ExitCode {
    let find = std::env::args().any(|word| word == "--find");
    match run(find) {
        Ok(0) => ExitCode::SUCCESS,
        Ok(missed) => {
            say(&format!("{missed} mutations were not noticed"));
            ExitCode::FAILURE
        }
        Err(error) => {
            say(&format!("mutate: {error}"));
            ExitCode::FAILURE
        }
    }
}

fn run(find: bool) -> io::Result<usize> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize()?;
    let copy = root.join("target/mutants/tree");
    let build = root.join("target/mutants/build");
    let clean = compile(&root, &root.join("target"))?;
    let mut missed = 0;
    let mut patches: Vec<PathBuf> = fs::read_dir(root.join("tests/mutations"))?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()?;
    patches.sort();
    for patch in patches {
        let head = fs::read_to_string(&patch)?;
        let title = head.lines().next().unwrap_or("");
        say(&format!("{}: {title}", patch.file_name().unwrap_or_default().display()));
        copy_tree(&root, &copy)?;
        // The copy is no repository of its own, and must not be taken for a part of this one.
        let applied = Command::new("git")
            .args(["apply", "--whitespace=nowarn"])
            .arg(&patch)
            .current_dir(&copy)
            .env("GIT_CEILING_DIRECTORIES", root.join("target/mutants"))
            .status()?;
        if !applied.success() {
            return Err(io::Error::other("the patch does not apply any more"));
        }
        let mutant = compile(&copy, &build)?;
        let Run { program, arguments } = Run::read(&head, find)?;
        let (clean_passes, _) = play(&clean.join(program), &arguments)?;
        let (mut mutant_passes, mut told) = play(&mutant.join(program), &arguments)?;
        if mutant_passes && !find {
            // Worlds change with what clients do in them: another seed may show it now.
            let Run { program, arguments } = Run::read(&head, true)?;
            (mutant_passes, told) = play(&mutant.join(program), &arguments)?;
        }
        let verdict = match (find || clean_passes, mutant_passes) {
            (true, false) => "noticed",
            (true, true) => "NOT NOTICED",
            (false, _) => "THE CLEAN TREE FAILS",
        };
        missed += usize::from(verdict != "noticed");
        say(&format!("    {verdict}: {told}"));
    }
    Ok(missed)
}

/// The run that must fail.
struct Run<'a> {
    program: &'static str,
    arguments: Vec<&'a str>,
}

impl<'a> Run<'a> {
    /// The run that the head of a patch names, or a long one of the same program.
    fn read(head: &'a str, find: bool) -> io::Result<Self> {
        let run = head.lines().find_map(|line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            match words.as_slice() {
                ["seed", seed, "requests", count] => {
                    Some(("simulate", ["--seed", *seed, "--requests", *count], "200000"))
                }
                ["powerloss", "seed", seed, "runs", count] => {
                    Some(("powerloss", ["--seed", *seed, "--runs", *count], "2000"))
                }
                _ => None,
            }
        });
        let (program, named, many) =
            run.ok_or_else(|| io::Error::other("the patch names no seed"))?;
        let [_, _, count, _] = named;
        let arguments = if find { vec![count, many] } else { named.to_vec() };
        Ok(Self { program, arguments })
    }
}

/// Builds the programs of a tree, and gives their folder.
fn compile(tree: &Path, target: &Path) -> io::Result<PathBuf> {
    let status = Command::new(env!("CARGO"))
        .args(["build", "--release", "--quiet", "--locked", "-p", "strongroom-tests"])
        .args(["--bin", "simulate", "--bin", "powerloss"])
        .current_dir(tree)
        .env("CARGO_TARGET_DIR", target)
        // Mutants run for a moment: they need not be the fastest.
        .env("CARGO_PROFILE_RELEASE_LTO", "off")
        .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16")
        .status()?;
    if !status.success() {
        return Err(io::Error::other("the tree does not build"));
    }
    Ok(target.join("release"))
}

/// Whether a run passes, and the first line of what it told if not.
fn play(program: &Path, arguments: &[&str]) -> io::Result<(bool, String)> {
    let output = Command::new(program).args(arguments).stdin(Stdio::null()).output()?;
    let told = String::from_utf8_lossy(&output.stderr);
    let line = told.lines().find(|line| !line.is_empty()).unwrap_or("");
    Ok((output.status.success(), line.chars().take(200).collect()))
}

/// Copies every file that belongs to the tree.
fn copy_tree(root: &Path, copy: &Path) -> io::Result<()> {
    if copy.exists() {
        fs::remove_dir_all(copy)?;
    }
    let listed = Command::new("git")
        .args(["ls-files", "-co", "--exclude-standard"])
        .current_dir(root)
        .output()?;
    for name in String::from_utf8_lossy(&listed.stdout).lines() {
        let to = copy.join(name);
        if let Some(folder) = to.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::copy(root.join(name), to)?;
    }
    Ok(())
}
