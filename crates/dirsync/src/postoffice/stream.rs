//! Files of fixed records, read piece by piece: memory stays the same however long a file is (or
//! says it is), and a file that cannot be read is a finding and not the end.

use std::ops::ControlFlow;

use crate::core::base::finding::{Finding, FindingId, Severity};
use crate::core::format::FixedRecord;
use crate::tree::disk::{DiskError, DiskErrorKind, DiskOp};
use crate::tree::view::ViewFile;
use crate::tree::{TreeError, TreeView};

/// Bytes read at once, about.
const PIECE_BYTES: usize = 64 * 1024;

/// Where findings go.
pub type Report<'a> = dyn FnMut(Finding) + 'a;

/// A file that a reading command needs is there but cannot be read.
pub const UNREADABLE: FindingId = FindingId("file.unreadable");
/// Something that is no regular file stands where a file belongs.
pub const NOT_REGULAR: FindingId = FindingId("file.not-regular");

/// Opens a file by its documented path; what stands in the way is reported. `None` when it is
/// missing or was reported.
///
/// # Errors
/// An error that is not about this one file.
pub(crate) fn open_or_report<'v>(
    view: &'v TreeView,
    path: &str,
    report: &mut Report<'_>,
) -> Result<Option<ViewFile<'v>>, TreeError> {
    match view.open_file(path) {
        Ok(file) => Ok(file),
        Err(error) => report_or_fail(path, error, report).map(|()| None),
    }
}

/// Opens a file that must be there: for those who act on what it says, a missing or unreadable
/// source is never an empty one (design 4.6).
///
/// # Errors
/// A disk error; a missing file is one.
pub(crate) fn open_strict<'v>(view: &'v TreeView, path: &str) -> Result<ViewFile<'v>, TreeError> {
    match view.open_file(path)? {
        Some(file) => Ok(file),
        None => Err(TreeError::disk(
            &view.describe(),
            DiskError::new(DiskOp::OpenRead, &view.path(path)?, DiskErrorKind::NotFound),
        )),
    }
}

/// Reports an error that concerns the file at `path` alone.
///
/// # Errors
/// Any other error.
pub(crate) fn report_or_fail(
    path: &str,
    error: TreeError,
    report: &mut Report<'_>,
) -> Result<(), TreeError> {
    let TreeError::Disk { error: disk, .. } = &error else {
        return Err(error);
    };
    if disk.kind == DiskErrorKind::Stopped {
        return Err(error);
    }
    let id = match disk.kind {
        DiskErrorKind::NotRegular(_) | DiskErrorKind::LinkInPath => NOT_REGULAR,
        _ => UNREADABLE,
    };
    report(Finding {
        id,
        severity: Severity::Error,
        file: path.to_owned(),
        offset: None,
        message: disk.to_string(),
        hint: error.hint().unwrap_or_default().into(),
        repair: None,
    });
    Ok(())
}

/// Calls `each` for the records behind a header of `header_len` bytes with index and byte offset,
/// at most `limit` of them. Returns the number of whole records that the file holds.
///
/// # Errors
/// A disk error.
pub(crate) fn records<R: FixedRecord>(
    file: &ViewFile<'_>,
    header_len: u64,
    limit: u64,
    each: &mut dyn FnMut(u64, u64, &R) -> ControlFlow<()>,
) -> Result<u64, TreeError> {
    let record_len = R::SIZE as u64;
    let total = file.len().saturating_sub(header_len) / record_len;
    let wanted = total.min(limit);
    let per_piece = (PIECE_BYTES / R::SIZE).max(1) as u64;
    let mut buf = Vec::new();
    let mut index = 0u64;
    while index < wanted {
        let count = per_piece.min(wanted - index);
        buf.resize(
            usize::try_from(count * record_len).unwrap_or(PIECE_BYTES),
            0,
        );
        let offset = header_len + index * record_len;
        let n = file.read_at(&mut buf, offset)?;
        for piece in buf[..n].chunks_exact(R::SIZE) {
            let Ok(record) = R::view(piece) else { break };
            if each(index, header_len + index * record_len, record).is_break() {
                return Ok(total);
            }
            index += 1;
        }
        if n < buf.len() {
            // The file became shorter under us: what is left of it was read.
            break;
        }
    }
    Ok(total)
}
