//! KEY and MBG of one mailbag inside a commit being prepared: read together, changed together.

use crate::core::base::ident::HexId;
use crate::core::base::stem::MailbagStem;
use crate::core::format::key::{KEY_LEN_BYTES, Key};
use crate::core::format::mailbag::{Mailbag, MailbagChange, MailbagError};
use crate::core::format::mbg::MbgRecord;

use super::super::edit::Edit;
use super::super::error::PoError;

/// Both files as changed so far. Indices are those of the mailbag as it is at this moment: they stay
/// valid until something is appended (which may compress the pair) or its last message goes.
#[derive(Debug, Clone)]
pub struct BagEdit {
    stem: MailbagStem,
    key: Key,
    mbg: Vec<u8>,
}

fn damaged(edit: &Edit<'_>, stem: MailbagStem, why: impl Into<String>) -> PoError {
    PoError::MailbagDamaged {
        tree: edit.view().describe(),
        name: stem.to_string(),
        why: why.into(),
    }
}

impl BagEdit {
    /// Reads both files.
    ///
    /// # Errors
    /// [`PoError::NoSuchMailbag`], [`PoError::MailbagDamaged`] when one file is missing or the KEY has
    /// not 560 bytes, or a disk error.
    pub fn load(edit: &mut Edit<'_>, stem: MailbagStem) -> Result<Self, PoError> {
        let key = edit.read(&stem.key_path())?.map(<[u8]>::to_vec);
        let mbg = edit.read(&stem.mbg_path())?.map(<[u8]>::to_vec);
        let (key, mbg) = match (key, mbg) {
            (Some(key), Some(mbg)) => (key, mbg),
            (None, None) => {
                return Err(PoError::NoSuchMailbag {
                    tree: edit.view().describe(),
                    name: stem.to_string(),
                });
            }
            (None, Some(_)) => return Err(damaged(edit, stem, "its KEY file is missing")),
            (Some(_), None) => return Err(damaged(edit, stem, "its MBG file is missing")),
        };
        let key = Key::view(&key).cloned().map_err(|_| {
            let why = format!(
                "its KEY file has {} bytes instead of {KEY_LEN_BYTES}",
                key.len()
            );
            damaged(edit, stem, why)
        })?;
        Ok(Self { stem, key, mbg })
    }

    /// The live headers in order of arrival, each with its index.
    #[must_use]
    pub fn live(&self) -> Vec<(usize, MbgRecord)> {
        self.mailbag().map_or_else(Vec::new, |mailbag| {
            mailbag
                .live()
                .map(|(index, record)| (index, record.clone()))
                .collect()
        })
    }

    /// Number of live headers.
    #[must_use]
    pub fn live_count(&self) -> usize {
        self.mailbag().map_or(0, |mailbag| mailbag.live_count())
    }

    /// The header at `index` when it is live.
    #[must_use]
    pub fn live_at(&self, index: usize) -> Option<MbgRecord> {
        let mailbag = self.mailbag()?;
        let record = mailbag.records().get(index)?;
        (!mailbag.key().is_deleted(index)).then(|| record.clone())
    }

    /// Whether a live header names this message.
    #[must_use]
    pub fn names(&self, mai: HexId) -> bool {
        self.mailbag().is_some_and(|mailbag| {
            mailbag
                .live()
                .any(|(_, record)| record.mai.get() == Ok(Some(mai)))
        })
    }

    fn mailbag(&self) -> Option<Mailbag<'_>> {
        // The length of an MBG never makes it unreadable.
        Mailbag::view(&self.key, &self.mbg).ok()
    }

    /// Appends headers.
    ///
    /// # Errors
    /// [`PoError::MailbagFull`], [`PoError::MailbagDamaged`], or a disk error.
    pub fn append(&mut self, edit: &mut Edit<'_>, records: &[MbgRecord]) -> Result<(), PoError> {
        self.change(edit, |mailbag| mailbag.append(records))
    }

    /// Marks headers deleted; the pair is reset when none is left (DEC-102).
    ///
    /// # Errors
    /// [`PoError::MailbagDamaged`], or a disk error.
    pub fn mark_deleted(&mut self, edit: &mut Edit<'_>, indices: &[usize]) -> Result<(), PoError> {
        self.change(edit, |mailbag| mailbag.mark_deleted(indices))
    }

    /// Removes the headers that are marked deleted; returns how many there were.
    ///
    /// # Errors
    /// [`PoError::MailbagDamaged`], or a disk error.
    pub fn compress(&mut self, edit: &mut Edit<'_>) -> Result<usize, PoError> {
        let deleted = self
            .mailbag()
            .map_or(0, |bag| bag.records().len() - bag.live_count());
        if deleted > 0 {
            self.change(edit, |mailbag| mailbag.compress())?;
        }
        Ok(deleted)
    }

    fn change(
        &mut self,
        edit: &mut Edit<'_>,
        make: impl FnOnce(&Mailbag<'_>) -> Result<MailbagChange, MailbagError>,
    ) -> Result<(), PoError> {
        let change = self
            .mailbag()
            .map(|mailbag| make(&mailbag))
            .ok_or_else(|| damaged(edit, self.stem, "its MBG file cannot be read"))?
            .map_err(|error| match error {
                MailbagError::Full => PoError::MailbagFull {
                    tree: edit.view().describe(),
                    name: self.stem.to_string(),
                },
                other => damaged(edit, self.stem, other.to_string()),
            })?;
        change.apply(&mut self.key, &mut self.mbg);
        edit.write(&self.stem.key_path(), self.key.bytes().to_vec())?;
        edit.write(&self.stem.mbg_path(), self.mbg.clone())?;
        Ok(())
    }
}
