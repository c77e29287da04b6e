//! The monitor's samples → what the tester's machine did in each phase.
//!
//! A sample covers an interval that may reach over the end of a phase. Its processor is laid to
//! the account of a phase only if most of it lies there, so a phase shorter than half of
//! `monitor.interval` has no figure. Stalls have times of their own and count for each phase that
//! they touch.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::monitor::{Sample, Stall};
use crate::plan::PhaseId;
use crate::record::PhaseSpan;
use crate::verdict::MachineLoad;

/// The least part of a sample that lies in a phase which it says something about.
const MOST: f64 = 0.5;

/// What the machine did so far, by phase.
#[derive(Clone, Debug, Default)]
pub(super) struct MachineUse {
    by_phase: BTreeMap<PhaseId, PhaseUse>,
}

#[derive(Clone, Copy, Debug, Default)]
struct PhaseUse {
    seconds: f64,
    processor: f64,
    stalls: u64,
    longest_stall_ms: f64,
}

impl MachineUse {
    /// Adds a sample to the account of the phases that were in force meanwhile.
    pub(super) fn look(&mut self, sample: &Sample, spans: &[PhaseSpan]) {
        for span in spans {
            let seconds = within(sample.at_s - sample.covers_s, sample.at_s, *span);
            if sample.covers_s > 0.0 && seconds >= MOST * sample.covers_s {
                let used = self.by_phase.entry(span.phase).or_default();
                used.seconds += seconds;
                used.processor += sample.host.cpu * seconds;
            }
        }
        self.stall(&sample.stalls, spans);
    }

    /// Adds stalls to the account of the phases that they touch.
    pub(super) fn stall(&mut self, stalls: &[Stall], spans: &[PhaseSpan]) {
        for span in spans {
            let used = self.by_phase.entry(span.phase).or_default();
            for stall in stalls {
                let until = stall.at_s + stall.length_ms / 1000.0;
                if within(stall.at_s, until, *span) > 0.0 {
                    used.stalls += 1;
                    used.longest_stall_ms = used.longest_stall_ms.max(stall.length_ms);
                }
            }
        }
    }

    /// What it did, phase by phase; nothing of phases that were never looked at.
    pub(super) fn loads(&self) -> Vec<MachineLoad> {
        let load = |(phase, used): (&PhaseId, &PhaseUse)| MachineLoad {
            phase: *phase,
            cpu: (used.seconds > 0.0).then(|| used.processor / used.seconds),
            stalls: used.stalls,
            longest_stall_ms: used.longest_stall_ms,
        };
        self.by_phase.iter().map(load).collect()
    }
}

/// How many seconds between two moments lie in a phase.
fn within(from: f64, until: f64, span: PhaseSpan) -> f64 {
    let (begin, length): (Duration, Duration) = (span.start, span.length);
    let end = begin.saturating_add(length).as_secs_f64();
    (until.min(end) - from.max(begin.as_secs_f64())).max(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::monitor::{HostSample, ProcessSample};
    use crate::record::specimen::{CLOSED, OPEN, spans};

    /// A sample of a second that ends at `at_s`.
    fn sample(at_s: f64, cpu: f64, stalls: Vec<Stall>) -> Sample {
        Sample {
            at_s,
            covers_s: 1.0,
            host: HostSample {
                cpu,
                memory_used: 1,
                memory_total: 2,
                network_received: 0,
                network_sent: 0,
                descriptors: 0,
            },
            process: ProcessSample { cpu: 0.0, memory: 0, descriptors: 0, threads: 0 },
            workers: Vec::new(),
            watched: None,
            stalls,
        }
    }

    fn load(samples: &[Sample], phase: PhaseId) -> MachineLoad {
        let mut machine = MachineUse::default();
        for sample in samples {
            machine.look(sample, &spans());
        }
        machine.loads().into_iter().find(|load| load.phase == phase).unwrap()
    }

    #[test]
    fn a_second_counts_for_the_phase_that_it_mostly_lies_in() {
        // The phases begin at 10 and 20 s.
        let samples =
            [sample(11.0, 0.2, vec![]), sample(12.0, 0.4, vec![]), sample(20.4, 1.0, vec![])];

        let open = load(&samples, OPEN).cpu.unwrap();
        let closed = load(&samples, CLOSED).cpu;

        // One second at 0.2, one at 0.4, 0.6 s at 1.
        assert!((open - 1.2 / 2.6).abs() < 1e-9, "{open}");
        assert_eq!(closed, None, "0.4 s of a second say too little");
    }

    #[test]
    fn a_stall_counts_for_each_phase_that_it_touches() {
        let stall = |at_s, length_ms| Stall { at_s, length_ms };
        let samples = [
            sample(15.0, 0.0, vec![stall(14.2, 30.0), stall(14.5, 25.0)]),
            sample(21.0, 0.0, vec![stall(19.95, 100.0)]),
        ];

        let [open, closed] = [OPEN, CLOSED].map(|phase| load(&samples, phase));

        assert_eq!((open.stalls, open.longest_stall_ms), (3, 100.0));
        assert_eq!((closed.stalls, closed.longest_stall_ms), (1, 100.0));
    }
}
