//! What goes wrong on the way, with real trees: several T2, gaps, restores, records made anew,
//! postoffices that go (dsp 6.3).

use super::options::settled;
use super::*;
use crate::core::base::ident::{MailbagStem, att_path};
use crate::core::protocol::log::{NUMBERING_RESTARTED, SERVER_RESTORED};
use crate::postoffice::Edit;
use crate::postoffice::config::options::{self, OptionsChange};
use crate::postoffice::mail::{self, BagEdit};

/// A postoffice as it was before it ever took part.
fn virgin(name: &str, users: usize) -> TestPo {
    Net::new(&NAMES, users, false).pos.remove(name).unwrap()
}

fn notices(member: &super::super::run::MemberReport) -> Vec<String> {
    member.problems.iter().map(|p| p.id.clone()).collect()
}

fn has(log: &str, line: &str) {
    assert!(log.contains(line), "{line}: {log}");
}

// rule: dsp:R-ORD-005
// rule: dsp:R-BUG-12
// rule: dec:DEC-037
// rule: tra:R-ADM-039
#[test]
fn an_import_survives_a_second_t2_before_t3() {
    let mut net = settled(3);
    // RB lost its lists but not its numbers.
    let numbers = net.reqconf("NET/RB");
    net.restore("NET/RB", virgin("NET/RB", 3));
    net.conf("NET/RB", |conf| *conf = numbers.clone());
    net.pos["NET/RB"].put("GLB/REQTRANS.GLB", &[]);
    net.import_request("NET/RB");
    net.deliver();
    net.done(Step::T2, "NET/SRV");
    // Somebody changes something, and everybody sends once more before RB has its T3.
    net.add("NET/RA", "late");
    net.step(Step::T1, "NET/RA");
    net.step(Step::T1, "NET/RB");
    net.deliver();
    net.done(Step::T2, "NET/SRV");
    net.deliver();
    let waiting = PostofficeStatus::read(&net.pos["NET/RB"].view(), "").unwrap();
    assert_eq!(waiting.system_mail, 2);
    net.done(Step::T3, "NET/RB");
    assert_eq!(net.gal("NET/RB").len(), 10);
    assert_eq!(net.numbers("NET/RB").2, numbers.imp_sync.get() + 1);
    net.run();
    net.assert_equal(10);
}

fn keep(net: &Net, days: u16) {
    net.pos["NET/SRV"]
        .edit(|edit| {
            let change = OptionsChange {
                keep_updates: Some(days),
                ..OptionsChange::default()
            };
            options::set(edit, &change, NOW).map(|_| ())
        })
        .unwrap();
}

/// RB was away longer than transactions are kept: what it misses is gone from the master list.
fn behind(users: usize) -> (Net, u32, u32) {
    let mut net = settled(users);
    keep(&net, 1);
    let asked = net.numbers("NET/RB").1;
    let away = net.pos.remove("NET/RB").unwrap();
    for day in 0..4 {
        net.now += 2 * 86_400;
        net.add("NET/RA", &format!("day{day}"));
        net.run();
    }
    net.pos.insert("NET/RB".into(), away);
    let master = net.pos["NET/SRV"].bytes("GLB/MSTTRANS.GLB").unwrap();
    let oldest = u32::from_le_bytes(master[8..12].try_into().unwrap());
    assert!(oldest > asked + 1, "{oldest} {asked}");
    (net, asked, oldest)
}

// rule: dsp:R-ORD-007
// rule: dsp:R-T2T-006
// rule: dsp:R-REC-001
#[test]
fn a_requestor_behind_the_purge_gets_the_rest_and_is_healed_by_an_import() {
    let (mut net, asked, oldest) = behind(2);
    net.run();
    let log = net.log("NET/SRV");
    let missing = oldest - asked;
    has(&log, "Error  [   ] PCM:NET/RB");
    has(
        &log,
        &format!("[138] Server sync does not exist anymore ({asked})"),
    );
    let numbers = format!("{missing} ({asked}->{})", oldest - 1);
    has(
        &log,
        &format!("[139] Number of missing transactions = {numbers}"),
    );
    // It has what is left, and is one of the purged additions short.
    let (server, _) = net.record("NET/RB");
    assert_eq!(net.numbers("NET/RB").1, server.sync);
    let short = net.gal("NET/SRV").len() - net.gal("NET/RB").len();
    assert!(short > 0);
    net.import_request("NET/RB");
    net.run();
    net.assert_equal(10);
}

// rule: dsp:R-BUG-30
// rule: dsp:R-ORD-007
#[test]
fn auto_import_heals_a_gap_by_itself() {
    let (mut net, ..) = behind(2);
    let imports = net.numbers("NET/RB").2;
    net.auto_import = true;
    net.run();
    net.assert_equal(10);
    assert_eq!(net.numbers("NET/RB").2, imports + 1);
    has(
        &net.log("NET/SRV"),
        "[138] Server sync does not exist anymore",
    );
    // Once is enough.
    net.run();
    assert_eq!(net.numbers("NET/RB").2, imports + 1);
}

// rule: dsp:R-ORD-008
// rule: dec:DEC-058
#[test]
fn a_server_set_back_is_said_and_healed_by_exports_and_imports() {
    let mut net = settled(2);
    let backup = net.backup("NET/SRV");
    for user in 0..3 {
        net.add("NET/RA", &format!("n{user}"));
    }
    net.run();
    net.assert_equal(9);
    net.restore("NET/SRV", backup);
    let (server, _) = net.record("NET/RB");
    let asked = net.numbers("NET/RB").1;
    let report = net.run();
    let member = report.members.iter().find(|m| m.server.is_some()).unwrap();
    assert!(
        notices(member).contains(&SERVER_RESTORED.to_string()),
        "{member:#?}"
    );
    let log = net.log("NET/SRV");
    let (first, count) = (server.sync + 1, asked - server.sync);
    has(
        &log,
        &format!("[138] Server sync does not exist anymore ({asked})"),
    );
    let numbers = format!("{count} ({first}->{asked})");
    has(
        &log,
        &format!("[139] Number of missing transactions = {numbers}"),
    );
    // Transmit says so and sends nothing; requests are still confirmed.
    let replies = &member.server.as_ref().unwrap().replies;
    let rb = replies
        .iter()
        .find(|r| r.requestor == "PCM:NET/RB")
        .unwrap();
    assert_eq!(rb.count, 0);
    assert_eq!(net.gal("NET/RB").len(), 9);
    // The cure: everybody exports, one cycle, then an import where RESYNC.GLB would do the same.
    for name in NAMES {
        let po = &net.pos[name];
        po.lists(|lists, edit| lists.export(edit)).unwrap();
    }
    net.run();
    for name in ["NET/RA", "NET/RB"] {
        net.import_request(name);
    }
    net.run();
    net.run();
    net.assert_equal(9);
}

// rule: dsp:R-ORD-010
// rule: dec:DEC-039
// rule: dsp:TV-T3-2
#[test]
fn a_record_made_again_drops_replies_until_an_import_request() {
    let mut net = settled(2);
    net.pos["NET/SRV"]
        .edit(|edit| {
            requestors::remove(edit, &po("NET/RB"))?;
            let new = requestors::NewRequestor {
                name: po("NET/RB"),
                password: Password::default(),
                mailbox: None,
            };
            requestors::add(edit, &new)
        })
        .unwrap();
    net.add("NET/RA", "new");
    let before = net.numbers("NET/RB");
    for _ in 0..2 {
        net.run();
        assert_eq!(net.numbers("NET/RB"), before);
        assert_eq!(net.gal("NET/RB").len(), 6);
    }
    let log = net.log("NET/RB");
    has(&log, "Reply dropped, its import number 0 is below");
    has(&log, "Requestor updates received: 0");
    net.import_request("NET/RB");
    net.run();
    net.assert_equal(7);
    let po = &net.pos["NET/RB"];
    po.lists(|lists, edit| lists.export(edit)).unwrap();
    net.run();
    net.run();
    net.assert_equal(7);
}

// rule: dec:DEC-038
// rule: dec:DEC-055
#[test]
fn a_requestor_set_back_keeps_what_waits_and_its_export_heals_the_rest() {
    let mut net = settled(2);
    let backup = net.backup("NET/RA");
    for user in ["lost", "lost2"] {
        net.add("NET/RA", user);
    }
    net.run();
    net.assert_equal(8);
    net.now += 3600;
    net.restore("NET/RA", backup);
    net.pos.get_mut("NET/RA").unwrap().now = UnixTime(net.now);
    net.add("NET/RA", "kept");
    let report = net.run();
    let member = report.members.iter().find(|m| m.server.is_some()).unwrap();
    assert!(
        notices(member).contains(&NUMBERING_RESTARTED.to_string()),
        "{member:#?}"
    );
    // The server knows more than was ever sent here: what waits counts on above it.
    has(&net.log("NET/RA"), "(sync.server-ahead)");
    net.run();
    assert!(
        net.gal("NET/RB")
            .iter()
            .any(|entry| entry.contains("/kept"))
    );
    let po = &net.pos["NET/RA"];
    po.lists(|lists, edit| lists.export(edit)).unwrap();
    net.run();
    net.run();
    net.assert_equal(7);
    assert!(
        !net.gal("NET/RB")
            .iter()
            .any(|entry| entry.contains("/lost"))
    );
}

// rule: dsp:R-IMP-011
// rule: dsp:R-REC-001
#[test]
fn an_import_brings_nothing_to_a_server_that_lacks_a_list() {
    let mut net = settled(2);
    // The server lost what it knew of RA.
    let place = net.pos["NET/SRV"]
        .edit(|edit| externals::require(edit, &po("NET/RA")))
        .unwrap();
    let stem = place.2.mailbag.get().unwrap().unwrap();
    net.pos["NET/SRV"].put(&format!("USR/{stem}.USR"), &[]);
    net.import_request("NET/RA");
    net.run();
    net.import_request("NET/RB");
    net.allow = vec!["100".into()];
    net.run();
    assert_eq!(net.gal("NET/SRV").len(), 4);
    assert_eq!(net.gal("NET/RB").len(), 4);
    let ra = &net.pos["NET/RA"];
    ra.lists(|lists, edit| lists.export(edit)).unwrap();
    net.run();
    net.assert_equal(6);
}

// rule: dsp:R-ORD-011
// rule: dsp:R-ORD-012
// rule: dsp:R-AUT-001
// rule: tra:R-ADM-052
#[test]
fn a_renamed_postoffice_stands_twice_until_the_old_one_is_removed() {
    let mut net = settled(2);
    // RA becomes RN on both sides, with the same users.
    net.pos.remove("NET/RA");
    let renamed = Net::new(&["NET/SRV", "NET/RN"], 2, false);
    let tree = renamed
        .pos
        .into_iter()
        .find(|(name, _)| name == "NET/RN")
        .unwrap()
        .1;
    net.pos.insert("NET/RN".into(), tree);
    net.pos["NET/SRV"]
        .edit(|edit| {
            let new = NewExternal {
                name: po("NET/RN"),
                via: None,
                path: None,
                autocreated: false,
            };
            externals::add(edit, &new)?;
            let new = requestors::NewRequestor {
                name: po("NET/RN"),
                password: Password::default(),
                mailbox: None,
            };
            requestors::add(edit, &new)
        })
        .unwrap();
    net.run();
    net.run();
    let of = |net: &Net, name: &str| {
        let gal = net.gal("NET/RB");
        gal.iter().filter(|entry| entry.contains(name)).count()
    };
    // RB made RN by itself and keeps RA.
    assert_eq!((of(&net, "NET/RN/"), of(&net, "NET/RA/")), (2, 2));
    let now = UnixTime(net.now);
    net.pos["NET/RB"]
        .edit(|edit| externals::remove(edit, &po("NET/RA"), now).map(|_| ()))
        .unwrap();
    // The list is gone at once, the Global Address List only when it is made anew.
    assert_eq!(of(&net, "NET/RA/"), 2);
    net.add("NET/RN", "new");
    net.run();
    assert_eq!((of(&net, "NET/RN/"), of(&net, "NET/RA/")), (3, 0));
}

/// A second header of the first message in SYSTEM.
fn double(net: &Net, name: &str) {
    net.pos[name]
        .edit(|edit| {
            let mut bag = BagEdit::load(edit, MailbagStem::SYSTEM)?;
            let header = bag.live()[0].1.clone();
            bag.append(edit, &[header])
        })
        .unwrap();
}

// rule: dsp:R-T2R-009
// rule: dsp:R-BUG-02
#[test]
fn doubled_headers_are_passed_over_on_both_sides() {
    let mut net = settled(2);
    net.add("NET/RA", "new");
    net.step(Step::T1, "NET/RA");
    net.step(Step::T1, "NET/RB");
    net.deliver();
    double(&net, "NET/SRV");
    let member = net.done(Step::T2, "NET/SRV");
    assert_eq!(member.became, Became::Done, "{member:#?}");
    assert_eq!(member.server.unwrap().requests, 2);
    net.deliver();
    double(&net, "NET/RB");
    let member = net.done(Step::T3, "NET/RB");
    assert_eq!((member.became, member.received), (Became::Done, Some(1)));
    for name in ["NET/SRV", "NET/RB"] {
        let status = PostofficeStatus::read(&net.pos[name].view(), "").unwrap();
        assert_eq!(status.system_mail, 0, "{name}");
    }
    net.run();
    net.assert_equal(7);
    net.assert_clean();
}

/// The attachment of the status report that waits at the server.
fn report_path(net: &Net) -> String {
    let view = net.pos["NET/SRV"].view();
    let mut edit = Edit::new(&view);
    let taken = mail::take(&mut edit, MailbagStem::SYSTEM, 9, &mut |_| {}).unwrap();
    let log = |waiting: &mail::Waiting| waiting.attachment(b"DSSERVER.LOG").cloned();
    let report = taken.waiting.iter().find_map(log).unwrap();
    att_path(report.stem)
}

// rule: dsp:R-BUG-03
// rule: dsp:R-T2R-001
#[test]
fn a_status_report_that_cannot_be_read_stops_nothing() {
    let mut net = settled(2);
    net.add("NET/RA", "new");
    net.step(Step::T1, "NET/RA");
    net.deliver();
    let path = report_path(&net);
    net.pos["NET/SRV"].put(&path, &[0xFF; 3000]);
    assert_eq!(net.done(Step::T2, "NET/SRV").server.unwrap().taken, 1);
    // One that is gone is message 128.
    net.step(Step::T1, "NET/RA");
    net.deliver();
    let path = report_path(&net);
    net.pos["NET/SRV"]
        .edit(|edit| Ok(edit.remove(&path)?))
        .unwrap();
    let member = net.done(Step::T2, "NET/SRV");
    assert_eq!(member.server.unwrap().requests, 1);
    has(
        &net.log("NET/SRV"),
        "Warning[128] Could not process requestor status report",
    );
}

// rule: dsp:R-T2R-010
// rule: dsp:R-T2R-013
// rule: dsp:R-REC-005
// rule: dsp:R-ORD-009
// rule: dsp:R-BUG-06
// rule: dsp:R-STA-005
// rule: pof:R-DSY-009
#[test]
fn a_master_list_that_is_lost_or_corrupt_is_said_in_the_log() {
    let mut net = settled(2);
    let whole = net.pos["NET/SRV"].bytes("GLB/MSTTRANS.GLB").unwrap();
    net.pos["NET/SRV"]
        .edit(|edit| Ok(edit.remove("GLB/MSTTRANS.GLB")?))
        .unwrap();
    let failed = net.step(Step::T2, "NET/SRV");
    assert_eq!(failed.members[0].became, Became::Failed);
    let log = net.log("NET/SRV");
    let at = |text: &str| log.find(text).unwrap_or_else(|| panic!("{text}: {log}"));
    assert!(
        at("Warning[  2] Error opening file: MSTTRANS")
            < at("Fatal  [  2] Error opening file: MSTTRANS")
    );
    let mut corrupt = whole.clone();
    corrupt[60] ^= 0xFF;
    net.pos["NET/SRV"].put("GLB/MSTTRANS.GLB", &corrupt);
    let mail = |net: &Net| {
        let status = PostofficeStatus::read(&net.pos["NET/SRV"].view(), "").unwrap();
        status.queued_mail
    };
    net.done(Step::T1, "NET/RA");
    net.deliver();
    let before = mail(&net);
    let failed = net.step(Step::T2, "NET/SRV");
    assert_eq!(failed.members[0].became, Became::Failed);
    // What came waits, and nobody is answered: receive failed, so transmit is not begun.
    let status = PostofficeStatus::read(&net.pos["NET/SRV"].view(), "").unwrap();
    assert_eq!(status.system_mail, 2);
    has(
        &net.log("NET/SRV"),
        "Fatal  [ 40] Possible database corruption detected: MSTTRANS",
    );
    assert_eq!(mail(&net), before + 1, "the administrator gets a mail");
    // The cure of Q112280: an empty one, everybody exports; 138 and 139 once are harmless.
    net.pos["NET/SRV"].put("GLB/MSTTRANS.GLB", &[]);
    for name in NAMES {
        let po = &net.pos[name];
        po.lists(|lists, edit| lists.export(edit)).unwrap();
    }
    net.add("NET/RA", "new");
    net.run();
    net.run();
    net.assert_equal(7);
    // SRVCONF that is no multiple of 1,024 bytes, and none at all.
    let conf = net.pos["NET/SRV"].bytes("GLB/SRVCONF.GLB").unwrap();
    net.pos["NET/SRV"].put("GLB/SRVCONF.GLB", &conf[..conf.len() - 6]);
    let busy = "Fatal  [161] Server configuration busy";
    assert!(!net.log("NET/SRV").contains(busy));
    assert_eq!(
        net.step(Step::T2, "NET/SRV").members[0].became,
        Became::Failed
    );
    assert_eq!(net.log("NET/SRV").matches(busy).count(), 1);
    net.pos["NET/SRV"]
        .edit(|edit| Ok(edit.remove("GLB/SRVCONF.GLB")?))
        .unwrap();
    net.step(Step::T2, "NET/SRV");
    assert_eq!(net.log("NET/SRV").matches(busy).count(), 2);
}

// rule: dsp:R-T3-006
#[test]
fn a_mailbag_that_cannot_be_read_is_115() {
    let mut net = settled(1);
    let key = net.pos["NET/RA"].bytes("KEY/SYSTEM.KEY").unwrap();
    net.pos["NET/RA"].put("KEY/SYSTEM.KEY", &key[..100]);
    let before = net.numbers("NET/RA");
    assert_eq!(
        net.step(Step::T3, "NET/RA").members[0].became,
        Became::Failed
    );
    has(
        &net.log("NET/RA"),
        "Error  [115] Failure to read mail from NULL",
    );
    assert_eq!(net.numbers("NET/RA"), before);
    net.pos["NET/RA"].put("KEY/SYSTEM.KEY", &key);
    net.add("NET/RB", "new");
    net.run();
    net.assert_equal(4);
}

// rule: dsp:R-T3-007
// rule: dsp:R-T3-008
// rule: tra:R-ADM-033
#[test]
fn the_log_of_t3_ends_with_an_empty_line_or_says_that_there_is_no_rebuild() {
    let mut net = settled(1);
    net.add("NET/RB", "new");
    net.run();
    let log = net.log("NET/RA");
    let tail = &log[log.rfind("DirSync Requestor").unwrap()..];
    let lines: Vec<&str> = tail
        .lines()
        .map(|line| line.split(" | ").last().unwrap())
        .collect();
    let expect = [
        "DirSync Requestor",
        "Status       Requestor updates received: 1",
        "Mail Import V",
        "Status       Import is finished.",
        "Mail GAL Rebuild Utility Version",
        "Status       Number of entries in GAL:",
    ];
    let mut at = 0;
    for line in expect {
        at += lines[at..]
            .iter()
            .position(|found| found.contains(line))
            .unwrap_or_else(|| panic!("{line}: {lines:#?}"));
    }
    assert_eq!(*lines.last().unwrap(), "Status");
    net.conf("NET/RA", |conf| {
        conf.set(crate::core::format::reqconf::req_options::REBUILD, false);
    });
    net.add("NET/RB", "newer");
    net.run();
    let log = net.log("NET/RA");
    assert!(
        log.trim_end().ends_with("GAL not active on this PO"),
        "{log}"
    );
    assert_eq!(net.gal("NET/RA").len(), 4);
    assert_eq!(net.gal("NET/SRV").len(), 5);
}

// rule: dsp:R-BUG-08
// rule: dec:DEC-057
#[test]
fn a_server_that_dies_anywhere_in_t2_leaves_whole_records() {
    use crate::cycle::StepOptions;
    use crate::tree::TreeMut;
    use crate::tree::disk::fault::{Counting, Fault, FaultDisk};
    use crate::tree::disk::mem::Survival;
    let mut net = settled(1);
    net.add("NET/RA", "new");
    net.step(Step::T1, "NET/RA");
    net.deliver();
    let before = net.pos["NET/SRV"].disk.fork();
    let options = StepOptions::new(UnixTime(net.now + 60), "test");
    let run = |disk: Arc<dyn Disk>| {
        let domain = crate::postoffice::testtree::DOMAIN;
        let mut tree = TreeMut::open(disk, domain, &OpenOptions::default())?;
        crate::cycle::t2::t2(&mut tree, &options, &NoProgress).map(|_| ())
    };
    let clean = FaultDisk::new(Arc::new(before.fork()), Counting::Mutations, None);
    run(Arc::new(clean.clone())).unwrap();
    let count = clean.operations();
    assert!(count > 50, "{count}");
    for n in 1..=count {
        let mem = before.fork();
        let fault = Some(Fault::StopTearing(n));
        let disk = FaultDisk::new(Arc::new(mem.clone()), Counting::Mutations, fault);
        assert!(run(Arc::new(disk)).is_err(), "{n}");
        for survival in [Survival::Nothing, Survival::Everything] {
            let po = TestPo {
                disk: mem.crash(survival),
                now: net.pos["NET/SRV"].now,
            };
            let conf = po.bytes("GLB/SRVCONF.GLB").unwrap();
            assert_eq!((conf.len(), &conf[..4]), (4 * 1024, &b"SVC1"[..]), "{n}");
            let status = PostofficeStatus::read(&po.view(), "").unwrap();
            let server = status.as_server.unwrap();
            let names: Vec<_> = server
                .requestors
                .iter()
                .map(|r| r.requestor.as_str())
                .collect();
            assert_eq!(names, ["PCM:NET/SRV", "PCM:NET/RA", "PCM:NET/RB"], "{n}");
            // Numbers and data never part.
            let master = po.bytes("GLB/MSTTRANS.GLB").unwrap();
            let taken = server.sync == 7;
            let text = b"PCM:NET/RA/new";
            let has = master.windows(text.len()).any(|window| window == text);
            assert_eq!(has, taken, "{n} {survival:?}: {}", server.sync);
        }
    }
}

// rule: dec:DEC-031
#[test]
fn an_import_reply_waits_until_the_lists_of_the_server_are_complete() {
    use crate::core::format::transactions::Record;
    use crate::import::queue::{SORTLOCK, SRVTRANS};
    let mut net = settled(2);
    // A T3 of the server was cut off: what it took is in its queue and not in its lists.
    let text = b"A Late\tPCM:NET/RA/late";
    let mut queue = Vec::new();
    Record::transaction(4, net.now, text)
        .encode_into(&mut queue)
        .unwrap();
    net.pos["NET/SRV"].put(SRVTRANS, &queue);
    // It cannot be completed while somebody else sorts there.
    net.pos["NET/SRV"].put(SORTLOCK, b"somebody");
    net.import_request("NET/RB");
    net.step(Step::T1, "NET/RA");
    net.deliver();
    let server = net.done(Step::T2, "NET/SRV").server.unwrap();
    let answered = |replies: &[crate::cycle::step::Reply]| -> Vec<String> {
        replies
            .iter()
            .map(|reply| reply.requestor.clone())
            .collect()
    };
    assert_eq!(answered(&server.replies), ["PCM:NET/RA"]);
    has(&net.log("NET/SRV"), "Import of PCM:NET/RB put off");
    assert!(net.record("NET/RB").1.asks);
    // The next T2 completes it first, and the reply holds it. Nothing has to be asked again.
    net.pos["NET/SRV"]
        .edit(|edit| Ok(edit.remove(SORTLOCK)?))
        .unwrap();
    let server = net.done(Step::T2, "NET/SRV").server.unwrap();
    assert_eq!(answered(&server.replies), ["PCM:NET/RB"]);
    assert!(server.replies[0].import);
    assert_eq!(net.pos["NET/SRV"].bytes(SRVTRANS).unwrap(), b"");
    net.deliver();
    net.done(Step::T3, "NET/RB");
    let gal = net.gal("NET/RB");
    assert!(
        gal.iter().any(|entry| entry.contains("NET/RA/late")),
        "{gal:#?}"
    );
    // Its own list is not in it (there is no R that could empty it at others).
    assert!(!net.log("NET/RB").contains("[ 66]"));
}
