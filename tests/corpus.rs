//! The fuzzers' corpora, replayed without a fuzzer.
//!
//! Invariants: every target has a corpus, every corpus is small, and every file of it is good input
//! for its body; only the canary's is not.

use std::collections::BTreeSet;
use std::fs;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};

use strongroom_tests::fuzz;

type Body = fn(&[u8]);

const CASES: [(&str, Body); 12] = [
    ("canary", fuzz::canary),
    ("conn", fuzz::conn),
    ("document", fuzz::document),
    ("head", fuzz::head),
    ("index", fuzz::index),
    ("json", fuzz::json),
    ("path", fuzz::path),
    ("policy", fuzz::policy),
    ("record", fuzz::record),
    ("shares", fuzz::shares),
    ("spelling", fuzz::spelling),
    ("world", fuzz::world),
];

fn fuzz_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz")
}

/// Names and contents of the files of a corpus.
fn corpus(target: &str) -> Vec<(String, Vec<u8>)> {
    let files = fs::read_dir(fuzz_folder().join("corpus").join(target)).expect(target);
    let read =
        |path: PathBuf| (path.display().to_string(), fs::read(&path).expect("a readable file"));
    files.map(|file| read(file.expect("a file").path())).collect()
}

#[test]
fn has_a_corpus_for_each_target() {
    let names = |folder: &str| -> BTreeSet<String> {
        let files = fs::read_dir(fuzz_folder().join(folder)).expect(folder);
        let stem = |path: PathBuf| path.file_stem().unwrap().to_str().unwrap().to_string();
        files.map(|file| stem(file.unwrap().path())).collect()
    };
    let bodies: BTreeSet<String> = CASES.iter().map(|(name, _)| (*name).to_string()).collect();
    assert_eq!(names("fuzz_targets"), bodies);
    assert_eq!(names("corpus"), bodies);
    for (target, _) in CASES {
        let files = corpus(target);
        assert!((1..=20).contains(&files.len()), "{target}: {} files", files.len());
        for (name, bytes) in files {
            assert!(bytes.len() <= 2048, "{name} is large");
        }
    }
}

#[test]
fn replays_every_corpus() {
    for (target, body) in CASES {
        for (name, bytes) in corpus(target) {
            let broken = catch_unwind(|| body(&bytes)).is_err();
            assert_eq!(broken, target == "canary", "{name}");
        }
    }
}
