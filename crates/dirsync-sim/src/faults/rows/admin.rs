//! Rows of the commands that make, check and mend a postoffice.

use crate::faults::Scenario;

/// Scenarios of `po-admin init`.
pub(super) const INIT: &[Scenario] = &[];
/// Scenarios of `po-admin upgrade`.
pub(super) const UPGRADE: &[Scenario] = &[];
/// Scenarios of `po-admin check --fix`.
pub(super) const CHECK_FIX: &[Scenario] = &[];
