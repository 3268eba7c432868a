//! INI/ROUTES.INI: where the trees of direct postoffices are.
//!
//! Trees are found in a site by their identity. One that lies elsewhere is named here: XTN has no
//! field for a path (with the originals the drive letter was given to the mailer), and a path is
//! longer than any field. ASSIGNED, text in UTF-8: one line `NET/PO=path` each; empty lines and
//! lines that begin with `;` are kept.

use crate::core::base::address::PoName;
use crate::tree::TreeView;

use super::super::edit::Edit;
use super::super::error::PoError;
use super::super::list_error::ListError;

/// The file.
pub const ROUTES_INI: &str = "INI/ROUTES.INI";
/// Longest file that is read, in bytes.
const LIMIT_BYTES: u64 = 4 << 20;

fn parse(text: &str) -> Vec<(PoName, String)> {
    text.lines().filter_map(parse_line).collect()
}

fn parse_line(line: &str) -> Option<(PoName, String)> {
    let line = line.trim();
    if line.starts_with(';') {
        return None;
    }
    let (name, path) = line.split_once('=')?;
    let path = path.trim();
    let name: PoName = name.trim().parse().ok()?;
    (!path.is_empty()).then(|| (name, path.to_owned()))
}

fn text(edit: &mut Edit<'_>) -> Result<String, PoError> {
    match edit.read(ROUTES_INI)? {
        None => Ok(String::new()),
        Some(bytes) => String::from_utf8(bytes.to_vec())
            .map_err(|error| ListError::damaged(ROUTES_INI, error).into()),
    }
}

/// All paths, as changed so far.
///
/// # Errors
/// The file is not UTF-8; a disk error.
pub fn all(edit: &mut Edit<'_>) -> Result<Vec<(PoName, String)>, PoError> {
    Ok(parse(&text(edit)?))
}

/// The path that was given for the tree of a postoffice; the first line about it counts.
///
/// # Errors
/// A disk error. A file that is not UTF-8 reads as far as it is.
pub fn path_of(view: &TreeView, name: &PoName) -> Result<Option<String>, PoError> {
    let Some(bytes) = view.read(ROUTES_INI, LIMIT_BYTES)? else {
        return Ok(None);
    };
    let found = parse(&String::from_utf8_lossy(&bytes));
    Ok(found
        .into_iter()
        .find(|(known, _)| known == name)
        .map(|(_, path)| path))
}

/// Sets or forgets the path of a postoffice.
///
/// # Errors
/// A path that a line cannot hold; the file is not UTF-8; a disk error.
pub fn set(edit: &mut Edit<'_>, name: &PoName, path: Option<&str>) -> Result<(), PoError> {
    let bad = path.is_some_and(|path| {
        path.trim().is_empty() || path.trim() != path || path.chars().any(char::is_control)
    });
    if bad {
        return Err(ListError::Usage {
            why: format!("{:?} cannot be kept as a path", path.unwrap_or_default()),
            hint: "give a path without line ends, and without blanks at its ends",
        }
        .into());
    }
    let old = text(edit)?;
    let mut lines: Vec<String> = old
        .lines()
        .filter(|line| parse_line(line).is_none_or(|(known, _)| known != *name))
        .map(str::to_owned)
        .collect();
    if let Some(path) = path {
        lines.push(format!("{name}={path}"));
    }
    let new: String = lines.iter().map(|line| format!("{line}\r\n")).collect();
    if old.lines().eq(new.lines()) {
        return Ok(());
    }
    edit.write(ROUTES_INI, new.into_bytes())?;
    Ok(())
}
