//! `<TYPE>.GLB`: the free-form addresses behind a gateway.
//!
//! SMTP.GLB, X400.GLB and others hold the physical addresses that the entries of `<TYPE>.NME` point
//! to. A fresh file has 4 bytes (DOCUMENTED, Q102300); the rest is ours (ASSIGNED, decisions 2.15):
//! u32 0, then records of one state byte (01 live, 00 deleted), one zero byte, the length of the
//! address as u16, and the address in code page 850. Records are named by their byte offset.

use super::record::{DELETED, LIVE};
use crate::base::{DecodeError, DecodeErrorKind};

/// Length of the header and of a fresh file in bytes (Q102300).
pub const HEADER_LEN: usize = 4;
/// Length of what stands before an address in bytes.
pub const RECORD_HEAD_LEN: usize = 4;
/// Bytes of the longest address (decisions 4: X400, MCI, FAX).
pub const MAX_ADDRESS_LEN: usize = 512;
/// A fresh file.
pub const FRESH: [u8; HEADER_LEN] = [0; HEADER_LEN];

const WHAT: &str = "gateway list";

/// One address of a gateway list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GatewayEntry<'a> {
    /// Byte offset of the record from the start of the file.
    pub offset: u32,
    /// 01 live, 00 deleted.
    pub state: u8,
    /// The second byte, zero as we write it.
    pub reserved: u8,
    /// The physical address in code page 850.
    pub address: &'a [u8],
}

impl GatewayEntry<'_> {
    /// Whether the record is in use.
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.state == LIVE
    }

    /// Length of the record in bytes.
    #[must_use]
    pub fn len_bytes(&self) -> usize {
        RECORD_HEAD_LEN + self.address.len()
    }
}

/// The addresses of a gateway list, in the order of the file. Ends after the first error, because
/// the place of the next record is not known then.
#[derive(Debug, Clone)]
pub struct GatewayList<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> GatewayList<'a> {
    /// Looks at the bytes of a file in place.
    ///
    /// # Errors
    /// Fewer bytes than the header.
    pub fn new(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        if bytes.len() < HEADER_LEN {
            let kind = DecodeErrorKind::TooShort(HEADER_LEN as u64, bytes.len() as u64);
            return Err(DecodeError::new(WHAT, 0, kind));
        }
        Ok(Self {
            bytes,
            at: HEADER_LEN,
        })
    }

    /// The record at byte `offset`, which a list entry points to. Whether a record really begins
    /// there only a walk from the start can tell.
    ///
    /// # Errors
    /// The offset lies in the header or behind the end, or the record does not fit into the file.
    pub fn at_offset(&self, offset: u32) -> Result<GatewayEntry<'a>, DecodeError> {
        let start = offset as usize;
        if start < HEADER_LEN {
            let kind = DecodeErrorKind::BadField("byte offset");
            return Err(DecodeError::new(WHAT, start as u64, kind));
        }
        let rest = self.bytes.get(start..).unwrap_or_default();
        let short = |needed: usize| {
            let kind = DecodeErrorKind::TooShort(needed as u64, rest.len() as u64);
            DecodeError::new(WHAT, start as u64, kind)
        };
        let [state, reserved, low, high, tail @ ..] = rest else {
            return Err(short(RECORD_HEAD_LEN));
        };
        let len = usize::from(u16::from_le_bytes([*low, *high]));
        let address = tail
            .get(..len)
            .ok_or_else(|| short(RECORD_HEAD_LEN + len))?;
        Ok(GatewayEntry {
            offset,
            state: *state,
            reserved: *reserved,
            address,
        })
    }
}

impl<'a> Iterator for GatewayList<'a> {
    type Item = Result<GatewayEntry<'a>, DecodeError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.at >= self.bytes.len() {
            return None;
        }
        let entry = u32::try_from(self.at)
            .map_err(|_| {
                let (limit, at) = (u64::from(u32::MAX), self.at as u64);
                DecodeError::new(WHAT, at, DecodeErrorKind::Limit("the length", limit, at))
            })
            .and_then(|offset| self.at_offset(offset));
        self.at = match &entry {
            Ok(entry) => self.at + entry.len_bytes(),
            Err(_) => self.bytes.len(),
        };
        Some(entry)
    }
}

/// The bytes of a live record that is put behind the last one.
///
/// # Errors
/// An address of more than 512 bytes.
pub fn encode_entry(address: &[u8]) -> Result<Vec<u8>, DecodeError> {
    let too_long = || {
        let (limit, found) = (MAX_ADDRESS_LEN as u64, address.len() as u64);
        DecodeError::new(WHAT, 0, DecodeErrorKind::Limit("the address", limit, found))
    };
    if address.len() > MAX_ADDRESS_LEN {
        return Err(too_long());
    }
    let len = u16::try_from(address.len()).map_err(|_| too_long())?;
    let mut bytes = Vec::with_capacity(RECORD_HEAD_LEN + address.len());
    bytes.extend_from_slice(&[LIVE, 0]);
    bytes.extend_from_slice(&len.to_le_bytes());
    bytes.extend_from_slice(address);
    Ok(bytes)
}

/// The state byte of a deleted record, written at the record's offset.
pub const DELETED_STATE: u8 = DELETED;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    // rule: dec:2.15
    #[test]
    fn addresses_follow_a_header_of_4_bytes() {
        let mut file = FRESH.to_vec();
        assert_eq!(GatewayList::new(&file).unwrap().count(), 0);
        file.extend(encode_entry(b"paul@example.com").unwrap());
        file.extend(encode_entry(b"c=us;a=mci").unwrap());
        let list = GatewayList::new(&file).unwrap();
        let entries: Vec<_> = list.clone().map(Result::unwrap).collect();
        assert_eq!(entries[0].address, b"paul@example.com");
        assert_eq!(entries[1].offset, 4 + 4 + 16);
        assert_eq!(list.at_offset(24).unwrap().address, b"c=us;a=mci");
        file[4] = DELETED_STATE;
        let first = GatewayList::new(&file).unwrap().next().unwrap().unwrap();
        assert!(!first.is_live());
        assert!(encode_entry(&[b'x'; 513]).is_err());
        assert!(GatewayList::new(&file[..3]).is_err());
    }

    // rule: dec:2.15
    #[test]
    fn a_cut_record_ends_the_list_with_an_error() {
        let mut file = FRESH.to_vec();
        file.extend(encode_entry(b"first").unwrap());
        file.extend(encode_entry(b"second").unwrap());
        for cut in 14..file.len() {
            let items: Vec<_> = GatewayList::new(&file[..cut]).unwrap().collect();
            assert_eq!(items.len(), 2, "{cut}");
            assert!(items[0].is_ok() && items[1].is_err());
        }
        let list = GatewayList::new(&file).unwrap();
        for offset in [0, 3, 5000, u32::MAX] {
            assert!(list.at_offset(offset).is_err(), "{offset}");
        }
    }

    proptest! {
        // rule: dec:2.15
        #[test]
        fn any_bytes_are_read_and_records_come_back(
            bytes in proptest::collection::vec(0u8..20, 0..200),
            address in proptest::collection::vec(any::<u8>(), 0..=512),
        ) {
            if let Ok(list) = GatewayList::new(&bytes) {
                let mut again = bytes[..4].to_vec();
                for entry in list.flatten() {
                    let len = u16::try_from(entry.address.len()).unwrap();
                    again.extend([entry.state, entry.reserved]);
                    again.extend(len.to_le_bytes());
                    again.extend(entry.address);
                }
                prop_assert!(bytes.starts_with(&again));
            }
            let mut file = FRESH.to_vec();
            file.extend(encode_entry(&address).unwrap());
            let entry = GatewayList::new(&file).unwrap().next().unwrap().unwrap();
            prop_assert_eq!(entry.address, &address[..]);
        }
    }
}
