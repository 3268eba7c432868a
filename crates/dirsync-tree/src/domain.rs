//! Commit domains: what has one lock, one journal, one layout marker and one tree id.
//!
//! A postoffice is one domain. An Exchange server has three: the agent (`DXADATA`), the MTA's
//! database (`MTADATA`) and its shadow postoffice (design section 2).

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
            Self::Agent => &[(
                "DXADATA",
                &[
                    "LAYOUT.TXT",
                    "TREE.LCK",
                    "JOURNAL",
                    "SRVCONF.GLB",
                    "REQCONF.GLB",
                ],
            )],
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
