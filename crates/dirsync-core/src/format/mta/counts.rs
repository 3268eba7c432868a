//! The reference counts of all objects, 03000002 (Q163287, Q159307).
//!
//! An object counts one reference when it is made, one more for each entity it is handed to, and goes
//! when the last is given back. A data object has as many references as reference objects point to
//! it; every other object has one.
//!
//! `CountRecord`, 8 bytes, one for each object whose count is not 1, by ascending number (ASSIGNED:
//! an object that is not listed has one reference, so that the list costs what the fan-out costs):
//!
//! | Off | Size | Name | Trust | Source |
//! |---|---|---|---|---|
//! | 0 | 4 | id | ASSIGNED | decisions 2.19 |
//! | 4 | 4 | count | ASSIGNED | decisions 2.19 |
//!
//! The same object keeps the serial number that is given next (attribute 14).

use std::collections::BTreeMap;

use zerocopy::little_endian::U32;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use super::core_files::{REFDATQ, REFERENCE_COUNTS};
use super::id::ObjectId;
use super::object::{Kind, ObjectBuilder, attr};
use super::scan::Scanned;
use crate::base::{DecodeError, DecodeErrorKind, UnixTime};
use crate::format::record::{FixedRecord as _, fixed_record};

/// The count of one object.
#[derive(
    FromBytes, IntoBytes, Unaligned, Immutable, KnownLayout, Clone, Copy, PartialEq, Eq, Debug,
)]
#[repr(C)]
pub struct CountRecord {
    /// The object.
    pub id: U32,
    /// Its references.
    pub count: U32,
}
fixed_record!(CountRecord, "MTA reference count", 8, "decisions 2.19", {
    id: 0,
    count: 4,
});

/// The reference counts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Counts {
    /// When the object was made.
    pub created: UnixTime,
    /// The serial number that the next message gets; at least 1.
    pub next_serial: u64,
    /// Objects whose count is not 1.
    special: BTreeMap<ObjectId, u32>,
}

impl Counts {
    /// The counts of an empty database.
    #[must_use]
    pub fn new(created: UnixTime) -> Self {
        Self {
            created,
            next_serial: 1,
            special: BTreeMap::new(),
        }
    }

    /// Reads the object.
    ///
    /// # Errors
    /// Another object, a list that is no whole number of records, an object that stands twice.
    pub fn from_object(object: &Scanned) -> Result<Self, DecodeError> {
        let bad = |what| DecodeError::new("reference counts", 64, DecodeErrorKind::BadField(what));
        if object.header.kind != Kind::Counts || object.header.id != REFERENCE_COUNTS {
            return Err(bad("kind"));
        }
        let mut special = BTreeMap::new();
        for value in object.values(attr::COUNTS) {
            let (records, rest) =
                <[CountRecord]>::ref_from_prefix_with_elems(value, value.len() / CountRecord::SIZE)
                    .map_err(|_| bad("counts"))?;
            if !rest.is_empty() {
                return Err(bad("counts"));
            }
            for record in records {
                let twice = special.insert(ObjectId(record.id.get()), record.count.get());
                if twice.is_some() {
                    return Err(bad("two counts of one object"));
                }
            }
        }
        special.retain(|_, count| *count != 1);
        let next_serial = match object.first(attr::NEXT_SERIAL).map(<[u8; 8]>::try_from) {
            Some(Ok(bytes)) => u64::from_le_bytes(bytes).max(1),
            _ => return Err(bad("next serial number")),
        };
        Ok(Self {
            created: object.header.created,
            next_serial,
            special,
        })
    }

    /// The bytes of DB000002.DAT.
    ///
    /// # Errors
    /// Never in practice: more counts than objects can exist.
    pub fn encode(&self) -> Result<Vec<u8>, DecodeError> {
        let mut list = Vec::with_capacity(self.special.len() * CountRecord::SIZE);
        for (id, count) in &self.special {
            let record = CountRecord {
                id: U32::new(id.0),
                count: U32::new(*count),
            };
            list.extend_from_slice(record.as_bytes());
        }
        let mut object = ObjectBuilder::new(Kind::Counts, REFERENCE_COUNTS)
            .on(REFDATQ)
            .made(self.created, 0);
        if !list.is_empty() {
            object = object.attribute(attr::COUNTS, &list);
        }
        object
            .attribute(attr::NEXT_SERIAL, &self.next_serial.to_le_bytes())
            .encode()
    }

    /// References of an object.
    #[must_use]
    pub fn get(&self, id: ObjectId) -> u32 {
        self.special.get(&id).copied().unwrap_or(1)
    }

    /// Sets the references of an object; 1 takes it off the list.
    pub fn set(&mut self, id: ObjectId, count: u32) {
        if count == 1 {
            self.special.remove(&id);
        } else {
            self.special.insert(id, count);
        }
    }

    /// Takes an object off the list, because it is gone.
    pub fn forget(&mut self, id: ObjectId) {
        self.special.remove(&id);
    }

    /// Gives one reference back; `true` when none is left and the object goes.
    pub fn release(&mut self, id: ObjectId) -> bool {
        let left = self.get(id).saturating_sub(1);
        if left == 0 {
            self.forget(id);
        } else {
            self.set(id, left);
        }
        left == 0
    }

    /// Objects that have more or fewer references than one, by ascending id.
    pub fn special(&self) -> impl Iterator<Item = (ObjectId, u32)> + '_ {
        self.special.iter().map(|(&id, &count)| (id, count))
    }

    /// The next serial number, which is used up.
    pub fn take_serial(&mut self) -> u64 {
        let serial = self.next_serial;
        self.next_serial = serial.saturating_add(1);
        serial
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::scan::{Keep, Scanner};
    use super::*;

    proptest! {
        // rule: mta:R-DB-021
        #[test]
        fn an_object_goes_with_its_last_reference(count in 1u32..20, others in proptest::collection::btree_map(1u32..99, 0u32..5, 0..20)) {
            let id = ObjectId(0x0600_002F);
            let mut counts = Counts::new(UnixTime(3));
            prop_assert_eq!(counts.get(id), 1);
            for (number, count) in others {
                counts.set(ObjectId(0x0600_0100 + number), count);
            }
            counts.set(id, count);
            for left in (0..count).rev() {
                let serial = counts.take_serial();
                let bytes = counts.encode().unwrap();
                let found = Scanner::scan(&bytes, Keep::Small(64)).unwrap();
                let again = Counts::from_object(&found).unwrap();
                prop_assert_eq!(&again, &counts);
                prop_assert_eq!(again.next_serial, serial + 1);
                prop_assert_eq!(counts.release(id), left == 0);
            }
            prop_assert!(counts.special().all(|(other, count)| other != id && count != 1));
        }
    }
}
