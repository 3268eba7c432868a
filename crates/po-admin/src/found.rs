//! Findings of a command that lists: a damaged file of a million records must not fill the memory.

use std::collections::BTreeMap;

use dirsync::core::base::finding::{Finding, FindingId};
use dirsync_cli::list::List;
use dirsync_cli::report::Problem;

/// Findings of one id beyond this number are counted and not kept.
const KEPT: u64 = 1000;

/// Findings while a list is printed.
#[derive(Debug, Default)]
pub(crate) struct Found {
    kept: Vec<Finding>,
    counts: BTreeMap<FindingId, u64>,
}

impl Found {
    /// One more.
    pub(crate) fn push(&mut self, finding: Finding) {
        let count = self.counts.entry(finding.id).or_default();
        *count += 1;
        if *count <= KEPT {
            self.kept.push(finding);
        }
    }

    /// Hands them over, with a line for each id that has more.
    pub(crate) fn into_list(self, list: &mut List) {
        let mut last: BTreeMap<FindingId, Finding> = BTreeMap::new();
        for finding in self.kept {
            last.insert(finding.id, finding.clone());
            list.problem(finding);
        }
        for (id, count) in self.counts {
            if let Some(more) = count.checked_sub(KEPT).filter(|&more| more > 0)
                && let Some(example) = last.remove(&id)
            {
                list.problem(Problem::from(Finding {
                    file: example.file.clone(),
                    offset: None,
                    message: format!("and {more} more"),
                    ..example
                }));
            }
        }
    }
}
