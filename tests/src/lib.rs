//! What end-to-end tests need: the built programs, temporary trees, proof that nothing changed, and
//! runs that cannot hang. The tests themselves stand in `tests/`.
//!
//! The helpers panic where a test should fail, with what was being done.
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a helper of tests fails the test by a panic"
)]

mod console;
pub mod exchange;
mod process;
mod site;
mod snapshot;
mod tree;

pub use console::{for_readers, for_trycmd};
pub use process::{Output, TIMEOUT, TimedOut, command, program, run, run_with_input, try_run};
pub use site::Site;
pub use snapshot::{Entry, Snapshot, differences, snapshot};
pub use tree::{TestTree, fixture, workspace};
