//! `dxa-cycle events`: the event log of an Exchange server, and the file of Windows NT of it.

use dirsync::core::base::finding::{Finding, FindingId, Severity};
use dirsync::exchange::events::{self, BadLine, Source, Stored, to_evt};
use dirsync::exchange::{AGENT, EVENTS};
use dirsync::postoffice::clock::TreeClock;
use dirsync::tree::TreeView;
use dirsync_cli::escape;
use dirsync_cli::failure::Failure;
use dirsync_cli::list::List;
use dirsync_cli::output::Output;
use dirsync_cli::outside::Place;
use dirsync_cli::report::{Report, Text};
use dirsync_cli::session::{Outcome, Session};
use dirsync_cli::table::{number, text};
use dirsync_cli::trees::{of_far, of_tree};
use dirsync_cli::words::counted;
use serde::Serialize;

use super::service::open;
use crate::args::EventsArgs;

const COMMAND: &str = "dxa-cycle events";
const BAD: FindingId = FindingId("exchange.bad-event-line");

fn problem(bad: &BadLine) -> Finding {
    Finding {
        id: BAD,
        severity: Severity::Warning,
        file: EVENTS.to_owned(),
        offset: Some(bad.offset),
        message: format!("line {} is no event: {}", bad.line, bad.why),
        hint: "it is passed over; nothing depends on the log".into(),
        repair: None,
    }
}

#[derive(Serialize)]
struct Shown<'a> {
    id: u16,
    #[serde(rename = "type")]
    kind: &'static str,
    source: &'a str,
    category: &'a str,
    time: String,
    computer: &'a str,
    strings: &'a [String],
    text: &'a str,
}

#[derive(Serialize)]
struct Written {
    file: String,
    events: u32,
    len_bytes: u64,
    #[serde(skip)]
    dry_run: bool,
}

pub(super) fn run(args: &EventsArgs, session: &mut Session<'_>) -> anyhow::Result<Outcome> {
    for name in &args.source {
        if Source::from_name(name).is_none() {
            let names: Vec<&str> = Source::ALL.iter().map(|source| source.name()).collect();
            return Err(
                Failure::usage(format!("{} is no source of events", escape::text(name)))
                    .hint(format!("the sources are {}", names.join(", ")))
                    .into(),
            );
        }
    }
    let path = super::place(&args.tree)?;
    let view = TreeView::open(
        open(&path, None)?,
        AGENT,
        &super::open_options(&session.settings),
    )
    .map_err(|error| of_tree(&error))?;
    let (mut stored, bad) = events::read(&view).map_err(|error| of_far((&error).into()))?;
    stored.retain(|event| {
        let of_source = args.source.is_empty()
            || args
                .source
                .iter()
                .any(|source| source.eq_ignore_ascii_case(&event.source));
        of_source && (args.id.is_empty() || args.id.contains(&event.id))
    });
    match &args.evt {
        Some(file) => {
            let place = Place::of(file)?;
            place.require_outside()?;
            write(&place, args.overwrite, &stored, &bad, session)
        }
        None => show(&view, &stored, &bad, session),
    }
}

fn show(
    view: &TreeView,
    stored: &[Stored],
    bad: &[BadLine],
    session: &mut Session<'_>,
) -> anyhow::Result<Outcome> {
    let clock = TreeClock::of(view, session.settings.zone.as_ref());
    let columns = [
        text("TIME"),
        text("TYPE"),
        text("SOURCE"),
        number("ID"),
        text("CATEGORY"),
        text("TEXT"),
    ];
    let mut list = List::new(&columns, &session.settings);
    for event in stored {
        let time = event.time.to_zoned(clock.zone().clone());
        let shown = Shown {
            id: event.id,
            kind: event.kind.word(),
            source: &event.source,
            category: &event.category,
            time: time.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string(),
            computer: &event.computer,
            strings: &event.strings,
            text: &event.text,
        };
        list.record(&mut session.out, &shown, |_| {
            [
                time.strftime("%Y-%m-%d %H:%M:%S").to_string(),
                event.kind.word().to_owned(),
                escape::text(&event.source).to_string(),
                event.id.to_string(),
                escape::text(&event.category).to_string(),
                escape::text(&event.text).to_string(),
            ]
        })?;
    }
    for bad in bad {
        list.problem(problem(bad));
    }
    list.end(&mut session.out)
}

fn write(
    place: &Place,
    overwrite: bool,
    stored: &[Stored],
    bad: &[BadLine],
    session: &mut Session<'_>,
) -> anyhow::Result<Outcome> {
    let bytes = to_evt(stored).map_err(|error| Failure::data(error.to_string()))?;
    if !overwrite {
        place.require_free("give another name, or --overwrite")?;
    }
    if !session.settings.dry_run {
        place.put(&bytes).map_err(|error| of_tree(&error))?;
    }
    let mut report = Report::new(COMMAND, &session.settings);
    for bad in bad {
        report.problem(problem(bad));
    }
    let written = Written {
        file: place.shown().to_owned(),
        events: u32::try_from(stored.len()).unwrap_or(u32::MAX),
        len_bytes: bytes.len() as u64,
        dry_run: session.settings.dry_run,
    };
    report.print(&mut session.out, &written)
}

impl Text for Written {
    fn text(&self, out: &mut Output<'_>) -> anyhow::Result<()> {
        let verb = if self.dry_run { "would write" } else { "wrote" };
        let events = counted(self.events, "event", "events");
        out.line(&format!("{verb} {events} to {}", self.file))
    }
}
