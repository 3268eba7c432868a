//! `mtacheck check`.

use dirsync::core::base::Severity;
use dirsync::core::base::finding::Finding;
use dirsync::mta::check::{check, kinds};
use dirsync::mta::foreign::{CoreState, Survey, survey};
use dirsync::mta::store::Database;
use dirsync::progress::Progress as _;
use dirsync::tree::marker::Marker;
use dirsync_cli::output::Output;
use dirsync_cli::report::{Report, Text};
use dirsync_cli::session::{Outcome, Session};
use serde::Serialize;

use crate::args::DirArgs;
use crate::tree;

#[derive(Serialize)]
struct Result_ {
    foreign: bool,
    queues: u64,
    objects: u64,
    damaged: u64,
    files_read: u64,
    clean: bool,
}

/// What is said of a directory that is not ours.
#[derive(Serialize)]
pub(crate) struct Inventory {
    foreign: bool,
    core_complete: bool,
    objects: u64,
    bytes: u64,
    free: u64,
    empty: u64,
    messages_about: u64,
    marker_bytes: Option<u64>,
    quarantine: u64,
    others: u64,
}

impl Text for Result_ {
    fn text(&self, out: &mut Output<'_>) -> anyhow::Result<()> {
        out.line(&format!(
            "{} queues, {} objects, {} damaged, {} files read",
            self.queues, self.objects, self.damaged, self.files_read
        ))
    }
}

impl Text for Inventory {
    fn text(&self, out: &mut Output<'_>) -> anyhow::Result<()> {
        out.line("not a database of this project: names and sizes only, nothing is ever written")?;
        out.line(&format!(
            "core files     {}",
            if self.core_complete {
                "complete"
            } else {
                "not complete"
            }
        ))?;
        out.line(&format!(
            "object files   {} ({} bytes), about {} messages",
            self.objects, self.bytes, self.messages_about
        ))?;
        out.line(&format!("free slots     {}", self.free))?;
        out.line(&format!("empty files    {}", self.empty))?;
        let marker = self.marker_bytes.map_or_else(
            || "missing: not stopped cleanly".to_owned(),
            |len| format!("{len} bytes"),
        );
        out.line(&format!("DBBITMP.DAT    {marker}"))?;
        out.line(&format!("MTACHECK.OUT   {} object files", self.quarantine))
    }
}

impl Inventory {
    fn new(seen: &Survey) -> Self {
        Self {
            foreign: true,
            core_complete: seen.core_is_complete(),
            objects: seen.objects,
            bytes: seen.bytes,
            free: seen.free,
            empty: seen.empty.len() as u64,
            messages_about: seen.messages_about,
            marker_bytes: seen.bitmap_len,
            quarantine: seen.quarantine.len() as u64,
            others: seen.others.len() as u64,
        }
    }
}

pub(crate) fn run(args: &DirArgs, session: &mut Session<'_>) -> anyhow::Result<Outcome> {
    let view = tree::view(&args.dir, &session.settings)?;
    if matches!(view.marker(), Marker::Foreign(_)) {
        return foreign(args, &view, "mtacheck check", session);
    }
    let mut report = Report::new("mtacheck check", &session.settings);
    report.tree(tree::entry(&view, &args.dir, &session.settings));
    let db = Database::open(&view).map_err(|error| tree::of_mta(&error))?;
    let mut checked = check(&db, &session.progress).map_err(|error| tree::of_mta(&error))?;
    session.progress.finish();
    let result = Result_ {
        foreign: false,
        queues: checked.queues.len() as u64,
        objects: checked.objects.len() as u64,
        damaged: checked
            .objects
            .iter()
            .filter(|row| !row.verdict.is_good())
            .count() as u64,
        files_read: checked.files_read,
        clean: checked.is_clean(),
    };
    for finding in std::mem::take(&mut checked.findings) {
        report.problem(finding);
    }
    report.print(&mut session.out, &result)
}

/// The inventory of a directory that is not ours.
pub(crate) fn foreign(
    args: &DirArgs,
    view: &dirsync::tree::TreeView,
    words: &str,
    session: &mut Session<'_>,
) -> anyhow::Result<Outcome> {
    let mut report = Report::new(words, &session.settings);
    report.tree(tree::entry(view, &args.dir, &session.settings));
    let seen = survey(view).map_err(|error| tree::of_mta(&error))?;
    let finding = |kind: &kinds::MtaFinding, file: String, message: &str| Finding {
        id: kind.kind.id,
        severity: kind.kind.severity.min(Severity::Error),
        file,
        offset: None,
        message: message.to_owned(),
        hint: kind.hint.into(),
        repair: None,
    };
    for (core, state) in &seen.core {
        match state {
            CoreState::Present(_) => {}
            CoreState::Missing => report.problem(finding(
                &kinds::CORE_MISSING,
                core.id.file_name(),
                "it is missing",
            )),
            CoreState::Empty => report.problem(finding(
                &kinds::CORE_CORRUPT,
                core.id.file_name(),
                "it has 0 bytes",
            )),
        }
    }
    for number in &seen.empty {
        report.problem(finding(
            &kinds::OBJECT_DAMAGED,
            number.file_name(),
            "it has 0 bytes",
        ));
    }
    if seen.bitmap_len.is_none() {
        report.problem(finding(
            &kinds::BITMAP_MISSING,
            "DBBITMP.DAT".to_owned(),
            "it is missing",
        ));
    }
    let inventory = Inventory::new(&seen);
    report.print(&mut session.out, &inventory)
}
