//! One postoffice: making it, changing it, reading its mail and its Global Address List, moving it to
//! a newer layout.
//!
//! * [`init`] - an empty postoffice, beside its place and renamed into it;
//! * [`edit`] - preparing one commit: working copies of files, new numbers, the plan;
//! * [`mail`] - mailbags and their headers;
//! * [`gal`] - the Global Address List;
//! * [`upgrade`] - trees of an older layout.
//! * [`lists`] - local users and the postoffice address list; [`groups`] - its groups;
//! * [`mail`] - mailbags and their headers.

pub mod build;
pub mod clock;
pub mod edit;
pub mod error;
pub mod gal;
pub mod groups;
pub mod identity;
pub mod init;
pub mod list_error;
pub mod lists;
pub mod mail;
pub mod stream;
pub mod upgrade;

pub use edit::Edit;
pub use error::PoError;
pub use identity::Identity;
pub use list_error::ListError;
pub use lists::Lists;
