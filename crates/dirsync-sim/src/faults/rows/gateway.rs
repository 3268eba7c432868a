//! Rows of postoffices that a gateway emulates: made and removed, its files taken and written.

use std::sync::Arc;

use dirsync::core::base::UnixTime;
use dirsync::core::base::finding::Finding;
use dirsync::core::format::mmff::Eol;
use dirsync::postoffice::externals::gateways::{self, Folder};
use dirsync::postoffice::{Edit, PoError};
use dirsync::transport::gateway::{self, GatewayTotals, Place};
use dirsync_tree::disk::Disk;
use dirsync_tree::disk::mem::MemDisk;
use dirsync_tree::journal::{CommitInfo, Plan};
use dirsync_tree::{Command, Domain, DomainKind, RelPath, TreeMut, TreeView};

use super::transport::{NOW, edited_as, prepare_one, submit_on, text};
use super::{observe_postoffice, options};
use crate::faults::{RunResult, Scenario};

const NAME: &str = "GWNET/GWPO";

/// Two messages, one with an attachment.
const FILE: &[u8] = b"VERSION:3.00\r\nTO:CSI:NET/A/$SYSTEM\r\nFROM:CSI:GWNET/GWPO/$SYSTEM\r\n\
    SUBJECT:Directory Exchange Profile\r\nATTACHMENT:TMPTRANS.GLB 3\r\nTEXT:11\r\n[dirsync]\r\nabc\
    TO:NET/A/$SYSTEM\r\nFROM:GWNET/GWPO/$SYSTEM\r\nTEXT:0\r\n";

macro_rules! row {
    ($command:ident, $name:literal, $prepare:expr, $run:expr) => {
        Scenario {
            command: Command::$command,
            name: $name,
            prepare: $prepare,
            run: $run,
            observe: observe_postoffice,
            milestones: || Ok(Vec::new()),
        }
    };
}

/// Scenarios of `po-admin gateway`.
pub(super) const GATEWAY: &[Scenario] = &[
    row!(
        Gateway,
        "made, with its folders",
        || prepare_one(|_| Ok(())),
        |disk| edited_as(disk, Command::Gateway, add)
    ),
    row!(
        Gateway,
        "removed, with its folders",
        || {
            let disk = crate::trees::fresh("NET", "PO", 7)?;
            make(Arc::new(disk.clone()))?;
            disk.settle();
            Ok(disk)
        },
        |disk| edited_as(disk, Command::Gateway, |edit| {
            let name = NAME.parse().map_err(text)?;
            if gateways::known(edit.view()).map_err(text)?.is_empty() {
                return Ok(());
            }
            gateways::remove(edit, name, NOW).map(|_| ()).map_err(text)
        })
    ),
];

/// Scenarios of delivery: each way of a gateway is one commit between two renames.
pub(super) const BRING: Scenario = Scenario {
    milestones: || {
        let disk = brought(FILE)?;
        taken(&disk)?;
        Ok(vec![observe_postoffice(Arc::new(disk))?])
    },
    ..row!(
        Deliver,
        "a gateway's file is taken",
        || brought(FILE),
        |disk| moved(disk, gateway::serve_in)
    )
};
/// A file with a fault.
pub(super) const REFUSE: Scenario = Scenario {
    milestones: || {
        let disk = brought(BAD)?;
        taken(&disk)?;
        let taken = observe_postoffice(Arc::new(disk.clone()))?;
        committed(&disk, gateway::bring)?;
        let spooled = observe_postoffice(Arc::new(disk))?;
        // Its errors are handed out before the file; a power cut may keep one rename and lose the other.
        let handed_out = |ending: &str, becomes: &str| {
            let move_it = |(path, content): (&String, &Option<Vec<u8>>)| {
                let path = match path.ends_with(ending) {
                    true => path.replace("SPOOL", "BAD").replace(ending, becomes),
                    false => path.clone(),
                };
                (path, content.clone())
            };
            spooled.iter().map(move_it).collect()
        };
        let told = handed_out(".ERR", ".ERR");
        let put = handed_out(".BAD", ".MMF");
        Ok(vec![taken, spooled, told, put])
    },
    ..row!(
        Deliver,
        "a gateway's file with a fault is put aside",
        || brought(BAD),
        |disk| moved(disk, gateway::serve_in)
    )
};
/// The way out.
pub(super) const CARRY: Scenario = Scenario {
    milestones: || {
        let disk = waiting()?;
        committed(&disk, gateway::carry_off)?;
        Ok(vec![observe_postoffice(Arc::new(disk))?])
    },
    ..row!(
        Deliver,
        "what waits for a gateway is written to its folder",
        waiting,
        |disk| moved(disk, gateway::serve_out)
    )
};
/// A gateway made by an earlier version: it has no folders of ours.
pub(super) const OLDER: Scenario = Scenario {
    milestones: || {
        let disk = older()?;
        edited_as(Arc::new(disk.clone()), Command::Deliver, |edit| {
            let place = places(edit)?.pop().ok_or("no gateway")?;
            gateways::make_folders(edit, place.mailbag()).map_err(text)
        })?;
        let folders = observe_postoffice(Arc::new(disk.clone()))?;
        committed(&disk, gateway::carry_off)?;
        Ok(vec![folders, observe_postoffice(Arc::new(disk))?])
    },
    ..row!(
        Deliver,
        "the folders of an older gateway are made when it is served",
        older,
        |disk| moved(disk, gateway::serve_out)
    )
};

/// A file with a fault: there is no sender.
const BAD: &[u8] = b"TO:PCM:NET/A/$SYSTEM\r\n";

/// A message for the gateway and one to `*SPECIAL` in its mailbag.
fn waiting() -> Result<MemDisk, String> {
    prepare_one(|disk| {
        make(Arc::clone(&disk))?;
        submit_on(
            Arc::clone(&disk),
            "A",
            &["GWNET/GWPO/$SYSTEM", "NET/A/$SYSTEM"],
        )?;
        submit_on(Arc::clone(&disk), "A", &["GWNET/GWPO/*SPECIAL"])?;
        // Delivery would write the files in its own commit: only the mailer's is wanted here.
        edited_as(disk, Command::Deliver, |edit| {
            dirsync::transport::mailer::pass(edit, NOW, 50, &mut |_| {})
                .map(|_| ())
                .map_err(text)
        })
    })
}

fn older() -> Result<MemDisk, String> {
    let disk = waiting()?;
    let view = view(Arc::new(disk.clone()))?;
    for place in gateway::places(&view, &mut |_| {}).map_err(text)? {
        for folder in [Folder::Taken, Folder::Spool] {
            let path = RelPath::new(&folder.path(place.mailbag())).map_err(text)?;
            disk.rmdir(&path).map_err(text)?;
        }
    }
    drop(view);
    disk.settle();
    Ok(disk)
}

const DOMAIN: Domain = Domain {
    kind: DomainKind::Postoffice,
};

fn view(disk: Arc<dyn Disk>) -> Result<TreeView, String> {
    TreeView::open(disk, DOMAIN, &options()).map_err(text)
}

fn places(edit: &Edit<'_>) -> Result<Vec<Place>, String> {
    gateway::places(edit.view(), &mut |_| {}).map_err(text)
}

fn add(edit: &mut Edit<'_>) -> RunResult {
    if !gateways::known(edit.view()).map_err(text)?.is_empty() {
        return Ok(());
    }
    let name = NAME.parse().map_err(text)?;
    gateways::add(edit, name, Eol::CrLf)
        .map(|_| ())
        .map_err(text)
}

fn make(disk: Arc<dyn Disk>) -> RunResult {
    edited_as(disk, Command::Gateway, add)
}

fn brought(file: &[u8]) -> Result<MemDisk, String> {
    let mut place = None;
    let disk = prepare_one(|disk| {
        make(Arc::clone(&disk))?;
        edited_as(disk, Command::Deliver, |edit| {
            place = places(edit)?.pop();
            Ok(())
        })
    })?;
    let mailbag = place.ok_or("no gateway")?.mailbag();
    let path = format!("{}/ONE.MMF", Folder::In.path(mailbag));
    disk.add_file(&RelPath::new(&path).map_err(text)?, file)
        .map_err(text)?;
    disk.settle();
    Ok(disk)
}

type Serve = fn(
    &mut TreeMut,
    &Place,
    UnixTime,
    &mut gateway::Commit<'_>,
    &mut GatewayTotals,
    &mut dyn FnMut(Finding),
) -> Result<(), PoError>;

fn moved(disk: Arc<dyn Disk>, serve: Serve) -> RunResult {
    let mut tree = TreeMut::open(disk, DOMAIN, &options()).map_err(text)?;
    let info = CommitInfo {
        command: Command::Deliver,
        user: "harness".into(),
        now: NOW,
        counts: Vec::new(),
    };
    let mut commit = |tree: &mut TreeMut, plan: &Plan, _| tree.commit(plan, &info).map(|_| ());
    let mut unread = None;
    let mut sink = |finding: Finding| unread = Some(finding.message);
    let places = gateway::places(tree.view(), &mut sink).map_err(text)?;
    if let Some(why) = unread {
        return Err(why);
    }
    for place in places {
        // What cannot be read stays, and is told: that is no success.
        let mut left = None;
        let mut report = |finding: Finding| {
            if finding.id != gateway::REFUSED {
                left = Some(finding.message);
            }
        };
        let mut totals = GatewayTotals::default();
        serve(
            &mut tree,
            &place,
            NOW,
            &mut commit,
            &mut totals,
            &mut report,
        )
        .map_err(text)?;
        if let Some(why) = left {
            return Err(why);
        }
    }
    Ok(())
}

/// The first rename of [`gateway::serve_in`].
fn taken(disk: &MemDisk) -> RunResult {
    let shared: Arc<dyn Disk> = Arc::new(disk.clone());
    let mut tree = TreeMut::open(shared, DOMAIN, &options()).map_err(text)?;
    for place in gateway::places(tree.view(), &mut |_| {}).map_err(text)? {
        gateway::take(&mut tree, &place, &mut |_| {}).map_err(text)?;
    }
    Ok(())
}

type Prepare =
    fn(&mut Edit<'_>, &Place, UnixTime, &mut dyn FnMut(Finding)) -> Result<GatewayTotals, PoError>;

/// The commit between the renames.
fn committed(disk: &MemDisk, make: Prepare) -> RunResult {
    edited_as(Arc::new(disk.clone()), Command::Deliver, |edit| {
        for place in places(edit)? {
            make(edit, &place, NOW, &mut |_| {}).map_err(text)?;
        }
        Ok(())
    })
}
