//! One postoffice: making it, reading its mail and its Global Address List, moving it to a newer
//! layout.
//!
//! * [`init`] - an empty postoffice, beside its place and renamed into it;
//! * [`upgrade`] - trees of an older layout;
//! * [`mail`] - mailbags and their headers;
//! * [`gal`] - the Global Address List.

pub mod build;
pub mod clock;
pub mod error;
pub mod init;
pub mod mail;
pub mod stream;
pub mod upgrade;

pub use error::PoError;
