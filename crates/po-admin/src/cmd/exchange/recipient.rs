//! `po-admin recipient`.

use std::fs::File;
use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use dirsync::core::format::exchange::recipients::{
    self, DEFAULT_CONTAINER, DEFAULT_TRUST, Recipient, RecipientClass,
};
use dirsync::exchange::directory::{Directory, dirsync_address};
use dirsync::exchange::settings::Agent;
use dirsync::postoffice::Edit;
use dirsync::tree::{Command, TreeView};
use dirsync_cli::escape;
use dirsync_cli::failure::Failure;
use dirsync_cli::list::List;
use dirsync_cli::output::Output;
use dirsync_cli::outside::Place;
use dirsync_cli::report::{Report, Text};
use dirsync_cli::session::{Outcome, Session};
use dirsync_cli::table::text;
use dirsync_cli::trees::of_tree;
use dirsync_cli::words::counted;
use serde_json::{Value, json};

use crate::cmd::change::{change_agent, note, shown, tell, tell_seen, tell_with, verb};
use crate::{failures, trees};

/// `recipient`.
#[derive(Debug, Subcommand)]
pub(crate) enum RecipientCommand {
    /// Add a mailbox, or with --address a custom recipient.
    #[command(after_help = "\
Proxies are made: MS for postoffices, SMTP and X400.

Examples:
  po-admin recipient add EX anna --name \"Anna Ek\"
  po-admin recipient add EX fax1 --name \"Fax Malmo\" --address SMTP:fax@example.com --container Partners")]
    Add(AddArgs),
    /// Remove a recipient.
    #[command(after_help = "Examples:\n  po-admin recipient remove EX anna --yes")]
    Remove(OneArgs),
    /// Show one recipient with its proxies.
    #[command(after_help = "Examples:\n  po-admin recipient show EX anna")]
    Show(OneArgs),
    /// List recipients.
    #[command(after_help = "\
Examples:
  po-admin recipient list EX
  po-admin recipient list EX --participating --json")]
    List(ListArgs),
    /// Take recipients from a file of the directory's import form (CSV).
    #[command(after_help = "\
The first line names the columns; Obj-Class and Directory Name must be among them. Rows that
cannot be taken are told, the others are taken in one commit.

Examples:
  po-admin recipient import EX people.csv
  po-admin recipient import EX people.csv --dry-run")]
    Import(FileArgs),
    /// Write the recipients in the directory's export form (CSV).
    #[command(after_help = "\
Examples:
  po-admin recipient export EX
  po-admin recipient export EX --out people.csv")]
    Export(ExportArgs),
}

/// `recipient add`.
#[derive(Debug, Args)]
pub(crate) struct AddArgs {
    /// The Exchange server.
    #[arg(value_name = "EXCHANGE")]
    tree: PathBuf,
    /// The alias; the directory name as well.
    alias: String,
    /// The display name.
    #[arg(long, value_name = "NAME")]
    name: String,
    /// A custom recipient with this target, TYPE:address.
    #[arg(long, value_name = "TYPE:ADDRESS")]
    address: Option<String>,
    /// The container.
    #[arg(long, default_value = DEFAULT_CONTAINER)]
    container: String,
    /// The trust level, 0 to 100.
    #[arg(long, default_value_t = DEFAULT_TRUST, value_parser = clap::value_parser!(u8).range(0..=100))]
    trust: u8,
    /// Hide it from the address book; it is never sent then.
    #[arg(long)]
    hidden: bool,
}

/// One recipient.
#[derive(Debug, Args)]
pub(crate) struct OneArgs {
    /// The Exchange server.
    #[arg(value_name = "EXCHANGE")]
    tree: PathBuf,
    /// Its directory name, alone or as container/name, or its alias or address.
    name: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Class {
    /// Mailboxes of the organization.
    Mailbox,
    /// Addresses elsewhere.
    Custom,
    /// Distribution lists.
    List,
}

/// `recipient list`.
#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// The Exchange server.
    #[arg(value_name = "EXCHANGE")]
    tree: PathBuf,
    /// Only those of this container.
    #[arg(long)]
    container: Option<String>,
    /// Only those of this class.
    #[arg(long)]
    class: Option<Class>,
    /// Only those that directory synchronization knows: not the hidden ones.
    #[arg(long)]
    participating: bool,
}

/// `recipient import`.
#[derive(Debug, Args)]
pub(crate) struct FileArgs {
    /// The Exchange server.
    #[arg(value_name = "EXCHANGE")]
    tree: PathBuf,
    /// The file.
    file: PathBuf,
}

/// `recipient export`.
#[derive(Debug, Args)]
pub(crate) struct ExportArgs {
    /// The Exchange server.
    #[arg(value_name = "EXCHANGE")]
    tree: PathBuf,
    /// A new file; without it the rows go to the screen.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

pub(crate) fn run(
    command: &RecipientCommand,
    session: &mut Session<'_>,
) -> anyhow::Result<Outcome> {
    match command {
        RecipientCommand::Add(args) => add(args, session),
        RecipientCommand::Remove(args) => remove(args, session),
        RecipientCommand::Show(args) => show(args, session),
        RecipientCommand::List(args) => list(args, session),
        RecipientCommand::Import(args) => import(args, session),
        RecipientCommand::Export(args) => export(args, session),
    }
}

fn facts(recipient: &Recipient) -> Value {
    json!({
        "address": dirsync_address(recipient).map(|address| address.to_string()),
        "name": recipient.display_name,
        "class": recipient.class.word(),
        "directory_name": recipient.directory_name,
        "alias": recipient.alias,
        "container": recipient.container,
        "target": recipient.address,
        "proxies": recipient.proxies,
        "hidden": recipient.hidden,
        "trust": recipient.trust,
        "imported_from": recipient.imported_from,
    })
}

fn add(args: &AddArgs, session: &mut Session<'_>) -> anyhow::Result<Outcome> {
    let changed = change_agent(&args.tree, Command::Recipient, session, |edit, _| {
        let agent = Agent::load(edit)?;
        let mut directory = Directory::load(edit)?;
        let recipient = Recipient {
            class: if args.address.is_some() {
                RecipientClass::Custom
            } else {
                RecipientClass::Mailbox
            },
            directory_name: args.alias.clone(),
            display_name: args.name.clone(),
            alias: args.alias.clone(),
            container: args.container.clone(),
            home_server: if args.address.is_none() {
                agent.identity.server.clone()
            } else {
                String::new()
            },
            address: args.address.clone().unwrap_or_default(),
            proxies: Vec::new(),
            hidden: args.hidden,
            trust: args.trust,
            imported_from: String::new(),
            other: Vec::new(),
        };
        let index = directory.add(recipient, &agent.identity, agent.own)?;
        directory.save(edit)?;
        Ok(directory.get(index).cloned())
    })?;
    let added = changed.value.clone();
    let facts = added.as_ref().map_or(Value::Null, facts);
    let address = added
        .as_ref()
        .and_then(dirsync_address)
        .map_or_else(String::new, |address| address.to_string());
    let line = format!(
        "{} {} ({})",
        verb(session, "added", "add"),
        shown(&args.name),
        shown(&address)
    );
    tell(
        session,
        "po-admin recipient add",
        changed,
        facts,
        vec![line],
        &[],
    )
}

fn view(tree: &std::path::Path, session: &Session<'_>, command: &str) -> Result<TreeView, Failure> {
    trees::agent(tree, &session.settings, command)
}

fn load(view: &TreeView) -> Result<Directory, Failure> {
    Directory::load(&mut Edit::new(view)).map_err(|error| failures::of_po(&error))
}

fn remove(args: &OneArgs, session: &mut Session<'_>) -> anyhow::Result<Outcome> {
    let found = {
        let directory = load(&view(&args.tree, session, "po-admin recipient remove")?)?;
        let index = directory
            .named(&args.name)
            .map_err(|error| failures::of_po(&error))?;
        directory.get(index).cloned()
    };
    let label = found.map_or_else(
        || args.name.clone(),
        |r| format!("{}/{}", r.container, r.directory_name),
    );
    session.confirm(&format!("Remove the recipient {}", shown(&label)))?;
    let changed = change_agent(&args.tree, Command::Recipient, session, |edit, _| {
        let mut directory = Directory::load(edit)?;
        let index = directory.named(&args.name)?;
        directory.remove(index);
        directory.save(edit)
    })?;
    let line = format!("{} {}", verb(session, "removed", "remove"), shown(&label));
    let facts = json!({"recipient": label});
    tell(
        session,
        "po-admin recipient remove",
        changed,
        facts,
        vec![line],
        &[],
    )
}

fn show(args: &OneArgs, session: &mut Session<'_>) -> anyhow::Result<Outcome> {
    let view = view(&args.tree, session, "po-admin recipient show")?;
    let directory = load(&view)?;
    let index = directory
        .named(&args.name)
        .map_err(|error| failures::of_po(&error))?;
    let Some(recipient) = directory.get(index) else {
        return Err(Failure::usage("there is no such recipient").into());
    };
    let mut lines = vec![
        format!("{}/{}", recipient.container, recipient.directory_name),
        format!("  class          {}", recipient.class.word()),
        format!("  display name   {}", recipient.display_name),
        format!("  alias          {}", recipient.alias),
    ];
    if !recipient.address.is_empty() {
        lines.push(format!("  target         {}", recipient.address));
    }
    for proxy in &recipient.proxies {
        lines.push(format!("  proxy          {proxy}"));
    }
    lines.push(format!(
        "  trust          {}{}",
        recipient.trust,
        if recipient.hidden { ", hidden" } else { "" }
    ));
    if !recipient.imported_from.is_empty() {
        lines.push(format!("  imported from  {}", recipient.imported_from));
    }
    let lines = lines.iter().map(|line| shown(line)).collect();
    let facts = facts(recipient);
    let entry = trees::entry(&view, &args.tree, &session.settings);
    tell_seen(session, "po-admin recipient show", entry, facts, lines)
}

fn list(args: &ListArgs, session: &mut Session<'_>) -> anyhow::Result<Outcome> {
    let directory = load(&view(&args.tree, session, "po-admin recipient list")?)?;
    let class = args.class.map(|class| match class {
        Class::Mailbox => RecipientClass::Mailbox,
        Class::Custom => RecipientClass::Custom,
        Class::List => RecipientClass::List,
    });
    let columns = [
        text("ADDRESS"),
        text("NAME"),
        text("CLASS"),
        text("CONTAINER"),
        text("IMPORTED FROM"),
    ];
    let mut list = List::new(&columns, &session.settings);
    for recipient in directory.iter() {
        let fits = class.is_none_or(|class| class == recipient.class)
            && args
                .container
                .as_ref()
                .is_none_or(|name| name.eq_ignore_ascii_case(&recipient.container))
            && !(args.participating && recipient.hidden);
        if !fits {
            continue;
        }
        list.record(&mut session.out, &facts(recipient), |_| {
            [
                dirsync_address(recipient).map_or_else(String::new, |a| a.to_string()),
                recipient.display_name.clone(),
                recipient.class.word().to_owned(),
                recipient.container.clone(),
                recipient.imported_from.clone(),
            ]
        })?;
    }
    list.end(&mut session.out)
}

fn import(args: &FileArgs, session: &mut Session<'_>) -> anyhow::Result<Outcome> {
    let open = || {
        File::open(&args.file).map_err(|error| {
            Failure::data(format!("{}: {error}", escape::path(&args.file)))
                .hint("give a CSV file of the directory's import form")
        })
    };
    let file = open()?;
    let changed = change_agent(&args.tree, Command::Recipient, session, |edit, _| {
        let agent = Agent::load(edit)?;
        let mut directory = Directory::load(edit)?;
        let done = directory.import(file, &agent.identity, agent.own)?;
        directory.save(edit)?;
        Ok(done)
    })?;
    let done = changed.value.clone();
    let problems = done
        .problems
        .iter()
        .map(|problem| dirsync::core::base::finding::Finding {
            severity: dirsync::core::base::finding::Severity::Error,
            ..note(problem)
        })
        .collect();
    let line = format!(
        "{} {}, {} changed, {} removed",
        verb(session, "added", "add"),
        counted(done.created, "recipient", "recipients"),
        done.modified,
        done.deleted
    );
    let facts = json!({
        "created": done.created, "modified": done.modified, "deleted": done.deleted,
        "left_out": done.problems.len(),
    });
    tell_with(
        session,
        "po-admin recipient import",
        changed,
        facts,
        vec![line],
        problems,
    )
}

fn export(args: &ExportArgs, session: &mut Session<'_>) -> anyhow::Result<Outcome> {
    let directory = load(&view(&args.tree, session, "po-admin recipient export")?)?;
    let rows: Vec<Recipient> = directory.iter().cloned().collect();
    let bytes = recipients::write(&rows).map_err(|error| Failure::data(error.to_string()))?;
    let Some(path) = &args.out else {
        let text = String::from_utf8_lossy(&bytes);
        for line in text.lines() {
            session.out.line(line)?;
        }
        return Ok(Outcome::from(dirsync_cli::exit::ExitCode::Done));
    };
    let place = Place::of(path)?;
    place.require_outside()?;
    place.require_free("give a file that does not exist yet")?;
    let dry_run = session.settings.dry_run;
    if !dry_run {
        place.put(&bytes).map_err(|error| of_tree(&error))?;
    }
    let written = Written {
        file: place.shown().to_owned(),
        recipients: rows.len(),
        len_bytes: bytes.len(),
        dry_run,
    };
    Report::new("po-admin recipient export", &session.settings).print(&mut session.out, &written)
}

/// The file of an export.
#[derive(serde::Serialize)]
struct Written {
    file: String,
    recipients: usize,
    len_bytes: usize,
    #[serde(skip)]
    dry_run: bool,
}

impl Text for Written {
    fn text(&self, out: &mut Output<'_>) -> anyhow::Result<()> {
        let verb = if self.dry_run { "would write" } else { "wrote" };
        let count = counted(self.recipients, "recipient", "recipients");
        out.line(&format!("{verb} {count} to {}", self.file))
    }
}
