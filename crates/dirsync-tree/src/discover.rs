//! Finding the trees of a site: which directories are postoffices, Exchange servers or MTA
//! databases. Nothing is opened; only names and kinds of entries are looked at.
//!
//! | tree | recognised by |
//! |---|---|
//! | postoffice | a file `GLB/MASTER.GLB` |
//! | Exchange server | directories `DXADATA` and `MTADATA` side by side |
//! | MTA database | a directory `MTADATA` (or the directory given) that holds `DB######.DAT` |
//!
//! Names count in any case of letters. The walk stops at a tree, follows no link (the site itself
//! may be one), skips journal, snapshot and quarantine folders, and is bounded in depth, number of
//! entries and time. What it could not look at becomes a [`Note`].

#[cfg(test)]
mod tests;

use std::ffi::OsStr;
use std::fmt;
use std::fs::{self, FileType};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Instant;

use walkdir::WalkDir;

/// Folders that are never entered, in any case of letters: journals and quarantine. Besides these,
/// old quarantines `MTACHECK.nnn` (Q262865: the folder is renamed before the next run; the number is
/// ASSIGNED) and folders that end in [`SNAPSHOT_SUFFIX`].
pub const SKIPPED_NAMES: [&str; 2] = ["JOURNAL", "MTACHECK.OUT"];

/// How the name of a folder ends that holds a copy of a tree (ASSIGNED).
pub const SNAPSHOT_SUFFIX: &str = ".BAK";

/// The shadow postoffice of an Exchange server, below its root.
pub const SHADOW_PATH: [&str; 3] = ["CONNECT", "MSMCON", "MAILDATA"];

/// The kind of a tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TreeKind {
    /// A postoffice.
    Postoffice,
    /// An Exchange server, its shadow postoffice included.
    ExchangeServer,
    /// An MTA database without a server around it.
    MtaDatabase,
}

/// What a tree was recognised by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FoundBy {
    /// `GLB/MASTER.GLB`.
    MasterGlb,
    /// `DXADATA` beside `MTADATA`.
    AgentBesideMta,
    /// `DB######.DAT`.
    ObjectFiles,
}

impl FoundBy {
    /// The words used in reports: `recognised by …`.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::MasterGlb => "GLB/MASTER.GLB",
            Self::AgentBesideMta => "DXADATA beside MTADATA",
            Self::ObjectFiles => "DB######.DAT files",
        }
    }
}

/// A tree that was found. Who it is (NET/PO) is read from the tree itself, later.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct FoundTree {
    /// Its root: the path of the site and the names below it as they stand on disk.
    pub path: PathBuf,
    /// Its kind.
    pub kind: TreeKind,
    /// How it was recognised.
    pub found_by: FoundBy,
    /// For an Exchange server: the root of its shadow postoffice, where there is one.
    pub shadow: Option<PathBuf>,
    /// For a postoffice that was named directly and is the shadow of a server: that server's root.
    pub shadow_of: Option<PathBuf>,
}

/// Something the search could not do or had to leave out.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Note {
    /// Where.
    pub path: PathBuf,
    /// What.
    pub kind: NoteKind,
}

/// What a [`Note`] says.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum NoteKind {
    /// It could not be read; the operating system's words.
    Unreadable(String),
    /// The site is not a directory.
    NotADirectory,
    /// A link stands where a tree has this name; links are not followed.
    Link,
    /// There are directories deeper than the limit; they were not looked at.
    TooDeep,
    /// So many entries were seen that the search ended here.
    TooManyEntries(u64),
    /// The time was up; the search ended here.
    TimeUp,
    /// The directory looks like two kinds of tree; it is taken for the first one.
    TwoKinds(TreeKind, TreeKind),
}

impl fmt::Display for NoteKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(why) => write!(f, "could not be read: {why}"),
            Self::NotADirectory => f.write_str("is not a directory"),
            Self::Link => f.write_str("is a symbolic link; links are never followed"),
            Self::TooDeep => f.write_str("has directories too deep to be searched"),
            Self::TooManyEntries(limit) => {
                write!(f, "the search ended here, after {limit} entries")
            }
            Self::TimeUp => f.write_str("the search ended here, its time was up"),
            Self::TwoKinds(..) => f.write_str("holds two kinds of tree side by side"),
        }
    }
}

/// How far the search goes.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Levels of directories below the site.
    pub depth: usize,
    /// Entries of directories looked at, in all.
    pub entries: u64,
    /// When the search gives up. A file system that does not answer at all is the business of the
    /// caller, who runs the search in a child process.
    pub deadline: Option<Instant>,
}

impl Default for Limits {
    /// 12 levels, a million entries, no deadline (ASSIGNED: real sites are far smaller).
    fn default() -> Self {
        Self {
            depth: 12,
            entries: 1_000_000,
            deadline: None,
        }
    }
}

/// The trees of a site, and what could not be looked at; both sorted by path.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Discovery {
    /// The trees.
    pub trees: Vec<FoundTree>,
    /// The rest.
    pub notes: Vec<Note>,
}

impl Discovery {
    /// Whether the search saw everything it should have: no note says otherwise.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.notes
            .iter()
            .all(|note| matches!(note.kind, NoteKind::TwoKinds(..)))
    }
}

/// Finds the trees at and below `site`. A site that is itself a tree is that one tree.
#[must_use]
pub fn discover(site: &Path, limits: &Limits) -> Discovery {
    let mut search = Search {
        limits: *limits,
        entries: 0,
        found: Discovery::default(),
    };
    // The search has ended early when this says so; what was found stands.
    let _ = search.run(site);
    let mut found = search.found;
    found.trees.sort();
    found.notes.sort();
    found.notes.dedup();
    found
}

/// A limit was reached and noted.
struct Ended;

struct Search {
    limits: Limits,
    entries: u64,
    found: Discovery,
}

/// What the entries of one directory say.
#[derive(Default)]
struct Signs {
    /// Directories by the name a tree has for them, sorted (upper case comes first).
    glb: Vec<PathBuf>,
    dxadata: Vec<PathBuf>,
    mtadata: Vec<PathBuf>,
    object_files: bool,
    directories: bool,
}

impl Search {
    fn run(&mut self, site: &Path) -> Result<(), Ended> {
        match fs::metadata(site) {
            Ok(metadata) if metadata.is_dir() => {}
            Ok(_) => {
                self.note(site, NoteKind::NotADirectory);
                return Ok(());
            }
            Err(error) => {
                self.unreadable(site, &error);
                return Ok(());
            }
        }
        let mut walk = WalkDir::new(site)
            .follow_links(false)
            .max_depth(self.limits.depth)
            .into_iter();
        while let Some(entry) = walk.next() {
            let entry = match entry {
                Ok(entry) => entry,
                Err(error) => {
                    let path = error.path().unwrap_or(site).to_path_buf();
                    self.note(&path, NoteKind::Unreadable(reason(error.io_error())));
                    continue;
                }
            };
            self.count(entry.path())?;
            let at_site = entry.depth() == 0;
            if !at_site && !entry.file_type().is_dir() {
                continue;
            }
            if !at_site && is_skipped(entry.file_name()) {
                walk.skip_current_dir();
                continue;
            }
            let Ok(signs) = self.signs(entry.path())? else {
                // walkdir would only meet the same error; it is noted.
                walk.skip_current_dir();
                continue;
            };
            let is_mtadata = at_site || is_named(entry.file_name(), "MTADATA");
            if self.recognise(entry.path(), &signs, is_mtadata)? {
                walk.skip_current_dir();
            } else if entry.depth() == self.limits.depth && signs.directories {
                self.note(entry.path(), NoteKind::TooDeep);
            }
        }
        Ok(())
    }

    /// Notes the tree at `path` if there is one.
    fn recognise(&mut self, path: &Path, signs: &Signs, is_mtadata: bool) -> Result<bool, Ended> {
        let is_server = !signs.dxadata.is_empty() && !signs.mtadata.is_empty();
        let is_postoffice = self.holds_master(&signs.glb)?;
        if is_server && is_postoffice {
            let kinds = NoteKind::TwoKinds(TreeKind::ExchangeServer, TreeKind::Postoffice);
            self.note(path, kinds);
        }
        let (kind, found_by) = if is_server {
            (TreeKind::ExchangeServer, FoundBy::AgentBesideMta)
        } else if is_postoffice {
            (TreeKind::Postoffice, FoundBy::MasterGlb)
        } else if is_mtadata && signs.object_files {
            (TreeKind::MtaDatabase, FoundBy::ObjectFiles)
        } else {
            return Ok(false);
        };
        let shadow = match kind {
            TreeKind::ExchangeServer => self.shadow_below(path)?,
            _ => None,
        };
        let shadow_of = match kind {
            TreeKind::Postoffice => self.server_around(path)?,
            _ => None,
        };
        self.found.trees.push(FoundTree {
            path: path.to_path_buf(),
            kind,
            found_by,
            shadow,
            shadow_of,
        });
        Ok(true)
    }

    fn signs(&mut self, dir: &Path) -> Result<Result<Signs, ()>, Ended> {
        let mut signs = Signs::default();
        let read = self.each(dir, |path, name, kind| {
            signs.directories |= kind.is_dir();
            signs.object_files |= kind.is_file() && is_object_file(name);
            for (wanted, list) in [
                ("GLB", &mut signs.glb),
                ("DXADATA", &mut signs.dxadata),
                ("MTADATA", &mut signs.mtadata),
            ] {
                if is_named(name, wanted) {
                    if kind.is_symlink() {
                        return Some(NoteKind::Link);
                    }
                    if kind.is_dir() {
                        list.push(path.to_path_buf());
                    }
                }
            }
            None
        })?;
        for list in [&mut signs.glb, &mut signs.dxadata, &mut signs.mtadata] {
            list.sort();
        }
        Ok(if read { Ok(signs) } else { Err(()) })
    }

    /// Whether one of these directories holds `MASTER.GLB`.
    fn holds_master(&mut self, glbs: &[PathBuf]) -> Result<bool, Ended> {
        let mut holds = false;
        for glb in glbs {
            self.each(glb, |_, name, kind| {
                let named = is_named(name, "MASTER.GLB");
                holds |= named && kind.is_file();
                (named && kind.is_symlink()).then_some(NoteKind::Link)
            })?;
        }
        Ok(holds)
    }

    /// The shadow postoffice of the server at `path`.
    fn shadow_below(&mut self, path: &Path) -> Result<Option<PathBuf>, Ended> {
        let mut at = path.to_path_buf();
        for wanted in SHADOW_PATH {
            let mut next = Vec::new();
            self.each(&at, |path, name, kind| {
                let named = is_named(name, wanted);
                if named && kind.is_dir() {
                    next.push(path.to_path_buf());
                }
                (named && kind.is_symlink()).then_some(NoteKind::Link)
            })?;
            next.sort();
            match next.into_iter().next() {
                Some(path) => at = path,
                None => return Ok(None),
            }
        }
        match self.signs(&at)? {
            Ok(signs) => Ok(self.holds_master(&signs.glb)?.then_some(at)),
            Err(()) => Ok(None),
        }
    }

    /// The server whose shadow the postoffice at `path` is. Only a postoffice named directly can
    /// be one: otherwise the walk has stopped at the server.
    fn server_around(&mut self, path: &Path) -> Result<Option<PathBuf>, Ended> {
        // A relative path need not show the names above it.
        let Ok(full) = path.canonicalize() else {
            return Ok(None);
        };
        let mut at = full.as_path();
        for wanted in SHADOW_PATH.iter().rev() {
            match (at.file_name(), at.parent()) {
                (Some(name), Some(parent)) if is_named(name, wanted) => at = parent,
                _ => return Ok(None),
            }
        }
        // The note of an unreadable directory above the site is of no use.
        let notes = self.found.notes.len();
        let signs = self.signs(at)?;
        self.found.notes.truncate(notes);
        Ok(signs
            .ok()
            .filter(|signs| !signs.dxadata.is_empty() && !signs.mtadata.is_empty())
            .map(|_| at.to_path_buf()))
    }

    /// Calls `look` for every entry of a directory; what it returns is noted. `false` when the
    /// directory could not be read (which is noted).
    fn each(
        &mut self,
        dir: &Path,
        mut look: impl FnMut(&Path, &OsStr, FileType) -> Option<NoteKind>,
    ) -> Result<bool, Ended> {
        let entries = match fs::read_dir(dir) {
            Ok(entries) => entries,
            Err(error) => {
                self.unreadable(dir, &error);
                return Ok(false);
            }
        };
        for entry in entries {
            self.count(dir)?;
            let seen = entry.and_then(|entry| Ok((entry.file_type()?, entry)));
            match seen {
                Ok((kind, entry)) => {
                    let path = entry.path();
                    if let Some(note) = look(&path, &entry.file_name(), kind) {
                        self.note(&path, note);
                    }
                }
                Err(error) => {
                    self.unreadable(dir, &error);
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    fn count(&mut self, at: &Path) -> Result<(), Ended> {
        self.entries += 1;
        if self.entries > self.limits.entries {
            self.note(at, NoteKind::TooManyEntries(self.limits.entries));
            return Err(Ended);
        }
        if self.limits.deadline.is_some_and(|at| Instant::now() >= at) {
            self.note(at, NoteKind::TimeUp);
            return Err(Ended);
        }
        Ok(())
    }

    fn unreadable(&mut self, path: &Path, error: &io::Error) {
        self.note(path, NoteKind::Unreadable(error.to_string()));
    }

    fn note(&mut self, path: &Path, kind: NoteKind) {
        self.found.notes.push(Note {
            path: path.to_path_buf(),
            kind,
        });
    }
}

fn reason(error: Option<&io::Error>) -> String {
    error.map_or_else(
        || "it leads back to itself".to_owned(),
        io::Error::to_string,
    )
}

fn is_named(name: &OsStr, wanted: &str) -> bool {
    name.eq_ignore_ascii_case(wanted)
}

/// Whether a folder of this name is never entered.
#[must_use]
pub fn is_skipped(name: &OsStr) -> bool {
    let bytes = name.as_encoded_bytes();
    SKIPPED_NAMES.iter().any(|skipped| is_named(name, skipped))
        || ends_with(bytes, SNAPSHOT_SUFFIX.as_bytes())
        || matches!(
            bytes.split_at_checked("MTACHECK.".len()),
            Some((stem, number)) if stem.eq_ignore_ascii_case(b"MTACHECK.")
                && number.len() == 3
                && number.iter().all(u8::is_ascii_digit)
        )
}

/// Whether this is the name of an object of an MTA database: `DB`, six hexadecimal digits, `.DAT`.
#[must_use]
pub fn is_object_file(name: &OsStr) -> bool {
    let bytes = name.as_encoded_bytes();
    bytes.len() == 12
        && bytes[..2].eq_ignore_ascii_case(b"DB")
        && bytes[2..8].iter().all(u8::is_ascii_hexdigit)
        && ends_with(bytes, b".DAT")
}

fn ends_with(bytes: &[u8], suffix: &[u8]) -> bool {
    bytes
        .len()
        .checked_sub(suffix.len())
        .is_some_and(|at| bytes[at..].eq_ignore_ascii_case(suffix))
}
