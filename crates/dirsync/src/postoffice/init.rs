//! `po-admin init`: an empty postoffice; and how any new tree is made.
//!
//! What a postoffice is made of comes from [`fresh_postoffice`] (Q135868), an Exchange server from
//! [`crate::exchange::init`]; how it appears on the disk from [`super::build`]. The plan is what a dry
//! run shows and what the real run makes.

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
    /// Where its lock file goes; that of the first domain where it has several.
    kind: DomainKind,
}

/// How much a new tree is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct InitSize {
    /// Directories.
    pub directories: usize,
    /// Files, the lock file included.
    pub files: usize,
    /// Bytes in them.
    pub bytes: u64,
}

impl InitPlan {
    /// The plan of a postoffice.
    ///
    /// # Errors
    /// [`PoError::BadParams`].
    pub fn new(params: &FreshParams<'_>) -> Result<Self, PoError> {
        fresh_postoffice(params)
            .map(|tree| Self::of(DomainKind::Postoffice, tree))
            .map_err(PoError::BadParams)
    }

    pub(crate) fn of(kind: DomainKind, tree: FreshTree) -> Self {
        Self { tree, kind }
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
        for dir in &self.tree.directories {
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

    /// How much it makes, the lock file included.
    #[must_use]
    pub fn size(&self) -> InitSize {
        InitSize {
            directories: self.tree.directories.len(),
            files: self.tree.files.len() + 1,
            bytes: self.tree.files.iter().map(|f| f.bytes.len() as u64).sum(),
        }
    }

    /// Makes the tree at the place `name` in `parent`, wholly or not at all.
    ///
    /// # Errors
    /// As [`build::build`].
    pub fn carry_out(
        &self,
        parent: &Arc<dyn Disk>,
        name: &str,
        options: &BuildOptions,
    ) -> Result<Leavings, PoError> {
        let lock = format!("{}/{LOCK_FILE}", self.kind.home());
        build::build(parent, name, &self.tree, &lock, options)
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
) -> Result<Leavings, PoError> {
    InitPlan::new(params)?.carry_out(parent, name, options)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::core::format::layout_txt::TreeId;
    use crate::tree::ErrorClass;
    use crate::tree::disk::fault::{Counting, Fault, FaultDisk};
    use crate::tree::disk::mem::{MemDisk, Node, Survival};
    use crate::tree::disk::{EntryKind, LockKind};
    use crate::tree::lock::Holder;

    fn p(text: &str) -> RelPath {
        RelPath::new(text).unwrap()
    }

    fn params() -> FreshParams<'static> {
        FreshParams {
            network: b"POLYNOMIAL",
            postoffice: b"MONTGOMERY",
            admin_mailbox: b"Admin",
            admin_full_name: b"Administrator",
            created: "1996-02-12T09:00:00Z".parse().unwrap(),
            zone: "UTC",
            tree_id: TreeId([7; 16]),
            serial: b"0000-00000",
        }
    }

    fn options(seed: u32) -> BuildOptions {
        BuildOptions {
            wait: Duration::ZERO,
            holder: Holder {
                program: "po-admin init".into(),
                ..Holder::default()
            },
            seed,
        }
    }

    fn make(disk: &MemDisk, name: &str, seed: u32) -> Result<Leavings, PoError> {
        let disk: Arc<dyn Disk> = Arc::new(disk.clone());
        init(&disk, name, &params(), &options(seed))
    }

    /// What stands at `A`: nothing, an empty directory, or the whole tree; anything else fails.
    #[derive(Debug, PartialEq, Eq, Clone, Copy)]
    enum At {
        Missing,
        Empty,
        Whole,
    }

    fn look(disk: &MemDisk) -> At {
        let all = disk.snapshot();
        let below: Vec<_> = all
            .iter()
            .filter(|(path, _)| path.starts_with("A/"))
            .collect();
        if below.is_empty() {
            return if all.contains_key("A") {
                At::Empty
            } else {
                At::Missing
            };
        }
        let plan = InitPlan::new(&params()).unwrap();
        for dir in &plan.tree().directories {
            assert_eq!(all.get(&format!("A/{dir}")), Some(&Node::Dir), "{dir}");
        }
        for file in &plan.tree().files {
            let mode = if file.read_only { 0o444 } else { 0o644 };
            let node = Node::File {
                bytes: file.bytes.clone(),
                mode,
            };
            assert_eq!(
                all.get(&format!("A/{}", file.path)),
                Some(&node),
                "{}",
                file.path
            );
        }
        // The lock file is the one thing more.
        assert_eq!(below.len(), 54 + plan.tree().files.len() + 1);
        At::Whole
    }

    // rule: pof:R-DIR-007
    #[test]
    fn a_postoffice_appears_in_a_missing_place_and_in_an_empty_directory() {
        for empty in [false, true] {
            let disk = MemDisk::new();
            disk.add_file(&p("OTHER/FILE"), b"x").unwrap();
            if empty {
                disk.add_dir(&p("A")).unwrap();
            }
            let leavings = make(&disk, "A", 1).unwrap();
            assert_eq!(look(&disk), At::Whole);
            assert_eq!(InitPlan::new(&params()).unwrap().size().directories, 54);
            assert_eq!(leavings, Leavings::default());
            // Nothing is left beside it, and all of it is durable.
            let after = disk.crash(Survival::Nothing).snapshot();
            assert_eq!(after, disk.snapshot());
            assert!(after.keys().all(|path| !path.starts_with('.')), "{after:?}");
        }
    }

    // rule: pof:R-DIR-003
    #[test]
    fn the_plan_is_what_is_made() {
        let plan = InitPlan::new(&params()).unwrap();
        let steps = plan.steps().unwrap();
        assert_eq!(steps.len(), 54 + plan.tree().files.len());
        let markers = plan.tree().files.iter().filter(|file| {
            file.path.ends_with("/POPULATE.MSM") && file.bytes.len() == 1 && file.read_only
        });
        assert_eq!(markers.count(), 54);
    }

    #[test]
    fn an_occupied_place_is_refused_and_stays() {
        let occupied: [fn(&MemDisk); 4] = [
            |disk| disk.add_file(&p("A"), b"x").unwrap(),
            |disk| disk.add_file(&p("A/x"), b"").unwrap(),
            |disk| disk.add_special(&p("A"), EntryKind::Link).unwrap(),
            |disk| disk.add_special(&p("A"), EntryKind::Fifo).unwrap(),
        ];
        for put in occupied {
            let disk = MemDisk::new();
            put(&disk);
            let before = disk.snapshot();
            let error = make(&disk, "A", 1).unwrap_err();
            assert!(matches!(error, PoError::TargetExists { .. }), "{error}");
            assert_eq!(error.class(), ErrorClass::Refused);
            assert_eq!(disk.snapshot(), before);
        }
        for name in ["", "..", "a/b", "a:b", &"x".repeat(250)] {
            let error = make(&MemDisk::new(), name, 1).unwrap_err();
            assert!(matches!(error, PoError::BadName { .. }), "{name}: {error}");
        }
    }

    #[test]
    fn leavings_of_a_crash_are_swept_and_nothing_else() {
        let disk = MemDisk::new();
        // Stopped half-way, at a working name of its own each time.
        for (seed, at) in [(1, 1), (2, 2), (3, 3), (4, 40), (5, 150), (6, 230)] {
            let stopped = FaultDisk::new(
                Arc::new(disk.clone()),
                Counting::Mutations,
                Some(Fault::StopAt(at)),
            );
            let stopped: Arc<dyn Disk> = Arc::new(stopped);
            // Sweeping is off: the wait would remove the earlier ones.
            let _ = InitPlan::new(&params())
                .and_then(|plan| plan.carry_out(&stopped, &format!("A{seed}"), &options(seed)));
        }
        let names: Vec<String> = disk.snapshot().into_keys().collect();
        assert!(
            names
                .iter()
                .any(|name| name.starts_with(".A4.init-00000004/"))
        );
        // Something of the user's in one of them, and names that only look alike.
        disk.add_file(&p(".A4.init-00000004/GLB/NOTES.TXT"), b"mine")
            .unwrap();
        for alike in [
            ".A4.init-0000000G",
            ".A4.init-123",
            "A4.init-00000004",
            ".A44.init-00000004",
        ] {
            disk.add_dir(&p(alike)).unwrap();
        }
        let disk = disk.kill();
        let leavings = make(&disk, "A4", 9).unwrap();
        assert_eq!(leavings.left, [".A4.init-00000004"]);
        for seed in [1, 2, 3, 5, 6] {
            let leavings = make(&disk, &format!("A{seed}"), 9).unwrap();
            let made_something = seed != 1;
            assert_eq!(leavings.swept.len(), usize::from(made_something), "{seed}");
        }
        let after = disk.snapshot();
        let kept: Vec<_> = after.keys().filter(|path| path.starts_with('.')).collect();
        assert!(
            after.contains_key(".A4.init-00000004/GLB/NOTES.TXT"),
            "{kept:?}"
        );
        for alike in [
            ".A4.init-0000000G",
            ".A4.init-123",
            "A4.init-00000004",
            ".A44.init-00000004",
        ] {
            assert!(after.contains_key(alike), "{alike}");
        }
        assert!(!after.contains_key(".A4.init-00000004/MBG"));
    }

    #[test]
    fn another_build_of_the_same_place_is_waited_for() {
        let disk = MemDisk::new();
        disk.add_dir(&p(".A.init-0000002a/GLB")).unwrap();
        let lock = disk
            .try_lock(
                &p(".A.init-0000002a/GLB/TREE.LCK"),
                LockKind::Exclusive,
                true,
            )
            .unwrap()
            .unwrap();
        let error = make(&disk, "A", 1).unwrap_err();
        assert_eq!(error.class(), ErrorClass::Busy, "{error}");
        assert!(
            disk.snapshot()
                .contains_key(".A.init-0000002a/GLB/TREE.LCK")
        );
        drop(lock);
        let leavings = make(&disk, "A", 1).unwrap();
        assert_eq!(leavings.swept, [".A.init-0000002a"]);
    }

    // rule: pof:R-DIR-007
    #[test]
    fn a_power_cut_at_any_moment_leaves_nothing_or_everything() {
        for empty in [false, true] {
            let before = MemDisk::new();
            if empty {
                before.add_dir(&p("A")).unwrap();
            }
            let old = look(&before);
            let counted = FaultDisk::new(Arc::new(before.fork()), Counting::Mutations, None);
            let arc: Arc<dyn Disk> = Arc::new(counted.clone());
            init(&arc, "A", &params(), &options(1)).unwrap();
            let (mut olds, mut news) = (0, 0);
            // All of the beginning and of the end; the files in between are alike. The fault
            // harness of the workspace tries every one.
            let total = counted.operations();
            for n in (1..10)
                .chain((10..total - 8).step_by(11))
                .chain(total - 8..=total)
            {
                let mem = before.fork();
                let stopped = FaultDisk::new(
                    Arc::new(mem.clone()),
                    Counting::Mutations,
                    Some(Fault::StopAt(n)),
                );
                let arc: Arc<dyn Disk> = Arc::new(stopped);
                let _ = init(&arc, "A", &params(), &options(1));
                for survival in Survival::all(2) {
                    let crashed = mem.crash(survival);
                    match look(&crashed) {
                        At::Whole => news += 1,
                        found => {
                            assert_eq!(found, old, "operation {n}, {survival:?}");
                            olds += 1;
                            // Again, and nothing of the crash is left.
                            make(&crashed, "A", 2).unwrap();
                            assert_eq!(look(&crashed), At::Whole);
                        }
                    }
                    let names = crashed.snapshot();
                    assert!(
                        names.keys().all(|path| !path.starts_with('.')),
                        "operation {n}, {survival:?}"
                    );
                }
            }
            assert!(olds > 50 && news > 0, "{olds} {news}");
        }
    }
}
