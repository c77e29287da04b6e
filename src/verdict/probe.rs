//! A probe's figures → what became of it: whether the tester was fit, and the conditions held.

use super::bracket::ProbeEnd;
use super::fitness::probe_rows;
use super::{FitnessCheck, WorkerLoad, judge};
use crate::plan::{PhaseId, Search, Threshold};
use crate::record::{Condition, FitnessRow, FitnessStatus, Probe, Results, ThresholdRow};

/// Judges a probe over all of its messages.
///
/// Beyond [`crate::plan::FitnessLimits`], which make a phase with a rate invalid, a busy worker does
/// so in a probe with connections: what is searched for is the target's limit, and a worker that
/// has no processor left has reached its own.
pub fn judge_probe(
    search: &Search,
    (phase, level): (PhaseId, f64),
    results: &Results<'_>,
    loads: &[WorkerLoad],
) -> Probe {
    let conditions: Vec<(Option<PhaseId>, &Threshold)> =
        search.conditions.iter().map(|condition| (Some(phase), condition)).collect();
    let conditions: Vec<Condition> =
        judge(&conditions, results, loads).into_iter().map(condition).collect();
    let mut fitness = probe_rows(phase, results, loads).into_iter();
    let unfit = fitness.find(is_unfit);
    let held = unfit.is_none() && conditions.iter().all(|condition| condition.holds);
    let name = results.plan.phases.get(phase.index()).map(|phase| phase.name.clone());
    let name = name.unwrap_or_default();
    Probe { name, level, held: Some(held), unfit, conditions }
}

/// What a probe that was judged says of its level.
pub fn probe_end(probe: &Probe) -> ProbeEnd {
    match (&probe.unfit, probe.held) {
        (Some(_), _) => ProbeEnd::Unfit,
        (None, Some(true)) => ProbeEnd::Held,
        (None, Some(false) | None) => ProbeEnd::Broke,
    }
}

fn is_unfit(row: &FitnessRow) -> bool {
    let is_busy = row.check == FitnessCheck::WorkerBusy.name() && row.value > row.limit;
    row.status == FitnessStatus::Invalid || is_busy
}

fn condition(row: ThresholdRow) -> Condition {
    Condition {
        check: row.check,
        value: row.value,
        limit: row.limit,
        unit: row.unit,
        holds: row.holds,
        few_samples: row.few_samples,
    }
}
