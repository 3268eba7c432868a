//! Progress bars on stderr: only on a terminal, only for work that takes longer than half a
//! second, never with `--quiet`, `--no-progress` or `--json`.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use dirsync::progress::Progress;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::escape;
use crate::settings::Settings;
use crate::signals::Interrupt;

/// Work shorter than this shows nothing.
const DELAY: Duration = Duration::from_millis(500);

/// The [`Progress`] of a program.
pub struct TerminalProgress {
    enabled: bool,
    delay: Duration,
    target: fn() -> ProgressDrawTarget,
    interrupt: Interrupt,
    stage: Mutex<Stage>,
}

#[derive(Default)]
struct Stage {
    what: String,
    message: String,
    total: Option<u64>,
    done: u64,
    since: Option<Instant>,
    bar: Option<ProgressBar>,
}

impl TerminalProgress {
    /// Bars as the settings allow; `interrupt` is what long work is told to stop by.
    #[must_use]
    pub fn new(settings: &Settings, interrupt: Interrupt) -> Self {
        Self {
            enabled: settings.progress,
            delay: DELAY,
            target: ProgressDrawTarget::stderr,
            interrupt,
            stage: Mutex::default(),
        }
    }

    fn stage(&self) -> MutexGuard<'_, Stage> {
        // What a panicking thread left behind is only a picture.
        self.stage.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn update(&self, change: impl FnOnce(&mut Stage)) {
        if !self.enabled {
            return;
        }
        let mut stage = self.stage();
        change(&mut stage);
        let due = stage
            .since
            .is_some_and(|since| since.elapsed() >= self.delay);
        if stage.bar.is_none() && due {
            stage.bar = Some(stage.draw((self.target)()));
        }
        if let Some(bar) = &stage.bar {
            bar.set_position(stage.done);
        }
    }

    #[cfg(test)]
    fn shown(&self) -> Option<(String, u64)> {
        let stage = self.stage();
        stage
            .bar
            .as_ref()
            .map(|bar| (bar.message(), bar.position()))
    }
}

impl Stage {
    fn draw(&self, target: ProgressDrawTarget) -> ProgressBar {
        let (bar, template) = match self.total {
            Some(total) => (
                ProgressBar::with_draw_target(Some(total), target),
                "{prefix} [{bar:30}] {human_pos}/{human_len} {wide_msg}",
            ),
            None => (
                ProgressBar::with_draw_target(None, target),
                "{prefix} {spinner} {human_pos} {wide_msg}",
            ),
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.progress_chars("=> "));
        }
        bar.set_prefix(self.what.clone());
        bar.set_message(self.message.clone());
        bar
    }

    fn clear(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}

impl Progress for TerminalProgress {
    fn start(&self, what: &str, total: Option<u64>) {
        self.update(|stage| {
            stage.clear();
            // The clock runs on from the first stage: many short stages are long work too.
            *stage = Stage {
                what: escape::text(what).into_owned(),
                total,
                since: stage.since.or_else(|| Some(Instant::now())),
                ..Stage::default()
            };
        });
    }

    fn advance(&self, n: u64) {
        self.update(|stage| stage.done = stage.done.saturating_add(n));
    }

    fn message(&self, text: &str) {
        self.update(|stage| {
            stage.message = escape::text(text).into_owned();
            if let Some(bar) = &stage.bar {
                bar.set_message(stage.message.clone());
            }
        });
    }

    fn finish(&self) {
        let mut stage = self.stage();
        stage.clear();
        *stage = Stage::default();
    }

    fn stop_requested(&self) -> bool {
        self.interrupt.requested()
    }
}

impl Drop for TerminalProgress {
    fn drop(&mut self) {
        self.finish();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::tests::settings;

    fn progress(enabled: bool, delay: Duration) -> TerminalProgress {
        let mut settings = settings(false, true);
        settings.progress = enabled;
        let mut progress = TerminalProgress::new(&settings, Interrupt::new());
        progress.delay = delay;
        progress.target = ProgressDrawTarget::hidden;
        progress
    }

    #[test]
    fn short_work_shows_nothing() {
        let progress = progress(true, Duration::from_secs(3600));
        progress.start("reading", Some(10));
        progress.advance(10);
        assert_eq!(progress.shown(), None);
    }

    // rule: mta:N-09
    #[test]
    fn long_work_shows_how_far_it_is() {
        let progress = progress(true, Duration::ZERO);
        assert_eq!(progress.shown(), None);
        progress.start("reading", Some(10));
        progress.advance(3);
        progress.message("NET/\x1bPO");
        progress.advance(4);
        assert_eq!(progress.shown(), Some(("NET/\\x1BPO".to_owned(), 7)));
        progress.start("writing", None);
        assert_eq!(progress.shown(), Some((String::new(), 0)));
        progress.finish();
        assert_eq!(progress.shown(), None);
    }

    #[test]
    fn what_is_not_allowed_is_not_drawn() {
        let progress = progress(false, Duration::ZERO);
        progress.start("reading", None);
        progress.advance(1);
        assert_eq!(progress.shown(), None);
    }

    #[test]
    fn the_bar_waits_for_half_a_second_and_knows_of_interrupts() {
        let interrupt = Interrupt::new();
        let progress = TerminalProgress::new(&settings(false, true), interrupt.clone());
        assert_eq!(progress.delay, Duration::from_millis(500));
        assert!(!progress.stop_requested());
        interrupt.request();
        assert!(progress.stop_requested());
    }
}
