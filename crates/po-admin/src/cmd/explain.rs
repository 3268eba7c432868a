//! `po-admin explain`.

use dirsync::core::base::catalogue::{Entry, FileEntry};
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
    meanings: Vec<Item>,
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
    let explained = explain(&args.what);
    if explained.meanings.is_empty() {
        let failure = Failure::new(
            ExitCode::Usage,
            format!("nothing is known about {:?}", args.what),
        );
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
        query: args.what.clone(),
        meanings: explained.meanings.into_iter().map(item).collect(),
    };
    Report::new("po-admin explain", &session.settings).print(&mut session.out, &result)
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
