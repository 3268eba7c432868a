//! What survives a power cut: the choice, and the tree that is left.

use std::collections::BTreeMap;

use super::state::{Body, Inode, ROOT, State};

/// What of the things not yet synced reaches the medium before the power goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Survival {
    /// Nothing: exactly what was synced.
    Nothing,
    /// Everything, as if all had been synced.
    Everything,
    /// All changes of names, no bytes and no lengths.
    NamesOnly,
    /// All bytes and lengths, no changes of names.
    DataOnly,
    /// Each sector, length and change of names by a coin; the same for the same number.
    Seeded(u64),
}

impl Survival {
    /// The four fixed choices and `seeds` seeded ones.
    pub fn all(seeds: u64) -> impl Iterator<Item = Self> {
        [
            Self::Nothing,
            Self::Everything,
            Self::NamesOnly,
            Self::DataOnly,
        ]
        .into_iter()
        .chain((0..seeds).map(Self::Seeded))
    }
}

/// Answers one question after the other about what survived.
#[derive(Debug)]
pub(super) struct Chooser {
    survival: Survival,
    state: u64,
    /// Out of 4: how often a coin says yes.
    yes_in_four: u64,
}

impl Chooser {
    pub(super) fn new(survival: Survival) -> Self {
        let mut chooser = Self {
            survival,
            state: match survival {
                Survival::Seeded(seed) => seed,
                _ => 0,
            },
            yes_in_four: 2,
        };
        // Seeds differ in how much survives, so that both "almost nothing" and "almost everything"
        // are met.
        chooser.yes_in_four = 1 + chooser.next() % 3;
        chooser
    }

    /// Whether a change of names survives.
    pub(super) fn name(&mut self) -> bool {
        match self.survival {
            Survival::Nothing | Survival::DataOnly => false,
            Survival::Everything | Survival::NamesOnly => true,
            Survival::Seeded(_) => self.coin(),
        }
    }

    /// Whether a sector or the attributes of a file survive.
    pub(super) fn data(&mut self) -> bool {
        match self.survival {
            Survival::Nothing | Survival::NamesOnly => false,
            Survival::Everything | Survival::DataOnly => true,
            Survival::Seeded(_) => self.coin(),
        }
    }

    /// How many of `changes` of one length in a row survive.
    pub(super) fn data_index(&mut self, changes: usize) -> usize {
        match self.survival {
            Survival::Nothing | Survival::NamesOnly => 0,
            Survival::Everything | Survival::DataOnly => changes,
            Survival::Seeded(_) => {
                let choices = u64::try_from(changes).unwrap_or(u64::MAX).saturating_add(1);
                usize::try_from(self.next() % choices).unwrap_or(changes)
            }
        }
    }

    /// Whether this is [`Survival::Everything`].
    pub(super) fn keeps_everything(&self) -> bool {
        self.survival == Survival::Everything
    }

    fn coin(&mut self) -> bool {
        self.next() % 4 < self.yes_in_four
    }

    /// splitmix64: small, well spread, and the same everywhere.
    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }
}

impl State {
    /// The state after a power cut: nothing is open, locked or pending any more.
    pub(super) fn after_crash(&self, survival: Survival) -> Self {
        let mut chooser = Chooser::new(survival);
        let mut after = self.without_holders();
        let chosen: Vec<bool> = self.units.iter().map(|_| chooser.name()).collect();
        after.settle_units(&chosen);
        after.units.clear();
        for inode in after.inodes.values_mut() {
            inode.crash(&mut chooser);
        }
        after.recount_links();
        after.collect();
        after
    }
}

impl Inode {
    fn crash(&mut self, chooser: &mut Chooser) {
        match &mut self.body {
            Body::File(content) => {
                *content = content.after_crash(chooser);
                if self.attrs != self.durable_attrs && !chooser.data() {
                    self.attrs = self.durable_attrs;
                }
            }
            Body::Dir { live, durable } => *live = durable.clone(),
            Body::Special => {}
        }
        self.durable_attrs = self.attrs;
        self.links = 0;
    }
}

impl State {
    /// Counts the names of every inode again, from the directories that can be reached.
    fn recount_links(&mut self) {
        let mut names: BTreeMap<u64, u64> = BTreeMap::from([(ROOT, 1)]);
        let mut open = vec![ROOT];
        while let Some(dir) = open.pop() {
            let Some(Body::Dir { live, .. }) = self.inodes.get(&dir).map(|inode| &inode.body)
            else {
                continue;
            };
            for &ino in live.values() {
                let count = names.entry(ino).or_insert(0);
                *count += 1;
                if *count == 1 {
                    open.push(ino);
                }
            }
        }
        for (ino, inode) in &mut self.inodes {
            inode.links = names.get(ino).copied().unwrap_or(0);
        }
    }
}
