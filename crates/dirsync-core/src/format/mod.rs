//! One module per on-disk structure: bytes to types and back.
//!
//! Each module's header states size, offsets, trust and source article.

pub mod field;

pub use field::{CpField, Hex8, Reserved};
