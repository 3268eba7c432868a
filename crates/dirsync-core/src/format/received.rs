//! RECEIVED.TAG: the last messages a domain has taken in, so that a repeat is dropped.
//!
//! A ring of 16,384 slots behind a header (DEC-070, decisions 2.15); a missing or shorter file has
//! empty slots. In `P1/` of a postoffice, `MTADATA/` of an MTA, `DXADATA/` of an agent. The hash is
//! made where the mail is known; this is the file only.
//!
//! `ReceivedHeader`, 16 bytes:
//!
//! | Off | Size | Name | Trust | Source |
//! |---|---|---|---|---|
//! | 0 | 4 | magic | ASSIGNED | decisions 2.15 |
//! | 4 | 4 | next | ASSIGNED | decisions 2.15 |
//! | 8 | 8 | reserved_8 | ASSIGNED | decisions 2.15 |
//!
//! `ReceivedSlot`, 16 bytes:
//!
//! | Off | Size | Name | Trust | Source |
//! |---|---|---|---|---|
//! | 0 | 8 | hash | ASSIGNED | decisions 2.15 |
//! | 8 | 4 | time | ASSIGNED | decisions 2.15 |
//! | 12 | 4 | stem | ASSIGNED | decisions 2.15 |

use zerocopy::little_endian::{U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use super::field::Reserved;
use super::record::{FileLayout, FileView, FixedRecord, fixed_record};
use crate::base::{DecodeError, DecodeErrorKind};

/// Header of RECEIVED.TAG.
#[derive(FromBytes, IntoBytes, Unaligned, Immutable, KnownLayout, Clone, PartialEq, Eq, Debug)]
#[repr(C)]
pub struct ReceivedHeader {
    /// [`ReceivedHeader::MAGIC`].
    pub magic: [u8; 4],
    /// Slot that is written next, 0 to 16,383.
    pub next: U32,
    /// Unknown or unused; zero when created, kept when rewritten.
    reserved_8: Reserved<8>,
}
fixed_record!(ReceivedHeader, "RECEIVED header", 16, "decisions 2.15", {
    magic: 0,
    next: 4,
    reserved_8: 8,
});

/// One message taken in; all zero when the slot was never used.
#[derive(FromBytes, IntoBytes, Unaligned, Immutable, KnownLayout, Clone, PartialEq, Eq, Debug)]
#[repr(C)]
pub struct ReceivedSlot {
    /// XXH64 with seed 0 of Message-ID, NUL and the recipients, each ended by a NUL.
    pub hash: U64,
    /// When it was taken in, seconds since 1970 UTC.
    pub time: U32,
    /// The number of the message here.
    pub stem: U32,
}
fixed_record!(ReceivedSlot, "RECEIVED slot", 16, "decisions 2.15", {
    hash: 0,
    time: 8,
    stem: 12,
});

/// P1/RECEIVED.TAG.
pub const RECEIVED: FileLayout<ReceivedHeader, ReceivedSlot> = FileLayout::new("P1/RECEIVED.TAG");
/// Slots of the ring.
pub const SLOTS: u32 = 16_384;

impl ReceivedHeader {
    /// The magic (ASSIGNED).
    pub const MAGIC: [u8; 4] = *b"RCV1";

    /// The header of an empty ring.
    #[must_use]
    pub fn fresh() -> Self {
        let mut header = Self::zeroed();
        header.magic = Self::MAGIC;
        header
    }
}

impl ReceivedSlot {
    /// Whether the slot holds a message.
    #[must_use]
    pub fn is_used(&self) -> bool {
        self.as_bytes().iter().any(|&byte| byte != 0)
    }
}

/// Looks at a ledger in place.
///
/// # Errors
/// No magic, a next slot outside the ring or behind a gap, more slots than the ring has, or bytes
/// left over. The file is ours alone, so all of this is damage.
pub fn view(bytes: &[u8]) -> Result<FileView<'_, ReceivedHeader, ReceivedSlot>, DecodeError> {
    let view = RECEIVED.view(bytes)?;
    let bad = |offset, kind| Err(DecodeError::new("RECEIVED.TAG", offset, kind));
    if view.header.magic != ReceivedHeader::MAGIC {
        return bad(0, DecodeErrorKind::BadMagic);
    }
    let len = bytes.len() as u64;
    if !view.trailing.is_empty() {
        return bad(len, DecodeErrorKind::BadSize(len, 16, 16));
    }
    let slots = view.records.len() as u64;
    if slots > u64::from(SLOTS) {
        return bad(
            16,
            DecodeErrorKind::Limit("the number of slots", SLOTS.into(), slots),
        );
    }
    let next = view.header.next.get();
    if next >= SLOTS || u64::from(next) > slots {
        return bad(4, DecodeErrorKind::BadField("next"));
    }
    Ok(view)
}

/// Byte offset of slot `n` and the value of `next` after it was written.
#[must_use]
pub fn place(n: u32) -> (u64, u32) {
    let n = n % SLOTS;
    let offset = FileView::<ReceivedHeader, ReceivedSlot>::offset_of(n as usize);
    (offset, (n + 1) % SLOTS)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    // rule: dec:DEC-070
    #[test]
    fn the_ring_has_16384_slots() {
        assert_eq!(place(0), (16, 1));
        assert_eq!(place(SLOTS - 1), (16 + 16 * 16_383, 0));
        let header = ReceivedHeader::fresh();
        let full = RECEIVED.build(&header, &vec![ReceivedSlot::zeroed(); 16_384]);
        assert_eq!(full.len(), 16 + 16 * 16_384);
        assert_eq!(view(&full).unwrap().records.len(), 16_384);
        let over = RECEIVED.build(&header, &vec![ReceivedSlot::zeroed(); 16_385]);
        assert!(view(&over).is_err());
    }

    // rule: dec:2.15
    #[test]
    fn damage_is_seen() {
        let mut header = ReceivedHeader::fresh();
        let slots = [ReceivedSlot::zeroed()];
        assert!(!slots[0].is_used());
        header.next.set(1);
        let good = RECEIVED.build(&header, &slots);
        assert!(view(&good).is_ok());
        assert!(view(&good[..31]).is_err());
        assert!(view(&good[..15]).is_err());
        header.next.set(2);
        assert!(view(&RECEIVED.build(&header, &slots)).is_err());
        header = ReceivedHeader::zeroed();
        assert!(view(&RECEIVED.build(&header, &slots)).is_err());
    }

    proptest! {
        // rule: dec:2.15
        #[test]
        fn any_bytes_survive_or_are_refused(
            bytes in proptest::collection::vec(any::<u8>(), 0..100),
            next in 0u32..8,
            n: u32,
        ) {
            let _ = view(&bytes);
            let mut ours = bytes;
            ours.splice(..ours.len().min(8), *b"RCV1");
            ours.splice(4..4, next.to_le_bytes());
            if let Ok(view) = view(&ours) {
                prop_assert_eq!(RECEIVED.build(view.header, view.records), ours);
            }
            let (offset, after) = place(n);
            prop_assert_eq!(RECEIVED.record_at(offset), Some(u64::from(n % SLOTS)));
            prop_assert!(after < SLOTS);
        }
    }
}
