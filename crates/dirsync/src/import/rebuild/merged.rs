//! The list in its order, and its files made from it piece by piece (table in [`super`]).
//!
//! An entry takes 52 bytes, and 8 more for ids; neither GAL.NME nor GALNETPO.GLB is ever in memory.

use std::sync::Arc;

use zerocopy::IntoBytes as _;

use super::order;
use super::sources::{Collected, Entry};
use super::{GAL, GALNETPO_PATH};
use crate::core::base::{CpField, DecodeError, collate};
use crate::core::format::FixedRecord as _;
use crate::core::format::galindex;
use crate::core::format::galnetpo::{GalNetPoHeader, GalNetPoRecord};
use crate::core::format::nme::{NmeKind, NmeRecord};
use crate::core::format::record::LIVE;
use crate::import::error::ImportError;
use crate::tree::disk::DiskResult;
use crate::tree::journal::content::fill_records;
use crate::tree::journal::{Content, Source};

/// What the addresses of one postoffice have in common.
#[derive(Debug)]
struct Common {
    network: CpField<11>,
    postoffice: CpField<11>,
    mailbag: u32,
    code: u8,
}

/// An address of the list.
#[derive(Debug, Clone, Copy)]
pub(super) struct Address<'a> {
    pub(super) code: u8,
    pub(super) network: &'a [u8],
    pub(super) postoffice: &'a [u8],
    pub(super) mailbox: &'a [u8],
}

impl<'a> Address<'a> {
    pub(super) fn of(record: &'a GalNetPoRecord) -> Self {
        Self {
            code: record.address_type,
            network: record.network.text(),
            postoffice: record.postoffice.text(),
            mailbox: record.mailbox.text(),
        }
    }
}

/// All entries in the order of GAL.NME.
#[derive(Debug)]
pub(super) struct Merged {
    entries: Vec<Entry>,
    others: Vec<NmeRecord>,
    common: Vec<Common>,
    /// Place in GAL.NME of each record of GALNETPO.GLB.
    external: Vec<u32>,
    /// Place in GALNETPO.GLB of each record of GAL.NME; what the others have does not matter.
    address: Vec<u32>,
    header: GalNetPoHeader,
    /// Tuple id of each record of GALNETPO.GLB.
    tids: Vec<u32>,
}

impl Merged {
    /// Puts the entries in order, without tuple ids.
    pub(super) fn new(all: Collected) -> Result<Self, ImportError> {
        let order = order::order(&all);
        let Collected {
            entries: unsorted,
            origins,
            others,
            ..
        } = all;
        // Once over the whole memory here, so that all that follows goes through it in order.
        let entries: Vec<Entry> = order
            .iter()
            .map(|&index| unsorted[index as usize].clone())
            .collect();
        drop((order, unsorted));
        let mut address = Vec::with_capacity(entries.len());
        let mut external = Vec::new();
        for (place, entry) in (0u32..).zip(&entries) {
            address.push(u32::try_from(external.len()).map_err(|_| too_long(GALNETPO_PATH))?);
            if entry.is_external() {
                external.push(place);
            }
        }
        let common = origins
            .iter()
            .map(|origin| {
                // Every origin comes from fields of this size.
                let field = |text: &[u8]| CpField::from_bytes(text).unwrap_or_default();
                Common {
                    network: field(&origin.network),
                    postoffice: field(&origin.postoffice),
                    mailbag: origin.mailbag,
                    code: origin.code,
                }
            })
            .collect();
        let merged = Self {
            entries,
            others,
            common,
            external,
            address,
            header: GalNetPoHeader::zeroed(),
            tids: Vec::new(),
        };
        // Pointers have 32 bits; checked once for the greatest.
        for (file, len) in [
            (GAL, merged.gal_len_bytes()),
            (GALNETPO_PATH, merged.addresses_len_bytes()),
        ] {
            u32::try_from(len).map_err(|_| too_long(file))?;
        }
        Ok(merged)
    }

    /// Entries of GAL.NME.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Records of GALNETPO.GLB.
    pub(super) fn external_len(&self) -> u32 {
        // Checked when it was made.
        u32::try_from(self.external.len()).unwrap_or(u32::MAX)
    }

    /// The name and the address of a record of GALNETPO.GLB.
    pub(super) fn external(&self, number: u32) -> (&[u8], Address<'_>) {
        let entry = &self.entries[self.external[number as usize] as usize];
        let common = &self.common[entry.origin as usize];
        let address = Address {
            code: common.code,
            network: common.network.text(),
            postoffice: common.postoffice.text(),
            mailbox: entry.mailbox.text(),
        };
        (entry.alias.text(), address)
    }

    /// Sets the tuple ids of the records of GALNETPO.GLB.
    pub(super) fn set_tids(&mut self, header: GalNetPoHeader, tids: Vec<u32>) {
        self.header = header;
        self.tids = tids;
    }

    /// GALINDEX.GLB.
    pub(super) fn index(&self) -> Result<Vec<u8>, DecodeError> {
        let name = |place: u32| self.entries[place as usize].alias.text();
        let count = u32::try_from(self.len()).unwrap_or(u32::MAX);
        galindex::build_with(count, name, collate::key)
    }

    /// GAL.NME and GALNETPO.GLB.
    pub(super) fn files(self) -> (Content, Content) {
        let merged = Arc::new(self);
        (
            Content::Source(Arc::new(Gal(Arc::clone(&merged)))),
            Content::Source(Arc::new(Addresses(merged))),
        )
    }

    fn gal_len_bytes(&self) -> u64 {
        self.entries.len() as u64 * NmeRecord::SIZE as u64
    }

    fn addresses_len_bytes(&self) -> u64 {
        self.external.len() as u64 * GalNetPoRecord::SIZE as u64 + HEADER_LEN
    }

    fn gal_record(&self, place: usize) -> NmeRecord {
        let entry = &self.entries[place];
        if !entry.is_external() {
            return self.others[entry.other as usize].clone();
        }
        let common = &self.common[entry.origin as usize];
        let number = self.address[place];
        let mut record = NmeRecord::zeroed();
        record.kind = NmeKind::External.code();
        record.address_type = common.code;
        record.alias = entry.alias;
        record
            .tid
            .set(self.tids.get(number as usize).copied().unwrap_or(0));
        // Inside 32 bits for the last one, so for all.
        record.pointer.set(number * 43 + 4);
        record.hexid.set(common.mailbag);
        record
    }

    fn address_record(&self, number: usize) -> GalNetPoRecord {
        let entry = &self.entries[self.external[number] as usize];
        let common = &self.common[entry.origin as usize];
        let mut record = GalNetPoRecord::zeroed();
        record.network = common.network;
        record.postoffice = common.postoffice;
        record.mailbox = entry.mailbox;
        record.mailbag.set(common.mailbag);
        record.tid.set(self.tids.get(number).copied().unwrap_or(0));
        record.state = LIVE;
        record.address_type = common.code;
        record
    }
}

const HEADER_LEN: u64 = GalNetPoHeader::SIZE as u64;

/// GAL.NME.
#[derive(Debug)]
struct Gal(Arc<Merged>);

impl Source for Gal {
    fn len_bytes(&self) -> u64 {
        self.0.gal_len_bytes()
    }

    fn fill(&self, buf: &mut [u8], offset: u64) -> DiskResult<()> {
        fill_records(buf, offset, |index| -> [u8; NmeRecord::SIZE] {
            let record = self.0.gal_record(usize::try_from(index).unwrap_or(0));
            zerocopy::transmute!(record)
        });
        Ok(())
    }
}

/// GALNETPO.GLB.
#[derive(Debug)]
struct Addresses(Arc<Merged>);

impl Source for Addresses {
    fn len_bytes(&self) -> u64 {
        self.0.addresses_len_bytes()
    }

    fn fill(&self, buf: &mut [u8], offset: u64) -> DiskResult<()> {
        let head = HEADER_LEN.saturating_sub(offset).min(buf.len() as u64);
        let (head, body) = buf.split_at_mut(usize::try_from(head).unwrap_or(0));
        if !head.is_empty() {
            let skip = usize::try_from(offset).unwrap_or(0);
            head.copy_from_slice(&self.0.header.as_bytes()[skip..skip + head.len()]);
        }
        fill_records(
            body,
            offset.saturating_sub(HEADER_LEN),
            |index| -> [u8; GalNetPoRecord::SIZE] {
                let record = self.0.address_record(usize::try_from(index).unwrap_or(0));
                zerocopy::transmute!(record)
            },
        );
        Ok(())
    }
}

fn too_long(file: &str) -> ImportError {
    ImportError::TooLong { file: file.into() }
}
