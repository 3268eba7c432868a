//! The MTA's queue database: objects in files `MTADATA/DB######.DAT` and the bitmap `DBBITMP.DAT`.
//!
//! No byte of Microsoft's files was ever published. The layout here is our own (ASSIGNED,
//! decisions 2.19), behind the published names, numbers, classes and sizes; it is valid only in
//! directories that carry our LAYOUT.TXT.
//!
//! | fact | trust | source |
//! |---|---|---|
//! | an object id is a class byte and a 24-bit number; the file is `DB`, six digits, `.DAT` | DOCUMENTED | Q282780, Q275653 |
//! | one number names one file, whatever the class; number 0 is no object | INFERRED | Q157323, Q177886 |
//! | numbers 000001-000026 are the core, with the sizes of [`core_files`] | DOCUMENTED | Q162384, Q282780 |
//! | a message is a data object and one reference object for each queue it waits on | DOCUMENTED, fan-out INFERRED | Q157323, Q262865, Q163287 |
//! | 03000002 counts the references of all other objects | DOCUMENTED | Q163287 |
//! | a file of 1 byte is free (5.5), a core file of 0 bytes is corrupt | DOCUMENTED | Q178021, Q282780 |
//! | files grow by 2,048 bytes; queues and counts have 8,192 or more | INFERRED | Q162384 |
//! | DBBITMP.DAT has 66,048 bytes and marks a clean stop | DOCUMENTED | Q162384, Q169631 |
//! | everything inside the files | ASSIGNED | decisions 2.19 |
//!
//! What stands where: [`id`] names and numbers, [`core_files`] the 38 core files, [`object`] header and
//! attributes of every object file, [`scan`] reading one in pieces, [`queue`] queue and super queue,
//! [`counts`] reference counts, [`bitmap`] DBBITMP.DAT, [`message`] the two halves of a message,
//! [`event_text`] what events say about objects,
//! [`profile`] the versions 4.0, 5.0 and 5.5.
//!
//! | object | class | kind | attributes |
//! |---|---|---|---|
//! | super queue 000001 | 01 | 5 | 12 members: one value for each queue { u32 id, u8 secured, DN }, in order of creation |
//! | queue | 01 | 1 | 10 DN, 11 secured, 12 members: values of 20-byte entries, joined in value order |
//! | reference counts 000002 | 03 | 4 | 13 { u32 id, u32 count } …, 14 next serial number u64 |
//! | boot object | 06-0C | 0 | none |
//! | reference object | 06 | 2 | 1 MTS-ID, 2 priority, 3 originator, 4 recipients, 5 submit time, 6 kind, 7 subject |
//! | data object | 06 | 3 | 1 MTS-ID, 8 content (the whole X.411 message in BER), 9 content names |
//!
//! A queue's members are its boot objects or its reference objects; data objects are reached through
//! the reference. The members are a cache: every object names its queue, and [`object::Header::serial`]
//! orders them.

pub mod bitmap;
pub mod core_files;
pub mod counts;
pub mod event_text;
pub mod id;
pub mod message;
pub mod object;
pub mod profile;
pub mod queue;
pub mod scan;

pub use core_files::{CORE_FILES, CoreFile};
pub use id::{ObjectId, ObjectNumber};
pub use message::{MessageKind, Priority};
pub use object::{Attribute, Header, Kind, ObjectBuilder, attr};
pub use profile::Profile;
pub use scan::{Keep, Scanned, Scanner};
