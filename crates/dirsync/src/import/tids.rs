//! Tuple ids for many new entries: TID.GLB is read once and written once.

use crate::core::base::Tid;
use crate::core::format::FixedRecord as _;
use crate::core::format::counters::TidRecord;
use crate::postoffice::Edit;

use super::error::ImportError;

const TID: &str = "GLB/TID.GLB";

/// Gives tuple ids.
#[derive(Debug)]
pub(crate) struct TidPool {
    record: TidRecord,
    given: u64,
}

impl TidPool {
    /// Reads TID.GLB.
    ///
    /// # Errors
    /// It is missing or damaged: no entry may be made then (message 39, Q111556).
    pub(crate) fn open(edit: &mut Edit<'_>) -> Result<Self, ImportError> {
        let bytes = edit.read(TID)?.ok_or_else(|| ImportError::Missing {
            file: TID.into(),
            why: "[ 39] Error generating TID",
        })?;
        let record = TidRecord::decode(bytes).map_err(|error| ImportError::Damaged {
            file: TID.into(),
            error,
        })?;
        Ok(Self { record, given: 0 })
    }

    /// The next id.
    ///
    /// # Errors
    /// Message 39: none is left.
    pub(crate) fn next(&mut self) -> Result<Tid, ImportError> {
        let tid = self.record.next().ok_or(ImportError::NoTid)?;
        self.record.last = tid.0.into();
        self.given += 1;
        Ok(tid)
    }

    /// Writes TID.GLB back and goes on: others give ids of the same edit.
    ///
    /// # Errors
    /// A disk error.
    pub(crate) fn hand_over(&mut self, edit: &mut Edit<'_>) -> Result<(), ImportError> {
        if self.given > 0 {
            edit.write(TID, self.record.encode())?;
            self.given = 0;
        }
        Ok(())
    }

    /// Goes on behind the ids that others gave.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub(crate) fn take_back(&mut self, edit: &mut Edit<'_>) -> Result<(), ImportError> {
        *self = Self::open(edit)?;
        Ok(())
    }

    /// Writes TID.GLB back.
    ///
    /// # Errors
    /// A disk error.
    pub(crate) fn save(self, edit: &mut Edit<'_>) -> Result<(), ImportError> {
        if self.given > 0 {
            edit.write(TID, self.record.encode())?;
        }
        Ok(())
    }
}
