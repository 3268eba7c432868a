//! MSTTRANS, read once per step: its first and last number, and where to begin for a slice.
//!
//! Replies are slices of the master list. So that each costs its own length, the one pass notes the
//! place of every 256th record.

use crate::core::format::transactions::{Item, Reader, Record, Trust};
use crate::postoffice::lists::waiting::FileRecords;
use crate::tree::TreeView;

use super::super::{CycleError, MSTTRANS};

/// Records between two noted places.
const STRIDE: u64 = 256;

/// What one pass over MSTTRANS found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Master {
    /// Number and byte offset of every so many-th record.
    places: Vec<(u32, u64)>,
    /// Number of the first entry; `None` when there is none.
    pub(super) oldest: Option<u32>,
    /// The highest number.
    pub(super) last: u32,
}

fn damaged(why: impl ToString) -> CycleError {
    CycleError::Damaged {
        file: MSTTRANS,
        why: why.to_string(),
    }
}

impl Master {
    /// Reads it. Damage stops the step: a reply with a hole would lose entries for good (R-T2R-010).
    ///
    /// # Errors
    /// [`CycleError::NoMaster`], [`CycleError::Damaged`], a disk error.
    pub(super) fn read(view: &TreeView) -> Result<Self, CycleError> {
        let file = view.open_file(MSTTRANS)?.ok_or(CycleError::NoMaster)?;
        let mut master = Self::default();
        let mut reader = Reader::new(FileRecords(file), Trust::Tree);
        let mut count = 0u64;
        while let Some(item) = reader.next_item() {
            match item? {
                Item::Record { offset, record } => {
                    let number = record.head.sync;
                    if number < master.last {
                        let why = format!("number {number} stands behind {}", master.last);
                        return Err(damaged(why));
                    }
                    if count.is_multiple_of(STRIDE) {
                        master.places.push((number, offset));
                    }
                    count += 1;
                    // A dummy keeps a number and is no entry.
                    if !record.is_dummy() {
                        master.oldest = master.oldest.or(Some(number));
                    }
                    master.last = number;
                }
                Item::Damage(damage) => {
                    let why = format!("[ 40] Possible database corruption detected: {damage:?}");
                    return Err(damaged(why));
                }
            }
        }
        Ok(master)
    }

    /// Calls `each` for the entries numbered above `above`, until it says `false`.
    ///
    /// # Errors
    /// A disk error, or what `each` fails with.
    pub(super) fn after(
        &self,
        view: &TreeView,
        above: u32,
        each: &mut dyn FnMut(&Record<'_>) -> Result<bool, CycleError>,
    ) -> Result<(), CycleError> {
        if above >= self.last {
            return Ok(());
        }
        let file = view.open_file(MSTTRANS)?.ok_or(CycleError::NoMaster)?;
        let at = self.places.partition_point(|&(number, _)| number <= above);
        let start = at
            .checked_sub(1)
            .and_then(|at| self.places.get(at))
            .map_or(0, |&(_, offset)| offset);
        let mut reader = Reader::from_offset(FileRecords(file), Trust::Tree, start);
        while let Some(item) = reader.next_item() {
            match item? {
                Item::Record { record, .. } => {
                    if record.head.sync > above && !record.is_dummy() && !each(&record)? {
                        return Ok(());
                    }
                }
                Item::Damage(damage) => return Err(damaged(format!("{damage:?}"))),
            }
        }
        Ok(())
    }
}
