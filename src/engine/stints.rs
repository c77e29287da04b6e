//! A worker's processor clock → its stints, one for each second and phase.
//!
//! The worker reads its own thread's clock, which counts nanoseconds, and hands over what it read:
//! so the last part of a second is known too, though nobody can ask a thread that has ended.

use std::time::Duration;

use tokio::time::Instant;

use crate::monitor;
use crate::record::Stint;

/// The stints of one worker that are not yet handed over.
pub(super) struct Stints {
    worker: u32,
    zero: Instant,
    since: Instant,
    /// The thread's processor time at `since`.
    used: Duration,
    done: Vec<Stint>,
}

impl Stints {
    /// The first stint begins with the run's clock.
    pub(super) fn new(worker: u32, zero: Instant) -> Self {
        Self { worker, zero, since: zero, used: monitor::thread_time(), done: Vec::new() }
    }

    /// A stint ends, and the next one begins.
    pub(super) fn turn(&mut self, now: Instant) {
        if now <= self.since {
            return;
        }
        let used = monitor::thread_time();
        self.done.push(Stint {
            worker: self.worker,
            from: self.since.saturating_duration_since(self.zero),
            until: now.saturating_duration_since(self.zero),
            used: used.saturating_sub(self.used),
        });
        self.since = now;
        self.used = used;
    }

    /// All stints up to now that were not yet taken.
    pub(super) fn take(&mut self, now: Instant) -> Vec<Stint> {
        self.turn(now);
        std::mem::take(&mut self.done)
    }
}
