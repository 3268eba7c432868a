//! Taking mail out of a mailbag without returning it: the reset recipes of the articles (Q104279,
//! Q130285, Q264331) as one commit, with a copy of all that goes.

use crate::core::base::codepage::escape_bytes_850;
use crate::core::base::ident::{HexId, MailbagStem, att_path, mai_path};
use crate::core::base::time::UnixTime;
use crate::core::format::key::{KEY_LEN_BYTES, Key};
use crate::core::format::mailbag::Mailbag;
use crate::core::format::mbg::MbgRecord;
use crate::postoffice::mail::{BagEdit, references, set_references};
use crate::postoffice::{Edit, PoError};
use crate::tree::{RelPath, TreeError};

use super::super::log;
use super::letter::Letter;
use super::{Selection, selected};

/// The folder of the copies, at the root of the postoffice (ASSIGNED). Its name ends like that of
/// every folder that the search for trees leaves out.
pub const KEPT: &str = "CLEARED.BAK";

/// Copies of one mailbag that are numbered.
const COPIES_MAX: u32 = 999;

/// What was taken out.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct Cleared {
    /// Headers that went.
    pub messages: usize,
    /// Messages of these that are still in other mailbags, and stay.
    pub shared: usize,
    /// Whether the pair was damaged, so that not all of its headers could be read.
    pub damaged: bool,
    /// The folder with the copy, below the postoffice; `None` when nothing was there to take out.
    pub copy: Option<String>,
}

/// Takes the selected messages out; with an empty selection the whole pair is reset, damaged or not,
/// and made anew when a file is missing. Pair, messages, attachments and envelopes go to a folder of
/// their own below [`KEPT`]; a message that another mailbag holds as well stays for that.
///
/// # Errors
/// [`PoError::NoSuchMailbag`] when neither file of the pair exists (the three system mailbags are
/// made anew instead), [`PoError::NoSuchHeader`], [`PoError::MailbagDamaged`] for a selection in a
/// damaged pair, or a disk error.
pub fn clear(
    edit: &mut Edit<'_>,
    mailbag: MailbagStem,
    selection: &Selection,
    now: UnixTime,
) -> Result<Cleared, PoError> {
    let mut done = Cleared::default();
    let chosen = if selection.is_everything() {
        let (headers, damaged) = readable(edit, mailbag)?;
        done.damaged = damaged;
        headers
    } else {
        selected(edit, mailbag, selection)?
    };
    let whole = selection.is_everything();
    if chosen.is_empty() && !(whole && is_odd(edit, mailbag)?) {
        return Ok(done);
    }
    let folder = new_folder(edit, mailbag)?;
    edit.mkdir(KEPT)?;
    edit.mkdir(&folder)?;
    let mut list = String::new();
    for (index, header) in &chosen {
        let letter = Letter::read(edit, mailbag, *index, header.clone())?;
        list.push_str(&line(*index, header));
        done.messages += 1;
        if let Some(path) = &letter.envelope_path {
            keep(edit, path, &folder)?;
        }
        let Some(stem) = letter.stem else { continue };
        match references(edit, stem)? {
            Some(count) if count > 1 => {
                set_references(edit, stem, count - 1)?;
                done.shared += 1;
            }
            Some(_) => {
                keep(edit, &mai_path(stem), &folder)?;
                for attachment in letter.mai.iter().flat_map(|mai| &mai.attachments) {
                    keep_attachment(edit, attachment.stem, &folder)?;
                }
            }
            // Missing, or it does not begin like a message: left to the checker.
            None => {}
        }
    }
    // The pair as it was: its bytes are few (at most 476 KB), so they are copied.
    for path in [mailbag.key_path(), mailbag.mbg_path()] {
        if let Some(bytes) = edit.read(&path)?.map(<[u8]>::to_vec) {
            edit.write(&format!("{folder}/{}", name_of(&path)), bytes)?;
        }
    }
    let head = format!(
        "Taken out of mailbag {mailbag} at {} UTC.\r\nTo put it back: move the files to where they \
         were (MAI/MAx, ATT/ATx by the last digit of the name; P1), then `po-admin mail recover`.\r\n",
        now.timestamp().strftime("%Y-%m-%d %H:%M:%S")
    );
    edit.write(
        &format!("{folder}/CLEARED.TXT"),
        (head + &list).into_bytes(),
    )?;
    if whole {
        edit.write(&mailbag.key_path(), Key::empty().bytes().to_vec())?;
        edit.write(&mailbag.mbg_path(), Vec::new())?;
    } else {
        let indices: Vec<usize> = chosen.iter().map(|(index, _)| *index).collect();
        BagEdit::load(edit, mailbag)?.mark_deleted(edit, &indices)?;
    }
    let time = log::local_time(edit.view(), now);
    let text = format!(
        "Mailbag {mailbag}: {} taken out, kept in {folder}",
        done.messages
    );
    log::append(edit, log::SESSION, &log::session_line(time, &text))?;
    done.copy = Some(folder);
    Ok(done)
}

/// Removes the deleted headers of a pair; returns how many there were.
///
/// # Errors
/// [`PoError::NoSuchMailbag`], [`PoError::MailbagDamaged`], or a disk error.
pub fn compress(edit: &mut Edit<'_>, mailbag: MailbagStem) -> Result<usize, PoError> {
    BagEdit::load(edit, mailbag)?.compress(edit)
}

/// The live headers of a pair as far as it can be read, and whether it is damaged. Without a KEY it
/// is not known which headers are deleted: all of them that name a message that exists count.
fn readable(
    edit: &mut Edit<'_>,
    mailbag: MailbagStem,
) -> Result<(Vec<(usize, MbgRecord)>, bool), PoError> {
    match BagEdit::load(edit, mailbag) {
        Ok(bag) => return Ok((bag.live(), false)),
        Err(PoError::MailbagDamaged { .. }) => {}
        Err(PoError::NoSuchMailbag { .. }) if matches!(mailbag, MailbagStem::Named(_)) => {
            return Ok((Vec::new(), true));
        }
        Err(error) => return Err(error),
    }
    let Some(mbg) = edit.read(&mailbag.mbg_path())?.map(<[u8]>::to_vec) else {
        return Ok((Vec::new(), true));
    };
    let key = edit.read(&mailbag.key_path())?.and_then(|bytes| {
        let mut image = [0u8; KEY_LEN_BYTES];
        let len = bytes.len().min(KEY_LEN_BYTES);
        image[..len].copy_from_slice(&bytes[..len]);
        Key::view(&image).ok().cloned()
    });
    let key = key.unwrap_or_else(Key::empty);
    let headers = Mailbag::view(&key, &mbg).map_or_else(
        |_| Vec::new(),
        |bag| {
            bag.live()
                .map(|(index, header)| (index, header.clone()))
                .collect()
        },
    );
    Ok((headers, true))
}

/// Whether a pair without live headers differs from an empty one.
fn is_odd(edit: &mut Edit<'_>, mailbag: MailbagStem) -> Result<bool, PoError> {
    let key_is_empty = edit
        .read(&mailbag.key_path())?
        .is_some_and(|bytes| bytes == Key::empty().bytes());
    let mbg_is_empty = edit
        .read(&mailbag.mbg_path())?
        .is_some_and(<[u8]>::is_empty);
    Ok(!(key_is_empty && mbg_is_empty))
}

fn name_of(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// The first free folder of a mailbag's copies.
fn new_folder(edit: &mut Edit<'_>, mailbag: MailbagStem) -> Result<String, PoError> {
    for number in 1..=COPIES_MAX {
        let folder = format!("{KEPT}/{mailbag}.{number:03}");
        if !edit.exists(&folder)? {
            return Ok(folder);
        }
    }
    Err(PoError::NoNameForCopy {
        tree: edit.view().describe(),
        path: RelPath::new(KEPT).map_err(TreeError::from)?,
    })
}

/// Moves a file into the folder of the copy.
fn keep(edit: &mut Edit<'_>, path: &str, folder: &str) -> Result<(), TreeError> {
    let from = edit.view().path(path)?;
    let to = RelPath::new(&format!("{folder}/{}", name_of(path)))?;
    if edit.view().stat_on_disk(&from)?.is_some() {
        edit.plan_mut().move_to(from, to)?;
    }
    Ok(())
}

fn keep_attachment(edit: &mut Edit<'_>, stem: HexId, folder: &str) -> Result<(), TreeError> {
    let path = att_path(stem);
    let from = edit.view().path(&path)?;
    // Two messages that name one attachment are damage; the first takes it along.
    if edit.plan_mut().step(&from).is_some() {
        return Ok(());
    }
    keep(edit, &path, folder)
}

fn line(index: usize, header: &MbgRecord) -> String {
    let stem = header
        .mai
        .get()
        .ok()
        .flatten()
        .map_or("?".to_owned(), |stem| stem.to_string());
    let date = header.date.civil().map_or("?".to_owned(), |date| {
        date.strftime("%Y-%m-%d %H:%M").to_string()
    });
    format!(
        "{index:>4}  {stem}  {date}  {}  {}\r\n",
        escape_bytes_850(header.sender.text()),
        escape_bytes_850(header.subject.text())
    )
}
