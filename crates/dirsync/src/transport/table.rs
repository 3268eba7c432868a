//! The routing table of a postoffice: `INI/GWART.INI`, further ways to other postoffices and what they
//! cost.
//!
//! NETWORK.GLB and the XTN files hold one route for each postoffice; it costs 1. Others stand here, one
//! line each in the form of the Exchange routing table (Q149121), UTF-8, the connector being the
//! postoffice that the mail is handed to (ASSIGNED):
//!
//! ```text
//! MS,NET/PO;,5,NET/HUB,
//! ```
//!
//! A line about the route of the XTN file sets its cost. Costs are 1 to 100. Empty lines and lines that
//! begin with `;` are kept.

use crate::core::base::address::PoName;
use crate::postoffice::list_error::ListError;
use crate::postoffice::{Edit, PoError};
use crate::tree::{TreeError, TreeView};

/// The file.
pub const GWART_INI: &str = "INI/GWART.INI";
/// What the route of an XTN file costs when no line says otherwise.
pub const FIRST_COST: u8 = 1;
/// The highest cost.
pub const COST_MAX: u8 = 100;
/// Longest file that is read, in bytes.
const LIMIT_BYTES: u64 = 4 << 20;

/// One way to a postoffice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RouteLine {
    /// The destination.
    pub to: PoName,
    /// What it costs, 1 to 100.
    pub cost: u8,
    /// The postoffice that the mail is handed to.
    pub via: PoName,
}

/// Reads one line.
#[must_use]
pub fn parse_line(line: &str) -> Option<RouteLine> {
    let mut fields = line.trim().split(',');
    let (kind, address) = (fields.next()?, fields.next()?);
    let cost: u8 = fields.next()?.trim().parse().ok()?;
    let via = fields.next()?.trim().parse().ok()?;
    let to = address.trim().trim_end_matches(';').parse().ok()?;
    (kind.trim().eq_ignore_ascii_case("MS") && (1..=COST_MAX).contains(&cost))
        .then_some(RouteLine { to, cost, via })
}

fn text_of(line: &RouteLine) -> String {
    format!("MS,{};,{},{},", line.to, line.cost, line.via)
}

fn lines(bytes: &[u8]) -> Vec<RouteLine> {
    String::from_utf8_lossy(bytes)
        .lines()
        .filter_map(parse_line)
        .collect()
}

/// All lines, as committed.
///
/// # Errors
/// A disk error.
pub fn load(view: &TreeView) -> Result<Vec<RouteLine>, TreeError> {
    Ok(view
        .read(GWART_INI, LIMIT_BYTES)?
        .map_or_else(Vec::new, |bytes| lines(&bytes)))
}

/// Sets what the way to `to` through `via` costs, or forgets it.
///
/// # Errors
/// A cost that is none, or a disk error.
pub fn set(
    edit: &mut Edit<'_>,
    to: &PoName,
    via: &PoName,
    cost: Option<u8>,
) -> Result<(), PoError> {
    if cost.is_some_and(|cost| !(1..=COST_MAX).contains(&cost)) {
        return Err(ListError::Usage {
            why: "a cost is a number from 1 to 100".to_owned(),
            hint: "the cheapest way that works is taken; the route of the postoffice itself costs 1",
        }
        .into());
    }
    let old = edit.peek(GWART_INI, LIMIT_BYTES)?;
    let old_text = String::from_utf8_lossy(old.as_deref().unwrap_or_default()).into_owned();
    let mut kept: Vec<String> = old_text
        .lines()
        .filter(|line| parse_line(line).is_none_or(|line| line.to != *to || line.via != *via))
        .map(str::to_owned)
        .collect();
    if let Some(cost) = cost {
        kept.push(text_of(&RouteLine {
            to: *to,
            cost,
            via: *via,
        }));
    }
    let text: String = kept.iter().map(|line| format!("{line}\r\n")).collect();
    match old {
        Some(old) if old == text.as_bytes() => {}
        None if text.is_empty() => {}
        Some(_) if text.is_empty() => edit.remove(GWART_INI)?,
        _ => {
            edit.mkdir("INI")?;
            edit.write(GWART_INI, text.into_bytes())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    // rule: mta:R-Q-020
    #[test]
    fn lines_have_the_published_form() {
        // The connector of the published line is no postoffice; ours is.
        let line = parse_line("MS,MSNET/PO1;,1,MSNET/HUB,").unwrap();
        assert_eq!(
            (line.to.to_string(), line.cost, line.via.to_string()),
            ("MSNET/PO1".to_owned(), 1, "MSNET/HUB".to_owned())
        );
        assert_eq!(text_of(&line), "MS,MSNET/PO1;,1,MSNET/HUB,");
        for bad in [
            "",
            "; MS,A/B;,1,C/D,",
            "MS,A/B;,0,C/D,",
            "MS,A/B;,101,C/D,",
            "X400,A/B;,1,C/D,",
            "MS,A/B;,1",
            "MS,MSNET/PO1;,1,MS Mail Connector (PLUTO),",
        ] {
            assert_eq!(parse_line(bad), None, "{bad}");
        }
    }
}
