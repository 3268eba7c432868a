//! REQTRANS.GLB: the transactions that wait to be sent at T1.
//!
//! Every change of a user or group that takes part in directory synchronization puts one
//! transaction at the end (dsp R-T0-001), whether or not a directory server is named yet: a
//! requestor that registers later must not have lost what was done before (Q104743). The next
//! number is one more than the highest of: what waits, what the server confirmed (q.R), what was
//! ever sent (dsp R-NUM-006, DEC-038).

use std::convert::Infallible;

use crate::core::base::address::{PoName, TypeCase};
use crate::core::base::time::UnixTime;
use crate::core::base::transaction::Transaction;
use crate::core::format::FixedRecord as _;
use crate::core::format::reqconf::ReqConfRecord;
use crate::core::format::transactions::{Item, Reader, Record, RecordSource, Trust};
use crate::core::protocol::requestor::{self, Appender, ExportScan, Requestor, T0Refusal};
use crate::tree::TreeError;
use crate::tree::view::ViewFile;

use super::super::config::is_server;
use super::super::edit::Edit;
use super::super::error::PoError;
use super::super::list_error::{ListError, notice};

pub(crate) const REQTRANS_GLB: &str = "GLB/REQTRANS.GLB";
pub(crate) const REQCONF_GLB: &str = "GLB/REQCONF.GLB";
/// Message 2: `Error opening file: REQTRANS` (Q119017).
const ERROR_OPENING: u16 = 2;
/// Message 54: no directory server is named.
const NO_SERVER: u16 = 54;
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
    requestor: Requestor,
    appender: Appender,
    missing: bool,
    damaged: bool,
    added: Vec<u8>,
    /// Set by [`Waiting::begin_export`]: the whole new file without what is added.
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
    /// Reads REQCONF.GLB and looks through REQTRANS.GLB, piece by piece. `now` dates what is added.
    ///
    /// # Errors
    /// Notice 159 when REQCONF.GLB cannot be read: without it nobody knows which number is next.
    pub fn open(edit: &mut Edit<'_>, own: PoName, now: UnixTime) -> Result<Self, PoError> {
        let requestor = Requestor {
            own,
            conf: reqconf(edit)?,
            is_server: is_server(edit)?,
        };
        let mut waiting = requestor::Waiting::of(&requestor);
        let found = waiting_pieces(edit, &mut |piece| {
            if let Piece::Record(record) = piece {
                waiting.see(record);
            }
        })?;
        Ok(Self {
            appender: requestor.appender(&waiting, now),
            requestor,
            missing: found.is_none(),
            damaged: found == Some(true),
            added: Vec::new(),
            kept: None,
        })
    }

    /// REQCONF.GLB.
    #[must_use]
    pub fn conf(&self) -> &ReqConfRecord {
        &self.requestor.conf
    }

    /// The highest number given so far.
    #[must_use]
    pub fn highest(&self) -> u32 {
        self.appender.highest()
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

    /// Puts a transaction at the end; its number, or `None` when it is not to be queued.
    ///
    /// # Errors
    /// Numbers are used up; the transaction is too long, or has an address without a mailbox
    /// (dsp R-T0-010).
    pub fn push(&mut self, transaction: &Transaction) -> Result<Option<u32>, PoError> {
        self.push_with(transaction, TypeCase::Upper)
    }

    /// As [`Self::push`], with types in the given case.
    ///
    /// # Errors
    /// As [`Self::push`].
    pub fn push_with(
        &mut self,
        transaction: &Transaction,
        case: TypeCase,
    ) -> Result<Option<u32>, PoError> {
        let record = self.appender.append_with(transaction, case);
        let Some(record) = record.map_err(refusal)? else {
            return Ok(None);
        };
        record
            .record()
            .encode_into(&mut self.added)
            .map_err(|error| ListError::damaged(REQTRANS_GLB, error))?;
        Ok(Some(record.record().head.sync))
    }

    /// Begins an Export: drops the transactions of the own list that were never sent (DEC-059),
    /// since it says all of it again. The numbers go on from the highest that remains. Returns
    /// REQCONF.GLB with the time of the Export, and how many were dropped.
    ///
    /// # Errors
    /// Message 2 when REQTRANS.GLB is missing (dsp R-T0-006); a disk error.
    pub fn begin_export(
        &mut self,
        edit: &mut Edit<'_>,
        now: UnixTime,
    ) -> Result<(ReqConfRecord, u32), PoError> {
        let mut scan = ExportScan::of(&self.requestor);
        let found = waiting_pieces(edit, &mut |piece| {
            if let Piece::Record(record) = piece {
                scan.see(record);
            }
        })?;
        let plan = self
            .requestor
            .export(found.is_some().then_some(&scan), now)
            .map_err(refusal)?;
        let (mut kept, mut dropped) = (Vec::new(), 0u32);
        waiting_pieces(edit, &mut |piece| match piece {
            Piece::Record(record) if plan.keep.keeps(record) => {
                // A record that was decoded can be encoded again.
                let _ = record.encode_into(&mut kept);
            }
            Piece::Record(_) => dropped = dropped.saturating_add(1),
            Piece::Damage(bytes) => kept.extend_from_slice(bytes),
        })?;
        self.appender = plan.appender;
        self.kept = Some(kept);
        Ok((plan.conf, dropped))
    }

    /// Puts what was added into the edit. A missing or empty file of a requestor whose numbers have
    /// begun gets the dummy first (dsp R-NUM-006, DEC-123).
    pub(crate) fn save(self, edit: &mut Edit<'_>) -> Result<(), PoError> {
        if self.added.is_empty() && self.kept.is_none() {
            return Ok(());
        }
        let mut head = Vec::new();
        if let Some(dummy) = self.appender.dummy() {
            dummy
                .record()
                .encode_into(&mut head)
                .map_err(|error| ListError::damaged(REQTRANS_GLB, error))?;
        }
        match self.kept {
            Some(kept) => {
                let bytes = [head, kept, self.added].concat();
                edit.replace_whole(REQTRANS_GLB, bytes)?;
            }
            None => {
                // A million transactions are moved, not copied.
                let mut added = self.added;
                added.splice(0..0, head);
                edit.append_owned(REQTRANS_GLB, added)?;
            }
        }
        Ok(())
    }
}

/// A refusal of the protocol in the words of this floor.
pub(crate) fn refusal(refused: T0Refusal) -> PoError {
    match refused {
        T0Refusal::NoReqTrans => ListError::Message {
            code: ERROR_OPENING,
            about: "REQTRANS".to_owned(),
        },
        T0Refusal::Invalid(fault) => ListError::Name {
            what: "the transaction for the directory server".to_owned(),
            fault,
        },
        T0Refusal::TooLong(error) => ListError::damaged(REQTRANS_GLB, error),
        T0Refusal::Exhausted(error) => ListError::Refused {
            why: error.to_string(),
            hint: "make a global reset of the dirsync numbers (`dxa-cycle reset global`)",
        },
        T0Refusal::NoServer => ListError::Message {
            code: NO_SERVER,
            about: String::new(),
        },
        T0Refusal::OnServer => ListError::Refused {
            why: refused.to_string(),
            hint: "its lists are the ones that everybody else asks for",
        },
    }
    .into()
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
