//! A mailbag: KEY and MBG as one unit.
//!
//! Functions over the bytes of both files that answer with the change to make; who holds the lock
//! makes it, in one commit for both files (R-KEY-004). Order of arrival is the order of records:
//! a header is only ever appended, never put into the place of a deleted one (DEC-102). Records
//! are marked deleted in the KEY alone (Q77926); compression takes them out of the MBG (Q146113).

use zerocopy::IntoBytes;

use super::key::{Key, MAILBAG_RECORDS_MAX};
use super::mbg::{MBG_FILE, MBG_RECORD_LEN_BYTES, MbgRecord};
use super::record::{FileView, NoHeader};
use crate::base::DecodeError;

/// Both files of a mailbag, looked at in place.
#[derive(Debug, Clone)]
pub struct Mailbag<'a> {
    key: &'a Key,
    mbg: FileView<'a, NoHeader, MbgRecord>,
}

/// Why a change to a mailbag cannot be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MailbagError {
    /// 4,096 live records (Q119088): the message stays in the queue before, then `[017]`.
    #[error("the mailbag holds {MAILBAG_RECORDS_MAX} messages and takes no more")]
    Full,
    /// Bytes behind the last whole record: repair first (R-MBG-006).
    #[error("{0} bytes behind the last header of the mailbag; repair it first")]
    TrailingBytes(usize),
    /// More records than the bitmap of a KEY has bits.
    #[error("{0} headers in the mailbag, a KEY file has room for {MAILBAG_RECORDS_MAX}")]
    TooManyRecords(usize),
    /// A record that does not exist.
    #[error("the mailbag has no header {0}")]
    NoSuchRecord(usize),
}

/// What to write to both files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MailbagChange {
    /// Append `bytes` to the MBG at `offset_bytes`, its present end; write the KEY.
    Append {
        /// Present length of the MBG.
        offset_bytes: u64,
        /// Whole records.
        bytes: Vec<u8>,
        /// The new KEY.
        key: Key,
    },
    /// Write the KEY; the MBG stays.
    KeyOnly {
        /// The new KEY.
        key: Key,
    },
    /// Replace the MBG and write the KEY.
    Replace {
        /// The new MBG.
        mbg: Vec<u8>,
        /// The new KEY.
        key: Key,
    },
}

impl MailbagChange {
    /// The new KEY.
    #[must_use]
    pub fn key(&self) -> &Key {
        match self {
            Self::Append { key, .. } | Self::KeyOnly { key } | Self::Replace { key, .. } => key,
        }
    }

    /// Makes the change in memory.
    pub fn apply(self, key: &mut Key, mbg: &mut Vec<u8>) {
        match self {
            Self::Append {
                offset_bytes,
                bytes,
                key: new_key,
            } => {
                mbg.truncate(usize::try_from(offset_bytes).unwrap_or(usize::MAX));
                mbg.extend_from_slice(&bytes);
                *key = new_key;
            }
            Self::KeyOnly { key: new_key } => *key = new_key,
            Self::Replace {
                mbg: new_mbg,
                key: new_key,
            } => {
                *mbg = new_mbg;
                *key = new_key;
            }
        }
    }
}

impl<'a> Mailbag<'a> {
    /// Looks at a KEY and the bytes of its MBG. Bytes behind the last whole record are kept apart,
    /// see [`Self::trailing`].
    ///
    /// # Errors
    /// None today; the length of an MBG never makes it unreadable.
    pub fn view(key: &'a Key, mbg: &'a [u8]) -> Result<Self, DecodeError> {
        Ok(Self {
            key,
            mbg: MBG_FILE.view(mbg)?,
        })
    }

    /// The KEY.
    #[must_use]
    pub fn key(&self) -> &'a Key {
        self.key
    }

    /// All records in order of arrival, deleted ones included.
    #[must_use]
    pub fn records(&self) -> &'a [MbgRecord] {
        self.mbg.records
    }

    /// Bytes behind the last whole record: damage (R-MBG-006).
    #[must_use]
    pub fn trailing(&self) -> &'a [u8] {
        self.mbg.trailing
    }

    /// The live records in order of arrival, each with its index.
    pub fn live(&self) -> impl Iterator<Item = (usize, &'a MbgRecord)> + use<'a> {
        let key = self.key;
        self.mbg
            .records
            .iter()
            .enumerate()
            .filter(move |&(index, _)| !key.is_deleted(index))
    }

    /// Number of live records.
    #[must_use]
    pub fn live_count(&self) -> usize {
        self.key.live_count(self.mbg.records.len())
    }

    /// Whether no header can be taken, not even after compression.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.live_count() >= MAILBAG_RECORDS_MAX
    }

    /// Appends headers, the oldest first. When the records would be more than 4,096 and some are
    /// deleted, the pair is compressed in the same change (DEC-102). `new` and `unread` grow.
    ///
    /// # Errors
    /// [`MailbagError::Full`], or a pair that needs repair.
    pub fn append(&self, records: &[MbgRecord]) -> Result<MailbagChange, MailbagError> {
        self.sound()?;
        let present = self.mbg.records.len();
        if self.live_count() + records.len() > MAILBAG_RECORDS_MAX {
            return Err(MailbagError::Full);
        }
        let unread = records.iter().filter(|record| !record.is_read()).count();
        if present + records.len() <= MAILBAG_RECORDS_MAX {
            let mut key = self.key.clone();
            key.clear_from(present);
            count_arrivals(&mut key, records.len(), unread);
            return Ok(MailbagChange::Append {
                offset_bytes: (present * MBG_RECORD_LEN_BYTES) as u64,
                bytes: records.as_bytes().to_vec(),
                key,
            });
        }
        let (mut mbg, mut key) = self.compressed();
        mbg.extend_from_slice(records.as_bytes());
        count_arrivals(&mut key, records.len(), unread);
        Ok(MailbagChange::Replace { mbg, key })
    }

    /// Marks records deleted; those that are already stay so. When none is left live, the pair is
    /// reset to 0 and 560 zero bytes (DEC-102).
    ///
    /// # Errors
    /// [`MailbagError::NoSuchRecord`], or a pair that needs repair.
    pub fn mark_deleted(&self, indices: &[usize]) -> Result<MailbagChange, MailbagError> {
        self.sound()?;
        let present = self.mbg.records.len();
        let mut key = self.key.clone();
        key.clear_from(present);
        let mut unread = 0usize;
        for &index in indices {
            let record = self
                .mbg
                .records
                .get(index)
                .ok_or(MailbagError::NoSuchRecord(index))?;
            if !key.is_deleted(index) && !record.is_read() {
                unread += 1;
            }
            key.set_deleted(index, true);
        }
        let live = key.live_count(present);
        if live == 0 {
            return Ok(reset());
        }
        let unread = u16::try_from(unread).unwrap_or(u16::MAX);
        key.set_unread_items(key.unread_items().saturating_sub(unread));
        clamp_counters(&mut key, live);
        Ok(MailbagChange::KeyOnly { key })
    }

    /// Takes the deleted records out of the MBG and clears the bitmap (Q146113).
    ///
    /// # Errors
    /// A pair that needs repair.
    pub fn compress(&self) -> Result<MailbagChange, MailbagError> {
        self.sound()?;
        if self.live_count() == 0 {
            return Ok(reset());
        }
        let (mbg, key) = self.compressed();
        Ok(MailbagChange::Replace { mbg, key })
    }

    /// Makes a damaged pair sound (R-MBG-006): cuts the bytes behind the last whole record, drops
    /// records beyond 4,096, clears bits that belong to no record, lowers counters that count more
    /// than is there. `None` when the pair is sound.
    #[must_use]
    pub fn realign(&self) -> Option<MailbagChange> {
        let records = &self.mbg.records[..self.mbg.records.len().min(MAILBAG_RECORDS_MAX)];
        let mut key = self.key.clone();
        key.clear_from(records.len());
        clamp_counters(&mut key, self.key.live_count(records.len()));
        if self.sound().is_err() {
            return Some(MailbagChange::Replace {
                mbg: records.as_bytes().to_vec(),
                key,
            });
        }
        (key != *self.key).then_some(MailbagChange::KeyOnly { key })
    }

    fn sound(&self) -> Result<(), MailbagError> {
        if !self.mbg.trailing.is_empty() {
            return Err(MailbagError::TrailingBytes(self.mbg.trailing.len()));
        }
        if self.mbg.records.len() > MAILBAG_RECORDS_MAX {
            return Err(MailbagError::TooManyRecords(self.mbg.records.len()));
        }
        Ok(())
    }

    fn compressed(&self) -> (Vec<u8>, Key) {
        let mut mbg = Vec::with_capacity(self.live_count() * MBG_RECORD_LEN_BYTES);
        for (_, record) in self.live() {
            mbg.extend_from_slice(record.as_bytes());
        }
        let mut key = self.key.clone();
        key.clear_from(0);
        clamp_counters(&mut key, self.live_count());
        (mbg, key)
    }
}

/// The empty pair: an MBG of 0 bytes and a KEY of 560 zero bytes (Q104279).
#[must_use]
pub fn reset() -> MailbagChange {
    MailbagChange::Replace {
        mbg: Vec::new(),
        key: Key::empty(),
    }
}

fn count_arrivals(key: &mut Key, arrived: usize, unread: usize) {
    let add =
        |count: u16, more: usize| count.saturating_add(u16::try_from(more).unwrap_or(u16::MAX));
    key.set_new_items(add(key.new_items(), arrived));
    key.set_unread_items(add(key.unread_items(), unread));
}

fn clamp_counters(key: &mut Key, live: usize) {
    let live = u16::try_from(live).unwrap_or(u16::MAX);
    key.set_new_items(key.new_items().min(live));
    key.set_unread_items(key.unread_items().min(live));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::HexId;
    use crate::format::mbg::FLAG_READ;
    use proptest::prelude::*;

    fn header(number: u32) -> MbgRecord {
        MbgRecord::new(b"SENDER", b"subject", HexId(number), number).unwrap()
    }

    fn headers(numbers: std::ops::Range<u32>) -> Vec<MbgRecord> {
        numbers.map(header).collect()
    }

    #[derive(Default)]
    struct Pair {
        key: Key,
        mbg: Vec<u8>,
    }

    impl Pair {
        fn view(&self) -> Mailbag<'_> {
            Mailbag::view(&self.key, &self.mbg).unwrap()
        }

        fn append(&mut self, records: &[MbgRecord]) -> Result<(), MailbagError> {
            self.view()
                .append(records)?
                .apply(&mut self.key, &mut self.mbg);
            Ok(())
        }

        fn delete(&mut self, indices: &[usize]) {
            let change = self.view().mark_deleted(indices).unwrap();
            change.apply(&mut self.key, &mut self.mbg);
        }

        fn live(&self) -> Vec<u32> {
            self.view()
                .live()
                .map(|(_, r)| r.mai.get().unwrap().unwrap().0)
                .collect()
        }
    }

    // rule: dec:DEC-102
    // rule: dec:TV-DEC-8
    #[test]
    fn a_new_header_stands_last_even_when_a_place_is_vacant() {
        let mut pair = Pair::default();
        pair.append(&headers(1..4)).unwrap();
        pair.delete(&[0]);
        pair.append(&[header(4)]).unwrap();
        assert_eq!(pair.live(), [2, 3, 4]);
        assert_eq!(pair.mbg.len(), 4 * 116);
        assert_eq!((pair.key.new_items(), pair.key.unread_items()), (3, 3));
        pair.delete(&[1, 2]);
        assert_eq!(pair.live(), [4]);
        pair.delete(&[3]);
        assert!(pair.mbg.is_empty() && pair.key.is_empty_image());
    }

    // rule: pof:R-MBG-004
    #[test]
    fn compression_keeps_7_of_47_records() {
        let mut pair = Pair::default();
        pair.append(&headers(0..47)).unwrap();
        pair.delete(&(0..40).collect::<Vec<_>>());
        assert_eq!(pair.mbg.len(), 5452);
        pair.view()
            .compress()
            .unwrap()
            .apply(&mut pair.key, &mut pair.mbg);
        assert_eq!(pair.mbg.len(), 812);
        assert_eq!(pair.live(), (40..47).collect::<Vec<_>>());
        assert_eq!(pair.key.deleted_count(MAILBAG_RECORDS_MAX), 0);
    }

    // rule: dec:DEC-102
    // rule: pof:R-MBG-003
    #[test]
    fn a_full_file_is_compressed_first_and_a_full_mailbag_refuses() {
        let mut pair = Pair::default();
        pair.append(&headers(0..4096)).unwrap();
        assert!(pair.view().is_full());
        assert_eq!(pair.append(&[header(5000)]), Err(MailbagError::Full));
        pair.delete(&[0, 4000]);
        assert_eq!(pair.append(&headers(5000..5003)), Err(MailbagError::Full));
        pair.append(&[header(5000)]).unwrap();
        assert_eq!(pair.mbg.len(), 4095 * 116);
        assert_eq!(pair.live()[4094], 5000);
        assert!(!pair.live().contains(&4000));
    }

    // rule: pof:R-MBG-006
    // rule: tra:R-QUE-002
    #[test]
    fn a_torn_pair_is_left_alone_until_it_is_realigned() {
        let mut pair = Pair::default();
        pair.append(&headers(1..3)).unwrap();
        pair.mbg.extend_from_slice(b"half a record");
        pair.key.set_deleted(77, true);
        assert_eq!(
            pair.append(&[header(3)]),
            Err(MailbagError::TrailingBytes(13))
        );
        assert_eq!(pair.view().compress(), Err(MailbagError::TrailingBytes(13)));
        pair.view()
            .realign()
            .unwrap()
            .apply(&mut pair.key, &mut pair.mbg);
        assert_eq!(pair.view().realign(), None);
        assert_eq!(pair.live(), [1, 2]);
        assert_eq!(pair.key.stray_bits(2), 0);
    }

    // rule: pof:R-KEY-001
    #[test]
    fn read_messages_do_not_count_as_unread() {
        let mut read = header(1);
        read.flags |= FLAG_READ;
        let mut pair = Pair::default();
        pair.append(&[read, header(2), header(3)]).unwrap();
        assert_eq!(pair.key.unread_items(), 2);
        pair.delete(&[0]);
        assert_eq!(pair.key.unread_items(), 2);
        pair.delete(&[1]);
        assert_eq!(pair.key.unread_items(), 1);
    }

    proptest! {
        // rule: dec:DEC-102
        #[test]
        fn any_sequence_of_changes_keeps_the_order_of_arrival(
            steps in proptest::collection::vec((any::<bool>(), any::<proptest::sample::Index>()), 1..60),
        ) {
            let mut pair = Pair::default();
            let mut model: Vec<u32> = Vec::new();
            for (number, (delete, which)) in steps.into_iter().enumerate() {
                let number = u32::try_from(number).unwrap();
                if delete && !model.is_empty() {
                    let nth = which.index(model.len());
                    let (index, _) = pair.view().live().nth(nth).unwrap();
                    model.remove(nth);
                    pair.delete(&[index]);
                } else {
                    model.push(number);
                    pair.append(&[header(number)]).unwrap();
                }
                prop_assert_eq!(pair.live(), model.clone());
                prop_assert_eq!(pair.view().live_count(), model.len());
                prop_assert_eq!(pair.mbg.is_empty(), model.is_empty());
            }
        }

        // rule: pof:R-KEY-004
        #[test]
        fn arbitrary_pairs_never_panic_and_realign_for_good(
            key in proptest::collection::vec(any::<u8>(), 560),
            mbg in proptest::collection::vec(any::<u8>(), 0..2000),
            index in 0usize..30,
        ) {
            let mut key = Key::view(&key).unwrap().clone();
            let mut mbg = mbg;
            let view = Mailbag::view(&key, &mbg).unwrap();
            let _ = (view.append(&[header(1)]), view.mark_deleted(&[index]), view.compress());
            if let Some(change) = view.realign() {
                change.apply(&mut key, &mut mbg);
            }
            let view = Mailbag::view(&key, &mbg).unwrap();
            prop_assert_eq!(view.realign(), None);
            prop_assert!(view.append(&[header(1)]).is_ok());
        }
    }
}
