//! The real file system below one directory.
//!
//! On Linux every path is resolved by the kernel with `openat2` (below the root, no
//! link followed), or name by name where `openat2` is missing; every operation on a name goes
//! through the open parent directory, so that nobody can swap a directory for a link in between.
//!
//! Elsewhere the standard library is used: the same checks, but made before the
//! operation by path, so somebody who changes the tree meanwhile can get around them. macOS and
//! Windows compile; no more is promised there.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(any(test, not(target_os = "linux")))]
#[cfg_attr(
    target_os = "linux",
    allow(unreachable_pub, reason = "compiled for its tests only")
)]
mod plain;

#[cfg(target_os = "linux")]
pub use linux::RealDisk;
#[cfg(not(target_os = "linux"))]
pub use plain::RealDisk;
#[cfg(all(test, target_os = "linux"))]
pub(crate) use plain::RealDisk as PlainDisk;

use super::EntryName;
use crate::path::RelPath;

/// The name of an entry as the system gives it.
fn entry_name(bytes: &[u8]) -> EntryName {
    match std::str::from_utf8(bytes) {
        Ok(name) if RelPath::root().join(name).is_ok() => EntryName::Plain(name.to_owned()),
        _ => EntryName::Strange(bytes.escape_ascii().to_string()),
    }
}
