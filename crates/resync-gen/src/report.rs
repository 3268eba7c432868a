//! The lists of a file, as the reports of all commands show them.

use dirsync::core::format::transactions::ResyncHeader;
use dirsync::import::resync::{Contents, ListContent};
use dirsync_cli::escape;
use dirsync_cli::output::Output;
use dirsync_cli::words::counted;
use serde::Serialize;

#[derive(Serialize)]
struct ListRow {
    list: String,
    replaced: bool,
    entries: u64,
    with_data: u64,
    template_lines: u64,
}

impl From<&ListContent> for ListRow {
    fn from(list: &ListContent) -> Self {
        Self {
            list: list.list.to_string(),
            replaced: list.replaced,
            entries: list.entries,
            with_data: list.with_data,
            template_lines: list.template_lines,
        }
    }
}

/// Numbers and lists of a file.
#[derive(Serialize)]
pub(crate) struct Shown {
    impseq: u32,
    reqseq: u32,
    srvseq: u32,
    records: u64,
    bytes: u64,
    entries: u64,
    lists: Vec<ListRow>,
}

impl Shown {
    pub(crate) fn new(contents: &Contents) -> Self {
        let ResyncHeader {
            impseq,
            reqseq,
            srvseq,
        } = contents.header;
        Self {
            impseq,
            reqseq,
            srvseq,
            records: contents.records,
            bytes: contents.len_bytes,
            entries: contents.entries,
            lists: contents.lists.iter().map(ListRow::from).collect(),
        }
    }

    pub(crate) fn text(&self, out: &mut Output<'_>) -> anyhow::Result<()> {
        out.line(&format!(
            "IMPSEQ={} REQSEQ={} SRVSEQ={}",
            self.impseq, self.reqseq, self.srvseq
        ))?;
        out.line(&format!(
            "{}, {}, {}, {}",
            counted(self.lists.len(), "list", "lists"),
            counted(self.entries, "entry", "entries"),
            counted(self.records, "record", "records"),
            counted(self.bytes, "byte", "bytes")
        ))?;
        for list in &self.lists {
            let entries = counted(list.entries, "entry", "entries");
            let mut line = format!("  {}: {entries}", escape::text(&list.list));
            if list.template_lines > 0 {
                line.push_str(&format!(
                    ", template of {}, {} with data",
                    counted(list.template_lines, "line", "lines"),
                    list.with_data
                ));
            }
            if !list.replaced {
                line.push_str(", added to what is there");
            }
            out.line(&line)?;
        }
        Ok(())
    }
}
