//! What may not be torn apart: an R and the A lines of its list (DEC-049, dsp R-TXN-004).
//!
//! A requestor that got the R without the rest would lose the list until the next cycle, and its
//! bulk-delete guard would stop it. So replies are cut between units only, and an attachment that
//! breaks off inside one is used up to its R.

use crate::base::{Scope, Transaction};

/// Finds where units start in a stream of transactions.
#[derive(Debug, Clone, Default)]
pub struct Units {
    open: Option<Scope>,
}

impl Units {
    /// Whether this transaction starts a unit. A T of the same list does not break one (ASSIGNED:
    /// an Export writes R, T, A in this order when templates are sent).
    pub fn starts(&mut self, transaction: &Transaction) -> bool {
        match transaction {
            Transaction::Replace { scope } => {
                self.open = Some(*scope);
                true
            }
            Transaction::Add { .. } | Transaction::Template { .. }
                if self.open.is_some() && self.open == transaction.scope() =>
            {
                false
            }
            _ => {
                self.open = None;
                true
            }
        }
    }

    /// Whether the unit at hand is a replacement.
    #[must_use]
    pub fn in_replacement(&self) -> bool {
        self.open.is_some()
    }

    /// Forgets the list: what comes next is no part of it.
    pub fn close(&mut self) {
        self.open = None;
    }
}

/// Looks through an attachment before anything of it is used.
///
/// The caller feeds the records in order ([`Scan::see`]), says when damage ended them
/// ([`Scan::damage`]) and gets what can be used.
#[derive(Debug, Clone, Default)]
pub struct Scan {
    expected: Option<u32>,
    units: Units,
    records: u32,
    highest: u32,
    before_unit: (u32, u32),
    damaged: bool,
}

/// How much of an attachment can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usable {
    /// So many records from the start.
    pub records: u32,
    /// The highest number among them; 0 when none has one.
    pub highest: u32,
    /// Nothing is missing.
    pub complete: bool,
}

impl Usable {
    /// A message without an attachment that said it has `count` records; `None` when it did not
    /// say (a foreign one).
    #[must_use]
    pub fn without_attachment(count: Option<u32>) -> Self {
        Scan::new(count).finish()
    }
}

impl Scan {
    /// Starts; `count` is what the message says, `None` when it says nothing.
    #[must_use]
    pub fn new(count: Option<u32>) -> Self {
        Self {
            expected: count,
            ..Self::default()
        }
    }

    /// The next record.
    pub fn see(&mut self, number: u32, text: &[u8]) {
        let starts = match Transaction::parse(text) {
            Ok(transaction) => self.units.starts(&transaction),
            Err(_) => {
                self.units.close();
                true
            }
        };
        if starts {
            self.before_unit = (self.records, self.highest);
        }
        self.records = self.records.saturating_add(1);
        self.highest = self.highest.max(number);
    }

    /// The rest of the attachment is damaged.
    pub fn damage(&mut self) {
        self.damaged = true;
    }

    /// What can be used.
    #[must_use]
    pub fn finish(self) -> Usable {
        let complete = !self.damaged
            && self
                .expected
                .is_none_or(|expected| self.records >= expected);
        let (records, highest) = if !complete && self.units.in_replacement() {
            self.before_unit
        } else {
            (self.records, self.highest)
        };
        Usable {
            records,
            highest,
            complete,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINES: [&[u8]; 6] = [
        b"D gone\tPCM:NET/R1/gone",
        b"R PCM:NET/R1",
        b"T PCM:NET/R1\r\n Phone:~1~2~A~~",
        b"A able\tPCM:NET/R1/able",
        b"A other\tPCM:NET/R2/other",
        b"M able\tPCM:NET/R1/able\r\n  able\tPCM:NET/R1/abel",
    ];

    // rule: dec:DEC-049
    // rule: dsp:R-TXN-004
    #[test]
    fn an_r_and_its_a_lines_are_one_unit() {
        let mut units = Units::default();
        let starts: Vec<bool> = LINES
            .iter()
            .map(|text| units.starts(&Transaction::parse(text).unwrap()))
            .collect();
        assert_eq!(starts, [true, true, false, false, true, true]);
    }

    fn scan(count: Option<u32>, lines: usize, damaged: bool) -> Usable {
        let mut scan = Scan::new(count);
        for (number, text) in (7..).zip(&LINES[..lines]) {
            scan.see(number, text);
        }
        if damaged {
            scan.damage();
        }
        scan.finish()
    }

    // rule: dsp:R-T2R-007
    #[test]
    fn a_broken_attachment_is_used_up_to_its_last_whole_unit() {
        let usable = |records, highest, complete| Usable {
            records,
            highest,
            complete,
        };
        assert_eq!(scan(Some(6), 6, false), usable(6, 12, true));
        assert_eq!(scan(None, 6, false), usable(6, 12, true));
        // Damage after the A lines: whether more would have followed is not known.
        assert_eq!(scan(None, 4, true), usable(1, 7, false));
        // Cut off at the end of a record; only the count tells.
        assert_eq!(scan(Some(6), 4, false), usable(1, 7, false));
        assert_eq!(scan(Some(6), 5, true), usable(5, 11, false));
        assert_eq!(Usable::without_attachment(Some(2)), usable(0, 0, false));
        assert_eq!(Usable::without_attachment(Some(0)), usable(0, 0, true));
    }
}
