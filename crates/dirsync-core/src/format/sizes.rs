//! How long each file of a postoffice may be.
//!
//! A file of fixed records is valid when its length is the header and a whole number of records
//! (Q77926); a right length does not prove a good file (Q87465). All numbers are DOCUMENTED; the
//! articles stand in each rule. The integrity checker of the original works by this table
//! (Q132744).

/// What the length of a file is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// Exactly this many bytes.
    Fixed(u64),
    /// A header, then any number of records, both in bytes.
    Records {
        /// Length of the header.
        header: u64,
        /// Length of one record, never 0.
        record: u64,
    },
    /// A header, then records of different lengths; only the header's length can be checked here.
    Variable {
        /// Length of the header.
        header: u64,
    },
}

/// What else is known about a file's length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extra {
    /// An article says that 0 bytes are a normal length.
    ZeroAllowed,
    /// Shorter is damage although the length fits the records.
    AtLeast(u64),
    /// Longer is damage although the length fits the records.
    AtMost(u64),
    /// Holds as many records as this other file.
    SameCountAs(&'static str),
    /// Has the same length as this other file.
    SameLengthAs(&'static str),
    /// Exists on the directory server only (Q132744).
    ServerOnly,
    /// Is made by the first run of the mail transfer program (Q118946).
    MadeByExternal,
    /// Exists on the disk of a remote client only (Q80270).
    RemoteOnly,
    /// The length names a version of the vendor's file; another length is another version.
    Identifies,
    /// Another version has this length.
    AlsoKnown(u64),
}

/// The rule for the length of the files that one pattern names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SizeRule {
    /// Directory and name below the tree's root. `*` stands for the stem, a directory that ends in
    /// `/**` for itself and everything below.
    pub pattern: &'static str,
    /// What the length is made of.
    pub shape: Shape,
    /// What else is known.
    pub extras: &'static [Extra],
    /// The articles.
    pub sources: &'static str,
}

/// What a length says about a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The length fits; how many records, where the file has records of one length.
    Valid {
        /// Whole records; `None` when records differ in length or there are none.
        records: Option<u64>,
    },
    /// Not even the smallest length that is possible.
    TooShort {
        /// The smallest length in bytes.
        minimum: u64,
    },
    /// More than the largest length that is possible.
    TooLong {
        /// The largest length in bytes.
        maximum: u64,
    },
    /// Bytes are left over after the last whole record.
    NotWhole {
        /// Whole records.
        records: u64,
        /// The length without the bytes left over.
        cut_to: u64,
    },
    /// The length names no version of the vendor's file that is known; no damage by itself.
    UnknownVersion,
}

impl Verdict {
    /// Whether the length is no reason to call the file damaged.
    #[must_use]
    pub fn is_valid(self) -> bool {
        matches!(self, Self::Valid { .. } | Self::UnknownVersion)
    }
}

impl SizeRule {
    /// What a length of `len` bytes says.
    #[must_use]
    pub fn verdict(&self, len: u64) -> Verdict {
        if self.identifies() {
            return self.version_verdict(len);
        }
        for extra in self.extras {
            match *extra {
                Extra::AtLeast(minimum) if len < minimum => return Verdict::TooShort { minimum },
                Extra::AtMost(maximum) if len > maximum => return Verdict::TooLong { maximum },
                _ => {}
            }
        }
        match self.shape {
            Shape::Fixed(size) if len < size => Verdict::TooShort { minimum: size },
            Shape::Fixed(size) if len > size => Verdict::TooLong { maximum: size },
            Shape::Fixed(_) => Verdict::Valid { records: None },
            Shape::Variable { header } | Shape::Records { header, .. } if len < header => {
                Verdict::TooShort { minimum: header }
            }
            Shape::Variable { .. } => Verdict::Valid { records: None },
            Shape::Records { header, record } => {
                let body = len - header;
                let records = body / record;
                if body.is_multiple_of(record) {
                    Verdict::Valid {
                        records: Some(records),
                    }
                } else {
                    Verdict::NotWhole {
                        records,
                        cut_to: len - body % record,
                    }
                }
            }
        }
    }

    /// Whether the length of the file names the version of a text of the vendor.
    #[must_use]
    pub fn identifies(&self) -> bool {
        self.extras.contains(&Extra::Identifies)
    }

    fn version_verdict(&self, len: u64) -> Verdict {
        let known = matches!(self.shape, Shape::Fixed(size) if size == len)
            || self.extras.contains(&Extra::AlsoKnown(len));
        if known {
            Verdict::Valid { records: None }
        } else {
            Verdict::UnknownVersion
        }
    }
}

/// The rule for file `file` in directory `dir` (names separated by `/` or `\`, below the tree's
/// root); letters A-Z in either case. The first rule that fits counts.
#[must_use]
pub fn size_rule_for(dir: &str, file: &str) -> Option<&'static SizeRule> {
    SIZE_RULES
        .iter()
        .find(|rule| matches(rule.pattern, dir, file))
}

fn matches(pattern: &str, dir: &str, file: &str) -> bool {
    let Some((pattern_dir, pattern_file)) = pattern.rsplit_once('/') else {
        return false;
    };
    let names = || dir.split(['/', '\\']).filter(|name| !name.is_empty());
    let dir_fits = match pattern_dir.strip_suffix("/**") {
        Some(top) => names()
            .next()
            .is_some_and(|name| name.eq_ignore_ascii_case(top)),
        None => {
            let mut wanted = pattern_dir.split('/');
            let mut found = names();
            loop {
                match (wanted.next(), found.next()) {
                    (None, None) => break true,
                    (Some(want), Some(have)) if want.eq_ignore_ascii_case(have) => {}
                    _ => break false,
                }
            }
        }
    };
    dir_fits
        && match pattern_file.strip_prefix('*') {
            // The stem must not be empty: `.KEY` is no mailbag.
            Some(ending) => file.len().checked_sub(ending.len()).is_some_and(|stem| {
                stem > 0
                    && file
                        .get(stem..)
                        .is_some_and(|tail| tail.eq_ignore_ascii_case(ending))
            }),
            None => file.eq_ignore_ascii_case(pattern_file),
        }
}

const fn rule(
    pattern: &'static str,
    shape: Shape,
    extras: &'static [Extra],
    sources: &'static str,
) -> SizeRule {
    SizeRule {
        pattern,
        shape,
        extras,
        sources,
    }
}

const fn records(header: u64, record: u64) -> Shape {
    Shape::Records { header, record }
}

const ACCESS: &[Extra] = &[Extra::SameCountAs("GLB/ACCESS.GLB")];
const ZERO: &[Extra] = &[Extra::ZeroAllowed];
const VENDOR: &[Extra] = &[Extra::Identifies];
// Lengths of gateway lists differ from entry to entry; the fresh file is the 4-byte header.
const GATEWAY: Shape = Shape::Variable { header: 4 };

/// Every rule that is known, special names before patterns.
pub const SIZE_RULES: &[SizeRule] = &[
    rule("GLB/ACCESS.GLB", records(0, 586), &[], "Q77926 Q87402"),
    rule("GLB/ACCESS2.GLB", records(0, 69), ACCESS, "Q77926 Q87402"),
    rule("GLB/ACCESS3.GLB", records(0, 512), ACCESS, "Q77926 Q87465"),
    rule("GLB/CONTROL.GLB", Shape::Fixed(8), &[], "Q77926 Q87388"),
    rule("GLB/FLAG.GLB", Shape::Fixed(2), &[], "Q77926 Q136598"),
    rule("GLB/GLOBAL.GLB", Shape::Fixed(512), &[], "Q77926"),
    rule("GLB/GROUP.GLB", records(4, 51), &[], "Q77926 Q112905"),
    rule("GLB/GRPMEM.GLB", records(4, 128), &[], "Q77926"),
    rule("GLB/MASTER.GLB", Shape::Fixed(176), &[], "Q77926 Q141399"),
    rule("GLB/MODEM.GLB", Shape::Fixed(64), &[], "Q77926"),
    rule(
        "GLB/NETPO.GLB",
        records(4, 43),
        &[],
        "Q77926 Q110223 Q175694",
    ),
    rule("GLB/NETWORK.GLB", records(0, 122), &[], "Q77926 Q95961"),
    rule("GLB/PROCESS.GLB", records(512, 197), &[], "Q77926 Q119111"),
    rule("GLB/REQCONF.GLB", Shape::Fixed(512), &[], "Q77926 Q148705"),
    rule(
        "GLB/RNETSEM.GLB",
        Shape::Fixed(4),
        &[Extra::MadeByExternal],
        "Q118946 Q132744",
    ),
    rule("GLB/SERVER.GLB", records(0, 181), ZERO, "Q77926 Q139034"),
    rule(
        "GLB/SRVCONF.GLB",
        records(1024, 1024),
        &[Extra::ServerOnly],
        "Q77926 Q148705",
    ),
    rule("GLB/TID.GLB", Shape::Fixed(4), &[], "Q77926"),
    rule("GLB/GALINDEX.GLB", records(208, 6), &[], "Q86375"),
    // The header is printed, the record length follows decisions 2.7.
    rule("GLB/GALNETPO.GLB", records(4, 43), &[], "Q135486"),
    rule(
        "GLB/CONNECT.GLB",
        Shape::Fixed(695),
        &[Extra::RemoteOnly],
        "Q80270",
    ),
    rule(
        "GLB/DS_MSG.GLB",
        Shape::Fixed(32_512),
        VENDOR,
        "Q135868 Q99725",
    ),
    rule(
        "GLB/ERRORADM.GLB",
        Shape::Fixed(22_272),
        &[Extra::Identifies, Extra::AlsoKnown(10_210)],
        "Q135868 Q106099",
    ),
    rule(
        "GLB/ERRORDYN.GLB",
        Shape::Fixed(1_920),
        &[Extra::Identifies, Extra::AlsoKnown(1_536)],
        "Q135868 Q106099",
    ),
    rule("GLB/ANSISORT.GLB", Shape::Fixed(795), VENDOR, "Q135868"),
    rule("GLB/C850SORT.GLB", Shape::Fixed(795), VENDOR, "Q135868"),
    rule("GLB/SMTP.GLB", GATEWAY, &[], "Q102300"),
    rule("GLB/X400.GLB", GATEWAY, &[], "Q102300"),
    rule("GLB/MHS.GLB", GATEWAY, &[], "Q102300"),
    rule("GLB/FAX.GLB", GATEWAY, &[], "Q102300"),
    rule("GLB/MCI.GLB", GATEWAY, &[], "Q102300"),
    rule("GLB/MSMAIL.GLB", GATEWAY, &[], "Q102300"),
    rule("GLB/3COM.GLB", GATEWAY, &[], "Q102300"),
    rule(
        "GRP/ADMINSHD.GRP",
        records(8, 8),
        &[Extra::SameLengthAs("GRP/ADMIN.GRP")],
        "Q77926 Q135932",
    ),
    rule("GRP/*.GRP", records(8, 8), &[], "Q77926 Q135932"),
    rule("KEY/*.KEY", Shape::Fixed(560), &[], "Q77926 Q118619"),
    rule("MBG/*.MBG", records(0, 116), ZERO, "Q77926 Q118619"),
    rule(
        "MEM/*.MEM",
        records(0, 4),
        &[Extra::ZeroAllowed, Extra::AtMost(2_000)],
        "Q77926 Q117895",
    ),
    // The administrator is always in the list; an empty one stops programs (Q248298, Q119018).
    rule(
        "NME/ADMIN.NME",
        records(0, 45),
        &[Extra::AtLeast(45)],
        "Q77926 Q248298",
    ),
    rule(
        "NME/ADMINSHD.NME",
        records(0, 45),
        &[Extra::AtLeast(45), Extra::SameLengthAs("NME/ADMIN.NME")],
        "Q77926 Q112881",
    ),
    rule("NME/*.NME", records(0, 45), ZERO, "Q77926 Q86375"),
    rule("USR/*.USR", records(0, 53), &[], "Q77926 Q126592"),
    rule("XTN/*.XTN", records(0, 698), ZERO, "Q77926 Q128243"),
    rule("FOLDERS/SERIALNO.IDX", Shape::Fixed(4), &[], "Q77926"),
    rule("FOLDERS/**/*.IDX", records(100, 158), &[], "Q77926"),
];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn split(path: &str) -> (&str, &str) {
        path.rsplit_once('\\').unwrap()
    }

    // rule: pof:R-SIZ-002
    // rule: std:3
    #[test]
    fn published_examples_get_the_published_verdict() {
        let table = include_str!("../../../../fixtures/sizes/size-examples.tsv");
        let mut seen = 0;
        for line in table.lines().skip(1) {
            let cells: Vec<_> = line.split('\t').collect();
            let (dir, file) = split(cells[0]);
            let len = cells[1].parse().unwrap();
            let Some(rule) = size_rule_for(dir, file) else {
                // Transaction files have no fixed records; their own module reads them.
                assert_eq!(file, "REQTRANS.GLB");
                continue;
            };
            let verdict = rule.verdict(len);
            assert_eq!(verdict.is_valid(), cells[2] == "valid", "{line}");
            if let Ok(count) = cells[3].parse() {
                assert_eq!(
                    verdict,
                    Verdict::Valid {
                        records: Some(count)
                    },
                    "{line}"
                );
            }
            if let Some(cut) = cells[3].strip_prefix("cut to ") {
                let cut_to = cut.parse().unwrap();
                assert_eq!(verdict, Verdict::NotWhole { records: 4, cut_to }, "{line}");
            }
            seen += 1;
        }
        assert_eq!(seen, 16);
    }

    // rule: pof:R-SIZ-001
    // rule: tra:NEED-22
    #[test]
    fn every_published_rule_is_in_the_table() {
        let table = include_str!("../../../../fixtures/sizes/size-rules.tsv");
        for line in table.lines().skip(1) {
            let cells: Vec<_> = line.split('\t').collect();
            if cells[0].starts_with('<') {
                let fresh = size_rule_for("GLB", "X400.GLB").unwrap();
                assert!(fresh.verdict(4).is_valid() && !fresh.verdict(3).is_valid());
                continue;
            }
            let path = cells[0]
                .replace("**\\", "LOC\\00000000\\")
                .replace('*', "0000000A");
            let (dir, file) = split(&path);
            let rule = size_rule_for(dir, file).unwrap_or_else(|| panic!("{line}"));
            if let Ok(fixed) = cells[3].parse::<u64>() {
                assert_eq!(rule.shape, Shape::Fixed(fixed), "{line}");
                if !rule.identifies() {
                    assert_eq!(
                        rule.verdict(fixed - 1),
                        Verdict::TooShort { minimum: fixed }
                    );
                    assert_eq!(rule.verdict(fixed + 1), Verdict::TooLong { maximum: fixed });
                }
                continue;
            }
            let header: u64 = cells[1].parse().unwrap();
            let record: u64 = cells[2].parse().unwrap();
            for len in 0..=2_000 {
                let published = len >= header && (len - header).is_multiple_of(record);
                // The header of a GRP file is 8 bytes (R-GRP-003), so 0 bytes are none.
                let fits = published && !(file.ends_with(".GRP") && len == 0);
                assert_eq!(rule.verdict(len).is_valid(), fits, "{line}: {len}");
            }
        }
    }

    // rule: pof:R-SIZ-001
    #[test]
    fn limits_and_special_names_count() {
        let mem = size_rule_for("mem", "00000001.mem").unwrap();
        assert_eq!(mem.verdict(2_004), Verdict::TooLong { maximum: 2_000 });
        let pol = size_rule_for("NME", "admin.nme").unwrap();
        assert_eq!(pol.verdict(0), Verdict::TooShort { minimum: 45 });
        assert!(
            size_rule_for("NME", "00000000.NME")
                .unwrap()
                .verdict(0)
                .is_valid()
        );
        let serial = size_rule_for("FOLDERS", "SERIALNO.IDX").unwrap();
        assert_eq!(serial.shape, Shape::Fixed(4));
        let root = size_rule_for("FOLDERS\\PUB", "FOLDROOT.IDX").unwrap();
        assert_eq!(root.verdict(100), Verdict::Valid { records: Some(0) });
        let text = size_rule_for("GLB", "ERRORADM.GLB").unwrap();
        assert_eq!(text.verdict(10_210), Verdict::Valid { records: None });
        assert_eq!(text.verdict(7), Verdict::UnknownVersion);
        for (dir, file) in [
            ("KEY", ".KEY"),
            ("KEY/X", "A.KEY"),
            ("", "MASTER.GLB"),
            ("GLB", "X"),
        ] {
            assert!(size_rule_for(dir, file).is_none(), "{dir} {file}");
        }
    }

    proptest! {
        // rule: pof:R-SIZ-001
        #[test]
        fn any_name_and_length_has_an_answer(dir in ".{0,12}", file in ".{0,12}", len: u64) {
            if let Some(rule) = size_rule_for(&dir, &file) {
                let _ = rule.verdict(len);
            }
            for rule in SIZE_RULES {
                if let Verdict::NotWhole { cut_to, .. } = rule.verdict(len) {
                    prop_assert!(rule.verdict(cut_to).is_valid());
                    prop_assert!(cut_to < len);
                }
            }
        }
    }
}
