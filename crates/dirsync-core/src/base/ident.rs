//! Identifiers: 8-digit hexadecimal numbers that name files, and tuple ids.
//!
//! Sources: Q87388 and Q87386 (CONTROL.GLB hands out the numbers), Q87378 and Q87409 (the last
//! digit picks the folder), Q87404 (tuple ids).

use std::fmt;
use std::str::FromStr;

use super::error::{DecodeError, DecodeErrorKind};

/// A number that names files of a postoffice as 8 hexadecimal digits (`00000062.MAI`).
///
/// Written in upper case, read in either case (Q103421).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct HexId(pub u32);

impl HexId {
    /// Reads exactly 8 hexadecimal digits, in either case.
    ///
    /// # Errors
    /// Any other length or character: a corrupt header (Q173099).
    pub fn from_ascii(digits: &[u8]) -> Result<Self, DecodeError> {
        let bad = || {
            DecodeError::new(
                "hexid",
                0,
                DecodeErrorKind::BadText("eight hexadecimal digits are expected"),
            )
        };
        if digits.len() != 8 {
            return Err(bad());
        }
        let mut value = 0u32;
        for &digit in digits {
            let nibble = char::from(digit).to_digit(16).ok_or_else(bad)?;
            value = (value << 4) | nibble;
        }
        Ok(Self(value))
    }

    /// The last digit, which picks the folder: `00000062.MAI` stands in `MAI/MA2` (Q87409).
    #[must_use]
    pub fn last_digit(self) -> char {
        char::from_digit(self.0 & 0xF, 16)
            .unwrap_or('0')
            .to_ascii_uppercase()
    }
}

impl fmt::Display for HexId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08X}", self.0)
    }
}

impl FromStr for HexId {
    type Err = DecodeError;

    fn from_str(s: &str) -> Result<Self, DecodeError> {
        Self::from_ascii(s.as_bytes())
    }
}

/// A tuple id: bound to one incarnation of a name in an address list (Q87404). 0 is never one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Tid(pub u32);

impl fmt::Display for Tid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08X}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // rule: pof:R-NAM-001
    // rule: pof:R-NAM-006
    #[test]
    fn hexids_read_in_both_cases_and_pick_their_folder() {
        let id = HexId::from_str("0000d213").unwrap();
        assert_eq!(id.to_string(), "0000D213");
        assert_eq!(id.last_digit(), '3');
        assert_eq!(HexId(0x0000_03CB).last_digit(), 'B');
        assert!(HexId::from_str("0000000G").is_err());
        assert!(HexId::from_str("ma\\.").is_err());
        assert!(HexId::from_str("+0000001").is_err());
    }
}
