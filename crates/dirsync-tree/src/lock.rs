//! Locks: one writer per commit domain, many readers, and a name for whoever is in the way.
//!
//! The lock is an advisory `flock` on `TREE.LCK` (DEC-105). The file is never renamed or removed;
//! the death of the holder releases it. Its content names the holder and is information only.

use std::time::{Duration, Instant};

use crate::disk::{
    Disk, DiskError, DiskErrorKind, DiskOp, DiskResult, LockGuard, LockKind, ReadHandle,
};
use crate::error::TreeError;
use crate::path::RelPath;

/// Longest content of a lock file that is read, in bytes.
const NOTE_LIMIT: usize = 2048;
/// Longest pause between two attempts.
const PAUSE_LIMIT: Duration = Duration::from_millis(100);

/// Who takes a lock: the lines of `TREE.LCK` (DEC-105).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Holder {
    /// Program and sub-command.
    pub program: String,
    /// Process number.
    pub pid: u32,
    /// Name of the machine.
    pub host: String,
    /// Since when, RFC 3339.
    pub since: String,
    /// Mailbox of the administrator, where known.
    pub mailbox: String,
    /// Full name of the administrator, where known.
    pub fullname: String,
}

impl Holder {
    /// The text of the lock file: one `key=value` a line, CR LF.
    #[must_use]
    pub fn note(&self) -> String {
        let clean = |text: &str| text.replace(['\r', '\n'], " ");
        format!(
            "program={}\r\npid={}\r\nhost={}\r\nsince={}\r\nmailbox={}\r\nfullname={}\r\n",
            clean(&self.program),
            self.pid,
            clean(&self.host),
            clean(&self.since),
            clean(&self.mailbox),
            clean(&self.fullname)
        )
    }

    /// Reads the lines of a lock file; unknown lines are skipped. `None` when nothing is named.
    #[must_use]
    pub fn from_note(text: &str) -> Option<Self> {
        let mut holder = Self::default();
        let mut any = false;
        for line in text.lines() {
            let Some((key, value)) = line.split_once('=') else {
                continue;
            };
            any = true;
            match key {
                "program" => value.clone_into(&mut holder.program),
                "pid" => holder.pid = value.parse().unwrap_or(0),
                "host" => value.clone_into(&mut holder.host),
                "since" => value.clone_into(&mut holder.since),
                "mailbox" => value.clone_into(&mut holder.mailbox),
                "fullname" => value.clone_into(&mut holder.fullname),
                _ => {}
            }
        }
        (any && !holder.program.is_empty()).then_some(holder)
    }

    /// One sentence for a message.
    #[must_use]
    pub fn sentence(&self) -> String {
        let mut out = format!("held by `{}`", self.program);
        if self.pid != 0 {
            out.push_str(&format!(" (process {}", self.pid));
            if !self.host.is_empty() {
                out.push_str(&format!(" on {}", self.host));
            }
            out.push(')');
        }
        if !self.since.is_empty() {
            out.push_str(&format!(" since {}", self.since));
        }
        out
    }
}

/// Takes a lock, waiting up to `wait` for other holders.
///
/// `create` makes a missing lock file; without it a missing file gives `Ok(None)`: there is nothing
/// to lock (a reader of a tree that was never written).
///
/// # Errors
/// [`TreeError::Busy`] naming the holder, or a disk error.
pub fn acquire(
    disk: &dyn Disk,
    path: &RelPath,
    kind: LockKind,
    wait: Duration,
    create: bool,
) -> Result<Option<Box<dyn LockGuard>>, TreeError> {
    let tree = disk.describe();
    let deadline = Instant::now().checked_add(wait);
    let mut pause = Duration::from_millis(5);
    loop {
        match disk.try_lock(path, kind, create) {
            Ok(Some(guard)) => {
                // A file that lost its name while we waited protects nothing: another process may
                // have made and locked a new one.
                if guard
                    .still_named()
                    .map_err(|error| TreeError::disk(&tree, error))?
                {
                    return Ok(Some(guard));
                }
            }
            Ok(None) => {}
            Err(error) if error.kind == DiskErrorKind::NotFound && !create => return Ok(None),
            Err(error) => return Err(TreeError::disk(&tree, error)),
        }
        if deadline.is_none_or(|deadline| Instant::now() < deadline) {
            std::thread::sleep(pause);
            pause = (pause * 2).min(PAUSE_LIMIT);
        } else {
            return Err(TreeError::Busy {
                holder: read_holder(disk, path).map_or_else(
                    || "another program holds its lock".to_owned(),
                    |holder| holder.sentence(),
                ),
                tree,
            });
        }
    }
}

/// Who the lock file names, whether or not the lock is held.
#[must_use]
pub fn read_holder(disk: &dyn Disk, path: &RelPath) -> Option<Holder> {
    let file = disk.open_read(path).ok()?;
    let mut buf = vec![0u8; NOTE_LIMIT];
    let len = read_full(file.as_ref(), &mut buf, 0).ok()?;
    Holder::from_note(&String::from_utf8_lossy(&buf[..len]))
}

/// Reads until `buf` is full or the file ends; the number of bytes read.
pub(crate) fn read_full(file: &dyn ReadHandle, buf: &mut [u8], offset: u64) -> DiskResult<usize> {
    let mut done = 0usize;
    while done < buf.len() {
        let at = offset
            .checked_add(done as u64)
            .ok_or_else(|| DiskError::new(DiskOp::ReadAt, &RelPath::root(), DiskErrorKind::Io))?;
        let n = file.read_at(&mut buf[done..], at)?;
        if n == 0 {
            break;
        }
        done += n;
    }
    Ok(done)
}

#[cfg(test)]
mod tests {
    use super::*;

    // rule: dec:DEC-105
    #[test]
    fn the_note_of_a_holder_reads_back() {
        let holder = Holder {
            program: "po-admin check --fix".into(),
            pid: 17,
            host: "lab\r\npid=99".into(),
            since: "2026-11-21T07:00:00Z".into(),
            mailbox: "Admin".into(),
            fullname: "Administrator".into(),
        };
        let back = Holder::from_note(&holder.note()).unwrap();
        assert_eq!(back.pid, 17, "a line break in a value cannot add a line");
        assert_eq!(back.program, holder.program);
        assert!(back.sentence().contains("process 17"));
        assert_eq!(Holder::from_note(""), None);
        assert_eq!(Holder::from_note("garbage\0\u{1}"), None);
    }
}
