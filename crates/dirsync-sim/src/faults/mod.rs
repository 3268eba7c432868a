//! The fault harness: one row per command, every operation of it stopped, failed and hung in turn.
//!
//! For a [`Scenario`] the harness makes a clean run that counts the disk operations, and then for each
//! number `n`:
//!
//! * **stop**: operation `n` and all later ones have no effect (a torn write is tried as well); the
//!   power goes, and of what was not synced there survives nothing, everything, names only, data
//!   only, or one of 16 seeded choices;
//! * **fail**: operation `n` alone fails, with an I/O error and with "no space"; the process ends as
//!   it will, then nothing or everything of what was not synced survives;
//! * **hang**: operation `n` does not return; meanwhile somebody else looks at the tree and must get
//!   an answer; then the process is killed.
//!
//! After each the disk is judged three times: what a reader sees must be one of the states the command
//! may leave (the old tree, the new one, or a milestone between two commits); looking must not have
//! changed anything; and the same command run again must end in the new state, durable.
//!
//! A run that returns success must have left the new state durable: that is judged as well. (A second run
//! that finds everything done and changes nothing has promised nothing new.)
//!
//! Many cases leave the very same disk; each different disk is judged once.

pub(crate) mod rows;

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use dirsync_tree::Command;
use dirsync_tree::disk::fault::{Counting, Fault, FaultDisk};
use dirsync_tree::disk::mem::{MemDisk, Node, Survival};
use dirsync_tree::disk::{Disk, DiskErrorKind, DiskOp};

pub use rows::{observe_postoffice, row, rows};

/// Seeded survival sets per stop (design section 7).
const SEEDS: u64 = 16;
/// Longest time an observer may need while the command hangs.
const OBSERVER_LIMIT: Duration = Duration::from_secs(20);

/// What a reader sees: path to content; directories have none.
pub type Observed = BTreeMap<String, Option<Vec<u8>>>;

/// How a run of a command ended, as far as the harness cares.
pub type RunResult = Result<(), String>;

/// One command with everything the harness needs to try it.
#[derive(Clone, Copy)]
pub struct Scenario {
    /// The command it is a row for.
    pub command: Command,
    /// What is special about it.
    pub name: &'static str,
    /// A settled disk before the command.
    pub prepare: fn() -> Result<MemDisk, String>,
    /// The command.
    pub run: fn(Arc<dyn Disk>) -> RunResult,
    /// What a reader sees, through the read-only view; must not change the disk.
    pub observe: fn(Arc<dyn Disk>) -> Result<Observed, String>,
    /// The states the command may be found in between two of its commits, in order; empty when it
    /// makes one commit.
    pub milestones: fn() -> Result<Vec<Observed>, String>,
}

impl fmt::Debug for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.command, self.name)
    }
}

/// Rules of the disk that tests break on purpose, to see the harness turn red.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sabotage {
    /// Syncing a directory does nothing: as if the code had left it out.
    pub no_directory_sync: bool,
    /// Syncing a file does nothing: as if the commit were made before the data is synced.
    pub no_data_sync: bool,
}

/// How often each state was found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Runs that were judged.
    pub cases: u64,
    /// The old tree was found.
    pub old: u64,
    /// The new tree was found.
    pub new: u64,
    /// A milestone was found.
    pub between: u64,
}

impl Tally {
    fn add(&mut self, other: &Self) {
        self.cases += other.cases;
        self.old += other.old;
        self.new += other.new;
        self.between += other.between;
    }

    fn count(&mut self, found: Found) {
        self.cases += 1;
        match found {
            Found::Old => self.old += 1,
            Found::New => self.new += 1,
            Found::Between => self.between += 1,
        }
    }
}

/// A case that went wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Which case, in words that reproduce it.
    pub case: String,
    /// What is wrong.
    pub why: String,
}

/// The row of the table for one scenario.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The command, as typed.
    pub command: &'static str,
    /// The scenario.
    pub name: &'static str,
    /// Disk operations of a clean run.
    pub operations: u64,
    /// Stopped at each mutating operation, with all survival sets.
    pub stop: Tally,
    /// Failed at each operation.
    pub fail: Tally,
    /// Hung at each operation.
    pub hang: Tally,
    /// What went wrong; empty is green. At most [`VIOLATION_LIMIT`].
    pub violations: Vec<Violation>,
}

/// Violations listed per scenario before the harness stops trying it.
pub const VIOLATION_LIMIT: usize = 5;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Found {
    Old,
    New,
    Between,
}

struct Judge {
    /// Disks judged before, by a hash of all that is on them.
    judged: Mutex<HashMap<u64, Result<Found, String>>>,
    scenario: Scenario,
    before: MemDisk,
    old: Observed,
    new: Observed,
    between: Vec<Observed>,
    sabotage: Sabotage,
}

/// Tries one scenario.
///
/// # Errors
/// The scenario itself does not work: it cannot be prepared, or a clean run fails.
pub fn run(scenario: &Scenario, sabotage: Sabotage) -> Result<Outcome, String> {
    let before = (scenario.prepare)()?;
    let judge = Judge {
        judged: Mutex::new(HashMap::new()),
        scenario: *scenario,
        old: (scenario.observe)(Arc::new(before.fork()))?,
        new: Observed::new(),
        between: (scenario.milestones)()?,
        before,
        sabotage,
    };
    judge.try_all()
}

impl Judge {
    fn fresh(&self) -> MemDisk {
        let disk = self.before.fork();
        disk.ignore_sync_dir(self.sabotage.no_directory_sync);
        disk.ignore_file_sync(self.sabotage.no_data_sync);
        disk
    }

    fn try_all(mut self) -> Result<Outcome, String> {
        // The clean run: counts, and shows the new state.
        let mem = self.fresh();
        let all = FaultDisk::new(Arc::new(mem.clone()), Counting::All, None);
        (self.scenario.run)(Arc::new(all.clone()))
            .map_err(|error| format!("{:?}: the clean run fails: {error}", self.scenario))?;
        self.new = (self.scenario.observe)(Arc::new(mem.clone()))?;
        if self.new == self.old {
            return Err(format!("{:?} changes nothing", self.scenario));
        }
        let mem = self.fresh();
        let mutations = FaultDisk::new(Arc::new(mem.clone()), Counting::Mutations, None);
        (self.scenario.run)(Arc::new(mutations.clone()))?;
        let mut outcome = Outcome {
            command: self.scenario.command.words(),
            name: self.scenario.name,
            operations: all.operations(),
            stop: Tally::default(),
            fail: Tally::default(),
            hang: Tally::default(),
            violations: Vec::new(),
        };
        // Success means durable.
        for survival in Survival::all(SEEDS) {
            let case = format!("after success, {survival:?} survives");
            let crashed = self.rested(mem.crash(survival));
            let found = self.judge(&crashed, Some(Found::New));
            note(&mut outcome.stop, &mut outcome.violations, case, found);
        }
        let logged = all.log();
        let mutating = mutations.operations();
        let each = |n: u64, part: &mut Outcome| {
            if n <= mutating {
                self.stop_at(n, part);
            }
            let what = usize::try_from(n - 1)
                .ok()
                .and_then(|at| logged.get(at))
                .map_or_else(String::new, |op| format!(" ({:?} {})", op.op, op.path));
            self.fail_at(n, &what, part);
            self.hang_at(n, &what, part);
        };
        in_parallel(&mut outcome, all.operations().max(mutating), &each);
        Ok(outcome)
    }

    /// After a power cut the disk is an honest one again.
    fn rested(&self, disk: MemDisk) -> MemDisk {
        disk.ignore_sync_dir(false);
        disk.ignore_file_sync(false);
        disk
    }

    fn stop_at(&self, n: u64, outcome: &mut Outcome) {
        for fault in [Fault::StopAt(n), Fault::StopTearing(n)] {
            let mem = self.fresh();
            let disk = FaultDisk::new(Arc::new(mem.clone()), Counting::Mutations, Some(fault));
            let result = (self.scenario.run)(Arc::new(disk.clone()));
            if !disk.fired() {
                continue;
            }
            // Success in spite of the stop: only what does not matter was left undone.
            let must = result.is_ok().then_some(Found::New);
            for survival in Survival::all(SEEDS) {
                let case = format!("{fault:?}, {survival:?} survives");
                let found = self.judge(&self.rested(mem.crash(survival)), must);
                note(&mut outcome.stop, &mut outcome.violations, case, found);
            }
        }
    }

    fn fail_at(&self, n: u64, what: &str, outcome: &mut Outcome) {
        for kind in [DiskErrorKind::Io, DiskErrorKind::NoSpace] {
            let mem = self.fresh();
            let fault = Fault::FailAt(n, kind);
            let disk = FaultDisk::new(Arc::new(mem.clone()), Counting::All, Some(fault));
            let result = (self.scenario.run)(Arc::new(disk.clone()));
            let must = result.is_ok().then_some(Found::New);
            for survival in [Survival::Nothing, Survival::Everything] {
                let case = format!("{fault:?}{what}, {survival:?} survives");
                let found = self.judge(&self.rested(mem.crash(survival)), must);
                note(&mut outcome.fail, &mut outcome.violations, case, found);
            }
        }
    }

    fn hang_at(&self, n: u64, what: &str, outcome: &mut Outcome) {
        let mem = self.fresh();
        let fault = Fault::HangAt(n);
        let case = format!("{fault:?}{what}");
        let disk = FaultDisk::new(Arc::new(mem.clone()), Counting::All, Some(fault));
        let run = self.scenario.run;
        let worker = {
            let disk = disk.clone();
            std::thread::spawn(move || run(Arc::new(disk)))
        };
        if !disk.wait_until_hung(OBSERVER_LIMIT) {
            disk.release();
            let _ = worker.join();
            return;
        }
        // Somebody else looks meanwhile: an answer or "busy", but not waiting for ever.
        let observe = self.scenario.observe;
        let other = mem.clone();
        let (sender, answer) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let _ = sender.send(observe(Arc::new(other)));
        });
        let seen = answer.recv_timeout(OBSERVER_LIMIT);
        disk.release();
        let ended = worker.join();
        let found = match (seen, ended) {
            (Err(_), _) => Err("an observer got no answer while the command hung".to_owned()),
            (_, Err(_)) => Err("the command panicked".to_owned()),
            (Ok(Ok(seen)), _) if self.which(&seen).is_none() => Err(format!(
                "an observer saw a state that must not be: {}",
                self.diff(&seen)
            )),
            // Busy, or a proper state.
            _ => self.judge(&self.rested(mem.kill()), None),
        };
        note(&mut outcome.hang, &mut outcome.violations, case, found);
    }

    fn which(&self, seen: &Observed) -> Option<Found> {
        if *seen == self.new {
            Some(Found::New)
        } else if *seen == self.old {
            Some(Found::Old)
        } else if self.between.contains(seen) {
            Some(Found::Between)
        } else {
            None
        }
    }

    fn diff(&self, seen: &Observed) -> String {
        let describe = |state: &Observed| {
            let mut lines: Vec<String> = Vec::new();
            for (path, content) in seen {
                match state.get(path) {
                    None => lines.push(format!("+{path}")),
                    Some(other) if other != content => lines.push(format!(
                        "~{path} ({:?} bytes, not {:?})",
                        content.as_ref().map(Vec::len),
                        other.as_ref().map(Vec::len)
                    )),
                    Some(_) => {}
                }
            }
            lines.extend(
                state
                    .keys()
                    .filter(|path| !seen.contains_key(*path))
                    .map(|path| format!("-{path}")),
            );
            lines.truncate(8);
            lines.join(" ")
        };
        format!(
            "against the old tree: {}; against the new one: {}",
            describe(&self.old),
            describe(&self.new)
        )
    }

    fn judge(&self, disk: &MemDisk, must: Option<Found>) -> Result<Found, String> {
        let raw = disk.snapshot();
        // A killed process leaves a disk whose durable part differs from what is seen; only a disk
        // at rest is known by what is seen.
        let found = if disk.is_dirty() {
            self.judge_disk(disk, &raw)?
        } else {
            let hash = hash_of(&raw);
            let known = self
                .judged
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .get(&hash)
                .cloned();
            match known {
                Some(found) => found?,
                None => {
                    let found = self.judge_disk(disk, &raw);
                    self.judged
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .insert(hash, found.clone());
                    found?
                }
            }
        };
        match must {
            Some(must) if found != must => Err(format!(
                "success was reported, and {found:?} is what is there"
            )),
            _ => Ok(found),
        }
    }

    fn judge_disk(&self, disk: &MemDisk, raw: &BTreeMap<String, Node>) -> Result<Found, String> {
        let seen = (self.scenario.observe)(Arc::new(disk.clone()))
            .map_err(|error| format!("a reader is refused: {error}"))?;
        let found = self
            .which(&seen)
            .ok_or_else(|| format!("neither old nor new; {}", self.diff(&seen)))?;
        if *raw != disk.snapshot() {
            return Err("looking changed the disk".into());
        }
        // Again, on the disk as it is.
        let second = FaultDisk::new(Arc::new(disk.clone()), Counting::Mutations, None);
        (self.scenario.run)(Arc::new(second.clone()))
            .map_err(|error| format!("running it again fails: {error}"))?;
        let changed_something = second
            .log()
            .iter()
            .any(|op| op.op.mutates() && !matches!(op.op, DiskOp::Lock | DiskOp::LockNote));
        let after = if !changed_something {
            disk.clone()
        } else {
            disk.crash(Survival::Nothing)
        };
        let again = (self.scenario.observe)(Arc::new(after))
            .map_err(|error| format!("after running it again a reader is refused: {error}"))?;
        if again != self.new {
            return Err(format!(
                "running it again does not end in the new state; {}",
                self.diff(&again)
            ));
        }
        Ok(found)
    }
}

fn hash_of(nodes: &BTreeMap<String, Node>) -> u64 {
    let mut hasher = DefaultHasher::new();
    for (path, node) in nodes {
        path.hash(&mut hasher);
        match node {
            Node::Dir => 0u8.hash(&mut hasher),
            Node::File { bytes, mode } => {
                1u8.hash(&mut hasher);
                bytes.hash(&mut hasher);
                mode.hash(&mut hasher);
            }
            Node::Special(kind) => {
                2u8.hash(&mut hasher);
                kind.hash(&mut hasher);
            }
        }
    }
    hasher.finish()
}

/// Tries the numbers 1 to `last` on all processors; what is found is put together in the order of the
/// numbers, so the result does not depend on the threads.
fn in_parallel(outcome: &mut Outcome, last: u64, each: &(dyn Fn(u64, &mut Outcome) + Sync)) {
    let workers = std::thread::available_parallelism().map_or(1, std::num::NonZero::get) as u64;
    let next = Mutex::new(1u64);
    let parts: Mutex<BTreeMap<u64, Outcome>> = Mutex::new(BTreeMap::new());
    let red = std::sync::atomic::AtomicUsize::new(outcome.violations.len());
    let empty = Outcome {
        stop: Tally::default(),
        fail: Tally::default(),
        hang: Tally::default(),
        violations: Vec::new(),
        ..outcome.clone()
    };
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                loop {
                    let n = {
                        let mut next = next.lock().unwrap_or_else(PoisonError::into_inner);
                        let n = *next;
                        *next += 1;
                        n
                    };
                    let enough = red.load(std::sync::atomic::Ordering::Relaxed) >= VIOLATION_LIMIT;
                    if n > last || enough {
                        return;
                    }
                    let mut part = empty.clone();
                    each(n, &mut part);
                    red.fetch_add(part.violations.len(), std::sync::atomic::Ordering::Relaxed);
                    parts
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .insert(n, part);
                }
            });
        }
    });
    for part in parts
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner)
        .into_values()
    {
        outcome.stop.add(&part.stop);
        outcome.fail.add(&part.fail);
        outcome.hang.add(&part.hang);
        outcome.violations.extend(part.violations);
    }
    outcome.violations.truncate(VIOLATION_LIMIT);
}

fn note(
    tally: &mut Tally,
    violations: &mut Vec<Violation>,
    case: String,
    found: Result<Found, String>,
) {
    match found {
        Ok(found) => tally.count(found),
        Err(why) => {
            tally.cases += 1;
            if violations.len() < VIOLATION_LIMIT {
                violations.push(Violation { case, why });
            }
        }
    }
}
