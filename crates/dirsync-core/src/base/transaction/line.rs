//! One line with an alias and an address: TAB form, column form, and forms bent by hand or print.
//!
//! DOCUMENTED: alias in columns 3-32, column 33 blank, address from column 34; or a TAB after the
//! alias (Q96001, Q104869, Q96060). What a strict reader makes of other columns is message 72
//! (Q104869); what the lenient one accepts is imp R-FMT-005.

use std::ops::Range;

use super::{Entry, Form};
use crate::base::address::{Address, AddressType, Fault, FullName, TypeCase, trim_blanks};

/// How strictly columns are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Reading {
    /// Columns as documented; anything else is message 72.
    Strict,
    /// Also a known type after blanks in any column.
    #[default]
    Lenient,
}

/// How a line was laid out. Ordered from exact to loose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Layout {
    /// A TAB between alias and address.
    Tab,
    /// The documented columns.
    Columns,
    /// Neither; read by looking for the type. Worth a warning in a file.
    Loose,
}

/// The first column (from 0) of the address in the column form.
pub(crate) const ADDRESS_COLUMN: usize = 33;
/// The first column (from 0) of the alias.
const ALIAS_COLUMN: usize = 2;

/// Where alias and address of a line stand, and how it is laid out. Blanks around either may be
/// inside the ranges.
pub(crate) struct Split {
    /// Bytes of the alias.
    pub(crate) alias: Range<usize>,
    /// Bytes of the address.
    pub(crate) address: Range<usize>,
    /// The layout.
    pub(crate) layout: Layout,
}

/// Splits a line whose code stands in the first byte (blank for the second line of M).
pub(crate) fn split_entry(line: &[u8], reading: Reading) -> Result<Split, Fault> {
    let (code, body) = line.split_first().ok_or(Fault::NoAddress)?;
    if !matches!(body.first(), Some(b' ' | b'\t')) && *code != b' ' {
        return Err(if body.is_empty() {
            Fault::NoAddress
        } else {
            Fault::Separator
        });
    }
    let rest = body.strip_prefix(b"\t").unwrap_or(body);
    let start = line.len().saturating_sub(rest.len());
    let split = |at: usize, layout: Layout| Split {
        alias: start..at,
        address: at..line.len(),
        layout,
    };
    if let Some(tab) = rest.iter().position(|&byte| byte == b'\t') {
        let tab = start.saturating_add(tab);
        let address = line.len().saturating_sub(trim_tabs(&line[tab..]).len());
        return Ok(Split {
            alias: start..tab,
            address: address..line.len(),
            layout: Layout::Tab,
        });
    }
    if is_columns(line) {
        let mut split = split(ADDRESS_COLUMN, Layout::Columns);
        split.alias.start = ALIAS_COLUMN;
        return Ok(split);
    }
    match (loose(rest), reading) {
        (Some(at), Reading::Lenient) => Ok(split(start.saturating_add(at), Layout::Loose)),
        (Some(_), Reading::Strict) => Err(Fault::FullNameTooLong),
        // Column 33 is reached and there is no type: the alias runs on. An M without any address
        // is reported in the same way (Q127918).
        (None, _) if line.len() >= ADDRESS_COLUMN || *code == b'M' => Err(Fault::FullNameTooLong),
        (None, _) => Err(Fault::NoAddress),
    }
}

/// Reads the entry of a line whose code stands in the first byte (blank for the second line of M).
pub(crate) fn read_entry(line: &[u8], reading: Reading) -> Result<(Entry, Layout), Fault> {
    let split = split_entry(line, reading)?;
    let entry = Entry {
        alias: FullName::new(&line[split.alias])?,
        address: Address::parse(&line[split.address])?,
    };
    Ok((entry, split.layout))
}

fn trim_tabs(text: &[u8]) -> &[u8] {
    let start = text
        .iter()
        .position(|byte| !matches!(byte, b'\t' | b' '))
        .unwrap_or(text.len());
    &text[start..]
}

/// Whether the parts stand in their columns: column 2 and 33 blank, alias from column 3, something
/// in column 34.
///
/// An address without type that follows a known type further left is not taken: there the line
/// was laid out loosely and column 34 fell on a blank of the address.
fn is_columns(line: &[u8]) -> bool {
    let (Some(address), Some(alias)) = (
        line.get(ADDRESS_COLUMN..),
        line.get(ALIAS_COLUMN..ADDRESS_COLUMN),
    ) else {
        return false;
    };
    let exact = line.get(1) == Some(&b' ')
        && alias.last() == Some(&b' ')
        && !matches!(address.first(), None | Some(b' '));
    exact && (known_type(address).is_some() || loose(alias).is_none())
}

/// The type whose name and colon the text begins with.
fn known_type(text: &[u8]) -> Option<AddressType> {
    let colon = text.iter().take(8).position(|&byte| byte == b':')?;
    if colon == 0 {
        return None;
    }
    AddressType::parse(&text[..colon])
        .ok()
        .map(|(kind, _)| kind)
}

/// How far into a line the loose reader looks for the start of the address, in bytes (ASSIGNED:
/// twice the documented column and more than any print or editor added; keeps hostile lines cheap).
const LOOSE_LIMIT: usize = 80;

/// Where the address begins when a known type stands after a blank; without one, where two blanks
/// are followed by something with two slashes (an address without its type).
fn loose(rest: &[u8]) -> Option<usize> {
    let after_blank = |offset: usize| {
        offset > 0 && rest[offset] != b' ' && rest[offset.saturating_sub(1)] == b' '
    };
    let named = |text: &[u8]| !trim_blanks(text).is_empty();
    let end = rest.len().min(LOOSE_LIMIT);
    (0..end)
        .filter(|&offset| after_blank(offset) && named(&rest[..offset]))
        .find(|&offset| known_type(&rest[offset..]).is_some())
        .or_else(|| {
            (2..end)
                .filter(|&offset| after_blank(offset) && named(&rest[..offset]))
                .find(|&offset| {
                    rest[offset.saturating_sub(2)] == b' '
                        && rest[offset..].iter().filter(|&&byte| byte == b'/').count() == 2
                })
        })
}

/// Writes a line: the two bytes of code and blank, alias, TAB or blanks up to column 33, address.
pub(super) fn write_entry(code: &[u8; 2], entry: &Entry, form: Form, case: TypeCase) -> Vec<u8> {
    let mut line = code.to_vec();
    line.extend_from_slice(entry.alias.text());
    match form {
        Form::Tab => line.push(b'\t'),
        Form::Columns => line.resize(ADDRESS_COLUMN, b' '),
    }
    line.extend_from_slice(&entry.address.to_bytes_with(case));
    line
}
