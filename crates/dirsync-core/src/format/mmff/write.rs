//! Writing MMFF.

use jiff::civil::DateTime;

use super::{Eol, LINE_MAX_BYTES, SUBJECT_MAX_BYTES, write_address};
use crate::base::{Address, DecodeError, DecodeErrorKind};

const WHAT: &str = "MMFF message";

/// A message to be written. Texts are code page 850.
#[derive(Debug, Clone)]
pub struct NewMessage<'a> {
    /// Its recipients.
    pub to: &'a [Address],
    /// Its sender.
    pub from: &'a Address,
    /// When it was written, on the postoffice's clock.
    pub written: DateTime,
    /// The subject; cut at 63 bytes.
    pub subject: &'a [u8],
    /// 1-9 or a letter.
    pub priority: Option<u8>,
    /// The text, lines ended by CR LF.
    pub text: &'a [u8],
    /// Name and bytes of each attachment.
    pub attachments: &'a [(&'a [u8], &'a [u8])],
}

/// Appends a message whose lines end with `eol`; the text's too.
///
/// # Errors
/// No recipient; a line that a reader would refuse, longer than [`LINE_MAX_BYTES`]; a text or attachment
/// beyond 4 GiB.
pub fn write(message: &NewMessage<'_>, eol: Eol, out: &mut Vec<u8>) -> Result<(), DecodeError> {
    if message.to.is_empty() {
        let kind = DecodeErrorKind::BadField("recipients");
        return Err(DecodeError::new(WHAT, 0, kind));
    }
    let mut longest = 0;
    let mut line = |token: &str, value: &[u8]| {
        longest = longest.max(token.len().saturating_add(1).saturating_add(value.len()));
        out.extend_from_slice(token.as_bytes());
        out.push(b':');
        // What would break the line is no part of a header.
        out.extend(value.iter().map(|&b| if b < b' ' { b' ' } else { b }));
        out.extend_from_slice(eol.bytes());
    };
    line("VERSION", b"3.00");
    for to in message.to {
        line("TO", &write_address(to));
    }
    line("FROM", &write_address(message.from));
    let (date, time) = (message.written.date(), message.written.time());
    let (y, m, d) = (date.year(), date.month(), date.day());
    line("DATE", format!("{y:04}-{m:02}-{d:02}").as_bytes());
    line(
        "TIME",
        format!("{:02}:{:02}", time.hour(), time.minute()).as_bytes(),
    );
    if !message.subject.is_empty() {
        let end = message.subject.len().min(SUBJECT_MAX_BYTES);
        line("SUBJECT", message.subject.get(..end).unwrap_or_default());
    }
    if let Some(priority) = message.priority {
        line("PRIORITY", &[priority]);
    }
    for (name, bytes) in message.attachments {
        // A name of nothing but blanks would be none.
        let mut value: Vec<u8> = name
            .iter()
            .map(|&b| if b < b' ' { b'_' } else { b })
            .collect();
        if value.trim_ascii().is_empty() {
            value = b"_".to_vec();
        }
        value.extend_from_slice(format!(" {}", length(bytes)?).as_bytes());
        line("ATTACHMENT", &value);
    }
    let text = eol.from_crlf(message.text);
    line("TEXT", length(&text)?.to_string().as_bytes());
    if longest > LINE_MAX_BYTES {
        let (limit, found) = (LINE_MAX_BYTES as u64, longest as u64);
        let kind = DecodeErrorKind::Limit("a header line", limit, found);
        return Err(DecodeError::new(WHAT, 0, kind));
    }
    out.extend_from_slice(&text);
    for (_, bytes) in message.attachments {
        out.extend_from_slice(bytes);
    }
    Ok(())
}

fn length(bytes: &[u8]) -> Result<u32, DecodeError> {
    u32::try_from(bytes.len()).map_err(|_| {
        let limit = u64::from(u32::MAX);
        let kind = DecodeErrorKind::Limit("the length", limit, bytes.len() as u64);
        DecodeError::new(WHAT, 0, kind)
    })
}
