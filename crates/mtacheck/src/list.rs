//! `mtacheck list` and `show`; the filters that `purge` takes as well.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};

use dirsync::core::base::UnixTime;
use dirsync::core::format::mta::core_files::is_core;
use dirsync::core::format::mta::message::Reference;
use dirsync::core::format::mta::queue::{QueueEntry, SuperQueue};
use dirsync::core::format::mta::{Keep, Kind, MessageKind, ObjectId, Priority};
use dirsync::mta::purge::{Found, messages};
use dirsync::mta::select::{Selection, queue};
use dirsync::mta::store::{Database, FileState, KEPT_VALUE_LEN};
use dirsync::postoffice::clock::TreeClock;
use dirsync::progress::Progress as _;
use dirsync::tree::TreeView;
use dirsync_cli::escape;
use dirsync_cli::failure::Failure;
use dirsync_cli::list::List;
use dirsync_cli::output::Output;
use dirsync_cli::report::{Problem, Report, Text};
use dirsync_cli::session::{Outcome, Session};
use dirsync_cli::table::{number, text};
use serde::Serialize;

use crate::args::{Filters, Format, ListArgs, ShowArgs};
use crate::tree;

#[derive(Serialize)]
struct Row {
    id: String,
    queue: String,
    queue_name: String,
    kind: String,
    priority: &'static str,
    submitted: String,
    bytes: u32,
    data: String,
    mts_id: String,
    originator: String,
    recipients: Vec<String>,
    subject: String,
    parked: bool,
}

fn row(found: Found, queues: &SuperQueue, clock: &TreeClock) -> Row {
    let member = &found.member;
    let reference = found.reference.unwrap_or_default();
    Row {
        id: member.object().to_string(),
        queue: found.queue.to_string(),
        queue_name: tree::queue_name(queues, found.queue),
        kind: member.message_kind().unwrap_or_default().to_string(),
        priority: member.priority().name(),
        submitted: UnixTime(member.submitted.get()).rfc3339(clock.zone()),
        bytes: member.len.get(),
        data: found.data.to_string(),
        mts_id: reference.mts_id,
        originator: reference.originator,
        recipients: reference.recipients,
        subject: reference.subject,
        parked: found.parked,
    }
}

/// The queues and messages that were chosen; all queues that hold messages when none is named.
pub(crate) fn chosen(
    filters: &Filters,
    view: &TreeView,
    session: &mut Session<'_>,
) -> Result<(Vec<QueueEntry>, Selection), Failure> {
    let db = Database::open(view).map_err(|error| tree::of_mta(&error))?;
    let all = db.super_queue().map_err(|error| tree::of_mta(&error))?;
    let mut queues: Vec<QueueEntry> = Vec::new();
    for name in &filters.queue {
        let one = queue(&all, name, &view.describe()).map_err(|error| tree::of_mta(&error))?;
        if !queues.contains(one) {
            queues.push(one.clone());
        }
    }
    if filters.queue.is_empty() {
        queues = all
            .in_check_order()
            .into_iter()
            .filter(|q| !is_core(q.id.number()))
            .cloned()
            .collect();
    }
    let now = session.settings.now();
    let ids = match &filters.ids {
        None => None,
        Some(path) if path.as_os_str() == "-" => Some(ids(&mut *session.input, "stdin")?),
        Some(path) => {
            let shown = escape::path(path);
            let file = std::fs::File::open(path)
                .map_err(|error| Failure::data(format!("{shown}: {error}")))?;
            Some(ids(&mut BufReader::new(file), &shown)?)
        }
    };
    let before = |age: &Option<String>| -> Result<Option<UnixTime>, Failure> {
        age.as_deref()
            .map(|age| seconds(age).map(|age| UnixTime(now.saturating_sub(age))))
            .transpose()
    };
    let size = |text: &Option<String>| text.as_deref().map(bytes).transpose();
    let selection = Selection {
        ids,
        originator: filters.originator.clone(),
        recipient: filters.recipient.clone(),
        kinds: filters
            .kind
            .iter()
            .map(|kind| kind_of(kind))
            .collect::<Result<_, _>>()?,
        priorities: filters
            .priority
            .iter()
            .map(|name| priority_of(name))
            .collect::<Result<_, _>>()?,
        submitted_until: before(&filters.older_than)?,
        submitted_from: before(&filters.newer_than)?,
        min_len: size(&filters.min_size)?,
        max_len: size(&filters.max_size)?,
        mts_id: filters.mts_id.clone(),
    };
    Ok((queues, selection))
}

fn ids(input: &mut dyn BufRead, name: &str) -> Result<BTreeSet<ObjectId>, Failure> {
    let mut ids = BTreeSet::new();
    for (at, line) in input.lines().enumerate() {
        let line = line.map_err(|error| Failure::data(format!("{name}: {error}")))?;
        let line = line.trim();
        if line.is_empty() {
            continue;
        }
        let id = line.parse::<ObjectId>().map_err(|_| {
            Failure::usage(format!(
                "{name}, line {}: {} is no object id",
                at + 1,
                escape::text(line)
            ))
        })?;
        ids.insert(id);
    }
    Ok(ids)
}

fn kind_of(text: &str) -> Result<MessageKind, Failure> {
    MessageKind::from_text(&text.to_ascii_lowercase()).ok_or_else(|| {
        Failure::usage(format!("{} is no kind", escape::text(text)))
            .hint("ipm, dirsync, report, dirrep, pfrep or linkmon")
    })
}

fn priority_of(text: &str) -> Result<Priority, Failure> {
    Priority::SERVED
        .into_iter()
        .find(|priority| priority.name().eq_ignore_ascii_case(text))
        .ok_or_else(|| {
            Failure::usage(format!("{} is no priority", escape::text(text)))
                .hint("urgent, normal or non-urgent")
        })
}

fn scaled(text: &str, units: &[(&str, u32)], what: &str) -> Result<u32, Failure> {
    let lower = text.to_ascii_lowercase();
    let end = lower
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(lower.len());
    let (digits, unit) = lower.split_at(end);
    let factor = units
        .iter()
        .find(|(name, _)| *name == unit)
        .map(|(_, factor)| *factor);
    digits
        .parse::<u32>()
        .ok()
        .zip(factor)
        .and_then(|(number, factor)| number.checked_mul(factor))
        .ok_or_else(|| Failure::usage(format!("{} is no {what}", escape::text(text))))
}

fn seconds(text: &str) -> Result<u32, Failure> {
    scaled(
        text,
        &[
            ("s", 1),
            ("m", 60),
            ("h", 3_600),
            ("d", 86_400),
            ("w", 604_800),
        ],
        "age (90s, 30m, 12h, 7d)",
    )
}

fn bytes(text: &str) -> Result<u32, Failure> {
    scaled(
        text,
        &[("", 1), ("k", 1_024), ("m", 1 << 20)],
        "size (4096, 100k, 5m)",
    )
}

/// A message or object that could not be read, as a problem.
pub(crate) fn unreadable(id: ObjectId, why: &str) -> Problem {
    Problem {
        id: "mta.object-damaged".into(),
        severity: dirsync::core::base::Severity::Error,
        file: id.file_name(),
        offset: None,
        message: format!("object {id}: {why}"),
        hint: "`mtacheck repair` takes it away".into(),
        tree: None,
        repair: None,
    }
}

pub(crate) fn run(args: &ListArgs, session: &mut Session<'_>) -> anyhow::Result<Outcome> {
    let view = tree::own(&args.dir, &session.settings)?;
    let (queues, selection) = chosen(&args.filters, &view, session)?;
    let db = Database::open(&view).map_err(|error| tree::of_mta(&error))?;
    let all = db.super_queue().map_err(|error| tree::of_mta(&error))?;
    let clock = TreeClock::of(&view, session.settings.zone.as_ref());
    let columns = [
        text("id"),
        text("kind"),
        text("priority"),
        text("submitted"),
        number("bytes"),
        text("originator"),
        text("mts-id"),
        text("queue"),
    ];
    let mut list = List::new(&columns, &session.settings);
    let just_ids = args.format == Format::Ids && !session.settings.json;
    let mut failed = None;
    let (out, progress) = (&mut session.out, &session.progress);
    let bad = messages(
        &db,
        &queues,
        &selection,
        !just_ids,
        args.filters.limit,
        progress,
        &mut |found| {
            if failed.is_some() {
                return Ok(());
            }
            let done = if just_ids {
                out.line(&found.member.object().to_string())
            } else {
                list.record(out, &row(found, &all, &clock), |row| {
                    let last = row
                        .queue_name
                        .rsplit('/')
                        .next()
                        .unwrap_or_default()
                        .to_owned();
                    [
                        row.id.clone(),
                        if row.parked {
                            format!("{} (parked)", row.kind)
                        } else {
                            row.kind.clone()
                        },
                        row.priority.to_owned(),
                        row.submitted.clone(),
                        row.bytes.to_string(),
                        row.originator.clone(),
                        row.mts_id.clone(),
                        last,
                    ]
                })
            };
            failed = done.err();
            Ok(())
        },
    )
    .map_err(|error| tree::of_mta(&error))?;
    if let Some(error) = failed {
        return Err(error);
    }
    session.progress.finish();
    for one in bad {
        list.problem(unreadable(one.id, &one.why));
    }
    if just_ids {
        // No heading: what follows is read by --ids.
        return Ok(dirsync_cli::exit::ExitCode::Done.into());
    }
    list.end(&mut session.out)
}

#[derive(Serialize)]
struct Shown {
    id: String,
    file: String,
    kind: &'static str,
    queue: String,
    queue_name: String,
    partner: String,
    references: Option<u32>,
    serial: u64,
    used: bool,
    parked: bool,
    created: String,
    payload_bytes: u32,
    mts_id: Option<String>,
    priority: Option<&'static str>,
    message_kind: Option<String>,
    originator: Option<String>,
    recipients: Vec<String>,
    submitted: Option<String>,
    subject: Option<String>,
    members: Option<u64>,
}

impl Text for Shown {
    fn text(&self, out: &mut Output<'_>) -> anyhow::Result<()> {
        let mut line =
            |name: &str, value: &str| out.line(&format!("{name:12} {}", escape::text(value)));
        line("object", &self.id)?;
        line("file", &self.file)?;
        line("kind", self.kind)?;
        line("queue", &format!("{} {}", self.queue, self.queue_name))?;
        if self.partner != "00000000" {
            line("data object", &self.partner)?;
        }
        if let Some(count) = self.references {
            line("references", &count.to_string())?;
        }
        for (name, value) in [
            ("MTS-ID", self.mts_id.as_deref()),
            ("message", self.message_kind.as_deref()),
            ("priority", self.priority),
            ("originator", self.originator.as_deref()),
            ("submitted", self.submitted.as_deref()),
            ("subject", self.subject.as_deref()),
        ] {
            if let Some(value) = value {
                line(name, value)?;
            }
        }
        for recipient in &self.recipients {
            line("recipient", recipient)?;
        }
        if let Some(members) = self.members {
            line("members", &members.to_string())?;
        }
        if self.parked {
            line("parked", "it could not be processed and is passed over")?;
        }
        line("bytes", &self.payload_bytes.to_string())?;
        line("created", &self.created)
    }
}

pub(crate) fn show(args: &ShowArgs, session: &mut Session<'_>) -> anyhow::Result<Outcome> {
    let settings = &session.settings;
    let id: ObjectId = args.object.parse().map_err(|_| {
        Failure::usage(format!("{} is no object id", escape::text(&args.object)))
            .hint("eight hexadecimal digits, for example 06000036")
    })?;
    let view = tree::own(&args.dir, settings)?;
    let db = Database::open(&view).map_err(|error| tree::of_mta(&error))?;
    let clock = TreeClock::of(&view, settings.zone.as_ref());
    let state = db
        .object(id.number(), Keep::Small(KEPT_VALUE_LEN))
        .map_err(|error| tree::of_mta(&error))?;
    let found = match state {
        FileState::Sound(found) if found.header.id == id => found,
        FileState::Sound(found) => {
            return Err(Failure::data(format!(
                "{} holds the object {}",
                id.file_name(),
                found.header.id
            ))
            .into());
        }
        other => {
            let why = other.fault().unwrap_or_default();
            return Err(Failure::data(format!("{}: {why}", id.file_name()))
                .hint("`mtacheck check` says what is wrong")
                .into());
        }
    };
    let reference = Reference::from_object(&found).ok();
    // A queue stands on none; its own name is what is asked for.
    let queue = if found.header.kind == Kind::Queue {
        id
    } else {
        found.header.queue
    };
    let queue_name = db
        .super_queue()
        .map(|all| tree::queue_name(&all, queue))
        .unwrap_or_default();
    let count = (found.header.kind == Kind::Data)
        .then(|| db.counts().map(|counts| counts.get(id)).ok())
        .flatten();
    let members = (found.header.kind == Kind::Queue)
        .then(|| db.queue(id).map(|queue| queue.members.len() as u64).ok())
        .flatten();
    let shown = Shown {
        id: id.to_string(),
        file: id.file_name(),
        kind: found.header.kind.words(),
        queue: queue.to_string(),
        queue_name,
        partner: found.header.partner.to_string(),
        references: count,
        serial: found.header.serial,
        used: found.header.used,
        parked: found.header.parked,
        created: found.header.created.rfc3339(clock.zone()),
        payload_bytes: found.header.payload_len,
        mts_id: found.text(dirsync::core::format::mta::attr::MTS_ID),
        priority: reference
            .as_ref()
            .map(|reference| reference.priority.name()),
        message_kind: reference
            .as_ref()
            .map(|reference| reference.kind.to_string()),
        submitted: reference
            .as_ref()
            .map(|reference| reference.submitted.rfc3339(clock.zone())),
        originator: reference
            .as_ref()
            .map(|reference| reference.originator.clone()),
        subject: reference
            .as_ref()
            .map(|reference| reference.subject.clone()),
        recipients: reference
            .map(|reference| reference.recipients)
            .unwrap_or_default(),
        members,
    };
    let mut report = Report::new("mtacheck show", settings);
    report.tree(tree::entry(&view, &args.dir, settings));
    report.print(&mut session.out, &shown)
}
