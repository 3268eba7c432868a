//! Addresses of postoffices as domain-defined attributes: type `MS`, value `NET/PO/MAILBOX` (Q147084).
//!
//! The value is a printable string. Characters that have no place in one are written in round
//! brackets (RFC 1327, RFC 2156): `(a)` @, `(p)` %, `(b)` !, `(q)` ", `(u)` _, `(l)` (, `(r)` ), every other
//! one as three decimal digits of its number in code page 850, so `$SYSTEM` is `(036)SYSTEM`. The code
//! page is ASSIGNED: the RFC ends at ASCII, the names of postoffices do not.

use super::mts_id::is_printable;

/// The attribute type of postoffices' addresses.
pub const MS: &str = "MS";
/// Longest value of a domain-defined attribute in characters (X.411, upper bounds).
pub const VALUE_MAX: usize = 128;

const SHORT: [(u8, u8); 7] = [
    (b'@', b'a'),
    (b'%', b'p'),
    (b'!', b'b'),
    (b'"', b'q'),
    (b'_', b'u'),
    (b'(', b'l'),
    (b')', b'r'),
];

/// The printable string of bytes in code page 850.
#[must_use]
pub fn printable(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for &byte in bytes {
        if let Some(&(_, letter)) = SHORT.iter().find(|(special, _)| *special == byte) {
            text.push('(');
            text.push(char::from(letter));
            text.push(')');
        } else if is_printable(byte) {
            text.push(char::from(byte));
        } else {
            text.push_str(&format!("({byte:03})"));
        }
    }
    text
}

/// The bytes of a printable string; brackets that stand for nothing are taken as they are.
#[must_use]
pub fn unprintable(text: &str) -> Vec<u8> {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let rest = &bytes[at..];
        let (read, len) = match rest {
            [b'(', letter, b')', ..] => {
                let short = SHORT
                    .iter()
                    .find(|(_, short)| short.eq_ignore_ascii_case(letter));
                (short.map(|(special, _)| *special), 3)
            }
            [b'(', digits @ ..] if digits.get(3) == Some(&b')') => {
                let number = digits
                    .get(..3)
                    .filter(|digits| digits.iter().all(u8::is_ascii_digit))
                    .and_then(|digits| std::str::from_utf8(digits).ok())
                    .and_then(|digits| digits.parse::<u8>().ok());
                (number, 5)
            }
            _ => (None, 1),
        };
        match read {
            Some(special) => {
                out.push(special);
                at += len;
            }
            None => {
                out.push(byte);
                at += 1;
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    // rule: std:8
    #[test]
    fn a_dollar_sign_is_written_as_its_number() {
        assert_eq!(printable(b"NET/PO/$SYSTEM"), "NET/PO/(036)SYSTEM");
        assert_eq!(unprintable("NET/PO/(036)SYSTEM"), b"NET/PO/$SYSTEM");
        assert_eq!(printable(b"a@b_%!\"()"), "a(a)b(u)(p)(b)(q)(l)(r)");
        assert_eq!(unprintable("(x)(999)(12)("), b"(x)(999)(12)(");
    }

    proptest! {
        // rule: std:8
        #[test]
        fn any_bytes_come_back_and_all_characters_are_printable(bytes: Vec<u8>) {
            let text = printable(&bytes);
            prop_assert!(text.bytes().all(is_printable));
            prop_assert_eq!(unprintable(&text), bytes);
        }

        #[test]
        fn any_text_is_read(text: String) {
            let _ = unprintable(&text);
        }
    }
}
