//! Files and directories in peace.

use super::*;

on_every_disk! {
    bytes_are_read_back
    sparse_files_are_cheap
    lengths_change_and_cut_bytes_do_not_come_back
    attributes_are_kept
    names_come_and_go
    renames_replace_or_refuse
    missing_things_are_missing
    syncs_are_accepted
    an_open_file_outlives_its_name
    the_root_is_a_directory_and_stays
}

fn bytes_are_read_back(bench: &Bench) {
    let mut file = bench.disk.create_new(&path("A")).unwrap();
    file.write_at(b"world", 6).unwrap();
    file.write_at(b"hello ", 0).unwrap();
    file.write_at(b"", 4096).unwrap();
    assert_eq!(file.stat().unwrap().len, 11);
    assert_eq!(bench.bytes("A"), b"hello world");
    let mut buf = [0xAA; 8];
    assert_eq!(file.read_at(&mut buf, 8).unwrap(), 3);
    assert_eq!(&buf, b"rld\xAA\xAA\xAA\xAA\xAA");
    assert_eq!(file.read_at(&mut buf, 11).unwrap(), 0);
    assert_eq!(file.read_at(&mut buf, u64::MAX).unwrap(), 0);
    assert!(file.write_at(b"x", u64::MAX).is_err());
    let reader = bench.disk.open_read(&path("A")).unwrap();
    let mut writer = bench.disk.open_write(&path("A")).unwrap();
    writer.write_at(b"H", 0).unwrap();
    reader.read_at(&mut buf[..1], 0).unwrap();
    assert_eq!(buf[0], b'H');
}

fn sparse_files_are_cheap(bench: &Bench) {
    const TIB: u64 = 1 << 40;
    let mut file = bench.disk.create_new(&path("A")).unwrap();
    file.set_len(TIB).unwrap();
    file.write_at(b"end", TIB - 3).unwrap();
    file.write_at(b"mid", TIB / 2).unwrap();
    assert_eq!(file.stat().unwrap().len, TIB);
    let mut buf = [1; 6];
    assert_eq!(file.read_at(&mut buf, TIB - 4).unwrap(), 4);
    assert_eq!(&buf, b"\0end\x01\x01");
    assert_eq!(file.read_at(&mut buf, 1 << 30).unwrap(), 6);
    assert_eq!(buf, [0; 6]);
    file.sync().unwrap();
    file.set_len(3).unwrap();
    assert_eq!(bench.bytes("A"), [0; 3]);
}

fn lengths_change_and_cut_bytes_do_not_come_back(bench: &Bench) {
    bench.put("A", &[7; 10_000]);
    let mut file = bench.disk.open_write(&path("A")).unwrap();
    file.set_len(5000).unwrap();
    file.set_len(9000).unwrap();
    let mut expected = vec![7; 5000];
    expected.resize(9000, 0);
    assert_eq!(bench.bytes("A"), expected);
    file.allocate(0, 1 << 20).unwrap();
    file.allocate(0, 0).unwrap();
    assert_eq!(file.stat().unwrap().len, 9000);
    assert_eq!(bench.bytes("A"), expected);
}

fn attributes_are_kept(bench: &Bench) {
    bench.put("A", b"x");
    let mut file = bench.disk.open_write(&path("A")).unwrap();
    let before = file.stat().unwrap();
    assert_eq!(
        (before.kind, before.links, before.len),
        (EntryKind::File, 1, 1)
    );
    file.set_attrs(&Attrs {
        mode: Some(0o640),
        owner: before.attrs.owner,
    })
    .unwrap();
    file.set_attrs(&Attrs::default()).unwrap();
    let expected = Stat {
        attrs: Attrs {
            mode: Some(0o640),
            ..before.attrs
        },
        ..before
    };
    assert_eq!(file.stat().unwrap(), expected);
    assert_eq!(bench.disk.stat(&path("A")).unwrap(), Some(expected));
}

fn names_come_and_go(bench: &Bench) {
    let disk = &bench.disk;
    bench.mkdir("D");
    bench.put("D/A", b"x");
    assert_eq!(kind_of(disk.mkdir(&path("D"))), Kind::AlreadyExists);
    assert_eq!(kind_of(disk.mkdir(&path("D/A"))), Kind::AlreadyExists);
    assert_eq!(kind_of(disk.create_new(&path("D/A"))), Kind::AlreadyExists);
    assert_eq!(kind_of(disk.create_new(&path("D"))), Kind::AlreadyExists);
    assert_eq!(kind_of(disk.rmdir(&path("D"))), Kind::NotEmpty);
    assert_eq!(kind_of(disk.rmdir(&path("D/A"))), Kind::NotADirectory);
    assert_eq!(
        kind_of(disk.unlink(&path("D"))),
        Kind::NotRegular(EntryKind::Dir)
    );
    let expected = BTreeMap::from([(EntryName::Plain("A".into()), EntryKind::File)]);
    assert_eq!(names(disk.as_ref(), "D"), expected);
    disk.unlink(&path("D/A")).unwrap();
    assert!(names(disk.as_ref(), "D").is_empty());
    disk.rmdir(&path("D")).unwrap();
    assert_eq!(disk.stat(&path("D")).unwrap(), None);
}

fn renames_replace_or_refuse(bench: &Bench) {
    let disk = &bench.disk;
    for dir in ["D", "E", "F"] {
        bench.mkdir(dir);
    }
    bench.put("A", b"a");
    bench.put("D/B", b"b");
    let rename = |from, to| disk.rename(&path(from), &path(to));
    let move_to = |from, to| disk.rename_noreplace(&path(from), &path(to));
    assert_eq!(kind_of(move_to("A", "D/B")), Kind::AlreadyExists);
    assert_eq!(kind_of(move_to("A", "D")), Kind::AlreadyExists);
    assert_eq!(kind_of(move_to("E", "F")), Kind::AlreadyExists);
    assert_eq!(kind_of(rename("A", "E")), Kind::NotRegular(EntryKind::Dir));
    assert_eq!(kind_of(rename("E", "A")), Kind::NotADirectory);
    assert_eq!(kind_of(rename("E", "D")), Kind::NotEmpty);
    assert_eq!(kind_of(rename("D/B", "D")), Kind::NotEmpty);
    assert_eq!(kind_of(rename("D", "D/X")), Kind::Io);
    assert_eq!(kind_of(rename("X", "A")), Kind::NotFound);
    assert_eq!(kind_of(move_to("X", "Y")), Kind::NotFound);
    assert_eq!(kind_of(rename("A", "X/Y")), Kind::NotFound);
    assert_eq!(kind_of(rename("A", "D/B/C")), Kind::NotADirectory);
    assert_eq!(bench.bytes("A"), b"a");
    rename("A", "A").unwrap();
    rename("A", "D/B").unwrap();
    assert_eq!(disk.stat(&path("A")).unwrap(), None);
    assert_eq!(bench.bytes("D/B"), b"a");
    move_to("D/B", "D/C").unwrap();
    rename("D", "F").unwrap();
    move_to("F", "G").unwrap();
    assert_eq!(bench.bytes("G/C"), b"a");
    let left = tree(disk.as_ref()).into_keys().collect::<Vec<_>>();
    assert_eq!(left, ["E", "G", "G/C"]);
}

fn missing_things_are_missing(bench: &Bench) {
    let disk = &bench.disk;
    bench.put("A", b"x");
    for (text, kind) in [
        ("X", Kind::NotFound),
        ("X/Y", Kind::NotFound),
        ("A/Y", Kind::NotADirectory),
        ("A/Y/Z", Kind::NotADirectory),
    ] {
        let at = path(text);
        assert_eq!(kind_of(disk.open_read(&at)), kind, "{text}");
        assert_eq!(kind_of(disk.open_write(&at)), kind, "{text}");
        assert_eq!(
            kind_of(disk.list(&at, &mut |_| ControlFlow::Continue(()))),
            kind
        );
        assert_eq!(kind_of(disk.sync_dir(&at)), kind, "{text}");
        assert_eq!(kind_of(disk.unlink(&at)), kind, "{text}");
        assert_eq!(kind_of(disk.rmdir(&at)), kind, "{text}");
        assert_eq!(kind_of(disk.sync_group(std::slice::from_ref(&at))), kind);
        assert_eq!(kind_of(disk.try_lock(&at, LockKind::Shared, false)), kind);
        match kind {
            Kind::NotFound => assert_eq!(disk.stat(&at).unwrap(), None),
            kind => assert_eq!(kind_of(disk.stat(&at)), kind),
        }
        let below = at.join("NEW").unwrap();
        assert_eq!(kind_of(disk.create_new(&below)), kind, "{text}");
        assert_eq!(kind_of(disk.mkdir(&below)), kind, "{text}");
        let error = disk.open_read(&at).unwrap_err();
        assert_eq!(error.path, at);
    }
    let not_a_dir = disk.list(&path("A"), &mut |_| ControlFlow::Continue(()));
    assert_eq!(kind_of(not_a_dir), Kind::NotADirectory);
}

fn syncs_are_accepted(bench: &Bench) {
    bench.mkdir("D");
    let mut files = Vec::new();
    for number in 0..20 {
        let name = format!("D/{number}");
        bench.put(&name, name.as_bytes());
        files.push(path(&name));
    }
    bench.disk.sync_group(&[]).unwrap();
    bench.disk.sync_group(&files[..3]).unwrap();
    bench.disk.sync_group(&files).unwrap();
    bench.disk.sync_dir(&path("D")).unwrap();
    bench.disk.sync_dir(&RelPath::root()).unwrap();
    assert!(bench.disk.free_bytes().unwrap() > 0);
    assert_eq!(bench.bytes("D/19"), b"D/19");
}

#[test]
fn a_large_directory_streams_in_memory() {
    a_large_directory_streams(&Bench::memory());
}

#[test]
fn a_large_directory_streams_from_disk() {
    a_large_directory_streams(&Bench::real());
}

fn a_large_directory_streams(bench: &Bench) {
    const FILES: usize = 100_000;
    bench.mkdir("D");
    match bench.real_root() {
        None => {
            for number in 0..FILES {
                drop(
                    bench
                        .disk
                        .create_new(&path(&format!("D/{number:06}")))
                        .unwrap(),
                );
            }
        }
        Some(root) => {
            // Hard links of one file are the fastest way to many names.
            bench.put("F", b"");
            let file = root.join("F");
            for number in 0..FILES {
                let name = root.join(format!("D/{number:06}"));
                if std::fs::hard_link(&file, &name).is_err() {
                    std::fs::write(&name, b"").unwrap();
                }
            }
        }
    }
    let mut seen = 0;
    bench
        .disk
        .list(&path("D"), &mut |entry| {
            assert_eq!(entry.kind, EntryKind::File);
            seen += 1;
            ControlFlow::Continue(())
        })
        .unwrap();
    assert_eq!(seen, FILES);
    // It ends when told to, and the disk may be used meanwhile.
    let mut few = 0;
    bench
        .disk
        .list(&path("D"), &mut |entry| {
            let EntryName::Plain(name) = entry.name else {
                panic!("a strange name");
            };
            bench.disk.unlink(&path("D").join(&name).unwrap()).unwrap();
            few += 1;
            match few {
                3 => ControlFlow::Break(()),
                _ => ControlFlow::Continue(()),
            }
        })
        .unwrap();
    assert_eq!(few, 3);
    assert_eq!(names(bench.disk.as_ref(), "D").len(), FILES - 3);
}

fn an_open_file_outlives_its_name(bench: &Bench) {
    bench.put("A", b"abc");
    let mut file = bench.disk.open_write(&path("A")).unwrap();
    bench.disk.unlink(&path("A")).unwrap();
    file.write_at(b"X", 0).unwrap();
    file.sync().unwrap();
    let mut buf = [0; 3];
    assert_eq!(file.read_at(&mut buf, 0).unwrap(), 3);
    assert_eq!(&buf, b"Xbc");
    assert_eq!(file.stat().unwrap().links, 0);
}

fn the_root_is_a_directory_and_stays(bench: &Bench) {
    let disk = &bench.disk;
    let root = RelPath::root();
    assert_eq!(disk.stat(&root).unwrap().unwrap().kind, EntryKind::Dir);
    let dir = Kind::NotRegular(EntryKind::Dir);
    assert_eq!(kind_of(disk.open_read(&root)), dir);
    assert_eq!(kind_of(disk.open_write(&root)), dir);
    assert_eq!(kind_of(disk.unlink(&root)), dir);
    assert_eq!(kind_of(disk.create_new(&root)), Kind::AlreadyExists);
    assert_eq!(kind_of(disk.mkdir(&root)), Kind::AlreadyExists);
    assert_eq!(kind_of(disk.rmdir(&root)), Kind::Unsupported);
    assert_eq!(kind_of(disk.rename(&root, &path("A"))), Kind::Unsupported);
    assert_eq!(
        kind_of(disk.rename_noreplace(&path("A"), &root)),
        Kind::Unsupported
    );
}
