//! Part 8a: the address file and the group file against their shadows (Q112881, Q132744).
//!
//! Our commits write both files of a pair or none, so a difference is damage of one of them. The
//! documented repair copies the shadow over the first file.

use crate::core::format::sizes::{Verdict, size_rule_for};
use crate::tree::TreeError;
use crate::tree::journal::Plan;

use super::super::findings::{FindingKind, kinds};
use super::read::Eyes;
use super::{Check, files, read};

kinds! {
    NME_DIFFERS = "shadow.nme-differs" Error ("Q132744 Q112881 Q119018"):
        "ADMIN.NME and its shadow have different lengths, and one of them is damaged."
        => "copy the sound one over the damaged one";
    NME_UNDECIDED = "shadow.nme-undecided" Error ("Q132744 Q112881"):
        "ADMIN.NME and its shadow have different lengths; both could be right."
        => "copy the shadow over ADMIN.NME",
        loses "what only ADMIN.NME holds";
    NME_CONTENT = "shadow.nme-content" Warning ("Q112881 Q85647"):
        "ADMIN.NME and its shadow have the same length but not the same content."
        => "copy the shadow over ADMIN.NME",
        loses "what only ADMIN.NME holds";
    GRP_DIFFERS = "shadow.grp-differs" Error ("Q132744 Q135932"):
        "ADMIN.GRP and its shadow have different lengths, and one of them is damaged."
        => "copy the sound one over the damaged one";
    GRP_UNDECIDED = "shadow.grp-undecided" Error ("Q132744 Q135932"):
        "ADMIN.GRP and its shadow have different lengths; both could be right."
        => "copy the shadow over ADMIN.GRP",
        loses "what only ADMIN.GRP holds";
    GRP_CONTENT = "shadow.grp-content" Warning ("Q135932"):
        "ADMIN.GRP and its shadow have the same length but not the same content."
        => "copy the shadow over ADMIN.GRP",
        loses "what only ADMIN.GRP holds";
}

/// One pair and the kinds of findings about it.
struct Pair {
    first: &'static str,
    shadow: &'static str,
    differs: &'static FindingKind,
    undecided: &'static FindingKind,
    content: &'static FindingKind,
    heading: &'static str,
}

const PAIRS: [Pair; 2] = [
    Pair {
        first: "NME/ADMIN.NME",
        shadow: "NME/ADMINSHD.NME",
        differs: &NME_DIFFERS,
        undecided: &NME_UNDECIDED,
        content: &NME_CONTENT,
        heading: "ADMIN.NME/ADMINSHD.NME sizes differ.",
    },
    Pair {
        first: "GRP/ADMIN.GRP",
        shadow: "GRP/ADMINSHD.GRP",
        differs: &GRP_DIFFERS,
        undecided: &GRP_UNDECIDED,
        content: &GRP_CONTENT,
        heading: "ADMIN.GRP/ADMINSHD.GRP sizes differ.",
    },
];

pub(super) fn run(check: &mut Check<'_>) -> Result<(), TreeError> {
    for pair in &PAIRS {
        look(check, pair)?;
    }
    Ok(())
}

fn look(check: &mut Check<'_>, pair: &Pair) -> Result<(), TreeError> {
    let view = check.view();
    let (Some(first), Some(shadow)) = (
        read::stat(view, pair.first)?.map(|stat| stat.len),
        read::stat(view, pair.shadow)?.map(|stat| stat.len),
    ) else {
        return Ok(());
    };
    let path = read::path(view, pair.first)?;
    if first == shadow {
        // On other trees only the sizes are documented to agree.
        if check.is_ours()
            && let Some(offset) = first_difference(view, pair.first, pair.shadow)?
        {
            let message = format!(
                "{} and {} differ from byte {offset} on.",
                pair.first, pair.shadow
            );
            let plan = copy(view, pair.shadow, pair.first)?;
            check.report(pair.content, path.as_str(), Some(offset), message, plan);
        }
        return Ok(());
    }
    let message = format!(
        "{} {} has {first} bytes, {} has {shadow}.",
        pair.heading, pair.first, pair.shadow
    );
    let (kind, plan) = match (is_sound(pair.first, first), is_sound(pair.shadow, shadow)) {
        (false, true) => (pair.differs, copy(view, pair.shadow, pair.first)?),
        (true, false) => (pair.differs, copy(view, pair.first, pair.shadow)?),
        (true, true) => (pair.undecided, copy(view, pair.shadow, pair.first)?),
        (false, false) => (pair.differs, None),
    };
    check.report(kind, path.as_str(), None, message, plan);
    Ok(())
}

fn is_sound(file: &str, len: u64) -> bool {
    let (dir, name) = file.rsplit_once('/').unwrap_or(("", file));
    size_rule_for(dir, name).is_none_or(|rule| matches!(rule.verdict(len), Verdict::Valid { .. }))
}

fn copy(view: &Eyes<'_>, from: &str, to: &str) -> Result<Option<Plan>, TreeError> {
    let Some(bytes) = files::sound_copy(view, from)? else {
        return Ok(None);
    };
    let mut plan = Plan::new();
    plan.replace(read::path(view, to)?, bytes)?;
    Ok(Some(plan))
}

/// Where two files of the same length begin to differ; `None` when they do not, or cannot be read.
pub(super) fn first_difference(
    view: &Eyes<'_>,
    one: &str,
    other: &str,
) -> Result<Option<u64>, TreeError> {
    let (Some(one), Some(other)) = (read::open(view, one)?, read::open(view, other)?) else {
        return Ok(None);
    };
    let (mut a, mut b) = (vec![0u8; 64 << 10], vec![0u8; 64 << 10]);
    let mut at = 0;
    loop {
        let n = read::lenient(view, one.read_at(&mut a, at))?;
        let m = read::lenient(view, other.read_at(&mut b, at))?;
        let len = n.min(m);
        if let Some(differs) = a[..len].iter().zip(&b[..len]).position(|(x, y)| x != y) {
            return Ok(Some(at + differs as u64));
        }
        if n != m {
            return Ok(Some(at + len as u64));
        }
        if n == 0 {
            return Ok(None);
        }
        at += n as u64;
    }
}

/// Whether both files of a pair exist with the same content, so that a repair of the first may be
/// made in both.
pub(super) fn agree(view: &Eyes<'_>, first: &str, shadow: &str) -> Result<bool, TreeError> {
    let lens = (read::stat(view, first)?, read::stat(view, shadow)?);
    let (Some(first_stat), Some(shadow_stat)) = lens else {
        return Ok(false);
    };
    Ok(first_stat.kind == read::EntryKind::File
        && shadow_stat.kind == read::EntryKind::File
        && first_stat.len == shadow_stat.len
        && first_difference(view, first, shadow)?.is_none())
}
