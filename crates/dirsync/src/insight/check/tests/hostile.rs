//! Trees that somebody made to hurt: nothing hangs, nothing panics, memory stays small.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::sample::{DOMAIN, Sample, ids, info, look, options, path};
use crate::insight::check::{FixWhat, check, fix};
use crate::tree::disk::EntryKind;
use crate::tree::disk::mem::MemDisk;
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
        for kind in [EntryKind::Link, EntryKind::Fifo, EntryKind::Dir] {
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
        for kind in [EntryKind::Link, EntryKind::Socket, EntryKind::File] {
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
