//! Rows of the commands that only Exchange servers have, and of the agent's steps.

use std::sync::Arc;

use dirsync::core::base::address::Address;
use dirsync::core::base::{PoName, UnixTime};
use dirsync::core::format::compressed;
use dirsync::core::format::exchange::recipients::{Recipient, RecipientClass};
use dirsync::core::format::exchange::registry::{DX_KEY, Data};
use dirsync::core::format::field::Password;
use dirsync::core::format::layout_txt::TreeId;
use dirsync::core::format::mta::Profile;
use dirsync::cycle::StepOptions;
use dirsync::cycle::step::{Step, perform};
use dirsync::exchange::AGENT;
use dirsync::exchange::directory::Directory;
use dirsync::exchange::init::{self, ExchangeParams};
use dirsync::exchange::interchange::{self, Work};
use dirsync::exchange::roles::{self, NewRemote, Registration, SettingsChange};
use dirsync::exchange::settings::{Agent, load_registry, save_registry};
use dirsync::exchange::{resync, service};
use dirsync::postoffice::build::{self, BuildOptions};
use dirsync::postoffice::config::{registration, srvconf};
use dirsync::postoffice::externals::{self, NewExternal};
use dirsync::postoffice::init::InitPlan;
use dirsync::postoffice::lists::users::NewUser;
use dirsync::postoffice::mail::{Outgoing, submit};
use dirsync::postoffice::{Edit, Lists, PoError};
use dirsync::progress::NoProgress;
use dirsync::transport::link::{self, Parcel};
use dirsync::transport::mailer;
use dirsync::transport::route::Routes;
use dirsync::tree::disk::Disk;
use dirsync::tree::disk::mem::MemDisk;
use dirsync::tree::journal::CommitInfo;
use dirsync::tree::lock::Holder;
use dirsync::tree::{Command, RelPath, TreeMut};

use super::cycle::edit as cycle_edit;
use super::observe_tree;
use crate::faults::{Observed, Scenario};
use crate::trees::{CREATED_UNIX_S, options, postoffice};

const NOW: UnixTime = UnixTime(CREATED_UNIX_S + 3600);

/// Scenarios of `po-admin init-exchange`.
pub(super) const INIT: &[Scenario] = &[Scenario {
    command: Command::InitExchange,
    name: "the agent's part, where nothing stands",
    prepare: || Ok(MemDisk::new()),
    run: run_init,
    observe: super::admin::observe_place,
    milestones: || Ok(Vec::new()),
}];

/// Scenarios of `po-admin recipient`.
pub(super) const RECIPIENT: &[Scenario] = &[Scenario {
    command: Command::Recipient,
    name: "a mailbox is added",
    prepare: server,
    run: |disk| add_recipient(&disk, "carl"),
    observe: observe_agent,
    milestones: || Ok(Vec::new()),
}];

/// Scenarios of `po-admin registry`.
pub(super) const REGISTRY: &[Scenario] = &[Scenario {
    command: Command::Registry,
    name: "a value is set",
    prepare: server,
    run: |disk| set(&disk, "PauseKicksDX", Data::Number(1)),
    observe: observe_agent,
    milestones: || Ok(Vec::new()),
}];

/// Scenarios of `dxa-cycle start`: in no state is the value gone without the file, or kept with it.
pub(super) const START: &[Scenario] = &[Scenario {
    command: Command::Start,
    name: "RESYNC.GLB for a named requestor, and the value goes",
    prepare: || {
        let disk = server()?;
        let shared: Arc<dyn Disk> = Arc::new(disk.clone());
        step(&shared, Step::T2)?;
        let names = Data::List(vec!["RA".into()]);
        set(&shared, "ResyncConnectionRDNs", names)?;
        disk.settle();
        Ok(disk)
    },
    run: run_start,
    observe: observe_agent,
    milestones: || Ok(Vec::new()),
}];

/// `resync-gen create` at an Exchange server.
pub(super) const RESYNC: Scenario = Scenario {
    command: Command::Resync,
    name: "of an Exchange server, for one requestor",
    prepare: || {
        let disk = server()?;
        let shared: Arc<dyn Disk> = Arc::new(disk.clone());
        step(&shared, Step::T2)?;
        disk.settle();
        Ok(disk)
    },
    run: |disk| {
        let mut tree = TreeMut::open(disk, AGENT, &options()).map_err(text)?;
        let chosen = resync::choose_at(tree.view(), &["NET/RA".into()], false).map_err(text)?;
        let info = CommitInfo {
            command: Command::Resync,
            user: "harness".into(),
            now: NOW,
            counts: Vec::new(),
        };
        resync::create_in_place(&mut tree, &chosen, NOW, &info, &NoProgress)
            .map(|_| ())
            .map_err(text)
    },
    observe: observe_agent,
    milestones: || Ok(Vec::new()),
};

/// T1 of an agent that is a requestor: one commit for what changed, one for the mail.
pub(super) const T1: Scenario = Scenario {
    command: Command::T1,
    name: "an agent queues what changed among its recipients and sends it",
    prepare: requestor,
    run: |disk| step(&disk, Step::T1),
    observe: observe_agent,
    milestones: || after(requestor, |disk| step(&disk, Step::T1)),
};

/// T2 of an agent that is the directory server: each request becomes recipients in the commit that takes
/// it, then what changed here is queued, and the requestor gets its answer.
pub(super) const T2: Scenario = Scenario {
    command: Command::T2,
    name: "an agent takes a report and a request, queues its own changes, and answers",
    prepare: asked,
    run: run_t2,
    observe: observe_agent,
    milestones: || after(asked, run_t2),
};

/// The interchange, hop by hop: the agent's mail through the queue of the connector into the shadow
/// postoffice, several messages of which one is faulty, and the way back.
pub(super) const DELIVER: [Scenario; 3] = [
    Scenario {
        command: Command::Deliver,
        name: "a request of the agent reaches the shadow postoffice",
        prepare: sent,
        run: run_interchange,
        observe: observe_agent,
        milestones: || after(sent, run_interchange),
    },
    Scenario {
        command: Command::Deliver,
        name: "messages on the connector's queue, one of them faulty",
        prepare: queued,
        run: run_interchange,
        observe: observe_agent,
        milestones: || after(queued, run_interchange),
    },
    Scenario {
        command: Command::Deliver,
        name: "a request in the shadow postoffice reaches the agent",
        prepare: arrived,
        run: run_interchange,
        observe: observe_agent,
        milestones: || after(arrived, run_interchange),
    },
];

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}

fn plan() -> Result<InitPlan, String> {
    let params = ExchangeParams {
        organization: "Aviation",
        site: "Malmo",
        server: "MALMO1",
        connector: super::cycle::po("AVIATION/MALMO")?,
        profile: Profile::V55,
        created: UnixTime(CREATED_UNIX_S).timestamp(),
        zone: "UTC",
        tree_ids: [TreeId([1; 16]), TreeId([2; 16]), TreeId([3; 16])],
    };
    init::plan(&params).map_err(text)
}

/// The files of the agent alone: queue database and shadow postoffice are made in the very same way,
/// and the harness tries every one of the steps many times.
fn run_init(disk: Arc<dyn Disk>) -> Result<(), String> {
    let marker = RelPath::new("PO/DXADATA/LAYOUT.TXT").map_err(text)?;
    if disk.stat(&marker).map_err(text)?.is_some() {
        return Ok(());
    }
    let options = BuildOptions {
        holder: Holder::default(),
        seed: 1,
        wait: std::time::Duration::ZERO,
    };
    let mut tree = plan()?.tree().clone();
    let is_part = |path: &str| {
        let folder = path.split_once('/').map_or("", |(folder, _)| folder);
        matches!(folder, "" | "DXADATA") && !path.contains("/MAI") && !path.contains("/ATT")
    };
    tree.directories
        .retain(|dir| is_part(&format!("{dir}/")) && is_part(dir));
    tree.files.retain(|file| is_part(&file.path));
    build::build(&disk, "PO", &tree, "DXADATA/TREE.LCK", &options)
        .map(|_| ())
        .map_err(text)
}

/// A server without roles.
pub(crate) fn fresh() -> Result<MemDisk, String> {
    let plan = plan()?;
    let disk = MemDisk::new();
    for dir in &plan.tree().directories {
        disk.add_dir(&RelPath::new(dir).map_err(text)?)
            .map_err(text)?;
    }
    for file in &plan.tree().files {
        let path = RelPath::new(&file.path).map_err(text)?;
        disk.add_file(&path, &file.bytes).map_err(text)?;
    }
    for home in ["DXADATA", "MTADATA", "CONNECT/MSMCON/MAILDATA/GLB"] {
        let path = RelPath::new(&format!("{home}/TREE.LCK")).map_err(text)?;
        disk.add_file(&path, b"").map_err(text)?;
    }
    Ok(disk)
}

fn change(
    disk: &Arc<dyn Disk>,
    command: Command,
    make: impl FnOnce(&mut Edit<'_>) -> Result<(), PoError>,
) -> Result<(), String> {
    let mut tree = TreeMut::open(Arc::clone(disk), AGENT, &options()).map_err(text)?;
    let mut edit = Edit::new(tree.view());
    make(&mut edit).map_err(text)?;
    let plan = edit.finish().map_err(text)?;
    let info = CommitInfo {
        command,
        user: "harness".into(),
        now: NOW,
        counts: Vec::new(),
    };
    tree.commit(&plan, &info).map(|_| ()).map_err(text)
}

/// Adds a mailbox, unless it is there.
fn add_recipient(disk: &Arc<dyn Disk>, alias: &str) -> Result<(), String> {
    change(disk, Command::Recipient, |edit| {
        let agent = Agent::load(edit)?;
        let mut directory = Directory::load(edit)?;
        if directory.has_name("Recipients", alias) {
            return Ok(());
        }
        let recipient = Recipient {
            class: RecipientClass::Mailbox,
            directory_name: alias.to_owned(),
            display_name: format!("{alias} Ek"),
            alias: alias.to_owned(),
            container: "Recipients".into(),
            home_server: String::new(),
            address: String::new(),
            proxies: Vec::new(),
            hidden: false,
            trust: 20,
            imported_from: String::new(),
            other: Vec::new(),
        };
        directory.add(recipient, &agent.identity, agent.own)?;
        directory.save(edit)
    })
}

fn set(disk: &Arc<dyn Disk>, name: &str, data: Data) -> Result<(), String> {
    change(disk, Command::Registry, |edit| {
        let mut file = load_registry(edit)?;
        // Its names and values are plain.
        let _ = file.set(DX_KEY, name, data);
        save_registry(edit, &file)
    })
}

/// A directory server with two recipients and a remote requestor.
fn server() -> Result<MemDisk, String> {
    let disk = fresh()?;
    let shared: Arc<dyn Disk> = Arc::new(disk.clone());
    for alias in ["anna", "bo"] {
        add_recipient(&shared, alias)?;
    }
    let name = super::cycle::po("NET/RA")?;
    change(&shared, Command::Server, |edit| {
        roles::server_on(edit, &SettingsChange::default()).map(|_| ())
    })?;
    change(&shared, Command::Requestor, |edit| {
        let new = NewRemote {
            name,
            object: None,
            password: Password::default(),
            mailbox: None,
            compress: true,
            change: SettingsChange::default(),
        };
        roles::add_remote(edit, &new).map(|_| ())
    })?;
    disk.settle();
    Ok(disk)
}

/// A requestor with two recipients.
fn requestor() -> Result<MemDisk, String> {
    let disk = fresh()?;
    let shared: Arc<dyn Disk> = Arc::new(disk.clone());
    for alias in ["anna", "bo"] {
        add_recipient(&shared, alias)?;
    }
    let server = super::cycle::po("NET/SRV")?;
    change(&shared, Command::Register, |edit| {
        let new = Registration {
            server,
            object: None,
            password: None,
            types: None,
            change: SettingsChange::default(),
        };
        roles::register(edit, &new).map(|_| ())
    })?;
    disk.settle();
    Ok(disk)
}

/// A step; T1 is not repeated at the same time.
fn step(disk: &Arc<dyn Disk>, step: Step) -> Result<(), String> {
    let mut tree = TreeMut::open(Arc::clone(disk), AGENT, &options()).map_err(text)?;
    if step == Step::T1 {
        let mut edit = Edit::new(tree.view());
        let conf = dirsync::postoffice::lists::waiting::reqconf(&mut edit).map_err(text)?;
        if conf.last_t1.get() == NOW.0 {
            return Ok(());
        }
    }
    let options = StepOptions::new(NOW, "harness");
    perform(&mut tree, step, &options, &NoProgress)
        .map(|_| ())
        .map_err(text)
}

/// A server with what T1 of its requestor sent in SYSTEM, and a recipient that no requestor knows.
fn asked() -> Result<MemDisk, String> {
    let disk = server()?;
    let shared: Arc<dyn Disk> = Arc::new(disk.clone());
    let from = super::cycle::po("NET/RA")?;
    let parcels = requests(&from)?;
    change(&shared, Command::Deliver, |edit| {
        link::receive(edit, Some(&from), &parcels, NOW).map(|_| ())
    })?;
    change(&shared, Command::Deliver, |edit| {
        mailer::pass(edit, NOW, 50, &mut |_| ()).map(|_| ())
    })?;
    disk.settle();
    Ok(disk)
}

/// What T1 of a postoffice sends to the server, from its outbound mailbag.
fn requests(name: &PoName) -> Result<Vec<Parcel>, String> {
    let disk = crate::trees::fresh("NET", "RA", 2)?;
    let server = super::cycle::po("AVIATION/MALMO")?;
    let new = NewExternal {
        name: server,
        via: None,
        path: None,
        autocreated: false,
    };
    cycle_edit(&disk, |edit| externals::add(edit, &new).map(|_| ()))?;
    cycle_edit(&disk, |edit| {
        registration::register(edit, &server, None).map(|_| ())
    })?;
    cycle_edit(&disk, |edit| {
        let mut lists = Lists::open(edit, NOW)?;
        for user in ["able", "Mark"] {
            let new = NewUser {
                mailbox: user.as_bytes().to_vec(),
                full_name: format!("{user} of RA").into_bytes(),
                dirsync: true,
                info: Vec::new(),
                strict_limits: false,
            };
            lists.add_user(edit, &new)?;
        }
        lists.export(edit)?;
        lists.save(edit)
    })?;
    let shared: Arc<dyn Disk> = Arc::new(disk.clone());
    for step in [Step::T3, Step::T1] {
        let mut tree =
            TreeMut::open(Arc::clone(&shared), postoffice(), &options()).map_err(text)?;
        let options = StepOptions::new(NOW, "harness");
        perform(&mut tree, step, &options, &NoProgress).map_err(text)?;
    }
    cycle_edit(&disk, |edit| {
        mailer::pass(edit, NOW, 50, &mut |_| ()).map(|_| ())
    })?;
    let tree = TreeMut::open(shared, postoffice(), &options()).map_err(text)?;
    let mut routes = Routes::load(tree.view(), *name).map_err(text)?;
    let mailbag = routes.mailbag_of(&server).map_err(text)?;
    let mailbag = mailbag.ok_or("there is no way to the server")?;
    let found = link::collect(tree.view(), mailbag, 50, &|_| false, &mut |_| ()).map_err(text)?;
    match found.parcels.len() {
        0 => Err("nothing was sent".into()),
        _ => Ok(found.parcels),
    }
}

/// T2; it is not repeated at the same time.
fn run_t2(disk: Arc<dyn Disk>) -> Result<(), String> {
    {
        let tree = TreeMut::open(Arc::clone(&disk), AGENT, &options()).map_err(text)?;
        let (header, _) = srvconf(&mut Edit::new(tree.view())).map_err(text)?;
        if header.last_transmit.get() == NOW.0 {
            return Ok(());
        }
    }
    step(&disk, Step::T2)
}

fn request(attachment: Vec<u8>) -> Result<Outgoing, String> {
    let address = |name: &str| Address::parse(name.as_bytes()).map_err(text);
    Ok(Outgoing {
        attachments: vec![(b"REQTRANS.GLB".to_vec(), attachment)],
        system: true,
        ..Outgoing::new(
            address("AVIATION/MALMO/$SYSTEM")?,
            vec![address("NET/SRV/$SYSTEM")?],
            b"ReqTx",
            NOW,
        )
    })
}

/// One message of the agent to its server: with two in its box, one that cannot be read would not stop
/// the other, and every mixture would be a good state.
fn sent() -> Result<MemDisk, String> {
    let disk = requestor()?;
    let shared: Arc<dyn Disk> = Arc::new(disk.clone());
    let message = request(compressed::compress(&[7; 700]).map_err(text)?)?;
    change(&shared, Command::T1, |edit| {
        submit(edit, &message).map(|_| ())
    })?;
    disk.settle();
    Ok(disk)
}

/// Three messages of the agent on the connector's queue; the container in the second is damaged.
fn queued() -> Result<MemDisk, String> {
    let disk = requestor()?;
    let shared: Arc<dyn Disk> = Arc::new(disk.clone());
    for number in 0..3u8 {
        let mut container = compressed::compress(&[number; 700]).map_err(text)?;
        if number == 1
            && let Some(last) = container.last_mut()
        {
            *last ^= 0xFF;
        }
        let message = request(container)?;
        change(&shared, Command::T1, |edit| {
            submit(edit, &message).map(|_| ())
        })?;
    }
    let options = interchange::Options {
        until_mta: true,
        ..interchange::Options::default()
    };
    interchange_with(&shared, options)?;
    disk.settle();
    Ok(disk)
}

/// A message for the agent in SYSTEM of the shadow postoffice.
fn arrived() -> Result<MemDisk, String> {
    let disk = requestor()?;
    let shared: Arc<dyn Disk> = Arc::new(disk.clone());
    let shadow = dirsync::exchange::shadow_disk(&shared).map_err(text)?;
    let mut message = request(vec![7; 700])?;
    message.to = vec![Address::parse(b"AVIATION/MALMO/$SYSTEM").map_err(text)?];
    let mut tree = TreeMut::open(shadow, postoffice(), &options()).map_err(text)?;
    for _ in 0..2 {
        let mut edit = Edit::new(tree.view());
        if message.to.is_empty() {
            dirsync::transport::mailer::pass(&mut edit, NOW, 50, &mut |_| ()).map_err(text)?;
        } else {
            submit(&mut edit, &message).map_err(text)?;
            message.to.clear();
        }
        let plan = edit.finish().map_err(text)?;
        let info = CommitInfo {
            command: Command::Deliver,
            user: "harness".into(),
            now: NOW,
            counts: Vec::new(),
        };
        tree.commit(&plan, &info).map_err(text)?;
    }
    drop(tree);
    disk.settle();
    Ok(disk)
}

fn run_interchange(disk: Arc<dyn Disk>) -> Result<(), String> {
    interchange_with(&disk, interchange::Options::default())
}

/// Mail that was reported and stayed is no success, but for what is parked.
fn interchange_with(disk: &Arc<dyn Disk>, how: interchange::Options) -> Result<(), String> {
    let options = options();
    let work = Work {
        open: &options,
        now: NOW,
        user: "harness",
        // One worker: the order of the disk's operations is the scenario's.
        options: interchange::Options { workers: 1, ..how },
        // A message for each commit: what was done when a read fails is a state between two commits.
        limits: interchange::Limits {
            budget_bytes: 1,
            ..interchange::Limits::default()
        },
    };
    let mut reported = Vec::new();
    interchange::run(disk, &work, &mut |finding| {
        if finding.id != interchange::PARKED {
            reported.push(finding.message);
        }
    })
    .map_err(text)?;
    match reported.first() {
        Some(first) => Err(first.clone()),
        None => Ok(()),
    }
}

fn run_start(disk: Arc<dyn Disk>) -> Result<(), String> {
    let mut tree = TreeMut::open(disk, AGENT, &options()).map_err(text)?;
    let options = StepOptions::new(NOW, "harness");
    service::start(&mut tree, &options, &NoProgress)
        .map(|_| ())
        .map_err(text)
}

/// The states between the commits of a run: the harness finds them by stopping; each commit alone is
/// whole.
fn after(
    prepare: fn() -> Result<MemDisk, String>,
    run: fn(Arc<dyn Disk>) -> Result<(), String>,
) -> Result<Vec<Observed>, String> {
    super::cycle::milestones_with(prepare, run, observe_agent)
}

/// The domains that these rows change, as one state.
fn observe_agent(disk: Arc<dyn Disk>) -> Result<Observed, String> {
    let mut seen = Observed::new();
    let shadow = dirsync::exchange::shadow_disk(&disk).map_err(text)?;
    for (name, bytes) in observe_tree(Arc::clone(&disk), AGENT)? {
        // Queue database and shadow postoffice have journals of their own.
        if !name.starts_with("CONNECT/") && !name.starts_with("MTADATA") {
            seen.insert(name, bytes);
        }
    }
    for (name, bytes) in observe_tree(Arc::clone(&disk), dirsync::mta::DOMAIN)? {
        if name.starts_with("MTADATA") {
            seen.insert(name, bytes);
        }
    }
    for (name, bytes) in super::observe_postoffice(shadow)? {
        seen.insert(format!("shadow/{name}"), bytes);
    }
    Ok(seen)
}
