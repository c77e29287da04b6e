//! Results × load of workers and machine × limits → whether the tester itself was fit.
//!
//! Only `[generator].limits` make a run invalid: lag, and in the open model the processor of a
//! worker. A closed phase is meant to saturate something, so a busy worker there only warns that
//! throughput is the tester's limit. Starts that were dropped while lag and processor are in
//! order are the server's doing. Warm-ups are not checked; probes are by their search.
//!
//! Lag is judged by its 99th percentile. A phase of fewer than 1,000 starts has none that is
//! known, so the highest that is takes its place, and the check bears its name: `lag_p95`,
//! `lag_p90`, `lag_p50`. Fewer than 20 starts know not even a median and get no such row.
//!
//! The machine as a whole only warns: its processor serves others too, a server under test on the
//! same machine among them, and what of it the tester lacked shows as lag.

mod before;
mod check;

pub use before::{Reserves, fitness_before};
pub use check::{FitnessCheck, advised, measured};

use crate::plan::{Load, Phase, PhaseId};
use crate::record::{
    Broken, Extent, FitnessRow, FitnessStatus, Latency, PhaseSpan, Portion, Reading, Results,
    conserved,
};
use crate::smtp::Outcome;

use super::{MachineLoad, WorkerLoad};

/// The percentiles of the lag, the one that is wanted first, with their checks.
const LAGS: [(f64, FitnessCheck); 4] = [
    (99.0, FitnessCheck::LagP99),
    (95.0, FitnessCheck::LagP95),
    (90.0, FitnessCheck::LagP90),
    (50.0, FitnessCheck::LagP50),
];
/// A lag up to this is never worth a word.
const LAG_WORTH_A_WORD_MS: f64 = 2.0;
/// A lag matters only beyond this share of the response that is shown.
const LAG_SHARE_OF_RESPONSE: f64 = 0.1;
/// A start later than this counts as late.
const LATE_MS: f64 = 10.0;
/// More late starts than this are worth a word.
const LATE_SHARE: f64 = 0.05;
/// Composing a message late is worth a word where it takes longer than this on average.
const RENDERING_WORTH_A_WORD_MS: f64 = 1.0;
/// A worker may be over its limit in this share of a phase's seconds.
const BUSY_SHARE: f64 = 0.05;
/// A worker that uses more of its core than this is worth a word.
const CPU_WORTH_A_WORD: f64 = 0.8;
/// A machine of which more is busy is worth a word: others wait for a core by then.
const HOST_WORTH_A_WORD: f64 = 0.8;
/// A stall from this length on is grave: no other delay of the tester explains it.
const GRAVE_STALL_MS: f64 = 100.0;
/// Fewer starts than this share of the planned ones are worth a word.
const ACHIEVED: f64 = 0.99;

/// Checks every phase that counts and began, and the sums of the whole run.
pub fn fitness(
    results: &Results<'_>,
    loads: &[WorkerLoad],
    machine: &[MachineLoad],
) -> Vec<FitnessRow> {
    let mut rows = Vec::new();
    for (span, phase) in results.begun(Extent::Counting) {
        rows.extend(all_rows((span, phase), results, loads));
        let machine = machine.iter().find(|load| load.phase == span.phase);
        rows.extend(machine.into_iter().flat_map(|load| machine_rows(phase, load)));
    }
    rows.push(conservation(results));
    rows
}

/// The same checks for one probe of a search, which counts in none of them.
pub(super) fn probe_rows(
    probe: PhaseId,
    results: &Results<'_>,
    loads: &[WorkerLoad],
) -> Vec<FitnessRow> {
    results.begun(Extent::Phase(probe)).flat_map(|begun| all_rows(begun, results, loads)).collect()
}

fn all_rows(
    (span, phase): (PhaseSpan, &Phase),
    results: &Results<'_>,
    loads: &[WorkerLoad],
) -> Vec<FitnessRow> {
    let portion = results.portion(Extent::Phase(span.phase), None);
    let mut rows = phase_rows(results, phase, &portion);
    rows.extend(cpu_rows(phase, span, loads));
    rows
}

fn phase_rows(results: &Results<'_>, phase: &Phase, portion: &Portion) -> Vec<FitnessRow> {
    let messages = &portion.cell.messages;
    let mut rows = Vec::new();
    if matches!(phase.load, Load::Open { .. }) {
        let limit_ms = results.plan.limits.lag_p99.as_secs_f64() * 1000.0;
        rows.extend(lag(phase, portion, limit_ms));
        rows.extend(late_starts(phase, &portion.cell.lag));
        let (started, planned) = portion.cell.starts();
        rows.extend(achieved(phase, started, planned));
    }
    rows.extend(late_rendering(phase, &portion.cell.rendering));
    if messages.planned > 0 {
        let local = Measure::count(messages.of(Outcome::Local), 0);
        rows.push(row(FitnessCheck::LocalFailures, Some(phase), local.above(), local));
    }
    rows
}

fn lag(phase: &Phase, portion: &Portion, limit_ms: f64) -> Option<FitnessRow> {
    let lag = &portion.cell.lag;
    let (percent, check) = LAGS.into_iter().find(|(percent, _)| lag.supports(*percent))?;
    let value = lag.percentile(percent)?.least();
    let response = portion.cell.response.percentile(percent).map_or(0.0, Reading::least);
    let matters = value > LAG_SHARE_OF_RESPONSE * response;
    let status = if matters && value > limit_ms {
        FitnessStatus::Invalid
    } else if matters && value > LAG_WORTH_A_WORD_MS {
        FitnessStatus::Warn
    } else {
        FitnessStatus::Ok
    };
    Some(row(check, Some(phase), status, Measure::ms(value, limit_ms)))
}

fn late_starts(phase: &Phase, lag: &Latency) -> Option<FitnessRow> {
    let late = Measure::share(lag.share_above(LATE_MS)?, LATE_SHARE);
    Some(row(FitnessCheck::LateStarts, Some(phase), late.above(), late))
}

/// Messages that can be composed only for their session delay it, and all others of the worker.
fn late_rendering(phase: &Phase, rendering: &Latency) -> Option<FitnessRow> {
    let mean = Measure::ms(rendering.measured()?.mean() / 1000.0, RENDERING_WORTH_A_WORD_MS);
    Some(row(FitnessCheck::LateRendering, Some(phase), mean.above(), mean))
}

#[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^52")]
fn achieved(phase: &Phase, started: u64, planned: u64) -> Option<FitnessRow> {
    let value = (planned > 0).then(|| started as f64 / planned as f64)?;
    let achieved = Measure::share(value, ACHIEVED);
    Some(row(FitnessCheck::Achieved, Some(phase), achieved.below(), achieved))
}

fn cpu_rows(phase: &Phase, span: PhaseSpan, loads: &[WorkerLoad]) -> Vec<FitnessRow> {
    let Some(load) = loads.iter().find(|load| load.phase == span.phase && load.seconds > 0.0)
    else {
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
        row(FitnessCheck::WorkerBusy, Some(phase), status, busy),
        row(FitnessCheck::WorkerCpu, Some(phase), cpu.above(), cpu),
    ]
}

fn machine_rows(phase: &Phase, load: &MachineLoad) -> Vec<FitnessRow> {
    let cpu = load.cpu.map(|cpu| Measure::share(cpu, HOST_WORTH_A_WORD));
    let cpu = cpu.map(|cpu| row(FitnessCheck::HostCpu, Some(phase), cpu.above(), cpu));
    let stalls = Measure::count(load.stalls, 0);
    let longest = Measure::ms(load.longest_stall_ms, GRAVE_STALL_MS);
    cpu.into_iter()
        .chain([
            row(FitnessCheck::Stalls, Some(phase), stalls.above(), stalls),
            row(FitnessCheck::LongestStall, Some(phase), longest.at_least(), longest),
        ])
        .collect()
}

/// By how many messages the sums of the whole run are off.
fn conservation(results: &Results<'_>) -> FitnessRow {
    let off = conserved(&results.all()).err().map_or(0, Broken::difference);
    let off = Measure::count(off, 0);
    row(FitnessCheck::Conservation, None, off.above(), off)
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

    /// Worth a word where the value reaches the limit.
    fn at_least(self) -> FitnessStatus {
        if self.value >= self.limit { FitnessStatus::Warn } else { FitnessStatus::Ok }
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

fn row(
    check: FitnessCheck,
    phase: Option<&Phase>,
    status: FitnessStatus,
    measure: Measure,
) -> FitnessRow {
    FitnessRow {
        check: check.name().to_owned(),
        phase: phase.map(|phase| phase.name.clone()),
        status,
        value: measure.value,
        limit: measure.limit,
        unit: measure.unit.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::plan::PhaseId;
    use crate::record::specimen::{
        CLOSED, OPEN, WARM_UP, addresses, both, key, ledger, messages, plan, spans,
    };
    use crate::record::{Cell, CellKey};

    fn checked(cells: Vec<(CellKey, Cell)>, loads: &[WorkerLoad]) -> Vec<FitnessRow> {
        let plan = plan();
        let (spans, addresses, ledger) = (spans(), addresses(), ledger(&plan, cells));
        let results =
            Results { plan: &plan, ledger: &ledger, spans: &spans, addresses: &addresses };
        fitness(&results, loads, &[])
    }

    fn on_machine(machine: MachineLoad) -> Vec<FitnessRow> {
        let plan = plan();
        let (spans, addresses, ledger) = (spans(), addresses(), ledger(&plan, Vec::new()));
        let results =
            Results { plan: &plan, ledger: &ledger, spans: &spans, addresses: &addresses };
        fitness(&results, &[], &[machine])
    }

    fn idle(phase: PhaseId) -> MachineLoad {
        MachineLoad { phase, cpu: Some(0.1), stalls: 0, longest_stall_ms: 0.0 }
    }

    fn status(rows: &[FitnessRow], check: &str, phase: &str) -> Option<FitnessStatus> {
        rows.iter()
            .find(|row| row.check == check && row.phase.as_deref() == Some(phase))
            .map(|row| row.status)
    }

    /// Messages of the open phase, all answered after `response` ms, of which `late` began
    /// `lag` ms late.
    fn open(count: u64, response: u64, late: u64, lag: u64) -> Vec<(CellKey, Cell)> {
        let mut cell = messages(count, Outcome::Accepted, response);
        for number in 0..count {
            let lag = if number < late { lag } else { 0 };
            cell.lag.record(Duration::from_millis(lag));
        }
        vec![(key(OPEN, 0, 0), cell)]
    }

    fn load(phase: PhaseId, busy_seconds: f64) -> WorkerLoad {
        WorkerLoad { phase, seconds: 100.0, busy_seconds, busiest: 0.5 }
    }

    #[test]
    fn lag_beyond_its_limit_is_invalid_only_where_it_matters_to_the_response() {
        let table = [
            (2000, 20, 30, 11, FitnessStatus::Invalid),
            (2000, 200, 30, 11, FitnessStatus::Ok),
            (2000, 20, 30, 5, FitnessStatus::Warn),
            (2000, 20, 30, 1, FitnessStatus::Ok),
            (2000, 20, 15, 1000, FitnessStatus::Ok),
        ];
        for (count, response, late, lag, expected) in table {
            let rows = checked(open(count, response, late, lag), &[]);
            let case = format!("{late} of {count} late by {lag} ms, response {response} ms");
            assert_eq!(status(&rows, "lag_p99", "open"), Some(expected), "{case}");
        }
    }

    #[test]
    fn a_few_late_starts_among_few_say_nothing_but_ten_do() {
        let few = checked(open(100, 1, 9, 50), &[]);
        let ten = checked(open(100, 1, 11, 50), &[]);

        assert_eq!(status(&few, "lag_p90", "open"), Some(FitnessStatus::Ok));
        assert_eq!(status(&ten, "lag_p90", "open"), Some(FitnessStatus::Invalid));
    }

    #[test]
    fn the_check_bears_the_name_of_the_percentile_that_the_starts_allow() {
        let table = [
            (19, None),
            (20, Some("lag_p50")),
            (99, Some("lag_p50")),
            (100, Some("lag_p90")),
            (200, Some("lag_p95")),
            (999, Some("lag_p95")),
            (1000, Some("lag_p99")),
        ];
        for (count, expected) in table {
            let rows = checked(open(count, 1, count, 50), &[]);
            let lags: Vec<&FitnessRow> =
                rows.iter().filter(|row| row.check.starts_with("lag_")).collect();
            let names: Vec<&str> = lags.iter().map(|row| row.check.as_str()).collect();
            assert_eq!(names, expected.into_iter().collect::<Vec<_>>(), "{count}");
            assert!(lags.iter().all(|row| row.status == FitnessStatus::Invalid), "{count}");
        }
    }

    #[test]
    fn too_few_starts_for_a_median_are_told_as_late_all_the_same() {
        let rows = checked(open(19, 1, 19, 50), &[]);

        assert_eq!(status(&rows, "late_starts", "open"), Some(FitnessStatus::Warn));
    }

    #[test]
    fn more_than_one_late_start_in_twenty_is_worth_a_word() {
        let rows = |late| checked(open(100, 1000, late, 15), &[]);

        assert_eq!(status(&rows(5), "late_starts", "open"), Some(FitnessStatus::Ok));
        assert_eq!(status(&rows(6), "late_starts", "open"), Some(FitnessStatus::Warn));
    }

    #[test]
    fn a_busy_worker_is_invalid_in_the_open_model_and_a_warning_in_the_closed() {
        let loads = [load(WARM_UP, 100.0), load(OPEN, 6.0), load(CLOSED, 6.0)];

        let over = checked(Vec::new(), &loads);
        let under = checked(Vec::new(), &[load(OPEN, 5.0)]);

        assert_eq!(status(&over, "worker_busy", "open"), Some(FitnessStatus::Invalid));
        assert_eq!(status(&over, "worker_busy", "closed"), Some(FitnessStatus::Warn));
        assert_eq!(status(&over, "worker_busy", "warm-up"), None);
        assert_eq!(status(&under, "worker_busy", "open"), Some(FitnessStatus::Ok));
    }

    #[test]
    fn a_worker_above_four_fifths_of_its_core_is_worth_a_word() {
        let rows = checked(Vec::new(), &[WorkerLoad { busiest: 0.81, ..load(OPEN, 0.0) }]);

        assert_eq!(status(&rows, "worker_cpu", "open"), Some(FitnessStatus::Warn));
        assert_eq!(status(&rows, "worker_busy", "open"), Some(FitnessStatus::Ok));
    }

    #[test]
    fn a_machine_that_is_nearly_used_up_is_worth_a_word_in_either_model() {
        for (phase, name) in [(OPEN, "open"), (CLOSED, "closed")] {
            let rows = |cpu| on_machine(MachineLoad { cpu, ..idle(phase) });
            let told = |cpu| status(&rows(cpu), "host_cpu", name);

            assert_eq!(told(Some(0.81)), Some(FitnessStatus::Warn), "{name}");
            assert_eq!(told(Some(0.8)), Some(FitnessStatus::Ok), "{name}");
            assert_eq!(told(None), None, "{name}: never looked at");
        }
        assert_eq!(on_machine(idle(WARM_UP)).len(), 1, "warm-ups are not checked");
    }

    #[test]
    fn stalls_are_told_by_their_count_and_gravely_from_100_ms_on() {
        let stalled = |stalls, longest_stall_ms| {
            let rows = on_machine(MachineLoad { stalls, longest_stall_ms, ..idle(OPEN) });
            (status(&rows, "stalls", "open"), status(&rows, "longest_stall", "open"))
        };
        let (ok, warn) = (Some(FitnessStatus::Ok), Some(FitnessStatus::Warn));

        assert_eq!(stalled(0, 0.0), (ok, ok));
        assert_eq!(stalled(3, 99.9), (warn, ok));
        assert_eq!(stalled(1, 100.0), (warn, warn));
    }

    #[test]
    fn dropped_starts_and_local_failures_warn() {
        let mut cell = both(messages(90, Outcome::Accepted, 1), &messages(1, Outcome::Local, 1));
        cell.messages.planned += 9;
        cell.messages.dropped += 9;

        let rows = checked(vec![(key(OPEN, 0, 0), cell)], &[]);

        assert_eq!(status(&rows, "achieved", "open"), Some(FitnessStatus::Warn));
        assert_eq!(status(&rows, "local_failures", "open"), Some(FitnessStatus::Warn));
        assert_eq!(rows.last().map(|row| row.status), Some(FitnessStatus::Ok), "sums hold");
    }

    #[test]
    fn messages_composed_late_are_told_where_there_are_any() {
        let rendered = |micros| {
            let mut cell = messages(1, Outcome::Accepted, 1);
            cell.rendering.record(Duration::from_micros(micros));
            checked(vec![(key(CLOSED, 0, 0), cell)], &[])
        };

        let none = checked(vec![(key(CLOSED, 0, 0), messages(1, Outcome::Accepted, 1))], &[]);

        assert_eq!(status(&none, "late_rendering", "closed"), None);
        assert_eq!(status(&rendered(900), "late_rendering", "closed"), Some(FitnessStatus::Ok));
        assert_eq!(status(&rendered(1100), "late_rendering", "closed"), Some(FitnessStatus::Warn));
    }

    #[test]
    fn sums_that_do_not_hold_are_told_with_their_difference() {
        let mut cell = messages(10, Outcome::Accepted, 1);
        cell.messages.planned += 3;

        let rows = checked(vec![(key(WARM_UP, 0, 0), cell)], &[]);

        let row = rows.last().unwrap();
        assert_eq!((row.check.as_str(), row.status), ("conservation", FitnessStatus::Warn));
        assert!((row.value - 3.0).abs() < f64::EPSILON);
    }
}
