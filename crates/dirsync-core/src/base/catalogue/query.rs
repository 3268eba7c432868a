//! What a user types to ask about a message: a number in one of the forms that logs and screens
//! use, or a part of its text.

use super::{Entry, Family, entries};
use crate::base::logline::LogSeverity;

const EVENTS: &[Family] = &[Family::MtaEvent, Family::DxEvent, Family::MsmiEvent];
const NOTICES: &[Family] = &[Family::AdminNotice, Family::ClientNotice];

/// The families a word in front of a number narrows the search to.
fn families_of_word(word: &str) -> Option<&'static [Family]> {
    if LogSeverity::from_label(word).is_some() {
        return Some(&[Family::Dirsync]);
    }
    Some(match word.to_ascii_lowercase().as_str() {
        "event" => EVENTS,
        "notice" => NOTICES,
        "message" | "dirsync" => &[Family::Dirsync],
        "code" | "transport" | "ndr" => &[Family::Transport],
        "admin" => &[Family::AdminNotice],
        "client" => &[Family::ClientNotice],
        "ffapi" => &[Family::Ffapi],
        "podiag" => &[Family::Podiag],
        "mailint" => &[Family::Mailint],
        "msexchangedx" | "dx" => &[Family::DxEvent],
        "msexchangemsmi" | "msmi" => &[Family::MsmiEvent],
        "msexchangemta" | "mta" => &[Family::MtaEvent],
        _ => return None,
    })
}

/// The messages a query means, best family first.
///
/// * `[45]`, `[ 45]`, `Fatal 39`, `Error [ 20]`, `message 45`: dirsync messages; a bracketed
///   number written with three digits and leading zeros (`[017]`) is a transport code first
/// * `event 2219`, `notice 58`, `code 17`, `podiag 117`, `ffapi 141`, `msmi 2335`: as said
/// * `45`: every family
/// * anything else, three characters or more: messages whose text holds it, case ignored;
///   `<name>` in a text does not match what stood in its place
#[must_use]
pub fn lookup(query: &str) -> Vec<&'static Entry> {
    let query = query.trim();
    match parse(query) {
        Some((families, code)) => families
            .iter()
            .filter_map(|family| super::lookup_code(*family, code))
            .collect(),
        None => by_text(query),
    }
}

/// The families and the number of a query that is one.
fn parse(query: &str) -> Option<(&'static [Family], i32)> {
    let (word, rest) = match query.find(|character: char| !character.is_ascii_alphabetic()) {
        Some(end) if end > 0 => query.split_at(end),
        _ => ("", query),
    };
    let narrowed = match word {
        "" => None,
        word => Some(families_of_word(word)?),
    };
    let rest = rest.trim_start();
    let (digits, bracketed) = match rest.strip_prefix('[') {
        Some(rest) => (rest.strip_suffix(']')?.trim(), true),
        None => (rest, false),
    };
    if digits.len() > 6 || digits.starts_with('+') {
        return None;
    }
    let code: i32 = digits.parse().ok()?;
    let families = match (narrowed, bracketed) {
        (Some(families), _) => families,
        (None, true) if digits.len() == 3 && digits.starts_with('0') => {
            &[Family::Transport, Family::Dirsync]
        }
        (None, true) => &[Family::Dirsync, Family::Transport],
        (None, false) => &Family::ALL,
    };
    Some((families, code))
}

fn by_text(query: &str) -> Vec<&'static Entry> {
    if query.chars().count() < 3 {
        return Vec::new();
    }
    let wanted = query.to_lowercase();
    entries()
        .iter()
        .filter(|entry| {
            std::iter::once(&entry.text)
                .chain(&entry.variants)
                .any(|text| text.to_lowercase().contains(&wanted))
        })
        .collect()
}
