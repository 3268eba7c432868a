//! The commands that change trees, by name.
//!
//! Every commit says which command made it (audit log), and the fault harness must have a row for
//! each variant: its registry matches this enum without a wildcard, so that a command without a
//! row does not compile.

use std::fmt;

macro_rules! commands {
    ($($(#[$doc:meta])* $name:ident = $words:literal,)*) => {
        /// A command that commits.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Command {
            $($(#[$doc])* $name,)*
        }

        impl Command {
            /// All variants.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// Program and sub-command, as typed.
            #[must_use]
            pub fn words(self) -> &'static str {
                match self {
                    $(Self::$name => $words,)*
                }
            }
        }
    };
}

commands! {
    /// Makes a postoffice.
    Init = "po-admin init",
    /// Makes an Exchange server.
    InitExchange = "po-admin init-exchange",
    /// Adds, changes or removes recipients.
    Recipient = "po-admin recipient",
    /// Changes the registry of an Exchange server.
    Registry = "po-admin registry",
    /// Moves a tree to the current layout.
    Upgrade = "po-admin upgrade",
    /// Mends what a check found.
    CheckFix = "po-admin check --fix",
    /// Adds, changes or removes a user.
    User = "po-admin user",
    /// Adds, changes or removes a group.
    Group = "po-admin group",
    /// Adds many users.
    Fill = "po-admin fill",
    /// Adds or removes an external postoffice.
    Postoffice = "po-admin postoffice",
    /// Adds or removes a postoffice that a gateway emulates.
    Gateway = "po-admin gateway",
    /// Holds or releases a link, or changes its settings.
    Link = "po-admin link",
    /// Adds or removes a route, or changes its cost.
    Route = "po-admin route",
    /// Adds or removes an X.400 connector.
    X400 = "po-admin x400",
    /// Becomes or ceases to be the directory server.
    Server = "po-admin server",
    /// Adds or removes a requestor at the server.
    Requestor = "po-admin requestor",
    /// Registers with a directory server.
    Register = "po-admin register",
    /// Changes dirsync options.
    Options = "po-admin options",
    /// Puts the whole own list into the waiting transactions.
    Export = "po-admin export",
    /// Asks the server for all lists.
    ImportRequest = "po-admin import-request",
    /// Changes the schedule.
    Schedule = "po-admin schedule",
    /// Resets the numbers of a requestor.
    ListdsZero = "po-admin listds --zero",
    /// Returns, clears or recovers stuck mail.
    Mail = "po-admin mail",
    /// Sends the changes of a requestor.
    T1 = "dxa-cycle t1",
    /// Merges and answers at the server.
    T2 = "dxa-cycle t2",
    /// Applies the answer.
    T3 = "dxa-cycle t3",
    /// Starts the agent of an Exchange server.
    Start = "dxa-cycle start",
    /// Moves entries of the schedule on and writes DISPATCH.LOG.
    Dispatch = "dxa-cycle dispatch",
    /// Resets the numbers of directory synchronization.
    Reset = "dxa-cycle reset",
    /// Moves mail.
    Deliver = "dxa-cycle deliver",
    /// Applies the queues to the lists.
    ImportQueue = "glb-import queue",
    /// Applies an import file to the lists.
    ImportFile = "glb-import file",
    /// Makes the Global Address List anew.
    Rebuild = "glb-import rebuild",
    /// Writes RESYNC.GLB into the server's own tree.
    Resync = "resync-gen create --in-place",
    /// Mends a queue database.
    MtaRepair = "mtacheck repair",
    /// Takes messages off queues.
    MtaPurge = "mtacheck purge",
    /// Copies missing core files.
    MtaRestore = "mtacheck restore",
    /// Puts messages of another database on queues.
    MtaReplay = "mtacheck replay",
    /// Makes an empty database.
    MtaWipe = "mtacheck wipe",
    /// Renames the quarantine.
    MtaRotate = "mtacheck rotate",
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.words())
    }
}
