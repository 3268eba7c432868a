//! `po-admin options` of an Exchange server.

use std::path::Path;

use dirsync::exchange::options::{AgentOptions, ShownAgentOptions, set, show};
use dirsync::postoffice::Edit;
use dirsync::tree::Command;
use dirsync_cli::session::{Outcome, Session};
use dirsync_cli::words::counted;
use serde_json::{Value, json};

use super::super::change::{change_agent, shown, tell, tell_seen};
use crate::{failures, trees};

const COMMAND: &str = "po-admin options";

pub(crate) fn run(
    tree: &Path,
    wanted: &AgentOptions,
    session: &mut Session<'_>,
) -> anyhow::Result<Outcome> {
    if *wanted == AgentOptions::default() {
        let view = trees::agent(tree, &session.settings, COMMAND)?;
        let found = show(&mut Edit::new(&view)).map_err(|error| failures::of_po(&error))?;
        let entry = trees::entry(&view, tree, &session.settings);
        return tell_seen(session, COMMAND, entry, facts(&found), lines(&found));
    }
    let changed = change_agent(tree, Command::Options, session, |edit, _| {
        set(edit, wanted)?;
        show(edit)
    })?;
    let found = changed.value.clone();
    let (facts, lines) = (facts(&found), lines(&found));
    tell(session, COMMAND, changed, facts, lines, &[])
}

fn facts(found: &ShownAgentOptions) -> Value {
    let settings = &found.settings;
    json!({
        "object": found.object, "server": found.server, "address": found.address,
        "req_sync": found.numbers[0], "srv_sync": found.numbers[1], "imp_sync": found.numbers[2],
        "limit_kb": found.limit_kb, "types": found.types,
        "send_updates": settings.sends, "updates": settings.receives,
        "send_templates": found.sends_templates(),
        "receive_templates": found.receives_templates(),
        "export_containers": settings.export_containers, "export_trust": settings.export_trust,
        "export_custom": settings.export_custom_recipients, "export_now": settings.export_now,
        "import_container": settings.import_container, "import_trust": settings.import_trust,
        "append_name": settings.append_name,
        "server_options": found.server_options.as_ref().map(|server| json!({
            "keep_updates_days": server.keep_updates, "sync": server.sync,
            "cycle": server.cycle, "requestors": server.requestors,
        })),
    })
}

fn lines(found: &ShownAgentOptions) -> Vec<String> {
    let word = |on: bool| if on { "yes" } else { "no" }.to_owned();
    let settings = &found.settings;
    let limit = match found.limit_kb {
        0 => "none".to_owned(),
        kb => format!("{kb} KB"),
    };
    let mut rows = vec![
        ("object", shown(found.object.as_deref().unwrap_or("none"))),
        (
            "directory server",
            shown(found.server.as_deref().unwrap_or("none")),
        ),
        ("address", shown(&found.address)),
        (
            "numbers",
            format!(
                "ReqSync {}, SrvSync {}, ImpSync {}",
                found.numbers[0], found.numbers[1], found.numbers[2]
            ),
        ),
        ("types", shown(&found.types.join(", "))),
        ("limit", limit),
        ("send updates", word(settings.sends)),
        ("updates", word(settings.receives)),
        ("send templates", word(found.sends_templates())),
        ("receive templates", word(found.receives_templates())),
        ("export", shown(&settings.export_containers.join(", "))),
        ("export trust", settings.export_trust.to_string()),
        ("export custom", word(settings.export_custom_recipients)),
        ("export now", word(settings.export_now)),
        ("import", shown(&settings.import_container)),
        ("import trust", settings.import_trust.to_string()),
    ];
    if let Some(server) = &found.server_options {
        rows.extend([
            ("keep updates", counted(server.keep_updates, "day", "days")),
            ("highest SrvSync", server.sync.to_string()),
            ("cycle", server.cycle.to_string()),
            ("requestors", server.requestors.to_string()),
        ]);
    }
    rows.into_iter()
        .map(|(name, value)| format!("{name:<18} {value}"))
        .collect()
}
