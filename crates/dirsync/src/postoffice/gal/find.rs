//! Looking for words: by GALINDEX.GLB, or name by name.
//!
//! The index has an entry for every word of every name, ordered by the letter the word begins with
//! (capitals apart from small letters) and then by the word (Q86375, decisions 2.15, 2.18). It is
//! searched on the disk: some 20 reads for a million names. An index that contradicts the list at
//! any place that the search touches is not used.

use crate::core::base::collate::{compare_folded, fold_word, key, slot_index, slot_letter, words};
use crate::core::base::finding::Severity;
use crate::core::format::FixedRecord as _;
use crate::core::format::galindex::{GalIndexEntry, GalIndexHeader};
use crate::core::format::nme::NmeRecord;
use crate::tree::view::ViewFile;
use crate::tree::{TreeError, TreeView};

use super::super::stream::{Report, open_or_report};
use super::{INDEX_UNUSABLE, finding, record_at};

const INDEX_PATH: &str = "GLB/GALINDEX.GLB";

/// The words that names are looked for by, folded; at least one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Words(Vec<Vec<u8>>);

impl Words {
    /// The words of a text in code page 850; `None` when it holds no letter and no digit.
    #[must_use]
    pub fn new(text: &[u8]) -> Option<Self> {
        let found: Vec<Vec<u8>> = words(text).map(|(_, word)| fold_word(word)).collect();
        (!found.is_empty()).then_some(Self(found))
    }

    /// Whether a name has, for each word, one that begins with it; case and accents do not count.
    #[must_use]
    pub fn are_in(&self, name: &[u8]) -> bool {
        self.0
            .iter()
            .all(|wanted| words(name).any(|(_, word)| begins_with(word, wanted)))
    }

    /// The word that is looked up; the others are checked on what it finds.
    fn longest(&self) -> &[u8] {
        self.0
            .iter()
            .max_by_key(|word| word.len())
            .map_or(&[], Vec::as_slice)
    }
}

fn begins_with(word: &[u8], folded: &[u8]) -> bool {
    word.len() >= folded.len()
        && word
            .iter()
            .zip(folded)
            .all(|(&byte, &want)| key(byte) == want)
}

/// Why an index is not used.
struct Unsound(String);

/// The offsets in GAL.NME, ascending, of the names that have a word beginning with the longest one
/// that is looked for; `None` when the index is missing or not sound (that is reported).
pub(super) fn by_index(
    view: &TreeView,
    gal: &ViewFile<'_>,
    words: &Words,
    report: &mut Report<'_>,
) -> Result<Option<Vec<u32>>, TreeError> {
    let Some(file) = open_or_report(view, INDEX_PATH, report)? else {
        return Ok(None);
    };
    let mut index = match Index::open(&file, gal)? {
        Ok(index) => index,
        Err(Unsound(why)) => return Ok(refuse(why, report)),
    };
    let wanted = words.longest();
    let mut found = Vec::new();
    for place in places(wanted) {
        match index.find_in(place, wanted)? {
            Ok(offsets) => found.extend(offsets),
            Err(Unsound(why)) => return Ok(refuse(why, report)),
        }
    }
    found.sort_unstable();
    found.dedup();
    Ok(Some(found))
}

fn refuse(why: String, report: &mut Report<'_>) -> Option<Vec<u32>> {
    report(finding(
        INDEX_UNUSABLE,
        Severity::Error,
        INDEX_PATH,
        None,
        format!("{why}; every name was looked at instead"),
    ));
    None
}

/// The slots in which words beginning with these keys stand, 0 for the place before slot A.
fn places(wanted: &[u8]) -> Vec<usize> {
    let letter = |letter: u8| slot_index(letter).map(|slot| slot + 1);
    match slot_letter(wanted) {
        // Keys are capitals; the word itself may begin with either.
        Some(capital) => [
            letter(capital.to_ascii_uppercase()),
            letter(capital.to_ascii_lowercase()),
        ]
        .into_iter()
        .flatten()
        .collect(),
        None => vec![0],
    }
}

struct Index<'a> {
    file: &'a ViewFile<'a>,
    gal: &'a ViewFile<'a>,
    /// Entry numbers where each place begins; place 0 holds the digits, the last is the end.
    bounds: Vec<u64>,
}

type Sound<T> = Result<Result<T, Unsound>, TreeError>;

impl<'a> Index<'a> {
    fn open(file: &'a ViewFile<'a>, gal: &'a ViewFile<'a>) -> Sound<Self> {
        let (header_len, entry_len) = (GalIndexHeader::SIZE as u64, GalIndexEntry::SIZE as u64);
        let mut head = [0u8; GalIndexHeader::SIZE];
        let n = file.read_at(&mut head, 0)?;
        let body = file.len().saturating_sub(header_len);
        let Ok(header) = GalIndexHeader::decode(head.get(..n).unwrap_or_default()) else {
            return Ok(Err(Unsound(format!("it has {} bytes", file.len()))));
        };
        if body % entry_len != 0 {
            return Ok(Err(Unsound(format!("it has {} bytes", file.len()))));
        }
        let count = body / entry_len;
        let mut bounds = vec![count; header.slots.len() + 2];
        bounds[0] = 0;
        let mut end = count;
        for (slot, offset) in header.slots.iter().enumerate().rev() {
            let offset = u64::from(offset.get());
            if offset != 0 {
                let start = offset
                    .checked_sub(header_len)
                    .filter(|body| body % entry_len == 0)
                    .map(|body| body / entry_len)
                    .filter(|&start| start < end);
                match start {
                    Some(start) => end = start,
                    None => return Ok(Err(Unsound(format!("slot {slot} leads to no entry")))),
                }
            }
            bounds[slot + 1] = end;
        }
        Ok(Ok(Self { file, gal, bounds }))
    }

    /// Offset in GAL.NME and folded word of an entry; it must stand in its place.
    fn entry(&self, number: u64, place: usize) -> Sound<(u32, Vec<u8>)> {
        let unsound = |why: &str| Ok(Err(Unsound(format!("entry {number}: {why}"))));
        let mut bytes = [0u8; GalIndexEntry::SIZE];
        let at = GalIndexHeader::SIZE as u64 + number * GalIndexEntry::SIZE as u64;
        let n = self.file.read_at(&mut bytes, at)?;
        let Ok(entry) = GalIndexEntry::decode(bytes.get(..n).unwrap_or_default()) else {
            return unsound("it cannot be read");
        };
        let offset = entry.offset.get();
        if u64::from(offset) % NmeRecord::SIZE as u64 != 0 {
            return unsound("it leads into the middle of a name");
        }
        let Some(record) = record_at(self.gal, u64::from(offset))? else {
            return unsound("it leads behind the list");
        };
        let word = words(record.alias.text()).nth(usize::from(entry.word.get()).wrapping_sub(1));
        let Some((_, word)) = word else {
            return unsound("the name has no such word");
        };
        let stands = slot_letter(word)
            .and_then(slot_index)
            .map_or(0, |slot| slot + 1);
        if stands != place {
            return unsound("its word stands under another letter");
        }
        Ok(Ok((offset, fold_word(word))))
    }

    /// The entries of one place whose word begins with `wanted`.
    fn find_in(&mut self, place: usize, wanted: &[u8]) -> Sound<Vec<u32>> {
        let (Some(&start), Some(&end)) = (self.bounds.get(place), self.bounds.get(place + 1))
        else {
            return Ok(Ok(Vec::new()));
        };
        let (mut low, mut high) = (start, end);
        // The words next to the place we look at bound every word in between: one outside of them
        // proves that the entries are not in order.
        let (mut lowest, mut highest): (Option<Vec<u8>>, Option<Vec<u8>>) = (None, None);
        while low < high {
            let middle = low + (high - low) / 2;
            let word = match self.entry(middle, place)? {
                Ok((_, word)) => word,
                Err(unsound) => return Ok(Err(unsound)),
            };
            let disordered = lowest.as_ref().is_some_and(|low| word < *low)
                || highest.as_ref().is_some_and(|high| word > *high);
            if disordered {
                return Ok(Err(Unsound(format!("entry {middle} is out of order"))));
            }
            if compare_folded(&word, wanted).is_lt() {
                low = middle + 1;
                lowest = Some(word);
            } else {
                high = middle;
                highest = Some(word);
            }
        }
        let mut found = Vec::new();
        let mut before = lowest;
        for number in low..end {
            let (offset, word) = match self.entry(number, place)? {
                Ok(entry) => entry,
                Err(unsound) => return Ok(Err(unsound)),
            };
            if before.as_ref().is_some_and(|before| word < *before) {
                return Ok(Err(Unsound(format!("entry {number} is out of order"))));
            }
            if !word.starts_with(wanted) {
                break;
            }
            found.push(offset);
            before = Some(word);
        }
        Ok(Ok(found))
    }
}
