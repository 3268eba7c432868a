//! Trees as they come: other case of names, without marker, read-only, of an older layout.
#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a helper of tests fails the test by a panic"
)]

mod po;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use dirsync_tests::{TestTree, differences, snapshot};
use po::{NAME, contents, find, findings, init, on, po};
use walkdir::WalkDir;

/// Renames everything below a tree, deepest first.
fn rename_all(tree: &Path, change: impl Fn(&str) -> String) {
    for entry in WalkDir::new(tree).min_depth(1).contents_first(true) {
        let entry = entry.unwrap();
        let name = change(entry.file_name().to_str().unwrap());
        fs::rename(entry.path(), entry.path().with_file_name(name)).unwrap();
    }
}

/// Damage of several kinds that can be mended without loss.
fn damage(tree: &Path) {
    fs::remove_dir_all(find(tree, "ATT/AT8")).unwrap();
    fs::write(find(tree, "GLB/CONTROL.GLB"), [0; 8]).unwrap();
    fs::remove_file(find(tree, "NME/ADMINSHD.NME")).unwrap();
    fs::remove_file(find(tree, "KEY/SYSTEM.KEY")).unwrap();
    fs::remove_file(find(tree, "MBG/SYSTEM.MBG")).unwrap();
}

// rule: pof:R-NAM-001
#[test]
fn the_case_of_names_does_not_matter() {
    let dir = TestTree::new();
    let upper = dir.join("UPPER");
    on(
        "init --zone UTC --now 1996-02-12T09:00:00Z",
        &upper,
        &[NAME],
    )
    .expect_code(0);
    let copy = |name: &str, change: fn(&str) -> String| {
        let to = dir.join(name);
        po::copy(&upper, &to);
        rename_all(&to, change);
        to
    };
    let lower = copy("lower", str::to_ascii_lowercase);
    let mixed = copy("Mixed", |name| {
        name.char_indices()
            .map(|(at, c)| {
                if at % 2 == 0 {
                    c.to_ascii_lowercase()
                } else {
                    c.to_ascii_uppercase()
                }
            })
            .collect()
    });
    let ids = |tree: &Path| -> Vec<String> {
        let mut ids: Vec<String> = findings(tree)
            .into_iter()
            .map(|(id, file)| format!("{id} {}", file.to_ascii_uppercase()))
            .collect();
        ids.sort();
        ids
    };
    let lists = |tree: &Path| on("mail list", tree, &[]).stdout;
    for tree in [&lower, &mixed] {
        assert_eq!(lists(tree), lists(&upper));
        assert_eq!(ids(tree), Vec::<String>::new());
    }
    for tree in [&upper, &lower, &mixed] {
        damage(tree);
    }
    let wanted = ids(&upper);
    assert!(wanted.len() >= 4, "{wanted:?}");
    for tree in [&lower, &mixed] {
        assert_eq!(ids(tree), wanted);
    }
    for tree in [&upper, &lower, &mixed] {
        on("check --now 1996-02-12T10:00:00Z", tree, &["--fix"]).expect_code(0);
        assert_eq!(ids(tree), Vec::<String>::new());
    }
    let mended = contents(&upper);
    for tree in [&lower, &mixed] {
        let found = contents(tree);
        for (path, bytes) in &mended {
            assert_eq!(found.get(path), Some(bytes), "{path}");
        }
        assert_eq!(found.len(), mended.len());
    }
}

/// Every command that there is, as it would write if it could.
fn every_command(tree: &Path) -> Vec<(String, Option<i32>)> {
    let mut codes = Vec::new();
    let ids = on("check --json", tree, &[]).json();
    let ids: Vec<String> = ids["problems"]
        .as_array()
        .map(|all| {
            all.iter()
                .map(|p| p["id"].as_str().unwrap().to_owned())
                .collect()
        })
        .unwrap_or_default();
    let mut commands: Vec<Vec<String>> = [
        "check",
        "check --fix --yes",
        "check --fix --dry-run",
        "mail list",
        "mail list :SYSTEM",
        "mail list :00000000",
        "gal",
        "gal --find a",
        "upgrade",
        "upgrade --dry-run",
    ]
    .iter()
    .map(|line| line.split(' ').map(str::to_owned).collect())
    .collect();
    for id in ids {
        commands.push(vec!["check".into(), format!("--fix={id}"), "--yes".into()]);
    }
    commands.push(vec!["init".into(), ":".to_owned() + NAME]);
    for words in commands {
        // Words with a colon come behind the tree.
        let (behind, before): (Vec<&String>, Vec<&String>) =
            words.iter().partition(|word| word.starts_with(':'));
        let mut args: Vec<String> = before.iter().map(|word| (*word).clone()).collect();
        args.insert(
            args.len().min(if words[0] == "mail" { 2 } else { 1 }),
            tree.display().to_string(),
        );
        args.extend(behind.iter().map(|word| word[1..].to_owned()));
        let output = po(&args);
        codes.push((words.join(" "), output.code()));
    }
    codes
}

// rule: dec:2.1
#[test]
fn a_tree_without_marker_is_read_and_never_written() {
    let dir = TestTree::new();
    let tree = dir.join("A");
    init(&tree);
    damage(&tree);
    fs::remove_file(tree.join("GLB/LAYOUT.TXT")).unwrap();
    fs::remove_file(tree.join("GLB/TREE.LCK")).unwrap();
    let before = snapshot(dir.path());
    for (command, code) in every_command(&tree) {
        let wanted: &[i32] = if command.starts_with("check --fix") {
            // Ids without a repair are nonsense to ask for.
            &[3, 2]
        } else if command.starts_with("upgrade") || command.starts_with("init") {
            &[3]
        } else {
            &[0, 1, 2]
        };
        assert!(wanted.contains(&code.unwrap()), "{command}: {code:?}");
    }
    on("check", &tree, &["--fix"]).expect_code(3);
    on("check", &tree, &["--fix", "--dry-run"]).expect_code(3);
    let output = on("check", &tree, &["--fix"]).expect_code(3);
    assert!(output.stderr.contains("LAYOUT.TXT"), "{output}");
    assert_eq!(
        differences(&before, &snapshot(dir.path())),
        Vec::<String>::new()
    );
}

// A newer or damaged marker, and one of another postoffice.
// rule: dec:2.1
// rule: tra:OQ-06
#[test]
fn a_marker_that_does_not_fit_makes_a_tree_foreign() {
    let dir = TestTree::new();
    init(&dir.join("A"));
    let marker = fs::read_to_string(dir.join("A/GLB/LAYOUT.TXT")).unwrap();
    let created = marker
        .lines()
        .find(|line| line.starts_with("created="))
        .unwrap();
    for (at, text) in [
        marker.replace("version=1", "version=2"),
        marker.replace("layout=dirsync-open", "layout=other"),
        marker.replace(created, "created=1970-01-01T00:00:01Z"),
        String::new(),
    ]
    .into_iter()
    .enumerate()
    {
        fs::write(dir.join("A/GLB/LAYOUT.TXT"), text).unwrap();
        let before = snapshot(dir.path());
        on("check", &dir.join("A"), &["--fix"]).expect_code(3);
        on("upgrade", &dir.join("A"), &[]).expect_code(3);
        let changed = differences(&before, &snapshot(dir.path()));
        assert_eq!(changed, Vec::<String>::new(), "marker {at}");
    }
}

#[test]
fn a_tree_of_an_older_layout_is_read_and_upgraded() {
    let dir = TestTree::new();
    let tree = dir.join("A");
    init(&tree);
    let marker = tree.join("GLB/LAYOUT.TXT");
    let text = fs::read_to_string(&marker).unwrap();
    fs::write(&marker, text.replace("version=1", "version=0")).unwrap();
    on("mail list", &tree, &[]).expect_code(0);
    let refused = on("check", &tree, &["--fix"]).expect_code(3);
    assert!(refused.stderr.contains("po-admin upgrade"), "{refused}");
    let before = snapshot(dir.path());
    on("upgrade", &tree, &["--dry-run"]).expect_code(0);
    assert_eq!(
        differences(&before, &snapshot(dir.path())),
        Vec::<String>::new()
    );
    on("upgrade", &tree, &[]).expect_code(0);
    assert_eq!(fs::read_to_string(&marker).unwrap(), text);
    let copy = fs::read_to_string(tree.join("GLB/LAYOUT.OLD")).unwrap();
    assert!(copy.contains("version=0"));
    on("check", &tree, &["--fix"]).expect_code(0);
    let again = on("upgrade", &tree, &[]).expect_code(0);
    assert!(again.stdout.contains("nothing to do"), "{again}");
}

fn set_modes(tree: &Path, dir: u32, file: u32) {
    for entry in WalkDir::new(tree).contents_first(true) {
        let entry = entry.unwrap();
        let mode = if entry.file_type().is_dir() {
            dir
        } else {
            file
        };
        fs::set_permissions(entry.path(), fs::Permissions::from_mode(mode)).unwrap();
    }
}

fn reads_and_refuses(tree: &Path, fix: &[i32]) {
    on("check", tree, &[]).expect_code(1);
    on("mail list", tree, &[]).expect_code(0);
    on("mail list", tree, &["Admin"]).expect_code(0);
    on("gal", tree, &[]).expect_code(0);
    on("check", tree, &["--fix", "--dry-run"]).expect_code(1);
    let output = on("check", tree, &["--fix"]);
    assert!(fix.contains(&output.code().unwrap()), "{output}");
    assert!(output.stderr.contains("hint: "), "{output}");
}

#[test]
fn a_tree_without_rights_to_write_can_be_read() {
    let dir = TestTree::new();
    let tree = dir.join("A");
    init(&tree);
    fs::remove_dir_all(tree.join("ATT/AT8")).unwrap();
    set_modes(&tree, 0o555, 0o444);
    let before = snapshot(&tree);
    let probe = fs::write(tree.join("probe"), b"");
    if probe.is_err() {
        reads_and_refuses(&tree, &[5]);
        assert_eq!(differences(&before, &snapshot(&tree)), Vec::<String>::new());
    } else {
        // The superuser writes all the same: modes are kept, that is all that can be shown.
        fs::remove_file(tree.join("probe")).unwrap();
        eprintln!("running as the superuser: modes do not stop writing here");
        on("check", &tree, &["--fix"]).expect_code(0);
        let mode = fs::metadata(tree.join("GLB/MASTER.GLB"))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o444);
    }
    set_modes(&tree, 0o755, 0o644);
}

#[test]
fn a_tree_on_a_read_only_mount_can_be_read() {
    let dir = TestTree::new();
    let tree = dir.join("A");
    init(&tree);
    fs::remove_dir_all(tree.join("ATT/AT8")).unwrap();
    let mount = dir.join("mount");
    fs::create_dir(&mount).unwrap();
    let quiet = |program: &str, args: &[&std::ffi::OsStr]| {
        Command::new(program)
            .args(args)
            .output()
            .is_ok_and(|output| output.status.success())
    };
    let bound = quiet(
        "mount",
        &["--bind".as_ref(), dir.path().as_os_str(), mount.as_os_str()],
    ) && quiet(
        "mount",
        &["-o".as_ref(), "remount,ro,bind".as_ref(), mount.as_os_str()],
    );
    if !bound {
        let _ = quiet("umount", &[mount.as_os_str()]);
        eprintln!("mounting is not permitted here: the read-only mount was not tried");
        return;
    }
    let before = snapshot(&tree);
    let result = std::panic::catch_unwind(|| reads_and_refuses(&mount.join("A"), &[5]));
    let new_tree = on("init", &mount.join("NEW"), &[NAME]);
    assert!(quiet("umount", &[mount.as_os_str()]));
    result.unwrap();
    assert_eq!(new_tree.code(), Some(5), "{new_tree}");
    assert_eq!(differences(&before, &snapshot(&tree)), Vec::<String>::new());
}
