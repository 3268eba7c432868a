//! Making and unmaking: the server role, and the records of requestors.

use crate::base::{CpField, MailboxName, PoName};
use crate::format::FixedRecord;
use crate::format::field::Password;
use crate::format::record::{DELETED, LIVE};
use crate::format::reqconf::{ReqConfRecord, req_options};
use crate::format::srvconf::{SrvConfHeader, SrvConfRecord, free_index};

use super::Server;
use crate::protocol::message::Party;

/// A change of the server's set-up that is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ServerRefusal {
    /// Master numbers start at 1 again; a requestor that asks from an old number gets nothing
    /// (dsp R-ROLE-006).
    #[error("this postoffice is at server number {0}; reset its requestor first (listds --zero)")]
    NotReset(u32),
    /// The requestor has a record already.
    #[error("requestor {0} is registered already")]
    Exists(String),
    /// No such requestor.
    #[error("requestor {0} is not registered")]
    Unknown(String),
    /// The server is its own requestor as long as it is server.
    #[error("the server's own record stays as long as it is the server")]
    OwnRecord,
}

/// What switching the server on makes.
#[derive(Debug, Clone)]
pub struct ServerOn {
    /// SRVCONF with one record: its own. MSTTRANS is made empty.
    pub server: Server,
    /// REQCONF, registered with itself (dsp R-ROLE-003).
    pub conf: ReqConfRecord,
}

/// What switching the server off removes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServerOff {
    /// Files to be removed.
    pub files: [&'static str; 2],
    /// T2 entries leave PROCESS.GLB too; the originals left them there, and every T2 ended with
    /// Fatal 161 (DEC-054).
    pub drop_t2_schedule: bool,
}

/// Switches the server off.
#[must_use]
pub fn server_off() -> ServerOff {
    ServerOff {
        files: ["GLB/SRVCONF.GLB", "GLB/MSTTRANS.GLB"],
        drop_t2_schedule: true,
    }
}

fn fresh_record(party: Party, mailbox: MailboxName, password: Password) -> SrvConfRecord {
    let mut record = SrvConfRecord::zeroed();
    record.state = LIVE;
    let scope = party.scope();
    record.type_name = CpField::from_bytes(scope.kind.name().as_bytes()).unwrap_or_default();
    if let Some(name) = scope.node {
        record.network = name.network_field();
        record.postoffice = name.postoffice_field();
    }
    record.mailbox = mailbox.field();
    record.password = password;
    record
}

impl Server {
    /// Makes a postoffice the directory server.
    ///
    /// # Errors
    /// [`ServerRefusal::NotReset`] when its q.S is not 0.
    pub fn switch_on(own: PoName, conf: &ReqConfRecord) -> Result<ServerOn, ServerRefusal> {
        let srv = conf.srv_sync.get();
        if srv != 0 {
            return Err(ServerRefusal::NotReset(srv));
        }
        let record = fresh_record(
            Party::postoffice(own),
            MailboxName::system(),
            Password::default(),
        );
        let mut conf = conf.clone();
        register(&mut conf, own, Password::default());
        Ok(ServerOn {
            server: Self::new(own, SrvConfHeader::fresh(), vec![record]),
            conf,
        })
    }

    /// Registers a requestor: the first deleted record is used again. Answers the index.
    ///
    /// # Errors
    /// [`ServerRefusal::Exists`].
    pub fn create_requestor(
        &mut self,
        party: Party,
        mailbox: MailboxName,
        password: Password,
    ) -> Result<usize, ServerRefusal> {
        if self.find(party).is_some() {
            return Err(ServerRefusal::Exists(party.to_string()));
        }
        let index = free_index(&self.records);
        let record = fresh_record(party, mailbox, password);
        match self.records.get_mut(index) {
            Some(place) => *place = record,
            None => self.records.push(record),
        }
        Ok(index)
    }

    /// Removes a requestor's record. Its numbers are forgotten: a record made again starts at 0,
    /// and its replies are dropped until an import request comes (Q99961).
    ///
    /// # Errors
    /// [`ServerRefusal::Unknown`], [`ServerRefusal::OwnRecord`].
    pub fn delete_requestor(&mut self, party: Party) -> Result<usize, ServerRefusal> {
        if party == self.party() {
            return Err(ServerRefusal::OwnRecord);
        }
        let index = self
            .find(party)
            .ok_or_else(|| ServerRefusal::Unknown(party.to_string()))?;
        self.records[index].state = DELETED;
        Ok(index)
    }
}

/// Requestor, Registration: names the server in REQCONF. Numbers stay.
pub fn register(conf: &mut ReqConfRecord, server: PoName, password: Password) {
    conf.srv_type = CpField::from_bytes(b"PCM").unwrap_or_default();
    conf.srv_network = server.network_field();
    conf.srv_postoffice = server.postoffice_field();
    conf.srv_mailbox = MailboxName::system().field();
    conf.password = password;
    conf.set(req_options::REGISTERED, true);
}
