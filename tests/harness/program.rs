//! Programs under test: how they are built.
//!
//! Each is built as its users build it, by its package alone: this package turns on the core's
//! `simulation`, and cargo joins the features of packages that it builds together.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

/// Builds one program with these arguments of `cargo build`, and gives its path: in that folder, where
/// a later build of others does not touch it. The folder is on the medium of the built program.
///
/// # Errors
///
/// What cargo says, or the operating system.
pub fn build(arguments: &[&str], name: &str, folder: &Path) -> Result<PathBuf, String> {
    let output = Command::new(env!("CARGO"))
        .args(["build", "--locked", "--quiet", "--message-format=json"])
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("cargo does not run: {error}"))?;
    if !output.status.success() {
        let errors = String::from_utf8_lossy(&output.stderr);
        return Err(format!("{name} is not built: {errors}"));
    }
    let built = String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|message| message.pointer("/target/name").is_some_and(|target| target == name))
        .find_map(|message| message.get("executable")?.as_str().map(PathBuf::from))
        .ok_or_else(|| format!("cargo does not say where {name} is"))?;
    // A link, not a copy: a program that was just written may still be open in a child of ours, and
    // would not start.
    let path = folder.join(name);
    let _ = fs::remove_file(&path);
    fs::hard_link(built, &path).map_err(|error| format!("{name} gets no name: {error}"))?;
    Ok(path)
}
