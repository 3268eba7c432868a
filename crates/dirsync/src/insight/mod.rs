//! Looking without touching: everything here reads through a [`crate::tree::TreeView`].

pub mod check;
pub mod exchange;
pub mod explain;
pub mod findings;
pub mod reports;
