//! The bodies of decisions section 3, the published foreign bodies, properties.

use super::*;
use proptest::prelude::*;

fn lf(body: &Body) -> String {
    let text = String::from_utf8(body.encode().unwrap()).unwrap();
    assert_eq!(text.matches('\n').count(), text.matches("\r\n").count());
    text.replace("\r\n", "\n")
}

fn request() -> Request {
    Request {
        reqname: b"PCM:NET/R1".to_vec(),
        password: b"secret".to_vec(),
        reqseq: 20,
        reqwas: 17,
        srvseq: 80,
        impseq: 1,
        count: 3,
        types: b"PCM|SMTP".to_vec(),
        receive: true,
        ..Request::default()
    }
}

// rule: dec:DEC-062
// rule: dec:DEC-060
#[test]
fn a_request_is_written_as_shown() {
    let body = Body::Request(request());
    assert_eq!(
        lf(&body),
        "[dirsync]\ntask=reqtx\nreqname=PCM:NET/R1\npassword=secret\nversion=3.5\n\
         reqseq=0000000020\nreqwas=0000000017\nsrvseq=0000000080\nimpseq=0000000001\n\
         count=0000000003\ntypes=PCM|SMTP\ntemplate=NO\nreceive=YES\nlimit=0000000000\n\
         transactions=internal\n"
    );
    assert_eq!(body.subject(), b"ReqTx R=20 (was 17), S=80, I=1 3 sent");
    assert_eq!(Body::decode(&body.encode().unwrap()).unwrap(), body);
}

// rule: dec:DEC-041
#[test]
fn a_request_after_a_resync_says_so_behind_receive() {
    let body = Body::Request(Request {
        resync: true,
        password: Vec::new(),
        ..request()
    });
    let text = lf(&body);
    assert!(text.contains("receive=YES\nresync=YES\nlimit="));
    assert!(!text.contains("password"));
}

// rule: dec:DEC-062
// rule: dsp:R-MSG-002
#[test]
fn replies_are_written_as_shown() {
    let names = (b"PCM:NET/SRV".to_vec(), b"PCM:NET/R1".to_vec());
    let reply = Reply {
        srvname: names.0.clone(),
        reqname: names.1.clone(),
        reqseq: 20,
        srvseq: 83,
        srvwas: 80,
        impseq: 1,
        count: 2,
        ..Reply::default()
    };
    let body = Body::Reply(reply.clone());
    assert_eq!(
        lf(&body),
        "[dirsync]\ntask=srvtx\nsrvname=PCM:NET/SRV\nreqname=PCM:NET/R1\nversion=3.5\n\
         reqseq=0000000020\nsrvseq=0000000083\nsrvwas=0000000080\nimpseq=0000000001\n\
         count=0000000002\nmore=NO\ntransactions=internal\n"
    );
    assert_eq!(body.subject(), b"SrvTx R=20 S=83 (was 80), I=1 2 sent");
    let empty = Body::Reply(Reply {
        no_updates: true,
        ..reply
    });
    assert!(lf(&empty).ends_with("internal\n\nNo updates to send. Nothing was requested.\n"));
    assert_eq!(Body::decode(&empty.encode().unwrap()).unwrap(), empty);
    let import = Body::ImportReply(ImportReply {
        srvname: names.0,
        reqname: names.1,
        reqseq: 20,
        srvseq: 83,
        base: 81,
        impseq: 2,
        count: 7,
        transactions: Carrier::Internal,
    });
    assert_eq!(
        lf(&import),
        "[dirsync]\ntask=importrep\nsrvname=PCM:NET/SRV\nreqname=PCM:NET/R1\nversion=3.5\n\
         reqseq=0000000020\nsrvseq=0000000083\nbase=0000000081\nimpseq=0000000002\n\
         count=0000000007\ntransactions=internal\n"
    );
    assert_eq!(import.subject(), b"SrvTx R=20 S=83 (was 0), I=2 7 sent");
}

// rule: dec:DEC-062
#[test]
fn status_and_import_request_are_written_as_shown() {
    let status = Body::Status(Status {
        reqname: b"PCM:NET/R1".to_vec(),
    });
    assert_eq!(
        lf(&status),
        "[dirsync]\ntask=status\nreqname=PCM:NET/R1\nversion=3.5\n"
    );
    assert_eq!(status.subject(), b"Status report from NET/R1");
    let import = Body::ImportRequest(ImportRequest {
        reqname: b"PCM:NET/R1".to_vec(),
        password: b"secret".to_vec(),
        reqseq: 20,
        impseq: 1,
        types: b"PCM|SMTP".to_vec(),
        ..ImportRequest::default()
    });
    assert_eq!(
        lf(&import),
        "[dirsync]\ntask=importreq\nreqname=PCM:NET/R1\npassword=secret\nversion=3.5\n\
         reqseq=0000000020\nsrvseq=0000000000\nimpseq=0000000001\ntypes=PCM|SMTP\n\
         template=NO\nlimit=0000000000\ntransactions=internal\n"
    );
    assert_eq!(import.subject(), b"Import request NET/R1");
}

// rule: dec:DEC-060
// rule: dsp:R-MSG-002
// rule: dsp:TV-MSG-1
// rule: exc:V-38
// rule: exc:R-DXA-051
// rule: exc:O-20
// rule: exc:R-DXA-050
// rule: std:1.1
#[test]
fn tv_msg_1_the_published_subject_is_cut_to_40_characters() {
    let subject = reply_subject(3, 87_298, 0, 2, 15_603);
    assert_eq!(subject, b"SrvTx R=3 S=87298 (was 0), I=2 15603 sen");
    assert_eq!(subject.len(), 40);
}

// rule: dsp:TV-MSG-2
// rule: dsp:R-MSG-004
#[test]
fn the_published_import_request_of_a_foreign_requestor_is_read() {
    let text = b"[DIRSYNC]\r\nTASK=IMPORTREQ\r\nNAME=PCM:MACNET/MACPO\r\nTYPES=PCM|CSI|profs\r\n\
        TEMPLATE=NO\r\nSRVSEQ=0000000644\r\nTRANSACTIONS=INATTACHMENT\r\n";
    let profile = Profile::parse(text).unwrap();
    assert!(!profile.is_native());
    let expected = ImportRequest {
        reqname: b"PCM:MACNET/MACPO".to_vec(),
        srvseq: 644,
        types: b"PCM|CSI|profs".to_vec(),
        transactions: Carrier::InAttachment,
        ..ImportRequest::default()
    };
    assert_eq!(profile.body().unwrap(), Body::ImportRequest(expected));
}

// rule: dsp:TV-MSG-3
// rule: dsp:R-MSG-005
#[test]
fn the_published_export_of_a_foreign_requestor_is_read() {
    let text = b"[dirsync]\ntask=export\nreqname=PCM:net/po\ntransactions=inbody\n\n\
        [dirsync-transactions]\n1200 A Martin, Robert PCM:net/po/rmartin\n";
    let profile = Profile::parse(text).unwrap();
    assert!(!profile.is_native());
    assert_eq!(profile.task(), Task::Export);
    assert_eq!(profile.carrier().unwrap(), Carrier::InBody);
    let lines = b"1200 A Martin, Robert PCM:net/po/rmartin\n";
    assert_eq!(profile.transactions(), Some(&lines[..]));
    assert!(profile.body().is_err());
}

// rule: dec:DEC-062
#[test]
fn readers_are_tolerant() {
    let text = b"\r\n [DirSync] \r\r\nVERSION = 3.5\r\r\nTask= ReqTx\r\nreqseq=1\r\nunknown=x\r\n\
        no key\r\npwd= p=q \r\nReqSeq = 20\r\n[other]\r\nreqseq=7\r\n";
    let profile = Profile::parse(text).unwrap();
    assert!(profile.is_native());
    let Body::Request(request) = profile.body().unwrap() else {
        panic!("a request")
    };
    assert_eq!((request.reqseq, request.reqwas), (20, 0));
    assert_eq!(request.password, b"p=q");
    assert_eq!(request.transactions, Carrier::Internal);
    assert!(request.receive && !request.template);
    for text in ["", "task=reqtx", "[dirsync-transactions]\n", "x[dirsync]"] {
        assert!(Profile::parse(text.as_bytes()).is_err(), "{text}");
    }
    for text in [
        "reqseq=-1",
        "reqseq=4294967296",
        "reqseq=1x",
        "transactions=bypigeon",
    ] {
        let text = format!("[dirsync]\ntask=reqtx\n{text}\n");
        assert_eq!(
            Body::decode(text.as_bytes()).unwrap_err().offset,
            21,
            "{text}"
        );
    }
    assert_eq!(Profile::parse(b"[dirsync]").unwrap().task(), Task::Missing);
    assert_eq!(
        Profile::parse(b"[dirsync]\ntask=foo").unwrap().task(),
        Task::Other(b"foo")
    );
}

// rule: dsp:R-MSG-005
#[test]
fn transactions_in_the_body_follow_an_empty_line() {
    let body = Body::Reply(Reply {
        transactions: Carrier::InBody,
        ..Reply::default()
    });
    let lines = b"0000000645 A User Number 1                  PCM:N/P/USER1\r\n";
    let text = body.encode_with_transactions(lines).unwrap();
    assert!(text.ends_with(&[&b"inbody\r\n\r\n[dirsync-transactions]\r\n"[..], lines].concat()));
    let profile = Profile::parse(&text).unwrap();
    assert_eq!(profile.transactions(), Some(&lines[..]));
    assert_eq!(profile.body().unwrap(), body);
}

// rule: dec:DEC-062
#[test]
fn a_name_cannot_smuggle_in_a_line() {
    let body = Body::Status(Status {
        reqname: b"PCM:NET/R1\r\npassword=x".to_vec(),
    });
    assert!(body.encode().is_err());
}

fn carrier() -> impl Strategy<Value = Carrier> {
    prop_oneof![
        Just(Carrier::Internal),
        Just(Carrier::InAttachment),
        Just(Carrier::InBody)
    ]
}

fn name() -> impl Strategy<Value = Vec<u8>> {
    "(PCM:[A-Z]{1,10}/[A-Z]{1,10})?".prop_map(String::into_bytes)
}

prop_compose! {
    fn bodies()(
        which in 0..5u8, names in (name(), name()), numbers: [u32; 6], flags: [bool; 4],
        transactions in carrier(), types in "[A-Z|]{0,20}", password in "[!-~]{0,15}",
    ) -> Body {
        let (srvname, reqname) = names;
        let (password, types) = (password.into_bytes(), types.into_bytes());
        let [reqseq, srvseq, impseq, count, limit_kb, was] = numbers;
        let [template, receive, resync, more] = flags;
        match which {
            0 => Body::Request(Request {
                reqname, password, reqseq, reqwas: was, srvseq, impseq, count, types, template,
                receive, resync, limit_kb, transactions,
            }),
            1 => Body::Reply(Reply {
                srvname, reqname, reqseq, srvseq, srvwas: was, impseq, count, more, transactions,
                no_updates: resync,
            }),
            2 => Body::Status(Status { reqname }),
            3 => Body::ImportRequest(ImportRequest {
                reqname, password, reqseq, srvseq, impseq, types, template, limit_kb, transactions,
            }),
            _ => Body::ImportReply(ImportReply {
                srvname, reqname, reqseq, srvseq, base: was, impseq, count, transactions,
            }),
        }
    }
}

proptest! {
    // rule: dec:DEC-062
    #[test]
    fn what_is_written_is_read(body in bodies()) {
        let text = body.encode().unwrap();
        prop_assert!(Profile::parse(&text).unwrap().is_native());
        prop_assert!(body.subject().len() <= 40);
        prop_assert_eq!(Body::decode(&text).unwrap(), body);
    }

    // rule: dec:DEC-062
    #[test]
    fn arbitrary_bytes_never_panic(
        head in prop_oneof![Just(&b""[..]), Just(&b"[dirsync]\n"[..])],
        text in "(task|reqtx|reqseq|=|[0-9]|\n|\\PC){0,60}",
        tail in proptest::collection::vec(any::<u8>(), 0..60),
    ) {
        let bytes = [head, text.as_bytes(), &tail].concat();
        if let Ok(profile) = Profile::parse(&bytes) {
            let _ = (profile.body(), profile.carrier(), profile.transactions());
        }
    }
}

#[test]
fn a_shown_text_holds_no_password() {
    let text = b"[dirsync]\r\nPWD = p=q\r\nreqname=x\rpassword=secret";
    assert_eq!(
        without_passwords(text),
        b"[dirsync]\r\nPWD =***\r\nreqname=x\rpassword=***"
    );
    assert_eq!(without_passwords(b"nothing here\n"), b"nothing here\n");
}

// rule: dsp:R-PWD-003
#[test]
fn no_debug_text_shows_a_password() {
    let password = b"Sesame".to_vec();
    let bytes = format!("{password:?}");
    let request = Body::Request(Request {
        password: password.clone(),
        ..Request::default()
    });
    let import = Body::ImportRequest(ImportRequest {
        password,
        ..ImportRequest::default()
    });
    for body in [request, import] {
        let shown = format!("{body:?}");
        assert!(shown.contains("password: \"set\""), "{shown}");
        assert!(
            !shown.contains("Sesame") && !shown.contains(&bytes),
            "{shown}"
        );
    }
    let profile = Profile::parse(b"[dirsync]\npassword=Sesame\n").unwrap();
    assert!(!format!("{profile:?}").contains(&bytes), "{profile:?}");
    assert!(format!("{:?}", Request::default()).contains("password: \"none\""));
}
