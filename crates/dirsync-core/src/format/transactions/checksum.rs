//! CRC-16 of transaction records (DEC-011): polynomial 1021h, start FFFFh, not reflected, no final
//! XOR; check value of `123456789` = 29B1h. ASSIGNED, only the width of 16 bits was published.

use crc::{CRC_16_IBM_3740, Crc, Table};

const CRC: Crc<u16, Table<16>> = Crc::<u16, Table<16>>::new(&CRC_16_IBM_3740);
const POLYNOMIAL: u16 = 0x1021;
const START: u16 = 0xFFFF;

/// The checksum of `bytes`.
#[must_use]
pub fn crc16(bytes: &[u8]) -> u16 {
    CRC.checksum(bytes)
}

/// Checksums of any part of one buffer in constant time.
///
/// A reader that looks for the next good record after damage may meet a file full of false record
/// starts, each claiming 64 KiB. Checking them one by one would cost thousands of times the file's
/// size; with the remainders of all prefixes each check is a few multiplications.
#[derive(Debug, Default)]
pub(super) struct PrefixChecksums {
    /// Remainder of the first n bytes, started with 0.
    prefixes: Vec<u16>,
}

impl PrefixChecksums {
    /// Prepares for parts of `bytes`.
    pub(super) fn of(bytes: &[u8]) -> Self {
        let mut prefixes = Vec::with_capacity(bytes.len() + 1);
        let mut remainder = 0u16;
        prefixes.push(remainder);
        for &byte in bytes {
            remainder = step(remainder, byte);
            prefixes.push(remainder);
        }
        Self { prefixes }
    }

    /// The checksum of bytes `from` to `to` (exclusive); `None` outside the buffer.
    pub(super) fn part(&self, from: usize, to: usize) -> Option<u16> {
        let length = to.checked_sub(from)?;
        let (&before, &after) = (self.prefixes.get(from)?, self.prefixes.get(to)?);
        // after = part ^ before * x^(8 length), and the start value is one more such term.
        Some(after ^ multiply(before ^ START, power_of_256(length)))
    }
}

const STEP: [u16; 256] = step_table();

const fn step_table() -> [u16; 256] {
    let mut table = [0; 256];
    let mut value: u16 = 0;
    while value < 256 {
        let mut remainder = value << 8;
        let mut bit = 0;
        while bit < 8 {
            remainder = double(remainder);
            bit += 1;
        }
        table[value as usize] = remainder;
        value += 1;
    }
    table
}

fn step(remainder: u16, byte: u8) -> u16 {
    let [high, _] = remainder.to_be_bytes();
    (remainder << 8) ^ STEP[usize::from(high ^ byte)]
}

/// Times x modulo the polynomial.
const fn double(value: u16) -> u16 {
    (value << 1) ^ (if value & 0x8000 == 0 { 0 } else { POLYNOMIAL })
}

/// Product modulo the polynomial.
fn multiply(mut a: u16, mut b: u16) -> u16 {
    let mut product = 0;
    while b != 0 {
        if b & 1 != 0 {
            product ^= a;
        }
        a = double(a);
        b >>= 1;
    }
    product
}

/// x^(8 `exponent`) modulo the polynomial.
fn power_of_256(mut exponent: usize) -> u16 {
    let mut square = 0x0100; // x^8
    let mut power = 1;
    while exponent != 0 {
        if exponent & 1 != 0 {
            power = multiply(power, square);
        }
        square = multiply(square, square);
        exponent >>= 1;
    }
    power
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    // rule: dec:DEC-011
    #[test]
    fn the_check_value_is_29b1() {
        assert_eq!(crc16(b"123456789"), 0x29B1);
    }

    proptest! {
        // rule: dec:DEC-011
        #[test]
        fn checksums_of_parts_agree_with_the_plain_ones(
            bytes in proptest::collection::vec(any::<u8>(), 0..600),
            a: proptest::sample::Index,
            b: proptest::sample::Index,
        ) {
            let (a, b) = (a.index(bytes.len() + 1), b.index(bytes.len() + 1));
            let (from, to) = (a.min(b), a.max(b));
            let prefixes = PrefixChecksums::of(&bytes);
            prop_assert_eq!(prefixes.part(from, to), Some(crc16(&bytes[from..to])));
            prop_assert_eq!(prefixes.part(from, bytes.len() + 1), None);
        }
    }
}
