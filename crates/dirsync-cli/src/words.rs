//! Numbers in sentences, and the words of options that are on or off.

use std::fmt::Display;

/// `1 request`, `2 requests`: the number with the word that fits it.
#[must_use]
pub fn counted<N: Display + PartialEq + From<u8>>(number: N, one: &str, many: &str) -> String {
    let word = if number == N::from(1) { one } else { many };
    format!("{number} {word}")
}

/// The value of an option that is on or off, for clap: yes or no in any case, `y`, `on`, `n`, `off`.
///
/// # Errors
/// Another word.
pub fn yes_or_no(text: &str) -> Result<bool, String> {
    match text.to_ascii_lowercase().as_str() {
        "yes" | "y" | "on" => Ok(true),
        "no" | "n" | "off" => Ok(false),
        _ => Err("give yes or no".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::{counted, yes_or_no};

    #[test]
    fn yes_and_no_have_a_few_spellings_and_nothing_else_is_one() {
        for (word, value) in [("yes", true), ("YES", true), ("on", true), ("No", false)] {
            assert_eq!(yes_or_no(word), Ok(value));
        }
        for word in ["", "1", "true", "yes "] {
            assert!(yes_or_no(word).is_err(), "{word:?}");
        }
    }

    #[test]
    fn only_one_is_singular() {
        assert_eq!(counted(0u32, "reply", "replies"), "0 replies");
        assert_eq!(counted(1usize, "reply", "replies"), "1 reply");
        assert_eq!(counted(11u64, "reply", "replies"), "11 replies");
    }
}
