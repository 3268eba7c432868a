//! X.400 messages as two MTAs exchange them: the P1 envelope of X.411 with a P22 content of X.420, in
//! BER.
//!
//! Our data objects hold such a message as their content, so that any decoder of X.400 reads it. The
//! ASN.1 types stand in `ber` (crate `rasn`); [`mts_id`] are identifiers in text, [`message`] the
//! message as the rest of the program sees it, [`carried`] a message of a postoffice inside one, [`dda`]
//! the addresses of postoffices.
//!
//! What is fixed: definite lengths, SETs written in the order of the standard, read in any order.
//! Times are UTCTime `YYMMDDhhmmssZ`; years 70-99 are 19xx, 00-69 are 20xx (ASSIGNED).

pub(crate) mod ber;
pub mod carried;
pub mod dda;
pub mod message;
pub mod mts_id;

pub use message::{Ipm, OrAddress, P1Message, Read};
pub use mts_id::MtsId;
