//! A new postoffice is the published one, and `check` sees what is missing in it.
#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a helper of tests fails the test by a panic"
)]

mod po;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use dirsync_tests::{TestTree, differences, fixture, snapshot};
use po::{NAME, contents, find, findings, init, on};

// rule: pof:R-DIR-007
#[test]
fn a_new_postoffice_has_the_published_directories_and_sizes() {
    let dir = TestTree::new();
    let tree = dir.join("A");
    init(&tree);
    let made = contents(&tree);

    let directories = fs::read_to_string(fixture("sizes/q135868-directories.txt")).unwrap();
    let wanted: Vec<String> = directories
        .lines()
        .map(|line| line.replace('\\', "/"))
        .collect();
    let mut found: Vec<&String> = made
        .iter()
        .filter(|(_, b)| b.is_none())
        .map(|(p, _)| p)
        .collect();
    let mut sorted: Vec<&String> = wanted.iter().collect();
    sorted.sort();
    found.sort();
    assert_eq!(found, sorted);
    let verified = fs::read_to_string(fixture("output/q132744-directories.txt")).unwrap();
    let mut count = 0;
    for line in verified.lines() {
        assert!(made.contains_key(&line.replace('\\', "/")), "{line}");
        count += 1;
    }
    assert_eq!(count, 51);

    // Every file of the listing has its size, or is one of the vendor's texts.
    let listing = fs::read_to_string(fixture("sizes/q135868-maildata.tsv")).unwrap();
    let mut published: BTreeMap<String, usize> = BTreeMap::new();
    for line in listing.lines().skip(1) {
        let mut columns = line.split('\t');
        let dir = columns.next().unwrap().replace('\\', "/");
        let file = columns.next().unwrap();
        let bytes = columns.next().unwrap().parse().unwrap();
        published.insert(format!("{dir}/{file}"), bytes);
    }
    let mut vendor = 0;
    for (path, len) in &published {
        match made.get(path) {
            Some(bytes) => assert_eq!(bytes.as_ref().unwrap().len(), *len, "{path}"),
            None => {
                let texts = ["HLP/", "TPL/"];
                let names = [
                    ".MDM",
                    ".SCR",
                    "DS_MSG.GLB",
                    "TRANSFIL.GLB",
                    "WELCOME.GLB",
                    "ERRORADM.GLB",
                    "ERRORDYN.GLB",
                    "ENGMAI.GLB",
                    "ENGMON.GLB",
                ];
                let absent = texts.iter().any(|text| path.starts_with(text))
                    || names.iter().any(|name| path.ends_with(name));
                assert!(absent, "{path} is missing");
                vendor += 1;
            }
        }
    }
    assert!(vendor > 50);
    // What we have beyond the listing is ours, and little.
    let beyond: Vec<&String> = made
        .iter()
        .filter(|(path, bytes)| bytes.is_some() && !published.contains_key(*path))
        .map(|(path, _)| path)
        .collect();
    assert_eq!(
        beyond,
        [
            "GLB/FLAG.GLB",
            "GLB/LAYOUT.TXT",
            "GRP/ADMINSHD.GRP",
            "NME/ADMINSHD.NME"
        ]
    );
}

// rule: pof:R-DIR-003
#[test]
fn every_directory_has_its_read_only_marker() {
    let dir = TestTree::new();
    let tree = dir.join("A");
    init(&tree);
    let mut count = 0;
    for (path, _) in contents(&tree).iter().filter(|(_, bytes)| bytes.is_none()) {
        let marker = tree.join(path).join("POPULATE.MSM");
        assert_eq!(fs::read(&marker).unwrap().len(), 1);
        assert_eq!(
            fs::metadata(&marker).unwrap().permissions().mode() & 0o777,
            0o444
        );
        count += 1;
    }
    assert_eq!(count, 54);
}

// rule: pof:R-DIR-002
#[test]
fn a_missing_directory_and_a_file_in_its_place_are_found_and_mended() {
    let dir = TestTree::new();
    let tree = dir.join("A");
    init(&tree);
    on("check", &tree, &[]).expect_code(0);

    let at8 = tree.join("ATT/AT8");
    fs::remove_dir_all(&at8).unwrap();
    let output = on("check", &tree, &[]).expect_code(1);
    assert!(
        output.stdout.contains("Directory Does Not Exist"),
        "{output}"
    );
    assert_eq!(
        findings(&tree),
        [("directory.missing".into(), "ATT/AT8".into())]
    );

    fs::write(&at8, b"plain").unwrap();
    let output = on("check", &tree, &[]).expect_code(1);
    assert!(output.stdout.contains("Directory Is a File"), "{output}");
    assert_eq!(
        findings(&tree),
        [("directory.is-a-file".into(), "ATT/AT8".into())]
    );

    on("check", &tree, &["--fix"]).expect_code(0);
    assert!(at8.join("POPULATE.MSM").is_file());
    on("check", &tree, &[]).expect_code(0);
    // The second fix changes nothing.
    let before = snapshot(&tree);
    on("check", &tree, &["--fix"]).expect_code(0);
    let changed = differences(&before, &snapshot(&tree));
    assert!(
        changed.iter().all(|line| line.starts_with("GLB/TREE.LCK")),
        "{changed:?}"
    );
}

#[test]
fn an_occupied_place_is_refused_with_exit_3() {
    let dir = TestTree::new();
    dir.write("FILE", b"x");
    dir.write("FULL/x", b"");
    fs::create_dir(dir.join("EMPTY")).unwrap();
    std::os::unix::fs::symlink("nowhere", dir.join("DANGLING")).unwrap();
    std::os::unix::fs::symlink("EMPTY", dir.join("LINK")).unwrap();
    let before = snapshot(dir.path());
    for name in ["FILE", "FULL", "DANGLING"] {
        let output = on("init", &dir.join(name), &[NAME]).expect_code(3);
        assert!(output.stderr.contains(name), "{output}");
    }
    // Nonsense is exit 2.
    for args in [
        ["NOSLASH", "--zone=UTC"],
        ["A B/C", "--zone=UTC"],
        [NAME, "--zone=Nowhere"],
        [NAME, "--admin=a b"],
    ] {
        on("init", &dir.join("EMPTY"), &args).expect_code(2);
    }
    on("init", &dir.join("no/such/parent"), &[NAME]).expect_code(5);
    assert_eq!(
        differences(&before, &snapshot(dir.path())),
        Vec::<String>::new()
    );
    // An empty directory is taken, also through a link.
    on("init", &dir.join("LINK"), &[NAME]).expect_code(0);
    on("check", &dir.join("EMPTY"), &[]).expect_code(0);
}

#[test]
fn the_same_clock_and_names_give_the_same_tree_but_for_its_number() {
    let dir = TestTree::new();
    for name in ["A", "B"] {
        on(
            "init --zone UTC --now 1996-02-12T09:00:00Z",
            &dir.join(name),
            &[NAME],
        )
        .expect_code(0);
    }
    let (mut a, mut b) = (contents(&dir.join("A")), contents(&dir.join("B")));
    let text = |bytes: Option<Option<Vec<u8>>>| String::from_utf8(bytes.unwrap().unwrap()).unwrap();
    let (la, lb) = (
        text(a.remove("GLB/LAYOUT.TXT")),
        text(b.remove("GLB/LAYOUT.TXT")),
    );
    assert_eq!(a, b);
    let differ: Vec<_> = la.lines().zip(lb.lines()).filter(|(a, b)| a != b).collect();
    assert_eq!(differ.len(), 1, "{differ:?}");
    assert!(differ[0].0.starts_with("tree_id="));
    let _ = find(&dir.join("A"), "glb/master.glb");
}
