//! Reading an object file in pieces, once, whatever its size.
//!
//! A [`Scanner`] is fed the bytes of a file in order and judges them on the way: header, checksum,
//! attributes, zero bytes at the end. It keeps the values that were asked for and never more than was
//! really read.

use super::object::{
    ATTRIBUTE_HEAD_LEN, Attribute, HEADER_LEN, Header, HeaderRecord, attr, file_len,
};
use crate::base::{DecodeError, DecodeErrorKind};
use crate::format::record::FixedRecord as _;

const WHAT: &str = "MTA object";

/// Which values a scan keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// No value: is the file sound?
    Nothing,
    /// Values of up to this many bytes, contents never; lists of queues and counts always.
    Small(u32),
    /// All.
    All,
}

impl Keep {
    fn keeps(self, id: u16, len: u32) -> bool {
        match self {
            Self::Nothing => false,
            Self::Small(limit) => {
                matches!(id, attr::MEMBERS | attr::COUNTS) || (len <= limit && id != attr::CONTENT)
            }
            Self::All => true,
        }
    }
}

/// What a sound object file holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scanned {
    /// Its header.
    pub header: Header,
    /// Its attributes in their order.
    pub attributes: Vec<Attribute>,
    /// Offset of the first byte behind the payload that is not zero: damage that can be mended
    /// without loss (finding `mta.object-padding`).
    pub dirty_padding: Option<u64>,
}

impl Scanned {
    /// The values of an attribute that were kept, in order.
    pub fn values(&self, id: u16) -> impl Iterator<Item = &[u8]> {
        self.attributes
            .iter()
            .filter(move |attribute| attribute.id == id)
            .filter_map(|attribute| attribute.bytes.as_deref())
    }

    /// The first value of an attribute.
    #[must_use]
    pub fn first(&self, id: u16) -> Option<&[u8]> {
        self.values(id).next()
    }

    /// The first value of an attribute as text; bytes that are no UTF-8 are replaced.
    #[must_use]
    pub fn text(&self, id: u16) -> Option<String> {
        self.first(id)
            .map(|bytes| String::from_utf8_lossy(bytes).into_owned())
    }

    /// The first value of an attribute as a number of four bytes.
    #[must_use]
    pub fn number(&self, id: u16) -> Option<u32> {
        let bytes = self.first(id)?.try_into().ok()?;
        Some(u32::from_le_bytes(bytes))
    }

    /// Bytes of all values of an attribute, kept or not.
    #[must_use]
    pub fn len_of(&self, id: u16) -> u64 {
        self.attributes
            .iter()
            .filter(|attribute| attribute.id == id)
            .map(|attribute| u64::from(attribute.len))
            .sum()
    }
}

/// Where the scan stands within the payload.
#[derive(Debug)]
enum State {
    /// Collecting the header.
    Header,
    /// Collecting the 8 bytes before a value.
    Head,
    /// Inside a value: bytes still to come.
    Value(u32),
    /// Behind the payload.
    Padding,
}

/// Judges an object file while it is read.
#[derive(Debug)]
pub struct Scanner {
    file_len: u64,
    keep: Keep,
    state: State,
    small: Vec<u8>,
    at: u64,
    payload_left: u32,
    crc: crc32fast::Hasher,
    header: Option<Header>,
    attributes: Vec<Attribute>,
    structure: Option<DecodeError>,
    dirty_padding: Option<u64>,
}

impl Scanner {
    /// A scan of a file of this many bytes.
    #[must_use]
    pub fn new(file_len: u64, keep: Keep) -> Self {
        Self {
            file_len,
            keep,
            state: State::Header,
            small: Vec::with_capacity(HEADER_LEN),
            at: 0,
            payload_left: 0,
            crc: crc32fast::Hasher::new(),
            header: None,
            attributes: Vec::new(),
            structure: None,
            dirty_padding: None,
        }
    }

    /// A whole file at once.
    ///
    /// # Errors
    /// As [`Self::push`] and [`Self::finish`].
    pub fn scan(bytes: &[u8], keep: Keep) -> Result<Scanned, DecodeError> {
        let mut scanner = Self::new(bytes.len() as u64, keep);
        scanner.push(bytes)?;
        scanner.finish()
    }

    /// The header, once it was read and found good.
    #[must_use]
    pub fn header(&self) -> Option<&Header> {
        self.header.as_ref()
    }

    /// Takes the next bytes.
    ///
    /// # Errors
    /// A header that is none, or a file whose length does not fit it. Reading on is of no use then.
    pub fn push(&mut self, mut bytes: &[u8]) -> Result<(), DecodeError> {
        while !bytes.is_empty() {
            let taken = match self.state {
                State::Header => self.take_header(bytes)?,
                State::Head => self.take_head(bytes),
                State::Value(left) => self.take_value(bytes, left),
                State::Padding => {
                    if self.dirty_padding.is_none()
                        && let Some(dirty) = bytes.iter().position(|&byte| byte != 0)
                    {
                        self.dirty_padding = Some(self.at + dirty as u64);
                    }
                    bytes.len()
                }
            };
            self.at += taken as u64;
            bytes = &bytes[taken..];
        }
        Ok(())
    }

    fn collect<'a>(&mut self, bytes: &'a [u8], wanted: usize) -> &'a [u8] {
        let missing = wanted.saturating_sub(self.small.len());
        let taken = &bytes[..bytes.len().min(missing)];
        self.small.extend_from_slice(taken);
        taken
    }

    fn take_header(&mut self, bytes: &[u8]) -> Result<usize, DecodeError> {
        let taken = self.collect(bytes, HEADER_LEN).len();
        if self.small.len() < HEADER_LEN {
            return Ok(taken);
        }
        let header = HeaderRecord::view(&self.small)?.judge()?;
        let wanted = file_len(header.kind, header.id, header.payload_len.into());
        if wanted != self.file_len {
            let kind = DecodeErrorKind::Limit("the length of the file", wanted, self.file_len);
            return Err(DecodeError::new(WHAT, 28, kind));
        }
        self.header = Some(header);
        self.payload_left = header.payload_len;
        self.small.clear();
        self.state = if header.payload_len == 0 {
            State::Padding
        } else {
            State::Head
        };
        Ok(taken)
    }

    /// Counts payload bytes and moves on where it ends.
    fn eat(&mut self, bytes: &[u8]) {
        self.crc.update(bytes);
        let len = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        self.payload_left = self.payload_left.saturating_sub(len);
    }

    fn broken(&mut self, what: &'static str) {
        if self.structure.is_none() {
            self.structure = Some(DecodeError::new(
                WHAT,
                self.at,
                DecodeErrorKind::BadField(what),
            ));
        }
    }

    fn take_head(&mut self, bytes: &[u8]) -> usize {
        let room = usize::try_from(self.payload_left).unwrap_or(usize::MAX);
        let within = &bytes[..bytes.len().min(room)];
        if self.structure.is_some() {
            // Only the checksum still counts.
            self.eat(within);
            if self.payload_left == 0 {
                self.state = State::Padding;
            }
            return within.len();
        }
        let taken = self.collect(within, ATTRIBUTE_HEAD_LEN);
        self.eat(taken);
        if let Ok(head) = <[u8; ATTRIBUTE_HEAD_LEN]>::try_from(self.small.as_slice()) {
            self.small.clear();
            self.begin_value(head, self.at + taken.len() as u64);
        } else if self.payload_left == 0 {
            self.broken("the last attribute is cut off");
        }
        if self.payload_left == 0 && !matches!(self.state, State::Value(1..)) {
            self.state = State::Padding;
        }
        taken.len()
    }

    fn begin_value(&mut self, head: [u8; ATTRIBUTE_HEAD_LEN], offset: u64) {
        let [i0, i1, v0, v1, l0, l1, l2, l3] = head;
        let id = u16::from_le_bytes([i0, i1]);
        let value = u16::from_le_bytes([v0, v1]);
        let len = u32::from_le_bytes([l0, l1, l2, l3]);
        let follows = match self.attributes.last() {
            Some(last) if last.id == id => last.value.checked_add(1) == Some(value),
            Some(last) => id > last.id && value == 1,
            None => id > 0 && value == 1,
        };
        if !follows {
            return self.broken("attribute number");
        }
        if len > self.payload_left {
            return self.broken("attribute length");
        }
        let bytes = self.keep.keeps(id, len).then(Vec::new);
        self.attributes.push(Attribute {
            id,
            value,
            offset,
            len,
            bytes,
        });
        if len > 0 {
            self.state = State::Value(len);
        }
    }

    fn take_value(&mut self, bytes: &[u8], left: u32) -> usize {
        let room = usize::try_from(left).unwrap_or(usize::MAX);
        let within = &bytes[..bytes.len().min(room)];
        self.eat(within);
        if let Some(kept) = self
            .attributes
            .last_mut()
            .and_then(|attribute| attribute.bytes.as_mut())
        {
            kept.extend_from_slice(within);
        }
        let left = left.saturating_sub(u32::try_from(within.len()).unwrap_or(u32::MAX));
        self.state = match (left, self.payload_left) {
            (0, 0) => State::Padding,
            (0, _) => State::Head,
            (left, _) => State::Value(left),
        };
        within.len()
    }

    /// The verdict after the last byte.
    ///
    /// # Errors
    /// A file that ended early, a wrong checksum, attributes that are none.
    pub fn finish(self) -> Result<Scanned, DecodeError> {
        let bad = |offset, kind| Err(DecodeError::new(WHAT, offset, kind));
        let Some(header) = self.header else {
            return bad(0, DecodeErrorKind::TooShort(HEADER_LEN as u64, self.at));
        };
        if self.at < self.file_len {
            return bad(self.at, DecodeErrorKind::TooShort(self.file_len, self.at));
        }
        let computed = self.crc.finalize();
        if header.payload_crc != computed {
            return bad(
                32,
                DecodeErrorKind::BadChecksum(header.payload_crc, computed),
            );
        }
        if let Some(error) = self.structure {
            return Err(error);
        }
        Ok(Scanned {
            header,
            attributes: self.attributes,
            dirty_padding: self.dirty_padding,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::id::ObjectId;
    use super::super::object::{Kind, MAGIC, ObjectBuilder, VERSION};
    use super::*;
    use crate::base::UnixTime;

    type Values = Vec<(u16, Vec<u8>)>;

    fn build(values: &Values) -> Vec<u8> {
        let mut object = ObjectBuilder::new(Kind::Data, ObjectId(0x0600_0030))
            .on(ObjectId(0x0100_002B))
            .made(UnixTime(765_720_832), 7);
        for (id, bytes) in values {
            object = object.attribute(*id, bytes);
        }
        object.encode().unwrap()
    }

    fn values() -> impl Strategy<Value = Values> {
        proptest::collection::vec(
            (1u16..6, proptest::collection::vec(any::<u8>(), 0..300)),
            0..12,
        )
        .prop_map(|mut values: Values| {
            values.sort_by_key(|(id, _)| *id);
            values
        })
    }

    proptest! {
        // rule: mta:R-DB-026
        #[test]
        fn what_was_written_is_read_in_pieces_of_any_size(values in values(), piece in 1usize..400) {
            let file = build(&values);
            let mut scanner = Scanner::new(file.len() as u64, Keep::All);
            for chunk in file.chunks(piece) {
                scanner.push(chunk).unwrap();
            }
            let found = scanner.finish().unwrap();
            prop_assert_eq!(&found, &Scanner::scan(&file, Keep::All).unwrap());
            let read: Values = found
                .attributes
                .iter()
                .map(|attribute| (attribute.id, attribute.bytes.clone().unwrap()))
                .collect();
            prop_assert_eq!(read, values);
            for attribute in &found.attributes {
                let at = usize::try_from(attribute.offset).unwrap();
                let len = usize::try_from(attribute.len).unwrap();
                prop_assert_eq!(&file[at..at + len], attribute.bytes.as_deref().unwrap());
                prop_assert!(attribute.value >= 1);
            }
            prop_assert_eq!(found.dirty_padding, None);
            prop_assert_eq!(found.header.serial, 7);
        }

        // rule: mta:OQ-1
        #[test]
        fn every_flipped_bit_is_seen(values in values(), at: prop::sample::Index, bit in 0u8..8) {
            let mut file = build(&values);
            let at = at.index(file.len());
            file[at] ^= 1 << bit;
            match Scanner::scan(&file, Keep::Nothing) {
                Ok(found) => prop_assert_eq!(found.dirty_padding, Some(at as u64)),
                Err(error) => prop_assert!(error.offset <= file.len() as u64),
            }
        }

        // rule: mta:OQ-1
        #[test]
        fn every_cut_is_seen(values in values(), at: prop::sample::Index) {
            let file = build(&values);
            prop_assert!(Scanner::scan(&file[..at.index(file.len())], Keep::Nothing).is_err());
        }

        #[test]
        fn any_payload_is_read_or_refused(payload in proptest::collection::vec(any::<u8>(), 0..200), keep in 0u8..3) {
            let mut record = super::super::object::header_record(&Header {
                payload_len: u32::try_from(payload.len()).unwrap(),
                payload_crc: crc32fast::hash(&payload),
                ..*Scanner::scan(&build(&Values::new()), Keep::Nothing).map(|found| Box::new(found.header)).unwrap()
            });
            prop_assert_eq!(record.magic, MAGIC);
            prop_assert_eq!(record.version.get(), VERSION);
            record.header_crc.set(record.checksum());
            let mut file = record.encode();
            file.extend_from_slice(&payload);
            file.resize(2_048, 0);
            let keep = [Keep::Nothing, Keep::Small(10), Keep::All][usize::from(keep)];
            if let Ok(found) = Scanner::scan(&file, keep) {
                let all: u64 = found.attributes.iter().map(|a| u64::from(a.len) + 8).sum();
                prop_assert_eq!(all, payload.len() as u64);
            }
            let _ = Scanner::scan(&payload, keep);
        }
    }

    // rule: mta:R-CHK-009
    #[test]
    fn a_file_that_has_grown_is_refused_at_its_header() {
        let file = build(&vec![(1, b"x".to_vec())]);
        let mut scanner = Scanner::new(40 << 20, Keep::All);
        assert!(scanner.push(&file[..64]).is_err());
    }
}
