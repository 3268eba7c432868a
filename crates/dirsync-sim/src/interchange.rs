//! A backlog of compressed messages on the connector's queue of an Exchange server, served by any number
//! of workers under a time limit: the documented hang of the interchange (Q140946) must not happen, and
//! nobody must be able to tell from the result how many workers there were.
//!
//! One message is corrupt (a bit of its compressed stream is turned), one is a bomb (it would be larger
//! than a message may be). Sizes are mixed: six of ten are below 2 KB, one of a hundred has several
//! hundred.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use dirsync::core::base::HexId;
use dirsync::core::base::UnixTime;
use dirsync::core::base::ident::MailbagStem;
use dirsync::core::format::FixedRecord as _;
use dirsync::core::format::compressed::{Compressor, compress};
use dirsync::core::format::mai::Mai;
use dirsync::core::format::mbg::MbgRecord;
use dirsync::core::format::p1::P1;
use dirsync::exchange::interchange::{self, Interchanged, Limits, Options, PARKED, Work};
use dirsync::exchange::shadow_disk;
use dirsync::mta::edit::MtaEdit;
use dirsync::mta::mail::{self, Posting, Submitter};
use dirsync::mta::store::Database;
use dirsync::postoffice::Edit;
use dirsync::postoffice::mail::BagEdit;
use dirsync::tree::disk::Disk;
use dirsync::tree::disk::mem::{MemDisk, Node};
use dirsync::tree::journal::CommitInfo;
use dirsync::tree::ledger::Ledger;
use dirsync::tree::{Command, TreeMut, TreeView};

use crate::trees::{CREATED_UNIX_S, options, postoffice};

const NOW: UnixTime = UnixTime(CREATED_UNIX_S + 3600);
/// The connector's queue of the server in memory.
const QUEUE: &str =
    "/O=AVIATION/OU=MALMO/CN=CONFIGURATION/CN=CONNECTIONS/CN=MS MAIL CONNECTOR (MALMO1)";
/// Messages put on the queue in one commit.
const COMMIT: u32 = 100;

/// A backlog.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backlog {
    /// Messages, at least 4; a third from the front is corrupt, a third from the end the bomb.
    pub messages: u32,
    /// Where the sizes come from.
    pub seed: u64,
}

impl Backlog {
    fn corrupt(self) -> u32 {
        self.messages / 3
    }

    fn bomb(self) -> u32 {
        self.messages - self.messages / 3
    }
}

/// What a run came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Served {
    /// What moved.
    pub done: Interchanged,
    /// A number for all bytes of all three domains.
    pub digest: u64,
    /// How long it took.
    pub took: Duration,
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}

/// The same numbers for the same seed (splitmix64).
fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// Lines of transactions, about `len` bytes.
fn transactions(state: &mut u64, len: u64) -> Vec<u8> {
    let len = usize::try_from(len).unwrap_or(0);
    let mut lines = String::with_capacity(len + 60);
    while lines.len() < len {
        let user = next(state) % 1_000_000;
        lines.push_str(&format!(
            "A User {user:06}\tPCM:NET/PO{}/U{user}\r\n",
            user % 40
        ));
    }
    lines.into_bytes()
}

fn attachment(state: &mut u64) -> Result<Vec<u8>, String> {
    let len = match next(state) % 100 {
        0..60 => 100 + next(state) % 1_900,
        60..90 => 2_000 + next(state) % 18_000,
        90..99 => 20_000 + next(state) % 80_000,
        _ => 200_000 + next(state) % 300_000,
    };
    compress(&transactions(state, len)).map_err(text)
}

/// A container of more bytes than a message may have, at a ratio that is allowed.
fn bomb() -> Result<Vec<u8>, String> {
    let mut compressor = Compressor::new();
    let mut piece = b"zeros and ones ".repeat(70_000);
    for number in 0..260u32 {
        // Enough that differs to stay below 1,000 : 1.
        for (at, byte) in piece.iter_mut().step_by(1_500).enumerate() {
            *byte = u8::try_from((number as usize * 31 + at * 7) % 251).unwrap_or(0);
        }
        compressor.push(&piece).map_err(text)?;
    }
    compressor.finish().map_err(text)
}

fn parts(number: u32, attachment: Vec<u8>) -> Result<Vec<Vec<u8>>, String> {
    let stem = HexId(0x1000 + number);
    let id = format!("AVIATION/MALMO/{stem}-{:010}", NOW.0).into_bytes();
    let size = u32::try_from(attachment.len()).map_err(text)?;
    let subject = format!("SrvTx {number}");
    let mai = Mai::new(b"AVIATION/MALMO/$SYSTEM", NOW.0, id)
        .to(b"NET/SRV/$SYSTEM")
        .subject(subject.as_bytes())
        .text(format!("{subject}\r\n").into_bytes())
        .attach(b"SRVTRANS.GLB", stem, size);
    let envelope = P1::for_message(&mai, stem, mai.to.clone());
    let header = MbgRecord::new(b"$SYSTEM", subject.as_bytes(), stem, NOW.0).map_err(text)?;
    Ok(vec![
        header.encode(),
        envelope.encode().map_err(text)?,
        mai.encode().map_err(text)?,
        attachment,
    ])
}

/// A server with the backlog on its connector's queue.
///
/// # Errors
/// It cannot be made.
pub fn prepare(backlog: Backlog) -> Result<MemDisk, String> {
    let disk = crate::faults::rows::exchange::fresh()?;
    let shared: Arc<dyn Disk> = Arc::new(disk.clone());
    let submitter = Submitter::new("Aviation", "Malmo", "MALMO1");
    let mut state = backlog.seed;
    let mut tree = TreeMut::open(shared, dirsync::mta::DOMAIN, &options()).map_err(text)?;
    let mut number = 0;
    while number < backlog.messages {
        let mut postings = Vec::new();
        for _ in 0..COMMIT.min(backlog.messages - number) {
            let mut attachment = attachment(&mut state)?;
            if number == backlog.corrupt() {
                let middle = attachment.len() - 6;
                attachment[middle] ^= 0x10;
            }
            if number == backlog.bomb() {
                attachment = bomb()?;
            }
            postings.push(Posting::of(parts(number, attachment)?));
            number += 1;
        }
        let plan = {
            let db = Database::open(tree.view()).map_err(text)?;
            let mut edit = MtaEdit::new(&db, NOW).map_err(text)?;
            let mut ledger = Ledger::load(tree.view()).map_err(text)?;
            mail::put(&mut edit, &mut ledger, QUEUE, &postings, &submitter, NOW).map_err(text)?;
            let mut plan = edit.finish().map_err(text)?;
            ledger.write_into(&mut plan).map_err(text)?;
            plan
        };
        let info = CommitInfo {
            command: Command::Deliver,
            user: "backlog".into(),
            now: NOW,
            counts: Vec::new(),
        };
        tree.commit(&plan, &info).map_err(text)?;
    }
    drop(tree);
    disk.settle();
    Ok(disk)
}

fn digest(nodes: &BTreeMap<String, Node>) -> u64 {
    let mut hasher = DefaultHasher::new();
    for (path, node) in nodes {
        path.hash(&mut hasher);
        if let Node::File { bytes, .. } = node {
            bytes.hash(&mut hasher);
        }
    }
    hasher.finish()
}

/// Subjects in the shadow postoffice's INQUEUE3, in its order.
fn arrived(disk: &Arc<dyn Disk>) -> Result<Vec<String>, String> {
    let shadow = shadow_disk(disk).map_err(text)?;
    let view = TreeView::open(shadow, postoffice(), &options()).map_err(text)?;
    let bag = BagEdit::load(&mut Edit::new(&view), MailbagStem::INQUEUE3).map_err(text)?;
    Ok(bag
        .live()
        .iter()
        .map(|(_, header)| String::from_utf8_lossy(header.subject.text()).into_owned())
        .collect())
}

fn work(disk: &MemDisk, backlog: Backlog, workers: u16) -> Result<Served, String> {
    let shared: Arc<dyn Disk> = Arc::new(disk.clone());
    let open = options();
    let work = Work {
        open: &open,
        now: NOW,
        user: "backlog",
        options: Options {
            workers,
            ..Options::default()
        },
        limits: Limits::default(),
    };
    let start = Instant::now();
    let mut parked = 0;
    let mut other = None;
    let done = interchange::run(&shared, &work, &mut |finding| {
        if finding.id == PARKED {
            parked += 1;
        } else {
            other = Some(finding.message);
        }
    })
    .map_err(text)?;
    let took = start.elapsed();
    if let Some(other) = other {
        return Err(format!("reported: {other}"));
    }
    if parked != 2 || done.parked != 2 || done.waiting_outward != 2 {
        return Err(format!("{parked} messages were parked: {done:?}"));
    }
    let expected: Vec<String> = (0..backlog.messages)
        .filter(|n| *n != backlog.corrupt() && *n != backlog.bomb())
        .map(|n| format!("SrvTx {n}"))
        .collect();
    if arrived(&shared)? != expected {
        return Err("not all arrived, or in another order".to_owned());
    }
    Ok(Served {
        done,
        digest: digest(&disk.snapshot()),
        took,
    })
}

/// Serves a backlog with so many workers; a copy of `before` is worked on.
///
/// # Errors
/// It took longer than `limit` (the run is left behind then), a message is missing, doubled or out
/// of order, or anything but the two faulty messages was reported.
pub fn serve(
    before: &MemDisk,
    backlog: Backlog,
    workers: u16,
    limit: Duration,
) -> Result<Served, String> {
    let disk = before.fork();
    let (say, hear) = mpsc::channel();
    std::thread::spawn(move || {
        // Nobody listens any more when it took too long.
        let _ = say.send(work(&disk, backlog, workers));
    });
    match hear.recv_timeout(limit) {
        Ok(result) => result,
        Err(_) => Err(format!(
            "stalled: {workers} workers did not end within {} s",
            limit.as_secs()
        )),
    }
}
