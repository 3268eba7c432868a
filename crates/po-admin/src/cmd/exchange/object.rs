//! Settings of the directory objects of an Exchange server, as options.

use dirsync::exchange::roles::{AgentChange, SettingsChange};
use dirsync_cli::words::yes_or_no;

/// What leaves, and what becomes of what arrives.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Exchange servers only")]
pub(crate) struct ExportArgs {
    /// A container whose recipients leave (may be repeated; default at first: Recipients).
    #[arg(long, value_name = "CONTAINER")]
    export: Vec<String>,
    /// Recipients with a greater trust level do not leave (0 to 100; 100: nobody does).
    #[arg(long, value_name = "TRUST", value_parser = clap::value_parser!(u8).range(0..=100))]
    export_trust: Option<u8>,
    /// Whether custom recipients leave as well.
    #[arg(long, value_name = "yes|no", value_parser = yes_or_no)]
    export_custom: Option<bool>,
    /// Send the whole list with the next session.
    #[arg(long)]
    export_now: bool,
    /// Whether template information leaves as well.
    #[arg(long, value_name = "yes|no", value_parser = yes_or_no)]
    send_templates: Option<bool>,
    /// Template information that becomes an attribute, for example 'Department:=Department'
    /// (may be repeated; without ATTRIBUTE the row goes).
    #[arg(long, value_name = "TEXT=ATTRIBUTE", value_parser = pair)]
    template_in: Vec<(String, String)>,
    /// An attribute that leaves as template information (may be repeated).
    #[arg(long, value_name = "ATTRIBUTE=TEXT", value_parser = pair)]
    template_out: Vec<(String, String)>,
    /// Whom copies of dirsync messages are for; they lie in the agent's mailbox Admin.
    #[arg(long, value_name = "NAME")]
    administrator: Option<String>,
    /// Whether the administrator gets copies of outgoing messages.
    #[arg(long, value_name = "yes|no", value_parser = yes_or_no)]
    copy_outgoing: Option<bool>,
    /// Whether the administrator gets incoming messages when they were taken.
    #[arg(long, value_name = "yes|no", value_parser = yes_or_no)]
    forward_incoming: Option<bool>,
}

fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((from, to)) if !from.trim().is_empty() => {
            Ok((from.trim().to_owned(), to.trim().to_owned()))
        }
        _ => Err("give both sides, parted by =".to_owned()),
    }
}

/// What the agent itself is to be set to.
pub(crate) fn agent_change(export: &ExportArgs) -> AgentChange {
    AgentChange {
        administrator: export.administrator.clone(),
        copy_outgoing: export.copy_outgoing,
        forward_incoming: export.forward_incoming,
        incoming_templates: export.template_in.clone(),
        outgoing_templates: export.template_out.clone(),
    }
}

/// What becomes of recipients that arrive through an object.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Exchange servers only")]
pub(crate) struct ImportArgs {
    /// Name of the object in the directory (default: the postoffice's).
    #[arg(long, value_name = "NAME")]
    pub(crate) object: Option<String>,
    /// The container that arriving recipients go to; it never changes.
    #[arg(long, value_name = "CONTAINER")]
    import: Option<String>,
    /// Trust level of arriving recipients.
    #[arg(long, value_name = "TRUST", value_parser = clap::value_parser!(u8).range(0..=100))]
    import_trust: Option<u8>,
    /// Whether the object's name is added to arriving names.
    #[arg(long, value_name = "yes|no", value_parser = yes_or_no)]
    append_name: Option<bool>,
    /// Whether template information that arrives is taken.
    #[arg(long, value_name = "yes|no", value_parser = yes_or_no)]
    receive_templates: Option<bool>,
}

/// Both as one change.
pub(crate) fn settings(export: &ExportArgs, import: &ImportArgs) -> SettingsChange {
    SettingsChange {
        export_containers: (!export.export.is_empty()).then(|| export.export.clone()),
        export_trust: export.export_trust,
        export_custom_recipients: export.export_custom,
        import_container: import.import.clone(),
        import_trust: import.import_trust,
        append_name: import.append_name,
        export_now: export.export_now,
        send_templates: export.send_templates,
        receive_templates: import.receive_templates,
    }
}

/// Whether options were given that a postoffice has no use for.
pub(crate) fn refuse_on_postoffice(
    change: &SettingsChange,
    agent: &AgentChange,
    object: Option<&str>,
) -> Result<(), dirsync_cli::failure::Failure> {
    if change.is_empty() && agent.is_empty() && object.is_none() {
        return Ok(());
    }
    Err(dirsync_cli::failure::Failure::usage(
        "containers, trust and object names are settings of Exchange servers; this is a postoffice",
    )
    .hint("leave them out"))
}
