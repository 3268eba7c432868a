//! `po-admin upgrade`: trees of an older layout.
//!
//! Version 1 is the only layout that was ever released. Version 0 marks trees of development
//! builds: the same files, only the marker differs (ASSIGNED), so that this way is walked and
//! tested from the beginning. Each migration leads from one older version to the current one in one
//! commit, which also keeps a copy of every file that it changes.

use crate::core::format::layout_txt::{CURRENT_VERSION, FILE_NAME, Layout};
use crate::tree::journal::{CommitInfo, Committed, Plan, Step};
use crate::tree::marker::Marker;
use crate::tree::{RelPath, TreeError, TreeMut, TreeView};

use super::error::PoError;

/// Largest file of which a copy is kept, in bytes.
const COPY_LIMIT: u64 = 256 << 20;
/// Extensions of copies, the first free one is taken.
const COPY_EXTENSIONS: [&str; 10] = [
    "OLD", "OL1", "OL2", "OL3", "OL4", "OL5", "OL6", "OL7", "OL8", "OL9",
];

/// The way from one older version to the current one.
#[derive(Debug, Clone, Copy)]
pub struct Migration {
    /// The older version.
    pub from: u32,
    /// What differs, in one line for the report.
    pub what: &'static str,
    /// The changes, the marker not included.
    pub plan: fn(&TreeView) -> Result<Plan, PoError>,
}

/// One migration for each version before the current one.
pub static MIGRATIONS: &[Migration] = &[Migration {
    from: 0,
    what: "the marker of a development build; all other files are the same",
    plan: |_| Ok(Plan::new()),
}];

/// What an upgrade would do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpgradePlan {
    /// The version the tree has.
    pub from: u32,
    /// The version it gets.
    pub to: u32,
    /// What differs; empty when nothing is to be done.
    pub what: &'static str,
    /// The changes, copies included; empty when the tree is current.
    pub plan: Plan,
}

/// What an upgrade of this tree would do.
///
/// # Errors
/// [`TreeError::Foreign`], or an error of the tree.
pub fn upgrade_plan(view: &TreeView) -> Result<UpgradePlan, PoError> {
    let layout = match view.marker() {
        Marker::Foreign(why) => {
            return Err(TreeError::Foreign {
                tree: view.describe(),
                why: why.to_string(),
            }
            .into());
        }
        Marker::Ours(layout) | Marker::Older(layout) => layout,
    };
    let mut upgrade = UpgradePlan {
        from: layout.version,
        to: CURRENT_VERSION,
        what: "",
        plan: Plan::new(),
    };
    if layout.version >= CURRENT_VERSION {
        return Ok(upgrade);
    }
    let migration = MIGRATIONS
        .iter()
        .find(|migration| migration.from == layout.version)
        .ok_or_else(|| TreeError::OldLayout {
            tree: view.describe(),
            version: layout.version,
            current: CURRENT_VERSION,
        })?;
    upgrade.what = migration.what;
    let mut plan = (migration.plan)(view)?;
    let marker = view.path(&format!("{}/{FILE_NAME}", view.domain().kind.home()))?;
    let new = Layout {
        version: CURRENT_VERSION,
        ..layout.clone()
    };
    plan.replace(marker, new.format().into_bytes())
        .map_err(TreeError::from)?;
    upgrade.plan = with_copies(view, plan)?;
    Ok(upgrade)
}

/// The plan with a copy of every file that it changes.
fn with_copies(view: &TreeView, plan: Plan) -> Result<Plan, PoError> {
    let mut copies = Plan::new();
    for (path, step) in plan.steps() {
        if !matches!(
            step,
            Step::Replace { .. } | Step::Extents { .. } | Step::Remove
        ) {
            continue;
        }
        if let Some(bytes) = view.read_on_disk(path, COPY_LIMIT)? {
            let copy = free_copy_name(view, &plan, path)?;
            copies.replace(copy, bytes).map_err(TreeError::from)?;
        }
    }
    let mut plan = plan;
    plan.merge(&copies).map_err(TreeError::from)?;
    Ok(plan)
}

fn free_copy_name(view: &TreeView, plan: &Plan, path: &RelPath) -> Result<RelPath, PoError> {
    let text = path.as_str();
    let stem = match text.rsplit_once('.') {
        Some((stem, extension)) if !extension.contains('/') => stem,
        _ => text,
    };
    for extension in COPY_EXTENSIONS {
        let candidate = view.path(&format!("{stem}.{extension}"))?;
        if plan.step(&candidate).is_none() && view.stat_on_disk(&candidate)?.is_none() {
            return Ok(candidate);
        }
    }
    Err(PoError::NoNameForCopy {
        tree: view.describe(),
        path: path.clone(),
    })
}

/// What an upgrade did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upgraded {
    /// What was planned under the lock.
    pub planned: UpgradePlan,
    /// The commit; `None` when the tree is current.
    pub committed: Option<Committed>,
}

/// Upgrades a tree that was opened with [`TreeMut::open_for_upgrade`].
///
/// # Errors
/// As [`upgrade_plan`] and [`TreeMut::commit`].
pub fn upgrade(tree: &mut TreeMut, info: &CommitInfo) -> Result<Upgraded, PoError> {
    let planned = upgrade_plan(tree.view())?;
    let mut info = info.clone();
    info.counts.push(("files", planned.plan.len() as u64));
    let committed = tree.commit(&planned.plan, &info)?;
    Ok(Upgraded { planned, committed })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;
    use crate::core::base::UnixTime;
    use crate::core::format::fresh::FreshParams;
    use crate::core::format::layout_txt::TreeId;
    use crate::postoffice::init::InitPlan;
    use crate::tree::disk::Disk;
    use crate::tree::disk::mem::{MemDisk, Survival};
    use crate::tree::{Command, Domain, DomainKind, OpenOptions};

    const DOMAIN: Domain = Domain {
        kind: DomainKind::Postoffice,
    };

    fn options() -> OpenOptions {
        OpenOptions {
            wait: Duration::ZERO,
            ..OpenOptions::default()
        }
    }

    fn info() -> CommitInfo {
        CommitInfo {
            command: Command::Upgrade,
            user: "tester".into(),
            now: UnixTime(0),
            counts: Vec::new(),
        }
    }

    fn tree(version: u32) -> MemDisk {
        let params = FreshParams {
            network: b"NET",
            postoffice: b"PO",
            admin_mailbox: b"Admin",
            admin_full_name: b"Administrator",
            created: "1996-02-12T09:00:00Z".parse().unwrap(),
            zone: "UTC",
            tree_id: TreeId([7; 16]),
            serial: b"",
        };
        let disk = MemDisk::new();
        for file in &InitPlan::new(&params).unwrap().tree().files {
            let mut bytes = file.bytes.clone();
            if file.path.ends_with(FILE_NAME) {
                let text = String::from_utf8(bytes).unwrap();
                bytes = text
                    .replace("version=1", &format!("version={version}"))
                    .into_bytes();
            }
            disk.add_file(&RelPath::new(&file.path).unwrap(), &bytes)
                .unwrap();
        }
        disk
    }

    fn open(disk: &MemDisk) -> Result<TreeMut, TreeError> {
        let disk: Arc<dyn Disk> = Arc::new(disk.clone());
        TreeMut::open_for_upgrade(disk, DOMAIN, &options())
    }

    // rule: dec:2.1
    #[test]
    fn an_older_tree_is_upgraded_in_one_commit_that_keeps_copies() {
        let disk = tree(0);
        let arc: Arc<dyn Disk> = Arc::new(disk.clone());
        let refused = TreeMut::open(arc, DOMAIN, &options()).unwrap_err();
        assert!(matches!(refused, TreeError::OldLayout { version: 0, .. }));
        let mut writer = open(&disk).unwrap();
        let planned = upgrade_plan(writer.view()).unwrap();
        assert_eq!((planned.from, planned.to), (0, 1));
        let targets: Vec<String> = planned.plan.steps().map(|(p, _)| p.to_string()).collect();
        assert_eq!(targets, ["GLB/LAYOUT.OLD", "GLB/LAYOUT.TXT"]);
        let done = upgrade(&mut writer, &info()).unwrap();
        assert!(done.committed.is_some());
        drop(writer);
        // Durable, and a tree like any other.
        let disk = disk.crash(Survival::Nothing);
        let arc: Arc<dyn Disk> = Arc::new(disk.clone());
        let writer = TreeMut::open(arc, DOMAIN, &options()).unwrap();
        let old = writer.view().read("GLB/LAYOUT.OLD", 4096).unwrap().unwrap();
        assert!(String::from_utf8(old).unwrap().contains("version=0"));
        assert_eq!(
            writer.view().marker().layout().unwrap().tree_id,
            TreeId([7; 16])
        );
    }

    #[test]
    fn a_current_tree_is_left_alone_and_a_foreign_one_refused() {
        let disk = tree(1);
        let mut writer = open(&disk).unwrap();
        let before = disk.snapshot();
        let done = upgrade(&mut writer, &info()).unwrap();
        assert_eq!(done.committed, None);
        assert!(done.planned.plan.is_empty());
        assert_eq!(disk.snapshot(), before);
        for version in [2, 999] {
            let disk = tree(version);
            let before = disk.snapshot();
            assert!(matches!(
                open(&disk).unwrap_err(),
                TreeError::Foreign { .. }
            ));
            assert_eq!(disk.snapshot(), before);
        }
    }

    #[test]
    fn copies_never_replace_copies() {
        let disk = tree(0);
        disk.add_file(&RelPath::new("GLB/LAYOUT.OLD").unwrap(), b"first")
            .unwrap();
        let mut writer = open(&disk).unwrap();
        upgrade(&mut writer, &info()).unwrap();
        let read = |name: &str| writer.view().read(name, 4096).unwrap().unwrap();
        assert_eq!(read("GLB/LAYOUT.OLD"), b"first");
        assert!(
            String::from_utf8(read("GLB/LAYOUT.OL1"))
                .unwrap()
                .contains("version=0")
        );
        let disk = tree(0);
        for extension in COPY_EXTENSIONS {
            disk.add_file(
                &RelPath::new(&format!("GLB/LAYOUT.{extension}")).unwrap(),
                b"",
            )
            .unwrap();
        }
        let mut writer = open(&disk).unwrap();
        let error = upgrade(&mut writer, &info()).unwrap_err();
        assert!(matches!(error, PoError::NoNameForCopy { .. }), "{error}");
    }

    // rule: dec:2.1
    #[test]
    fn every_version_before_the_current_one_has_a_way() {
        let from: Vec<u32> = MIGRATIONS.iter().map(|migration| migration.from).collect();
        assert_eq!(from, (0..CURRENT_VERSION).collect::<Vec<_>>());
    }
}
