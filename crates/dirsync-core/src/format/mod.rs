//! One module per on-disk structure: bytes to types and back.
//!
//! Each module's header states size, offsets, trust and source article.

pub mod body;
pub mod compressed;
pub mod field;
pub mod fips98;
pub mod key;
pub mod mai;
pub mod mailbag;
pub mod mbg;
mod message_parts;
pub mod p1;
pub mod record;
pub mod template;
pub mod transactions;

pub use field::{CpField, Hex8, Reserved};
pub use record::{FileLayout, FileView, FixedRecord, NoHeader};

#[cfg(test)]
pub(crate) mod testhex;
