//! What the benchmarks work on: a postoffice with external postoffices and a queue that adds a million
//! names to their lists; the same every time, byte for byte.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;

use anyhow::{Context as _, anyhow, ensure};
use dirsync::core::base::codepage::CodePage;
use dirsync::core::base::{Address, FullName, MailboxName, PoName, Scope, Transaction};
use dirsync::core::format::transactions::Record;
use dirsync::postoffice::config::registration;
use dirsync::postoffice::externals::{self, NewExternal};
use dirsync::tree::Command;

use crate::make_network::{self, Dice, FIRST, LAST, MADE};

/// Endings that make a few hundred surnames out of sixteen.
const ENDINGS: &[&str] = &[
    "", "son", "berg", "ini", "ova", "ski", "mann", "et", "er", "dal", "strom", "feld",
];
/// Directory and name of the postoffice.
pub(crate) const NAME: &str = "HQ";

/// One name of the directory.
pub(crate) struct Person {
    /// In code page 850.
    pub(crate) name: Vec<u8>,
    pub(crate) postoffice: String,
    pub(crate) mailbox: String,
}

/// How many names, and of how many external postoffices of the same size.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Size {
    pub(crate) names: u32,
    pub(crate) postoffices: u32,
}

/// The names in the order in which they were added: postoffice after postoffice, inside of one in
/// no order.
pub(crate) fn people(size: Size) -> impl Iterator<Item = Person> {
    let mut dice = Dice(5);
    let each = size.names.div_ceil(size.postoffices.max(1)).max(1);
    (0..size.names).map(move |number| {
        let (first, last, ending) = (dice.pick(FIRST), dice.pick(LAST), dice.pick(ENDINGS));
        Person {
            name: CodePage::Cp850
                .encode_lossy(&format!("{first} {last}{ending} {}", number + 1))
                .bytes,
            postoffice: format!("PO{:04}", number / each + 1),
            mailbox: format!("u{}", number + 1),
        }
    })
}

/// Makes the postoffice `dir/HQ`, whose queue waits.
pub(crate) fn make(dir: &Path, size: Size) -> anyhow::Result<()> {
    let mut dice = Dice(7);
    let mut tree = make_network::empty(dir, NAME, &mut dice)?;
    make_network::commit(&mut tree, Command::Postoffice, |edit| {
        for number in 1..=size.postoffices {
            let new = NewExternal {
                name: po(&format!("PO{number:04}"))?,
                via: None,
                path: None,
                autocreated: false,
            };
            externals::add(edit, &new)?;
        }
        registration::register(edit, &po("PO0001")?, None)?;
        Ok(())
    })?;
    drop(tree);
    enqueue(&dir.join(NAME), size, None)
}

/// Makes the queue of a postoffice: all names are added, after the list of `replaced` was emptied.
pub(crate) fn enqueue(tree: &Path, size: Size, replaced: Option<&str>) -> anyhow::Result<()> {
    let mut file = BufWriter::new(File::create(tree.join("GLB/SRVTRANS.GLB"))?);
    let replace = replaced.map(|name| {
        Ok(Transaction::Replace {
            scope: Scope::pcm(po(name)?),
        })
    });
    let additions = people(size).map(|person| transaction(&person));
    let mut bytes = Vec::new();
    for (number, transaction) in (1u32..).zip(replace.into_iter().chain(additions)) {
        let text = transaction
            .and_then(|transaction| Ok(transaction.to_record_text()?))
            .with_context(|| format!("record {number}"))?;
        bytes.clear();
        Record::transaction(number, MADE.0, &text).encode_into(&mut bytes)?;
        file.write_all(&bytes)?;
    }
    file.into_inner()?.sync_all()?;
    Ok(())
}

fn po(name: &str) -> anyhow::Result<PoName> {
    PoName::new(b"NET", name.as_bytes()).map_err(|fault| anyhow!("{name}: {fault:?}"))
}

fn transaction(person: &Person) -> anyhow::Result<Transaction> {
    let fault = |fault| anyhow!("{fault:?}");
    let mailbox = MailboxName::new(person.mailbox.as_bytes()).map_err(fault)?;
    Ok(Transaction::add(
        FullName::new(&person.name).map_err(fault)?,
        Address::pcm(po(&person.postoffice)?, mailbox),
    ))
}

/// Copies a tree, durably, so that nothing is left to write while somebody measures.
pub(crate) fn copy(from: &Path, to: &Path) -> anyhow::Result<()> {
    if to.exists() {
        std::fs::remove_dir_all(to)?;
    }
    for entry in walkdir::WalkDir::new(from) {
        let entry = entry?;
        let target = to.join(entry.path().strip_prefix(from)?);
        if entry.file_type().is_dir() {
            std::fs::create_dir_all(&target)?;
        } else {
            ensure!(entry.file_type().is_file(), "{:?}", entry.path());
            std::fs::copy(entry.path(), &target)?;
            File::open(&target)?.sync_all()?;
        }
    }
    Ok(())
}
