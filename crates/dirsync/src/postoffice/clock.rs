//! The zone in which a tree's times are read and shown.
//!
//! Times stored in our trees are UTC and shown in the zone of LAYOUT.TXT. A foreign tree holds the
//! wall clock of a place that it does not name: the user names it with `--tz`, else it is taken
//! for UTC and the report says so (design section 2).

use jiff::Zoned;
use jiff::tz::TimeZone;

use crate::core::format::mbg::MbgDate;
use crate::tree::TreeView;

/// How one tree tells the time.
#[derive(Debug, Clone)]
pub struct TreeClock {
    zone: TimeZone,
    zone_name: String,
    assumed: bool,
    stored_utc: bool,
}

impl TreeClock {
    /// The clock of a tree. `given` is what the user said for trees that name no zone.
    #[must_use]
    pub fn of(view: &TreeView, given: Option<&TimeZone>) -> Self {
        let layout = view.marker().layout();
        let named = layout.and_then(|layout| {
            let zone = TimeZone::get(&layout.zone)
                .or_else(|_| TimeZone::posix(&layout.zone))
                .ok()?;
            Some((zone, layout.zone.clone()))
        });
        let stored_utc = layout.is_some();
        match (named, given) {
            (Some((zone, zone_name)), _) => Self {
                zone,
                zone_name,
                assumed: false,
                stored_utc,
            },
            (None, Some(zone)) => Self {
                zone: zone.clone(),
                zone_name: zone.iana_name().unwrap_or("as given").to_owned(),
                assumed: false,
                stored_utc,
            },
            (None, None) => Self {
                zone: TimeZone::UTC,
                zone_name: "UTC".to_owned(),
                assumed: true,
                stored_utc,
            },
        }
    }

    /// The zone.
    #[must_use]
    pub fn zone(&self) -> &TimeZone {
        &self.zone
    }

    /// The name of the zone.
    #[must_use]
    pub fn zone_name(&self) -> &str {
        &self.zone_name
    }

    /// Whether neither the tree nor the user named the zone.
    #[must_use]
    pub fn is_assumed(&self) -> bool {
        self.assumed
    }

    /// The moment that the words of a mail header stand for; `None` when they are no date.
    #[must_use]
    pub fn mail_time(&self, date: &MbgDate) -> Option<Zoned> {
        let civil = date.civil()?;
        if self.stored_utc {
            let moment = civil.to_zoned(TimeZone::UTC).ok()?.timestamp();
            Some(moment.to_zoned(self.zone.clone()))
        } else {
            civil.to_zoned(self.zone.clone()).ok()
        }
    }
}

/// RFC 3339 with the offset of the zone, for JSON and for tables.
#[must_use]
pub fn rfc3339(time: &Zoned) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
}
