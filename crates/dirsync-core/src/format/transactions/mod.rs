//! Transaction files: REQTRANS, SRVTRANS, MSTTRANS, USRTRANS, NMETRANS, GWTRANS, SRVUPDS, REQUPDS,
//! RESYNC (`.GLB`), and the binary attachments of dirsync mail.
//!
//! No file header; records follow each other. A record is 24 bytes and its text; that a file with
//! one dummy record has 49 or 60 bytes is DOCUMENTED (Q133428, Q110496) and gives the 24.
//! Little-endian (decisions 2.2).
//!
//! | Off | Size | Field | Status |
//! |---|---|---|---|
//! | 0 | 2 | CRC-16 over bytes 2 to 23+length (DEC-011) | width DOCUMENTED, rest ASSIGNED |
//! | 2 | 2 | length of the text, its NUL included, 2-65,535 | ASSIGNED |
//! | 4 | 4 | date of entry, seconds since 1970 UTC | field DOCUMENTED |
//! | 8 | 4 | sync number; 0 in a RESYNC header and in list parts | field DOCUMENTED |
//! | 12 | 1 | kind: 0 transaction, 1 dummy, 2 RESYNC header | ASSIGNED |
//! | 13 | 1 | flags, 0 | ASSIGNED |
//! | 14 | 6 | reserved | ASSIGNED |
//! | 20 | 4 | `DXT1` | ASSIGNED |
//! | 24 | length | text in code page 850, NUL last | form DOCUMENTED |
//!
//! What the text says is the business of `base`; here it is bytes. [`Reader`] walks a file of any
//! size with a bounded buffer and finds its way after damage.

mod checksum;
mod reader;
mod record;
mod resync_header;

pub use checksum::crc16;
pub use reader::{Damage, Item, Reader, RecordSource, Trust};
pub use record::{
    DUMMY_TEXT, HEAD_LEN_BYTES, Kind, MAGIC, PODIAG_DUMMY_TEXT, RECORD_LEN_MAX_BYTES, Record,
    RecordHead, TEXT_MAX_BYTES,
};
pub use resync_header::ResyncHeader;
