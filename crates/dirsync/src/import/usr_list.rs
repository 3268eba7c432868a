//! The list of one external postoffice or node: `<number>.USR`, its template `<number>.TPL` and the
//! template data `<number>.INF`.
//!
//! Template data is written record by record: a record that an entry names keeps its place, new ones
//! take places that no entry names, and the file grows only when there are none (Q117198: it must
//! not grow when the same data comes again).

use std::collections::BTreeMap;
use std::fmt;
use std::ops::ControlFlow;
use std::sync::Arc;

use zerocopy::{Immutable, IntoBytes};

use crate::core::base::transaction::{Info, TemplateLine};
use crate::core::base::{HexId, Scope};
use crate::core::format::FixedRecord as _;
use crate::core::format::template::Template;
use crate::core::format::usr::UsrRecord;
use crate::core::protocol::guard::Removal;
use crate::postoffice::{Edit, stream};
use crate::tree::disk::DiskResult;
use crate::tree::journal::{Content, Source};
use crate::tree::{TreeError, TreeView};

use super::error::ImportError;
use super::places::usr_path;
use super::rebuild::same;
use super::working::{Working, address_hash};

/// A list above this many bytes (5 million entries) is not read into memory.
const LIST_LEN_LIMIT: u64 = 256 << 20;
/// Templates have at most 256 fields of a few hundred bytes.
pub(crate) const TPL_LEN_LIMIT: u64 = 1 << 20;

/// The list being changed.
#[derive(Debug)]
pub(crate) struct UsrList {
    pub(crate) scope: Scope,
    stem: HexId,
    pub(crate) working: Working<UsrRecord>,
    template: Option<Template>,
    /// A T arrived: the text of the new template.
    new_template: Option<Vec<u8>>,
    /// Template data to write, by tuple id.
    data: BTreeMap<u32, Vec<u8>>,
    /// Message 65 is said once for a list.
    pub(crate) said: Vec<u16>,
}

/// What a list becomes.
pub(crate) struct Finished {
    pub(crate) removal: Removal,
    /// Entries of the new list.
    pub(crate) entries: u64,
    /// Whether the list itself changed.
    pub(crate) changed: bool,
}

impl UsrList {
    /// Reads the list; a missing file is an empty list.
    pub(crate) fn open(view: &TreeView, scope: Scope, stem: HexId) -> Result<Self, ImportError> {
        let mut records = Vec::new();
        if let Some(file) = view.open_file(&usr_path(stem))? {
            if file.len() > LIST_LEN_LIMIT {
                return Err(ImportError::Tree(TreeError::TooLarge {
                    tree: view.describe(),
                    path: file.path().clone(),
                    len: file.len(),
                    limit: LIST_LEN_LIMIT,
                }));
            }
            let count = file.len() / UsrRecord::SIZE as u64;
            records.reserve_exact(usize::try_from(count).unwrap_or(0));
            stream::records::<UsrRecord>(&file, 0, u64::MAX, &mut |_, _, record| {
                if record.is_live() {
                    records.push(record.clone());
                }
                ControlFlow::Continue(())
            })?;
        }
        let template = view
            .read(&tpl_path(stem), TPL_LEN_LIMIT)?
            .map(|text| Template::parse_lenient(&text).0)
            .filter(|template| template.record_len_bytes() > 0);
        Ok(Self {
            scope,
            stem,
            working: Working::new(records),
            template,
            new_template: None,
            data: BTreeMap::new(),
            said: Vec::new(),
        })
    }

    /// Whether the list has a template.
    pub(crate) fn has_template(&self) -> bool {
        self.template.is_some()
    }

    /// A new template: all template data of the list goes (Q125920).
    pub(crate) fn set_template(&mut self, fields: &[TemplateLine]) -> Result<(), String> {
        let mut text = Vec::new();
        for field in fields {
            text.extend_from_slice(field.text());
            text.extend_from_slice(b"\r\n");
        }
        let template = Template::parse(&text).map_err(|fault| fault.to_string())?;
        self.new_template = Some(template.to_text());
        self.template = (template.record_len_bytes() > 0).then_some(template);
        self.data.clear();
        self.working
            .for_all(|record| record.inf_record.set(UsrRecord::NO_INF));
        Ok(())
    }

    /// Takes template data for an entry; the prompts that the template does not have. Fields that
    /// are not named get the template's defaults (Q107754).
    pub(crate) fn set_data(&mut self, tid: u32, info: &[Info]) -> Vec<Vec<u8>> {
        let Some(template) = &self.template else {
            return Vec::new();
        };
        let mut unknown = Vec::new();
        let mut values = template.default_values();
        for info in info {
            // The prompt as in the template, colon included; blanks at its end do not matter.
            let wanted = info.prompt().trim_ascii_end();
            let place = template
                .fields
                .iter()
                .position(|field| field.prompt.trim_ascii_end() == wanted);
            match place {
                Some(place) => {
                    let width = usize::from(template.fields[place].width);
                    let data = info.data();
                    // What does not fit is cut (ASSIGNED), as a client's entry field would.
                    values[place] = data[..data.len().min(width)].to_vec();
                }
                None => unknown.push(info.prompt().to_vec()),
            }
        }
        if let Ok(record) = template.encode_record(&values) {
            self.data.insert(tid, record);
        }
        unknown
    }

    /// Puts the changed files into the commit.
    pub(crate) fn finish(self, edit: &mut Edit<'_>) -> Result<Finished, ImportError> {
        let old_len = self.working.base().len() as u64;
        let unchanged = || Finished {
            removal: Removal {
                removed: 0,
                list_len: old_len,
            },
            entries: old_len,
            changed: false,
        };
        let inf = inf_path(self.stem);
        let mut working = self.working;
        if !self.data.is_empty() {
            // Data of an entry that is otherwise unchanged.
            working.for_all(|_| {});
        }
        let Some((mut records, removal)) = working.finish(hash) else {
            return Ok(unchanged());
        };
        if let Some(text) = &self.new_template {
            edit.write(&tpl_path(self.stem), text.clone())?;
        }
        if let Some(template) = &self.template
            && !self.data.is_empty()
        {
            let fresh = self.new_template.is_some();
            write_data(edit, &inf, template, &mut records, &self.data, fresh)?;
        } else if self.new_template.is_some() {
            replace(edit, &inf, Vec::new().into())?;
        }
        let entries = records.len() as u64;
        let changed = replace(edit, &usr_path(self.stem), records_of(records))?;
        Ok(Finished {
            removal,
            entries,
            changed,
        })
    }
}

fn hash(record: &UsrRecord) -> u64 {
    address_hash(record.mailbox.text())
}

pub(crate) fn tpl_path(stem: HexId) -> String {
    format!("TPL/{stem}.TPL")
}

pub(crate) fn inf_path(stem: HexId) -> String {
    format!("INF/{stem}.INF")
}

/// A list as the content of its file: the records are the bytes, they are not copied.
pub(crate) fn records_of<R>(records: Vec<R>) -> Content
where
    R: IntoBytes + Immutable + fmt::Debug + Send + Sync + 'static,
{
    Content::Source(Arc::new(Records(records)))
}

#[derive(Debug)]
struct Records<R>(Vec<R>);

impl<R: IntoBytes + Immutable + fmt::Debug + Send + Sync> Source for Records<R> {
    fn len_bytes(&self) -> u64 {
        self.0.as_slice().as_bytes().len() as u64
    }

    fn fill(&self, buf: &mut [u8], offset: u64) -> DiskResult<()> {
        let bytes = self.0.as_slice().as_bytes();
        let rest = usize::try_from(offset).ok().and_then(|at| bytes.get(at..));
        if let Some(part) = rest.and_then(|rest| rest.get(..buf.len())) {
            buf.copy_from_slice(part);
        }
        Ok(())
    }
}

/// Gives a file this content as a whole, if it does not have it: clients see the old list or the
/// new one. A missing file that would be empty is made.
pub(crate) fn replace(
    edit: &mut Edit<'_>,
    path: &str,
    content: Content,
) -> Result<bool, ImportError> {
    if same(edit.view(), path, &content)? {
        return Ok(false);
    }
    let path = edit.view().path(path)?;
    edit.plan_mut().replace_with(path, content)?;
    Ok(true)
}

/// Writes template data into its records.
fn write_data(
    edit: &mut Edit<'_>,
    path: &str,
    template: &Template,
    records: &mut [UsrRecord],
    data: &BTreeMap<u32, Vec<u8>>,
    fresh: bool,
) -> Result<(), ImportError> {
    let len = template.record_len_bytes() as u64;
    let old_len = match edit.view().stat(path)? {
        Some(stat) if !fresh => Some(stat.len),
        _ => None,
    };
    let old_count = old_len.map_or(0, |bytes| bytes / len);
    let mut used = vec![false; usize::try_from(old_count).unwrap_or(0)];
    for record in records.iter_mut() {
        let index = record
            .inf_index()
            .and_then(|index| usize::try_from(index).ok());
        match index.and_then(|index| used.get_mut(index)) {
            Some(used) => *used = true,
            // A number outside the file is no data.
            None => record.inf_record.set(UsrRecord::NO_INF),
        }
    }
    let mut free = (0u32..).zip(used).filter(|(_, used)| !used).map(|(n, _)| n);
    let mut next = u32::try_from(old_count).unwrap_or(UsrRecord::NO_INF);
    let mut writes: BTreeMap<u32, &[u8]> = BTreeMap::new();
    for record in records.iter_mut() {
        let Some(bytes) = data.get(&record.tid.get()) else {
            continue;
        };
        let index = match record.inf_index() {
            Some(index) => index,
            None => match free.next() {
                Some(index) => index,
                None => {
                    let index = next;
                    next = next.saturating_add(1);
                    index
                }
            },
        };
        record.inf_record.set(index);
        writes.insert(index, bytes);
    }
    match old_len {
        None => {
            let mut bytes = Vec::new();
            for record in writes.into_values() {
                bytes.extend_from_slice(record);
            }
            replace(edit, path, bytes.into())?;
        }
        Some(old_len) => patch(edit, path, old_len, old_count, len, &writes)?,
    }
    Ok(())
}

/// Patches the records that differ from what stands there.
fn patch(
    edit: &mut Edit<'_>,
    path: &str,
    old_len: u64,
    old_count: u64,
    record_len: u64,
    writes: &BTreeMap<u32, &[u8]>,
) -> Result<(), ImportError> {
    let view = edit.view();
    let file = view.open_file(path)?;
    let target = view.path(path)?;
    let mut buf = vec![0; usize::try_from(record_len).unwrap_or(0)];
    let mut run: Option<(u64, Vec<u8>)> = None;
    let mut runs: Vec<(u64, Vec<u8>)> = Vec::new();
    for (&index, bytes) in writes {
        let offset = u64::from(index) * record_len;
        if u64::from(index) < old_count
            && let Some(file) = &file
            && file.read_at(&mut buf, offset)? == buf.len()
            && buf == **bytes
        {
            continue;
        }
        match &mut run {
            Some((start, joined)) if *start + joined.len() as u64 == offset => {
                joined.extend_from_slice(bytes);
            }
            _ => {
                runs.extend(run.take());
                run = Some((offset, bytes.to_vec()));
            }
        }
    }
    runs.extend(run);
    for (offset, bytes) in runs {
        edit.plan_mut()
            .patch(target.clone(), old_len, offset, bytes)?;
    }
    Ok(())
}
