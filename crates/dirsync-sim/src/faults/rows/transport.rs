//! Rows of delivery: the mailer, both sides of a link, and three trees with a hub on one medium.

use std::sync::Arc;

use dirsync::core::base::address::Address;
use dirsync::core::base::time::UnixTime;
use dirsync::core::format::fresh::{FreshParams, fresh_postoffice};
use dirsync::core::format::key::Key;
use dirsync::core::format::layout_txt::TreeId;
use dirsync::core::format::mbg::MBG_RECORD_LEN_BYTES;
use dirsync::core::format::xtn::{Route, XtnRecord};
use dirsync::core::format::{CpField, FixedRecord as _, Hex8};
use dirsync::postoffice::Edit;
use dirsync::postoffice::mail::{Outgoing, submit};
use dirsync::progress::NoProgress;
use dirsync::transport::deliver::{DeliverOptions, deliver};
use dirsync::transport::far::{Connector, FarError, FarSide, Local, Reply, Request};
use dirsync::transport::link::Done;
use dirsync::transport::stuck::{Selection, clear, give_back, recover};
use dirsync_core::base::HexId;
use dirsync_core::base::ident::MailbagStem;
use dirsync_tree::disk::Disk;
use dirsync_tree::disk::mem::MemDisk;
use dirsync_tree::disk::sub::SubDisk;
use dirsync_tree::journal::CommitInfo;
use dirsync_tree::{Command, Domain, DomainKind, RelPath, TreeMut};

use super::{links, options};
use crate::faults::{Observed, RunResult, Scenario, observe_postoffice};

/// Scenarios of `dxa-cycle deliver`.
pub(super) const DELIVER: &[Scenario] = &[
    super::gateway::BRING,
    super::gateway::REFUSE,
    super::gateway::CARRY,
    super::gateway::OLDER,
    super::exchange::DELIVER[0],
    super::exchange::DELIVER[1],
    super::exchange::DELIVER[2],
    super::x400::DELIVER,
    Scenario {
        command: Command::Deliver,
        name: "mailer: INQUEUE to SYSTEM and outbound",
        prepare: || prepare_one(|disk| submit_on(disk, "A", &["NET/A/$SYSTEM", "NET/H/$SYSTEM"])),
        run: run_mailer,
        observe: observe_postoffice,
        milestones: || Ok(Vec::new()),
    },
    Scenario {
        command: Command::Deliver,
        name: "receiving side of a link",
        prepare: || prepare_one(|_| Ok(())),
        run: run_receive,
        observe: observe_postoffice,
        milestones: || Ok(Vec::new()),
    },
    Scenario {
        command: Command::Deliver,
        name: "sending side of a link",
        prepare: prepare_outbound,
        run: run_sent,
        observe: observe_postoffice,
        milestones: || Ok(Vec::new()),
    },
    Scenario {
        command: Command::Deliver,
        name: "a link that fails: another route, or back to the sender",
        prepare: links::prepare_failed,
        run: links::run_settle,
        observe: observe_postoffice,
        milestones: || Ok(Vec::new()),
    },
    Scenario {
        command: Command::Deliver,
        name: "three trees, one of them a hub",
        prepare: prepare_site,
        run: run_site,
        observe: observe_site,
        milestones: site_milestones,
    },
];

/// Scenarios of `po-admin mail`.
pub(super) const MAIL: &[Scenario] = &[
    Scenario {
        command: Command::Mail,
        name: "mail: return an outbound mailbag",
        prepare: prepare_outbound,
        run: |disk| {
            edited_as(disk, Command::Mail, |edit| {
                let all = Selection::default();
                give_back(edit, MailbagStem::Id(HexId(2)), &all, NOW)
                    .map(|_| ())
                    .map_err(text)
            })
        },
        observe: observe_postoffice,
        milestones: || Ok(Vec::new()),
    },
    Scenario {
        command: Command::Mail,
        name: "mail: clear a mailbag",
        prepare: prepare_outbound,
        run: |disk| {
            edited_as(disk, Command::Mail, |edit| {
                let all = Selection::default();
                clear(edit, MailbagStem::Id(HexId(2)), &all, NOW)
                    .map(|_| ())
                    .map_err(text)
            })
        },
        observe: observe_postoffice,
        milestones: || Ok(Vec::new()),
    },
    Scenario {
        command: Command::Mail,
        name: "mail: recover stranded messages",
        prepare: prepare_stranded,
        run: |disk| {
            edited_as(disk, Command::Mail, |edit| {
                recover(edit, &mut |_| {}).map(|_| ()).map_err(text)
            })
        },
        observe: observe_postoffice,
        milestones: || Ok(Vec::new()),
    },
];

pub(super) const NOW: UnixTime = UnixTime(765_720_832);
const TREES: [&str; 3] = ["A", "B", "H"];

pub(super) fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}

fn path(text_of_path: &str) -> Result<RelPath, String> {
    RelPath::new(text_of_path).map_err(text)
}

/// The part of a fresh postoffice `NET/name` that mail needs, at `below` of a disk.
fn make_postoffice(disk: &MemDisk, below: &str, name: &str) -> Result<(), String> {
    let mut id = [1; 16];
    id[0] = name.as_bytes().first().copied().unwrap_or(0);
    let tree = fresh_postoffice(&FreshParams {
        network: b"NET",
        postoffice: name.as_bytes(),
        admin_mailbox: b"Admin",
        admin_full_name: b"Administrator",
        created: UnixTime(765_720_000).timestamp(),
        zone: "UTC",
        tree_id: TreeId(id),
        serial: b"0000-00000",
    })
    .map_err(text)?;
    for dir in [
        "GLB", "MBG", "KEY", "MAI", "ATT", "P1", "LOG", "XTN", "USR", "INI",
    ] {
        disk.add_dir(&path(&format!("{below}{dir}"))?)
            .map_err(text)?;
    }
    for digit in "01234567".chars() {
        for dir in [format!("MAI/MA{digit}"), format!("ATT/AT{digit}")] {
            disk.add_dir(&path(&format!("{below}{dir}"))?)
                .map_err(text)?;
        }
    }
    for file in &tree.files {
        let wanted = [
            "GLB/LAYOUT.TXT",
            "GLB/MASTER.GLB",
            "GLB/CONTROL.GLB",
            "GLB/NETWORK.GLB",
            "GLB/ACCESS.GLB",
            "GLB/ACCESS2.GLB",
            "XTN/00000001.XTN",
        ];
        let queue = ["INQUEUE", "SYSTEM"]
            .iter()
            .any(|queue| file.path.contains(&format!("/{queue}")));
        if wanted.contains(&file.path.as_str()) || queue {
            disk.add_file(&path(&format!("{below}{}", file.path))?, &file.bytes)
                .map_err(text)?;
        }
    }
    Ok(())
}

fn edited(
    disk: Arc<dyn Disk>,
    change: impl FnOnce(&mut Edit<'_>) -> Result<(), String>,
) -> RunResult {
    edited_as(disk, Command::Deliver, change)
}

pub(super) fn edited_as(
    disk: Arc<dyn Disk>,
    command: Command,
    change: impl FnOnce(&mut Edit<'_>) -> Result<(), String>,
) -> RunResult {
    let domain = Domain {
        kind: DomainKind::Postoffice,
    };
    let mut tree = TreeMut::open(disk, domain, &options()).map_err(text)?;
    let mut edit = Edit::new(tree.view());
    change(&mut edit)?;
    let plan = edit.finish().map_err(text)?;
    let info = CommitInfo {
        command,
        user: "harness".into(),
        now: NOW,
        counts: Vec::new(),
    };
    tree.commit(&plan, &info).map_err(text)?;
    Ok(())
}

/// Makes `NET/other` an external postoffice, through the hub `NET/H` when `hub` is its mailbag.
pub(super) fn know(disk: Arc<dyn Disk>, other: &str, hub: Option<HexId>) -> Result<HexId, String> {
    let mut made = HexId(0);
    edited(disk, |edit| {
        let mailbag = edit.mailbag().map_err(text)?;
        made = mailbag;
        let name = |name: &str| CpField::from_bytes(name.as_bytes()).map_err(text);
        let mut record = XtnRecord::zeroed();
        record.state = 1;
        record.postoffice = name(other)?;
        record.mailbag = Hex8::from_id(mailbag);
        record.route = Route::Direct.code();
        if let Some(hub) = hub {
            record.route = Route::Indirect.code();
            record.hub_network = name("NET")?;
            record.hub_postoffice = name("H")?;
            record.hub_mailbag = Hex8::from_id(hub);
        }
        edit.append("XTN/00000001.XTN", &record.encode())
            .map_err(text)?;
        let key = Key::empty().bytes().to_vec();
        edit.create(&format!("KEY/{mailbag}.KEY"), key)
            .map_err(text)?;
        edit.create(&format!("MBG/{mailbag}.MBG"), Vec::new())
            .map_err(text)
    })?;
    Ok(made)
}

pub(super) fn submit_on(disk: Arc<dyn Disk>, from: &str, to: &[&str]) -> RunResult {
    let address = |name: &str| Address::parse(name.as_bytes()).map_err(text);
    let to = to
        .iter()
        .map(|to| address(to))
        .collect::<Result<Vec<_>, _>>()?;
    let message = Outgoing {
        attachments: vec![(b"REQTRANS.GLB".to_vec(), vec![7; 700])],
        system: true,
        ..Outgoing::new(address(&format!("NET/{from}/$SYSTEM"))?, to, b"ReqTx", NOW)
    };
    edited(disk, |edit| {
        submit(edit, &message).map(|_| ()).map_err(text)
    })
}

pub(super) fn prepare_one(
    then: impl FnOnce(Arc<dyn Disk>) -> RunResult,
) -> Result<MemDisk, String> {
    let disk = MemDisk::new();
    make_postoffice(&disk, "", "A")?;
    let shared: Arc<dyn Disk> = Arc::new(disk.clone());
    know(Arc::clone(&shared), "H", None)?;
    then(shared)?;
    disk.settle();
    Ok(disk)
}

pub(super) fn ask(disk: Arc<dyn Disk>, request: Request) -> Result<Reply, String> {
    Local::new(disk, options()).call(request).map_err(text)
}

fn mailer() -> Request {
    Request::Mailer {
        now: NOW.0,
        user: "harness".into(),
        limit: 50,
        dry_run: false,
    }
}

pub(super) fn run_mailer(disk: Arc<dyn Disk>) -> RunResult {
    match ask(disk, mailer())? {
        Reply::Mailed { problems, .. } if problems.is_empty() => Ok(()),
        other => Err(format!("{other:?}")),
    }
}

pub(super) fn prepare_outbound() -> Result<MemDisk, String> {
    prepare_one(|disk| {
        submit_on(Arc::clone(&disk), "A", &["NET/H/$SYSTEM"])?;
        submit_on(Arc::clone(&disk), "A", &["NET/H/$SYSTEM", "NET/A/$SYSTEM"])?;
        run_mailer(disk)
    })
}

/// An outbound mailbag that was reset by hand: its messages and envelopes are left behind.
fn prepare_stranded() -> Result<MemDisk, String> {
    let disk = prepare_outbound()?;
    edited(Arc::new(disk.clone()), |edit| {
        edit.write("KEY/00000002.KEY", Key::empty().bytes().to_vec())
            .map_err(text)?;
        edit.write("MBG/00000002.MBG", Vec::new()).map_err(text)
    })?;
    disk.settle();
    Ok(disk)
}

/// The parcels of [`prepare_outbound`], made once more: they are the same every time.
fn parcels(disk: Arc<dyn Disk>) -> Result<Vec<dirsync::transport::link::Parcel>, String> {
    let request = Request::Collect {
        mailbag: 2,
        limit: 50,
        skip: Vec::new(),
    };
    match ask(disk, request)? {
        Reply::Collected { parcels, .. } => Ok(parcels),
        other => Err(format!("{other:?}")),
    }
}

fn run_receive(disk: Arc<dyn Disk>) -> RunResult {
    let parcels = parcels(Arc::new(prepare_outbound()?))?;
    if parcels.len() != 2 {
        return Err(format!("{} parcels", parcels.len()));
    }
    let request = Request::Receive {
        from: "NET/X".into(),
        now: NOW.0,
        user: "harness".into(),
        parcels,
    };
    ask(disk, request).map(|_| ())
}

fn run_sent(disk: Arc<dyn Disk>) -> RunResult {
    let done = parcels(Arc::new(prepare_outbound()?))?
        .iter()
        .map(|parcel| Done {
            index: parcel.index,
            stem: parcel.stem,
            tag: parcel.tag,
            there: parcel.stem,
        })
        .collect();
    let request = Request::Sent {
        mailbag: 2,
        to: "NET/H".into(),
        now: NOW.0,
        user: "harness".into(),
        done,
    };
    ask(disk, request).map(|_| ())
}

fn tree_of(disk: &Arc<dyn Disk>, name: &str) -> Result<Arc<dyn Disk>, String> {
    Ok(Arc::new(SubDisk::new(Arc::clone(disk), path(name)?)))
}

fn prepare_site() -> Result<MemDisk, String> {
    let disk = MemDisk::new();
    let shared: Arc<dyn Disk> = Arc::new(disk.clone());
    for name in TREES {
        make_postoffice(&disk, &format!("{name}/"), name)?;
    }
    for (name, other) in [("A", "B"), ("B", "A")] {
        let hub = know(tree_of(&shared, name)?, "H", None)?;
        know(tree_of(&shared, name)?, other, Some(hub))?;
        know(tree_of(&shared, "H")?, name, None)?;
    }
    submit_on(tree_of(&shared, "A")?, "A", &["NET/B/$SYSTEM"])?;
    disk.settle();
    Ok(disk)
}

struct Site<'a> {
    disk: &'a Arc<dyn Disk>,
}

impl Connector for Site<'_> {
    fn connect(&self, name: &str) -> Result<Box<dyn FarSide>, FarError> {
        let tree = tree_of(self.disk, name).map_err(FarError::Ended)?;
        Ok(Box::new(Local::new(tree, options())))
    }
}

fn run_site(disk: Arc<dyn Disk>) -> RunResult {
    let options = DeliverOptions::new(NOW, "harness");
    let names: Vec<String> = TREES.iter().map(|name| (*name).to_owned()).collect();
    let site = Site { disk: &disk };
    let report = deliver(&names, &site, &options, &NoProgress).map_err(text)?;
    if report.has_problems() {
        return Err(format!("{report:?}"));
    }
    Ok(())
}

/// Three trees go on without each other when one fails, so the states on the way are many. While an
/// envelope is anywhere, the message is on its way, and only what arrived counts; at rest, every file
/// does, but for the logs, which tell of the failures.
fn observe_site(disk: Arc<dyn Disk>) -> Result<Observed, String> {
    let mut all = Observed::new();
    for name in TREES {
        for (path, content) in observe_postoffice(tree_of(&disk, name)?)? {
            if !path.starts_with("LOG") {
                all.insert(format!("{name}/{path}"), content);
            }
        }
    }
    let on_its_way = all
        .keys()
        .any(|path| path.contains("/P1/") && !path.ends_with("RECEIVED.TAG"));
    if !on_its_way {
        return Ok(all);
    }
    let arrived = all
        .get("B/MBG/SYSTEM.MBG")
        .and_then(Option::as_ref)
        .map_or(0, |mbg| mbg.len() / MBG_RECORD_LEN_BYTES);
    Ok(on_the_way(arrived))
}

fn on_the_way(arrived: usize) -> Observed {
    Observed::from([(format!("on its way, {arrived} arrived"), None)])
}

/// It has arrived, and a copy that the ledger will drop waits somewhere.
fn site_milestones() -> Result<Vec<Observed>, String> {
    Ok(vec![on_the_way(1)])
}
