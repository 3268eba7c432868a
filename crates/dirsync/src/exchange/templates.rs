//! Template information and attributes of the directory (exc 7.7).
//!
//! The tables are the server's: a text of templates on one side, an attribute on the other. They stand
//! in AGENT.INI as `[Incoming Templates]` `TEXT=ATTRIBUTE` and `[Outgoing Templates]` `ATTRIBUTE=TEXT`
//! (ASSIGNED form). A text is compared without one colon at its end and in any case of letters
//! (R-IN-071). The attribute is the column of the recipients' list.

use crate::core::base::codepage::CodePage;
use crate::core::base::transaction::Info;
use crate::core::format::exchange::agent_ini::AgentIni;
use crate::core::format::exchange::recipients::Recipient;

/// Section of the incoming table.
pub const INCOMING: &str = "Incoming Templates";
/// Section of the outgoing table.
pub const OUTGOING: &str = "Outgoing Templates";
/// Attributes that X.400 addresses are made of (R-IN-055), as columns, with their names there.
pub const NAMES: [(&str, &str); 3] = [("Last name", "s"), ("First name", "g"), ("Initials", "i")];

/// Both tables.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Templates {
    /// Text and attribute.
    pub incoming: Vec<(String, String)>,
    /// Attribute and text.
    pub outgoing: Vec<(String, String)>,
}

/// A text of templates as it is compared.
fn folded(prompt: &str) -> String {
    let prompt = prompt.trim();
    prompt
        .strip_suffix(':')
        .unwrap_or(prompt)
        .trim()
        .to_lowercase()
}

impl Templates {
    /// The tables of AGENT.INI.
    #[must_use]
    pub fn of(ini: &AgentIni) -> Self {
        let table = |section| {
            ini.values(section)
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .filter(|(key, value)| !key.is_empty() && !value.is_empty())
                .collect()
        };
        Self {
            incoming: table(INCOMING),
            outgoing: table(OUTGOING),
        }
    }

    /// Puts what arrived into the attributes of a recipient; others stay. Whether one of its names
    /// changed.
    pub fn take(&self, info: &[Info], recipient: &mut Recipient) -> bool {
        let mut renamed = false;
        for line in info {
            let prompt = folded(&CodePage::Cp850.decode(line.prompt()));
            let Some((_, attribute)) = self
                .incoming
                .iter()
                .find(|(text, _)| folded(text) == prompt)
            else {
                continue;
            };
            let data = CodePage::Cp850.decode(line.data());
            let is_name = NAMES
                .iter()
                .any(|(name, _)| name.eq_ignore_ascii_case(attribute));
            match recipient
                .other
                .iter_mut()
                .find(|(name, _)| name.eq_ignore_ascii_case(attribute))
            {
                Some((_, value)) if *value == data => {}
                Some((_, value)) => {
                    *value = data;
                    renamed |= is_name;
                }
                None => {
                    recipient.other.push((attribute.clone(), data));
                    renamed |= is_name;
                }
            }
        }
        renamed
    }

    /// What of a recipient's attributes leaves with it; what has no place in code page 850 stays.
    #[must_use]
    pub fn give(&self, recipient: &Recipient) -> Vec<Info> {
        let mut lines = Vec::new();
        for (attribute, text) in &self.outgoing {
            let value = recipient
                .other
                .iter()
                .find(|(name, value)| name.eq_ignore_ascii_case(attribute) && !value.is_empty());
            let Some((_, value)) = value else { continue };
            // Stored with its colon or not, it leaves with it (R-IN-071).
            let prompt = format!("{}:", text.trim().strip_suffix(':').unwrap_or(text.trim()));
            let encode = |text: &str| CodePage::Cp850.encode(text).ok();
            if let (Some(prompt), Some(value)) = (encode(&prompt), encode(value)) {
                lines.extend(Info::new(&prompt, &value).ok());
            }
        }
        lines
    }

    /// Pairs of texts that differ by a slash at the end only (event 181, Q196892).
    #[must_use]
    pub fn slash_pairs(&self) -> Vec<(&str, &str)> {
        let texts: Vec<&str> = self
            .incoming
            .iter()
            .map(|(text, _)| text.as_str())
            .collect();
        let bare = |text: &str| folded(text).trim_end_matches('/').to_owned();
        let mut pairs = Vec::new();
        for (index, &one) in texts.iter().enumerate() {
            for &two in texts.get(index + 1..).unwrap_or_default() {
                if folded(one) != folded(two) && bare(one) == bare(two) {
                    pairs.push((one, two));
                }
            }
        }
        pairs
    }
}
