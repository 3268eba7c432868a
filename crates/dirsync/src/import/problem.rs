//! What an import or a rebuild found wrong, bounded: a hostile file of a million bad records must
//! not become a million lines.

use crate::core::base::logline::LogSeverity;
use crate::core::protocol::log::LogLine;

/// Problems that are kept with their text; the others are only counted.
pub const PROBLEMS_KEPT: usize = 1_000;

/// Something that was not done, or was done differently.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The numbered message as it stands in DIRSYNC.LOG.
    pub line: LogLine,
    /// The file it was found in, a documented path.
    pub file: String,
    /// Number of the record in the file, from 1.
    pub record: Option<u64>,
    /// Byte offset of the record.
    pub offset: Option<u64>,
}

impl Problem {
    /// The line of the log: the message, and where the record stands.
    #[must_use]
    pub fn log_line(&self) -> LogLine {
        let mut line = self.line.clone();
        if let (Some(record), Some(offset)) = (self.record, self.offset) {
            let file = self.file.rsplit('/').next().unwrap_or_default();
            line.text
                .push_str(&format!(" ({file} record {record}, offset {offset})"));
        }
        line
    }
}

fn is_serious(problem: &Problem) -> bool {
    problem.line.severity != LogSeverity::Status
}

/// The problems of one run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Problems {
    kept: Vec<Problem>,
    total: u64,
    serious: u64,
}

impl Problems {
    /// Adds one.
    pub fn push(&mut self, problem: Problem) {
        self.total += 1;
        if is_serious(&problem) {
            self.serious += 1;
        }
        if self.kept.len() < PROBLEMS_KEPT {
            self.kept.push(problem);
        }
    }

    /// Adds a message about a file.
    pub fn file(&mut self, line: LogLine, file: impl Into<String>) {
        self.push(Problem {
            line,
            file: file.into(),
            record: None,
            offset: None,
        });
    }

    /// Adds a message about a place in a file.
    pub fn at(&mut self, line: LogLine, file: impl Into<String>, record: u64, offset: u64) {
        self.push(Problem {
            line,
            file: file.into(),
            record: Some(record),
            offset: Some(offset),
        });
    }

    /// Adds those of another part of the same run.
    pub fn extend(&mut self, other: Self) {
        let more = other.kept.len() as u64;
        let serious = other.kept.iter().filter(|one| is_serious(one)).count() as u64;
        for problem in other.kept {
            self.push(problem);
        }
        self.total += other.total - more;
        self.serious += other.serious - serious;
    }

    /// Those that were kept, in order.
    #[must_use]
    pub fn kept(&self) -> &[Problem] {
        &self.kept
    }

    /// How many there were.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.total
    }

    /// How many were more than a Status line: they lead to exit 1.
    #[must_use]
    pub fn serious(&self) -> u64 {
        self.serious
    }

    /// The lines for the log.
    #[must_use]
    pub fn log_lines(&self) -> Vec<LogLine> {
        let mut lines: Vec<LogLine> = self.kept.iter().map(Problem::log_line).collect();
        let more = self.total - self.kept.len() as u64;
        if more > 0 {
            lines.push(LogLine::free(
                LogSeverity::Warning,
                format!("{more} more messages"),
            ));
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::log::message;

    // rule: imp:R-QUE-002
    #[test]
    fn a_flood_is_counted_and_not_kept() {
        let mut problems = Problems::default();
        for n in 0..(PROBLEMS_KEPT as u64 + 5) {
            problems.at(message(29, "X"), "GLB/SRVTRANS.GLB", n + 1, n * 60);
        }
        assert_eq!(problems.kept().len(), PROBLEMS_KEPT);
        assert_eq!(problems.total(), 1_005);
        let lines = problems.log_lines();
        assert_eq!(
            lines[1].text,
            "Alias does not exist X (SRVTRANS.GLB record 2, offset 60)"
        );
        assert_eq!(lines.last().unwrap().text, "5 more messages");
    }
}
