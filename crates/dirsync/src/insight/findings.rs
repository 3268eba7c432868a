//! The table of finding ids.
//!
//! One row per kind of finding: id, severity, what it means, what the repair does, what it loses, and
//! the source article. A test holds this table against the code: every id that is reported stands
//! here, every id here is reported by some damaged fixture. `po-admin explain ID` prints a row.

use crate::core::base::{FindingId, Severity};

/// One kind of finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FindingKind {
    /// The stable id.
    pub id: FindingId,
    /// How bad it is.
    pub severity: Severity,
    /// What it means, for `explain`.
    pub meaning: &'static str,
    /// What the repair does; empty when there is none.
    pub repair: &'static str,
    /// What the repair loses; empty when it loses nothing. A repair that loses something is made
    /// only when asked for by id.
    pub loses: &'static str,
    /// Source articles, separated by blanks; `assigned` when the rule is ours.
    pub source: &'static str,
}

/// Shorthand for the tables of the check modules.
pub(crate) const fn kind(
    id: &'static str,
    severity: Severity,
    meaning: &'static str,
    repair: &'static str,
    loses: &'static str,
    source: &'static str,
) -> FindingKind {
    FindingKind {
        id: FindingId(id),
        severity,
        meaning,
        repair,
        loses,
        source,
    }
}

/// The rows of one part of the check: a constant for each, and the table `KINDS` of all of them.
///
/// `NAME = "id" Severity ("sources"): "meaning" => "repair", loses "what";` with the last two parts
/// where they apply.
macro_rules! kinds {
    ($($name:ident = $id:literal $severity:ident ($source:literal): $meaning:literal
        $(=> $repair:literal $(, loses $loses:literal)?)?;)*) => {
        $(pub(super) const $name: $crate::insight::findings::FindingKind =
            $crate::insight::findings::kind(
                $id,
                $crate::core::base::Severity::$severity,
                $meaning,
                concat!("", $($repair)?),
                concat!("", $($($loses)?)?),
                $source,
            );)*
        /// The rows of this part.
        pub(super) static KINDS: &[$crate::insight::findings::FindingKind] = &[$($name,)*];
    };
}
pub(crate) use kinds;

/// All kinds of findings, in the order of the check's parts.
pub fn all() -> impl Iterator<Item = &'static FindingKind> {
    super::check::PARTS
        .iter()
        .flat_map(|part| part.kinds.iter())
}

/// The row of one id.
#[must_use]
pub fn by_id(id: &str) -> Option<&'static FindingKind> {
    all().find(|kind| kind.id.0 == id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn ids_are_unique_well_formed_and_explained() {
        let mut seen = BTreeSet::new();
        for kind in all() {
            let id = kind.id.0;
            assert!(seen.insert(id), "{id} stands twice");
            let (group, fact) = id.split_once('.').unwrap();
            for word in [group, fact] {
                assert!(
                    !word.is_empty()
                        && word
                            .chars()
                            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'),
                    "{id}"
                );
            }
            assert!(!kind.meaning.is_empty() && !kind.source.is_empty(), "{id}");
            assert!(kind.loses.is_empty() || !kind.repair.is_empty(), "{id}");
        }
    }
}
