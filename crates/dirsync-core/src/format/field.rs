//! The fields that fixed records are made of: texts, file numbers, bytes of unknown meaning.
//!
//! Every type here is exactly as long as its field and any byte pattern is a valid value, so a
//! record struct built from them is the on-disk layout and can be viewed in place.
//!
//! A text is padded with NUL and holds at least one (Q148666, Q108027 show it in every dump; the
//! code page is 850, Q87432, Q103421). A file number is 8 hexadecimal digits and a NUL (Q148666).

use std::fmt;

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use crate::base::{DecodeError, DecodeErrorKind, HexId};

/// A text of at most `N - 1` bytes of code page 850, padded with NUL to `N` bytes.
///
/// A field read from a foreign tree may lack its NUL or carry old bytes after it; both are kept as
/// they are and can be asked for.
#[derive(FromBytes, IntoBytes, Unaligned, Immutable, KnownLayout, Clone, Copy, PartialEq, Eq)]
#[repr(transparent)]
pub struct CpField<const N: usize>([u8; N]);

impl<const N: usize> CpField<N> {
    /// The empty text, all bytes NUL.
    #[must_use]
    pub const fn empty() -> Self {
        Self([0; N])
    }

    /// A field that holds `text`.
    ///
    /// # Errors
    /// More than `N - 1` bytes, or a NUL inside the text.
    pub fn from_bytes(text: &[u8]) -> Result<Self, DecodeError> {
        if text.len() >= N {
            let limit = N.saturating_sub(1) as u64;
            return Err(DecodeError::new(
                "text field",
                limit,
                DecodeErrorKind::Limit("the length of the text", limit, text.len() as u64),
            ));
        }
        if let Some(at) = text.iter().position(|&byte| byte == 0) {
            return Err(DecodeError::new(
                "text field",
                at as u64,
                DecodeErrorKind::BadText("a text holds a NUL"),
            ));
        }
        let mut bytes = [0; N];
        bytes[..text.len()].copy_from_slice(text);
        Ok(Self(bytes))
    }

    /// The bytes up to the first NUL; all `N` bytes when there is none.
    #[must_use]
    pub fn text(&self) -> &[u8] {
        match self.0.iter().position(|&byte| byte == 0) {
            Some(end) => &self.0[..end],
            None => &self.0,
        }
    }

    /// All `N` bytes as they stand in the file.
    #[must_use]
    pub fn raw(&self) -> &[u8; N] {
        &self.0
    }

    /// Whether the text has no bytes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.first().is_none_or(|&byte| byte == 0)
    }

    /// Whether a NUL ends the text inside the field.
    #[must_use]
    pub fn is_terminated(&self) -> bool {
        self.0.contains(&0)
    }

    /// Whether a byte other than NUL stands behind the first NUL.
    #[must_use]
    pub fn has_garbage_after_nul(&self) -> bool {
        self.0[self.text().len()..].iter().any(|&byte| byte != 0)
    }

    /// Whether the text equals `other` when the letters A-Z and a-z are taken as equal (Q103421).
    #[must_use]
    pub fn eq_ignore_case(&self, other: &[u8]) -> bool {
        self.text().eq_ignore_ascii_case(other)
    }
}

impl<const N: usize> Default for CpField<N> {
    fn default() -> Self {
        Self::empty()
    }
}

impl<const N: usize> fmt::Debug for CpField<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = if self.has_garbage_after_nul() {
            &self.0[..]
        } else {
            self.text()
        };
        write!(f, "\"{}\"", shown.escape_ascii())
    }
}

/// The number of a file as 8 hexadecimal digits and a NUL, or 9 NULs for none.
#[derive(
    FromBytes, IntoBytes, Unaligned, Immutable, KnownLayout, Clone, Copy, PartialEq, Eq, Default,
)]
#[repr(transparent)]
pub struct Hex8([u8; 9]);

impl Hex8 {
    /// The number; `None` when the first byte is NUL.
    ///
    /// # Errors
    /// Anything but 8 hexadecimal digits and a NUL: a corrupt header (Q173099).
    pub fn get(&self) -> Result<Option<HexId>, DecodeError> {
        let [digits @ .., end] = &self.0;
        if digits.first() == Some(&0) {
            return Ok(None);
        }
        let id = HexId::from_ascii(digits)?;
        if *end != 0 {
            return Err(DecodeError::new(
                "hexid",
                8,
                DecodeErrorKind::BadText("the NUL after eight hexadecimal digits is missing"),
            ));
        }
        Ok(Some(id))
    }

    /// The field for `id`, in upper case.
    #[must_use]
    pub fn from_id(id: HexId) -> Self {
        let mut bytes = [0; 9];
        for (place, byte) in bytes.iter_mut().take(8).enumerate() {
            let nibble = (id.0 >> (28 - 4 * place)) & 0xF;
            *byte = b"0123456789ABCDEF"[nibble as usize];
        }
        Self(bytes)
    }

    /// The field that names no file.
    #[must_use]
    pub const fn none() -> Self {
        Self([0; 9])
    }

    /// All 9 bytes as they stand in the file.
    #[must_use]
    pub fn raw(&self) -> &[u8; 9] {
        &self.0
    }
}

impl fmt::Debug for Hex8 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.0.escape_ascii())
    }
}

/// `N` bytes of unknown or unused meaning: zero when created, kept when rewritten.
#[derive(FromBytes, IntoBytes, Unaligned, Immutable, KnownLayout, Clone, Copy, PartialEq, Eq)]
#[repr(transparent)]
pub struct Reserved<const N: usize>([u8; N]);

impl<const N: usize> Reserved<N> {
    /// The bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8; N] {
        &self.0
    }

    /// Whether all bytes are zero, as this project writes them.
    #[must_use]
    pub fn is_zero(&self) -> bool {
        self.0.iter().all(|&byte| byte == 0)
    }
}

impl<const N: usize> Default for Reserved<N> {
    fn default() -> Self {
        Self([0; N])
    }
}

impl<const N: usize> fmt::Debug for Reserved<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_zero() {
            write!(f, "{N} zero bytes")
        } else {
            write!(f, "\"{}\"", self.0.escape_ascii())
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    // rule: pof:R-CHR-005
    #[test]
    fn texts_are_padded_with_nul_and_refuse_what_does_not_fit() {
        let field = CpField::<11>::from_bytes(b"MSMAIL").unwrap();
        assert_eq!(field.raw(), b"MSMAIL\0\0\0\0\0");
        assert_eq!(field.text(), b"MSMAIL");
        assert!(CpField::<11>::from_bytes(b"ABCDEFGHIJ").is_ok());
        assert!(CpField::<11>::from_bytes(b"ABCDEFGHIJK").is_err());
        assert!(CpField::<11>::from_bytes(b"A\0B").is_err());
        assert!(CpField::<0>::from_bytes(b"").is_err());
        assert!(CpField::<0>::empty().text().is_empty());
    }

    // rule: pof:R-CHR-004
    #[test]
    fn names_compare_without_regard_to_case() {
        let field = CpField::<11>::from_bytes(b"MontGomery").unwrap();
        assert!(field.eq_ignore_case(b"MONTGOMERY"));
        assert!(!field.eq_ignore_case(b"MONTGOMER"));
    }

    // rule: pof:R-CHR-005
    #[test]
    fn foreign_fields_show_a_missing_nul_and_old_bytes() {
        let full = CpField::<4>::read_from_bytes(b"ABCD").unwrap();
        assert!(!full.is_terminated());
        assert_eq!(full.text(), b"ABCD");
        let stale = CpField::<4>::read_from_bytes(b"A\0B\0").unwrap();
        assert!(stale.is_terminated() && stale.has_garbage_after_nul());
        assert_eq!(format!("{stale:?}"), "\"A\\x00B\\x00\"");
        assert!(CpField::<4>::empty().is_empty());
    }

    // rule: pof:R-NAM-006
    #[test]
    fn a_number_that_is_not_hexadecimal_is_a_corrupt_header() {
        let read = |bytes: &[u8; 9]| Hex8::read_from_bytes(bytes.as_slice()).unwrap().get();
        assert_eq!(read(b"0000002E\0").unwrap(), Some(HexId(0x2E)));
        assert_eq!(read(b"0000002e\0").unwrap(), Some(HexId(0x2E)));
        assert_eq!(read(&[0; 9]).unwrap(), None);
        assert_eq!(Hex8::none().get().unwrap(), None);
        assert!(read(b"0000002E0").is_err());
        assert!(read(b"ma\\.\0\0\0\0\0").is_err());
    }

    proptest! {
        // rule: pof:R-NAM-001
        #[test]
        fn numbers_survive_in_upper_case(value: u32) {
            let field = Hex8::from_id(HexId(value));
            prop_assert_eq!(field.get().unwrap(), Some(HexId(value)));
            let text = format!("{value:08X}");
            prop_assert_eq!(&field.raw()[..8], text.as_bytes());
        }

        // rule: pof:R-CHR-005
        #[test]
        fn any_bytes_are_a_field(bytes: [u8; 31], hex: [u8; 9]) {
            let field = CpField::<31>::read_from_bytes(&bytes).unwrap();
            prop_assert_eq!(field.raw(), &bytes);
            let text = field.text().to_vec();
            if field.is_terminated() {
                let again = CpField::<31>::from_bytes(&text).unwrap();
                prop_assert_eq!(again == field, !field.has_garbage_after_nul());
            } else {
                prop_assert_eq!(text.len(), 31);
            }
            let _ = Hex8::read_from_bytes(&hex).unwrap().get();
        }
    }
}
