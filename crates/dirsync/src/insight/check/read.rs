//! Reading for the checker: nothing here fails because one file is odd.
//!
//! A file that is missing, no regular file, unreadable, or longer than anything its format allows
//! reads as absent; the parts on files and sizes report why. Lists are streamed in chunks, so the
//! memory does not depend on their length. Only an error of the whole disk stops a check.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ops::{ControlFlow, Deref};

use crate::core::format::sizes::{Shape, size_rule_for};
use crate::core::format::{FileLayout, FixedRecord};
use crate::tree::disk::{DiskErrorKind, Stat};
use crate::tree::view::{TreeView, ViewEntry, ViewFile};
use crate::tree::{RelPath, TreeError};

pub(super) use crate::tree::disk::EntryKind;

/// Bytes read at a time.
const CHUNK_LEN_BYTES: usize = 64 << 10;

/// A view that remembers what it could not look at.
///
/// What cannot be read for a reason of the system (no permission, a bad sector) reads as absent, like
/// everything odd; but then nothing may be concluded from its absence, so a check with such troubles
/// reports them and offers no repairs at all.
#[derive(Debug)]
pub(super) struct Eyes<'a> {
    view: &'a TreeView,
    /// Path and reason.
    troubles: RefCell<BTreeMap<String, String>>,
}

impl<'a> Eyes<'a> {
    pub(super) fn new(view: &'a TreeView) -> Self {
        Self {
            view,
            troubles: RefCell::new(BTreeMap::new()),
        }
    }

    /// What could not be looked at so far: path and reason.
    pub(super) fn troubles(&self) -> BTreeMap<String, String> {
        self.troubles.borrow().clone()
    }

    fn note(&self, error: &TreeError) {
        let TreeError::Disk { error, .. } = error else {
            return;
        };
        let expected = matches!(
            error.kind,
            DiskErrorKind::NotFound
                | DiskErrorKind::NotRegular(_)
                | DiskErrorKind::NotADirectory
                | DiskErrorKind::LinkInPath
        );
        let mut troubles = self.troubles.borrow_mut();
        if !expected && troubles.len() < super::LISTED_LIMIT {
            troubles.insert(error.path.as_str().to_owned(), error.to_string());
        }
    }
}

impl Deref for Eyes<'_> {
    type Target = TreeView;

    fn deref(&self) -> &TreeView {
        self.view
    }
}

/// Whether an error says something about one path and not about the disk as a whole.
fn is_local(error: &TreeError) -> bool {
    match error {
        TreeError::Disk { error, .. } => !matches!(error.kind, DiskErrorKind::Stopped),
        TreeError::Path(_) | TreeError::TooLarge { .. } => true,
        _ => false,
    }
}

/// The value, or nothing when the error is about this path only.
pub(super) fn lenient<T: Default>(
    view: &Eyes<'_>,
    result: Result<T, TreeError>,
) -> Result<T, TreeError> {
    match result {
        Err(error) if is_local(&error) => {
            view.note(&error);
            Ok(T::default())
        }
        result => result,
    }
}

/// The path on disk of a documented path; the documented one where it cannot be looked up.
pub(super) fn path(view: &Eyes<'_>, logical: &str) -> Result<RelPath, TreeError> {
    match view.path(logical) {
        Err(error) if is_local(&error) => {
            view.note(&error);
            Ok(RelPath::new(logical)?)
        }
        result => result,
    }
}

/// What stands at a documented path.
pub(super) fn stat(view: &Eyes<'_>, logical: &str) -> Result<Option<Stat>, TreeError> {
    lenient(view, view.stat(logical))
}

/// What stands at a path on disk.
pub(super) fn stat_on_disk(view: &Eyes<'_>, path: &RelPath) -> Result<Option<Stat>, TreeError> {
    lenient(view, view.stat_on_disk(path))
}

/// What kind of thing stands at a path on disk.
pub(super) fn kind_on_disk(view: &TreeView, path: &RelPath) -> Option<EntryKind> {
    view.stat_on_disk(path).ok().flatten().map(|stat| stat.kind)
}

/// The greatest length at which a file is still read, in bytes; `None` when its format sets none.
///
/// ASSIGNED: far above what the documented limits and a million names need, far below what makes a
/// check slow.
pub(super) fn limit_bytes(dir: &str, name: &str) -> Option<u64> {
    let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending);
    if dir.eq_ignore_ascii_case("GLB") && is_transaction_file(name) {
        // REQCONF.GLB points into these files with 31 bits.
        return Some(i32::MAX as u64);
    }
    let rule = size_rule_for(dir, name)?;
    Some(match rule.shape {
        Shape::Fixed(len) => len.max(1 << 20),
        Shape::Variable { .. } => 256 << 20,
        Shape::Records { header, record } => {
            let many = ["NME", "USR", "GRP"]
                .iter()
                .any(|list| ending.eq_ignore_ascii_case(list))
                || ["NETPO.GLB", "GALNETPO.GLB"]
                    .iter()
                    .any(|list| name.eq_ignore_ascii_case(list));
            let records: u64 = if name.eq_ignore_ascii_case("GALINDEX.GLB") {
                1 << 25
            } else if many {
                1 << 22
            } else {
                1 << 16
            };
            header + records * record
        }
    })
}

/// Whether a file of `GLB` holds transactions.
pub(super) fn is_transaction_file(name: &str) -> bool {
    [
        "REQTRANS.GLB",
        "SRVTRANS.GLB",
        "USRTRANS.GLB",
        "NMETRANS.GLB",
        "GWTRANS.GLB",
        "MSTTRANS.GLB",
        "RESYNC.GLB",
    ]
    .iter()
    .any(|file| name.eq_ignore_ascii_case(file))
}

/// Opens a file by its path on disk; nothing when it cannot be opened or is longer than `limit`.
pub(super) fn open_on_disk<'v>(
    view: &'v Eyes<'_>,
    path: &RelPath,
    limit: u64,
) -> Result<Option<ViewFile<'v>>, TreeError> {
    let file = lenient(view, view.open_on_disk(path))?;
    Ok(file.filter(|file| file.len() <= limit))
}

/// Opens a documented file, with the limit of its format.
pub(super) fn open<'v>(
    view: &'v Eyes<'_>,
    logical: &str,
) -> Result<Option<ViewFile<'v>>, TreeError> {
    let (dir, name) = logical.rsplit_once('/').unwrap_or(("", logical));
    let limit = limit_bytes(dir, name).unwrap_or(u64::MAX);
    open_on_disk(view, &path(view, logical)?, limit)
}

/// A whole file in memory, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Bytes {
    /// The path on disk.
    pub(super) path: RelPath,
    /// The content.
    pub(super) bytes: Vec<u8>,
}

/// A whole documented file of at most `limit` bytes.
pub(super) fn small(
    view: &Eyes<'_>,
    logical: &str,
    limit: u64,
) -> Result<Option<Bytes>, TreeError> {
    let path = path(view, logical)?;
    small_on_disk(view, path, limit)
}

/// A whole file of at most `limit` bytes, by its path on disk.
pub(super) fn small_on_disk(
    view: &Eyes<'_>,
    path: RelPath,
    limit: u64,
) -> Result<Option<Bytes>, TreeError> {
    let Some(file) = open_on_disk(view, &path, limit)? else {
        return Ok(None);
    };
    let bytes = lenient(view, file.read_all(limit).map(Some))?;
    Ok(bytes.map(|bytes| Bytes { path, bytes }))
}

/// Calls `each` with offset and record for every whole record of a file. The number of whole
/// records, or `None` when the file cannot be read or has no header.
pub(super) fn records_of<H: FixedRecord, R: FixedRecord>(
    view: &Eyes<'_>,
    file: &ViewFile<'_>,
    layout: &FileLayout<H, R>,
    each: &mut dyn FnMut(u64, &R) -> ControlFlow<()>,
) -> Result<Option<u64>, TreeError> {
    let Some(body) = file.len().checked_sub(layout.header_len()) else {
        return Ok(None);
    };
    let record_len = R::SIZE.max(1);
    let count = body / record_len as u64;
    let in_chunk = (CHUNK_LEN_BYTES / record_len).max(1);
    let mut chunk = vec![0u8; in_chunk * record_len];
    let mut done: u64 = 0;
    while done < count {
        let offset = layout.header_len() + done * record_len as u64;
        let wanted = usize::try_from(count - done)
            .unwrap_or(in_chunk)
            .min(in_chunk);
        let buf = &mut chunk[..wanted * record_len];
        let Some(n) = lenient(view, file.read_at(buf, offset).map(Some))? else {
            return Ok(None);
        };
        let whole = n / record_len;
        for (at, bytes) in buf[..whole * record_len]
            .chunks_exact(record_len)
            .enumerate()
        {
            if let Ok(record) = R::view(bytes)
                && each(offset + (at * record_len) as u64, record).is_break()
            {
                return Ok(Some(count));
            }
        }
        if whole < wanted {
            // It became shorter while it was read.
            return Ok(Some(done + whole as u64));
        }
        done += whole as u64;
    }
    Ok(Some(count))
}

/// As [`records_of`] for a documented file.
pub(super) fn records<H: FixedRecord, R: FixedRecord>(
    view: &Eyes<'_>,
    logical: &str,
    layout: &FileLayout<H, R>,
    each: &mut dyn FnMut(u64, &R) -> ControlFlow<()>,
) -> Result<Option<u64>, TreeError> {
    match open(view, logical)? {
        Some(file) => records_of(view, &file, layout, each),
        None => Ok(None),
    }
}

/// All whole records of a documented file with few records (ACCESS, NETWORK, GROUP …), with their
/// offsets being computable from the layout. `None` when the file cannot be read.
pub(super) fn load<H: FixedRecord, R: FixedRecord>(
    view: &Eyes<'_>,
    logical: &str,
    layout: &FileLayout<H, R>,
) -> Result<Option<Vec<R>>, TreeError> {
    let mut all = Vec::new();
    let count = records(view, logical, layout, &mut |_, record: &R| {
        all.push(record.clone());
        ControlFlow::Continue(())
    })?;
    Ok(count.map(|_| all))
}

/// Calls `each` for every entry of a directory on disk, in no order. A directory that cannot be
/// listed has no entries.
pub(super) fn list_on_disk(
    view: &Eyes<'_>,
    dir: &RelPath,
    each: &mut dyn FnMut(ViewEntry),
) -> Result<(), TreeError> {
    lenient(
        view,
        view.list_on_disk(dir, &mut |entry| {
            each(entry);
            ControlFlow::Continue(())
        }),
    )
}
