//! Identifiers: 8-digit hexadecimal numbers that name files, and tuple ids.
//!
//! Sources: Q87388 and Q87386 (CONTROL.GLB hands out the numbers), Q87378 and Q87409 (the last
//! digit picks the folder), Q87404 (tuple ids).

use std::fmt;
use std::str::FromStr;

use super::error::{DecodeError, DecodeErrorKind};

pub use super::stem::{MailbagStem, NamedMailbag};

const HEX_DIGITS: &[u8; 16] = b"0123456789ABCDEF";

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

    /// The eight digits as ASCII, in upper case.
    #[must_use]
    pub fn to_ascii(self) -> [u8; 8] {
        let mut digits = [b'0'; 8];
        let mut rest = self.0;
        for digit in digits.iter_mut().rev() {
            *digit = HEX_DIGITS[usize::from(rest.to_le_bytes()[0] & 0xF)];
            rest >>= 4;
        }
        digits
    }

    /// The last digit, which picks the folder: `00000062.MAI` stands in `MAI/MA2` (Q87409).
    #[must_use]
    pub fn last_digit(self) -> char {
        char::from(self.to_ascii()[7])
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

/// Where a message stands: `MAI/MA2/00000062.MAI` (Q87409), with `/` from the tree's root.
#[must_use]
pub fn mai_path(id: HexId) -> String {
    format!("MAI/MA{}/{id}.MAI", id.last_digit())
}

/// Where an attachment stands: `ATT/AT5/00001B45.ATT` (Q87378).
#[must_use]
pub fn att_path(id: HexId) -> String {
    format!("ATT/AT{}/{id}.ATT", id.last_digit())
}

/// Where the envelope of an outgoing message stands: `P1/00000062.P1`.
#[must_use]
pub fn p1_path(id: HexId) -> String {
    format!("P1/{id}.P1")
}

/// The envelope made for the `n`-th destination (from 0): `P1/00000062.PBB`, `.PBC` … `.PZZ`;
/// `None` past the last name. 3.2 and 3.5 never use letters before `B` (Q119642, Q128913), which
/// leaves 25 × 25 names (INFERRED: the second letter starts at B as well).
#[must_use]
pub fn p1_part_path(id: HexId, n: u16) -> Option<String> {
    let letter = |index: u16| u8::try_from(index).ok()?.checked_add(b'B').map(char::from);
    if n >= 625 {
        return None;
    }
    Some(format!("P1/{id}.P{}{}", letter(n / 25)?, letter(n % 25)?))
}

/// The directories and files whose hexadecimal names and fields use up mailbag numbers (DEC-092);
/// the scan takes the highest of all of them.
pub const MAILBAG_NUMBER_HOMES: [&str; 9] = [
    "MBG",
    "KEY",
    "USR",
    "XTN",
    "TPL",
    "INF",
    "MMF",
    "GLB/ACCESS2.GLB",
    "GLB/NETWORK.GLB",
];

/// The number in a file name of the form `<8 digits>.<extension>`, in either case; `None` for
/// any other name. The extension is not looked at.
#[must_use]
pub fn id_of_file_name(name: &str) -> Option<HexId> {
    let (stem, extension) = name.split_once('.')?;
    if extension.is_empty() || extension.contains('.') {
        return None;
    }
    HexId::from_ascii(stem.as_bytes()).ok()
}

/// Whether the counter of CONTROL.GLB cannot be trusted, so that the tree has to be scanned before
/// a number is taken: it is 0, or a file with that number exists (DEC-092).
#[must_use]
pub fn needs_scan(counter: u32, file_exists: bool) -> bool {
    counter == 0 || file_exists
}

/// The number to hand out next: the counter, or one more than the highest number found in use
/// (DEC-092, pof R-NAM-009). The counter to store afterwards is [`counter_after`] of it.
///
/// # Errors
/// `Limit` when every number up to FFFFFFFFh has been used.
pub fn next_number(counter: u32, highest_in_use: Option<HexId>) -> Result<HexId, DecodeError> {
    let above = match highest_in_use {
        None => Some(0),
        Some(HexId(highest)) => highest.checked_add(1),
    };
    above
        .map(|above| HexId(above.max(counter)))
        .filter(|next| next.0 != u32::MAX)
        .ok_or_else(used_up)
}

/// The counter to store in CONTROL.GLB after `taken` has been handed out (Q87386).
///
/// # Errors
/// `Limit` when there is no number after it.
pub fn counter_after(taken: HexId) -> Result<u32, DecodeError> {
    taken.0.checked_add(1).ok_or_else(used_up)
}

fn used_up() -> DecodeError {
    DecodeError::new(
        "CONTROL.GLB",
        0,
        DecodeErrorKind::Limit("file number", u64::from(u32::MAX - 1), u64::from(u32::MAX)),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

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

    // rule: pof:R-NAM-006
    #[test]
    fn files_stand_where_the_articles_say() {
        for (id, path) in [
            (0x62, "MAI/MA2/00000062.MAI"),
            (0xD213, "MAI/MA3/0000D213.MAI"),
            (0x5CC17, "MAI/MA7/0005CC17.MAI"),
            (0x3D90, "MAI/MA0/00003D90.MAI"),
            (0x3CB, "MAI/MAB/000003CB.MAI"),
        ] {
            assert_eq!(mai_path(HexId(id)), path);
        }
        assert_eq!(att_path(HexId(0x1B45)), "ATT/AT5/00001B45.ATT");
        assert_eq!(p1_path(HexId(0x62)), "P1/00000062.P1");
        assert_eq!(
            p1_part_path(HexId(0x62), 0).as_deref(),
            Some("P1/00000062.PBB")
        );
        assert_eq!(
            p1_part_path(HexId(0x62), 624).as_deref(),
            Some("P1/00000062.PZZ")
        );
        assert_eq!(p1_part_path(HexId(0x62), 625), None);
    }

    // rule: pof:R-NAM-002
    #[test]
    fn counters_of_the_article_name_their_files() {
        for (bytes, digits) in [
            ([0x4D, 0x3C, 0x2B, 0x1A], "1A2B3C4D"),
            ([0xC8, 0x2C, 0x2C, 0x1A], "1A2C2CC8"),
            ([0x29, 0x21, 0x2D, 0x1A], "1A2D2129"),
        ] {
            assert_eq!(HexId(u32::from_le_bytes(bytes)).to_string(), digits);
        }
    }

    // rule: dec:DEC-092
    #[test]
    fn a_number_in_use_is_never_handed_out() {
        // Q117738: after a reset to zero users 00000000 to 00000004 were handed out again.
        assert!(needs_scan(0, false));
        assert!(needs_scan(5, true));
        assert!(!needs_scan(5, false));
        assert_eq!(next_number(0, Some(HexId(4))).unwrap(), HexId(5));
        assert_eq!(next_number(9, Some(HexId(4))).unwrap(), HexId(9));
        assert_eq!(next_number(2, None).unwrap(), HexId(2));
        assert!(next_number(1, Some(HexId(u32::MAX))).is_err());
        assert!(next_number(u32::MAX, None).is_err());
        assert_eq!(counter_after(HexId(5)).unwrap(), 6);
        assert!(counter_after(HexId(u32::MAX)).is_err());
    }

    // rule: dec:DEC-092
    #[test]
    fn only_numbered_files_count_in_a_scan() {
        assert_eq!(id_of_file_name("0000001f.key"), Some(HexId(0x1F)));
        for other in [
            "INQUEUE.MBG",
            "00000001",
            "00000001.",
            "0000001.MBG",
            "00000001.MBG.1",
            "ADMIN.NME",
            "",
        ] {
            assert_eq!(id_of_file_name(other), None, "{other}");
        }
    }

    proptest! {
        // rule: pof:R-NAM-001
        #[test]
        fn hexids_round_trip(id: u32, junk: Vec<u8>) {
            prop_assert_eq!(HexId(id).to_string().to_lowercase().parse(), Ok(HexId(id)));
            prop_assert_eq!(HexId(id).to_ascii().to_vec(), HexId(id).to_string().into_bytes());
            if let Ok(read) = HexId::from_ascii(&junk) {
                prop_assert_eq!(read.to_string().into_bytes(), junk.to_ascii_uppercase());
            }
        }

        // rule: dec:DEC-092
        #[test]
        fn the_next_number_is_above_all_in_use(counter: u32, highest: Option<u32>) {
            if let Ok(next) = next_number(counter, highest.map(HexId)) {
                prop_assert!(next.0 >= counter);
                prop_assert!(highest.is_none_or(|highest| next.0 > highest));
                prop_assert!(counter_after(next).is_ok());
            }
        }
    }
}
