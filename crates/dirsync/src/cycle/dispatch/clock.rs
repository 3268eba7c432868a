//! The dispatcher's clock: the system's, or a virtual one that jumps.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::core::base::UnixTime;
use crate::progress::Progress;

/// A clock that can be waited on.
pub trait Clock {
    /// The time of data.
    fn now(&self) -> UnixTime;

    /// Waits until `time`; `false` when the user wants to stop instead.
    fn wait_until(&mut self, time: UnixTime, progress: &dyn Progress) -> bool;

    /// Whether time passes only by waiting: then nothing happens between two starts and nobody
    /// needs to look.
    fn is_virtual(&self) -> bool;
}

/// A clock that stands still and jumps when it is waited on.
#[derive(Debug, Clone, Copy)]
pub struct Virtual(pub UnixTime);

impl Clock for Virtual {
    fn now(&self) -> UnixTime {
        self.0
    }

    fn wait_until(&mut self, time: UnixTime, progress: &dyn Progress) -> bool {
        self.0 = self.0.max(time);
        !progress.stop_requested()
    }

    fn is_virtual(&self) -> bool {
        true
    }
}

/// The clock of the system. What is waited for is looked at again each minute, so that a clock
/// that is set meanwhile is followed.
#[derive(Debug, Clone, Copy, Default)]
pub struct System;

/// How soon a wish to stop is seen.
const NAP: Duration = Duration::from_millis(100);
/// How long the clock is trusted to run on.
const TRUSTED: Duration = Duration::from_secs(60);

impl Clock for System {
    fn now(&self) -> UnixTime {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        UnixTime(since.map_or(0, |since| {
            u32::try_from(since.as_secs()).unwrap_or(u32::MAX)
        }))
    }

    fn wait_until(&mut self, time: UnixTime, progress: &dyn Progress) -> bool {
        loop {
            let now = self.now();
            if now >= time {
                return !progress.stop_requested();
            }
            let ahead = Duration::from_secs(u64::from(time.0 - now.0)).min(TRUSTED);
            let begun = Instant::now();
            while begun.elapsed() < ahead {
                if progress.stop_requested() {
                    return false;
                }
                std::thread::sleep(NAP.min(ahead.saturating_sub(begun.elapsed())));
            }
        }
    }

    fn is_virtual(&self) -> bool {
        false
    }
}
