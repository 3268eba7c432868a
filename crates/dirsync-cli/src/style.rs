//! Colours. They only repeat what the words say already.

use anstyle::{AnsiColor, Style};
use dirsync_core::base::Severity;

/// Colours or none, for one stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Palette {
    on: bool,
}

impl Palette {
    /// Colours when `on`.
    #[must_use]
    pub fn new(on: bool) -> Self {
        Self { on }
    }

    /// The word of a severity in its colour.
    #[must_use]
    pub fn severity(self, severity: Severity) -> String {
        let style = match severity {
            Severity::Note => AnsiColor::Cyan.on_default(),
            Severity::Warning => AnsiColor::Yellow.on_default(),
            Severity::Error => AnsiColor::Red.on_default(),
            Severity::Fatal => AnsiColor::Red.on_default().bold(),
        };
        self.paint(style, severity.word())
    }

    /// A heading.
    #[must_use]
    pub fn heading(self, text: &str) -> String {
        self.paint(Style::new().bold(), text)
    }

    /// The word `error` before a failure.
    #[must_use]
    pub fn error(self, text: &str) -> String {
        self.paint(AnsiColor::Red.on_default().bold(), text)
    }

    /// The word `hint` and other helpful things.
    #[must_use]
    pub fn hint(self, text: &str) -> String {
        self.paint(AnsiColor::Cyan.on_default(), text)
    }

    fn paint(self, style: Style, text: &str) -> String {
        if self.on {
            format!("{style}{text}{style:#}")
        } else {
            text.to_owned()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_colour_only_the_words_remain() {
        let plain = Palette::new(false);
        assert_eq!(plain.severity(Severity::Fatal), "fatal");
        assert_eq!(plain.heading("Trees"), "Trees");
        let bright = Palette::new(true).error("error");
        assert!(bright.starts_with("\x1b[") && bright.contains("error"));
        assert!(bright.ends_with("\x1b[0m"));
    }
}
