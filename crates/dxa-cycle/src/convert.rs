//! Values of the library as parts of a report.

use std::borrow::Cow;

use dirsync::core::base::Severity;
use dirsync::cycle::rounds::Exchanged;
use dirsync::cycle::run::{Became, MemberReport};
use dirsync::cycle::site::Member;
use dirsync::transport::deliver::{DeliverReport, SameIdentity};
use dirsync::transport::far;
use dirsync_cli::exit::Part;
use dirsync_cli::failure::Failure;
use dirsync_cli::report::{Problem, Report, TreeEntry};
use dirsync_cli::words::counted;

/// A tree of the site for a report.
pub(crate) fn tree(member: &Member) -> TreeEntry {
    TreeEntry {
        path: member.path.clone(),
        kind: Cow::Borrowed(if member.exchange.is_some() {
            "exchange"
        } else if member.shadow {
            "shadow"
        } else {
            "postoffice"
        }),
        name: member.name.clone().unwrap_or_default(),
        roles: member.roles().into_iter().map(Cow::Borrowed).collect(),
        foreign: member.foreign,
        zone: member.zone.clone(),
        zone_assumed: member.zone.is_empty(),
    }
}

/// A tree that a step was made at, for a report.
pub(crate) fn reported(member: &MemberReport) -> TreeEntry {
    TreeEntry {
        path: member.path.clone(),
        kind: Cow::Borrowed(if member.exchange {
            "exchange"
        } else {
            "postoffice"
        }),
        name: member.name.clone().unwrap_or_default(),
        roles: member.roles.iter().map(|&role| role.into()).collect(),
        foreign: member.became == Became::Foreign,
        zone: member.zone.clone(),
        zone_assumed: member.zone.is_empty(),
    }
}

pub(crate) fn severity(word: &str) -> Severity {
    [Severity::Note, Severity::Warning, Severity::Fatal]
        .into_iter()
        .find(|severity| severity.word() == word)
        .unwrap_or(Severity::Error)
}

/// A problem of a tree.
pub(crate) fn problem(problem: &far::Problem, tree: &str) -> Problem {
    Problem {
        id: Cow::Owned(problem.id.clone()),
        severity: severity(&problem.severity),
        file: problem.file.clone(),
        offset: problem.offset,
        message: problem.message.clone(),
        hint: Cow::Owned(problem.hint.clone()),
        tree: None,
        repair: None,
    }
    .in_tree(tree)
}

/// A failure of the run itself, as a problem of a tree.
pub(crate) fn failed(
    id: &'static str,
    message: impl Into<String>,
    hint: Option<&str>,
    tree: &str,
) -> Problem {
    Problem {
        id: Cow::Borrowed(id),
        severity: Severity::Error,
        file: String::new(),
        offset: None,
        message: message.into(),
        hint: Cow::Owned(hint.unwrap_or_default().to_owned()),
        tree: None,
        repair: None,
    }
    .in_tree(tree)
}

pub(crate) fn part(became: Became) -> Part {
    match became {
        Became::Done => Part::Done,
        Became::Problems => Part::Problems,
        Became::Busy => Part::Busy,
        Became::Foreign => Part::Foreign,
        Became::Failed => Part::Failed,
        Became::Held => Part::Held,
    }
}

/// What became of a postoffice, with its problems.
pub(crate) fn member(report: &mut Report, member: &MemberReport) {
    let label = member.name.as_deref().unwrap_or(&member.path);
    for failure in &member.failures {
        let message = match failure.step {
            Some(step) => format!("{}: {}", step.name(), failure.message),
            None => failure.message.clone(),
        };
        report.problem(failed(
            "cycle.failed",
            message,
            failure.hint.as_deref(),
            label,
        ));
    }
    for found in &member.problems {
        report.problem(problem(found, label));
    }
    report.part(part(member.became));
}

/// What the interchange of an Exchange server leaves to be said.
pub(crate) fn interchange(report: &mut Report, exchanged: &Exchanged) {
    for found in &exchanged.problems {
        let problem = problem(found, &exchanged.label);
        if problem.severity != Severity::Note {
            report.part(Part::Failed);
        }
        report.problem(problem);
    }
    if let Some(failure) = &exchanged.failure {
        let hint = failure.hint.as_deref();
        let (label, message) = (&exchanged.label, &failure.message);
        report.problem(failed("cycle.failed", message, hint, label));
        report.part(Part::Failed);
    }
}

/// What a delivery leaves to be said.
pub(crate) fn delivery(report: &mut Report, delivery: &DeliverReport) {
    for po in &delivery.postoffices {
        let label = po.name.as_deref().unwrap_or(&po.path);
        if let Some(error) = &po.last_error {
            report.problem(failed(
                "deliver.tree-down",
                error,
                po.hint.as_deref(),
                label,
            ));
            report.part(Part::Failed);
        }
        for found in &po.problems {
            report.problem(problem(found, label));
        }
    }
    for link in &delivery.links {
        let hint = link.hint.as_deref();
        let to = if link.to.is_empty() {
            "nobody"
        } else {
            &link.to
        };
        if link.returned > 0 {
            let message = format!(
                "{} for {to} went back",
                counted(link.returned, "message", "messages")
            );
            report.problem(failed("deliver.returned", message, hint, &link.from));
            report.part(Part::Problems);
        }
        if link.state.is_failing() || link.last_error.is_some() {
            let why = link.last_error.as_deref().unwrap_or("it does not work");
            let attempts = match link.attempts {
                0 => String::new(),
                n => format!("; {} so far", counted(n, "attempt", "attempts")),
            };
            let message = format!("mail to {to} waits ({}): {why}{attempts}", link.waiting);
            report.problem(failed("deliver.link-down", message, hint, &link.from));
            report.part(Part::Failed);
        }
    }
}

/// Two trees are the same postoffice: exit 2.
pub(crate) fn same_identity(error: &SameIdentity) -> Failure {
    Failure::usage(error.to_string())
        .hint("take one of them out of the site, or run them one by one")
}
