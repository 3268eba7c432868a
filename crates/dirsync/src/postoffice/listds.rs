//! The numbers of directory synchronization as LISTDS prints them, and their reset (Q96060).

use jiff::tz::TimeZone;

use crate::core::base::time::UnixTime;
use crate::core::protocol::requestor::Requestor;

use super::config::options::server_name;
use super::config::requestors::{ShownRequestor, shown};
use super::config::{SRVCONF_GLB, is_server, save_reqconf, srvconf};
use super::edit::Edit;
use super::error::PoError;
use super::list_error::ListError;
use super::lists::own_name;
use super::lists::waiting::reqconf;

/// What LISTDS shows of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerNumbers {
    /// `NET/PO` of the server.
    pub postoffice: String,
    /// s.Sync.
    pub highest: u32,
    /// Current cycle.
    pub cycle: u32,
    /// The requestors.
    pub requestors: Vec<ShownRequestor>,
}

/// What LISTDS shows of a requestor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestorNumbers {
    /// `NET/PO` of the requestor.
    pub postoffice: String,
    /// `NET/PO` of its server; `None` when none is named.
    pub server: Option<String>,
    /// q.R.
    pub req_sync: u32,
    /// q.S.
    pub srv_sync: u32,
    /// q.I.
    pub imp_sync: u32,
    /// Highest number put into a request.
    pub last_sent: u32,
}

/// The numbers of the server.
///
/// # Errors
/// The postoffice is not the server; SRVCONF.GLB is damaged (dsp R-LDS-002).
pub fn server(edit: &mut Edit<'_>) -> Result<ServerNumbers, PoError> {
    let (header, records) = srvconf(edit)?;
    Ok(ServerNumbers {
        postoffice: own_name(edit)?.to_string(),
        highest: header.sync.get(),
        cycle: header.cycle.get(),
        requestors: records
            .iter()
            .filter(|record| record.is_live())
            .map(shown)
            .collect(),
    })
}

/// The numbers of the requestor.
///
/// # Errors
/// REQCONF.GLB is damaged.
pub fn requestor(edit: &mut Edit<'_>) -> Result<RequestorNumbers, PoError> {
    let conf = reqconf(edit)?;
    Ok(RequestorNumbers {
        postoffice: own_name(edit)?.to_string(),
        server: server_name(&conf),
        req_sync: conf.req_sync.get(),
        srv_sync: conf.srv_sync.get(),
        imp_sync: conf.imp_sync.get(),
        last_sent: conf.last_sent.get(),
    })
}

impl ServerNumbers {
    /// The lines of LISTDS -S behind a program's own banner.
    #[must_use]
    pub fn lines(&self, zone: &TimeZone) -> Vec<String> {
        let mut lines = vec![
            format!("Examining {} Server Configuration Record", self.postoffice),
            format!(
                "Highest SrvSync is {}, Current Dirsync Cycle is {}",
                self.highest, self.cycle
            ),
        ];
        for (at, one) in self.requestors.iter().enumerate() {
            lines.extend([
                String::new(),
                format!("     Server Requestor Record #{}", at + 1),
                format!("Requestor name: {}:{}", one.type_name, one.name),
                format!(
                    "ReqSync = {}, SrvSync = {}, Last Cycle = {}",
                    one.req_sync, one.srv_sync, one.last_cycle
                ),
                format!("Last update received {}", listed(one.last_update, zone)),
            ]);
        }
        lines
    }
}

/// A time of the listing; `never` is our word, the articles print none.
fn listed(time: UnixTime, zone: &TimeZone) -> String {
    if time.is_never() {
        "never".to_owned()
    } else {
        time.listing(zone)
    }
}

impl RequestorNumbers {
    /// The lines of LISTDS -R behind a program's own banner.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        vec![
            format!(
                "Examining {} Requestor Configuration Record",
                self.postoffice
            ),
            String::new(),
            format!(
                "Dir-Sync Server: {}",
                self.server.as_deref().unwrap_or("none")
            ),
            format!("ReqSync = {}, SrvSync = {}", self.req_sync, self.srv_sync),
        ]
    }
}

/// Sets the numbers of a requestor to 0, its types to the default and its pointers to "no run";
/// server, password and times stay (DEC-053, Q140462, Q131681). Whether anything is different now.
///
/// # Errors
/// The postoffice is the directory server, or still has its file.
pub fn zero(edit: &mut Edit<'_>) -> Result<bool, PoError> {
    if is_server(edit)? || edit.exists(SRVCONF_GLB)? {
        return Err(ListError::Refused {
            why: format!(
                "{} is the directory server; only requestors can be set to zero",
                own_name(edit)?
            ),
            hint: "a global reset begins with `po-admin server off`; see also `dxa-cycle reset`",
        }
        .into());
    }
    let requestor = Requestor {
        own: own_name(edit)?,
        conf: reqconf(edit)?,
        is_server: false,
    };
    let Some(conf) = requestor.zeroed() else {
        return Ok(false);
    };
    save_reqconf(edit, &conf)?;
    Ok(conf != requestor.conf)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::base::address::PoName;
    use crate::core::format::FixedRecord as _;
    use crate::core::format::field::CpField;
    use crate::core::format::field::Password;
    use crate::core::format::reqconf::ReqConfRecord;
    use crate::core::format::srvconf::SRVCONF;
    use crate::postoffice::config::requestors::{NewRequestor, add};
    use crate::postoffice::config::{load_srvconf, server as role};
    use crate::postoffice::externals::{NewExternal, add as add_external};
    use crate::postoffice::testtree::TestPo;
    use crate::tree::ErrorClass;

    fn printed(text: &str) -> Vec<&str> {
        text.lines().skip(3).collect()
    }

    fn montgomery() -> TestPo {
        let po = TestPo::new("POLYNOMIAL", "MONTGOMERY");
        po.edit(role::on).unwrap();
        for other in ["POLYNOMIAL/NOVEMBER", "POLYNOMIAL/OCTOBER"] {
            let name: PoName = other.parse().unwrap();
            let external = NewExternal {
                name,
                via: None,
                path: None,
                autocreated: false,
            };
            po.edit(|edit| add_external(edit, &external)).unwrap();
            let new = NewRequestor {
                name,
                password: Password::default(),
                mailbox: None,
            };
            po.edit(|edit| add(edit, &new)).unwrap();
        }
        po.edit(|edit| {
            let (mut header, mut records) = load_srvconf(edit)?;
            header.sync.set(80);
            header.cycle.set(11);
            for (record, numbers) in records.iter_mut().zip([
                [17, 80, 11, 761_577_118],
                [18, 0, 9, 761_475_165],
                [12, 71, 9, 761_475_165],
            ]) {
                let [req, srv, cycle, time] = numbers;
                record.req_sync.set(req);
                record.srv_sync.set(srv);
                record.last_cycle.set(cycle);
                record.last_update.set(time);
            }
            Ok(edit.write(SRVCONF_GLB, SRVCONF.build(&header, &records))?)
        })
        .unwrap();
        po
    }

    // rule: dsp:R-NUM-005
    #[test]
    fn the_published_listing_of_a_server() {
        let lines = montgomery().edit(server).unwrap().lines(&TimeZone::UTC);
        let theirs = printed(include_str!(
            "../../../../fixtures/output/q96060-listds-s.txt"
        ));
        assert_eq!(lines, theirs);
    }

    fn set(po: &TestPo, change: impl FnOnce(&mut ReqConfRecord)) {
        let mut conf = ReqConfRecord::decode(&po.bytes("GLB/REQCONF.GLB").unwrap()).unwrap();
        change(&mut conf);
        po.put("GLB/REQCONF.GLB", &conf.encode());
    }

    #[test]
    fn the_published_listing_of_a_requestor() {
        let po = montgomery();
        set(&po, |conf| {
            conf.req_sync.set(17);
            conf.srv_sync.set(80);
        });
        let lines = po.edit(requestor).unwrap().lines();
        let theirs = printed(include_str!(
            "../../../../fixtures/output/q96060-listds-r.txt"
        ));
        assert_eq!(lines, theirs);
    }

    // rule: dsp:R-LDS-002
    #[test]
    fn a_corrupt_file_of_the_server_is_reported() {
        let po = montgomery();
        let whole = po.bytes("GLB/SRVCONF.GLB").unwrap();
        assert_eq!(whole.len(), 4 * 1024);
        for len in [0, 1023, 1500, 4 * 1024 - 1] {
            po.put("GLB/SRVCONF.GLB", &whole[..len]);
            let error = po.edit(server).unwrap_err();
            let text = error.to_string();
            assert!(text.contains("SRVCONF.GLB is damaged"), "{len}: {text}");
            assert!(error.hint().unwrap().contains("po-admin check"));
        }
        po.put("GLB/SRVCONF.GLB", &whole);
        assert!(po.edit(server).is_ok());
    }

    // rule: dsp:R-LDS-001
    // rule: dec:DEC-053
    #[test]
    fn zero_is_for_requestors_and_keeps_name_and_times() {
        let po = montgomery();
        assert_eq!(po.edit(zero).unwrap_err().class(), ErrorClass::Refused);
        po.edit(role::off).unwrap();
        set(&po, |conf| {
            conf.req_sync.set(17);
            conf.srv_sync.set(80);
            conf.imp_sync.set(2);
            conf.last_sent.set(19);
            conf.ptr_usrtrans.set(120);
            conf.last_export.set(7);
            conf.types = CpField::from_bytes(b"PCM|SMTP").unwrap();
            conf.password = Password::from_bytes(b"x").unwrap();
            conf.srv_network = CpField::from_bytes(b"N").unwrap();
        });
        assert!(po.edit(zero).unwrap());
        let conf = ReqConfRecord::decode(&po.bytes("GLB/REQCONF.GLB").unwrap()).unwrap();
        let numbers = [conf.req_sync, conf.srv_sync, conf.imp_sync, conf.last_sent];
        assert!(numbers.iter().all(|number| number.get() == 0));
        assert_eq!((conf.ptr_usrtrans.get(), conf.last_export.get()), (-1, 7));
        assert_eq!(
            (conf.types.text(), conf.password.text()),
            (&b"PCM"[..], &b"x"[..])
        );
        assert_eq!(conf.srv_network.text(), b"N");
        assert!(!po.edit(zero).unwrap());
    }
}
