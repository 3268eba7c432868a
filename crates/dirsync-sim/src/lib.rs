//! The deterministic simulator and the fault harness.
//!
//! * [`trees`] - small trees on disks in memory;
//! * [`network`] - the simulator: postoffices that change, mail that goes astray, restores, remedies;
//! * [`interchange`] - a backlog of compressed messages, served by any number of workers;
//! * [`faults`] - every command that commits, with every disk operation stopped, failed and hung in
//!   turn: after each the tree must be the old one or the new one.

pub mod faults;
pub mod interchange;
pub mod network;
pub mod trees;
