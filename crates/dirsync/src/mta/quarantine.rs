//! MTACHECK.OUT: where files go that repair, purge and wipe take away, and the list of them.
//!
//! Files keep their names (DEC-119); a name that is taken gets `.1`, `.2`. Beside them stands
//! `MANIFEST.TSV` (ASSIGNED, OQ-21): one line for every file that was touched, with what it was before
//! (length, XXH64 with seed 0), what was done and why. A later run appends to it. Files that stand here
//! are never put back (Q262865); [`removed_ids`] tells `replay` which messages these are.
//!
//! Rotation renames the folder to `MTACHECK.001`, `.002` …: by `mtacheck rotate`, by the internal run
//! and by purge, which never refuse (OQ-11).

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::ops::ControlFlow;

use xxhash_rust::xxh64::Xxh64;

use crate::core::base::UnixTime;
use crate::core::format::mta::ObjectId;
use crate::tree::disk::{EntryKind, EntryName};
use crate::tree::journal::Plan;
use crate::tree::view::TreeView;
use crate::tree::{RelPath, TreeError};

use super::error::MtaError;
use super::{HOME, QUARANTINE, QUARANTINE_MISSPELT};

/// The list of what was touched.
pub const MANIFEST: &str = "MANIFEST.TSV";
/// Log of an internal run (Q163292).
pub const LOG: &str = "MTACHECK.LOG";
/// First line of a manifest.
const HEAD: &str = "time\taction\tobject\tfile\tto\tbytes\txxh64\tqueue\tmts_id\treason\r\n";
/// Longest manifest that is read, in bytes.
const MANIFEST_LEN_LIMIT: u64 = 256 << 20;
/// Bytes read at a time.
const PIECE_LEN: usize = 256 << 10;

/// Why and what of one file that is touched.
#[derive(Debug, Clone, Copy)]
pub struct Touched<'a> {
    /// The object in it, as far as that is known.
    pub id: ObjectId,
    /// Name of the queue it was on; empty when there was none.
    pub queue: &'a str,
    /// MTS-ID; empty when it is not known.
    pub mts_id: &'a str,
    /// Why.
    pub reason: &'a str,
}

/// MTACHECK.OUT while a plan is made.
#[derive(Debug)]
pub struct Quarantine<'v> {
    view: &'v TreeView,
    dir: RelPath,
    exists: bool,
    taken: BTreeSet<String>,
    manifest: String,
    now: UnixTime,
    piece: Vec<u8>,
}

impl<'v> Quarantine<'v> {
    /// Looks at the folder.
    ///
    /// # Errors
    /// A disk error, or something else stands in its place.
    pub fn open(view: &'v TreeView, now: UnixTime) -> Result<Self, MtaError> {
        let dir = view.path(&format!("{HOME}/{QUARANTINE}"))?;
        let mut taken = BTreeSet::new();
        let exists = match view.stat_on_disk(&dir)? {
            None => false,
            Some(stat) if stat.kind == EntryKind::Dir => {
                view.list_on_disk(&dir, &mut |entry| {
                    if let EntryName::Plain(name) = entry.name {
                        taken.insert(name.to_ascii_uppercase());
                    }
                    ControlFlow::Continue(())
                })?;
                true
            }
            Some(stat) => {
                return Err(MtaError::Damaged {
                    tree: view.describe(),
                    file: QUARANTINE.to_owned(),
                    why: format!("it is {}, not a directory", stat.kind.word()),
                });
            }
        };
        Ok(Self {
            view,
            dir,
            exists,
            taken,
            manifest: String::new(),
            now,
            piece: Vec::new(),
        })
    }

    /// The folder as it will be after a rotation that a dry run does not make.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn fresh(view: &'v TreeView, now: UnixTime) -> Result<Self, MtaError> {
        let mut quarantine = Self::open(view, now)?;
        quarantine.taken.clear();
        Ok(quarantine)
    }

    /// The folder's path on disk.
    #[must_use]
    pub fn dir(&self) -> &RelPath {
        &self.dir
    }

    /// Moves a file here.
    ///
    /// # Errors
    /// A disk error, or a step of the plan that contradicts.
    pub fn take(
        &mut self,
        plan: &mut Plan,
        from: RelPath,
        touched: &Touched<'_>,
    ) -> Result<(), MtaError> {
        let own = from.file_name().unwrap_or_default().to_ascii_uppercase();
        let mut name = own.clone();
        let mut n = 0u32;
        while !self.taken.insert(name.clone()) {
            n += 1;
            name = format!("{own}.{n}");
        }
        self.line("moved", &from, &format!("{QUARANTINE}/{name}"), touched)?;
        plan.move_to(from, self.dir.join(&name)?)?;
        Ok(())
    }

    /// Notes a file that is rewritten or cut where it stands.
    ///
    /// # Errors
    /// A disk error.
    pub fn note(
        &mut self,
        action: &str,
        path: &RelPath,
        touched: &Touched<'_>,
    ) -> Result<(), MtaError> {
        self.line(action, path, "", touched)
    }

    fn line(
        &mut self,
        action: &str,
        path: &RelPath,
        to: &str,
        touched: &Touched<'_>,
    ) -> Result<(), MtaError> {
        let (bytes, sum) = match self.sum(path)? {
            Some((bytes, sum)) => (bytes.to_string(), format!("{sum:016x}")),
            None => ("-".to_owned(), "-".to_owned()),
        };
        let clean = |text: &str| text.replace(['\t', '\r', '\n'], " ");
        let _ = write!(
            self.manifest,
            "{}\t{action}\t{}\t{}\t{to}\t{bytes}\t{sum}\t{}\t{}\t{}\r\n",
            self.now.timestamp(),
            touched.id,
            path.file_name().unwrap_or_default(),
            clean(touched.queue),
            clean(touched.mts_id),
            clean(touched.reason),
        );
        Ok(())
    }

    fn sum(&mut self, path: &RelPath) -> Result<Option<(u64, u64)>, TreeError> {
        let Some(file) = self.view.open_on_disk(path)? else {
            return Ok(None);
        };
        self.piece.resize(PIECE_LEN, 0);
        let mut hasher = Xxh64::new(0);
        let mut at = 0;
        while at < file.len() {
            let n = file.read_at(&mut self.piece, at)?;
            if n == 0 {
                break;
            }
            hasher.update(&self.piece[..n]);
            at += n as u64;
        }
        Ok(Some((file.len(), hasher.digest())))
    }

    /// Puts folder, manifest and, of an internal run, its log into the plan. Nothing when nothing was
    /// touched. Says when the log cannot be written there: it must not stop the repair (Q169918).
    ///
    /// # Errors
    /// A disk error, or a step of the plan that contradicts.
    pub fn finish(self, plan: &mut Plan, log: Option<Vec<u8>>) -> Result<Option<String>, MtaError> {
        if self.manifest.is_empty() && log.is_none() {
            return Ok(None);
        }
        if !self.exists {
            plan.mkdir(self.dir.clone())?;
        }
        if !self.manifest.is_empty() {
            let path = self.dir.join(MANIFEST)?;
            match self.view.stat_on_disk(&path)? {
                Some(stat) if stat.kind == EntryKind::File => {
                    plan.append(path, stat.len, self.manifest.into_bytes())?;
                }
                _ => plan.replace(path, format!("{HEAD}{}", self.manifest).into_bytes())?,
            }
        }
        if let Some(bytes) = log {
            let path = self.dir.join(LOG)?;
            match self.view.stat_on_disk(&path)? {
                Some(stat) if stat.kind != EntryKind::File || stat.links > 1 => {
                    return Ok(Some(format!(
                        "{QUARANTINE}/{LOG} is {} and is left as it is; the run has no log",
                        stat.kind.word()
                    )));
                }
                _ => plan.replace(path, bytes)?,
            }
        }
        Ok(None)
    }
}

/// A folder that is renamed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rotation {
    /// Its name.
    pub from: String,
    /// Its new name.
    pub to: String,
}

/// The plan that renames MTACHECK.OUT and its misspelt twin, when anything is in them.
///
/// # Errors
/// A disk error, or no number is left.
pub fn rotate(view: &TreeView) -> Result<(Plan, Vec<Rotation>), MtaError> {
    let home = view.path(HOME)?;
    let mut highest = 0u32;
    let mut folders = Vec::new();
    view.list_on_disk(&home, &mut |entry| {
        let EntryName::Plain(name) = entry.name else {
            return ControlFlow::Continue(());
        };
        let upper = name.to_ascii_uppercase();
        if let Some(number) = upper
            .strip_prefix("MTACHECK.")
            .and_then(|end| end.parse::<u32>().ok())
        {
            highest = highest.max(number);
        } else if entry.kind == EntryKind::Dir
            && (upper == QUARANTINE || upper == QUARANTINE_MISSPELT)
        {
            folders.push(name);
        }
        ControlFlow::Continue(())
    })?;
    folders.sort();
    let (mut plan, mut done) = (Plan::new(), Vec::new());
    for from in folders {
        let path = home.join(&from)?;
        let mut empty = true;
        view.list_on_disk(&path, &mut |_| {
            empty = false;
            ControlFlow::Break(())
        })?;
        if empty {
            continue;
        }
        highest = highest.checked_add(1).ok_or_else(|| MtaError::Damaged {
            tree: view.describe(),
            file: from.clone(),
            why: "no number is left for its new name".to_owned(),
        })?;
        let to = format!("MTACHECK.{highest:03}");
        plan.move_to(path, home.join(&to)?)?;
        done.push(Rotation { from, to });
    }
    Ok((plan, done))
}

/// The MTS-IDs in all manifests of a database: what was taken away and must not come back.
///
/// # Errors
/// A disk error.
pub fn removed_ids(view: &TreeView) -> Result<BTreeSet<String>, MtaError> {
    let home = view.path(HOME)?;
    let mut folders = Vec::new();
    view.list_on_disk(&home, &mut |entry| {
        if let EntryName::Plain(name) = entry.name
            && entry.kind == EntryKind::Dir
        {
            let upper = name.to_ascii_uppercase();
            if upper.starts_with("MTACHECK.") || upper == QUARANTINE_MISSPELT {
                folders.push(name);
            }
        }
        ControlFlow::Continue(())
    })?;
    let mut ids = BTreeSet::new();
    for folder in folders {
        let path = home.join(&folder)?.join(MANIFEST)?;
        let Some(bytes) = view.read_on_disk(&path, MANIFEST_LEN_LIMIT)? else {
            continue;
        };
        for line in String::from_utf8_lossy(&bytes).lines().skip(1) {
            let mut fields = line.split('\t');
            let moved = fields.nth(1) == Some("moved");
            if let Some(id) = fields.nth(6).filter(|id| moved && !id.is_empty()) {
                ids.insert(id.to_ascii_lowercase());
            }
        }
    }
    Ok(ids)
}
