//! Rows of import and rebuild.

use crate::faults::Scenario;

/// Scenarios of `glb-import queue`.
pub(super) const QUEUE: &[Scenario] = &[];
/// Scenarios of `glb-import rebuild`.
pub(super) const REBUILD: &[Scenario] = &[];
