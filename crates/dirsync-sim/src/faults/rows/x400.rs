//! The rows of X.400 connectors: setting one up, and two queue databases, one of which hands a message
//! over to the other.

use std::sync::Arc;

use dirsync::core::base::{HexId, UnixTime};
use dirsync::core::format::FixedRecord as _;
use dirsync::core::format::layout_txt::TreeId;
use dirsync::core::format::mai::Mai;
use dirsync::core::format::mbg::MbgRecord;
use dirsync::core::format::mta::Profile;
use dirsync::core::format::p1::P1;
use dirsync::mta::edit::MtaEdit;
use dirsync::mta::fresh::{FreshParams, database};
use dirsync::mta::mail::{self, Posting, Submitter};
use dirsync::mta::store::Database;
use dirsync::mta::{DOMAIN, HOME};
use dirsync::postoffice::Edit;
use dirsync::progress::NoProgress;
use dirsync::transport::book::LinkEntry;
use dirsync::transport::deliver::{DeliverOptions, deliver};
use dirsync::transport::far::{Connector as Connects, FarError, FarSide, Local};
use dirsync::transport::x400::table::{Comments, Connector, Table, X400_INI};
use dirsync::tree::disk::Disk;
use dirsync::tree::disk::mem::MemDisk;
use dirsync::tree::disk::sub::SubDisk;
use dirsync::tree::journal::CommitInfo;
use dirsync::tree::ledger::Ledger;
use dirsync::tree::{Command, RelPath, TreeMut, TreeView};

use crate::faults::{Observed, RunResult, Scenario};
use crate::trees::{CREATED_UNIX_S, options};

const NOW: UnixTime = UnixTime(CREATED_UNIX_S);

/// Scenarios of `po-admin x400`.
pub(super) const X400: &[Scenario] = &[Scenario {
    command: Command::X400,
    name: "a connector is added",
    prepare: || {
        let disk = MemDisk::new();
        fill(&disk, "", "A", &[])?;
        disk.settle();
        Ok(disk)
    },
    run: |disk| {
        let mut tree = TreeMut::open(disk, DOMAIN, &options()).map_err(text)?;
        let mut edit = Edit::new(tree.view());
        let mut table = table_of("A", &[])?;
        table.put(connector("B")?);
        table.write(&mut edit).map_err(text)?;
        let plan = edit.finish().map_err(text)?;
        tree.commit(&plan, &info(Command::X400)).map_err(text)?;
        Ok(())
    },
    observe: |disk| super::observe_tree(disk, DOMAIN),
    milestones: || Ok(Vec::new()),
}];

/// A message is handed over from one queue database to another.
pub(super) const DELIVER: Scenario = Scenario {
    command: Command::Deliver,
    name: "a message over an X.400 connector",
    prepare: prepare_pair,
    run: run_pair,
    observe: observe_pair,
    milestones: || {
        Ok(vec![
            Observed::from([("A 1 B 1".to_owned(), None)]),
            Observed::from([("A 1 B 0".to_owned(), None)]),
        ])
    },
};

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}

fn info(command: Command) -> CommitInfo {
    CommitInfo {
        command,
        user: "harness".into(),
        now: NOW,
        counts: Vec::new(),
    }
}

fn dn(server: &str) -> String {
    format!("/O=ORG/OU=SITE/CN={server}")
}

fn connector(to: &str) -> Result<Connector, String> {
    Ok(Connector {
        name: format!("TO {to}"),
        server: dn(to),
        path: None,
        cost: 1,
        secured: false,
        spaces: vec![format!("X/{to}").parse()?],
        link: LinkEntry::default(),
        comments: Comments::default(),
    })
}

fn table_of(server: &str, to: &[&str]) -> Result<Table, String> {
    let own = format!("X/{server}").parse().map_err(text)?;
    let mut table = Table::new(dn(server), own);
    for to in to {
        table.put(connector(to)?);
    }
    Ok(table)
}

/// An empty database below `root`, which ends in `/`.
fn fill(disk: &MemDisk, root: &str, server: &str, to: &[&str]) -> Result<(), String> {
    let table = table_of(server, to)?;
    let queue = table.ms_mail_queue();
    let params = FreshParams {
        profile: Profile::V55,
        created: NOW,
        zone: "UTC",
        tree_id: TreeId([server.as_bytes()[0]; 16]),
        secured: &[(None, &queue)],
    };
    let add = |path: &str, bytes: &[u8]| -> Result<(), String> {
        let path = RelPath::new(&format!("{root}{path}")).map_err(text)?;
        disk.add_file(&path, bytes).map_err(text)
    };
    for file in database(&params).map_err(text)? {
        add(&file.path, &file.bytes)?;
    }
    add(&format!("{HOME}/TREE.LCK"), b"")?;
    if !to.is_empty() {
        add(X400_INI, table.format().as_bytes())?;
    }
    Ok(())
}

fn tree_of(disk: &Arc<dyn Disk>, name: &str) -> Result<Arc<dyn Disk>, String> {
    let root = RelPath::new(name).map_err(text)?;
    Ok(Arc::new(SubDisk::new(Arc::clone(disk), root)))
}

fn prepare_pair() -> Result<MemDisk, String> {
    let disk = MemDisk::new();
    fill(&disk, "A/", "A", &["B"])?;
    fill(&disk, "B/", "B", &["A"])?;
    let shared: Arc<dyn Disk> = Arc::new(disk.clone());
    let mut tree = TreeMut::open(tree_of(&shared, "A")?, DOMAIN, &options()).map_err(text)?;
    let plan = {
        let db = Database::open(tree.view()).map_err(text)?;
        let mut edit = MtaEdit::new(&db, NOW).map_err(text)?;
        let mut ledger = Ledger::load(tree.view()).map_err(text)?;
        let posting = Posting::of(parts()?);
        let table = table_of("A", &["B"])?;
        let queue = table.connectors.first().map(|to| table.queue_of(to));
        let queue = queue.ok_or("no connector")?;
        edit.add_queue(&queue, false).map_err(text)?;
        let submitter = Submitter::new("ORG", "SITE", "A");
        mail::put(&mut edit, &mut ledger, &queue, &[posting], &submitter, NOW).map_err(text)?;
        let mut plan = edit.finish().map_err(text)?;
        ledger.write_into(&mut plan).map_err(text)?;
        plan
    };
    tree.commit(&plan, &info(Command::Deliver)).map_err(text)?;
    drop(tree);
    disk.settle();
    Ok(disk)
}

fn parts() -> Result<Vec<Vec<u8>>, String> {
    let mai = Mai::new(b"X/A/u", NOW.0, b"X/A/00000001-0765720832".to_vec())
        .to(b"X/B/u")
        .subject(b"over the connector")
        .text(b"text\r\n".to_vec());
    let p1 = P1::for_message(&mai, HexId(1), vec![b"X/B/u".to_vec()]);
    let header = MbgRecord::new(b"u", b"over the connector", HexId(1), NOW.0).map_err(text)?;
    Ok(vec![
        header.encode(),
        p1.encode().map_err(text)?,
        mai.encode().map_err(text)?,
    ])
}

struct Pair<'a>(&'a Arc<dyn Disk>);

impl Connects for Pair<'_> {
    fn connect(&self, path: &str) -> Result<Box<dyn FarSide>, FarError> {
        let name = path.split('/').next().unwrap_or_default();
        let tree = tree_of(self.0, name).map_err(FarError::Ended)?;
        Ok(Box::new(Local::of_mta(tree, options())))
    }
}

fn run_pair(disk: Arc<dyn Disk>) -> RunResult {
    let paths = ["A", "B"].map(|name| format!("{name}/{HOME}"));
    let options = DeliverOptions::new(NOW, "harness");
    let report = deliver(&paths, &Pair(&disk), &options, &NoProgress).map_err(text)?;
    if report.has_problems() {
        return Err(format!("{report:?}"));
    }
    Ok(())
}

/// How many messages each database holds: never none together, at B never more than one.
fn observe_pair(disk: Arc<dyn Disk>) -> Result<Observed, String> {
    let mut counts = Vec::new();
    for name in ["A", "B"] {
        let view = TreeView::open(tree_of(&disk, name)?, DOMAIN, &options()).map_err(text)?;
        let db = Database::open(&view).map_err(text)?;
        let checked = dirsync::mta::check::check(&db, &NoProgress).map_err(text)?;
        if !checked.is_clean() {
            return Err(format!("{name}: {:?}", checked.findings));
        }
        let mut waiting = 0;
        for entry in &db.super_queue().map_err(text)?.queues {
            let members = db.queue(entry.id).map_err(text)?.members;
            let is_message = |kind: Option<_>| usize::from(kind.is_some());
            waiting += members
                .iter()
                .map(|member| is_message(member.message_kind()))
                .sum::<usize>();
        }
        counts.push(format!("{name} {waiting}"));
    }
    Ok(Observed::from([(counts.join(" "), None)]))
}
