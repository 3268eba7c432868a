//! Lines to transactions, one transaction at a time.

use super::{
    Encoding, FileFault, ImportOptions, Item, LINE_MAX_BYTES, Note, NoteKind, Placed,
    TRANSACTION_MAX_BYTES, Tally, columns,
};
use crate::base::address::physical::check_x400;
use crate::base::address::{AddressType, Fault};
use crate::base::codepage::CodePage;
use crate::base::transaction::info::is_info;
use crate::base::transaction::line::read_entry;
use crate::base::transaction::read::{first_line, next_line};
use crate::base::transaction::{
    Entry, Info, Layout, Reading, TemplateLine, Transaction, UserOption, opens_transaction,
};
use crate::format::template::{FIELDS_MAX, TemplateField};

/// The byte that ends a text file of DOS (OQ-15).
const END_MARK: u8 = 0x1A;
const UTF8_MARK: [u8; 3] = [0xEF, 0xBB, 0xBF];

type Each<'a> = &'a mut dyn FnMut(Item);

/// The transaction whose lines are being read.
#[derive(Debug)]
struct Block {
    line: u64,
    offset: u64,
    /// The code in capitals.
    code: u8,
    /// `None` when its first line is wrong.
    transaction: Option<Transaction>,
    layout: Layout,
    /// A line of it is wrong.
    spoiled: bool,
    /// The type of the address, when it is known.
    kind: Option<AddressType>,
    /// Faults 24 and 82 are said once for a transaction.
    said: [bool; 2],
    bytes: usize,
}

/// A line and where it stands.
#[derive(Clone, Copy)]
struct At<'a> {
    line: u64,
    offset: u64,
    text: &'a [u8],
}

/// Reads an import file piece by piece.
#[derive(Debug)]
pub struct ImportReader {
    options: ImportOptions,
    tally: Tally,
    /// The part of a line that has come.
    partial: Vec<u8>,
    /// The rest of the line is too long to be kept.
    overlong: bool,
    /// Byte offset of the current line.
    offset: u64,
    /// Bytes taken so far.
    taken: u64,
    /// Bytes behind the end mark, when it has come.
    behind_end: Option<u64>,
    block: Option<Block>,
}

impl ImportReader {
    /// A reader at the beginning of a file.
    #[must_use]
    pub fn new(options: ImportOptions) -> Self {
        Self {
            options,
            tally: Tally::default(),
            partial: Vec::new(),
            overlong: false,
            offset: 0,
            taken: 0,
            behind_end: None,
            block: None,
        }
    }

    /// Takes the next bytes of the file, cut anywhere, and hands out what they complete.
    pub fn feed(&mut self, bytes: &[u8], each: Each<'_>) {
        let mut rest = bytes;
        if let Some(behind) = &mut self.behind_end {
            *behind = behind.saturating_add(rest.len() as u64);
            return;
        }
        if let Some(end) = rest.iter().position(|&byte| byte == END_MARK) {
            let behind = rest.len().saturating_sub(end).saturating_sub(1);
            self.behind_end = Some(behind as u64);
            rest = &rest[..end];
        }
        while let Some(end) = rest.iter().position(|&byte| byte == b'\n') {
            let (line, after) = rest.split_at(end);
            rest = after.get(1..).unwrap_or_default();
            self.taken = self.taken.saturating_add(line.len() as u64);
            // The usual line stands in the bytes as a whole and is not copied.
            if self.partial.is_empty() && !self.overlong {
                self.line(line, each);
            } else {
                self.keep(line);
                self.line_of_partial(each);
            }
            self.taken = self.taken.saturating_add(1);
            self.offset = self.taken;
        }
        self.taken = self.taken.saturating_add(rest.len() as u64);
        self.keep(rest);
    }

    /// The end of the file.
    pub fn finish(mut self, each: Each<'_>) -> Tally {
        if !self.partial.is_empty() || self.overlong {
            self.line_of_partial(each);
        }
        self.end_block(None, each);
        if let Some(behind) = self.behind_end.filter(|&behind| behind > 0) {
            each(Item::Note(Note {
                line: self.tally.lines,
                column: 1,
                offset: self.taken,
                what: NoteKind::BehindEndMark(behind),
            }));
        }
        self.tally
    }

    /// What has been read so far.
    #[must_use]
    pub fn tally(&self) -> Tally {
        self.tally
    }

    fn keep(&mut self, bytes: &[u8]) {
        // CRs and the LF are not counted; a few more bytes than the limit are kept so that they
        // can be cut off.
        let room = (LINE_MAX_BYTES + 64).saturating_sub(self.partial.len());
        self.overlong |= bytes.len() > room;
        self.partial
            .extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    fn line_of_partial(&mut self, each: Each<'_>) {
        let line = std::mem::take(&mut self.partial);
        let overlong = std::mem::take(&mut self.overlong);
        if overlong {
            self.tally.lines = self.tally.lines.saturating_add(1);
            let at = At {
                line: self.tally.lines,
                offset: self.offset,
                text: &line,
            };
            self.corrupt(at, LINE_MAX_BYTES, "the line is too long", each);
        } else {
            self.line(&line, each);
        }
        self.partial = line;
        self.partial.clear();
    }

    /// One line without LF.
    fn line(&mut self, line: &[u8], each: Each<'_>) {
        self.tally.lines = self.tally.lines.saturating_add(1);
        let mut text = line;
        while let Some(shorter) = text.strip_suffix(b"\r") {
            text = shorter;
        }
        let at = |text| At {
            line: self.tally.lines,
            offset: self.offset,
            text,
        };
        if self.options.encoding == Encoding::Page(CodePage::Cp850) {
            self.decoded(at(text), each);
            return;
        }
        let decoded = match self.options.encoding {
            Encoding::Page(page) => page.decode(text),
            Encoding::Utf8 => {
                let plain = (self.tally.lines == 1)
                    .then(|| text.strip_prefix(&UTF8_MARK))
                    .flatten()
                    .unwrap_or(text);
                match std::str::from_utf8(plain) {
                    Ok(text) => text.to_owned(),
                    Err(error) => {
                        let column = String::from_utf8_lossy(&plain[..error.valid_up_to()])
                            .chars()
                            .count();
                        self.corrupt(at(text), column, "this is not UTF-8", each);
                        return;
                    }
                }
            }
        };
        let lossy = CodePage::Cp850.encode_lossy(&decoded);
        if let Some(first) = lossy.replaced.first() {
            if !self.options.lossy {
                let about = format!(
                    "{:?} (U+{:04X}) is not in code page 850; --lossy writes ? for it",
                    first.character,
                    u32::from(first.character)
                );
                self.corrupt(at(&lossy.bytes), first.position, &about, each);
                return;
            }
            each(Item::Note(Note {
                line: self.tally.lines,
                column: column_number(first.position.saturating_add(1)),
                offset: self.offset,
                what: NoteKind::Replaced(lossy.replaced.iter().map(|r| r.character).collect()),
            }));
        }
        self.decoded(at(&lossy.bytes), each);
    }

    /// A line in code page 850.
    fn decoded(&mut self, at: At<'_>, each: Each<'_>) {
        let text = at.text;
        if text.iter().all(|byte| matches!(byte, b' ' | b'\t')) {
            if self.block.as_ref().is_some_and(|block| block.code == b'T') {
                self.end_block(None, each);
            }
            return;
        }
        if text.first() == Some(&b'#') {
            self.tally.comments = self.tally.comments.saturating_add(1);
            return;
        }
        if text.len() > LINE_MAX_BYTES {
            self.corrupt(at, LINE_MAX_BYTES, "the line is too long", each);
            return;
        }
        if let Some(bad) = text.iter().position(|byte| matches!(byte, 0 | b'\r')) {
            let about = if text[bad] == 0 { "a NUL" } else { "a lone CR" };
            self.corrupt(at, bad, about, each);
            return;
        }
        if opens_transaction(text) {
            self.open(at, each);
        } else {
            self.further(at, each);
        }
    }

    /// A line that cannot be read at all.
    fn corrupt(&mut self, at: At<'_>, column: usize, about: &str, each: Each<'_>) {
        if opens_transaction(at.text) {
            self.end_block(None, each);
        } else if let Some(block) = &mut self.block {
            block.spoiled = true;
        }
        self.fault(
            at,
            column.saturating_add(1),
            Fault::Corrupt,
            about.to_owned(),
            each,
        );
    }

    fn fault(&mut self, at: At<'_>, column: usize, fault: Fault, about: String, each: Each<'_>) {
        self.tally.faults = self.tally.faults.saturating_add(1);
        each(Item::Fault(FileFault {
            line: at.line,
            column: column_number(column),
            offset: at.offset,
            fault,
            about,
        }));
    }

    fn note(at: At<'_>, column: usize, what: NoteKind, each: Each<'_>) {
        each(Item::Note(Note {
            line: at.line,
            column: column_number(column),
            offset: at.offset,
            what,
        }));
    }

    /// The first line of a transaction.
    fn open(&mut self, at: At<'_>, each: Each<'_>) {
        let code = at.text.first().copied().unwrap_or_default();
        let read = first_line(at.text, self.options.reading);
        self.end_block(read.as_ref().err().copied(), each);
        let mut block = Block {
            line: at.line,
            offset: at.offset,
            code: code.to_ascii_uppercase(),
            transaction: None,
            layout: Layout::Tab,
            spoiled: false,
            kind: None,
            said: [false; 2],
            bytes: at.text.len(),
        };
        let checked = read.and_then(|(transaction, layout)| {
            block.layout = layout;
            block.kind = transaction.scope().map(|scope| scope.kind);
            match &transaction {
                Transaction::Replace { .. } | Transaction::Template { .. } => {
                    transaction.check()?
                }
                _ => {
                    if let Some(entry) = transaction.entry() {
                        entry.address.check()?;
                    }
                }
            }
            Ok(transaction)
        });
        match checked {
            Ok(transaction) => {
                if code.is_ascii_lowercase() {
                    Self::note(at, 1, NoteKind::SmallCode, each);
                } else if block.layout == Layout::Loose {
                    let column = loose_column(at.text);
                    Self::note(at, column, NoteKind::LooseColumns, each);
                }
                if let Some(entry) = transaction.entry() {
                    x400_notes(at, entry, each);
                }
                block.transaction = Some(transaction);
            }
            Err(fault) => {
                let column = match block.code {
                    _ if fault == Fault::CommandColumn => 1,
                    b'R' | b'T' => columns::of_scope(at.text, fault),
                    _ => columns::of_entry(at.text, self.options.reading, fault),
                };
                block.spoiled = true;
                self.fault(at, column, fault, String::new(), each);
            }
        }
        self.block = Some(block);
    }

    /// A line that continues the transaction.
    fn further(&mut self, at: At<'_>, each: Each<'_>) {
        let reading = self.options.reading;
        let Some(mut block) = self.block.take() else {
            let about = "there is no transaction before this line".to_owned();
            self.fault(at, 1, Fault::NoTransaction, about, each);
            return;
        };
        block.bytes = block.bytes.saturating_add(at.text.len()).saturating_add(2);
        let result = if block.bytes > TRANSACTION_MAX_BYTES {
            Err((Fault::Corrupt, 1, "the transaction is too long".to_owned()))
        } else {
            take(&mut block, at, reading, each)
        };
        if let Err((fault, column, about)) = result {
            // Each line behind the limit would say the same.
            let again = fault == Fault::Corrupt && block.spoiled && block.transaction.is_none();
            block.spoiled = true;
            if fault == Fault::Corrupt {
                block.transaction = None;
            }
            if !again {
                self.fault(at, column, fault, about, each);
            }
        }
        self.block = Some(block);
    }

    /// The transaction has all its lines. `next` is what is wrong with the line that follows.
    fn end_block(&mut self, next: Option<Fault>, each: Each<'_>) {
        let Some(block) = self.block.take() else {
            return;
        };
        let at = At {
            line: block.line,
            offset: block.offset,
            text: &[],
        };
        let transaction = match block.transaction {
            Some(transaction) if !block.spoiled => transaction,
            _ => {
                self.tally.left_out = self.tally.left_out.saturating_add(1);
                return;
            }
        };
        if let Transaction::Template { fields, .. } = &transaction
            && fields.is_empty()
        {
            // DOCUMENTED: T throws all template data of its list away (Q125920). ASSIGNED: one
            // without fields is a mistake, most likely fields in column 1 (Q104281 as printed).
            self.tally.left_out = self.tally.left_out.saturating_add(1);
            if matches!(next, Some(Fault::CommandColumn | Fault::Separator)) {
                Self::note(at, 1, NoteKind::TemplateWithoutFields, each);
            } else {
                let about = "a template without fields".to_owned();
                self.fault(at, 1, Fault::NoEffect, about, each);
            }
            return;
        }
        self.tally.transactions = self.tally.transactions.saturating_add(1);
        each(Item::Transaction(Placed {
            line: block.line,
            offset: block.offset,
            transaction,
            layout: block.layout,
        }));
    }
}

fn column_number(column: usize) -> u32 {
    u32::try_from(column).unwrap_or(u32::MAX)
}

/// Where the address of a loosely laid out line begins.
fn loose_column(text: &[u8]) -> usize {
    crate::base::transaction::line::split_entry(text, Reading::Lenient)
        .map_or(1, |split| split.address.start.saturating_add(1))
}

fn x400_notes(at: At<'_>, entry: &Entry, each: Each<'_>) {
    if entry.address.kind() != AddressType::X400 {
        return;
    }
    for warning in check_x400(&entry.address.physical()).unwrap_or_default() {
        let column = loose_column(at.text);
        ImportReader::note(at, column, NoteKind::X400(warning), each);
    }
}

type Refused = (Fault, usize, String);

fn plain(fault: Fault, column: usize) -> Refused {
    (fault, column, String::new())
}

/// Adds a line to a transaction, or only looks whether it has its form when the transaction is
/// spoiled already.
fn take(block: &mut Block, at: At<'_>, reading: Reading, each: Each<'_>) -> Result<(), Refused> {
    let text = at.text;
    let end = text.len().saturating_add(1);
    let info = is_info(text) && block.code != b'T';
    if info || text.first() == Some(&b'&') {
        allowed(block, info)?;
    }
    let known = block.transaction.is_some();
    if info {
        let line = Info::parse(text).map_err(|fault| plain(fault, end));
        if !known {
            return line.map(|_| ());
        }
        line?;
    } else if text.first() == Some(&b'&') {
        let line = UserOption::parse(text).map_err(|fault| {
            let about = CodePage::Cp850.decode(text);
            (fault, 1, about)
        });
        if !known {
            return line.map(|_| ());
        }
        line?;
    } else if block.code == b'T' {
        field(block, text)?;
    } else if block.code == b'M' && text.first() == Some(&b' ') {
        let second = matches!(&block.transaction, Some(Transaction::Modify { new: None, info, options, .. }) if info.is_empty() && options.is_empty());
        if second || !known {
            let bad = |fault| plain(fault, columns::of_entry(text, reading, fault));
            let (entry, layout) = read_entry(text, reading).map_err(bad)?;
            entry.address.check().map_err(bad)?;
            x400_notes(at, &entry, each);
            if layout == Layout::Loose {
                ImportReader::note(at, loose_column(text), NoteKind::LooseColumns, each);
            }
            // Template lines and options that follow are those of the new address.
            block.kind = Some(entry.address.kind());
        }
    }
    if let Some(transaction) = &mut block.transaction {
        let layout = next_line(transaction, text, reading).map_err(|fault| plain(fault, 1))?;
        block.layout = block.layout.max(layout);
    }
    Ok(())
}

/// Whether template lines (24) or user options (82) fit the address.
fn allowed(block: &mut Block, info: bool) -> Result<(), Refused> {
    let Some(kind) = block.kind.filter(|_| matches!(block.code, b'A' | b'M')) else {
        return Ok(());
    };
    let (fits, fault, said) = if info {
        (kind.is_three_part(), Fault::TemplateNotAllowed, 0)
    } else {
        let own = kind == AddressType::Pcm;
        (own, Fault::UserOptionNotAllowed, 1)
    };
    if fits || block.said[said] {
        return Ok(());
    }
    block.said[said] = true;
    Err(plain(fault, 1))
}

/// Looks at a field of a template.
fn field(block: &Block, text: &[u8]) -> Result<(), Refused> {
    let bad = |about: String| (Fault::TemplateLine, 2, about);
    let line = text
        .strip_prefix(b" ")
        .ok_or(plain(Fault::CommandColumn, 1))?;
    TemplateLine::new(line).map_err(|fault| plain(fault, 2))?;
    if let Some(Transaction::Template { fields, .. }) = &block.transaction
        && fields.len() >= FIELDS_MAX
    {
        return Err(bad(format!("more than {FIELDS_MAX} fields")));
    }
    TemplateField::parse(line)
        .map(|_| ())
        .map_err(|fault| bad(fault.to_string()))
}
