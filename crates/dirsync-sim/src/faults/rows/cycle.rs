//! Rows of the steps of a cycle.

use crate::faults::Scenario;

/// Scenarios of `dxa-cycle t1`.
pub(super) const T1: &[Scenario] = &[];
/// Scenarios of `dxa-cycle t2`.
pub(super) const T2: &[Scenario] = &[];
/// Scenarios of `dxa-cycle t3`.
pub(super) const T3: &[Scenario] = &[];
