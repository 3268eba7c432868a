//! The transaction files as LISTQ prints them (Q96060, Q119449, Q110496).
//!
//! Files of any length are read record by record; damage is shown where it is and the rest goes on.
//! The published line is `%04X %-24s %06lu %s`: checksum, date, number, text. Without `--check` the
//! checksum is left out, without `--time` the date (INFERRED: the sample was made with both).

use std::ops::ControlFlow;

use jiff::tz::TimeZone;

use crate::core::base::codepage::{CodePage, escape_for_terminal};
use crate::core::base::time::UnixTime;
use crate::core::format::transactions::{Damage, Item, Kind, Reader, Record, Trust};
use crate::tree::TreeView;

use super::error::PoError;
use super::list_error::ListError;
use super::lists::waiting::FileRecords;

/// Transaction files that do not end in TRANS.
const OTHERS: [&str; 3] = ["RESYNC", "SRVUPDS", "REQUPDS"];

/// The name of a transaction file: one that ends in TRANS, or RESYNC (Q96060).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueName(String);

impl QueueName {
    /// Reads a name as typed: any case, with or without `.GLB`.
    ///
    /// # Errors
    /// A name of no transaction file.
    pub fn parse(text: &str) -> Result<Self, ListError> {
        let upper = text.trim().to_ascii_uppercase();
        let stem = upper.strip_suffix(".GLB").unwrap_or(&upper);
        let known = !stem.is_empty()
            && stem.len() <= 8
            && stem.bytes().all(|byte| byte.is_ascii_alphanumeric())
            && (stem.ends_with("TRANS") || OTHERS.contains(&stem));
        if known {
            Ok(Self(stem.to_owned()))
        } else {
            Err(ListError::Usage {
                why: format!("{text:?} is no transaction file"),
                hint: "give REQTRANS, SRVTRANS, MSTTRANS, USRTRANS, NMETRANS, GWTRANS or RESYNC",
            })
        }
    }

    /// The name in upper case, without ending.
    #[must_use]
    pub fn stem(&self) -> &str {
        &self.0
    }

    /// The documented path.
    #[must_use]
    pub fn path(&self) -> String {
        format!("GLB/{}.GLB", self.0)
    }
}

/// What to show of each record.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Columns {
    /// The date, `-t`.
    pub time: bool,
    /// The checksum, `-c`.
    pub check: bool,
}

/// One transaction of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Byte offset of the record.
    pub offset: u64,
    /// The checksum, which is right.
    pub crc: u16,
    /// When it was put into the file.
    pub date: UnixTime,
    /// Its number.
    pub sync: u32,
    /// What it is.
    pub kind: Kind,
    /// Its text; lines are joined with CR LF.
    pub text: String,
}

impl Listed {
    fn of(offset: u64, record: &Record<'_>) -> Self {
        // The reader checked the stored checksum, so computing it again gives the same.
        let crc = record
            .encode()
            .map_or(0, |bytes| u16::from_le_bytes([bytes[0], bytes[1]]));
        Self {
            offset,
            crc,
            date: UnixTime(record.head.date),
            sync: record.head.sync,
            kind: record.head.kind,
            text: CodePage::Cp850.decode(record.text),
        }
    }

    /// The lines of the listing. Every further line of a transaction stands below its first
    /// (ASSIGNED). TABs stay; whatever else could steer a terminal is escaped.
    #[must_use]
    pub fn lines(&self, columns: Columns, zone: &TimeZone) -> Vec<String> {
        let mut head = String::new();
        if columns.check {
            head.push_str(&format!("{:04X} ", self.crc));
        }
        if columns.time {
            head.push_str(&format!("{:<24} ", self.date.listing(zone)));
        }
        head.push_str(&format!("{:06} ", self.sync));
        let indent = " ".repeat(head.len());
        let shown = |line: &str| {
            let parts: Vec<_> = line.split('\t').map(escape_for_terminal).collect();
            parts.join("\t")
        };
        self.text
            .split("\r\n")
            .enumerate()
            .map(|(n, line)| {
                let front = if n == 0 { &head } else { &indent };
                format!("{front}{}", shown(line))
            })
            .collect()
    }

    /// The line of the older form, whose items are counted from 1 (Q110496).
    #[must_use]
    pub fn item_line(&self, item: u64) -> String {
        let text = escape_for_terminal(&self.text);
        format!("{item:<6} {:010} {text}<00>", self.sync)
    }
}

/// The lines above the records, behind a program's own banner.
#[must_use]
pub fn heading(postoffice: &str, queue: &QueueName, columns: Columns) -> Vec<String> {
    let mut lines = vec![
        format!(
            "Examining {postoffice} Dirsync transaction file: {}",
            queue.stem()
        ),
        String::new(),
    ];
    if columns.check {
        lines.extend(["Checking CRC...".to_owned(), String::new()]);
    }
    let mut head = String::new();
    if columns.check {
        head.push_str("CRC  ");
    }
    if columns.time {
        head.push_str("Date stamp               ");
    }
    head.push_str("Sync#  Transaction");
    lines.push(head);
    lines
}

/// The lines above the items of the older form (Q110496).
#[must_use]
pub fn item_heading() -> [&'static str; 2] {
    [
        "Item   Sync No.   Transaction",
        "------ ---------- ----------------------------------------------",
    ]
}

/// The line below the items of the older form.
pub const ITEM_END: &str = "End of Queue";

/// Something found in a transaction file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// A transaction.
    Transaction(Listed),
    /// Bytes that are none.
    Damage(Damage),
}

/// Calls `each` for everything in the file, in order.
///
/// # Errors
/// Message 2 when there is no such file; a disk error.
pub fn read(
    view: &TreeView,
    queue: &QueueName,
    each: &mut dyn FnMut(Found) -> ControlFlow<()>,
) -> Result<(), PoError> {
    let file = view
        .open_file(&queue.path())?
        .ok_or_else(|| ListError::Message {
            code: 2,
            about: queue.stem().to_owned(),
        })?;
    let mut reader = Reader::new(FileRecords(file), Trust::Tree);
    while let Some(item) = reader.next_item() {
        let found = match item? {
            Item::Record { offset, record } => Found::Transaction(Listed::of(offset, &record)),
            Item::Damage(damage) => Found::Damage(damage),
        };
        if each(found).is_break() {
            break;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::postoffice::config::tests::published;
    use crate::postoffice::testtree::TestPo;

    fn listed(po: &TestPo, name: &str) -> Vec<Found> {
        let mut found = Vec::new();
        let queue = QueueName::parse(name).unwrap();
        read(&po.view(), &queue, &mut |item| {
            found.push(item);
            ControlFlow::Continue(())
        })
        .unwrap();
        found
    }

    fn listing(po: &TestPo, name: &str, columns: Columns) -> Vec<String> {
        let queue = QueueName::parse(name).unwrap();
        let mut lines = heading("POLYNOMIAL/MONTGOMERY", &queue, columns);
        for item in listed(po, name) {
            match item {
                Found::Transaction(record) => lines.extend(record.lines(columns, &TimeZone::UTC)),
                Found::Damage(damage) => panic!("{damage:?}"),
            }
        }
        lines
    }

    /// The lines of a published listing behind its banner.
    fn printed(text: &str) -> Vec<String> {
        text.lines()
            .skip(3)
            .map(|line| line.replace("<tab>", "\t"))
            .collect()
    }

    // rule: dsp:R-T0-005
    // rule: dsp:R-LQ-002
    // rule: std:3
    // rule: pof:R-DSY-004
    #[test]
    fn the_published_listing_comes_from_a_tree_made_here() {
        let columns = Columns {
            time: true,
            check: true,
        };
        let ours = listing(&published(), "reqtrans", columns);
        let theirs = printed(include_str!(
            "../../../../fixtures/output/q96060-listq-reqtrans.txt"
        ));
        assert_eq!(ours.len(), theirs.len());
        // The checksum was never published; ours are those of decisions 5, TV-DEC-1.
        let crcs = ["BDDC", "26C7", "65B3", "BBFF", "17D8", "BDE6"];
        for (at, (ours, theirs)) in ours.iter().zip(&theirs).enumerate() {
            if at < 5 {
                assert_eq!(ours, theirs);
            } else {
                assert_eq!(&ours[4..], &theirs[4..]);
                assert_eq!(&ours[..4], crcs[at - 5]);
            }
        }
    }

    #[test]
    fn columns_that_were_not_asked_for_are_left_out() {
        let lines = listing(&published(), "REQTRANS.GLB", Columns::default());
        assert_eq!(lines[2], "Sync#  Transaction");
        assert_eq!(lines[3], "000001 R PCM:POLYNOMIAL/MONTGOMERY");
    }

    // rule: dsp:R-TXN-010
    #[test]
    fn the_older_form_shows_the_final_zero() {
        let po = TestPo::new("NET", "PO");
        let mut bytes = Vec::new();
        Record {
            text: crate::core::format::transactions::PODIAG_DUMMY_TEXT,
            ..Record::dummy(17, 0)
        }
        .encode_into(&mut bytes)
        .unwrap();
        assert_eq!(bytes.len(), 60);
        po.put("GLB/REQTRANS.GLB", &bytes);
        let Found::Transaction(record) = listed(&po, "REQTRANS").remove(0) else {
            panic!("damage");
        };
        let printed = include_str!("../../../../fixtures/output/q110496-listq-podiag.txt");
        let ours = [
            item_heading()[0].to_owned(),
            item_heading()[1].to_owned(),
            record.item_line(1).replace("0000000017", "XXXXXXXXXX"),
            ITEM_END.to_owned(),
        ];
        assert_eq!(ours.join("\n"), printed.trim_end());
    }

    // rule: dec:2.2
    #[test]
    fn damage_is_shown_and_the_rest_goes_on() {
        let po = published();
        let mut bytes = po.bytes("GLB/REQTRANS.GLB").unwrap();
        bytes[60] ^= 1;
        po.put("GLB/REQTRANS.GLB", &bytes);
        let found = listed(&po, "REQTRANS");
        assert_eq!(found.len(), 6);
        assert!(
            matches!(&found[1], Found::Damage(damage) if (damage.offset, damage.len_bytes) == (52, 88))
        );
        let missing = QueueName::parse("resync").unwrap();
        let error = read(&po.view(), &missing, &mut |_| ControlFlow::Continue(())).unwrap_err();
        assert!(error.to_string().contains("[  2]"), "{error}");
        for name in ["", "MASTER", "../REQTRANS", "REQTRANS/X", "TOOLONGTRANS"] {
            assert!(QueueName::parse(name).is_err(), "{name}");
        }
    }
}
