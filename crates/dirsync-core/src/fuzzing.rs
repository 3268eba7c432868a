//! What the fuzz targets run: every decoder of a family over one input, with the properties that
//! must hold whatever the input is. A property that does not hold panics.
//!
//! The functions stand here and not in the fuzz crate so that the normal tests replay the committed
//! corpus (`fuzz/corpus/<target>/`) without a fuzzer. No part of the library uses them.

#![allow(clippy::panic)]

use std::convert::Infallible;

mod mta;
mod text;

pub use mta::mta;

use crate::base::collate::plain_letter;
use crate::base::{HexId, Tid};
use crate::format::access::{ACCESS, ACCESS2, ACCESS3, Users};
use crate::format::body::Profile;
use crate::format::compressed::{self, Expander};
use crate::format::counters::{ControlRecord, FlagRecord, RnetSemRecord, TidRecord};
use crate::format::evt;
use crate::format::fips98::{self, Element, Reader};
use crate::format::folders::{IDX, SerialNoRecord};
use crate::format::galindex::{GALINDEX, GalIndex};
use crate::format::galnetpo::GALNETPO;
use crate::format::gateway_list::GatewayList;
use crate::format::group::{GROUP, GRPMEM, MEM};
use crate::format::grp::{self, GRP, GrpFile};
use crate::format::key::{KEY_LEN_BYTES, Key};
use crate::format::mai::{self, Mai};
use crate::format::mailbag::{Mailbag, MailbagChange};
use crate::format::master::MasterRecord;
use crate::format::mbg::{MBG_FILE, MbgRecord};
use crate::format::netpo::{self, NETPO};
use crate::format::network::{self, NETWORK};
use crate::format::nme::NME;
use crate::format::opaque::{GlobalRecord, ModemRecord};
use crate::format::p1::P1;
use crate::format::process::PROCESS;
use crate::format::received::RECEIVED;
use crate::format::record::{FileLayout, FixedRecord};
use crate::format::reqconf::{ReqConfRecord, split_types};
use crate::format::srvconf::SRVCONF;
use crate::format::template::Template;
use crate::format::transactions::{Item, Reader as RecordReader, ResyncHeader, Trust};
use crate::format::usr::USR;
use crate::format::xtn::{self, XTN};

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
        name: "evt",
        run: evt,
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
        name: "mta",
        run: mta,
    },
    Target {
        name: "base_text",
        run: base_text,
    },
    Target {
        name: "import_text",
        run: import_text,
    },
    Target {
        name: "mmff",
        run: mmff,
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
    file(&ACCESS, data, |_| {});
    file(&ACCESS2, data, |record| {
        let _ = (record.mailbox.text(), record.mailbag.get());
    });
    file(&ACCESS3, data, |_| {});
    file(&NME, data, |_| {});
    file(&USR, data, |_| {});
    file(&GALNETPO, data, |_| {});
    file(&GROUP, data, |_| {});
    file(&GRPMEM, data, |_| {});
    file(&MEM, data, |_| {});
    file(&IDX, data, |_| {});
    file(&NETWORK, data, |record| {
        let _ = (record.xtn.get(), record.mailbag.get());
    });
    file(&XTN, data, |record| {
        let _ = record.mailbag.get();
    });
    file(&PROCESS, data, |record| {
        let _ = (record.process(), record.last_moment());
    });
    file(&RECEIVED, data, |record| {
        let _ = record.is_used();
    });
    file(&SRVCONF, data, |record| {
        let _ = record.asked_types().count();
    });
    file(&NETPO, data, |record| {
        let _ = record.is_live();
    });
    file(&GRP, data, |_| {});
    file(&GALINDEX, data, |_| {});
    one::<MasterRecord>(data, |record| {
        let _ = (record.has_magic(), record.is_internetwork());
    });
    one::<ReqConfRecord>(data, |record| {
        let _ = split_types(&record.types).count();
    });
    one::<ControlRecord>(data, |_| {});
    one::<TidRecord>(data, |record| {
        let _ = record.next();
    });
    one::<FlagRecord>(data, |record| {
        let _ = record.bumped();
    });
    one::<RnetSemRecord>(data, |_| {});
    one::<GlobalRecord>(data, |_| {});
    one::<ModemRecord>(data, |_| {});
    one::<SerialNoRecord>(data, |_| {});
    chains(data);
}

/// Walkers that follow offsets from record to record: they end, and visit nothing twice.
fn chains(data: &[u8]) {
    if let Ok(view) = NETPO.view(data) {
        assert!(netpo::deleted_chain(&view).count() <= view.records.len() + 1);
        let _ = netpo::slot_for_new(&view);
    }
    if let Ok(view) = GRP.view(data) {
        for pointer in [8, 16, data.len().try_into().unwrap_or(u32::MAX)] {
            assert!(grp::members(&view, pointer).count() <= view.records.len() + 1);
            let mut file = GrpFile::from_view(&view);
            if file.replace(pointer, &[Tid(7), Tid(9)]).is_ok_and(|first| {
                file.members(first)
                    .is_ok_and(|found| found != [Tid(7), Tid(9)])
            }) {
                panic!("a replaced group has other members");
            }
        }
    }
    if let Ok(list) = GatewayList::new(data) {
        let _ = (list.at_offset(4), list.take(data.len() + 1).count());
    }
    let (index, gal) = data.split_at(data.len() / 2);
    if let Ok(gal) = NME.view(gal)
        && let Ok(index) = GalIndex::new(index, gal.records)
    {
        let fold = |byte: u8| plain_letter(byte).unwrap_or(byte);
        let _ = index.find(b"a", fold);
        index.entries().iter().for_each(|entry| {
            let _ = index.word(entry, fold);
        });
    }
    if let (Ok(a), Ok(b), Ok(c)) = (ACCESS.view(data), ACCESS2.view(data), ACCESS3.view(data)) {
        let users = Users::new(a.records, b.records, c.records);
        let _ = (
            users.counts_agree(),
            users.iter().count(),
            users.find(b"Admin"),
        );
    }
    if let (Ok(a), Ok(b)) = (NETWORK.view(data), XTN.view(data)) {
        let _ = (
            network::find_own(a.records, b"NET"),
            xtn::find(b.records, b"PO"),
        );
    }
}

/// A file of one record; `look` asks it everything it can tell.
fn one<R: FixedRecord>(data: &[u8], look: impl Fn(&R)) {
    if let Ok(record) = R::decode(data) {
        look(&record);
        assert_eq!(record.encode(), data);
    }
    if let Ok(record) = R::view(data) {
        look(record);
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

/// Event log files of Windows NT: what was read is written, and read again as the same events.
pub fn evt(data: &[u8]) {
    let Ok(log) = evt::read(data) else { return };
    assert!(log.records.len() <= data.len() / 60);
    let mut writer = evt::EvtWriter::new();
    let mut kept = Vec::new();
    for record in log.records {
        if writer.push(&record).is_ok() {
            kept.push(record);
        }
    }
    let Ok(bytes) = writer.finish() else {
        panic!("a file of {} events is too long", kept.len());
    };
    let Ok(again) = evt::read(&bytes) else {
        panic!("what was written is no log");
    };
    assert!(again.faults.is_empty());
    for (number, record) in (1..).zip(&mut kept) {
        record.number = number;
    }
    assert_eq!(again.records, kept);
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

pub use text::{base_text, import_text, mmff};

#[cfg(test)]
mod tests;
