//! `glb-import check`.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

use dirsync::core::base::CodePage;
use dirsync::core::base::catalogue::{Family, lookup_code};
use dirsync::core::base::transaction::Reading;
use dirsync::core::format::import_text::{
    Consistency, ImportOptions, ImportReader, Inconsistency, Item,
};
use dirsync_cli::escape;
use dirsync_cli::exit::ExitCode;
use dirsync_cli::failure::Failure;
use dirsync_cli::list::List;
use dirsync_cli::session::{Outcome, Session};
use dirsync_cli::table;
use dirsync_cli::words::counted;
use serde::Serialize;

use crate::args::{CheckArgs, ReadArgs};

/// Bytes that are read at once.
const PIECE_BYTES: usize = 64 * 1024;

/// One fault or warning.
#[derive(Serialize)]
struct Row {
    line: u64,
    column: u32,
    /// Byte offset of the line.
    offset: u64,
    /// The message number; absent for warnings that have none.
    number: Option<u16>,
    severity: &'static str,
    text: String,
    #[serde(skip_serializing_if = "str::is_empty")]
    remedy: &'static str,
}

/// The typed options of reading.
pub(crate) fn options(args: &ReadArgs) -> Result<ImportOptions, Failure> {
    let encoding = args.encoding.parse().map_err(|_| {
        Failure::usage(format!(
            "--encoding {}: not known",
            escape::text(&args.encoding)
        ))
        .hint("850 (the usual one), 437 or utf-8")
    })?;
    Ok(ImportOptions {
        reading: if args.strict {
            Reading::Strict
        } else {
            Reading::Lenient
        },
        encoding,
        lossy: args.lossy,
    })
}

/// Opens an import file; `-` is stdin. With its length, when it has one.
pub(crate) fn open<'a>(
    path: &Path,
    input: &'a mut dyn Read,
) -> Result<(Box<dyn Read + 'a>, Option<u64>), Failure> {
    if path == Path::new("-") {
        return Ok((Box::new(input), None));
    }
    let failed = |error: std::io::Error| {
        Failure::data(format!(
            "[ 56] Error accessing input file {}: {error}",
            escape::path(path)
        ))
        .hint("give the path of an import file, or - for stdin")
    };
    let file = std::fs::File::open(path).map_err(failed)?;
    let meta = file.metadata().map_err(failed)?;
    if meta.is_dir() {
        return Err(failed(std::io::Error::other("it is a directory")));
    }
    let len = meta.is_file().then_some(meta.len());
    Ok((Box::new(file), len))
}

pub(crate) fn run(args: &CheckArgs, session: &mut Session<'_>) -> anyhow::Result<Outcome> {
    let options = options(&args.read)?;
    let shown = escape::path(&args.file);
    let (mut file, _) = open(&args.file, &mut session.input)?;
    let columns = [
        table::number("line"),
        table::number("column"),
        table::number("no"),
        table::text("severity"),
        table::text("message"),
    ];
    let mut list = List::new(&columns, &session.settings);
    let out = &mut session.out;
    let mut consistency = Consistency::new();
    let mut reader = ImportReader::new(options);
    let mut failed: anyhow::Result<()> = Ok(());
    let mut faults = 0u64;
    let mut remedies: BTreeMap<u16, &'static str> = BTreeMap::new();
    let mut take = |item: Item| {
        for row in rows(item, &mut consistency) {
            faults += u64::from(row.severity != "note");
            if let Some(number) = row.number
                && !row.remedy.is_empty()
            {
                remedies.insert(number, row.remedy);
            }
            if failed.is_ok() {
                failed = list.record(out, &row, |row| {
                    [
                        row.line.to_string(),
                        row.column.to_string(),
                        row.number.map_or_else(String::new, |n| n.to_string()),
                        row.severity.to_owned(),
                        row.text.clone(),
                    ]
                });
            }
        }
    };
    let mut piece = vec![0; PIECE_BYTES];
    loop {
        let n = file.read(&mut piece).map_err(|error| {
            Failure::data(format!("[ 56] Error accessing input file {shown}: {error}"))
        })?;
        if n == 0 {
            break;
        }
        reader.feed(&piece[..n], &mut take);
        if session.interrupt.requested() {
            return Err(Failure::interrupted().into());
        }
    }
    let tally = reader.finish(&mut take);
    failed?;
    list.end(out)?;
    out.note(&format!(
        "{shown}: {}, {}, {}, {} left out, {}",
        counted(tally.lines, "line", "lines"),
        counted(tally.comments, "comment", "comments"),
        counted(tally.transactions, "good transaction", "good transactions"),
        tally.left_out,
        counted(faults, "fault or warning", "faults and warnings")
    ));
    if !out.json {
        for (number, remedy) in remedies {
            out.note(&format!("[{number:>3}] {remedy}"));
        }
    }
    Ok(Outcome::from(if faults > 0 {
        ExitCode::Problems
    } else {
        ExitCode::Done
    }))
}

/// What is to be said about something that was read.
fn rows(item: Item, consistency: &mut Consistency) -> Vec<Row> {
    match item {
        Item::Fault(fault) => {
            let number = fault.fault.number();
            let text = if fault.about.is_empty() {
                fault.fault.text().to_owned()
            } else {
                format!("{}: {}", fault.fault.text(), fault.about)
            };
            vec![numbered(
                fault.line,
                fault.column,
                fault.offset,
                number,
                "error",
                text,
            )]
        }
        Item::Note(note) => vec![Row {
            line: note.line,
            column: note.column,
            offset: note.offset,
            number: None,
            severity: "warning",
            text: note.what.to_string(),
            remedy: "",
        }],
        Item::Transaction(placed) => consistency
            .see(&placed.transaction)
            .into_iter()
            .map(|found| {
                let number = found.number();
                let entry = lookup_code(Family::Dirsync, i32::from(number));
                let text = entry.map_or("", |entry| entry.text);
                let about = match &found {
                    Inconsistency::DuplicateAlias => placed
                        .transaction
                        .entry()
                        .map(|entry| entry.alias.to_string())
                        .unwrap_or_default(),
                    Inconsistency::UnknownPrompt(prompt) => CodePage::Cp850.decode(prompt),
                };
                let text = format!("{text}: {about}");
                numbered(placed.line, 3, placed.offset, number, "warning", text)
            })
            .collect(),
    }
}

fn numbered(
    line: u64,
    column: u32,
    offset: u64,
    number: u16,
    severity: &'static str,
    text: String,
) -> Row {
    Row {
        line,
        column,
        offset,
        number: Some(number),
        severity,
        text,
        remedy: lookup_code(Family::Dirsync, i32::from(number)).map_or("", |entry| entry.remedy),
    }
}
