//! What would change: a set of steps, each target once. Pure; nothing here touches a disk.
//!
//! A [`Plan`] is what a dry run prints and what a commit carries out, so the two cannot differ.
//! Paths are those of the disk (already looked up), see [`crate::names`].

use std::collections::BTreeMap;

use super::content::Content;
use crate::path::RelPath;

/// Bytes at an absolute offset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extent {
    /// Where, in bytes from the start of the file.
    pub offset: u64,
    /// What.
    pub bytes: Vec<u8>,
}

impl Extent {
    fn end(&self) -> Option<u64> {
        self.offset.checked_add(self.bytes.len() as u64)
    }
}

/// What happens to one target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// The file gets this content as a whole; it is made when missing. Mode and owner are kept.
    Replace {
        /// The new content.
        content: Content,
    },
    /// Parts of an existing file change; it may grow or be cut. An append is an extent at the old
    /// end.
    Extents {
        /// Length before, in bytes.
        len_before: u64,
        /// Length after, in bytes.
        len_after: u64,
        /// The parts, ascending and apart from each other, all below `len_after`.
        extents: Vec<Extent>,
    },
    /// The file goes.
    Remove,
    /// A directory is made.
    Mkdir,
    /// An empty directory goes.
    Rmdir,
    /// The file or directory gets another name, where nothing stands.
    Move {
        /// The new path.
        to: RelPath,
    },
}

impl Step {
    /// The word used in reports and JSON.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Replace { .. } => "replace",
            Self::Extents { .. } => "extents",
            Self::Remove => "remove",
            Self::Mkdir => "mkdir",
            Self::Rmdir => "rmdir",
            Self::Move { .. } => "move",
        }
    }

    /// Bytes this step writes.
    #[must_use]
    pub fn payload_bytes(&self) -> u64 {
        match self {
            Self::Replace { content } => content.len_bytes(),
            Self::Extents { extents, .. } => extents.iter().map(|e| e.bytes.len() as u64).sum(),
            _ => 0,
        }
    }
}

/// Why a step does not fit into a plan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// The target has a step already that this one contradicts.
    #[error("{0} is the target of two steps that contradict each other")]
    Twice(RelPath),
    /// Extents overlap, or lie outside the length after.
    #[error("the changes of {0} overlap or lie outside the file")]
    BadExtent(RelPath),
    /// The root of a tree cannot be a target.
    #[error("the root of a tree cannot be replaced, moved or removed")]
    Root,
}

/// What a command would change, each target once.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Plan {
    steps: BTreeMap<RelPath, Step>,
}

impl Plan {
    /// A plan that changes nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether nothing would change.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// Number of targets.
    #[must_use]
    pub fn len(&self) -> usize {
        self.steps.len()
    }

    /// Targets and steps, ordered by path.
    pub fn steps(&self) -> impl Iterator<Item = (&RelPath, &Step)> {
        self.steps.iter()
    }

    /// The step of one target.
    #[must_use]
    pub fn step(&self, path: &RelPath) -> Option<&Step> {
        self.steps.get(path)
    }

    /// Bytes that all steps write.
    #[must_use]
    pub fn payload_bytes(&self) -> u64 {
        self.steps.values().map(Step::payload_bytes).sum()
    }

    /// Adds all steps of another plan, or none when one of them contradicts this plan. Changes of
    /// parts of one file are joined.
    ///
    /// # Errors
    /// The first step that does not fit; this plan is unchanged then.
    pub fn merge(&mut self, other: &Self) -> Result<(), PlanError> {
        // Only the targets that both have can contradict; the rest is copied in as it is.
        let mut joined = Self::new();
        for (path, step) in &other.steps {
            if let Some(mine) = self.steps.get(path) {
                joined.steps.insert(path.clone(), mine.clone());
                match step {
                    Step::Extents {
                        len_before,
                        len_after,
                        extents,
                    } => {
                        for extent in extents {
                            joined.patch(
                                path.clone(),
                                *len_before,
                                extent.offset,
                                extent.bytes.clone(),
                            )?;
                        }
                        if len_after < len_before {
                            joined.set_len(path.clone(), *len_before, *len_after)?;
                        }
                    }
                    step => joined.add(path.clone(), step.clone())?,
                }
            } else if let Step::Move { to } = step {
                let taken = self.steps.contains_key(to)
                    || self
                        .steps
                        .values()
                        .any(|mine| matches!(mine, Step::Move { to: other } if other == to));
                if taken {
                    return Err(PlanError::Twice(to.clone()));
                }
            }
        }
        for (path, step) in &other.steps {
            self.steps
                .entry(path.clone())
                .or_insert_with(|| step.clone());
        }
        self.steps.extend(joined.steps);
        Ok(())
    }

    /// Takes the step of a target out.
    pub fn take(&mut self, path: &RelPath) -> Option<Step> {
        self.steps.remove(path)
    }

    /// Adds a step that was made elsewhere.
    ///
    /// # Errors
    /// Another step for the same target.
    pub fn put(&mut self, path: RelPath, step: Step) -> Result<(), PlanError> {
        self.add(path, step)
    }

    fn add(&mut self, path: RelPath, step: Step) -> Result<(), PlanError> {
        if path.is_root() {
            return Err(PlanError::Root);
        }
        match self.steps.get(&path) {
            Some(old) if *old == step => Ok(()),
            Some(_) => Err(PlanError::Twice(path)),
            None => {
                self.steps.insert(path, step);
                Ok(())
            }
        }
    }

    /// Gives a file this content as a whole.
    ///
    /// # Errors
    /// Another step for the same target.
    pub fn replace(&mut self, path: RelPath, bytes: Vec<u8>) -> Result<(), PlanError> {
        self.replace_with(path, Content::Bytes(bytes))
    }

    /// As [`Plan::replace`], with content that may be made piece by piece.
    ///
    /// # Errors
    /// Another step for the same target.
    pub fn replace_with(&mut self, path: RelPath, content: Content) -> Result<(), PlanError> {
        self.add(path, Step::Replace { content })
    }

    /// Removes a file.
    ///
    /// # Errors
    /// Another step for the same target.
    pub fn remove(&mut self, path: RelPath) -> Result<(), PlanError> {
        self.add(path, Step::Remove)
    }

    /// Makes a directory; asking twice is the same as once.
    ///
    /// # Errors
    /// Another step for the same target.
    pub fn mkdir(&mut self, path: RelPath) -> Result<(), PlanError> {
        self.add(path, Step::Mkdir)
    }

    /// Removes an empty directory. Whether it is empty is not looked at before the commit; one that
    /// holds something when the commit is carried out stays, with all that is in it.
    ///
    /// # Errors
    /// Another step for the same target.
    pub fn rmdir(&mut self, path: RelPath) -> Result<(), PlanError> {
        self.add(path, Step::Rmdir)
    }

    /// Gives a file or directory another name, where nothing stands.
    ///
    /// # Errors
    /// Another step for either path.
    pub fn move_to(&mut self, from: RelPath, to: RelPath) -> Result<(), PlanError> {
        if to.is_root() {
            return Err(PlanError::Root);
        }
        let taken = self.steps.contains_key(&to)
            || self
                .steps
                .values()
                .any(|step| matches!(step, Step::Move { to: other } if *other == to));
        if taken && self.steps.get(&from) != Some(&Step::Move { to: to.clone() }) {
            return Err(PlanError::Twice(to));
        }
        self.add(from, Step::Move { to })
    }

    /// Changes a part of an existing file of `len_before` bytes; several changes of one file are
    /// joined. A part that reaches beyond the end makes the file grow.
    ///
    /// # Errors
    /// A step of another kind for the same target, an overlap, or a different `len_before`.
    pub fn patch(
        &mut self,
        path: RelPath,
        len_before: u64,
        offset: u64,
        bytes: Vec<u8>,
    ) -> Result<(), PlanError> {
        self.extents(path, len_before, None, Some(Extent { offset, bytes }))
    }

    /// Sets the length of an existing file of `len_before` bytes; new bytes are zero.
    ///
    /// # Errors
    /// As [`Plan::patch`].
    pub fn set_len(
        &mut self,
        path: RelPath,
        len_before: u64,
        len_after: u64,
    ) -> Result<(), PlanError> {
        self.extents(path, len_before, Some(len_after), None)
    }

    /// Appends to an existing file of `len_before` bytes (or to what this plan already appends).
    ///
    /// # Errors
    /// As [`Plan::patch`].
    pub fn append(
        &mut self,
        path: RelPath,
        len_before: u64,
        bytes: Vec<u8>,
    ) -> Result<(), PlanError> {
        let end = match self.steps.get(&path) {
            Some(Step::Extents { len_after, .. }) => *len_after,
            _ => len_before,
        };
        self.patch(path, len_before, end, bytes)
    }

    fn extents(
        &mut self,
        path: RelPath,
        before: u64,
        set_len: Option<u64>,
        add: Option<Extent>,
    ) -> Result<(), PlanError> {
        if path.is_root() {
            return Err(PlanError::Root);
        }
        let step = self.steps.entry(path.clone()).or_insert(Step::Extents {
            len_before: before,
            len_after: before,
            extents: Vec::new(),
        });
        let Step::Extents {
            len_before,
            len_after,
            extents,
        } = step
        else {
            return Err(PlanError::Twice(path));
        };
        if *len_before != before {
            return Err(PlanError::Twice(path));
        }
        if let Some(len) = set_len {
            if extents.iter().any(|e| e.end().is_none_or(|end| end > len)) {
                return Err(PlanError::BadExtent(path));
            }
            *len_after = len;
        }
        if let Some(extent) = add {
            let Some(end) = extent.end() else {
                return Err(PlanError::BadExtent(path));
            };
            let at = extents.partition_point(|e| e.offset < extent.offset);
            let clear_before = at == 0
                || extents[at - 1]
                    .end()
                    .is_some_and(|end| end <= extent.offset);
            let clear_after = extents.get(at).is_none_or(|next| end <= next.offset);
            if !clear_before || !clear_after {
                return Err(PlanError::BadExtent(path));
            }
            *len_after = (*len_after).max(end);
            if !extent.bytes.is_empty() {
                extents.insert(at, extent);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn p(text: &str) -> RelPath {
        RelPath::new(text).unwrap()
    }

    #[test]
    fn a_target_occurs_once() {
        let mut plan = Plan::new();
        plan.replace(p("A"), vec![1]).unwrap();
        assert_eq!(plan.remove(p("A")), Err(PlanError::Twice(p("A"))));
        assert_eq!(
            plan.patch(p("A"), 1, 0, vec![2]),
            Err(PlanError::Twice(p("A")))
        );
        plan.mkdir(p("D")).unwrap();
        plan.mkdir(p("D")).unwrap();
        plan.move_to(p("B"), p("C")).unwrap();
        assert!(plan.move_to(p("E"), p("C")).is_err());
        assert!(plan.move_to(p("E"), p("A")).is_err());
        assert!(plan.remove(RelPath::root()).is_err());
        assert_eq!(plan.len(), 3);
    }

    #[test]
    fn patches_of_one_file_are_joined_and_never_overlap() {
        let mut plan = Plan::new();
        plan.patch(p("A"), 100, 10, vec![1; 10]).unwrap();
        plan.patch(p("A"), 100, 20, vec![2; 10]).unwrap();
        plan.append(p("A"), 100, vec![3; 5]).unwrap();
        plan.append(p("A"), 100, vec![4; 5]).unwrap();
        assert!(plan.patch(p("A"), 100, 15, vec![9]).is_err());
        assert!(plan.patch(p("A"), 99, 50, vec![9]).is_err());
        assert!(plan.patch(p("A"), 100, u64::MAX, vec![9]).is_err());
        match plan.step(&p("A")).unwrap() {
            Step::Extents {
                len_before,
                len_after,
                extents,
            } => {
                assert_eq!((*len_before, *len_after), (100, 110));
                let offsets: Vec<u64> = extents.iter().map(|e| e.offset).collect();
                assert_eq!(offsets, [10, 20, 100, 105]);
            }
            other => panic!("{other:?}"),
        }
        assert!(plan.set_len(p("A"), 100, 104).is_err());
        let mut cut = Plan::new();
        cut.set_len(p("B"), 50, 40).unwrap();
        assert_eq!(cut.payload_bytes(), 0);
    }
}
