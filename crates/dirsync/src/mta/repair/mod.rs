//! What the original did: one check, one plan, one commit (mta-database sections 7 and 8).
//!
//! | what is found | what becomes of it |
//! |---|---|
//! | an object file that is no sound object, a half pair, a left-over | moved to MTACHECK.OUT |
//! | a queue file that is missing or damaged, or lists other members | made anew under the same id (Q282780) |
//! | counts, padding, bitmap | written as the objects say |
//! | a core object that is damaged | moved to MTACHECK.OUT; copying it back is for `restore` |
//! | the super queue or a static file missing | nothing at all is touched (Q182085, Q154337) |
//!
//! A file that the disk does not give is no damage: the run ends and nothing is touched (ASSIGNED: what
//! cannot be read today may be read tomorrow, what was taken away stays away).
//!
//! The check reads every file once. Only files that are taken away are read a second time, for the
//! manifest.
//!
//! DBBITMP.DAT is written when the run ends well, in every profile: that the programs of 4.0 and 5.0 left
//! it out made the MTA check again (R-BUG-04). When core objects are missing it is taken away, so that
//! nothing takes the database for clean.

mod output;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use crate::core::base::UnixTime;
use crate::core::format::mta::core_files::{REFERENCE_COUNTS, is_core};
use crate::core::format::mta::counts::Counts;
use crate::core::format::mta::id::BITMAP_FILE;
use crate::core::format::mta::queue::{MemberRecord, Queue};
use crate::core::format::mta::{Kind, MessageKind, ObjectId, ObjectNumber};
use crate::progress::Progress;
use crate::tree::disk::EntryKind;
use crate::tree::journal::{CommitInfo, Committed, Plan};
use crate::tree::view::{TreeMut, TreeView};

use super::check::{BitmapState, Checked, CheckedObject, CheckedQueue, QueueState, Verdict, check};
use super::error::MtaError;
use super::foreign;
use super::quarantine::{Quarantine, Rotation, Touched, rotate};
use super::store::Database;
use super::{HOME, QUARANTINE};

pub use output::{cause, events, lines};

/// The kinds that the switches remove, in the order of their lines: `/rd`, `/rp`, `/rl`, and our `--rx`.
pub const REMOVABLE: [MessageKind; 4] = [
    MessageKind::DirRep,
    MessageKind::PfRep,
    MessageKind::LinkMon,
    MessageKind::Dirsync,
];

/// What to do besides mending.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepairOptions {
    /// Kinds of messages to take away, by their addresses (OQ-5); of [`REMOVABLE`].
    pub remove: BTreeSet<MessageKind>,
    /// The time.
    pub now: UnixTime,
    /// As the MTA runs it at an unclean start (Q163326): verbose, its log in MTACHECK.OUT, and a
    /// quarantine that is not empty is renamed instead of refused (OQ-11).
    pub internal: bool,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Ending {
    /// `Database clean, no errors detected.`
    Clean,
    /// `Database repaired, some data may have been lost.`
    Repaired,
    /// Files of the boot environment are missing or damaged; the rest was mended.
    BootMissing,
    /// The super queue cannot be used; nothing was touched.
    SuperQueue,
    /// A static file is missing; nothing was touched.
    StaticFile,
}

/// A message that a switch took away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Purged {
    /// Its reference object.
    pub id: ObjectId,
    /// Its queue.
    pub queue: ObjectId,
    /// Its kind.
    pub kind: MessageKind,
}

/// What a run found and what it does about it.
#[derive(Debug)]
pub struct Repair {
    /// Everything that was found.
    pub checked: Checked,
    /// What is written.
    pub plan: Plan,
    /// How it ends.
    pub ending: Ending,
    /// Queues that are made anew, with the number of their members, in the order of the check.
    pub rebuilt: Vec<(ObjectId, u64)>,
    /// The queue that each bad object was on, where one is known.
    pub was_on: BTreeMap<ObjectNumber, ObjectId>,
    /// MTS-IDs of bad objects that only their partner knows.
    pub known_ids: BTreeMap<ObjectNumber, Box<str>>,
    /// Messages that the switches take away.
    pub purged: Vec<Purged>,
    /// Whether something else was mended: counts or the next serial number.
    pub counts_mended: bool,
    /// What did not work without stopping the run.
    pub warnings: Vec<String>,
    /// Folders that were renamed first.
    pub rotated: Vec<Rotation>,
}

impl Repair {
    /// Objects that were detected: neither free slots nor queues (R-OUT-011).
    #[must_use]
    pub fn detected(&self) -> u64 {
        self.checked
            .objects
            .iter()
            .filter(|row| is_counted(row))
            .count() as u64
    }

    /// Objects that are damaged.
    #[must_use]
    pub fn damaged(&self) -> u64 {
        let bad = |row: &&CheckedObject| is_counted(row) && !row.verdict.is_good();
        self.checked.objects.iter().filter(bad).count() as u64
    }
}

fn is_counted(row: &CheckedObject) -> bool {
    !matches!(row.verdict, Verdict::Free | Verdict::UnlistedQueue)
}

/// Refuses when an earlier run left object files in the quarantine (R-CLI-005).
///
/// # Errors
/// [`MtaError::QuarantineFull`], or a disk error.
pub fn require_empty_quarantine(view: &TreeView) -> Result<(), MtaError> {
    let found = foreign::quarantine(view)?;
    match found.first() {
        None => Ok(()),
        Some(first) => Err(MtaError::QuarantineFull {
            tree: view.describe(),
            folder: first.split('/').next().unwrap_or(QUARANTINE).to_owned(),
            count: found.len(),
            first: first.clone(),
        }),
    }
}

/// What a run would find and write. Looks only.
///
/// # Errors
/// [`MtaError::QuarantineFull`] unless the run is internal; [`MtaError::Unreadable`]; a foreign directory; a
/// disk error.
pub fn plan_repair(
    view: &TreeView,
    options: &RepairOptions,
    progress: &dyn Progress,
) -> Result<Repair, MtaError> {
    let db = Database::open(view)?;
    if !options.internal {
        require_empty_quarantine(view)?;
    }
    let checked = check(&db, progress)?;
    if progress.stop_requested() {
        return Err(MtaError::Interrupted);
    }
    if let Some((file, why)) = checked.unreadable() {
        return Err(MtaError::Unreadable {
            tree: view.describe(),
            file,
            why: why.to_owned(),
        });
    }
    Planner::new(&db, options, checked).run()
}

/// Checks and mends: one commit, after one that renames a filled quarantine when the run is internal.
///
/// # Errors
/// As [`plan_repair`], and what a commit may fail with.
pub fn repair(
    tree: &mut TreeMut,
    options: &RepairOptions,
    info: &CommitInfo,
    progress: &dyn Progress,
) -> Result<(Repair, Option<Committed>), MtaError> {
    let mut rotated = Vec::new();
    if options.internal && !foreign::quarantine(tree.view())?.is_empty() {
        let (plan, done) = rotate(tree.view())?;
        tree.commit(&plan, info)?;
        rotated = done;
    }
    let mut repair = plan_repair(tree.view(), options, progress)?;
    repair.rotated = rotated;
    progress.start("writing", None);
    let committed = tree.commit(&repair.plan, info)?;
    progress.finish();
    Ok((repair, committed))
}

struct Planner<'d, 'v, 'o> {
    db: &'d Database<'v>,
    options: &'o RepairOptions,
    repair: Repair,
    quarantine: Option<Quarantine<'v>>,
    /// Objects whose files go.
    gone: BTreeSet<ObjectNumber>,
}

impl<'d, 'v, 'o> Planner<'d, 'v, 'o> {
    fn new(db: &'d Database<'v>, options: &'o RepairOptions, checked: Checked) -> Self {
        Self {
            db,
            options,
            quarantine: None,
            gone: BTreeSet::new(),
            repair: Repair {
                checked,
                plan: Plan::new(),
                ending: Ending::Clean,
                rebuilt: Vec::new(),
                was_on: BTreeMap::new(),
                known_ids: BTreeMap::new(),
                purged: Vec::new(),
                counts_mended: false,
                warnings: Vec::new(),
                rotated: Vec::new(),
            },
        }
    }

    fn run(mut self) -> Result<Repair, MtaError> {
        if self.repair.checked.no_static_file {
            self.repair.ending = Ending::StaticFile;
            return Ok(self.repair);
        }
        if self.repair.checked.super_queue.is_err() {
            self.repair.ending = Ending::SuperQueue;
            return Ok(self.repair);
        }
        self.quarantine = Some(Quarantine::open(self.db.view(), self.options.now)?);
        self.whose_were_they();
        self.take_bad()?;
        let counts = self.purge()?;
        self.queues()?;
        self.counts(counts)?;
        self.padding()?;
        let bad = self
            .repair
            .checked
            .objects
            .iter()
            .any(|row| !row.verdict.is_good());
        let mended = bad || !self.repair.rebuilt.is_empty() || self.repair.counts_mended;
        self.repair.ending = if self.repair.checked.core_is_bad() {
            Ending::BootMissing
        } else if mended {
            Ending::Repaired
        } else {
            Ending::Clean
        };
        self.marker()?;
        let log = self.options.internal.then(|| {
            let mut text = String::new();
            lines(&self.repair, true, &mut |line| {
                text.push_str(line);
                text.push_str("\r\n");
            });
            text.into_bytes()
        });
        if let Some(quarantine) = self.quarantine.take() {
            let warning = quarantine.finish(&mut self.repair.plan, log)?;
            self.repair.warnings.extend(warning);
        }
        Ok(self.repair)
    }

    /// On which queue bad objects were, and their MTS-IDs, as far as others know that.
    fn whose_were_they(&mut self) {
        let checked = &self.repair.checked;
        let bad: BTreeMap<ObjectNumber, &CheckedObject> = checked
            .objects
            .iter()
            .filter(|row| !row.verdict.is_good())
            .map(|row| (row.number, row))
            .collect();
        if bad.is_empty() {
            return;
        }
        let queues: BTreeSet<ObjectId> = checked.queues.iter().map(|q| q.entry.id).collect();
        let (mut was_on, mut known_ids) = (BTreeMap::new(), BTreeMap::new());
        for queue in &checked.queues {
            for member in &queue.listed {
                if bad.contains_key(&member.object().number()) {
                    was_on.insert(member.object().number(), queue.entry.id);
                }
            }
        }
        for (&number, row) in &bad {
            if queues.contains(&row.queue) {
                was_on.entry(number).or_insert(row.queue);
            }
        }
        for row in &checked.objects {
            let partner = row.partner.number();
            if let Some(id) = &row.mts_id
                && bad.get(&partner).is_some_and(|bad| bad.mts_id.is_none())
            {
                known_ids.insert(partner, id.clone());
                if queues.contains(&row.queue) {
                    was_on.entry(partner).or_insert(row.queue);
                }
            }
        }
        self.repair.was_on = was_on;
        self.repair.known_ids = known_ids;
    }

    fn queue_name(&self, id: ObjectId) -> &str {
        self.repair
            .checked
            .queues
            .iter()
            .find(|queue| queue.entry.id == id)
            .map_or("", |queue| queue.entry.name.as_str())
    }

    fn path_of(&self, row: &CheckedObject) -> Result<crate::tree::RelPath, MtaError> {
        let name = match &row.spelling {
            Some(name) => name.to_string(),
            None => row.number.file_name(),
        };
        Ok(self.db.home().join(&name)?)
    }

    fn take_bad(&mut self) -> Result<(), MtaError> {
        let Some(mut quarantine) = self.quarantine.take() else {
            return Ok(());
        };
        let mut plan = std::mem::take(&mut self.repair.plan);
        for row in &self.repair.checked.objects {
            if row.verdict.is_good() {
                continue;
            }
            if matches!(
                row.verdict,
                Verdict::Missing | Verdict::CoreMissing | Verdict::Lost
            ) {
                continue;
            }
            let queue = self
                .repair
                .was_on
                .get(&row.number)
                .map_or("", |&id| self.queue_name(id));
            let mts_id = row
                .mts_id
                .as_deref()
                .or_else(|| self.repair.known_ids.get(&row.number).map(|id| &**id));
            let touched = Touched {
                id: row.id,
                queue,
                mts_id: mts_id.unwrap_or_default(),
                reason: cause(&row.verdict),
            };
            quarantine.take(&mut plan, self.path_of(row)?, &touched)?;
            if !matches!(row.verdict, Verdict::Doubled(_)) {
                self.gone.insert(row.number);
            }
        }
        self.repair.plan = plan;
        self.quarantine = Some(quarantine);
        Ok(())
    }

    /// Takes away the messages of the kinds that were asked for; the counts that follow.
    fn purge(&mut self) -> Result<Counts, MtaError> {
        let mut counts = self.repair.checked.counts.clone();
        if self.options.remove.is_empty() {
            return Ok(counts);
        }
        let Some(mut quarantine) = self.quarantine.take() else {
            return Ok(counts);
        };
        let mut plan = std::mem::take(&mut self.repair.plan);
        for row in &self.repair.checked.objects {
            let Some(kind) = row.address_kind else {
                continue;
            };
            if row.verdict != Verdict::Ok
                || row.kind != Some(Kind::Reference)
                || !self.options.remove.contains(&kind)
            {
                continue;
            }
            let mut go = vec![row];
            if counts.release(row.partner)
                && let Some(data) = self.repair.checked.object(row.partner.number())
            {
                counts.forget(data.id);
                go.push(data);
            }
            for part in go {
                let touched = Touched {
                    id: part.id,
                    queue: self.queue_name(row.queue),
                    mts_id: row.mts_id.as_deref().unwrap_or_default(),
                    reason: match kind {
                        MessageKind::DirRep => "directory replication (--rd)",
                        MessageKind::PfRep => "public folder replication (--rp)",
                        MessageKind::LinkMon => "link monitor (--rl)",
                        _ => "directory synchronization (--rx)",
                    },
                };
                quarantine.take(&mut plan, self.path_of(part)?, &touched)?;
                self.gone.insert(part.number);
            }
            self.repair.purged.push(Purged {
                id: row.id,
                queue: row.queue,
                kind,
            });
        }
        self.repair.plan = plan;
        self.quarantine = Some(quarantine);
        Ok(counts)
    }

    /// Writes the queues whose members change.
    fn queues(&mut self) -> Result<(), MtaError> {
        let purged: BTreeSet<ObjectId> = self.repair.purged.iter().map(|p| p.id).collect();
        let mut core_bad: BTreeMap<ObjectId, Vec<ObjectId>> = BTreeMap::new();
        for row in &self.repair.checked.objects {
            if matches!(row.verdict, Verdict::CoreMissing | Verdict::CoreCorrupt(_)) {
                core_bad.entry(row.queue).or_default().push(row.id);
            }
        }
        let Some(mut quarantine) = self.quarantine.take() else {
            return Ok(());
        };
        for queue in &self.repair.checked.queues {
            let boot = core_bad.get(&queue.entry.id).map_or(&[][..], Vec::as_slice);
            let members = members_after(queue, boot, &purged);
            let rebuilt = queue.state != QueueState::Ok || {
                // Without what is bad or was asked for, the list must be what the objects say.
                let left: Vec<MemberRecord> = queue
                    .listed
                    .iter()
                    .filter(|member| {
                        let id = member.object();
                        let number = id.number();
                        let lost = self.repair.was_on.contains_key(&number) && !is_core(number);
                        !lost && !purged.contains(&id)
                    })
                    .copied()
                    .collect();
                left != members
            };
            if rebuilt {
                self.repair
                    .rebuilt
                    .push((queue.entry.id, members.len() as u64));
            }
            if queue.state == QueueState::Ok && queue.listed == members {
                continue;
            }
            let path = self.db.path_of(queue.entry.id.number())?;
            let touched = Touched {
                id: queue.entry.id,
                queue: &queue.entry.name,
                mts_id: "",
                reason: if rebuilt {
                    "required reconstruction"
                } else {
                    "members removed"
                },
            };
            quarantine.note("rewritten", &path, &touched)?;
            let created = if queue.created.is_never() {
                self.options.now
            } else {
                queue.created
            };
            let bytes = Queue {
                id: queue.entry.id,
                name: queue.entry.name.clone(),
                secured: queue.entry.secured,
                created,
                members,
            }
            .encode()?;
            self.repair.plan.replace(path, bytes)?;
        }
        self.quarantine = Some(quarantine);
        Ok(())
    }

    fn counts(&mut self, mut counts: Counts) -> Result<(), MtaError> {
        let Some(stored) = &self.repair.checked.stored_counts else {
            return Ok(());
        };
        counts.created = stored.created;
        let checked = &self.repair.checked.counts;
        self.repair.counts_mended = stored.next_serial < checked.next_serial
            || !stored.special().eq(checked.special())
                && stored.special().chain(checked.special()).any(|(id, _)| {
                    stored.get(id) != checked.get(id) && !self.gone.contains(&id.number())
                });
        if *stored != counts {
            let path = self.db.path_of(REFERENCE_COUNTS.number())?;
            let touched = Touched {
                id: REFERENCE_COUNTS,
                queue: "REFDATQ",
                mts_id: "",
                reason: "counted anew",
            };
            if let Some(quarantine) = &mut self.quarantine {
                quarantine.note("rewritten", &path, &touched)?;
            }
            self.repair.plan.replace(path, counts.encode()?)?;
        }
        Ok(())
    }

    /// Zeros behind the contents of sound objects that stay.
    fn padding(&mut self) -> Result<(), MtaError> {
        for row in &self.repair.checked.objects {
            let Some(offset) = row.dirty_padding else {
                continue;
            };
            if row.verdict != Verdict::Ok || self.gone.contains(&row.number) {
                continue;
            }
            let path = self.path_of(row)?;
            if self.repair.plan.step(&path).is_some() {
                continue;
            }
            let Some(stat) = self.db.view().stat_on_disk(&path)? else {
                continue;
            };
            let len = usize::try_from(stat.len.saturating_sub(offset)).unwrap_or(usize::MAX);
            self.repair
                .plan
                .patch(path, stat.len, offset, vec![0; len])?;
        }
        Ok(())
    }

    /// DBBITMP.DAT: written when all is well, else away.
    fn marker(&mut self) -> Result<(), MtaError> {
        let path = self.db.view().path(&format!("{HOME}/{BITMAP_FILE}"))?;
        if self.repair.ending == Ending::BootMissing {
            if self
                .db
                .view()
                .stat_on_disk(&path)?
                .is_some_and(|s| s.kind == EntryKind::File)
            {
                self.repair.plan.remove(path)?;
            }
            return Ok(());
        }
        let mut numbers = self.repair.checked.numbers.clone();
        for &number in &self.gone {
            numbers.set(number, false);
        }
        for queue in &self.repair.checked.queues {
            numbers.set(queue.entry.id.number(), true);
        }
        let changed = numbers.bytes() != self.repair.checked.numbers.bytes();
        if changed || !matches!(self.repair.checked.bitmap, BitmapState::Ok) {
            self.repair.plan.replace(path, numbers.bytes().to_vec())?;
        }
        Ok(())
    }
}

/// The members that a queue has in the end: boot objects whose file is missing keep their place, so that
/// `restore` alone mends that.
fn members_after(
    queue: &CheckedQueue,
    core_bad: &[ObjectId],
    purged: &BTreeSet<ObjectId>,
) -> Vec<MemberRecord> {
    let sound = || {
        queue
            .members
            .iter()
            .filter(|member| !purged.contains(&member.object()))
    };
    if core_bad.is_empty() {
        return sound().copied().collect();
    }
    let entries: BTreeMap<ObjectId, MemberRecord> = sound()
        .copied()
        .chain(core_bad.iter().map(|&id| MemberRecord::boot(id)))
        .map(|member| (member.object(), member))
        .collect();
    let mut order: Vec<ObjectId> = Vec::with_capacity(entries.len());
    let mut placed = BTreeSet::new();
    let rest = sound().map(|member| member.object());
    let boot = core_bad.iter().copied();
    for id in queue
        .listed
        .iter()
        .map(|member| member.object())
        .chain(rest)
        .chain(boot)
    {
        if entries.contains_key(&id) && placed.insert(id) {
            order.push(id);
        }
    }
    if queue.state != QueueState::Ok {
        order.sort_by_key(|id| {
            (
                !is_core(id.number()),
                if is_core(id.number()) {
                    id.number()
                } else {
                    ObjectNumber::NONE
                },
            )
        });
    }
    order
        .iter()
        .filter_map(|id| entries.get(id).copied())
        .collect()
}
