//! GALINDEX.GLB: every word of every name of the Global Address List.
//!
//! 208 bytes of slots, one for each letter in upper and lower case, then 6 bytes for each word
//! (Q86375). A slot is the byte offset in this file of the first entry of its letter, 0 when no word
//! begins with it; an entry is the number of the word in the name, from 1, and the byte offset of the
//! name in GAL.NME. Order A to Z, a to z INFERRED. A word is a run of letters and digits; words that
//! begin with a digit stand before slot A. Entries are ordered by slot, folded word, offset.
//!
//! `GalIndexHeader`, 208 bytes:
//!
//! | Off | Size | Name | Trust | Source |
//! |---|---|---|---|---|
//! | 0 | 208 | slots | DOCUMENTED | Q86375 |
//!
//! `GalIndexEntry`, 6 bytes:
//!
//! | Off | Size | Name | Trust | Source |
//! |---|---|---|---|---|
//! | 0 | 2 | word | DOCUMENTED | Q86375 |
//! | 2 | 4 | offset | DOCUMENTED | Q86375 |

use std::cmp::Ordering;

use zerocopy::little_endian::{U16, U32};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use super::nme::NmeRecord;
use super::record::{FileLayout, FileView, FixedRecord, NoHeader, fixed_record};
use crate::base::keysort::{self, PIECE_LEN_BYTES};
use crate::base::{DecodeError, DecodeErrorKind};

/// Header of GALINDEX.GLB.
#[derive(FromBytes, IntoBytes, Unaligned, Immutable, KnownLayout, Clone, PartialEq, Eq, Debug)]
#[repr(C)]
pub struct GalIndexHeader {
    /// Byte offsets of the first entry of A to Z, then of a to z; 0 empty.
    pub slots: [U32; 52],
}
fixed_record!(GalIndexHeader, "GALINDEX header", 208, "Q86375", {
    slots: 0,
});

/// One word of one name.
#[derive(FromBytes, IntoBytes, Unaligned, Immutable, KnownLayout, Clone, PartialEq, Eq, Debug)]
#[repr(C)]
pub struct GalIndexEntry {
    /// Number of the word in the name, from 1.
    pub word: U16,
    /// Byte offset of the name in GAL.NME.
    pub offset: U32,
}
fixed_record!(GalIndexEntry, "GALINDEX entry", 6, "Q86375", {
    word: 0,
    offset: 2,
});

/// GLB/GALINDEX.GLB.
pub const GALINDEX: FileLayout<GalIndexHeader, GalIndexEntry> = FileLayout::new("GLB/GALINDEX.GLB");

/// Folds a byte of code page 850 to the key it is sorted by: letters to A-Z, others to themselves
/// (decisions 2.18).
pub type Fold = fn(u8) -> u8;

/// Accented small letters of code page 850; with a-z they are what is not upper case.
const SMALL: &[u8] = b"\x81\x82\x83\x84\x85\x86\x87\x88\x89\x8A\x8B\x8C\x8D\x91\x93\x94\x95\x96\
\x97\x98\x9B\x9F\xA0\xA1\xA2\xA3\xA4\xA6\xA7\xC6\xD0\xD5\xE1\xE4\xE7\xEC";

fn is_word_byte(byte: u8, fold: Fold) -> bool {
    fold(byte).is_ascii_uppercase() || byte.is_ascii_digit()
}

/// The words of a name, the first has number 1.
pub fn words(name: &[u8], fold: Fold) -> impl Iterator<Item = &[u8]> {
    name.split(move |&byte| !is_word_byte(byte, fold))
        .filter(|word| !word.is_empty())
}

/// The slot of a word, 0 to 51; `None` for a word that begins with a digit.
fn slot_of(word: &[u8], fold: Fold) -> Option<usize> {
    let &first = word.first()?;
    let letter = fold(first);
    if !letter.is_ascii_uppercase() {
        return None;
    }
    let small = first.is_ascii_lowercase() || SMALL.contains(&first);
    Some(usize::from(letter - b'A') + if small { 26 } else { 0 })
}

fn compare_folded(a: &[u8], b: &[u8], fold: Fold) -> Ordering {
    let key = |word: &'_ [u8]| word.iter().map(|&byte| fold(byte)).collect::<Folded>();
    key(a).cmp(&key(b))
}

/// A folded word; names have at most 31 bytes, so no memory is taken.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Folded {
    bytes: [u8; 31],
    len: usize,
}

impl FromIterator<u8> for Folded {
    fn from_iter<I: IntoIterator<Item = u8>>(bytes: I) -> Self {
        let mut folded = Self {
            bytes: [0; 31],
            len: 0,
        };
        for (place, byte) in folded.bytes.iter_mut().zip(bytes) {
            *place = byte;
            folded.len += 1;
        }
        folded
    }
}

/// Makes the index of a Global Address List.
///
/// # Errors
/// As [`build_with`].
pub fn build(gal: &[NmeRecord], fold: Fold) -> Result<Vec<u8>, DecodeError> {
    let count = u32::try_from(gal.len()).map_err(|_| too_long(LIST, gal.len()))?;
    build_with(count, |record| gal[record as usize].alias.text(), fold)
}

const LIST: &str = "the length of GAL.NME";
const INDEX: &str = "the length of the index";

fn too_long(what: &'static str, len: usize) -> DecodeError {
    let kind = DecodeErrorKind::Limit(what, u64::from(u32::MAX), len as u64);
    DecodeError::new("GALINDEX.GLB", 0, kind)
}

/// Makes the index of a list of `count` records whose names are `name(0)`, `name(1)`, … Each word takes
/// 16 bytes while it is sorted, and 6 in the index.
///
/// # Errors
/// The list or the index is longer than byte offsets of 32 bits reach.
pub fn build_with<'a>(
    count: u32,
    name: impl Fn(u32) -> &'a [u8],
    fold: Fold,
) -> Result<Vec<u8>, DecodeError> {
    let list_len = (count as usize).saturating_mul(NmeRecord::SIZE);
    u32::try_from(list_len).map_err(|_| too_long(LIST, list_len))?;
    let letters = Letters::new(fold);
    let mut counts = [0u32; 53];
    let first = (0..count).flat_map(|record| {
        // A name has at most 31 bytes, so 16 words.
        let words = letters.words(name(record)).zip(1u8..);
        words.map(move |(word, number)| (record, number, word))
    });
    let words = keysort::sorted(
        // The number ends the order: record, then number of the word.
        first.map(|(record, number, word)| {
            let slot = letters.slot(word);
            if let Some(count) = counts.get_mut(usize::from(slot)) {
                *count = count.saturating_add(1);
            }
            let id = u64::from(record) << 8 | u64::from(number);
            (id, letters.piece(word, 0))
        }),
        |id, from| {
            let (record, number) = record_and_number(id);
            let nth = usize::from(number).saturating_sub(1);
            let word = letters.words(name(record)).nth(nth);
            letters.piece(word.unwrap_or_default(), from)
        },
        |_, _| Ordering::Equal,
    );
    let index_len = words.len().saturating_mul(GalIndexEntry::SIZE) + GalIndexHeader::SIZE;
    u32::try_from(index_len).map_err(|_| too_long(INDEX, index_len))?;
    let mut header = GalIndexHeader::zeroed();
    // The words that begin with a digit come first.
    let mut before = counts[0];
    for (slot, &count) in header.slots.iter_mut().zip(&counts[1..]) {
        if count > 0 {
            // The whole index has fewer than 2^32 bytes.
            slot.set(before.saturating_mul(6).saturating_add(208));
        }
        before = before.saturating_add(count);
    }
    let mut index = Vec::with_capacity(index_len);
    index.extend_from_slice(header.as_bytes());
    for word in words {
        let (record, number) = record_and_number(word.id());
        let entry = GalIndexEntry {
            word: U16::new(u16::from(number)),
            offset: U32::new(record * 45),
        };
        index.extend_from_slice(entry.as_bytes());
    }
    Ok(index)
}

/// What the number of a word in the sort stands for.
fn record_and_number(id: u64) -> (u32, u8) {
    let [number, a, b, c, d, ..] = id.to_le_bytes();
    (u32::from_le_bytes([a, b, c, d]), number)
}

/// What a byte is in words, by table: a list of a million names asks a hundred million times.
struct Letters {
    /// The key of a byte of a word; 0 of other bytes.
    keys: [u8; 256],
    /// The slot + 1 of words that begin with a byte, 0 for digits.
    slots: [u8; 256],
}

impl Letters {
    fn new(fold: Fold) -> Self {
        let mut letters = Self {
            keys: [0; 256],
            slots: [0; 256],
        };
        let tables = letters.keys.iter_mut().zip(&mut letters.slots);
        for (byte, (key, slot)) in (0..=u8::MAX).zip(tables) {
            if is_word_byte(byte, fold) {
                *key = fold(byte);
            }
            let of_slot = slot_of(&[byte], fold).and_then(|slot| u8::try_from(slot + 1).ok());
            *slot = of_slot.unwrap_or(0);
        }
        letters
    }

    fn words<'t, 'a: 't>(&'t self, name: &'a [u8]) -> impl Iterator<Item = &'a [u8]> + 't {
        name.split(|&byte| self.keys[usize::from(byte)] == 0)
            .filter(|word| !word.is_empty())
    }

    fn slot(&self, word: &[u8]) -> u8 {
        word.first()
            .map_or(0, |&byte| self.slots[usize::from(byte)])
    }

    /// What words are ordered by: slot, then keys.
    fn piece(&self, word: &[u8], from: usize) -> [u8; PIECE_LEN_BYTES] {
        let key = |byte| self.keys[usize::from(byte)];
        match from.checked_sub(1) {
            Some(from) => keysort::piece(word, from, key),
            None => {
                let mut piece = [0; PIECE_LEN_BYTES];
                // 0 would be the end of a text.
                piece[0] = self.slot(word) + 1;
                for (place, &byte) in piece[1..].iter_mut().zip(word) {
                    *place = key(byte);
                }
                piece
            }
        }
    }
}

/// An index and the list it belongs to.
#[derive(Debug, Clone)]
pub struct GalIndex<'a> {
    entries: &'a [GalIndexEntry],
    gal: &'a [NmeRecord],
    /// Where the entries of each slot end and the next begin; the digits before A come first.
    bounds: [usize; 54],
}

impl<'a> GalIndex<'a> {
    /// Looks at an index in place and checks its slots.
    ///
    /// # Errors
    /// Too short, bytes left over, or a slot that names no entry or comes before an earlier one.
    pub fn new(bytes: &'a [u8], gal: &'a [NmeRecord]) -> Result<Self, DecodeError> {
        let view = GALINDEX.view(bytes)?;
        let len = bytes.len() as u64;
        if !view.trailing.is_empty() {
            let kind = DecodeErrorKind::BadSize(len, 208, 6);
            return Err(DecodeError::new("GALINDEX.GLB", len, kind));
        }
        let count = view.records.len();
        let mut bounds = [count; 54];
        bounds[0] = 0;
        let mut end = count;
        for (slot, offset) in view.header.slots.iter().enumerate().rev() {
            let offset = offset.get();
            if offset != 0 {
                end = FileView::<GalIndexHeader, GalIndexEntry>::index_of(u64::from(offset))
                    .filter(|&start| start < end)
                    .ok_or_else(|| {
                        let kind = DecodeErrorKind::BadField("slot");
                        DecodeError::new("GALINDEX header", slot as u64 * 4, kind)
                    })?;
            }
            bounds[slot + 1] = end;
        }
        Ok(Self {
            entries: view.records,
            gal,
            bounds,
        })
    }

    /// The byte offsets in GAL.NME of the names that have a word beginning with `prefix`, without
    /// regard to case and accents, ascending. An entry that leads nowhere is left out.
    #[must_use]
    pub fn find(&self, prefix: &[u8], fold: Fold) -> Vec<u32> {
        let Some(&first) = prefix.first() else {
            return Vec::new();
        };
        let letter = fold(first);
        let places = if letter.is_ascii_uppercase() {
            let slot = usize::from(letter - b'A') + 1;
            vec![slot, slot + 26]
        } else {
            vec![0]
        };
        let mut found: Vec<u32> = places
            .into_iter()
            .flat_map(|place| self.find_in(place, prefix, fold))
            .map(|entry| entry.offset.get())
            .collect();
        found.sort_unstable();
        found.dedup();
        found
    }

    fn find_in(&self, place: usize, prefix: &[u8], fold: Fold) -> &'a [GalIndexEntry] {
        let range = self.bounds[place]..self.bounds[place + 1];
        let entries = self.entries.get(range).unwrap_or_default();
        // An entry that leads nowhere compares as the empty word; the search still ends.
        let head = |entry: &GalIndexEntry| {
            let word = self.word(entry, fold).unwrap_or_default();
            compare_folded(&word[..word.len().min(prefix.len())], prefix, fold)
        };
        let start = entries.partition_point(|entry| head(entry).is_lt());
        let len = entries[start..].partition_point(|entry| head(entry).is_le());
        let hits = &entries[start..start + len];
        if hits.iter().all(|entry| head(entry).is_eq()) {
            hits
        } else {
            &[]
        }
    }

    /// The word an entry stands for; `None` when it leads nowhere.
    #[must_use]
    pub fn word(&self, entry: &GalIndexEntry, fold: Fold) -> Option<&'a [u8]> {
        let offset = u64::from(entry.offset.get());
        let index = FileView::<NoHeader, NmeRecord>::index_of(offset)?;
        let number = usize::from(entry.word.get()).checked_sub(1)?;
        words(self.gal.get(index)?.alias.text(), fold).nth(number)
    }

    /// All entries, in the order of the file.
    #[must_use]
    pub fn entries(&self) -> &'a [GalIndexEntry] {
        self.entries
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::format::field::CpField;

    /// Enough of decisions 2.18 for these tests.
    fn fold(byte: u8) -> u8 {
        match byte {
            0x82 | 0x90 => b'E',
            0x94 | 0x99 => b'O',
            _ => byte.to_ascii_uppercase(),
        }
    }

    fn list(names: &[&[u8]]) -> Vec<NmeRecord> {
        let entry = |name: &&[u8]| {
            let mut record = NmeRecord::zeroed();
            record.alias = CpField::from_bytes(name).unwrap();
            record
        };
        names.iter().map(entry).collect()
    }

    // rule: pof:R-GAL-003
    // rule: imp:TV-GALIDX
    #[test]
    fn the_size_is_208_and_6_for_each_word() {
        assert_eq!(GALINDEX.record_offset(200_000), Some(1_200_208));
        // Q86375: 80,000 users with two and a half words each.
        let users: Vec<String> = (0..80_000)
            .map(|n| format!("User {n}{}", if n % 2 == 0 { " Smith" } else { "" }))
            .collect();
        let gal = list(&users.iter().map(String::as_bytes).collect::<Vec<_>>());
        assert_eq!(gal.len() * size_of::<NmeRecord>(), 3_600_000);
        assert_eq!(build(&gal, fold).unwrap().len(), 1_200_208);
        let empty = build(&[], fold).unwrap();
        assert_eq!(empty, [0; 208]);
        let two = build(&list(&[b"Anna Smith", b"bob"]), fold).unwrap();
        assert_eq!(two.len(), 208 + 3 * 6);
    }

    // rule: pof:R-GAL-011
    #[test]
    fn half_a_million_names_have_their_index() {
        let names: Vec<String> = (0..500_000).map(|n| format!("User {n:06}")).collect();
        let gal = list(&names.iter().map(String::as_bytes).collect::<Vec<_>>());
        let bytes = build(&gal, fold).unwrap();
        assert_eq!(bytes.len(), 208 + 6 * 2 * gal.len());
        let index = GalIndex::new(&bytes, &gal).unwrap();
        for at in [0u32, 250_000, 499_999] {
            let digits = format!("{at:06}");
            assert_eq!(index.find(digits.as_bytes(), fold), [at * 45]);
        }
        assert_eq!(index.find(b"USER", fold).len(), gal.len());
    }

    // rule: pof:R-GAL-003
    // rule: dec:2.15
    // rule: pof:D-06
    #[test]
    fn words_stand_by_slot_then_word_then_offset() {
        let gal = list(&[b"4th Floor", b"\x90mile Zola", b"anna emil", b"Eva-Zo 4"]);
        let bytes = build(&gal, fold).unwrap();
        let index = GalIndex::new(&bytes, &gal).unwrap();
        let shown: Vec<_> = index
            .entries()
            .iter()
            .map(|entry| (entry.word.get(), entry.offset.get()))
            .collect();
        let wanted = [
            (3, 135), // 4
            (1, 0),   // 4th
            (1, 45),  // Émile, slot E
            (1, 135), // Eva
            (2, 0),   // Floor
            (2, 135), // Zo
            (2, 45),  // Zola
            (1, 90),  // anna, slot a
            (2, 90),  // emil
        ];
        assert_eq!(shown, wanted);
        let slot = |at: usize| u32::from_le_bytes(bytes[at * 4..at * 4 + 4].try_into().unwrap());
        assert_eq!((slot(0), slot(4), slot(5), slot(25)), (0, 220, 232, 238));
        assert_eq!((slot(26), slot(30), slot(51)), (250, 256, 0));
        assert_eq!(index.find(b"em", fold), [45, 90]);
        assert_eq!(index.find(b"4", fold), [0, 135]);
        assert_eq!(index.find(b"ZOL", fold), [45]);
        assert!(index.find(b"x", fold).is_empty() && index.find(b"", fold).is_empty());
    }

    // rule: dec:2.15
    #[test]
    fn slots_that_lead_nowhere_are_damage() {
        let gal = list(&[b"Anna Bob"]);
        let good = build(&gal, fold).unwrap();
        assert!(GalIndex::new(&good, &gal).is_ok());
        for (at, value) in [(0, 209u32), (0, 220), (0, 4), (4, 208), (204, 300)] {
            let mut bad = good.clone();
            bad[at..at + 4].copy_from_slice(&value.to_le_bytes());
            assert!(GalIndex::new(&bad, &gal).is_err(), "{at} {value}");
        }
        assert!(GalIndex::new(&good[..good.len() - 1], &gal).is_err());
        assert!(GalIndex::new(&good[..100], &gal).is_err());
        assert!(
            GalIndex::new(&good, &[])
                .unwrap()
                .find(b"a", fold)
                .is_empty()
        );
    }

    /// The index by the words of its definition: sorted by slot, folded word, offset, number.
    fn by_definition(gal: &[NmeRecord]) -> Vec<u8> {
        let mut found = Vec::new();
        for (record, entry) in (0u32..).zip(gal) {
            for (word, number) in words(entry.alias.text(), fold).zip(1u16..) {
                let folded: Vec<u8> = word.iter().map(|&byte| fold(byte)).collect();
                found.push((slot_of(word, fold), folded, record * 45, number));
            }
        }
        found.sort();
        let mut header = GalIndexHeader::zeroed();
        let mut entries = Vec::new();
        for (at, (slot, _, offset, number)) in (0u32..).zip(found) {
            if let Some(slot) = slot.map(|slot| &mut header.slots[slot])
                && slot.get() == 0
            {
                slot.set(208 + at * 6);
            }
            entries.push(GalIndexEntry {
                word: number.into(),
                offset: offset.into(),
            });
        }
        GALINDEX.build(&header, &entries)
    }

    proptest! {
        // rule: pof:R-GAL-003
        // rule: dec:2.15
        #[test]
        fn the_index_is_what_its_definition_says(
            names in proptest::collection::vec(
                "([aAbB1]{0,3}|[a-b]{9,11}[aB1]{0,2}|\u{82}|\u{90}a)([ -]([aAbB1]{0,3}|Abababababab[ab]?)){0,3}",
                0..40,
            ),
        ) {
            let names: Vec<Vec<u8>> = names
                .iter()
                .map(|name| name.chars().filter_map(|c| u8::try_from(c).ok()).take(30).collect())
                .collect();
            let names: Vec<&[u8]> = names.iter().map(Vec::as_slice).collect();
            let gal = list(&names);
            prop_assert_eq!(build(&gal, fold).unwrap(), by_definition(&gal));
        }

        // rule: pof:R-GAL-003
        #[test]
        fn every_word_of_every_name_is_found(
            names in proptest::collection::vec("[a-cA-C1 -]{0,8}", 0..30),
        ) {
            let names: Vec<_> = names.iter().map(|name| name.as_bytes()).collect();
            let gal = list(&names);
            let bytes = build(&gal, fold).unwrap();
            let index = GalIndex::new(&bytes, &gal).unwrap();
            for (at, name) in (0u32..).zip(&names) {
                for word in words(name, fold) {
                    let hits = index.find(word, fold);
                    prop_assert!(hits.contains(&(at * 45)));
                    for hit in hits {
                        let name = gal[hit as usize / 45].alias.text().to_ascii_uppercase();
                        let wanted = word.to_ascii_uppercase();
                        prop_assert!(words(&name, fold).any(|word| word.starts_with(&wanted)));
                    }
                }
            }
        }

        // rule: pof:R-GAL-003
        #[test]
        fn any_bytes_are_searched_without_panic(
            tail in proptest::collection::vec(any::<u8>(), 0..60),
            slots in proptest::collection::vec(0u8..3, 52),
            name in proptest::collection::vec(any::<u8>(), 31),
            prefix in proptest::collection::vec(any::<u8>(), 0..4),
        ) {
            let mut bytes: Vec<u8> = slots.iter().flat_map(|&n| [n * 104, 0, 0, 0]).collect();
            bytes.extend(&tail);
            let mut record = [vec![0; 2], name, vec![0; 12]].concat();
            record.extend_from_within(..);
            let gal = crate::format::nme::NME.view(&record).unwrap().records;
            if let Ok(index) = GalIndex::new(&bytes, gal) {
                let _ = index.find(&prefix, fold);
                let _ = index.find(b"A", fold);
            }
            let ours = build(gal, fold).unwrap();
            let index = GalIndex::new(&ours, gal).unwrap();
            prop_assert!(index.entries().iter().all(|entry| index.word(entry, fold).is_some()));
        }
    }
}
