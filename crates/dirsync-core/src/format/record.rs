//! Fixed records and files made of them.
//!
//! A [`FixedRecord`] is a struct that is its own on-disk layout: its size is checked against the
//! published one when the crate is compiled, its offsets too. A [`FileLayout`] says what a whole
//! file is made of: a header, then records of one length without gaps (Q77926). A [`FileView`]
//! looks at the bytes of such a file in place; bytes after the last whole record are shown as
//! [`FileView::trailing`], never a reason to fail, because the published cure is to cut them
//! (Q128243) and everything before them is good.
//!
//! Records are addressed by byte offset from the start of the file, header included; offset 0 is
//! never a record of a file with a header and serves as "none" (Q107767).

use std::marker::PhantomData;
use std::mem::size_of;

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use crate::base::{DecodeError, DecodeErrorKind};

/// State byte of a record that is in use (Q148666, Q86625).
pub const LIVE: u8 = 1;
/// State byte of a deleted record (Q148666, Q86625).
pub const DELETED: u8 = 0;

/// A record of fixed length whose struct is the on-disk layout.
pub trait FixedRecord:
    FromBytes + IntoBytes + Unaligned + Immutable + KnownLayout + Clone + PartialEq + std::fmt::Debug
{
    /// What it is, in the field's words, for example `NETWORK record`.
    const NAME: &'static str;
    /// Length in bytes.
    const SIZE: usize;
    /// The articles that publish size and fields.
    const SOURCE: &'static str;

    /// Looks at the first [`Self::SIZE`] bytes in place.
    ///
    /// # Errors
    /// Fewer bytes than that.
    fn view(bytes: &[u8]) -> Result<&Self, DecodeError> {
        Self::ref_from_prefix(bytes)
            .map(|(record, _)| record)
            .map_err(|_| too_short(Self::NAME, Self::SIZE, bytes.len()))
    }

    /// A copy of a record that must be exactly as long as `bytes`.
    ///
    /// # Errors
    /// Any other length.
    fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        Self::read_from_bytes(bytes).map_err(|_| {
            if bytes.len() < Self::SIZE {
                too_short(Self::NAME, Self::SIZE, bytes.len())
            } else {
                DecodeError::new(
                    Self::NAME,
                    Self::SIZE as u64,
                    DecodeErrorKind::BadSize(bytes.len() as u64, 0, Self::SIZE as u64),
                )
            }
        })
    }

    /// A record of zero bytes.
    #[must_use]
    fn zeroed() -> Self {
        Self::new_zeroed()
    }

    /// The bytes of the record.
    fn encode(&self) -> Vec<u8> {
        self.as_bytes().to_vec()
    }
}

/// Declares a struct to be a [`FixedRecord`] and checks its size and the offset of every field
/// against the published numbers when the crate is compiled.
macro_rules! fixed_record {
    ($ty:ident, $name:literal, $size:literal, $source:literal, { $($field:ident: $off:literal),* $(,)? }) => {
        const _: () = assert!(::std::mem::size_of::<$ty>() == $size);
        $(const _: () = assert!(::std::mem::offset_of!($ty, $field) == $off);)*
        impl $crate::format::record::FixedRecord for $ty {
            const NAME: &'static str = $name;
            const SIZE: usize = $size;
            const SOURCE: &'static str = $source;
        }
    };
}
#[allow(unused_imports)]
pub(crate) use fixed_record;

/// The header of a file that has none.
#[derive(
    FromBytes,
    IntoBytes,
    Unaligned,
    Immutable,
    KnownLayout,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Debug,
    Default,
)]
#[repr(C)]
pub struct NoHeader {}

fixed_record!(NoHeader, "no header", 0, "Q77926", {});

/// What a file is made of: one header `H`, then any number of records `R`.
#[derive(Debug)]
pub struct FileLayout<H, R> {
    /// The file as a path pattern below the tree's root, for example `GLB/NETPO.GLB`.
    pub pattern: &'static str,
    kind: PhantomData<fn() -> (H, R)>,
}

impl<H: FixedRecord, R: FixedRecord> FileLayout<H, R> {
    /// The layout of the files that `pattern` names.
    #[must_use]
    pub const fn new(pattern: &'static str) -> Self {
        // A record length of zero would make the record count meaningless.
        assert!(size_of::<R>() > 0);
        Self {
            pattern,
            kind: PhantomData,
        }
    }

    /// Length of the header in bytes.
    #[must_use]
    pub const fn header_len(&self) -> u64 {
        H::SIZE as u64
    }

    /// Length of one record in bytes.
    #[must_use]
    pub const fn record_len(&self) -> u64 {
        R::SIZE as u64
    }

    /// Byte offset of record `n`, counted from 0; `None` when it does not fit into 64 bits.
    #[must_use]
    pub fn record_offset(&self, n: u64) -> Option<u64> {
        n.checked_mul(self.record_len())?
            .checked_add(self.header_len())
    }

    /// Whole records in a file of `len` bytes; `None` when the header does not fit or bytes are
    /// left over.
    #[must_use]
    pub fn record_count(&self, len: u64) -> Option<u64> {
        let body = len.checked_sub(self.header_len())?;
        (body % self.record_len() == 0).then_some(body / self.record_len())
    }

    /// The number of the record at byte `offset`; `None` when no record starts there.
    #[must_use]
    pub fn record_at(&self, offset: u64) -> Option<u64> {
        self.record_count(offset)
    }

    /// Looks at the bytes of a file in place.
    ///
    /// # Errors
    /// Fewer bytes than the header. Bytes after the last whole record are no error.
    pub fn view<'a>(&self, bytes: &'a [u8]) -> Result<FileView<'a, H, R>, DecodeError> {
        let (header, body) =
            H::ref_from_prefix(bytes).map_err(|_| too_short(H::NAME, H::SIZE, bytes.len()))?;
        let count = body.len() / R::SIZE;
        let (records, trailing) = <[R]>::ref_from_prefix_with_elems(body, count)
            .map_err(|_| too_short(R::NAME, R::SIZE, body.len()))?;
        Ok(FileView {
            header,
            records,
            trailing,
        })
    }

    /// The bytes of a file.
    #[must_use]
    pub fn build(&self, header: &H, records: &[R]) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(H::SIZE + records.len() * R::SIZE);
        bytes.extend_from_slice(header.as_bytes());
        bytes.extend_from_slice(records.as_bytes());
        bytes
    }
}

/// The bytes of a file, looked at in place.
#[derive(Debug, Clone, Copy)]
pub struct FileView<'a, H, R> {
    /// The header.
    pub header: &'a H,
    /// All whole records, deleted ones included.
    pub records: &'a [R],
    /// Bytes after the last whole record; a finding when there are any (Q128243).
    pub trailing: &'a [u8],
}

impl<'a, H: FixedRecord, R: FixedRecord> FileView<'a, H, R> {
    /// The record that starts at byte `offset` of the file.
    #[must_use]
    pub fn at_offset(&self, offset: u64) -> Option<&'a R> {
        self.records.get(Self::index_of(offset)?)
    }

    /// The index of the record that starts at byte `offset`, whether it exists or not; `None`
    /// when no record can start there.
    #[must_use]
    pub fn index_of(offset: u64) -> Option<usize> {
        let body = offset.checked_sub(H::SIZE as u64)?;
        let record_len = R::SIZE as u64;
        if body % record_len != 0 {
            return None;
        }
        usize::try_from(body / record_len).ok()
    }

    /// The byte offset of record `index`.
    #[must_use]
    pub fn offset_of(index: usize) -> u64 {
        (index as u64)
            .saturating_mul(R::SIZE as u64)
            .saturating_add(H::SIZE as u64)
    }
}

fn too_short(what: &'static str, needed: usize, found: usize) -> DecodeError {
    DecodeError::new(
        what,
        found as u64,
        DecodeErrorKind::TooShort(needed as u64, found as u64),
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use zerocopy::little_endian::U32;

    use super::*;

    #[derive(FromBytes, IntoBytes, Unaligned, Immutable, KnownLayout, Clone, PartialEq, Debug)]
    #[repr(C)]
    struct Head {
        first: U32,
    }
    fixed_record!(Head, "head", 4, "test", { first: 0 });

    #[derive(FromBytes, IntoBytes, Unaligned, Immutable, KnownLayout, Clone, PartialEq, Debug)]
    #[repr(C)]
    struct Rec {
        state: u8,
        number: U32,
    }
    fixed_record!(Rec, "rec", 5, "test", { state: 0, number: 1 });

    const FILE: FileLayout<Head, Rec> = FileLayout::new("GLB/TEST.GLB");
    const BARE: FileLayout<NoHeader, Rec> = FileLayout::new("GLB/BARE.GLB");

    // rule: pof:R-SIZ-001
    #[test]
    fn records_stand_behind_the_header_without_gaps() {
        assert_eq!(FILE.record_offset(0), Some(4));
        assert_eq!(FILE.record_offset(2), Some(14));
        assert_eq!(FILE.record_offset(u64::MAX), None);
        assert_eq!(FILE.record_count(3), None);
        assert_eq!(FILE.record_count(4), Some(0));
        assert_eq!(FILE.record_count(15), None);
        assert_eq!(BARE.record_count(0), Some(0));
        assert_eq!(FILE.record_at(0), None);
        assert_eq!(FILE.record_at(9), Some(1));
    }

    // rule: pof:R-SIZ-003
    #[test]
    fn bytes_after_the_last_record_are_shown_not_lost() {
        let view = FILE.view(b"\x01\0\0\0\x01\x02\0\0\0xyz").unwrap();
        assert_eq!(view.records.len(), 1);
        assert_eq!(view.trailing, b"xyz");
        assert!(FILE.view(b"\x01\0\0").is_err());
        assert!(Rec::decode(b"\0\0\0\0\0\0").is_err());
    }

    proptest! {
        // rule: pof:R-SIZ-001
        #[test]
        fn any_bytes_can_be_looked_at_and_come_back(bytes in proptest::collection::vec(any::<u8>(), 0..64), at: u64) {
            let Ok(view) = FILE.view(&bytes) else {
                prop_assert!(bytes.len() < 4);
                return Ok(());
            };
            let mut again = FILE.build(view.header, view.records);
            again.extend_from_slice(view.trailing);
            prop_assert_eq!(&again, &bytes);
            prop_assert_eq!(FILE.record_count(bytes.len() as u64).is_some(), view.trailing.is_empty());
            for (index, record) in view.records.iter().enumerate() {
                let offset = FileView::<Head, Rec>::offset_of(index);
                prop_assert_eq!(view.at_offset(offset), Some(record));
            }
            let _ = view.at_offset(at);
        }
    }
}
