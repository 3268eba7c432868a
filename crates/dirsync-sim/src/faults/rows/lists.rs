//! Rows of the commands that change lists and settings. Each tree is a fresh postoffice with what the
//! command needs; each run looks first and does nothing when it is done already.

use std::sync::Arc;

use dirsync::core::base::UnixTime;
use dirsync::core::base::address::PoName;
use dirsync::core::format::field::Password;
use dirsync::postoffice::config::options::{self, OptionsChange};
use dirsync::postoffice::config::requestors::{self, NewRequestor};
use dirsync::postoffice::config::{import_request, is_server, registration, server};
use dirsync::postoffice::externals::{self, NewExternal};
use dirsync::postoffice::fill::csv_rows::CsvRows;
use dirsync::postoffice::fill::{FillOptions, Filled, fill};
use dirsync::postoffice::groups::NewGroup;
use dirsync::postoffice::lists::Lists;
use dirsync::postoffice::lists::users::NewUser;
use dirsync::postoffice::schedule::{self, SetOptions};
use dirsync::postoffice::{Edit, PoError, listds};
use dirsync_tree::disk::Disk;
use dirsync_tree::disk::mem::MemDisk;
use dirsync_tree::journal::CommitInfo;
use dirsync_tree::{Command, TreeMut};

use super::observe_postoffice;
use crate::faults::{Observed, RunResult, Scenario};
use crate::trees;

const NOW: UnixTime = UnixTime(765_720_832);

fn text(error: impl ToString) -> String {
    error.to_string()
}

/// A fresh postoffice NET/PO.
fn fresh() -> Result<MemDisk, String> {
    trees::fresh("NET", "PO", 7)
}

/// One commit.
fn commit(
    disk: Arc<dyn Disk>,
    command: Command,
    change: impl FnOnce(&mut Edit<'_>) -> Result<(), PoError>,
) -> RunResult {
    let mut tree = TreeMut::open(disk, trees::postoffice(), &trees::options()).map_err(text)?;
    let plan = {
        let mut edit = Edit::new(tree.view());
        change(&mut edit).map_err(text)?;
        edit.finish().map_err(text)?
    };
    let info = CommitInfo {
        command,
        user: "harness".into(),
        now: NOW,
        counts: Vec::new(),
    };
    tree.commit(&plan, &info).map_err(text)?;
    Ok(())
}

/// One change of a postoffice.
type Change = fn(&mut Edit<'_>) -> Result<(), PoError>;

/// A postoffice on which this was done before.
fn prepared(steps: &[Change]) -> Result<MemDisk, String> {
    let disk = fresh()?;
    for step in steps {
        commit(Arc::new(disk.clone()), Command::User, step)?;
    }
    disk.settle();
    Ok(disk)
}

fn none() -> Result<Vec<Observed>, String> {
    Ok(Vec::new())
}

fn lists(
    edit: &mut Edit<'_>,
    change: impl FnOnce(&mut Lists, &mut Edit<'_>) -> Result<(), PoError>,
) -> Result<(), PoError> {
    let mut lists = Lists::open(edit, NOW)?;
    change(&mut lists, edit)?;
    lists.save(edit)
}

fn po(name: &str) -> Result<PoName, PoError> {
    Ok(externals::new_name(name.as_bytes())?)
}

fn add_user(edit: &mut Edit<'_>) -> Result<(), PoError> {
    lists(edit, |lists, edit| {
        if lists.find_user(b"paul").is_ok() {
            return Ok(());
        }
        let new = NewUser {
            mailbox: b"paul".to_vec(),
            full_name: b"Paul".to_vec(),
            dirsync: true,
            info: Vec::new(),
            strict_limits: false,
        };
        lists.add_user(edit, &new).map(|_| ())
    })
}

fn remove_user(edit: &mut Edit<'_>) -> Result<(), PoError> {
    lists(edit, |lists, edit| {
        if lists.find_user(b"paul").is_err() {
            return Ok(());
        }
        lists.remove_user(edit, b"paul").map(|_| ())
    })
}

fn add_group(edit: &mut Edit<'_>) -> Result<(), PoError> {
    lists(edit, |lists, edit| {
        if lists.show_group(b"team").is_ok() {
            return Ok(());
        }
        let new = NewGroup {
            address: b"team".to_vec(),
            name: b"Team".to_vec(),
            dirsync: true,
            members: vec![b"paul".to_vec()],
        };
        lists.add_group(edit, &new).map(|_| ())
    })
}

fn remove_group(edit: &mut Edit<'_>) -> Result<(), PoError> {
    lists(edit, |lists, edit| {
        if lists.show_group(b"team").is_err() {
            return Ok(());
        }
        lists.remove_group(edit, b"team").map(|_| ())
    })
}

fn external(edit: &mut Edit<'_>, name: &str, via: Option<&str>) -> Result<(), PoError> {
    let new = NewExternal {
        name: po(name)?,
        via: via.map(po).transpose()?,
        path: None,
        autocreated: false,
    };
    if externals::find(edit, &new.name)?.is_none() {
        externals::add(edit, &new)?;
    }
    Ok(())
}

fn add_hub(edit: &mut Edit<'_>) -> Result<(), PoError> {
    external(edit, "NET/HUB", None)
}

fn add_behind(edit: &mut Edit<'_>) -> Result<(), PoError> {
    external(edit, "FAR/AWAY", Some("NET/HUB"))
}

fn remove_behind(edit: &mut Edit<'_>) -> Result<(), PoError> {
    let name = po("FAR/AWAY")?;
    if externals::find(edit, &name)?.is_some() {
        externals::remove(edit, &name, NOW)?;
    }
    Ok(())
}

fn server_on(edit: &mut Edit<'_>) -> Result<(), PoError> {
    server::on(edit).map(|_| ())
}

fn server_off(edit: &mut Edit<'_>) -> Result<(), PoError> {
    server::off(edit).map(|_| ())
}

fn add_requestor(edit: &mut Edit<'_>) -> Result<(), PoError> {
    let name = po("NET/HUB")?;
    if requestors::all(edit)?
        .iter()
        .any(|one| one.name == "NET/HUB")
    {
        return Ok(());
    }
    let new = NewRequestor {
        name,
        password: Password::default(),
        mailbox: None,
    };
    requestors::add(edit, &new)
}

fn remove_requestor(edit: &mut Edit<'_>) -> Result<(), PoError> {
    if requestors::all(edit)?
        .iter()
        .any(|one| one.name == "NET/HUB")
    {
        requestors::remove(edit, &po("NET/HUB")?)?;
    }
    Ok(())
}

fn register(edit: &mut Edit<'_>) -> Result<(), PoError> {
    registration::register(edit, &po("NET/HUB")?, None).map(|_| ())
}

fn set_options(edit: &mut Edit<'_>) -> Result<(), PoError> {
    let server = is_server(edit)?;
    let change = OptionsChange {
        limit_kb: Some(64),
        global_list: Some(true),
        keep_updates: server.then_some(30),
        ..OptionsChange::default()
    };
    options::set(edit, &change, NOW).map(|_| ())
}

fn export(edit: &mut Edit<'_>) -> Result<(), PoError> {
    lists(edit, |lists, edit| lists.export(edit).map(|_| ()))
}

fn ask(edit: &mut Edit<'_>) -> Result<(), PoError> {
    if options::show(edit)?.last_import.is_never() {
        import_request::import_request(edit, NOW)?;
    }
    Ok(())
}

fn set_schedule(edit: &mut Edit<'_>) -> Result<(), PoError> {
    let slots = schedule::parse("T1 Sat 13:45\nT3 Mon 15:00")?;
    let options = SetOptions {
        replace: false,
        seconds_week: false,
        now: NOW,
    };
    let zone = dirsync::postoffice::clock::TreeClock::of(edit.view(), None);
    schedule::set(edit, &slots, zone.zone(), options).map(|_| ())
}

fn zero(edit: &mut Edit<'_>) -> Result<(), PoError> {
    listds::zero(edit).map(|_| ())
}

fn types(edit: &mut Edit<'_>) -> Result<(), PoError> {
    let change = OptionsChange {
        types: Some(options::parse_types("PCM,SMTP")?),
        ..OptionsChange::default()
    };
    options::set(edit, &change, NOW).map(|_| ())
}

/// Three users, one in each commit: what was committed stays, the rest comes with the next run.
fn run_fill(disk: Arc<dyn Disk>) -> RunResult {
    fill_commits(disk, usize::MAX)
}

fn fill_commits(disk: Arc<dyn Disk>, limit: usize) -> RunResult {
    let mut rows = CsvRows::new(&b"mailbox,name\nann,Ann\nbob,Bob\n"[..]).map_err(text)?;
    let options = FillOptions {
        now: NOW,
        lossy: false,
        strict_limits: false,
        ignore_unknown_prompts: false,
        commit_users: 1,
    };
    let mut done = Filled::default();
    for _ in 0..limit {
        let mut more = false;
        commit(Arc::clone(&disk), Command::Fill, |edit| {
            more = fill(edit, &mut rows, options, &mut done)?;
            Ok(())
        })?;
        if !more {
            break;
        }
    }
    Ok(())
}

fn fill_milestones() -> Result<Vec<Observed>, String> {
    let disk = fresh()?;
    fill_commits(Arc::new(disk.clone()), 1)?;
    Ok(vec![observe_postoffice(Arc::new(disk))?])
}

/// A scenario of one commit.
macro_rules! row {
    ($command:ident, $name:literal, [$($before:ident),*], $run:ident) => {
        Scenario {
            command: Command::$command,
            name: $name,
            prepare: || prepared(&[$($before),*]),
            run: |disk| commit(disk, Command::$command, $run),
            observe: observe_postoffice,
            milestones: none,
        }
    };
}

/// Scenarios of `po-admin user`.
pub(super) const USER: &[Scenario] = &[
    row!(User, "add", [], add_user),
    row!(
        User,
        "remove a member of a group",
        [add_user, add_group],
        remove_user
    ),
];
/// Scenarios of `po-admin group`.
pub(super) const GROUP: &[Scenario] = &[
    row!(Group, "add", [add_user], add_group),
    row!(Group, "remove", [add_user, add_group], remove_group),
];
/// Scenarios of `po-admin fill`.
pub(super) const FILL: &[Scenario] = &[Scenario {
    command: Command::Fill,
    name: "two users, two commits",
    prepare: fresh,
    run: run_fill,
    observe: observe_postoffice,
    milestones: fill_milestones,
}];
/// Scenarios of `po-admin postoffice`.
pub(super) const POSTOFFICE: &[Scenario] = &[
    row!(Postoffice, "add behind a hub", [add_hub], add_behind),
    row!(
        Postoffice,
        "remove from behind a hub",
        [add_hub, add_behind],
        remove_behind
    ),
];
/// Scenarios of `po-admin server`.
pub(super) const SERVER: &[Scenario] = &[
    row!(Server, "on", [], server_on),
    row!(Server, "off", [server_on], server_off),
];
/// Scenarios of `po-admin requestor`.
pub(super) const REQUESTOR: &[Scenario] = &[
    row!(Requestor, "add", [add_hub, server_on], add_requestor),
    row!(
        Requestor,
        "remove",
        [add_hub, server_on, add_requestor],
        remove_requestor
    ),
];
/// Scenarios of `po-admin register`.
pub(super) const REGISTER: &[Scenario] = &[row!(Register, "with a server", [add_hub], register)];
/// Scenarios of `po-admin options`.
pub(super) const OPTIONS: &[Scenario] = &[row!(Options, "of a server", [server_on], set_options)];
/// Scenarios of `po-admin export`.
pub(super) const EXPORT: &[Scenario] = &[row!(
    Export,
    "over a waiting transaction",
    [add_user],
    export
)];
/// Scenarios of `po-admin import-request`.
pub(super) const IMPORT_REQUEST: &[Scenario] =
    &[row!(ImportRequest, "to a server", [add_hub, register], ask)];
/// Scenarios of `po-admin schedule`.
pub(super) const SCHEDULE: &[Scenario] = &[row!(Schedule, "set", [], set_schedule)];
/// Scenarios of `po-admin listds-zero`.
pub(super) const LISTDS_ZERO: &[Scenario] = &[row!(
    ListdsZero,
    "of a requestor",
    [add_hub, register, types],
    zero
)];
