//! The one order of names, the words of a name and the slots of the Global Address List's index.
//!
//! ASSIGNED (DEC-083, decisions.md 2.15 and 2.18): the vendor's sort tables were never published,
//! so the order is built in. Each byte of code page 850 has a key: letters of both cases, with and
//! without accents, have the upper-case ASCII letter, every other byte itself. Names are compared
//! key by key and, when all keys are equal, byte by byte.
//!
//! A word is a maximal run of letters (ASCII and the accented ones of the table) and digits; its
//! slot in GALINDEX.GLB is its first letter without accent but with its case (Q86375: 52 slots).

use std::cmp::Ordering;

/// The accented letters of each plain letter, upper and lower case apart.
const LETTERS: [(u8, &[u8]); 21] = [
    (b'A', b"\x8E\x8F\x92\xB5\xB6\xB7\xC7"),
    (b'a', b"\x83\x84\x85\x86\x91\xA0\xA6\xC6"),
    (b'C', b"\x80"),
    (b'c', b"\x87"),
    (b'D', b"\xD1"),
    (b'd', b"\xD0"),
    (b'E', b"\x90\xD2\xD3\xD4"),
    (b'e', b"\x82\x88\x89\x8A"),
    (b'f', b"\x9F"),
    (b'I', b"\xD6\xD7\xD8\xDE"),
    (b'i', b"\x8B\x8C\x8D\xA1\xD5"),
    (b'N', b"\xA5"),
    (b'n', b"\xA4"),
    (b'O', b"\x99\x9D\xE0\xE2\xE3\xE5"),
    (b'o', b"\x93\x94\x95\x9B\xA2\xA7\xE4"),
    (b's', b"\xE1"),
    (b'T', b"\xE8"),
    (b't', b"\xE7"),
    (b'U', b"\x9A\xE9\xEA\xEB"),
    (b'u', b"\x81\x96\x97\xA3"),
    (b'y', b"\x98\xEC"),
];

/// The plain letter (case kept) of every byte of code page 850; 0 for bytes that are no letter.
const PLAIN: [u8; 256] = {
    let mut table = [0u8; 256];
    let mut letter = 0u8;
    while letter < 26 {
        table[(b'A' + letter) as usize] = b'A' + letter;
        table[(b'a' + letter) as usize] = b'a' + letter;
        letter += 1;
    }
    let mut row = 0;
    while row < LETTERS.len() {
        let (plain, accented) = LETTERS[row];
        let mut column = 0;
        while column < accented.len() {
            table[accented[column] as usize] = plain;
            column += 1;
        }
        row += 1;
    }
    table[0xED] = b'Y';
    table
};

/// The plain letter of a byte of code page 850, accent folded and case kept; `None` when the byte
/// is no letter.
#[must_use]
#[inline]
pub fn plain_letter(byte: u8) -> Option<u8> {
    match PLAIN[usize::from(byte)] {
        0 => None,
        plain => Some(plain),
    }
}

/// The keys of all bytes.
const KEYS: [u8; 256] = {
    let mut keys = [0u8; 256];
    let mut at = 0;
    let mut byte = 0u8;
    while at < keys.len() {
        keys[at] = match PLAIN[at] {
            0 => byte,
            plain => plain.to_ascii_uppercase(),
        };
        at += 1;
        byte = byte.wrapping_add(1);
    }
    keys
};

/// The key of a byte of code page 850 (decisions.md 2.18); 0 of the byte 0 alone.
#[must_use]
#[inline]
pub fn key(byte: u8) -> u8 {
    KEYS[usize::from(byte)]
}

/// Compares two names in code page 850: key by key, then byte by byte.
///
/// Ties between equal names are broken by the caller: by net/po/mailbox, then by offset in the
/// source list.
#[must_use]
#[inline]
pub fn compare(a: &[u8], b: &[u8]) -> Ordering {
    if a == b {
        return Ordering::Equal;
    }
    compare_folded(a, b).then_with(|| a.cmp(b))
}

/// Compares by keys alone: `Equal` when the names differ in case and accents at most.
#[must_use]
#[inline]
pub fn compare_folded(a: &[u8], b: &[u8]) -> Ordering {
    a.iter()
        .map(|&byte| key(byte))
        .cmp(b.iter().map(|&byte| key(byte)))
}

/// The keys of a word: what entries of GALINDEX.GLB are ordered by inside a slot.
#[must_use]
pub fn fold_word(word: &[u8]) -> Vec<u8> {
    word.iter().map(|&byte| key(byte)).collect()
}

/// Whether a byte belongs to a word: a letter or a digit.
#[must_use]
pub fn is_word_byte(byte: u8) -> bool {
    byte.is_ascii_digit() || plain_letter(byte).is_some()
}

/// The slot letter of a word: A-Z or a-z. `None` for a word that starts with a digit (it stands
/// before slot A) and for an empty one.
#[must_use]
pub fn slot_letter(word: &[u8]) -> Option<u8> {
    word.first().copied().and_then(plain_letter)
}

/// The index of a slot in the offset table of GALINDEX.GLB: A-Z 0-25, a-z 26-51 (order INFERRED).
#[must_use]
pub fn slot_index(letter: u8) -> Option<usize> {
    match letter {
        b'A'..=b'Z' => Some(usize::from(letter - b'A')),
        b'a'..=b'z' => Some(usize::from(letter - b'a') + 26),
        _ => None,
    }
}

/// The words of a name, each with its number from 1.
///
/// Numbers are 16 bits wide in GALINDEX.GLB; a name that held more words would be cut there.
#[must_use]
pub fn words(name: &[u8]) -> Words<'_> {
    Words {
        rest: name,
        number: 0,
    }
}

/// The iterator of [`words`].
#[derive(Debug, Clone)]
pub struct Words<'a> {
    rest: &'a [u8],
    number: u16,
}

impl<'a> Iterator for Words<'a> {
    type Item = (u16, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let start = self.rest.iter().position(|&byte| is_word_byte(byte))?;
        self.number = self.number.checked_add(1)?;
        let run = &self.rest[start..];
        let end = run
            .iter()
            .position(|&byte| !is_word_byte(byte))
            .unwrap_or(run.len());
        let (word, rest) = run.split_at(end);
        self.rest = rest;
        Some((self.number, word))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::codepage::CodePage;
    use proptest::prelude::*;

    /// The table of decisions.md 2.18 as printed there.
    const PRINTED: &str = "C 80 87|U 81 96 97 9A A3 E9 EA EB|E 82 88 89 8A 90 D2 D3 D4|\
        A 83 84 85 86 8E 8F 91 92 A0 A6 B5 B6 B7 C6 C7|I 8B 8C 8D A1 D5 D6 D7 D8 DE|\
        O 93 94 95 99 9B 9D A2 A7 E0 E2 E3 E4 E5|Y 98 EC ED|F 9F|N A4 A5|D D0 D1|S E1|T E7 E8";

    // rule: dec:2.18
    #[test]
    fn keys_are_those_of_the_printed_table() {
        let mut expected: Vec<u8> = (0..=u8::MAX).map(|b| b.to_ascii_uppercase()).collect();
        for row in PRINTED.split('|') {
            let (letter, bytes) = row.split_once(' ').unwrap();
            for byte in bytes.split(' ') {
                let byte = usize::from_str_radix(byte, 16).unwrap();
                expected[byte] = letter.as_bytes()[0];
            }
        }
        let found: Vec<u8> = (0..=u8::MAX).map(key).collect();
        assert_eq!(found, expected);
    }

    // rule: dec:2.15
    #[test]
    fn slots_keep_the_case_of_the_character() {
        for byte in 0..=u8::MAX {
            let character = CodePage::Cp850.decode_byte(byte);
            if let Some(plain) = plain_letter(byte) {
                assert_eq!(
                    plain.is_ascii_uppercase(),
                    character.is_uppercase(),
                    "{byte:02X}"
                );
            }
        }
        assert_eq!(slot_letter(b"\x90mile"), Some(b'E'));
        assert_eq!(slot_letter(b"\x82mile"), Some(b'e'));
        assert_eq!(slot_letter(b"3rd"), None);
        assert_eq!(slot_index(b'A'), Some(0));
        assert_eq!(slot_index(b'z'), Some(51));
        assert_eq!(slot_index(b'3'), None);
    }

    // rule: dec:2.15
    #[test]
    fn words_are_runs_of_letters_and_digits() {
        let name = b"Doe, John D. (2nd-floor) M\x81ller";
        let found: Vec<_> = words(name).collect();
        assert_eq!(
            found,
            [
                (1, &b"Doe"[..]),
                (2, b"John"),
                (3, b"D"),
                (4, b"2nd"),
                (5, b"floor"),
                (6, b"M\x81ller"),
            ]
        );
        assert_eq!(fold_word(b"M\x81ller"), b"MULLER");
        assert_eq!(words(b" -- ").count(), 0);
        assert_eq!(words(b"").count(), 0);
    }

    // rule: dec:DEC-083
    #[test]
    fn case_and_accents_only_break_ties() {
        let mut names: Vec<&[u8]> = vec![
            b"muller",
            b"M\x81ller",
            b"Mullen",
            b"Muller",
            b"mull",
            b"3M",
        ];
        names.sort_by(|a, b| compare(a, b));
        assert_eq!(
            names,
            [
                &b"3M"[..],
                b"mull",
                b"Mullen",
                b"Muller",
                b"M\x81ller",
                b"muller"
            ]
        );
    }

    proptest! {
        // rule: dec:2.18
        #[test]
        fn the_order_is_total(
            a in name(), b in name(), c in name(),
        ) {
            prop_assert_eq!(compare(&a, &b), compare(&b, &a).reverse());
            prop_assert_eq!(compare(&a, &b) == Ordering::Equal, a == b);
            if compare(&a, &b).is_le() && compare(&b, &c).is_le() {
                prop_assert!(compare(&a, &c).is_le());
            }
            prop_assert_eq!(compare_folded(&a, &b), fold_word(&a).cmp(&fold_word(&b)));
            prop_assert_eq!(fold_word(&fold_word(&a)), fold_word(&a));
        }

        // rule: dec:2.15
        #[test]
        fn words_lose_only_what_is_no_word(bytes: Vec<u8>) {
            let joined: Vec<u8> = words(&bytes).flat_map(|(_, word)| word.to_vec()).collect();
            let kept: Vec<u8> = bytes.iter().copied().filter(|&b| is_word_byte(b)).collect();
            prop_assert_eq!(joined, kept);
            for (index, (number, word)) in words(&bytes).enumerate() {
                prop_assert_eq!(usize::from(number), index + 1);
                prop_assert!(!word.is_empty());
            }
        }
    }

    /// Short names over few letters, so that ties and prefixes are common.
    fn name() -> impl Strategy<Value = Vec<u8>> {
        proptest::collection::vec(prop::sample::select(b"aA\x84\x8EbB\xE1s 1".to_vec()), 0..5)
    }
}
