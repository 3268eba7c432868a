//! A journal that cannot be completed: reported, never guessed at, set aside only when asked for.

#![allow(clippy::unwrap_used)]

use dirsync_tests::{TestTree, command, run};

fn po_admin(args: &[&str]) -> dirsync_tests::Output {
    let mut command = command("po-admin");
    command.args(args);
    run(&mut command)
}

#[test]
fn a_damaged_commit_stops_writers_until_it_is_set_aside() {
    let site = TestTree::new();
    let tree = site.join("A");
    let tree = tree.to_str().unwrap();
    po_admin(&["init", tree, "POLYNOMIAL/MONTGOMERY"]).expect_code(0);
    // Not a manifest, and not a leftover either: it has the name that counts.
    std::fs::create_dir(site.join("A/GLB/JOURNAL")).unwrap();
    std::fs::write(site.join("A/GLB/JOURNAL/COMMIT"), [7u8; 300]).unwrap();
    std::fs::remove_dir_all(site.join("A/ATT/AT8")).unwrap();

    let check = po_admin(&["check", tree]).expect_code(1);
    assert!(check.stdout.contains("journal.damaged"), "{}", check.stdout);
    assert!(
        check.stdout.contains("Directory Does Not Exist."),
        "{}",
        check.stdout
    );
    let refused = po_admin(&["check", tree, "--fix"]).expect_code(5);
    assert!(
        refused.stderr.contains("journal.damaged"),
        "{}",
        refused.stderr
    );
    // It loses something, so a script must say yes.
    po_admin(&["check", tree, "--fix", "journal.damaged"]).expect_code(3);
    po_admin(&["check", tree, "--fix", "journal.damaged", "--yes"]).expect_code(1);
    assert!(site.join("A/GLB/JOURNAL/COMMIT.BAD").is_file());
    po_admin(&["check", tree, "--fix"]).expect_code(0);
    po_admin(&["check", tree]).expect_code(0);
}
