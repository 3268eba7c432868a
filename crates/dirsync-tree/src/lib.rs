//! The only crate that touches the disk.
//!
//! What it owns: the [`disk::Disk`] trait with its real, in-memory and faulty implementations,
//! paths and the look-up of names, the layout marker and the rule of foreign trees, locks, the
//! journal that makes every change atomic, the ledger of received mail, and the discovery of trees.
//!
//! Types carry the rules: a [`view::TreeView`] reads the committed state and nothing else; only a
//! [`view::TreeMut`], which holds the exclusive lock of a tree that carries our marker, can commit
//! a [`journal::Plan`]. So "no command writes a foreign tree" and "the dry run prints what the
//! real run does" hold by construction.

pub mod command;
pub mod discover;
pub mod disk;
pub mod domain;
pub mod error;
pub mod journal;
pub mod ledger;
pub mod lock;
pub mod marker;
pub mod names;
pub mod path;
pub mod view;

/// What the fuzz target `journal` runs; no part of the library uses it.
#[doc(hidden)]
pub mod fuzzing {
    /// A manifest that decodes encodes to the same table.
    pub fn journal(data: &[u8]) {
        crate::journal::fuzz_manifest(data);
        let _ = crate::lock::Holder::from_note(&String::from_utf8_lossy(data));
    }
}

pub use command::Command;
pub use domain::{Domain, DomainKind};
pub use error::{ErrorClass, TreeError};
pub use path::RelPath;
pub use view::{OpenOptions, TreeMut, TreeView};
