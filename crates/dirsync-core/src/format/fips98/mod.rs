//! FIPS PUB 98 (= RFC 841) message elements: the syntax of MAI and P1 files.
//!
//! ```text
//! element   = identifier length [qualifier] [property-list] contents
//! identifier: bit 7 = a Property-List element follows, bit 6 = a qualifier follows,
//!             low seven bits = what the element is (bit 6 included)
//! length    : 00-7F the value itself; 81-FF that many octets follow (less 80h), high order first;
//!             80 = indefinite (constructors only), closed by End-of-Constructor `01 00`.
//!             It counts every octet after itself.
//! qualifier : the same number form; 80 = undefined; a long form whose first octet is 0 is
//!             vendor-defined (`82 00 0C` = vendor field 12)
//! ```
//!
//! Status: DOCUMENTED by the standard; that MAI files use it by Q93239 and Q87379. Note that
//! published MAI files keep integers low order first (Q104423); the contents of an Integer are
//! therefore handed out as octets, see [`mai`](super::mai).
//!
//! The reader walks slices and allocates nothing. Nesting is bounded by [`DEPTH_MAX`].

mod read;
#[cfg(test)]
mod tests;
mod write;

pub use read::{Element, Ending, Reader};
pub use write::{Form, Writer, canonical};

/// Deepest nesting a reader follows. ASSIGNED: a MAI needs five levels.
pub const DEPTH_MAX: u8 = 32;

const WHAT: &str = "FIPS 98 element";
/// The octet of an indefinite length and of an undefined qualifier.
const UNDEFINED: u8 = 0x80;
/// Identifier bit: a Property-List element follows.
const HAS_PROPERTIES: u8 = 0x80;
/// Identifier bit: a qualifier follows.
const HAS_QUALIFIER: u8 = 0x40;

/// Element identifiers, property bit left out (R-MAI-004, standards section 6).
pub mod id {
    /// No-Op: legal between elements.
    pub const NO_OP: u8 = 0x00;
    /// End-of-Constructor: closes an indefinite length.
    pub const END_OF_CONSTRUCTOR: u8 = 0x01;
    /// ASCII-String.
    pub const ASCII_STRING: u8 = 0x02;
    /// Boolean: FF is true.
    pub const BOOLEAN: u8 = 0x08;
    /// Unique-ID: wraps a string, a bit string or an integer.
    pub const UNIQUE_ID: u8 = 0x09;
    /// Sequence: ordered elements.
    pub const SEQUENCE: u8 = 0x0A;
    /// Set: elements without order.
    pub const SET: u8 = 0x0B;
    /// Integer: two's complement.
    pub const INTEGER: u8 = 0x20;
    /// Padding.
    pub const PADDING: u8 = 0x21;
    /// Property-List.
    pub const PROPERTY_LIST: u8 = 0x24;
    /// Date: wraps one ASCII-String.
    pub const DATE: u8 = 0x28;
    /// Bit-String; the qualifier counts the unused bits of the last octet.
    pub const BIT_STRING: u8 = 0x43;
    /// Property.
    pub const PROPERTY: u8 = 0x45;
    /// Compressed: wraps one Bit-String.
    pub const COMPRESSED: u8 = 0x46;
    /// Encrypted: wraps one Bit-String.
    pub const ENCRYPTED: u8 = 0x47;
    /// Field of a message.
    pub const FIELD: u8 = 0x4C;
    /// Message.
    pub const MESSAGE: u8 = 0x4D;
    /// Extension.
    pub const EXTENSION: u8 = 0x7E;
    /// Vendor-Defined.
    pub const VENDOR: u8 = 0x7F;
}

/// Qualifiers of the Field element (R-MAI-004, standards section 6).
pub mod field {
    /// From.
    pub const FROM: u64 = 0x01;
    /// Posted-Date.
    pub const POSTED_DATE: u64 = 0x02;
    /// Reply-To.
    pub const REPLY_TO: u64 = 0x03;
    /// Text.
    pub const TEXT: u64 = 0x04;
    /// To.
    pub const TO: u64 = 0x05;
    /// Cc.
    pub const CC: u64 = 0x06;
    /// Subject.
    pub const SUBJECT: u64 = 0x07;
    /// Attachments.
    pub const ATTACHMENTS: u64 = 0x08;
    /// Author.
    pub const AUTHOR: u64 = 0x0C;
    /// Bcc.
    pub const BCC: u64 = 0x0D;
    /// Comments.
    pub const COMMENTS: u64 = 0x10;
    /// Message-ID.
    pub const MESSAGE_ID: u64 = 0x16;
    /// Precedence.
    pub const PRECEDENCE: u64 = 0x18;
    /// Sender.
    pub const SENDER: u64 = 0x22;
}

/// What an identifier says about the contents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The contents are octets.
    Primitive,
    /// The contents are elements.
    Constructor,
    /// Extension and Vendor-Defined: whoever defined it knows.
    Either,
    /// No element of the standard.
    Unknown,
}

impl Kind {
    /// The kind of element `id`, property bit left out.
    #[must_use]
    pub fn of(id: u8) -> Self {
        match id {
            id::NO_OP
            | id::END_OF_CONSTRUCTOR
            | id::ASCII_STRING
            | id::BOOLEAN
            | id::INTEGER
            | id::PADDING
            | id::BIT_STRING => Self::Primitive,
            id::UNIQUE_ID
            | id::SEQUENCE
            | id::SET
            | id::PROPERTY_LIST
            | id::DATE
            | id::PROPERTY
            | id::COMPRESSED
            | id::ENCRYPTED
            | id::FIELD
            | id::MESSAGE => Self::Constructor,
            id::EXTENSION | id::VENDOR => Self::Either,
            _ => Self::Unknown,
        }
    }
}

/// The qualifier of an element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Qualifier {
    /// The value `80`.
    Undefined,
    /// A value of the standard (or of whoever defined the element).
    Value(u64),
    /// A value in the vendor's range: long form, first octet 0.
    Vendor(u64),
}
