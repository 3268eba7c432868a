//! Foreign requestors: a system behind its own postoffice name writes text messages to the server's
//! `$SYSTEM` and gets its answers in one of its mailboxes (Q106623, Q118298).

#![allow(clippy::unwrap_used, clippy::panic)]

use std::sync::Arc;

use dirsync::core::base::ident::MailbagStem;
use dirsync::core::base::{Address, MailboxName, PoName, UnixTime};
use dirsync::core::format::mai::Mai;
use dirsync::core::format::transactions::Record;
use dirsync::postoffice::Edit;
use dirsync::postoffice::mail::{self, Outgoing, open_attachment};
use dirsync::tree::disk::real::RealDisk;
use dirsync::tree::journal::CommitInfo;
use dirsync::tree::{Command, Domain, DomainKind, OpenOptions, TreeMut};
use dirsync_tests::Site;

const FOREIGN: &str = "NET/MACPO";

/// The server, a requestor, and the foreign system: a postoffice with a mailbox `manager` that runs
/// no step itself.
fn site() -> Site {
    let site = Site::new(&["SRV", "RA"], 3);
    site.ok("init --zone UTC", "MACPO", &[FOREIGN]);
    site.ok(
        "user add",
        "MACPO",
        &["manager", "--name", "Network Manager", "--no-dirsync"],
    );
    site.ok("postoffice add", "MACPO", &["NET/SRV"]);
    site.ok("postoffice add", "SRV", &[FOREIGN]);
    site.ok("requestor add", "SRV", &[FOREIGN]);
    for _ in 0..2 {
        site.run(&[]).expect_code(0);
    }
    site
}

fn open(site: &Site) -> TreeMut {
    let domain = Domain {
        kind: DomainKind::Postoffice,
    };
    let disk = Arc::new(RealDisk::open(&site.tree("MACPO")).unwrap());
    TreeMut::open(disk, domain, &OpenOptions::default()).unwrap()
}

/// The foreign system writes to the server.
fn send(site: &Site, text: &str, attachment: Option<(&str, &[u8])>) {
    let own: PoName = FOREIGN.parse().unwrap();
    let from = Address::pcm(own, MailboxName::read(b"manager").unwrap());
    let to = Address::system("NET/SRV".parse().unwrap());
    let now = UnixTime(1_893_456_000);
    let mut message = Outgoing::new(from, vec![to], b"Directory Exchange Profile", now);
    message.text = text.replace('\n', "\r\n").into_bytes();
    let attachment = attachment.map(|(name, bytes)| (name.as_bytes().to_vec(), bytes.to_vec()));
    message.attachments.extend(attachment);
    let mut tree = open(site);
    let plan = {
        let mut edit = Edit::new(tree.view());
        mail::submit(&mut edit, &message).unwrap();
        edit.finish().unwrap()
    };
    let info = CommitInfo {
        command: Command::User,
        user: "test".into(),
        now,
        counts: Vec::new(),
    };
    tree.commit(&plan, &info).unwrap();
}

/// The answers in the manager's mailbox, newest last: each with its attachment.
fn answers(site: &Site) -> Vec<(Mai, Option<Vec<u8>>)> {
    let tree = open(site);
    let mut edit = Edit::new(tree.view());
    let mut no = |finding| panic!("{finding:?}");
    let bag: MailbagStem = mail::find_mailbag(tree.view(), "manager", &mut no).unwrap();
    let taken = mail::take(&mut edit, bag, 100, &mut no).unwrap();
    let read = |mai: Mai| {
        let bytes = mai.attachments.first().map(|attachment| {
            let file = open_attachment(tree.view(), attachment).unwrap().unwrap();
            let mut bytes = vec![0; usize::try_from(file.len()).unwrap()];
            file.read_at(&mut bytes, 0).unwrap();
            bytes
        });
        (mai, bytes)
    };
    taken.waiting.into_iter().map(|w| read(w.mai)).collect()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn names(site: &Site, tree: &str) -> Vec<String> {
    let mut names: Vec<_> = site.gal(tree).into_iter().map(|(_, name)| name).collect();
    names.sort();
    names
}

/// One exchange: the mail goes to the server, T2, the answer comes back, everybody else takes it.
fn exchange(site: &Site) {
    site.run(&[]).expect_code(0);
}

// rule: dsp:R-FOR-001
// rule: dsp:R-FOR-007
// rule: dsp:R-MSG-003
// rule: dsp:TV-MSG-3
#[test]
fn q106623_an_export_in_the_body() {
    let site = site();
    let export = "[dirsync]\ntask=export\nreqname=PCM:NET/MACPO\ntransactions=inbody\n\n\
                  [dirsync-transactions]\n1200 A Martin, Robert PCM:NET/MACPO/rmartin\n";
    send(&site, export, None);
    exchange(&site);
    for tree in ["SRV", "RA"] {
        assert!(
            names(&site, tree).contains(&"Martin, Robert".to_owned()),
            "{tree}"
        );
    }
    assert_eq!(site.record("MACPO")["req_sync"], 1200);
    // The same again, late and doubled: old.
    let sync = site.record("RA")["srv_sync"].clone();
    send(&site, export, None);
    send(&site, export, None);
    exchange(&site);
    assert_eq!(site.record("RA")["srv_sync"], sync);
    // Lines of every kind, and one the reader cannot make sense of ends the message.
    send(
        &site,
        "[DIRSYNC]\nTASK = Export\nNAME=pcm:net/macpo\nTRANSACTIONS=INBODY\n\n[DIRSYNC-TRANSACTIONS]\n\
         0000001201 M Martin, Robert PCM:NET/MACPO/rmartin\n  Martin, Bob PCM:NET/MACPO/bmartin\n\
         1205 Doe, Jane PCM:NET/MACPO/jdoe\n",
        None,
    );
    exchange(&site);
    let ra = names(&site, "RA");
    assert!(ra.contains(&"Martin, Bob".to_owned()), "{ra:?}");
    assert!(ra.contains(&"Doe, Jane".to_owned()), "{ra:?}");
    assert!(!ra.contains(&"Martin, Robert".to_owned()), "{ra:?}");
    assert_eq!(site.record("MACPO")["req_sync"], 1205);
}

// rule: dsp:R-MSG-004
// rule: dsp:R-MSG-005
// rule: dsp:R-MSG-006
// rule: dsp:R-MSG-007
// rule: dsp:R-BUG-13
// rule: dsp:TV-MSG-2
#[test]
fn q118298_an_import_request_is_answered_in_text() {
    let site = site();
    let ask = |srvseq: &str, how: &str| {
        let text = format!(
            "[DIRSYNC]\nTASK=IMPORTREQ\nNAME=PCM:NET/MACPO\nTYPES=PCM|CSI|profs\nTEMPLATE=NO\n\
             {srvseq}TRANSACTIONS={how}\n"
        );
        send(&site, &text, None);
        exchange(&site);
        answers(&site).pop().unwrap()
    };
    // All lists of the server, in an attachment.
    let (mai, attachment) = ask("", "INATTACHMENT");
    assert_eq!(mai.attachments[0].name, b"TMPTRANS.GLB");
    let lists = text(&attachment.unwrap());
    let mut lines = lists.split("\r\n");
    assert_eq!(lines.next(), Some("[dirsync-transactions]"));
    assert!(
        lists.contains("PCM:NET/RA/ra2") && lists.contains("PCM:NET/SRV/srv0"),
        "{lists}"
    );
    assert!(!lists.contains("\r\r") && !lists.contains("\n-"), "{lists}");
    assert_eq!(site.record("MACPO")["imp_sync"], 1);

    // What came after a number.
    let before = site.record("RA")["srv_sync"].as_u64().unwrap();
    site.add("RA", "new");
    site.run(&[]).expect_code(0);
    let (_, attachment) = ask(&format!("SRVSEQ={before:010}\n"), "INATTACHMENT");
    let updates = text(&attachment.unwrap());
    let expected = format!("{:010} A User new", before + 1);
    let lines: Vec<_> = updates.lines().collect();
    assert_eq!(lines.len(), 2, "{updates}");
    assert!(lines[1].starts_with(&expected), "{updates}");
    assert!(lines[1].ends_with(" PCM:NET/RA/new"), "{updates}");
    assert_eq!(site.record("MACPO")["imp_sync"], 1);

    // The same in the body, and as records.
    let (mai, attachment) = ask(&format!("SRVSEQ={before}\n"), "INBODY");
    assert_eq!(attachment, None);
    let body = text(&mai.text);
    let (head, lines) = body
        .split_once("\r\n\r\n[dirsync-transactions]\r\n")
        .unwrap();
    assert!(head.starts_with("[dirsync]\r\n"), "{body}");
    assert!(lines.starts_with(&expected), "{body}");
    let (_, attachment) = ask(&format!("SRVSEQ={before}\n"), "internal");
    assert_eq!(attachment.unwrap().get(20..24), Some(&b"DXT1"[..]));
}

// rule: dsp:R-FOR-001
// rule: dsp:R-MSG-010
#[test]
fn exports_in_attachments_and_what_is_wrong_with_them() {
    let site = site();
    let head = "[dirsync]\ntask=export\nreqname=PCM:NET/MACPO\n";
    let lines = b"[dirsync-transactions]\r\r\n7 A Able PCM:NET/MACPO/able\r\r\n";
    send(
        &site,
        &format!("{head}transactions=inattachment\n"),
        Some(("TMPTRANS.GLB", lines)),
    );
    let mut record = Vec::new();
    Record::transaction(9, 1, b"A Baker\tPCM:NET/MACPO/baker")
        .encode_into(&mut record)
        .unwrap();
    send(
        &site,
        &format!("{head}transactions=internal\n"),
        Some(("REQTRANS.GLB", &record)),
    );
    exchange(&site);
    let ra = names(&site, "RA");
    for name in ["Able", "Baker"] {
        assert!(ra.contains(&name.to_owned()), "{ra:?}");
    }
    // No section line: 124. No attachment at all: 116. Unknown sender: 158. Unknown task: 155.
    let log = |text: &str, attachment, code: &str, argument: &str| {
        let before = site.log("SRV/LOG/DIRSYNC.LOG").len();
        send(&site, text, attachment);
        site.deliver();
        site.t2().expect_code(1);
        let log = site.log("SRV/LOG/DIRSYNC.LOG");
        let line = log[before..].lines().find(|line| line.contains(code));
        let line = line.unwrap_or_else(|| panic!("{code}: {}", &log[before..]));
        assert!(line.ends_with(argument), "{line}");
    };
    let inattachment = format!("{head}count=1\ntransactions=inattachment\n");
    log(&inattachment, None, "[116]", "PCM:NET/MACPO");
    log(
        "[dirsync]\ntask=dance\nreqname=PCM:NET/MACPO\n",
        None,
        "[155]",
        "PCM:NET/MACPO",
    );
    log(
        "[dirsync]\ntask=export\nreqname=PCM:NET/OTHER\ntransactions=inbody\n",
        None,
        "[158]",
        "PCM:NET/OTHER",
    );
    log("Lunch?\n", None, "[154]", "");
    let bad: Option<(&str, &[u8])> = Some(("TMPTRANS.GLB", b"11 A Nobody PCM:NET/MACPO/n\r\n"));
    log(&inattachment, bad, "[116]", "PCM:NET/MACPO");
    assert_eq!(site.record("MACPO")["req_sync"], 9);
}
