//! Test helper: reads the hex listings of `fixtures/binary/*.hex`.

/// The bytes of a listing whose lines are `offset  b0 b1 …`; lines that start with `#` are comments.
pub(crate) fn listing(text: &str) -> Vec<u8> {
    text.lines()
        .filter(|line| !line.starts_with('#'))
        .flat_map(|line| line.split_whitespace().skip(1))
        .map(|byte| u8::from_str_radix(byte, 16).unwrap())
        .collect()
}

/// The bytes of plain hex digits, white space ignored.
pub(crate) fn digits(text: &str) -> Vec<u8> {
    let nibbles: Vec<u8> = text
        .chars()
        .filter(|c| !c.is_whitespace())
        .map(|c| u8::try_from(c.to_digit(16).unwrap()).unwrap())
        .collect();
    nibbles
        .chunks(2)
        .map(|pair| (pair[0] << 4) | pair[1])
        .collect()
}
