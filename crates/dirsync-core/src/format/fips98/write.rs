//! Writing: elements are appended to a buffer, lengths in their shortest form unless asked else.

use super::{
    DEPTH_MAX, Element, HAS_PROPERTIES, HAS_QUALIFIER, Kind, Qualifier, Reader, UNDEFINED, WHAT, id,
};
use crate::base::{DecodeError, DecodeErrorKind};

/// How a length code is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// In as few octets as possible.
    Shortest,
    /// As `8n` and exactly n octets, 1 to 8.
    Octets(u8),
    /// Indefinite, closed by `01 00`.
    Indefinite,
}

/// Appends elements to a buffer.
#[derive(Debug, Clone, Default)]
pub struct Writer {
    out: Vec<u8>,
}

impl Writer {
    /// An empty writer.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// What was written.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.out
    }

    /// Appends a primitive element without qualifier.
    pub fn primitive(&mut self, id: u8, contents: &[u8]) {
        self.out.push(id);
        put_number(&mut self.out, contents.len() as u64);
        self.out.extend_from_slice(contents);
    }

    /// Appends an ASCII-String.
    pub fn string(&mut self, text: &[u8]) {
        self.primitive(id::ASCII_STRING, text);
    }

    /// Appends an Integer of `octets` octets (at most 8), low order first as in MAI files.
    pub fn little_endian(&mut self, value: u64, octets: usize) {
        let bytes = value.to_le_bytes();
        self.primitive(id::INTEGER, &bytes[..octets.min(bytes.len())]);
    }

    /// Appends an element that holds what `inside` writes; length in its shortest form.
    pub fn element(
        &mut self,
        id: u8,
        qualifier: Option<Qualifier>,
        inside: impl FnOnce(&mut Writer),
    ) {
        let mut inner = Writer::new();
        inside(&mut inner);
        self.raw(id, qualifier, None, &inner.out, Form::Shortest);
    }

    /// Appends a Field that holds one ASCII-String for each of `strings`.
    pub fn field<'s>(&mut self, field: u64, strings: impl IntoIterator<Item = &'s [u8]>) {
        self.element(id::FIELD, Some(Qualifier::Value(field)), |inner| {
            for text in strings {
                inner.string(text);
            }
        });
    }

    /// Appends an element from its parts. `properties` is a whole Property-List element.
    pub fn raw(
        &mut self,
        id: u8,
        qualifier: Option<Qualifier>,
        properties: Option<&[u8]>,
        contents: &[u8],
        form: Form,
    ) {
        let mut identifier = id & !HAS_PROPERTIES;
        if properties.is_some() {
            identifier |= HAS_PROPERTIES;
        }
        let properties = properties.unwrap_or_default();
        let mut head = Vec::new();
        if identifier & HAS_QUALIFIER != 0 {
            put_qualifier(&mut head, qualifier.unwrap_or(Qualifier::Undefined));
        }
        let length = (head.len() + properties.len() + contents.len()) as u64;
        self.out.push(identifier);
        match form {
            Form::Shortest => put_number(&mut self.out, length),
            Form::Octets(octets) => {
                // A length that needs more octets than were asked for gets them.
                let needed = 8 - length.leading_zeros() as usize / 8;
                let octets = usize::from(octets).clamp(needed.max(1), 8);
                self.out.push(UNDEFINED | u8::try_from(octets).unwrap_or(8));
                self.out
                    .extend_from_slice(&length.to_be_bytes()[8 - octets..]);
            }
            Form::Indefinite => self.out.push(UNDEFINED),
        }
        self.out.extend_from_slice(&head);
        self.out.extend_from_slice(properties);
        self.out.extend_from_slice(contents);
        if form == Form::Indefinite {
            self.out.extend_from_slice(&[id::END_OF_CONSTRUCTOR, 0]);
        }
    }
}

/// A length code or a standard qualifier in its shortest form.
fn put_number(out: &mut Vec<u8>, value: u64) {
    match u8::try_from(value) {
        Ok(short) if short < UNDEFINED => out.push(short),
        _ => put_long(out, value, 0),
    }
}

/// The long form, with `zeros` octets 0 in front.
fn put_long(out: &mut Vec<u8>, value: u64, zeros: usize) {
    let octets = value.to_be_bytes();
    let first = octets.iter().position(|&octet| octet != 0).unwrap_or(7);
    let count = zeros + octets.len() - first;
    out.push(UNDEFINED | u8::try_from(count).unwrap_or(9));
    out.extend(std::iter::repeat_n(0, zeros));
    out.extend_from_slice(&octets[first..]);
}

fn put_qualifier(out: &mut Vec<u8>, qualifier: Qualifier) {
    match qualifier {
        Qualifier::Undefined => out.push(UNDEFINED),
        Qualifier::Value(value) => put_number(out, value),
        Qualifier::Vendor(value) => put_long(out, value, 1),
    }
}

/// Writes the elements of `bytes` again: every length definite and shortest, every qualifier in its
/// shortest form. Vendor elements and unknown ones are taken as octets.
///
/// # Errors
/// What a [`Reader`] says about the bytes, nesting beyond [`DEPTH_MAX`] included.
pub fn canonical(bytes: &[u8]) -> Result<Vec<u8>, DecodeError> {
    let mut writer = Writer::new();
    copy_all(Reader::new(bytes), &mut writer, 0)?;
    Ok(writer.into_bytes())
}

fn copy_all(reader: Reader<'_>, writer: &mut Writer, depth: u8) -> Result<(), DecodeError> {
    for element in reader {
        copy(&element?, writer, depth)?;
    }
    Ok(())
}

fn copy(element: &Element<'_>, writer: &mut Writer, depth: u8) -> Result<(), DecodeError> {
    if depth > DEPTH_MAX {
        let (limit, found) = (u64::from(DEPTH_MAX), u64::from(depth));
        let kind = DecodeErrorKind::Limit("nesting", limit, found);
        return Err(DecodeError::new(WHAT, element.offset, kind));
    }
    let mut contents = Writer::new();
    let contents = if element.kind() == Kind::Constructor {
        copy_all(element.children(), &mut contents, depth + 1)?;
        &contents.out[..]
    } else {
        element.contents
    };
    let properties = match element.properties {
        None => None,
        Some(encoded) => {
            let mut list = Writer::new();
            copy_all(Reader::new(encoded), &mut list, depth + 1)?;
            Some(list.out)
        }
    };
    writer.raw(
        element.id,
        element.qualifier,
        properties.as_deref(),
        contents,
        Form::Shortest,
    );
    Ok(())
}
