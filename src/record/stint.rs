//! A stretch of a worker's time → what its thread used of its core.

use serde::{Deserialize, Serialize};
use std::time::Duration;

/// What one worker's thread used between two moments of the run's clock; none of its stints
/// reaches over the moment at which it began or ended a phase.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Stint {
    /// Which worker, from 0.
    pub worker: u32,
    /// From when.
    pub from: Duration,
    /// Until when.
    pub until: Duration,
    /// Its processor time meanwhile.
    pub used: Duration,
}

impl Stint {
    /// How long it took.
    pub fn length(&self) -> Duration {
        self.until.saturating_sub(self.from)
    }

    /// How much of it lies between two moments.
    pub fn within(&self, from: Duration, until: Duration) -> Duration {
        self.until.min(until).saturating_sub(self.from.max(from))
    }
}
