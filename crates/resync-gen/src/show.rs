//! `resync-gen show`.

use dirsync::core::base::Transaction;
use dirsync::core::base::address::TypeCase;
use dirsync::core::base::transaction::Form;
use dirsync::core::format::transactions::{Item, Kind, Reader, Trust};
use dirsync::import::ImportError;
use dirsync::import::resync::{Contents, look_through};
use dirsync_cli::escape;
use dirsync_cli::exit::ExitCode;
use dirsync_cli::failure::Failure;
use dirsync_cli::messages;
use dirsync_cli::output::Output;
use dirsync_cli::outside::Place;
use dirsync_cli::report::{Report, Text};
use dirsync_cli::session::{Outcome, Session};
use serde::Serialize;

use crate::args::ShowArgs;
use crate::report::Shown;
use crate::{file, tree};

#[derive(Serialize)]
struct Result_ {
    file: String,
    #[serde(flatten)]
    contents: Shown,
}

pub(crate) fn run(args: &ShowArgs, session: &mut Session<'_>) -> anyhow::Result<Outcome> {
    let place = Place::of(&args.file)?;
    let contents = look_through(file::require(&place)?, place.shown())
        .map_err(|error| tree::of_tree(&error))?
        .map_err(|fault| tree::of_import(&ImportError::ResyncDamaged(fault)))?;
    if args.text {
        return text(&place, &contents, session);
    }
    let mut report = Report::new("resync-gen show", &session.settings);
    messages::add(&mut report, &contents.problems);
    let result = Result_ {
        file: place.shown().to_owned(),
        contents: Shown::new(&contents),
    };
    report.print(&mut session.out, &result)
}

/// The lists as an import file (IMPORT -ST), the numbers as a comment in front of them.
fn text(place: &Place, contents: &Contents, session: &mut Session<'_>) -> anyhow::Result<Outcome> {
    let out = &mut session.out;
    let mut reader = Reader::new(file::require(place)?, Trust::Tree);
    while let Some(item) = reader.next_item() {
        let item = item.map_err(|error| tree::of_tree(&error))?;
        let Item::Record { record, .. } = item else {
            continue;
        };
        if record.head.kind == Kind::ResyncHeader {
            out.bytes(&[b"# ", record.text, b"\r\n"].concat())?;
            continue;
        }
        // Those that cannot be read are told below.
        let Ok(transaction) = Transaction::parse(record.text) else {
            continue;
        };
        if record.is_dummy() || transaction.check().is_err() {
            continue;
        }
        for mut line in transaction.lines(Form::Columns, TypeCase::Upper) {
            line.extend_from_slice(b"\r\n");
            out.bytes(&line)?;
        }
        if session.interrupt.requested() {
            return Err(Failure::interrupted().into());
        }
    }
    for problem in contents.problems.kept() {
        let line = problem.log_line();
        let number = line
            .code
            .map_or_else(String::new, |code| format!("[{code:>3}] "));
        out.diagnostic(&format!("left out: {number}{}", escape::text(&line.text)));
    }
    Ok(Outcome::from(if contents.problems.total() > 0 {
        ExitCode::Problems
    } else {
        ExitCode::Done
    }))
}

impl Text for Result_ {
    fn text(&self, out: &mut Output<'_>) -> anyhow::Result<()> {
        self.contents.text(out)
    }
}
