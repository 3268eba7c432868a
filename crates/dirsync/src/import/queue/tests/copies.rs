//! Copies in the address list, the guard, bad records, space.

use super::*;

/// Adds an external entry to the address list.
fn add_copy(disk: &MemDisk, alias: &str, postoffice: &str, mailbox: &str, tid: u32) {
    let mut bytes = read(disk, "GLB/NETPO.GLB").unwrap();
    let pointer = u32::try_from(bytes.len()).unwrap();
    let mut address = NetPoRecord::zeroed();
    address.network = field("NET");
    address.postoffice = field(postoffice);
    address.mailbox = field(mailbox);
    address.state = 1;
    bytes.extend(address.encode());
    put(disk, "GLB/NETPO.GLB", &bytes);
    let mut records = nme(disk, "NME/ADMIN.NME");
    let mut record = NmeRecord::zeroed();
    record.kind = NmeKind::External.code();
    record.alias = field(alias);
    record.tid.set(tid);
    record.pointer.set(pointer);
    records.push(record);
    records.sort_by(|a, b| crate::core::base::collate::compare(a.alias.text(), b.alias.text()));
    let bytes: Vec<u8> = records.iter().flat_map(NmeRecord::encode).collect();
    put(disk, "NME/ADMIN.NME", &bytes);
    put(disk, "NME/ADMINSHD.NME", &bytes);
}

// rule: dec:DEC-080
// rule: imp:R-POL-001
// rule: imp:R-POL-002
#[test]
fn copies_in_the_address_list_follow_deletions_and_modifications_only() {
    let disk = site();
    add_copy(&disk, "able", "SRV", "able", 50);
    add_copy(&disk, "Smith", "SRV", "other", 51);
    add_copy(&disk, "Zola", "SRV", "zola", 52);
    let names = |disk: &MemDisk| -> Vec<(String, u32)> {
        assert_eq!(read(disk, "NME/ADMIN.NME"), read(disk, "NME/ADMINSHD.NME"));
        nme(disk, "NME/ADMIN.NME")
            .iter()
            .map(|record| (record.alias.to_string_850(), record.tid.get()))
            .collect()
    };
    let before = names(&disk);
    import(
        &disk,
        &[
            "R PCM:NET/SRV",
            "A Zola\tPCM:NET/SRV/zola",
            "A Able2\tPCM:NET/SRV/able",
        ],
    );
    assert_eq!(names(&disk), before);
    // A deletion of an entry that only the copy still has is no error.
    let imported = import(
        &disk,
        &[
            "D able\tPCM:NET/SRV/able",
            "D Smith\tPCM:NET/SRV/sm1",
            "M Zola\tPCM:NET/SRV/zola\r\n  Aaron\tPCM:NET/HUB/aaron",
        ],
    );
    assert_eq!(
        codes(&imported),
        [29],
        "the copy of Smith has another address"
    );
    assert_eq!(imported.counts.copies, 2);
    assert_eq!(
        names(&disk),
        [
            ("Aaron".into(), 52),
            ("Administrator".into(), 1),
            ("Smith".into(), 51)
        ]
    );
    let netpo = read(&disk, "GLB/NETPO.GLB").unwrap();
    let file = NETPO.view(&netpo).unwrap();
    assert_eq!(file.header.deleted.get(), 4);
    assert!(!file.records[0].is_live());
    assert!(file.records[2].is_address(b"NET", b"HUB", b"aaron"));
    assert_eq!(file.records[2].mailbag.get(), 0x0F);
    // What a crash left in NMETRANS concerns the copies alone.
    put(
        &disk,
        NMETRANS,
        &queue(
            1,
            &["D Smith\tPCM:NET/SRV/other", "D Smith\tPCM:NET/SRV/other"],
        ),
    );
    put_usr(&disk, 0x10, &[("Smith", "other", 60)]);
    let imported = import(&disk, &[]);
    assert_eq!(codes(&imported), [0u16; 0]);
    assert_eq!(names(&disk).len(), 2);
    assert_eq!(usr(&disk, 0x10).len(), 1);
}

fn hundred() -> (MemDisk, Vec<String>) {
    let disk = site();
    let names: Vec<(String, String)> = (0..100)
        .map(|n| (format!("User {n:03}"), format!("u{n:03}")))
        .collect();
    let users: Vec<(&str, &str, u32)> = (1000..)
        .zip(&names)
        .map(|(tid, (alias, mailbox))| (alias.as_str(), mailbox.as_str(), tid))
        .collect();
    put_usr(&disk, 0x10, &users);
    let deletions = names[..40]
        .iter()
        .map(|(alias, mailbox)| format!("D {alias}\tPCM:NET/SRV/{mailbox}"))
        .collect();
    (disk, deletions)
}

// rule: dec:4
#[test]
fn forty_of_a_hundred_are_held_until_somebody_allows_it() {
    let (disk, deletions) = hundred();
    let texts: Vec<&str> = deletions.iter().map(String::as_str).collect();
    put(&disk, SRVTRANS, &queue(1, &texts));
    let before = disk.snapshot();
    let plan = |options: &QueueOptions| plan_queue(&view(&disk), options, &[], &NoProgress);
    let error = plan(&options()).unwrap_err();
    assert_eq!(error.class(), ErrorClass::Refused);
    assert!(
        error
            .to_string()
            .contains("40 of 100 entries of PCM:NET/SRV"),
        "{error}"
    );
    assert_eq!(disk.snapshot(), before);
    let allow = |text: &str| {
        let mut options = options();
        options.allow_deletes.allow(text).unwrap();
        options
    };
    assert!(plan(&allow("39")).is_err());
    assert!(plan(&allow("NET/HUB=40")).is_err());
    let plan = plan(&allow("NET/SRV=40")).unwrap();
    assert_eq!(plan.imported.lists[0].removed, 40);
    // Judged before anything was received: records that are not in the queue yet.
    put(&disk, SRVTRANS, b"");
    let waiting = queue(7, &texts);
    let source = Bytes(waiting);
    let incoming = |above| {
        [Incoming {
            name: "reply".into(),
            records: &source,
            above,
        }]
    };
    let error = plan_queue(&view(&disk), &options(), &incoming(0), &NoProgress).unwrap_err();
    assert!(matches!(error, ImportError::Held(_)), "{error}");
    let part = plan_queue(&view(&disk), &options(), &incoming(26), &NoProgress).unwrap();
    assert_eq!(part.imported.counts.deleted, 20);
}

struct Bytes(Vec<u8>);

impl RecordSource for Bytes {
    type Error = TreeError;

    fn len_bytes(&self) -> u64 {
        self.0.len() as u64
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, TreeError> {
        let Ok(count) = self.0[..].read_at(offset, buffer);
        Ok(count)
    }
}

// rule: imp:R-QUE-005
// rule: dec:2.2
// rule: imp:R-TXN-M6
// rule: imp:R-TXN-M2
#[test]
fn bad_records_are_reported_and_kept_and_the_others_applied() {
    let disk = site();
    let mut bytes = queue(1, &["A One\tPCM:NET/SRV/one"]);
    let damage_at = bytes.len() as u64;
    bytes.extend_from_slice(b"rubbish in between");
    let bad_at = bytes.len() as u64;
    bytes.extend(queue(2, &["M George Jones", "A Two\tPCM:NET/SRV/two"]));
    put(&disk, SRVTRANS, &bytes);
    let mut tree = writer(&disk);
    let (imported, _) = run_queue(
        &mut tree,
        &options(),
        &info(Command::ImportQueue),
        &NoProgress,
    )
    .unwrap();
    drop(tree);
    assert_eq!(
        (
            imported.damaged,
            imported.counts.added,
            imported.counts.failed
        ),
        (1, 2, 1)
    );
    let places: Vec<_> = imported
        .problems
        .kept()
        .iter()
        .map(|problem| (problem.line.code, problem.record, problem.offset))
        .collect();
    assert_eq!(places[0], (Some(40), Some(2), Some(damage_at)));
    assert_eq!((places[1].1, places[1].2), (Some(3), Some(bad_at)));
    let mut kept = b"rubbish in between".to_vec();
    kept.extend(queue(2, &["M George Jones"]));
    assert_eq!(read(&disk, BADTRANS).unwrap(), kept);
    assert_eq!(lens(&disk), [0; 4]);
    assert_eq!(usr(&disk, 0x10).len(), 5);
}

// rule: imp:R-QUE-006
// rule: tra:NEED-14
#[test]
fn three_times_the_update_must_be_free() {
    let disk = site();
    put(&disk, SRVTRANS, &queue(1, &["A One\tPCM:NET/SRV/one"]));
    disk.set_capacity(Some(0));
    let error = plan_queue(&view(&disk), &options(), &[], &NoProgress).unwrap_err();
    assert!(matches!(error, ImportError::NoSpace { .. }), "{error}");
}
