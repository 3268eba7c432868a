//! Which option of IMPORT cancels which (Q119016), for all its modes.
//!
//! | if present | these are ignored | mode |
//! |---|---|---|
//! | `-st -f` | `-a -c -e -g -q -r -t -x` | text extract for foreign systems |
//! | `-s` | `-a -c -e -g -q -r -t -x -f` | RESYNC.GLB |
//! | `-e` | `-a -c -g -l -q -r -t -v -x` | file into REQTRANS |
//! | `-q` | `-a -c -f -g -r -t -x` | the queue |
//! | `-x` | `-a -c -r` | extract |
//!
//! The original ignored silently; `glb-import` says what it ignores.

use std::fmt;

/// An option of IMPORT that takes part in the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Flag {
    /// `-a`: into the postoffice address list, too.
    AddToPol,
    /// `-c`: create postoffices.
    CreatePostoffices,
    /// `-e`: into REQTRANS instead of the lists.
    ToDirsync,
    /// `-f`: the file.
    File,
    /// `-g`: one type or list.
    Only,
    /// `-l`: log of what failed.
    FailureLog,
    /// `-q`: the queue.
    Queue,
    /// `-r`: replace lists.
    Replace,
    /// `-s`: RESYNC.GLB.
    Resync,
    /// `-st`: text for foreign systems.
    ResyncText,
    /// `-t`: templates.
    Templates,
    /// `-v`: verbose.
    Verbose,
    /// `-x`: extract.
    Extract,
}

/// What an import does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Addresses as text for foreign systems.
    ResyncText,
    /// GLB/RESYNC.GLB.
    Resync,
    /// The file becomes waiting transactions.
    Enqueue,
    /// The queue is processed.
    Queue,
    /// Lists become a file.
    Extract,
    /// The file goes into the lists.
    File,
}

impl Flag {
    /// As the original spelled it.
    #[must_use]
    pub fn classic(self) -> &'static str {
        match self {
            Self::AddToPol => "-a",
            Self::CreatePostoffices => "-c",
            Self::ToDirsync => "-e",
            Self::File => "-f",
            Self::Only => "-g",
            Self::FailureLog => "-l",
            Self::Queue => "-q",
            Self::Replace => "-r",
            Self::Resync => "-s",
            Self::ResyncText => "-st",
            Self::Templates => "-t",
            Self::Verbose => "-v",
            Self::Extract => "-x",
        }
    }

    /// As `glb-import` spells it; what is a sub-command or another program there has its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::AddToPol => "--add-to-pol",
            Self::CreatePostoffices => "--create-postoffices",
            Self::ToDirsync => "--to-dirsync",
            Self::File => "FILE",
            Self::Only => "--only",
            Self::FailureLog => "--failed",
            Self::Queue => "queue",
            Self::Replace => "--replace",
            Self::Resync => "resync-gen",
            Self::ResyncText => "resync-gen --text",
            Self::Templates => "--templates",
            Self::Verbose => "--verbose",
            Self::Extract => "extract",
        }
    }
}

impl fmt::Display for Flag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The mode that options select, and those of them that are ignored (imp R-IMP-010: each mode
/// ignores the lower ones).
#[must_use]
pub fn resolve(flags: &[Flag]) -> (Mode, Vec<Flag>) {
    use Flag as F;
    let has = |flag: Flag| flags.contains(&flag);
    let (mode, cancels): (Mode, &[Flag]) = if has(F::ResyncText) && has(F::File) {
        (
            Mode::ResyncText,
            &[
                F::AddToPol,
                F::CreatePostoffices,
                F::ToDirsync,
                F::Only,
                F::Queue,
                F::Replace,
                F::Templates,
                F::Extract,
            ],
        )
    } else if has(F::Resync) {
        (
            Mode::Resync,
            &[
                F::AddToPol,
                F::CreatePostoffices,
                F::ToDirsync,
                F::Only,
                F::Queue,
                F::Replace,
                F::Templates,
                F::Extract,
                F::File,
            ],
        )
    } else if has(F::ToDirsync) {
        (
            Mode::Enqueue,
            &[
                F::AddToPol,
                F::CreatePostoffices,
                F::Only,
                F::FailureLog,
                F::Queue,
                F::Replace,
                F::Templates,
                F::Verbose,
                F::Extract,
            ],
        )
    } else if has(F::Queue) {
        (
            Mode::Queue,
            &[
                F::AddToPol,
                F::CreatePostoffices,
                F::File,
                F::Only,
                F::Replace,
                F::Templates,
                F::Extract,
            ],
        )
    } else if has(F::Extract) {
        (
            Mode::Extract,
            &[F::AddToPol, F::CreatePostoffices, F::Replace],
        )
    } else {
        (Mode::File, &[])
    };
    let ignored = cancels.iter().copied().filter(|&flag| has(flag)).collect();
    (mode, ignored)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The letters of a command line, without mailbox and password.
    fn line(letters: &str) -> (Mode, String) {
        const ALL: [Flag; 13] = [
            Flag::AddToPol,
            Flag::CreatePostoffices,
            Flag::ToDirsync,
            Flag::File,
            Flag::Only,
            Flag::FailureLog,
            Flag::Queue,
            Flag::Replace,
            Flag::Resync,
            Flag::ResyncText,
            Flag::Templates,
            Flag::Verbose,
            Flag::Extract,
        ];
        let flags: Vec<Flag> = letters
            .split(' ')
            .map(|word| *ALL.iter().find(|flag| flag.classic() == word).unwrap())
            .collect();
        let (mode, mut ignored) = resolve(&flags);
        ignored.sort_by_key(|flag| flag.classic());
        let ignored: Vec<_> = ignored.iter().map(|flag| flag.classic()).collect();
        (mode, ignored.join(" "))
    }

    // rule: imp:R-IMP-010
    // rule: imp:TV-OPT-1
    // rule: imp:TV-OPT-2
    // rule: imp:TV-OPT-3
    #[test]
    fn the_published_table() {
        let all = "-a -c -e -f -g -l -q -r -t -v -x";
        assert_eq!(line("-e -x -g -f"), (Mode::Enqueue, "-g -x".into()));
        assert_eq!(line("-s -f"), (Mode::Resync, "-f".into()));
        assert_eq!(line("-q -f -a -c"), (Mode::Queue, "-a -c -f".into()));
        assert_eq!(
            line(all),
            (Mode::Enqueue, "-a -c -g -l -q -r -t -v -x".into())
        );
        assert_eq!(
            line(&format!("{all} -s")),
            (Mode::Resync, "-a -c -e -f -g -q -r -t -x".into())
        );
        assert_eq!(
            line(&format!("{all} -st")),
            (Mode::ResyncText, "-a -c -e -g -q -r -t -x".into())
        );
        assert_eq!(
            line("-a -c -f -g -l -q -r -t -v -x"),
            (Mode::Queue, "-a -c -f -g -r -t -x".into())
        );
        assert_eq!(
            line("-a -c -f -g -l -r -t -v -x"),
            (Mode::Extract, "-a -c -r".into())
        );
        assert_eq!(line("-a -c -f -g -l -r -t -v"), (Mode::File, String::new()));
    }
}
