//! The monitor's samples → how busy the workers were in each phase, and what the run used in all.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::engine::Shared;
use crate::monitor::{self, Sample};
use crate::plan::{PhaseId, Plan};
use crate::verdict::WorkerLoad;

/// What was used so far.
#[derive(Debug)]
pub(super) struct Usage {
    limit: f64,
    watched: bool,
    by_phase: BTreeMap<PhaseId, PhaseUse>,
    host_cpu: Stretch,
    host_memory: u64,
    cpu: Stretch,
    memory: u64,
    descriptors: u64,
    threads: u64,
}

#[derive(Debug, Default)]
struct PhaseUse {
    seconds: f64,
    busy: f64,
    /// By worker.
    workers: Vec<f64>,
}

/// A share over time.
#[derive(Debug, Default)]
struct Stretch {
    seconds: f64,
    area: f64,
    max: f64,
}

impl Usage {
    pub(super) fn new(plan: &Plan) -> Self {
        Self {
            limit: plan.limits.cpu,
            watched: plan.monitor.enabled,
            by_phase: BTreeMap::new(),
            host_cpu: Stretch::default(),
            host_memory: 0,
            cpu: Stretch::default(),
            memory: 0,
            descriptors: 0,
            threads: 0,
        }
    }

    /// Adds a sample to the account of the phases that were in force.
    pub(super) fn add(&mut self, sample: &Sample, phases: &[PhaseId]) {
        let covers = sample.covers_s;
        self.host_cpu.add(sample.host.cpu, covers);
        self.host_memory = self.host_memory.max(sample.host.memory_used);
        self.cpu.add(sample.process.cpu, covers);
        self.memory = self.memory.max(sample.process.memory);
        self.descriptors = self.descriptors.max(sample.process.descriptors);
        self.threads = self.threads.max(sample.process.threads);
        let busy = sample.workers.iter().any(|worker| worker.cpu > self.limit);
        // Workers that have ended tell nothing of how busy they were.
        for phase in phases.iter().filter(|_| !sample.workers.is_empty()) {
            let used = self.by_phase.entry(*phase).or_default();
            used.seconds += covers;
            used.busy += if busy { covers } else { 0.0 };
            used.workers.resize(sample.workers.len().max(used.workers.len()), 0.0);
            for (sum, worker) in used.workers.iter_mut().zip(&sample.workers) {
                *sum += worker.cpu * covers;
            }
        }
    }

    /// How busy the workers were, phase by phase.
    pub(super) fn loads(&self) -> Vec<WorkerLoad> {
        let loads = self.by_phase.iter().map(|(phase, used)| WorkerLoad {
            phase: *phase,
            seconds: whole(used.seconds),
            busy_seconds: whole(used.busy),
            busiest: used.workers.iter().fold(0.0, |most: f64, sum| most.max(*sum))
                / used.seconds.max(1e-9),
        });
        loads.collect()
    }

    /// The `environment` of the summary.
    pub(super) fn environment(&self, shared: &Shared) -> Map<String, Value> {
        let machine = monitor::environment();
        let mut all = Map::new();
        all.insert("kernel".to_owned(), json!(machine.kernel));
        all.insert("cores".to_owned(), json!(machine.cores));
        all.insert("workers".to_owned(), json!(shared.workers));
        all.insert("nofile".to_owned(), json!(machine.nofile));
        if self.watched && self.cpu.seconds > 0.0 {
            all.insert(
                "host".to_owned(),
                json!({ "cpu_mean": self.host_cpu.mean(), "cpu_max": self.host_cpu.max,
                        "memory_max_octets": self.host_memory }),
            );
            all.insert(
                "process".to_owned(),
                json!({ "cpu_mean": self.cpu.mean(), "cpu_max": self.cpu.max,
                        "memory_max_octets": self.memory, "descriptors_max": self.descriptors,
                        "threads_max": self.threads }),
            );
        }
        all
    }
}

impl Stretch {
    fn add(&mut self, share: f64, seconds: f64) {
        self.seconds += seconds;
        self.area += share * seconds;
        self.max = self.max.max(share);
    }

    fn mean(&self) -> f64 {
        if self.seconds > 0.0 { self.area / self.seconds } else { 0.0 }
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "seconds of a run")]
fn whole(seconds: f64) -> u64 {
    seconds.round() as u64
}
