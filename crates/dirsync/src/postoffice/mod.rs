//! One postoffice: making it, changing it, reading its mail and its Global Address List, moving it to
//! a newer layout.
//!
//! * [`init`] - an empty postoffice, beside its place and renamed into it;
//! * [`edit`] - preparing one commit: working copies of files, new numbers, the plan;
//! * [`mail`] - mailbags and their headers.

pub mod build;
pub mod clock;
pub mod edit;
pub mod error;
pub mod identity;
pub mod init;
pub mod mail;
pub mod stream;

pub use edit::Edit;
pub use error::PoError;
pub use identity::Identity;
