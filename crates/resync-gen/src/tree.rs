//! Which trees a `RESYNC.GLB` can be made from.

use std::path::Path;

use dirsync::tree::discover::{Limits, TreeKind, discover};
use dirsync_cli::escape;
use dirsync_cli::failure::Failure;
pub(crate) use dirsync_cli::trees::{entry, info, of_import, of_tree, view, writer};

/// Refuses trees of an Exchange server: what they hold is not read by this version.
///
/// # Errors
/// Exit 5.
pub(crate) fn require_postoffice(path: &Path) -> Result<(), Failure> {
    let limits = Limits {
        depth: 0,
        ..Limits::default()
    };
    let found = discover(path, &limits);
    match found.trees.iter().find(|tree| tree.path == path) {
        Some(tree) if tree.kind != TreeKind::Postoffice => Err(Failure::data(format!(
            "{} is the tree of an Exchange server; this version makes RESYNC.GLB from postoffices only",
            escape::path(path)
        ))
        .hint("on the Exchange server itself the registry value ResyncConnectionRDNs makes one (Q150976)")),
        _ => Ok(()),
    }
}
