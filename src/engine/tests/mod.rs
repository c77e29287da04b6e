//! The worker against the embedded server under a paused clock: no thread, no socket, exact times.

mod ahead;
mod answers;
mod large;
mod login;
mod pace;
mod rude;
mod search;
mod secure;
mod throttling;
mod used_up;

use std::cell::{Cell as Place, RefCell};
use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{
    AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader, BufStream, DuplexStream,
};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::task::LocalSet;
use tokio::time::Instant;

use super::{Change, Dialer, Note, Order, Route, ServerAddress, Shared, UsedUp, work, work_with};
use crate::message::{ClassId, Composer, CountRange, Form, RunIdentity};
use crate::plan::{
    AddressPool, Arrival, Begin, ClientId, Curve, Delay, Load, Phase, PhaseId, PhaseKind, Plan,
    SinkPlan, Stall,
};
use crate::record::{Cell, OpenPeaks, Stint};
use crate::sink::{Server, SinkCounters};
use crate::smtp::{Chunking, Outcome, Pipelining, Step};
use crate::timeline::{Timeline, fixture};

/// Connects to a server in the same thread; one connection may panic.
#[derive(Clone)]
struct Pipes {
    server: Server,
    made: Rc<Place<u32>>,
    panics_at: Option<u32>,
}

impl Dialer for Pipes {
    type Connection = DuplexStream;

    async fn connect(&self, _: &Route) -> io::Result<DuplexStream> {
        self.made.set(self.made.get() + 1);
        assert_ne!(Some(self.made.get()), self.panics_at, "a planted panic");
        let (near, far) = tokio::io::duplex(1 << 16);
        let server = self.server.clone();
        tokio::task::spawn_local(async move { server.attend(far).await });
        Ok(near)
    }
}

/// What came out of a run.
struct Outcomes {
    phases: BTreeMap<PhaseId, Cell>,
    sink: SinkCounters,
    took: Duration,
    reached: Vec<PhaseId>,
    used_up: Option<UsedUp>,
    peaks: Vec<u32>,
    open: OpenPeaks,
    panics: Vec<String>,
    stints: Vec<Stint>,
    /// By phase: the level of each second.
    levels: Vec<Vec<f64>>,
}

impl Outcomes {
    fn phase(&self, id: u16) -> &Cell {
        &self.phases[&PhaseId(id)]
    }

    fn ended(&self, id: u16, outcome: Outcome) -> u64 {
        self.phase(id).messages.of(outcome)
    }
}

fn seconds(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds)
}

/// Runs a plan with one worker; orders are sent at their time of the run's clock.
async fn run_with(plan: Plan, orders: Vec<(Duration, Change)>) -> Outcomes {
    let server = Server::new(&plan.sink, plan.seed).unwrap();
    let dialer = Pipes { server, made: Rc::default(), panics_at: None };
    LocalSet::new().run_until(run_here(plan, orders, dialer)).await
}

async fn run_here(plan: Plan, orders: Vec<(Duration, Change)>, dialer: Pipes) -> Outcomes {
    run_slowly(plan, orders, dialer, Duration::ZERO).await
}

/// Each message that is built apart takes so long.
async fn run_slowly(
    plan: Plan,
    orders: Vec<(Duration, Change)>,
    dialer: Pipes,
    each: Duration,
) -> Outcomes {
    let began = Instant::now();
    let server = dialer.server.clone();
    let identity = RunIdentity { id: 1, seed: plan.seed };
    let composer = Composer::new(&plan.messages, &plan.feeds, identity).unwrap();
    let timeline = Arc::new(Timeline::new(&plan));
    let nowhere = SocketAddr::from(([127, 0, 0, 1], 1));
    let shared = Arc::new(Shared::new(Arc::new(plan), timeline, vec![vec![nowhere.into()]], 1));
    let (notes, mut told) = unbounded_channel();
    let (order, ordered) = unbounded_channel();
    for (at, change) in orders {
        order.send(Order { at: began + at, change }).unwrap();
    }
    let work = work_with(Arc::clone(&shared), (composer, each), dialer, notes, ordered);
    let worker = tokio::task::spawn_local(work);
    let mut phases: BTreeMap<PhaseId, Cell> = BTreeMap::new();
    let mut reached = Vec::new();
    let mut panics = Vec::new();
    let mut stints = Vec::new();
    let mut peaks = vec![0; shared.plan.phases.len()];
    let mut levels = vec![Vec::new(); shared.plan.phases.len()];
    let mut open = OpenPeaks::default();
    while let Some(note) = told.recv().await {
        match note {
            Note::Handover(handover) => {
                stints.extend(handover.stints);
                open = open.max(handover.peaks);
                for gauge in &handover.gauges {
                    levels[gauge.phase.index()].push(gauge.level);
                    let peak = &mut peaks[gauge.phase.index()];
                    *peak = gauge.peak_open.max(*peak);
                }
                for (key, cell) in handover.cells {
                    phases.entry(key.phase).or_default().merge(&cell);
                }
            }
            Note::CountReached(phase) => {
                reached.push(phase);
                end_phase(&order, phase);
            }
            Note::FeedUsedUp(_) => {
                let at = Instant::now() + Duration::from_millis(200);
                order.send(Order { at, change: Change::Drain }).unwrap();
            }
            Note::FirstError(_) => {}
            Note::Panicked(text) => panics.push(text),
        }
    }
    worker.await.unwrap().unwrap();
    let (sink, took) = (server.counters(), began.elapsed());
    let used_up = shared.used_up();
    let outcomes =
        Outcomes { phases, sink, took, reached, used_up, peaks, open, panics, stints, levels };
    assert_conserved(&outcomes);
    outcomes
}

fn end_phase(orders: &UnboundedSender<Order>, phase: PhaseId) {
    let at = Instant::now() + Duration::from_millis(200);
    orders.send(Order { at, change: Change::EndPhase(phase) }).unwrap();
}

fn assert_conserved(outcomes: &Outcomes) {
    let mut accepted = 0;
    for (phase, cell) in &outcomes.phases {
        let messages = &cell.messages;
        assert_eq!(messages.planned, messages.started + messages.dropped, "{phase:?}");
        assert_eq!(messages.started, messages.ended.iter().sum::<u64>(), "{phase:?}");
        accepted += messages.of(Outcome::Accepted);
    }
    let unsure: u64 = outcomes
        .phases
        .values()
        .map(|cell| {
            let ours =
                cell.messages.of(Outcome::Ambiguous) + cell.messages.of(Outcome::Interrupted);
            // Some malformed cases are mail for a server all the same.
            ours + cell.cases.values().map(|case| case.started).sum::<u64>()
        })
        .sum();
    assert!(outcomes.sink.messages >= accepted && outcomes.sink.messages <= accepted + unsure);
}

async fn run(plan: Plan) -> Outcomes {
    let outcomes = run_with(plan, Vec::new()).await;
    assert_eq!(outcomes.panics, Vec::<String>::new());
    outcomes
}

fn phase(name: &str, load: Load, length: Option<f64>) -> Phase {
    Phase {
        name: name.to_owned(),
        kind: PhaseKind::Steady,
        begin: Begin::Start,
        load,
        duration: length.map(seconds),
        count: None,
        mix: fixture::only(ClientId(0)),
        max_connections: None,
        drain: seconds(10.0),
        warmup: false,
        fresh: false,
        thresholds: Vec::new(),
    }
}

fn steady(connections: f64) -> Load {
    Load::Closed { connections: Curve::Linear { from: connections, to: connections } }
}

fn rate(per_second: f64) -> Load {
    let rate = Curve::Linear { from: per_second, to: per_second };
    Load::Open { rate, arrival: Arrival::Even, max_in_flight: 2000 }
}

/// Phases one after another against a server that takes so long for each text.
fn plan(phases: Vec<Phase>, end_of_data: f64) -> Plan {
    let mut plan = fixture::plan(phases);
    for (id, phase) in plan.phases.iter_mut().enumerate().skip(1) {
        if phase.begin == Begin::Start {
            phase.begin = Begin::After(PhaseId(u16::try_from(id - 1).unwrap()));
        }
    }
    plan.sink = sink(end_of_data);
    plan
}

fn sink(end_of_data: f64) -> SinkPlan {
    let latency = vec![(Step::EndOfData, Delay::Constant(seconds(end_of_data)))];
    SinkPlan { latency, ..fixture::plan(Vec::new()).sink }
}

#[tokio::test(start_paused = true)]
async fn a_closed_phase_sends_as_fast_as_the_server_answers() {
    let outcomes = run(plan(vec![phase("a", steady(5.0), Some(10.0))], 0.1)).await;

    // Each of five connections ends a message every 100 ms.
    assert_eq!(outcomes.ended(0, Outcome::Accepted), 500);
    assert_eq!(outcomes.peaks, [5]);
    let service = outcomes.phase(0).service.measured().unwrap();
    assert!(service.equivalent(service.max(), 100_000), "{}", service.max());
}

#[tokio::test(start_paused = true)]
async fn a_worker_tells_its_processor_time_to_the_end_and_apart_for_each_phase() {
    let mut second = phase("b", steady(1.0), Some(0.7));
    second.begin = Begin::After(PhaseId(0));
    let outcomes = run(plan(vec![phase("a", rate(10.0), Some(0.8)), second], 0.1)).await;

    let stints = &outcomes.stints;
    assert_eq!(stints.first().unwrap().from, Duration::ZERO);
    assert!(stints.windows(2).all(|pair| pair[0].until == pair[1].from), "{stints:?}");
    // The last of it is no whole second: nobody could ask for it once the thread has ended.
    assert_eq!(stints.last().unwrap().until, outcomes.took);
    for change in [0.8, 1.0, 1.5] {
        let turns = stints
            .iter()
            .filter(|stint| stint.from < seconds(change) && stint.until > seconds(change + 0.01));
        assert_eq!(turns.count(), 0, "at {change}: {stints:?}");
    }
    assert!(stints.iter().any(|stint| !stint.used.is_zero()));
}

#[tokio::test(start_paused = true)]
async fn sessions_are_reused_up_to_their_quota() {
    let outcomes = run(plan(vec![phase("a", steady(1.0), Some(10.0))], 0.1)).await;

    let sessions = &outcomes.phase(0).sessions;
    assert_eq!(sessions.opened, 10, "100 messages, 10 for each session");
    assert_eq!(sessions.reused, 90);
    assert_eq!(outcomes.sink.connections, 10);
}

#[tokio::test(start_paused = true)]
async fn an_open_phase_starts_on_schedule_whatever_the_server_does() {
    let outcomes = run(plan(vec![phase("a", rate(100.0), Some(10.0))], 1.0)).await;

    let cell = outcomes.phase(0);
    assert_eq!(cell.messages.planned, 1000);
    assert_eq!(cell.messages.of(Outcome::Accepted), 1000);
    assert!(cell.lag.measured().unwrap().max() <= 1000, "a tick of the paused clock");
    assert!((100..=101).contains(&outcomes.peaks[0]), "{:?}", outcomes.peaks);
}

#[tokio::test(start_paused = true)]
async fn response_time_holds_the_waiting_for_a_session_and_service_time_does_not() {
    let mut plan = plan(vec![phase("a", rate(10.0), Some(4.0))], 0.5);
    plan.clients[0].max_connections = Some(1);
    plan.phases[0].drain = seconds(60.0);
    let outcomes = run(plan).await;

    let cell = outcomes.phase(0);
    assert_eq!(cell.messages.of(Outcome::Accepted), 40);
    assert_eq!(outcomes.peaks, [1]);
    assert!(cell.service.measured().unwrap().max() < 502_000);
    // The last of 40 starts comes at 4 s and ends at 20 s.
    assert!(cell.response.measured().unwrap().max() > 15_000_000);
    assert!(cell.wait.measured().unwrap().max() > 15_000_000);
    assert!(cell.lag.measured().unwrap().max() <= 2000, "waiting is not lag");
}

#[tokio::test(start_paused = true)]
async fn starts_beyond_the_limit_in_flight_are_dropped_and_counted() {
    let load = Load::Open {
        rate: Curve::Linear { from: 100.0, to: 100.0 },
        arrival: Arrival::Even,
        max_in_flight: 10,
    };
    let mut plan = plan(vec![phase("a", load, Some(5.0))], 1.0);
    plan.messages[0].classes = vec![ClassId(0)];
    plan.classes = vec!["spam".to_owned()];
    let outcomes = run(plan).await;

    let class = &outcomes.phase(0).classes[&ClassId(0)].messages;
    assert_eq!((class.planned, class.started, class.dropped), (500, 50, 450));
    assert_eq!(class.of(Outcome::Accepted), 50);
    let messages = &outcomes.phase(0).messages;
    assert_eq!(messages.planned, 500);
    // Ten at a time, each for a second.
    assert_eq!(messages.of(Outcome::Accepted), 50);
    assert_eq!(messages.dropped, 450);
    let response = &outcomes.phase(0).response;
    assert_eq!(response.censored().unwrap().len(), 450);
    assert!(response.has_dropped());
    let figures = response.figures().unwrap();
    assert_eq!((figures.mean, figures.mean_at_least, figures.p50_at_least), (None, None, None));
}

#[tokio::test(start_paused = true)]
async fn a_count_ends_a_closed_phase_to_the_message() {
    let mut counted = phase("a", steady(7.0), None);
    counted.count = Some(1234);
    let outcomes = run(plan(vec![counted, phase("b", rate(10.0), Some(1.0))], 0.05)).await;

    assert_eq!(outcomes.ended(0, Outcome::Accepted), 1234);
    assert_eq!(outcomes.reached, [PhaseId(0)]);
    assert_eq!(outcomes.ended(1, Outcome::Accepted), 10, "the next phase has begun");
}

#[tokio::test(start_paused = true)]
async fn the_next_phase_takes_over_the_sessions_that_it_needs() {
    let phases = vec![phase("a", steady(10.0), Some(5.0)), phase("b", steady(4.0), Some(5.0))];
    let mut plan = plan(phases, 0.1);
    plan.clients[0].messages_per_connection = CountRange::exactly(1_000_000);
    let outcomes = run(plan).await;

    assert_eq!(outcomes.sink.connections, 10);
    assert_eq!(outcomes.phase(0).sessions.opened, 10);
    assert_eq!(outcomes.phase(1).sessions.opened, 0);
    assert_eq!(outcomes.ended(1, Outcome::Accepted), 200);
}

#[tokio::test(start_paused = true)]
async fn sessions_that_go_over_to_the_next_phase_are_open_once() {
    let phases = vec![phase("a", steady(10.0), Some(5.3)), phase("b", steady(10.0), Some(5.0))];
    let mut plan = plan(phases, 0.1);
    plan.clients[0].messages_per_connection = CountRange::exactly(1_000_000);
    let outcomes = run(plan).await;

    assert_eq!(outcomes.peaks, [10, 10]);
    assert_eq!(outcomes.open, OpenPeaks { all: 10, counting: 10 });
}

#[tokio::test(start_paused = true)]
async fn the_sessions_of_phases_beside_each_other_are_open_together_and_warm_ups_stand_apart() {
    let mut phases = vec![
        phase("warm-up", steady(8.0), Some(2.3)),
        phase("a", steady(3.0), Some(4.0)),
        phase("beside", steady(4.0), Some(2.0)),
    ];
    phases[0].warmup = true;
    phases[2].begin = Begin::With(PhaseId(1), seconds(1.0));
    let mut plan = plan(phases, 0.1);
    plan.clients[0].messages_per_connection = CountRange::exactly(1_000_000);
    let outcomes = run(plan).await;

    assert_eq!(outcomes.peaks, [8, 3, 4]);
    assert_eq!(outcomes.open, OpenPeaks { all: 8, counting: 7 });
}

#[tokio::test(start_paused = true)]
async fn a_fresh_phase_takes_over_nothing() {
    let phases = vec![phase("a", steady(3.0), Some(5.0)), phase("b", steady(3.0), Some(5.0))];
    let mut plan = plan(phases, 0.1);
    plan.clients[0].messages_per_connection = CountRange::exactly(1_000_000);
    plan.phases[1].fresh = true;
    let outcomes = run(plan).await;

    assert_eq!(outcomes.sink.connections, 6);
}

#[tokio::test(start_paused = true)]
async fn a_pause_keeps_connections_open_and_sends_nothing() {
    let phases = vec![
        phase("a", steady(3.0), Some(2.0)),
        phase("rest", Load::Pause, Some(30.0)),
        phase("b", steady(3.0), Some(2.0)),
    ];
    let mut plan = plan(phases, 0.1);
    plan.clients[0].messages_per_connection = CountRange::exactly(1_000_000);
    let outcomes = run(plan).await;

    assert_eq!(outcomes.sink.connections, 3);
    assert!(!outcomes.phases.contains_key(&PhaseId(1)));
    assert_eq!(outcomes.ended(2, Outcome::Accepted), 60);
}

#[tokio::test(start_paused = true)]
async fn a_falling_level_retires_connections_and_a_rising_one_opens_them() {
    let ramp = |from, to| Load::Closed { connections: Curve::Linear { from, to } };
    let phases =
        vec![phase("up", ramp(1.0, 20.0), Some(10.0)), phase("down", ramp(20.0, 1.0), Some(10.0))];
    let mut plan = plan(phases, 0.1);
    plan.clients[0].messages_per_connection = CountRange::exactly(1_000_000);
    let outcomes = run(plan).await;

    assert_eq!(outcomes.sink.connections, 20);
    assert_eq!(outcomes.peaks, [20, 20]);
    let area = 10.5 * 10.0 * 10.0;
    for id in [0, 1] {
        #[expect(clippy::cast_precision_loss, reason = "a small count")]
        let accepted = outcomes.ended(id, Outcome::Accepted) as f64;
        assert!((accepted - area).abs() < 25.0, "{accepted} of {area}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_idle_session_of_the_open_model_leaves_after_five_seconds() {
    let outcomes = run(plan(vec![phase("a", rate(0.1), Some(40.0))], 0.0)).await;

    assert_eq!(outcomes.ended(0, Outcome::Accepted), 4);
    assert_eq!(outcomes.sink.connections, 4, "10 s lie between the starts");
}

#[tokio::test(start_paused = true)]
async fn what_a_server_never_answers_is_counted_when_the_drain_is_over() {
    let mut plan = plan(vec![phase("a", rate(10.0), Some(5.0))], 0.0);
    // From 2 s on the server stands still.
    plan.sink.stall = Some(Stall { every: seconds(1000.0), length: seconds(998.0) });
    plan.phases[0].drain = seconds(3.0);
    plan.targets[0].timeouts.connect = seconds(60.0);
    plan.targets[0].timeouts.reply = seconds(60.0);
    plan.targets[0].timeouts.end_of_data = seconds(60.0);
    let outcomes = run(plan).await;

    let cell = outcomes.phase(0);
    let accepted = cell.messages.of(Outcome::Accepted);
    assert!((19..=20).contains(&accepted), "{accepted}");
    assert_eq!(cell.messages.of(Outcome::TimedOut), 50 - accepted);
    assert_eq!(cell.response.censored().unwrap().len(), 50 - accepted);
    assert!(outcomes.took < seconds(9.0), "{:?}", outcomes.took);
}

#[tokio::test(start_paused = true)]
async fn a_reply_that_does_not_come_in_time_is_given_up_at_its_limit() {
    let mut plan = plan(vec![phase("a", steady(1.0), Some(20.0))], 5.0);
    plan.targets[0].timeouts.end_of_data = seconds(2.0);
    let outcomes = run(plan).await;

    let cell = outcomes.phase(0);
    assert_eq!(cell.messages.of(Outcome::Ambiguous), cell.messages.started);
    let age = cell.service.censored().unwrap();
    assert!(age.min() >= 1_999_000 && age.max() <= 2_060_000, "{} {}", age.min(), age.max());
}

#[tokio::test(start_paused = true)]
async fn after_an_order_to_drain_nothing_starts_and_everything_ends() {
    let phases = vec![phase("a", rate(100.0), Some(10.0)), phase("b", rate(100.0), Some(10.0))];
    let outcomes = run_with(plan(phases, 0.5), vec![(seconds(3.0), Change::Drain)]).await;

    assert_eq!(outcomes.ended(0, Outcome::Accepted), 300);
    assert!(!outcomes.phases.contains_key(&PhaseId(1)));
    assert!(outcomes.took < seconds(4.0), "{:?}", outcomes.took);
}

#[tokio::test(start_paused = true)]
async fn after_an_order_to_stop_what_is_in_flight_is_booked_as_interrupted() {
    let phases = vec![phase("a", rate(100.0), Some(10.0))];
    let outcomes = run_with(plan(phases, 0.5), vec![(seconds(3.0), Change::Stop)]).await;

    let cell = outcomes.phase(0);
    assert_eq!(cell.messages.of(Outcome::Interrupted), 50);
    assert_eq!(outcomes.took, seconds(3.0));
}

#[tokio::test(start_paused = true)]
async fn phases_beside_each_other_have_books_of_their_own() {
    let mut beside = phase("beside", steady(2.0), Some(3.0));
    beside.begin = Begin::With(PhaseId(0), seconds(2.0));
    beside.mix = fixture::only(ClientId(1));
    let outcomes = run(plan(vec![phase("a", rate(10.0), Some(10.0)), beside], 0.1)).await;

    assert_eq!(outcomes.ended(0, Outcome::Accepted), 100);
    assert_eq!(outcomes.ended(1, Outcome::Accepted), 60);
}

#[tokio::test(start_paused = true)]
async fn thinking_is_a_pause_between_the_messages_of_a_session() {
    let mut plan = plan(vec![phase("a", steady(2.0), Some(10.0))], 0.1);
    plan.clients[0].think = seconds(0.4);
    let outcomes = run(plan).await;

    // A new session does not think first: each ten messages take 10 × 0.1 + 9 × 0.4 seconds.
    assert_eq!(outcomes.ended(0, Outcome::Accepted), 2 * 22);
}

#[tokio::test(start_paused = true)]
async fn a_panic_is_told_and_booked_and_the_others_go_on() {
    let plan = plan(vec![phase("a", steady(2.0), Some(10.0))], 0.1);
    let server = Server::new(&plan.sink, plan.seed).unwrap();
    let dialer = Pipes { server, made: Rc::default(), panics_at: Some(3) };

    let outcomes = LocalSet::new().run_until(run_here(plan, Vec::new(), dialer)).await;

    assert_eq!(outcomes.panics.len(), 1);
    assert!(outcomes.panics[0].contains("a planted panic"), "{:?}", outcomes.panics);
    assert_eq!(outcomes.ended(0, Outcome::Local), 1);
    // The slot backs off for a moment, and then it is served again.
    let accepted = outcomes.ended(0, Outcome::Accepted);
    assert!((195..=200).contains(&accepted), "{accepted}");
}

#[tokio::test(start_paused = true)]
async fn messages_that_cannot_be_composed_do_not_stop_the_clock() {
    let mut plan = plan(vec![phase("a", steady(2.0), Some(1.0))], 0.01);
    // It reads well once, and fails for every later message.
    let text = "Subject: x\n\n{{ [1, 2][seq - 1] + 1 }}\n".to_owned();
    plan.messages[0].form = Form::Raw { text: text.into() };
    let outcomes = run(plan).await;

    assert!(outcomes.ended(0, Outcome::Local) > 100);
    assert!(outcomes.took < seconds(2.0), "{:?}", outcomes.took);
    let error = outcomes.phase(0).errors.values().next().unwrap();
    assert!(error.example.contains("template"), "{}", error.example);
}

#[tokio::test(start_paused = true)]
async fn an_order_to_stop_books_those_that_wait_for_a_session_too() {
    let mut plan = plan(vec![phase("a", rate(10.0), Some(10.0))], 1.0);
    plan.clients[0].max_connections = Some(2);
    let outcomes = run_with(plan, vec![(seconds(3.05), Change::Stop)]).await;

    let messages = &outcomes.phase(0).messages;
    assert_eq!(messages.started, 30);
    assert_eq!(messages.of(Outcome::Interrupted), 30 - messages.of(Outcome::Accepted));
}

#[tokio::test(start_paused = true)]
async fn a_reply_at_the_very_limit_harms_no_message_behind_it() {
    let mut plan = plan(vec![phase("a", steady(3.0), Some(30.0))], 2.0);
    plan.targets[0].timeouts.end_of_data = seconds(2.0);
    let outcomes = run(plan).await;

    let cell = outcomes.phase(0);
    assert_eq!(cell.messages.of(Outcome::TimedOut), 0);
    let ended = cell.messages.of(Outcome::Accepted) + cell.messages.of(Outcome::Ambiguous);
    assert_eq!(ended, cell.messages.started);
}

#[tokio::test(start_paused = true)]
async fn a_phase_without_a_drain_ends() {
    let mut plan = plan(vec![phase("a", rate(10.0), Some(2.0))], 0.0);
    plan.phases[0].drain = Duration::ZERO;
    let outcomes = run(plan).await;

    assert_eq!(outcomes.phase(0).messages.started, 20);
    assert!(outcomes.took < seconds(3.0), "{:?}", outcomes.took);
}

#[tokio::test(start_paused = true)]
async fn slots_that_starved_in_one_phase_leave_the_next_alone() {
    let phases = vec![phase("a", steady(20.0), Some(3.0)), phase("b", steady(10.0), Some(3.0))];
    let mut plan = plan(phases, 0.1);
    plan.clients[0].max_connections = Some(10);
    plan.phases[1].fresh = true;
    let outcomes = run(plan).await;

    assert!(outcomes.ended(1, Outcome::Accepted) > 250);
    assert_eq!(outcomes.peaks[0], 10);
}

#[tokio::test(start_paused = true)]
async fn the_limit_of_a_phase_holds_for_all_its_clients_together() {
    let mut plan = plan(vec![phase("a", rate(40.0), Some(5.0))], 0.5);
    plan.phases[0].max_connections = Some(4);
    plan.phases[0].mix.choices.push((ClientId(1), 1.0));
    plan.phases[0].drain = seconds(60.0);
    let outcomes = run(plan).await;

    assert_eq!(outcomes.peaks, [4]);
    assert_eq!(outcomes.ended(0, Outcome::Accepted), 200);
}

#[tokio::test(start_paused = true)]
async fn the_limit_of_a_phase_does_not_count_the_sessions_of_another() {
    let mut beside = phase("beside", rate(5.0), Some(5.0));
    beside.begin = Begin::With(PhaseId(0), Duration::ZERO);
    beside.max_connections = Some(2);
    let outcomes = run(plan(vec![phase("a", steady(5.0), Some(5.0)), beside], 0.1)).await;

    assert_eq!(outcomes.ended(1, Outcome::Accepted), 25);
}

#[tokio::test(start_paused = true)]
async fn a_timeout_is_a_sample_of_its_step() {
    let mut plan = plan(vec![phase("a", steady(1.0), Some(20.0))], 5.0);
    plan.targets[0].timeouts.end_of_data = seconds(2.0);
    let outcomes = run(plan).await;

    let cell = outcomes.phase(0);
    let step = cell.steps[Step::EndOfData.index()].as_ref().unwrap();
    assert_eq!(step.time.censored().unwrap().len(), cell.messages.started);
    assert_eq!(step.refused, cell.messages.started);
}

#[tokio::test(start_paused = true)]
async fn a_phase_shorter_than_a_second_has_its_peak() {
    let outcomes = run(plan(vec![phase("a", steady(5.0), Some(0.4))], 0.05)).await;

    assert_eq!(outcomes.peaks, [5]);
}

#[tokio::test(start_paused = true)]
async fn sessions_that_a_pause_held_are_taken_over_by_an_open_phase() {
    let phases = vec![
        phase("a", steady(5.0), Some(2.0)),
        phase("rest", Load::Pause, Some(30.0)),
        phase("b", rate(20.0), Some(4.0)),
    ];
    let mut plan = plan(phases, 0.1);
    plan.clients[0].messages_per_connection = CountRange::exactly(1_000_000);
    let outcomes = run(plan).await;

    assert_eq!(outcomes.sink.connections, 5);
    assert_eq!(outcomes.phase(2).sessions.opened, 0);
}

/// A server that says 421 together with its second acceptance, and closes.
async fn closing_server(far: DuplexStream) -> io::Result<()> {
    let mut stream = BufStream::new(far);
    let (mut in_text, mut taken) = (false, 0);
    stream.write_all(b"220 hi\r\n").await?;
    while taken < 2 {
        stream.flush().await?;
        let mut line = String::new();
        stream.read_line(&mut line).await?;
        let answer = match (in_text, line.trim_end()) {
            (true, ".") => {
                taken += 1;
                in_text = false;
                if taken == 2 { "250 ok\r\n421 4.3.2 enough\r\n" } else { "250 ok\r\n" }
            }
            (true, _) => "",
            (false, "") => return Ok(()),
            (false, "DATA") => {
                in_text = true;
                "354 go\r\n"
            }
            (false, _) => "250 ok\r\n",
        };
        stream.write_all(answer.as_bytes()).await?;
    }
    stream.flush().await
}

#[derive(Clone)]
struct Closing;

impl Dialer for Closing {
    type Connection = DuplexStream;

    async fn connect(&self, _: &Route) -> io::Result<DuplexStream> {
        let (near, far) = tokio::io::duplex(1 << 16);
        tokio::task::spawn_local(closing_server(far));
        Ok(near)
    }
}

#[tokio::test(start_paused = true)]
async fn a_session_that_a_421_ends_between_messages_charges_no_message() {
    let mut counted = phase("a", steady(1.0), Some(5.0));
    counted.count = Some(20);
    let mut plan = plan(vec![counted], 0.0);
    plan.messages[0].form = Form::Raw { text: "x\n".into() };

    let sum = count_at(plan, Closing).await;

    assert_eq!(sum.messages.of(Outcome::Accepted), 20, "{:?}", sum.errors);
    assert_eq!(sum.sessions.opened, 10);
    assert_eq!(sum.sessions.stale, 10);
}

/// A server that takes chunks, answers a whole window of them at once, and closes behind the
/// eighth message without a word.
async fn chunk_server(far: DuplexStream) -> io::Result<()> {
    let (heard, mut said) = tokio::io::split(far);
    let mut heard = BufReader::new(heard);
    let mut taken = 0;
    said.write_all(b"220 hi\r\n").await?;
    let mut answers = String::new();
    while taken < 8 {
        let mut line = String::new();
        heard.read_line(&mut line).await?;
        let words: Vec<&str> = line.split_whitespace().collect();
        match words[..] {
            [] => return Ok(()),
            ["BDAT", size, "LAST"] => {
                let mut text = vec![0; size.parse().unwrap()];
                heard.read_exact(&mut text).await?;
                taken += 1;
                answers += "250 taken\r\n";
            }
            ["EHLO", _] => answers += "250-hi\r\n250-PIPELINING\r\n250 CHUNKING\r\n",
            _ => answers += "250 ok\r\n",
        }
        // A pause in what comes shows that the client waits.
        if heard.buffer().is_empty() {
            tokio::time::sleep(Duration::from_millis(1)).await;
            said.write_all(std::mem::take(&mut answers).as_bytes()).await?;
        }
    }
    Ok(())
}

#[derive(Clone)]
struct Chunks;

impl Dialer for Chunks {
    type Connection = DuplexStream;

    async fn connect(&self, _: &Route) -> io::Result<DuplexStream> {
        let (near, far) = tokio::io::duplex(1 << 16);
        tokio::task::spawn_local(chunk_server(far));
        Ok(near)
    }
}

/// All that one worker counts of one phase at servers of a test's own.
async fn count_at(plan: Plan, dialer: impl Dialer) -> Cell {
    count_at_servers(plan, dialer, vec![SocketAddr::from(([127, 0, 0, 1], 1)).into()]).await
}

async fn count_at_servers(plan: Plan, dialer: impl Dialer, servers: Vec<ServerAddress>) -> Cell {
    let identity = RunIdentity { id: 1, seed: plan.seed };
    let composer = Composer::new(&plan.messages, &plan.feeds, identity).unwrap();
    let timeline = Arc::new(Timeline::new(&plan));
    let shared = Arc::new(Shared::new(Arc::new(plan), timeline, vec![servers], 1));
    let (notes, mut told) = unbounded_channel();
    let (_order, ordered) = unbounded_channel();

    let work = work(shared, composer, dialer, notes, ordered);
    LocalSet::new().run_until(work).await.unwrap();

    let mut sum = Cell::default();
    while let Ok(note) = told.try_recv() {
        if let Note::Handover(handover) = note {
            handover.cells.iter().for_each(|(_, cell)| sum.merge(cell));
        }
    }
    sum
}

#[tokio::test(start_paused = true)]
async fn a_session_found_closed_before_a_window_of_chunks_charges_no_message() {
    let mut counted = phase("a", steady(1.0), Some(5.0));
    counted.count = Some(20);
    let mut plan = plan(vec![counted], 0.0);
    plan.messages[0].form = Form::Raw { text: "x\n".into() };
    plan.clients[0].pipelining = Pipelining::Full;
    plan.clients[0].chunking = Chunking::Always;

    let sum = count_at(plan, Chunks).await;

    assert_eq!(sum.messages.of(Outcome::Accepted), 20, "{:?}", sum.errors);
    assert_eq!(sum.sessions.opened + sum.sessions.reused, 20, "{:?}", sum.sessions);
}

/// Greets, and says its next reply for ever, an octet in each second.
#[derive(Clone)]
struct Tarpit;

impl Dialer for Tarpit {
    type Connection = DuplexStream;

    async fn connect(&self, _: &Route) -> io::Result<DuplexStream> {
        let (near, mut far) = tokio::io::duplex(1 << 16);
        tokio::task::spawn_local(async move {
            far.write_all(b"220 hi\r\n").await?;
            for octet in b"250-".iter().chain(std::iter::repeat_n(&b'x', 500)) {
                tokio::time::sleep(Duration::from_secs(1)).await;
                far.write_all(&[*octet]).await?;
            }
            io::Result::Ok(())
        });
        Ok(near)
    }
}

#[tokio::test(start_paused = true)]
async fn a_reply_that_comes_octet_by_octet_gains_no_time() {
    let mut counted = phase("a", steady(1.0), Some(60.0));
    counted.count = Some(1);
    let mut plan = plan(vec![counted], 0.0);
    plan.targets[0].timeouts.reply = seconds(5.0);
    let began = Instant::now();

    let sum = count_at(plan, Tarpit).await;

    assert_eq!(sum.messages.of(Outcome::TimedOut), 1, "{:?}", sum.errors);
    assert!(began.elapsed() < seconds(70.0), "{:?}", began.elapsed());
    let ehlo = sum.steps[Step::Ehlo.index()].as_deref().unwrap();
    let age = ehlo.time.censored().unwrap().max();
    assert!((5_000_000..5_100_000).contains(&age), "{age}");
}

/// Keeps in mind from where each connection goes to where.
#[derive(Clone)]
struct Routes {
    server: Server,
    taken: Rc<RefCell<BTreeMap<String, u32>>>,
}

impl Dialer for Routes {
    type Connection = DuplexStream;

    async fn connect(&self, route: &Route) -> io::Result<DuplexStream> {
        let pair = format!("{} {}", route.from.unwrap(), route.to);
        *self.taken.borrow_mut().entry(pair).or_default() += 1;
        let (near, far) = tokio::io::duplex(1 << 16);
        let server = self.server.clone();
        tokio::task::spawn_local(async move { server.attend(far).await });
        Ok(near)
    }
}

#[tokio::test(start_paused = true)]
async fn every_server_is_reached_from_every_source_address_evenly() {
    let mut counted = phase("a", steady(1.0), Some(5.0));
    counted.count = Some(24);
    let mut plan = plan(vec![counted], 0.0);
    plan.clients[0].messages_per_connection = CountRange::exactly(1);
    let sources = ["127.0.0.5/32", "127.0.0.6/32", "::1/128", "::2/128"];
    let ranges = sources.iter().map(|range| range.parse().unwrap()).collect();
    plan.clients[0].source = Some(AddressPool::new(ranges));
    let server = Server::new(&plan.sink, plan.seed).unwrap();
    let routes = Routes { server, taken: Rc::default() };
    let servers = ["127.0.0.1:25", "[::1]:25"].map(|at| at.parse::<SocketAddr>().unwrap().into());

    count_at_servers(plan, routes.clone(), servers.into()).await;

    let taken = routes.taken.borrow().clone();
    let pairs =
        ["127.0.0.5 127.0.0.1:25", "127.0.0.6 127.0.0.1:25", "::1 [::1]:25", "::2 [::1]:25"];
    assert_eq!(taken, pairs.map(|pair| (pair.to_owned(), 6)).into());
}

#[tokio::test(start_paused = true)]
async fn what_rides_behind_a_message_that_is_cut_is_not_late() {
    let first = phase("a", steady(1.0), Some(1.0));
    let phases = vec![first, phase("b", steady(1.0), Some(5.0))];
    let mut plan = plan(phases, 100.0);
    plan.phases[0].drain = seconds(3.0);
    plan.targets[0].timeouts.reply = seconds(10.0);
    plan.targets[0].timeouts.end_of_data = seconds(20.0);
    // Leave to send the text comes only when the second phase has taken the session over.
    plan.sink.latency.push((Step::Data, Delay::Constant(seconds(1.5))));
    plan.clients[0].pipelining = Pipelining::Full;
    let outcomes = run(plan).await;

    assert_eq!(outcomes.ended(0, Outcome::Ambiguous), 1);
    assert_eq!(outcomes.ended(1, Outcome::Interrupted), 1, "{:?}", outcomes.phase(1).messages);
}
