//! Trees that somebody made to hurt: nothing hangs, nothing panics, memory stays small.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::sample::{DOMAIN, Sample, ids, info, look, options, path};
use crate::insight::check::{FixWhat, check, fix};
use crate::tree::disk::fault::{Counting, Fault, FaultDisk};
use crate::tree::disk::mem::MemDisk;
use crate::tree::disk::{DiskErrorKind, EntryKind};
use crate::tree::view::{OpenOptions, TreeMut, TreeView};

/// Checks and mends whatever can be opened.
fn survive(disk: &MemDisk, what: &str) {
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        let disk: Arc<MemDisk> = Arc::new(disk.clone());
        if let Ok(view) = TreeView::open(disk.clone(), DOMAIN, &OpenOptions::default()) {
            check(&view, &options(), &mut |_| {}).unwrap();
        }
        if let Ok(mut tree) = TreeMut::open(disk, DOMAIN, &OpenOptions::default()) {
            fix(&mut tree, &options(), &FixWhat::Safe, &info(), &mut |_| {}).unwrap();
        }
    }));
    assert!(outcome.is_ok(), "{what}");
}

// rule: pof:R-SIZ-001
#[test]
fn a_sparse_terabyte_in_the_place_of_any_file_is_not_read() {
    let clean = Sample::filled();
    for file in clean.files.keys() {
        let mut sample = clean.clone();
        sample.sparse.insert(file.clone(), 1 << 40);
        survive(&sample.disk(), file);
    }
    let mut sample = clean.clone();
    for file in clean.files.keys().filter(|file| *file != "GLB/LAYOUT.TXT") {
        sample.sparse.insert(file.clone(), 1 << 40);
    }
    let disk = sample.disk();
    survive(&disk, "all files at once");
    assert!(ids(&look(&disk)).contains("size.huge"));
}

#[test]
fn special_files_in_the_place_of_any_file_or_directory_are_not_opened() {
    let clean = Sample::filled();
    for file in clean.files.keys() {
        for kind in [EntryKind::Fifo, EntryKind::Dir] {
            let mut sample = clean.clone();
            sample.files.remove(file);
            if kind == EntryKind::Dir {
                sample.dirs.insert(file.clone());
            } else {
                sample.specials.insert(file.clone(), kind);
            }
            survive(&sample.disk(), &format!("{file} {kind:?}"));
        }
    }
    for dir in &clean.dirs {
        for kind in [EntryKind::Link, EntryKind::File] {
            let mut sample = clean.clone();
            let inside = format!("{dir}/");
            sample
                .dirs
                .retain(|other| other != dir && !other.starts_with(&inside));
            sample.files.retain(|file, _| !file.starts_with(&inside));
            if kind == EntryKind::File {
                sample.put(dir, b"a file".to_vec());
            } else {
                sample.specials.insert(dir.clone(), kind);
            }
            survive(&sample.disk(), &format!("{dir} {kind:?}"));
        }
    }
}

#[test]
fn a_hundred_thousand_entries_in_one_directory_are_no_trouble() {
    let disk = Sample::filled().disk();
    for n in 0..100_000u32 {
        disk.add_file(&path(&format!("MAI/MA0/{:08X}.MAI", n * 16)), b"")
            .unwrap();
    }
    for n in 0..20_000u32 {
        disk.add_file(&path(&format!("KEY/{:08X}.KEY", n + 16)), b"")
            .unwrap();
        disk.add_file(&path(&format!("P1/NOTE{n}.TXT")), b"")
            .unwrap();
    }
    let checked = look(&disk);
    assert!(ids(&checked).contains("message.orphan-mai"));
    let orphans = checked
        .left_out
        .iter()
        .find(|(id, _)| id.0 == "message.orphan-mai")
        .unwrap();
    assert_eq!(orphans.1, 90_000);
}

// What cannot be read may be what seems to be missing: it is reported, and nothing is mended.
#[test]
fn an_error_of_the_disk_is_never_taken_for_an_absence() {
    let mut sample = Sample::filled();
    sample.resize("GLB/MODEM.GLB", 3);
    let disk = sample.disk();
    let count = {
        let counting = FaultDisk::new(Arc::new(disk.clone()), Counting::All, None);
        let counting = Arc::new(counting);
        let view = TreeView::open(counting.clone(), DOMAIN, &OpenOptions::default()).unwrap();
        check(&view, &options(), &mut |_| {}).unwrap();
        counting.operations()
    };
    let mut blind = 0;
    for at in (1..=count).step_by(5) {
        for kind in [DiskErrorKind::Io, DiskErrorKind::PermissionDenied] {
            let fault = Some(Fault::FailAt(at, kind));
            let faulty = Arc::new(FaultDisk::new(Arc::new(disk.clone()), Counting::All, fault));
            let Ok(view) = TreeView::open(faulty, DOMAIN, &OpenOptions::default()) else {
                continue;
            };
            let Ok(checked) = check(&view, &options(), &mut |_| {}) else {
                continue;
            };
            let seen = ids(&checked).contains("file.unreadable");
            let fixes = checked.found.iter().any(|found| found.fix.is_some());
            assert_ne!(seen, fixes, "operation {at} of {count}: {kind:?}");
            blind += usize::from(seen);
        }
    }
    assert!(blind > 50);
}
