//! Thresholds × results → a row for each, with its value.
//!
//! A percentile is judged on the histogram's value even where fewer than 10 samples lie above it
//! and the table shows it as not known: a check that is never judged would always hold. The row
//! says so in `few_samples`. A percentile or maximum that falls among messages without an answer,
//! dropped ones too, and a mean with any of them in it, never holds, whichever way it is compared,
//! for nobody knows it.

use crate::plan::{Load, Metric, NoData, PhaseId, Scope, Threshold};
use crate::record::{Extent, Portion, Results, ThresholdRow, ratio};

use super::WorkerLoad;
use super::evidence::{Evidence, Finding, Value};
use super::words::blank_row;

/// Judges thresholds, each in its phase or, without one, over everything but warm-ups. Of one with
/// a window nothing is known from sums: it is as if there had been nothing to measure, until
/// [`super::LiveThresholds::amend`] puts in what was seen second by second.
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
    let finding = match threshold.metric {
        _ if threshold.window.is_some() => Finding::of(None),
        Metric::RateAchieved => rate_achieved(extent, threshold.scope.as_ref(), results),
        _ => find(&threshold.metric, &portion, busiest(extent, results, loads)),
    };
    let (value, holds) = match finding.value {
        Value::Taken(value) => (Some(value), threshold.op.holds(value, threshold.limit)),
        Value::Unanswered => (None, false),
        Value::NeverTaken => (None, threshold.no_data == NoData::Pass),
    };
    let few_samples = finding.few_samples;
    ThresholdRow { value, holds, few_samples, ..blank_row(threshold, phase) }
}

/// Started by planned in the phases that have a rate; in a closed phase both are always equal.
fn rate_achieved(extent: Extent, scope: Option<&Scope>, results: &Results<'_>) -> Finding {
    let open = results.begun(extent).filter(|(_, phase)| matches!(phase.load, Load::Open { .. }));
    let counts =
        open.map(|(span, _)| results.portion(Extent::Phase(span.phase), scope).cell.starts());
    let sums = counts.fold((0, 0), |sums, starts| (sums.0 + starts.0, sums.1 + starts.1));
    share(sums.0, sums.1)
}

fn find(metric: &Metric, portion: &Portion, busiest: Option<f64>) -> Finding {
    let cell = &portion.cell;
    match metric {
        Metric::MessageErrors => Finding::of(cell.messages.errors_share()),
        Metric::SessionErrors => share(cell.sessions.failed, cell.sessions.started),
        Metric::Throughput => Finding::of(portion.accepted_per_s()),
        Metric::GeneratorCpu => Finding::of(busiest),
        Metric::Message(_)
        | Metric::Session(_)
        | Metric::Step(..)
        | Metric::MessageCount
        | Metric::RateAchieved
        | Metric::CodeShare(_)
        | Metric::CaseFindings => {
            let mut evidence = Evidence::none(metric);
            evidence.add_counts(metric, cell);
            evidence.add_times(metric, cell);
            evidence.finding(metric, portion.length)
        }
    }
}

/// The share of its core that the busiest worker used in the phases of an extent; a scope does
/// not narrow it.
fn busiest(extent: Extent, results: &Results<'_>, loads: &[WorkerLoad]) -> Option<f64> {
    loads
        .iter()
        .filter(|load| load.seconds > 0.0 && results.ledger.includes(extent, load.phase))
        .map(|load| load.busiest)
        .reduce(f64::max)
}

fn share(part: u64, whole: u64) -> Finding {
    Finding::of(ratio(part, whole))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::plan::{Action, Op, Plan, Stat};
    use crate::record::specimen::{
        CLOSED, OPEN, WARM_UP, addresses, both, key, ledger, messages, plan, spans,
    };
    use crate::record::{Cell, CellKey};
    use crate::smtp::{CaseEnd, Code, Outcome, Step};

    fn threshold(metric: Metric, op: Op, limit: f64) -> Threshold {
        Threshold {
            text: "check".to_owned(),
            metric,
            scope: None,
            op,
            limit,
            window: None,
            lasting: Duration::ZERO,
            action: Action::Fail,
            no_data: NoData::Fail,
        }
    }

    fn judged(
        cells: Vec<(CellKey, Cell)>,
        phase: Option<PhaseId>,
        threshold: &Threshold,
    ) -> ThresholdRow {
        judged_in(&plan(), cells, phase, threshold)
    }

    fn judged_in(
        plan: &Plan,
        cells: Vec<(CellKey, Cell)>,
        phase: Option<PhaseId>,
        threshold: &Threshold,
    ) -> ThresholdRow {
        let (spans, addresses, ledger) = (spans(), addresses(), ledger(plan, cells));
        let results = Results { plan, ledger: &ledger, spans: &spans, addresses: &addresses };
        let loads = [(WARM_UP, 0.99), (OPEN, 0.5), (CLOSED, 0.7)].map(|(phase, busiest)| {
            WorkerLoad { phase, seconds: 10.0, busy_seconds: 0.0, busiest }
        });
        judge(&[(phase, threshold)], &results, &loads).remove(0)
    }

    /// 90 accepted after 10 ms and 10 temporary after 1 s in the open phase, 100 accepted after
    /// 50 ms in the closed one, and a warm-up in which everything failed.
    fn cells() -> Vec<(CellKey, Cell)> {
        let mut temporary = messages(10, Outcome::Temporary, 1000);
        temporary.codes.insert(Code::new(450).unwrap(), 10);
        temporary.sessions.started = 8;
        temporary.sessions.failed = 2;
        let mut open = both(messages(90, Outcome::Accepted, 10), &temporary);
        open.messages.planned += 100;
        open.messages.dropped += 100;
        vec![
            (key(WARM_UP, 0, 0), messages(50, Outcome::Permanent, 1)),
            (key(OPEN, 0, 0), open),
            (key(CLOSED, 1, 0), messages(100, Outcome::Accepted, 50)),
        ]
    }

    #[test]
    fn each_metric_has_its_value() {
        let table = [
            (Metric::Message(Stat::Percentile(90.0)), 10.0),
            (Metric::Message(Stat::Percentile(99.9)), 1000.0),
            (Metric::Message(Stat::Max), 1000.0),
            (Metric::Message(Stat::Mean), 109.0),
            (Metric::MessageErrors, 0.1),
            (Metric::SessionErrors, 0.25),
            (Metric::MessageCount, 100.0),
            (Metric::RateAchieved, 0.5),
            (Metric::Throughput, 9.0),
            (Metric::CodeShare("4xx".parse().unwrap()), 0.1),
            (Metric::GeneratorCpu, 0.5),
        ];
        for (metric, expected) in table {
            let row = judged(cells(), Some(OPEN), &threshold(metric.clone(), Op::AtMost, 1e9));
            let value = row.value.unwrap();
            assert!((value - expected).abs() <= expected * 0.001, "{metric:?}: {value}");
            assert!(row.holds, "{metric:?}");
        }
    }

    #[test]
    fn findings_are_counted_in_their_scope_and_not_known_where_no_case_was_played() {
        let case = crate::smtp::CaseId::all().next().unwrap();
        let mut rude = Cell::default();
        let ended = rude.cases.entry(case).or_default();
        (ended.planned, ended.started) = (5, 5);
        ended.ended[CaseEnd::Finding.index()] = 2;
        ended.ended[CaseEnd::Right.index()] = 3;
        let cells = vec![(key(OPEN, 1, 0), rude), (key(OPEN, 0, 0), Cell::default())];
        let mut check = threshold(Metric::CaseFindings, Op::AtMost, 0.0);

        let row = judged(cells.clone(), Some(OPEN), &check);
        let other_phase = judged(cells.clone(), Some(CLOSED), &check);
        check.scope = Some(Scope::Client("app".to_owned()));
        let other_client = judged(cells, None, &check);

        assert_eq!((row.value, row.holds), (Some(2.0), false));
        assert_eq!((other_phase.value, other_phase.holds), (None, false));
        assert_eq!((other_client.value, other_client.holds), (None, false));
    }

    #[test]
    fn without_a_phase_everything_but_warm_ups_counts() {
        let errors = judged(cells(), None, &threshold(Metric::MessageErrors, Op::Less, 0.06));
        let cpu = judged(cells(), None, &threshold(Metric::GeneratorCpu, Op::Less, 0.8));

        assert_eq!((errors.value, errors.holds, errors.phase), (Some(0.05), true, None));
        assert_eq!((cpu.value, cpu.holds), (Some(0.7), true));
    }

    #[test]
    fn a_scope_narrows_to_a_client_a_target_or_an_address() {
        for (scope, expected) in [
            (Scope::Client("app".to_owned()), 100.0),
            (Scope::Target("other".to_owned()), 100.0),
            (Scope::Address("[::1]:25".to_owned()), 100.0),
            (Scope::Address("127.0.0.2:25".to_owned()), 0.0),
        ] {
            let mut check = threshold(Metric::MessageCount, Op::Greater, 50.0);
            check.scope = Some(scope.clone());
            let row = judged(cells(), None, &check);
            assert_eq!((row.value, row.holds), (Some(expected), expected > 50.0), "{scope:?}");
        }
    }

    #[test]
    fn a_threshold_that_only_warns_is_judged_like_all_others() {
        let mut check = threshold(Metric::MessageErrors, Op::Less, 0.01);
        check.action = Action::Warn;

        let row = judged(cells(), Some(WARM_UP), &check);

        assert_eq!((row.holds, row.action.as_str()), (false, "warn"));
    }

    #[test]
    fn a_percentile_among_messages_without_an_answer_never_holds() {
        let cells =
            both(messages(90, Outcome::Accepted, 10), &messages(10, Outcome::TimedOut, 30_000));
        for op in [Op::Less, Op::Greater] {
            for (stat, known) in [
                (Stat::Percentile(90.0), Some(10.007)),
                (Stat::Percentile(95.0), None),
                (Stat::Max, None),
            ] {
                let check = threshold(Metric::Message(stat), op, 10_000.0);
                let row = judged(vec![(key(OPEN, 0, 0), cells.clone())], Some(OPEN), &check);
                assert_eq!(row.value, known, "{stat:?}");
                assert_eq!(row.holds, known.is_some() && op == Op::Less, "{stat:?} {op:?}");
            }
        }
    }

    #[test]
    fn a_mean_with_messages_without_an_answer_in_it_never_holds() {
        for outcome in [Outcome::TimedOut, Outcome::Ambiguous] {
            let cells = both(messages(9_999, Outcome::Accepted, 10), &messages(1, outcome, 20));
            for (op, limit) in [(Op::Less, 1000.0), (Op::Greater, 1.0)] {
                let check = threshold(Metric::Message(Stat::Mean), op, limit);
                let row = judged(vec![(key(OPEN, 0, 0), cells.clone())], Some(OPEN), &check);
                assert_eq!((row.value, row.holds), (None, false), "{outcome} {op:?}");
            }
        }
    }

    #[test]
    fn what_dropped_starts_decide_never_holds() {
        let mut cell = messages(60, Outcome::Accepted, 10);
        for _ in 0..60 {
            cell.response.record_dropped();
        }
        for stat in [Stat::Percentile(51.0), Stat::Percentile(99.0), Stat::Max, Stat::Mean] {
            let mut check = threshold(Metric::Message(stat), Op::Less, 1000.0);
            check.no_data = NoData::Pass;
            let row = judged(vec![(key(OPEN, 0, 0), cell.clone())], Some(OPEN), &check);
            assert_eq!((row.value, row.holds), (None, false), "{stat:?}");
        }
    }

    #[test]
    fn the_rate_achieved_is_that_of_open_phases_that_count() {
        let half = || {
            let mut cell = messages(50, Outcome::Accepted, 10);
            cell.messages.planned += 50;
            cell.messages.dropped += 50;
            cell
        };
        let cells = vec![
            (key(WARM_UP, 0, 0), messages(1000, Outcome::Accepted, 10)),
            (key(OPEN, 0, 0), half()),
            (key(CLOSED, 0, 0), messages(1000, Outcome::Accepted, 10)),
        ];

        // A warm-up with a rate, all of which was achieved.
        let mut plan = plan();
        plan.phases[WARM_UP.index()].load = plan.phases[OPEN.index()].load;

        let check = threshold(Metric::RateAchieved, Op::AtLeast, 0.99);
        let row = judged_in(&plan, cells, None, &check);

        assert_eq!((row.value, row.holds), (Some(0.5), false));
    }

    #[test]
    fn of_a_window_sums_say_nothing() {
        for (no_data, holds) in [(NoData::Fail, false), (NoData::Pass, true)] {
            let mut check = threshold(Metric::MessageCount, Op::Greater, 1.0);
            (check.window, check.no_data) = (Some(Duration::from_secs(3)), no_data);

            let row = judged(cells(), Some(OPEN), &check);

            assert_eq!((row.value, row.holds, row.window_s), (None, holds, Some(3)));
        }
    }

    #[test]
    fn few_samples_are_judged_and_marked() {
        let check = threshold(Metric::Message(Stat::Percentile(99.0)), Op::Less, 20.0);

        let row = judged(cells(), Some(OPEN), &check);

        assert_eq!((row.holds, row.few_samples), (false, true));
        assert!(row.value.is_some());
    }

    #[test]
    fn a_value_that_was_never_taken_means_what_the_plan_says() {
        for metric in [
            Metric::Session(Stat::Max),
            Metric::Step(Step::Mail, Stat::Mean),
            Metric::MessageErrors,
            Metric::SessionErrors,
            Metric::RateAchieved,
            Metric::CodeShare("250".parse().unwrap()),
        ] {
            for (no_data, holds) in [(NoData::Fail, false), (NoData::Pass, true)] {
                let mut check = threshold(metric.clone(), Op::AtLeast, 0.0);
                check.no_data = no_data;
                let row = judged(Vec::new(), Some(OPEN), &check);
                assert_eq!((row.value, row.holds), (None, holds), "{metric:?} {no_data:?}");
            }
        }
    }

    #[test]
    fn the_thresholds_of_phases_come_before_those_of_the_run() {
        let mut plan = plan();
        plan.thresholds = vec![threshold(Metric::MessageErrors, Op::Less, 0.1)];
        plan.phases[OPEN.index()].thresholds = vec![threshold(Metric::MessageCount, Op::Less, 0.1)];
        plan.phases[CLOSED.index()].thresholds = plan.thresholds.clone();
        let (spans, addresses, ledger) = (spans(), addresses(), ledger(&plan, Vec::new()));
        let results =
            Results { plan: &plan, ledger: &ledger, spans: &spans[..2], addresses: &addresses };

        let listed = thresholds_of(&results);

        let phases: Vec<Option<PhaseId>> = listed.iter().map(|(phase, _)| *phase).collect();
        assert_eq!(phases, [Some(OPEN), None], "the closed phase never began");
    }
}
