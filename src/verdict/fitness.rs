//! Results × worker load × limits → whether the tester itself was fit.
//!
//! Only `[generator].limits` make a run invalid: lag, and in the open model the processor of a
//! worker. A closed phase is meant to saturate something, so a busy worker there only warns that
//! throughput is the tester's limit. Starts that were dropped while lag and processor are in
//! order are the server's doing. Warm-ups are not checked.

use crate::plan::{Load, Phase};
use crate::record::{
    Broken, Extent, FitnessRow, FitnessStatus, Latency, PhaseSpan, Portion, Reading, Results,
    conserved,
};
use crate::smtp::Outcome;

use super::WorkerLoad;

/// A lag up to this is never worth a word.
const LAG_WORTH_A_WORD_MS: f64 = 2.0;
/// A lag matters only beyond this share of the response that is shown.
const LAG_SHARE_OF_RESPONSE: f64 = 0.1;
/// A start later than this counts as late.
const LATE_MS: f64 = 10.0;
/// More late starts than this are worth a word.
const LATE_SHARE: f64 = 0.05;
/// A worker may be over its limit in this share of a phase's seconds.
const BUSY_SHARE: f64 = 0.05;
/// A worker that uses more of its core than this is worth a word.
const CPU_WORTH_A_WORD: f64 = 0.8;
/// Fewer starts than this share of the planned ones are worth a word.
const ACHIEVED: f64 = 0.99;

/// Checks every phase that counts and began, and the sums of the whole run.
pub fn fitness(results: &Results<'_>, loads: &[WorkerLoad]) -> Vec<FitnessRow> {
    let mut rows = Vec::new();
    for (span, phase) in results.begun(Extent::Counting) {
        let portion = results.portion(Extent::Phase(span.phase), None);
        rows.extend(phase_rows(results, phase, &portion));
        rows.extend(cpu_rows(phase, span, loads));
    }
    rows.push(conservation(results));
    rows
}

fn phase_rows(results: &Results<'_>, phase: &Phase, portion: &Portion) -> Vec<FitnessRow> {
    let messages = &portion.cell.messages;
    let mut rows = Vec::new();
    if matches!(phase.load, Load::Open { .. }) {
        let limit_ms = results.plan.limits.lag_p99.as_secs_f64() * 1000.0;
        rows.extend(lag_p99(phase, portion, limit_ms));
        rows.extend(late_starts(phase, &portion.cell.lag));
        rows.extend(achieved(phase, messages.started, messages.planned));
    }
    if messages.planned > 0 {
        let local = Measure::count(messages.of(Outcome::Local), 0);
        rows.push(row("local_failures", Some(phase), local.above(), local));
    }
    rows
}

fn lag_p99(phase: &Phase, portion: &Portion, limit_ms: f64) -> Option<FitnessRow> {
    let lag = &portion.cell.lag;
    let value = lag.percentile(carried_percent(lag.count()))?.least();
    let response = portion.cell.response.percentile(99.0).map_or(0.0, Reading::least);
    let matters = value > LAG_SHARE_OF_RESPONSE * response;
    let status = if matters && value > limit_ms {
        FitnessStatus::Invalid
    } else if matters && value > LAG_WORTH_A_WORD_MS {
        FitnessStatus::Warn
    } else {
        FitnessStatus::Ok
    };
    Some(row("lag_p99", Some(phase), status, Measure::ms(value, limit_ms)))
}

/// The 99th percentile, or the highest below it that 10 samples exceed, but no less than the
/// median: one late start among a hundred says nothing about the machine.
#[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^52")]
fn carried_percent(samples: u64) -> f64 {
    (100.0 - 1000.0 / samples.max(1) as f64).clamp(50.0, 99.0)
}

fn late_starts(phase: &Phase, lag: &Latency) -> Option<FitnessRow> {
    let late = Measure::share(lag.share_above(LATE_MS)?, LATE_SHARE);
    Some(row("late_starts", Some(phase), late.above(), late))
}

#[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^52")]
fn achieved(phase: &Phase, started: u64, planned: u64) -> Option<FitnessRow> {
    let value = (planned > 0).then(|| started as f64 / planned as f64)?;
    let achieved = Measure::share(value, ACHIEVED);
    Some(row("achieved", Some(phase), achieved.below(), achieved))
}

fn cpu_rows(phase: &Phase, span: PhaseSpan, loads: &[WorkerLoad]) -> Vec<FitnessRow> {
    let Some(load) = loads.iter().find(|load| load.phase == span.phase && load.seconds > 0) else {
        return Vec::new();
    };
    let over = match phase.load {
        Load::Open { .. } => FitnessStatus::Invalid,
        Load::Closed { .. } => FitnessStatus::Warn,
        Load::Pause => return Vec::new(),
    };
    let busy = Measure::share(load.busy_share(), BUSY_SHARE);
    let status = if busy.value > busy.limit { over } else { FitnessStatus::Ok };
    let cpu = Measure::share(load.busiest, CPU_WORTH_A_WORD);
    vec![
        row("worker_busy", Some(phase), status, busy),
        row("worker_cpu", Some(phase), cpu.above(), cpu),
    ]
}

/// By how many messages the sums of the whole run are off.
fn conservation(results: &Results<'_>) -> FitnessRow {
    let off = conserved(&results.all()).err().map_or(0, Broken::difference);
    let off = Measure::count(off, 0);
    row("conservation", None, off.above(), off)
}

/// A value with its limit and unit.
#[derive(Clone, Copy)]
struct Measure {
    value: f64,
    limit: f64,
    unit: &'static str,
}

impl Measure {
    /// Worth a word where the value is above the limit.
    fn above(self) -> FitnessStatus {
        if self.value > self.limit { FitnessStatus::Warn } else { FitnessStatus::Ok }
    }

    /// Worth a word where the value is below the limit.
    fn below(self) -> FitnessStatus {
        if self.value < self.limit { FitnessStatus::Warn } else { FitnessStatus::Ok }
    }

    const fn ms(value: f64, limit: f64) -> Self {
        Self { value, limit, unit: "ms" }
    }

    const fn share(value: f64, limit: f64) -> Self {
        Self { value, limit, unit: "share" }
    }

    #[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^52")]
    const fn count(value: u64, limit: u64) -> Self {
        Self { value: value as f64, limit: limit as f64, unit: "count" }
    }
}

fn row(check: &str, phase: Option<&Phase>, status: FitnessStatus, measure: Measure) -> FitnessRow {
    FitnessRow {
        check: check.to_owned(),
        phase: phase.map(|phase| phase.name.clone()),
        status,
        value: measure.value,
        limit: measure.limit,
        unit: measure.unit.to_owned(),
    }
}
