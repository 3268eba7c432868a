//! Dry runs: the very same work on disks whose changes stay in memory.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use dirsync::cycle::step::real_disk;
use dirsync::exchange::{AGENT, domain_of, shadow_disk};
use dirsync::mta;
use dirsync::transport::far::{Connector, Failure, FarError, FarSide, Local};
use dirsync::tree::OpenOptions;
use dirsync::tree::discover::SHADOW_PATH;
use dirsync::tree::disk::named::NamedDisk;
use dirsync::tree::disk::trial::TrialDisk;
use dirsync::tree::disk::{Disk, EntryKind};
use dirsync_cli::report::{PlanStep, Side};

/// The trees of a dry run, by the directory that was opened. Each keeps the locks it took, so that
/// the trees below stand still until the end.
pub(crate) struct Trials {
    trees: RefCell<BTreeMap<String, TrialDisk>>,
    options: OpenOptions,
}

impl Trials {
    /// Nothing opened yet.
    pub(crate) fn new(options: OpenOptions) -> Self {
        Self {
            trees: RefCell::default(),
            options,
        }
    }

    /// The trial disk of a tree: a postoffice, an Exchange server, or its queue database.
    pub(crate) fn open(&self, path: &str) -> Result<Arc<dyn Disk>, Failure> {
        // A shadow postoffice and a queue database lie on the disk of their server: one trial for
        // all of them.
        if let Some(server) = server_of(path, &SHADOW_PATH) {
            let server = self.open(&server)?;
            return shadow_disk(&server).map_err(|error| Failure::from(&error));
        }
        if let Some(server) = server_of(path, &[mta::HOME]) {
            return self.open(&server);
        }
        if let Some(tree) = self.trees.borrow().get(path) {
            return Ok(Arc::new(tree.clone()));
        }
        let mut below = real_disk(path)?;
        if mta::is_home(Path::new(path)) {
            below = Arc::new(NamedDisk::new(below, mta::HOME));
        }
        let tree = TrialDisk::new(below);
        self.trees
            .borrow_mut()
            .insert(path.to_owned(), tree.clone());
        Ok(Arc::new(tree))
    }

    /// What the real run would change, tree by tree.
    pub(crate) fn steps(&self) -> Vec<PlanStep> {
        let mut steps = Vec::new();
        for (path, tree) in self.trees.borrow().iter() {
            // What cannot be looked at now could not be changed either.
            for change in tree.changes().unwrap_or_default() {
                let below = change.path.to_string();
                // A queue database by itself is shown as it is called.
                let below = match mta::is_home(Path::new(path)) {
                    true => below.trim_start_matches(mta::HOME).trim_start_matches('/'),
                    false => &below,
                };
                steps.push(PlanStep {
                    op: change.word().into(),
                    path: format!("{path}/{below}"),
                    before: side(change.before),
                    after: side(change.after),
                });
            }
        }
        steps
    }
}

/// The Exchange server of a part of it that is named by its path; `part` are the last names.
fn server_of(path: &str, part: &[&str]) -> Option<String> {
    let mut at = Path::new(path);
    for wanted in part.iter().rev() {
        let name = at.file_name()?.to_str()?;
        if !name.eq_ignore_ascii_case(wanted) {
            return None;
        }
        at = at.parent()?;
    }
    let disk = real_disk(at.to_str()?).ok()?;
    (domain_of(disk.as_ref()).ok()? == AGENT).then(|| at.to_string_lossy().into_owned())
}

fn side(stat: Option<(EntryKind, u64)>) -> Side {
    match stat {
        None => Side::Nothing,
        Some((EntryKind::File, len)) => Side::Number(len),
        Some((kind, _)) => Side::Text(kind.word().trim_start_matches("a ").to_owned()),
    }
}

impl Connector for Trials {
    fn connect(&self, path: &str) -> Result<Box<dyn FarSide>, FarError> {
        let disk = self.open(path).map_err(FarError::Failed)?;
        let options = self.options.clone();
        Ok(Box::new(if mta::is_home(Path::new(path)) {
            Local::of_mta(disk, options)
        } else {
            Local::new(disk, options)
        }))
    }
}
