//! Rows of an LDIF file (RFC 2849): records of `attribute: value`, ended by an empty line; `::`
//! brings base64, a line that begins with one blank goes on with the line before, `#` is a comment.
//!
//! `cn` is the full name, `uid` (else the part of `mail` before the `@`) the mailbox, `dirsync` yes
//! or no; other attributes are template data. Our own reader: the registry has no LDIF crate under
//! any of its usual names, and the part of the format that matters here is a page.

use std::io::{BufRead, BufReader, Read};

use super::csv_rows::yes_or_no;
use super::{InputError, Row, RowError, RowResult};

/// Longest line, folded lines together, in bytes; what is longer is a fault of its record.
const LINE_LIMIT_BYTES: usize = 1 << 20;
/// Most attributes of one record that are kept.
const ATTRIBUTES_LIMIT: usize = 1000;

/// Reads rows one at a time.
#[derive(Debug)]
pub struct LdifRows<R> {
    source: BufReader<R>,
    line: u64,
    /// A physical line that was read ahead, with its number.
    ahead: Option<(u64, Vec<u8>)>,
    failed: bool,
}

/// A logical line: unfolded.
enum Line {
    Empty,
    Text(u64, Vec<u8>),
    TooLong(u64),
}

impl<R: Read> LdifRows<R> {
    /// Begins to read.
    #[must_use]
    pub fn new(source: R) -> Self {
        Self {
            source: BufReader::new(source),
            line: 0,
            ahead: None,
            failed: false,
        }
    }

    /// The next physical line without its end; what lies beyond the limit is dropped but for one
    /// byte, which shows that there was more.
    fn physical(&mut self) -> Result<Option<(u64, Vec<u8>)>, InputError> {
        if let Some(line) = self.ahead.take() {
            return Ok(Some(line));
        }
        let mut line = Vec::new();
        let mut any = false;
        loop {
            let piece = self
                .source
                .fill_buf()
                .map_err(|error| InputError(format!("the file cannot be read: {error}")))?;
            if piece.is_empty() {
                break;
            }
            any = true;
            let end = piece.iter().position(|&byte| byte == b'\n');
            let taken = end.unwrap_or(piece.len());
            let room = (LINE_LIMIT_BYTES + 1).saturating_sub(line.len());
            line.extend_from_slice(&piece[..taken.min(room)]);
            let used = end.map_or(taken, |end| end + 1);
            self.source.consume(used);
            if end.is_some() {
                break;
            }
        }
        if !any {
            return Ok(None);
        }
        self.line += 1;
        if line.last() == Some(&b'\r') {
            line.pop();
        }
        if self.line == 1 && line.starts_with(b"\xEF\xBB\xBF") {
            line.drain(..3);
        }
        Ok(Some((self.line, line)))
    }

    /// The next logical line that is no comment.
    fn logical(&mut self) -> Result<Option<Line>, InputError> {
        loop {
            let Some((number, mut line)) = self.physical()? else {
                return Ok(None);
            };
            while let Some((next, more)) = self.physical()? {
                if more.first() != Some(&b' ') {
                    self.ahead = Some((next, more));
                    break;
                }
                let room = (LINE_LIMIT_BYTES + 1).saturating_sub(line.len());
                line.extend_from_slice(&more[1..more.len().min(room.saturating_add(1))]);
            }
            if line.first() == Some(&b'#') {
                continue;
            }
            return Ok(Some(if line.is_empty() {
                Line::Empty
            } else if line.len() > LINE_LIMIT_BYTES {
                Line::TooLong(number)
            } else {
                Line::Text(number, line)
            }));
        }
    }

    /// The next record as it stands.
    fn record(&mut self) -> RowOption {
        let mut row = Row::default();
        let (mut mail, mut fault) = (None, None);
        let mut named = false;
        loop {
            let (number, line) = match self.logical()? {
                None if row.line == 0 => return Ok(None),
                Some(Line::Empty) if row.line == 0 => continue,
                None | Some(Line::Empty) => break,
                Some(Line::Text(number, line)) => (number, line),
                Some(Line::TooLong(number)) => {
                    row.line = if row.line == 0 { number } else { row.line };
                    fault.get_or_insert_with(|| format!("line {number} is too long"));
                    continue;
                }
            };
            if row.line == 0 {
                row.line = number;
            }
            match attribute(&line) {
                Err(why) => {
                    fault.get_or_insert_with(|| format!("line {number}: {why}"));
                }
                Ok(None) => {}
                Ok(Some((name, value))) => match name.to_ascii_lowercase().as_str() {
                    "version" if row.line == number => row.line = 0,
                    "dn" | "objectclass" | "control" => {}
                    "changetype" if value.eq_ignore_ascii_case("add") => {}
                    "changetype" => {
                        fault.get_or_insert_with(|| {
                            format!("line {number}: only additions are taken, not {value}")
                        });
                    }
                    // The first value of several is the one.
                    "cn" if !named => {
                        row.name = value;
                        named = true;
                    }
                    "cn" => {}
                    "uid" => {
                        row.mailbox.get_or_insert(value);
                    }
                    "mail" => {
                        mail.get_or_insert(value);
                    }
                    "dirsync" => match yes_or_no(&value) {
                        Ok(answer) => row.dirsync = answer,
                        Err(why) => {
                            fault.get_or_insert(format!("line {number}: {why}"));
                        }
                    },
                    _ if row.info.len() < ATTRIBUTES_LIMIT
                        && !row
                            .info
                            .iter()
                            .any(|(known, _)| known.eq_ignore_ascii_case(&name)) =>
                    {
                        row.info.push((name, value));
                    }
                    _ => {}
                },
            }
        }
        if row.mailbox.is_none() {
            row.mailbox = mail
                .and_then(|mail| mail.split('@').next().map(str::to_owned))
                .filter(|mailbox| !mailbox.is_empty());
        }
        if !named && fault.is_none() {
            fault = Some("the record has no cn".to_owned());
        }
        Ok(Some(match fault {
            None => Ok(row),
            Some(why) => Err(RowError {
                line: row.line,
                why,
            }),
        }))
    }
}

type RowOption = Result<Option<Result<Row, RowError>>, InputError>;

/// Name and value of a line; `None` for a lone `-`, which separates changes.
fn attribute(line: &[u8]) -> Result<Option<(String, String)>, String> {
    if line == b"-" {
        return Ok(None);
    }
    let colon = line
        .iter()
        .position(|&byte| byte == b':')
        .ok_or("there is no colon")?;
    // Options such as `cn;lang-de` name the same attribute.
    let name = line[..colon].split(|&byte| byte == b';').next();
    let name = name
        .and_then(|name| std::str::from_utf8(name).ok())
        .filter(|name| !name.is_empty())
        .ok_or("there is no attribute")?;
    let rest = &line[colon + 1..];
    let bytes = match rest.first() {
        Some(b':') => base64(rest[1..].trim_ascii()).ok_or("the base64 is wrong")?,
        Some(b'<') => return Err("values from elsewhere are not fetched".to_owned()),
        _ => rest.trim_ascii().to_vec(),
    };
    let value = String::from_utf8(bytes).map_err(|_| "the value is not UTF-8")?;
    Ok(Some((name.to_owned(), value)))
}

/// Decodes base64 (RFC 4648) with its padding.
fn base64(text: &[u8]) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(4) {
        return None;
    }
    let padding = text.iter().rev().take_while(|&&byte| byte == b'=').count();
    if padding > 2 {
        return None;
    }
    let mut out = Vec::with_capacity(text.len() / 4 * 3);
    for group in text.chunks_exact(4) {
        let mut bits = 0u32;
        for &byte in group {
            let value = match byte {
                b'A'..=b'Z' => byte - b'A',
                b'a'..=b'z' => byte - b'a' + 26,
                b'0'..=b'9' => byte - b'0' + 52,
                b'+' => 62,
                b'/' => 63,
                // Only at the end, which is cut off below; elsewhere the count does not match.
                b'=' => 0,
                _ => return None,
            };
            bits = bits << 6 | u32::from(value);
        }
        out.extend_from_slice(&bits.to_be_bytes()[1..]);
    }
    let inside = text.len() - padding;
    if text[..inside].contains(&b'=') {
        return None;
    }
    out.truncate(out.len() - padding);
    Some(out)
}

impl<R: Read> Iterator for LdifRows<R> {
    type Item = RowResult;

    fn next(&mut self) -> Option<RowResult> {
        if self.failed {
            return None;
        }
        match self.record() {
            Ok(row) => row.map(Ok),
            Err(error) => {
                self.failed = true;
                Some(Err(error))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rows(text: &[u8]) -> Vec<Result<Row, RowError>> {
        LdifRows::new(text).map(|row| row.unwrap()).collect()
    }

    // The first records of RFC 2849's examples, shortened, and one of our own.
    #[test]
    fn records_of_the_standard_are_read() {
        let text = b"version: 1\ndn: cn=Barbara Jensen, ou=Product Development, dc=airius, dc=com\n\
            objectclass: top\ncn: Barbara Jensen\ncn: Barbara J Jensen\nsn: Jensen\nuid: bjensen\n\
            telephonenumber: +1 408 555 1212\ndescription: A big sailing\n  fan.\n\n\
            # a comment\n#\n\n\ndn:: Y249R2Vybg==\r\ncn:: R2Vybg==\r\nmail: gern@airius.com\r\ntitle:Product \r\n Manager\r\n\r\n\
            dn: cn=x\nchangetype: delete\n";
        let found = rows(text);
        assert_eq!(found.len(), 3, "{found:?}");
        let first = found[0].as_ref().unwrap();
        assert_eq!((first.line, first.name.as_str()), (2, "Barbara Jensen"));
        assert_eq!(first.mailbox.as_deref(), Some("bjensen"));
        assert_eq!(
            first.info[2],
            ("description".to_owned(), "A big sailing fan.".to_owned())
        );
        let second = found[1].as_ref().unwrap();
        assert_eq!(
            (second.name.as_str(), second.mailbox.as_deref()),
            ("Gern", Some("gern"))
        );
        assert_eq!(
            second.info,
            [("title".to_owned(), "Product Manager".to_owned())]
        );
        assert!(found[2].as_ref().unwrap_err().why.contains("additions"));
    }

    #[test]
    fn base64_is_exact() {
        assert_eq!(base64(b""), Some(vec![]));
        assert_eq!(base64(b"Wm/Dqw=="), Some("Zoë".as_bytes().to_vec()));
        assert_eq!(base64(b"YWJj"), Some(b"abc".to_vec()));
        for bad in ["YWJ", "YW=j", "====", "YWJj====", "YW J", "=WJj"] {
            assert_eq!(base64(bad.as_bytes()), None, "{bad}");
        }
    }

    #[test]
    fn a_line_without_end_is_bounded() {
        let mut text = b"cn: ".to_vec();
        text.resize(3 << 20, b'x');
        let found = rows(&text);
        assert!(found[0].as_ref().unwrap_err().why.contains("too long"));
        assert_eq!(rows(b"\n\n\n"), []);
        assert_eq!(rows(b""), []);
        assert_eq!(rows(b"version: 1\n"), []);
    }

    proptest! {
        #[test]
        fn any_bytes_end(text in proptest::collection::vec(any::<u8>(), 0..300)) {
            let lines = text.iter().filter(|&&byte| byte == b'\n').count();
            prop_assert!(rows(&text).len() <= lines + 1);
        }

        #[test]
        fn values_come_back(name in "[^\\s\\x00-\\x1f][^\\r\\n\\x00]{0,20}") {
            let name = name.trim().to_owned();
            let mut bytes = name.as_bytes().to_vec();
            let table = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
            let padding = (3 - bytes.len() % 3) % 3;
            bytes.resize(bytes.len() + padding, 0);
            let mut text: Vec<u8> = bytes.chunks(3).flat_map(|c| {
                let bits = u32::from(c[0]) << 16 | u32::from(c[1]) << 8 | u32::from(c[2]);
                [18u32, 12, 6, 0].map(|shift| table[(bits >> shift & 63) as usize])
            }).collect();
            let end = text.len() - padding;
            text[end..].fill(b'=');
            let file = [b"cn:: ".as_slice(), &text, b"\n"].concat();
            let found = rows(&file);
            prop_assert_eq!(&found[0].as_ref().unwrap().name, &name);
        }
    }
}
