//! Rows of postoffices that a gateway emulates: made and removed, its files taken and written.

use std::sync::Arc;

use dirsync::core::format::mmff::Eol;
use dirsync::postoffice::Edit;
use dirsync::postoffice::externals::gateways::{self, Folder};
use dirsync::transport::gateway::{self, GatewayTotals, Place};
use dirsync_tree::disk::Disk;
use dirsync_tree::disk::mem::MemDisk;
use dirsync_tree::{Command, RelPath};

use super::observe_postoffice;
use super::transport::{NOW, edited_as, prepare_one, submit_on, text};
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

/// Scenarios of delivery: each way of a gateway is one commit.
pub(super) const BRING: Scenario = row!(
    Deliver,
    "a gateway's file is taken",
    || brought(FILE),
    |disk| moved(disk, gateway::bring)
);
/// A file with a fault.
pub(super) const REFUSE: Scenario = row!(
    Deliver,
    "a gateway's file with a fault is put aside",
    || brought(b"TO:PCM:NET/A/$SYSTEM\r\n"),
    |disk| moved(disk, gateway::bring)
);
/// The way out.
pub(super) const CARRY: Scenario = row!(
    Deliver,
    "what waits for a gateway is written to its folder",
    || {
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
    },
    |disk| moved(disk, gateway::carry_off)
);

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
            place = gateway::places(edit.view()).map_err(text)?.pop();
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

type Move = fn(
    &mut Edit<'_>,
    &Place,
    dirsync::core::base::UnixTime,
    &mut dyn FnMut(dirsync::core::base::finding::Finding),
) -> Result<GatewayTotals, dirsync::postoffice::PoError>;

fn moved(disk: Arc<dyn Disk>, make: Move) -> RunResult {
    edited_as(disk, Command::Deliver, |edit| {
        for place in gateway::places(edit.view()).map_err(text)? {
            // What cannot be read stays, and is told: that is no success.
            let mut left = None;
            make(edit, &place, NOW, &mut |finding| {
                if finding.id != gateway::REFUSED {
                    left = Some(finding.message);
                }
            })
            .map_err(text)?;
            if let Some(why) = left {
                return Err(why);
            }
        }
        Ok(())
    })
}
