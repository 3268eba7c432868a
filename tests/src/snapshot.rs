//! What a directory looks like to the byte: proof that a command changed nothing, or only what it
//! should.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use walkdir::WalkDir;
use xxhash_rust::xxh64::xxh64;

/// One file or directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// `f` file, `d` directory, `l` link, `?` anything else.
    pub kind: char,
    /// Length of a file in bytes.
    pub len: u64,
    /// XXH64 of the bytes of a file, or of the target of a link.
    pub hash: u64,
    /// Permission bits (on Unix), else 1 for read-only.
    pub mode: u32,
    /// Time of the last change. Of a directory too: a file that was made and removed again shows.
    pub modified: SystemTime,
}

/// Everything below a directory, the directory itself as the empty path.
pub type Snapshot = BTreeMap<PathBuf, Entry>;

/// Looks at everything below `dir` without following links.
#[must_use]
pub fn snapshot(dir: &Path) -> Snapshot {
    WalkDir::new(dir)
        .into_iter()
        .map(|entry| {
            let entry = entry.expect("the directory can be walked");
            let path = entry.path();
            let below = path.strip_prefix(dir).unwrap_or(path).to_path_buf();
            let seen = look(path)
                .unwrap_or_else(|error| panic!("cannot look at {}: {error}", path.display()));
            (below, seen)
        })
        .collect()
}

fn look(path: &Path) -> std::io::Result<Entry> {
    let meta = fs::symlink_metadata(path)?;
    let kind = meta.file_type();
    let (kind, bytes) = if kind.is_file() {
        ('f', fs::read(path)?)
    } else if kind.is_dir() {
        ('d', Vec::new())
    } else if kind.is_symlink() {
        let target = fs::read_link(path)?;
        ('l', target.as_os_str().as_encoded_bytes().to_vec())
    } else {
        ('?', Vec::new())
    };
    Ok(Entry {
        kind,
        len: if kind == 'f' { meta.len() } else { 0 },
        hash: xxh64(&bytes, 0),
        mode: mode(&meta),
        modified: meta.modified()?,
    })
}

#[cfg(unix)]
fn mode(meta: &fs::Metadata) -> u32 {
    use std::os::unix::fs::PermissionsExt as _;
    meta.permissions().mode() & 0o7777
}

#[cfg(not(unix))]
fn mode(meta: &fs::Metadata) -> u32 {
    u32::from(meta.permissions().readonly())
}

/// What differs, one line each; empty when nothing does. The time of the root is left out: tests
/// put their own files beside a tree.
#[must_use]
pub fn differences(before: &Snapshot, after: &Snapshot) -> Vec<String> {
    let mut lines = Vec::new();
    for (path, old) in before {
        match after.get(path) {
            None => lines.push(format!("{}: gone", path.display())),
            Some(new) => {
                let mut parts = Vec::new();
                if old.kind != new.kind {
                    parts.push(format!("kind {} -> {}", old.kind, new.kind));
                }
                if old.len != new.len {
                    parts.push(format!("length {} -> {}", old.len, new.len));
                } else if old.hash != new.hash {
                    parts.push("other bytes".to_owned());
                }
                if old.mode != new.mode {
                    parts.push(format!("mode {:o} -> {:o}", old.mode, new.mode));
                }
                if old.modified != new.modified && !path.as_os_str().is_empty() {
                    parts.push("other time".to_owned());
                }
                if !parts.is_empty() {
                    lines.push(format!("{}: {}", path.display(), parts.join(", ")));
                }
            }
        }
    }
    for path in after.keys().filter(|path| !before.contains_key(*path)) {
        lines.push(format!("{}: new", path.display()));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::TestTree;

    #[test]
    fn every_kind_of_change_is_seen() {
        let tree = TestTree::new();
        for name in ["same", "bytes", "longer", "mode", "time", "gone", "kind"] {
            tree.write(&format!("d/{name}"), b"abc");
        }
        tree.write("quiet/x", b"");
        let before = snapshot(tree.path());
        assert_eq!(differences(&before, &snapshot(tree.path())).len(), 0);

        let times: Vec<_> = ["d/bytes", "d"]
            .into_iter()
            .map(|name| {
                (
                    name,
                    fs::metadata(tree.join(name)).unwrap().modified().unwrap(),
                )
            })
            .collect();
        tree.write("d/bytes", b"abd");
        tree.write("d/longer", b"abcd");
        let mut mode = fs::metadata(tree.join("d/mode")).unwrap().permissions();
        mode.set_readonly(true);
        fs::set_permissions(tree.join("d/mode"), mode).unwrap();
        fs::File::open(tree.join("d/time"))
            .unwrap()
            .set_modified(SystemTime::UNIX_EPOCH)
            .unwrap();
        fs::remove_file(tree.join("d/gone")).unwrap();
        fs::remove_file(tree.join("d/kind")).unwrap();
        fs::create_dir(tree.join("d/kind")).unwrap();
        tree.write("d/new", b"");
        // Times that were set back hide nothing but themselves.
        for (name, time) in times {
            fs::File::open(tree.join(name))
                .unwrap()
                .set_modified(time)
                .unwrap();
        }
        // Made and removed again: only the time of the directory tells.
        std::thread::sleep(std::time::Duration::from_millis(20));
        tree.write("quiet/y", b"");
        fs::remove_file(tree.join("quiet/y")).unwrap();

        let found = differences(&before, &snapshot(tree.path()));
        let starts = [
            "d/bytes: other bytes",
            "d/gone: gone",
            "d/kind: kind f -> d",
            "d/longer: length 3 -> 4",
            "d/mode: mode ",
            "d/time: other time",
            "quiet: other time",
            "d/new: new",
        ];
        assert_eq!(found.len(), starts.len(), "{found:#?}");
        for (line, start) in found.iter().zip(starts) {
            assert!(line.starts_with(start), "{line} {start}");
        }
    }
}
