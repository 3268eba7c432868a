//! `po-admin gal`.

use std::ops::ControlFlow;

use dirsync::core::base::CodePage;
use dirsync::core::format::nme::NmeKind;
use dirsync::postoffice::gal::{GalEntry, GalOptions, Words, list_gal};
use dirsync_cli::failure::Failure;
use dirsync_cli::list::List;
use dirsync_cli::session::{Outcome, Session};
use dirsync_cli::table::text;
use dirsync_cli::words::counted;
use serde::Serialize;

use crate::args::GalArgs;
use crate::found::Found;
use crate::{failures, trees};

#[derive(Serialize)]
struct Row {
    index: u64,
    name: String,
    kind: Option<&'static str>,
    address: Option<String>,
    tid: Option<u32>,
    participates: Option<bool>,
}

pub(crate) fn run(args: &GalArgs, session: &mut Session<'_>) -> anyhow::Result<Outcome> {
    let options = GalOptions {
        find: args.find.as_deref().map(words).transpose()?,
        participating: args.participating,
        no_index: false,
    };
    let view = trees::view(&args.tree, &session.settings, "po-admin gal")?;
    let ours = view.marker().layout().is_some();
    if !ours && !session.out.json {
        session
            .out
            .note("foreign tree: only the names stand at known places");
    }
    let columns = [text("name"), text("kind"), text("address")];
    let columns = if ours { &columns[..] } else { &columns[..1] };
    let mut list = List::new(columns, &session.settings);
    let mut found = Found::default();
    let mut failed = None;
    let out = &mut session.out;
    let summary = list_gal(
        &view,
        &options,
        &mut |finding| found.push(finding),
        &mut |entry| {
            let row = row(entry);
            if let Err(error) = list.record(out, &row, cells) {
                failed = Some(error);
            }
            if failed.is_some() || out.closed() {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        },
    )
    .map_err(|error| failures::of_po(&error))?;
    if let Some(error) = failed {
        return Err(error);
    }
    session.out.verbose(1, || {
        let how = if summary.used_index {
            "by the word index"
        } else {
            "name by name"
        };
        let entries = counted(summary.entries, "entry", "entries");
        format!("{entries} in the list, read {how}")
    });
    found.into_list(&mut list);
    list.end(&mut session.out)
}

fn words(text: &str) -> Result<Words, Failure> {
    CodePage::Cp850
        .encode(text)
        .ok()
        .and_then(|bytes| Words::new(&bytes))
        .ok_or_else(|| {
            Failure::usage(format!("--find {text:?}: there is no word in it"))
                .hint("give the beginning of one or more words of the name")
        })
}

fn row(entry: GalEntry) -> Row {
    Row {
        index: entry.index,
        name: entry.name,
        kind: entry.kind.map(|kind| match kind {
            NmeKind::Local => "local",
            NmeKind::External => "external",
            NmeKind::Gateway => "gateway",
            NmeKind::Group => "group",
        }),
        address: entry.address,
        tid: entry.tid,
        participates: entry.participates,
    }
}

fn cells(row: &Row) -> [String; 3] {
    [
        row.name.clone(),
        row.kind.unwrap_or("?").to_owned(),
        row.address.clone().unwrap_or_else(|| "?".to_owned()),
    ]
}
