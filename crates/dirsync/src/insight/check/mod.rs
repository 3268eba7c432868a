//! `po-admin check`: MAILINT's and PODIAG's checks and more.
//!
//! The check is a list of [`PARTS`]. Each part reads the tree through a view, reports findings from its
//! own rows of the finding table, and gives for each finding that can be mended a small plan. Nothing
//! here writes: mending joins the plans of all chosen findings that do not contradict each other,
//! commits, and checks again, until nothing that may be mended is left (Q132744, Q134753).

use std::collections::BTreeSet;

use crate::core::base::finding::{Finding, FindingId, Repair};
use crate::tree::journal::{CommitInfo, Plan};
use crate::tree::view::TreeView;
use crate::tree::{TreeError, TreeMut};

use super::findings::FindingKind;

/// A finding and, where it can be mended, the plan that mends it.
#[derive(Debug)]
pub struct Found {
    /// What was found.
    pub finding: Finding,
    /// What would change.
    pub fix: Option<Plan>,
}

/// What a part of the check works with.
#[derive(Debug)]
pub struct Check<'a> {
    view: &'a TreeView,
    options: &'a CheckOptions,
    found: Vec<Found>,
    /// Findings beyond the limit of their id, by id.
    left_out: std::collections::BTreeMap<FindingId, u64>,
}

/// How to check.
#[derive(Debug, Clone, Default)]
pub struct CheckOptions {
    /// Ids that are not reported.
    pub ignore: BTreeSet<String>,
    /// Seconds since 1970 now, for the age of locks and orphans.
    pub now_unix_s: u32,
    /// Whether the limits of the clients count as errors (`--strict-limits`).
    pub strict_limits: bool,
}

/// Findings of one id beyond this number are counted, not listed: a damaged tree of a million files
/// must not fill the memory or the screen. They are still mended, round by round.
pub const LISTED_LIMIT: usize = 10_000;

/// One part of the check.
#[derive(Debug, Clone, Copy)]
pub struct Part {
    /// Its name, for progress.
    pub name: &'static str,
    /// Its rows of the finding table.
    pub kinds: &'static [FindingKind],
    /// Reads the tree and reports.
    pub run: fn(&mut Check<'_>) -> Result<(), TreeError>,
}

/// All parts, in order. A part that cannot read what it needs reports that once and goes on with
/// what it can.
pub static PARTS: &[Part] = &[];

impl<'a> Check<'a> {
    /// The tree.
    #[must_use]
    pub fn view(&self) -> &'a TreeView {
        self.view
    }

    /// How to check.
    #[must_use]
    pub fn options(&self) -> &'a CheckOptions {
        self.options
    }

    /// Reports a finding. `file` is the path below the root, `fix` the plan that would mend it.
    ///
    /// # Panics
    /// In tests, when `kind` has a repair text and no fix is given, or the other way round, see
    /// [`Check::report_unmendable`].
    pub fn report(
        &mut self,
        kind: &'static FindingKind,
        file: &str,
        offset: Option<u64>,
        message: String,
        fix: Option<Plan>,
    ) {
        if self.options.ignore.contains(kind.id.0) {
            return;
        }
        let listed = self
            .found
            .iter()
            .rev()
            .take_while(|found| found.finding.id == kind.id)
            .count();
        if listed >= LISTED_LIMIT {
            *self.left_out.entry(kind.id).or_default() += 1;
            return;
        }
        let repair = fix.as_ref().map(|_| Repair {
            action: kind.repair.to_owned(),
            loses: (!kind.loses.is_empty()).then(|| kind.loses.to_owned()),
        });
        let hint = if fix.is_none() {
            "see `po-admin explain` with this id".into()
        } else if kind.loses.is_empty() {
            "mend it with --fix".into()
        } else {
            format!("mend it with --fix {} (loses: {})", kind.id, kind.loses).into()
        };
        self.found.push(Found {
            finding: Finding {
                id: kind.id,
                severity: kind.severity,
                file: file.to_owned(),
                offset,
                message,
                hint,
                repair,
            },
            fix,
        });
    }
}

/// What a check found.
#[derive(Debug)]
pub struct Checked {
    /// In the order of the parts, within a part by file and offset.
    pub found: Vec<Found>,
    /// Findings that are not listed because there are too many of their id.
    pub left_out: Vec<(FindingId, u64)>,
}

/// Runs all parts. `progress` is told the name of each part before it starts.
///
/// # Errors
/// A disk error that stops the whole check; what belongs to one file is a finding instead.
pub fn check(
    view: &TreeView,
    options: &CheckOptions,
    progress: &mut dyn FnMut(&'static str),
) -> Result<Checked, TreeError> {
    let mut check = Check {
        view,
        options,
        found: Vec::new(),
        left_out: std::collections::BTreeMap::new(),
    };
    for part in PARTS {
        progress(part.name);
        (part.run)(&mut check)?;
    }
    Ok(Checked {
        found: check.found,
        left_out: check.left_out.into_iter().collect(),
    })
}

/// Which findings to mend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FixWhat {
    /// All whose repair loses nothing.
    Safe,
    /// These ids, whatever they lose.
    Ids(BTreeSet<String>),
}

impl FixWhat {
    /// Whether a finding is to be mended.
    #[must_use]
    pub fn wants(&self, found: &Found) -> bool {
        let Some(repair) = &found.finding.repair else {
            return false;
        };
        match self {
            Self::Safe => repair.loses.is_none(),
            Self::Ids(ids) => ids.contains(found.finding.id.0),
        }
    }
}

/// The plan that mends as much as possible at once: plans that contradict what is in it already wait
/// for the next round. Returns it with the number of findings it mends.
#[must_use]
pub fn fix_plan(found: &[Found], what: &FixWhat) -> (Plan, u64) {
    let mut plan = Plan::new();
    let mut mended = 0;
    for found in found.iter().filter(|found| what.wants(found)) {
        if let Some(fix) = &found.fix
            && plan.merge(fix).is_ok()
        {
            mended += 1;
        }
    }
    (plan, mended)
}

/// Rounds of mending before giving up; each round mends what became visible or possible by the one
/// before.
pub const FIX_ROUNDS_LIMIT: usize = 16;

/// What mending did.
#[derive(Debug)]
pub struct Fixed {
    /// Findings that were mended, over all rounds.
    pub mended: u64,
    /// Commits that were made.
    pub commits: Vec<crate::tree::journal::Committed>,
    /// What the last check found.
    pub after: Checked,
}

/// Mends and checks again until nothing chosen is left.
///
/// # Errors
/// As [`check`] and [`TreeMut::commit`].
pub fn fix(
    tree: &mut TreeMut,
    options: &CheckOptions,
    what: &FixWhat,
    info: &CommitInfo,
    progress: &mut dyn FnMut(&'static str),
) -> Result<Fixed, TreeError> {
    let mut mended = 0;
    let mut commits = Vec::new();
    let mut after = check(tree.view(), options, progress)?;
    for _ in 0..FIX_ROUNDS_LIMIT {
        let (plan, count) = fix_plan(&after.found, what);
        if plan.is_empty() {
            break;
        }
        let mut info = info.clone();
        info.counts.push(("mended", count));
        commits.extend(tree.commit(&plan, &info)?);
        mended += count;
        after = check(tree.view(), options, progress)?;
    }
    Ok(Fixed {
        mended,
        commits,
        after,
    })
}
