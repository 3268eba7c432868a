//! `glb-import check`, `file` and `extract` on real trees.
#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a helper of tests fails the test by a panic"
)]

mod po;

use std::path::Path;

use dirsync_tests::{Output, TestTree, command, fixture, run, run_with_input};
use po::{contents, findings, init, on};

/// Runs `glb-import WORDS... TREE REST...`.
fn glb(words: &str, tree: &Path, rest: &[&str]) -> Output {
    let mut command = command("glb-import");
    command.args(words.split_whitespace()).arg(tree).args(rest);
    run(&mut command)
}

/// A postoffice that knows POLYNOMIAL/NEWTON.
fn site(dir: &TestTree, name: &str) -> std::path::PathBuf {
    let tree = dir.join(name);
    init(&tree);
    on("postoffice add", &tree, &["POLYNOMIAL/NEWTON"]).expect_code(0);
    tree
}

const NAMES: &str = "\
# names of NEWTON
A able is he who knows his limit PCM:POLYNOMIAL/NEWTON/able
A Bryan                          PCM:POLYNOMIAL/NEWTON/bryan
A Gauss                          PCM:POLYNOMIAL/MONTGOMERY/gauss
";

// rule: imp:R-FMT-011
// rule: tra:NEED-03
#[test]
fn check_prints_every_fault_and_ends_with_one() {
    let dir = TestTree::new();
    dir.write(
        "BAD.TXT",
        "X bad line\nA Good\tPCM:N/P/G\nA Some\tPCM:N/P\nA Good\tPCM:N/P/H\n",
    );
    let output = glb("check", &dir.join("BAD.TXT"), &[]).expect_code(1);
    let lines: Vec<Vec<&str>> = output
        .stdout
        .lines()
        .skip(1)
        .map(|line| line.split_whitespace().take(4).collect())
        .collect();
    assert_eq!(
        lines,
        [
            vec!["1", "1", "12", "error"],
            vec!["3", "15", "19", "error"],
            vec!["4", "3", "28", "warning"]
        ]
    );
    assert!(
        output
            .stderr
            .contains("4 lines, 0 comments, 2 good transactions, 2 left out")
    );
    assert!(output.stderr.contains("[ 12] Correct the line"), "{output}");
    let output = glb("check --json", &dir.join("BAD.TXT"), &[]).expect_code(1);
    let rows = output.json_lines();
    assert_eq!(rows.len(), 4);
    assert_eq!(rows[1]["number"], 19);
    assert_eq!(rows[1]["column"], 15);
    assert!(!rows[1]["remedy"].as_str().unwrap().is_empty());
    assert_eq!(rows[3]["count"], 3);
    // Good files, one of them from stdin in another encoding.
    glb("check --strict", &fixture("import/q132681-export.txt"), &[]).expect_code(0);
    let mut command = command("glb-import");
    command.args(["check", "-", "--encoding", "utf-8"]);
    run_with_input(&mut command, "A Jörg\tPCM:N/P/J\n".as_bytes()).expect_code(0);
    glb("check", &dir.join("NONE.TXT"), &[]).expect_code(5);
    glb("check --encoding ebcdic", &dir.join("BAD.TXT"), &[]).expect_code(2);
}

// rule: imp:R-IMP-005
// rule: dsp:R-FOR-003
// rule: dec:DEC-096
// rule: tra:R-GWY-013
// rule: tra:NEED-18
#[test]
fn what_is_extracted_is_imported_again_unchanged() {
    let dir = TestTree::new();
    let tree = site(&dir, "HQ");
    dir.write("NAMES.TXT", NAMES);
    let names = dir.join("NAMES.TXT");
    let names = names.to_str().unwrap();
    // A dry run says the same and changes nothing.
    let before = contents(&tree);
    let dry = glb("file --dry-run", &tree, &[names]).expect_code(0);
    assert!(dry.stdout.contains("3 added"), "{dry}");
    assert_eq!(contents(&tree), before);
    let output = glb("file --add-to-pol", &tree, &[names]).expect_code(0);
    assert!(
        output
            .stdout
            .contains("PCM:POLYNOMIAL/NEWTON: 0 -> 2 entries"),
        "{output}"
    );
    assert_eq!(findings(&tree), []);
    glb("rebuild", &tree, &[]).expect_code(0);
    // Both lists as one file.
    let out = dir.join("OUT.TXT");
    let to = out.to_str().unwrap();
    glb("extract", &tree, &["--out", to]).expect_code(0);
    let first = String::from_utf8(dir.read("OUT.TXT")).unwrap();
    let expected = NAMES.lines().skip(1).collect::<Vec<_>>();
    let mut lines: Vec<&str> = first.lines().skip(1).collect();
    lines.rotate_left(1);
    assert_eq!(lines, expected);
    glb("check --strict", &out, &[]).expect_code(0);
    let again = glb("file", &tree, &[to]).expect_code(0);
    assert!(
        again.stdout.contains("0 added") && again.stdout.contains("4 already so"),
        "{again}"
    );
    // Into a postoffice of the same name that has nothing, through a pipe.
    let other = site(&dir, "COPY");
    let piped = glb("extract", &tree, &[]).expect_code(0);
    assert_eq!(piped.stdout, first);
    let mut command = command("glb-import");
    command.arg("file").arg(&other).arg("-");
    run_with_input(&mut command, piped.stdout.as_bytes()).expect_code(0);
    assert_eq!(glb("extract", &other, &[]).expect_code(0).stdout, first);
    assert_eq!(findings(&other), []);
    // An existing file is not overwritten silently (DEC-096).
    glb("extract --local", &tree, &["--out", to]).expect_code(3);
    glb("extract --local --append", &tree, &["--out", to]).expect_code(0);
    assert_eq!(
        String::from_utf8(dir.read("OUT.TXT"))
            .unwrap()
            .lines()
            .count(),
        4 + 2
    );
    glb("extract --local --yes", &tree, &["--out", to]).expect_code(0);
    assert_eq!(
        String::from_utf8(dir.read("OUT.TXT"))
            .unwrap()
            .lines()
            .count(),
        2
    );
    let rows = glb("extract --json --postoffice POLYNOMIAL/NEWTON", &tree, &[])
        .expect_code(0)
        .json_lines();
    assert_eq!(rows[1]["address"], "PCM:POLYNOMIAL/NEWTON/bryan");
    assert_eq!(rows[2]["count"], 2);
    glb("extract --postoffice POLYNOMIAL/NOWHERE", &tree, &[]).expect_code(5);
    glb("extract --gateway XYZ", &tree, &[]).expect_code(2);
}

// rule: imp:R-IMP-011
// rule: imp:R-IMP-046
// rule: dsp:R-LOG-006
// rule: dsp:R-BUG-18
// rule: imp:R-IMP-047
// rule: imp:OQ-2
#[test]
fn options_that_are_ignored_are_named_and_failures_are_kept() {
    let dir = TestTree::new();
    let tree = site(&dir, "HQ");
    dir.write(
        "NAMES.TXT",
        format!("{NAMES}D Nobody\tPCM:POLYNOMIAL/NEWTON/nobody\nX\n"),
    );
    let names = dir.join("NAMES.TXT");
    let names = names.to_str().unwrap();
    let output = glb(
        "file --to-dirsync --add-to-pol --replace --templates --only SMTP",
        &tree,
        &[names, "--failed"],
    )
    .expect_code(1);
    assert!(
        output.stderr.contains(
            "ignored with --to-dirsync: --add-to-pol, --only, --failed, --replace, --templates"
        ),
        "{output}"
    );
    assert!(
        output.stdout.contains("4 transactions: 4 queued"),
        "{output}"
    );
    assert_eq!(findings(&tree), []);
    let waiting = on("listq", &tree, &["reqtrans"]).expect_code(0).stdout;
    assert!(
        waiting.contains("Nobody") && waiting.contains("000004"),
        "{waiting}"
    );
    // Into the lists: one fails, one cannot be read; the log of failures can be anywhere, and a
    // bad place for it is a warning (Q102926).
    let failed = dir.join("FAILED.TXT");
    let output = glb(
        "file",
        &tree,
        &[names, "--failed", failed.to_str().unwrap()],
    )
    .expect_code(1);
    assert!(
        output
            .stdout
            .contains("[ 29] Alias does not exist Nobody (line 5)"),
        "{output}"
    );
    assert!(
        output
            .stdout
            .contains("[ 12] Invalid character in column 1 (column 1) (line 6)"),
        "{output}"
    );
    let text = String::from_utf8(dir.read("FAILED.TXT")).unwrap();
    assert!(
        text.starts_with('#') && text.contains("\r\nD Nobody "),
        "{text}"
    );
    let output = glb("file", &tree, &[names, "--failed", "/nowhere/at/all"]).expect_code(1);
    assert!(output.stdout.contains("message.57"), "{output}");
    glb("file", &tree, &[names, "--failed"]).expect_code(1);
    let kept = std::fs::read_to_string(tree.join("LOG/IMPORT.LOG")).unwrap();
    assert!(kept.contains("D Nobody"), "{kept}");
    // The codes of the originals: 64 for success, 65 for failure (DEC-107).
    glb("file --classic-exit", &tree, &[names]).expect_code(65);
    dir.write("GOOD.TXT", NAMES);
    let good = dir.join("GOOD.TXT");
    glb("file --classic-exit", &tree, &[good.to_str().unwrap()]).expect_code(64);
    assert_eq!(findings(&tree), []);
}
