//! The 38 core files DB000001.DAT to DB000026.DAT: ids, sizes, queues (Q162384, Q282780, Q157323).
//!
//! Four are queues (01, 20, 25, 26), 34 are objects. What the objects hold was never published; ours
//! hold nothing (kind 0). A file of 0 bytes is corrupt (Q282780). The sizes are those of the listing
//! of an idle server; the queues and the counts grow.

use super::id::{ObjectId, ObjectNumber};

/// The super queue, "Queue-Desc-Object (ID 1)".
pub const SUPER_QUEUE: ObjectId = ObjectId(0x0100_0001);
/// The reference counts of all other objects (Q163287).
pub const REFERENCE_COUNTS: ObjectId = ObjectId(0x0300_0002);
/// XAPIWRKQ, which holds 31 boot objects.
pub const XAPIWRKQ: ObjectId = ObjectId(0x0100_0020);
/// OOFINFOQ, which holds two boot objects.
pub const OOFINFOQ: ObjectId = ObjectId(0x0100_0025);
/// REFDATQ, which holds the reference counts.
pub const REFDATQ: ObjectId = ObjectId(0x0100_0026);
/// The name of the work queue, by which it is found; its number differs (Q182330).
pub const MTAWORKQ_NAME: &str = "MTAWORKQ";
/// The queues of the core with their names, in the order in which they are checked (Q282780).
pub const STANDARD_QUEUES: [(ObjectId, &str); 3] = [
    (XAPIWRKQ, "XAPIWRKQ"),
    (OOFINFOQ, "OOFINFOQ"),
    (REFDATQ, "REFDATQ"),
];
/// The highest number of the core.
pub const LAST_CORE_NUMBER: u32 = 0x26;

/// One core file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CoreFile {
    /// The object in it.
    pub id: ObjectId,
    /// Bytes of the file on an idle server (Q162384).
    pub len_bytes: u64,
    /// The queue that holds it; none for queues.
    pub queue: ObjectId,
}

const fn object(class: u8, number: u32, len_bytes: u64, queue: ObjectId) -> CoreFile {
    CoreFile {
        id: ObjectId(((class as u32) << 24) | number),
        len_bytes,
        queue,
    }
}

const fn boot(class: u8, number: u32, len_bytes: u64) -> CoreFile {
    object(class, number, len_bytes, XAPIWRKQ)
}

const fn queue(number: u32) -> CoreFile {
    object(0x01, number, 8_192, ObjectId::NONE)
}

/// The core files in order of their numbers.
pub const CORE_FILES: [CoreFile; 38] = [
    queue(0x01),
    object(0x03, 0x02, 8_192, REFDATQ),
    boot(0x0A, 0x03, 2_048),
    boot(0x0B, 0x04, 8_192),
    boot(0x0B, 0x05, 8_192),
    boot(0x0C, 0x06, 8_192),
    boot(0x0C, 0x07, 8_192),
    boot(0x06, 0x08, 2_048),
    boot(0x06, 0x09, 2_048),
    boot(0x06, 0x0A, 2_048),
    boot(0x06, 0x0B, 8_192),
    boot(0x06, 0x0C, 2_048),
    boot(0x06, 0x0D, 8_192),
    boot(0x06, 0x0E, 2_048),
    boot(0x06, 0x0F, 2_048),
    boot(0x06, 0x10, 2_048),
    boot(0x06, 0x11, 2_048),
    boot(0x06, 0x12, 2_048),
    boot(0x06, 0x13, 8_192),
    boot(0x06, 0x14, 2_048),
    boot(0x06, 0x15, 8_192),
    boot(0x09, 0x16, 2_048),
    boot(0x09, 0x17, 2_048),
    boot(0x09, 0x18, 2_048),
    boot(0x09, 0x19, 2_048),
    boot(0x09, 0x1A, 2_048),
    boot(0x09, 0x1B, 2_048),
    boot(0x06, 0x1C, 2_048),
    boot(0x06, 0x1D, 8_192),
    boot(0x06, 0x1E, 2_048),
    boot(0x06, 0x1F, 2_048),
    queue(0x20),
    boot(0x06, 0x21, 8_192),
    boot(0x06, 0x22, 8_192),
    object(0x06, 0x23, 8_192, OOFINFOQ),
    object(0x09, 0x24, 8_192, OOFINFOQ),
    queue(0x25),
    queue(0x26),
];

/// The core file of a number.
#[must_use]
pub fn core_file(number: ObjectNumber) -> Option<&'static CoreFile> {
    let at = usize::try_from(number.get()).ok()?.checked_sub(1)?;
    CORE_FILES.get(at)
}

/// Whether a number belongs to the core.
#[must_use]
pub fn is_core(number: ObjectNumber) -> bool {
    core_file(number).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    // rule: mta:R-DB-005
    #[test]
    fn the_core_is_38_files_of_which_34_are_objects() {
        for (at, file) in CORE_FILES.iter().enumerate() {
            assert_eq!(file.id.number().get() as usize, at + 1);
            assert_eq!(core_file(file.id.number()), Some(file));
        }
        assert_eq!(core_file(ObjectNumber::NONE), None);
        assert!(!is_core(ObjectNumber::new(0x27).unwrap()));
        let of = |class: u8| CORE_FILES.iter().filter(|f| f.id.class() == class).count();
        assert_eq!(
            [0x01, 0x03, 0x06, 0x09, 0x0A, 0x0B, 0x0C].map(of),
            [4, 1, 21, 7, 1, 2, 2]
        );
        let on = |queue| CORE_FILES.iter().filter(|f| f.queue == queue).count();
        assert_eq!([XAPIWRKQ, OOFINFOQ, REFDATQ].map(on), [31, 2, 1]);
        let bytes: u64 = CORE_FILES.iter().map(|f| f.len_bytes).sum();
        assert_eq!(bytes, 20 * 2_048 + 18 * 8_192);
    }
}
