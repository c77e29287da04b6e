//! Frames with known contents → what is told of thresholds, and their rows.

use super::*;
use crate::plan::{ClientId, Op, Scope, Stat};
use crate::record::specimen::{
    CLOSED, OPEN, WARM_UP, addresses, both, frame, key, ledger, messages, plan,
};
use crate::record::{Cell, CellKey, Results, SpanEnd, Stint};
use crate::smtp::Outcome;
use crate::verdict::{judge, thresholds_of};

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// `message.p50 < 100ms`, at once, over so many seconds.
fn check(window: u64) -> Threshold {
    Threshold {
        text: "message.p50 < 100ms".to_owned(),
        metric: Metric::Message(Stat::Percentile(50.0)),
        scope: None,
        op: Op::Less,
        limit: 100.0,
        window: (window > 0).then(|| seconds(window)),
        lasting: Duration::ZERO,
        action: Action::Fail,
        no_data: NoData::Fail,
    }
}

fn errors(window: u64) -> Threshold {
    let metric = Metric::MessageErrors;
    Threshold { text: "message.errors < 10%".to_owned(), metric, limit: 0.1, ..check(window) }
}

/// The open phase from 10 s on, for so long, as it stands at a time.
fn span(phase: PhaseId, start: u64, length: u64, now: u64) -> Option<PhaseSpan> {
    let length = seconds(length).min(seconds(now.saturating_sub(start)));
    let span = PhaseSpan { phase, start: seconds(start), length, end: SpanEnd::Time };
    (start < now).then_some(span)
}

/// A run of phases (begin, length), whose cells a function gives for each second.
struct Run {
    plan: Plan,
    phases: Vec<(PhaseId, u64, u64)>,
    live: LiveThresholds,
    told: Vec<(u64, Crossed, Option<f64>)>,
    now: u64,
}

impl Run {
    /// The open phase alone, in seconds 10 to 20, with one threshold.
    fn of_phase(threshold: Threshold) -> Self {
        let mut plan = plan();
        plan.phases[OPEN.index()].thresholds = vec![threshold];
        Self::new(plan, vec![(OPEN, 10, 10)])
    }

    fn new(plan: Plan, phases: Vec<(PhaseId, u64, u64)>) -> Self {
        let live = LiveThresholds::new(&plan, &addresses());
        Self { plan, phases, live, told: Vec::new(), now: 0 }
    }

    fn spans(&self) -> Vec<PhaseSpan> {
        let spans = self.phases.iter().copied();
        spans.filter_map(|(phase, start, length)| span(phase, start, length, self.now)).collect()
    }

    fn second(&mut self, cells: Vec<(CellKey, Cell)>) {
        let frame = frame(self.now, cells);
        self.now += 1;
        for crossing in self.live.take(&frame, &self.plan, &self.spans()) {
            self.told.push((self.now, crossing.crossed, crossing.row.value));
        }
    }

    /// Seconds of the open phase with so many accepted after so long.
    fn open(mut self, each: impl IntoIterator<Item = (u64, u64)>) -> Self {
        while self.now < 10 {
            self.second(Vec::new());
        }
        for (count, millis) in each {
            let cells = vec![(key(OPEN, 0, 0), messages(count, Outcome::Accepted, millis))];
            self.second(if count == 0 { Vec::new() } else { cells });
        }
        self
    }

    fn turns(&self) -> Vec<(u64, Crossed)> {
        self.told.iter().map(|(at, turn, _)| (*at, *turn)).collect()
    }

    fn rows(&self) -> Vec<ThresholdRow> {
        let (spans, addresses, ledger) =
            (self.spans(), addresses(), ledger(&self.plan, Vec::new()));
        let results =
            Results { plan: &self.plan, ledger: &ledger, spans: &spans, addresses: &addresses };
        let listed = thresholds_of(&results);
        let mut rows = judge(&listed, &results, &[]);
        self.live.amend(&listed, &mut rows);
        rows
    }

    fn row(&self) -> ThresholdRow {
        self.rows().remove(0)
    }
}

fn near(value: Option<f64>, expected: f64) -> bool {
    value.is_some_and(|value| (value - expected).abs() <= expected * 0.001)
}

#[test]
fn a_window_breaks_as_soon_as_it_is_full_and_never_holds_again() {
    let run = Run::of_phase(check(3)).open([
        (1, 500),
        (1, 500),
        (1, 500),
        (9, 10),
        (9, 10),
        (9, 10),
        (9, 10),
    ]);

    let row = run.row();

    assert_eq!(run.turns(), [(13, Crossed::Broke), (14, Crossed::Recovered)]);
    assert_eq!((row.holds, row.broken_at_s, row.window_s), (false, Some(13.0), Some(3)));
    assert!(near(row.value, 500.0), "the worst while it was broken: {row:?}");
}

#[test]
fn what_was_broken_each_time_does_not_hold_however_short_that_was() {
    for threshold in [check(1), Threshold { window: None, ..check(1) }] {
        let threshold = Threshold { lasting: seconds(5), ..threshold };
        let run = Run::of_phase(threshold).open([(1, 500), (1, 500), (1, 500)]);

        let row = run.row();

        assert_eq!((run.told.len(), row.holds, row.broken_at_s), (0, false, None));
        assert_eq!(row.longest_broken_s, Some(2.0));
        assert!(row.window_s.is_none() || near(row.value, 500.0), "{row:?}");
    }
}

#[test]
fn of_two_equal_ones_only_one_ends_the_run() {
    let mut plan = plan();
    plan.phases[OPEN.index()].thresholds = vec![check(1), check(1)];
    let mut run = Run::new(plan, vec![(OPEN, 10, 10)]).open([(1, 500)]);
    run.live.abort(0);

    let aborted: Vec<bool> = run.rows().iter().map(|row| row.aborted).collect();

    assert_eq!(aborted, [true, false]);
}

#[test]
fn a_window_that_always_held_has_the_worst_of_its_values() {
    let run = Run::of_phase(check(1)).open([(1, 20), (1, 80), (1, 40)]);

    let row = run.row();

    assert_eq!((run.told.len(), row.holds, row.broken_at_s), (0, true, None));
    assert!(near(row.value, 80.0), "{row:?}");
}

#[test]
fn for_forgives_what_is_too_short_and_counts_without_a_pause() {
    let lasting = |pattern: &[u64]| {
        let threshold = Threshold { lasting: seconds(2), ..check(1) };
        Run::of_phase(threshold).open(pattern.iter().map(|millis| (1, *millis)))
    };

    let short = lasting(&[10, 500, 500, 10, 500, 500, 10, 10]);
    let long = lasting(&[10, 500, 500, 500, 10]);

    let row = short.row();
    assert_eq!((short.told.len(), row.holds), (0, true));
    assert_eq!((row.for_s, row.longest_broken_s), (Some(2), Some(1.0)));
    assert!(near(row.value, 500.0), "the worst, which is forgiven: {row:?}");
    assert_eq!(long.turns(), [(14, Crossed::Broke), (15, Crossed::Recovered)]);
    assert_eq!((long.row().holds, long.row().longest_broken_s), (false, Some(2.0)));
}

#[test]
fn for_does_not_run_on_while_the_phase_drains() {
    let threshold = Threshold { lasting: seconds(3), ..check(1) };
    let run = Run::of_phase(threshold).open([(1, 10); 9].into_iter().chain([(1, 500); 8]));

    assert_eq!((run.told.len(), run.row().holds), (0, true));
}

#[test]
fn stragglers_are_judged_beside_the_messages_that_started_with_them() {
    let mut run = Run::of_phase(errors(5)).open([(100, 10); 10]);
    for _ in 0..3 {
        run.second(vec![(key(OPEN, 0, 0), messages(10, Outcome::TimedOut, 30_000))]);
    }
    let held = run.row();
    for _ in 0..3 {
        run.second(vec![(key(OPEN, 0, 0), messages(10, Outcome::TimedOut, 30_000))]);
    }

    assert!(held.holds && near(held.value, 30.0 / 530.0), "{held:?}");
    assert_eq!(run.turns(), [(26, Crossed::Broke)]);
    assert!(near(run.row().value, 60.0 / 560.0), "{:?}", run.row());
}

#[test]
fn starts_are_counted_in_full_windows_and_not_in_the_drain() {
    for metric in [Metric::Throughput, Metric::MessageCount, Metric::RateAchieved] {
        let threshold =
            Threshold { metric: metric.clone(), op: Op::AtLeast, limit: 0.5, ..check(3) };
        let run = Run::of_phase(threshold).open([(9, 10); 10].into_iter().chain([(0, 0); 30]));
        assert_eq!((run.told.len(), run.row().holds), (0, true), "{metric:?}");
    }
}

#[test]
fn each_metric_has_its_value_in_a_window() {
    let mut second = both(messages(9, Outcome::Accepted, 20), &messages(1, Outcome::Temporary, 20));
    second.messages.planned += 10;
    second.messages.dropped += 10;
    second.codes.insert(crate::smtp::Code::new(450).unwrap(), 1);
    (second.sessions.started, second.sessions.opened, second.sessions.failed) = (4, 3, 1);
    second.session.record(Duration::from_millis(7));
    second.step(crate::smtp::Step::Mail).time.record(Duration::from_millis(3));
    let table = [
        (Metric::Message(Stat::Max), 20.0),
        (Metric::Session(Stat::Mean), 7.0),
        (Metric::Step(crate::smtp::Step::Mail, Stat::Max), 3.0),
        (Metric::MessageErrors, 0.1),
        (Metric::SessionErrors, 0.25),
        (Metric::MessageCount, 40.0),
        (Metric::RateAchieved, 0.5),
        (Metric::Throughput, 9.0),
        (Metric::CodeShare("4xx".parse().unwrap()), 0.1),
    ];
    for (metric, expected) in table {
        let threshold =
            Threshold { metric: metric.clone(), op: Op::AtMost, limit: 1e9, ..check(4) };
        let mut run = Run::of_phase(threshold).open([]);
        for _ in 0..8 {
            run.second(vec![(key(OPEN, 0, 0), second.clone())]);
        }
        assert!(near(run.row().value, expected), "{metric:?}: {:?}", run.row());
    }
}

#[test]
fn the_processor_is_that_of_the_busiest_worker_in_the_window() {
    let threshold = Threshold { metric: Metric::GeneratorCpu, limit: 0.8, ..check(2) };
    let mut run = Run::of_phase(threshold).open([]);
    for (second, used) in (10..20).zip([900, 100, 100, 700, 700, 100, 100, 100, 100, 100]) {
        let stint = |worker, used| Stint {
            worker,
            from: seconds(second),
            until: seconds(second + 1),
            used: Duration::from_millis(used),
        };
        let mut frame = frame(second, Vec::new());
        frame.stints = vec![stint(0, used), stint(1, 50)];
        run.now = second + 1;
        assert!(run.live.take(&frame, &run.plan, &run.spans()).is_empty());
    }

    assert!(near(run.row().value, 0.7), "{:?}", run.row());
}

#[test]
fn a_scope_narrows_a_window() {
    for (scope, expected) in [
        (Scope::Client("app".to_owned()), 10.0),
        (Scope::Client("bulk".to_owned()), 90.0),
        (Scope::Target("other".to_owned()), 90.0),
        (Scope::Address("127.0.0.2:25".to_owned()), 30.0),
    ] {
        let mut threshold = Threshold { scope: Some(scope.clone()), ..check(2) };
        threshold.metric = Metric::Message(Stat::Mean);
        let mut run = Run::of_phase(threshold);
        run.plan.phases[OPEN.index()].mix.choices.push((ClientId(1), 1.0));
        let mut run = run.open([]);
        let app = if matches!(scope, Scope::Address(_)) { (1, 30) } else { (0, 10) };
        for _ in 0..5 {
            run.second(vec![
                (key(OPEN, 0, app.0), messages(3, Outcome::Accepted, app.1)),
                (key(OPEN, 1, 0), messages(3, Outcome::Accepted, 90)),
            ]);
        }
        assert!(near(run.row().value, expected), "{scope:?}: {:?}", run.row());
    }
}

#[test]
fn a_window_that_was_never_full_means_what_the_plan_says() {
    for (no_data, holds) in [(NoData::Fail, false), (NoData::Pass, true)] {
        let mut run = Run::of_phase(Threshold { no_data, ..check(5) });
        run.phases = vec![(OPEN, 10, 3)];
        let run = run.open([(1, 500); 8]);

        let row = run.row();

        assert_eq!((row.value, row.holds, row.broken_at_s), (None, holds, None), "{no_data:?}");
    }
}

#[test]
fn a_window_in_which_nothing_ended_means_what_the_plan_says() {
    for (no_data, told) in [(NoData::Fail, vec![(15, Crossed::Broke)]), (NoData::Pass, vec![])] {
        let run = Run::of_phase(Threshold { no_data, ..check(3) }).open([
            (1, 10),
            (1, 10),
            (0, 0),
            (0, 0),
            (0, 0),
        ]);

        assert_eq!(run.turns(), told, "{no_data:?}");
        assert_eq!(run.row().holds, no_data == NoData::Pass);
    }
}

#[test]
fn a_phase_that_is_shorter_by_the_rounding_is_one_window() {
    let mut plan = plan();
    plan.phases[OPEN.index()].thresholds = vec![check(1)];
    let mut live = LiveThresholds::new(&plan, &addresses());
    let span = PhaseSpan {
        phase: OPEN,
        start: Duration::from_millis(300),
        length: Duration::from_millis(200),
        end: SpanEnd::Time,
    };
    let cells = vec![(key(OPEN, 0, 0), messages(1, Outcome::Accepted, 500))];

    let told = live.take(&frame(0, cells), &plan, &[span]);

    assert_eq!(told.len(), 1);
    assert!(near(told[0].row.value, 500.0), "{told:?}");
}

#[test]
fn without_a_window_all_that_ended_so_far_is_judged_each_second() {
    let threshold = Threshold { action: Action::Abort, ..errors(0) };
    let mut run = Run::of_phase(threshold).open([(80, 10)]);
    for _ in 0..2 {
        run.second(vec![(key(OPEN, 0, 0), messages(5, Outcome::Permanent, 1))]);
    }
    run.live.abort(0);

    let row = run.row();

    assert_eq!(run.turns(), [(13, Crossed::Broke)]);
    assert_eq!((row.holds, row.aborted, row.broken_at_s), (false, true, Some(13.0)));
    assert!(near(row.value, 10.0 / 90.0), "{row:?}");
}

#[test]
fn what_was_not_measured_so_far_is_not_broken_yet() {
    let threshold = Threshold { action: Action::Abort, ..check(0) };

    let run = Run::of_phase(threshold).open([(0, 0), (0, 0), (1, 10)]);

    assert_eq!(run.turns(), []);
}

#[test]
fn plan_wide_ones_look_at_all_phases_but_warm_ups_and_begin_anew_behind_a_pause() {
    let mut plan = plan();
    plan.thresholds = vec![errors(3)];
    let phases = vec![(WARM_UP, 0, 4), (OPEN, 4, 2), (CLOSED, 12, 4)];
    let mut run = Run::new(plan, phases);
    for second in 0..16 {
        let phase = match second {
            0..4 => WARM_UP,
            4..12 => OPEN,
            _ => CLOSED,
        };
        let failed = messages(2, Outcome::Permanent, 1);
        let is_sent = !(6..12).contains(&second);
        run.second(if is_sent { vec![(key(phase, 0, 0), failed)] } else { Vec::new() });
    }

    assert_eq!(run.turns(), [(15, Crossed::Broke)], "two seconds fill no window of three");
    assert_eq!(run.row().phase, None);
}

#[test]
fn a_percentile_among_messages_without_an_answer_breaks_and_has_no_value() {
    let mut run = Run::of_phase(check(2)).open([]);
    for _ in 0..2 {
        run.second(vec![(key(OPEN, 0, 0), messages(3, Outcome::TimedOut, 30_000))]);
    }

    assert_eq!(run.told, [(12, Crossed::Broke, None)]);
    assert_eq!((run.row().holds, run.row().few_samples), (false, true));
}

#[test]
fn thresholds_that_can_wait_for_the_end_are_not_watched() {
    let run = Run::of_phase(check(0)).open([(1, 500); 10]);

    assert_eq!(run.turns(), []);
    assert!(run.live.checks.is_empty());
}

#[test]
fn what_a_run_found_of_the_times_of_steps_is_taken_from_it() {
    let mut plan = plan();
    let metric = Metric::Step(crate::smtp::Step::Mail, Stat::Max);
    let windowed = Threshold { metric: metric.clone(), ..check(3) };
    let lasting = Threshold { metric, lasting: seconds(5), ..check(0) };
    plan.phases[OPEN.index()].thresholds = vec![windowed, lasting, errors(2)];
    let mut run = Run::new(plan.clone(), vec![(OPEN, 10, 10)]).open([]);
    let second = |took: u64| {
        let mut cell = messages(1, Outcome::Accepted, 10);
        cell.step(crate::smtp::Step::Mail).time.record(Duration::from_millis(took));
        vec![(key(OPEN, 0, 0), cell)]
    };
    let mut folder = LiveThresholds::of_folder(&plan, &addresses());
    let mut held_back = Vec::new();
    for took in [10, 10, 10, 10, 300, 10, 10, 10, 10, 10] {
        held_back.extend(second(took));
        run.second(second(took));
        let cells = if run.now == 20 { std::mem::take(&mut held_back) } else { Vec::new() };
        let mut frame = frame(run.now - 1, cells);
        frame.cells.dedup_by(|one, other| {
            one.0 == other.0 && {
                other.1.merge(&one.1);
                true
            }
        });
        assert!(folder.take(&frame, &plan, &run.spans()).iter().all(|it| it.check != 0));
    }
    let found = run.live.rows(&plan);

    folder.remember(&found, &plan);

    let rows = folder.rows(&plan);
    assert_eq!(rows[0], found[0]);
    assert_eq!((rows[0].holds, rows[0].broken_at_s), (false, Some(15.0)));
    assert_eq!((rows[1].broken_at_s, rows[1].longest_broken_s), (Some(20.0), Some(5.0)));
    assert_eq!(rows[2].broken_at_s, Some(12.0), "of messages the folder tells by itself");
}

#[test]
fn of_several_folders_the_worst_counts() {
    let mut plan = plan();
    let metric = Metric::Step(crate::smtp::Step::Mail, Stat::Max);
    plan.phases[OPEN.index()].thresholds = vec![Threshold { metric, ..check(3) }];
    let blank = LiveThresholds::new(&plan, &addresses()).rows(&plan).remove(0);
    let held = |value| ThresholdRow { value: Some(value), holds: true, ..blank.clone() };
    let broken =
        ThresholdRow { value: Some(120.0), holds: false, broken_at_s: Some(15.0), ..blank.clone() };
    let rows = [held(8.0), held(15.0), broken.clone(), held(3.0)];
    for (rows, expected) in
        [(&rows[..2], held(15.0)), (&rows[1..2], held(15.0)), (&rows[..], broken)]
    {
        let mut folder = LiveThresholds::of_folder(&plan, &addresses());
        for row in rows {
            folder.remember(std::slice::from_ref(row), &plan);
        }
        assert_eq!(folder.rows(&plan), [expected]);
    }
}
