//! Every id that a report can name is explained, and every explained id is used: the tables of
//! `po-admin explain` against the sources of all crates.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

use dirsync::insight::explain::{Meaning, explain, reading_kinds};
use dirsync::insight::findings::all;
use dirsync::insight::reports::report_kinds;
use dirsync_tests::workspace;

/// String literals `"group.fact"` of one of these groups, outside tests, and where they stand.
fn literals(groups: &BTreeSet<&str>, without: &[&str]) -> BTreeMap<String, PathBuf> {
    let mut found = BTreeMap::new();
    for entry in walkdir::WalkDir::new(workspace().join("crates")) {
        let path = entry.unwrap().into_path();
        let text = path.to_string_lossy().replace('\\', "/");
        let skip = text.contains("/tests") || text.contains("/target/");
        if path.extension().is_none_or(|end| end != "rs")
            || skip
            || without.iter().any(|end| text.ends_with(end))
        {
            continue;
        }
        let source = fs::read_to_string(&path).unwrap();
        // A test module written out ends the code of a file; a `mod tests;` does not.
        let end = source
            .match_indices("#[cfg(test)]")
            .find(|(at, _)| {
                let item = source[*at..].lines().nth(1);
                item.is_some_and(|line| line.starts_with("mod ") && line.ends_with('{'))
            })
            .map_or(source.len(), |(at, _)| at);
        let code = source[..end].lines();
        for line in code.filter(|line| !line.trim_start().starts_with("//")) {
            for literal in line.split('"').skip(1).step_by(2) {
                let word = |text: &str| {
                    !text.is_empty()
                        && text
                            .bytes()
                            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
                };
                if let Some((group, fact)) = literal.split_once('.')
                    && groups.contains(group)
                    && word(fact)
                    && !["tsv", "nme", "log"].contains(&fact)
                {
                    found.insert(literal.to_owned(), path.clone());
                }
            }
        }
    }
    found
}

/// The groups of all ids that sources make into ids of findings, whether a table has them or not.
fn own_groups() -> BTreeSet<String> {
    let mut groups = BTreeSet::new();
    for entry in walkdir::WalkDir::new(workspace().join("crates")) {
        let path = entry.unwrap().into_path();
        if path.extension().is_none_or(|end| end != "rs") || path.ends_with("failure.rs") {
            continue;
        }
        let source = fs::read_to_string(&path).unwrap();
        for made in ["FindingId(\"", "failed(\"", "Owned(\"", "id: \""] {
            let ids = source
                .split(made)
                .skip(1)
                .filter_map(|rest| rest.split('"').next());
            groups.extend(ids.filter_map(|id| Some(id.split_once('.')?.0.to_owned())));
        }
    }
    groups.retain(|group| !group.is_empty() && group.bytes().all(|b| b.is_ascii_lowercase()));
    assert!(
        groups.contains("dispatch") && groups.contains("cycle"),
        "{groups:?}"
    );
    groups
}

#[test]
fn every_event_of_the_log_is_explained() {
    for id in (9001..=9011).chain([133, 2446]) {
        let explained = explain(&format!("event {id}"));
        assert!(
            matches!(explained.meanings[..], [Meaning::Message(entry)] if entry.code == id),
            "{id}: {explained:?}"
        );
    }
}

#[test]
fn every_id_of_a_report_is_explained_and_every_explained_id_is_used() {
    let tables: Vec<_> = all().chain(reading_kinds()).chain(report_kinds()).collect();
    let own = own_groups();
    let tables = tables.iter().map(|kind| kind.id.0);
    let groups: BTreeSet<_> = tables
        .map(|id| id.split('.').next().unwrap())
        .chain(own.iter().map(String::as_str))
        .collect();
    let unknown: Vec<_> = literals(&groups, &[])
        .into_iter()
        .filter(|(id, _)| {
            let explained = explain(id);
            !match explained.meanings[..] {
                [Meaning::Finding(kind)] => kind.id.0 == *id,
                [Meaning::Message(entry)] => format!("message.{}", entry.code) == *id,
                _ => false,
            }
        })
        .collect();
    assert!(unknown.is_empty(), "not explained: {unknown:#?}");
    let used = literals(&groups, &["insight/reports.rs"]);
    for kind in report_kinds() {
        assert!(used.contains_key(kind.id.0), "{} is used nowhere", kind.id);
    }
}

#[test]
fn the_ids_of_an_import_name_their_message() {
    let explained = explain("message.27");
    assert!(
        matches!(explained.meanings[..], [Meaning::Message(entry)] if entry.code == 27),
        "{explained:?}"
    );
}
