//! Directories full of files named by numbers.
//!
//! The numbers are kept, not the names, so that a million messages cost 4 MB. A name that is not
//! spelled as we would spell it (upper case) is kept beside its number.

use std::collections::BTreeMap;

use crate::core::base::ident::{HexId, MailbagStem};
use crate::tree::disk::EntryName;
use crate::tree::{RelPath, TreeError};

use super::read::{self, EntryKind, Eyes};

/// Odd names that are remembered of one directory; more are counted by the part on files.
const ODD_LIMIT: usize = 10_000;

/// The regular files `<stem>.<ending>` of one directory.
#[derive(Debug, Clone)]
pub(super) struct Stems<S> {
    /// The directory on disk.
    pub(super) dir: RelPath,
    ending: &'static str,
    /// Sorted, each once.
    stems: Vec<S>,
    spelled: BTreeMap<S, String>,
    /// Sorted names of regular files that are not of this form.
    pub(super) odd: Vec<String>,
}

impl<S: Ord + Copy + std::fmt::Display> Stems<S> {
    fn read(
        view: &Eyes<'_>,
        dir: &str,
        ending: &'static str,
        parse: impl Fn(&str) -> Option<S>,
    ) -> Result<Self, TreeError> {
        let dir = read::path(view, dir)?;
        let mut stems = Vec::new();
        let mut spelled: BTreeMap<S, String> = BTreeMap::new();
        let mut odd = std::collections::BTreeSet::new();
        read::list_on_disk(view, &dir, &mut |entry| {
            let EntryName::Plain(name) = entry.name else {
                return;
            };
            if entry.kind != EntryKind::File {
                return;
            }
            let stem = name.rsplit_once('.').and_then(|(stem, found)| {
                found
                    .eq_ignore_ascii_case(ending)
                    .then(|| parse(stem))
                    .flatten()
            });
            match stem {
                Some(stem) => {
                    stems.push(stem);
                    if name != format!("{stem}.{ending}") {
                        // Of several odd spellings the smallest counts.
                        match spelled.get(&stem) {
                            Some(known) if *known <= name => {}
                            _ => {
                                spelled.insert(stem, name);
                            }
                        }
                    }
                }
                None => {
                    odd.insert(name);
                    if odd.len() > ODD_LIMIT {
                        odd.pop_last();
                    }
                }
            }
        })?;
        stems.sort_unstable();
        let before = stems.len();
        stems.dedup();
        if stems.len() != before {
            // Spelled twice: the spelling that look-up prefers is the exact one.
            let mut exact = Vec::new();
            for stem in spelled.keys() {
                let path = dir.join(&format!("{stem}.{ending}"))?;
                if read::stat_on_disk(view, &path)?.is_some() {
                    exact.push(*stem);
                }
            }
            for stem in exact {
                spelled.remove(&stem);
            }
        }
        Ok(Self {
            dir,
            ending,
            stems,
            spelled,
            odd: odd.into_iter().collect(),
        })
    }

    /// The stems, ascending.
    pub(super) fn iter(&self) -> impl Iterator<Item = S> + '_ {
        self.stems.iter().copied()
    }

    /// Whether there is a file of that stem.
    pub(super) fn contains(&self, stem: S) -> bool {
        self.stems.binary_search(&stem).is_ok()
    }

    /// The greatest stem.
    pub(super) fn last(&self) -> Option<S> {
        self.stems.last().copied()
    }

    /// The path on disk of the file of that stem, whether it exists or not.
    pub(super) fn path(&self, stem: S) -> Result<RelPath, TreeError> {
        Ok(match self.spelled.get(&stem) {
            Some(name) => self.dir.join(name)?,
            None => self.dir.join(&format!("{stem}.{}", self.ending))?,
        })
    }
}

/// The files `<hexid>.<ending>` of a directory.
pub(super) fn numbered(
    view: &Eyes<'_>,
    dir: &str,
    ending: &'static str,
) -> Result<Stems<HexId>, TreeError> {
    Stems::read(view, dir, ending, |stem| {
        HexId::from_ascii(stem.as_bytes()).ok()
    })
}

/// The files of mailbags, numbered and named: `MBG` or `KEY`.
pub(super) fn mailbags(
    view: &Eyes<'_>,
    dir_and_ending: &'static str,
) -> Result<Stems<MailbagStem>, TreeError> {
    Stems::read(view, dir_and_ending, dir_and_ending, |stem| {
        stem.parse().ok()
    })
}
