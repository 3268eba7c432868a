//! The crash model proved: what was synced survives every power cut, the rest any part of it.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::disk::mem::content::{BLOCK_BYTES, SECTOR_BYTES};

const SEEDS: u64 = 200;

fn path(text: &str) -> RelPath {
    RelPath::new(text).unwrap()
}

fn write_new(disk: &MemDisk, name: &str, bytes: &[u8]) -> Box<dyn WriteHandle> {
    let mut file = disk.create_new(&path(name)).unwrap();
    file.write_at(bytes, 0).unwrap();
    file
}

fn bytes_at(disk: &MemDisk, name: &str) -> Option<Vec<u8>> {
    match disk.snapshot().remove(name) {
        Some(Node::File { bytes, .. }) => Some(bytes),
        Some(other) => panic!("{name} is {other:?}"),
        None => None,
    }
}

/// What can be seen of `name` after every kind of power cut.
fn outcomes(disk: &MemDisk, name: &str) -> BTreeSet<Option<Vec<u8>>> {
    Survival::all(SEEDS)
        .map(|survival| bytes_at(&disk.crash(survival), name))
        .collect()
}

#[test]
fn a_new_file_survives_as_bytes_and_name_apart() {
    let disk = MemDisk::new();
    let mut file = write_new(&disk, "A", b"hello");
    assert_eq!(bytes_at(&disk.crash(Survival::Nothing), "A"), None);
    assert_eq!(bytes_at(&disk.crash(Survival::DataOnly), "A"), None);
    assert_eq!(
        bytes_at(&disk.crash(Survival::NamesOnly), "A"),
        Some(vec![])
    );
    assert_eq!(
        bytes_at(&disk.crash(Survival::Everything), "A"),
        Some(b"hello".to_vec())
    );
    // The length may survive without the bytes: zeros, never anything else.
    assert_eq!(
        outcomes(&disk, "A"),
        BTreeSet::from([
            None,
            Some(vec![]),
            Some(vec![0; 5]),
            Some(b"hello".to_vec())
        ])
    );
    file.sync().unwrap();
    assert_eq!(
        outcomes(&disk, "A"),
        BTreeSet::from([None, Some(b"hello".to_vec())])
    );
    disk.sync_dir(&RelPath::root()).unwrap();
    assert_eq!(
        outcomes(&disk, "A"),
        BTreeSet::from([Some(b"hello".to_vec())])
    );
    assert!(!disk.is_dirty());
}

#[test]
fn sectors_survive_one_by_one() {
    let disk = MemDisk::new();
    let sector = usize::try_from(SECTOR_BYTES).unwrap();
    disk.add_file(&path("A"), &vec![1; 4 * sector]).unwrap();
    let mut file = disk.open_write(&path("A")).unwrap();
    file.write_at(&vec![2; 3 * sector], SECTOR_BYTES / 2)
        .unwrap();
    let mut mixed = 0;
    for bytes in outcomes(&disk, "A") {
        let bytes = bytes.unwrap();
        assert_eq!(bytes.len(), 4 * sector);
        let new = file_bytes(&disk, "A");
        let old = vec![1; 4 * sector];
        let mut news = 0;
        for at in (0..bytes.len()).step_by(sector) {
            let got = &bytes[at..at + sector];
            assert!(got == &new[at..at + sector] || got == &old[at..at + sector]);
            news += usize::from(got == &new[at..at + sector]);
        }
        mixed += usize::from(news > 0 && news < 4);
    }
    assert_eq!(mixed, 14, "every mix of four sectors is met");
}

fn file_bytes(disk: &MemDisk, name: &str) -> Vec<u8> {
    bytes_at(disk, name).unwrap()
}

#[test]
fn a_cut_that_comes_back_is_zero_and_old_bytes_may_return_until_synced() {
    let disk = MemDisk::new();
    disk.add_file(&path("A"), &[7; 6000]).unwrap();
    let mut file = disk.open_write(&path("A")).unwrap();
    file.set_len(10).unwrap();
    file.set_len(6000).unwrap();
    let mut expected = vec![7; 10];
    expected.resize(6000, 0);
    assert_eq!(file_bytes(&disk, "A"), expected);
    assert_eq!(
        file_bytes(&disk.crash(Survival::Nothing), "A"),
        vec![7; 6000]
    );
    let lens: BTreeSet<usize> = outcomes(&disk, "A")
        .into_iter()
        .map(|bytes| bytes.unwrap().len())
        .collect();
    assert_eq!(lens, BTreeSet::from([10, 6000]));
    file.sync().unwrap();
    assert_eq!(outcomes(&disk, "A"), BTreeSet::from([Some(expected)]));
}

#[test]
fn a_replacing_rename_keeps_old_or_new() {
    let disk = MemDisk::new();
    disk.add_file(&path("D/T"), b"old").unwrap();
    disk.add_dir(&path("S")).unwrap();
    write_new(&disk, "S/X", b"new").sync().unwrap();
    disk.rename(&path("S/X"), &path("D/T")).unwrap();
    assert_eq!(
        outcomes(&disk, "D/T"),
        BTreeSet::from([Some(b"old".to_vec()), Some(b"new".to_vec())])
    );
    // Either of the two directories makes the whole rename durable.
    for synced in ["S", "D"] {
        let copy = disk.fork();
        copy.sync_dir(&path(synced)).unwrap();
        assert_eq!(
            outcomes(&copy, "D/T"),
            BTreeSet::from([Some(b"new".to_vec())])
        );
        assert_eq!(outcomes(&copy, "S/X"), BTreeSet::from([None]));
    }
}

#[test]
fn a_chain_of_renames_never_yields_two_names_or_none() {
    let disk = MemDisk::new();
    disk.add_file(&path("P/A"), b"x").unwrap();
    for dir in ["Q", "R"] {
        disk.add_dir(&path(dir)).unwrap();
    }
    disk.rename(&path("P/A"), &path("Q/B")).unwrap();
    disk.rename(&path("Q/B"), &path("R/C")).unwrap();
    write_new(&disk, "P/A", b"another");
    let mut seen = BTreeSet::new();
    let synced = disk.fork();
    synced.sync_dir(&path("R")).unwrap();
    for disk in [&disk, &synced] {
        for survival in Survival::all(SEEDS) {
            let after = disk.crash(survival).snapshot();
            let names: Vec<&str> = ["P/A", "Q/B", "R/C"]
                .into_iter()
                .filter(|name| {
                    matches!(after.get(*name), Some(Node::File { bytes, .. }) if bytes == b"x")
                })
                .collect();
            assert_eq!(names.len(), 1, "{survival:?} {after:?}");
            seen.insert(names[0].to_owned());
        }
    }
    assert_eq!(seen.len(), 3);
}

#[test]
fn independent_renames_survive_in_any_order() {
    let disk = MemDisk::new();
    for name in ["A", "B"] {
        disk.add_file(&path(name), b"").unwrap();
    }
    disk.rename(&path("A"), &path("A2")).unwrap();
    disk.rename(&path("B"), &path("B2")).unwrap();
    let seen: BTreeSet<Vec<String>> = Survival::all(SEEDS)
        .map(|survival| disk.crash(survival).snapshot().into_keys().collect())
        .collect();
    assert_eq!(seen.len(), 4);
}

#[test]
fn a_name_in_a_lost_directory_is_lost() {
    let disk = MemDisk::new();
    disk.mkdir(&path("D")).unwrap();
    write_new(&disk, "D/A", b"x").sync().unwrap();
    disk.sync_dir(&path("D")).unwrap();
    assert!(disk.crash(Survival::Nothing).snapshot().is_empty());
    disk.sync_dir(&RelPath::root()).unwrap();
    assert_eq!(disk.crash(Survival::Nothing).snapshot(), disk.snapshot());
}

#[test]
fn the_switches_that_break_the_rules_are_seen() {
    let disk = MemDisk::new();
    disk.ignore_sync_dir(true);
    write_new(&disk, "A", b"x").sync().unwrap();
    disk.sync_dir(&RelPath::root()).unwrap();
    assert_eq!(bytes_at(&disk.crash(Survival::Nothing), "A"), None);
    disk.ignore_sync_dir(false);
    disk.ignore_file_sync(true);
    write_new(&disk, "B", b"x").sync().unwrap();
    write_new(&disk, "C", b"x");
    disk.sync_group(&[path("C")]).unwrap();
    disk.sync_dir(&RelPath::root()).unwrap();
    let after = disk.crash(Survival::Nothing);
    for (name, bytes) in [("A", &b"x"[..]), ("B", b""), ("C", b"")] {
        assert_eq!(file_bytes(&after, name), bytes, "{name}");
    }
}

#[test]
fn a_killed_process_loses_locks_but_no_bytes() {
    let disk = MemDisk::new();
    write_new(&disk, "A", b"x");
    let lock = path("L");
    let held = disk.try_lock(&lock, LockKind::Exclusive, true).unwrap();
    assert!(held.is_some());
    assert!(
        disk.try_lock(&lock, LockKind::Shared, false)
            .unwrap()
            .is_none()
    );
    let after = disk.kill();
    assert_eq!(after.snapshot(), disk.snapshot());
    assert!(
        after
            .try_lock(&lock, LockKind::Shared, false)
            .unwrap()
            .is_some()
    );
    // What was volatile still is.
    assert!(after.crash(Survival::Nothing).snapshot().is_empty());
    drop(held);
    assert!(
        disk.try_lock(&lock, LockKind::Exclusive, false)
            .unwrap()
            .is_some()
    );
}

#[test]
fn space_is_limited_and_reservations_count() {
    let disk = MemDisk::with_capacity(4 * BLOCK_BYTES);
    let mut file = write_new(&disk, "A", &[1; 4097]);
    assert_eq!(disk.free_bytes().unwrap(), 2 * BLOCK_BYTES);
    file.allocate(0, 3 * BLOCK_BYTES).unwrap();
    assert_eq!(disk.free_bytes().unwrap(), BLOCK_BYTES);
    assert_eq!(file.stat().unwrap().len, 4097);
    let full = file.allocate(0, 5 * BLOCK_BYTES).unwrap_err();
    assert_eq!(full.kind, DiskErrorKind::NoSpace);
    let mut other = write_new(&disk, "B", &[2; 4096]);
    assert_eq!(
        other.write_at(&[2], 4096).unwrap_err().kind,
        DiskErrorKind::NoSpace
    );
    // Reserved space stays usable, also after a crash when the reservation was synced.
    file.sync().unwrap();
    other.sync().unwrap();
    disk.sync_dir(&RelPath::root()).unwrap();
    let after = disk.crash(Survival::Nothing);
    let mut file = after.open_write(&path("A")).unwrap();
    file.write_at(&[3; 4096], 8192).unwrap();
    assert_eq!(after.free_bytes().unwrap(), 0);
    // A hole costs nothing; the space of a removed file comes back when the last handle goes.
    file.set_len(1 << 40).unwrap();
    after.unlink(&path("A")).unwrap();
    assert_eq!(after.free_bytes().unwrap(), 0);
    drop(file);
    assert_eq!(after.free_bytes().unwrap(), 3 * BLOCK_BYTES);
}

#[test]
fn a_snapshot_makes_the_same_disk_again() {
    let disk = MemDisk::new();
    disk.add_file(&path("GLB/MASTER.GLB"), &[3; 5000]).unwrap();
    disk.add_special(&path("GLB/PIPE"), EntryKind::Fifo)
        .unwrap();
    disk.add_dir(&path("P1")).unwrap();
    let again = MemDisk::from_snapshot(&disk.snapshot()).unwrap();
    assert_eq!(again.snapshot(), disk.snapshot());
    assert!(!again.is_dirty());
    assert_eq!(again.crash(Survival::Nothing).snapshot(), disk.snapshot());
}

#[test]
fn forgotten_inodes_are_collected() {
    let disk = MemDisk::new();
    for _ in 0..20_000 {
        write_new(&disk, "A", b"x");
        disk.unlink(&path("A")).unwrap();
        disk.sync_dir(&RelPath::root()).unwrap();
    }
    assert!(disk.lock_state().inodes.len() < 10_000);
}

/// One step of a random life.
#[derive(Debug, Clone)]
enum Life {
    Write(u8, u64, usize),
    SetLen(u8, u64),
    Rename(u8, u8),
    Unlink(u8),
    Mkdir(u8),
    SyncFile(u8),
    SyncDir(u8),
}

/// Twelve paths in three directories and the root.
fn place(number: u8) -> RelPath {
    let number = number % 12;
    let name = ["A", "B", "C"][usize::from(number % 3)];
    match number / 3 {
        0 => path(name),
        dir => path(&format!("D{dir}/{name}")),
    }
}

fn dir(number: u8) -> RelPath {
    match number % 4 {
        0 => RelPath::root(),
        dir => path(&format!("D{dir}")),
    }
}

fn life() -> impl Strategy<Value = Life> {
    prop_oneof![
        (any::<u8>(), 0..9000u64, 1..3000usize).prop_map(|(f, at, len)| Life::Write(f, at, len)),
        (any::<u8>(), 0..9000u64).prop_map(|(f, len)| Life::SetLen(f, len)),
        (any::<u8>(), any::<u8>()).prop_map(|(a, b)| Life::Rename(a, b)),
        any::<u8>().prop_map(Life::Unlink),
        any::<u8>().prop_map(Life::Mkdir),
        any::<u8>().prop_map(Life::SyncFile),
        any::<u8>().prop_map(Life::SyncDir),
    ]
}

fn live(disk: &MemDisk, step: &Life, mark: u8) {
    match step {
        Life::Write(f, at, len) => {
            let file = disk
                .open_write(&place(*f))
                .or_else(|_| disk.create_new(&place(*f)));
            if let Ok(mut file) = file {
                file.write_at(&vec![mark; *len], *at).unwrap();
            }
        }
        Life::SetLen(f, len) => {
            if let Ok(mut file) = disk.open_write(&place(*f)) {
                file.set_len(*len).unwrap();
            }
        }
        Life::Rename(a, b) => drop(disk.rename(&place(*a), &place(*b))),
        Life::Unlink(f) => drop(disk.unlink(&place(*f))),
        Life::Mkdir(d) => drop(disk.mkdir(&dir(*d))),
        Life::SyncFile(f) => {
            if let Ok(mut file) = disk.open_write(&place(*f)) {
                file.sync().unwrap();
            }
        }
        Life::SyncDir(d) => drop(disk.sync_dir(&dir(*d))),
    }
}

fn settle_by_calls(disk: &MemDisk) {
    for number in 0..12 {
        if let Ok(mut file) = disk.open_write(&place(number)) {
            file.sync().unwrap();
        }
    }
    for number in 0..4 {
        drop(disk.sync_dir(&dir(number)));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn after_all_syncs_everything_survives(steps in prop::collection::vec(life(), 0..60)) {
        let disk = MemDisk::new();
        for (at, step) in steps.iter().enumerate() {
            live(&disk, step, u8::try_from(at).unwrap() | 0x80);
        }
        settle_by_calls(&disk);
        let now = disk.snapshot();
        for survival in Survival::all(4) {
            prop_assert_eq!(&disk.crash(survival).snapshot(), &now, "{:?}", survival);
        }
    }

    #[test]
    fn everything_is_what_was_seen_and_a_crash_is_settled(
        steps in prop::collection::vec(life(), 0..60),
        seed: u64,
    ) {
        let disk = MemDisk::new();
        for (at, step) in steps.iter().enumerate() {
            live(&disk, step, u8::try_from(at).unwrap() | 0x80);
        }
        prop_assert_eq!(disk.crash(Survival::Everything).snapshot(), disk.snapshot());
        prop_assert_eq!(disk.kill().snapshot(), disk.snapshot());
        let after = disk.crash(Survival::Seeded(seed));
        prop_assert!(!after.is_dirty());
        prop_assert_eq!(disk.crash(Survival::Seeded(seed)).snapshot(), after.snapshot());
        prop_assert_eq!(after.crash(Survival::Nothing).snapshot(), after.snapshot());
    }

    #[test]
    fn a_durable_file_keeps_exactly_one_name(
        renames in prop::collection::vec((any::<u8>(), any::<u8>(), any::<u8>()), 1..20),
        seed: u64,
    ) {
        let disk = MemDisk::new();
        for number in 0..4 {
            disk.add_dir(&dir(number)).unwrap();
        }
        disk.add_file(&place(0), b"x").unwrap();
        for (from, to, sync) in renames {
            drop(disk.rename_noreplace(&place(from), &place(to)));
            if sync < 64 {
                disk.sync_dir(&dir(sync)).unwrap();
            }
        }
        let after = disk.crash(Survival::Seeded(seed)).snapshot();
        let files = after.values().filter(|node| matches!(node, Node::File { .. })).count();
        prop_assert_eq!(files, 1);
    }
}
