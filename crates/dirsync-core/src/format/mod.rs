//! One module per on-disk structure: bytes to types and back.
//!
//! Each module's header states size, offsets, trust and source article.

pub mod access;
pub mod body;
pub mod chain;
pub mod codes;
pub mod compressed;
pub mod counters;
pub mod evt;
pub mod exchange;
pub mod field;
pub mod fips98;
pub mod folders;
pub mod fresh;
pub mod galindex;
pub mod galnetpo;
pub mod gateway_list;
pub mod group;
pub mod grp;
pub mod import_text;
pub mod key;
pub mod layout_txt;
pub mod mai;
pub mod mailbag;
pub mod master;
pub mod mbg;
mod message_parts;
pub mod mmff;
pub mod mta;
pub mod netpo;
pub mod network;
pub mod nme;
pub mod opaque;
pub mod p1;
pub mod process;
pub mod received;
pub mod record;
pub mod reqconf;
pub mod sizes;
pub mod srvconf;
pub mod template;
pub mod transactions;
pub mod tree;
pub mod usr;
pub mod vendor;
pub mod x400;
pub mod xtn;

pub use field::{CpField, Hex8, Password, Reserved};
pub use record::{FileLayout, FileView, FixedRecord, NoHeader};

#[cfg(test)]
pub(crate) mod testhex;
