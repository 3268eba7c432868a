//! For every finding one small damaged tree: the check finds exactly it, the fix mends it, the second
//! check is clean, and a second fix changes nothing.

use std::collections::BTreeSet;

use super::sample::{Sample, all_ids, entry, header, letter, look, mend, path, text, usr};
use crate::core::base::HexId;
use crate::core::format::access::{Access2Record, Access3Record, AccessRecord};
use crate::core::format::netpo::NetPoRecord;
use crate::core::format::network::NetworkRecord;
use crate::core::format::srvconf::SrvConfHeader;
use crate::core::format::transactions::Record;
use crate::core::format::{FixedRecord, Hex8};
use crate::insight::check::FixWhat;
use crate::insight::findings;
use crate::tree::disk::{Disk as _, EntryKind};

/// How a finding is mended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mends {
    /// By `--fix`.
    Safe,
    /// By `--fix` with its id, because something is lost.
    ById,
    /// Not at all.
    No,
}
use Mends::{ById, No, Safe};

struct Damage {
    id: &'static str,
    damage: fn(&mut Sample),
    mends: Mends,
    /// Other ids that the same damage has to lead to.
    also: &'static [&'static str],
    /// Ids that appear while mending and are mended with it.
    then: &'static [&'static str],
    /// Ids that are left at the end.
    left: &'static [&'static str],
}

const fn damage(id: &'static str, mends: Mends, damage: fn(&mut Sample)) -> Damage {
    Damage {
        id,
        damage,
        mends,
        also: &[],
        then: &[],
        left: &[],
    }
}

impl Damage {
    const fn also(mut self, also: &'static [&'static str]) -> Self {
        self.also = also;
        self
    }

    const fn then(mut self, then: &'static [&'static str]) -> Self {
        self.then = then;
        self
    }

    const fn left(mut self, left: &'static [&'static str]) -> Self {
        self.left = left;
        self
    }
}

fn replace_text(s: &mut Sample, file: &str, old: &str, new: &str) {
    let bytes = s.files.get(file).unwrap().clone();
    let text = String::from_utf8(bytes).unwrap();
    assert!(text.contains(old));
    s.put(file, text.replace(old, new).into_bytes());
}

fn remove_dir(s: &mut Sample, dir: &str) {
    assert!(s.dirs.remove(dir));
    let inside = format!("{dir}/");
    s.files.retain(|file, _| !file.starts_with(&inside));
}

fn cut_list(s: &mut Sample, from: usize, to: usize) {
    for file in ["NME/ADMIN.NME", "NME/ADMINSHD.NME"] {
        s.files.get_mut(file).unwrap().drain(from..to);
    }
}

fn insert_into_list(s: &mut Sample, at: usize, bytes: &[u8]) {
    for file in ["NME/ADMIN.NME", "NME/ADMINSHD.NME"] {
        s.files
            .get_mut(file)
            .unwrap()
            .splice(at..at, bytes.iter().copied());
    }
}

fn all_deleted(s: &mut Sample, stem: &str, headers: usize, name_of_last: bool) {
    let mut records = vec![header(1); headers];
    if !name_of_last {
        records.last_mut().unwrap().mai = Hex8::none();
    }
    s.pair(stem, &records);
    let marked = headers.min(4096);
    let mut bits = vec![0xFF; marked / 8];
    if !marked.is_multiple_of(8) {
        bits.push((1 << (marked % 8)) - 1);
    }
    s.poke(&format!("KEY/{stem}.KEY"), 48, &bits);
}

/// Five hundred more users, complete.
fn crowd(s: &mut Sample) {
    for n in 0..500u32 {
        let (mailbag, tid) = (100 + n, 100 + n);
        let name = format!("User {n:03}");
        let mut access = AccessRecord::zeroed();
        access.state = 1;
        s.append("GLB/ACCESS.GLB", &access.encode());
        let mut access2 = Access2Record::zeroed();
        access2.state = 1;
        access2.mailbox = text(&format!("user{n:03}"));
        access2.full_name = text(&name);
        access2.mailbag = Hex8::from_id(HexId(mailbag));
        access2.tid.set(tid);
        let offset = u32::try_from(s.files["GLB/ACCESS2.GLB"].len()).unwrap();
        s.append("GLB/ACCESS2.GLB", &access2.encode());
        let mut access3 = Access3Record::zeroed();
        access3.state = 1;
        s.append("GLB/ACCESS3.GLB", &access3.encode());
        let line = entry(1, &name, tid, offset, mailbag).encode();
        s.append("NME/ADMIN.NME", &line);
        s.append("NME/ADMINSHD.NME", &line);
        s.pair(&HexId(mailbag).to_string(), &[]);
    }
    s.put(
        "GLB/CONTROL.GLB",
        [600u32.to_le_bytes(), 4u32.to_le_bytes()].concat(),
    );
    s.put("GLB/TID.GLB", 600u32.to_le_bytes().to_vec());
}

fn network(name: &str, xtn: Option<u32>) -> Vec<u8> {
    let mut network = NetworkRecord::zeroed();
    network.state = 1;
    network.kind = 1;
    network.name = text(name);
    if let Some(xtn) = xtn {
        network.xtn = Hex8::from_id(HexId(xtn));
    }
    network.encode()
}

fn server(s: &mut Sample) {
    s.poke("GLB/MASTER.GLB", 43, &[1]);
    s.put("GLB/SRVCONF.GLB", SrvConfHeader::fresh().encode());
    s.put("GLB/MSTTRANS.GLB", Vec::new());
}

fn transaction() -> Vec<u8> {
    Record::transaction(1, 1, b"A x\tPCM:NET/PO/x")
        .encode()
        .unwrap()
}

static DAMAGES: &[Damage] = &[
    damage("tree.foreign", No, |s| s.remove("GLB/LAYOUT.TXT")),
    damage("tree.marker-damaged", No, |s| {
        s.put("GLB/LAYOUT.TXT", b"nonsense".to_vec())
    }),
    damage("tree.newer-layout", No, |s| {
        replace_text(s, "GLB/LAYOUT.TXT", "version=1", "version=999");
    }),
    damage("tree.old-layout", No, |s| {
        replace_text(s, "GLB/LAYOUT.TXT", "version=1", "version=0");
    }),
    damage("tree.zone-unknown", No, |s| {
        replace_text(s, "GLB/LAYOUT.TXT", "zone=UTC", "zone=Nowhere/Never");
    }),
    damage("tree.workgroup", No, |s| s.poke("GLB/MASTER.GLB", 6, &[0])),
    damage("journal.damaged", No, |s| {
        s.put("GLB/JOURNAL/COMMIT", b"nonsense".to_vec())
    }),
    damage("directory.missing", Safe, |s| remove_dir(s, "MMF")),
    damage("directory.missing-folders", Safe, |s| {
        remove_dir(s, "FOLDERS/PUB")
    }),
    damage("directory.is-a-file", Safe, |s| {
        remove_dir(s, "INI");
        s.put("INI", b"a file".to_vec());
    }),
    damage("directory.special", No, |s| {
        remove_dir(s, "CAL");
        s.specials.insert("CAL".into(), EntryKind::Link);
    }),
    damage("directory.no-marker-file", Safe, |s| {
        s.remove("XTN/POPULATE.MSM")
    }),
    damage("file.missing", Safe, |s| s.remove("GLB/GLOBAL.GLB")),
    damage("file.missing-remade", Safe, |s| s.remove("GLB/FLAG.GLB")),
    damage("file.missing-srvconf", No, |s| {
        server(s);
        s.remove("GLB/SRVCONF.GLB");
    }),
    damage("file.not-regular", No, |s| {
        s.specials.insert("GLB/SMTP.GLB".into(), EntryKind::Fifo);
    }),
    damage("file.hard-linked", No, |s| {
        s.links
            .push(("GLB/GLOBAL.GLB".into(), "LOG/OTHER.TXT".into()));
    }),
    damage("file.case-duplicate", No, |s| {
        s.put("TPL/A.TPL", Vec::new());
        s.put("TPL/a.tpl", Vec::new());
    }),
    damage("file.lowrcase", No, |s| {
        s.put("GLB/LOWRCASE.GLB", b" ".to_vec());
    }),
    damage("file.strange-name", No, |s| {
        s.strange.push(("LOG".into(), "A:B".into()))
    }),
    damage("size.wrong", Safe, |s| s.resize("GLB/MODEM.GLB", 3)),
    damage("size.stray-bytes", Safe, |s| {
        s.append("XTN/00000001.XTN", b"   ")
    }),
    damage("size.fragment", ById, |s| {
        s.append("NME/00000002.NME", b"abc")
    }),
    damage("size.key-short", ById, |s| {
        s.resize("KEY/00000004.KEY", 100)
    }),
    damage("size.huge", No, |s| {
        s.sparse.insert("USR/00000003.USR".into(), 1 << 40);
    }),
    damage("master.no-magic", No, |s| {
        s.poke("GLB/MASTER.GLB", 0, b"XXXX")
    }),
    damage("master.bad-identity", No, |s| {
        s.poke("GLB/MASTER.GLB", 19, &[0; 11])
    }),
    damage("master.user-limit", No, crowd),
    damage("control.behind", Safe, |s| {
        s.put("GLB/CONTROL.GLB", vec![0; 8])
    }),
    damage("tid.behind", Safe, |s| s.put("GLB/TID.GLB", vec![0; 4])),
    damage("access.counts-differ", No, |s| {
        s.append("GLB/ACCESS3.GLB", &[0; 512])
    }),
    damage("access.state-differs", No, |s| {
        s.poke("GLB/ACCESS3.GLB", 512, &[0])
    }),
    damage("access.bad-mailbag", No, |s| {
        s.poke("GLB/ACCESS2.GLB", 69 + 43, b"0000000G")
    }),
    damage("access.no-mailbag-files", Safe, |s| {
        s.remove("KEY/00000002.KEY");
        s.remove("MBG/00000002.MBG");
    })
    .also(&["message.count-wrong"]),
    damage("access.duplicate-mailbox", No, |s| {
        s.poke("GLB/ACCESS2.GLB", 70, b"ADMIN\0")
    }),
    damage("shadow.nme-differs", Safe, |s| {
        s.resize("NME/ADMINSHD.NME", 100)
    })
    .also(&["size.fragment"]),
    damage("shadow.nme-undecided", ById, |s| {
        s.resize("NME/ADMINSHD.NME", 135)
    })
    .then(&["nme.group-missing"]),
    damage("shadow.nme-content", ById, |s| {
        s.poke("NME/ADMINSHD.NME", 47, b"B")
    }),
    damage("shadow.grp-differs", Safe, |s| {
        s.resize("GRP/ADMINSHD.GRP", 20)
    })
    .also(&["size.fragment"]),
    damage("shadow.grp-undecided", ById, |s| {
        s.resize("GRP/ADMINSHD.GRP", 24)
    })
    .then(&["group.free-chain"]),
    damage("shadow.grp-content", ById, |s| {
        s.poke("GRP/ADMINSHD.GRP", 4, &[1])
    }),
    damage("nme.unsorted", Safe, |s| s.poke_list(2, b"Z")),
    damage("nme.bad-type", ById, |s| s.poke_list(135, &[9])).also(&["nme.group-missing"]),
    damage("nme.hexid-differs", Safe, |s| s.poke_list(45 + 41, &[9])).also(&["group.mem-differs"]),
    damage("nme.user-missing", Safe, |s| cut_list(s, 45, 90)).also(&["group.member-unknown"]),
    damage("nme.orphan", ById, |s| {
        insert_into_list(s, 135, &entry(1, "Ghost", 3, 690, 77).encode());
    }),
    damage("nme.group-missing", Safe, |s| cut_list(s, 135, 180)),
    damage("nme.bad-pointer", Safe, |s| s.poke_list(45 + 37, &[138])),
    damage("nme.duplicate-tid", No, |s| s.poke_list(90 + 33, &[2])).also(&["group.member-unknown"]),
    damage("usr.unsorted", Safe, |s| {
        s.poke("USR/00000003.USR", 1, b"Z")
    }),
    damage("usr.duplicate", Safe, |s| {
        let twice = [usr("BEA BETA", "BEA", 3), usr("Bea Beta", "bea", 4)];
        s.put(
            "USR/00000003.USR",
            twice.iter().flat_map(FixedRecord::encode).collect(),
        );
    }),
    damage("netpo.bad-chain", Safe, |s| {
        s.poke("GLB/NETPO.GLB", 0, &[99])
    }),
    damage("netpo.bad-record", No, |s| {
        s.poke("GLB/NETPO.GLB", 4 + 42, &[200])
    }),
    damage("netpo.unreferenced", No, |s| {
        let mut idle = NetPoRecord::zeroed();
        idle.network = text("NET");
        idle.postoffice = text("HUBPO");
        idle.mailbox = text("idle");
        idle.state = 1;
        s.append("GLB/NETPO.GLB", &idle.encode());
    }),
    damage("group.mem-missing", Safe, |s| s.remove("MEM/00000006.MEM")),
    damage("group.mem-differs", Safe, |s| {
        s.put("MEM/00000006.MEM", Vec::new())
    }),
    damage("group.mem-orphan", ById, |s| {
        s.put("MEM/00000001.MEM", Vec::new())
    }),
    damage("group.mem-too-long", No, |s| {
        s.resize("MEM/00000006.MEM", 2004)
    }),
    damage("group.chain-loop", Safe, |s| s.poke_chain(20, &[8])),
    damage("group.chain-bad", ById, |s| s.poke_chain(20, &[99])),
    damage("group.free-chain", Safe, |s| s.poke_chain(0, &[8])),
    damage("group.member-unknown", ById, |s| s.poke_chain(16, &[77])),
    damage("grpmem.unknown-user", ById, |s| {
        s.poke("GLB/GRPMEM.GLB", 4, &[99])
    }),
    damage("grpmem.unknown-group", ById, |s| {
        s.poke("GLB/GRPMEM.GLB", 12, &[77])
    }),
    damage("network.duplicate", No, |s| {
        s.append("GLB/NETWORK.GLB", &network("net", None));
    }),
    damage("network.own-missing", No, |s| {
        s.poke("GLB/MASTER.GLB", 8, b"X")
    }),
    damage("network.bad-xtn", No, |s| {
        s.poke("GLB/NETWORK.GLB", 33, b"0000000G")
    }),
    damage("xtn.missing-file", ById, |s| {
        s.append("GLB/NETWORK.GLB", &network("NET2", Some(4)));
    }),
    damage("xtn.orphan-file", No, |s| {
        s.put("XTN/00000002.XTN", Vec::new())
    }),
    damage("xtn.duplicate", No, |s| {
        s.poke("XTN/00000001.XTN", 699, b"hubpo")
    })
    .also(&["xtn.indirect-count"]),
    damage("xtn.bad-mailbag", No, |s| {
        s.poke("XTN/00000001.XTN", 698 + 12, b"0000000G")
    }),
    damage("xtn.no-mailbag-files", Safe, |s| {
        s.remove("KEY/00000004.KEY");
        s.remove("MBG/00000004.MBG");
    }),
    damage("xtn.no-usr", ById, |s| s.remove("USR/00000004.USR")),
    damage("xtn.indirect-count", Safe, |s| {
        s.poke("XTN/00000001.XTN", 649, &[7])
    }),
    damage("mailbag.key-without-mbg", Safe, |s| {
        s.remove("MBG/00000004.MBG")
    }),
    damage("mailbag.mbg-without-key", ById, |s| {
        s.remove("KEY/00000002.KEY")
    }),
    damage("mailbag.bits-above-count", Safe, |s| {
        s.poke("KEY/00000004.KEY", 48, &[1])
    }),
    damage("mailbag.bad-header", ById, |s| {
        s.poke("MBG/00000002.MBG", 67, b"X")
    })
    .also(&["message.count-wrong"]),
    damage("mailbag.duplicate-mai", Safe, |s| {
        s.pair("00000002", &[header(1), header(1)])
    })
    .also(&["message.count-wrong"]),
    damage("mailbag.too-many", No, |s| {
        all_deleted(s, "00000004", 4097, false)
    }),
    damage("mailbag.missing-mai", ById, |s| {
        s.pair("00000003", &[header(0x55)])
    }),
    damage("mailbag.bad-date", No, |s| {
        s.poke("MBG/00000002.MBG", 54, &[0; 12])
    }),
    damage("mailbag.special-missing", Safe, |s| {
        s.remove("KEY/SYSTEM.KEY");
        s.remove("MBG/SYSTEM.MBG");
    }),
    damage("message.orphan-mai", ById, |s| {
        s.put("MAI/MA2/00000002.MAI", letter(2, 1).encode().unwrap());
    }),
    damage("message.count-wrong", Safe, |s| {
        s.poke("MAI/MA3/00000003.MAI", 11, &[9, 9])
    }),
    damage("message.unreadable", No, |s| {
        s.put("MAI/MA3/00000003.MAI", b"junk".to_vec())
    }),
    damage("message.wrong-folder", Safe, |s| {
        let bytes = s.files.remove("ATT/AT2/00000002.ATT").unwrap();
        s.put("ATT/AT3/00000002.ATT", bytes);
    }),
    damage("message.missing-att", No, |s| {
        s.remove("ATT/AT2/00000002.ATT")
    }),
    damage("message.orphan-att", ById, |s| {
        s.put("ATT/AT3/00000003.ATT", b"x".to_vec())
    }),
    damage("message.orphan-p1", ById, |s| {
        s.put("P1/00000002.PBB", b"x".to_vec())
    }),
    damage("message.missing-p1", No, |s| s.remove("P1/00000003.P1")),
    damage("message.bad-name", No, |s| {
        s.put("MAI/MA1/README.TXT", b"x".to_vec())
    }),
    damage("message.ledger-damaged", ById, |s| {
        s.put("P1/RECEIVED.TAG", b"junk".to_vec())
    }),
    damage("dirsync.leftover", Safe, |s| {
        for file in [
            "GLB/SORT0001.GLB",
            "GLB/SRVUPDS.GLB",
            "NME/GAL$.NME",
            "NME/TMP00003.NME",
        ] {
            s.put(file, Vec::new());
        }
    }),
    damage("dirsync.leftover-import", ById, |s| {
        s.put("USR/IMPORT.USR", Vec::new())
    }),
    damage("dirsync.queue-not-empty", No, |s| {
        s.put("GLB/USRTRANS.GLB", transaction())
    }),
    damage("dirsync.resync-waits", No, |s| {
        s.put("GLB/RESYNC.GLB", transaction())
    }),
    damage("dirsync.reqtrans-missing", Safe, |s| {
        s.remove("GLB/REQTRANS.GLB")
    }),
    damage("dirsync.msttrans-missing", ById, |s| {
        server(s);
        s.remove("GLB/MSTTRANS.GLB");
    }),
    damage("dirsync.damaged-record", ById, |s| {
        s.append("GLB/REQTRANS.GLB", b"junk");
        s.append("GLB/REQTRANS.GLB", &transaction());
        s.append("GLB/REQTRANS.GLB", b"junk");
    }),
    damage("dirsync.bad-pointer", Safe, |s| {
        s.poke("GLB/REQCONF.GLB", 20, &[5, 0, 0, 0])
    }),
    damage("dirsync.server-files", No, |s| {
        s.put("GLB/MSTTRANS.GLB", Vec::new())
    }),
    damage("dirsync.t2-on-requestor", Safe, |s| {
        s.poke("GLB/PROCESS.GLB", 513, &[3])
    }),
    damage("dirsync.mailbag-full", No, |s| {
        all_deleted(s, "SYSTEM", 101, true)
    }),
    damage("dirsync.no-magic", No, |s| {
        s.poke("GLB/REQCONF.GLB", 0, b"XXXX")
    }),
    damage("lock.sortlock", Safe, |s| {
        s.put("GLB/SORTLOCK.GLB", b"program=test\r\n".to_vec())
    }),
    damage("lock.stale-0lk", Safe, |s| {
        s.put("P1/00000003.0LK", Vec::new());
        s.modified -= 100_000;
    }),
    damage("gal.missing", No, |s| {
        for file in ["NME/GAL.NME", "GLB/GALINDEX.GLB", "GLB/GALNETPO.GLB"] {
            s.remove(file);
        }
    }),
    damage("gal.missing-part", ById, |s| s.remove("GLB/GALINDEX.GLB")).left(&["gal.missing"]),
    damage("gal.unsorted", ById, |s| s.poke("NME/GAL.NME", 2, b"z"))
        .also(&["gal.index-bad"])
        .left(&["gal.missing"]),
    damage("gal.index-bad", ById, |s| {
        s.poke("GLB/GALINDEX.GLB", 208, &[9])
    })
    .left(&["gal.missing"]),
    damage("gal.bad-pointer", ById, |s| {
        s.poke("NME/GAL.NME", 90 + 37, &[5])
    })
    .left(&["gal.missing"]),
    damage("gal.tid-low", ById, |s| {
        s.poke("GLB/GALNETPO.GLB", 0, &[0; 4])
    })
    .left(&["gal.missing"]),
];

/// Ids with a test of their own elsewhere.
/// Found only on foreign trees, or by a test of their own.
const ELSEWHERE: [&str; 3] = ["file.missing-rnetsem", "journal.pending", "file.unreadable"];

fn without_journal(disk: &crate::tree::disk::mem::MemDisk) -> Vec<String> {
    disk.snapshot()
        .into_iter()
        .filter(|(name, _)| !name.starts_with("GLB/JOURNAL") && name != "GLB/TREE.LCK")
        .map(|(name, node)| format!("{name} {node:?}"))
        .collect()
}

fn expect(
    found: &BTreeSet<&'static str>,
    wanted: impl IntoIterator<Item = &'static str>,
    what: &str,
) {
    let wanted: BTreeSet<&str> = wanted.into_iter().collect();
    // On a foreign tree this one is in its place: nothing says that the file is not needed.
    let mut found = found.clone();
    found.remove("file.missing-rnetsem");
    assert_eq!(found, wanted, "{what}");
}

// rule: dsp:R-BUG-31
#[test]
fn a_missing_master_list_is_noticed() {
    let case = DAMAGES
        .iter()
        .find(|case| case.id == "dirsync.msttrans-missing");
    one(case.unwrap());
}

// rule: pof:R-CHK-001
// rule: pof:R-CHK-012
// rule: dec:DEC-100
#[test]
fn every_damage_is_found_alone_and_mended_once() {
    let mut failures = Vec::new();
    for case in DAMAGES {
        let result = std::panic::catch_unwind(|| one(case));
        if let Err(panic) = result {
            let why = panic.downcast_ref::<String>().cloned().unwrap_or_default();
            failures.push(format!("{}: {why}", case.id));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

fn one(case: &Damage) {
    let mut sample = Sample::filled();
    (case.damage)(&mut sample);
    let disk = sample.disk();
    let first = look(&disk);
    expect(
        &all_ids(&first),
        [case.id].into_iter().chain(case.also.iter().copied()),
        "found",
    );
    let mine: Vec<_> = first
        .found
        .iter()
        .filter(|found| found.finding.id.0 == case.id)
        .collect();
    let kind = findings::by_id(case.id).unwrap();
    match case.mends {
        No => {}
        Safe => assert!(!kind.repair.is_empty() && kind.loses.is_empty()),
        ById => assert!(!kind.repair.is_empty() && !kind.loses.is_empty()),
    }
    if case.mends == No {
        assert!(mine.iter().all(|found| found.fix.is_none()));
        return;
    }
    assert!(mine.iter().all(|found| found.fix.is_some()));
    assert_eq!(
        mine.iter().all(|found| FixWhat::Safe.wants(found)),
        case.mends == Safe
    );
    let what = match case.mends {
        Safe if case.then.is_empty() => FixWhat::Safe,
        _ => FixWhat::Ids(
            [case.id]
                .iter()
                .chain(case.also)
                .chain(case.then)
                .map(|id| (*id).to_owned())
                .collect(),
        ),
    };
    let fixed = mend(&disk, &what);
    assert!(fixed.mended > 0);
    expect(
        &all_ids(&fixed.after),
        case.left.iter().copied(),
        "after mending",
    );
    assert_eq!(all_ids(&look(&disk)), all_ids(&fixed.after));
    let before = without_journal(&disk);
    let again = mend(&disk, &what);
    assert_eq!((again.mended, again.commits.len()), (0, 0));
    assert_eq!(
        before,
        without_journal(&disk),
        "the second mending changed something"
    );
}

// rule: pof:R-CHK-001
#[test]
fn every_id_of_the_table_is_reported_by_a_damaged_tree() {
    let table: BTreeSet<&str> = findings::all().map(|kind| kind.id.0).collect();
    let tested: BTreeSet<&str> = DAMAGES
        .iter()
        .map(|case| case.id)
        .chain(ELSEWHERE)
        .collect();
    assert_eq!(table, tested);
}

// Fields at places of our own choice are not read in trees of others, and nothing is mended there.
// rule: pof:R-SIZ-001
#[test]
fn on_foreign_trees_the_documented_damages_are_found_and_no_others() {
    const DOCUMENTED: [&str; 42] = [
        "directory.missing",
        "directory.missing-folders",
        "directory.is-a-file",
        "directory.special",
        "directory.no-marker-file",
        "file.missing",
        "file.not-regular",
        "file.hard-linked",
        "file.case-duplicate",
        "file.lowrcase",
        "file.strange-name",
        "size.wrong",
        "size.stray-bytes",
        "size.fragment",
        "size.key-short",
        "size.huge",
        "control.behind",
        "access.counts-differ",
        "shadow.nme-differs",
        "shadow.nme-undecided",
        "shadow.grp-differs",
        "shadow.grp-undecided",
        "group.mem-too-long",
        "network.duplicate",
        "network.bad-xtn",
        "xtn.missing-file",
        "xtn.orphan-file",
        "xtn.duplicate",
        "xtn.bad-mailbag",
        "xtn.no-mailbag-files",
        "xtn.no-usr",
        "mailbag.key-without-mbg",
        "mailbag.mbg-without-key",
        "mailbag.bad-header",
        "mailbag.too-many",
        "mailbag.special-missing",
        "message.wrong-folder",
        "message.bad-name",
        "message.orphan-p1",
        "message.orphan-mai",
        "lock.sortlock",
        "lock.stale-0lk",
    ];
    const ALSO_DOCUMENTED: [&str; 8] = [
        "dirsync.leftover",
        "dirsync.leftover-import",
        "dirsync.queue-not-empty",
        "dirsync.resync-waits",
        "dirsync.reqtrans-missing",
        "dirsync.mailbag-full",
        "gal.missing",
        "gal.missing-part",
    ];
    for case in DAMAGES {
        if case.id.starts_with("tree.") || case.id.starts_with("journal.") {
            continue;
        }
        let mut sample = Sample::filled();
        (case.damage)(&mut sample);
        let disk = sample.foreign().disk();
        let found = look(&disk);
        assert!(
            found.found.iter().all(|found| found.fix.is_none()),
            "{}",
            case.id
        );
        let mut ids = all_ids(&found);
        assert!(
            ids.remove("file.missing-rnetsem") && ids.remove("tree.foreign"),
            "{}",
            case.id
        );
        let documented = DOCUMENTED.contains(&case.id) || ALSO_DOCUMENTED.contains(&case.id);
        assert_eq!(ids.contains(case.id), documented, "{}: {ids:?}", case.id);
        let unexpected: Vec<_> = ids
            .iter()
            .filter(|id| **id != case.id && !case.also.contains(*id))
            .collect();
        assert!(unexpected.is_empty(), "{}: {unexpected:?}", case.id);
        // Looking makes nothing, not even a lock file.
        assert!(disk.stat(&path("GLB/TREE.LCK")).unwrap().is_none());
    }
}
