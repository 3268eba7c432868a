//! The import text file: transactions one below the other, as IMPORT -F reads and IMPORT -X writes
//! them.
//!
//! ```text
//! column 1 3                              33 34
//!        A Paul                              PCM:POLYNOMIAL/MONTGOMERY/paul      or TABs
//!        - Phone:/555 1234                                                       template information
//!        M Paul                              PCM:POLYNOMIAL/MONTGOMERY/paul
//!          Paul E.                           PCM:POLYNOMIAL/MONTGOMERY/paul      blank: the new entry
//!        R SMTP:                                                                 empty a list
//!        T SNADS:GATE/DGN                                                        new template …
//!         Phone:~15~20~A~~                                                       … its fields
//!        & dirsync=N                                                             option of a local user
//!        # comment
//! ```
//!
//! DOCUMENTED: codes, columns, TABs, template lines (Q96001, Q104869, Q104281); a new entry in the
//! second line of M (Q118947); any number of CRs before LF (Q159294). ASSIGNED: blank lines are
//! ignored but end a template (imp R-FMT-009); comments end nothing; the byte 1Ah ends the file
//! (OQ-15); a line has at most [`LINE_MAX_BYTES`], a transaction [`TRANSACTION_MAX_BYTES`].
//!
//! [`ImportReader`] reads any number of lines with the memory of one transaction and finds *all*
//! faults, not the first: a line that is wrong spoils its transaction, never another one (Q104687).
//! [`Consistency`] adds what only the whole file shows: message 28 and prompts of templates.

mod columns;
mod consistency;
mod reader;

use crate::base::address::Fault;
use crate::base::address::physical::X400Warning;
use crate::base::codepage::CodePage;
use crate::base::transaction::{Layout, Reading, Transaction};

pub use consistency::{Consistency, Inconsistency};
pub use reader::ImportReader;

/// The longest line in bytes (ASSIGNED: what a transaction record can hold).
pub const LINE_MAX_BYTES: usize = 65_534;
/// The longest transaction in bytes, all its lines together (ASSIGNED: 256 template fields of
/// full length are about 130 KB).
pub const TRANSACTION_MAX_BYTES: usize = 1 << 20;

/// What the bytes of the file mean (DEC-097).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// A code page of DOS; 850 is that of all lists.
    Page(CodePage),
    /// UTF-8, with or without the mark at the beginning.
    Utf8,
}

impl Default for Encoding {
    fn default() -> Self {
        Self::Page(CodePage::Cp850)
    }
}

impl std::str::FromStr for Encoding {
    type Err = crate::base::codepage::UnknownCodePage;

    /// Reads `850`, `437` (as [`CodePage`] does) or `utf-8`.
    fn from_str(name: &str) -> Result<Self, Self::Err> {
        if name.eq_ignore_ascii_case("utf-8") || name.eq_ignore_ascii_case("utf8") {
            return Ok(Self::Utf8);
        }
        name.parse().map(Self::Page)
    }
}

/// How to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ImportOptions {
    /// How strictly columns are taken.
    pub reading: Reading,
    /// What the bytes mean.
    pub encoding: Encoding,
    /// `?` for characters that code page 850 does not have; otherwise they are faults.
    pub lossy: bool,
}

/// What was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item {
    /// A transaction without fault.
    Transaction(Placed),
    /// A fault. The transaction it stands in is left out.
    Fault(FileFault),
    /// Something worth a warning; nothing is left out.
    Note(Note),
}

/// A transaction and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placed {
    /// Its first line, from 1.
    pub line: u64,
    /// Byte offset of its first line.
    pub offset: u64,
    /// The transaction.
    pub transaction: Transaction,
    /// The loosest layout among its lines.
    pub layout: Layout,
}

/// A numbered fault in a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileFault {
    /// The line, from 1.
    pub line: u64,
    /// The column, from 1, in bytes of code page 850: characters, as an editor counts them.
    pub column: u32,
    /// Byte offset of the line in the file.
    pub offset: u64,
    /// What is wrong.
    pub fault: Fault,
    /// More about it; empty when the fault says all.
    pub about: String,
}

/// A warning without number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// The line, from 1.
    pub line: u64,
    /// The column, from 1.
    pub column: u32,
    /// Byte offset of the line in the file.
    pub offset: u64,
    /// What it is about.
    pub what: NoteKind,
}

/// What a [`Note`] is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoteKind {
    /// The address does not stand in column 34 and no TAB stands before it.
    LooseColumns,
    /// The code is a small letter.
    SmallCode,
    /// An X.400 address that is unusual (imp 3.2: warnings only).
    X400(X400Warning),
    /// Characters that code page 850 does not have, replaced by `?`.
    Replaced(Vec<char>),
    /// A T without fields, followed by lines that are no fields: it would have emptied the list's
    /// template data, so it is left out.
    TemplateWithoutFields,
    /// Bytes behind the end mark 1Ah, which are not read.
    BehindEndMark(u64),
}

impl std::fmt::Display for NoteKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let name = |name: &[u8]| CodePage::Cp850.decode(name);
        match self {
            Self::LooseColumns => f.write_str(
                "the address does not begin in column 34; it was found by its type (--strict refuses this)",
            ),
            Self::SmallCode => f.write_str("the code is a small letter"),
            Self::X400(X400Warning::UnknownAttribute(attribute)) => {
                write!(f, "X.400 attribute {:?} is not known", name(attribute))
            }
            Self::X400(X400Warning::TooLong(attribute, limit)) => write!(
                f,
                "X.400 attribute {:?} has more than {limit} characters",
                name(attribute)
            ),
            Self::X400(X400Warning::Character(attribute, byte)) => write!(
                f,
                "X.400 attribute {:?} holds {:?}, which the gateway may refuse",
                name(attribute),
                CodePage::Cp850.decode_byte(*byte)
            ),
            Self::Replaced(characters) => {
                let shown: String = characters.iter().take(10).collect();
                write!(f, "not in code page 850, replaced by ?: {shown}")
            }
            Self::TemplateWithoutFields => f.write_str(
                "no template field follows in column 2, so this T is left out: it would empty the template data of its list",
            ),
            Self::BehindEndMark(bytes) => {
                write!(f, "{bytes} bytes behind the end mark (1Ah) are not read")
            }
        }
    }
}

/// How much was read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Lines, the last one also without line end.
    pub lines: u64,
    /// Comments.
    pub comments: u64,
    /// Transactions handed out.
    pub transactions: u64,
    /// Faults handed out.
    pub faults: u64,
    /// Transactions that were left out because of faults.
    pub left_out: u64,
}

#[cfg(test)]
mod tests;
