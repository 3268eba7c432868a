//! Code pages 437 and 850: bytes of lists, records, bodies and logs to text and back, case
//! pairs, and the escaping of names before they reach a terminal.
//!
//! Text on disk is code page 850 (Q87432, Q103421; DEC-097). 437 is there for what DOS programs
//! with another code page loaded left behind. Both pages give every byte a character, so decoding
//! never fails and never loses anything; encoding can fail and says where.
//!
//! The layout of the low 128 bytes is ASCII with its control characters, not the screen glyphs of
//! the video card. DOCUMENTED: the code page. ASSIGNED: "without regard to case" means the case
//! pairs that code page 850 holds both halves of; accents stay different (the collation of
//! decisions.md 2.18, which folds accents, is `super::collate`).

use std::borrow::Cow;
use std::fmt::{self, Write as _};
use std::str::FromStr;

use yore::code_pages::{CP437, CP850};

pub use super::field::{CpField, Hex8};

/// A single-byte code page of DOS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum CodePage {
    /// The page of the original PC.
    Cp437,
    /// The multilingual page that postoffices use.
    #[default]
    Cp850,
}

impl CodePage {
    /// The character of one byte.
    #[must_use]
    pub fn decode_byte(self, byte: u8) -> char {
        match self {
            Self::Cp437 => CP437.decode_byte(byte),
            Self::Cp850 => CP850.decode_byte(byte),
        }
    }

    /// The byte of one character, `None` when the page has no place for it.
    #[must_use]
    pub fn encode_char(self, character: char) -> Option<u8> {
        match self {
            Self::Cp437 => CP437.encode_char(character),
            Self::Cp850 => CP850.encode_char(character),
        }
    }

    /// The text of bytes; every one of the 256 values has its own character.
    #[must_use]
    pub fn decode(self, bytes: &[u8]) -> String {
        match self {
            Self::Cp437 => CP437.decode(bytes).into_owned(),
            Self::Cp850 => CP850.decode(bytes).into_owned(),
        }
    }

    /// The bytes of a text.
    ///
    /// # Errors
    /// [`Unencodable`] names every character without a place in the page.
    pub fn encode(self, text: &str) -> Result<Vec<u8>, Unencodable> {
        let lossy = self.encode_lossy(text);
        if lossy.replaced.is_empty() {
            Ok(lossy.bytes)
        } else {
            Err(Unencodable {
                page: self,
                characters: lossy.replaced,
            })
        }
    }

    /// The bytes of a text with `?` for every character that has no place in the page, and the
    /// list of what was replaced (DEC-097: only with `--lossy`, and always reported).
    #[must_use]
    pub fn encode_lossy(self, text: &str) -> LossyBytes {
        let mut bytes = Vec::with_capacity(text.len());
        let mut replaced = Vec::new();
        for (position, character) in text.chars().enumerate() {
            bytes.push(self.encode_char(character).unwrap_or_else(|| {
                replaced.push(Replaced {
                    position,
                    character,
                });
                b'?'
            }));
        }
        LossyBytes { bytes, replaced }
    }

    /// The name users type: `850` or `437`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Cp437 => "437",
            Self::Cp850 => "850",
        }
    }
}

impl fmt::Display for CodePage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "code page {}", self.name())
    }
}

impl FromStr for CodePage {
    type Err = UnknownCodePage;

    /// Reads `850`, `cp850` or `ibm850`, in either case, and the same with 437.
    fn from_str(name: &str) -> Result<Self, UnknownCodePage> {
        let lower = name.to_ascii_lowercase();
        let digits = lower
            .strip_prefix("cp")
            .or_else(|| lower.strip_prefix("ibm"))
            .unwrap_or(&lower);
        match digits.trim_start_matches('-') {
            "437" => Ok(Self::Cp437),
            "850" => Ok(Self::Cp850),
            _ => Err(UnknownCodePage(name.to_owned())),
        }
    }
}

/// A code page this project does not know.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("code page {0:?} is unknown; 850 and 437 are known")]
pub struct UnknownCodePage(pub String);

/// A character that has no place in a code page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Replaced {
    /// Which character of the text, from 0; also the offset of the byte that stands for it.
    pub position: usize,
    /// The character itself.
    pub character: char,
}

/// What [`CodePage::encode_lossy`] made of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LossyBytes {
    /// One byte for each character.
    pub bytes: Vec<u8>,
    /// The characters that became `?`, in order.
    pub replaced: Vec<Replaced>,
}

/// A text that a code page cannot hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unencodable {
    /// The page.
    pub page: CodePage,
    /// Every character without a place in it, in order; at least one.
    pub characters: Vec<Replaced>,
}

impl fmt::Display for Unencodable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} has no place for ", self.page)?;
        for (index, replaced) in self.characters.iter().take(3).enumerate() {
            if index > 0 {
                f.write_str(", ")?;
            }
            write!(
                f,
                "U+{:04X} (character {})",
                u32::from(replaced.character),
                replaced.position.saturating_add(1)
            )?;
        }
        match self.characters.len().checked_sub(3) {
            Some(more) if more > 0 => write!(f, " and {more} more"),
            _ => Ok(()),
        }
    }
}

impl std::error::Error for Unencodable {}

/// Lower-case bytes of code page 850 above 7Fh and their upper-case partners.
const PAIRS_850: [(u8, u8); 30] = [
    (0x81, 0x9A),
    (0x82, 0x90),
    (0x83, 0xB6),
    (0x84, 0x8E),
    (0x85, 0xB7),
    (0x86, 0x8F),
    (0x87, 0x80),
    (0x88, 0xD2),
    (0x89, 0xD3),
    (0x8A, 0xD4),
    (0x8B, 0xD8),
    (0x8C, 0xD7),
    (0x8D, 0xDE),
    (0x91, 0x92),
    (0x93, 0xE2),
    (0x94, 0x99),
    (0x95, 0xE3),
    (0x96, 0xEA),
    (0x97, 0xEB),
    (0x9B, 0x9D),
    (0xA0, 0xB5),
    (0xA1, 0xD6),
    (0xA2, 0xE0),
    (0xA3, 0xE9),
    (0xA4, 0xA5),
    (0xC6, 0xC7),
    (0xD0, 0xD1),
    (0xE4, 0xE5),
    (0xE7, 0xE8),
    (0xEC, 0xED),
];

/// The upper-case table, built once at compile time.
const UPPER_850: [u8; 256] = {
    let mut table = [0u8; 256];
    let mut byte = 0u8;
    loop {
        table[byte as usize] = byte.to_ascii_uppercase();
        if byte == u8::MAX {
            break;
        }
        byte += 1;
    }
    let mut pair = 0;
    while pair < PAIRS_850.len() {
        table[PAIRS_850[pair].0 as usize] = PAIRS_850[pair].1;
        pair += 1;
    }
    table
};

/// The upper-case form of a byte of code page 850; bytes without one are their own.
#[must_use]
#[inline]
pub fn upper_850(byte: u8) -> u8 {
    UPPER_850[usize::from(byte)]
}

/// Whether two names in code page 850 are the same without regard to case (Q103421).
#[must_use]
#[inline]
pub fn eq_ignore_case_850(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(&x, &y)| upper_850(x) == upper_850(y))
}

/// A name with everything escaped that could steer a terminal or hide: control characters
/// (`\x1B`), invisible and direction-changing characters (`\u{202E}`), line separators.
///
/// For eyes only: backslashes are left as they are, so the form cannot be read back.
#[must_use]
pub fn escape_for_terminal(text: &str) -> Cow<'_, str> {
    if !text.chars().any(needs_escape) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len().saturating_add(8));
    for character in text.chars() {
        let code = u32::from(character);
        // Writing into a String cannot fail.
        let _ = match (needs_escape(character), code) {
            (false, _) => escaped.write_char(character),
            (true, 0..=0xFF) => write!(escaped, "\\x{code:02X}"),
            (true, _) => write!(escaped, "\\u{{{code:04X}}}"),
        };
    }
    Cow::Owned(escaped)
}

/// [`escape_for_terminal`] of bytes in code page 850.
#[must_use]
pub fn escape_bytes_850(bytes: &[u8]) -> String {
    escape_for_terminal(&CodePage::Cp850.decode(bytes)).into_owned()
}

/// Control characters (C0, DEL, C1), soft hyphen, zero-width, direction and tag characters.
fn needs_escape(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{AD}'
                | '\u{61C}'
                | '\u{180E}'
                | '\u{200B}'..='\u{200F}'
                | '\u{2028}'..='\u{202E}'
                | '\u{2060}'..='\u{206F}'
                | '\u{FEFF}'
                | '\u{FFF9}'..='\u{FFFB}'
                | '\u{E0000}'..='\u{E007F}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const PAGES: [CodePage; 2] = [CodePage::Cp437, CodePage::Cp850];

    // rule: pof:R-CHR-003
    #[test]
    fn all_256_bytes_survive_both_pages() {
        let all: Vec<u8> = (0..=u8::MAX).collect();
        for page in PAGES {
            let text = page.decode(&all);
            assert_eq!(text.chars().count(), 256);
            assert_eq!(page.encode(&text).unwrap(), all);
            for &byte in &all {
                assert_eq!(page.encode_char(page.decode_byte(byte)), Some(byte));
            }
        }
        assert_eq!(CodePage::Cp850.decode(&[0xB5, 0x9D]), "ÁØ");
        assert_eq!(CodePage::Cp437.decode(&[0xB5, 0x9D]), "╡¥");
    }

    // rule: dec:DEC-097
    #[test]
    fn characters_without_a_place_are_reported_and_replaced_only_on_demand() {
        let error = CodePage::Cp850.encode("Łódź 中").unwrap_err();
        assert_eq!(
            error
                .characters
                .iter()
                .map(|r| (r.position, r.character))
                .collect::<Vec<_>>(),
            [(0, 'Ł'), (3, 'ź'), (5, '中')]
        );
        assert_eq!(
            error.to_string(),
            "code page 850 has no place for U+0141 (character 1), U+017A (character 4), U+4E2D (character 6)"
        );
        let lossy = CodePage::Cp850.encode_lossy("Łódź 中");
        assert_eq!(lossy.bytes, b"?\xA2d? ?");
        assert_eq!(lossy.replaced, error.characters);
        // A question mark that was typed is not a replacement.
        assert!(CodePage::Cp850.encode_lossy("Who?").replaced.is_empty());
        let four = CodePage::Cp437.encode("中中中中").unwrap_err().to_string();
        assert!(four.ends_with(" and 1 more"), "{four}");
    }

    // rule: dec:DEC-097
    #[test]
    fn encoding_names_are_read_leniently() {
        assert_eq!("CP850".parse(), Ok(CodePage::Cp850));
        assert_eq!("ibm437".parse(), Ok(CodePage::Cp437));
        assert_eq!("850".parse(), Ok(CodePage::default()));
        assert!("1252".parse::<CodePage>().is_err());
        assert!("cp".parse::<CodePage>().is_err());
    }

    // rule: pof:R-CHR-004
    #[test]
    fn case_pairs_are_those_of_the_characters() {
        for byte in 0..=u8::MAX {
            let character = CodePage::Cp850.decode_byte(byte);
            let mut uppers = character.to_uppercase();
            let expected = match (uppers.next(), uppers.next()) {
                // Dotless i has no partner of its own: I belongs to i.
                (Some(upper), None) if character != 'ı' => {
                    CodePage::Cp850.encode_char(upper).unwrap_or(byte)
                }
                _ => byte,
            };
            assert_eq!(upper_850(byte), expected, "{byte:02X}");
        }
        assert!(eq_ignore_case_850(b"J\x94rg", b"J\x99RG"));
        assert!(!eq_ignore_case_850(b"Jorg", b"J\x94rg"));
        assert!(!eq_ignore_case_850(b"Jorg", b"Jorge"));
    }

    // rule: pof:R-CHR-003
    #[test]
    fn escapes_take_the_sting_out() {
        assert_eq!(escape_for_terminal("Müller, Jörg"), "Müller, Jörg");
        assert!(matches!(
            escape_for_terminal("plain"),
            Cow::Borrowed("plain")
        ));
        assert_eq!(
            escape_for_terminal("a\u{1B}]0;x\u{7}\u{9B}"),
            "a\\x1B]0;x\\x07\\x9B"
        );
        assert_eq!(
            escape_for_terminal("a\u{202E}b\u{200B}"),
            "a\\u{202E}b\\u{200B}"
        );
        assert_eq!(escape_bytes_850(b"a\x00\xF0\x81"), "a\\x00\\xADü");
    }

    proptest! {
        // rule: dec:DEC-097
        #[test]
        fn decode_then_encode_is_the_identity(bytes: Vec<u8>) {
            for page in PAGES {
                prop_assert_eq!(page.encode(&page.decode(&bytes)).unwrap(), bytes.clone());
            }
        }

        // rule: dec:DEC-097
        #[test]
        fn lossy_bytes_keep_place_and_say_what_they_lost(text in "\\PC{0,40}") {
            for page in PAGES {
                let lossy = page.encode_lossy(&text);
                prop_assert_eq!(lossy.bytes.len(), text.chars().count());
                let mut back: Vec<char> = page.decode(&lossy.bytes).chars().collect();
                for replaced in &lossy.replaced {
                    prop_assert_eq!(back[replaced.position], '?');
                    back[replaced.position] = replaced.character;
                }
                prop_assert_eq!(back.into_iter().collect::<String>(), text.clone());
            }
        }

        // rule: pof:R-CHR-003
        #[test]
        fn escaped_text_holds_no_control_character(bytes: Vec<u8>) {
            prop_assert!(!escape_bytes_850(&bytes).chars().any(needs_escape));
        }
    }
}
