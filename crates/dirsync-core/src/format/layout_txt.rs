//! LAYOUT.TXT: the marker that says a tree is ours and which layout its files have.
//!
//! Text in UTF-8, one `key=value` a line, CR LF (ASSIGNED, decisions 2.1): `layout`, `version`,
//! `tree_id` (32 hexadecimal digits), `created` (RFC 3339), `zone` (IANA name). One per commit
//! domain, in `GLB/`, `DXADATA/` or `MTADATA/`. Unknown keys are kept in their order. A tree
//! without this file, or with a newer or damaged one, is foreign and is never written.

use std::fmt;

use jiff::Timestamp;

use crate::base::{DecodeError, DecodeErrorKind};

/// Name of the file.
pub const FILE_NAME: &str = "LAYOUT.TXT";
/// Value of `layout` in our trees.
pub const LAYOUT: &str = "dirsync-open";
/// The newest version this program writes.
pub const CURRENT_VERSION: u32 = 1;
/// Longer files are damaged.
pub const MAX_LEN: usize = 65_536;

const WHAT: &str = "LAYOUT.TXT";

/// The number of a commit domain, random when it is made, and never changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TreeId(pub [u8; 16]);

impl TreeId {
    /// Reads exactly 32 hexadecimal digits, in either case.
    #[must_use]
    pub fn from_hex(digits: &str) -> Option<Self> {
        let digits = digits.as_bytes();
        if digits.len() != 32 {
            return None;
        }
        let mut id = [0; 16];
        for (byte, pair) in id.iter_mut().zip(digits.chunks_exact(2)) {
            let high = char::from(pair[0]).to_digit(16)?;
            let low = char::from(pair[1]).to_digit(16)?;
            *byte = u8::try_from(high * 16 + low).ok()?;
        }
        Some(Self(id))
    }
}

impl fmt::Display for TreeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// The marker of a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    /// Version of the layout, up to [`CURRENT_VERSION`]. 0 marks trees of development builds, whose
    /// files are those of version 1 (ASSIGNED).
    pub version: u32,
    /// The number of the commit domain.
    pub tree_id: TreeId,
    /// When the tree was made.
    pub created: Timestamp,
    /// IANA name of the zone in which times are shown and scheduled.
    pub zone: String,
    /// Keys this version does not know, in their order.
    pub unknown: Vec<(String, String)>,
}

/// Why a marker makes a tree foreign.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LayoutError {
    /// The file does not say `layout=dirsync-open`.
    #[error("LAYOUT.TXT is not a marker of this project")]
    NotOurs,
    /// The layout is newer than this program.
    #[error("LAYOUT.TXT says version {0}, this program knows up to {CURRENT_VERSION}")]
    Newer(u32),
    /// A key is missing, doubled or holds nonsense.
    #[error(transparent)]
    Damaged(#[from] DecodeError),
}

impl Layout {
    /// Reads the marker. Lines may end with LF alone; keys are read in lower case only, as written.
    ///
    /// # Errors
    /// [`LayoutError`]; the tree is foreign then.
    pub fn parse(bytes: &[u8]) -> Result<Self, LayoutError> {
        if bytes.len() > MAX_LEN {
            let kind = DecodeErrorKind::Limit("the length", MAX_LEN as u64, bytes.len() as u64);
            return Err(DecodeError::new(WHAT, MAX_LEN as u64, kind).into());
        }
        let text = std::str::from_utf8(bytes)
            .map_err(|error| bad(error.valid_up_to(), "the text is not UTF-8"))?;
        let (mut layout, mut version, mut tree_id, mut created, mut zone) = Default::default();
        let mut unknown = Vec::new();
        let mut at = 0;
        for line in text.split_inclusive('\n') {
            let start = at;
            at += line.len();
            let line = line.strip_suffix('\n').unwrap_or(line);
            let line = line.strip_suffix('\r').unwrap_or(line);
            if line.is_empty() {
                continue;
            }
            let (key, value) = line
                .split_once('=')
                .ok_or_else(|| bad(start, "a line has no ="))?;
            let place: &mut Option<(usize, &str)> = match key {
                "layout" => &mut layout,
                "version" => &mut version,
                "tree_id" => &mut tree_id,
                "created" => &mut created,
                "zone" => &mut zone,
                _ => {
                    unknown.push((key.to_owned(), value.to_owned()));
                    continue;
                }
            };
            if place.replace((start, value)).is_some() {
                return Err(bad(start, "a key stands twice").into());
            }
        }
        if layout.map(|(_, value)| value) != Some(LAYOUT) {
            return Err(LayoutError::NotOurs);
        }
        // The version decides first: a newer layout may have other keys.
        let (at, value) = version.ok_or_else(|| bad(0, "the version is missing"))?;
        let version = number(value).ok_or_else(|| bad(at, "the version is not a number"))?;
        if version > CURRENT_VERSION {
            return Err(LayoutError::Newer(version));
        }
        let (at, value) = tree_id.ok_or_else(|| bad(0, "the tree id is missing"))?;
        let tree_id = TreeId::from_hex(value)
            .ok_or_else(|| bad(at, "the tree id is not 32 hexadecimal digits"))?;
        let (at, value) = created.ok_or_else(|| bad(0, "the creation time is missing"))?;
        let created = value
            .parse()
            .map_err(|_| bad(at, "the creation time is not RFC 3339"))?;
        let (at, zone) = zone.ok_or_else(|| bad(0, "the zone is missing"))?;
        if zone.is_empty() || zone.chars().any(char::is_control) {
            return Err(bad(at, "the zone is not a name").into());
        }
        Ok(Self {
            version,
            tree_id,
            created,
            zone: zone.to_owned(),
            unknown,
        })
    }

    /// The text of the marker. Line breaks inside values cannot be written and become blanks.
    #[must_use]
    pub fn format(&self) -> String {
        let mut text = String::new();
        let mut line = |key: &str, value: &str| {
            text.push_str(key);
            text.push('=');
            text.extend(value.chars().map(|c| if c.is_control() { ' ' } else { c }));
            text.push_str("\r\n");
        };
        line("layout", LAYOUT);
        line("version", &self.version.to_string());
        line("tree_id", &self.tree_id.to_string());
        line("created", &self.created.to_string());
        line("zone", &self.zone);
        for (key, value) in &self.unknown {
            line(key, value);
        }
        text
    }

    /// Whether the tree must be upgraded before it may be written.
    #[must_use]
    pub fn is_older(&self) -> bool {
        self.version < CURRENT_VERSION
    }
}

/// A version is digits only.
fn number(text: &str) -> Option<u32> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| digits)
}

fn bad(at: usize, why: &'static str) -> DecodeError {
    DecodeError::new(WHAT, at as u64, DecodeErrorKind::BadText(why))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TEXT: &str = "layout=dirsync-open\r\nversion=1\r\n\
        tree_id=00112233445566778899aabbccddeeff\r\ncreated=1994-04-07T12:13:52Z\r\n\
        zone=America/New_York\r\n";

    // rule: dec:2.1
    #[test]
    fn the_marker_reads_and_writes_byte_for_byte() {
        let layout = Layout::parse(TEXT.as_bytes()).unwrap();
        assert_eq!(layout.created.as_second(), 0x2DA3_F900);
        assert_eq!(layout.zone, "America/New_York");
        assert!(!layout.is_older());
        let development = TEXT.replace("version=1", "version=0");
        assert!(Layout::parse(development.as_bytes()).unwrap().is_older());
        assert_eq!(layout.format(), TEXT);
        let unix = TEXT.replace("\r\n", "\n");
        assert_eq!(Layout::parse(unix.as_bytes()).unwrap(), layout);
    }

    // rule: dec:2.1
    #[test]
    fn unknown_keys_are_kept() {
        let text = format!("{TEXT}note=made for a test = yes\r\n");
        let layout = Layout::parse(text.as_bytes()).unwrap();
        assert_eq!(
            layout.unknown,
            [("note".into(), "made for a test = yes".into())]
        );
        assert_eq!(layout.format(), text);
    }

    // rule: dec:2.1
    #[test]
    fn newer_strange_and_damaged_markers_are_told_apart() {
        let parse = |text: &str| Layout::parse(text.as_bytes()).unwrap_err();
        assert_eq!(
            parse("layout=dirsync-open\nversion=2\nother=1\n"),
            LayoutError::Newer(2)
        );
        assert_eq!(parse(""), LayoutError::NotOurs);
        assert_eq!(
            parse(&TEXT.replace("dirsync-open", "x")),
            LayoutError::NotOurs
        );
        for (from, to) in [
            ("version=1", "version="),
            ("version=1", "version=-1"),
            ("version=1", "version=+1"),
            ("aabb", "aab"),
            ("aabb", "zzbb"),
            ("1994-04-07", "1994-44-07"),
            ("zone=America/New_York", "zone="),
            ("zone=", "zone"),
            ("version=1\r\n", "version=1\r\nversion=1\r\n"),
            ("version=1\r\n", ""),
        ] {
            let text = TEXT.replace(from, to);
            assert!(
                matches!(parse(&text), LayoutError::Damaged(_)),
                "{from} -> {to}"
            );
        }
        let bytes = [TEXT.as_bytes(), b"x=\xFF\r\n"].concat();
        assert!(matches!(
            Layout::parse(&bytes),
            Err(LayoutError::Damaged(_))
        ));
        let long = [TEXT.as_bytes(), &[b'\n'; MAX_LEN]].concat();
        assert!(matches!(Layout::parse(&long), Err(LayoutError::Damaged(_))));
    }

    proptest! {
        // rule: dec:2.1
        #[test]
        fn what_is_written_is_read_back(
            id: [u8; 16],
            second in 0i64..4_000_000_000,
            zone in "[A-Za-z/_]{1,30}",
            unknown in proptest::collection::vec(("x[a-z]{1,8}", "[ -~]{0,20}"), 0..4),
        ) {
            let created = Timestamp::from_second(second).unwrap();
            let layout = Layout { version: 1, tree_id: TreeId(id), created, zone, unknown };
            prop_assert_eq!(Layout::parse(layout.format().as_bytes()).unwrap(), layout);
        }

        // rule: dec:2.1
        #[test]
        fn any_bytes_are_read_without_panic(
            tail in proptest::collection::vec(any::<u8>(), 0..80),
            cut in 0..TEXT.len(),
        ) {
            let _ = Layout::parse(&tail);
            let _ = Layout::parse(&[&TEXT.as_bytes()[..cut], &tail].concat());
        }
    }
}
