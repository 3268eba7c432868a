//! The lines of a run, word for word and in order (mta-database 7.1, 7.2; samples TV-1 to TV-4).
//!
//! | line | source |
//! |---|---|
//! | queues, objects, reconstruction, garbage collection, last lines | DOCUMENTED (Q157323, Q282780) |
//! | `Object … invalid`, ` - missing object file`, `Object removed …`, `MTS-ID: …` | DOCUMENTED (Q163323, Q163326) |
//! | other causes, the line of a bad object among the checked ones, lines of the switches | ASSIGNED: no sample shows any |

use crate::core::base::catalogue::{Family, lookup_code};
use crate::core::format::mta::{Kind, MessageKind};

use super::super::check::{Checked, CheckedObject, Verdict};
use super::super::quarantine::LOG;
use super::super::{HOME, QUARANTINE};
use super::{Ending, REMOVABLE, Repair, is_counted};

/// Why an object is invalid, as its second line says.
#[must_use]
pub fn cause(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Ok | Verdict::Free => "no error",
        Verdict::CoreMissing | Verdict::Missing | Verdict::Lost => "missing object file",
        Verdict::CoreCorrupt(_) | Verdict::Damaged(_) => "corrupted object file",
        Verdict::Unreadable(_) => "unreadable object file",
        Verdict::OtherObject(_) => "object file of another object",
        Verdict::Doubled(_) => "second object file of the same number",
        Verdict::NoQueue => "missing queue",
        Verdict::UnlistedQueue => "queue file of no queue",
        Verdict::NoData(_) => "missing data object",
        Verdict::NoReference => "missing reference object",
        Verdict::Used => "message already delivered",
    }
}

/// Whether garbage collection takes it: nothing points to it any more.
fn is_orphan(verdict: &Verdict) -> bool {
    matches!(
        verdict,
        Verdict::NoReference | Verdict::Used | Verdict::UnlistedQueue | Verdict::Doubled(_)
    )
}

/// Says all lines of a run, each without its end.
pub fn lines(repair: &Repair, verbose: bool, each: &mut dyn FnMut(&str)) {
    const SERIOUS: &str = "Database contains serious errors and cannot be automatically repaired.";
    let checked = &repair.checked;
    match repair.ending {
        Ending::StaticFile => {
            each("Base-MS Not initialised-Error=3909,Parm1=0,Parm2=0");
            each("Fatal severity error - 3909.");
            return;
        }
        Ending::SuperQueue => {
            each("Error in Queue-Desc-Object (ID 1) initialization");
            each(SERIOUS);
            return;
        }
        Ending::Clean | Ending::Repaired | Ending::BootMissing => {}
    }
    for queue in &checked.queues {
        each(&format!(
            "Checking queue {} (id {})",
            queue.entry.name, queue.entry.id
        ));
        each("");
    }
    if verbose {
        objects(checked, each);
        each("");
    }
    removals(repair, each);
    purged(repair, verbose, each);
    for &(id, members) in repair.rebuilt.iter().rev() {
        each(&format!(
            "Queue {} required reconstruction.",
            name(checked, id)
        ));
        each(&format!("{members} objects recovered to the queue."));
        each("");
    }
    let collected = checked.objects.iter().any(|row| is_orphan(&row.verdict));
    if collected || !checked.profile.keeps_free_files() {
        each("Starting garbage collection of orphaned objects");
        each("");
    }
    let (damaged, detected) = (repair.damaged(), repair.detected());
    let mended = !repair.rebuilt.is_empty()
        || repair.counts_mended
        || checked
            .objects
            .iter()
            .any(|row| !row.verdict.is_good() && !matches!(row.verdict, Verdict::CoreMissing));
    if repair.ending == Ending::Clean {
        each("Database clean, no errors detected.");
    } else if mended {
        let (rebuilt, queues) = (repair.rebuilt.len() as u64, checked.queues.len() as u64);
        each("Database repaired, some data may have been lost.");
        each(&format!(
            "- {rebuilt} queue(s) required repair out of {queues} detected ({}%).",
            percent(rebuilt, queues)
        ));
        each(&format!(
            "- {damaged} object(s) damaged out of {detected} detected ({}%).",
            percent(damaged, detected)
        ));
    }
    if repair.ending == Ending::BootMissing {
        if mended {
            each("");
        }
        each(
            "Some objects are missing from the Boot Environment, please reload missing files from the \
             BOOTENV directory on the CD.",
        );
        each("");
        each(SERIOUS);
    }
}

/// The events of an internal run, number and text, in their order: begin, one for each queue, end
/// (Q163292; 2219 and 2207, OQ-15).
#[must_use]
pub fn events(repair: &Repair) -> Vec<(i32, String)> {
    /// The place in brackets: component, thread, its number, procedure.
    const PLACE: [&str; 4] = ["DB Server", "MAIN BASE", "1", "0"];
    let text = |code: i32, values: &[&str]| {
        let mut text = lookup_code(Family::MtaEvent, code)
            .map_or_else(String::new, |entry| entry.text.to_owned());
        for (number, value) in (1..).zip(values.iter().chain(&PLACE)) {
            text = text.replace(&format!("<{number}>"), value);
        }
        (code, text)
    };
    let log = format!("{HOME}\\{QUARANTINE}\\{LOG}");
    let mut events = vec![text(2219, &[])];
    for queue in &repair.checked.queues {
        let entry = &queue.entry;
        events.push(text(2206, &[&entry.name, &entry.id.file_name()]));
    }
    events.push(match repair.ending {
        Ending::Clean | Ending::Repaired => text(2207, &[&log]),
        Ending::BootMissing | Ending::SuperQueue | Ending::StaticFile => {
            let (code, text) = text(2152, &[]);
            (
                code,
                text.replace("D:\\EXCHSRVR\\mtadata\\.\\MTACHECK.OUT\\MTACHECK.LOG", &log),
            )
        }
    });
    events
}

/// Whole numbers, cut off (OQ-9).
fn percent(part: u64, whole: u64) -> u64 {
    part.saturating_mul(100).checked_div(whole).unwrap_or(0)
}

fn name(checked: &Checked, id: crate::core::format::mta::ObjectId) -> &str {
    checked
        .queues
        .iter()
        .find(|queue| queue.entry.id == id)
        .map_or("", |queue| queue.entry.name.as_str())
}

fn objects(checked: &Checked, each: &mut dyn FnMut(&str)) {
    each("Starting object integrity checks");
    for row in &checked.objects {
        if !is_counted(row) {
            continue;
        }
        if row.verdict != Verdict::Ok {
            each(&format!(
                "Checking object {} - {}",
                row.id,
                cause(&row.verdict)
            ));
        } else if row.kind == Some(Kind::Reference) {
            each(&format!(
                "Checking object {} - and data object {}...OK.",
                row.id, row.partner
            ));
            each(&format!("OK, on queue {}", row.queue));
        } else {
            each(&format!(
                "Checking object {} - OK, on queue {}",
                row.id, row.queue
            ));
        }
    }
}

fn removals(repair: &Repair, each: &mut dyn FnMut(&str)) {
    for row in &repair.checked.objects {
        if row.verdict.is_good() || matches!(row.verdict, Verdict::CoreMissing) {
            continue;
        }
        each(&format!("Object {} invalid", row.id));
        // A data object whose file is missing has no line of its own.
        if matches!(row.verdict, Verdict::NoData(_)) {
            each(&format!(" - {} {}", cause(&row.verdict), row.partner));
        } else {
            each(&format!(" - {}", cause(&row.verdict)));
        }
        if let Some(&queue) = repair.was_on.get(&row.number)
            && !is_doubled(row)
        {
            each(&format!(
                "Object removed from queue '{}'",
                name(&repair.checked, queue)
            ));
        }
        if let Some(id) = row
            .mts_id
            .as_ref()
            .or_else(|| repair.known_ids.get(&row.number))
        {
            each(&format!("MTS-ID: {id}"));
        }
        each("");
    }
}

fn is_doubled(row: &CheckedObject) -> bool {
    matches!(row.verdict, Verdict::Doubled(_))
}

/// The switches: under verbose a block for each message, and one total for each switch that removed any.
fn purged(repair: &Repair, verbose: bool, each: &mut dyn FnMut(&str)) {
    if verbose {
        for message in &repair.purged {
            let queue = name(&repair.checked, message.queue);
            each(&format!(
                "Object {} removed from queue '{queue}'",
                message.id
            ));
            let row = repair.checked.object(message.id.number());
            if let Some(id) = row.and_then(|row| row.mts_id.as_ref()) {
                each(&format!("MTS-ID: {id}"));
            }
            each("");
        }
    }
    let mut any = false;
    for kind in REMOVABLE {
        let count = repair
            .purged
            .iter()
            .filter(|message| message.kind == kind)
            .count();
        if count == 0 {
            continue;
        }
        any = true;
        let words = match kind {
            MessageKind::DirRep => "directory replication",
            MessageKind::PfRep => "public folder replication",
            MessageKind::LinkMon => "link monitor",
            _ => "directory synchronization",
        };
        each(&format!("{count} {words} message(s) removed."));
    }
    if any {
        each("");
    }
}
