//! The sorted entries of the postoffice address list, held so that ten thousands of them can come
//! one after another: in runs of bounded length, so that putting one in moves a run and not the list.

use zerocopy::IntoBytes as _;

use crate::core::base::Tid;
use crate::core::base::collate::compare_folded;
use crate::core::format::nme::NmeRecord;

/// A run longer than this is cut in two.
const RUN_MAX: usize = 1024;

/// Entries sorted by name. No run is empty.
#[derive(Debug, Clone, Default)]
pub(crate) struct PolList {
    runs: Vec<Vec<NmeRecord>>,
}

/// Where an entry stands until the next change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PolAt {
    run: usize,
    at: usize,
}

impl PolList {
    /// Takes entries that are sorted by name.
    pub(crate) fn new(sorted: &[NmeRecord]) -> Self {
        let runs = sorted.chunks(RUN_MAX / 2).map(<[NmeRecord]>::to_vec);
        Self {
            runs: runs.collect(),
        }
    }

    /// All entries, by name.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &NmeRecord> {
        self.runs.iter().flatten()
    }

    /// The bytes of the file.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let len = self.runs.iter().map(Vec::len).sum::<usize>();
        let mut bytes = Vec::with_capacity(len * size_of::<NmeRecord>());
        for run in &self.runs {
            bytes.extend_from_slice(run.as_bytes());
        }
        bytes
    }

    /// The entry that stands there.
    pub(crate) fn get(&self, place: PolAt) -> &NmeRecord {
        &self.runs[place.run][place.at]
    }

    /// The entry that stands there; its name must not be changed.
    pub(crate) fn get_mut(&mut self, place: PolAt) -> &mut NmeRecord {
        &mut self.runs[place.run][place.at]
    }

    /// The first entry whose name does not sort before what `is_before` accepts.
    fn first(&self, is_before: impl Fn(&NmeRecord) -> bool) -> PolAt {
        let run = self
            .runs
            .partition_point(|run| run.last().is_some_and(&is_before));
        let at = self
            .runs
            .get(run)
            .map_or(0, |run| run.partition_point(&is_before));
        PolAt { run, at }
    }

    /// The entry with this name, without regard to case. Names that differ in case alone have the
    /// same keys in the order of names, so they stand together.
    pub(crate) fn find(&self, alias: &[u8]) -> Option<PolAt> {
        self.alike(alias)
            .find(|&(_, entry)| entry.alias.eq_ignore_case(alias))
            .map(|(place, _)| place)
    }

    /// The entry with this name and tuple id.
    pub(crate) fn find_exactly(&self, alias: &[u8], tid: Tid) -> Option<PolAt> {
        self.alike(alias)
            .find(|&(_, entry)| entry.tid.get() == tid.0)
            .map(|(place, _)| place)
    }

    /// The entries whose names have the same keys as `alias`.
    pub(crate) fn alike<'a>(
        &'a self,
        alias: &'a [u8],
    ) -> impl Iterator<Item = (PolAt, &'a NmeRecord)> {
        let first = self.first(|entry| compare_folded(entry.alias.text(), alias).is_lt());
        let runs = self.runs.iter().enumerate().skip(first.run);
        runs.flat_map(move |(run, entries)| {
            let from = if run == first.run { first.at } else { 0 };
            let entries = entries.iter().enumerate().skip(from);
            entries.map(move |(at, entry)| (PolAt { run, at }, entry))
        })
        .take_while(|(_, entry)| compare_folded(entry.alias.text(), alias).is_eq())
    }

    /// The entry with this tuple id; looks at all of them.
    pub(crate) fn find_tid(&self, tid: Tid) -> Option<PolAt> {
        self.runs.iter().enumerate().find_map(|(run, entries)| {
            let at = entries.iter().position(|entry| entry.tid.get() == tid.0)?;
            Some(PolAt { run, at })
        })
    }

    /// Puts an entry behind those whose names sort before or with it.
    pub(crate) fn insert(&mut self, entry: NmeRecord) {
        use crate::core::base::collate::compare;
        let name = entry.alias;
        let PolAt { mut run, mut at } =
            self.first(|known| compare(known.alias.text(), name.text()).is_le());
        if run == self.runs.len() {
            match run.checked_sub(1) {
                // Behind the last one.
                Some(last) => (run, at) = (last, self.runs[last].len()),
                None => self.runs.push(Vec::new()),
            }
        }
        let entries = &mut self.runs[run];
        entries.insert(at, entry);
        if entries.len() > RUN_MAX {
            // Names that come in order fill their runs.
            let cut = if at == RUN_MAX { RUN_MAX } else { RUN_MAX / 2 };
            let rest = entries.split_off(cut);
            entries.shrink_to(RUN_MAX);
            self.runs.insert(run + 1, rest);
        }
    }

    /// Takes an entry out.
    pub(crate) fn remove(&mut self, place: PolAt) -> NmeRecord {
        let entry = self.runs[place.run].remove(place.at);
        if self.runs[place.run].is_empty() {
            self.runs.remove(place.run);
        }
        entry
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::core::base::CpField;
    use crate::core::base::collate::compare;
    use crate::core::format::FixedRecord as _;
    use crate::core::format::nme::first_unsorted;

    fn entry(alias: &[u8], tid: u32) -> NmeRecord {
        let mut record = NmeRecord::zeroed();
        record.alias = CpField::from_bytes(alias).unwrap();
        record.tid.set(tid);
        record
    }

    proptest! {
        // rule: imp:R-POL-001
        #[test]
        fn a_list_in_runs_is_a_sorted_vector(
            names in proptest::collection::vec("[aAbB\u{80}-\u{90}]{1,3}", 0..60),
            gone in proptest::collection::vec(0u32..60, 0..30),
            copies in prop_oneof![Just(1u32), Just(60)],
        ) {
            let mut list = PolList::default();
            let mut model: Vec<NmeRecord> = Vec::new();
            for (n, name) in (0u32..).zip(&names) {
                let bytes: Vec<u8> = name.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect();
                for copy in 0..copies {
                    let entry = entry(&bytes, n + copy * 1000);
                    list.insert(entry.clone());
                    let at = model.partition_point(|known| {
                        compare(known.alias.text(), entry.alias.text()).is_le()
                    });
                    model.insert(at, entry);
                }
            }
            for tid in gone {
                let place = list.find_tid(Tid(tid));
                prop_assert_eq!(place.is_some(), model.iter().any(|e| e.tid.get() == tid));
                if let Some(place) = place {
                    let alias = list.get(place).alias;
                    prop_assert_eq!(list.find_exactly(alias.text(), Tid(tid)), Some(place));
                    list.remove(place);
                    model.retain(|entry| entry.tid.get() != tid);
                }
            }
            prop_assert_eq!(list.to_bytes(), model.as_bytes());
            prop_assert_eq!(first_unsorted(&model, compare), None);
            for known in &model {
                for spelling in [known.alias.text().to_vec(), known.alias.text().to_ascii_uppercase()] {
                    let found = list.find(&spelling).map(|at| list.get(at).tid.get());
                    let first = model.iter().find(|e| e.alias.eq_ignore_case(&spelling));
                    prop_assert_eq!(found, first.map(|e| e.tid.get()));
                }
            }
            prop_assert_eq!(PolList::new(&model).to_bytes(), model.as_bytes());
        }
    }
}
