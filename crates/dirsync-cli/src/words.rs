//! Numbers in sentences.

use std::fmt::Display;

/// `1 request`, `2 requests`: the number with the word that fits it.
#[must_use]
pub fn counted<N: Display + PartialEq + From<u8>>(number: N, one: &str, many: &str) -> String {
    let word = if number == N::from(1) { one } else { many };
    format!("{number} {word}")
}

#[cfg(test)]
mod tests {
    use super::counted;

    #[test]
    fn only_one_is_singular() {
        assert_eq!(counted(0u32, "reply", "replies"), "0 replies");
        assert_eq!(counted(1usize, "reply", "replies"), "1 reply");
        assert_eq!(counted(11u64, "reply", "replies"), "11 replies");
    }
}
