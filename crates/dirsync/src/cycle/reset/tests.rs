//! Resets over postoffices in memory, and the cycles after them.

use std::sync::Arc;

use super::*;
use crate::core::format::field::CpField;
use crate::core::format::reqconf::ReqConfRecord;
use crate::cycle::step::Step;
use crate::cycle::tests::{NAMES, Net, assert_done, po};
use crate::postoffice::listds;
use crate::postoffice::testtree::{DOMAIN, TestPo};
use crate::tree::{ErrorClass, OpenOptions};

fn with<T>(po: &TestPo, change: impl FnOnce(&mut TreeMut) -> T) -> T {
    let disk = Arc::new(po.disk.clone());
    change(&mut TreeMut::open(disk, DOMAIN, &OpenOptions::default()).unwrap())
}

fn options(net: &Net) -> StepOptions {
    StepOptions::new(UnixTime(net.now), "test")
}

fn conf(po: &TestPo) -> ReqConfRecord {
    ReqConfRecord::decode(&po.bytes(REQCONF).unwrap()).unwrap()
}

fn change_conf(po: &TestPo, change: impl FnOnce(&mut ReqConfRecord)) {
    let mut conf = conf(po);
    change(&mut conf);
    po.put(REQCONF, &conf.encode());
}

/// The server's record of a requestor.
fn record_of(net: &Net, name: PoName) -> SrvConfRecord {
    let view = net.pos[NAMES[0]].view();
    let (_, records) = srvconf(&mut Edit::new(&view)).unwrap();
    let index = find(&records, name.network(), name.postoffice()).unwrap();
    records[index].clone()
}

fn settled() -> Net {
    let mut net = Net::new(&NAMES, 5, false);
    for _ in 0..2 {
        assert_done(&net.run());
    }
    net.assert_equal(15);
    net
}

// An Exchange server keeps the same four numbers (DXA-Req-Seq, -Svr-Seq, -Imp-Seq, -Conf-Seq) in
// records of this form (DEC-068); all of them and those of the other side become 0.
// rule: dsp:R-EXC-001
// rule: dsp:R-RST-001
// rule: dsp:R-REC-003
// rule: dsp:R-REC-007
// rule: dsp:R-BUG-16
// rule: tra:NEED-11
#[test]
fn a_local_reset_brings_lost_numbers_back_in_step() {
    let mut net = settled();
    let (server, requestor_name) = (po(NAMES[0]), po(NAMES[1]));
    // q.R is above everything the server has ever seen (Q119452).
    change_conf(&net.pos[NAMES[1]], |conf| {
        conf.req_sync.set(400);
        conf.last_sent.set(400);
        conf.imp_sync.set(9);
        conf.ptr_usrtrans.set(7);
        conf.types = CpField::from_bytes(b"PCM|SMTP").unwrap();
    });
    net.pos[NAMES[1]].add_user("late", "late of RA");
    let own = check_local(&net.pos[NAMES[1]].view(), server).unwrap();
    assert_eq!(
        check_record(&net.pos[NAMES[0]].view(), own).unwrap(),
        server
    );
    let options = options(&net);
    let four = |record: SrvConfRecord| {
        let [req, srv] = [record.req_sync.get(), record.srv_sync.get()];
        [req, srv, record.imp_sync.get(), record.conf_sync.get()]
    };
    let before = four(record_of(&net, own));
    assert!(before.iter().all(|number| *number > 0), "{before:?}");
    let at_server = with(&net.pos[NAMES[0]], |tree| record(tree, own, &options)).unwrap();
    assert_eq!((at_server.records, at_server.commits), (1, 1));
    assert_eq!(four(record_of(&net, own)), [0; 4]);
    let done = with(&net.pos[NAMES[1]], |tree| requestor(tree, false, &options)).unwrap();
    // R, the five, the administrator takes no part, and the late one.
    assert_eq!((done.exported, done.kept, done.messages), (7, 0, 0));
    let view = net.pos[NAMES[1]].view();
    assert_eq!(verify(&view).unwrap(), [""; 0]);
    drop(view);
    let now = conf(&net.pos[NAMES[1]]);
    assert_eq!(
        [now.req_sync, now.srv_sync, now.imp_sync].map(|n| n.get()),
        [0; 3]
    );
    assert_eq!(now.ptr_usrtrans.get(), -1);
    assert_eq!(now.types.text(), b"PCM|SMTP");
    assert_eq!(
        ReqConfRecord::decode(&net.pos[NAMES[1]].bytes(REQCONF_OLD).unwrap())
            .unwrap()
            .req_sync
            .get(),
        400
    );
    assert!(net.pos[NAMES[0]].bytes(SRVCONF_OLD).is_some());
    // Again: the same.
    let again = with(&net.pos[NAMES[0]], |tree| record(tree, own, &options)).unwrap();
    assert_eq!((again.records, again.commits), (0, 0));
    for _ in 0..2 {
        net.run();
    }
    net.assert_equal(16);
    net.assert_clean();
    assert_eq!(requestor_name, own);
}

// rule: dsp:R-RST-001
// rule: dsp:R-LDS-001
#[test]
fn a_local_reset_is_never_for_the_server() {
    let net = settled();
    let options = options(&net);
    let server = &net.pos[NAMES[0]];
    let refused = |error: CycleError| assert_eq!(error.class(), ErrorClass::Refused, "{error}");
    refused(check_local(&server.view(), po(NAMES[0])).unwrap_err());
    refused(with(server, |tree| requestor(tree, false, &options)).unwrap_err());
    refused(check_local(&net.pos[NAMES[1]].view(), po(NAMES[2])).unwrap_err());
    refused(check_record(&server.view(), po("NET/NOBODY")).unwrap_err());
    assert_eq!(
        server.edit(listds::zero).unwrap_err().class(),
        ErrorClass::Refused
    );
    assert!(
        verify(&server.view())
            .unwrap()
            .iter()
            .any(|wrong| wrong.starts_with("s.Sync"))
    );
}

// rule: dsp:R-RST-002
// rule: dsp:R-RST-003
// rule: tra:TV-QUE-1
// rule: dsp:R-ROLE-005
// rule: tra:NEED-12
// rule: tra:R-QUE-013
#[test]
fn after_a_global_reset_everything_begins_at_one_and_becomes_equal() {
    let mut net = settled();
    // Changes under way: one sent, one not; a request waits in SYSTEM of the server.
    net.pos[NAMES[1]].add_user("sent", "sent of RA");
    net.step(Step::T1, NAMES[1]);
    net.pos[NAMES[2]].add_user("unsent", "unsent of RB");
    net.step(Step::T1, NAMES[0]);
    let options = options(&net);
    // A damaged pair is emptied as it stands.
    let damaged = MailbagStem::SYSTEM;
    net.pos[NAMES[2]].put(&damaged.key_path(), &[7; 0x1230]);
    let at_server = with(&net.pos[NAMES[0]], |tree| master(tree, &options)).unwrap();
    assert_eq!(at_server.records, 3);
    assert!(at_server.master_bytes > 0);
    for name in NAMES {
        let done = with(&net.pos[name], |tree| requestor(tree, true, &options)).unwrap();
        assert_eq!(verify(&net.pos[name].view()).unwrap(), [""; 0], "{name}");
        assert_eq!(done.damaged_mailbags.len(), usize::from(name == NAMES[2]));
        assert_eq!(done.messages > 0, name != NAMES[2], "{name}");
        for stem in [MailbagStem::SYSTEM, MailbagStem::INQUEUE] {
            assert_eq!(net.pos[name].bytes(&stem.mbg_path()).unwrap(), b"");
            assert_eq!(net.pos[name].bytes(&stem.key_path()).unwrap(), [0; 560]);
        }
    }
    net.assert_clean();
    assert_eq!(net.pos[NAMES[0]].bytes(MSTTRANS).unwrap(), b"");
    let first = net.run();
    assert_done(&first);
    let server = first
        .members
        .iter()
        .find_map(|member| member.server.as_ref())
        .unwrap();
    assert_eq!((server.cycle, server.sync_before), (1, 0));
    assert_done(&net.run());
    net.assert_equal(17);
    net.assert_clean();
}

// rule: dsp:R-RST-001
#[test]
fn what_waits_for_other_lists_is_kept_and_counted_from_one() {
    let net = settled();
    let tree = &net.pos[NAMES[1]];
    let mut bytes = Vec::new();
    for (number, text) in [
        (30, &b"A gate\tSMTP:gate@example.org"[..]),
        (31, b"A own\tPCM:NET/RA/own"),
        (32, b"D gone\tSMTP:gone@example.org"),
    ] {
        Record::transaction(number, net.now, text)
            .encode_into(&mut bytes)
            .unwrap();
    }
    tree.put(REQTRANS, &bytes);
    let done = with(tree, |tree| requestor(tree, false, &options(&net))).unwrap();
    assert_eq!((done.kept, done.exported), (2, 6));
    let mut seen = Vec::new();
    each_waiting(&tree.view(), &mut |record| {
        seen.push((record.head.sync, record.text[0]));
        Ok(())
    })
    .unwrap();
    assert_eq!(seen[..3], [(1, b'A'), (2, b'D'), (3, b'R')]);
    assert_eq!(seen.last().map(|last| last.0), Some(8));
}

// rule: dsp:R-REC-006
#[test]
fn a_lost_reqconf_is_copied_from_another_postoffice_and_reset() {
    let mut net = settled();
    let options = options(&net);
    let lost = &net.pos[NAMES[1]];
    lost.put(REQCONF, b"lost");
    let error = check_local(&lost.view(), po(NAMES[0])).unwrap_err();
    assert!(error.to_string().contains("159"), "{error}");
    lost.put(REQCONF, &net.pos[NAMES[2]].bytes(REQCONF).unwrap());
    let own = check_local(&lost.view(), po(NAMES[0])).unwrap();
    with(&net.pos[NAMES[0]], |tree| record(tree, own, &options)).unwrap();
    with(lost, |tree| requestor(tree, false, &options)).unwrap();
    for _ in 0..2 {
        net.run();
    }
    net.assert_equal(15);
    net.assert_clean();
}
