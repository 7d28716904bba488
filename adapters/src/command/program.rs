//! The name under which the program was started.
//!
//! Scripts that were written for another program of this field find it under that program's name, by a
//! link or a copy; it then speaks of itself by that name.

use std::env;
use std::path::Path;

/// See the module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Program {
    /// What is typed.
    pub(super) name: &'static str,
    /// What stands before the version.
    pub(super) product: &'static str,
}

const STRONGROOM: Program = Program { name: "strongroom", product: "Strongroom" };
const LINKED: [Program; 2] = [
    // Clients of either take the second word of `version` as the version.
    Program { name: "vault", product: "Vault" },
    Program { name: "bao", product: "OpenBao" },
];

impl Program {
    /// The program that runs.
    pub(super) fn current() -> Self {
        env::args_os().next().map_or(STRONGROOM, |path| Self::at(Path::new(&path)))
    }

    fn at(path: &Path) -> Self {
        let name = path.file_stem().and_then(|name| name.to_str());
        LINKED.into_iter().find(|linked| Some(linked.name) == name).unwrap_or(STRONGROOM)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn goes_by_the_name_of_its_link() {
        const CASES: [(&str, &str); 5] = [
            ("/usr/bin/vault", "Vault"),
            ("bao", "OpenBao"),
            ("bao.exe", "OpenBao"),
            ("./strongroom", "Strongroom"),
            ("vaulted", "Strongroom"),
        ];
        for (path, product) in CASES {
            assert_eq!(Program::at(Path::new(path)).product, product, "{path}");
        }
    }
}
