//! Inodes, names, and the changes of names that are not durable yet.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::content::{BLOCK_BYTES, Content};
use super::units::Unit;
use crate::disk::{Attrs, DiskErrorKind, EntryKind, LockKind};
use crate::path::RelPath;

/// The number of the root directory.
pub(super) const ROOT: u64 = 1;

/// Removed names after which unreachable inodes are looked for (or half of all inodes, if that is
/// more).
const COLLECT_AFTER: usize = 4096;

type Names = BTreeMap<Arc<str>, u64>;
pub(super) type KindResult<T> = Result<T, DiskErrorKind>;

/// A file, directory or special file.
#[derive(Debug, Clone)]
pub(super) struct Inode {
    pub(super) kind: EntryKind,
    pub(super) body: Body,
    pub(super) attrs: Attrs,
    pub(super) durable_attrs: Attrs,
    /// Names that are seen now.
    pub(super) links: u64,
    /// Open handles and lock guards.
    pub(super) opened: u64,
    pub(super) modified_unix_s: i64,
}

/// What an inode holds.
#[derive(Debug, Clone)]
pub(super) enum Body {
    File(Content),
    Dir { live: Names, durable: Names },
    Special,
}

impl Inode {
    pub(super) fn new(kind: EntryKind, modified_unix_s: i64) -> Self {
        let (body, mode) = match kind {
            EntryKind::File => (Body::File(Content::default()), 0o644),
            EntryKind::Dir => (
                Body::Dir {
                    live: Names::new(),
                    durable: Names::new(),
                },
                0o755,
            ),
            _ => (Body::Special, 0o644),
        };
        let attrs = Attrs {
            mode: Some(mode),
            owner: Some((0, 0)),
        };
        Self {
            kind,
            body,
            attrs,
            durable_attrs: attrs,
            links: 0,
            opened: 0,
            modified_unix_s,
        }
    }
}

/// Holders of the lock of one inode.
#[derive(Debug, Default)]
pub(super) struct Holders {
    shared: u64,
    exclusive: bool,
}

/// The whole disk.
#[derive(Debug)]
pub(super) struct State {
    pub(super) inodes: BTreeMap<u64, Inode>,
    next_ino: u64,
    pub(super) units: Vec<Unit>,
    locks: BTreeMap<u64, Holders>,
    pub(super) capacity_bytes: Option<u64>,
    pub(super) clock_unix_s: i64,
    pub(super) ignore_sync_dir: bool,
    pub(super) ignore_file_sync: bool,
    removed: usize,
}

impl State {
    pub(super) fn new() -> Self {
        let mut root = Inode::new(EntryKind::Dir, 0);
        root.links = 1;
        Self {
            inodes: BTreeMap::from([(ROOT, root)]),
            next_ino: ROOT + 1,
            units: Vec::new(),
            locks: BTreeMap::new(),
            capacity_bytes: None,
            clock_unix_s: 0,
            ignore_sync_dir: false,
            ignore_file_sync: false,
            removed: 0,
        }
    }

    /// A copy in which nobody holds a file open or a lock.
    pub(super) fn without_holders(&self) -> Self {
        let mut copy = Self {
            inodes: self.inodes.clone(),
            next_ino: self.next_ino,
            units: self.units.clone(),
            locks: BTreeMap::new(),
            removed: 0,
            ..*self
        };
        for inode in copy.inodes.values_mut() {
            inode.opened = 0;
        }
        copy.collect();
        copy
    }

    // Looking up.

    fn names(&self, dir: u64) -> KindResult<&Names> {
        match self.inodes.get(&dir) {
            Some(Inode {
                body: Body::Dir { live, .. },
                ..
            }) => Ok(live),
            Some(Inode {
                kind: EntryKind::Link,
                ..
            }) => Err(DiskErrorKind::LinkInPath),
            Some(_) => Err(DiskErrorKind::NotADirectory),
            None => Err(DiskErrorKind::NotFound),
        }
    }

    /// The directory at `path`.
    pub(super) fn dir(&self, path: &RelPath) -> KindResult<u64> {
        let mut dir = ROOT;
        for name in path.names() {
            let ino = *self.names(dir)?.get(name).ok_or(DiskErrorKind::NotFound)?;
            self.names(ino)?;
            dir = ino;
        }
        Ok(dir)
    }

    /// The directory and the name of `path`; `None` for the root.
    pub(super) fn parent<'p>(&self, path: &'p RelPath) -> KindResult<Option<(u64, &'p str)>> {
        match (path.parent(), path.file_name()) {
            (Some(parent), Some(name)) => Ok(Some((self.dir(&parent)?, name))),
            _ => Ok(None),
        }
    }

    fn parent_not_root<'p>(&self, path: &'p RelPath) -> KindResult<(u64, &'p str)> {
        self.parent(path)?.ok_or(DiskErrorKind::Unsupported)
    }

    fn child(&self, dir: u64, name: &str) -> KindResult<Option<u64>> {
        Ok(self.names(dir)?.get(name).copied())
    }

    /// What stands at `path`, links not followed; an error when the parent is not there.
    pub(super) fn entry(&self, path: &RelPath) -> KindResult<u64> {
        match self.parent(path)? {
            Some((dir, name)) => self.child(dir, name)?.ok_or(DiskErrorKind::NotFound),
            None => Ok(ROOT),
        }
    }

    /// The regular file at `path`.
    pub(super) fn file(&self, path: &RelPath) -> KindResult<u64> {
        let ino = self.entry(path)?;
        match self.kind(ino) {
            EntryKind::File => Ok(ino),
            kind => Err(DiskErrorKind::NotRegular(kind)),
        }
    }

    pub(super) fn kind(&self, ino: u64) -> EntryKind {
        self.inodes
            .get(&ino)
            .map_or(EntryKind::Other, |inode| inode.kind)
    }

    pub(super) fn inode(&mut self, ino: u64) -> KindResult<&mut Inode> {
        self.inodes.get_mut(&ino).ok_or(DiskErrorKind::Io)
    }

    pub(super) fn content(&mut self, ino: u64) -> KindResult<&mut Content> {
        match &mut self.inode(ino)?.body {
            Body::File(content) => Ok(content),
            _ => Err(DiskErrorKind::Io),
        }
    }

    /// Up to `most` entries of a directory with names after `after`.
    pub(super) fn entries_after(
        &self,
        dir: u64,
        after: Option<&Arc<str>>,
        most: usize,
    ) -> Vec<(Arc<str>, u64, EntryKind)> {
        use std::ops::Bound;
        let Ok(names) = self.names(dir) else {
            return Vec::new();
        };
        let from = after.map_or(Bound::Unbounded, |name| Bound::Excluded(Arc::clone(name)));
        names
            .range::<Arc<str>, _>((from, Bound::Unbounded))
            .take(most)
            .map(|(name, &ino)| (Arc::clone(name), ino, self.kind(ino)))
            .collect()
    }

    // Changing names.

    /// Carries a unit out in the live view and remembers it as pending.
    fn change(&mut self, entries: Vec<(u64, Arc<str>, Option<u64>)>) {
        let mut unit = Unit::default();
        for (dir, name, ino) in entries {
            let before = match self.inodes.get_mut(&dir).map(|inode| &mut inode.body) {
                Some(Body::Dir { live, .. }) => match ino {
                    Some(ino) => live.insert(Arc::clone(&name), ino),
                    None => live.remove(&name),
                },
                _ => None,
            };
            if let Some(inode) = before.and_then(|before| self.inodes.get_mut(&before)) {
                inode.links = inode.links.saturating_sub(1);
                self.removed += 1;
            }
            if let Some(inode) = ino.and_then(|ino| self.inodes.get_mut(&ino)) {
                inode.links += 1;
            }
            unit.entries.insert((dir, name), ino);
        }
        self.units.push(unit);
        if self.removed > COLLECT_AFTER.max(self.inodes.len() / 2) {
            self.collect();
        }
    }

    fn add_inode(&mut self, kind: EntryKind) -> u64 {
        let ino = self.next_ino;
        self.next_ino += 1;
        self.inodes.insert(ino, Inode::new(kind, self.clock_unix_s));
        ino
    }

    /// Makes something new at `path`.
    pub(super) fn create(&mut self, path: &RelPath, kind: EntryKind) -> KindResult<u64> {
        let Some((dir, name)) = self.parent(path)? else {
            return Err(DiskErrorKind::AlreadyExists);
        };
        self.create_in(dir, name, kind)
    }

    /// Makes something new in a directory; the name need not be one of a [`RelPath`].
    pub(super) fn create_in(&mut self, dir: u64, name: &str, kind: EntryKind) -> KindResult<u64> {
        if self.child(dir, name)?.is_some() {
            return Err(DiskErrorKind::AlreadyExists);
        }
        let ino = self.add_inode(kind);
        self.change(vec![(dir, Arc::from(name), Some(ino))]);
        Ok(ino)
    }

    /// Gives the file at `from` one more name.
    pub(super) fn link(&mut self, from: &RelPath, to: &RelPath) -> KindResult<()> {
        let ino = self.file(from)?;
        let (dir, name) = self.parent_not_root(to)?;
        if self.child(dir, name)?.is_some() {
            return Err(DiskErrorKind::AlreadyExists);
        }
        self.change(vec![(dir, Arc::from(name), Some(ino))]);
        Ok(())
    }

    pub(super) fn unlink(&mut self, path: &RelPath) -> KindResult<()> {
        let Some((dir, name)) = self.parent(path)? else {
            return Err(DiskErrorKind::NotRegular(EntryKind::Dir));
        };
        let ino = self.child(dir, name)?.ok_or(DiskErrorKind::NotFound)?;
        if self.kind(ino) == EntryKind::Dir {
            return Err(DiskErrorKind::NotRegular(EntryKind::Dir));
        }
        self.change(vec![(dir, Arc::from(name), None)]);
        Ok(())
    }

    pub(super) fn rmdir(&mut self, path: &RelPath) -> KindResult<()> {
        let (dir, name) = self.parent_not_root(path)?;
        let ino = self.child(dir, name)?.ok_or(DiskErrorKind::NotFound)?;
        if self.kind(ino) != EntryKind::Dir {
            return Err(DiskErrorKind::NotADirectory);
        }
        if !self.names(ino)?.is_empty() {
            return Err(DiskErrorKind::NotEmpty);
        }
        self.change(vec![(dir, Arc::from(name), None)]);
        Ok(())
    }

    /// Renames; the order of the checks is the kernel's.
    pub(super) fn rename(&mut self, from: &RelPath, to: &RelPath, replace: bool) -> KindResult<()> {
        let (from_dir, from_name) = self.parent_not_root(from)?;
        let (to_dir, to_name) = self.parent_not_root(to)?;
        let moved = self
            .child(from_dir, from_name)?
            .ok_or(DiskErrorKind::NotFound)?;
        let there = self.child(to_dir, to_name)?;
        if there.is_some() && !replace {
            return Err(DiskErrorKind::AlreadyExists);
        }
        if is_below(to, from) {
            // A directory cannot move into itself.
            return Err(DiskErrorKind::Io);
        }
        if is_below(from, to) {
            return Err(DiskErrorKind::NotEmpty);
        }
        if let Some(there) = there {
            if there == moved {
                // Two names of one file, or the same name: nothing happens.
                return Ok(());
            }
            match (
                self.kind(moved) == EntryKind::Dir,
                self.kind(there) == EntryKind::Dir,
            ) {
                (true, false) => return Err(DiskErrorKind::NotADirectory),
                (false, true) => return Err(DiskErrorKind::NotRegular(EntryKind::Dir)),
                (true, true) if !self.names(there)?.is_empty() => {
                    return Err(DiskErrorKind::NotEmpty);
                }
                _ => {}
            }
        }
        self.change(vec![
            (from_dir, Arc::from(from_name), None),
            (to_dir, Arc::from(to_name), Some(moved)),
        ]);
        Ok(())
    }

    /// Forgets inodes that no name, pending unit or handle leads to.
    pub(super) fn collect(&mut self) {
        let mut seen = BTreeSet::from([ROOT]);
        let mut open = vec![ROOT];
        let opened = self.inodes.iter().filter(|(_, inode)| inode.opened > 0);
        let pending = self.units.iter().flat_map(|unit| unit.entries.values());
        let more: Vec<u64> = opened
            .map(|(&ino, _)| ino)
            .chain(pending.copied().flatten())
            .collect();
        for ino in more {
            if seen.insert(ino) {
                open.push(ino);
            }
        }
        while let Some(ino) = open.pop() {
            if let Some(Body::Dir { live, durable }) = self.inodes.get(&ino).map(|i| &i.body) {
                for &child in live.values().chain(durable.values()) {
                    if seen.insert(child) {
                        open.push(child);
                    }
                }
            }
        }
        self.inodes.retain(|ino, _| seen.contains(ino));
        for unit in &mut self.units {
            unit.entries.retain(|(dir, _), _| seen.contains(dir));
        }
        self.units.retain(|unit| !unit.entries.is_empty());
        self.removed = 0;
    }

    // Space, handles, locks.

    /// Bytes that may still be written.
    pub(super) fn free_bytes(&self) -> u64 {
        /// What a disk without a limit reports: 1 EiB.
        const UNLIMITED: u64 = 1 << 60;
        let Some(capacity) = self.capacity_bytes else {
            return UNLIMITED;
        };
        let used: u64 = self
            .inodes
            .values()
            .filter(|inode| inode.links > 0 || inode.opened > 0)
            .map(|inode| match &inode.body {
                Body::File(content) => content.charged_blocks(),
                _ => 0,
            })
            .fold(0, u64::saturating_add);
        capacity.saturating_sub(used.saturating_mul(BLOCK_BYTES))
    }

    /// Refuses when `blocks` more do not fit.
    pub(super) fn check_room(&self, blocks: u64) -> KindResult<()> {
        if blocks == 0
            || self.capacity_bytes.is_none()
            || blocks.saturating_mul(BLOCK_BYTES) <= self.free_bytes()
        {
            Ok(())
        } else {
            Err(DiskErrorKind::NoSpace)
        }
    }

    pub(super) fn open(&mut self, ino: u64) -> KindResult<()> {
        self.inode(ino)?.opened += 1;
        Ok(())
    }

    pub(super) fn close(&mut self, ino: u64) {
        if let Some(inode) = self.inodes.get_mut(&ino) {
            inode.opened = inode.opened.saturating_sub(1);
        }
    }

    /// Takes the lock of an inode unless another holder is in the way.
    pub(super) fn lock(&mut self, ino: u64, kind: LockKind) -> bool {
        let holders = self.locks.entry(ino).or_default();
        let free = match kind {
            LockKind::Shared => !holders.exclusive,
            LockKind::Exclusive => !holders.exclusive && holders.shared == 0,
        };
        if free {
            match kind {
                LockKind::Shared => holders.shared += 1,
                LockKind::Exclusive => holders.exclusive = true,
            }
        }
        free
    }

    pub(super) fn unlock(&mut self, ino: u64, kind: LockKind) {
        if let Some(holders) = self.locks.get_mut(&ino) {
            match kind {
                LockKind::Shared => holders.shared = holders.shared.saturating_sub(1),
                LockKind::Exclusive => holders.exclusive = false,
            }
            if holders.shared == 0 && !holders.exclusive {
                self.locks.remove(&ino);
            }
        }
    }
}

/// Whether `path` lies below `dir` (and is not `dir` itself).
fn is_below(path: &RelPath, dir: &RelPath) -> bool {
    path.as_str()
        .strip_prefix(dir.as_str())
        .is_some_and(|rest| rest.starts_with('/'))
}
