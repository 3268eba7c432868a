//! Rows of import and rebuild.

use std::sync::Arc;

use dirsync::core::base::{CpField, Hex8, HexId, UnixTime};
use dirsync::core::format::FixedRecord as _;
use dirsync::core::format::record::LIVE;
use dirsync::core::format::reqconf::ReqConfRecord;
use dirsync::core::format::transactions::Record;
use dirsync::core::format::usr::UsrRecord;
use dirsync::core::format::xtn::{Route, XtnRecord};
use dirsync::import::apply::FileRules;
use dirsync::import::file::{FileOptions, run_file as import_file};
use dirsync::import::queue::{QueueOptions, run_queue};
use dirsync::import::rebuild::{RebuildOptions, rebuild};
use dirsync::progress::NoProgress;
use dirsync::tree::disk::Disk;
use dirsync::tree::disk::mem::MemDisk;
use dirsync::tree::journal::CommitInfo;
use dirsync::tree::{Command, TreeMut};

use super::observe_postoffice;
use crate::faults::Scenario;
use crate::trees::{CREATED_UNIX_S, damaged, fresh, options, postoffice};

const fn queue(name: &'static str, prepare: fn() -> Result<MemDisk, String>) -> Scenario {
    Scenario {
        command: Command::ImportQueue,
        name,
        prepare,
        run: run_import,
        observe: observe_postoffice,
        milestones: || Ok(Vec::new()),
    }
}

/// Scenarios of `glb-import queue`.
pub(super) const QUEUE: &[Scenario] = &[
    queue("additions and a modification", || {
        waiting(&[
            "A Paul\tPCM:POLYNOMIAL/NEWTON/paul",
            "M able\tPCM:POLYNOMIAL/NEWTON/able\r\n  Abel\tPCM:POLYNOMIAL/NEWTON/able",
        ])
    }),
    queue("a list is replaced", || {
        waiting(&[
            "R PCM:POLYNOMIAL/NEWTON",
            "A able\tPCM:POLYNOMIAL/NEWTON/able",
            "A Mark\tPCM:POLYNOMIAL/NEWTON/mark",
        ])
    }),
    queue("deletions, and a record that cannot be read", || {
        waiting(&["D Bryan\tPCM:POLYNOMIAL/NEWTON/bryan", "M nothing"])
    }),
    queue("a postoffice of a new network is created", || {
        waiting(&["A Emmy\tPCM:ALGEBRA/NOETHER/emmy"])
    }),
    queue(
        "RESYNC.GLB: lists, numbers, and a transaction that waits",
        super::cycle::with_resync,
    ),
    queue("what an interrupted original left", || {
        let disk = waiting(&["D able\tPCM:POLYNOMIAL/NEWTON/able"])?;
        let left = records(&["A Early\tPCM:POLYNOMIAL/NEWTON/early"])?;
        damaged(
            &disk,
            &[
                ("GLB/USRTRANS.GLB", Some(&left)),
                ("GLB/SORT0001.GLB", Some(b"left")),
                ("USR/IMPORT.USR", Some(b"left")),
            ],
        )
    }),
];

const fn file(name: &'static str, run: fn(Arc<dyn Disk>) -> Result<(), String>) -> Scenario {
    Scenario {
        command: Command::ImportFile,
        name,
        prepare: site,
        run,
        observe: observe_postoffice,
        milestones: || Ok(Vec::new()),
    }
}

/// Scenarios of `glb-import file`.
pub(super) const FILE: &[Scenario] = &[
    file("a list and its copies in the address list", |disk| {
        run_file_import(
            disk,
            "A Paul\tPCM:POLYNOMIAL/NEWTON/paul\nA Emmy\tPCM:ALGEBRA/NOETHER/emmy\n\
             M able\tPCM:POLYNOMIAL/NEWTON/able\n  Abel\tPCM:POLYNOMIAL/NEWTON/able\n",
            false,
        )
    }),
    file("a local user is made", |disk| {
        run_file_import(
            disk,
            "A Gauss\tPCM:POLYNOMIAL/MONTGOMERY/gauss\n&dirsync=N\n",
            false,
        )
    }),
    file("into the waiting transactions", |disk| {
        // Queued twice they would be sent twice: like an administrator after a crash, look first.
        let tree = open(Arc::clone(&disk))?;
        let waiting = tree
            .view()
            .stat("GLB/REQTRANS.GLB")
            .map_err(|error| error.to_string())?;
        drop(tree);
        if waiting.is_some_and(|stat| stat.len > 0) {
            return Ok(());
        }
        run_file_import(disk, "R SMTP:\nA Ann\tSMTP:ann@b.c\n", true)
    }),
];

/// A second run finds every entry and writes nothing.
fn run_file_import(disk: Arc<dyn Disk>, text: &str, to_dirsync: bool) -> Result<(), String> {
    let options = FileOptions {
        to_dirsync,
        create_postoffices: true,
        rules: FileRules {
            add_to_pol: true,
            ..FileRules::default()
        },
        ..FileOptions::at(UnixTime(CREATED_UNIX_S), "IMPORT.TXT")
    };
    let info = info(Command::ImportFile);
    let mut text = text.as_bytes();
    import_file(&mut open(disk)?, &mut text, &options, &info, &NoProgress)
        .map(|_| ())
        .map_err(|error| error.to_string())
}

const fn list(name: &'static str, prepare: fn() -> Result<MemDisk, String>) -> Scenario {
    Scenario {
        command: Command::Rebuild,
        name,
        prepare,
        run: run_rebuild,
        observe: observe_postoffice,
        milestones: || Ok(Vec::new()),
    }
}

/// Scenarios of `glb-import rebuild`. That a rebuild of an unchanged list writes nothing is a test
/// of its own: the harness wants something to change.
pub(super) const REBUILD: &[Scenario] = &[
    list("the first list", site),
    list("a list that changed", || {
        let disk = site()?;
        let shared: Arc<dyn Disk> = Arc::new(disk.clone());
        run_rebuild(shared)?;
        let users = users(&["able", "Mark"])?;
        damaged(&disk, &[("USR/00000010.USR", Some(&users))])
    }),
];

fn text<const N: usize>(text: &str) -> Result<CpField<N>, String> {
    CpField::from_bytes(text.as_bytes()).map_err(|error| error.to_string())
}

fn users(names: &[&str]) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    for (tid, name) in (10u32..).zip(names) {
        let mut record = UsrRecord::zeroed();
        record.state = LIVE;
        record.alias = text(name)?;
        record.mailbox = text(&name.to_lowercase())?;
        record.tid.set(tid);
        record.inf_record.set(UsrRecord::NO_INF);
        bytes.extend(record.encode());
    }
    Ok(bytes)
}

/// POLYNOMIAL/MONTGOMERY, registered at POLYNOMIAL/NEWTON, with its list of two.
fn site() -> Result<MemDisk, String> {
    let mut server = XtnRecord::zeroed();
    server.state = LIVE;
    server.postoffice = text("NEWTON")?;
    server.mailbag = Hex8::from_id(HexId(0x10));
    server.route = Route::Direct.code();
    let mut conf = ReqConfRecord::fresh();
    conf.srv_network = text("POLYNOMIAL")?;
    conf.srv_postoffice = text("NEWTON")?;
    damaged(
        &fresh("POLYNOMIAL", "MONTGOMERY", 1)?,
        &[
            ("XTN/00000001.XTN", Some(&server.encode())),
            ("USR/00000010.USR", Some(&users(&["able", "Bryan"])?)),
            ("GLB/REQCONF.GLB", Some(&conf.encode())),
        ],
    )
}

fn records(texts: &[&str]) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    for (sync, text) in (1..).zip(texts) {
        Record::transaction(sync, CREATED_UNIX_S, text.as_bytes())
            .encode_into(&mut bytes)
            .map_err(|error| error.to_string())?;
    }
    Ok(bytes)
}

fn waiting(texts: &[&str]) -> Result<MemDisk, String> {
    damaged(&site()?, &[("GLB/SRVTRANS.GLB", Some(&records(texts)?))])
}

fn info(command: Command) -> CommitInfo {
    CommitInfo {
        command,
        user: "harness".into(),
        now: UnixTime(CREATED_UNIX_S),
        counts: Vec::new(),
    }
}

fn open(disk: Arc<dyn Disk>) -> Result<TreeMut, String> {
    TreeMut::open(disk, postoffice(), &options()).map_err(|error| error.to_string())
}

/// A second run finds empty queues and writes nothing.
fn run_import(disk: Arc<dyn Disk>) -> Result<(), String> {
    let options = QueueOptions::at(UnixTime(CREATED_UNIX_S));
    let info = info(Command::ImportQueue);
    run_queue(&mut open(disk)?, &options, &info, &NoProgress)
        .map(|_| ())
        .map_err(|error| error.to_string())
}

/// A second run finds nothing changed and writes nothing.
fn run_rebuild(disk: Arc<dyn Disk>) -> Result<(), String> {
    let options = RebuildOptions {
        now: UnixTime(CREATED_UNIX_S),
        keep_global_list: false,
    };
    let info = info(Command::Rebuild);
    rebuild(&mut open(disk)?, &options, &info, &NoProgress)
        .map(|_| ())
        .map_err(|error| error.to_string())
}
