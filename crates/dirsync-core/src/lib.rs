//! The pure core of dirsync: what the bytes of a Microsoft Mail postoffice mean and how its
//! directory synchronization works.
//!
//! Nothing here opens a file, reads a clock, starts a thread or looks at the environment; the
//! crate's `clippy.toml` bans it. Bytes and times come in as arguments, bytes and plans go out.
//!
//! Floors, lowest first; a module uses only what stands above it in this list:
//!
//! * [`base`] - addresses, transactions, code pages, collation, times, identifiers, findings,
//!   errors and the catalogue of numbered messages;
//! * [`mod@format`] - one module per on-disk structure, bytes to types and back;
//! * [`protocol`] - requestor and server as state machines, and the messages between them.
//!
//! Every layout fact carries one of the words DOCUMENTED (an article prints it), INFERRED (it
//! follows from what articles print) or ASSIGNED (chosen by this project because nothing was ever
//! published). ASSIGNED bytes are valid only in trees that carry our `LAYOUT.TXT`.

pub mod base;
pub mod format;
#[doc(hidden)]
pub mod fuzzing;
pub mod protocol;
