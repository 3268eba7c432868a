//! `po-admin check`: MAILINT's and PODIAG's checks and more.
//!
//! The check is a list of [`PARTS`]. Each part reads the tree through a view, reports findings from its
//! own rows of the finding table, and gives for each finding that can be mended a small plan. Nothing
//! here writes: mending joins the plans of all chosen findings that do not contradict each other,
//! commits, and checks again, until nothing that may be mended is left (Q132744, Q134753).

use std::collections::{BTreeMap, BTreeSet};

use crate::core::base::finding::{Finding, FindingId, Repair, Severity};
use crate::core::format::FixedRecord as _;
use crate::core::format::counters::FlagRecord;
use crate::tree::journal::{CommitInfo, Plan, PlanError, Step};
use crate::tree::marker::Marker;
use crate::tree::view::TreeView;
use crate::tree::{RelPath, TreeError, TreeMut};

use super::findings::FindingKind;

mod access;
mod counters;
mod directories;
mod dirsync;
mod entries;
mod files;
mod gal;
mod groups;
mod identity;
mod list_file;
mod list_owners;
mod lists;
mod locks;
mod mailbags;
mod marker;
mod messages;
mod netpo;
mod read;
mod routing;
mod shadows;
mod sizes;
mod unreadable;
mod userlists;

/// A finding and, where it can be mended, the plan that mends it.
#[derive(Debug, Clone)]
pub struct Found {
    /// What was found.
    pub finding: Finding,
    /// What would change.
    pub fix: Option<Plan>,
}

/// Where a finding stands within its kind: by file, offset, message.
type Place = (String, Option<u64>, String);

/// What a part of the check works with.
#[derive(Debug)]
pub struct Check<'a> {
    view: &'a read::Eyes<'a>,
    options: &'a CheckOptions,
    /// Findings of the part that runs now, by kind. The last of a kind is dropped when there are
    /// more than [`LISTED_LIMIT`], so that what is listed does not depend on the order of reading.
    current: BTreeMap<FindingId, BTreeMap<Place, Found>>,
    /// Findings beyond the limit of their id, by id.
    left_out: BTreeMap<FindingId, u64>,
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

const fn part(
    name: &'static str,
    kinds: &'static [FindingKind],
    run: fn(&mut Check<'_>) -> Result<(), TreeError>,
) -> Part {
    Part { name, kinds, run }
}

/// All parts, in order. A part that cannot read what it needs leaves the report to the part that
/// owns the file and goes on with what it can.
pub static PARTS: &[Part] = &[
    part("marker", marker::KINDS, marker::run),
    part("directories", directories::KINDS, directories::run),
    part("files", files::KINDS, files::run),
    part("sizes", sizes::KINDS, sizes::run),
    part("identity", identity::KINDS, identity::run),
    part("counters", counters::KINDS, counters::run),
    part("users", access::KINDS, access::run),
    part("shadows", shadows::KINDS, shadows::run),
    part("lists", lists::KINDS, lists::run),
    part("user lists", userlists::KINDS, userlists::run),
    part("addresses", netpo::KINDS, netpo::run),
    part("groups", groups::KINDS, groups::run),
    part("routing", routing::KINDS, routing::run),
    part("mailbags", mailbags::KINDS, mailbags::run),
    part("messages", messages::KINDS, messages::run),
    part("dirsync", dirsync::KINDS, dirsync::run),
    part("locks", locks::KINDS, locks::run),
    part("global address list", gal::KINDS, gal::run),
    part("readability", unreadable::KINDS, unreadable::run),
];

impl<'a> Check<'a> {
    /// The tree.
    fn view(&self) -> &'a read::Eyes<'a> {
        self.view
    }

    /// How to check.
    #[must_use]
    pub fn options(&self) -> &'a CheckOptions {
        self.options
    }

    /// Whether the tree carries our marker, so that fields at places of our own choice mean
    /// something. On other trees only what rests on published facts is looked at.
    #[must_use]
    pub fn is_ours(&self) -> bool {
        self.view.marker().layout().is_some()
    }

    /// Reports a finding. `file` is the path below the root, `fix` the plan that would mend it. A
    /// plan that this tree cannot take (it is not ours, a target is hard-linked) is left away.
    pub fn report(
        &mut self,
        kind: &'static FindingKind,
        file: &str,
        offset: Option<u64>,
        message: String,
        fix: Option<Plan>,
    ) {
        self.report_as(kind, kind.severity, file, offset, message, fix);
    }

    /// As [`Check::report`], with another severity than the kind usually has.
    pub fn report_as(
        &mut self,
        kind: &'static FindingKind,
        severity: Severity,
        file: &str,
        offset: Option<u64>,
        message: String,
        fix: Option<Plan>,
    ) {
        if self.options.ignore.contains(kind.id.0) {
            return;
        }
        let fix = fix.filter(|plan| self.can_take(plan));
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
        let place = (file.to_owned(), offset, message.clone());
        let finding = Finding {
            id: kind.id,
            severity,
            file: file.to_owned(),
            offset,
            message,
            hint,
            repair,
        };
        let listed = self.current.entry(kind.id).or_default();
        listed.insert(place, Found { finding, fix });
        if listed.len() > LISTED_LIMIT {
            listed.pop_last();
            *self.left_out.entry(kind.id).or_default() += 1;
        }
    }

    /// Whether a plan can be carried out here. One that cannot would make the whole commit fail,
    /// and with it the mending of everything else.
    fn can_take(&self, plan: &Plan) -> bool {
        if !matches!(self.view.marker(), Marker::Ours(_)) || plan.is_empty() {
            return false;
        }
        let made = |dir: &RelPath| matches!(plan.step(dir), Some(Step::Mkdir));
        let is_dir = |dir: &RelPath| {
            dir.is_root()
                || made(dir)
                || read::kind_on_disk(self.view, dir) == Some(read::EntryKind::Dir)
        };
        plan.steps().all(|(path, step)| {
            let parent = path.parent().unwrap_or_default();
            let stat = self.view.stat_on_disk(path).ok().flatten();
            let single_file =
                stat.is_some_and(|stat| stat.kind == read::EntryKind::File && stat.links <= 1);
            match step {
                Step::Replace { .. } => single_file || (stat.is_none() && is_dir(&parent)),
                Step::Extents { len_before, .. } => {
                    single_file && stat.is_some_and(|stat| stat.len == *len_before)
                }
                Step::Mkdir => stat.is_none() && is_dir(&parent),
                Step::Remove => stat.is_some_and(|stat| stat.kind != read::EntryKind::Dir),
                Step::Rmdir => stat.is_some_and(|stat| stat.kind == read::EntryKind::Dir),
                Step::Move { to } => {
                    stat.is_some()
                        && matches!(self.view.stat_on_disk(to), Ok(None))
                        && is_dir(&to.parent().unwrap_or_default())
                }
            }
        })
    }

    /// The findings of the part that ended, in order of file and offset.
    fn take_part(&mut self, part: &Part) -> Vec<Found> {
        let mut found: Vec<Found> = std::mem::take(&mut self.current)
            .into_values()
            .flat_map(BTreeMap::into_values)
            .collect();
        let row = |id: FindingId| part.kinds.iter().position(|kind| kind.id == id);
        found.sort_by(|a, b| {
            let key = |found: &Found| (found.finding.offset, row(found.finding.id));
            (&a.finding.file, key(a))
                .cmp(&(&b.finding.file, key(b)))
                .then_with(|| a.finding.message.cmp(&b.finding.message))
        });
        found
    }
}

/// What a check found.
#[derive(Debug, Clone)]
pub struct Checked {
    /// In the order of the parts, within a part by file and offset.
    pub found: Vec<Found>,
    /// Findings that are not listed because there are too many of their id.
    pub left_out: Vec<(FindingId, u64)>,
}

impl Checked {
    /// The worst severity, findings that are not listed included; `None` when nothing was found.
    #[must_use]
    pub fn worst(&self) -> Option<Severity> {
        self.found.iter().map(|found| found.finding.severity).max()
    }
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
    let eyes = read::Eyes::new(view);
    let mut check = Check {
        view: &eyes,
        options,
        current: BTreeMap::new(),
        left_out: BTreeMap::new(),
    };
    let mut found = Vec::new();
    for part in PARTS {
        progress(part.name);
        (part.run)(&mut check)?;
        found.append(&mut check.take_part(part));
    }
    if !eyes.troubles().is_empty() {
        // What cannot be seen may be what seems to be missing.
        for found in &mut found {
            found.fix = None;
            found.finding.repair = None;
            found.finding.hint = "make everything readable first, see file.unreadable".into();
        }
    }
    Ok(Checked {
        found,
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
/// for the next round. Returns it with the number of findings it mends. FLAG.GLB gets one more when an
/// address list changes.
///
/// # Errors
/// A disk error.
pub fn fix_plan(
    view: &TreeView,
    found: &[Found],
    what: &FixWhat,
) -> Result<(Plan, u64), TreeError> {
    let (mut plan, mended) = join_fixes(found, what);
    bump_flag(&read::Eyes::new(view), &mut plan)?;
    Ok((plan, mended))
}

fn join_fixes(found: &[Found], what: &FixWhat) -> (Plan, u64) {
    let mut plan = Plan::new();
    let mut mended = 0;
    for found in found.iter().filter(|found| what.wants(found)) {
        if let Some(fix) = &found.fix {
            // Findings of one file may share a plan; then it is in already.
            let contained = fix
                .steps()
                .all(|(path, step)| plan.step(path) == Some(step));
            if contained || plan.merge(fix).is_ok() {
                mended += 1;
            }
        }
    }
    (plan, mended)
}

/// Whether clients keep what stands in this file in memory until FLAG.GLB changes (Q131670).
fn is_address_list(path: &RelPath) -> bool {
    let path = path.as_str().to_ascii_uppercase();
    let Some((dir, name)) = path.split_once('/') else {
        return false;
    };
    match dir {
        "NME" | "USR" | "GRP" | "XTN" => name != crate::core::format::tree::POPULATE,
        "GLB" => matches!(name, "NETPO.GLB" | "NETWORK.GLB" | "GROUP.GLB"),
        _ => false,
    }
}

/// Adds one to the change counter of FLAG.GLB when the plan changes an address list (DEC-104).
///
/// # Errors
/// A disk error.
fn bump_flag(view: &TreeView, plan: &mut Plan) -> Result<(), TreeError> {
    let changes_list = plan.steps().any(|(path, step)| {
        is_address_list(path) || matches!(step, Step::Move { to } if is_address_list(to))
    });
    if !changes_list {
        return Ok(());
    }
    let path = view.path("GLB/FLAG.GLB")?;
    if plan.step(&path).is_some() {
        // The file itself is being mended; a change of it is a change.
        return Ok(());
    }
    // A file of another size, or none at all, has a finding of its own. One that cannot be read
    // stops the mending: the lists must not change without their counter.
    if view.stat_on_disk(&path)?.is_none_or(|stat| stat.len != 2) {
        return Ok(());
    }
    let Some(bytes) = view.read_on_disk(&path, 2)? else {
        return Ok(());
    };
    if let Ok(flag) = FlagRecord::decode(&bytes) {
        let bumped = flag.bumped().encode();
        match plan.patch(path, 2, 0, bumped) {
            Ok(()) | Err(PlanError::Twice(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
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
        let (plan, count) = fix_plan(tree.view(), &after.found, what)?;
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

#[cfg(test)]
mod tests;
