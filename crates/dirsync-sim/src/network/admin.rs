//! The administrator: what he knows, and the documented remedies he applies by rule.
//!
//! He knows what he did himself (restored a postoffice, made a record anew) and what the logs say.
//! He acts when the troubles are over and the numbers are in step, in this order:
//!
//! | he knows | he does | source |
//! |---|---|---|
//! | the server was restored, or said that it was set back | all export, one cycle, RESYNC.GLB to all | R-ORD-008, DEC-058 |
//! | 118 and 166 | RESYNC.GLB to that requestor | R-LIM-003 |
//! | a record was made anew, replies are dropped | an import request, then an Export | DEC-039, R-ORD-010 |
//! | 138 and 139: behind the purge | Export and import request | R-ORD-007 |
//! | a requestor was restored; the server is ahead, a request had a gap, numbering restarted | Export | dsp 20-6, DEC-020, DEC-038, DEC-055 |

use std::collections::BTreeSet;

/// Something the log said about a requestor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Said {
    /// DEC-058.
    ServerRestored,
    /// DEC-039.
    ImportBehind,
    /// dsp R-ORD-007.
    PurgedGap,
    /// DEC-020, DEC-038, DEC-055.
    OutOfStep,
    /// 166.
    ManualImport,
}

/// One round of remedies. Between the parts a cycle is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Remedy {
    /// All export, one cycle, RESYNC.GLB to all requestors but the server's own.
    Server,
    /// For single requestors.
    Requestors {
        /// RESYNC.GLB.
        resync: BTreeSet<usize>,
        /// An import request now.
        import: BTreeSet<usize>,
        /// An Export now.
        export: BTreeSet<usize>,
    },
}

/// The administrator.
#[derive(Debug, Clone, Default)]
pub struct Admin {
    server: bool,
    resync: BTreeSet<usize>,
    /// An import request, and an Export when it is in step.
    anew: BTreeSet<usize>,
    behind: BTreeSet<usize>,
    export: BTreeSet<usize>,
}

impl Admin {
    /// He restored a postoffice.
    pub fn restored(&mut self, po: usize) {
        if po == 0 {
            self.server = true;
        } else {
            self.export.insert(po);
        }
    }

    /// He made a record anew.
    pub fn reregistered(&mut self, po: usize) {
        if po > 0 {
            self.anew.insert(po);
        }
    }

    /// He reads a log.
    pub fn hears(&mut self, po: usize, said: Said) {
        match said {
            Said::ServerRestored => self.server = true,
            Said::OutOfStep => {
                self.export.insert(po);
            }
            // The server's own requestor cannot ask for an import (Q131681); its Export is all.
            _ if po == 0 => {
                self.export.insert(po);
            }
            Said::ImportBehind => {
                self.anew.insert(po);
            }
            Said::PurgedGap => {
                self.behind.insert(po);
            }
            Said::ManualImport => {
                self.resync.insert(po);
            }
        }
    }

    /// What he does now, the numbers being in step; `None` when he has nothing to do.
    pub fn act(&mut self) -> Option<Remedy> {
        if self.server {
            // RESYNC.GLB to all and Exports of all are every other remedy as well.
            *self = Self::default();
            return Some(Remedy::Server);
        }
        if self.resync.is_empty()
            && self.anew.is_empty()
            && self.behind.is_empty()
            && self.export.is_empty()
        {
            return None;
        }
        let resync = std::mem::take(&mut self.resync);
        let anew = std::mem::take(&mut self.anew);
        let behind = std::mem::take(&mut self.behind);
        let mut export = std::mem::take(&mut self.export);
        // First the import request; the Export when its reply was applied (DEC-039).
        let wait: BTreeSet<usize> = anew.iter().chain(&resync).copied().collect();
        self.export.extend(&wait);
        export.extend(&behind);
        export.retain(|po| !wait.contains(po));
        let mut import: BTreeSet<usize> = anew.union(&behind).copied().collect();
        import.retain(|po| !resync.contains(po));
        Some(Remedy::Requestors {
            resync,
            import,
            export,
        })
    }
}
