//! A fresh postoffice: every directory and file, with the bytes that each begins with.
//!
//! Names and lengths are those of a new postoffice of version 3.5 (Q135868) without the vendor's
//! texts, templates, scripts and help ([`super::vendor`]). On top come both shadow lists, which the
//! integrity checker demands (Q132744, DEC-126), LAYOUT.TXT, and FLAG.GLB, which the administration
//! program makes when it starts first (Q131670). Contents follow decisions 2 (ASSIGNED).

use jiff::Timestamp;
use zerocopy::little_endian::{U16, U32};

use super::access::{Access2Record, Access3Record, AccessRecord, rights};
use super::codes::{AddressCode, NetworkType};
use super::counters::{ControlRecord, FlagRecord, TidRecord};
use super::field::{CpField, Hex8};
use super::folders::{IdxHeader, SerialNoRecord};
use super::grp::GrpFile;
use super::layout_txt::{CURRENT_VERSION, FILE_NAME, Layout, TreeId};
use super::master::MasterRecord;
use super::network::NetworkRecord;
use super::nme::{NmeKind, NmeRecord};
use super::opaque::{GlobalRecord, ModemRecord};
use super::process::ProcessHeader;
use super::record::{FixedRecord, LIVE};
use super::reqconf::ReqConfRecord;
use super::tree::{DIRECTORIES, FRESH_MAILBAGS, FRESH_QUEUES, POPULATE, is_read_only_by_design};
use crate::base::{DecodeError, DecodeErrorKind, HexId};

/// Length of a KEY file in bytes; a fresh one is zero (Q104279).
const KEY_LEN: usize = 560;
/// Length of the two sort tables in bytes (Q135868); ours are zero and not read (DEC-083).
const SORT_LEN: usize = 795;
/// The only byte of POPULATE.MSM (DEC-126).
const POPULATE_BYTE: u8 = 0x20;
/// The administrator's tuple id, which TID.GLB starts with (DEC-093).
const ADMIN_TID: u32 = 1;
/// The number of the XTN file of the own network (Q135868).
const OWN_XTN: HexId = HexId(1);
/// The number of the administrator's mailbag (Q135868).
const ADMIN_MAILBAG: HexId = HexId(0);

/// What a fresh postoffice is made from. Texts are code page 850; whether names hold only
/// characters that names may hold is checked where they are typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FreshParams<'a> {
    /// Network name, 1 to 10 bytes.
    pub network: &'a [u8],
    /// Postoffice name, 1 to 10 bytes.
    pub postoffice: &'a [u8],
    /// Mailbox of the administrator, 1 to 10 bytes.
    pub admin_mailbox: &'a [u8],
    /// Full name of the administrator, 1 to 30 bytes.
    pub admin_full_name: &'a [u8],
    /// When the postoffice is made, between 1970 and 2106.
    pub created: Timestamp,
    /// IANA name of the zone of the tree.
    pub zone: &'a str,
    /// The number of the tree, random.
    pub tree_id: TreeId,
    /// Serial number `nnnn-nnnnn`, up to 11 bytes.
    pub serial: &'a [u8],
}

/// One file of a fresh postoffice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FreshFile {
    /// Path below the root, `/` between names.
    pub path: String,
    /// The content.
    pub bytes: Vec<u8>,
    /// Whether the file is made read-only (Q127954).
    pub read_only: bool,
}

/// Everything a fresh postoffice consists of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FreshTree {
    /// The directories, parents before children.
    pub directories: Vec<String>,
    /// The files, sorted by path.
    pub files: Vec<FreshFile>,
}

/// The directories and files of a fresh postoffice with one user, the administrator, who takes no
/// part in directory synchronization.
///
/// # Errors
/// A name that is empty, too long for its field or holds NUL; a time outside 32 bits.
pub fn fresh_postoffice(params: &FreshParams<'_>) -> Result<FreshTree, DecodeError> {
    let created = u32::try_from(params.created.as_second())
        .map_err(|_| DecodeError::new("creation time", 0, DecodeErrorKind::BadField("created")))?;
    if params.zone.is_empty() || params.zone.chars().any(char::is_control) {
        let kind = DecodeErrorKind::BadText("the zone is not a name");
        return Err(DecodeError::new("zone", 0, kind));
    }
    let mut files = Files::default();
    for dir in DIRECTORIES {
        files.add(format!("{dir}/{POPULATE}"), vec![POPULATE_BYTE]);
    }
    identity(&mut files, params, created)?;
    administrator(&mut files, params, created)?;
    files.add("GLB/CONTROL.GLB", ControlRecord::fresh().encode());
    files.add("GLB/TID.GLB", TidRecord::fresh().encode());
    files.add("GLB/FLAG.GLB", FlagRecord::zeroed().encode());
    files.add("GLB/GLOBAL.GLB", GlobalRecord::zeroed().encode());
    files.add("GLB/MODEM.GLB", ModemRecord::zeroed().encode());
    files.add("GLB/REQCONF.GLB", ReqConfRecord::fresh().encode());
    let schedule = ProcessHeader::fresh(params.zone.as_bytes());
    files.add("GLB/PROCESS.GLB", schedule.encode());
    for list in ["GLB/GROUP.GLB", "GLB/GRPMEM.GLB", "GLB/NETPO.GLB"] {
        files.add(list, vec![0; 4]);
    }
    for queue in FRESH_QUEUES {
        files.add(queue, Vec::new());
    }
    for table in ["GLB/ANSISORT.GLB", "GLB/C850SORT.GLB"] {
        files.add(table, vec![0; SORT_LEN]);
    }
    for group in ["GRP/ADMIN.GRP", "GRP/ADMINSHD.GRP", "GRP/00000000.GRP"] {
        files.add(group, GrpFile::empty().build());
    }
    for stem in FRESH_MAILBAGS {
        files.add(format!("KEY/{stem}.KEY"), vec![0; KEY_LEN]);
        files.add(format!("MBG/{stem}.MBG"), Vec::new());
    }
    for list in ["NME/00000000.NME", "NME/VIEW.NME", "XTN/00000001.XTN"] {
        files.add(list, Vec::new());
    }
    files.add("FOLDERS/SERIALNO.IDX", SerialNoRecord::zeroed().encode());
    for index in [
        "FOLDERS/LOC/00000000/00000000.IDX",
        "FOLDERS/PUB/FOLDROOT.IDX",
    ] {
        files.add(index, IdxHeader::zeroed().encode());
    }
    files.add("INI/EXTERNAL.INI", b"\r\n\x1A".to_vec());
    files.0.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(FreshTree {
        directories: DIRECTORIES.map(str::to_owned).to_vec(),
        files: files.0,
    })
}

/// MASTER.GLB, the own network's record, LAYOUT.TXT.
fn identity(files: &mut Files, params: &FreshParams<'_>, created: u32) -> Result<(), DecodeError> {
    let mut master = MasterRecord::zeroed();
    master.magic = MasterRecord::MAGIC;
    master.version = U16::new(MasterRecord::VERSION_3_5);
    master.kind = 1;
    master.os = 1;
    master.network = name(params.network)?;
    master.postoffice = name(params.postoffice)?;
    master.serial = CpField::from_bytes(params.serial)?;
    master.hop_limit = 10;
    master.created = U32::new(created);
    files.add("GLB/MASTER.GLB", master.encode());

    let mut network = NetworkRecord::zeroed();
    network.state = LIVE;
    network.kind = NetworkType::Network.code();
    network.name = master.network;
    network.xtn = Hex8::from_id(OWN_XTN);
    files.add("GLB/NETWORK.GLB", network.encode());

    let layout = Layout {
        version: CURRENT_VERSION,
        tree_id: params.tree_id,
        created: params.created,
        zone: params.zone.to_owned(),
        unknown: Vec::new(),
    };
    files.add(format!("GLB/{FILE_NAME}"), layout.format().into_bytes());
    Ok(())
}

/// The administrator: the first record of the ACCESS files and the first entry of the list.
fn administrator(
    files: &mut Files,
    params: &FreshParams<'_>,
    created: u32,
) -> Result<(), DecodeError> {
    let mut access = AccessRecord::zeroed();
    access.state = LIVE;
    access.kind = AccessRecord::ADMINISTRATOR;
    access.rights = U16::new(rights::ALL);
    access.created = U32::new(created);
    access.modified = U32::new(created);
    files.add("GLB/ACCESS.GLB", access.encode());

    let mut access2 = Access2Record::zeroed();
    access2.state = LIVE;
    access2.mailbox = name(params.admin_mailbox)?;
    access2.full_name = name(params.admin_full_name)?;
    access2.mailbag = Hex8::from_id(ADMIN_MAILBAG);
    access2.tid = U32::new(ADMIN_TID);
    files.add("GLB/ACCESS2.GLB", access2.encode());

    let mut access3 = Access3Record::zeroed();
    access3.state = LIVE;
    files.add("GLB/ACCESS3.GLB", access3.encode());

    let mut entry = NmeRecord::zeroed();
    entry.kind = NmeKind::Local.code();
    entry.address_type = AddressCode::Pcm.code();
    entry.alias = access2.full_name;
    entry.tid = access2.tid;
    entry.hexid = U32::new(ADMIN_MAILBAG.0);
    // The pointer stays 0: the administrator is the first record of ACCESS2.GLB.
    files.add("NME/ADMIN.NME", entry.encode());
    files.add("NME/ADMINSHD.NME", entry.encode());
    Ok(())
}

/// A name that must not be empty.
fn name<const N: usize>(text: &[u8]) -> Result<CpField<N>, DecodeError> {
    if text.is_empty() {
        let kind = DecodeErrorKind::BadText("a name is empty");
        return Err(DecodeError::new("name", 0, kind));
    }
    CpField::from_bytes(text)
}

#[derive(Default)]
struct Files(Vec<FreshFile>);

impl Files {
    fn add(&mut self, path: impl Into<String>, bytes: Vec<u8>) {
        let path = path.into();
        let read_only = is_read_only_by_design(&path);
        self.0.push(FreshFile {
            path,
            bytes,
            read_only,
        });
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;
    use crate::format::access::{ACCESS, ACCESS2, ACCESS3, Users};
    use crate::format::network::find_own;
    use crate::format::sizes::{Extra, size_rule_for};
    use crate::format::tree::{CORE_FILES, MUST_EXIST, Presence};
    use crate::format::vendor::is_absent_by_design;

    fn params() -> FreshParams<'static> {
        FreshParams {
            network: b"NET",
            postoffice: b"R1",
            admin_mailbox: b"Admin",
            admin_full_name: b"Administrator",
            created: "1994-04-07T12:13:52Z".parse().unwrap(),
            zone: "America/New_York",
            tree_id: TreeId([0x5A; 16]),
            serial: b"0001-00001",
        }
    }

    fn files() -> BTreeMap<String, FreshFile> {
        let tree = fresh_postoffice(&params()).unwrap();
        let count = tree.files.len();
        let map: BTreeMap<_, _> = tree
            .files
            .into_iter()
            .map(|f| (f.path.clone(), f))
            .collect();
        assert_eq!(map.len(), count, "no path twice");
        map
    }

    // rule: pof:R-DIR-007
    // rule: dec:DEC-126
    // rule: pof:D-17
    #[test]
    fn the_files_are_those_of_the_published_listing() {
        let ours = files();
        let listing = include_str!("../../../../fixtures/sizes/q135868-maildata.tsv");
        let mut printed = BTreeSet::new();
        for line in listing.lines().skip(1) {
            let cells: Vec<_> = line.split('\t').collect();
            let path = format!("{}/{}", cells[0].replace('\\', "/"), cells[1]);
            if is_absent_by_design(&path) {
                assert!(!ours.contains_key(&path), "{path}");
                continue;
            }
            let file = ours.get(&path).unwrap_or_else(|| panic!("{path}"));
            assert_eq!(Ok(file.bytes.len()), cells[2].parse(), "{path}");
            printed.insert(path);
        }
        let extra: Vec<_> = ours
            .keys()
            .filter(|path| !printed.contains(*path))
            .collect();
        assert_eq!(
            extra,
            [
                "GLB/FLAG.GLB",
                "GLB/LAYOUT.TXT",
                "GRP/ADMINSHD.GRP",
                "NME/ADMINSHD.NME"
            ]
        );
    }

    // rule: pof:R-DIR-003
    // rule: pof:R-PRM-001
    // rule: pof:D-18
    #[test]
    fn every_directory_has_a_read_only_marker_of_one_blank() {
        let ours = files();
        for dir in DIRECTORIES {
            let marker = &ours[&format!("{dir}/POPULATE.MSM")];
            assert_eq!(marker.bytes, [0x20]);
            assert!(marker.read_only);
        }
        let read_only = ours.values().filter(|file| file.read_only).count();
        assert_eq!(
            read_only,
            DIRECTORIES.len() + 2,
            "markers and the two sort tables"
        );
    }

    // rule: pof:R-CHK-002
    // rule: pof:R-SIZ-001
    #[test]
    fn a_fresh_tree_has_what_must_exist_in_valid_sizes() {
        let ours = files();
        for (path, presence) in MUST_EXIST {
            assert_eq!(
                ours.contains_key(path),
                presence == Presence::Always,
                "{path}"
            );
        }
        for core in CORE_FILES {
            assert!(ours.contains_key(core));
        }
        for (path, file) in &ours {
            let (dir, name) = path.rsplit_once('/').unwrap();
            assert!(DIRECTORIES.contains(&dir), "{path}");
            let Some(rule) = size_rule_for(dir, name) else {
                continue;
            };
            assert!(rule.verdict(file.bytes.len() as u64).is_valid(), "{path}");
            for extra in rule.extras {
                if let Extra::SameLengthAs(other) = extra {
                    assert_eq!(ours[*other].bytes, file.bytes, "{path}");
                }
            }
        }
    }

    // rule: dec:DEC-093
    // rule: dec:2.9
    // rule: dec:2.11
    // rule: pof:R-MST-002
    // rule: pof:R-ACC-003
    // rule: pof:D-19
    // rule: pof:D-04
    // rule: tra:OQ-09
    #[test]
    fn the_administrator_and_the_own_network_are_there() {
        let ours = files();
        let bytes = |path: &str| ours[path].bytes.as_slice();
        let access = ACCESS.view(bytes("GLB/ACCESS.GLB")).unwrap();
        let access2 = ACCESS2.view(bytes("GLB/ACCESS2.GLB")).unwrap();
        let access3 = ACCESS3.view(bytes("GLB/ACCESS3.GLB")).unwrap();
        let users = Users::new(access.records, access2.records, access3.records);
        assert_eq!(users.find(b"ADMIN"), Some(0));
        assert_eq!(access.records[0].dirsync, 0);
        assert_eq!(access2.records[0].mailbag.get().unwrap(), Some(HexId(0)));
        let entry = NmeRecord::decode(bytes("NME/ADMIN.NME")).unwrap();
        assert_eq!(entry.nme_kind(), Some(NmeKind::Local));
        assert_eq!(entry.tid, access2.records[0].tid);
        assert_eq!(entry.alias.text(), b"Administrator");
        let network = NetworkRecord::decode(bytes("GLB/NETWORK.GLB")).unwrap();
        let master = MasterRecord::decode(bytes("GLB/MASTER.GLB")).unwrap();
        assert_eq!(
            find_own(std::slice::from_ref(&network), master.network.text()),
            Some(0)
        );
        assert_eq!(network.xtn.get().unwrap(), Some(HexId(1)));
        assert_eq!(
            (master.gal_enabled, master.dirsync_server, master.hop_limit),
            (0, 0, 10)
        );
        assert_eq!(master.created.get(), 0x2DA3_F900);
        // Of the internetwork kind, LAN Manager compatible; all that is ours lies before 93h.
        assert_eq!((master.is_internetwork(), master.os), (true, 1));
        assert_eq!(bytes("GLB/MASTER.GLB")[0x93..], [0; 176 - 0x93]);
        assert_eq!(bytes("INI/EXTERNAL.INI"), b"\r\n\x1A");
        let layout = Layout::parse(bytes("GLB/LAYOUT.TXT")).unwrap();
        assert_eq!(
            (layout.zone.as_str(), layout.tree_id),
            ("America/New_York", TreeId([0x5A; 16]))
        );
        let key = include_bytes!("../../../../fixtures/binary/key-empty.bin");
        assert_eq!(bytes("KEY/SYSTEM.KEY"), key);
    }

    // rule: dec:DEC-094
    #[test]
    fn names_that_do_not_fit_are_refused() {
        let with = |change: fn(&mut FreshParams<'static>)| {
            let mut params = params();
            change(&mut params);
            fresh_postoffice(&params)
        };
        assert!(with(|p| p.network = b"ELEVENBYTES").is_err());
        assert!(with(|p| p.postoffice = b"").is_err());
        assert!(with(|p| p.admin_mailbox = b"A\0B").is_err());
        assert!(with(|p| p.admin_full_name = &[b'x'; 31]).is_err());
        assert!(with(|p| p.created = Timestamp::from_second(-1).unwrap()).is_err());
        assert!(with(|p| p.zone = "").is_err());
        assert!(with(|p| p.zone = "America/Argentina/ComodRivadavia").is_ok());
    }
}
