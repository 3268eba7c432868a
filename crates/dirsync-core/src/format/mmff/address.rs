//! Addresses as FFAPI writes them.
//!
//! `CSI`, or no type at all, is a mailbox of the mail system itself; `PCM` exists only inside dirsync
//! bodies, so that `TO:PCM:net/po/$system` is an unknown service (Q106623). FAX and MCI have a
//! literal `^0D` - caret, zero, D - where their record has a line end (Q94410, Q87651).

use crate::base::address::{Spelling, TypeCase};
use crate::base::{Address, AddressType};

use super::fault::Code;

const CARET: &[u8] = b"^0D";

/// Whether an address type writes its line ends as `^0D`.
fn has_carets(kind: AddressType) -> bool {
    matches!(kind, AddressType::Fax | AddressType::Mci)
}

/// Reads `[type:]address`.
///
/// # Errors
/// 151 for a type that is no service here, 142 for an address that its type does not allow.
pub fn parse_address(text: &[u8]) -> Result<Address, Code> {
    let text = text.trim_ascii();
    let colon = text.iter().position(|&byte| byte == b':');
    let slash = text.iter().position(|&byte| byte == b'/');
    let has_type = colon.is_some_and(|colon| slash.is_none_or(|slash| colon < slash));
    let (Some(colon), true) = (colon, has_type) else {
        // No type: a mailbox.
        return check(Address::parse(text).map_err(|_| Code::BadAddress)?);
    };
    let (name, rest) = text.split_at(colon);
    let rest = rest.get(1..).unwrap_or_default().trim_ascii();
    let service = || Code::UnknownService(name.to_vec());
    let (kind, spelling) = AddressType::parse(name.trim_ascii()).map_err(|_| service())?;
    if kind.class() == AddressType::Pcm && spelling != Spelling::Csi {
        return Err(service());
    }
    let address = if has_carets(kind) {
        Address::from_physical_record(kind, &from_carets(rest))
    } else if kind.class() == AddressType::Pcm {
        // A second type, even an empty one, would make the network of a mailbox hold a colon.
        let network = rest.split(|&byte| byte == b'/').next().unwrap_or_default();
        if network.contains(&b':') {
            return Err(Code::BadAddress);
        }
        let address = Address::parse(rest).map_err(|_| Code::BadAddress)?;
        if address.spelling() != Spelling::Omitted {
            return Err(Code::BadAddress);
        }
        Ok(address)
    } else {
        let mut whole = kind.name().as_bytes().to_vec();
        whole.push(b':');
        whole.extend_from_slice(rest);
        Address::parse(&whole)
    };
    check(address.map_err(|_| Code::BadAddress)?)
}

/// A mailbox is one of network, postoffice and mailbox; anything else an address must be is its
/// own gateway's business.
fn check(address: Address) -> Result<Address, Code> {
    if address.kind().is_three_part() && address.mailbox().is_none() {
        return Err(Code::BadAddress);
    }
    Ok(address)
}

/// `TYPE:address` for a header line; a mailbox is of type CSI.
#[must_use]
pub fn write_address(address: &Address) -> Vec<u8> {
    if address.kind() == AddressType::Pcm {
        let mut out = b"CSI:".to_vec();
        out.extend_from_slice(&address.physical());
        return out;
    }
    if !has_carets(address.kind()) {
        return address.to_bytes_with(TypeCase::Upper);
    }
    let mut out = address.kind().name().as_bytes().to_vec();
    out.push(b':');
    let record = address.physical_record();
    let mut rest = record.as_slice();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        match (byte, after.first()) {
            (b'\r', Some(b'\n')) => {
                // One blank before each token (Q94410).
                out.extend_from_slice(CARET);
                out.push(b' ');
                rest = after.get(1..).unwrap_or_default();
            }
            (b'\r', _) => out.extend_from_slice(CARET),
            _ => out.push(byte),
        }
    }
    out
}

/// `^0D` becomes CR.
fn from_carets(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix(CARET) {
            out.push(b'\r');
            rest = after;
        } else {
            out.extend(rest.first());
            rest = rest.get(1..).unwrap_or_default();
        }
    }
    out
}
