//! A server in memory, for tests.

use std::sync::Arc;

use super::init::{self, ExchangeParams};
use crate::core::base::UnixTime;
use crate::core::base::address::PoName;
use crate::core::format::layout_txt::TreeId;
use crate::core::format::mta::Profile;
use crate::tree::RelPath;
use crate::tree::disk::Disk;
use crate::tree::disk::mem::MemDisk;

/// A new server whose connector has this name.
pub(super) fn server(connector: &PoName) -> Arc<dyn Disk> {
    let init = init::plan(&ExchangeParams {
        organization: "Org",
        site: "Site",
        server: "SRV1",
        connector: *connector,
        profile: Profile::V55,
        created: UnixTime(820_454_400).timestamp(),
        zone: "UTC",
        tree_ids: [TreeId([1; 16]), TreeId([2; 16]), TreeId([3; 16])],
    })
    .unwrap();
    let disk = MemDisk::new();
    for dir in &init.tree().directories {
        disk.add_dir(&RelPath::new(dir).unwrap()).unwrap();
    }
    for file in &init.tree().files {
        let path = RelPath::new(&file.path).unwrap();
        disk.add_file(&path, &file.bytes).unwrap();
    }
    let lock = RelPath::new("DXADATA/TREE.LCK").unwrap();
    disk.add_file(&lock, b"").unwrap();
    disk.settle();
    Arc::new(disk)
}
