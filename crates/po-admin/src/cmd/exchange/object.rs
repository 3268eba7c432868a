//! Settings of the directory objects of an Exchange server, as options.

use dirsync::exchange::roles::SettingsChange;

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
    #[arg(long, value_name = "yes|no", value_parser = yes_no)]
    export_custom: Option<bool>,
    /// Send the whole list with the next session.
    #[arg(long)]
    export_now: bool,
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
    #[arg(long, value_name = "yes|no", value_parser = yes_no)]
    append_name: Option<bool>,
}

fn yes_no(text: &str) -> Result<bool, String> {
    match text {
        "yes" => Ok(true),
        "no" => Ok(false),
        _ => Err("say yes or no".to_owned()),
    }
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
    }
}

/// Whether options were given that a postoffice has no use for.
pub(crate) fn refuse_on_postoffice(
    change: &SettingsChange,
    object: Option<&str>,
) -> Result<(), dirsync_cli::failure::Failure> {
    if change.is_empty() && object.is_none() {
        return Ok(());
    }
    Err(dirsync_cli::failure::Failure::usage(
        "containers, trust and object names are settings of Exchange servers; this is a postoffice",
    )
    .hint("leave them out"))
}
