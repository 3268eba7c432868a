//! Mailbox names that fit: 1 to 10 bytes of code page 850 with the characters of DEC-095, each once.

use std::collections::{BTreeMap, BTreeSet};

use crate::core::base::codepage::{CodePage, upper_850};
use crate::core::base::collate::plain_letter;

/// Longest mailbox in bytes.
const MAX_BYTES: usize = 10;
/// What a name without any usable character becomes.
const NOBODY: &[u8] = b"user";

/// The names that are taken, without regard to case.
#[derive(Debug, Default)]
pub struct Mailboxes {
    taken: BTreeSet<Vec<u8>>,
    /// The next number to try behind a name.
    next: BTreeMap<Vec<u8>, u32>,
}

fn upper(name: &[u8]) -> Vec<u8> {
    name.iter().map(|&byte| upper_850(byte)).collect()
}

impl Mailboxes {
    /// Notes a name as taken.
    pub fn take(&mut self, name: &[u8]) {
        self.taken.insert(upper(name));
    }

    /// The name itself, or with a number at its end, as much cut as is needed.
    pub fn unique(&mut self, name: Vec<u8>) -> Vec<u8> {
        if !self.taken.contains(&upper(&name)) {
            return name;
        }
        let next = self.next.entry(upper(&name)).or_insert(2);
        loop {
            let number = next.to_string();
            *next = next.saturating_add(1);
            let kept = name.len().min(MAX_BYTES.saturating_sub(number.len()));
            let tried = [&name[..kept], number.as_bytes()].concat();
            if !self.taken.contains(&upper(&tried)) {
                return tried;
            }
        }
    }
}

fn is_valid(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, 0x80..=0x90 | 0x95..)
}

/// A mailbox that can be created: `wanted` with what it cannot hold left out or replaced by the
/// plain letter; without any, made from the full name: first letter of the first word and the last
/// word, in lower case and plain letters (ASSIGNED).
#[must_use]
pub fn fitting(wanted: &str, name: &str) -> Vec<u8> {
    let made = clean(wanted, false);
    if !made.is_empty() {
        return made;
    }
    let words: Vec<&str> = name.split_whitespace().collect();
    let text = match words.as_slice() {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [first, .., last] => first.chars().take(1).chain(last.chars()).collect(),
    };
    let made = clean(&text.to_lowercase(), true);
    if made.is_empty() {
        NOBODY.to_vec()
    } else {
        made
    }
}

/// The usable bytes of a text, at most ten; `plain` folds accents.
fn clean(text: &str, plain: bool) -> Vec<u8> {
    text.chars()
        .filter_map(|character| CodePage::Cp850.encode_char(character))
        .filter_map(|byte| {
            let letter = plain_letter(byte);
            if byte.is_ascii_alphanumeric() || (is_valid(byte) && !(plain && letter.is_some())) {
                // Line drawing and signs of the upper half are legal but nobody can type them.
                (byte.is_ascii() || letter.is_some() || !plain).then_some(byte)
            } else {
                letter
            }
        })
        .take(MAX_BYTES)
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::core::base::address::MailboxName;

    fn made(wanted: &str, name: &str) -> String {
        CodePage::Cp850.decode(&fitting(wanted, name))
    }

    // rule: dec:DEC-095
    #[test]
    fn names_are_made_from_what_is_there() {
        for (wanted, name, expected) in [
            ("pwalker", "Paul Walker", "pwalker"),
            ("paul.walker", "Paul Walker", "paulwalker"),
            ("", "Paul Walker", "pwalker"),
            ("", "Zoë", "zoe"),
            ("zoë", "Zoë", "zoë"),
            ("jörg", "Jörg", "jorg"),
            ("", "Anna Maria van der Bergenhausen", "abergenhau"),
            ("", "李 雷", "user"),
            ("!!", "", "user"),
        ] {
            assert_eq!(made(wanted, name), expected, "{wanted} {name}");
        }
    }

    #[test]
    fn taken_names_get_numbers_and_stay_short() {
        let mut names = Mailboxes::default();
        for expected in ["abcdefghij", "abcdefghi2", "abcdefghi3"] {
            let name = names.unique(b"abcdefghij".to_vec());
            assert_eq!(name, expected.as_bytes());
            names.take(&name);
        }
        names.take(b"ANNA");
        assert_eq!(names.unique(b"anna".to_vec()), b"anna2");
    }

    proptest! {
        // rule: pof:R-CHR-001
        #[test]
        fn whatever_comes_in_a_mailbox_comes_out(wanted in "\\PC{0,20}", name in "\\PC{0,20}", again in 1usize..30) {
            let mut names = Mailboxes::default();
            for _ in 0..again {
                let made = names.unique(fitting(&wanted, &name));
                prop_assert!(MailboxName::new(&made).is_ok(), "{made:?}");
                prop_assert!(!names.taken.contains(&upper(&made)));
                names.take(&made);
            }
        }
    }
}
