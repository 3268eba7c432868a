//! Templates: TPL files, and the INF files whose records follow from them.
//!
//! TPL: text in code page 850, one field a line (Q87432, Q112913):
//!
//! ```text
//! prompt ~ start ~ width ~ edit ~ data ~ [internal]
//! ```
//!
//! `start` is the column of the entry field, `width` its length, `edit` any of A, U, L, N, P (any,
//! upper, lower, numbers, punctuation; DOS clients take lower case too, Q96500), `data` what a new
//! entry holds. Five tildes are needed (Q112913). At most 256 fields (Q148770), prompts of 40 and
//! widths of 255 bytes (ASSIGNED).
//!
//! INF: no header; record i belongs to user i of the list (Q77926). The layout was never published.
//! ASSIGNED (decisions 2.15): each field takes width + 1 bytes, padded with NUL, in the clear.
//! Text form of INF (Q105124): a line `prompt~value` for each field, `~~` ends a record.

use std::fmt;

use crate::base::{DecodeError, DecodeErrorKind};

/// Most fields of one template (Q148770).
pub const FIELDS_MAX: usize = 256;
/// Longest prompt in bytes. ASSIGNED.
pub const PROMPT_MAX_BYTES: usize = 40;
/// Widest field in bytes. ASSIGNED.
pub const WIDTH_MAX_BYTES: u16 = 255;

const RECORD: &str = "INF record";
const END_OF_FILE: u8 = 0x1A;

/// One field of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateField {
    /// What stands in front of the entry field, blanks included.
    pub prompt: Vec<u8>,
    /// Column of the entry field.
    pub start: u16,
    /// Length of the entry field in bytes, 1 to 255.
    pub width: u16,
    /// Edit codes as written; may be empty.
    pub edit: Vec<u8>,
    /// What a new entry holds.
    pub data: Vec<u8>,
    /// What follows the fifth tilde; nearly always empty.
    pub internal: Vec<u8>,
}

/// A template.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Template {
    /// The fields in order.
    pub fields: Vec<TemplateField>,
}

/// What is wrong with a line of a template or of the text form of an INF.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum LineFault {
    /// Fewer than five tildes: notice 31, `Error loading template.` (Q112913).
    TooFewTildes,
    /// `start` is no number.
    BadStart,
    /// `width` is no number from 1 to 255.
    BadWidth,
    /// A code other than A, U, L, N, P.
    BadEdit,
    /// A prompt of more than 40 bytes.
    PromptTooLong,
    /// More than 256 fields.
    TooManyFields,
    /// A prompt that the template does not have: notice 93 (Q105124).
    UnknownPrompt,
    /// A value longer than its field.
    ValueTooLong,
    /// The last record is not ended by `~~`.
    RecordNotEnded,
}

/// A fault and its line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TemplateFault {
    /// Line number from 1; empty lines count.
    pub line: usize,
    /// What is wrong.
    pub fault: LineFault,
}

impl fmt::Display for LineFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooFewTildes => "fewer than five tildes",
            Self::BadStart => "the start column is no number",
            Self::BadWidth => "the width is no number from 1 to 255",
            Self::BadEdit => "an edit code other than A, U, L, N, P",
            Self::PromptTooLong => "a prompt of more than 40 bytes",
            Self::TooManyFields => "more than 256 fields",
            Self::UnknownPrompt => "a prompt that the template does not have",
            Self::ValueTooLong => "a value longer than its field",
            Self::RecordNotEnded => "the last record is not ended by ~~",
        })
    }
}

impl fmt::Display for TemplateFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.fault)
    }
}

impl std::error::Error for TemplateFault {}

impl TemplateField {
    /// Reads one line, line end left out.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(line: &[u8]) -> Result<Self, LineFault> {
        let mut parts = line.splitn(6, |&byte| byte == b'~');
        let mut part = || parts.next().ok_or(LineFault::TooFewTildes);
        let [prompt, start, width, edit, data, internal] =
            [part()?, part()?, part()?, part()?, part()?, part()?];
        if prompt.len() > PROMPT_MAX_BYTES {
            return Err(LineFault::PromptTooLong);
        }
        let start = number(start).ok_or(LineFault::BadStart)?;
        let width = number(width)
            .filter(|width| (1..=WIDTH_MAX_BYTES).contains(width))
            .ok_or(LineFault::BadWidth)?;
        if !edit
            .iter()
            .all(|code| b"AULNP".contains(&code.to_ascii_uppercase()))
        {
            return Err(LineFault::BadEdit);
        }
        Ok(Self {
            prompt: prompt.to_vec(),
            start,
            width,
            edit: edit.to_vec(),
            data: data.to_vec(),
            internal: internal.to_vec(),
        })
    }

    /// The line, line end left out.
    #[must_use]
    pub fn to_line(&self) -> Vec<u8> {
        let (start, width) = (self.start.to_string(), self.width.to_string());
        let parts: [&[u8]; 6] = [
            &self.prompt,
            start.as_bytes(),
            width.as_bytes(),
            &self.edit,
            &self.data,
            &self.internal,
        ];
        parts.join(&b'~')
    }

    /// Whether an edit code is in lower case, which the Windows client refuses (Q96500).
    #[must_use]
    pub fn has_lower_case_edit(&self) -> bool {
        self.edit.iter().any(u8::is_ascii_lowercase)
    }

    /// What a new entry holds, cut to the width.
    #[must_use]
    pub fn default_value(&self) -> &[u8] {
        &self.data[..self.data.len().min(usize::from(self.width))]
    }
}

impl Template {
    /// Reads a template; lines with faults are left out and named.
    #[must_use]
    pub fn parse_lenient(text: &[u8]) -> (Self, Vec<TemplateFault>) {
        let mut template = Self::default();
        let mut faults = Vec::new();
        for (line, content) in lines(text) {
            if template.fields.len() >= FIELDS_MAX {
                faults.push(TemplateFault {
                    line,
                    fault: LineFault::TooManyFields,
                });
                break;
            }
            match TemplateField::parse(content) {
                Ok(field) => template.fields.push(field),
                Err(fault) => faults.push(TemplateFault { line, fault }),
            }
        }
        (template, faults)
    }

    /// Reads a template.
    ///
    /// # Errors
    /// The first fault.
    pub fn parse(text: &[u8]) -> Result<Self, TemplateFault> {
        let (template, faults) = Self::parse_lenient(text);
        faults.first().map_or(Ok(template), |&fault| Err(fault))
    }

    /// The text of the file, lines ended by CR LF.
    #[must_use]
    pub fn to_text(&self) -> Vec<u8> {
        let mut out = Vec::new();
        for field in &self.fields {
            out.extend_from_slice(&field.to_line());
            out.extend_from_slice(b"\r\n");
        }
        out
    }

    /// Length of one INF record in bytes.
    #[must_use]
    pub fn record_len_bytes(&self) -> usize {
        self.fields
            .iter()
            .map(|field| usize::from(field.width) + 1)
            .sum()
    }

    /// Number of records in an INF file of `len` bytes; `None` when they do not fit: the template
    /// is not the one the file was made with (notice 93, Q105124).
    #[must_use]
    pub fn record_count(&self, len: u64) -> Option<u64> {
        match self.record_len_bytes() as u64 {
            0 => (len == 0).then_some(0),
            record => len.is_multiple_of(record).then_some(len / record),
        }
    }

    /// The values of one INF record, one for each field.
    ///
    /// # Errors
    /// Another length than [`Self::record_len_bytes`].
    pub fn record_values<'a>(&self, record: &'a [u8]) -> Result<Vec<&'a [u8]>, DecodeError> {
        if record.len() != self.record_len_bytes() {
            let (found, needed) = (record.len() as u64, self.record_len_bytes() as u64);
            return Err(DecodeError::new(
                RECORD,
                0,
                DecodeErrorKind::BadSize(found, 0, needed),
            ));
        }
        let mut rest = record;
        let mut values = Vec::with_capacity(self.fields.len());
        for field in &self.fields {
            let (value, behind) = rest.split_at(usize::from(field.width) + 1);
            let end = value
                .iter()
                .position(|&byte| byte == 0)
                .unwrap_or(value.len() - 1);
            values.push(&value[..end]);
            rest = behind;
        }
        Ok(values)
    }

    /// An INF record with one value for each field; values that are missing at the end are empty.
    ///
    /// # Errors
    /// More values than fields, a value longer than its field, a NUL in a value.
    pub fn encode_record<V: AsRef<[u8]>>(&self, values: &[V]) -> Result<Vec<u8>, DecodeError> {
        let limit = |what, limit: usize, found: usize| {
            let kind = DecodeErrorKind::Limit(what, limit as u64, found as u64);
            Err(DecodeError::new(RECORD, 0, kind))
        };
        if values.len() > self.fields.len() {
            return limit("the number of values", self.fields.len(), values.len());
        }
        let mut out = vec![0; self.record_len_bytes()];
        let mut at = 0;
        for (field, value) in self.fields.iter().zip(values) {
            let (value, width) = (value.as_ref(), usize::from(field.width));
            if value.len() > width {
                return limit("the length of a value", width, value.len());
            }
            if value.contains(&0) {
                let kind = DecodeErrorKind::BadText("a value holds a NUL");
                return Err(DecodeError::new(RECORD, at as u64, kind));
            }
            out[at..at + value.len()].copy_from_slice(value);
            at += width + 1;
        }
        Ok(out)
    }

    /// What a new entry holds.
    #[must_use]
    pub fn default_values(&self) -> Vec<Vec<u8>> {
        self.fields
            .iter()
            .map(|field| field.default_value().to_vec())
            .collect()
    }

    /// The text form of one record (Q105124).
    #[must_use]
    pub fn record_to_text<V: AsRef<[u8]>>(&self, values: &[V]) -> Vec<u8> {
        let mut out = Vec::new();
        for (place, field) in self.fields.iter().enumerate() {
            out.extend_from_slice(&field.prompt);
            out.push(b'~');
            out.extend_from_slice(values.get(place).map(AsRef::as_ref).unwrap_or_default());
            out.extend_from_slice(b"\r\n");
        }
        out.extend_from_slice(b"~~\r\n");
        out
    }

    /// Reads the text form of an INF file, one record at a time. The lines of a record may come in
    /// any order (the printed sample has another than its template); a field without a line holds
    /// its default (Q107754). Nothing more is yielded after a fault.
    pub fn records_from_text<'t>(
        &'t self,
        text: &'t [u8],
    ) -> impl Iterator<Item = Result<Vec<Vec<u8>>, TemplateFault>> + 't {
        let mut lines = lines(text);
        let mut failed = false;
        std::iter::from_fn(move || {
            let record = if failed {
                None
            } else {
                self.next_record(&mut lines)
            };
            failed = matches!(record, Some(Err(_)));
            record
        })
    }

    fn next_record<'t>(
        &self,
        lines: &mut impl Iterator<Item = (usize, &'t [u8])>,
    ) -> Option<Result<Vec<Vec<u8>>, TemplateFault>> {
        let mut values: Vec<Option<&[u8]>> = vec![None; self.fields.len()];
        let mut last = None;
        for (line, content) in lines {
            if content == b"~~" {
                let done =
                    self.fields.iter().zip(values).map(|(field, value)| {
                        value.unwrap_or_else(|| field.default_value()).to_vec()
                    });
                return Some(Ok(done.collect()));
            }
            last = Some(line);
            match self.value_of_line(content, &values) {
                Ok((place, value)) => values[place] = Some(value),
                Err(fault) => return Some(Err(TemplateFault { line, fault })),
            }
        }
        last.map(|line| {
            Err(TemplateFault {
                line,
                fault: LineFault::RecordNotEnded,
            })
        })
    }

    /// Which field a line of the text form belongs to, and its value.
    fn value_of_line<'t>(
        &self,
        content: &'t [u8],
        taken: &[Option<&[u8]>],
    ) -> Result<(usize, &'t [u8]), LineFault> {
        let tilde = content
            .iter()
            .position(|&byte| byte == b'~')
            .ok_or(LineFault::TooFewTildes)?;
        let (prompt, value) = (&content[..tilde], &content[tilde + 1..]);
        // A template may have a prompt twice; its lines then come in the order of the fields.
        let place = (0..self.fields.len())
            .find(|&place| taken[place].is_none() && self.fields[place].prompt == prompt)
            .ok_or(LineFault::UnknownPrompt)?;
        if value.len() > usize::from(self.fields[place].width) {
            return Err(LineFault::ValueTooLong);
        }
        Ok((place, value))
    }
}

/// The lines that are not empty, with their numbers; CR LF, LF and CR end a line, 1Ah the file.
fn lines(text: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    let end = text
        .iter()
        .position(|&byte| byte == END_OF_FILE)
        .unwrap_or(text.len());
    let mut rest = &text[..end];
    let mut number = 0;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        number += 1;
        let at = rest
            .iter()
            .position(|byte| matches!(byte, b'\r' | b'\n'))
            .unwrap_or(rest.len());
        let line = &rest[..at];
        let skip = if rest[at..].starts_with(b"\r\n") {
            2
        } else {
            1
        };
        rest = rest.get(at + skip..).unwrap_or_default();
        Some((number, line))
    })
    .filter(|(_, line)| !line.is_empty())
}

fn number(digits: &[u8]) -> Option<u16> {
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(digits).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn records(template: &Template, text: &[u8]) -> Result<Vec<Vec<Vec<u8>>>, TemplateFault> {
        template.records_from_text(text).collect()
    }

    macro_rules! fixture {
        ($($name:tt)*) => {
            include_bytes!(concat!("../../../../fixtures/import/", $($name)*))
        };
    }

    // rule: pof:R-TPL-001
    #[test]
    fn the_published_templates_have_the_published_fields() {
        type Fields<'a> = &'a [(&'a str, u16, u16, &'a str, &'a str)];
        let cases: &[(&[u8], Fields<'_>)] = &[
            (
                fixture!("q103815-name.tpl.txt"),
                &[("Name:", 7, 48, "AP", "Name goes here")],
            ),
            (
                fixture!("q104281-profs.tpl.txt"),
                &[
                    ("Full Name:", 10, 25, "A", "John Doe"),
                    ("Location:", 10, 25, "", "A"),
                ],
            ),
            (
                fixture!("q105124-admin.tpl.txt"),
                &[
                    ("Surname:", 15, 10, "ULP", "Lastname"),
                    ("Given Name:", 15, 10, "ULP", "Firstname"),
                ],
            ),
            (
                fixture!("q127078-a.tpl.txt"),
                &[
                    ("Department : ", 14, 20, "A", "Sales"),
                    ("Tel : ", 6, 20, "NP", "16 1 43 99 99 22"),
                ],
            ),
            (
                fixture!("q127078-b.tpl.txt"),
                &[
                    ("Department : ", 14, 20, "A", "Sales"),
                    ("Tel : ", 6, 25, "NP", "16 1 43 99 99 22"),
                ],
            ),
            (
                fixture!("q130752-alias.tpl.txt"),
                &[("Alias:", 9, 30, "ULNP", "")],
            ),
            (
                fixture!("q175482-admin.tpl.txt"),
                &[
                    ("Surname:", 17, 10, "ULP", "Last"),
                    ("Given Name:", 17, 10, "ULP", "First"),
                ],
            ),
        ];
        for (file, expected) in cases {
            let template = Template::parse(file).unwrap();
            let found: Vec<_> = template
                .fields
                .iter()
                .map(|f| {
                    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
                    (
                        text(&f.prompt),
                        f.start,
                        f.width,
                        text(&f.edit),
                        text(&f.data),
                    )
                })
                .collect();
            let expected: Vec<_> = expected
                .iter()
                .map(|&(p, s, w, e, d)| (p.to_owned(), s, w, e.to_owned(), d.to_owned()))
                .collect();
            assert_eq!(found, expected);
            let lines: Vec<_> = file
                .split(|&b| b == b'\n')
                .filter(|l| !l.is_empty())
                .collect();
            assert_eq!(
                template.to_text(),
                [lines.join(&b"\r\n"[..]), b"\r\n".to_vec()].concat()
            );
        }
        let widths = |file: &[u8]| {
            Template::parse(file)
                .unwrap()
                .fields
                .iter()
                .map(|f| f.width)
                .collect::<Vec<_>>()
        };
        assert_eq!(widths(fixture!("q152956-spanish-old.tpl.txt")), [31; 5]);
        assert_eq!(widths(fixture!("q152956-spanish-new.tpl.txt")), [30; 5]);
    }

    // rule: pof:R-TPL-001
    // rule: pof:R-TPL-002
    #[test]
    fn the_published_templates_are_as_their_tables_say() {
        macro_rules! vectors {
            ($($name:literal,)*) => {
                [$((
                    $name,
                    fixture!(concat!($name, ".tpl.txt")).as_slice(),
                    fixture!(concat!($name, ".tpl.json")).as_slice(),
                ),)*]
            };
        }
        for (name, file, table) in vectors! {
            "q103815-name",
            "q104281-profs",
            "q105124-admin",
            "q127078-a",
            "q127078-b",
            "q130752-alias",
            "q152956-spanish-new",
            "q152956-spanish-old",
            "q175482-admin",
            "rule-four-tildes",
            "rule-lower-case",
        } {
            let table: serde_json::Value = serde_json::from_slice(table).unwrap();
            let rows = table["fields"].as_array().unwrap();
            let lines: Vec<&[u8]> = file
                .split(|&b| b == b'\n')
                .filter(|l| !l.is_empty())
                .collect();
            assert_eq!(lines.len(), rows.len(), "{name}");
            for (line, row) in lines.iter().zip(rows) {
                let parsed = TemplateField::parse(line);
                let valid = row["valid"].as_bool().unwrap();
                assert_eq!(parsed.is_ok(), valid, "{name}");
                let Ok(field) = parsed else { continue };
                let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
                for (key, found) in [
                    ("prompt", text(&field.prompt)),
                    ("edit", text(&field.edit)),
                    ("default", text(&field.data)),
                ] {
                    assert_eq!(row[key].as_str(), Some(found.as_str()), "{name} {key}");
                }
                for (key, found) in [("start", field.start), ("width", field.width)] {
                    assert_eq!(row[key].as_u64(), Some(u64::from(found)), "{name} {key}");
                }
            }
            let whole = Template::parse(file).is_ok();
            assert_eq!(whole, rows.iter().all(|row| row["valid"] == true), "{name}");
        }
    }

    // rule: pof:R-TPL-002
    // rule: tra:NEED-13
    #[test]
    fn the_published_faults_are_found() {
        let fault = Template::parse(fixture!("rule-four-tildes.tpl.txt")).unwrap_err();
        assert_eq!(
            fault,
            TemplateFault {
                line: 1,
                fault: LineFault::TooFewTildes
            }
        );
        let lower = Template::parse(fixture!("rule-lower-case.tpl.txt")).unwrap();
        assert!(lower.fields[0].has_lower_case_edit());
        for (line, fault) in [
            ("P:~x~1~A~~", LineFault::BadStart),
            ("P:~1~0~A~~", LineFault::BadWidth),
            ("P:~1~256~A~~", LineFault::BadWidth),
            ("P:~1~+5~A~~", LineFault::BadWidth),
            ("P:~1~5~X~~", LineFault::BadEdit),
            (
                "ppppppppppppppppppppppppppppppppppppppppp~1~5~A~~",
                LineFault::PromptTooLong,
            ),
        ] {
            assert_eq!(TemplateField::parse(line.as_bytes()), Err(fault), "{line}");
        }
        let (template, faults) =
            Template::parse_lenient(b"\r\nA~1~1~A~~\r\nbad\r\nB~1~1~A~~\x1Arest");
        assert_eq!((template.fields.len(), faults[0].line), (2, 3));
        let many = b"A~1~1~A~~\r\n".repeat(257);
        assert_eq!(
            Template::parse(&many).unwrap_err().fault,
            LineFault::TooManyFields
        );
        assert!(Template::parse(&many[11..]).is_ok());
    }

    // rule: dec:2.15
    // rule: pof:R-INF-001
    // rule: pof:D-13
    #[test]
    fn an_inf_record_has_width_and_one_bytes_for_each_field() {
        let template = Template::parse(fixture!("q105124-admin.tpl.txt")).unwrap();
        assert_eq!(template.record_len_bytes(), 22);
        let record = template.encode_record(&["Doe", "John"]).unwrap();
        assert_eq!(record, b"Doe\0\0\0\0\0\0\0\0John\0\0\0\0\0\0\0");
        assert_eq!(
            template.record_values(&record).unwrap(),
            [&b"Doe"[..], b"John"]
        );
        assert_eq!(template.record_count(44), Some(2));
        assert_eq!(template.record_count(45), None);
        assert_eq!(Template::default().record_count(0), Some(0));
        assert!(template.encode_record(&["Elevenbytes"]).is_err());
        assert!(template.encode_record(&["a", "b", "c"]).is_err());
        assert!(template.encode_record(&["a\0"]).is_err());
        assert_eq!(
            template.default_values(),
            [b"Lastname".to_vec(), b"Firstname".to_vec()]
        );
        // A foreign record need not have a NUL in each field.
        assert_eq!(
            template.record_values(&[b'x'; 22]).unwrap(),
            [&[b'x'; 10][..]; 2]
        );
    }

    // rule: pof:R-INF-003
    #[test]
    fn the_published_text_form_is_one_record_of_two_empty_fields() {
        let template = Template::parse(fixture!("q105124-admin.tpl.txt")).unwrap();
        let found = records(&template, fixture!("q105124-admin.inf.txt")).unwrap();
        assert_eq!(found, [[b"", b""]]);
        assert_eq!(
            template.record_to_text(&["Doe", ""]),
            b"Surname:~Doe\r\nGiven Name:~\r\n~~\r\n"
        );
        let found = records(&template, b"Given Name:~J~~\n~~\n~~\n").unwrap();
        assert_eq!(found[0], [b"Lastname".to_vec(), b"J~~".to_vec()]);
        assert_eq!(found.len(), 2);
        for (text, fault) in [
            ("Name:~x\n~~\n", LineFault::UnknownPrompt),
            ("Surname:~x\nSurname:~y\n~~\n", LineFault::UnknownPrompt),
            ("Surname:~elevenbytes\n~~\n", LineFault::ValueTooLong),
            ("Surname:\n~~\n", LineFault::TooFewTildes),
            ("Surname:~x\n", LineFault::RecordNotEnded),
        ] {
            assert_eq!(
                records(&template, text.as_bytes()).unwrap_err().fault,
                fault
            );
        }
    }

    fn any_template() -> impl Strategy<Value = Template> {
        let field = (
            "[A-Za-z :]{1,20}",
            any::<u16>(),
            1u16..=255,
            "[AULNP]{0,5}",
            "[ -}]{0,30}",
        );
        proptest::collection::vec(field, 0..8).prop_map(|fields| Template {
            fields: fields
                .into_iter()
                .map(|(prompt, start, width, edit, data)| TemplateField {
                    prompt: prompt.into_bytes(),
                    start,
                    width,
                    edit: edit.into_bytes(),
                    data: data.into_bytes(),
                    internal: Vec::new(),
                })
                .collect(),
        })
    }

    proptest! {
        // rule: pof:R-TPL-001
        // rule: pof:R-INF-003
        #[test]
        fn what_is_written_is_read(template in any_template(), count in 0usize..3) {
            prop_assert_eq!(Template::parse(&template.to_text()).unwrap(), template.clone());
            let values = template.default_values();
            let record = template.encode_record(&values).unwrap();
            prop_assert_eq!(template.record_values(&record).unwrap(), values.clone());
            let text = template.record_to_text(&values).repeat(count);
            prop_assert_eq!(records(&template, &text).unwrap(), vec![values; count]);
        }

        // rule: pof:R-TPL-002
        #[test]
        fn arbitrary_bytes_never_panic(text in proptest::collection::vec(any::<u8>(), 0..200), template in any_template()) {
            let (parsed, _) = Template::parse_lenient(&text);
            prop_assert_eq!(Template::parse(&parsed.to_text()).unwrap(), parsed);
            let _ = (records(&template, &text), template.record_values(&text));
        }
    }
}
