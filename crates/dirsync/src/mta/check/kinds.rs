//! The kinds of findings of `mtacheck check`: stable ids, severities, what the repair does and loses.

use std::borrow::Cow;

use crate::core::base::finding::{Finding, FindingId, Repair, Severity};
use crate::insight::findings::FindingKind;

/// One kind of finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MtaFinding {
    /// Its row, as `po-admin explain` prints it.
    pub kind: FindingKind,
    /// The next step when repair cannot mend it.
    pub hint: &'static str,
}

macro_rules! kinds {
    ($($name:ident = $id:literal, $severity:ident, $meaning:literal, $repair:literal, $loses:literal, $hint:literal, $source:literal;)*) => {
        $(
            #[doc = $meaning]
            pub const $name: MtaFinding = MtaFinding {
                kind: FindingKind {
                    id: FindingId($id),
                    severity: Severity::$severity,
                    meaning: $meaning,
                    repair: $repair,
                    loses: $loses,
                    source: $source,
                },
                hint: $hint,
            };
        )*
        /// All kinds, in the order of the check.
        pub static ALL: &[MtaFinding] = &[$($name,)*];
    };
}

kinds! {
    STATIC_FILE = "mta.static-file", Fatal, "A static file is missing; the MTA does not start.", "", "", "copy the static files back", "Q154337";
    SUPER_QUEUE = "mta.super-queue", Fatal, "The table of all queues is missing or damaged, or the path is wrong.", "", "", "check the path, or put DB000001.DAT back from a copy of this very database; the one of BOOTENV makes all queued mail undeliverable", "Q182085 Q282780";
    QUEUE_MISSING = "mta.queue-missing", Error, "The file of a queue is missing.", "makes the queue anew under the same id with all messages that name it", "", "", "Q282780";
    QUEUE_CORRUPT = "mta.queue-corrupt", Error, "The file of a queue is damaged.", "makes the queue anew under the same id with all messages that name it", "", "", "Q282780 Q255766";
    CORE_MISSING = "mta.core-missing", Fatal, "A file of the boot environment is missing; the MTA does not start.", "", "", "`mtacheck restore MTADATA --bootenv DIR` copies the missing files, and only those", "Q163326 Q282780";
    CORE_CORRUPT = "mta.core-corrupt", Fatal, "A file of the boot environment is damaged; the MTA does not start.", "", "", "move the damaged file away, then `mtacheck restore MTADATA --bootenv DIR`", "Q163326 Q282780";
    OBJECT_DAMAGED = "mta.object-damaged", Error, "An object file is no sound object.", "moves the file to MTACHECK.OUT", "the message, or its part", "", "Q163326";
    UNREADABLE = "mta.object-unreadable", Error, "The disk does not give a file, or there is no right to read it; repair refuses while that is so.", "", "", "end the cause; if the disk is broken, move the file away yourself", "assigned";
    OBJECT_NAME = "mta.object-name", Error, "An object file holds an object of another number.", "moves the file to MTACHECK.OUT", "the message, or its part", "", "Q157323";
    OBJECT_DOUBLED = "mta.object-doubled", Error, "Two files differ only in the case of letters.", "moves the second file to MTACHECK.OUT", "the second file", "", "assigned";
    OBJECT_NO_QUEUE = "mta.object-no-queue", Error, "An object names a queue that does not exist.", "moves the file to MTACHECK.OUT", "the message", "", "Q184481 Q282780";
    QUEUE_UNLISTED = "mta.queue-unlisted", Error, "The super queue does not know this queue.", "moves the file to MTACHECK.OUT", "the queue; its messages are reported by themselves", "", "Q282780";
    NO_DATA = "mta.reference-without-data", Error, "A reference object has no sound data object.", "moves the file to MTACHECK.OUT", "the message on this queue", "", "Q262865";
    NO_REFERENCE = "mta.data-without-reference", Error, "No sound reference object points to a data object.", "moves the file to MTACHECK.OUT", "the content, which no queue can deliver", "", "Q262865";
    OBJECT_USED = "mta.object-used", Error, "A delivered message was left over; it would be delivered twice.", "moves the file to MTACHECK.OUT", "", "", "Q238189 Q198958";
    OBJECT_MISSING = "mta.object-missing", Error, "A queue lists a message that has no file.", "takes the message off the queue", "the message", "", "Q163326";
    PADDING = "mta.object-padding", Warning, "Bytes behind the content of an object are not zero.", "writes zeros there", "", "", "assigned";
    QUEUE_CACHE = "mta.queue-members", Error, "The members of a queue are not the objects that name it.", "lists the members anew", "", "", "assigned";
    COUNTS = "mta.reference-counts", Error, "Reference counts are not what the objects say.", "counts anew", "", "", "Q163287";
    SERIAL = "mta.next-serial", Error, "The next serial number was given already.", "sets it above all that are in use", "", "", "Q152897";
    BITMAP_MISSING = "mta.bitmap-missing", Warning, "DBBITMP.DAT is missing: the database was not left cleanly.", "writes it after a successful run", "", "", "Q169631";
    BITMAP_DAMAGED = "mta.bitmap-damaged", Warning, "DBBITMP.DAT is damaged.", "writes it anew", "", "", "assigned";
    OBJECT_LOST = "mta.object-lost", Error, "The bitmap knows an object that has no file, and nothing else names it.", "marks the number as free", "what the file held", "", "assigned";
    BITMAP_WRONG = "mta.bitmap-wrong", Warning, "DBBITMP.DAT is not what the directory says.", "writes it anew", "", "", "assigned";
    QUARANTINE = "mta.quarantine", Note, "MTACHECK.OUT holds files of an earlier run; repair refuses until they are away.", "", "", "`mtacheck rotate MTADATA` renames the folder", "Q262865";
    FREE_FILES = "mta.free-files", Note, "Files of 1 byte are free slots and no backlog.", "", "", "", "Q178021";
}

/// Adds a finding.
pub(super) fn report(
    findings: &mut Vec<Finding>,
    kind: &MtaFinding,
    file: &str,
    offset: Option<u64>,
    message: String,
) {
    let row = &kind.kind;
    let repair = (!row.repair.is_empty()).then(|| Repair {
        action: row.repair.to_owned(),
        loses: (!row.loses.is_empty()).then(|| row.loses.to_owned()),
    });
    findings.push(Finding {
        id: row.id,
        severity: row.severity,
        file: file.to_owned(),
        offset,
        message,
        hint: Cow::Borrowed(kind.hint),
        repair,
    });
}
