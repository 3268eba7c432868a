//! Rows of the steps of a cycle: a server and a requestor with two users each, on a disk each.

use std::collections::BTreeMap;
use std::sync::Arc;

use dirsync::core::base::{PoName, UnixTime};
use dirsync::core::format::field::Password;
use dirsync::cycle::step::{Step, perform};
use dirsync::cycle::{StepOptions, t1};
use dirsync::import::resync::create;
use dirsync::postoffice::config::{registration, requestors, server};
use dirsync::postoffice::externals::{self, NewExternal};
use dirsync::postoffice::lists::users::NewUser;
use dirsync::postoffice::lists::waiting::reqconf;
use dirsync::postoffice::{Edit, Lists, PoError};
use dirsync::progress::NoProgress;
use dirsync::transport::deliver::{DeliverOptions, deliver};
use dirsync::transport::far::{Connector, FarError, FarSide, Local};
use dirsync::tree::disk::fault::{Counting, Fault, FaultDisk};
use dirsync::tree::disk::mem::{MemDisk, Survival};
use dirsync::tree::disk::{Disk, DiskOp};
use dirsync::tree::journal::CommitInfo;
use dirsync::tree::{Command, TreeMut};

use super::observe_postoffice;
use crate::faults::{Observed, Scenario};
use crate::trees::{CREATED_UNIX_S, damaged, fresh, options, postoffice};

pub(super) const SERVER: &str = "NET/SRV";
pub(super) const REQUESTOR: &str = "NET/RA";
/// Steps of the preparation are made at this time, those of the rows an hour later.
const BEFORE: UnixTime = UnixTime(CREATED_UNIX_S);
const NOW: UnixTime = UnixTime(CREATED_UNIX_S + 3600);

/// Scenarios of `dxa-cycle t1`.
pub(super) const T1: &[Scenario] = &[
    Scenario {
        command: Command::T1,
        name: "report and request, each with its attachment",
        prepare: || {
            let site = site()?;
            step(&site, REQUESTOR, Step::T3, BEFORE)?;
            site.settled(REQUESTOR)
        },
        run: run_t1,
        observe: observe_postoffice,
        milestones: || Ok(Vec::new()),
    },
    super::exchange::T1,
];

/// Scenarios of `dxa-cycle t2`: one commit for the start, for each message, for each answer and for
/// the end.
pub(super) const T2: &[Scenario] = &[
    Scenario {
        command: Command::T2,
        name: "two reports and two requests are taken, both requestors get an import reply",
        prepare: prepare_t2,
        run: run_t2,
        observe: observe_postoffice,
        milestones: || milestones(prepare_t2, run_t2),
    },
    super::exchange::T2,
];

/// Scenarios of `dxa-cycle t3`: replies, import, rebuild.
pub(super) const T3: &[Scenario] = &[
    Scenario {
        command: Command::T3,
        name: "an import reply is taken, imported, and the list made",
        prepare: prepare_t3,
        run: run_t3,
        observe: observe_postoffice,
        milestones: || milestones(prepare_t3, run_t3),
    },
    Scenario {
        command: Command::T3,
        name: "RESYNC.GLB lies there, and a reply that is older",
        prepare: with_resync,
        run: run_t3,
        observe: observe_postoffice,
        milestones: || milestones(with_resync, run_t3),
    },
];

/// Two postoffices that know each other.
pub(super) struct Site(BTreeMap<&'static str, MemDisk>);

impl Site {
    pub(super) fn disk(&self, name: &str) -> Result<MemDisk, String> {
        let disk = self.0.get(name).ok_or("no such postoffice")?;
        Ok(disk.clone())
    }

    pub(super) fn settled(&self, name: &str) -> Result<MemDisk, String> {
        let disk = self.disk(name)?;
        disk.settle();
        Ok(disk)
    }
}

impl Connector for Site {
    fn connect(&self, path: &str) -> Result<Box<dyn FarSide>, FarError> {
        let disk = self.disk(path).map_err(FarError::Ended)?;
        Ok(Box::new(Local::new(Arc::new(disk), options())))
    }
}

pub(super) fn po(name: &str) -> Result<PoName, String> {
    name.parse()
        .map_err(|error: dirsync::core::base::address::Fault| error.to_string())
}

pub(super) fn edit(
    disk: &MemDisk,
    change: impl FnOnce(&mut Edit<'_>) -> Result<(), PoError>,
) -> Result<(), String> {
    let disk: Arc<dyn Disk> = Arc::new(disk.clone());
    let mut tree = TreeMut::open(disk, postoffice(), &options()).map_err(|e| e.to_string())?;
    let mut edit = Edit::new(tree.view());
    change(&mut edit).map_err(|error| error.to_string())?;
    let plan = edit.finish().map_err(|error| error.to_string())?;
    let info = CommitInfo {
        command: Command::User,
        user: "harness".into(),
        now: BEFORE,
        counts: Vec::new(),
    };
    tree.commit(&plan, &info)
        .map(|_| ())
        .map_err(|error| error.to_string())
}

pub(super) fn site() -> Result<Site, String> {
    let mut site = Site(BTreeMap::new());
    for (number, name, other) in [(1, SERVER, REQUESTOR), (2, REQUESTOR, SERVER)] {
        let postoffice = po(name)?;
        let short = String::from_utf8_lossy(postoffice.postoffice()).into_owned();
        let disk = fresh("NET", &short, number)?;
        let new = NewExternal {
            name: po(other)?,
            via: None,
            path: None,
            autocreated: false,
        };
        edit(&disk, |edit| externals::add(edit, &new).map(|_| ()))?;
        if name == SERVER {
            edit(&disk, |edit| server::on(edit).map(|_| ()))?;
            let new = requestors::NewRequestor {
                name: po(other)?,
                password: Password::default(),
                mailbox: None,
            };
            edit(&disk, |edit| requestors::add(edit, &new))?;
        } else {
            let server = po(other)?;
            edit(&disk, |edit| {
                registration::register(edit, &server, None).map(|_| ())
            })?;
        }
        edit(&disk, |edit| {
            let mut lists = Lists::open(edit, BEFORE)?;
            for user in ["able", "Mark"] {
                let new = NewUser {
                    mailbox: user.as_bytes().to_vec(),
                    full_name: format!("{user} of {short}").into_bytes(),
                    dirsync: true,
                    info: Vec::new(),
                    strict_limits: false,
                };
                lists.add_user(edit, &new)?;
            }
            lists.save(edit)
        })?;
        edit(&disk, |edit| {
            let mut lists = Lists::open(edit, BEFORE)?;
            lists.export(edit)?;
            lists.save(edit)
        })?;
        site.0.insert(name, disk);
    }
    Ok(site)
}

pub(super) fn step(site: &Site, name: &str, step: Step, now: UnixTime) -> Result<(), String> {
    make(Arc::new(site.disk(name)?), step, now)
}

fn make(disk: Arc<dyn Disk>, step: Step, now: UnixTime) -> Result<(), String> {
    let mut tree = TreeMut::open(disk, postoffice(), &options()).map_err(|e| e.to_string())?;
    let outcome = perform(
        &mut tree,
        step,
        &StepOptions::new(now, "harness"),
        &NoProgress,
    )
    .map_err(|error| error.to_string())?;
    if outcome.acted && outcome.problems.is_empty() && outcome.held.is_empty() {
        Ok(())
    } else {
        Err(format!("{outcome:?}"))
    }
}

pub(super) fn mail(site: &Site) -> Result<(), String> {
    let options = DeliverOptions {
        now: BEFORE,
        user: "harness".into(),
        passes: None,
        dry_run: false,
        due: false,
        synchronous_mta: false,
    };
    let paths = [SERVER.to_owned(), REQUESTOR.to_owned()];
    let report = deliver(&paths, site, &options, &NoProgress).map_err(|e| e.to_string())?;
    if report.quiet && !report.has_problems() {
        Ok(())
    } else {
        Err(format!("{report:?}"))
    }
}

fn run_t1(disk: Arc<dyn Disk>) -> Result<(), String> {
    {
        // A second T1 sends again; this one looks first.
        let tree = TreeMut::open(Arc::clone(&disk), postoffice(), &options())
            .map_err(|error| error.to_string())?;
        let conf = reqconf(&mut Edit::new(tree.view())).map_err(|error| error.to_string())?;
        if conf.last_t1.get() == NOW.0 {
            return Ok(());
        }
    }
    let mut tree = TreeMut::open(disk, postoffice(), &options()).map_err(|e| e.to_string())?;
    let report =
        t1::t1(&mut tree, &StepOptions::new(NOW, "harness")).map_err(|error| error.to_string())?;
    match report.sent {
        Some(3) => Ok(()),
        other => Err(format!("{other:?} sent")),
    }
}

fn prepare_t2() -> Result<MemDisk, String> {
    let site = site()?;
    for name in [SERVER, REQUESTOR] {
        // So that there is a log to report.
        step(&site, name, Step::T3, BEFORE)?;
        step(&site, name, Step::T1, BEFORE)?;
    }
    mail(&site)?;
    site.settled(SERVER)
}

fn run_t2(disk: Arc<dyn Disk>) -> Result<(), String> {
    use dirsync::postoffice::config::srvconf;
    {
        let tree = TreeMut::open(Arc::clone(&disk), postoffice(), &options())
            .map_err(|error| error.to_string())?;
        let (header, _) =
            srvconf(&mut Edit::new(tree.view())).map_err(|error| error.to_string())?;
        if header.last_transmit.get() == NOW.0 {
            return Ok(());
        }
    }
    make(disk, Step::T2, NOW)
}

fn prepare_t3() -> Result<MemDisk, String> {
    let site = site()?;
    for name in [SERVER, REQUESTOR] {
        step(&site, name, Step::T1, BEFORE)?;
    }
    mail(&site)?;
    step(&site, SERVER, Step::T2, BEFORE)?;
    mail(&site)?;
    site.settled(REQUESTOR)
}

/// The server when everybody has sent and its own postoffice has applied its reply.
pub(super) fn served() -> Result<MemDisk, String> {
    let site = site()?;
    for name in [SERVER, REQUESTOR] {
        step(&site, name, Step::T1, BEFORE)?;
    }
    mail(&site)?;
    step(&site, SERVER, Step::T2, BEFORE)?;
    mail(&site)?;
    step(&site, SERVER, Step::T3, BEFORE)?;
    site.settled(SERVER)
}

/// The requestor with RESYNC.GLB of that server, transactions that the server has, and one that waits.
pub(super) fn with_resync() -> Result<MemDisk, String> {
    let server: Arc<dyn Disk> = Arc::new(served()?);
    let tree = TreeMut::open(server, postoffice(), &options()).map_err(|e| e.to_string())?;
    let mut bytes = Vec::new();
    create(tree.view(), BEFORE, &NoProgress, &mut |piece| {
        bytes.extend_from_slice(piece);
        Ok(())
    })
    .map_err(|error| error.to_string())?;
    let disk = prepare_t3()?;
    edit(&disk, |edit| {
        let mut lists = Lists::open(edit, BEFORE)?;
        let new = NewUser {
            mailbox: b"late".to_vec(),
            full_name: b"Late of RA".to_vec(),
            dirsync: true,
            info: Vec::new(),
            strict_limits: false,
        };
        lists.add_user(edit, &new)?;
        lists.save(edit)
    })?;
    disk.settle();
    damaged(&disk, &[("GLB/RESYNC.GLB", Some(&bytes))])
}

fn run_t3(disk: Arc<dyn Disk>) -> Result<(), String> {
    make(disk, Step::T3, NOW)
}

/// The states after each commit of a clean run but the last: the disk is stopped right after the
/// commit file was unlinked.
pub(super) fn milestones(
    prepare: fn() -> Result<MemDisk, String>,
    run: fn(Arc<dyn Disk>) -> Result<(), String>,
) -> Result<Vec<Observed>, String> {
    milestones_with(prepare, run, observe_postoffice)
}

/// As [`milestones`], for states that are seen otherwise.
pub(super) fn milestones_with(
    prepare: fn() -> Result<MemDisk, String>,
    run: fn(Arc<dyn Disk>) -> Result<(), String>,
    observe: fn(Arc<dyn Disk>) -> Result<Observed, String>,
) -> Result<Vec<Observed>, String> {
    let before = prepare()?;
    let clean = FaultDisk::new(Arc::new(before.fork()), Counting::Mutations, None);
    run(Arc::new(clean.clone()))?;
    let mut states = Vec::new();
    for done in clean.log() {
        let ends_commit =
            done.op == DiskOp::Unlink && done.path.file_name().is_some_and(|n| n == "COMMIT");
        let Some(number) = done.number.filter(|_| ends_commit) else {
            continue;
        };
        let mem = before.fork();
        let fault = Some(Fault::StopAt(number + 1));
        let disk = FaultDisk::new(Arc::new(mem.clone()), Counting::Mutations, fault);
        // It fails, of course.
        let _ = run(Arc::new(disk));
        states.push(observe(Arc::new(mem.crash(Survival::Everything)))?);
    }
    states.pop();
    Ok(states)
}
