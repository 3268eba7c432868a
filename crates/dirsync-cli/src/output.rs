//! stdout and stderr of a program: text or JSON, and what happens when nobody listens any more.
//!
//! The report goes to stdout; notes and diagnostics go to stderr.
//!
//! A reader that goes away (`po-admin gal PO | head`) is no error: from then on everything written
//! is dropped, and the program ends quietly with the exit code that it would have had. Programs
//! that only print may look at [`Output::closed`] and end early.

use std::io::{self, ErrorKind, Write};

use anyhow::Context as _;
use serde::Serialize;
use serde_json::ser::{CharEscape, CompactFormatter, Formatter};

use crate::escape;
use crate::settings::Settings;
use crate::style::Palette;

/// stdout, buffered, and stderr.
pub struct Output<'w> {
    sink: io::BufWriter<Quiet<'w>>,
    err: Box<dyn Write + 'w>,
    quiet: bool,
    verbose: u8,
    /// Print JSON.
    pub json: bool,
    /// Draw tables.
    pub terminal: bool,
    /// Columns of the terminal, or what is taken for them.
    pub columns: u16,
    /// Colours of stdout.
    pub palette: Palette,
    /// Colours of stderr.
    pub err_palette: Palette,
}

impl<'w> Output<'w> {
    /// Writes to `sink` and `err` the way the settings ask for.
    #[must_use]
    pub fn new(sink: Box<dyn Write + 'w>, err: Box<dyn Write + 'w>, settings: &Settings) -> Self {
        Self {
            sink: io::BufWriter::with_capacity(
                64 * 1024,
                Quiet {
                    sink,
                    closed: false,
                },
            ),
            err,
            quiet: settings.quiet,
            verbose: settings.verbose,
            json: settings.json,
            terminal: settings.stdout_terminal,
            columns: settings.columns,
            palette: Palette::new(settings.color_stdout),
            err_palette: Palette::new(settings.color_stderr),
        }
    }

    /// Whether the reader has gone away; what is written now is dropped.
    #[must_use]
    pub fn closed(&self) -> bool {
        self.sink.get_ref().closed
    }

    /// One line of text. Control characters other than colours of [`Palette`] must have been
    /// escaped before.
    ///
    /// # Errors
    /// stdout cannot be written, for another reason than a reader that went away.
    pub fn line(&mut self, text: &str) -> anyhow::Result<()> {
        writeln!(self.sink, "{text}").context(CANNOT_WRITE)
    }

    /// Bytes as they are: a file in the making whose reader is a program. For a terminal there is
    /// [`Self::line`].
    ///
    /// # Errors
    /// As [`Self::line`].
    pub fn bytes(&mut self, bytes: &[u8]) -> anyhow::Result<()> {
        self.sink.write_all(bytes).context(CANNOT_WRITE)
    }

    /// One JSON value on a line of its own, written as it is serialized.
    ///
    /// # Errors
    /// stdout cannot be written, or the value cannot be serialized.
    pub fn json_line<T: Serialize + ?Sized>(&mut self, value: &T) -> anyhow::Result<()> {
        write_json(&mut self.sink, value).context(CANNOT_WRITE)?;
        writeln!(self.sink).context(CANNOT_WRITE)
    }

    /// One line on stderr, whatever `--quiet` says. What was printed on stdout before it comes
    /// first.
    pub fn diagnostic(&mut self, text: &str) {
        // A failure of stdout shows at its next use; a stderr that cannot be written has nowhere
        // to complain to.
        let _ = self.sink.flush();
        let _ = writeln!(self.err, "{text}");
    }

    /// One line on stderr, unless `--quiet`.
    pub fn note(&mut self, text: &str) {
        if !self.quiet {
            self.diagnostic(text);
        }
    }

    /// One line on stderr for `level` times `--verbose`; the text is made only then.
    pub fn verbose(&mut self, level: u8, text: impl FnOnce() -> String) {
        if self.verbose >= level {
            self.diagnostic(&text());
        }
    }

    /// stderr itself, for a question.
    pub fn err(&mut self) -> &mut dyn Write {
        &mut *self.err
    }

    /// Hands everything to the operating system.
    ///
    /// # Errors
    /// stdout cannot be written.
    pub fn flush(&mut self) -> anyhow::Result<()> {
        self.sink.flush().context(CANNOT_WRITE)
    }
}

const CANNOT_WRITE: &str = "cannot write the report to standard output";

/// A value as compact JSON in which every invisible character is escaped, so that JSON printed to
/// a terminal does no harm either. The value that a reader gets is the same.
///
/// # Errors
/// `sink` cannot be written, or the value cannot be serialized.
pub fn write_json<W: Write, T: Serialize + ?Sized>(sink: W, value: &T) -> serde_json::Result<()> {
    value.serialize(&mut serde_json::Serializer::with_formatter(sink, Visible))
}

struct Visible;

impl Formatter for Visible {
    fn write_string_fragment<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        let mut rest = fragment;
        while let Some(at) = rest.find(|c| !escape::is_visible(c)) {
            let (visible, tail) = rest.split_at(at);
            writer.write_all(visible.as_bytes())?;
            let mut chars = tail.chars();
            if let Some(c) = chars.next() {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    write!(writer, "\\u{unit:04x}")?;
                }
            }
            rest = chars.as_str();
        }
        writer.write_all(rest.as_bytes())
    }

    fn write_char_escape<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        char_escape: CharEscape,
    ) -> io::Result<()> {
        CompactFormatter.write_char_escape(writer, char_escape)
    }
}

/// Swallows everything once the reader has gone away.
struct Quiet<'w> {
    sink: Box<dyn Write + 'w>,
    closed: bool,
}

impl Write for Quiet<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.closed {
            return Ok(bytes.len());
        }
        match self.sink.write(bytes) {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => {
                self.closed = true;
                Ok(bytes.len())
            }
            other => other,
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.closed {
            return Ok(());
        }
        match self.sink.flush() {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => {
                self.closed = true;
                Ok(())
            }
            other => other,
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::options::{Args, Env};
    use std::cell::RefCell;
    use std::rc::Rc;

    /// What a test wrote.
    #[derive(Clone, Default)]
    pub(crate) struct Shared(pub(crate) Rc<RefCell<Vec<u8>>>);

    impl Shared {
        pub(crate) fn text(&self) -> String {
            String::from_utf8(self.0.borrow().clone()).unwrap()
        }
    }

    impl Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.borrow_mut().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    pub(crate) fn settings(json: bool, terminal: bool) -> Settings {
        let args = Args {
            json,
            ..Args::default()
        };
        let env = Env {
            stdout_terminal: terminal,
            columns: Some(60),
            vars: [("NO_COLOR".to_owned(), "1".to_owned())].into(),
            ..Env::default()
        };
        Settings::from_args(&args, &env).unwrap()
    }

    /// An output that keeps both streams.
    pub(crate) fn output(settings: &Settings) -> (Output<'static>, Shared, Shared) {
        let (out, err) = (Shared::default(), Shared::default());
        let output = Output::new(Box::new(out.clone()), Box::new(err.clone()), settings);
        (output, out, err)
    }

    struct Fails(ErrorKind, usize);

    impl Write for Fails {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if self.1 == 0 {
                return Err(self.0.into());
            }
            self.1 -= 1;
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_reader_that_went_away_is_no_error() {
        let mut out = Output::new(
            Box::new(Fails(ErrorKind::BrokenPipe, 1)),
            Box::new(io::sink()),
            &settings(false, false),
        );
        out.line("first").unwrap();
        out.flush().unwrap();
        assert!(!out.closed());
        out.line("second").unwrap();
        out.flush().unwrap();
        assert!(out.closed());
        out.line("third").unwrap();
        out.flush().unwrap();
    }

    #[test]
    fn a_full_disk_is_an_error() {
        let mut out = Output::new(
            Box::new(Fails(ErrorKind::StorageFull, 0)),
            Box::new(io::sink()),
            &settings(false, false),
        );
        out.line("text").unwrap();
        let error = out.flush().unwrap_err();
        assert!(error.to_string().contains("standard output"));
        assert!(!out.closed());
    }

    #[test]
    fn quiet_silences_notes_but_not_diagnostics() {
        let mut quiet = settings(false, false);
        quiet.quiet = true;
        quiet.verbose = 1;
        let (mut out, _, err) = output(&quiet);
        out.note("a note");
        out.diagnostic("a diagnostic");
        out.verbose(1, || "one".to_owned());
        out.verbose(2, || unreachable!("not asked for"));
        assert_eq!(err.text(), "a diagnostic\none\n");
    }

    #[test]
    fn json_hides_nothing_and_loses_nothing() {
        let text = "a\u{202e}b\u{9b}c\n\"\\ Größe \u{e0041} 名\u{7f}";
        let mut bytes = Vec::new();
        write_json(&mut bytes, text).unwrap();
        let json = String::from_utf8(bytes).unwrap();
        assert!(json.chars().all(escape::is_visible), "{json}");
        assert!(json.contains("\\u202e") && json.contains("Größe"));
        assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
    }
}
