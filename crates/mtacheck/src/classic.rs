//! The original's spelling: `mtacheck MTADATA /v /f FILE /rd` means `mtacheck repair MTADATA --verbose --log FILE
//! --rd` (Q148284). The original took the directory from the registry; here it is the first argument.

use std::ffi::OsString;

use clap::CommandFactory as _;

use crate::args::Cli;

/// Rewrites the classic spelling; anything else is returned as it is.
pub(crate) fn rewrite(args: Vec<OsString>) -> Vec<OsString> {
    let Some(first) = args.get(1) else {
        return args;
    };
    let text = first.to_string_lossy();
    let command = Cli::command();
    let known = text == "help" || command.get_subcommands().any(|sub| sub.get_name() == text);
    if known || text.starts_with('-') {
        return args;
    }
    let mut out: Vec<OsString> = args.iter().take(1).cloned().collect();
    out.push("repair".into());
    // What stands first is the directory, unless it is a switch.
    for (at, arg) in args.into_iter().enumerate().skip(1) {
        let lower = arg.to_string_lossy().to_ascii_lowercase();
        let option = match lower.as_str() {
            "/v" => Some("--verbose"),
            "/f" => Some("--log"),
            "/rd" => Some("--rd"),
            "/rp" => Some("--rp"),
            "/rl" => Some("--rl"),
            "/rx" => Some("--rx"),
            _ => None,
        };
        match option {
            Some(option) if at > 1 => out.push(option.into()),
            _ => out.push(arg),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<String> {
        let args = line.split(' ').map(OsString::from).collect();
        let words = rewrite(args).into_iter();
        words.map(|word| word.into_string().unwrap()).collect()
    }

    #[test]
    fn the_classic_spelling_means_repair() {
        assert_eq!(
            words("mtacheck MTADATA /V /F log.txt /rd /RL"),
            [
                "mtacheck",
                "repair",
                "MTADATA",
                "--verbose",
                "--log",
                "log.txt",
                "--rd",
                "--rl"
            ]
        );
        for other in [
            "mtacheck check MTADATA /v",
            "mtacheck --help",
            "mtacheck help list",
            "mtacheck",
        ] {
            assert_eq!(words(other).join(" "), other);
        }
    }
}
