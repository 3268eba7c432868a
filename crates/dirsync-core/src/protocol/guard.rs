//! The bulk-delete guard (design 4.6): a step that would remove more than 25 entries *and* more
//! than a fifth of one list is held until somebody allows it.
//!
//! Pure arithmetic. What counts as removed is decided by comparing the list before with the list
//! after all that waits ([`Removal::between`]), so an R that is filled again with the same
//! entries removes nothing. Exempt, and never asked here: the Keep Updates purge and what an
//! administrator types (T0).

use std::cmp::Ordering;
use std::fmt;

use crate::base::{PoName, Scope};

/// Up to so many entries may go without a question.
pub const FREE_REMOVALS: u64 = 25;
/// One in so many entries of a list may go without a question.
pub const FREE_SHARE: u64 = 5;

/// What a step would do to one list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Removal {
    /// Entries of the old list that are not in the final one.
    pub removed: u64,
    /// Entries of the old list.
    pub list_len: u64,
}

impl Removal {
    /// Compares two lists, both sorted in the same order and read once.
    ///
    /// Entries that occur more than once count as often as they occur.
    pub fn between<T: Ord>(
        old: impl IntoIterator<Item = T>,
        new: impl IntoIterator<Item = T>,
    ) -> Self {
        let mut new = new.into_iter().peekable();
        let mut removal = Self::default();
        for entry in old {
            removal.list_len = removal.list_len.saturating_add(1);
            loop {
                match new.peek().map(|candidate| candidate.cmp(&entry)) {
                    Some(Ordering::Less) => drop(new.next()),
                    Some(Ordering::Equal) => {
                        drop(new.next());
                        break;
                    }
                    Some(Ordering::Greater) | None => {
                        removal.removed = removal.removed.saturating_add(1);
                        break;
                    }
                }
            }
        }
        removal
    }

    /// Whether the step needs somebody's word.
    #[must_use]
    pub fn is_bulk(self) -> bool {
        self.removed > FREE_REMOVALS && self.removed.saturating_mul(FREE_SHARE) > self.list_len
    }

    /// Judges the step against what `--allow-deletes` allows this list.
    ///
    /// # Errors
    /// The figures, when the step is held.
    pub fn judge(self, allowed: Option<u64>) -> Result<(), Self> {
        if !self.is_bulk() || allowed.is_some_and(|ceiling| self.removed <= ceiling) {
            Ok(())
        } else {
            Err(self)
        }
    }
}

impl fmt::Display for Removal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} entries", self.removed, self.list_len)
    }
}

/// What `--allow-deletes [NET/PO=]N`, given any number of times, allows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Ceilings {
    every: Option<u64>,
    postoffices: Vec<(PoName, u64)>,
}

/// An `--allow-deletes` that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no ceiling; write N or NET/PO=N")]
pub struct BadCeiling(pub String);

impl Ceilings {
    /// Adds one option. The later one counts where two speak of the same.
    ///
    /// # Errors
    /// [`BadCeiling`].
    pub fn allow(&mut self, option: &str) -> Result<(), BadCeiling> {
        let bad = || BadCeiling(option.to_owned());
        let (name, number) = match option.split_once('=') {
            Some((name, number)) => (Some(name), number),
            None => (None, option),
        };
        if !number.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(bad());
        }
        let number = number.parse().map_err(|_| bad())?;
        match name {
            None => self.every = Some(number),
            Some(name) => {
                let name = name.parse::<PoName>().map_err(|_| bad())?;
                self.postoffices.retain(|(known, _)| *known != name);
                self.postoffices.push((name, number));
            }
        }
        Ok(())
    }

    /// The ceiling of a list: its postoffice's, else the general one.
    #[must_use]
    pub fn of(&self, list: Scope) -> Option<u64> {
        self.postoffices
            .iter()
            .find(|(name, _)| list.node == Some(*name))
            .map(|&(_, ceiling)| ceiling)
            .or(self.every)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn removal(removed: u64, list_len: u64) -> Removal {
        Removal { removed, list_len }
    }

    // rule: dec:4
    #[test]
    fn more_than_25_and_more_than_a_fifth() {
        for (removed, list_len, bulk) in [
            (25, 25, false),
            (26, 26, true),
            (26, 129, true),
            (26, 130, false),
            (40, 100, true),
            (20_000, 100_000, false),
            (20_001, 100_000, true),
            (u64::MAX, u64::MAX, false),
        ] {
            assert_eq!(removal(removed, list_len).is_bulk(), bulk, "{removed}");
        }
        assert_eq!(removal(40, 100).to_string(), "40 of 100 entries");
    }

    // rule: dec:4
    #[test]
    fn a_ceiling_lets_up_to_its_number_pass() {
        let held = removal(40, 100);
        assert_eq!(held.judge(None), Err(held));
        assert_eq!(held.judge(Some(39)), Err(held));
        assert_eq!(held.judge(Some(40)), Ok(()));
        let mut ceilings = Ceilings::default();
        for option in ["10", "NET/R1=40", "net/r1=50"] {
            ceilings.allow(option).unwrap();
        }
        assert_eq!(ceilings.of("PCM:Net/R1".parse().unwrap()), Some(50));
        assert_eq!(ceilings.of("PCM:NET/R2".parse().unwrap()), Some(10));
        assert_eq!(ceilings.of("SMTP:".parse().unwrap()), Some(10));
        for bad in ["", "x", "-1", "+1", "NET=1", "NET/R1=", "NET/R1=1=2"] {
            assert!(Ceilings::default().allow(bad).is_err(), "{bad}");
        }
    }

    proptest! {
        // rule: dec:4
        #[test]
        fn removed_is_what_is_old_and_not_new(
            old in proptest::collection::btree_set(0u32..60, 0..50),
            new in proptest::collection::btree_set(0u32..60, 0..50),
        ) {
            let found = Removal::between(&old, &new);
            let gone: BTreeSet<_> = old.difference(&new).collect();
            prop_assert_eq!(found, removal(gone.len() as u64, old.len() as u64));
        }
    }
}
