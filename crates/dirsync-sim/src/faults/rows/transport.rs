//! Rows of delivery.

use crate::faults::Scenario;

/// Scenarios of `dxa-cycle deliver`.
pub(super) const DELIVER: &[Scenario] = &[];
