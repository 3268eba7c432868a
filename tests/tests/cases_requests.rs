//! Cases of the support articles: what a server refuses, what it answers only in part, and the
//! reports that requestors send it.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::fs;
use std::path::PathBuf;

use dirsync_tests::{Output, Site};

const NAMES: [&str; 3] = ["SRV", "RA", "RB"];

/// The texts of a report's problems.
fn problems(output: &Output) -> String {
    let document = output.json();
    let problems = document["problems"].as_array().unwrap().iter();
    let texts = problems.map(|problem| problem["message"].as_str().unwrap());
    texts.collect::<Vec<_>>().join("\n")
}

/// Headers in a mailbag.
fn mail_count(site: &Site, tree: &str, mailbag: &str) -> usize {
    let lines = site.ok("mail list --json", tree, &[mailbag]).json_lines();
    lines.len() - 1
}

fn password_file(site: &Site, name: &str, password: &str) -> PathBuf {
    let path = site.tree(name);
    fs::write(&path, password).unwrap();
    path
}

// Q125917: 156 for a password that is wrong, and never because of another record whose name is a
// part of the sender's.
// rule: dsp:R-PWD-001
// rule: dsp:R-PWD-002
// rule: dsp:R-PWD-003
// rule: dsp:R-PWD-004
// rule: dsp:R-T2R-003
// rule: dsp:TV-PWD-1
#[test]
fn q125917_invalid_dirsync_password() {
    // PO10 has a blank password and stands in front of PO1, which has one.
    let site = Site::new(&["SRV", "PO10", "PO1"], 2);
    let right = password_file(&site, "right", "Sesame");
    let wrong = password_file(&site, "wrong", "sesame");
    let (right, wrong) = (right.to_str().unwrap(), wrong.to_str().unwrap());
    let file = "--password-file";
    site.ok("requestor modify", "SRV", &["NET/PO1", file, right]);
    site.ok("register", "PO1", &["NET/SRV", file, wrong]);
    let report = site.run(&["--json"]).expect_code(1);
    assert!(
        problems(&report).contains("[156] Invalid Dirsync password from PCM:NET/PO1"),
        "{report}"
    );
    let log = site.log("SRV/LOG/DIRSYNC.LOG");
    assert!(
        log.contains("| Error  [156] Invalid Dirsync password from PCM:NET/PO1\r\n"),
        "{log}"
    );
    // Only the one: PO10 was taken, whatever stands behind it.
    assert_eq!(log.matches("[156]").count(), 1, "{log}");
    assert_eq!(site.record("PO10")["req_sync"], 3);
    assert_eq!(site.record("PO1")["req_sync"], 0);
    // The password stands in no log, no report and no mail.
    let bag = mail_count(&site, "SRV", "Admin");
    assert_eq!(bag, 1, "the administrator is told");
    for text in [&log, &report.stdout, &site.log("PO1/LOG/DIRSYNC.LOG")] {
        assert!(!text.to_lowercase().contains("sesame"), "{text}");
    }
    for entry in walk(&site, "SRV/MAI") {
        let text = String::from_utf8_lossy(&fs::read(entry).unwrap()).to_lowercase();
        assert!(!text.contains("sesame"));
    }

    // Both remedies: the right one, or none at the server.
    let blank = site.copy();
    site.ok("register", "PO1", &["NET/SRV", file, right]);
    blank.ok("requestor modify", "SRV", &["NET/PO1"]);
    for site in [&site, &blank] {
        site.run(&[]).expect_code(0);
        site.run(&[]).expect_code(0);
        site.assert_equal(6);
        site.assert_clean();
    }
}

fn walk(site: &Site, below: &str) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut dirs = vec![site.tree(below)];
    while let Some(dir) = dirs.pop() {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => dirs.push(path),
                false => files.push(path),
            }
        }
    }
    files
}

// Q119450: an import reply above the requestor's limit is not sent; a normal one is paced.
// rule: dsp:R-LIM-001
// rule: dsp:R-LIM-002
// rule: dsp:R-LIM-003
// rule: dsp:TV-LOG-9
#[test]
fn q119450_the_transaction_limit() {
    let site = Site::settled(&NAMES, 12);
    site.ok("options", "RA", &["--limit", "1"]);
    for n in 0..30 {
        site.add("RB", &format!("more{n:02}"));
    }
    // Paced: some in each cycle, until all are there.
    let mut sizes = vec![site.gal("RA").len()];
    for _ in 0..5 {
        site.run(&[]).expect_code(0);
        sizes.push(site.gal("RA").len());
    }
    assert!(sizes.windows(2).all(|pair| pair[0] <= pair[1]), "{sizes:?}");
    assert!(
        sizes[1] > 36 && sizes[1] < 66 && sizes[5] == 66,
        "{sizes:?}"
    );
    site.assert_equal(66);

    site.ok("import-request", "RA", &[]);
    let before = site.gal("RA");
    let report = site.run(&["--json"]).expect_code(1);
    let text = problems(&report);
    assert!(text.contains("[118] Transaction limit reached"), "{text}");
    assert!(
        text.contains("[166] Manual Import required for PCM:NET/RA"),
        "{text}"
    );
    let log = site.log("SRV/LOG/DIRSYNC.LOG");
    let at = |line: &str| log.find(line).unwrap_or_else(|| panic!("{line}: {log}"));
    assert!(
        at("| Fatal  [118] Transaction limit reached")
            < at("| Fatal  [166] Manual Import required for PCM:NET/RA")
    );
    assert_eq!(site.gal("RA"), before);
    // A higher limit, and asking again, is the other way out.
    site.ok("options", "RA", &["--limit", "0"]);
    site.ok("import-request", "RA", &["--yes"]);
    site.run(&[]);
    site.run(&[]).expect_code(0);
    site.assert_equal(66);
    site.assert_clean();
}

// rule: dsp:R-STA-001
// rule: dsp:R-STA-003
// rule: dsp:R-LOG-008
// rule: dsp:R-T3-007
// rule: dsp:TV-LOG-5
#[test]
fn the_reports_of_requestors_are_one_cycle_late() {
    let site = Site::new(&["SRV", "RA"], 2);
    site.run(&[]).expect_code(0);
    // T3 has written, T1 has not sent it yet.
    let dsserver = site.log("RA/LOG/DSSERVER.LOG");
    let lines: Vec<_> = dsserver.lines().collect();
    assert!(
        lines.iter().any(|line| line.contains("| 1 105 ")),
        "{lines:#?}"
    );
    let [.., entries, end] = &lines[..] else {
        panic!("{lines:#?}")
    };
    assert!(
        entries.contains("| 1  -1 Number of entries in GAL: "),
        "{entries}"
    );
    assert!(end.ends_with("| 1  -1"), "{end}");
    let central = site.log("SRV/LOG/CENTRAL.LOG");
    assert!(!central.contains(entries), "{central}");
    let dirsync = site.log("RA/LOG/DIRSYNC.LOG");
    assert_eq!(
        dirsync
            .lines()
            .last()
            .unwrap()
            .trim_end()
            .rsplit_once("| ")
            .unwrap()
            .1,
        "Status"
    );
    site.run(&[]).expect_code(0);
    let central = site.log("SRV/LOG/CENTRAL.LOG");
    let (_, ours) = central
        .rsplit_once("| Status       Report from NET/RA/$SYSTEM\r\n")
        .unwrap();
    assert!(
        ours.starts_with(&dsserver.lines().collect::<Vec<_>>()[..].join("\r\n")),
        "{ours}"
    );
    // Only the postoffice that has a server role has a CENTRAL.LOG.
    assert!(!site.tree("RA/LOG/CENTRAL.LOG").exists());
}

// Q125918: a corrupt DSSERVER.LOG trapped SRVMAIN; it must not stop anything.
// rule: dsp:R-T2R-001
// rule: dsp:R-BUG-03
#[test]
fn q125918_a_corrupt_report_stops_nothing() {
    let site = Site::settled(&NAMES, 2);
    let mut corrupt = b"03/13/96 15:27:08 | 1 171\r\n".to_vec();
    corrupt.extend((0u8..=255).cycle().take(5000));
    corrupt
        .extend_from_slice(b"\r\n01/01/00 00:00:00 | Status       Report from NET/RB/$SYSTEM\r\n");
    corrupt.extend_from_slice(b"03/13/96 15:32:50 | 1 105 0\r\n");
    fs::write(site.tree("RA/LOG/DSSERVER.LOG"), corrupt).unwrap();
    site.add("RA", "after");
    let report = site.run(&["--json"]).expect_code(1);
    let text = problems(&report);
    assert!(
        text.contains("[128] Could not process requestor status report"),
        "{text}"
    );
    let log = site.log("SRV/LOG/DIRSYNC.LOG");
    assert!(
        log.contains("| Warning[128] Could not process requestor status report NET/RA/$SYSTEM"),
        "{log}"
    );
    // What can be read was merged; nobody forges a heading.
    let central = fs::read(site.tree("SRV/LOG/CENTRAL.LOG")).unwrap();
    assert!(
        central
            .iter()
            .all(|byte| *byte >= 0x20 || b"\r\n".contains(byte))
    );
    let central = String::from_utf8_lossy(&central).into_owned();
    assert!(
        central.contains("03/13/96 15:27:08 | 1 171\r\n"),
        "{central}"
    );
    assert!(
        central.contains("03/13/96 15:32:50 | 1 105 0\r\n"),
        "{central}"
    );
    assert!(!central.contains("01/01/00"), "{central}");
    site.assert_equal(7);

    // An attachment that is gone: the same.
    site.cycle("t1", "RB").expect_code(0);
    site.deliver();
    for file in walk(&site, "SRV/ATT") {
        fs::remove_file(file).unwrap();
    }
    let report = site.run(&["--json"]).expect_code(1);
    let text = problems(&report);
    assert!(
        text.contains("[128] Could not process requestor status report"),
        "{text}"
    );
    site.run(&[]).expect_code(0);
    site.assert_equal(7);
    site.assert_clean();
}
