//! Which rules of the specification a test proves.
//!
//! [`rules`] reads `xtask/rules/PREFIX.tsv` and `left-out.tsv`; [`scan`] finds the lines
//! `// rule: PREFIX:ID` above the tests of the workspace; here both meet.
//!
//! Faults, which fail the task: an id that no file defines; an id without prefix that several files
//! define (DEC-001); a rule line that stands above no test; a rule that is both tested and left
//! out; a left-out row that names nothing.

mod rules;
mod scan;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::Path;

use serde::Serialize;

use rules::{RuleId, Rules};
use scan::{Mention, Standing};

/// Arguments of the task.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct Args {
    /// List the rules of this file that are neither covered nor left out.
    #[arg(long, value_name = "PREFIX")]
    uncovered: Option<String>,
    /// Fail when a rule of these files is neither covered nor left out.
    #[arg(long, value_name = "PREFIX", num_args = 1..)]
    require: Vec<String>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Runs the task on the workspace at `root`.
pub(crate) fn run(args: &Args, root: &Path) -> anyhow::Result<bool> {
    run_to(args, root, &mut std::io::stdout().lock())
}

fn run_to(args: &Args, root: &Path, out: &mut dyn Write) -> anyhow::Result<bool> {
    let rules = Rules::load(&root.join("xtask/rules"))?;
    let mentions = scan::workspace(root)?;
    let result = judge(&rules, &mentions, args)?;
    if args.json {
        serde_json::to_writer(&mut *out, &result)?;
        writeln!(out)?;
    } else {
        print(out, &result, args)?;
    }
    Ok(result.faults.is_empty() && result.missing.is_empty())
}

/// What the task found.
#[derive(Debug, Serialize)]
struct Conformance {
    schema: u32,
    files: Vec<FileLine>,
    /// Rules that `--uncovered` asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    uncovered: Vec<RuleLine>,
    /// Rules of required files that are neither covered nor left out.
    missing: Vec<RuleLine>,
    faults: Vec<Fault>,
}

/// One file of rules in numbers.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct FileLine {
    prefix: String,
    rules: usize,
    covered: usize,
    left_out: usize,
    uncovered: usize,
}

/// One rule.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct RuleLine {
    id: String,
    rule: String,
}

/// Something that fails the task.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Fault {
    file: String,
    line: usize,
    message: String,
}

fn judge(rules: &Rules, mentions: &[Mention], args: &Args) -> anyhow::Result<Conformance> {
    for prefix in args.require.iter().chain(&args.uncovered) {
        anyhow::ensure!(
            rules.prefixes().any(|known| known == prefix),
            "there is no xtask/rules/{prefix}.tsv"
        );
    }
    let mut faults = Vec::new();
    let mut covered: BTreeMap<RuleId, &Mention> = BTreeMap::new();
    for mention in mentions {
        let mut fault = |message: String| {
            faults.push(Fault {
                file: mention.file.clone(),
                line: mention.line,
                message,
            });
        };
        let id = match rules.resolve(&mention.id) {
            Ok(id) => id,
            Err(message) => {
                fault(message);
                continue;
            }
        };
        match mention.standing {
            Standing::Test => {
                covered.entry(id).or_insert(mention);
            }
            // Known, but it proves nothing.
            Standing::IgnoredTest => {}
            Standing::Astray => fault(format!("{id} stands above no test")),
        }
    }
    let mut left_out = BTreeSet::new();
    for row in rules.left_out() {
        let mut fault = |message: String| {
            faults.push(Fault {
                file: "xtask/rules/left-out.tsv".to_owned(),
                line: row.line,
                message,
            });
        };
        let named = rules.matching(&row.pattern);
        if named.is_empty() {
            fault(format!("{} names no rule", row.pattern));
        }
        for id in named {
            if let Some(mention) = covered.get(&id) {
                fault(format!(
                    "{id} is left out, but {}:{} tests it",
                    mention.file, mention.line
                ));
            }
            left_out.insert(id);
        }
    }
    let line = |(id, rule): (RuleId, &str)| RuleLine {
        id: id.to_string(),
        rule: rule.to_owned(),
    };
    let mut files = Vec::new();
    let mut uncovered = Vec::new();
    let mut missing = Vec::new();
    for prefix in rules.prefixes() {
        let open: Vec<_> = rules
            .of(prefix)
            .filter(|(id, _)| !covered.contains_key(id) && !left_out.contains(id))
            .collect();
        let count =
            |of: &dyn Fn(&RuleId) -> bool| rules.of(prefix).filter(|(id, _)| of(id)).count();
        files.push(FileLine {
            prefix: prefix.to_owned(),
            rules: rules.of(prefix).count(),
            covered: count(&|id| covered.contains_key(id)),
            left_out: count(&|id| left_out.contains(id) && !covered.contains_key(id)),
            uncovered: open.len(),
        });
        if args.require.iter().any(|required| required == prefix) {
            missing.extend(open.iter().cloned().map(line));
        }
        if args.uncovered.as_deref() == Some(prefix) {
            uncovered.extend(open.into_iter().map(line));
        }
    }
    Ok(Conformance {
        schema: 1,
        files,
        uncovered,
        missing,
        faults,
    })
}

fn print(out: &mut dyn Write, result: &Conformance, args: &Args) -> anyhow::Result<()> {
    if args.uncovered.is_some() {
        for rule in &result.uncovered {
            writeln!(out, "{}\t{}", rule.id, rule.rule)?;
        }
    } else {
        writeln!(out, "file  rules  covered  left out  uncovered")?;
        for file in &result.files {
            writeln!(
                out,
                "{:4}  {:5}  {:7}  {:8}  {:9}",
                file.prefix, file.rules, file.covered, file.left_out, file.uncovered
            )?;
        }
    }
    for rule in &result.missing {
        writeln!(out, "missing: {}: {}", rule.id, rule.rule)?;
    }
    for fault in &result.faults {
        writeln!(
            out,
            "fault: {}:{}: {}",
            fault.file, fault.line, fault.message
        )?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    /// A small workspace: rule files, left-out rows, sources.
    fn workspace(left_out: &str, sources: &[(&str, &str)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        let rules = root.path().join("xtask/rules");
        fs::create_dir_all(&rules).unwrap();
        let head = "id\tarticle\trule\n";
        fs::write(
            rules.join("pof.tsv"),
            format!("{head}R-LCK-001\tQ1\tlocks\nR-MBG-001\tQ2\tmailbags\nR-GUI-001\t@\ta\nR-GUI-002\t@\tb\n"),
        )
        .unwrap();
        fs::write(
            rules.join("tra.tsv"),
            format!("{head}R-LCK-001\tQ1\tother locks\n"),
        )
        .unwrap();
        if !left_out.is_empty() {
            fs::write(
                rules.join("left-out.tsv"),
                format!("rule\treason\n{left_out}"),
            )
            .unwrap();
        }
        for (path, text) in sources {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        root
    }

    fn judged(root: &tempfile::TempDir, args: &Args) -> Conformance {
        let rules = Rules::load(&root.path().join("xtask/rules")).unwrap();
        judge(&rules, &scan::workspace(root.path()).unwrap(), args).unwrap()
    }

    fn faults(left_out: &str, source: &str) -> Vec<String> {
        let root = workspace(left_out, &[("crates/a/src/lib.rs", source)]);
        let result = judged(&root, &Args::default());
        assert_eq!(
            run_to(&Args::default(), root.path(), &mut std::io::sink()).unwrap(),
            result.faults.is_empty()
        );
        result
            .faults
            .into_iter()
            .map(|fault| fault.message)
            .collect()
    }

    // rule: dec:DEC-001
    #[test]
    fn an_id_without_prefix_is_good_only_where_one_file_defines_it() {
        assert!(faults("", "// rule: R-MBG-001\n#[test]\nfn x() {}\n").is_empty());
        let found = faults("", "// rule: R-LCK-001\n#[test]\nfn x() {}\n");
        assert_eq!(found.len(), 1);
        assert!(found[0].contains("pof:R-LCK-001") && found[0].contains("tra:R-LCK-001"));
        assert!(faults("", "// rule: tra:R-LCK-001\n#[test]\nfn x() {}\n").is_empty());
    }

    #[test]
    fn every_kind_of_fault_fails() {
        for (left_out, source, what) in [
            (
                "",
                "// rule: pof:R-XXX-001\n#[test]\nfn x() {}\n",
                "no rule",
            ),
            ("", "// rule: zzz:R-MBG-001\n#[test]\nfn x() {}\n", "zzz"),
            ("", "// rule: R-XXX-001\n#[test]\nfn x() {}\n", "no file"),
            ("", "// rule: pof:R-MBG-001\nfn x() {}\n", "above no test"),
            (
                "pof:R-MBG-001\twhy\n",
                "// rule: pof:R-MBG-001\n#[test]\nfn x() {}\n",
                "crates/a/src/lib.rs:1 tests it",
            ),
            (
                "pof:R-GUI-*\twhy\n",
                "// rule: pof:R-GUI-002\n#[test]\nfn x() {}\n",
                "R-GUI-002 is left out",
            ),
            ("pof:R-XXX-*\twhy\n", "", "names no rule"),
            ("R-MBG-001\twhy\n", "", "names no rule"),
        ] {
            let found = faults(left_out, source);
            assert_eq!(found.len(), 1, "{source:?} {found:?}");
            assert!(found[0].contains(what), "{found:?}");
        }
    }

    #[test]
    fn the_numbers_of_each_file_add_up() {
        let root = workspace(
            "pof:R-GUI-*\twindows of the original\n",
            &[
                (
                    "crates/a/src/lib.rs",
                    "// rule: pof:R-MBG-001, R-MBG-001\n#[test]\nfn x() {}\n",
                ),
                ("tests/cli.trycmd", "// rule: tra:R-LCK-001\n```\n"),
                ("target/debug/build.rs", "// rule: nonsense\n"),
            ],
        );
        let result = judged(&root, &Args::default());
        let line = |prefix: &str, rules, covered, left_out, uncovered| FileLine {
            prefix: prefix.to_owned(),
            rules,
            covered,
            left_out,
            uncovered,
        };
        assert_eq!(
            result.files,
            [line("pof", 4, 1, 2, 1), line("tra", 1, 1, 0, 0)]
        );
        assert!(result.faults.is_empty(), "{:?}", result.faults);
        let json = serde_json::to_value(&result).unwrap();
        assert_eq!(json["files"][0]["left_out"], 2);
    }

    #[test]
    fn required_files_must_have_no_open_rule() {
        let root = workspace(
            "",
            &[(
                "crates/a/src/lib.rs",
                "// rule: tra:R-LCK-001\n#[test]\nfn x() {}\n",
            )],
        );
        let args = |uncovered: Option<&str>, require: &[&str]| Args {
            uncovered: uncovered.map(str::to_owned),
            require: require.iter().map(|p| (*p).to_owned()).collect(),
            json: false,
        };
        assert!(run_to(&args(None, &["tra"]), root.path(), &mut std::io::sink()).unwrap());
        assert!(
            !run_to(
                &args(None, &["tra", "pof"]),
                root.path(),
                &mut std::io::sink()
            )
            .unwrap()
        );
        assert!(run_to(&args(Some("pof"), &[]), root.path(), &mut std::io::sink()).unwrap());
        assert!(run_to(&args(None, &["zzz"]), root.path(), &mut std::io::sink()).is_err());
        let result = judged(&root, &args(Some("pof"), &["pof"]));
        assert_eq!(result.missing.len(), 4);
        assert_eq!(result.missing, result.uncovered);
        let mut text = Vec::new();
        print(&mut text, &result, &args(Some("pof"), &[])).unwrap();
        let text = String::from_utf8(text).unwrap();
        assert!(text.starts_with("pof:R-LCK-001\tlocks\n"), "{text}");
    }

    #[test]
    fn an_ignored_test_proves_nothing() {
        let root = workspace(
            "",
            &[(
                "crates/a/src/lib.rs",
                "// rule: tra:R-LCK-001\n#[test]\n#[ignore = \"why\"]\nfn x() {}\n",
            )],
        );
        let result = judged(&root, &Args::default());
        assert!(result.faults.is_empty());
        assert_eq!(result.files[1].covered, 0);
    }
}
