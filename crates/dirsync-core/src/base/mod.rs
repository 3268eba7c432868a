//! The ground floor: types that every other module speaks in.

pub mod address;
pub mod catalogue;
pub mod codepage;
pub mod collate;
pub mod error;
pub mod field;
pub mod finding;
pub mod ident;
pub mod keysort;
pub mod logline;
pub mod stem;
pub mod stored_date;
pub mod time;
pub mod transaction;
pub mod zone;

pub use address::{Address, AddressType, FullName, MailboxName, PoName, Scope};
pub use codepage::{CodePage, escape_for_terminal};
pub use error::{DecodeError, DecodeErrorKind};
pub use field::{CpField, Hex8};
pub use finding::{Finding, FindingId, Severity};
pub use ident::{HexId, Tid};
pub use stem::{MailbagStem, NamedMailbag};
pub use time::{DosDateTime, MailDate, UnixTime};
pub use transaction::{Entry, Transaction};
