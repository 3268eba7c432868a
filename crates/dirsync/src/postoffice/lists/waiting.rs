//! REQTRANS.GLB: the transactions that wait to be sent at T1.
//!
//! Every change of a user or group that takes part in directory synchronization puts one
//! transaction at the end (dsp R-T0-001), whether or not a directory server is named yet: a
//! requestor that registers later must not have lost what was done before (Q104743). The next
//! number is one more than the highest of: what waits, what the server confirmed (q.R), what was
//! ever sent (dsp R-NUM-006, DEC-038).

use std::convert::Infallible;

use crate::core::base::address::{AddressType, PoName};
use crate::core::base::time::UnixTime;
use crate::core::base::transaction::Transaction;
use crate::core::format::FixedRecord as _;
use crate::core::format::reqconf::ReqConfRecord;
use crate::core::format::transactions::{Item, Reader, Record, RecordSource, Trust};
use crate::core::protocol::numbers::next_number;
use crate::tree::TreeError;
use crate::tree::view::ViewFile;

use super::super::edit::Edit;
use super::super::error::PoError;
use super::super::list_error::{ListError, notice};

pub(crate) const REQTRANS_GLB: &str = "GLB/REQTRANS.GLB";
pub(crate) const REQCONF_GLB: &str = "GLB/REQCONF.GLB";
/// Message 2: `Error opening file: REQTRANS` (Q119017).
const ERROR_OPENING: u16 = 2;
/// Damaged bytes that are copied at once.
const DAMAGE_PIECE_BYTES: usize = 64 * 1024;

/// A file of a view as a source of records.
#[derive(Debug)]
pub struct FileRecords<'a>(pub ViewFile<'a>);

impl RecordSource for FileRecords<'_> {
    type Error = TreeError;

    fn len_bytes(&self) -> u64 {
        self.0.len()
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, TreeError> {
        self.0.read_at(buffer, offset)
    }
}

/// The waiting transactions, opened for adding.
#[derive(Debug)]
pub struct Waiting {
    conf: ReqConfRecord,
    highest: u32,
    missing: bool,
    empty: bool,
    damaged: bool,
    added: Vec<u8>,
    /// Set by [`Waiting::replace_list`]: the whole new file without what is added.
    kept: Option<Vec<u8>>,
}

/// A piece of the file.
enum Piece<'a> {
    Record(&'a Record<'a>),
    /// Bytes that are no record; kept wherever the file is written anew.
    Damage(&'a [u8]),
}

/// Walks through a source; whether there was damage.
fn scan<S: RecordSource>(source: &S, each: &mut dyn FnMut(Piece<'_>)) -> Result<bool, S::Error> {
    let mut damaged = false;
    let mut reader = Reader::new(source, Trust::Tree);
    while let Some(item) = reader.next_item() {
        match item? {
            Item::Record { record, .. } => each(Piece::Record(&record)),
            Item::Damage(damage) => {
                damaged = true;
                let (mut at, end) = (
                    damage.offset,
                    damage.offset.saturating_add(damage.len_bytes),
                );
                let mut buffer = vec![0; DAMAGE_PIECE_BYTES];
                while at < end {
                    let wanted = usize::try_from(end - at)
                        .unwrap_or(DAMAGE_PIECE_BYTES)
                        .min(DAMAGE_PIECE_BYTES);
                    let count = source.read_at(at, &mut buffer[..wanted])?;
                    if count == 0 {
                        break;
                    }
                    each(Piece::Damage(&buffer[..count]));
                    at += count as u64;
                }
            }
        }
    }
    Ok(damaged)
}

/// Calls `each` for every piece that waits, those of this edit included. `None` when the file is
/// missing, else whether damage was passed over.
fn waiting_pieces(
    edit: &mut Edit<'_>,
    each: &mut dyn FnMut(Piece<'_>),
) -> Result<Option<bool>, PoError> {
    let infallible = |result: Result<bool, Infallible>| result.unwrap_or_default();
    if edit.is_copied(REQTRANS_GLB)? {
        let bytes = edit.read(REQTRANS_GLB)?;
        return Ok(bytes.map(|bytes| infallible(scan(&bytes, each))));
    }
    let Some(file) = edit.view().open_file(REQTRANS_GLB)? else {
        return Ok(None);
    };
    let damaged = scan(&FileRecords(file), each)?;
    let added = edit.appended(REQTRANS_GLB)?;
    Ok(Some(infallible(scan(&added, each)) || damaged))
}

impl Waiting {
    /// Reads REQCONF.GLB and looks through REQTRANS.GLB, piece by piece.
    ///
    /// # Errors
    /// Notice 159 when REQCONF.GLB cannot be read: without it nobody knows which number is next.
    pub fn open(edit: &mut Edit<'_>) -> Result<Self, PoError> {
        let conf = reqconf(edit)?;
        let mut highest = conf.req_sync.get().max(conf.last_sent.get());
        let mut empty = true;
        let found = waiting_pieces(edit, &mut |piece| {
            empty = false;
            if let Piece::Record(record) = piece {
                highest = highest.max(record.head.sync);
            }
        })?;
        Ok(Self {
            conf,
            highest,
            missing: found.is_none(),
            empty,
            damaged: found == Some(true),
            added: Vec::new(),
            kept: None,
        })
    }

    /// REQCONF.GLB.
    #[must_use]
    pub fn conf(&self) -> &ReqConfRecord {
        &self.conf
    }

    /// What is wrong with the file, in words; nothing when it is sound.
    #[must_use]
    pub fn warning(&self) -> Option<String> {
        if self.missing {
            Some("Warning [ 2] Error opening file: REQTRANS. It is made anew.".to_owned())
        } else if self.damaged {
            Some(
                "REQTRANS.GLB holds damaged records, which stay where they are; `po-admin listq` \
                 shows them"
                    .to_owned(),
            )
        } else {
            None
        }
    }

    /// Puts a transaction at the end; its number.
    ///
    /// # Errors
    /// Numbers are used up; the transaction is too long, or has an address without a mailbox
    /// (dsp R-T0-010).
    pub fn push(&mut self, transaction: &Transaction, now: UnixTime) -> Result<u32, PoError> {
        transaction.check().map_err(|fault| ListError::Name {
            what: "the transaction for the directory server".to_owned(),
            fault,
        })?;
        let sync = next_number(self.highest).map_err(|error| ListError::Refused {
            why: error.to_string(),
            hint: "make a global reset of the dirsync numbers (`dxa-cycle reset global`)",
        })?;
        let text = transaction
            .to_record_text()
            .map_err(|error| ListError::damaged(REQTRANS_GLB, error))?;
        Record::transaction(sync, now.0, &text)
            .encode_into(&mut self.added)
            .map_err(|error| ListError::damaged(REQTRANS_GLB, error))?;
        self.highest = sync;
        Ok(sync)
    }

    /// Drops the transactions of the own list that were never sent (DEC-059): an Export says all of
    /// it again. The numbers go on from the highest that remains. Returns how many were dropped.
    ///
    /// # Errors
    /// Message 2 when REQTRANS.GLB is missing (dsp R-T0-006); a disk error.
    pub fn replace_list(&mut self, edit: &mut Edit<'_>, own: PoName) -> Result<u32, PoError> {
        let (req, sent) = (self.conf.req_sync.get(), self.conf.last_sent.get());
        let mut highest = req.max(sent);
        let mut dropped = 0u32;
        let mut kept = Vec::new();
        let found = waiting_pieces(edit, &mut |piece| {
            let record = match piece {
                Piece::Record(record) => record,
                Piece::Damage(bytes) => {
                    kept.extend_from_slice(bytes);
                    return;
                }
            };
            if record.head.sync > sent && !record.is_dummy() && is_of_list(record.text, own) {
                dropped = dropped.saturating_add(1);
                return;
            }
            highest = highest.max(record.head.sync);
            // A record that was decoded can be encoded again.
            let _ = record.encode_into(&mut kept);
        })?;
        if found.is_none() {
            return Err(ListError::Message {
                code: ERROR_OPENING,
                about: "REQTRANS".to_owned(),
            }
            .into());
        }
        self.highest = highest;
        self.empty = kept.is_empty();
        self.kept = Some(kept);
        Ok(dropped)
    }

    /// Puts what was added into the edit. A missing or empty file of a requestor whose numbers have
    /// begun gets the dummy first (dsp R-NUM-006, DEC-123).
    pub(super) fn save(self, edit: &mut Edit<'_>, now: UnixTime) -> Result<(), PoError> {
        if self.added.is_empty() && self.kept.is_none() {
            return Ok(());
        }
        let mut head = Vec::new();
        if self.empty && self.conf.req_sync.get() > 0 {
            Record::dummy(self.conf.req_sync.get(), now.0)
                .encode_into(&mut head)
                .map_err(|error| ListError::damaged(REQTRANS_GLB, error))?;
        }
        match self.kept {
            Some(kept) => {
                let bytes = [head, kept, self.added].concat();
                edit.replace_whole(REQTRANS_GLB, bytes)?;
            }
            None => {
                head.extend_from_slice(&self.added);
                edit.append(REQTRANS_GLB, &head)?;
            }
        }
        Ok(())
    }
}

/// Whether the text of a record is about the list of this postoffice.
fn is_of_list(text: &[u8], own: PoName) -> bool {
    Transaction::parse(text)
        .ok()
        .and_then(|transaction| transaction.scope())
        .is_some_and(|scope| {
            scope.kind.class() == AddressType::Pcm && scope.node.is_some_and(|node| node == own)
        })
}

/// REQCONF.GLB of one of our trees.
///
/// # Errors
/// Notice 159.
pub fn reqconf(edit: &mut Edit<'_>) -> Result<ReqConfRecord, PoError> {
    let bad = |why: String| ListError::Notice {
        code: notice::BAD_REQCONF,
        about: why,
    };
    let bytes = edit
        .read(REQCONF_GLB)?
        .ok_or_else(|| bad("REQCONF.GLB does not exist".to_owned()))?;
    let conf = ReqConfRecord::decode(bytes).map_err(|error| bad(error.to_string()))?;
    if !conf.has_magic() {
        return Err(bad("REQCONF.GLB does not begin as we write it".to_owned()).into());
    }
    Ok(conf)
}
