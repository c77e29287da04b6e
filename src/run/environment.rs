//! The workers' stints and the monitor's samples → how busy the workers were in each phase, and
//! what the run used in all.
//!
//! A second in which a phase begins or ends counts for each phase by what was used in it, so a
//! worker that was busy in one phase is not laid to the account of the next.

use std::collections::BTreeMap;
use std::time::Duration;

use super::machine::MachineUse;
use super::watched::{Turn, WatchedUse};
use crate::monitor::{self, HostSample, LocalPorts, ProcessSample, Sample, Stall};
use crate::plan::{PhaseId, Plan};
use crate::record::{
    EnvironmentFigures, HostFigures, PhaseSpan, ProcessFigures, Stint, WatchedFigures,
};
use crate::verdict::{MachineLoad, WorkerLoad};

/// A worker is looked at second by second; a shorter piece at a phase's beginning goes with the
/// second behind it, so that opening its sessions is no busy second of its own.
const SECOND: f64 = 0.9;

/// What was used so far.
#[derive(Debug)]
pub(super) struct Usage {
    limit: f64,
    by_phase: BTreeMap<PhaseId, PhaseUse>,
    machine: MachineUse,
    host_cpu: Stretch,
    host: HostFigures,
    cpu: Stretch,
    process: ProcessFigures,
    watched: Option<WatchedUse>,
}

/// How busy the workers were in one phase.
#[derive(Clone, Debug, Default)]
struct PhaseUse {
    seconds: f64,
    busy: f64,
    /// By worker, whatever becomes of the others.
    workers: BTreeMap<u32, Used>,
    /// The second that is not yet over, by worker.
    open: BTreeMap<u32, Used>,
}

/// What one worker used.
#[derive(Clone, Copy, Debug, Default)]
struct Used {
    seconds: f64,
    processor: f64,
}

/// A share over time.
#[derive(Debug, Default)]
pub(super) struct Stretch {
    seconds: f64,
    area: f64,
    max: f64,
}

impl Usage {
    pub(super) fn new(plan: &Plan) -> Self {
        Self {
            limit: plan.limits.cpu,
            by_phase: BTreeMap::new(),
            machine: MachineUse::default(),
            host_cpu: Stretch::default(),
            host: HostFigures::default(),
            cpu: Stretch::default(),
            process: ProcessFigures::default(),
            watched: None,
        }
    }

    /// The process that was found before the start is watched, too.
    pub(super) fn watch(&mut self, found: &WatchedFigures) {
        self.watched = Some(WatchedUse::new(found.clone()));
    }

    /// Adds a sample; `spans` are the phases up to then. What became of the watched process.
    pub(super) fn look(&mut self, sample: &Sample, spans: &[PhaseSpan]) -> Vec<Turn> {
        self.machine.look(sample, spans);
        let covers = sample.covers_s;
        self.host_cpu.add(sample.host.cpu, covers);
        self.cpu.add(sample.process.cpu, covers);
        add_host(&mut self.host, &sample.host);
        add_process(&mut self.process, &sample.process);
        self.count(&sample.stalls);
        let watched = self.watched.as_mut();
        watched.map_or_else(Vec::new, |watched| watched.look(sample.watched.as_ref(), covers))
    }

    fn count(&mut self, stalls: &[Stall]) {
        for stall in stalls {
            self.host.stalls += 1;
            self.host.longest_stall_ms = self.host.longest_stall_ms.max(stall.length_ms);
        }
    }

    /// Adds stalls for which there is no further sample.
    pub(super) fn stall(&mut self, stalls: &[Stall], spans: &[PhaseSpan]) {
        self.machine.stall(stalls, spans);
        self.count(stalls);
    }

    /// What the machine did, phase by phase.
    pub(super) fn machine(&self) -> Vec<MachineLoad> {
        self.machine.loads()
    }

    /// Adds the workers' stints of a second to the account of the phases that were in force.
    pub(super) fn add(&mut self, stints: &[Stint], spans: &[PhaseSpan]) {
        for span in spans {
            let until = span.start + span.length;
            for stint in stints {
                let within = stint.within(span.start, until);
                if !within.is_zero() {
                    self.by_phase.entry(span.phase).or_default().add(stint, within);
                }
            }
            if let Some(used) = self.by_phase.get_mut(&span.phase) {
                used.close(self.limit, SECOND);
            }
        }
    }

    /// How busy the workers were, phase by phase.
    pub(super) fn loads(&self) -> Vec<WorkerLoad> {
        let loads = self.by_phase.iter().map(|(phase, used)| {
            let mut used = used.clone();
            used.close(self.limit, 0.0);
            WorkerLoad {
                phase: *phase,
                seconds: used.seconds,
                busy_seconds: used.busy,
                busiest: used.workers.values().copied().map(Used::share).fold(0.0, f64::max),
            }
        });
        loads.collect()
    }

    /// The `environment` of the summary, on a machine as [`machine`] tells it.
    pub(super) fn environment(&self, machine: &EnvironmentFigures) -> EnvironmentFigures {
        let watched = self.cpu.seconds > 0.0;
        EnvironmentFigures {
            host: watched.then(|| HostFigures {
                cpu_mean: self.host_cpu.mean(),
                cpu_max: self.host_cpu.max,
                ..self.host
            }),
            process: watched.then(|| ProcessFigures {
                cpu_mean: self.cpu.mean(),
                cpu_max: self.cpu.max,
                ..self.process
            }),
            watched: self.watched.as_ref().filter(|_| watched).map(WatchedUse::figures),
            ..machine.clone()
        }
    }
}

/// What does not change while it runs.
pub(super) fn machine(workers: u32) -> EnvironmentFigures {
    let machine = monitor::environment();
    EnvironmentFigures {
        kernel: machine.kernel,
        cores: machine.cores,
        workers,
        nofile: machine.nofile,
        local_ports: LocalPorts::of_this_machine().map(|ports| ports.count),
        host: None,
        process: None,
        watched: None,
    }
}

fn add_host(host: &mut HostFigures, sample: &HostSample) {
    host.memory_max_octets = host.memory_max_octets.max(sample.memory_used);
    host.memory_total_octets = sample.memory_total;
    host.network_received_octets += sample.network_received;
    host.network_sent_octets += sample.network_sent;
    host.descriptors_max = host.descriptors_max.max(sample.descriptors);
}

fn add_process(process: &mut ProcessFigures, sample: &ProcessSample) {
    process.memory_max_octets = process.memory_max_octets.max(sample.memory);
    process.descriptors_max = process.descriptors_max.max(sample.descriptors);
    process.threads_max = process.threads_max.max(sample.threads);
}

impl PhaseUse {
    fn add(&mut self, stint: &Stint, within: Duration) {
        let part = within.as_secs_f64() / stint.length().as_secs_f64();
        let used = self.open.entry(stint.worker).or_default();
        used.seconds += within.as_secs_f64();
        used.processor += stint.used.as_secs_f64() * part;
    }

    /// Books the second that is open, if it is long enough.
    fn close(&mut self, limit: f64, at_least: f64) {
        let seconds = self.open.values().map(|used| used.seconds).fold(0.0, f64::max);
        if seconds < at_least {
            return;
        }
        let open = std::mem::take(&mut self.open);
        self.seconds += seconds;
        if open.values().any(|used| used.share() > limit) {
            self.busy += seconds;
        }
        for (worker, used) in open {
            let sum = self.workers.entry(worker).or_default();
            sum.seconds += used.seconds;
            sum.processor += used.processor;
        }
    }
}

impl Used {
    /// The clock of the run is read a moment before the thread's, which must not make more than
    /// all of a core.
    fn share(self) -> f64 {
        if self.seconds > 0.0 { (self.processor / self.seconds).min(1.0) } else { 0.0 }
    }
}

impl Stretch {
    pub(super) fn add(&mut self, share: f64, seconds: f64) {
        self.seconds += seconds;
        self.area += share * seconds;
        self.max = self.max.max(share);
    }

    pub(super) const fn max(&self) -> f64 {
        self.max
    }

    pub(super) fn mean(&self) -> f64 {
        if self.seconds > 0.0 { self.area / self.seconds } else { 0.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::SpanEnd;
    use crate::record::specimen::{CLOSED, OPEN, plan};

    fn millis(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    fn stint(worker: u32, from: u64, until: u64, used: u64) -> Stint {
        Stint { worker, from: millis(from), until: millis(until), used: millis(used) }
    }

    fn span(phase: PhaseId, start: u64, length: u64) -> PhaseSpan {
        PhaseSpan { phase, start: millis(start), length: millis(length), end: SpanEnd::Time }
    }

    fn loads(seconds: &[&[Stint]], spans: &[PhaseSpan]) -> Vec<WorkerLoad> {
        let mut usage = Usage::new(&plan());
        for stints in seconds {
            usage.add(stints, spans);
        }
        usage.loads()
    }

    fn assert_load(load: WorkerLoad, phase: PhaseId, seconds: f64, busy: f64, busiest: f64) {
        assert_eq!(load.phase, phase);
        let found = [load.seconds, load.busy_seconds, load.busiest];
        for (found, expected) in found.into_iter().zip([seconds, busy, busiest]) {
            assert!((found - expected).abs() < 1e-9, "{load:?}, not {seconds} {busy} {busiest}");
        }
    }

    #[test]
    fn a_phase_shorter_than_a_second_has_a_figure() {
        let spans = [span(OPEN, 0, 800), span(CLOSED, 800, 700)];

        let loads = loads(
            &[&[stint(0, 0, 800, 400), stint(0, 800, 1000, 198)], &[stint(0, 1000, 1500, 495)]],
            &spans,
        );

        assert_load(loads[0], OPEN, 0.8, 0.0, 0.5);
        assert_load(loads[1], CLOSED, 0.7, 0.7, 0.99);
    }

    #[test]
    fn a_busy_phase_is_not_laid_to_the_account_of_its_neighbour() {
        let spans = [span(CLOSED, 0, 500), span(OPEN, 500, 1500)];

        let loads = loads(
            &[&[stint(0, 0, 500, 500), stint(0, 500, 1000, 50)], &[stint(0, 1000, 2000, 100)]],
            &spans,
        );

        assert_load(loads[0], OPEN, 1.5, 0.0, 0.1);
        assert_load(loads[1], CLOSED, 0.5, 0.5, 1.0);
    }

    #[test]
    fn a_worker_that_is_gone_leaves_the_others_in_their_places() {
        let spans = [span(OPEN, 0, 3000)];

        let loads = loads(
            &[
                &[stint(0, 0, 1000, 600), stint(1, 0, 1000, 100)],
                &[stint(1, 1000, 2000, 960)],
                &[stint(1, 2000, 3000, 200)],
            ],
            &spans,
        );

        assert_load(loads[0], OPEN, 3.0, 1.0, 0.6);
    }

    #[test]
    fn the_busy_first_moments_of_a_phase_go_with_the_second_behind_them() {
        let spans = [span(OPEN, 900, 2100)];

        let loads = loads(
            &[
                &[stint(0, 0, 900, 0), stint(0, 900, 1000, 100)],
                &[stint(0, 1000, 2000, 120)],
                &[stint(0, 2000, 3000, 100)],
            ],
            &spans,
        );

        assert_load(loads[0], OPEN, 2.1, 0.0, 0.32 / 2.1);
    }
}
