//! `po-admin mail list`.

use std::ops::ControlFlow;

use dirsync::core::base::stem::MailbagStem;
use dirsync::core::format::mbg::Priority;
use dirsync::postoffice::clock::{TreeClock, rfc3339};
use dirsync::postoffice::mail::{
    Header, HeaderState, MailbagSummary, Message, find_mailbag, list_headers, list_mailbags,
};
use dirsync::tree::TreeView;
use dirsync_cli::list::List;
use dirsync_cli::session::{Outcome, Session};
use dirsync_cli::table::{number, text};
use serde::Serialize;

use crate::args::MailListArgs;
use crate::found::Found;
use crate::{failures, trees};

#[derive(Serialize)]
struct MailbagRow {
    mailbag: String,
    owner_kind: &'static str,
    owner: String,
    headers: u64,
    live: Option<u64>,
    deleted: Option<u64>,
    oldest: Option<String>,
    zone_assumed: bool,
    size_bytes: Option<u64>,
}

#[derive(Serialize)]
struct HeaderRow {
    mailbag: String,
    index: u64,
    offset: u64,
    state: &'static str,
    sender: String,
    subject: String,
    date: Option<String>,
    zone_assumed: bool,
    message: String,
    message_state: &'static str,
    message_bytes: Option<u64>,
    #[serde(flatten)]
    own: Option<OwnRow>,
}

#[derive(Serialize)]
struct OwnRow {
    priority: &'static str,
    read: bool,
    attachments: u16,
    size_bytes: u32,
    retries: u16,
}

pub(crate) fn list(args: &MailListArgs, session: &mut Session<'_>) -> anyhow::Result<Outcome> {
    let view = trees::view(&args.tree, &session.settings, "po-admin mail list")?;
    let clock = TreeClock::of(&view, session.settings.zone.as_ref());
    if view.marker().layout().is_none() && !session.out.json {
        session.out.note(
            "foreign tree: which headers are deleted is not known (the places inside a KEY file \
             were never published)",
        );
    }
    match &args.mailbag {
        None => mailbags(&view, &clock, session),
        Some(name) => {
            let mut found = Found::default();
            let stem = find_mailbag(&view, name, &mut |finding| found.push(finding))
                .map_err(|error| failures::of_po(&error))?;
            headers(&view, &clock, stem, args.deleted, found, session)
        }
    }
}

fn mailbags(
    view: &TreeView,
    clock: &TreeClock,
    session: &mut Session<'_>,
) -> anyhow::Result<Outcome> {
    let mut list = List::new(
        &[
            text("mailbag"),
            text("owner"),
            text("name"),
            number("live"),
            number("deleted"),
            text("oldest"),
            number("bytes"),
        ],
        &session.settings,
    );
    let mut found = Found::default();
    let mut failed = None;
    let out = &mut session.out;
    list_mailbags(
        view,
        clock,
        &mut |finding| found.push(finding),
        &mut |bag| {
            let row = mailbag_row(&bag, clock);
            if let Err(error) = list.record(out, &row, mailbag_cells) {
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
    found.into_list(&mut list);
    list.end(&mut session.out)
}

fn mailbag_row(bag: &MailbagSummary, clock: &TreeClock) -> MailbagRow {
    MailbagRow {
        mailbag: bag.stem.to_string(),
        owner_kind: bag.owner.word(),
        owner: bag.owner.name(),
        headers: bag.headers,
        live: bag.live,
        deleted: bag.deleted,
        oldest: bag.oldest.as_ref().map(rfc3339),
        zone_assumed: clock.is_assumed(),
        size_bytes: bag.size_bytes,
    }
}

fn mailbag_cells(row: &MailbagRow) -> [String; 7] {
    let count = |count: Option<u64>| count.map_or("?".to_owned(), |count| count.to_string());
    [
        row.mailbag.clone(),
        row.owner_kind.to_owned(),
        row.owner.clone(),
        // Where it is not known which are live, all are shown with a mark.
        row.live
            .map_or(format!("{}?", row.headers), |live| live.to_string()),
        count(row.deleted),
        row.oldest.as_deref().map_or(String::new(), short),
        count(row.size_bytes),
    ]
}

/// A time for a table: without seconds and offset, in the zone of the tree.
fn short(rfc3339: &str) -> String {
    rfc3339
        .get(..16)
        .map_or_else(|| rfc3339.to_owned(), |time| time.replace('T', " "))
}

fn headers(
    view: &TreeView,
    clock: &TreeClock,
    stem: MailbagStem,
    deleted: bool,
    mut found: Found,
    session: &mut Session<'_>,
) -> anyhow::Result<Outcome> {
    let ours = view.marker().layout().is_some();
    // Where all are live, that need not be said.
    let with_state = deleted || !ours;
    let mut columns = vec![number("#")];
    if with_state {
        columns.push(text("state"));
    }
    columns.extend([
        text("date"),
        text("sender"),
        text("subject"),
        text("message"),
        number("bytes"),
    ]);
    if ours {
        columns.extend([text("prio"), number("tries")]);
    }
    let mut list = List::new(&columns, &session.settings);
    let mut failed = None;
    let out = &mut session.out;
    list_headers(
        view,
        clock,
        stem,
        &mut |finding| found.push(finding),
        &mut |header| {
            if header.state == HeaderState::Deleted && !deleted {
                return ControlFlow::Continue(());
            }
            let row = header_row(&header, stem, clock);
            if let Err(error) = list.record(out, &row, |row| header_cells(row, with_state)) {
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
    found.into_list(&mut list);
    list.end(&mut session.out)
}

fn header_row(header: &Header, stem: MailbagStem, clock: &TreeClock) -> HeaderRow {
    HeaderRow {
        mailbag: stem.to_string(),
        index: header.index,
        offset: header.offset,
        state: header.state.word(),
        sender: header.sender.clone(),
        subject: header.subject.clone(),
        date: header.time.as_ref().map(rfc3339),
        zone_assumed: clock.is_assumed(),
        message: header.mai.to_string(),
        message_state: header.message.word(),
        message_bytes: match header.message {
            Message::Present { len_bytes } => Some(len_bytes),
            _ => None,
        },
        own: header.own.map(|own| OwnRow {
            priority: match own.priority {
                Priority::Normal => "normal",
                Priority::Low => "low",
                Priority::High => "high",
            },
            read: own.read,
            attachments: own.attachments,
            size_bytes: own.size_bytes,
            retries: own.retries,
        }),
    }
}

fn header_cells(row: &HeaderRow, with_state: bool) -> Vec<String> {
    let mut cells = vec![row.index.to_string()];
    if with_state {
        cells.push(row.state.to_owned());
    }
    cells.extend([
        row.date.as_deref().map_or("?".to_owned(), short),
        row.sender.clone(),
        row.subject.clone(),
        row.message.clone(),
        row.message_bytes
            .map_or(row.message_state.to_owned(), |bytes| bytes.to_string()),
    ]);
    if let Some(own) = &row.own {
        cells.extend([own.priority.to_owned(), own.retries.to_string()]);
    }
    cells
}
