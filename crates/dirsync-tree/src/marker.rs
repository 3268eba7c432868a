//! Whose tree it is: the layout marker and the rule of foreign trees.
//!
//! Domains made by this project carry `LAYOUT.TXT`. Without it, with a newer or damaged one, or with
//! one that contradicts the identity record of MASTER.GLB, a tree is *foreign*: it is read, never
//! written. Only two facts of MASTER.GLB are looked at here: its magic and its time of creation,
//! which `init` makes equal to the marker's. A MASTER.GLB of the wrong size or without magic inside
//! a marked tree is damage, not foreignness, and is the business of the checker.

use std::fmt;

use dirsync_core::format::layout_txt::{CURRENT_VERSION, Layout, LayoutError};

/// Name of the marker in a domain's home.
pub const LAYOUT_FILE: &str = "LAYOUT.TXT";
/// A marker is never longer than this, in bytes.
pub(crate) const LAYOUT_LEN_LIMIT: u64 = 64 << 10;

/// What the marker of a domain says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Marker {
    /// Made by this project, in the layout this program writes.
    Ours(Layout),
    /// Made by this project, in an older layout: read as is, written only after an upgrade.
    Older(Layout),
    /// Not ours.
    Foreign(ForeignReason),
}

/// Why a tree is foreign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ForeignReason {
    /// There is no LAYOUT.TXT.
    NoMarker,
    /// LAYOUT.TXT is not a regular file or too long.
    NotReadable(String),
    /// LAYOUT.TXT cannot be understood.
    Damaged(String),
    /// LAYOUT.TXT was written by a newer program: its version.
    Newer(u32),
    /// LAYOUT.TXT and MASTER.GLB were not made together.
    Contradicted {
        /// Seconds since 1970 in LAYOUT.TXT.
        marker_created: i64,
        /// Seconds since 1970 in MASTER.GLB.
        master_created: i64,
    },
}

impl fmt::Display for ForeignReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoMarker => f.write_str("it has no LAYOUT.TXT"),
            Self::NotReadable(why) => write!(f, "its LAYOUT.TXT cannot be read ({why})"),
            Self::Damaged(why) => write!(f, "its LAYOUT.TXT is damaged ({why})"),
            Self::Newer(version) => write!(
                f,
                "its LAYOUT.TXT has version {version}, this program knows up to {CURRENT_VERSION}"
            ),
            Self::Contradicted {
                marker_created,
                master_created,
            } => write!(
                f,
                "its LAYOUT.TXT (created at {marker_created}) does not belong to its MASTER.GLB \
                 (created at {master_created})"
            ),
        }
    }
}

impl Marker {
    /// Judges the bytes of LAYOUT.TXT together with what MASTER.GLB says about its creation
    /// (`None` when there is no MASTER.GLB with our magic to ask).
    #[must_use]
    pub fn judge(layout: &[u8], master_created: Option<i64>) -> Self {
        let layout = match Layout::parse(layout) {
            Ok(layout) => layout,
            Err(LayoutError::Newer(version)) => {
                return Self::Foreign(ForeignReason::Newer(version));
            }
            Err(error) => return Self::Foreign(ForeignReason::Damaged(error.to_string())),
        };
        let marker_created = layout.created.as_second();
        if let Some(master_created) = master_created
            && master_created != marker_created
        {
            return Self::Foreign(ForeignReason::Contradicted {
                marker_created,
                master_created,
            });
        }
        if layout.version < CURRENT_VERSION {
            Self::Older(layout)
        } else {
            Self::Ours(layout)
        }
    }

    /// The marker's content, for a tree of ours.
    #[must_use]
    pub fn layout(&self) -> Option<&Layout> {
        match self {
            Self::Ours(layout) | Self::Older(layout) => Some(layout),
            Self::Foreign(_) => None,
        }
    }
}
