//! The directories and files that make up a postoffice.
//!
//! Directories: Q132744 (51 that the integrity checker verifies), Q135868 (54 of a fresh
//! postoffice). Files: Q132744 (must exist), Q199676 (restored together). Names are in upper case
//! with `/` between them, as we write them.

/// The 54 directories of a fresh postoffice in the printed order, parents before children
/// (Q135868).
pub const DIRECTORIES: [&str; 54] = [
    "ATT",
    "ATT/AT0",
    "ATT/AT1",
    "ATT/AT2",
    "ATT/AT3",
    "ATT/AT4",
    "ATT/AT5",
    "ATT/AT6",
    "ATT/AT7",
    "ATT/AT8",
    "ATT/AT9",
    "ATT/ATA",
    "ATT/ATB",
    "ATT/ATC",
    "ATT/ATD",
    "ATT/ATE",
    "ATT/ATF",
    "FOLDERS",
    "FOLDERS/LOC",
    "FOLDERS/LOC/00000000",
    "FOLDERS/PUB",
    "GLB",
    "GRP",
    "HLP",
    "INF",
    "KEY",
    "LOG",
    "MAI",
    "MAI/MA0",
    "MAI/MA1",
    "MAI/MA2",
    "MAI/MA3",
    "MAI/MA4",
    "MAI/MA5",
    "MAI/MA6",
    "MAI/MA7",
    "MAI/MA8",
    "MAI/MA9",
    "MAI/MAA",
    "MAI/MAB",
    "MAI/MAC",
    "MAI/MAD",
    "MAI/MAE",
    "MAI/MAF",
    "MBG",
    "MEM",
    "NME",
    "P1",
    "TPL",
    "USR",
    "XTN",
    "MMF",
    "CAL",
    "INI",
];

/// The directories below `FOLDERS`, which the integrity checker does not look at (Q132744).
const UNCHECKED: [&str; 3] = ["FOLDERS/LOC", "FOLDERS/LOC/00000000", "FOLDERS/PUB"];

/// The 19 directories of the first level (Q132744, Q125252, Q134952).
pub fn first_level_directories() -> impl Iterator<Item = &'static str> {
    DIRECTORIES.into_iter().filter(|dir| !dir.contains('/'))
}

/// The 51 directories that the integrity checker verifies (Q132744).
pub fn checked_directories() -> impl Iterator<Item = &'static str> {
    DIRECTORIES
        .into_iter()
        .filter(|dir| !UNCHECKED.contains(dir))
}

/// When a file must exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// In every postoffice.
    Always,
    /// On the directory server only.
    OnServer,
    /// After the first run of the mail transfer program, which makes it (Q118946).
    AfterExternal,
}

/// The files that must exist, and when (Q132744).
pub const MUST_EXIST: [(&str, Presence); 19] = [
    ("GLB/ACCESS.GLB", Presence::Always),
    ("GLB/ACCESS2.GLB", Presence::Always),
    ("GLB/ACCESS3.GLB", Presence::Always),
    ("GLB/CONTROL.GLB", Presence::Always),
    ("GLB/GLOBAL.GLB", Presence::Always),
    ("GLB/GROUP.GLB", Presence::Always),
    ("GLB/GRPMEM.GLB", Presence::Always),
    ("GLB/MASTER.GLB", Presence::Always),
    ("GLB/NETPO.GLB", Presence::Always),
    ("GLB/NETWORK.GLB", Presence::Always),
    ("GLB/PROCESS.GLB", Presence::Always),
    ("GLB/REQCONF.GLB", Presence::Always),
    ("GLB/RNETSEM.GLB", Presence::AfterExternal),
    ("GLB/SRVCONF.GLB", Presence::OnServer),
    ("GLB/TID.GLB", Presence::Always),
    ("NME/ADMIN.NME", Presence::Always),
    ("NME/ADMINSHD.NME", Presence::Always),
    ("GRP/ADMIN.GRP", Presence::Always),
    ("GRP/ADMINSHD.GRP", Presence::Always),
];

/// The files that belong together: never restore some of them without the others (Q199676,
/// Q112881, Q135932).
pub const CORE_FILES: [&str; 8] = [
    "GLB/MASTER.GLB",
    "GLB/ACCESS.GLB",
    "GLB/ACCESS2.GLB",
    "GLB/ACCESS3.GLB",
    "NME/ADMIN.NME",
    "NME/ADMINSHD.NME",
    "GRP/ADMIN.GRP",
    "GRP/ADMINSHD.GRP",
];

/// The four pairs `MBG/<stem>.MBG` and `KEY/<stem>.KEY` of a fresh postoffice (Q135868).
pub const FRESH_MAILBAGS: [&str; 4] = ["00000000", "INQUEUE", "INQUEUE3", "SYSTEM"];

/// The transaction files of a fresh postoffice, 0 bytes each (Q135868).
pub const FRESH_QUEUES: [&str; 5] = [
    "GLB/REQTRANS.GLB",
    "GLB/SRVTRANS.GLB",
    "GLB/USRTRANS.GLB",
    "GLB/GWTRANS.GLB",
    "GLB/NMETRANS.GLB",
];

/// The file that marks every directory so that copy programs do not drop it (Q135868, Q127954).
pub const POPULATE: &str = "POPULATE.MSM";

/// Files that are read-only by design: the vendor's texts and the markers (Q127954).
#[must_use]
pub fn is_read_only_by_design(path: &str) -> bool {
    const GLB: [&str; 9] = [
        "ANSISORT.GLB",
        "C850SORT.GLB",
        "DS_MSG.GLB",
        "ENGMAI.GLB",
        "ENGMON.GLB",
        "ERRORADM.GLB",
        "ERRORDYN.GLB",
        "TRANSFIL.GLB",
        "WELCOME.GLB",
    ];
    let path = path.to_ascii_uppercase();
    let (dir, name) = path.rsplit_once('/').unwrap_or(("", &path));
    let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending);
    name == POPULATE
        // ADMIN.TPL is the administrator's own template (Q87432).
        || (dir == "TPL" && ending == "TPL" && name != "ADMIN.TPL")
        || (dir == "HLP" && ending == "HLP")
        || (dir == "GLB" && (GLB.contains(&name) || ending == "SCR" || ending == "MDM"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    // rule: pof:R-DIR-001
    #[test]
    fn a_postoffice_has_19_directories_at_the_first_level() {
        assert_eq!(first_level_directories().count(), 19);
        let printed = include_str!("../../../../fixtures/sizes/q135868-directories.txt");
        let printed: Vec<_> = printed
            .lines()
            .map(|line| line.replace('\\', "/"))
            .collect();
        assert_eq!(printed, DIRECTORIES);
        for (at, dir) in DIRECTORIES.iter().enumerate() {
            if let Some((parent, _)) = dir.rsplit_once('/') {
                assert!(DIRECTORIES[..at].contains(&parent), "{dir}");
            }
        }
    }

    // rule: pof:R-DIR-002
    #[test]
    fn the_checker_verifies_51_directories() {
        let printed = include_str!("../../../../fixtures/output/q132744-directories.txt");
        let printed: BTreeSet<_> = printed
            .lines()
            .map(|line| line.replace('\\', "/"))
            .collect();
        let ours: BTreeSet<_> = checked_directories().map(str::to_owned).collect();
        assert_eq!(ours.len(), 51);
        assert_eq!(printed, ours);
    }

    // rule: pof:R-CHK-002
    #[test]
    fn the_files_that_must_exist_are_the_printed_ones() {
        let printed = include_str!("../../../../fixtures/output/q132744-core-files.txt");
        let ours: Vec<_> = MUST_EXIST
            .iter()
            .map(|(path, _)| path.rsplit_once('/').unwrap().1)
            .collect();
        assert_eq!(printed.lines().collect::<Vec<_>>(), ours);
        let sometimes = MUST_EXIST
            .iter()
            .filter(|(_, when)| *when != Presence::Always);
        assert_eq!(sometimes.count(), 2);
    }

    // rule: pof:R-GLB-001
    // rule: tra:R-ADM-095
    #[test]
    fn core_files_must_exist() {
        for core in CORE_FILES {
            assert!(MUST_EXIST.contains(&(core, Presence::Always)), "{core}");
        }
    }

    // rule: pof:R-PRM-001
    // rule: pof:R-HLP-001
    #[test]
    fn texts_are_read_only_and_data_is_not() {
        for path in [
            "ATT/AT0/POPULATE.MSM",
            "GLB/C850SORT.GLB",
            "TPL/SMTP.TPL",
            "GLB/X25.MDM",
            "HLP/ADMIN.HLP",
        ] {
            assert!(is_read_only_by_design(path), "{path}");
        }
        for path in ["TPL/ADMIN.TPL", "GLB/MASTER.GLB", "HLP", "NME/ADMIN.NME"] {
            assert!(!is_read_only_by_design(path), "{path}");
        }
        for (path, presence) in MUST_EXIST {
            assert!(!is_read_only_by_design(path), "{path} {presence:?}");
        }
    }
}
