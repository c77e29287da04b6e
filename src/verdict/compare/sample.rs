//! One run as a comparison sees it: its phases, each cut into blocks of seconds.

use crate::plan::Plan;
use crate::record::{Cell, FitnessRow, FitnessStatus, Frame, Latency, Summary, VerdictName};
use crate::smtp::Outcome;
use crate::timeline::Model;

/// A phase has at most so many blocks, so that a day costs no more than an hour.
const MOST_BLOCKS: u64 = 60;

/// One run.
#[derive(Clone, Debug)]
pub struct Sample {
    pub(super) phases: Vec<PhaseSample>,
    pub(super) version: String,
    pub(super) cores: Option<serde_json::Value>,
    pub(super) workers: Option<serde_json::Value>,
    pub(super) warned: Vec<String>,
}

/// One phase of a run.
#[derive(Clone, Debug)]
pub(super) struct PhaseSample {
    name: String,
    /// Its first second, and how many seconds a block has.
    first: u64,
    width: u64,
    /// How long it was in force, in seconds.
    length: f64,
    pub(super) blocks: Vec<Block>,
}

/// Some consecutive seconds of a phase.
#[derive(Clone, Debug, Default)]
pub(super) struct Block {
    /// How many seconds of it the phase was in force.
    pub(super) seconds: f64,
    /// Acceptances that came inside the phase.
    pub(super) accepted: u64,
    pub(super) errors: u64,
    /// Messages that ended by the target's doing: those that errors are a share of.
    pub(super) counted: u64,
    pub(super) response: Latency,
}

/// Why a run can't be compared.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Unfit {
    /// It was cut off, interrupted, or measured nothing.
    #[error("the run has no verdict: {0}")]
    NoVerdict(String),
    /// The tester missed its limits.
    #[error("the run is INVALID: {0}")]
    Invalid(String),
}

impl Sample {
    /// A run without its seconds; an interrupted or INVALID one says nothing of the server.
    pub fn new(summary: &Summary) -> Result<Self, Unfit> {
        match summary.verdict {
            VerdictName::Pass | VerdictName::Fail => {}
            VerdictName::Invalid => return Err(Unfit::Invalid(summary.reason.clone())),
            VerdictName::None => return Err(Unfit::NoVerdict(summary.reason.clone())),
        }
        let compared = summary
            .phases
            .iter()
            .filter(|phase| phase.counts() && phase.model != Model::Pause.name());
        let warned = |row: &&FitnessRow| row.status != FitnessStatus::Ok;
        let environment = |key: &str| summary.environment.get(key).cloned();
        Ok(Self {
            phases: compared
                .map(|phase| PhaseSample::new(&phase.name, phase.start_s, phase.duration_s))
                .collect(),
            version: summary.tool.version.clone(),
            cores: environment("cores"),
            workers: environment("workers"),
            warned: summary.fitness.iter().filter(warned).map(|row| row.check.clone()).collect(),
        })
    }

    /// Adds one second of the run.
    pub fn fold(&mut self, frame: &Frame, plan: &Plan) {
        for id in frame.phases() {
            let Some(phase) = plan.phases.get(id.index()) else { continue };
            if let Some(sample) = self.phases.iter_mut().find(|own| own.name == phase.name) {
                sample.fold(frame.second, &frame.sum(id, plan));
            }
        }
    }

    /// The phases' names, in their order.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.phases.iter().map(|phase| phase.name.as_str())
    }

    /// One phase.
    pub(super) fn phase(&self, name: &str) -> Option<&PhaseSample> {
        self.phases.iter().find(|phase| phase.name == name)
    }
}

impl PhaseSample {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a run's seconds are few, and none is below zero"
    )]
    pub(super) fn new(name: &str, start: f64, length: f64) -> Self {
        let first = start.max(0.0).floor() as u64;
        let last = (start + length).max(start).ceil() as u64;
        let seconds = last.saturating_sub(first).max(1);
        let width = seconds.div_ceil(MOST_BLOCKS);
        let blocks = (0..seconds.div_ceil(width)).map(|number| {
            let from = (first + number * width) as f64;
            let until = from + width as f64;
            let seconds = until.min(start + length) - from.max(start);
            Block { seconds: seconds.max(0.0), ..Block::default() }
        });
        Self { name: name.to_owned(), first, width, length, blocks: blocks.collect() }
    }

    /// What drains behind the phase's end belongs to its last block.
    fn fold(&mut self, second: u64, cell: &Cell) {
        let number = usize::try_from(second.saturating_sub(self.first) / self.width);
        let last = self.blocks.len() - 1;
        let block = &mut self.blocks[number.unwrap_or(last).min(last)];
        let messages = &cell.messages;
        block.accepted += messages.accepted_in_time;
        block.errors += messages.errors();
        let own = messages.of(Outcome::Local) + messages.of(Outcome::Interrupted);
        block.counted += messages.ended().saturating_sub(own);
        block.response.merge(&cell.response);
    }

    /// How long it was in force, in seconds.
    pub(super) const fn length(&self) -> f64 {
        self.length
    }
}

/// What may explain a difference between two sides, apart from the server.
pub(super) fn remarks(baseline: &[Sample], candidate: &[Sample]) -> Vec<String> {
    let (Some(before), Some(after)) = (baseline.first(), candidate.first()) else {
        return Vec::new();
    };
    let mut remarks = Vec::new();
    if before.version != after.version {
        let (before, after) = (&before.version, &after.version);
        remarks.push(format!("mailquake {before} measured the baseline, {after} the candidate"));
    }
    let both =
        [("cores", &before.cores, &after.cores), ("workers", &before.workers, &after.workers)];
    for (name, before, after) in both {
        if let (Some(before), Some(after)) = (before, after)
            && before != after
        {
            remarks.push(format!("the baseline had {before} {name}, the candidate {after}"));
        }
    }
    for (side, runs) in [("baseline", baseline), ("candidate", candidate)] {
        let mut checks: Vec<&str> =
            runs.iter().flat_map(|run| &run.warned).map(String::as_str).collect();
        checks.sort_unstable();
        checks.dedup();
        if !checks.is_empty() {
            let checks = checks.join(", ");
            remarks.push(format!("the generator of the {side} was warned of: {checks}"));
        }
    }
    remarks
}
