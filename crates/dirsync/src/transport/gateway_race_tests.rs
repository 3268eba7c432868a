//! A gateway that does as it likes while a program of ours works, is killed, or loses its power: nothing
//! is lost, nothing doubled, and the tree opens.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use crate::core::base::ident::MailbagStem;
use crate::core::format::mmff::Eol;
use crate::postoffice::externals::gateways::{self, Folder};
use crate::postoffice::mail;
use crate::tree::RelPath;
use crate::tree::disk::fault::{Counting, Fault, FaultDisk};
use crate::tree::disk::mem::{MemDisk, Survival};
use crate::tree::disk::{
    DirEntry, Disk, DiskResult, EntryName, LockGuard, LockKind, ReadHandle, Stat, WriteHandle,
};

use super::far::{FarSide, Local, Reply, Request};
use super::gateway::{self, Place};
use super::testkit::{NOW, account, edited, options, p, postoffice, read, send};

const GATEWAY: &str = "GWNET/GWPO";

fn with_gateway() -> (MemDisk, Place) {
    let disk = postoffice("A");
    edited(&disk, |edit| {
        gateways::add(edit, GATEWAY.parse().unwrap(), Eol::CrLf).unwrap()
    });
    disk.settle();
    let place = edited(&disk, |edit| {
        gateway::places(edit.view(), &mut |_| {}).unwrap()[0]
    });
    (disk, place)
}

fn at(place: &Place, folder: Folder, name: &str) -> RelPath {
    p(&format!("{}/{name}", folder.path(place.mailbag())))
}

fn pass(disk: Arc<dyn Disk>) -> Result<Vec<String>, super::far::FarError> {
    let request = Request::Mailer {
        now: NOW.0,
        user: "test".into(),
        limit: 50,
        dry_run: false,
    };
    match Local::new(disk, options()).call(request)? {
        Reply::Mailed { problems, .. } => {
            Ok(problems.into_iter().map(|p| format!("{p:?}")).collect())
        }
        other => panic!("{other:?}"),
    }
}

/// What the gateway finds in OUT; it takes it away, durably.
fn take_away(disk: &MemDisk, place: &Place, taken: &mut BTreeMap<String, u32>) {
    let dir = p(&Folder::Out.path(place.mailbag()));
    let mut names = Vec::new();
    disk.list(&dir, &mut |entry| {
        if let EntryName::Plain(name) = entry.name {
            names.push(name);
        }
        ControlFlow::Continue(())
    })
    .unwrap();
    for name in names {
        let path = dir.join(&name).unwrap();
        let text = String::from_utf8_lossy(&read(disk, path.as_str()).unwrap()).into_owned();
        let subject = text.lines().find(|line| line.starts_with("SUBJECT:"));
        *taken.entry(subject.unwrap().to_owned()).or_default() += 1;
        disk.unlink(&path).unwrap();
    }
    disk.sync_dir(&dir).unwrap();
}

fn message(subject: &str) -> Vec<u8> {
    format!("TO:NET/A/$SYSTEM\r\nFROM:{GATEWAY}/$SYSTEM\r\nSUBJECT:{subject}\r\nTEXT:3\r\na\r\n")
        .into_bytes()
}

/// As a gateway does it: under another name, then renamed.
fn put(disk: &MemDisk, place: &Place, name: &str, subject: &str) {
    let part = at(place, Folder::In, "PART.TMP");
    let _ = disk.unlink(&part);
    disk.add_file(&part, &message(subject)).unwrap();
    disk.rename(&part, &at(place, Folder::In, name)).unwrap();
    disk.sync_dir(&p(&Folder::In.path(place.mailbag())))
        .unwrap();
}

/// The subjects in SYSTEM, with how often they came.
fn arrived(disk: &MemDisk) -> BTreeMap<String, u32> {
    let mut found = BTreeMap::new();
    let waiting = edited(disk, |edit| {
        mail::take(edit, MailbagStem::SYSTEM, 4096, &mut |_| {})
            .unwrap()
            .waiting
    });
    for one in waiting {
        let subject = String::from_utf8_lossy(&one.mai.subject).into_owned();
        *found.entry(subject).or_default() += 1;
    }
    found
}

/// Runs a pass that stops at each of its changes in turn, and hands what is left of the disk to
/// `judge`: killed, and after power cuts with all that can survive them.
fn stopped_everywhere(disk: &MemDisk, judge: &mut dyn FnMut(MemDisk, &str)) {
    let mut n = 0;
    loop {
        n += 1;
        let copy = disk.fork();
        let fault = Some(Fault::StopAt(n));
        let failing = FaultDisk::new(Arc::new(copy.clone()), Counting::Mutations, fault);
        let _ = pass(Arc::new(failing.clone()));
        judge(copy.kill(), &format!("killed at {n}"));
        for survival in Survival::all(6) {
            judge(copy.crash(survival), &format!("{survival:?} at {n}"));
        }
        if !failing.fired() {
            break;
        }
    }
    assert!(n > 20, "{n}");
}

// rule: exc:R-FFA-001
#[test]
fn a_gateway_takes_files_away_between_a_crash_and_the_recovery() {
    let (disk, place) = with_gateway();
    let subjects = ["one", "two", "three"];
    for subject in subjects {
        send(&disk, "NET/A/Admin", &["GWNET/GWPO/ANN"], subject);
    }
    // In its mailbag, with nothing written yet.
    edited(&disk, |edit| {
        super::mailer::pass(edit, NOW, 50, &mut |_| {}).unwrap()
    });
    disk.settle();
    let expected: BTreeMap<String, u32> = subjects
        .iter()
        .map(|subject| (format!("SUBJECT:{subject}"), 1))
        .collect();
    stopped_everywhere(&disk, &mut |after, case| {
        let mut taken = BTreeMap::new();
        take_away(&after, &place, &mut taken);
        let problems = pass(Arc::new(after.clone())).unwrap();
        assert_eq!(problems, [""; 0], "{case}");
        take_away(&after, &place, &mut taken);
        assert_eq!(taken, expected, "{case}");
        account(&after);
        let left = edited(&after, |edit| {
            gateways::contents(edit.view(), place.mailbag()).unwrap()
        });
        assert_eq!(left, [], "{case}");
    });
}

// rule: exc:R-FFA-001
// rule: exc:R-FFA-014
#[test]
fn a_gateway_puts_a_newer_file_of_the_same_name_between_a_crash_and_the_recovery() {
    let (disk, place) = with_gateway();
    put(&disk, &place, "A.MMF", "older");
    let bad = b"TO:NET/A/$SYSTEM\r\nTOO:x\r\n";
    disk.add_file(&at(&place, Folder::In, "B.MMF"), bad)
        .unwrap();
    disk.settle();
    stopped_everywhere(&disk, &mut |after, case| {
        // A gateway that waits until its file is gone before it uses the name again.
        let free = after
            .stat(&at(&place, Folder::In, "A.MMF"))
            .unwrap()
            .is_none();
        if free {
            put(&after, &place, "A.MMF", "newer");
        }
        // An administrator clears BAD.
        let dir = p(&Folder::Bad.path(place.mailbag()));
        let mut bad = Vec::new();
        let mut clear = |disk: &MemDisk| {
            let names = edited(disk, |edit| {
                gateways::files(edit.view(), Folder::Bad, place.mailbag(), 9).unwrap()
            });
            for name in names {
                bad.push(name.clone());
                disk.unlink(&dir.join(&name).unwrap()).unwrap();
            }
            disk.sync_dir(&dir).unwrap();
        };
        clear(&after);
        for _ in 0..3 {
            let problems = pass(Arc::new(after.clone())).unwrap();
            let others = problems.iter().find(|one| !one.contains("gateway.refused"));
            assert_eq!(others, None, "{case}");
            clear(&after);
        }
        assert_eq!(bad.len(), 1, "{case} {bad:?}");
        let mut expected = BTreeMap::from([("older".to_owned(), 1)]);
        if free {
            expected.insert("newer".to_owned(), 1);
        }
        assert_eq!(arrived(&after), expected, "{case}");
    });
}

/// A disk on which somebody acts just before one operation.
struct Meanwhile {
    disk: MemDisk,
    place: Place,
    left: AtomicI64,
    act: fn(&MemDisk, &Place),
}

impl std::fmt::Debug for Meanwhile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Meanwhile")
    }
}

impl Meanwhile {
    fn now(&self) -> &MemDisk {
        if self.left.fetch_sub(1, Ordering::SeqCst) == 1 {
            (self.act)(&self.disk, &self.place);
        }
        &self.disk
    }
}

type Each<'a> = &'a mut dyn FnMut(DirEntry) -> ControlFlow<()>;

impl Disk for Meanwhile {
    fn describe(&self) -> String {
        self.disk.describe()
    }
    fn open_read(&self, path: &RelPath) -> DiskResult<Box<dyn ReadHandle>> {
        self.now().open_read(path)
    }
    fn open_write(&self, path: &RelPath) -> DiskResult<Box<dyn WriteHandle>> {
        self.now().open_write(path)
    }
    fn create_new(&self, path: &RelPath) -> DiskResult<Box<dyn WriteHandle>> {
        self.now().create_new(path)
    }
    fn stat(&self, path: &RelPath) -> DiskResult<Option<Stat>> {
        self.now().stat(path)
    }
    fn list(&self, dir: &RelPath, each: Each<'_>) -> DiskResult<()> {
        self.now().list(dir, each)
    }
    fn mkdir(&self, path: &RelPath) -> DiskResult<()> {
        self.now().mkdir(path)
    }
    fn rmdir(&self, path: &RelPath) -> DiskResult<()> {
        self.now().rmdir(path)
    }
    fn unlink(&self, path: &RelPath) -> DiskResult<()> {
        self.now().unlink(path)
    }
    fn rename(&self, from: &RelPath, to: &RelPath) -> DiskResult<()> {
        self.now().rename(from, to)
    }
    fn rename_noreplace(&self, from: &RelPath, to: &RelPath) -> DiskResult<()> {
        self.now().rename_noreplace(from, to)
    }
    fn sync_group(&self, files: &[RelPath]) -> DiskResult<()> {
        self.now().sync_group(files)
    }
    fn sync_dir(&self, dir: &RelPath) -> DiskResult<()> {
        self.now().sync_dir(dir)
    }
    fn try_lock(
        &self,
        path: &RelPath,
        kind: LockKind,
        create: bool,
    ) -> DiskResult<Option<Box<dyn LockGuard>>> {
        self.now().try_lock(path, kind, create)
    }
    fn free_bytes(&self) -> DiskResult<u64> {
        self.now().free_bytes()
    }
}

/// Somebody acts before each operation of a pass in turn. What `judge` gets is the disk after the pass.
fn at_each_moment(
    disk: &MemDisk,
    place: &Place,
    act: fn(&MemDisk, &Place),
    judge: &mut dyn FnMut(&MemDisk, i64),
) {
    let mut n = 0;
    loop {
        n += 1;
        let copy = disk.fork();
        let meanwhile = Arc::new(Meanwhile {
            disk: copy.clone(),
            place: *place,
            left: AtomicI64::new(n),
            act,
        });
        pass(Arc::<Meanwhile>::clone(&meanwhile)).unwrap();
        if meanwhile.left.load(Ordering::SeqCst) > 0 {
            break;
        }
        judge(&copy, n);
    }
    assert!(n > 50, "{n}");
}

// rule: exc:R-FFA-001
#[test]
fn a_gateway_replaces_its_file_at_any_moment_of_a_pass() {
    let (disk, place) = with_gateway();
    put(&disk, &place, "A.MMF", "older");
    disk.settle();
    let mut kept = 0;
    at_each_moment(
        &disk,
        &place,
        // Without asking whether the older one is still there: then it is its own loss.
        |disk, place| put(disk, place, "A.MMF", "newer"),
        &mut |disk, n| {
            for _ in 0..2 {
                pass(Arc::new(disk.clone())).unwrap();
            }
            let arrived = arrived(disk);
            assert_eq!(arrived.get("newer"), Some(&1), "{n} {arrived:?}");
            let older = arrived.get("older").copied().unwrap_or(0);
            assert!(older <= 1, "{n}");
            kept += older;
        },
    );
    assert!(kept > 20, "{kept}");
}

// rule: exc:R-FFA-001
#[test]
fn a_gateway_takes_files_away_at_any_moment_of_a_pass() {
    let (disk, place) = with_gateway();
    for subject in ["one", "two"] {
        send(&disk, "NET/A/Admin", &["GWNET/GWPO/ANN"], subject);
    }
    disk.settle();
    // What it takes it keeps beside the tree.
    let act = |disk: &MemDisk, place: &Place| {
        let out = p(&Folder::Out.path(place.mailbag()));
        let mut names = Vec::new();
        disk.list(&out, &mut |entry| {
            names.extend(match entry.name {
                EntryName::Plain(name) => Some(name),
                EntryName::Strange(_) => None,
            });
            ControlFlow::Continue(())
        })
        .unwrap();
        for name in names {
            let kept = p(&format!("KEPT-{name}"));
            disk.rename(&out.join(&name).unwrap(), &kept).unwrap();
        }
    };
    at_each_moment(&disk, &place, act, &mut |disk, n| {
        assert_eq!(pass(Arc::new(disk.clone())).unwrap(), [""; 0], "{n}");
        act(disk, &place);
        let kept = disk
            .snapshot()
            .keys()
            .filter(|path| path.starts_with("KEPT-"))
            .count();
        assert_eq!(kept, 2, "{n}");
        account(disk);
    });
}
