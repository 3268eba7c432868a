//! `resync-gen show`.

use dirsync::import::ImportError;
use dirsync::import::resync::look_through;
use dirsync_cli::messages;
use dirsync_cli::output::Output;
use dirsync_cli::report::{Report, Text};
use dirsync_cli::session::{Outcome, Session};
use serde::Serialize;

use crate::args::ShowArgs;
use crate::file::Place;
use crate::report::Shown;
use crate::tree;

#[derive(Serialize)]
struct Result_ {
    file: String,
    #[serde(flatten)]
    contents: Shown,
}

pub(crate) fn run(args: &ShowArgs, session: &mut Session<'_>) -> anyhow::Result<Outcome> {
    let place = Place::of(&args.file)?;
    let file = place.require()?;
    let contents = look_through(file, place.shown())
        .map_err(|error| tree::of_tree(&error))?
        .map_err(|fault| tree::of_import(&ImportError::ResyncDamaged(fault)))?;
    let mut report = Report::new("resync-gen show", &session.settings);
    messages::add(&mut report, &contents.problems);
    let result = Result_ {
        file: place.shown().to_owned(),
        contents: Shown::new(&contents),
    };
    report.print(&mut session.out, &result)
}

impl Text for Result_ {
    fn text(&self, out: &mut Output<'_>) -> anyhow::Result<()> {
        self.contents.text(out)
    }
}
