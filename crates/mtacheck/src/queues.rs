//! `mtacheck queues`.

use dirsync::core::base::UnixTime;
use dirsync::core::format::mta::Priority;
use dirsync::mta::store::{Database, QueueInfo};
use dirsync::postoffice::clock::TreeClock;
use dirsync::tree::marker::Marker;
use dirsync_cli::output::Output;
use dirsync_cli::report::{Report, Text};
use dirsync_cli::session::{Outcome, Session};
use dirsync_cli::table::{Table, number, text};
use serde::Serialize;

use crate::args::DirArgs;
use crate::{check, tree};

#[derive(Serialize)]
struct Row {
    id: String,
    name: String,
    secured: bool,
    core: bool,
    messages: u64,
    urgent: u64,
    normal: u64,
    non_urgent: u64,
    boot_objects: u64,
    oldest: Option<String>,
    oldest_age_seconds: Option<u32>,
    bytes: u64,
    fault: Option<String>,
}

#[derive(Serialize)]
struct Result_ {
    profile: String,
    clean_shutdown: bool,
    messages: u64,
    bytes: u64,
    queues: Vec<Row>,
}

fn row(info: QueueInfo, clock: &TreeClock, now: UnixTime) -> Row {
    Row {
        id: info.entry.id.to_string(),
        secured: info.entry.secured,
        core: info.is_core,
        messages: info.total(),
        urgent: info.of(Priority::Urgent),
        normal: info.of(Priority::Normal),
        non_urgent: info.of(Priority::NonUrgent),
        boot_objects: info.boot_objects,
        oldest: info.oldest.map(|time| time.rfc3339(clock.zone())),
        oldest_age_seconds: info.oldest.map(|time| time.age_seconds(now)),
        bytes: info.bytes,
        fault: info.fault,
        name: info.entry.name,
    }
}

pub(crate) fn run(args: &DirArgs, session: &mut Session<'_>) -> anyhow::Result<Outcome> {
    let settings = &session.settings;
    let view = tree::view(&args.dir, settings)?;
    if matches!(view.marker(), Marker::Foreign(_)) {
        return check::foreign(args, &view, "mtacheck queues", session);
    }
    let clock = TreeClock::of(&view, settings.zone.as_ref());
    let mut report = Report::new("mtacheck queues", settings);
    report.tree(tree::entry(&view, &args.dir, settings));
    let db = Database::open(&view).map_err(|error| tree::of_mta(&error))?;
    let now = UnixTime(settings.now());
    let infos = db.inventory().map_err(|error| tree::of_mta(&error))?;
    let queues: Vec<Row> = infos
        .into_iter()
        .map(|info| row(info, &clock, now))
        .collect();
    for queue in &queues {
        if let Some(why) = &queue.fault {
            report.problem(dirsync_cli::report::Problem {
                id: "mta.queue-corrupt".into(),
                severity: dirsync::core::base::Severity::Error,
                file: format!("DB{}.DAT", &queue.id[2..]),
                offset: None,
                message: format!("the queue {}: {why}", queue.name),
                hint: "`mtacheck repair` makes it anew from its messages".into(),
                tree: None,
                repair: None,
            });
        }
    }
    let marker = view
        .stat("MTADATA/DBBITMP.DAT")
        .map_err(|error| tree::of_tree(&error))?;
    let result = Result_ {
        profile: db.profile().to_string(),
        clean_shutdown: marker.is_some(),
        messages: queues.iter().map(|queue| queue.messages).sum(),
        bytes: queues.iter().map(|queue| queue.bytes).sum(),
        queues,
    };
    report.print(&mut session.out, &result)
}

impl Text for Result_ {
    fn text(&self, out: &mut Output<'_>) -> anyhow::Result<()> {
        let columns = [
            text("id"),
            text("secured"),
            number("messages"),
            number("urgent"),
            number("normal"),
            number("non-urgent"),
            text("oldest"),
            number("bytes"),
            text("name"),
        ];
        let mut table = Table::new(&columns);
        for queue in self.queues.iter().filter(|queue| !queue.core) {
            let cells = [
                queue.id.clone(),
                if queue.secured { "yes" } else { "no" }.to_owned(),
                queue.messages.to_string(),
                queue.urgent.to_string(),
                queue.normal.to_string(),
                queue.non_urgent.to_string(),
                queue.oldest.clone().unwrap_or_else(|| "-".to_owned()),
                queue.bytes.to_string(),
                queue.name.clone(),
            ];
            table.row(out, cells)?;
        }
        table.end(out)?;
        if !self.clean_shutdown {
            out.note("DBBITMP.DAT is missing: the database was not left cleanly");
        }
        Ok(())
    }
}
