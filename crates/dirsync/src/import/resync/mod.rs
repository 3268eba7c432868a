//! RESYNC.GLB: all lists of the server in one file, with the numbers a requestor starts from
//! (Q119449, imp 8).
//!
//! * [`mod@file`] - what such a file holds, and whether it is whole: nothing of a damaged one is taken;
//! * [`mod@create`] - making one at the server (IMPORT -S);
//! * `take` - what taking one does to the numbers and to the transactions that wait; the lists
//!   themselves go through [`super::queue`], before everything else that waits.
//!
//! | number | in the header | at the requestor |
//! |---|---|---|
//! | IMPSEQ | highest of all records (ASSIGNED, DEC-040) | q.I |
//! | REQSEQ | highest of all records (Q119449) | q.R, and the dummy of REQTRANS |
//! | SRVSEQ | lower of the server's own record and its own q.S (Q103421) | q.S |

pub mod create;
pub mod file;
pub(super) mod take;
#[cfg(test)]
mod tests;

pub use create::{Created, create, create_in_place};
pub use file::{Contents, ListContent, ResyncFault, look_through};
pub use take::{Taken, Waited};

/// Where IMPORT -S wrote it and IMPORT -Q looks for it.
pub const RESYNC: &str = "GLB/RESYNC.GLB";
