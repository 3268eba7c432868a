//! Tests of the check: a clean database, one damage for each finding, many damages at once, and how
//! often a file is opened.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use proptest::prelude::*;

use super::super::edit::MtaEdit;
use super::super::store::Database;
use super::super::testtree::{DXA, MSMAIL, commit, empty, file_of, message, path, to, view};
use super::super::{DOMAIN, MtaError};
use super::kinds::ALL;
use super::{Checked, QueueState, Verdict, check};
use crate::core::base::Severity;
use crate::core::format::mta::object::{Kind, ObjectBuilder};
use crate::core::format::mta::{ObjectId, Profile};
use crate::progress::NoProgress;
use crate::tree::disk::fault::{Counting, Fault, FaultDisk};
use crate::tree::disk::mem::MemDisk;
use crate::tree::disk::{Disk, DiskErrorKind, DiskOp};
use crate::tree::{OpenOptions, TreeView};

const WORK: ObjectId = ObjectId(0x0100_0027);

fn judge(disk: &MemDisk) -> Checked {
    let view = view(disk);
    let db = Database::open(&view).unwrap();
    check(&db, &NoProgress).unwrap()
}

fn ids(checked: &Checked) -> Vec<&'static str> {
    let mut ids: Vec<_> = checked
        .findings
        .iter()
        .filter(|finding| finding.severity > Severity::Note)
        .map(|finding| finding.id.0)
        .collect();
    ids.dedup();
    ids
}

fn fill(edit: &mut MtaEdit<'_, '_>) -> Result<(), MtaError> {
    edit.submit(&message(1), &[to(DXA)])?;
    edit.submit(&message(2), &[to(WORK), to(MSMAIL)])?;
    edit.submit(&message(3), &[to(DXA)])?;
    Ok(())
}

/// Three messages: 28/29, 2A/2B/2E, 30/31 (2C, 2D, 2F are queues).
fn filled() -> MemDisk {
    let disk = empty(Profile::V55);
    commit(&disk, fill).unwrap();
    disk
}

fn bytes_of(disk: &MemDisk, id: u32) -> Vec<u8> {
    let file = disk.open_read(&file_of(ObjectId(id))).unwrap();
    let mut bytes = vec![0; usize::try_from(file.stat().unwrap().len).unwrap()];
    file.read_at(&mut bytes, 0).unwrap();
    bytes
}

fn put(disk: &MemDisk, id: u32, bytes: &[u8]) {
    let path = file_of(ObjectId(id));
    if disk.stat(&path).unwrap().is_some() {
        disk.unlink(&path).unwrap();
    }
    disk.add_file(&path, bytes).unwrap();
}

fn remove(disk: &MemDisk, id: u32) {
    disk.unlink(&file_of(ObjectId(id))).unwrap();
}

// rule: mta:R-CHK-011
// rule: mta:TV-14
#[test]
fn what_was_made_by_commits_is_clean() {
    for profile in Profile::ALL {
        let disk = empty(profile);
        assert_eq!(ids(&judge(&disk)), [""; 0]);
        let made = commit(&disk, |edit| {
            let made = edit.submit(&message(9), &[to(DXA), to(MSMAIL)])?;
            edit.submit(&message(10), &[to(MSMAIL)])?;
            Ok(made)
        })
        .unwrap();
        assert_eq!(ids(&judge(&disk)), [""; 0]);
        for reference in made.references {
            commit(&disk, |edit| edit.take(reference)).unwrap();
        }
        let checked = judge(&disk);
        assert_eq!(ids(&checked), [""; 0]);
        assert!(checked.is_clean());
        // Free files are no objects.
        let free = checked
            .objects
            .iter()
            .filter(|row| row.verdict == Verdict::Free)
            .count();
        assert_eq!(free, if profile.keeps_free_files() { 3 } else { 0 });
        let ok = checked
            .objects
            .iter()
            .filter(|row| row.verdict == Verdict::Ok)
            .count();
        assert_eq!(ok, 34 + 2);
    }
}

type Damage = fn(&MemDisk);

fn damages() -> Vec<(&'static [&'static str], Damage)> {
    vec![
        (&["mta.static-file"], |disk| {
            disk.unlink(&path("MTADATA/SCT.INP")).unwrap();
        }),
        (&["mta.super-queue"], |disk| remove(disk, 0x0100_0001)),
        (&["mta.queue-missing"], |disk| remove(disk, DXA.0)),
        (&["mta.queue-corrupt"], |disk| {
            put(disk, WORK.0, b"no queue")
        }),
        (&["mta.core-missing", "mta.queue-members"], |disk| {
            remove(disk, 0x0600_0011);
        }),
        (&["mta.core-corrupt", "mta.queue-members"], |disk| {
            put(disk, 0x0600_0011, b"");
        }),
        (
            &[
                "mta.object-damaged",
                "mta.reference-without-data",
                "mta.queue-members",
            ],
            |disk| put(disk, 0x0600_0028, b"rubbish"),
        ),
        (
            &[
                "mta.data-without-reference",
                "mta.object-damaged",
                "mta.queue-members",
            ],
            |disk| put(disk, 0x0600_0029, &[7; 40_000]),
        ),
        (
            &[
                "mta.reference-without-data",
                "mta.queue-members",
                "mta.bitmap-wrong",
            ],
            |disk| remove(disk, 0x0600_0028),
        ),
        // Both halves and the list that named them: only the bitmap is left.
        (
            &["mta.queue-missing", "mta.object-lost", "mta.bitmap-wrong"],
            |disk| {
                for id in [0x0600_0028, 0x0600_0029, DXA.0] {
                    remove(disk, id);
                }
            },
        ),
        // A slot that is free by its length and in use by the bitmap.
        (
            &["mta.queue-missing", "mta.object-lost", "mta.bitmap-wrong"],
            |disk| {
                for id in [0x0600_0028, 0x0600_0029] {
                    put(disk, id, b"x");
                }
                remove(disk, DXA.0);
            },
        ),
        (
            &[
                "mta.data-without-reference",
                "mta.object-missing",
                "mta.queue-members",
                "mta.bitmap-wrong",
            ],
            |disk| remove(disk, 0x0600_0029),
        ),
        (&["mta.object-name", "mta.queue-members"], |disk| {
            let (one, two) = (bytes_of(disk, 0x0600_0028), bytes_of(disk, 0x0600_0029));
            put(disk, 0x0600_0029, &one);
            put(disk, 0x0600_0028, &two);
        }),
        (&["mta.object-doubled"], |disk| {
            disk.add_file(&path("MTADATA/db000028.dat"), b"x").unwrap();
        }),
        (&["mta.object-no-queue", "mta.bitmap-wrong"], |disk| {
            let object = ObjectBuilder::new(Kind::Data, ObjectId(0x0600_0400))
                .on(ObjectId(0x0100_0999))
                .attribute(1, b"id")
                .attribute(8, b"content");
            put(disk, 0x0600_0400, &object.encode().unwrap());
        }),
        (&["mta.queue-unlisted", "mta.bitmap-wrong"], |disk| {
            let object = ObjectBuilder::new(Kind::Queue, ObjectId(0x0100_0400));
            put(disk, 0x0100_0400, &object.encode().unwrap());
        }),
        (&["mta.object-used", "mta.bitmap-wrong"], |disk| {
            let object = ObjectBuilder::new(Kind::Data, ObjectId(0x0600_0400))
                .on(DXA)
                .used(true)
                .attribute(1, b"id")
                .attribute(8, b"content");
            put(disk, 0x0600_0400, &object.encode().unwrap());
        }),
        (&["mta.object-padding"], |disk| {
            let mut bytes = bytes_of(disk, 0x0600_0028);
            *bytes.last_mut().unwrap() = 1;
            put(disk, 0x0600_0028, &bytes);
        }),
        (&["mta.reference-counts"], |disk| {
            let view = view(disk);
            let mut counts = Database::open(&view).unwrap().counts().unwrap();
            counts.set(ObjectId(0x0600_0028), 7);
            put(disk, 0x0300_0002, &counts.encode().unwrap());
        }),
        (&["mta.next-serial"], |disk| {
            let view = view(disk);
            let mut counts = Database::open(&view).unwrap().counts().unwrap();
            counts.next_serial = 1;
            put(disk, 0x0300_0002, &counts.encode().unwrap());
        }),
        (&["mta.bitmap-missing"], |disk| {
            disk.unlink(&path("MTADATA/DBBITMP.DAT")).unwrap();
        }),
        (&["mta.bitmap-damaged"], |disk| {
            disk.unlink(&path("MTADATA/DBBITMP.DAT")).unwrap();
            disk.add_file(&path("MTADATA/DBBITMP.DAT"), b"x").unwrap();
        }),
    ]
}

// rule: mta:R-CHK-003
// rule: mta:R-CHK-005
// rule: mta:R-BUG-06
// rule: mta:R-CHK-008
// rule: mta:R-CHK-004
// rule: mta:TV-12
// rule: mta:R-BUG-03
// rule: mta:R-DB-024
// rule: mta:TV-9
#[test]
fn each_damage_gives_its_findings_and_no_other() {
    let mut seen = BTreeSet::new();
    for (wanted, damage) in damages() {
        let disk = filled();
        damage(&disk);
        let checked = judge(&disk);
        let found = ids(&checked);
        let mut sorted: Vec<_> = found.clone();
        sorted.sort_unstable();
        let mut expected = wanted.to_vec();
        expected.sort_unstable();
        assert_eq!(sorted, expected, "{:#?}", checked.findings);
        seen.extend(found);
        assert_eq!(
            checked.core_is_bad(),
            wanted[0].starts_with("mta.core"),
            "{wanted:?}"
        );
    }
    // A disk that fails has a test of its own.
    seen.insert(super::kinds::UNREADABLE.kind.id.0);
    for kind in ALL
        .iter()
        .filter(|kind| kind.kind.severity > Severity::Note)
    {
        assert!(
            seen.contains(kind.kind.id.0),
            "{} was never found",
            kind.kind.id
        );
    }
}

// rule: mta:R-CHK-003
#[test]
fn what_the_disk_does_not_give_is_reported_and_is_no_damage() {
    use super::super::repair::{RepairOptions, plan_repair};
    let disk = filled();
    // Looked at once, so that the lock file is there for all that follows.
    judge(&disk);
    let files = [
        "MTADATA/DB000028.DAT",
        "MTADATA/DB000011.DAT",
        "MTADATA/DB00002F.DAT",
    ];
    for file in files {
        let open = |fault| {
            let failing = FaultDisk::new(Arc::new(disk.clone()), Counting::All, fault);
            let shared: Arc<dyn Disk> = Arc::new(failing.clone());
            let view = TreeView::open(shared, DOMAIN, &OpenOptions::default()).unwrap();
            (failing, view)
        };
        let options = RepairOptions {
            remove: BTreeSet::new(),
            now: crate::core::base::UnixTime(0),
            internal: true,
        };
        let (looked, view) = open(None);
        plan_repair(&view, &options, &NoProgress).unwrap();
        let opened = |logged: &&crate::tree::disk::fault::Logged| {
            logged.op == DiskOp::OpenRead && logged.path == path(file)
        };
        let number = looked.log().iter().find(opened).unwrap().number.unwrap();
        let fault = Some(Fault::FailAt(number, DiskErrorKind::Io));
        let (_, view) = open(fault);
        let checked = check(&Database::open(&view).unwrap(), &NoProgress).unwrap();
        let found = &checked.findings;
        assert!(
            ids(&checked).contains(&"mta.object-unreadable"),
            "{found:#?}"
        );
        let name = file.trim_start_matches("MTADATA/");
        assert_eq!(checked.unreadable().unwrap().0, name);
        // The repair ends with an error and has no plan.
        let (_, view) = open(fault);
        let refused = plan_repair(&view, &options, &NoProgress);
        assert!(
            matches!(&refused, Err(MtaError::Unreadable { file, .. }) if file == name),
            "{refused:?}"
        );
    }
}

// rule: mta:R-CHK-001
#[test]
fn without_a_super_queue_nothing_else_is_looked_at() {
    let disk = filled();
    put(&disk, 0x0100_0001, &[1; 100]);
    remove(&disk, 0x0600_0028);
    let checked = judge(&disk);
    assert!(checked.super_queue.is_err());
    assert_eq!(checked.findings.len(), 1);
    assert!(checked.objects.is_empty());
}

// rule: mta:R-CHK-005
// rule: dec:DEC-117
#[test]
fn a_lost_queue_gets_all_its_messages_back_in_order() {
    let disk = filled();
    let before = judge(&disk);
    remove(&disk, DXA.0);
    let after = judge(&disk);
    let of = |checked: &Checked| {
        checked
            .queues
            .iter()
            .find(|queue| queue.entry.id == DXA)
            .cloned()
            .unwrap()
    };
    assert_eq!(of(&after).state, QueueState::Missing);
    assert!(of(&after).needs_rebuild());
    assert!(!of(&before).needs_rebuild());
    assert_eq!(of(&after).members, of(&before).members);
    assert_eq!(of(&after).members.len(), 2);
}

// rule: mta:R-DB-034
// rule: mta:R-BUG-10
#[test]
fn every_file_is_opened_once() {
    let disk = filled();
    let inner: Arc<dyn Disk> = Arc::new(disk.clone());
    let counted = Arc::new(FaultDisk::new(inner, Counting::All, None));
    let shared: Arc<dyn Disk> = counted.clone();
    let view = TreeView::open(shared, DOMAIN, &OpenOptions::default()).unwrap();
    let db = Database::open(&view).unwrap();
    let checked = check(&db, &NoProgress).unwrap();
    let mut opened: BTreeMap<String, u32> = BTreeMap::new();
    for logged in counted.log() {
        if logged.op == DiskOp::OpenRead && logged.path.as_str().ends_with(".DAT") {
            *opened.entry(logged.path.as_str().to_owned()).or_default() += 1;
        }
    }
    assert!(opened.values().all(|&times| times == 1), "{opened:?}");
    // The bitmap is no object.
    assert_eq!(opened.len() as u64, checked.files_read + 1);
    assert_eq!(checked.files_read, 38 + 4 + 7);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    // rule: mta:R-BUG-01
    // rule: mta:N-22
    #[test]
    fn many_damages_are_all_named_and_the_rest_stays_in_order(
        hits in proptest::collection::vec((any::<prop::sample::Index>(), 0u8..5, any::<prop::sample::Index>()), 1..8),
    ) {
        let disk = empty(Profile::V55);
        commit(&disk, |edit| {
            for number in 1..13 {
                edit.submit(&message(number), &[to([DXA, MSMAIL, WORK][number as usize % 3])])?;
            }
            Ok(())
        })
        .unwrap();
        let before = judge(&disk);
        // Only message parts are hit.
        let parts: Vec<ObjectId> = before
            .objects
            .iter()
            .filter(|row| matches!(row.kind, Some(Kind::Reference | Kind::Data)) && row.number.get() > 0x26)
            .map(|row| row.id)
            .collect();
        let mut hit = BTreeSet::new();
        for (which, how, place) in hits {
            let id = parts[which.index(parts.len())];
            if !hit.insert(id) {
                continue;
            }
            let mut bytes = bytes_of(&disk, id.0);
            let used = 64 + 40;
            match how {
                0 => {
                    remove(&disk, id.0);
                    continue;
                }
                1 => bytes.truncate(place.index(bytes.len() - 2) + 2),
                2 => bytes.fill(0),
                3 => bytes[place.index(used)] ^= 0x10,
                _ => bytes.clear(),
            }
            put(&disk, id.0, &bytes);
        }
        let after = judge(&disk);
        let pair: BTreeMap<ObjectId, ObjectId> = before
            .objects
            .iter()
            .filter(|row| row.kind == Some(Kind::Reference))
            .map(|row| (row.id, row.partner))
            .collect();
        for id in &hit {
            // A data object that is gone is named by its reference, a reference by its queue.
            let number = id.number().file_name();
            let named = after
                .findings
                .iter()
                .any(|finding| finding.file == number || finding.message.contains(&id.to_string()));
            prop_assert!(named, "{id}: {:#?}", after.findings);
        }
        for (old, new) in before.queues.iter().zip(&after.queues) {
            let wanted: Vec<ObjectId> = old
                .members
                .iter()
                .map(|member| member.object())
                .filter(|id| !hit.contains(id) && pair.get(id).is_none_or(|data| !hit.contains(data)))
                .collect();
            let found: Vec<ObjectId> = new.members.iter().map(|member| member.object()).collect();
            prop_assert_eq!(found, wanted, "{}", old.entry.name);
        }
    }
}
