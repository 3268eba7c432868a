//! The texts of the ground floor: transactions, addresses, dates, log lines, layout markers.

use crate::base::address::{Scope, TypeCase};
use crate::base::logline::{read_numeric_line, read_text_line};
use crate::base::time::read_log_stamp;
use crate::base::transaction::Form;
use crate::base::transaction::Reading;
use crate::base::zone::parse_zone;
use crate::base::{Address, CodePage, HexId, PoName, Transaction, UnixTime};
use crate::format::import_text::{Consistency, Encoding, ImportOptions, ImportReader, Item};
use crate::format::layout_txt::Layout;

/// Texts: what can be read and written again reads the same.
pub fn base_text(data: &[u8]) {
    if let Ok(id) = HexId::from_ascii(data) {
        assert!(id.to_string().as_bytes().eq_ignore_ascii_case(data));
    }
    if let Ok(transaction) = Transaction::parse(data) {
        let _ = (
            transaction.check(),
            transaction.lines(Form::Tab, TypeCase::Lower),
        );
        if let Ok(text) = transaction.to_record_text() {
            let _ = Transaction::parse(&text);
        }
    }
    if let Ok(address) = Address::parse(data) {
        let again = Address::parse(&address.to_bytes());
        assert!(again.is_ok(), "{address:?} is written unreadably");
        let _ = (address.check(), address.physical_record());
    }
    let _ = (Scope::parse(data), PoName::parse(data), Layout::parse(data));
    if let Ok(time) = UnixTime::from_fips(data) {
        assert_eq!(UnixTime::from_fips(time.fips().as_bytes()), Ok(time));
    }
    let text = CodePage::Cp850.decode(data);
    assert_eq!(CodePage::Cp850.encode(&text).as_deref(), Ok(data));
    let _ = (
        read_text_line(&text),
        read_numeric_line(&text),
        read_log_stamp(&text),
    );
    let _ = parse_zone(&text);
}

/// Import files: read alike in any pieces, faults inside the file, and what is taken and written
/// again is read again without fault.
pub fn import_text(data: &[u8]) {
    let Some((&how, file)) = data.split_first() else {
        return;
    };
    let options = ImportOptions {
        reading: if how & 1 == 0 {
            Reading::Lenient
        } else {
            Reading::Strict
        },
        encoding: match how >> 1 & 3 {
            0 | 1 => Encoding::default(),
            2 => Encoding::Page(CodePage::Cp437),
            _ => Encoding::Utf8,
        },
        lossy: how & 8 != 0,
    };
    let whole = items(file, options, file.len());
    assert_eq!(whole, items(file, options, usize::from(how >> 4) + 1));
    let mut consistency = Consistency::new();
    let mut again = Vec::new();
    let mut count = 0usize;
    for item in &whole {
        match item {
            Item::Transaction(placed) => {
                assert_eq!(placed.transaction.check(), Ok(()), "{placed:?}");
                let _ = consistency.see(&placed.transaction);
                count += 1;
                for line in placed.transaction.lines(Form::Columns, TypeCase::Upper) {
                    again.extend_from_slice(&line);
                    again.extend_from_slice(b"\r\n");
                }
            }
            Item::Fault(fault) => assert!(fault.column > 0 && fault.offset <= file.len() as u64),
            Item::Note(note) => assert!(note.column > 0 && !note.what.to_string().is_empty()),
        }
    }
    let strict = ImportOptions {
        reading: Reading::Strict,
        ..ImportOptions::default()
    };
    let read = items(&again, strict, 4096);
    let taken = read
        .iter()
        .filter(|item| matches!(item, Item::Transaction(_)))
        .count();
    let faults = read.iter().any(|item| matches!(item, Item::Fault(_)));
    assert!(
        taken == count && !faults,
        "written unreadably: {:?}",
        String::from_utf8_lossy(&again)
    );
}

fn items(file: &[u8], options: ImportOptions, piece: usize) -> Vec<Item> {
    let mut items = Vec::new();
    let mut reader = ImportReader::new(options);
    for bytes in file.chunks(piece.max(1)) {
        reader.feed(bytes, &mut |item| items.push(item));
    }
    reader.finish(&mut |item| items.push(item));
    items
}

/// Files of a gateway: read alike in any pieces, as long as the header says, and what is read and
/// written again reads the same. Input: a byte for line ends and pieces, then the file.
pub fn mmff(data: &[u8]) {
    use crate::format::mmff::{Eol, Header, NewMessage, write};
    let Some((&how, file)) = data.split_first() else {
        return;
    };
    let eol = [None, Some(Eol::Cr), Some(Eol::Lf), Some(Eol::CrLf)][usize::from(how & 3)];
    let (whole, end) = mmff_messages(file, eol, file.len());
    let pieces = mmff_messages(file, eol, usize::from(how >> 2) + 1);
    assert_eq!((&whole, &end), (&pieces.0, &pieces.1));
    for (header, text, attachments) in &whole {
        let Header { to, from, .. } = header;
        let named = header.attachments.iter().zip(attachments);
        let parts: Vec<(&[u8], &[u8])> = named.map(|(a, b)| (&a.name[..], &b[..])).collect();
        let message = NewMessage {
            to,
            from,
            written: jiff::civil::datetime(1999, 12, 31, 23, 59, 0, 0),
            subject: &header.subject,
            priority: header.priority,
            text,
            attachments: &parts,
        };
        let mut again = Vec::new();
        if write(&message, Eol::CrLf, &mut again).is_err() {
            continue;
        }
        let (read, end) = mmff_messages(&again, Some(Eol::CrLf), 512);
        assert!(end.is_none() && read.len() == 1, "{end:?}");
        assert_eq!((&read[0].0.to, &read[0].0.from), (to, from));
        assert_eq!((&read[0].1, &read[0].2), (text, attachments));
    }
}

type MmffMessage = (crate::format::mmff::Header, Vec<u8>, Vec<Vec<u8>>);

fn mmff_messages(
    file: &[u8],
    eol: Option<crate::format::mmff::Eol>,
    piece: usize,
) -> (Vec<MmffMessage>, Option<crate::format::mmff::ReadError>) {
    use crate::format::mmff::{Event, Reader};
    let mut reader = Reader::new(eol);
    let (mut done, mut open): (Vec<MmffMessage>, Option<MmffMessage>) = (Vec::new(), None);
    let mut sink = |event: Event<'_>| match event {
        Event::Header(header) => {
            let empty = vec![Vec::new(); header.attachments.len()];
            open = Some((*header, Vec::new(), empty));
        }
        Event::Text(piece) => {
            if let Some((_, text, _)) = &mut open {
                text.extend_from_slice(piece);
            }
        }
        Event::Attachment(index, piece) => {
            if let Some((_, _, attachments)) = &mut open {
                attachments[index].extend_from_slice(piece);
            }
        }
        Event::End => done.extend(open.take()),
    };
    let mut end = None;
    for bytes in file.chunks(piece.max(1)) {
        if let Err(fault) = reader.feed(bytes, &mut sink) {
            end = Some(fault.into());
            break;
        }
    }
    let last = reader.finish().err();
    (done, end.or(last))
}
