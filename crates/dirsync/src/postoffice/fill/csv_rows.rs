//! Rows of a CSV file: a header `mailbox,name[,dirsync][,prompt…]` in any order, UTF-8 (DEC-097).

use std::io::Read;

use csv::{ErrorKind, Position, Reader, ReaderBuilder, StringRecord, Trim};

use super::{InputError, Row, RowError, RowResult};

/// Longest row in bytes that is taken.
const ROW_LIMIT_BYTES: usize = 1 << 20;

/// What a column holds.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Column {
    Mailbox,
    Name,
    Dirsync,
    Prompt(String),
    Nothing,
}

/// Reads rows one at a time.
#[derive(Debug)]
pub struct CsvRows<R> {
    reader: Reader<R>,
    columns: Vec<Column>,
    failed: bool,
}

impl<R: Read> CsvRows<R> {
    /// Reads the header.
    ///
    /// # Errors
    /// The file cannot be read, or the header names no column `name`.
    pub fn new(source: R) -> Result<Self, InputError> {
        let mut reader = ReaderBuilder::new()
            .has_headers(true)
            .flexible(true)
            .trim(Trim::All)
            .from_reader(source);
        let header = reader
            .headers()
            .map_err(|error| InputError(format!("the header cannot be read: {error}")))?;
        let mut columns = Vec::new();
        for (at, title) in header.iter().enumerate() {
            let title = if at == 0 {
                title.trim_start_matches('\u{FEFF}').trim()
            } else {
                title
            };
            let column = match title.to_ascii_lowercase().as_str() {
                "mailbox" => Column::Mailbox,
                "name" => Column::Name,
                "dirsync" => Column::Dirsync,
                "" => Column::Nothing,
                _ => Column::Prompt(title.to_owned()),
            };
            if column != Column::Nothing && columns.contains(&column) {
                return Err(InputError(format!("the header names {title:?} twice")));
            }
            columns.push(column);
        }
        if !columns.contains(&Column::Name) {
            return Err(InputError(
                "the header has no column `name`; it begins like `mailbox,name`".to_owned(),
            ));
        }
        Ok(Self {
            reader,
            columns,
            failed: false,
        })
    }

    fn row(&self, record: &StringRecord) -> Result<Row, RowError> {
        // The reader's position of a record is that of empty lines in front of it.
        let inside = record
            .iter()
            .map(|field| field.matches('\n').count() as u64)
            .sum::<u64>();
        let behind = self.reader.position().line().saturating_sub(1 + inside);
        let line = record.position().map_or(0, Position::line).max(behind);
        let wrong = |why: String| RowError { line, why };
        if record.as_slice().len() > ROW_LIMIT_BYTES {
            return Err(wrong("the row is longer than a mebibyte".to_owned()));
        }
        if record.len() > self.columns.len() {
            return Err(wrong(format!(
                "the row has {} fields, the header {}",
                record.len(),
                self.columns.len()
            )));
        }
        let mut row = Row {
            line,
            ..Row::default()
        };
        for (column, field) in self.columns.iter().zip(record) {
            match column {
                Column::Mailbox => row.mailbox = (!field.is_empty()).then(|| field.to_owned()),
                Column::Name => field.clone_into(&mut row.name),
                Column::Dirsync => row.dirsync = yes_or_no(field).map_err(wrong)?,
                Column::Prompt(prompt) => row.info.push((prompt.clone(), field.to_owned())),
                Column::Nothing => {}
            }
        }
        Ok(row)
    }
}

/// `yes`, `no` and their kin; nothing is no answer.
pub(super) fn yes_or_no(text: &str) -> Result<Option<bool>, String> {
    Ok(match text.trim().to_ascii_lowercase().as_str() {
        "" => None,
        "yes" | "y" | "true" | "1" => Some(true),
        "no" | "n" | "false" | "0" => Some(false),
        _ => return Err(format!("dirsync is {text:?}, not yes or no")),
    })
}

impl<R: Read> Iterator for CsvRows<R> {
    type Item = RowResult;

    fn next(&mut self) -> Option<RowResult> {
        if self.failed {
            return None;
        }
        let mut record = StringRecord::new();
        loop {
            match self.reader.read_record(&mut record) {
                Ok(false) => return None,
                Ok(true) => {
                    if record.iter().all(str::is_empty) {
                        continue;
                    }
                    return Some(Ok(self.row(&record)));
                }
                Err(error) => {
                    let line = error.position().map_or(0, Position::line);
                    return Some(match error.kind() {
                        ErrorKind::Utf8 { .. } => Ok(Err(RowError {
                            line,
                            why: "the row is not UTF-8".to_owned(),
                        })),
                        _ => {
                            self.failed = true;
                            Err(InputError(format!("line {line}: {error}")))
                        }
                    });
                }
            }
        }
    }
}
