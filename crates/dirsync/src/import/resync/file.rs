//! Reading RESYNC.GLB (Q119449): a header record, then the lists.
//!
//! The whole file is looked through before anything of it is used. Bytes that are no record, a
//! header that is missing or cannot be read, or a transaction other than A that cannot be read make
//! the file damaged as a whole: it cannot be told which list the entries around them belong to, and
//! a list that was cut short would look like one whose users are gone (ASSIGNED; Q122689 describes
//! programs that hung). An A that cannot be read costs that entry alone (dsp R-BUG-23).

use std::collections::HashMap;

use crate::core::base::address::Scope;
use crate::core::base::{DecodeError, Transaction};
use crate::core::format::transactions::{Item, Kind, Reader, RecordSource, ResyncHeader, Trust};
use crate::import::log::message;
use crate::import::problem::Problems;
use crate::tree::TreeError;

/// Lists that are told one by one; a hostile file could name millions.
const LISTS_KEPT: usize = 100_000;

/// Why nothing of a file is used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ResyncFault {
    /// No bytes.
    #[error("the file is empty")]
    Empty,
    /// The first record is no header.
    #[error("the file does not begin with IMPSEQ, REQSEQ and SRVSEQ")]
    NoHeader,
    /// The numbers cannot be read.
    #[error("the numbers cannot be read: {0}")]
    BadHeader(#[source] DecodeError),
    /// A second header.
    #[error("a second header stands at byte {offset}")]
    SecondHeader {
        /// Byte offset of the record.
        offset: u64,
    },
    /// Bytes that are no record.
    #[error("{len_bytes} bytes at byte {offset} are no record: {error}")]
    Damaged {
        /// Offset of the first bad byte.
        offset: u64,
        /// Number of bad bytes.
        len_bytes: u64,
        /// What is wrong.
        #[source]
        error: DecodeError,
    },
    /// A transaction that cannot be read and is no A.
    #[error("record {record} at byte {offset} cannot be read: message {code}")]
    Unreadable {
        /// Number of the record, from 1.
        record: u64,
        /// Byte offset of the record.
        offset: u64,
        /// The message number of what is wrong.
        code: u16,
    },
}

/// One list of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListContent {
    /// The list, `TYPE:NET/PO` or `TYPE:`.
    pub list: Scope,
    /// Whether an R empties it first.
    pub replaced: bool,
    /// Entries.
    pub entries: u64,
    /// Entries with template data.
    pub with_data: u64,
    /// Lines of its template.
    pub template_lines: u64,
}

/// What a file holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Contents {
    /// The numbers.
    pub header: ResyncHeader,
    /// Records, the header included.
    pub records: u64,
    /// Length in bytes.
    pub len_bytes: u64,
    /// A transactions that can be read.
    pub entries: u64,
    /// The lists in the order of the file (the first `LISTS_KEPT`).
    pub lists: Vec<ListContent>,
    /// Entries that are passed over.
    pub problems: Problems,
    places: HashMap<Scope, usize>,
}

impl Contents {
    /// Counts one transaction.
    pub(super) fn count(&mut self, transaction: &Transaction) {
        let Some(list) = transaction.scope() else {
            return;
        };
        if matches!(transaction, Transaction::Add { .. }) {
            self.entries += 1;
        }
        let place = match self.places.get(&list) {
            Some(&place) => place,
            None if self.lists.len() < LISTS_KEPT => {
                self.lists.push(ListContent {
                    list,
                    replaced: false,
                    entries: 0,
                    with_data: 0,
                    template_lines: 0,
                });
                self.places.insert(list, self.lists.len() - 1);
                self.lists.len() - 1
            }
            None => return,
        };
        let Some(content) = self.lists.get_mut(place) else {
            return;
        };
        match transaction {
            Transaction::Replace { .. } => content.replaced = true,
            Transaction::Template { fields, .. } => {
                content.template_lines += fields.len() as u64;
            }
            Transaction::Add { info, .. } => {
                content.entries += 1;
                content.with_data += u64::from(!info.is_empty());
            }
            _ => {}
        }
    }
}

/// Looks through a file. `name` is what it is called in messages.
///
/// # Errors
/// The source cannot be read. A file that is damaged is no error here but the inner one.
pub fn look_through<S: RecordSource<Error = TreeError>>(
    source: S,
    name: &str,
) -> Result<Result<Contents, ResyncFault>, TreeError> {
    let mut contents = Contents {
        len_bytes: source.len_bytes(),
        ..Contents::default()
    };
    if contents.len_bytes == 0 {
        return Ok(Err(ResyncFault::Empty));
    }
    let mut reader = Reader::new(source, Trust::Tree);
    while let Some(item) = reader.next_item() {
        let fault = match item? {
            Item::Damage(damage) => Err(ResyncFault::Damaged {
                offset: damage.offset,
                len_bytes: damage.len_bytes,
                error: damage.error,
            }),
            Item::Record { offset, record } => {
                contents.records += 1;
                let number = contents.records;
                match record.head.kind {
                    Kind::ResyncHeader if number > 1 => Err(ResyncFault::SecondHeader { offset }),
                    Kind::ResyncHeader => match ResyncHeader::parse(record.text) {
                        Ok(header) => {
                            contents.header = header;
                            Ok(())
                        }
                        Err(error) => Err(ResyncFault::BadHeader(error)),
                    },
                    _ if number == 1 => Err(ResyncFault::NoHeader),
                    _ if record.is_dummy() => Ok(()),
                    Kind::Transaction => contents.see(record.text, name, number, offset),
                    _ => Err(ResyncFault::Unreadable {
                        record: number,
                        offset,
                        code: 13,
                    }),
                }
            }
        };
        if let Err(fault) = fault {
            return Ok(Err(fault));
        }
    }
    Ok(Ok(contents))
}

impl Contents {
    fn see(
        &mut self,
        text: &[u8],
        name: &str,
        record: u64,
        offset: u64,
    ) -> Result<(), ResyncFault> {
        let code = match Transaction::parse(text) {
            Ok(transaction) => match transaction.check() {
                Ok(()) => {
                    self.count(&transaction);
                    return Ok(());
                }
                Err(fault) => fault.number(),
            },
            Err(fault) => fault.fault.number(),
        };
        if text.first() != Some(&b'A') {
            return Err(ResyncFault::Unreadable {
                record,
                offset,
                code,
            });
        }
        self.problems.at(message(code, ""), name, record, offset);
        Ok(())
    }
}
