//! Every numbered message of IMPORT and REBUILD (Q96001 to Q96004, imp section 7): its number, its
//! published text, an input that leads to it with line and column where it has them, and a remedy. Some
//! need a postoffice in a certain state: then the test that makes it is named. Some no program of ours
//! says, for the reason given; `po-admin explain` explains those all the same.

use crate::core::base::catalogue::{Family, lookup_code};
use crate::core::base::transaction::Reading;
use crate::core::format::FixedRecord as _;
use crate::core::format::access::{Access2Record, AccessRecord};
use crate::core::format::import_text::{Consistency, ImportOptions, ImportReader, Item};
use crate::core::format::reqconf::ReqConfRecord;
use crate::core::format::xtn::Route;
use crate::import::ImportError;
use crate::import::apply::FileRules;
use crate::import::file::{FileImported, FileOptions, run_file};
use crate::import::queue::{QueueOptions, plan_queue};
use crate::import::testtree::*;
use crate::progress::NoProgress;
use crate::tree::Command;
use crate::tree::disk::mem::MemDisk;

const EXTRACT: &str = include_str!("extract/tests.rs");
const FILE: &str = include_str!("file/tests.rs");
const QUEUE: &str = include_str!("queue/tests.rs");
const COPIES: &str = include_str!("queue/tests/copies.rs");
const PLACES: &str = include_str!("queue/tests/places.rs");
const REBUILD: &str = include_str!("rebuild/tests.rs");
const RESYNC: &str = include_str!("resync/tests.rs");
const LISTS: &str = include_str!("../postoffice/lists/tests.rs");
const HERE: &str = include_str!("numbers.rs");

const UNKNOWN: &str = "places_that_are_not_known_are_refused_or_created";

/// How a message comes about.
enum How {
    /// An import file on its own: line and column of the fault.
    Line(&'static str, u64, u32),
    /// An import file against [`site`]: line of the transaction, options.
    Import(&'static str, u64, fn(&mut FileOptions)),
    /// File, test (empty: any of the file), and the words that ask for it there.
    Test(&'static str, &'static str, &'static str),
    /// Never said, and why.
    Never(&'static str),
}
use How::{Import, Line, Never, Test};

/// An SMTP address of 256 characters.
const LONG: &str = concat!(
    "A Some\tSMTP:",
    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\n",
);

/// The disk's own error with file and reason takes the place of these.
const DISK: &str = "a disk error names the file and what the system said; nothing is changed";
const MEMORY: &str = "there is no limit on memory or file handles of our own";
const WHOLE: &str = "a commit is made whole or not at all, so there is no half of it to speak of";

/// Number, published text, and how it comes about.
const NUMBERS: &[(u16, &str, How)] = &[
    (
        1,
        "Error obtaining message #:",
        Never("message texts are built in (imp R-IMP-043)"),
    ),
    (
        2,
        "Error opening file:",
        Test(LISTS, "", "[ 2] Error opening file: REQTRANS"),
    ),
    (4, "Error reading file:", Never(DISK)),
    (7, "Error renaming file:", Never(WHOLE)),
    (8, "Error deleting file:", Never(WHOLE)),
    (9, "Out of memory", Never(MEMORY)),
    (
        10,
        "Directory Sync has not been enabled",
        Never("postoffices older than 3.0 are foreign trees, which nothing writes"),
    ),
    (
        12,
        "Invalid character in column 1",
        Line("X bad line\n", 1, 1),
    ),
    (
        13,
        "Invalid transaction command",
        Line("- Phone:/1\n", 1, 1),
    ),
    (14, "Error processing RESYNC.GLB", Test(RESYNC, "", "[ 14]")),
    (
        15,
        "Invalid character in phone number",
        Line("A Some\tFAX:Rec~Loc~Comp~(555)\n", 1, 25),
    ),
    (
        16,
        "Unknown address type",
        Line("A Some\tXYZ:NET/PO/X\n", 1, 8),
    ),
    (
        17,
        "Unexpected end of line in node address",
        Line("A Some\tPCM:NET\n", 1, 15),
    ),
    (
        18,
        "Unexpected end of line in fullname",
        Line("A Nobody\n", 1, 9),
    ),
    (
        19,
        "Unexpected end of line in physical address",
        Line("A Some\tPCM:NET/PO\n", 1, 18),
    ),
    (
        20,
        "Address element is too long",
        Line("A Some\tPCM:NET/PO/ELEVENCHARS\n", 1, 29),
    ),
    (
        21,
        "Input file is corrupt or has incorrect format.",
        Line("A Some\tPCM:NET/PO/X\0\n", 1, 20),
    ),
    (
        22,
        "Expecting '/' in template information line",
        Line("A Some\tPCM:NET/PO/X\n- no slash\n", 2, 11),
    ),
    (23, "Expecting tab or space", Line("AMissing blank\n", 1, 2)),
    (
        24,
        "Template info not allowed for this address type",
        Line("A Some\tSMTP:some@here\n- Phone:/1\n", 2, 1),
    ),
    (25, "Physical address is too long", Line(LONG, 1, 268)),
    (
        26,
        "Error in physical address",
        Line("A Some\tFAX:only~three~parts\n", 1, 12),
    ),
    (
        27,
        "Alias already exists",
        Import("A Administrator\tPCM:NET/HQ/other\n", 1, |_| ()),
    ),
    (
        28,
        "Duplicate alias in transaction queue",
        Line("A Some\tPCM:NET/PO/X\nA some\tPCM:NET/PO/Y\n", 2, 3),
    ),
    (
        29,
        "Alias does not exist",
        Import("D Nobody\tPCM:NET/SRV/nobody\n", 1, |_| ()),
    ),
    (30, "Error accessing transaction file", Never(DISK)),
    (
        31,
        "Network not found",
        Import("A Ann\tPCM:NEW/PO/ann\n", 1, |_| ()),
    ),
    (
        32,
        "Postoffice not found",
        Import("A Ann\tPCM:NET/NEWPO/ann\n", 1, |_| ()),
    ),
    (
        33,
        "Template file not found",
        Never("a list without template is 65, an extract without one 61"),
    ),
    (34, "Template information not accessible", Never(DISK)),
    (
        35,
        "Template memory allocation error in file",
        Never(MEMORY),
    ),
    (
        36,
        "Template mismatch error in file",
        Test(
            EXTRACT,
            "templates_that_do_not_fit_their_data_are_left_out_with_their_number",
            ", 36)",
        ),
    ),
    (
        37,
        "Prompt not found in template",
        Line(
            "T PCM:NET/PO\n Phone:~1~9~N~~\nA Some\tPCM:NET/PO/X\n- Fax:/1\n",
            3,
            3,
        ),
    ),
    (
        38,
        "Error loading postoffice template",
        Line("T PCM:NET/PO\n Phone:~x~9~N~~\n", 2, 2),
    ),
    (
        39,
        "Error generating TID",
        Test(
            REBUILD,
            "a_zero_galnetpo_is_message_39_and_the_ids_start_again",
            "Some(39)",
        ),
    ),
    (
        40,
        "Possible database corruption detected",
        Test(
            COPIES,
            "bad_records_are_reported_and_kept_and_the_others_applied",
            "Some(40)",
        ),
    ),
    (
        41,
        "Internal sort error",
        Never("sorting is done in memory and cannot fail"),
    ),
    (
        42,
        "File already opened and locked",
        Never("a lock is 91 for FLAG.GLB, 45 for SORTLOCK.GLB, 203 for the Global Address List"),
    ),
    (
        43,
        "Gateway alias has no physical address",
        Test(
            EXTRACT,
            "lists_that_do_not_exist_and_entries_without_address_are_named",
            "Some(43)",
        ),
    ),
    (
        44,
        "Gateway not installed:",
        Import("A Ann\tX400:c=US;s=Ann\n", 1, |_| ()),
    ),
    (
        45,
        "File error sorting queue:",
        Test(
            QUEUE,
            "a_sort_lock_of_another_program_stops_and_ours_is_removed",
            "[ 45] File error sor",
        ),
    ),
    (46, "No fullname", Line("A \tPCM:NET/PO/X\n", 1, 3)),
    (
        47,
        "Transaction has no effect",
        Line("D Some\tPCM:NET/PO/X\n- Phone:/1\n", 2, 1),
    ),
    (
        48,
        "Expecting physical address",
        Line("A Some\tPCM:\n", 1, 12),
    ),
    (49, "Fatal error creating network:", Never(WHOLE)),
    (50, "Fatal error creating postoffice:", Never(WHOLE)),
    (51, "Error creating mailbag", Never(WHOLE)),
    (
        52,
        "Error accessing configuration information",
        Test(
            HERE,
            "without_its_configuration_a_requestor_imports_nothing",
            "[ 52]",
        ),
    ),
    (
        53,
        "Unable to read network and postoffice definitions",
        Never(
            "MASTER.GLB and XTN files that cannot be read are named with the place of the damage",
        ),
    ),
    (
        54,
        "No Server name has been set",
        Test(FILE, UNKNOWN, "[ 54] "),
    ),
    (
        55,
        "Can't find Dir-Sync Server postoffice definition",
        Test(PLACES, "", "[ 55]"),
    ),
    (
        56,
        "Error accessing input file",
        Test(FILE, "a_file_that_cannot_be_read_changes_nothing", "[ 56] "),
    ),
    (
        57,
        "Error accessing output file",
        Test(
            EXTRACT,
            "lists_that_do_not_exist_and_entries_without_address_are_named",
            "[ 57] ",
        ),
    ),
    (58, "Error accessing database file", Never(DISK)),
    (
        59,
        "Error autocreating postoffice:",
        Never(
            "the one place that cannot be created is the own postoffice, which is never asked for",
        ),
    ),
    (
        60,
        "Using direct routing for autocreated postoffice",
        Test(
            PLACES,
            "without_a_known_server_nothing_is_created",
            "vec![60]",
        ),
    ),
    (
        61,
        "No template information defined for postoffice",
        Test(
            EXTRACT,
            "templates_come_along_and_their_lack_is_message_61",
            "[61]",
        ),
    ),
    (62, "Replace option failed", Never(WHOLE)),
    (
        63,
        "Resync extract failed",
        Test(
            RESYNC,
            "a_list_that_cannot_be_read_ends_it_with_63",
            "[ 63]",
        ),
    ),
    (
        64,
        "Reserved network name",
        Line("A Some\tPCM:FAX/PO/X\n", 1, 12),
    ),
    (
        65,
        "No template defined for postoffice",
        Import("A Ann\tPCM:NET/SRV/ann\n- Phone:/1\n", 1, |options| {
            options.templates = true
        }),
    ),
    (
        66,
        "Local postoffice transaction ignored",
        Import("R PCM:NET/HQ\n", 1, |_| ()),
    ),
    (
        67,
        "Resync extract can be performed only at a Directory Synchronization Server",
        Test(RESYNC, "", "[ 67]"),
    ),
    (
        68,
        "Network name already in use",
        Import("A Ann\tPCM:SNADSGATE/X/ann\n", 1, |options| {
            options.create_postoffices = true
        }),
    ),
    (
        69,
        "Alphanumeric characters only allowed in network name",
        Line("A Some\tPCM:N-T/PO/X\n", 1, 13),
    ),
    (
        70,
        "Alphanumeric characters only allowed in postoffice name",
        Line("A Some\tPCM:NET/P O/X\n", 1, 17),
    ),
    (
        71,
        "Alphanumeric characters only allowed in mailbox name",
        Line("A Some\tPCM:NET/PO/X.Y\n", 1, 20),
    ),
    (
        72,
        "Fullname is too long",
        Line("A 1234567890123456789012345678901\tPCM:NET/PO/X\n", 1, 33),
    ),
    (
        73,
        "Template option not set, template information will be ignored",
        Import("A Ann\tPCM:NET/SRV/ann\n- Phone:/1\n", 1, |_| ()),
    ),
    (
        74,
        "FAX recipient address field too long",
        Line("A Some\tFAX:xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx~b~c~1\n", 1, 42),
    ),
    (
        75,
        "FAX location address field too long",
        Line("A Some\tFAX:a~xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx~c~1\n", 1, 44),
    ),
    (
        76,
        "FAX company address field too long",
        Line("A Some\tFAX:a~b~xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx~1\n", 1, 46),
    ),
    (
        77,
        "FAX phone number address field too long",
        Line("A Some\tFAX:a~b~c~55555555555555555555555\n", 1, 40),
    ),
    (78, "Out of file handles", Never(MEMORY)),
    (
        79,
        "Out of disk",
        Test(
            HERE,
            "a_full_disk_and_a_full_postoffice_have_their_numbers",
            "[ 79]",
        ),
    ),
    (80, "Out of memory", Never(MEMORY)),
    (81, "No mailbox name", Line("A Some\tPCM:NET/PO/\n", 1, 19)),
    (
        82,
        "Local user information not allowed for this address type",
        Line("A Some\tSMTP:some@here\n&access=ALL\n", 2, 1),
    ),
    (
        83,
        "Invalid local user token value:",
        Import("A Ann\tPCM:NET/HQ/ann\n&access=FLY\n", 1, |_| ()),
    ),
    (
        84,
        "Invalid local user token:",
        Import("A Ann\tPCM:NET/HQ/ann\n&welcome=Y\n", 1, |_| ()),
    ),
    (
        85,
        "Unable to create local user:",
        Import("A Ann\tPCM:NET/HQ/Admin\n", 1, |_| ()),
    ),
    (
        86,
        "Unable to delete local user:",
        Import("D Administrator\tPCM:NET/HQ/Admin\n", 1, |_| ()),
    ),
    (
        87,
        "Maximum number of local users has been reached",
        Test(
            HERE,
            "a_full_disk_and_a_full_postoffice_have_their_numbers",
            "vec![87; 2]",
        ),
    ),
    (
        88,
        "Invalid token assignment:",
        Line("A Some\tPCM:NET/PO/X\n&access\n", 2, 1),
    ),
    (
        89,
        "Truncating password to 8 characters:",
        Import("A Ann\tPCM:NET/HQ/ann\n&password=123456789\n", 1, |_| ()),
    ),
    (90, "Transaction not processed", Never(WHOLE)),
    (
        91,
        "The mail database is locked by another process:",
        Test(
            QUEUE,
            "a_held_flag_is_message_91_and_everything_waits",
            "[ 91] The mail datab",
        ),
    ),
    (
        92,
        "Can't modify local user to external:",
        Import(
            "M Administrator\tPCM:NET/HQ/Admin\n  Administrator\tPCM:NET/SRV/adm\n",
            1,
            |_| (),
        ),
    ),
    (
        93,
        "ACCESS tokens ignored for admin user:",
        Import(
            "M Administrator\tPCM:NET/HQ/Admin\n&access=NONE\n",
            1,
            |_| (),
        ),
    ),
    (
        150,
        "Could not append transactions to the updates file",
        Never(DISK),
    ),
    (
        201,
        "Warning .USR file missing",
        Test(
            REBUILD,
            "a_missing_list_is_said_and_an_empty_address_list_stops",
            "Some(201)",
        ),
    ),
    (
        202,
        "No Valid Postoffice found",
        Test(
            REBUILD,
            "a_master_without_its_form_is_message_202_and_the_list_is_made",
            "Some(202)",
        ),
    ),
    (
        203,
        "GAL Rebuild problem accessing files",
        Test(
            REBUILD,
            "a_list_that_somebody_holds_stays_and_the_new_one_lies_beside_it",
            "[203]",
        ),
    ),
    (
        204,
        "GAL Rebuild out of disk space",
        Never("a rebuild without room is message 79 before it begins"),
    ),
    (249, "Not enough free file handles", Never(MEMORY)),
];

/// All numbers of the section.
fn all() -> Vec<u16> {
    let first = [1, 2, 4, 7, 8, 9, 10].into_iter();
    first
        .chain(12..=93)
        .chain([150, 201, 202, 203, 204, 249])
        // Never published.
        .filter(|number| ![11, 94].contains(number))
        .collect()
}

/// The text of one test, or the whole file for an empty name.
fn body<'a>(file: &'a str, test: &str) -> &'a str {
    if test.is_empty() {
        return file;
    }
    let start = file
        .find(&format!("fn {test}("))
        .unwrap_or_else(|| panic!("there is no test {test}"));
    let rest = &file[start..];
    let end = rest.find("#[test]").unwrap_or(rest.len());
    &rest[..end]
}

/// What the reader and the whole file show: line, column, number, text.
fn faults(text: &str) -> Vec<(u64, u32, u16, String)> {
    let mut found = Vec::new();
    let mut consistency = Consistency::new();
    let mut take = |item: Item| match item {
        Item::Fault(fault) => {
            let text = fault.fault.text().to_owned();
            found.push((fault.line, fault.column, fault.fault.number(), text));
        }
        Item::Transaction(placed) => {
            for one in consistency.see(&placed.transaction) {
                let number = one.number();
                let text = crate::import::log::message(number, "").text;
                found.push((placed.line, 3, number, text));
            }
        }
        Item::Note(_) => {}
    };
    let mut reader = ImportReader::new(ImportOptions {
        reading: Reading::Strict,
        ..ImportOptions::default()
    });
    reader.feed(text.as_bytes(), &mut take);
    reader.finish(&mut take);
    found
}

/// NET/HQ, registered at NET/SRV, with that postoffice and a SNADS gateway.
fn site() -> MemDisk {
    let disk = fresh();
    add_place(&disk, 1, "SRV", 0x10, Route::Direct);
    put_usr(&disk, 0x10, &[]);
    add_network(&disk, "SNADSGATE", 0x30, Some(3), Some(0x21));
    let mut conf = ReqConfRecord::decode(&read(&disk, "GLB/REQCONF.GLB").unwrap()).unwrap();
    conf.srv_network = field("NET");
    conf.srv_postoffice = field("SRV");
    put(&disk, "GLB/REQCONF.GLB", &conf.encode());
    disk
}

// rule: imp:R-IMP-043
// rule: imp:R-IMP-045
#[test]
fn every_number_has_its_text_its_place_and_a_remedy() {
    let numbers: Vec<u16> = NUMBERS.iter().map(|(number, ..)| *number).collect();
    assert_eq!(numbers, all());
    for (number, published, how) in NUMBERS {
        let entry = lookup_code(Family::Dirsync, i32::from(*number)).unwrap();
        let known = |text: &str| {
            text.to_ascii_lowercase().starts_with(
                published
                    .trim_end_matches(':')
                    .to_ascii_lowercase()
                    .as_str(),
            )
        };
        assert!(
            known(entry.text) || entry.variants.iter().any(|text| known(text)),
            "{number}: {}",
            entry.text
        );
        assert!(
            !entry.meaning.is_empty() && !entry.remedy.is_empty(),
            "{number}"
        );
        match how {
            Line(text, line, column) => {
                let found = faults(text);
                let at: Vec<_> = found.iter().map(|(l, c, n, _)| (*l, *c, *n)).collect();
                assert_eq!(at, [(*line, *column, *number)], "{text}");
                assert!(known(&found[0].3), "{found:?}");
            }
            Import(text, line, change) => {
                let mut options = FileOptions::at(NOW, "NAMES.TXT");
                change(&mut options);
                let disk = site();
                let imported = import(&disk, text, &options).unwrap();
                let kept = imported.problems.kept();
                let at: Vec<_> = kept.iter().map(|p| (p.record, p.line.code)).collect();
                assert_eq!(at, [(Some(*line), Some(*number))], "{text}");
                assert!(known(&kept[0].line.text), "{:?}", kept[0]);
                // With its number and its line in the log.
                let logged = log(&disk);
                assert!(
                    logged.contains(&format!("[{number:>3}] "))
                        && logged.contains(&format!(" ({line})\r")),
                    "{logged}"
                );
            }
            Test(file, test, words) => {
                assert!(
                    body(file, test).contains(words),
                    "{number}: {test}: {words}"
                );
            }
            Never(reason) => assert!(!reason.is_empty(), "{number}"),
        }
    }
}

fn import(disk: &MemDisk, text: &str, options: &FileOptions) -> Result<FileImported, ImportError> {
    let mut tree = writer(disk);
    let info = info(Command::ImportFile);
    run_file(&mut tree, &mut text.as_bytes(), options, &info, &NoProgress).map(|(done, _)| done)
}

// rule: imp:R-IMP-043
#[test]
fn without_its_configuration_a_requestor_imports_nothing() {
    let disk = fresh();
    disk_remove(&disk, "GLB/REQCONF.GLB");
    let error = plan_queue(&view(&disk), &QueueOptions::at(NOW), &[], &NoProgress).unwrap_err();
    assert!(error.to_string().contains("[ 52]"), "{error}");
}

// rule: imp:R-QUE-006
#[test]
fn a_full_disk_and_a_full_postoffice_have_their_numbers() {
    let disk = fresh();
    let some = FileOptions {
        len_bytes: Some(21),
        ..FileOptions::at(NOW, "USERS.TXT")
    };
    disk.set_capacity(Some(0));
    let error = import(&disk, "A Ann\tPCM:NET/HQ/ann\n", &some).unwrap_err();
    assert!(error.to_string().starts_with("[ 79]"), "{error}");
    disk.set_capacity(None);
    // 499 users beside the administrator, none of whom has files: only the lists are looked at.
    let users: String = (1..500)
        .map(|n| format!("A User {n}\tPCM:NET/HQ/u{n}\n"))
        .collect();
    let options = FileOptions::at(NOW, "USERS.TXT");
    assert_eq!(import(&disk, &users, &options).unwrap().counts.added, 499);
    let strict = FileOptions {
        rules: FileRules {
            strict_limits: true,
            ..FileRules::default()
        },
        ..options.clone()
    };
    let two = "A One\tPCM:NET/HQ/one\nA Two\tPCM:NET/HQ/two\n";
    let codes = |imported: &FileImported| -> Vec<u16> {
        let kept = imported.problems.kept().iter();
        kept.filter_map(|problem| problem.line.code).collect()
    };
    let refused = import(&disk, two, &strict).unwrap();
    assert_eq!((codes(&refused), refused.counts.added), (vec![87; 2], 0));
    // The limit is one of the clients: without it, the number is said once.
    let warned = import(&disk, two, &options).unwrap();
    assert_eq!((codes(&warned), warned.counts.added), (vec![87], 2));
    let records = read(&disk, "GLB/ACCESS.GLB").unwrap().len() / size_of::<AccessRecord>();
    let second = read(&disk, "GLB/ACCESS2.GLB").unwrap().len() / size_of::<Access2Record>();
    assert_eq!((records, second), (502, 502));
}
