//! Part 11: networks and the postoffices of each (Q148666, Q86625, Q164509).

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use crate::core::base::HexId;
use crate::core::base::codepage::upper_850;
use crate::core::base::ident::MailbagStem;
use crate::core::format::network::{NETWORK, NetworkRecord, find_own};
use crate::core::format::xtn::{Route, XTN, XtnRecord};
use crate::tree::journal::Plan;
use crate::tree::{RelPath, TreeError};

use super::super::findings::kinds;
use super::entries::Stems;
use super::{Check, entries, mailbags, marker, read};

kinds! {
    DUPLICATE_NETWORK = "network.duplicate" Error ("Q164509"):
        "Two active records of NETWORK.GLB have the same name; some clients stop listing there.";
    OWN_MISSING = "network.own-missing" Error ("Q87467 assigned"):
        "NETWORK.GLB has no record of the postoffice's own network.";
    BAD_XTN = "network.bad-xtn" Error ("Q148666 Q95961"):
        "An active record of NETWORK.GLB does not name a file where it should.";
    XTN_MISSING = "xtn.missing-file" Error ("Q123372 Q103383 Q135868"):
        "The XTN file of a network does not exist; nothing can be sent to its postoffices."
        => "make an empty XTN file, a network without postoffices",
        loses "the sign that the postoffices of the network have to be added again";
    XTN_ORPHAN = "xtn.orphan-file" Note ("Q77926"):
        "No active network has this XTN file.";
    DUPLICATE_POSTOFFICE = "xtn.duplicate" Error ("Q164509"):
        "Two active records of one network have the same postoffice name; some clients stop listing there.";
    BAD_MAILBAG = "xtn.bad-mailbag" Error ("Q148666"):
        "An active record does not name the mailbag of its postoffice.";
    NO_MAILBAG_FILES = "xtn.no-mailbag-files" Error ("Q77926 Q104279"):
        "The mailbag of a postoffice has neither of its files; nothing can be sent to it."
        => "make the empty pair of KEY and MBG";
    NO_USR = "xtn.no-usr" Warning ("Q96004"):
        "The user list of a postoffice does not exist (message 201)."
        => "make an empty list",
        loses "the sign that the list has to be imported again";
    INDIRECT_COUNT = "xtn.indirect-count" Error ("Q86625"):
        "The number of postoffices routed through this one is wrong; it cannot be deleted, or is deleted too early."
        => "write the counted number";
}

/// One active postoffice of one network.
struct Office {
    network: Vec<u8>,
    name: Vec<u8>,
    /// Where the record stands.
    file: HexId,
    offset: u64,
    counted: u16,
    through: Option<(Vec<u8>, Vec<u8>)>,
}

/// The files that records name.
struct Known {
    keys: Stems<MailbagStem>,
    mbgs: Stems<MailbagStem>,
    lists: Stems<HexId>,
}

fn folded(name: &[u8]) -> Vec<u8> {
    name.iter().map(|&byte| upper_850(byte)).collect()
}

pub(super) fn run(check: &mut Check<'_>) -> Result<(), TreeError> {
    let view = check.view();
    let Some(networks) = read::load(view, "GLB/NETWORK.GLB", &NETWORK)? else {
        return Ok(());
    };
    let path = read::path(view, "GLB/NETWORK.GLB")?.as_str().to_owned();
    let files = entries::numbered(view, "XTN", "XTN")?;
    let mut names: BTreeMap<Vec<u8>, usize> = BTreeMap::new();
    let mut used: BTreeMap<HexId, Vec<u8>> = BTreeMap::new();
    for (n, network) in networks
        .iter()
        .enumerate()
        .filter(|(_, network)| network.is_live())
    {
        let offset = n as u64 * NETWORK.record_len();
        let shown = network.name.to_string_850();
        if let Some(first) = names.get(&folded(network.name.text())) {
            let message = format!("Records {first} and {n} both have the name {shown:?}.");
            check.report(&DUPLICATE_NETWORK, &path, Some(offset), message, None);
        } else {
            names.insert(folded(network.name.text()), n);
        }
        one_network(check, &path, &files, offset, network, &mut used)?;
    }
    if let Some(master) = marker::master(check)?
        && find_own(&networks, master.network.text()).is_none()
        && master.is_internetwork()
    {
        let message = format!(
            "No record has the name {:?} that MASTER.GLB gives to the own network.",
            master.network.to_string_850()
        );
        check.report(&OWN_MISSING, &path, None, message, None);
    }
    for id in files.iter().filter(|id| !used.contains_key(id)) {
        let message = format!("No active record of NETWORK.GLB names {id}.XTN.");
        check.report(&XTN_ORPHAN, files.path(id)?.as_str(), None, message, None);
    }
    let known = Known {
        keys: entries::mailbags(view, "KEY")?,
        mbgs: entries::mailbags(view, "MBG")?,
        lists: entries::numbered(view, "USR", "USR")?,
    };
    let mut offices = Vec::new();
    let mut complete = true;
    for (id, network) in used {
        complete &= files.contains(id)
            && postoffices(check, &known, &files.path(id)?, id, &network, &mut offices)?;
    }
    if check.is_ours() {
        indirect_counts(check, &files, &offices, complete)?;
    }
    Ok(())
}

fn one_network(
    check: &mut Check<'_>,
    path: &str,
    files: &Stems<HexId>,
    offset: u64,
    network: &NetworkRecord,
    used: &mut BTreeMap<HexId, Vec<u8>>,
) -> Result<(), TreeError> {
    let shown = network.name.to_string_850();
    for (at, what, field) in [
        (13, "XTN file", &network.xtn),
        (33, "mailbag", &network.mailbag),
    ] {
        if field.get().is_err() {
            let message = format!(
                "{shown:?} has the {what} \"{}\".",
                field.raw().escape_ascii()
            );
            check.report(&BAD_XTN, path, Some(offset + at), message, None);
        }
    }
    if let Ok(Some(id)) = network.xtn.get() {
        if !files.contains(id) {
            let file = files.path(id)?;
            // Something else than a file may stand there.
            let plan = if read::stat_on_disk(check.view(), &file)?.is_none() {
                let mut plan = Plan::new();
                plan.replace(file.clone(), Vec::new())?;
                Some(plan)
            } else {
                None
            };
            let message = format!("File Does Not Exist. Network {shown:?} has the file {id}.XTN.");
            check.report(&XTN_MISSING, file.as_str(), None, message, plan);
        }
        used.entry(id)
            .or_insert_with(|| network.name.text().to_vec());
    }
    Ok(())
}

/// One XTN file. Whether it could be read.
fn postoffices(
    check: &mut Check<'_>,
    known: &Known,
    path: &RelPath,
    id: HexId,
    network: &[u8],
    offices: &mut Vec<Office>,
) -> Result<bool, TreeError> {
    let Known { keys, mbgs, lists } = known;
    let limit = read::limit_bytes("XTN", "00000000.XTN").unwrap_or(u64::MAX);
    let Some(file) = read::open_on_disk(check.view(), path, limit)? else {
        return Ok(false);
    };
    let mut active: Vec<(u64, XtnRecord)> = Vec::new();
    read::records_of(
        check.view(),
        &file,
        &XTN,
        &mut |offset, record: &XtnRecord| {
            if record.is_live() {
                active.push((offset, record.clone()));
            }
            ControlFlow::Continue(())
        },
    )?;
    drop(file);
    let mut names: BTreeSet<Vec<u8>> = BTreeSet::new();
    for (offset, record) in active {
        let shown = record.postoffice.to_string_850();
        if !names.insert(folded(record.postoffice.text())) {
            let message =
                format!("The postoffice {shown:?} has another active record before this one.");
            check.report(
                &DUPLICATE_POSTOFFICE,
                path.as_str(),
                Some(offset),
                message,
                None,
            );
        }
        let place = Some(offset + 12);
        // On other trees a node of SNADS or PROFS may have no mailbag of its own.
        match record.mailbag.get() {
            Err(_) => {
                let message = format!(
                    "Postoffice {shown:?} has the mailbag \"{}\".",
                    record.mailbag.raw().escape_ascii()
                );
                check.report(&BAD_MAILBAG, path.as_str(), place, message, None);
            }
            Ok(None) => {}
            Ok(Some(mailbag)) => {
                let stem = MailbagStem::from(mailbag);
                if !keys.contains(stem) && !mbgs.contains(stem) {
                    let plan = mailbags::empty_pair(keys.path(stem)?, mbgs.path(stem)?)?;
                    let message = format!(
                        "Mailbag {mailbag} of postoffice {shown:?} has neither KEY nor MBG."
                    );
                    check.report(&NO_MAILBAG_FILES, path.as_str(), place, message, Some(plan));
                }
                if !lists.contains(mailbag) {
                    let list = lists.path(mailbag)?;
                    let mut plan = Plan::new();
                    plan.replace(list.clone(), Vec::new())?;
                    let message = format!("Postoffice {shown:?} has no user list {mailbag}.USR.");
                    check.report(&NO_USR, list.as_str(), None, message, Some(plan));
                }
            }
        }
        let through = (record.route() == Some(Route::Indirect)).then(|| {
            (
                folded(record.hub_network.text()),
                folded(record.hub_postoffice.text()),
            )
        });
        offices.push(Office {
            network: folded(network),
            name: folded(record.postoffice.text()),
            file: id,
            offset,
            counted: record.indirect_count.get(),
            through,
        });
    }
    Ok(true)
}

fn indirect_counts(
    check: &mut Check<'_>,
    files: &Stems<HexId>,
    offices: &[Office],
    complete: bool,
) -> Result<(), TreeError> {
    let mut through: BTreeMap<(&[u8], &[u8]), u16> = BTreeMap::new();
    for (network, postoffice) in offices.iter().filter_map(|office| office.through.as_ref()) {
        let count = through.entry((network, postoffice)).or_default();
        *count = count.saturating_add(1);
    }
    for office in offices {
        let right = through
            .get(&(office.network.as_slice(), office.name.as_slice()))
            .copied()
            .unwrap_or(0);
        if right == office.counted {
            continue;
        }
        let path = files.path(office.file)?;
        let Some(stat) = read::stat_on_disk(check.view(), &path)? else {
            continue;
        };
        let mut plan = Plan::new();
        plan.patch(
            path.clone(),
            stat.len,
            office.offset + 649,
            right.to_le_bytes().to_vec(),
        )?;
        let message = format!(
            "The record says that {} postoffices are routed through this one, {right} are.",
            office.counted
        );
        check.report(
            &INDIRECT_COUNT,
            path.as_str(),
            Some(office.offset + 649),
            message,
            complete.then_some(plan),
        );
    }
    Ok(())
}
