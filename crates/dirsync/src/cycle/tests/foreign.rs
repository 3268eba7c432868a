//! Foreign requestors: text in the body, text in an attachment, and records (dsp sections 8 and 15).

use super::*;
use crate::core::base::Address;
use crate::core::base::ident::{MailbagStem, att_path};
use crate::core::format::transactions::Record;
use crate::postoffice::Edit;
use crate::postoffice::mail::{self, Outgoing};

const FOREIGN: &str = "MACNET/MACPO";

/// SRV and RA in step, and a foreign requestor that SRV has a record and a mailbag of.
fn net() -> Net {
    let mut net = Net::new(&["NET/SRV", "NET/RA"], 2, false);
    net.run();
    net.run();
    net.pos["NET/SRV"]
        .edit(|edit| {
            let new = NewExternal {
                name: po(FOREIGN),
                via: None,
                path: None,
                autocreated: false,
            };
            externals::add(edit, &new)?;
            let new = requestors::NewRequestor {
                name: po(FOREIGN),
                password: Password::default(),
                mailbox: None,
            };
            requestors::add(edit, &new)
        })
        .unwrap();
    net
}

/// A message of the foreign requestor arrives at the server.
fn post(net: &mut Net, body: &str, attachment: Option<(&str, Vec<u8>)>) {
    post_as(net, b"Directory Exchange Profile", body, attachment);
}

fn post_as(net: &mut Net, subject: &[u8], body: &str, attachment: Option<(&str, Vec<u8>)>) {
    net.now += 60;
    let from = Address::system(po(FOREIGN));
    let to = Address::system(po("NET/SRV"));
    let mut message = Outgoing::system(from, to, subject, UnixTime(net.now));
    message.text = body.replace('\n', "\r\n").into_bytes();
    let named = attachment.map(|(name, bytes)| (name.as_bytes().to_vec(), bytes));
    message.attachments.extend(named);
    net.pos["NET/SRV"]
        .edit(|edit| mail::submit(edit, &message))
        .unwrap();
    net.deliver();
}

/// What waits for the foreign requestor: body and attachment of each message.
fn outbound(net: &Net) -> Vec<(String, Vec<u8>)> {
    let view = net.pos["NET/SRV"].view();
    let mut edit = Edit::new(&view);
    let (_, _, record) = externals::require(&mut edit, &po(FOREIGN)).unwrap();
    let bag = MailbagStem::Id(record.mailbag.get().unwrap().unwrap());
    let taken = mail::take(&mut edit, bag, 9, &mut |_| {}).unwrap();
    let read = |waiting: &mail::Waiting| {
        let text = String::from_utf8(waiting.mai.text.clone()).unwrap();
        let attachment = waiting.mai.attachments.first().map(|attachment| {
            assert_eq!(attachment.name, b"TMPTRANS.GLB");
            let path = att_path(attachment.stem);
            view.read(&path, 1 << 26).unwrap().unwrap()
        });
        (text, attachment.unwrap_or_default())
    };
    taken.waiting.iter().map(read).collect()
}

fn gal_has(net: &Net, name: &str, address: &str) -> bool {
    net.gal(name).iter().any(|entry| entry.contains(address))
}

// rule: dsp:TV-MSG-3
// rule: dsp:R-FOR-001
// rule: dsp:R-FOR-007
// rule: dsp:R-MSG-005
// rule: std:1.2
#[test]
fn tv_msg_3_an_export_in_the_body_reaches_the_lists_of_all() {
    let mut net = net();
    let (before, _) = net.record(FOREIGN);
    let body = "[dirsync]\ntask=export\nreqname=PCM:MACNET/MACPO\ntransactions=inbody\n\n\
                [dirsync-transactions]\n1200 A Martin, Robert PCM:MACNET/MACPO/rmartin\n";
    post(&mut net, body, None);
    let done = net.done(Step::T2, "NET/SRV");
    // Without SRVSEQ it asks for nothing, and brings something: nothing is wrong with that.
    assert!(
        done.problems
            .iter()
            .all(|p| p.id != "sync.request-incomplete")
    );
    let (after, record) = net.record(FOREIGN);
    assert_eq!((after.sync, record.req), (before.sync + 1, 1200));
    // The same again, late: nothing is taken twice.
    post(&mut net, body, None);
    net.done(Step::T2, "NET/SRV");
    assert_eq!(net.record(FOREIGN).0.sync, before.sync + 1);
    net.run();
    for name in ["NET/SRV", "NET/RA"] {
        assert!(gal_has(&net, name, "MACNET/MACPO/rmartin"), "{name}");
    }
}

// rule: dsp:R-MSG-004
// rule: dsp:R-MSG-006
// rule: dsp:R-MSG-008
#[test]
fn an_export_comes_in_an_attachment_as_text_or_as_records() {
    let mut net = net();
    let text = "[dirsync-transactions]\r\n\
                0000000005 A One                            PCM:MACNET/MACPO/one\r\n\
                0000000006 A Two                            PCM:MACNET/MACPO/two\r\n- Phone:/1\r\n";
    let body = "[DIRSYNC]\nTASK=EXPORT\nNAME=PCM:MACNET/MACPO\nTRANSACTIONS=INATTACHMENT\n";
    post(&mut net, body, Some(("TMPTRANS.GLB", text.into())));
    net.done(Step::T2, "NET/SRV");
    assert_eq!(net.record(FOREIGN).1.req, 6);
    let mut records = Vec::new();
    for (number, name) in [(6, "two"), (7, "three")] {
        let text = format!("A {name}\tPCM:MACNET/MACPO/{name}");
        Record::transaction(number, net.now, text.as_bytes())
            .encode_into(&mut records)
            .unwrap();
    }
    let body = "[dirsync]\ntask=export\nreqname=pcm:macnet/macpo\ntransactions=internal\n";
    post(&mut net, body, Some(("REQTRANS.GLB", records)));
    net.done(Step::T2, "NET/SRV");
    assert_eq!(net.record(FOREIGN).1.req, 7);
    // Without its section line an attachment is no transactions: 124.
    let body = "[dirsync]\ntask=export\nreqname=PCM:MACNET/MACPO\ntransactions=inattachment\n";
    post(
        &mut net,
        body,
        Some(("TMPTRANS.GLB", b"8 A x PCM:MACNET/MACPO/x\r\n".to_vec())),
    );
    net.done(Step::T2, "NET/SRV");
    assert_eq!(net.record(FOREIGN).1.req, 7);
    net.run();
    for user in ["one", "two", "three"] {
        let address = format!("MACNET/MACPO/{user}");
        assert!(gal_has(&net, "NET/RA", &address), "{user}");
    }
}

// rule: dsp:TV-MSG-2
// rule: dsp:R-MSG-006
// rule: dsp:R-MSG-007
// rule: dec:DEC-035
// rule: exc:R-DXA-056
#[test]
fn tv_msg_2_an_import_request_is_answered_in_the_form_it_asks_for() {
    let mut net = net();
    let (server, record) = net.record(FOREIGN);
    let after = server.sync - 2;
    let ask = |form: &str| {
        format!(
            "[DIRSYNC]\nTASK=IMPORTREQ\nNAME=PCM:MACNET/MACPO\nTYPES=PCM|CSI|profs\n\
             TEMPLATE=NO\nSRVSEQ={after:010}\nTRANSACTIONS={form}\n"
        )
    };
    post(&mut net, &ask("INATTACHMENT"), None);
    net.done(Step::T2, "NET/SRV");
    post(&mut net, &ask("INBODY"), None);
    net.done(Step::T2, "NET/SRV");
    net.deliver();
    let replies = outbound(&net);
    assert_eq!(replies.len(), 2);
    let (body, attachment) = &replies[0];
    assert!(body.contains("transactions=inattachment\r\n"), "{body}");
    let text = String::from_utf8(attachment.clone()).unwrap();
    let lines: Vec<&str> = text.split_terminator("\r\n").collect();
    assert_eq!(lines[0].to_lowercase(), "[dirsync-transactions]");
    assert_eq!(lines.len(), 3, "{text}");
    for (line, number) in lines[1..].iter().zip(after + 1..) {
        assert!(line.starts_with(&format!("{number:010} A ")), "{line}");
    }
    assert!(!text.contains("\r\r"));
    let (body, attachment) = &replies[1];
    assert!(attachment.is_empty());
    let section = body.find("[dirsync-transactions]\r\n").unwrap();
    assert_eq!(&body[section..], format!("{}\r\n", lines.join("\r\n")));
    // I is not counted for updates after a number; the whole lists are another matter.
    assert_eq!(net.record(FOREIGN).1.imp, record.imp);
    let full = ask("INATTACHMENT").replace(&format!("{after:010}"), "0");
    post(&mut net, &full, None);
    net.done(Step::T2, "NET/SRV");
    assert_eq!(net.record(FOREIGN).1.imp, record.imp + 1);
    net.deliver();
    let (_, attachment) = outbound(&net).pop().unwrap();
    let text = String::from_utf8(attachment).unwrap();
    // All lists but its own (DEC-031).
    assert_eq!(text.matches("0000000000 R ").count(), 2, "{text}");
    assert!(text.contains("PCM:NET/RA/b000") && text.contains("PCM:NET/SRV/a001"));
}

// rule: dsp:R-BUG-14
// rule: dsp:R-MSG-006
// rule: dec:DEC-069
#[test]
fn a_reply_in_the_body_is_paced_instead_of_growing_without_end() {
    let mut net = net();
    // 270 entries of 62 KB each: more than a message file can hold as one body.
    let (server, _) = net.record(FOREIGN);
    let mut master = net.pos["NET/SRV"].bytes("GLB/MSTTRANS.GLB").unwrap();
    let line = format!("\r\n- Phone:/{}", "5".repeat(240));
    let filler = line.repeat(250);
    for number in 1..=270 {
        let text = format!("A big{number}\tPCM:NET/RA/big{number}{filler}");
        Record::transaction(server.sync + number, net.now, text.as_bytes())
            .encode_into(&mut master)
            .unwrap();
    }
    net.pos["NET/SRV"].put("GLB/MSTTRANS.GLB", &master);
    let mut conf = net.pos["NET/SRV"].bytes("GLB/SRVCONF.GLB").unwrap();
    conf[4..8].copy_from_slice(&(server.sync + 270).to_le_bytes());
    net.pos["NET/SRV"].put("GLB/SRVCONF.GLB", &conf);
    let mut from = server.sync;
    for turn in 0.. {
        let body = format!(
            "[dirsync]\ntask=importreq\nreqname=PCM:MACNET/MACPO\ntemplate=YES\n\
             srvseq={from}\ntransactions=inbody\n"
        );
        post(&mut net, &body, None);
        let done = net.done(Step::T2, "NET/SRV").server.unwrap();
        assert_eq!(done.replies.len(), 1, "{done:#?}");
        net.deliver();
        let (text, _) = outbound(&net).pop().unwrap();
        assert!(text.len() < 9 << 20);
        from = net.record(FOREIGN).1.srv;
        if from == server.sync + 270 {
            assert!(turn > 0 && text.contains("more=NO"));
            break;
        }
        assert!(turn < 6 && text.contains("more=YES"));
    }
    assert!(!net.log("NET/SRV").contains("[159]"));
    // All lists at once cannot be paced: that reply alone fails, and the others are served.
    let body = "[dirsync]\ntask=importreq\nreqname=PCM:MACNET/MACPO\ntemplate=YES\n\
                transactions=inbody\n";
    post(&mut net, body, None);
    net.conf("NET/RA", |conf| conf.limit_kb.set(100));
    net.done(Step::T1, "NET/RA");
    net.deliver();
    let done = net.done(Step::T2, "NET/SRV").server.unwrap();
    let answered: Vec<_> = done.replies.iter().map(|r| r.requestor.as_str()).collect();
    assert_eq!(answered, ["PCM:NET/RA"]);
    let said = "Fatal  [159] Failure to send update mail to requestors PCM:MACNET/MACPO";
    assert!(net.log("NET/SRV").contains(said));
    assert!(
        net.record(FOREIGN).1.asks,
        "it is tried again at the next T2"
    );
}

// rule: dsp:R-MSG-003
// rule: dec:DEC-061
#[test]
fn a_subject_is_never_believed() {
    let mut net = net();
    let (before, record) = net.record(FOREIGN);
    let body = "[dirsync]\ntask=export\nreqname=PCM:MACNET/MACPO\ntransactions=inbody\n\n\
                [dirsync-transactions]\n7 A Seven PCM:MACNET/MACPO/seven\n";
    for subject in [
        &b"ReqTx R=4000 (was 0), S=0, I=0 999 sent"[..],
        b"SrvTx R=1 S=9 (was 0), I=9 9 sent",
        b"Status report from NET/RA",
        b"",
    ] {
        post_as(&mut net, subject, body, None);
        net.done(Step::T2, "NET/SRV");
        let (after, now) = net.record(FOREIGN);
        assert_eq!((after.sync, now.req), (before.sync + 1, 7));
        assert_eq!((now.srv, now.imp), (record.srv, record.imp));
    }
}

// rule: dec:DEC-063
// rule: pof:R-TMP-003
// rule: tra:R-TRN-021
#[test]
fn attachments_have_their_names_and_stay_away_when_they_would_be_empty() {
    let mut net = net();
    let names = |net: &Net, name: &str| -> Vec<(String, Vec<String>)> {
        let view = net.pos[name].view();
        let mut edit = Edit::new(&view);
        let taken = mail::take(&mut edit, MailbagStem::SYSTEM, 9, &mut |_| {}).unwrap();
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let task = |mai: &str| mai.lines().nth(1).unwrap().to_owned();
        let found = taken.waiting.iter().map(|waiting| {
            let attachments = waiting
                .mai
                .attachments
                .iter()
                .map(|a| text(&a.name))
                .collect();
            (task(&text(&waiting.mai.text)), attachments)
        });
        found.collect()
    };
    net.add("NET/RA", "new");
    net.done(Step::T1, "NET/RA");
    net.deliver();
    let own = |task: &str, names: &[&str]| {
        let names = names
            .iter()
            .map(|&name| name.to_owned())
            .collect::<Vec<_>>();
        (format!("task={task}"), names)
    };
    let expected = [
        own("status", &["DSSERVER.LOG"]),
        own("reqtx", &["REQTRANS.GLB"]),
    ];
    assert_eq!(names(&net, "NET/SRV"), expected);
    net.done(Step::T2, "NET/SRV");
    net.deliver();
    assert_eq!(names(&net, "NET/RA"), [own("srvtx", &[])]);
    net.done(Step::T3, "NET/RA");
    net.import_request("NET/RA");
    net.deliver();
    assert_eq!(names(&net, "NET/SRV"), [own("importreq", &[])]);
    net.done(Step::T2, "NET/SRV");
    net.deliver();
    assert_eq!(names(&net, "NET/RA"), [own("importrep", &["TMPTRANS.GLB"])]);
    net.done(Step::T3, "NET/RA");
    net.pos["NET/RA"].put("LOG/DSSERVER.LOG", &[]);
    net.done(Step::T1, "NET/RA");
    net.deliver();
    assert_eq!(
        names(&net, "NET/SRV"),
        [own("status", &[]), own("reqtx", &[])]
    );
}

// rule: dsp:R-IMP-010
#[test]
fn an_import_brings_the_lists_of_proxy_postoffices_too() {
    let mut net = net();
    let body = "[dirsync]\ntask=export\nreqname=PCM:MACNET/MACPO\ntransactions=inbody\n\n\
                [dirsync-transactions]\n1 A Proxy User PCM:MACNET/MACPO/proxy\n";
    post(&mut net, body, None);
    net.run();
    // The network is FFAPI's at the server (type 64h).
    let mut networks = net.pos["NET/SRV"].bytes("GLB/NETWORK.GLB").unwrap();
    let at = networks.windows(6).position(|w| w == b"MACNET").unwrap();
    networks[at - 1] = 0x64;
    net.pos["NET/SRV"].put("GLB/NETWORK.GLB", &networks);
    let fresh = Net::new(&["NET/SRV", "NET/RA"], 2, false)
        .pos
        .remove("NET/RA");
    net.restore("NET/RA", fresh.unwrap());
    net.import_request("NET/RA");
    net.run();
    assert!(gal_has(&net, "NET/RA", "PCM:MACNET/MACPO/proxy"));
}
