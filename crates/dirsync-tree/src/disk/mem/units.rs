//! Changes of names that are not durable yet, and how they become durable.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::state::{Body, ROOT, State};
use crate::path::RelPath;

/// One atomic change of names: each entry (directory, name) gets an inode or loses it.
#[derive(Debug, Clone, Default)]
pub(super) struct Unit {
    pub(super) entries: BTreeMap<(u64, Arc<str>), Option<u64>>,
}

impl State {
    /// Makes every unit that touches `dir` durable.
    pub(super) fn sync_dir(&mut self, dir: u64) {
        let chosen: Vec<bool> = self
            .units
            .iter()
            .map(|unit| unit.entries.keys().any(|(other, _)| *other == dir))
            .collect();
        self.settle_units(&chosen);
    }

    /// Makes the chosen units durable, in order, and with each of them the earlier units that
    /// changed one of its entries: a later change of the same entry cannot reach the medium
    /// without the earlier one, and a rename is one unit, so its other half comes along. Without
    /// that, `rename A to B` and `rename B to C` could leave both A and C.
    pub(super) fn settle_units(&mut self, chosen: &[bool]) {
        let mut chosen = chosen.to_vec();
        let mut needed: BTreeSet<&(u64, Arc<str>)> = BTreeSet::new();
        for (unit, chosen) in self.units.iter().zip(chosen.iter_mut()).rev() {
            *chosen |= unit.entries.keys().any(|entry| needed.contains(entry));
            if *chosen {
                needed.extend(unit.entries.keys());
            }
        }
        let mut pending = Vec::new();
        for (unit, chosen) in std::mem::take(&mut self.units).into_iter().zip(chosen) {
            if !chosen {
                pending.push(unit);
                continue;
            }
            for ((dir, name), ino) in unit.entries {
                if let Some(Body::Dir { durable, .. }) =
                    self.inodes.get_mut(&dir).map(|inode| &mut inode.body)
                {
                    match ino {
                        Some(ino) => durable.insert(name, ino),
                        None => durable.remove(&name),
                    };
                }
            }
        }
        self.units = pending;
    }

    /// Makes the names on the way to `path` durable, and `path` itself where it is a file.
    pub(super) fn settle_path(&mut self, path: &RelPath) {
        let mut dirs = BTreeSet::from([ROOT]);
        let mut next = path.parent();
        while let Some(dir) = next {
            dirs.extend(self.dir(&dir));
            next = dir.parent();
        }
        let chosen: Vec<bool> = self
            .units
            .iter()
            .map(|unit| unit.entries.keys().any(|(dir, _)| dirs.contains(dir)))
            .collect();
        self.settle_units(&chosen);
        if let Some(inode) = self
            .entry(path)
            .ok()
            .and_then(|ino| self.inodes.get_mut(&ino))
        {
            inode.durable_attrs = inode.attrs;
            if let Body::File(content) = &mut inode.body {
                content.sync();
            }
        }
    }

    /// Whether a power cut could lose anything.
    pub(super) fn is_dirty(&self) -> bool {
        !self.units.is_empty()
            || self.inodes.values().any(|inode| {
                inode.attrs != inode.durable_attrs
                    || matches!(&inode.body, Body::File(content) if content.is_dirty())
            })
    }

    /// Makes everything durable.
    pub(super) fn settle(&mut self) {
        let all = vec![true; self.units.len()];
        self.settle_units(&all);
        for inode in self.inodes.values_mut() {
            inode.durable_attrs = inode.attrs;
            if let Body::File(content) = &mut inode.body {
                content.sync();
            }
        }
        self.collect();
    }
}
