//! Thresholds × results → a row for each, with its value.
//!
//! A percentile is judged on the histogram's value even where fewer than 10 samples lie above it
//! and the table shows it as not known: a check that is never judged would always hold. The row
//! says so in `few_samples`. A percentile or maximum that falls among messages without an answer
//! never holds, whichever way it is compared, for nobody knows it.

use crate::plan::{Action, Metric, NoData, PhaseId, Stat, Threshold, Unit};
use crate::record::{Extent, Latency, Portion, Reading, Results, ThresholdRow};
use crate::smtp::Step;

use super::WorkerLoad;

/// What came out of one threshold before it is compared.
struct Finding {
    value: Value,
    few_samples: bool,
}

enum Value {
    Taken(f64),
    Unanswered,
    NeverTaken,
}

/// Judges thresholds, each in its phase or, without one, over everything but warm-ups. Those of a
/// warm-up only warn.
pub fn judge(
    thresholds: &[(Option<PhaseId>, &Threshold)],
    results: &Results<'_>,
    loads: &[WorkerLoad],
) -> Vec<ThresholdRow> {
    thresholds
        .iter()
        .map(|(phase, threshold)| judge_one(*phase, threshold, results, loads))
        .collect()
}

/// All thresholds of a plan's phases that began, in their order, then those of the whole run.
pub fn thresholds_of<'a>(results: &Results<'a>) -> Vec<(Option<PhaseId>, &'a Threshold)> {
    let mut spans: Vec<PhaseId> = results.spans.iter().map(|span| span.phase).collect();
    spans.sort_unstable();
    let plan = results.plan;
    spans
        .into_iter()
        .filter_map(|id| Some((id, plan.phases.get(id.index())?)))
        .flat_map(|(id, phase)| phase.thresholds.iter().map(move |check| (Some(id), check)))
        .chain(plan.thresholds.iter().map(|check| (None, check)))
        .collect()
}

fn judge_one(
    phase: Option<PhaseId>,
    threshold: &Threshold,
    results: &Results<'_>,
    loads: &[WorkerLoad],
) -> ThresholdRow {
    let extent = phase.map_or(Extent::Counting, Extent::Phase);
    let phase = phase.and_then(|id| results.plan.phases.get(id.index()));
    let portion = results.portion(extent, threshold.scope.as_ref());
    let finding = find(&threshold.metric, &portion, busiest(extent, results, loads));
    let (value, holds) = match finding.value {
        Value::Taken(value) => (Some(value), threshold.op.holds(value, threshold.limit)),
        Value::Unanswered => (None, false),
        Value::NeverTaken => (None, threshold.no_data == NoData::Pass),
    };
    let warmup = phase.is_some_and(|phase| phase.warmup);
    ThresholdRow {
        check: threshold.text.clone(),
        phase: phase.map(|phase| phase.name.clone()),
        value,
        unit: unit(threshold.metric.unit()).to_owned(),
        holds,
        action: action(if warmup { Action::Warn } else { threshold.action }).to_owned(),
        few_samples: finding.few_samples,
    }
}

fn find(metric: &Metric, portion: &Portion, busiest: Option<f64>) -> Finding {
    let cell = &portion.cell;
    let messages = &cell.messages;
    match metric {
        Metric::Message(stat) => statistic(&cell.response, *stat),
        Metric::Session(stat) => statistic(&cell.session, *stat),
        Metric::Step(step, stat) => statistic(&step_time(portion, *step), *stat),
        Metric::MessageErrors => Finding::of(messages.errors_share()),
        Metric::SessionErrors => share(cell.sessions.failed, cell.sessions.started),
        Metric::MessageCount => Finding::of(Some(as_float(messages.started))),
        Metric::RateAchieved => share(messages.started, messages.planned),
        Metric::Throughput => {
            Finding::of((!portion.length.is_zero()).then(|| portion.accepted_per_s()))
        }
        Metric::CodeShare(codes) => {
            let decided = cell.codes.iter().filter(|(code, _)| codes.holds(**code));
            share(decided.map(|(_, count)| count).sum(), messages.ended())
        }
        Metric::GeneratorCpu => Finding::of(busiest),
    }
}

/// The share of its core that the busiest worker used in the phases of an extent; a scope does
/// not narrow it.
fn busiest(extent: Extent, results: &Results<'_>, loads: &[WorkerLoad]) -> Option<f64> {
    loads
        .iter()
        .filter(|load| load.seconds > 0 && results.ledger.includes(extent, load.phase))
        .map(|load| load.busiest)
        .reduce(f64::max)
}

fn step_time(portion: &Portion, step: Step) -> Latency {
    portion.cell.steps[step.index()]
        .as_ref()
        .map_or_else(Latency::default, |step| step.time.clone())
}

fn statistic(latency: &Latency, stat: Stat) -> Finding {
    let (reading, few_samples) = match stat {
        Stat::Percentile(percent) => (latency.percentile(percent), !latency.supports(percent)),
        Stat::Max => (latency.largest(), false),
        Stat::Mean => (latency.mean().map(Reading::Exactly), false),
    };
    match reading {
        Some(Reading::Exactly(value)) => Finding { value: Value::Taken(value), few_samples },
        Some(Reading::AtLeast(_)) => Finding { value: Value::Unanswered, few_samples },
        None => Finding::of(None),
    }
}

impl Finding {
    fn of(value: Option<f64>) -> Self {
        let value = value.map_or(Value::NeverTaken, Value::Taken);
        Self { value, few_samples: false }
    }
}

fn share(part: u64, whole: u64) -> Finding {
    Finding::of((whole > 0).then(|| as_float(part) / as_float(whole)))
}

#[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^52")]
fn as_float(count: u64) -> f64 {
    count as f64
}

const fn unit(unit: Unit) -> &'static str {
    match unit {
        Unit::Milliseconds => "ms",
        Unit::Share => "share",
        Unit::PerSecond => "per_s",
        Unit::Count => "count",
    }
}

const fn action(action: Action) -> &'static str {
    match action {
        Action::Fail => "fail",
        Action::Warn => "warn",
    }
}
