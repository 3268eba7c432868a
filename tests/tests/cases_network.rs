//! Cases of the support articles: the manual cycle, postoffices that come and go, files of the server
//! that were lost.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::fs;

use dirsync_tests::{Output, Site};

const NAMES: [&str; 3] = ["SRV", "RA", "RB"];

fn problems(output: &Output) -> String {
    let document = output.json();
    let problems = document["problems"].as_array().unwrap().iter();
    let texts = problems.map(|problem| problem["message"].as_str().unwrap());
    texts.collect::<Vec<_>>().join("\n")
}

// Q134382: every step by hand, all postoffices in each of them.
// rule: dsp:R-MAN-001
// rule: dsp:R-T3-008
#[test]
fn q134382_the_manual_cycle() {
    let site = Site::new(&NAMES, 2);
    for _ in 0..2 {
        for name in NAMES {
            site.cycle("t1", name).expect_code(0);
        }
        site.deliver();
        site.t2().expect_code(0);
        for name in NAMES {
            site.t3(name).expect_code(0);
        }
    }
    site.assert_equal(6);
    site.assert_clean();

    // Q105965: with the automatic rebuild switched off the names are in the lists only.
    site.ok("options", "RA", &["--rebuild", "no"]);
    site.add("RB", "new");
    site.run(&[]).expect_code(0);
    let log = site.log("RA/LOG/DIRSYNC.LOG");
    assert!(
        log.contains("| Status       GAL not active on this PO\r\n"),
        "{log}"
    );
    assert_eq!(site.gal("RA").len(), 6);
    site.import("rebuild", "RA", &[]).expect_code(0);
    site.assert_equal(7);
}

// Q96060, problem 1: who lacks what. An import does not mend the server; the owner's export does.
// rule: dsp:R-REC-001
// rule: dsp:R-IMP-011
#[test]
fn the_owner_of_a_list_mends_the_server() {
    let site = Site::settled(&NAMES, 3);
    // The server and RB lose the names of RA.
    for name in ["SRV", "RB"] {
        for entry in fs::read_dir(site.tree(name).join("USR")).unwrap() {
            let path = entry.unwrap().path();
            let bytes = fs::read(&path).unwrap();
            if bytes.windows(3).any(|part| part == b"ra1") {
                fs::write(path, b"").unwrap();
            }
        }
        site.import("rebuild", name, &[]).expect_code(0);
        assert_eq!(site.gal(name).len(), 6, "{name}");
    }
    site.ok("import-request", "RB", &[]);
    site.run(&[]).expect_code(0);
    assert_eq!(site.gal("RB").len(), 6);
    assert_eq!(site.gal("SRV").len(), 6);
    site.ok("export", "RA", &[]);
    site.run(&[]).expect_code(0);
    site.assert_equal(9);
    site.assert_clean();
}

// Q112280: MSTTRANS was lost.
// rule: dsp:R-REC-005
// rule: dsp:R-ORD-009
// rule: dsp:R-T2R-010
// rule: dsp:R-BUG-31
// rule: pof:R-DSY-009
// rule: tra:R-QUE-014
#[test]
fn q112280_a_lost_master_list() {
    let site = Site::settled(&NAMES, 2);
    site.add("RA", "new");
    fs::remove_file(site.tree("SRV/GLB/MSTTRANS.GLB")).unwrap();
    site.t1("RA");
    let t2 = site.cycle("t2", "SRV").expect_code(5);
    assert!(
        t2.stdout.contains("[  2] Error opening file: MSTTRANS"),
        "{t2}"
    );
    let log = site.log("SRV/LOG/DIRSYNC.LOG");
    let lines: Vec<_> = log.lines().rev().take(2).map(|line| &line[20..]).collect();
    assert_eq!(
        lines,
        [
            "Fatal  [  2] Error opening file: MSTTRANS",
            "Warning[  2] Error opening file: MSTTRANS"
        ]
    );
    let check = site.po("check", "SRV", &[]).expect_code(1);
    assert!(check.stdout.contains("dirsync.msttrans-missing"), "{check}");
    site.ok("check --yes --fix dirsync.msttrans-missing", "SRV", &[]);
    for name in NAMES {
        site.ok("export", name, &[]);
    }
    // 138 and 139 may come once.
    site.run(&[]);
    site.run(&[]).expect_code(0);
    site.assert_equal(7);
    site.assert_clean();
}

// Q130230: a postoffice that is gone stays in everybody's list until it is deleted there.
// rule: dsp:R-ORD-012
#[test]
fn q130230_a_deleted_postoffice_is_deleted_everywhere() {
    let site = Site::settled(&NAMES, 2);
    fs::remove_dir_all(site.tree("RB")).unwrap();
    site.ok("requestor remove", "SRV", &["NET/RB", "--yes"]);
    site.run(&[]).expect_code(0);
    for name in ["SRV", "RA"] {
        assert_eq!(site.gal(name).len(), 6, "{name}");
        site.ok("postoffice remove", name, &["NET/RB", "--yes"]);
        site.import("rebuild", name, &[]).expect_code(0);
        assert_eq!(site.gal(name).len(), 4, "{name}");
    }
    site.run(&[]).expect_code(0);
    assert_eq!(site.gal("RA"), site.gal("SRV"));
    assert_eq!(site.gal("RA").len(), 4);
}

// Q127752: headers that stand twice in SYSTEM stopped SRVMAIN before it answered anybody.
// rule: dsp:R-BUG-02
// rule: dsp:R-T2R-009
#[test]
fn q127752_duplicate_headers_are_skipped() {
    let site = Site::settled(&NAMES, 2);
    site.add("RA", "new");
    for name in NAMES {
        site.cycle("t1", name).expect_code(0);
    }
    site.deliver();
    let mailbag = site.tree("SRV/MBG/SYSTEM.MBG");
    let headers = fs::read(&mailbag).unwrap();
    assert_eq!(headers.len(), 6 * 116);
    let doubled: Vec<u8> = headers
        .chunks(116)
        .flat_map(|header| [header, header].concat())
        .collect();
    fs::write(&mailbag, doubled).unwrap();
    let t2 = site.t2();
    assert!(!problems(&t2).contains("[115]"), "{t2}");
    assert_eq!(
        t2.json()["result"]["postoffices"][0]["server"]["requests"],
        3
    );
    for name in NAMES {
        site.t3(name).expect_code(0);
    }
    site.assert_equal(7);
    site.assert_clean();
}

// Files of a postoffice that another program holds: the numbers that the articles print.
// rule: dsp:R-T1-007
// rule: dsp:R-T2R-010
// rule: dsp:R-ROLE-008
#[cfg(unix)]
// rule: pof:R-MST-003
#[test]
fn a_postoffice_in_use_is_said_with_the_numbers_of_the_articles() {
    use rustix::fs::{FlockOperation, flock};
    let site = Site::settled(&NAMES, 2);
    let held: Vec<fs::File> = NAMES
        .map(|name| fs::File::open(site.tree(name).join("GLB/TREE.LCK")).unwrap())
        .into();
    for file in &held {
        flock(file, FlockOperation::LockExclusive).unwrap();
    }
    let before = dirsync_tests::snapshot(site.path());
    for (step, name, text) in [
        ("t1", "RA", "[151] Requestor configuration busy: "),
        ("t3", "RA", "[151] Requestor configuration busy: "),
        ("t2", "SRV", "[161] Server configuration busy: "),
    ] {
        let report = site.cycle(&format!("{step} --json --wait 0"), name);
        assert_ne!(report.code(), Some(0), "{report}");
        assert!(problems(&report).contains(text), "{step}: {report}");
    }
    // Q131423 and Q130115.
    for (words, name, rest, text) in [
        (
            "server on --wait 0",
            "RA",
            &[][..],
            "[162] Failed to complete installation of the directory server. ",
        ),
        (
            "server off --wait 0",
            "SRV",
            &["--yes"],
            "[163] Failed to complete deinstallation of directory server. ",
        ),
    ] {
        let busy = site.po(words, name, rest).expect_code(4);
        assert!(busy.stderr.contains(text), "{busy}");
    }
    let after = dirsync_tests::snapshot(site.path());
    assert_eq!(dirsync_tests::differences(&before, &after), [""; 0]);
    drop(held);
    site.run(&[]).expect_code(0);
    site.assert_equal(6);
}
