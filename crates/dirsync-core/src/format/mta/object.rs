//! One object file: a 64-byte header, attributes, zero bytes up to the size of the file.
//!
//! `HeaderRecord`, 64 bytes:
//!
//! | Off | Size | Name | Trust | Source |
//! |---|---|---|---|---|
//! | 0 | 8 | magic | ASSIGNED | decisions 2.19 |
//! | 8 | 2 | version | ASSIGNED | decisions 2.19 |
//! | 10 | 1 | class | DOCUMENTED | Q282780 |
//! | 11 | 1 | kind | ASSIGNED | decisions 2.19 |
//! | 12 | 4 | id | ASSIGNED | decisions 2.19 |
//! | 16 | 4 | queue | ASSIGNED | decisions 2.19 |
//! | 20 | 4 | partner | ASSIGNED | decisions 2.19 |
//! | 24 | 4 | flags | ASSIGNED | decisions 2.19 |
//! | 28 | 4 | payload_len | ASSIGNED | decisions 2.19 |
//! | 32 | 4 | payload_crc | ASSIGNED | decisions 2.19 |
//! | 36 | 4 | created | ASSIGNED | decisions 2.19 |
//! | 40 | 8 | serial | ASSIGNED | one of the bytes decisions 2.19 reserves |
//! | 48 | 12 | reserved_48 | ASSIGNED | decisions 2.19 |
//! | 60 | 4 | header_crc | ASSIGNED | decisions 2.19 |
//! | 64 | n | payload | ASSIGNED | attributes { u16 id, u16 value number from 1, u32 length, bytes } |
//!
//! `header_crc` and `payload_crc` are CRC-32 of bytes 0-59 and of the payload. `serial` numbers the
//! messages of a database in the order of their arrival and never repeats (Q152897): times have a
//! resolution of one second, and a queue that is rebuilt must keep its order. Attributes stand in
//! ascending order of their ids; the values of one id are numbered 1, 2, … (Q177886).

use zerocopy::little_endian::{U16, U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use super::core_files::core_file;
use super::id::{ObjectId, class};
use crate::base::{DecodeError, DecodeErrorKind, UnixTime};
use crate::format::field::Reserved;
use crate::format::record::{FixedRecord, fixed_record};

/// First bytes of every object file.
pub const MAGIC: [u8; 8] = *b"DXAMTADB";
/// Version of the layout.
pub const VERSION: u16 = 1;
/// Length of the header in bytes.
pub const HEADER_LEN: usize = 64;
/// Length of what stands before the bytes of an attribute value.
pub const ATTRIBUTE_HEAD_LEN: usize = 8;
/// Files grow by this many bytes (INFERRED from the sizes in Q162384).
pub const UNIT_LEN: u64 = 2_048;
/// Queues and reference counts have at least this many bytes (INFERRED, Q162384).
pub const QUEUE_LEN: u64 = 8_192;
/// A file of this length is a free slot (Q178021).
pub const FREE_LEN: u64 = 1;
/// Flag: the message was delivered; what is still there is left over (Q238189).
pub const FLAG_USED: u32 = 1;
/// Flag of a reference object: the message could not be processed and is left in its queue, where it is
/// passed over until somebody lets it be tried again. ASSIGNED; that it stays and the queue goes on is
/// DOCUMENTED (Q158379, Q164840).
pub const FLAG_PARKED: u32 = 2;
/// The upper half of the flags of a reference object: how often a parked message was let be tried again,
/// so that each try is told once. ASSIGNED.
pub const RETRIES_SHIFT: u32 = 16;

/// Attribute ids (ASSIGNED, decisions 2.19).
pub mod attr {
    /// MTS-ID of the message, text.
    pub const MTS_ID: u16 = 1;
    /// Priority, u8.
    pub const PRIORITY: u16 = 2;
    /// Originator: address or DN, text.
    pub const ORIGINATOR: u16 = 3;
    /// One recipient a value: address or DN, text.
    pub const RECIPIENT: u16 = 4;
    /// Submit time, u32 seconds since 1970 UTC.
    pub const SUBMIT_TIME: u16 = 5;
    /// Kind of message, text.
    pub const KIND: u16 = 6;
    /// Subject, text.
    pub const SUBJECT: u16 = 7;
    /// The message: X.411 envelope and content in BER.
    pub const CONTENT: u16 = 8;
    /// Name of one attachment a value, as plain text (Q311443).
    pub const CONTENT_NAME: u16 = 9;
    /// Name of a queue: a distinguished name in upper case, or a name such as `MTAWORKQ`.
    pub const QUEUE_DN: u16 = 10;
    /// Whether a queue is secured, u8.
    pub const SECURED: u16 = 11;
    /// Members of a queue, or the queues of the super queue.
    pub const MEMBERS: u16 = 12;
    /// Reference counts.
    pub const COUNTS: u16 = 13;
    /// The serial number that is given next, u64.
    pub const NEXT_SERIAL: u16 = 14;
    /// One MTA a value that had the message before, the first one first: distinguished name, text.
    pub const TRACE: u16 = 15;
}

/// Header of an object file.
#[derive(FromBytes, IntoBytes, Unaligned, Immutable, KnownLayout, Clone, PartialEq, Eq, Debug)]
#[repr(C)]
pub struct HeaderRecord {
    /// [`MAGIC`].
    pub magic: [u8; 8],
    /// [`VERSION`].
    pub version: U16,
    /// Class byte, equal to the one in `id`.
    pub class: u8,
    /// [`Kind`].
    pub kind: u8,
    /// Class and number; the number is that of the file's name.
    pub id: U32,
    /// Id of the queue that holds it, 0 none.
    pub queue: U32,
    /// Reference object: id of its data object; else 0.
    pub partner: U32,
    /// [`FLAG_USED`], [`FLAG_PARKED`], [`RETRIES_SHIFT`].
    pub flags: U32,
    /// Bytes of the payload.
    pub payload_len: U32,
    /// CRC-32 of the payload.
    pub payload_crc: U32,
    /// Seconds since 1970 UTC.
    pub created: U32,
    /// Order of arrival; 0 for what is no message.
    pub serial: U64,
    /// Unknown or unused; zero when created, kept when rewritten.
    reserved_48: Reserved<12>,
    /// CRC-32 of the bytes before it.
    pub header_crc: U32,
}
fixed_record!(HeaderRecord, "MTA object header", 64, "decisions 2.19", {
    magic: 0,
    version: 8,
    class: 10,
    kind: 11,
    id: 12,
    queue: 16,
    partner: 20,
    flags: 24,
    payload_len: 28,
    payload_crc: 32,
    created: 36,
    serial: 40,
    reserved_48: 48,
    header_crc: 60,
});

/// What an object is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// Opaque object of the boot environment.
    Boot = 0,
    /// Queue.
    Queue = 1,
    /// Reference object: one message on one queue.
    Reference = 2,
    /// Data object: the content of a message.
    Data = 3,
    /// Reference counts.
    Counts = 4,
    /// Super queue.
    SuperQueue = 5,
}

impl Kind {
    /// The kind with this byte.
    #[must_use]
    pub const fn from_byte(byte: u8) -> Option<Self> {
        Some(match byte {
            0 => Self::Boot,
            1 => Self::Queue,
            2 => Self::Reference,
            3 => Self::Data,
            4 => Self::Counts,
            5 => Self::SuperQueue,
            _ => return None,
        })
    }

    /// Its byte in the header.
    #[must_use]
    pub const fn byte(self) -> u8 {
        self as u8
    }

    /// Words for reports.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Boot => "boot object",
            Self::Queue => "queue",
            Self::Reference => "reference object",
            Self::Data => "data object",
            Self::Counts => "reference counts",
            Self::SuperQueue => "super queue",
        }
    }

    /// Whether an object of this kind may have this class: the class is looked at before anything
    /// else is read (Q255766).
    #[must_use]
    pub const fn fits(self, class: u8) -> bool {
        match self {
            Self::Queue | Self::SuperQueue => class == class::QUEUE,
            Self::Counts => class == class::COUNTS,
            Self::Reference | Self::Data => class == class::MESSAGE,
            Self::Boot => matches!(class, 0x06 | 0x09 | 0x0A | 0x0B | 0x0C),
        }
    }
}

/// A header that was found good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// Class and number.
    pub id: ObjectId,
    /// What it is.
    pub kind: Kind,
    /// The queue that holds it.
    pub queue: ObjectId,
    /// Reference object: its data object.
    pub partner: ObjectId,
    /// Whether the message was delivered already.
    pub used: bool,
    /// Whether the message was found faulty and is passed over.
    pub parked: bool,
    /// How often it was let be tried again.
    pub retries: u16,
    /// When the object was made.
    pub created: UnixTime,
    /// Order of arrival; 0 for what is no message.
    pub serial: u64,
    /// Bytes of the payload.
    pub payload_len: u32,
    /// CRC-32 of the payload.
    pub payload_crc: u32,
}

impl HeaderRecord {
    /// The checksum that belongs into [`Self::header_crc`].
    #[must_use]
    pub fn checksum(&self) -> u32 {
        crc32fast::hash(&self.as_bytes()[..60])
    }

    /// Looks at a header and judges it.
    ///
    /// # Errors
    /// Too short, no magic, another version, a wrong checksum, a kind or class that does not exist
    /// or do not fit together, an id that is none.
    pub fn judge(&self) -> Result<Header, DecodeError> {
        let bad = |offset, kind| DecodeError::new(Self::NAME, offset, kind);
        if self.magic != MAGIC {
            return Err(bad(0, DecodeErrorKind::BadMagic));
        }
        let stored = self.header_crc.get();
        let computed = self.checksum();
        if stored != computed {
            return Err(bad(60, DecodeErrorKind::BadChecksum(stored, computed)));
        }
        if self.version.get() != VERSION {
            return Err(bad(8, DecodeErrorKind::BadField("version")));
        }
        let id = ObjectId(self.id.get());
        let kind = Kind::from_byte(self.kind).ok_or(bad(11, DecodeErrorKind::BadField("kind")))?;
        if id.class() != self.class || !kind.fits(self.class) {
            return Err(bad(10, DecodeErrorKind::BadField("class")));
        }
        if id.is_none() {
            return Err(bad(12, DecodeErrorKind::BadField("id")));
        }
        Ok(Header {
            id,
            kind,
            queue: ObjectId(self.queue.get()),
            partner: ObjectId(self.partner.get()),
            used: self.flags.get() & FLAG_USED != 0,
            parked: self.flags.get() & FLAG_PARKED != 0,
            retries: u16::try_from(self.flags.get() >> RETRIES_SHIFT).unwrap_or(u16::MAX),
            created: UnixTime(self.created.get()),
            serial: self.serial.get(),
            payload_len: self.payload_len.get(),
            payload_crc: self.payload_crc.get(),
        })
    }
}

/// Bytes that the file of an object has: the payload in whole units, at least what its kind or its
/// place in the core asks for.
#[must_use]
pub fn file_len(kind: Kind, id: ObjectId, payload_len: u64) -> u64 {
    let least = match (core_file(id.number()), kind) {
        (Some(core), _) => core.len_bytes,
        (None, Kind::Queue | Kind::Counts | Kind::SuperQueue) => QUEUE_LEN,
        (None, _) => UNIT_LEN,
    };
    (HEADER_LEN as u64)
        .saturating_add(payload_len)
        .div_ceil(UNIT_LEN)
        .saturating_mul(UNIT_LEN)
        .max(least)
}

/// One value of an attribute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attribute {
    /// Which attribute, see [`attr`].
    pub id: u16,
    /// Number of the value, from 1.
    pub value: u16,
    /// Offset of its bytes in the file.
    pub offset: u64,
    /// Length in bytes.
    pub len: u32,
    /// Its bytes, when they were asked for.
    pub bytes: Option<Vec<u8>>,
}

/// Makes an object file.
#[derive(Debug, Clone)]
pub struct ObjectBuilder {
    header: Header,
    payload: Vec<u8>,
    last: (u16, u16),
    fault: Option<DecodeError>,
}

impl ObjectBuilder {
    /// An object without attributes, on no queue.
    #[must_use]
    pub fn new(kind: Kind, id: ObjectId) -> Self {
        Self {
            header: Header {
                id,
                kind,
                queue: ObjectId::NONE,
                partner: ObjectId::NONE,
                used: false,
                parked: false,
                retries: 0,
                created: UnixTime::NEVER,
                serial: 0,
                payload_len: 0,
                payload_crc: 0,
            },
            payload: Vec::new(),
            last: (0, 0),
            fault: None,
        }
    }

    /// Puts it on a queue.
    #[must_use]
    pub fn on(mut self, queue: ObjectId) -> Self {
        self.header.queue = queue;
        self
    }

    /// Names the data object of a reference object.
    #[must_use]
    pub fn partner(mut self, data: ObjectId) -> Self {
        self.header.partner = data;
        self
    }

    /// Sets the time of making and the order of arrival.
    #[must_use]
    pub fn made(mut self, created: UnixTime, serial: u64) -> Self {
        self.header.created = created;
        self.header.serial = serial;
        self
    }

    /// Sets or clears the flag of a delivered message.
    #[must_use]
    pub fn used(mut self, used: bool) -> Self {
        self.header.used = used;
        self
    }

    /// Adds a value. Attributes are added in ascending order; the values of one are numbered here.
    /// What does not fit is reported by [`Self::encode`].
    #[must_use]
    pub fn attribute(mut self, id: u16, bytes: &[u8]) -> Self {
        let fault = |kind| DecodeError::new("MTA object attribute", 0, kind);
        let value = match (id == self.last.0, self.last.1.checked_add(1)) {
            (true, Some(next)) => next,
            (true, None) => {
                let kind = DecodeErrorKind::Limit("the number of values", 65_535, 65_536);
                self.fault.get_or_insert(fault(kind));
                return self;
            }
            (false, _) => 1,
        };
        let Ok(len) = u32::try_from(bytes.len()) else {
            let kind = DecodeErrorKind::Limit(
                "the length of a value",
                u32::MAX.into(),
                bytes.len() as u64,
            );
            self.fault.get_or_insert(fault(kind));
            return self;
        };
        if id < self.last.0 || id == 0 {
            self.fault
                .get_or_insert(fault(DecodeErrorKind::BadField("attribute order")));
            return self;
        }
        self.payload.extend_from_slice(&id.to_le_bytes());
        self.payload.extend_from_slice(&value.to_le_bytes());
        self.payload.extend_from_slice(&len.to_le_bytes());
        self.payload.extend_from_slice(bytes);
        self.last = (id, value);
        self
    }

    /// The bytes of the file.
    ///
    /// # Errors
    /// Attributes out of order, too many values, a payload of 4 GiB.
    pub fn encode(self) -> Result<Vec<u8>, DecodeError> {
        if let Some(fault) = self.fault {
            return Err(fault);
        }
        let payload_len = u32::try_from(self.payload.len()).map_err(|_| {
            let kind = DecodeErrorKind::Limit(
                "the length of the payload",
                u32::MAX.into(),
                self.payload.len() as u64,
            );
            DecodeError::new(HeaderRecord::NAME, 28, kind)
        })?;
        let header = header_record(&Header {
            payload_len,
            payload_crc: crc32fast::hash(&self.payload),
            ..self.header
        });
        let len = file_len(self.header.kind, self.header.id, payload_len.into());
        let len = usize::try_from(len).map_err(|_| {
            let kind = DecodeErrorKind::Limit("the length", usize::MAX as u64, len);
            DecodeError::new(HeaderRecord::NAME, 28, kind)
        })?;
        let mut bytes = Vec::with_capacity(len);
        bytes.extend_from_slice(header.as_bytes());
        bytes.extend_from_slice(&self.payload);
        bytes.resize(len, 0);
        Ok(bytes)
    }
}

/// The 64 bytes of a header, checksum included.
#[must_use]
pub fn header_record(header: &Header) -> HeaderRecord {
    let mut record = HeaderRecord::zeroed();
    record.magic = MAGIC;
    record.version.set(VERSION);
    record.class = header.id.class();
    record.kind = header.kind.byte();
    record.id.set(header.id.0);
    record.queue.set(header.queue.0);
    record.partner.set(header.partner.0);
    let flag = |set, flag| if set { flag } else { 0 };
    record.flags.set(
        flag(header.used, FLAG_USED)
            | flag(header.parked, FLAG_PARKED)
            | (u32::from(header.retries) << RETRIES_SHIFT),
    );
    record.payload_len.set(header.payload_len);
    record.payload_crc.set(header.payload_crc);
    record.created.set(header.created.0);
    record.serial.set(header.serial);
    let crc = record.checksum();
    record.header_crc.set(crc);
    record
}

#[cfg(test)]
mod tests {
    use super::*;

    // rule: dec:2.19
    #[test]
    fn sizes_are_whole_units_and_the_published_ones_in_the_core() {
        let of = |kind, id: u32, payload| file_len(kind, ObjectId(id), payload);
        assert_eq!(of(Kind::Reference, 0x0600_0036, 1), 2_048);
        assert_eq!(of(Kind::Reference, 0x0600_0036, 1_984), 2_048);
        assert_eq!(of(Kind::Data, 0x0600_002F, 1_985), 4_096);
        assert_eq!(of(Kind::Queue, 0x0100_002B, 0), 8_192);
        assert_eq!(of(Kind::Queue, 0x0100_002B, 8_129), 10_240);
        assert_eq!(of(Kind::Counts, 0x0300_0002, 0), 8_192);
        assert_eq!(of(Kind::Boot, 0x0600_0008, 0), 2_048);
        assert_eq!(of(Kind::Boot, 0x0600_000B, 0), 8_192);
    }

    // rule: dec:2.19
    #[test]
    fn marks_of_a_message_stand_in_the_flags() {
        let header = ObjectBuilder::new(Kind::Reference, ObjectId(0x0600_0036)).header;
        for (used, parked, retries) in [(true, false, 0), (false, true, 3), (true, true, 0xFFFF)] {
            let record = header_record(&Header {
                used,
                parked,
                retries,
                ..header
            });
            let read = record.judge().unwrap();
            assert_eq!(
                (read.used, read.parked, read.retries),
                (used, parked, retries)
            );
        }
    }

    // rule: mta:R-DB-027
    #[test]
    fn a_kind_has_its_class_or_is_refused() {
        for byte in 0..=255u8 {
            let Some(kind) = Kind::from_byte(byte) else {
                continue;
            };
            assert_eq!(kind.byte(), byte);
            for class in 0..=255u8 {
                let id = ObjectId((u32::from(class) << 24) | 0x36);
                let record = header_record(&Header {
                    kind,
                    ..ObjectBuilder::new(kind, id).header
                });
                assert_eq!(record.judge().is_ok(), kind.fits(class), "{kind:?} {class}");
            }
            assert!(!kind.fits(class::MEMORY));
        }
    }

    #[test]
    fn attributes_stand_in_order() {
        let object = ObjectBuilder::new(Kind::Data, ObjectId(0x0600_0030));
        assert!(
            object
                .clone()
                .attribute(8, b"x")
                .attribute(1, b"y")
                .encode()
                .is_err()
        );
        assert!(object.clone().attribute(0, b"x").encode().is_err());
        assert!(
            object
                .attribute(1, b"x")
                .attribute(8, b"y")
                .encode()
                .is_ok()
        );
    }
}
