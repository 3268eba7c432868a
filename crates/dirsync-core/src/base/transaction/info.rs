//! The lines that follow a transaction's first: template information, template fields, options of
//! local users; and comments.
//!
//! DOCUMENTED: `-`, prompt, `/`, data (Q96001, Q104281), `&token=value` (Q111556). INFERRED:
//! slashes inside a prompt are doubled (Q117198, Q118447).

use crate::base::address::Fault;
use crate::base::codepage::{CodePage, escape_bytes_850};
use std::fmt;

/// Whether a text can stand in a line: no NUL, CR, LF.
fn is_line(text: &[u8]) -> bool {
    !text.iter().any(|byte| matches!(byte, 0 | b'\r' | b'\n'))
}

/// One line of template information: a prompt of the template and the entry's data.
#[derive(Clone, PartialEq, Eq)]
pub struct Info {
    prompt: Vec<u8>,
    data: Vec<u8>,
}

impl Info {
    /// Information for a prompt, both in code page 850; the prompt with its colon, slashes single.
    ///
    /// # Errors
    /// 22 for a prompt that is empty or begins with a blank or slash, or a NUL or line end in
    /// either text: such a line could not be read back.
    pub fn new(prompt: &[u8], data: &[u8]) -> Result<Self, Fault> {
        let bad_start = matches!(prompt.first(), None | Some(b' ' | b'/'));
        if bad_start || !is_line(prompt) || !is_line(data) {
            return Err(Fault::TemplateSlash);
        }
        Ok(Self {
            prompt: prompt.to_vec(),
            data: data.to_vec(),
        })
    }

    /// The prompt, slashes single.
    #[must_use]
    pub fn prompt(&self) -> &[u8] {
        &self.prompt
    }

    /// The data.
    #[must_use]
    pub fn data(&self) -> &[u8] {
        &self.data
    }

    /// Reads a line that begins with `-` (or, by DEC-015, with one blank and `- `).
    ///
    /// # Errors
    /// 22 when there is no `/`.
    pub(crate) fn parse(line: &[u8]) -> Result<Self, Fault> {
        let line = line.strip_prefix(b" ").unwrap_or(line);
        let body = line.strip_prefix(b"-").ok_or(Fault::TemplateSlash)?;
        let body = body.strip_prefix(b" ").unwrap_or(body);
        let separator = separator(body).ok_or(Fault::TemplateSlash)?;
        let prompt = undouble(&body[..separator]);
        let data = body[separator..].strip_prefix(b"/").unwrap_or_default();
        Self::new(&prompt, data)
    }

    /// `- Prompt:/data`, slashes of the prompt doubled.
    ///
    /// Data that begins with a slash gets a blank in front (ASSIGNED): the slash would otherwise
    /// be read as a part of the prompt.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let mut line = b"- ".to_vec();
        for &byte in &self.prompt {
            line.push(byte);
            if byte == b'/' {
                line.push(b'/');
            }
        }
        line.push(b'/');
        if self.data.first() == Some(&b'/') {
            line.push(b' ');
        }
        line.extend_from_slice(&self.data);
        line
    }
}

/// The offset of the `/` that ends the prompt (DEC-016): pairs are undoubled from left to right,
/// the first single one separates; if there is none, the last one of the first run does.
fn separator(body: &[u8]) -> Option<usize> {
    let mut first_run_end = None;
    let mut offset = 0;
    while let Some(start) = body[offset..].iter().position(|&byte| byte == b'/') {
        let start = offset.saturating_add(start);
        let run = body[start..]
            .iter()
            .take_while(|&&byte| byte == b'/')
            .count();
        offset = start.saturating_add(run);
        let last = offset.saturating_sub(1);
        if run % 2 == 1 {
            return Some(last);
        }
        first_run_end.get_or_insert(last);
    }
    first_run_end
}

/// Pairs of slashes made single, from left to right.
fn undouble(text: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&byte, after)) = rest.split_first() {
        plain.push(byte);
        rest = match (byte, after) {
            (b'/', [b'/', after @ ..]) => after,
            _ => after,
        };
    }
    plain
}

/// Whether a line is template information: it begins with `-`, or with one blank and has the form
/// `- x/y` (DEC-015).
pub(crate) fn is_info(line: &[u8]) -> bool {
    match line {
        [b'-', ..] => true,
        [b' ', b'-', b' ', rest @ ..] => rest.contains(&b'/'),
        _ => false,
    }
}

impl fmt::Debug for Info {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Info({:?})", escape_bytes_850(&self.to_bytes()))
    }
}

impl fmt::Display for Info {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&CodePage::Cp850.decode(&self.to_bytes()))
    }
}

/// One line of a template as it stands in the transaction; its grammar is the template's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateLine(Vec<u8>);

impl TemplateLine {
    /// A line `Prompt:~start~width~edit~default~`, without the blank in front.
    ///
    /// # Errors
    /// 47 when it is empty or holds a NUL or line end.
    pub fn new(text: &[u8]) -> Result<Self, Fault> {
        if text.is_empty() || !is_line(text) {
            return Err(Fault::NoEffect);
        }
        Ok(Self(text.to_vec()))
    }

    /// The line without the blank in front.
    #[must_use]
    pub fn text(&self) -> &[u8] {
        &self.0
    }
}

/// An option of a local user: `&token=value`. Which tokens there are is decided by the importer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserOption {
    token: Vec<u8>,
    value: Vec<u8>,
}

impl UserOption {
    /// An option; the token is kept as typed.
    ///
    /// # Errors
    /// 88 when the token is empty or holds `=` or blanks at its ends, or for NULs and line ends.
    pub fn new(token: &[u8], value: &[u8]) -> Result<Self, Fault> {
        let blank_edge = token.first() == Some(&b' ') || token.last() == Some(&b' ');
        if token.is_empty()
            || blank_edge
            || token.contains(&b'=')
            || !is_line(token)
            || !is_line(value)
        {
            return Err(Fault::UserOptionForm);
        }
        Ok(Self {
            token: token.to_vec(),
            value: value.to_vec(),
        })
    }

    /// The name of the option as typed; compare without case.
    #[must_use]
    pub fn token(&self) -> &[u8] {
        &self.token
    }

    /// The value.
    #[must_use]
    pub fn value(&self) -> &[u8] {
        &self.value
    }

    /// Reads a line that begins with `&`; blanks around the token are skipped.
    pub(crate) fn parse(line: &[u8]) -> Result<Self, Fault> {
        let body = line.strip_prefix(b"&").ok_or(Fault::UserOptionForm)?;
        let equals = body
            .iter()
            .position(|&byte| byte == b'=')
            .ok_or(Fault::UserOptionForm)?;
        let (token, value) = body.split_at(equals);
        Self::new(
            crate::base::address::trim_blanks(token),
            value.strip_prefix(b"=").unwrap_or_default(),
        )
    }

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        [b"&", &self.token[..], b"=", &self.value].concat()
    }
}

/// A comment or dummy: a line that begins with `#`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comment(Vec<u8>);

impl Comment {
    /// A comment with its `#`.
    ///
    /// # Errors
    /// 12 when it does not begin with `#`; 47 for a NUL or line end.
    pub fn new(text: &[u8]) -> Result<Self, Fault> {
        if text.first() != Some(&b'#') {
            return Err(Fault::CommandColumn);
        }
        if !is_line(text) {
            return Err(Fault::NoEffect);
        }
        Ok(Self(text.to_vec()))
    }

    /// The dummy of DEC-012.
    pub(super) fn dummy() -> Self {
        Self(b"# Last confirmed sync no".to_vec())
    }

    /// The whole line.
    #[must_use]
    pub fn text(&self) -> &[u8] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(line: &str) -> (String, String) {
        let info = Info::parse(line.as_bytes()).unwrap();
        (
            CodePage::Cp850.decode(info.prompt()),
            CodePage::Cp850.decode(info.data()),
        )
    }

    // rule: dec:DEC-015
    // rule: dec:DEC-016
    #[test]
    fn prompts_end_at_the_first_single_slash() {
        for (line, prompt, data) in [
            (
                "- City//ST//Zip:/Any City, Any State, 12345",
                "City/ST/Zip:",
                "Any City, Any State, 12345",
            ),
            (
                "- Full Name:/Mike A. Sterns",
                "Full Name:",
                "Mike A. Sterns",
            ),
            (
                " - Internal Mail Stop:/ Trey Research #86",
                "Internal Mail Stop:",
                " Trey Research #86",
            ),
            ("-prompt/information", "prompt", "information"),
            ("- Room:/4/17", "Room:", "4/17"),
            ("- Q196892///data", "Q196892/", "data"),
            ("- Only//doubled", "Only/", "doubled"),
            ("- Phone:/", "Phone:", ""),
        ] {
            assert_eq!(read(line), (prompt.to_owned(), data.to_owned()), "{line}");
        }
        assert_eq!(Info::parse(b"- Department"), Err(Fault::TemplateSlash));
        assert_eq!(Info::parse(b"-"), Err(Fault::TemplateSlash));
        assert_eq!(Info::parse(b"- /x"), Err(Fault::TemplateSlash));
        let slash = Info::new(b"Dir:", b"/etc").unwrap();
        assert_eq!(slash.to_string(), "- Dir:/ /etc");
    }

    // rule: imp:R-FMT-010
    #[test]
    fn user_options_have_a_token_and_a_value() {
        let option = UserOption::parse(b"& access =a=b").unwrap();
        assert_eq!(
            (option.token(), option.value()),
            (&b"access"[..], &b"a=b"[..])
        );
        assert_eq!(option.to_bytes(), b"&access=a=b");
        assert_eq!(UserOption::parse(b"&access"), Err(Fault::UserOptionForm));
        assert_eq!(UserOption::parse(b"&=x"), Err(Fault::UserOptionForm));
    }

    proptest! {
        // rule: dec:DEC-016
        #[test]
        fn information_round_trips(prompt in "[A-Za-z:][A-Za-z:/ ]{0,12}", data in "([A-Za-z ~-][ -~]{0,20})?") {
            let info = Info::new(prompt.as_bytes(), data.as_bytes()).unwrap();
            prop_assert_eq!(Info::parse(&info.to_bytes()), Ok(info));
        }

        // rule: dec:DEC-016
        #[test]
        fn whatever_is_read_is_written_so_that_it_reads_the_same(line in "-? ?[a/ ]{0,12}") {
            if let Ok(info) = Info::parse(line.as_bytes())
                && info.data().first() != Some(&b'/')
            {
                prop_assert_eq!(Info::parse(&info.to_bytes()), Ok(info));
            }
        }
    }
}
