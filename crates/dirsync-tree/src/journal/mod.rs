//! The journal: every change of a tree is one atomic commit.
//!
//! [`plan`] holds what would change and is pure; the other modules write it down, carry it out,
//! and finish it after a crash.

pub mod plan;

pub use plan::{Extent, Plan, PlanError, Step};
