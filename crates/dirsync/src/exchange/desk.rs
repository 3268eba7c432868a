//! What T2 of an agent keeps from message to message, so that each costs what it brings and not what
//! the server holds (design 4.10).
//!
//! T2 holds the lock of the tree, so nobody else changes these files meanwhile; every change of its own
//! goes through the desk. A commit that fails ends the run, and the desk with it.

use crate::postoffice::{Edit, PoError};

use super::directory::Directory;
use super::events::Levels;
use super::settings::Agent;

/// Settings, recipients and levels of the agent, each read when it is first asked for.
#[derive(Debug, Default)]
pub struct Desk {
    agent: Option<Agent>,
    directory: Option<Directory>,
    levels: Option<Levels>,
}

impl Desk {
    /// The settings.
    ///
    /// # Errors
    /// AGENT.INI or REGISTRY.REG is damaged.
    pub fn agent(&mut self, edit: &mut Edit<'_>) -> Result<&mut Agent, PoError> {
        let agent = match self.agent.take() {
            Some(agent) => agent,
            None => Agent::load(edit)?,
        };
        Ok(self.agent.insert(agent))
    }

    /// The settings and the recipients.
    ///
    /// # Errors
    /// One of the files is damaged.
    pub fn all(&mut self, edit: &mut Edit<'_>) -> Result<(&mut Agent, &mut Directory), PoError> {
        let directory = match self.directory.take() {
            Some(directory) => directory,
            None => Directory::load(edit)?,
        };
        let directory = self.directory.insert(directory);
        let agent = match self.agent.take() {
            Some(agent) => agent,
            None => Agent::load(edit)?,
        };
        Ok((self.agent.insert(agent), directory))
    }

    /// How much of each category of events is written.
    ///
    /// # Errors
    /// AGENT.INI or REGISTRY.REG is damaged.
    pub fn levels(&mut self, edit: &mut Edit<'_>) -> Result<&Levels, PoError> {
        let levels = match self.levels.take() {
            Some(levels) => levels,
            None => Levels::load(edit)?,
        };
        Ok(self.levels.insert(levels))
    }
}
