//! `po-admin explain`: what a number, an event, a finding or a file means.
//!
//! Four tables are asked: the catalogue of numbered messages and events, the findings of the checker
//! and of commands that only read, what commands report about their work, and the list of files. What matches exactly comes alone; else every message whose text holds the
//! words; else suggestions.

use std::collections::BTreeSet;

use crate::core::base::catalogue::{
    Entry, Family, FileEntry, entries, explain_file, file_entries, lookup, lookup_code,
};

use crate::core::format::mta::event_text::EventText;

use super::findings::{FindingKind, all, kinds};
use super::reports::report_kinds;

kinds! {
    GAL_BAD_ENTRY = "gal.bad-entry" Error ("Q85647 assigned"):
        "An entry of the Global Address List is of a kind that does not exist. A rebuild makes the list anew.";
}

/// The findings of commands that only read, beside those of the checker, and of `mtacheck`.
pub fn reading_kinds() -> impl Iterator<Item = &'static FindingKind> {
    KINDS.iter().chain(
        crate::mta::check::kinds::ALL
            .iter()
            .map(|finding| &finding.kind),
    )
}

/// One thing that a query means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meaning {
    /// A numbered message or an event.
    Message(&'static Entry),
    /// A kind of finding.
    Finding(&'static FindingKind),
    /// A file.
    File(&'static FileEntry),
}

/// What is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explained {
    /// When the query is the text of an event of the MTA: what it says by itself.
    pub event: Option<EventText>,
    /// What the query means, best first; empty when nothing is known.
    pub meanings: Vec<Meaning>,
    /// When nothing is known: what might have been meant, best first.
    pub suggestions: Vec<String>,
}

/// Of ten words of an event's published text so many must be in a text that is taken for it: names and
/// numbers differ.
const ALIKE_OF_TEN: usize = 8;

/// Most suggestions.
const SUGGESTIONS: usize = 5;

/// Looks a query up.
#[must_use]
pub fn explain(query: &str) -> Explained {
    let query = query.trim();
    if let Some(event) = EventText::read(query) {
        return Explained {
            meanings: events_like(query, event.number),
            event: Some(event),
            suggestions: Vec::new(),
        };
    }
    let known = |meanings| Explained {
        event: None,
        meanings,
        suggestions: Vec::new(),
    };
    let lower = query.to_ascii_lowercase();
    // An import's problems are called by the number of their message: `message.27`.
    if let Some(number) = lower.strip_prefix("message.")
        && let Ok(number) = number.parse::<u16>()
        && let Some(entry) = lookup_code(Family::Dirsync, i32::from(number))
    {
        return known(vec![Meaning::Message(entry)]);
    }
    if let Some(kind) = findings().find(|kind| kind.id.0 == lower) {
        return known(vec![Meaning::Finding(kind)]);
    }
    // A word without folder and extension is no file name, whatever pattern it would fit.
    if query.contains(['.', '/', '\\'])
        && let Some(file) = explain_file(query)
    {
        return known(vec![Meaning::File(file)]);
    }
    // A file's name without extension, a group of findings or a fact alone; then numbers and texts.
    let mut meanings: Vec<Meaning> = file_entries()
        .iter()
        .filter(|file| stem_of(file.pattern).eq_ignore_ascii_case(query))
        .map(Meaning::File)
        .collect();
    meanings.extend(
        findings()
            .filter(|kind| kind.id.0.split('.').any(|word| word == lower))
            .map(Meaning::Finding),
    );
    if meanings.is_empty() {
        meanings.extend(lookup(query).into_iter().map(Meaning::Message));
    }
    if !meanings.is_empty() {
        return known(meanings);
    }
    Explained {
        event: None,
        meanings,
        suggestions: suggestions(query),
    }
}

/// The events of the MTA that a text may be: the one with its number, else those whose words it has.
fn events_like(text: &str, number: Option<u32>) -> Vec<Meaning> {
    let numbered = number
        .and_then(|number| i32::try_from(number).ok())
        .and_then(|number| lookup_code(Family::MtaEvent, number));
    if let Some(entry) = numbered {
        return vec![Meaning::Message(entry)];
    }
    let words: BTreeSet<String> = words_of(text).collect();
    let mut alike: Vec<(usize, &Entry)> = entries()
        .iter()
        .filter(|entry| entry.family == Family::MtaEvent)
        .filter_map(|entry| {
            std::iter::once(&entry.text)
                .chain(&entry.variants)
                .filter_map(|text| {
                    let published: BTreeSet<String> = words_of(text).collect();
                    let common = published.intersection(&words).count();
                    let tenth = (common * 10).checked_div(published.len())?;
                    (tenth >= ALIKE_OF_TEN).then_some(tenth)
                })
                .max()
                .map(|tenth| (tenth, entry))
        })
        .collect();
    alike.sort_by_key(|(tenth, entry)| (std::cmp::Reverse(*tenth), entry.code));
    let best = alike.first().map(|(tenth, _)| *tenth);
    alike
        .into_iter()
        .filter(|(tenth, _)| Some(*tenth) == best)
        .map(|(_, entry)| Meaning::Message(entry))
        .collect()
}

/// Words of small letters: names of servers and threads, numbers and ids are left out.
fn words_of(text: &str) -> impl Iterator<Item = String> {
    text.split(|c: char| !c.is_alphanumeric())
        .filter(|word| word.len() > 2 && word.chars().skip(1).all(char::is_lowercase))
        .map(str::to_lowercase)
}

fn findings() -> impl Iterator<Item = &'static FindingKind> {
    all().chain(reading_kinds()).chain(report_kinds())
}

fn stem_of(pattern: &str) -> &str {
    let name = pattern.rsplit('/').next().unwrap_or(pattern);
    name.split('.').next().unwrap_or(name)
}

/// What lies nearest to a query that nothing is known about.
fn suggestions(query: &str) -> Vec<String> {
    let wanted = query.to_lowercase();
    let mut near: Vec<(usize, String)> = Vec::new();
    if let Ok(number) = wanted
        .trim_matches(|c: char| !c.is_ascii_digit())
        .parse::<i64>()
    {
        // Of each family the number that lies nearest.
        for family in Family::ALL {
            let nearest = entries()
                .iter()
                .filter(|entry| entry.family == family)
                .min_by_key(|entry| (i64::from(entry.code) - number).unsigned_abs());
            if let Some(entry) = nearest {
                let distance = (i64::from(entry.code) - number).unsigned_abs();
                near.push((
                    usize::try_from(distance).unwrap_or(usize::MAX),
                    entry.label(),
                ));
            }
        }
    } else {
        let candidates =
            findings()
                .map(|kind| kind.id.0.to_owned())
                .chain(file_entries().iter().map(|file| {
                    let name = file.pattern.rsplit('/').next().unwrap_or(file.pattern);
                    name.to_owned()
                }));
        for candidate in candidates {
            let lower = candidate.to_lowercase();
            // A third of the letters may be wrong; the fact alone, or a part of it, is near too.
            let limit = wanted.chars().count().div_ceil(3);
            let part = lower
                .split('.')
                .map(|part| distance(part, &wanted))
                .min()
                .unwrap_or(usize::MAX);
            let whole = distance(&lower, &wanted);
            let holds = wanted.chars().count() >= 3 && lower.contains(&wanted);
            let best = if holds {
                0
            } else {
                whole.min(part.saturating_add(1))
            };
            if best <= limit {
                near.push((best, candidate));
            }
        }
    }
    near.sort();
    near.dedup_by(|a, b| a.1 == b.1);
    near.into_iter()
        .take(SUGGESTIONS)
        .map(|(_, word)| word)
        .collect()
}

/// Letters to change, add or leave out to make one word the other (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().take(64).collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.chars().take(64).enumerate() {
        let mut diagonal = i;
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
        for (j, cb) in b.iter().enumerate() {
            let changed = diagonal + usize::from(ca != *cb);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    // rule: tra:NEED-01
    #[test]
    fn codes_events_findings_and_files_are_found() {
        let kinds = |query: &str| -> Vec<&'static str> {
            explain(query)
                .meanings
                .iter()
                .map(|meaning| match meaning {
                    Meaning::Message(entry) => entry.family.name(),
                    Meaning::Finding(kind) => kind.id.0,
                    Meaning::File(file) => file.pattern,
                })
                .collect()
        };
        assert_eq!(kinds("Fatal [ 39]"), ["dirsync message"]);
        assert!(kinds("event 2219").contains(&"MSExchangeMTA event"));
        assert_eq!(
            kinds("mailbag.key-without-mbg"),
            ["mailbag.key-without-mbg"]
        );
        assert_eq!(kinds("GAL.MISSING"), ["gal.missing"]);
        assert_eq!(kinds("glb\\control.glb"), ["GLB/CONTROL.GLB"]);
        assert_eq!(kinds("CONTROL")[0], "GLB/CONTROL.GLB");
        assert!(kinds("0000004F.MBG").contains(&"MBG/*.MBG"));
        assert!(kinds("journal").contains(&"journal.pending"));
    }

    // rule: mta:R-REC-030
    // rule: mta:TV-16
    #[test]
    fn the_text_of_an_event_is_read_and_its_event_found() {
        let codes = |text: &str| -> Vec<i32> {
            let explained = explain(text);
            assert!(explained.event.is_some(), "{text}");
            explained
                .meanings
                .iter()
                .map(|meaning| match meaning {
                    Meaning::Message(entry) => entry.code,
                    other => panic!("{other:?}"),
                })
                .collect()
        };
        // Other names and numbers than the published ones.
        let made = "A priority 2 held-for-delivery/transfer queue for /O=ACME/OU=HQ/CN=X was \
            created and given the 61 identifier. [MTA MAIN BASE 1 213] (8)";
        assert_eq!(codes(made), [285]);
        let record = "message NMI2171: Internal Processing Error, severity 14\n\
            (DB Server DISP:FANOUT(12) Proc 26) 04-18-97 02:13:47pm";
        assert_eq!(codes(record), [2171]);
        assert_eq!(
            codes("exception e0050c08 [XAPI OPERATOR 41 26] (16)"),
            [3080]
        );
        assert_eq!(
            codes("nothing known. [MTA RTSE 3 4] (10)"),
            Vec::<i32>::new()
        );
    }

    #[test]
    fn near_misses_get_suggestions() {
        let first = |query: &str| explain(query).suggestions.first().cloned();
        assert_eq!(
            first("mailbag.key-wihtout-mbg").as_deref(),
            Some("mailbag.key-without-mbg")
        );
        assert_eq!(first("gal.mising").as_deref(), Some("gal.missing"));
        assert_eq!(first("CONTROLL.GLB").as_deref(), Some("CONTROL.GLB"));
        assert!(!explain("999999").suggestions.is_empty());
        assert_eq!(explain("qqqqqqqqqqqq").suggestions, Vec::<String>::new());
    }

    #[test]
    fn ids_are_not_those_of_the_checker_again() {
        let checker: BTreeSet<_> = all().map(|kind| kind.id.0).collect();
        for kind in reading_kinds().chain(report_kinds()) {
            assert!(!checker.contains(kind.id.0), "{}", kind.id);
            assert!(!kind.meaning.is_empty() && !kind.source.is_empty());
        }
    }

    // Every id that reading commands report can be explained.
    #[test]
    fn what_reading_commands_report_is_explained() {
        use crate::postoffice::{gal, mail, stream};
        for id in [
            stream::UNREADABLE,
            stream::NOT_REGULAR,
            gal::MISSING,
            gal::BAD_ENTRY,
            gal::BAD_POINTER,
            gal::INDEX_UNUSABLE,
            gal::FRAGMENT,
            mail::KEY_MISSING,
            mail::MBG_MISSING,
            mail::KEY_SHORT,
            mail::KEY_LONG,
            mail::MBG_FRAGMENT,
            mail::TOO_MANY,
            mail::BAD_DATE,
            mail::BAD_HEADER,
            mail::MESSAGE_MISSING,
        ] {
            let explained = explain(id.0);
            assert!(
                matches!(explained.meanings[..], [Meaning::Finding(kind)] if kind.id == id),
                "{id}"
            );
        }
    }

    #[test]
    fn distances() {
        for (a, b, d) in [
            ("", "", 0),
            ("abc", "", 3),
            ("abc", "abd", 1),
            ("abc", "bc", 1),
            ("kitten", "sitting", 3),
        ] {
            assert_eq!(distance(a, b), d, "{a} {b}");
            assert_eq!(distance(b, a), d, "{b} {a}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn any_query_ends(query in any::<String>()) {
            let explained = explain(&query);
            prop_assert!(explained.suggestions.len() <= SUGGESTIONS);
        }
    }
}
