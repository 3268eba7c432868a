//! Postoffices that a gateway emulates: what GTWCFG made (exc 14.1).
//!
//! To everybody else such a postoffice is an external one, in a network of type 64h of its own
//! (Q103820); the gateway takes its mail away and brings mail in text files (`format::mmff`). Where
//! these lie was the gateway's choice; here it is inside the tree, on one file system with the rest, so
//! that a file changes hands by one rename (ASSIGNED):
//!
//! ```text
//! GTW/<mailbag>/IN     what the gateway brings: *.MMF, written under another name and renamed
//! GTW/<mailbag>/OUT    what it takes away: <message>.MMF
//! GTW/<mailbag>/BAD    files that cannot be taken, each with its errors in a file *.ERR
//! GTW/<mailbag>/TAKEN  ours: files of IN that are being queued
//! GTW/<mailbag>/SPOOL  ours: files on their way to OUT and BAD
//! INI/GATEWAYS.INI     one line NET/PO=crlf each: how the lines of OUT end (-f0 cr, -f1 lf, -f2 crlf)
//! ```

use crate::core::base::HexId;
use crate::core::base::address::PoName;
use crate::core::base::time::UnixTime;
use crate::core::format::codes::NetworkType;
use crate::core::format::mmff::Eol;
use crate::core::format::network;
use crate::tree::disk::EntryName;
use crate::tree::{TreeError, TreeView};
use std::ops::ControlFlow;

use super::super::edit::Edit;
use super::super::error::PoError;
use super::super::list_error::{ListError, notice};
use super::super::lists::Effects;
use super::{AddedExternal, Networks, NewExternal, add_to, find, take_out};

/// The file.
pub const GATEWAYS_INI: &str = "INI/GATEWAYS.INI";
/// Longest file that is read, in bytes.
const LIMIT_BYTES: u64 = 1 << 20;

/// A postoffice that a gateway emulates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gateway {
    /// Its name.
    pub name: PoName,
    /// How the lines of what it takes away end.
    pub eol: Eol,
}

/// A gateway as shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShownGateway {
    /// It.
    pub gateway: Gateway,
    /// Its mailbag; `None` when it is in the list only.
    pub mailbag: Option<HexId>,
    /// Files it brought that wait, in `IN` and `TAKEN`.
    pub waiting_in: u64,
    /// Files that wait for it, in `OUT` and `SPOOL`.
    pub waiting_out: u64,
    /// Files that could not be taken.
    pub bad: u64,
}

/// One of the folders of a gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Folder {
    /// What it brings.
    In,
    /// What it takes away.
    Out,
    /// What could not be taken.
    Bad,
    /// What is being queued. No gateway's.
    Taken,
    /// What is on its way to [`Folder::Out`] and [`Folder::Bad`]. No gateway's.
    Spool,
}

impl Folder {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::In, Self::Out, Self::Bad, Self::Taken, Self::Spool];

    fn name(self) -> &'static str {
        match self {
            Self::In => "IN",
            Self::Out => "OUT",
            Self::Bad => "BAD",
            Self::Taken => "TAKEN",
            Self::Spool => "SPOOL",
        }
    }

    /// The path of the folder.
    #[must_use]
    pub fn path(self, mailbag: HexId) -> String {
        format!("{}/{}", home(mailbag), self.name())
    }
}

/// The folder of the folders of a gateway.
#[must_use]
pub fn home(mailbag: HexId) -> String {
    format!("GTW/{mailbag}")
}

/// Makes the folders of a gateway that are missing.
///
/// # Errors
/// A disk error; something else stands in the place of one.
pub fn make_folders(edit: &mut Edit<'_>, mailbag: HexId) -> Result<(), PoError> {
    edit.mkdir("GTW")?;
    edit.mkdir(&home(mailbag))?;
    for folder in Folder::ALL {
        edit.mkdir(&folder.path(mailbag))?;
    }
    Ok(())
}

fn parse(text: &str) -> Vec<Gateway> {
    let line = |line: &str| {
        let (name, word) = line.trim().split_once('=')?;
        let name = name.trim().parse().ok()?;
        let eol = Eol::from_word(word.trim())?;
        Some(Gateway { name, eol })
    };
    text.lines().filter_map(line).collect()
}

/// The gateways of a postoffice.
///
/// # Errors
/// A disk error. A file that is not UTF-8 reads as far as it is.
pub fn known(view: &TreeView) -> Result<Vec<Gateway>, PoError> {
    let Some(bytes) = view.read(GATEWAYS_INI, LIMIT_BYTES)? else {
        return Ok(Vec::new());
    };
    Ok(parse(&String::from_utf8_lossy(&bytes)))
}

fn save(edit: &mut Edit<'_>, gateways: &[Gateway]) -> Result<(), PoError> {
    if gateways.is_empty() {
        edit.remove(GATEWAYS_INI)?;
        return Ok(());
    }
    let lines: String = gateways
        .iter()
        .map(|one| format!("{}={}\r\n", one.name, one.eol.word()))
        .collect();
    edit.write(GATEWAYS_INI, lines.into_bytes())?;
    Ok(())
}

/// Makes a postoffice that a gateway emulates.
///
/// # Errors
/// FFAPI 80 when the network is one of ordinary postoffices or of another gateway (Q96605, Q134339);
/// notices 9, 38.
pub fn add(edit: &mut Edit<'_>, name: PoName, eol: Eol) -> Result<AddedExternal, PoError> {
    let networks = Networks::open(edit)?;
    let own = super::super::lists::own_name(edit)?;
    let in_use = network::find(&networks.records, name.network()).is_some()
        || own.network().eq_ignore_ascii_case(name.network());
    if in_use && !networks.is_gateway(&name) && name != own {
        return Err(ListError::Usage {
            why: format!(
                "FFAPI 80: Bad Gateway Service Type on Create: the network of {name} is in use"
            ),
            hint: "give a network name that no postoffice has; several gateways may share one",
        }
        .into());
    }
    let new = NewExternal {
        name,
        via: None,
        path: None,
        autocreated: false,
    };
    let added = add_to(edit, &new, NetworkType::Ffapi)?;
    make_folders(edit, added.mailbag)?;
    let mut gateways = known(edit.view())?;
    gateways.retain(|one| one.name != name);
    gateways.push(Gateway { name, eol });
    save(edit, &gateways)?;
    Ok(added)
}

/// What was removed.
#[derive(Debug, Clone)]
pub struct Removed {
    /// What changed beside it.
    pub effects: Effects,
    /// Where its folders stood. A file that somebody puts there during the removal stays, and its
    /// folder with it: whoever looks afterwards finds it there.
    pub home: Option<String>,
}

/// Removes a postoffice that a gateway emulates, with its folders.
///
/// # Errors
/// Notices 42, 80 and those of an external postoffice; something stands in its folders or beside them.
pub fn remove(edit: &mut Edit<'_>, name: PoName, now: UnixTime) -> Result<Removed, PoError> {
    if !Networks::open(edit)?.is_gateway(&name) {
        return Err(ListError::notice(notice::NO_POSTOFFICE, &name.to_bytes()).into());
    }
    let mailbag = find(edit, &name)?.and_then(|(_, _, record)| record.mailbag.get().ok().flatten());
    let view = edit.view();
    let mut folders = Vec::new();
    if let Some(mailbag) = mailbag {
        let found = contents(view, mailbag)?;
        if let Some((place, count)) = found.first() {
            return Err(ListError::Refused {
                why: format!("{count} files or folders wait in {place}"),
                hint: "deliver or move them first",
            }
            .into());
        }
        let paths = Folder::ALL.map(|folder| folder.path(mailbag));
        for path in paths.into_iter().chain([home(mailbag)]) {
            let path = view.path(&path)?;
            if view.stat_on_disk(&path)?.is_some() {
                folders.push(path);
            }
        }
    }
    let effects = take_out(edit, &name, now)?;
    for path in folders {
        edit.plan_mut().rmdir(path).map_err(TreeError::from)?;
    }
    let mut gateways = known(view)?;
    gateways.retain(|one| one.name != name);
    save(edit, &gateways)?;
    Ok(Removed {
        effects,
        home: mailbag.map(home),
    })
}

/// What stands in the folders of a gateway and beside them: each place with the number of its entries.
///
/// # Errors
/// A disk error.
pub fn contents(view: &TreeView, mailbag: HexId) -> Result<Vec<(String, u64)>, PoError> {
    let mut found = Vec::new();
    for folder in Folder::ALL {
        let count = count(view, folder, mailbag)?;
        if count > 0 {
            found.push((folder.path(mailbag), count));
        }
    }
    let mut foreign = 0;
    let path = view.path(&home(mailbag))?;
    view.list_on_disk(&path, &mut |entry| {
        let ours = matches!(&entry.name, EntryName::Plain(name)
            if Folder::ALL.iter().any(|folder| folder.name().eq_ignore_ascii_case(name)));
        foreign += u64::from(!ours);
        ControlFlow::Continue(())
    })?;
    if foreign > 0 {
        found.push((home(mailbag), foreign));
    }
    Ok(found)
}

/// All entries of a folder.
fn count(view: &TreeView, folder: Folder, mailbag: HexId) -> Result<u64, PoError> {
    let mut found = 0;
    let path = view.path(&folder.path(mailbag))?;
    view.list_on_disk(&path, &mut |_| {
        found += 1;
        ControlFlow::Continue(())
    })?;
    Ok(found)
}

/// The names of the files `*.MMF` of a folder, sorted, at most `limit`.
///
/// # Errors
/// A disk error. A folder that is missing holds nothing.
pub fn files(
    view: &TreeView,
    folder: Folder,
    mailbag: HexId,
    limit: usize,
) -> Result<Vec<String>, PoError> {
    files_after(view, folder, mailbag, None, limit)
}

/// As [`files`], those behind the name `after` only.
///
/// # Errors
/// As [`files`].
pub fn files_after(
    view: &TreeView,
    folder: Folder,
    mailbag: HexId,
    after: Option<&str>,
    limit: usize,
) -> Result<Vec<String>, PoError> {
    let mut names = std::collections::BTreeSet::new();
    let path = view.path(&folder.path(mailbag))?;
    view.list_on_disk(&path, &mut |entry| {
        if let EntryName::Plain(name) = entry.name
            && is_mmf(&name)
            && after.is_none_or(|after| name.as_str() > after)
        {
            names.insert(name);
            if names.len() > limit {
                names.pop_last();
            }
        }
        ControlFlow::Continue(())
    })?;
    Ok(names.into_iter().collect())
}

fn is_mmf(name: &str) -> bool {
    name.len() > 4
        && name
            .get(name.len() - 4..)
            .is_some_and(|end| end.eq_ignore_ascii_case(".MMF"))
}

/// The gateways and what waits.
///
/// # Errors
/// A disk error, a damaged file.
pub fn all(edit: &mut Edit<'_>) -> Result<Vec<ShownGateway>, PoError> {
    let view = edit.view();
    let mut shown = Vec::new();
    for gateway in known(view)? {
        let record = find(edit, &gateway.name)?;
        let mailbag = record.and_then(|(_, _, record)| record.mailbag.get().ok().flatten());
        let counted = |folders: &[Folder]| {
            let mut sum = 0;
            for folder in folders {
                sum += match mailbag {
                    Some(mailbag) => count(view, *folder, mailbag)?,
                    None => 0,
                };
            }
            Ok::<u64, PoError>(sum)
        };
        shown.push(ShownGateway {
            gateway,
            mailbag,
            waiting_in: counted(&[Folder::In, Folder::Taken])?,
            waiting_out: counted(&[Folder::Out, Folder::Spool])?,
            bad: counted(&[Folder::Bad])?,
        });
    }
    Ok(shown)
}
