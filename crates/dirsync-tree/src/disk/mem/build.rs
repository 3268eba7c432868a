//! Building a disk in memory for a test, and comparing what it holds.

use std::collections::BTreeMap;

use super::content::Content;
use super::state::{Body, KindResult, ROOT, State};
use super::{At, LIST_STEP, MemDisk};
use crate::disk::{DiskError, DiskErrorKind, DiskOp, DiskResult, EntryKind};
use crate::path::RelPath;

/// One path of a [`MemDisk::snapshot`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Node {
    /// A directory.
    Dir,
    /// A regular file.
    File {
        /// All its bytes (holes are zeros).
        bytes: Vec<u8>,
        /// Permission bits.
        mode: u32,
    },
    /// A link, FIFO, socket or device.
    Special(EntryKind),
}

impl MemDisk {
    /// Everything that is seen now, by path, without the root. Files are held as a whole: not for
    /// disks with huge sparse files.
    #[must_use]
    pub fn snapshot(&self) -> BTreeMap<String, Node> {
        let state = self.lock_state();
        let mut nodes = BTreeMap::new();
        let mut open = vec![(String::new(), ROOT)];
        while let Some((prefix, dir)) = open.pop() {
            let mut after = None;
            loop {
                let entries = state.entries_after(dir, after.as_ref(), LIST_STEP);
                for (name, ino, kind) in &entries {
                    let path = if prefix.is_empty() {
                        name.to_string()
                    } else {
                        format!("{prefix}/{name}")
                    };
                    if *kind == EntryKind::Dir {
                        open.push((path.clone(), *ino));
                    }
                    if let Some(node) = state.node(*ino) {
                        nodes.insert(path, node);
                    }
                }
                match entries.into_iter().last() {
                    Some((last, _, _)) => after = Some(last),
                    None => break,
                }
            }
        }
        nodes
    }

    /// A durable disk that holds what a snapshot holds; missing parents are made.
    ///
    /// # Errors
    /// A key that is not a [`RelPath`] is [`DiskErrorKind::Unsupported`].
    pub fn from_snapshot(nodes: &BTreeMap<String, Node>) -> DiskResult<Self> {
        let disk = Self::new();
        for (text, node) in nodes {
            let path = RelPath::new(text).map_err(|_| {
                DiskError::new(DiskOp::Stat, &RelPath::root(), DiskErrorKind::Unsupported)
            })?;
            match node {
                Node::Dir => disk.add_dir(&path)?,
                Node::File { bytes, mode } => {
                    disk.add_file(&path, bytes)?;
                    let mut state = disk.lock_state();
                    if let Ok(inode) = state.entry(&path).and_then(|ino| state.inode(ino)) {
                        inode.attrs.mode = Some(*mode);
                    }
                }
                Node::Special(kind) => disk.add_special(&path, *kind)?,
            }
        }
        disk.settle();
        Ok(disk)
    }

    /// Makes a directory and its missing parents; the path is
    /// durable at once.
    ///
    /// # Errors
    /// Something that is not a directory stands in the way.
    pub fn add_dir(&self, path: &RelPath) -> DiskResult<()> {
        let mut state = self.lock_state();
        state.make_dirs(path).at(DiskOp::Mkdir, path)?;
        state.settle_path(path);
        Ok(())
    }

    /// Makes a file (or gives it new content), with missing parents; the disk is settled, so all
    /// of it is durable.
    ///
    /// # Errors
    /// Something else stands in the way.
    pub fn add_file(&self, path: &RelPath, bytes: &[u8]) -> DiskResult<()> {
        let mut state = self.lock_state();
        let ino = state
            .make_entry(path, EntryKind::File)
            .at(DiskOp::CreateNew, path)?;
        *state.content(ino).at(DiskOp::WriteAt, path)? = Content::durable_from(bytes);
        state.settle_path(path);
        Ok(())
    }

    /// Makes a link, FIFO, socket or device, with missing parents; durable.
    ///
    /// # Errors
    /// Something else stands in the way.
    pub fn add_special(&self, path: &RelPath, kind: EntryKind) -> DiskResult<()> {
        let mut state = self.lock_state();
        state.make_entry(path, kind).at(DiskOp::CreateNew, path)?;
        state.settle_path(path);
        Ok(())
    }

    /// Gives a file one more name (a hard link); durable.
    ///
    /// # Errors
    /// As for creating a file.
    pub fn add_hard_link(&self, file: &RelPath, name: &RelPath) -> DiskResult<()> {
        let mut state = self.lock_state();
        state.link(file, name).at(DiskOp::CreateNew, name)?;
        state.settle_path(name);
        Ok(())
    }

    /// Puts an entry into a directory whose name no [`RelPath`] may hold (a colon, a backslash);
    /// durable.
    ///
    /// # Errors
    /// As for creating a file.
    pub fn add_strange(&self, dir: &RelPath, name: &str, kind: EntryKind) -> DiskResult<()> {
        let mut state = self.lock_state();
        let ino = state.dir(dir).at(DiskOp::CreateNew, dir)?;
        state
            .create_in(ino, name, kind)
            .at(DiskOp::CreateNew, dir)?;
        state.sync_dir(ino);
        Ok(())
    }
}

impl State {
    fn make_dirs(&mut self, path: &RelPath) -> KindResult<u64> {
        let mut dir = ROOT;
        let mut so_far = RelPath::root();
        for name in path.names() {
            so_far = so_far.join(name).map_err(|_| DiskErrorKind::Unsupported)?;
            dir = match self.entry(&so_far) {
                Err(DiskErrorKind::NotFound) => self.create_in(dir, name, EntryKind::Dir)?,
                _ => self.dir(&so_far)?,
            };
        }
        Ok(dir)
    }

    /// The entry of that kind at `path`, made where missing.
    fn make_entry(&mut self, path: &RelPath, kind: EntryKind) -> KindResult<u64> {
        if let Some(parent) = path.parent() {
            self.make_dirs(&parent)?;
        }
        match self.entry(path) {
            Ok(ino) if self.kind(ino) == kind => Ok(ino),
            Ok(_) => Err(DiskErrorKind::AlreadyExists),
            Err(_) => self.create(path, kind),
        }
    }

    fn node(&self, ino: u64) -> Option<Node> {
        let inode = self.inodes.get(&ino)?;
        Some(match &inode.body {
            Body::Dir { .. } => Node::Dir,
            Body::Special => Node::Special(inode.kind),
            Body::File(content) => {
                let mut bytes = vec![0; usize::try_from(content.len()).unwrap_or(usize::MAX)];
                content.read_at(&mut bytes, 0);
                Node::File {
                    bytes,
                    mode: inode.attrs.mode.unwrap_or(0),
                }
            }
        })
    }
}
