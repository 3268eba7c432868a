//! What the agent takes from its key.

use super::{Absent, DX_KEY, Data, KNOWN, KnownValue, RegistryFile, ValueType, known};

/// A value of the agent's key that does not do what it seems to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettingFault {
    /// Its type is another one; it counts as absent.
    #[error("{name} must be {}, it is {}; it is taken for absent", .wanted.word(), .found.word())]
    Type {
        /// The value.
        name: &'static str,
        /// The type it should have.
        wanted: ValueType,
        /// The type it has.
        found: ValueType,
    },
    /// The case of letters counts in this name, and it is another; it counts as absent.
    #[error("{found} is not {name}: capital and small letters count in this name (Q146676)")]
    Case {
        /// The name it should have.
        name: &'static str,
        /// The name it has.
        found: String,
    },
}

/// The agent's settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DxSettings {
    /// `PauseKicksDX` is 1.
    pub pause_kicks_dx: bool,
    /// Requestors for whom RESYNC.GLB is to be written; `None` without the value.
    pub resync_connections: Option<Vec<String>>,
    /// Numbers over all requestors instead of the named ones.
    pub global_max_seq_in_resync: bool,
    /// 001 at every name that occurs twice, not only inside one postoffice.
    pub unique_display_names: bool,
    /// Custom recipients of type MS that nobody imported are not sent.
    pub require_valid_imp_from: bool,
    /// Further requestors to look for. An entry may be several names parted by blanks.
    pub requestors_used_to_import_from: Vec<String>,
    /// Domain of the address map; the map is off without it.
    pub smtp_domain: Option<String>,
    /// The address map's path as written.
    pub address_mapping_file: Option<String>,
    /// `SMTPPrimaryProxy`.
    pub smtp_primary_proxy: Option<u32>,
    /// A number is added to a mapped address that is taken.
    pub unique_smtp_for_addr_map: bool,
    /// Names of MHS recipients come from the braces of their addresses.
    pub mhs_brace_names: bool,
    /// Where the agent's files are, as written.
    pub dxadata_path: Option<String>,
    /// Start type of the service.
    pub start: u32,
}

impl DxSettings {
    /// Reads the settings; what has the wrong type or case counts as absent and is told.
    #[must_use]
    pub fn read(file: &RegistryFile) -> (Self, Vec<SettingFault>) {
        let mut faults = Vec::new();
        let mut number = |name| match find(file, name, &mut faults) {
            Some(Data::Number(number)) => Some(*number),
            _ => match known(name).map(|value| value.absent) {
                Some(Absent::Number(number)) => Some(number),
                _ => None,
            },
        };
        let mut settings = Self {
            pause_kicks_dx: number("PauseKicksDX") == Some(1),
            resync_connections: None,
            global_max_seq_in_resync: number("GlobalMaxSeqInResync") == Some(1),
            unique_display_names: number("Unique Display Names") != Some(0),
            require_valid_imp_from: number("RequireValidImpFrom") == Some(1),
            requestors_used_to_import_from: Vec::new(),
            smtp_domain: None,
            address_mapping_file: None,
            smtp_primary_proxy: number("SMTPPrimaryProxy"),
            unique_smtp_for_addr_map: number("Unique SMTP for AddrMap") == Some(1),
            mhs_brace_names: number("MHS Names From Braces") == Some(1),
            dxadata_path: None,
            start: number("Start").unwrap_or(2),
        };
        let mut text = |name| match find(file, name, &mut faults) {
            Some(Data::Text(text)) if !text.is_empty() => Some(text.clone()),
            _ => None,
        };
        settings.smtp_domain = text("SMTPDomain");
        settings.address_mapping_file = text("AddressMappingFileName");
        settings.dxadata_path = text("DXADataPath");
        let mut list = |name| match find(file, name, &mut faults) {
            Some(Data::List(list)) => Some(list.clone()),
            // Q155727 calls it a list parted by spaces: one text is accepted as well.
            Some(Data::Text(text)) => Some(vec![text.clone()]),
            _ => None,
        };
        settings.resync_connections = list("ResyncConnectionRDNs");
        settings.requestors_used_to_import_from =
            list("Requestors Used To Import From").unwrap_or_default();
        (settings, faults)
    }
}

fn find<'f>(
    file: &'f RegistryFile,
    name: &'static str,
    faults: &mut Vec<SettingFault>,
) -> Option<&'f Data> {
    let value: &KnownValue = KNOWN.iter().find(|value| value.name == name)?;
    let (found, data) = file.get(DX_KEY, name)?;
    if value.case_sensitive && found != name {
        faults.push(SettingFault::Case {
            name,
            found: found.to_owned(),
        });
        return None;
    }
    let wanted = value.value_type;
    let fits = data.value_type() == wanted
        || (name == "Requestors Used To Import From" && matches!(data, Data::Text(_)));
    if !fits {
        faults.push(SettingFault::Type {
            name,
            wanted,
            found: data.value_type(),
        });
        return None;
    }
    Some(data)
}
