//! The documented resets of the sync numbers, as recipes that can be repeated (dsp section 13).
//!
//! **Local reset** (R-RST-001, never on the directory server): the server's record of the requestor
//! is made new; at the requestor q.R, q.S and q.I become 0, its queue pointers "no run", then it
//! exports. **Global reset** (R-RST-002, Q257740): mail is delivered, the mailbags SYSTEM and INQUEUE
//! of every postoffice are emptied (R-RST-003), the server's master list is emptied and all its
//! records are made new, and every requestor is reset and exports.
//!
//! What the recipes make the administrator type again stays here: registration, passwords, types,
//! options, schedule, lists. Of what goes, REQCONF.GLB and SRVCONF.GLB stay beside it as
//! REQCONF.OLD and SRVCONF.OLD. Of the waiting transactions those of the own list go, because the
//! Export says all of it again; those of other lists (gateways, proxies) are kept and numbered from
//! 1 (ASSIGNED: the recipe's empty REQTRANS would lose them).
//!
//! A reset of a tree is two commits, the second one the Export. Whatever stops it, the same reset
//! again ends in the same state.
//!
//! An Exchange server is reset in the same way, in either role (Q152231): its Export is "Export on next
//! cycle" of the object that exports, and happens with the next T1 or T2.
//!
//! Moving the role of the server to another postoffice needs no reset; the recipe stands in
//! `crates/dxa-cycle/MOVING-THE-SERVER.md` and is run by a test.

use serde::Serialize;

use crate::core::base::ident::MailbagStem;
use crate::core::base::{PoName, UnixTime};
use crate::core::format::FixedRecord as _;
use crate::core::format::key::KEY_LEN_BYTES;
use crate::core::format::srvconf::{SRVCONF as SRVCONF_LAYOUT, SrvConfRecord, find};
use crate::core::format::transactions::{Record, RecordHead};
use crate::core::protocol::requestor::{ExportScan, Requestor};
use crate::postoffice::config::requestors::renewed;
use crate::postoffice::config::{load_srvconf, srvconf};
use crate::postoffice::list_error::ListError;
use crate::postoffice::lists::waiting::{refusal, reqconf};
use crate::postoffice::mail::{self, BagEdit};
use crate::postoffice::{Edit, Identity, Lists, PoError};
use crate::tree::{Command, TreeMut, TreeView};

use super::t1::each_waiting;
use super::{CycleError, MSTTRANS, REQCONF, REQTRANS, SRVCONF, Said, StepOptions, commit};

/// What stays of REQCONF.GLB.
pub const REQCONF_OLD: &str = "GLB/REQCONF.OLD";
/// What stays of SRVCONF.GLB.
pub const SRVCONF_OLD: &str = "GLB/SRVCONF.OLD";

/// What a reset did at one postoffice.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ResetDone {
    /// Requestors whose records at this server were made new.
    pub records: u64,
    /// Entries that left the master list, in bytes of MSTTRANS.GLB.
    pub master_bytes: u64,
    /// Messages taken out of SYSTEM and INQUEUE.
    pub messages: u64,
    /// Mailbags that were damaged and were emptied as they stood.
    pub damaged_mailbags: Vec<String>,
    /// Waiting transactions of other lists that were kept.
    pub kept: u32,
    /// Transactions that the Export put into REQTRANS.GLB.
    pub exported: u32,
    /// Of an Exchange server: its whole list leaves with the next cycle.
    pub exports_next: bool,
    /// What deserves a look.
    pub warnings: Vec<String>,
    /// Commits made.
    pub commits: u64,
}

fn refused(why: String, hint: &'static str) -> PoError {
    ListError::Refused { why, hint }.into()
}

/// Whether a local reset of this postoffice can be: it is no server, and its server is `server`.
///
/// # Errors
/// A refusal that says why not.
pub fn check_local(view: &TreeView, server: PoName) -> Result<PoName, CycleError> {
    let identity = Identity::read(view)?;
    if identity.is_server {
        let why = format!(
            "{} is the directory server; a local reset is for its requestors",
            identity.name
        );
        return Err(refused(
            why,
            "`dxa-cycle reset global` resets a server and everybody",
        )
        .into());
    }
    let conf = reqconf(&mut Edit::new(view))?;
    let requestor = Requestor {
        own: identity.name,
        conf,
        is_server: false,
    };
    let registered = requestor.server().and_then(|(party, _)| party.name());
    if registered != Some(server) {
        let why = format!(
            "{} is registered with {}, not with {server}",
            identity.name,
            registered.map_or_else(|| "nobody".to_owned(), |name| name.to_string())
        );
        return Err(refused(
            why,
            "name the server it is registered with, or `po-admin register`",
        )
        .into());
    }
    Ok(identity.name)
}

/// Whether this server has a record of a requestor.
///
/// # Errors
/// The postoffice is not the server, or has none.
pub fn check_record(view: &TreeView, requestor: PoName) -> Result<PoName, CycleError> {
    let mut edit = Edit::new(view);
    let own = Identity::read(view)?.name;
    let (_, records) = srvconf(&mut edit)?;
    if find(&records, requestor.network(), requestor.postoffice()).is_none() {
        let why = format!("{own} has no requestor {requestor}");
        return Err(refused(why, "`po-admin requestor add` makes one").into());
    }
    Ok(own)
}

fn keep_copy(edit: &mut Edit<'_>, from: &str, to: &str) -> Result<(), PoError> {
    if let Some(bytes) = edit.read(from)?.map(<[u8]>::to_vec) {
        edit.write(to, bytes)?;
    }
    Ok(())
}

/// Local reset at the server: the requestor's record is deleted and made again in its place, with
/// its password and mailbox and all numbers 0.
///
/// # Errors
/// The postoffice is not the server or has no such requestor; a disk error.
pub fn record(
    tree: &mut TreeMut,
    requestor: PoName,
    options: &StepOptions,
) -> Result<ResetDone, CycleError> {
    check_record(tree.view(), requestor)?;
    let mut done = ResetDone::default();
    let mut edit = Edit::new(tree.view());
    let (header, mut records) = srvconf(&mut edit)?;
    if let Some(at) = find(&records, requestor.network(), requestor.postoffice())
        && let Some(place) = records.get_mut(at)
    {
        let new = renewed(place);
        if *place != new {
            *place = new;
            keep_copy(&mut edit, SRVCONF, SRVCONF_OLD)?;
            edit.write(SRVCONF, SRVCONF_LAYOUT.build(&header, &records))
                .map_err(PoError::from)?;
            done.records = 1;
        }
    }
    finish(tree_plan(edit)?, tree, options, &mut done)?;
    Ok(done)
}

/// Global reset at the server: the master list is empty, counting begins at 1 again, every record is
/// made new. The other half of the server, its own requestor, is reset with [`requestor`].
///
/// # Errors
/// The postoffice is not the server; a disk error.
pub fn master(tree: &mut TreeMut, options: &StepOptions) -> Result<ResetDone, CycleError> {
    let mut done = ResetDone::default();
    let mut edit = Edit::new(tree.view());
    let (mut header, mut records) = srvconf(&mut edit)?;
    let before = (header.clone(), records.clone());
    let conf = reqconf(&mut edit)?;
    // An agent has what it sent in its recipients, from where it comes again.
    if conf.srv_sync.get() != header.sync.get() && !crate::exchange::is_agent(tree.view()) {
        done.warnings.push(format!(
            "entries {} to {} of the master list were not in the server's own lists yet: whoever \
             queued names of a gateway or a proxy queues them again",
            conf.srv_sync.get().saturating_add(1),
            header.sync.get()
        ));
    }
    header.sync.set(0);
    header.cycle.set(0);
    header.last_purge.set(0);
    for place in records.iter_mut().filter(|record| record.is_live()) {
        let new = renewed(place);
        done.records += u64::from(*place != new);
        *place = new;
    }
    if (&before.0, &before.1) != (&header, &records) {
        keep_copy(&mut edit, SRVCONF, SRVCONF_OLD)?;
        edit.write(SRVCONF, SRVCONF_LAYOUT.build(&header, &records))
            .map_err(PoError::from)?;
    }
    let stat = edit.view().stat(MSTTRANS).map_err(PoError::from)?;
    done.master_bytes = stat.map_or(0, |stat| stat.len);
    if stat.is_none_or(|stat| stat.len > 0) {
        edit.replace_whole(MSTTRANS, Vec::new())
            .map_err(PoError::from)?;
    }
    if crate::exchange::is_agent(tree.view()) {
        // It is no requestor of itself: its list comes straight into the master list.
        mailbags(&mut edit, &mut done)?;
        done.exports_next = crate::exchange::reset::export_next(&mut edit)?;
    }
    finish(tree_plan(edit)?, tree, options, &mut done)?;
    Ok(done)
}

/// The waiting transactions of other lists, numbered from 1.
fn waiting(
    view: &TreeView,
    zeroed: &Requestor,
    now: UnixTime,
) -> Result<(Vec<u8>, u32), CycleError> {
    let scan = ExportScan::of(zeroed);
    let keep = zeroed.export(Some(&scan), now).map_err(refusal)?.keep;
    let (mut bytes, mut number) = (Vec::new(), 0u32);
    each_waiting(view, &mut |record| {
        if record.is_dummy() || !keep.keeps(record) {
            return Ok(());
        }
        number = number.saturating_add(1);
        let renumbered = Record {
            head: RecordHead {
                sync: number,
                ..record.head
            },
            text: record.text,
        };
        renumbered
            .encode_into(&mut bytes)
            .map_err(|error| CycleError::Damaged {
                file: REQTRANS,
                why: error.to_string(),
            })
    })?;
    Ok((bytes, number))
}

/// Empties SYSTEM and INQUEUE: MBG without bytes, KEY of 560 zero bytes (R-RST-003). Messages that no
/// other mailbag names go with their attachments; of a damaged pair they stay for `po-admin check`.
fn mailbags(edit: &mut Edit<'_>, done: &mut ResetDone) -> Result<(), CycleError> {
    for stem in [MailbagStem::SYSTEM, MailbagStem::INQUEUE] {
        let live = match BagEdit::load(edit, stem) {
            Ok(bag) => bag.live(),
            Err(PoError::MailbagDamaged { name, .. } | PoError::NoSuchMailbag { name, .. }) => {
                done.damaged_mailbags.push(name);
                Vec::new()
            }
            Err(error) => return Err(error.into()),
        };
        done.messages += u64::try_from(live.len()).unwrap_or(u64::MAX);
        if !live.is_empty() {
            let indices: Vec<usize> = live.iter().map(|&(index, _)| index).collect();
            mail::remove(edit, stem, &indices)?;
        }
        // What waits in INQUEUE has its envelope beside it.
        let named = live
            .iter()
            .filter_map(|(_, header)| header.mai.get().ok().flatten());
        for mai in named.filter(|_| stem == MailbagStem::INQUEUE) {
            edit.remove(&format!("P1/{mai}.P1"))
                .map_err(PoError::from)?;
        }
        let (mbg, key) = (stem.mbg_path(), stem.key_path());
        edit.write(&mbg, Vec::new()).map_err(PoError::from)?;
        edit.write(&key, vec![0; KEY_LEN_BYTES])
            .map_err(PoError::from)?;
    }
    Ok(())
}

/// Resets a requestor: its numbers are 0 and it exports. In a global reset its mailbags SYSTEM and
/// INQUEUE are emptied as well, and the directory server's own requestor is reset like any other.
///
/// # Errors
/// A damaged file, a disk error, and outside of a global reset the directory server.
pub fn requestor(
    tree: &mut TreeMut,
    global: bool,
    options: &StepOptions,
) -> Result<ResetDone, CycleError> {
    let mut done = ResetDone::default();
    {
        let mut edit = Edit::new(tree.view());
        let identity = Identity::read(tree.view())?;
        if identity.is_server && !global {
            let why = format!("{} is the directory server", identity.name);
            return Err(refused(why, "`dxa-cycle reset global` resets a server").into());
        }
        let before = reqconf(&mut edit)?;
        let mut requestor = Requestor {
            own: identity.name,
            conf: before.clone(),
            is_server: false,
        };
        if let Some(mut conf) = requestor.zeroed() {
            // The recipe sets them again after LISTDS -Z has cleared them.
            conf.types = before.types;
            requestor.conf = conf;
        }
        if global {
            mailbags(&mut edit, &mut done)?;
        }
        let (bytes, kept) = waiting(tree.view(), &requestor, options.now)?;
        done.kept = kept;
        edit.replace_whole(REQTRANS, bytes).map_err(PoError::from)?;
        if requestor.conf != before {
            keep_copy(&mut edit, REQCONF, REQCONF_OLD)?;
            edit.write(REQCONF, requestor.conf.encode())
                .map_err(PoError::from)?;
        }
        if crate::exchange::is_agent(tree.view()) {
            done.exports_next = crate::exchange::reset::export_next(&mut edit)?;
            finish(tree_plan(edit)?, tree, options, &mut done)?;
            return Ok(done);
        }
        finish(tree_plan(edit)?, tree, options, &mut done)?;
    }
    let mut edit = Edit::new(tree.view());
    let mut lists = Lists::open(&mut edit, options.now)?;
    let exported = lists.export(&mut edit)?;
    lists.save(&mut edit)?;
    done.exported = exported
        .last
        .saturating_sub(exported.first)
        .saturating_add(1);
    done.warnings.extend(exported.warnings);
    finish(tree_plan(edit)?, tree, options, &mut done)?;
    Ok(done)
}

/// The numbers that a reset must have left at 0 and that are not: `q.R = 17`.
///
/// # Errors
/// A file cannot be read.
pub fn verify(view: &TreeView) -> Result<Vec<String>, CycleError> {
    let mut edit = Edit::new(view);
    let conf = reqconf(&mut edit)?;
    let mut wrong = Vec::new();
    let mut zero = |name: &str, number: u32| {
        if number != 0 {
            wrong.push(format!("{name} = {number}"));
        }
    };
    zero("q.R", conf.req_sync.get());
    zero("q.S", conf.srv_sync.get());
    zero("q.I", conf.imp_sync.get());
    zero("last sent", conf.last_sent.get());
    if Identity::read(view)?.is_server {
        let (header, records) = load_srvconf(&mut edit)?;
        zero("s.Sync", header.sync.get());
        for record in records.iter().filter(|record| record.is_live()) {
            for number in numbers(record) {
                zero(&format!("s[{}]", record.postoffice.to_string_850()), number);
            }
        }
    }
    Ok(wrong)
}

fn numbers(record: &SrvConfRecord) -> [u32; 4] {
    [
        record.req_sync.get(),
        record.srv_sync.get(),
        record.conf_sync.get(),
        record.imp_sync.get(),
    ]
}

fn tree_plan(edit: Edit<'_>) -> Result<crate::tree::journal::Plan, CycleError> {
    Ok(edit.finish()?)
}

fn finish(
    plan: crate::tree::journal::Plan,
    tree: &mut TreeMut,
    options: &StepOptions,
    done: &mut ResetDone,
) -> Result<(), CycleError> {
    let mut said = Said::default();
    let info = options.info(
        Command::Reset,
        vec![("records", done.records), ("messages", done.messages)],
    );
    commit(tree, &plan, &info, &mut said)?;
    done.commits += said.commits;
    Ok(())
}

#[cfg(test)]
mod tests;
