//! `dxa-cycle pause`, `start`: what the two controls of the agent's service do.

use std::sync::Arc;

use dirsync::core::base::finding::{Finding, FindingId, Severity};
use dirsync::cycle::run::{MemberReport, RunOptions, each};
use dirsync::cycle::site::Member;
use dirsync::cycle::step::{AskOptions, Here, Numbers3, real_disk};
use dirsync::exchange::service::{self, Pause, Started};
use dirsync::exchange::{AGENT, domain_of};
use dirsync::tree::disk::Disk;
use dirsync::tree::{TreeMut, TreeView};
use dirsync_cli::exit::{self, Part};
use dirsync_cli::failure::Failure;
use dirsync_cli::output::Output;
use dirsync_cli::report::{PlanStep, Report, Text};
use dirsync_cli::session::{Outcome, Session};
use dirsync_cli::trees::{of_cycle, of_far, of_tree};
use dirsync_cli::words::counted;
use serde::Serialize;

use crate::args::{PauseArgs, StartArgs};
use crate::convert;
use crate::trial::Trials;

/// How `net pause` ends when it fails (ASSIGNED: 2, as all failures of NET.EXE).
const NET_FAILED: u8 = 2;
const PAUSE: &str = "dxa-cycle pause";
const START: &str = "dxa-cycle start";
const IGNORED: FindingId = FindingId("exchange.pause-ignored");
const NO_ROLE: FindingId = FindingId("exchange.no-role");
const UNKNOWN: FindingId = FindingId("exchange.resync-unknown");
const HELD: FindingId = FindingId("cycle.held");

fn finding(id: FindingId, severity: Severity, message: String, hint: &'static str) -> Finding {
    Finding {
        id,
        severity,
        file: String::new(),
        offset: None,
        message,
        hint: hint.into(),
        repair: None,
    }
}

/// The disk of the server; exit 2 when the directory is none.
pub(super) fn open(path: &str, trials: Option<&Trials>) -> Result<Arc<dyn Disk>, Failure> {
    let disk = match trials {
        Some(trials) => trials.open(path),
        None => real_disk(path),
    }
    .map_err(of_far)?;
    let domain = domain_of(disk.as_ref()).map_err(|error| of_tree(&error))?;
    if domain == AGENT {
        return Ok(disk);
    }
    Err(Failure::usage(format!(
        "{} is not an Exchange server: it has no DXADATA beside MTADATA",
        dirsync_cli::escape::text(path)
    ))
    .hint("give the directory that `po-admin init-exchange` made"))
}

#[derive(Serialize)]
struct Paused {
    /// `T1` or `T2`; nothing when nothing was run.
    ran: Option<&'static str>,
    text: String,
    net_text: &'static str,
    exchange: Option<MemberReport>,
    plan: Vec<PlanStep>,
    #[serde(skip)]
    sentence: Option<String>,
}

pub(super) fn pause(args: &PauseArgs, session: &mut Session<'_>) -> anyhow::Result<Outcome> {
    let path = super::place(&args.tree)?;
    let settings = &session.settings;
    let mut step = super::ask_options(settings, &args.guard)?;
    step.auto_import = args.server.auto_import;
    step.trust_replace = args.server.trust_replace;
    let trials = super::trials(settings);
    let disk = open(&path, trials.as_ref())?;
    let mut report = Report::new(PAUSE, settings);
    let means = {
        let view = TreeView::open(disk, AGENT, &super::open_options(settings))
            .map_err(|error| of_tree(&error))?;
        report.tree(convert::tree(&Member::look(&view, &path)));
        service::pause(&view).map_err(|error| of_far((&error).into()))?
    };
    let mut done = Paused {
        ran: None,
        text: means.text,
        net_text: means.net_text,
        exchange: None,
        plan: Vec::new(),
        sentence: None,
    };
    let mut part = Part::Done;
    match means.pause {
        Pause::Ignored => {
            let message = "nothing was run: version 4.0 needs the registry value PauseKicksDX";
            let hint = "`po-admin registry set EXCHANGE PauseKicksDX 1`";
            report.problem(finding(IGNORED, Severity::Warning, message.into(), hint));
            part = Part::Problems;
        }
        Pause::NoRole => {
            let message = "nothing was run: the server is neither directory server nor requestor";
            let hint = "`po-admin server on`, or `po-admin register`";
            report.problem(finding(NO_ROLE, Severity::Warning, message.into(), hint));
            part = Part::Problems;
        }
        Pause::Runs(step_) => {
            let options = RunOptions {
                step,
                wait_ms: super::wait_ms(settings),
                program: PAUSE.to_owned(),
            };
            let open = |path: &str| match &trials {
                Some(trials) => trials.open(path),
                None => real_disk(path),
            };
            let worker = Here { open: &open };
            let mut ran = each(
                step_,
                std::slice::from_ref(&path),
                &worker,
                &options,
                &session.progress,
            );
            if ran.stopped {
                return Err(Failure::interrupted().into());
            }
            if let Some(member) = ran.members.pop() {
                convert::member(&mut report, &member);
                part = convert::part(member.became);
                done.sentence = Some(super::steps::sentence(step_, &member));
                done.exchange = Some(member);
            }
            done.ran = Some(step_.name());
            done.plan = trials.as_ref().map(Trials::steps).unwrap_or_default();
        }
    }
    let _ = report.print(&mut session.out, &done)?;
    let outcome = Outcome::from(exit::of_one_tree(part));
    // `net pause` itself always failed (R-DXA-020).
    Ok(outcome.classic(NET_FAILED))
}

impl Text for Paused {
    fn text(&self, out: &mut Output<'_>) -> anyhow::Result<()> {
        for step in &self.plan {
            out.line(&step.text())?;
        }
        if let (Some(ran), Some(sentence)) = (self.ran, &self.sentence) {
            out.line(&dirsync_cli::escape::text(&format!("{ran}: {sentence}")))?;
            out.line(&dirsync_cli::escape::text(&self.text))?;
            out.line(self.net_text)?;
        }
        Ok(())
    }
}

#[derive(Serialize)]
struct File {
    impseq: u32,
    reqseq: u32,
    srvseq: u32,
    requestors: Vec<String>,
    lists: u64,
    entries: u64,
}

#[derive(Serialize)]
struct Took {
    before: Numbers3,
    after: Numbers3,
    added: u64,
    modified: u64,
    deleted: u64,
}

#[derive(Serialize)]
struct Done {
    made: Option<File>,
    took: Option<Took>,
    plan: Vec<PlanStep>,
    #[serde(skip)]
    dry_run: bool,
}

pub(super) fn start(args: &StartArgs, session: &mut Session<'_>) -> anyhow::Result<Outcome> {
    let path = super::place(&args.tree)?;
    let settings = &session.settings;
    let ask: AskOptions = super::ask_options(settings, &args.guard)?;
    let options = ask.step_options();
    let trials = super::trials(settings);
    let disk = open(&path, trials.as_ref())?;
    let mut tree = TreeMut::open(disk, AGENT, &super::open_options(settings))
        .map_err(|error| of_tree(&error))?;
    let mut report = Report::new(START, settings);
    report.tree(convert::tree(&Member::look(tree.view(), &path)));
    let started =
        service::start(&mut tree, &options, &session.progress).map_err(|error| of_cycle(&error))?;
    drop(tree);
    let part = problems(&mut report, &started);
    let done = Done {
        made: started.made.map(|made| File {
            impseq: made.header.impseq,
            reqseq: made.header.reqseq,
            srvseq: made.header.srvseq,
            requestors: made.requestors,
            lists: made.lists,
            entries: made.entries,
        }),
        took: started.took.map(|took| Took {
            before: took.before.into(),
            after: took.after.into(),
            added: took.added,
            modified: took.modified,
            deleted: took.deleted,
        }),
        plan: trials.as_ref().map(Trials::steps).unwrap_or_default(),
        dry_run: settings.dry_run,
    };
    let _ = report.print(&mut session.out, &done)?;
    Ok(exit::of_one_tree(part).into())
}

fn problems(report: &mut Report, started: &Started) -> Part {
    let mut part = Part::Done;
    for fault in &started.faults {
        let id = FindingId("command.note");
        report.problem(finding(id, Severity::Note, fault.clone(), ""));
    }
    if !started.has_role {
        let message = "the server is neither directory server nor requestor";
        let hint = "`po-admin server on`, or `po-admin register`";
        report.problem(finding(NO_ROLE, Severity::Warning, message.into(), hint));
        part = Part::Problems;
    }
    for name in &started.unknown {
        let message = format!("ResyncConnectionRDNs: there is no remote requestor {name:?}");
        let hint = "names are those of the objects";
        report.problem(finding(UNKNOWN, Severity::Error, message, hint));
        part = Part::Problems;
    }
    for held in &started.held {
        let message = format!(
            "the bulk-delete guard holds RESYNC.GLB: {} of {} would go",
            held.removal, held.list
        );
        let hint = "if this is right, run again with --allow-deletes N; the file lies where it was";
        report.problem(finding(HELD, Severity::Error, message, hint));
        part = Part::Held;
    }
    part
}

impl Text for Done {
    fn text(&self, out: &mut Output<'_>) -> anyhow::Result<()> {
        for step in &self.plan {
            out.line(&step.text())?;
        }
        let would = if self.dry_run { "would be " } else { "" };
        if let Some(made) = &self.made {
            out.line(&dirsync_cli::escape::text(&format!(
                "DXADATA/RESYNC.GLB {would}made for {}: IMPSEQ={} REQSEQ={} SRVSEQ={}, {}, {}; \
                 ResyncConnectionRDNs {would}removed",
                made.requestors.join(", "),
                made.impseq,
                made.reqseq,
                made.srvseq,
                counted(made.lists, "list", "lists"),
                counted(made.entries, "entry", "entries")
            )))?;
        }
        if let Some(took) = &self.took {
            out.line(&format!(
                "DXADATA/RESYNC.GLB {would}taken: {} added, {} changed, {} removed; \
                 R S I {} {} {}",
                counted(took.added, "recipient", "recipients"),
                took.modified,
                took.deleted,
                took.after.req,
                took.after.srv,
                took.after.imp
            ))?;
        }
        if self.made.is_none() && self.took.is_none() {
            out.line("there was nothing to do")?;
        }
        Ok(())
    }
}
