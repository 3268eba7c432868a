//! `DXADATA/AGENT.INI`: the settings of the agent's directory objects.
//!
//! Numbers and flags of parties stand in `SRVCONF.GLB` and `REQCONF.GLB` (decisions DEC-068); here
//! stand the rest. Sections and keys are ours (ASSIGNED); the keys of an object are the names of its
//! attributes in the directory (DOCUMENTED in the directory schema). UTF-8, `[section]` and
//! `key=value` lines, CR LF written, LF read; `;` begins a remark. Lines keep their order, unknown
//! ones as well; several values of a key are parted by `%` as in the directory's export.
//!
//! | section | keys |
//! |---|---|
//! | `[Agent]` | `Organization`, `Site`, `Server`, `Profile`, `Connector` (NET/PO of the shadow postoffice), `Address` (`$SYSTEM`, `SYSTEM1` …) |
//! | `[Diagnostics]` | a category of events = `None`, `Minimum`, `Medium`, `Maximum` |
//! | `[Dirsync Server NAME]` | `DXA-Local-Admin`, `DXA-Admin-Copy`, `DXA-Admin-Forward` |
//! | `[Remote Requestor NAME]`, `[Requestor NAME]` | see [`PartySettings`] |

use crate::base::{DecodeError, DecodeErrorKind};
use crate::format::mta::profile::Profile;

use super::recipients::{DEFAULT_CONTAINER, DEFAULT_TRUST, NEVER_EXPORTED_TRUST, split_values};

/// The documented path.
pub const PATH: &str = "DXADATA/AGENT.INI";
/// Longer files are damaged (ASSIGNED).
pub const MAX_LEN: usize = 1 << 20;
/// Longest name of an object in characters (DOCUMENTED).
pub const OBJECT_NAME_LEN: usize = 64;

const WHAT: &str = "AGENT.INI";

/// How much of a category of events is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub enum Level {
    /// Errors only.
    #[default]
    None,
    /// The most important ones.
    Minimum,
    /// More.
    Medium,
    /// All.
    Maximum,
}

impl Level {
    /// The word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::None => "None",
            Self::Minimum => "Minimum",
            Self::Medium => "Medium",
            Self::Maximum => "Maximum",
        }
    }

    /// The level of a word, in any case.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::None, Self::Minimum, Self::Medium, Self::Maximum]
            .into_iter()
            .find(|level| level.word().eq_ignore_ascii_case(word))
    }

    /// Whether an event that is reported from `needed` on is written at this level. An error is
    /// written at every level.
    #[must_use]
    pub fn writes(self, needed: Self, is_error: bool) -> bool {
        is_error || needed <= self
    }
}

/// The categories of events of the agent (DOCUMENTED names).
pub const CATEGORIES: [&str; 3] = ["Event Handler", "Startup", "MS Mail 3.2"];

/// Who the server is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The organization.
    pub organization: String,
    /// The site.
    pub site: String,
    /// The server.
    pub server: String,
    /// Which version it behaves like.
    pub profile: Profile,
    /// `NET/PO` of the shadow postoffice.
    pub connector: String,
    /// The agent's mailbox in dirsync mail: `$SYSTEM` as server, `SYSTEM1` … as requestor.
    pub address: String,
}

/// Which side of dirsync an object stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PartyKind {
    /// A postoffice that asks this server.
    RemoteRequestor,
    /// This server asking a postoffice that is the directory server.
    Requestor,
}

impl PartyKind {
    /// The first words of its section.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::RemoteRequestor => "Remote Requestor",
            Self::Requestor => "Requestor",
        }
    }
}

/// The settings of a remote requestor or of a requestor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartySettings {
    /// `Import-Container`: where imported recipients go. It never changes (xog11013).
    pub import_container: String,
    /// `Import-Sensitivity`: trust written to imported recipients.
    pub import_trust: u8,
    /// `Replication-Sensitivity`: recipients of greater trust do not leave.
    pub export_trust: u8,
    /// `Export-Containers`: nothing is sent by default.
    pub export_containers: Vec<String>,
    /// `Export-Custom-Recipients`: custom recipients leave as well.
    pub export_custom_recipients: bool,
    /// `DXA-Append-ReqCN`: the object's name is added to imported display names.
    pub append_name: bool,
    /// `DXA-Native-Address-Type`: type of our own recipients when they are sent.
    pub native_type: String,
    /// `DXA-Recipient-CP`: the language of the foreign system.
    pub language: String,
    /// `DXA-Exchange-Options` bit 1: updates are sent.
    pub sends: bool,
    /// `DXA-Exchange-Options` bit 2: updates are received.
    pub receives: bool,
    /// `DXA-Template-Options`: bit 1 incoming, bit 2 outgoing.
    pub templates: u8,
    /// `DXA-Export-Now`.
    pub export_now: bool,
    /// `DXA-Import-Now`.
    pub import_now: bool,
}

impl Default for PartySettings {
    /// As the Administrator program makes a new object; trust 20 is ASSIGNED.
    fn default() -> Self {
        Self {
            import_container: DEFAULT_CONTAINER.into(),
            import_trust: DEFAULT_TRUST,
            export_trust: DEFAULT_TRUST,
            export_containers: Vec::new(),
            export_custom_recipients: true,
            append_name: false,
            native_type: "MS".into(),
            language: "English".into(),
            sends: true,
            receives: true,
            templates: 0,
            export_now: false,
            import_now: false,
        }
    }
}

/// The file: its lines in their order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AgentIni {
    lines: Vec<Line>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Line {
    Section(String),
    Value(String, String),
    Other(String),
}

/// A value that cannot be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IniError {
    /// The text has a line break or another control character.
    #[error("a value of AGENT.INI cannot hold control characters or begin or end with a blank")]
    Text,
    /// The name of a section or key has a character with a meaning of its own.
    #[error("this name cannot stand in AGENT.INI")]
    Name,
}

impl AgentIni {
    /// Reads the file.
    ///
    /// # Errors
    /// Too long, no UTF-8, or a line that is neither section, value nor remark.
    pub fn parse(bytes: &[u8]) -> Result<Self, DecodeError> {
        let bad = |at: usize, why| DecodeError::new(WHAT, at as u64, DecodeErrorKind::BadText(why));
        if bytes.len() > MAX_LEN {
            let kind = DecodeErrorKind::Limit("the length", MAX_LEN as u64, bytes.len() as u64);
            return Err(DecodeError::new(WHAT, MAX_LEN as u64, kind));
        }
        let text = std::str::from_utf8(bytes)
            .map_err(|error| bad(error.valid_up_to(), "the text is not UTF-8"))?;
        let mut lines = Vec::new();
        let mut at = 0;
        for whole in text.split_inclusive('\n') {
            let start = at;
            at += whole.len();
            let line = whole.strip_suffix('\n').unwrap_or(whole);
            let line = line.strip_suffix('\r').unwrap_or(line);
            let trimmed = line.trim();
            lines.push(if trimmed.is_empty() || trimmed.starts_with(';') {
                Line::Other(line.to_owned())
            } else if let Some(name) = trimmed.strip_prefix('[') {
                let name = name.strip_suffix(']');
                let name = name.ok_or_else(|| bad(start, "a section has no closing bracket"))?;
                Line::Section(name.trim().to_owned())
            } else {
                let (key, value) = trimmed
                    .split_once('=')
                    .ok_or_else(|| bad(start, "a line is neither section nor value"))?;
                Line::Value(key.trim().to_owned(), value.trim().to_owned())
            });
        }
        Ok(Self { lines })
    }

    /// The text of the file.
    #[must_use]
    pub fn format(&self) -> String {
        let mut text = String::new();
        for line in &self.lines {
            match line {
                Line::Section(name) => text.extend(["[", name, "]"]),
                Line::Value(key, value) => text.extend([key, "=", value]),
                Line::Other(line) => text.push_str(line),
            }
            text.push_str("\r\n");
        }
        text
    }

    /// The names of the sections, in their order.
    pub fn sections(&self) -> impl Iterator<Item = &str> {
        self.lines.iter().filter_map(|line| match line {
            Line::Section(name) => Some(name.as_str()),
            _ => None,
        })
    }

    /// A value; names count in any case of letters, the last of several lines counts.
    #[must_use]
    pub fn get(&self, section: &str, key: &str) -> Option<&str> {
        let mut found = None;
        let mut inside = false;
        for line in &self.lines {
            match line {
                Line::Section(name) => inside = name.eq_ignore_ascii_case(section),
                Line::Value(own, value) if inside && own.eq_ignore_ascii_case(key) => {
                    found = Some(value.as_str());
                }
                Line::Value(..) | Line::Other(_) => {}
            }
        }
        found
    }

    /// The values of a section.
    pub fn values<'s>(&'s self, section: &'s str) -> impl Iterator<Item = (&'s str, &'s str)> {
        let mut inside = false;
        self.lines.iter().filter_map(move |line| match line {
            Line::Section(name) => {
                inside = name.eq_ignore_ascii_case(section);
                None
            }
            Line::Value(key, value) if inside => Some((key.as_str(), value.as_str())),
            _ => None,
        })
    }

    /// Sets a value where it stands, or at the end of its section, which is made if need be.
    ///
    /// # Errors
    /// A name or a text that would not read back.
    pub fn set(&mut self, section: &str, key: &str, value: &str) -> Result<(), IniError> {
        let plain = |name: &str| {
            !name.is_empty() && name.trim() == name && !name.contains(char::is_control)
        };
        let key_is_plain = plain(key) && !key.contains('=') && !key.starts_with(['[', ';']);
        if !plain(section) || !key_is_plain {
            return Err(IniError::Name);
        }
        if value.trim() != value || value.contains(char::is_control) {
            return Err(IniError::Text);
        }
        let mut inside = false;
        let (mut found, mut end) = (None, None);
        for (place, line) in self.lines.iter().enumerate() {
            match line {
                Line::Section(name) => inside = name.eq_ignore_ascii_case(section),
                Line::Value(own, _) if inside && own.eq_ignore_ascii_case(key) => {
                    found = Some(place);
                }
                Line::Value(..) => {}
                Line::Other(_) => continue,
            }
            if inside {
                end = Some(place + 1);
            }
        }
        let line = Line::Value(key.to_owned(), value.to_owned());
        if let Some(old) = found.and_then(|place| self.lines.get_mut(place)) {
            *old = line;
        } else if let Some(end) = end {
            self.lines.insert(end, line);
        } else {
            if !self.lines.is_empty() {
                self.lines.push(Line::Other(String::new()));
            }
            self.lines.push(Line::Section(section.to_owned()));
            self.lines.push(line);
        }
        Ok(())
    }

    /// Takes a section and all of its lines away; whether it was there.
    pub fn remove_section(&mut self, section: &str) -> bool {
        let before = self.lines.len();
        let mut inside = false;
        self.lines.retain(|line| {
            if let Line::Section(name) = line {
                inside = name.eq_ignore_ascii_case(section);
            }
            !inside
        });
        self.lines.len() != before
    }

    /// Who the server is; the key that is missing or wrong otherwise.
    ///
    /// # Errors
    /// The name of the key.
    pub fn identity(&self) -> Result<Identity, &'static str> {
        let text = |key| {
            let value = self.get("Agent", key).filter(|value| !value.is_empty());
            value.map(str::to_owned).ok_or(key)
        };
        Ok(Identity {
            organization: text("Organization")?,
            site: text("Site")?,
            server: text("Server")?,
            profile: text("Profile")?.parse().map_err(|_| "Profile")?,
            connector: text("Connector")?,
            address: text("Address")?,
        })
    }

    /// Writes who the server is.
    ///
    /// # Errors
    /// A text that would not read back.
    pub fn set_identity(&mut self, identity: &Identity) -> Result<(), IniError> {
        for (key, value) in [
            ("Organization", identity.organization.as_str()),
            ("Site", &identity.site),
            ("Server", &identity.server),
            ("Profile", identity.profile.text()),
            ("Connector", &identity.connector),
            ("Address", &identity.address),
        ] {
            self.set("Agent", key, value)?;
        }
        Ok(())
    }

    /// The level of a category of events; [`Level::None`] when nothing or nonsense is said.
    #[must_use]
    pub fn level(&self, category: &str) -> Level {
        self.get("Diagnostics", category)
            .and_then(Level::from_word)
            .unwrap_or_default()
    }

    /// The parties of a kind by name, in their order.
    #[must_use]
    pub fn parties(&self, kind: PartyKind) -> Vec<&str> {
        let name_of = |section: &'_ str| -> Option<usize> {
            let prefix = kind.word();
            let head = section.get(..prefix.len())?;
            let rest = section.get(prefix.len()..)?;
            (head.eq_ignore_ascii_case(prefix) && rest.starts_with(' ')).then_some(prefix.len() + 1)
        };
        self.sections()
            .filter_map(|section| section.get(name_of(section)?..))
            .collect()
    }

    /// The settings of a party; `None` when there is no such object. A value that is nonsense
    /// counts as the default, and its key is told.
    #[must_use]
    pub fn party(&self, kind: PartyKind, name: &str) -> Option<(PartySettings, Vec<&'static str>)> {
        self.party_in(&format!("{} {name}", kind.word()))
    }

    /// As [`AgentIni::party`], by the name of the section.
    #[must_use]
    pub fn party_in(&self, section: &str) -> Option<(PartySettings, Vec<&'static str>)> {
        self.sections()
            .find(|own| own.eq_ignore_ascii_case(section))?;
        let mut settings = PartySettings::default();
        let mut wrong = Vec::new();
        let get = |key| self.get(section, key);
        let mut flag = |key, place: &mut bool| match get(key) {
            None => {}
            Some(word) if word.eq_ignore_ascii_case("TRUE") => *place = true,
            Some(word) if word.eq_ignore_ascii_case("FALSE") => *place = false,
            Some(_) => wrong.push(key),
        };
        flag(
            "Export-Custom-Recipients",
            &mut settings.export_custom_recipients,
        );
        flag("DXA-Append-ReqCN", &mut settings.append_name);
        flag("DXA-Export-Now", &mut settings.export_now);
        flag("DXA-Import-Now", &mut settings.import_now);
        let mut number = |key, most: u8, place: &mut u8| match get(key).map(str::parse) {
            None => {}
            Some(Ok(number)) if number <= most => *place = number,
            Some(_) => wrong.push(key),
        };
        number(
            "Import-Sensitivity",
            NEVER_EXPORTED_TRUST,
            &mut settings.import_trust,
        );
        number(
            "Replication-Sensitivity",
            NEVER_EXPORTED_TRUST,
            &mut settings.export_trust,
        );
        number("DXA-Template-Options", 3, &mut settings.templates);
        let mut exchange = 3;
        number("DXA-Exchange-Options", 3, &mut exchange);
        settings.sends = exchange & 1 != 0;
        settings.receives = exchange & 2 != 0;
        for (key, place) in [
            ("Import-Container", &mut settings.import_container),
            ("DXA-Native-Address-Type", &mut settings.native_type),
            ("DXA-Recipient-CP", &mut settings.language),
        ] {
            if let Some(text) = get(key).filter(|text| !text.is_empty()) {
                text.clone_into(place);
            }
        }
        if let Some(list) = get("Export-Containers") {
            settings.export_containers = split_values(list);
        }
        Some((settings, wrong))
    }

    /// Writes the settings of a party, which is made if need be.
    ///
    /// # Errors
    /// A name of no or more than 64 characters, or a text that would not read back.
    pub fn set_party(
        &mut self,
        kind: PartyKind,
        name: &str,
        settings: &PartySettings,
    ) -> Result<(), IniError> {
        if name.is_empty() || name.chars().count() > OBJECT_NAME_LEN {
            return Err(IniError::Name);
        }
        self.set_party_in(&format!("{} {name}", kind.word()), settings)
    }

    /// As [`AgentIni::set_party`], by the name of the section.
    ///
    /// # Errors
    /// A text that would not read back.
    pub fn set_party_in(
        &mut self,
        section: &str,
        settings: &PartySettings,
    ) -> Result<(), IniError> {
        let truth = |flag| if flag { "TRUE" } else { "FALSE" };
        let exchange = u8::from(settings.sends) | u8::from(settings.receives) << 1;
        let containers = super::recipients::join_values(&settings.export_containers)
            .map_err(|_| IniError::Text)?;
        for (key, value) in [
            ("Import-Container", settings.import_container.as_str()),
            ("Import-Sensitivity", &settings.import_trust.to_string()),
            (
                "Replication-Sensitivity",
                &settings.export_trust.to_string(),
            ),
            ("Export-Containers", &containers),
            (
                "Export-Custom-Recipients",
                truth(settings.export_custom_recipients),
            ),
            ("DXA-Append-ReqCN", truth(settings.append_name)),
            ("DXA-Native-Address-Type", &settings.native_type),
            ("DXA-Recipient-CP", &settings.language),
            ("DXA-Exchange-Options", &exchange.to_string()),
            ("DXA-Template-Options", &settings.templates.to_string()),
            ("DXA-Export-Now", truth(settings.export_now)),
            ("DXA-Import-Now", truth(settings.import_now)),
        ] {
            self.set(section, key, value)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
