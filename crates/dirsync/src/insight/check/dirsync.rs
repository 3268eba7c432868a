//! Part 14: the files of directory synchronization (Q96060, Q122750, Q119017, Q112301).

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use crate::core::format::FixedRecord as _;
use crate::core::format::mbg::MBG_FILE;
use crate::core::format::process::{PROCESS, ProcessHeader, ProcessId, ProcessRecord};
use crate::core::format::reqconf::ReqConfRecord;
use crate::core::format::srvconf::SrvConfHeader;
use crate::core::format::transactions::{Item, Reader, Record, RecordSource, Trust};
use crate::tree::disk::EntryName;
use crate::tree::journal::Plan;
use crate::tree::view::ViewFile;
use crate::tree::{RelPath, TreeError};

use super::super::findings::kinds;
use super::read::{self, EntryKind, Eyes};
use super::{Check, marker};

kinds! {
    LEFTOVER = "dirsync.leftover" Warning ("Q122750 Q96060 Q99117 Q119018"):
        "A temporary file of a run that did not end; it can be made again from what is there."
        => "remove the file";
    LEFTOVER_IMPORT = "dirsync.leftover-import" Warning ("Q134228 Q146113"):
        "A temporary file of an import or a compression that did not end."
        => "remove the file",
        loses "what the stopped run had made; the same import completes the job";
    QUEUE_WAITS = "dirsync.queue-not-empty" Warning ("Q122750"):
        "Transactions wait to be applied; between cycles there are none. `glb-import queue` applies them.";
    RESYNC_WAITS = "dirsync.resync-waits" Warning ("Q122750"):
        "RESYNC.GLB waits to be applied; `glb-import queue` applies it.";
    REQTRANS_MISSING = "dirsync.reqtrans-missing" Error ("Q119017 Q119014 Q110496"):
        "The file of changes to be sent is missing; T1 fails with message 40, and numbers must not begin again at 0."
        => "make the file, with a record that keeps the last number";
    MSTTRANS_MISSING = "dirsync.msttrans-missing" Error ("Q112280 Q134753"):
        "The directory server has no master list; T2 fails."
        => "make an empty master list; then every requestor has to export",
        loses "the master list until every requestor has exported";
    DAMAGED_RECORD = "dirsync.damaged-record" Error ("Q96060 Q96003"):
        "Bytes of a transaction file are no good record; they are skipped when the file is read."
        => "keep the good records only",
        loses "the damaged records";
    BAD_POINTER = "dirsync.bad-pointer" Error ("Q112301 Q140462"):
        "A position that REQCONF.GLB keeps lies outside its queue; sorting fails with message 45."
        => "set the position to -1: no run in progress";
    SERVER_FILES = "dirsync.server-files" Note ("Q132744 Q136487"):
        "A file of a directory server on a postoffice that is none.";
    T2_ON_REQUESTOR = "dirsync.t2-on-requestor" Warning ("Q136487 Q257740"):
        "The schedule starts T2, but this is not the directory server (message 161)."
        => "mark the entry of the schedule as deleted";
    MAILBAG_FULL = "dirsync.mailbag-full" Warning ("Q148705"):
        "The mailbag SYSTEM has more than 100 headers; dirsync mail is not being processed, or the mailbag needs a compression.";
    NO_MAGIC = "dirsync.no-magic" Error ("assigned Q123437"):
        "A configuration file of directory synchronization does not begin as we write it: it is damaged.";
}

/// Headers of SYSTEM from which something is wrong (Q148705).
const SYSTEM_HEADERS: u64 = 100;
/// Transaction files that are rewritten without their damage, in bytes.
const REWRITE_LIMIT_BYTES: u64 = 64 << 20;

pub(super) fn run(check: &mut Check<'_>) -> Result<(), TreeError> {
    leftovers(check)?;
    waiting(check)?;
    let reqconf = reqconf(check)?;
    missing(check, reqconf.as_ref())?;
    if check.is_ours() {
        let busy = match &reqconf {
            Some(reqconf) => pointers(check, reqconf)?,
            None => BTreeSet::new(),
        };
        for file in [
            "REQTRANS.GLB",
            "SRVTRANS.GLB",
            "USRTRANS.GLB",
            "NMETRANS.GLB",
            "GWTRANS.GLB",
            "MSTTRANS.GLB",
            "RESYNC.GLB",
        ] {
            damage(check, file, busy.contains(file))?;
        }
        configuration(check)?;
    }
    system_mailbag(check)
}

/// Whether this is the directory server; `None` when it is not known.
fn is_server(check: &Check<'_>) -> Result<Option<bool>, TreeError> {
    Ok(marker::master(check)?.map(|master| master.dirsync_server == 1))
}

/// The kind of leftover that a name is.
fn leftover_kind(dir: &str, name: &str) -> Option<&'static super::FindingKind> {
    let name = name.to_ascii_uppercase();
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let removable = match dir {
        "GLB" => {
            let sort = name
                .strip_prefix("SORT")
                .is_some_and(|rest| digits(rest.strip_suffix(".GLB").unwrap_or(rest)));
            sort || [
                "IUSRTRAN.GLB",
                "INMETRAN.GLB",
                "IGWTRANS.GLB",
                "SRVUPDS.GLB",
                "REQUPDS.GLB",
                "TMPTRANS.GLB",
                "ILOCAL.GLB",
                "INDEX.GLB",
                "GALINDE$.GLB",
                "TMPNETPO.GLB",
                "GALTMP.GLB",
            ]
            .contains(&name.as_str())
        }
        "NME" => {
            ["GAL$.NME", "TMPACC2.NME", "TMPGRP.NME"].contains(&name.as_str())
                || name
                    .strip_prefix("TMP")
                    .and_then(|rest| rest.strip_suffix(".NME"))
                    .is_some_and(digits)
        }
        _ => false,
    };
    if removable {
        return Some(&LEFTOVER);
    }
    let import = matches!(
        (dir, name.as_str()),
        ("USR", "IMPORT.USR") | ("INF", "IMPORT.INF") | ("MBG", "COPY.MBG")
    );
    import.then_some(&LEFTOVER_IMPORT)
}

fn leftovers(check: &mut Check<'_>) -> Result<(), TreeError> {
    for dir in ["GLB", "NME", "USR", "INF", "MBG"] {
        let path = read::path(check.view(), dir)?;
        let mut found = BTreeSet::new();
        read::list_on_disk(check.view(), &path, &mut |entry| {
            if let (EntryName::Plain(name), EntryKind::File) = (entry.name, entry.kind)
                && leftover_kind(dir, &name).is_some()
            {
                found.insert(name);
            }
        })?;
        for name in found {
            let Some(kind) = leftover_kind(dir, &name) else {
                continue;
            };
            let file = path.join(&name)?;
            let len = read::stat_on_disk(check.view(), &file)?.map_or(0, |stat| stat.len);
            let mut plan = Plan::new();
            plan.remove(file.clone())?;
            let message = format!("A temporary file of {len} bytes was left behind.");
            check.report(kind, file.as_str(), None, message, Some(plan));
        }
    }
    Ok(())
}

fn waiting(check: &mut Check<'_>) -> Result<(), TreeError> {
    for file in [
        "SRVTRANS.GLB",
        "USRTRANS.GLB",
        "NMETRANS.GLB",
        "GWTRANS.GLB",
    ] {
        let path = read::path(check.view(), &format!("GLB/{file}"))?;
        let len = read::stat_on_disk(check.view(), &path)?.map_or(0, |stat| stat.len);
        if len > 0 {
            let message = format!("{len} bytes of transactions wait to be applied.");
            check.report(&QUEUE_WAITS, path.as_str(), None, message, None);
        }
    }
    let path = read::path(check.view(), "GLB/RESYNC.GLB")?;
    if let Some(stat) = read::stat_on_disk(check.view(), &path)? {
        let message = format!("RESYNC.GLB ({} bytes) waits to be applied.", stat.len);
        check.report(&RESYNC_WAITS, path.as_str(), None, message, None);
    }
    Ok(())
}

/// REQCONF.GLB of a tree of ours with our magic.
fn reqconf(check: &Check<'_>) -> Result<Option<ReqConfRecord>, TreeError> {
    if !check.is_ours() {
        return Ok(None);
    }
    let file = read::small(check.view(), "GLB/REQCONF.GLB", ReqConfRecord::SIZE as u64)?;
    Ok(file
        .and_then(|file| ReqConfRecord::decode(&file.bytes).ok())
        .filter(ReqConfRecord::has_magic))
}

fn missing(check: &mut Check<'_>, reqconf: Option<&ReqConfRecord>) -> Result<(), TreeError> {
    let path = read::path(check.view(), "GLB/REQTRANS.GLB")?;
    if read::stat_on_disk(check.view(), &path)?.is_none() {
        let plan = match reqconf {
            Some(reqconf) => {
                let sync = reqconf.req_sync.get();
                // Numbers never go back (DEC-123).
                let bytes = if sync == 0 {
                    Some(Vec::new())
                } else {
                    Record::dummy(sync, check.options().now_unix_s)
                        .encode()
                        .ok()
                };
                match bytes {
                    Some(bytes) => {
                        let mut plan = Plan::new();
                        plan.replace(path.clone(), bytes)?;
                        Some(plan)
                    }
                    None => None,
                }
            }
            None => None,
        };
        let message = match reqconf {
            Some(reqconf) => format!(
                "File Does Not Exist. The last number that the server confirmed is {}.",
                reqconf.req_sync.get()
            ),
            None => "File Does Not Exist.".to_owned(),
        };
        check.report(&REQTRANS_MISSING, path.as_str(), None, message, plan);
    }
    let server = is_server(check)?;
    let path = read::path(check.view(), "GLB/MSTTRANS.GLB")?;
    let exists = read::stat_on_disk(check.view(), &path)?.is_some();
    if server == Some(true) && !exists {
        let mut plan = Plan::new();
        plan.replace(path.clone(), Vec::new())?;
        let message =
            "File Does Not Exist. MASTER.GLB says that this is the directory server.".to_owned();
        check.report(&MSTTRANS_MISSING, path.as_str(), None, message, Some(plan));
    }
    if server == Some(false) {
        for file in ["SRVCONF.GLB", "MSTTRANS.GLB"] {
            let path = read::path(check.view(), &format!("GLB/{file}"))?;
            if read::stat_on_disk(check.view(), &path)?.is_some() {
                let message = "MASTER.GLB says that this is not the directory server.".to_owned();
                check.report(&SERVER_FILES, path.as_str(), None, message, None);
            }
        }
    }
    Ok(())
}

/// The positions kept in REQCONF.GLB against the queues. The queues with a good position: a run
/// is in progress there, and its bytes must not move.
fn pointers(
    check: &mut Check<'_>,
    reqconf: &ReqConfRecord,
) -> Result<BTreeSet<&'static str>, TreeError> {
    let view = check.view();
    let path = read::path(view, "GLB/REQCONF.GLB")?;
    let mut busy = BTreeSet::new();
    for (offset, file, pointer) in [
        (16, "SRVTRANS.GLB", reqconf.ptr_srvtrans.get()),
        (20, "USRTRANS.GLB", reqconf.ptr_usrtrans.get()),
        (24, "GWTRANS.GLB", reqconf.ptr_gwtrans.get()),
        (28, "NMETRANS.GLB", reqconf.ptr_nmetrans.get()),
    ] {
        if pointer == ReqConfRecord::NO_RUN {
            continue;
        }
        let len = read::stat(view, &format!("GLB/{file}"))?.map_or(0, |stat| stat.len);
        if u64::try_from(pointer).is_ok_and(|pointer| pointer <= len) {
            busy.insert(file);
            continue;
        }
        let mut plan = Plan::new();
        let none = ReqConfRecord::NO_RUN.to_le_bytes().to_vec();
        plan.patch(path.clone(), ReqConfRecord::SIZE as u64, offset, none)?;
        let message = format!("The position in {file} is {pointer}; the file has {len} bytes.");
        check.report(
            &BAD_POINTER,
            path.as_str(),
            Some(offset),
            message,
            Some(plan),
        );
    }
    Ok(busy)
}

/// A file of a view as the reader of transactions wants it.
struct Source<'a>(&'a ViewFile<'a>);

impl RecordSource for Source<'_> {
    type Error = TreeError;

    fn len_bytes(&self) -> u64 {
        self.0.len()
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, TreeError> {
        self.0.read_at(buffer, offset)
    }
}

fn damage(check: &mut Check<'_>, name: &str, in_progress: bool) -> Result<(), TreeError> {
    let Some(file) = read::open(check.view(), &format!("GLB/{name}"))? else {
        return Ok(());
    };
    let len = file.len();
    let mut found: Vec<(u64, u64, String)> = Vec::new();
    let mut reader = Reader::new(Source(&file), Trust::Tree);
    loop {
        match reader.next_item() {
            None => break,
            Some(Ok(Item::Record { .. })) => {}
            Some(Ok(Item::Damage(damage))) => {
                if found.len() < super::LISTED_LIMIT {
                    found.push((damage.offset, damage.len_bytes, damage.error.to_string()));
                }
            }
            Some(Err(error)) => return read::lenient(check.view(), Err(error)),
        }
    }
    let plan = if in_progress || found.len() >= super::LISTED_LIMIT {
        None
    } else {
        without(check.view(), &file, len, &found)?
    };
    let path = file.path().clone();
    for (offset, bad_len, error) in found {
        let message = format!("{bad_len} bytes are no good record: {error}.");
        check.report(
            &DAMAGED_RECORD,
            path.as_str(),
            Some(offset),
            message,
            plan.clone(),
        );
    }
    Ok(())
}

/// The file without its damaged parts: cut when they are at its end, else written anew.
fn without(
    view: &Eyes<'_>,
    file: &ViewFile<'_>,
    len: u64,
    found: &[(u64, u64, String)],
) -> Result<Option<Plan>, TreeError> {
    let mut plan = Plan::new();
    match found {
        [] => return Ok(None),
        [(offset, bad_len, _)] if offset + bad_len >= len => {
            plan.set_len(file.path().clone(), len, *offset)?;
        }
        _ if len > REWRITE_LIMIT_BYTES => return Ok(None),
        _ => {
            let Some(bytes) = read::lenient(view, file.read_all(REWRITE_LIMIT_BYTES).map(Some))?
            else {
                return Ok(None);
            };
            let mut good = Vec::with_capacity(bytes.len());
            let mut at = 0;
            for (offset, bad_len, _) in found {
                let start = usize::try_from(*offset).unwrap_or(usize::MAX);
                good.extend_from_slice(bytes.get(at..start).unwrap_or_default());
                at = start.saturating_add(usize::try_from(*bad_len).unwrap_or(usize::MAX));
            }
            good.extend_from_slice(bytes.get(at..).unwrap_or_default());
            plan.replace(file.path().clone(), good)?;
        }
    }
    Ok(Some(plan))
}

fn configuration(check: &mut Check<'_>) -> Result<(), TreeError> {
    let view = check.view();
    for (file, len) in [
        ("GLB/REQCONF.GLB", ReqConfRecord::SIZE),
        ("GLB/SRVCONF.GLB", SrvConfHeader::SIZE),
        ("GLB/PROCESS.GLB", ProcessHeader::SIZE),
    ] {
        let Some(open) = read::open(view, file)? else {
            continue;
        };
        let mut head = vec![0u8; len];
        if read::lenient(view, open.read_at(&mut head, 0))? != len {
            continue;
        }
        let good = match file {
            "GLB/REQCONF.GLB" => {
                ReqConfRecord::decode(&head).is_ok_and(|record| record.has_magic())
            }
            "GLB/SRVCONF.GLB" => {
                SrvConfHeader::decode(&head).is_ok_and(|header| header.has_magic())
            }
            _ => ProcessHeader::decode(&head).is_ok_and(|header| header.is_readable()),
        };
        if !good {
            let message = format!("The file begins with \"{}\".", head[..4].escape_ascii());
            check.report(&NO_MAGIC, open.path().as_str(), Some(0), message, None);
        }
    }
    if is_server(check)? != Some(false) {
        return Ok(());
    }
    let Some(open) = read::open(view, "GLB/PROCESS.GLB")? else {
        return Ok(());
    };
    let mut stale = Vec::new();
    read::records_of(
        view,
        &open,
        &PROCESS,
        &mut |offset, entry: &ProcessRecord| {
            if entry.is_live() && entry.process() == Some(ProcessId::T2) {
                stale.push(offset);
            }
            ControlFlow::Continue(())
        },
    )?;
    let (path, len): (RelPath, u64) = (open.path().clone(), open.len());
    // With a SRVCONF.GLB it may be MASTER.GLB that is wrong.
    let contradicted = read::stat(view, "GLB/SRVCONF.GLB")?.is_some();
    for offset in stale {
        let mut plan = Plan::new();
        plan.patch(path.clone(), len, offset, vec![0])?;
        let message = "An entry of the schedule starts T2 here.".to_owned();
        let plan = (!contradicted).then_some(plan);
        check.report(&T2_ON_REQUESTOR, path.as_str(), Some(offset), message, plan);
    }
    Ok(())
}

fn system_mailbag(check: &mut Check<'_>) -> Result<(), TreeError> {
    let Some(open) = read::open(check.view(), "MBG/SYSTEM.MBG")? else {
        return Ok(());
    };
    let headers = open.len() / MBG_FILE.record_len();
    if headers > SYSTEM_HEADERS {
        let message = format!("SYSTEM.MBG has {headers} headers.");
        check.report(&MAILBAG_FULL, open.path().as_str(), None, message, None);
    }
    Ok(())
}
