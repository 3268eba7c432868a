//! Where a request stands in the master list: inside, below what was purged, above the end.
//!
//! Messages 138 and 139 DOCUMENTED (Q108067, Q109256, Q96060).

/// The numbers between what a requestor has and what the server can give.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Missing {
    /// The number the requestor reported; the argument of 138.
    pub asked: u32,
    /// First missing number of 139.
    pub first: u32,
    /// Last missing number of 139.
    pub last: u32,
}

impl Missing {
    /// The argument of 138: `(0)`.
    #[must_use]
    pub fn argument_138(&self) -> String {
        format!("({})", self.asked)
    }

    /// The argument of 139: `1300 (0->1299)`. The printed sample counts the reported number itself
    /// (INFERRED, dsp 6.3).
    #[must_use]
    pub fn argument_139(&self) -> String {
        let count = u64::from(self.last.saturating_sub(self.first)).saturating_add(1);
        format!("{count} ({}->{})", self.first, self.last)
    }
}

/// Where a request stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Position {
    /// Everything after its number is there.
    Within,
    /// Entries after its number were purged; the rest is sent.
    Behind(Missing),
    /// Its number was never given by this server; nothing can be sent.
    Ahead(Missing),
}

/// Finds the place of `asked` in a master list whose first entry is `oldest` (`None` when it is
/// empty) and whose last number is `sync`.
///
/// For a request above the end the missing numbers are those the server would have to have given
/// since (ASSIGNED; no article prints that case).
#[must_use]
pub fn position(asked: u32, oldest: Option<u32>, sync: u32) -> Position {
    // A lost master list misses everything up to its last number.
    let before_oldest = oldest.unwrap_or(sync.saturating_add(1)).saturating_sub(1);
    if asked > sync {
        Position::Ahead(Missing {
            asked,
            first: sync.saturating_add(1),
            last: asked,
        })
    } else if asked < before_oldest {
        Position::Behind(Missing {
            asked,
            first: asked,
            last: before_oldest,
        })
    } else {
        Position::Within
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // rule: dsp:TV-ORD-1
    // rule: dsp:R-ORD-007
    #[test]
    fn the_printed_gap() {
        let Position::Behind(missing) = position(0, Some(1300), 1500) else {
            panic!("a gap is expected");
        };
        assert_eq!(missing.argument_138(), "(0)");
        assert_eq!(missing.argument_139(), "1300 (0->1299)");
    }

    // rule: dsp:R-T2T-006
    // rule: dsp:R-ORD-008
    // rule: dsp:R-ORD-009
    #[test]
    fn inside_below_and_above() {
        assert_eq!(position(0, Some(1), 5), Position::Within);
        assert_eq!(position(5, Some(1), 5), Position::Within);
        assert_eq!(position(3, Some(4), 5), Position::Within);
        assert!(matches!(position(2, Some(4), 5), Position::Behind(_)));
        assert_eq!(position(0, None, 0), Position::Within);
        assert_eq!(position(5, None, 5), Position::Within);
        let lost = position(4, None, 80);
        assert!(matches!(lost, Position::Behind(m) if (m.first, m.last) == (4, 80)));
        let Position::Ahead(missing) = position(95, Some(1), 80) else {
            panic!("above the end");
        };
        assert_eq!(missing.argument_138(), "(95)");
        assert_eq!(missing.argument_139(), "15 (81->95)");
        assert!(matches!(position(u32::MAX, None, 0), Position::Ahead(_)));
    }
}
