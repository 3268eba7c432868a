//! Preparing one commit of a postoffice: working copies of files, new numbers, and the plan.
//!
//! A command that changes a postoffice makes an [`Edit`], changes working copies as often as it likes
//! (later changes see earlier ones), and turns the whole into one [`Plan`]. Files come in by their
//! documented names. What did not change is not in the plan; a small change of a file is a patch of the
//! bytes that differ, so a commit costs what the change costs.
//!
//! Working copies are whole files in memory and therefore only for small ones
//! ([`WORKING_COPY_LIMIT`]); large files are appended to with [`Edit::append`].

use std::collections::BTreeMap;

use crate::core::base::{HexId, Tid};
use crate::core::format::FixedRecord as _;
use crate::core::format::counters::{ControlRecord, FlagRecord, TidRecord, next_number};
use crate::tree::disk::EntryName;
use crate::tree::journal::{Plan, Step};
use crate::tree::view::TreeView;
use crate::tree::{RelPath, TreeError};

/// The largest file a working copy is made of, in bytes. A full mailbag has 475,136, the address list of
/// a million names 45,000,000.
pub const WORKING_COPY_LIMIT: u64 = 256 << 20;
/// A larger file that is replaced as a whole is not read for it.
const REPLACED_UNREAD_BYTES: u64 = 32 << 20;

/// Bytes that are the same between two changes are still written when there are no more than this: one
/// write is cheaper than two.
const JOIN_GAP_BYTES: usize = 64;

const CONTROL: &str = "GLB/CONTROL.GLB";
const TID: &str = "GLB/TID.GLB";
const FLAG: &str = "GLB/FLAG.GLB";

#[derive(Debug)]
struct Copy {
    before: Option<Vec<u8>>,
    now: Option<Vec<u8>>,
}

#[derive(Debug)]
struct Tail {
    len_before: u64,
    added: Vec<u8>,
}

/// Bytes that change inside a file that is not held as a whole, by offset.
#[derive(Debug)]
struct Patches {
    len: u64,
    parts: BTreeMap<u64, Vec<u8>>,
}

impl Patches {
    /// Lays the parts over bytes that were read at `offset`.
    fn lay_over(&self, bytes: &mut [u8], offset: u64) {
        for (&at, part) in &self.parts {
            for (n, &byte) in part.iter().enumerate() {
                let place = (at + n as u64)
                    .checked_sub(offset)
                    .and_then(|place| usize::try_from(place).ok());
                if let Some(target) = place.and_then(|place| bytes.get_mut(place)) {
                    *target = byte;
                }
            }
        }
    }
}

/// One commit being prepared.
#[derive(Debug)]
pub struct Edit<'v> {
    view: &'v TreeView,
    copies: BTreeMap<RelPath, Copy>,
    tails: BTreeMap<RelPath, Tail>,
    patches: BTreeMap<RelPath, Patches>,
    plan: Plan,
    lists_changed: bool,
    /// The next letter number, once it is known to be free.
    letter_checked: bool,
    mailbag_checked: bool,
    /// Where TID.GLB is, once an id was given.
    tid_path: Option<RelPath>,
}

impl<'v> Edit<'v> {
    /// Nothing changed yet.
    #[must_use]
    pub fn new(view: &'v TreeView) -> Self {
        Self {
            view,
            copies: BTreeMap::new(),
            tails: BTreeMap::new(),
            patches: BTreeMap::new(),
            plan: Plan::new(),
            lists_changed: false,
            letter_checked: false,
            mailbag_checked: false,
            tid_path: None,
        }
    }

    /// The tree as it was before.
    #[must_use]
    pub fn view(&self) -> &'v TreeView {
        self.view
    }

    fn mismatch(&self, logical: &str, why: impl Into<String>) -> TreeError {
        TreeError::Mismatch {
            tree: self.view.describe(),
            path: self
                .view
                .path(logical)
                .or_else(|_| RelPath::new(logical))
                .unwrap_or_default(),
            why: why.into(),
        }
    }

    fn copy(&mut self, logical: &str) -> Result<&mut Copy, TreeError> {
        let path = self.view.path(logical)?;
        if self.tails.contains_key(&path) {
            return Err(self.mismatch(logical, "it is appended to in the same commit"));
        }
        if !self.copies.contains_key(&path) {
            let before = self.view.read_on_disk(&path, WORKING_COPY_LIMIT)?;
            let mut now = before.clone();
            if let (Some(now), Some(patches)) = (&mut now, self.patches.remove(&path)) {
                patches.lay_over(now, 0);
            }
            self.copies.insert(path.clone(), Copy { now, before });
        }
        match self.copies.get_mut(&path) {
            Some(copy) => Ok(copy),
            // Inserted just above.
            None => Err(TreeError::TooLarge {
                tree: self.view.describe(),
                path,
                len: 0,
                limit: 0,
            }),
        }
    }

    /// The content as changed so far; `None` when the file does not exist (any more).
    ///
    /// # Errors
    /// A disk error, or a file above [`WORKING_COPY_LIMIT`].
    pub fn read(&mut self, logical: &str) -> Result<Option<&[u8]>, TreeError> {
        Ok(self.copy(logical)?.now.as_deref())
    }

    /// The working copy, for changing in place; a missing file becomes an empty one.
    ///
    /// # Errors
    /// As [`Edit::read`].
    pub fn bytes_mut(&mut self, logical: &str) -> Result<&mut Vec<u8>, TreeError> {
        Ok(self.copy(logical)?.now.get_or_insert_with(Vec::new))
    }

    /// Gives the file this content.
    ///
    /// # Errors
    /// As [`Edit::read`].
    pub fn write(&mut self, logical: &str, bytes: Vec<u8>) -> Result<(), TreeError> {
        self.copy(logical)?.now = Some(bytes);
        Ok(())
    }

    /// Makes a new file.
    ///
    /// # Errors
    /// Something stands there already; a disk error.
    pub fn create(&mut self, logical: &str, bytes: Vec<u8>) -> Result<(), TreeError> {
        let path = self.view.path(logical)?;
        // Mail is mostly new files: their names are looked up once.
        let untouched = !self.copies.contains_key(&path)
            && !self.tails.contains_key(&path)
            && self.plan.step(&path).is_none();
        if untouched && self.view.stat_on_disk(&path)?.is_none() {
            let copy = Copy {
                before: None,
                now: Some(bytes),
            };
            self.copies.insert(path, copy);
            return Ok(());
        }
        if self.exists(logical)? {
            return Err(self.mismatch(logical, "something stands there already"));
        }
        self.write(logical, bytes)
    }

    /// Whether the file exists, as changed so far. Anything but a regular file counts as existing.
    ///
    /// # Errors
    /// A disk error.
    pub fn exists(&mut self, logical: &str) -> Result<bool, TreeError> {
        let path = self.view.path(logical)?;
        match self.copies.get(&path) {
            Some(copy) => Ok(copy.now.is_some()),
            None if self.plan_removes(&path) => Ok(false),
            None => Ok(self.tails.contains_key(&path) || self.view.stat_on_disk(&path)?.is_some()),
        }
    }

    fn plan_removes(&self, path: &RelPath) -> bool {
        matches!(self.plan.step(path), Some(Step::Remove))
    }

    /// A part of a file of any size as changed so far, without making a working copy: at most `len`
    /// bytes from `offset`, fewer at the end. `None` when the file does not exist (any more).
    ///
    /// # Errors
    /// A disk error; the file is appended to in the same commit.
    pub fn read_part(
        &mut self,
        logical: &str,
        offset: u64,
        len: usize,
    ) -> Result<Option<Vec<u8>>, TreeError> {
        let path = self.view.path(logical)?;
        if let Some(copy) = self.copies.get(&path) {
            return Ok(copy.now.as_ref().map(|bytes| {
                let start = usize::try_from(offset)
                    .unwrap_or(usize::MAX)
                    .min(bytes.len());
                bytes[start..start.saturating_add(len).min(bytes.len())].to_vec()
            }));
        }
        if self.tails.contains_key(&path) {
            return Err(self.mismatch(logical, "it is appended to in the same commit"));
        }
        if self.plan_removes(&path) {
            return Ok(None);
        }
        let Some(file) = self.view.open_on_disk(&path)? else {
            return Ok(None);
        };
        let there = file.len().saturating_sub(offset).min(len as u64);
        let mut bytes = vec![0; usize::try_from(there).unwrap_or(len)];
        let n = file.read_at(&mut bytes, offset)?;
        bytes.truncate(n);
        if let Some(patches) = self.patches.get(&path) {
            patches.lay_over(&mut bytes, offset);
        }
        Ok(Some(bytes))
    }

    /// The whole file as changed so far, without making a working copy; `None` when it does not exist
    /// (any more).
    ///
    /// # Errors
    /// A disk error, or a file of more than `limit` bytes.
    pub fn peek(&mut self, logical: &str, limit: u64) -> Result<Option<Vec<u8>>, TreeError> {
        let wanted = usize::try_from(limit.saturating_add(1)).unwrap_or(usize::MAX);
        let Some(bytes) = self.read_part(logical, 0, wanted)? else {
            return Ok(None);
        };
        if bytes.len() as u64 > limit {
            return Err(TreeError::TooLarge {
                tree: self.view.describe(),
                path: self.view.path(logical)?,
                len: bytes.len() as u64,
                limit,
            });
        }
        Ok(Some(bytes))
    }

    /// Changes bytes inside an existing file of any size, without making a working copy. The same
    /// place may be changed again.
    ///
    /// # Errors
    /// The file does not exist or ends before the bytes do; it is appended to in the same commit; a
    /// disk error.
    pub fn patch(&mut self, logical: &str, offset: u64, bytes: &[u8]) -> Result<(), TreeError> {
        let path = self.view.path(logical)?;
        let end = offset.saturating_add(bytes.len() as u64);
        if let Some(copy) = self.copies.get_mut(&path) {
            let range = usize::try_from(offset).ok().zip(usize::try_from(end).ok());
            let target = copy.now.as_mut().zip(range);
            let Some(place) = target.and_then(|(now, (start, end))| now.get_mut(start..end)) else {
                return Err(self.mismatch(logical, "it ends before the bytes to change"));
            };
            place.copy_from_slice(bytes);
            return Ok(());
        }
        if self.tails.contains_key(&path) {
            return Err(self.mismatch(logical, "it is appended to in the same commit"));
        }
        if !self.patches.contains_key(&path) {
            let stat = if self.plan_removes(&path) {
                None
            } else {
                self.view.stat_on_disk(&path)?
            };
            let len = stat
                .ok_or_else(|| self.mismatch(logical, "it does not exist"))?
                .len;
            let parts = BTreeMap::new();
            self.patches.insert(path.clone(), Patches { len, parts });
        }
        let Some(patches) = self.patches.get_mut(&path).filter(|known| end <= known.len) else {
            return Err(self.mismatch(logical, "it ends before the bytes to change"));
        };
        patches.parts.insert(offset, bytes.to_vec());
        Ok(())
    }

    /// Gives the file this content without looking at what it holds now, however large it is.
    ///
    /// # Errors
    /// Parts of it change in the same commit; a disk error.
    pub fn replace(&mut self, logical: &str, bytes: Vec<u8>) -> Result<(), TreeError> {
        let path = self.view.path(logical)?;
        if self.tails.contains_key(&path) || self.patches.contains_key(&path) {
            return Err(self.mismatch(logical, "it changes in the same commit"));
        }
        match self.copies.get_mut(&path) {
            Some(copy) => copy.now = Some(bytes),
            None => {
                let copy = Copy {
                    before: None,
                    now: Some(bytes),
                };
                self.copies.insert(path, copy);
            }
        }
        Ok(())
    }

    /// Whether this edit changes the file already, or holds a working copy of it.
    ///
    /// # Errors
    /// A path that is none.
    pub fn is_changed(&self, logical: &str) -> Result<bool, TreeError> {
        let path = self.view.path(logical)?;
        Ok(self.copies.contains_key(&path)
            || self.tails.contains_key(&path)
            || self.patches.contains_key(&path)
            || self.plan.step(&path).is_some())
    }

    /// Removes the file; a missing one is fine.
    ///
    /// # Errors
    /// As [`Edit::read`]. The content is not read when it is not a working copy yet.
    pub fn remove(&mut self, logical: &str) -> Result<(), TreeError> {
        let path = self.view.path(logical)?;
        if let Some(copy) = self.copies.get_mut(&path) {
            copy.now = None;
            return Ok(());
        }
        self.tails.remove(&path);
        self.patches.remove(&path);
        if self.view.stat_on_disk(&path)?.is_some() {
            self.plan.remove(path)?;
        }
        Ok(())
    }

    /// Makes a directory when it is missing.
    ///
    /// # Errors
    /// A disk error.
    pub fn mkdir(&mut self, logical: &str) -> Result<(), TreeError> {
        let path = self.view.path(logical)?;
        if self.view.stat_on_disk(&path)?.is_none() {
            self.plan.mkdir(path)?;
        }
        Ok(())
    }

    /// Appends to a file of any size; a missing file is made.
    ///
    /// # Errors
    /// A disk error.
    pub fn append(&mut self, logical: &str, bytes: &[u8]) -> Result<(), TreeError> {
        self.append_owned(logical, bytes.to_vec())
    }

    /// As [`Self::append`]; many bytes are moved where they can be.
    ///
    /// # Errors
    /// As [`Self::append`].
    pub fn append_owned(&mut self, logical: &str, bytes: Vec<u8>) -> Result<(), TreeError> {
        let path = self.view.path(logical)?;
        if let Some(copy) = self.copies.get_mut(&path) {
            copy.now
                .get_or_insert_with(Vec::new)
                .extend_from_slice(&bytes);
            return Ok(());
        }
        if let Some(tail) = self.tails.get_mut(&path) {
            tail.added.extend_from_slice(&bytes);
            return Ok(());
        }
        if self.patches.contains_key(&path) {
            return Err(self.mismatch(logical, "bytes inside it change in the same commit"));
        }
        match self.view.stat_on_disk(&path)? {
            Some(stat) => {
                self.tails.insert(
                    path,
                    Tail {
                        len_before: stat.len,
                        added: bytes,
                    },
                );
                Ok(())
            }
            None => self.write(logical, bytes),
        }
    }

    /// Whether the file is a working copy already, so that [`Edit::read`] costs nothing.
    ///
    /// # Errors
    /// A text that is no path, or a disk error.
    pub fn is_copied(&self, logical: &str) -> Result<bool, TreeError> {
        let path = self.view.path(logical)?;
        Ok(self.copies.contains_key(&path))
    }

    /// Gives a file of any size this content, without comparing it with what stands there; what was
    /// prepared for the file in this edit before is forgotten.
    ///
    /// # Errors
    /// A step of another kind for the file; a disk error.
    pub fn replace_whole(&mut self, logical: &str, bytes: Vec<u8>) -> Result<(), TreeError> {
        let path = self.view.path(logical)?;
        self.tails.remove(&path);
        if let Some(copy) = self.copies.get_mut(&path) {
            copy.now = Some(bytes);
            return Ok(());
        }
        let len = self.view.stat_on_disk(&path)?.map(|stat| stat.len);
        if len.is_some_and(|len| len > REPLACED_UNREAD_BYTES) {
            self.plan.replace(path, bytes)?;
            return Ok(());
        }
        self.write(logical, bytes)
    }

    /// What [`Edit::append`] has added to a file so far; empty when the file is a working copy.
    ///
    /// # Errors
    /// A text that is no path, or a disk error.
    pub fn appended(&self, logical: &str) -> Result<&[u8], TreeError> {
        let path = self.view.path(logical)?;
        Ok(self
            .tails
            .get(&path)
            .map_or(&[], |tail| tail.added.as_slice()))
    }

    /// The plan being prepared, for steps that are neither working copies nor appends (a ledger, a
    /// move, a stream).
    pub fn plan_mut(&mut self) -> &mut Plan {
        &mut self.plan
    }

    /// Says that an address list changed: FLAG.GLB gets one more (DEC-104).
    pub fn lists_changed(&mut self) {
        self.lists_changed = true;
    }

    /// A new number for MAI, ATT and P1 files (Q87386), never one in use.
    ///
    /// # Errors
    /// CONTROL.GLB is missing or damaged; no number is left; a disk error.
    pub fn letter(&mut self) -> Result<HexId, TreeError> {
        loop {
            let mut control = self.control()?;
            let number = control.next_letter.get();
            let next = number
                .checked_add(1)
                .ok_or_else(|| self.mismatch(CONTROL, "letter numbers are used up"))?;
            control.next_letter = next.into();
            self.write(CONTROL, control.encode())?;
            let id = HexId(number);
            // The counter is trusted after its first number was free: everything above it is ours.
            if self.letter_checked {
                return Ok(id);
            }
            if number != 0 && !self.letter_in_use(id)? {
                self.letter_checked = true;
                return Ok(id);
            }
            let highest = self.highest(&letter_dirs(), &["MAI", "ATT", "P1"])?;
            self.raise(highest, false)?;
            self.letter_checked = true;
        }
    }

    /// A new number for users, external postoffices, networks and gateways (DEC-092), never one in
    /// use.
    ///
    /// # Errors
    /// As [`Edit::letter`].
    pub fn mailbag(&mut self) -> Result<HexId, TreeError> {
        if !self.mailbag_checked {
            let number = self.control()?.next_mailbag.get();
            if number == 0 || self.mailbag_in_use(HexId(number))? {
                let dirs: Vec<String> = [
                    "MBG", "KEY", "USR", "XTN", "TPL", "INF", "MMF", "NME", "GRP",
                ]
                .iter()
                .map(|dir| (*dir).to_owned())
                .collect();
                let highest = self.highest(
                    &dirs,
                    &[
                        "MBG", "KEY", "USR", "XTN", "TPL", "INF", "MMF", "NME", "GRP",
                    ],
                )?;
                self.raise(highest, true)?;
            }
            self.mailbag_checked = true;
        }
        let mut control = self.control()?;
        let number = control.next_mailbag.get();
        let next = number
            .checked_add(1)
            .ok_or_else(|| self.mismatch(CONTROL, "mailbag numbers are used up"))?;
        control.next_mailbag = next.into();
        self.write(CONTROL, control.encode())?;
        Ok(HexId(number))
    }

    /// A new tuple id (Q87404).
    ///
    /// # Errors
    /// TID.GLB is missing or damaged; none is left; a disk error.
    pub fn tid(&mut self) -> Result<Tid, TreeError> {
        // A million ids are given without looking for the file a million times.
        if let Some(path) = &self.tid_path
            && let Some(bytes) = self.copies.get_mut(path).and_then(|copy| copy.now.as_mut())
            && let Ok(mut record) = TidRecord::decode(bytes)
            && let Some(tid) = record.next()
        {
            record.last = tid.0.into();
            *bytes = record.encode();
            return Ok(tid);
        }
        let bytes = self.read(TID)?.map(<[u8]>::to_vec);
        let record = bytes
            .as_deref()
            .ok_or_else(|| self.mismatch(TID, "it does not exist"))
            .and_then(|bytes| {
                TidRecord::decode(bytes).map_err(|error| self.mismatch(TID, error.to_string()))
            })?;
        let tid = record
            .next()
            .ok_or_else(|| self.mismatch(TID, "tuple ids are used up"))?;
        let mut record = record;
        record.last = tid.0.into();
        self.write(TID, record.encode())?;
        self.tid_path = Some(self.view.path(TID)?);
        Ok(tid)
    }

    fn control(&mut self) -> Result<ControlRecord, TreeError> {
        let bytes = self.read(CONTROL)?.map(<[u8]>::to_vec);
        bytes
            .as_deref()
            .ok_or_else(|| {
                self.mismatch(
                    CONTROL,
                    "it does not exist; `po-admin check --fix` makes it",
                )
            })
            .and_then(|bytes| {
                ControlRecord::decode(bytes)
                    .map_err(|error| self.mismatch(CONTROL, error.to_string()))
            })
    }

    fn raise(&mut self, highest: Option<u32>, mailbag: bool) -> Result<(), TreeError> {
        let mut control = self.control()?;
        let counter = if mailbag {
            control.next_mailbag.get()
        } else {
            control.next_letter.get()
        };
        let next = next_number(counter.max(1), highest)
            .ok_or_else(|| self.mismatch(CONTROL, "numbers are used up"))?;
        if mailbag {
            control.next_mailbag = next.into();
        } else {
            control.next_letter = next.into();
        }
        self.write(CONTROL, control.encode())
    }

    fn letter_in_use(&mut self, id: HexId) -> Result<bool, TreeError> {
        let digit = id.last_digit();
        for path in [
            format!("MAI/MA{digit}/{id}.MAI"),
            format!("ATT/AT{digit}/{id}.ATT"),
            format!("P1/{id}.P1"),
        ] {
            if self.exists(&path)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn mailbag_in_use(&mut self, id: HexId) -> Result<bool, TreeError> {
        for dir in ["MBG", "KEY", "USR", "XTN"] {
            if self.exists(&format!("{dir}/{id}.{dir}"))? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The highest number that names a file with one of these endings in these directories. Streams
    /// the directories.
    fn highest(&self, dirs: &[String], endings: &[&str]) -> Result<Option<u32>, TreeError> {
        let mut highest: Option<u32> = None;
        for dir in dirs {
            let dir = self.view.path(dir)?;
            self.view.list_on_disk(&dir, &mut |entry| {
                if let EntryName::Plain(name) = &entry.name
                    && let Some((stem, ending)) = name.rsplit_once('.')
                    && endings.iter().any(|e| ending.eq_ignore_ascii_case(e))
                    && let Ok(id) = HexId::from_ascii(stem.as_bytes())
                {
                    highest = highest.max(Some(id.0));
                }
                std::ops::ControlFlow::Continue(())
            })?;
        }
        Ok(highest)
    }

    /// The plan. Empty when nothing changed.
    ///
    /// # Errors
    /// Two changes of one file that contradict each other; a disk error.
    pub fn finish(mut self) -> Result<Plan, TreeError> {
        if self.lists_changed {
            let flag = match self.read(FLAG)? {
                Some(bytes) => FlagRecord::decode(bytes).unwrap_or_else(|_| FlagRecord::zeroed()),
                None => FlagRecord::zeroed(),
            };
            self.write(FLAG, flag.bumped().encode())?;
        }
        let mut plan = self.plan;
        for (path, copy) in self.copies {
            match (copy.before, copy.now) {
                (Some(before), Some(now)) => add_difference(&mut plan, path, &before, now)?,
                (None, Some(now)) => plan.replace(path, now)?,
                (Some(_), None) => plan.remove(path)?,
                // Made and removed again, or replaced unseen and then removed.
                (None, None) => {
                    if self.view.stat_on_disk(&path)?.is_some() {
                        plan.remove(path)?;
                    }
                }
            }
        }
        for (path, patches) in self.patches {
            for (offset, bytes) in patches.parts {
                plan.patch(path.clone(), patches.len, offset, bytes)?;
            }
        }
        for (path, tail) in self.tails {
            plan.append(path, tail.len_before, tail.added)?;
        }
        Ok(plan)
    }
}

fn letter_dirs() -> Vec<String> {
    let mut dirs = vec!["P1".to_owned()];
    for digit in "0123456789ABCDEF".chars() {
        dirs.push(format!("MAI/MA{digit}"));
        dirs.push(format!("ATT/AT{digit}"));
    }
    dirs
}

/// Patches of the bytes that differ, or the whole file when most of it does.
fn add_difference(
    plan: &mut Plan,
    path: RelPath,
    before: &[u8],
    now: Vec<u8>,
) -> Result<(), TreeError> {
    if before == now {
        return Ok(());
    }
    let common = before.len().min(now.len());
    let mut ranges: Vec<(usize, usize)> = Vec::new();
    let mut at = 0;
    while at < common {
        if before[at] == now[at] {
            at += 1;
            continue;
        }
        let start = at;
        while at < common && before[at] != now[at] {
            at += 1;
        }
        match ranges.last_mut() {
            Some((_, end)) if start - *end <= JOIN_GAP_BYTES => *end = at,
            _ => ranges.push((start, at)),
        }
    }
    if now.len() > common {
        match ranges.last_mut() {
            Some((_, end)) if common - *end <= JOIN_GAP_BYTES => *end = now.len(),
            _ => ranges.push((common, now.len())),
        }
    }
    let changed: usize = ranges.iter().map(|(start, end)| end - start).sum();
    if changed * 2 > now.len() && now.len() > 4096 {
        plan.replace(path, now)?;
        return Ok(());
    }
    let len_before = before.len() as u64;
    for (start, end) in ranges {
        plan.patch(
            path.clone(),
            len_before,
            start as u64,
            now[start..end].to_vec(),
        )?;
    }
    if now.len() < before.len() {
        plan.set_len(path, len_before, now.len() as u64)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::tree::disk::mem::MemDisk;
    use crate::tree::journal::Step;
    use crate::tree::{Domain, DomainKind, OpenOptions};

    fn tree(files: &[(&str, &[u8])]) -> TreeView {
        let p = |text: &str| RelPath::new(text).unwrap();
        let disk = MemDisk::new();
        for dir in ["GLB", "MBG", "KEY", "P1", "MAI", "MAI/MA1", "MAI/MAF"] {
            disk.add_dir(&p(dir)).unwrap();
        }
        for (path, bytes) in files {
            disk.add_file(&p(path), bytes).unwrap();
        }
        let domain = Domain {
            kind: DomainKind::Postoffice,
        };
        TreeView::open(Arc::new(disk), domain, &OpenOptions::default()).unwrap()
    }

    #[test]
    fn only_what_changed_is_in_the_plan() {
        let view = tree(&[
            ("GLB/A", &[1; 5000]),
            ("GLB/B", &[2; 100]),
            ("GLB/C", &[3; 10]),
            ("GLB/FLAG.GLB", &[0xFF, 0xFF]),
        ]);
        let mut edit = Edit::new(&view);
        edit.bytes_mut("GLB/A").unwrap()[4000] = 9;
        edit.bytes_mut("GLB/A").unwrap()[10] = 9;
        edit.bytes_mut("GLB/A").unwrap()[12] = 9;
        edit.read("GLB/B").unwrap();
        edit.append("GLB/C", &[4]).unwrap();
        edit.append("GLB/C", &[5]).unwrap();
        edit.write("GLB/NEW", vec![7]).unwrap();
        edit.write("GLB/NEVER", vec![7]).unwrap();
        edit.remove("GLB/NEVER").unwrap();
        edit.lists_changed();
        let plan = edit.finish().unwrap();
        let p = |text: &str| RelPath::new(text).unwrap();
        let Some(Step::Extents { extents, .. }) = plan.step(&p("GLB/A")) else {
            panic!("{plan:?}");
        };
        assert_eq!(
            extents
                .iter()
                .map(|e| (e.offset, e.bytes.len()))
                .collect::<Vec<_>>(),
            [(10, 3), (4000, 1)]
        );
        assert_eq!(plan.step(&p("GLB/B")), None);
        assert!(matches!(
            plan.step(&p("GLB/C")),
            Some(Step::Extents { len_after: 12, .. })
        ));
        assert_eq!(
            plan.step(&p("GLB/NEW")),
            Some(&Step::Replace {
                content: vec![7].into()
            })
        );
        assert_eq!(plan.step(&p("GLB/NEVER")), None);
        // DEC-104: 65,535 is followed by 1.
        let Some(Step::Extents { extents, .. }) = plan.step(&p("GLB/FLAG.GLB")) else {
            panic!("{plan:?}");
        };
        assert_eq!(extents[0].bytes, [1, 0]);
    }

    #[test]
    fn parts_of_large_files_change_without_a_copy() {
        let view = tree(&[("GLB/A", &[1; 5000]), ("GLB/B", &[2; 100])]);
        let mut edit = Edit::new(&view);
        edit.patch("GLB/A", 11, &[7, 7]).unwrap();
        edit.patch("GLB/A", 11, &[8, 9]).unwrap();
        assert_eq!(
            edit.read_part("GLB/A", 10, 4).unwrap().unwrap(),
            [1, 8, 9, 1]
        );
        assert_eq!(edit.read_part("GLB/A", 4999, 4).unwrap().unwrap(), [1]);
        assert!(edit.patch("GLB/A", 4999, &[1, 1]).is_err());
        assert!(edit.patch("GLB/NONE", 0, &[1]).is_err());
        edit.patch("GLB/B", 0, &[5]).unwrap();
        // A working copy made later has the change, and can be changed on.
        assert_eq!(edit.bytes_mut("GLB/B").unwrap()[0], 5);
        edit.patch("GLB/B", 1, &[6]).unwrap();
        assert!(edit.peek("GLB/B", 99).is_err());
        assert_eq!(edit.peek("GLB/B", 100).unwrap().unwrap()[..3], [5, 6, 2]);
        let plan = edit.finish().unwrap();
        let at = |path: &str| match plan.step(&RelPath::new(path).unwrap()) {
            Some(Step::Extents { extents, .. }) => extents
                .iter()
                .map(|extent| (extent.offset, extent.bytes.clone()))
                .collect::<Vec<_>>(),
            other => panic!("{other:?}"),
        };
        assert_eq!(at("GLB/A"), [(11, vec![8, 9])]);
        assert_eq!(at("GLB/B"), [(0, vec![5, 6])]);
        let mut edit = Edit::new(&view);
        edit.patch("GLB/A", 0, &[3]).unwrap();
        edit.remove("GLB/A").unwrap();
        assert_eq!(edit.peek("GLB/A", 9999).unwrap(), None);
        assert!(!edit.exists("GLB/A").unwrap());
        assert_eq!(edit.finish().unwrap().len(), 1);
    }

    // rule: pof:R-NAM-003
    // rule: pof:R-NAM-008
    // rule: dec:DEC-092
    // rule: pof:R-NAM-013
    // rule: tra:R-TRN-003
    #[test]
    fn numbers_are_never_given_twice() {
        let view = tree(&[
            ("GLB/CONTROL.GLB", &[0, 0, 0, 0, 1, 0, 0, 0]),
            ("GLB/TID.GLB", &[5, 0, 0, 0]),
            ("MBG/00000007.MBG", &[]),
            ("KEY/0000000a.key", &[]),
            ("MAI/MA1/00000001.MAI", &[]),
            ("MAI/MAF/0000001F.MAI", &[]),
        ]);
        let mut edit = Edit::new(&view);
        assert_eq!(edit.mailbag().unwrap(), HexId(0xB));
        assert_eq!(edit.mailbag().unwrap(), HexId(0xC));
        assert_eq!(edit.letter().unwrap(), HexId(0x20));
        assert_eq!(edit.letter().unwrap(), HexId(0x21));
        assert_eq!(edit.tid().unwrap(), Tid(6));
        let plan = edit.finish().unwrap();
        assert_eq!(plan.len(), 2);
        // Without CONTROL.GLB nothing can be created (Q87386).
        let view = tree(&[]);
        let error = Edit::new(&view).letter().unwrap_err();
        assert!(error.to_string().contains("CONTROL.GLB"), "{error}");
    }
}
