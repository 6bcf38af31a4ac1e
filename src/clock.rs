//! [`Clock`]: how long something takes.

use std::time::{Duration, Instant};

/// A clock that has been started, if there is one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock(Option<Instant>);

impl Clock {
    pub(crate) fn start() -> Self {
        // WebAssembly in a browser has no clock of its own: `Instant::now` panics.
        let has_clock = cfg!(not(all(target_family = "wasm", target_os = "unknown")));
        Clock(has_clock.then(Instant::now))
    }

    /// The time since the start; none passes where there is no clock.
    pub(crate) fn elapsed(self) -> Duration {
        self.0.map_or(Duration::ZERO, |started| started.elapsed())
    }
}
