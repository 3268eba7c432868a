//! The report of a command: one document, as text or as JSON.
//!
//! ```json
//! {"schema":1,"command":"po-admin check","dry_run":false,"trees":[],"result":{},"problems":[]}
//! ```
//!
//! A problem is `{"id","severity","file","offset","message","hint"}`; `"tree"` is added where the
//! command looked at more than one, `"repair"` (`{"action","loses"}`) where there is one. A plan
//! step is `{"op","path","before","after"}`.

use std::borrow::Cow;
use std::collections::BTreeSet;

use dirsync_core::base::{Finding, Severity};
use serde::{Serialize, Serializer};

use crate::escape;
use crate::exit::{self, ExitCode, Part};
use crate::output::Output;
use crate::session::Outcome;
use crate::settings::Settings;
use crate::style::Palette;

/// The version of every JSON shape. Shapes only grow within a version.
pub const SCHEMA: u32 = 1;

/// A tree that a command found.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct TreeEntry {
    /// Where it is.
    pub path: String,
    /// `postoffice`, `exchange`, `shadow`.
    pub kind: Cow<'static, str>,
    /// NET/PO or the server's name, as the tree itself says.
    pub name: String,
    /// `server`, `requestor`, in this order.
    pub roles: Vec<Cow<'static, str>>,
    /// The tree does not carry our marker: only read.
    pub foreign: bool,
    /// The zone in which its times are shown.
    pub zone: String,
    /// The zone was not said by the tree nor by `--tz`.
    pub zone_assumed: bool,
}

/// What a repair would do, for JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RepairEntry {
    /// What it does.
    pub action: String,
    /// What is lost by it.
    pub loses: Option<String>,
}

/// A finding as it is reported.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The stable id.
    pub id: Cow<'static, str>,
    /// How bad it is.
    #[serde(serialize_with = "severity_word")]
    pub severity: Severity,
    /// The file, relative to the tree.
    pub file: String,
    /// Byte offset in the file.
    pub offset: Option<u64>,
    /// What is wrong.
    pub message: String,
    /// What to do next; empty when there is nothing.
    pub hint: Cow<'static, str>,
    /// The tree, where there are several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tree: Option<String>,
    /// The automatic repair.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repair: Option<RepairEntry>,
}

fn severity_word<S: Serializer>(severity: &Severity, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(severity.word())
}

impl From<Finding> for Problem {
    fn from(finding: Finding) -> Self {
        Self {
            id: Cow::Borrowed(finding.id.0),
            severity: finding.severity,
            file: finding.file,
            offset: finding.offset,
            message: finding.message,
            hint: finding.hint,
            tree: None,
            repair: finding.repair.map(|repair| RepairEntry {
                action: repair.action,
                loses: repair.loses,
            }),
        }
    }
}

impl Problem {
    /// The same, found in this tree.
    #[must_use]
    pub fn in_tree(mut self, tree: impl Into<String>) -> Self {
        self.tree = Some(tree.into());
        self
    }

    /// The lines that a reader gets.
    #[must_use]
    pub fn text(&self, palette: Palette) -> String {
        let mut place = String::new();
        if let Some(tree) = &self.tree {
            place.push_str(tree);
        }
        if !self.file.is_empty() {
            if !place.is_empty() {
                place.push_str(": ");
            }
            place.push_str(&self.file);
        }
        if let Some(offset) = self.offset {
            place.push_str(&format!(" at byte {offset}"));
        }
        if !place.is_empty() {
            place.push_str(": ");
        }
        let mut text = format!(
            "{} {}: {}{}",
            palette.severity(self.severity),
            escape::text(&self.id),
            escape::text(&place),
            escape::text(&self.message),
        );
        let mut add = |word: &str, line: &str| {
            if !line.is_empty() {
                text.push_str(&format!(
                    "\n  {}: {}",
                    palette.hint(word),
                    escape::text(line)
                ));
            }
        };
        if let Some(repair) = &self.repair {
            add("repair", &repair.action);
            add("loses", repair.loses.as_deref().unwrap_or("nothing"));
        }
        add("hint", &self.hint);
        text
    }
}

/// One side of a plan step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Side {
    /// Nothing is there: `null`.
    Nothing,
    /// A length in bytes or a number of entries.
    Number(u64),
    /// A value or a name.
    Text(String),
}

impl Side {
    fn text(&self) -> Cow<'_, str> {
        match self {
            Self::Nothing => Cow::Borrowed("-"),
            Self::Number(number) => Cow::Owned(number.to_string()),
            Self::Text(text) => escape::text(text),
        }
    }
}

/// One step of a plan: what would happen to one target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlanStep {
    /// `replace`, `extents`, `remove`, `mkdir`, `rmdir`, `move`, or a word of the command's own.
    pub op: Cow<'static, str>,
    /// The target.
    pub path: String,
    /// As it is.
    pub before: Side,
    /// As it will be.
    pub after: Side,
}

impl PlanStep {
    /// The line that a reader gets.
    #[must_use]
    pub fn text(&self) -> String {
        format!(
            "{:8} {}  {} -> {}",
            self.op,
            escape::text(&self.path),
            self.before.text(),
            self.after.text()
        )
    }
}

/// The result of a command, written for a reader. Its JSON comes from [`Serialize`].
pub trait Text {
    /// Writes the result. Problems are not part of it; names from a disk go through [`escape`].
    ///
    /// # Errors
    /// stdout cannot be written.
    fn text(&self, out: &mut Output<'_>) -> anyhow::Result<()>;
}

/// A report while it is put together.
#[derive(Debug)]
pub struct Report {
    command: String,
    dry_run: bool,
    trees: Vec<TreeEntry>,
    problems: Problems,
    parts: Vec<Part>,
}

impl Report {
    /// A report of `command`, for example `po-admin check`.
    #[must_use]
    pub fn new(command: impl Into<String>, settings: &Settings) -> Self {
        Self {
            command: command.into(),
            dry_run: settings.dry_run,
            trees: Vec::new(),
            problems: Problems::new(settings),
            parts: Vec::new(),
        }
    }

    /// A tree that was found.
    pub fn tree(&mut self, tree: TreeEntry) {
        self.trees.push(tree);
    }

    /// What became of a tree, for the exit code.
    pub fn part(&mut self, part: Part) {
        self.parts.push(part);
    }

    /// A problem, unless its id is ignored.
    pub fn problem(&mut self, problem: impl Into<Problem>) {
        self.problems.push(problem.into());
    }

    /// The problems so far.
    #[must_use]
    pub fn problems(&self) -> &[Problem] {
        &self.problems.kept
    }

    /// Prints the trees found so far, before the command acts. JSON has them in the document.
    ///
    /// # Errors
    /// stdout cannot be written.
    pub fn announce(&self, out: &mut Output<'_>) -> anyhow::Result<()> {
        if out.json {
            return Ok(());
        }
        for tree in &self.trees {
            let roles = if tree.roles.is_empty() {
                String::new()
            } else {
                format!(" ({})", tree.roles.join(", "))
            };
            let foreign = if tree.foreign {
                ", foreign: only read"
            } else {
                ""
            };
            out.line(&escape::text(&format!(
                "{} {}{roles}: {}{foreign}",
                tree.kind, tree.name, tree.path
            )))?;
        }
        Ok(())
    }

    /// How the program ends by what the report holds so far: the rule over several trees, and 1
    /// when there is a problem worse than a note.
    #[must_use]
    pub fn exit_code(&self) -> ExitCode {
        match exit::over_trees(self.parts.iter().copied()) {
            ExitCode::Done => self.problems.exit_code(),
            code => code,
        }
    }

    /// Prints the report and says how the program ends.
    ///
    /// # Errors
    /// stdout cannot be written.
    pub fn print<T: Serialize + Text>(
        self,
        out: &mut Output<'_>,
        result: &T,
    ) -> anyhow::Result<Outcome> {
        let code = self.exit_code();
        if out.json {
            out.json_line(&Document {
                schema: SCHEMA,
                command: &self.command,
                dry_run: self.dry_run,
                trees: &self.trees,
                result,
                problems: &self.problems.kept,
            })?;
        } else {
            result.text(out)?;
            let palette = out.palette;
            for problem in &self.problems.kept {
                out.line(&problem.text(palette))?;
            }
            if self.dry_run {
                out.note("dry run: nothing was changed");
            }
        }
        Ok(Outcome::from(code))
    }
}

#[derive(Serialize)]
struct Document<'a, T> {
    schema: u32,
    command: &'a str,
    dry_run: bool,
    trees: &'a [TreeEntry],
    result: &'a T,
    problems: &'a [Problem],
}

/// Problems that were not ignored.
#[derive(Debug)]
pub(crate) struct Problems {
    pub(crate) kept: Vec<Problem>,
    ignored: BTreeSet<String>,
}

impl Problems {
    pub(crate) fn new(settings: &Settings) -> Self {
        Self {
            kept: Vec::new(),
            ignored: settings.ignore.clone(),
        }
    }

    pub(crate) fn push(&mut self, problem: Problem) {
        if !self.ignored.contains(problem.id.as_ref()) {
            self.kept.push(problem);
        }
    }

    /// 1 when there is a problem worse than a note.
    pub(crate) fn exit_code(&self) -> ExitCode {
        if self.kept.iter().any(|p| p.severity > Severity::Note) {
            ExitCode::Problems
        } else {
            ExitCode::Done
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::output::tests::{output, settings};
    use dirsync_core::base::FindingId;
    use dirsync_core::base::finding::Repair;

    pub(crate) fn finding(severity: Severity) -> Finding {
        Finding {
            id: FindingId("mailbag.key-without-mbg"),
            severity,
            file: "KEY/00000062.KEY".into(),
            offset: Some(48),
            message: "there is no MBG\x1b[2J".into(),
            hint: "run check --fix".into(),
            repair: Some(Repair {
                action: "removes the KEY file".into(),
                loses: None,
            }),
        }
    }

    #[derive(Serialize)]
    struct Count {
        checked: u64,
    }

    impl Text for Count {
        fn text(&self, out: &mut Output<'_>) -> anyhow::Result<()> {
            out.line(&format!("{} files checked", self.checked))
        }
    }

    #[test]
    fn json_is_one_document_of_the_published_shape() {
        let settings = settings(true, false);
        let (mut out, shared, _) = output(&settings);
        let mut report = Report::new("po-admin check", &settings);
        report.tree(TreeEntry {
            path: "/po".into(),
            kind: "postoffice".into(),
            name: "NET/PO".into(),
            roles: vec!["requestor".into()],
            zone: "UTC".into(),
            zone_assumed: true,
            foreign: true,
        });
        report.problem(finding(Severity::Error));
        report.announce(&mut out).unwrap();
        let outcome = report.print(&mut out, &Count { checked: 3 }).unwrap();
        out.flush().unwrap();
        assert_eq!(outcome.code(), ExitCode::Problems);
        assert_eq!(
            shared.text(),
            concat!(
                r#"{"schema":1,"command":"po-admin check","dry_run":false,"trees":[{"path":"/po","#,
                r#""kind":"postoffice","name":"NET/PO","roles":["requestor"],"foreign":true,"#,
                r#""zone":"UTC","zone_assumed":true}],"result":{"checked":3},"problems":[{"#,
                r#""id":"mailbag.key-without-mbg","severity":"error","file":"KEY/00000062.KEY","#,
                r#""offset":48,"message":"there is no MBG\u001b[2J","hint":"run check --fix","#,
                r#""repair":{"action":"removes the KEY file","loses":null}}]}"#,
                "\n"
            )
        );
    }

    #[test]
    fn text_names_place_fault_repair_and_hint() {
        let mut settings = settings(false, false);
        settings.dry_run = true;
        let (mut out, shared, err) = output(&settings);
        let mut report = Report::new("po-admin check", &settings);
        report.problem(Problem::from(finding(Severity::Warning)).in_tree("NET/PO"));
        report.print(&mut out, &Count { checked: 3 }).unwrap();
        out.flush().unwrap();
        assert_eq!(
            shared.text(),
            "3 files checked\n\
             warning mailbag.key-without-mbg: NET/PO: KEY/00000062.KEY at byte 48: \
             there is no MBG\\x1B[2J\n  \
             repair: removes the KEY file\n  \
             loses: nothing\n  \
             hint: run check --fix\n"
        );
        assert_eq!(err.text(), "dry run: nothing was changed\n");
    }

    #[test]
    fn trees_are_announced_before_the_work() {
        let settings = settings(false, false);
        let (mut out, shared, _) = output(&settings);
        let mut report = Report::new("dxa-cycle run", &settings);
        report.tree(TreeEntry {
            path: "/site/po".into(),
            kind: "postoffice".into(),
            name: "NET/PO".into(),
            roles: vec!["server".into(), "requestor".into()],
            ..TreeEntry::default()
        });
        report.announce(&mut out).unwrap();
        out.flush().unwrap();
        assert_eq!(
            shared.text(),
            "postoffice NET/PO (server, requestor): /site/po\n"
        );
    }

    #[test]
    fn ignored_findings_and_notes_do_not_change_the_exit_code() {
        let mut ignoring = settings(false, false);
        ignoring.ignore.insert("mailbag.key-without-mbg".into());
        let mut report = Report::new("x", &ignoring);
        report.problem(finding(Severity::Fatal));
        assert!(report.problems().is_empty());
        assert_eq!(report.exit_code(), ExitCode::Done);

        let mut report = Report::new("x", &settings(false, false));
        report.problem(finding(Severity::Note));
        assert_eq!(report.exit_code(), ExitCode::Done);
        report.problem(finding(Severity::Warning));
        assert_eq!(report.exit_code(), ExitCode::Problems);
        report.part(Part::Held);
        assert_eq!(report.exit_code(), ExitCode::Refused);
    }

    #[test]
    fn plan_steps_have_two_sides() {
        let step = PlanStep {
            op: "replace".into(),
            path: "GLB/REQCONF.GLB".into(),
            before: Side::Nothing,
            after: Side::Number(512),
        };
        assert_eq!(
            serde_json::to_string(&step).unwrap(),
            r#"{"op":"replace","path":"GLB/REQCONF.GLB","before":null,"after":512}"#
        );
        assert_eq!(step.text(), "replace  GLB/REQCONF.GLB  - -> 512");
    }
}
