use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use zerocopy::little_endian::U32;

use super::*;
use crate::core::base::collate;
use crate::core::format::CpField;
use crate::core::format::access::{Access2Record, Access3Record, AccessRecord};
use crate::core::format::fresh::FreshParams;
use crate::core::format::galindex;
use crate::core::format::galnetpo::{GALNETPO, GalNetPoHeader, GalNetPoRecord};
use crate::core::format::gateway_list;
use crate::core::format::group::{GROUP, GroupHeader, GroupRecord};
use crate::core::format::layout_txt::TreeId;
use crate::core::format::record::LIVE;
use crate::postoffice::init::InitPlan;
use crate::tree::disk::Disk;
use crate::tree::disk::mem::MemDisk;
use crate::tree::{Domain, DomainKind, OpenOptions, RelPath};

fn put(disk: &MemDisk, path: &str, bytes: &[u8]) {
    disk.add_file(&RelPath::new(path).unwrap(), bytes).unwrap();
}

/// A fresh postoffice NET/PO.
fn tree() -> MemDisk {
    let params = FreshParams {
        network: b"NET",
        postoffice: b"PO",
        admin_mailbox: b"Admin",
        admin_full_name: b"Administrator",
        created: "1996-02-12T09:00:00Z".parse().unwrap(),
        zone: "UTC",
        tree_id: TreeId([7; 16]),
        serial: b"",
    };
    let disk = MemDisk::new();
    for file in &InitPlan::new(&params).unwrap().tree().files {
        put(&disk, &file.path, &file.bytes);
    }
    disk
}

fn view(disk: &MemDisk) -> TreeView {
    let disk: Arc<dyn Disk> = Arc::new(disk.clone());
    let domain = Domain {
        kind: DomainKind::Postoffice,
    };
    let options = OpenOptions {
        wait: Duration::ZERO,
        ..OpenOptions::default()
    };
    TreeView::open(disk, domain, &options).unwrap()
}

struct Listed {
    summary: GalSummary,
    entries: Vec<GalEntry>,
    problems: Vec<Finding>,
}

impl Listed {
    fn names(&self) -> Vec<&str> {
        self.entries
            .iter()
            .map(|entry| entry.name.as_str())
            .collect()
    }

    fn ids(&self) -> BTreeSet<&str> {
        self.problems.iter().map(|finding| finding.id.0).collect()
    }
}

fn list(disk: &MemDisk, options: &GalOptions) -> Listed {
    let view = view(disk);
    let (mut entries, mut problems) = (Vec::new(), Vec::new());
    let summary = list_gal(&view, options, &mut |f| problems.push(f), &mut |entry| {
        entries.push(entry);
        ControlFlow::Continue(())
    })
    .unwrap();
    Listed {
        summary,
        entries,
        problems,
    }
}

fn entry(kind: u8, address_type: u8, alias: &[u8], pointer: u32, number: u32) -> NmeRecord {
    let mut record = NmeRecord::zeroed();
    record.kind = kind;
    record.address_type = address_type;
    record.alias = CpField::from_bytes(alias).unwrap();
    record.pointer = U32::new(pointer);
    record.hexid = U32::new(number);
    record.tid = U32::new(number);
    record
}

fn encode(records: &[NmeRecord]) -> Vec<u8> {
    records.iter().flat_map(NmeRecord::encode).collect()
}

/// One entry of each kind.
fn small_tree() -> MemDisk {
    let disk = tree();
    let mut external = GalNetPoRecord::zeroed();
    external.network = CpField::from_bytes(b"NET").unwrap();
    external.postoffice = CpField::from_bytes(b"NEWTON").unwrap();
    external.mailbox = CpField::from_bytes(b"isaac").unwrap();
    external.state = LIVE;
    let header = GalNetPoHeader {
        lowest_tid: U32::new(9),
    };
    put(
        &disk,
        "GLB/GALNETPO.GLB",
        &GALNETPO.build(&header, &[external]),
    );
    let mut gateway = gateway_list::FRESH.to_vec();
    gateway.extend(gateway_list::encode_entry(b"ada@example.org").unwrap());
    put(&disk, "GLB/SMTP.GLB", &gateway);
    let mut group = GroupRecord::zeroed();
    group.state = LIVE;
    group.alias = CpField::from_bytes(b"Everybody").unwrap();
    group.address = CpField::from_bytes(b"all").unwrap();
    group.tid = U32::new(5);
    // A header that lies: nobody counts on it (DEC-090).
    let mut header = GroupHeader::zeroed();
    header.zero.set(9);
    put(&disk, "GLB/GROUP.GLB", &GROUP.build(&header, &[group]));
    let gal = [
        entry(3, 16, b"Ada Lovelace", 4, 0),
        entry(1, 0, b"Administrator", 0, 0),
        entry(4, 0, b"Everybody", 0, 5),
        entry(2, 0, b"Isaac Newton", 4, 0),
    ];
    put(&disk, "NME/GAL.NME", &encode(&gal));
    put(
        &disk,
        "GLB/GALINDEX.GLB",
        &galindex::build(&gal, collate::key).unwrap(),
    );
    disk
}

// rule: pof:R-GAL-001
// rule: dec:DEC-090
// rule: pof:R-NME-003
#[test]
fn every_kind_of_entry_gets_its_address() {
    let listed = list(&small_tree(), &GalOptions::default());
    let addresses: Vec<_> = listed
        .entries
        .iter()
        .map(|entry| (entry.name.as_str(), entry.address.as_deref().unwrap_or("?")))
        .collect();
    assert_eq!(
        addresses,
        [
            ("Ada Lovelace", "SMTP:ada@example.org"),
            ("Administrator", "PCM:NET/PO/Admin"),
            ("Everybody", "PCM:NET/PO/all"),
            ("Isaac Newton", "PCM:NET/NEWTON/isaac"),
        ]
    );
    assert_eq!(listed.problems, []);
    assert_eq!(listed.summary.entries, 4);
}

// rule: pof:R-GAL-001
#[test]
fn local_users_that_are_kept_out_can_be_left_out() {
    let participating = GalOptions {
        participating: true,
        ..GalOptions::default()
    };
    let disk = small_tree();
    assert_eq!(
        list(&disk, &participating).names(),
        ["Ada Lovelace", "Everybody", "Isaac Newton"]
    );
    // A second user who does take part.
    let mut access = AccessRecord::zeroed();
    access.state = LIVE;
    access.dirsync = 1;
    let mut access2 = Access2Record::zeroed();
    access2.state = LIVE;
    access2.mailbox = CpField::from_bytes(b"ann").unwrap();
    access2.mailbag = crate::core::format::Hex8::from_id(crate::core::base::HexId(2));
    let mut bytes = vec![0; 2 * AccessRecord::SIZE];
    bytes[AccessRecord::SIZE..].copy_from_slice(&access.encode());
    put(&disk, "GLB/ACCESS.GLB", &bytes);
    let mut bytes = vec![0; 2 * Access2Record::SIZE];
    bytes[Access2Record::SIZE..].copy_from_slice(&access2.encode());
    put(&disk, "GLB/ACCESS2.GLB", &bytes);
    put(&disk, "GLB/ACCESS3.GLB", &[0; 2 * Access3Record::SIZE]);
    put(&disk, "NME/GAL.NME", &encode(&[entry(1, 0, b"Ann", 69, 2)]));
    let listed = list(&disk, &participating);
    assert_eq!(listed.entries[0].address.as_deref(), Some("PCM:NET/PO/ann"));
}

#[test]
fn a_tree_without_a_list_answers_so() {
    let listed = list(&tree(), &GalOptions::default());
    assert!(!listed.summary.exists && listed.entries.is_empty());
    assert_eq!(listed.ids(), BTreeSet::from(["gal.missing"]));
    assert!(listed.problems.iter().all(|f| f.severity == Severity::Note));
}

#[test]
fn a_foreign_tree_shows_names_only() {
    let disk = small_tree();
    disk.unlink(&RelPath::new("GLB/LAYOUT.TXT").unwrap())
        .unwrap();
    let listed = list(&disk, &GalOptions::default());
    assert_eq!(listed.names().len(), 4);
    assert!(
        listed.entries.iter().all(|entry| {
            entry.address.is_none() && entry.kind.is_none() && entry.tid.is_none()
        })
    );
    let found = GalOptions {
        find: Words::new(b"newt"),
        ..GalOptions::default()
    };
    let listed = list(&disk, &found);
    assert_eq!(listed.names(), ["Isaac Newton"]);
    assert!(!listed.summary.used_index);
}

#[test]
fn broken_pointers_and_kinds_are_reported_and_the_rest_is_listed() {
    let disk = small_tree();
    let mut gal = encode(&[
        entry(1, 0, b"Behind", 69, 0),
        entry(1, 0, b"Between", 1, 0),
        entry(1, 0, b"Somebody else's", 0, 77),
        entry(2, 0, b"No header", 0, 0),
        entry(3, 16, b"In the header", 2, 0),
        entry(3, 99, b"No such type", 4, 0),
        entry(4, 0, b"No such group", 0, 6),
        entry(0, 0, b"No kind", 0, 0),
        entry(1, 0, b"Administrator", 0, 0),
    ]);
    gal.extend([1, 2, 3]);
    put(&disk, "NME/GAL.NME", &gal);
    let listed = list(&disk, &GalOptions::default());
    assert_eq!(listed.entries.len(), 9);
    let lost = listed
        .entries
        .iter()
        .filter(|entry| entry.address.is_none());
    assert_eq!(lost.count(), 8);
    assert_eq!(
        listed.ids(),
        BTreeSet::from(["gal.bad-entry", "gal.bad-pointer", "size.fragment"])
    );
    assert_eq!(listed.problems.len(), 1 + 7 + 1);
    assert_eq!(listed.problems[1].offset, Some(0));
    assert_eq!(listed.problems[2].offset, Some(45));
}

// rule: pof:R-GAL-003
#[test]
fn words_are_found_by_their_beginning_without_regard_to_case_and_accents() {
    let disk = small_tree();
    for (text, expected) in [
        (&b"new"[..], &["Isaac Newton"][..]),
        (b"ISAAC new", &["Isaac Newton"]),
        (b"a", &["Ada Lovelace", "Administrator"]),
        (b"\x83da", &["Ada Lovelace"]),
        (b"ovelace", &[]),
        (b"ada newton", &[]),
    ] {
        let find = Words::new(text);
        assert!(find.is_some());
        for no_index in [false, true] {
            let options = GalOptions {
                find: find.clone(),
                no_index,
                ..GalOptions::default()
            };
            let listed = list(&disk, &options);
            assert_eq!(listed.names(), expected, "{text:?} {no_index}");
            assert_eq!(listed.summary.used_index, !no_index);
        }
    }
    assert_eq!(Words::new(b" -./ "), None);
}

// rule: pof:R-GAL-003
#[test]
fn an_index_that_does_not_fit_is_not_used() {
    let good = small_tree();
    let gal_index = view(&good).read("GLB/GALINDEX.GLB", 4096).unwrap().unwrap();
    let damage: [fn(&mut Vec<u8>); 7] = [
        |bytes| bytes.truncate(100),
        |bytes| bytes.push(0),
        // All slots lead far behind the end.
        |bytes| bytes[0..4].fill(0xFF),
        // A slot into the middle of an entry.
        |bytes| bytes[0] += 1,
        // Entries into the middle of a name, behind the list, to a word that is not there.
        |bytes| bytes[208..].chunks_mut(6).for_each(|entry| entry[2] += 1),
        |bytes| bytes[208..].chunks_mut(6).for_each(|entry| entry[4] = 0x10),
        |bytes| bytes[208..].chunks_mut(6).for_each(|entry| entry[0] = 9),
    ];
    for (at, damage) in damage.into_iter().enumerate() {
        let mut bytes = gal_index.clone();
        damage(&mut bytes);
        put(&good, "GLB/GALINDEX.GLB", &bytes);
        let options = GalOptions {
            find: Words::new(b"newton"),
            ..GalOptions::default()
        };
        let listed = list(&good, &options);
        assert_eq!(listed.names(), ["Isaac Newton"], "damage {at}");
        assert!(!listed.summary.used_index, "damage {at}");
        assert_eq!(
            listed.ids(),
            BTreeSet::from(["gal.index-bad"]),
            "damage {at}"
        );
    }
}

/// Names of a small alphabet, so that words repeat: plain and accented letters in both cases,
/// digits, and what separates words.
fn names() -> impl Strategy<Value = Vec<Vec<u8>>> {
    let byte = prop_oneof![
        Just(b'a'),
        Just(b'A'),
        Just(0x84u8),
        Just(0x8E),
        Just(b's'),
        Just(0xE1),
        Just(b'7'),
        Just(b' '),
        Just(b'-'),
        1u8..,
    ];
    proptest::collection::vec(proptest::collection::vec(byte, 0..30), 0..60)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    // rule: pof:R-GAL-003
    #[test]
    fn index_and_scan_give_the_same_answer(
        names in names(),
        wanted in proptest::collection::vec(1u8.., 1..6),
        pick in any::<proptest::sample::Index>(),
        own in any::<bool>(),
    ) {
        let disk = tree();
        let gal: Vec<NmeRecord> = names.iter().map(|name| entry(2, 0, name, 0, 0)).collect();
        put(&disk, "NME/GAL.NME", &encode(&gal));
        put(&disk, "GLB/GALINDEX.GLB", &galindex::build(&gal, collate::key).unwrap());
        // A word that stands in the list, or anything.
        let text = if own && !names.is_empty() { pick.get(&names).clone() } else { wanted };
        if let Some(words) = Words::new(&text) {
            let options = |no_index| GalOptions {
                find: Some(words.clone()),
                no_index,
                ..GalOptions::default()
            };
            let indexed = list(&disk, &options(false));
            let scanned = list(&disk, &options(true));
            prop_assert_eq!(&indexed.entries, &scanned.entries);
            prop_assert!(indexed.summary.used_index, "{:?}", indexed.ids());
            if own && !names.is_empty() {
                prop_assert!(!indexed.entries.is_empty());
            }
        }
    }

    // rule: pof:R-GAL-003
    #[test]
    fn any_index_bytes_end_and_never_panic(
        names in names(),
        index in proptest::collection::vec(any::<u8>(), 0..400),
        text in proptest::collection::vec(1u8.., 1..6),
    ) {
        let disk = tree();
        let gal: Vec<NmeRecord> = names.iter().map(|name| entry(2, 0, name, 0, 0)).collect();
        put(&disk, "NME/GAL.NME", &encode(&gal));
        put(&disk, "GLB/GALINDEX.GLB", &index);
        if let Some(words) = Words::new(&text) {
            let options = GalOptions { find: Some(words), ..GalOptions::default() };
            let listed = list(&disk, &options);
            prop_assert!(listed.entries.len() <= names.len());
        }
    }
}
