//! Reading a message: what it is and what it says.

use std::fmt;

use super::{NamedParty, TypeList};
use crate::format::body::{Carrier, Profile, Task};
use crate::protocol::numbers::{ReplyHead, is_implied_import, is_plausible};

/// A password out of a message; never shown.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Secret(Vec<u8>);

impl Secret {
    /// Holds a password.
    #[must_use]
    pub fn new(text: &[u8]) -> Self {
        Self(text.to_vec())
    }

    /// The bytes, to be compared.
    #[must_use]
    pub fn text(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_empty() { "none" } else { "set" })
    }
}

/// What a requestor wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestKind {
    /// `reqtx`.
    Update,
    /// `importreq`.
    Import,
    /// `export` of a foreign requestor.
    Export,
}

/// A message from a requestor that the server answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// What it is.
    pub kind: RequestKind,
    /// Who sends it.
    pub name: NamedParty,
    /// The dirsync password it gives.
    pub password: Secret,
    /// Last transaction in the attachment.
    pub req: u32,
    /// q.R.
    pub was: u32,
    /// q.S: answer from here on.
    pub srv: u32,
    /// Whether it says a srvseq at all (a foreign export may not).
    pub srv_given: bool,
    /// q.I.
    pub imp: u32,
    /// Transactions in the attachment, when it says so.
    pub count: Option<u32>,
    /// Address types wanted.
    pub types: TypeList,
    /// Templates wanted.
    pub templates: bool,
    /// Updates wanted.
    pub receive: bool,
    /// The numbers come from RESYNC.GLB (DEC-041).
    pub resync: bool,
    /// Limit of the reply in KB of 1,024 bytes, 0 none.
    pub limit_kb: u32,
    /// How the transactions travel, and those of the reply.
    pub carrier: Carrier,
    /// Parameters that a foreign requestor must pass and this one did not (exc R-FFA-051).
    pub missing: Vec<&'static str>,
}

impl Request {
    /// Whether all lists are asked for: explicitly (DEC-035) or by three zeros (DEC-034). One who
    /// takes no updates gets no import either (ASSIGNED).
    #[must_use]
    pub fn wants_import(&self) -> bool {
        match self.kind {
            RequestKind::Import => self.srv == 0,
            RequestKind::Update => self.receive && is_implied_import(self.was, self.srv, self.imp),
            RequestKind::Export => false,
        }
    }

    /// Whether updates of others are asked for. A foreign export that says no srvseq only delivers
    /// (ASSIGNED; a srvseq of 0 made up for it would ask for the whole master list).
    #[must_use]
    pub fn wants_updates(&self) -> bool {
        match self.kind {
            RequestKind::Export => self.srv_given,
            _ => self.receive,
        }
    }

    /// Whether the message may carry transactions of the sender.
    #[must_use]
    pub fn carries_transactions(&self) -> bool {
        self.kind != RequestKind::Import
    }
}

/// A message from a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The server.
    pub server: NamedParty,
    /// The requestor it is for.
    pub to: NamedParty,
    /// Its numbers; it has no form without the echo.
    pub head: ReplyHead,
    /// Transactions in the attachment, when it says so.
    pub count: Option<u32>,
    /// More is to come (paced).
    pub more: bool,
    /// How the transactions travel.
    pub carrier: Carrier,
}

/// A message in the system mailbag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Incoming {
    /// From a requestor.
    Request(Request),
    /// A requestor's log.
    Status(NamedParty),
    /// From a server.
    Reply(Reply),
    /// `[dirsync]` with a task nobody knows: message 155.
    UnknownTask(NamedParty),
    /// `[dirsync]` without a task: message 155 as well.
    NoTask(NamedParty),
    /// `[dirsync]` with a number or word that is none: message 124.
    Malformed(NamedParty),
    /// User mail or a report of non-delivery: message 154.
    Foreign,
}

impl Incoming {
    /// Reads the body of a message.
    #[must_use]
    pub fn read(body: &[u8]) -> Self {
        let Ok(profile) = Profile::parse(body) else {
            return Self::Foreign;
        };
        let name = NamedParty::read(profile.text("reqname"));
        let read = match profile.task() {
            Task::Request => Self::request(&profile, RequestKind::Update),
            Task::ImportRequest => Self::request(&profile, RequestKind::Import),
            Task::Export => Self::request(&profile, RequestKind::Export),
            Task::Reply => Self::reply(&profile, false),
            Task::ImportReply => Self::reply(&profile, true),
            Task::Status => Some(Self::Status(name.clone())),
            Task::Other(_) => Some(Self::UnknownTask(name.clone())),
            Task::Missing => Some(Self::NoTask(name.clone())),
        };
        read.unwrap_or(Self::Malformed(name))
    }

    fn request(profile: &Profile<'_>, kind: RequestKind) -> Option<Self> {
        let number = |key| number(profile, key);
        Some(Self::Request(Request {
            kind,
            name: NamedParty::read(profile.text("reqname")),
            password: Secret::new(profile.text("password")),
            req: number("reqseq")?,
            was: number("reqwas")?,
            srv: number("srvseq")?,
            srv_given: !profile.text("srvseq").is_empty(),
            imp: number("impseq")?,
            count: count(profile)?,
            types: TypeList::parse(profile.text("types")),
            templates: profile.flag("template", false),
            receive: profile.flag("receive", true),
            resync: profile.flag("resync", false),
            limit_kb: profile.number("limit").ok()?,
            carrier: profile.carrier().ok()?,
            missing: missing(profile, kind),
        }))
    }

    fn reply(profile: &Profile<'_>, import: bool) -> Option<Self> {
        let number = |key| number(profile, key);
        Some(Self::Reply(Reply {
            server: NamedParty::read(profile.text("srvname")),
            to: NamedParty::read(profile.text("reqname")),
            head: ReplyHead {
                import,
                req: number("reqseq")?,
                srv: number("srvseq")?,
                was: if import { 0 } else { number("srvwas")? },
                imp: number("impseq")?,
            },
            count: count(profile)?,
            more: profile.flag("more", false),
            carrier: profile.carrier().ok()?,
        }))
    }
}

/// What a foreign request leaves out. An import request without `srvseq` asks for everything
/// (DEC-035), and one without `types` for PCM; ours are never asked.
fn missing(profile: &Profile<'_>, kind: RequestKind) -> Vec<&'static str> {
    const NEEDED: [(&str, &str); 3] = [
        ("types", "TYPES"),
        ("srvseq", "SRVSEQ"),
        ("transactions", "TRANSACTIONS"),
    ];
    if profile.is_native() {
        return Vec::new();
    }
    let needed = if kind == RequestKind::Import {
        &NEEDED[2..]
    } else {
        &NEEDED[..]
    };
    let absent = needed
        .iter()
        .filter(|(key, _)| profile.text(key).is_empty());
    absent.map(|&(_, name)| name).collect()
}

/// A sync number of a message; `None` for text that is none and for one beyond the limit.
fn number(profile: &Profile<'_>, key: &'static str) -> Option<u32> {
    profile
        .number(key)
        .ok()
        .filter(|&number| is_plausible(number))
}

/// `count=`, `Some(None)` when it is not there.
fn count(profile: &Profile<'_>) -> Option<Option<u32>> {
    if profile.text("count").is_empty() {
        return Some(None);
    }
    profile.number("count").ok().map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::AddressType;
    use crate::format::body;
    use proptest::prelude::*;

    fn request(text: &str) -> Request {
        match Incoming::read(text.as_bytes()) {
            Incoming::Request(request) => request,
            other => panic!("{other:?}"),
        }
    }

    // rule: dsp:TV-MSG-2
    // rule: dsp:R-MSG-004
    // rule: dec:DEC-035
    #[test]
    fn the_import_request_of_q118298() {
        let request = request(
            "[DIRSYNC]\r\nTASK=IMPORTREQ\r\nNAME=PCM:MACNET/MACPO\r\nTYPES=PCM|CSI|profs\r\n\
             TEMPLATE=NO\r\nSRVSEQ=0000000644\r\nTRANSACTIONS=INATTACHMENT\r\n",
        );
        assert_eq!(request.kind, RequestKind::Import);
        assert_eq!(request.name.to_string(), "PCM:MACNET/MACPO");
        assert!(!request.wants_import() && request.wants_updates());
        assert_eq!((request.srv, request.carrier), (644, Carrier::InAttachment));
        assert!(request.types.wants(AddressType::Profs) && !request.templates);
        let full = self::request("[dirsync]\ntask=importreq\nreqname=PCM:N/P\nsrvseq=0\n");
        assert!(full.wants_import());
        assert!(self::request("[dirsync]\ntask=importreq\nreqname=PCM:N/P\n").wants_import());
    }

    // rule: dsp:TV-MSG-3
    #[test]
    fn the_export_of_q106623() {
        let request = request(
            "[dirsync]\r\ntask=export\r\nreqname=PCM:net/po\r\ntransactions=inbody\r\n\r\n\
             [dirsync-transactions]\r\n1200 A Martin, Robert PCM:net/po/rmartin\r\n",
        );
        assert_eq!((request.kind, request.count), (RequestKind::Export, None));
        assert!(!request.wants_import() && !request.wants_updates());
        assert_eq!(request.carrier, Carrier::InBody);
    }

    // rule: exc:R-FFA-051
    #[test]
    fn what_a_foreign_request_leaves_out_is_named() {
        let asked = |lines: &str| request(&format!("[dirsync]\nreqname=PCM:N/P\n{lines}")).missing;
        assert_eq!(asked("task=export\n"), ["TYPES", "SRVSEQ", "TRANSACTIONS"]);
        assert_eq!(
            asked("task=export\nsrvseq=0\ntypes=\n"),
            ["TYPES", "TRANSACTIONS"]
        );
        assert_eq!(asked("task=importreq\n"), ["TRANSACTIONS"]);
        let all = "task=export\nTypes=PCM\nSrvSeq=0000000000\nTransactions=inbody\n";
        assert_eq!(asked(all), [""; 0]);
        // One of ours says what it says.
        assert_eq!(asked("task=reqtx\nversion=3.5\n"), [""; 0]);
    }

    // rule: dec:DEC-034
    #[test]
    fn three_zeros_ask_for_an_import_unless_nothing_is_received() {
        let zero = "[dirsync]\ntask=reqtx\nreqname=PCM:N/P\nreqseq=3\n";
        assert!(request(zero).wants_import());
        assert!(!request(&format!("{zero}receive=NO\n")).wants_import());
        assert!(!request(&format!("{zero}srvseq=1\n")).wants_import());
    }

    // rule: dsp:R-T2R-004
    #[test]
    fn what_is_no_dirsync_message() {
        assert_eq!(
            Incoming::read(b"Hello,\r\n[dirsync]\r\n"),
            Incoming::Foreign
        );
        let task =
            |task: &str| Incoming::read(format!("[dirsync]\n{task}\nreqname=PCM:N/P").as_bytes());
        assert!(matches!(task("task=dance"), Incoming::UnknownTask(_)));
        assert!(matches!(task("x=y"), Incoming::NoTask(_)));
        for bad in [
            "reqseq=x",
            "srvseq=4294967000",
            "transactions=pigeon",
            "count=-1",
        ] {
            assert!(
                matches!(task(&format!("task=reqtx\n{bad}")), Incoming::Malformed(_)),
                "{bad}"
            );
        }
        assert!(matches!(
            task("task=srvtx\nreqseq=4294967295"),
            Incoming::Malformed(_)
        ));
    }

    // rule: dsp:R-PWD-003
    #[test]
    fn a_password_is_never_shown() {
        let request = request("[dirsync]\ntask=reqtx\nreqname=PCM:N/P\npassword=Secret\n");
        assert_eq!(request.password.text(), b"Secret");
        assert!(!format!("{request:?}").contains("Secret"));
    }

    proptest! {
        // rule: dsp:R-MSG-004
        #[test]
        fn arbitrary_bodies_never_panic(bytes: Vec<u8>, key in "(reqseq|srvseq|count|limit|types|reqname)", value in ".{0,30}") {
            let _ = Incoming::read(&bytes);
            let _ = Incoming::read(format!("[dirsync]\ntask=reqtx\n{key}={value}").as_bytes());
        }

        // rule: dec:3
        #[test]
        fn native_replies_are_read_as_written(req in 0u32..1000, srv: u16, was: u16, imp: u8, count: u16, import: bool) {
            let (srvname, reqname) = (b"PCM:NET/SRV".to_vec(), b"PCM:NET/R1".to_vec());
            let written = if import {
                body::Body::ImportReply(body::ImportReply {
                    srvname, reqname, reqseq: req, srvseq: srv.into(), base: was.into(),
                    impseq: imp.into(), count: count.into(), transactions: Carrier::Internal,
                })
            } else {
                body::Body::Reply(body::Reply {
                    srvname, reqname, reqseq: req, srvseq: srv.into(), srvwas: was.into(),
                    impseq: imp.into(), count: count.into(), ..body::Reply::default()
                })
            };
            let Incoming::Reply(read) = Incoming::read(&written.encode().unwrap()) else {
                return Err(TestCaseError::fail("no reply"));
            };
            let was = if import { 0 } else { was.into() };
            prop_assert_eq!(read.head, ReplyHead { import, req, srv: srv.into(), was, imp: imp.into() });
            prop_assert_eq!(read.count, Some(count.into()));
        }
    }
}
