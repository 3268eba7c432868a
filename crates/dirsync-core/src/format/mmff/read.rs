//! Reading MMFF in pieces.

use jiff::civil::{Date, Time};

use super::fault::{Code, Fault, ReadError};
use super::{
    ATTACHMENTS_MAX, Attached, Eol, Header, LINE_MAX_BYTES, RECIPIENTS_MAX, SUBJECT_MAX_BYTES,
    Text, parse_address,
};
use crate::base::Address;

/// What the reader hands on.
#[derive(Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// A message begins.
    Header(Box<Header>),
    /// A piece of its text.
    Text(&'a [u8]),
    /// A piece of an attachment, by its number in the header.
    Attachment(usize, &'a [u8]),
    /// The message is whole.
    End,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Between,
    Header,
    Text(u32),
    Attachment(usize, u32),
    Failed,
}

/// A header that is being read.
#[derive(Debug, Default)]
struct Draft {
    version: Option<Vec<u8>>,
    to: Vec<Address>,
    from: Option<Address>,
    date: Option<Date>,
    time: Option<Time>,
    subject: Option<Vec<u8>>,
    priority: Option<u8>,
    attachments: Vec<Attached>,
    external: Vec<(Vec<u8>, Vec<u8>)>,
    header_lines: Option<u32>,
    /// The line that follows belongs to an `EXT` line.
    wants: Option<Extension>,
}

/// Reads messages one after the other. After a fault it takes nothing more.
#[derive(Debug)]
pub struct Reader {
    eol: Option<Eol>,
    state: State,
    line: Vec<u8>,
    pending_cr: bool,
    message: u32,
    line_number: u32,
    draft: Draft,
    /// Sizes of the attachments that are still to come.
    sizes: Vec<u32>,
}

impl Reader {
    /// A reader for lines that end as said, or, without, as the first line does (ASSIGNED: the
    /// originals were told).
    #[must_use]
    pub fn new(eol: Option<Eol>) -> Self {
        Self {
            eol,
            state: State::Between,
            line: Vec::new(),
            pending_cr: false,
            message: 0,
            line_number: 0,
            draft: Draft::default(),
            sizes: Vec::new(),
        }
    }

    /// How the lines of the file end, as far as it is known.
    #[must_use]
    pub fn eol(&self) -> Option<Eol> {
        self.eol
    }

    /// The message that was begun last, from 1; 0 when there was none.
    #[must_use]
    pub fn message(&self) -> u32 {
        self.message
    }

    fn fault(&mut self, code: Code, line: u32) -> Fault {
        self.state = State::Failed;
        Fault {
            code,
            message: self.message,
            line,
        }
    }

    /// Takes the next bytes.
    ///
    /// # Errors
    /// [`Fault`]; what was handed on of the message it is in is to be dropped.
    pub fn feed(&mut self, mut bytes: &[u8], sink: &mut dyn FnMut(Event<'_>)) -> Result<(), Fault> {
        while !bytes.is_empty() {
            match self.state {
                State::Failed => return Ok(()),
                State::Between => {
                    let skip = |byte: &u8| matches!(byte, b'\r' | b'\n' | 0x1A);
                    let blank = bytes.iter().take_while(|byte| skip(byte)).count();
                    bytes = bytes.get(blank..).unwrap_or_default();
                    if !bytes.is_empty() {
                        self.state = State::Header;
                        self.message = self.message.saturating_add(1);
                        self.line_number = 0;
                        self.draft = Draft::default();
                    }
                }
                State::Header => {
                    if let Some(line) = self.next_line(&mut bytes)? {
                        self.header_line(&line, sink)?;
                    }
                }
                State::Text(left) => {
                    let (piece, rest) = split(bytes, left);
                    sink(Event::Text(piece));
                    bytes = rest;
                    self.state = State::Text(less(left, piece));
                    self.go_on(sink);
                }
                State::Attachment(index, left) => {
                    let (piece, rest) = split(bytes, left);
                    sink(Event::Attachment(index, piece));
                    bytes = rest;
                    self.state = State::Attachment(index, less(left, piece));
                    self.go_on(sink);
                }
            }
        }
        Ok(())
    }

    /// The file has no more bytes.
    ///
    /// # Errors
    /// It ends inside a message; with lines that do not end as was said: 144 on line 2.
    pub fn finish(&mut self) -> Result<(), ReadError> {
        match self.state {
            State::Between | State::Failed => Ok(()),
            State::Header if self.has_other_break() => Err(self.other_break().into()),
            _ => Err(ReadError::CutOff {
                message: self.message,
            }),
        }
    }

    /// Whether the line holds a line end of another kind.
    fn has_other_break(&self) -> bool {
        self.eol.is_some() && self.line.iter().any(|byte| matches!(byte, b'\r' | b'\n'))
    }

    /// The documented fault of it: 144 on the line after (Q85055, Q118533).
    fn other_break(&mut self) -> Fault {
        let at = self
            .line
            .iter()
            .position(|byte| matches!(byte, b'\r' | b'\n'))
            .unwrap_or(0);
        let rest = self.line.split_off(at);
        let line = self.line_number.saturating_add(2);
        self.fault(Code::NoToken(rest), line)
    }

    /// Takes the bytes of a line; the line when its end is among them.
    fn next_line(&mut self, bytes: &mut &[u8]) -> Result<Option<Vec<u8>>, Fault> {
        while let Some((&byte, rest)) = bytes.split_first() {
            if self.pending_cr {
                self.pending_cr = false;
                match (self.eol, byte) {
                    (None, b'\n') => {
                        self.eol = Some(Eol::CrLf);
                        *bytes = rest;
                        return Ok(Some(std::mem::take(&mut self.line)));
                    }
                    (Some(_), b'\n') => {
                        *bytes = rest;
                        return Ok(Some(std::mem::take(&mut self.line)));
                    }
                    // The line ended in front of this byte.
                    (None, _) => {
                        self.eol = Some(Eol::Cr);
                        return Ok(Some(std::mem::take(&mut self.line)));
                    }
                    (Some(_), _) => self.line.push(b'\r'),
                }
            }
            *bytes = rest;
            match (self.eol, byte) {
                (None | Some(Eol::CrLf), b'\r') => self.pending_cr = true,
                (Some(Eol::Cr), b'\r') | (Some(Eol::Lf), b'\n') => {
                    return Ok(Some(std::mem::take(&mut self.line)));
                }
                (None, b'\n') => {
                    self.eol = Some(Eol::Lf);
                    return Ok(Some(std::mem::take(&mut self.line)));
                }
                _ => self.line.push(byte),
            }
            if self.line.len() > LINE_MAX_BYTES {
                if self.has_other_break() {
                    return Err(self.other_break());
                }
                let line = std::mem::take(&mut self.line);
                let number = self.line_number.saturating_add(1);
                return Err(self.fault(Code::NoToken(line), number));
            }
        }
        Ok(None)
    }

    fn header_line(&mut self, line: &[u8], sink: &mut dyn FnMut(Event<'_>)) -> Result<(), Fault> {
        self.line_number = self.line_number.saturating_add(1);
        match self.token(line) {
            Ok(None) => Ok(()),
            Ok(Some(text)) => {
                let header = self.header(text)?;
                self.sizes = header.attachments.iter().map(|a| a.size_bytes).collect();
                self.state = match header.text {
                    Text::Inline(size) => State::Text(size),
                    Text::External(_) => State::Text(0),
                };
                sink(Event::Header(Box::new(header)));
                self.go_on(sink);
                Ok(())
            }
            Err(code) => {
                let line = self.line_number;
                Err(self.fault(code, line))
            }
        }
    }

    /// The whole header. One without recipient or sender is 143 (ASSIGNED).
    fn header(&mut self, text: Text) -> Result<Header, Fault> {
        let draft = std::mem::take(&mut self.draft);
        let (Some(from), false) = (draft.from, draft.to.is_empty()) else {
            let line = self.line_number;
            return Err(self.fault(Code::Incomplete, line));
        };
        Ok(Header {
            version: draft.version.unwrap_or_else(|| b"3.00".to_vec()),
            to: draft.to,
            from,
            date: draft.date,
            time: draft.time,
            subject: draft.subject.unwrap_or_default(),
            priority: draft.priority,
            attachments: draft.attachments,
            external: draft.external,
            text,
            header_lines: draft.header_lines,
        })
    }

    /// Goes past everything of which nothing is left.
    fn go_on(&mut self, sink: &mut dyn FnMut(Event<'_>)) {
        loop {
            let next = match self.state {
                State::Text(0) => 0,
                State::Attachment(index, 0) => index.saturating_add(1),
                _ => return,
            };
            match self.sizes.get(next) {
                Some(&size) => {
                    self.state = State::Attachment(next, size);
                }
                None => {
                    self.state = State::Between;
                    sink(Event::End);
                    return;
                }
            }
        }
    }

    /// Takes a header line; where the text is, when the line ends the header.
    fn token(&mut self, line: &[u8]) -> Result<Option<Text>, Code> {
        let draft = &mut self.draft;
        match draft.wants.take() {
            Some(Extension::HeaderLines) => {
                let bad = || Code::BadToken(b"EXT".to_vec(), line.to_vec());
                draft.header_lines = Some(size(line).ok_or_else(bad)?);
                return Ok(None);
            }
            Some(Extension::Unknown) => return Ok(None),
            None => {}
        }
        let Some(colon) = line.iter().position(|&byte| byte == b':') else {
            return Err(Code::NoToken(line.to_vec()));
        };
        let (token, tail) = line.split_at(colon);
        let tail = tail.get(1..).unwrap_or_default();
        let bad = || Code::BadToken(token.to_vec(), tail.to_vec());
        let unknown = || Code::UnknownToken(token.to_vec(), tail.to_vec());
        // A line end of another kind inside: the line cannot be cut where it should (R-FFA-011).
        let is_version = token.eq_ignore_ascii_case(b"VERSION");
        let inner = if is_version { tail.trim_ascii() } else { tail };
        let upper = token.to_ascii_uppercase();
        if inner.iter().any(|byte| matches!(byte, b'\r' | b'\n')) {
            return Err(Code::NoToken(line.to_vec()));
        }
        match upper.as_slice() {
            b"VERSION" => {
                let version = tail.trim_ascii();
                let fits = version.len() <= 8
                    && version
                        .iter()
                        .all(|byte| byte.is_ascii_digit() || *byte == b'.');
                once(
                    &mut draft.version,
                    Some(version.to_vec()).filter(|_| fits),
                    bad,
                )?;
            }
            b"TO" => {
                if draft.to.len() >= RECIPIENTS_MAX {
                    return Err(bad());
                }
                draft.to.push(parse_address(tail)?);
            }
            b"FROM" => once(&mut draft.from, Some(parse_address(tail)?), bad)?,
            b"DATE" => once(&mut draft.date, date(tail), bad)?,
            b"TIME" => once(&mut draft.time, time(tail), bad)?,
            b"SUBJECT" => {
                let fits = tail.len() <= SUBJECT_MAX_BYTES;
                once(
                    &mut draft.subject,
                    Some(tail.to_vec()).filter(|_| fits),
                    bad,
                )?;
            }
            b"PRIORITY" => {
                let value = match tail.trim_ascii() {
                    [one @ (b'1'..=b'9' | b'A'..=b'Z' | b'a'..=b'z')] => Some(*one),
                    _ => None,
                };
                once(&mut draft.priority, value, bad)?;
            }
            b"ATTACHMENT" | b"ATTACHMENTS" => {
                let attached = attached(tail).ok_or_else(bad)?;
                if draft.attachments.len() >= ATTACHMENTS_MAX {
                    return Err(bad());
                }
                draft.attachments.push(attached);
            }
            b"XATTACH" => {
                let (physical, logical) = two(tail.trim_ascii());
                if physical.is_empty() || draft.external.len() >= ATTACHMENTS_MAX {
                    return Err(bad());
                }
                draft.external.push((physical.to_vec(), logical.to_vec()));
            }
            // The rest of the extended grammar was never published: a pair of the known form is passed
            // over with its value (transport-admin OQ-16).
            b"EXT" => draft.wants = Some(extension(tail.trim_ascii()).ok_or_else(unknown)?),
            b"TEXT" => return Ok(Some(Text::Inline(size(tail).ok_or_else(bad)?))),
            b"XTEXT" => {
                let name = tail.trim_ascii();
                if name.is_empty() {
                    return Err(Code::NoTextFile);
                }
                return Ok(Some(Text::External(name.to_vec())));
            }
            _ => return Err(unknown()),
        }
        Ok(None)
    }
}

/// What the line behind an `EXT` line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Extension {
    /// The number of header lines inside the text.
    HeaderLines,
    /// Something else: a value of one line.
    Unknown,
}

/// Reads `type:number:name`; `None` for another form.
fn extension(tail: &[u8]) -> Option<Extension> {
    if tail.eq_ignore_ascii_case(b"I:3:HEADLEN") {
        return Some(Extension::HeaderLines);
    }
    let mut parts = tail.split(|&byte| byte == b':');
    let (kind, number, name) = (parts.next()?, parts.next()?, parts.next()?);
    let known_form = matches!(kind, [letter] if letter.is_ascii_alphabetic())
        && !number.is_empty()
        && number.iter().all(u8::is_ascii_digit)
        && !name.is_empty()
        && parts.next().is_none();
    known_form.then_some(Extension::Unknown)
}

/// Sets a line that occurs once.
fn once<T>(place: &mut Option<T>, value: Option<T>, bad: impl Fn() -> Code) -> Result<(), Code> {
    if place.is_some() || value.is_none() {
        return Err(bad());
    }
    *place = value;
    Ok(())
}

fn split(bytes: &[u8], left: u32) -> (&[u8], &[u8]) {
    let len = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
    bytes.split_at(len)
}

/// What is left after a piece, which is never longer.
fn less(left: u32, piece: &[u8]) -> u32 {
    left.saturating_sub(u32::try_from(piece.len()).unwrap_or(u32::MAX))
}

fn size(text: &[u8]) -> Option<u32> {
    let text = text.trim_ascii();
    let digits = !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    digits
        .then(|| std::str::from_utf8(text).ok()?.parse().ok())
        .flatten()
}

/// `name size`; the name may hold blanks.
fn attached(tail: &[u8]) -> Option<Attached> {
    let tail = tail.trim_ascii();
    let blank = tail.iter().rposition(|&byte| byte == b' ')?;
    let (name, digits) = tail.split_at(blank);
    let name = name.trim_ascii();
    (!name.is_empty()).then_some(())?;
    Some(Attached {
        name: name.to_vec(),
        size_bytes: size(digits)?,
    })
}

fn two(text: &[u8]) -> (&[u8], &[u8]) {
    match text.iter().position(|&byte| byte == b' ') {
        Some(blank) => {
            let (first, second) = text.split_at(blank);
            (first, second.trim_ascii())
        }
        None => (text, b""),
    }
}

/// `yyyy-mm-dd`.
fn date(tail: &[u8]) -> Option<Date> {
    let [y, m, d] = numbers(tail, b'-')?;
    Date::new(
        i16::try_from(y).ok()?,
        i8::try_from(m).ok()?,
        i8::try_from(d).ok()?,
    )
    .ok()
}

/// `hh:mm`, seconds if they are there.
fn time(tail: &[u8]) -> Option<Time> {
    let [hour, minute, second] = match numbers::<2>(tail, b':') {
        Some([hour, minute]) => [hour, minute, 0],
        None => numbers::<3>(tail, b':')?,
    };
    let small = |n: u32| i8::try_from(n).ok();
    Time::new(small(hour)?, small(minute)?, small(second)?, 0).ok()
}

fn numbers<const N: usize>(text: &[u8], by: u8) -> Option<[u32; N]> {
    let mut out = [0; N];
    let mut parts = text.trim_ascii().split(|&byte| byte == by);
    for place in &mut out {
        *place = size(parts.next()?)?;
    }
    parts.next().is_none().then_some(out)
}
