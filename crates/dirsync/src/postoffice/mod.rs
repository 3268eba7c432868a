//! One postoffice: making it, changing it, reading its mail and its Global Address List, moving it to
//! a newer layout.
//!
//! * [`init`] - an empty postoffice, beside its place and renamed into it;
//! * [`edit`] - preparing one commit: working copies of files, new numbers, the plan;
//! * [`lists`] - local users and the postoffice address list; [`groups`] - its groups;
//! * [`fill`] - many users from a file;
//! * [`externals`] - other postoffices and the routes to them;
//! * [`config`] - directory synchronization as it is set up; [`schedule`] - when it runs;
//! * [`listds`], [`listq`] - its numbers and its transaction files as LISTDS and LISTQ print them;
//! * [`mail`] - mailbags and their headers;
//! * [`gal`] - the Global Address List;
//! * [`upgrade`] - trees of an older layout.

pub mod build;
pub mod clock;
pub mod config;
pub mod edit;
pub mod error;
pub mod externals;
pub mod fill;
pub mod gal;
pub mod groups;
pub mod identity;
pub mod init;
pub mod list_error;
pub mod listds;
pub mod listq;
pub mod lists;
pub mod mail;
pub mod schedule;
pub mod stream;
#[cfg(test)]
pub(crate) mod testtree;
pub mod upgrade;

pub use edit::Edit;
pub use error::PoError;
pub use identity::Identity;
pub use list_error::ListError;
pub use lists::Lists;
