//! Text from a disk on its way to a terminal: nothing in it may move the cursor, change colours,
//! turn the direction of writing, or hide.
//!
//! Control characters below 80h and bytes that are no UTF-8 become `\x1B`, other characters that
//! cannot be seen (C1 controls, bidirectional controls, zero-width characters, private use and
//! unassigned ones) become `\u{202E}`. A backslash stays as it is: the result is for eyes.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::path::Path;

use serde::{Serialize, Serializer, ser::SerializeStruct};

/// Whether a character can be shown as it is.
#[must_use]
pub fn is_visible(c: char) -> bool {
    if c.is_ascii() {
        return c == ' ' || c.is_ascii_graphic();
    }
    // The standard library's table of printable characters is behind escape_debug. After another
    // character, combining marks are left alone by it.
    let mut buffer = [b'a', 0, 0, 0, 0];
    let len = 1 + c.encode_utf8(&mut buffer[1..]).len();
    let text = std::str::from_utf8(&buffer[..len]).unwrap_or("");
    text.escape_debug().nth(1) == Some(c)
}

/// The text with everything invisible spelt out.
#[must_use]
pub fn text(text: &str) -> Cow<'_, str> {
    if text.chars().all(is_visible) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        push(&mut out, c);
    }
    Cow::Owned(out)
}

/// As [`text`], but line feeds stay: for texts of our own that quote names.
#[must_use]
pub fn lines(text: &str) -> Cow<'_, str> {
    if text.chars().all(|c| c == '\n' || is_visible(c)) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if c == '\n' {
            out.push(c);
        } else {
            push(&mut out, c);
        }
    }
    Cow::Owned(out)
}

/// Bytes that should be UTF-8 and may not be.
#[must_use]
pub fn bytes(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            push(&mut out, c);
        }
        for byte in chunk.invalid() {
            let _ = write!(out, "\\x{byte:02X}");
        }
    }
    out
}

/// A path, as the operating system spells it.
#[must_use]
pub fn path(path: &Path) -> String {
    bytes(path.as_os_str().as_encoded_bytes())
}

fn push(out: &mut String, c: char) {
    if is_visible(c) {
        out.push(c);
    } else if c.is_ascii() {
        let _ = write!(out, "\\x{:02X}", u32::from(c));
    } else {
        let _ = write!(out, "\\u{{{:X}}}", u32::from(c));
    }
}

/// A text of a file for JSON: a string where the bytes could be decoded, else
/// `{"text","raw_hex"}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DiskText {
    /// The bytes have a meaning.
    Decoded(String),
    /// They have none: what can be made of them, and the bytes.
    Undecodable {
        /// For eyes.
        text: String,
        /// As stored.
        raw: Vec<u8>,
    },
}

impl Serialize for DiskText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Decoded(text) => serializer.serialize_str(text),
            Self::Undecodable { text, raw } => {
                let mut hex = String::with_capacity(raw.len().saturating_mul(2));
                for byte in raw {
                    let _ = write!(hex, "{byte:02x}");
                }
                let mut object = serializer.serialize_struct("DiskText", 2)?;
                object.serialize_field("text", text)?;
                object.serialize_field("raw_hex", &hex)?;
                object.end()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn plain_text_is_not_copied() {
        assert!(matches!(
            text("Größe É ĸ 名前 a\u{301} $SYSTEM \\"),
            Cow::Borrowed(_)
        ));
    }

    #[test]
    fn nothing_invisible_passes() {
        assert_eq!(
            text("a\x1b[31mb\r\n\t\x7f"),
            "a\\x1B[31mb\\x0D\\x0A\\x09\\x7F"
        );
        assert_eq!(text("\u{9b}31m"), "\\u{9B}31m");
        assert_eq!(text("gnp\u{202e}exe"), "gnp\\u{202E}exe");
        for c in [
            '\u{200b}',
            '\u{200e}',
            '\u{200f}',
            '\u{202a}',
            '\u{2066}',
            '\u{2069}',
            '\u{61c}',
            '\u{feff}',
            '\u{2028}',
            '\u{2029}',
            '\u{e000}',
            '\u{ad}',
            '\u{a0}',
            '\u{e0041}',
        ] {
            assert!(!is_visible(c), "{:X}", u32::from(c));
        }
    }

    #[test]
    fn bytes_that_are_no_text_are_spelt_out() {
        assert_eq!(bytes(b"GLB\xff/\x80x"), "GLB\\xFF/\\x80x");
        assert_eq!(path(Path::new("a\nb")), "a\\x0Ab");
        assert_eq!(lines("a\nb\r"), "a\nb\\x0D");
    }

    #[test]
    fn undecodable_text_keeps_its_bytes_in_json() {
        let good = serde_json::to_string(&DiskText::Decoded("Ann".into())).unwrap();
        assert_eq!(good, r#""Ann""#);
        let bad = DiskText::Undecodable {
            text: "A?".into(),
            raw: vec![0x41, 0xFE],
        };
        assert_eq!(
            serde_json::to_string(&bad).unwrap(),
            r#"{"text":"A?","raw_hex":"41fe"}"#
        );
    }

    proptest! {
        #[test]
        fn escaped_text_is_visible_throughout(input in any::<String>(), raw in any::<Vec<u8>>()) {
            prop_assert!(text(&input).chars().all(is_visible));
            prop_assert!(bytes(&raw).chars().all(is_visible));
            prop_assert_eq!(bytes(input.as_bytes()), text(&input));
        }
    }
}
