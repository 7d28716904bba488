//! A few kills of the real server; the command `kills` makes as many as one likes.

use strongroom_tests::kills::{Plan, run};

use crate::process::{Folder, strongroom};

const KILLS: u64 = 20;

#[test]
fn a_server_that_is_killed_loses_nothing_that_it_acknowledged() {
    let home = Folder::new();
    let folder = home.path().to_owned();
    let plan = Plan { program: strongroom().to_owned(), folder, kills: KILLS, seed: 1 };
    let tally = run(&plan).unwrap_or_else(|broken| panic!("{broken}"));
    // A run in which nothing happens shows nothing.
    assert!(tally.kills >= KILLS && tally.killed_in_write > 0, "{tally:?}");
    assert!(tally.on_smol > 5 && tally.on_blocking > 5, "{tally:?}");
    assert!(tally.restarts > 3 && tally.acknowledged > 20, "{tally:?}");
    assert!(tally.secrets > 400 && tally.lists > 20, "{tally:?}");
}
