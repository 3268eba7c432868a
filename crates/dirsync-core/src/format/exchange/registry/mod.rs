//! `REGISTRY.REG`: the registry of a server as text in REGEDIT4 form (Q310516).
//!
//! The first line is exactly `REGEDIT4`; then blocks of a key in brackets and its values. The text
//! is in the ANSI code page (1252), `hex(2)` and `hex(7)` hold single-byte texts (DOCUMENTED). A
//! line that cannot be read is skipped, reported and kept: a change touches the lines of its own
//! value only.
//!
//! One value at a time goes through crate `regashii`. It is never given a whole file: it stops at a
//! value it cannot read and would lose the rest, and slices a `hex(5)` without looking at its length.

mod ansi;
mod known;
mod settings;

#[cfg(test)]
mod tests;

use regashii::{Format, Key, KeyKind, Kind, Registry, Value, ValueName};

pub use known::{Absent, KNOWN, KnownValue, Lifetime, ValueType, known};
pub use settings::{DxSettings, SettingFault};

/// The first line.
pub const HEADER: &str = "REGEDIT4";
/// The agent's key; its values stand directly in it (DOCUMENTED, Q146738).
pub const DX_KEY: &str = r"HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Services\MSExchangeDX";
/// The transfer agent's parameters (DOCUMENTED, Q155302).
pub const MTA_KEY: &str =
    r"HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Services\MSExchangeMTA\Parameters";
/// Longer files are refused (ASSIGNED: a server's two keys need a few hundred bytes).
pub const MAX_LEN: usize = 1 << 20;

/// Why a file is no registry text, or a value cannot be written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RegistryError {
    /// The first line is another one; the whole file is refused.
    #[error("the first line is not REGEDIT4")]
    Header,
    /// The file is too long.
    #[error("the file has {0} bytes, the limit is {MAX_LEN}")]
    TooLong(usize),
    /// A character without a place in code page 1252, or a control character.
    #[error("the character {0:?} cannot be written in REGEDIT4 text")]
    Character(char),
    /// An empty string inside a list of strings would end the list.
    #[error("a list of strings cannot hold an empty one")]
    EmptyString,
    /// The name of a value is empty or too long (255 characters).
    #[error("a value's name has 1 to 255 characters")]
    Name,
}

/// The data of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Data {
    /// REG_SZ.
    Text(String),
    /// REG_EXPAND_SZ.
    Expand(String),
    /// REG_DWORD.
    Number(u32),
    /// REG_MULTI_SZ.
    List(Vec<String>),
    /// REG_BINARY.
    Binary(Vec<u8>),
    /// Any other type, by its number.
    Other(u8, Vec<u8>),
}

impl Data {
    /// The type.
    #[must_use]
    pub fn value_type(&self) -> ValueType {
        match self {
            Self::Text(_) => ValueType::Text,
            Self::Expand(_) => ValueType::Expand,
            Self::Number(_) => ValueType::Number,
            Self::List(_) => ValueType::List,
            Self::Binary(_) => ValueType::Binary,
            Self::Other(kind, _) => ValueType::Other(*kind),
        }
    }
}

/// A line that was skipped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadLine {
    /// Its number, from 1.
    pub line: usize,
    /// What is wrong.
    pub why: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Item {
    Key { name: String, deleted: bool },
    Value { name: String, data: Option<Data> },
    Other,
    Bad(&'static str),
}

/// One item and its lines as they stand.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Piece {
    raw: String,
    item: Item,
}

/// A registry text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistryFile {
    pieces: Vec<Piece>,
}

impl Default for RegistryFile {
    fn default() -> Self {
        Self::new()
    }
}

impl RegistryFile {
    /// A text without keys.
    #[must_use]
    pub fn new() -> Self {
        let raw = format!("{HEADER}\r\n\r\n");
        Self {
            pieces: vec![Piece {
                raw,
                item: Item::Other,
            }],
        }
    }

    /// Reads a text. Lines may end with LF alone.
    ///
    /// # Errors
    /// [`RegistryError::Header`], [`RegistryError::TooLong`].
    pub fn parse(bytes: &[u8]) -> Result<Self, RegistryError> {
        if bytes.len() > MAX_LEN {
            return Err(RegistryError::TooLong(bytes.len()));
        }
        let text = ansi::decode(bytes);
        let mut lines = text.split_inclusive('\n');
        let first = lines.next().unwrap_or_default();
        if first.trim_end_matches(['\r', '\n']) != HEADER {
            return Err(RegistryError::Header);
        }
        let mut pieces = vec![Piece {
            raw: first.to_owned(),
            item: Item::Other,
        }];
        let mut in_key = false;
        while let Some(line) = lines.next() {
            let mut raw = line.to_owned();
            if starts_value(line) {
                // Bytes go on in the next line after a backslash; a text never does.
                let mut last = line;
                while is_hex(&raw) && last.trim_end().ends_with('\\') {
                    let Some(next) = lines.next() else { break };
                    raw.push_str(next);
                    last = next;
                }
            }
            let item = match item(&raw) {
                Item::Value { .. } if !in_key => Item::Bad("a value stands before the first key"),
                item => item,
            };
            match &item {
                Item::Key { .. } => in_key = true,
                // The values below a key that cannot be read belong to no other one.
                Item::Bad(_) if raw.trim_start().starts_with('[') => in_key = false,
                _ => {}
            }
            pieces.push(Piece { raw, item });
        }
        Ok(Self { pieces })
    }

    /// The bytes of the file.
    ///
    /// # Errors
    /// [`RegistryError::Character`]; `set` keeps it from happening.
    pub fn format(&self) -> Result<Vec<u8>, RegistryError> {
        let mut bytes = Vec::new();
        for piece in &self.pieces {
            bytes.extend(ansi::encode(&piece.raw)?);
        }
        Ok(bytes)
    }

    /// The lines that could not be read.
    #[must_use]
    pub fn bad_lines(&self) -> Vec<BadLine> {
        let mut line = 1;
        let mut bad = Vec::new();
        for piece in &self.pieces {
            if let Item::Bad(why) = piece.item {
                bad.push(BadLine { line, why });
            }
            line += piece.raw.matches('\n').count();
        }
        bad
    }

    /// The values in force, in their order: key, name, data. A name that stands twice counts as it
    /// stands last; a deletion (`"name"=-`, `[-key]`) takes away what stands before it.
    #[must_use]
    pub fn values(&self) -> Vec<(&str, &str, &Data)> {
        let mut key: Option<&str> = None;
        let mut values: Vec<(&str, &str, &Data)> = Vec::new();
        for piece in &self.pieces {
            match &piece.item {
                Item::Key { name, deleted } => {
                    if *deleted {
                        values.retain(|(of, ..)| !is_below(of, name));
                    }
                    key = (!deleted).then_some(name);
                }
                Item::Value { name, data } => {
                    let Some(key) = key else { continue };
                    values.retain(|(of, called, _)| !(same(of, key) && same(called, name)));
                    if let Some(data) = data {
                        values.push((key, name, data));
                    }
                }
                Item::Bad(_) if piece.raw.trim_start().starts_with('[') => key = None,
                Item::Other | Item::Bad(_) => {}
            }
        }
        values
    }

    /// A value, by key and name in any case of letters: the name as it stands, and the data.
    #[must_use]
    pub fn get(&self, key: &str, name: &str) -> Option<(&str, &Data)> {
        self.values()
            .into_iter()
            .find(|(of, called, _)| same(of, key) && same(called, name))
            .map(|(_, called, data)| (called, data))
    }

    /// Sets a value. It keeps its place if it stands already, else it goes to the end of its key,
    /// which is made if it is not there. The name is written as given.
    ///
    /// # Errors
    /// A text that cannot be written, an empty string in a list, or a bad name.
    pub fn set(&mut self, key: &str, name: &str, data: Data) -> Result<(), RegistryError> {
        let raw = write_value(key, name, &data)?;
        let value = Piece {
            raw,
            item: Item::Value {
                name: name.to_owned(),
                data: Some(data),
            },
        };
        // Before a deletion a new value would be lost again; the end of the key is behind it.
        let deletes = |piece: &Piece| matches!(piece.item, Item::Key { deleted: true, .. });
        let place = self.places(key, name).first().copied();
        let place = place.filter(|_| !self.pieces.iter().any(deletes));
        self.unset(key, name);
        if let Some(place) = place {
            self.pieces.insert(place, value);
            return Ok(());
        }
        match self.end_of_key(key) {
            Some(place) => {
                self.end_line(place);
                self.pieces.insert(place, value);
            }
            None => {
                self.end_line(self.pieces.len());
                let blank = self.pieces.last().is_none_or(|piece| {
                    piece.raw.ends_with("\n\r\n") || piece.raw.trim().is_empty()
                });
                let lead = if blank { "" } else { "\r\n" };
                ansi::encode(key)?;
                self.pieces.push(Piece {
                    raw: lead.to_owned(),
                    item: Item::Other,
                });
                self.pieces.push(Piece {
                    raw: format!("[{key}]\r\n"),
                    item: Item::Key {
                        name: key.to_owned(),
                        deleted: false,
                    },
                });
                self.pieces.push(value);
            }
        }
        Ok(())
    }

    /// Takes a value away; whether it was there.
    pub fn unset(&mut self, key: &str, name: &str) -> bool {
        let places = self.places(key, name);
        for place in places.iter().rev() {
            self.pieces.remove(*place);
        }
        !places.is_empty()
    }

    /// Where a value stands, deletions of it included.
    fn places(&self, key: &str, name: &str) -> Vec<usize> {
        let mut of: Option<&str> = None;
        let mut places = Vec::new();
        for (place, piece) in self.pieces.iter().enumerate() {
            match &piece.item {
                Item::Key { name, deleted } => of = (!deleted).then_some(name),
                Item::Value { name: called, .. } => {
                    if of.is_some_and(|of| same(of, key)) && same(called, name) {
                        places.push(place);
                    }
                }
                Item::Bad(_) if piece.raw.trim_start().starts_with('[') => of = None,
                Item::Other | Item::Bad(_) => {}
            }
        }
        places
    }

    /// The place after the last value of the last block of a key.
    fn end_of_key(&self, key: &str) -> Option<usize> {
        let mut found = None;
        let mut inside = false;
        for (place, piece) in self.pieces.iter().enumerate() {
            match &piece.item {
                Item::Key { name, deleted } => {
                    // A deletion that follows would take the new value away again.
                    if *deleted && is_below(key, name) {
                        found = None;
                    }
                    inside = !deleted && same(name, key);
                    if inside {
                        found = Some(place + 1);
                    }
                }
                Item::Value { .. } if inside => found = Some(place + 1),
                _ => {}
            }
        }
        found
    }

    /// Gives the line before a place its end if the file ended without one.
    fn end_line(&mut self, place: usize) {
        if let Some(before) = place.checked_sub(1).and_then(|n| self.pieces.get_mut(n))
            && !before.raw.ends_with('\n')
        {
            before.raw.push_str("\r\n");
        }
    }
}

/// Names of keys and values do not distinguish letters by case.
fn same(left: &str, right: &str) -> bool {
    left.eq_ignore_ascii_case(right) || left.to_lowercase() == right.to_lowercase()
}

fn is_below(key: &str, above: &str) -> bool {
    let (key, above) = (key.to_lowercase(), above.to_lowercase());
    key.strip_prefix(&above)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('\\'))
}

fn starts_value(line: &str) -> bool {
    matches!(line.trim_start().as_bytes().first(), Some(b'"' | b'@'))
}

/// Splits a value's line into its name, quotes included, and its data.
fn split_value(raw: &str) -> Option<(&str, &str)> {
    let line = raw.trim();
    let end = if line.starts_with('@') {
        1
    } else {
        let mut escaped = false;
        let closing = line.char_indices().skip(1).find(|(_, c)| {
            let closes = *c == '"' && !escaped;
            escaped = *c == '\\' && !escaped;
            closes
        });
        closing?.0 + 1
    };
    let (name, rest) = line.split_at(end);
    Some((name, rest.trim_start().strip_prefix('=')?.trim_start()))
}

fn is_hex(raw: &str) -> bool {
    split_value(raw).is_some_and(|(_, data)| data.starts_with("hex"))
}

fn item(raw: &str) -> Item {
    let line = raw.trim();
    if line.is_empty() || line.starts_with(';') {
        return Item::Other;
    }
    if let Some(rest) = line.strip_prefix('[') {
        let Some((name, tail)) = rest.rsplit_once(']') else {
            return Item::Bad("a key has no closing bracket");
        };
        if !tail.trim().is_empty() && !tail.trim_start().starts_with(';') {
            return Item::Bad("something stands behind a key");
        }
        let (name, deleted) = match name.strip_prefix('-') {
            Some(name) => (name, true),
            None => (name, false),
        };
        let name = name.trim_end_matches('\\');
        if name.is_empty() || name.contains(char::is_control) {
            return Item::Bad("a key without name");
        }
        return Item::Key {
            name: name.to_owned(),
            deleted,
        };
    }
    if !starts_value(raw) {
        return Item::Bad("neither a key nor a value nor a remark");
    }
    let bad = Item::Bad("a value that cannot be read");
    let Some((quoted, data)) = split_value(raw) else {
        return bad;
    };
    let Some((kind, readable)) = readable(data) else {
        return bad;
    };
    let text = format!("{HEADER}\n[K]\n{quoted}={readable}\n");
    let Ok(registry) = Registry::deserialize(&text) else {
        return bad;
    };
    let mut values = registry
        .keys()
        .values()
        .filter(|key| key.kind() == KeyKind::Add)
        .flat_map(Key::values);
    let (Some((name, value)), None) = (values.next(), values.next()) else {
        return bad;
    };
    let name = match name {
        ValueName::Default => "@".to_owned(),
        ValueName::Named(name) if name.is_empty() || name.contains(char::is_control) => return bad,
        ValueName::Named(name) => name.clone(),
    };
    match data_of(kind, value) {
        Ok(data) => Item::Value { name, data },
        Err(()) => bad,
    }
}

/// The type's number of `hex(n):` data and the data with `hex:` instead, which regashii gives back
/// as plain bytes; other data stays. `None` for a number that is none.
fn readable(data: &str) -> Option<(Option<u8>, String)> {
    let Some(rest) = data.strip_prefix("hex(") else {
        return Some((None, data.to_owned()));
    };
    let (digits, bytes) = rest.split_once(')')?;
    let kind = u8::from_str_radix(digits, 16).ok()?;
    Some((Some(kind), format!("hex{bytes}")))
}

fn data_of(kind: Option<u8>, value: &Value) -> Result<Option<Data>, ()> {
    Ok(Some(match (kind, value) {
        (None, Value::Delete) => return Ok(None),
        (None, Value::Sz(text)) if !text.contains(char::is_control) => Data::Text(text.clone()),
        (None, Value::Dword(number)) => Data::Number(*number),
        (None, Value::Binary(bytes)) => Data::Binary(bytes.clone()),
        (Some(kind), Value::Binary(bytes)) => match kind {
            1 => Data::Text(ended(bytes).ok_or(())?),
            2 => Data::Expand(ended(bytes).ok_or(())?),
            3 => Data::Binary(bytes.clone()),
            4 => Data::Number(u32::from_le_bytes(
                bytes.as_slice().try_into().map_err(|_| ())?,
            )),
            7 => Data::List(
                bytes
                    .split(|byte| *byte == 0)
                    .filter(|part| !part.is_empty())
                    .map(ansi::decode)
                    .collect(),
            ),
            other => Data::Other(other, bytes.clone()),
        },
        _ => return Err(()),
    }))
}

/// A text up to its NUL; nothing but NULs may follow.
fn ended(bytes: &[u8]) -> Option<String> {
    let end = bytes
        .iter()
        .position(|byte| *byte == 0)
        .unwrap_or(bytes.len());
    let (text, rest) = bytes.split_at(end);
    rest.iter()
        .all(|byte| *byte == 0)
        .then(|| ansi::decode(text))
}

/// The lines of a value.
fn write_value(key: &str, name: &str, data: &Data) -> Result<String, RegistryError> {
    if name.is_empty() || name.chars().count() > 255 {
        return Err(RegistryError::Name);
    }
    for text in [key, name] {
        check_text(text)?;
    }
    let hex = |kind: u8, bytes: Vec<u8>| Value::Hex {
        kind: Kind::from(kind),
        bytes,
    };
    let nul_ended = |text: &str| -> Result<Vec<u8>, RegistryError> {
        let mut bytes = ansi::encode(text)?;
        bytes.push(0);
        Ok(bytes)
    };
    // regashii writes a text of other letters than ASCII as question marks: it gets a stand-in.
    let mut stand_in = None;
    let value = match data {
        Data::Text(text) => {
            check_text(text)?;
            stand_in = Some(text.replace('\\', r"\\").replace('"', "\\\""));
            Value::Sz(String::new())
        }
        Data::Expand(text) => {
            check_text(text)?;
            hex(2, nul_ended(text)?)
        }
        Data::Number(number) => Value::Dword(*number),
        Data::List(texts) => {
            let mut bytes = Vec::new();
            for text in texts {
                check_text(text)?;
                if text.is_empty() {
                    return Err(RegistryError::EmptyString);
                }
                bytes.extend(nul_ended(text)?);
            }
            bytes.push(0);
            hex(7, bytes)
        }
        Data::Binary(bytes) => Value::Binary(bytes.clone()),
        Data::Other(kind, bytes) => hex(*kind, bytes.clone()),
    };
    let named = match name {
        "@" => ValueName::Default,
        name => ValueName::named(name),
    };
    let text = Registry::new(Format::Regedit4)
        .with("K", Key::new().with(named, value))
        .serialize();
    let lines = text
        .split_once("[K]\n")
        .map_or("", |(_, lines)| lines)
        .trim_end_matches('\n');
    let lines = match (stand_in, lines.strip_suffix("=\"\"")) {
        (Some(text), Some(name)) => format!("{name}=\"{text}\""),
        _ => lines.to_owned(),
    };
    Ok(lines.replace('\n', "\r\n") + "\r\n")
}

fn check_text(text: &str) -> Result<(), RegistryError> {
    match text.chars().find(|c| c.is_control()) {
        Some(control) => Err(RegistryError::Character(control)),
        None => ansi::encode(text).map(|_| ()),
    }
}
