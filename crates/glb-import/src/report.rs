//! What both commands report: problems, the steps of a plan, a rebuilt list.

use dirsync::import::rebuild::Rebuilt;
pub(crate) use dirsync_cli::messages::add;
use dirsync_cli::output::Output;
use dirsync_cli::words::counted;
use serde::Serialize;

/// A rebuilt list.
#[derive(Debug, Serialize)]
pub(crate) struct List {
    entries: u64,
    entries_before: Option<u64>,
    words: u64,
    new_ids: u64,
    changed: bool,
    transaction: Option<u64>,
}

impl List {
    pub(crate) fn new(rebuilt: &Rebuilt, transaction: Option<u64>) -> Self {
        Self {
            entries: rebuilt.entries,
            entries_before: rebuilt.entries_before,
            words: rebuilt.words,
            new_ids: rebuilt.new_ids,
            changed: rebuilt.changed,
            transaction,
        }
    }

    pub(crate) fn text(&self, out: &mut Output<'_>, dry_run: bool) -> anyhow::Result<()> {
        let before = match self.entries_before {
            Some(before) => format!(" (before: {before})"),
            None => " (there was none)".to_owned(),
        };
        let said = match (self.changed, dry_run) {
            (false, _) => ", unchanged: nothing was written",
            (true, true) => ", would be written",
            (true, false) => "",
        };
        out.line(&format!(
            "Global Address List: {}{before}, {}, {}{said}",
            counted(self.entries, "entry", "entries"),
            counted(self.words, "word", "words"),
            counted(self.new_ids, "new tuple id", "new tuple ids")
        ))
    }
}
