//! Fixed-width fields of records: text in code page 850 and file stems as hexadecimal digits.
//!
//! | type | bytes | content | status |
//! |---|---|---|---|
//! | [`CpField<N>`] | N | text of up to N−1 bytes, NUL-padded, at least one NUL | DOCUMENTED (Q148666, Q108027) |
//! | [`Hex8`] | 9 | 8 hexadecimal digits and a NUL, or 9 zero bytes for "none" | DOCUMENTED (Q148666) |
//!
//! Both are the bytes themselves: whatever stands in a foreign or damaged file can be held, looked
//! at and written back unchanged. Only the constructors insist on the rules.

use std::fmt;

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use super::codepage::{CodePage, eq_ignore_case_850, escape_bytes_850};
use super::error::{DecodeError, DecodeErrorKind};
use super::ident::HexId;

/// A text field of `N` bytes in code page 850: NUL-padded, at least one NUL.
#[derive(FromBytes, IntoBytes, Unaligned, Immutable, KnownLayout, Clone, Copy, PartialEq, Eq)]
#[repr(transparent)]
pub struct CpField<const N: usize>([u8; N]);

impl<const N: usize> CpField<N> {
    /// The field of zero bytes.
    pub const EMPTY: Self = Self([0; N]);

    /// The empty text, all bytes NUL.
    #[must_use]
    pub const fn empty() -> Self {
        Self::EMPTY
    }

    /// A field that holds `text`.
    ///
    /// # Errors
    /// `BadText` when a NUL stands in the text, `Limit` when it is longer than N−1 bytes.
    pub fn from_bytes(text: &[u8]) -> Result<Self, DecodeError> {
        let error = |kind| DecodeError::new("text field", 0, kind);
        if text.contains(&0) {
            return Err(error(DecodeErrorKind::BadText("a NUL stands in the text")));
        }
        let limit = N.saturating_sub(1);
        if text.len() > limit {
            return Err(error(DecodeErrorKind::Limit(
                "length in bytes",
                u64::try_from(limit).unwrap_or(u64::MAX),
                u64::try_from(text.len()).unwrap_or(u64::MAX),
            )));
        }
        let mut field = [0; N];
        field[..text.len()].copy_from_slice(text);
        Ok(Self(field))
    }

    /// A field that holds `text`, encoded in code page 850.
    ///
    /// # Errors
    /// As [`Self::from_bytes`]; also `BadText` when the code page has no place for a character.
    pub fn from_str_850(text: &str) -> Result<Self, DecodeError> {
        let bytes = CodePage::Cp850.encode(text).map_err(|_| {
            DecodeError::new(
                "text field",
                0,
                DecodeErrorKind::BadText("code page 850 has no place for a character of the text"),
            )
        })?;
        Self::from_bytes(&bytes)
    }

    /// The text: the bytes before the first NUL, all of them when there is none.
    #[must_use]
    #[inline]
    pub fn text(&self) -> &[u8] {
        match self.nul() {
            Some(end) => &self.0[..end],
            None => &self.0,
        }
    }

    /// The text as UTF-8.
    #[must_use]
    pub fn to_string_850(&self) -> String {
        CodePage::Cp850.decode(self.text())
    }

    /// Whether the text is empty (bytes behind the NUL do not count).
    #[must_use]
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.0.first().is_none_or(|&byte| byte == 0)
    }

    /// Whether there is a NUL at all.
    #[must_use]
    pub fn is_terminated(&self) -> bool {
        self.nul().is_some()
    }

    /// Whether a byte behind the first NUL is not NUL: remains of an older, longer text.
    #[must_use]
    pub fn has_garbage_after_nul(&self) -> bool {
        self.nul()
            .is_some_and(|end| self.0[end..].iter().any(|&byte| byte != 0))
    }

    /// Whether the text is `other` without regard to case.
    #[must_use]
    pub fn eq_ignore_case(&self, other: &[u8]) -> bool {
        eq_ignore_case_850(self.text(), other)
    }

    /// All bytes of the field, padding included.
    #[must_use]
    pub fn raw(&self) -> &[u8; N] {
        &self.0
    }

    #[inline]
    fn nul(&self) -> Option<usize> {
        self.0.iter().position(|&byte| byte == 0)
    }
}

impl<const N: usize> Default for CpField<N> {
    fn default() -> Self {
        Self::EMPTY
    }
}

impl<const N: usize> fmt::Debug for CpField<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CpField<{N}>({:?}", escape_bytes_850(self.text()))?;
        if !self.is_terminated() {
            f.write_str(", no NUL")?;
        }
        if self.has_garbage_after_nul() {
            write!(f, ", raw {:02X?}", self.0)?;
        }
        f.write_str(")")
    }
}

/// A file stem in a record: 8 hexadecimal digits and a NUL, or all zero for "none".
#[derive(FromBytes, IntoBytes, Unaligned, Immutable, KnownLayout, Clone, Copy, PartialEq, Eq)]
#[repr(transparent)]
pub struct Hex8([u8; 9]);

impl Hex8 {
    /// The field that names no file: 9 zero bytes.
    #[must_use]
    pub const fn none() -> Self {
        Self([0; 9])
    }

    /// The field that names `id`, digits in upper case.
    #[must_use]
    pub fn from_id(id: HexId) -> Self {
        let mut field = [0; 9];
        field[..8].copy_from_slice(&id.to_ascii());
        Self(field)
    }

    /// The stem, `None` when the field is all zero.
    ///
    /// # Errors
    /// `BadText` when the field is neither: a corrupt record (Q173099).
    pub fn get(&self) -> Result<Option<HexId>, DecodeError> {
        match self.0 {
            [0, 0, 0, 0, 0, 0, 0, 0, 0] => Ok(None),
            [ref digits @ .., 0] => HexId::from_ascii(digits).map(Some),
            _ => Err(DecodeError::new(
                "hexid",
                8,
                DecodeErrorKind::BadText("the NUL after the eight digits is missing"),
            )),
        }
    }

    /// All nine bytes.
    #[must_use]
    pub fn raw(&self) -> &[u8; 9] {
        &self.0
    }
}

impl Default for Hex8 {
    fn default() -> Self {
        Self::none()
    }
}

impl From<HexId> for Hex8 {
    fn from(id: HexId) -> Self {
        Self::from_id(id)
    }
}

impl fmt::Debug for Hex8 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hex8({:?})", escape_bytes_850(&self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    // rule: pof:R-CHR-005
    #[test]
    fn fields_are_padded_and_refuse_what_does_not_fit() {
        let field = CpField::<11>::from_bytes(b"POSTOFFICE").unwrap();
        assert_eq!(field.raw(), b"POSTOFFICE\0");
        assert!(field.is_terminated() && !field.has_garbage_after_nul());
        assert_eq!(
            CpField::<11>::from_bytes(b"POSTOFFICE1").unwrap_err().kind,
            DecodeErrorKind::Limit("length in bytes", 10, 11)
        );
        assert!(CpField::<11>::from_bytes(b"A\0B").is_err());
        assert_eq!(
            CpField::<5>::from_str_850("Jörg").unwrap().text(),
            b"J\x94rg"
        );
        assert!(CpField::<5>::from_str_850("Łódź").is_err());
        assert!(CpField::<5>::default().is_empty());
    }

    // rule: pof:R-CHR-005
    #[test]
    fn foreign_fields_are_held_as_they_are() {
        let garbage = CpField::<8>::read_from_bytes(b"PCM\0IL1\0").unwrap();
        assert_eq!(garbage.text(), b"PCM");
        assert!(garbage.has_garbage_after_nul());
        assert_eq!(garbage.as_bytes(), b"PCM\0IL1\0");
        let full = CpField::<3>::read_from_bytes(b"ABC").unwrap();
        assert!(!full.is_terminated() && !full.has_garbage_after_nul());
        assert_eq!(full.text(), b"ABC");
        assert_eq!(format!("{full:?}"), r#"CpField<3>("ABC", no NUL)"#);
        assert!(full.eq_ignore_case(b"abc"));
        assert!(!full.eq_ignore_case(b"ab"));
    }

    // rule: pof:R-NAM-006
    // rule: tra:R-QUE-011
    #[test]
    fn hex8_reads_a_stem_or_nothing() {
        // NETWORK.GLB record 12 of Q148666 names mailbag 0000002E.
        let mbg = Hex8::read_from_bytes(b"0000002E\0").unwrap();
        assert_eq!(mbg.get().unwrap(), Some(HexId(0x2E)));
        assert_eq!(Hex8::from_id(HexId(0x2E)), mbg);
        assert_eq!(Hex8::none().get().unwrap(), None);
        assert_eq!(
            Hex8::read_from_bytes(b"0000002e\0").unwrap().get().unwrap(),
            Some(HexId(0x2E))
        );
        for bad in [b"0000002E ", b"\x000000002E", b"000002E\0\0", b"0000002E0"] {
            assert!(Hex8::read_from_bytes(bad).unwrap().get().is_err());
        }
    }

    proptest! {
        // rule: pof:R-CHR-005
        #[test]
        fn text_goes_in_and_comes_out(text in proptest::collection::vec(1u8.., 0..=40)) {
            match CpField::<31>::from_bytes(&text) {
                Ok(field) => {
                    prop_assert!(text.len() <= 30);
                    prop_assert_eq!(field.text(), &text[..]);
                    prop_assert_eq!(CpField::from_str_850(&field.to_string_850()).unwrap(), field);
                }
                Err(_) => prop_assert!(text.len() > 30),
            }
        }

        // rule: pof:R-NAM-006
        #[test]
        fn hex8_never_panics_and_is_canonical(bytes: [u8; 9], id: u32) {
            let field = Hex8(bytes);
            if let Ok(Some(read)) = field.get() {
                prop_assert_eq!(Hex8::from_id(read).raw().to_ascii_lowercase(), bytes.to_ascii_lowercase());
            }
            prop_assert_eq!(Hex8::from_id(HexId(id)).get().unwrap(), Some(HexId(id)));
        }
    }
}
