//! `po-admin mail show|return|clear|recover|compress`: what an administrator does with stuck mail.

use std::path::PathBuf;

use clap::Args;
use dirsync::core::base::catalogue::{Family, lookup_code};
use dirsync::core::base::codepage::escape_bytes_850;
use dirsync::core::base::finding::Finding;
use dirsync::core::base::stem::MailbagStem;
use dirsync::core::base::time::UnixTime;
use dirsync::core::format::body::without_passwords;
use dirsync::postoffice::clock::{TreeClock, rfc3339};
use dirsync::postoffice::mail::find_mailbag;
use dirsync::postoffice::{Edit, PoError};
use dirsync::transport::stuck::{Letter, Selection, clear, compress, give_back, recover, show};
use dirsync::tree::Command;
use dirsync_cli::failure::Failure;
use dirsync_cli::report::{Report, Text};
use dirsync_cli::session::{Outcome, Session};
use dirsync_cli::words::counted;
use serde::Serialize;
use serde_json::json;

use super::change::{change, shown, tell, verb};
use crate::{failures, trees};

const SECONDS_PER_DAY: u32 = 86_400;

/// Which messages of a mailbag.
#[derive(Debug, Args)]
pub(crate) struct SelectionArgs {
    /// Only these numbers, as `mail list` shows them: --index 0,4,7.
    #[arg(long, value_name = "N,N", value_delimiter = ',')]
    index: Vec<usize>,
    /// Only messages older than this many days.
    #[arg(long, value_name = "DAYS")]
    older_than: Option<u32>,
    /// Only messages of this sender (the mailbox, as `mail list` shows it).
    #[arg(long, value_name = "MAILBOX")]
    sender: Option<String>,
}

impl SelectionArgs {
    fn selection(&self, now: UnixTime) -> Result<Selection, Failure> {
        let sender = self
            .sender
            .as_deref()
            .map(|sender| super::change::encode(sender, "sender"))
            .transpose()?;
        Ok(Selection {
            indices: self.index.clone(),
            before: self
                .older_than
                .map(|days| now.0.saturating_sub(days.saturating_mul(SECONDS_PER_DAY))),
            sender,
        })
    }
}

pub(crate) const SHOW_EXAMPLES: &str = "\
Examples:
  po-admin mail show HQ POLYNOMIAL/NEWTON 0
  po-admin mail show HQ INQUEUE3 4 --json";

/// `mail show`.
#[derive(Debug, Args)]
pub(crate) struct ShowArgs {
    /// The postoffice.
    #[arg(value_name = "PO")]
    tree: PathBuf,
    /// The mailbag: a stem, a mailbox, a gateway or NET/PO.
    mailbag: String,
    /// The number of the message, as `mail list` shows it.
    index: usize,
}

pub(crate) const RETURN_EXAMPLES: &str = "\
Each sender gets a report with the reason and the text; about system mail the administrator of
this postoffice is told. A report is not answered with a report. Everything is one commit.

Examples:
  po-admin mail return HQ POLYNOMIAL/NEWTON --all
  po-admin mail return HQ INQUEUE3 --all              empties a broken in-queue without losing mail
  po-admin mail return HQ POLYNOMIAL/NEWTON --older-than 7 --dry-run";

/// `mail return`.
#[derive(Debug, Args)]
pub(crate) struct ReturnArgs {
    /// The postoffice.
    #[arg(value_name = "PO")]
    tree: PathBuf,
    /// The mailbag: a stem, a mailbox, a gateway or NET/PO.
    mailbag: String,
    #[command(flatten)]
    selection: SelectionArgs,
    /// Everything in the mailbag.
    #[arg(long, conflicts_with_all = ["index", "older_than", "sender"])]
    all: bool,
}

pub(crate) const CLEAR_EXAMPLES: &str = "\
Without a selection the mailbag is reset (KEY 560 zero bytes, MBG empty), damaged or not, and
made anew when it is missing. What goes is kept in CLEARED.BAK/<mailbag>.nnn of the postoffice;
nobody is told. Move the files back and run `po-admin mail recover` to undo it.

Examples:
  po-admin mail clear HQ SYSTEM --yes
  po-admin mail clear HQ POLYNOMIAL/NEWTON --index 3
  po-admin mail clear HQ INQUEUE --dry-run";

/// `mail clear`.
#[derive(Debug, Args)]
pub(crate) struct ClearArgs {
    /// The postoffice.
    #[arg(value_name = "PO")]
    tree: PathBuf,
    /// The mailbag: a stem, a mailbox, a gateway or NET/PO.
    mailbag: String,
    #[command(flatten)]
    selection: SelectionArgs,
}

pub(crate) const RECOVER_EXAMPLES: &str = "\
A mailbag that was reset by hand or cut leaves messages with envelopes that no mailbag names.
They get their headers back: in the outbound mailbag of their envelope, or in the in-queue they
came from.

Examples:
  po-admin mail recover HQ --dry-run
  po-admin mail recover HQ";

/// `mail recover`.
#[derive(Debug, Args)]
pub(crate) struct RecoverArgs {
    /// The postoffice.
    #[arg(value_name = "PO")]
    tree: PathBuf,
}

/// `mail compress`.
#[derive(Debug, Args)]
pub(crate) struct CompressArgs {
    /// The postoffice.
    #[arg(value_name = "PO")]
    tree: PathBuf,
    /// The mailbag: a stem, a mailbox, a gateway or NET/PO.
    mailbag: String,
}

/// A mailbag by name, also a system mailbag whose files are missing.
fn find(edit: &Edit<'_>, name: &str) -> Result<MailbagStem, PoError> {
    match name.to_ascii_uppercase().parse::<MailbagStem>() {
        Ok(stem @ MailbagStem::Named(_)) => Ok(stem),
        _ => find_mailbag(edit.view(), name, &mut |_| {}),
    }
}

#[derive(Serialize)]
struct Shown {
    mailbag: String,
    owner_kind: &'static str,
    owner: String,
    index: usize,
    message: Option<String>,
    fault: Option<String>,
    sender: String,
    subject: String,
    date: Option<String>,
    zone_assumed: bool,
    from: Option<String>,
    to: Vec<String>,
    cc: Vec<String>,
    message_id: Option<String>,
    attachments: Vec<AttachmentRow>,
    envelope: Option<EnvelopeRow>,
    text: Option<String>,
}

#[derive(Serialize)]
struct AttachmentRow {
    name: String,
    file: String,
    size_bytes: u32,
}

#[derive(Serialize)]
struct EnvelopeRow {
    file: Option<String>,
    originator: String,
    recipients: Vec<String>,
    route: Vec<String>,
    hops_left: u8,
    attempts: u16,
}

/// Bytes of a text that are shown.
const TEXT_SHOWN_BYTES: usize = 4096;

fn texts(list: &[Vec<u8>]) -> Vec<String> {
    list.iter().map(|text| escape_bytes_850(text)).collect()
}

impl Shown {
    fn of(letter: &Letter, mailbag: MailbagStem, clock: &TreeClock) -> Self {
        let mai = letter.mai.as_ref().filter(|_| !letter.encrypted);
        Self {
            mailbag: mailbag.to_string(),
            owner_kind: "",
            owner: String::new(),
            index: letter.index,
            message: letter.stem.map(|stem| stem.to_string()),
            fault: letter.fault.map(|code| {
                let text = lookup_code(Family::Transport, i32::from(code));
                format!("[{code:03}] {}", text.map_or("", |entry| entry.text))
            }),
            sender: letter.header.sender.to_string_850(),
            subject: letter.header.subject.to_string_850(),
            date: clock.mail_time(&letter.header.date).as_ref().map(rfc3339),
            zone_assumed: clock.is_assumed(),
            from: mai.map(|mai| escape_bytes_850(&mai.from)),
            to: mai.map_or_else(Vec::new, |mai| texts(&mai.to)),
            cc: mai.map_or_else(Vec::new, |mai| texts(&mai.cc)),
            message_id: mai.map(|mai| escape_bytes_850(&mai.message_id)),
            attachments: mai.map_or_else(Vec::new, |mai| {
                mai.attachments
                    .iter()
                    .map(|attachment| AttachmentRow {
                        name: escape_bytes_850(&attachment.name),
                        file: dirsync::core::base::ident::att_path(attachment.stem),
                        size_bytes: attachment.size_bytes,
                    })
                    .collect()
            }),
            envelope: letter.envelope.as_ref().map(|p1| EnvelopeRow {
                file: letter.envelope_path.clone(),
                originator: escape_bytes_850(&p1.originator),
                recipients: texts(&p1.recipients),
                route: texts(&p1.trace),
                hops_left: p1.hops_left,
                attempts: p1.attempts,
            }),
            text: mai.map(|mai| {
                // The request of a requestor holds its password.
                let text = without_passwords(&mai.text[..mai.text.len().min(TEXT_SHOWN_BYTES)]);
                dirsync::core::base::CodePage::Cp850
                    .decode(&text)
                    .replace("\r\n", "\n")
            }),
        }
    }
}

impl Text for Shown {
    fn text(&self, out: &mut dirsync_cli::output::Output<'_>) -> anyhow::Result<()> {
        let mut line = |name: &str, value: &str| -> anyhow::Result<()> {
            if value.is_empty() {
                return Ok(());
            }
            out.line(&format!("{name:<12} {}", shown(value)))
        };
        line(
            "mailbag",
            &format!("{} {} {}", self.mailbag, self.owner_kind, self.owner),
        )?;
        line("message", self.message.as_deref().unwrap_or("none"))?;
        line("fault", self.fault.as_deref().unwrap_or_default())?;
        line("date", self.date.as_deref().unwrap_or("?"))?;
        line("from", self.from.as_deref().unwrap_or(&self.sender))?;
        line("to", &self.to.join(", "))?;
        line("cc", &self.cc.join(", "))?;
        line("subject", &self.subject)?;
        line("message id", self.message_id.as_deref().unwrap_or_default())?;
        for attachment in &self.attachments {
            line(
                "attachment",
                &format!(
                    "{} ({}, {})",
                    attachment.name,
                    counted(attachment.size_bytes, "byte", "bytes"),
                    attachment.file
                ),
            )?;
        }
        match &self.envelope {
            None => line("envelope", "none")?,
            Some(envelope) => {
                line("envelope", envelope.file.as_deref().unwrap_or_default())?;
                line("waits for", &envelope.recipients.join(", "))?;
                line("passed", &envelope.route.join(", "))?;
                line(
                    "attempts",
                    &format!("{}, {} hops left", envelope.attempts, envelope.hops_left),
                )?;
            }
        }
        if let Some(text) = &self.text {
            out.line("")?;
            for text in text.lines() {
                out.line(&shown(text))?;
            }
        }
        Ok(())
    }
}

pub(crate) fn show_one(args: &ShowArgs, session: &mut Session<'_>) -> anyhow::Result<Outcome> {
    const NAME: &str = "po-admin mail show";
    let view = trees::view(&args.tree, &session.settings, NAME)?;
    let clock = TreeClock::of(&view, session.settings.zone.as_ref());
    let mut edit = Edit::new(&view);
    let po = |error: PoError| failures::of_po(&error);
    let mailbag = find(&edit, &args.mailbag).map_err(po)?;
    let (letter, owner) = show(&mut edit, mailbag, args.index).map_err(po)?;
    let mut seen = Shown::of(&letter, mailbag, &clock);
    seen.owner_kind = owner.word();
    seen.owner = owner.name();
    let mut report = Report::new(NAME, &session.settings);
    report.tree(trees::entry(&view, &args.tree, &session.settings));
    report.print(&mut session.out, &seen)
}

pub(crate) fn return_mail(args: &ReturnArgs, session: &mut Session<'_>) -> anyhow::Result<Outcome> {
    let now = UnixTime(session.settings.now());
    let selection = args.selection.selection(now)?;
    if selection.is_everything() && !args.all {
        return Err(Failure::usage("which messages shall be returned?")
            .hint("name them with --index, --older-than or --sender, or say --all")
            .into());
    }
    let changed = change(&args.tree, Command::Mail, session, |edit, now| {
        let mailbag = find(edit, &args.mailbag)?;
        give_back(edit, mailbag, &selection, now)
    })?;
    let done = changed.value.clone();
    let lines = vec![format!(
        "{} {} of {}: {} to senders, {} nobody could be told about (LOG/SYSTEM.LOG)",
        verb(session, "returned", "return"),
        counted(done.messages, "message", "messages"),
        shown(&args.mailbag),
        counted(done.reports, "report", "reports"),
        done.untold,
    )];
    let facts = json!({
        "mailbag": args.mailbag, "messages": done.messages, "reports": done.reports,
        "untold": done.untold,
    });
    tell(session, "po-admin mail return", changed, facts, lines, &[])
}

pub(crate) fn clear_mail(args: &ClearArgs, session: &mut Session<'_>) -> anyhow::Result<Outcome> {
    let now = UnixTime(session.settings.now());
    let selection = args.selection.selection(now)?;
    session.confirm(&format!(
        "Take {} out of the mailbag {} without telling anybody",
        if selection.is_everything() {
            "everything"
        } else {
            "the selected messages"
        },
        args.mailbag
    ))?;
    let changed = change(&args.tree, Command::Mail, session, |edit, now| {
        let mailbag = find(edit, &args.mailbag)?;
        clear(edit, mailbag, &selection, now)
    })?;
    let done = changed.value.clone();
    let mut lines = vec![match &done.copy {
        Some(copy) => format!(
            "{} {} out of {}; {} in {copy}",
            verb(session, "took", "take"),
            counted(done.messages, "message", "messages"),
            shown(&args.mailbag),
            if session.settings.dry_run {
                "they would be kept"
            } else {
                "they are kept"
            },
        ),
        None => format!("{}: nothing to take out", shown(&args.mailbag)),
    }];
    if done.shared > 0 {
        lines.push(format!(
            "{} of them are in other mailbags as well and stay there",
            done.shared
        ));
    }
    let facts = json!({
        "mailbag": args.mailbag, "messages": done.messages, "shared": done.shared,
        "damaged": done.damaged, "copy": done.copy,
    });
    let warnings: Vec<String> = done
        .damaged
        .then(|| "the pair was damaged or missing: headers that could not be read are in the copy of its files only".to_owned())
        .into_iter()
        .collect();
    tell(
        session,
        "po-admin mail clear",
        changed,
        facts,
        lines,
        &warnings,
    )
}

pub(crate) fn recover_mail(
    args: &RecoverArgs,
    session: &mut Session<'_>,
) -> anyhow::Result<Outcome> {
    let mut said: Vec<Finding> = Vec::new();
    let changed = change(&args.tree, Command::Mail, session, |edit, _| {
        recover(edit, &mut |finding| said.push(finding))
    })?;
    let done = changed.value.clone();
    let mut lines = vec![format!(
        "{} seen, {} {}",
        counted(done.envelopes, "envelope", "envelopes"),
        counted(done.total(), "header", "headers"),
        verb(session, "made", "be made"),
    )];
    lines.extend(
        done.headers
            .iter()
            .map(|(mailbag, count)| format!("  {mailbag}: {count}")),
    );
    let facts = json!({
        "envelopes": done.envelopes, "headers": done.headers, "made": done.total(),
    });
    super::change::tell_with(
        session,
        "po-admin mail recover",
        changed,
        facts,
        lines,
        said,
    )
}

pub(crate) fn compress_mail(
    args: &CompressArgs,
    session: &mut Session<'_>,
) -> anyhow::Result<Outcome> {
    let changed = change(&args.tree, Command::Mail, session, |edit, _| {
        let mailbag = find(edit, &args.mailbag)?;
        compress(edit, mailbag)
    })?;
    let gone = changed.value;
    let lines = vec![format!(
        "{} {gone} deleted headers from {}",
        verb(session, "removed", "remove"),
        shown(&args.mailbag)
    )];
    let facts = json!({ "mailbag": args.mailbag, "removed": gone });
    tell(
        session,
        "po-admin mail compress",
        changed,
        facts,
        lines,
        &[],
    )
}
