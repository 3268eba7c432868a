//! Import files against a postoffice.

use std::io;

use proptest::prelude::*;

use super::*;
use crate::core::base::AddressType;
use crate::core::format::access::{Access2Record, AccessRecord, rights};
use crate::core::format::netpo::NETPO;
use crate::core::format::nme::NmeKind;
use crate::core::format::transactions::{Item as QueueItem, Reader, Trust};
use crate::core::format::xtn::Route;
use crate::import::testtree::*;
use crate::progress::NoProgress;
use crate::tree::disk::mem::MemDisk;
use crate::tree::{Command, ErrorClass};

macro_rules! fixture {
    ($name:literal) => {
        include_str!(concat!("../../../../../fixtures/import/", $name))
    };
}

fn options() -> FileOptions {
    FileOptions::at(NOW, "IMPORT.TXT")
}

fn try_import(
    disk: &MemDisk,
    text: &str,
    options: &FileOptions,
) -> Result<FileImported, ImportError> {
    let mut tree = writer(disk);
    let info = info(Command::ImportFile);
    run_file(&mut tree, &mut text.as_bytes(), options, &info, &NoProgress).map(|(done, _)| done)
}

fn import(disk: &MemDisk, text: &str, options: &FileOptions) -> FileImported {
    try_import(disk, text, options).unwrap_or_else(|error| panic!("{error}"))
}

/// (line, number) of the messages.
fn codes(imported: &FileImported) -> Vec<(u64, u16)> {
    imported
        .problems
        .kept()
        .iter()
        .filter_map(|problem| Some((problem.record?, problem.line.code?)))
        .collect()
}

fn rows(rows: &[(&str, &str)]) -> Vec<(String, String)> {
    rows.iter()
        .map(|(alias, mailbox)| ((*alias).to_owned(), (*mailbox).to_owned()))
        .collect()
}

fn list(disk: &MemDisk, stem: u32) -> Vec<(String, String)> {
    usr(disk, stem)
        .into_iter()
        .map(|(a, m, _)| (a, m))
        .collect()
}

/// NET/HQ with NET/SRV (10h), the SNADS node SNADSGATE/SNADSDGN (20h) and an SMTP gateway.
fn site() -> MemDisk {
    let disk = fresh();
    add_place(&disk, 1, "SRV", 0x10, Route::Direct);
    put_usr(&disk, 0x10, &[]);
    add_network(&disk, "SNADSGATE", 0x30, Some(3), Some(0x21));
    add_place(&disk, 3, "SNADSDGN", 0x20, Route::Direct);
    put_usr(&disk, 0x20, &[]);
    add_network(&disk, "SMTPGATE", 0x20, None, Some(0x30));
    put(&disk, "NME/SMTP.NME", b"");
    put(&disk, "GLB/SMTP.GLB", &[0; 4]);
    disk
}

/// The postoffice address list: kind and alias.
fn pol(disk: &MemDisk) -> Vec<(NmeKind, String)> {
    assert_eq!(read(disk, "NME/ADMIN.NME"), read(disk, "NME/ADMINSHD.NME"));
    nme(disk, "NME/ADMIN.NME")
        .iter()
        .map(|record| (record.nme_kind().unwrap(), record.alias.to_string_850()))
        .collect()
}

fn aliases(disk: &MemDisk) -> Vec<String> {
    pol(disk).into_iter().map(|(_, alias)| alias).collect()
}

/// The texts that wait in REQTRANS, with their numbers.
fn waiting(disk: &MemDisk) -> Vec<(u32, String)> {
    let bytes = read(disk, "GLB/REQTRANS.GLB").unwrap_or_default();
    let mut reader = Reader::new(&bytes[..], Trust::Tree);
    let mut found = Vec::new();
    while let Some(item) = reader.next_item() {
        match item.unwrap() {
            QueueItem::Record { record, .. } => found.push((
                record.head.sync,
                CodePage::Cp850.decode(record.text).replace('\t', "|"),
            )),
            QueueItem::Damage(damage) => panic!("{damage:?}"),
        }
    }
    found
}

// rule: imp:TV-FILE-4
// rule: imp:R-TXN-M4
// rule: imp:R-IMP-044
// rule: imp:R-IMP-041
// rule: imp:R-IMP-042
// rule: imp:OQ-12
// rule: imp:R-FMT-011
#[test]
fn a_wrong_old_alias_is_message_29_and_can_be_corrected_from_the_log() {
    let disk = site();
    put_usr(
        &disk,
        0x20,
        &[
            ("User Number 12", "user12", 11),
            ("User Number 3", "user3", 12),
        ],
    );
    let options = FileOptions {
        failure_log: true,
        ..options()
    };
    let imported = import(&disk, fixture!("q117260-snads-modify.txt"), &options);
    assert_eq!(codes(&imported), [(3, 29)]);
    assert_eq!(
        list(&disk, 0x20),
        rows(&[
            ("Used to be Number 12", "user12"),
            ("User Number 3", "user3")
        ])
    );
    let text = log(&disk);
    assert!(
        text.contains("| Error  [ 29] Alias does not exist Fser Number 3 (3)\r\n"),
        "{text}"
    );
    assert!(text.contains("Warning") && text.ends_with("Import is finished.\r\n"));
    assert!(
        text.contains("| Status       dirsync Mail Import V"),
        "{text}"
    );
    let numeric = String::from_utf8(read(&disk, "LOG/DSSERVER.LOG").unwrap()).unwrap();
    assert!(numeric.contains(" | 3  29 Fser Number 3"), "{numeric}");
    let failed = String::from_utf8(read(&disk, FAILURE_LOG).unwrap()).unwrap();
    assert_eq!(
        failed,
        "#04/07/94 12:13:52 | Error  [ 29] Alias does not exist Fser Number 3 (3)\r\n\
         M Fser Number 3                  SNADS:snadsgate/snadsdgn/user3\r\n  \
         Used to be Number 3            SNADS:snadsgate/snadsdgn/user3\r\n"
    );
    // Corrected, it is imported as it stands; twice changes nothing more.
    let corrected = failed.replace("Fser", "User");
    assert_eq!(codes(&import(&disk, &corrected, &options)), []);
    assert_eq!(
        list(&disk, 0x20),
        rows(&[
            ("Used to be Number 12", "user12"),
            ("Used to be Number 3", "user3")
        ])
    );
    let again = import(&disk, &corrected, &options);
    assert_eq!((again.changed, again.counts.repeated), (false, 1));
}

// rule: imp:TV-FILE-5
// rule: imp:R-TXN-M
#[test]
fn a_new_name_stands_in_the_second_line() {
    let site = || {
        let disk = fresh();
        add_network(&disk, "NET2", 1, Some(3), None);
        add_place(&disk, 3, "PO", 0x10, Route::Direct);
        put_usr(
            &disk,
            0x10,
            &[
                ("Black, Fred (Folkstone)", "FredB", 11),
                ("Brown, John (Lincoln)", "JohnB", 12),
            ],
        );
        disk
    };
    let own = |text: &str| text.replace("PCM:NET/", "PCM:NET2/");
    let disk = site();
    let imported = import(
        &disk,
        &own(fixture!("q118947-modify-wrong.txt")),
        &options(),
    );
    assert_eq!(codes(&imported), [(1, 29), (2, 29)]);
    assert_eq!(
        imported.problems.kept()[0].line.text,
        "Alias does not exist Black, Fred {Folkstone}"
    );
    let disk = site();
    let imported = import(
        &disk,
        &own(fixture!("q118947-modify-right.txt")),
        &options(),
    );
    assert_eq!(codes(&imported), []);
    assert_eq!(
        list(&disk, 0x10),
        rows(&[
            ("Black, Fred {Folkstone}", "FredB"),
            ("Brown, John {Lincoln}", "JohnB")
        ])
    );
}

// rule: imp:TV-FILE-2
// rule: imp:TV-FILE-3
// rule: imp:R-TPL-002
// rule: imp:R-FMT-020
// rule: imp:R-FMT-023
// rule: imp:R-TXN-T
// rule: imp:R-EXC-006
// rule: pof:R-INF-004
#[test]
fn templates_and_their_data_are_taken_when_asked_for_and_do_not_grow() {
    let disk = site();
    let file = fixture!("q118447-snads-aligned.txt");
    // Without -t: 73 once for the list; the names are taken.
    let imported = import(&disk, file, &options());
    assert_eq!(codes(&imported), [(1, 73)]);
    assert_eq!(imported.counts.added, 2);
    assert_eq!(read(&disk, "TPL/00000020.TPL"), None);
    let templates = FileOptions {
        templates: true,
        ..options()
    };
    // Data before there is a template: 65, once.
    let modify = fixture!("q117198-snads-modify.txt").replace("Doe, John D ", "Doe, John D.");
    let imported = import(&disk, &modify, &templates);
    let numbered: Vec<u16> = codes(&imported).iter().map(|(_, code)| *code).collect();
    assert_eq!(numbered, [65, 29]);
    let imported = import(&disk, file, &templates);
    assert_eq!((codes(&imported).len(), imported.counts.templates), (0, 1));
    let record = 26 + 26 + 24 + 11 + 24 + 41 + 41;
    let inf = read(&disk, "INF/00000020.INF").unwrap();
    assert_eq!(inf.len(), 2 * record);
    let text = String::from_utf8_lossy(&inf);
    assert!(text.contains("123 Someplace Lane") && text.contains("206 635 7022"));
    // The same data again: nothing grows. Fields that are not named get the defaults.
    let imported = import(&disk, &modify, &templates);
    assert_eq!(codes(&imported), [(8, 29)]);
    let once = read(&disk, "INF/00000020.INF").unwrap();
    assert_eq!(once.len(), 2 * record);
    assert!(String::from_utf8_lossy(&once).contains("Any Street"));
    import(&disk, &modify, &templates);
    assert_eq!(read(&disk, "INF/00000020.INF").unwrap(), once);
    let unknown = "M Doe, Jane B.                    SNADS:SNADSGATE/SNADSDGN/JANEDOE\n- Shoe size:/9\n- Division/9\n";
    let imported = import(&disk, unknown, &templates);
    assert_eq!(codes(&imported), [(1, 37), (1, 37)]);
    // T again throws all data away (Q125920).
    let only_t: String = file
        .lines()
        .take(8)
        .map(|line| format!("{line}\n"))
        .collect();
    import(&disk, &only_t, &templates);
    assert_eq!(read(&disk, "INF/00000020.INF").unwrap(), b"");
}

// rule: imp:R-IMP-012
// rule: dsp:R-BUG-24
// rule: imp:R-POL-002
// rule: imp:R-POL-001
// rule: imp:R-AUT-004
// rule: pof:R-NPO-001
// rule: tra:R-GWY-007
#[test]
fn add_to_pol_copies_and_replace_reaches_the_copies() {
    let disk = site();
    let file = "A Ann\tPCM:NET/SRV/ann\nA Bob\tSNADS:SNADSGATE/SNADSDGN/bob\nA Cy\tSMTP:cy@d.e\nA Administrator\tPCM:NET/SRV/adm\n";
    let pol_too = FileOptions {
        rules: FileRules {
            add_to_pol: true,
            ..FileRules::default()
        },
        ..options()
    };
    let imported = import(&disk, file, &pol_too);
    // The alias of the administrator is taken in the address list, not in the list of NET/SRV.
    assert_eq!(codes(&imported), [(4, 27)]);
    assert_eq!((imported.counts.added, imported.counts.copies), (4, 3));
    assert_eq!(
        pol(&disk),
        [
            (NmeKind::Local, "Administrator".to_owned()),
            (NmeKind::External, "Ann".to_owned()),
            (NmeKind::External, "Bob".to_owned()),
            (NmeKind::Gateway, "Cy".to_owned())
        ]
    );
    let entries = nme(&disk, "NME/ADMIN.NME");
    // The mailbag of a node's users is the gateway's (Q90679).
    assert_eq!(entries[2].hexid.get(), 0x21);
    assert_eq!(entries[2].address_type, AddressType::Snads.code());
    assert_eq!(entries[3].pointer.get(), 4);
    let netpo = read(&disk, "GLB/NETPO.GLB").unwrap();
    assert_eq!(
        NETPO.view(&netpo).unwrap().records[1]
            .mailbox
            .to_string_850(),
        "bob"
    );
    let tids: Vec<u32> = entries.iter().map(|entry| entry.tid.get()).collect();
    let mut unique = tids.clone();
    unique.extend(usr(&disk, 0x10).iter().map(|(_, _, tid)| *tid));
    unique.sort_unstable();
    unique.dedup();
    assert_eq!(unique.len(), tids.len() + 2);
    // Again: nothing. By an R line: the list, never the address list.
    let again = import(&disk, file, &pol_too);
    assert_eq!((again.counts.copies, again.counts.repeated), (0, 4));
    import(&disk, "R PCM:NET/SRV\nA Dan\tPCM:NET/SRV/dan\n", &pol_too);
    assert_eq!(list(&disk, 0x10), rows(&[("Dan", "dan")]));
    assert_eq!(aliases(&disk), ["Administrator", "Ann", "Bob", "Cy", "Dan"]);
    // By -r and -a: both; an entry that comes again keeps its id.
    let replace = FileOptions {
        rules: FileRules {
            add_to_pol: true,
            replace: true,
            strict_limits: false,
        },
        ..options()
    };
    let dan = nme(&disk, "NME/ADMIN.NME")[4].tid.get();
    let imported = import(
        &disk,
        "A Eve\tPCM:NET/SRV/eve\nA Dan\tPCM:NET/SRV/dan\n",
        &replace,
    );
    assert_eq!(codes(&imported), []);
    assert_eq!(aliases(&disk), ["Administrator", "Bob", "Cy", "Dan", "Eve"]);
    assert_eq!(nme(&disk, "NME/ADMIN.NME")[3].tid.get(), dan);
    // -r without -a: the list alone.
    let replace = FileOptions {
        rules: FileRules {
            replace: true,
            ..FileRules::default()
        },
        ..options()
    };
    import(
        &disk,
        "A Flo\tPCM:NET/SRV/flo\nA Gus\tPCM:NET/SRV/gus\n",
        &replace,
    );
    assert_eq!(list(&disk, 0x10), rows(&[("Flo", "flo"), ("Gus", "gus")]));
    assert_eq!(aliases(&disk), ["Administrator", "Bob", "Cy", "Dan", "Eve"]);
    // D with -a takes the copy along.
    import(&disk, "D Cy\tSMTP:cy@d.e\n", &pol_too);
    assert_eq!(aliases(&disk), ["Administrator", "Bob", "Dan", "Eve"]);
}

fn user(disk: &MemDisk, mailbox: &str) -> Option<(AccessRecord, Access2Record)> {
    let access = read(disk, "GLB/ACCESS.GLB").unwrap();
    let access2 = read(disk, "GLB/ACCESS2.GLB").unwrap();
    access
        .chunks(586)
        .map(|bytes| AccessRecord::decode(bytes).unwrap())
        .zip(
            access2
                .chunks(69)
                .map(|bytes| Access2Record::decode(bytes).unwrap()),
        )
        .find(|(one, two)| one.state == 1 && two.mailbox.to_string_850() == mailbox)
}

// rule: imp:R-TXN-X
// rule: imp:R-USR-001
// rule: imp:R-USR-003
// rule: imp:R-USR-004
// rule: imp:R-ID-002
// rule: imp:R-LOC-002
// rule: imp:R-LOC-007
// rule: pof:R-FLD-004
// rule: tra:OQ-22
#[test]
fn local_users_are_made_changed_and_removed() {
    let disk = site();
    let imported = import(
        &disk,
        "A Newton, Isaac\tPCM:NET/HQ/isaac\n&access=SEND,REMOTE\n&password=123456789\n\
         A Noether\tPCM:net/hq/Emmy\n&dirsync=N\n\
         A No mailbox\tPCM:NET/HQ/\n\
         A Noether\tPCM:NET/HQ/other\n\
         A Other\tPCM:NET/HQ/isaac\n\
         A Bad\tPCM:NET/HQ/bad\n&access=FLY\n\
         A Worse\tPCM:NET/HQ/worse\n&welcome=Y\n\
         R PCM:NET/HQ\nT PCM:NET/HQ\n P:~1~2~A~~\n\
         M Newton, Isaac\tPCM:NET/HQ/isaac\n  Newton, Isaac\tPCM:NET/SRV/isaac\n\
         M X\tPCM:NET/SRV/x\n  X\tPCM:NET/HQ/x\n",
        &options(),
    );
    assert_eq!(
        codes(&imported),
        [
            (1, 89),
            (6, 81),
            (7, 27),
            (8, 85),
            (9, 83),
            (11, 84),
            (13, 66),
            (14, 66),
            (16, 92),
            (18, 85)
        ]
    );
    assert_eq!(
        aliases(&disk),
        ["Administrator", "Newton, Isaac", "Noether"]
    );
    let (access, access2) = user(&disk, "isaac").unwrap();
    assert_eq!(access.rights.get(), rights::SEND | rights::REMOTE);
    let tid = access2.tid.get();
    assert!(tid > 1);
    assert!(
        nme(&disk, "NME/ADMIN.NME")
            .iter()
            .all(|entry| entry.tid.get() > 0)
    );
    // No welcome message, and only who takes part is told to the server.
    let mailbag = access2.mailbag.get().unwrap().unwrap();
    assert_eq!(read(&disk, &format!("MBG/{mailbag}.MBG")).unwrap(), b"");
    assert_eq!(
        waiting(&disk),
        [(1, "A Newton, Isaac|PCM:NET/HQ/isaac".to_owned())]
    );
    assert!(!log(&disk).contains("123456789"));
    // A change of the name leaves the right to sign on from afar; -t is needed for template data.
    let imported = import(
        &disk,
        "M Newton, Isaac\tPCM:NET/HQ/isaac\n  Sir Isaac\tPCM:NET/HQ/newton\n&dirsync=Y\n- Phone:/1\n\
         A Sir Isaac\tPCM:NET/HQ/newton\n\
         M Administrator\tPCM:NET/HQ/Admin\n&access=NONE\n\
         D Noether\tPCM:NET/HQ/other\nD Noether\tPCM:NET/HQ/Emmy\nD Administrator\tPCM:NET/HQ/Admin\n",
        &options(),
    );
    assert_eq!(codes(&imported), [(1, 73), (6, 93), (8, 29), (10, 86)]);
    let counts = imported.counts;
    assert_eq!(
        (
            counts.modified,
            counts.repeated,
            counts.deleted,
            counts.failed
        ),
        (2, 1, 1, 2)
    );
    let (access, access2) = user(&disk, "newton").unwrap();
    assert_eq!(access.rights.get(), rights::SEND | rights::REMOTE);
    assert_eq!(access2.tid.get(), tid);
    assert_eq!(access2.mailbag.get().unwrap(), Some(mailbag));
    assert_eq!(
        user(&disk, "Admin").unwrap().0.kind,
        AccessRecord::ADMINISTRATOR
    );
    assert!(user(&disk, "Emmy").is_none());
    assert_eq!(
        waiting(&disk)[1].1,
        "M Newton, Isaac|PCM:NET/HQ/isaac\r\n  Sir Isaac|PCM:NET/HQ/newton"
    );
}

// rule: imp:TV-FILE-6
// rule: imp:TV-FILE-7
// rule: imp:TV-FILE-9
// rule: imp:R-LOC-006
#[test]
fn published_files_of_local_users_do_what_they_say() {
    let local = |text: &str| {
        text.replace("PCM:net/po/", "PCM:NET/HQ/")
            .replace("PCM:NET1/PO1/", "PCM:NET/HQ/")
            .replace("PCM:NET/PO/", "PCM:NET/HQ/")
    };
    let disk = site();
    import(
        &disk,
        "A BeforeAfter\tPCM:NET/HQ/before\nA one2\tPCM:NET/HQ/one2\nA one3\tPCM:NET/HQ/one3\n",
        &options(),
    );
    let (_, before) = user(&disk, "before").unwrap();
    let only = FileOptions {
        only: vec!["PCM:".parse().unwrap_or(Scope {
            kind: AddressType::Pcm,
            node: None,
        })],
        ..options()
    };
    let imported = import(&disk, &local(fixture!("q117259-mailbox-rename.txt")), &only);
    assert_eq!((imported.not_wanted, imported.counts.modified), (0, 1));
    let (_, after) = user(&disk, "after").unwrap();
    assert_eq!((after.tid, after.mailbag), (before.tid, before.mailbag));
    assert!(user(&disk, "before").is_none());
    import(&disk, &local(fixture!("q132681-rename.txt")), &options());
    assert!(aliases(&disk).contains(&"PO1 User 2".to_owned()));
    // Users who are there already give messages that may be ignored.
    let imported = import(
        &disk,
        &local(fixture!("q99419-grpusers-dat.txt")),
        &options(),
    );
    assert_eq!(
        codes(&imported)
            .iter()
            .map(|(_, code)| *code)
            .collect::<Vec<_>>(),
        [27]
    );
    assert!(!imported.changed || imported.counts.added == 0);
}

// rule: imp:R-IMP-011
// rule: imp:TV-FILE-8
// rule: imp:R-TXN-D
// rule: imp:OQ-16
// rule: imp:R-ADR-003
// rule: imp:R-EXP-005
// rule: imp:R-EXP-006
// rule: dec:DEC-022
// rule: dsp:R-T0-007
// rule: exc:R-FFA-041
// rule: dsp:R-FOR-002
// rule: tra:R-GWY-003
// rule: tra:NEED-18
#[test]
fn to_dirsync_fills_the_waiting_transactions_and_no_list() {
    let disk = site();
    let before = (
        read(&disk, "USR/00000010.USR"),
        read(&disk, "NME/ADMIN.NME"),
        read(&disk, "NME/SMTP.NME"),
    );
    let enqueue = FileOptions {
        to_dirsync: true,
        // Ignored in this mode.
        failure_log: true,
        rules: FileRules {
            add_to_pol: true,
            replace: true,
            strict_limits: false,
        },
        ..options()
    };
    let text = format!(
        "R SMTP:\nA Cy\tsmtp:cy@d.e\nA Fa\tCSI:NET/SRV/fa\n- Phone:/1\nA Nn\tNET/SRV/nn\n&access=ALL\nA Nn\tNET/SRV/nn\n{}X\n",
        fixture!("q131151-delete.txt")
    );
    let imported = import(&disk, &text, &enqueue);
    assert_eq!(imported.enqueued, 5);
    let with_codes = codes(&imported);
    assert_eq!(with_codes, [(3, 73), (5, 82), (9, 12)]);
    assert_eq!(
        waiting(&disk),
        [
            (1, "R SMTP:".to_owned()),
            (2, "A Cy|SMTP:cy@d.e".to_owned()),
            (3, "A Fa|CSI:NET/SRV/fa".to_owned()),
            (4, "A Nn|NET/SRV/nn".to_owned()),
            (5, "D User1 alias|PCM:NET1/PO1/USER1".to_owned()),
        ]
    );
    let after = (
        read(&disk, "USR/00000010.USR"),
        read(&disk, "NME/ADMIN.NME"),
        read(&disk, "NME/SMTP.NME"),
    );
    assert_eq!(before, after);
    assert_eq!(read(&disk, FAILURE_LOG), None);
    assert!(
        imported
            .problems
            .kept()
            .iter()
            .any(|p| p.line.text.contains("Q155727"))
    );
}

// rule: imp:R-AUT-003
// rule: imp:R-ADR-005
// rule: imp:R-ADR-006
// rule: imp:R-POL-003
// rule: imp:R-AUT-006
// rule: imp:R-AUT-007
#[test]
fn places_that_are_not_known_are_refused_or_created() {
    let disk = site();
    let file = "A Ann\tPCM:NEW/PO/ann\nA Bob\tPCM:NET/NEWPO/bob\nA Cy\tSNADS:NOGATE/D/cy\nA Dan\tPCM:SNADSGATE/X/dan\nA Eve\tPCM:FAX/PO/eve\nA Flo\tX400:c=US;s=Flo\nA Gus\tPCM:NET/SRV/gus\n";
    let pol_too = FileOptions {
        rules: FileRules {
            add_to_pol: true,
            ..FileRules::default()
        },
        ..options()
    };
    let imported = import(&disk, file, &pol_too);
    assert_eq!(
        codes(&imported),
        [(1, 31), (2, 32), (3, 31), (4, 32), (5, 64), (6, 44)]
    );
    // What is in no list is not put into the address list either.
    assert_eq!(aliases(&disk), ["Administrator", "Gus"]);
    let create = FileOptions {
        create_postoffices: true,
        ..pol_too
    };
    let error = try_import(&disk, file, &create).unwrap_err();
    assert!(error.to_string().starts_with("[ 54] "), "{error}");
    // Registered at NET/SRV: its route is taken.
    let mut conf = ReqConfRecord::decode(&read(&disk, REQCONF).unwrap()).unwrap();
    conf.srv_network = field("NET");
    conf.srv_postoffice = field("SRV");
    put(&disk, REQCONF, &conf.encode());
    // What an old IMPORT put behind the last record of an XTN file (Q128243) goes.
    let mut xtn = read(&disk, "XTN/00000001.XTN").unwrap();
    xtn.extend_from_slice(&[1; 223]);
    put(&disk, "XTN/00000001.XTN", &xtn);
    let imported = import(&disk, file, &create);
    assert_eq!(read(&disk, "XTN/00000001.XTN").unwrap().len() % 698, 0);
    // The new postoffice stands beside those that were there.
    assert_eq!(list(&disk, 0x10), rows(&[("Gus", "gus")]));
    assert_eq!(codes(&imported), [(3, 44), (4, 68), (5, 64), (6, 44)]);
    assert_eq!(imported.counts.created, 2);
    assert_eq!(aliases(&disk), ["Administrator", "Ann", "Bob", "Gus"]);
}

// rule: imp:R-TXN-R
// rule: imp:R-TXN-A
// rule: imp:R-ADR-001
#[test]
fn every_type_is_replaced_and_filled() {
    let disk = site();
    for kind in ["X400", "MHS", "FAX", "MCI", "MSMAIL"] {
        put(&disk, &format!("NME/{kind}.NME"), b"");
        put(&disk, &format!("GLB/{kind}.GLB"), &[0; 4]);
    }
    let file = "R SMTP:\nA Ann\tSMTP:ann@b.c\nA Bob\tX400:/c=US/a=X/p=Y/s=Bob\n\
        A Cy\tMHS:Cy@Host {Network/Postoffice} (CY)\nA Dan\tFAX:Dan~Room 1~Co~9,555-1234\n\
        A Eve\tMCI:Eve Doe EMS:MCI Mail MBX:123-4567\nA Flo\tMSA:Flo@Server\nA Gus\tov:SNADSGATE/N/g\n\
        A Bob\tX400:/c=US/a=X/p=Y/s=Bobby\nA ANN\tSMTP:ANN@B.C\n";
    let imported = import(&disk, file, &options());
    assert_eq!(codes(&imported), [(8, 32), (9, 28)]);
    let counts = imported.counts;
    assert_eq!((counts.added, counts.repeated, counts.replaced), (6, 1, 1));
    assert_eq!(
        read(&disk, "GLB/FAX.GLB").unwrap()[8..],
        b"Dan\rRoom 1\rCo\r9,555-1234\r"[..]
    );
    assert!(
        read(&disk, "GLB/MCI.GLB")
            .unwrap()
            .ends_with(b"Eve Doe\r\nEMS:MCI Mail\r\nMBX:123-4567")
    );
    // 27: in the list before this run.
    let imported = import(&disk, "A bob\tX400:c=US;s=Other\n", &options());
    assert_eq!(codes(&imported), [(1, 27)]);
    let imported = import(&disk, "R SMTP:\nR PCM:NET/SRV\nR PCM:NET\n", &options());
    assert_eq!(
        (codes(&imported), imported.counts.replaced),
        (vec![(3, 17)], 2)
    );
    assert_eq!(read(&disk, "NME/SMTP.NME").unwrap(), b"");
}

// The bulk-delete guard holds lists and local users alike (design 4.6).
#[test]
fn a_file_that_empties_a_list_or_the_postoffice_is_held() {
    let disk = site();
    let mut adds = String::new();
    let mut deletes = String::new();
    for n in 0..30 {
        for place in ["SRV", "HQ"] {
            adds.push_str(&format!("A {place} User {n}\tPCM:NET/{place}/u{n}\n"));
        }
        deletes.push_str(&format!("D HQ User {n}\tPCM:NET/HQ/u{n}\n"));
    }
    assert_eq!(import(&disk, &adds, &options()).counts.added, 60);
    for text in ["R PCM:NET/SRV\n", &deletes] {
        let error = try_import(&disk, text, &options()).unwrap_err();
        assert_eq!(error.class(), ErrorClass::Refused, "{error}");
        assert_eq!(list(&disk, 0x10).len(), 30);
        assert!(user(&disk, "u7").is_some());
    }
    let mut allowed = options();
    allowed.allow_deletes.allow("NET/HQ=30").unwrap();
    assert_eq!(import(&disk, &deletes, &allowed).counts.deleted, 30);
    assert!(try_import(&disk, "R PCM:NET/SRV\n", &allowed).is_err());
}

// rule: imp:TV-ID-1
// rule: tra:R-TRN-003
#[test]
fn lost_counters_give_nobody_a_mailbag_that_exists() {
    let disk = site();
    let users = |first: u32| -> String {
        (first..first + 5)
            .map(|n| format!("A User {n}\tPCM:NET/HQ/user{n}\n"))
            .collect()
    };
    import(&disk, &users(1), &options());
    put(&disk, "GLB/CONTROL.GLB", &[0; 8]);
    assert_eq!(import(&disk, &users(6), &options()).counts.added, 5);
    let mut bags: Vec<_> = (1..11)
        .map(|n| {
            user(&disk, &format!("user{n}"))
                .unwrap()
                .1
                .mailbag
                .get()
                .unwrap()
        })
        .collect();
    bags.push(user(&disk, "Admin").unwrap().1.mailbag.get().unwrap());
    bags.sort();
    bags.dedup();
    assert_eq!(bags.len(), 11);
}

struct Impatient;

impl Progress for Impatient {
    fn start(&self, _: &str, _: Option<u64>) {}
    fn advance(&self, _: u64) {}
    fn message(&self, _: &str) {}
    fn finish(&self) {}
    fn stop_requested(&self) -> bool {
        true
    }
}

// rule: imp:R-IMP-025
// rule: imp:R-IMP-048
#[test]
fn an_import_can_be_stopped_and_years_have_two_digits() {
    let disk = site();
    let late = FileOptions {
        now: UnixTime(1_041_379_200),
        ..options()
    };
    let mut tree = writer(&disk);
    let mut file = &b"A Ann\tPCM:NET/SRV/ann\n"[..];
    let stopped = run_file(
        &mut tree,
        &mut file,
        &late,
        &info(Command::ImportFile),
        &Impatient,
    );
    assert!(matches!(stopped, Err(ImportError::Interrupted)));
    drop(tree);
    assert_eq!(list(&disk, 0x10), []);
    import(&disk, "A Ann\tPCM:NET/SRV/ann\n", &late);
    assert!(
        log(&disk).starts_with("01/01/03 00:00:00 | "),
        "{}",
        log(&disk)
    );
}

struct Broken;

impl io::Read for Broken {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Err(io::Error::other("gone"))
    }
}

// A fault of the input is an error and changes nothing.
#[test]
fn a_file_that_cannot_be_read_changes_nothing() {
    let disk = site();
    let before = log(&disk);
    let mut tree = writer(&disk);
    let info = info(Command::ImportFile);
    let mut file = io::Read::chain(&b"A Ann\tPCM:NET/SRV/ann\n"[..], Broken);
    let error = run_file(&mut tree, &mut file, &options(), &info, &NoProgress).unwrap_err();
    assert!(error.to_string().starts_with("[ 56] "), "{error}");
    drop(tree);
    assert_eq!((list(&disk, 0x10), log(&disk)), (Vec::new(), before));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    // rule: imp:R-IMP-043
    #[test]
    fn arbitrary_files_never_panic_and_a_second_run_changes_no_list(
        lines in proptest::collection::vec(
            "[ADMRTX]( [A-Z][a-c]{0,3}\t(PCM:NET/(SRV|HQ)/[a-c]|SMTP:[a-c]|SNADS:SNADSGATE/SNADSDGN/[a-c]))?(\n[ &-]?[a-z=/:~1-3]{0,9})?",
            0..30,
        ),
        add_to_pol: bool,
        templates: bool,
    ) {
        let disk = site();
        let file = lines.join("\n");
        let options = FileOptions {
            templates,
            rules: FileRules { add_to_pol, ..FileRules::default() },
            ..options()
        };
        let first = import(&disk, &file, &options);
        for problem in first.problems.kept() {
            prop_assert!(problem.record.is_some());
        }
        let sizes = |path: &str, size: usize| read(&disk, path).map(|bytes| bytes.len() % size);
        prop_assert_eq!(sizes("USR/00000010.USR", 53), Some(0));
        prop_assert_eq!(sizes("NME/ADMIN.NME", 45), Some(0));
        let mut tids: Vec<u32> = nme(&disk, "NME/ADMIN.NME").iter().map(|r| r.tid.get()).collect();
        tids.extend(usr(&disk, 0x10).iter().map(|(_, _, tid)| *tid));
        tids.extend(usr(&disk, 0x20).iter().map(|(_, _, tid)| *tid));
        tids.extend(nme(&disk, "NME/SMTP.NME").iter().map(|r| r.tid.get()));
        let count = tids.len();
        tids.sort_unstable();
        tids.dedup();
        prop_assert_eq!(tids.len(), count, "ids are given once");
    }
}
