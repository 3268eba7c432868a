//! Tests of `carried`.

use proptest::prelude::*;

use super::*;
use crate::format::mai::message_id;
use crate::format::x400::{Read, message};

fn id() -> MtsId {
    MtsId::new("US", " ", "Aviation", "MALMO1-970301090000Z-17").unwrap()
}

fn domain() -> Domain {
    Domain::of("Aviation", "Malmo")
}

fn parts(mai: &Mai, attachments: &[Vec<u8>], recipients: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    let mut p1 = P1::for_message(mai, HexId(0x62), recipients);
    p1.trace = vec![b"NET/HUB".to_vec()];
    p1.mailbag = Some(HexId(1));
    let header = MbgRecord::new(b"$SYSTEM", &mai.subject, HexId(0x62), mai.date).unwrap();
    let mut parts = vec![header.encode(), p1.encode().unwrap(), mai.encode().unwrap()];
    parts.extend(attachments.iter().cloned());
    parts
}

fn through(parts: &[Vec<u8>]) -> P1Message {
    let bytes = carry(parts, id(), &domain()).unwrap().encode().unwrap();
    match message::read(&bytes).unwrap() {
        Read::Message(message) => message,
        other => panic!("{other:?}"),
    }
}

// rule: dec:DEC-067
#[test]
fn the_fields_of_the_standard_say_what_the_message_says() {
    let mai = Mai::new(
        b"AVIATION/MALMO/$SYSTEM",
        857_206_800,
        message_id(b"AVIATION/MALMO", HexId(0x62), 857_206_800),
    )
    .to(b"NET/PO/$SYSTEM")
    .subject(b"SrvTx R=3")
    .text(b"SrvTx R=3\r\n".to_vec())
    .attach(b"SRVTRANS.GLB", HexId(7), 5);
    let parts = parts(&mai, &[b"12345".to_vec()], vec![b"NET/PO/$SYSTEM".to_vec()]);
    let message = through(&parts);
    assert_eq!(
        message.originator.to_string(),
        "c=US;a= ;p=Aviation;o=Malmo;dda:MS=AVIATION/MALMO/(036)SYSTEM"
    );
    assert_eq!(
        ms_address(&message.recipients[0]).unwrap(),
        b"NET/PO/$SYSTEM"
    );
    assert_eq!(message.submitted, UnixTime(857_206_800));
    assert_eq!(message.content_id, "00000062");
    assert_eq!(message.ipm.id, "AVIATION/MALMO/00000062-0857206800");
    assert_eq!(message.ipm.subject, b"SrvTx R=3");
    assert_eq!(message.ipm.text, b"SrvTx R=3\r\n");
    assert_eq!(message.ipm.files[1..], [b"12345".to_vec()]);
    // The text stands once.
    let carrier = &message.ipm.files[0];
    assert_eq!(carrier[24..28], 11u32.to_le_bytes());
    assert!(!carrier.ends_with(b"SrvTx R=3\r\n"));
    assert_eq!(names(&parts), ["PARCEL", "SRVTRANS.GLB"]);
    assert_eq!(uncarry(message).unwrap(), parts);
}

// rule: dec:DEC-067
#[test]
fn what_does_not_fit_together_is_refused() {
    let mai = Mai::new(b"N/P/X", 5, b"N/P/00000001-0000000005".to_vec()).text(b"abc".to_vec());
    let parts = parts(&mai, &[b"file".to_vec()], vec![b"N/Q/Y".to_vec()]);
    let good = through(&parts);
    let changed = |change: &dyn Fn(&mut P1Message)| {
        let mut message = good.clone();
        change(&mut message);
        uncarry(message)
    };
    assert!(changed(&|_| ()).is_ok());
    assert!(changed(&|message| message.ipm.files.clear()).is_err());
    assert!(changed(&|message| message.ipm.files.truncate(1)).is_err());
    assert!(changed(&|message| message.ipm.files.push(Vec::new())).is_err());
    assert!(changed(&|message| message.ipm.text.push(b'x')).is_err());
    assert!(changed(&|message| message.ipm.text[0] = b'x').is_err());
    for at in 0..good.ipm.files[0].len() {
        assert!(
            changed(&|message| message.ipm.files[0][at] ^= 1).is_err(),
            "{at}"
        );
    }
    assert!(carry(&parts[..2], id(), &domain()).is_err());
}

// rule: exc:R-MSM-013
#[test]
fn a_private_domain_is_never_blank() {
    assert_eq!(Domain::of("", "").prmd, "ORG");
    assert_eq!(Domain::of("Å/Ö", "S").prmd, "ORG");
    assert_eq!(
        Domain::of("Aviation of Malmo and Lund", "S").prmd,
        "Aviation of Malm"
    );
}

// rule: std:10
#[test]
fn a_message_of_another_program_becomes_one_of_a_postoffice() {
    let own: PoName = "AVIATION/MALMO".parse().unwrap();
    let person = OrAddress {
        country: "US".into(),
        surname: "Lovelace".into(),
        ..OrAddress::default()
    };
    let message = P1Message {
        id: id(),
        originator: person.clone(),
        recipients: vec![person, domain().ms(b"NET/PO/ADMIN")],
        priority: Priority::Urgent,
        submitted: UnixTime(857_206_800),
        content_id: String::new(),
        ipm: Ipm {
            id: "IPM-1".into(),
            subject: vec![b's'; 60],
            text: b"Hello\r\n".to_vec(),
            files: vec![b"one".to_vec(), b"two".to_vec()],
        },
    };
    assert!(!is_carried(&message));
    let parts = converted(message.clone(), &["A.DAT".into()], own).unwrap();
    let p1 = P1::decode(&parts[1]).unwrap();
    assert_eq!(p1.recipients, [b"NET/PO/ADMIN"]);
    assert_eq!(p1.message_id, id().to_string().into_bytes());
    let mai = Mai::decode(&parts[2]).unwrap().mai;
    assert_eq!(mai.from, b"AVIATION/MALMO/POSTMASTER");
    assert_eq!(mai.text, b"From: c=US;s=Lovelace\r\nHello\r\n");
    assert_eq!(mai.priority, mbg::Priority::High);
    assert_eq!(mai.subject.len(), 40);
    let names: Vec<_> = mai.attachments.iter().map(|a| a.name.clone()).collect();
    assert_eq!(names, [b"A.DAT".to_vec(), b"ATT00002.DAT".to_vec()]);
    assert_eq!(parts[3..], [b"one".to_vec(), b"two".to_vec()]);
    let header = MbgRecord::decode(&parts[0]).unwrap();
    assert_eq!(header.sender.text(), b"POSTMASTER");
    let nobody = P1Message {
        recipients: message.recipients[..1].to_vec(),
        ..message
    };
    assert!(converted(nobody, &[], own).is_err());
}

proptest! {
    // rule: dec:DEC-067
    #[test]
    fn every_byte_of_a_message_comes_back(
        text in proptest::collection::vec(any::<u8>(), 0..300),
        subject in proptest::collection::vec(any::<u8>(), 0..40),
        message_id in proptest::collection::vec(any::<u8>(), 1..90),
        to in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 1..150), 1..4),
        attachments in proptest::collection::vec(
            proptest::collection::vec(any::<u8>(), 0..300), 0..4),
        date: u32,
        trailing in proptest::collection::vec(any::<u8>(), 0..3),
    ) {
        let mut mai = Mai::new(b"N/P/\x8F$", date, message_id).subject(&subject).text(text);
        mai.to.clone_from(&to);
        for (n, bytes) in (0u32..).zip(&attachments) {
            mai = mai.attach(b"F.DAT", HexId(n), u32::try_from(bytes.len()).unwrap());
        }
        let mut parts = parts(&mai, &attachments, to);
        // Another program's elements before the end, or a text that is not the last element.
        if trailing.len() == 2 {
            let written = &mut parts[2];
            written.extend_from_slice(&[0x7F, 0x05, 0x39, 0x20, 0x02, 1, 0]);
            let len = u32::try_from(written.len() - 5).unwrap().to_be_bytes();
            written[2..5].copy_from_slice(&len[1..]);
            prop_assume!(Mai::decode(written).is_ok());
        }
        let message = through(&parts);
        prop_assert!(is_carried(&message));
        prop_assert_eq!(uncarry(message).unwrap(), parts);
    }

    #[test]
    fn a_damaged_carrier_never_panics(
        at: prop::sample::Index, byte: u8, cut: prop::sample::Index, text: Vec<u8>,
    ) {
        let mai = Mai::new(b"N/P/X", 5, b"id".to_vec()).text(b"abc".to_vec());
        let mut message = through(&parts(&mai, &[b"x".to_vec()], vec![b"N/Q/Y".to_vec()]));
        let len = message.ipm.files[0].len();
        message.ipm.files[0][at.index(len)] = byte;
        message.ipm.files[0].truncate(cut.index(len) + 1);
        message.ipm.text = text;
        let _ = uncarry(message);
    }
}
