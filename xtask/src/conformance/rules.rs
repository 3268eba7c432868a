//! The rules of the specification: `PREFIX.tsv` (columns `id`, `article`, `rule`) and
//! `left-out.tsv` (columns `rule`, a `PREFIX:ID` in which `*` stands for anything, and `reason`).

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, bail, ensure};

/// A rule with the file that defines it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct RuleId {
    prefix: String,
    id: String,
}

impl fmt::Display for RuleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.prefix, self.id)
    }
}

/// A row of `left-out.tsv`.
#[derive(Debug)]
pub(super) struct LeftOut {
    /// `PREFIX:ID`, with `*`.
    pub(super) pattern: String,
    /// Line in the file, from 1.
    pub(super) line: usize,
}

/// All rules, and those that are left out on purpose.
#[derive(Debug)]
pub(super) struct Rules {
    files: BTreeMap<String, Vec<(String, String)>>,
    left_out: Vec<LeftOut>,
}

const LEFT_OUT: &str = "left-out";

impl Rules {
    /// Reads every `.tsv` of `dir`.
    pub(super) fn load(dir: &Path) -> anyhow::Result<Self> {
        let mut rules = Self {
            files: BTreeMap::new(),
            left_out: Vec::new(),
        };
        let entries =
            fs::read_dir(dir).with_context(|| format!("cannot read {}", dir.display()))?;
        for entry in entries {
            let path = entry?.path();
            if path.extension().is_none_or(|extension| extension != "tsv") {
                continue;
            }
            let Some(stem) = path.file_stem().and_then(|stem| stem.to_str()) else {
                bail!("{} is no name of a file of rules", path.display());
            };
            let text = fs::read_to_string(&path)
                .with_context(|| format!("cannot read {}", path.display()))?;
            if stem == LEFT_OUT {
                rules.left_out =
                    parse_left_out(&text).with_context(|| path.display().to_string())?;
            } else {
                let file = parse_rules(&text).with_context(|| path.display().to_string())?;
                rules.files.insert(stem.to_owned(), file);
            }
        }
        ensure!(!rules.files.is_empty(), "{} holds no rules", dir.display());
        Ok(rules)
    }

    /// The files, in order.
    pub(super) fn prefixes(&self) -> impl Iterator<Item = &str> {
        self.files.keys().map(String::as_str)
    }

    /// The rules of a file with their texts, in its order.
    pub(super) fn of<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = (RuleId, &'a str)> {
        let file = self.files.get(prefix).map_or(&[][..], Vec::as_slice);
        file.iter().map(move |(id, rule)| {
            let id = RuleId {
                prefix: prefix.to_owned(),
                id: id.clone(),
            };
            (id, rule.as_str())
        })
    }

    /// The rows of `left-out.tsv`.
    pub(super) fn left_out(&self) -> &[LeftOut] {
        &self.left_out
    }

    /// The rule that a test names, with or without prefix; the fault otherwise.
    pub(super) fn resolve(&self, name: &str) -> Result<RuleId, String> {
        if let Some((prefix, id)) = name.split_once(':') {
            let Some(file) = self.files.get(prefix) else {
                return Err(format!("{name}: there is no file of rules {prefix}"));
            };
            if !file.iter().any(|(known, _)| known == id) {
                return Err(format!("{name}: {prefix}.tsv has no rule {id}"));
            }
            return Ok(RuleId {
                prefix: prefix.to_owned(),
                id: id.to_owned(),
            });
        }
        let found: Vec<RuleId> = self
            .files
            .iter()
            .filter(|(_, file)| file.iter().any(|(id, _)| id == name))
            .map(|(prefix, _)| RuleId {
                prefix: prefix.clone(),
                id: name.to_owned(),
            })
            .collect();
        match found.as_slice() {
            [] => Err(format!("{name}: no file of rules has it")),
            [one] => Ok(one.clone()),
            several => {
                let names: Vec<String> = several.iter().map(ToString::to_string).collect();
                Err(format!("{name} is ambiguous: {}", names.join(", ")))
            }
        }
    }

    /// The rules that a pattern names.
    pub(super) fn matching(&self, pattern: &str) -> Vec<RuleId> {
        let Some((prefix, pattern)) = pattern.split_once(':') else {
            return Vec::new();
        };
        self.of(prefix)
            .map(|(id, _)| id)
            .filter(|id| matches(pattern, &id.id))
            .collect()
    }
}

/// Whether `text` fits `pattern`, in which `*` stands for any characters.
fn matches(pattern: &str, text: &str) -> bool {
    let Some((head, rest)) = pattern.split_once('*') else {
        return pattern == text;
    };
    let Some(tail) = text.strip_prefix(head) else {
        return false;
    };
    (0..=tail.len())
        .filter(|&at| tail.is_char_boundary(at))
        .any(|at| matches(rest, &tail[at..]))
}

fn parse_rules(text: &str) -> anyhow::Result<Vec<(String, String)>> {
    let mut lines = text.lines().enumerate();
    let head = lines.next().map(|(_, line)| line);
    ensure!(
        head == Some("id\tarticle\trule"),
        "the first line is not: id, article, rule (separated by TABs)"
    );
    let mut rules: Vec<(String, String)> = Vec::new();
    for (at, line) in lines.filter(|(_, line)| !line.is_empty()) {
        let line_number = at + 1;
        let columns: Vec<&str> = line.split('\t').collect();
        let [id, _article, rule] = columns[..] else {
            bail!("line {line_number} has {} columns, not 3", columns.len());
        };
        let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.');
        ensure!(
            !id.is_empty() && id.chars().all(good),
            "line {line_number}: {id:?} is no id"
        );
        ensure!(!rule.is_empty(), "line {line_number}: {id} has no text");
        ensure!(
            !rules.iter().any(|(known, _)| known == id),
            "line {line_number}: {id} stands here twice"
        );
        rules.push((id.to_owned(), rule.to_owned()));
    }
    Ok(rules)
}

fn parse_left_out(text: &str) -> anyhow::Result<Vec<LeftOut>> {
    let mut rows = Vec::new();
    for (at, line) in text.lines().enumerate() {
        let line_number = at + 1;
        // The heading names its columns and has no colon in the first.
        if line.is_empty() || (at == 0 && !line.split('\t').next().unwrap_or("").contains(':')) {
            continue;
        }
        let Some((pattern, reason)) = line.split_once('\t') else {
            bail!("line {line_number} has one column, not 2");
        };
        ensure!(
            !reason.trim().is_empty(),
            "line {line_number}: {pattern} has no reason"
        );
        rows.push(LeftOut {
            pattern: pattern.to_owned(),
            line: line_number,
        });
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_stand_for_anything() {
        assert!(matches("R-GUI-*", "R-GUI-001"));
        assert!(matches("*", ""));
        assert!(matches("R-*-001", "R-GUI-001"));
        assert!(!matches("R-*-001", "R-GUI-002"));
        assert!(!matches("R-GUI", "R-GUI-001"));
        assert!(matches("2.1", "2.1") && !matches("2.1", "2.10"));
    }

    #[test]
    fn rows_without_sense_are_refused() {
        let head = "id\tarticle\trule\n";
        assert_eq!(
            parse_rules(&format!("{head}2.1\tQ1\tx\n")).unwrap().len(),
            1
        );
        for bad in ["", "id\trule\n"] {
            assert!(parse_rules(bad).is_err());
        }
        for bad in [
            "A\tx\n",
            "A\tQ1\t\n",
            "A\tQ1\tx\nA\tQ1\ty\n",
            "A:B\tQ1\tx\n",
            "\tQ1\tx\n",
        ] {
            assert!(parse_rules(&format!("{head}{bad}")).is_err(), "{bad:?}");
        }
        assert!(parse_left_out("rule\treason\npof:A\n").is_err());
        assert!(parse_left_out("rule\treason\npof:A\t \n").is_err());
        assert_eq!(parse_left_out("pof:A\twhy\n").unwrap()[0].line, 1);
        assert_eq!(
            parse_left_out("rule\treason\npof:A\twhy\n").unwrap()[0].line,
            2
        );
    }
}
