//! `po-admin gateway`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use dirsync::core::format::mmff::Eol;
use dirsync::postoffice::externals::gateways::{self, Folder, ShownGateway};
use dirsync::tree::Command;
use dirsync_cli::list::List;
use dirsync_cli::session::{Outcome, Session};
use dirsync_cli::table::{number, text};
use serde_json::{Value, json};

use super::change::{change, look, new_po_name, po_name, shown, tell, verb};
use super::user::told;
use crate::trees;

/// `gateway`.
#[derive(Debug, Subcommand)]
pub(crate) enum GatewayCommand {
    /// Make a postoffice that a gateway emulates, with the folders of its files.
    #[command(after_help = "\
The gateway writes its messages as FFAPI text (MMFF) into GTW/<mailbag>/IN under any other name
and renames the file to *.MMF when it is whole; `dxa-cycle deliver` takes it, and puts what is
for the gateway into GTW/<mailbag>/OUT, one file a message. A file with a fault goes to BAD with
its error. The folders TAKEN and SPOOL beside them are not the gateway's: files pass through them
so that none is lost or doubled. On an Exchange server the postoffice is its shadow,
CONNECT/MSMCON/MAILDATA; the server may be named instead.

Examples:
  po-admin gateway add HQ GWISE/LIGHT
  po-admin gateway add EX GWISE/LIGHT --lines cr")]
    Add(AddArgs),
    /// Remove one; refused while mail or files wait for it.
    #[command(after_help = "Examples:\n  po-admin gateway remove HQ GWISE/LIGHT --yes")]
    Remove(OneArgs),
    /// List them and what waits.
    #[command(after_help = "\
IN counts files of IN and TAKEN, OUT those of OUT and SPOOL.

Examples:
  po-admin gateway list HQ --json")]
    List(ListArgs),
}

/// How lines end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Lines {
    /// Carriage return (-f0 of FFAPI).
    Cr,
    /// Line feed (-f1).
    Lf,
    /// Both (-f2).
    Crlf,
}

impl From<Lines> for Eol {
    fn from(lines: Lines) -> Self {
        match lines {
            Lines::Cr => Self::Cr,
            Lines::Lf => Self::Lf,
            Lines::Crlf => Self::CrLf,
        }
    }
}

/// `gateway add`.
#[derive(Debug, Args)]
pub(crate) struct AddArgs {
    /// The postoffice it is attached to, or an Exchange server.
    #[arg(value_name = "PO")]
    tree: PathBuf,
    /// The postoffice it emulates; its network must not be one of ordinary postoffices.
    #[arg(value_name = "NET/PO")]
    name: String,
    /// How the lines of its files end; what it brings is read either way.
    #[arg(long, value_enum, value_name = "END", default_value = "crlf")]
    lines: Lines,
}

/// One gateway.
#[derive(Debug, Args)]
pub(crate) struct OneArgs {
    /// The postoffice, or an Exchange server.
    #[arg(value_name = "PO")]
    tree: PathBuf,
    /// The postoffice that is emulated.
    #[arg(value_name = "NET/PO")]
    name: String,
}

/// `gateway list`.
#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// The postoffice, or an Exchange server.
    #[arg(value_name = "PO")]
    tree: PathBuf,
}

pub(crate) fn run(command: &GatewayCommand, session: &mut Session<'_>) -> anyhow::Result<Outcome> {
    match command {
        GatewayCommand::Add(args) => add(args, session),
        GatewayCommand::Remove(args) => remove(args, session),
        GatewayCommand::List(args) => list(args, session),
    }
}

fn add(args: &AddArgs, session: &mut Session<'_>) -> anyhow::Result<Outcome> {
    let name = new_po_name(&args.name)?;
    let eol: Eol = args.lines.into();
    let tree = trees::postoffice_of(&args.tree)?;
    let changed = change(&tree, Command::Gateway, session, |edit, _| {
        gateways::add(edit, name, eol)
    })?;
    let mailbag = changed.value.mailbag;
    let lines = vec![
        format!(
            "{} gateway postoffice {}, mailbag {mailbag}",
            verb(session, "added", "add"),
            shown(&args.name)
        ),
        format!(
            "it brings files *.MMF to {} and takes away those of {}",
            Folder::In.path(mailbag),
            Folder::Out.path(mailbag)
        ),
    ];
    let facts = json!({
        "postoffice": name.to_string(), "mailbag": mailbag.to_string(), "lines": eol.word(),
        "in": Folder::In.path(mailbag), "out": Folder::Out.path(mailbag),
        "bad": Folder::Bad.path(mailbag),
    });
    tell(session, "po-admin gateway add", changed, facts, lines, &[])
}

fn remove(args: &OneArgs, session: &mut Session<'_>) -> anyhow::Result<Outcome> {
    let name = po_name(&args.name)?;
    session.confirm(&format!(
        "Remove the gateway postoffice {name} and its list of users"
    ))?;
    let tree = trees::postoffice_of(&args.tree)?;
    let changed = change(&tree, Command::Gateway, session, |edit, now| {
        gateways::remove(edit, name, now)
    })?;
    let mut effects = changed.value.effects.clone();
    if let Some(home) = changed
        .value
        .home
        .as_ref()
        .filter(|_| !session.settings.dry_run)
    {
        // The gateway may have put a file there while it was being removed.
        let (stays, _) = look(
            &tree,
            "po-admin gateway remove",
            &session.settings,
            |edit, _| Ok(edit.view().stat(home)?.is_some()),
        )?;
        if stays {
            effects.warnings.push(format!(
                "{home} stays: something came into it during the removal; look at it and remove it by hand"
            ));
        }
    }
    let mut lines = vec![format!(
        "{} gateway postoffice {name}",
        verb(session, "removed", "remove")
    )];
    lines.extend(told(&effects.transactions));
    let facts = json!({"postoffice": name.to_string(), "transactions": effects.transactions});
    tell(
        session,
        "po-admin gateway remove",
        changed,
        facts,
        lines,
        &effects.warnings,
    )
}

fn facts(one: &ShownGateway) -> Value {
    json!({
        "postoffice": one.gateway.name.to_string(), "lines": one.gateway.eol.word(),
        "mailbag": one.mailbag.map(|id| id.to_string()), "in": one.waiting_in,
        "out": one.waiting_out, "bad": one.bad,
    })
}

fn list(args: &ListArgs, session: &mut Session<'_>) -> anyhow::Result<Outcome> {
    let tree = trees::postoffice_of(&args.tree)?;
    let (found, _) = look(
        &tree,
        "po-admin gateway list",
        &session.settings,
        |edit, _| gateways::all(edit),
    )?;
    let columns = [
        text("POSTOFFICE"),
        text("MAILBAG"),
        text("LINES"),
        number("IN"),
        number("OUT"),
        number("BAD"),
    ];
    let mut list = List::new(&columns, &session.settings);
    for one in &found {
        list.record(&mut session.out, &facts(one), |_| {
            [
                one.gateway.name.to_string(),
                one.mailbag
                    .map_or_else(|| "none".to_owned(), |id| id.to_string()),
                one.gateway.eol.word().to_owned(),
                one.waiting_in.to_string(),
                one.waiting_out.to_string(),
                one.bad.to_string(),
            ]
        })?;
    }
    list.end(&mut session.out)
}
