//! Commit domains: what has one lock, one journal, one layout marker and one tree id.
//!
//! A postoffice is one domain. An Exchange server has three: the agent (`DXADATA`), the MTA's
//! database (`MTADATA`) and its shadow postoffice (design section 2).

use std::borrow::Cow;

use crate::path::RelPath;

/// The kind of a domain. The order is the order in which locks are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum DomainKind {
    /// The Exchange agent: `DXADATA`, `REGISTRY.REG`, `EVENTS.JSONL`.
    Agent,
    /// The MTA's queue database: `MTADATA`.
    Mta,
    /// A postoffice.
    Postoffice,
}

impl DomainKind {
    /// The documented path of the domain's home below the tree's root: where lock, journal and
    /// marker stand.
    #[must_use]
    pub fn home(self) -> &'static str {
        match self {
            Self::Agent => "DXADATA",
            Self::Mta => "MTADATA",
            Self::Postoffice => "GLB",
        }
    }

    /// Where a documented path of a postoffice stands in a domain of this kind, below the tree's
    /// root. The agent keeps the files of a postoffice in `DXADATA`: those of `GLB` right there, the
    /// other directories below it; `REGISTRY.REG` and `EVENTS.JSONL` stand in the root (design 2,
    /// DEC-068).
    #[must_use]
    pub fn place(self, logical: &str) -> Cow<'_, str> {
        if self != Self::Agent {
            return Cow::Borrowed(logical);
        }
        let (first, rest) = logical.split_once('/').unwrap_or((logical, ""));
        match (first, rest) {
            ("" | "DXADATA", _) | ("REGISTRY.REG" | "EVENTS.JSONL", "") => Cow::Borrowed(logical),
            ("GLB", "") => Cow::Borrowed("DXADATA"),
            ("GLB", rest) => Cow::Owned(format!("DXADATA/{rest}")),
            _ => Cow::Owned(format!("DXADATA/{logical}")),
        }
    }

    /// The directories whose core files must not exist in two spellings, with those files (upper
    /// case). Q199676 lists the files that are restored together; the counters and the network list
    /// belong to them, since a wrong pick would harm the tree.
    #[must_use]
    pub fn core_files(self) -> &'static [(&'static str, &'static [&'static str])] {
        match self {
            Self::Postoffice => &[
                (
                    "",
                    &[
                        "GLB", "NME", "GRP", "MBG", "KEY", "XTN", "USR", "MEM", "P1", "MAI", "ATT",
                    ],
                ),
                (
                    "GLB",
                    &[
                        "LAYOUT.TXT",
                        "TREE.LCK",
                        "JOURNAL",
                        "MASTER.GLB",
                        "ACCESS.GLB",
                        "ACCESS2.GLB",
                        "ACCESS3.GLB",
                        "CONTROL.GLB",
                        "TID.GLB",
                        "FLAG.GLB",
                        "NETWORK.GLB",
                        "NETPO.GLB",
                        "GROUP.GLB",
                        "GRPMEM.GLB",
                        "REQCONF.GLB",
                        "SRVCONF.GLB",
                        "REQTRANS.GLB",
                        "SRVTRANS.GLB",
                        "MSTTRANS.GLB",
                        "USRTRANS.GLB",
                        "NMETRANS.GLB",
                        "GWTRANS.GLB",
                        "PROCESS.GLB",
                    ],
                ),
                ("NME", &["ADMIN.NME", "ADMINSHD.NME", "GAL.NME"]),
                ("GRP", &["ADMIN.GRP", "ADMINSHD.GRP"]),
            ],
            Self::Agent => &[
                ("", &["DXADATA", "REGISTRY.REG", "EVENTS.JSONL"]),
                (
                    "DXADATA",
                    &[
                        "LAYOUT.TXT",
                        "TREE.LCK",
                        "JOURNAL",
                        "AGENT.INI",
                        "RECIPIENTS.CSV",
                        "XDIR.TAB",
                        "MASTER.GLB",
                        "CONTROL.GLB",
                        "SRVCONF.GLB",
                        "REQCONF.GLB",
                        "MSTTRANS.GLB",
                        "REQTRANS.GLB",
                        "SRVTRANS.GLB",
                        "RESYNC.GLB",
                        "MBG",
                        "KEY",
                        "P1",
                        "MAI",
                        "ATT",
                    ],
                ),
            ],
            Self::Mta => &[(
                "MTADATA",
                &["LAYOUT.TXT", "TREE.LCK", "JOURNAL", "DBBITMP.DAT"],
            )],
        }
    }
}

/// One domain of one tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Domain {
    /// Its kind.
    pub kind: DomainKind,
}

impl Domain {
    /// The documented path of a file in the domain's home.
    ///
    /// # Errors
    /// A name that is none.
    pub fn home_file(&self, name: &str) -> Result<RelPath, crate::path::PathError> {
        RelPath::new(self.kind.home())?.join(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // rule: dec:DEC-068
    #[test]
    fn the_agent_keeps_the_files_of_a_postoffice_in_dxadata() {
        let agent = |path| DomainKind::Agent.place(path).into_owned();
        for (path, place) in [
            ("GLB/SRVCONF.GLB", "DXADATA/SRVCONF.GLB"),
            ("GLB", "DXADATA"),
            ("MBG/SYSTEM.MBG", "DXADATA/MBG/SYSTEM.MBG"),
            ("DXADATA/AGENT.INI", "DXADATA/AGENT.INI"),
            ("REGISTRY.REG", "REGISTRY.REG"),
            ("EVENTS.JSONL", "EVENTS.JSONL"),
            ("", ""),
        ] {
            assert_eq!(agent(path), place);
            assert_eq!(DomainKind::Postoffice.place(path), path);
        }
    }
}
