//! Rows of the commands that change lists and settings.

use crate::faults::Scenario;

/// Scenarios of `po-admin user`.
pub(super) const USER: &[Scenario] = &[];
/// Scenarios of `po-admin group`.
pub(super) const GROUP: &[Scenario] = &[];
/// Scenarios of `po-admin fill`.
pub(super) const FILL: &[Scenario] = &[];
/// Scenarios of `po-admin postoffice`.
pub(super) const POSTOFFICE: &[Scenario] = &[];
/// Scenarios of `po-admin server`.
pub(super) const SERVER: &[Scenario] = &[];
/// Scenarios of `po-admin requestor`.
pub(super) const REQUESTOR: &[Scenario] = &[];
/// Scenarios of `po-admin register`.
pub(super) const REGISTER: &[Scenario] = &[];
/// Scenarios of `po-admin options`.
pub(super) const OPTIONS: &[Scenario] = &[];
/// Scenarios of `po-admin export`.
pub(super) const EXPORT: &[Scenario] = &[];
/// Scenarios of `po-admin import-request`.
pub(super) const IMPORT_REQUEST: &[Scenario] = &[];
/// Scenarios of `po-admin schedule`.
pub(super) const SCHEDULE: &[Scenario] = &[];
/// Scenarios of `po-admin listds-zero`.
pub(super) const LISTDS_ZERO: &[Scenario] = &[];
