//! From an entry of the Global Address List to the address it stands for.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use crate::core::base::CodePage;
use crate::core::base::address::{Address, AddressType};
use crate::core::format::FixedRecord;
use crate::core::format::access::{ACCESS2, Access2Record, AccessRecord};
use crate::core::format::galnetpo::{GALNETPO, GalNetPoRecord};
use crate::core::format::gateway_list::{HEADER_LEN, MAX_ADDRESS_LEN, RECORD_HEAD_LEN};
use crate::core::format::group::{GROUP, GroupRecord};
use crate::core::format::master::MasterRecord;
use crate::core::format::nme::{NmeKind, NmeRecord};
use crate::core::format::record::LIVE;
use crate::tree::view::ViewFile;
use crate::tree::{TreeError, TreeView};

use super::super::stream::{Report, open_or_report, records};

/// Groups whose addresses are remembered.
const GROUPS_LIMIT: u64 = 65_536;

/// The address of an entry.
pub(super) struct Resolved {
    pub(super) address: String,
    pub(super) participates: Option<bool>,
}

/// The files that entries point into, opened once.
pub(super) struct Resolver<'v> {
    view: &'v TreeView,
    /// `NET/PO` of the own postoffice, code page 850.
    own: Option<Vec<u8>>,
    access: Option<ViewFile<'v>>,
    access2: Option<ViewFile<'v>>,
    galnetpo: Option<ViewFile<'v>>,
    groups: BTreeMap<u32, Vec<u8>>,
    gateways: BTreeMap<u8, Option<ViewFile<'v>>>,
}

impl<'v> Resolver<'v> {
    pub(super) fn new(view: &'v TreeView, report: &mut Report<'_>) -> Result<Self, TreeError> {
        let own = match open_or_report(view, "GLB/MASTER.GLB", report)? {
            Some(file) => read_record::<MasterRecord>(&file, 0)?
                .filter(MasterRecord::has_magic)
                .map(|master| [master.network.text(), b"/", master.postoffice.text()].concat()),
            None => None,
        };
        let mut groups = BTreeMap::new();
        if let Some(file) = open_or_report(view, "GLB/GROUP.GLB", report)? {
            records::<GroupRecord>(
                &file,
                GROUP.header_len(),
                GROUPS_LIMIT,
                &mut |_, _, group| {
                    if group.is_live() {
                        groups.insert(group.tid.get(), group.address.text().to_vec());
                    }
                    ControlFlow::Continue(())
                },
            )?;
        }
        Ok(Self {
            view,
            own,
            access: open_or_report(view, "GLB/ACCESS.GLB", report)?,
            access2: open_or_report(view, "GLB/ACCESS2.GLB", report)?,
            galnetpo: open_or_report(view, "GLB/GALNETPO.GLB", report)?,
            groups,
            gateways: BTreeMap::new(),
        })
    }

    /// The file that an entry points into, for messages.
    pub(super) fn place_of(&self, kind: NmeKind, record: &NmeRecord) -> String {
        match kind {
            NmeKind::Local => "GLB/ACCESS2.GLB".to_owned(),
            NmeKind::External => "GLB/GALNETPO.GLB".to_owned(),
            NmeKind::Gateway => match record.address_code() {
                Some(code) => format!("GLB/{}.GLB", code.name()),
                None => "a gateway list of no known type".to_owned(),
            },
            NmeKind::Group => "GRP/ADMIN.GRP".to_owned(),
        }
    }

    /// The address; `None` when it is not where the entry points to.
    pub(super) fn resolve(
        &mut self,
        kind: NmeKind,
        record: &NmeRecord,
        report: &mut Report<'_>,
    ) -> Result<Option<Resolved>, TreeError> {
        match kind {
            NmeKind::Local => self.local(record),
            NmeKind::External => self.external(record),
            NmeKind::Gateway => self.gateway(record, report),
            NmeKind::Group => Ok(self
                .groups
                .get(&record.tid.get())
                .and_then(|address| self.own_address(address))),
        }
    }

    fn own_address(&self, mailbox: &[u8]) -> Option<Resolved> {
        let own = self.own.as_ref()?;
        let address = [b"PCM:", own.as_slice(), b"/", mailbox].concat();
        Some(Resolved {
            address: CodePage::Cp850.decode(&address),
            participates: None,
        })
    }

    fn local(&self, record: &NmeRecord) -> Result<Option<Resolved>, TreeError> {
        let pointer = u64::from(record.pointer.get());
        let (Some(file), Some(number)) = (&self.access2, ACCESS2.record_at(pointer)) else {
            return Ok(None);
        };
        let Some(user) = read_record::<Access2Record>(file, pointer)? else {
            return Ok(None);
        };
        // A record that was given to somebody else since the last rebuild is not the address.
        let mailbag = user.mailbag.get().ok().flatten();
        if user.state != LIVE || mailbag.map(|id| id.0) != Some(record.hexid.get()) {
            return Ok(None);
        }
        let mut participates = None;
        if let Some(access) = &self.access
            && let Some(offset) = number.checked_mul(AccessRecord::SIZE as u64)
            && let Some(access) = read_record::<AccessRecord>(access, offset)?
        {
            participates = Some(access.dirsync == 1);
        }
        Ok(self
            .own_address(user.mailbox.text())
            .map(|resolved| Resolved {
                participates,
                ..resolved
            }))
    }

    fn external(&self, record: &NmeRecord) -> Result<Option<Resolved>, TreeError> {
        let pointer = u64::from(record.pointer.get());
        let (Some(file), Some(_)) = (&self.galnetpo, GALNETPO.record_at(pointer)) else {
            return Ok(None);
        };
        let Some(found) = read_record::<GalNetPoRecord>(file, pointer)? else {
            return Ok(None);
        };
        let Some(kind) = AddressType::from_code(found.address_type) else {
            return Ok(None);
        };
        if found.state != LIVE {
            return Ok(None);
        }
        let address = [
            kind.class().name().as_bytes(),
            b":",
            found.network.text(),
            b"/",
            found.postoffice.text(),
            b"/",
            found.mailbox.text(),
        ]
        .concat();
        Ok(Some(Resolved {
            address: CodePage::Cp850.decode(&address),
            participates: None,
        }))
    }

    fn gateway(
        &mut self,
        record: &NmeRecord,
        report: &mut Report<'_>,
    ) -> Result<Option<Resolved>, TreeError> {
        let Some(kind) = AddressType::from_code(record.address_type) else {
            return Ok(None);
        };
        if !self.gateways.contains_key(&record.address_type) {
            let path = format!("GLB/{}.GLB", kind.name());
            let file = open_or_report(self.view, &path, report)?;
            self.gateways.insert(record.address_type, file);
        }
        let pointer = u64::from(record.pointer.get());
        let Some(Some(file)) = self.gateways.get(&record.address_type) else {
            return Ok(None);
        };
        if pointer < HEADER_LEN as u64 {
            return Ok(None);
        }
        let mut buf = [0u8; RECORD_HEAD_LEN + MAX_ADDRESS_LEN];
        let n = file.read_at(&mut buf, pointer)?;
        let Some([LIVE, _, low, high, rest @ ..]) = buf.get(..n) else {
            return Ok(None);
        };
        let len = usize::from(u16::from_le_bytes([*low, *high]));
        let Some(physical) = rest.get(..len) else {
            return Ok(None);
        };
        // What a strict reader would refuse is shown as it stands.
        let bytes = match Address::from_physical_record(kind, physical) {
            Ok(address) => address.to_bytes(),
            Err(_) => [kind.class().name().as_bytes(), b":", physical].concat(),
        };
        Ok(Some(Resolved {
            address: CodePage::Cp850.decode(&bytes),
            participates: None,
        }))
    }
}

fn read_record<R: FixedRecord>(file: &ViewFile<'_>, offset: u64) -> Result<Option<R>, TreeError> {
    let mut bytes = vec![0u8; R::SIZE];
    let n = file.read_at(&mut bytes, offset)?;
    Ok(bytes.get(..n).and_then(|bytes| R::decode(bytes).ok()))
}
