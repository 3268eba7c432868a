//! A RESYNC.GLB outside of trees, on its way from the server to a requestor.

use dirsync::core::format::transactions::{Item, Kind, Reader, RecordSource, Trust};
use dirsync::tree::TreeError;
use dirsync::tree::disk::ReadHandle;
use dirsync_cli::failure::Failure;
use dirsync_cli::outside::Place;

use crate::tree;

/// Opens the file; `None` when nothing stands there.
fn open(place: &Place) -> Result<Option<Outside>, TreeError> {
    let shown = place.describe();
    let Some(handle) = place.open()? else {
        return Ok(None);
    };
    let stat = handle.stat();
    let len = stat.map_err(|error| TreeError::disk(&shown, error))?.len;
    Ok(Some(Outside { handle, len, shown }))
}

/// Opens the file; a missing one is a failure.
pub(crate) fn require(place: &Place) -> Result<Outside, Failure> {
    let file = open(place).map_err(|error| tree::of_tree(&error))?;
    file.ok_or_else(|| {
        Failure::data(format!("{} does not exist", place.shown()))
            .hint("`resync-gen create` makes one from the tree of the directory server")
    })
}

/// Whether something else than a RESYNC.GLB would be lost by writing there.
pub(crate) fn holds_something_else(place: &Place) -> Result<bool, TreeError> {
    let Some(file) = open(place)? else {
        return Ok(false);
    };
    if file.len == 0 {
        return Ok(false);
    }
    let mut reader = Reader::new(file, Trust::Network);
    Ok(match reader.next_item() {
        Some(Ok(Item::Record { record, .. })) => record.head.kind != Kind::ResyncHeader,
        Some(Err(error)) => return Err(error),
        _ => true,
    })
}

/// An open file outside of trees.
pub(crate) struct Outside {
    handle: Box<dyn ReadHandle>,
    len: u64,
    shown: String,
}

impl RecordSource for Outside {
    type Error = TreeError;

    fn len_bytes(&self) -> u64 {
        self.len
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, TreeError> {
        self.handle
            .read_at(buffer, offset)
            .map_err(|error| TreeError::disk(&self.shown, error))
    }
}
