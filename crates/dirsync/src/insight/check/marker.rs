//! Part 1: whose tree it is, and whether a commit waits to be completed.

use crate::core::base::time::parse_zone;
use crate::core::format::FixedRecord as _;
use crate::core::format::master::MasterRecord;
use crate::tree::TreeError;
use crate::tree::marker::{ForeignReason, LAYOUT_FILE, Marker};

use super::super::findings::kinds;
use super::{Check, read};

kinds! {
    FOREIGN = "tree.foreign" Note ("assigned"):
        "The tree carries no LAYOUT.TXT of this project. It is read, never written, and only what rests on published facts is checked.";
    MARKER_DAMAGED = "tree.marker-damaged" Error ("assigned"):
        "LAYOUT.TXT is there but cannot be read, or does not belong to MASTER.GLB. The tree counts as foreign until the right LAYOUT.TXT is restored from a backup.";
    NEWER_LAYOUT = "tree.newer-layout" Warning ("assigned"):
        "The tree was written by a newer version of this program; this one only reads it.";
    OLD_LAYOUT = "tree.old-layout" Warning ("assigned"):
        "The tree has an older layout; it is read as it is and written only after `po-admin upgrade`.";
    ZONE_UNKNOWN = "tree.zone-unknown" Warning ("assigned"):
        "The time zone in LAYOUT.TXT is not known here; times are shown and scheduled in UTC.";
    WORKGROUP = "tree.workgroup" Note ("Q132560 Q150688 Q91039"):
        "A Workgroup postoffice: no external postoffices, gateways, groups or directory synchronization.";
    LOWER_CASE = "tree.lower-case" Note ("Q127079 Q127082"):
        "GLB/LOWRCASE.GLB asks for lower-case names of files. Names are found in either case here, and new ones are made in upper case all the same.";
    JOURNAL_PENDING = "journal.pending" Error ("assigned"):
        "A writer stopped after its commit point. The tree is shown as if the commit were completed; the next command that writes completes it.";
    JOURNAL_DAMAGED = "journal.damaged" Fatal ("assigned"):
        "The journal holds a commit that cannot be completed, so nothing can be written. The tree is shown as it stands on the disk."
        => "The commit is set aside as JOURNAL/COMMIT.BAD.", loses "what it had not done yet; what it had done stays";
}

pub(super) fn run(check: &mut Check<'_>) -> Result<(), TreeError> {
    let view = check.view();
    let layout_file = format!("{}/{LAYOUT_FILE}", view.domain().kind.home());
    let layout_file = read::path(view, &layout_file)?.as_str().to_owned();
    match view.marker() {
        Marker::Ours(_) => {}
        Marker::Older(layout) => check.report(
            &OLD_LAYOUT,
            &layout_file,
            None,
            format!("The tree has layout version {}.", layout.version),
            None,
        ),
        Marker::Foreign(why) => {
            let kind = match why {
                ForeignReason::NoMarker => &FOREIGN,
                ForeignReason::Newer(_) => &NEWER_LAYOUT,
                _ => &MARKER_DAMAGED,
            };
            check.report(
                kind,
                &layout_file,
                None,
                format!("The tree is foreign: {why}."),
                None,
            );
        }
    }
    if let Some(layout) = view.marker().layout()
        && parse_zone(&layout.zone).is_err()
    {
        check.report(
            &ZONE_UNKNOWN,
            &layout_file,
            None,
            format!("The time zone {:?} is not known here.", layout.zone),
            None,
        );
    }
    if let Some(number) = view.pending_commit() {
        check.report(
            &JOURNAL_PENDING,
            "",
            None,
            format!("Commit {number} waits to be completed; any command that writes completes it."),
            None,
        );
    }
    if let Some(why) = view.journal_damage() {
        let message = format!(
            "The journal holds a commit that cannot be completed: {why}. \
             `--fix {}` sets it aside.",
            JOURNAL_DAMAGED.id
        );
        check.report(&JOURNAL_DAMAGED, "", None, message, None);
    }
    // Reported, not obeyed (DEC-100).
    let lower_case = read::path(view, "GLB/LOWRCASE.GLB")?;
    if read::stat_on_disk(view, &lower_case)?.is_some() {
        let message = "The tree asks for lower-case names of files.".to_owned();
        check.report(&LOWER_CASE, lower_case.as_str(), None, message, None);
    }
    if is_workgroup(check)? {
        check.report(
            &WORKGROUP,
            "",
            None,
            "This is a Workgroup postoffice.".to_owned(),
            None,
        );
    }
    Ok(())
}

/// Whether the tree is a Workgroup postoffice: MASTER.GLB says "single" (Q132560), or, where its
/// fields are not ours to read, NETWORK.GLB does not exist (Q91039).
pub(super) fn is_workgroup(check: &Check<'_>) -> Result<bool, TreeError> {
    if check.is_ours() {
        return Ok(master(check)?.is_some_and(|master| !master.is_internetwork()));
    }
    Ok(read::stat(check.view(), "GLB/NETWORK.GLB")?.is_none())
}

/// MASTER.GLB of a tree of ours, when it has the right length and our magic.
pub(super) fn master(check: &Check<'_>) -> Result<Option<MasterRecord>, TreeError> {
    if !check.is_ours() {
        return Ok(None);
    }
    let bytes = read::small(check.view(), "GLB/MASTER.GLB", MasterRecord::SIZE as u64)?;
    Ok(bytes
        .and_then(|file| MasterRecord::decode(&file.bytes).ok())
        .filter(MasterRecord::has_magic))
}
