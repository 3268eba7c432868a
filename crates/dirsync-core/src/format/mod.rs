//! One module per on-disk structure: bytes to types and back.
//!
//! Each module's header states size, offsets, trust and source article.

pub mod field;
pub mod layout_txt;
pub mod record;
pub mod sizes;
pub mod tree;
pub mod vendor;

pub use field::{CpField, Hex8, Reserved};
pub use record::{FileLayout, FileView, FixedRecord, NoHeader};
