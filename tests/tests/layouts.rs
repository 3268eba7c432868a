//! Trees of every layout version that was ever written must open.

#![allow(clippy::unwrap_used)]

use dirsync_tests::{TestTree, command, fixture, run};

#[test]
fn a_tree_of_layout_1_opens_is_sound_and_can_be_written() {
    let tree = TestTree::copy_of(&fixture("layout-1"));
    let path = tree.path().to_str().unwrap().to_owned();
    let po_admin = |args: &[&str]| run(command("po-admin").args(args).arg(&path));
    po_admin(&["check"]).expect_code(0);
    let listed = po_admin(&["user", "list"]).expect_code(0);
    assert!(listed.stdout.contains("able is he"), "{}", listed.stdout);
    let waiting = run(command("po-admin").args(["listq", &path, "reqtrans"])).expect_code(0);
    assert!(
        waiting
            .stdout
            .contains("000001 A able is he\tPCM:POLYNOMIAL/MONTGOMERY/able"),
        "{}",
        waiting.stdout
    );
    run(command("po-admin").args(["user", "add", &path, "apple", "--name", "apple"]))
        .expect_code(0);
    po_admin(&["check"]).expect_code(0);
}
