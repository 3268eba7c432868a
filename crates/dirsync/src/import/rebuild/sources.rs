//! Everything that goes into the Global Address List, read once, piece by piece: the postoffice
//! address list, the lists of gateways, the lists of all external postoffices and nodes (Q96060).
//!
//! An entry takes 52 bytes here, whatever it is; what entries of one postoffice share (network,
//! postoffice, mailbag) is kept once. Nothing is left out: no filter for gateways, for users kept
//! out of dirsync (Q118621), or for duplicates (Q86375). A source that is missing is said; one that
//! cannot be read stops the rebuild, because an unreadable source is never an empty one (design 4.6).

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use crate::core::base::{CpField, HexId};
use crate::core::format::access::Access2Record;
use crate::core::format::codes::AddressCode;
use crate::core::format::group::GroupRecord;
use crate::core::format::netpo::NetPoRecord;
use crate::core::format::nme::{NmeKind, NmeRecord};
use crate::core::format::usr::UsrRecord;
use crate::core::format::{FixedRecord, gateway_list};
use crate::import::error::ImportError;
use crate::import::log::message;
use crate::import::places::{Places, usr_path};
use crate::import::problem::Problems;
use crate::postoffice::stream;
use crate::progress::Progress;
use crate::tree::TreeView;

pub(super) const POL: &str = "NME/ADMIN.NME";
const ACCESS2: &str = "GLB/ACCESS2.GLB";
const GROUP: &str = "GLB/GROUP.GLB";
const NETPO: &str = "GLB/NETPO.GLB";

/// What all entries of one postoffice have in common.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Origin {
    pub(super) network: Vec<u8>,
    pub(super) postoffice: Vec<u8>,
    pub(super) mailbag: u32,
    pub(super) code: u8,
}

/// One entry of the list to be, before it is sorted.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) alias: CpField<31>,
    /// Third part of the address, empty for gateway entries.
    pub(super) mailbox: CpField<11>,
    /// Index of its [`Origin`].
    pub(super) origin: u32,
    /// [`Entry::EXTERNAL`], or the index of the record in [`Collected::others`].
    pub(super) other: u32,
}

impl Entry {
    /// [`Self::other`] of an entry that gets a record in GALNETPO.GLB.
    pub(super) const EXTERNAL: u32 = u32::MAX;

    /// Whether the entry gets a record in GALNETPO.GLB.
    pub(super) fn is_external(&self) -> bool {
        self.other == Self::EXTERNAL
    }
}

/// All entries, in the order of the sources.
#[derive(Debug, Default)]
pub(super) struct Collected {
    pub(super) entries: Vec<Entry>,
    pub(super) origins: Vec<Origin>,
    /// Records that go into GAL.NME as they are: local users, groups, gateway entries.
    pub(super) others: Vec<NmeRecord>,
    pub(super) problems: Problems,
    known: BTreeMap<Origin, u32>,
}

impl Collected {
    /// Reads all sources.
    pub(super) fn read(
        view: &TreeView,
        places: &Places,
        progress: &dyn Progress,
    ) -> Result<Self, ImportError> {
        let mut all = Self::default();
        all.read_pol(view, places)?;
        for &code in AddressCode::ALL {
            if !code.is_three_part() {
                all.read_gateway(view, places, code)?;
            }
        }
        for place in &places.places {
            let network = places.networks[place.network].name;
            progress.message(&network.to_string_850());
            let origin = all.origin(Origin {
                network: network.text().to_vec(),
                postoffice: place.postoffice.text().to_vec(),
                mailbag: place.outbound.0,
                code: place.code.code(),
            })?;
            all.read_usr(view, place.stem, origin, network, place.postoffice)?;
            progress.advance(1);
            if progress.stop_requested() {
                return Err(ImportError::Interrupted);
            }
        }
        Ok(all)
    }

    fn origin(&mut self, origin: Origin) -> Result<u32, ImportError> {
        if let Some(&index) = self.known.get(&origin) {
            return Ok(index);
        }
        let index = u32::try_from(self.origins.len()).map_err(|_| too_long())?;
        self.origins.push(origin.clone());
        self.known.insert(origin, index);
        Ok(index)
    }

    fn other(
        &mut self,
        record: &NmeRecord,
        origin: u32,
        mailbox: CpField<11>,
    ) -> Result<(), ImportError> {
        let other = u32::try_from(self.others.len())
            .ok()
            .filter(|&index| index != Entry::EXTERNAL)
            .ok_or_else(too_long)?;
        self.others.push(record.clone());
        self.entries.push(Entry {
            alias: record.alias,
            mailbox,
            origin,
            other,
        });
        Ok(())
    }

    fn read_pol(&mut self, view: &TreeView, places: &Places) -> Result<(), ImportError> {
        let Some(file) = view.open_file(POL)? else {
            return Err(ImportError::Missing {
                file: POL.into(),
                why: "it is the list of the postoffice itself",
            });
        };
        let mut records: Vec<(u64, u64, NmeRecord)> = Vec::new();
        stream::records::<NmeRecord>(&file, 0, u64::MAX, &mut |index, offset, record| {
            records.push((index, offset, record.clone()));
            ControlFlow::Continue(())
        })?;
        if records.is_empty() {
            return Err(ImportError::EmptyAddressList);
        }
        let own = self.origin(Origin {
            network: places.own.map_or(Vec::new(), |own| own.network().to_vec()),
            postoffice: places
                .own
                .map_or(Vec::new(), |own| own.postoffice().to_vec()),
            mailbag: 0,
            code: AddressCode::Pcm.code(),
        })?;
        let names = LocalNames::read(view)?;
        let netpo = view.open_file(NETPO)?;
        for (index, offset, record) in &records {
            let (number, offset) = (index + 1, *offset);
            if record.alias.is_empty() {
                self.problems.at(message(46, ""), POL, number, offset);
                continue;
            }
            match record.nme_kind() {
                Some(NmeKind::Local) => {
                    let mailbox = names.mailbox(record.pointer.get());
                    self.other(record, own, mailbox)?;
                }
                Some(NmeKind::Group) => {
                    let mailbox = names.group(record.tid.get());
                    self.other(record, own, mailbox)?;
                }
                Some(NmeKind::Gateway) => {
                    let origin = self.gateway_origin(record.address_type)?;
                    self.other(record, origin, CpField::empty())?;
                }
                Some(NmeKind::External) => {
                    let at = u64::from(record.pointer.get());
                    let address = match &netpo {
                        Some(file) => read_record::<NetPoRecord>(file, at, 4)?,
                        None => None,
                    };
                    match address.filter(NetPoRecord::is_live) {
                        Some(address) => self.external(record, &address)?,
                        None => self.problems.at(
                            message(81, record.alias.to_string_850()),
                            POL,
                            number,
                            offset,
                        ),
                    }
                }
                None => {
                    let line = message(40, format!("ADMIN.NME {}", record.alias.to_string_850()));
                    self.problems.at(line, POL, number, offset);
                }
            }
        }
        Ok(())
    }

    fn external(&mut self, record: &NmeRecord, address: &NetPoRecord) -> Result<(), ImportError> {
        let origin = self.origin(Origin {
            network: address.network.text().to_vec(),
            postoffice: address.postoffice.text().to_vec(),
            mailbag: address.mailbag.get(),
            code: address.address_type,
        })?;
        self.entries.push(Entry {
            alias: record.alias,
            mailbox: address.mailbox,
            origin,
            other: Entry::EXTERNAL,
        });
        Ok(())
    }

    /// Gateway entries have no network; their type stands in its place when equal names are
    /// ordered (ASSIGNED: 2.18 orders by net/po/mailbox, which they do not have).
    fn gateway_origin(&mut self, code: u8) -> Result<u32, ImportError> {
        let name = AddressCode::from_code(code).map_or("", AddressCode::name);
        self.origin(Origin {
            network: name.as_bytes().to_vec(),
            postoffice: Vec::new(),
            mailbag: 0,
            code,
        })
    }

    fn read_gateway(
        &mut self,
        view: &TreeView,
        places: &Places,
        code: AddressCode,
    ) -> Result<(), ImportError> {
        let path = format!("NME/{}.NME", code.name());
        let Some(file) = view.open_file(&path)? else {
            return Ok(());
        };
        let addresses = view
            .stat(&format!("GLB/{}.GLB", code.name()))?
            .map_or(0, |stat| stat.len);
        let mailbag = places.gateway(code).and_then(|gateway| gateway.mailbag);
        let mut found: Vec<(u64, u64, NmeRecord)> = Vec::new();
        let mut failed = None;
        let origin = self.gateway_origin(code.code())?;
        stream::records::<NmeRecord>(&file, 0, u64::MAX, &mut |index, offset, record| {
            found.push((index, offset, record.clone()));
            // In pieces, so that a list of a million names is not held twice.
            if found.len() >= 4096
                && let Err(error) = self.take_gateway(&path, &mut found, origin, mailbag, addresses)
            {
                failed = Some(error);
                return ControlFlow::Break(());
            }
            ControlFlow::Continue(())
        })?;
        if let Some(error) = failed {
            return Err(error);
        }
        self.take_gateway(&path, &mut found, origin, mailbag, addresses)
    }

    fn take_gateway(
        &mut self,
        path: &str,
        found: &mut Vec<(u64, u64, NmeRecord)>,
        origin: u32,
        mailbag: Option<HexId>,
        addresses_len: u64,
    ) -> Result<(), ImportError> {
        for (index, offset, mut record) in found.drain(..) {
            let pointer = u64::from(record.pointer.get());
            let header = gateway_list::HEADER_LEN as u64;
            let head = gateway_list::RECORD_HEAD_LEN as u64;
            if record.alias.is_empty() {
                self.problems.at(message(46, ""), path, index + 1, offset);
            } else if pointer < header || pointer + head > addresses_len {
                let line = message(43, record.alias.to_string_850());
                self.problems.at(line, path, index + 1, offset);
            } else {
                record.kind = NmeKind::Gateway.code();
                if let Some(mailbag) = mailbag {
                    record.hexid = mailbag.0.into();
                }
                self.other(&record, origin, CpField::empty())?;
            }
        }
        Ok(())
    }

    fn read_usr(
        &mut self,
        view: &TreeView,
        stem: HexId,
        origin: u32,
        network: CpField<11>,
        postoffice: CpField<11>,
    ) -> Result<(), ImportError> {
        let path = usr_path(stem);
        let Some(file) = view.open_file(&path)? else {
            let name = format!("{}/{}", network.to_string_850(), postoffice.to_string_850());
            self.problems.file(message(201, name), path);
            return Ok(());
        };
        let entries = &mut self.entries;
        let problems = &mut self.problems;
        stream::records::<UsrRecord>(&file, 0, u64::MAX, &mut |index, offset, record| {
            if !record.is_live() {
                return ControlFlow::Continue(());
            }
            if record.alias.is_empty() {
                problems.at(message(46, ""), path.as_str(), index + 1, offset);
            } else if record.mailbox.is_empty() {
                let line = message(81, record.alias.to_string_850());
                problems.at(line, path.as_str(), index + 1, offset);
            } else {
                entries.push(Entry {
                    alias: record.alias,
                    mailbox: record.mailbox,
                    origin,
                    other: Entry::EXTERNAL,
                });
            }
            ControlFlow::Continue(())
        })?;
        Ok(())
    }
}

fn too_long() -> ImportError {
    ImportError::TooLong {
        file: "NME/GAL.NME".into(),
    }
}

/// The record at a byte offset of a file with a header; `None` where no record starts or ends.
fn read_record<R: FixedRecord>(
    file: &crate::tree::view::ViewFile<'_>,
    offset: u64,
    header_len: u64,
) -> Result<Option<R>, ImportError> {
    let size = R::SIZE as u64;
    let starts = offset
        .checked_sub(header_len)
        .is_some_and(|body| body % size == 0);
    if !starts || offset + size > file.len() {
        return Ok(None);
    }
    let mut bytes = vec![0; R::SIZE];
    let n = file.read_at(&mut bytes, offset)?;
    Ok(R::decode(&bytes[..n]).ok())
}

/// Mailboxes of local users and addresses of groups, for the order of equal names only.
#[derive(Debug, Default)]
struct LocalNames {
    users: Vec<CpField<11>>,
    groups: BTreeMap<u32, CpField<11>>,
}

impl LocalNames {
    fn read(view: &TreeView) -> Result<Self, ImportError> {
        let mut names = Self::default();
        if let Some(file) = view.open_file(ACCESS2)? {
            stream::records::<Access2Record>(&file, 0, u64::MAX, &mut |_, _, record| {
                names.users.push(record.mailbox);
                ControlFlow::Continue(())
            })?;
        }
        if let Some(file) = view.open_file(GROUP)? {
            stream::records::<GroupRecord>(&file, 4, u64::MAX, &mut |_, _, record| {
                if record.is_live() {
                    names.groups.insert(record.tid.get(), record.address);
                }
                ControlFlow::Continue(())
            })?;
        }
        Ok(names)
    }

    fn mailbox(&self, pointer: u32) -> CpField<11> {
        usize::try_from(pointer)
            .ok()
            .filter(|pointer| pointer % Access2Record::SIZE == 0)
            .and_then(|pointer| self.users.get(pointer / Access2Record::SIZE))
            .copied()
            .unwrap_or_default()
    }

    fn group(&self, tid: u32) -> CpField<11> {
        self.groups.get(&tid).copied().unwrap_or_default()
    }
}
