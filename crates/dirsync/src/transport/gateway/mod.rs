//! Mail between a postoffice and the gateways that emulate postoffices behind it: what GTWPUT and
//! GTWGET did (exc 14.1, 14.4).
//!
//! A gateway is a foreign program: it adds files to `IN` and takes files out of `OUT` and `BAD` whenever
//! it likes (people do so with `BAD`), and knows nothing of locks. So no commit ever names a file there.
//! `TAKEN` and `SPOOL` are ours alone, and a file passes between a folder of ours and one of theirs by
//! one rename outside of the journal (`TreeMut::exchange`):
//!
//! ```text
//! IN --rename--> TAKEN --commit--> INQUEUE3                    [serve_in]
//!                      --commit--> SPOOL --rename--> BAD
//!        outbound mailbag --commit--> SPOOL --rename--> OUT    [serve_out]
//! ```
//!
//! # The crash argument
//!
//! * A rename is atomic and replaces nothing: wherever the power goes, the file has one of the two names.
//!   Both folders are looked at before anything else is taken or written, so a file that a crash left in
//!   between goes on, and none is in two places.
//! * What was moved to `TAKEN` is durable there before it is read, and nobody else removes it: the commit
//!   that queues its messages removes exactly the bytes that were read. A newer file of the same name
//!   stands in `IN` by then and is another file. *Crash before the commit: the file is in `TAKEN` and
//!   taken first by the next pass; after it: the messages are in INQUEUE3 and the file is gone.*
//! * A message for the gateway leaves its mailbag in the commit that makes its file in `SPOOL`. *Crash
//!   before the commit: it waits in the mailbag; after it: the next pass renames the file.* Its
//!   name is its number, which never comes twice, so a name in `SPOOL` is never one of an earlier file.
//! * What recovery has to do again touches `TAKEN`, `SPOOL`, the mailbags and nothing of the gateway's: a
//!   file that it took, put or removed meanwhile cannot make the journal look damaged.
//! * Killed at any moment, the program neither loses nor doubles a message. A power cut in the instant
//!   between the rename into `OUT` and its sync may, if the gateway took the file in that instant, show
//!   it to the gateway again under the same name: no rename can exclude that, the name tells.

mod bring;
mod carry;

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use crate::core::base::HexId;
use crate::core::base::finding::{Finding, FindingId, Severity};
use crate::core::base::ident::MailbagStem;
use crate::core::base::time::UnixTime;
use crate::postoffice::externals::gateways::{self, Folder, Gateway};
use crate::postoffice::stream::{Report, report_or_fail};
use crate::postoffice::{Edit, Identity, PoError};
use crate::tree::disk::EntryName;
use crate::tree::journal::Plan;
use crate::tree::view::Exchanged;
use crate::tree::{RelPath, TreeError, TreeMut, TreeView};

use super::route::Routes;

pub use bring::{FILE_LIMIT_BYTES, bring, take};
pub use carry::carry_off;

/// Bytes of files that share a commit, but always at least one file.
const BATCH_LIMIT_BYTES: u64 = 8 << 20;

/// A file of a gateway that was not taken, with the error of FFAPI.
pub const REFUSED: FindingId = FindingId("gateway.refused");
/// A file of a gateway, or a message for it, that waits.
pub const WAITS: FindingId = FindingId("gateway.waits");
/// A message for a gateway that cannot be written as a file, and was returned.
pub const RETURNED: FindingId = FindingId("gateway.returned");
/// A gateway that could not be served.
pub const FAILED: FindingId = FindingId("gateway.failed");

/// Whether a problem with this id is met once: what it is about has left, and a later pass does not say it
/// again.
#[must_use]
pub fn is_said_once(id: &str) -> bool {
    [REFUSED, RETURNED].iter().any(|known| known.0 == id)
}

/// What was moved.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct GatewayTotals {
    /// Messages that gateways brought.
    pub brought: u64,
    /// Files with faults that were put aside.
    pub refused: u64,
    /// Messages that were written for gateways.
    pub carried_off: u64,
    /// Messages to `*SPECIAL` that were swallowed.
    pub swallowed: u64,
    /// Messages that cannot be written as a file and went back to their senders.
    #[serde(default)]
    pub returned: u64,
}

impl GatewayTotals {
    /// Adds another pass.
    pub fn add(&mut self, other: &Self) {
        self.brought += other.brought;
        self.refused += other.refused;
        self.carried_off += other.carried_off;
        self.swallowed += other.swallowed;
        self.returned += other.returned;
    }

    /// Whatever moved.
    #[must_use]
    pub fn moved(&self) -> u64 {
        self.brought + self.refused + self.carried_off + self.swallowed + self.returned
    }
}

/// A gateway and its mailbag.
#[derive(Debug, Clone, Copy)]
pub struct Place {
    gateway: Gateway,
    mailbag: HexId,
}

impl Place {
    /// The mailbag of what waits for it.
    #[must_use]
    pub fn mailbag(&self) -> HexId {
        self.mailbag
    }

    /// The postoffice it emulates.
    #[must_use]
    pub fn name(&self) -> crate::core::base::PoName {
        self.gateway.name
    }

    /// A folder of it on the disk.
    fn folder(&self, view: &TreeView, folder: Folder) -> Result<RelPath, TreeError> {
        view.path(&folder.path(self.mailbag))
    }
}

/// The gateways of a postoffice that have a mailbag. One whose network cannot be read is reported and
/// left out: its mail waits, and nobody else's.
///
/// # Errors
/// [`PoError::NoIdentity`], or a disk error that is not about one file.
pub fn places(view: &TreeView, report: &mut Report<'_>) -> Result<Vec<Place>, PoError> {
    if view.stat(gateways::GATEWAYS_INI)?.is_none() {
        return Ok(Vec::new());
    }
    let mut routes = Routes::load(view, Identity::read(view)?.name)?;
    places_of(view, &mut routes, report)
}

/// As [`places`], with routes that are loaded already.
///
/// # Errors
/// As [`places`].
pub(super) fn places_of(
    view: &TreeView,
    routes: &mut Routes<'_>,
    report: &mut Report<'_>,
) -> Result<Vec<Place>, PoError> {
    let known = match gateways::known(view) {
        Err(PoError::Tree(error)) => {
            report_or_fail(gateways::GATEWAYS_INI, error, report)?;
            return Ok(Vec::new());
        }
        other => other?,
    };
    let mut places = Vec::new();
    for gateway in known {
        match routes.mailbag_of(&gateway.name) {
            Ok(Some(mailbag)) => places.push(Place { gateway, mailbag }),
            Ok(None) => {}
            Err(error) => {
                let file = match &error {
                    TreeError::Disk { error, .. } => error.path.to_string(),
                    _ => "XTN".to_owned(),
                };
                report_or_fail(&file, error, report)?;
            }
        }
    }
    Ok(places)
}

fn holds_anything(view: &TreeView, place: &Place, folder: Folder) -> Result<bool, TreeError> {
    let mut any = false;
    view.list_on_disk(&place.folder(view, folder)?, &mut |_| {
        any = true;
        ControlFlow::Break(())
    })?;
    Ok(any)
}

/// Whether a gateway brought anything, or something is on its way between two folders.
///
/// # Errors
/// A disk error.
pub fn has_brought(view: &TreeView, place: &Place) -> Result<bool, PoError> {
    Ok(
        !gateways::files(view, Folder::In, place.mailbag, 1)?.is_empty()
            || holds_anything(view, place, Folder::Taken)?
            || holds_anything(view, place, Folder::Spool)?,
    )
}

/// Whether anything waits for a gateway.
///
/// # Errors
/// A disk error.
pub fn has_waiting(view: &TreeView, place: &Place) -> Result<bool, PoError> {
    let path = MailbagStem::Id(place.mailbag).mbg_path();
    Ok(view.stat(&path)?.is_some_and(|stat| stat.len > 0))
}

fn finding(id: FindingId, file: String, message: String) -> Finding {
    let (severity, hint) = if id == REFUSED {
        (
            Severity::Error,
            "mend the file and put it back into IN; FFAPI errors are told by `po-admin explain`",
        )
    } else if id == RETURNED {
        (
            Severity::Warning,
            "its sender has the reason, LOG/SYSTEM.LOG as well; send it in another form",
        )
    } else {
        (
            Severity::Warning,
            "it goes on as soon as it can; `po-admin gateway list` shows what waits",
        )
    };
    Finding {
        id,
        severity,
        file,
        offset: None,
        message,
        hint: hint.into(),
        repair: None,
    }
}

/// Makes one commit; the number is that of what moves in it.
pub type Commit<'a> = dyn FnMut(&mut TreeMut, &Plan, u64) -> Result<(), TreeError> + 'a;

/// Takes what a gateway brought. `totals` counts what was done, also when it ends with an error.
///
/// # Errors
/// [`PoError::NoIdentity`], a damaged INQUEUE3, no space, or a disk error: what is not taken then waits.
pub fn serve_in(
    tree: &mut TreeMut,
    place: &Place,
    now: UnixTime,
    commit: &mut Commit<'_>,
    totals: &mut GatewayTotals,
    report: &mut Report<'_>,
) -> Result<(), PoError> {
    make_folders(tree, place, commit)?;
    hand_out(tree, place, report)?;
    // What an earlier pass took and could not queue comes first.
    let mut told = Vec::new();
    let sink = &mut |finding| told.push(finding);
    let first = one_commit(tree, commit, &mut |edit| bring(edit, place, now, sink))?;
    totals.add(&first);
    if first.moved() == 0 && take(tree, place, report)? > 0 {
        // It is looked at again, and said then.
        told.clear();
        let next = one_commit(tree, commit, &mut |edit| bring(edit, place, now, report))?;
        totals.add(&next);
    }
    told.into_iter().for_each(&mut *report);
    hand_out(tree, place, report)
}

/// Writes what waits for a gateway. `totals` as in [`serve_in`].
///
/// # Errors
/// A damaged mailbag, or a disk error: what is not written then waits.
pub fn serve_out(
    tree: &mut TreeMut,
    place: &Place,
    now: UnixTime,
    commit: &mut Commit<'_>,
    totals: &mut GatewayTotals,
    report: &mut Report<'_>,
) -> Result<(), PoError> {
    make_folders(tree, place, commit)?;
    hand_out(tree, place, &mut |_| {})?;
    let done = one_commit(tree, commit, &mut |edit| {
        carry_off(edit, place, now, report)
    })?;
    totals.add(&done);
    hand_out(tree, place, report)
}

fn one_commit(
    tree: &mut TreeMut,
    commit: &mut Commit<'_>,
    make: &mut dyn FnMut(&mut Edit<'_>) -> Result<GatewayTotals, PoError>,
) -> Result<GatewayTotals, PoError> {
    let mut edit = Edit::new(tree.view());
    let totals = make(&mut edit)?;
    let plan = edit.finish()?;
    if !plan.is_empty() {
        commit(tree, &plan, totals.moved())?;
    }
    Ok(totals)
}

/// Makes the folders that are missing: of a gateway that was made by an earlier version, or whose
/// program removed one.
fn make_folders(tree: &mut TreeMut, place: &Place, commit: &mut Commit<'_>) -> Result<(), PoError> {
    one_commit(tree, commit, &mut |edit| {
        gateways::make_folders(edit, place.mailbag)?;
        Ok(GatewayTotals::default())
    })?;
    Ok(())
}

/// Where a file of `SPOOL` belongs: `<message>.MMF` to `OUT`, a file with a fault, `<number>.BAD`, to
/// `BAD` as `<number>.MMF` with its errors, `<number>.ERR`.
fn belongs(name: &str) -> Option<(Folder, String)> {
    let (stem, ending) = name.rsplit_once('.')?;
    match ending {
        "MMF" => Some((Folder::Out, name.to_owned())),
        "ERR" => Some((Folder::Bad, name.to_owned())),
        "BAD" => Some((Folder::Bad, format!("{stem}.MMF"))),
        _ => None,
    }
}

/// Renames what stands in `SPOOL` into the folders of the gateway, in the order of the names; the errors
/// of a file before the file.
///
/// # Errors
/// A disk error; the names that were not made durable are looked at by the next pass.
pub fn hand_out(tree: &mut TreeMut, place: &Place, report: &mut Report<'_>) -> Result<(), PoError> {
    let view = tree.view();
    let spool = place.folder(view, Folder::Spool)?;
    let mut found = BTreeSet::new();
    view.list_on_disk(&spool, &mut |entry| {
        if let EntryName::Plain(name) = entry.name
            && let Some(to) = belongs(&name)
        {
            let stem = name.rsplit_once('.').map(|(stem, _)| stem.to_owned());
            found.insert((stem, !name.ends_with(".ERR"), name, to));
        }
        ControlFlow::Continue(())
    })?;
    if found.is_empty() {
        return Ok(());
    }
    let mut moves = Vec::with_capacity(found.len());
    for (_, _, name, (folder, to)) in &found {
        let from = spool.join(name).map_err(TreeError::from)?;
        let to = place
            .folder(view, *folder)?
            .join(to)
            .map_err(TreeError::from)?;
        moves.push((from, to));
    }
    let became = tree.exchange(&moves)?;
    for ((from, to), became) in moves.iter().zip(became) {
        match became {
            Exchanged::Moved => {}
            Exchanged::Gone => report(finding(
                WAITS,
                from.to_string(),
                "somebody removed it from SPOOL, which is not a folder of the gateway".to_owned(),
            )),
            Exchanged::InTheWay => report(finding(
                WAITS,
                to.to_string(),
                "the gateway has not taken the file of that name away".to_owned(),
            )),
            Exchanged::Failed(error) => {
                report(finding(WAITS, from.to_string(), error.to_string()));
            }
        }
    }
    Ok(())
}
