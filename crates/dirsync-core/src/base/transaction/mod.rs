//! The text of one transaction: what stands in a record of REQTRANS, MSTTRANS and their kin, and
//! in the lines of an import file.
//!
//! ```text
//! A alias<TAB>TYPE:address          add                      - Prompt:/data      template information
//! D alias<TAB>TYPE:address          delete                   &token=value        option of a local user
//! M alias<TAB>TYPE:address          modify …                 # text              comment, dummy
//!   alias<TAB>TYPE:address          … into this
//! R TYPE:NET/PO                     empty a list
//! T TYPE:NET/PO                     new template             (blank)field        line of the template
//! ```
//!
//! One transaction is one record with one number, however many lines it has; lines are joined
//! with CR LF, the last has none (DEC-013). Canonical form: code, blank, alias, TAB, address with
//! its type (DEC-014). Readers also take the column form: alias from column 3, address from column
//! 34 or 35, and, unless asked to be strict, a type anywhere after the alias ([`Reading`]).

pub(crate) mod info;
pub(crate) mod line;
pub(crate) mod read;

use super::address::{Address, Fault, FullName, Scope, TypeCase};
use super::error::{DecodeError, DecodeErrorKind};

pub use info::{Comment, Info, TemplateLine, UserOption};
pub use line::{Layout, Reading};
pub use read::{Parsed, TransactionFault, opens_transaction};

/// The longest text of a record in bytes, without its NUL (ASSIGNED, decisions.md 4).
pub const MAX_TEXT_BYTES: usize = 65_534;

/// An alias and its address: one entry of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The alias; compare without case where DEC-017 asks for it.
    pub alias: FullName,
    /// The address.
    pub address: Address,
}

impl Entry {
    /// Whether both are the same entry to D and M: alias and address without regard to case
    /// (DEC-017).
    #[must_use]
    pub fn matches(&self, other: &Self) -> bool {
        self.alias.eq_ignore_case(&other.alias) && self.address == other.address
    }
}

/// One transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Transaction {
    /// `A`: add an entry.
    Add {
        /// The entry.
        entry: Entry,
        /// Template information; fields not named get the template's defaults.
        info: Vec<Info>,
        /// Options of a local user.
        options: Vec<UserOption>,
    },
    /// `D`: delete an entry.
    Delete {
        /// The entry.
        entry: Entry,
    },
    /// `M`: change an entry.
    Modify {
        /// The entry as it is.
        old: Entry,
        /// The entry as it shall be; `None` when the text had no second line, so that only the
        /// template information changes. Writers repeat the first line then (dsp R-TXN-002).
        new: Option<Entry>,
        /// Template information.
        info: Vec<Info>,
        /// Options of a local user.
        options: Vec<UserOption>,
    },
    /// `R`: empty a list; the A transactions that follow fill it.
    Replace {
        /// The list.
        scope: Scope,
    },
    /// `T`: a new template for a list, whose template information is discarded.
    Template {
        /// The list.
        scope: Scope,
        /// The lines of the template, `Prompt:~start~width~edit~default~`.
        fields: Vec<TemplateLine>,
    },
    /// `#`: a comment; as a record, a dummy that only keeps a number (DEC-012).
    Comment(Comment),
}

/// How a transaction is laid out when it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Form {
    /// TAB after the alias: records.
    #[default]
    Tab,
    /// Address from column 34: text attachments and files.
    Columns,
}

impl Transaction {
    /// An addition without template information.
    #[must_use]
    pub fn add(alias: FullName, address: Address) -> Self {
        Self::Add {
            entry: Entry { alias, address },
            info: Vec::new(),
            options: Vec::new(),
        }
    }

    /// A deletion.
    #[must_use]
    pub fn delete(alias: FullName, address: Address) -> Self {
        Self::Delete {
            entry: Entry { alias, address },
        }
    }

    /// The text of the dummy that keeps the last confirmed number; 24 bytes, so that the record
    /// has the published 49 (DEC-012).
    #[must_use]
    pub fn dummy() -> Self {
        Self::Comment(Comment::dummy())
    }

    /// The operation letter: `A`, `D`, `M`, `R`, `T` or `#`.
    #[must_use]
    pub fn code(&self) -> char {
        match self {
            Self::Add { .. } => 'A',
            Self::Delete { .. } => 'D',
            Self::Modify { .. } => 'M',
            Self::Replace { .. } => 'R',
            Self::Template { .. } => 'T',
            Self::Comment(_) => '#',
        }
    }

    /// The entry that A adds, D deletes or M finds.
    #[must_use]
    pub fn entry(&self) -> Option<&Entry> {
        match self {
            Self::Add { entry, .. } | Self::Delete { entry } | Self::Modify { old: entry, .. } => {
                Some(entry)
            }
            _ => None,
        }
    }

    /// The list the transaction speaks of; `None` for a comment.
    #[must_use]
    pub fn scope(&self) -> Option<Scope> {
        match self {
            Self::Replace { scope } | Self::Template { scope, .. } => Some(*scope),
            Self::Comment(_) => None,
            _ => self.entry().map(|entry| entry.address.scope()),
        }
    }

    /// The template information of A and M.
    #[must_use]
    pub fn info(&self) -> &[Info] {
        match self {
            Self::Add { info, .. } | Self::Modify { info, .. } => info,
            _ => &[],
        }
    }

    /// Whether IMPORT accepts the transaction: every address by its type's rules, template
    /// information only where there are templates, R and T for a list that can be named.
    ///
    /// # Errors
    /// The numbered fault.
    pub fn check(&self) -> Result<(), Fault> {
        match self {
            Self::Add { entry, .. } | Self::Delete { entry } => entry.address.check()?,
            Self::Modify { old, new, .. } => {
                old.address.check()?;
                if let Some(new) = new {
                    new.address.check()?;
                }
            }
            Self::Replace { scope } => scope.check()?,
            Self::Template { scope, .. } => {
                scope.check()?;
                if !scope.kind.is_three_part() {
                    return Err(Fault::TemplateNotAllowed);
                }
            }
            Self::Comment(_) => {}
        }
        // Of M, template data is that of the new entry.
        let described = match self {
            Self::Modify { old, new, .. } => Some(new.as_ref().unwrap_or(old)),
            _ => self.entry(),
        };
        match described {
            Some(entry) if !self.info().is_empty() && !entry.address.kind().is_three_part() => {
                Err(Fault::TemplateNotAllowed)
            }
            _ => Ok(()),
        }
    }

    /// Reads the text of a record: one transaction with all its lines. The final NUL does not
    /// belong to it.
    ///
    /// # Errors
    /// [`TransactionFault`] names the line of the record and the message number.
    pub fn parse(text: &[u8]) -> Result<Self, TransactionFault> {
        read::parse(text, Reading::Lenient).map(|parsed| parsed.transaction)
    }

    /// As [`Self::parse`], saying how strictly to read and how loosely the text was written.
    ///
    /// # Errors
    /// As [`Self::parse`].
    pub fn parse_with(text: &[u8], reading: Reading) -> Result<Parsed, TransactionFault> {
        read::parse(text, reading)
    }

    /// The canonical text of a record, without the final NUL.
    ///
    /// # Errors
    /// `Limit` when it is longer than [`MAX_TEXT_BYTES`].
    pub fn to_record_text(&self) -> Result<Vec<u8>, DecodeError> {
        self.to_record_text_with(TypeCase::Upper)
    }

    /// The text of a record with types in the given case.
    ///
    /// # Errors
    /// As [`Self::to_record_text`].
    pub fn to_record_text_with(&self, case: TypeCase) -> Result<Vec<u8>, DecodeError> {
        let text = self.lines(Form::Tab, case).join(&b"\r\n"[..]);
        if text.len() > MAX_TEXT_BYTES {
            return Err(DecodeError::new(
                "transaction",
                0,
                DecodeErrorKind::Limit(
                    "text in bytes",
                    u64::try_from(MAX_TEXT_BYTES).unwrap_or(u64::MAX),
                    u64::try_from(text.len()).unwrap_or(u64::MAX),
                ),
            ));
        }
        Ok(text)
    }

    /// The lines of the transaction in code page 850, without line ends.
    #[must_use]
    pub fn lines(&self, form: Form, case: TypeCase) -> Vec<Vec<u8>> {
        let mut lines = Vec::new();
        match self {
            Self::Add {
                entry,
                info,
                options,
            } => {
                lines.push(line::write_entry(b"A ", entry, form, case));
                lines.extend(info.iter().map(Info::to_bytes));
                lines.extend(options.iter().map(UserOption::to_bytes));
            }
            Self::Delete { entry } => lines.push(line::write_entry(b"D ", entry, form, case)),
            Self::Modify {
                old,
                new,
                info,
                options,
            } => {
                lines.push(line::write_entry(b"M ", old, form, case));
                let new = new.as_ref().unwrap_or(old);
                lines.push(line::write_entry(b"  ", new, form, case));
                lines.extend(info.iter().map(Info::to_bytes));
                lines.extend(options.iter().map(UserOption::to_bytes));
            }
            Self::Replace { scope } => lines.push([b"R ", &scope.to_bytes_with(case)[..]].concat()),
            Self::Template { scope, fields } => {
                lines.push([b"T ", &scope.to_bytes_with(case)[..]].concat());
                lines.extend(fields.iter().map(|field| [b" ", field.text()].concat()));
            }
            Self::Comment(comment) => lines.push(comment.text().to_vec()),
        }
        lines
    }
}

#[cfg(test)]
pub(crate) mod tests;
