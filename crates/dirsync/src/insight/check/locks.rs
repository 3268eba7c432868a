//! Part 15: locks that were left behind (Q112301, Q128913).

use std::collections::BTreeSet;

use crate::tree::TreeError;
use crate::tree::disk::EntryName;
use crate::tree::journal::Plan;
use crate::tree::lock::Holder;

use super::super::findings::kinds;
use super::Check;
use super::read::{self, EntryKind};

kinds! {
    SORTLOCK = "lock.sortlock" Error ("Q112301 assigned"):
        "SORTLOCK.GLB exists: a sort of the queues is running or was stopped; until it is gone queues are not sorted (message 45). One that is ours, or older than 24 hours, can be removed."
        => "remove SORTLOCK.GLB";
    STALE_0LK = "lock.stale-0lk" Warning ("Q128913 Q135902"):
        "The lock of a mail queue is more than 24 hours old; its owner is gone."
        => "remove the lock file";
}

/// Age from which a lock counts as left behind, in seconds (DEC-106).
const STALE_SECONDS: i64 = 86_400;

pub(super) fn run(check: &mut Check<'_>) -> Result<(), TreeError> {
    sortlock(check)?;
    queue_locks(check)
}

fn age_seconds(check: &Check<'_>, modified_unix_s: i64) -> i64 {
    i64::from(check.options().now_unix_s).saturating_sub(modified_unix_s)
}

fn sortlock(check: &mut Check<'_>) -> Result<(), TreeError> {
    let view = check.view();
    let path = read::path(view, "GLB/SORTLOCK.GLB")?;
    let Some(stat) = read::stat_on_disk(view, &path)?.filter(|stat| stat.kind == EntryKind::File)
    else {
        return Ok(());
    };
    let holder = read::small(view, "GLB/SORTLOCK.GLB", 2048)?
        .and_then(|file| Holder::from_note(&String::from_utf8_lossy(&file.bytes)));
    let age = age_seconds(check, stat.modified_unix_s);
    // Whoever mends holds the lock of the tree, so an owner that is one of ours is dead.
    let plan = if holder.is_some() || age > STALE_SECONDS {
        let mut plan = Plan::new();
        plan.remove(path.clone())?;
        Some(plan)
    } else {
        None
    };
    let owner = match holder {
        Some(holder) => holder.sentence(),
        None => "its owner is not known".to_owned(),
    };
    let message = format!("SORTLOCK.GLB exists ({owner}; {} hours old).", age / 3600);
    check.report(&SORTLOCK, path.as_str(), None, message, plan);
    Ok(())
}

fn queue_locks(check: &mut Check<'_>) -> Result<(), TreeError> {
    let view = check.view();
    let dir = read::path(view, "P1")?;
    let mut names = BTreeSet::new();
    read::list_on_disk(view, &dir, &mut |entry| {
        if let (EntryName::Plain(name), EntryKind::File) = (entry.name, entry.kind)
            && name
                .rsplit_once('.')
                .is_some_and(|(_, ending)| is_queue_lock(ending))
        {
            names.insert(name);
        }
    })?;
    for name in names {
        let path = dir.join(&name)?;
        let Some(stat) = read::stat_on_disk(view, &path)? else {
            continue;
        };
        let age = age_seconds(check, stat.modified_unix_s);
        if age > STALE_SECONDS {
            let mut plan = Plan::new();
            plan.remove(path.clone())?;
            let message = format!("The lock of this queue is {} hours old.", age / 3600);
            check.report(&STALE_0LK, path.as_str(), None, message, Some(plan));
        }
    }
    Ok(())
}

/// `0LK` of 3.0 and later, `0nn` of 2.1 (Q119642): zero and two more (transport-admin OQ-19).
fn is_queue_lock(ending: &str) -> bool {
    ending.len() == 3 && ending.starts_with('0')
}
