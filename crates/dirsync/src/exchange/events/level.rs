//! How much of each category is written.

use crate::core::format::exchange::agent_ini::{AgentIni, Level};
use crate::core::format::exchange::registry::{Data, RegistryFile};
use crate::postoffice::{Edit, PoError};

use super::super::settings::{load_ini, load_registry};
use super::Source;

/// The levels of a server.
#[derive(Debug, Clone)]
pub struct Levels {
    ini: AgentIni,
    registry: RegistryFile,
    computer: String,
}

/// The key that holds the levels of a source.
#[must_use]
pub(super) fn key(source: Source) -> String {
    format!(
        r"HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Services\{}\Diagnostics",
        source.name()
    )
}

/// The key and the name of the value with the level of a category.
#[must_use]
pub fn level_value(source: Source, category: &str) -> Option<(String, String)> {
    let number = source.category_number(category)?;
    let name = source.categories().get(usize::from(number) - 1)?;
    Some((key(source), format!("{number} {name}")))
}

/// The level of a number in the registry (DOCUMENTED 0, 1, 3, 5; those between count as the one
/// below, greater ones as maximum).
#[must_use]
pub fn level_of_number(number: u32) -> Level {
    match number {
        0 => Level::None,
        1 | 2 => Level::Minimum,
        3 | 4 => Level::Medium,
        _ => Level::Maximum,
    }
}

/// The number of a level in the registry.
#[must_use]
pub fn number_of_level(level: Level) -> u32 {
    match level {
        Level::None => 0,
        Level::Minimum => 1,
        Level::Medium => 3,
        Level::Maximum => 5,
    }
}

impl Levels {
    /// Reads the levels.
    ///
    /// # Errors
    /// AGENT.INI or REGISTRY.REG cannot be read.
    pub fn load(edit: &mut Edit<'_>) -> Result<Self, PoError> {
        let ini = load_ini(edit)?;
        let computer = ini
            .identity()
            .map(|identity| identity.server)
            .unwrap_or_default();
        Ok(Self {
            registry: load_registry(edit)?,
            ini,
            computer,
        })
    }

    /// The name of the computer in events: the server's.
    #[must_use]
    pub fn computer(&self) -> &str {
        &self.computer
    }

    /// The level of a category.
    #[must_use]
    pub fn of(&self, source: Source, category: &str) -> Level {
        if let Some((key, name)) = level_value(source, category)
            && let Some((_, Data::Number(number))) = self.registry.get(&key, &name)
        {
            return level_of_number(*number);
        }
        match source {
            Source::Agent => self.ini.level(category),
            _ => Level::Minimum,
        }
    }
}
