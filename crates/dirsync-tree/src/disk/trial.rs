//! A disk for trying things out: reads come from another disk, changes stay in memory.
//!
//! A dry run of a command that makes several commits, each resting on the one before, is the command
//! itself on a [`TrialDisk`]: nothing below is ever written, and [`TrialDisk::changes`] says what the
//! real run would change. Only pages that were written are held, 4,096 bytes each, so a small change
//! of a large file costs little.
//!
//! A lock taken here takes the shared lock of the same file below, and keeps it as long as the trial
//! lives: the tree stands still meanwhile, and one that somebody else is writing is busy as it is for
//! the real run. Otherwise locks are granted: there is one user.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{
    Attrs, DirEntry, Disk, DiskError, DiskErrorKind, DiskOp, DiskResult, EntryKind, EntryName,
    LockGuard, LockKind, ReadHandle, Stat, WriteHandle,
};
use crate::path::RelPath;

/// Bytes of a page.
const PAGE_BYTES: u64 = 4096;
/// Bytes compared at once.
const COMPARE_BYTES: usize = 64 * 1024;

/// What the real run would do to one name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The path.
    pub path: RelPath,
    /// What stands there on the disk below: kind and length.
    pub before: Option<(EntryKind, u64)>,
    /// What would stand there.
    pub after: Option<(EntryKind, u64)>,
    /// Whether the file would be a new one and not the old one changed in places.
    pub whole: bool,
}

impl Change {
    /// The word of a plan step: `replace`, `extents`, `remove`, `mkdir`, `rmdir`.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match (self.before, self.after) {
            (_, Some((EntryKind::Dir, _))) => "mkdir",
            (Some((EntryKind::Dir, _)), None) => "rmdir",
            (_, None) => "remove",
            (Some(_), Some(_)) if !self.whole => "extents",
            _ => "replace",
        }
    }
}

/// The content of a file of the trial: a file below, and pages that were written over it.
#[derive(Debug)]
struct Content {
    below: Option<(RelPath, Box<dyn ReadHandle>)>,
    /// Bytes of the file below that still show through.
    below_len: u64,
    len: u64,
    pages: BTreeMap<u64, Vec<u8>>,
    attrs: Attrs,
    modified_unix_s: i64,
}

impl Content {
    fn read(&self, buf: &mut [u8], offset: u64) -> DiskResult<usize> {
        let there = self.len.saturating_sub(offset);
        let wanted = usize::try_from(there).unwrap_or(usize::MAX).min(buf.len());
        let buf = &mut buf[..wanted];
        buf.fill(0);
        if let Some((_, file)) = &self.below {
            let shown = self.below_len.saturating_sub(offset);
            let shown = usize::try_from(shown).unwrap_or(usize::MAX).min(wanted);
            let mut done = 0;
            while done < shown {
                let n = file.read_at(&mut buf[done..shown], offset + done as u64)?;
                if n == 0 {
                    break;
                }
                done += n;
            }
        }
        let end = offset.saturating_add(wanted as u64);
        let first = offset / PAGE_BYTES;
        for (&number, page) in self.pages.range(first..) {
            let start = number * PAGE_BYTES;
            if start >= end {
                break;
            }
            for (n, &byte) in page.iter().enumerate() {
                let at = start + n as u64;
                if at >= offset
                    && at < end
                    && let Ok(place) = usize::try_from(at - offset)
                {
                    buf[place] = byte;
                }
            }
        }
        Ok(wanted)
    }

    fn write(&mut self, bytes: &[u8], offset: u64) -> DiskResult<()> {
        let end = offset.saturating_add(bytes.len() as u64);
        let old_len = self.len;
        self.len = self.len.max(end);
        let mut at = offset;
        while at < end {
            let number = at / PAGE_BYTES;
            let start = number * PAGE_BYTES;
            if !self.pages.contains_key(&number) {
                let mut page = vec![0; usize::try_from(PAGE_BYTES).unwrap_or(4096)];
                // What was there before the file grew.
                let visible = old_len.saturating_sub(start).min(PAGE_BYTES);
                let visible = usize::try_from(visible).unwrap_or(0);
                self.read(&mut page[..visible], start)?;
                self.pages.insert(number, page);
            }
            let stop = end.min(start + PAGE_BYTES);
            let range = |from: u64, to: u64, base: u64| {
                usize::try_from(from - base).unwrap_or(0)..usize::try_from(to - base).unwrap_or(0)
            };
            if let Some(page) = self.pages.get_mut(&number) {
                page[range(at, stop, start)].copy_from_slice(&bytes[range(at, stop, offset)]);
            }
            at = stop;
        }
        Ok(())
    }

    fn set_len(&mut self, len: u64) {
        if len < self.len {
            self.below_len = self.below_len.min(len);
            let last = len / PAGE_BYTES;
            self.pages.retain(|&number, _| number <= last);
            if let Some(page) = self.pages.get_mut(&last) {
                let keep = usize::try_from(len % PAGE_BYTES).unwrap_or(0);
                page[keep..].fill(0);
            }
        }
        self.len = len;
    }

    fn stat(&self) -> Stat {
        Stat {
            kind: EntryKind::File,
            len: self.len,
            links: 1,
            attrs: self.attrs,
            modified_unix_s: self.modified_unix_s,
        }
    }
}

type Shared = Arc<Mutex<Content>>;

#[derive(Debug, Clone)]
enum Node {
    File(Shared),
    Dir,
    Gone,
}

/// A disk whose changes stay in memory. Clones share them.
#[derive(Debug, Clone)]
pub struct TrialDisk {
    below: Arc<dyn Disk>,
    nodes: Arc<Mutex<BTreeMap<RelPath, Node>>>,
    /// Shared locks of the files below.
    locks: Arc<Mutex<BTreeMap<RelPath, Box<dyn LockGuard>>>>,
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl TrialDisk {
    /// Nothing changed yet.
    #[must_use]
    pub fn new(below: Arc<dyn Disk>) -> Self {
        Self {
            below,
            nodes: Arc::default(),
            locks: Arc::default(),
        }
    }

    /// Holds the shared lock of a file below; `false` while somebody else has it.
    fn hold_below(&self, path: &RelPath) -> DiskResult<bool> {
        let mut locks = held(&self.locks);
        if locks.contains_key(path) {
            return Ok(true);
        }
        match self.below.try_lock(path, LockKind::Shared, false) {
            // A file that lost its name meanwhile protects nothing.
            Ok(Some(guard)) if guard.still_named()? => {
                locks.insert(path.clone(), guard);
                Ok(true)
            }
            Ok(_) => Ok(false),
            // Only the trial has it.
            Err(error) if error.kind == DiskErrorKind::NotFound => Ok(true),
            Err(error) => Err(error),
        }
    }

    /// What differs from the disk below, by path. Lock files and journals are left out: they are
    /// part of every commit and mean nothing.
    ///
    /// # Errors
    /// A disk error below.
    pub fn changes(&self) -> DiskResult<Vec<Change>> {
        let nodes = held(&self.nodes).clone();
        let mut changes = Vec::new();
        for (path, node) in nodes {
            if path
                .names()
                .any(|name| name == crate::journal::JOURNAL_DIR || name == crate::view::LOCK_FILE)
            {
                continue;
            }
            let stat = self.below.stat(&path)?;
            let before = stat.map(|stat| (stat.kind, stat.len));
            let (after, whole) = match node {
                Node::Gone => (None, true),
                Node::Dir => (Some((EntryKind::Dir, 0)), true),
                Node::File(content) => {
                    let content = held(&content);
                    if before == Some((EntryKind::File, content.len))
                        && self.is_as_below(&path, &content)?
                    {
                        continue;
                    }
                    let own = content
                        .below
                        .as_ref()
                        .is_some_and(|(from, _)| *from == path);
                    (Some((EntryKind::File, content.len)), !own)
                }
            };
            if before.is_some() || after.is_some() {
                changes.push(Change {
                    path,
                    before,
                    after,
                    whole,
                });
            }
        }
        Ok(changes)
    }

    /// Whether a file of the same length has the bytes of the one below.
    fn is_as_below(&self, path: &RelPath, content: &Content) -> DiskResult<bool> {
        let below = self.below.open_read(path)?;
        let mut at = 0;
        let (mut one, mut two) = (vec![0; COMPARE_BYTES], vec![0; COMPARE_BYTES]);
        while at < content.len {
            let n = content.read(&mut one, at)?;
            let mut m = 0;
            while m < n {
                match below.read_at(&mut two[m..n], at + m as u64)? {
                    0 => return Ok(false),
                    read => m += read,
                }
            }
            if n == 0 || one[..n] != two[..n] {
                return Ok(n == 0);
            }
            at += n as u64;
        }
        Ok(true)
    }

    fn node(&self, path: &RelPath) -> Option<Node> {
        held(&self.nodes).get(path).cloned()
    }

    fn set(&self, path: &RelPath, node: Node) {
        held(&self.nodes).insert(path.clone(), node);
    }

    fn stat_at(&self, op: DiskOp, path: &RelPath) -> DiskResult<Option<Stat>> {
        let mut parent = path.parent();
        while let Some(dir) = parent {
            match self.node(&dir) {
                Some(Node::Gone) => return Ok(None),
                Some(Node::File(_)) => {
                    return Err(DiskError::new(op, path, DiskErrorKind::NotADirectory));
                }
                Some(Node::Dir) | None => parent = dir.parent(),
            }
        }
        match self.node(path) {
            Some(Node::File(content)) => Ok(Some(held(&content).stat())),
            Some(Node::Dir) => Ok(Some(Stat {
                kind: EntryKind::Dir,
                len: 0,
                links: 1,
                attrs: Attrs::default(),
                modified_unix_s: 0,
            })),
            Some(Node::Gone) => Ok(None),
            None => self.below.stat(path),
        }
    }

    /// The file as a part of the trial.
    fn take_up(&self, op: DiskOp, path: &RelPath) -> DiskResult<Shared> {
        match self.node(path) {
            Some(Node::File(content)) => return Ok(content),
            Some(Node::Gone) => {
                return Err(DiskError::new(op, path, DiskErrorKind::NotFound));
            }
            Some(Node::Dir) => {
                let kind = DiskErrorKind::NotRegular(EntryKind::Dir);
                return Err(DiskError::new(op, path, kind));
            }
            None => {}
        }
        let file = self.below.open_read(path)?;
        let stat = file.stat()?;
        if stat.links > 1 {
            let kind = DiskErrorKind::HardLinked(stat.links);
            return Err(DiskError::new(op, path, kind));
        }
        let content = Arc::new(Mutex::new(Content {
            below: Some((path.clone(), file)),
            below_len: stat.len,
            len: stat.len,
            pages: BTreeMap::new(),
            attrs: stat.attrs,
            modified_unix_s: stat.modified_unix_s,
        }));
        self.set(path, Node::File(Arc::clone(&content)));
        Ok(content)
    }

    fn require_dir(&self, op: DiskOp, path: &RelPath) -> DiskResult<()> {
        let parent = path.parent().unwrap_or_default();
        match self.stat_at(op, &parent)?.map(|stat| stat.kind) {
            Some(EntryKind::Dir) => Ok(()),
            Some(_) => Err(DiskError::new(op, path, DiskErrorKind::NotADirectory)),
            None => Err(DiskError::new(op, path, DiskErrorKind::NotFound)),
        }
    }

    fn rename_at(&self, op: DiskOp, from: &RelPath, to: &RelPath) -> DiskResult<()> {
        self.require_dir(op, to)?;
        let stat = self
            .stat_at(op, from)?
            .ok_or_else(|| DiskError::new(op, from, DiskErrorKind::NotFound))?;
        let node = match stat.kind {
            EntryKind::File => Node::File(self.take_up(op, from)?),
            // Commits move files only.
            _ => return Err(DiskError::new(op, from, DiskErrorKind::Unsupported)),
        };
        self.set(from, Node::Gone);
        self.set(to, node);
        Ok(())
    }
}

/// An open file of the trial.
#[derive(Debug)]
struct Handle {
    content: Shared,
}

impl ReadHandle for Handle {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> DiskResult<usize> {
        held(&self.content).read(buf, offset)
    }

    fn stat(&self) -> DiskResult<Stat> {
        Ok(held(&self.content).stat())
    }
}

impl WriteHandle for Handle {
    fn write_at(&mut self, bytes: &[u8], offset: u64) -> DiskResult<()> {
        held(&self.content).write(bytes, offset)
    }

    fn allocate(&mut self, _offset: u64, _len: u64) -> DiskResult<()> {
        Ok(())
    }

    fn set_len(&mut self, len: u64) -> DiskResult<()> {
        held(&self.content).set_len(len);
        Ok(())
    }

    fn set_attrs(&mut self, attrs: &Attrs) -> DiskResult<()> {
        held(&self.content).attrs = *attrs;
        Ok(())
    }

    fn sync(&mut self) -> DiskResult<()> {
        Ok(())
    }
}

#[derive(Debug)]
struct Granted;

impl LockGuard for Granted {
    fn set_note(&mut self, _note: &[u8]) -> DiskResult<()> {
        Ok(())
    }

    fn still_named(&self) -> DiskResult<bool> {
        Ok(true)
    }
}

impl Disk for TrialDisk {
    fn describe(&self) -> String {
        self.below.describe()
    }

    fn open_read(&self, path: &RelPath) -> DiskResult<Box<dyn ReadHandle>> {
        let op = DiskOp::OpenRead;
        match self.node(path) {
            Some(Node::File(content)) => Ok(Box::new(Handle { content })),
            Some(_) => Err(DiskError::new(
                op,
                path,
                match self.stat_at(op, path)? {
                    Some(stat) => DiskErrorKind::NotRegular(stat.kind),
                    None => DiskErrorKind::NotFound,
                },
            )),
            None => self.below.open_read(path),
        }
    }

    fn open_write(&self, path: &RelPath) -> DiskResult<Box<dyn WriteHandle>> {
        let content = self.take_up(DiskOp::OpenWrite, path)?;
        Ok(Box::new(Handle { content }))
    }

    fn create_new(&self, path: &RelPath) -> DiskResult<Box<dyn WriteHandle>> {
        let op = DiskOp::CreateNew;
        self.require_dir(op, path)?;
        if self.stat_at(op, path)?.is_some() {
            return Err(DiskError::new(op, path, DiskErrorKind::AlreadyExists));
        }
        let content = Arc::new(Mutex::new(Content {
            below: None,
            below_len: 0,
            len: 0,
            pages: BTreeMap::new(),
            attrs: Attrs::default(),
            modified_unix_s: 0,
        }));
        self.set(path, Node::File(Arc::clone(&content)));
        Ok(Box::new(Handle { content }))
    }

    fn stat(&self, path: &RelPath) -> DiskResult<Option<Stat>> {
        self.stat_at(DiskOp::Stat, path)
    }

    fn list(
        &self,
        dir: &RelPath,
        each: &mut dyn FnMut(DirEntry) -> ControlFlow<()>,
    ) -> DiskResult<()> {
        let op = DiskOp::List;
        match self.stat_at(op, dir)?.map(|stat| stat.kind) {
            Some(EntryKind::Dir) => {}
            Some(_) => return Err(DiskError::new(op, dir, DiskErrorKind::NotADirectory)),
            None => return Err(DiskError::new(op, dir, DiskErrorKind::NotFound)),
        }
        let mut here: Vec<(String, Option<EntryKind>)> = Vec::new();
        for (path, node) in held(&self.nodes).iter() {
            if !path.is_root()
                && path.parent().as_ref() == Some(dir)
                && let Some(name) = path.file_name()
            {
                let kind = match node {
                    Node::File(_) => Some(EntryKind::File),
                    Node::Dir => Some(EntryKind::Dir),
                    Node::Gone => None,
                };
                here.push((name.to_owned(), kind));
            }
        }
        let known: BTreeSet<&str> = here.iter().map(|(name, _)| name.as_str()).collect();
        let mut stopped = false;
        let below = self.below.list(dir, &mut |entry| {
            if let EntryName::Plain(name) = &entry.name
                && known.contains(name.as_str())
            {
                return ControlFlow::Continue(());
            }
            let flow = each(entry);
            stopped = flow.is_break();
            flow
        });
        match below {
            Err(error) if error.kind != DiskErrorKind::NotFound => return Err(error),
            _ => {}
        }
        for (name, kind) in here {
            if stopped {
                break;
            }
            if let Some(kind) = kind {
                let name = EntryName::Plain(name);
                stopped = each(DirEntry { name, kind }).is_break();
            }
        }
        Ok(())
    }

    fn mkdir(&self, path: &RelPath) -> DiskResult<()> {
        let op = DiskOp::Mkdir;
        self.require_dir(op, path)?;
        if self.stat_at(op, path)?.is_some() {
            return Err(DiskError::new(op, path, DiskErrorKind::AlreadyExists));
        }
        self.set(path, Node::Dir);
        Ok(())
    }

    fn rmdir(&self, path: &RelPath) -> DiskResult<()> {
        let op = DiskOp::Rmdir;
        let mut empty = true;
        self.list(path, &mut |_| {
            empty = false;
            ControlFlow::Break(())
        })?;
        if !empty {
            return Err(DiskError::new(op, path, DiskErrorKind::NotEmpty));
        }
        self.set(path, Node::Gone);
        Ok(())
    }

    fn unlink(&self, path: &RelPath) -> DiskResult<()> {
        let op = DiskOp::Unlink;
        match self.stat_at(op, path)?.map(|stat| stat.kind) {
            None => Err(DiskError::new(op, path, DiskErrorKind::NotFound)),
            Some(EntryKind::Dir) => {
                let kind = DiskErrorKind::NotRegular(EntryKind::Dir);
                Err(DiskError::new(op, path, kind))
            }
            Some(_) => {
                self.set(path, Node::Gone);
                Ok(())
            }
        }
    }

    fn rename(&self, from: &RelPath, to: &RelPath) -> DiskResult<()> {
        self.rename_at(DiskOp::Rename, from, to)
    }

    fn rename_noreplace(&self, from: &RelPath, to: &RelPath) -> DiskResult<()> {
        let op = DiskOp::RenameNoReplace;
        if self.stat_at(op, to)?.is_some() {
            return Err(DiskError::new(op, to, DiskErrorKind::AlreadyExists));
        }
        self.rename_at(op, from, to)
    }

    fn sync_group(&self, _files: &[RelPath]) -> DiskResult<()> {
        Ok(())
    }

    fn sync_dir(&self, _dir: &RelPath) -> DiskResult<()> {
        Ok(())
    }

    fn try_lock(
        &self,
        path: &RelPath,
        _kind: LockKind,
        create: bool,
    ) -> DiskResult<Option<Box<dyn LockGuard>>> {
        if !self.hold_below(path)? {
            return Ok(None);
        }
        match self.stat_at(DiskOp::Lock, path)?.map(|stat| stat.kind) {
            None if create => drop(self.create_new(path)?),
            None => return Err(DiskError::new(DiskOp::Lock, path, DiskErrorKind::NotFound)),
            Some(EntryKind::File) => {}
            Some(kind) => {
                let kind = DiskErrorKind::NotRegular(kind);
                return Err(DiskError::new(DiskOp::Lock, path, kind));
            }
        }
        Ok(Some(Box::new(Granted)))
    }

    fn free_bytes(&self) -> DiskResult<u64> {
        self.below.free_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::mem::MemDisk;

    fn p(text: &str) -> RelPath {
        RelPath::new(text).unwrap()
    }

    fn base() -> MemDisk {
        let disk = MemDisk::new();
        disk.add_dir(&p("GLB")).unwrap();
        let bytes: Vec<u8> = (0..10_000u32).map(|n| n.to_le_bytes()[0]).collect();
        disk.add_file(&p("GLB/A"), &bytes).unwrap();
        disk.add_file(&p("GLB/B"), b"bbb").unwrap();
        disk
    }

    #[test]
    fn a_lock_holds_the_one_below_and_waits_for_its_writer() {
        let disk = base();
        disk.add_file(&p("GLB/TREE.LCK"), b"").unwrap();
        let path = p("GLB/TREE.LCK");
        let trial = TrialDisk::new(Arc::new(disk.clone()));
        let lock = |kind| trial.try_lock(&path, kind, true).unwrap();
        let writer = disk.try_lock(&path, LockKind::Exclusive, false).unwrap();
        assert!(writer.is_some() && lock(LockKind::Exclusive).is_none());
        drop(writer);
        // From the first lock on, and as long as the trial lives.
        drop(lock(LockKind::Exclusive).unwrap());
        let below = |kind| disk.try_lock(&path, kind, false).unwrap().is_some();
        assert!(!below(LockKind::Exclusive) && below(LockKind::Shared));
        assert!(lock(LockKind::Shared).is_some());
        let other = trial.try_lock(&p("GLB/NEW.LCK"), LockKind::Exclusive, true);
        assert!(other.unwrap().is_some());
        drop(trial);
        assert!(below(LockKind::Exclusive));
    }

    fn read(disk: &dyn Disk, path: &str) -> Vec<u8> {
        let file = disk.open_read(&p(path)).unwrap();
        let mut bytes = vec![0; usize::try_from(file.stat().unwrap().len).unwrap()];
        let n = file.read_at(&mut bytes, 0).unwrap();
        bytes.truncate(n);
        bytes
    }

    // design, section 7
    #[test]
    fn changes_show_and_nothing_below_is_written() {
        let mem = base();
        let before = mem.snapshot();
        let trial = TrialDisk::new(Arc::new(mem.clone()));
        let old = read(&trial, "GLB/A");
        let mut file = trial.open_write(&p("GLB/A")).unwrap();
        file.write_at(b"xyz", 4095).unwrap();
        file.write_at(b"end", 12_000).unwrap();
        file.set_len(4097).unwrap();
        file.set_len(4099).unwrap();
        let mut expected = old[..4095].to_vec();
        expected.extend_from_slice(b"xy\0\0");
        assert_eq!(read(&trial, "GLB/A"), expected);
        trial
            .create_new(&p("GLB/N"))
            .unwrap()
            .write_at(b"n", 0)
            .unwrap();
        trial.rename(&p("GLB/N"), &p("GLB/B")).unwrap();
        trial.mkdir(&p("NEW")).unwrap();
        trial.create_new(&p("NEW/X")).unwrap();
        assert_eq!(read(&trial, "GLB/B"), b"n");
        assert!(trial.rmdir(&p("NEW")).is_err());
        trial.unlink(&p("NEW/X")).unwrap();
        trial.rmdir(&p("NEW")).unwrap();
        assert!(trial.stat(&p("NEW/X")).unwrap().is_none());
        let mut names = Vec::new();
        trial
            .list(&p("GLB"), &mut |entry| {
                names.push(format!("{:?}", entry.name));
                ControlFlow::Continue(())
            })
            .unwrap();
        assert_eq!(names.len(), 2);
        let changes: Vec<_> = trial
            .changes()
            .unwrap()
            .into_iter()
            .map(|change| (change.path.to_string(), change.word(), change.after))
            .collect();
        assert_eq!(
            changes,
            [
                ("GLB/A".to_owned(), "extents", Some((EntryKind::File, 4099))),
                ("GLB/B".to_owned(), "replace", Some((EntryKind::File, 1))),
            ]
        );
        assert_eq!(mem.snapshot(), before);
    }

    proptest::proptest! {
        // design, section 7
        #[test]
        fn a_file_of_the_trial_is_like_any_file(
            steps in proptest::collection::vec((0u8..3, 0u64..20_000, 0usize..6_000), 1..20),
        ) {
            let trial = TrialDisk::new(Arc::new(base()));
            let mut model = read(&trial, "GLB/A");
            let mut file = trial.open_write(&p("GLB/A")).unwrap();
            for (n, (kind, at, len)) in steps.into_iter().enumerate() {
                let place = usize::try_from(at).unwrap();
                if kind == 0 {
                    file.set_len(at).unwrap();
                    model.resize(place, 0);
                } else if len > 0 {
                    let bytes = vec![u8::try_from(n).unwrap() + 1; len];
                    file.write_at(&bytes, at).unwrap();
                    model.resize(model.len().max(place + len), 0);
                    model[place..place + len].copy_from_slice(&bytes);
                }
                let mut part = vec![0; 5_000];
                let got = file.read_at(&mut part, at).unwrap();
                let end = (place + 5_000).min(model.len());
                let wanted = model.get(place..end).unwrap_or_default();
                proptest::prop_assert_eq!(&part[..got], wanted);
            }
            proptest::prop_assert_eq!(read(&trial, "GLB/A"), model);
        }
    }
}
