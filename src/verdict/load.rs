//! How busy the worker threads were, as they told it, and the machine, as the monitor saw it.

use crate::plan::PhaseId;

/// How busy the workers were in one phase.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WorkerLoad {
    /// The phase.
    pub phase: PhaseId,
    /// How many seconds of the phase are known.
    pub seconds: f64,
    /// In how many of them any worker used more of its core than `[generator].limits` allow.
    pub busy_seconds: f64,
    /// The share of its core that the busiest worker used over the phase.
    pub busiest: f64,
}

impl WorkerLoad {
    /// The share of the seconds in which a worker was over the limit; 0 where none are known.
    pub fn busy_share(&self) -> f64 {
        if self.seconds > 0.0 { self.busy_seconds / self.seconds } else { 0.0 }
    }
}

/// What the monitor saw of the tester's machine in one phase.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MachineLoad {
    /// The phase.
    pub phase: PhaseId,
    /// The share of all cores that was busy; none where no look at it fell into the phase.
    pub cpu: Option<f64>,
    /// How often the machine did not run for 20 ms or more what was due.
    pub stalls: u64,
    /// The longest of these times, in milliseconds; 0 where there were none.
    pub longest_stall_ms: f64,
}
