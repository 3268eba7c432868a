//! Opening trees: [`TreeView`] reads, [`TreeMut`] commits.
//!
//! A `TreeView` sees the committed state: the files of the disk with a pending commit laid over
//! them. It holds the shared lock where the lock file exists, and never makes anything. A
//! `TreeMut` holds the exclusive lock of a tree that carries our marker in the current layout; it
//! finishes what a crashed writer left before anybody looks, and is the only way to commit.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use dirsync_core::format::layout_txt::{CURRENT_VERSION, Layout};

use crate::disk::{
    Disk, DiskError, DiskErrorKind, DiskOp, EntryKind, EntryName, LockGuard, LockKind, ReadHandle,
    Stat,
};
use crate::domain::{Domain, DomainKind};
use crate::error::TreeError;
use crate::journal::{
    CommitInfo, Committed, Journal, JournalState, Located, Overlay, Pending, Plan, Step, commit,
    recover,
};
use crate::lock::{Holder, acquire, read_full};
use crate::marker::{ForeignReason, LAYOUT_FILE, LAYOUT_LEN_LIMIT, Marker};
use crate::names::{Names, core_duplicates};
use crate::path::RelPath;

mod exchange;

pub use exchange::Exchanged;

/// Name of the lock file in a domain's home (DEC-105).
pub const LOCK_FILE: &str = "TREE.LCK";

/// How to open a tree.
#[derive(Debug, Clone)]
pub struct OpenOptions {
    /// How long to wait for other programs.
    pub wait: Duration,
    /// Who we are, for the lock file.
    pub holder: Holder,
}

impl Default for OpenOptions {
    fn default() -> Self {
        Self {
            wait: Duration::from_secs(10),
            holder: Holder::default(),
        }
    }
}

/// A tree opened for reading.
#[derive(Debug)]
pub struct TreeView {
    disk: Arc<dyn Disk>,
    domain: Domain,
    marker: Marker,
    names: Names,
    journal: Journal,
    overlay: Overlay,
    pending: Option<Pending>,
    pending_number: Option<u64>,
    journal_damage: Option<String>,
    // Held for its drop.
    _lock: Option<Box<dyn LockGuard>>,
}

/// An entry of a directory as a view shows it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ViewEntry {
    /// The name on disk.
    pub name: EntryName,
    /// What it is.
    pub kind: EntryKind,
}

impl TreeView {
    /// Opens a tree for reading. Foreign trees are welcome; see [`TreeView::marker`].
    ///
    /// # Errors
    /// [`TreeError::Busy`], [`TreeError::Ambiguous`], or a disk error. A journal that cannot be read
    /// is no error here: the view shows the disk as it is and says so in
    /// [`TreeView::journal_damage`].
    pub fn open(
        disk: Arc<dyn Disk>,
        domain: Domain,
        options: &OpenOptions,
    ) -> Result<Self, TreeError> {
        let names = Names::default();
        let tree = disk.describe();
        refuse_duplicates(disk.as_ref(), &names, &domain)?;
        // Foreign or not is decided before a lock file could be made; a view never makes one.
        let marker = read_marker(disk.as_ref(), &names, &domain)?;
        let lock_path = resolve(disk.as_ref(), &names, &domain.home_file(LOCK_FILE)?)?;
        let lock = if marker.layout().is_some() {
            acquire(
                disk.as_ref(),
                &lock_path,
                LockKind::Shared,
                options.wait,
                false,
            )?
        } else {
            None
        };
        let home = resolve(disk.as_ref(), &names, &RelPath::new(domain.kind.home())?)?;
        let journal = Journal::below(&home)?;
        let mut view = Self {
            disk,
            domain,
            marker,
            names,
            journal,
            overlay: Overlay::default(),
            pending: None,
            pending_number: None,
            journal_damage: None,
            _lock: lock,
        };
        if let Some(layout) = view.marker.layout() {
            match Pending::load(view.disk.as_ref(), &view.journal, &layout.tree_id.0) {
                Ok(Some(pending)) => {
                    view.overlay = Overlay::new(&view.journal, &pending);
                    view.pending_number = Some(pending.manifest.transaction);
                    view.pending = Some(pending);
                }
                Ok(None) => {}
                Err(TreeError::JournalDamaged { why, .. }) => view.journal_damage = Some(why),
                Err(error) => return Err(error),
            }
            // The lock is held now: what we judged before may have been half done by a writer.
            view.names.forget();
            view.marker = read_marker(view.disk.as_ref(), &view.names, &view.domain)?;
        }
        debug_assert_eq!(tree, view.describe());
        Ok(view)
    }

    /// The root as people name it.
    #[must_use]
    pub fn describe(&self) -> String {
        self.disk.describe()
    }

    /// The disk below the view, for tests and for looking at what a view does not show.
    #[must_use]
    pub fn disk(&self) -> &Arc<dyn Disk> {
        &self.disk
    }

    /// The domain.
    #[must_use]
    pub fn domain(&self) -> &Domain {
        &self.domain
    }

    /// Whose tree it is.
    #[must_use]
    pub fn marker(&self) -> &Marker {
        &self.marker
    }

    /// The number of a commit that a crashed writer left to be completed; the view shows the tree
    /// as if it were completed (finding `journal.pending`).
    #[must_use]
    pub fn pending_commit(&self) -> Option<u64> {
        self.pending_number
    }

    /// The number of the last commit that was completed; `None` when there was none, or nobody can
    /// say. As long as it stays the same, no program of ours changed the tree.
    ///
    /// # Errors
    /// A disk error.
    pub fn last_commit(&self) -> Result<Option<u64>, TreeError> {
        crate::journal::read_last(self.disk.as_ref(), &self.journal)
    }

    /// Why the journal cannot be read, if so (finding `journal.damaged`); the view then shows the
    /// disk as it is.
    #[must_use]
    pub fn journal_damage(&self) -> Option<&str> {
        self.journal_damage.as_deref()
    }

    /// The path on disk for a documented path such as `GLB/MASTER.GLB`.
    ///
    /// # Errors
    /// A text that is no path, or a disk error.
    pub fn path(&self, logical: &str) -> Result<RelPath, TreeError> {
        let place = self.domain.kind.place(logical);
        resolve(self.disk.as_ref(), &self.names, &RelPath::new(&place)?)
    }

    fn io(&self, error: DiskError) -> TreeError {
        TreeError::disk(&self.describe(), error)
    }

    /// What stands at a documented path; `None` when nothing does.
    ///
    /// # Errors
    /// A disk error.
    pub fn stat(&self, logical: &str) -> Result<Option<Stat>, TreeError> {
        let path = self.path(logical)?;
        self.stat_on_disk(&path)
    }

    /// What stands at a path on disk.
    ///
    /// # Errors
    /// A disk error.
    pub fn stat_on_disk(&self, path: &RelPath) -> Result<Option<Stat>, TreeError> {
        let stat_of = |path: &RelPath| self.disk.stat(path).map_err(|error| self.io(error));
        match self.overlay.locate(self.disk.as_ref(), path)? {
            Located::Base(at) => stat_of(&at),
            Located::Patched { base, len, .. } => {
                Ok(stat_of(&base)?.map(|stat| Stat { len, ..stat }))
            }
            Located::Absent => Ok(None),
            Located::NewDir => Ok(Some(Stat {
                kind: EntryKind::Dir,
                len: 0,
                links: 1,
                attrs: crate::disk::Attrs::default(),
                modified_unix_s: 0,
            })),
        }
    }

    /// Opens a file for positioned reads; `None` when nothing stands there.
    ///
    /// # Errors
    /// A disk error, for example something that is not a regular file.
    pub fn open_file(&self, logical: &str) -> Result<Option<ViewFile<'_>>, TreeError> {
        let path = self.path(logical)?;
        self.open_on_disk(&path)
    }

    /// As [`TreeView::open_file`], by the path on disk.
    ///
    /// # Errors
    /// As [`TreeView::open_file`].
    pub fn open_on_disk(&self, path: &RelPath) -> Result<Option<ViewFile<'_>>, TreeError> {
        let open = |at: &RelPath| match self.disk.open_read(at) {
            Ok(file) => Ok(Some(file)),
            Err(error) if error.kind == DiskErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.io(error)),
        };
        let (file, patch) = match self.overlay.locate(self.disk.as_ref(), path)? {
            Located::Base(at) => (open(&at)?, None),
            Located::Patched { base, len, extents } => (open(&base)?, Some((len, extents))),
            Located::Absent => (None, None),
            Located::NewDir => {
                return Err(self.io(DiskError::new(
                    DiskOp::OpenRead,
                    path,
                    DiskErrorKind::NotRegular(EntryKind::Dir),
                )));
            }
        };
        let Some(file) = file else { return Ok(None) };
        let len = match &patch {
            Some((len, _)) => *len,
            None => file.stat().map_err(|error| self.io(error))?.len,
        };
        Ok(Some(ViewFile {
            view: self,
            path: path.clone(),
            file,
            len,
            patch: patch.map(|(_, extents)| extents),
        }))
    }

    /// The whole content of a file of at most `limit` bytes; `None` when nothing stands there.
    ///
    /// # Errors
    /// [`TreeError::TooLarge`], or a disk error.
    pub fn read(&self, logical: &str, limit: u64) -> Result<Option<Vec<u8>>, TreeError> {
        match self.open_file(logical)? {
            Some(file) => file.read_all(limit).map(Some),
            None => Ok(None),
        }
    }

    /// As [`TreeView::read`], by the path on disk.
    ///
    /// # Errors
    /// As [`TreeView::read`].
    pub fn read_on_disk(&self, path: &RelPath, limit: u64) -> Result<Option<Vec<u8>>, TreeError> {
        match self.open_on_disk(path)? {
            Some(file) => file.read_all(limit).map(Some),
            None => Ok(None),
        }
    }

    /// Calls `each` for every entry of a directory by its path on disk, in no order. A missing
    /// directory has no entries.
    ///
    /// # Errors
    /// A disk error.
    pub fn list_on_disk(
        &self,
        dir: &RelPath,
        each: &mut dyn FnMut(ViewEntry) -> ControlFlow<()>,
    ) -> Result<(), TreeError> {
        let changes = self.overlay.names_in(dir);
        let base = match self.overlay.locate(self.disk.as_ref(), dir)? {
            Located::Base(at) => Some(at),
            Located::NewDir | Located::Absent | Located::Patched { .. } => None,
        };
        let mut stopped = false;
        let mut shown: std::collections::BTreeSet<String> = std::collections::BTreeSet::new();
        if let Some(base) = base {
            let result = self.disk.list(&base, &mut |entry| {
                if let EntryName::Plain(name) = &entry.name {
                    if changes.gone.contains(name) {
                        return ControlFlow::Continue(());
                    }
                    if changes.added.contains(name) {
                        shown.insert(name.clone());
                    }
                }
                let flow = each(ViewEntry {
                    name: entry.name,
                    kind: entry.kind,
                });
                stopped = flow.is_break();
                flow
            });
            match result {
                Ok(()) => {}
                Err(error) if error.kind == DiskErrorKind::NotFound => {}
                Err(error) => return Err(self.io(error)),
            }
        }
        for name in changes.added {
            if stopped {
                break;
            }
            if shown.contains(&name) {
                continue;
            }
            if let Some(stat) = self.stat_on_disk(&dir.join(&name)?)? {
                let entry = ViewEntry {
                    name: EntryName::Plain(name),
                    kind: stat.kind,
                };
                stopped = each(entry).is_break();
            }
        }
        Ok(())
    }

    /// The entries of a documented directory, sorted. For directories of any size use
    /// [`TreeView::list_on_disk`]; this one refuses more than `limit` entries.
    ///
    /// # Errors
    /// [`TreeError::TooLarge`] with the number of entries, or a disk error.
    pub fn list(&self, logical: &str, limit: usize) -> Result<Vec<ViewEntry>, TreeError> {
        let dir = self.path(logical)?;
        let mut entries: Vec<ViewEntry> = Vec::new();
        let mut too_many = false;
        self.list_on_disk(&dir, &mut |entry| {
            if entries.len() >= limit {
                too_many = true;
                return ControlFlow::Break(());
            }
            entries.push(entry);
            ControlFlow::Continue(())
        })?;
        if too_many {
            return Err(TreeError::TooLarge {
                tree: self.describe(),
                path: dir,
                len: limit as u64 + 1,
                limit: limit as u64,
            });
        }
        entries.sort();
        Ok(entries)
    }
}

/// A file of a view, for positioned reads.
#[derive(Debug)]
pub struct ViewFile<'a> {
    view: &'a TreeView,
    path: RelPath,
    file: Box<dyn ReadHandle>,
    len: u64,
    patch: Option<Vec<crate::journal::ManifestExtent>>,
}

impl ViewFile<'_> {
    /// Its path on disk.
    #[must_use]
    pub fn path(&self) -> &RelPath {
        &self.path
    }

    /// Its length in bytes.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether it has no bytes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Reads bytes at `offset` until `buf` is full or the file ends; the number of bytes read.
    ///
    /// # Errors
    /// A disk error.
    pub fn read_at(&self, buf: &mut [u8], offset: u64) -> Result<usize, TreeError> {
        let result = match (&self.patch, &self.view.pending) {
            (Some(extents), Some(pending)) => crate::journal::read_patched(
                self.file.as_ref(),
                pending.file.as_ref(),
                self.len,
                extents,
                buf,
                offset,
            ),
            _ => read_full(self.file.as_ref(), buf, offset),
        };
        result.map_err(|error| self.view.io(error))
    }

    /// The whole content, when it has at most `limit` bytes.
    ///
    /// # Errors
    /// [`TreeError::TooLarge`], or a disk error.
    pub fn read_all(&self, limit: u64) -> Result<Vec<u8>, TreeError> {
        let too_large = || TreeError::TooLarge {
            tree: self.view.describe(),
            path: self.path.clone(),
            len: self.len,
            limit,
        };
        if self.len > limit {
            return Err(too_large());
        }
        let mut bytes = vec![0u8; usize::try_from(self.len).map_err(|_| too_large())?];
        let n = self.read_at(&mut bytes, 0)?;
        bytes.truncate(n);
        Ok(bytes)
    }
}

/// A tree opened for writing: exclusive lock held, marker ours and current, journal clean.
#[derive(Debug)]
pub struct TreeMut {
    view: TreeView,
    state: JournalState,
    recovered: Option<u64>,
    poisoned: bool,
    /// How long a commit waits for FLAG.GLB.
    wait: Duration,
    // Dropped last, after everything else is closed.
    _lock: Box<dyn LockGuard>,
}

impl TreeMut {
    /// Opens a tree for writing. Finishes a commit that a crashed writer left.
    ///
    /// # Errors
    /// [`TreeError::Foreign`], [`TreeError::OldLayout`], [`TreeError::Busy`],
    /// [`TreeError::Ambiguous`], [`TreeError::JournalDamaged`], or a disk error.
    pub fn open(
        disk: Arc<dyn Disk>,
        domain: Domain,
        options: &OpenOptions,
    ) -> Result<Self, TreeError> {
        let tree = disk.describe();
        let names = Names::default();
        refuse_duplicates(disk.as_ref(), &names, &domain)?;
        // Before anything is made: a foreign tree must not even get a lock file.
        require_ours(&tree, read_marker(disk.as_ref(), &names, &domain)?)?;
        Self::open_locked(disk, domain, options, names, require_ours)
    }

    /// Opens a tree of an older layout for `upgrade`, and only for that.
    ///
    /// # Errors
    /// As [`TreeMut::open`]; [`TreeError::OldLayout`] never.
    pub fn open_for_upgrade(
        disk: Arc<dyn Disk>,
        domain: Domain,
        options: &OpenOptions,
    ) -> Result<Self, TreeError> {
        let tree = disk.describe();
        let names = Names::default();
        refuse_duplicates(disk.as_ref(), &names, &domain)?;
        require_known(&tree, read_marker(disk.as_ref(), &names, &domain)?)?;
        Self::open_locked(disk, domain, options, names, require_known)
    }

    fn open_locked(
        disk: Arc<dyn Disk>,
        domain: Domain,
        options: &OpenOptions,
        names: Names,
        require: fn(&str, Marker) -> Result<Layout, TreeError>,
    ) -> Result<Self, TreeError> {
        let tree = disk.describe();
        let lock_path = resolve(disk.as_ref(), &names, &domain.home_file(LOCK_FILE)?)?;
        let Some(mut lock) = acquire(
            disk.as_ref(),
            &lock_path,
            LockKind::Exclusive,
            options.wait,
            true,
        )?
        else {
            return Err(TreeError::Busy {
                tree,
                holder: "its lock file disappears again and again".into(),
            });
        };
        // Information only: a note that cannot be written (no space) must not stop a command that
        // may be there to make space.
        let _ = lock.set_note(options.holder.note().as_bytes());
        // Only now is nobody else writing: judge again.
        names.forget();
        let layout = require(&tree, read_marker(disk.as_ref(), &names, &domain)?)?;
        let home = resolve(disk.as_ref(), &names, &RelPath::new(domain.kind.home())?)?;
        let journal = Journal::below(&home)?;
        let recovered = recover(disk.as_ref(), &journal, &layout.tree_id.0)?;
        if recovered.is_some() {
            names.forget();
        }
        let layout = require(&tree, read_marker(disk.as_ref(), &names, &domain)?)?;
        let last = crate::journal::read_last(disk.as_ref(), &journal)?.unwrap_or(0);
        Ok(Self {
            state: JournalState {
                journal: journal.clone(),
                tree_id: layout.tree_id.0,
                last,
            },
            view: TreeView {
                disk,
                domain,
                marker: if layout.version < CURRENT_VERSION {
                    Marker::Older(layout)
                } else {
                    Marker::Ours(layout)
                },
                names,
                journal,
                overlay: Overlay::default(),
                pending: None,
                pending_number: None,
                journal_damage: None,
                _lock: None,
            },
            recovered,
            poisoned: false,
            wait: options.wait,
            _lock: lock,
        })
    }

    /// Sets a commit that cannot be completed aside (finding `journal.damaged`), so that the tree can
    /// be opened again; what it had changed already stays as it is. `None` when the journal is sound.
    /// Returns where the commit is kept.
    ///
    /// # Errors
    /// As [`TreeMut::open`].
    pub fn set_journal_aside(
        disk: &Arc<dyn Disk>,
        domain: &Domain,
        options: &OpenOptions,
    ) -> Result<Option<RelPath>, TreeError> {
        match Self::open(Arc::clone(disk), domain.clone(), options) {
            Ok(_) => return Ok(None),
            Err(TreeError::JournalDamaged { .. }) => {}
            Err(error) => return Err(error),
        }
        // The tree is ours, or the journal would not have been looked at.
        let names = Names::default();
        let lock_path = resolve(disk.as_ref(), &names, &domain.home_file(LOCK_FILE)?)?;
        let lock = acquire(
            disk.as_ref(),
            &lock_path,
            LockKind::Exclusive,
            options.wait,
            true,
        )?;
        let home = resolve(disk.as_ref(), &names, &RelPath::new(domain.kind.home())?)?;
        let kept = crate::journal::set_aside(disk.as_ref(), &home)?;
        drop(lock);
        Ok(Some(kept))
    }

    /// The tree as it is now.
    #[must_use]
    pub fn view(&self) -> &TreeView {
        &self.view
    }

    /// The number of the last commit; 0 when there was none.
    #[must_use]
    pub fn last_commit(&self) -> u64 {
        self.state.last
    }

    /// The number of a commit of a crashed writer that opening this tree completed.
    #[must_use]
    pub fn recovered(&self) -> Option<u64> {
        self.recovered
    }

    /// Holds FLAG.GLB while lists change, as the programs of the original do among each other
    /// (DEC-104, Q131670). One that nobody may write counts as held (Q131864).
    fn hold_flag(&self, plan: &Plan) -> Result<Option<Box<dyn LockGuard>>, TreeError> {
        let flag = plan.steps().find(|(path, step)| {
            path.file_name()
                .is_some_and(|name| name.eq_ignore_ascii_case("FLAG.GLB"))
                && matches!(step, Step::Extents { .. })
        });
        let Some((path, _)) = flag else {
            return Ok(None);
        };
        let disk = self.view.disk.as_ref();
        let tree = self.view.describe();
        let busy = |why: &str| TreeError::Busy {
            tree: tree.clone(),
            holder: format!(
                "[ 91] The mail database is locked by another process: {path} is {why}"
            ),
        };
        let stat = disk
            .stat(path)
            .map_err(|error| TreeError::disk(&tree, error))?;
        if stat.is_some_and(|stat| stat.attrs.mode.is_some_and(|mode| mode & 0o222 == 0)) {
            return Err(busy("read-only"));
        }
        match acquire(disk, path, LockKind::Exclusive, self.wait, false) {
            Err(TreeError::Busy { .. }) => Err(busy("locked open")),
            held => held,
        }
    }

    /// Carries a plan out, wholly or not at all. An empty plan is no commit.
    ///
    /// # Errors
    /// [`TreeError::Busy`] when lists change and FLAG.GLB is held by another program.
    /// [`TreeError::Mismatch`] and others before anything happened;
    /// [`TreeError::CommittedIncomplete`] or [`TreeError::CommitUnknown`] after which this tree
    /// refuses further commits.
    pub fn commit(
        &mut self,
        plan: &Plan,
        info: &CommitInfo,
    ) -> Result<Option<Committed>, TreeError> {
        if self.poisoned {
            return Err(TreeError::Poisoned {
                tree: self.view.describe(),
            });
        }
        if plan.is_empty() {
            return Ok(None);
        }
        let _flag = self.hold_flag(plan)?;
        let result = commit(self.view.disk.as_ref(), &mut self.state, plan, info);
        self.view.names.forget();
        match result {
            Ok(done) => Ok(Some(done)),
            Err((error, pending)) => {
                // A failed sync is never retried in a process: the kernel may have dropped the
                // pages that could not be written.
                let sync_failed = matches!(
                    &error,
                    TreeError::Disk { error, .. }
                        if matches!(error.op, DiskOp::Sync | DiskOp::SyncGroup | DiskOp::SyncDir)
                );
                self.poisoned = pending || sync_failed;
                Err(error)
            }
        }
    }
}

fn resolve(disk: &dyn Disk, names: &Names, logical: &RelPath) -> Result<RelPath, TreeError> {
    names
        .resolve(disk, logical)
        .map_err(|error| TreeError::disk(&disk.describe(), error))
}

fn refuse_duplicates(disk: &dyn Disk, names: &Names, domain: &Domain) -> Result<(), TreeError> {
    let tree = disk.describe();
    for (dir, files) in domain.kind.core_files() {
        let dir = resolve(disk, names, &RelPath::new(dir)?)?;
        if let Some((first, second)) =
            core_duplicates(disk, &dir, files).map_err(|error| TreeError::disk(&tree, error))?
        {
            return Err(TreeError::Ambiguous {
                tree,
                first,
                second,
            });
        }
    }
    Ok(())
}

/// The first bytes of a regular file; `None` when it is missing.
fn read_small(
    disk: &dyn Disk,
    path: &RelPath,
    limit: u64,
) -> Result<Option<(Vec<u8>, u64)>, DiskError> {
    let file = match disk.open_read(path) {
        Ok(file) => file,
        Err(error) if error.kind == DiskErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let len = file.stat()?.len;
    let mut buf = vec![0u8; usize::try_from(len.min(limit)).unwrap_or(0)];
    let n = read_full(file.as_ref(), &mut buf, 0)?;
    buf.truncate(n);
    Ok(Some((buf, len)))
}

fn read_marker(disk: &dyn Disk, names: &Names, domain: &Domain) -> Result<Marker, TreeError> {
    let path = resolve(disk, names, &domain.home_file(LAYOUT_FILE)?)?;
    let layout = match read_small(disk, &path, LAYOUT_LEN_LIMIT + 1) {
        Ok(None) => return Ok(Marker::Foreign(ForeignReason::NoMarker)),
        Ok(Some((_, len))) if len > LAYOUT_LEN_LIMIT => {
            return Ok(Marker::Foreign(ForeignReason::NotReadable(format!(
                "it has {len} bytes"
            ))));
        }
        Ok(Some((bytes, _))) => bytes,
        Err(error)
            if matches!(
                error.kind,
                DiskErrorKind::NotRegular(_) | DiskErrorKind::LinkInPath
            ) =>
        {
            return Ok(Marker::Foreign(ForeignReason::NotReadable(
                error.to_string(),
            )));
        }
        Err(error) => return Err(TreeError::disk(&disk.describe(), error)),
    };
    let master_created = if domain.kind == DomainKind::Postoffice {
        master_created(disk, names, domain)?
    } else {
        None
    };
    Ok(Marker::judge(&layout, master_created))
}

/// The time of creation in a MASTER.GLB of the right size with our magic; `None` otherwise, which
/// is damage for the checker and not foreignness.
fn master_created(
    disk: &dyn Disk,
    names: &Names,
    domain: &Domain,
) -> Result<Option<i64>, TreeError> {
    use dirsync_core::format::FixedRecord as _;
    use dirsync_core::format::master::MasterRecord;
    let path = resolve(disk, names, &domain.home_file("MASTER.GLB")?)?;
    match read_small(disk, &path, 1024) {
        Ok(Some((bytes, _))) => Ok(MasterRecord::decode(&bytes)
            .ok()
            .filter(MasterRecord::has_magic)
            .map(|master| i64::from(master.created.get()))),
        Ok(None) => Ok(None),
        Err(error)
            if matches!(
                error.kind,
                DiskErrorKind::NotRegular(_) | DiskErrorKind::LinkInPath
            ) =>
        {
            Ok(None)
        }
        Err(error) => Err(TreeError::disk(&disk.describe(), error)),
    }
}

fn require_ours(tree: &str, marker: Marker) -> Result<Layout, TreeError> {
    match marker {
        Marker::Ours(layout) => Ok(layout),
        Marker::Older(layout) => Err(TreeError::OldLayout {
            tree: tree.to_owned(),
            version: layout.version,
            current: CURRENT_VERSION,
        }),
        Marker::Foreign(why) => Err(TreeError::Foreign {
            tree: tree.to_owned(),
            why: why.to_string(),
        }),
    }
}

fn require_known(tree: &str, marker: Marker) -> Result<Layout, TreeError> {
    match marker {
        Marker::Older(layout) => Ok(layout),
        other => require_ours(tree, other),
    }
}
