//! The fields that fixed records are made of: texts, file numbers, passwords, bytes of unknown
//! meaning.
//!
//! Every type here is exactly as long as its field and any byte pattern is a valid value, so a
//! record struct built from them is the on-disk layout and can be viewed in place. Texts and file
//! numbers live in [`crate::base::field`], since addresses need them too.

use std::fmt;

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use crate::base::DecodeError;
pub use crate::base::field::{CpField, Hex8};

/// A password of up to 15 bytes, compared exactly; it never shows in debug output.
#[derive(
    FromBytes, IntoBytes, Unaligned, Immutable, KnownLayout, Clone, Copy, PartialEq, Eq, Default,
)]
#[repr(transparent)]
pub struct Password(CpField<16>);

impl Password {
    /// A field that holds `text`.
    ///
    /// # Errors
    /// More than 15 bytes, or a NUL inside.
    pub fn from_bytes(text: &[u8]) -> Result<Self, DecodeError> {
        CpField::from_bytes(text).map(Self)
    }

    /// The password.
    #[must_use]
    pub fn text(&self) -> &[u8] {
        self.0.text()
    }

    /// Whether none is set.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_empty() { "none" } else { "set" })
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
    use super::*;

    // rule: dec:2.3
    #[test]
    fn passwords_do_not_show() {
        let password = Password::from_bytes(b"Secret word 15b").unwrap();
        assert_eq!(password.text(), b"Secret word 15b");
        assert_eq!(
            format!("{password:?} {:?}", Password::default()),
            "set none"
        );
        assert!(Password::from_bytes(b"sixteen bytes...").is_err());
    }
}
