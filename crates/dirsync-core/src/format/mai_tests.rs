//! The published message and properties.

use super::*;
use crate::format::testhex::{digits, listing};
use proptest::prelude::*;

const TV_DEC_2: &str = "
4d83000102017f0531200201007f0532200202007f053320020a007f053720020a004c1101020e4e45542f52312f2453595354454d4c1205020f4e45542f5352562f
2453595354454d4c19022816021431393934303430372d3132313335322b303030304c1c070219537461747573207265706f72742066726f6d204e45542f52314c1f
16091c021a4e45542f52312f30303030303036322d303736353732303833324c24080a217f1f41020c44535345525645522e4c4f470208303030303030363120042c
0300004c3c0402395b64697273796e635d0d0a7461736b3d7374617475730d0a7265716e616d653d50434d3a4e45542f52310d0a76657273696f6e3d332e350d0a";

fn status_message() -> Mai {
    let date = 765_720_832;
    Mai::new(
        b"NET/R1/$SYSTEM",
        date,
        message_id(b"NET/R1", HexId(0x62), date),
    )
    .to(b"NET/SRV/$SYSTEM")
    .subject(b"Status report from NET/R1")
    .text(b"[dirsync]\r\ntask=status\r\nreqname=PCM:NET/R1\r\nversion=3.5\r\n".to_vec())
    .attach(b"DSSERVER.LOG", HexId(0x61), 812)
}

// rule: dec:TV-DEC-2
// rule: dec:2.14
// rule: dec:DEC-071
// rule: pof:D-02
#[test]
fn the_status_message_has_the_published_263_bytes() {
    let bytes = status_message().encode().unwrap();
    assert_eq!(bytes, digits(TV_DEC_2));
    assert_eq!(bytes.len(), 263);
    let decoded = Mai::decode(&bytes).unwrap();
    assert_eq!(decoded.mai, status_message());
    assert!(!decoded.encrypted && !decoded.odd_end);
    assert_eq!(decoded.unknown_elements, 0);
}

// rule: pof:R-MAI-003
#[test]
fn the_counter_is_read_and_patched_without_the_rest() {
    let mut bytes = digits(TV_DEC_2);
    assert_eq!(read_counter(&bytes[..13]).unwrap(), 1);
    // The published values (Q104423).
    for (value, expected) in [
        (5, [5, 0]),
        (255, [0xFF, 0]),
        (256, [0, 1]),
        (500, [0xF4, 1]),
    ] {
        let (offset, patch) = counter_patch(value);
        assert_eq!((offset, patch), (11, expected));
        bytes[11..13].copy_from_slice(&patch);
        assert_eq!(read_counter(&bytes).unwrap(), value);
        assert_eq!(
            Mai::decode(&bytes).unwrap().mai,
            Mai {
                counter: value,
                ..status_message()
            }
        );
    }
    assert!(read_counter(&bytes[..12]).is_err());
    bytes[8] = 0x32;
    assert!(read_counter(&bytes).is_err());
    assert_eq!(read_foreign_counter(&bytes), Some(500));
}

/// The published file: the printed bytes, in front of them what the article leaves out, behind them
/// recipients like the printed ones up to the length of the To field, and padding for the rest.
fn published() -> Vec<u8> {
    let dump = listing(include_str!(
        "../../../../fixtures/binary/q104423-0000013d.mai.from-0b.hex"
    ));
    let mut file = digits("4D83001BF201 7F05312002");
    file.extend_from_slice(&dump);
    let second = file[100..122].to_vec();
    file.extend_from_slice(&second[17..]);
    while file.len() < 6678 {
        file.extend_from_slice(&second);
    }
    file.extend_from_slice(&digits("218201DD"));
    file.resize(7159, 0xFF);
    file
}

// rule: pof:R-MAI-005
// rule: dec:DEC-071
// rule: pof:R-MAI-001
// rule: pof:R-MAI-006
// rule: pof:D-02
// rule: tra:OQ-07
#[test]
fn the_published_file_has_counter_300_and_300_enciphered_recipients() {
    let file = published();
    assert_eq!(file.len(), 7159);
    assert_eq!(read_counter(&file).unwrap(), 300);
    let decoded = Mai::decode(&file).unwrap();
    assert_eq!((decoded.mai.counter, decoded.mai.to.len()), (300, 300));
    assert_eq!((decoded.mai.hop_limit, decoded.mai.hops_left), (10, 10));
    assert_eq!(decoded.mai.from.len(), 34);
    assert!(decoded.encrypted && !decoded.odd_end);
    // What is printed alone: three recipients, the last cut off.
    let decoded = Mai::decode_partial(&file[..139]).unwrap();
    assert_eq!(decoded.mai.to.len(), 3);
    assert!(decoded.encrypted && decoded.odd_end);
    assert!(Mai::decode(&file[..139]).is_err());
}

// rule: pof:R-MAI-002
#[test]
fn fields_stand_in_the_published_order() {
    let mut mai = status_message();
    mai.cc = vec![b"NET/SRV/Admin".to_vec()];
    mai.priority = Priority::High;
    let bytes = mai.encode().unwrap();
    // From, To, Cc, Date, Priority, Subject, Message-ID, Attachments, Text.
    let mut order = [1, 5, 6, 2, 0x18, 7, 0x16, 8, 4].into_iter();
    let parts = Reader::new(&bytes).next().unwrap().unwrap();
    for element in parts.children().map(Result::unwrap) {
        if element.id == 0x4C {
            let field = super::super::fips98::Qualifier::Value(order.next().unwrap());
            assert_eq!(element.qualifier, Some(field));
        }
    }
    assert_eq!(order.next(), None);
    // The format of the message stands before all of them.
    assert_eq!(bytes[13..20], [0x7F, 0x05, 0x32, 0x20, 0x02, 0x02, 0x00]);
}

// rule: dec:2.14
#[test]
fn unknown_vendor_elements_and_another_order_are_taken() {
    let bytes = digits(TV_DEC_2);
    let mut parts: Vec<Vec<u8>> = Reader::new(&bytes)
        .next()
        .unwrap()
        .unwrap()
        .children()
        .map(|element| element.unwrap().encoded.to_vec())
        .collect();
    parts[1..].reverse();
    parts.insert(3, digits("7F05 71 20020700"));
    parts.insert(5, digits("7F06 820133 200107"));
    parts.insert(5, digits("0000 2101FF"));
    let mut writer = Writer::new();
    for part in parts {
        let element = Reader::new(&part).map(Result::unwrap).collect::<Vec<_>>();
        for e in element {
            writer.raw(
                e.id,
                e.qualifier,
                e.properties,
                e.contents,
                super::super::fips98::Form::Shortest,
            );
        }
    }
    let decoded = Mai::decode(&message(WHAT, writer).unwrap()).unwrap();
    assert_eq!(decoded.mai, status_message());
    assert_eq!(decoded.unknown_elements, 2);
}

// rule: dec:2.14
#[test]
fn limits_are_kept_when_writing() {
    let mut mai = status_message();
    mai.subject = vec![b'x'; 41];
    assert!(mai.encode().is_err());
    let mut mai = status_message().subject(&[b'x'; 41]);
    assert_eq!(mai.subject.len(), 40);
    mai.text = vec![b'x'; 0xFF_FFFF];
    assert!(mai.encode().is_err());
    mai.text.truncate(0xFF_0000);
    assert_eq!(Mai::decode(&mai.encode().unwrap()).unwrap().mai, mai);
}

// rule: dec:2.14
#[test]
fn hops_run_out() {
    let mut mai = status_message();
    assert_eq!((0..20).filter(|_| mai.take_hop()).count(), 10);
    assert_eq!(mai.hops_left, 0);
}

fn bytes(max: usize) -> impl Strategy<Value = Vec<u8>> {
    proptest::collection::vec(any::<u8>(), 0..max)
}

prop_compose! {
    fn any_mai()(
        counter: u16, hop_limit: u8, hops_left: u8, date: u32,
        from in "[A-Z]{1,10}/[A-Z]{1,10}/[$A-Z]{1,10}",
        to in proptest::collection::vec("[A-Z]{1,10}/[A-Z]{1,10}/[A-Z]{1,10}", 0..20),
        cc in proptest::collection::vec("[A-Z]{1,10}/[A-Z]{1,10}/[A-Z]{1,10}", 0..3),
        priority in prop_oneof![Just(Priority::Normal), Just(Priority::Low), Just(Priority::High)],
        subject in bytes(41), id in bytes(40), text in bytes(500),
        attachments in proptest::collection::vec((bytes(200), any::<u32>(), any::<u32>()), 0..4),
    ) -> Mai {
        Mai {
            counter, hop_limit, hops_left, date, priority, subject, text,
            from: from.into_bytes(),
            to: to.into_iter().map(String::into_bytes).collect(),
            cc: cc.into_iter().map(String::into_bytes).collect(),
            message_id: id,
            attachments: attachments
                .into_iter()
                .map(|(name, stem, size_bytes)| Attachment { name, stem: HexId(stem), size_bytes })
                .collect(),
        }
    }
}

proptest! {
    // rule: dec:2.14
    #[test]
    fn what_is_written_is_read(mai in any_mai()) {
        let encoded = mai.encode().unwrap();
        prop_assert_eq!(read_counter(&encoded).unwrap(), mai.counter);
        let decoded = Mai::decode(&encoded).unwrap();
        prop_assert!(!decoded.encrypted);
        prop_assert_eq!(decoded.mai, mai);
    }

    // rule: dec:2.14
    #[test]
    fn damage_never_panics(mai in any_mai(), at: proptest::sample::Index, byte: u8, cut: proptest::sample::Index) {
        let mut encoded = mai.encode().unwrap();
        let at = at.index(encoded.len());
        encoded[at] = byte;
        let _ = Mai::decode(&encoded);
        let _ = Mai::decode_partial(&encoded[..cut.index(encoded.len())]);
    }
}
