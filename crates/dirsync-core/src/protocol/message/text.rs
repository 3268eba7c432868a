//! Transactions in text form, in the body or an attachment (dsp R-MSG-005 to R-MSG-007, DEC-025).
//!
//! Written: number of 10 digits, blank, operation letter, columns of an import file; CR LF, no
//! second CR (Exchange 4.0 wrote one, Q159294). Read: any width of the number, with or without the
//! letter (Q118298 prints it without, then it is an A), any number of CRs. The reader is fed line
//! by line and holds one transaction, so no size is too big for it (SRVMAIN held all, Q123857).

use crate::base::transaction::{Form, MAX_TEXT_BYTES};
use crate::base::{Transaction, address::TypeCase};
use crate::format::body::TRANSACTIONS_SECTION;
use crate::protocol::numbers::is_plausible;

/// One numbered transaction as a record text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextEntry {
    /// Its number.
    pub number: u32,
    /// Its record text; canonical when it could be read, else as it came.
    pub text: Vec<u8>,
}

/// Why the text ends here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TextFault {
    /// Message 124: the first line is not `[dirsync-transactions]`.
    #[error("the transactions do not start with [dirsync-transactions]")]
    NoSection,
    /// A line that neither starts nor continues a transaction.
    #[error("a line has no number")]
    NoNumber,
    /// A number that is too large.
    #[error("a number is out of range")]
    Number,
    /// A transaction longer than a record can hold.
    #[error("a transaction is too long")]
    TooLong,
}

/// Reads numbered transactions line by line. After a fault the rest is to be dropped; what came
/// before it counts.
#[derive(Debug, Clone)]
pub struct TextEntries {
    in_section: bool,
    open: Option<TextEntry>,
}

impl TextEntries {
    /// Reads an attachment, which begins with the section line.
    #[must_use]
    pub fn attachment() -> Self {
        Self {
            in_section: false,
            open: None,
        }
    }

    /// Reads what follows the section line in a body.
    #[must_use]
    pub fn body() -> Self {
        Self {
            in_section: true,
            open: None,
        }
    }

    /// Takes a line, with or without its line end; gives the transaction that it ends.
    ///
    /// # Errors
    /// [`TextFault`].
    pub fn line(&mut self, line: &[u8]) -> Result<Option<TextEntry>, TextFault> {
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let end = line.iter().rposition(|&byte| byte != b'\r');
        let line = end.map_or(&[][..], |end| &line[..=end]);
        if line.is_empty() {
            return Ok(None);
        }
        if !self.in_section {
            if !line
                .trim_ascii()
                .eq_ignore_ascii_case(TRANSACTIONS_SECTION.as_bytes())
            {
                return Err(TextFault::NoSection);
            }
            self.in_section = true;
            return Ok(None);
        }
        match (line.first(), &mut self.open) {
            (Some(b'0'..=b'9'), _) => {
                let next = start(line)?;
                Ok(self.open.replace(next).map(canonical))
            }
            (Some(b' ' | b'-' | b'&'), Some(open)) => {
                if open.text.len().saturating_add(line.len()).saturating_add(2) > MAX_TEXT_BYTES {
                    return Err(TextFault::TooLong);
                }
                open.text.extend_from_slice(b"\r\n");
                open.text.extend_from_slice(line);
                Ok(None)
            }
            _ => Err(TextFault::NoNumber),
        }
    }

    /// The last transaction.
    #[must_use]
    pub fn finish(self) -> Option<TextEntry> {
        self.open.map(canonical)
    }

    /// Reads a whole text. The fault, if any, stands behind what could be read.
    #[must_use]
    pub fn read_all(mut self, text: &[u8]) -> (Vec<TextEntry>, Option<TextFault>) {
        let mut entries = Vec::new();
        for line in text.split(|&byte| byte == b'\n') {
            match self.line(line) {
                Ok(entry) => entries.extend(entry),
                Err(fault) => {
                    entries.extend(self.finish());
                    return (entries, Some(fault));
                }
            }
        }
        let fault = (!self.in_section).then_some(TextFault::NoSection);
        entries.extend(self.finish());
        (entries, fault)
    }
}

/// Reads the line that starts a transaction.
fn start(line: &[u8]) -> Result<TextEntry, TextFault> {
    let digits = line.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (number, rest) = line.split_at(digits);
    let number = std::str::from_utf8(number)
        .ok()
        .and_then(|number| number.parse::<u32>().ok())
        .filter(|&number| is_plausible(number))
        .ok_or(TextFault::Number)?;
    if !matches!(rest.first(), Some(b' ' | b'\t')) {
        return Err(TextFault::NoNumber);
    }
    let rest = rest.trim_ascii_start();
    let has_letter = matches!(
        rest,
        [b'A' | b'D' | b'M' | b'R' | b'T' | b'#', b' ' | b'\t', ..]
    );
    let text = if has_letter {
        rest.to_vec()
    } else {
        [b"A ", rest].concat()
    };
    if text.len() > MAX_TEXT_BYTES {
        return Err(TextFault::TooLong);
    }
    Ok(TextEntry { number, text })
}

/// The record text that other postoffices are sent.
fn canonical(entry: TextEntry) -> TextEntry {
    let read = Transaction::parse(&entry.text).ok();
    match read.and_then(|transaction| transaction.to_record_text().ok()) {
        Some(text) => TextEntry { text, ..entry },
        None => entry,
    }
}

/// What stands in front of the transactions of a text attachment.
#[must_use]
pub fn text_attachment_head() -> Vec<u8> {
    format!("{TRANSACTIONS_SECTION}\r\n").into_bytes()
}

/// Appends a numbered transaction in text form.
pub fn write_text_entry(number: u32, transaction: &Transaction, out: &mut Vec<u8>) {
    out.extend_from_slice(format!("{number:010} ").as_bytes());
    for line in transaction.lines(Form::Columns, TypeCase::Upper) {
        out.extend_from_slice(&line);
        out.extend_from_slice(b"\r\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &str) -> (Vec<(u32, String)>, Option<TextFault>) {
        let (entries, fault) = TextEntries::attachment().read_all(text.as_bytes());
        let entries = entries
            .into_iter()
            .map(|entry| (entry.number, String::from_utf8(entry.text).unwrap()))
            .collect();
        (entries, fault)
    }

    // rule: dsp:TV-MSG-3
    // rule: dsp:R-MSG-005
    #[test]
    fn the_line_of_q106623() {
        let (entries, fault) =
            TextEntries::body().read_all(b"1200 A Martin, Robert PCM:net/po/rmartin\r\n");
        assert_eq!(fault, None);
        assert_eq!(entries.len(), 1);
        assert_eq!(entries[0].number, 1200);
        assert_eq!(entries[0].text, b"A Martin, Robert\tPCM:net/po/rmartin");
    }

    // rule: dsp:TV-MSG-2
    // rule: dsp:R-NUM-008
    // rule: dsp:R-MSG-007
    // rule: exc:R-DXA-057
    // rule: std:1.2
    #[test]
    fn the_attachment_of_q118298() {
        let text = "[DIRSYNC-TRANSACTIONS]\r\n\
            0000000645 User Number 1                    PCM:NETWORK/POSTOFFICE/USER1\r\r\n\
            - Phone:/(206) 635-7022\r\r\n\
            0000000647 A User Number 2                    PCM:NETWORK/POSTOFFICE/USER2\r\n";
        assert_eq!(
            read(text),
            (
                vec![
                    (
                        645,
                        "A User Number 1\tPCM:NETWORK/POSTOFFICE/USER1\r\n- Phone:/(206) 635-7022"
                            .into()
                    ),
                    (647, "A User Number 2\tPCM:NETWORK/POSTOFFICE/USER2".into()),
                ],
                None
            )
        );
    }

    // rule: dsp:R-MSG-005
    #[test]
    fn a_text_without_its_section_is_124() {
        assert_eq!(
            read("1 A x PCM:N/P/x\r\n"),
            (vec![], Some(TextFault::NoSection))
        );
        assert_eq!(read(""), (vec![], Some(TextFault::NoSection)));
        let (entries, fault) =
            read("[dirsync-transactions]\n1 D x PCM:N/P/x\nRegards\n2 D y PCM:N/P/y");
        assert_eq!((entries.len(), fault), (1, Some(TextFault::NoNumber)));
        let (_, fault) = read("[dirsync-transactions]\n4294967296 D x PCM:N/P/x\n");
        assert_eq!(fault, Some(TextFault::Number));
    }

    // rule: dec:DEC-025
    #[test]
    fn lines_are_written_with_ten_digits_and_columns() {
        let mut out = text_attachment_head();
        let add = Transaction::parse(b"A User Number 1\tPCM:NETWORK/POSTOFFICE/USER1").unwrap();
        write_text_entry(645, &add, &mut out);
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "[dirsync-transactions]\r\n0000000645 A User Number 1                  PCM:NETWORK/POSTOFFICE/USER1\r\n"
        );
    }

    proptest! {
        // rule: dec:DEC-025
        #[test]
        fn what_is_written_is_read(
            numbers in proptest::collection::vec(0u32..4_000_000_000, 1..6),
            alias in "[A-Za-z][A-Za-z ,.]{0,28}", data in "[ -~]{0,20}",
        ) {
            let texts = [
                format!("M {alias}\tPCM:NET/R1/one\r\n  {alias}\tPCM:NET/R1/two\r\n- Phone:/x{data}"),
                format!("A {alias}\tX400:c=US;a=B;s=x"),
                "R PCM:NET/R1".to_owned(),
                "T PCM:NET/R1\r\n Phone:~1~20~A~~\r\n Fax:~2~20~A~~".to_owned(),
            ];
            let mut out = text_attachment_head();
            let mut expected = Vec::new();
            for (number, text) in numbers.iter().zip(texts.iter().cycle()) {
                let transaction = Transaction::parse(text.as_bytes()).unwrap();
                write_text_entry(*number, &transaction, &mut out);
                expected.push(TextEntry { number: *number, text: transaction.to_record_text().unwrap() });
            }
            prop_assert_eq!(TextEntries::attachment().read_all(&out), (expected, None));
        }

        // rule: dsp:R-MSG-005
        #[test]
        fn arbitrary_text_never_panics(bytes: Vec<u8>, almost in "([0-9]{1,12} ?[ADMRT#]? ?[a-zA-Z:/ ]{0,20}\r?\n){0,5}") {
            let _ = TextEntries::body().read_all(&bytes);
            let _ = TextEntries::body().read_all(almost.as_bytes());
        }
    }
}
