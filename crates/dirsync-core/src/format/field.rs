//! The fields that fixed records are made of: texts, file numbers, bytes of unknown meaning.
//!
//! Every type here is exactly as long as its field and any byte pattern is a valid value, so a
//! record struct built from them is the on-disk layout and can be viewed in place. Texts and file
//! numbers live in [`crate::base::field`], since addresses need them too.

use std::fmt;

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

pub use crate::base::field::{CpField, Hex8};

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
