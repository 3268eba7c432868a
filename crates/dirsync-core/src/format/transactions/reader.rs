//! Walking a transaction file of any size with a bounded buffer.

use std::convert::Infallible;

use super::checksum::{PrefixChecksums, crc16};
use super::record::{HEAD_LEN_BYTES, MAGIC, RECORD_LEN_MAX_BYTES, Record, frame, stored_crc};
use crate::base::{DecodeError, DecodeErrorKind};

/// Bytes a reader keeps in memory: four records of the greatest length.
const BUFFER_LEN_BYTES: usize = 4 * RECORD_LEN_MAX_BYTES;
const MAGIC_OFFSET: usize = HEAD_LEN_BYTES - MAGIC.len();

/// Where records are read from: something that can be read at any offset.
pub trait RecordSource {
    /// What can go wrong when reading.
    type Error;

    /// Length of the file in bytes.
    fn len_bytes(&self) -> u64;

    /// Reads into `buffer` from `offset` on; answers how many bytes, 0 at the end.
    ///
    /// # Errors
    /// What the source says; the reader hands it on.
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, Self::Error>;
}

impl RecordSource for [u8] {
    type Error = Infallible;

    fn len_bytes(&self) -> u64 {
        self.len() as u64
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, Infallible> {
        let rest = usize::try_from(offset)
            .ok()
            .and_then(|at| self.get(at..))
            .unwrap_or_default();
        let count = rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        Ok(count)
    }
}

impl<S: RecordSource + ?Sized> RecordSource for &S {
    type Error = S::Error;

    fn len_bytes(&self) -> u64 {
        (**self).len_bytes()
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, S::Error> {
        (**self).read_at(offset, buffer)
    }
}

/// What a reader does after damage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trust {
    /// A file of the tree: go on with the next good record (decisions 2.2).
    Tree,
    /// An attachment from the network: a bad record ends it, what came before is kept, the rest is
    /// dropped (dsp R-T2R-007, Q96003).
    Network,
}

/// What a reader found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item<'a> {
    /// A good record and its byte offset.
    Record {
        /// Offset of the record.
        offset: u64,
        /// The record.
        record: Record<'a>,
    },
    /// Bytes that are no record.
    Damage(Damage),
}

/// Bytes between good records that are none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// Offset of the first bad byte.
    pub offset: u64,
    /// Number of bad bytes: up to the next good record or the end.
    pub len_bytes: u64,
    /// What was wrong with the record at `offset`; its own offset counts from the file's start.
    pub error: DecodeError,
}

/// Walks the records of a source. Reads each byte once (a few twice) and keeps 256 KiB.
#[derive(Debug)]
pub struct Reader<S> {
    source: S,
    trust: Trust,
    len: u64,
    position: u64,
    buffer: Vec<u8>,
    buffer_offset: u64,
}

enum Step {
    End,
    Record { offset: u64, len: usize },
    Damage(Damage),
}

impl<S: RecordSource> Reader<S> {
    /// Walks all records of `source`.
    #[must_use]
    pub fn new(source: S, trust: Trust) -> Self {
        Self::from_offset(source, trust, 0)
    }

    /// Walks the records from byte `offset` on.
    #[must_use]
    pub fn from_offset(source: S, trust: Trust, offset: u64) -> Self {
        let len = source.len_bytes();
        Self {
            source,
            trust,
            len,
            position: offset,
            buffer: Vec::new(),
            buffer_offset: offset,
        }
    }

    /// Offset of what comes next.
    #[must_use]
    pub fn offset(&self) -> u64 {
        self.position
    }

    /// The next record or damage; `None` at the end.
    ///
    /// An error of the source leaves the reader where it was; the same call can be made again.
    pub fn next_item(&mut self) -> Option<Result<Item<'_>, S::Error>> {
        match self.step() {
            Err(error) => Some(Err(error)),
            Ok(Step::End) => None,
            Ok(Step::Damage(damage)) => Some(Ok(Item::Damage(damage))),
            Ok(Step::Record { offset, len }) => {
                let record = Record::of_frame(&self.loaded(offset)[..len]);
                Some(Ok(Item::Record { offset, record }))
            }
        }
    }

    fn step(&mut self) -> Result<Step, S::Error> {
        let offset = self.position;
        if offset >= self.len {
            return Ok(Step::End);
        }
        let error = match self.checked_record(offset)? {
            Ok(len) => {
                self.position = offset + len as u64;
                return Ok(Step::Record { offset, len });
            }
            Err(error) => error.at(offset),
        };
        // A file that shrank while it was read ends here.
        if offset >= self.len {
            return Ok(Step::End);
        }
        self.position = match self.trust {
            Trust::Network => self.len,
            Trust::Tree => self.next_good_record(offset + 1)?.unwrap_or(self.len),
        };
        Ok(Step::Damage(Damage {
            offset,
            len_bytes: self.position.saturating_sub(offset),
            error,
        }))
    }

    /// The length of the record at `offset`, or why there is none.
    fn checked_record(&mut self, offset: u64) -> Result<Result<usize, DecodeError>, S::Error> {
        self.load(offset, HEAD_LEN_BYTES)?;
        let wanted = match self.loaded(offset) {
            [_, _, low, high, ..] => {
                HEAD_LEN_BYTES + usize::from(u16::from_le_bytes([*low, *high]))
            }
            _ => HEAD_LEN_BYTES,
        };
        self.load(offset, wanted)?;
        Ok(frame(self.loaded(offset)).and_then(|record| {
            let (stored, computed) = (stored_crc(record), crc16(&record[2..]));
            if stored == computed {
                return Ok(record.len());
            }
            let kind = DecodeErrorKind::BadChecksum(u32::from(stored), u32::from(computed));
            Err(DecodeError::new("transaction record", 0, kind))
        }))
    }

    /// The first offset at or after `from` where magic, length and checksum are right.
    fn next_good_record(&mut self, from: u64) -> Result<Option<u64>, S::Error> {
        let mut from = from;
        while from + (HEAD_LEN_BYTES as u64) < self.len {
            self.load(from, BUFFER_LEN_BYTES)?;
            let bytes = self.loaded(from);
            let found = search(bytes, from + bytes.len() as u64 >= self.len);
            match found {
                Search::Found(at) => return Ok(Some(from + at as u64)),
                Search::GoOnAt(at) => from += at as u64,
                Search::None => return Ok(None),
            }
        }
        Ok(None)
    }

    /// Has the bytes from `offset` on in the buffer: at least `wanted`, fewer only at the end.
    fn load(&mut self, offset: u64, wanted: usize) -> Result<(), S::Error> {
        let buffered_end = self.buffer_offset + self.buffer.len() as u64;
        let wanted_end = offset.saturating_add(wanted as u64).min(self.len);
        if offset < self.buffer_offset || offset > buffered_end || wanted_end > buffered_end {
            self.fill(offset)?;
        }
        Ok(())
    }

    /// What the buffer has from `offset` on.
    fn loaded(&self, offset: u64) -> &[u8] {
        offset
            .checked_sub(self.buffer_offset)
            .and_then(|start| usize::try_from(start).ok())
            .and_then(|start| self.buffer.get(start..))
            .unwrap_or_default()
    }

    /// Moves the buffer to `offset`, keeps what it already has from there on, reads the rest.
    fn fill(&mut self, offset: u64) -> Result<(), S::Error> {
        let kept = offset
            .checked_sub(self.buffer_offset)
            .and_then(|skip| usize::try_from(skip).ok())
            .filter(|&skip| skip <= self.buffer.len());
        match kept {
            Some(skip) => drop(self.buffer.drain(..skip)),
            None => self.buffer.clear(),
        }
        self.buffer_offset = offset;
        let room = self.len.saturating_sub(offset).min(BUFFER_LEN_BYTES as u64);
        let room = usize::try_from(room).unwrap_or(BUFFER_LEN_BYTES);
        let mut filled = self.buffer.len();
        self.buffer.resize(room.max(filled), 0);
        while filled < self.buffer.len() {
            match self
                .source
                .read_at(offset + filled as u64, &mut self.buffer[filled..])
            {
                Ok(0) => {
                    self.len = offset + filled as u64;
                    break;
                }
                Ok(count) => filled += count.min(self.buffer.len() - filled),
                Err(error) => {
                    self.buffer.truncate(filled);
                    return Err(error);
                }
            }
        }
        self.buffer.truncate(filled);
        Ok(())
    }
}

enum Search {
    Found(usize),
    /// Nothing before this offset; from there on more bytes are needed. Never 0.
    GoOnAt(usize),
    None,
}

/// Looks for a good record in `bytes`, which are the rest of the file or more bytes than the
/// greatest record has.
fn search(bytes: &[u8], is_rest: bool) -> Search {
    let mut checksums = None;
    let mut at = 0;
    while let Some(magic) = find_magic(bytes, at + MAGIC_OFFSET) {
        let candidate = magic - MAGIC_OFFSET;
        match frame(&bytes[candidate..]) {
            Ok(record) => {
                let checksums = checksums.get_or_insert_with(|| PrefixChecksums::of(bytes));
                let computed = checksums.part(candidate + 2, candidate + record.len());
                if computed == Some(stored_crc(record)) {
                    return Search::Found(candidate);
                }
            }
            // The first candidate of a full buffer always fits, so this moves on.
            Err(error)
                if !is_rest
                    && candidate > 0
                    && matches!(error.kind, DecodeErrorKind::TooShort(..)) =>
            {
                return Search::GoOnAt(candidate);
            }
            Err(_) => {}
        }
        at = candidate + 1;
    }
    if is_rest {
        return Search::None;
    }
    Search::GoOnAt(
        (bytes.len() + 1)
            .saturating_sub(HEAD_LEN_BYTES)
            .max(at)
            .max(1),
    )
}

/// The offset of the first magic at or after `from`.
fn find_magic(bytes: &[u8], from: usize) -> Option<usize> {
    let rest = bytes.get(from..)?;
    rest.windows(MAGIC.len())
        .position(|window| window == MAGIC)
        .map(|at| from + at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::cell::Cell;

    /// Items as (offset, sync) or (offset, length of the damage).
    fn walk<S: RecordSource<Error: std::fmt::Debug>>(source: S, trust: Trust) -> Vec<Found> {
        let mut reader = Reader::new(source, trust);
        let mut found = Vec::new();
        while let Some(item) = reader.next_item() {
            found.push(match item.unwrap() {
                Item::Record { offset, record } => Found::Record(offset, record.head.sync),
                Item::Damage(damage) => Found::Damage(damage.offset, damage.len_bytes),
            });
        }
        found
    }

    #[derive(Debug, PartialEq, Eq, Clone)]
    enum Found {
        Record(u64, u32),
        Damage(u64, u64),
    }
    use Found::{Damage as Bad, Record as Good};

    fn file(texts: &[&[u8]]) -> Vec<u8> {
        let mut out = Vec::new();
        for (sync, text) in (1..).zip(texts) {
            Record::transaction(sync, 9, text)
                .encode_into(&mut out)
                .unwrap();
        }
        out
    }

    // rule: dec:2.2
    #[test]
    fn after_damage_the_next_good_record_is_found() {
        let mut bytes = file(&[b"A one", b"A two", b"A three", b"A four"]);
        assert_eq!(
            walk(&bytes[..], Trust::Tree),
            [Good(0, 1), Good(30, 2), Good(60, 3), Good(92, 4)]
        );
        bytes[31] ^= 1;
        assert_eq!(
            walk(&bytes[..], Trust::Tree),
            [Good(0, 1), Bad(30, 30), Good(60, 3), Good(92, 4)]
        );
        bytes[20] = b'X';
        assert_eq!(
            walk(&bytes[..], Trust::Tree),
            [Bad(0, 60), Good(60, 3), Good(92, 4)]
        );
        bytes.truncate(120);
        assert_eq!(
            walk(&bytes[..], Trust::Tree),
            [Bad(0, 60), Good(60, 3), Bad(92, 28)]
        );
    }

    // rule: dsp:R-T2R-007
    #[test]
    fn from_the_network_a_bad_record_ends_the_attachment() {
        let mut bytes = file(&[b"A one", b"A two", b"A three"]);
        bytes[55] ^= 1;
        assert_eq!(walk(&bytes[..], Trust::Network), [Good(0, 1), Bad(30, 62)]);
    }

    // rule: dec:2.2
    #[test]
    fn damage_names_what_is_wrong_and_where_in_the_file() {
        let mut bytes = file(&[b"A one", b"A two"]);
        bytes[50] = b'd';
        let mut reader = Reader::from_offset(&bytes[..], Trust::Tree, 30);
        let Some(Ok(Item::Damage(damage))) = reader.next_item() else {
            panic!("damage")
        };
        assert_eq!(
            (damage.error.offset, damage.error.kind),
            (50, DecodeErrorKind::BadMagic)
        );
        assert!(reader.next_item().is_none());
    }

    /// Gives a few bytes at a time, fails now and then, counts what it gave.
    struct Stutter<'a> {
        bytes: &'a [u8],
        calls: Cell<u64>,
        read: Cell<u64>,
    }

    impl RecordSource for Stutter<'_> {
        type Error = &'static str;

        fn len_bytes(&self) -> u64 {
            self.bytes.len() as u64
        }

        fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, &'static str> {
            self.calls.set(self.calls.get() + 1);
            if self.calls.get().is_multiple_of(5) {
                return Err("try again");
            }
            let part = buffer.len().min(50_000);
            let Ok(count) = self.bytes.read_at(offset, &mut buffer[..part]);
            self.read.set(self.read.get() + count as u64);
            Ok(count)
        }
    }

    // rule: dec:2.2
    #[test]
    fn a_large_file_is_read_once_with_a_bounded_buffer_and_errors_can_be_retried() {
        let long = vec![b'x'; 40_000];
        let texts: Vec<&[u8]> = (0..100)
            .map(|i| if i % 3 == 0 { &long[..] } else { b"A x" })
            .collect();
        let mut bytes = file(&texts);
        let expected = walk(&bytes[..], Trust::Tree);
        assert_eq!(expected.len(), 100);
        let source = Stutter {
            bytes: &bytes,
            calls: Cell::new(0),
            read: Cell::new(0),
        };
        let mut reader = Reader::new(&source, Trust::Tree);
        let (mut found, mut failures) = (0, 0);
        while let Some(item) = reader.next_item() {
            match item {
                Ok(Item::Record { .. }) => found += 1,
                Ok(Item::Damage(damage)) => panic!("{damage:?}"),
                Err(_) => failures += 1,
            }
        }
        assert_eq!(found, 100);
        assert!(failures > 0);
        assert!(reader.buffer.capacity() <= 2 * BUFFER_LEN_BYTES);
        assert_eq!(source.read.get(), bytes.len() as u64);
        // One bad byte in a long record costs that record, across buffer borders too.
        for at in [100, 700_000, 1_200_000] {
            bytes[at] ^= 0xFF;
        }
        let good = walk(&bytes[..], Trust::Tree)
            .iter()
            .filter(|f| matches!(f, Good(..)))
            .count();
        assert_eq!(good, 97);
    }

    // rule: dec:2.2
    #[test]
    fn a_file_full_of_false_record_starts_is_walked_in_linear_time() {
        // Each 24 bytes a record start that claims 65,505 bytes and finds its NUL there; checked
        // one by one the checksums would run over 4 GB.
        let start = *b"\x01\0\xE1\xFFxxxx\0xxxxxxxxxxxDXT1";
        assert_eq!((24 + 0xFFE1 - 1) % 24, 8);
        let mut bytes = start.repeat(60_000);
        assert!(frame(&bytes).is_ok());
        let good = bytes.len() as u64;
        bytes.extend(file(&[b"A good one"]));
        let found = walk(&bytes[..], Trust::Tree);
        assert_eq!(found, [Bad(0, good), Good(good, 1)]);
    }

    proptest! {
        // rule: dec:2.2
        #[test]
        fn resynchronization_finds_what_a_plain_search_finds(
            parts in proptest::collection::vec(
                prop_oneof![
                    proptest::collection::vec(any::<u8>(), 1..60).prop_map(|text| {
                        Record::transaction(1, 2, &text).encode().unwrap()
                    }),
                    proptest::collection::vec(any::<u8>(), 0..60),
                    Just(b"DXT1".to_vec()),
                    proptest::collection::vec(any::<u8>(), 1..60).prop_map(|text| {
                        let mut bytes = Record::transaction(1, 2, &text).encode().unwrap();
                        bytes[1] ^= 1;
                        bytes
                    }),
                ],
                0..12,
            ),
        ) {
            let bytes = parts.concat();
            let mut expected = Vec::new();
            let mut at = 0;
            while at < bytes.len() {
                match Record::decode(&bytes[at..]) {
                    Ok(record) => {
                        expected.push(Good(at as u64, record.head.sync));
                        at += record.len_bytes();
                    }
                    Err(_) => {
                        let next = (at + 1..bytes.len())
                            .find(|&p| Record::decode(&bytes[p..]).is_ok())
                            .unwrap_or(bytes.len());
                        expected.push(Bad(at as u64, (next - at) as u64));
                        at = next;
                    }
                }
            }
            prop_assert_eq!(walk(&bytes[..], Trust::Tree), expected);
        }
    }
}
