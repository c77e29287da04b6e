//! Servers whose answers are known by a formula → whether the figures come out (V1-V6, V9).
//!
//! Worker, server and collector are futures of one thread under a paused clock. A millisecond of a
//! case is 20 of that clock, because tokio's timers tick at 1 ms: so all times of these cases are
//! whole ticks, none is rounded, and a percentile must lie in the very bucket of the histogram in
//! which the formula has it.

mod queue;
mod silence;
mod slow;
mod stall;

use super::*;
use crate::record::{Extent, Figures, Ledger, Merger, PhaseSpan, Reading, Results, SpanEnd};

/// How many milliseconds of the paused clock are one of a case.
const SCALE: u32 = 20;
/// Longer than any case waits, in its milliseconds.
const NEVER: f64 = 100_000.0;

/// A time of a case, on the paused clock.
fn ms(of_the_case: f64) -> Duration {
    Duration::from_secs_f64(of_the_case / 1000.0) * SCALE
}

/// An open phase of so many evenly spread starts a second of the case.
fn open(per_second: f64, length_ms: f64) -> Phase {
    let load = Load::Open {
        rate: Curve::Linear {
            from: per_second / f64::from(SCALE),
            to: per_second / f64::from(SCALE),
        },
        arrival: Arrival::Even,
        max_in_flight: 10_000,
    };
    only(load, length_ms)
}

/// A closed phase of so many connections.
fn closed(connections: f64, length_ms: f64) -> Phase {
    only(steady(connections), length_ms)
}

fn only(load: Load, length_ms: f64) -> Phase {
    let mut phase = phase("a", load, None);
    phase.duration = Some(ms(length_ms));
    phase.drain = ms(NEVER);
    phase
}

/// One phase against the embedded server, whose clients wait as long as it takes.
fn case(phase: Phase, sink: SinkPlan) -> Plan {
    let mut plan = fixture::plan(vec![phase]);
    let timeouts = &mut plan.targets[0].timeouts;
    (timeouts.connect, timeouts.reply, timeouts.end_of_data) = (ms(NEVER), ms(NEVER), ms(NEVER));
    plan.sink = sink;
    plan
}

/// Runs a case against the embedded server.
async fn measure(plan: Plan) -> Answers {
    let server = Server::new(&plan.sink, plan.seed).unwrap();
    let dialer = Pipes { server: server.clone(), made: Rc::default(), panics_at: None };
    let answers = measure_at(plan, dialer).await;
    assert_eq!(server.counters().messages, answers.figures.messages.accepted);
    answers
}

/// Runs a case, and folds what the worker tells as every run does.
async fn measure_at(plan: Plan, dialer: impl Dialer) -> Answers {
    let plan = Arc::new(plan);
    let nowhere = SocketAddr::from(([127, 0, 0, 1], 1));
    let timeline = Arc::new(Timeline::new(&plan));
    let shared = Shared::new(Arc::clone(&plan), timeline, vec![vec![nowhere.into()]], 1);
    let identity = RunIdentity { id: 1, seed: plan.seed };
    let composer = Composer::new(&plan.messages, &plan.feeds, identity).unwrap();
    let (notes, told) = unbounded_channel();
    let (_order, ordered) = unbounded_channel();
    let working = work(Arc::new(shared), composer, dialer, notes, ordered);
    let both = async { tokio::join!(working, collect(&plan, told)) };
    let (worked, ledger) = LocalSet::new().run_until(both).await;
    worked.unwrap();
    let length = plan.phases[0].duration.unwrap();
    let span = PhaseSpan { phase: PhaseId(0), start: Duration::ZERO, length, end: SpanEnd::Time };
    let addresses = [vec![nowhere.to_string()]];
    let results = Results { plan: &plan, ledger: &ledger, spans: &[span], addresses: &addresses };
    let figures = results.totals();
    crate::record::conserved(&figures).unwrap();
    Answers { figures, cell: ledger.sum(Extent::All, |_| true) }
}

async fn collect(plan: &Plan, mut told: tokio::sync::mpsc::UnboundedReceiver<Note>) -> Ledger {
    let (mut merger, mut ledger) = (Merger::new(1), Ledger::new(plan));
    while let Some(note) = told.recv().await {
        match note {
            Note::Handover(handover) => {
                merger.add(handover).iter().for_each(|frame| ledger.fold(frame));
            }
            Note::Panicked(text) => panic!("a task panicked: {text}"),
            Note::FirstError(_) => {}
            Note::CountReached(_) | Note::FeedUsedUp(_) => panic!("no case has a count or a feed"),
        }
    }
    merger.finish().iter().for_each(|frame| ledger.fold(frame));
    ledger
}

/// What was measured in a case.
struct Answers {
    figures: Figures,
    cell: Cell,
}

/// Which of the two clocks of a message.
#[derive(Clone, Copy, Debug)]
enum Side {
    Response,
    Service,
}

impl Answers {
    fn times(&self, side: Side) -> &crate::record::Latency {
        match side {
            Side::Response => &self.cell.response,
            Side::Service => &self.cell.service,
        }
    }

    /// The percentiles are those of the formula, in the case's milliseconds, to the bucket.
    fn are(&self, case: &str, side: Side, expected: &[(f64, f64)]) {
        for (percent, expected) in expected {
            let what = format!("{side:?} p{percent}").to_lowercase();
            let measured = match self.times(side).percentile(*percent) {
                Some(Reading::Exactly(measured)) => measured,
                other => panic!("{case}: {what} is {other:?}"),
            };
            let measured = measured / f64::from(SCALE);
            row(case, &what, &format!("{expected} ms"), &format!("{measured:.3} ms"));
            assert!(same_bucket(measured, *expected), "{case}: {what} {measured}, not {expected}");
        }
    }

    /// The mean, which is taken from the middles of buckets: to the width of one.
    fn mean_is(&self, case: &str, expected: f64) {
        let mean = self.figures.response_ms.and_then(|times| times.mean).unwrap();
        let mean = mean / f64::from(SCALE);
        row(case, "response mean", &format!("{expected} ms"), &format!("{mean:.3} ms"));
        assert!((mean / expected - 1.0).abs() < 0.001, "{case}: the mean is {mean}");
    }

    /// The tester was never late: what is measured is the server's doing.
    fn were_never_late(&self) {
        let lag = self.cell.lag.measured().map_or(0, |lag| lag.max());
        assert_eq!(lag, 0, "µs of the paused clock");
    }
}

/// Whether two times of a case lie in one bucket of the histogram.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "times of a case are positive and far below 2^52 µs"
)]
fn same_bucket(measured: f64, expected: f64) -> bool {
    let micros = |ms: f64| (ms * f64::from(SCALE) * 1000.0).round() as u64;
    let mut buckets = hdrhistogram::Histogram::<u64>::new(3).unwrap();
    buckets.record(micros(NEVER)).unwrap();
    buckets.equivalent(micros(measured), micros(expected))
}

/// A line of the table that `--nocapture` shows.
#[expect(clippy::print_stdout, reason = "the table of docs/measurements.md is printed by tests")]
fn row(case: &str, what: &str, expected: &str, measured: &str) {
    println!("| {case} | {what} | {expected} | {measured} |");
}
