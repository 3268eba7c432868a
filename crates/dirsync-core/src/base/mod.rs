//! The ground floor: types that every other module speaks in.

pub mod error;
pub mod finding;
pub mod ident;

pub use error::{DecodeError, DecodeErrorKind};
pub use finding::{Finding, FindingId, Severity};
pub use ident::{HexId, Tid};
