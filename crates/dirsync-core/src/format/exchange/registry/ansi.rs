//! Code page 1252, every byte of it: the five places without a character are read as the control
//! characters of the same number, so that any file can be kept as it is.

use std::borrow::Cow;

use yore::code_pages::CP1252;

use super::RegistryError;

/// The text of bytes.
pub(super) fn decode(bytes: &[u8]) -> String {
    CP1252.decode(bytes).into_owned()
}

/// The bytes of a text.
pub(super) fn encode(text: &str) -> Result<Vec<u8>, RegistryError> {
    CP1252.encode(text).map(Cow::into_owned).map_err(|_| {
        let mut buffer = [0; 4];
        let unknown = text
            .chars()
            .find(|c| CP1252.encode(c.encode_utf8(&mut buffer)).is_err());
        RegistryError::Character(unknown.unwrap_or('\u{FFFD}'))
    })
}
