//! What can only be judged when all files were read: partners, queues, counts, bitmap, quarantine.

use std::collections::{BTreeMap, BTreeSet};

use crate::core::base::DecodeError;
use crate::core::format::mta::bitmap::Bitmap;
use crate::core::format::mta::core_files::{CORE_FILES, LAST_CORE_NUMBER, REFERENCE_COUNTS};
use crate::core::format::mta::id::BITMAP_FILE;
use crate::core::format::mta::queue::MemberRecord;
use crate::core::format::mta::{Kind, ObjectId, ObjectNumber};

use super::super::error::MtaError;
use super::super::foreign;
use super::{BitmapState, CheckedObject, Pass, QueueState, Verdict, core_id, empty_row, kinds};

impl Pass<'_, '_> {
    /// Judges what was read, adds what is missing, and reports object by object.
    pub(super) fn judge(&mut self) -> Result<(), MtaError> {
        self.add_missing_core();
        self.queues_exist();
        self.references();
        self.data();
        self.add_missing_members();
        let doubled = std::mem::take(&mut self.doubled);
        self.result.objects.extend(doubled);
        self.result.objects.sort_by_key(|object| object.number);
        let bitmap = self.db.bitmap()?;
        if let Some(Ok(stored)) = &bitmap {
            self.add_lost(stored);
        }
        self.report_objects();
        self.members();
        self.counts();
        self.bitmap(bitmap);
        self.result.quarantine = foreign::quarantine(self.db.view())?;
        if let Some(first) = self.result.quarantine.first() {
            let message = format!(
                "{} object files of an earlier run are there, the first is {first}",
                self.result.quarantine.len()
            );
            let folder = super::super::QUARANTINE;
            kinds::report(
                &mut self.result.findings,
                &kinds::QUARANTINE,
                folder,
                None,
                message,
            );
        }
        Ok(())
    }

    fn add_missing_core(&mut self) {
        let there: BTreeSet<ObjectNumber> = self
            .result
            .objects
            .iter()
            .take_while(|object| object.number.get() <= LAST_CORE_NUMBER)
            .map(|object| object.number)
            .collect();
        for core in CORE_FILES.iter().filter(|core| !core.queue.is_none()) {
            if !there.contains(&core.id.number()) {
                let row = empty_row(core.id.number(), Verdict::CoreMissing);
                let row = core_id(row);
                self.result.objects.push(row);
            }
        }
        // In order again, so that a number can be looked up.
        self.result.objects.sort_by_key(|object| object.number);
    }

    /// Objects that name a queue which the super queue does not know.
    fn queues_exist(&mut self) {
        let known: BTreeSet<ObjectId> = self
            .result
            .queues
            .iter()
            .map(|queue| queue.entry.id)
            .collect();
        for object in &mut self.result.objects {
            let part = matches!(object.kind, Some(Kind::Reference | Kind::Data));
            if object.verdict == Verdict::Ok && part && !known.contains(&object.queue) {
                object.verdict = Verdict::NoQueue;
            }
        }
    }

    /// References without sound data; fills in the length of the content.
    fn references(&mut self) {
        let rows = &self.result.objects;
        let judged: Vec<(usize, Result<u32, String>)> = rows
            .iter()
            .enumerate()
            .filter(|(_, row)| row.kind == Some(Kind::Reference) && row.verdict == Verdict::Ok)
            .map(|(at, row)| {
                let data = rows
                    .binary_search_by_key(&row.partner.number(), |other| other.number)
                    .ok()
                    .map(|found| &rows[found]);
                let state = match data {
                    None => Err("its file is missing".to_owned()),
                    Some(data) if data.verdict == Verdict::Free => {
                        Err("its file is a free slot".to_owned())
                    }
                    Some(data) if data.id != row.partner || data.kind != Some(Kind::Data) => {
                        Err("its file holds no such data object".to_owned())
                    }
                    // A queue of the data object that is gone does not harm the reference.
                    Some(data) if matches!(data.verdict, Verdict::Ok | Verdict::NoQueue) => {
                        Ok(data.content_len)
                    }
                    Some(_) => Err("it is damaged".to_owned()),
                };
                (at, state)
            })
            .collect();
        for (at, state) in judged {
            let row = &mut self.result.objects[at];
            match state {
                Ok(len) => {
                    if let Some(member) = &mut row.member {
                        member.len.set(len);
                    }
                }
                Err(why) => row.verdict = Verdict::NoData(why),
            }
        }
    }

    /// Data without a sound reference; the counts that follow.
    fn data(&mut self) {
        let mut references: BTreeMap<ObjectId, u32> = BTreeMap::new();
        for row in &self.result.objects {
            if row.kind == Some(Kind::Reference) && row.verdict == Verdict::Ok {
                *references.entry(row.partner).or_default() += 1;
            }
        }
        let mut highest = 0;
        for row in &mut self.result.objects {
            highest = highest.max(row.serial);
            if row.kind != Some(Kind::Data) {
                continue;
            }
            match references.get(&row.id) {
                Some(&count) => {
                    self.result.counts.set(row.id, count);
                    if row.verdict == Verdict::NoQueue {
                        row.verdict = Verdict::Ok;
                    }
                }
                None if row.verdict == Verdict::Ok => row.verdict = Verdict::NoReference,
                None => {}
            }
        }
        let stored = self.result.stored_counts.as_ref();
        self.result.counts.created = stored.map_or(self.result.counts.created, |old| old.created);
        self.result.counts.next_serial = stored
            .map_or(1, |old| old.next_serial)
            .max(highest.saturating_add(1));
    }

    /// Members that have no file at all.
    fn add_missing_members(&mut self) {
        let mut missing: BTreeMap<ObjectNumber, CheckedObject> = BTreeMap::new();
        for queue in &self.result.queues {
            for member in &queue.listed {
                let id = member.object();
                let there = self
                    .result
                    .objects
                    .binary_search_by_key(&id.number(), |row| row.number)
                    .ok()
                    .map(|at| &self.result.objects[at]);
                match there {
                    Some(row) if row.verdict != Verdict::Free => {}
                    _ => {
                        let mut row = empty_row(id.number(), Verdict::Missing);
                        row.id = id;
                        row.queue = queue.entry.id;
                        missing.insert(id.number(), row);
                    }
                }
            }
        }
        // A member whose file is a free slot takes the slot's row.
        for row in &mut self.result.objects {
            if let Some(found) = missing.remove(&row.number) {
                *row = found;
            }
        }
        self.result.objects.extend(missing.into_values());
        self.result.objects.sort_by_key(|object| object.number);
    }

    /// Numbers that the bitmap knows as used, without a file, and which no reference object names.
    fn add_lost(&mut self, stored: &Bitmap) {
        let objects = &self.result.objects;
        let named: BTreeSet<ObjectNumber> = objects
            .iter()
            .filter(|row| matches!(row.verdict, Verdict::NoData(_)))
            .map(|row| row.partner.number())
            .collect();
        let queues: BTreeSet<ObjectNumber> = self
            .result
            .queues
            .iter()
            .map(|queue| queue.entry.id.number())
            .collect();
        let row_at = |number: &ObjectNumber| objects.binary_search_by_key(number, |row| row.number);
        let free = objects
            .iter()
            .filter(|row| row.verdict == Verdict::Free)
            .map(|row| row.number)
            .filter(|&number| stored.get(number) == Some(true));
        let without_file = stored
            .differences(&self.result.numbers)
            .filter(|&number| stored.get(number) == Some(true))
            .filter(|number| row_at(number).is_err());
        let lost: BTreeSet<ObjectNumber> = without_file
            .chain(free)
            .filter(|number| number.get() > LAST_CORE_NUMBER)
            .filter(|number| !named.contains(number) && !queues.contains(number))
            .collect();
        if lost.is_empty() {
            return;
        }
        self.result
            .objects
            .retain(|row| !lost.contains(&row.number));
        let rows = lost
            .into_iter()
            .map(|number| empty_row(number, Verdict::Lost));
        self.result.objects.extend(rows);
        self.result.objects.sort_by_key(|object| object.number);
    }

    fn report_objects(&mut self) {
        let mut free = 0u64;
        let findings = &mut self.result.findings;
        for row in &self.result.objects {
            let file = match &row.spelling {
                Some(name) => name.to_string(),
                None => row.number.file_name(),
            };
            if let Some(offset) = row.dirty_padding
                && row.verdict == Verdict::Ok
            {
                let message = format!("object {}: a byte behind its content is not zero", row.id);
                kinds::report(findings, &kinds::PADDING, &file, Some(offset), message);
            }
            let (kind, what) = match &row.verdict {
                Verdict::Ok => continue,
                Verdict::Free => {
                    free += 1;
                    continue;
                }
                Verdict::CoreMissing => (&kinds::CORE_MISSING, "it is missing".to_owned()),
                Verdict::CoreCorrupt(why) => (&kinds::CORE_CORRUPT, why.clone()),
                Verdict::Damaged(why) => (&kinds::OBJECT_DAMAGED, why.clone()),
                Verdict::Unreadable(why) => (&kinds::UNREADABLE, why.clone()),
                Verdict::OtherObject(id) => (
                    &kinds::OBJECT_NAME,
                    format!("its file holds the object {id}"),
                ),
                Verdict::Doubled(name) => (
                    &kinds::OBJECT_DOUBLED,
                    format!("{name} is a second file of this number"),
                ),
                Verdict::NoQueue => (
                    &kinds::OBJECT_NO_QUEUE,
                    format!("the queue {} does not exist", row.queue),
                ),
                Verdict::UnlistedQueue => (
                    &kinds::QUEUE_UNLISTED,
                    "the super queue does not know this queue".to_owned(),
                ),
                Verdict::NoData(why) => (
                    &kinds::NO_DATA,
                    format!("its data object {}: {why}", row.partner),
                ),
                Verdict::NoReference => (
                    &kinds::NO_REFERENCE,
                    "no sound reference object points to it".to_owned(),
                ),
                Verdict::Used => (&kinds::OBJECT_USED, "it was delivered already".to_owned()),
                Verdict::Missing => (
                    &kinds::OBJECT_MISSING,
                    format!("the queue {} lists it, but there is no file", row.queue),
                ),
                Verdict::Lost => (
                    &kinds::OBJECT_LOST,
                    "it is in use, but has no file, and nothing names it".to_owned(),
                ),
            };
            let mts_id = row
                .mts_id
                .as_ref()
                .map_or_else(String::new, |id| format!(" (MTS-ID: {id})"));
            let message = format!("object {}: {what}{mts_id}", row.id);
            kinds::report(findings, kind, &file, None, message);
        }
        if free > 0 {
            let message = format!("{free} files of 1 byte are free slots");
            kinds::report(findings, &kinds::FREE_FILES, "", None, message);
        }
    }

    /// The members that each queue should have, and whether its file lists them.
    fn members(&mut self) {
        let mut by_queue: BTreeMap<ObjectId, Vec<(u64, MemberRecord)>> = BTreeMap::new();
        for row in &self.result.objects {
            let entry = match (row.kind, &row.member) {
                (Some(Kind::Reference), Some(member)) => *member,
                (Some(Kind::Boot | Kind::Counts), _) => MemberRecord::boot(row.id),
                _ => continue,
            };
            if row.verdict == Verdict::Ok {
                by_queue
                    .entry(row.queue)
                    .or_default()
                    .push((row.serial, entry));
            }
        }
        for queue in &mut self.result.queues {
            let mut wanted = by_queue.remove(&queue.entry.id).unwrap_or_default();
            // Arrival is the serial; boot objects have none and stand by number.
            wanted.sort_by_key(|(serial, member)| (*serial, member.object().number()));
            let entries: BTreeMap<ObjectId, MemberRecord> = wanted
                .iter()
                .map(|(_, member)| (member.object(), *member))
                .collect();
            // What is listed keeps its place; a second entry of one object does not.
            let mut placed = BTreeSet::new();
            for member in &queue.listed {
                let id = member.object();
                if let Some(entry) = entries.get(&id)
                    && placed.insert(id)
                {
                    queue.members.push(*entry);
                }
            }
            let late = wanted
                .into_iter()
                .map(|(_, member)| member)
                .filter(|member| !placed.contains(&member.object()));
            queue.members.extend(late);
            if queue.state == QueueState::Ok && queue.listed != queue.members {
                let message = format!(
                    "the queue {} lists {} members, {} sound objects name it, or entries differ from them",
                    queue.entry.name,
                    queue.listed.len(),
                    queue.members.len()
                );
                let file = queue.entry.id.file_name();
                kinds::report(
                    &mut self.result.findings,
                    &kinds::QUEUE_CACHE,
                    &file,
                    None,
                    message,
                );
            }
        }
    }

    fn counts(&mut self) {
        let Some(stored) = &self.result.stored_counts else {
            return;
        };
        let file = REFERENCE_COUNTS.file_name();
        let findings = &mut self.result.findings;
        let wrong = stored
            .special()
            .map(|(id, _)| id)
            .chain(self.result.counts.special().map(|(id, _)| id))
            .find(|&id| stored.get(id) != self.result.counts.get(id));
        if let Some(id) = wrong {
            let message = format!(
                "object {id} has {} references, {} are counted; others may differ too",
                self.result.counts.get(id),
                stored.get(id)
            );
            kinds::report(findings, &kinds::COUNTS, &file, None, message);
        }
        if stored.next_serial < self.result.counts.next_serial {
            let message = format!(
                "the next serial number is {}, but {} was given already",
                stored.next_serial,
                self.result.counts.next_serial - 1
            );
            kinds::report(findings, &kinds::SERIAL, &file, None, message);
        }
    }

    fn bitmap(&mut self, stored: Option<Result<Bitmap, DecodeError>>) {
        for row in &self.result.objects {
            if matches!(
                row.verdict,
                Verdict::Free | Verdict::Missing | Verdict::Lost
            ) {
                self.result.numbers.set(row.number, false);
            }
        }
        // The core and the queues keep their numbers when their files are missing.
        for core in &CORE_FILES {
            self.result.numbers.set(core.id.number(), true);
        }
        for queue in &self.result.queues {
            self.result.numbers.set(queue.entry.id.number(), true);
        }
        let findings = &mut self.result.findings;
        self.result.bitmap = match stored {
            None => {
                let message = "it is missing: the database was not left cleanly".to_owned();
                kinds::report(findings, &kinds::BITMAP_MISSING, BITMAP_FILE, None, message);
                BitmapState::Missing
            }
            Some(Err(error)) => {
                let message = error.to_string();
                kinds::report(findings, &kinds::BITMAP_DAMAGED, BITMAP_FILE, None, message);
                BitmapState::Damaged(error)
            }
            Some(Ok(bitmap)) => {
                let numbers: Vec<ObjectNumber> = bitmap.differences(&self.result.numbers).collect();
                match numbers.first() {
                    None => BitmapState::Ok,
                    Some(first) => {
                        let message = format!(
                            "{} numbers differ from the directory, the first is {first}",
                            numbers.len()
                        );
                        kinds::report(findings, &kinds::BITMAP_WRONG, BITMAP_FILE, None, message);
                        BitmapState::Differs(u32::try_from(numbers.len()).unwrap_or(u32::MAX))
                    }
                }
            }
        };
    }
}
