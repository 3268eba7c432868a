//! What happens in a run: a list of events, each of which can be left out without touching the
//! others, so that a failing script can be made shorter.
//!
//! Nothing random is left in a script. Names of users come from the event that made them; an event
//! that has nothing to act on does nothing.

use std::fmt;

/// A run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Script {
    /// The seed it was made from.
    pub seed: u64,
    /// Cycles in which things go wrong; quiet ones follow.
    pub cycles: u16,
    /// Keep Updates in days; a cycle takes a day.
    pub keep_days: u16,
    /// `--auto-import` at the server.
    pub auto_import: bool,
    /// The postoffices; the first is the server.
    pub postoffices: Vec<Start>,
    /// What happens, in order.
    pub events: Vec<Event>,
}

/// How a postoffice begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Start {
    /// Users.
    pub users: u16,
    /// Limit of its replies in KB, 0 none.
    pub limit_kb: u16,
    /// The cycle in which it begins to take part, from 1.
    pub joins: u16,
}

/// Something that happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Event {
    /// The cycle, from 1.
    pub cycle: u16,
    /// When in it.
    pub moment: Moment,
    /// What.
    pub act: Act,
}

/// A moment of a cycle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Moment {
    /// Before T1.
    BeforeT1,
    /// After T1 and a delivery.
    BeforeT2,
    /// After T2 and a delivery.
    BeforeT3,
}

impl Moment {
    /// All, in order.
    pub const ALL: [Self; 3] = [Self::BeforeT1, Self::BeforeT2, Self::BeforeT3];
}

/// A step of a cycle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Requestor sends.
    T1,
    /// Server.
    T2,
    /// Requestor receives.
    T3,
}

/// What happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// A user changes.
    Change {
        /// The postoffice.
        po: u8,
        /// How.
        change: Change,
    },
    /// Export.
    Export {
        /// The postoffice.
        po: u8,
    },
    /// An import request; none on the server.
    ImportRequest {
        /// The postoffice.
        po: u8,
    },
    /// Another limit.
    Limit {
        /// The postoffice.
        po: u8,
        /// In KB, 0 none.
        kb: u16,
    },
    /// A step is not made in this cycle.
    Skip {
        /// The postoffice; any for T2.
        po: u8,
        /// The step.
        step: Step,
    },
    /// A step stops after so many commits; T1 has one, so it is as good as skipped.
    Crash {
        /// The postoffice; any for T2.
        po: u8,
        /// The step.
        step: Step,
        /// Commits made.
        after: u16,
    },
    /// T2 runs once more in this cycle.
    SecondT2,
    /// The lists of the server's postoffice cannot be brought up to date: no import replies.
    ListsBusy,
    /// What a postoffice and the server send to each other in this cycle fares badly.
    Mail {
        /// The postoffice.
        po: u8,
        /// Which mail.
        way: Way,
        /// How it fares.
        fate: Fate,
    },
    /// A mailbag is in another order.
    Shuffle {
        /// The postoffice.
        po: u8,
        /// Makes the order.
        seed: u16,
    },
    /// A postoffice is replaced by its copy of the beginning of an older cycle.
    Restore {
        /// The postoffice.
        po: u8,
        /// The cycle.
        from: u16,
    },
    /// The server's record of a postoffice is deleted and created again.
    Reregister {
        /// The postoffice.
        po: u8,
    },
    /// What the guard holds is allowed in this cycle.
    Approve,
}

/// A change of a user. `pick` chooses among those there are; `name` makes a name that is new.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// A new one.
    Add {
        /// Its name.
        name: u16,
        /// Whether it takes part.
        takes_part: bool,
    },
    /// One that was deleted is there again, name and address as before.
    AddAgain {
        /// Which.
        pick: u16,
    },
    /// Deleted.
    Delete {
        /// Which.
        pick: u16,
    },
    /// The same alias with another address.
    Move {
        /// Which.
        pick: u16,
        /// The address.
        name: u16,
    },
    /// Another alias.
    Rename {
        /// Which.
        pick: u16,
        /// The alias.
        name: u16,
    },
    /// Takes part or no longer.
    Toggle {
        /// Which.
        pick: u16,
    },
    /// All but a few are deleted.
    DeleteMost,
}

/// Mail between a postoffice and the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// The request of T1.
    Request,
    /// The import request.
    ImportRequest,
    /// The server's reply.
    Reply,
}

/// How mail fares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// Never seen again.
    Lost,
    /// So many deliveries later; there are two or three in a cycle.
    Late(u8),
    /// Twice, the second so many deliveries later.
    Twice(u8),
    /// So many thousandths of its attachment remain.
    Cut(u16),
}

/// The name of a postoffice.
#[must_use]
pub fn po_name(po: usize) -> String {
    if po == 0 {
        "NET/SRV".to_owned()
    } else {
        format!("NET/R{po}")
    }
}

fn name(po: u8) -> String {
    po_name(usize::from(po))
}

impl Act {
    /// The postoffice it is about.
    #[must_use]
    pub fn po(&self) -> Option<u8> {
        match *self {
            Self::Change { po, .. }
            | Self::Export { po }
            | Self::ImportRequest { po }
            | Self::Limit { po, .. }
            | Self::Skip { po, .. }
            | Self::Crash { po, .. }
            | Self::Mail { po, .. }
            | Self::Shuffle { po, .. }
            | Self::Restore { po, .. }
            | Self::Reregister { po } => Some(po),
            Self::SecondT2 | Self::ListsBusy | Self::Approve => None,
        }
    }

    /// The same, to be changed.
    pub fn po_mut(&mut self) -> Option<&mut u8> {
        match self {
            Self::Change { po, .. }
            | Self::Export { po }
            | Self::ImportRequest { po }
            | Self::Limit { po, .. }
            | Self::Skip { po, .. }
            | Self::Crash { po, .. }
            | Self::Mail { po, .. }
            | Self::Shuffle { po, .. }
            | Self::Restore { po, .. }
            | Self::Reregister { po } => Some(po),
            Self::SecondT2 | Self::ListsBusy | Self::Approve => None,
        }
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Add { name, takes_part } => {
                let silent = if *takes_part { "" } else { ", not taking part" };
                write!(f, "adds user u{name}{silent}")
            }
            Self::AddAgain { pick } => write!(f, "adds deleted user #{pick} again"),
            Self::Delete { pick } => write!(f, "deletes user #{pick}"),
            Self::Move { pick, name } => write!(f, "moves user #{pick} to mailbox m{name}"),
            Self::Rename { pick, name } => write!(f, "renames user #{pick} to n{name}"),
            Self::Toggle { pick } => write!(f, "turns taking part of user #{pick}"),
            Self::DeleteMost => f.write_str("deletes all users but a few"),
        }
    }
}

impl fmt::Display for Act {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Change { po, change } => write!(f, "{} {change}", name(*po)),
            Self::Export { po } => write!(f, "{} exports", name(*po)),
            Self::ImportRequest { po } => write!(f, "{} asks for an import", name(*po)),
            Self::Limit { po, kb } => write!(f, "{} sets its limit to {kb} KB", name(*po)),
            Self::Skip { step: Step::T2, .. } => f.write_str("T2 is not made"),
            Self::Skip { po, step } => write!(f, "{step:?} of {} is not made", name(*po)),
            Self::Crash {
                step: Step::T2,
                after,
                ..
            } => write!(f, "T2 stops after {after} commits"),
            Self::Crash { po, step, after } => {
                write!(f, "{step:?} of {} stops after {after} commits", name(*po))
            }
            Self::SecondT2 => f.write_str("T2 is made twice"),
            Self::ListsBusy => f.write_str("the server's lists cannot be brought up to date"),
            Self::Mail { po, way, fate } => {
                let what = match way {
                    Way::Request => format!("the request of {}", name(*po)),
                    Way::ImportRequest => format!("the import request of {}", name(*po)),
                    Way::Reply => format!("the reply to {}", name(*po)),
                };
                match fate {
                    Fate::Lost => write!(f, "{what} is lost"),
                    Fate::Late(n) => write!(f, "{what} comes {n} deliveries late"),
                    Fate::Twice(n) => write!(f, "{what} comes again {n} deliveries later"),
                    Fate::Cut(n) => write!(f, "{what} is cut to {n}/1000 of its attachment"),
                }
            }
            Self::Shuffle { po, seed } => {
                write!(
                    f,
                    "mail in the mailbag of {} is reordered ({seed})",
                    name(*po)
                )
            }
            Self::Restore { po, from } => {
                write!(
                    f,
                    "{} is restored as it was when cycle {from} began",
                    name(*po)
                )
            }
            Self::Reregister { po } => {
                write!(
                    f,
                    "the record of {} is deleted and created again",
                    name(*po)
                )
            }
            Self::Approve => f.write_str("what the guard holds is allowed"),
        }
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::BeforeT1 => "before T1",
            Self::BeforeT2 => "before T2",
            Self::BeforeT3 => "before T3",
        })
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.act {
            Act::Change { .. }
            | Act::Export { .. }
            | Act::ImportRequest { .. }
            | Act::Limit { .. }
            | Act::Restore { .. }
            | Act::Reregister { .. } => {
                write!(f, "cycle {:>2}, {}: {}", self.cycle, self.moment, self.act)
            }
            _ => write!(f, "cycle {:>2}           : {}", self.cycle, self.act),
        }
    }
}

impl fmt::Display for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "seed {}: {} postoffices, {} cycles, Keep Updates {} days{}",
            self.seed,
            self.postoffices.len(),
            self.cycles,
            self.keep_days,
            if self.auto_import {
                ", --auto-import"
            } else {
                ""
            }
        )?;
        for (po, start) in self.postoffices.iter().enumerate() {
            write!(f, "  {}: {} users", po_name(po), start.users)?;
            if start.limit_kb > 0 {
                write!(f, ", limit {} KB", start.limit_kb)?;
            }
            if start.joins > 1 {
                write!(f, ", takes part from cycle {}", start.joins)?;
            }
            writeln!(f)?;
        }
        for event in &self.events {
            writeln!(f, "  {event}")?;
        }
        Ok(())
    }
}
