//! Reads all lines of one transaction.

use std::fmt;

use super::info::is_info;
use super::line::read_entry;
use super::{Comment, Info, Layout, Reading, TemplateLine, Transaction, UserOption};
use crate::base::address::{Fault, Scope};

/// A transaction and how it was laid out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parsed {
    /// The transaction.
    pub transaction: Transaction,
    /// The loosest layout among its lines.
    pub layout: Layout,
}

/// A transaction that could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TransactionFault {
    /// The line of the record, from 1.
    pub line: u32,
    /// What was wrong with it.
    pub fault: Fault,
}

impl fmt::Display for TransactionFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (line {})", self.fault, self.line)
    }
}

impl std::error::Error for TransactionFault {}

/// The lines of a text: ended by LF, any number of CRs before it swallowed (imp R-FMT-012a),
/// numbered from 1; a last line end makes no line.
fn lines(text: &[u8]) -> impl Iterator<Item = (u32, &[u8])> {
    let text = strip_crs(text.strip_suffix(b"\n").unwrap_or(text));
    (1u32..).zip(text.split(|&byte| byte == b'\n').map(strip_crs))
}

fn strip_crs(mut line: &[u8]) -> &[u8] {
    while let Some(shorter) = line.strip_suffix(b"\r") {
        line = shorter;
    }
    line
}

/// Whether a line of a file or text attachment begins a transaction (or comment, or rubbish)
/// rather than continue the one before it: it is not empty and begins with none of blank, TAB,
/// `-`, `&`.
#[must_use]
pub fn opens_transaction(line: &[u8]) -> bool {
    !matches!(
        line.first(),
        None | Some(b' ' | b'\t' | b'-' | b'&' | b'\r')
    )
}

/// Reads one transaction with all its lines; empty lines between them are ignored.
pub(super) fn parse(text: &[u8], reading: Reading) -> Result<Parsed, TransactionFault> {
    let mut layout = Layout::Tab;
    let mut transaction: Option<Transaction> = None;
    for (number, line) in lines(text) {
        let at = |fault| TransactionFault {
            line: number,
            fault,
        };
        if line.is_empty() {
            continue;
        }
        if line.contains(&0) || line.contains(&b'\r') {
            return Err(at(Fault::NoEffect));
        }
        match &mut transaction {
            None => {
                let (first, first_layout) = first_line(line, reading).map_err(at)?;
                transaction = Some(first);
                layout = layout.max(first_layout);
            }
            Some(transaction) => {
                let line_layout = next_line(transaction, line, reading).map_err(at)?;
                layout = layout.max(line_layout);
            }
        }
    }
    match transaction {
        Some(transaction) => Ok(Parsed {
            transaction,
            layout,
        }),
        None => Err(TransactionFault {
            line: 1,
            fault: Fault::NoEffect,
        }),
    }
}

/// Reads the line that opens a transaction.
pub(crate) fn first_line(line: &[u8], reading: Reading) -> Result<(Transaction, Layout), Fault> {
    let code = line.first().copied().unwrap_or_default();
    // A lower-case code is taken by the lenient reader only (ASSIGNED; seen once, in Q156726).
    let loose_code = code.is_ascii_lowercase();
    if loose_code && reading == Reading::Strict {
        return Err(Fault::CommandColumn);
    }
    let own = |layout: Layout| if loose_code { Layout::Loose } else { layout };
    match code.to_ascii_uppercase() {
        b'#' => Ok((Transaction::Comment(Comment::new(line)?), Layout::Tab)),
        b'A' => {
            let (entry, layout) = read_entry(line, reading)?;
            let (info, options) = (Vec::new(), Vec::new());
            Ok((
                Transaction::Add {
                    entry,
                    info,
                    options,
                },
                own(layout),
            ))
        }
        b'D' => {
            let (entry, layout) = read_entry(line, reading)?;
            Ok((Transaction::Delete { entry }, own(layout)))
        }
        b'M' => {
            let (old, layout) = read_entry(line, reading)?;
            Ok((
                Transaction::Modify {
                    old,
                    new: None,
                    info: Vec::new(),
                    options: Vec::new(),
                },
                own(layout),
            ))
        }
        b'R' => {
            let scope = scope(line)?;
            Ok((Transaction::Replace { scope }, own(Layout::Tab)))
        }
        b'T' => {
            let (scope, fields) = (scope(line)?, Vec::new());
            Ok((Transaction::Template { scope, fields }, own(Layout::Tab)))
        }
        _ => Err(Fault::CommandColumn),
    }
}

/// The scope of an R or T line: behind the code a blank or TAB.
fn scope(line: &[u8]) -> Result<Scope, Fault> {
    match line.get(1..) {
        Some([b' ' | b'\t', rest @ ..]) => {
            let rest = rest
                .iter()
                .position(|byte| !matches!(byte, b' ' | b'\t'))
                .map_or(&[][..], |start| &rest[start..]);
            Scope::parse(rest)
        }
        None | Some([]) => Err(Fault::NoAddress),
        Some(_) => Err(Fault::Separator),
    }
}

/// Adds a further line to a transaction; answers how it was laid out.
pub(crate) fn next_line(
    transaction: &mut Transaction,
    line: &[u8],
    reading: Reading,
) -> Result<Layout, Fault> {
    match transaction {
        Transaction::Add { info, options, .. } => {
            follow_up(line, info, options)?;
            Ok(Layout::Tab)
        }
        Transaction::Modify {
            new, info, options, ..
        } => {
            if is_info(line) || line.first() == Some(&b'&') {
                follow_up(line, info, options)?;
                return Ok(Layout::Tab);
            }
            if line.first() != Some(&b' ') {
                return Err(Fault::CommandColumn);
            }
            if new.is_some() || !info.is_empty() || !options.is_empty() {
                return Err(Fault::NoEffect);
            }
            let (entry, layout) = read_entry(line, reading)?;
            *new = Some(entry);
            Ok(layout)
        }
        Transaction::Template { fields, .. } => {
            let field = line.strip_prefix(b" ").ok_or(Fault::CommandColumn)?;
            fields.push(TemplateLine::new(field)?);
            Ok(Layout::Tab)
        }
        Transaction::Delete { .. } | Transaction::Replace { .. } => Err(Fault::NoEffect),
        Transaction::Comment(_) => Err(Fault::NoEffect),
    }
}

/// A line of template information or a user option.
fn follow_up(
    line: &[u8],
    info: &mut Vec<Info>,
    options: &mut Vec<UserOption>,
) -> Result<(), Fault> {
    if is_info(line) {
        info.push(Info::parse(line)?);
        Ok(())
    } else if line.first() == Some(&b'&') {
        options.push(UserOption::parse(line)?);
        Ok(())
    } else {
        Err(Fault::CommandColumn)
    }
}
