//! In which column a fault stands.
//!
//! The parsers of addresses answer with a message number; which character they stumbled over is
//! found here by walking the same way once more, only for lines that are wrong.

use crate::base::address::name::RESERVED_NETWORKS;
use crate::base::address::{AddressType, Fault, MailboxName};
use crate::base::transaction::Reading;
use crate::base::transaction::line::{ADDRESS_COLUMN, split_entry};

/// The column (from 1) of a fault in a line with alias and address.
pub(super) fn of_entry(line: &[u8], reading: Reading, fault: Fault) -> usize {
    let end = line.len().saturating_add(1);
    match split_entry(line, reading) {
        Err(Fault::Separator) => 2,
        Err(Fault::FullNameTooLong) if line.len() >= ADDRESS_COLUMN => ADDRESS_COLUMN,
        Err(_) => end,
        Ok(split) => {
            let alias = skip_blanks(line, split.alias.start);
            match fault {
                Fault::NoFullName => split.alias.start.max(2).saturating_add(1),
                Fault::FullNameTooLong => {
                    let text = &line[split.alias.clone()];
                    let control = text.iter().position(|&byte| byte < b' ');
                    match control {
                        Some(at) => split.alias.start.saturating_add(at).saturating_add(1),
                        None => alias.saturating_add(31).min(end),
                    }
                }
                _ => of_address(line, split.address.start, fault),
            }
        }
    }
}

/// The column (from 1) of a fault in an R or T line.
pub(super) fn of_scope(line: &[u8], fault: Fault) -> usize {
    match fault {
        Fault::CommandColumn => 1,
        Fault::Separator => 2,
        _ => of_address(line, 1, fault),
    }
}

fn skip_blanks(line: &[u8], from: usize) -> usize {
    line.get(from..)
        .and_then(|rest| {
            rest.iter()
                .position(|byte| !matches!(byte, b' ' | b'\t'))
                .map(|at| from.saturating_add(at))
        })
        .unwrap_or(line.len())
}

/// The column of a fault in the address that begins behind `from`.
fn of_address(line: &[u8], from: usize, fault: Fault) -> usize {
    let start = skip_blanks(line, from);
    let text = line.get(start..).unwrap_or_default();
    let stop = text
        .iter()
        .position(|byte| matches!(byte, b':' | b'/' | b'@'));
    let (kind, physical) = match stop {
        Some(colon) if text.get(colon) == Some(&b':') => (
            AddressType::parse(&text[..colon])
                .ok()
                .map(|(kind, _)| kind),
            skip_blanks(line, start.saturating_add(colon).saturating_add(1)),
        ),
        _ => (Some(AddressType::Pcm), start),
    };
    let at = match kind {
        _ if matches!(fault, Fault::UnknownType) => start,
        Some(kind) if kind.is_three_part() => in_three_parts(line, physical, fault),
        _ => in_free_form(line, physical, kind, fault),
    };
    at.min(line.len()).saturating_add(1)
}

/// The offset of a fault in `NET/PO/MAILBOX`.
fn in_three_parts(line: &[u8], from: usize, fault: Fault) -> usize {
    let mut parts: Vec<(usize, &[u8])> = Vec::with_capacity(3);
    let mut at = from;
    for part in line
        .get(from..)
        .unwrap_or_default()
        .splitn(3, |&byte| byte == b'/')
    {
        parts.push((at, part));
        at = at.saturating_add(part.len()).saturating_add(1);
    }
    let first_bad = |index: usize, good: &dyn Fn(u8) -> bool| {
        parts.get(index).and_then(|&(start, part)| {
            part.iter()
                .position(|&byte| !good(byte))
                .map(|at| start.saturating_add(at))
        })
    };
    let found = match fault {
        Fault::ElementTooLong => parts
            .iter()
            .find(|(_, part)| part.len() > 10)
            .map(|(start, _)| start.saturating_add(10)),
        Fault::NetworkCharacter => first_bad(0, &|byte| byte.is_ascii_alphanumeric()),
        Fault::PostofficeCharacter => first_bad(1, &|byte| byte.is_ascii_alphanumeric()),
        Fault::MailboxCharacter => first_bad(2, &|byte| MailboxName::new(&[byte]).is_ok()),
        Fault::ReservedNetwork => parts
            .first()
            .filter(|(_, part)| {
                RESERVED_NETWORKS
                    .iter()
                    .any(|name| part.eq_ignore_ascii_case(name.as_bytes()))
            })
            .map(|&(start, _)| start),
        // The first part that is empty or not there.
        Fault::NodeIncomplete => parts
            .iter()
            .find(|(_, part)| part.is_empty())
            .map(|&(start, _)| start),
        _ => None,
    };
    found.unwrap_or(line.len())
}

/// The offset of a fault in a free-form address.
fn in_free_form(line: &[u8], from: usize, kind: Option<AddressType>, fault: Fault) -> usize {
    let text = line.get(from..).unwrap_or_default();
    let field = |index: usize| {
        let before: usize = text
            .split(|&byte| byte == b'~')
            .take(index)
            .map(|field| field.len().saturating_add(1))
            .sum();
        from.saturating_add(before)
    };
    match fault {
        Fault::PhysicalTooLong => from.saturating_add(kind.map_or(0, |k| k.max_physical_bytes())),
        Fault::FaxRecipient => field(0).saturating_add(30),
        Fault::FaxLocation => field(1).saturating_add(30),
        Fault::FaxCompany => field(2).saturating_add(30),
        Fault::FaxPhone => field(3).saturating_add(22),
        Fault::PhoneCharacter => {
            let start = field(3);
            line.get(start..)
                .unwrap_or_default()
                .iter()
                .position(|byte| !byte.is_ascii_digit() && !matches!(byte, b' ' | b',' | b'-'))
                .map_or(start, |at| start.saturating_add(at))
        }
        Fault::BadPhysical => text
            .iter()
            .position(|&byte| byte < b' ')
            .map_or(from, |at| from.saturating_add(at)),
        _ => line.len(),
    }
}
