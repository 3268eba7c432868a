//! Paths below the root of a tree.
//!
//! A [`RelPath`] is the only kind of path that reaches a [`crate::disk::Disk`]: relative, `/`
//! between names, no empty name, no `.` or `..`, no NUL, backslash or colon. Names that come out
//! of files of a tree never become paths without passing through here.

use std::fmt;

/// Why a text is not a path below a root.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a path inside a tree: {why}")]
pub struct PathError {
    /// The text that was refused.
    pub text: String,
    /// Why.
    pub why: &'static str,
}

/// A validated path relative to the root of a [`crate::disk::Disk`]; the empty path is the root.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct RelPath(String);

impl RelPath {
    /// The root itself.
    #[must_use]
    pub fn root() -> Self {
        Self(String::new())
    }

    /// A path from names separated by `/`.
    ///
    /// # Errors
    /// A name that is empty, `.`, `..`, longer than 255 bytes, or holds NUL, `/`, `\` or `:`.
    pub fn new(text: &str) -> Result<Self, PathError> {
        if text.is_empty() {
            return Ok(Self::root());
        }
        for name in text.split('/') {
            check_name(name).map_err(|why| PathError {
                text: text.to_owned(),
                why,
            })?;
        }
        Ok(Self(text.to_owned()))
    }

    /// This path with one more name.
    ///
    /// # Errors
    /// As [`RelPath::new`], and a name that holds `/`.
    pub fn join(&self, name: &str) -> Result<Self, PathError> {
        check_name(name).map_err(|why| PathError {
            text: name.to_owned(),
            why,
        })?;
        if self.0.is_empty() {
            Ok(Self(name.to_owned()))
        } else {
            Ok(Self(format!("{}/{name}", self.0)))
        }
    }

    /// The directory that holds this path; `None` for the root.
    #[must_use]
    pub fn parent(&self) -> Option<Self> {
        if self.0.is_empty() {
            return None;
        }
        match self.0.rfind('/') {
            Some(cut) => Some(Self(self.0[..cut].to_owned())),
            None => Some(Self::root()),
        }
    }

    /// The last name; `None` for the root.
    #[must_use]
    pub fn file_name(&self) -> Option<&str> {
        if self.0.is_empty() {
            return None;
        }
        self.0.rsplit('/').next()
    }

    /// The names from the root downwards.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.split('/').filter(|name| !name.is_empty())
    }

    /// Whether this is the root.
    #[must_use]
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// The text, names separated by `/`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RelPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            f.write_str(".")
        } else {
            f.write_str(&self.0)
        }
    }
}

fn check_name(name: &str) -> Result<(), &'static str> {
    if name.is_empty() {
        return Err("a name is empty");
    }
    if name == "." || name == ".." {
        return Err("a name is . or ..");
    }
    if name.len() > 255 {
        return Err("a name is longer than 255 bytes");
    }
    if name.contains(['/', '\\', ':', '\0']) {
        return Err("a name holds a separator, a colon or NUL");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_never_leave_the_root() {
        for bad in [
            "..", "GLB/..", "/etc", "GLB//X", "GLB/", "a\\b", "c:x", "x\0y", "./a",
        ] {
            assert!(RelPath::new(bad).is_err(), "{bad:?}");
        }
        let path = RelPath::new("GLB/MASTER.GLB").unwrap();
        assert_eq!(path.parent().unwrap().as_str(), "GLB");
        assert_eq!(path.file_name(), Some("MASTER.GLB"));
        assert_eq!(path.parent().unwrap().parent(), Some(RelPath::root()));
        assert_eq!(RelPath::root().parent(), None);
        assert!(RelPath::root().join("a/b").is_err());
    }
}
