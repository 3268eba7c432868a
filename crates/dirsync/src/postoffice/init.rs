//! `po-admin init`: an empty postoffice.
//!
//! What it is made of comes from [`fresh_postoffice`] (Q135868); how it appears on the disk from
//! [`super::build`]. The plan is what a dry run shows and what the real run makes.

use std::sync::Arc;

use crate::core::format::fresh::{FreshParams, FreshTree, fresh_postoffice};
use crate::tree::disk::Disk;
use crate::tree::journal::Plan;
use crate::tree::view::LOCK_FILE;
use crate::tree::{DomainKind, RelPath, TreeError};

use super::build::{self, BuildOptions, Leavings};
use super::error::PoError;

/// What `init` makes, before it does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InitPlan {
    tree: FreshTree,
}

/// What `init` did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InitReport {
    /// Directories that were made.
    pub directories: usize,
    /// Files that were made, the lock file included.
    pub files: usize,
    /// Bytes in them.
    pub bytes: u64,
    /// What earlier runs that crashed had left beside it.
    pub leavings: Leavings,
}

impl InitPlan {
    /// The plan of a postoffice.
    ///
    /// # Errors
    /// [`PoError::BadParams`].
    pub fn new(params: &FreshParams<'_>) -> Result<Self, PoError> {
        fresh_postoffice(params)
            .map(|tree| Self { tree })
            .map_err(PoError::BadParams)
    }

    /// What the tree consists of.
    #[must_use]
    pub fn tree(&self) -> &FreshTree {
        &self.tree
    }

    /// The same as the plan of a commit, for showing.
    ///
    /// # Errors
    /// Never in practice: the paths are ours.
    pub fn steps(&self) -> Result<Plan, PoError> {
        let mut plan = Plan::new();
        for dir in self.tree.directories {
            plan.mkdir(RelPath::new(dir).map_err(TreeError::from)?)
                .map_err(TreeError::from)?;
        }
        for file in &self.tree.files {
            let path = RelPath::new(&file.path).map_err(TreeError::from)?;
            plan.replace(path, file.bytes.clone())
                .map_err(TreeError::from)?;
        }
        Ok(plan)
    }

    /// Whether the place `name` in `parent` is free; changes nothing.
    ///
    /// # Errors
    /// As [`build::look_at_place`].
    pub fn check_place(&self, parent: &dyn Disk, name: &str) -> Result<(), PoError> {
        build::look_at_place(parent, name).map(|_| ())
    }

    /// Makes the postoffice at the place `name` in `parent`, wholly or not at all.
    ///
    /// # Errors
    /// As [`build::build`].
    pub fn carry_out(
        &self,
        parent: &Arc<dyn Disk>,
        name: &str,
        options: &BuildOptions,
    ) -> Result<InitReport, PoError> {
        let lock = format!("{}/{LOCK_FILE}", DomainKind::Postoffice.home());
        let leavings = build::build(parent, name, &self.tree, &lock, options)?;
        Ok(InitReport {
            directories: self.tree.directories.len(),
            files: self.tree.files.len() + 1,
            bytes: self.tree.files.iter().map(|f| f.bytes.len() as u64).sum(),
            leavings,
        })
    }
}

/// Makes a postoffice at the place `name` in `parent`: [`InitPlan::new`], then
/// [`InitPlan::carry_out`].
///
/// # Errors
/// As those.
pub fn init(
    parent: &Arc<dyn Disk>,
    name: &str,
    params: &FreshParams<'_>,
    options: &BuildOptions,
) -> Result<InitReport, PoError> {
    InitPlan::new(params)?.carry_out(parent, name, options)
}
