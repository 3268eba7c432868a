//! Records as a table on a terminal and as aligned columns elsewhere.
//!
//! Rows may be many: the widths are taken from the first [`Table::SAMPLE`] rows. Up to that many
//! become one table with borders when stdout is a terminal; more are streamed in plain columns of
//! those widths, so that memory stays bounded. Every cell is escaped here.

use comfy_table::{ContentArrangement, presets};
use unicode_width::UnicodeWidthStr;

use crate::escape;
use crate::output::Output;

/// How a column is aligned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Align {
    /// Texts.
    #[default]
    Left,
    /// Numbers.
    Right,
}

/// One column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    /// Its heading.
    pub name: &'static str,
    /// Its alignment.
    pub align: Align,
}

/// A column of texts.
#[must_use]
pub const fn text(name: &'static str) -> Column {
    Column {
        name,
        align: Align::Left,
    }
}

/// A column of numbers.
#[must_use]
pub const fn number(name: &'static str) -> Column {
    Column {
        name,
        align: Align::Right,
    }
}

/// Rows on their way to stdout.
#[derive(Debug)]
pub struct Table {
    columns: Vec<Column>,
    held: Vec<Vec<String>>,
    widths: Option<Vec<usize>>,
}

impl Table {
    /// How many rows are held back to find the widths.
    pub const SAMPLE: usize = 512;

    /// A table with these columns.
    #[must_use]
    pub fn new(columns: &[Column]) -> Self {
        Self {
            columns: columns.to_vec(),
            held: Vec::new(),
            widths: None,
        }
    }

    /// One more row; missing cells are empty, surplus ones are dropped.
    ///
    /// # Errors
    /// stdout cannot be written.
    pub fn row<S: AsRef<str>>(
        &mut self,
        out: &mut Output<'_>,
        cells: impl IntoIterator<Item = S>,
    ) -> anyhow::Result<()> {
        let mut row: Vec<String> = cells
            .into_iter()
            .take(self.columns.len())
            .map(|cell| escape::text(cell.as_ref()).into_owned())
            .collect();
        row.resize(self.columns.len(), String::new());
        if let Some(widths) = &self.widths {
            return out.line(&self.plain(widths, &row));
        }
        self.held.push(row);
        if self.held.len() > Self::SAMPLE {
            self.pour(out)?;
        }
        Ok(())
    }

    /// The end: prints what was held back. A table without rows prints nothing.
    ///
    /// # Errors
    /// stdout cannot be written.
    pub fn end(mut self, out: &mut Output<'_>) -> anyhow::Result<()> {
        if self.widths.is_some() || self.held.is_empty() {
            return Ok(());
        }
        if out.terminal {
            return out.line(&self.bordered(out.columns));
        }
        self.pour(out)
    }

    fn pour(&mut self, out: &mut Output<'_>) -> anyhow::Result<()> {
        let mut widths: Vec<usize> = self.columns.iter().map(|c| c.name.width()).collect();
        for row in &self.held {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.width());
            }
        }
        let heading: Vec<String> = self.columns.iter().map(|c| c.name.to_owned()).collect();
        out.line(&self.plain(&widths, &heading))?;
        for row in std::mem::take(&mut self.held) {
            out.line(&self.plain(&widths, &row))?;
        }
        self.widths = Some(widths);
        Ok(())
    }

    /// One line, two blanks between columns, none at the end.
    fn plain(&self, widths: &[usize], row: &[String]) -> String {
        let mut line = String::new();
        for ((column, width), cell) in self.columns.iter().zip(widths).zip(row) {
            let gap = " ".repeat(width.saturating_sub(cell.width()));
            match column.align {
                Align::Left => {
                    line.push_str(cell);
                    line.push_str(&gap);
                }
                Align::Right => {
                    line.push_str(&gap);
                    line.push_str(cell);
                }
            }
            line.push_str("  ");
        }
        line.truncate(line.trim_end_matches(' ').len());
        line
    }

    fn bordered(&self, columns: u16) -> String {
        let mut table = comfy_table::Table::new();
        table
            .load_style(presets::UTF8_FULL_CONDENSED)
            .set_content_arrangement(ContentArrangement::Dynamic)
            .set_width(columns)
            .set_header(self.columns.iter().map(|c| c.name));
        for row in &self.held {
            table.add_row(row);
        }
        for (column, spec) in table.column_iter_mut().zip(&self.columns) {
            if spec.align == Align::Right {
                column.set_cell_alignment(comfy_table::CellAlignment::Right);
            }
        }
        table.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::tests::{output, settings};

    fn render(terminal: bool, rows: &[&[&str]]) -> String {
        let (mut out, shared, _) = output(&settings(false, terminal));
        let mut table = Table::new(&[text("name"), number("count")]);
        for row in rows {
            table.row(&mut out, row.iter()).unwrap();
        }
        table.end(&mut out).unwrap();
        out.flush().unwrap();
        shared.text()
    }

    #[test]
    fn plain_columns_are_aligned_by_what_is_seen() {
        assert_eq!(
            render(false, &[&["Größe", "7"], &["名前", "1200"], &["x\x1b"]]),
            "name   count\nGröße      7\n名前    1200\nx\\x1B\n"
        );
        assert_eq!(render(false, &[]), "");
    }

    #[test]
    fn a_terminal_gets_borders_within_its_width_and_no_escapes() {
        let long = "word ".repeat(40);
        let table = render(true, &[&[&long, "7"], &["a\u{202e}b", "1200"]]);
        assert!(
            table.contains('│') && table.contains("a\\u{202E}b"),
            "{table}"
        );
        assert!(table.lines().all(|line| line.width() <= 60), "{table}");
        assert!(!table.contains('\u{202e}'));
    }

    #[test]
    fn long_tables_are_streamed_in_the_widths_of_their_beginning() {
        let (mut out, shared, _) = output(&settings(false, true));
        let mut table = Table::new(&[text("name"), text("x")]);
        for n in 0..Table::SAMPLE + 100 {
            table
                .row(&mut out, [format!("u{n:05}"), "y".to_owned()])
                .unwrap();
        }
        assert!(table.held.is_empty());
        table.end(&mut out).unwrap();
        out.flush().unwrap();
        let text = shared.text();
        assert_eq!(text.lines().count(), 1 + Table::SAMPLE + 100);
        assert!(text.lines().skip(1).all(|line| line.len() == 9), "{text}");
        assert_eq!(text.lines().next(), Some("name    x"));
    }
}
