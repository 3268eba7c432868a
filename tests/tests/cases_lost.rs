//! Cases of the support articles: lists and files that were lost, with their remedies.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::fs;

use dirsync_tests::{Output, Site, TestTree};

const NAMES: [&str; 3] = ["SRV", "RA", "RB"];

/// The texts of a report's problems.
fn problems(output: &Output) -> Vec<String> {
    let document = output.json();
    let problems = document["problems"].as_array().unwrap().iter();
    problems
        .map(|problem| problem["message"].as_str().unwrap().to_owned())
        .collect()
}

/// The messages of an article stand in the log one after another.
fn assert_in_order(log: &str, lines: &[&str]) {
    let mut rest = log;
    for line in lines {
        let at = rest
            .find(line)
            .unwrap_or_else(|| panic!("{line:?} does not follow in\n{log}"));
        rest = &rest[at + line.len()..];
    }
}

// Q142841: an import request, T2, T1, T2, T3. Both replies wait at T3; the old REQMAIN acted on the
// later one only, and the requestor never got its lists.
// rule: dsp:R-ORD-005
// rule: dsp:R-BUG-12
// rule: dsp:R-IMP-002
// rule: tra:R-ADM-039
#[test]
fn q142841_two_t2_between_t1_and_t3_lose_no_import() {
    let site = Site::settled(&NAMES, 4);
    // RA lost what RB has added: its lists are those of yesterday, its numbers those of today.
    let yesterday = TestTree::copy_of(&site.tree("RA/USR"));
    site.add("RB", "new");
    site.run(&[]).expect_code(0);
    site.assert_equal(13);
    for entry in fs::read_dir(yesterday.path()).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), site.tree("RA/USR").join(entry.file_name())).unwrap();
    }
    site.import("rebuild", "RA", &[]).expect_code(0);
    assert_eq!(site.gal("RA").len(), 12);

    site.ok("import-request", "RA", &[]);
    site.deliver();
    site.t2().expect_code(0);
    // More happens meanwhile, so that the second reply has something to say.
    site.add("RB", "newer");
    site.t1("RB");
    site.t1("RA");
    site.t2().expect_code(0);
    let waiting = site.ok("mail list --json", "RA", &["SYSTEM"]).json_lines();
    assert_eq!(waiting.len(), 3, "{waiting:#?}");
    site.t3("RA").expect_code(0);
    for name in ["SRV", "RB"] {
        site.t3(name).expect_code(0);
    }
    site.run(&[]).expect_code(0);
    site.assert_equal(14);
    site.assert_clean();
}

// Q99961: a requestor was deleted at the server and added again.
// rule: dsp:R-ORD-010
// rule: dsp:R-T3-001
// rule: dec:DEC-039
// rule: exc:R-IN-005
#[test]
fn q99961_a_requestor_deleted_and_added_again_needs_an_import() {
    let site = Site::settled(&NAMES, 3);
    site.ok("requestor remove", "SRV", &["NET/RA", "--yes"]);
    site.ok("requestor add", "SRV", &["NET/RA"]);
    site.add("RB", "new");
    for _ in 0..3 {
        let report = site.run(&["--json"]).expect_code(1);
        let text = problems(&report).join("\n");
        assert!(text.contains("sync.import-behind"), "{text}");
    }
    assert_eq!(site.gal("RA").len(), 9);
    let log = site.log("RA/LOG/DIRSYNC.LOG");
    let (_, since) = log.rsplit_once("Requestor updates received").unwrap();
    assert!(since.starts_with(": 0"), "{since}");

    site.ok("import-request", "RA", &[]);
    site.run(&[]);
    site.ok("export", "RA", &[]);
    // The new record has never seen the numbers before the Export (DEC-020).
    let report = site.run(&["--json"]).expect_code(1);
    let text = problems(&report).join("\n");
    assert!(text.contains("sync.request-gap"), "{text}");
    site.run(&[]).expect_code(0);
    site.assert_equal(10);
    site.assert_clean();
}

// Q108067: a requestor that was away for longer than the server keeps updates.
// rule: dsp:R-ORD-007
// rule: dsp:R-BUG-30
// rule: dsp:TV-LOG-8
#[test]
fn q108067_a_requestor_inactive_for_longer_than_the_update_window() {
    let site = Site::settled(&NAMES, 3);
    site.ok("options", "SRV", &["--keep-updates", "2"]);
    let away = TestTree::new();
    fs::rename(site.tree("RB"), away.join("RB")).unwrap();
    for n in 0..4 {
        site.add("RA", &format!("away{n}"));
        site.wait_days(2);
        site.run(&[]).expect_code(1);
    }
    fs::rename(away.join("RB"), site.tree("RB")).unwrap();
    site.add("RB", "back");

    let automatic = site.copy();
    let before = site.log("SRV/LOG/DIRSYNC.LOG").len();
    site.run(&[]).expect_code(1);
    let log = site.log("SRV/LOG/DIRSYNC.LOG");
    assert_in_order(
        &log[before..],
        &[
            "| Error  [   ] PCM:NET/RB",
            "| Error  [138] Server sync does not exist anymore (",
            "| Error  [139] Number of missing transactions = ",
        ],
    );
    site.run(&[]);
    // What was purged never comes by itself.
    assert!(site.gal("RB").len() < site.gal("SRV").len());
    site.ok("export", "RB", &[]);
    site.ok("import-request", "RB", &[]);
    site.run(&[]).expect_code(0);
    site.run(&[]).expect_code(0);
    site.assert_equal(9 + 4 + 1);
    site.assert_clean();

    // The option does it without a hand.
    let report = automatic.run(&["--json", "--auto-import"]).expect_code(1);
    let text = problems(&report).join("\n");
    assert!(text.contains("[138]"), "{text}");
    automatic.run(&[]).expect_code(0);
    automatic.assert_equal(9 + 4 + 1);
    automatic.assert_clean();
}

// Q113453: the server was restored from a backup copy.
// rule: dsp:R-ORD-008
// rule: dec:DEC-058
// rule: exc:R-RSY-021
// rule: tra:R-ADM-094
#[test]
fn q113453_a_server_restored_from_backup() {
    let site = Site::settled(&NAMES, 3);
    let backup = TestTree::copy_of(&site.tree("SRV"));
    site.add("RA", "lost1");
    site.run(&[]).expect_code(0);
    site.add("RB", "lost2");
    site.run(&[]).expect_code(0);
    site.assert_equal(11);
    fs::remove_dir_all(site.tree("SRV")).unwrap();
    fs::rename(backup.path(), site.tree("SRV")).unwrap();

    site.add("RA", "later");
    let report = site.run(&["--json"]).expect_code(1);
    let text = problems(&report).join("\n");
    assert!(
        text.contains("[138] Server sync does not exist anymore"),
        "{text}"
    );
    assert!(
        text.contains("[139] Number of missing transactions"),
        "{text}"
    );
    assert!(text.contains("sync.server-restored"), "{text}");
    // The request was taken; what was lost stays a hole.
    let gal: Vec<_> = site.gal("SRV").into_iter().map(|(_, name)| name).collect();
    assert!(gal.contains(&"User later".to_owned()), "{gal:?}");
    assert!(!gal.contains(&"User lost1".to_owned()), "{gal:?}");

    for name in NAMES {
        site.ok("export", name, &[]);
    }
    site.run(&[]);
    for name in ["RA", "RB"] {
        site.ok("import-request", name, &[]);
    }
    site.run(&[]);
    site.run(&[]).expect_code(0);
    site.assert_equal(12);
    site.assert_clean();
}

// Q119014: REQTRANS.GLB was deleted.
// rule: dsp:R-REC-004
// rule: dsp:R-T1-005
// rule: dec:DEC-123
#[test]
fn q119014_a_missing_reqtrans() {
    let site = Site::settled(&NAMES, 3);
    for name in ["RA", "SRV"] {
        fs::remove_file(site.tree(name).join("GLB/REQTRANS.GLB")).unwrap();
        let before = site.log(&format!("{name}/LOG/DIRSYNC.LOG")).len();
        let t1 = site.cycle("t1 --json", name).expect_code(1);
        let text = problems(&t1).join("\n");
        assert!(text.contains("REQTRANS"), "{text}");
        let log = site.log(&format!("{name}/LOG/DIRSYNC.LOG"));
        // Q119017.
        assert_in_order(
            &log[before..],
            &[
                "| Warning[  2] Error opening file: REQTRANS",
                "| Fatal  [ 40] Possible database corruption detected: REQTRANS",
                "| Warning[152] Failure to transmit requestor updates",
                "| Status       Requestor process failed.",
            ],
        );
        // A change made now would have no number to go by.
        let export = site.po("export", name, &[]);
        assert_ne!(export.code(), Some(0), "{export}");
        assert!(export.stderr.contains("[  2]"), "{export}");

        site.po("check --fix", name, &[]);
        site.add(name, "after");
        site.ok("export", name, &["--yes"]);
        site.run(&[]).expect_code(0);
    }
    site.run(&[]).expect_code(0);
    site.assert_equal(11);
    site.assert_clean();
}
