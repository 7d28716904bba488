//! What is installed: the program without symbols, with all of its features and with few.

use std::fs;
use std::io;
use std::path::Path;
use std::process::Command;

use super::build_with;
use super::report::Table;
use super::target::{BINARY_MIB, BINARY_MIB_BLOCKING, Judged, Target};

/// Names, arguments of `cargo build`, and what is to be reached.
const BUILDS: [(&str, &[&str], Option<Target>); 3] = [
    (
        "blocking alone",
        &["--no-default-features", "--features=blocking"],
        Some(BINARY_MIB_BLOCKING),
    ),
    ("blocking and a file", &["--no-default-features", "--features=blocking,embedded"], None),
    ("all features", &[], Some(BINARY_MIB)),
];

/// See the module. The build with all features comes last, so it is what stays in the target folder.
pub(super) fn measure(folder: &Path) -> io::Result<Table> {
    let mut table = Table::new(vec!["program without symbols".to_owned(), "MiB".to_owned()]);
    for (name, arguments, target) in BUILDS {
        let cell = match build_with(arguments, &name.replace(' ', "-")) {
            Ok(path) => Judged { value: mib(stripped(&path, folder)?), target }.to_string(),
            Err(error) => first_error(&error.to_string()),
        };
        table.row(name, vec![cell]);
    }
    Ok(table)
}

/// Bytes of a program without its symbols.
fn stripped(path: &Path, folder: &Path) -> io::Result<u64> {
    let stripped = folder.join("stripped");
    let status = Command::new("strip").arg("-o").arg(&stripped).arg(path).status();
    if !status.is_ok_and(|status| status.success()) {
        return Err(io::Error::other("`strip` is needed to measure the size; it is in binutils"));
    }
    let bytes = fs::metadata(&stripped)?.len();
    fs::remove_file(stripped)?;
    Ok(bytes)
}

fn mib(bytes: u64) -> f64 {
    f64::from(u32::try_from(bytes / 1024).unwrap_or(u32::MAX)) / 1024.0
}

/// The line of a compiler's words that says why.
fn first_error(text: &str) -> String {
    let line = text.lines().find(|line| line.starts_with("error"));
    format!("is not built: {}", line.unwrap_or(text))
}
