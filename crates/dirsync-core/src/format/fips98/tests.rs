//! The examples of the standard, the traps it sets, and properties.

use super::*;
use crate::base::DecodeErrorKind;
use crate::format::testhex::{digits, listing};
use proptest::prelude::*;

macro_rules! vector {
    ($name:literal) => {
        listing(include_str!(concat!(
            "../../../../../fixtures/binary/std-fips98-",
            $name,
            ".hex"
        )))
    };
}

fn only(bytes: &[u8]) -> Element<'_> {
    let mut reader = Reader::new(bytes);
    let element = reader.next().unwrap().unwrap();
    assert!(reader.next().is_none());
    element
}

fn children<'a>(element: &Element<'a>) -> Vec<Element<'a>> {
    element.children().map(Result::unwrap).collect()
}

// rule: std:6
// rule: pof:R-MAI-004
#[test]
fn every_example_of_the_standard_is_read_and_written_back() {
    for (bytes, id) in [
        (vector!("ascii-string"), id::ASCII_STRING),
        (vector!("bit-string-44"), id::BIT_STRING),
        (vector!("boolean-true"), id::BOOLEAN),
        (vector!("compressed"), id::COMPRESSED),
        (vector!("date-19800815"), id::DATE),
        (vector!("encrypted"), id::ENCRYPTED),
        (vector!("end-of-constructor"), id::END_OF_CONSTRUCTOR),
        (vector!("field-text"), id::FIELD),
        (vector!("integer-4294967296"), id::INTEGER),
        (vector!("message"), id::MESSAGE),
        (vector!("no-op"), id::NO_OP),
        (vector!("padding-3"), id::PADDING),
        (vector!("property-list"), id::PROPERTY_LIST),
        (vector!("sequence"), id::SEQUENCE),
        (vector!("set"), id::SET),
        (vector!("unique-id-129"), id::UNIQUE_ID),
        (vector!("vendor-field"), id::FIELD),
    ] {
        let element = only(&bytes);
        assert_eq!(element.id, id);
        assert_eq!(element.encoded, bytes);
        assert_eq!(canonical(&bytes).unwrap(), bytes, "element {id:02X}");
    }
}

// rule: std:6
#[test]
fn the_examples_hold_the_published_values() {
    assert_eq!(
        only(&vector!("ascii-string")).string(),
        Some(&b"Hi There."[..])
    );
    let bits = vector!("bit-string-44");
    assert_eq!(only(&bits).bit_string(), Some((&bits[3..], 44)));
    assert_eq!(only(&vector!("boolean-true")).boolean(), Some(true));
    assert_eq!(
        only(&vector!("integer-4294967296")).integer(),
        Some(4_294_967_296)
    );
    assert_eq!(only(&[0x20, 0x02, 0xFF, 0xFE]).integer(), Some(-2));
    let set = vector!("set");
    let values: Vec<_> = children(&only(&set))
        .iter()
        .map(|e| e.integer().unwrap())
        .collect();
    assert_eq!(values, [519, 71]);
    assert_eq!(
        children(&only(&vector!("unique-id-129")))[0].integer(),
        Some(129)
    );
    assert_eq!(
        children(&only(&vector!("date-19800815")))[0].string(),
        Some(&b"19800815"[..])
    );
    let compressed = vector!("compressed");
    let compressed = only(&compressed);
    assert_eq!(compressed.qualifier, Some(Qualifier::Value(0)));
    assert_eq!(children(&compressed)[0].bit_string().unwrap().1, 56);
    assert_eq!(
        children(&only(&vector!("encrypted")))[0]
            .bit_string()
            .unwrap()
            .1,
        22
    );
}

// rule: std:6
#[test]
fn a_vendor_field_keeps_its_qualifier_and_its_property() {
    let bytes = vector!("vendor-field");
    let element = only(&bytes);
    assert_eq!(element.qualifier, Some(Qualifier::Vendor(12)));
    let properties: Vec<_> = element
        .property_list()
        .unwrap()
        .map(Result::unwrap)
        .collect();
    assert_eq!(properties.len(), 1);
    assert!(properties[0].is(id::PROPERTY, 2));
    let name = children(&properties[0])[0];
    assert_eq!(name.string(), Some(&b"Reply-By:"[..]));
    assert_eq!(
        bytes[usize::try_from(name.contents_offset).unwrap()..][..9],
        *b"Reply-By:"
    );
    assert_eq!(children(&element)[0].id, id::DATE);
    let far = only(&[0x7F, 0x04, 0x83, 0x00, 0x01, 0x0A]);
    assert_eq!(far.qualifier, Some(Qualifier::Vendor(266)));
}

// rule: pof:R-MAI-004
#[test]
fn the_message_example_has_four_fields_with_offsets() {
    let bytes = vector!("message");
    let message = only(&bytes);
    assert!(message.is(id::MESSAGE, 1));
    let fields: Vec<_> = children(&message)
        .iter()
        .map(|f| (f.qualifier.unwrap(), f.offset))
        .collect();
    let expected = [
        (field::POSTED_DATE, 3),
        (field::FROM, 30),
        (field::TEXT, 40),
        (field::TO, 82),
    ];
    assert_eq!(
        fields,
        expected.map(|(field, offset)| (Qualifier::Value(field), offset))
    );
}

// rule: pof:R-MAI-005
#[test]
fn the_published_dump_is_read_from_its_offset() {
    let dump = listing(include_str!(
        "../../../../../fixtures/binary/q104423-0000013d.mai.from-0b.hex"
    ));
    let mut reader = Reader::partial(&dump[2..], 13);
    let mut next = || reader.next().unwrap().unwrap();
    for (offset, qualifier, value) in [(13, 0x32, 2), (20, 0x33, 10), (27, 0x37, 10)] {
        let vendor = next();
        assert_eq!(vendor.offset, offset);
        assert!(vendor.is(id::VENDOR, qualifier));
        assert_eq!(children(&vendor)[0].little_endian(), Some(value));
    }
    let from = next();
    assert_eq!((from.offset, from.length), (34, Some(37)));
    assert!(from.is(id::FIELD, field::FROM));
    assert_eq!(children(&from)[0].contents.len(), 34);
    let to = next();
    assert_eq!((to.offset, to.length), (73, Some(6601)));
    assert!(to.is(id::FIELD, field::TO));
    assert_eq!(to.ending, Ending::CutOff(6601 - 62));
    let recipients: Vec<_> = to.children().map(Result::unwrap).collect();
    let found: Vec<_> = recipients
        .iter()
        .map(|r| (r.offset, r.contents.len(), r.ending))
        .collect();
    assert_eq!(
        found,
        [
            (78, 20, Ending::Length),
            (100, 20, Ending::Length),
            (122, 15, Ending::CutOff(5))
        ]
    );
    assert!(reader.next().is_none());
    // Read as a whole file the same bytes are damaged.
    let damage = Reader::at(&dump[2..], 13).last().unwrap().unwrap_err();
    assert_eq!(
        (damage.offset, damage.kind),
        (73, DecodeErrorKind::TooShort(6601, 62))
    );
}

// rule: std:6
#[test]
fn indefinite_lengths_end_with_end_of_constructor() {
    let bytes = digits("0A80 0A80 0201 41 0100 4C80 04 0201 42 0000 0100 0100 0201 43");
    let elements: Vec<_> = Reader::new(&bytes).map(Result::unwrap).collect();
    assert_eq!(elements.len(), 2);
    assert_eq!(
        (elements[0].length, elements[0].ending),
        (None, Ending::EndOfConstructor)
    );
    let inner = children(&elements[0]);
    assert_eq!(inner.len(), 2);
    assert!(inner[1].is(id::FIELD, 4));
    assert_eq!(children(&inner[1])[1].id, id::NO_OP);
    assert_eq!(
        canonical(&bytes).unwrap(),
        digits("0A0D 0A03 0201 41 4C06 04 0201 42 0000 0201 43")
    );
}

// rule: std:6
#[test]
fn the_misprinted_terminator_is_told_apart() {
    let bytes = digits("0A80 0201 41 0000");
    assert_eq!(only(&bytes).ending, Ending::NoOp);
    assert_eq!(only(&bytes).contents, digits("0201 41"));
    assert!(
        Reader::new(&digits("0A80 0201 41"))
            .next()
            .unwrap()
            .is_err()
    );
}

// rule: std:6
#[test]
fn a_primitive_element_must_have_a_length() {
    assert!(
        Reader::new(&digits("0280 41 0100"))
            .next()
            .unwrap()
            .is_err()
    );
    assert!(
        Reader::new(&digits("0A80 0280 41 0100 0100"))
            .next()
            .unwrap()
            .is_err()
    );
}

// rule: std:6
#[test]
fn nesting_is_bounded() {
    let mut bytes = [0x0A, 0x80].repeat(5000);
    bytes.extend([0x01, 0x00].repeat(5000));
    assert!(matches!(
        canonical(&bytes).unwrap_err().kind,
        DecodeErrorKind::Limit("nesting", ..)
    ));
    // Property lists inside property lists, each two levels deep.
    let mut nested = digits("0200");
    for _ in 0..1000 {
        let mut writer = Writer::new();
        writer.raw(
            id::PROPERTY,
            Some(Qualifier::Value(1)),
            None,
            &nested,
            Form::Shortest,
        );
        let list = writer.into_bytes();
        let mut writer = Writer::new();
        writer.raw(id::PROPERTY_LIST, None, None, &list, Form::Shortest);
        let list = writer.into_bytes();
        let mut writer = Writer::new();
        writer.raw(id::ASCII_STRING, None, Some(&list), b"x", Form::Shortest);
        nested = writer.into_bytes();
    }
    assert!(canonical(&nested).is_err());
}

// rule: pof:R-MAI-004
#[test]
fn length_codes_are_written_in_the_form_asked_for() {
    let write = |form, len: usize| {
        let mut writer = Writer::new();
        writer.raw(id::SEQUENCE, None, None, &vec![0; len], form);
        writer.into_bytes()
    };
    assert_eq!(write(Form::Shortest, 127)[..2], [0x0A, 0x7F]);
    assert_eq!(write(Form::Shortest, 128)[..3], [0x0A, 0x81, 0x80]);
    assert_eq!(write(Form::Shortest, 256)[..4], [0x0A, 0x82, 0x01, 0x00]);
    assert_eq!(write(Form::Octets(3), 2)[..5], [0x0A, 0x83, 0, 0, 2]);
    assert_eq!(write(Form::Octets(1), 256)[..4], [0x0A, 0x82, 0x01, 0x00]);
    assert_eq!(write(Form::Indefinite, 2), [0x0A, 0x80, 0, 0, 1, 0]);
}

fn tree() -> impl Strategy<Value = Vec<u8>> {
    let leaf = prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..200).prop_map(|text| {
            let mut writer = Writer::new();
            writer.string(&text);
            writer.into_bytes()
        }),
        any::<u64>().prop_map(|value| {
            let mut writer = Writer::new();
            writer.little_endian(value, 4);
            writer.into_bytes()
        }),
        any::<u64>().prop_map(|value| {
            let mut writer = Writer::new();
            writer.raw(
                id::VENDOR,
                Some(Qualifier::Vendor(value)),
                None,
                b"\x20\x01\x07",
                Form::Shortest,
            );
            writer.into_bytes()
        }),
    ];
    leaf.prop_recursive(6, 40, 5, |inner| {
        let form = prop_oneof![
            Just(Form::Shortest),
            (1u8..=8).prop_map(Form::Octets),
            Just(Form::Indefinite)
        ];
        let qualifier = any::<u64>().prop_map(|v| Some(Qualifier::Value(v >> (v % 64))));
        (
            proptest::collection::vec(inner, 0..5),
            form,
            qualifier,
            any::<bool>(),
        )
            .prop_map(|(parts, form, qualifier, field)| {
                let mut writer = Writer::new();
                let (id, qualifier) = if field {
                    (id::FIELD, qualifier)
                } else {
                    (id::SEQUENCE, None)
                };
                writer.raw(id, qualifier, None, &parts.concat(), form);
                writer.into_bytes()
            })
    })
}

proptest! {
    // rule: std:6
    #[test]
    fn what_is_written_in_any_form_reads_as_one_element(bytes in tree()) {
        let element = only(&bytes);
        prop_assert_eq!(element.encoded, &bytes[..]);
        let short = canonical(&bytes).unwrap();
        prop_assert_eq!(canonical(&short).unwrap(), short);
    }

    // rule: std:6
    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        if let Ok(short) = canonical(&bytes) {
            prop_assert_eq!(canonical(&short).unwrap(), short);
        }
        for element in Reader::partial(&bytes, u64::MAX - 10).flatten() {
            let _ = element.property_list().map(Iterator::count);
            let _ = element.children().count();
            let _ = (element.integer(), element.little_endian(), element.bit_string());
        }
    }

    // rule: std:6
    #[test]
    fn a_cut_off_tree_is_an_error_or_partial(bytes in tree(), cut in 0usize..1000) {
        let cut = cut % bytes.len();
        let whole = Reader::new(&bytes[..cut]).all(|element| element.is_ok());
        prop_assert!(!whole || cut == 0);
    }
}
