//! Making RESYNC.GLB at a postoffice that is the directory server (imp 8.1).
//!
//! The file is generic: one serves every registered requestor, because its numbers are the highest
//! of all (Q119449). It is not made while transactions wait in the queues of the server's own
//! postoffice: its lists and its numbers would not belong together (DEC-040).

use crate::core::base::address::PoName;
use crate::core::base::{Transaction, UnixTime};
use crate::core::format::srvconf::SrvConfRecord;
use crate::core::format::transactions::{Kind, Record, RecordHead, ResyncHeader};
use crate::core::protocol::log::LogLine;
use crate::core::protocol::message::Party;
use crate::core::protocol::numbers::resync_header;
use crate::import::error::ImportError;
use crate::import::queue;
use crate::import::rebuild::require_space;
use crate::import::server_lists::ServerLists;
use crate::postoffice::config::load_srvconf;
use crate::postoffice::lists::waiting::reqconf;
use crate::postoffice::{Edit, Identity};
use crate::progress::Progress;
use crate::tree::journal::{CommitInfo, Committed, Plan};
use crate::tree::{TreeError, TreeMut, TreeView};

use super::RESYNC;
use super::file::Contents;

/// Bytes handed on at once.
const PIECE_BYTES: usize = 256 * 1024;
const SRVCONF: &str = "GLB/SRVCONF.GLB";

/// What was made.
#[derive(Debug, Default)]
pub struct Created {
    /// Numbers, lists, and the entries that were left out.
    pub contents: Contents,
    /// Requestors whose numbers went into the header, `NET/PO`.
    pub requestors: Vec<String>,
}

/// Makes the file; its bytes go to `sink` in order.
///
/// # Errors
/// Message 67 when the postoffice is not the server, 14 while its own queues hold transactions, 63
/// when a list cannot be read, and what `sink` fails with.
pub fn create(
    view: &TreeView,
    now: UnixTime,
    progress: &dyn Progress,
    sink: &mut dyn FnMut(&[u8]) -> Result<(), TreeError>,
) -> Result<Created, ImportError> {
    let mut created = Created::default();
    created.contents.header = header(view, &mut created)?;
    write(view, created, now, progress, sink)
}

/// Makes the file with a header that the caller has chosen for the requestors it names: what the
/// agent of an Exchange server does (Q150976).
///
/// # Errors
/// As [`create`], but for 67 and 14.
pub fn create_with(
    view: &TreeView,
    header: ResyncHeader,
    requestors: Vec<String>,
    now: UnixTime,
    progress: &dyn Progress,
    sink: &mut dyn FnMut(&[u8]) -> Result<(), TreeError>,
) -> Result<Created, ImportError> {
    let mut created = Created {
        requestors,
        ..Created::default()
    };
    created.contents.header = header;
    write(view, created, now, progress, sink)
}

fn write(
    view: &TreeView,
    mut created: Created,
    now: UnixTime,
    progress: &dyn Progress,
    sink: &mut dyn FnMut(&[u8]) -> Result<(), TreeError>,
) -> Result<Created, ImportError> {
    let header = created.contents.header;
    let mut buffer = Vec::with_capacity(PIECE_BYTES);
    let text = header.to_string();
    let head = RecordHead {
        date: now.0,
        kind: Kind::ResyncHeader,
        ..RecordHead::default()
    };
    put(&mut buffer, head, text.as_bytes())?;
    created.contents.records = 1;
    progress.start("writing lists", None);
    let lists = ServerLists { view, now };
    let contents = &mut created.contents;
    let mut problems = std::mem::take(&mut contents.problems);
    lists
        .each(&mut problems, &mut |text| {
            if let Ok(transaction) = Transaction::parse(text) {
                contents.count(&transaction);
            }
            contents.records += 1;
            let head = RecordHead {
                date: now.0,
                ..RecordHead::default()
            };
            put(&mut buffer, head, text)?;
            if buffer.len() < PIECE_BYTES {
                return Ok(());
            }
            if progress.stop_requested() {
                return Err(ImportError::Interrupted);
            }
            contents.len_bytes += buffer.len() as u64;
            let written = sink(&buffer);
            buffer.clear();
            Ok(written?)
        })
        .map_err(|error| match error {
            error @ (ImportError::Missing { .. }
            | ImportError::Damaged { .. }
            | ImportError::Postoffice(_)) => ImportError::ResyncExtract(Box::new(error)),
            error => error,
        })?;
    contents.len_bytes += buffer.len() as u64;
    sink(&buffer)?;
    contents.problems = problems;
    progress.finish();
    Ok(created)
}

fn put(buffer: &mut Vec<u8>, head: RecordHead, text: &[u8]) -> Result<(), ImportError> {
    Record { head, text }
        .encode_into(buffer)
        .map_err(|error| ImportError::Damaged {
            file: RESYNC.into(),
            error,
        })
}

/// The numbers of the server.
fn header(view: &TreeView, created: &mut Created) -> Result<ResyncHeader, ImportError> {
    let identity = Identity::read(view)?;
    if !identity.is_server || view.stat(SRVCONF)?.is_none() {
        return Err(ImportError::NotServer);
    }
    for path in [
        queue::SRVTRANS,
        queue::USRTRANS,
        queue::NMETRANS,
        queue::GWTRANS,
    ] {
        if view.stat(path)?.is_some_and(|stat| stat.len > 0) {
            return Err(ImportError::ResyncUnapplied { file: path.into() });
        }
    }
    let mut edit = Edit::new(view);
    let (_, records) = load_srvconf(&mut edit)?;
    let own_srv = reqconf(&mut edit)?.srv_sync.get();
    let named = |record: &SrvConfRecord| -> Option<PoName> {
        record.is_live().then(|| Party::of_record(record))??.name()
    };
    let own = records
        .iter()
        .position(|record| named(record) == Some(identity.name));
    created.requestors = records
        .iter()
        .filter_map(named)
        .map(|name| name.to_string())
        .collect();
    let (header, agree) = resync_header(&records, own, own_srv);
    if !agree {
        let line = LogLine {
            severity: crate::core::base::logline::LogSeverity::Warning,
            ..LogLine::status(format!(
                "SRVSEQ is {}: the own postoffice has {own_srv}, its record says otherwise; run T2 and T3 here for the newest lists",
                header.srvseq
            ))
        };
        created.contents.problems.file(line, SRVCONF);
    }
    Ok(header)
}

/// Makes the file in the server's own GLB, where IMPORT -S wrote it, in one commit. It must be
/// moved to the requestors from there: an import on the server does not take it (DEC-044).
///
/// # Errors
/// As [`create`], and those of the commit.
pub fn create_in_place(
    tree: &mut TreeMut,
    now: UnixTime,
    info: &CommitInfo,
    progress: &dyn Progress,
) -> Result<(Created, Option<Committed>), ImportError> {
    let (plan, created) = plan_in_place(tree.view(), now, progress)?;
    let info = CommitInfo {
        counts: vec![
            ("lists", created.contents.lists.len() as u64),
            ("entries", created.contents.entries),
        ],
        ..info.clone()
    };
    let committed = tree.commit(&plan, &info)?;
    Ok((created, committed))
}

/// Prepares [`create_in_place`]. Reads only.
///
/// # Errors
/// As [`create`].
pub fn plan_in_place(
    view: &TreeView,
    now: UnixTime,
    progress: &dyn Progress,
) -> Result<(Plan, Created), ImportError> {
    let mut bytes = Vec::new();
    let created = create(view, now, progress, &mut |piece| {
        bytes.extend_from_slice(piece);
        Ok(())
    })?;
    require_space(view, bytes.len() as u64)?;
    let mut edit = Edit::new(view);
    edit.replace(RESYNC, bytes)?;
    Ok((edit.finish()?, created))
}
