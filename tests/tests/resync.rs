//! RESYNC.GLB with the built programs: made at the server, refused and taken by requestors, and the
//! documented remedies in which it plays the main part.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use dirsync_tests::{Output, TestTree, command, differences, run, snapshot};

const SERVER: &str = "SRV";
const TREES: [&str; 3] = [SERVER, "RA", "RB"];
const USERS: usize = 4;

fn program(name: &str, words: &str, place: &Path, rest: &[&str]) -> Output {
    let mut command = command(name);
    command.args(words.split_whitespace()).arg(place).args(rest);
    run(&mut command)
}

fn po(words: &str, tree: &Path, rest: &[&str]) -> Output {
    program("po-admin", words, tree, rest)
}

fn cycle(words: &str, place: &Path, rest: &[&str]) -> Output {
    program("dxa-cycle", words, place, rest)
}

fn gen_file(words: &str, place: &Path, rest: &[&str]) -> Output {
    program("resync-gen", words, place, rest)
}

fn queue(tree: &Path, rest: &[&str]) -> Output {
    program("glb-import", "queue", tree, rest)
}

/// Three postoffices with users, exported, run until they are in step.
fn network() -> TestTree {
    static MADE: OnceLock<TestTree> = OnceLock::new();
    let made = MADE.get_or_init(|| {
        let site = TestTree::new();
        for tree in TREES {
            let name = format!("NET/{tree}");
            po("init --zone UTC", &site.join(tree), &[&name]).expect_code(0);
        }
        po("server on", &site.join(SERVER), &[]).expect_code(0);
        for tree in ["RA", "RB"] {
            let name = format!("NET/{tree}");
            po("postoffice add", &site.join(SERVER), &[&name]).expect_code(0);
            po("postoffice add", &site.join(tree), &["NET/SRV"]).expect_code(0);
            po("requestor add", &site.join(SERVER), &[&name]).expect_code(0);
            po("register", &site.join(tree), &["NET/SRV"]).expect_code(0);
        }
        for tree in TREES {
            for n in 0..USERS {
                add_user(&site, tree, &format!("u{n}"));
            }
            po("export", &site.join(tree), &[]).expect_code(0);
        }
        in_step(&site);
        site
    });
    TestTree::copy_of(made.path())
}

fn add_user(site: &TestTree, tree: &str, mailbox: &str) {
    let name = format!("{tree} {mailbox}");
    po("user add", &site.join(tree), &[mailbox, "--name", &name]).expect_code(0);
}

/// Two cycles: what was changed is everywhere and confirmed.
fn in_step(site: &TestTree) {
    for _ in 0..2 {
        cycle("run", site.path(), &[]).expect_code(0);
    }
}

/// The participating entries of a Global Address List.
fn gal(tree: &Path) -> BTreeSet<String> {
    let output = po("gal --participating --json", tree, &[]).expect_code(0);
    let lines = output.json_lines();
    let (end, entries) = lines.split_last().unwrap();
    assert_eq!(end["count"], entries.len());
    entries
        .iter()
        .map(|entry| format!("{} {}", entry["address"], entry["name"]))
        .collect()
}

/// Every list holds the same `count` names, every tree is sound, everybody is in step.
fn assert_in_step(site: &TestTree, count: usize) {
    let first = gal(&site.join(SERVER));
    assert_eq!(first.len(), count, "{first:?}");
    for tree in TREES {
        assert_eq!(gal(&site.join(tree)), first, "{tree}");
        po("check", &site.join(tree), &[]).expect_code(0);
    }
    cycle("status --check", site.path(), &[]).expect_code(0);
}

/// q.R, q.S, q.I of a requestor.
fn numbers(tree: &Path) -> [u64; 3] {
    let listed = cycle("status --json", tree, &[]).json();
    let po = &listed["result"]["postoffices"][0]["numbers"];
    ["req", "srv", "imp"].map(|key| po[key].as_u64().unwrap_or_else(|| panic!("{po}")))
}

/// Makes RESYNC.GLB at the server; the path.
fn make(site: &TestTree, name: &str) -> PathBuf {
    let file = site.join(name);
    let out = file.to_str().unwrap().to_owned();
    gen_file("create", &site.join(SERVER), &["--out", &out]).expect_code(0);
    file
}

fn carry(file: &Path, tree: &Path) {
    fs::copy(file, tree.join("GLB/RESYNC.GLB")).unwrap();
}

/// Everything of a tree but its logs, its lock and its journal.
fn data(tree: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut all = BTreeMap::new();
    for entry in walkdir::WalkDir::new(tree) {
        let entry = entry.unwrap();
        let below = entry.path().strip_prefix(tree).unwrap().to_str().unwrap();
        let apart = below.starts_with("LOG") || below.contains("JOURNAL");
        if entry.file_type().is_file() && !apart && !below.ends_with(".LCK") {
            all.insert(below.to_owned(), fs::read(entry.path()).unwrap());
        }
    }
    all
}

// rule: dec:DEC-043
// rule: dsp:R-EXC-003
// rule: imp:R-RSP-006
// rule: imp:R-RSX-004
#[test]
fn lower_numbers_are_refused_with_both_figures_and_the_maxima_are_taken() {
    let site = network();
    let old = make(&site, "OLD.GLB");
    // RB goes ahead of what the file says; RA stays behind it.
    for n in 0..3 {
        add_user(&site, "RB", &format!("new{n}"));
    }
    in_step(&site);
    let (ra, rb) = (site.join("RA"), site.join("RB"));
    let [ra_req, ..] = numbers(&ra);
    let [rb_req, _, rb_imp] = numbers(&rb);
    assert!(ra_req < rb_req);
    let shown = gen_file("show --json", &old, &[]).expect_code(0).json();
    let (reqseq, impseq) = (&shown["result"]["reqseq"], &shown["result"]["impseq"]);
    let figures = format!("IMPSEQ {impseq} against {rb_imp}, REQSEQ {reqseq} against {rb_req}");
    let place = rb.to_str().unwrap();
    let judged = gen_file("check", &old, &["--for", place]).expect_code(3);
    assert!(judged.stderr.contains(&figures), "{judged}");
    carry(&old, &rb);
    let before = data(&rb);
    let refused = queue(&rb, &[]).expect_code(3);
    assert!(
        refused.stderr.contains("[ 14] Error processing RESYNC.GLB")
            && refused.stderr.contains(&figures),
        "{refused}"
    );
    assert_eq!(data(&rb), before);
    let log = fs::read_to_string(rb.join("LOG/DIRSYNC.LOG")).unwrap();
    assert!(
        log.contains("Fatal  [ 14] Error processing RESYNC.GLB"),
        "{log}"
    );
    // T3 stops for it as well, and its mail waits; the others go on.
    let report = cycle("run --json", site.path(), &[]).json();
    assert!(
        report["problems"].to_string().contains("RESYNC.GLB"),
        "{report:#}"
    );
    // The maxima fit both.
    let new = make(&site, "NEW.GLB");
    let shown = gen_file("show --json", &new, &[]).expect_code(0).json();
    assert_eq!(shown["result"]["reqseq"], rb_req);
    for tree in [&ra, &rb] {
        let place = tree.to_str().unwrap();
        gen_file("check", &new, &["--for", place]).expect_code(0);
        carry(&new, tree);
        let taken = queue(tree, &["--json"]).expect_code(0).json();
        assert_eq!(
            taken["result"]["resync"]["after"]["req_sync"], rb_req,
            "{taken:#}"
        );
        assert!(!tree.join("GLB/RESYNC.GLB").exists());
    }
    in_step(&site);
    assert_in_step(&site, 3 * USERS + 3);
    // Counting goes on above the numbers of the file.
    add_user(&site, "RA", "after");
    in_step(&site);
    assert_eq!(numbers(&ra)[0], rb_req + 1);
    assert_in_step(&site, 3 * USERS + 4);
}

// rule: dec:DEC-042
// rule: imp:R-RSP-003
// rule: dsp:R-IMP-008
#[test]
fn what_waits_is_numbered_anew_or_dropped() {
    let site = network();
    for n in 0..2 {
        add_user(&site, "RB", &format!("new{n}"));
    }
    in_step(&site);
    let ra = site.join("RA");
    add_user(&site, "RA", "waits");
    let file = make(&site, "R.GLB");
    let place = ra.to_str().unwrap();
    let [was, ..] = numbers(&ra);
    let [top, ..] = numbers(&site.join("RB"));
    let before = snapshot(site.path());
    let told = gen_file("check --json", &file, &["--for", place])
        .expect_code(0)
        .json();
    let waited = &told["result"]["waited"][0];
    assert_eq!(
        (&waited["old"], &waited["new"]),
        (&(was + 1).into(), &(top + 1).into())
    );
    assert_eq!(waited["text"], "A RA waits\tPCM:NET/RA/waits");
    let told = gen_file("check --json --discard-waiting", &file, &["--for", place]);
    let told = told.expect_code(0).json();
    assert_eq!(told["result"]["discarded"], 1);
    assert_eq!(
        differences(&before, &snapshot(site.path())),
        Vec::<String>::new()
    );
    let other = TestTree::copy_of(site.path());
    carry(&file, &ra);
    let taken = queue(&ra, &["--json"]).expect_code(0).json();
    assert_eq!(taken["result"]["resync"]["waited"][0]["new"], top + 1);
    in_step(&site);
    assert_in_step(&site, 3 * USERS + 3);
    // Dropped: nobody else learns of it until its owner exports.
    let ra = other.join("RA");
    carry(&file, &ra);
    queue(&ra, &["--discard-waiting"]).expect_code(0);
    in_step(&other);
    assert_eq!(gal(&other.join(SERVER)).len(), 3 * USERS + 2);
    po("export", &ra, &[]).expect_code(0);
    in_step(&other);
    assert_in_step(&other, 3 * USERS + 3);
}

// rule: dsp:R-REC-004
// rule: imp:R-RSP-008
// rule: imp:R-RSP-002
#[test]
fn a_requestor_whose_reqtrans_was_deleted_comes_back() {
    // Q119014: RESYNC.GLB is made and copied, the numbers are set to zero, then the import.
    let site = network();
    let ra = site.join("RA");
    add_user(&site, "RA", "waited");
    fs::remove_file(ra.join("GLB/REQTRANS.GLB")).unwrap();
    add_user(&site, "RB", "meanwhile");
    in_step_of(&site, &[1]);
    let file = make(&site, "R.GLB");
    carry(&file, &ra);
    po("listds --requestor --zero", &ra, &["--yes"]).expect_code(0);
    queue(&ra, &[]).expect_code(0);
    let listed = po("listq --json", &ra, &["reqtrans"]).expect_code(0);
    assert_eq!(listed.json_lines()[0]["kind"], "dummy");
    // What waited in the deleted file is told again by its owner.
    po("export", &ra, &[]).expect_code(0);
    in_step(&site);
    assert_in_step(&site, 3 * USERS + 2);
}

// rule: imp:R-RSP-004
#[test]
fn wiped_lists_come_back_at_once() {
    let site = network();
    let ra = site.join("RA");
    let before = gal(&ra);
    for entry in fs::read_dir(ra.join("USR")).unwrap() {
        fs::write(entry.unwrap().path(), b"").unwrap();
    }
    for name in ["NME/GAL.NME", "GLB/GALINDEX.GLB", "GLB/GALNETPO.GLB"] {
        fs::remove_file(ra.join(name)).unwrap();
    }
    // A cycle alone does not help: nothing is new.
    in_step(&site);
    assert_eq!(gal(&ra).len(), USERS);
    carry(&make(&site, "R.GLB"), &ra);
    let taken = queue(&ra, &["--json"]).expect_code(0).json();
    assert_eq!(taken["result"]["counts"]["added"], 2 * USERS);
    assert_eq!(gal(&ra), before);
    in_step(&site);
    assert_in_step(&site, 3 * USERS);
}

// rule: dsp:R-REC-003
// rule: imp:R-QUE-001
#[test]
fn a_requestor_with_numbers_too_high_is_put_right() {
    // Q119452: q.R is above what is in REQTRANS, so nothing is sent.
    let site = network();
    let ra = site.join("RA");
    let conf = ra.join("GLB/REQCONF.GLB");
    let mut bytes = fs::read(&conf).unwrap();
    bytes[4..8].copy_from_slice(&5000u32.to_le_bytes());
    fs::write(&conf, &bytes).unwrap();
    in_step_of(&site, &[0, 1]);
    let file = make(&site, "R.GLB");
    carry(&file, &ra);
    let refused = queue(&ra, &[]).expect_code(3);
    assert!(refused.stderr.contains("against 5000"), "{refused}");
    // The documented way: numbers to zero, then the file.
    po("listds --requestor --zero", &ra, &["--yes"]).expect_code(0);
    queue(&ra, &[]).expect_code(0);
    add_user(&site, "RA", "after");
    in_step(&site);
    assert!(numbers(&ra)[0] < 5000);
    assert_in_step(&site, 3 * USERS + 1);
}

/// Two cycles that may find something.
fn in_step_of(site: &TestTree, codes: &[i32]) {
    for _ in 0..2 {
        let output = cycle("run", site.path(), &[]);
        assert!(codes.contains(&output.code().unwrap()), "{output}");
    }
}

// rule: exc:R-RSY-021
// rule: dsp:R-ORD-008
// rule: dec:DEC-058
// rule: imp:R-RSP-010
#[test]
fn after_a_server_was_restored_exports_and_the_file_bring_everybody_back() {
    // Q113453, Q96060: all Export, one cycle, RESYNC.GLB to all.
    let site = network();
    let backup = TestTree::copy_of(&site.join(SERVER));
    for n in 0..3 {
        for tree in ["RA", "RB"] {
            add_user(&site, tree, &format!("late{n}"));
        }
    }
    po("user remove", &site.join("RB"), &["u0", "--yes"]).expect_code(0);
    in_step(&site);
    fs::remove_dir_all(site.join(SERVER)).unwrap();
    fs::rename(backup.path(), site.join(SERVER)).unwrap();
    in_step_of(&site, &[0, 1]);
    for tree in ["RA", "RB"] {
        po("export", &site.join(tree), &["--yes"]).expect_code(0);
    }
    in_step_of(&site, &[0, 1]);
    let file = make(&site, "R.GLB");
    for tree in ["RA", "RB"] {
        carry(&file, &site.join(tree));
        queue(&site.join(tree), &[]).expect_code(0);
    }
    in_step(&site);
    assert_in_step(&site, 3 * USERS + 5);
    add_user(&site, "RB", "again");
    in_step(&site);
    assert_in_step(&site, 3 * USERS + 6);
}

// rule: imp:R-RSX-007
// rule: imp:R-RSP-010
// rule: exc:R-RSY-004
// rule: dsp:R-LIM-003
// rule: exc:R-RSY-004
#[test]
fn an_import_over_the_limit_comes_as_a_file() {
    // Q119450: Fatal 118, Fatal 166; nothing is sent until RESYNC.GLB brings the lists.
    let site = network();
    let csv = site.join("more.csv");
    let rows: String = (0..20)
        .map(|n| format!("more{n},RB with a longer name {n}\n"))
        .collect();
    fs::write(&csv, format!("mailbox,name\n{rows}")).unwrap();
    let (ra, rb) = (site.join("RA"), site.join("RB"));
    po("fill", &rb, &[csv.to_str().unwrap()]).expect_code(0);
    in_step(&site);
    po("options", &ra, &["--limit", "1"]).expect_code(0);
    for entry in fs::read_dir(ra.join("USR")).unwrap() {
        fs::write(entry.unwrap().path(), b"").unwrap();
    }
    po("import-request", &ra, &["--yes"]).expect_code(0);
    let report = cycle("run --json", site.path(), &[]).expect_code(1).json();
    let problems = report["problems"].to_string();
    assert!(
        problems.contains("[118]") && problems.contains("[166]"),
        "{problems}"
    );
    assert_eq!(gal(&ra).len(), USERS);
    carry(&make(&site, "R.GLB"), &ra);
    queue(&ra, &[]).expect_code(0);
    in_step(&site);
    assert_in_step(&site, 3 * USERS + 20);
}

// rule: dec:DEC-039
// rule: imp:R-RSP-010
// rule: dsp:R-ORD-010
#[test]
fn a_record_made_anew_at_the_server_is_cured_by_the_file_and_an_export() {
    // Q99961: the record's numbers are 0, so replies are dropped. IMPSEQ is the highest of all
    // records; an import request of another requestor lifts it here.
    let site = network();
    po("requestor remove", &site.join(SERVER), &["NET/RA", "--yes"]).expect_code(0);
    po("requestor add", &site.join(SERVER), &["NET/RA"]).expect_code(0);
    add_user(&site, "RB", "unseen");
    in_step_of(&site, &[0, 1]);
    let ra = site.join("RA");
    assert_eq!(gal(&ra).len(), 3 * USERS);
    carry(&make(&site, "R.GLB"), &ra);
    queue(&ra, &[]).expect_code(0);
    po("export", &ra, &["--yes"]).expect_code(0);
    in_step(&site);
    assert_in_step(&site, 3 * USERS + 1);
}

// rule: imp:R-RSY-008
#[test]
fn as_text_it_is_an_import_file_of_every_list() {
    let site = network();
    let server = site.join(SERVER);
    po(
        "group add",
        &server,
        &["all", "--name", "All here", "--member", "SRV u0"],
    )
    .expect_code(0);
    let file = make(&site, "R.GLB");
    let text = gen_file("show --text", &file, &[]).expect_code(0).stdout;
    let lines: Vec<&str> = text.lines().collect();
    assert!(
        lines[0].starts_with("# IMPSEQ=000000000") && lines[0].contains(" SRVSEQ="),
        "{text}"
    );
    let starting = |code: &str| lines.iter().filter(|line| line.starts_with(code)).count();
    assert_eq!((starting("R PCM:NET/"), starting("A ")), (3, 3 * USERS + 1));
    assert!(
        text.contains("A All here                       PCM:NET/SRV/all\r\n"),
        "{text}"
    );
    let names = site.join("NAMES.TXT");
    fs::write(&names, &text).unwrap();
    program("glb-import", "check --strict", &names, &[]).expect_code(0);
    // A requestor whose lists were wiped has them again, without any number changing.
    let ra = site.join("RA");
    let before = numbers(&ra);
    for entry in fs::read_dir(ra.join("USR")).unwrap() {
        fs::write(entry.unwrap().path(), b"").unwrap();
    }
    let names = names.to_str().unwrap();
    // Its own list is in the file as well: message 66, nothing is done to it.
    let done = program("glb-import", "file --json", &ra, &[names]).json();
    assert_eq!(done["result"]["counts"]["added"], 2 * USERS + 1, "{done:#}");
    program("glb-import", "rebuild", &ra, &[]).expect_code(0);
    assert_eq!(gal(&ra).len(), 3 * USERS + 1);
    assert_eq!(numbers(&ra), before);
    gen_file("show --text --json", &file, &[]).expect_code(2);
}

// rule: dsp:R-BUG-23
#[test]
fn a_damaged_file_changes_nothing() {
    let site = network();
    let (ra, file) = (site.join("RA"), make(&site, "R.GLB"));
    let good = fs::read(&file).unwrap();
    let mut damaged: Vec<Vec<u8>> = vec![Vec::new(), b"A nothing\tPCM:NET/RB/x\r\n".to_vec()];
    for at in [1, 30, good.len() / 2, good.len() - 1] {
        damaged.push(good[..at].to_vec());
        let mut flipped = good.clone();
        flipped[at] ^= 0x40;
        damaged.push(flipped);
    }
    // Without its header.
    damaged.push(good[78..].to_vec());
    // A file of text, as a copy in text mode would make it.
    damaged.push(good.iter().map(|&byte| byte & 0x7F).collect());
    let before = data(&ra);
    for (case, bytes) in damaged.iter().enumerate() {
        fs::write(ra.join("GLB/RESYNC.GLB"), bytes).unwrap();
        let refused = queue(&ra, &[]).expect_code(3);
        assert!(refused.stderr.contains("[ 14]"), "case {case}: {refused}");
        let mut after = data(&ra);
        assert_eq!(after.remove("GLB/RESYNC.GLB").as_deref(), Some(&bytes[..]));
        assert_eq!(after, before, "case {case}");
        gen_file("show", &ra.join("GLB/RESYNC.GLB"), &[]).expect_code(3);
    }
}

// rule: dec:DEC-044
// rule: dec:DEC-045
// rule: imp:R-RSY-007
// rule: imp:R-RSP-009
#[test]
fn on_the_server_the_file_is_left_alone_and_the_rest_is_done() {
    let site = network();
    let server = site.join(SERVER);
    let own = server.join("GLB/RESYNC.GLB");
    let out = own.to_str().unwrap().to_owned();
    let refused = gen_file("create", &server, &["--out", &out]).expect_code(3);
    assert!(refused.stderr.contains("--in-place"), "{refused}");
    let mut here = command("resync-gen");
    here.args(["create", ".."]).current_dir(server.join("GLB"));
    run(&mut here).expect_code(3);
    assert!(!own.exists());
    let dry = gen_file("create --in-place --dry-run --json", &server, &[]).expect_code(0);
    assert_eq!(dry.json()["result"]["plan"][0]["path"], "GLB/RESYNC.GLB");
    assert!(!own.exists());
    gen_file("create --in-place", &server, &[]).expect_code(0);
    gen_file("check", &own, &["--for", server.to_str().unwrap()]).expect_code(3);
    let lists = data(&server);
    let done = queue(&server, &["--json"]).expect_code(1).json();
    assert_eq!(done["problems"][0]["id"], "message.14");
    assert_eq!(data(&server), lists);
    // A cycle goes on around it.
    add_user(&site, "RA", "more");
    in_step_of(&site, &[1]);
    assert!(own.exists());
    fs::remove_file(own).unwrap();
    in_step(&site);
    assert_in_step(&site, 3 * USERS + 1);
}

// rule: imp:R-RSY-001
// rule: imp:R-RSY-002
#[test]
fn only_the_server_makes_it_and_nothing_else_is_overwritten() {
    let site = network();
    let no = gen_file("create", &site.join("RA"), &["--out", "/nowhere/R.GLB"]).expect_code(5);
    assert!(
        no.stderr.contains("[ 67]") || no.stderr.contains("nowhere"),
        "{no}"
    );
    let out = site.join("R.GLB").to_str().unwrap().to_owned();
    let no = gen_file("create", &site.join("RA"), &["--out", &out]).expect_code(5);
    assert!(
        no.stderr
            .contains("[ 67] Resync extract can be performed only"),
        "{no}"
    );
    assert!(!site.join("R.GLB").exists());
    fs::write(site.join("R.GLB"), b"a letter").unwrap();
    let server = site.join(SERVER);
    gen_file("create", &server, &["--out", &out]).expect_code(3);
    assert_eq!(fs::read(site.join("R.GLB")).unwrap(), b"a letter");
    fs::remove_file(site.join("R.GLB")).unwrap();
    let before = snapshot(site.path());
    gen_file("create --dry-run", &server, &["--out", &out]).expect_code(0);
    assert_eq!(
        differences(&before, &snapshot(site.path())),
        Vec::<String>::new()
    );
    // Where one stands it is replaced, and the same input makes the same bytes.
    let now = ["--out", &out, "--now", "2030-01-02T03:04:05Z"];
    gen_file("create --global-max", &server, &now).expect_code(0);
    let first = fs::read(site.join("R.GLB")).unwrap();
    let made = gen_file("create --json", &server, &now)
        .expect_code(0)
        .json();
    assert_eq!(fs::read(site.join("R.GLB")).unwrap(), first);
    assert_eq!(made["result"]["bytes"], first.len());
    assert_eq!(made["result"]["requestors"].as_array().unwrap().len(), 3);
    gen_file("create", &server, &["--requestor", "NET/RA"]).expect_code(2);
    // While its own queues hold something it is not the time (message 14).
    fs::write(server.join("GLB/SRVTRANS.GLB"), &first[78..]).unwrap();
    let no = gen_file("create", &server, &now).expect_code(3);
    assert!(no.stderr.contains("[ 14]"), "{no}");
    assert_eq!(fs::read(site.join("R.GLB")).unwrap(), first);
    // What only looks like an Exchange server is none of ours (of a real one: exchange.rs).
    let exchange = TestTree::new();
    for dir in ["DXADATA", "MTADATA"] {
        fs::create_dir(exchange.join(dir)).unwrap();
    }
    let no = gen_file("create", exchange.path(), &["--out", &out]).expect_code(5);
    assert!(no.stderr.contains("AGENT.INI"), "{no}");
    assert_eq!(fs::read(site.join("R.GLB")).unwrap(), first);
    // No temporary file stays behind, whatever happened.
    let left = fs::read_dir(site.path()).unwrap().filter(|entry| {
        let name = entry.as_ref().unwrap().file_name();
        name.to_string_lossy().contains("TMP")
    });
    assert_eq!(left.count(), 0);
}
