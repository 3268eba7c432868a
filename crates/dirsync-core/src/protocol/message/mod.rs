//! The messages between requestor and server, as the state machines see them.
//!
//! Keys, order and subjects are `format::body`; here stands what a message means: who says it, what
//! it asks, which half of a postoffice takes it. The subject is never read (DEC-061, dsp
//! R-MSG-003).
//!
//! | task | from, to | means |
//! |---|---|---|
//! | `reqtx` | requestor, server | my changes; answer from my srvseq on |
//! | `importreq` | requestor, server | all lists; with srvseq above 0 (foreign): updates after it |
//! | `export` | foreign requestor, server | my changes |
//! | `status` | requestor, server | my log |
//! | `srvtx` | server, requestor | what I have taken from you; the changes of others |
//! | `importrep` | server, requestor | the same with all lists |

mod dispatch;
mod incoming;
mod outgoing;
mod party;
#[cfg(test)]
mod published;
mod text;

pub use dispatch::{Disposition, Half, Route, route};
pub use incoming::{Incoming, Reply, Request, RequestKind, Secret};
pub use outgoing::{Attachment, Outgoing};
pub use party::{NamedParty, Party, TypeList};
pub use text::{TextEntries, TextEntry, TextFault, text_attachment_head, write_text_entry};
