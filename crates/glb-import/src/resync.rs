//! What the report of `queue` says about RESYNC.GLB.

use dirsync::core::protocol::numbers::Numbers;
use dirsync::import::resync::{Taken, Waited};
use dirsync_cli::escape;
use dirsync_cli::output::Output;
use dirsync_cli::words::counted;
use serde::Serialize;

#[derive(Serialize)]
struct Three {
    req_sync: u32,
    srv_sync: u32,
    imp_sync: u32,
}

impl From<Numbers> for Three {
    fn from(numbers: Numbers) -> Self {
        Self {
            req_sync: numbers.req,
            srv_sync: numbers.srv,
            imp_sync: numbers.imp,
        }
    }
}

#[derive(Serialize)]
struct WaitedRow {
    old: u32,
    new: Option<u32>,
    text: String,
}

/// RESYNC.GLB in a report.
#[derive(Serialize)]
pub(crate) struct Resync {
    impseq: u32,
    reqseq: u32,
    srvseq: u32,
    lists: u64,
    entries: u64,
    before: Three,
    after: Three,
    renumbered: u64,
    discarded: u64,
    waited: Vec<WaitedRow>,
}

impl Resync {
    pub(crate) fn new(taken: &Taken) -> Self {
        let header = taken.contents.header;
        let row = |waited: &Waited| WaitedRow {
            old: waited.old,
            new: waited.new,
            text: waited.text.clone(),
        };
        Self {
            impseq: header.impseq,
            reqseq: header.reqseq,
            srvseq: header.srvseq,
            lists: taken.contents.lists.len() as u64,
            entries: taken.contents.entries,
            before: taken.before.into(),
            after: taken.after.into(),
            renumbered: taken.renumbered,
            discarded: taken.discarded,
            waited: taken.waited.iter().map(row).collect(),
        }
    }

    pub(crate) fn text(&self, out: &mut Output<'_>) -> anyhow::Result<()> {
        let show = |three: &Three| {
            format!(
                "R={} S={} I={}",
                three.req_sync, three.srv_sync, three.imp_sync
            )
        };
        out.line(&format!(
            "RESYNC.GLB: {}, {}; numbers {} -> {}",
            counted(self.lists, "list", "lists"),
            counted(self.entries, "entry", "entries"),
            show(&self.before),
            show(&self.after)
        ))?;
        if self.renumbered > 0 {
            out.line(&format!(
                "  {} to be sent behind the numbers of the file:",
                counted(
                    self.renumbered,
                    "waiting transaction",
                    "waiting transactions"
                )
            ))?;
        }
        if self.discarded > 0 {
            out.line(&format!(
                "  {} dropped:",
                counted(
                    self.discarded,
                    "waiting transaction",
                    "waiting transactions"
                )
            ))?;
        }
        for waited in &self.waited {
            let text = escape::text(&waited.text.replace('\t', "  ")).into_owned();
            match waited.new {
                Some(new) if new == waited.old => {
                    out.line(&format!("    {new} as before  {text}"))?
                }
                Some(new) => out.line(&format!("    {} -> {new}  {text}", waited.old))?,
                None => out.line(&format!("    {}  {text}", waited.old))?,
            }
        }
        let more = self.renumbered + self.discarded - self.waited.len() as u64;
        if more > 0 {
            out.line(&format!("    and {more} more"))?;
        }
        Ok(())
    }
}
