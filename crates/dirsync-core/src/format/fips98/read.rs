//! Reading: elements as slices of what was given.

use super::{DEPTH_MAX, HAS_PROPERTIES, HAS_QUALIFIER, Kind, Qualifier, UNDEFINED, WHAT, id};
use crate::base::{DecodeError, DecodeErrorKind};

/// How an element says where it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// By its length code.
    Length,
    /// By End-of-Constructor `01 00`.
    EndOfConstructor,
    /// By `00 00` at the end of what holds it: the form the examples of the standard print against
    /// its own table. Accepted, to be reported.
    NoOp,
    /// Not at all: that many octets which its length code counts are not there (0 when the length
    /// is indefinite). Only a reader made by [`Reader::partial`] yields such elements.
    CutOff(u64),
}

/// One element, as slices of what was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Element<'a> {
    /// What it is: the identifier octet without the property bit, see [`id`].
    pub id: u8,
    /// Offset of the identifier octet, counted from the reader's base.
    pub offset: u64,
    /// The value of the length code; `None` when it is indefinite.
    pub length: Option<u64>,
    /// The qualifier, when the identifier has bit 6.
    pub qualifier: Option<Qualifier>,
    /// The whole Property-List element, when the identifier has bit 7.
    pub properties: Option<&'a [u8]>,
    /// The contents; without the closing octets of an indefinite length.
    pub contents: &'a [u8],
    /// Offset of the contents, counted from the reader's base.
    pub contents_offset: u64,
    /// All octets of the element, closing octets included.
    pub encoded: &'a [u8],
    /// How its end was found.
    pub ending: Ending,
    depth: u8,
}

impl<'a> Element<'a> {
    /// Primitive, constructor or either.
    #[must_use]
    pub fn kind(&self) -> Kind {
        Kind::of(self.id)
    }

    /// Whether this is element `id` with the standard qualifier `value`.
    #[must_use]
    pub fn is(&self, id: u8, value: u64) -> bool {
        self.id == id && self.qualifier == Some(Qualifier::Value(value))
    }

    /// The elements inside. Of a primitive element they mean nothing.
    #[must_use]
    pub fn children(&self) -> Reader<'a> {
        Reader {
            bytes: self.contents,
            position: 0,
            base: self.contents_offset,
            depth: self.depth.saturating_add(1),
            partial: matches!(self.ending, Ending::CutOff(_)),
            failed: false,
        }
    }

    /// The properties, each a Property element.
    #[must_use]
    pub fn property_list(&self) -> Option<Reader<'a>> {
        let encoded = self.properties?;
        let base = self.contents_offset - encoded.len() as u64;
        let list = Reader::at(encoded, base).next()?.ok()?;
        Some(Reader {
            depth: self.depth.saturating_add(2),
            ..list.children()
        })
    }

    /// The contents of an Integer, high order first as in the standard.
    #[must_use]
    pub fn integer(&self) -> Option<i64> {
        let (&first, _) = self.contents.split_first()?;
        if self.id != id::INTEGER || self.contents.len() > 8 {
            return None;
        }
        let sign = if first & 0x80 == 0 { 0 } else { -1 };
        Some(
            self.contents
                .iter()
                .fold(sign, |value, &octet| (value << 8) | i64::from(octet)),
        )
    }

    /// The contents of an Integer low order first and without sign, as MAI files have it (Q104423).
    #[must_use]
    pub fn little_endian(&self) -> Option<u64> {
        if self.id != id::INTEGER || self.contents.is_empty() || self.contents.len() > 8 {
            return None;
        }
        Some(
            self.contents
                .iter()
                .rev()
                .fold(0, |value, &octet| (value << 8) | u64::from(octet)),
        )
    }

    /// The value of a Boolean: FF is true, 00 is false.
    #[must_use]
    pub fn boolean(&self) -> Option<bool> {
        match (self.id, self.contents) {
            (id::BOOLEAN, [0xFF]) => Some(true),
            (id::BOOLEAN, [0x00]) => Some(false),
            _ => None,
        }
    }

    /// The octets of an ASCII-String.
    #[must_use]
    pub fn string(&self) -> Option<&'a [u8]> {
        (self.id == id::ASCII_STRING).then_some(self.contents)
    }

    /// The octets and the number of valid bits of a Bit-String.
    #[must_use]
    pub fn bit_string(&self) -> Option<(&'a [u8], u64)> {
        let Some(Qualifier::Value(unused @ 0..=7)) = self.qualifier else {
            return None;
        };
        if self.id != id::BIT_STRING {
            return None;
        }
        let bits = (self.contents.len() as u64)
            .checked_mul(8)?
            .checked_sub(unused)?;
        Some((self.contents, bits))
    }
}

/// Walks the elements of a slice, one level; [`Element::children`] goes down.
///
/// After an error it yields nothing more: without a length the next element cannot be found.
#[derive(Debug, Clone)]
pub struct Reader<'a> {
    bytes: &'a [u8],
    position: usize,
    base: u64,
    depth: u8,
    partial: bool,
    failed: bool,
}

impl<'a> Reader<'a> {
    /// Reads the elements of `bytes`.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self::at(bytes, 0)
    }

    /// Reads the elements of `bytes`, which stand at offset `base` of their file.
    #[must_use]
    pub fn at(bytes: &'a [u8], base: u64) -> Self {
        Self {
            bytes,
            position: 0,
            base,
            depth: 0,
            partial: false,
            failed: false,
        }
    }

    /// The same for the beginning of something longer: an element that the end of `bytes` cuts off
    /// is yielded with [`Ending::CutOff`] in place of an error.
    #[must_use]
    pub fn partial(bytes: &'a [u8], base: u64) -> Self {
        Self {
            partial: true,
            ..Self::at(bytes, base)
        }
    }

    /// Offset of the next element, counted from the base.
    #[must_use]
    pub fn offset(&self) -> u64 {
        self.base.saturating_add(self.position as u64)
    }

    fn error(&self, at: usize, kind: DecodeErrorKind) -> DecodeError {
        DecodeError::new(WHAT, self.base.saturating_add(at as u64), kind)
    }

    /// The number that starts at `at`: its form and the position behind it.
    fn number(&self, at: usize) -> Result<(Number<'a>, usize), DecodeError> {
        let short = |needed: usize| {
            let found = self.bytes.len().saturating_sub(at);
            self.error(at, DecodeErrorKind::TooShort(needed as u64, found as u64))
        };
        match self.bytes.get(at) {
            None => Err(short(1)),
            Some(&UNDEFINED) => Ok((Number::Undefined, at + 1)),
            Some(&octet) if octet < UNDEFINED => Ok((Number::Short(octet), at + 1)),
            Some(&octet) => {
                let count = usize::from(octet & 0x7F);
                let octets = self
                    .bytes
                    .get(at + 1..at + 1 + count)
                    .ok_or_else(|| short(1 + count))?;
                Ok((Number::Long(octets), at + 1 + count))
            }
        }
    }

    fn read(&mut self) -> Result<Element<'a>, DecodeError> {
        if self.depth > DEPTH_MAX {
            let (limit, found) = (u64::from(DEPTH_MAX), u64::from(self.depth));
            return Err(self.error(
                self.position,
                DecodeErrorKind::Limit("nesting", limit, found),
            ));
        }
        let start = self.position;
        let identifier = self.bytes[start];
        let (number, body) = self.number(start + 1)?;
        let (length, end, ending) = match number {
            Number::Undefined => {
                let (end, ending) = self.find_end(identifier, body)?;
                (None, end, ending)
            }
            _ => {
                let (length, end, ending) = self.measured_end(number, start, body)?;
                (Some(length), end, ending)
            }
        };
        let closing = match ending {
            Ending::EndOfConstructor | Ending::NoOp => 2,
            Ending::Length | Ending::CutOff(_) => 0,
        };
        let inside = Reader {
            bytes: &self.bytes[..end - closing],
            ..self.clone()
        };
        let cut_off = matches!(ending, Ending::CutOff(_));
        let (qualifier, properties, contents_at) = match inside.head(identifier, body) {
            Err(_) if cut_off => (None, None, inside.bytes.len()),
            head => head?,
        };
        self.position = end;
        Ok(Element {
            id: identifier & !HAS_PROPERTIES,
            offset: self.base.saturating_add(start as u64),
            length,
            qualifier,
            properties,
            contents: &inside.bytes[contents_at..],
            contents_offset: self.base.saturating_add(contents_at as u64),
            encoded: &self.bytes[start..end],
            ending,
            depth: self.depth,
        })
    }

    /// Length, end and ending of an element whose length code is a number.
    fn measured_end(
        &self,
        number: Number<'_>,
        start: usize,
        body: usize,
    ) -> Result<(u64, usize, Ending), DecodeError> {
        let length = number.value().ok_or_else(|| {
            self.error(
                start + 1,
                DecodeErrorKind::BadField("length: more than 8 octets"),
            )
        })?;
        let found = (self.bytes.len() - body) as u64;
        match usize::try_from(length)
            .ok()
            .and_then(|length| body.checked_add(length))
        {
            Some(end) if end <= self.bytes.len() => Ok((length, end, Ending::Length)),
            _ if self.partial => Ok((length, self.bytes.len(), Ending::CutOff(length - found))),
            _ => Err(self.error(start, DecodeErrorKind::TooShort(length, found))),
        }
    }

    /// Qualifier, property list and where the contents start.
    #[allow(clippy::type_complexity)]
    fn head(
        &self,
        identifier: u8,
        at: usize,
    ) -> Result<(Option<Qualifier>, Option<&'a [u8]>, usize), DecodeError> {
        let (qualifier, at) = self.qualifier(identifier, at)?;
        let (properties, at) = self.properties(identifier, at)?;
        Ok((qualifier, properties, at))
    }

    fn qualifier(
        &self,
        identifier: u8,
        at: usize,
    ) -> Result<(Option<Qualifier>, usize), DecodeError> {
        if identifier & HAS_QUALIFIER == 0 {
            return Ok((None, at));
        }
        let (number, after) = self.number(at)?;
        let value = match number {
            Number::Undefined => Qualifier::Undefined,
            Number::Long([0, _, ..]) => Qualifier::Vendor(number.value().ok_or_else(|| {
                self.error(
                    at,
                    DecodeErrorKind::BadField("qualifier: more than 8 octets"),
                )
            })?),
            _ => Qualifier::Value(number.value().ok_or_else(|| {
                self.error(
                    at,
                    DecodeErrorKind::BadField("qualifier: more than 8 octets"),
                )
            })?),
        };
        Ok((Some(value), after))
    }

    fn properties(
        &self,
        identifier: u8,
        at: usize,
    ) -> Result<(Option<&'a [u8]>, usize), DecodeError> {
        if identifier & HAS_PROPERTIES == 0 {
            return Ok((None, at));
        }
        let bad = || self.error(at, DecodeErrorKind::BadField("property list"));
        let mut lists = Reader {
            position: at,
            partial: false,
            ..self.clone()
        };
        // A Property-List has neither property bit nor qualifier, so this goes one level deep only.
        if self.bytes.get(at) != Some(&id::PROPERTY_LIST) {
            return Err(bad());
        }
        let list = lists.read()?;
        Ok((Some(list.encoded), lists.position))
    }

    /// The end of the constructor `identifier` of indefinite length whose inside starts at `at`,
    /// closing octets included. One pass: elements of definite length are skipped, open ones are
    /// counted; the property list of an open one is an element like those behind it.
    fn find_end(&self, identifier: u8, at: usize) -> Result<(usize, Ending), DecodeError> {
        let no_length = |start| {
            let kind = DecodeErrorKind::BadField("length: a primitive element needs one");
            self.error(start, kind)
        };
        if Kind::of(identifier & !HAS_PROPERTIES) == Kind::Primitive {
            return Err(no_length(at - 1));
        }
        let mut open = 1usize;
        let mut position = self.skip_qualifier(identifier, at)?;
        let mut last_no_op = false;
        while let Some(&identifier) = self.bytes.get(position) {
            let start = position;
            let (number, body) = match self.number(position + 1) {
                Err(_) if self.partial => return Ok((self.bytes.len(), Ending::CutOff(0))),
                number => number?,
            };
            if matches!(number, Number::Undefined) {
                if Kind::of(identifier & !HAS_PROPERTIES) == Kind::Primitive {
                    return Err(no_length(start));
                }
                open += 1;
                last_no_op = false;
                position = self.skip_qualifier(identifier, body)?;
                continue;
            }
            let (_, end, ending) = self.measured_end(number, start, body)?;
            if matches!(ending, Ending::CutOff(_)) {
                return Ok((end, Ending::CutOff(0)));
            }
            position = end;
            last_no_op = identifier == id::NO_OP && end == body;
            if identifier == id::END_OF_CONSTRUCTOR && end == body {
                open -= 1;
                if open == 0 {
                    return Ok((end, Ending::EndOfConstructor));
                }
            }
        }
        if last_no_op && open == 1 {
            Ok((position, Ending::NoOp))
        } else if self.partial {
            Ok((self.bytes.len(), Ending::CutOff(0)))
        } else {
            let kind = DecodeErrorKind::BadText("no End-of-Constructor closes the element");
            Err(self.error(at, kind))
        }
    }

    fn skip_qualifier(&self, identifier: u8, at: usize) -> Result<usize, DecodeError> {
        if identifier & HAS_QUALIFIER == 0 {
            return Ok(at);
        }
        Ok(self.number(at)?.1)
    }
}

impl<'a> Iterator for Reader<'a> {
    type Item = Result<Element<'a>, DecodeError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed || self.position >= self.bytes.len() {
            return None;
        }
        let element = self.read();
        self.failed = element.is_err();
        Some(element)
    }
}

/// A number in the form of length codes and qualifiers.
#[derive(Debug, Clone, Copy)]
enum Number<'a> {
    Undefined,
    Short(u8),
    Long(&'a [u8]),
}

impl Number<'_> {
    /// The value; `None` when it is undefined or does not fit 64 bits.
    fn value(self) -> Option<u64> {
        match self {
            Self::Undefined => None,
            Self::Short(octet) => Some(u64::from(octet)),
            Self::Long(octets) => {
                let significant = octets.iter().position(|&o| o != 0).unwrap_or(octets.len());
                let octets = &octets[significant..];
                (octets.len() <= 8).then(|| {
                    octets
                        .iter()
                        .fold(0, |v, &octet| (v << 8) | u64::from(octet))
                })
            }
        }
    }
}
