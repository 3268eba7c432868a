//! Trees are found where they are, and nowhere else.

use std::time::Duration;

use super::*;

struct Site {
    dir: tempfile::TempDir,
}

impl Site {
    fn new() -> Self {
        Self {
            dir: tempfile::tempdir().unwrap(),
        }
    }

    fn at(&self, path: &str) -> PathBuf {
        self.dir.path().join(path)
    }

    fn dir(&self, path: &str) -> &Self {
        fs::create_dir_all(self.at(path)).unwrap();
        self
    }

    fn file(&self, path: &str) -> &Self {
        fs::create_dir_all(self.at(path).parent().unwrap()).unwrap();
        fs::write(self.at(path), b"").unwrap();
        self
    }

    fn discover(&self, path: &str) -> Discovery {
        discover(&self.at(path), &Limits::default())
    }

    /// Paths below the site and kinds.
    fn trees(&self, found: &Discovery) -> Vec<(String, TreeKind)> {
        let root = self.dir.path();
        let short = |path: &Path| path.strip_prefix(root).unwrap().display().to_string();
        let trees = found.trees.iter();
        trees.map(|tree| (short(&tree.path), tree.kind)).collect()
    }
}

fn server(site: &Site, at: &str) {
    site.dir(&format!("{at}/DXADATA"))
        .file(&format!("{at}/MTADATA/DB000001.DAT"))
        .file(&format!("{at}/CONNECT/MSMCON/MAILDATA/GLB/MASTER.GLB"));
}

// rule: pof:R-MST-005
#[test]
fn a_site_is_every_tree_below_it() {
    let site = Site::new();
    site.file("b/PO2/GLB/MASTER.GLB")
        .file("a/po1/glb/Master.glb")
        .file("mta/MTADATA/DB00002B.DAT")
        .file("other/GLB/SOMETHING.GLB")
        .dir("other2/MTADATA")
        .dir("other3/DXADATA");
    server(&site, "exchange");
    let found = site.discover("");
    assert_eq!(
        site.trees(&found),
        [
            ("a/po1".to_owned(), TreeKind::Postoffice),
            ("b/PO2".to_owned(), TreeKind::Postoffice),
            ("exchange".to_owned(), TreeKind::ExchangeServer),
            ("mta/MTADATA".to_owned(), TreeKind::MtaDatabase),
        ]
    );
    assert_eq!(found.notes, []);
    assert!(found.is_complete());
    let shadow = site.at("exchange/CONNECT/MSMCON/MAILDATA");
    assert_eq!(found.trees[2].shadow.as_ref(), Some(&shadow));
    assert_eq!(found.trees[2].found_by, FoundBy::AgentBesideMta);
    assert_eq!(found.trees[3].found_by, FoundBy::ObjectFiles);
}

// rule: pof:R-MST-005
#[test]
fn a_directory_that_is_a_tree_is_that_tree() {
    let site = Site::new();
    site.file("PO/GLB/MASTER.GLB")
        .file("PO/INNER/GLB/MASTER.GLB")
        .file("copy of mta/db0000ff.dat")
        .file("no mta/DB0000FG.DAT");
    server(&site, "EX");
    for (path, kind) in [
        ("PO", TreeKind::Postoffice),
        ("EX", TreeKind::ExchangeServer),
        ("EX/MTADATA", TreeKind::MtaDatabase),
        ("copy of mta", TreeKind::MtaDatabase),
        ("EX/CONNECT/MSMCON/MAILDATA", TreeKind::Postoffice),
    ] {
        let found = site.discover(path);
        assert_eq!(site.trees(&found), [(path.to_owned(), kind)]);
        let shadow_of = found.trees[0].shadow_of.as_deref();
        let server = site.at("EX").canonicalize().unwrap();
        assert_eq!(shadow_of.is_some(), path.ends_with("MAILDATA"));
        assert!(shadow_of.is_none_or(|path| path == server));
    }
    assert_eq!(site.trees(&site.discover("no mta")), []);
    // A walk does not take any folder of objects for a database.
    assert_eq!(site.trees(&site.discover("")).len(), 2);
}

#[test]
fn journals_snapshots_and_quarantine_are_skipped() {
    let site = Site::new();
    for folder in [
        "JOURNAL",
        "journal",
        "MTACHECK.OUT",
        "mtacheck.007",
        "PO.BAK",
        "x.bak",
    ] {
        site.file(&format!("{folder}/PO/GLB/MASTER.GLB"));
        assert!(is_skipped(OsStr::new(folder)));
    }
    for folder in [
        "JOURNALS",
        "MTACHECK.0A7",
        "MTACHECK.0007",
        "BAK",
        "PO.BAKE",
    ] {
        assert!(!is_skipped(OsStr::new(folder)), "{folder}");
    }
    assert_eq!(site.discover("").trees, []);
    // Named directly it is looked at.
    assert_eq!(site.discover("PO.BAK").trees.len(), 1);
}

#[cfg(unix)]
#[test]
fn links_are_not_followed() {
    use std::os::unix::fs::symlink;
    let site = Site::new();
    site.file("real/PO/GLB/MASTER.GLB")
        .dir("site/PO2/glb")
        .dir("site/EX/MTADATA");
    symlink(site.at("real/PO"), site.at("site/PO1")).unwrap();
    symlink(site.at("real/PO/GLB"), site.at("site/PO2/GLB")).unwrap();
    symlink(
        site.at("real/PO/GLB/MASTER.GLB"),
        site.at("site/PO2/glb/MASTER.GLB"),
    )
    .unwrap();
    symlink(site.at("real"), site.at("site/EX/DXADATA")).unwrap();
    symlink(site.at("site"), site.at("site/loop")).unwrap();
    let found = site.discover("site");
    assert_eq!(found.trees, []);
    let noted: Vec<_> = found
        .notes
        .iter()
        .map(|note| (&note.path, &note.kind))
        .collect();
    let expected = ["site/EX/DXADATA", "site/PO2/GLB", "site/PO2/glb/MASTER.GLB"];
    let expected = expected.map(|path| site.at(path));
    assert_eq!(
        noted,
        expected.each_ref().map(|path| (path, &NoteKind::Link))
    );
    assert!(!found.is_complete());
    // The site itself may be a link.
    symlink(site.at("real"), site.at("door")).unwrap();
    assert_eq!(
        site.trees(&site.discover("door")),
        [("door/PO".to_owned(), TreeKind::Postoffice)]
    );
}

#[test]
fn depth_entries_and_time_are_bounded() {
    let site = Site::new();
    let deep = (1..=13)
        .map(|n| format!("d{n}"))
        .collect::<Vec<_>>()
        .join("/");
    site.file(&format!("{deep}/GLB/MASTER.GLB"))
        .file("PO/GLB/MASTER.GLB");
    let found = site.discover("");
    assert_eq!(
        site.trees(&found),
        [("PO".to_owned(), TreeKind::Postoffice)]
    );
    assert_eq!(found.notes.len(), 1);
    assert_eq!(found.notes[0].kind, NoteKind::TooDeep);
    assert!(found.notes[0].path.ends_with("d12"));
    // One level less is found.
    assert_eq!(site.trees(&site.discover("d1")).len(), 1);

    for number in 0..50 {
        site.file(&format!("many/{number}"));
    }
    let limits = Limits {
        entries: 40,
        ..Limits::default()
    };
    let found = discover(&site.at("many"), &limits);
    assert_eq!(found.notes.len(), 1);
    assert_eq!(found.notes[0].kind, NoteKind::TooManyEntries(40));

    let past = Instant::now();
    std::thread::sleep(Duration::from_millis(2));
    let limits = Limits {
        deadline: Some(past),
        ..Limits::default()
    };
    let found = discover(&site.at(""), &limits);
    assert_eq!(
        (found.trees.len(), &found.notes[0].kind),
        (0, &NoteKind::TimeUp)
    );
}

#[test]
fn what_cannot_be_read_is_noted() {
    let site = Site::new();
    site.file("file").file("PO/GLB/MASTER.GLB");
    assert_eq!(site.discover("file").notes[0].kind, NoteKind::NotADirectory);
    let missing = site.discover("missing");
    assert!(matches!(missing.notes[0].kind, NoteKind::Unreadable(_)));
    assert!(!missing.is_complete());
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        site.dir("closed");
        fs::set_permissions(site.at("closed"), fs::Permissions::from_mode(0o000)).unwrap();
        let found = site.discover("");
        assert_eq!(site.trees(&found).len(), 1);
        // Root reads it anyway.
        if fs::read_dir(site.at("closed")).is_err() {
            assert_eq!(found.notes.len(), 1);
            assert_eq!(found.notes[0].path, site.at("closed"));
        }
    }
}

#[test]
fn two_kinds_in_one_directory_are_noted() {
    let site = Site::new();
    server(&site, "X");
    site.file("X/GLB/MASTER.GLB");
    let found = site.discover("");
    assert_eq!(
        site.trees(&found),
        [("X".to_owned(), TreeKind::ExchangeServer)]
    );
    assert!(matches!(found.notes[0].kind, NoteKind::TwoKinds(..)));
}
