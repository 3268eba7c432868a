//! Object ids: a class byte and a 24-bit number, `0100002D` in `DB00002D.DAT` (Q282780, Q200003).
//!
//! Numbers are unique whatever the class: a number names one file, the class is a property of the
//! object in it (INFERRED, Q157323). Number 0 is "no object" (Q177886, Q153103).

use std::fmt;
use std::str::FromStr;

use crate::base::{DecodeError, DecodeErrorKind, HexId};

/// Name of the bitmap, which is no object although it matches `DB*.DAT` (Q240759).
pub const BITMAP_FILE: &str = "DBBITMP.DAT";

/// Classes that occur in files.
pub mod class {
    /// A queue (Q163307).
    pub const QUEUE: u8 = 0x01;
    /// The reference counts (Q163287).
    pub const COUNTS: u8 = 0x03;
    /// Part of a message, or a template of the boot environment (Q157214).
    pub const MESSAGE: u8 = 0x06;
    /// Lives in memory only; a file of this class is an orphan (ASSIGNED, OQ-17; Q288166).
    pub const MEMORY: u8 = 0x08;
    /// All classes that an object file may have (Q282780).
    pub const IN_FILES: [u8; 7] = [0x01, 0x03, 0x06, 0x09, 0x0A, 0x0B, 0x0C];
}

/// The number of an object, 0 to FFFFFF; 0 is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct ObjectNumber(u32);

impl ObjectNumber {
    /// No object.
    pub const NONE: Self = Self(0);
    /// The largest number.
    pub const MAX: u32 = 0x00FF_FFFF;

    /// A number, when it has at most 24 bits.
    #[must_use]
    pub const fn new(number: u32) -> Option<Self> {
        if number <= Self::MAX {
            Some(Self(number))
        } else {
            None
        }
    }

    /// Its value.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }

    /// Whether it is "no object".
    #[must_use]
    pub const fn is_none(self) -> bool {
        self.0 == 0
    }

    /// The name of its file, upper case: `DB00002D.DAT`.
    #[must_use]
    pub fn file_name(self) -> String {
        format!("DB{:06X}.DAT", self.0)
    }

    /// The number in the name of an object file: `DB`, six hexadecimal digits, `.DAT`, in any case of
    /// letters. [`BITMAP_FILE`] is none.
    #[must_use]
    pub fn from_file_name(name: &str) -> Option<Self> {
        let bytes = name.as_bytes();
        if bytes.len() != 12
            || !bytes[..2].eq_ignore_ascii_case(b"DB")
            || !bytes[8..].eq_ignore_ascii_case(b".DAT")
        {
            return None;
        }
        let mut number = 0;
        for &digit in &bytes[2..8] {
            number = (number << 4) | char::from(digit).to_digit(16)?;
        }
        Some(Self(number))
    }
}

impl fmt::Display for ObjectNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:06X}", self.0)
    }
}

/// An object id as stored and printed: class and number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct ObjectId(pub u32);

impl ObjectId {
    /// No object.
    pub const NONE: Self = Self(0);

    /// The id of a number in a class.
    #[must_use]
    pub const fn new(class: u8, number: ObjectNumber) -> Self {
        Self(((class as u32) << 24) | number.0)
    }

    /// The id of the queue with this number.
    #[must_use]
    pub const fn queue(number: ObjectNumber) -> Self {
        Self::new(class::QUEUE, number)
    }

    /// The id of the message part with this number.
    #[must_use]
    pub const fn message(number: ObjectNumber) -> Self {
        Self::new(class::MESSAGE, number)
    }

    /// Its class.
    #[must_use]
    pub const fn class(self) -> u8 {
        self.0.to_be_bytes()[0]
    }

    /// Its number.
    #[must_use]
    pub const fn number(self) -> ObjectNumber {
        ObjectNumber(self.0 & ObjectNumber::MAX)
    }

    /// Whether it names no object: number 0, whatever the class (Q177886).
    #[must_use]
    pub const fn is_none(self) -> bool {
        self.number().is_none()
    }

    /// The name of its file.
    #[must_use]
    pub fn file_name(self) -> String {
        self.number().file_name()
    }
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08X}", self.0)
    }
}

impl FromStr for ObjectId {
    type Err = DecodeError;

    /// Reads exactly eight hexadecimal digits in either case.
    fn from_str(text: &str) -> Result<Self, DecodeError> {
        HexId::from_ascii(text.as_bytes())
            .map(|id| Self(id.0))
            .map_err(|_| {
                DecodeError::new(
                    "object id",
                    0,
                    DecodeErrorKind::BadText("eight hexadecimal digits are expected"),
                )
            })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    // rule: mta:R-DB-001
    #[test]
    fn only_object_files_match() {
        for (name, number) in [
            ("DB000001.DAT", Some(1)),
            ("db0008ac.dat", Some(0x8AC)),
            ("DBFFFFFF.Dat", Some(0x00FF_FFFF)),
            (BITMAP_FILE, None),
            ("DBFILE.OUT", None),
            ("DBSERVER.SCH", None),
            ("DB00001.DAT", None),
            ("DB0000001.DAT", None),
            ("DB00002G.DAT", None),
            ("DB00+02D.DAT", None),
            ("DCTERMF.DAT", None),
        ] {
            let found = ObjectNumber::from_file_name(name).map(ObjectNumber::get);
            assert_eq!(found, number, "{name}");
        }
    }

    // rule: mta:R-DB-002
    // rule: exc:V-27
    #[test]
    fn the_published_ids_name_the_published_files() {
        for (id, file) in [
            ("0100002D", "DB00002D.DAT"),
            ("0600009B", "DB00009B.DAT"),
            ("060008AC", "DB0008AC.DAT"),
            ("0a000003", "DB000003.DAT"),
        ] {
            let parsed: ObjectId = id.parse().unwrap();
            assert_eq!(parsed.file_name(), file);
            assert_eq!(parsed.to_string(), id.to_ascii_uppercase());
            assert_eq!(
                ObjectNumber::from_file_name(file),
                Some(parsed.number()),
                "{id}"
            );
        }
    }

    // rule: mta:R-DB-004
    #[test]
    fn number_0_is_no_object_in_every_class() {
        for id in ["00000000", "06000000", "01000000"] {
            assert!(id.parse::<ObjectId>().unwrap().is_none());
        }
        assert!(!ObjectId(0x0100_0001).is_none());
    }

    proptest! {
        // rule: mta:R-DB-003
        #[test]
        fn a_number_has_one_file_whatever_the_class(number in 0..=ObjectNumber::MAX, class: u8) {
            let number = ObjectNumber::new(number).unwrap();
            let id = ObjectId::new(class, number);
            prop_assert_eq!((id.class(), id.number()), (class, number));
            prop_assert_eq!(id.file_name(), number.file_name());
            prop_assert_eq!(ObjectNumber::from_file_name(&id.file_name()), Some(number));
            prop_assert_eq!(id.to_string().parse::<ObjectId>().unwrap(), id);
        }

        #[test]
        fn any_name_is_an_object_file_or_not(name in ".{0,14}") {
            let _ = (ObjectNumber::from_file_name(&name), name.parse::<ObjectId>());
        }
    }
}
