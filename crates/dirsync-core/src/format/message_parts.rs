//! What MAI and P1 files have in common: the Message element around everything, vendor elements
//! with little-endian integers (Q104423), dates.

use jiff::civil;
use jiff::tz::{Offset, TimeZone};

use super::fips98::{Element, Form, Qualifier, Reader, Writer, field, id};
use crate::base::{DecodeError, DecodeErrorKind};

/// Octets in front of the first vendor element: `4D 83 hh mm ll 01`.
pub(super) const MESSAGE_HEAD_LEN: usize = 6;
/// Greatest length that three octets of length code can say.
const LENGTH_MAX: usize = 0xFF_FFFF;
/// Most recipients or attachments of one message: both are counted in 16 bits.
pub(super) const STRINGS_MAX: usize = 65_535;

/// The Message element around `inside`, its length code always `83` and three octets.
pub(super) fn message(what: &'static str, inside: Writer) -> Result<Vec<u8>, DecodeError> {
    let inside = inside.into_bytes();
    // The qualifier is one octet and counts as well.
    if inside.len() >= LENGTH_MAX {
        let kind = DecodeErrorKind::Limit("the message", LENGTH_MAX as u64, inside.len() as u64);
        return Err(DecodeError::new(what, 0, kind));
    }
    let mut writer = Writer::new();
    writer.raw(
        id::MESSAGE,
        Some(Qualifier::Value(1)),
        None,
        &inside,
        Form::Octets(3),
    );
    Ok(writer.into_bytes())
}

/// The Message element at the start of `bytes` and whether anything follows it.
pub(super) fn open_message<'a>(
    what: &'static str,
    mut reader: Reader<'a>,
) -> Result<(Element<'a>, bool), DecodeError> {
    match reader.next() {
        None => Err(DecodeError::new(what, 0, DecodeErrorKind::TooShort(6, 0))),
        Some(Err(mut error)) => {
            error.what = what;
            Err(error)
        }
        Some(Ok(element)) if element.is(id::MESSAGE, 1) => Ok((element, reader.next().is_some())),
        Some(Ok(_)) => Err(DecodeError::new(what, 0, DecodeErrorKind::BadMagic)),
    }
}

/// A vendor element that holds one integer of two octets: `7F 05 qq 20 02 ll hh`.
pub(super) fn put_vendor_u16(writer: &mut Writer, vendor: u64, value: u16) {
    writer.element(id::VENDOR, Some(Qualifier::Value(vendor)), |inner| {
        inner.little_endian(u64::from(value), 2);
    });
}

/// The integer in a vendor element.
pub(super) fn vendor_integer(element: &Element<'_>) -> Option<u64> {
    element.children().next()?.ok()?.little_endian()
}

/// The first string inside an element.
pub(super) fn first_string<'a>(element: &Element<'a>) -> Option<&'a [u8]> {
    element.children().find_map(|child| child.ok()?.string())
}

/// Adds all strings inside an element to `list`.
pub(super) fn add_strings(
    what: &'static str,
    element: &Element<'_>,
    list: &mut Vec<Vec<u8>>,
) -> Result<(), DecodeError> {
    for child in element.children() {
        let child = child?;
        let Some(text) = child.string() else { continue };
        if list.len() >= STRINGS_MAX {
            let (limit, found) = (STRINGS_MAX as u64, list.len() as u64 + 1);
            let kind = DecodeErrorKind::Limit("the number of addresses", limit, found);
            return Err(DecodeError::new(what, child.offset, kind));
        }
        list.push(text.to_vec());
    }
    Ok(())
}

/// Field 02 with a Date: `YYYYMMDD-hhmmss+0000`. ASSIGNED form, allowed by the standard.
pub(super) fn put_date(writer: &mut Writer, seconds: u32) {
    let time = jiff::Timestamp::from_second(i64::from(seconds))
        .unwrap_or_default()
        .to_zoned(TimeZone::UTC);
    let text = time.strftime("%Y%m%d-%H%M%S+0000").to_string();
    writer.element(
        id::FIELD,
        Some(Qualifier::Value(field::POSTED_DATE)),
        |inner| {
            inner.element(id::DATE, None, |inner| inner.string(text.as_bytes()));
        },
    );
}

/// The time in Field 02, seconds since 1970 UTC; `None` when there is none that can be read.
pub(super) fn date(element: &Element<'_>) -> Option<u32> {
    let date = element.children().next()?.ok()?;
    if date.id != id::DATE {
        return None;
    }
    parse_date(first_string(&date)?)
}

/// `YYYYMMDD[-hhmm[ss][±hhmm]]` (RFC 841); without an offset UTC is assumed.
fn parse_date(text: &[u8]) -> Option<u32> {
    let number = |part: &[u8]| -> Option<i16> {
        if !part.iter().all(u8::is_ascii_digit) {
            return None;
        }
        std::str::from_utf8(part).ok()?.parse().ok()
    };
    let two = |part: &[u8]| i8::try_from(number(part)?).ok();
    let (day, rest) = text.split_at_checked(8)?;
    let (clock, offset) = match rest {
        [] => (&[][..], &[][..]),
        [b'-', rest @ ..] => {
            let end = rest
                .iter()
                .position(|c| !c.is_ascii_digit())
                .unwrap_or(rest.len());
            rest.split_at(end)
        }
        _ => return None,
    };
    let (hour, minute, second) = match clock.len() {
        0 if rest.is_empty() => (0, 0, 0),
        4 => (two(&clock[..2])?, two(&clock[2..])?, 0),
        6 => (two(&clock[..2])?, two(&clock[2..4])?, two(&clock[4..])?),
        _ => return None,
    };
    let offset_seconds = match offset {
        [] => 0,
        [sign @ (b'+' | b'-'), digits @ ..] if digits.len() == 4 => {
            let value = i32::from(two(&digits[..2])?) * 3600 + i32::from(two(&digits[2..])?) * 60;
            if *sign == b'-' { -value } else { value }
        }
        _ => return None,
    };
    let civil = civil::DateTime::new(
        number(&day[..4])?,
        two(&day[4..6])?,
        two(&day[6..])?,
        hour,
        minute,
        second,
        0,
    )
    .ok()?;
    let zone = TimeZone::fixed(Offset::from_seconds(offset_seconds).ok()?);
    u32::try_from(civil.to_zoned(zone).ok()?.timestamp().as_second()).ok()
}

/// Whether a text is an address in the clear: no control characters and the two slashes of
/// `NET/PO/MAILBOX`. ASSIGNED test; the enciphered strings of published files fail it (Q104423).
pub(super) fn is_plain_address(text: &[u8]) -> bool {
    !text.iter().any(|&byte| byte < 0x20 || byte == 0x7F)
        && text.iter().filter(|&&byte| byte == b'/').count() >= 2
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    // rule: std:6
    #[test]
    fn dates_are_read_in_all_forms_of_the_standard() {
        for (text, seconds) in [
            ("19940407-121352+0000", Some(765_720_832)),
            ("19940407-121352", Some(765_720_832)),
            ("19940407-0813-0400", Some(765_720_780)),
            ("19800815", Some(335_145_600)),
            ("19800704-180000-0400", Some(331_596_000)),
            ("19940407-", None),
            ("19940431-1200", None),
            ("1994040", None),
            ("19940407-12135", None),
            ("19940407-1213+01", None),
            ("-1940407-1213", None),
            ("19940407-1213+9999", None),
        ] {
            assert_eq!(parse_date(text.as_bytes()), seconds, "{text}");
        }
    }

    proptest! {
        // rule: dec:2.14
        #[test]
        fn every_time_survives(seconds: u32) {
            let mut writer = Writer::new();
            put_date(&mut writer, seconds);
            let bytes = writer.into_bytes();
            let element = Reader::new(&bytes).next().unwrap().unwrap();
            prop_assert_eq!(date(&element), Some(seconds));
        }

        // rule: std:6
        #[test]
        fn arbitrary_dates_never_panic(text in proptest::collection::vec(any::<u8>(), 0..24)) {
            let _ = parse_date(&text);
        }
    }
}
