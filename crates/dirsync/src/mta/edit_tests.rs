//! Tests of [`super::edit`] and [`super::store`]: commits on databases in memory, against a model.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::edit::Fate;
use super::error::MtaError;
use super::store::{Database, FileState};
use super::testtree::{DXA, MSMAIL, NOW, commit, empty, file_of, message, path, to, view};
use super::{foreign, fresh};
use crate::core::format::mta::{Keep, ObjectId, Priority, Profile};
use crate::tree::ErrorClass;
use crate::tree::disk::Disk as _;

/// What queues hold, by id: MTS-IDs in order.
fn waiting(db: &Database<'_>) -> BTreeMap<ObjectId, Vec<String>> {
    let mut all = BTreeMap::new();
    for info in db.inventory().unwrap() {
        assert_eq!(info.fault, None);
        let queue = db.queue(info.entry.id).unwrap();
        let ids: Vec<String> = queue
            .members
            .iter()
            .filter(|member| member.message_kind().is_some())
            .map(|member| {
                let state = db.object(member.object().number(), Keep::All).unwrap();
                let super::store::FileState::Sound(found) = state else {
                    panic!("{state:?}");
                };
                assert_eq!(found.header.queue, queue.id);
                crate::core::format::mta::message::Reference::from_object(&found)
                    .unwrap()
                    .mts_id
            })
            .collect();
        assert_eq!(info.total(), ids.len() as u64);
        if !info.is_core {
            all.insert(queue.id, ids);
        }
    }
    all
}

/// The bitmap says what the directory says.
fn assert_in_step(db: &Database<'_>) {
    let bitmap = db.bitmap().unwrap().unwrap().unwrap();
    let listing = db.listing().unwrap();
    assert!(listing.doubled.is_empty());
    let used: BTreeSet<_> = listing
        .objects
        .iter()
        .filter(|listed| {
            let path = db.path_of_listed(listed).unwrap();
            db.view().stat_on_disk(&path).unwrap().unwrap().len > 1
        })
        .map(|listed| listed.number)
        .collect();
    for number in 1..0x200 {
        let number = crate::core::format::mta::ObjectNumber::new(number).unwrap();
        assert_eq!(bitmap.get(number), Some(used.contains(&number)), "{number}");
    }
}

// rule: mta:R-DB-005
// rule: mta:R-REC-045
#[test]
fn an_empty_database_has_the_core_and_empty_queues() {
    for profile in Profile::ALL {
        let disk = empty(profile);
        let view = view(&disk);
        let db = Database::open(&view).unwrap();
        assert_eq!(db.profile(), profile);
        let rows = db.inventory().unwrap();
        let names: Vec<_> = rows.iter().map(|row| row.entry.name.as_str()).collect();
        assert_eq!(names[..4], ["XAPIWRKQ", "OOFINFOQ", "REFDATQ", "MTAWORKQ"]);
        assert_eq!(rows.len(), 7);
        let boot: Vec<_> = rows.iter().map(|row| row.boot_objects).collect();
        assert_eq!(boot, [31, 2, 1, 0, 0, 0, 0]);
        assert!(rows.iter().all(|row| row.total() == 0));
        assert_in_step(&db);
        assert!(foreign::survey(&view).unwrap().core_is_complete());
    }
    let bootenv = fresh::bootenv(NOW).unwrap();
    assert_eq!(bootenv.len(), 39);
    let bytes: u64 = bootenv.iter().map(|file| file.bytes.len() as u64).sum();
    assert_eq!(bytes, 20 * 2_048 + 18 * 8_192 + 66_048);
}

// rule: mta:R-DB-020
// rule: mta:R-DB-021
// rule: mta:R-DB-023
#[test]
fn a_message_on_three_queues_keeps_its_content_until_the_last() {
    let disk = empty(Profile::V55);
    let work = ObjectId(0x0100_0027);
    let made = commit(&disk, |edit| {
        edit.submit(&message(1), &[to(work), to(DXA), to(MSMAIL)])
    })
    .unwrap();
    assert_eq!(made.references.len(), 3);
    for (left, reference) in [2u32, 1, 0].into_iter().zip(&made.references) {
        {
            let view = view(&disk);
            let db = Database::open(&view).unwrap();
            assert_eq!(db.counts().unwrap().get(made.data), left + 1);
            assert_in_step(&db);
        }
        let taken = commit(&disk, |edit| edit.take(*reference)).unwrap();
        assert_eq!(taken.data.content, message(1).content);
        assert_eq!(taken.last, left == 0);
    }
    let view = view(&disk);
    let db = Database::open(&view).unwrap();
    assert_in_step(&db);
    assert_eq!(db.counts().unwrap().special().count(), 0);
    for id in made.references.iter().chain([&made.data]) {
        let len = disk.stat(&file_of(*id)).unwrap().unwrap().len;
        assert_eq!(len, 1);
    }
}

// rule: mta:R-DB-023
#[test]
fn versions_before_55_delete_delivered_files() {
    let disk = empty(Profile::V40);
    let made = commit(&disk, |edit| edit.submit(&message(1), &[to(DXA)])).unwrap();
    commit(&disk, |edit| edit.take(made.references[0])).unwrap();
    assert!(disk.stat(&file_of(made.data)).unwrap().is_none());
    assert!(disk.stat(&file_of(made.references[0])).unwrap().is_none());
    // The numbers are given again.
    let again = commit(&disk, |edit| edit.submit(&message(2), &[to(DXA)])).unwrap();
    assert_eq!(again, made);
}

// rule: mta:R-DB-030
#[test]
fn an_unclean_database_stays_unclean_and_can_be_used() {
    let disk = empty(Profile::V55);
    let kept = commit(&disk, |edit| edit.submit(&message(1), &[to(DXA)])).unwrap();
    disk.unlink(&path("MTADATA/DBBITMP.DAT")).unwrap();
    let made = commit(&disk, |edit| edit.submit(&message(2), &[to(DXA)])).unwrap();
    assert!(made.data.number() > kept.references[0].number());
    let view = view(&disk);
    let db = Database::open(&view).unwrap();
    assert!(db.bitmap().unwrap().is_none());
    assert_eq!(waiting(&db)[&DXA].len(), 2);
}

// rule: mta:R-DB-013
// rule: mta:OQ-20
#[test]
fn a_new_queue_gets_a_free_number_and_keeps_it() {
    let disk = empty(Profile::V55);
    let name = "/o=Org/ou=Site/cn=Configuration/cn=Connections/cn=Fax (A)";
    let id = commit(&disk, |edit| edit.add_queue(name, true)).unwrap();
    assert_eq!(id, ObjectId(0x0100_0028));
    let again = commit(&disk, |edit| edit.add_queue(name, true));
    assert!(matches!(again, Err(MtaError::QueueExists { .. })));
    commit(&disk, |edit| edit.submit(&message(1), &[to(id)])).unwrap();
    let view = view(&disk);
    let db = Database::open(&view).unwrap();
    let queues = db.super_queue().unwrap();
    let entry = queues.by_id(id).unwrap();
    assert!(entry.secured);
    assert_eq!(entry.name, name.to_uppercase());
    assert_eq!(waiting(&db)[&id].len(), 1);
    assert_in_step(&db);
}

#[test]
fn what_is_not_there_is_refused_and_nothing_changes() {
    let disk = empty(Profile::V55);
    let made = commit(&disk, |edit| edit.submit(&message(1), &[to(DXA)])).unwrap();
    let before = disk.snapshot();
    let none = commit(&disk, |edit| {
        edit.submit(&message(1), &[to(ObjectId(0x0100_0999))])
    });
    assert!(matches!(none, Err(MtaError::NoSuchQueue { .. })));
    let none = commit(&disk, |edit| edit.submit(&message(1), &[]));
    assert!(matches!(none, Err(MtaError::NoSuchQueue { .. })));
    for id in [made.data, ObjectId(0x0600_0999), ObjectId(0x0100_0027)] {
        assert!(commit(&disk, |edit| edit.remove(id, &Fate::Free)).is_err());
    }
    for (path, node) in disk.snapshot() {
        if path.ends_with(".DAT") {
            assert_eq!(before.get(&path), Some(&node), "{path}");
        }
    }
}

// rule: mta:OQ-1
// rule: mta:N-13
#[test]
fn a_foreign_directory_is_surveyed_and_never_written() {
    let disk = empty(Profile::V55);
    disk.unlink(&path("MTADATA/LAYOUT.TXT")).unwrap();
    disk.unlink(&path("MTADATA/DB000011.DAT")).unwrap();
    disk.unlink(&path("MTADATA/DB000012.DAT")).unwrap();
    for (name, bytes) in [
        ("DB000012.DAT", &b""[..]),
        ("db000123.dat", b"x"),
        ("DB000124.DAT", b""),
        ("DB000125.DAT", b"some bytes"),
        ("MTACHEK.OUT/DB000200.DAT", b"x"),
        ("DBSERVER.SCH", b"x"),
    ] {
        disk.add_file(&path(&format!("MTADATA/{name}")), bytes)
            .unwrap();
    }
    let before = disk.snapshot();
    let refused = commit(&disk, |edit| edit.add_queue("X", true)).unwrap_err();
    assert_eq!(refused.class(), ErrorClass::Refused);
    let view = view(&disk);
    assert!(matches!(
        Database::open(&view),
        Err(MtaError::NotOurs { .. })
    ));
    let survey = foreign::survey(&view).unwrap();
    assert!(!survey.core_is_complete());
    assert_eq!(survey.core[0x10].1, foreign::CoreState::Missing);
    assert_eq!(survey.core[0x11].1, foreign::CoreState::Empty);
    assert_eq!((survey.free, survey.empty.len()), (1, 1));
    // Work queue, three secured queues and the one with bytes.
    assert_eq!(survey.objects, 5);
    assert_eq!(survey.bitmap_len, Some(66_048));
    assert_eq!(survey.quarantine, ["MTACHEK.OUT/DB000200.DAT"]);
    assert_eq!(disk.snapshot(), before);
}

#[derive(Debug, Clone)]
enum Step {
    Submit { fan: u8, priority: u8 },
    Take(prop::sample::Index),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (1u8..8, 0u8..3).prop_map(|(fan, priority)| Step::Submit { fan, priority }),
        any::<prop::sample::Index>().prop_map(Step::Take),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    // rule: mta:R-DB-020
    // rule: mta:R-DB-021
    #[test]
    fn any_run_of_commits_is_what_the_model_says(
        rounds in proptest::collection::vec(proptest::collection::vec(step(), 1..4), 1..8),
        profile in 0usize..3,
    ) {
        let profile = Profile::ALL[profile];
        let disk = empty(profile);
        let queues = [
            ObjectId(0x0100_0000 | profile.work_queue_number()),
            DXA,
            MSMAIL,
        ];
        let mut model: Vec<(ObjectId, ObjectId, String)> = Vec::new();
        let mut number = 0;
        for round in rounds {
            let mut next = model.clone();
            commit(&disk, |edit| {
                for step in &round {
                    match step {
                        Step::Submit { fan, priority } => {
                            number += 1;
                            let mut message = message(number);
                            message.priority = Priority::from_code(*priority).unwrap();
                            let chosen: Vec<_> = queues
                                .iter()
                                .enumerate()
                                .filter(|(n, _)| fan & (1 << n) != 0)
                                .map(|(_, queue)| to(*queue))
                                .collect();
                            let made = edit.submit(&message, &chosen)?;
                            for (destination, reference) in chosen.iter().zip(made.references) {
                                next.push((destination.queue, reference, message.mts_id.clone()));
                            }
                        }
                        Step::Take(index) => {
                            if next.is_empty() {
                                continue;
                            }
                            let (_, reference, mts_id) = next.remove(index.index(next.len()));
                            assert_eq!(edit.take(reference)?.reference.mts_id, mts_id);
                        }
                    }
                }
                Ok(())
            })
            .unwrap();
            model = next;
            let view = view(&disk);
            let db = Database::open(&view).unwrap();
            assert_in_step(&db);
            let found = waiting(&db);
            for queue in queues {
                let wanted: Vec<String> = model
                    .iter()
                    .filter(|(on, _, _)| *on == queue)
                    .map(|(_, _, id)| id.clone())
                    .collect();
                prop_assert_eq!(&found[&queue], &wanted);
            }
        }
    }
}

// rule: exc:R-DXA-062
#[test]
fn a_mark_is_seen_by_what_follows_in_the_same_commit() {
    let disk = empty(Profile::V55);
    let made = commit(&disk, |edit| edit.submit(&message(1), &[to(DXA)])).unwrap();
    let id = made.references[0];
    let header = |disk: &_| {
        let view = view(disk);
        let db = Database::open(&view).unwrap();
        match db.object(id.number(), Keep::Nothing).unwrap() {
            FileState::Sound(found) => found.header,
            other => panic!("{other:?}"),
        }
    };
    let before = header(&disk);
    commit(&disk, |edit| {
        assert!(edit.set_parked(id, true)?);
        assert!(!edit.set_parked(id, true)?, "it is marked already");
        assert!(edit.is_same(id, before.serial)?);
        assert!(edit.set_parked(id, false)?);
        assert!(!edit.set_parked(id, false)?);
        assert!(edit.set_parked(id, true)?);
        Ok(())
    })
    .unwrap();
    let after = header(&disk);
    assert_eq!((after.parked, after.retries), (true, before.retries + 1));
    // Marked, then taken off: nothing is left of it.
    commit(&disk, |edit| {
        edit.set_parked(id, false)?;
        edit.take(id)
    })
    .unwrap();
    let view = view(&disk);
    let db = Database::open(&view).unwrap();
    assert!(db.queue(DXA).unwrap().members.is_empty());
}
