//! `DXADATA/XDIR.TAB`: the agent's mapping table, one record for every recipient it has sent.
//!
//! The original kept it in a database whose bytes nobody needs; the four values of a record are
//! DOCUMENTED (Q166545). The text form is ASSIGNED: UTF-8, a header line, one record a line, parted
//! by TABs, lines end with CR LF (LF is read).
//!
//! | column | value |
//! |---|---|
//! | `USN-Changed` | number of the directory's change that was sent last |
//! | `Display-Name` | the name as it was sent |
//! | `E-Mail-Address` | the address that was sent, `type:address` |
//! | `Obj-Dist-Name` | the recipient |

use crate::base::{DecodeError, DecodeErrorKind};

/// The documented path.
pub const PATH: &str = "DXADATA/XDIR.TAB";
/// The header line, without its end.
pub const HEADER: &str = "USN-Changed\tDisplay-Name\tE-Mail-Address\tObj-Dist-Name";

const WHAT: &str = "XDIR.TAB";

/// One record of the table.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Mapping {
    /// The change that was sent.
    pub usn_changed: u64,
    /// The name as it was sent.
    pub display_name: String,
    /// The address as it was sent.
    pub address: String,
    /// The recipient's distinguished name.
    pub obj_dist_name: String,
}

/// A text that cannot stand in the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the text of {0} holds a TAB or another control character")]
pub struct ControlCharacter(pub &'static str);

impl Mapping {
    /// The record's line, its end included.
    ///
    /// # Errors
    /// A control character in a text.
    pub fn line(&self) -> Result<String, ControlCharacter> {
        for (column, text) in [
            ("Display-Name", &self.display_name),
            ("E-Mail-Address", &self.address),
            ("Obj-Dist-Name", &self.obj_dist_name),
        ] {
            if text.contains(char::is_control) {
                return Err(ControlCharacter(column));
            }
        }
        Ok(format!(
            "{}\t{}\t{}\t{}\r\n",
            self.usn_changed, self.display_name, self.address, self.obj_dist_name
        ))
    }

    /// Reads a line without its end.
    fn read(line: &str) -> Result<Self, &'static str> {
        let mut columns = line.split('\t');
        let mut column = || columns.next().ok_or("a record has four columns");
        let number = column()?;
        let mapping = Self {
            usn_changed: Some(number)
                .filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))
                .and_then(|digits| digits.parse().ok())
                .ok_or("the change is not a number")?,
            display_name: column()?.to_owned(),
            address: column()?.to_owned(),
            obj_dist_name: column()?.to_owned(),
        };
        if columns.next().is_some() {
            return Err("a record has four columns");
        }
        if line.chars().any(|c| c.is_control() && c != '\t') {
            return Err("a text holds a control character");
        }
        Ok(mapping)
    }
}

/// Reads the table: each record, or what is wrong with its line. Empty bytes are an empty table.
///
/// # Errors
/// The header line is another one.
pub fn read(
    bytes: &[u8],
) -> Result<impl Iterator<Item = Result<Mapping, DecodeError>>, DecodeError> {
    let mut lines = bytes
        .split_inclusive(|byte| *byte == b'\n')
        .scan(0u64, |at, line| {
            let start = *at;
            *at += line.len() as u64;
            let line = line.strip_suffix(b"\n").unwrap_or(line);
            Some((start, line.strip_suffix(b"\r").unwrap_or(line)))
        });
    if lines
        .next()
        .is_some_and(|(_, line)| line != HEADER.as_bytes())
    {
        return Err(DecodeError::new(WHAT, 0, DecodeErrorKind::BadMagic));
    }
    Ok(lines
        .filter(|(_, line)| !line.is_empty())
        .map(|(start, line)| {
            std::str::from_utf8(line)
                .map_err(|_| "the text is not UTF-8")
                .and_then(Mapping::read)
                .map_err(|why| DecodeError::new(WHAT, start, DecodeErrorKind::BadText(why)))
        }))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn table(records: &[Mapping]) -> String {
        let lines = records.iter().map(|record| record.line().unwrap());
        format!("{HEADER}\r\n") + &lines.collect::<String>()
    }

    // rule: exc:R-DXA-031
    // rule: exc:R-DXA-038
    #[test]
    fn a_record_has_the_four_documented_values() {
        let record = Mapping {
            usn_changed: 4711,
            display_name: "Smith, John001".into(),
            address: "ms:ORG/SITE/SMITHJ".into(),
            obj_dist_name: "/o=Org/ou=Site/cn=Recipients/cn=SmithJ".into(),
        };
        let text = table(std::slice::from_ref(&record));
        let columns: Vec<&str> = text.lines().nth(1).unwrap().split('\t').collect();
        assert_eq!(columns[0], "4711");
        assert_eq!(columns.len(), HEADER.split('\t').count());
        let read: Vec<_> = read(text.as_bytes()).unwrap().collect();
        assert_eq!(read, [Ok(record)]);
    }

    // rule: dec:DEC-068
    #[test]
    fn a_bad_line_does_not_hide_the_others() {
        let text = format!("{HEADER}\n1\ta\tb\tc\n2\ta\tb\n+3\ta\tb\tc\n4\ta\tb\tc\td\n5\t\t\t\n");
        let read: Vec<_> = read(text.as_bytes()).unwrap().collect();
        let good: Vec<u64> = read.iter().flatten().map(|m| m.usn_changed).collect();
        assert_eq!((good, read.len()), (vec![1, 5], 5));
        assert!(super::read(b"USN\n").is_err());
        assert_eq!(super::read(b"").unwrap().count(), 0);
        let tab = Mapping {
            usn_changed: 0,
            display_name: "a\tb".into(),
            address: String::new(),
            obj_dist_name: String::new(),
        };
        assert_eq!(tab.line(), Err(ControlCharacter("Display-Name")));
    }

    proptest! {
        // rule: dec:DEC-068
        #[test]
        fn tables_read_back(
            records in prop::collection::vec(
                (any::<u64>(), "\\PC{0,12}", "\\PC{0,12}", "\\PC{0,12}"), 0..6,
            ),
        ) {
            let records: Vec<Mapping> = records
                .into_iter()
                .map(|(usn_changed, display_name, address, obj_dist_name)| Mapping {
                    usn_changed, display_name, address, obj_dist_name,
                })
                .collect();
            let text = table(&records);
            let read: Result<Vec<_>, _> = read(text.as_bytes()).unwrap().collect();
            prop_assert_eq!(read.unwrap(), records);
        }

        #[test]
        fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let bytes = [HEADER.as_bytes(), b"\n", &bytes].concat();
            let _ = read(&bytes).unwrap().count();
        }
    }
}
