//! `po-admin explain`.

use std::io::{BufRead, Read as _};

use dirsync::core::base::catalogue::{Entry, FileEntry};
use dirsync::core::format::mta::event_text::{EventText, FATAL, Role, TEXT_LIMIT_BYTES};
use dirsync::insight::explain::{Meaning, explain};
use dirsync::insight::findings::FindingKind;
use dirsync_cli::escape;
use dirsync_cli::exit::ExitCode;
use dirsync_cli::failure::Failure;
use dirsync_cli::output::Output;
use dirsync_cli::report::{Report, Text};
use dirsync_cli::session::{Outcome, Session};
use serde::Serialize;

use crate::args::ExplainArgs;
use crate::wrap;

/// Where the texts begin.
const INDENT: usize = 11;
/// More meanings than this are listed in one line each.
const IN_FULL: usize = 6;

#[derive(Serialize)]
struct Explained {
    query: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    event: Option<Event>,
    meanings: Vec<Item>,
}

/// What the text of an event says by itself.
#[derive(Serialize)]
struct Event {
    number: Option<u32>,
    origin: Option<String>,
    severity: Option<u32>,
    advice: Option<&'static str>,
    database_code: Option<&'static str>,
    database_text: Option<&'static str>,
    objects: Vec<Object>,
}

/// An object that the text names.
#[derive(Serialize)]
struct Object {
    role: &'static str,
    id: String,
    /// `None`: the number is that of no object.
    file: Option<String>,
}

#[derive(Serialize)]
#[serde(tag = "what", rename_all = "snake_case")]
enum Item {
    Message {
        family: &'static str,
        code: i32,
        label: String,
        severity: Option<&'static str>,
        program: &'static str,
        text: &'static str,
        variants: Vec<&'static str>,
        meaning: &'static str,
        remedy: &'static str,
        sources: Vec<&'static str>,
    },
    Finding {
        id: &'static str,
        severity: &'static str,
        meaning: &'static str,
        repair: &'static str,
        loses: &'static str,
        sources: Vec<&'static str>,
    },
    File {
        pattern: &'static str,
        purpose: &'static str,
        size: &'static str,
        when_missing: &'static str,
        sources: Vec<&'static str>,
    },
}

pub(crate) fn run(args: &ExplainArgs, session: &mut Session<'_>) -> anyhow::Result<Outcome> {
    let what = match args.what.as_str() {
        "-" => from_input(&mut *session.input)?,
        what => what.to_owned(),
    };
    let explained = explain(&what);
    if explained.meanings.is_empty() && explained.event.is_none() {
        let failure = Failure::new(ExitCode::Usage, format!("nothing is known about {what:?}"));
        let hint = if explained.suggestions.is_empty() {
            "give the number of a message or event, the id of a finding, the name of a file, or \
             words of a message's text"
                .to_owned()
        } else {
            format!("did you mean {}?", explained.suggestions.join(", "))
        };
        return Err(failure.hint(hint).into());
    }
    let result = Explained {
        query: what,
        event: explained.event.map(event),
        meanings: explained.meanings.into_iter().map(item).collect(),
    };
    Report::new("po-admin explain", &session.settings).print(&mut session.out, &result)
}

/// A text from standard input, cut where no event would go on.
fn from_input(input: &mut dyn BufRead) -> anyhow::Result<String> {
    let mut bytes = Vec::new();
    input
        .take(TEXT_LIMIT_BYTES as u64)
        .read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn event(event: EventText) -> Event {
    let objects = event.mentions.iter().map(|mention| Object {
        role: mention.role.text(),
        id: mention.object.to_string(),
        file: (!mention.object.is_none()).then(|| mention.object.file_name()),
    });
    Event {
        number: event.number,
        severity: event.severity,
        objects: objects.collect(),
        advice: event.origin.as_ref().and_then(|origin| origin.advice()),
        origin: event.origin.map(|origin| origin.to_string()),
        database_code: event.code.map(|(code, _)| code),
        database_text: event.code.map(|(_, text)| text),
    }
}

fn item(meaning: Meaning) -> Item {
    match meaning {
        Meaning::Message(entry) => message(entry),
        Meaning::Finding(kind) => finding(kind),
        Meaning::File(file) => file_item(file),
    }
}

fn message(entry: &'static Entry) -> Item {
    Item::Message {
        family: entry.family.name(),
        code: entry.code,
        label: entry.label(),
        severity: entry.severity.map(|severity| severity.label()),
        program: entry.program,
        text: entry.text,
        variants: entry.variants.clone(),
        meaning: entry.meaning,
        remedy: entry.remedy,
        sources: entry.sources.clone(),
    }
}

fn finding(kind: &'static FindingKind) -> Item {
    Item::Finding {
        id: kind.id.0,
        severity: kind.severity.word(),
        meaning: kind.meaning,
        repair: kind.repair,
        loses: kind.loses,
        sources: kind.source.split(' ').collect(),
    }
}

fn file_item(file: &'static FileEntry) -> Item {
    Item::File {
        pattern: file.pattern,
        purpose: file.purpose,
        size: file.size,
        when_missing: file.missing,
        sources: file.sources.clone(),
    }
}

impl Text for Explained {
    fn text(&self, out: &mut Output<'_>) -> anyhow::Result<()> {
        if let Some(event) = &self.event {
            out.line(&out.palette.heading("this event of the MTA"))?;
            for (label, text) in event.rows() {
                wrap::line(out, &format!("  {label:7}  "), INDENT, INDENT, &text)?;
            }
            if !self.meanings.is_empty() {
                out.line("")?;
            }
        }
        let brief = self.meanings.len() > IN_FULL;
        for (at, item) in self.meanings.iter().enumerate() {
            if at > 0 && !brief {
                out.line("")?;
            }
            let (head, rows) = item.lines();
            if brief {
                let first = rows.iter().find(|(_, text)| !text.is_empty());
                let text = first.map_or("", |(_, text)| text.as_str());
                out.line(&format!("{}: {}", escape::text(&head), escape::text(text)))?;
                continue;
            }
            out.line(&out.palette.heading(&head))?;
            for (label, text) in rows {
                if !text.is_empty() {
                    wrap::line(out, &format!("  {label:7}  "), INDENT, INDENT, &text)?;
                }
            }
        }
        Ok(())
    }
}

impl Event {
    fn rows(&self) -> Vec<(&'static str, String)> {
        let mut rows = Vec::new();
        if let Some(origin) = &self.origin {
            rows.push(("written", format!("by {origin}")));
        }
        if let Some(advice) = self.advice {
            rows.push(("look at", advice.to_owned()));
        }
        match self.severity {
            Some(FATAL) => rows.push(("grave", format!("{FATAL}, fatal: the MTA ends"))),
            Some(severity) => rows.push(("grave", format!("{severity} of {FATAL}"))),
            None => {}
        }
        if let (Some(code), Some(text)) = (self.database_code, self.database_text) {
            rows.push(("code", format!("{code}, {text}")));
        }
        for object in &self.objects {
            let Object { role, id, file } = object;
            let text = match file {
                None => format!("{role} {id}: none is named"),
                Some(file) if *role == Role::AtFault.text() => format!(
                    "{role} {id}, file MTADATA/{file}: see it with `mtacheck show MTADATA {id}`, \
                     take a message away with `mtacheck purge MTADATA --ids -`"
                ),
                Some(file) => format!(
                    "{role} {id}, file MTADATA/{file}: see it with `mtacheck show MTADATA {id}`"
                ),
            };
            rows.push(("object", text));
        }
        rows
    }
}

impl Item {
    fn lines(&self) -> (String, Vec<(&'static str, String)>) {
        match self {
            Self::Message {
                family,
                label,
                severity,
                program,
                text,
                variants,
                meaning,
                remedy,
                sources,
                ..
            } => {
                let severity = severity.map_or(String::new(), |s| format!(", {s}"));
                let mut rows = vec![("text", (*text).to_owned())];
                rows.extend(variants.iter().map(|variant| ("or", (*variant).to_owned())));
                rows.extend([
                    ("from", (*program).to_owned()),
                    ("meaning", (*meaning).to_owned()),
                    ("remedy", (*remedy).to_owned()),
                    ("source", sources.join(", ")),
                ]);
                (format!("{label} {family}{severity}"), rows)
            }
            Self::Finding {
                id,
                severity,
                meaning,
                repair,
                loses,
                sources,
            } => {
                let by_hand = "none of its own";
                let rows = vec![
                    ("meaning", (*meaning).to_owned()),
                    (
                        "repair",
                        if repair.is_empty() { by_hand } else { repair }.to_owned(),
                    ),
                    (
                        "loses",
                        match (repair.is_empty(), loses.is_empty()) {
                            (true, _) => String::new(),
                            (false, true) => "nothing: --fix mends it".to_owned(),
                            (false, false) => format!("{loses}: only --fix {id} mends it"),
                        },
                    ),
                    ("source", sources.join(", ")),
                ];
                (format!("{id} (finding, {severity})"), rows)
            }
            Self::File {
                pattern,
                purpose,
                size,
                when_missing,
                sources,
            } => {
                let source = if sources.is_empty() {
                    "this project".to_owned()
                } else {
                    sources.join(", ")
                };
                let rows = vec![
                    ("purpose", (*purpose).to_owned()),
                    ("size", (*size).to_owned()),
                    ("missing", (*when_missing).to_owned()),
                    ("source", source),
                ];
                ((*pattern).to_owned(), rows)
            }
        }
    }
}
