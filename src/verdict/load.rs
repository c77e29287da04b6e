//! How busy the worker threads were, as the monitor saw it.

use crate::plan::PhaseId;

/// How busy the workers were in one phase.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WorkerLoad {
    /// The phase.
    pub phase: PhaseId,
    /// In how many seconds of the phase the workers were looked at.
    pub seconds: u64,
    /// In how many of them any worker used more of its core than `[generator].limits` allow.
    pub busy_seconds: u64,
    /// The share of its core that the busiest worker used over the phase.
    pub busiest: f64,
}

impl WorkerLoad {
    /// The share of the seconds in which a worker was over the limit; 0 where none were seen.
    #[expect(clippy::cast_precision_loss, reason = "seconds stay far below 2^52")]
    pub fn busy_share(&self) -> f64 {
        if self.seconds == 0 { 0.0 } else { self.busy_seconds as f64 / self.seconds as f64 }
    }
}
