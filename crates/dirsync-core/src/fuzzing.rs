//! What the fuzz targets run: every decoder of a family over one input, with the properties that
//! must hold whatever the input is. A property that does not hold panics.
//!
//! The functions stand here and not in the fuzz crate so that the normal tests replay the committed
//! corpus (`fuzz/corpus/<target>/`) without a fuzzer. No part of the library uses them.

#![allow(clippy::panic)]

use std::convert::Infallible;

use crate::base::HexId;
use crate::format::body::Profile;
use crate::format::compressed::{self, Expander};
use crate::format::fips98::{self, Element, Reader};
use crate::format::key::{KEY_LEN_BYTES, Key};
use crate::format::mai::{self, Mai};
use crate::format::mailbag::{Mailbag, MailbagChange};
use crate::format::mbg::{MBG_FILE, MbgRecord};
use crate::format::p1::P1;
use crate::format::record::{FileLayout, FixedRecord};
use crate::format::template::Template;
use crate::format::transactions::{Item, Reader as RecordReader, ResyncHeader, Trust};

/// A fuzz target.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// Name of the program, the corpus folder and the artifact folder.
    pub name: &'static str,
    /// What it runs.
    pub run: fn(&[u8]),
}

/// All targets.
pub const TARGETS: &[Target] = &[
    Target {
        name: "fixed_records",
        run: fixed_records,
    },
    Target {
        name: "mailbag",
        run: mailbag,
    },
    Target {
        name: "fips98",
        run: fips98,
    },
    Target {
        name: "mai_p1",
        run: mai_p1,
    },
    Target {
        name: "transactions",
        run: transactions,
    },
    Target {
        name: "compressed",
        run: compressed,
    },
    Target {
        name: "template_inf",
        run: template_inf,
    },
    Target {
        name: "bodies",
        run: bodies,
    },
    Target {
        name: "base_text",
        run: base_text,
    },
];

/// Files of fixed records: any bytes can be looked at and come back as they were.
pub fn fixed_records(data: &[u8]) {
    file(&MBG_FILE, data, |record| {
        let _ = (
            record.date.civil(),
            record.date.seconds_utc(),
            record.mai.get(),
        );
        let _ = (
            record.sender.text(),
            record.subject.text(),
            record.priority(),
        );
    });
    if let Ok(key) = Key::view(data) {
        assert_eq!(key.bytes(), data);
    }
}

/// One file of fixed records; `look` asks each record everything it can tell.
fn file<H: FixedRecord, R: FixedRecord>(layout: &FileLayout<H, R>, data: &[u8], look: impl Fn(&R)) {
    let Ok(view) = layout.view(data) else { return };
    view.records.iter().for_each(look);
    let mut again = layout.build(view.header, view.records);
    again.extend_from_slice(view.trailing);
    assert_eq!(again, data);
}

/// Changes to a mailbag. Input: n, n steps, 560 bytes of KEY (missing ones are 0), MBG.
pub fn mailbag(data: &[u8]) {
    let Some((&count, rest)) = data.split_first() else {
        return;
    };
    let (steps, rest) = rest.split_at(usize::from(count % 32).min(rest.len()));
    let (head, mbg) = rest.split_at(KEY_LEN_BYTES.min(rest.len()));
    let mut padded = [0; KEY_LEN_BYTES];
    padded[..head.len()].copy_from_slice(head);
    let Ok(key) = Key::view(&padded) else {
        panic!("560 bytes are a KEY")
    };
    let (mut key, mut mbg) = (key.clone(), mbg.to_vec());
    for &step in steps {
        let Ok(before) = Mailbag::view(&key, &mbg) else {
            panic!("any MBG can be looked at")
        };
        let live: Vec<MbgRecord> = before.live().map(|(_, record)| record.clone()).collect();
        let index = usize::from(step >> 2);
        let mut expected = live.clone();
        let change = match step % 4 {
            0 => {
                let Ok(record) = MbgRecord::new(b"SENDER", &[step], HexId(u32::from(step)), 0)
                else {
                    panic!("a short sender fits")
                };
                expected.push(record.clone());
                before.append(&[record]).ok()
            }
            1 => {
                expected = before
                    .live()
                    .filter(|&(place, _)| place != index)
                    .map(|(_, record)| record.clone())
                    .collect();
                before.mark_deleted(&[index]).ok()
            }
            2 => before.compress().ok(),
            _ => before.realign(),
        };
        let Some(change) = change else { continue };
        let realigned = step % 4 == 3;
        assert_change(&change, &mbg);
        change.apply(&mut key, &mut mbg);
        let Ok(after) = Mailbag::view(&key, &mbg) else {
            panic!("any MBG can be looked at")
        };
        assert!(after.trailing().is_empty());
        assert_eq!(key.stray_bits(after.records().len()), 0);
        if !realigned {
            let found: Vec<MbgRecord> = after.live().map(|(_, record)| record.clone()).collect();
            assert_eq!(found, expected);
        }
    }
}

fn assert_change(change: &MailbagChange, mbg: &[u8]) {
    if let MailbagChange::Append { offset_bytes, .. } = change {
        assert_eq!(*offset_bytes, mbg.len() as u64);
    }
}

/// FIPS PUB 98 elements.
pub fn fips98(data: &[u8]) {
    visit(Reader::new(data));
    visit(Reader::partial(data, 11));
    if let Ok(short) = fips98::canonical(data) {
        assert_eq!(fips98::canonical(&short), Ok(short.clone()));
    }
}

fn visit(reader: Reader<'_>) {
    for element in reader {
        let Ok(element) = element else { return };
        look(&element);
        visit(element.children());
        if let Some(list) = element.property_list() {
            visit(list);
        }
    }
}

fn look(element: &Element<'_>) {
    assert!(element.contents.len() < element.encoded.len());
    let _ = (
        element.integer(),
        element.little_endian(),
        element.boolean(),
    );
    let _ = (element.string(), element.bit_string(), element.kind());
}

/// Messages and envelopes: what can be read can be written and reads the same.
pub fn mai_p1(data: &[u8]) {
    let _ = (
        mai::read_counter(data),
        mai::read_foreign_counter(data),
        Mai::decode_partial(data),
    );
    if let Ok(decoded) = Mai::decode(data)
        && let Ok(bytes) = decoded.mai.encode()
    {
        assert_eq!(
            Mai::decode(&bytes).map(|again| again.mai),
            Ok(decoded.mai.clone())
        );
        assert_eq!(mai::read_counter(&bytes), Ok(decoded.mai.counter));
    }
    if let Ok(p1) = P1::decode(data)
        && let Ok(bytes) = p1.encode()
    {
        assert_eq!(P1::decode(&bytes), Ok(p1));
    }
}

/// Transaction files: records and damage cover every byte once, records come back as they were.
pub fn transactions(data: &[u8]) {
    for trust in [Trust::Tree, Trust::Network] {
        let mut reader = RecordReader::new(data, trust);
        let mut end = 0;
        while let Some(item) = reader.next_item() {
            let Ok(item) = item;
            let (offset, len) = match item {
                Item::Damage(damage) => (damage.offset, damage.len_bytes),
                Item::Record { offset, record } => {
                    let bytes = record.encode().unwrap_or_default();
                    assert!(data[usize::try_from(offset).unwrap_or(0)..].starts_with(&bytes));
                    let _ = (record.is_dummy(), ResyncHeader::parse(record.text));
                    (offset, record.len_bytes() as u64)
                }
            };
            assert_eq!(offset, end);
            assert!(len > 0);
            end += len;
        }
        assert_eq!(end, data.len() as u64);
    }
    if let Ok(header) = ResyncHeader::parse(data) {
        assert_eq!(
            ResyncHeader::parse(header.to_string().as_bytes()),
            Ok(header)
        );
    }
}

/// Compressed attachments: whole or in pieces the answer is the same, and it is bounded.
pub fn compressed(data: &[u8]) {
    const LIMIT: usize = 1 << 20;
    let whole = compressed::expand(data, LIMIT);
    let mut expander = Expander::new();
    let mut out = Vec::new();
    let mut fault = false;
    for piece in data.chunks(7) {
        let mut sink = |made: &[u8]| -> Result<(), Infallible> {
            out.extend_from_slice(made);
            Ok(())
        };
        if expander.push(piece, &mut sink).is_err() || out.len() > LIMIT {
            fault = true;
            break;
        }
    }
    match whole {
        Ok(original) => {
            assert!(!fault && expander.finish().is_ok());
            assert_eq!(out, original);
            if let Ok(again) = compressed::compress(&original) {
                assert_eq!(compressed::expand(&again, LIMIT), Ok(original));
            }
        }
        Err(_) => assert!(fault || expander.finish().is_err()),
    }
}

/// Templates and INF records. Input: template text, FFh, INF text or record.
pub fn template_inf(data: &[u8]) {
    let split = data
        .iter()
        .position(|&byte| byte == 0xFF)
        .unwrap_or(data.len());
    let (text, inf) = (&data[..split], data.get(split + 1..).unwrap_or_default());
    let (template, faults) = Template::parse_lenient(text);
    assert_eq!(Template::parse(text).is_ok(), faults.is_empty());
    assert_eq!(Template::parse(&template.to_text()), Ok(template.clone()));
    for record in template.records_from_text(inf) {
        let Ok(record) = record else { break };
        let _ = template.record_to_text(&record);
        if let Ok(bytes) = template.encode_record(&record) {
            assert!(
                template
                    .record_values(&bytes)
                    .is_ok_and(|values| values == record)
            );
        }
    }
    let _ = template.record_values(inf);
    if let Some(bytes) = inf.get(..template.record_len_bytes()) {
        assert!(template.record_values(bytes).is_ok());
        assert!(template.record_count(bytes.len() as u64).is_some());
    }
}

/// Message bodies: what can be read can be written and reads the same.
pub fn bodies(data: &[u8]) {
    let Ok(profile) = Profile::parse(data) else {
        return;
    };
    let _ = (
        profile.task(),
        profile.carrier(),
        profile.is_native(),
        profile.transactions(),
    );
    if let Ok(body) = profile.body() {
        assert!(body.subject().len() <= 40);
        if let Ok(text) = body.encode() {
            assert!(
                Profile::parse(&text)
                    .and_then(|again| again.body())
                    .is_ok_and(|b| b == body)
            );
        }
    }
}

/// Short texts of the ground floor.
pub fn base_text(data: &[u8]) {
    if let Ok(id) = HexId::from_ascii(data) {
        assert!(id.to_string().as_bytes().eq_ignore_ascii_case(data));
    }
    if let Ok(header) = ResyncHeader::parse(data) {
        let _ = header.to_string();
    }
}

#[cfg(test)]
mod tests;
