//! The lines by which tests name the rules that they prove.
//!
//! In Rust: a comment line of its own, `// rule: PREFIX:ID`, several ids separated by blanks or
//! commas, directly above the attributes of a test or above a `proptest!` block. In the Markdown
//! and trycmd files below a `tests` directory, which are tests as a whole, anywhere.

use std::ffi::OsStr;
use std::path::Path;

use anyhow::Context as _;
use walkdir::{DirEntry, WalkDir};

/// Where a rule line stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// Above a test.
    Test,
    /// Above a test that is not run.
    IgnoredTest,
    /// Above something else.
    Astray,
}

/// An id in a rule line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mention {
    /// As written, with or without prefix.
    pub(super) id: String,
    /// The file, relative to the root, with `/`.
    pub(super) file: String,
    /// Line, from 1.
    pub(super) line: usize,
    /// What it stands above.
    pub(super) standing: Standing,
}

/// All mentions below `root`, files in order of their names.
pub(super) fn workspace(root: &Path) -> anyhow::Result<Vec<Mention>> {
    let mut mentions = Vec::new();
    let walk = WalkDir::new(root).sort_by_file_name().into_iter();
    for entry in walk.filter_entry(wanted) {
        let entry = entry.context("cannot walk the workspace")?;
        let path = entry.path();
        let relative = path.strip_prefix(root).unwrap_or(path);
        let rust = match path.extension().and_then(OsStr::to_str) {
            Some("rs") => true,
            Some("md" | "trycmd") if relative.iter().any(|name| name == "tests") => false,
            _ => continue,
        };
        let text =
            std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        let names: Vec<_> = relative.iter().map(OsStr::to_string_lossy).collect();
        file(
            &names.join("/"),
            &String::from_utf8_lossy(&text),
            rust,
            &mut mentions,
        );
    }
    Ok(mentions)
}

/// Not what is built or hidden.
fn wanted(entry: &DirEntry) -> bool {
    entry.depth() == 0
        || !(entry.file_type().is_dir()
            && (entry.file_name() == "target"
                || entry.file_name().as_encoded_bytes().starts_with(b".")))
}

fn file(name: &str, text: &str, rust: bool, mentions: &mut Vec<Mention>) {
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    for (at, line) in lines.iter().enumerate() {
        let Some(ids) = rule_line(line) else {
            continue;
        };
        let standing = if rust {
            standing(&lines[at + 1..])
        } else {
            Standing::Test
        };
        for id in ids.split([' ', '\t', ',']).filter(|id| !id.is_empty()) {
            mentions.push(Mention {
                id: id.to_owned(),
                file: name.to_owned(),
                line: at + 1,
                standing,
            });
        }
    }
}

fn rule_line(line: &str) -> Option<&str> {
    if let Some(ids) = line.strip_prefix("// rule:") {
        return Some(ids);
    }
    // In Markdown, where a reader shall not see it.
    line.strip_prefix("<!-- rule:")?.strip_suffix("-->")
}

/// What the lines below a rule line are: comments are passed over, attributes are collected up to
/// the item.
fn standing(below: &[&str]) -> Standing {
    let mut test = false;
    let mut ignored = false;
    let mut open = 0i64;
    for line in below {
        if open == 0 {
            if line.is_empty() || line.starts_with("//") {
                continue;
            }
            if line.starts_with("proptest!") || line.starts_with("proptest::proptest!") {
                test = true;
                break;
            }
            if !line.starts_with("#[") {
                break;
            }
        }
        let words = || line.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
        test |= words().any(|word| word == "test") && !line.starts_with("#[cfg(");
        ignored |= line.starts_with("#[ignore");
        // An attribute may go on over several lines.
        for c in line.chars() {
            match c {
                '[' => open += 1,
                ']' => open -= 1,
                _ => {}
            }
        }
    }
    match (test, ignored) {
        (true, false) => Standing::Test,
        (true, true) => Standing::IgnoredTest,
        (false, _) => Standing::Astray,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str, rust: bool) -> Vec<(String, usize, Standing)> {
        let mut mentions = Vec::new();
        file("x", text, rust, &mut mentions);
        mentions
            .into_iter()
            .map(|mention| (mention.id, mention.line, mention.standing))
            .collect()
    }

    #[test]
    fn several_ids_and_several_lines() {
        let text = "    // rule: a:R-1, b:R-2 c:R-3\n    // rule: d:R-4\n    #[test]\n";
        let ids: Vec<_> = found(text, true).into_iter().map(|(id, ..)| id).collect();
        assert_eq!(ids, ["a:R-1", "b:R-2", "c:R-3", "d:R-4"]);
        assert!(found("let x = \"// rule: a:R-1\";\n//! // rule: a:R-1\n", true).is_empty());
    }

    #[test]
    fn only_what_stands_above_a_test_counts() {
        for (below, standing) in [
            ("#[test]\nfn x() {}", Standing::Test),
            (
                "\n// why\n/// what\n#[should_panic]\n#[test]\nfn x() {}",
                Standing::Test,
            ),
            (
                "#[allow(\n  clippy::x,\n)]\n#[test]\nfn x() {}",
                Standing::Test,
            ),
            ("proptest! {", Standing::Test),
            ("#[test]\n#[ignore]\nfn x() {}", Standing::IgnoredTest),
            ("fn x() {}", Standing::Astray),
            ("#[inline]\nfn x() {}\n#[test]", Standing::Astray),
            ("#[cfg(test)]\nmod tests {", Standing::Astray),
            ("", Standing::Astray),
        ] {
            let text = format!("// rule: a:R-1\n{below}\n");
            assert_eq!(
                found(&text, true),
                [("a:R-1".to_owned(), 1, standing)],
                "{below:?}"
            );
        }
    }

    #[test]
    fn markdown_is_a_test_as_a_whole() {
        let text = "# Title\n<!-- rule: a:R-1 -->\n```console\n$ x\n```\n// rule: b:R-2\n";
        let expected = [
            ("a:R-1".to_owned(), 2, Standing::Test),
            ("b:R-2".to_owned(), 6, Standing::Test),
        ];
        assert_eq!(found(text, false), expected);
    }
}
