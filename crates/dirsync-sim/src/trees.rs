//! Small trees on disks in memory, the same every time.

use std::sync::Arc;
use std::time::Duration;

use dirsync::core::format::fresh::FreshParams;
use dirsync::core::format::layout_txt::TreeId;
use dirsync::postoffice::build::BuildOptions;
use dirsync::postoffice::init::InitPlan;
use dirsync::tree::disk::Disk;
use dirsync::tree::disk::mem::{MemDisk, Node};
use dirsync::tree::lock::Holder;
use dirsync::tree::{Domain, DomainKind, OpenOptions, RelPath};

/// The time of every tree made here: 1994-04-07 12:13:52 UTC, the date of the published listing of
/// waiting transactions (Q96060).
pub const CREATED_UNIX_S: u32 = 765_720_832;

/// How trees are opened here: without waiting.
#[must_use]
pub fn options() -> OpenOptions {
    OpenOptions {
        wait: Duration::ZERO,
        ..OpenOptions::default()
    }
}

/// The postoffice domain.
#[must_use]
pub fn postoffice() -> Domain {
    Domain {
        kind: DomainKind::Postoffice,
    }
}

/// What `po-admin init` would make for `network/name`; `number` makes the tree id.
///
/// # Errors
/// Names that are none.
pub fn init_plan(network: &str, name: &str, number: u8) -> Result<InitPlan, String> {
    let created = dirsync::core::base::time::UnixTime(CREATED_UNIX_S).timestamp();
    InitPlan::new(&FreshParams {
        network: network.as_bytes(),
        postoffice: name.as_bytes(),
        admin_mailbox: b"Admin",
        admin_full_name: b"Administrator",
        created,
        zone: "UTC",
        tree_id: TreeId([number; 16]),
        serial: b"0000-00000",
    })
    .map_err(|error| error.to_string())
}

/// Makes a postoffice at `place` below the root of a disk.
///
/// # Errors
/// As the command.
pub fn init(
    disk: &Arc<dyn Disk>,
    place: &str,
    network: &str,
    name: &str,
    number: u8,
) -> Result<(), String> {
    let options = BuildOptions {
        holder: Holder::default(),
        seed: u32::from(number),
        wait: Duration::ZERO,
    };
    init_plan(network, name, number)?
        .carry_out(disk, place, &options)
        .map(|_| ())
        .map_err(|error| error.to_string())
}

/// A disk whose root is a fresh postoffice.
///
/// # Errors
/// Names that are none.
pub fn fresh(network: &str, name: &str, number: u8) -> Result<MemDisk, String> {
    let plan = init_plan(network, name, number)?;
    let disk = MemDisk::new();
    let path = |text: &str| RelPath::new(text).map_err(|error| error.to_string());
    for dir in &plan.tree().directories {
        disk.add_dir(&path(dir)?)
            .map_err(|error| error.to_string())?;
    }
    for file in &plan.tree().files {
        disk.add_file(&path(&file.path)?, &file.bytes)
            .map_err(|error| error.to_string())?;
    }
    disk.add_file(&path("GLB/TREE.LCK")?, b"")
        .map_err(|error| error.to_string())?;
    disk.settle();
    Ok(disk)
}

/// Changes the disk in ways no command would, for damaged trees: removes files, replaces contents.
///
/// # Errors
/// A path that is none.
pub fn damaged(disk: &MemDisk, changes: &[(&str, Option<&[u8]>)]) -> Result<MemDisk, String> {
    let mut nodes = disk.snapshot();
    for (path, content) in changes {
        let below = format!("{path}/");
        nodes.retain(|name, _| name != path && !name.starts_with(&below));
        if let Some(bytes) = content {
            nodes.insert(
                (*path).to_owned(),
                Node::File {
                    bytes: bytes.to_vec(),
                    mode: 0o644,
                },
            );
        }
    }
    let disk = MemDisk::from_snapshot(&nodes).map_err(|error| error.to_string())?;
    disk.settle();
    Ok(disk)
}
