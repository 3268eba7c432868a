//! Queues and the super queue: who waits where.
//!
//! A queue's attributes: 10 its name, 11 whether it is secured, 12 its members. `MemberRecord`, 20
//! bytes, one for each member in the order of arrival; several values of attribute 12 are joined:
//!
//! | Off | Size | Name | Trust | Source |
//! |---|---|---|---|---|
//! | 0 | 4 | id | ASSIGNED | decisions 2.19 |
//! | 4 | 1 | priority | ASSIGNED | decisions 2.19 |
//! | 5 | 1 | kind | ASSIGNED | decisions 2.19 |
//! | 6 | 2 | reserved_6 | ASSIGNED | decisions 2.19 |
//! | 8 | 4 | submitted | ASSIGNED | decisions 2.19 |
//! | 12 | 4 | len | ASSIGNED | decisions 2.19 |
//! | 16 | 4 | originator_crc | ASSIGNED | decisions 2.19 |
//!
//! `len` is the length of the content in bytes, `originator_crc` the CRC-32 of the originator's text,
//! `kind` the code of [`MessageKind`]. All of it is a copy of what stands in the message (a cache): an inventory
//! opens only the queue files, `check` compares.
//!
//! The super queue's attribute 12 has one value for each queue, in order of creation:
//! u32 id, u8 secured, then the name.

use zerocopy::little_endian::{U16, U32};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use super::core_files::{MTAWORKQ_NAME, STANDARD_QUEUES, SUPER_QUEUE};
use super::id::{ObjectId, class};
use super::message::{MessageKind, Priority};
use super::object::{Kind, ObjectBuilder, attr};
use super::scan::Scanned;
use crate::base::{DecodeError, DecodeErrorKind, UnixTime};
use crate::format::record::{FixedRecord, fixed_record};

/// Longest name of a queue in bytes (ASSIGNED).
pub const NAME_LEN_LIMIT: usize = 1_024;

/// One member of a queue.
#[derive(
    FromBytes, IntoBytes, Unaligned, Immutable, KnownLayout, Clone, Copy, PartialEq, Eq, Debug,
)]
#[repr(C)]
pub struct MemberRecord {
    /// Id of the reference object (of a boot queue: of the boot object).
    pub id: U32,
    /// Priority of X.411.
    pub priority: u8,
    /// Code of the message's kind.
    pub kind: u8,
    /// Zero.
    pub reserved_6: U16,
    /// Submit time, seconds since 1970 UTC.
    pub submitted: U32,
    /// Length of the content in bytes.
    pub len: U32,
    /// CRC-32 of the originator's text.
    pub originator_crc: U32,
}
fixed_record!(MemberRecord, "MTA queue member", 20, "decisions 2.19", {
    id: 0,
    priority: 4,
    kind: 5,
    reserved_6: 6,
    submitted: 8,
    len: 12,
    originator_crc: 16,
});

impl MemberRecord {
    /// The entry of a boot object: no message.
    #[must_use]
    pub fn boot(id: ObjectId) -> Self {
        let mut record = Self::zeroed();
        record.id.set(id.0);
        record.kind = MessageKind::NO_MESSAGE_CODE;
        record
    }

    /// The entry of a message.
    #[must_use]
    pub fn message(
        id: ObjectId,
        priority: Priority,
        kind: MessageKind,
        submitted: UnixTime,
        len: u32,
        originator: &str,
    ) -> Self {
        let mut record = Self::zeroed();
        record.id.set(id.0);
        record.priority = priority.code();
        record.kind = kind.code();
        record.submitted.set(submitted.0);
        record.len.set(len);
        record.originator_crc.set(originator_tag(originator));
        record
    }

    /// The object.
    #[must_use]
    pub fn object(&self) -> ObjectId {
        ObjectId(self.id.get())
    }

    /// Its priority; unknown codes count as normal.
    #[must_use]
    pub fn priority(&self) -> Priority {
        Priority::from_code(self.priority).unwrap_or_default()
    }

    /// Its kind; `None` for a boot object or an unknown code.
    #[must_use]
    pub fn message_kind(&self) -> Option<MessageKind> {
        MessageKind::from_code(self.kind)
    }
}

/// The tag of an originator in a member entry: equal texts in any case of ASCII letters have equal
/// tags.
#[must_use]
pub fn originator_tag(originator: &str) -> u32 {
    crc32fast::hash(originator.to_ascii_uppercase().as_bytes())
}

/// A queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queue {
    /// Its id.
    pub id: ObjectId,
    /// Its name: a distinguished name in upper case, or `MTAWORKQ` and the like.
    pub name: String,
    /// Whether it is kept across restarts for one destination and never rerouted (Q282780).
    pub secured: bool,
    /// When it was made.
    pub created: UnixTime,
    /// Its members in the order of arrival.
    pub members: Vec<MemberRecord>,
}

impl Queue {
    /// Reads a queue.
    ///
    /// # Errors
    /// No queue, no name, or members that are no whole entries.
    pub fn from_object(object: &Scanned) -> Result<Self, DecodeError> {
        let bad = |kind| DecodeError::new("MTA queue", 64, kind);
        if object.header.kind != Kind::Queue {
            return Err(bad(DecodeErrorKind::BadField("kind")));
        }
        let name = name(object.first(attr::QUEUE_DN).unwrap_or_default())
            .ok_or(bad(DecodeErrorKind::BadField("name of the queue")))?;
        let mut members = Vec::new();
        for value in object.values(attr::MEMBERS) {
            let (records, rest) = <[MemberRecord]>::ref_from_prefix_with_elems(
                value,
                value.len() / MemberRecord::SIZE,
            )
            .map_err(|_| bad(DecodeErrorKind::BadField("members")))?;
            if !rest.is_empty() {
                return Err(bad(DecodeErrorKind::BadField("members")));
            }
            members.extend_from_slice(records);
        }
        Ok(Self {
            id: object.header.id,
            name,
            secured: object.first(attr::SECURED) == Some(&[1]),
            created: object.header.created,
            members,
        })
    }

    /// The bytes of its file.
    ///
    /// # Errors
    /// A name that is empty or too long.
    pub fn encode(&self) -> Result<Vec<u8>, DecodeError> {
        check_name(&self.name)?;
        let mut object = ObjectBuilder::new(Kind::Queue, self.id)
            .made(self.created, 0)
            .attribute(attr::QUEUE_DN, self.name.as_bytes())
            .attribute(attr::SECURED, &[u8::from(self.secured)]);
        if !self.members.is_empty() {
            object = object.attribute(attr::MEMBERS, self.members.as_slice().as_bytes());
        }
        object.encode()
    }
}

fn name(bytes: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(bytes).ok()?;
    (check_name(text).is_ok()).then(|| text.to_owned())
}

/// Judges the name of a queue.
///
/// # Errors
/// Empty, too long, or control characters.
pub fn check_name(name: &str) -> Result<(), DecodeError> {
    let bad = |kind| Err(DecodeError::new("name of an MTA queue", 0, kind));
    if name.is_empty() || name.chars().any(char::is_control) {
        return bad(DecodeErrorKind::BadText("a printable name is expected"));
    }
    if name.len() > NAME_LEN_LIMIT {
        let (limit, len) = (NAME_LEN_LIMIT as u64, name.len() as u64);
        return bad(DecodeErrorKind::Limit("the length of the name", limit, len));
    }
    Ok(())
}

/// One queue in the super queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueEntry {
    /// Its id.
    pub id: ObjectId,
    /// Whether it is secured.
    pub secured: bool,
    /// Its name.
    pub name: String,
}

/// The super queue, "queue of queues" (Q271905).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SuperQueue {
    /// When it was made.
    pub created: UnixTime,
    /// All queues in order of creation.
    pub queues: Vec<QueueEntry>,
}

impl SuperQueue {
    /// The super queue of the boot environment: the three queues of the core.
    #[must_use]
    pub fn boot(created: UnixTime) -> Self {
        let queues = STANDARD_QUEUES
            .iter()
            .map(|&(id, name)| QueueEntry {
                id,
                secured: false,
                name: name.to_owned(),
            })
            .collect();
        Self { created, queues }
    }

    /// Reads the super queue.
    ///
    /// # Errors
    /// Another object, an entry without id or name, an id or a name that stands twice.
    pub fn from_object(object: &Scanned) -> Result<Self, DecodeError> {
        let bad = |what| DecodeError::new("super queue", 64, DecodeErrorKind::BadField(what));
        if object.header.kind != Kind::SuperQueue || object.header.id != SUPER_QUEUE {
            return Err(bad("kind"));
        }
        let mut queues: Vec<QueueEntry> = Vec::new();
        for value in object.values(attr::MEMBERS) {
            let (head, text) = value.split_at_checked(5).ok_or(bad("entry of a queue"))?;
            let id = ObjectId(u32::from_le_bytes([head[0], head[1], head[2], head[3]]));
            let name = name(text).ok_or(bad("name of a queue"))?;
            if id.class() != class::QUEUE || id.is_none() || id == SUPER_QUEUE {
                return Err(bad("id of a queue"));
            }
            if queues
                .iter()
                .any(|other| other.id == id || other.name == name)
            {
                return Err(bad("two entries of one queue"));
            }
            queues.push(QueueEntry {
                id,
                secured: head[4] == 1,
                name,
            });
        }
        Ok(Self {
            created: object.header.created,
            queues,
        })
    }

    /// The bytes of DB000001.DAT.
    ///
    /// # Errors
    /// A name that is none.
    pub fn encode(&self) -> Result<Vec<u8>, DecodeError> {
        let mut object = ObjectBuilder::new(Kind::SuperQueue, SUPER_QUEUE).made(self.created, 0);
        for queue in &self.queues {
            check_name(&queue.name)?;
            let mut value = queue.id.0.to_le_bytes().to_vec();
            value.push(u8::from(queue.secured));
            value.extend_from_slice(queue.name.as_bytes());
            object = object.attribute(attr::MEMBERS, &value);
        }
        object.encode()
    }

    /// The queue with this id.
    #[must_use]
    pub fn by_id(&self, id: ObjectId) -> Option<&QueueEntry> {
        self.queues.iter().find(|queue| queue.id == id)
    }

    /// The queue with this name, in any case of letters.
    #[must_use]
    pub fn by_name(&self, name: &str) -> Option<&QueueEntry> {
        self.queues
            .iter()
            .find(|queue| queue.name.eq_ignore_ascii_case(name))
    }

    /// The work queue, found by its name (Q182330).
    #[must_use]
    pub fn work_queue(&self) -> Option<&QueueEntry> {
        self.by_name(MTAWORKQ_NAME)
    }

    /// The queues in the order in which they are checked: the three of the core, the work queue,
    /// then the others in order of creation (Q157323, Q282780).
    #[must_use]
    pub fn in_check_order(&self) -> Vec<&QueueEntry> {
        let rank = |queue: &QueueEntry| {
            STANDARD_QUEUES
                .iter()
                .position(|&(id, _)| id == queue.id)
                .unwrap_or_else(|| {
                    let work = queue.name.eq_ignore_ascii_case(MTAWORKQ_NAME);
                    STANDARD_QUEUES.len() + usize::from(!work)
                })
        };
        let mut order: Vec<&QueueEntry> = self.queues.iter().collect();
        order.sort_by_key(|queue| rank(queue));
        order
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::scan::{Keep, Scanner};
    use super::*;

    fn read(bytes: &[u8]) -> Scanned {
        Scanner::scan(bytes, Keep::Small(4096)).unwrap()
    }

    fn member() -> impl Strategy<Value = MemberRecord> {
        (
            1u32..0xFFFF,
            0u8..3,
            0u8..6,
            any::<u32>(),
            any::<u32>(),
            ".{0,20}",
        )
            .prop_map(|(number, priority, kind, submitted, len, originator)| {
                MemberRecord::message(
                    ObjectId(0x0600_0000 | number),
                    Priority::from_code(priority).unwrap(),
                    MessageKind::from_code(kind).unwrap(),
                    UnixTime(submitted),
                    len,
                    &originator,
                )
            })
    }

    proptest! {
        // rule: dec:2.19
        #[test]
        fn a_queue_is_what_was_written(
            members in proptest::collection::vec(member(), 0..900),
            secured: bool,
            created: u32,
        ) {
            let queue = Queue {
                id: ObjectId(0x0100_002F),
                name: "/O=ORG/OU=SITE/CN=CONFIGURATION/CN=SERVERS/CN=EXSERV1/CN=MICROSOFT DXA".into(),
                secured,
                created: UnixTime(created),
                members,
            };
            let bytes = queue.encode().unwrap();
            prop_assert_eq!(bytes.len() % 2_048, 0);
            prop_assert!(bytes.len() >= 8_192);
            prop_assert_eq!(Queue::from_object(&read(&bytes)).unwrap(), queue);
        }

        #[test]
        fn any_object_is_a_queue_or_refused(
            values in proptest::collection::vec(
                (10u16..14, proptest::collection::vec(any::<u8>(), 0..60)), 0..6),
            super_queue: bool,
        ) {
            let (kind, id) = if super_queue {
                (Kind::SuperQueue, SUPER_QUEUE)
            } else {
                (Kind::Queue, ObjectId(0x0100_0027))
            };
            let mut values = values;
            values.sort_by_key(|(id, _)| *id);
            let object = values
                .iter()
                .fold(ObjectBuilder::new(kind, id), |object, (id, bytes)| object.attribute(*id, bytes));
            let found = read(&object.encode().unwrap());
            let _ = super::super::counts::Counts::from_object(&found);
            if let Ok(queue) = Queue::from_object(&found) {
                prop_assert_eq!(Queue::from_object(&read(&queue.encode().unwrap())).unwrap(), queue);
            }
            if let Ok(queues) = SuperQueue::from_object(&found) {
                prop_assert_eq!(SuperQueue::from_object(&read(&queues.encode().unwrap())).unwrap(), queues);
            }
        }
    }

    // rule: mta:R-DB-010
    #[test]
    fn the_work_queue_is_found_by_name() {
        let mut queues = SuperQueue::boot(UnixTime(1));
        assert_eq!(queues.work_queue(), None);
        let id = ObjectId(0x0100_0099);
        queues.queues.push(QueueEntry {
            id,
            secured: false,
            name: "MTAWORKQ".into(),
        });
        let read = SuperQueue::from_object(&read(&queues.encode().unwrap())).unwrap();
        assert_eq!(read, queues);
        assert_eq!(read.work_queue().unwrap().id, id);
    }

    // rule: mta:R-DB-011
    // rule: mta:R-OUT-014
    #[test]
    fn queues_are_checked_in_the_published_order() {
        let mut queues = SuperQueue::boot(UnixTime(1));
        let names = ["/O=B/CN=X", "/O=A/CN=Y", "MTAWORKQ"];
        for (number, name) in (0x2C..).zip(names) {
            queues.queues.push(QueueEntry {
                id: ObjectId(0x0100_0000 | number),
                secured: true,
                name: name.into(),
            });
        }
        queues.queues.swap(0, 2);
        let order: Vec<_> = queues
            .in_check_order()
            .iter()
            .map(|queue| queue.name.as_str())
            .collect();
        assert_eq!(
            order,
            [
                "XAPIWRKQ",
                "OOFINFOQ",
                "REFDATQ",
                "MTAWORKQ",
                "/O=B/CN=X",
                "/O=A/CN=Y"
            ]
        );
    }

    #[test]
    fn a_queue_stands_once_in_the_super_queue() {
        let mut queues = SuperQueue::boot(UnixTime(1));
        queues.queues.push(queues.queues[0].clone());
        assert!(SuperQueue::from_object(&read(&queues.encode().unwrap())).is_err());
        queues.queues[3].name.clear();
        assert!(queues.encode().is_err());
    }
}
