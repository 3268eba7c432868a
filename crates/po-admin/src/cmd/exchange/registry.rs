//! `po-admin registry`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use dirsync::core::format::exchange::agent_ini::Level;
use dirsync::core::format::exchange::registry::{
    DX_KEY, Data, KNOWN, KnownValue, Lifetime, RegistryFile, ValueType, known,
};
use dirsync::exchange::events::{Source, level_of_number, level_value, number_of_level};
use dirsync::exchange::settings::{load_registry, save_registry};
use dirsync::postoffice::{Edit, ListError, PoError};
use dirsync::tree::Command;
use dirsync_cli::failure::Failure;
use dirsync_cli::list::List;
use dirsync_cli::session::{Outcome, Session};
use dirsync_cli::table::text;
use serde_json::{Value, json};

use crate::cmd::change::{change_agent, shown, tell, verb};
use crate::{failures, trees};

/// `registry`.
#[derive(Debug, Subcommand)]
pub(crate) enum RegistryCommand {
    /// Show the values of the key MSExchangeDX, or one of them.
    #[command(
        visible_alias = "show",
        after_help = "\
Examples:
  po-admin registry get EX
  po-admin registry get EX PauseKicksDX --json"
    )]
    Get(GetArgs),
    /// Set a value; it acts at the next command that reads it.
    #[command(after_help = "\
A number may be written 0x20. A list takes several VALUES, one string each.

Examples:
  po-admin registry set EX PauseKicksDX 1
  po-admin registry set EX ResyncConnectionRDNs NEWTON GAUSS
  po-admin registry set EX 'Diagnostics\\Event Handler' Maximum
  po-admin registry set EX 'MSExchangeMSMI\\Diagnostics\\Sent' None")]
    Set(SetArgs),
    /// Remove a value.
    #[command(
        visible_alias = "delete",
        after_help = "Examples:\n  po-admin registry unset EX PauseKicksDX"
    )]
    Unset(UnsetArgs),
}

/// `registry get`.
#[derive(Debug, Args)]
pub(crate) struct GetArgs {
    /// The Exchange server.
    #[arg(value_name = "EXCHANGE")]
    tree: PathBuf,
    /// The value; all known ones and those that are set without it.
    name: Option<String>,
}

/// `registry set`.
#[derive(Debug, Args)]
pub(crate) struct SetArgs {
    /// The Exchange server.
    #[arg(value_name = "EXCHANGE")]
    tree: PathBuf,
    /// The value's name.
    name: String,
    /// What it is set to.
    #[arg(value_name = "VALUE", required = true)]
    values: Vec<String>,
}

/// `registry unset`.
#[derive(Debug, Args)]
pub(crate) struct UnsetArgs {
    /// The Exchange server.
    #[arg(value_name = "EXCHANGE")]
    tree: PathBuf,
    /// The value's name.
    name: String,
}

pub(crate) fn run(command: &RegistryCommand, session: &mut Session<'_>) -> anyhow::Result<Outcome> {
    match command {
        RegistryCommand::Get(args) => get(args, session),
        RegistryCommand::Set(args) => set(args, session),
        RegistryCommand::Unset(args) => unset(args, session),
    }
}

fn data_json(data: &Data) -> Value {
    match data {
        Data::Text(text) | Data::Expand(text) => json!(text),
        Data::Number(number) => json!(number),
        Data::List(list) => json!(list),
        Data::Binary(bytes) | Data::Other(_, bytes) => json!(hex(bytes)),
    }
}

fn data_text(data: &Data) -> String {
    match data {
        Data::Text(text) | Data::Expand(text) => text.clone(),
        Data::Number(number) => number.to_string(),
        Data::List(list) => list.join(", "),
        Data::Binary(bytes) | Data::Other(_, bytes) => hex(bytes),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn get(args: &GetArgs, session: &mut Session<'_>) -> anyhow::Result<Outcome> {
    let view = trees::agent(&args.tree, &session.settings, "po-admin registry get")?;
    let file: RegistryFile =
        load_registry(&mut Edit::new(&view)).map_err(|error| failures::of_po(&error))?;
    let mut names: Vec<String> = KNOWN.iter().map(|value| value.name.to_owned()).collect();
    for (key, name, _) in file.values() {
        let is_new = !names.iter().any(|known| known == name);
        if key.eq_ignore_ascii_case(DX_KEY) && is_new {
            names.push(name.to_owned());
        }
    }
    let wanted_level = match &args.name {
        Some(name) => diagnostics(name)?,
        None => None,
    };
    if wanted_level.is_some() {
        names.clear();
    } else if let Some(wanted) = &args.name {
        names.retain(|name| name.eq_ignore_ascii_case(wanted));
        if names.is_empty() {
            return Err(unknown(wanted).into());
        }
    }
    let columns = [text("VALUE"), text("TYPE"), text("DATA"), text("EFFECT")];
    let mut list = List::new(&columns, &session.settings);
    for name in names {
        let found = file
            .get(DX_KEY, &name)
            .filter(|(own, _)| *own == name || known(&name).is_none_or(|k| !k.case_sensitive));
        let data = found.map(|(_, data)| data.clone());
        let entry: Option<&KnownValue> = known(&name);
        let kind = match (&data, entry) {
            (Some(data), _) => data.value_type().word(),
            (None, Some(entry)) => entry.value_type.word(),
            (None, None) => "",
        };
        let facts = json!({
            "name": name,
            "set": data.is_some(),
            "type": kind,
            "data": data.as_ref().map(data_json),
            "effect": entry.map(|entry| entry.effect),
            "consumed": entry.is_some_and(|entry| entry.lifetime == Lifetime::Consumed),
            "versions": entry.map(|entry| entry.versions),
            "sources": entry.map(|entry| entry.sources),
        });
        list.record(&mut session.out, &facts, |_| {
            [
                shown(&name),
                kind.to_owned(),
                data.as_ref()
                    .map_or_else(|| "-".to_owned(), |d| shown(&data_text(d))),
                entry.map_or("", |entry| entry.effect).to_owned(),
            ]
        })?;
    }
    for (key, name, data) in file.values() {
        let source = Source::ALL.into_iter().find(|&source| {
            key.to_ascii_lowercase().ends_with(&format!(
                r"\{}\diagnostics",
                source.name().to_ascii_lowercase()
            ))
        });
        let (Some(source), Data::Number(level)) = (source, data) else {
            continue;
        };
        let is_wanted = match (&args.name, &wanted_level) {
            (None, _) => true,
            (Some(_), Some((wanted_key, wanted))) => {
                key.eq_ignore_ascii_case(wanted_key) && name.eq_ignore_ascii_case(wanted)
            }
            (Some(_), None) => false,
        };
        if !is_wanted {
            continue;
        }
        let shown_name = format!(r"{}\Diagnostics\{name}", source.name());
        let effect = format!(
            "events are written at level {}",
            level_of_number(*level).word()
        );
        let facts = json!({
            "name": shown_name, "set": true, "type": "REG_DWORD", "data": level,
            "effect": effect, "consumed": false, "versions": "all", "sources": ["Q157660"],
        });
        list.record(&mut session.out, &facts, |_| {
            [
                shown(&shown_name),
                "REG_DWORD".to_owned(),
                level.to_string(),
                effect.clone(),
            ]
        })?;
    }
    for bad in file.bad_lines() {
        let note = crate::cmd::change::note(&format!(
            "REGISTRY.REG line {}: {}; it is kept and does nothing",
            bad.line, bad.why
        ));
        list.problem(note);
    }
    list.end(&mut session.out)
}

/// Key and value of a level of diagnostics, `[SOURCE\\]Diagnostics\\CATEGORY`; `None` for other names.
fn diagnostics(name: &str) -> Result<Option<(String, String)>, Failure> {
    let parts: Vec<&str> = name.split('\\').collect();
    let (source, category) = match parts.as_slice() {
        [word, category] if word.eq_ignore_ascii_case("Diagnostics") => {
            (Some(Source::Agent), category)
        }
        [source, word, category] if word.eq_ignore_ascii_case("Diagnostics") => {
            (Source::from_name(source), category)
        }
        _ => return Ok(None),
    };
    let bare = category
        .trim_start_matches(|c: char| c.is_ascii_digit())
        .trim_start();
    // `MS Mail 3.2` ends with digits and begins with none.
    let found = source.and_then(|source| level_value(source, bare));
    match (found, source) {
        (Some(found), _) => Ok(Some(found)),
        (None, Some(source)) => {
            Err(
                Failure::usage(format!("{} has no category {:?}", source.name(), bare)).hint(
                    format!("its categories are {}", source.categories().join(", ")),
                ),
            )
        }
        (None, None) => {
            let names: Vec<&str> = Source::ALL.iter().map(|source| source.name()).collect();
            Err(Failure::usage(format!("{name} names no source of events"))
                .hint(format!("the sources are {}", names.join(", "))))
        }
    }
}

/// The number of a level: a word, or the number itself.
fn level_of(values: &[String]) -> Result<Data, Failure> {
    let number = match values {
        [one] => Level::from_word(one)
            .map(number_of_level)
            .or_else(|| number(one)),
        _ => None,
    };
    number.map(Data::Number).ok_or_else(|| {
        Failure::usage("a level is None, Minimum, Medium or Maximum".to_owned())
            .hint("or its number in the registry: 0, 1, 3, 5")
    })
}

fn number(text: &str) -> Option<u32> {
    match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(hex) => u32::from_str_radix(hex, 16).ok(),
        None => text.parse().ok(),
    }
}

/// A name that is none, with those that are.
fn unknown(name: &str) -> Failure {
    let close = KNOWN.iter().find(|v| v.name.eq_ignore_ascii_case(name));
    let name = shown(name);
    let names: Vec<&str> = KNOWN.iter().map(|value| value.name).collect();
    Failure::usage(match close {
        Some(close) => format!("{name} is not {}: case counts in this name", close.name),
        None => format!("{name} is no value of the agent"),
    })
    .hint(format!(
        "the values are {}; `po-admin registry get EXCHANGE` says what they do",
        names.join(", ")
    ))
}

fn data_of(name: &str, values: &[String]) -> Result<Data, Failure> {
    let Some(entry) = known(name) else {
        return Err(unknown(name));
    };
    let one = || match values {
        [one] => Ok(one.as_str()),
        _ => Err(Failure::usage(format!("{} takes one value", entry.name))
            .hint("put a text with blanks into quotes")),
    };
    match entry.value_type {
        ValueType::Number => number(one()?).map(Data::Number).ok_or_else(|| {
            Failure::usage(format!("{} is a number", entry.name)).hint("for example 1, or 0x1")
        }),
        ValueType::List => Ok(Data::List(values.to_vec())),
        _ => Ok(Data::Text(one()?.to_owned())),
    }
}

fn set(args: &SetArgs, session: &mut Session<'_>) -> anyhow::Result<Outcome> {
    let (key, name, data) = match diagnostics(&args.name)? {
        Some((key, name)) => (key, name, level_of(&args.values)?),
        None => {
            let data = data_of(&args.name, &args.values)?;
            let name = known(&args.name).map_or(args.name.as_str(), |entry| entry.name);
            (DX_KEY.to_owned(), name.to_owned(), data)
        }
    };
    let changed = change_agent(&args.tree, Command::Registry, session, |edit, _| {
        let mut file = load_registry(edit)?;
        file.set(&key, &name, data.clone()).map_err(|error| {
            PoError::from(ListError::Usage {
                why: error.to_string(),
                hint: "the registry's text form holds characters of code page 1252",
            })
        })?;
        save_registry(edit, &file)
    })?;
    let line = format!(
        "{} {name} to {}",
        verb(session, "set", "set"),
        shown(&data_text(&data))
    );
    let facts = json!({"name": name, "data": data_json(&data)});
    tell(
        session,
        "po-admin registry set",
        changed,
        facts,
        vec![line],
        &[],
    )
}

/// A name that nothing is known of can be removed where it is set, and nowhere else.
fn require_known(args: &UnsetArgs, session: &Session<'_>) -> Result<(), Failure> {
    let view = trees::agent(&args.tree, &session.settings, "po-admin registry unset")?;
    let file = load_registry(&mut Edit::new(&view)).map_err(|error| failures::of_po(&error))?;
    if known(&args.name).is_some() || file.get(DX_KEY, &args.name).is_some() {
        return Ok(());
    }
    Err(unknown(&args.name))
}

fn unset(args: &UnsetArgs, session: &mut Session<'_>) -> anyhow::Result<Outcome> {
    let (key, value) = match diagnostics(&args.name)? {
        Some(level) => level,
        None => {
            require_known(args, session)?;
            (DX_KEY.to_owned(), args.name.clone())
        }
    };
    let changed = change_agent(&args.tree, Command::Registry, session, |edit, _| {
        let mut file = load_registry(edit)?;
        let was = file.unset(&key, &value);
        if was {
            save_registry(edit, &file)?;
        }
        Ok(was)
    })?;
    let was = changed.value;
    let name = shown(&args.name);
    let line = if was {
        format!("{} {name}", verb(session, "removed", "remove"))
    } else {
        format!("{name} was not set")
    };
    let facts = json!({"name": args.name, "was_set": was});
    tell(
        session,
        "po-admin registry unset",
        changed,
        facts,
        vec![line],
        &[],
    )
}
