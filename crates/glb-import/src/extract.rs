//! `glb-import extract`.

use std::fs::OpenOptions;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use dirsync::core::base::{AddressType, CodePage, Scope, UnixTime};
use dirsync::import::extract::{ExtractOptions, Extracted, What, extract};
use dirsync::tree::{Command, TreeView};
use dirsync_cli::escape;
use dirsync_cli::failure::Failure;
use dirsync_cli::list::List;
use dirsync_cli::messages;
use dirsync_cli::output::Output;
use dirsync_cli::outside::Place;
use dirsync_cli::report::{Problem, Report, Text};
use dirsync_cli::session::{Outcome, Session};
use dirsync_cli::words::counted;
use serde::Serialize;

use crate::args::ExtractArgs;
use crate::{file, tree};

const WORDS: &str = "glb-import extract";

#[derive(Serialize)]
struct ListRow {
    list: String,
    entries: u64,
}

#[derive(Serialize)]
struct Result_ {
    out: String,
    entries: u64,
    lists: Vec<ListRow>,
}

/// One entry, for JSON.
#[derive(Serialize)]
struct EntryRow {
    list: String,
    name: String,
    address: String,
}

fn what(args: &ExtractArgs) -> Result<What, Failure> {
    if args.local {
        return Ok(What::Local);
    }
    if let Some(kind) = &args.gateway {
        // IMPORT took -gPCM:NET\PO as well.
        let Scope { kind, node } = file::scope(&kind.replace('\\', "/"))?;
        return Ok(match node {
            None => What::Type(kind),
            Some(_) => What::List(Scope { kind, node }),
        });
    }
    match &args.postoffice {
        None => Ok(What::Postoffices),
        Some(name) => {
            let scope = file::scope(&name.replace('\\', "/"))?;
            if scope.node.is_none() && scope.kind == AddressType::Pcm {
                return Err(Failure::usage(format!("{}: no NET/PO", escape::text(name)))
                    .hint("give the list as NET/PO or TYPE:GATE/NODE"));
            }
            Ok(What::List(scope))
        }
    }
}

pub(crate) fn run(args: &ExtractArgs, session: &mut Session<'_>) -> anyhow::Result<Outcome> {
    let settings = &session.settings;
    let options = ExtractOptions {
        what: what(args)?,
        templates: args.templates,
        with_replace: args.with_replace,
        options: args.options,
        groups: !args.no_groups,
        now: UnixTime(settings.now()),
    };
    let view = tree::view(&args.tree, settings, Command::ImportFile)?;
    let Some(path) = &args.out else {
        return to_stdout(&view, &options, session);
    };
    let mut report = Report::new(WORDS, settings);
    report.tree(tree::entry(&view, &args.tree, settings));
    let done = if settings.dry_run {
        extract(&view, &options, &mut |_, _| Ok(())).map_err(|error| tree::of_import(&error))?
    } else {
        to_file(&view, &options, path, args.append, settings.yes)?
    };
    for problem in problems(&done) {
        report.problem(problem);
    }
    let row = |(list, entries): &(Scope, u64)| ListRow {
        list: list.to_string(),
        entries: *entries,
    };
    let result = Result_ {
        out: escape::path(path),
        entries: done.lists.iter().map(|(_, entries)| entries).sum(),
        lists: done.lists.iter().map(row).collect(),
    };
    report.print(&mut session.out, &result)
}

fn problems(done: &Extracted) -> impl Iterator<Item = Problem> + '_ {
    let more = done.problems.total() - done.problems.kept().len() as u64;
    let more = (more > 0).then(|| file::warning("message.more", format!("{more} more messages")));
    done.problems
        .kept()
        .iter()
        .map(|found| messages::problem(found, "record"))
        .chain(more)
}

/// Writes a file that is there as a whole or not at all; appends to an existing one when that was
/// asked for (DEC-096).
#[allow(
    clippy::disallowed_methods,
    reason = "the extract stands outside of every tree; no plan reaches it"
)]
fn to_file(
    view: &TreeView,
    options: &ExtractOptions,
    path: &Path,
    append: bool,
    yes: bool,
) -> Result<Extracted, Failure> {
    let failed = |error: &dyn std::fmt::Display| {
        Failure::data(format!(
            "[ 57] Error accessing output file {}: {error}",
            escape::path(path)
        ))
        .hint("give a path that can be written")
    };
    let exists = path.symlink_metadata().is_ok();
    if exists && append {
        let file = OpenOptions::new()
            .append(true)
            .open(path)
            .map_err(|e| failed(&e))?;
        let before = file.metadata().map_err(|e| failed(&e))?.len();
        let synced = write(view, options, &file).and_then(|done| {
            file.sync_all().map_err(|e| failed(&e))?;
            Ok(done)
        });
        return synced.inspect_err(|_| {
            // Half an extract is worse than none.
            let _ = file.set_len(before);
        });
    }
    if exists && !yes {
        return Err(Failure::refused(format!("{} exists", escape::path(path)))
            .hint("--append to add to it, --yes to write it anew"));
    }
    let place = Place::of(path)?;
    let mut file = place.begin().map_err(|e| failed(&e))?;
    let done = write(view, options, &mut file)?;
    file.finish().map_err(|e| failed(&e))?;
    Ok(done)
}

fn write(
    view: &TreeView,
    options: &ExtractOptions,
    file: impl Write,
) -> Result<Extracted, Failure> {
    let mut out = BufWriter::new(file);
    let done = extract(view, options, &mut |_, text| out.write_all(text))
        .map_err(|error| tree::of_import(&error))?;
    out.flush()
        .map_err(|error| Failure::data(format!("[ 57] Error accessing output file: {error}")))?;
    Ok(done)
}

/// Import lines for a pipe, escaped text for a terminal, one object a line for JSON; problems go to
/// stderr.
fn to_stdout(
    view: &TreeView,
    options: &ExtractOptions,
    session: &mut Session<'_>,
) -> anyhow::Result<Outcome> {
    let mut list = List::new(&[], &session.settings);
    let out = &mut session.out;
    let mut failed: anyhow::Result<()> = Ok(());
    let done = extract(view, options, &mut |transaction, text| {
        let result = if out.json {
            match transaction.entry() {
                None => Ok(()),
                Some(entry) => {
                    let row = EntryRow {
                        list: entry.address.scope().to_string(),
                        name: entry.alias.to_string(),
                        address: entry.address.to_string(),
                    };
                    list.record(out, &row, |_| Vec::<String>::new())
                }
            }
        } else if out.terminal {
            let text = CodePage::Cp850.decode(text);
            text.lines()
                .try_for_each(|line| out.line(&escape::text(line)))
        } else {
            out.bytes(text)
        };
        result.map_err(|error| {
            failed = Err(error);
            io::Error::other("stdout")
        })
    });
    failed?;
    let done = done.map_err(|error| tree::of_import(&error))?;
    for problem in problems(&done) {
        list.problem(problem);
    }
    list.end(out)
}

impl Text for Result_ {
    fn text(&self, out: &mut Output<'_>) -> anyhow::Result<()> {
        for list in &self.lists {
            let name = escape::text(&list.list);
            out.line(&format!("{name}: {}", entries(list.entries)))?;
        }
        out.line(&format!("{}: {}", self.out, entries(self.entries)))
    }
}

fn entries(count: u64) -> String {
    counted(count, "entry", "entries")
}
