//! The ledger of received mail: what makes a repeated message harmless (design 4.2, DEC-070).
//!
//! A message is made durable at the receiver first and then removed at the sender, so after a crash
//! the sender may offer it again. The receiving domain keeps the hashes of the last 16,384 messages in a
//! ring and records each in the same commit as the message itself: a hash that is known is a repeat,
//! also after the first copy was consumed. The hash covers the Message-ID and the envelope's
//! recipients, so the parts of a split envelope are different messages.

use std::collections::HashMap;

use dirsync_core::format::received::{
    ReceivedHeader, ReceivedSlot, SLOTS, place, view as view_ledger,
};
use dirsync_core::format::{FileView, FixedRecord as _};
use xxhash_rust::xxh64::Xxh64;

use crate::domain::DomainKind;
use crate::error::TreeError;
use crate::journal::Plan;
use crate::path::RelPath;
use crate::view::TreeView;

/// Longest ledger that is read, in bytes: header and all slots.
const LEN_LIMIT: u64 = 16 + 16 * SLOTS as u64;

/// The documented path of a domain's ledger.
#[must_use]
pub fn ledger_path(kind: DomainKind) -> &'static str {
    match kind {
        DomainKind::Postoffice => "P1/RECEIVED.TAG",
        DomainKind::Mta => "MTADATA/RECEIVED.TAG",
        DomainKind::Agent => "DXADATA/RECEIVED.TAG",
    }
}

/// The identity of a message: XXH64, seed 0, of the Message-ID, a NUL, and the envelope's recipients
/// in order, each ended by a NUL (decisions 2.15).
#[must_use]
pub fn message_hash<'a>(message_id: &[u8], recipients: impl IntoIterator<Item = &'a [u8]>) -> u64 {
    let mut hasher = Xxh64::new(0);
    hasher.update(message_id);
    hasher.update(&[0]);
    for recipient in recipients {
        hasher.update(recipient);
        hasher.update(&[0]);
    }
    hasher.digest()
}

/// A ledger, read once per command.
#[derive(Debug)]
pub struct Ledger {
    path: RelPath,
    /// `None` when the file does not exist yet.
    len_before: Option<u64>,
    next: u32,
    /// Hash to the stem here.
    known: HashMap<u64, u32>,
    /// Slots to write, with their place.
    added: Vec<(u32, ReceivedSlot)>,
}

impl Ledger {
    /// Reads the ledger of the view's domain; a missing file is an empty ledger.
    ///
    /// # Errors
    /// A disk error, or a damaged file: then nobody can say what is a repeat, and receiving must
    /// stop until `po-admin check --fix` has mended it.
    pub fn load(view: &TreeView) -> Result<Self, TreeError> {
        let logical = ledger_path(view.domain().kind);
        let path = view.path(logical)?;
        let Some(bytes) = view.read_on_disk(&path, LEN_LIMIT)? else {
            return Ok(Self {
                path,
                len_before: None,
                next: 0,
                known: HashMap::new(),
                added: Vec::new(),
            });
        };
        let file = view_ledger(&bytes).map_err(|error| TreeError::Mismatch {
            tree: view.describe(),
            path: path.clone(),
            why: error.to_string(),
        })?;
        Ok(Self {
            path,
            len_before: Some(bytes.len() as u64),
            next: file.header.next.get(),
            known: file
                .records
                .iter()
                .filter(|slot| slot.is_used())
                .map(|slot| (slot.hash.get(), slot.stem.get()))
                .collect(),
            added: Vec::new(),
        })
    }

    /// Whether a message was received before (or has been added just now).
    #[must_use]
    pub fn knows(&self, hash: u64) -> bool {
        self.known.contains_key(&hash)
    }

    /// The stem a message got here when it was received before.
    #[must_use]
    pub fn stem_of(&self, hash: u64) -> Option<u32> {
        self.known.get(&hash).copied()
    }

    /// Notes a message that the commit being prepared makes durable: its hash, the time (seconds
    /// since 1970 UTC) and its stem here.
    pub fn add(&mut self, hash: u64, now_unix_s: u32, stem: u32) {
        if self.known.contains_key(&hash) {
            return;
        }
        self.known.insert(hash, stem);
        let slot = ReceivedSlot {
            hash: hash.into(),
            time: now_unix_s.into(),
            stem: stem.into(),
        };
        self.added.push((self.next, slot));
        self.next = place(self.next).1;
        // A run that fills the ring more than once keeps only what will be in the file.
        let ring = SLOTS as usize;
        if self.added.len() > ring {
            self.added.drain(..self.added.len() - ring);
        }
    }

    /// Adds what was noted to a plan. The ledger may be used for further plans after the commit.
    ///
    /// # Errors
    /// The plan has another step for the ledger.
    pub fn write_into(&mut self, plan: &mut Plan) -> Result<(), TreeError> {
        if self.added.is_empty() {
            return Ok(());
        }
        let mut header = ReceivedHeader::fresh();
        header.next = self.next.into();
        match self.len_before {
            None => {
                let mut bytes = header.encode();
                for (_, slot) in &self.added {
                    bytes.extend_from_slice(&slot.encode());
                }
                self.len_before = Some(bytes.len() as u64);
                plan.replace(self.path.clone(), bytes)?;
            }
            Some(len) => {
                // The header's reserved bytes stay: only magic and `next` are patched.
                plan.patch(self.path.clone(), len, 0, header.encode()[..8].to_vec())?;
                let mut end = len;
                for (n, slot) in &self.added {
                    let (offset, _) = place(*n);
                    plan.patch(self.path.clone(), len, offset, slot.encode())?;
                    end = end.max(offset + ReceivedSlot::SIZE as u64);
                }
                self.len_before = Some(end);
            }
        }
        self.added.clear();
        Ok(())
    }
}

/// Slots of a ledger in memory, for tests and `trace`.
#[must_use]
pub fn slots(file: &FileView<'_, ReceivedHeader, ReceivedSlot>) -> Vec<(u64, u32, u32)> {
    file.records
        .iter()
        .filter(|slot| slot.is_used())
        .map(|slot| (slot.hash.get(), slot.time.get(), slot.stem.get()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    // rule: dec:DEC-070
    #[test]
    fn a_split_envelope_is_not_a_repeat() {
        let id = b"NET/PO/00000062-0765720832".as_slice();
        let a = b"NET/A/$SYSTEM".as_slice();
        let b = b"NET/B/$SYSTEM".as_slice();
        assert_ne!(message_hash(id, [a]), message_hash(id, [b]));
        assert_ne!(message_hash(id, [a, b]), message_hash(id, [a]));
        assert_ne!(message_hash(id, [a, b]), message_hash(id, [b, a]));
        // XXH64, seed 0, of "a" and a NUL: no recipients.
        assert_eq!(message_hash(b"", []), xxhash_rust::xxh64::xxh64(&[0], 0));
    }
}
