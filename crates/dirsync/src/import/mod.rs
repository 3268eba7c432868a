//! Address lists from transactions, and the Global Address List from the lists.
//!
//! * [`queue`] - the import half of T3: SRVTRANS and what a crash left, one commit (imp 5.2);
//! * [`apply`] - transactions applied to the lists of a postoffice, in memory;
//! * [`extract`](mod@extract) - lists as a text file (imp 1.1, `-x`);
//! * [`file`](mod@file) - transactions of a text file into lists or into REQTRANS (imp 1, 2);
//! * [`resync`] - RESYNC.GLB: made at a server, taken by a requestor (imp 8);
//! * [`rebuild`] - GAL.NME, GALINDEX.GLB and GALNETPO.GLB from all lists (imp 9);
//! * [`log`] - the lines of DIRSYNC.LOG.
//!
//! A list is in memory while it is changed, and only the lists that transactions name. What a small
//! change of a large list costs: reading it once and, when it really changed, writing it once.

pub mod apply;
mod autocreate;
pub(crate) mod entries;
pub mod error;
pub mod extract;
pub mod file;
mod gateway_list;
mod list;
pub mod log;
#[cfg(test)]
mod numbers;
pub(crate) mod places;
mod pol;
pub mod problem;
pub mod queue;
pub mod rebuild;
pub mod resync;
pub(crate) mod server_lists;
#[cfg(test)]
mod testtree;
mod tids;
pub(crate) mod usr_list;
mod working;

pub use error::{Held, ImportError};
pub use problem::{Problem, Problems};
