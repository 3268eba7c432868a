//! The answer of a command whose answer is a list of records.
//!
//! JSON: one object a line as the records come, then
//! `{"schema":1,"end":true,"count":N,"problems":[…]}`, so that a list that was cut off is seen.
//! Text: a [`Table`], and the problems on stderr, so that the list can be fed to another command.

use serde::Serialize;

use crate::output::Output;
use crate::report::{Problem, Problems, SCHEMA};
use crate::session::Outcome;
use crate::settings::Settings;
use crate::table::{Column, Table};

/// A list while it is printed.
#[derive(Debug)]
pub struct List {
    table: Table,
    count: u64,
    problems: Problems,
}

impl List {
    /// A list whose text form has these columns.
    #[must_use]
    pub fn new(columns: &[Column], settings: &Settings) -> Self {
        Self {
            table: Table::new(columns),
            count: 0,
            problems: Problems::new(settings),
        }
    }

    /// One record: `value` for JSON, `cells` for text; the cells are made only when needed.
    ///
    /// # Errors
    /// stdout cannot be written.
    pub fn record<T: Serialize, S: AsRef<str>, C: IntoIterator<Item = S>>(
        &mut self,
        out: &mut Output<'_>,
        value: &T,
        cells: impl FnOnce(&T) -> C,
    ) -> anyhow::Result<()> {
        self.count = self.count.saturating_add(1);
        if out.json {
            out.json_line(value)
        } else {
            self.table.row(out, cells(value))
        }
    }

    /// A problem, unless its id is ignored.
    pub fn problem(&mut self, problem: impl Into<Problem>) {
        self.problems.push(problem.into());
    }

    /// The end of the list: how the program ends by its problems.
    ///
    /// # Errors
    /// stdout cannot be written.
    pub fn end(self, out: &mut Output<'_>) -> anyhow::Result<Outcome> {
        let code = self.problems.exit_code();
        if out.json {
            out.json_line(&End {
                schema: SCHEMA,
                end: true,
                count: self.count,
                problems: &self.problems.kept,
            })?;
        } else {
            self.table.end(out)?;
            let palette = out.err_palette;
            for problem in &self.problems.kept {
                out.diagnostic(&problem.text(palette));
            }
        }
        Ok(Outcome::from(code))
    }
}

#[derive(Serialize)]
struct End<'a> {
    schema: u32,
    end: bool,
    count: u64,
    problems: &'a [Problem],
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exit::ExitCode;
    use crate::output::tests::{output, settings};
    use crate::report::tests::finding;
    use crate::table;
    use dirsync_core::base::Severity;

    #[derive(Serialize)]
    struct User {
        address: &'static str,
        name: &'static str,
    }

    fn print(json: bool) -> (String, String, ExitCode) {
        let settings = settings(json, false);
        let (mut out, shared, err) = output(&settings);
        let mut list = List::new(&[table::text("address"), table::text("name")], &settings);
        for (address, name) in [("PCM:NET/PO/ann", "Ann"), ("PCM:NET/PO/bob", "Bob")] {
            list.record(&mut out, &User { address, name }, |user| {
                [user.address, user.name]
            })
            .unwrap();
        }
        list.problem(finding(Severity::Warning));
        let outcome = list.end(&mut out).unwrap();
        out.flush().unwrap();
        (shared.text(), err.text(), outcome.code())
    }

    #[test]
    fn json_is_one_object_a_line_and_an_end() {
        let (out, err, code) = print(true);
        let lines: Vec<&str> = out.lines().collect();
        assert_eq!(lines.len(), 3);
        assert_eq!(lines[0], r#"{"address":"PCM:NET/PO/ann","name":"Ann"}"#);
        assert!(lines[2].starts_with(r#"{"schema":1,"end":true,"count":2,"problems":[{"id":"#));
        assert_eq!(code, ExitCode::Problems);
        assert_eq!(err, "");
    }

    #[test]
    fn text_keeps_problems_out_of_the_list() {
        let (out, err, _) = print(false);
        assert_eq!(
            out,
            "address         name\nPCM:NET/PO/ann  Ann\nPCM:NET/PO/bob  Bob\n"
        );
        assert!(err.starts_with("warning mailbag.key-without-mbg"));
    }
}
