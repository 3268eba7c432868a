//! Dry runs: the very same work on disks whose changes stay in memory.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use dirsync::cycle::step::real_disk;
use dirsync::transport::far::{Connector, Failure, FailureClass, FarError, FarSide, Local};
use dirsync::tree::disk::trial::TrialDisk;
use dirsync::tree::disk::{Disk, EntryKind};
use dirsync::tree::{Domain, DomainKind, OpenOptions, TreeView};
use dirsync_cli::report::{PlanStep, Side};

/// A tree of the dry run: the trial, and a view that keeps the tree below from being changed.
struct Tree {
    disk: TrialDisk,
    _view: Option<TreeView>,
}

/// The trees of a dry run.
pub(crate) struct Trials {
    trees: RefCell<BTreeMap<String, Tree>>,
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

    /// The trial disk of a tree.
    pub(crate) fn open(&self, path: &str) -> Result<Arc<dyn Disk>, Failure> {
        let mut trees = self.trees.borrow_mut();
        if let Some(tree) = trees.get(path) {
            return Ok(Arc::new(tree.disk.clone()));
        }
        let below = real_disk(path)?;
        let domain = Domain {
            kind: DomainKind::Postoffice,
        };
        let view =
            TreeView::open(Arc::clone(&below), domain, &self.options).map_err(|error| Failure {
                class: FailureClass::Data,
                message: error.to_string(),
                hint: error.hint().map(str::to_owned),
                last: false,
                full: false,
            })?;
        let disk = TrialDisk::new(below);
        let tree = Tree {
            disk: disk.clone(),
            _view: Some(view),
        };
        trees.insert(path.to_owned(), tree);
        Ok(Arc::new(disk))
    }

    /// What the real run would change, tree by tree.
    pub(crate) fn steps(&self) -> Vec<PlanStep> {
        let mut steps = Vec::new();
        for (path, tree) in self.trees.borrow().iter() {
            // What cannot be looked at now could not be changed either.
            for change in tree.disk.changes().unwrap_or_default() {
                steps.push(PlanStep {
                    op: change.word().into(),
                    path: format!("{path}/{}", change.path),
                    before: side(change.before),
                    after: side(change.after),
                });
            }
        }
        steps
    }
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
        Ok(Box::new(Local::new(disk, self.options.clone())))
    }
}
